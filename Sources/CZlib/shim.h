/* zlib for Swift, which cannot see its macros. */
#ifndef POLYHUB_CZLIB_SHIM_H
#define POLYHUB_CZLIB_SHIM_H

#include <zlib.h>

static inline int polyhub_inflate_init(z_stream *stream) { return inflateInit(stream); }
static inline int polyhub_deflate_init(z_stream *stream, int level) { return deflateInit(stream, level); }

#endif

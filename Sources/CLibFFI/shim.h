/* libffi, its type objects behind functions: Swift 6 refuses the address of a mutable C global. */
#ifndef POLYHUB_CLIBFFI_SHIM_H
#define POLYHUB_CLIBFFI_SHIM_H

#include <ffi.h>

static inline ffi_type *polyhub_ffi_void(void) { return &ffi_type_void; }
static inline ffi_type *polyhub_ffi_pointer(void) { return &ffi_type_pointer; }
static inline ffi_type *polyhub_ffi_sint32(void) { return &ffi_type_sint32; }
static inline ffi_type *polyhub_ffi_uint32(void) { return &ffi_type_uint32; }
static inline ffi_type *polyhub_ffi_sint64(void) { return &ffi_type_sint64; }
static inline ffi_type *polyhub_ffi_double(void) { return &ffi_type_double; }

#endif

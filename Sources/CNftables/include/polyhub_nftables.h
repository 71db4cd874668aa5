/* libnftables, reduced to what is used. Its own header defines _GNU_SOURCE, which Swift refuses. */
#ifndef POLYHUB_NFTABLES_H
#define POLYHUB_NFTABLES_H

#include <stddef.h>

/* Runs `commands` (the language of nft(8), NUL-terminated) as one transaction; 0 if it was done. Else
 * writes what libnftables says, NUL-terminated and cut to `capacity`, into `error`. [any thread] */
int nftables_run(const char *commands, char *error, size_t capacity);

#endif

/* TCP sockets. Failures are negative errno values; -EAGAIN where the call would have blocked. */
#ifndef CLINUX_STREAM_H
#define CLINUX_STREAM_H

#include <polyhub/pa_packet.h>
#include <stdint.h>

/* A listening socket; `bound` tells where. */
int clinux_listener_open(const pa_address_v1 *local, int reuse_port, pa_address_v1 *bound);
/* A connection without delays and with keep-alive. */
int clinux_accept(int listener, pa_address_v1 *remote, pa_address_v1 *local);

/* Octets, 0 at the end of the stream. */
int64_t clinux_stream_read(int fd, void *start, uint64_t capacity);
/* The next octet, which is left where it is; CLINUX_STREAM_END at the end of the stream. */
int64_t clinux_stream_peek(int fd);
#define CLINUX_STREAM_END 256
/* Octets that the kernel took of the slices, which are at most CLINUX_STREAM_SLICES. */
int64_t clinux_stream_write(int fd, const pa_slice_v1 *slices, uint32_t count);
#define CLINUX_STREAM_SLICES 256u

void clinux_stream_finish(int fd);
/* Closes with a reset, so that the peer hears of it at once. */
void clinux_stream_reset(int fd);

int clinux_is_retry(int64_t result);

#endif

/* Which socket of a SO_REUSEPORT group receives what a peer sends: a table in the kernel, looked up by an
 * eBPF program of type SK_REUSEPORT. Peers that are not in it go where the kernel's hash of the
 * flow takes them.
 * Failures are negative errno values. */
#ifndef CLINUX_STEERING_H
#define CLINUX_STEERING_H

#include <polyhub/pa_packet.h>
#include <stdint.h>

/* Peers that are remembered; those that sent least lately are forgotten. */
#define CLINUX_STEERED_PEERS 16384

/* File descriptors of the program and its tables. */
typedef struct clinux_steering {
    int peers, sockets, program;
} clinux_steering;

/* Steers for the group of these sockets. They have one port and, in the order given, the indices 0 to
 * `count` - 1. Needs CAP_BPF and CAP_NET_ADMIN, or root. */
int clinux_steering_open(clinux_steering *steering, const int *fds, uint32_t count);
void clinux_steering_close(clinux_steering *steering);

/* [any thread] What comes from the peer's address and port goes to the socket with this index from now on. */
int clinux_steer(const clinux_steering *steering, const pa_address_v1 *peer, uint32_t index);

#endif

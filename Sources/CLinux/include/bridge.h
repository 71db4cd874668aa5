/* Devices at which a hub meets the host's network: TAP devices, packet sockets, socket pairs. Linux only.
 * Every function gives a negative errno where it fails, and may be called on any thread. */
#ifndef POLYHUB_BRIDGE_H
#define POLYHUB_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a network card may do to frames so that they are no longer what stood on the wire. */
#define BRIDGE_OFFLOAD_GRO 1u
#define BRIDGE_OFFLOAD_LRO 2u

#define BRIDGE_BATCH 64

/* Opens TAP device `name`, making it if there is none; a nonblocking descriptor, one frame a read. */
int bridge_open_tap(const char *name);

/* Opens a packet socket for all frames of interface `index` but those that it sends itself, promiscuous,
 * nonblocking. The interface stops being promiscuous when the descriptor is closed. */
int bridge_open_packet_socket(int index);

/* Opens a packet socket of interface `index` that receives nothing, and before each frame that is sent takes
 * a virtio_net_hdr: a message may be several segments. */
int bridge_open_sending_socket(int index);

/* The one for all frames, without the promiscuity, for DHCP messages to a server alone (UDP port 67, not
 * fragmented). */
int bridge_open_dhcp_socket(int index);

/* Both ends nonblocking, one frame a message; each end holds about `bytes` of frames not read yet. */
int bridge_open_pair(int ends[2], int bytes);

/* A UDP socket that holds a port of one interface and is never read. */
int bridge_hold_udp_port(const char *interface, uint16_t port);

int bridge_interface_mtu(const char *name);
int bridge_set_interface_mtu(const char *name, int mtu);
int bridge_interface_up(const char *name);
bool bridge_interface_is_ethernet(const char *name);
/* Writes six octets. */
int bridge_interface_mac(const char *name, uint8_t mac[6]);
int bridge_set_interface_mac(const char *name, const uint8_t mac[6]);
bool bridge_interface_has_address(const char *name);
/* Address and mask in host byte order. */
int bridge_set_interface_address(const char *name, uint32_t address, uint32_t mask);

/* Those offloads that are on. One that the driver does not know is off. */
unsigned bridge_offloads(const char *name);
/* Switches each of `which`; gives no error, ask bridge_offloads what came of it. */
void bridge_switch_offloads(const char *name, unsigned which, bool on);

/* One frame's place. `length` is what was received; 0 for a frame that did not fit and was dropped. */
struct bridge_slot {
    void *start;
    uint32_t capacity;
    uint32_t length;
};

/* Receives up to `count` frames (at most BRIDGE_BATCH are taken); 0 if there are none now. Of a packet socket
 * frames come as they stood on the wire: a VLAN tag that the kernel took off is put back, and a checksum that
 * the sender left to its network card is computed. -EPIPE: the other end of a socket pair is closed.
 * -ENETDOWN, once: the interface went down; frames come again when it is up. */
int bridge_receive(int descriptor, struct bridge_slot *slots, unsigned count);

/* Sends one frame. -EAGAIN or -ENOBUFS: the queue is full, drop it. */
int bridge_send(int descriptor, const void *frame, size_t length);

#endif

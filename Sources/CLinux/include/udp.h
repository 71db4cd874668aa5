/* Batches of datagrams: recvmmsg with UDP GRO, sendmmsg with UDP GSO, destination addresses, lane pinning.
 * Failures are negative errno values. Nothing here locks; a socket and its batches belong to one thread. */
#ifndef CLINUX_UDP_H
#define CLINUX_UDP_H

#include <polyhub/pa_packet.h>
#include <stdint.h>

/* What a lane counts. Only the lane's thread writes. */
typedef struct clinux_counters {
    uint64_t turns, waits;
    uint64_t receive_calls, received_messages, received_datagrams, received_octets;
    uint64_t send_calls, sent_messages, sent_datagrams, sent_octets;
    uint64_t truncated, unsent_full, unsent_error, unsent_address, segment_fallbacks, receive_errors;
    uint64_t steered;
    uint64_t ring_sent, ring_received, ring_full;
    uint64_t arena_exhausted, foreign;
} clinux_counters;

#define CLINUX_HEADROOM 256
#define CLINUX_TAILROOM 256
#define CLINUX_MESSAGES 64
/* The most segments of one coalesced message (UDP_MAX_SEGMENTS of Linux 6.9, which doubled it). */
#define CLINUX_SEGMENTS 128

/* The receive buffers of a lane: 64 messages of 64 KiB with room around them. */
typedef struct clinux_receiver clinux_receiver;
clinux_receiver *clinux_receiver_new(void);
void clinux_receiver_free(clinux_receiver *receiver);
/* 1 if the address lies in its buffers. */
int clinux_receiver_holds(const clinux_receiver *receiver, const void *address);

/* The prebuilt message headers with which a lane sends. */
typedef struct clinux_sender clinux_sender;
clinux_sender *clinux_sender_new(void);
void clinux_sender_free(clinux_sender *sender);

#define CLINUX_UDP 0u
#define CLINUX_RAW 1u

/* A datagram that waits for the end of the turn. */
typedef struct clinux_outgoing {
    uint8_t *start;
    uint32_t length;
    uint32_t reserved;
    pa_address_v1 remote;
    pa_address_v1 local;
} clinux_outgoing;

typedef struct clinux_socket {
    int fd;
    uint8_t kind;     /* CLINUX_UDP, CLINUX_RAW */
    uint8_t wildcard; /* bound to no address: packets tell theirs */
    uint8_t gro;      /* the kernel coalesces what arrives */
    uint8_t gso;      /* the kernel segments what leaves */
    uint32_t gso_ceiling; /* the largest segment that the kernel accepted or was not yet asked for */
    uint32_t depth;   /* messages asked for in the next receive call */
    pa_address_v1 local;
    clinux_outgoing *queue;
    uint32_t queued, capacity;
} clinux_socket;

#define CLINUX_REUSE_PORT 1u
#define CLINUX_NO_GRO 2u
#define CLINUX_NO_GSO 4u

/* Opens and binds; `protocol` is that of a raw socket. The caller closes what was opened. */
int clinux_socket_open(clinux_socket *socket, uint8_t kind, int protocol, const pa_address_v1 *local,
                       uint32_t flags, int buffer_octets);
void clinux_socket_close(clinux_socket *socket);

/* Refuses an address at which somebody else receives already, which SO_REUSEPORT would hide. */
int clinux_probe(const pa_address_v1 *local, int is_stream);

/* Sends what comes from one source address to the reuseport socket number hash(address) % count. */
int clinux_pin_by_source(int fd, uint8_t family, uint32_t count);
/* Lets a raw socket receive only what hashes to `index`. */
int clinux_filter_by_source(int fd, uint8_t family, uint32_t count, uint32_t index);
/* The same hash. */
uint32_t clinux_source_hash(const pa_address_v1 *source);

/* Receives one batch into the lane's buffers: their count, 0 when there is nothing. */
int clinux_receive(clinux_receiver *receiver, clinux_socket *socket, clinux_counters *counters);
pa_datagram_v1 *clinux_received(clinux_receiver *receiver);

/* Queues datagrams, and sends at once when the queue is full. Payloads are lent until the flush. */
void clinux_enqueue(clinux_socket *socket, clinux_sender *sender, const pa_datagram_v1 *datagrams,
                    uint32_t count, clinux_counters *counters);
void clinux_flush(clinux_socket *socket, clinux_sender *sender, clinux_counters *counters);

/* Addresses as text. Parsing takes a numeric address, with a zone for IPv6; 0 or -EINVAL. */
int clinux_address_parse(const char *text, pa_address_v1 *address);
int clinux_address_text(const pa_address_v1 *address, char *text, int capacity);

#endif

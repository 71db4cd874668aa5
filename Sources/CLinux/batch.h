/* The memory of a lane's batches, for the C files of this target. Linux only. */
#ifndef CLINUX_BATCH_H
#define CLINUX_BATCH_H

#include "address.h"
#include "udp.h"

#include <sys/uio.h>

#define MESSAGE_OCTETS 65536
/* An odd number of cache lines, so that the first lines of the buffers do not share a cache set. */
#define STRIDE (CLINUX_HEADROOM + MESSAGE_OCTETS + CLINUX_TAILROOM + 64)
/* Wanted at most in one batch: about half a megabyte, which the second-level cache holds. */
#define WANTED_DATAGRAMS 256

struct clinux_receiver {
    struct mmsghdr headers[CLINUX_MESSAGES];
    struct iovec vectors[CLINUX_MESSAGES];
    clinux_name names[CLINUX_MESSAGES];
    pa_address_v1 remotes[CLINUX_MESSAGES];
    pa_address_v1 locals[CLINUX_MESSAGES];
    _Alignas(8) uint8_t control[CLINUX_MESSAGES][128];
    pa_datagram_v1 datagrams[CLINUX_MESSAGES * CLINUX_SEGMENTS];
    pa_slice_v1 frames[CLINUX_MESSAGES];
    uint8_t *buffers;
};

#define ROW_SEGMENTS 64
#define ROW_OCTETS 65000
/* Messages that are looked through for one of the same flow: traffic of several clients comes interleaved. */
#define LOOK_BACK 8

/* One message that is being put together. */
typedef struct row {
    const clinux_outgoing *first;
    uint32_t segment, octets, segments;
    int is_open;
    socklen_t address_control; /* of the control octets, those that name the source address */
} row;

/* A TCP segment in a frame; all offsets are from the frame's start. */
typedef struct segment {
    const uint8_t *frame;
    uint32_t transport, head, payload, sequence;
    int is_ipv6, is_plain;
} segment;

/* Segments of one flow that leave together. `octets`: of their frames; `next`: the number that would continue
 * them. */
typedef struct segment_row {
    segment first;
    uint32_t octets, segments, next;
    int is_open, is_checked, is_pushed;
} segment_row;

/* Of the headers of a row: what the kernel is told, Ethernet, IPv6, TCP with all its options. */
#define SEGMENT_HEAD 128

/* What a message carries. */
typedef struct load {
    uint32_t datagrams, octets;
} load;

struct clinux_sender {
    struct mmsghdr headers[CLINUX_MESSAGES];
    struct iovec vectors[CLINUX_MESSAGES][ROW_SEGMENTS];
    clinux_name names[CLINUX_MESSAGES];
    _Alignas(8) uint8_t control[CLINUX_MESSAGES][96];
    row rows[CLINUX_MESSAGES];
    segment_row segment_rows[CLINUX_MESSAGES];
    uint8_t heads[CLINUX_MESSAGES][SEGMENT_HEAD];
    load loads[CLINUX_MESSAGES];
};

/* Sends the messages from `at` on as they are; one that is refused is dropped, those behind it are tried.
 * Returns `count`, or where a message of several datagrams stands that is not taken as one. */
uint32_t clinux_batch_send(clinux_sender *sender, int fd, uint32_t at, uint32_t count,
                           clinux_counters *counters);

/* Sends one message; what is not taken is dropped. */
void clinux_message_send(int fd, const struct msghdr *header, load carried, clinux_counters *counters);

#endif

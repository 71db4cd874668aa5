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

struct clinux_sender {
    struct mmsghdr headers[CLINUX_MESSAGES];
    struct iovec vectors[CLINUX_MESSAGES][ROW_SEGMENTS];
    clinux_name names[CLINUX_MESSAGES];
    _Alignas(8) uint8_t control[CLINUX_MESSAGES][96];
    row rows[CLINUX_MESSAGES];
};

#endif

/* Packets and addresses: the values that travel in batches between host and module.
 *
 * These small structs stand in arrays on the data path, so they carry no size field of their own; their
 * layout is pinned by layout.c like that of every struct here and never changes under its name.
 */
#ifndef POLYHUB_PA_PACKET_H
#define POLYHUB_PA_PACKET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Octets that are lent, never owned: valid until the lane's turn ends, to be changed in place.
 * `headroom` octets before `start` and `tailroom` octets behind `start + length` may be written too. */
typedef struct pa_slice_v1 {
    uint8_t *start;
    uint32_t length;
    uint16_t headroom;
    uint16_t tailroom;
} pa_slice_v1;

#define PA_FAMILY_NONE 0
#define PA_FAMILY_IPV4 4
#define PA_FAMILY_IPV6 6

/* A transport address. An IPv4 address fills the first four octets; the rest is zero. */
typedef struct pa_address_v1 {
    uint8_t family;    /* PA_FAMILY_* */
    uint8_t reserved;  /* zero */
    uint16_t port;     /* host byte order; zero for raw IP */
    uint32_t scope;    /* IPv6 zone index of a link-local address, else zero */
    uint8_t octets[16];/* network byte order */
} pa_address_v1;

/* One datagram of a batch. The addresses are lent for as long as the payload. */
typedef struct pa_datagram_v1 {
    pa_slice_v1 payload;
    const pa_address_v1 *remote; /* who sent it, or who shall get it */
    const pa_address_v1 *local;  /* the address that it was sent to, or shall leave from; NULL: any */
} pa_datagram_v1;

#ifdef __cplusplus
}
#endif
#endif

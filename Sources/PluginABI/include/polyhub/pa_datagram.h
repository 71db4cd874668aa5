/* pa.datagram/1: UDP and raw IP, in batches.
 *
 * The listeners of plugins.conf (udp://ADDRESS:PORT, ip://ADDRESS:PROTOCOL) are opened on every lane; the
 * handle of a listener is the same on all of them. The payload of raw IP begins behind the IP header.
 */
#ifndef POLYHUB_PA_DATAGRAM_H
#define POLYHUB_PA_DATAGRAM_H

#include "pa_core.h"
#include "pa_packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_DATAGRAM "pa.datagram/1"

/* How the flows of a listener are pinned to lanes. */
#define PA_PIN_FLOW 1u   /* by remote address and port */
#define PA_PIN_SOURCE 2u /* by remote address alone: IPsec, whose port floats from 500 to 4500 */

typedef uint64_t pa_socket; /* a listener; 0 is none */

/* What the host gives. */
typedef struct pa_datagram_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Queues a batch. The addresses are copied; the payloads are not: they stay untouched by the
     * module until the turn ends. Datagrams that the kernel has no room for are dropped and counted. */
    pa_status (*send)(pa_lane *lane, pa_socket socket, const pa_datagram_v1 *batch, uint32_t count);
    /* [lane] The same for payloads that do not live so long: they are copied. At most 65507 octets each. */
    pa_status (*send_copy)(pa_lane *lane, pa_socket socket, const pa_datagram_v1 *batch, uint32_t count);
    /* [lane] Gives a received datagram to lane `index`, where `received` is called with a copy of it. When a
     * peer's datagrams are handed over again and again, the host may have the kernel bring the next ones
     * there at once. */
    pa_status (*hand_over)(pa_lane *lane, uint32_t index, pa_socket socket, const pa_datagram_v1 *datagram);
    /* [control] Opens one more listener; `url` as in plugins.conf, port 0 takes any free one. It stays
     * when plugins.conf is read again, until `close` or the module's end. Sets *socket. */
    pa_status (*open)(pa_host *host, const char *url, uint32_t pinning, pa_socket *socket);
    /* [control] */
    pa_status (*close)(pa_host *host, pa_socket socket);
    /* [control] The address that the listener is bound to. */
    pa_status (*local_address)(pa_host *host, pa_socket socket, pa_address_v1 *address);
} pa_datagram_host_v1;

/* What the module gives. */
typedef struct pa_datagram_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] How a listener of plugins.conf shall be pinned: PA_PIN_*. */
    uint32_t (*pinning)(void *state, const char *url);
    /* [lane] A listener was opened; before its first `received`. */
    void (*listening)(void *lane_state, pa_socket socket, const pa_address_v1 *local);
    /* [lane] A batch, lent until the turn ends, to be changed in place. Payloads of one batch may stand next
     * to each other: nothing outside of a slice and its headroom and tailroom may be written. */
    void (*received)(void *lane_state, pa_socket socket, pa_datagram_v1 *batch, uint32_t count);
} pa_datagram_module_v1;

#ifdef __cplusplus
}
#endif
#endif

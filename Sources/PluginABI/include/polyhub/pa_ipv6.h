/* pa.ipv6/1: IPv6 of a layer-3 session, beside the IPv4 that pa.session/1 opens it with.
 *
 * The packets of both are exchanged by `receive` and `transmit` of pa.session/1. A session for which nothing
 * here is called has no IPv6: the host drops such packets both ways.
 */
#ifndef POLYHUB_PA_IPV6_H
#define POLYHUB_PA_IPV6_H

#include "pa_session.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_IPV6 "pa.ipv6/1"

/* What a client has of IPv6, from router advertisements and DHCPv6. Lent for the length of the call. */
typedef struct pa_ipv6_parameters_v1 {
    uint32_t size;
    uint32_t prefix;           /* length of the prefix around the address that is on the hub itself */
    pa_address_v1 address;     /* the one to be used; PA_FAMILY_NONE: none */
    pa_address_v1 gateway;     /* a router's link-local address; PA_FAMILY_NONE: none */
    const pa_address_v1 *dns;
    const pa_route_v1 *routes; /* prefixes whose hosts are on the hub itself; no gateways */
    uint32_t dns_count;
    uint32_t route_count;
    uint32_t mtu;              /* of the hub's network; 0: not said */
    uint32_t reserved;
    const char *domain;        /* the first of the search list, or NULL */
} pa_ipv6_parameters_v1;

/* What the host gives. */
typedef struct pa_ipv6_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] The client shall be told an address, which the host gets for it. To be called with the ticket of
     * `pa_session_host_v1.open` before the call of the module returns in which that was called. The opening
     * is not delayed where the hub has no IPv6. */
    pa_status (*lease)(pa_lane *lane, pa_ticket opening);
    /* [lane] The client has a link of its own, on which it forms its addresses itself, of router
     * advertisements that the host sends it by `transmit`. `own` and `peer` are the interface identifiers of
     * both ends, unequal and not 0, as RFC 5072 negotiates them. Again: another link, without addresses. */
    pa_status (*link)(pa_lane *lane, pa_session session, uint64_t own, uint64_t peer);
} pa_ipv6_host_v1;

/* What the module gives. */
typedef struct pa_ipv6_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] What the client has of IPv6 is now this; NULL: nothing any more. With `lease`, what is there
     * when the session opens comes before `opened`; later whenever it changes, until the session ends. */
    void (*changed)(void *lane_state, uint64_t token, const pa_ipv6_parameters_v1 *parameters);
} pa_ipv6_module_v1;

#ifdef __cplusplus
}
#endif
#endif

/* pa.ipv6-link/1: what the host must know before a session whose client will have a link of its own.
 *
 * A hub's routers may leave addresses to DHCPv6 alone. The client of such a link then gets the address that
 * the host leases for it: it may ask the host by DHCPv6 on its link, or form the address itself of the prefix
 * that the host announces. The latter takes an interface identifier that is the lower half of the address,
 * which the module should offer the client when they negotiate it.
 */
#ifndef POLYHUB_PA_IPV6_LINK_H
#define POLYHUB_PA_IPV6_LINK_H

#include "pa_ipv6.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_IPV6_LINK "pa.ipv6-link/1"

/* What the host gives. */
typedef struct pa_ipv6_link_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] `link` of pa.ipv6/1 will follow once the session is open. To be called as `lease` is, and not
     * beside it; without it, a leased address is told too late for the negotiation. An address that
     * `changed` of pa.ipv6/1 tells before `opened` is a leased one; on a hub that leases none it tells of no
     * address. */
    pa_status (*expect)(pa_lane *lane, pa_ticket opening);
} pa_ipv6_link_host_v1;

#ifdef __cplusplus
}
#endif
#endif

/* pa.permission/1: what somebody asks for beside a place on his hub, before his session is opened.
 *
 * The host decides by the policy of the user; the module tells the client in its protocol's words.
 */
#ifndef POLYHUB_PA_PERMISSION_H
#define POLYHUB_PA_PERMISSION_H

#include "pa_auth.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_PERMISSION "pa.permission/1"

/* Kinds. One that the host does not know is refused. */
#define PA_PERMISSION_BRIDGE 1u  /* to join a network of his own to the hub */
/* To be given all frames of the hub, and to send none. Where it is granted, the session that the identity
 * opens, at layer 2, is a monitor's. */
#define PA_PERMISSION_MONITOR 2u

typedef struct pa_permission_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Whether who was accepted as `identity`, and has no session yet, may have that. PA_ERROR_REFUSED:
     * he may not, and the hub's security log says that `protocol` asked for it from `remote`; the identity
     * stays to be released. */
    pa_status (*ask)(
        pa_lane *lane, pa_identity identity, uint32_t kind, const pa_address_v1 *remote,
        const char *protocol);
} pa_permission_host_v1;

#ifdef __cplusplus
}
#endif
#endif

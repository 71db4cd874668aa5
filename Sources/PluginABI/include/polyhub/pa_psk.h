/* pa.psk/1: the secrets that hubs and users have in common with IPsec peers.
 *
 * They are few, and wanted while a handshake goes on that waits for nobody: so the module is given all of
 * them, and told when there are others.
 */
#ifndef POLYHUB_PA_PSK_H
#define POLYHUB_PA_PSK_H

#include "pa_core.h"
#include "pa_packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_PSK "pa.psk/1"

typedef struct pa_psk_v1 {
    /* What the peer calls itself in phase 1, as administrators write it; capital letters do not matter. A
     * peer of that name has this key and no other one, and no two keys have the same name. Empty: the key is
     * for peers whose name has none, and lets them into this hub alone, or into all
     * hubs that have the same one. */
    pa_octets_v1 identity;
    pa_octets_v1 key;
    const char *hub; /* where the key leads to, as pa_verdict_v1 spells it */
} pa_psk_v1;

/* What the host gives. */
typedef struct pa_psk_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] Sets *keys to an array of `count`, lent until the next call of this table. */
    pa_status (*keys)(pa_host *host, const pa_psk_v1 **keys, uint32_t *count);
} pa_psk_host_v1;

/* What the module gives. */
typedef struct pa_psk_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] The keys are others: fetch them again for new handshakes. */
    pa_status (*changed)(void *state);
} pa_psk_module_v1;

#ifdef __cplusplus
}
#endif
#endif

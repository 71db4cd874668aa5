/* pa.certificate/1: the server's own certificate, for protocols that carry TLS or IKE inside of
 * themselves. */
#ifndef POLYHUB_PA_CERTIFICATE_H
#define POLYHUB_PA_CERTIFICATE_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_CERTIFICATE "pa.certificate/1"

typedef struct pa_certificate_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] PEM, all lent until the next call of this table: the chain that the server presents (leaf
     * first), its private key, and what a client must trust to accept the chain. */
    pa_status (*server)(pa_host *host, pa_octets_v1 *chain, pa_octets_v1 *key, pa_octets_v1 *trust);
    /* [control] The address or name that clients shall use to reach this server, for profiles.
     * NUL-terminated, lent until the next call of this table. */
    pa_status (*public_name)(pa_host *host, const char **name);
} pa_certificate_host_v1;

/* What the module gives. */
typedef struct pa_certificate_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] The certificate was replaced: fetch it again for new connections. */
    pa_status (*changed)(void *state);
} pa_certificate_module_v1;

#ifdef __cplusplus
}
#endif
#endif

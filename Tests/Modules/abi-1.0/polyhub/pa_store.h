/* pa.store/1: what a module must still know after a restart (a key that was handed out in profiles, say).
 *
 * Small named values in the server's database, encrypted at rest, apart for each module.
 */
#ifndef POLYHUB_PA_STORE_H
#define POLYHUB_PA_STORE_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_STORE "pa.store/1"

typedef struct pa_store_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] *value is lent until the next call of this table. PA_ERROR_STATE: there is none of that
     * name. */
    pa_status (*get)(pa_host *host, const char *name, pa_octets_v1 *value);
    /* [control] At most 65536 octets; on disk when it returns. An empty value removes the name. */
    pa_status (*put)(pa_host *host, const char *name, pa_octets_v1 value);
} pa_store_host_v1;

#ifdef __cplusplus
}
#endif
#endif

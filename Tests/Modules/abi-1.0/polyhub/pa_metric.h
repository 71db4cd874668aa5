/* pa.metric/1: counters and gauges of a module, shown by `status` and exported with the host's own. */
#ifndef POLYHUB_PA_METRIC_H
#define POLYHUB_PA_METRIC_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_METRIC "pa.metric/1"

#define PA_METRIC_COUNTER 1u /* only grows */
#define PA_METRIC_GAUGE 2u   /* goes up and down */

typedef struct pa_metric_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] Names follow `[a-z][a-z0-9_]*`, at most 64 octets; at most 256 metrics a module. Sets
     * *metric. The same name gives the same metric again. */
    pa_status (*declare)(pa_host *host, const char *name, uint32_t kind, const char *help, uint32_t *metric);
    /* [lane] Adds to this lane's share; the host shows the sum over all lanes. */
    void (*add)(pa_lane *lane, uint32_t metric, int64_t amount);
} pa_metric_host_v1;

#ifdef __cplusplus
}
#endif
#endif

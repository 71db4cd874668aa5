/* pa.thread-check/1: on which kind of thread am I? For assertions in modules. */
#ifndef POLYHUB_PA_THREAD_CHECK_H
#define POLYHUB_PA_THREAD_CHECK_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_THREAD_CHECK "pa.thread-check/1"

typedef struct pa_thread_check_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [any] 1 on the thread of that lane, else 0. */
    uint32_t (*is_lane)(pa_lane *lane);
    /* [any] 1 inside a [control] call of the host, else 0. */
    uint32_t (*is_control)(pa_host *host);
} pa_thread_check_host_v1;

#ifdef __cplusplus
}
#endif
#endif

/* pa.timer/1: the time, timers and random octets. A module reads no clock of its own. */
#ifndef POLYHUB_PA_TIMER_H
#define POLYHUB_PA_TIMER_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_TIMER "pa.timer/1"

/* What the host gives. */
typedef struct pa_timer_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Nanoseconds on a monotonic clock, the same throughout one turn. */
    uint64_t (*now)(pa_lane *lane);
    /* [lane] Seconds since 1970-01-01 UTC, for what is compared between machines. May jump. */
    int64_t (*wall_seconds)(pa_lane *lane);
    /* [lane] Calls `expired` with `token` once, at or after `at` (as `now` counts). Arming a token again
     * moves it. */
    pa_status (*arm)(pa_lane *lane, uint64_t token, uint64_t at);
    /* [lane] An unarmed token is no error. */
    pa_status (*disarm)(pa_lane *lane, uint64_t token);
    /* [any] Fills `octets` from the system's cryptographic generator. */
    pa_status (*random)(pa_host *host, uint8_t *octets, size_t count);
} pa_timer_host_v1;

/* What the module gives. */
typedef struct pa_timer_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] */
    void (*expired)(void *lane_state, uint64_t token);
} pa_timer_module_v1;

#ifdef __cplusplus
}
#endif
#endif

/* pa.log/1: lines for the server's log. Lifecycle only; never per packet, never a secret. */
#ifndef POLYHUB_PA_LOG_H
#define POLYHUB_PA_LOG_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_LOG "pa.log/1"

#define PA_LOG_DEBUG 1u
#define PA_LOG_INFO 2u
#define PA_LOG_WARN 3u  /* an operator should look */
#define PA_LOG_ERROR 4u /* something does not work */

typedef struct pa_log_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [any] Whether a line of that level would be kept. */
    uint32_t (*is_enabled)(pa_host *host, uint32_t level);
    /* [any] One line of UTF-8, best as key=value. Copied; control characters are escaped. */
    void (*write)(pa_host *host, uint32_t level, const char *line);
} pa_log_host_v1;

#ifdef __cplusplus
}
#endif
#endif

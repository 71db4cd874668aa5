/* pa.option/1: the module's section of plugins.conf.
 *
 * The module declares what it accepts; the host checks plugins.conf against that before the module sees
 * anything, so a fault is told to the administrator with file, line, key and what would be accepted.
 */
#ifndef POLYHUB_PA_OPTION_H
#define POLYHUB_PA_OPTION_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_OPTION "pa.option/1"

#define PA_OPTION_STRING 1u
#define PA_OPTION_INTEGER 2u
#define PA_OPTION_BOOLEAN 3u
#define PA_OPTION_STRINGS 4u /* a list of strings */

#define PA_OPTION_LIVE 1u   /* a change needs no reload of the module */
#define PA_OPTION_SECRET 2u /* never shown, never logged */

/* One option that the module accepts. */
typedef struct pa_option_v1 {
    uint32_t size;
    uint32_t type;  /* PA_OPTION_STRING... */
    uint32_t flags; /* PA_OPTION_LIVE, PA_OPTION_SECRET */
    uint32_t reserved;
    const char *key;
    /* What applies where it is left out, as text without quotes, a list with commas; NULL: nothing. */
    const char *fallback;
    const char *accepts;  /* for people: "0 (never) to 86400, in seconds" */
    const char *help;     /* one sentence */
    int64_t minimum;      /* of an integer */
    int64_t maximum;
} pa_option_v1;

/* What the host gives. Texts are lent until `stop`, or until `changed` was called for them. */
typedef struct pa_option_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [control] PA_ERROR_ARGUMENT: not declared, or of another type. PA_ERROR_STATE: left out and no
     * fallback. */
    pa_status (*string)(pa_host *host, const char *key, const char **value);
    pa_status (*integer)(pa_host *host, const char *key, int64_t *value);
    pa_status (*boolean)(pa_host *host, const char *key, uint32_t *value);
    pa_status (*strings)(pa_host *host, const char *key, const char *const **values, uint32_t *count);
} pa_option_host_v1;

/* What the module gives. */
typedef struct pa_option_module_v1 {
    uint32_t size;
    uint32_t count;
    const pa_option_v1 *const *options; /* `count` of them, constant */
    /* [control] Options with PA_OPTION_LIVE have changed: read them again. An error keeps the old ones. */
    pa_status (*changed)(void *state);
} pa_option_module_v1;

#ifdef __cplusplus
}
#endif
#endif

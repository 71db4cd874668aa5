/* pa.command/1: typed administrative functions that `polyhubctl module call` reaches through libffi.
 *
 * A function has the C signature that its declaration tells: the module's state first, then its arguments.
 * PA_TYPE_STRING is const char * (NUL-terminated UTF-8), INTEGER is int64_t, DOUBLE is double, BOOLEAN is
 * uint32_t.
 */
#ifndef POLYHUB_PA_COMMAND_H
#define POLYHUB_PA_COMMAND_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_COMMAND "pa.command/1"

#define PA_TYPE_NOTHING 0u /* of a result alone */
#define PA_TYPE_STRING 1u
#define PA_TYPE_INTEGER 2u
#define PA_TYPE_DOUBLE 3u
#define PA_TYPE_BOOLEAN 4u

#define PA_COMMAND_ARGUMENTS 8 /* at most */

typedef struct pa_argument_v1 {
    uint32_t size;
    uint32_t type; /* PA_TYPE_* but NOTHING */
    const char *name;
    const char *help;
} pa_argument_v1;

typedef struct pa_command_v1 {
    uint32_t size;
    uint32_t result; /* PA_TYPE_* */
    const char *name;
    const char *help; /* one sentence */
    const pa_argument_v1 *const *arguments;
    uint32_t argument_count;
    uint32_t reserved;
    /* [control] Fails by calling the host's `explain` before it returns. A string result is lent until the
     * module's next command is called; NULL counts as a failure. */
    void (*function)(void);
} pa_command_v1;

/* What the module gives. */
typedef struct pa_command_module_v1 {
    uint32_t size;
    uint32_t count;
    const pa_command_v1 *const *commands; /* `count` of them, constant */
} pa_command_module_v1;

#ifdef __cplusplus
}
#endif
#endif

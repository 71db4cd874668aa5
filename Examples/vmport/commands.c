/* What an administrator can call: `polyhubctl module call vmport COMMAND [ARG...]`.
 *
 * The host has checked number and types of the arguments before it calls. A function here is called with the
 * C signature that its declaration tells, on the thread of control, one at a time.
 */
#include <stdio.h>
#include "vmport.h"

/* A command fails by an explanation; what it returns is not looked at then. */
static machine *find(vmport *module, const char *name) {
    char sentence[160];
    machine *found = machine_named(module, name);
    if (found) return found;
    snprintf(sentence, sizeof sentence, "\"%.64s\" is none of the machines that plugins.conf lists", name);
    module->host->explain(module->host->host, sentence);
    return NULL;
}

static const char *list_machines(void *state) {
    vmport *module = state;
    size_t used = 0;
    module->answer[0] = 0;
    for (uint32_t i = 0; i < module->machine_count; i++) {
        machine *each = &module->machines[i];
        used += (size_t)snprintf(
            module->answer + used, sizeof module->answer - used, "%s%s %s%s, %llu frames in, %llu out",
            i ? "\n" : "", each->name, atomic_load(&each->is_joined) ? "joined" : "away",
            atomic_load(&each->is_paused) ? ", paused" : "",
            (unsigned long long)atomic_load(&each->frames_in),
            (unsigned long long)atomic_load(&each->frames_out));
    }
    return module->answer;
}

static int64_t frames(void *state, const char *name) {
    machine *found = find(state, name);
    return found ? (int64_t)(atomic_load(&found->frames_in) + atomic_load(&found->frames_out)) : 0;
}

static uint32_t pause_machine(void *state, const char *name, uint32_t is_paused) {
    machine *found = find(state, name);
    return found ? atomic_exchange(&found->is_paused, is_paused) : 0;
}

static double limit_machine(void *state, const char *name, double megabits) {
    vmport *module = state;
    machine *found = find(module, name);
    if (!found) return 0;
    if (megabits < 0) {
        module->host->explain(module->host->host, "a limit is 0 (none) or more, in Mbit/s");
        return 0;
    }
    return atomic_exchange(&found->limit, megabits);
}

static int64_t set_silence(void *state, int64_t seconds) {
    vmport *module = state;
    if (seconds < 0 || seconds > 86400) {
        module->host->explain(module->host->host, "silence is 0 (never) to 86400, in seconds");
        return 0;
    }
    return atomic_exchange(&module->silence, seconds);
}

/* ---- their declarations ---- */

static const pa_argument_v1 which = {sizeof which, PA_TYPE_STRING, "MACHINE", "as plugins.conf lists it"};
static const pa_argument_v1 whether = {sizeof whether, PA_TYPE_BOOLEAN, "PAUSED", "true or false"};
static const pa_argument_v1 megabits = {sizeof megabits, PA_TYPE_DOUBLE, "MBITS", "Mbit/s; 0 lifts it"};
static const pa_argument_v1 seconds = {sizeof seconds, PA_TYPE_INTEGER, "SECONDS", "0: never"};

static const pa_argument_v1 *const one[] = {&which};
static const pa_argument_v1 *const pausing[] = {&which, &whether};
static const pa_argument_v1 *const limiting[] = {&which, &megabits};
static const pa_argument_v1 *const waiting[] = {&seconds};

#define COMMAND(result, name, help, arguments, count, function) \
    {sizeof(pa_command_v1), result, name, help, arguments, count, 0, (void (*)(void))function}

static const pa_command_v1 declared[] = {
    COMMAND(PA_TYPE_STRING, "machines", "Who has joined, with frames in and out.", NULL, 0, list_machines),
    COMMAND(PA_TYPE_INTEGER, "frames", "How many frames a machine has exchanged.", one, 1, frames),
    COMMAND(PA_TYPE_BOOLEAN, "pause", "Stops a machine; says if it was.", pausing, 2, pause_machine),
    COMMAND(PA_TYPE_DOUBLE, "limit", "Bounds what it sends; gives the former.", limiting, 2, limit_machine),
    COMMAND(PA_TYPE_INTEGER, "silence", "How long until it has left.", waiting, 1, set_silence),
};
static const pa_command_v1 *const list[] = {
    &declared[0], &declared[1], &declared[2], &declared[3], &declared[4],
};

const pa_command_module_v1 vmport_commands = {sizeof vmport_commands, sizeof list / sizeof list[0], list};

/* The module's life: what it declares, what it needs, and the one symbol that it exports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmport.h"

/* ---- options: the host has checked types and ranges before the module reads them ---- */

static const pa_option_v1 user = {
    .size = sizeof user, .type = PA_OPTION_STRING, .key = "user",
    .accepts = "a user of the hub, as USER or USER@HUB", .help = "Whose sessions the machines have.",
};
static const pa_option_v1 password = {
    .size = sizeof password, .type = PA_OPTION_STRING, .flags = PA_OPTION_SECRET, .key = "password",
    .accepts = "the user's password", .help = "Proves to the server that the user is meant.",
};
static const pa_option_v1 machines = {
    .size = sizeof machines, .type = PA_OPTION_STRINGS, .key = "machines",
    .accepts = "a list of ADDRESS:PORT or [ADDRESS]:PORT, 64 at most",
    .help = "Who may send frames; everybody else is ignored.",
};
static const pa_option_v1 mtu = {
    .size = sizeof mtu, .type = PA_OPTION_INTEGER, .key = "mtu", .fallback = "1500",
    .accepts = "576 to 9000, in octets", .help = "The largest IP packet of a frame.",
    .minimum = 576, .maximum = 9000,
};
static const pa_option_v1 silence = {
    .size = sizeof silence, .type = PA_OPTION_INTEGER, .flags = PA_OPTION_LIVE, .key = "silence",
    .fallback = "300", .accepts = "0 (never) to 86400, in seconds",
    .help = "After how much silence a machine has left.", .minimum = 0, .maximum = 86400,
};
static const pa_option_v1 *const declared[] = {&user, &password, &machines, &mtu, &silence};

static pa_status fail(const vmport *module, const char *sentence) {
    module->host->explain(module->host->host, sentence);
    return PA_ERROR_ARGUMENT;
}

static pa_status read_silence(vmport *module) {
    int64_t seconds;
    pa_status status = module->option->integer(module->host->host, "silence", &seconds);
    if (status == PA_OK) atomic_store(&module->silence, seconds);
    return status;
}

/* Of all options `silence` alone is live. */
static pa_status options_changed(void *state) { return read_silence(state); }

static pa_status read_machines(vmport *module) {
    const char *const *texts;
    uint32_t count;
    char sentence[160];
    if (module->option->strings(module->host->host, "machines", &texts, &count) != PA_OK) {
        return fail(module, "`machines` is left out; accepted is a list of ADDRESS:PORT");
    }
    if (count > MAX_MACHINES) return fail(module, "`machines` lists more than 64");
    for (uint32_t i = 0; i < count; i++) {
        if (parse_machine(texts[i], &module->machines[i])) continue;
        snprintf(
            sentence, sizeof sentence,
            "`machines` has \"%.64s\"; accepted are ADDRESS:PORT and [ADDRESS]:PORT", texts[i]);
        return fail(module, sentence);
    }
    module->machine_count = count;
    return PA_OK;
}

static pa_status read_options(vmport *module) {
    pa_host *host = module->host->host;
    int64_t octets;
    if (module->option->string(host, "user", &module->user) != PA_OK) {
        return fail(module, "`user` is left out; accepted is a user of the hub, as USER or USER@HUB");
    }
    if (module->option->string(host, "password", &module->password) != PA_OK) {
        return fail(module, "`password` is left out; accepted is the user's password");
    }
    if (module->option->integer(host, "mtu", &octets) != PA_OK) return PA_ERROR_ARGUMENT;
    module->mtu = (uint32_t)octets;
    if (read_silence(module) != PA_OK) return PA_ERROR_ARGUMENT;
    return read_machines(module);
}

/* ---- life ---- */

static const void *find(const vmport *module, const char *id) {
    return module->host->capability(module->host->host, id);
}

/* What it cannot do without is named; log and metrics are left out where a host has none. */
static pa_status find_tables(vmport *module) {
    module->datagram = find(module, PA_DATAGRAM);
    module->session = find(module, PA_SESSION);
    module->auth = find(module, PA_AUTH);
    module->timer = find(module, PA_TIMER);
    module->option = find(module, PA_OPTION);
    module->log = find(module, PA_LOG);
    module->metric = find(module, PA_METRIC);
    if (module->datagram && module->session && module->auth && module->timer && module->option) return PA_OK;
    fail(module, "needs " PA_DATAGRAM ", " PA_SESSION ", " PA_AUTH ", " PA_TIMER " and " PA_OPTION);
    return PA_ERROR_UNSUPPORTED;
}

static pa_status declare_metrics(vmport *module) {
    const pa_metric_host_v1 *metric = module->metric;
    pa_host *host = module->host->host;
    pa_status status = PA_OK;
    if (!metric) return PA_OK;
    status |= metric->declare(
        host, "strangers", PA_METRIC_COUNTER, "datagrams of peers that are not listed", &module->strangers);
    status |= metric->declare(
        host, "dropped", PA_METRIC_COUNTER, "frames that were malformed, too early, paused or over a limit",
        &module->dropped);
    status |= metric->declare(
        host, "joined", PA_METRIC_GAUGE, "machines that have a session", &module->joined);
    return status;
}

static pa_status start(void *state) {
    vmport *module = state;
    pa_status status = find_tables(module);
    if (status == PA_OK) status = read_options(module);
    if (status == PA_OK) status = declare_metrics(module);
    return status;
}

static void stop(void *state) { (void)state; }
static void destroy(void *state) { free(state); }

static const pa_option_module_v1 options = {
    sizeof options, sizeof declared / sizeof declared[0], declared, options_changed,
};

static const void *capability(void *state, const char *id) {
    (void)state;
    if (strcmp(id, PA_DATAGRAM) == 0) return &vmport_datagrams;
    if (strcmp(id, PA_AUTH) == 0) return &vmport_verdicts;
    if (strcmp(id, PA_SESSION) == 0) return &vmport_sessions;
    if (strcmp(id, PA_TIMER) == 0) return &vmport_timers;
    if (strcmp(id, PA_OPTION) == 0) return &options;
    if (strcmp(id, PA_HANDOVER) == 0) return &vmport_handover;
    if (strcmp(id, PA_COMMAND) == 0) return &vmport_commands;
    return NULL;
}

static pa_status create(const pa_host_v1 *host, const pa_module_v1 **table) {
    vmport *module = calloc(1, sizeof *module);
    if (!module) return PA_ERROR_LIMIT;
    module->host = host;
    module->table = (pa_module_v1){
        .size = sizeof module->table,
        .state = module,
        .capability = capability,
        .start = start,
        .enter_lane = enter_lane,
        .close_lane = close_lane,
        .leave_lane = leave_lane,
        .stop = stop,
        .destroy = destroy,
    };
    *table = &module->table;
    return PA_OK;
}

#ifndef VMPORT_VERSION
#define VMPORT_VERSION "1"
#endif

static const char *const default_listeners[] = {"udp://127.0.0.1:7700", NULL};

static const pa_descriptor_v1 descriptor = {
    .magic = PA_MAGIC,
    .size = sizeof descriptor,
    .abi_major = PA_ABI_MAJOR,
    .abi_minor = PA_ABI_MINOR,
    .flags = PA_FLAG_UNLOADABLE,
    .id = "org.polyhub.vmport",
    .name = "vmport",
    .version = VMPORT_VERSION,
    .vendor = "Polyhub",
    .description = "Joins virtual machines to a hub: raw Ethernet frames over UDP.",
    .default_listeners = default_listeners,
    .create = create,
};

const pa_descriptor_v1 *packet_adapter_entry(void) { return &descriptor; }

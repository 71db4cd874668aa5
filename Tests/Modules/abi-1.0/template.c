/* The smallest useful module: a UDP echo, with a counter of datagrams and a command that greets.
 *
 *     cc -std=c11 -O2 -shared -fPIC -fvisibility=hidden -I include -o template.so template.c
 *
 * plugins.conf:
 *     [template]
 *     library = "/path/to/template.so"
 *     listen = ["udp://127.0.0.1:7007"]
 */
#include <stdlib.h>
#include <string.h>
#include "polyhub/packet_adapter.h"

typedef struct template_module {
    pa_module_v1 table;
    const pa_host_v1 *host;
    const pa_datagram_host_v1 *datagram;
    const pa_metric_host_v1 *metric;
    uint32_t echoed; /* the metric */
    char greeting[96];
} template_module;

typedef struct template_lane {
    template_module *module;
    pa_lane *lane;
} template_lane;

/* ---- datagrams ---- */

static uint32_t pinning(void *state, const char *url) {
    (void)state;
    (void)url;
    return PA_PIN_FLOW;
}

static void listening(void *lane_state, pa_socket socket, const pa_address_v1 *local) {
    (void)lane_state;
    (void)socket;
    (void)local;
}

static void received(void *lane_state, pa_socket socket, pa_datagram_v1 *batch, uint32_t count) {
    template_lane *lane = (template_lane *)lane_state;
    lane->module->datagram->send(lane->lane, socket, batch, count);
    if (lane->module->metric) lane->module->metric->add(lane->lane, lane->module->echoed, count);
}

static const pa_datagram_module_v1 datagrams = {sizeof datagrams, 0, pinning, listening, received};

/* ---- commands ---- */

static const char *greet(void *state, const char *name) {
    template_module *module = (template_module *)state;
    strcpy(module->greeting, "hello, ");
    strncat(module->greeting, name, sizeof module->greeting - strlen(module->greeting) - 1);
    return module->greeting;
}

static const pa_argument_v1 greet_name = {sizeof greet_name, PA_TYPE_STRING, "NAME", "whom to greet"};
static const pa_argument_v1 *const greet_arguments[] = {&greet_name};
static const pa_command_v1 greet_command = {
    sizeof greet_command, PA_TYPE_STRING, "greet", "Greets somebody.", greet_arguments, 1, 0,
    (void (*)(void))greet,
};
static const pa_command_v1 *const command_list[] = {&greet_command};
static const pa_command_module_v1 commands = {sizeof commands, 1, command_list};

/* ---- life ---- */

static const void *capability(void *state, const char *id) {
    (void)state;
    if (strcmp(id, PA_DATAGRAM) == 0) return &datagrams;
    if (strcmp(id, PA_COMMAND) == 0) return &commands;
    return NULL;
}

static pa_status start(void *state) {
    template_module *module = (template_module *)state;
    const pa_host_v1 *host = module->host;
    module->datagram = (const pa_datagram_host_v1 *)host->capability(host->host, PA_DATAGRAM);
    module->metric = (const pa_metric_host_v1 *)host->capability(host->host, PA_METRIC);
    if (!module->datagram) {
        host->explain(host->host, "this server has no " PA_DATAGRAM);
        return PA_ERROR_UNSUPPORTED;
    }
    if (!module->metric) return PA_OK;
    return module->metric->declare(
        host->host, "echoed", PA_METRIC_COUNTER, "datagrams sent back", &module->echoed);
}

static pa_status enter_lane(void *state, pa_lane *lane, uint32_t index, uint32_t count, void **lane_state) {
    template_lane *mine = (template_lane *)malloc(sizeof *mine);
    (void)index;
    (void)count;
    if (!mine) return PA_ERROR_LIMIT;
    mine->module = (template_module *)state;
    mine->lane = lane;
    *lane_state = mine;
    return PA_OK;
}

static void close_lane(void *lane_state) { (void)lane_state; }
static void leave_lane(void *lane_state) { free(lane_state); }
static void stop(void *state) { (void)state; }
static void destroy(void *state) { free(state); }

static pa_status create(const pa_host_v1 *host, const pa_module_v1 **table) {
    template_module *module = (template_module *)calloc(1, sizeof *module);
    if (!module) return PA_ERROR_LIMIT;
    module->host = host;
    module->table.size = sizeof module->table;
    module->table.state = module;
    module->table.capability = capability;
    module->table.start = start;
    module->table.enter_lane = enter_lane;
    module->table.close_lane = close_lane;
    module->table.leave_lane = leave_lane;
    module->table.stop = stop;
    module->table.destroy = destroy;
    *table = &module->table;
    return PA_OK;
}

static const char *const default_listeners[] = {"udp://127.0.0.1:7007", NULL};

static const pa_descriptor_v1 descriptor = {
    PA_MAGIC, sizeof descriptor, PA_ABI_MAJOR, PA_ABI_MINOR, PA_FLAG_UNLOADABLE,
    "org.polyhub.template", "template", "1", "Polyhub", "Sends every datagram back to where it came from.",
    default_listeners, create,
};

const pa_descriptor_v1 *packet_adapter_entry(void) { return &descriptor; }

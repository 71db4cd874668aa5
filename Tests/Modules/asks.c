/* A module of a test: does what each datagram's first octet says, and sends back what happened last.
 *
 *     a: asks who it is     c: asks again, as who it is     o: opens a session     x: closes it
 *     r: releases the identity     b: asks whether he may be a bridge     p: wants another password
 *     P: wants one of a wrong size     m: asks whether he may be a monitor     ?: nothing
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "polyhub/packet_adapter.h"

typedef struct asking_module {
    pa_module_v1 table;
    const pa_host_v1 *host;
    const pa_datagram_host_v1 *datagram;
    const pa_auth_host_v1 *auth;
    const pa_session_host_v1 *session;
    const pa_permission_host_v1 *permission;
    const pa_password_host_v1 *password;
} asking_module;

typedef struct asking_lane {
    asking_module *module;
    pa_lane *lane;
    pa_identity identity;
    pa_session open;
    uint32_t step;
    char happened[80];
} asking_lane;

static void note(asking_lane *lane, const char *what, long long value) {
    snprintf(lane->happened, sizeof lane->happened, "%u %s %lld", ++lane->step, what, value);
}

static void ask(asking_lane *lane, pa_identity continues) {
    pa_evidence_v1 evidence = {sizeof evidence, PA_EVIDENCE_PASSWORD};
    pa_ticket ticket;
    evidence.name.start = (const uint8_t *)"alice";
    evidence.name.length = 5;
    evidence.continues = continues;
    pa_status status = lane->module->auth->ask(lane->lane, &evidence, 1, &ticket);
    if (status != PA_OK) note(lane, "not asked", status);
}

static void change(asking_lane *lane, size_t length) {
    static const uint8_t octets[20] = {1, 2, 3};
    pa_evidence_v1 evidence = {sizeof evidence, PA_EVIDENCE_SOFTETHER};
    pa_new_password_v1 password = {sizeof password, 0, {octets, length}, {octets, 16}};
    pa_ticket ticket;
    evidence.name.start = (const uint8_t *)"alice";
    evidence.name.length = 5;
    pa_status status = lane->module->password->change(lane->lane, &evidence, &password, 1, &ticket);
    if (status != PA_OK) note(lane, "not asked", status);
}

static void open_session(asking_lane *lane) {
    pa_session_request_v1 request = {sizeof request, PA_LAYER_2, lane->identity};
    pa_ticket ticket;
    pa_status status = lane->module->session->open(lane->lane, &request, 1, &ticket);
    if (status != PA_OK) note(lane, "not opened", status);
}

static void decided(void *lane_state, uint64_t token, const pa_verdict_v1 *verdict) {
    asking_lane *lane = (asking_lane *)lane_state;
    (void)token;
    if (verdict->code != PA_VERDICT_ACCEPTED) return note(lane, "refused", verdict->code);
    note(lane, lane->identity == verdict->identity ? "still" : "accepted", verdict->code);
    lane->identity = verdict->identity;
}

static void opened(
    void *lane_state, uint64_t token, pa_session session, const pa_session_parameters_v1 *parameters) {
    asking_lane *lane = (asking_lane *)lane_state;
    (void)token;
    (void)parameters;
    lane->open = session;
    note(lane, "opened", 0);
}

static void refused(void *lane_state, uint64_t token, uint32_t reason, const char *sentence) {
    (void)token;
    (void)sentence;
    note((asking_lane *)lane_state, "session refused", reason);
}

static void transmit(void *lane_state, uint64_t token, pa_slice_v1 *batch, uint32_t count) {
    (void)lane_state;
    (void)token;
    (void)batch;
    (void)count;
}

static void closed(void *lane_state, uint64_t token, uint32_t reason, const char *sentence) {
    (void)token;
    (void)sentence;
    note((asking_lane *)lane_state, "closed", reason);
}

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
    asking_lane *lane = (asking_lane *)lane_state;
    for (uint32_t index = 0; index < count; index++) {
        pa_datagram_v1 answer = batch[index];
        switch (batch[index].payload.start[0]) {
        case 'a': ask(lane, 0); break;
        case 'c': ask(lane, lane->identity); break;
        case 'o': open_session(lane); break;
        case 'x':
            lane->module->session->close(lane->lane, lane->open, PA_REASON_CLIENT, NULL);
            note(lane, "over", 0);
            break;
        case 'b':
            note(
                lane, "bridge",
                lane->module->permission->ask(
                    lane->lane, lane->identity, PA_PERMISSION_BRIDGE, batch[index].remote, "Test"));
            break;
        case 'm':
            note(
                lane, "monitor",
                lane->module->permission->ask(
                    lane->lane, lane->identity, PA_PERMISSION_MONITOR, batch[index].remote, "Test"));
            break;
        case 'p': change(lane, 20); break;
        case 'P': change(lane, 19); break;
        case 'r': lane->module->auth->release(lane->lane, lane->identity); break;
        default: break;
        }
        answer.payload.start = (uint8_t *)lane->happened;
        answer.payload.length = (uint32_t)strlen(lane->happened);
        lane->module->datagram->send_copy(lane->lane, socket, &answer, 1);
    }
}

static const pa_datagram_module_v1 datagrams = {sizeof datagrams, 0, pinning, listening, received};
static const pa_auth_module_v1 answers = {sizeof answers, 0, decided};
static const pa_session_module_v1 sessions = {sizeof sessions, 0, opened, refused, transmit, closed};

static const void *capability(void *state, const char *id) {
    (void)state;
    if (strcmp(id, PA_DATAGRAM) == 0) return &datagrams;
    if (strcmp(id, PA_AUTH) == 0) return &answers;
    if (strcmp(id, PA_SESSION) == 0) return &sessions;
    return NULL;
}

static pa_status start(void *state) {
    asking_module *module = (asking_module *)state;
    const pa_host_v1 *host = module->host;
    module->datagram = (const pa_datagram_host_v1 *)host->capability(host->host, PA_DATAGRAM);
    module->auth = (const pa_auth_host_v1 *)host->capability(host->host, PA_AUTH);
    module->session = (const pa_session_host_v1 *)host->capability(host->host, PA_SESSION);
    module->permission = (const pa_permission_host_v1 *)host->capability(host->host, PA_PERMISSION);
    module->password = (const pa_password_host_v1 *)host->capability(host->host, PA_PASSWORD);
    if (!module->datagram || !module->auth || !module->session) return PA_ERROR_UNSUPPORTED;
    return module->permission && module->password ? PA_OK : PA_ERROR_UNSUPPORTED;
}

static pa_status enter_lane(void *state, pa_lane *lane, uint32_t index, uint32_t count, void **lane_state) {
    asking_lane *mine = (asking_lane *)calloc(1, sizeof *mine);
    (void)index;
    (void)count;
    if (!mine) return PA_ERROR_LIMIT;
    mine->module = (asking_module *)state;
    mine->lane = lane;
    note(mine, "begun", 0);
    *lane_state = mine;
    return PA_OK;
}

static void close_lane(void *lane_state) { (void)lane_state; }
static void leave_lane(void *lane_state) { free(lane_state); }
static void stop(void *state) { (void)state; }
static void destroy(void *state) { free(state); }

static pa_status create(const pa_host_v1 *host, const pa_module_v1 **table) {
    asking_module *module = (asking_module *)calloc(1, sizeof *module);
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
    "org.polyhub.asks", "template", "1", "Polyhub", "Asks who it is, and again.",
    default_listeners, create,
};

const pa_descriptor_v1 *packet_adapter_entry(void) { return &descriptor; }

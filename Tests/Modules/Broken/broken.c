/* A module with one fault, which -DFAULT=name chooses; -DFAULT=none gives one without any.
 *
 * It sends datagrams back, and with the first one it asks for an identity, opens a layer-2 session, and
 * passes what it receives on as frames. Each fault stands where a writer of a module could have made it.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "polyhub/packet_adapter.h"

#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)
static int is(const char *fault) { return strcmp(TEXT_OF(FAULT), fault) == 0; }

typedef struct broken_module {
    pa_module_v1 table;
    const pa_host_v1 *host;
    const pa_datagram_host_v1 *datagram;
    const pa_session_host_v1 *session;
    const pa_auth_host_v1 *auth;
    const pa_timer_host_v1 *timer;
    const pa_option_host_v1 *option;
    const pa_metric_host_v1 *metric;
    const pa_log_host_v1 *log;
    uint32_t counter;
    pa_lane *lane; /* the first that was entered */
    pthread_t thread;
} broken_module;

typedef struct broken_lane {
    broken_module *module;
    pa_lane *lane;
    pa_socket socket;
    pa_session session;
    pa_slice_v1 kept; /* of the last datagram, whose turn is over */
    pa_address_v1 remote;
    uint32_t asked;
} broken_lane;

/* ---- what takes down a process ---- */

static void crash(void) { *(volatile int *)8 = 1; }

/* Volatile, so that the compiler does not see through it. */
static void *volatile lost;
static void lose(size_t octets) { lost = malloc(octets); }

static void hang(void) {
    for (;;) pause();
}

static void *call_from_here(void *argument) {
    broken_module *module = argument;
    module->timer->now(module->lane);
    module->metric->add(module->lane, module->counter, 1);
    return NULL;
}

static void *run_for_ever(void *argument) {
    hang();
    return argument;
}

/* ---- sessions ---- */

static void ask(broken_lane *lane) {
    const broken_module *module = lane->module;
    pa_ticket ticket = 0;
    pa_evidence_v1 evidence = {.size = sizeof evidence, .kind = PA_EVIDENCE_PASSWORD, .protocol = "broken"};
    evidence.name = (pa_octets_v1){(const uint8_t *)"somebody", 8};
    if (is("wrong_struct_size")) evidence.size = 64;
    if (is("wrong_evidence")) evidence.kind = 99;
    lane->asked = 1;
    module->auth->ask(lane->lane, &evidence, 1, &ticket);
    if (!is("ticket_twice")) return;
    module->auth->withdraw(lane->lane, ticket);
    module->auth->withdraw(lane->lane, ticket);
}

static const pa_ipv6_host_v1 *ipv6(const broken_lane *lane) {
    const pa_host_v1 *host = lane->module->host;
    return (const pa_ipv6_host_v1 *)host->capability(host->host, PA_IPV6);
}

static void decided(void *lane_state, uint64_t token, const pa_verdict_v1 *verdict) {
    broken_lane *lane = lane_state;
    pa_ticket ticket;
    if (verdict->code != PA_VERDICT_ACCEPTED) return;
    pa_session_request_v1 request = {
        .size = sizeof request, .layer = PA_LAYER_2, .identity = verdict->identity, .mtu = 1500,
        .protocol = "broken", .cipher = "none",
    };
    if (is("wrong_layer")) request.layer = 4;
    lane->module->session->open(lane->lane, &request, token, &ticket);
    if (is("identity_twice")) lane->module->session->open(lane->lane, &request, token, &ticket);
    if (is("ipv6_without_ears")) ipv6(lane)->lease(lane->lane, ticket);
}

static void opened(
    void *lane_state, uint64_t token, pa_session session, const pa_session_parameters_v1 *parameters) {
    broken_lane *lane = lane_state;
    (void)token;
    (void)parameters;
    lane->session = session;
    if (is("leak_in_session")) lose(5000);
    if (is("session_crash")) crash();
    if (is("ipv6_with_itself")) ipv6(lane)->link(lane->lane, session, 1, 1);
    if (is("use_after_close")) lane->module->session->close(lane->lane, session, PA_REASON_CLIENT, NULL);
}

static void refused(void *lane_state, uint64_t token, uint32_t reason, const char *sentence) {
    (void)lane_state, (void)token, (void)reason, (void)sentence;
}

static void transmit(void *lane_state, uint64_t token, pa_slice_v1 *batch, uint32_t count) {
    (void)lane_state, (void)batch, (void)count;
    if (token != 1) crash(); /* whose is it? */
    if (is("transmit_crash")) crash();
}

static void closed(void *lane_state, uint64_t token, uint32_t reason, const char *sentence) {
    broken_lane *lane = lane_state;
    (void)token, (void)reason, (void)sentence;
    lane->session = 0;
}

static void give(broken_lane *lane, pa_slice_v1 slice) {
    if (lane->session == 0) return;
    if (is("exceeds_slice")) slice.start -= slice.headroom + 64;
    lane->module->session->receive(lane->lane, lane->session, &slice, 1);
}

/* ---- datagrams ---- */

static uint32_t pinning(void *state, const char *url) {
    (void)state, (void)url;
    return is("nonsense_answer") ? 77 : PA_PIN_FLOW;
}

static void listening(void *lane_state, pa_socket socket, const pa_address_v1 *local) {
    broken_lane *lane = lane_state;
    (void)local;
    lane->socket = socket;
}

static void mishandle(broken_lane *lane, pa_datagram_v1 *datagram) {
    broken_module *module = lane->module;
    int64_t number;
    lane->kept = datagram->payload;
    lane->remote = *datagram->remote;
    if (is("frees_lent")) free(datagram->payload.start);
    if (is("crash_on_datagram")) crash();
    if (is("crash_on_long") && datagram->payload.length > 1000) crash();
    if (is("exits")) _exit(0);
    if (is("blocks")) usleep(1500000);
    if (is("control_from_lane")) module->option->integer(module->host->host, "number", &number);
    if (is("foreign_handle")) module->datagram->send(lane->lane, lane->socket + 1000, datagram, 1);
    if (is("forged_lane")) module->timer->now((pa_lane *)&lane->asked);
    if (is("forged_host")) module->log->write((pa_host *)&lane->asked, PA_LOG_INFO, "hello");
    if (is("counter_shrinks")) module->metric->add(lane->lane, module->counter, -1);
    if (is("undeclared_metric")) module->metric->add(lane->lane, 200, 1);
    if (is("not_utf8")) module->log->write(module->host->host, PA_LOG_INFO, "\xff\xfe");
    if (is("leak")) lose(3000);
    if (is("no_remote")) datagram->remote = NULL;
}

static void received(void *lane_state, pa_socket socket, pa_datagram_v1 *batch, uint32_t count) {
    broken_lane *lane = lane_state;
    for (uint32_t i = 0; i < count; i++) {
        mishandle(lane, &batch[i]);
        if (!lane->asked) ask(lane);
        lane->module->datagram->send(lane->lane, socket, &batch[i], 1);
        if (is("changes_sent")) batch[i].payload.start[0] ^= 0xff;
        give(lane, batch[i].payload);
    }
    if (is("writes_later") || is("keeps_memory")) lane->module->timer->arm(lane->lane, 1, 0);
}

static void expired(void *lane_state, uint64_t token) {
    broken_lane *lane = lane_state;
    (void)token;
    if (is("writes_later")) lane->kept.start[0] = 1;
    if (!is("keeps_memory")) return;
    pa_datagram_v1 old = {lane->kept, &lane->remote, NULL};
    lane->module->datagram->send(lane->lane, lane->socket, &old, 1);
}

/* ---- handover ---- */

/* The session of a lane is its one connection. */
static pa_status export_lane(void *lane_state, pa_handover_sink sink, void *context) {
    broken_lane *lane = lane_state;
    pa_held_v1 held = {PA_HELD_SESSION, 0, lane->session, 1};
    pa_handover_record_v1 record = {.size = sizeof record, .version = 1, .connection = 1, .held = &held};
    if (lane->session == 0) return PA_OK;
    if (is("handover_crash")) crash();
    if (is("handover_wrong_size")) record.size = 32;
    if (is("handover_wrong_version")) record.version = 7;
    if (is("handover_foreign")) held.handle += 65536;
    record.octets = (pa_octets_v1){(const uint8_t *)&lane->session, sizeof lane->session};
    record.held_count = 1;
    pa_status status = sink(context, &record);
    if (status != PA_OK && !is("handover_lets_go")) return PA_OK;
    if (is("handover_twice")) sink(context, &record);
    if (is("handover_keeps")) {
        lane->module->session->close(lane->lane, lane->session, PA_REASON_CLIENT, NULL);
    }
    lane->session = 0;
    return PA_OK;
}

static pa_status import(void *lane_state, pa_handover_record_v1 *record) {
    broken_lane *lane = lane_state;
    if (is("handover_refuses")) return PA_ERROR_REFUSED;
    if (is("handover_import_crash")) crash();
    if (!is("handover_trusts") && record->octets.length != sizeof lane->session) return PA_ERROR_ARGUMENT;
    record->held[0].token = is("handover_wrong_token") ? 77 : 1;
    lane->asked = 1;
    if (is("handover_loses")) return PA_OK;
    memcpy(&lane->session, record->octets.start, sizeof lane->session);
    if (is("handover_corrupts")) lane->session ^= UINT64_C(1) << 40;
    return PA_OK;
}

static void import_ended(void *lane_state) { (void)lane_state; }

static uint32_t owns(void *lane_state, pa_socket socket, const pa_datagram_v1 *datagram) {
    (void)socket, (void)datagram;
    return ((broken_lane *)lane_state)->session != 0;
}

static uint32_t remaining(void *lane_state) { return ((broken_lane *)lane_state)->session != 0; }

static const pa_handover_module_v1 handover = {
    sizeof handover, 1, 1, 0, export_lane, import, import_ended, owns, remaining,
};

/* ---- what it declares ---- */

static pa_option_v1 number = {
    .size = sizeof number, .type = PA_OPTION_INTEGER, .key = "number", .fallback = "3", .accepts = "1 to 9",
    .help = "A number.", .minimum = 1, .maximum = 9,
};
static const pa_option_v1 *const option_list[] = {&number};
static const pa_option_module_v1 options = {sizeof options, 1, option_list, NULL};

static int64_t twice(void *state, int64_t value) {
    (void)state;
    if (is("command_crash")) crash();
    return value * 2;
}
static pa_argument_v1 what = {sizeof what, PA_TYPE_INTEGER, "VALUE", "what to double"};
static const pa_argument_v1 *const arguments[] = {&what};
static const pa_command_v1 command = {
    sizeof command, PA_TYPE_INTEGER, "twice", "Doubles.", arguments, 1, 0, (void (*)(void))twice,
};
static const pa_command_v1 *const command_list[] = {&command};
static const pa_command_module_v1 commands = {sizeof commands, 1, command_list};

static pa_datagram_module_v1 datagrams = {sizeof datagrams, 0, pinning, listening, received};
static pa_datagram_module_v1 other_datagrams = {sizeof other_datagrams, 0, pinning, listening, received};
static const pa_auth_module_v1 verdicts = {sizeof verdicts, 0, decided};
static const pa_session_module_v1 sessions = {sizeof sessions, 0, opened, refused, transmit, closed};
static const pa_timer_module_v1 timers = {sizeof timers, 0, expired};

static const void *capability(void *state, const char *id) {
    static int asked;
    (void)state;
    if (is("answers_everything")) return &datagrams;
    if (strcmp(id, PA_DATAGRAM) == 0) {
        if (is("no_table")) return NULL;
        return is("changing_tables") && asked++ % 2 ? &other_datagrams : &datagrams;
    }
    if (strcmp(id, PA_AUTH) == 0) return is("no_auth_table") ? NULL : &verdicts;
    if (strcmp(id, PA_SESSION) == 0) return &sessions;
    if (strcmp(id, PA_TIMER) == 0) return &timers;
    if (strcmp(id, PA_HANDOVER) == 0) return &handover;
    if (strcmp(id, PA_OPTION) == 0) return &options;
    if (strcmp(id, PA_COMMAND) == 0) return &commands;
    return NULL;
}

/* ---- life ---- */

static const void *find(broken_module *module, const char *id) {
    return module->host->capability(module->host->host, id);
}

static pa_status start(void *state) {
    broken_module *module = state;
    int64_t value;
    pa_host *host = module->host->host;
    if (is("crash_in_start")) crash();
    if (is("abort_in_start")) abort();
    if (is("hang_in_start")) hang();
    if (is("silent_failure")) return PA_ERROR_STATE;
    module->datagram = find(module, PA_DATAGRAM);
    module->session = find(module, PA_SESSION);
    module->auth = find(module, PA_AUTH);
    module->timer = find(module, PA_TIMER);
    module->option = find(module, PA_OPTION);
    module->metric = find(module, PA_METRIC);
    module->log = find(module, PA_LOG);
    module->metric->declare(host, "seen", PA_METRIC_COUNTER, "datagrams", &module->counter);
    if (is("malformed_metric")) {
        module->metric->declare(host, "Not A Name", PA_METRIC_COUNTER, "", &module->counter);
    }
    module->option->integer(host, is("undeclared_option") ? "absent" : "number", &value);
    return PA_OK;
}

static pa_status enter_lane(void *state, pa_lane *lane, uint32_t index, uint32_t count, void **lane_state) {
    broken_module *module = state;
    broken_lane *made = calloc(1, sizeof *made);
    (void)count;
    made->module = module;
    made->lane = lane;
    *lane_state = made;
    if (index > 0) return is("refuses_lane") ? PA_ERROR_LIMIT : PA_OK;
    module->lane = lane;
    if (is("wrong_thread")) {
        pthread_create(&module->thread, NULL, call_from_here, module);
        pthread_join(module->thread, NULL);
    }
    if (is("leaves_thread")) pthread_create(&module->thread, NULL, run_for_ever, NULL);
    if (is("leak_at_enter")) lose(2000);
    return PA_OK;
}

static void close_lane(void *lane_state) {
    broken_lane *lane = lane_state;
    if (!is("use_after_close") || lane->session == 0) return;
    lane->module->session->close(lane->lane, lane->session, PA_REASON_CLIENT, NULL);
}

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wuse-after-free"
static void leave_lane(void *lane_state) {
    free(lane_state);
    if (is("frees_twice")) free(lane_state);
}

static void stop(void *state) {
    broken_module *module = state;
    if (is("hang_in_stop")) hang();
    if (is("kept_lane")) module->timer->now(module->lane);
}

static void destroy(void *state) {
    if (!is("leak_of_state")) free(state);
}

static pa_status create(const pa_host_v1 *host, const pa_module_v1 **table) {
    broken_module *module = calloc(1, sizeof *module);
    module->host = host;
    module->table = (pa_module_v1){
        sizeof(pa_module_v1), 0,          module,     capability, start, enter_lane,
        close_lane,           leave_lane, stop,       destroy,
    };
    if (is("wrong_module_size")) module->table.size = 40;
    if (is("no_start")) module->table.start = NULL;
    *table = is("no_module") ? NULL : &module->table;
    return PA_OK;
}

static const char *const listeners[] = {"udp://127.0.0.1:7007", NULL};
static const char *const wrong_listeners[] = {"carrier-pigeon://127.0.0.1:7007", NULL};

static pa_descriptor_v1 descriptor = {
    PA_MAGIC, sizeof descriptor, PA_ABI_MAJOR, PA_ABI_MINOR, PA_FLAG_UNLOADABLE, "org.polyhub.broken",
    "broken", "1", "Polyhub", "Has a fault.", listeners, create,
};

#ifdef NO_SYMBOL
#define packet_adapter_entry another_name
const pa_descriptor_v1 *another_name(void);
#endif
const pa_descriptor_v1 *packet_adapter_entry(void) {
    if (is("wrong_magic")) descriptor.magic = 7;
    if (is("wrong_size")) descriptor.size = 64;
    if (is("wrong_abi")) descriptor.abi_major = 2;
    if (is("newer_abi")) descriptor.abi_minor = PA_ABI_MINOR + 1;
    if (is("no_id")) descriptor.id = "";
    if (is("no_create")) descriptor.create = NULL;
    if (is("wrong_listener")) descriptor.default_listeners = wrong_listeners;
    if (is("no_descriptor")) return NULL;
    if (is("crash_in_entry")) crash();
    if (is("wrong_table_size")) datagrams.size = 40;
    if (is("missing_function")) datagrams.received = NULL;
    if (is("wrong_fallback")) number.fallback = "12";
    if (is("malformed_command")) what.type = 9;
    return &descriptor;
}

/* What happens on a lane: frames, and the sessions that carry them. Everything about one machine happens on
 * the lane where its datagrams arrive, so nothing here needs a lock.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmport.h"

#define SECOND UINT64_C(1000000000) /* in nanoseconds, as the host's clock counts */
#define RETRY (10 * SECOND)         /* after a refusal, at the earliest */
#define BURST 65536.0               /* octets that a limited machine may send at once */
#define BATCH 64
#define ETHERNET_HEADER 14

/* ---- small helpers ---- */

static uint64_t now(const vmport_lane *lane) { return lane->module->timer->now(lane->lane); }

static void count(vmport_lane *lane, uint32_t metric, int64_t amount) {
    if (lane->module->metric) lane->module->metric->add(lane->lane, metric, amount);
}

__attribute__((format(printf, 4, 5)))
static void say(vmport_lane *lane, uint32_t level, const machine_link *link, const char *format, ...) {
    const vmport *module = lane->module;
    char line[512];
    va_list arguments;
    if (!module->log) return;
    int length = snprintf(line, sizeof line, "machine=%s ", link->machine->name);
    va_start(arguments, format);
    vsnprintf(line + length, sizeof line - (size_t)length, format, arguments);
    va_end(arguments);
    module->log->write(module->host->host, level, line);
}

uint64_t token_of(const vmport_lane *lane, const machine_link *link) {
    return (uint64_t)(link - lane->links) + 1;
}

static machine_link *link_of(vmport_lane *lane, uint64_t token) { return &lane->links[token - 1]; }

/* Linear: 64 machines at most. */
machine_link *link_from(vmport_lane *lane, const pa_address_v1 *remote) {
    for (uint32_t i = 0; i < lane->module->machine_count; i++) {
        if (same_address(&lane->links[i].machine->address, remote)) return &lane->links[i];
    }
    return NULL;
}

/* ---- joining and leaving ---- */

static void tick(vmport_lane *lane) {
    lane->is_ticking = lane->module->timer->arm(lane->lane, 1, now(lane) + SECOND) == PA_OK;
}

static void stay_away(vmport_lane *lane, machine_link *link, const char *why) {
    link->state = AWAY;
    link->retry_at = now(lane) + RETRY;
    say(lane, PA_LOG_WARN, link, "event=refused why=\"%s\"", why);
}

/* It has a session. */
void joined(vmport_lane *lane, machine_link *link) {
    link->state = JOINED;
    atomic_store(&link->machine->is_joined, 1);
    count(lane, lane->module->joined, 1);
    if (!lane->is_ticking) tick(lane);
}

/* The session is over, or another instance's. */
void left(vmport_lane *lane, machine_link *link) {
    link->state = AWAY;
    link->handle = 0;
    atomic_store(&link->machine->is_joined, 0);
    count(lane, lane->module->joined, -1);
}

static void ask(vmport_lane *lane, machine_link *link) {
    const vmport *module = lane->module;
    pa_evidence_v1 evidence = {
        .size = sizeof evidence,
        .kind = PA_EVIDENCE_PASSWORD,
        .name = {(const uint8_t *)module->user, strlen(module->user)},
        .secret = {(const uint8_t *)module->password, strlen(module->password)},
        .remote = &link->machine->address,
        .protocol = "VM port",
    };
    link->state = ASKING;
    if (module->auth->ask(lane->lane, &evidence, token_of(lane, link), &link->handle) != PA_OK) {
        stay_away(lane, link, "the server takes no questions now");
    }
}

static void decided(void *lane_state, uint64_t token, const pa_verdict_v1 *verdict) {
    vmport_lane *lane = lane_state;
    machine_link *link = link_of(lane, token);
    if (verdict->code != PA_VERDICT_ACCEPTED) {
        stay_away(lane, link, verdict->sentence ? verdict->sentence : "not accepted");
        return;
    }
    pa_session_request_v1 request = {
        .size = sizeof request,
        .layer = PA_LAYER_2,
        .identity = verdict->identity, /* used up, also when `open` fails */
        .mtu = lane->module->mtu,
        .protocol = "VM port",
        .cipher = "none",
        .host_name = NULL,
        .instance = {(const uint8_t *)link->machine->name, strlen(link->machine->name)},
        .remote = link->machine->address,
    };
    link->state = OPENING;
    if (lane->module->session->open(lane->lane, &request, token, &link->handle) != PA_OK) {
        stay_away(lane, link, "the server takes no sessions now");
    }
}

static void opened(
    void *lane_state, uint64_t token, pa_session session, const pa_session_parameters_v1 *parameters) {
    vmport_lane *lane = lane_state;
    machine_link *link = link_of(lane, token);
    (void)parameters; /* NULL at layer 2 */
    link->handle = session;
    joined(lane, link);
    say(lane, PA_LOG_INFO, link, "event=joined");
}

static void refused(void *lane_state, uint64_t token, uint32_t reason, const char *sentence) {
    vmport_lane *lane = lane_state;
    (void)reason;
    stay_away(lane, link_of(lane, token), sentence);
}

/* The administrator has disconnected it, say. It may come again, but not at once. */
static void closed(void *lane_state, uint64_t token, uint32_t reason, const char *sentence) {
    vmport_lane *lane = lane_state;
    machine_link *link = link_of(lane, token);
    left(lane, link);
    link->retry_at = now(lane) + RETRY;
    say(lane, PA_LOG_INFO, link, "event=ended reason=%u why=\"%s\"", reason, sentence);
}

/* Once a second while somebody has joined: machines do not say goodbye. */
static void expired(void *lane_state, uint64_t token) {
    vmport_lane *lane = lane_state;
    uint64_t silence = (uint64_t)atomic_load(&lane->module->silence) * SECOND;
    int anybody = 0;
    (void)token;
    for (uint32_t i = 0; i < lane->module->machine_count; i++) {
        machine_link *link = &lane->links[i];
        if (link->state != JOINED) continue;
        if (silence == 0 || now(lane) - link->heard_at < silence) {
            anybody = 1;
            continue;
        }
        lane->module->session->close(lane->lane, link->handle, PA_REASON_TIMEOUT, "the machine is silent");
        left(lane, link);
        say(lane, PA_LOG_INFO, link, "event=left");
    }
    lane->is_ticking = 0;
    if (anybody) tick(lane);
}

/* ---- frames ---- */

/* A token bucket: `limit` fills it, frames empty it. */
static int is_within_limit(vmport_lane *lane, machine_link *link, uint32_t octets) {
    double limit = atomic_load_explicit(&link->machine->limit, memory_order_relaxed);
    if (limit <= 0) return 1;
    double passed = (double)(now(lane) - link->allowed_at) / (double)SECOND;
    link->allowed_at = now(lane);
    link->allowance += passed * limit * 1e6 / 8;
    if (link->allowance > BURST) link->allowance = BURST;
    if (link->allowance < octets) return 0;
    link->allowance -= octets;
    return 1;
}

static int may_pass(vmport_lane *lane, machine_link *link, uint32_t octets) {
    return link->state == JOINED && octets >= ETHERNET_HEADER
        && !atomic_load_explicit(&link->machine->is_paused, memory_order_relaxed)
        && is_within_limit(lane, link, octets);
}

/* Consecutive frames of one machine reach the hub in one call. */
static void give(vmport_lane *lane, machine_link *link, pa_slice_v1 *frames, uint32_t frame_count) {
    if (frame_count == 0) return;
    lane->module->session->receive(lane->lane, link->handle, frames, frame_count);
    atomic_fetch_add_explicit(&link->machine->frames_in, frame_count, memory_order_relaxed);
}

static void received(void *lane_state, pa_socket socket, pa_datagram_v1 *batch, uint32_t batch_count) {
    vmport_lane *lane = lane_state;
    machine_link *run = NULL;
    pa_slice_v1 frames[BATCH];
    uint32_t run_count = 0, strangers = 0, dropped = 0;

    for (uint32_t i = 0; i < batch_count; i++) {
        machine_link *link = link_from(lane, batch[i].remote);
        if (!link) {
            strangers++;
            continue;
        }
        link->heard_at = now(lane);
        link->socket = socket;
        link->local = *batch[i].local;
        if (link->state == AWAY && now(lane) >= link->retry_at) ask(lane, link);
        if (!may_pass(lane, link, batch[i].payload.length)) {
            dropped++;
            continue;
        }
        if (link != run || run_count == BATCH) {
            give(lane, run, frames, run_count);
            run = link;
            run_count = 0;
        }
        frames[run_count++] = batch[i].payload;
    }
    give(lane, run, frames, run_count);
    if (strangers) count(lane, lane->module->strangers, strangers);
    if (dropped) count(lane, lane->module->dropped, dropped);
}

/* The frames lie in the host's memory until the turn ends, and leave from there. */
static void transmit(void *lane_state, uint64_t token, pa_slice_v1 *batch, uint32_t batch_count) {
    vmport_lane *lane = lane_state;
    machine_link *link = link_of(lane, token);
    pa_datagram_v1 datagrams[BATCH];
    if (atomic_load_explicit(&link->machine->is_paused, memory_order_relaxed)) return;
    for (uint32_t sent = 0; sent < batch_count;) {
        uint32_t next = 0;
        for (; next < BATCH && sent < batch_count; next++, sent++) {
            datagrams[next] = (pa_datagram_v1){batch[sent], &link->machine->address, &link->local};
        }
        lane->module->datagram->send(lane->lane, link->socket, datagrams, next);
    }
    atomic_fetch_add_explicit(&link->machine->frames_out, batch_count, memory_order_relaxed);
}

static void listening(void *lane_state, pa_socket socket, const pa_address_v1 *local) {
    (void)lane_state;
    (void)socket;
    (void)local;
}

/* By address and port: many machines of one computer are spread over all lanes. A machine that sends to two
 * listeners may be seen by two lanes, and then has a session on each. */
static uint32_t pinning(void *state, const char *url) {
    (void)state;
    (void)url;
    return PA_PIN_FLOW;
}

/* ---- life ---- */

pa_status enter_lane(void *state, pa_lane *pa, uint32_t index, uint32_t lane_count, void **lane_state) {
    vmport_lane *lane = calloc(1, sizeof *lane);
    (void)index;
    (void)lane_count;
    if (!lane) return PA_ERROR_LIMIT;
    lane->module = state;
    lane->lane = pa;
    for (uint32_t i = 0; i < lane->module->machine_count; i++) {
        lane->links[i].machine = &lane->module->machines[i];
    }
    *lane_state = lane;
    return PA_OK;
}

/* Raw Ethernet has no word for goodbye, and the host ends the sessions. */
void close_lane(void *lane_state) { (void)lane_state; }

/* Timers, questions and sessions are gone already. */
void leave_lane(void *lane_state) { free(lane_state); }

const pa_datagram_module_v1 vmport_datagrams = {sizeof vmport_datagrams, 0, pinning, listening, received};
const pa_auth_module_v1 vmport_verdicts = {sizeof vmport_verdicts, 0, decided};
const pa_session_module_v1 vmport_sessions = {sizeof vmport_sessions, 0, opened, refused, transmit, closed};
const pa_timer_module_v1 vmport_timers = {sizeof vmport_timers, 0, expired};

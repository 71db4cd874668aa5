/* A module whose peers have state: it counts what each of them says, over UDP and TCP, and answers
 * "VERSION COUNT". "later" is answered by a timer. Its connections can be handed over.
 *
 * VERSION, WRITES, READS (versions of the record), SPARES (imports all but the peer with that count) and
 * WASTES (microseconds that an export takes for each peer) are given by whoever compiles it. FAILS does not
 * start and says FAILS_OF, FAILS_ON_LANE not on that lane; STAYS has no handover; DEAF takes no streams. Its
 * option `greeting` may change while it runs, `mode` may not; OPENS opens a listener of its own at each such
 * change. KNOWS is an option, an integer from 1 to MOST.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "polyhub/packet_adapter.h"

#ifndef VERSION
#define VERSION "1"
#endif
#ifndef WRITES
#define WRITES 1
#endif
#ifndef READS
#define READS WRITES
#endif
#ifndef SPARES
#define SPARES 0
#endif
#ifndef WASTES
#define WASTES 0
#endif
#ifndef MAJOR
#define MAJOR PA_ABI_MAJOR
#endif
#define PEERS 1024

typedef struct peer {
    uint64_t stream; /* or 0 */
    uint64_t socket;
    pa_address_v1 remote;
    uint64_t count;
    uint64_t timer; /* its token while it is armed */
} peer;

typedef struct counting_module {
    pa_module_v1 table;
    const pa_host_v1 *host;
    const pa_datagram_host_v1 *datagram;
    const pa_stream_host_v1 *stream;
    const pa_timer_host_v1 *timer;
    const pa_metric_host_v1 *metric;
    uint32_t answered;
} counting_module;

typedef struct counting_lane {
    counting_module *module;
    pa_lane *lane;
    uint64_t imports_ended;
    peer *peers[PEERS]; /* a token is the place and one */
} counting_lane;

static uint64_t add_peer(counting_lane *lane, peer made) {
    for (uint64_t place = 0; place < PEERS; place++) {
        if (lane->peers[place]) continue;
        lane->peers[place] = (peer *)malloc(sizeof(peer));
        *lane->peers[place] = made;
        return place + 1;
    }
    return 0;
}

static uint64_t find_peer(counting_lane *lane, const pa_address_v1 *remote) {
    for (uint64_t place = 0; place < PEERS; place++) {
        peer *found = lane->peers[place];
        if (found && !found->stream && !memcmp(&found->remote, remote, sizeof *remote)) return place + 1;
    }
    return 0;
}

static void say(counting_lane *lane, peer *to, const char *what) {
    char text[64];
    pa_slice_v1 slice = {(uint8_t *)text, 0, 0, 0};
    pa_datagram_v1 datagram;
    slice.length = (uint32_t)snprintf(text, sizeof text, VERSION " %s", what);
    if (to->stream) {
        lane->module->stream->write_copy(lane->lane, to->stream, &slice, 1, NULL);
    } else {
        datagram.payload = slice;
        datagram.remote = &to->remote;
        datagram.local = NULL;
        lane->module->datagram->send_copy(lane->lane, to->socket, &datagram, 1);
    }
    lane->module->metric->add(lane->lane, lane->module->answered, 1);
}

static void heard(counting_lane *lane, uint64_t token, const uint8_t *octets, size_t count) {
    peer *from = lane->peers[token - 1];
    char text[24];
    from->count++;
    if (count >= 5 && !memcmp(octets, "later", 5)) {
        from->timer = token;
        uint64_t now = lane->module->timer->now(lane->lane);
        lane->module->timer->arm(lane->lane, token, now + 2000000000u);
        return;
    }
    snprintf(text, sizeof text, "%u", (unsigned)from->count);
    say(lane, from, text);
}

/* ---- datagrams ---- */

static uint32_t pinning(void *state, const char *url) { return (void)state, (void)url, PA_PIN_FLOW; }
static void listening(void *s, pa_socket socket, const pa_address_v1 *l) { (void)s, (void)socket, (void)l; }

static void received(void *lane_state, pa_socket socket, pa_datagram_v1 *batch, uint32_t count) {
    counting_lane *lane = (counting_lane *)lane_state;
    for (uint32_t index = 0; index < count; index++) {
        uint64_t token = find_peer(lane, batch[index].remote);
        if (!token) token = add_peer(lane, (peer){0, socket, *batch[index].remote, 0, 0});
        if (token) heard(lane, token, batch[index].payload.start, batch[index].payload.length);
    }
}

static const pa_datagram_module_v1 datagrams = {sizeof datagrams, 0, pinning, listening, received};

/* ---- streams ---- */

static uint32_t claim(void *lane_state, const uint8_t *first, size_t count) {
    return (void)lane_state, (void)first, (void)count, PA_CLAIM_YES;
}

static uint64_t opened(void *lane_state, pa_stream stream, uint64_t moved_token) {
    (void)moved_token;
    return add_peer((counting_lane *)lane_state, (peer){stream, 0, {0}, 0, 0});
}

static size_t stream_received(void *lane_state, uint64_t token, pa_slice_v1 octets) {
    heard((counting_lane *)lane_state, token, octets.start, octets.length);
    return octets.length;
}

static void writable(void *lane_state, uint64_t token, size_t queued) {
    (void)lane_state, (void)token, (void)queued;
}

static void closed(void *lane_state, uint64_t token, uint32_t how) {
    counting_lane *lane = (counting_lane *)lane_state;
    (void)how;
    free(lane->peers[token - 1]);
    lane->peers[token - 1] = NULL;
}

static const pa_stream_module_v1 streams = {
    sizeof streams, 0, claim, opened, stream_received, writable, closed,
};

static void expired(void *lane_state, uint64_t token) {
    counting_lane *lane = (counting_lane *)lane_state;
    lane->peers[token - 1]->timer = 0;
    say(lane, lane->peers[token - 1], "late");
}

static const pa_timer_module_v1 timers = {sizeof timers, 0, expired};

/* ---- handover ---- */

static void waste(void) {
    struct timespec pause = {0, WASTES * 1000L};
    if (WASTES) nanosleep(&pause, NULL);
}

static pa_status export_lane(void *lane_state, pa_handover_sink sink, void *context) {
    counting_lane *lane = (counting_lane *)lane_state;
    for (uint64_t place = 0; place < PEERS; place++) {
        peer *mine = lane->peers[place];
        if (!mine) continue;
        pa_held_v1 held[2];
        pa_handover_record_v1 record = {sizeof record, WRITES, place + 1, {0}, NULL, held, 0, 0};
        record.octets.start = (uint8_t *)mine;
        record.octets.length = sizeof *mine;
        waste();
        if (mine->stream) {
            held[record.held_count++] = (pa_held_v1){PA_HELD_STREAM, 0, mine->stream, place + 1};
        }
        if (mine->timer) {
            held[record.held_count++] = (pa_held_v1){PA_HELD_TIMER, 0, mine->timer, mine->timer};
        }
        pa_status status = sink(context, &record);
        if (status == PA_ERROR_LIMIT) return PA_OK;
        if (status != PA_OK) continue;
        free(mine);
        lane->peers[place] = NULL;
    }
    return PA_OK;
}

static pa_status import(void *lane_state, pa_handover_record_v1 *record) {
    counting_lane *lane = (counting_lane *)lane_state;
    peer taken;
    if (record->octets.length != sizeof taken) return PA_ERROR_ARGUMENT;
    memcpy(&taken, record->octets.start, sizeof taken);
    if (SPARES && taken.count == SPARES) return PA_ERROR_REFUSED;
    uint64_t token = add_peer(lane, taken);
    if (!token) return PA_ERROR_LIMIT;
    if (taken.timer) lane->peers[token - 1]->timer = token;
    for (uint32_t index = 0; index < record->held_count; index++) record->held[index].token = token;
    return PA_OK;
}

static void import_ended(void *lane_state) { ((counting_lane *)lane_state)->imports_ended++; }

static uint32_t owns(void *lane_state, pa_socket socket, const pa_datagram_v1 *datagram) {
    return (void)socket, find_peer((counting_lane *)lane_state, datagram->remote) != 0;
}

static uint32_t remaining(void *lane_state) {
    uint32_t count = 0;
    for (int place = 0; place < PEERS; place++) count += ((counting_lane *)lane_state)->peers[place] != NULL;
    return count;
}

static const pa_handover_module_v1 handover = {
    sizeof handover, WRITES, READS, 0, export_lane, import, import_ended, owns, remaining,
};

/* ---- options ---- */

static const pa_option_v1 greeting = {
    sizeof greeting, PA_OPTION_STRING, PA_OPTION_LIVE, 0, "greeting", "hello", "any text", "nothing", 0, 0,
};
static const pa_option_v1 mode = {
    sizeof mode, PA_OPTION_STRING, 0, 0, "mode", "plain", "any text", "nothing", 0, 0,
};
#ifndef KNOWS
#define KNOWS "number"
#endif
#ifndef MOST
#define MOST 100
#endif
static const pa_option_v1 number = {
    sizeof number, PA_OPTION_INTEGER, 0, 0, KNOWS, "1", "1 to 100", "nothing", 1, MOST,
};
static const pa_option_v1 *const declared[] = {&greeting, &mode, &number};
static pa_status changed(void *state) {
#ifdef OPENS
    counting_module *module = (counting_module *)state;
    pa_socket socket;
    return module->datagram->open(module->host->host, "udp://127.0.0.1:0", PA_PIN_FLOW, &socket);
#endif
    return (void)state, PA_OK;
}
static const pa_option_module_v1 options = {sizeof options, 3, declared, changed};

/* ---- life ---- */

static const void *capability(void *state, const char *id) {
    (void)state;
    if (strcmp(id, PA_DATAGRAM) == 0) return &datagrams;
#ifndef DEAF
    if (strcmp(id, PA_STREAM) == 0) return &streams;
#endif
    if (strcmp(id, PA_OPTION) == 0) return &options;
    if (strcmp(id, PA_TIMER) == 0) return &timers;
#ifndef STAYS
    if (strcmp(id, PA_HANDOVER) == 0) return &handover;
#endif
    return NULL;
}

static pa_status start(void *state) {
    counting_module *module = (counting_module *)state;
    const pa_host_v1 *host = module->host;
#ifndef FAILS_OF
#define FAILS_OF "it was compiled to fail"
#endif
#ifdef FAILS
    host->explain(host->host, FAILS_OF);
    return PA_ERROR_REFUSED;
#endif
    module->datagram = (const pa_datagram_host_v1 *)host->capability(host->host, PA_DATAGRAM);
    module->stream = (const pa_stream_host_v1 *)host->capability(host->host, PA_STREAM);
    module->timer = (const pa_timer_host_v1 *)host->capability(host->host, PA_TIMER);
    module->metric = (const pa_metric_host_v1 *)host->capability(host->host, PA_METRIC);
    return module->metric->declare(
        host->host, "answered", PA_METRIC_COUNTER, "answers", &module->answered);
}

static pa_status enter_lane(void *state, pa_lane *lane, uint32_t index, uint32_t count, void **lane_state) {
    counting_lane *mine = (counting_lane *)calloc(1, sizeof *mine);
    (void)count;
#ifdef FAILS_ON_LANE
    if (index == FAILS_ON_LANE) return free(mine), PA_ERROR_LIMIT;
#endif
    (void)index;
    mine->module = (counting_module *)state;
    mine->lane = lane;
    *lane_state = mine;
    return PA_OK;
}

static void leave_lane(void *lane_state) {
    for (int place = 0; place < PEERS; place++) free(((counting_lane *)lane_state)->peers[place]);
    free(lane_state);
}

static void close_lane(void *lane_state) { (void)lane_state; }
static void stop(void *state) { (void)state; }
static void destroy(void *state) { free(state); }

static pa_status create(const pa_host_v1 *host, const pa_module_v1 **table) {
    counting_module *module = (counting_module *)calloc(1, sizeof *module);
    pa_module_v1 made = {sizeof made, 0, module, capability, start, enter_lane, close_lane,
                         leave_lane,  stop, destroy};
    module->host = host;
    module->table = made;
    *table = &module->table;
    return PA_OK;
}

static const char *const default_listeners[] = {"udp://127.0.0.1:7007", NULL};

#ifndef IDENTITY
#define IDENTITY "org.polyhub.counting"
#endif

static const pa_descriptor_v1 descriptor = {
    PA_MAGIC, sizeof descriptor, MAJOR, PA_ABI_MINOR, PA_FLAG_UNLOADABLE,
    IDENTITY, "counting", VERSION, "Polyhub", "Counts what each peer says.", default_listeners, create,
};

const pa_descriptor_v1 *packet_adapter_entry(void) { return &descriptor; }

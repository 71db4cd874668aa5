/* `polyhubctl module swap vmport LIBRARY`: machines go on in another version of this library, and do not
 * notice.
 *
 * What a record holds is read by later versions too, so it is made of fixed-width fields and has a version. A
 * version that changes a record counts VERSION up, and goes on reading those from OLDEST.
 */
#include <string.h>
#include "vmport.h"

#define VERSION 1
#define OLDEST 1

/* A machine that has a session, or is about to have one. */
typedef struct machine_record {
    pa_address_v1 address;
    pa_address_v1 local;
    uint64_t socket;
    uint64_t handle;
    uint64_t heard_at;
    uint64_t frames_in;
    uint64_t frames_out;
    uint32_t state;
    uint32_t reserved;
} machine_record;

/* What an administrator has set by command, the same on every lane. `silence` is not here: plugins.conf says
 * it to the new instance. */
typedef struct steering_record {
    uint64_t count;
    struct {
        pa_address_v1 address;
        double limit;
        uint32_t is_paused;
        uint32_t reserved;
    } machines[MAX_MACHINES];
} steering_record;

/* By link_state. */
static const uint32_t held_kinds[] = {0, PA_HELD_QUESTION, PA_HELD_SESSION, PA_HELD_SESSION};

/* ---- the old instance ---- */

static void export_steering(vmport_lane *lane, pa_handover_sink sink, void *context) {
    vmport *module = lane->module;
    steering_record steering;
    memset(&steering, 0, sizeof steering);
    steering.count = module->machine_count;
    for (uint32_t i = 0; i < module->machine_count; i++) {
        steering.machines[i].address = module->machines[i].address;
        steering.machines[i].limit = atomic_load(&module->machines[i].limit);
        steering.machines[i].is_paused = atomic_load(&module->machines[i].is_paused);
    }
    pa_handover_record_v1 record = {
        .size = sizeof record, .version = VERSION, .connection = 0,
        .octets = {(const uint8_t *)&steering, sizeof steering},
    };
    sink(context, &record);
}

static pa_status export_machine(
    vmport_lane *lane, machine_link *link, pa_handover_sink sink, void *context) {
    uint64_t token = token_of(lane, link);
    machine_record made = {
        .address = link->machine->address,
        .local = link->local,
        .socket = link->socket,
        .handle = link->handle,
        .heard_at = link->heard_at,
        .frames_in = atomic_load(&link->machine->frames_in),
        .frames_out = atomic_load(&link->machine->frames_out),
        .state = link->state,
    };
    pa_held_v1 held = {.kind = held_kinds[link->state], .handle = link->handle, .token = token};
    pa_handover_record_v1 record = {
        .size = sizeof record, .version = VERSION, .connection = token,
        .octets = {(const uint8_t *)&made, sizeof made}, .held = &held, .held_count = 1,
    };
    return sink(context, &record);
}

/* What was taken is forgotten without a word to the machine or to the host. */
static void forget(vmport_lane *lane, machine_link *link) {
    if (link->state == JOINED) left(lane, link);
    link->state = AWAY;
    link->handle = 0;
}

static pa_status export_lane(void *lane_state, pa_handover_sink sink, void *context) {
    vmport_lane *lane = lane_state;
    export_steering(lane, sink, context);
    for (uint32_t i = 0; i < lane->module->machine_count; i++) {
        machine_link *link = &lane->links[i];
        if (link->state == AWAY) continue;
        pa_status status = export_machine(lane, link, sink, context);
        if (status == PA_OK) forget(lane, link);
        if (status == PA_ERROR_LIMIT) break; /* the host comes again in the next turn */
    }
    return PA_OK;
}

static uint32_t owns(void *lane_state, pa_socket socket, const pa_datagram_v1 *datagram) {
    machine_link *link = link_from(lane_state, datagram->remote);
    (void)socket;
    return link && link->state != AWAY;
}

static uint32_t remaining(void *lane_state) {
    vmport_lane *lane = lane_state;
    uint32_t found = 0;
    for (uint32_t i = 0; i < lane->module->machine_count; i++) found += lane->links[i].state != AWAY;
    return found;
}

/* ---- the new instance ---- */

static pa_status import_steering(vmport_lane *lane, const pa_handover_record_v1 *record) {
    steering_record steering;
    if (record->octets.length != sizeof steering) return PA_ERROR_ARGUMENT;
    memcpy(&steering, record->octets.start, sizeof steering);
    if (steering.count > MAX_MACHINES) return PA_ERROR_ARGUMENT;
    for (uint64_t i = 0; i < steering.count; i++) {
        machine_link *link = link_from(lane, &steering.machines[i].address);
        if (!link) continue; /* not listed any more */
        atomic_store(&link->machine->limit, steering.machines[i].limit);
        atomic_store(&link->machine->is_paused, steering.machines[i].is_paused);
    }
    return PA_OK;
}

static pa_status import_machine(vmport_lane *lane, pa_handover_record_v1 *record) {
    machine_record made;
    if (record->octets.length != sizeof made || record->held_count != 1) return PA_ERROR_ARGUMENT;
    memcpy(&made, record->octets.start, sizeof made);
    if (made.state != ASKING && made.state != OPENING && made.state != JOINED) return PA_ERROR_ARGUMENT;
    machine_link *link = link_from(lane, &made.address);
    if (!link || link->state != AWAY) return PA_ERROR_REFUSED;

    link->local = made.local;
    link->socket = made.socket;
    link->handle = made.handle;
    link->heard_at = made.heard_at;
    link->state = (link_state)made.state;
    atomic_store(&link->machine->frames_in, made.frames_in);
    atomic_store(&link->machine->frames_out, made.frames_out);
    if (link->state == JOINED) joined(lane, link);
    record->held[0].token = token_of(lane, link);
    return PA_OK;
}

static pa_status import(void *lane_state, pa_handover_record_v1 *record) {
    if (record->version < OLDEST || record->version > VERSION) return PA_ERROR_REFUSED;
    return record->connection == 0 ? import_steering(lane_state, record) : import_machine(lane_state, record);
}

static void import_ended(void *lane_state) { (void)lane_state; }

const pa_handover_module_v1 vmport_handover = {
    sizeof vmport_handover, VERSION, OLDEST, 0, export_lane, import, import_ended, owns, remaining,
};

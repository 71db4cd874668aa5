/* pa.handover/1: the connections of one instance go on in another one, while traffic flows.
 *
 * A swap goes lane by lane and there between two turns, a few milliseconds at a time. The new instance hears
 * `listening` for every listener, is offered what the lane shares (connection 0), and gets all that is new
 * from then on. Then the host asks the old instance for its connections, one record each, and offers them to
 * the new one. Sockets, streams, sessions, questions and timers stay the host's: a record names those that
 * its connection holds, and they follow it. What the new instance refuses stays with the old one, which
 * drains: it is asked of every datagram whether it is its own, and is ended with its last connection.
 */
#ifndef POLYHUB_PA_HANDOVER_H
#define POLYHUB_PA_HANDOVER_H

#include "pa_core.h"
#include "pa_datagram.h"
#include "pa_packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_HANDOVER "pa.handover/1"

/* What of the host's a connection holds. */
#define PA_HELD_SESSION 1u  /* a session, or the ticket of one that is being opened */
#define PA_HELD_STREAM 2u
#define PA_HELD_QUESTION 3u /* the ticket of a question about identity */
#define PA_HELD_IDENTITY 4u /* has no token; one that opened a session goes with that */
#define PA_HELD_TIMER 5u    /* its handle is the old instance's token */

/* One of them. The handle stays as it is; `import` writes the new instance's token over the old one's. */
typedef struct pa_held_v1 {
    uint32_t kind; /* PA_HELD_* */
    uint32_t reserved;
    uint64_t handle;
    uint64_t token;
} pa_held_v1;

typedef struct pa_handover_record_v1 {
    uint32_t size;
    uint32_t version;    /* of the octets, as the module counts */
    uint64_t connection; /* the old instance's number for it on this lane; 0: what the whole lane shares */
    pa_octets_v1 octets; /* lent for the length of the call, as everything here is */
    /* Objects of C libraries that both instances share by address, such as an SSL. They are the new
     * instance's when it takes the record. */
    void *const *objects;
    pa_held_v1 *held;
    uint32_t object_count;
    uint32_t held_count;
} pa_handover_record_v1;

/* What the host hands to `export_lane`: takes one record. PA_OK: the connection is gone from the old
 * instance, which forgets it without a word to its peer or to the host. PA_ERROR_REFUSED: it stays; go on
 * with the next. PA_ERROR_LIMIT: it stays for now; return, `export_lane` is called again next turn. */
typedef pa_status (*pa_handover_sink)(void *context, pa_handover_record_v1 *record);

/* What the module gives. */
typedef struct pa_handover_module_v1 {
    uint32_t size;
    uint32_t newest; /* the version that `export_lane` writes */
    uint32_t oldest; /* the oldest version that `import` reads */
    uint32_t reserved;
    /* [lane] Offers every connection that it has to the sink, what the lane shares first. */
    pa_status (*export_lane)(void *lane_state, pa_handover_sink sink, void *context);
    /* [lane] Takes a record, or refuses it and keeps nothing of it. Until it has returned, nothing in
     * `held` may be used. */
    pa_status (*import)(void *lane_state, pa_handover_record_v1 *record);
    /* [lane] No further record will come: the old instance has no connection left on this lane. */
    void (*import_ended)(void *lane_state);
    /* [lane] Asked of an old instance that has connections left: not 0 if one of them is meant. Changes
     * nothing. */
    uint32_t (*owns)(void *lane_state, pa_socket socket, const pa_datagram_v1 *datagram);
    /* [lane] How many connections the instance has on this lane. */
    uint32_t (*remaining)(void *lane_state);
} pa_handover_module_v1;

#ifdef __cplusplus
}
#endif
#endif

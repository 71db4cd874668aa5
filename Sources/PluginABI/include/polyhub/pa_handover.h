/* pa.handover/1: the connections of one instance go on in another one, while traffic flows.
 *
 * Lane by lane and between two turns the host asks the old instance for each of its connections as a record,
 * and offers the record to the new one. Sockets, sessions, streams and timers stay the host's: a record
 * carries their handles as they are. A record that the new instance refuses is given back to the old one,
 * which keeps it.
 */
#ifndef POLYHUB_PA_HANDOVER_H
#define POLYHUB_PA_HANDOVER_H

#include "pa_core.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_HANDOVER "pa.handover/1"

typedef struct pa_handover_record_v1 {
    uint32_t size;
    uint32_t version; /* of the octets, as the module counts */
    uint64_t connection; /* the old instance's name for it; 0: what the whole lane shares (keys, counters) */
    pa_octets_v1 octets; /* lent for the length of the call */
    /* Objects of C libraries that both instances share by address, such as an SSL. Whose they are follows the
     * record. */
    void *const *objects;
    uint32_t object_count;
    uint32_t session_count;
    /* Tokens of the sessions, streams and timers of this connection: from now on they stand for `new` tokens
     * that `import` writes over them. 0 is left alone. */
    uint64_t *session_tokens;
    uint64_t *stream_tokens;
    uint32_t stream_count;
    uint32_t reserved;
} pa_handover_record_v1;

/* What the host hands to `export_lane`: takes one record. PA_ERROR_REFUSED: the connection stays where it
 * is. */
typedef pa_status (*pa_handover_sink)(void *context, pa_handover_record_v1 *record);

/* What the module gives. */
typedef struct pa_handover_module_v1 {
    uint32_t size;
    uint32_t newest; /* the version that `export_lane` writes */
    uint32_t oldest; /* the oldest version that `import` reads */
    uint32_t reserved;
    /* [lane] Offers every connection to the sink, what the lane shares first. One that was taken is forgotten
     * without a word to its peer, and its objects are not freed. */
    pa_status (*export_lane)(void *lane_state, pa_handover_sink sink, void *context);
    /* [lane] Takes a record or refuses it and keeps nothing of it. */
    pa_status (*import)(void *lane_state, pa_handover_record_v1 *record);
} pa_handover_module_v1;

#ifdef __cplusplus
}
#endif
#endif

/* pa.stream/1: byte streams, TCP and TLS that the host ends.
 *
 * Listeners of plugins.conf: tcp://ADDRESS:PORT and tls://ADDRESS:PORT. Several modules may share a listener;
 * a new stream belongs to the first module that claims its first octets.
 */
#ifndef POLYHUB_PA_STREAM_H
#define POLYHUB_PA_STREAM_H

#include "pa_core.h"
#include "pa_packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_STREAM "pa.stream/1"

typedef uint64_t pa_stream; /* one connection; 0 is none */

#define PA_CLAIM_NO 0u
#define PA_CLAIM_YES 1u
#define PA_CLAIM_MORE 2u /* cannot tell yet; asked again with more octets, 4096 at most */

/* How a stream ended, or shall end. */
#define PA_STREAM_FLUSH 1u   /* by this side, after all queued octets */
#define PA_STREAM_RESET 2u   /* by this side, at once */
#define PA_STREAM_REMOTE 3u  /* the peer closed it */
#define PA_STREAM_FAILED 4u  /* reset, timed out, or the TLS broke */

/* What is known about a stream. Texts are lent for the length of the call that shows them. */
typedef struct pa_stream_facts_v1 {
    uint32_t size;
    uint32_t is_tls;
    pa_address_v1 remote;
    pa_address_v1 local;
    const char *tls_version; /* "TLSv1.3"; NULL without TLS */
    const char *tls_cipher;
    const char *server_name;            /* SNI, or NULL */
    pa_octets_v1 presented_certificate; /* DER of the certificate that the host presented */
    pa_octets_v1 peer_certificate;      /* DER of the client's, verified or not; empty without one */
} pa_stream_facts_v1;

/* What the host gives. */
typedef struct pa_stream_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Queues octets in order. They stay untouched by the module until the turn ends. *queued (may be
     * NULL) becomes what now waits to be taken by the kernel; PA_ERROR_LIMIT takes nothing: the queue is
     * full. */
    pa_status (*write)(
        pa_lane *lane, pa_stream stream, const pa_slice_v1 *slices, uint32_t count, size_t *queued);
    /* [lane] The same for octets that do not live so long: they are copied. */
    pa_status (*write_copy)(
        pa_lane *lane, pa_stream stream, const pa_slice_v1 *slices, uint32_t count, size_t *queued);
    /* [lane] Ends it: PA_STREAM_FLUSH or PA_STREAM_RESET. `closed` is not called for it any more. */
    pa_status (*close)(pa_lane *lane, pa_stream stream, uint32_t how);
    /* [lane] Fills *facts up to the facts->size that the caller set. */
    pa_status (*facts)(pa_lane *lane, pa_stream stream, pa_stream_facts_v1 *facts);
    /* [lane] Moves it to lane `index`, where `opened` is called with a new handle and `rest`, which is
     * copied, is received again in front of what follows. The old handle is void. */
    pa_status (*move)(pa_lane *lane, pa_stream stream, uint32_t index, uint64_t token, pa_octets_v1 rest);
} pa_stream_host_v1;

/* What the module gives. */
typedef struct pa_stream_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Looks at a new stream's first octets and answers PA_CLAIM_*. Keeps nothing. */
    uint32_t (*claim)(void *lane_state, const uint8_t *first, size_t count);
    /* [lane] The stream is the module's now. `moved_token` is what `move` was given, else 0. Returns the
     * token that comes with every later call about it. */
    uint64_t (*opened)(void *lane_state, pa_stream stream, uint64_t moved_token);
    /* [lane] What has arrived, in order, to be changed in place, lent until the turn ends. Returns how many
     * octets it took; the rest comes again, with more behind it. */
    size_t (*received)(void *lane_state, uint64_t token, pa_slice_v1 octets);
    /* [lane] A queue that was over half full is below that again. */
    void (*writable)(void *lane_state, uint64_t token, size_t queued);
    /* [lane] The last call about it. `how` is PA_STREAM_REMOTE or PA_STREAM_FAILED. */
    void (*closed)(void *lane_state, uint64_t token, uint32_t how);
} pa_stream_module_v1;

#ifdef __cplusplus
}
#endif
#endif

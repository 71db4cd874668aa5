/* pa.auth/1: who is it? The module passes on raw evidence and learns only the verdict.
 *
 * A name is `user@hub`; without `@` the default hub is meant. Each question is answered exactly once.
 */
#ifndef POLYHUB_PA_AUTH_H
#define POLYHUB_PA_AUTH_H

#include "pa_core.h"
#include "pa_packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_AUTH "pa.auth/1"

typedef uint64_t pa_ticket;   /* a question that is not answered yet; 0 is none */
typedef uint64_t pa_identity; /* somebody who was accepted, for one session and until its end; 0 is none */

/* Kinds of evidence, and what the fields of pa_evidence_v1 hold then. */
#define PA_EVIDENCE_PASSWORD 1u     /* secret: the password in clear text (PAP, OpenVPN) */
#define PA_EVIDENCE_MSCHAPV2 2u     /* challenge: 16 octets ours, 16 the peer's; secret: NT-Response, 24 */
#define PA_EVIDENCE_SOFTETHER 3u    /* challenge: 20 octets; secret: the 20-octet proof */
#define PA_EVIDENCE_CERTIFICATE 4u  /* certificate: DER; its chain was verified, the peer holds the key */
/* name: the phase-1 identity, authenticated by the pre-shared key, or by `certificate` where there is one */
#define PA_EVIDENCE_IKE_IDENTITY 5u
#define PA_EVIDENCE_EAP 6u          /* secret: one EAP packet; the conversation goes on by `continues` */
/* certificate: DER, whose key the peer holds; its chain was not verified, so only the whole certificate can
 * stand for somebody, not the name in it */
#define PA_EVIDENCE_BARE_CERTIFICATE 7u

typedef struct pa_evidence_v1 {
    uint32_t size;
    uint32_t kind; /* PA_EVIDENCE_* */
    pa_octets_v1 name;
    pa_octets_v1 secret;
    pa_octets_v1 challenge;
    pa_octets_v1 certificate; /* DER; may stand beside a password or IKE identity; its chain is verified */
    const pa_address_v1 *remote;
    const char *protocol; /* "OpenVPN", for policy and log */
    const char *software; /* what the client calls itself, or NULL */
    /* 0, or who this connection already is: asked again at renegotiation, or by EAP. Only the same user of
     * the same hub is accepted then, and keeps the identity. One that is released or whose session is over
     * is refused (PA_ERROR_HANDLE). */
    pa_identity continues;
} pa_evidence_v1;

/* Verdicts, and the refusals that a client may be told. */
#define PA_VERDICT_ACCEPTED 1u
#define PA_VERDICT_CONTINUE 2u    /* EAP: send `response` to the peer, come again with its answer */
#define PA_VERDICT_CREDENTIALS 3u /* unknown name or wrong proof; which of them stands in the log alone */
#define PA_VERDICT_HUB 4u         /* there is no such hub */
#define PA_VERDICT_DISABLED 5u    /* the user may not connect (now) */
#define PA_VERDICT_METHOD 6u      /* this kind of evidence cannot be judged for this user; try another */
#define PA_VERDICT_UNAVAILABLE 7u /* the one who would know did not answer */

typedef struct pa_verdict_v1 {
    uint32_t size;
    uint32_t code; /* PA_VERDICT_* */
    pa_identity identity;  /* when accepted */
    const char *user;      /* as the database spells it, when accepted */
    const char *hub;
    const char *sentence;  /* what the client may be told when refused */
    pa_octets_v1 response; /* MS-CHAPv2: the authenticator response, 20 octets; EAP: the packet to send */
    pa_octets_v1 receive_key; /* MasterReceiveKey, 16 octets, or the first half of the MSK; else empty */
    pa_octets_v1 send_key;
} pa_verdict_v1;

/* What the host gives. */
typedef struct pa_auth_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Asks; everything is copied. `decided` is called with `token`, never before this returns. Sets
     * *ticket. */
    pa_status (*ask)(pa_lane *lane, const pa_evidence_v1 *evidence, uint64_t token, pa_ticket *ticket);
    /* [lane] The answer is not wanted any more; `decided` is not called for it. */
    pa_status (*withdraw)(pa_lane *lane, pa_ticket ticket);
    /* [lane] The identity is not needed any more. One that opened a session ends with the session, and is not
     * touched by this. */
    void (*release)(pa_lane *lane, pa_identity identity);
} pa_auth_host_v1;

/* What the module gives. */
typedef struct pa_auth_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] The verdict is lent for the length of the call. */
    void (*decided)(void *lane_state, uint64_t token, const pa_verdict_v1 *verdict);
} pa_auth_module_v1;

#ifdef __cplusplus
}
#endif
#endif

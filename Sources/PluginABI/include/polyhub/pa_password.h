/* pa.password/1: somebody changes his own password, over a protocol that proves the old one and shows of the
 * new one only what it will be proved by.
 *
 * The host decides by the user's policy, and forgets whatever else it keeps of the old password.
 */
#ifndef POLYHUB_PA_PASSWORD_H
#define POLYHUB_PA_PASSWORD_H

#include "pa_auth.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_PASSWORD "pa.password/1"

typedef struct pa_new_password_v1 {
    uint32_t size;
    uint32_t reserved;
    pa_octets_v1 softether; /* 20 octets: SHA-0 over the password and the user's name in capitals */
    pa_octets_v1 nt_hash;   /* 16 octets: NtPasswordHash (RFC 2759); empty: not told */
} pa_new_password_v1;

typedef struct pa_password_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Asks; everything is copied. `evidence` proves the old password as in pa.auth/1, by
     * PA_EVIDENCE_SOFTETHER; other kinds are answered with PA_VERDICT_METHOD. The answer comes by `decided`
     * of pa.auth/1, with `token` and never before this returns: PA_VERDICT_ACCEPTED without an identity when
     * the new password counts; PA_VERDICT_DISABLED where policy keeps the user from changing it. `withdraw`
     * of pa.auth/1 ends the wait, not the change. Sets *ticket. */
    pa_status (*change)(
        pa_lane *lane, const pa_evidence_v1 *evidence, const pa_new_password_v1 *password, uint64_t token,
        pa_ticket *ticket);
} pa_password_host_v1;

#ifdef __cplusplus
}
#endif
#endif

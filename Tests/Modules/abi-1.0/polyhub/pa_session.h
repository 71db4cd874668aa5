/* pa.session/1: a client on a hub. Layer 2: Ethernet frames in and out. Layer 3: IP packets in and out. */
#ifndef POLYHUB_PA_SESSION_H
#define POLYHUB_PA_SESSION_H

#include "pa_auth.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PA_SESSION "pa.session/1"

typedef uint64_t pa_session; /* a port of a hub; 0 is none */

#define PA_LAYER_2 2u
#define PA_LAYER_3 3u

/* Why a session ends, was refused, or shall end. */
#define PA_REASON_CLIENT 1u        /* the client said goodbye */
#define PA_REASON_TIMEOUT 2u       /* the client is silent */
#define PA_REASON_PROTOCOL 3u      /* the client broke its protocol */
#define PA_REASON_TRANSPORT 4u     /* its stream or path is gone */
#define PA_REASON_AUTHENTICATION 5u
#define PA_REASON_ADMINISTRATOR 6u
#define PA_REASON_SHUTDOWN 7u      /* the server or the module stops */
#define PA_REASON_NO_ADDRESS 8u    /* no address could be had, or the lease was lost */
#define PA_REASON_POLICY 9u
#define PA_REASON_REPLACED 10u     /* the same client has connected anew */

/* What a session is opened with. Everything is copied. */
typedef struct pa_session_request_v1 {
    uint32_t size;
    uint32_t layer;       /* PA_LAYER_* */
    pa_identity identity; /* whose session; used up by this, also when it is refused */
    uint32_t mtu;         /* largest IP packet that fits the tunnel whole; the host clamps TCP MSS to it */
    uint16_t headroom;    /* octets that the adapter puts in front of a frame, and behind it: 192 at most */
    uint16_t tailroom;
    const char *protocol; /* "OpenVPN" */
    const char *cipher;   /* of the data channel */
    const char *software; /* what the client calls itself, or NULL */
    const char *host_name; /* of the client, for DHCP; or NULL */
    pa_octets_v1 instance; /* tells devices of one user apart, the same at each connection; may be empty */
    pa_address_v1 remote;
    pa_address_v1 wish;   /* layer 3: the address that the client asks for; PA_FAMILY_NONE: any */
} pa_session_request_v1;

/* A route that the client shall use through the tunnel, IPv4 in the first four octets. */
typedef struct pa_route_v1 {
    uint8_t family;
    uint8_t prefix;
    uint8_t reserved[6];
    uint8_t network[16];
    uint8_t gateway[16];
} pa_route_v1;

/* What a layer-3 client gets, from DHCP or from the user's record. Lent for the length of the call. */
typedef struct pa_session_parameters_v1 {
    uint32_t size;
    uint32_t prefix; /* length of the mask */
    pa_address_v1 address;
    pa_address_v1 gateway; /* PA_FAMILY_NONE: none */
    const pa_address_v1 *dns;
    const pa_address_v1 *wins;
    const pa_route_v1 *routes;
    uint32_t dns_count;
    uint32_t wins_count;
    uint32_t route_count;
    uint32_t lease_seconds; /* 0: for ever */
    uint32_t mtu;           /* of the hub's network; 0: not said */
    uint32_t reserved;
    const char *domain;     /* or NULL */
} pa_session_parameters_v1;

/* What the host gives. */
typedef struct pa_session_host_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] Answered by `opened` or `refused` with `token`, never before this returns. Sets *ticket. */
    pa_status (*open)(pa_lane *lane, const pa_session_request_v1 *request, uint64_t token, pa_ticket *ticket);
    /* [lane] Neither `opened` nor `refused` will be called; an address that is being leased is given back. */
    pa_status (*withdraw)(pa_lane *lane, pa_ticket ticket);
    /* [lane] From the client to the hub: frames or packets, in place, untouched by the module until the turn
     * ends. The host may write the headroom and tailroom of each. */
    pa_status (*receive)(pa_lane *lane, pa_session session, pa_slice_v1 *batch, uint32_t count);
    /* [lane] The client has moved, or its cipher has changed; NULL leaves a value as it is. */
    pa_status (*update)(pa_lane *lane, pa_session session, const pa_address_v1 *remote, const char *cipher);
    /* [lane] Ends it with PA_REASON_*; `sentence` for the log, or NULL. No call with its token follows. */
    pa_status (*close)(pa_lane *lane, pa_session session, uint32_t reason, const char *sentence);
} pa_session_host_v1;

/* What the module gives. */
typedef struct pa_session_module_v1 {
    uint32_t size;
    uint32_t reserved;
    /* [lane] `parameters` is NULL at layer 2. */
    void (*opened)(
        void *lane_state, uint64_t token, pa_session session, const pa_session_parameters_v1 *parameters);
    /* [lane] PA_REASON_* and a sentence that the client may be told. */
    void (*refused)(void *lane_state, uint64_t token, uint32_t reason, const char *sentence);
    /* [lane] From the hub to the client: to be sealed in place and sent before this returns. Each slice has
     * the headroom and tailroom that the request declared, and belongs to the module until the turn ends. */
    void (*transmit)(void *lane_state, uint64_t token, pa_slice_v1 *batch, uint32_t count);
    /* [lane] The host ends the session: tell the client in the protocol's words. The handle is void. */
    void (*closed)(void *lane_state, uint64_t token, uint32_t reason, const char *sentence);
} pa_session_module_v1;

#ifdef __cplusplus
}
#endif
#endif

/* A hub port for virtual machines: each machine is a UDP peer that sends and gets raw Ethernet frames, one a
 * datagram, as QEMU's `-netdev dgram` does.
 *
 * The files: module.c (life, options, the exported symbol), lane.c (frames and sessions), handover.c (how
 * machines go on in a newer version of this library), commands.c (what `polyhubctl module call` reaches),
 * machine.c (addresses).
 */
#ifndef VMPORT_H
#define VMPORT_H

#include <stdatomic.h>
#include <stdint.h>
#include "polyhub/packet_adapter.h"

#define MAX_MACHINES 64 /* that one section of plugins.conf lists: lanes search them one by one */

/* A machine as every thread sees it. Lanes count, commands read and steer, so what changes is atomic. */
typedef struct machine {
    char name[64]; /* as plugins.conf writes it */
    pa_address_v1 address;
    _Atomic uint32_t is_joined;
    _Atomic uint64_t frames_in;
    _Atomic uint64_t frames_out;
    _Atomic uint32_t is_paused;
    _Atomic double limit; /* of what it sends, in Mbit/s; 0: none */
} machine;

/* One instance of the module. Whatever is not atomic is written in `start` and only read afterwards. */
typedef struct vmport {
    pa_module_v1 table;
    const pa_host_v1 *host;
    const pa_datagram_host_v1 *datagram;
    const pa_session_host_v1 *session;
    const pa_auth_host_v1 *auth;
    const pa_timer_host_v1 *timer;
    const pa_option_host_v1 *option;
    const pa_log_host_v1 *log;       /* NULL where the host has none */
    const pa_metric_host_v1 *metric; /* NULL where the host has none */

    const char *user; /* the host's texts, lent until `stop` */
    const char *password;
    uint32_t mtu;
    _Atomic int64_t silence; /* seconds after which a machine has left; 0: never */

    machine machines[MAX_MACHINES];
    uint32_t machine_count;
    uint32_t strangers, dropped, joined; /* metrics */
    char answer[MAX_MACHINES * 160];     /* the text of the last command, [control] */
} vmport;

/* How far a machine has come. Its first datagram makes it ask for a session; it sends nothing to log in
 * with, so the user and the password of plugins.conf speak for it. */
typedef enum link_state { AWAY, ASKING, OPENING, JOINED } link_state;

/* A machine as one lane knows it. Its place in the lane's array, plus one, is its token in every table. */
typedef struct machine_link {
    machine *machine;
    link_state state;
    uint64_t handle;     /* what it holds of the host: a question, the ticket of a session, a session */
    pa_socket socket;    /* the listener that it came through, */
    pa_address_v1 local; /* and the address that it called */
    uint64_t heard_at;
    uint64_t retry_at;
    double allowance;    /* octets that its limit lets it send now */
    uint64_t allowed_at;
} machine_link;

typedef struct vmport_lane {
    vmport *module;
    pa_lane *lane;
    int is_ticking;
    machine_link links[MAX_MACHINES];
} vmport_lane;

/* machine.c */
int parse_machine(const char *text, machine *made); /* 1 if "ADDRESS:PORT" or "[ADDRESS]:PORT" */
machine *machine_named(vmport *module, const char *text); /* NULL: not listed */
int same_address(const pa_address_v1 *a, const pa_address_v1 *b);

/* lane.c */
extern const pa_datagram_module_v1 vmport_datagrams;
extern const pa_auth_module_v1 vmport_verdicts;
extern const pa_session_module_v1 vmport_sessions;
extern const pa_timer_module_v1 vmport_timers;
machine_link *link_from(vmport_lane *lane, const pa_address_v1 *remote); /* NULL: not listed */
uint64_t token_of(const vmport_lane *lane, const machine_link *link);
void joined(vmport_lane *lane, machine_link *link);
void left(vmport_lane *lane, machine_link *link);
pa_status enter_lane(void *state, pa_lane *lane, uint32_t index, uint32_t count, void **lane_state);
void close_lane(void *lane_state);
void leave_lane(void *lane_state);

/* handover.c */
extern const pa_handover_module_v1 vmport_handover;

/* commands.c */
extern const pa_command_module_v1 vmport_commands;

#endif

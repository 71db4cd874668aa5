#define _GNU_SOURCE
#include "steering.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* What a peer is found by: an IPv4 address has zeros behind it. Both in network order. */
typedef struct peer_key {
    uint8_t address[16];
    uint16_t port;
    uint16_t zero;
} peer_key;

enum { IPV4_SOURCE = 12, IPV6_SOURCE = 8 };
/* Where the program's variables are, from the frame pointer down. */
enum { INDEX = -4, KEY = -24, KEY_PORT = KEY + 16 };

_Static_assert(sizeof(peer_key) == INDEX - KEY, "the key lies below the index");

static int bpf(enum bpf_cmd command, union bpf_attr *attributes) {
    long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);
    return result < 0 ? -errno : (int)result;
}

static int make_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.map_type = type;
    attributes.key_size = key;
    attributes.value_size = value;
    attributes.max_entries = entries;
    return bpf(BPF_MAP_CREATE, &attributes);
}

static int set_entry(int map, const void *key, const void *value) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.map_fd = (uint32_t)map;
    attributes.key = (uint64_t)(uintptr_t)key;
    attributes.value = (uint64_t)(uintptr_t)value;
    attributes.flags = BPF_ANY;
    return bpf(BPF_MAP_UPDATE_ELEM, &attributes);
}

/* ---- the program ---- */

#define OP(c, d, s, o, i) \
    ((struct bpf_insn){.code = (c), .dst_reg = BPF_REG_##d, .src_reg = BPF_REG_##s, .off = (o), .imm = (i)})
#define MOVE(d, s) OP(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, value) OP(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, value)
#define ADD(d, value) OP(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, value)
#define LOAD(size, d, s, offset) OP(BPF_LDX | BPF_MEM | (size), d, s, offset, 0)
#define STORE(size, d, offset, s) OP(BPF_STX | BPF_MEM | (size), d, s, offset, 0)
#define CALL(function) OP(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##function)
#define JUMP(count) OP(BPF_JMP | BPF_JA, 0, 0, count, 0)
#define JUMP_IF(condition, d, value, count) OP(BPF_JMP | (condition) | BPF_K, d, 0, count, value)
#define EXIT OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two instructions: the address of a map. */
#define LOAD_MAP(d, fd) \
    ((struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_##d, \
                       .src_reg = BPF_PSEUDO_MAP_FD, .imm = (fd)}), \
        ((struct bpf_insn){0})

/* Registers 1 to 5 are a call's arguments and 0 is its result; 6 keeps the context. Whatever goes wrong, the
 * answer is "pass" without a socket, and the kernel goes by its own hash. The numbers are those of the
 * instructions, from which jumps are counted. */
static int load_program(int peers, int sockets) {
    enum { IPV6 = 21, PASS = 40 };
    const int protocol = offsetof(struct sk_reuseport_md, eth_protocol);
    const struct bpf_insn code[] = {
        /*  0 */ MOVE(6, 1), SET(0, 0),
        /*  2 */ STORE(BPF_DW, 10, KEY, 0), STORE(BPF_DW, 10, KEY + 8, 0), STORE(BPF_W, 10, KEY_PORT, 0),
        /*  5 the source port, at the front of the UDP header */
        MOVE(1, 6), SET(2, 0), MOVE(3, 10), ADD(3, KEY_PORT), SET(4, 2), CALL(skb_load_bytes),
        /* 11 */ JUMP_IF(BPF_JNE, 0, 0, PASS - 12),
        /* 12 the source address, in the IP header */
        LOAD(BPF_W, 7, 6, (int16_t)protocol), MOVE(1, 6), MOVE(3, 10), ADD(3, KEY), SET(5, BPF_HDR_START_NET),
        /* 17 */ JUMP_IF(BPF_JEQ, 7, htons(ETH_P_IPV6), IPV6 - 18),
        /* 18 */ SET(2, IPV4_SOURCE), SET(4, 4), JUMP(IPV6 + 2 - 21),
        /* 21 */ SET(2, IPV6_SOURCE), SET(4, 16),
        /* 23 */ CALL(skb_load_bytes_relative), JUMP_IF(BPF_JNE, 0, 0, PASS - 25),
        /* 25 */ LOAD_MAP(1, peers), MOVE(2, 10), ADD(2, KEY), CALL(map_lookup_elem),
        /* 30 */ JUMP_IF(BPF_JEQ, 0, 0, PASS - 31),
        /* 31 */ LOAD(BPF_W, 7, 0, 0), STORE(BPF_W, 10, INDEX, 7),
        /* 33 */ MOVE(1, 6), LOAD_MAP(2, sockets), MOVE(3, 10), ADD(3, INDEX), SET(4, 0),
        /* 39 */ CALL(sk_select_reuseport),
        /* 40 */ SET(0, SK_PASS), EXIT,
    };
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_SK_REUSEPORT;
    attributes.insns = (uint64_t)(uintptr_t)code;
    attributes.insn_cnt = sizeof code / sizeof code[0];
    attributes.license = (uint64_t)(uintptr_t)"";
    return bpf(BPF_PROG_LOAD, &attributes);
}

/* ---- the tables ---- */

static void close_all(clinux_steering *steering) {
    int *all[] = {&steering->peers, &steering->sockets, &steering->program};
    for (int i = 0; i < 3; i++) {
        if (*all[i] >= 0) close(*all[i]);
        *all[i] = -1;
    }
}

static int fill(clinux_steering *steering, const int *fds, uint32_t count) {
    steering->peers =
        make_map(BPF_MAP_TYPE_LRU_HASH, sizeof(peer_key), sizeof(uint32_t), CLINUX_STEERED_PEERS);
    if (steering->peers < 0) return steering->peers;
    steering->sockets =
        make_map(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, sizeof(uint32_t), sizeof(uint64_t), count);
    if (steering->sockets < 0) return steering->sockets;
    for (uint32_t index = 0; index < count; index++) {
        uint64_t fd = (uint64_t)fds[index];
        int error = set_entry(steering->sockets, &index, &fd);
        if (error < 0) return error;
    }
    steering->program = load_program(steering->peers, steering->sockets);
    if (steering->program < 0) return steering->program;
    int result = setsockopt(fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &steering->program,
                            sizeof steering->program);
    return result < 0 ? -errno : 0;
}

int clinux_steering_open(clinux_steering *steering, const int *fds, uint32_t count) {
    *steering = (clinux_steering){-1, -1, -1};
    int error = fill(steering, fds, count);
    if (error < 0) close_all(steering);
    return error;
}

void clinux_steering_close(clinux_steering *steering) { close_all(steering); }

int clinux_steer(const clinux_steering *steering, const pa_address_v1 *peer, uint32_t index) {
    peer_key key;
    memset(&key, 0, sizeof key);
    memcpy(key.address, peer->octets, peer->family == PA_FAMILY_IPV6 ? 16 : 4);
    key.port = htons(peer->port);
    return set_entry(steering->peers, &key, &index);
}

#else
int clinux_steering_open(clinux_steering *steering, const int *fds, uint32_t count) {
    (void)fds, (void)count;
    *steering = (clinux_steering){-1, -1, -1};
    return -ENOSYS;
}
void clinux_steering_close(clinux_steering *steering) { (void)steering; }
int clinux_steer(const clinux_steering *steering, const pa_address_v1 *peer, uint32_t index) {
    (void)steering, (void)peer, (void)index;
    return -ENOSYS;
}
#endif

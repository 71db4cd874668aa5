/* Opening, binding and pinning datagram sockets. */
#define _GNU_SOURCE
#include "udp.h"

#include "address.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/filter.h>
#endif

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define QUEUE_CAPACITY 1024

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int is_any(const pa_address_v1 *address) {
    static const uint8_t none[16];
    return memcmp(address->octets, none, sizeof none) == 0;
}

static void set_buffers(int fd, int octets) {
    if (octets <= 0) return;
#ifdef __linux__
    if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, octets) < 0) set(fd, SOL_SOCKET, SO_RCVBUF, octets);
    if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, octets) < 0) set(fd, SOL_SOCKET, SO_SNDBUF, octets);
#else
    set(fd, SOL_SOCKET, SO_RCVBUF, octets);
    set(fd, SOL_SOCKET, SO_SNDBUF, octets);
#endif
}

static int configure(clinux_socket *socket, int is_v6, uint32_t flags) {
    int fd = socket->fd, error = 0;
    if (is_v6 && socket->kind == CLINUX_UDP) error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (error < 0) return error;
    if (socket->wildcard) {
        error = is_v6 ? set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : set(fd, IPPROTO_IP, IP_PKTINFO, 1);
        if (error < 0) return error;
    }
#ifdef __linux__
    if (socket->kind == CLINUX_UDP) {
        socket->gro = !(flags & CLINUX_NO_GRO) && set(fd, IPPROTO_UDP, UDP_GRO, 1) == 0;
        socket->gso = !(flags & CLINUX_NO_GSO);
    }
#endif
    return 0;
}

int clinux_socket_open(clinux_socket *opened, uint8_t kind, int protocol, const pa_address_v1 *local,
                       uint32_t flags, int buffer_octets) {
    clinux_name name;
    socklen_t length = clinux_to_name(local, &name);
    if (length == 0) return -EAFNOSUPPORT;
    memset(opened, 0, sizeof *opened);
    opened->kind = kind;
    opened->wildcard = (uint8_t)is_any(local);
    opened->gso_ceiling = 65535;
    opened->depth = CLINUX_MESSAGES;
    int type = (kind == CLINUX_RAW ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    opened->fd = socket(name.any.sa_family, type, kind == CLINUX_RAW ? protocol : IPPROTO_UDP);
    if (opened->fd < 0) return -errno;
    int error = configure(opened, name.any.sa_family == AF_INET6, flags);
    /* Whoever shares and asks for any port may be given one at which others share already: so first the port,
     * then the sharing. */
    int shares = (flags & CLINUX_REUSE_PORT) != 0, takes_any = local->port == 0;
    if (error == 0 && shares && !takes_any) error = set(opened->fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && bind(opened->fd, &name.any, length) < 0) error = -errno;
    if (error == 0 && shares && takes_any) error = set(opened->fd, SOL_SOCKET, SO_REUSEPORT, 1);
    length = sizeof name;
    if (error == 0 && getsockname(opened->fd, &name.any, &length) < 0) error = -errno;
    opened->queue = error == 0 ? calloc(QUEUE_CAPACITY, sizeof *opened->queue) : NULL;
    if (error == 0 && !opened->queue) error = -ENOMEM;
    if (error < 0) {
        clinux_socket_close(opened);
        return error;
    }
    opened->capacity = QUEUE_CAPACITY;
    clinux_from_name(&name, &opened->local);
    if (kind == CLINUX_RAW) opened->local.port = 0;
    set_buffers(opened->fd, buffer_octets);
    return 0;
}

void clinux_socket_close(clinux_socket *socket) {
    if (socket->fd >= 0) close(socket->fd);
    free(socket->queue);
    socket->fd = -1;
    socket->queue = NULL;
    socket->queued = socket->capacity = 0;
}

int clinux_probe(const pa_address_v1 *local, int is_stream) {
    clinux_name name;
    socklen_t length = clinux_to_name(local, &name);
    if (length == 0) return -EAFNOSUPPORT;
    if (local->port == 0) return 0;
    int fd = socket(name.any.sa_family, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (name.any.sa_family == AF_INET6) set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    /* Connections of an earlier server that wait for their end are no reason to refuse. */
    if (is_stream) set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    int error = bind(fd, &name.any, length) < 0 ? -errno : 0;
    close(fd);
    return error;
}

/* Knuth's multiplicative hash: neighbours in one network spread over the lanes. */
#define HASH_FACTOR 0x9E3779B1u
#define HASH_SHIFT 16

uint32_t clinux_source_hash(const pa_address_v1 *source) {
    uint32_t words[4];
    memcpy(words, source->octets, sizeof words);
    uint32_t folded = ntohl(words[0]);
    if (source->family == PA_FAMILY_IPV6) folded ^= ntohl(words[1]) ^ ntohl(words[2]) ^ ntohl(words[3]);
    return (folded * HASH_FACTOR) >> HASH_SHIFT;
}

#ifdef __linux__
/* Loads hash(source) % count into the accumulator; the number of instructions. */
static unsigned short hash_program(struct sock_filter *code, uint8_t family, uint32_t count) {
    struct sock_filter *next = code;
    uint32_t source = (uint32_t)SKF_NET_OFF + (family == PA_FAMILY_IPV6 ? 8 : 12);
    *next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source);
    for (uint32_t word = 1; family == PA_FAMILY_IPV6 && word < 4; word++) {
        *next++ = (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0);
        *next++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 4 * word);
        *next++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0);
    }
    *next++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, HASH_FACTOR);
    *next++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, HASH_SHIFT);
    *next++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count);
    return (unsigned short)(next - code);
}

int clinux_pin_by_source(int fd, uint8_t family, uint32_t count) {
    struct sock_filter code[20];
    unsigned short length = hash_program(code, family, count);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
    struct sock_fprog program = {.len = length, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) < 0 ? -errno : 0;
}

int clinux_filter_by_source(int fd, uint8_t family, uint32_t count, uint32_t index) {
    struct sock_filter code[20];
    unsigned short length = hash_program(code, family, count);
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, index, 0, 1);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = length, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0 ? -errno : 0;
}
#else
int clinux_pin_by_source(int fd, uint8_t family, uint32_t count) {
    (void)fd, (void)family;
    return count == 1 ? 0 : -ENOSYS;
}
int clinux_filter_by_source(int fd, uint8_t family, uint32_t count, uint32_t index) {
    (void)fd, (void)family, (void)index;
    return count == 1 ? 0 : -ENOSYS;
}
#endif

int clinux_address_parse(const char *text, pa_address_v1 *address) {
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, address->octets) == 1) {
        address->family = PA_FAMILY_IPV4;
        return 0;
    }
    char bare[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "%");
    if (length >= sizeof bare) return -EINVAL;
    memcpy(bare, text, length);
    bare[length] = 0;
    if (inet_pton(AF_INET6, bare, address->octets) != 1) return -EINVAL;
    address->family = PA_FAMILY_IPV6;
    if (text[length] == '%') {
        char *end;
        address->scope = if_nametoindex(text + length + 1);
        if (address->scope == 0) address->scope = (uint32_t)strtoul(text + length + 1, &end, 10);
        if (address->scope == 0) return -EINVAL;
    }
    return 0;
}

int clinux_address_text(const pa_address_v1 *address, char *text, int capacity) {
    int family = address->family == PA_FAMILY_IPV4 ? AF_INET : AF_INET6;
    if (address->family == PA_FAMILY_NONE || !inet_ntop(family, address->octets, text, (socklen_t)capacity))
        return -EINVAL;
    size_t used = strlen(text);
    if (address->scope) snprintf(text + used, (size_t)capacity - used, "%%%u", address->scope);
    return 0;
}

/* Receiving and sending datagrams in batches. */
#define _GNU_SOURCE
#include "udp.h"

#include "batch.h"
#include "loop.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/uio.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#ifdef __linux__

clinux_receiver *clinux_receiver_new(void) {
    clinux_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    receiver->buffers = clinux_pages_map((uint64_t)STRIDE * CLINUX_MESSAGES);
    if (!receiver->buffers) {
        free(receiver);
        return NULL;
    }
    for (int i = 0; i < CLINUX_MESSAGES; i++) {
        receiver->vectors[i].iov_base = receiver->buffers + (size_t)i * STRIDE + CLINUX_HEADROOM;
        receiver->vectors[i].iov_len = MESSAGE_OCTETS;
        struct msghdr *header = &receiver->headers[i].msg_hdr;
        header->msg_name = &receiver->names[i];
        header->msg_iov = &receiver->vectors[i];
        header->msg_iovlen = 1;
        header->msg_control = receiver->control[i];
    }
    return receiver;
}

void clinux_receiver_free(clinux_receiver *receiver) {
    clinux_pages_unmap(receiver->buffers, (uint64_t)STRIDE * CLINUX_MESSAGES);
    free(receiver);
}

int clinux_receiver_holds(const clinux_receiver *receiver, const void *address) {
    uintptr_t start = (uintptr_t)receiver->buffers, wanted = (uintptr_t)address;
    return wanted >= start && wanted - start < (uintptr_t)STRIDE * CLINUX_MESSAGES;
}

pa_datagram_v1 *clinux_received(clinux_receiver *receiver) { return receiver->datagrams; }

/* Reads the control messages: the address that was asked, and the size of coalesced segments (0: none). */
static uint32_t read_control(struct msghdr *header, pa_address_v1 *local) {
    int segment = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo found;
            memcpy(&found, CMSG_DATA(c), sizeof found);
            /* spec_dst is our address also where the packet was sent to a broadcast address. */
            memcpy(local->octets, &found.ipi_spec_dst, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo found;
            memcpy(&found, CMSG_DATA(c), sizeof found);
            memcpy(local->octets, &found.ipi6_addr, 16);
            int is_link_local = local->octets[0] == 0xfe && (local->octets[1] & 0xc0) == 0x80;
            local->scope = is_link_local ? (uint32_t)found.ipi6_ifindex : 0;
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
        }
    }
    return segment > 0 ? (uint32_t)segment : 0;
}

/* Splits one message into its datagrams; their count. */
static uint32_t split(pa_datagram_v1 *out, uint8_t *start, uint32_t length, uint32_t segment,
                      const pa_address_v1 *remote, const pa_address_v1 *local) {
    if (segment == 0 || segment >= length) {
        pa_slice_v1 slice = {start, length, CLINUX_HEADROOM, CLINUX_TAILROOM};
        *out = (pa_datagram_v1){.payload = slice, .remote = remote, .local = local};
        return 1;
    }
    uint32_t count = 0;
    for (uint32_t at = 0; at < length && count < CLINUX_SEGMENTS; at += segment, count++) {
        uint32_t size = length - at < segment ? length - at : segment;
        uint16_t tailroom = at + size == length ? CLINUX_TAILROOM : 0;
        pa_slice_v1 slice = {start + at, size, at == 0 ? CLINUX_HEADROOM : 0, tailroom};
        out[count] = (pa_datagram_v1){.payload = slice, .remote = remote, .local = local};
    }
    return count;
}

/* A raw IPv4 socket shows the IP header, which becomes headroom. Zero when there is no whole header. */
static int strip_ip_header(pa_slice_v1 *slice) {
    uint32_t header = slice->length ? (slice->start[0] & 15u) * 4 : 0;
    if (header < 20 || header > slice->length) return 0;
    slice->start += header;
    slice->length -= header;
    slice->headroom = (uint16_t)(slice->headroom + header);
    return 1;
}

static void choose_depth(clinux_socket *socket, int messages, uint32_t datagrams) {
    if (datagrams > WANTED_DATAGRAMS && socket->depth > 8) socket->depth /= 2;
    else if (datagrams < WANTED_DATAGRAMS / 2 && (uint32_t)messages == socket->depth
             && socket->depth < CLINUX_MESSAGES)
        socket->depth *= 2;
}

int clinux_receive(clinux_receiver *receiver, clinux_socket *socket, clinux_counters *counters) {
    for (uint32_t i = 0; i < socket->depth; i++) {
        struct msghdr *header = &receiver->headers[i].msg_hdr;
        header->msg_namelen = sizeof receiver->names[i];
        header->msg_controllen = sizeof receiver->control[i];
        header->msg_flags = 0;
    }
    int messages = recvmmsg(socket->fd, receiver->headers, socket->depth, MSG_DONTWAIT, NULL);
    counters->receive_calls++;
    if (messages < 0) {
        if (errno != EAGAIN && errno != EINTR) counters->receive_errors++;
        return 0;
    }
    uint32_t count = 0;
    for (int i = 0; i < messages; i++) {
        struct msghdr *header = &receiver->headers[i].msg_hdr;
        if (header->msg_flags & MSG_TRUNC) {
            counters->truncated++;
            continue;
        }
        uint32_t length = receiver->headers[i].msg_len;
        clinux_from_name(&receiver->names[i], &receiver->remotes[i]);
        receiver->locals[i] = socket->local;
        uint32_t segment = read_control(header, &receiver->locals[i]);
        pa_datagram_v1 *first = receiver->datagrams + count;
        uint32_t parts = split(first, receiver->vectors[i].iov_base, length, segment, &receiver->remotes[i],
                               &receiver->locals[i]);
        if (socket->kind == CLINUX_RAW) {
            receiver->remotes[i].port = 0;
            if (socket->local.family == PA_FAMILY_IPV4 && !strip_ip_header(&first->payload)) continue;
        }
        count += parts;
        counters->received_octets += length;
    }
    counters->received_messages += (uint64_t)messages;
    counters->received_datagrams += count;
    choose_depth(socket, messages, count);
    return (int)count;
}

/* ---- sending ---- */

clinux_sender *clinux_sender_new(void) {
    clinux_sender *sender = calloc(1, sizeof *sender);
    if (!sender) return NULL;
    for (int i = 0; i < CLINUX_MESSAGES; i++) {
        sender->headers[i].msg_hdr.msg_name = &sender->names[i];
        sender->headers[i].msg_hdr.msg_iov = sender->vectors[i];
    }
    return sender;
}

void clinux_sender_free(clinux_sender *sender) { free(sender); }

static int same_flow(const clinux_outgoing *a, const clinux_outgoing *b) {
    return memcmp(&a->remote, &b->remote, 2 * sizeof a->remote) == 0;
}

/* Adds a control message behind those that are there; its room. */
static void *add_control(struct msghdr *header, uint8_t *room, int level, int type, size_t size) {
    struct cmsghdr *c = (struct cmsghdr *)(void *)(room + header->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    header->msg_control = room;
    header->msg_controllen += CMSG_SPACE(size);
    return CMSG_DATA(c);
}

static void add_source(struct msghdr *header, uint8_t *room, const pa_address_v1 *local) {
    if (local->family == PA_FAMILY_IPV4) {
        struct in_pktinfo source = {0};
        memcpy(&source.ipi_spec_dst, local->octets, 4);
        memcpy(add_control(header, room, IPPROTO_IP, IP_PKTINFO, sizeof source), &source, sizeof source);
    } else if (local->family == PA_FAMILY_IPV6) {
        struct in6_pktinfo source = {0};
        memcpy(&source.ipi6_addr, local->octets, 16);
        source.ipi6_ifindex = local->scope;
        memcpy(add_control(header, room, IPPROTO_IPV6, IPV6_PKTINFO, sizeof source), &source, sizeof source);
    }
}

static void begin_row(clinux_sender *sender, const clinux_socket *socket, uint32_t at,
                      const clinux_outgoing *datagram) {
    struct msghdr *header = &sender->headers[at].msg_hdr;
    row *made = &sender->rows[at];
    sender->vectors[at][0] = (struct iovec){datagram->start, datagram->length};
    header->msg_iovlen = 1;
    header->msg_namelen = clinux_to_name(&datagram->remote, &sender->names[at]);
    header->msg_control = NULL;
    header->msg_controllen = 0;
    if (socket->wildcard) add_source(header, sender->control[at], &datagram->local);
    *made = (row){.first = datagram, .segment = datagram->length, .octets = datagram->length, .segments = 1};
    made->is_open = socket->gso && datagram->length > 0 && datagram->length <= socket->gso_ceiling;
    made->address_control = (socklen_t)header->msg_controllen;
}

/* Puts the datagram behind the last one of its flow, where the kernel can cut them apart again. */
static int join_row(clinux_sender *sender, uint32_t rows, const clinux_outgoing *datagram) {
    uint32_t last = rows > LOOK_BACK ? rows - LOOK_BACK : 0;
    for (uint32_t at = rows; at-- > last;) {
        row *found = &sender->rows[at];
        if (!same_flow(found->first, datagram)) continue;
        if (!found->is_open || datagram->length > found->segment || datagram->length == 0
            || found->segments == ROW_SEGMENTS || found->octets + datagram->length > ROW_OCTETS)
            return 0;
        sender->vectors[at][found->segments++] = (struct iovec){datagram->start, datagram->length};
        found->octets += datagram->length;
        found->is_open = datagram->length == found->segment;
        return 1;
    }
    return 0;
}

static void finish_rows(clinux_sender *sender, uint32_t rows) {
    for (uint32_t at = 0; at < rows; at++) {
        if (sender->rows[at].segments == 1) continue;
        struct msghdr *header = &sender->headers[at].msg_hdr;
        uint16_t segment = (uint16_t)sender->rows[at].segment;
        header->msg_iovlen = sender->rows[at].segments;
        void *room = add_control(header, sender->control[at], IPPROTO_UDP, UDP_SEGMENT, sizeof segment);
        memcpy(room, &segment, sizeof segment);
    }
}

static void count_sent(const row *sent, clinux_counters *counters) {
    counters->sent_messages++;
    counters->sent_datagrams += sent->segments;
    counters->sent_octets += sent->octets;
}

/* The kernel would not cut the message: its datagrams leave one by one, and that size is not tried again. */
static void send_apart(clinux_sender *sender, clinux_socket *socket, uint32_t at, int error,
                       clinux_counters *counters) {
    row *refused = &sender->rows[at];
    counters->segment_fallbacks++;
    if (error == EINVAL || error == EMSGSIZE) socket->gso_ceiling = refused->segment - 1;
    else socket->gso = 0;
    struct msghdr header = sender->headers[at].msg_hdr;
    header.msg_controllen = refused->address_control;
    if (header.msg_controllen == 0) header.msg_control = NULL;
    header.msg_iovlen = 1;
    for (uint32_t i = 0; i < refused->segments; i++) {
        header.msg_iov = &sender->vectors[at][i];
        row one = {.segments = 1, .octets = (uint32_t)header.msg_iov->iov_len};
        counters->send_calls++;
        if (sendmsg(socket->fd, &header, MSG_DONTWAIT) >= 0) count_sent(&one, counters);
        else if (errno == EAGAIN || errno == ENOBUFS) counters->unsent_full++;
        else counters->unsent_error++;
    }
}

static void send_rows(clinux_sender *sender, clinux_socket *socket, uint32_t rows,
                      clinux_counters *counters) {
    uint32_t at = 0;
    int retried = 0;
    while (at < rows) {
        int sent = sendmmsg(socket->fd, sender->headers + at, rows - at, MSG_DONTWAIT);
        int error = errno;
        counters->send_calls++;
        if (sent > 0) {
            for (int i = 0; i < sent; i++) count_sent(&sender->rows[at++], counters);
            retried = 0;
            continue;
        }
        /* An ICMP error about an earlier datagram is reported in place of sending this one. */
        if ((error == EINTR || error == ECONNREFUSED) && !retried) {
            retried = 1;
            continue;
        }
        retried = 0;
        const row *stuck = &sender->rows[at];
        if (error == EAGAIN || error == ENOBUFS) {
            for (; at < rows; at++) counters->unsent_full += sender->rows[at].segments;
        } else if (stuck->segments > 1
                   && (error == EINVAL || error == EMSGSIZE || error == EIO || error == EOPNOTSUPP)) {
            send_apart(sender, socket, at++, error, counters);
        } else {
            counters->unsent_error += stuck->segments;
            at++;
        }
    }
}

void clinux_flush(clinux_socket *socket, clinux_sender *sender, clinux_counters *counters) {
    uint32_t next = 0;
    while (next < socket->queued) {
        uint32_t rows = 0;
        for (; next < socket->queued; next++) {
            const clinux_outgoing *datagram = &socket->queue[next];
            if (join_row(sender, rows, datagram)) continue;
            if (rows == CLINUX_MESSAGES) break;
            begin_row(sender, socket, rows++, datagram);
        }
        finish_rows(sender, rows);
        send_rows(sender, socket, rows, counters);
    }
    socket->queued = 0;
}

void clinux_enqueue(clinux_socket *socket, clinux_sender *sender, const pa_datagram_v1 *datagrams,
                    uint32_t count, clinux_counters *counters) {
    static const pa_address_v1 anywhere;
    for (uint32_t i = 0; i < count; i++) {
        const pa_datagram_v1 *datagram = &datagrams[i];
        if (!datagram->remote || datagram->remote->family != socket->local.family) {
            counters->unsent_address++;
            continue;
        }
        if (socket->queued == socket->capacity) clinux_flush(socket, sender, counters);
        clinux_outgoing *slot = &socket->queue[socket->queued++];
        slot->start = datagram->payload.start;
        slot->length = datagram->payload.length;
        slot->remote = *datagram->remote;
        slot->local = socket->wildcard && datagram->local ? *datagram->local : anywhere;
    }
}

#endif

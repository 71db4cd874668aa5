#define _GNU_SOURCE
#include "frames.h"

#include "bridge.h"

#ifdef __linux__
#include "batch.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(BRIDGE_BATCH == CLINUX_MESSAGES, "a batch of frames fits the buffers");

static void keep(clinux_receiver *receiver, uint32_t at, uint32_t from, uint32_t length) {
    uint8_t *start = receiver->vectors[from].iov_base;
    receiver->frames[at] = (pa_slice_v1){start, length, CLINUX_HEADROOM, CLINUX_TAILROOM};
}

static int read_frames(clinux_receiver *receiver, int fd, clinux_counters *counters) {
    uint32_t count = 0;
    for (; count < CLINUX_MESSAGES; count++) {
        ssize_t length = read(fd, receiver->vectors[count].iov_base, receiver->vectors[count].iov_len);
        counters->receive_calls++;
        if (length < 0 && count == 0 && errno != EAGAIN && errno != EINTR) return -errno;
        if (length <= 0) break;
        keep(receiver, count, count, (uint32_t)length);
        counters->received_octets += (uint64_t)length;
    }
    counters->received_messages += count;
    return (int)count;
}

static int receive_messages(clinux_receiver *receiver, int fd, clinux_counters *counters) {
    for (int i = 0; i < CLINUX_MESSAGES; i++) {
        struct msghdr *header = &receiver->headers[i].msg_hdr;
        header->msg_namelen = 0;
        header->msg_controllen = 0;
        header->msg_flags = 0;
    }
    int messages = recvmmsg(fd, receiver->headers, CLINUX_MESSAGES, MSG_DONTWAIT, NULL);
    counters->receive_calls++;
    if (messages < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)messages; i++) {
        uint32_t length = receiver->headers[i].msg_len;
        /* A SEQPACKET socket tells its end by an empty message, and then again each time. */
        if (length == 0) return count > 0 ? (int)count : -EPIPE;
        if (receiver->headers[i].msg_hdr.msg_flags & MSG_TRUNC) {
            counters->truncated++;
            continue;
        }
        keep(receiver, count++, i, length);
        counters->received_octets += length;
    }
    counters->received_messages += (uint64_t)messages;
    return (int)count;
}

/* Puts VLAN tags back and completes checksums. */
static int receive_packets(clinux_receiver *receiver, int fd, clinux_counters *counters) {
    struct bridge_slot slots[BRIDGE_BATCH];
    for (int i = 0; i < BRIDGE_BATCH; i++) {
        const struct iovec *room = &receiver->vectors[i];
        slots[i] = (struct bridge_slot){room->iov_base, (uint32_t)room->iov_len, 0};
    }
    int messages = bridge_receive(fd, slots, BRIDGE_BATCH);
    counters->receive_calls++;
    if (messages < 0) return messages;
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)messages; i++) {
        if (slots[i].length == 0) counters->truncated++;
        else keep(receiver, count++, i, slots[i].length);
        counters->received_octets += slots[i].length;
    }
    counters->received_messages += (uint64_t)messages;
    return (int)count;
}

static int receive_frames(clinux_receiver *receiver, int fd, uint32_t kind, clinux_counters *counters) {
    switch (kind) {
    case CLINUX_TAP: return read_frames(receiver, fd, counters);
    case CLINUX_PACKET: return receive_packets(receiver, fd, counters);
    default: return receive_messages(receiver, fd, counters);
    }
}

int clinux_frames_receive(clinux_receiver *receiver, int fd, uint32_t kind, clinux_counters *counters) {
    int count = receive_frames(receiver, fd, kind, counters);
    if (count > 0) counters->received_datagrams += (uint64_t)count;
    return count;
}

pa_slice_v1 *clinux_frames(clinux_receiver *receiver) { return receiver->frames; }

/* Down and gone are the same errors, but the kernel takes an interface that went off the socket's address
 * (packet_notifier), also when the name is there again. */
static int packet_socket_lost(int fd) {
    struct sockaddr_ll address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -errno;
    return address.sll_ifindex > 0 ? 0 : -ENODEV;
}

int clinux_frames_lost(int fd, uint32_t kind, int result) {
    switch (kind) {
    case CLINUX_PACKET: return packet_socket_lost(fd);
    /* What tun_chr_read_iter answers when the queue has lost its interface. */
    case CLINUX_TAP: return result == -EBADFD ? -ENODEV : 0;
    default: return result == -EPIPE ? -EPIPE : 0;
    }
}

static void count_load(load carried, clinux_counters *counters) {
    counters->sent_messages++;
    counters->sent_datagrams += carried.datagrams;
    counters->sent_octets += carried.octets;
}

static void count_failure(clinux_counters *counters, uint32_t datagrams) {
    if (errno == EAGAIN || errno == ENOBUFS) counters->unsent_full += datagrams;
    else counters->unsent_error += datagrams;
}

static void write_frames(int fd, const pa_slice_v1 *frames, uint32_t count, clinux_counters *counters) {
    for (uint32_t i = 0; i < count; i++) {
        counters->send_calls++;
        load one = {1, frames[i].length};
        if (write(fd, frames[i].start, one.octets) >= 0) count_load(one, counters);
        else count_failure(counters, 1);
    }
}

void clinux_message_send(int fd, const struct msghdr *header, load carried, clinux_counters *counters) {
    counters->send_calls++;
    if (sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) count_load(carried, counters);
    else count_failure(counters, carried.datagrams);
}

/* What drivers, and the kernel for them, answer to a message that they would have to cut. */
static int is_refused_as_one(load carried) {
    return carried.datagrams > 1
        && (errno == EINVAL || errno == EMSGSIZE || errno == EIO || errno == EOPNOTSUPP);
}

uint32_t clinux_batch_send(clinux_sender *sender, int fd, uint32_t at, uint32_t count,
                           clinux_counters *counters) {
    while (at < count) {
        int sent = sendmmsg(fd, sender->headers + at, count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        counters->send_calls++;
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) {
                for (; at < count; at++) counters->unsent_full += sender->loads[at].datagrams;
                return count;
            }
            if (is_refused_as_one(sender->loads[at])) return at;
            count_failure(counters, sender->loads[at++].datagrams);
            continue;
        }
        for (int i = 0; i < sent; i++) count_load(sender->loads[at++], counters);
    }
    return count;
}

void clinux_frames_send(clinux_sender *sender, int fd, uint32_t kind, const pa_slice_v1 *frames,
                        uint32_t count, clinux_counters *counters) {
    if (kind == CLINUX_TAP) {
        write_frames(fd, frames, count, counters);
        return;
    }
    while (count > 0) {
        uint32_t batch = count < CLINUX_MESSAGES ? count : CLINUX_MESSAGES;
        for (uint32_t i = 0; i < batch; i++) {
            struct msghdr *header = &sender->headers[i].msg_hdr;
            sender->vectors[i][0] = (struct iovec){frames[i].start, frames[i].length};
            sender->loads[i] = (load){1, frames[i].length};
            header->msg_iovlen = 1;
            header->msg_namelen = 0;
            header->msg_control = NULL;
            header->msg_controllen = 0;
        }
        clinux_batch_send(sender, fd, 0, batch, counters);
        frames += batch;
        count -= batch;
    }
}

#endif

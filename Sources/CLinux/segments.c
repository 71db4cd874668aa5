#define _GNU_SOURCE
#include "frames.h"

#ifdef __linux__
#include "batch.h"
#include "checksum.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* TCP segments of one flow that continue each other leave as one message, which the kernel or the network
 * card cuts into the same segments again. As in the kernel's own GRO nothing is joined that would not come
 * out as it went in: only ACK, and PSH on the last, the same headers but for the sequence number, all of one
 * size but for the last, and a checksum that is right, since it is made anew. Only the identification of an
 * IPv4 packet that must not be fragmented may change, which means nothing there (RFC 6864 4.1). */

enum { ETHERNET = 14, IPV4 = 20, IPV6 = 40, TCP = 20, MOST_OCTETS = 65000 };
enum { VNET = sizeof(struct virtio_net_hdr) };
enum { PSH = 0x08, ACK = 0x10 };

_Static_assert(SEGMENT_HEAD >= VNET + ETHERNET + IPV6 + 60, "the longest header fits");

static uint32_t load16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static uint32_t load32(const uint8_t *at) { return load16(at) << 16 | load16(at + 2); }

static void store16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Whether the frame is an unfragmented TCP segment, which then is `found`. Frames with VLAN tags are not
 * looked into. */
static int parse(const pa_slice_v1 *slice, segment *found) {
    const uint8_t *frame = slice->start, *ip = frame + ETHERNET;
    if (slice->length < ETHERNET + IPV4 + TCP) return 0;
    uint32_t type = load16(frame + 12), end;
    int is_plain = 1;
    if (type == ETH_P_IP) {
        if (ip[0] != 0x45 || ip[9] != IPPROTO_TCP || (load16(ip + 6) & 0x3fff)) return 0;
        is_plain = (ip[6] & 0x40) != 0;
        found->is_ipv6 = 0;
        found->transport = ETHERNET + IPV4;
        end = ETHERNET + load16(ip + 2);
    } else if (type == ETH_P_IPV6 && slice->length >= ETHERNET + IPV6 + TCP) {
        if (ip[0] >> 4 != 6 || ip[6] != IPPROTO_TCP) return 0;
        found->is_ipv6 = 1;
        found->transport = ETHERNET + IPV6;
        end = found->transport + load16(ip + 4);
    } else {
        return 0;
    }
    const uint8_t *tcp = frame + found->transport;
    uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
    /* Padding behind the packet would not come back. */
    if (end != slice->length || header < TCP || end < found->transport + header) return 0;
    found->frame = frame;
    found->head = found->transport + header;
    found->payload = end - found->head;
    found->sequence = load32(tcp + 4);
    found->is_plain = is_plain && found->payload > 0 && (tcp[13] & ~PSH) == ACK && (tcp[12] & 15) == 0;
    return 1;
}

/* Whether the checksums of both layers are. */
static int is_right(const segment *one) {
    const uint8_t *ip = one->frame + ETHERNET;
    uint32_t length = one->head - one->transport + one->payload;
    if (!one->is_ipv6 && checksum_fold(checksum_add(ip, IPV4, 0)) != 0xffff) return 0;
    uint64_t total = checksum_pseudo_header(ip, one->is_ipv6, IPPROTO_TCP, length);
    return checksum_fold(checksum_add(one->frame + one->transport, length, total)) == 0xffff;
}

/* The addresses of both layers, and the ports. */
static int is_same_flow(const segment *a, const segment *b) {
    if (a->transport != b->transport || memcmp(a->frame, b->frame, ETHERNET) != 0) return 0;
    uint32_t from = a->is_ipv6 ? ETHERNET + 8 : ETHERNET + 12;
    return memcmp(a->frame + from, b->frame + from, a->transport + 4 - from) == 0;
}

/* Whether the headers of two segments of a flow differ in nothing but what a cut makes different. */
static int is_alike(const segment *a, const segment *b) {
    const uint8_t *one = a->frame + ETHERNET, *two = b->frame + ETHERNET;
    const uint8_t *here = a->frame + a->transport, *there = b->frame + b->transport;
    if (a->head != b->head) return 0;
    if (a->is_ipv6 ? memcmp(one, two, 4) || memcmp(one + 6, two + 6, 2)
                   : memcmp(one, two, 2) || memcmp(one + 6, two + 6, 4))
        return 0;
    return memcmp(here + 8, there + 8, 5) == 0 && memcmp(here + 14, there + 14, 2) == 0
        && memcmp(here + 18, there + 18, a->head - a->transport - 18) == 0;
}

/* Whether the segment was put behind those of the row. One of the same flow that cannot be closes the row. */
static int join(segment_row *row, struct iovec *vectors, const segment *one) {
    if (!row->is_open || !is_same_flow(&row->first, one)) return 0;
    int fits = one->is_plain && one->sequence == row->next && one->payload <= row->first.payload
        && row->octets + one->payload <= MOST_OCTETS && row->segments + 2 <= ROW_SEGMENTS
        && is_alike(&row->first, one) && (row->is_checked || is_right(&row->first)) && is_right(one);
    row->is_open = fits;
    if (!fits) return 0;
    row->is_checked = 1;
    vectors[1 + row->segments++] = (struct iovec){(void *)(one->frame + one->head), one->payload};
    row->octets += one->head + one->payload;
    row->next += one->payload;
    row->is_pushed = one->frame[one->transport + 13] & PSH;
    row->is_open = one->payload == row->first.payload && !row->is_pushed;
    return 1;
}

static void begin(segment_row *row, struct iovec *vectors, const pa_slice_v1 *frame, const segment *one) {
    row->segments = 1;
    row->octets = frame->length;
    row->is_open = one != NULL && one->is_plain && !(one->frame[one->transport + 13] & PSH);
    vectors[1] = (struct iovec){frame->start, frame->length};
    if (!row->is_open) return;
    row->first = *one;
    row->next = one->sequence + one->payload;
    row->is_checked = row->is_pushed = 0;
}

/* Writes the headers of the whole message to `head`, behind the word to the kernel of how to cut it. */
static void write_head(const segment_row *row, struct iovec *vectors, uint8_t *head) {
    const segment *first = &row->first;
    struct virtio_net_hdr how = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = first->is_ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
        .hdr_len = (uint16_t)first->head, .gso_size = (uint16_t)first->payload,
        .csum_start = (uint16_t)first->transport, .csum_offset = 16};
    memcpy(head, &how, VNET);
    memcpy(head + VNET, first->frame, first->head);
    uint8_t *ip = head + VNET + ETHERNET, *tcp = head + VNET + first->transport;
    uint32_t length = first->head - first->transport + (row->next - first->sequence);
    if (first->is_ipv6) {
        store16(ip + 4, length);
    } else {
        store16(ip + 2, IPV4 + length);
        store16(ip + 10, 0);
        store16(ip + 10, ~(uint32_t)checksum_fold(checksum_add(ip, IPV4, 0)));
    }
    if (row->is_pushed) tcp[13] |= PSH;
    store16(tcp + 16, checksum_fold(checksum_pseudo_header(ip, first->is_ipv6, IPPROTO_TCP, length)));
    vectors[0] = (struct iovec){head, VNET + first->head};
    vectors[1] = (struct iovec){(void *)(first->frame + first->head), first->payload};
}

static const struct virtio_net_hdr whole;

/* The interface would not have the message: its segments leave as the frames that they were. All have as many
 * octets in front of the payload. */
static void send_apart(clinux_sender *sender, int fd, uint32_t at, clinux_counters *counters) {
    const segment_row *row = &sender->segment_rows[at];
    const struct iovec *payloads = sender->vectors[at] + 1;
    uint32_t head = row->first.head;
    for (uint32_t i = 0; i < row->segments; i++) {
        struct iovec frame[2] = {{(void *)&whole, VNET},
                                 {(uint8_t *)payloads[i].iov_base - head, payloads[i].iov_len + head}};
        struct msghdr header = {.msg_iov = frame, .msg_iovlen = 2};
        clinux_message_send(fd, &header, (load){1, (uint32_t)frame[1].iov_len}, counters);
    }
}

static void send_rows(clinux_sender *sender, int fd, int32_t *joins, uint32_t count,
                      clinux_counters *counters) {
    for (uint32_t i = 0; i < count; i++) {
        struct msghdr *header = &sender->headers[i].msg_hdr;
        const segment_row *row = &sender->segment_rows[i];
        sender->loads[i] = (load){row->segments, row->octets};
        if (row->segments > 1) write_head(row, sender->vectors[i], sender->heads[i]);
        else sender->vectors[i][0] = (struct iovec){(void *)&whole, VNET};
        header->msg_iovlen = 1 + row->segments;
        header->msg_namelen = 0;
        header->msg_control = NULL;
        header->msg_controllen = 0;
    }
    for (uint32_t at = 0; (at = clinux_batch_send(sender, fd, at, count, counters)) < count; at++) {
        counters->segment_fallbacks++;
        *joins = 0;
        send_apart(sender, fd, at, counters);
    }
}

void clinux_segments_send(clinux_sender *sender, int fd, int32_t *joins, const pa_slice_v1 *frames,
                          uint32_t count, clinux_counters *counters) {
    uint32_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        segment one;
        const segment *found = *joins && parse(&frames[i], &one) ? &one : NULL;
        int is_joined = 0;
        for (uint32_t back = 1; found && !is_joined && back <= rows && back <= LOOK_BACK; back++)
            is_joined = join(&sender->segment_rows[rows - back], sender->vectors[rows - back], found);
        if (is_joined) continue;
        if (rows == CLINUX_MESSAGES) {
            send_rows(sender, fd, joins, rows, counters);
            rows = 0;
        }
        begin(&sender->segment_rows[rows], sender->vectors[rows], &frames[i], found);
        rows++;
    }
    if (rows > 0) send_rows(sender, fd, joins, rows, counters);
}

#endif

#define _GNU_SOURCE
#include "bridge.h"

#ifdef __linux__
#include "checksum.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TAG = 4, ADDRESSES = 12 };

static void finish(uint8_t *segment, size_t length, uint8_t protocol, uint64_t pseudo_header)
{
    size_t field = protocol == IPPROTO_TCP ? 16 : 6;
    if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || length < field + 2) return;
    memset(segment + field, 0, 2);
    uint16_t checksum = (uint16_t)~checksum_fold(checksum_add(segment, length, pseudo_header));
    if (checksum == 0 && protocol == IPPROTO_UDP) checksum = 0xffff;
    segment[field] = (uint8_t)(checksum >> 8);
    segment[field + 1] = (uint8_t)checksum;
}

/* The sender's kernel left the TCP or UDP checksum to hardware that this frame never met. An IPv6 packet with
 * extension headers is left as it is. */
static void complete_checksum(uint8_t *frame, size_t length)
{
    size_t at = ADDRESSES;
    uint16_t type = 0;
    for (int tags = 0; at + 2 <= length; at += TAG) {
        type = (uint16_t)(frame[at] << 8 | frame[at + 1]);
        if ((type != ETH_P_8021Q && type != ETH_P_8021AD) || ++tags > 2) break;
    }
    at += 2;
    if (type == ETH_P_IP && at + 20 <= length) {
        uint8_t *ip = frame + at;
        size_t header = (size_t)(ip[0] & 15) * 4, total = (size_t)ip[2] << 8 | ip[3];
        if (header < 20 || total < header || at + total > length) return;
        if ((ip[6] & 0x3f) || ip[7]) return;
        size_t payload = total - header;
        finish(ip + header, payload, ip[9], checksum_pseudo_header(ip, 0, ip[9], payload));
    } else if (type == ETH_P_IPV6 && at + 40 <= length) {
        uint8_t *ip = frame + at;
        size_t payload = (size_t)ip[4] << 8 | ip[5];
        if (at + 40 + payload > length) return;
        finish(ip + 40, payload, ip[6], checksum_pseudo_header(ip, 1, ip[6], payload));
    }
}

static const struct tpacket_auxdata *auxiliary(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA
            && c->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata)))
            return (const struct tpacket_auxdata *)CMSG_DATA(c);
    return NULL;
}

/* Gives the frame's length, or 0 if the tag has no room. */
static uint32_t restore(struct bridge_slot *slot, uint32_t length, const struct tpacket_auxdata *aux)
{
    uint8_t *frame = slot->start;
    if ((aux->tp_status & TP_STATUS_VLAN_VALID) && length >= ADDRESSES) {
        if (length + TAG > slot->capacity) return 0;
        uint16_t type = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q;
        memmove(frame + ADDRESSES + TAG, frame + ADDRESSES, length - ADDRESSES);
        frame[ADDRESSES] = (uint8_t)(type >> 8);
        frame[ADDRESSES + 1] = (uint8_t)type;
        frame[ADDRESSES + 2] = (uint8_t)(aux->tp_vlan_tci >> 8);
        frame[ADDRESSES + 3] = (uint8_t)aux->tp_vlan_tci;
        length += TAG;
    }
    if (aux->tp_status & TP_STATUS_CSUMNOTREADY) complete_checksum(frame, length);
    return length;
}

static int read_frames(int fd, struct bridge_slot *slots, unsigned count)
{
    unsigned done = 0;
    for (; done < count; done++) {
        ssize_t length = read(fd, slots[done].start, slots[done].capacity);
        if (length < 0) {
            if (done == 0 && errno != EAGAIN && errno != EINTR) return -errno;
            break;
        }
        slots[done].length = (uint32_t)length;
    }
    return (int)done;
}

int bridge_receive(int fd, struct bridge_slot *slots, unsigned count)
{
    struct mmsghdr messages[BRIDGE_BATCH];
    struct iovec vectors[BRIDGE_BATCH];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control[BRIDGE_BATCH];

    if (count > BRIDGE_BATCH) count = BRIDGE_BATCH;
    for (unsigned i = 0; i < count; i++) {
        vectors[i] = (struct iovec){slots[i].start, slots[i].capacity};
        messages[i] = (struct mmsghdr){.msg_hdr = {
            .msg_iov = &vectors[i], .msg_iovlen = 1,
            .msg_control = control[i].bytes, .msg_controllen = sizeof control[i].bytes}};
    }
    int received = recvmmsg(fd, messages, count, MSG_DONTWAIT, NULL);
    if (received < 0) {
        if (errno == ENOTSOCK) return read_frames(fd, slots, count);
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    }
    for (int i = 0; i < received; i++) {
        uint32_t length = messages[i].msg_len;
        /* A message of nothing on a SEQPACKET socket is its end; frames are never empty. */
        if (length == 0) return i > 0 ? i : -EPIPE;
        const struct tpacket_auxdata *aux = auxiliary(&messages[i].msg_hdr);
        if (messages[i].msg_hdr.msg_flags & MSG_TRUNC) length = 0;
        slots[i].length = length && aux ? restore(&slots[i], length, aux) : length;
    }
    return received;
}

int bridge_send(int fd, const void *frame, size_t length)
{
    ssize_t sent = send(fd, frame, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == ENOTSOCK) sent = write(fd, frame, length);
    return sent < 0 ? -errno : 0;
}

#endif

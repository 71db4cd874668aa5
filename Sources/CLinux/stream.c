#define _GNU_SOURCE
#include "stream.h"

#include "address.h"
#include "loop.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

#define BACKLOG 1024

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

int clinux_listener_open(const pa_address_v1 *local, int reuse_port, pa_address_v1 *bound) {
    clinux_name name;
    socklen_t length = clinux_to_name(local, &name);
    if (length == 0) return -EAFNOSUPPORT;
    int fd = socket(name.any.sa_family, SOCK_STREAM, 0);
    if (fd < 0) return -errno;
    int error = clinux_set_nonblocking(fd);
    if (error == 0 && name.any.sa_family == AF_INET6) error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (error == 0) error = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    /* Any port: a free one first, then the sharing, as with datagrams. */
    if (error == 0 && reuse_port && local->port != 0) error = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && bind(fd, &name.any, length) < 0) error = -errno;
    if (error == 0 && reuse_port && local->port == 0) error = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (error == 0 && listen(fd, BACKLOG) < 0) error = -errno;
    length = sizeof name;
    if (error == 0 && getsockname(fd, &name.any, &length) < 0) error = -errno;
    if (error < 0) {
        close(fd);
        return error;
    }
    clinux_from_name(&name, bound);
    return fd;
}

int clinux_accept(int listener, pa_address_v1 *remote, pa_address_v1 *local) {
    clinux_name name;
    socklen_t length = sizeof name;
#ifdef __linux__
    int fd = accept4(listener, &name.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return -errno;
#else
    int fd = accept(listener, &name.any, &length);
    if (fd < 0) return -errno;
    clinux_set_nonblocking(fd);
#endif
    clinux_from_name(&name, remote);
    length = sizeof name;
    if (getsockname(fd, &name.any, &length) == 0) clinux_from_name(&name, local);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    return fd;
}

int64_t clinux_stream_read(int fd, void *start, uint64_t capacity) {
    ssize_t count = recv(fd, start, capacity, MSG_DONTWAIT);
    return count < 0 ? -(int64_t)errno : count;
}

int64_t clinux_stream_peek(int fd) {
    uint8_t octet = 0;
    ssize_t count = recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count < 0) return -(int64_t)errno;
    return count == 0 ? CLINUX_STREAM_END : octet;
}

int64_t clinux_stream_write(int fd, const pa_slice_v1 *slices, uint32_t count) {
    struct iovec vectors[CLINUX_STREAM_SLICES];
    if (count > CLINUX_STREAM_SLICES) count = CLINUX_STREAM_SLICES;
    for (uint32_t i = 0; i < count; i++) vectors[i] = (struct iovec){slices[i].start, slices[i].length};
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    ssize_t taken = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return taken < 0 ? -(int64_t)errno : taken;
}

void clinux_stream_finish(int fd) { shutdown(fd, SHUT_WR); }

void clinux_stream_reset(int fd) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

int clinux_is_retry(int64_t result) {
    return result == -EAGAIN || result == -EWOULDBLOCK || result == -EINTR;
}

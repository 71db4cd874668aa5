#define _GNU_SOURCE
#include "bridge.h"

#ifdef __linux__

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool set_name(struct ifreq *request, const char *name)
{
    memset(request, 0, sizeof *request);
    size_t length = strlen(name);
    if (length == 0 || length >= IFNAMSIZ) return false;
    memcpy(request->ifr_name, name, length);
    return true;
}

/* One ioctl about an interface. */
static int ask(unsigned long command, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int result = ioctl(fd, command, request) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static int close_with_error(int fd)
{
    int error = errno;
    close(fd);
    return -error;
}

int bridge_open_tap(const char *name)
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return -errno;
    if (ioctl(fd, TUNSETIFF, &request) < 0) return close_with_error(fd);
    return fd;
}

static int bind_packet_socket(int fd, int index)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
    int one = 1;
    if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0) return -1;
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) return -1;
    return bind(fd, (struct sockaddr *)&address, sizeof address);
}

int bridge_open_packet_socket(int index)
{
    /* Protocol 0: nothing arrives, from whatever interface, until the socket is bound. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct packet_mreq membership = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    int bytes = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    if (bind_packet_socket(fd, index) < 0) return close_with_error(fd);
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) < 0)
        return close_with_error(fd);
    return fd;
}

int bridge_open_sending_socket(int index)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_ifindex = index};
    int one = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0) return close_with_error(fd);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return close_with_error(fd);
    return fd;
}

int bridge_open_dhcp_socket(int index)
{
    static struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 8),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14 + 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14 + 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14 + 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 67, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
        return close_with_error(fd);
    if (bind_packet_socket(fd, index) < 0) return close_with_error(fd);
    return fd;
}

int bridge_open_pair(int ends[2], int bytes)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    for (int i = 0; i < 2; i++)
        if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
            setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return 0;
}

int bridge_hold_udp_port(const char *interface, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, least = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) < 0)
        return close_with_error(fd);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return close_with_error(fd);
    return fd;
}

/* MARK: interfaces */

int bridge_interface_mtu(const char *name)
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    int result = ask(SIOCGIFMTU, &request);
    return result < 0 ? result : request.ifr_mtu;
}

int bridge_set_interface_mtu(const char *name, int mtu)
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    request.ifr_mtu = mtu;
    return ask(SIOCSIFMTU, &request);
}

int bridge_interface_up(const char *name)
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    int result = ask(SIOCGIFFLAGS, &request);
    if (result < 0) return result;
    if ((request.ifr_flags & IFF_UP) != 0) return 0;
    request.ifr_flags |= IFF_UP;
    return ask(SIOCSIFFLAGS, &request);
}

bool bridge_interface_is_ethernet(const char *name)
{
    struct ifreq request;
    return set_name(&request, name) && ask(SIOCGIFHWADDR, &request) == 0
        && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

int bridge_interface_mac(const char *name, uint8_t mac[6])
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    int result = ask(SIOCGIFHWADDR, &request);
    memcpy(mac, request.ifr_hwaddr.sa_data, 6);
    return result;
}

int bridge_set_interface_mac(const char *name, const uint8_t mac[6])
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, mac, 6);
    return ask(SIOCSIFHWADDR, &request);
}

bool bridge_interface_has_address(const char *name)
{
    struct ifreq request;
    return set_name(&request, name) && ask(SIOCGIFADDR, &request) == 0;
}

int bridge_set_interface_address(const char *name, uint32_t address, uint32_t mask)
{
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(&request.ifr_addr, &value, sizeof value);
    int result = ask(SIOCSIFADDR, &request);
    if (result < 0) return result;
    value.sin_addr.s_addr = htonl(mask);
    memcpy(&request.ifr_netmask, &value, sizeof value);
    return ask(SIOCSIFNETMASK, &request);
}

static int ethtool(const char *name, uint32_t command, uint32_t *value)
{
    struct ethtool_value question = {.cmd = command, .data = *value};
    struct ifreq request;
    if (!set_name(&request, name)) return -EINVAL;
    request.ifr_data = (void *)&question;
    int result = ask(SIOCETHTOOL, &request);
    *value = question.data;
    return result;
}

unsigned bridge_offloads(const char *name)
{
    unsigned on = 0;
    uint32_t value = 0, flags = 0;
    if (ethtool(name, ETHTOOL_GGRO, &value) == 0 && value != 0) on |= BRIDGE_OFFLOAD_GRO;
    if (ethtool(name, ETHTOOL_GFLAGS, &flags) == 0 && (flags & ETH_FLAG_LRO)) on |= BRIDGE_OFFLOAD_LRO;
    return on;
}

void bridge_switch_offloads(const char *name, unsigned which, bool on)
{
    uint32_t value = on, flags = 0;
    if (which & BRIDGE_OFFLOAD_GRO) ethtool(name, ETHTOOL_SGRO, &value);
    if ((which & BRIDGE_OFFLOAD_LRO) == 0 || ethtool(name, ETHTOOL_GFLAGS, &flags) < 0) return;
    flags = on ? flags | ETH_FLAG_LRO : flags & ~(uint32_t)ETH_FLAG_LRO;
    ethtool(name, ETHTOOL_SFLAGS, &flags);
}

#endif

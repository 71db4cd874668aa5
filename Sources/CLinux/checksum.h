/* The Internet checksum, RFC 1071. Linux only. */
#ifndef CLINUX_CHECKSUM_H
#define CLINUX_CHECKSUM_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* In the machine's order, not folded. Only the last piece may have an odd length. */
static inline uint64_t checksum_add(const uint8_t *bytes, size_t count, uint64_t total) {
    for (; count >= 4; count -= 4, bytes += 4) {
        uint32_t word;
        memcpy(&word, bytes, 4);
        total += word;
    }
    uint32_t last = 0;
    memcpy(&last, bytes, count);
    return total + last;
}

/* Folded, in network order, not complemented. */
static inline uint16_t checksum_fold(uint64_t total) {
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return ntohs((uint16_t)total);
}

/* Of `length` octets of a transport protocol between the addresses of the IP header. */
static inline uint64_t checksum_pseudo_header(const uint8_t *ip, int is_ipv6, uint8_t protocol,
                                              size_t length) {
    uint64_t total = (uint64_t)htonl((uint32_t)length) + htonl(protocol);
    return is_ipv6 ? checksum_add(ip + 8, 32, total) : checksum_add(ip + 12, 8, total);
}

#endif

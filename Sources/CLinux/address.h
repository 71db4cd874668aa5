/* Socket addresses and the ABI's addresses, for the C files of this target. */
#ifndef CLINUX_ADDRESS_H
#define CLINUX_ADDRESS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <polyhub/pa_packet.h>
#include <string.h>
#include <sys/socket.h>

typedef union clinux_name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} clinux_name;

/* The length of the name, 0 when the family is none that we know. */
static inline socklen_t clinux_to_name(const pa_address_v1 *address, clinux_name *name) {
    if (address->family == PA_FAMILY_IPV4) {
        memset(&name->v4, 0, sizeof name->v4);
        name->v4.sin_family = AF_INET;
        name->v4.sin_port = htons(address->port);
        memcpy(&name->v4.sin_addr, address->octets, 4);
        return sizeof name->v4;
    }
    if (address->family == PA_FAMILY_IPV6) {
        memset(&name->v6, 0, sizeof name->v6);
        name->v6.sin6_family = AF_INET6;
        name->v6.sin6_port = htons(address->port);
        name->v6.sin6_scope_id = address->scope;
        memcpy(&name->v6.sin6_addr, address->octets, 16);
        return sizeof name->v6;
    }
    return 0;
}

static inline void clinux_from_name(const clinux_name *name, pa_address_v1 *address) {
    memset(address, 0, sizeof *address);
    if (name->any.sa_family == AF_INET) {
        address->family = PA_FAMILY_IPV4;
        address->port = ntohs(name->v4.sin_port);
        memcpy(address->octets, &name->v4.sin_addr, 4);
    } else if (name->any.sa_family == AF_INET6) {
        address->family = PA_FAMILY_IPV6;
        address->port = ntohs(name->v6.sin6_port);
        address->scope = name->v6.sin6_scope_id;
        memcpy(address->octets, &name->v6.sin6_addr, 16);
    }
}

#endif

/* Machines by their addresses. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmport.h"

/* A decimal port, 1 to 65535; 0 if it is none. */
static uint16_t parse_port(const char *text) {
    char *end;
    if (*text < '0' || *text > '9') return 0;
    unsigned long port = strtoul(text, &end, 10);
    return *end == 0 && port <= 65535 ? (uint16_t)port : 0;
}

static int parse_address(const char *text, pa_address_v1 *address) {
    char host[64];
    const char *colon = strrchr(text, ':');
    memset(address, 0, sizeof *address);
    if (!colon || (address->port = parse_port(colon + 1)) == 0) return 0;

    size_t length = (size_t)(colon - text);
    int is_bracketed = length > 2 && text[0] == '[' && colon[-1] == ']';
    if (is_bracketed) text++, length -= 2;
    if (length >= sizeof host) return 0;
    memcpy(host, text, length);
    host[length] = 0;

    address->family = is_bracketed ? PA_FAMILY_IPV6 : PA_FAMILY_IPV4;
    return inet_pton(is_bracketed ? AF_INET6 : AF_INET, host, address->octets) == 1;
}

int parse_machine(const char *text, machine *made) {
    if (strlen(text) >= sizeof made->name || !parse_address(text, &made->address)) return 0;
    strcpy(made->name, text);
    return 1;
}

machine *machine_named(vmport *module, const char *text) {
    pa_address_v1 wanted;
    if (!parse_address(text, &wanted)) return NULL;
    for (uint32_t i = 0; i < module->machine_count; i++) {
        if (same_address(&module->machines[i].address, &wanted)) return &module->machines[i];
    }
    return NULL;
}

/* Without the scope: a link-local machine is known by its address and port alone. */
int same_address(const pa_address_v1 *a, const pa_address_v1 *b) {
    return a->port == b->port && a->family == b->family && memcmp(a->octets, b->octets, 16) == 0;
}

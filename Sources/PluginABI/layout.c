/* Pins the layout of every struct of the ABI on 64-bit machines. A change here is a change of the ABI. */
#include <stddef.h>
#include "polyhub/pa_packet.h"

#define SIZE(type, octets) _Static_assert(sizeof(type) == (octets), "the size of " #type " is part of the ABI")
#define AT(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), "the place of " #type "." #field " is part of the ABI")

SIZE(pa_slice_v1, 16);
AT(pa_slice_v1, length, 8);
AT(pa_slice_v1, headroom, 12);
AT(pa_slice_v1, tailroom, 14);
SIZE(pa_address_v1, 24);
AT(pa_address_v1, port, 2);
AT(pa_address_v1, scope, 4);
AT(pa_address_v1, octets, 8);
SIZE(pa_datagram_v1, 32);
AT(pa_datagram_v1, remote, 16);
AT(pa_datagram_v1, local, 24);

#ifndef POLYHUB_CAPABILITIES_H
#define POLYHUB_CAPABILITIES_H

#include <stdint.h>

/* Gives up all capabilities of the calling thread but those of the mask, for good: what it executes gets none
 * back, and the threads that it starts have no more than it. A bit of the mask is a number of
 * linux/capability.h. 0 or -errno; on systems without capabilities 0. */
int clinux_capabilities_keep(uint64_t mask);

#endif

/* Counts what the process allocates, for benchmarks: malloc and its kin are replaced by ones that count and
 * pass on. */
#ifndef POLYHUB_ALLOCATION_COUNTER_H
#define POLYHUB_ALLOCATION_COUNTER_H

#include <stdint.h>

/* Allocations of the calling thread since it began; always 0 where they cannot be counted. */
uint64_t polyhub_allocations(void);
/* 1 where they can be counted. */
int polyhub_counts_allocations(void);

#endif

/*
 * mem_sums.h - frames by what they are used for, counted from their records.
 */
#ifndef REPL_MEM_SUMS_H
#define REPL_MEM_SUMS_H

#include "kernel/kernel.h"

struct mem_sums {			/* pages */
	uint64_t free, anon, cached, mapped, shmem, dirty, slab, stacks, tables;
	uint64_t vmalloc;
	uint64_t direct[PAGING_MAX_LEVELS];	/* by level of the leaf */
};

/* Adds all frames; direct is left alone. */
void mem_sum_frames(const struct kernel *k, struct mem_sums *s);

#endif

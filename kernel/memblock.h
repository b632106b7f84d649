/*
 * memblock.h - the allocator before there is an allocator (linux
 * mm/memblock.c): which frames exist, and who took some of them during boot.
 *
 * Two short sorted arrays in struct kernel: memory[] and reserved[]. Boot
 * allocations come from the top of memory downwards, as in Linux. After boot
 * the arrays stay, as the truth about frames that the buddy never had: large
 * ranges (mem_map) have no records of their own in k->mem_map.
 */
#ifndef KERNEL_MEMBLOCK_H
#define KERNEL_MEMBLOCK_H

#include "kernel/kernel.h"

/* memory[] from the usable regions of the machine below @limit; max_pfn; what
 * lies above it is counted in ram_unseen. */
void memblock_init(struct kernel *k, pa_t limit);

/* The ranges of memory as they were before that, NR_MEMORY at most: how many. */
unsigned memblock_early(const struct kernel *k, struct memblock_range *ret);

/* Frames from @max_pfn on are not used (highmem=): takes them from memory[]. */
void memblock_cap(struct kernel *k, pfn_t max_pfn);

/* Is all of [start, end) memory? */
bool memblock_is_memory(const struct kernel *k, pa_t start, pa_t end);

/*
 * Reserves the frames of [start, end) under a static @name, joined with a
 * neighbour of the same name. False: it overlaps a reservation, or the array is full.
 */
bool memblock_reserve(struct kernel *k, pa_t start, pa_t end,
		      const char *name);

/*
 * The highest free @size bytes below @limit, aligned to @align (a power of
 * two, at least PAGE_SIZE), reserved under @name. 0: there are none.
 */
pa_t memblock_alloc(struct kernel *k, uint64_t size, uint64_t align,
		    pa_t limit, const char *name);

/* Gives back [start, end), the end of one reservation. */
void memblock_trim(struct kernel *k, pa_t start, pa_t end);

/* Who reserved the frame during boot, or NULL. */
const char *memblock_reserved_name(const struct kernel *k, pfn_t pfn);

/* The first frame at or above @pfn that boot did not reserve. */
pfn_t memblock_skip_reserved(const struct kernel *k, pfn_t pfn);

/*
 * The highest range of whole frames in memory[], not reserved, that ends at
 * or below @limit. False: none.
 */
bool memblock_free_below(const struct kernel *k, pfn_t limit, pfn_t *start,
			 pfn_t *end);

/* Frames of memory[] within [start, end). */
uint64_t memblock_present(const struct kernel *k, pfn_t start, pfn_t end);

#endif

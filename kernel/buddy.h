/*
 * buddy.h - the free lists of a zone: what page_alloc.c and mm_init.c build on
 * and nobody else calls.
 */
#ifndef KERNEL_BUDDY_H
#define KERNEL_BUDDY_H

#include "kernel/kernel.h"

/* Empty lists. */
void buddy_init(struct zone *zone);
/* Gives [start, end), which lies in @zone, to the buddy: managed and free. */
void buddy_add_range(struct kernel *k, struct zone *zone, pfn_t start,
		     pfn_t end);
/* Takes a block off the lists; does not count zone->free. PFN_NONE: none. */
pfn_t rmqueue_smallest(struct kernel *k, struct zone *zone, unsigned order);
/* Puts a block on the lists, merged with its buddies as far as they go. */
void free_one_block(struct kernel *k, struct zone *zone, pfn_t pfn,
		    unsigned order);
/* Is the block at @pfn of @order whole and free, on a list of @zone? */
bool is_free_block(const struct kernel *k, const struct zone *zone, pfn_t pfn,
		   unsigned order);
/* Blocks never used: is the frame in one; how many of order 10 there are. */
bool in_virgin(const struct zone *zone, pfn_t pfn);
uint64_t virgin_blocks(const struct zone *zone);

#endif

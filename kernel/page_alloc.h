/*
 * page_alloc.h - zones and the buddy allocator (linux mm/page_alloc.c).
 */
#ifndef KERNEL_PAGE_ALLOC_H
#define KERNEL_PAGE_ALLOC_H

#include "kernel/kernel.h"

/* Allocation flags: the zone that is preferred, and whether to zero. */
#define GFP_KERNEL	0x00u	/* lowmem */
#define GFP_DMA		0x01u
#define GFP_DMA32	0x02u
#define GFP_HIGHUSER	0x04u	/* HighMem first where there is one */
#define GFP_ZERO	0x10u
#define GFP_ATOMIC	0x20u	/* may go below the low watermark */

/* Zones and buddy lists from the memory map; called by kernel_boot(). */
const char *page_alloc_init(struct kernel *k);

/*
 * Takes 1 << @order frames, physically contiguous and naturally aligned, as
 * one block with _refcount 1. @why is a static word for events ("anon",
 * "page table"). Returns the first pfn, or PFN_NONE: the zones that @gfp
 * allows have no block above their watermarks. Frames known to be zero are not
 * zeroed again.
 */
pfn_t alloc_pages(struct kernel *k, unsigned gfp, unsigned order,
		  const char *why);
/* Gives a block back (whatever its _refcount), merging buddies. */
void free_pages(struct kernel *k, pfn_t pfn, unsigned order);

/* Reference counts of a single frame: put_page frees at 0. */
void get_page(struct kernel *k, pfn_t pfn);
void put_page(struct kernel *k, pfn_t pfn);

/* The zone of a frame. */
struct zone *page_zone(struct kernel *k, pfn_t pfn);
/* Free blocks of @order as /proc/buddyinfo counts them, virgin ones too. */
uint64_t zone_free_blocks(const struct zone *zone, unsigned order);
/* Is the frame free: in a buddy block or never handed out? */
bool page_is_free(const struct kernel *k, pfn_t pfn);

/* The page_alloc part of kernel_check(). */
unsigned page_alloc_check(struct kernel *k, check_fn fn, void *ctx);

#endif

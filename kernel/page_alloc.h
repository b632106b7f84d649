/*
 * page_alloc.h - zones and the page allocator (linux mm/page_alloc.c).
 */
#ifndef KERNEL_PAGE_ALLOC_H
#define KERNEL_PAGE_ALLOC_H

#include "kernel/gfp.h"

/* Zones and buddy lists from the memory map; called by kernel_boot(). */
const char *page_alloc_init(struct kernel *k);
void page_alloc_deinit(struct kernel *k);

/*
 * Takes 1 << @order frames, physically contiguous and naturally aligned, as
 * one block with _refcount 1. @why is a static word for events ("anon",
 * "page table"). Returns the first pfn, or PFN_NONE: no zone that @gfp allows
 * may give a block; zonelist_try() says why. Frames known to be zero are not
 * zeroed again.
 */
pfn_t alloc_pages(struct kernel *k, unsigned gfp, unsigned order,
		  const char *why);
/* Gives a block back (whatever its _refcount), merging buddies. */
void free_pages(struct kernel *k, pfn_t pfn, unsigned order);

/* Reference counts of a frame, or of the large page it is part of: put_page
 * frees at 0. */
void get_page(struct kernel *k, pfn_t pfn);
void put_page(struct kernel *k, pfn_t pfn);

/* All per-CPU lists, or those of one CPU, go back to the buddy. */
void drain_all_pages(struct kernel *k);
void drain_pages(struct kernel *k, unsigned cpu);

/* --- looking -------------------------------------------------------------- */

/* The zone of a frame. */
struct zone *page_zone(struct kernel *k, pfn_t pfn);
/* Free blocks of @order as /proc/buddyinfo counts them, virgin ones too. */
uint64_t zone_free_blocks(const struct zone *zone, unsigned order);
/* The same of one migrate type, as /proc/pagetypeinfo does. */
uint64_t zone_free_blocks_of(const struct kernel *k, const struct zone *zone,
			     unsigned order, enum migratetype mt);
/* Pageblocks of @mt that begin in @zone and have RAM. */
uint64_t zone_pageblocks_of(const struct kernel *k, const struct zone *zone,
			    enum migratetype mt);
/* Pages on all CPUs' lists, which zone->free does not count. */
uint64_t zone_pcp_pages(const struct kernel *k, const struct zone *zone);
/* One CPU's lists: pages, and their sizes. */
struct pageset { unsigned cpu, count, high, batch; };
struct pageset zone_pageset(const struct zone *zone, unsigned cpu);
/* Frames free for somebody: in zones and on per-CPU lists. */
uint64_t nr_free_pages(const struct kernel *k);
/* Migrate type of the frame's pageblock; -1: it is in no zone. */
int pageblock_migratetype(const struct kernel *k, pfn_t pfn);
extern const char *const migratetype_name[MIGRATE_TYPES];

/* Who has a free frame. */
enum page_free_kind {
	PAGE_NOT_FREE,	/* in use, reserved, or no RAM */
	PAGE_BUDDY,	/* in a block of the buddy's lists */
	PAGE_PCP,	/* in a block of a CPU's lists */
	PAGE_VIRGIN,	/* in an order-10 block never used */
};
struct page_free {
	pfn_t head;		/* first frame of the free block */
	unsigned order;
	unsigned cpu;		/* PAGE_PCP: whose list */
	enum migratetype mt;	/* of the list */
};
/* Fills *ret, which may be NULL, unless the frame is not free. */
enum page_free_kind page_free_info(const struct kernel *k, pfn_t pfn,
				   struct page_free *ret);
/* Is the frame free, for whomever? */
bool page_is_free(const struct kernel *k, pfn_t pfn);

/* Why a zone does not give a block, or that it would. */
enum zone_verdict {
	ZONE_GIVES,
	ZONE_EMPTY,	/* it has no managed pages */
	ZONE_LOW,	/* it would keep too little: mark, lowmem_reserve */
	ZONE_NO_BLOCK,	/* enough pages, none in a row */
};
struct zone_try {
	const struct zone *zone;
	enum zone_verdict verdict;
	uint64_t free;
	uint64_t unusable;	/* of those: the rest of the block, and what is
				 * kept for atomic requests */
	uint64_t mark;		/* the watermark, less what flags allow */
	uint64_t reserve;	/* lowmem_reserve against this request */
};
/*
 * Asks the zones that @gfp allows, best first, as alloc_pages() would with
 * @alloc_flags; changes nothing. Returns how many there are.
 */
unsigned zonelist_try(const struct kernel *k, unsigned gfp, unsigned order,
		      unsigned alloc_flags, struct zone_try ret[MAX_NR_ZONES]);
/* The last attempt's flags of a request: what a refusal is about. */
unsigned gfp_last_alloc_flags(unsigned gfp);

/* The page_alloc part of kernel_check(). */
unsigned page_alloc_check(struct kernel *k, check_fn fn, void *ctx);

#endif

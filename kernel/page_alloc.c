/*
 * page_alloc.c - the page allocator: which zone gives a block.
 *
 * Models mm/page_alloc.c of Linux 6.1 above the free lists, which are in
 * buddy.c; zones are made in mm_init.c, watermarks in watermark.c. Left out:
 * per-CPU lists, migrate types, compaction, reclaim, NUMA, memcg.
 */
#include "kernel/page_alloc.h"

#include <assert.h>
#include <string.h>

#include "kernel/buddy.h"
#include "kernel/internal.h"

/* --- allocation --------------------------------------------------------- */

static bool zone_watermark_ok(const struct zone *zone, unsigned order,
			      uint64_t mark, enum zone_type classzone)
{
	uint64_t must_stay = mark + zone->lowmem_reserve[classzone];

	return zone->free > must_stay + (1ULL << order) - 1;
}

/* The highest zone that @gfp allows. */
static enum zone_type gfp_zone(const struct kernel *k, unsigned gfp)
{
	if (gfp & GFP_DMA)
		return ZONE_DMA;
	if ((gfp & GFP_DMA32) && k->zone[ZONE_DMA32].spanned)
		return ZONE_DMA32;
	return gfp & GFP_HIGHUSER ? ZONE_HIGHMEM : ZONE_NORMAL;
}

/* What must stay free: an atomic request may use most of the reserve. */
static uint64_t alloc_mark(const struct zone *zone, unsigned gfp, int wmark)
{
	uint64_t mark = zone->watermark[wmark];

	if (wmark == WMARK_MIN && (gfp & GFP_ATOMIC)) {
		mark -= mark / 2;
		mark -= mark / 4;
	}
	return mark;
}

static pfn_t get_page_from_freelist(struct kernel *k, unsigned gfp,
				    unsigned order, int wmark)
{
	enum zone_type highest = gfp_zone(k, gfp);

	for (int i = highest; i >= 0; i--) {
		struct zone *zone = &k->zone[i];
		uint64_t mark = alloc_mark(zone, gfp, wmark);
		pfn_t pfn;

		if (!zone_watermark_ok(zone, order, mark, highest))
			continue;
		pfn = rmqueue_smallest(k, zone, order);
		if (pfn == PFN_NONE)
			continue;
		zone->free -= 1ULL << order;
		return pfn;
	}
	return PFN_NONE;
}

/* Zeroes what needs it, and makes the records those of a fresh block. */
static void prep_new_pages(struct kernel *k, pfn_t pfn, unsigned order,
			   bool zero)
{
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++) {
		struct page *page = pfn_to_page(k, p);

		if (zero && ((page->flags & PG_used) || k->ram_poked))
			memset(page_bytes(k, p), 0, PAGE_SIZE);
		page->flags = PG_used | PG_fresh | k->stamp;
	}
	pfn_to_page(k, pfn)->_refcount = 1;
}

static bool should_fail(struct kernel *k)
{
	return k->fail_nth && --k->fail_nth == 0;
}

pfn_t alloc_pages(struct kernel *k, unsigned gfp, unsigned order,
		  const char *why)
{
	if (order >= MAX_ORDER || should_fail(k))
		return PFN_NONE;
	pfn_t pfn = get_page_from_freelist(k, gfp, order, WMARK_LOW);

	/* Linux wakes kswapd here, and then goes down to the minimum. */
	if (pfn == PFN_NONE)
		pfn = get_page_from_freelist(k, gfp, order, WMARK_MIN);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	prep_new_pages(k, pfn, order, gfp & GFP_ZERO);
	k->vmstat.pgalloc += 1ULL << order;
	kevent(k, .kind = KEV_PAGE_ALLOC, .func = why, .pfn = pfn,
	       .order = order);
	return pfn;
}

static void reset_record(const struct kernel *k, struct page *page)
{
	page->flags = (page->flags & PG_used) | k->stamp;
	page->_refcount = 0;
	page->_mapcount = 0;
	page->private = 0;
	page->mapping = NULL;
	page->index = 0;
}

void free_pages(struct kernel *k, pfn_t pfn, unsigned order)
{
	struct zone *zone = page_zone(k, pfn);

	assert(order < MAX_ORDER && !(pfn & ((1ULL << order) - 1)));
	assert(zone &&
	       !(pfn_to_page(k, pfn)->flags & (PG_buddy | PG_reserved)));
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++)
		reset_record(k, pfn_to_page(k, p));
	zone->free += 1ULL << order;
	k->vmstat.pgfree += 1ULL << order;
	free_one_block(k, zone, pfn, order);
	kevent(k, .kind = KEV_PAGE_FREE, .pfn = pfn, .order = order);
}

void get_page(struct kernel *k, pfn_t pfn)
{
	pfn_to_page(k, pfn)->_refcount++;
}

void put_page(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	assert(page->_refcount > 0);
	if (--page->_refcount == 0 && !(page->flags & PG_reserved))
		free_pages(k, pfn, 0);
}

struct zone *page_zone(struct kernel *k, pfn_t pfn)
{
	for (int i = MAX_NR_ZONES - 1; i >= 0; i--)
		if (pfn >= k->zone[i].start_pfn && pfn < k->zone[i].end_pfn)
			return &k->zone[i];
	return NULL;
}

uint64_t zone_free_blocks(const struct zone *zone, unsigned order)
{
	uint64_t n = zone->free_area[order].nr_free;

	return order == MAX_ORDER - 1 ? n + virgin_blocks(zone) : n;
}

bool page_is_free(const struct kernel *k, pfn_t pfn)
{
	const struct zone *zone = page_zone((struct kernel *)k, pfn);

	if (!zone || !pfn_valid(k, pfn))
		return false;
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		pfn_t head = ALIGN_DOWN(pfn, 1ULL << o);
		const struct page *page = pfn_to_page(k, head);

		if ((page->flags & PG_buddy) && page->private >= o &&
		    pfn - head < 1ULL << page->private)
			return true;
	}
	return in_virgin(zone, pfn);
}

/*
 * page_info.c - looking at zones and free frames; nothing is changed, and no
 * record of a frame never used is touched (linux mm/vmstat.c, in part).
 */
#include "kernel/buddy.h"
#include "kernel/memblock.h"
#include "kernel/page_alloc.h"

const char *const migratetype_name[MIGRATE_TYPES] = {
	[MIGRATE_UNMOVABLE] = "Unmovable",
	[MIGRATE_MOVABLE] = "Movable",
	[MIGRATE_RECLAIMABLE] = "Reclaimable",
	[MIGRATE_HIGHATOMIC] = "HighAtomic",
	[MIGRATE_ISOLATE] = "Isolate",
};

struct zone *page_zone(struct kernel *k, pfn_t pfn)
{
	return zone_of(k, pfn);
}

uint64_t zone_free_blocks(const struct zone *zone, unsigned order)
{
	uint64_t n = zone->free_area[order].nr_free;

	return order == MAX_ORDER - 1 ? n + virgin_blocks(zone) : n;
}

uint64_t zone_free_blocks_of(const struct kernel *k, const struct zone *zone,
			     unsigned order, enum migratetype mt)
{
	uint32_t pfn = zone->free_area[order].list[mt].head;
	uint64_t n = 0;

	for (; pfn != PFN_NONE; pfn = pfn_to_page(k, pfn)->next)
		n++;
	if (order == MAX_ORDER - 1 && mt == MIGRATE_MOVABLE)
		n += virgin_blocks(zone);
	return n;
}

/*
 * Is there a struct page for the pageblock of @pfn? i386 has one for each frame
 * (FLATMEM), x86-64 for each 2 MiB with memory in them (SPARSEMEM).
 */
static bool block_is_online(const struct kernel *k, pfn_t pfn)
{
	pfn_t start = ALIGN_DOWN(pfn, pageblock_nr(k));

	return !k->layout.vmemmap ||
	       memblock_present(k, start, start + pageblock_nr(k));
}

/* Linux pagetypeinfo_showblockcount_print(): a step is not aligned. */
uint64_t zone_pageblocks_of(const struct kernel *k, const struct zone *zone,
			    enum migratetype mt)
{
	pfn_t step = pageblock_nr(k), pfn = zone->start_pfn;
	uint64_t n = 0;

	for (; pfn < zone->end_pfn; pfn += step)
		if (zone_pageblock(k, zone, pfn) == mt &&
		    block_is_online(k, pfn))
			n++;
	return n;
}

struct pageset zone_pageset(const struct zone *zone, unsigned cpu)
{
	const struct per_cpu_pages *pcp = &zone->pcp[cpu];

	return (struct pageset){ cpu, pcp->count, pcp->high, pcp->batch };
}

uint64_t nr_free_pages(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += k->zone[i].free + zone_pcp_pages(k, &k->zone[i]);
	return n;
}

/* Is @pfn in the free block that begins at @head, if one does? */
static bool in_block(const struct kernel *k, pfn_t head, pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, head);

	return (page->flags & (PG_buddy | PG_pcp)) &&
	       pfn - head < 1ULL << page->private;
}

static enum page_free_kind listed_info(const struct page *page, pfn_t head,
				       struct page_free *ret)
{
	bool pcp = page->flags & PG_pcp;

	*ret = (struct page_free){ head, page->private,
				   pcp ? page_pcp_cpu(page) : 0,
				   page_list_type(page) };
	return pcp ? PAGE_PCP : PAGE_BUDDY;
}

enum page_free_kind page_free_info(const struct kernel *k, pfn_t pfn,
				   struct page_free *ret)
{
	const struct zone *zone = page_zone((struct kernel *)k, pfn);
	struct page_free ignored;

	if (!zone || !pfn_valid(k, pfn))
		return PAGE_NOT_FREE;
	ret = ret ? ret : &ignored;
	if (in_virgin(zone, pfn)) {
		*ret = (struct page_free){ ALIGN_DOWN(pfn,
						      1ULL << (MAX_ORDER - 1)),
					   MAX_ORDER - 1, 0, MIGRATE_MOVABLE };
		return PAGE_VIRGIN;
	}
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		pfn_t head = ALIGN_DOWN(pfn, 1ULL << o);

		if (in_block(k, head, pfn))
			return listed_info(pfn_to_page(k, head), head, ret);
	}
	return PAGE_NOT_FREE;
}

bool page_is_free(const struct kernel *k, pfn_t pfn)
{
	return page_free_info(k, pfn, NULL) != PAGE_NOT_FREE;
}

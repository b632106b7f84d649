/*
 * page_alloc_check.c - fsck for zones: lists against records against counts.
 */
#include "kernel/buddy.h"
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/page_alloc.h"

/* Walks one free list; returns the number of blocks found on it. */
static uint64_t check_list(struct checker *c, const struct kernel *k,
			   const struct zone *zone, unsigned order)
{
	uint32_t prev = PFN_NONE, pfn = zone->free_area[order].head;
	uint64_t n = 0;

	for (; pfn != PFN_NONE && n <= zone->spanned; n++) {
		const struct page *page = pfn_to_page(k, pfn);

		if (!is_free_block(k, zone, pfn, order))
			check_finding(
				c,
				"zone %s: pfn 0x%x is on the list of order "
				"%u, its record says otherwise",
				zone->name, pfn, order);
		if (page->prev != prev)
			check_finding(
				c,
				"zone %s: pfn 0x%x has prev 0x%x, the list "
				"says 0x%x",
				zone->name, pfn, page->prev, prev);
		if (page->_refcount || page->_mapcount)
			check_finding(
				c, "pfn 0x%x is free, refcount %d mapcount %d",
				pfn, page->_refcount, page->_mapcount);
		prev = pfn;
		pfn = page->next;
	}
	return n;
}

/* Looks at every frame that has a record; counts the free blocks there. */
static void count_records(const struct kernel *k, const struct zone *zone,
			  uint64_t count[MAX_ORDER])
{
	unsigned v = 0;
	pfn_t pfn = zone->start_pfn;

	while (pfn < zone->end_pfn) {
		const struct page *page = pfn_to_page(k, pfn);
		pfn_t next = memblock_skip_reserved(k, pfn);

		while (v < zone->nvirgin && zone->virgin[v].end <= pfn)
			v++;
		if (next != pfn) {
			pfn = next;
		} else if (v < zone->nvirgin && zone->virgin[v].start <= pfn) {
			pfn = zone->virgin[v].end;
		} else if (page->flags & PG_buddy &&
			   page->private < MAX_ORDER) {
			count[page->private]++;
			pfn += 1ULL << page->private;
		} else {
			pfn++;
		}
	}
}

static void check_zone(struct checker *c, const struct kernel *k,
		       const struct zone *zone)
{
	uint64_t records[MAX_ORDER] = { 0 };
	uint64_t pages = virgin_blocks(zone) << (MAX_ORDER - 1);

	count_records(k, zone, records);
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		uint64_t listed = check_list(c, k, zone, o);
		uint64_t counted = zone->free_area[o].nr_free;

		pages += listed << o;
		if (listed != counted || listed != records[o])
			check_finding(
				c,
				"zone %s order %u: nr_free %llu, the list "
				"holds %llu, records show %llu",
				zone->name, o, (unsigned long long)counted,
				(unsigned long long)listed,
				(unsigned long long)records[o]);
	}
	if (pages != zone->free)
		check_finding(c, "zone %s: free %llu, lists hold %llu",
			      zone->name, (unsigned long long)zone->free,
			      (unsigned long long)pages);
}

unsigned page_alloc_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (k->zone[i].spanned)
			check_zone(&c, k, &k->zone[i]);
	return c.found;
}

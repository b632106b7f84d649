/*
 * page_alloc_check.c - fsck for zones: lists against records against counts,
 * those of the buddy and those of the CPUs.
 */
#include "kernel/buddy.h"
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/page_alloc.h"

typedef unsigned long long ull;

/* What the records of a zone say. */
struct census {
	uint64_t blocks[MAX_ORDER]; /* of the buddy */
	uint64_t pcp_pages;
};

/* A list, and what the records of its blocks must say. */
struct list_spec {
	const struct page_list *list;
	const char *name; /* "buddy", "per-CPU" */
	uint64_t flag;	  /* PG_buddy or PG_pcp */
	int order;	  /* -1: of each block's own */
	int mt;		  /* -1: any */
};

static void check_record(struct checker *c, const struct kernel *k,
			 const struct zone *zone, const struct list_spec *s,
			 pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);
	bool mine = (page->flags & s->flag) && pfn >= zone->start_pfn &&
		    pfn < zone->end_pfn;

	if (!mine || (s->order >= 0 && page->private != (unsigned)s->order) ||
	    (s->mt >= 0 && page_list_type(page) != (unsigned)s->mt))
		check_finding(c,
			      "zone %s: pfn 0x%llx is on a %s list of order "
			      "%d type %d, its record says otherwise",
			      zone->name, (ull)pfn, s->name, s->order, s->mt);
	if (page->_refcount || page->_mapcount)
		check_finding(c, "pfn 0x%llx is free, refcount %d mapcount %d",
			      (ull)pfn, page->_refcount, page->_mapcount);
}

/* Walks one list; returns the pages found on it, and adds up its blocks. */
static uint64_t check_list(struct checker *c, const struct kernel *k,
			   const struct zone *zone, const struct list_spec *s,
			   uint64_t *blocks)
{
	uint32_t prev = PFN_NONE, pfn = s->list->head;
	uint64_t pages = 0;

	while (pfn != PFN_NONE && pages <= zone->spanned) {
		const struct page *page = pfn_to_page(k, pfn);

		check_record(c, k, zone, s, pfn);
		if (page->prev != prev)
			check_finding(c,
				      "zone %s: pfn 0x%x has prev 0x%x, the "
				      "list says 0x%x",
				      zone->name, pfn, page->prev, prev);
		++*blocks;
		pages += 1ULL << page->private;
		prev = pfn;
		pfn = page->next;
	}
	if (s->list->tail != prev)
		check_finding(c,
			      "zone %s: a %s list ends with pfn 0x%x, its "
			      "tail is 0x%x",
			      zone->name, s->name, prev, s->list->tail);
	return pages;
}

/* Counts a frame's block; returns the next frame to look at. */
static pfn_t count_record(const struct page *page, pfn_t pfn, struct census *n)
{
	if (!(page->flags & (PG_buddy | PG_pcp)) || page->private >= MAX_ORDER)
		return pfn + 1;
	if (page->flags & PG_buddy)
		n->blocks[page->private]++;
	else
		n->pcp_pages += 1ULL << page->private;
	return pfn + (1ULL << page->private);
}

/* Where looking goes on at @pfn: behind what boot reserved, or nobody used. */
struct blank { unsigned reserved, virgin; };

static pfn_t skip_blank(const struct kernel *k, const struct zone *zone,
			pfn_t pfn, struct blank *at)
{
	pa_t pa = pfn << PAGE_SHIFT;

	while (at->reserved < k->nreserved &&
	       k->reserved[at->reserved].end <= pa)
		at->reserved++;
	if (at->reserved < k->nreserved &&
	    k->reserved[at->reserved].start < pa + PAGE_SIZE)
		return memblock_skip_reserved(k, pfn);
	while (at->virgin < zone->nvirgin && zone->virgin[at->virgin].end <= pfn)
		at->virgin++;
	if (at->virgin < zone->nvirgin && zone->virgin[at->virgin].start <= pfn)
		return zone->virgin[at->virgin].end;
	return pfn;
}

/* Looks at every frame that has a record. */
static void take_census(const struct kernel *k, const struct zone *zone,
			struct census *n)
{
	struct blank at = { 0, 0 };
	pfn_t pfn = zone->start_pfn;

	while (pfn < zone->end_pfn) {
		pfn_t next = skip_blank(k, zone, pfn, &at);

		if (next == pfn)
			next = count_record(pfn_to_page(k, pfn), pfn, n);
		pfn = next;
	}
}

/* The lists of one order: pages on them. */
static uint64_t check_area(struct checker *c, const struct kernel *k,
			   const struct zone *zone, unsigned order,
			   uint64_t records)
{
	const struct free_area *area = &zone->free_area[order];
	uint64_t listed = 0, pages = 0;

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++) {
		struct list_spec s = { &area->list[mt], "buddy", PG_buddy,
				       (int)order, (int)mt };

		pages += check_list(c, k, zone, &s, &listed);
	}
	if (listed != area->nr_free || listed != records)
		check_finding(c,
			      "zone %s order %u: nr_free %llu, the lists hold "
			      "%llu, records show %llu",
			      zone->name, order, (ull)area->nr_free,
			      (ull)listed, (ull)records);
	return pages;
}

/* One CPU's lists: pages on them. */
static uint64_t check_pcp(struct checker *c, const struct kernel *k,
			  const struct zone *zone, unsigned cpu)
{
	const struct per_cpu_pages *pcp = &zone->pcp[cpu];
	uint64_t pages = 0, blocks = 0;

	for (unsigned i = 0; i < NR_PCP_LISTS; i++) {
		struct list_spec s = { &pcp->list[i], "per-CPU", PG_pcp,
				       i < NR_PCP_LISTS - 1
					       ? (int)i / MIGRATE_PCPTYPES
					       : (int)k->pageblock_order,
				       -1 };

		pages += check_list(c, k, zone, &s, &blocks);
	}
	if (pages != pcp->count)
		check_finding(c, "zone %s cpu %u: count %u, lists hold %llu",
			      zone->name, cpu, pcp->count, (ull)pages);
	return pages;
}

static void check_zone(struct checker *c, const struct kernel *k,
		       const struct zone *zone)
{
	struct census n = { { 0 }, 0 };
	uint64_t pages = virgin_blocks(zone) << (MAX_ORDER - 1), pcp = 0;

	take_census(k, zone, &n);
	for (unsigned o = 0; o < MAX_ORDER; o++)
		pages += check_area(c, k, zone, o, n.blocks[o]);
	if (pages != zone->free)
		check_finding(c, "zone %s: free %llu, lists hold %llu",
			      zone->name, (ull)zone->free, (ull)pages);
	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++)
		pcp += check_pcp(c, k, zone, cpu);
	if (pcp != n.pcp_pages)
		check_finding(c,
			      "zone %s: per-CPU lists hold %llu pages, "
			      "records show %llu",
			      zone->name, (ull)pcp, (ull)n.pcp_pages);
}

unsigned page_alloc_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (k->zone[i].spanned)
			check_zone(&c, k, &k->zone[i]);
	return c.found;
}

/*
 * compaction.c - whole blocks by moving pages.
 *
 *	start of the zone                                   its end
 *	| m . m U . m m . | . . . . U . . |  ...  | . . m . . . . . |
 *	  migration scanner ->                     <- free scanner
 *
 * One scanner looks for movable pages from the start on, the other for free
 * frames from the end; pages move from the first to the second until they
 * meet, or until there is a block as wanted. What cannot be moved (U: slabs,
 * page tables, the kernel) stays, which is why migrate types keep it together.
 *
 * Models mm/compaction.c of Linux 6.1. Left out: skip hints and deferral,
 * proactive compaction, kcompactd. Frames that were moved out of go to the
 * buddy at once, which Linux reaches by draining lists of the CPU.
 */
#include "kernel/compaction.h"

#include "kernel/buddy.h"
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/migrate.h"
#include "kernel/page_alloc.h"

#define COMPACT_CLUSTER_MAX 32
#define EXTFRAG_THRESHOLD   500

struct compact_control {
	struct kernel *k;
	struct zone *zone;
	int order;	     /* what is wanted; -1: all there is to gain */
	enum migratetype mt; /* whose request it is */
	enum migrate_mode mode;
	pfn_t migrate_pfn;     /* scanned below */
	pfn_t free_pfn;	       /* scanned at and above */
	struct page_list free; /* frames to move to */
	unsigned nr_free;
};

static bool whole_zone(const struct compact_control *cc)
{
	return cc->order < 0;
}

static bool scanners_met(const struct compact_control *cc)
{
	unsigned order = cc->k->pageblock_order;

	return cc->free_pfn >> order <= cc->migrate_pfn >> order;
}

/* --- frames to move to ---------------------------------------------------- */

static bool suitable_target(const struct compact_control *cc, pfn_t block)
{
	const struct page *page = pfn_to_page(cc->k, block);

	if (whole_zone(cc))
		return true;
	if ((page->flags & PG_buddy) && page->private >= cc->k->pageblock_order)
		return false;
	return zone_pageblock(cc->k, cc->zone, block) == MIGRATE_MOVABLE;
}

/* Free blocks that are (nearly) whole become movable ones. */
static void retype_blocks(struct compact_control *cc, pfn_t pfn, unsigned order)
{
	pfn_t end = pfn + (1ULL << order);

	if (order + 1 < cc->k->pageblock_order)
		return;
	for (; pfn < end; pfn += pageblock_nr(cc->k))
		if (zone_pageblock(cc->k, cc->zone, pfn) < MIGRATE_PCPTYPES)
			set_pageblock(cc->k, cc->zone, pfn, MIGRATE_MOVABLE);
}

/* Takes a free block apart into frames. False: the zone would be too low. */
static bool isolate_free_block(struct compact_control *cc, pfn_t pfn)
{
	struct zone *zone = cc->zone;
	unsigned order = pfn_to_page(cc->k, pfn)->private;

	if (!zone_watermark_ok(zone, 0,
			       zone->watermark[WMARK_MIN] + (1ULL << order),
			       ZONE_DMA, 0))
		return false;
	del_from_free_list(cc->k, zone, pfn, order);
	zone->free -= 1ULL << order;
	retype_blocks(cc, pfn, order);
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++)
		page_list_add_tail(cc->k, &cc->free, p);
	cc->nr_free += 1U << order;
	cc->k->vmstat.compact_isolated += 1ULL << order;
	return true;
}

/* Free blocks of [start, end) until there are enough. */
static void isolate_freepages_block(struct compact_control *cc, pfn_t start,
				    pfn_t end)
{
	for (pfn_t pfn = start; pfn < end;) {
		const struct page *page = pfn_to_page(cc->k, pfn);
		pfn_t next = pfn + 1;

		cc->k->vmstat.compact_free_scanned++;
		if (page->flags & PG_buddy) {
			next = pfn + (1ULL << page->private);
			isolate_free_block(cc, pfn);
		}
		if (cc->nr_free >= COMPACT_CLUSTER_MAX)
			return;
		pfn = next;
	}
}

/* The pageblock below free_pfn, the part of it that lies in the zone. */
static pfn_t block_below(const struct compact_control *cc)
{
	pfn_t start = ALIGN_DOWN(cc->free_pfn - 1, pageblock_nr(cc->k));

	return start < cc->zone->start_pfn ? cc->zone->start_pfn : start;
}

static void isolate_freepages(struct compact_control *cc)
{
	while (!cc->nr_free && !scanners_met(cc)) {
		pfn_t start = block_below(cc), end = cc->free_pfn;

		cc->free_pfn = start;
		if (scanners_met(cc))
			return;
		if (in_virgin(cc->zone, start) &&
		    (!whole_zone(cc) || !virgin_claim(cc->k, cc->zone, start)))
			continue;
		if (!suitable_target(cc, start))
			continue;
		isolate_freepages_block(cc, start, end);
		/* It may have more. */
		if (cc->nr_free)
			cc->free_pfn = end;
	}
}

static pfn_t take_free(struct compact_control *cc)
{
	pfn_t pfn;

	if (!cc->nr_free)
		isolate_freepages(cc);
	pfn = cc->free.head;
	if (pfn == PFN_NONE)
		return PFN_NONE;
	page_list_del(cc->k, &cc->free, pfn);
	cc->nr_free--;
	return pfn;
}

static void give_back(struct compact_control *cc, pfn_t pfn)
{
	cc->zone->free++;
	free_one_block(cc->k, cc->zone, pfn, 0,
		       zone_pageblock(cc->k, cc->zone, pfn));
}

static void release_freepages(struct compact_control *cc)
{
	while (cc->free.head != PFN_NONE) {
		pfn_t pfn = cc->free.head;

		page_list_del(cc->k, &cc->free, pfn);
		give_back(cc, pfn);
	}
	cc->nr_free = 0;
}

/* --- pages to move -------------------------------------------------------- */

/* Moves one page. False: there is no frame left to move to. */
static bool compact_one(struct compact_control *cc, pfn_t pfn)
{
	pfn_t to = take_free(cc);

	if (to == PFN_NONE)
		return false;
	cc->k->vmstat.compact_isolated++;
	if (migrate_page(cc->k, pfn, to))
		to = pfn;
	give_back(cc, to);
	return true;
}

/* All movable pages of [start, end). False: no frame is left. */
static bool compact_block(struct compact_control *cc, pfn_t start, pfn_t end)
{
	for (pfn_t pfn = start; pfn < end;) {
		const struct page *page = pfn_to_page(cc->k, pfn);

		if (page->flags & (PG_buddy | PG_pcp)) {
			pfn += 1ULL << page->private;
			continue;
		}
		cc->k->vmstat.compact_migrate_scanned++;
		if (page_is_movable(cc->k, pfn) && !compact_one(cc, pfn))
			return false;
		pfn++;
	}
	return true;
}

static bool suitable_source(const struct compact_control *cc, pfn_t block)
{
	return cc->mode != MIGRATE_ASYNC ||
	       zone_pageblock(cc->k, cc->zone, block) == cc->mt;
}

/* Where the next block to scan begins: not in memory that nobody used. */
static pfn_t skip_unused(const struct compact_control *cc, pfn_t pfn)
{
	pfn_t next = memblock_skip_reserved(cc->k, pfn);

	for (unsigned i = 0; i < cc->zone->nvirgin; i++)
		if (next >= cc->zone->virgin[i].start &&
		    next < cc->zone->virgin[i].end)
			next = cc->zone->virgin[i].end;
	return next;
}

static bool compact_finished(const struct compact_control *cc)
{
	bool can_steal;

	if (whole_zone(cc))
		return false;
	for (unsigned o = cc->order; o < MAX_ORDER; o++)
		if (!free_list_empty(cc->zone, o, cc->mt) ||
		    find_suitable_fallback(cc->k, cc->zone, o, cc->mt, true,
					   &can_steal) >= 0)
			return true;
	return false;
}

static void compact_zone(struct compact_control *cc)
{
	pfn_t step = pageblock_nr(cc->k);

	cc->free = (struct page_list){ PFN_NONE, PFN_NONE };
	cc->migrate_pfn = cc->zone->start_pfn;
	cc->free_pfn = cc->zone->end_pfn;
	while (!scanners_met(cc) && !compact_finished(cc)) {
		pfn_t start = skip_unused(cc, cc->migrate_pfn);
		pfn_t end = ALIGN_DOWN(start, step) + step;

		cc->migrate_pfn = start;
		if (scanners_met(cc))
			break;
		if (suitable_source(cc, start) && pfn_valid(cc->k, start) &&
		    !compact_block(cc, start, end))
			break;
		cc->migrate_pfn = end;
	}
	release_freepages(cc);
}

/* --- when ----------------------------------------------------------------- */

void compact_memory(struct kernel *k)
{
	drain_all_pages(k);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct compact_control cc = { .k = k,
					      .zone = &k->zone[i],
					      .order = -1,
					      .mode = MIGRATE_SYNC };

		if (k->zone[i].managed)
			compact_zone(&cc);
	}
}

int fragmentation_index(const struct zone *zone, unsigned order)
{
	uint64_t blocks = 0, pages = 0;

	for (unsigned o = 0; o < MAX_ORDER; o++) {
		uint64_t n = zone_free_blocks(zone, o);

		if (n && o >= order)
			return -1000;
		blocks += n;
		pages += n << o;
	}
	if (!blocks)
		return 0;
	return 1000 - (int)((1000 + pages * 1000 / (1ULL << order)) / blocks);
}

/* Enough free frames to move pages to, and no block yet. */
static bool compaction_suitable(const struct zone *zone, unsigned order,
				enum zone_type highest, unsigned alloc_flags)
{
	bool costly = order > PAGE_ALLOC_COSTLY_ORDER;
	uint64_t mark = zone->watermark[costly ? WMARK_LOW : WMARK_MIN];
	int index;

	if (zone_watermark_ok(zone, order,
			      zone->watermark[alloc_flags & ALLOC_WMARK_MASK],
			      highest, alloc_flags) ||
	    !zone_watermark_ok(zone, 0, mark + (2ULL << order), highest, 0))
		return false;
	index = costly ? fragmentation_index(zone, order) : -1;
	return index < 0 || index > EXTFRAG_THRESHOLD;
}

bool try_to_compact_pages(struct kernel *k, unsigned gfp, unsigned order,
			  unsigned alloc_flags, enum migrate_mode mode)
{
	enum zone_type highest = gfp_zone(k, gfp);
	bool tried = false;

	if (!(gfp & __GFP_IO))
		return false;
	for (int i = highest; i >= 0; i--) {
		struct compact_control cc = { .k = k,
					      .zone = &k->zone[i],
					      .order = (int)order,
					      .mt = gfp_migratetype(k, gfp),
					      .mode = mode };

		if (!cc.zone->managed ||
		    !compaction_suitable(cc.zone, order, highest, alloc_flags))
			continue;
		tried = true;
		kevent(k, .kind = KEV_ZONE, .func = "compact_zone",
		       .note = cc.zone->name, .order = order);
		compact_zone(&cc);
		if (compact_finished(&cc))
			break;
	}
	return tried;
}

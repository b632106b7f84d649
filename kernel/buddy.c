/*
 * buddy.c - the free lists of a zone.
 *
 *   zone -> free_area[order] -> list[type] -> block -> block ...  by pfn
 *        -> virgin[]: runs of whole order-10 blocks that nobody has used
 *
 * A block of 1 << order frames is aligned to its size; its buddy is the
 * block at pfn ^ (1 << order). Two free buddies become one block of the next
 * order; a block that is too large is halved, the upper halves go back on
 * the lists. A block is taken from the front of its list and freed to the
 * front, or to the end if the block that it would be half of is likely to
 * become whole soon.
 *
 * Order-10 blocks never used stay out of the lists, in extents, so that
 * booting with 64 GiB touches no records for them; they count as free all the
 * same, and stand for the end of the list of movable blocks.
 *
 * Models __rmqueue_smallest, expand and __free_one_page of mm/page_alloc.c,
 * Linux 6.1. Left out: shuffling, guard pages, capture by a compaction.
 */
#include "kernel/buddy.h"

#include <string.h>

#define BLOCK	   (1ULL << (MAX_ORDER - 1)) /* frames of the largest block */
#define HUGE_AFTER (16 * MiB >> PAGE_SHIFT)

/* --- free lists --------------------------------------------------------- */

static void list_add(struct kernel *k, struct zone *zone, pfn_t pfn,
		     unsigned order, enum migratetype mt, bool to_tail)
{
	struct free_area *area = &zone->free_area[order];
	struct page *page = pfn_to_page(k, pfn);

	page->flags |= PG_buddy;
	page->private = order;
	page->index = mt;
	if (to_tail)
		page_list_add_tail(k, &area->list[mt], pfn);
	else
		page_list_add(k, &area->list[mt], pfn);
	area->nr_free++;
}

void del_from_free_list(struct kernel *k, struct zone *zone, pfn_t pfn,
			unsigned order)
{
	struct free_area *area = &zone->free_area[order];
	struct page *page = pfn_to_page(k, pfn);

	page_list_del(k, &area->list[page_list_type(page)], pfn);
	page->flags &= ~PG_buddy;
	page->private = 0;
	page->index = 0;
	area->nr_free--;
}

void move_to_free_list(struct kernel *k, struct zone *zone, pfn_t pfn,
		       unsigned order, enum migratetype mt)
{
	del_from_free_list(k, zone, pfn, order);
	list_add(k, zone, pfn, order, mt, true);
}

bool is_free_block(const struct kernel *k, const struct zone *zone, pfn_t pfn,
		   unsigned order)
{
	const struct page *page = pfn_to_page(k, pfn);

	return pfn >= zone->start_pfn && pfn < zone->end_pfn &&
	       (page->flags & PG_buddy) && page->private == order;
}

/* Is the next larger block's buddy free, so that both may soon be one? */
static bool buddy_merge_likely(const struct kernel *k, const struct zone *zone,
			       pfn_t pfn, unsigned order)
{
	pfn_t higher = ALIGN_DOWN(pfn, 2ULL << order);

	if (order >= MAX_ORDER - 2)
		return false;
	higher ^= 2ULL << order;
	return higher < zone->end_pfn &&
	       is_free_block(k, zone, higher, order + 1);
}

/* Blocks for atomic requests stay by themselves. */
static bool may_merge(const struct kernel *k, const struct zone *zone,
		      pfn_t buddy, unsigned order, enum migratetype mt)
{
	enum migratetype other;

	if (order < k->pageblock_order)
		return true;
	other = zone_pageblock(k, zone, buddy);
	return mt == other ||
	       (mt < MIGRATE_PCPTYPES && other < MIGRATE_PCPTYPES);
}

void free_one_block(struct kernel *k, struct zone *zone, pfn_t pfn,
		    unsigned order, enum migratetype mt)
{
	for (; order < MAX_ORDER - 1; order++) {
		pfn_t buddy = pfn ^ (1ULL << order);

		if (buddy >= zone->end_pfn ||
		    !is_free_block(k, zone, buddy, order) ||
		    !may_merge(k, zone, buddy, order, mt))
			break;
		del_from_free_list(k, zone, buddy, order);
		pfn &= buddy;
	}
	list_add(k, zone, pfn, order, mt,
		 buddy_merge_likely(k, zone, pfn, order));
}

/* --- virgin extents ----------------------------------------------------- */

static void virgin_remove(struct zone *zone, unsigned i)
{
	zone->nvirgin--;
	memmove(&zone->virgin[i], &zone->virgin[i + 1],
		(zone->nvirgin - i) * sizeof(zone->virgin[0]));
}

/* The first block of the lowest extent, or PFN_NONE. */
static pfn_t virgin_carve(struct kernel *k, struct zone *zone)
{
	if (!zone->nvirgin)
		return PFN_NONE;
	if (!k->ram->huge && k->vmstat.pgalloc > HUGE_AFTER)
		ram_use_huge(k->ram);
	pfn_t pfn = zone->virgin[0].start;

	zone->virgin[0].start += BLOCK;
	if (zone->virgin[0].start == zone->virgin[0].end)
		virgin_remove(zone, 0);
	return pfn;
}

/* Index of the extent that holds @pfn, or nvirgin. */
static unsigned virgin_find(const struct zone *zone, pfn_t pfn)
{
	unsigned i = 0;

	while (i < zone->nvirgin &&
	       (pfn < zone->virgin[i].start || pfn >= zone->virgin[i].end))
		i++;
	return i;
}

bool in_virgin(const struct zone *zone, pfn_t pfn)
{
	return virgin_find(zone, pfn) < zone->nvirgin;
}

uint64_t virgin_blocks(const struct zone *zone)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < zone->nvirgin; i++)
		n += (zone->virgin[i].end - zone->virgin[i].start) / BLOCK;
	return n;
}

/* Cuts extent @i at @pfn: two extents. False: no room for one more. */
static bool virgin_split(struct zone *zone, unsigned i, pfn_t pfn)
{
	if (zone->nvirgin == ARRAY_SIZE(zone->virgin))
		return false;
	memmove(&zone->virgin[i + 1], &zone->virgin[i],
		(zone->nvirgin - i) * sizeof(zone->virgin[0]));
	zone->nvirgin++;
	zone->virgin[i].end = pfn;
	zone->virgin[i + 1].start = pfn;
	return true;
}

bool virgin_claim(struct kernel *k, struct zone *zone, pfn_t pfn)
{
	unsigned i = virgin_find(zone, pfn);

	pfn = ALIGN_DOWN(pfn, BLOCK);
	if (i == zone->nvirgin)
		return false;
	if (zone->virgin[i].start < pfn) {
		if (zone->virgin[i].end == pfn + BLOCK)
			zone->virgin[i].end = pfn;
		else if (virgin_split(zone, i, pfn))
			zone->virgin[i + 1].start = pfn + BLOCK;
		else
			return false;
	} else {
		zone->virgin[i].start += BLOCK;
	}
	if (zone->virgin[i].start == zone->virgin[i].end)
		virgin_remove(zone, i);
	list_add(k, zone, pfn, MAX_ORDER - 1, MIGRATE_MOVABLE, true);
	return true;
}

/* --- taking ------------------------------------------------------------- */

bool free_list_empty(const struct zone *zone, unsigned order,
		     enum migratetype mt)
{
	return zone->free_area[order].list[mt].head == PFN_NONE &&
	       !(order == MAX_ORDER - 1 && mt == MIGRATE_MOVABLE &&
		 zone->nvirgin);
}

pfn_t free_list_first(struct kernel *k, struct zone *zone, unsigned order,
		      enum migratetype mt)
{
	pfn_t pfn = zone->free_area[order].list[mt].head;

	if (pfn != PFN_NONE || order != MAX_ORDER - 1 || mt != MIGRATE_MOVABLE)
		return pfn;
	pfn = virgin_carve(k, zone);
	if (pfn != PFN_NONE)
		list_add(k, zone, pfn, order, mt, false);
	return pfn;
}

/* Halves the block at @pfn down to @order; upper halves go on the lists. */
static void expand(struct kernel *k, struct zone *zone, pfn_t pfn,
		   unsigned order, unsigned high, enum migratetype mt)
{
	while (high > order) {
		high--;
		list_add(k, zone, pfn + (1ULL << high), high, mt, false);
	}
}

pfn_t rmqueue_smallest(struct kernel *k, struct zone *zone, unsigned order,
		       enum migratetype mt)
{
	for (unsigned o = order; o < MAX_ORDER; o++) {
		pfn_t pfn = zone->free_area[o].list[mt].head;

		if (pfn == PFN_NONE)
			continue;
		del_from_free_list(k, zone, pfn, o);
		expand(k, zone, pfn, order, o, mt);
		return pfn;
	}
	if (mt != MIGRATE_MOVABLE)
		return PFN_NONE;
	pfn_t pfn = virgin_carve(k, zone);

	if (pfn != PFN_NONE)
		expand(k, zone, pfn, order, MAX_ORDER - 1, mt);
	return pfn;
}

/* Puts [pfn, end), the rest of a block, on the lists, upper parts first. */
static void return_rest(struct kernel *k, struct zone *zone, pfn_t pfn,
			pfn_t end, enum migratetype mt)
{
	while (pfn < end) {
		unsigned order = 63 - __builtin_clzll(end - pfn);

		if (pfn & ((1ULL << order) - 1))
			order = __builtin_ctzll(pfn);
		list_add(k, zone, pfn, order, mt, false);
		pfn += 1ULL << order;
	}
}

pfn_t rmqueue_run(struct kernel *k, struct zone *zone, enum migratetype mt,
		  unsigned max, unsigned alloc_flags, unsigned *n)
{
	unsigned o = 0;
	pfn_t pfn;

	while (o < MAX_ORDER - 1 &&
	       zone->free_area[o].list[mt].head == PFN_NONE)
		o++;
	*n = max < 1U << o ? max : 1U << o;
	pfn = free_list_first(k, zone, o, mt);
	if (pfn == PFN_NONE) {
		*n = 1;
		return rmqueue(k, zone, 0, mt, alloc_flags);
	}
	del_from_free_list(k, zone, pfn, o);
	return_rest(k, zone, pfn + *n, pfn + (1ULL << o), mt);
	return pfn;
}

pfn_t rmqueue(struct kernel *k, struct zone *zone, unsigned order,
	      enum migratetype mt, unsigned alloc_flags)
{
	pfn_t pfn;

	do
		pfn = rmqueue_smallest(k, zone, order, mt);
	while (pfn == PFN_NONE &&
	       rmqueue_fallback(k, zone, order, mt, alloc_flags));
	return pfn;
}

/* --- boot --------------------------------------------------------------- */

void buddy_init(struct zone *zone)
{
	for (unsigned o = 0; o < MAX_ORDER; o++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			zone->free_area[o].list[mt] =
				(struct page_list){ PFN_NONE, PFN_NONE };
}

/* Frees [start, end) in the largest aligned blocks, the highest first. */
static void free_to_lists(struct kernel *k, struct zone *zone, pfn_t start,
			  pfn_t end)
{
	while (end > start) {
		unsigned order = MAX_ORDER - 1;

		while ((end & ((1ULL << order) - 1)) ||
		       end - start < 1ULL << order)
			order--;
		end -= 1ULL << order;
		list_add(k, zone, end, order, MIGRATE_MOVABLE, false);
	}
}

/* Makes the whole blocks of [start, end) an extent; it becomes the lowest. */
static bool add_virgin(struct zone *zone, pfn_t start, pfn_t end)
{
	if (zone->nvirgin == ARRAY_SIZE(zone->virgin))
		return false;
	memmove(&zone->virgin[1], &zone->virgin[0],
		zone->nvirgin * sizeof(zone->virgin[0]));
	zone->virgin[0].start = start;
	zone->virgin[0].end = end;
	zone->nvirgin++;
	return true;
}

void buddy_add_range(struct kernel *k, struct zone *zone, pfn_t start,
		     pfn_t end)
{
	pfn_t first = ALIGN_UP(start, BLOCK), last = ALIGN_DOWN(end, BLOCK);

	zone->managed += end - start;
	zone->free += end - start;
	if (first >= last || !add_virgin(zone, first, last)) {
		free_to_lists(k, zone, start, end);
		return;
	}
	free_to_lists(k, zone, last, end);
	free_to_lists(k, zone, start, first);
}

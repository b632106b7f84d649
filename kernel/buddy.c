/*
 * buddy.c - the free lists of a zone.
 *
 *   zone -> free_area[order] -> block -> block ...   linked by pfn, LIFO
 *        -> virgin[]: runs of whole order-10 blocks that nobody has used
 *
 * A block of 1 << order frames is aligned to its size; its buddy is the
 * block at pfn ^ (1 << order). Two free buddies become one block of the next
 * order; a block that is too large is halved, the upper halves go back on
 * the lists. Order-10 blocks never used stay out of the lists, in extents,
 * so that booting with 64 GiB touches no records for them; they count as
 * free all the same.
 *
 * Models __rmqueue_smallest, expand and __free_one_page of mm/page_alloc.c,
 * Linux 6.1.
 */
#include "kernel/buddy.h"

#include <string.h>

#define BLOCK	   (1ULL << (MAX_ORDER - 1)) /* frames of the largest block */
#define HUGE_AFTER (16 * MiB >> PAGE_SHIFT)

/* --- free lists --------------------------------------------------------- */

static void list_push(struct kernel *k, struct zone *zone, pfn_t pfn,
		      unsigned order)
{
	struct free_area *area = &zone->free_area[order];
	struct page *page = pfn_to_page(k, pfn);

	page->flags |= PG_buddy;
	page->private = order;
	page->prev = PFN_NONE;
	page->next = area->head;
	if (area->head != PFN_NONE)
		pfn_to_page(k, area->head)->prev = pfn;
	area->head = pfn;
	area->nr_free++;
}

static void list_remove(struct kernel *k, struct zone *zone, pfn_t pfn,
			unsigned order)
{
	struct free_area *area = &zone->free_area[order];
	struct page *page = pfn_to_page(k, pfn);

	if (page->next != PFN_NONE)
		pfn_to_page(k, page->next)->prev = page->prev;
	if (page->prev != PFN_NONE)
		pfn_to_page(k, page->prev)->next = page->next;
	else
		area->head = page->next;
	page->flags &= ~PG_buddy;
	page->private = 0;
	area->nr_free--;
}

/* Is the block at @pfn of @order whole and free, on a list of @zone? */
bool is_free_block(const struct kernel *k, const struct zone *zone, pfn_t pfn,
		   unsigned order)
{
	const struct page *page = pfn_to_page(k, pfn);

	return pfn >= zone->start_pfn && pfn < zone->end_pfn &&
	       (page->flags & PG_buddy) && page->private == order;
}

/* Puts a block on the lists, merged with its buddies as far as they go. */
void free_one_block(struct kernel *k, struct zone *zone, pfn_t pfn,
		    unsigned order)
{
	for (; order < MAX_ORDER - 1; order++) {
		pfn_t buddy = pfn ^ (1ULL << order);

		if (buddy >= k->max_pfn ||
		    !is_free_block(k, zone, buddy, order))
			break;
		list_remove(k, zone, buddy, order);
		pfn &= buddy;
	}
	list_push(k, zone, pfn, order);
}

/* --- virgin extents ----------------------------------------------------- */

/* The first block of the lowest extent, or PFN_NONE. */
static pfn_t virgin_carve(struct kernel *k, struct zone *zone)
{
	if (!zone->nvirgin)
		return PFN_NONE;
	if (!k->ram->huge && k->vmstat.pgalloc > HUGE_AFTER)
		ram_use_huge(k->ram);
	pfn_t pfn = zone->virgin[0].start;

	zone->virgin[0].start += BLOCK;
	if (zone->virgin[0].start == zone->virgin[0].end) {
		zone->nvirgin--;
		memmove(&zone->virgin[0], &zone->virgin[1],
			zone->nvirgin * sizeof(zone->virgin[0]));
	}
	return pfn;
}

bool in_virgin(const struct zone *zone, pfn_t pfn)
{
	for (unsigned i = 0; i < zone->nvirgin; i++)
		if (pfn >= zone->virgin[i].start && pfn < zone->virgin[i].end)
			return true;
	return false;
}

uint64_t virgin_blocks(const struct zone *zone)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < zone->nvirgin; i++)
		n += (zone->virgin[i].end - zone->virgin[i].start) / BLOCK;
	return n;
}

/* Halves the block at @pfn down to @order; upper halves go on the lists. */
static void expand(struct kernel *k, struct zone *zone, pfn_t pfn,
		   unsigned order, unsigned high)
{
	while (high > order) {
		high--;
		list_push(k, zone, pfn + (1ULL << high), high);
	}
}

pfn_t rmqueue_smallest(struct kernel *k, struct zone *zone, unsigned order)
{
	for (unsigned o = order; o < MAX_ORDER; o++) {
		pfn_t pfn = zone->free_area[o].head;

		if (pfn == PFN_NONE)
			continue;
		list_remove(k, zone, pfn, o);
		expand(k, zone, pfn, order, o);
		return pfn;
	}
	pfn_t pfn = virgin_carve(k, zone);

	if (pfn != PFN_NONE)
		expand(k, zone, pfn, order, MAX_ORDER - 1);
	return pfn;
}

/* --- boot --------------------------------------------------------------- */

void buddy_init(struct zone *zone)
{
	for (unsigned o = 0; o < MAX_ORDER; o++)
		zone->free_area[o].head = PFN_NONE;
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
		list_push(k, zone, end, order);
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

/* Gives [start, end), which lies in @zone, to the buddy. */
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

/*
 * page_alloc.c - zones and the buddy allocator.
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
 * Models mm/page_alloc.c of Linux 6.1 (__rmqueue_smallest, expand,
 * __free_one_page); watermarks are in watermark.c. Left out: per-CPU lists,
 * migrate types, compaction, reclaim, NUMA, memcg.
 */
#include "kernel/page_alloc.h"

#include <assert.h>
#include <string.h>

#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/pgtable.h"

#define BLOCK	    (1ULL << (MAX_ORDER - 1)) /* frames of the largest block */
#define HUGE_AFTER  (16 * MiB >> PAGE_SHIFT)
#define RECORDS_MAX (32 * MiB) /* larger reservations get no records */

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
static bool is_free_block(const struct kernel *k, const struct zone *zone,
			  pfn_t pfn, unsigned order)
{
	const struct page *page = pfn_to_page(k, pfn);

	return pfn >= zone->start_pfn && pfn < zone->end_pfn &&
	       (page->flags & PG_buddy) && page->private == order;
}

/* Puts a block on the lists, merged with its buddies as far as they go. */
static void free_one_block(struct kernel *k, struct zone *zone, pfn_t pfn,
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

static bool in_virgin(const struct zone *zone, pfn_t pfn)
{
	for (unsigned i = 0; i < zone->nvirgin; i++)
		if (pfn >= zone->virgin[i].start && pfn < zone->virgin[i].end)
			return true;
	return false;
}

static uint64_t virgin_blocks(const struct zone *zone)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < zone->nvirgin; i++)
		n += (zone->virgin[i].end - zone->virgin[i].start) / BLOCK;
	return n;
}

/* --- allocation --------------------------------------------------------- */

/* Halves the block at @pfn down to @order; upper halves go on the lists. */
static void expand(struct kernel *k, struct zone *zone, pfn_t pfn,
		   unsigned order, unsigned high)
{
	while (high > order) {
		high--;
		list_push(k, zone, pfn + (1ULL << high), high);
	}
}

static pfn_t rmqueue_smallest(struct kernel *k, struct zone *zone,
			      unsigned order)
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
		page->flags = PG_used;
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

static void reset_record(struct page *page)
{
	page->flags &= PG_used;
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
		reset_record(pfn_to_page(k, p));
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

/* --- boot --------------------------------------------------------------- */

static void zone_set_span(struct kernel *k, enum zone_type type,
			  const char *name, pfn_t low, pfn_t high)
{
	struct zone *zone = &k->zone[type];

	zone->name = name;
	for (unsigned o = 0; o < MAX_ORDER; o++)
		zone->free_area[o].head = PFN_NONE;
	if (high > k->max_pfn)
		high = k->max_pfn;
	if (low >= high)
		return;
	zone->start_pfn = low;
	zone->end_pfn = high;
	zone->spanned = high - low;
	zone->present = memblock_present(k, low, high);
}

/* Frame 0 belongs to the BIOS and to no zone. */
static void zones_set_spans(struct kernel *k)
{
	pfn_t dma = 16 * MiB >> PAGE_SHIFT;
	pfn_t low = k->max_low_pfn;
	pfn_t dma32 = k->arch->highmem ? dma : 4 * GiB >> PAGE_SHIFT;

	zone_set_span(k, ZONE_DMA, "DMA", 1, dma);
	zone_set_span(k, ZONE_DMA32, "DMA32", dma, dma32);
	zone_set_span(k, ZONE_NORMAL, "Normal", dma32, low);
	zone_set_span(k, ZONE_HIGHMEM, "HighMem", low, k->max_pfn);
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
static void add_free_range(struct kernel *k, struct zone *zone, pfn_t start,
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

/* Linux memblock_free_all(), from the top: lists end up in rising order. */
static void free_all_memory(struct kernel *k)
{
	pfn_t limit = k->max_pfn, start, end;

	while (memblock_free_below(k, limit, &start, &end)) {
		struct zone *zone = page_zone(k, end - 1);

		if (zone && zone->start_pfn > start)
			start = zone->start_pfn;
		if (zone)
			add_free_range(k, zone, start, end);
		limit = start;
	}
}

/* Records for what boot took; huge ranges are known to memblock only. */
static void mark_reserved(struct kernel *k)
{
	for (unsigned i = 0; i < k->nreserved; i++) {
		const struct memblock_range *r = &k->reserved[i];
		uint32_t flags = PG_reserved | PG_kernel | PG_used;
		pfn_t end = r->end >> PAGE_SHIFT;

		if (r->end - r->start > RECORDS_MAX)
			continue;
		if (!strcmp(r->name, "page tables"))
			flags |= PG_table;
		for (pfn_t p = r->start >> PAGE_SHIFT; p < end; p++) {
			if (!pfn_valid(k, p))
				continue;
			pfn_to_page(k, p)->flags = flags;
			pfn_to_page(k, p)->_refcount = 1;
		}
	}
}

void page_alloc_init(struct kernel *k)
{
	zones_set_spans(k);
	mark_reserved(k);
	free_all_memory(k);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		k->totalram_pages += k->zone[i].managed;
	watermarks_init(k);
}

/* --- check -------------------------------------------------------------- */

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
	uint64_t pages = virgin_blocks(zone) * BLOCK;

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

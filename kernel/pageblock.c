/*
 * pageblock.c - pageblocks and their migrate types.
 *
 *	|  movable  |  movable  | unmovable | movable   |   a pageblock is as
 *	| anon free | free anon | slab ptes | cache ... |   large as a huge page
 *
 * What can be moved is kept apart from what cannot, so that compaction can
 * make whole blocks. A request takes from blocks of its own type; when there
 * are none it takes the largest block of another type, and often the whole
 * pageblock with it. All blocks are movable at first.
 *
 * Types are a byte a block, by zone, since a zone may end inside of a block;
 * 0 is movable, so that booting touches none of them.
 *
 * Models mm/page_alloc.c of Linux 6.1. Left out: CMA, boosting of watermarks
 * (kswapd, which takes the boost back, is not there), isolation.
 */
#include <assert.h>
#include <sys/mman.h>

#include "kernel/buddy.h"
#include "kernel/mm_types.h"
#include "kernel/page_alloc.h"

/* --- types ---------------------------------------------------------------- */

void set_pageblock(struct kernel *k, struct zone *zone, pfn_t pfn,
		   enum migratetype mt)
{
	if (k->page_group_by_mobility_disabled && mt < MIGRATE_PCPTYPES)
		mt = MIGRATE_UNMOVABLE;
	*pageblock_slot(k, zone, pfn) = mt ^ MIGRATE_MOVABLE;
}

int pageblock_migratetype(const struct kernel *k, pfn_t pfn)
{
	const struct zone *zone = page_zone((struct kernel *)k, pfn);

	return zone ? (int)zone_pageblock(k, zone, pfn) : -1;
}

static uint64_t managed_pages(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += k->zone[i].present;
	return n;
}

static size_t nr_types(const struct kernel *k, const struct zone *zone)
{
	return (zone->spanned >> k->pageblock_order) + 2;
}

static size_t all_types(const struct kernel *k)
{
	size_t n = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += nr_types(k, &k->zone[i]);
	return n;
}

/* Zeros that the host makes when they are touched (calloc() may write them). */
static uint8_t *map_types(const struct kernel *k)
{
	void *map = mmap(NULL, all_types(k), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert(map != MAP_FAILED);
	return map;
}

/*
 * No memory in [start, end): a block whose first frame is there stays at type
 * 0, Unmovable. x86-64 has no types for blocks without any memory.
 */
static void mark_hole(struct kernel *k, struct zone *zone, pfn_t start,
		      pfn_t end)
{
	pfn_t step = pageblock_nr(k), pfn = ALIGN_UP(start, step);
	pfn_t first = ALIGN_DOWN(zone->start_pfn, step);

	if (k->layout.vmemmap && first < ALIGN_DOWN(end, step))
		first = ALIGN_DOWN(end, step);
	for (pfn = pfn > first ? pfn : first; pfn < end; pfn += step)
		if (pfn < zone->end_pfn)
			set_pageblock(k, zone, pfn, MIGRATE_UNMOVABLE);
}

/* linux memmap_init_range(): blocks that begin in memory are Movable. */
static void mark_holes(struct kernel *k, struct zone *zone)
{
	pfn_t end = 0;

	for (unsigned i = 0; i < k->nmemory; i++) {
		pfn_t start = k->memory[i].start >> PAGE_SHIFT;

		mark_hole(k, zone, end, start ? start : 1);
		end = k->memory[i].end >> PAGE_SHIFT;
	}
}

void pageblocks_init(struct kernel *k)
{
	unsigned shift = k->mode->level[k->pte_level - 1].shift;

	k->pageblock_order = shift - PAGE_SHIFT;
	if (k->pageblock_order > MAX_ORDER - 1)
		k->pageblock_order = MAX_ORDER - 1;
	k->page_group_by_mobility_disabled =
		managed_pages(k) < pageblock_nr(k) * MIGRATE_TYPES;
	uint8_t *at = map_types(k);

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		k->zone[i].pageblock = at;
		at += nr_types(k, &k->zone[i]);
		if (k->zone[i].present)
			mark_holes(k, &k->zone[i]);
	}
}

void pageblocks_deinit(struct kernel *k)
{
	if (k->zone[0].pageblock)
		munmap(k->zone[0].pageblock, all_types(k));
}

/* Pages that are mapped to every process are none of theirs to move. */
static bool is_special(const struct kernel *k, const struct inode *inode)
{
	return inode == k->vdso->f_inode || inode == k->vvar->f_inode;
}

bool page_is_movable(const struct kernel *k, pfn_t pfn)
{
	const uint64_t others = PG_slab | PG_table | PG_buddy | PG_pcp |
				PG_reserved | PG_vmalloc | PG_kernel |
				PG_kmalloc | PG_block;
	const struct page *page = pfn_to_page(k, pfn);

	if ((page->flags & others) || !page->mapping)
		return false;
	return (page->flags & PG_anon) || !is_special(k, page->mapping->host);
}

/* --- whole blocks --------------------------------------------------------- */

static uint64_t move_freepages(struct kernel *k, struct zone *zone, pfn_t start,
			       pfn_t end, enum migratetype mt,
			       uint64_t *movable)
{
	uint64_t moved = 0;

	for (pfn_t pfn = start; pfn < end;) {
		const struct page *page = pfn_to_page(k, pfn);
		unsigned order = page->private;

		if (!(page->flags & PG_buddy)) {
			*movable += page_is_movable(k, pfn);
			pfn++;
			continue;
		}
		move_to_free_list(k, zone, pfn, order, mt);
		moved += 1ULL << order;
		pfn += 1ULL << order;
	}
	return moved;
}

uint64_t move_freepages_block(struct kernel *k, struct zone *zone, pfn_t pfn,
			      enum migratetype mt, uint64_t *movable)
{
	pfn_t start = ALIGN_DOWN(pfn, pageblock_nr(k));
	pfn_t end = start + pageblock_nr(k);
	uint64_t ignored;

	if (!movable)
		movable = &ignored;
	*movable = 0;
	/* Zones may begin or end within a block. */
	if (start < zone->start_pfn)
		start = pfn;
	if (end > zone->end_pfn)
		return 0;
	return move_freepages(k, zone, start, end, mt, movable);
}

/* --- fallback ------------------------------------------------------------- */

static const enum migratetype
	fallbacks[MIGRATE_PCPTYPES][MIGRATE_PCPTYPES - 1] = {
		[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
		[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
		[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
	};

/*
 * May the pageblock change its type? A movable request leaves small remains
 * alone: what it puts into a foreign block can be moved out again.
 */
static bool can_steal_fallback(const struct kernel *k, unsigned order,
			       enum migratetype mt)
{
	return order >= k->pageblock_order / 2 || mt == MIGRATE_RECLAIMABLE ||
	       mt == MIGRATE_UNMOVABLE || k->page_group_by_mobility_disabled;
}

int find_suitable_fallback(const struct kernel *k, const struct zone *zone,
			   unsigned order, enum migratetype mt,
			   bool only_stealable, bool *can_steal)
{
	*can_steal = false;
	for (unsigned i = 0; i < ARRAY_SIZE(fallbacks[mt]); i++) {
		if (free_list_empty(zone, order, fallbacks[mt][i]))
			continue;
		*can_steal = can_steal_fallback(k, order, mt);
		if (*can_steal || !only_stealable)
			return fallbacks[mt][i];
	}
	return -1;
}

/* A block of one or more whole pageblocks. */
static void change_pageblock_range(struct kernel *k, struct zone *zone,
				   pfn_t pfn, unsigned order,
				   enum migratetype mt)
{
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p += pageblock_nr(k))
		set_pageblock(k, zone, p, mt);
}

/*
 * Tries to take over the pageblock of the free block @pfn: its free blocks
 * come along, and if half of it is free or alike, its type changes.
 */
static bool steal_pageblock(struct kernel *k, struct zone *zone, pfn_t pfn,
			    enum migratetype mt)
{
	enum migratetype old = zone_pageblock(k, zone, pfn);
	uint64_t movable, alike = 0;
	uint64_t moved = move_freepages_block(k, zone, pfn, mt, &movable);

	if (!moved)
		return false;
	if (mt == MIGRATE_MOVABLE)
		alike = movable;
	else if (old == MIGRATE_MOVABLE)
		alike = pageblock_nr(k) - (moved + movable);
	if (moved + alike >= pageblock_nr(k) / 2 ||
	    k->page_group_by_mobility_disabled)
		set_pageblock(k, zone, pfn, mt);
	return true;
}

static void steal_suitable_fallback(struct kernel *k, struct zone *zone,
				    pfn_t pfn, enum migratetype mt,
				    bool whole_block)
{
	unsigned order = pfn_to_page(k, pfn)->private;
	bool atomic = zone_pageblock(k, zone, pfn) == MIGRATE_HIGHATOMIC;

	if (!atomic && order >= k->pageblock_order)
		change_pageblock_range(k, zone, pfn, order, mt);
	else if (!atomic && whole_block && steal_pageblock(k, zone, pfn, mt))
		return;
	move_to_free_list(k, zone, pfn, order, mt);
}

/*
 * The order to take from: the largest, since that keeps most of the other
 * type's blocks whole; but the smallest if the pageblock stays what it is.
 */
static int fallback_order(const struct kernel *k, const struct zone *zone,
			  unsigned order, unsigned min_order,
			  enum migratetype mt)
{
	bool can_steal;
	int o = MAX_ORDER - 1;

	while (o >= (int)min_order &&
	       find_suitable_fallback(k, zone, o, mt, false, &can_steal) < 0)
		o--;
	if (o < (int)min_order)
		return -1;
	if (can_steal || mt != MIGRATE_MOVABLE || o <= (int)order)
		return o;
	for (o = order;
	     find_suitable_fallback(k, zone, o, mt, false, &can_steal) < 0; o++)
		;
	return o;
}

bool rmqueue_fallback(struct kernel *k, struct zone *zone, unsigned order,
		      enum migratetype mt, unsigned alloc_flags)
{
	unsigned min_order = order;
	bool can_steal;
	int o, from;
	pfn_t pfn;

	if (mt >= MIGRATE_PCPTYPES)
		return false;
	if (min_order < k->pageblock_order && (alloc_flags & ALLOC_NOFRAGMENT))
		min_order = k->pageblock_order;
	o = fallback_order(k, zone, order, min_order, mt);
	if (o < 0)
		return false;
	from = find_suitable_fallback(k, zone, o, mt, false, &can_steal);
	pfn = free_list_first(k, zone, o, (enum migratetype)from);
	steal_suitable_fallback(k, zone, pfn, mt, can_steal);
	return true;
}

/* --- blocks for atomic requests ------------------------------------------- */

void reserve_highatomic_pageblock(struct kernel *k, struct zone *zone,
				  pfn_t pfn)
{
	uint64_t max = zone->managed / 100 + pageblock_nr(k);

	if (zone->nr_reserved_highatomic >= max ||
	    zone_pageblock(k, zone, pfn) >= MIGRATE_PCPTYPES)
		return;
	zone->nr_reserved_highatomic += pageblock_nr(k);
	set_pageblock(k, zone, pfn, MIGRATE_HIGHATOMIC);
	move_freepages_block(k, zone, pfn, MIGRATE_HIGHATOMIC, NULL);
}

/* Gives back the first free block of the zone that is kept so. */
static bool unreserve_first(struct kernel *k, struct zone *zone,
			    enum migratetype mt)
{
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		pfn_t pfn = zone->free_area[o].list[MIGRATE_HIGHATOMIC].head;

		if (pfn == PFN_NONE)
			continue;
		if (zone_pageblock(k, zone, pfn) == MIGRATE_HIGHATOMIC) {
			uint64_t n = zone->nr_reserved_highatomic;

			n -= n < pageblock_nr(k) ? n : pageblock_nr(k);
			zone->nr_reserved_highatomic = n;
		}
		set_pageblock(k, zone, pfn, mt);
		if (move_freepages_block(k, zone, pfn, mt, NULL))
			return true;
	}
	return false;
}

bool unreserve_highatomic_pageblock(struct kernel *k, enum zone_type highest,
				    enum migratetype mt, bool force)
{
	for (int i = highest; i >= 0; i--) {
		struct zone *zone = &k->zone[i];

		if (!force && zone->nr_reserved_highatomic <= pageblock_nr(k))
			continue;
		if (unreserve_first(k, zone, mt))
			return true;
	}
	return false;
}

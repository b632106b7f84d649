/*
 * buddy.h - the free lists of a zone, and the types of its pageblocks: what
 * the page allocator's files build on and nobody else calls.
 */
#ifndef KERNEL_BUDDY_H
#define KERNEL_BUDDY_H

#include "kernel/gfp.h"

/* page_zone(), for hot paths: the zone that @pfn lies in, or NULL. */
static inline struct zone *zone_of(struct kernel *k, pfn_t pfn)
{
	struct zone *zone = &k->zone[MAX_NR_ZONES];

	while (zone-- > k->zone)
		if (pfn >= zone->start_pfn && pfn < zone->end_pfn)
			return zone;
	return NULL;
}

/* --- lists (buddy.c) ------------------------------------------------------ */

void buddy_init(struct zone *zone);
/* Gives [start, end), which lies in @zone, to the buddy: managed and free. */
void buddy_add_range(struct kernel *k, struct zone *zone, pfn_t start,
		     pfn_t end);
/*
 * Takes a block of @order off the lists of @mt, the smallest that will do,
 * and halves it (linux __rmqueue_smallest). Does not count zone->free.
 * PFN_NONE: there is none.
 */
pfn_t rmqueue_smallest(struct kernel *k, struct zone *zone, unsigned order,
		       enum migratetype mt);
/* The same, with other types' blocks if need be (linux __rmqueue). */
pfn_t rmqueue(struct kernel *k, struct zone *zone, unsigned order,
	      enum migratetype mt, unsigned alloc_flags);
/*
 * As many calls of rmqueue() for one frame as end up in one block, at most
 * @max: the first of *n frames in a row, or PFN_NONE.
 */
pfn_t rmqueue_run(struct kernel *k, struct zone *zone, enum migratetype mt,
		  unsigned max, unsigned alloc_flags, unsigned *n);
/* Puts a block on the lists, merged with its buddies as far as they go. */
void free_one_block(struct kernel *k, struct zone *zone, pfn_t pfn,
		    unsigned order, enum migratetype mt);
/* Is the block at @pfn of @order whole and free, on a list of @zone? */
bool is_free_block(const struct kernel *k, const struct zone *zone, pfn_t pfn,
		   unsigned order);
/* Moves a listed block to the end of the list of @mt. */
void move_to_free_list(struct kernel *k, struct zone *zone, pfn_t pfn,
		       unsigned order, enum migratetype mt);
/* Takes the listed block at @pfn, all of it. */
void del_from_free_list(struct kernel *k, struct zone *zone, pfn_t pfn,
			unsigned order);
/* Is there no block of @order on the list of @mt, no virgin one either? */
bool free_list_empty(const struct zone *zone, unsigned order,
		     enum migratetype mt);
/* The first one, made a listed block if it was virgin; PFN_NONE: none. */
pfn_t free_list_first(struct kernel *k, struct zone *zone, unsigned order,
		      enum migratetype mt);

/* Blocks never used: is the frame in one; how many of order 10 there are. */
bool in_virgin(const struct zone *zone, pfn_t pfn);
uint64_t virgin_blocks(const struct zone *zone);
/* Makes the virgin block that holds @pfn an ordinary free one. False: the
 * array of extents is full, or it is none. */
bool virgin_claim(struct kernel *k, struct zone *zone, pfn_t pfn);

/* --- pageblocks (pageblock.c) --------------------------------------------- */

/* Frames of a pageblock. */
static inline pfn_t pageblock_nr(const struct kernel *k)
{
	return 1ULL << k->pageblock_order;
}

/* All blocks movable; once the zones have their spans. */
void pageblocks_init(struct kernel *k);
void pageblocks_deinit(struct kernel *k);
static inline uint8_t *pageblock_slot(const struct kernel *k,
				      const struct zone *zone, pfn_t pfn)
{
	return &zone->pageblock[(pfn >> k->pageblock_order) -
				(zone->start_pfn >> k->pageblock_order)];
}
/* The type of the pageblock of @pfn, which lies in @zone. */
static inline enum migratetype zone_pageblock(const struct kernel *k,
					      const struct zone *zone,
					      pfn_t pfn)
{
	return (enum migratetype)(*pageblock_slot(k, zone, pfn) ^
				  MIGRATE_MOVABLE);
}
void set_pageblock(struct kernel *k, struct zone *zone, pfn_t pfn,
		   enum migratetype mt);
/*
 * Of which type a block of @order may be taken when @mt has none; -1: of none.
 * *can_steal: the whole pageblock may change its type. @only_stealable: not
 * without that.
 */
int find_suitable_fallback(const struct kernel *k, const struct zone *zone,
			   unsigned order, enum migratetype mt,
			   bool only_stealable, bool *can_steal);
/* Moves a block of another type to the lists of @mt. False: there is none. */
bool rmqueue_fallback(struct kernel *k, struct zone *zone, unsigned order,
		      enum migratetype mt, unsigned alloc_flags);
/* Free blocks of the pageblock go to the lists of @mt: frames moved. */
uint64_t move_freepages_block(struct kernel *k, struct zone *zone, pfn_t pfn,
			      enum migratetype mt, uint64_t *movable);
/* The pageblock of @pfn is kept for atomic requests above order 0. */
void reserve_highatomic_pageblock(struct kernel *k, struct zone *zone,
				  pfn_t pfn);
/* Gives one such block back for @mt; @force: the last one too. */
bool unreserve_highatomic_pageblock(struct kernel *k, enum zone_type highest,
				    enum migratetype mt, bool force);

/* Could compaction move the frame's contents: anonymous or page cache? */
bool page_is_movable(const struct kernel *k, pfn_t pfn);

/* --- per-CPU lists (pcp.c) ------------------------------------------------ */
#define PAGE_ALLOC_COSTLY_ORDER 3
/* Orders 0 to 3 of three types, and large pages of any. */
#define NR_PCP_LISTS (MIGRATE_PCPTYPES * (PAGE_ALLOC_COSTLY_ORDER + 1) + 1)

struct per_cpu_pages {
	unsigned count;		/* pages on all lists */
	unsigned high, batch;	/* drained from @high on, moved by @batch */
	unsigned free_factor;	/* frees without an allocation double it */
	struct page_list list[NR_PCP_LISTS];
	uint32_t unused[2];	/* 128 bytes: found by a shift */
};

/* Empty lists for each CPU; sizes come from the watermarks. */
void pcp_init(struct kernel *k);
void pcp_deinit(struct kernel *k);
/* linux zone_pcp_update(): batch and high of all zones; which are preferred. */
void pcp_update(struct kernel *k);
/* Is a block of @order kept on per-CPU lists? */
static inline bool pcp_allowed_order(const struct kernel *k, unsigned order)
{
	return order <= PAGE_ALLOC_COSTLY_ORDER ||
	       (order == k->pageblock_order && k->layout.thp);
}
/* Fills this CPU's list, which is empty, and takes from it; or PFN_NONE. */
pfn_t pcp_refill(struct kernel *k, struct zone *zone, unsigned order,
		 enum migratetype mt, unsigned alloc_flags);
/* Gives back what is too much, if it is, after a block was freed. */
void pcp_trim(struct kernel *k, struct zone *zone, unsigned order,
	      enum migratetype mt);

/* What a listed block's record says in index: its type, and the CPU. */
static inline enum migratetype page_list_type(const struct page *page)
{
	return (enum migratetype)(page->index & 0xff);
}
static inline unsigned page_pcp_cpu(const struct page *page)
{
	return (unsigned)(page->index >> 8);
}

/* --- lists of frames ------------------------------------------------------ */

static inline void page_list_add(struct kernel *k, struct page_list *list,
				 pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	page->prev = PFN_NONE;
	page->next = list->head;
	if (list->head != PFN_NONE)
		pfn_to_page(k, list->head)->prev = pfn;
	else
		list->tail = pfn;
	list->head = pfn;
}

static inline void page_list_add_tail(struct kernel *k, struct page_list *list,
				      pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	page->next = PFN_NONE;
	page->prev = list->tail;
	if (list->tail != PFN_NONE)
		pfn_to_page(k, list->tail)->next = pfn;
	else
		list->head = pfn;
	list->tail = pfn;
}

static inline void page_list_del(struct kernel *k, struct page_list *list,
				 pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);

	if (page->next != PFN_NONE)
		pfn_to_page(k, page->next)->prev = page->prev;
	else
		list->tail = page->prev;
	if (page->prev != PFN_NONE)
		pfn_to_page(k, page->prev)->next = page->next;
	else
		list->head = page->next;
}

/* --- the hot paths of per-CPU lists --------------------------------------- */

static inline unsigned order_to_pindex(unsigned order, enum migratetype mt)
{
	if (order > PAGE_ALLOC_COSTLY_ORDER)
		return NR_PCP_LISTS - 1;
	return MIGRATE_PCPTYPES * order + mt;
}

/* Blocks of types that have no lists lie on those of movable ones. */
static inline unsigned freed_pindex(unsigned order, enum migratetype mt)
{
	if (__builtin_expect(mt >= MIGRATE_PCPTYPES, 0))
		mt = MIGRATE_MOVABLE;
	return order_to_pindex(order, mt);
}

static inline void mark_listed(const struct kernel *k, struct page *page,
			       unsigned order, enum migratetype mt)
{
	page->flags |= PG_pcp;
	page->private = order;
	page->index = (uint64_t)k->this_cpu << 8 | mt;
}

/* The first block of this CPU's list, or PFN_NONE; the record stays marked. */
static inline pfn_t pcp_pop(struct kernel *k, struct zone *zone, unsigned order,
			    enum migratetype mt)
{
	struct per_cpu_pages *pcp = &zone->pcp[k->this_cpu];
	struct page_list *list = &pcp->list[order_to_pindex(order, mt)];
	uint32_t pfn = list->head;

	if (pfn == PFN_NONE)
		return PFN_NONE;
	pcp->free_factor >>= 1;
	list->head = pfn_to_page(k, pfn)->next;
	if (list->head == PFN_NONE)
		list->tail = PFN_NONE;
	else
		pfn_to_page(k, list->head)->prev = PFN_NONE;
	pcp->count -= 1U << order;
	return pfn;
}

/*
 * Puts a block of a pageblock of @mt on this CPU's list. True: the CPU has
 * too many now, pcp_trim() is due.
 */
static inline bool pcp_push(struct kernel *k, struct zone *zone, pfn_t pfn,
			    unsigned order, enum migratetype mt)
{
	struct per_cpu_pages *pcp = &zone->pcp[k->this_cpu];

	mark_listed(k, pfn_to_page(k, pfn), order, mt);
	page_list_add(k, &pcp->list[freed_pindex(order, mt)], pfn);
	pcp->count += 1U << order;
	return pcp->count >= pcp->high;
}

#endif

/*
 * page_alloc.c - the page allocator: which zone gives a block.
 *
 *	alloc_pages -> get_page_from_freelist: zones of the zonelist that stay
 *	     |         above their low watermark -> per-CPU list -> buddy
 *	     v
 *	slow path: kswapd is woken; down to the minimum; then compaction for
 *	     more than one frame, reclaim, what the flags allow beyond it
 *
 * Models mm/page_alloc.c of Linux 6.1 above the free lists, which are in
 * buddy.c, pageblock.c and pcp.c; zones are made in mm_init.c, watermarks in
 * watermark.c. Left out: reclaim and the OOM killer (direct_reclaim() is
 * where they will be: until then there is nothing to reclaim but what CPUs
 * hold on their lists), so that __GFP_NOFAIL can fail where Linux would try
 * for ever; boosting, NUMA, cpusets, memcg.
 */
#include "kernel/page_alloc.h"

#include <assert.h>
#include <string.h>

#include "kernel/buddy.h"
#include "kernel/compaction.h"
#include "kernel/compound.h"
#include "kernel/internal.h"
#include "kernel/mm_inline.h"

/* --- watermarks ----------------------------------------------------------- */

/* Linux __zone_watermark_ok(): what must stay, given what flags allow. */
static uint64_t discounted(uint64_t min, unsigned alloc_flags)
{
	if (alloc_flags & ALLOC_HIGH)
		min -= min / 2;
	if (alloc_flags & ALLOC_OOM)
		min -= min / 2;
	else if (alloc_flags & ALLOC_HARDER)
		min -= min / 4;
	return min;
}

static bool has_block(const struct zone *zone, unsigned order,
		      unsigned alloc_flags)
{
	bool harder = alloc_flags & (ALLOC_HARDER | ALLOC_OOM);
	int types = harder ? MIGRATE_HIGHATOMIC + 1 : MIGRATE_PCPTYPES;

	for (; order < MAX_ORDER; order++)
		for (int mt = 0; mt < types; mt++)
			if (!free_list_empty(zone, order, mt))
				return true;
	return false;
}

/* Free pages that a request of @order cannot have, or may not. */
static uint64_t unusable_free(const struct zone *zone, unsigned order,
			      unsigned alloc_flags)
{
	uint64_t n = (1ULL << order) - 1;

	if (!(alloc_flags & (ALLOC_HARDER | ALLOC_OOM)))
		n += zone->nr_reserved_highatomic;
	return n;
}

bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
		       enum zone_type highest, unsigned alloc_flags)
{
	if (zone->free <= unusable_free(zone, order, alloc_flags) +
				  discounted(mark, alloc_flags) +
				  zone->lowmem_reserve[highest])
		return false;
	return !order || has_block(zone, order, alloc_flags);
}

/* Is enough left even without the discounts, when one frame is taken? */
static inline bool above_watermark(const struct zone *zone, uint64_t mark,
				   enum zone_type highest)
{
	return zone->free > mark + zone->lowmem_reserve[highest] +
				    zone->nr_reserved_highatomic;
}

/* The common case without the discounts. */
static inline bool zone_watermark_fast(const struct zone *zone, unsigned order,
				       uint64_t mark, enum zone_type highest,
				       unsigned alloc_flags)
{
	if (!order && above_watermark(zone, mark, highest))
		return true;
	return zone_watermark_ok(zone, order, mark, highest, alloc_flags);
}

/* --- one attempt ---------------------------------------------------------- */

/* The lists of this CPU, then the buddy's. */
static pfn_t take_block(struct kernel *k, struct zone *zone, unsigned order,
			enum migratetype mt, unsigned alloc_flags)
{
	pfn_t pfn = PFN_NONE;

	if (pcp_allowed_order(k, order)) {
		pfn = pcp_pop(k, zone, order, mt);
		if (pfn == PFN_NONE)
			pfn = pcp_refill(k, zone, order, mt, alloc_flags);
	}
	if (pfn != PFN_NONE)
		return pfn;
	if (order && (alloc_flags & ALLOC_HARDER))
		pfn = rmqueue_smallest(k, zone, order, MIGRATE_HIGHATOMIC);
	if (pfn == PFN_NONE)
		pfn = rmqueue(k, zone, order, mt, alloc_flags);
	if (pfn != PFN_NONE)
		zone->free -= 1ULL << order;
	return pfn;
}

static pfn_t scan_zonelist(struct kernel *k, unsigned gfp, unsigned order,
			   unsigned alloc_flags)
{
	enum zone_type highest = gfp_zone(k, gfp);
	enum migratetype mt = gfp_migratetype(k, gfp);

	for (int i = highest; i >= 0; i--) {
		struct zone *zone = &k->zone[i];
		uint64_t mark = zone->watermark[alloc_flags & ALLOC_WMARK_MASK];
		pfn_t pfn;

		if (!(alloc_flags & ALLOC_NO_WATERMARKS) &&
		    !zone_watermark_fast(zone, order, mark, highest,
					 alloc_flags))
			continue;
		pfn = take_block(k, zone, order, mt, alloc_flags);
		if (pfn == PFN_NONE)
			continue;
		if (order && (alloc_flags & ALLOC_HARDER))
			reserve_highatomic_pageblock(k, zone, pfn);
		return pfn;
	}
	return PFN_NONE;
}

static pfn_t get_page_from_freelist(struct kernel *k, unsigned gfp,
				    unsigned order, unsigned alloc_flags)
{
	pfn_t pfn = scan_zonelist(k, gfp, order, alloc_flags);

	if (pfn == PFN_NONE && (alloc_flags & ALLOC_NOFRAGMENT))
		pfn = scan_zonelist(k, gfp, order,
				    alloc_flags & ~ALLOC_NOFRAGMENT);
	return pfn;
}

/*
 * Where DMA32 lies below, a request that prefers Normal rather goes there
 * than break up a pageblock of another type.
 */
static unsigned alloc_flags_nofragment(const struct kernel *k, unsigned gfp)
{
	unsigned flags = gfp & __GFP_KSWAPD_RECLAIM;

	if (!k->arch->highmem && k->zone[ZONE_NORMAL].managed &&
	    gfp_zone(k, gfp) >= ZONE_NORMAL)
		flags |= ALLOC_NOFRAGMENT;
	return flags;
}

/* --- the slow path -------------------------------------------------------- */

/* What reclaim will bring is a later part; lists of CPUs are drained. */
static pfn_t direct_reclaim(struct kernel *k, unsigned gfp, unsigned order,
			    unsigned alloc_flags)
{
	k->vmstat.allocstall++;
	kevent(k, .kind = KEV_ZONE, .func = "drain_all_pages",
	       .note = "nothing to reclaim; lists of all CPUs to the buddy");
	unreserve_highatomic_pageblock(k, gfp_zone(k, gfp),
				       gfp_migratetype(k, gfp), true);
	drain_all_pages(k);
	return get_page_from_freelist(k, gfp, order, alloc_flags);
}

static pfn_t direct_compact(struct kernel *k, unsigned gfp, unsigned order,
			    unsigned alloc_flags, enum migrate_mode mode)
{
	pfn_t pfn;

	if (!order || !try_to_compact_pages(k, gfp, order, alloc_flags, mode))
		return PFN_NONE;
	k->vmstat.compact_stall++;
	pfn = get_page_from_freelist(k, gfp, order, alloc_flags);
	if (pfn == PFN_NONE)
		k->vmstat.compact_fail++;
	else
		k->vmstat.compact_success++;
	return pfn;
}

/* May the request go below all watermarks? */
static bool pfmemalloc_allowed(unsigned gfp)
{
	return (gfp & __GFP_MEMALLOC) && !(gfp & __GFP_NOMEMALLOC);
}

/* Costly blocks, and small ones that cannot be moved later, compact first. */
static bool compacts_first(const struct kernel *k, unsigned gfp, unsigned order)
{
	return order > PAGE_ALLOC_COSTLY_ORDER ||
	       (order && gfp_migratetype(k, gfp) != MIGRATE_MOVABLE);
}

/* The caller may wait: reclaim, compact, and insist if it must. */
static pfn_t alloc_pages_wait(struct kernel *k, unsigned gfp, unsigned order,
			      unsigned alloc_flags)
{
	pfn_t pfn = PFN_NONE;

	if (compacts_first(k, gfp, order) && !pfmemalloc_allowed(gfp))
		pfn = direct_compact(k, gfp, order, alloc_flags, MIGRATE_ASYNC);
	if (pfn == PFN_NONE)
		pfn = direct_reclaim(k, gfp, order, alloc_flags);
	if (pfn == PFN_NONE &&
	    !(order > PAGE_ALLOC_COSTLY_ORDER && (gfp & __GFP_NORETRY)))
		pfn = direct_compact(k, gfp, order, alloc_flags,
				     MIGRATE_SYNC_LIGHT);
	if (pfn == PFN_NONE && (gfp & __GFP_NOFAIL))
		pfn = get_page_from_freelist(k, gfp, order, ALLOC_HARDER);
	if (pfn == PFN_NONE && (gfp & __GFP_NOFAIL))
		pfn = get_page_from_freelist(k, gfp, order,
					     ALLOC_NO_WATERMARKS);
	return pfn;
}

static pfn_t alloc_pages_slowpath(struct kernel *k, unsigned gfp,
				  unsigned order)
{
	unsigned alloc_flags = gfp_to_alloc_flags(gfp);
	pfn_t pfn;

	if (alloc_flags & ALLOC_KSWAPD) {
		k->vmstat.kswapd_wake++;
		kevent(k, .kind = KEV_ZONE, .func = "wakeup_kswapd",
		       .note = "no zone stays above its low watermark",
		       .order = order);
	}
	pfn = get_page_from_freelist(k, gfp, order, alloc_flags);
	if (pfn == PFN_NONE && pfmemalloc_allowed(gfp)) {
		alloc_flags |= ALLOC_NO_WATERMARKS;
		pfn = get_page_from_freelist(k, gfp, order, alloc_flags);
	}
	if (pfn == PFN_NONE && (gfp & __GFP_DIRECT_RECLAIM))
		pfn = alloc_pages_wait(k, gfp, order, alloc_flags);
	return pfn;
}

/* --- alloc_pages, free_pages ---------------------------------------------- */

static inline void prep_frame(const struct kernel *k, struct page *page)
{
	page->flags = PG_used | PG_fresh | k->stamp;
}

static inline void prep_head(struct page *page)
{
	page->_refcount = 1;
	page->private = 0; /* what the list of a CPU kept there */
	page->index = 0;
}

/* Zeroes what needs it, and makes the records those of a fresh block. */
static void prep_new_pages(struct kernel *k, pfn_t pfn, unsigned order,
			   bool zero)
{
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++) {
		struct page *page = pfn_to_page(k, p);

		if (zero && ((page->flags & PG_used) || k->ram_poked))
			memset(page_bytes(k, p), 0, PAGE_SIZE);
		prep_frame(k, page);
	}
	prep_head(pfn_to_page(k, pfn));
}

/* Linux should_fail_alloc_page(): never what must not fail. */
static bool should_fail(struct kernel *k, unsigned gfp)
{
	return k->fail_nth && !(gfp & __GFP_NOFAIL) && --k->fail_nth == 0;
}

/* Only while somebody listens: kept out of the paths that are hot. */
static __attribute__((noinline)) pfn_t
told_alloc(struct kernel *k, pfn_t pfn, unsigned order, const char *why)
{
	kevent(k, .kind = KEV_PAGE_ALLOC, .func = why, .pfn = pfn,
	       .order = order);
	return pfn;
}

static __attribute__((noinline)) pfn_t
alloc_block(struct kernel *k, unsigned gfp, unsigned order, const char *why)
{
	if (order >= MAX_ORDER || should_fail(k, gfp))
		return PFN_NONE;
	pfn_t pfn = get_page_from_freelist(
		k, gfp, order, WMARK_LOW | alloc_flags_nofragment(k, gfp));

	if (pfn == PFN_NONE)
		pfn = alloc_pages_slowpath(k, gfp, order);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	prep_new_pages(k, pfn, order, gfp & __GFP_ZERO);
	k->vmstat.pgalloc += 1ULL << order;
	return told_alloc(k, pfn, order, why);
}

/*
 * What most requests get: the first frame of this CPU's list, of the best
 * zone that has any. PFN_NONE: it takes more than that.
 */
static inline pfn_t pcp_pop_preferred(struct kernel *k, unsigned gfp)
{
	enum zone_type highest = gfp_zone(k, gfp);
	struct zone *zone = k->preferred_zone[highest];

	if (!above_watermark(zone, zone->watermark[WMARK_LOW], highest))
		return PFN_NONE;
	return pcp_pop(k, zone, 0, gfp_migratetype(k, gfp));
}

pfn_t alloc_pages(struct kernel *k, unsigned gfp, unsigned order,
		  const char *why)
{
	pfn_t pfn = PFN_NONE;

	if (!(order | k->fail_nth | (gfp & __GFP_ZERO)))
		pfn = pcp_pop_preferred(k, gfp);
	if (__builtin_expect(pfn == PFN_NONE, 0))
		return alloc_block(k, gfp, order, why);
	prep_frame(k, pfn_to_page(k, pfn));
	prep_head(pfn_to_page(k, pfn));
	k->vmstat.pgalloc++;
	if (__builtin_expect(k->sink.fn != NULL, 0))
		return told_alloc(k, pfn, 0, why);
	return pfn;
}

static inline void reset_record(const struct kernel *k, struct page *page)
{
	page->flags = (page->flags & PG_used) | k->stamp;
	page->_refcount = 0;
	page->_mapcount = 0;
	page->private = 0;
	page->mapping = NULL;
	page->index = 0;
}

static inline void check_free(const struct kernel *k, const struct zone *zone,
			      pfn_t pfn)
{
	assert(zone && !(pfn_to_page(k, pfn)->flags &
			 (PG_buddy | PG_pcp | PG_reserved)));
}

/* What is left to do after a block was put on the CPU's list, if anything. */
static __attribute__((noinline)) void pcp_freed(struct kernel *k,
						struct zone *zone, pfn_t pfn,
						unsigned order,
						enum migratetype mt)
{
	pcp_trim(k, zone, order, mt);
	kevent(k, .kind = KEV_PAGE_FREE, .pfn = pfn, .order = order);
}

static __attribute__((noinline)) void free_block(struct kernel *k, pfn_t pfn,
						 unsigned order)
{
	struct zone *zone = page_zone(k, pfn);
	enum migratetype mt;

	assert(order < MAX_ORDER && !(pfn & ((1ULL << order) - 1)));
	check_free(k, zone, pfn);
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++)
		reset_record(k, pfn_to_page(k, p));
	k->vmstat.pgfree += 1ULL << order;
	mt = zone_pageblock(k, zone, pfn);
	if (pcp_allowed_order(k, order)) {
		pcp_push(k, zone, pfn, order, mt);
		pcp_freed(k, zone, pfn, order, mt);
		return;
	}
	zone->free += 1ULL << order;
	free_one_block(k, zone, pfn, order, mt);
	kevent(k, .kind = KEV_PAGE_FREE, .pfn = pfn, .order = order);
}

void free_pages(struct kernel *k, pfn_t pfn, unsigned order)
{
	struct zone *zone;
	enum migratetype mt;

	if (order) {
		free_block(k, pfn, order);
		return;
	}
	zone = zone_of(k, pfn);
	check_free(k, zone, pfn);
	mt = zone_pageblock(k, zone, pfn);
	k->vmstat.pgfree++;
	reset_record(k, pfn_to_page(k, pfn));
	if (__builtin_expect(pcp_push(k, zone, pfn, 0, mt) || k->sink.fn, 0))
		pcp_freed(k, zone, pfn, 0, mt);
}

void get_page(struct kernel *k, pfn_t pfn)
{
	compound_head(k, pfn_to_page(k, pfn))->_refcount++;
}

static __attribute__((noinline)) void put_compound_page(struct kernel *k,
							struct page *head)
{
	assert(head->_refcount > 0);
	if (--head->_refcount == 0)
		free_compound_page(k, head);
}

void put_page(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (__builtin_expect(page_compound(page), 0)) {
		put_compound_page(k, compound_head_slow(k, page));
		return;
	}
	assert(page->_refcount > 0);
	if (--page->_refcount || (page->flags & PG_reserved))
		return;
	if (page->flags & PG_lru)
		page_cache_release(k, pfn);
	free_pages(k, pfn, 0);
}

/* --- why a zone gives nothing --------------------------------------------- */

static struct zone_try zone_try(const struct kernel *k, const struct zone *zone,
				enum zone_type highest, unsigned order,
				unsigned alloc_flags)
{
	struct zone_try t = {
		.zone = zone,
		.free = zone->free,
		.unusable = unusable_free(zone, order, alloc_flags),
		.reserve = zone->lowmem_reserve[highest],
	};

	t.mark = discounted(zone->watermark[alloc_flags & ALLOC_WMARK_MASK],
			    alloc_flags);
	if (alloc_flags & ALLOC_NO_WATERMARKS)
		t.mark = t.reserve = 0;
	if (!zone->managed)
		t.verdict = ZONE_EMPTY;
	else if (t.free <= t.unusable + t.mark + t.reserve)
		t.verdict = ZONE_LOW;
	else if (order && !has_block(zone, order, alloc_flags))
		t.verdict = ZONE_NO_BLOCK;
	return t;
}

unsigned zonelist_try(const struct kernel *k, unsigned gfp, unsigned order,
		      unsigned alloc_flags, struct zone_try ret[MAX_NR_ZONES])
{
	enum zone_type highest = gfp_zone(k, gfp);
	unsigned n = 0;

	for (int i = highest; i >= 0; i--)
		if (k->zone[i].spanned)
			ret[n++] = zone_try(k, &k->zone[i], highest, order,
					    alloc_flags);
	return n;
}

unsigned gfp_last_alloc_flags(unsigned gfp)
{
	if (pfmemalloc_allowed(gfp) ||
	    ((gfp & __GFP_NOFAIL) && (gfp & __GFP_DIRECT_RECLAIM)))
		return ALLOC_NO_WATERMARKS;
	return gfp_to_alloc_flags(gfp);
}

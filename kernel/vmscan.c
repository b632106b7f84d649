/*
 * vmscan.c - reclaim: which pages are freed, and how (linux 6.1 mm/vmscan.c).
 *
 * A page that is reclaimed goes through these, as far as it needs them:
 *
 *	anonymous, no slot -- add_to_swap ---- no swap: kept, made active
 *	mapped -------------- try_to_unmap --- locked, redirtied: the same
 *	dirty --------------- pageout -------- written: kept, freed next time
 *	clean, unmapped ----- freed
 *
 * A device has written what it was given when the next page list is looked at:
 * pages are then the first to be freed. MADV_PAGEOUT and proactive reclaim use
 * this; kswapd and direct reclaim are not here yet.
 *
 * Left out: locks, nodes, memcgs, slab shrinkers, writeback throttling, huge
 * pages, refault distances (workingset.c), multi-generational LRU, demotion.
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

#define DEF_PRIORITY	    12
#define MAX_RECLAIM_RETRIES 16

struct scan_control {
	struct kernel *k;
	uint64_t nr_to_reclaim, nr_reclaimed;
	int priority;
	bool ignore_references; /* take it, used or not */
	bool skipped_deactivate, force_deactivate;
	unsigned may_deactivate; /* by folio_is_file_lru(): 1 << it */
};

/* --- lists of isolated pages ---------------------------------------------- */

void page_list_add_tail(struct kernel *k, struct page_list *l, pfn_t pfn)
{
	pfn_to_page(k, pfn)->next = PFN_NONE;
	if (l->tail != PFN_NONE)
		pfn_to_page(k, l->tail)->next = pfn;
	else
		l->head = pfn;
	l->tail = pfn;
}

pfn_t page_list_pop(struct kernel *k, struct page_list *l)
{
	pfn_t pfn = l->head;

	if (pfn == PFN_NONE)
		return PFN_NONE;
	l->head = pfn_to_page(k, pfn)->next;
	if (l->head == PFN_NONE)
		l->tail = PFN_NONE;
	return pfn;
}

/* --- who has used it ------------------------------------------------------ */

enum references { REF_RECLAIM, REF_RECLAIM_CLEAN, REF_KEEP, REF_ACTIVATE };

/*
 * The fault that mapped a page counts as one use: it is spared once, and
 * activated if it is found used again.
 */
static enum references check_references(struct kernel *k, pfn_t pfn)
{
	struct folio_referenced ref = folio_referenced(k, pfn);
	struct page *page = pfn_to_page(k, pfn);
	bool before = page->flags & PG_referenced;

	page->flags &= ~PG_referenced;
	if (ref.vm_flags & VM_LOCKED)
		return REF_ACTIVATE;
	if (ref.ptes) {
		page->flags |= PG_referenced;
		if (before || ref.ptes > 1)
			return REF_ACTIVATE;
		if ((ref.vm_flags & VM_EXEC) && folio_is_file_lru(page))
			return REF_ACTIVATE;
		return REF_KEEP;
	}
	return before && folio_is_file_lru(page) ? REF_RECLAIM_CLEAN
						 : REF_RECLAIM;
}

/* --- one page ------------------------------------------------------------- */

struct reclaim { /* of one page */
	struct kernel *k;
	pfn_t pfn;
	struct last_mapper last; /* for the events */
};

enum fate { FATE_FREED, FATE_KEPT, FATE_ACTIVATED, FATE_WRITTEN };

static enum fate activate(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if ((page->flags & PG_swapcache) &&
	    (vm_swap_full(k) || (page->flags & PG_unevictable)))
		try_to_free_swap(k, pfn);
	if (page->flags & PG_unevictable)
		return FATE_KEPT;
	page->flags |= PG_active;
	k->vmstat.pgactivate++;
	return FATE_ACTIVATED;
}

/* Linux pageout(): only of what swap takes. */
static enum fate pageout(struct reclaim *u)
{
	struct kernel *k = u->k;
	struct page *page = pfn_to_page(k, u->pfn);

	if (page->_refcount != 2) /* the cache's and ours */
		return FATE_KEPT;
	page->flags &= ~PG_dirty;
	if (page->flags & PG_swapcache) {
		swap_writepage(k, u->pfn);
	} else if (!shmem_writepage(k, u->pfn)) {
		page->flags |= PG_dirty;
		return activate(k, u->pfn);
	}
	if (!(page->flags & PG_swapcache))
		return FATE_KEPT;
	k->vmstat.nr_vmscan_write++;
	kevent(k, .kind = KEV_HANDLER, .func = "pageout",
	       .note = "written to swap", .pid = u->last.pid, .va = u->last.va,
	       .end = u->last.va + PAGE_SIZE, .pfn = u->pfn);
	return FATE_WRITTEN;
}

/* => unmapped and clean. The caller's reference becomes the last one. */
static bool remove_mapping(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (page->_refcount != 2 || (page->flags & PG_dirty))
		return false;
	if (page->flags & PG_swapcache)
		delete_from_swap_cache(k, pfn);
	else
		page_cache_delete(k, pfn);
	return true;
}

static enum fate free_clean(struct reclaim *u)
{
	const struct page *page = pfn_to_page(u->k, u->pfn);

	if ((page->flags & (PG_anon | PG_swapbacked)) == PG_anon) {
		if (page->_refcount != 1)
			return FATE_KEPT;
		u->k->vmstat.pglazyfreed++;
	} else if (!(page->flags & PG_swapcache) &&
		   ((page->flags & PG_anon) || !page->mapping)) {
		return FATE_KEPT; /* the slot went: nobody has it */
	} else if (!remove_mapping(u->k, u->pfn)) {
		return FATE_KEPT;
	}
	kevent(u->k, .kind = KEV_HANDLER, .func = "shrink_folio_list",
	       .note = "freed", .pid = u->last.pid, .va = u->last.va,
	       .end = u->last.va + PAGE_SIZE, .pfn = u->pfn);
	return FATE_FREED;
}

static enum fate shrink_folio(struct scan_control *sc, pfn_t pfn)
{
	struct reclaim u = { .k = sc->k, .pfn = pfn };
	struct page *page = pfn_to_page(sc->k, pfn);
	enum references ref = REF_RECLAIM;

	if (page->flags & PG_unevictable)
		return activate(sc->k, pfn);
	if (!sc->ignore_references)
		ref = check_references(sc->k, pfn);
	if (ref == REF_KEEP) {
		kevent(sc->k, .kind = KEV_HANDLER,
		       .func = "folio_check_references",
		       .note = "used lately: spared", .pfn = pfn);
		return FATE_KEPT;
	}
	if (ref == REF_ACTIVATE)
		return activate(sc->k, pfn);
	/* As where swap has no room for a large page in a row. */
	if (page_compound(page) && split_huge_page(sc->k, page, 1))
		return activate(sc->k, pfn);
	if ((page->flags & (PG_anon | PG_swapbacked | PG_swapcache)) ==
		    (PG_anon | PG_swapbacked) &&
	    !add_to_swap(sc->k, pfn))
		return activate(sc->k, pfn);
	if (page->_mapcount > 0 && !try_to_unmap(sc->k, pfn, &u.last))
		return activate(sc->k, pfn);
	if (!(page->flags & PG_dirty))
		return free_clean(&u);
	if (folio_is_file_lru(page)) /* flushers write files */
		return activate(sc->k, pfn);
	return ref == REF_RECLAIM_CLEAN ? FATE_KEPT : pageout(&u);
}

/* --- lists ---------------------------------------------------------------- */

/* @next: writing them has ended, and they are the next to be freed. */
static void putback(struct kernel *k, struct page_list *list, bool next)
{
	pfn_t pfn;

	while ((pfn = page_list_pop(k, list)) != PFN_NONE) {
		lruvec_add_folio(k, pfn);
		if (next)
			folio_rotate_reclaimable(k, pfn);
		put_page(k, pfn);
	}
}

static uint64_t shrink_folio_list(struct scan_control *sc,
				  struct page_list *list)
{
	struct page_list kept = { PFN_NONE, PFN_NONE };
	struct page_list written = { PFN_NONE, PFN_NONE };
	struct kernel *k = sc->k;
	uint64_t freed = 0;
	pfn_t pfn;

	while ((pfn = page_list_pop(k, list)) != PFN_NONE) {
		enum fate fate = shrink_folio(sc, pfn);

		if (fate == FATE_FREED) {
			put_page(k, pfn);
			freed++;
		} else {
			page_list_add_tail(
				k, fate == FATE_WRITTEN ? &written : &kept,
				pfn);
		}
	}
	putback(k, &kept, false);
	putback(k, &written, true);
	return freed;
}

uint64_t reclaim_pages(struct kernel *k, struct page_list *list)
{
	struct scan_control sc = { .k = k, .ignore_references = true };

	for (uint32_t p = list->head; p != PFN_NONE;
	     p = pfn_to_page(k, p)->next)
		pfn_to_page(k, p)->flags &= ~PG_active;
	return shrink_folio_list(&sc, list);
}

/* Takes up to @nr pages from the end of a list. */
static struct page_list isolate_lru_pages(struct kernel *k, enum lru_list lru,
					  uint64_t nr, uint64_t *taken)
{
	struct page_list list = { PFN_NONE, PFN_NONE };
	pfn_t pfn;

	for (*taken = 0; *taken < nr; ++*taken) {
		pfn = k->lruvec.list[lru].tail;
		if (pfn == PFN_NONE || !isolate_lru_page(k, pfn))
			break;
		page_list_add_tail(k, &list, pfn);
	}
	return list;
}

static uint64_t shrink_inactive_list(struct scan_control *sc, uint64_t nr,
				     enum lru_list lru)
{
	struct kernel *k = sc->k;
	struct page_list list;
	uint64_t taken, freed;

	lru_add_drain(k);
	list = isolate_lru_pages(k, lru, nr, &taken);
	k->vmstat.pgscan_direct += taken;
	freed = shrink_folio_list(sc, &list);
	k->vmstat.pgsteal_direct += freed;
	return freed;
}

/* Executable file pages that are used stay active. */
static bool stays_active(struct kernel *k, pfn_t pfn)
{
	struct folio_referenced ref = folio_referenced(k, pfn);

	return ref.ptes && (ref.vm_flags & VM_EXEC) &&
	       folio_is_file_lru(pfn_to_page(k, pfn));
}

static void shrink_active_list(struct scan_control *sc, uint64_t nr,
			       enum lru_list lru)
{
	struct kernel *k = sc->k;
	struct page_list list;
	uint64_t taken;
	pfn_t pfn;

	lru_add_drain(k);
	list = isolate_lru_pages(k, lru, nr, &taken);
	k->vmstat.pgrefill += taken;
	while ((pfn = page_list_pop(k, &list)) != PFN_NONE) {
		struct page *page = pfn_to_page(k, pfn);

		if (!stays_active(k, pfn)) {
			page->flags &= ~PG_active;
			page->flags |= PG_workingset;
			k->vmstat.pgdeactivate++;
		}
		putback_lru_page(k, pfn);
	}
}

/* --- how much of each list ------------------------------------------------ */

static uint64_t int_sqrt(uint64_t n)
{
	uint64_t r = 0;

	while ((r + 1) * (r + 1) <= n)
		r++;
	return r;
}

/* Few inactive pages: 1 : 1 below 1 GiB of them, then 1 : sqrt(10 GiB). */
static bool inactive_is_low(const struct kernel *k, enum lru_list inactive)
{
	uint64_t in = k->lruvec.nr[inactive], ac = k->lruvec.nr[inactive + 1];
	uint64_t gb = (in + ac) >> (30 - PAGE_SHIFT);

	return in * (gb ? int_sqrt(10 * gb) : 1) < ac;
}

static void may_deactivate(struct scan_control *sc)
{
	sc->may_deactivate = 0;
	if (sc->force_deactivate || inactive_is_low(sc->k, LRU_INACTIVE_ANON))
		sc->may_deactivate |= 1;
	if (sc->force_deactivate || inactive_is_low(sc->k, LRU_INACTIVE_FILE))
		sc->may_deactivate |= 2;
}

/*
 * Anonymous pages to file pages as swappiness to 200 - swappiness; all files
 * first if plenty of them are unused, and both alike when nothing else helps.
 */
static void get_scan_count(const struct scan_control *sc,
			   uint64_t nr[NR_LRU_LISTS])
{
	const struct kernel *k = sc->k;
	unsigned share[2] = { k->swappiness, 200 - k->swappiness };
	bool trim = k->lruvec.nr[LRU_INACTIVE_FILE] >> sc->priority &&
		    !(sc->may_deactivate & 2);

	if (!k->swap->nr_swap_pages)
		share[0] = 0, share[1] = 200;
	else if (!sc->priority && k->swappiness)
		share[0] = share[1] = 200;
	else if (trim)
		share[0] = 0, share[1] = 200;
	for (enum lru_list l = 0; l < LRU_UNEVICTABLE; l++)
		nr[l] = (k->lruvec.nr[l] >> sc->priority) *
			share[l >= LRU_INACTIVE_FILE] / 200;
}

static void shrink_list(struct scan_control *sc, enum lru_list lru, uint64_t nr)
{
	unsigned file = lru >= LRU_INACTIVE_FILE;

	if (lru == LRU_INACTIVE_ANON || lru == LRU_INACTIVE_FILE)
		sc->nr_reclaimed += shrink_inactive_list(sc, nr, lru);
	else if (sc->may_deactivate & (1U << file))
		shrink_active_list(sc, nr, lru);
	else
		sc->skipped_deactivate = true;
}

static void shrink_lruvec(struct scan_control *sc)
{
	uint64_t nr[NR_LRU_LISTS];

	may_deactivate(sc);
	get_scan_count(sc, nr);
	while ((nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] ||
		nr[LRU_INACTIVE_FILE]) &&
	       sc->nr_reclaimed < sc->nr_to_reclaim)
		for (enum lru_list l = 0; l < LRU_UNEVICTABLE; l++) {
			uint64_t n = nr[l] < SWAP_CLUSTER_MAX
					     ? nr[l]
					     : SWAP_CLUSTER_MAX;

			nr[l] -= n;
			if (n)
				shrink_list(sc, l, n);
		}
	if (sc->k->total_swap_pages &&
	    inactive_is_low(sc->k, LRU_INACTIVE_ANON))
		shrink_active_list(sc, SWAP_CLUSTER_MAX, LRU_ACTIVE_ANON);
}

/* Looks at more and more of the lists until enough is freed. */
static uint64_t do_try_to_free_pages(struct kernel *k, uint64_t nr)
{
	struct scan_control sc = { .k = k, .nr_to_reclaim = nr };

	for (;;) {
		for (sc.priority = DEF_PRIORITY; sc.priority >= 0;
		     sc.priority--) {
			shrink_lruvec(&sc);
			if (sc.nr_reclaimed >= nr)
				return sc.nr_reclaimed;
		}
		if (sc.nr_reclaimed || !sc.skipped_deactivate)
			return sc.nr_reclaimed;
		sc.force_deactivate = true;
		sc.skipped_deactivate = false;
	}
}

int reclaim_proactive(struct kernel *k, uint64_t nr, struct reclaim_result *ret)
{
	const uint64_t scanned = k->vmstat.pgscan_direct;
	const uint64_t written = k->vmstat.nr_vmscan_write;
	const uint64_t activated = k->vmstat.pgactivate;
	const uint64_t deactivated = k->vmstat.pgdeactivate;
	unsigned retries = MAX_RECLAIM_RETRIES;
	uint64_t done = 0, got;

	do {
		got = do_try_to_free_pages(k, nr - done);
		done += got;
	} while (done < nr && (got || retries--));
	*ret = (struct reclaim_result){
		.scanned = k->vmstat.pgscan_direct - scanned,
		.reclaimed = done,
		.written = k->vmstat.nr_vmscan_write - written,
		.activated = k->vmstat.pgactivate - activated,
		.deactivated = k->vmstat.pgdeactivate - deactivated,
	};
	return done < nr ? -EAGAIN : 0;
}

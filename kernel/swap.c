/*
 * swap.c - the LRU lists: which pages reclaim looks at first (linux 6.1
 * mm/swap.c).
 *
 *	new page --> head [inactive ............ tail] --> reclaimed
 *	                 used again |   ^ not used
 *	                            v   |
 *	             head [active .............. tail]
 *
 * One pair of lists for what goes to swap, one for what a file has, one list of
 * pages that cannot be reclaimed. Some moves wait, 15 pages a CPU, until
 * lru_add_drain(): an MADV_FREE page looks as before meanwhile.
 *
 * Left out: nodes and memcgs, multi-generational LRU, the batches of new and
 * of activated pages, references of pages in batches.
 */
#include "kernel/mm_inline.h"

#include "kernel/internal.h"
#include "kernel/mm_internal.h"

void lruvec_init(struct kernel *k)
{
	for (unsigned i = 0; i < NR_LRU_LISTS; i++)
		k->lruvec.list[i] = (struct page_list){ PFN_NONE, PFN_NONE };
}

/* --- batches -------------------------------------------------------------- */

static void lru_deactivate_fn(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if ((page->flags & (PG_lru | PG_active | PG_unevictable)) !=
	    (PG_lru | PG_active))
		return;
	lruvec_del_folio(k, pfn);
	page->flags &= ~(PG_active | PG_referenced);
	lruvec_add_folio(k, pfn);
	k->vmstat.pgdeactivate++;
}

static bool may_lazyfree(const struct page *page)
{
	const uint64_t need = PG_lru | PG_anon | PG_swapbacked;

	return (page->flags & (need | PG_swapcache | PG_unevictable)) == need;
}

static void lru_lazyfree_fn(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (!may_lazyfree(page))
		return;
	lruvec_del_folio(k, pfn);
	page->flags &= ~(PG_active | PG_referenced | PG_swapbacked);
	lruvec_add_folio(k, pfn);
	k->vmstat.pglazyfree++;
}

static void batch_run(struct kernel *k, struct lru_batch *b,
		      enum lru_batch_kind kind)
{
	for (unsigned i = 0; i < b->nr; i++) {
		pfn_to_page(k, b->pfn[i])->flags &= ~PG_lru_batch;
		if (kind == LRU_LAZYFREE)
			lru_lazyfree_fn(k, b->pfn[i]);
		else
			lru_deactivate_fn(k, b->pfn[i]);
	}
	b->nr = 0;
}

static void batch_add(struct kernel *k, pfn_t pfn, enum lru_batch_kind kind)
{
	struct lru_batch *b = &k->lruvec.batch[k->this_cpu][kind];
	struct page *page = pfn_to_page(k, pfn);

	if (page->flags & PG_lru_batch)
		return;
	page->flags |= PG_lru_batch;
	b->pfn[b->nr++] = pfn;
	if (b->nr == PAGEVEC_SIZE)
		batch_run(k, b, kind);
}

void lru_add_drain(struct kernel *k)
{
	for (unsigned i = 0; i < NR_LRU_BATCHES; i++)
		batch_run(k, &k->lruvec.batch[k->this_cpu][i], i);
}

static void batch_forget(struct kernel *k, pfn_t pfn)
{
	for (unsigned c = 0; c < MACHINE_MAX_CPUS; c++)
		for (unsigned i = 0; i < NR_LRU_BATCHES; i++) {
			struct lru_batch *b = &k->lruvec.batch[c][i];
			unsigned n = 0;

			for (unsigned j = 0; j < b->nr; j++)
				if (b->pfn[j] != pfn)
					b->pfn[n++] = b->pfn[j];
			b->nr = n;
		}
}

void page_cache_release(struct kernel *k, pfn_t pfn)
{
	if (pfn_to_page(k, pfn)->flags & PG_lru_batch)
		batch_forget(k, pfn);
	lruvec_del_folio(k, pfn);
}

/* --- moves ---------------------------------------------------------------- */

void deactivate_page(struct kernel *k, pfn_t pfn)
{
	const uint64_t flags = pfn_to_page(k, pfn)->flags;

	if ((flags & (PG_lru | PG_active | PG_unevictable)) ==
	    (PG_lru | PG_active))
		batch_add(k, pfn, LRU_DEACTIVATE);
}

void mark_page_lazyfree(struct kernel *k, pfn_t pfn)
{
	if (may_lazyfree(pfn_to_page(k, pfn)))
		batch_add(k, pfn, LRU_LAZYFREE);
}

static void activate_page(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	lruvec_del_folio(k, pfn);
	page->flags |= PG_active;
	lruvec_add_folio(k, pfn);
	k->vmstat.pgactivate++;
}

/*
 * inactive, unreferenced -> inactive, referenced -> active, unreferenced
 * -> active, referenced
 */
void mark_page_accessed(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (!(page->flags & PG_referenced)) {
		page->flags |= PG_referenced;
		return;
	}
	if ((page->flags & (PG_lru | PG_active | PG_unevictable)) != PG_lru)
		return;
	page->flags &= ~PG_referenced;
	activate_page(k, pfn);
}

bool isolate_lru_page(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (!(page->flags & PG_lru))
		return false;
	if (page->flags & PG_lru_batch) {
		batch_forget(k, pfn);
		page->flags &= ~PG_lru_batch;
	}
	lruvec_del_folio(k, pfn);
	page->_refcount++;
	return true;
}

void putback_lru_page(struct kernel *k, pfn_t pfn)
{
	lruvec_add_folio(k, pfn);
	put_page(k, pfn);
}

void folio_rotate_reclaimable(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	struct page_list *l;

	if ((page->flags & (PG_lru | PG_unevictable)) != PG_lru)
		return;
	lruvec_del_folio(k, pfn);
	page->flags &= ~PG_active;
	l = &k->lruvec.list[folio_lru_list(page)];
	lruvec_add_folio(k, pfn);
	if (l->tail != pfn) { /* from the head to the tail */
		l->head = page->next;
		pfn_to_page(k, l->head)->prev = PFN_NONE;
		pfn_to_page(k, l->tail)->next = pfn;
		page->prev = l->tail;
		page->next = PFN_NONE;
		l->tail = pfn;
	}
	k->vmstat.pgrotated++;
}

/* --- fsck ----------------------------------------------------------------- */

static const char *const lru_name[NR_LRU_LISTS] = {
	"inactive_anon", "active_anon", "inactive_file",
	"active_file",	 "unevictable",
};

static void check_list(struct checker *c, struct kernel *k, enum lru_list lru)
{
	uint32_t prev = PFN_NONE, pfn = k->lruvec.list[lru].head;
	uint64_t n = 0;

	while (pfn != PFN_NONE && n <= k->max_pfn) {
		const struct page *page = pfn_to_page(k, pfn);

		if (!(page->flags & PG_lru) || folio_lru_list(page) != lru ||
		    page->prev != prev || page->_refcount < 1) {
			check_finding(c,
				      "pfn 0x%x is on the %s list, but its"
				      " record says otherwise",
				      pfn, lru_name[lru]);
			return;
		}
		n += compound_nr(page);
		prev = pfn;
		pfn = page->next;
	}
	if (n != k->lruvec.nr[lru] || prev != k->lruvec.list[lru].tail)
		check_finding(c,
			      "%s: %llu pages are counted, %llu are on the"
			      " list",
			      lru_name[lru],
			      (unsigned long long)k->lruvec.nr[lru],
			      (unsigned long long)n);
}

unsigned lru_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };

	for (unsigned i = 0; i < NR_LRU_LISTS; i++)
		check_list(&c, k, i);
	return c.found;
}

/*
 * swap_state.c - the swap cache: pages that have a slot and are in memory, and
 * what is read along with a page (linux 6.1 mm/swap_state.c).
 *
 * A page is in the cache from the moment it gets a slot until reclaim frees the
 * frame, or until nobody names the slot. Who faults meanwhile finds it.
 *
 * Readahead doubles its window while its pages are used, up to 1 <<
 * page_cluster. On a disk that turns it reads the aligned block of slots around
 * the one wanted; if all areas are solid-state, the slots of neighbouring
 * addresses.
 *
 * Left out: locks, shadows of pages that were reclaimed (workingset.c), huge
 * pages, the tree of 64 MiB parts (here: an array a slot).
 */
#include <errno.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* --- the cache ------------------------------------------------------------ */

pfn_t swap_cache_lookup(const struct kernel *k, swp_entry_t e)
{
	const struct swap_info_struct *si = swap_info_get(k, e);
	uint32_t pfn1 = si ? si->cache[swp_offset(k, e)] : 0;

	return pfn1 ? pfn1 - 1 : PFN_NONE;
}

/* => the slot has SWAP_HAS_CACHE. The cache takes a reference. */
void add_to_swap_cache(struct kernel *k, pfn_t pfn, swp_entry_t e)
{
	struct page *page = pfn_to_page(k, pfn);

	page->_refcount++;
	page->flags |= PG_swapcache;
	page->private = e;
	swap_info_get(k, e)->cache[swp_offset(k, e)] = pfn + 1;
	k->swap->nrpages++;
	page_changed(k, page);
}

void swap_cache_replace(struct kernel *k, swp_entry_t e, pfn_t pfn)
{
	swap_info_get(k, e)->cache[swp_offset(k, e)] = pfn + 1;
}

void delete_from_swap_cache(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	swp_entry_t e = page->private;

	swap_info_get(k, e)->cache[swp_offset(k, e)] = 0;
	page->flags &= ~PG_swapcache;
	page->private = 0;
	k->swap->nrpages--;
	page_changed(k, page);
	put_swap_page(k, e);
	put_page(k, pfn);
}

bool add_to_swap(struct kernel *k, pfn_t pfn)
{
	swp_entry_t e = get_swap_page(k);

	if (!e)
		return false;
	add_to_swap_cache(k, pfn, e);
	pfn_to_page(k, pfn)->flags |= PG_dirty; /* the slot has nothing yet */
	return true;
}

/* --- reading -------------------------------------------------------------- */

static pfn_t read_swap_cache(struct kernel *k, swp_entry_t e, bool *new)
{
	pfn_t pfn = swap_cache_lookup(k, e);

	*new = false;
	if (pfn != PFN_NONE) {
		get_page(k, pfn);
		return pfn;
	}
	if (!swap_count(k, e))
		return PFN_NONE;
	pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "swap cache");
	if (pfn == PFN_NONE)
		return PFN_NONE;
	/* Reclaim or compaction may have run: the slot is still there. */
	if (swapcache_prepare(k, e)) {
		put_page(k, pfn);
		return read_swap_cache(k, e, new);
	}
	pfn_to_page(k, pfn)->flags |= PG_swapbacked;
	add_to_swap_cache(k, pfn, e);
	folio_add_lru(k, pfn);
	swap_readpage(k, pfn);
	*new = true;
	return pfn;
}

pfn_t read_swap_cache_async(struct kernel *k, swp_entry_t e)
{
	bool new;

	return read_swap_cache(k, e, &new);
}

/* One that nobody has asked for yet. */
static void read_ahead(struct kernel *k, swp_entry_t e, bool wanted)
{
	bool new;
	pfn_t pfn = read_swap_cache(k, e, &new);

	if (pfn == PFN_NONE)
		return;
	if (new && !wanted) {
		pfn_to_page(k, pfn)->flags |= PG_readahead;
		k->vmstat.swap_ra++;
	}
	put_page(k, pfn);
}

/* --- how much ------------------------------------------------------------- */

static bool swap_use_vma_readahead(const struct kernel *k)
{
	return !k->swap->nr_rotate_swap;
}

/* Pages of readahead that were used since the last; the window before. */
struct ra_history {
	uint64_t prev;
	unsigned hits, win;
};

static unsigned nr_pages(const struct ra_history *h, uint64_t at, unsigned max)
{
	unsigned pages = h->hits + 2, up = 4;

	if (pages == 2) {
		if (at != h->prev + 1 && at != h->prev - 1)
			pages = 1;
	} else {
		while (up < pages)
			up <<= 1;
		pages = up;
	}
	if (pages > max)
		pages = max;
	return pages < h->win / 2 ? h->win / 2 : pages; /* shrinks slowly */
}

static unsigned swapin_nr_pages(struct kernel *k, uint64_t offset)
{
	struct swap_state *s = k->swap;
	struct ra_history h = { s->ra_prev, s->ra_hits, s->ra_last };
	unsigned max = 1U << k->page_cluster;

	if (max <= 1)
		return 1;
	s->ra_hits = 0;
	if (!h.hits)
		s->ra_prev = offset;
	s->ra_last = nr_pages(&h, offset, max);
	return s->ra_last;
}

static pfn_t swap_cluster_readahead(struct kernel *k, swp_entry_t e)
{
	const struct swap_info_struct *si = swap_info_get(k, e);
	uint64_t offset = swp_offset(k, e), end;
	uint64_t mask = swapin_nr_pages(k, offset) - 1;

	end = offset | mask;
	if (end >= si->max)
		end = si->max - 1;
	for (uint64_t i = offset & ~mask; mask && i <= end; i++)
		if (i)
			read_ahead(k, swp_entry(k, si->type, i), i == offset);
	return read_swap_cache_async(k, e);
}

/*
 * What an area remembers of its readahead (linux swap_readahead_info): the
 * last address, the window, the hits, in one word.
 */
#define RA_WIN_SHIFT (PAGE_SHIFT / 2)
#define RA_HITS_MASK ((1U << RA_WIN_SHIFT) - 1)
#define RA_WIN_MASK  ((uint64_t)(PAGE_SIZE - 1) & ~(uint64_t)RA_HITS_MASK)

static struct ra_history ra_load(const struct vm_area_struct *vma)
{
	uint64_t v = vma->swap_readahead_info ? vma->swap_readahead_info : 4;

	return (struct ra_history){ v >> PAGE_SHIFT, v & RA_HITS_MASK,
				    (v & RA_WIN_MASK) >> RA_WIN_SHIFT };
}

static void ra_store(struct vm_area_struct *vma, va_t va, unsigned win,
		     unsigned hits)
{
	vma->swap_readahead_info =
		(va & PAGE_MASK) |
		(((uint64_t)win << RA_WIN_SHIFT) & RA_WIN_MASK) |
		(hits & RA_HITS_MASK);
}

/* The window around @va: onwards, backwards, or to both sides. */
static void ra_window(const struct kernel *k, const struct vm_area_struct *vma,
		      const struct ra_history *h, va_t va, unsigned win,
		      va_t *start, va_t *end)
{
	unsigned shift = k->mode->level[k->pte_level - 1].shift;
	va_t table = va >> shift << shift;
	uint64_t at = va >> PAGE_SHIFT, left = (win - 1) / 2;

	if (at == h->prev + 1)
		left = 0;
	else if (h->prev == at + 1)
		left = win - 1;
	*start = left > at ? 0 : (at - left) << PAGE_SHIFT;
	*end = (at + win - left) << PAGE_SHIFT;
	if (*start < vma->vm_start)
		*start = vma->vm_start;
	if (*start < table)
		*start = table;
	if (*end > vma->vm_end)
		*end = vma->vm_end;
	if (*end > table + ((va_t)1 << shift))
		*end = table + ((va_t)1 << shift);
}

static pfn_t swap_vma_readahead(struct kernel *k, swp_entry_t e,
				struct vm_area_struct *vma, va_t va)
{
	unsigned ceiling =
		k->arch->word == 8 ? 5 : 3; /* SWAP_RA_ORDER_CEILING */
	unsigned order = k->page_cluster, win;
	struct ra_history h = ra_load(vma);
	struct pte_range r;
	va_t start, end;

	order = order < ceiling ? order : ceiling;
	if (!order)
		return read_swap_cache_async(k, e);
	win = nr_pages(&h, va >> PAGE_SHIFT, 1U << order);
	ra_store(vma, va, win, 0);
	ra_window(k, vma, &h, va, win, &start, &end);
	if (win > 1 && next_pte_range(k, mm_root(vma->vm_mm), start, end, &r))
		for (; r.va < r.end;
		     r.va += PAGE_SIZE, r.ptep += k->mode->entry_size) {
			uint64_t pte = ptep_get(k, r.ptep);

			if (is_swap_pte(pte))
				read_ahead(k, pte_to_swp_entry(k, pte),
					   r.va == va);
		}
	return read_swap_cache_async(k, e);
}

pfn_t swapin_readahead(struct kernel *k, swp_entry_t e,
		       struct vm_area_struct *vma, va_t va)
{
	if (vma && swap_use_vma_readahead(k))
		return swap_vma_readahead(k, e, vma, va);
	return swap_cluster_readahead(k, e);
}

pfn_t lookup_swap_cache(struct kernel *k, swp_entry_t e,
			struct vm_area_struct *vma, va_t va)
{
	bool by_vma = vma && swap_use_vma_readahead(k), ahead;
	pfn_t pfn = swap_cache_lookup(k, e);
	struct ra_history h;

	if (pfn == PFN_NONE)
		return pfn;
	ahead = pfn_to_page(k, pfn)->flags & PG_readahead;
	pfn_to_page(k, pfn)->flags &= ~PG_readahead;
	k->vmstat.swap_ra_hit += ahead;
	if (by_vma) {
		h = ra_load(vma);
		if (ahead && h.hits < RA_HITS_MASK)
			h.hits++;
		ra_store(vma, va, h.win, h.hits);
	} else if (ahead) {
		k->swap->ra_hits++;
	}
	return pfn;
}

/*
 * migrate.c - moving pages.
 *
 *	process 1 PTE --+                    process 1 PTE --+
 *	process 2 PTE --+-> old   becomes    process 2 PTE --+-> new
 *	page cache -----+                    page cache -----+
 *
 * Who maps a page is found by rmap. A page can be moved if its references
 * are those of its entries and of the page cache; one more, and somebody is
 * at work on it. Entries keep their bits, A and D too (6.1 does so where a
 * migration entry has room for them), and no CPU keeps the old translation.
 *
 * Models mm/migrate.c of Linux 6.1. Left out: migration entries (nobody can
 * fault in between), huge pages, buffers, movable pages of drivers.
 */
#include "kernel/migrate.h"

#include <string.h>

#include "kernel/buddy.h"
#include "kernel/compound.h"
#include "kernel/highmem.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

static bool count_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	++*(int *)ctx;
	return true;
}

/* Nobody but its entries and the page cache has it, and rmap finds them all. */
static bool can_move(struct kernel *k, pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);
	bool file = !(page->flags & PG_anon);
	int cache = file || (page->flags & PG_swapcache), mappers = 0;

	if (!page_is_movable(k, pfn) || page_compound(page) ||
	    page->_refcount != page->_mapcount + cache ||
	    kmap_in_use(k, pfn, 1))
		return false;
	if (file && find_get_page(page->mapping, page->index) != pfn)
		return false;
	rmap_walk(k, pfn, count_mapper, &mappers);
	return mappers == page->_mapcount;
}

struct move {
	struct kernel *k;
	pfn_t new;
};

static bool move_pte(void *ctx, struct vm_area_struct *vma, va_t va)
{
	const struct move *m = ctx;
	pa_t root = mm_root(vma->vm_mm);
	struct pte_range r;
	uint64_t pte;

	if (!next_pte_range(m->k, root, va, va + PAGE_SIZE, &r))
		return true;
	pte = ptep_get(m->k, r.ptep);
	pte = pfn_pte(m->k, m->new, pte & ~PTE_PFN_MASK);
	set_pte_at(m->k, vma->vm_mm, va, r.ptep, pte, "migrate");
	flush_tlb_page(m->k, root, va);
	return true;
}

/* The new frame becomes the page; the old one's record is blank. */
static void move_record(struct kernel *k, pfn_t old, pfn_t new)
{
	struct page *from = pfn_to_page(k, old), *to = pfn_to_page(k, new);

	bool lru = from->flags & PG_lru;

	if (lru)
		page_cache_release(k, old);
	to->flags = (from->flags & ~PG_STAMP_MASK) | PG_used | PG_fresh |
		    k->stamp;
	to->_refcount = from->_refcount;
	to->_mapcount = from->_mapcount;
	to->private = from->private;
	to->mapping = from->mapping;
	to->index = from->index;
	to->flags &= ~PG_lru_batch;
	if (lru)
		lruvec_add_folio(k, new);
	if (to->flags & PG_swapcache)
		swap_cache_replace(k, to->private, new);
	else if (!(to->flags & PG_anon))
		page_cache_replace(to->mapping, to->index, new);
	memset(from, 0, sizeof(*from));
	from->flags = PG_used | k->stamp;
}

bool migrate_page(struct kernel *k, pfn_t old, pfn_t new)
{
	struct move m = { k, new };
	int mappers = pfn_to_page(k, old)->_mapcount;

	if (!can_move(k, old)) {
		k->vmstat.pgmigrate_fail++;
		return false;
	}
	memcpy(page_bytes(k, new), page_bytes(k, old), PAGE_SIZE);
	rmap_walk(k, old, move_pte, &m);
	move_record(k, old, new);
	k->vmstat.pgmigrate_success++;
	kevent(k, .kind = KEV_HANDLER, .func = "migrate_page", .note = "moved",
	       .old_pfn = old, .pfn = new, .n = mappers);
	return true;
}

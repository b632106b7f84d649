/*
 * rmap_unmap.c - what reclaim asks of all who map a page: have they used it,
 *and to let go of it (linux 6.1 mm/rmap.c: folio_referenced, try_to_unmap).
 *
 *	anonymous, with a slot --- the entries name the slot
 *	MADV_FREE, still clean --- the entries are empty
 *	of a file ---------------- the same: the page cache has it
 *	mapped by a locked area -- stays
 *
 * Left out: locks, flushes that wait for each other, huge pages, migration and
 * poison entries, KSM.
 */
#include "kernel/huge_mm.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* --- who has used it ------------------------------------------------------ */

struct look {
	struct kernel *k;
	struct folio_referenced ret;
};

/* x86 clears A without a flush: a stale A costs a wrong guess at most. */
static bool referenced_one(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct look *look = ctx;
	struct folio_referenced *ref = &look->ret;
	struct kernel *k = look->k;
	struct pte_range r;
	uint64_t pte;

	if (vma->vm_flags & VM_LOCKED) {
		ref->vm_flags |= VM_LOCKED;
		return false;
	}
	if (!next_pmd_range(k, mm_root(vma->vm_mm), va, va + PAGE_SIZE, &r))
		return true;
	pte = ptep_get(k, r.ptep);
	if (!(pte & PTE_A))
		return true;
	pt_set(k, vma->vm_mm->owner_pid, va, k->pte_level - r.huge,
	       ptep_pa(k, r.ptep), pte & ~PTE_A, "referenced");
	if (!(vma->vm_flags & VM_SEQ_READ)) {
		ref->ptes++;
		ref->vm_flags |= vma->vm_flags;
	}
	return true;
}

struct folio_referenced folio_referenced(struct kernel *k, pfn_t pfn)
{
	struct look look = { .k = k };

	if (page_mapcount(k, pfn_to_page(k, pfn)) > 0)
		rmap_walk(k, pfn, referenced_one, &look);
	return look.ret;
}

/* --- unmapping ------------------------------------------------------------ */

struct unmap {
	struct kernel *k;
	pfn_t pfn;
	struct last_mapper last;
};

/* The entry names the slot from now on. False: the slot has too many. */
static bool set_swap_pte(struct unmap *u, struct vm_area_struct *vma, va_t va,
			 uint8_t *ptep, uint64_t old)
{
	struct page *page = pfn_to_page(u->k, u->pfn);
	uint64_t pte = swp_entry_to_pte(u->k, page->private);

	if (swap_duplicate(u->k, page->private))
		return false;
	if (page->flags & PG_anon_exclusive)
		pte = pte_swp_mkexclusive(u->k, pte);
	page->flags &= ~PG_anon_exclusive;
	if (old & _PAGE_SOFT_DIRTY)
		pte = pte_swp_mksoft_dirty(u->k, pte);
	vma->vm_mm->rss[MM_ANONPAGES]--;
	vma->vm_mm->rss[MM_SWAPENTS]++;
	set_pte_at(u->k, vma->vm_mm, va, ptep, pte, "try_to_unmap");
	return true;
}

/* A page given to MADV_FREE: dropped, unless it was written since. */
static bool drop_lazyfree_pte(struct unmap *u, struct vm_area_struct *vma,
			      va_t va, uint8_t *ptep)
{
	struct page *page = pfn_to_page(u->k, u->pfn);

	if ((page->flags & PG_dirty) ||
	    page->_refcount != 1 + page->_mapcount) {
		page->flags |= PG_swapbacked;
		return false;
	}
	vma->vm_mm->rss[MM_ANONPAGES]--;
	set_pte_at(u->k, vma->vm_mm, va, ptep, 0, "try_to_unmap");
	return true;
}

static bool unmap_entry(struct unmap *u, struct vm_area_struct *vma, va_t va,
			uint8_t *ptep)
{
	struct page *page = pfn_to_page(u->k, u->pfn);
	uint64_t pte = ptep_get(u->k, ptep);

	if (pte & PTE_D)
		page->flags |= PG_dirty;
	if (!(page->flags & PG_anon)) {
		vma->vm_mm->rss[mm_counter(page)]--;
		set_pte_at(u->k, vma->vm_mm, va, ptep, 0, "try_to_unmap");
		return true;
	}
	if (page->flags & PG_swapbacked)
		return set_swap_pte(u, vma, va, ptep, pte);
	return drop_lazyfree_pte(u, vma, va, ptep);
}

static bool try_to_unmap_one(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct unmap *u = ctx;
	pa_t root = mm_root(vma->vm_mm);
	struct pte_range r;

	if ((vma->vm_flags & VM_LOCKED) ||
	    !next_pte_range(u->k, root, va, va + PAGE_SIZE, &r) ||
	    !unmap_entry(u, vma, va, r.ptep))
		return false;
	flush_tlb_page(u->k, root, va);
	page_remove_rmap(u->k, u->pfn, vma);
	put_page(u->k, u->pfn);
	u->last = (struct last_mapper){ va, vma->vm_mm->owner_pid };
	return true;
}

bool try_to_unmap(struct kernel *k, pfn_t pfn, struct last_mapper *ret)
{
	struct unmap u = { .k = k, .pfn = pfn };

	rmap_walk(k, pfn, try_to_unmap_one, &u);
	*ret = u.last;
	return pfn_to_page(k, pfn)->_mapcount <= 0;
}

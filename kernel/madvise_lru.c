/*
 * madvise_lru.c - what MADV_COLD, MADV_PAGEOUT and MADV_FREE do to the pages of
 * an area (linux 6.1 mm/madvise.c: madvise_cold_or_pageout_pte_range,
 * madvise_free_pte_range).
 *
 *	COLD	looks unused, and is the first to be considered later
 *	PAGEOUT	looks unused, and is reclaimed now
 *	FREE	looks unused and clean: reclaim may drop it, until it is written
 *
 * Pages that another process maps too are left alone by the first two. Left
 * out: huge pages, which Linux splits; memcg.
 */
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* Calls @fn for each entry of the range that is not empty. */
static void for_ptes(struct kernel *k, struct vm_area_struct *vma, va_t start,
		     va_t end,
		     void (*fn)(struct kernel *k, struct vm_area_struct *vma,
				va_t va, uint8_t *ptep, struct page_list *list),
		     struct page_list *list)
{
	struct pte_range r;

	for (va_t va = start;
	     next_pte_range(k, mm_root(vma->vm_mm), va, end, &r); va = r.end) {
		for (; r.va < r.end;
		     r.va += PAGE_SIZE, r.ptep += k->mode->entry_size)
			if (ptep_get(k, r.ptep))
				fn(k, vma, r.va, r.ptep, list);
		if (list && list->head != PFN_NONE)
			reclaim_pages(k, list);
	}
}

static void change_pte(struct kernel *k, struct vm_area_struct *vma, va_t va,
		       uint8_t *ptep, uint64_t clear, const char *why)
{
	uint64_t pte = ptep_get(k, ptep);

	if (!(pte & clear))
		return;
	set_pte_at(k, vma->vm_mm, va, ptep, pte & ~clear, why);
	flush_tlb_page(k, mm_root(vma->vm_mm), va);
}

/* @list NULL: cold only. */
static void cold_or_pageout(struct kernel *k, struct vm_area_struct *vma,
			    va_t va, uint8_t *ptep, struct page_list *list)
{
	uint64_t pte = ptep_get(k, ptep);
	struct page *page = pte_present(pte) ? vm_normal_page(k, pte) : NULL;
	pfn_t pfn = pte_to_pfn(k, pte);

	if (!page || !(page->flags & PG_lru) || page->_mapcount != 1)
		return;
	change_pte(k, vma, va, ptep, PTE_A, list ? "pageout" : "cold");
	page->flags &= ~PG_referenced;
	if (!list)
		deactivate_page(k, pfn);
	else if (!(page->flags & PG_unevictable) && isolate_lru_page(k, pfn))
		page_list_add_tail(k, list, pfn);
}

void madvise_cold_range(struct kernel *k, struct vm_area_struct *vma,
			va_t start, va_t end)
{
	lru_add_drain(k);
	for_ptes(k, vma, start, end, cold_or_pageout, NULL);
}

void madvise_pageout_range(struct kernel *k, struct vm_area_struct *vma,
			   va_t start, va_t end)
{
	struct page_list list = { PFN_NONE, PFN_NONE };

	lru_add_drain(k);
	for_ptes(k, vma, start, end, cold_or_pageout, &list);
}

/* Can the page be clean, with nothing of it in swap? */
static bool make_clean(struct kernel *k, struct page *page)
{
	if (!(page->flags & (PG_swapcache | PG_dirty)))
		return true;
	if (page->_mapcount != 1)
		return false;
	if ((page->flags & PG_swapcache) &&
	    !try_to_free_swap(k, page_to_pfn(k, page)))
		return false;
	page->flags &= ~PG_dirty;
	return true;
}

static void free_pte(struct kernel *k, struct vm_area_struct *vma, va_t va,
		     uint8_t *ptep, struct page_list *list)
{
	uint64_t pte = ptep_get(k, ptep);
	struct page *page;

	if (!pte_present(pte)) {
		if (!swap_pte_ok(k, pte))
			return;
		zap_swap_pte(k, vma->vm_mm, pte);
		set_pte_at(k, vma->vm_mm, va, ptep, 0, "free");
		return;
	}
	page = vm_normal_page(k, pte);
	if (!page || !make_clean(k, page))
		return;
	change_pte(k, vma, va, ptep, PTE_A | PTE_D, "free");
	mark_page_lazyfree(k, pte_to_pfn(k, pte));
}

void madvise_free_range(struct kernel *k, struct vm_area_struct *vma,
			va_t start, va_t end)
{
	lru_add_drain(k);
	for_ptes(k, vma, start, end, free_pte, NULL);
}

/*
 * madvise_lru.c - what MADV_COLD, MADV_PAGEOUT and MADV_FREE do to the pages of
 * an area (linux 6.1 mm/madvise.c: madvise_cold_or_pageout_pte_range,
 * madvise_free_pte_range).
 *
 *	COLD	looks unused, and is the first to be considered later
 *	PAGEOUT	looks unused, and is reclaimed now
 *	FREE	looks unused and clean: reclaim may drop it, until it is written
 *
 * Pages that another process maps too are left alone by the first two. A large
 * page of which only a part is advised is split. Left out: memcg.
 */
#include "kernel/huge_mm.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* @clear of the entry of all of @head, which is as good as unused then. */
static void advise_whole(struct kernel *k, struct vm_area_struct *vma,
			 const struct pte_range *r, struct page *head,
			 uint64_t clear)
{
	pa_t pmdp = ptep_pa(k, r->ptep);
	uint64_t pmd = pt_get(k, pmdp);

	if (!(pmd & clear))
		return;
	pt_set(k, vma->vm_mm->owner_pid, r->va, pmd_level(k), pmdp,
	       pmd & ~clear, clear & PTE_D ? "free" : "cold");
	flush_tlb_page(k, mm_root(vma->vm_mm), r->va);
}

/*
 * A large entry whose page nobody else maps. False: the page is small now,
 * and its entries are to be looked at one by one.
 */
static bool advise_huge(struct kernel *k, struct vm_area_struct *vma,
			const struct pte_range *r, bool free,
			struct page_list *list)
{
	struct page *head = vm_normal_pmd_page(k, ptep_get(k, r->ptep));
	pfn_t pfn;

	if (!head || total_mapcount(k, head) != 1)
		return true;
	if (!whole_pmd(k, r->va, r->end))
		return split_huge_page(k, head, 0);
	pfn = page_to_pfn(k, head);
	advise_whole(k, vma, r, head, free ? PTE_A | PTE_D : PTE_A);
	head->flags &= ~(free ? PG_dirty : PG_referenced);
	if (free)
		mark_page_lazyfree(k, pfn);
	else if (!list)
		deactivate_page(k, pfn);
	else if (!(head->flags & PG_unevictable) && isolate_lru_page(k, pfn))
		page_list_add_tail(k, list, pfn);
	return true;
}

static void free_pte(struct kernel *k, struct vm_area_struct *vma, va_t va,
		     uint8_t *ptep, struct page_list *list);

/* Calls @fn for each entry of the range that is not empty. */
static void for_ptes(struct kernel *k, struct vm_area_struct *vma, va_t start,
		     va_t end,
		     void (*fn)(struct kernel *k, struct vm_area_struct *vma,
				va_t va, uint8_t *ptep, struct page_list *list),
		     struct page_list *list)
{
	struct pte_range r;

	for (va_t va = start;
	     next_pmd_range(k, mm_root(vma->vm_mm), va, end, &r); va = r.end) {
		if (r.huge && !advise_huge(k, vma, &r, fn == free_pte, list))
			r.end = r.va;
		for (; !r.huge && r.va < r.end;
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

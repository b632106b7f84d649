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

/* One advice about one range of an area. */
struct advise {
	struct kernel *k;
	struct vm_area_struct *vma;
	struct page_list *list; /* PAGEOUT: pages to be reclaimed */
	bool free;
	struct { /* entries that changed: flushed in the end */
		va_t start, end;
		uint64_t nr;
	} gather;
};

static void tlb_remove_entry(struct advise *a, va_t va, uint64_t size)
{
	if (!a->gather.nr)
		a->gather.start = va;
	a->gather.end = va + size;
	a->gather.nr += size > PAGE_SIZE ? NR_LARGE : 1;
}

static const char *advice_name(const struct advise *a)
{
	return a->free ? "free" : a->list ? "pageout" : "cold";
}

/* An entry looks unused from now on, and clean if the advice is FREE. */
static void make_old(struct advise *a, va_t va, uint8_t *ptep, bool huge)
{
	uint64_t clear = a->free ? PTE_A | PTE_D : PTE_A;
	unsigned level = a->k->pte_level - huge;
	uint64_t pte = ptep_get(a->k, ptep);

	if (!(pte & clear))
		return;
	pt_set(a->k, a->vma->vm_mm->owner_pid, va, level, ptep_pa(a->k, ptep),
	       pte & ~clear, advice_name(a));
	tlb_remove_entry(a, va, 1ULL << a->k->mode->level[level].shift);
}

/* Its page goes where the advice wants it. */
static void advise_page(struct advise *a, struct page *page)
{
	pfn_t pfn = page_to_pfn(a->k, page);

	if (a->free)
		mark_page_lazyfree(a->k, pfn);
	else if (!a->list)
		deactivate_page(a->k, pfn);
	else if (!(page->flags & PG_unevictable) && isolate_lru_page(a->k, pfn))
		page_list_add_tail(a->k, a->list, pfn);
}

/*
 * A large entry whose page nobody else maps. False: the page is small now,
 * and its entries are to be looked at one by one.
 */
static bool advise_huge(struct advise *a, const struct pte_range *r)
{
	struct page *head = vm_normal_pmd_page(a->k, ptep_get(a->k, r->ptep));

	if (!head || total_mapcount(a->k, head) != 1)
		return true;
	if (!whole_pmd(a->k, r->va, r->end))
		return split_huge_page(a->k, head, 0);
	make_old(a, r->va, r->ptep, true);
	head->flags &= ~(a->free ? PG_dirty : PG_referenced);
	advise_page(a, head);
	return true;
}

static void cold_or_pageout_pte(struct advise *a, va_t va, uint8_t *ptep)
{
	uint64_t pte = ptep_get(a->k, ptep);
	struct page *page = pte_present(pte) ? vm_normal_page(a->k, pte) : NULL;

	if (!page || !(page->flags & PG_lru) || page->_mapcount != 1)
		return;
	make_old(a, va, ptep, false);
	page->flags &= ~PG_referenced;
	advise_page(a, page);
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

static void free_pte(struct advise *a, va_t va, uint8_t *ptep)
{
	uint64_t pte = ptep_get(a->k, ptep);
	struct page *page;

	if (!pte_present(pte)) {
		if (!swap_pte_ok(a->k, pte))
			return;
		zap_swap_pte(a->k, a->vma->vm_mm, pte);
		set_pte_at(a->k, a->vma->vm_mm, va, ptep, 0, "free");
		return;
	}
	page = vm_normal_page(a->k, pte);
	if (!page || !make_clean(a->k, page))
		return;
	make_old(a, va, ptep, false);
	advise_page(a, page);
}

static void advise_ptes(struct advise *a, struct pte_range *r)
{
	for (; r->va < r->end;
	     r->va += PAGE_SIZE, r->ptep += a->k->mode->entry_size) {
		if (!ptep_get(a->k, r->ptep))
			continue;
		if (a->free)
			free_pte(a, r->va, r->ptep);
		else
			cold_or_pageout_pte(a, r->va, r->ptep);
	}
}

static void advise_range(struct advise *a, va_t start, va_t end)
{
	const struct mm_struct *mm = a->vma->vm_mm;
	struct pte_range r;

	lru_add_drain(a->k);
	for (va_t va = start; next_pmd_range(a->k, mm_root(mm), va, end, &r);
	     va = r.end) {
		if (!r.huge)
			advise_ptes(a, &r);
		else if (!advise_huge(a, &r))
			r.end = r.va;
		if (a->list && a->list->head != PFN_NONE)
			reclaim_pages(a->k, a->list);
	}
	flush_tlb_range(a->k, mm, a->gather.start, a->gather.end, a->gather.nr);
}

void madvise_cold_range(struct kernel *k, struct vm_area_struct *vma,
			va_t start, va_t end)
{
	struct advise a = { .k = k, .vma = vma };

	advise_range(&a, start, end);
}

void madvise_pageout_range(struct kernel *k, struct vm_area_struct *vma,
			   va_t start, va_t end)
{
	struct page_list list = { PFN_NONE, PFN_NONE };
	struct advise a = { .k = k, .vma = vma, .list = &list };

	advise_range(&a, start, end);
}

void madvise_free_range(struct kernel *k, struct vm_area_struct *vma,
			va_t start, va_t end)
{
	struct advise a = { .k = k, .vma = vma, .free = true };

	advise_range(&a, start, end);
}

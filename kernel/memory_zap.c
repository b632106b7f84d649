/*
 * memory_zap.c - entries are removed, and what they mapped loses a mapper
 * (linux 6.1 mm/memory.c: unmap_page_range, zap_pte_range and what they call).
 *
 * Left out: mmu_gather's batches: frames are freed as their entries go.
 */

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* Large entries only: an INVLPG for each. */
static void flush_tlb_large(struct kernel *k, const struct mm_struct *mm,
			    va_t start, va_t end)
{
	va_t size = hpage_size(k);

	if ((end - start) / size > TLB_FLUSH_CEILING)
		flush_tlb_mm(k, mm_root(mm));
	for (va_t va = start;
	     va < end && (end - start) / size <= TLB_FLUSH_CEILING; va += size)
		flush_tlb_page(k, mm_root(mm), va);
}

void flush_tlb_range(struct kernel *k, const struct mm_struct *mm, va_t start,
		     va_t end, uint64_t nr)
{
	if (nr % NR_LARGE)
		flush_tlb_mm_range(k, mm_root(mm), start, end, false);
	else if (nr)
		flush_tlb_large(k, mm, start, end);
}

/* What the entry knew, the page of a file must know from now on. */
static inline void zap_file_page(struct kernel *k,
				 const struct vm_area_struct *vma,
				 struct page *page, uint64_t pte)
{
	if (pte & PTE_D)
		page->flags |= PG_dirty;
	if ((pte & PTE_A) && !(vma->vm_flags & VM_SEQ_READ))
		mark_page_accessed(k, page_to_pfn(k, page));
}

static void zap_special_page(struct kernel *k, struct page *page)
{
	if (page_compound(page))
		compound_page_unmapped(k, page);
	if (page->flags & PG_swapcache)
		free_swap_cache(k, page_to_pfn(k, page));
	put_page(k, page_to_pfn(k, page));
}

/* One entry goes: its page loses a mapper, and perhaps its life. */
static void zap_pte(struct kernel *k, struct vm_area_struct *vma, uint64_t pte)
{
	struct page *page;

	if (!pte_present(pte)) {
		zap_swap_pte(k, vma->vm_mm, pte);
		return;
	}
	page = vm_normal_page(k, pte);
	if (!page)
		return;
	if (!(page->flags & PG_anon))
		zap_file_page(k, vma, page, pte);
	vma->vm_mm->rss[mm_counter(page)]--;
	page->_mapcount--;
	page_changed(k, page);
	munlock_vma_page(k, page, vma);
	if (__builtin_expect(page->flags & (PG_compound | PG_swapcache), 0))
		zap_special_page(k, page);
	else if (page->_refcount > 1)	/* put_page(), the usual case */
		page->_refcount--;
	else
		put_page(k, page_to_pfn(k, page));
}

/* Does the entry map a copy of the process' own? */
static bool is_cowed(const struct kernel *k, uint64_t pte)
{
	const struct page *page = vm_normal_page(k, pte);

	return !pte_present(pte) || (page && (page->flags & PG_anon));
}

static uint64_t zap_pte_range(struct kernel *k, struct vm_area_struct *vma,
			      const struct pte_range *r, bool even_cows)
{
	unsigned size = k->mode->entry_size;
	uint8_t *ptep = r->ptep;
	uint64_t pte, nr = 0;

	for (va_t va = r->va; va < r->end; va += PAGE_SIZE, ptep += size) {
		pte = ptep_get(k, ptep);
		if (!pte || (!even_cows && is_cowed(k, pte)))
			continue;
		set_pte_at(k, vma->vm_mm, va, ptep, 0, "zap");
		zap_pte(k, vma, pte);
		nr++;
	}
	return nr;
}

/* All that a large entry maps goes, or it is split: then look again. */
static uint64_t zap_pmd_range(struct kernel *k, struct vm_area_struct *vma,
			      struct pte_range *r)
{
	pa_t pmdp = ptep_pa(k, r->ptep);

	if (is_vm_hugetlb_page(vma)) {
		zap_huge_pte(k, vma, pmdp, hpage_start(k, r->va));
		return NR_LARGE;
	}
	if (whole_pmd(k, r->va, r->end)) {
		zap_huge_pmd(k, vma, pmdp, r->va);
		return NR_LARGE;
	}
	split_huge_pmd(k, vma, pmdp, hpage_start(k, r->va));
	r->end = r->va;
	return 0;
}

static uint64_t zap_range(struct kernel *k, struct vm_area_struct *vma,
			  va_t start, va_t end, bool even_cows)
{
	struct mm_struct *mm = vma->vm_mm;
	struct pte_range r;
	uint64_t nr = 0;

	update_hiwater_rss(mm);
	for (va_t va = start; next_pmd_range(k, mm_root(mm), va, end, &r);
	     va = r.end)
		if (r.huge)
			nr += zap_pmd_range(k, vma, &r);
		else
			nr += zap_pte_range(k, vma, &r, even_cows);
	return nr;
}

uint64_t unmap_page_range(struct kernel *k, struct vm_area_struct *vma,
			  va_t start, va_t end)
{
	return zap_range(k, vma, start, end, true);
}

void zap_file_pages(struct kernel *k, struct vm_area_struct *vma, va_t start,
		    va_t end, bool even_cows)
{
	uint64_t nr = zap_range(k, vma, start, end, even_cows);

	flush_tlb_range(k, vma->vm_mm, start, end, nr);
}

void zap_page_range(struct kernel *k, struct vm_area_struct *vma, va_t start,
		    va_t end)
{
	uint64_t nr;

	lru_add_drain(k);
	nr = unmap_page_range(k, vma, start, end);
	flush_tlb_range(k, vma->vm_mm, start, end, nr);
}

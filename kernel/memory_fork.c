/*
 * memory_fork.c - the entries of a private area are copied for a child (linux
 * 6.1 mm/memory.c: copy_page_range, copy_pte_range and what they call).
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

struct copy {
	struct kernel *k;
	struct mm_struct *dst, *src;
	bool cow;		/* private and may be written: protect both */
	bool shared;
	uint64_t rss[NR_MM_COUNTERS], nr;
	int err;
};

/* Counts the child as a mapper of the page behind @pte. */
static inline void copy_page_ref(struct copy *c, uint64_t pte)
{
	struct page *page = vm_normal_page(c->k, pte);

	if (!page)
		return;
	compound_head(c->k, page)->_refcount++;
	page->_mapcount++;
	page->flags &= ~PG_anon_exclusive;
	page_changed(c->k, page);
	c->rss[mm_counter(page)]++;
}

static inline uint64_t copy_present_pte(struct copy *c, va_t va, uint8_t *src,
					uint64_t pte)
{
	copy_page_ref(c, pte);
	if (c->cow && (pte & PTE_RW)) {
		pte &= ~PTE_RW;
		set_pte_at(c->k, c->src, va, src, pte, "fork");
	}
	if (c->shared)
		pte &= ~PTE_D;
	return pte & ~PTE_A;
}

/* An entry of a page in swap: the child's, or 0 if it gets none. */
static uint64_t copy_nonpresent_pte(struct copy *c, va_t va, uint8_t *src)
{
	uint64_t pte = ptep_get(c->k, src);

	if (!swap_pte_ok(c->k, pte))
		return 0;
	pte = copy_swap_pte(c->k, c->src, va, src);
	if (pte)
		c->rss[MM_SWAPENTS]++;
	else
		c->err = -ENOMEM;
	return pte;
}

static void copy_pte_range(struct copy *c, const struct pte_range *r,
			   uint8_t *dst)
{
	unsigned size = c->k->mode->entry_size;
	uint8_t *src = r->ptep;
	uint64_t pte;

	for (va_t va = r->va; va < r->end;
	     va += PAGE_SIZE, src += size, dst += size) {
		pte = ptep_get(c->k, src);
		if (!pte)
			continue;
		if (__builtin_expect(pte_present(pte), 1))
			pte = copy_present_pte(c, va, src, pte);
		else
			pte = copy_nonpresent_pte(c, va, src);
		if (!pte)
			continue;
		ptep_put(c->k, dst, pte);
		c->nr++;
	}
}

/*
 * What a fault can bring back is not copied: areas that never had a page of
 * their own. Zero pages and file pages then fault again in the child.
 */
static bool vma_needs_copy(const struct vm_area_struct *src)
{
	return (src->vm_flags & VM_PFNMAP) || src->anon_vma;
}

static int copy_range(struct copy *c, struct vm_area_struct *src,
		      const struct pte_range *r)
{
	uint8_t *ptep;

	if (r->huge) {
		c->nr += hpage_nr(c->k);
		if (is_vm_hugetlb_page(src))
			return copy_huge_pte(c->k, c->dst, src,
					     ptep_pa(c->k, r->ptep), r->va);
		return copy_huge_pmd(c->k, c->dst, src, ptep_pa(c->k, r->ptep),
				     r->va);
	}
	ptep = pte_alloc_map(c->k, c->dst, r->va);
	if (!ptep)
		return -ENOMEM;
	copy_pte_range(c, r, ptep);
	return c->err;
}

int copy_page_range(struct kernel *k, struct vm_area_struct *dst,
		    struct vm_area_struct *src)
{
	struct copy c = { .k = k, .dst = dst->vm_mm, .src = src->vm_mm,
			  .shared = src->vm_flags & VM_SHARED,
			  .cow = (src->vm_flags & (VM_SHARED | VM_MAYWRITE)) ==
				 VM_MAYWRITE };
	struct pte_range r;

	if (!vma_needs_copy(src))
		return 0;
	for (va_t va = src->vm_start;
	     !c.err && next_pmd_range(k, mm_root(c.src), va, src->vm_end, &r);
	     va = r.end)
		c.err = copy_range(&c, src, &r);
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		c.dst->rss[i] += c.rss[i];
	kevent(k, .kind = KEV_HANDLER, .func = "copy_page_range",
	       .va = src->vm_start, .end = src->vm_end, .n = c.nr,
	       .pid = c.dst->owner_pid);
	return c.err;
}

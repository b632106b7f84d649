/*
 * huge_check.c - fsck for large pages: the part of mm_check() and rmap_check()
 * that is about large entries, deposited tables and compound pages.
 */
#include <inttypes.h>

#include "kernel/huge_check.h"
#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"

/* --- one address space ---------------------------------------------------- */

/* What is wrong with a large entry, or NULL. */
static const char *bad_pmd(const struct kernel *k,
			   const struct vm_area_struct *vma, va_t va,
			   uint64_t pmd)
{
	const struct page *head = vm_normal_pmd_page(k, pmd);

	if (!vma || vma->vm_start > va || va + hpage_size(k) > vma->vm_end)
		return "larger than its area";
	if (vma->vm_ops || (vma->vm_flags & VM_HUGETLB))
		return "large, and the area is not anonymous";
	if ((pmd & PTE_RW) && !(vma->vm_flags & VM_WRITE))
		return "writable in a read-only area";
	if ((pmd & PTE_P) && !vma_is_accessible(vma))
		return "present in a PROT_NONE area";
	if (is_huge_zero_pmd(k, pmd))
		return (pmd & PTE_RW) ? "huge zero page, writable"
		       : !vma->vm_mm->huge_zero_page ? "huge zero page, no "
						       "reference"
						     : NULL;
	if (!head)
		return "maps no large page";
	if ((pmd & PTE_RW) && !(head->flags & PG_anon_exclusive))
		return "writable, private, and the page is not exclusive";
	return NULL;
}

uint64_t huge_check_mm(struct checker *c, const struct kernel *k,
		       const struct mm_struct *mm, uint64_t *rss)
{
	uint64_t n = 0, deposited = 0;
	pa_t last = 0;
	struct pte_range r;

	for (va_t va = 0; next_pmd_range(k, mm_root(mm), va, mm->task_size, &r);
	     va = r.end) {
		pa_t pmdp = ptep_pa(k, r.ptep);
		uint64_t pmd = pt_get(k, pmdp);
		const struct vm_area_struct *vma = find_vma(mm, r.va);
		const char *why;

		if (!r.huge || (vma && (vma->vm_flags & VM_HUGETLB)))
			continue;
		why = bad_pmd(k, vma, r.va, pmd);
		if (why)
			check_finding(c,
				      "pid %d: large entry 0x%" PRIx64
				      " at 0x%" PRIx64 ": %s",
				      mm->owner_pid, pmd, r.va, why);
		if (vm_normal_pmd_page(k, pmd))
			*rss += hpage_nr(k);
		if (ALIGN_DOWN(pmdp, PAGE_SIZE) != last)
			deposited += deposited_tables(k, pmdp);
		last = ALIGN_DOWN(pmdp, PAGE_SIZE);
		n++;
	}
	hugetlb_check_mm(c, k, mm);
	if (n != deposited)
		check_finding(c,
			      "pid %d: %" PRIu64 " large entries, %" PRIu64
			      " deposited tables",
			      mm->owner_pid, n, deposited);
	return n;
}

void huge_count_mm(const struct kernel *k, const struct mm_struct *mm,
		   void (*count)(void *ctx, const struct vm_area_struct *vma,
				 pfn_t pfn),
		   void *ctx)
{
	struct pte_range r;

	for (va_t va = 0; next_pmd_range(k, mm_root(mm), va, mm->task_size, &r);
	     va = r.end) {
		uint64_t pmd = r.huge ? ptep_get(k, r.ptep) : 0;

		if (pmd && !is_huge_zero_pmd(k, pmd) &&
		    pmd_to_pfn(k, pmd) < k->max_pfn)
			count(ctx, find_vma(mm, r.va), pmd_to_pfn(k, pmd));
	}
}

/* --- pages ---------------------------------------------------------------- */

/* Do all frames of @head say what it says? */
static bool tails_agree(const struct kernel *k, const struct page *head)
{
	for (uint64_t i = 1; i < compound_nr(head); i++) {
		const struct page *p = head + i;

		if (!page_compound(p) || p->_refcount ||
		    compound_head_slow(k, p) != head)
			return false;
		if ((head->flags & PG_anon) && !page_huge(k, head) &&
		    (!(p->flags & PG_anon) || p->anon_vma != head->anon_vma ||
		     p->index != head->index + i))
			return false;
	}
	return true;
}

static bool has_unmapped_frame(const struct page *head)
{
	for (uint64_t i = 0; i < compound_nr(head); i++)
		if (!head[i]._mapcount)
			return true;
	return false;
}

/* A page of which nobody maps a part waits to be split. */
static bool should_wait(const struct kernel *k, struct page *head)
{
	return compound_dtor(head) == TRANSHUGE_PAGE_DTOR &&
	       !*compound_mapcount(head) && has_unmapped_frame(head);
}

void compound_check(struct checker *c, const struct kernel *k,
		    struct page *head, uint32_t huge, uint64_t refs)
{
	pfn_t pfn = page_to_pfn(k, head);

	if (*compound_mapcount(head) != huge)
		check_finding(c,
			      "pfn 0x%" PRIx64 ": compound_mapcount is %u,"
			      " page tables have %u",
			      pfn, *compound_mapcount(head), huge);
	if ((uint64_t)head->_refcount != refs)
		check_finding(c,
			      "pfn 0x%" PRIx64 ": refcount of a large page is"
			      " %d, %" PRIu64 " counted",
			      pfn, head->_refcount, refs);
	if (!tails_agree(k, head))
		check_finding(c,
			      "pfn 0x%" PRIx64 ": head and tails of a large"
			      " page disagree",
			      pfn);
	if (should_wait(k, head) && !deferred_split_waits(k, head))
		check_finding(c,
			      "pfn 0x%" PRIx64 ": partly unmapped, and not"
			      " to be split later",
			      pfn);
}

void huge_check(struct checker *c, const struct kernel *k)
{
	const struct task_struct *t;
	unsigned refs = 1;

	TAILQ_FOREACH (t, &k->tasks, link)
		refs += t->mm && t->mm->huge_zero_page && t->mm->owner == t;
	if (k->thp.huge_zero_refs && k->thp.huge_zero_refs != refs)
		check_finding(c, "huge zero page: %u references, %u counted",
			      k->thp.huge_zero_refs, refs);
	hugetlb_check(c, (struct kernel *)k);
	if (hugetlb_promises(k) != k->hstate.resv_huge_pages)
		check_finding(c,
			      "hugetlb: %" PRIu64 " pages promised, %" PRIu64
			      " counted",
			      k->hstate.resv_huge_pages, hugetlb_promises(k));
	if (!deferred_split_ok(k))
		check_finding(c,
			      "the list of large pages to be split has not %u",
			      k->thp.ndeferred);
}

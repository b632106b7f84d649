/*
 * khugepaged.c - small pages become one large page: MADV_COLLAPSE, and what the
 * daemon khugepaged does when it scans (linux 6.1 mm/khugepaged.c).
 *
 *	table of small entries --> pages copied into a new large page
 *	     |                     entries of holes: zeroed
 *	     +--> deposited for the large entry that takes its place
 *
 * The daemon asks for more than the call does: how many holes, pages in swap
 * and shared pages there may be, and that some were accessed. Here it scans
 * when it is told to, everything at once. Left out: files and shmem, locks
 * and the checks again after each of them was taken, memcg, LRU lists.
 */
#include <errno.h>
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"

enum scan_result {
	SCAN_FAIL,
	SCAN_SUCCEED,
	SCAN_PMD_NULL,
	SCAN_PMD_MAPPED,
	SCAN_EXCEED_NONE_PTE,
	SCAN_EXCEED_SWAP_PTE,
	SCAN_EXCEED_SHARED_PTE,
	SCAN_PAGE_RO,
	SCAN_LACK_REFERENCED_PAGE,
	SCAN_PAGE_NULL,
	SCAN_PAGE_ANON,
	SCAN_PAGE_COUNT,
	SCAN_SWAPIN,
	SCAN_ALLOC_HUGE_PAGE_FAIL,
};

/* What the entries of one table are. */
struct scan {
	struct kernel *k;
	struct vm_area_struct *vma;
	bool is_khugepaged;
	va_t haddr;
	pa_t pmdp;
	uint8_t *table;
	unsigned none, swap, shared, referenced;
	bool writable;
};

/* --- looking -------------------------------------------------------------- */

static enum scan_result scan_page(struct scan *s, uint64_t pte)
{
	struct page *page = vm_normal_page(s->k, pte), *head;

	s->writable |= pte & PTE_RW;
	if (!page)
		return SCAN_PAGE_NULL;
	if (page_mapcount(s->k, page) > 1 && s->is_khugepaged &&
	    ++s->shared > s->k->thp.max_ptes_shared)
		return SCAN_EXCEED_SHARED_PTE;
	head = compound_head(s->k, page);
	if (!(page->flags & PG_anon))
		return SCAN_PAGE_ANON;
	/* a reference that no entry explains: somebody uses it */
	if (head->_refcount !=
	    total_mapcount(s->k, head) + !!(head->flags & PG_swapcache))
		return SCAN_PAGE_COUNT;
	s->referenced += (pte & PTE_A) || (page->flags & PG_referenced);
	return SCAN_SUCCEED;
}

static bool pte_is_hole(const struct kernel *k, uint64_t pte)
{
	return !pte || (pte_present(pte) && pte_to_pfn(k, pte) == k->zero_pfn);
}

static enum scan_result scan_pte(struct scan *s, uint64_t pte)
{
	const struct thp *t = &s->k->thp;

	if (pte_is_hole(s->k, pte)) {
		s->none++;
		if (s->is_khugepaged && s->none > t->max_ptes_none)
			return SCAN_EXCEED_NONE_PTE;
		return SCAN_SUCCEED;
	}
	if (!pte_present(pte)) {
		s->swap++;
		if (s->is_khugepaged && s->swap > t->max_ptes_swap)
			return SCAN_EXCEED_SWAP_PTE;
		return SCAN_SUCCEED;
	}
	return scan_page(s, pte);
}

static uint8_t *scan_entry(const struct scan *s, uint64_t i)
{
	return s->table + i * s->k->mode->entry_size;
}

/* linux hpage_collapse_scan_pmd(), up to the decision. */
static enum scan_result scan_pmd(struct scan *s)
{
	uint64_t pmd;

	s->pmdp = pt_lookup(s->k, mm_root(s->vma->vm_mm), s->haddr,
			    pmd_level(s->k), false);
	pmd = s->pmdp ? pt_get(s->k, s->pmdp) : 0;
	if (!pmd)
		return SCAN_PMD_NULL;
	if (pmd_trans_huge(pmd))
		return SCAN_PMD_MAPPED;
	s->table = page_bytes(s->k, (pmd & PTE_PFN_MASK) >> PAGE_SHIFT);
	for (uint64_t i = 0; i < hpage_nr(s->k); i++) {
		enum scan_result res =
			scan_pte(s, ptep_get(s->k, scan_entry(s, i)));

		if (res != SCAN_SUCCEED)
			return res;
	}
	if (!s->writable)
		return SCAN_PAGE_RO;
	if (s->is_khugepaged &&
	    (!s->referenced || (s->swap && s->referenced < hpage_nr(s->k) / 2)))
		return SCAN_LACK_REFERENCED_PAGE;
	return SCAN_SUCCEED;
}

/* --- collapsing ----------------------------------------------------------- */

static pfn_t alloc_huge(struct kernel *k, bool is_khugepaged)
{
	unsigned gfp = is_khugepaged && !k->thp.khugepaged_defrag
			       ? GFP_TRANSHUGE_LIGHT
			       : GFP_TRANSHUGE;
	pfn_t pfn = alloc_pages(k, gfp, k->thp.order, "collapse");

	if (pfn == PFN_NONE)
		k->vmstat.thp_collapse_alloc_failed++;
	else
		k->vmstat.thp_collapse_alloc++;
	return pfn;
}

/* Pages in swap are read, as by faults. */
static bool swap_in(struct scan *s)
{
	for (uint64_t i = 0; s->swap && i < hpage_nr(s->k); i++) {
		uint64_t pte = ptep_get(s->k, scan_entry(s, i));
		unsigned ret;

		if (!pte || pte_present(pte))
			continue;
		ret = handle_mm_fault(s->k, s->vma,
				      s->haddr + (i << PAGE_SHIFT), 0);
		if (ret & (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV))
			return false;
	}
	return true;
}

/* One small page goes into the large one, or a hole. */
static void copy_one(struct scan *s, uint64_t i, pfn_t to)
{
	struct kernel *k = s->k;
	uint8_t *ptep = scan_entry(s, i);
	uint64_t pte = ptep_get(k, ptep);
	pfn_t from = pte_to_pfn(k, pte);

	if (pte)
		set_pte_at(k, s->vma->vm_mm, s->haddr + (i << PAGE_SHIFT), ptep,
			   0, "collapse");
	if (pte_is_hole(k, pte)) {
		memset(page_bytes(k, to), 0, PAGE_SIZE);
		s->vma->vm_mm->rss[MM_ANONPAGES]++;
		return;
	}
	memcpy(page_bytes(k, to), page_bytes(k, from), PAGE_SIZE);
	page_remove_rmap(k, from, s->vma);
	put_page(k, from);
}

static void map_collapsed(struct scan *s, pfn_t pfn, pfn_t table)
{
	struct vm_area_struct *vma = s->vma;
	struct kernel *k = s->k;
	uint64_t pmd = pfn_pmd(k, pfn, vma->vm_page_prot);

	prep_transhuge_page(k, pfn, vma, s->haddr);
	mlock_huge_page(k, pfn_to_page(k, pfn), vma);
	pgtable_trans_huge_deposit(k, s->pmdp, table);
	pt_set(k, vma->vm_mm->owner_pid, s->haddr, pmd_level(k), s->pmdp,
	       maybe_mkwrite(vma, pte_mkdirty(k, pmd)), "collapse");
	kevent(k, .kind = KEV_HANDLER, .func = "collapse_huge_page",
	       .note = "copied to a large page", .pid = vma->vm_mm->owner_pid,
	       .va = s->haddr, .end = s->haddr + hpage_size(k), .pfn = pfn,
	       .n = 1);
}

static enum scan_result collapse_huge_page(struct scan *s)
{
	struct mm_struct *mm = s->vma->vm_mm;
	struct kernel *k = s->k;
	pfn_t pfn = alloc_huge(k, s->is_khugepaged), table;

	if (pfn == PFN_NONE)
		return SCAN_ALLOC_HUGE_PAGE_FAIL;
	if (!swap_in(s)) {
		free_pages(k, pfn, k->thp.order);
		return SCAN_SWAPIN;
	}
	table = ptep_pa(k, s->table) >> PAGE_SHIFT;
	pt_set(k, mm->owner_pid, s->haddr, pmd_level(k), s->pmdp, 0,
	       "collapse");
	flush_tlb_range(k, mm, s->haddr, s->haddr + hpage_size(k), 1);
	for (uint64_t i = 0; i < hpage_nr(k); i++)
		copy_one(s, i, pfn + i);
	map_collapsed(s, pfn, table);
	return SCAN_SUCCEED;
}

static enum scan_result collapse_one(struct kernel *k,
				     struct vm_area_struct *vma, va_t haddr,
				     bool is_khugepaged)
{
	struct scan s = { .k = k,
			  .vma = vma,
			  .haddr = haddr,
			  .is_khugepaged = is_khugepaged };
	enum scan_result res = scan_pmd(&s);

	return res == SCAN_SUCCEED ? collapse_huge_page(&s) : res;
}

/* --- the call, the daemon ------------------------------------------------- */

static int madvise_collapse_errno(enum scan_result res)
{
	switch (res) {
	case SCAN_ALLOC_HUGE_PAGE_FAIL:
		return -ENOMEM;
	case SCAN_PAGE_COUNT:
		return -EAGAIN;
	default:
		return -EINVAL;
	}
}

/* After these the next large page is tried all the same. */
static bool may_go_on(enum scan_result res)
{
	return res == SCAN_SUCCEED || res == SCAN_PMD_MAPPED ||
	       res == SCAN_PMD_NULL || res == SCAN_PAGE_RO ||
	       res == SCAN_PAGE_NULL || res == SCAN_PAGE_COUNT;
}

int madvise_collapse(struct kernel *k, struct vm_area_struct *vma, va_t start,
		     va_t end)
{
	va_t size = hpage_size(k);
	enum scan_result last = SCAN_FAIL;
	uint64_t done = 0, want;

	if (!hugepage_vma_check(k, vma, false, false))
		return -EINVAL;
	start = ALIGN_UP(start, size);
	end = hpage_start(k, end);
	want = end > start ? (end - start) / size : 0;
	for (va_t va = start; va < end; va += size) {
		enum scan_result res = collapse_one(k, vma, va, false);

		if (res == SCAN_SUCCEED || res == SCAN_PMD_MAPPED)
			done++;
		else
			last = res;
		if (!may_go_on(res))
			break;
	}
	return done == want ? 0 : madvise_collapse_errno(last);
}

static unsigned scan_vma(struct kernel *k, struct vm_area_struct *vma)
{
	va_t size = hpage_size(k), end = hpage_start(k, vma->vm_end);
	unsigned n = 0;

	if (!hugepage_vma_check(k, vma, false, true))
		return 0;
	for (va_t va = ALIGN_UP(vma->vm_start, size); va < end; va += size)
		n += collapse_one(k, vma, va, true) == SCAN_SUCCEED;
	return n;
}

unsigned khugepaged_scan_mm(struct kernel *k, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	unsigned n = 0;

	for_each_vma (&mm->vmas, vma)
		n += scan_vma(k, vma);
	k->thp.pages_collapsed += n;
	k->thp.full_scans++;
	return n;
}

/*
 * task_mmu.c - sums over address spaces for /proc (linux 6.1
 * fs/proc/task_mmu.c): smaps, pagemap, clear_refs, and what status and statm
 * say of memory.
 *
 * Left out: locks, seq_file, NUMA, userfaultfd, migration entries.
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"
#include "kernel/pti.h"
#include "kernel/swap.h"
#include "kernel/task_mmu.h"
#include "kernel/tlb.h"

/* --- smaps --------------------------------------------------------------- */

static void smaps_page_accumulate(struct mem_size_stats *mss,
				  const struct page *page, uint64_t size,
				  uint64_t pss, bool dirty, bool locked,
				  bool private)
{
	mss->pss += pss;
	if (page->flags & PG_anon)
		mss->pss_anon += pss;
	else if (page->flags & PG_swapbacked)
		mss->pss_shmem += pss;
	else
		mss->pss_file += pss;
	if (locked)
		mss->pss_locked += pss;
	if (dirty || (page->flags & PG_dirty)) {
		mss->pss_dirty += pss;
		*(private ? &mss->private_dirty : &mss->shared_dirty) += size;
	} else {
		*(private ? &mss->private_clean : &mss->shared_clean) += size;
	}
}

/*
 * What depends on the sharing of each of @nr frames. A share is rounded down,
 * in units of 1 / 2^PSS_SHIFT bytes. A page with one reference is mapped once;
 * then its size is shifted as a whole, and on i386, in 32 bits, a large page
 * has a Pss of 0.
 */
static void smaps_share(const struct kernel *k, struct mem_size_stats *mss,
			const struct page *page, uint64_t nr, bool dirty,
			bool locked)
{
	uint64_t pss = nr * PAGE_SIZE << PSS_SHIFT;

	if (page_count(k, page) == 1) {
		smaps_page_accumulate(mss, page, nr * PAGE_SIZE,
				      k->arch->word == 4 ? (uint32_t)pss : pss,
				      dirty, locked, true);
		return;
	}
	for (uint64_t i = 0; i < nr; i++, page++) {
		int32_t mapcount = page_mapcount(k, page);

		pss = PAGE_SIZE << PSS_SHIFT;
		if (mapcount >= 2)
			pss /= mapcount;
		smaps_page_accumulate(mss, page, PAGE_SIZE, pss, dirty, locked,
				      mapcount < 2);
	}
}

static void smaps_account(const struct kernel *k, struct mem_size_stats *mss,
			  const struct page *page, uint64_t nr, uint64_t entry,
			  bool locked)
{
	bool young = entry & PTE_A, dirty = entry & PTE_D;
	uint64_t size = nr * PAGE_SIZE;

	if (page->flags & PG_anon) {
		mss->anonymous += size;
		if (!(page->flags & (PG_swapbacked | PG_dirty)) && !dirty)
			mss->lazyfree += size;
	}
	mss->resident += size;
	if (young || (page->flags & PG_referenced))
		mss->referenced += size;
	smaps_share(k, mss, page, nr, dirty, locked);
}

static void smaps_swap_entry(struct kernel *k, uint64_t pte,
			     struct mem_size_stats *mss)
{
	unsigned mapcount = swap_count(k, pte_to_swp_entry(k, pte));
	uint64_t pss = PAGE_SIZE << PSS_SHIFT;

	mss->swap += PAGE_SIZE;
	mss->swap_pss += mapcount >= 2 ? pss / mapcount : pss;
}

static void smaps_pte_entry(struct kernel *k, const struct vm_area_struct *vma,
			    uint64_t pte, struct mem_size_stats *mss)
{
	const struct page *page;

	if (is_swap_pte(pte))
		smaps_swap_entry(k, pte, mss);
	if (!pte_present(pte))
		return;
	page = vm_normal_page(k, pte);
	if (page)
		smaps_account(k, mss, page, 1, pte, vma->vm_flags & VM_LOCKED);
}

/*
 * Pages of shared memory that are in swap: all of the area's where it shares
 * them, else those that it has not made its own (smaps_pte_hole_lookup).
 */
static void smaps_shmem_swap(struct kernel *k, const struct vm_area_struct *vma,
			     struct mem_size_stats *mss)
{
	const struct inode *inode = file_inode(vma->vm_file);
	bool all = (vma->vm_flags & (VM_SHARED | VM_WRITE)) != VM_WRITE;
	uint64_t entry;
	unsigned level;

	for (va_t va = vma->vm_start; va < vma->vm_end; va += PAGE_SIZE)
		if (shmem_swap_entry(inode, linear_page_index(vma, va)) &&
		    (all ||
		     !pt_leaf_any(k, mm_root(vma->vm_mm), va, &entry, &level)))
			mss->swap += PAGE_SIZE;
}

/* A large entry, of a transparent huge page or of hugetlb. */
static void smaps_pmd_entry(struct kernel *k, const struct vm_area_struct *vma,
			    uint64_t pmd, struct mem_size_stats *mss)
{
	const struct page *page = vm_normal_pmd_page(k, pmd);

	if (!page)
		return;
	if (vma->vm_flags & VM_HUGETLB) {
		*(page_mapcount(k, page) >= 2 ? &mss->shared_hugetlb
					      : &mss->private_hugetlb) +=
			hpage_size(k);
		return;
	}
	if (page->flags & PG_anon)
		mss->anonymous_thp += hpage_size(k);
	else if (page->flags & PG_swapbacked)
		mss->shmem_thp += hpage_size(k);
	else
		mss->file_thp += hpage_size(k);
	smaps_account(k, mss, page, hpage_nr(k), pmd,
		      vma->vm_flags & VM_LOCKED);
}

void smap_gather_stats(struct kernel *k, const struct vm_area_struct *vma,
		       struct mem_size_stats *mss)
{
	unsigned size = k->mode->entry_size;
	struct pte_range r;

	if (vma->vm_flags & VM_PFNMAP)
		return;
	if (vma->vm_file && file_inode(vma->vm_file)->nrswapped)
		smaps_shmem_swap(k, vma, mss);
	for (va_t va = vma->vm_start;
	     next_pmd_range(k, mm_root(vma->vm_mm), va, vma->vm_end, &r);
	     va = r.end) {
		if (r.huge) {
			smaps_pmd_entry(k, vma, ptep_get(k, r.ptep), mss);
			continue;
		}
		for (; r.va < r.end; r.va += PAGE_SIZE, r.ptep += size) {
			uint64_t pte = ptep_get(k, r.ptep);

			if (pte)
				smaps_pte_entry(k, vma, pte, mss);
		}
	}
}

/* --- pagemap ------------------------------------------------------------- */

const struct flag_name pagemap_flag_names[] = {
	{ PM_PRESENT, "present", NULL },
	{ PM_SWAP, "swap", NULL },
	{ PM_FILE, "file/shm", NULL },
	{ PM_MMAP_EXCLUSIVE, "exclusive", NULL },
	{ PM_SOFT_DIRTY, "softdirty", NULL },
	{ 0, NULL, NULL },
};

static uint64_t hole_to_pagemap_entry(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_SOFTDIRTY ? PM_SOFT_DIRTY : 0;
}

static uint64_t swap_to_pagemap_entry(const struct kernel *k, uint64_t pte)
{
	swp_entry_t e = pte_to_swp_entry(k, pte);

	return PM_SWAP | (pte_swp_soft_dirty(k, pte) ? PM_SOFT_DIRTY : 0) |
	       ((swp_type(k, e) | swp_offset(k, e) << MAX_SWAPFILES_SHIFT) &
		PM_PFRAME_MASK);
}

static uint64_t pte_to_pagemap_entry(const struct kernel *k,
				     const struct vm_area_struct *vma,
				     uint64_t pte)
{
	uint64_t pme = hole_to_pagemap_entry(vma);
	const struct page *page;

	if (is_swap_pte(pte))
		return pme | swap_to_pagemap_entry(k, pte);
	if (!pte_present(pte))
		return pme;
	pme |= PM_PRESENT | (pte_to_pfn(k, pte) & PM_PFRAME_MASK);
	if (k->arch->softdirty && (pte & _PAGE_SOFT_DIRTY))
		pme |= PM_SOFT_DIRTY;
	page = vm_normal_page(k, pte);
	if (page && !(page->flags & PG_anon))
		pme |= PM_FILE;
	if (page && page_mapcount(k, page) == 1)
		pme |= PM_MMAP_EXCLUSIVE;
	return pme;
}

/*
 * Pages of a large entry. Linux asks the head only, and says of hugetlb and of
 * the huge zero page that it is file or shared memory.
 */
static uint64_t pmd_to_pagemap_entry(const struct kernel *k,
				     const struct vm_area_struct *vma,
				     uint64_t pmd, va_t va)
{
	uint64_t first = (va & (hpage_size(k) - 1)) >> PAGE_SHIFT;
	uint64_t pme = hole_to_pagemap_entry(vma) | PM_PRESENT |
		       (pmd_to_pfn(k, pmd) + first);
	const struct page *page = vm_normal_pmd_page(k, pmd);

	if (k->arch->softdirty && (pmd & _PAGE_SOFT_DIRTY))
		pme |= PM_SOFT_DIRTY;
	if (!page || ((vma->vm_flags & VM_HUGETLB) && !(page->flags & PG_anon)))
		pme |= PM_FILE;
	if (page && page_mapcount(k, page) == 1)
		pme |= PM_MMAP_EXCLUSIVE;
	return pme;
}

/* => [va, end) is within @vma. */
static va_t pagemap_vma_run(struct kernel *k, const struct vm_area_struct *vma,
			    va_t va, va_t end, uint64_t *ret)
{
	unsigned size = k->mode->entry_size;
	uint64_t step = 0, next_frame, pme;
	struct pte_range r;

	*ret = hole_to_pagemap_entry(vma);
	if ((vma->vm_flags & VM_PFNMAP) ||
	    !next_pmd_range(k, mm_root(vma->vm_mm), va, end, &r))
		return end;
	if (r.va > va)
		return r.va;
	if (r.huge) {
		*ret = pmd_to_pagemap_entry(k, vma, ptep_get(k, r.ptep), va);
		return r.end;
	}
	*ret = pte_to_pagemap_entry(k, vma, ptep_get(k, r.ptep));
	next_frame = *ret & PM_SWAP	 ? BIT(MAX_SWAPFILES_SHIFT)
		     : *ret & PM_PRESENT ? 1
					 : 0;
	for (uint64_t n = 1; r.va + (n << PAGE_SHIFT) < r.end; n++) {
		pme = pte_to_pagemap_entry(k, vma,
					   ptep_get(k, r.ptep + n * size));
		if (n == 1)
			step = pme - *ret;
		if ((step && step != next_frame) || pme != *ret + n * step)
			return va + (n << PAGE_SHIFT);
	}
	return r.end;
}

va_t pagemap_run(struct kernel *k, const struct mm_struct *mm, va_t va,
		 va_t end, uint64_t *ret)
{
	const struct vm_area_struct *vma = find_vma(mm, va);

	if (vma && vma->vm_start <= va)
		return pagemap_vma_run(
			k, vma, va, vma->vm_end < end ? vma->vm_end : end, ret);
	*ret = 0;
	return vma && vma->vm_start < end ? vma->vm_start : end;
}

/* --- clear_refs ---------------------------------------------------------- */

/* From now on a write faults, which sets the bit again. */
static uint64_t clear_soft_dirty(const struct kernel *k, uint64_t pte)
{
	if (!k->arch->softdirty)
		return pte;
	if (!pte_present(pte))
		return pte & ~_PAGE_SWP_SOFT_DIRTY;
	return pte & ~(PTE_RW | _PAGE_SOFT_DIRTY);
}

static uint64_t clear_young(struct kernel *k, uint64_t pte)
{
	struct page *page = pte_present(pte) ? vm_normal_page(k, pte) : NULL;

	if (!page)
		return pte;
	page->flags &= ~PG_referenced;
	return pte & ~PTE_A;
}

static void clear_refs_pte_range(struct kernel *k, struct mm_struct *mm,
				 const struct pte_range *r, unsigned type)
{
	unsigned size = k->mode->entry_size;
	uint8_t *ptep = r->ptep;

	for (va_t va = r->va; va < r->end; va += PAGE_SIZE, ptep += size) {
		uint64_t old = ptep_get(k, ptep), pte;

		if (!old)
			continue;
		pte = type == CLEAR_REFS_SOFT_DIRTY ? clear_soft_dirty(k, old)
						    : clear_young(k, old);
		if (pte != old)
			set_pte_at(k, mm, va, ptep, pte, "clear_refs");
	}
}

/* The same bits of a large entry: large pages and small have them alike. */
static void clear_refs_pmd(struct kernel *k, struct mm_struct *mm,
			   const struct pte_range *r, unsigned type)
{
	uint64_t old = ptep_get(k, r->ptep), pmd = old;
	struct page *page = vm_normal_pmd_page(k, old);

	if (type == CLEAR_REFS_SOFT_DIRTY) {
		pmd = clear_soft_dirty(k, old);
	} else {
		pmd &= ~PTE_A;
		if (page)
			page->flags &= ~PG_referenced;
	}
	if (pmd != old)
		pt_set(k, mm->owner_pid, hpage_start(k, r->va), pmd_level(k),
		       ptep_pa(k, r->ptep), pmd, "clear_refs");
}

static bool clear_refs_skips(const struct vm_area_struct *vma, unsigned type)
{
	return (vma->vm_flags & VM_PFNMAP) ||
	       (type == CLEAR_REFS_ANON && vma->vm_file) ||
	       (type == CLEAR_REFS_MAPPED && !vma->vm_file);
}

static void clear_vma_softdirty(struct kernel *k, struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	for_each_vma (&mm->vmas, vma) {
		if (!(vma->vm_flags & VM_SOFTDIRTY))
			continue;
		vma->vm_flags &= ~VM_SOFTDIRTY;
		vma_set_page_prot(k, vma);
	}
}

/*
 * Only clearing soft-dirty bits flushes TLBs: a page whose translation a CPU
 * still has is not seen to be referenced again, as on the real thing.
 */
int clear_refs_write(struct kernel *k, struct mm_struct *mm, unsigned type)
{
	struct vm_area_struct *vma;
	struct pte_range r;

	if (type < CLEAR_REFS_ALL || type >= CLEAR_REFS_LAST)
		return -EINVAL;
	if (type == CLEAR_REFS_MM_HIWATER_RSS) {
		mm->hiwater_rss = get_mm_rss(mm);
		return 0;
	}
	if (type == CLEAR_REFS_SOFT_DIRTY)
		clear_vma_softdirty(k, mm);
	for_each_vma (&mm->vmas, vma) {
		if (clear_refs_skips(vma, type))
			continue;
		for (va_t va = vma->vm_start;
		     next_pmd_range(k, mm_root(mm), va, vma->vm_end, &r);
		     va = r.end)
			(r.huge ? clear_refs_pmd
				: clear_refs_pte_range)(k, mm, &r, type);
	}
	if (type == CLEAR_REFS_SOFT_DIRTY)
		flush_tlb_mm(k, mm_root(mm));
	return 0;
}

/* --- status, statm ------------------------------------------------------- */

void task_mem(const struct kernel *k, const struct mm_struct *mm,
	      struct task_mem *ret)
{
	struct task_mem t = {
		.anon = mm->rss[MM_ANONPAGES],
		.file = mm->rss[MM_FILEPAGES],
		.shmem = mm->rss[MM_SHMEMPAGES],
		.total_rss = get_mm_rss(mm),
		.hiwater_rss = mm->hiwater_rss,
		.total_vm = mm->total_vm,
		.hiwater_vm = mm->hiwater_vm,
		.locked_vm = mm->locked_vm,
		.data_vm = mm->data_vm,
		.stack_vm = mm->stack_vm,
		.exec_vm = mm->exec_vm,
		.swap = mm->rss[MM_SWAPENTS],
		.hugetlb = mm->hugetlb_usage,
		.pte = (mm->pgtables - (1U << pgd_order(k))) << PAGE_SHIFT,
	};

	if (t.hiwater_vm < t.total_vm)
		t.hiwater_vm = t.total_vm;
	if (t.hiwater_rss < t.total_rss)
		t.hiwater_rss = t.total_rss;
	t.text = (PAGE_ALIGN(mm->end_code) - (mm->start_code & PAGE_MASK)) >>
		 PAGE_SHIFT;
	t.exe = t.text < t.exec_vm ? t.text : t.exec_vm;
	t.lib = t.exec_vm - t.exe;
	*ret = t;
}

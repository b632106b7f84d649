/*
 * swap_pte.c - entries of page tables whose page is in swap: faults, fork,
 * munmap, swapoff (linux 6.1 mm/memory.c: do_swap_page, copy_nonpresent_pte;
 * mm/swapfile.c: unuse_mm; mm/madvise.c: swapin_walk_pmd_entry).
 *
 *	in the swap cache ------------------ minor fault
 *	else: read, and some around it ----- major fault
 *	    write, nobody else has it ------ the slot is freed, the page is
 *dirty write, others have it ---------- do_wp_page copies it read
 *--------------------------- the slot is kept: if the page stays clean, it need
 *not be written again
 *
 * Left out: locks, KSM, devices that are read without the cache (zram, pmem),
 * migration and device entries.
 */
#include <errno.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

bool swap_pte_ok(const struct kernel *k, uint64_t pte)
{
	return is_swap_pte(pte) && swap_count(k, pte_to_swp_entry(k, pte));
}

bool swap_pte_cached(const struct kernel *k, uint64_t pte)
{
	return is_swap_pte(pte) &&
	       swap_cache_lookup(k, pte_to_swp_entry(k, pte)) != PFN_NONE;
}

/* --- faults --------------------------------------------------------------- */

/* => the caller has a reference, the entry has been counted off. */
static bool should_try_to_free_swap(const struct kernel *k,
				    const struct page *page,
				    const struct vm_fault *vmf)
{
	if (!(page->flags & PG_swapcache))
		return false;
	if (vm_swap_full(k) || (vmf->vma->vm_flags & VM_LOCKED) ||
	    (page->flags & PG_unevictable))
		return true;
	return (vmf->flags & FAULT_FLAG_WRITE) && page->_refcount == 2;
}

/* The entry of a page that comes back. Writable: a write that need not copy. */
static uint64_t swapin_pte(struct vm_fault *vmf, pfn_t pfn, bool writable)
{
	struct kernel *k = vmf->k;
	uint64_t pte = pfn_pte(k, pfn, vmf->vma->vm_page_prot);

	if (writable)
		pte = maybe_mkwrite(vmf->vma, pte_mkdirty(k, pte));
	if (pte_swp_soft_dirty(k, vmf->orig_pte))
		pte |= _PAGE_SOFT_DIRTY;
	return pte;
}

/* Maps @pfn, whose reference becomes the entry's. May leave a write to do. */
static void map_swapped_page(struct vm_fault *vmf, pfn_t pfn, swp_entry_t e)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	bool exclusive = pte_swp_exclusive(vmf->k, vmf->orig_pte);
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	struct page *page = pfn_to_page(k, pfn);

	swap_free(k, e);
	if (should_try_to_free_swap(k, page, vmf))
		try_to_free_swap(k, pfn);
	vma->vm_mm->rss[MM_ANONPAGES]++;
	vma->vm_mm->rss[MM_SWAPENTS]--;
	exclusive |= page->_refcount == 1;
	if (exclusive)
		vmf->flags &= ~FAULT_FLAG_WRITE;
	vmf->orig_pte = swapin_pte(vmf, pfn, exclusive && write);
	page_add_swapin_rmap(k, pfn, vma, vmf->address, exclusive);
	set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, vmf->orig_pte,
		   "swap in");
}

unsigned do_swap_page(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	swp_entry_t e = pte_to_swp_entry(k, vmf->orig_pte);
	unsigned ret = 0;
	pfn_t pfn;

	if (!swap_pte_ok(k, vmf->orig_pte) || !vma->anon_vma)
		return VM_FAULT_SIGBUS; /* poked: no entry of ours */
	pfn = lookup_swap_cache(k, e, vma, vmf->address);
	if (pfn == PFN_NONE) {
		pfn = swapin_readahead(k, e, vma, vmf->address);
		if (pfn == PFN_NONE)
			return VM_FAULT_OOM;
		ret = VM_FAULT_MAJOR;
	} else {
		get_page(k, pfn);
	}
	map_swapped_page(vmf, pfn, e);
	kevent(k, .kind = KEV_HANDLER, .func = "do_swap_page",
	       .note = ret ? "read from swap" : "found in the swap cache",
	       .pid = vma->vm_mm->owner_pid, .va = vmf->address,
	       .end = vmf->address + PAGE_SIZE, .pfn = pfn);
	if (vmf->flags & FAULT_FLAG_WRITE)
		ret |= do_wp_page(vmf);
	return ret;
}

/* --- fork, munmap ----------------------------------------------------------
 */

/* Parent and child share the slot: neither may write the page in place. */
uint64_t copy_swap_pte(struct kernel *k, struct mm_struct *mm, va_t va,
		       uint8_t *src)
{
	uint64_t pte = ptep_get(k, src), shared;

	if (swap_duplicate(k, pte_to_swp_entry(k, pte)))
		return 0;
	shared = pte_swp_clear_exclusive(k, pte);
	if (shared != pte)
		set_pte_at(k, mm, va, src, shared, "fork");
	return shared;
}

void zap_swap_pte(struct kernel *k, struct mm_struct *mm, uint64_t pte)
{
	if (!swap_pte_ok(k, pte))
		return;
	mm->rss[MM_SWAPENTS]--;
	free_swap_and_cache(k, pte_to_swp_entry(k, pte));
}

/* --- swapoff ---------------------------------------------------------------
 */

static int unuse_pte(struct kernel *k, struct vm_area_struct *vma, va_t va,
		     uint8_t *ptep, uint64_t old)
{
	swp_entry_t e = pte_to_swp_entry(k, old);
	pfn_t pfn = lookup_swap_cache(k, e, vma, va);
	uint64_t pte;

	if (pfn != PFN_NONE)
		get_page(k, pfn);
	else
		pfn = swapin_readahead(k, e, vma, va);
	if (pfn == PFN_NONE)
		return -ENOMEM;
	vma->vm_mm->rss[MM_SWAPENTS]--;
	vma->vm_mm->rss[MM_ANONPAGES]++;
	page_add_swapin_rmap(k, pfn, vma, va, pte_swp_exclusive(k, old));
	pte = pfn_pte(k, pfn, vma->vm_page_prot) & ~PTE_A;
	if (pte_swp_soft_dirty(k, old))
		pte |= _PAGE_SOFT_DIRTY;
	set_pte_at(k, vma->vm_mm, va, ptep, pte, "swapoff");
	swap_free(k, e);
	try_to_free_swap(k, pfn);
	return 0;
}

static int unuse_range(struct kernel *k, struct vm_area_struct *vma,
		       const struct pte_range *r,
		       const struct swap_info_struct *si)
{
	unsigned size = k->mode->entry_size, nr = 0;
	uint8_t *ptep = r->ptep;
	int err = 0;

	for (va_t va = r->va; va < r->end && !err;
	     va += PAGE_SIZE, ptep += size) {
		uint64_t pte = ptep_get(k, ptep);

		if (!swap_pte_ok(k, pte) ||
		    swp_type(k, pte_to_swp_entry(k, pte)) != si->type)
			continue;
		err = unuse_pte(k, vma, va, ptep, pte);
		nr += !err;
	}
	if (nr)
		kevent(k, .kind = KEV_HANDLER, .func = "unuse_mm",
		       .note = "mapped again", .n = nr, .va = vma->vm_start,
		       .end = vma->vm_end, .pid = vma->vm_mm->owner_pid);
	return err;
}

static int unuse_mm(struct kernel *k, struct mm_struct *mm,
		    const struct swap_info_struct *si)
{
	struct vm_area_struct *vma;
	struct pte_range r;
	int err = 0;

	for_each_vma (&mm->vmas, vma)
		for (va_t va = vma->vm_start;
		     !err && vma->anon_vma &&
		     next_pte_range(k, mm_root(mm), va, vma->vm_end, &r);
		     va = r.end)
			err = unuse_range(k, vma, &r, si);
	return err;
}

int try_to_unuse_mms(struct kernel *k, const struct swap_info_struct *si)
{
	struct task_struct *t;
	int err = 0;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm && t->mm->rss[MM_SWAPENTS] && !err)
			err = unuse_mm(k, t->mm, si);
	return err;
}

/* --- MADV_WILLNEED ---------------------------------------------------------
 */

void force_swapin_readahead(struct kernel *k, struct vm_area_struct *vma,
			    va_t start, va_t end)
{
	struct pte_range r;

	for (va_t va = start;
	     next_pte_range(k, mm_root(vma->vm_mm), va, end, &r); va = r.end)
		for (; r.va < r.end;
		     r.va += PAGE_SIZE, r.ptep += k->mode->entry_size) {
			uint64_t pte = ptep_get(k, r.ptep);
			pfn_t pfn;

			if (!swap_pte_ok(k, pte))
				continue;
			pfn = read_swap_cache_async(k,
						    pte_to_swp_entry(k, pte));
			if (pfn != PFN_NONE)
				put_page(k, pfn);
		}
	lru_add_drain(k);
}

/*
 * memory.c - what happens in a page fault to the entries of a page table (linux
 * 6.1 mm/memory.c; for munmap see memory_zap.c, for fork memory_fork.c).
 *
 * The cases of a fault, as handle_pte_fault() tells them apart:
 *
 *	no entry ----- anonymous ---- read --- do_anonymous_page: zero page
 *	    |               +-------- write -- do_anonymous_page: zeroed frame
 *	    +--------- file --------- read --- do_read_fault: cached pages
 *	                    |                  around it, or ->fault
 *	                    +- private write - do_cow_fault: copy of the page
 *	                    +- shared write -- do_shared_fault: page itself
 *	entry of a page in swap -------------- do_swap_page (swap_pte.c)
 *	entry, write to a read-only page ----- do_wp_page
 *	    |  shared ----------------------- wp_page_shared: now writable
 *	    |  private, sole owner ---------- wp_page_reuse:  now writable
 *	    +- private, others or file ------ wp_page_copy:   copy-on-write
 *	entry, rights suffice ---------------- spurious (a stale TLB entry)
 *
 * Large entries are huge_memory.c's, areas of hugetlb hugetlb.c's.
 *
 * Left out: locks and retries, NUMA hinting, userfaultfd,
 * memcg, migration, KSM, page-table sharing, mmu notifiers.
 */
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* --- faults --------------------------------------------------------------- */

/* What was done, once it is: after the PTE was written. */
static void report(const struct vm_fault *vmf, const char *func,
		   const char *note, pfn_t old, pfn_t pfn, unsigned mappers)
{
	kevent(vmf->k, .kind = KEV_HANDLER, .func = func, .note = note,
	       .pid = vmf->vma->vm_mm->owner_pid, .va = vmf->address,
	       .end = vmf->address + PAGE_SIZE, .old_pfn = old, .pfn = pfn,
	       .n = mappers);
}

/* Anonymous memory, first touch. */
static unsigned do_anonymous_page(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	uint64_t pte;
	pfn_t pfn;

	if (!(vmf->flags & FAULT_FLAG_WRITE)) {
		pte = pfn_pte(k, k->zero_pfn, vma->vm_page_prot) | _PAGE_SPECIAL;
		set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, pte, "zero");
		report(vmf, "do_anonymous_page", "zero page", 0, k->zero_pfn, 0);
		return 0;
	}
	if (anon_vma_prepare(k, vma))
		return VM_FAULT_OOM;
	pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE | __GFP_ZERO, 0, "anon");
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	pte = pfn_pte(k, pfn, vma->vm_page_prot);
	if (vma->vm_flags & VM_WRITE)
		pte = pte_mkdirty(k, pte) | PTE_RW;
	vma->vm_mm->rss[MM_ANONPAGES]++;
	page_add_anon_rmap(k, pfn, vma, vmf->address);
	folio_add_lru(k, pfn);
	set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, pte, "anon");
	report(vmf, "do_anonymous_page", "zeroed frame", 0, pfn, 0);
	return 0;
}

static bool fault_failed(unsigned ret)
{
	return ret & (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV);
}

void do_set_pte(struct vm_fault *vmf, pfn_t pfn, va_t va, uint8_t *ptep)
{
	struct vm_area_struct *vma = vmf->vma;
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	uint64_t pte = pfn_pte(vmf->k, pfn, vma->vm_page_prot);

	if (write)
		pte = maybe_mkwrite(vma, pte_mkdirty(vmf->k, pte));
	if (write && !(vma->vm_flags & VM_SHARED)) {
		vma->vm_mm->rss[MM_ANONPAGES]++;
		page_add_anon_rmap(vmf->k, pfn, vma, va);
		folio_add_lru(vmf->k, pfn);
	} else {
		vma->vm_mm->rss[mm_counter(pfn_to_page(vmf->k, pfn))]++;
		page_add_file_rmap(vmf->k, pfn, vma);
	}
	set_pte_at(vmf->k, vma->vm_mm, va, ptep, pte, "fault");
}

/*
 * Maps what the cache has near the address: a window of 16 pages from an
 * aligned virtual address, cut off by the area and the page table.
 */
static unsigned do_fault_around(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	va_t from = ALIGN_DOWN(vmf->address,
			       (va_t)FAULT_AROUND_PAGES << PAGE_SHIFT);
	unsigned shift = vmf->k->mode->level[vmf->k->pte_level - 1].shift;
	va_t end = ((vmf->address >> shift) + 1) << shift;

	if (from < vma->vm_start)
		from = vma->vm_start;
	if (end > vma->vm_end)
		end = vma->vm_end;
	if (end > from + (FAULT_AROUND_PAGES << PAGE_SHIFT))
		end = from + (FAULT_AROUND_PAGES << PAGE_SHIFT);
	return vma->vm_ops->map_pages(vmf, linear_page_index(vma, from),
				      linear_page_index(vma, end));
}

/* A frame without a struct page behind it that counts: [vvar]. */
static unsigned insert_pfn(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned ret = vmf->vma->vm_ops->fault(vmf);

	if (fault_failed(ret))
		return ret;
	set_pte_at(vmf->k, vma->vm_mm, vmf->address, vmf->pte,
		   pfn_pte(vmf->k, vmf->page, vma->vm_page_prot) |
			   _PAGE_SPECIAL, "pfn");
	put_page(vmf->k, vmf->page);
	return ret | VM_FAULT_NOPAGE;
}

/*
 * What is cached is mapped around the address. If the page had to be read,
 * the attempt is repeated as Linux does after it waited for the disk, so
 * that its readahead is mapped too.
 */
static unsigned do_read_fault(struct vm_fault *vmf)
{
	bool around = vmf->vma->vm_ops->map_pages;
	unsigned ret;

	if (vmf->vma->vm_flags & VM_PFNMAP)
		return insert_pfn(vmf);
	if (around && do_fault_around(vmf)) {
		report(vmf, "do_read_fault", "page cache hit", 0,
		       pte_to_pfn(vmf->k, ptep_get(vmf->k, vmf->pte)), 0);
		return VM_FAULT_NOPAGE;
	}
	ret = vmf->vma->vm_ops->fault(vmf);
	if (fault_failed(ret))
		return ret;
	if (around && (ret & VM_FAULT_MAJOR) && do_fault_around(vmf))
		put_page(vmf->k, vmf->page);
	else
		do_set_pte(vmf, vmf->page, vmf->address, vmf->pte);
	report(vmf, "do_read_fault", vmf->note, 0, vmf->page, 0);
	return ret;
}

static unsigned do_cow_fault(struct vm_fault *vmf)
{
	struct kernel *k = vmf->k;
	unsigned ret;

	if (anon_vma_prepare(k, vmf->vma))
		return VM_FAULT_OOM;
	vmf->cow_page = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "cow");
	if (vmf->cow_page == PFN_NONE)
		return VM_FAULT_OOM;
	ret = vmf->vma->vm_ops->fault(vmf);
	if (fault_failed(ret)) {
		put_page(k, vmf->cow_page);
		return ret;
	}
	memcpy(page_bytes(k, vmf->cow_page), page_bytes(k, vmf->page),
	       PAGE_SIZE);
	do_set_pte(vmf, vmf->cow_page, vmf->address, vmf->pte);
	report(vmf, "do_cow_fault", "private copy of the file's page",
	       vmf->page, vmf->cow_page, 0);
	put_page(k, vmf->page);
	return ret;
}

static unsigned do_page_mkwrite(struct vm_fault *vmf, pfn_t pfn)
{
	const struct vm_operations_struct *ops = vmf->vma->vm_ops;

	if (ops && ops->page_mkwrite)
		return ops->page_mkwrite(vmf->k, pfn);
	return 0;
}

static unsigned do_shared_fault(struct vm_fault *vmf)
{
	unsigned ret = vmf->vma->vm_ops->fault(vmf);

	if (fault_failed(ret))
		return ret;
	ret |= do_page_mkwrite(vmf, vmf->page);
	if (fault_failed(ret)) {
		put_page(vmf->k, vmf->page);
		return ret;
	}
	do_set_pte(vmf, vmf->page, vmf->address, vmf->pte);
	report(vmf, "do_shared_fault", vmf->note, 0, vmf->page, 0);
	pfn_to_page(vmf->k, vmf->page)->flags |= PG_dirty;
	return ret;
}

static unsigned do_fault(struct vm_fault *vmf)
{
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return do_read_fault(vmf);
	if (!(vmf->vma->vm_flags & VM_SHARED))
		return do_cow_fault(vmf);
	return do_shared_fault(vmf);
}

/* --- copy-on-write -------------------------------------------------------- */

static void wp_page_reuse(struct vm_fault *vmf, const char *note)
{
	struct kernel *k = vmf->k;
	uint64_t pte = pte_mkdirty(k, vmf->orig_pte) | PTE_A;

	k->vmstat.pgreuse++;
	set_pte_at(k, vmf->vma->vm_mm, vmf->address, vmf->pte,
		   maybe_mkwrite(vmf->vma, pte), "wp_page_reuse");
	report(vmf, "do_wp_page", note, pte_to_pfn(k, pte), pte_to_pfn(k, pte),
	       1);
}

/* The frame for a copy, filled: of the zero page it is a zeroed one. */
static pfn_t copy_frame(struct vm_fault *vmf, pfn_t old)
{
	struct kernel *k = vmf->k;
	bool zero = old == k->zero_pfn;
	unsigned gfp = GFP_HIGHUSER_MOVABLE | (zero ? __GFP_ZERO : 0);
	pfn_t new = alloc_pages(k, gfp, 0, "cow");

	if (new != PFN_NONE && !zero && pfn_valid(k, old))
		memcpy(page_bytes(k, new), page_bytes(k, old), PAGE_SIZE);
	return new;
}

static unsigned wp_page_copy(struct vm_fault *vmf, struct page *page)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	pfn_t old = pte_to_pfn(k, vmf->orig_pte), new;
	uint64_t pte;

	if (anon_vma_prepare(k, vma))
		return VM_FAULT_OOM;
	/* Compaction may have moved the page meanwhile: fault again. */
	if (ptep_get(k, vmf->pte) != vmf->orig_pte)
		return 0;
	new = copy_frame(vmf, old);
	if (new == PFN_NONE)
		return VM_FAULT_OOM;
	pte = maybe_mkwrite(vma, pte_mkdirty(k, pfn_pte(k, new,
							vma->vm_page_prot)));
	if (page)
		vma->vm_mm->rss[mm_counter(page)]--;
	vma->vm_mm->rss[MM_ANONPAGES]++;
	page_add_anon_rmap(k, new, vma, vmf->address);
	folio_add_lru(k, new);
	set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, pte, "wp_page_copy");
	report(vmf, "do_wp_page", page ? "copied" : "zero page replaced", old,
	       new, page ? page->_mapcount : 0);
	flush_tlb_page(k, mm_root(vma->vm_mm), vmf->address);
	if (page) {
		page_remove_rmap(k, old, vma);
		free_swap_cache(k, old);
		put_page(k, old);
	}
	return 0;
}

static unsigned wp_page_shared(struct vm_fault *vmf, struct page *page)
{
	unsigned ret = do_page_mkwrite(vmf, page_to_pfn(vmf->k, page));

	if (fault_failed(ret))
		return ret;
	page->flags |= PG_dirty;
	wp_page_reuse(vmf, "shared, made writable");
	return 0;
}

/* Has nobody else the page? It loses its slot in swap, if that is why not. */
static bool sole_owner(struct kernel *k, struct page *page)
{
	if (page_count(k, page) > 1 + !!(page->flags & PG_swapcache))
		return false;
	if (page->flags & PG_swapcache)
		try_to_free_swap(k, page_to_pfn(k, page));
	return page_count(k, page) == 1;
}

/*
 * A write to a present read-only page. An anonymous page that is known to be
 * exclusive, or to which no other reference exists, is reused.
 */
unsigned do_wp_page(struct vm_fault *vmf)
{
	struct page *page = vm_normal_page(vmf->k, vmf->orig_pte);

	if (vmf->vma->vm_flags & VM_SHARED) {
		if (page)
			return wp_page_shared(vmf, page);
		wp_page_reuse(vmf, "shared frame, made writable");
		return 0;
	}
	if (page && (page->flags & PG_anon)) {
		if (page->flags & PG_anon_exclusive) {
			wp_page_reuse(vmf, "reused, exclusive");
			return 0;
		}
		if (sole_owner(vmf->k, page)) {
			page_move_anon_rmap(vmf->k, page_to_pfn(vmf->k, page),
					    vmf->vma);
			wp_page_reuse(vmf, "reused, sole owner");
			return 0;
		}
	}
	return wp_page_copy(vmf, page);
}

static unsigned handle_pte_fault(struct vm_fault *vmf)
{
	uint64_t pte = vmf->orig_pte;

	if (!pte && !vmf->vma->vm_ops)
		return do_anonymous_page(vmf);
	if (!pte)
		return do_fault(vmf);
	if (!pte_present(pte))
		return do_swap_page(vmf);
	if ((vmf->flags & FAULT_FLAG_WRITE) && !(pte & PTE_RW))
		return do_wp_page(vmf);
	if (vmf->flags & FAULT_FLAG_WRITE)
		pte = pte_mkdirty(vmf->k, pte);
	pte |= PTE_A;
	if (pte != vmf->orig_pte)
		set_pte_at(vmf->k, vmf->vma->vm_mm, vmf->address, vmf->pte, pte,
			   "young");
	report(vmf, "handle_pte_fault", "spurious", 0, pte_to_pfn(vmf->k, pte),
	       0);
	flush_tlb_page(vmf->k, mm_root(vmf->vma->vm_mm), vmf->address);
	return 0;
}

/* Only a fault that was served counts. */
static void mm_account_fault(struct kernel *k, struct task_struct *task,
			     unsigned ret)
{
	k->vmstat.pgfault++;
	if (fault_failed(ret))
		return;
	if (ret & VM_FAULT_MAJOR)
		k->vmstat.pgmajfault++;
	if (!task)
		return;
	if (ret & VM_FAULT_MAJOR)
		task->maj_flt++;
	else
		task->min_flt++;
}

/* The thread that runs; else, for a remote access, the owner. */
static struct task_struct *faulting_task(const struct kernel *k,
					 const struct mm_struct *mm)
{
	struct task_struct *task = k->current[k->this_cpu];

	return task && task->mm == mm ? task : mm->owner;
}

/* The large entry in the way, or no memory for tables. */
static __attribute__((noinline)) unsigned no_table(struct vm_fault *vmf)
{
	struct kernel *k = vmf->k;
	unsigned ret = VM_FAULT_OOM;
	pa_t pmdp;

	if (huge_pmd_at(k, vmf->vma->vm_mm, vmf->address, &pmdp))
		ret = huge_pmd_fault(vmf);
	if (!(ret & VM_FAULT_FALLBACK))
		return ret;
	vmf->pte = pte_alloc_map(k, vmf->vma->vm_mm, vmf->address);
	return vmf->pte ? VM_FAULT_FALLBACK : VM_FAULT_OOM;
}

static unsigned pte_fault(struct vm_fault *vmf)
{
	unsigned ret;

	vmf->pte = pte_alloc_map(vmf->k, vmf->vma->vm_mm, vmf->address);
	if (!vmf->pte) {
		ret = no_table(vmf);
		if (!(ret & VM_FAULT_FALLBACK))
			return ret;
	}
	vmf->orig_pte = ptep_get(vmf->k, vmf->pte);
	return handle_pte_fault(vmf);
}

unsigned handle_mm_fault(struct kernel *k, struct vm_area_struct *vma, va_t va,
			 unsigned flags)
{
	struct vm_fault vmf = {
		.k = k, .vma = vma, .address = va & PAGE_MASK, .flags = flags,
		.pgoff = linear_page_index(vma, va & PAGE_MASK),
		.page = PFN_NONE, .cow_page = PFN_NONE,
	};
	unsigned ret = VM_FAULT_FALLBACK;

	if (__builtin_expect(is_vm_hugetlb_page(vma), 0))
		ret = hugetlb_fault(&vmf);
	else if (__builtin_expect(vma_wants_huge(k, vma), 0))
		ret = huge_pmd_fault(&vmf);
	if (ret & VM_FAULT_FALLBACK)
		ret = pte_fault(&vmf);
	mm_account_fault(k, faulting_task(k, vma->vm_mm), ret);
	return ret;
}

/*
 * gup.c - get_user_pages: pages of an address space without its CPU (linux
 * 6.1 mm/gup.c; mm/memory.c: __access_remote_vm).
 *
 *	the area must allow it ------- check_vma_flags
 *	an entry that suffices ------- its frame
 *	else ------------------------- handle_mm_fault, and look again
 *
 * FOLL_FORCE writes to a private read-only area by breaking copy-on-write as
 * a write fault would, without making the entry writable: the page is then
 * exclusive, and may be followed.
 *
 * Left out: locks and retries, fast GUP, pinning as a count of its own (a
 * reference stands for it), FOLL_LONGTERM, FOLL_ANON, dumps.
 */
#include <errno.h>
#include <string.h>

#include "kernel/gup.h"
#include "kernel/huge_mm.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"

static bool is_cow_mapping(unsigned long flags)
{
	return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

int check_vma_flags(const struct vm_area_struct *vma, unsigned flags)
{
	unsigned long vm_flags = vma->vm_flags;

	if (vm_flags & (VM_IO | VM_PFNMAP))
		return -EFAULT;
	if (flags & FOLL_WRITE) {
		if (!(vm_flags & VM_WRITE) &&
		    (!(flags & FOLL_FORCE) || !is_cow_mapping(vm_flags)))
			return -EFAULT;
	} else if (!(vm_flags & VM_READ) &&
		   (!(flags & FOLL_FORCE) || !(vm_flags & VM_MAYREAD))) {
		return -EFAULT;
	}
	if (!(flags & FOLL_REMOTE) &&
	    !arch_vma_access_permitted(vma, flags & FOLL_WRITE, false))
		return -EFAULT;
	return 0;
}

/* May a page be written through an entry that is not writable? */
static bool force_write(const struct kernel *k,
			const struct vm_area_struct *vma, uint64_t pte,
			bool huge, unsigned flags)
{
	const struct page *page = huge ? vm_normal_pmd_page(k, pte) :
					 vm_normal_page(k, pte);

	if (!(flags & FOLL_FORCE) ||
	    (vma->vm_flags & (VM_MAYSHARE | VM_SHARED | VM_WRITE)) ||
	    !(vma->vm_flags & VM_MAYWRITE))
		return false;
	return page && (page->flags & PG_anon) &&
	       (page->flags & PG_anon_exclusive);
}

/* FOLL_TOUCH: the page is used as by an access of the process. */
static void touch_page(struct kernel *k, uint64_t pte, unsigned flags)
{
	struct page *page = vm_normal_page(k, pte);

	if (!(flags & FOLL_TOUCH) || !page)
		return;
	if ((flags & FOLL_WRITE) && !(pte & PTE_D))
		page->flags |= PG_dirty;
	mark_page_accessed(k, page_to_pfn(k, page));
}

/* The entry of @va and the frame behind it; false: nothing that suffices. */
static bool follow_page(struct kernel *k, const struct vm_area_struct *vma,
			va_t va, unsigned flags, pfn_t *ret)
{
	pa_t root = mm_root(vma->vm_mm);
	unsigned level = k->pte_level;
	struct pte_range r;
	uint64_t pte = 0;

	if (next_pte_range(k, root, va, va + PAGE_SIZE, &r))
		pte = ptep_get(k, r.ptep);
	else if (!pt_leaf(k, root, va, &pte, &level))
		return false;
	if (!pte_present(pte))
		return false;
	if ((flags & FOLL_WRITE) && !(pte & PTE_RW) &&
	    !force_write(k, vma, pte, level != k->pte_level, flags))
		return false;
	touch_page(k, pte, flags);
	*ret = pte_to_pfn(k, pte) +
	       ((va & (BIT(k->mode->level[level].shift) - 1)) >> PAGE_SHIFT);
	return *ret < k->max_pfn;
}

static int vm_fault_to_errno(unsigned ret)
{
	if (ret & VM_FAULT_OOM)
		return -ENOMEM;
	return ret & (VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV) ? -EFAULT : 0;
}

/*
 * One page. A write may take two faults (a page to read, then its copy);
 * more means that somebody has poked the tables.
 */
static int get_page_of(struct kernel *k, struct vm_area_struct *vma, va_t va,
		       unsigned flags, pfn_t *ret)
{
	unsigned fault =
		FAULT_FLAG_USER | (flags & FOLL_WRITE ? FAULT_FLAG_WRITE : 0);

	for (int try = 0; try < 4; try++) {
		int err;

		if (follow_page(k, vma, va, flags, ret))
			return 0;
		err = vm_fault_to_errno(handle_mm_fault(k, vma, va, fault));
		if (err)
			return err;
	}
	return -EFAULT;
}

int64_t get_user_pages(struct kernel *k, struct mm_struct *mm, va_t start,
		       uint64_t nr, unsigned flags, pfn_t *pages)
{
	struct vm_area_struct *vma = NULL;
	va_t va = start & PAGE_MASK;
	uint64_t i;
	int err = 0;

	for (i = 0; i < nr; i++, va += PAGE_SIZE) {
		pfn_t pfn;

		if (!vma || va >= vma->vm_end) {
			vma = find_vma(mm, va);
			if (!vma || vma->vm_start > va)
				err = -EFAULT;
			else
				err = check_vma_flags(vma, flags);
		}
		if (!err)
			err = get_page_of(k, vma, va, flags, &pfn);
		if (err)
			break;
		if ((flags & FOLL_GET) && pfn != k->zero_pfn)
			get_page(k, pfn);
		if (pages)
			pages[i] = pfn;
	}
	return i || !err ? (int64_t)i : err;
}

void put_user_page(struct kernel *k, pfn_t pfn, bool dirty)
{
	if (pfn == k->zero_pfn)
		return;
	if (dirty)
		pfn_to_page(k, pfn)->flags |= PG_dirty;
	put_page(k, pfn);
}

/* --- populate ------------------------------------------------------------- */

int64_t populate_vma_page_range(struct kernel *k, struct vm_area_struct *vma,
				va_t start, va_t end)
{
	uint64_t nr = (end - start) >> PAGE_SHIFT;
	unsigned flags = FOLL_TOUCH;

	if (vma->vm_flags & VM_LOCKONFAULT)
		return nr;
	/* Shared pages have no copy to break, and need not become dirty. */
	if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		flags |= FOLL_WRITE;
	if (vma_is_accessible(vma)) /* any right but none is enough */
		flags |= FOLL_FORCE;
	return get_user_pages(k, vma->vm_mm, start, nr, flags, NULL);
}

int mm_populate_range(struct kernel *k, struct mm_struct *mm, va_t start,
		      uint64_t len, bool ignore_errors)
{
	va_t end = start + len, stop;

	for (va_t va = start; va < end; va = stop) {
		struct vm_area_struct *vma = find_vma(mm, va);
		int64_t n;

		if (!vma || vma->vm_start >= end)
			return 0;
		stop = vma->vm_end < end ? vma->vm_end : end;
		if (vma->vm_flags & (VM_IO | VM_PFNMAP))
			continue;
		if (va < vma->vm_start)
			va = vma->vm_start;
		n = populate_vma_page_range(k, vma, va, stop);
		if (n < 0 && !ignore_errors)
			return n;
		if (n >= 0)
			stop = va + ((va_t)n << PAGE_SHIFT);
	}
	return 0;
}

void mm_populate(struct kernel *k, struct mm_struct *mm, va_t start,
		 uint64_t len)
{
	mm_populate_range(k, mm, start, len, true);
}

/* --- copies --------------------------------------------------------------- */

/* A copy by the process' own kernel half: its CPU sets A and D. */
static void cpu_touches(struct kernel *k, const struct mm_struct *mm, va_t va,
			bool write)
{
	uint64_t pte, bits = write ? PTE_A | PTE_D : PTE_A;
	unsigned level;
	pa_t pa = pt_leaf(k, mm_root(mm), va, &pte, &level);

	if (pa && (pte & PTE_P) && (pte & bits) != bits)
		pt_set_raw(k, pa, pte | bits);
}

/* Part of one page. */
static int access_page(struct kernel *k, struct mm_struct *mm, va_t va,
		       char *buf, uint64_t len, unsigned flags)
{
	int64_t n;
	char *host;
	pfn_t pfn;

	if (va >= mm->task_size || !find_extend_vma(k, mm, va))
		return -EFAULT;
	n = get_user_pages(k, mm, va, 1, flags, &pfn);
	if (n < 0)
		return n;
	host = (char *)page_bytes(k, pfn) + (va & ~PAGE_MASK);
	if (flags & FOLL_WRITE)
		memcpy(host, buf, len);
	else
		memcpy(buf, host, len);
	if (!(flags & FOLL_REMOTE))
		cpu_touches(k, mm, va, flags & FOLL_WRITE);
	else if (flags & FOLL_WRITE)
		pfn_to_page(k, pfn)->flags |= PG_dirty;
	return 0;
}

uint64_t access_process_vm(struct kernel *k, struct mm_struct *mm, va_t va,
			   void *buf, uint64_t len, unsigned flags, int *err)
{
	uint64_t done = 0;

	*err = 0;
	while (done < len) {
		uint64_t n = PAGE_SIZE - ((va + done) & ~PAGE_MASK);

		if (n > len - done)
			n = len - done;
		*err = access_page(k, mm, va + done, (char *)buf + done, n,
				   flags);
		if (*err)
			break;
		done += n;
	}
	return done;
}

/*
 * mlock.c - areas whose pages stay in RAM (linux 6.1 mm/mlock.c).
 *
 * VM_LOCKED is a property of areas: it splits and merges them. The pages that
 * such areas map are PG_mlocked, from the fault that maps them until the last
 * locked area lets go of them. mlock then makes all pages present, unless
 * VM_LOCKONFAULT says to wait for faults.
 *
 *	mm->locked_vm	pages of locked areas, mapped or not: what
 *			RLIMIT_MEMLOCK bounds, unless CAP_IPC_LOCK
 *	k->nr_mlock	pages that are PG_mlocked, each once
 *
 * Whether another locked area maps a page that is let go of is looked up by
 * rmap, where 6.1 counts (mlock_count) and batches on each CPU. Left out:
 * locks, user_shm_lock (SHM_LOCK), pinned pages.
 */
#include <errno.h>

#include "kernel/gup.h"
#include "kernel/huge_mm.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"

#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)

/* --- pages ---------------------------------------------------------------- */

void mlock_page(struct kernel *k, struct page *page)
{
	if ((page->flags & PG_mlocked) || page_compound(page))
		return;
	lru_set_unevictable(k, page, PG_mlocked | PG_unevictable);
	k->nr_mlock++;
	k->vmstat.unevictable_pgs_mlocked++;
}

static bool find_locked(void *ctx, struct vm_area_struct *vma, va_t va)
{
	bool *locked = ctx;

	*locked = vma_mlocks(vma);
	return !*locked;
}

void munlock_page(struct kernel *k, struct page *page)
{
	bool locked = false;

	if (!(page->flags & PG_mlocked) || page_compound(page))
		return;
	if (page->_mapcount)
		rmap_walk(k, page_to_pfn(k, page), find_locked, &locked);
	if (locked)
		return;
	lru_set_unevictable(k, page, 0);
	k->nr_mlock--;
	k->vmstat.unevictable_pgs_munlocked++;
}

/* What the area maps already follows its new flags. */
void mlock_vma_pages_range(struct kernel *k, struct vm_area_struct *vma,
			   va_t start, va_t end)
{
	struct pte_range r;
	struct page *page;
	uint64_t pte;

	for (va_t va = start;
	     next_pmd_range(k, mm_root(vma->vm_mm), va, end, &r); va = r.end)
		if (r.huge)
			mlock_huge_pmd(k, vma, ptep_get(k, r.ptep));
		else
			for (; r.va < r.end;
		     r.va += PAGE_SIZE, r.ptep += k->mode->entry_size) {
			pte = ptep_get(k, r.ptep);
			page = pte_present(pte) ? vm_normal_page(k, pte) : NULL;
			if (page && vma_mlocks(vma))
				mlock_page(k, page);
			else if (page)
				munlock_page(k, page);
		}
}

/* --- limits --------------------------------------------------------------- */

/* Pages; none while exec builds the address space: nobody has limited it. */
static uint64_t lock_limit(const struct mm_struct *mm)
{
	uint64_t limit =
		mm->owner ? mm->owner->rlim[RLIM_MEMLOCK] : LX_RLIM_INFINITY;

	return limit >> PAGE_SHIFT;
}

bool can_do_mlock(const struct mm_struct *mm)
{
	return !mm->owner || mm->owner->rlim[RLIM_MEMLOCK] ||
	       mm_capable(mm, CAP_IPC_LOCK);
}

int mlock_future_check(const struct mm_struct *mm, unsigned long vm_flags,
		       uint64_t len)
{
	if (!(vm_flags & VM_LOCKED) || mm_capable(mm, CAP_IPC_LOCK))
		return 0;
	return mm->locked_vm + (len >> PAGE_SHIFT) > lock_limit(mm) ? -EAGAIN
								    : 0;
}

/* Pages of [start, end) that are locked, and counted, already. */
static uint64_t count_mlocked(const struct mm_struct *mm, va_t start, va_t end)
{
	const struct vm_area_struct *vma;
	uint64_t n = 0;

	for (vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = vma_tree_next(&mm->vmas, vma)) {
		va_t from = vma->vm_start > start ? vma->vm_start : start;
		va_t to = vma->vm_end < end ? vma->vm_end : end;

		if (vma->vm_flags & VM_LOCKED)
			n += (to - from) >> PAGE_SHIFT;
	}
	return n;
}

static bool within_limit(const struct mm_struct *mm, va_t start, uint64_t len)
{
	uint64_t locked = mm->locked_vm + (len >> PAGE_SHIFT);
	va_t end = start + len < start ? UINT64_MAX : start + len;

	if (mm_capable(mm, CAP_IPC_LOCK) || locked <= lock_limit(mm))
		return true;
	return locked - count_mlocked(mm, start, end) <= lock_limit(mm);
}

/* --- areas ---------------------------------------------------------------- */

/* => [start, end) lies within @vma; *pprev as for vma_modify_flags(). */
static int mlock_fixup(struct kernel *k, struct vm_area_struct *vma,
		       struct vm_area_struct **pprev, va_t start, va_t end,
		       unsigned long flags)
{
	unsigned long old = vma->vm_flags;
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	int err;

	if (flags == old || (old & (VM_SPECIAL | VM_HUGETLB))) {
		*pprev = vma;
		return 0;
	}
	err = vma_modify_flags(k, vma, pprev, start, end, flags);
	if (err)
		return err;
	vma = *pprev;
	vma->vm_flags = flags;
	if (!((flags ^ old) & VM_LOCKED))
		return 0;
	vma->vm_mm->locked_vm += flags & VM_LOCKED ? pages : -pages;
	mlock_vma_pages_range(k, vma, start, end);
	return 0;
}

static int apply_vma_lock_flags(struct kernel *k, struct mm_struct *mm,
				va_t start, uint64_t len, unsigned long flags)
{
	struct vm_area_struct *vma = find_vma(mm, start), *prev;
	va_t end = to_ulong(k, start + len);
	int err;

	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (!vma || vma->vm_start > start)
		return -ENOMEM;
	prev = start > vma->vm_start ? vma : vma_tree_prev(&mm->vmas, vma);
	for (;;) {
		va_t stop = vma->vm_end < end ? vma->vm_end : end;

		err = mlock_fixup(k, vma, &prev, start, stop,
				  (vma->vm_flags & ~VM_LOCKED_MASK) | flags);
		if (err)
			return err;
		start = prev->vm_end > stop ? prev->vm_end : stop;
		if (start >= end)
			return 0;
		vma = find_vma(mm, prev->vm_end);
		if (!vma || vma->vm_start != start)
			return -ENOMEM;
	}
}

/* --- the calls ------------------------------------------------------------ */

/* Linux' __mlock_posix_error_return() */
static int posix_error(int err)
{
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

int do_mlock(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	     unsigned flags)
{
	unsigned long vm_flags =
		VM_LOCKED | (flags & LX_MLOCK_ONFAULT ? VM_LOCKONFAULT : 0);
	int err;

	if (flags & ~LX_MLOCK_ONFAULT)
		return -EINVAL;
	if (!can_do_mlock(mm))
		return -EPERM;
	len = to_ulong(k, PAGE_ALIGN(len + (start & ~PAGE_MASK)));
	start &= PAGE_MASK;
	if (!within_limit(mm, start, len))
		return -ENOMEM;
	err = apply_vma_lock_flags(k, mm, start, len, vm_flags);
	if (err)
		return err;
	return posix_error(mm_populate_range(k, mm, start, len, false));
}

int do_munlock(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len)
{
	len = to_ulong(k, PAGE_ALIGN(len + (start & ~PAGE_MASK)));
	return apply_vma_lock_flags(k, mm, start & PAGE_MASK, len, 0);
}

/* Errors of single areas do not matter. */
static void lock_all(struct kernel *k, struct mm_struct *mm,
		     unsigned long flags)
{
	struct vm_area_struct *vma = vma_tree_first(&mm->vmas), *prev = NULL;

	while (vma) {
		if (mlock_fixup(k, vma, &prev, vma->vm_start, vma->vm_end,
				(vma->vm_flags & ~VM_LOCKED_MASK) | flags))
			prev = vma;
		vma = vma_tree_next(&mm->vmas, prev);
	}
}

static unsigned long lock_bits(unsigned flags)
{
	return VM_LOCKED | (flags & LX_MCL_ONFAULT ? VM_LOCKONFAULT : 0);
}

int do_mlockall(struct kernel *k, struct mm_struct *mm, unsigned flags)
{
	const unsigned all = LX_MCL_CURRENT | LX_MCL_FUTURE | LX_MCL_ONFAULT;

	if (!flags || (flags & ~all) || flags == LX_MCL_ONFAULT)
		return -EINVAL;
	if (!can_do_mlock(mm))
		return -EPERM;
	if ((flags & LX_MCL_CURRENT) && mm->total_vm > lock_limit(mm) &&
	    !mm_capable(mm, CAP_IPC_LOCK))
		return -ENOMEM;
	mm->def_flags &= ~VM_LOCKED_MASK;
	if (flags & LX_MCL_FUTURE)
		mm->def_flags |= lock_bits(flags);
	if (!(flags & LX_MCL_CURRENT))
		return 0;
	lock_all(k, mm, lock_bits(flags));
	mm_populate(k, mm, 0, mm->task_size);
	return 0;
}

int do_munlockall(struct kernel *k, struct mm_struct *mm)
{
	mm->def_flags &= ~VM_LOCKED_MASK;
	lock_all(k, mm, 0);
	return 0;
}

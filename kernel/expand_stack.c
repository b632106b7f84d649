/*
 * expand_stack.c - areas that grow down (linux 6.1 mm/mmap.c: expand_downwards,
 * acct_stack_growth, find_extend_vma).
 *
 * Growth is charged if the area is: Linux charges it always, and never gives
 * back what MAP_GROWSDOWN|MAP_NORESERVE took. Left out: locks, architectures
 * whose stacks grow up.
 */
#include <errno.h>

#include "kernel/gup.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"

static int acct_stack_growth(struct kernel *k, struct vm_area_struct *vma,
			     uint64_t size, uint64_t grow)
{
	struct mm_struct *mm = vma->vm_mm;

	if (!may_expand_vm(mm, vma->vm_flags, grow) ||
	    size > rlimit(mm, RLIM_STACK) ||
	    mlock_future_check(mm, vma->vm_flags, grow << PAGE_SHIFT))
		return -ENOMEM;
	return vma->vm_flags & VM_ACCOUNT ? vm_enough_memory(k, mm, grow) : 0;
}

/* linux expand_downwards() */
int expand_stack(struct kernel *k, struct vm_area_struct *vma, va_t va)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct vm_area_struct *prev = vma_tree_prev(&mm->vmas, vma);
	uint64_t grow;
	int err;

	va &= PAGE_MASK;
	if (va < k->mmap_min_addr)
		return -EPERM;
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) &&
	    vma_is_accessible(prev) && va - prev->vm_end < STACK_GUARD_GAP)
		return -ENOMEM;
	if (anon_vma_prepare(k, vma))
		return -ENOMEM;
	if (va >= vma->vm_start)
		return 0;
	grow = (vma->vm_start - va) >> PAGE_SHIFT;
	if (grow > vma->vm_pgoff)
		return -ENOMEM;
	err = acct_stack_growth(k, vma, vma->vm_end - va, grow);
	if (err)
		return err;
	vma->vm_pgoff -= grow;
	vma_tree_adjust(&mm->vmas, vma, va, vma->vm_end);
	vm_stat_account(mm, vma->vm_flags, grow);
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += grow;
	kevent(k, .kind = KEV_VMA, .func = "expand_stack", .va = vma->vm_start,
	       .end = vma->vm_end, .n = grow, .pid = mm->owner_pid);
	return 0;
}

struct vm_area_struct *find_extend_vma(struct kernel *k, struct mm_struct *mm,
				       va_t va)
{
	struct vm_area_struct *vma = find_vma(mm, va);
	va_t start;

	if (!vma || vma->vm_start <= va)
		return vma;
	start = vma->vm_start;
	if (!(vma->vm_flags & VM_GROWSDOWN) || expand_stack(k, vma, va))
		return NULL;
	if (vma->vm_flags & VM_LOCKED)
		populate_vma_page_range(k, vma, va & PAGE_MASK, start);
	return vma;
}

/*
 * brk.c - the heap, and anonymous memory at a fixed place (linux 6.1
 * mm/mmap.c: brk, do_brk_flags, vm_brk_flags).
 *
 * Left out: locks, CONFIG_COMPAT_BRK, userfaultfd.
 */
#include <errno.h>

#include "kernel/mm_internal.h"
#include "kernel/mman.h"

/* Only an area of the heap itself may grow: bss and heap stay apart. */
static struct vm_area_struct *growable(struct mm_struct *mm, va_t addr,
				       const struct vma_range *r)
{
	struct vm_area_struct *vma = addr ? find_vma(mm, addr - 1) : NULL;

	if (!vma || vma->vm_end != addr || vma->vm_end <= mm->start_brk ||
	    !can_vma_merge_after(vma, r))
		return NULL;
	return vma;
}

static int place(struct kernel *k, struct mm_struct *mm,
		 const struct vma_range *r, struct vm_area_struct **ret)
{
	struct vm_area_struct *vma = growable(mm, r->start, r);

	if (vma) {
		*ret = vma;
		return vma_expand(k, vma, vma->vm_start, r->end, vma->vm_pgoff,
				  NULL);
	}
	return insert_vm_area(k, mm, r, ret);
}

int do_brk_flags(struct kernel *k, struct mm_struct *mm, va_t addr,
		 uint64_t len, unsigned long flags)
{
	struct vma_range r = { .start = addr,
			       .end = addr + len,
			       .pgoff = addr >> PAGE_SHIFT };
	uint64_t pages = len >> PAGE_SHIFT;
	struct vm_area_struct *vma;
	int err;

	r.flags = flags | VM_DATA_FLAGS | VM_ACCOUNT | mm->def_flags;
	if (read_implies_exec(mm, LX_PROT_READ))
		r.flags |= VM_EXEC;
	if (!may_expand_vm(mm, r.flags, pages) ||
	    mm->vmas.count > k->max_map_count || vm_enough_memory(k, mm, pages))
		return -ENOMEM;
	err = place(k, mm, &r, &vma);
	if (err) {
		vm_unacct_memory(k, pages);
		return err;
	}
	mm->total_vm += pages;
	mm->data_vm += pages;
	if (r.flags & VM_LOCKED)
		mm->locked_vm += pages;
	if (k->arch->softdirty)
		vma->vm_flags |= VM_SOFTDIRTY;
	vma_set_page_prot(k, vma);
	return 0;
}

static int check_brk_limits(struct kernel *k, struct mm_struct *mm, va_t addr,
			    uint64_t len)
{
	va_t va;
	int err = get_unmapped_area(k, mm, addr, len, LX_MAP_FIXED, &va);

	if (err)
		return err;
	return mlock_future_check(mm, mm->def_flags, len);
}

int vm_brk_flags(struct kernel *k, struct mm_struct *mm, va_t addr,
		 uint64_t request, unsigned long flags)
{
	uint64_t len = PAGE_ALIGN(request);
	int err;

	if (len < request)
		return -ENOMEM;
	if (!len)
		return 0;
	err = check_brk_limits(k, mm, addr, len);
	if (!err)
		err = do_munmap(k, mm, addr, len);
	if (!err)
		err = do_brk_flags(k, mm, addr, len, flags);
	if (!err && (mm->def_flags & VM_LOCKED))
		mm_populate(k, mm, addr, len);
	return err;
}

/* RLIMIT_DATA counts the initialized data of the program as well. */
static bool check_data_rlimit(const struct mm_struct *mm, va_t brk)
{
	uint64_t limit = rlimit(mm, RLIM_DATA);

	return limit == LX_RLIM_INFINITY ||
	       brk - mm->start_brk + (mm->end_data - mm->start_data) <= limit;
}

static int grow_brk(struct kernel *k, struct mm_struct *mm, va_t old, va_t new)
{
	const struct vm_area_struct *next = find_vma(mm, old);
	int err = check_brk_limits(k, mm, old, new - old);

	if (err)
		return err;
	if (next && new + PAGE_SIZE > vm_start_gap(next))
		return -ENOMEM;
	return do_brk_flags(k, mm, old, new - old, 0);
}

static int shrink_brk(struct kernel *k, struct mm_struct *mm, va_t new,
		      va_t old)
{
	const struct vm_area_struct *vma = find_vma(mm, new);

	if (!vma || vma->vm_start >= old)
		return -EINVAL;
	return do_munmap(k, mm, new, old - new);
}

int do_brk(struct kernel *k, struct mm_struct *mm, va_t brk, va_t *ret)
{
	va_t old = PAGE_ALIGN(mm->brk), new = PAGE_ALIGN(brk);
	int err = 0;

	*ret = mm->brk;
	if (brk < mm->start_brk || new < brk || !check_data_rlimit(mm, brk))
		return 0;
	if (new != old)
		err = brk <= mm->brk ? shrink_brk(k, mm, new, old)
				     : grow_brk(k, mm, old, new);
	if (err)
		return 0;
	mm->brk = brk;
	if (new > old && (mm->def_flags & VM_LOCKED))
		mm_populate(k, mm, old, new - old);
	*ret = brk;
	return 0;
}

/*
 * remap_file_pages.c - other pages of the same file at the same place (linux
 * 6.1 mm/mmap.c: remap_file_pages). Areas with pages in any order are long
 * gone: the call maps anew.
 */
#include <errno.h>

#include "kernel/mm_internal.h"

/* From @vma on, is all up to @end mapped from one file with equal flags? */
static bool same_file_up_to(struct vm_area_struct *vma, va_t end)
{
	const struct vma_tree *t = &vma->vm_mm->vmas;
	struct vm_area_struct *next;

	for (; vma->vm_end < end; vma = next) {
		next = vma_tree_next(t, vma);
		if (!next || next->vm_start != vma->vm_end ||
		    next->vm_file != vma->vm_file ||
		    next->vm_flags != vma->vm_flags)
			return false;
	}
	return true;
}

int do_remap_file_pages(struct kernel *k, struct mm_struct *mm, va_t start,
			uint64_t size, uint64_t pgoff)
{
	struct vm_area_struct *vma;
	unsigned flags = LX_MAP_SHARED | LX_MAP_FIXED | LX_MAP_POPULATE;
	struct file *file;
	va_t va;
	int err;

	start &= PAGE_MASK;
	size &= PAGE_MASK;
	if (start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	vma = find_vma(mm, start);
	if (!vma || vma->vm_start > start || !(vma->vm_flags & VM_SHARED) ||
	    !same_file_up_to(vma, start + size))
		return -EINVAL;
	if (vma->vm_flags & VM_LOCKED)
		flags |= LX_MAP_LOCKED;
	file = get_file(vma->vm_file);
	err = do_mmap(k, mm, file, start, size,
		      vma->vm_flags & (VM_READ | VM_WRITE | VM_EXEC), flags,
		      pgoff, &va);
	fput(k, file);
	return err;
}

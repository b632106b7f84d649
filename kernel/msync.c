/*
 * msync.c - msync (linux 6.1 mm/msync.c).
 *
 * MS_ASYNC writes nothing, as in Linux since 2.6.19: pages are known to be
 * dirty already. MS_INVALIDATE has no more to do than to refuse locked areas.
 */
#include <errno.h>

#include "kernel/mm_internal.h"

struct msync_call {
	struct kernel *k;
	va_t start, end;
	unsigned flags;
};

/* One area; c->start moves to its end. */
static int msync_area(struct msync_call *c, const struct vm_area_struct *vma)
{
	va_t stop = c->end < vma->vm_end ? c->end : vma->vm_end;

	if ((c->flags & LX_MS_INVALIDATE) && (vma->vm_flags & VM_LOCKED))
		return -EBUSY;
	if ((c->flags & LX_MS_SYNC) && vma->vm_file &&
	    (vma->vm_flags & VM_SHARED))
		filemap_fdatawrite_range(c->k, vma->vm_file->f_mapping,
					 linear_page_index(vma, c->start),
					 linear_page_index(vma, stop) - 1);
	c->start = vma->vm_end;
	return 0;
}

int do_msync(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	     unsigned flags)
{
	struct msync_call c = { k, start, start + PAGE_ALIGN(len), flags };
	int hole = 0, err;

	if ((flags & ~(LX_MS_ASYNC | LX_MS_INVALIDATE | LX_MS_SYNC)) ||
	    (start & ~PAGE_MASK) ||
	    ((flags & LX_MS_ASYNC) && (flags & LX_MS_SYNC)))
		return -EINVAL;
	if (c.end < start)
		return -ENOMEM;
	while (c.start < c.end) {
		const struct vm_area_struct *vma = find_vma(mm, c.start);

		if (!vma)
			return -ENOMEM;
		if (c.start < vma->vm_start) {
			if (flags == LX_MS_ASYNC || vma->vm_start >= c.end)
				return -ENOMEM;
			c.start = vma->vm_start;
			hole = -ENOMEM;
		}
		err = msync_area(&c, vma);
		if (err)
			return err;
	}
	return hole;
}

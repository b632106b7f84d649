/*
 * mremap.c - resizing and moving mappings (linux 6.1 mm/mremap.c; mm/mmap.c:
 * copy_vma).
 *
 *	new_len < old_len	the tail is unmapped
 *	room behind the area	it grows in place, and may meet the next one
 *	else, MAYMOVE		move_vma():
 *
 *		copy_vma	an area at the new place, or a neighbour there
 *				that grows. Pages keep their index in the
 *				object, so that rmap finds them: pgoff moves
 *				with them, unless there are none yet
 *		move_page_tables  entries travel, and with them frames
 *		do_munmap	of the old place; DONTUNMAP leaves it, empty
 *
 * Left out: locks, userfaultfd, NUMA policies.
 */
#include <errno.h>

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"

#define VM_LOCKED_MASK (VM_LOCKED | VM_LOCKONFAULT)

struct mremap_call {
	struct kernel *k;
	struct mm_struct *mm;
	va_t addr;
	uint64_t old_len, new_len; /* whole pages */
	unsigned flags;
	va_t new_addr;
	bool locked; /* what it has grown by wants its pages at once */
};

/* --- the area at the new place -------------------------------------------- */

static struct vm_area_struct *
dup_at(struct kernel *k, struct vm_area_struct *vma, const struct vma_range *r)
{
	struct vm_area_struct *new = vm_area_dup(k, vma);

	if (!new)
		return NULL;
	new->vm_start = r->start;
	new->vm_end = r->end;
	new->vm_pgoff = r->pgoff;
	if (anon_vma_clone(k, new, vma)) {
		vm_area_free(k, new);
		return NULL;
	}
	if (new->vm_file)
		get_file(new->vm_file);
	hugetlb_vm_op_open(new);
	vma_link(new);
	kevent(k, .kind = KEV_VMA, .func = "map", .pid = vma->vm_mm->owner_pid,
	       .va = r->start, .end = r->end);
	return new;
}

/*
 * An area for what [start, end) of *pvma has, or NULL. An area that has no
 * pages yet may merge at the new place, even with the old one: *pvma then is
 * what both have become.
 */
static struct vm_area_struct *copy_vma(struct kernel *k,
				       struct vm_area_struct **pvma, va_t addr,
				       uint64_t len, uint64_t pgoff)
{
	struct vm_area_struct *vma = *pvma, *new;
	struct vma_range r = vma_range_of(vma, addr, addr + len);
	struct vma_tree *tree = &vma->vm_mm->vmas;
	struct vm_area_struct *next = vma_tree_find(tree, addr);
	va_t start = vma->vm_start;

	r.pgoff = pgoff;
	if (!vma->vm_ops && !vma->anon_vma)
		r.pgoff = addr >> PAGE_SHIFT;
	new = vma_merge(k, vma->vm_mm,
			next ? vma_tree_prev(tree, next) : vma_tree_last(tree),
			&r);
	if (!new)
		return dup_at(k, vma, &r);
	if (start >= new->vm_start && start < new->vm_end)
		*pvma = new;
	return new;
}

/* --- moving --------------------------------------------------------------- */

/*
 * The old place stays mapped, without pages and unlocked. The rest of an area
 * that moved in part is unlocked with it, and remains counted: so does Linux,
 * which forgets that its pages are mlocked, too.
 */
static void keep_old_place(struct mremap_call *c, struct vm_area_struct *vma,
			   const struct vm_area_struct *new)
{
	uint64_t pages = c->old_len >> PAGE_SHIFT;

	if (vma->vm_flags & VM_LOCKED) {
		c->mm->locked_vm -= pages;
		c->mm->locked_vm_lost += vma_pages(vma) - pages;
		vma->vm_flags &= ~VM_LOCKED_MASK;
		mlock_vma_pages_range(c->k, vma, vma->vm_start, vma->vm_end);
	}
	if (new != vma && vma->vm_start == c->addr &&
	    vma->vm_end == c->addr + c->old_len)
		unlink_anon_vmas(c->k, vma);
}

static void account_areas(struct mm_struct *mm, va_t start, va_t end)
{
	struct vm_area_struct *vma = find_vma(mm, start);

	for (; vma && vma->vm_start < end; vma = vma_tree_next(&mm->vmas, vma))
		vma->vm_flags |= VM_ACCOUNT;
}

/*
 * Unmaps [addr, addr + len) of @vma, from where pages have gone. The promise
 * of memory went with them: it is concealed, so that it is not given back,
 * and what is left of the area gets it again.
 */
static void unmap_place(struct kernel *k, struct vm_area_struct *vma, va_t addr,
			uint64_t len)
{
	struct mm_struct *mm = vma->vm_mm;
	va_t start = vma->vm_start, end = vma->vm_end;
	bool account = vma->vm_flags & VM_ACCOUNT;
	uint64_t hiwater_vm = mm->hiwater_vm;

	vma->vm_flags &= ~VM_ACCOUNT;
	if (len && do_munmap(k, mm, addr, len) && account)
		vm_acct_memory(k, len >> PAGE_SHIFT); /* it stays: no memory */
	if (account)
		account_areas(mm, start, end);
	mm->hiwater_vm = hiwater_vm;
}

/* Entries go to the new place; without memory for tables all come back. */
static int move_entries(struct mremap_call *c, va_t new_addr)
{
	uint64_t done =
		move_page_tables(c->k, c->mm, c->addr, new_addr, c->old_len);

	if (done == c->old_len)
		return 0;
	move_page_tables(c->k, c->mm, new_addr, c->addr, done);
	return -ENOMEM;
}

/* What the new place is promised, unless it comes from the old one. */
static int charge_move(struct mremap_call *c, const struct vm_area_struct *vma,
		       int64_t *pages)
{
	uint64_t from_old = c->flags & LX_MREMAP_DONTUNMAP ? 0 : c->old_len;

	*pages = 0;
	if (c->mm->vmas.count + 3 >= c->k->max_map_count)
		return -ENOMEM;
	if (c->addr != vma->vm_start && !vma_may_split(vma))
		return -EINVAL;
	if (c->addr + c->old_len != vma->vm_end && !vma_may_split(vma))
		return -EINVAL;
	if (!(vma->vm_flags & VM_ACCOUNT))
		return 0;
	*pages = (c->new_len - from_old) >> PAGE_SHIFT;
	return vm_enough_memory(c->k, c->mm, *pages);
}

/* The old area is @vma, the new one @new; perhaps they are one by now. */
static int finish_move(struct mremap_call *c, struct vm_area_struct *vma,
		       struct vm_area_struct *new, va_t new_addr)
{
	if (move_entries(c, new_addr)) {
		hugetlb_vm_moved(c->k, new, vma);
		unmap_place(c->k, new, new_addr, c->new_len);
		return -ENOMEM;
	}
	hugetlb_vm_moved(c->k, vma, new);
	if (vma->name && c->mm->vdso == c->addr)
		c->mm->vdso = new_addr;
	c->locked = new->vm_flags &VM_LOCKED;
	if (c->flags & LX_MREMAP_DONTUNMAP) {
		keep_old_place(c, vma, new);
		c->locked = false;
	} else {
		unmap_place(c->k, vma, c->addr, c->old_len);
	}
	c->new_addr = new_addr;
	return 0;
}

static int move_vma(struct mremap_call *c, struct vm_area_struct *vma,
		    va_t new_addr)
{
	uint64_t pages = c->new_len >> PAGE_SHIFT;
	struct vm_area_struct *new;
	int64_t charged;
	int err = charge_move(c, vma, &charged);

	if (err)
		return err;
	new = copy_vma(c->k, &vma, new_addr, c->new_len,
		       linear_page_index(vma, c->addr));
	if (!new) {
		vm_unacct_memory(c->k, charged);
		return -ENOMEM;
	}
	vm_stat_account(c->mm, new->vm_flags, pages);
	if (new->vm_flags & VM_LOCKED)
		c->mm->locked_vm += pages;
	err = finish_move(c, vma, new, new_addr);
	if (err)
		vm_unacct_memory(c->k, charged);
	return err;
}

/* --- the call ------------------------------------------------------------- */

static void warn_private(const struct mremap_call *c)
{
	if (!c->k->warned.mremap_private)
		printk(c->k,
		       "%s (%d): attempted to duplicate a private mapping "
		       "with mremap.  This is not supported.",
		       c->mm->owner->comm, c->mm->owner->pid);
	c->k->warned.mremap_private = true;
}

/* May it have the new size? The area, or an errno. */
static int vma_to_resize(const struct mremap_call *c,
			 struct vm_area_struct **ret)
{
	struct vm_area_struct *vma = find_vma(c->mm, c->addr);
	uint64_t pgoff, pages = c->new_len >> PAGE_SHIFT;

	if (!vma || vma->vm_start > c->addr)
		return -EFAULT;
	if (!c->old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE))) {
		warn_private(c);
		return -EINVAL;
	}
	if ((c->flags & LX_MREMAP_DONTUNMAP) &&
	    (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EINVAL;
	if (c->old_len > vma->vm_end - c->addr)
		return -EFAULT;
	*ret = vma;
	if (c->new_len == c->old_len)
		return 0;
	pgoff = linear_page_index(vma, c->addr);
	if (pgoff + pages < pgoff)
		return -EINVAL;
	if (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return -EFAULT;
	if (mlock_future_check(c->mm, vma->vm_flags, c->new_len - c->old_len))
		return -EAGAIN;
	pages -= c->old_len >> PAGE_SHIFT;
	return may_expand_vm(c->mm, vma->vm_flags, pages) ? 0 : -ENOMEM;
}

static int check_target(const struct mremap_call *c)
{
	if ((c->new_addr & ~PAGE_MASK) || c->new_len > c->mm->task_size ||
	    c->new_addr > c->mm->task_size - c->new_len)
		return -EINVAL;
	if (c->addr + c->old_len > c->new_addr &&
	    c->new_addr + c->new_len > c->addr)
		return -EINVAL;
	return c->mm->vmas.count + 5 >= c->k->max_map_count ? -ENOMEM : 0;
}

/* What is in the way at the target goes, and what is too much at the source. */
static int make_room(struct mremap_call *c)
{
	int err = 0;

	if (c->flags & LX_MREMAP_FIXED)
		err = do_munmap(c->k, c->mm, c->new_addr, c->new_len);
	if (err || c->old_len <= c->new_len)
		return err;
	err = do_munmap(c->k, c->mm, c->addr + c->new_len,
			c->old_len - c->new_len);
	if (!err)
		c->old_len = c->new_len;
	return err;
}

/* MREMAP_FIXED, MREMAP_DONTUNMAP: it moves, whether it need or not. */
static int mremap_to(struct mremap_call *c)
{
	unsigned fixed = c->flags & LX_MREMAP_FIXED ? LX_MAP_FIXED : 0;
	struct vm_area_struct *vma = NULL;
	int err = check_target(c);
	va_t va;

	if (!err)
		err = make_room(c);
	if (!err)
		err = vma_to_resize(c, &vma);
	if (err)
		return err;
	if ((c->flags & LX_MREMAP_DONTUNMAP) &&
	    !may_expand_vm(c->mm, vma->vm_flags, c->old_len >> PAGE_SHIFT))
		return -ENOMEM;
	err = get_unmapped_area(c->k, c->mm, c->new_addr, c->new_len, fixed,
				&va);
	return err ? err : move_vma(c, vma, va);
}

/* Is there room behind it, within the address space? */
static bool vma_expandable(const struct mremap_call *c,
			   const struct vm_area_struct *vma)
{
	const struct vm_area_struct *next = vma_tree_next(&c->mm->vmas, vma);
	va_t end = vma->vm_end + (c->new_len - c->old_len), va;

	if (c->addr + c->old_len != vma->vm_end || end < vma->vm_end ||
	    (next && next->vm_start < end))
		return false;
	return !get_unmapped_area(c->k, c->mm, vma->vm_start,
				  end - vma->vm_start, LX_MAP_FIXED, &va);
}

static int expand_in_place(struct mremap_call *c, struct vm_area_struct *vma)
{
	int64_t pages = (c->new_len - c->old_len) >> PAGE_SHIFT;
	struct vma_range r =
		vma_range_of(vma, vma->vm_end, c->addr + c->new_len);
	bool account = vma->vm_flags & VM_ACCOUNT;

	if (account && vm_enough_memory(c->k, c->mm, pages))
		return -ENOMEM;
	vma = vma_merge(c->k, c->mm, vma, &r);
	if (!vma) {
		vm_unacct_memory(c->k, account ? pages : 0);
		return -ENOMEM;
	}
	vm_stat_account(c->mm, vma->vm_flags, pages);
	c->locked = vma->vm_flags & VM_LOCKED;
	if (c->locked)
		c->mm->locked_vm += pages;
	c->new_addr = c->addr;
	return 0;
}

static int resize(struct mremap_call *c)
{
	struct vm_area_struct *vma;
	va_t va;
	int err;

	c->new_addr = c->addr;
	if (c->old_len > c->new_len)
		return do_munmap(c->k, c->mm, c->addr + c->new_len,
				 c->old_len - c->new_len);
	if (c->old_len == c->new_len)
		return 0;
	err = vma_to_resize(c, &vma);
	if (err)
		return err;
	if (vma_expandable(c, vma))
		return expand_in_place(c, vma);
	if (!(c->flags & LX_MREMAP_MAYMOVE))
		return -ENOMEM;
	err = get_unmapped_area(c->k, c->mm, 0, c->new_len, 0, &va);
	return err ? err : move_vma(c, vma, va);
}

#define MREMAP_FLAGS (LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP)

static bool bad_flags(unsigned flags)
{
	if ((flags & ~MREMAP_FLAGS) ||
	    ((flags & LX_MREMAP_FIXED) && !(flags & LX_MREMAP_MAYMOVE)))
		return true;
	return (flags & LX_MREMAP_DONTUNMAP) && !(flags & LX_MREMAP_MAYMOVE);
}

/* In a register of the architecture: 32 bits wrap around. */
static uint64_t page_align_long(const struct kernel *k, uint64_t len)
{
	len = PAGE_ALIGN(len);
	return k->arch->word == 8 ? len : (uint32_t)len;
}

/* Lengths are rounded up; it may not grow, nor move to between its pages. */
static bool align_hugetlb(struct mremap_call *c)
{
	uint64_t size = huge_page_size(c->k);

	c->old_len = ALIGN_UP(c->old_len, size);
	c->new_len = ALIGN_UP(c->new_len, size);
	return !((c->addr | c->new_addr) & (size - 1)) &&
	       c->new_len <= c->old_len;
}

int do_mremap(struct kernel *k, struct mm_struct *mm, va_t addr,
	      uint64_t old_len, uint64_t new_len, unsigned flags, va_t new_addr,
	      va_t *ret)
{
	struct mremap_call c = { .k = k,
				 .mm = mm,
				 .addr = addr,
				 .flags = flags,
				 .new_addr = new_addr };
	const struct vm_area_struct *vma;
	int err;

	if (bad_flags(flags) || (addr & ~PAGE_MASK) ||
	    ((flags & LX_MREMAP_DONTUNMAP) && old_len != new_len))
		return -EINVAL;
	c.old_len = page_align_long(k, old_len);
	c.new_len = page_align_long(k, new_len);
	if (!c.new_len)
		return -EINVAL;
	vma = find_vma(mm, addr);
	if (!vma || vma->vm_start > addr)
		return -EFAULT;
	if (is_vm_hugetlb_page(vma) && !align_hugetlb(&c))
		return -EINVAL;
	old_len = c.old_len;
	err = flags & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP) ? mremap_to(&c)
							      : resize(&c);
	if (err)
		return err;
	if (c.locked && c.new_len > old_len)
		mm_populate(k, mm, c.new_addr + old_len, c.new_len - old_len);
	*ret = c.new_addr;
	return 0;
}

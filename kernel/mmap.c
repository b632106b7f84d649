/*
 * mmap.c - mmap, munmap, brk, stack growth (linux 6.1 mm/mmap.c,
 * arch/x86/kernel/sys_x86_64.c for the search from the top).
 *
 * Left out: locks, hugetlb, MAP_32BIT, resource
 * limits other than the stack's, overcommit modes 1 and 2, seals, pkeys
 * (PROT_EXEC alone is readable).
 */
#include <errno.h>

#include "kernel/gup.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"

#define MAP_TYPE 0x0fu
/* Flags that mmap ignored from the beginning, if it does not know them. */
#define LEGACY_MAP_MASK                                                        \
	(LX_MAP_SHARED | LX_MAP_PRIVATE | LX_MAP_FIXED | LX_MAP_ANONYMOUS |    \
	 0x800u | 0x1000u | LX_MAP_GROWSDOWN | LX_MAP_LOCKED |                 \
	 LX_MAP_NORESERVE | LX_MAP_POPULATE | LX_MAP_NONBLOCK | LX_MAP_STACK | \
	 LX_MAP_HUGETLB | 0x40u)

struct mmap_call {	/* one call of do_mmap */
	struct kernel *k;
	struct mm_struct *mm;
	struct file *file;
	va_t addr;
	uint64_t len, pgoff;
	unsigned flags;
	unsigned long vm_flags;
};

/* --- where ---------------------------------------------------------------- */

static uint64_t mmap_low_limit(const struct mm_struct *mm)
{
	return mm_capable(mm, CAP_SYS_RAWIO) ? PAGE_SIZE : MMAP_MIN_ADDR;
}

/* May the hint be taken as it is? */
static bool hint_fits(const struct mm_struct *mm, va_t addr, uint64_t len)
{
	const struct vm_area_struct *vma;

	if (!addr || mm->task_size - len < addr)
		return false;
	/* Nothing may lie across the window's end. */
	if ((addr > mm->map_window) != (addr + len > mm->map_window))
		return false;
	vma = find_vma(mm, addr);
	return !vma || addr + len <= vm_start_gap(vma);
}

/*
 * The highest gap below mmap_base; if there is none, the lowest above a third
 * of the address space (linux bottomup fallback). With 5 levels both searches
 * end at 47 bits, unless the hint is above: then they have all 56.
 */
static int arch_get_unmapped_area_topdown(const struct mm_struct *mm, va_t addr,
					  uint64_t len, unsigned flags,
					  va_t *ret)
{
	uint64_t more = 0;

	if (len > mm->task_size)
		return -ENOMEM;
	if ((flags & LX_MAP_FIXED) || hint_fits(mm, addr, len)) {
		*ret = addr;
		return 0;
	}
	if (addr > mm->map_window)
		more = mm->task_size - mm->map_window;
	if (vma_tree_gap_down(&mm->vmas, len, mmap_low_limit(mm),
			      mm->mmap_base + more, ret) ||
	    vma_tree_gap_up(&mm->vmas, len, PAGE_ALIGN(mm->map_window / 3),
			    mm->map_window + more, ret))
		return 0;
	return -ENOMEM;
}

int get_unmapped_area(struct kernel *k, struct mm_struct *mm, va_t addr,
		      uint64_t len, unsigned flags, va_t *ret)
{
	va_t va;
	int err;

	if (len > mm->task_size)
		return -ENOMEM;
	err = arch_get_unmapped_area_topdown(mm, addr, len, flags, &va);
	if (err)
		return err;
	if (va > mm->task_size - len)
		return -ENOMEM;
	if (va & ~PAGE_MASK)
		return -EINVAL;
	if (va < MMAP_MIN_ADDR && !mm_capable(mm, CAP_SYS_RAWIO))
		return -EPERM;
	*ret = va;
	return 0;
}

static va_t round_hint_to_min(va_t hint)
{
	hint &= PAGE_MASK;
	return hint && hint < MMAP_MIN_ADDR ? MMAP_MIN_ADDR : hint;
}

/* --- may it be mapped so? ------------------------------------------------- */

static int check_shared_file(struct mmap_call *c)
{
	if ((c->vm_flags & VM_WRITE) && !(c->file->f_mode & FMODE_WRITE))
		return -EACCES;
	c->vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (!(c->file->f_mode & FMODE_WRITE))
		c->vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

static int check_file(struct mmap_call *c)
{
	unsigned type = c->flags & MAP_TYPE;
	int err = 0;

	if (c->pgoff > (INT64_MAX - c->len) >> PAGE_SHIFT)
		return -EOVERFLOW;
	if (type == LX_MAP_SHARED_VALIDATE && (c->flags & ~LEGACY_MAP_MASK))
		return -EOPNOTSUPP;
	if (type == LX_MAP_SHARED || type == LX_MAP_SHARED_VALIDATE)
		err = check_shared_file(c);
	else if (type != LX_MAP_PRIVATE)
		err = -EINVAL;
	if (err)
		return err;
	if (!(c->file->f_mode & FMODE_READ))
		return -EACCES;
	if (!c->file->f_inode->ops)
		return -ENODEV;
	return c->vm_flags & VM_GROWSDOWN ? -EINVAL : 0;
}

static int check_anonymous(struct mmap_call *c)
{
	switch (c->flags & MAP_TYPE) {
	case LX_MAP_SHARED:
		if (c->vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		c->pgoff = 0;
		c->vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case LX_MAP_PRIVATE:
		c->pgoff = c->addr >> PAGE_SHIFT;
		return 0;
	default:
		return -EINVAL;
	}
}

static unsigned long calc_vm_flag_bits(unsigned flags)
{
	return (flags & LX_MAP_GROWSDOWN ? VM_GROWSDOWN : 0) |
	       (flags & LX_MAP_LOCKED ? VM_LOCKED : 0);
}

int vm_enough_memory(const struct kernel *k, uint64_t pages)
{
	return pages > k->totalram_pages ? -ENOMEM : 0;
}

/* --- putting it there ----------------------------------------------------- */

/* Tries to let the areas around the hole grow; the area that did, or NULL. */
static struct vm_area_struct *expand_neighbours(struct mmap_call *c)
{
	struct vma_range r = { c->addr, c->addr + c->len, c->vm_flags, NULL,
			       c->file, c->pgoff };
	struct vm_area_struct *next = find_vma(c->mm, c->addr), *prev;
	struct vm_area_struct *vma = NULL;
	va_t start = r.start, end = r.end;
	uint64_t pgoff = c->pgoff;

	prev = next ? vma_tree_prev(&c->mm->vmas, next) :
		      vma_tree_last(&c->mm->vmas);
	if (next && next->vm_start == end && can_vma_merge_before(next, &r)) {
		vma = next;
		end = next->vm_end;
		r.anon_vma = next->anon_vma;
	}
	if (prev && prev->vm_end == start && can_vma_merge_after(prev, &r)) {
		vma = prev;
		start = prev->vm_start;
		pgoff = prev->vm_pgoff;
	}
	if (!vma || vma_expand(c->k, vma, start, end, pgoff, next))
		return NULL;
	return vma;
}

static int new_area(struct mmap_call *c, struct vm_area_struct **ret)
{
	struct vm_area_struct *vma = vm_area_alloc(c->k, c->mm);
	struct file *file = c->file;

	if (!vma)
		return -ENOMEM;
	if (file)
		get_file(file);
	else if (c->vm_flags & VM_SHARED)
		file = shmem_zero_setup(c->k, c->len);
	if (!file && (c->vm_flags & VM_SHARED)) {
		vm_area_free(c->k, vma);
		return -ENOMEM;
	}
	vma->vm_start = c->addr;
	vma->vm_end = c->addr + c->len;
	vma->vm_flags = c->vm_flags;
	vma->vm_pgoff = c->pgoff;
	vma->vm_file = file;
	vma->vm_ops = file ? file->f_inode->ops : NULL;
	vma_link(vma);
	kevent(c->k, .kind = KEV_VMA, .func = "map", .pid = c->mm->owner_pid,
	       .va = vma->vm_start, .end = vma->vm_end);
	*ret = vma;
	return 0;
}

static bool accountable_mapping(unsigned long flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

static int mmap_region(struct mmap_call *c)
{
	struct vm_area_struct *vma;
	int err = do_munmap(c->k, c->mm, c->addr, c->len);

	if (err)
		return err;
	if (accountable_mapping(c->vm_flags)) {
		if (vm_enough_memory(c->k, c->len >> PAGE_SHIFT))
			return -ENOMEM;
		c->vm_flags |= VM_ACCOUNT;
	}
	vma = expand_neighbours(c);
	if (!vma) {
		err = new_area(c, &vma);
		if (err)
			return err;
	}
	if (c->k->arch->softdirty)
		vma->vm_flags |= VM_SOFTDIRTY;
	vma_set_page_prot(c->k, vma);
	c->mm->total_vm += c->len >> PAGE_SHIFT;
	if (vma->vm_flags & VM_SPECIAL)
		vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	else if (vma->vm_flags & VM_LOCKED)
		c->mm->locked_vm += c->len >> PAGE_SHIFT;
	return 0;
}

static bool overlaps(const struct mm_struct *mm, va_t addr, uint64_t len)
{
	const struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && vma->vm_start < addr + len;
}

/* Where and whether: fills in addr, len and vm_flags. */
static int mmap_prepare(struct mmap_call *c, unsigned prot)
{
	int err;

	if (!c->len)
		return -EINVAL;
	if (c->flags & LX_MAP_FIXED_NOREPLACE)
		c->flags |= LX_MAP_FIXED;
	if (!(c->flags & LX_MAP_FIXED))
		c->addr = round_hint_to_min(c->addr);
	c->len = PAGE_ALIGN(c->len);
	if (!c->len)
		return -ENOMEM;
	/* A long of a 32-bit system call cannot even express it. */
	if (c->k->arch->word < 8 && c->pgoff > UINT32_MAX)
		return -EINVAL;
	if (c->pgoff + (c->len >> PAGE_SHIFT) < c->pgoff)
		return -EOVERFLOW;
	if (c->mm->vmas.count > LX_MAX_MAP_COUNT)
		return -ENOMEM;
	err = get_unmapped_area(c->k, c->mm, c->addr, c->len, c->flags,
				&c->addr);
	if (err)
		return err;
	if ((c->flags & LX_MAP_FIXED_NOREPLACE) &&
	    overlaps(c->mm, c->addr, c->len))
		return -EEXIST;
	c->vm_flags = calc_vm_prot_bits(prot) | calc_vm_flag_bits(c->flags) |
		      c->mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
	if ((c->flags & LX_MAP_LOCKED) && !can_do_mlock(c->mm))
		return -EPERM;
	err = mlock_future_check(c->mm, c->vm_flags, c->len);
	if (err)
		return err;
	return c->file ? check_file(c) : check_anonymous(c);
}

int do_mmap(struct kernel *k, struct mm_struct *mm, struct file *file,
	    va_t addr, uint64_t len, unsigned prot, unsigned flags,
	    uint64_t pgoff, va_t *ret)
{
	struct mmap_call c = { .k = k, .mm = mm, .addr = addr, .len = len,
			       .flags = flags, .pgoff = pgoff };
	int err;

	if (!(flags & LX_MAP_ANONYMOUS)) {
		if (!file)
			return -EBADF;
		c.file = file;
	}
	err = mmap_prepare(&c, prot);
	if (err)
		return err;
	if (flags & LX_MAP_NORESERVE)
		c.vm_flags |= VM_NORESERVE;
	err = mmap_region(&c);
	if (err)
		return err;
	if ((c.vm_flags & VM_LOCKED) ||
	    (flags & (LX_MAP_POPULATE | LX_MAP_NONBLOCK)) == LX_MAP_POPULATE)
		mm_populate(k, mm, c.addr, c.len);
	*ret = c.addr;
	return 0;
}

/* --- munmap --------------------------------------------------------------- */

/* Cuts areas so that none crosses @start or @end. */
static int split_at(struct kernel *k, struct mm_struct *mm, va_t start,
		    va_t end)
{
	struct vm_area_struct *vma = find_vma(mm, start);
	int err;

	if (vma && vma->vm_start < start) {
		if (end < vma->vm_end && mm->vmas.count >= LX_MAX_MAP_COUNT)
			return -ENOMEM;
		err = vma_split(k, vma, start, false);
		if (err)
			return err;
	}
	vma = find_vma(mm, end - 1);
	if (vma && vma->vm_start < end && vma->vm_end > end)
		return vma_split(k, vma, end, true);
	return 0;
}

/* Page tables that served only [start, end) go as well. */
static uint64_t free_pgtables(struct kernel *k, struct mm_struct *mm,
			      va_t start, va_t end)
{
	const struct vm_area_struct *next = find_vma(mm, end);
	const struct vm_area_struct *prev =
		next ? vma_tree_prev(&mm->vmas, next) :
		       vma_tree_last(&mm->vmas);
	uint64_t before = k->vmstat.pgfree, freed;

	free_pgd_range(k, mm_root(mm), start, end, prev ? prev->vm_end : 0,
		       next ? next->vm_start : 0);
	freed = k->vmstat.pgfree - before;
	mm->pgtables -= freed;
	return freed;
}

static void detach_areas(struct kernel *k, struct mm_struct *mm, va_t start,
			 va_t end)
{
	struct vm_area_struct *vma;
	uint64_t nr = 0;

	while ((vma = find_vma(mm, start)) && vma->vm_start < end) {
		nr += unmap_page_range(k, vma, vma->vm_start, vma->vm_end);
		mm->total_vm -= vma_pages(vma);
		if (vma->vm_flags & VM_LOCKED)
			mm->locked_vm -= vma_pages(vma);
		kevent(k, .kind = KEV_VMA, .func = "unmap", .va = vma->vm_start,
		       .end = vma->vm_end, .pid = mm->owner_pid);
		vma_remove(k, vma);
	}
	if (free_pgtables(k, mm, start, end))
		flush_tlb_mm(k, mm_root(mm));
	else
		flush_tlb_range(k, mm, start, end, nr);
}

int do_munmap(struct kernel *k, struct mm_struct *mm, va_t addr, uint64_t len)
{
	va_t end;
	int err;

	if ((addr & ~PAGE_MASK) || addr > mm->task_size ||
	    len > mm->task_size - addr)
		return -EINVAL;
	end = addr + PAGE_ALIGN(len);
	if (end == addr)
		return -EINVAL;
	if (!overlaps(mm, addr, end - addr))
		return 0;
	err = split_at(k, mm, addr, end);
	if (err)
		return err;
	detach_areas(k, mm, addr, end);
	return 0;
}

/* --- brk ------------------------------------------------------------------ */

int do_brk_flags(struct kernel *k, struct mm_struct *mm, va_t addr,
		 uint64_t len, unsigned long flags)
{
	struct mmap_call c = { .k = k, .mm = mm, .addr = addr, .len = len,
			       .pgoff = addr >> PAGE_SHIFT };
	struct vma_range r = { .start = addr, .end = addr + len,
			       .pgoff = c.pgoff };
	struct vm_area_struct *vma;
	int err;

	c.vm_flags = VM_DATA_FLAGS | VM_ACCOUNT | mm->def_flags | flags;
	r.flags = c.vm_flags;
	if (addr + len > mm->task_size || mm->vmas.count > LX_MAX_MAP_COUNT ||
	    mlock_future_check(mm, c.vm_flags, len) ||
	    vm_enough_memory(k, len >> PAGE_SHIFT))
		return -ENOMEM;
	/* Only an area of the heap itself may grow: bss and heap stay apart. */
	vma = addr ? find_vma(mm, addr - 1) : NULL;
	if (vma && vma->vm_end == addr && vma->vm_start >= mm->start_brk &&
	    mm->start_brk && can_vma_merge_after(vma, &r)) {
		vma_expand(k, vma, vma->vm_start, addr + len, vma->vm_pgoff,
			   NULL);
	} else {
		err = new_area(&c, &vma);
		if (err)
			return err;
	}
	if (k->arch->softdirty)
		vma->vm_flags |= VM_SOFTDIRTY;
	vma_set_page_prot(k, vma);
	mm->total_vm += len >> PAGE_SHIFT;
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm += len >> PAGE_SHIFT;
	return 0;
}

static int grow_brk(struct kernel *k, struct mm_struct *mm, va_t old, va_t new)
{
	const struct vm_area_struct *next = find_vma(mm, old);

	if (new < old || new > mm->task_size ||
	    (next && new + PAGE_SIZE > vm_start_gap(next)))
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
	if (brk < mm->start_brk || new < brk)
		return 0;
	if (new != old)
		err = brk <= mm->brk ? shrink_brk(k, mm, new, old) :
				       grow_brk(k, mm, old, new);
	if (err)
		return 0;
	mm->brk = brk;
	if (new > old && (mm->def_flags & VM_LOCKED))
		mm_populate(k, mm, old, new - old);
	*ret = brk;
	return 0;
}

/* --- stacks --------------------------------------------------------------- */

static uint64_t stack_limit(const struct mm_struct *mm)
{
	return mm->owner ? mm->owner->rlim[RLIM_STACK] : 8 * MiB;
}

static int acct_stack_growth(struct kernel *k, struct vm_area_struct *vma,
			     uint64_t size, uint64_t grow)
{
	if (size > stack_limit(vma->vm_mm) ||
	    mlock_future_check(vma->vm_mm, vma->vm_flags, grow << PAGE_SHIFT))
		return -ENOMEM;
	return vm_enough_memory(k, grow);
}

/* linux expand_downwards() */
int expand_stack(struct kernel *k, struct vm_area_struct *vma, va_t va)
{
	struct mm_struct *mm = vma->vm_mm;
	const struct vm_area_struct *prev = vma_tree_prev(&mm->vmas, vma);
	uint64_t grow;
	int err;

	va &= PAGE_MASK;
	if (va < MMAP_MIN_ADDR)
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
	mm->total_vm += grow;
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

/* --- special mappings ----------------------------------------------------- */

int install_special_mapping(struct kernel *k, struct mm_struct *mm, va_t addr,
			    uint64_t len, unsigned long flags,
			    struct file *pages, const char *name)
{
	struct mmap_call c = { .k = k, .mm = mm, .file = pages, .addr = addr,
			       .len = len };
	struct vm_area_struct *vma;
	int err;

	c.vm_flags = (flags | mm->def_flags | VM_DONTEXPAND) &
		     ~(VM_LOCKED | VM_LOCKONFAULT);
	if (k->arch->softdirty)
		c.vm_flags |= VM_SOFTDIRTY;
	err = new_area(&c, &vma);
	if (err)
		return err;
	vma->name = name;
	vma_set_page_prot(k, vma);
	mm->total_vm += len >> PAGE_SHIFT;
	return 0;
}

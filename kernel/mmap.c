/*
 * mmap.c - mmap, munmap, and the limits of all that makes an address space
 * larger (linux 6.1 mm/mmap.c). Where a mapping goes is in unmapped_area.c, the
 * heap in brk.c, stacks in expand_stack.c, what memory may be promised in util.c.
 *
 * Left out: locks, seals, append-only files, swap files and mounts without
 * exec.
 */
#include <errno.h>
#include <inttypes.h>

#include "kernel/gup.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"
#include "kernel/pkeys.h"

#define MAP_TYPE 0x0fu
#define NOT_LOCKABLE (VM_SPECIAL | VM_HUGETLB)
/* Flags that mmap ignored from the beginning, if it does not know them. */
#define LEGACY_MAP_MASK                                                        \
	(LX_MAP_SHARED | LX_MAP_PRIVATE | LX_MAP_FIXED | LX_MAP_ANONYMOUS |    \
	 LX_MAP_DENYWRITE | 0x1000u | LX_MAP_GROWSDOWN | LX_MAP_LOCKED |                 \
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

/* --- limits --------------------------------------------------------------- */

uint64_t rlimit(const struct mm_struct *mm, unsigned which)
{
	return mm->owner ? mm->owner->rlim[which] : LX_RLIM_INFINITY;
}

/* What an area counts as: text, stack, data, or nothing but total_vm. */
static uint64_t *vm_counter(struct mm_struct *mm, unsigned long flags)
{
	if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		return &mm->exec_vm;
	if (flags & VM_GROWSDOWN)
		return &mm->stack_vm;
	return is_data_mapping(flags) ? &mm->data_vm : NULL;
}

void vm_stat_account(struct mm_struct *mm, unsigned long flags, int64_t pages)
{
	uint64_t *n = vm_counter(mm, flags);

	mm->total_vm += pages;
	if (n)
		*n += pages;
}

static bool data_limit_ok(const struct mm_struct *mm, uint64_t pages)
{
	uint64_t want = mm->data_vm + pages;

	if (want <= rlimit(mm, RLIM_DATA) >> PAGE_SHIFT)
		return true;
	/* A workaround for Valgrind: soft limit 0, the hard one counts. */
	if (rlimit(mm, RLIM_DATA) == 0 &&
	    want <= mm->owner->rlim_max[RLIM_DATA] >> PAGE_SHIFT)
		return true;
	if (!mm->k->warned.data_limit)
		printk(mm->k,
		       "%s (%d): VmData %" PRIu64 " exceed data ulimit %" PRIu64
		       ". Update limits or use boot option ignore_rlimit_data.",
		       mm->owner->comm, mm->owner->pid, want << PAGE_SHIFT,
		       rlimit(mm, RLIM_DATA));
	mm->k->warned.data_limit = true;
	return false;
}

bool may_expand_vm(const struct mm_struct *mm, unsigned long flags,
		   uint64_t pages)
{
	if (mm->total_vm + pages > rlimit(mm, RLIM_AS) >> PAGE_SHIFT)
		return false;
	return !is_data_mapping(flags) || data_limit_ok(mm, pages);
}

/* --- may it be mapped so? ------------------------------------------------- */

static va_t round_hint_to_min(const struct kernel *k, va_t hint)
{
	hint &= PAGE_MASK;
	return hint && hint < k->mmap_min_addr ? k->mmap_min_addr : hint;
}

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
	       (flags & LX_MAP_LOCKED ? VM_LOCKED : 0) |
	       (flags & LX_MAP_SYNC ? VM_SYNC : 0);
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

int insert_vm_area(struct kernel *k, struct mm_struct *mm,
		   const struct vma_range *r, struct vm_area_struct **ret)
{
	struct vm_area_struct *vma = vm_area_alloc(k, mm);

	if (!vma)
		return -ENOMEM;
	vma->vm_start = r->start;
	vma->vm_end = r->end;
	vma->vm_flags = r->flags;
	vma->vm_pgoff = r->pgoff;
	if (r->file) {
		vma->vm_file = get_file(r->file);
		vma->vm_ops = r->file->f_inode->ops;
	}
	vma_link(vma);
	kevent(k, .kind = KEV_VMA, .func = "map", .pid = mm->owner_pid,
	       .va = vma->vm_start, .end = vma->vm_end);
	*ret = vma;
	return 0;
}

/* A nameless file; all of it is promised at once, unless MAP_NORESERVE. */
static struct file *shared_memory(struct mmap_call *c)
{
	uint64_t pages = c->vm_flags & VM_NORESERVE ? 0 : c->len >> PAGE_SHIFT;
	struct file *file;

	if (pages && vm_enough_memory(c->k, c->mm, pages))
		return NULL;
	file = shmem_zero_setup(c->k, c->len);
	if (file)
		file->f_inode->committed = pages;
	else
		vm_unacct_memory(c->k, pages);
	return file;
}

static int new_area(struct mmap_call *c, struct vm_area_struct **ret)
{
	struct vma_range r = { c->addr, c->addr + c->len, c->vm_flags,
			       NULL,	c->file,	  c->pgoff };
	int err;

	if (c->file || !(c->vm_flags & VM_SHARED))
		return insert_vm_area(c->k, c->mm, &r, ret);
	r.file = shared_memory(c);
	if (!r.file)
		return -ENOMEM;
	err = insert_vm_area(c->k, c->mm, &r, ret);
	fput(c->k, r.file);
	return err;
}

/* Private and writable: each page may become one of the process' own. */
static bool accountable_mapping(unsigned long flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE | VM_HUGETLB)) ==
	       VM_WRITE;
}

/* Pages of areas within the range: MAP_FIXED takes them away. */
static uint64_t count_vma_pages_range(const struct mm_struct *mm, va_t start,
				      va_t end)
{
	const struct vm_area_struct *vma;
	uint64_t pages = 0;

	for (vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = vma_tree_next(&mm->vmas, vma)) {
		va_t from = vma->vm_start > start ? vma->vm_start : start;
		va_t to = vma->vm_end < end ? vma->vm_end : end;

		pages += (to - from) >> PAGE_SHIFT;
	}
	return pages;
}

static bool within_limits(const struct mmap_call *c)
{
	uint64_t pages = c->len >> PAGE_SHIFT;

	return may_expand_vm(c->mm, c->vm_flags, pages) ||
	       may_expand_vm(c->mm, c->vm_flags,
			     pages - count_vma_pages_range(c->mm, c->addr,
							   c->addr + c->len));
}

/* Lets a neighbour grow over the range, or makes an area for it. */
static int place(struct mmap_call *c, struct vm_area_struct **ret)
{
	*ret = c->vm_flags & VM_SPECIAL ? NULL : expand_neighbours(c);
	return *ret ? 0 : new_area(c, ret);
}

static int mmap_region(struct mmap_call *c)
{
	uint64_t pages = c->len >> PAGE_SHIFT;
	struct vm_area_struct *vma;
	int err;

	if (!within_limits(c) || do_munmap(c->k, c->mm, c->addr, c->len))
		return -ENOMEM;
	if (accountable_mapping(c->vm_flags)) {
		if (vm_enough_memory(c->k, c->mm, pages))
			return -ENOMEM;
		c->vm_flags |= VM_ACCOUNT;
	}
	err = place(c, &vma);
	if (!err && is_vm_hugetlb_page(vma)) {
		err = hugetlb_reserve_pages(c->k, vma);
		if (err)
			vma_remove(c->k, vma);
	}
	if (err) {
		if (c->vm_flags & VM_ACCOUNT)
			vm_unacct_memory(c->k, pages);
		return err;
	}
	vm_stat_account(c->mm, c->vm_flags, pages);
	if ((vma->vm_flags & VM_LOCKED) && (vma->vm_flags & NOT_LOCKABLE))
		vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	else if (vma->vm_flags & VM_LOCKED)
		c->mm->locked_vm += pages;
	if (c->k->arch->softdirty)
		vma->vm_flags |= VM_SOFTDIRTY;
	vma_set_page_prot(c->k, vma);
	return 0;
}

static bool overlaps(const struct mm_struct *mm, va_t addr, uint64_t len)
{
	const struct vm_area_struct *vma = find_vma(mm, addr);

	return vma && vma->vm_start < addr + len;
}

/* The errors that come before a place is looked for. */
static int check_request(struct mmap_call *c)
{
	if (!c->len)
		return -EINVAL;
	if (c->flags & LX_MAP_FIXED_NOREPLACE)
		c->flags |= LX_MAP_FIXED;
	if (!(c->flags & LX_MAP_FIXED))
		c->addr = round_hint_to_min(c->k, c->addr);
	c->len = PAGE_ALIGN(c->len);
	if (!c->len)
		return -ENOMEM;
	/* A long of a 32-bit system call cannot even express it. */
	if (c->k->arch->word < 8 && c->pgoff > UINT32_MAX)
		return -EINVAL;
	if (c->pgoff + (c->len >> PAGE_SHIFT) < c->pgoff)
		return -EOVERFLOW;
	return c->mm->vmas.count > c->k->max_map_count ? -ENOMEM : 0;
}

static int check_locked(const struct mmap_call *c)
{
	if ((c->flags & LX_MAP_LOCKED) && !can_do_mlock(c->mm))
		return -EPERM;
	return mlock_future_check(c->mm, c->vm_flags, c->len);
}

static int find_place(struct mmap_call *c)
{
	if (is_file_hugepages(c->file))
		return hugetlb_get_unmapped_area(c->k, c->mm, c->addr, c->len,
						 c->flags, &c->addr);
	return get_unmapped_area(c->k, c->mm, c->addr, c->len, c->flags,
				 &c->addr);
}

/* It never merges, and its pages are promised by the pool. */
static unsigned long hugetlb_flags(const struct mmap_call *c)
{
	if (!is_file_hugepages(c->file))
		return 0;
	return VM_HUGETLB | VM_DONTEXPAND |
	       (c->flags & LX_MAP_NORESERVE ? VM_NORESERVE : 0);
}

/* Where and whether: fills in addr, len and vm_flags. */
static int mmap_prepare(struct mmap_call *c, unsigned prot)
{
	uint64_t key = 0;
	int err = check_request(c);

	if (!err)
		err = find_place(c);
	if (err)
		return err;
	if ((c->flags & LX_MAP_FIXED_NOREPLACE) &&
	    overlaps(c->mm, c->addr, c->len))
		return -EEXIST;
	if (prot == LX_PROT_EXEC)
		key = execute_only_pkey(c->k, c->mm);
	c->vm_flags = calc_vm_prot_bits(prot) | key << VM_PKEY_SHIFT |
		      calc_vm_flag_bits(c->flags) |
		      c->mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
	err = check_locked(c);
	if (!err)
		err = c->file ? check_file(c) : check_anonymous(c);
	if ((c->flags & LX_MAP_NORESERVE) &&
	    c->k->overcommit_memory != OVERCOMMIT_NEVER)
		c->vm_flags |= VM_NORESERVE;
	c->vm_flags |= hugetlb_flags(c);
	return err;
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
	if (flags & LX_MAP_HUGETLB) {
		err = c.file ? -EINVAL :
			       hugetlb_file_setup(k, flags, &c.len, &c.file);
		if (err)
			return err;
	}
	err = mmap_prepare(&c, prot | read_implies_exec(mm, prot));
	if (!err)
		err = mmap_region(&c);
	if (flags & LX_MAP_HUGETLB)
		fput(k, c.file);
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
		if (end < vma->vm_end && mm->vmas.count >= k->max_map_count)
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

/* The area is about to go: nothing counts its pages any more. */
void vma_unaccount(struct kernel *k, const struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->vm_mm;

	vm_stat_account(mm, vma->vm_flags, -(int64_t)vma_pages(vma));
	if (vma->vm_flags & VM_LOCKED)
		mm->locked_vm -= vma_pages(vma);
	if (vma->vm_flags & VM_ACCOUNT)
		vm_unacct_memory(k, vma_pages(vma));
}

static void detach_areas(struct kernel *k, struct mm_struct *mm, va_t start,
			 va_t end)
{
	struct vm_area_struct *vma;
	uint64_t nr = 0;

	update_hiwater_rss(mm);
	update_hiwater_vm(mm);
	while ((vma = find_vma(mm, start)) && vma->vm_start < end) {
		nr += unmap_page_range(k, vma, vma->vm_start, vma->vm_end);
		vma_unaccount(k, vma);
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

/* --- special mappings ----------------------------------------------------- */

int install_special_mapping(struct kernel *k, struct mm_struct *mm, va_t addr,
			    uint64_t len, unsigned long flags,
			    struct file *pages, const char *name)
{
	struct vma_range r = { .start = addr,
			       .end = addr + len,
			       .file = pages };
	struct vm_area_struct *vma;
	int err;

	r.flags = (flags | mm->def_flags | VM_DONTEXPAND) &
		  ~(VM_LOCKED | VM_LOCKONFAULT);
	if (k->arch->softdirty)
		r.flags |= VM_SOFTDIRTY;
	err = insert_vm_area(k, mm, &r, &vma);
	if (err)
		return err;
	vma->name = name;
	vma_set_page_prot(k, vma);
	vm_stat_account(mm, r.flags, len >> PAGE_SHIFT);
	return 0;
}

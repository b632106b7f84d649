/*
 * madvise.c - advice about a range (linux 6.1 mm/madvise.c).
 *
 * Each advice is a row: bits of vm_flags that it clears and sets, what areas
 * it refuses, or a function that works on the pages. Flags split and merge
 * areas as mprotect does; the rest leaves areas alone. The range is walked
 * over holes: -ENOMEM in the end, but all that is mapped was advised.
 *
 * Left out: locks, userfaultfd, names (anon_vma_name.c), process_madvise. KSM and
 * memory failure are not configured: -EINVAL for their advice. Whoever may
 * map a file owns it, so that MADV_PAGEOUT applies to all files.
 */
#include <errno.h>
#include <string.h>

#include "kernel/gup.h"
#include "kernel/hugetlb.h"
#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"
#include "kernel/pagemap.h"
#include "kernel/swap.h"

struct advice;

struct madvise_call {
	struct kernel *k;
	struct mm_struct *mm;
	const struct advice *advice;
};

struct advice {
	const char *name;
	int behavior;
	unsigned long clear, set; /* of vm_flags, if there is no fn */
	unsigned long refuse;	  /* -EINVAL for areas with one of these */
	unsigned long unless;	  /* but not for areas with one of these */
	bool anonymous;		  /* -EINVAL for all others */
	/* Works on [start, end) of @vma. 0 or an errno. */
	int (*fn)(const struct madvise_call *c, struct vm_area_struct *vma,
		  va_t start, va_t end);
};

static bool vma_is_anonymous(const struct vm_area_struct *vma)
{
	return !vma->vm_ops;
}

/* --- MADV_DONTNEED, MADV_FREE --------------------------------------------- */

/* Of hugetlb areas only whole pages go: what is cut off at the end stays. */
static int madvise_dontneed(const struct madvise_call *c,
			    struct vm_area_struct *vma, va_t start, va_t end)
{
	uint64_t size = vma->vm_flags & VM_HUGETLB ? huge_page_size(c->k)
						   : PAGE_SIZE;

	end = ALIGN_DOWN(end, size);
	if (start & (size - 1))
		return -EINVAL;
	if (start < end)
		zap_page_range(c->k, vma, start, end);
	return 0;
}

static int madvise_free(const struct madvise_call *c,
			struct vm_area_struct *vma, va_t start, va_t end)
{
	madvise_free_range(c->k, vma, start, end);
	return 0;
}

/* --- MADV_COLD, MADV_PAGEOUT ---------------------------------------------- */

static int madvise_cold(const struct madvise_call *c,
			struct vm_area_struct *vma, va_t start, va_t end)
{
	madvise_cold_range(c->k, vma, start, end);
	return 0;
}

static int madvise_pageout(const struct madvise_call *c,
			   struct vm_area_struct *vma, va_t start, va_t end)
{
	madvise_pageout_range(c->k, vma, start, end);
	return 0;
}

/* --- MADV_WILLNEED, MADV_REMOVE, MADV_POPULATE ---------------------------- */

static int madvise_willneed(const struct madvise_call *c,
			    struct vm_area_struct *vma, va_t start, va_t end)
{
	uint64_t from = linear_page_index(vma, start);
	uint64_t to = linear_page_index(vma, end);
	struct inode *inode = file_inode(vma->vm_file);

	if (!inode)
		force_swapin_readahead(c->k, vma, start, end);
	else if (inode->cache == CACHE_SHMEM_INODE)
		shmem_swapin_range(c->k, inode, from, to);
	else if (!vma->name && !is_vm_hugetlb_page(vma)) /* no read_folio */
		force_page_cache_ra(c->k, vma->vm_file, from, to - from);
	return 0;
}

static int madvise_remove(const struct madvise_call *c,
			  struct vm_area_struct *vma, va_t start, va_t end)
{
	if (!vma->vm_file)
		return -EINVAL;
	/* As 6.1.170 and newer kernels; 6.1.0 asked for VM_WRITE. */
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) !=
	    (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	return vfs_fallocate(c->k, vma->vm_file,
			     LX_FALLOC_FL_PUNCH_HOLE | LX_FALLOC_FL_KEEP_SIZE,
			     linear_page_index(vma, start) << PAGE_SHIFT,
			     end - start);
}

/* Rights that forbid it are -EINVAL here, and -EFAULT is for SIGBUS. */
static int populate(const struct madvise_call *c, struct vm_area_struct *vma,
		    va_t start, va_t end, unsigned flags)
{
	int64_t n;

	if (check_vma_flags(vma, flags))
		return -EINVAL;
	for (; start < end; start += n << PAGE_SHIFT) {
		n = get_user_pages(c->k, c->mm, start,
				   (end - start) >> PAGE_SHIFT, flags, NULL);
		if (n < 0)
			return n;
	}
	return 0;
}

static int madvise_populate_read(const struct madvise_call *c,
				 struct vm_area_struct *vma, va_t start,
				 va_t end)
{
	return populate(c, vma, start, end, FOLL_TOUCH);
}

static int madvise_populate_write(const struct madvise_call *c,
				  struct vm_area_struct *vma, va_t start,
				  va_t end)
{
	return populate(c, vma, start, end, FOLL_TOUCH | FOLL_WRITE);
}

static int madvise_collapse_area(const struct madvise_call *c,
				 struct vm_area_struct *vma, va_t start,
				 va_t end)
{
	return madvise_collapse(c->k, vma, start, end);
}

/* --- the table ------------------------------------------------------------ */

#define NOT_LRU (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)
#define FN(n, f, no)                                               \
	{                                                          \
		.name = #n, .behavior = LX_MADV_##n, .refuse = no, \
		.fn = madvise_##f                                  \
	}
#define FLAGS(n, off, on, no)                                                 \
	{                                                                     \
		.name = #n, .behavior = LX_MADV_##n, .clear = off, .set = on, \
		.refuse = no                                                  \
	}

static const struct advice advices[] = {
	FLAGS(NORMAL, VM_RAND_READ | VM_SEQ_READ, 0, 0),
	FLAGS(RANDOM, VM_SEQ_READ, VM_RAND_READ, 0),
	FLAGS(SEQUENTIAL, VM_RAND_READ, VM_SEQ_READ, 0),
	FN(WILLNEED, willneed, 0),
	FN(DONTNEED, dontneed, VM_LOCKED | VM_PFNMAP),
	{ "FREE", LX_MADV_FREE, .refuse = NOT_LRU, .anonymous = true,
	  .fn = madvise_free },
	FN(REMOVE, remove, VM_LOCKED),
	FLAGS(DONTFORK, 0, VM_DONTCOPY, 0),
	FLAGS(DOFORK, VM_DONTCOPY, 0, VM_IO),
	FLAGS(HUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE, 0),
	FLAGS(NOHUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE, 0),
	FLAGS(DONTDUMP, 0, VM_DONTDUMP, 0),
	{ "DODUMP", LX_MADV_DODUMP, VM_DONTDUMP, 0, VM_SPECIAL, VM_HUGETLB },
	FLAGS(WIPEONFORK, 0, VM_WIPEONFORK, VM_SHARED),
	FLAGS(KEEPONFORK, VM_WIPEONFORK, 0, 0),
	FN(COLD, cold, NOT_LRU),
	FN(PAGEOUT, pageout, NOT_LRU),
	FN(POPULATE_READ, populate_read, 0),
	FN(POPULATE_WRITE, populate_write, 0),
	FN(DONTNEED_LOCKED, dontneed, VM_PFNMAP),
	FN(COLLAPSE, collapse_area, 0),
};

/* Names that this kernel knows but was not configured for: -EINVAL. */
static const struct {
	const char *name;
	int behavior;
} unconfigured[] = {
	{ "MERGEABLE", LX_MADV_MERGEABLE },
	{ "UNMERGEABLE", LX_MADV_UNMERGEABLE },
	{ "HWPOISON", LX_MADV_HWPOISON },
	{ "SOFT_OFFLINE", LX_MADV_SOFT_OFFLINE },
};

const char *madvise_name(unsigned i)
{
	if (i < ARRAY_SIZE(advices))
		return advices[i].name;
	i -= ARRAY_SIZE(advices);
	return i < ARRAY_SIZE(unconfigured) ? unconfigured[i].name : NULL;
}

int madvise_by_name(const char *name)
{
	if (!strncasecmp(name, "MADV_", 5))
		name += 5;
	for (unsigned i = 0; i < ARRAY_SIZE(advices); i++)
		if (!strcasecmp(name, advices[i].name))
			return advices[i].behavior;
	for (unsigned i = 0; i < ARRAY_SIZE(unconfigured); i++)
		if (!strcasecmp(name, unconfigured[i].name))
			return unconfigured[i].behavior;
	return -1;
}

static const struct advice *find_advice(int behavior)
{
	for (unsigned i = 0; i < ARRAY_SIZE(advices); i++)
		if (advices[i].behavior == behavior)
			return &advices[i];
	return NULL;
}

bool madvise_configured(int behavior)
{
	return find_advice(behavior);
}

/* --- the call ------------------------------------------------------------- */

/* A file area is none, MAP_SHARED|MAP_ANONYMOUS neither. */
static bool refused(const struct advice *a, const struct vm_area_struct *vma)
{
	if (a->behavior == LX_MADV_WIPEONFORK && vma->vm_file)
		return true;
	if (vma->vm_flags & a->unless)
		return false;
	return (vma->vm_flags & a->refuse) ||
	       (a->anonymous && !vma_is_anonymous(vma));
}

static const char *reason(unsigned long flags)
{
	return flags & VM_LOCKED    ? "locked"
	       : flags & VM_HUGETLB ? "of hugetlb pages"
	       : flags & VM_SPECIAL ? "the kernel's own"
	       : flags & VM_SHARED  ? "shared"
				    : "not private anonymous memory";
}

const struct vm_area_struct *madvise_refused_by(const struct mm_struct *mm,
						va_t start, uint64_t len,
						int behavior, const char **why)
{
	const struct advice *a = find_advice(behavior);
	const struct vm_area_struct *vma = find_vma(mm, start);

	for (; a && vma && vma->vm_start < start + len;
	     vma = vma_tree_next(&mm->vmas, vma)) {
		if (!refused(a, vma))
			continue;
		*why = reason(vma->vm_flags & a->refuse);
		return vma;
	}
	return NULL;
}

/* What the slab cannot give now it may give later: -EAGAIN. */
static int change_flags(const struct madvise_call *c,
			struct vm_area_struct *vma,
			struct vm_area_struct **pprev, va_t start, va_t end)
{
	unsigned long flags =
		(vma->vm_flags & ~c->advice->clear) | c->advice->set;

	*pprev = vma_tree_prev(&c->mm->vmas, vma);
	if (start > vma->vm_start)
		*pprev = vma;
	if (flags == vma->vm_flags) {
		*pprev = vma;
		return 0;
	}
	if (vma_modify_flags(c->k, vma, pprev, start, end, flags))
		return -EAGAIN;
	(*pprev)->vm_flags = flags;
	return 0;
}

static int advise_area(struct kernel *k, struct vm_area_struct *vma,
		       struct vm_area_struct **pprev, va_t start, va_t end,
		       void *arg)
{
	const struct madvise_call *c = arg;

	if (refused(c->advice, vma))
		return -EINVAL;
	if (!c->advice->fn)
		return change_flags(c, vma, pprev, start, end);
	*pprev = vma;
	return c->advice->fn(c, vma, start, end);
}

int madvise_walk_vmas(struct kernel *k, struct mm_struct *mm, va_t start,
		      va_t end, madvise_visit_fn visit, void *arg)
{
	struct vm_area_struct *vma = find_vma(mm, start), *prev;
	int err, unmapped = 0;

	for (;; vma = find_vma(mm, start)) {
		if (!vma)
			return -ENOMEM;
		if (start < vma->vm_start) {
			unmapped = -ENOMEM;
			start = vma->vm_start;
			if (start >= end)
				return unmapped;
		}
		err = visit(k, vma, &prev, start,
			    vma->vm_end < end ? vma->vm_end : end, arg);
		if (err)
			return err;
		start = prev->vm_end;
		if (start >= end)
			return unmapped;
	}
}

int do_madvise(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	       int behavior)
{
	struct madvise_call c = { k, mm, find_advice(behavior) };
	va_t end;

	if (!c.advice || (start & ~PAGE_MASK))
		return -EINVAL;
	if (len && !to_ulong(k, PAGE_ALIGN(len)))
		return -EINVAL;
	end = to_ulong(k, start + PAGE_ALIGN(len));
	if (end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	return madvise_walk_vmas(k, mm, start, end, advise_area, &c);
}

/*
 * vma.c - areas as objects: making, linking, merging, splitting (linux 6.1
 * mm/mmap.c: vma_merge, __vma_adjust, vma_expand, __split_vma; kernel/fork.c:
 * vm_area_alloc, vm_area_dup).
 *
 * Left out: locks, NUMA policies, userfaultfd, ->open and ->close.
 */
#include <assert.h>
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"

struct vm_area_struct *vm_area_alloc(struct kernel *k, struct mm_struct *mm)
{
	va_t va = mm_charge(k, CACHE_VMA);
	struct vm_area_struct *vma;

	if (!va)
		return NULL;
	vma = xcalloc(1, sizeof(*vma));
	vma->addr.va = va;
	vma->vm_mm = mm;
	LIST_INIT(&vma->anon_vma_chain);
	return vma;
}

struct vm_area_struct *vm_area_dup(struct kernel *k,
				   const struct vm_area_struct *vma)
{
	struct vm_area_struct *new = vm_area_alloc(k, vma->vm_mm);
	struct kernel_addr addr;

	if (!new)
		return NULL;
	addr = new->addr;
	*new = *vma;
	new->addr = addr;
	LIST_INIT(&new->anon_vma_chain);
	anon_vma_name_get(new->anon_name);
	return new;
}

void vm_area_free(struct kernel *k, struct vm_area_struct *vma)
{
	anon_vma_name_put(k, vma->anon_name);
	mm_uncharge(k, CACHE_VMA, vma->addr.va);
	free(vma);
}

void vma_link(struct vm_area_struct *vma)
{
	vma_tree_insert(&vma->vm_mm->vmas, vma);
	if (vma->vm_file)
		i_mmap_insert(&vma->vm_file->f_mapping->i_mmap, vma);
}

void vma_remove(struct kernel *k, struct vm_area_struct *vma)
{
	vma_tree_remove(&vma->vm_mm->vmas, vma);
	unlink_anon_vmas(k, vma);
	hugetlb_vm_op_close(k, vma);
	if (vma->vm_file) {
		i_mmap_remove(&vma->vm_file->f_mapping->i_mmap, vma);
		fput(k, vma->vm_file);
	}
	vm_area_free(k, vma);
}

/* --- may they merge? ------------------------------------------------------ */

static bool chain_is_singular(const struct vm_area_struct *vma)
{
	const struct anon_vma_chain *avc = LIST_FIRST(&vma->anon_vma_chain);

	return avc && !LIST_NEXT(avc, same_vma);
}

/*
 * Pages of both sides must be reachable through one anon_vma. One of them
 * may have none yet, but then the other must not be inherited by fork: that
 * would make anon_vma chains grow without end.
 */
static bool is_mergeable_anon_vma(const struct anon_vma *a,
				  const struct anon_vma *b,
				  const struct vm_area_struct *vma)
{
	if ((!a || !b) && (!vma || chain_is_singular(vma)))
		return true;
	return a == b;
}

static bool is_mergeable_vma(const struct vm_area_struct *vma,
			     const struct vma_range *r)
{
	return !((vma->vm_flags ^ r->flags) & ~VM_SOFTDIRTY) &&
	       vma->vm_file == r->file &&
	       anon_vma_name_eq(vma->anon_name, r->anon_name);
}

bool can_vma_merge_before(const struct vm_area_struct *vma,
			  const struct vma_range *r)
{
	return is_mergeable_vma(vma, r) &&
	       is_mergeable_anon_vma(r->anon_vma, vma->anon_vma, vma) &&
	       vma->vm_pgoff == r->pgoff + ((r->end - r->start) >> PAGE_SHIFT);
}

bool can_vma_merge_after(const struct vm_area_struct *vma,
			 const struct vma_range *r)
{
	return is_mergeable_vma(vma, r) &&
	       is_mergeable_anon_vma(r->anon_vma, vma->anon_vma, vma) &&
	       vma->vm_pgoff + vma_pages(vma) == r->pgoff;
}

/* --- moving bounds -------------------------------------------------------- */

static void report(struct kernel *k, const struct vm_area_struct *vma,
		   const char *func)
{
	kevent(k, .kind = KEV_VMA, .func = func, .pid = vma->vm_mm->owner_pid,
	       .va = vma->vm_start, .end = vma->vm_end);
}

static void vma_move(struct vm_area_struct *vma, va_t start, va_t end)
{
	struct file *file = vma->vm_file;

	if (start > vma->vm_start)
		vma_adjust_trans_huge(vma->vm_mm->k, vma, start);
	if (end < vma->vm_end)
		vma_adjust_trans_huge(vma->vm_mm->k, vma, end);
	if (file)
		i_mmap_remove(&file->f_mapping->i_mmap, vma);
	vma->vm_pgoff += (int64_t)(start - vma->vm_start) >> PAGE_SHIFT;
	vma_tree_adjust(&vma->vm_mm->vmas, vma, start, end);
	if (file)
		i_mmap_insert(&file->f_mapping->i_mmap, vma);
}

/* @to is about to cover pages of @from: it needs a way to their anon_vma. */
static int import_anon_vma(struct kernel *k, struct vm_area_struct *to,
			   struct vm_area_struct *from)
{
	if (!from->anon_vma || to->anon_vma)
		return 0;
	to->anon_vma = from->anon_vma;
	return anon_vma_clone(k, to, from);
}

/* Cases 1 (fills a hole) and 6 (@mid is swallowed too). */
static struct vm_area_struct *merge_both(struct kernel *k,
					 struct vm_area_struct *prev,
					 struct vm_area_struct *mid,
					 struct vm_area_struct *next)
{
	va_t end = next->vm_end;

	if (import_anon_vma(k, prev, mid->anon_vma ? mid : next))
		return NULL;
	if (mid != next)
		vma_remove(k, mid);
	vma_remove(k, next);
	vma_move(prev, prev->vm_start, end);
	return prev;
}

/* Cases 2 (hole), 7 (all of @mid), 5 (the head of @mid). */
static struct vm_area_struct *merge_prev(struct kernel *k,
					 struct vm_area_struct *prev,
					 struct vm_area_struct *mid, va_t end)
{
	bool overlap = mid && mid->vm_start < end;

	if (overlap && import_anon_vma(k, prev, mid))
		return NULL;
	if (overlap && mid->vm_end == end)
		vma_remove(k, mid);
	else if (overlap)
		vma_move(mid, end, mid->vm_end);
	vma_move(prev, prev->vm_start, end);
	return prev;
}

/* Cases 4 (the tail of @prev), 8 (all of @mid), 3 (hole). */
static struct vm_area_struct *merge_next(struct kernel *k,
					 struct vm_area_struct *prev,
					 struct vm_area_struct *mid,
					 struct vm_area_struct *next,
					 va_t start)
{
	if (prev && start < prev->vm_end) {
		if (import_anon_vma(k, next, prev))
			return NULL;
		vma_move(prev, prev->vm_start, start);
	} else if (mid != next) {
		if (import_anon_vma(k, next, mid))
			return NULL;
		vma_remove(k, mid);
	}
	vma_move(next, start, next->vm_end);
	return next;
}

/*
 * The mapping @r, with flags @r->flags, joins its neighbours. It is a hole,
 * or part of an area that is about to get these flags:
 *
 *	    @r           @r          @r          @r
 *	 PPPPNNNN     PPPPPPNNNN   PPPPPPNNNN   PPPPXXXXNNNN
 *	 4: N grows   5: P grows   hole: 1,2,3  X = @r: 6,7,8
 *
 * @prev is the area before @r, or the one whose tail @r is. Returns the area
 * that holds @r now, or NULL: nothing has changed.
 */
struct vm_area_struct *vma_merge(struct kernel *k, struct mm_struct *mm,
				 struct vm_area_struct *prev,
				 const struct vma_range *r)
{
	struct vm_area_struct *next = prev ? vma_tree_next(&mm->vmas, prev) :
					     vma_tree_first(&mm->vmas);
	struct vm_area_struct *mid = next, *res = NULL;
	bool with_prev, with_next;

	if (r->flags & VM_SPECIAL)
		return NULL;
	if (next && next->vm_end == r->end)
		next = vma_tree_next(&mm->vmas, next);
	with_prev = prev && prev->vm_end == r->start &&
		    can_vma_merge_after(prev, r);
	with_next = next && next->vm_start == r->end &&
		    can_vma_merge_before(next, r);
	if (with_prev && with_next &&
	    is_mergeable_anon_vma(prev->anon_vma, next->anon_vma, NULL))
		res = merge_both(k, prev, mid, next);
	else if (with_prev)
		res = merge_prev(k, prev, mid, r->end);
	else if (with_next)
		res = merge_next(k, prev, mid, next, r->start);
	if (res)
		report(k, res, "merge");
	return res;
}

int vma_expand(struct kernel *k, struct vm_area_struct *vma, va_t start,
	       va_t end, uint64_t pgoff, struct vm_area_struct *next)
{
	bool remove = next && vma != next && end == next->vm_end;

	if (remove && import_anon_vma(k, vma, next))
		return -ENOMEM;
	if (remove)
		vma_remove(k, next);
	vma_move(vma, start, end);
	assert(vma->vm_pgoff == pgoff);
	report(k, vma, "merge");
	return 0;
}

int vma_split(struct kernel *k, struct vm_area_struct *vma, va_t addr,
	      bool new_below)
{
	struct vm_area_struct *new;

	if (!vma_may_split(vma) || !hugetlb_may_split(k, vma, addr))
		return -EINVAL;
	new = vm_area_dup(k, vma);
	if (!new)
		return -ENOMEM;
	if (anon_vma_clone(k, new, vma)) {
		vm_area_free(k, new);
		return -ENOMEM;
	}
	if (new->vm_file)
		get_file(new->vm_file);
	if (new_below) {
		new->vm_end = addr;
		vma_move(vma, addr, vma->vm_end);
	} else {
		new->vm_start = addr;
		new->vm_pgoff = linear_page_index(vma, addr);
		vma_move(vma, vma->vm_start, addr);
	}
	hugetlb_vm_op_open(new);
	vma_link(new);
	kevent(k, .kind = KEV_VMA, .func = "split", .va = addr, .end = addr,
	       .pid = vma->vm_mm->owner_pid);
	return 0;
}

int split_vma(struct kernel *k, struct vm_area_struct *vma, va_t addr,
	      bool new_below)
{
	if (vma->vm_mm->vmas.count >= k->max_map_count)
		return -ENOMEM;
	return vma_split(k, vma, addr, new_below);
}

int vma_modify(struct kernel *k, struct vm_area_struct *vma,
	       struct vm_area_struct **pprev, const struct vma_range *r)
{
	int err = 0;

	*pprev = vma_merge(k, vma->vm_mm, *pprev, r);
	if (*pprev)
		return 0;
	*pprev = vma;
	if (r->start != vma->vm_start)
		err = split_vma(k, vma, r->start, true);
	if (!err && r->end != vma->vm_end)
		err = split_vma(k, vma, r->end, false);
	return err;
}

int vma_modify_flags(struct kernel *k, struct vm_area_struct *vma,
		     struct vm_area_struct **pprev, va_t start, va_t end,
		     unsigned long flags)
{
	struct vma_range r = vma_range_of(vma, start, end);

	r.flags = flags;
	return vma_modify(k, vma, pprev, &r);
}

/* --- sharing an anon_vma between neighbours ------------------------------- */

/* Could the two become one area if mprotect made their rights equal? */
static bool anon_vma_compatible(const struct vm_area_struct *a,
				const struct vm_area_struct *b)
{
	return a->vm_end == b->vm_start && a->vm_file == b->vm_file &&
	       !((a->vm_flags ^ b->vm_flags) &
		 ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) &&
	       b->vm_pgoff == linear_page_index(a, b->vm_start);
}

struct anon_vma *find_mergeable_anon_vma(const struct vm_area_struct *vma)
{
	const struct vma_tree *t = &vma->vm_mm->vmas;
	struct vm_area_struct *near = vma_tree_next(t, vma);

	if (near && near->anon_vma && chain_is_singular(near) &&
	    anon_vma_compatible(vma, near))
		return near->anon_vma;
	near = vma_tree_prev(t, vma);
	if (near && near->anon_vma && chain_is_singular(near) &&
	    anon_vma_compatible(near, vma))
		return near->anon_vma;
	return NULL;
}

/* --- what follows from flags ---------------------------------------------- */

const struct flag_name vm_flag_names[] = {
	{ VM_READ, "rd", NULL },
	{ VM_WRITE, "wr", NULL },
	{ VM_EXEC, "ex", NULL },
	{ VM_SHARED, "sh", NULL },
	{ VM_MAYREAD, "mr", NULL },
	{ VM_MAYWRITE, "mw", NULL },
	{ VM_MAYEXEC, "me", NULL },
	{ VM_MAYSHARE, "ms", NULL },
	{ VM_GROWSDOWN, "gd", NULL },
	{ VM_PFNMAP, "pf", NULL },
	{ VM_LOCKED, "lo", NULL },
	{ VM_IO, "io", NULL },
	{ VM_SEQ_READ, "sr", NULL },
	{ VM_RAND_READ, "rr", NULL },
	{ VM_DONTCOPY, "dc", NULL },
	{ VM_DONTEXPAND, "de", NULL },
	{ VM_LOCKONFAULT, "lf", NULL },
	{ VM_ACCOUNT, "ac", NULL },
	{ VM_NORESERVE, "nr", NULL },
	{ VM_HUGETLB, "ht", NULL },
	{ VM_SYNC, "sf", NULL },
	{ VM_WIPEONFORK, "wf", NULL },
	{ VM_DONTDUMP, "dd", NULL },
	{ VM_SOFTDIRTY, "sd", NULL },
	{ VM_HUGEPAGE, "hg", NULL },
	{ VM_NOHUGEPAGE, "nh", NULL },
	{ 0, NULL, NULL },
};

/* Linux' protection_map: private writable pages start out read-only. */
uint64_t vm_get_page_prot(const struct kernel *k, unsigned long vm_flags)
{
	uint64_t key = (vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT
					       << PTE_PK_SHIFT;
	uint64_t prot = PTE_P | PTE_US | PTE_A | key;

	if (!(vm_flags & VM_ACCESS_FLAGS))
		return _PAGE_PROTNONE | PTE_A | key;
	if ((vm_flags & (VM_WRITE | VM_SHARED)) == (VM_WRITE | VM_SHARED))
		prot |= PTE_RW;
	if (!(vm_flags & VM_EXEC))
		prot |= pt_nx(k);
	return prot;
}

bool vma_soft_dirty_enabled(const struct vm_area_struct *vma)
{
	return vma->vm_mm->k->arch->softdirty &&
	       !(vma->vm_flags & VM_SOFTDIRTY);
}

bool vma_wants_writenotify(const struct vm_area_struct *vma)
{
	if ((vma->vm_flags & (VM_WRITE | VM_SHARED)) !=
	    (VM_WRITE | VM_SHARED))
		return false;
	if (vma->vm_ops && vma->vm_ops->page_mkwrite)
		return true;
	return vma_soft_dirty_enabled(vma);
}

void vma_set_page_prot(struct kernel *k, struct vm_area_struct *vma)
{
	unsigned long flags = vma->vm_flags;

	if (vma_wants_writenotify(vma))
		flags &= ~VM_SHARED;
	vma->vm_page_prot = vm_get_page_prot(k, flags);
}

unsigned long calc_vm_prot_bits(unsigned prot)
{
	return prot & (LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC);
}

struct vm_area_struct *find_vma(const struct mm_struct *mm, va_t va)
{
	return vma_tree_find(&mm->vmas, va);
}

const char *vma_name(const struct vm_area_struct *vma)
{
	const struct mm_struct *mm = vma->vm_mm;

	if (vma->name)
		return vma->name;
	if (vma->vm_file)
		return vma->vm_file->f_inode->path;
	if (vma->vm_start <= mm->brk && vma->vm_end >= mm->start_brk)
		return "[heap]";
	if (vma->vm_start <= mm->start_stack &&
	    vma->vm_end >= mm->start_stack)
		return "[stack]";
	return vma->anon_name ? anon_vma_name_text(vma->anon_name) : "";
}

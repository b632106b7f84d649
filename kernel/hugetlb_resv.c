/*
 * hugetlb_resv.c - who was promised pages of the pool (linux 6.1 mm/hugetlb.c:
 * resv_map, hugetlb_reserve_pages, vma_needs_reservation).
 *
 *	shared	 the file's map: set where a page is promised, or is there
 *	private	 the area's map, of who called mmap: set where the promise was
 *		 used; what is not set is promised. A child has none.
 *
 * Linux keeps ranges; here a byte stands for each large page. Left out: the
 * slab objects of maps, holes punched into files.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"

static struct resv_map *resv_map_alloc(void)
{
	struct resv_map *m = xcalloc(1, sizeof(*m));

	m->refs = 1;
	return m;
}

static void resv_map_put(struct resv_map *m)
{
	if (!m || --m->refs)
		return;
	free(m->used);
	free(m);
}

static bool resv_get(const struct resv_map *m, uint64_t i)
{
	return i < m->n && m->used[i];
}

static void resv_set(struct resv_map *m, uint64_t i)
{
	uint64_t n = m->n;

	if (i >= n) {
		m->n = i + 1 > 2 * n ? i + 1 : 2 * n;
		m->used = xrealloc(m->used, m->n);
		memset(m->used + n, 0, m->n - n);
	}
	m->used[i] = 1;
}

static uint64_t resv_count(const struct resv_map *m, uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	for (; from < to && from < m->n; from++)
		count += m->used[from];
	return count;
}

/* linux vma_hugecache_offset() */
static uint64_t huge_index(const struct kernel *k,
			   const struct vm_area_struct *vma, va_t va)
{
	return linear_page_index(vma, va) >> k->hstate.order;
}

/* The map that tells for @vma; NULL: it has no promises. */
static struct resv_map *vma_resv_map(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & VM_MAYSHARE)
		return vma->vm_file->f_inode->resv;
	return vma->resv;
}

int hugetlb_reserve_pages(struct kernel *k, struct vm_area_struct *vma)
{
	struct inode *inode = vma->vm_file->f_inode;
	uint64_t from = huge_index(k, vma, vma->vm_start);
	uint64_t to = huge_index(k, vma, vma->vm_end), want = to - from;
	bool shared = vma->vm_flags & VM_MAYSHARE;

	/* remap_file_pages(): an offset amid a large page */
	if ((vma->vm_pgoff << PAGE_SHIFT) & (huge_page_size(k) - 1))
		return -EINVAL;
	if (shared && !inode->resv)
		inode->resv = resv_map_alloc();
	if (vma->vm_flags & VM_NORESERVE)
		return 0;
	if (shared)
		want -= resv_count(inode->resv, from, to);
	if (hugetlb_acct_memory(k, want))
		return -ENOMEM;
	if (!shared)
		vma->resv = resv_map_alloc();
	for (; shared && from < to; from++)
		resv_set(inode->resv, from);
	return 0;
}

void hugetlb_vm_op_open(struct vm_area_struct *vma)
{
	if (vma->resv)
		vma->resv->refs++;
}

void hugetlb_dup_vma_private(struct vm_area_struct *vma)
{
	vma->resv = NULL;
	vma->resv_unmapped = false;
}

/* Promises of a private area that were not used. */
static uint64_t unused_promises(const struct kernel *k,
				const struct vm_area_struct *vma)
{
	uint64_t from = huge_index(k, vma, vma->vm_start);
	uint64_t to = huge_index(k, vma, vma->vm_end);

	return to - from - resv_count(vma->resv, from, to);
}

void hugetlb_vm_op_close(struct kernel *k, struct vm_area_struct *vma)
{
	if (!vma->resv)
		return;
	hugetlb_acct_memory(k, -(int64_t)unused_promises(k, vma));
	resv_map_put(vma->resv);
	vma->resv = NULL;
}

void hugetlb_vm_moved(struct kernel *k, struct vm_area_struct *vma,
		      struct vm_area_struct *heir)
{
	int64_t rest;

	if (!vma->resv || vma == heir)
		return;
	rest = unused_promises(k, vma) - unused_promises(k, heir);
	if (rest > 0)
		hugetlb_acct_memory(k, -rest);
	resv_map_put(vma->resv);
	vma->resv = NULL;
}

/* Promises of a file that have no page yet. */
static uint64_t file_promises(const struct inode *inode)
{
	return resv_count(inode->resv, 0, inode->resv->n) -
	       inode->mapping.nrpages;
}

void hugetlb_evict_inode(struct kernel *k, struct inode *inode)
{
	if (!inode->resv)
		return;
	hugetlb_acct_memory(k, -(int64_t)file_promises(inode));
	resv_map_put(inode->resv);
	inode->resv = NULL;
}

/* Of a private area the map means the opposite. */
bool vma_needs_reservation(const struct kernel *k,
			   const struct vm_area_struct *vma, va_t va)
{
	const struct resv_map *m = vma_resv_map(vma);
	bool set = m && resv_get(m, huge_index(k, vma, va));

	if (!m)
		return true;
	return vma->vm_flags & VM_MAYSHARE ? !set : set;
}

void vma_commit_reservation(const struct kernel *k, struct vm_area_struct *vma,
			    va_t va)
{
	struct resv_map *m = vma_resv_map(vma);

	if (m)
		resv_set(m, huge_index(k, vma, va));
}

/* --- check ---------------------------------------------------------------- */

static uint64_t mm_promises(const struct kernel *k, const struct mm_struct *mm)
{
	const struct vm_area_struct *vma;
	uint64_t n = 0;

	for_each_vma (&mm->vmas, vma)
		if (vma->resv)
			n += unused_promises(k, vma);
	return n;
}

uint64_t hugetlb_promises(const struct kernel *k)
{
	const struct task_struct *t;
	const struct inode *inode;
	uint64_t n = 0;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (task_owns_mm(t))
			n += mm_promises(k, t->mm);
	LIST_FOREACH (inode, &k->inodes, link)
		if (inode->resv)
			n += file_promises(inode);
	return n;
}

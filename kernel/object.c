/*
 * object.c - see object.h. Linux has no such search; crash(8) has `kmem` and
 * `search -t`.
 */
#include "kernel/object.h"

#include "kernel/mm_internal.h"
#include "kernel/pgtable.h"
#include "kernel/pti.h"
#include "kernel/vmalloc.h"
#include "machine/ptiter.h"

const char *const object_name[] = {
	[KOBJ_NONE] = NULL,
	[KOBJ_TASK] = "task_struct",
	[KOBJ_MM] = "mm_struct",
	[KOBJ_VMA] = "vm_area_struct",
	[KOBJ_ANON_VMA] = "anon_vma",
	[KOBJ_AVC] = "anon_vma_chain",
	[KOBJ_INODE] = "inode",
	[KOBJ_VMAP] = "vmap_area",
	[KOBJ_VM] = "vm_struct",
	[KOBJ_VM_PAGES] = "array of struct page *",
};

/* --- objects ------------------------------------------------------------ */

static bool in_vma(const struct vm_area_struct *vma, va_t va,
		   struct object *ret)
{
	const struct anon_vma_chain *avc;

	ret->vma = vma;
	ret->kind = KOBJ_VMA;
	if (vma->addr.va == va)
		return true;
	LIST_FOREACH (avc, &vma->anon_vma_chain, same_vma) {
		ret->kind = KOBJ_AVC;
		if (avc->addr.va == va)
			return true;
		ret->kind = KOBJ_ANON_VMA;
		if (avc->anon_vma->addr.va == va)
			return true;
	}
	return false;
}

static bool in_task(const struct task_struct *t, va_t va, struct object *ret)
{
	struct vm_area_struct *vma;

	*ret = (struct object){ .kind = KOBJ_TASK, .task = t };
	if (t->addr.va == va)
		return true;
	if (!t->mm)
		return false;
	ret->kind = KOBJ_MM;
	if (t->mm->addr.va == va)
		return true;
	for_each_vma (&t->mm->vmas, vma)
		if (in_vma(vma, va, ret))
			return true;
	return false;
}

static bool in_vmap(const struct vmap_area *a, va_t va, struct object *ret)
{
	*ret = (struct object){ .vmap = a };
	ret->kind = a->obj == va     ? KOBJ_VMAP
		    : a->vm == va    ? KOBJ_VM
		    : a->array == va ? KOBJ_VM_PAGES
				     : KOBJ_NONE;
	return ret->kind != KOBJ_NONE;
}

bool object_at(const struct kernel *k, va_t va, struct object *ret)
{
	const struct task_struct *t;
	const struct vmap_area *a;
	const struct inode *inode;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (in_task(t, va, ret))
			return true;
	LIST_FOREACH (inode, &k->inodes, link)
		if (inode->addr.va == va) {
			*ret = (struct object){ .kind = KOBJ_INODE,
						.inode = inode };
			return true;
		}
	for (a = vmap_next(k, NULL); a; a = vmap_next(k, a))
		if (in_vmap(a, va, ret))
			return true;
	return false;
}

/* --- page tables -------------------------------------------------------- */

static bool search_tree(const struct kernel *k, pa_t root, va_t from, va_t last,
			pfn_t pfn, struct table_place *ret)
{
	struct mmu mmu = k->machine->cpu[0].mmu;
	struct ptiter it;

	mmu_set_root(&mmu, k->ram, root);
	mmu_refresh(&mmu);
	for (ptiter_start(&it, &mmu, k->ram, from, last); it.valid;) {
		pa_t table = paging_target(k->mode, it.level, it.entry, false);

		if (!it.leaf && !it.bad && table >> PAGE_SHIFT == pfn) {
			ret->level = it.level + 1;
			ret->start = it.va;
			ret->last =
				it.va + BIT(k->mode->level[it.level].shift) - 1;
			return true;
		}
		/* Leaves beside each other need not be looked at one by one. */
		if (it.leaf || it.level + 1 == k->pte_level)
			ptiter_skip(&it);
		else
			ptiter_next(&it);
	}
	return false;
}

/* Is @pfn the root at @root, or the one beside it for user code? */
static bool is_root(const struct kernel *k, pa_t root, pfn_t pfn,
		    struct table_place *ret)
{
	ret->user_root = pfn != root >> PAGE_SHIFT;
	if (pfn != pti_user_root(k, root) >> PAGE_SHIFT && ret->user_root)
		return false;
	ret->level = 0;
	ret->start = 0;
	ret->last = k->arch->word == 4 ? UINT32_MAX : UINT64_MAX;
	return true;
}

/* The kernel's part of both trees, which all processes share. */
static bool search_kernel(const struct kernel *k, pfn_t pfn,
			  struct table_place *ret)
{
	pa_t root = k->swapper_pg_dir;

	if (search_tree(k, root, k->layout.task_size, ~0ULL, pfn, ret))
		return true;
	ret->user_root = has_pti(k);
	return ret->user_root &&
	       search_tree(k, pti_user_root(k, root), k->layout.task_size,
			   ~0ULL, pfn, ret);
}

bool table_find(const struct kernel *k, pfn_t pfn, struct table_place *ret)
{
	const struct task_struct *t;

	ret->pid = 0;
	if (is_root(k, k->swapper_pg_dir, pfn, ret))
		return true;
	TAILQ_FOREACH (t, &k->tasks, link) {
		if (!task_owns_mm(t))
			continue;
		ret->pid = t->pid;
		if (is_root(k, t->mm->pgd << PAGE_SHIFT, pfn, ret))
			return true;
		ret->user_root = false;
		if (search_tree(k, t->mm->pgd << PAGE_SHIFT, 0,
				k->layout.task_size - 1, pfn, ret))
			return true;
	}
	ret->pid = 0;
	ret->user_root = false;
	return search_kernel(k, pfn, ret);
}

/*
 * fork.c - address spaces and tasks come to be (linux 6.1 kernel/fork.c).
 *
 * Left out: threads and CLONE_*, credentials, namespaces, files, signals,
 * mm ids. Host structs stand for the kernel's objects; each
 * is charged to a slab of the simulated kernel, where it has its address.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kernel/mm_internal.h"

_Static_assert(NR_MM_CACHES <= ARRAY_SIZE(((struct kernel *)0)->mm_cache),
	       "struct kernel has room for the caches");

va_t mm_charge(struct kernel *k, enum mm_cache cache)
{
	return kmem_cache_alloc(k, k->mm_cache[cache]);
}

void mm_uncharge(struct kernel *k, enum mm_cache cache, va_t va)
{
	kmem_cache_free(k, k->mm_cache[cache], va);
}

/* --- address spaces ------------------------------------------------------- */

int mm_alloc(struct kernel *k, struct mm_struct **ret)
{
	va_t va = mm_charge(k, CACHE_MM);
	struct mm_struct *mm;
	pfn_t pgd;

	if (!va)
		return -ENOMEM;
	pgd = pgd_alloc(k);
	if (pgd == PFN_NONE) {
		mm_uncharge(k, CACHE_MM, va);
		return -ENOMEM;
	}
	mm = xcalloc(1, sizeof(*mm));
	mm->k = k;
	mm->addr.va = va;
	mm->mm_users = mm->mm_count = 1;
	mm->pgd = pgd;
	mm->pgtables = pt_count_tables(k, pgd << PAGE_SHIFT);
	mm->task_size = k->layout.task_size;
	mm->map_window = k->layout.map_window;
	mm->mmap_base = k->layout.mmap_base;
	vma_tree_init(&mm->vmas);
	*ret = mm;
	return 0;
}

void mmput(struct kernel *k, struct mm_struct *mm)
{
	if (!mm || --mm->mm_users)
		return;
	exit_mmap(k, mm);
	mmdrop(k, mm);
}

void mmdrop(struct kernel *k, struct mm_struct *mm)
{
	if (!mm || --mm->mm_count)
		return;
	pgd_free(k, mm->pgd);
	vma_tree_deinit(&mm->vmas);
	mm_uncharge(k, CACHE_MM, mm->addr.va);
	free(mm);
}

/* What a child takes over besides areas and pages. */
static void copy_mm_fields(struct mm_struct *mm, const struct mm_struct *old)
{
	struct mm_struct own = *mm;

	*mm = *old;
	mm->mm_users = own.mm_users;
	mm->mm_count = own.mm_count;
	mm->pgd = own.pgd;
	mm->vmas = own.vmas;
	memset(mm->rss, 0, sizeof(mm->rss));
	mm->total_vm = mm->locked_vm = 0;
	mm->pgtables = own.pgtables;
	mm->def_flags = 0;
	mm->addr = own.addr;
	mm->owner = own.owner;
	mm->owner_pid = own.owner_pid;
}

static int dup_vma(struct kernel *k, struct mm_struct *mm,
		   struct vm_area_struct *old)
{
	struct vm_area_struct *vma = vm_area_dup(k, old);

	if (!vma)
		return -ENOMEM;
	vma->vm_mm = mm;
	vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	vma->anon_vma = NULL;
	/* VM_WIPEONFORK: its pages are none that the child could fault on. */
	if (!(vma->vm_flags & VM_WIPEONFORK) && anon_vma_fork(k, vma, old)) {
		vm_area_free(k, vma);
		return -ENOMEM;
	}
	if (vma->vm_file)
		get_file(vma->vm_file);
	vma_link(vma);
	mm->total_vm += vma_pages(vma);
	return vma->vm_flags & VM_WIPEONFORK ? 0 : copy_page_range(k, vma, old);
}

static int dup_mmap(struct kernel *k, struct mm_struct *mm,
		    struct mm_struct *old)
{
	struct vm_area_struct *vma;
	int err = 0;

	for_each_vma(&old->vmas, vma) {
		if (vma->vm_flags & VM_DONTCOPY)
			continue;
		err = dup_vma(k, mm, vma);
		if (err)
			break;
	}
	flush_tlb_mm(k, mm_root(old));
	return err;
}

/* --- tasks ---------------------------------------------------------------- */

struct task_struct *find_task(struct kernel *k, int pid)
{
	struct task_struct *t;

	TAILQ_FOREACH(t, &k->tasks, link)
		if (t->pid == pid)
			return t;
	return NULL;
}

/* The frames of a kernel stack, or PFN_NONE. */
static pfn_t alloc_stack(struct kernel *k)
{
	unsigned order = STACK_ORDER(k);
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, order, "kernel stack");

	for (unsigned i = 0; pfn != PFN_NONE && i < 1U << order; i++)
		pfn_to_page(k, pfn + i)->flags |= PG_stack;
	return pfn;
}

struct task_struct *task_alloc(struct kernel *k)
{
	va_t va = mm_charge(k, CACHE_TASK);
	pfn_t stack = va ? alloc_stack(k) : PFN_NONE;
	va_t pid = stack != PFN_NONE ? mm_charge(k, CACHE_PID) : 0;
	struct task_struct *task;

	if (!pid) {
		if (stack != PFN_NONE)
			free_pages(k, stack, STACK_ORDER(k));
		if (va)
			mm_uncharge(k, CACHE_TASK, va);
		return NULL;
	}
	task = xcalloc(1, sizeof(*task));
	task->addr.va = va;
	task->pid_addr.va = pid;
	task->stack = stack;
	task->state = 'R';
	task->cpu = -1;
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		task->rlim[i] = LX_RLIM_INFINITY;
	task->rlim[RLIM_STACK] = 8 * MiB;
	task->rlim[RLIM_MEMLOCK] = 8 * MiB;
	return task;
}

void task_free(struct kernel *k, struct task_struct *task)
{
	free_pages(k, task->stack, STACK_ORDER(k));
	mm_uncharge(k, CACHE_PID, task->pid_addr.va);
	mm_uncharge(k, CACHE_TASK, task->addr.va);
	free(task);
}

static int copy_mm(struct kernel *k, struct task_struct *task,
		   struct mm_struct *old)
{
	struct mm_struct *mm;
	int err = mm_alloc(k, &mm);

	if (err)
		return err;
	mm->owner = task;
	mm->owner_pid = task->pid;
	copy_mm_fields(mm, old);
	err = dup_mmap(k, mm, old);
	if (err) {
		mmput(k, mm);
		return err;
	}
	task->mm = mm;
	return 0;
}

int kernel_fork(struct kernel *k, struct task_struct *parent,
		struct task_struct **ret)
{
	struct task_struct *task;
	int err;

	if (!parent->mm)
		return -ESRCH;
	task = task_alloc(k);
	if (!task)
		return -ENOMEM;
	task->pid = k->next_pid;
	task->ppid = parent->pid;
	memcpy(task->comm, parent->comm, sizeof(task->comm));
	memcpy(task->rlim, parent->rlim, sizeof(task->rlim));
	task->cap_effective = parent->cap_effective;
	task->sp = parent->sp;
	task->ip = parent->ip;
	err = copy_mm(k, task, parent->mm);
	if (err) {
		task_free(k, task);
		return err;
	}
	k->next_pid++;
	TAILQ_INSERT_TAIL(&k->tasks, task, link);
	*ret = task;
	return 0;
}

/*
 * fork.c - address spaces and tasks come to be (linux 6.1 kernel/fork.c).
 *
 * Left out: CLONE_* beyond memory, signals and threads, credentials but for
 * capabilities, namespaces, mm ids; threads have limits of their own.
 * Host structs stand for the kernel's objects; each is charged to a slab of the
 * simulated kernel, where it has its address.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kernel/highmem.h"
#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"
#include "kernel/signal.h"

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
	mm->mmap_legacy_base = PAGE_ALIGN(mm->map_window / 3);
	vma_tree_init(&mm->vmas);
	init_new_context(k, mm);
	*ret = mm;
	return 0;
}

void mmput(struct kernel *k, struct mm_struct *mm)
{
	if (!mm || --mm->mm_users)
		return;
	exit_mmap(k, mm);
	mm_put_huge_zero_page(k, mm);
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
	mm->total_vm = mm->data_vm = mm->exec_vm = mm->stack_vm = 0;
	mm->locked_vm = mm->locked_vm_lost = 0;
	mm->huge_zero_page = false;
	mm->hugetlb_usage = 0;
	mm->pgtables = own.pgtables;
	mm->def_flags = 0;
	mm->addr = own.addr;
	mm->owner = own.owner;
	mm->owner_pid = own.owner_pid;
}

/* What the parent was promised the child is as well. */
static int charge_copy(struct kernel *k, const struct vm_area_struct *old)
{
	return old->vm_flags & VM_ACCOUNT
		       ? vm_enough_memory(k, old->vm_mm, vma_pages(old))
		       : 0;
}

static void uncharge_copy(struct kernel *k, const struct vm_area_struct *old)
{
	if (old->vm_flags & VM_ACCOUNT)
		vm_unacct_memory(k, vma_pages(old));
}

static int dup_vma(struct kernel *k, struct mm_struct *mm,
		   struct vm_area_struct *old)
{
	struct vm_area_struct *vma;

	if (charge_copy(k, old))
		return -ENOMEM;
	vma = vm_area_dup(k, old);
	if (!vma) {
		uncharge_copy(k, old);
		return -ENOMEM;
	}
	vma->vm_mm = mm;
	vma->vm_flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	hugetlb_dup_vma_private(vma);
	vma->anon_vma = NULL;
	/* VM_WIPEONFORK: its pages are none that the child could fault on. */
	if (!(vma->vm_flags & VM_WIPEONFORK) && anon_vma_fork(k, vma, old)) {
		uncharge_copy(k, old);
		vm_area_free(k, vma);
		return -ENOMEM;
	}
	if (vma->vm_file)
		get_file(vma->vm_file);
	vma_link(vma);
	vm_stat_account(mm, vma->vm_flags, vma_pages(vma));
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
	task->pkru = INIT_PKRU;
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		task->rlim[i] = task->rlim_max[i] = LX_RLIM_INFINITY;
	task->rlim[RLIM_STACK] = 8 * MiB;
	task->rlim[RLIM_MEMLOCK] = task->rlim_max[RLIM_MEMLOCK] = 8 * MiB;
	return task;
}

void task_free(struct kernel *k, struct task_struct *task)
{
	exit_signals(task);
	free_pages(k, task->stack, STACK_ORDER(k));
	mm_uncharge(k, CACHE_PID, task->pid_addr.va);
	mm_uncharge(k, CACHE_TASK, task->addr.va);
	free(task);
}

/* A copy for a process; threads and vfork share. */
static int copy_mm(struct kernel *k, struct task_struct *task,
		   struct mm_struct *old, uint64_t flags)
{
	struct mm_struct *mm;
	int err;

	if (flags & LX_CLONE_VM) {
		old->mm_users++;
		task->mm = old;
		return 0;
	}
	err = mm_alloc(k, &mm);
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
	mm->hiwater_rss = get_mm_rss(mm);
	mm->hiwater_vm = mm->total_vm;
	task->mm = mm;
	return 0;
}

/* linux copy_process(): combinations that mean nothing. */
static bool flags_ok(uint64_t flags)
{
	if ((flags & LX_CLONE_THREAD) && !(flags & LX_CLONE_SIGHAND))
		return false;
	return !(flags & LX_CLONE_SIGHAND) || (flags & LX_CLONE_VM);
}

static void copy_task(struct kernel *k, struct task_struct *task,
		      const struct task_struct *parent,
		      const struct clone_args *args)
{
	bool thread = args->flags & LX_CLONE_THREAD;

	task->pid = k->next_pid;
	task->tgid = thread ? parent->tgid : task->pid;
	task->ppid = args->flags & (LX_CLONE_THREAD | LX_CLONE_PARENT)
			     ? parent->ppid
			     : parent->tgid;
	task->exit_signal = thread ? 0 : args->exit_signal;
	memcpy(task->comm, parent->comm, sizeof(task->comm));
	memcpy(task->rlim, parent->rlim, sizeof(task->rlim));
	memcpy(task->rlim_max, parent->rlim_max, sizeof(task->rlim_max));
	task->cap_effective = parent->cap_effective;
	task->pkru = read_pkru(k, parent);
	task->sp = args->stack ? args->stack : parent->sp;
	task->ip = parent->ip;
	task->personality = parent->personality;
}

/* The parent sleeps; its CPU goes on with the child, in the same memory. */
static int wait_for_vfork_done(struct kernel *k, struct task_struct *parent,
			       struct task_struct *child)
{
	int cpu = parent->cpu, err = 0;

	if (cpu >= 0)
		err = context_switch(k, cpu, child);
	if (!err)
		parent->state = 'D';
	return err;
}

static int vfork_may_sleep(const struct kernel *k,
			   const struct task_struct *parent)
{
	if (parent->cpu < 0)
		return 0;
	return kmap_may_switch(k, parent->cpu, parent, NULL);
}

int kernel_clone(struct kernel *k, struct task_struct *parent,
		 const struct clone_args *args, struct task_struct **ret)
{
	bool vfork = args->flags & LX_CLONE_VFORK;
	struct task_struct *task;
	int err = vfork ? vfork_may_sleep(k, parent) : 0;

	if (!parent->mm)
		return -ESRCH;
	if (!flags_ok(args->flags))
		return -EINVAL;
	if (err)
		return err;
	task = task_alloc(k);
	if (!task)
		return -ENOMEM;
	copy_task(k, task, parent, args);
	err = copy_files(k, task, parent, args->flags & LX_CLONE_FILES);
	if (!err)
		err = copy_mm(k, task, parent->mm, args->flags);
	if (err) {
		exit_files(k, task);
		task_free(k, task);
		return err;
	}
	copy_signal(task, parent, args->flags);
	k->next_pid++;
	TAILQ_INSERT_TAIL(&k->tasks, task, link);
	*ret = task;
	if (!vfork)
		return 0;
	task->vfork_parent = parent->pid;
	return wait_for_vfork_done(k, parent, task);
}

int kernel_fork(struct kernel *k, struct task_struct *parent,
		struct task_struct **ret)
{
	static const struct clone_args args = { .exit_signal = LX_SIGCHLD };

	return kernel_clone(k, parent, &args, ret);
}

int kthread_create(struct kernel *k, const char *name, struct task_struct **ret)
{
	struct task_struct *task = task_alloc(k);

	if (!task)
		return -ENOMEM;
	task->pid = task->tgid = k->next_pid++;
	task->kthread = true;
	signal_init_task(task);
	memcpy(task->comm, name, strnlen(name, sizeof(task->comm) - 1));
	TAILQ_INSERT_TAIL(&k->tasks, task, link);
	*ret = task;
	return 0;
}

/*
 * exit.c - the end of tasks and address spaces (linux 6.1 kernel/exit.c,
 * mm/mmap.c: exit_mmap; arch/x86/mm/tlb.c: lazy TLB mode).
 *
 *	exit_mm		the task has no mm any more, its CPU still has the page
 *			tables: lazy TLB mode
 *	mmput		entries and tables go, on that CPU; the flush that
 *			follows makes a lazy CPU load swapper_pg_dir
 *	switch_mm	another task's tables are loaded
 *	mmdrop		then nothing needs the root table: it is freed
 *
 * Frames are freed as their entries go; Linux gathers them until the flush.
 * Left out: threads, signals to the parent, process groups, core dumps. The
 * orphans that init inherits it reaps at once; its own children wait for it.
 */
#include <errno.h>

#include "kernel/highmem.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/pti.h"
#include "kernel/tlb.h"

/* The end of flush_tlb_func() on CPUs that have @mm only lazily. */
static void leave_lazy_mm(struct kernel *k, const struct mm_struct *mm)
{
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct cpu *c = &k->machine->cpu[i];
		uint64_t old = c->mmu.cr3;

		if (k->lazy_mm[i] != mm || load_mm_cr3(k, i, k->swapper_pg_dir))
			continue;
		kevent(k, .kind = KEV_SWITCH, .func = "flush_tlb_func",
		       .old = old, .new = c->mmu.cr3);
	}
}

void exit_mmap(struct kernel *k, struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	uint64_t before;

	lru_add_drain(k);
	for_each_vma(&mm->vmas, vma)
		unmap_page_range(k, vma, vma->vm_start, vma->vm_end);
	before = k->vmstat.pgfree;
	free_pgd_range(k, mm_root(mm), 0, mm->task_size, 0, 0);
	mm->pgtables -= k->vmstat.pgfree - before;
	while ((vma = vma_tree_last(&mm->vmas)))
		vma_remove(k, vma);
	mm->total_vm = mm->locked_vm = 0;
	leave_lazy_mm(k, mm);
	flush_tlb_mm(k, mm_root(mm));
}

static void release_task(struct kernel *k, struct task_struct *task)
{
	TAILQ_REMOVE(&k->tasks, task, link);
	task_free(k, task);
}

/* Children of @task become init's; those that have ended are gone then. */
static void forget_children(struct kernel *k, const struct task_struct *task)
{
	struct task_struct *t, *next;

	for (t = TAILQ_FIRST(&k->tasks); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->ppid != task->pid)
			continue;
		t->ppid = 1;
		if (t->state == 'Z')
			release_task(k, t);
	}
}

static void exit_mm(struct kernel *k, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (task->cpu >= 0)
		pti_enter_kernel(k, task->cpu);
	task->mm = NULL;
	if (task->cpu >= 0) {
		k->current[task->cpu] = NULL;
		k->lazy_mm[task->cpu] = mm;
		mm->mm_count++;
		task->cpu = -1;
	}
	mmput(k, mm);
}

int do_exit(struct kernel *k, struct task_struct *task, int code)
{
	if (task->pid == 1)
		return -EPERM;
	if (task->state == 'Z')
		return -ESRCH;
	kmap_local_exit(k, task);
	exit_mm(k, task);
	task->state = 'Z';
	task->exit_code = code;
	forget_children(k, task);
	if (!find_task(k, task->ppid))
		release_task(k, task);
	return 0;
}

int do_wait(struct kernel *k, struct task_struct *parent, int *ret)
{
	struct task_struct *t;

	TAILQ_FOREACH(t, &k->tasks, link)
		if (t->ppid == parent->pid && t->state == 'Z') {
			*ret = t->pid;
			release_task(k, t);
			return 0;
		}
	return -ECHILD;
}

void tasks_deinit(struct kernel *k)
{
	struct task_struct *t;

	while ((t = TAILQ_LAST(&k->tasks, task_list))) {
		if (t->mm)
			exit_mm(k, t);
		release_task(k, t);
	}
	for (unsigned i = 0; i < MACHINE_MAX_CPUS; i++)
		mmdrop(k, k->lazy_mm[i]);
	fput(k, k->vdso);
	fput(k, k->vvar);
	k->vdso = k->vvar = NULL;
	while (!LIST_EMPTY(&k->inodes)) {
		struct inode *inode = LIST_FIRST(&k->inodes);

		inode->refs = 1;	/* references that the shell left */
		iput(k, inode);
	}
}

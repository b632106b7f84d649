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
 * A thread that is not the leader is gone at once; the leader stays as a
 * zombie until the last thread has ended, and only then the parent is told.
 * Left out: process groups, core dumps, subreapers, resource use. The
 * orphans that init inherits it reaps at once; its own children wait for it.
 */
#include <errno.h>

#include "kernel/highmem.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/pti.h"
#include "kernel/signal.h"
#include "kernel/tlb.h"

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
	while ((vma = vma_tree_last(&mm->vmas))) {
		vma_unaccount(k, vma);
		vma_remove(k, vma);
	}
	flush_tlb_mm(k, mm_root(mm));
}

static void release_task(struct kernel *k, struct task_struct *task)
{
	TAILQ_REMOVE(&k->tasks, task, link);
	task_free(k, task);
}

/* Has the whole thread group ended, so that its parent can wait for it? */
static bool is_dead(const struct task_struct *task)
{
	return task->state == 'Z' && task->pid == task->tgid &&
	       !task->signal->live;
}

/* Children of @task become init's; those that have ended are gone then. */
static void forget_children(struct kernel *k, const struct task_struct *task)
{
	struct task_struct *t, *next;

	for (t = TAILQ_FIRST(&k->tasks); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->ppid != task->tgid)
			continue;
		t->ppid = 1;
		if (is_dead(t))
			release_task(k, t);
	}
}

void mm_update_next_owner(struct kernel *k, struct mm_struct *mm,
			  const struct task_struct *task)
{
	struct task_struct *t;

	if (!mm || mm->owner != task)
		return;
	TAILQ_FOREACH (t, &k->tasks, link)
		if (t != task && t->mm == mm) {
			mm->owner = t;
			mm->owner_pid = t->pid;
			return;
		}
	mm->owner = NULL;
}

void mm_release(struct kernel *k, struct task_struct *task)
{
	struct task_struct *parent = find_task(k, task->vfork_parent);

	if (task->vfork_parent && parent && parent->state == 'D')
		parent->state = 'R';
	task->vfork_parent = 0;
}

static void exit_mm(struct kernel *k, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (task->cpu >= 0)
		pti_enter_kernel(k, task->cpu);
	task->mm = NULL;
	if (task->cpu >= 0) {
		k->current[task->cpu] = NULL;
		if (mm) {
			mmdrop(k, k->lazy_mm[task->cpu]);
			k->lazy_mm[task->cpu] = mm;
			mm->mm_count++;
		}
		task->cpu = -1;
	}
	if (!mm)
		return;
	mm_update_next_owner(k, mm, task);
	mmput(k, mm);
}

/* Does @parent not want to know of children that end? */
static bool ignores_children(const struct task_struct *parent)
{
	const struct k_sigaction *a = &parent->sighand->action[LX_SIGCHLD];

	return a->type == SIG_TYPE_IGN || (a->sa_flags & LX_SA_NOCLDWAIT);
}

/* => all threads have ended. The parent is told, or nobody cares. */
static void exit_notify(struct kernel *k, struct task_struct *leader)
{
	struct task_struct *parent = find_task(k, leader->ppid);
	int status = leader->signal->group_exit
			     ? leader->signal->group_exit_code
			     : leader->exit_code;
	struct siginfo info = {
		.signo = leader->exit_signal,
		.si_code = status & 0x7f ? LX_CLD_KILLED : LX_CLD_EXITED,
	};
	bool told = info.signo && parent && parent->signal->live;
	bool reap = !parent ||
		    (info.signo == LX_SIGCHLD && ignores_children(parent));

	leader->exit_code = status;
	forget_children(k, leader);
	if (reap)
		release_task(k, leader);
	if (told)
		send_signal(k, parent, &info);
}

static void exit_task(struct kernel *k, struct task_struct *task, int status)
{
	struct task_struct *leader = find_task(k, task->tgid);
	bool last = --task->signal->live == 0;

	kmap_local_exit(k, task);
	mm_release(k, task);
	exit_mm(k, task);
	exit_files(k, task);
	task->state = 'Z';
	task->exit_code = status;
	if (task != leader)
		release_task(k, task);
	if (last && leader)
		exit_notify(k, leader);
}

int do_exit(struct kernel *k, struct task_struct *task, int code)
{
	if (task->pid == 1 && task->signal->live == 1)
		return -EPERM;
	if (task->state == 'Z')
		return -ESRCH;
	exit_task(k, task, (code & 0xff) << 8);
	return 0;
}

void end_group(struct kernel *k, struct task_struct *task, int status)
{
	int tgid = task->tgid;
	struct task_struct *t;
	bool more = true;

	task->signal->group_exit = true;
	task->signal->group_exit_code = status;
	while (more) {
		more = false;
		TAILQ_FOREACH (t, &k->tasks, link)
			if (t->tgid == tgid && t->state != 'Z')
				break;
		if (t) {
			more = t->signal->live > 1;
			exit_task(k, t, status);
		}
	}
}

int do_group_exit(struct kernel *k, struct task_struct *task, int code)
{
	if (task->tgid == 1)
		return -EPERM;
	if (!task->signal->live)
		return -ESRCH;
	end_group(k, task, (code & 0xff) << 8);
	return 0;
}

/* Another thread than the leader execs: it takes its place and its number. */
static void become_leader(struct kernel *k, struct task_struct *task,
			  struct task_struct *leader)
{
	struct kernel_addr pid_addr = task->pid_addr;
	int pid = task->pid;

	task->pid = leader->pid;
	task->pid_addr = leader->pid_addr;
	task->exit_signal = LX_SIGCHLD;
	leader->pid = pid;
	leader->pid_addr = pid_addr;
	if (task->mm->owner == task)
		task->mm->owner_pid = task->pid;
	TAILQ_REMOVE(&k->tasks, task, link);
	TAILQ_INSERT_BEFORE(leader, task, link);
	release_task(k, leader);
}

void de_thread(struct kernel *k, struct task_struct *task)
{
	struct task_struct *leader = find_task(k, task->tgid), *t, *next;

	for (t = TAILQ_FIRST(&k->tasks); t; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->tgid == task->tgid && t != task && t->state != 'Z')
			exit_task(k, t, LX_SIGKILL);
	}
	if (leader && leader != task)
		become_leader(k, task, leader);
}

static struct task_struct *next_child(struct kernel *k,
				      const struct task_struct *parent, int pid,
				      const struct task_struct *t)
{
	struct task_struct *c =
		t ? TAILQ_NEXT(t, link) : TAILQ_FIRST(&k->tasks);

	for (; c; c = TAILQ_NEXT(c, link))
		if (c->ppid == parent->tgid && c->pid == c->tgid &&
		    !c->kthread && (pid == -1 || c->pid == pid))
			return c;
	return NULL;
}

int kernel_wait4(struct kernel *k, struct task_struct *parent, int pid,
		 int options, int *status, int *ret)
{
	struct task_struct *t, *any = NULL;

	for (t = next_child(k, parent, pid, NULL); t;
	     t = next_child(k, parent, pid, t)) {
		any = t;
		if (!is_dead(t))
			continue;
		*ret = t->pid;
		*status = t->exit_code;
		release_task(k, t);
		return 0;
	}
	if (!any)
		return -ECHILD;
	if (!(options & LX_WNOHANG))
		return -EWOULDBLOCK;
	*ret = 0;
	return 0;
}

int do_wait(struct kernel *k, struct task_struct *parent, int *ret)
{
	int status, err = kernel_wait4(k, parent, -1, 0, &status, ret);

	return err == -EWOULDBLOCK ? -ECHILD : err;
}

void tasks_deinit(struct kernel *k)
{
	struct task_struct *t;

	while ((t = TAILQ_LAST(&k->tasks, task_list))) {
		exit_mm(k, t);
		exit_files(k, t);
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

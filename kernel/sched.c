/*
 * sched.c - which task runs where (linux 6.1 kernel/sched/core.c:
 * context_switch; arch/x86/mm/tlb.c: switch_mm).
 *
 * Left out: scheduling, kernel threads, lazy TLB mode but for the end
 * of a task (exit.c): a CPU that becomes idle otherwise loads swapper_pg_dir.
 * Nothing runs by itself: the shell says who is on which CPU.
 */
#include <errno.h>

#include "kernel/highmem.h"
#include "kernel/mm_internal.h"
#include "kernel/pti.h"
#include "kernel/tlb.h"

static pa_t task_root(const struct kernel *k, const struct task_struct *task)
{
	return task ? mm_root(task->mm) : k->swapper_pg_dir;
}

int context_switch(struct kernel *k, unsigned cpu, struct task_struct *task)
{
	struct task_struct *prev = k->current[cpu];
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t old;
	int rc;

	if (prev == task)
		return 0;
	if (task && !task->mm)
		return -ESRCH;
	if (task && task->cpu >= 0)
		return -EBUSY;
	rc = kmap_may_switch(k, cpu, prev, task);
	if (rc)
		return rc;
	pti_enter_kernel(k, cpu);
	old = c->mmu.cr3;
	if (load_mm_cr3(k, cpu, task_root(k, task)))
		return -EFAULT;		/* #GP: somebody poked a PDPTE */
	kmap_local_switch(k, cpu, prev, task);
	if (prev)
		prev->cpu = -1;
	if (task)
		task->cpu = cpu;
	k->current[cpu] = task;
	mmdrop(k, k->lazy_mm[cpu]);
	k->lazy_mm[cpu] = NULL;
	kevent(k, .kind = KEV_SWITCH, .func = "context_switch",
	       .pid = task ? task->pid : 0, .old = old, .new = c->mmu.cr3);
	pti_exit_to_user(k, cpu);
	return 0;
}

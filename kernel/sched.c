/*
 * sched.c - which task runs where (linux 6.1 kernel/sched/core.c:
 * context_switch; arch/x86/mm/tlb.c: switch_mm).
 *
 * A kernel thread has no tables of its own: it keeps those of the task before
 * it (lazy TLB). Left out: scheduling; a CPU that becomes idle loads
 * swapper_pg_dir, as before a deep C-state (leave_mm). Nothing runs by itself:
 * the shell says who is on which CPU.
 */
#include <errno.h>

#include "kernel/highmem.h"
#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"
#include "kernel/pti.h"
#include "kernel/signal.h"
#include "kernel/tlb.h"

static int may_run(const struct task_struct *task)
{
	if (!task)
		return 0;
	if (task->state == 'Z' || (!task->mm && !task->kthread))
		return -ESRCH;
	if (task->state == 'D')
		return -EINPROGRESS;
	if (task->state == 'T')
		return -EAGAIN;
	return task->cpu >= 0 ? -EBUSY : 0;
}

/* Whose tables @cpu has, NULL: swapper_pg_dir. */
static struct mm_struct *active_mm(const struct kernel *k, unsigned cpu)
{
	const struct task_struct *task = k->current[cpu];

	return task && task->mm ? task->mm : k->lazy_mm[cpu];
}

/* A reference for the borrower, before those of the last one goes. */
static void set_lazy_mm(struct kernel *k, unsigned cpu, struct mm_struct *mm)
{
	if (mm)
		mm->mm_count++;
	mmdrop(k, k->lazy_mm[cpu]);
	k->lazy_mm[cpu] = mm;
}

/* A flush may have made a lazy CPU load swapper_pg_dir. */
static bool is_loaded(const struct kernel *k, unsigned cpu, pa_t root)
{
	return pti_kernel_root(k, mmu_root(&k->machine->cpu[cpu].mmu)) == root;
}

/*
 * linux switch_mm_irqs_off(), enter_lazy_tlb(). A kernel thread goes on with
 * the tables that are loaded.
 */
static int switch_mm(struct kernel *k, unsigned cpu, struct task_struct *next)
{
	struct mm_struct *active = active_mm(k, cpu);
	struct mm_struct *mm = next ? next->mm : NULL;
	pa_t root = mm ? mm_root(mm) : k->swapper_pg_dir;

	if (next && !mm) {
		set_lazy_mm(k, cpu, active);
		return 0;
	}
	if (!mm || mm != active || !is_loaded(k, cpu, root) ||
	    tlb_lazy_flush_due(k, cpu))
		if (load_mm_cr3(k, cpu, root))
			return -EFAULT; /* #GP: somebody poked a PDPTE */
	set_lazy_mm(k, cpu, NULL);
	return 0;
}

int context_switch(struct kernel *k, unsigned cpu, struct task_struct *task)
{
	struct task_struct *prev = k->current[cpu];
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t old;
	int rc;

	if (prev == task)
		return 0;
	rc = may_run(task);
	if (!rc)
		rc = kmap_may_switch(k, cpu, prev, task);
	if (rc)
		return rc;
	pti_enter_kernel(k, cpu);
	old = c->mmu.cr3;
	rc = switch_mm(k, cpu, task);
	if (rc)
		return rc;
	kmap_local_switch(k, cpu, prev, task);
	x86_pkru_load(k, cpu, prev, task);
	if (prev)
		prev->cpu = -1;
	if (task)
		task->cpu = cpu;
	k->current[cpu] = task;
	kevent(k, .kind = KEV_SWITCH, .func = "context_switch",
	       .pid = task ? task->pid : 0, .old = old, .new = c->mmu.cr3,
	       .note = old != c->mmu.cr3   ? NULL
		       : task && !task->mm ? "lazy: not loaded"
					   : "the same memory: not loaded");
	pti_exit_to_user(k, cpu);
	if (task && task->mm)
		deliver_pending(k, cpu);
	return 0;
}

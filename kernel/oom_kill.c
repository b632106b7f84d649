/*
 * oom_kill.c - who is killed when no memory is left (linux 6.1 mm/oom_kill.c).
 *
 * A process counts with its resident pages, what it has in swap and its page
 * tables; oom_score_adj adds thousandths of all memory. The worst one ends at
 * once, and all that share its memory: there is no reaper, as nobody can hold
 * it up. Left out: memcg, cpusets, NUMA, sysctls, the memory report between
 * the first line and the tasks.
 *
 * Linux calls this in the page allocator, for system calls too; here a fault
 * does, and system calls fail with -ENOMEM.
 */
#include "kernel/oom.h"

#include <errno.h>
#include <stdio.h>

#include "kernel/gfp.h"
#include "kernel/mm_internal.h"
#include "kernel/signal.h"

static uint64_t totalpages(const struct kernel *k)
{
	return k->totalram_pages + k->total_swap_pages;
}

static uint64_t mm_rss(const struct mm_struct *mm)
{
	return mm->rss[MM_FILEPAGES] + mm->rss[MM_ANONPAGES] +
	       mm->rss[MM_SHMEMPAGES];
}

int64_t oom_badness(const struct kernel *k, const struct task_struct *task)
{
	const struct mm_struct *mm = task->mm;
	int64_t adj = task->signal->oom_score_adj;

	if (task->tgid == 1 || task->kthread || !mm ||
	    adj == OOM_SCORE_ADJ_MIN || task->vfork_parent)
		return INT64_MIN;
	return (int64_t)(mm_rss(mm) + mm->rss[MM_SWAPENTS] + mm->pgtables) +
	       adj * (int64_t)(totalpages(k) / 1000);
}

unsigned oom_score(const struct kernel *k, const struct task_struct *task)
{
	int64_t badness = oom_badness(k, task);
	int64_t points;

	if (badness == INT64_MIN || !totalpages(k))
		return 0;
	points = (1000 + badness * 1000 / (int64_t)totalpages(k)) * 2 / 3;
	return points > 0 ? (unsigned)points : 0;
}

int set_oom_score_adj(struct kernel *k, struct task_struct *task, int adj)
{
	struct task_struct *t;

	if (adj < OOM_SCORE_ADJ_MIN || adj > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm && t->mm == task->mm && !task->vfork_parent)
			t->signal->oom_score_adj = (short)adj;
	task->signal->oom_score_adj = (short)adj;
	return 0;
}

/* --- the choice ----------------------------------------------------------- */

static struct task_struct *select_bad_process(struct kernel *k)
{
	struct task_struct *t, *chosen = NULL;
	int64_t most = INT64_MIN;

	TAILQ_FOREACH (t, &k->tasks, link) {
		int64_t points = t->pid == t->tgid || !find_task(k, t->tgid)->mm
					 ? oom_badness(k, t)
					 : INT64_MIN;

		if (points == INT64_MIN || points < most)
			continue;
		most = points;
		chosen = t;
	}
	return chosen;
}

/* --- what is logged ---------------------------------------------------------
 */

static uint64_t kib(uint64_t pages)
{
	return pages << (PAGE_SHIFT - 10);
}

static void dump_tasks(struct kernel *k)
{
	const struct task_struct *t;

	printk(k, "Tasks state (memory values in pages):");
	printk(k, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes "
		  "swapents oom_score_adj name");
	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm && t->pid == t->tgid)
			printk(k,
			       "[%7d] %5d %5d %8llu %8llu %8llu %8llu"
			       "         %5hd %s",
			       t->pid, 0, t->tgid,
			       (unsigned long long)t->mm->total_vm,
			       (unsigned long long)mm_rss(t->mm),
			       (unsigned long long)t->mm->pgtables
				       << PAGE_SHIFT,
			       (unsigned long long)t->mm->rss[MM_SWAPENTS],
			       t->signal->oom_score_adj, t->comm);
}

static void dump_header(struct kernel *k, const struct task_struct *current,
			unsigned gfp)
{
	bool zero = gfp & __GFP_ZERO;

	printk(k,
	       "%s invoked oom-killer: gfp_mask=0x%x(GFP_HIGHUSER_MOVABLE%s)"
	       ", order=0, oom_score_adj=%hd",
	       current->comm, gfp, zero ? "|__GFP_COMP|__GFP_ZERO" : "",
	       current->signal->oom_score_adj);
	dump_tasks(k);
}

static void report_victim(struct kernel *k, const struct task_struct *t)
{
	const struct mm_struct *mm = t->mm;

	printk(k,
	       "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),"
	       "cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=%s,"
	       "pid=%d,uid=0",
	       t->comm, t->pid);
	printk(k,
	       "Out of memory: Killed process %d (%s) total-vm:%llukB, "
	       "anon-rss:%llukB, file-rss:%llukB, shmem-rss:%llukB, UID:0 "
	       "pgtables:%llukB oom_score_adj:%hd",
	       t->tgid, t->comm, (unsigned long long)kib(mm->total_vm),
	       (unsigned long long)kib(mm->rss[MM_ANONPAGES]),
	       (unsigned long long)kib(mm->rss[MM_FILEPAGES]),
	       (unsigned long long)kib(mm->rss[MM_SHMEMPAGES]),
	       (unsigned long long)kib(mm->pgtables), t->signal->oom_score_adj);
}

/* --- the end
 * ------------------------------------------------------------------ */

/* All groups that use the memory, but init: it would not be freed otherwise. */
static void oom_kill_process(struct kernel *k, struct task_struct *victim)
{
	const struct mm_struct *mm = victim->mm;
	struct task_struct *t;

	report_victim(k, victim);
	kevent(k, .kind = KEV_SIGNAL, .signo = LX_SIGKILL, .pid = victim->tgid,
	       .si_code = LX_SI_KERNEL, .note = "by the OOM killer");
	do {
		TAILQ_FOREACH (t, &k->tasks, link)
			if (t->mm == mm && t->tgid != 1)
				break;
		if (t)
			end_group(k, t, LX_SIGKILL);
	} while (t);
}

bool out_of_memory(struct kernel *k, const struct task_struct *current,
		   unsigned gfp)
{
	struct task_struct *victim = select_bad_process(k);

	if (!victim)
		printk(k, "Out of memory and no killable processes...");
	dump_header(k, current, gfp);
	if (victim) {
		oom_kill_process(k, victim);
		return true;
	}
	printk(k, "Kernel panic - not syncing: System is deadlocked on memory");
	return false;
}

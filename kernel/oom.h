/*
 * oom.h - the out-of-memory killer (linux include/linux/oom.h).
 */
#ifndef KERNEL_OOM_H
#define KERNEL_OOM_H

#include "kernel/mm_types.h"

#define OOM_SCORE_ADJ_MIN (-1000)
#define OOM_SCORE_ADJ_MAX 1000

/* Pages that killing @task would free, as the killer counts them; INT64_MIN:
 * never to be killed (init, kernel threads, oom_score_adj -1000, in vfork). */
int64_t oom_badness(const struct kernel *k, const struct task_struct *task);
/* /proc/PID/oom_score: 0 to 2000 or so. */
unsigned oom_score(const struct kernel *k, const struct task_struct *task);
/* -EINVAL: not within -1000 .. 1000. All that share the memory get it. */
int set_oom_score_adj(struct kernel *k, struct task_struct *task, int adj);
/*
 * @current's request with @gfp has found no memory: kills the worst process,
 * which frees what it has. False: there is none to kill, the kernel panics.
 */
bool out_of_memory(struct kernel *k, const struct task_struct *current,
		   unsigned gfp);

#endif

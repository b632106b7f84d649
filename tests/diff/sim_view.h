/*
 * sim_view.h - what is seen of the simulation's processes.
 */
#ifndef TESTS_DIFF_SIM_VIEW_H
#define TESTS_DIFF_SIM_VIEW_H

#include "kernel/mm_types.h"
#include "tests/diff/obs.h"

struct sim {
	struct kernel *k;
	struct task_struct *task[MAX_PROCS]; /* NULL: has exited */
	unsigned nprocs;
	va_t heap, top;
	uint64_t memlock; /* the hard limit */
	char findings[1500];
};

struct sim_step { /* one operation */
	struct sim *s;
	const struct op *op;
	struct task_struct *task;
	struct mm_struct *mm;
	va_t addr; /* real */
	struct obs *o;
};

/* sim_ops.c: does it; the result. */
int64_t sim_run(struct sim_step *t);

uint64_t sim_canonical(const struct sim *s, va_t va);
va_t sim_real(const struct sim *s, uint64_t va);
void sim_view(struct sim *s, struct obs *ret);

#endif

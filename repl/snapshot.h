/*
 * snapshot.h - saved copies of address spaces by name, for `diff`.
 */
#ifndef REPL_SNAPSHOT_H
#define REPL_SNAPSHOT_H

#include "kernel/mm_image.h"
#include "repl/session.h"

struct snapshot {
	struct snapshot *next;
	char *name;			/* owned */
	unsigned long command;		/* its number: when it was taken */
	struct mm_image **image;	/* owned, one a process */
	unsigned n;
};

struct snapshot *snapshot_find(const struct session *s, const char *name);
/* Replaces one of the same name. @task NULL: all processes. */
struct snapshot *snapshot_take(struct session *s, const char *name,
			       const struct task_struct *task);
void snapshots_deinit(struct session *s);	/* the system goes */

/*
 * What differs between @a and @b, which are called @left and @right: the list
 * "areas", with runs of pages. @same: also what does not. Returns how many
 * pages differ.
 */
uint64_t mm_diff_emit(const struct kernel *k, struct result *r,
		      const struct mm_image *a, const struct mm_image *b,
		      bool same);
/* Both trees of page tables as one. */
void pt_diff_emit(const struct kernel *k, struct result *r, pa_t a, pa_t b);

#endif

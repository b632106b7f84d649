/*
 * sys.c - resource limits and names of areas (linux 6.1 kernel/sys.c:
 * do_prlimit, prctl_set_vma).
 *
 * Limits belong to a thread group; each of its tasks has them. Left out: other
 * resources than those of memory, the permission to change another process',
 * all else of prctl.
 */
#include <errno.h>
#include <string.h>

#include "kernel/mm_internal.h"
#include "kernel/process.h"

const struct rlimit_name rlimit_names[NR_RLIMITS] = {
	[RLIM_AS] = { "as", "address space limit" },
	[RLIM_DATA] = { "data", "max data size" },
	[RLIM_MEMLOCK] = { "memlock", "max locked-in-memory address space" },
	[RLIM_STACK] = { "stack", "max stack size" },
};

int do_prlimit(struct kernel *k, struct task_struct *task, unsigned which,
	       uint64_t cur, uint64_t max)
{
	struct task_struct *t;

	if (which >= NR_RLIMITS || cur > max)
		return -EINVAL;
	if (max > task->rlim_max[which] &&
	    !(task->cap_effective & BIT(CAP_SYS_RESOURCE)))
		return -EPERM;
	TAILQ_FOREACH (t, &k->tasks, link) {
		if (t->tgid != task->tgid)
			continue;
		t->rlim[which] = cur;
		t->rlim_max[which] = max;
	}
	return 0;
}

/* Printable, and nothing that would look like the rest of a line of maps. */
static bool is_valid_name_char(char ch)
{
	return ch > 0x1f && ch < 0x7f && !strchr("\\`$[]", ch);
}

int prctl_set_vma(struct kernel *k, struct mm_struct *mm, va_t start,
		  uint64_t len, const char *name)
{
	struct anon_vma_name *anon_name = NULL;
	int err;

	if (name && strlen(name) >= ANON_VMA_NAME_MAX_LEN)
		return -EINVAL;
	for (const char *p = name; p && *p; p++)
		if (!is_valid_name_char(*p))
			return -EINVAL;
	if (name) {
		anon_name = anon_vma_name_alloc(k, name);
		if (!anon_name)
			return -ENOMEM;
	}
	err = madvise_set_anon_name(k, mm, start, len, anon_name);
	anon_vma_name_put(k, anon_name);
	return err;
}

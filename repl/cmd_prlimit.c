/*
 * cmd_prlimit.c - prlimit: what a process may have of memory, as prlimit(1)
 * shows it; and which of the limits has refused a request.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/process.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

static const struct res_column columns[] = {
	{ "resource", "RESOURCE", false }, { "about", "DESCRIPTION", false },
	{ "soft", "SOFT", true },	   { "hard", "HARD", true },
	{ "used", "USED", true },	   { 0 },
};

static void emit_limit(struct result *r, const char *name, uint64_t limit)
{
	if (limit == LX_RLIM_INFINITY)
		res_str(r, name, "%s", "unlimited");
	else
		res_size(r, name, "%s", limit);
}

/* What the limit is compared with, in pages; a stack each has its own. */
static uint64_t used_pages(const struct mm_struct *mm, unsigned which)
{
	const struct vm_area_struct *stack = find_vma(mm, mm->start_stack);

	switch (which) {
	case RLIM_AS:
		return mm->total_vm;
	case RLIM_DATA:
		return mm->data_vm;
	case RLIM_MEMLOCK:
		return mm->locked_vm;
	default:
		return stack ? vma_pages(stack) : 0;
	}
}

static void emit_row(struct result *r, const struct task_struct *task,
		     unsigned which)
{
	res_item(r, false);
	res_str(r, "resource", "%s", rlimit_names[which].name);
	res_str(r, "about", "%s", rlimit_names[which].about);
	emit_limit(r, "soft", task->rlim[which]);
	emit_limit(r, "hard", task->rlim_max[which]);
	res_size(r, "used", "%s", used_pages(task->mm, which) << PAGE_SHIFT);
	res_end(r);
}

/* All rows, or the one. By name, as prlimit(1) sorts them. */
static void emit_limits(struct cmd_ctx *c, const struct task_struct *task,
			unsigned only)
{
	static const unsigned order[] = { RLIM_AS, RLIM_DATA, RLIM_MEMLOCK,
					  RLIM_STACK };

	res_table(c->r, "limits", columns);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		if (only == NR_RLIMITS || only == order[i])
			emit_row(c->r, task, order[i]);
	res_end(c->r);
}

static int find_limit(struct cmd_ctx *c, const char *name, size_t len,
		      unsigned *ret)
{
	for (unsigned i = 0; i < NR_RLIMITS; i++)
		if (strncasecmp(rlimit_names[i].name, name, len) == 0 &&
		    !rlimit_names[i].name[len]) {
			*ret = i;
			return 0;
		}
	return err_set(c->err, ERR_USER,
		       "%.*s: no such limit: as, data, "
		       "memlock, stack",
		       (int)len, name);
}

/* A number of bytes, "unlimited", or "" for @old. */
static int parse_limit(struct cmd_ctx *c, const char *text, uint64_t old,
		       uint64_t *ret)
{
	struct value v;

	*ret = *text ? LX_RLIM_INFINITY : old;
	if (!*text || strcmp(text, "unlimited") == 0)
		return 0;
	if (expr_eval_as(c->s, text, "a size", &v, c->err) < 0)
		return -1;
	*ret = v.n;
	return 0;
}

static int parse_limits(struct cmd_ctx *c, const char *text,
			const struct task_struct *task, unsigned which,
			uint64_t *cur, uint64_t *max)
{
	const char *colon = strchr(text, ':');
	char soft[64];

	snprintf(soft, sizeof(soft), "%.*s",
		 colon ? (int)(colon - text) : (int)strlen(text), text);
	if (parse_limit(c, soft, task->rlim[which], cur) < 0)
		return -1;
	return parse_limit(c, colon ? colon + 1 : "", task->rlim_max[which],
			   max);
}

static void limits_text(char *buf, size_t size, uint64_t cur, uint64_t max)
{
	char text[2][24];

	for (int i = 0; i < 2; i++)
		snprintf(text[i], sizeof(text[i]), "%llu",
			 (unsigned long long)(i ? max : cur));
	snprintf(buf, size, "{rlim_cur=%s, rlim_max=%s}",
		 cur == LX_RLIM_INFINITY ? "RLIM64_INFINITY" : text[0],
		 max == LX_RLIM_INFINITY ? "RLIM64_INFINITY" : text[1]);
}

static int set_limit(struct cmd_ctx *c, struct task_struct *task,
		     unsigned which, const char *value)
{
	static const unsigned number[] = { [RLIM_DATA] = 2,
					   [RLIM_STACK] = 3,
					   [RLIM_MEMLOCK] = 8,
					   [RLIM_AS] = 9 };
	uint64_t cur, max;
	struct syscall sc;
	char text[120];
	int rc;

	if (parse_limits(c, value, task, which, &cur, &max) < 0)
		return -1;
	limits_text(text, sizeof(text), cur, max);
	syscall_begin(&sc, c, "prlimit64", NULL);
	syscall_num(&sc, "pid", task->pid);
	syscall_flags(&sc, "resource", syscall_rlimit, number[which]);
	syscall_text(&sc, "new_limit", "%s", text);
	syscall_ptr(&sc, "old_limit", 0);
	rc = do_prlimit(c->k, task, which, cur, max);
	syscall_end(&sc, rc);
	if (!rc)
		return 0;
	err_errno(c->err, rc, "%s", rlimit_names[which].name);
	if (rc == -EINVAL)
		err_hint(c->err, "the soft limit is above the hard one");
	else if (rc == -EPERM)
		err_hint(c->err, "raising a hard limit needs CAP_SYS_RESOURCE");
	return -1;
}

static int prlimit_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const char *word = c->arg[0].set ? c->arg[0].str : NULL;
	const char *eq = word ? strchr(word, '=') : NULL;
	unsigned which = NR_RLIMITS;

	if (!task)
		return -1;
	if (word && find_limit(c, word, strcspn(word, "="), &which) < 0)
		return -1;
	if (eq)
		return set_limit(c, task, which, eq + 1);
	emit_limits(c, task, which);
	return 0;
}

static const char *limit_word(unsigned i)
{
	return i < NR_RLIMITS ? rlimit_names[i].name : NULL;
}

void cmd_hint_enomem(struct cmd_ctx *c, const struct mm_struct *mm,
		     uint64_t len)
{
	uint64_t pages = PAGE_ALIGN(len) >> PAGE_SHIFT;

	if (mm->vmas.count > c->k->max_map_count)
		err_hint(c->err, "the process has %u areas: vm.max_map_count",
			 mm->vmas.count);
	else if (len > mm->task_size)
		err_hint(c->err, "the address space has 0x%llx bytes",
			 (unsigned long long)mm->task_size);
	else if (mm->total_vm + pages > rlimit(mm, RLIM_AS) >> PAGE_SHIFT)
		err_hint(c->err, "RLIMIT_AS: see prlimit");
	else if (mm->data_vm + pages > rlimit(mm, RLIM_DATA) >> PAGE_SHIFT)
		err_hint(c->err, "RLIMIT_DATA: see prlimit");
	else if (c->k->overcommit_memory == OVERCOMMIT_NEVER)
		err_hint(c->err,
			 "vm.overcommit_memory is 2: see CommitLimit in "
			 "meminfo");
	else if (c->k->overcommit_memory == OVERCOMMIT_GUESS &&
		 pages > c->k->totalram_pages + c->k->total_swap_pages)
		err_hint(c->err, "more than RAM and swap: -N, or "
				 "vm.overcommit_memory=1");
}

const struct command cmd_prlimit = {
	.name = "prlimit",
	.alias = "ulimit",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set what a process may have of memory",
	.details = "as counts all areas, data private writable ones that are "
		   "no stacks, memlock\n"
		   "locked ones, stack the growth of one. One number is the "
		   "soft limit,\n"
		   "SOFT:HARD sets both; a number of bytes, or unlimited. "
		   "Children inherit them.",
	.example = "prlimit data=1M",
	.arg = { { "RESOURCE[=SOFT[:HARD]]", ARG_WORD, .optional = true } },
	.opt = { CMD_OPT_PID },
	.run = prlimit_run,
	.word = limit_word,
};

/*
 * cmd_status.c - status, statm: the lines of /proc/PID/status that are about
 * memory, byte for byte as Linux 6.1 prints them (fs/proc/array.c,
 * fs/proc/task_mmu.c: task_mem, task_statm).
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kernel/task_mmu.h"
#include "repl/cmd.h"
#include "repl/proc_line.h"

#define PAGES(title, name)                                       \
	{                                                        \
		title, #name, offsetof(struct task_mem, name), 2 \
	}

/* In kB: pages << 2, or bytes >> 10. */
static const struct {
	const char *title, *name;
	size_t offset;
	unsigned shift; /* 0: bytes */
} mem_rows[] = {
	PAGES("VmPeak", hiwater_vm),
	PAGES("VmSize", total_vm),
	PAGES("VmLck", locked_vm),
	PAGES("VmPin", pinned_vm),
	PAGES("VmHWM", hiwater_rss),
	PAGES("VmRSS", total_rss),
	PAGES("RssAnon", anon),
	PAGES("RssFile", file),
	PAGES("RssShmem", shmem),
	PAGES("VmData", data_vm),
	PAGES("VmStk", stack_vm),
	PAGES("VmExe", exe),
	PAGES("VmLib", lib),
	{ "VmPTE", "pte", offsetof(struct task_mem, pte), 0 },
	PAGES("VmSwap", swap),
	PAGES("HugetlbPages", hugetlb),
};

static void emit_line(struct result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void emit_line(struct result *r, const char *fmt, ...)
{
	char line[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	proc_text(r, line);
}

static void emit_mem(struct result *r, const struct task_mem *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(mem_rows); i++) {
		uint64_t v = *(const uint64_t *)((const char *)t +
						 mem_rows[i].offset);

		v = mem_rows[i].shift ? v << mem_rows[i].shift : v >> 10;
		res_u64(r, mem_rows[i].name, NULL, v);
		emit_line(r, "%s:\t%8llu kB", mem_rows[i].title,
			  (unsigned long long)v);
	}
}

static const char *state_name(char state)
{
	return state == 'Z'   ? "Z (zombie)"
	       : state == 'R' ? "R (running)"
			      : "S (sleeping)";
}

static void emit_status(struct cmd_ctx *c, const struct task_struct *t)
{
	struct result *r = c->r;
	struct task_mem mem;

	task_mem(c->k, t->mm, &mem);
	res_str(r, "name", NULL, t->comm);
	emit_line(r, "Name:\t%s", t->comm);
	res_str(r, "state", NULL, state_name(t->state));
	emit_line(r, "State:\t%s", state_name(t->state));
	res_i64(r, "pid", NULL, t->pid);
	emit_line(r, "Tgid:\t%d", t->pid);
	emit_line(r, "Pid:\t%d", t->pid);
	res_i64(r, "ppid", NULL, t->ppid);
	emit_line(r, "PPid:\t%d", t->ppid);
	emit_mem(r, &mem);
	res_u64(r, "threads", NULL, t->mm->mm_users);
	emit_line(r, "Threads:\t%d", t->mm->mm_users);
}

static int status_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);

	if (!task)
		return -1;
	res_list(c->r, "status", RES_VERBATIM);
	res_item(c->r, true);
	emit_status(c, task);
	res_end(c->r);
	res_end(c->r);
	return 0;
}

static int statm_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	struct task_mem t;

	if (!task)
		return -1;
	task_mem(c->k, task->mm, &t);
	res_u64(c->r, "size", "%s", t.total_vm);
	res_u64(c->r, "resident", "~ %s", t.total_rss);
	res_u64(c->r, "shared", "~ %s", t.file + t.shmem);
	res_u64(c->r, "text", "~ %s", t.text);
	res_text(c->r, COL_PLAIN, "~ 0");
	res_u64(c->r, "data", "~ %s", t.data_vm + t.stack_vm);
	res_text(c->r, COL_PLAIN, "~ 0");
	return 0;
}

const struct command cmd_status = {
	.name = "status",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "sizes of an address space, as /proc/PID/status",
	.details = "VmPeak and VmHWM are the most that VmSize and VmRSS have "
		   "been; VmData has\n"
		   "private writable areas, VmExe the program's code, VmLib "
		   "all other code,\n"
		   "VmPTE the page tables but for the root.",
	.example = "status",
	.opt = { CMD_OPT_PID },
	.run = status_run,
};

const struct command cmd_statm = {
	.name = "statm",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "the same in pages, on a line, as /proc/PID/statm",
	.details = "Size, resident, shared (files and shared memory), text, 0, "
		   "data and\n"
		   "stack, 0.",
	.example = "statm",
	.opt = { CMD_OPT_PID },
	.run = statm_run,
};

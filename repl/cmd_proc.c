/*
 * cmd_proc.c - processes: ps, fork, clone, vfork, kthread, switch, exit, wait.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "repl/cmd.h"
#include "repl/syscall.h"

static const struct res_column ps_cols[] = {
	{ "pid", "PID", true },	 { "ppid", "PPID", true },
	{ "state", "S", false }, { "cpu", "CPU", true },
	{ "vsz", "VSZ", true },	 { "rss", "RSS", true },
	{ "min_flt", "MINFLT", true }, { "maj_flt", "MAJFLT", true },
	{ "pgd", "PGD", false }, { "comm", "COMM", false },
	{ 0 },
};

/* ps -T: a line a thread. */
static const struct res_column thread_cols[] = {
	{ "tgid", "PID", true },       { "pid", "TID", true },
	{ "state", "S", false },       { "cpu", "CPU", true },
	{ "min_flt", "MINFLT", true }, { "maj_flt", "MAJFLT", true },
	{ "sp", "SP", false },	       { "pgd", "PGD", false },
	{ "comm", "COMM", false },     { 0 },
};

static void emit_task(struct result *r, const struct task_struct *t)
{
	char state[2] = { t->state, 0 }, comm[20];

	res_item(r, false);
	res_i64(r, "pid", "%s", t->pid);
	res_i64(r, "tgid", "%s", t->tgid);
	res_i64(r, "ppid", "%s", t->ppid);
	res_str(r, "state", "%s", state);
	res_u64(r, "threads", NULL, (uint64_t)t->signal->live);
	if (t->cpu >= 0)
		res_i64(r, "cpu", "%s", t->cpu);
	else
		res_str(r, "cpu", "%s", NULL);
	res_size(r, "vsz", "%s", t->mm ? t->mm->total_vm << PAGE_SHIFT : 0);
	res_size(r, "rss", "%s", t->mm ? get_mm_rss(t->mm) << PAGE_SHIFT : 0);
	res_u64(r, "min_flt", "%s", t->min_flt);
	res_u64(r, "maj_flt", "%s", t->maj_flt);
	if (t->mm)
		res_pa(r, "pgd", "%s", t->mm->pgd << PAGE_SHIFT);
	else
		res_str(r, "pgd", "%s", NULL);
	if (t->mm)
		res_va(r, "sp", "%s", t->sp);
	else
		res_str(r, "sp", "%s", NULL);
	snprintf(comm, sizeof(comm), t->kthread ? "[%s]" : "%s", t->comm);
	res_str(r, "comm", "%s", comm);
	res_end(r);
}

static int ps_run(struct cmd_ctx *c)
{
	bool threads = cmd_opt(c, 'T');
	struct task_struct *t;

	res_table(c->r, "processes", threads ? thread_cols : ps_cols);
	TAILQ_FOREACH(t, &c->k->tasks, link)
		if (threads || t->pid == t->tgid)
			emit_task(c->r, t);
	res_end(c->r);
	return 0;
}

static int fork_run(struct cmd_ctx *c)
{
	struct task_struct *parent = cmd_task(c), *child;
	uint64_t tables;
	struct syscall sc;
	int rc;

	if (!parent)
		return -1;
	syscall_begin(&sc, c, "fork", NULL);
	rc = kernel_fork(c->k, parent, &child);
	syscall_end(&sc, rc < 0 ? rc : child->pid);
	if (rc < 0)
		return err_errno(c->err, rc, "pid %d", parent->pid);
	tables = child->mm->pgtables;
	res_line(c->r);
	res_text(c->r, COL_PLAIN, "child");
	res_i64(c->r, "pid", "~ pid %s", child->pid);
	res_str(c->r, "comm", "~ (%s)", child->comm);
	res_pa(c->r, "pgd", "pgd %s", child->mm->pgd << PAGE_SHIFT);
	res_u64(c->r, "cow_pages", "%s pages shared copy-on-write",
		child->mm->rss[MM_ANONPAGES]);
	res_u64(c->r, "tables", "~, %s page-table frames", tables);
	return 0;
}

/* --- clone, vfork, kthread
 * ---------------------------------------------------- */
static const struct {
	const char *name;
	uint64_t flags;
} clone_words[] = {
	{ "vm", LX_CLONE_VM },
	{ "sighand", LX_CLONE_SIGHAND },
	{ "thread", LX_CLONE_VM | LX_CLONE_SIGHAND | LX_CLONE_THREAD |
			    LX_CLONE_FS | LX_CLONE_FILES },
	{ "vfork", LX_CLONE_VM | LX_CLONE_VFORK },
	{ "parent", LX_CLONE_PARENT },
};

static const char *clone_word(unsigned i)
{
	return i < ARRAY_SIZE(clone_words) ? clone_words[i].name : NULL;
}

static int clone_failed(struct cmd_ctx *c, const struct task_struct *parent,
			int rc)
{
	if (rc == -EDEADLK || rc == -EXDEV)
		return cmd_switch_failed(c, parent, rc);
	err_errno(c->err, rc, "pid %d", parent->pid);
	if (rc == -EINVAL)
		err_hint(c->err, "thread needs sighand, sighand needs vm");
	return -1;
}

static void emit_clone(struct cmd_ctx *c, const struct task_struct *parent,
		       const struct task_struct *child)
{
	struct result *r = c->r;
	bool thread = child->tgid != child->pid;

	res_line(r);
	res_text(r, COL_PLAIN, thread ? "thread" : "child");
	res_i64(r, "pid", "~ %s", child->pid);
	res_str(r, "comm", "~ (%s)", child->comm);
	res_i64(r, "tgid", thread ? "of process %s" : NULL, child->tgid);
	res_pa(r, "pgd", "pgd %s", child->mm->pgd << PAGE_SHIFT);
	if (child->mm == parent->mm)
		res_i64(r, "mm_users", "~, shared by %s tasks",
			child->mm->mm_users);
	if (parent->state == 'D')
		res_i64(r, "waits", "pid %s sleeps until it execs or exits",
			parent->pid);
}

static int do_clone(struct cmd_ctx *c, uint64_t flags, va_t stack)
{
	struct clone_args args = { .flags = flags,
				   .stack = stack,
				   .exit_signal = flags & LX_CLONE_THREAD
							  ? 0
							  : LX_SIGCHLD };
	struct task_struct *parent = cmd_task(c), *child;
	struct syscall sc;
	int rc;

	if (!parent)
		return -1;
	syscall_begin(&sc, c, "clone", NULL);
	syscall_flags(&sc, "flags", syscall_clone,
		      args.flags | args.exit_signal);
	syscall_ptr(&sc, "stack", stack);
	rc = kernel_clone(c->k, parent, &args, &child);
	syscall_end(&sc, rc < 0 ? rc : child->pid);
	if (rc < 0)
		return clone_failed(c, parent, rc);
	emit_clone(c, parent, child);
	return 0;
}

static int clone_run(struct cmd_ctx *c)
{
	const struct cmd_arg *stack = cmd_opt(c, 's');
	uint64_t flags = 0;

	for (unsigned i = 0; i < c->nrest; i++) {
		size_t w = 0;

		while (w < ARRAY_SIZE(clone_words) &&
		       strcmp(clone_words[w].name, c->rest[i]) != 0)
			w++;
		if (w == ARRAY_SIZE(clone_words))
			return err_set(c->err, ERR_USER,
				       "%s: not vm, sighand, "
				       "thread, vfork or parent",
				       c->rest[i]);
		flags |= clone_words[w].flags;
	}
	return do_clone(c, flags, stack ? stack->value.n : 0);
}

static int vfork_run(struct cmd_ctx *c)
{
	return do_clone(c, LX_CLONE_VM | LX_CLONE_VFORK, 0);
}

static int kthread_run(struct cmd_ctx *c)
{
	struct task_struct *task;
	int rc = kthread_create(c->k, c->arg[0].str, &task);

	if (rc < 0)
		return err_errno(c->err, rc, "%s", c->arg[0].str);
	res_i64(c->r, "pid", "pid %s", task->pid);
	res_str(c->r, "comm", "~ [%s]", task->comm);
	res_text(c->r, COL_PLAIN,
		 "no memory of its own: switch %d keeps the "
		 "tables that are loaded",
		 task->pid);
	return 0;
}

/* --- switch, exit, wait
 * --------------------------------------------------------- */
static int switch_run(struct cmd_ctx *c)
{
	const struct cmd_arg *opt = cmd_opt(c, 'c');
	unsigned cpu = opt ? opt->value.n : c->s->cpu;
	int pid = (int)c->arg[0].value.n;
	struct task_struct *task = find_task(c->k, pid);
	struct story *story;
	int rc;

	if (!task->mm && !task->kthread)
		return err_set(c->err, ERR_USER, "process %d has exited", pid);
	story = story_begin_at(c->k, c->r->story);
	rc = context_switch(c->k, cpu, task);
	story_end(story, c->r);
	if (rc < 0)
		return cmd_switch_failed(c, task, rc);
	c->s->cpu = cpu;
	res_line(c->r);
	res_u64(c->r, "cpu", "cpu%s", cpu);
	res_i64(c->r, "pid", "~ runs pid %s", pid);
	res_str(c->r, "comm", "~ (%s)", task->comm);
	return 0;
}

static int exit_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c), *next;
	int pid, code = c->arg[0].set ? (int)c->arg[0].value.n : 0, cpu, ppid;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	pid = task->pid;
	cpu = task->cpu;
	ppid = cmd_opt(c, 't') && task->signal->live > 1 ? task->tgid
							 : task->ppid;
	syscall_begin(&sc, c, cmd_opt(c, 't') ? "exit" : "exit_group", NULL);
	syscall_int(&sc, "status", code);
	rc = cmd_opt(c, 't') ? do_exit(c->k, task, code)
			     : do_group_exit(c->k, task, code);
	if (rc == 0 && cpu >= 0)
		cmd_give_cpu(c->s, (unsigned)cpu, ppid);
	if (rc < 0)
		syscall_cancel(&sc);
	else
		syscall_end_never(&sc);
	if (rc < 0) {
		err_errno(c->err, rc, "pid %d (init)", pid);
		err_hint(c->err, "quit leaves mmsh");
		return -1;
	}
	res_line(c->r);
	res_i64(c->r, "pid", "pid %s exited", pid);
	res_i64(c->r, "code", "~ with %s", code);
	next = session_task(c->s);
	if (cpu >= 0 && next)
		res_i64(c->r, "now", "~; current is pid %s", next->pid);
	return 0;
}

/* The status of wait4: as a shell tells it. */
static void emit_status(struct result *r, int status)
{
	int signo = status & 0x7f;

	res_i64(r, "status", NULL, status);
	if (signo) {
		res_str(r, "signal", "killed by %s", signal_name(signo));
		res_i64(r, "shell", "~ ($? is %s)", 128 + signo);
	} else {
		res_i64(r, "code", "exited with %s", (status >> 8) & 0xff);
	}
}

static int wait_failed(struct cmd_ctx *c, const struct task_struct *task,
		       int rc)
{
	if (rc == -EWOULDBLOCK)
		return err_set(c->err, ERR_USER,
			       "no child of pid %d has ended:"
			       " it would sleep",
			       task->pid);
	return err_errno(c->err, rc, "no exited child of pid %d", task->pid);
}

static int wait_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int want = c->arg[0].set ? (int)c->arg[0].value.n : -1;
	unsigned options = cmd_opt(c, 'n') ? LX_WNOHANG : 0;
	int pid = 0, status = 0, rc;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "wait4", NULL);
	rc = kernel_wait4(c->k, task, want, options, &status, &pid);
	syscall_int(&sc, "pid", want);
	syscall_wait_status(&sc, rc < 0 || !pid ? NULL : &status);
	syscall_flags(&sc, "options", syscall_wait, options);
	syscall_ptr(&sc, "rusage", 0);
	if (rc == -EWOULDBLOCK)
		syscall_end_never(&sc);
	else
		syscall_end(&sc, rc < 0 ? rc : pid);
	if (rc < 0)
		return wait_failed(c, task, rc);
	if (!pid) {
		res_i64(c->r, "pid", "%s: no child has ended", pid);
		return 0;
	}
	res_i64(c->r, "pid", "pid %s reaped:", pid);
	emit_status(c->r, status);
	return 0;
}

const struct command cmd_ps = {
	.name = "ps",
	.group = "processes",
	.flags = CMD_NEEDS_KERNEL,
	.help = "list processes",
	.example = "ps",
	.details =
		"S: R runs or may run, D sleeps in vfork, T stopped, Z zombie.",
	.opt = { { 'T', "threads", ARG_FLAG, NULL, "a line for each thread" } },
	.run = ps_run,
};

const struct command cmd_clone = {
	.name = "clone",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "a task that shares what FLAGs say with the current one",
	.details = "vm shares the address space, sighand the handlers of "
		   "signals, thread is\n"
		   "what pthread_create asks for. Threads on several CPUs make "
		   "the shootdowns\n"
		   "of munmap, mprotect and copy-on-write visible: see "
		   "counters. Without\n"
		   "flags as fork.",
	.example = "clone thread",
	.arg = { { "FLAG", ARG_WORD, .optional = true, .repeat = true } },
	.opt = { { 's', "stack", ARG_VA, "VA",
		   "stack pointer of the new task" },
		 CMD_OPT_PID },
	.run = clone_run,
	.word = clone_word,
};

const struct command cmd_vfork = {
	.name = "vfork",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "a child in the same memory; the parent sleeps until exec or "
		"exit",
	.example = "vfork",
	.opt = { CMD_OPT_PID },
	.run = vfork_run,
};

const struct command cmd_kthread = {
	.name = "kthread",
	.group = "processes",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "make a kernel thread, which has no user memory (lazy TLB)",
	.details = "A CPU that switches to it keeps the tables of the task "
		   "before: CR3 is not\n"
		   "loaded, and going back to that task costs no flush. "
		   "Flushes of that memory\n"
		   "pass such a CPU by until it returns, unless page tables "
		   "were freed.",
	.example = "kthread kswapd0",
	.arg = { { "NAME", ARG_WORD } },
	.run = kthread_run,
};

const struct command cmd_fork = {
	.name = "fork", .group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "fork the current process; its memory is shared copy-on-write",
	.details = "The child is runnable, the parent stays current: see switch.",
	.example = "fork", .opt = { CMD_OPT_PID }, .run = fork_run,
};

const struct command cmd_switch = {
	.name = "switch", .alias = "cd", .group = "processes",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "run process PID on this CPU: load its CR3",
	.example = "switch 1", .arg = { { "PID", ARG_PID } },
	.opt = { CMD_OPT_CPU }, .run = switch_run,
};

const struct command cmd_exit = {
	.name = "exit",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "the current process exits (quit leaves mmsh)",
	.details = "Its memory is freed at once, while the CPU keeps its page "
		   "tables\n"
		   "lazily: the flush that follows makes it load "
		   "swapper_pg_dir, and the\n"
		   "root table goes when another process runs there. A zombie "
		   "stays until\n"
		   "the parent waits. The CPU goes to the parent if that is "
		   "not running.",
	.arg = { { "CODE", ARG_NUM, .optional = true } },
	.opt = { { 't', "thread", ARG_FLAG, NULL, "only this thread" },
		 CMD_OPT_PID },
	.run = exit_run,
};

const struct command cmd_wait = {
	.name = "wait",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "reap an exited child of the current process, and say how it "
		"ended",
	.arg = { { "CHILD", ARG_NUM, .optional = true } },
	.opt = { { 'n', "nohang", ARG_FLAG, NULL,
		   "WNOHANG: 0 if none has ended" },
		 CMD_OPT_PID },
	.run = wait_run,
};

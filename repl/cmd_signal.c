/*
 * cmd_signal.c - signals of processes: kill, handle, sigaction, sigaltstack.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/oom.h"
#include "repl/cmd.h"
#include "repl/describe.h"
#include "repl/handler.h"

static const char *signal_word(unsigned i)
{
	return i < NR_SIGNALS ? signal_name((int)i + 1) : NULL;
}

/* Argument @i as a signal: its number, or -1 with c->err set. */
static int signal_arg(struct cmd_ctx *c, unsigned i)
{
	int signo = signal_by_name(c->arg[i].str);

	if (signo)
		return signo;
	err_set(c->err, ERR_USER, "%s: no signal", c->arg[i].str);
	err_hint(c->err, "by number, 1 to %d, or name: SIGSEGV, SEGV",
		 NR_SIGNALS);
	return -1;
}

/* --- kill --------------------------------------------------------------------
 */
static void emit_state(struct cmd_ctx *c, int pid, int signo)
{
	const struct task_struct *t = find_task(c->k, pid);
	const char *state = !t		      ? "is gone"
			    : t->state == 'Z' ? "is a zombie"
			    : t->state == 'T' ? "is stopped"
					      : "goes on";

	res_line(c->r);
	res_i64(c->r, "pid", "pid %s", pid);
	res_str(c->r, "signal", "~ got %s", signal_name(signo));
	res_str(c->r, "state", "~ and %s", state);
}

static int kill_run(struct cmd_ctx *c)
{
	int pid = (int)c->arg[0].value.n;
	struct task_struct *task = find_task(c->k, pid);
	int signo = c->arg[1].set ? signal_arg(c, 1) : LX_SIGTERM;
	int cpu = task->cpu, ppid = task->ppid, tgid = task->tgid, rc;
	struct story *story;

	if (signo < 0)
		return -1;
	story = story_begin_at(c->k, c->r->story);
	rc = kernel_kill(c->k, task, signo);
	if (!rc && cpu >= 0 && !c->k->current[cpu])
		cmd_give_cpu(c->s, (unsigned)cpu, ppid);
	story_end(story, c->r);
	if (rc < 0)
		return err_errno(c->err, rc, "pid %d", pid);
	emit_state(c, tgid, signo);
	return 0;
}

/* --- handle ------------------------------------------------------------------
 */
static int handle_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int signo = task ? signal_arg(c, 0) : -1;
	const char *word = c->arg[1].set ? c->arg[1].str : NULL;
	uint32_t *stop;

	if (signo < 0)
		return -1;
	if (word && strcmp(word, "stop") != 0 && strcmp(word, "pass") != 0)
		return err_set(c->err, ERR_USER, "%s: not stop or pass", word);
	stop = &task->signal->stop;
	if (word && *word == 's')
		*stop |= sigbit(signo);
	else if (word)
		*stop &= ~sigbit(signo);
	res_str(c->r, "signal", "%s", signal_name(signo));
	res_str(c->r, "action", "~: %s",
		*stop & sigbit(signo) ? "stop" : "pass");
	res_i64(c->r, "pid", "pid %s", task->pid);
	res_str(c->r, NULL, "~ %s",
		*stop & sigbit(signo)
			? "stays where it is when a fault would end it"
			: "ends if a fault raises it and nothing handles it");
	return 0;
}

static const char *handle_word(unsigned i)
{
	static const char *const words[] = { "stop", "pass" };

	return i < 2 ? words[i] : signal_word(i - 2);
}

/* --- sigaction ---------------------------------------------------------------
 */
static const struct {
	char opt;
	uint32_t flag;
	const char *name;
} sa_flags[] = {
	{ 'o', LX_SA_ONSTACK, "SA_ONSTACK" },
	{ 'n', LX_SA_NODEFER, "SA_NODEFER" },
	{ 'r', LX_SA_RESETHAND, "SA_RESETHAND" },
	{ 'w', LX_SA_NOCLDWAIT, "SA_NOCLDWAIT" },
};

static void emit_action(struct cmd_ctx *c, int signo,
			const struct k_sigaction *a)
{
	static const char *const type[] = { "SIG_DFL", "SIG_IGN" };
	char flags[80] = "";

	for (size_t i = 0; i < ARRAY_SIZE(sa_flags); i++)
		if (a->sa_flags & sa_flags[i].flag)
			strcat(strcat(flags, *flags ? " " : ""),
			       sa_flags[i].name);
	res_item(c->r, false);
	res_str(c->r, "signal", "%s", signal_name(signo));
	res_str(c->r, "handler", "%s",
		a->type == SIG_TYPE_HANDLER ? handler_text(c->s, a->handler)
					    : type[a->type]);
	res_words(c->r, "flags", "%s", flags);
	res_end(c->r);
}

static void emit_actions(struct cmd_ctx *c, const struct task_struct *task,
			 int only)
{
	res_list(c->r, "actions", RES_LINES);
	for (int i = 1; i <= NR_SIGNALS; i++)
		if (i == only ||
		    (!only && task->sighand->action[i].type != SIG_TYPE_DFL))
			emit_action(c, i, &task->sighand->action[i]);
	res_end(c->r);
}

static void parse_action(struct cmd_ctx *c, struct k_sigaction *a)
{
	const char *text = c->arg[1].str;

	*a = (struct k_sigaction){ 0 };
	if (strcmp(text, "ignore") == 0)
		a->type = SIG_TYPE_IGN;
	else if (strcmp(text, "default") != 0)
		*a = (struct k_sigaction){
			.type = SIG_TYPE_HANDLER,
			.handler = handler_add_line(c->s, text),
		};
	for (size_t i = 0; i < ARRAY_SIZE(sa_flags); i++)
		if (cmd_opt(c, sa_flags[i].opt))
			a->sa_flags |= sa_flags[i].flag;
}

static int sigaction_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int signo = task && c->arg[0].set ? signal_arg(c, 0) : 0, rc;
	struct k_sigaction act;

	if (!task || signo < 0)
		return -1;
	if (c->arg[1].set) {
		parse_action(c, &act);
		rc = do_sigaction(task, signo, &act);
		if (rc < 0)
			return err_errno(c->err, rc, "%s", signal_name(signo));
	}
	emit_actions(c, task, signo);
	return 0;
}

/* --- sigaltstack -------------------------------------------------------------
 */
static int sigaltstack_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].set ? c->arg[0].value.n : 0;
	uint64_t size = c->arg[1].set ? c->arg[1].value.n : 0;
	int rc = 0;

	if (!task)
		return -1;
	if (c->arg[0].set != c->arg[1].set)
		return err_set(c->err, ERR_USAGE, "a stack has VA and SIZE");
	if (c->arg[0].set || cmd_opt(c, 'd'))
		rc = do_sigaltstack(task, va, size);
	if (rc < 0) {
		err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
			  (unsigned long long)size);
		if (rc == -ENOMEM)
			err_hint(c->err, "MINSIGSTKSZ is %d", LX_MINSIGSTKSZ);
		return -1;
	}
	if (!task->sas_ss_size) {
		res_str(c->r, NULL, "%s", "no stack for signals");
	} else {
		res_va(c->r, "ss_sp", "signals on the stack %s",
		       task->sas_ss_sp);
		res_va(c->r, "end", "~-%s",
		       task->sas_ss_sp + task->sas_ss_size);
	}
	res_u64(c->r, "frame_size", "a frame takes %s bytes",
		sigframe_size(c->k));
	return 0;
}

/* --- oom_score
 * ---------------------------------------------------------------- */
static int oom_score_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const struct cmd_arg *adj = cmd_opt(c, 'a');
	int rc = 0;

	if (!task)
		return -1;
	if (adj)
		rc = set_oom_score_adj(c->k, task, (int)adj->value.n);
	if (rc < 0)
		return err_errno(c->err, rc, "oom_score_adj %d",
				 (int)adj->value.n);
	res_i64(c->r, "pid", "pid %s", task->pid);
	res_u64(c->r, "oom_score", "oom_score %s", oom_score(c->k, task));
	res_i64(c->r, "oom_score_adj", "oom_score_adj %s",
		task->signal->oom_score_adj);
	if (oom_badness(c->k, task) == INT64_MIN)
		res_text(c->r, COL_PLAIN, "never killed");
	else
		res_i64(c->r, "badness", "badness %s pages",
			oom_badness(c->k, task));
	return 0;
}

const struct command cmd_oom_score = {
	.name = "oom_score",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "how likely the OOM killer takes a process; -a sets "
		"oom_score_adj",
	.details = "badness: resident pages, swapped ones and page tables, and "
		   "oom_score_adj\n"
		   "thousandths of all memory. When a fault finds no memory "
		   "the worst process\n"
		   "is killed, and the log tells as Linux does: see dmesg. "
		   "Never init, kernel\n"
		   "threads, and what has -1000.",
	.example = "oom_score",
	.opt = { { 'a', "adj", ARG_NUM, "ADJ",
		   "-1000 (never) to 1000 (first)" },
		 CMD_OPT_PID },
	.run = oom_score_run,
};

const struct command cmd_kill = {
	.name = "kill",
	.group = "processes",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "send SIGNAL, SIGTERM if none is named, to process PID",
	.details = "What ends or stops a process does so at once; a handler "
		   "runs when the\n"
		   "process does. init only gets what it has a handler for. A "
		   "handler that\n"
		   "sends its own signal would run forever: after 64 at once "
		   "the next one\n"
		   "stays pending.",
	.arg = { { "PID", ARG_PID }, { "SIGNAL", ARG_WORD, .optional = true } },
	.run = kill_run,
	.word = signal_word,
};

const struct command cmd_handle = {
	.name = "handle",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "may a fault's SIGNAL end the process: pass, or stop (a "
		"debugger)",
	.details = "stop, as at first: where a fault's signal would end the "
		   "process, it stays\n"
		   "at its instruction, as gdb would hold it: the signal is "
		   "reported and not\n"
		   "delivered. pass: it ends, as without a debugger; of init "
		   "the kernel\n"
		   "panics. Handlers run in both cases (sigaction). Children "
		   "inherit it.",
	.example = "handle SIGSEGV",
	.arg = { { "SIGNAL", ARG_WORD },
		 { "stop|pass", ARG_WORD, .optional = true } },
	.opt = { CMD_OPT_PID },
	.run = handle_run,
	.word = handle_word,
};

const struct command cmd_sigaction = {
	.name = "sigaction",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set what handles SIGNAL: \"COMMANDS\", ignore, "
		"default",
	.details = "The line of commands, in quotes, runs as the process that "
		   "got the signal,\n"
		   "quietly; then the access is tried again. It finds "
		   "$si_signo, $si_code,\n"
		   "$si_addr, $si_page (the page of si_addr), $error_code and "
		   "$trap. Linux'\n"
		   "frame is written to the user stack before; if that cannot "
		   "be, SIGSEGV\n"
		   "kills. The signal is blocked meanwhile: a fault in the "
		   "handler kills, or\n"
		   "stops. Without arguments: all that are not default.",
	.example = "sigaction SIGSEGV \"map 4K rw -F -a $si_page\"",
	.arg = { { "SIGNAL", ARG_WORD, .optional = true },
		 { "HANDLER", ARG_WORD, .optional = true } },
	.opt = { { 'o', "onstack", ARG_FLAG, NULL,
		   "SA_ONSTACK: see sigaltstack" },
		 { 'n', "nodefer", ARG_FLAG, NULL,
		   "SA_NODEFER: not blocked in it" },
		 { 'r', "resethand", ARG_FLAG, NULL,
		   "SA_RESETHAND: only once" },
		 { 'w', "nocldwait", ARG_FLAG, NULL,
		   "SA_NOCLDWAIT: children leave no zombies" },
		 CMD_OPT_PID },
	.run = sigaction_run,
	.word = signal_word,
};

const struct command cmd_sigaltstack = {
	.name = "sigaltstack",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set another stack for handlers with SA_ONSTACK",
	.arg = { { "VA", ARG_VA, .optional = true },
		 { "SIZE", ARG_SIZE, .optional = true } },
	.opt = { { 'd', "disable", ARG_FLAG, NULL, "none" }, CMD_OPT_PID },
	.run = sigaltstack_run,
};

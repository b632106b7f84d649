/*
 * signal.c - sending signals, and what they do to a process (linux 6.1
 * kernel/signal.c, arch/x86/kernel/signal.c: handle_signal).
 *
 *	from a fault	blocked or ignored: the default action, at once
 *			handler: a frame on the user stack, the handler, back
 *			no frame fits: SIGSEGV by default action
 *	from kill	ignored: gone; fatal: the group ends at once; handler:
 *			pending until a thread goes to user mode
 *
 * Left out: real-time signals and queues, process groups, ptrace but for a
 * debugger that stops what a fault would end, core dumps (RLIMIT_CORE is 0, as
 * Linux starts init), SIGTRAP and job control by terminals. signal_struct and
 * sighand_struct are not charged to their slab caches.
 */
#include "kernel/pkeys.h"
#include "kernel/signal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "kernel/mm_internal.h"

/* --- names and default actions ------------------------------------------- */

enum action { TERM, IGNORE, STOP, CONT };

static const struct {
	const char *name;
	enum action action;
} signals[NR_SIGNALS + 1] = {
	{ "SIG?", IGNORE },  { "SIGHUP", TERM },     { "SIGINT", TERM },
	{ "SIGQUIT", TERM }, { "SIGILL", TERM },     { "SIGTRAP", TERM },
	{ "SIGABRT", TERM }, { "SIGBUS", TERM },     { "SIGFPE", TERM },
	{ "SIGKILL", TERM }, { "SIGUSR1", TERM },    { "SIGSEGV", TERM },
	{ "SIGUSR2", TERM }, { "SIGPIPE", TERM },    { "SIGALRM", TERM },
	{ "SIGTERM", TERM }, { "SIGSTKFLT", TERM },  { "SIGCHLD", IGNORE },
	{ "SIGCONT", CONT }, { "SIGSTOP", STOP },    { "SIGTSTP", STOP },
	{ "SIGTTIN", STOP }, { "SIGTTOU", STOP },    { "SIGURG", IGNORE },
	{ "SIGXCPU", TERM }, { "SIGXFSZ", TERM },    { "SIGVTALRM", TERM },
	{ "SIGPROF", TERM }, { "SIGWINCH", IGNORE }, { "SIGIO", TERM },
	{ "SIGPWR", TERM },  { "SIGSYS", TERM },
};

static bool is_signal(int signo)
{
	return signo > 0 && signo <= NR_SIGNALS;
}

static bool is_kernel_only(int signo)
{
	return signo == LX_SIGKILL || signo == LX_SIGSTOP;
}

const char *signal_name(int signo)
{
	return signals[is_signal(signo) ? signo : 0].name;
}

int signal_by_name(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	if (end != name && !*end)
		return n > 0 && n <= NR_SIGNALS ? (int)n : 0;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i <= NR_SIGNALS; i++)
		if (strcasecmp(signals[i].name + 3, name) == 0)
			return i;
	return 0;
}

/* --- of tasks --------------------------------------------------------------
 */

void signal_init_task(struct task_struct *task)
{
	task->signal = xcalloc(1, sizeof(*task->signal));
	task->sighand = xcalloc(1, sizeof(*task->sighand));
	task->signal->count = task->signal->live = 1;
	task->signal->stop =
		sigbit(LX_SIGSEGV) | sigbit(LX_SIGBUS) | sigbit(LX_SIGKILL);
	task->sighand->count = 1;
}

static void copy_sighand(struct task_struct *task,
			 const struct sighand_struct *old)
{
	task->sighand = xcalloc(1, sizeof(*task->sighand));
	memcpy(task->sighand->action, old->action, sizeof(old->action));
	task->sighand->count = 1;
}

static void copy_group(struct task_struct *task,
		       const struct signal_struct *old)
{
	task->signal = xcalloc(1, sizeof(*task->signal));
	task->signal->count = task->signal->live = 1;
	task->signal->oom_score_adj = old->oom_score_adj;
	task->signal->stop = old->stop;
}

void copy_signal(struct task_struct *task, struct task_struct *parent,
		 uint64_t clone_flags)
{
	task->blocked = parent->blocked;
	if ((clone_flags & (LX_CLONE_VM | LX_CLONE_VFORK)) != LX_CLONE_VM) {
		task->sas_ss_sp = parent->sas_ss_sp;
		task->sas_ss_size = parent->sas_ss_size;
	}
	if (clone_flags & LX_CLONE_SIGHAND) {
		task->sighand = parent->sighand;
		task->sighand->count++;
	} else {
		copy_sighand(task, parent->sighand);
	}
	if (clone_flags & LX_CLONE_THREAD) {
		task->signal = parent->signal;
		task->signal->count++;
		task->signal->live++;
	} else {
		copy_group(task, parent->signal);
	}
}

void exit_signals(struct task_struct *task)
{
	if (task->sighand && --task->sighand->count == 0)
		free(task->sighand);
	if (task->signal && --task->signal->count == 0)
		free(task->signal);
	task->sighand = NULL;
	task->signal = NULL;
}

void flush_signal_handlers(struct task_struct *task)
{
	struct sighand_struct *old = task->sighand;

	if (old->count > 1) { /* unshare_sighand() */
		copy_sighand(task, old);
		old->count--;
	}
	for (int i = 1; i <= NR_SIGNALS; i++) {
		struct k_sigaction *a = &task->sighand->action[i];

		*a = (struct k_sigaction){
			.type = a->type == SIG_TYPE_IGN ? SIG_TYPE_IGN
							: SIG_TYPE_DFL,
		};
	}
	task->sas_ss_sp = task->sas_ss_size = 0;
}

int do_sigaction(struct task_struct *task, int signo,
		 const struct k_sigaction *act)
{
	if (!is_signal(signo) || is_kernel_only(signo))
		return -EINVAL;
	task->sighand->action[signo] = *act;
	task->sighand->action[signo].sa_mask &=
		~(sigbit(LX_SIGKILL) | sigbit(LX_SIGSTOP));
	if (act->type == SIG_TYPE_IGN) {
		task->pending &= ~sigbit(signo);
		task->signal->shared_pending &= ~sigbit(signo);
	}
	return 0;
}

static bool on_sig_stack(const struct task_struct *task)
{
	return task->sp > task->sas_ss_sp &&
	       task->sp - task->sas_ss_sp <= task->sas_ss_size;
}

int do_sigaltstack(struct task_struct *task, va_t sp, uint64_t size)
{
	if (on_sig_stack(task))
		return -EPERM;
	if (size && size < LX_MINSIGSTKSZ)
		return -ENOMEM;
	task->sas_ss_sp = size ? sp : 0;
	task->sas_ss_size = size;
	return 0;
}

/* --- the default action -----------------------------------------------------
 */

/* What the kernel log says of a fault that nobody handles. */
static void show_signal_msg(struct kernel *k, const struct task_struct *task,
			    const struct siginfo *info)
{
	const struct vm_area_struct *vma = find_vma(task->mm, task->ip);
	char in[200] = "";

	if (info->signo != LX_SIGSEGV || info->trap != VEC_PF)
		return;
	if (vma && vma->vm_start <= task->ip && vma->vm_file) {
		const char *slash = strrchr(vma->vm_file->f_inode->path, '/');

		snprintf(in, sizeof(in), " in %.100s[%llx+%llx]",
			 slash ? slash + 1 : vma->vm_file->f_inode->path,
			 (unsigned long long)vma->vm_start,
			 (unsigned long long)(vma->vm_end - vma->vm_start));
	}
	printk(k, "%s[%d]: segfault at %llx ip %0*llx sp %0*llx error %x%s",
	       task->comm, task->pid, (unsigned long long)info->addr,
	       k->arch->word * 2, (unsigned long long)task->ip,
	       k->arch->word * 2, (unsigned long long)task->sp,
	       info->error_code, in);
}

/* => nothing handles @info: the process ends, or the system. */
static enum sig_end die(struct kernel *k, struct task_struct *task,
			const struct siginfo *info)
{
	if (info->si_code != LX_SI_USER)
		show_signal_msg(k, task, info);
	if (task->tgid == 1) {
		printk(k,
		       "Kernel panic - not syncing: Attempted to kill init!"
		       " exitcode=0x%08x",
		       info->signo);
		return SIG_PANIC;
	}
	end_group(k, task, info->signo);
	return SIG_ENDED;
}

static void set_stopped(struct kernel *k, struct task_struct *task, bool stop)
{
	struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link) {
		if (t->tgid != task->tgid || t->state == 'Z')
			continue;
		if (stop && t->cpu >= 0 && context_switch(k, t->cpu, NULL))
			continue;
		if (stop && t->state == 'R')
			t->state = 'T';
		else if (!stop && t->state == 'T')
			t->state = 'R';
	}
}

/* --- handlers ------------------------------------------------------------- */

/* Where the stack that the frame is on begins: its highest address in use. */
static va_t frame_end(const struct task_struct *task, va_t frame)
{
	va_t top = task->sas_ss_sp + task->sas_ss_size;

	return frame >= task->sas_ss_sp && frame < top && !on_sig_stack(task)
		       ? top
		       : task->sp;
}

/* The mask, the stack and PKRU of a handler, and then those of before. */
static enum sig_end run_handler(struct kernel *k, unsigned cpu,
				struct k_sigaction act,
				const struct siginfo *info)
{
	struct task_struct *task = k->current[cpu];
	uint32_t blocked = task->blocked, pkru = read_pkru(k, task);
	va_t sp = task->sp, frame;
	int pid = task->pid;
	bool back;

	if (setup_rt_frame(k, cpu, info, &act, &frame)) {
		struct siginfo segv = { .signo = LX_SIGSEGV,
					.si_code = LX_SI_KERNEL };

		if (info->signo == LX_SIGSEGV)
			task->sighand->action[LX_SIGSEGV].type = SIG_TYPE_DFL;
		return force_signal(k, cpu, &segv);
	}
	kevent(k, .kind = KEV_HANDLER, .func = "setup_rt_frame", .pid = pid,
	       .note = "frame for the handler", .va = frame,
	       .end = frame_end(task, frame));
	if (act.sa_flags & LX_SA_RESETHAND)
		task->sighand->action[info->signo].type = SIG_TYPE_DFL;
	task->blocked |= act.sa_mask;
	if (!(act.sa_flags & LX_SA_NODEFER))
		task->blocked |= sigbit(info->signo);
	task->sp = frame;
	write_pkru(k, task, INIT_PKRU);
	back = k->signal_hook->run(k->signal_hook->ctx, cpu, act.handler, info);
	task = find_task(k, pid);
	if (!task || task->state == 'Z')
		return SIG_ENDED;
	task->blocked = blocked; /* sigreturn; or siglongjmp */
	task->sp = sp;
	if (back)
		write_pkru(k, task, pkru);
	return back && k->current[cpu] == task ? SIG_RETRY : SIG_LEFT;
}

enum sig_end force_signal(struct kernel *k, unsigned cpu,
			  const struct siginfo *info)
{
	struct task_struct *task = k->current[cpu];
	struct k_sigaction *act = &task->sighand->action[info->signo];
	uint32_t bit = sigbit(info->signo);

	if (act->type == SIG_TYPE_HANDLER && !(task->blocked & bit) &&
	    k->signal_hook)
		return run_handler(k, cpu, *act, info);
	if (task->signal->stop & bit)
		return SIG_STOPPED;
	act->type = SIG_TYPE_DFL;
	task->blocked &= ~bit;
	return die(k, task, info);
}

/* --- sent ones --------------------------------------------------------------
 */

static bool sig_ignored(const struct task_struct *task, int signo)
{
	const struct k_sigaction *a = &task->sighand->action[signo];

	if (a->type == SIG_TYPE_IGN)
		return true;
	if (a->type == SIG_TYPE_HANDLER)
		return false;
	/* SIGNAL_UNKILLABLE: init gets what it has a handler for, no more */
	return signals[signo].action == IGNORE || task->tgid == 1;
}

static enum action action_of(const struct task_struct *task, int signo)
{
	bool dfl = task->sighand->action[signo].type == SIG_TYPE_DFL;

	return dfl ? signals[signo].action : IGNORE;
}

/* => the signal is not ignored */
static void take_signal(struct kernel *k, struct task_struct *task,
			const struct siginfo *info)
{
	uint32_t bit = sigbit(info->signo);
	bool blocked = (task->blocked & bit) && !is_kernel_only(info->signo);

	if (!blocked && action_of(task, info->signo) == TERM) {
		die(k, task, info);
	} else if (!blocked && action_of(task, info->signo) == STOP) {
		set_stopped(k, task, true);
	} else if (action_of(task, info->signo) != CONT) {
		task->signal->shared_pending |= bit;
		task->signal->info[info->signo] = *info;
		if (task->cpu >= 0)
			deliver_pending(k, task->cpu);
	}
}

static const char *what_it_does(const struct task_struct *task,
				const struct siginfo *info)
{
	static const char *const by_action[] = { "ends it", "pending",
						 "stops it", "continues it" };

	if (info->signo == LX_SIGCONT)
		return by_action[CONT];
	if (sig_ignored(task, info->signo))
		return "ignored";
	if ((task->blocked & sigbit(info->signo)) &&
	    !is_kernel_only(info->signo))
		return "blocked";
	if (task->sighand->action[info->signo].type == SIG_TYPE_HANDLER)
		return "handled";
	return by_action[signals[info->signo].action];
}

int send_signal(struct kernel *k, struct task_struct *task,
		const struct siginfo *info)
{
	if (!is_signal(info->signo) || task->kthread)
		return -EINVAL;
	if (task->state == 'Z' && !task->signal->live)
		return 0; /* a zombie takes all and does nothing */
	if (info->signo == LX_SIGCONT)
		set_stopped(k, task, false);
	kevent(k, .kind = KEV_SIGNAL, .signo = info->signo, .pid = task->pid,
	       .si_code = info->si_code, .note = what_it_does(task, info));
	if (!sig_ignored(task, info->signo))
		take_signal(k, task, info);
	return 0;
}

int kernel_kill(struct kernel *k, struct task_struct *task, int signo)
{
	struct siginfo info = { .signo = signo, .si_code = LX_SI_USER };

	return send_signal(k, task, &info);
}

/* A handler may send its own signal again, forever: the last one waits. */
#define MAX_IN_A_ROW 64

/* The lowest pending signal that @task does not block, taken; 0: none. */
static int dequeue_signal(struct task_struct *task)
{
	uint32_t *from = &task->signal->shared_pending;
	uint32_t set = *from & ~task->blocked;
	int signo = __builtin_ffs((int)set);

	if (signo)
		*from &= ~sigbit(signo);
	return signo;
}

void deliver_pending(struct kernel *k, unsigned cpu)
{
	struct task_struct *task = k->current[cpu];
	unsigned taken = 0;
	int signo;

	while (task && task->signal && taken++ < MAX_IN_A_ROW &&
	       (signo = dequeue_signal(task))) {
		struct siginfo info = task->signal->info[signo];
		struct k_sigaction act = task->sighand->action[signo];

		if (act.type == SIG_TYPE_HANDLER && k->signal_hook)
			run_handler(k, cpu, act, &info);
		else if (!sig_ignored(task, signo))
			take_signal(k, task, &info);
		task = k->current[cpu];
	}
}

/*
 * signal.h - signals of the simulated processes: who handles them, what they
 * do (linux include/linux/sched/signal.h, uapi/asm/signal.h).
 *
 * Programs do not run here, so a handler is not code of theirs: it is a number
 * that means something to whoever set struct signal_hook (the shell: a command
 * line or a Lua function). All around it is Linux': masks, the frame on the
 * user stack, what happens when it cannot be written.
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "kernel/mm.h"

#define NR_SIGNALS 31 /* without the real-time ones */
#define LX_SIGHUP  1
#define LX_SIGABRT 6
#define LX_SIGKILL 9
#define LX_SIGTERM 15
#define LX_SIGCHLD 17
#define LX_SIGCONT 18
#define LX_SIGSTOP 19

#define LX_SI_USER    0 /* sent by kill() */
#define LX_CLD_EXITED 1
#define LX_CLD_KILLED 2

#define LX_SA_NOCLDWAIT 0x00000002u
#define LX_SA_ONSTACK	0x08000000u
#define LX_SA_NODEFER	0x40000000u
#define LX_SA_RESETHAND 0x80000000u

#define LX_MINSIGSTKSZ 2048 /* sigaltstack() refuses less */

enum sig_type { SIG_TYPE_DFL, SIG_TYPE_IGN, SIG_TYPE_HANDLER };

struct k_sigaction {
	enum sig_type type;
	unsigned handler; /* SIG_TYPE_HANDLER: what the hook knows it by */
	uint32_t sa_flags, sa_mask; /* mask: bit n - 1 is signal n */
};

struct sighand_struct { /* shared by CLONE_SIGHAND */
	int count;
	struct k_sigaction action[NR_SIGNALS + 1];
};

struct signal_struct { /* of a thread group */
	int count;     /* threads, the zombie leader too */
	int live;      /* threads that have not exited */
	bool group_exit;
	int group_exit_code; /* as wait4 tells it */
	uint32_t shared_pending;
	struct siginfo info[NR_SIGNALS + 1]; /* of pending ones */
	short oom_score_adj;		     /* -1000 .. 1000 */
	/*
	 * A debugger holds the process: of these a fault that would end it
	 * stops it instead, reported and not delivered. SIGKILL: of a
	 * corrupted page table, not of kill() or the OOM killer.
	 */
	uint32_t stop;
};

/*
 * Runs a handler of the current task of @cpu. True: it returned; false: it
 * could not be run, or did not return (longjmp).
 */
struct signal_hook {
	bool (*run)(void *ctx, unsigned cpu, unsigned handler,
		    const struct siginfo *info);
	void *ctx;
};

static inline uint32_t sigbit(int signo)
{
	return 1u << (signo - 1);
}

/* "SIGSEGV"; "SIG?" for a number that is none. */
const char *signal_name(int signo);
/* "SEGV", "sigsegv", "11": its number, 0 for none. */
int signal_by_name(const char *name);

/* A group of one thread with default actions; never NULL. */
void signal_init_task(struct task_struct *task);
/* What a new thread or process takes over from @parent. */
void copy_signal(struct task_struct *task, struct task_struct *parent,
		 uint64_t clone_flags);
void exit_signals(struct task_struct *task);
/* exec: handlers become SIG_DFL, what is ignored stays so. */
void flush_signal_handlers(struct task_struct *task);

/* sigaction(2). -EINVAL: no such signal, or SIGKILL, SIGSTOP. */
int do_sigaction(struct task_struct *task, int signo,
		 const struct k_sigaction *act);
/* sigaltstack(2); @size 0: none. -ENOMEM: too small; -EPERM: it is on it. */
int do_sigaltstack(struct task_struct *task, va_t sp, uint64_t size);

/*
 * kill(2): to all threads of the group. What ends a process ends it at once;
 * a handler runs when the process does. -EINVAL, -ESRCH.
 */
int kernel_kill(struct kernel *k, struct task_struct *task, int signo);
/* The same from the kernel, with @info. */
int send_signal(struct kernel *k, struct task_struct *task,
		const struct siginfo *info);
/* The signal of a fault of the task on @cpu (linux force_sig_fault). */
enum sig_end force_signal(struct kernel *k, unsigned cpu,
			  const struct siginfo *info);
/* Handlers of pending signals, as the task on @cpu goes to user mode. */
void deliver_pending(struct kernel *k, unsigned cpu);

/* sigframe.c: writes the frame; 0, or -EFAULT: the stack has no room. */
int setup_rt_frame(struct kernel *k, unsigned cpu, const struct siginfo *info,
		   const struct k_sigaction *act, va_t *frame);
/* The same size for all signals: what lies below the stack pointer. */
unsigned sigframe_size(const struct kernel *k);

#endif

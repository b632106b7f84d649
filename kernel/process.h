/*
 * process.h - tasks from fork to exit (linux kernel/fork.c, exit.c, sched/core.c,
 * fs/exec.c, fs/binfmt_elf.c).
 *
 * Return values: 0 or a negative errno, unless it says otherwise.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include "kernel/mm_types.h"

#define LX_CLONE_VM	 0x00000100u
#define LX_CLONE_FS	 0x00000200u
#define LX_CLONE_FILES	 0x00000400u
#define LX_CLONE_SIGHAND 0x00000800u
#define LX_CLONE_VFORK	 0x00004000u
#define LX_CLONE_PARENT	 0x00008000u
#define LX_CLONE_THREAD	 0x00010000u

#define LX_WNOHANG 1

/* personality(2) */
#define LX_ADDR_NO_RANDOMIZE  0x0040000u
#define LX_MMAP_PAGE_ZERO     0x0100000u
#define LX_ADDR_COMPAT_LAYOUT 0x0200000u
#define LX_READ_IMPLIES_EXEC  0x0400000u
#define LX_ADDR_LIMIT_3GB     0x8000000u /* of i386 programs on x86-64 */

struct clone_args {
	uint64_t flags;	 /* LX_CLONE_* */
	int exit_signal; /* for the parent; of a thread there is none */
	va_t stack;	 /* of the child; 0: the parent's pointer */
};

/*
 * Sets the limits RLIM_@which of the process of @task (sys.c). -EINVAL: soft
 * above hard; -EPERM: the hard limit can only be raised with CAP_SYS_RESOURCE.
 */
int do_prlimit(struct kernel *k, struct task_struct *task, unsigned which,
	       uint64_t cur, uint64_t max);
struct task_struct *find_task(struct kernel *k, int pid);	/* or NULL */
int mm_alloc(struct kernel *k, struct mm_struct **ret);
void mmput(struct kernel *k, struct mm_struct *mm);
void mmdrop(struct kernel *k, struct mm_struct *mm);	/* accepts NULL */
/* A child of @parent with a copy-on-write copy of its address space. */
int kernel_fork(struct kernel *k, struct task_struct *parent,
		struct task_struct **ret);
/*
 * A thread, a process that shares the address space, or one with a copy.
 * CLONE_VFORK: @parent sleeps (D) until the child execs or exits, and the
 * child has its CPU. -EINVAL: flags that do not go together.
 */
int kernel_clone(struct kernel *k, struct task_struct *parent,
		 const struct clone_args *args, struct task_struct **ret);
/* A task without user memory (kthread_create). -ENOMEM. */
int kthread_create(struct kernel *k, const char *name,
		   struct task_struct **ret);
/*
 * A task ends: _exit(2) of a thread. The last one of an address space frees its
 * memory; a zombie stays until its parent waits (wait4) or ends, and the root
 * table until its CPU runs another. -EPERM for pid 1.
 */
int do_exit(struct kernel *k, struct task_struct *task, int code);
/* exit_group(2): all threads. */
int do_group_exit(struct kernel *k, struct task_struct *task, int code);
/* The same with a status as wait4 tells it: exit code << 8, or a signal. */
void end_group(struct kernel *k, struct task_struct *task, int status);
/* exec: @task becomes the only thread of its group, and the leader. */
void de_thread(struct kernel *k, struct task_struct *task);
/* @task no longer uses its address space as the child of a vfork. */
void mm_release(struct kernel *k, struct task_struct *task);
/* @mm is used on by others than @task: one of them owns it. */
void mm_update_next_owner(struct kernel *k, struct mm_struct *mm,
			  const struct task_struct *task);
/*
 * wait4(2) of a child: @pid, or any (-1). Its pid and status in *ret and
 * *status. -ECHILD: there is none. With none that has ended: *ret 0 for
 * LX_WNOHANG, else -EWOULDBLOCK, where a real parent would sleep.
 */
int kernel_wait4(struct kernel *k, struct task_struct *parent, int pid,
		 int options, int *status, int *ret);
/* Reaps an exited child: its pid in *ret. -ECHILD. */
int do_wait(struct kernel *k, struct task_struct *parent, int *ret);
/*
 * Runs @task (NULL: idle) on @cpu: loads CR3, unless it has that address space
 * already, or @task is the kernel's own, which borrows it (lazy TLB). -EBUSY:
 * runs on another CPU; -EINPROGRESS: sleeps in vfork; -EAGAIN: is stopped;
 * -EDEADLK, -EXDEV: see kmap_may_switch().
 */
int context_switch(struct kernel *k, unsigned cpu, struct task_struct *task);
/* The first process; called by kernel_boot(). */
int kernel_init_process(struct kernel *k);
void tasks_deinit(struct kernel *k);

/*
 * Replaces the address space of @task by the program in @file, as execve.
 * argv and envp end with NULL. On error the task is as before; *why is a
 * static phrase that names the field or rule ("p_filesz > p_memsz in segment
 * 3"), or NULL. -ENOEXEC, -ENOMEM, -E2BIG, ...
 */
int do_execve(struct kernel *k, struct task_struct *task, struct file *file,
	      const char *const *argv, const char *const *envp,
	      const char **why);

#endif

/*
 * process.h - tasks from fork to exit (linux kernel/fork.c, exit.c, sched/core.c,
 * fs/exec.c, fs/binfmt_elf.c).
 *
 * Return values: 0 or a negative errno, unless it says otherwise.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include "kernel/mm_types.h"

struct task_struct *find_task(struct kernel *k, int pid);	/* or NULL */
int mm_alloc(struct kernel *k, struct mm_struct **ret);
void mmput(struct kernel *k, struct mm_struct *mm);
void mmdrop(struct kernel *k, struct mm_struct *mm);	/* accepts NULL */
/* A child of @parent with a copy-on-write copy of its address space. */
int kernel_fork(struct kernel *k, struct task_struct *parent,
		struct task_struct **ret);
/* Ends a task and frees its memory; a zombie stays until its parent waits
 * (wait4) or ends, and the root table until its CPU runs another. -EPERM for
 * pid 1. */
int do_exit(struct kernel *k, struct task_struct *task, int code);
/* Reaps an exited child: its pid in *ret. -ECHILD. */
int do_wait(struct kernel *k, struct task_struct *parent, int *ret);
/* Runs @task (NULL: idle) on @cpu: loads CR3. -EBUSY: runs on another CPU;
 * -EDEADLK, -EXDEV: see kmap_may_switch(). */
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

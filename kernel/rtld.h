/*
 * rtld.h - what the dynamic loader does to the address space of a program
 * before its first instruction: libraries, their bss, relro, its own heap.
 */
#ifndef KERNEL_RTLD_H
#define KERNEL_RTLD_H

#include "kernel/mm_types.h"

/* One object that was mapped: "libc.so.6", its path and where it is. */
typedef void (*rtld_fn)(void *ctx, const char *name, const char *path,
			va_t base);

/*
 * Runs the loader of the program that @task has just executed, up to the jump
 * to its entry: task->ip is that afterwards. @fn may be NULL. A static
 * program needs nothing: 0. -ENOENT: a library is not found; *why is its name
 * or a reason, valid until the next call on @k.
 */
int rtld_run(struct kernel *k, struct task_struct *task, rtld_fn fn, void *ctx,
	     char why[200]);

#endif

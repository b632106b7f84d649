/*
 * uaccess.h - how the kernel touches user memory (linux
 * arch/x86/include/asm/uaccess.h, lib/usercopy.c, lib/strncpy_from_user.c).
 *
 * The current task of the CPU is in a system call: the CPU is at CPL 0 and on
 * the task's tables. With SMAP only what stands between STAC and CLAC may
 * touch user pages. A fault that cannot be served is no oops here: each of
 * these instructions has an entry in the exception table, and the copy ends
 * short. The returned count is of the bytes NOT copied, as Linux has it.
 */
#ifndef KERNEL_UACCESS_H
#define KERNEL_UACCESS_H

#include "kernel/mm.h"

uint64_t copy_to_user(struct kernel *k, unsigned cpu, va_t to, const void *from,
		      uint64_t len);
uint64_t copy_from_user(struct kernel *k, unsigned cpu, void *to, va_t from,
			uint64_t len);
uint64_t clear_user(struct kernel *k, unsigned cpu, va_t to, uint64_t len);
/* 1, 2, 4 or 8 bytes at once: 0 or -EFAULT. */
int get_user(struct kernel *k, unsigned cpu, va_t from, unsigned size,
	     uint64_t *ret);
int put_user(struct kernel *k, unsigned cpu, va_t to, unsigned size,
	     uint64_t value);
/* The string's length, or @len if it does not end before; -EFAULT. */
int64_t strncpy_from_user(struct kernel *k, unsigned cpu, char *to, va_t from,
			  uint64_t len);

/* The same in full, for who wants to know: what happened on the way. */
struct user_copy {
	enum access_kind kind; /* ACCESS_READ: from user memory */
	bool no_stac;	       /* a kernel bug: AC stays as it is */
	bool zero;	       /* the bytes that were not read become 0 */
};
uint64_t user_copy(struct kernel *k, unsigned cpu, const struct user_copy *how,
		   va_t va, void *buf, uint64_t len, struct user_access *ret);

#endif

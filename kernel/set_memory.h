/*
 * set_memory.h - page attributes of kernel mappings (linux
 * arch/x86/include/asm/set_memory.h; the "change page attribute" code).
 *
 * A page that shares a large page with others is cut out of it: the large
 * page becomes a table of the next smaller size. Nothing joins them again
 * (nor does 6.1). What the kernel image or the direct map maps a second time
 * is changed there too, unless only NX changes.
 */
#ifndef KERNEL_SET_MEMORY_H
#define KERNEL_SET_MEMORY_H

#include "kernel/kernel.h"

enum set_memory {
	SET_MEMORY_RO, SET_MEMORY_RW, SET_MEMORY_X, SET_MEMORY_NX,
	SET_MEMORY_UC, SET_MEMORY_WC, SET_MEMORY_WB,
	SET_MEMORY_NP, SET_MEMORY_P, SET_MEMORY_NONGLOBAL, NR_SET_MEMORY,
};

extern const char *const set_memory_name[NR_SET_MEMORY];	/* "set_memory_ro" */

struct set_memory_result {
	uint64_t changed;	/* entries, of any size */
	unsigned split;		/* large pages */
	unsigned aliases;	/* other ranges that were looked through */
	uint64_t kept;		/* entries where a rule kept what was asked for off */
	const char *rule;	/* the last such rule, or NULL */
	bool flush_all;		/* else page by page, if anything changed */
};

/*
 * Changes @npages pages from @va on, which is rounded down. 0, -EINVAL (not
 * kernel space, or past its end), -EFAULT (a page of them is not mapped, and
 * not in the direct map), -ENOMEM (no frame for a table; what was changed
 * until then stays). *ret is filled in any case.
 */
int set_memory(struct kernel *k, enum set_memory what, va_t va, uint64_t npages,
	       struct set_memory_result *ret);
/* SET_MEMORY_NP here only: what else maps the frames keeps doing so. */
int set_memory_np_noalias(struct kernel *k, va_t va, uint64_t npages,
			  struct set_memory_result *ret);

#endif

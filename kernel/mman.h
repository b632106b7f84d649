/*
 * mman.h - advice, locks and residency: madvise, mlock, mincore (linux
 * include/uapi/asm-generic/mman-common.h; mm/madvise.c, mlock.c, mincore.c).
 *
 * Return values: 0 or a negative errno.
 */
#ifndef KERNEL_MMAN_H
#define KERNEL_MMAN_H

#include "kernel/mm_types.h"

/* --- madvise.c ------------------------------------------------------------ */
enum lx_madvise {
	LX_MADV_NORMAL,
	LX_MADV_RANDOM,
	LX_MADV_SEQUENTIAL,
	LX_MADV_WILLNEED,
	LX_MADV_DONTNEED,
	LX_MADV_FREE = 8,
	LX_MADV_REMOVE,
	LX_MADV_DONTFORK,
	LX_MADV_DOFORK,
	LX_MADV_MERGEABLE,
	LX_MADV_UNMERGEABLE,
	LX_MADV_HUGEPAGE,
	LX_MADV_NOHUGEPAGE,
	LX_MADV_DONTDUMP,
	LX_MADV_DODUMP,
	LX_MADV_WIPEONFORK,
	LX_MADV_KEEPONFORK,
	LX_MADV_COLD,
	LX_MADV_PAGEOUT,
	LX_MADV_POPULATE_READ,
	LX_MADV_POPULATE_WRITE,
	LX_MADV_DONTNEED_LOCKED,
	LX_MADV_COLLAPSE,
	LX_MADV_HWPOISON = 100,
	LX_MADV_SOFT_OFFLINE,
};

/* Holes give -ENOMEM, but what is mapped around them has been advised. */
int do_madvise(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	       int behavior);
/*
 * The first area of the range to which the advice does not apply, or NULL;
 * *why is a static phrase.
 */
const struct vm_area_struct *madvise_refused_by(const struct mm_struct *mm,
						va_t start, uint64_t len,
						int behavior, const char **why);
/* "DONTNEED" -> LX_MADV_DONTNEED, also with MADV_ before; -1: no advice. */
int madvise_by_name(const char *name);
/* Was it built in? KSM and memory failure were not. */
bool madvise_configured(int behavior);
/* The ith name, without MADV_, or NULL. */
const char *madvise_name(unsigned i);

/* --- mlock.c -------------------------------------------------------------- */
#define LX_MLOCK_ONFAULT 1u
#define LX_MCL_CURRENT	 1u
#define LX_MCL_FUTURE	 2u
#define LX_MCL_ONFAULT	 4u

/*
 * mlock, or mlock2 with @flags. -ENOMEM: a hole, a page that cannot be had, or
 * over RLIMIT_MEMLOCK; -EAGAIN: no memory for a page; -EPERM: the limit is 0.
 * An error leaves areas locked as far as it got.
 */
int do_mlock(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	     unsigned flags);
int do_munlock(struct kernel *k, struct mm_struct *mm, va_t start,
	       uint64_t len);
int do_mlockall(struct kernel *k, struct mm_struct *mm, unsigned flags);
int do_munlockall(struct kernel *k, struct mm_struct *mm);
/* May the process lock anything at all? */
bool can_do_mlock(const struct mm_struct *mm);
/* May @len bytes more be mapped with @vm_flags? -EAGAIN: not if VM_LOCKED. */
int mlock_future_check(const struct mm_struct *mm, unsigned long vm_flags,
		       uint64_t len);

/* --- mincore.c ------------------------------------------------------------ */
enum mincore_state {
	MINCORE_ABSENT,	   /* a fault would have to make or read it */
	MINCORE_CACHED,	   /* in the page cache, no entry maps it */
	MINCORE_SWAPCACHE, /* swapped, but in the swap cache */
	MINCORE_MAPPED,
	MINCORE_SPECIAL, /* no pages of memory: counts as resident */
	NR_MINCORE_STATES,
};

/*
 * One byte of @vec for each page of [start, start + len): 1 if it is
 * resident. -ENOMEM: a hole; what is before it has been filled in.
 */
int do_mincore(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	       uint8_t *vec);
/* The same as states, which say why. */
int mincore_states(struct kernel *k, struct mm_struct *mm, va_t start,
		   uint64_t len, uint8_t *vec);
/* The same to user memory at @vec, a page of answers at a time: -EFAULT. */
int mincore_to_user(struct kernel *k, struct mm_struct *mm, va_t start,
		    uint64_t len, va_t vec);

#endif

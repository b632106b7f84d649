/*
 * pti.h - page-table isolation: two roots for each process, side by side
 * (linux arch/x86/mm/pti.c, asm/pgtable.h, arch/x86/entry/calling.h).
 *
 *	root           all of the kernel; user space, but no-execute
 *	root + 4 KiB   user space, and what entering the kernel takes
 *
 * CR3 bit 12 chooses. Both share the tables below user space: only root
 * entries are written twice.
 */
#ifndef KERNEL_PTI_H
#define KERNEL_PTI_H

#include "kernel/kernel.h"

#define PTI_USER_PGTABLE PAGE_SIZE /* CR3 bit 12 */

static inline bool has_pti(const struct kernel *k)
{
	return k->config.pti;
}

/* The root that user code runs on, of the kernel's root. */
static inline pa_t pti_user_root(const struct kernel *k, pa_t root)
{
	return has_pti(k) ? root | PTI_USER_PGTABLE : root;
}

static inline pa_t pti_kernel_root(const struct kernel *k, pa_t root)
{
	return has_pti(k) ? root & ~(pa_t)PTI_USER_PGTABLE : root;
}

/* Frames of a root, as an order of the buddy. */
static inline unsigned pgd_order(const struct kernel *k)
{
	return has_pti(k);
}

/*
 * A root's entry for user space becomes @value: the user root gets it, and
 * what the kernel root is to get is returned: with NX (pti_set_user_pgtbl).
 */
uint64_t pti_set_user_pgtbl(struct kernel *k, int pid, va_t va, pa_t entry_pa,
			    uint64_t value, const char *why);

/* Boot: what all user roots have of the kernel. False: no memory. */
bool pti_init(struct kernel *k);

/* [start, end) of the text that enters and leaves the kernel. */
void pti_entry_text(const struct kernel *k, va_t *start, va_t *end);

/*
 * CR3 as the entry code switches it: the CPU now runs kernel code, or goes
 * back to its task's user code; nothing if it has none, or without PTI.
 */
void pti_enter_kernel(struct kernel *k, unsigned cpu);
void pti_exit_to_user(struct kernel *k, unsigned cpu);

struct checker;
/* fsck: does the user root of @root agree with it? */
void pti_check_root(struct checker *c, const struct kernel *k, int pid,
		    pa_t root);

#endif

/*
 * gup.h - pages of an address space for somebody who is not its CPU (linux
 * mm/gup.c, include/linux/mm.h): populate, mlock, process_vm_readv, ptrace.
 */
#ifndef KERNEL_GUP_H
#define KERNEL_GUP_H

#include "kernel/mm_types.h"

#define FOLL_WRITE  0x01u   /* to write: copy-on-write is broken */
#define FOLL_TOUCH  0x02u   /* as an access of the process itself */
#define FOLL_GET    0x04u   /* take a reference to each page */
#define FOLL_FORCE  0x10u   /* ptrace: VM_MAYREAD, VM_MAYWRITE suffice */
#define FOLL_REMOTE 0x2000u /* not of the current mm: no protection keys */

/*
 * Makes @nr pages from @start (rounded down) present as @flags ask, and
 * stores their frames to @pages, unless that is NULL. Returns how many were
 * got; an errno if not even the first was: -EFAULT (no area, rights, beyond
 * the file), -ENOMEM. Grows no stack.
 */
int64_t get_user_pages(struct kernel *k, struct mm_struct *mm, va_t start,
		       uint64_t nr, unsigned flags, pfn_t *pages);
/* Gives back what FOLL_GET took; @dirty: it was written. */
void put_user_page(struct kernel *k, pfn_t pfn, bool dirty);
/* May pages of @vma be got so? 0 or -EFAULT. */
int check_vma_flags(const struct vm_area_struct *vma, unsigned flags);
/* The pages of [start, end) of @vma, as mlock and MAP_POPULATE want them. */
int64_t populate_vma_page_range(struct kernel *k, struct vm_area_struct *vma,
				va_t start, va_t end);
/*
 * All areas of a range; holes are skipped. What an area does not give ends
 * it, or is no matter with @ignore_errors. 0 or an errno.
 */
int mm_populate_range(struct kernel *k, struct mm_struct *mm, va_t start,
		      uint64_t len, bool ignore_errors);
/*
 * Copies between @buf and the memory of @mm; stops at what cannot be got, and
 * *err says why. Returns the bytes moved. Grows stacks.
 */
uint64_t access_process_vm(struct kernel *k, struct mm_struct *mm, va_t va,
			   void *buf, uint64_t len, unsigned flags, int *err);

#endif

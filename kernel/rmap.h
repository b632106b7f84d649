/*
 * rmap.h - reverse mapping: from a frame to all who map it (linux
 * include/linux/rmap.h, mm/rmap.c). Anonymous pages are found through anon_vma,
 * file pages through the page cache's i_mmap.
 */
#ifndef KERNEL_RMAP_H
#define KERNEL_RMAP_H

#include "kernel/mm_types.h"

int anon_vma_prepare(struct kernel *k, struct vm_area_struct *vma);
int anon_vma_clone(struct kernel *k, struct vm_area_struct *dst,
		   struct vm_area_struct *src);
int anon_vma_fork(struct kernel *k, struct vm_area_struct *vma,
		  struct vm_area_struct *pvma);
void unlink_anon_vmas(struct kernel *k, struct vm_area_struct *vma);
/* Map and unmap counts; anonymous pages get mapping and index. */
void page_add_anon_rmap(struct kernel *k, pfn_t pfn, struct vm_area_struct *vma,
			va_t va);
void page_add_file_rmap(struct kernel *k, pfn_t pfn);
void page_remove_rmap(struct kernel *k, pfn_t pfn);
/*
 * Calls @fn for each (area, address) that maps the frame, found through
 * anon_vma or i_mmap; stops when it returns false.
 */
void rmap_walk(struct kernel *k, pfn_t pfn,
	       bool (*fn)(void *ctx, struct vm_area_struct *vma, va_t va),
	       void *ctx);

unsigned rmap_check(struct kernel *k, check_fn fn, void *ctx);

#endif

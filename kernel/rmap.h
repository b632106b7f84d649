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
/* The same for one that comes from the swap cache, where others may find it. */
void page_add_swapin_rmap(struct kernel *k, pfn_t pfn,
			  struct vm_area_struct *vma, va_t va, bool exclusive);
void page_add_file_rmap(struct kernel *k, pfn_t pfn,
			struct vm_area_struct *vma);
/* => its entry in @vma has gone. */
void page_remove_rmap(struct kernel *k, pfn_t pfn, struct vm_area_struct *vma);
/*
 * A locked area maps a page: PG_mlocked. After a locked area has ceased to map
 * it, or to be locked: not any more, unless another does (mlock.c).
 */
void mlock_page(struct kernel *k, struct page *page);
void munlock_page(struct kernel *k, struct page *page);
/* Pages that @vma maps follow its flags, which have changed. */
void mlock_vma_pages_range(struct kernel *k, struct vm_area_struct *vma,
			   va_t start, va_t end);
static inline bool vma_mlocks(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_LOCKED | VM_SPECIAL)) == VM_LOCKED;
}
static inline void mlock_vma_page(struct kernel *k, struct page *page,
				  const struct vm_area_struct *vma)
{
	if (__builtin_expect(vma_mlocks(vma), 0))
		mlock_page(k, page);
}
static inline void munlock_vma_page(struct kernel *k, struct page *page,
				    const struct vm_area_struct *vma)
{
	if (__builtin_expect(vma_mlocks(vma), 0))
		munlock_page(k, page);
}
/*
 * Calls @fn for each (area, address) that maps the frame, found through
 * anon_vma or i_mmap; stops when it returns false.
 */
void rmap_walk(struct kernel *k, pfn_t pfn,
	       bool (*fn)(void *ctx, struct vm_area_struct *vma, va_t va),
	       void *ctx);

unsigned rmap_check(struct kernel *k, check_fn fn, void *ctx);

#endif

/*
 * hugetlb.h - a pool of large pages that are set aside, and mappings of them
 * (linux include/linux/hugetlb.h; mm/hugetlb.c, fs/hugetlbfs/inode.c).
 *
 *	pool	   nr = free + in use; of the free ones `resv' are promised
 *	mmap	   promises a page for each that the range has, or fails
 *	fault	   takes one, promised or not; none left: SIGBUS
 *	surplus	   pages beyond the pool, as many as overcommit allows: they go
 *		   back to the buddy allocator when they are free
 *
 * Who has been promised what is a resv_map: of the file if it is shared; of
 * the area that mapped it if it is private, where it knows what was used up.
 */
#ifndef KERNEL_HUGETLB_H
#define KERNEL_HUGETLB_H

#include "kernel/mm_types.h"

struct vm_fault;
struct checker;

struct resv_map {
	int refs;		/* parts of the area; the file: 1 */
	uint64_t n;		/* of used[] */
	uint8_t *used;		/* owned, a byte a large page */
};

static inline bool is_vm_hugetlb_page(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_HUGETLB;
}

static inline uint64_t huge_page_size(const struct kernel *k)
{
	return PAGE_SIZE << k->hstate.order;
}

/* --- the pool (hugetlb.c) ------------------------------------------------- */

/* At boot, with the pool that the command line asks for. */
void hugetlb_init(struct kernel *k);
/* vm.nr_hugepages: as many as can be got, or as are not in use. */
int hugetlb_set_max_huge_pages(struct kernel *k, uint64_t count);
/* The last reference to a page of the pool has gone. */
void free_huge_page(struct kernel *k, struct page *head);
/*
 * A page for @va in @vma: with @avoid_reserve not one of those promised.
 * PFN_NONE: none is left.
 */
pfn_t alloc_huge_page(struct kernel *k, struct vm_area_struct *vma, va_t va,
		      bool avoid_reserve);

/* --- promises (hugetlb_resv.c) -------------------------------------------- */

/* For all of a new area. -ENOMEM: the pool has not so many left; -EINVAL: the
 * offset is not that of a large page. */
int hugetlb_reserve_pages(struct kernel *k, struct vm_area_struct *vma);
/* @vma was split: both parts have its map. */
void hugetlb_vm_op_open(struct vm_area_struct *vma);
/* @vma goes: what it did not use is promised no more. */
void hugetlb_vm_op_close(struct kernel *k, struct vm_area_struct *vma);
/* Promises of @vma are those of @heir; what that does not cover goes. */
void hugetlb_vm_moved(struct kernel *k, struct vm_area_struct *vma,
		      struct vm_area_struct *heir);
/* fork: a child has no promises. */
void hugetlb_dup_vma_private(struct vm_area_struct *vma);
/* The file goes, its pages have not gone yet. */
void hugetlb_evict_inode(struct kernel *k, struct inode *inode);
/* Must a page for @va come from what nobody was promised? */
bool vma_needs_reservation(const struct kernel *k,
			   const struct vm_area_struct *vma, va_t va);
/* Now it has its page. */
void vma_commit_reservation(const struct kernel *k, struct vm_area_struct *vma,
			    va_t va);
/* Promises @delta pages, or takes promises back if it is below 0 (hugetlb.c).
 */
int hugetlb_acct_memory(struct kernel *k, int64_t delta);

/* --- mappings (hugetlb_vm.c) ---------------------------------------------- */

/*
 * MAP_HUGETLB without a file: the nameless one, *len rounded up. -EINVAL: no
 * such size.
 */
int hugetlb_file_setup(struct kernel *k, unsigned flags, uint64_t *len,
		       struct file **ret);
bool is_file_hugepages(const struct file *file);
/* Where it goes: at a multiple of the page size. */
int hugetlb_get_unmapped_area(struct kernel *k, struct mm_struct *mm, va_t addr,
			      uint64_t len, unsigned flags, va_t *ret);
/* May an area begin or end there? */
bool hugetlb_may_split(const struct kernel *k, const struct vm_area_struct *vma,
		       va_t va);
unsigned hugetlb_fault(struct vm_fault *vmf);
/* The entry @pmdp of @haddr goes, with its mapping of the page. */
void zap_huge_pte(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		  va_t haddr);
int copy_huge_pte(struct kernel *k, struct mm_struct *dst,
		  struct vm_area_struct *src, pa_t pmdp, va_t haddr);

/* Counts all of it again. */
void hugetlb_check(struct checker *c, struct kernel *k);
uint64_t hugetlb_promises(const struct kernel *k);
uint64_t hugetlb_check_mm(struct checker *c, const struct kernel *k,
			  const struct mm_struct *mm);

#endif

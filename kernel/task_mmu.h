/*
 * task_mmu.h - what /proc shows of an address space and of page frames (linux
 * fs/proc/task_mmu.c, fs/proc/page.c). Looking changes nothing, but for
 * clear_refs_write().
 */
#ifndef KERNEL_TASK_MMU_H
#define KERNEL_TASK_MMU_H

#include "kernel/mm.h"

/* --- smaps, smaps_rollup --------------------------------------------------- */
#define PSS_SHIFT 12

struct mem_size_stats {		/* bytes; pss* are shifted left by PSS_SHIFT */
	uint64_t resident;
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t referenced, anonymous, lazyfree;
	uint64_t anonymous_thp, shmem_thp, file_thp;
	uint64_t swap, shared_hugetlb, private_hugetlb;
	uint64_t pss, pss_anon, pss_file, pss_shmem, pss_dirty, pss_locked;
	uint64_t swap_pss;
};

/* Adds what @vma has. */
void smap_gather_stats(struct kernel *k, const struct vm_area_struct *vma,
		       struct mem_size_stats *mss);

/* --- pagemap --------------------------------------------------------------- */
#define PM_PFRAME_MASK	   (BIT(55) - 1)
#define PM_SOFT_DIRTY	   BIT(55)
#define PM_MMAP_EXCLUSIVE  BIT(56)
#define PM_FILE		   BIT(61)
#define PM_SWAP		   BIT(62)
#define PM_PRESENT	   BIT(63)
extern const struct flag_name pagemap_flag_names[];

/*
 * The word of /proc/PID/pagemap for the page at @va, and how far it goes on
 * so (at most to @end): pages with the same bits, whose frames follow each
 * other or are one. Returns the first address that is otherwise.
 */
va_t pagemap_run(struct kernel *k, const struct mm_struct *mm, va_t va,
		 va_t end, uint64_t *ret);

/* --- clear_refs ------------------------------------------------------------ */
enum {
	CLEAR_REFS_ALL = 1, CLEAR_REFS_ANON, CLEAR_REFS_MAPPED,
	CLEAR_REFS_SOFT_DIRTY, CLEAR_REFS_MM_HIWATER_RSS, CLEAR_REFS_LAST,
};
/* Forgets what was referenced, or dirtied: 0, or -EINVAL. */
int clear_refs_write(struct kernel *k, struct mm_struct *mm, unsigned type);

/* --- status, statm --------------------------------------------------------- */
struct task_mem {		/* pages, but for pte, in bytes */
	uint64_t hiwater_vm, total_vm, locked_vm, pinned_vm;
	uint64_t hiwater_rss, total_rss, anon, file, shmem;
	uint64_t data_vm, stack_vm, exec_vm, text, exe, lib, pte, swap;
	uint64_t hugetlb;
};
void task_mem(const struct kernel *k, const struct mm_struct *mm,
	      struct task_mem *ret);

/* --- frames (proc_page.c) -------------------------------------------------- */
extern const struct flag_name kpf_names[];
/* The words of /proc/kpageflags and /proc/kpagecount. */
uint64_t stable_page_flags(struct kernel *k, pfn_t pfn);
uint64_t kpagecount(struct kernel *k, pfn_t pfn);

#endif

/*
 * mm_internal.h - what the files of the process half of kernel/ share, and
 * other layers must not use: areas as objects, page cache, charges to slab
 * caches. Entries of page tables are in pte.h, exec's parts in binprm.h.
 */
#ifndef KERNEL_MM_INTERNAL_H
#define KERNEL_MM_INTERNAL_H

#include <stdlib.h>

#include "kernel/pagemap.h"
#include "kernel/pte.h"
#include "kernel/slab.h"

#define VM_ACCESS_FLAGS	(VM_READ | VM_WRITE | VM_EXEC)
#define VM_DATA_FLAGS	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | \
			 VM_MAYEXEC)

/* Host memory: running out of it is not the simulated kernel's trouble. */
static inline void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

static inline void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		abort();
	return p;
}

/* --- slab charges (fork.c; the caches: slab_common.c) ------------------------------------------------ */
enum mm_cache {
	CACHE_TASK, CACHE_PID, CACHE_MM, CACHE_VMA, CACHE_ANON_VMA, CACHE_AVC,
	CACHE_INODE, CACHE_SHMEM_INODE, CACHE_VMAP_AREA, CACHE_FILP, CACHE_FILES,
	NR_MM_CACHES,
};

/* A slab object that stands for one host struct: its address, or 0. */
va_t mm_charge(struct kernel *k, enum mm_cache cache);
void mm_uncharge(struct kernel *k, enum mm_cache cache, va_t va);

/* --- areas (vma.c, mmap.c) ------------------------------------------------ */
struct vma_range {	/* a mapping that wants to join its neighbours */
	va_t start, end;
	unsigned long flags;
	struct anon_vma *anon_vma;
	struct file *file;
	uint64_t pgoff;
	struct anon_vma_name *anon_name;
};

struct vm_area_struct *vm_area_alloc(struct kernel *k, struct mm_struct *mm);
struct vm_area_struct *vm_area_dup(struct kernel *k,
				   const struct vm_area_struct *vma);
void vm_area_free(struct kernel *k, struct vm_area_struct *vma);
/* Puts an area into its mm and its file's list; takes over the reference. */
void vma_link(struct vm_area_struct *vma);
/* Takes it out, and frees it with its references. */
void vma_remove(struct kernel *k, struct vm_area_struct *vma);
bool can_vma_merge_before(const struct vm_area_struct *vma,
			  const struct vma_range *r);
bool can_vma_merge_after(const struct vm_area_struct *vma,
			 const struct vma_range *r);
/* Joins @r with neighbours; @prev as in linux. The area, or NULL. */
struct vm_area_struct *vma_merge(struct kernel *k, struct mm_struct *mm,
				 struct vm_area_struct *prev,
				 const struct vma_range *r);
/* Grows @vma over a hole, and over @next if @end says so. */
int vma_expand(struct kernel *k, struct vm_area_struct *vma, va_t start,
	       va_t end, uint64_t pgoff, struct vm_area_struct *next);
/* Cuts @vma at @addr; the new area is the lower part if @new_below. */
int vma_split(struct kernel *k, struct vm_area_struct *vma, va_t addr,
	      bool new_below);
/* The same, refused at the limit of areas. */
int split_vma(struct kernel *k, struct vm_area_struct *vma, va_t addr,
	      bool new_below);
/*
 * Makes [start, end) of @vma an area of its own that may take @flags: merged
 * with neighbours that have them, split, or as it is. *pprev is the area
 * before it, then the area itself. 0 or -ENOMEM.
 */
int vma_modify_flags(struct kernel *k, struct vm_area_struct *vma,
		     struct vm_area_struct **pprev, va_t start, va_t end,
		     unsigned long flags);
/* The same for any change: @r is [start, end) as it shall be. */
int vma_modify(struct kernel *k, struct vm_area_struct *vma,
	       struct vm_area_struct **pprev, const struct vma_range *r);
/* vm_page_prot from vm_flags; write-protected if the file wants to know. */
void vma_set_page_prot(struct kernel *k, struct vm_area_struct *vma);
bool vma_wants_writenotify(const struct vm_area_struct *vma);
/* Must a first write to each page fault, to be seen (clear_refs 4)? */
bool vma_soft_dirty_enabled(const struct vm_area_struct *vma);
va_t vm_start_gap(const struct vm_area_struct *vma);
/* Do the bounds and gaps that the tree remembers agree with its areas? */
bool vma_tree_ok(const struct vma_tree *t);
struct anon_vma *find_mergeable_anon_vma(const struct vm_area_struct *vma);

/* An argument as the system call takes it: a long has 4 or 8 bytes. */
static inline uint64_t to_ulong(const struct kernel *k, uint64_t n)
{
	return k->arch->word < 8 ? (uint32_t)n : n;
}

/* May the process whose address space it is do what needs @cap? */
static inline bool mm_capable(const struct mm_struct *mm, unsigned cap)
{
	return mm->owner && (mm->owner->cap_effective >> cap & 1);
}

static inline bool vma_is_accessible(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_ACCESS_FLAGS;
}

static inline uint64_t linear_page_index(const struct vm_area_struct *vma,
					 va_t va)
{
	return ((va - vma->vm_start) >> PAGE_SHIFT) + vma->vm_pgoff;
}

/*
 * Moves entries (move_page_tables.c). Returns how many bytes were moved: less
 * than @len if memory for tables ran out.
 */
uint64_t move_page_tables(struct kernel *k, struct mm_struct *mm,
			  va_t old_addr, va_t new_addr, uint64_t len);
/* What [start, end) would be as a part, or a continuation, of @vma. */
static inline struct vma_range vma_range_of(const struct vm_area_struct *vma,
					    va_t start, va_t end)
{
	return (struct vma_range){ start, end, vma->vm_flags, vma->anon_vma,
				   vma->vm_file,
				   linear_page_index(vma, start),
				   vma->anon_name };
}

/* The kernel's own mappings are whole or not there (special_mapping_split). */
static inline bool vma_may_split(const struct vm_area_struct *vma)
{
	return !vma->name;
}

unsigned long calc_vm_prot_bits(unsigned prot);

/* LX_PROT_EXEC, if @prot reads and the personality means that by it; or 0. */
static inline unsigned read_implies_exec(const struct mm_struct *mm,
					 unsigned prot)
{
	bool rie = mm->owner && (mm->owner->personality & LX_READ_IMPLIES_EXEC);

	return rie && (prot & LX_PROT_READ) ? LX_PROT_EXEC : 0;
}

/* --- madvise.c ------------------------------------------------------------ */
/*
 * Does something to [start, end) of @vma; *pprev is the area that has them
 * then. 0 or a negative errno.
 */
typedef int (*madvise_visit_fn)(struct kernel *k, struct vm_area_struct *vma,
				struct vm_area_struct **pprev, va_t start,
				va_t end, void *arg);
/* Each area's part of [start, end) in turn, also behind holes: then -ENOMEM. */
int madvise_walk_vmas(struct kernel *k, struct mm_struct *mm, va_t start,
		      va_t end, madvise_visit_fn visit, void *arg);

/* --- anon_vma_name.c ------------------------------------------------------ */
struct anon_vma_name *anon_vma_name_alloc(struct kernel *k, const char *name);
struct anon_vma_name *anon_vma_name_get(struct anon_vma_name *n);
void anon_vma_name_put(struct kernel *k, struct anon_vma_name *n);
const char *anon_vma_name_text(const struct anon_vma_name *n);
bool anon_vma_name_eq(const struct anon_vma_name *a,
		      const struct anon_vma_name *b);	/* NULL: none */
struct checker;
void anon_vma_name_check(struct kernel *k, struct checker *c);
int madvise_set_anon_name(struct kernel *k, struct mm_struct *mm, va_t start,
			  uint64_t len_in, struct anon_vma_name *name);

/* Charges @pages to vm_committed_as; -ENOMEM: that would be too many. */
int vm_enough_memory(struct kernel *k, const struct mm_struct *mm,
		     int64_t pages);
void vm_acct_memory(struct kernel *k, int64_t pages);
void vm_unacct_memory(struct kernel *k, int64_t pages);

/* --- mmap.c, brk.c: limits and counts ------------------------------------- */
/* Do RLIMIT_AS and RLIMIT_DATA allow @pages more? */
bool may_expand_vm(const struct mm_struct *mm, unsigned long flags,
		   uint64_t pages);
/* Counts pages of areas with @flags: total_vm, data_vm, exec_vm, stack_vm. */
void vm_stat_account(struct mm_struct *mm, unsigned long flags, int64_t pages);
/* The area is about to go: takes it out of all counts. */
void vma_unaccount(struct kernel *k, const struct vm_area_struct *vma);

/* Private and writable, and no stack: what RLIMIT_DATA limits. */
static inline bool is_data_mapping(unsigned long flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* A new area, linked; the counts are the caller's. */
int insert_vm_area(struct kernel *k, struct mm_struct *mm,
		   const struct vma_range *r, struct vm_area_struct **ret);
/* The area of @va, grown down to it if it is a stack; or NULL. */
struct vm_area_struct *find_extend_vma(struct kernel *k, struct mm_struct *mm,
				       va_t va);
/* Touches all pages of a range, as MAP_POPULATE does. */
void mm_populate(struct kernel *k, struct mm_struct *mm, va_t start,
		 uint64_t len);
/* Anonymous memory at a fixed place: the heap, bss. */
int do_brk_flags(struct kernel *k, struct mm_struct *mm, va_t addr,
		 uint64_t len, unsigned long flags);
/* A mapping of pages of the kernel's own, like [vdso]. */
int install_special_mapping(struct kernel *k, struct mm_struct *mm, va_t addr,
			    uint64_t len, unsigned long flags,
			    struct file *pages, const char *name);
/* linux get_unmapped_area(): where a mapping goes. */
int get_unmapped_area(struct kernel *k, struct mm_struct *mm, va_t addr,
		      uint64_t len, unsigned flags, va_t *ret);

/* --- inode.c ---------- ------------------------------------------- */
struct inode *inode_alloc(struct kernel *k, const char *path);
/* The same, of a file system that has its own cache of inodes. */
struct inode *inode_alloc_from(struct kernel *k, enum mm_cache cache,
			       const char *path);
/* --- fork.c, exit.c ------------------------------------------------------- */
#define STACK_ORDER(k)	((k)->arch->word / 4u)	/* THREAD_SIZE: 8 or 16 KiB */

void exit_mmap(struct kernel *k, struct mm_struct *mm);
struct task_struct *task_alloc(struct kernel *k);
void task_free(struct kernel *k, struct task_struct *task);

/* --- rmap.c --------------------------------------------------------------- */
/* An anonymous page with one user becomes that area's own. */
void page_move_anon_rmap(struct kernel *k, pfn_t pfn,
			 struct vm_area_struct *vma);
/* Does the entry of @va in @vma map @pfn? */
bool vma_maps_pfn(struct kernel *k, const struct vm_area_struct *vma, va_t va,
		  pfn_t pfn);

#endif

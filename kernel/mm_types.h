/*
 * mm_types.h - tasks, address spaces, areas, files (linux
 * include/linux/mm_types.h, sched.h, fs.h, rmap.h).
 */
#ifndef KERNEL_MM_TYPES_H
#define KERNEL_MM_TYPES_H

#include "kernel/interval_tree.h"
#include "kernel/kernel.h"
#include "kernel/vma_tree.h"
#include "kernel/xarray.h"

/* vm_flags, Linux' values. */
#define VM_READ		0x00000001UL
#define VM_WRITE	0x00000002UL
#define VM_EXEC		0x00000004UL
#define VM_SHARED	0x00000008UL
#define VM_MAYREAD	0x00000010UL
#define VM_MAYWRITE	0x00000020UL
#define VM_MAYEXEC	0x00000040UL
#define VM_MAYSHARE	0x00000080UL
#define VM_GROWSDOWN	0x00000100UL
#define VM_PFNMAP	0x00000400UL
#define VM_LOCKED	0x00002000UL
#define VM_IO		0x00004000UL
#define VM_SEQ_READ	0x00008000UL
#define VM_RAND_READ	0x00010000UL
#define VM_DONTCOPY	0x00020000UL
#define VM_DONTEXPAND	0x00040000UL
#define VM_LOCKONFAULT	0x00080000UL
#define VM_ACCOUNT	0x00100000UL
#define VM_NORESERVE	0x00200000UL
#define VM_HUGETLB	0x00400000UL
#define VM_SYNC		0x00800000UL
#define VM_WIPEONFORK	0x02000000UL
#define VM_DONTDUMP	0x04000000UL
#define VM_SOFTDIRTY	0x08000000UL
#define VM_HUGEPAGE	0x20000000UL
#define VM_NOHUGEPAGE	0x40000000UL
#define VM_SPECIAL	(VM_IO | VM_DONTEXPAND | VM_PFNMAP)
#define VM_PKEY_SHIFT	32 /* 4 bits, on x86-64 only */
#define VM_PKEY_MASK	(0xfUL << VM_PKEY_SHIFT)
extern const struct flag_name vm_flag_names[];

struct kernel_addr { va_t va; };	/* where a host struct "is" in its slab */

struct inode;
struct vm_area_struct;
struct vm_fault;
struct resv_map;

struct vm_operations_struct {
	const char *name;	/* "file", "shmem", "special" */
	/* Makes the page at vmf->pgoff present in the cache: vmf->page, with a
	 * reference for the caller, and how it was got in vmf->note. Returns a
	 * VM_FAULT_* code. */
	unsigned (*fault)(struct vm_fault *vmf);
	/* Maps what the cache has of [start, end] around a fault; NULL: no
	 * fault-around (linux filemap_map_pages). */
	unsigned (*map_pages)(struct vm_fault *vmf, uint64_t start,
			      uint64_t end);
	/* A shared page is about to become writable; NULL: need not know. */
	unsigned (*page_mkwrite)(struct kernel *k, pfn_t pfn);
};

/* What a file system does for the pages of a file; NULL members: nothing. */
struct address_space_operations {
	const char *fs;		/* "disk", "tmpfs", "ramfs" */
	/* Fills the frame of page @index, which lies within the file. */
	void (*read_folio)(struct kernel *k, struct inode *inode,
			   uint64_t index, pfn_t pfn);
	/* Finds room for page @index, which will be written: -ENOSPC. */
	int (*get_block)(struct kernel *k, struct inode *inode, uint64_t index);
	void (*writepage)(struct kernel *k, struct inode *inode,
			  uint64_t index, pfn_t pfn);
	/* Gives up what pages [first, last] of the file have. */
	void (*free_blocks)(struct kernel *k, struct inode *inode,
			    uint64_t first, uint64_t last);
};

/* A page cache (linux struct address_space): pages by index. */
struct address_space {
	struct inode *host;
	struct xarray i_pages;	/* pfn + 1 */
	uint64_t nrpages;	/* present */
	struct i_mmap i_mmap;	/* areas that map it */
	const struct address_space_operations *a_ops;	/* NULL: no file */
};

#define FMODE_READ	1u
#define FMODE_WRITE	2u
#define FMODE_RANDOM	0x1000u	/* POSIX_FADV_RANDOM */

struct inode {
	LIST_ENTRY(inode) link;
	char *path;		/* owned: as the user gave it; "[vdso]", "/dev/zero" */
	int refs;		/* files, its name, and who else holds it (i_count) */
	unsigned i_mode;	/* S_IFREG, ..., and who may; Linux' values */
	bool linked;		/* the path leads to it: a reference (its dentry) */
	int fd;			/* host file, or -1 */
	uint64_t dev, ino;	/* host identity; shmem: counters of ours */
	const uint8_t *bytes;	/* built-in file (borrowed), or NULL */
	uint64_t size;
	uint64_t committed; /* pages that vm_committed_as has for it */
	uint64_t host_size;	/* bytes that still come from the host's file */
	struct xarray blocks;	/* of the disk: block + 1 of each page */
	uint64_t nblocks;
	const struct vm_operations_struct *ops;	/* NULL: cannot be mapped */
	struct resv_map *resv;	/* owned: see hugetlb.h, or NULL */
	struct address_space mapping;
	struct xarray swapped;	/* of a file in memory: entries of its pages in
				 * swap, see shmem_swap.c */
	uint64_t nrswapped;
	struct kernel_addr addr;
	unsigned cache;		/* where that is: enum mm_cache */
};

/* What is known of how a file is read (linux include/linux/fs.h). */
struct file_ra_state {
	uint64_t start;		/* where the last readahead began, in pages */
	uint64_t size, async_size;	/* its pages; those after the mark */
	uint64_t ra_pages;	/* a window's most */
	unsigned mmap_miss;
	int64_t prev_pos;	/* where the last read ended, or -1 */
};

/* What open() makes: one way to an inode (linux include/linux/fs.h). */
struct file {
	int f_count;		/* descriptors, areas, callers */
	unsigned f_mode;	/* FMODE_* */
	unsigned f_flags;	/* O_APPEND, ... as open() got them */
	uint64_t f_pos;
	struct inode *f_inode;	/* a reference */
	struct address_space *f_mapping;	/* of f_inode */
	struct file_ra_state f_ra;
	struct kernel_addr addr;
};

/* Reverse mapping of anonymous pages (linux include/linux/rmap.h). */
struct anon_vma {
	struct anon_vma *root, *parent;
	int refcount;		/* avcs, children, and roots' members */
	unsigned num_children, num_active_vmas;
	LIST_HEAD(, anon_vma_chain) chain;	/* areas that may map its pages */
	struct kernel_addr addr;
};

struct anon_vma_chain {
	struct vm_area_struct *vma;
	struct anon_vma *anon_vma;
	LIST_ENTRY(anon_vma_chain) same_vma, same_anon;
	struct kernel_addr addr;
};

struct anon_vma_name;

struct vm_area_struct {
	va_t vm_start, vm_end;	/* end exclusive */
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	uint64_t vm_page_prot;	/* PTE flags that follow from vm_flags */
	uint64_t vm_pgoff;	/* in pages: offset in the file, or va >> 12 */
	struct file *vm_file;	/* a reference, or NULL: anonymous */
	const struct vm_operations_struct *vm_ops;	/* NULL: anonymous */
	const char *name;	/* "[vdso]", "[vvar]" or NULL */
	struct anon_vma_name *anon_name; /* a reference, or NULL */
	struct resv_map *resv;	/* hugetlb.h: a reference, or NULL */
	bool resv_unmapped;	/* its pages were taken away */
	struct anon_vma *anon_vma;
	LIST_HEAD(, anon_vma_chain) anon_vma_chain;
	struct i_mmap_node i_mmap;	/* place in the file's */
	uint64_t swap_readahead_info;	/* see swap_state.c */
	struct kernel_addr addr;
};

enum {
	MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES,
	MM_SWAPENTS,	/* entries of swapped pages: not resident */
	NR_MM_COUNTERS,
};

struct mm_struct {
	struct kernel *k;
	int mm_users;		/* tasks; at 0 areas and pages go */
	int mm_count;		/* all users as one, and lazy CPUs; at 0 the rest */
	pfn_t pgd;		/* frame of the root table (PAE: its first 32 bytes) */
	struct vma_tree vmas;
	uint64_t rss[NR_MM_COUNTERS];	/* pages */
	uint64_t total_vm, pgtables;	/* pages, table frames */
	uint64_t data_vm, exec_vm, stack_vm; /* pages; see vm_stat_account() */
	uint64_t hiwater_rss, hiwater_vm;    /* before they last fell */
	va_t task_size, mmap_base;
	va_t mmap_legacy_base;	/* where a search upwards begins */
	bool bottom_up;		/* legacy layout: all searches go upwards */
	va_t map_window;	/* DEFAULT_MAP_WINDOW; see mmap.c */
	va_t start_code, end_code, start_data, end_data;
	va_t start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end;
	va_t entry, interp_base, vdso;
	uint64_t def_flags;
	struct task_struct *owner;	/* borrowed; NULL while exec builds it */
	int owner_pid;		/* for events */
	uint16_t pkey_allocation_map;	/* keys in use; see pkeys.c */
	int16_t execute_only_pkey;	/* -1: none */
	uint64_t locked_vm;	/* pages of areas that are VM_LOCKED */
	uint64_t locked_vm_lost; /* of them no area's any more: mremap.c */
	bool thp_disable;	/* PR_SET_THP_DISABLE (linux MMF_DISABLE_THP) */
	bool huge_zero_page;	/* it holds a reference (MMF_HUGE_ZERO_PAGE) */
	uint64_t hugetlb_usage;	/* pages, in units of 4K */
	struct kernel_addr addr;
};

static inline uint64_t get_mm_rss(const struct mm_struct *mm)
{
	return mm->rss[MM_FILEPAGES] + mm->rss[MM_ANONPAGES] +
	       mm->rss[MM_SHMEMPAGES];
}

/* Before pages go, areas go: what VmHWM and VmPeak show. */
static inline void update_hiwater_rss(struct mm_struct *mm)
{
	uint64_t rss = get_mm_rss(mm);

	if (mm->hiwater_rss < rss)
		mm->hiwater_rss = rss;
}

static inline void update_hiwater_vm(struct mm_struct *mm)
{
	if (mm->hiwater_vm < mm->total_vm)
		mm->hiwater_vm = mm->total_vm;
}

/* Resource limits that memory management obeys (linux signal->rlim[].rlim_cur).
 */
enum {
	RLIM_DATA,
	RLIM_STACK,
	RLIM_MEMLOCK,
	RLIM_AS,
	NR_RLIMITS,
};
#define LX_RLIM_INFINITY UINT64_MAX
/* As prlimit(1) calls them. */
struct rlimit_name {
	const char *name, *about;
};
extern const struct rlimit_name rlimit_names[NR_RLIMITS];

/* Capabilities that memory management asks for; Linux' numbers. */
#define CAP_IPC_LOCK	14
#define CAP_SYS_RAWIO	17
#define CAP_SYS_PTRACE	19
#define CAP_SYS_ADMIN	21
#define CAP_SYS_RESOURCE 24
struct sighand_struct;
struct signal_struct;

struct task_struct {
	TAILQ_ENTRY(task_struct) link;
	int pid, ppid; /* a thread's own; the parent's thread group */
	int tgid;      /* of the thread group: its leader's pid */
	char comm[16];
	struct mm_struct *mm;
	uint64_t min_flt, maj_flt;
	uint64_t cap_effective;	/* BIT(CAP_*) */
	struct files_struct *files;	/* a reference; NULL: none is open */
	uint32_t pkru;		/* while it does not run; see pkeys.c */
	uint64_t rlim[NR_RLIMITS]; /* soft limits, bytes; see resource limits
				      above */
	uint64_t rlim_max[NR_RLIMITS]; /* hard limits */
	uint64_t sp, ip;	/* user registers after exec */
	/* R running or runnable, D in vfork, T stopped, Z exited, not waited
	 * for */
	char state;
	bool kthread;		      /* runs in the kernel only: no mm ever */
	int exit_code;		      /* as wait4 tells it */
	int exit_signal;	      /* to the parent; 0: none */
	uint32_t personality;	      /* LX_ADDR_NO_RANDOMIZE, .. */
	int vfork_parent;	      /* that waits for exec or exit, or 0 */
	struct signal_struct *signal; /* owned with the group; signal.h */
	struct sighand_struct *sighand;
	uint32_t pending, blocked; /* signals */
	va_t sas_ss_sp;		   /* sigaltstack; size 0: none */
	uint64_t sas_ss_size;
	int cpu;		/* where it runs, -1 if it does not */
	pfn_t stack;		/* kernel stack, THREAD_SIZE_ORDER frames */
	struct kmap_ctrl kmap_ctrl;	/* its kmap_local mappings */
	struct kernel_addr addr;
	struct kernel_addr pid_addr;	/* of its struct pid */
};

/* Does @task stand for its address space, where each counts once? */
static inline bool task_owns_mm(const struct task_struct *task)
{
	return task->mm && task->mm->owner == task;
}

#endif

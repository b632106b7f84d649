/*
 * kernel.h - the simulated kernel: its state, boot and shutdown.
 *
 * Everything hangs off struct kernel, passed first; two kernels in one
 * process are independent. The kernel touches hardware only through
 * machine/machine.h. Models Linux 6.1 on x86; each file's head names the
 * Linux file that it follows and what it leaves out.
 *
 * Functions that can fail as a system call does return 0 or a negative errno.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <sys/queue.h>

#include "kernel/e820.h"
#include "kernel/event.h"
#include "kernel/kmap_ctrl.h"
#include "kernel/layout.h"
#include "kernel/page.h"
#include "kernel/printk.h"

#define MAX_ORDER	11	/* orders 0 to 10, as in 6.1 */
#define NR_MEMBLOCK	512
#define NR_MEMORY	(RAM_MAX_REGIONS + 1)

enum kmalloc_cache_type {
	KMALLOC_NORMAL, KMALLOC_CGROUP, KMALLOC_RECLAIM, KMALLOC_DMA,
	NR_KMALLOC_TYPES,
};
enum { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARK };
enum zone_type { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_HIGHMEM, MAX_NR_ZONES };

/* What a pageblock is used for, so that movable pages stay together. */
enum migratetype {
	MIGRATE_UNMOVABLE, MIGRATE_MOVABLE, MIGRATE_RECLAIMABLE,
	MIGRATE_PCPTYPES,	/* the number of types on per-CPU lists */
	MIGRATE_HIGHATOMIC = MIGRATE_PCPTYPES,
	MIGRATE_ISOLATE,
	MIGRATE_TYPES,
};

#define PFN_NONE UINT32_MAX
struct page_list { uint32_t head, tail; };	/* pfns, PFN_NONE: empty */

struct free_area {
	struct page_list list[MIGRATE_TYPES];
	uint64_t nr_free;	/* blocks on all of them */
};

struct per_cpu_pages;

struct zone {
	const char *name;	/* "DMA", "DMA32", "Normal", "HighMem" */
	pfn_t start_pfn, end_pfn;	/* end exclusive; equal: not there */
	uint64_t spanned, present, managed;	/* pages */
	uint64_t free;		/* pages: on free lists and never used; not those
				 * of per-CPU lists (linux NR_FREE_PAGES) */
	uint64_t watermark[NR_WMARK];
	uint64_t lowmem_reserve[MAX_NR_ZONES];
	struct free_area free_area[MAX_ORDER];
	/*
	 * Memory never handed out stays as extents of whole MAX_ORDER-1
	 * blocks; the buddy carves one block when its lists run dry.
	 */
	struct { pfn_t start, end; } virgin[8];
	unsigned nvirgin;
	uint64_t nr_reserved_highatomic;	/* pages */
	uint8_t *pageblock;	/* owned: types, see pageblock.c */
	struct per_cpu_pages *pcp;	/* owned, one a CPU */
};

struct memblock_range { pa_t start, end; const char *name; };

#define TLB_NR_DYN_ASIDS 6

struct cpu_tlbstate {		/* linux struct tlb_state; tlb.c */
	struct {
		pfn_t pgd;	/* whose translations are cached under it */
		bool used;
		bool stale, user_stale;	/* they must go when it is loaded */
	} asid[TLB_NR_DYN_ASIDS];
	uint8_t loaded, next;
	bool lazy_stale; /* what it has lazily has been flushed elsewhere */
};

struct thp {		/* transparent huge pages: huge_mm.h */
	unsigned order;		/* of a large page: 9 or 10 */
	/* areas whose faults bring them: (vm_flags & mask) == want */
	unsigned long vma_mask, vma_want;
	uint32_t enabled, defrag;	/* enum thp_enabled, thp_defrag */
	uint32_t use_zero_page, khugepaged_defrag;
	uint32_t max_ptes_none, max_ptes_swap, max_ptes_shared;
	uint32_t pages_collapsed, full_scans;	/* by khugepaged */
	uint32_t hpage_pmd_size;		/* bytes */
	pfn_t huge_zero;
	unsigned huge_zero_refs;	/* 0: there is none */
	uint32_t deferred;	/* pfn: the newest to be split later; 0: none */
	unsigned ndeferred;
	uint64_t nr_anon;	/* pages of those that large entries map
				 * (linux NR_ANON_THPS) */
};

struct hstate {		/* hugetlb.h; pages: large ones */
	unsigned order;
	uint64_t max_huge_pages;	/* what the pool shall have */
	uint64_t nr_huge_pages, free_huge_pages;
	uint64_t resv_huge_pages;	/* of the free ones: promised */
	uint64_t surplus_huge_pages;	/* of all: beyond the pool */
	uint64_t nr_overcommit_huge_pages;	/* how many that may be */
	uint32_t free;		/* pfn of a free one, the next by its record */
};

struct task_struct;
struct mm_struct;
struct inode;
struct disk;
struct file;
struct kmem_cache;
struct vmap_state;
struct fixmap_state;
struct kmap_state;
struct device;
struct io_tlb_mem;
struct swap_state;

/* Pages that reclaim looks at: heads are the youngest (mm_inline.h). */
enum lru_list {
	LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE,
	LRU_UNEVICTABLE, NR_LRU_LISTS,
};

#define PAGEVEC_SIZE 15
enum lru_batch_kind { LRU_DEACTIVATE, LRU_LAZYFREE, NR_LRU_BATCHES };

struct lruvec {
	struct page_list list[NR_LRU_LISTS];
	uint64_t nr[NR_LRU_LISTS];
	/* of each CPU: pages that are moved together, see swap.c */
	struct lru_batch {
		unsigned nr;
		uint32_t pfn[PAGEVEC_SIZE];
	} batch[MACHINE_MAX_CPUS][NR_LRU_BATCHES];
};
struct signal_hook;

struct kernel {
	struct kernel_config config;
	const struct arch *arch;
	const struct paging_mode *mode;	/* of user and kernel tables */
	unsigned pte_level;		/* mode->nlevels - 1 */
	struct machine *machine;	/* owned */
	struct ram *ram;		/* machine->ram */
	struct layout layout;
	struct kevent_sink sink;
	const struct signal_hook *signal_hook; /* borrowed; NULL: no handlers */

	/* Physical memory */
	struct page *mem_map;		/* owned host array of max_pfn records */
	pfn_t max_pfn, max_low_pfn;
	struct memblock_range memory[NR_MEMORY];	/* visible RAM, whole frames */
	unsigned nmemory;
	struct memblock_range reserved[NR_MEMBLOCK];	/* boot allocations */
	unsigned nreserved;
	struct zone zone[MAX_NR_ZONES];
	/* by the highest that is allowed: the first that has managed pages */
	struct zone *preferred_zone[MAX_NR_ZONES];
	uint8_t gfp_zone_table[16];	/* by the zone bits of gfp */
	unsigned pageblock_order;	/* a large page's */
	bool page_group_by_mobility_disabled;	/* too little RAM for it */
	uint64_t totalram_pages;
	uint64_t late_pages[MAX_NR_ZONES]; /* freed after watermarks were set */
	uint64_t min_free_kbytes;
	bool e820_user;			/* mem= or memmap= changed the map */
	uint64_t ram_unused;		/* bytes that highmem= left out */
	uint64_t ram_unseen;		/* bytes of RAM above what the arch can use */
	/*
	 * Somebody went behind the kernel's back: poke, a kernel-mode store,
	 * a loaded register. Unused frames may hold anything from then on,
	 * and broken invariants are not our bug.
	 */
	bool ram_poked;
	unsigned fail_nth;		/* tests: the nth allocation from now fails; 0 off */
	pfn_t zero_pfn;			/* the shared zero page */
	uint64_t nr_mlock;		/* pages that are PG_mlocked (linux NR_MLOCK) */
	struct lruvec lruvec;
	struct swap_state *swap;	/* owned; swap.h */
	uint64_t page_cluster, swappiness;	/* sysctl */
	struct thp thp;
	struct hstate hstate;

	/* Kernel address space */
	pa_t swapper_pg_dir;		/* root table of the kernel */
	pa_t percpu;			/* per-CPU areas, one after another; 0: none */
	struct vmap_state *vmap;	/* owned */
	TAILQ_HEAD(, kmem_cache) slab_caches;	/* the newest first */
	struct kmem_cache *kmalloc_caches[NR_KMALLOC_TYPES][14];	/* by size */
	va_t slab_limit;	/* bytes of the direct map that slabs can be in */
	uint64_t slab_clock;	/* tracked operations so far (slub_debug=U) */
	struct kmap_state *kmap;	/* owned, i386 */
	struct fixmap_state *fixmap;	/* owned */
	struct kmap_ctrl idle_kmap[MACHINE_MAX_CPUS];	/* of idle CPUs */
	TAILQ_HEAD(, device) devices;	/* of dma_mapping.h, owned */
	struct io_tlb_mem *swiotlb;	/* owned; NULL: no bounce buffers */

	/* Processes */
	TAILQ_HEAD(task_list, task_struct) tasks;	/* ascending pid */
	int next_pid;
	struct task_struct *current[MACHINE_MAX_CPUS];	/* NULL: idle, on swapper_pg_dir */
	unsigned this_cpu;		/* the kernel runs on it (smp_processor_id) */
	struct cpu_tlbstate tlbstate[MACHINE_MAX_CPUS];
	/* active_mm of an idle CPU whose task has exited: a reference */
	struct mm_struct *lazy_mm[MACHINE_MAX_CPUS];
	LIST_HEAD(, inode) inodes;
	struct disk *disk;		/* owned; block.h */
	struct file *vdso, *vvar;	/* owned references; see exec.c */
	struct kmem_cache *mm_cache[16];	/* by enum mm_cache, mm_internal.h */
	uint64_t next_ino;		/* of files without a host identity */

	/* util.c: pages that are promised, and those that swap can hold */
	int64_t vm_committed_as;
	uint64_t total_swap_pages;

	/* sysctl.c */
	uint64_t drop_caches;		/* last written */
	uint64_t overcommit_memory, overcommit_ratio, overcommit_kbytes;
	uint64_t admin_reserve_kbytes, user_reserve_kbytes;
	uint64_t max_map_count;
	uint64_t dac_mmap_min_addr, mmap_min_addr; /* the second follows */
	uint64_t legacy_va_layout, randomize_va_space;

	struct klog log;
	struct {	/* pr_warn_once: said already */
		bool data_limit, mremap_private;
	} warned;
	bool tainted;		/* it has found itself corrupt */
	struct {
		uint64_t pgfault, pgmajfault, pgalloc, pgfree, pgreuse;
		uint64_t kswapd_wake, allocstall;
		uint64_t pgmigrate_success, pgmigrate_fail;
		uint64_t compact_migrate_scanned, compact_free_scanned;
		uint64_t compact_isolated;
		uint64_t compact_stall, compact_fail, compact_success;
		uint64_t unevictable_pgs_mlocked, unevictable_pgs_munlocked;
		uint64_t pswpin, pswpout, swap_ra, swap_ra_hit;
		uint64_t pgscan_direct, pgsteal_direct, pgrefill;
		uint64_t pgactivate, pgdeactivate, pgrotated;
		uint64_t pglazyfree, pglazyfreed, nr_vmscan_write;
		uint64_t htlb_buddy_alloc_success, htlb_buddy_alloc_fail;
		uint64_t thp_fault_alloc, thp_fault_fallback;
		uint64_t thp_collapse_alloc, thp_collapse_alloc_failed;
		uint64_t thp_split_page, thp_split_page_failed;
		uint64_t thp_deferred_split_page, thp_split_pmd;
		uint64_t thp_zero_page_alloc, thp_zero_page_alloc_failed;
	} vmstat;
	uint64_t rng;			/* state of the one seeded generator */
	uint32_t stamp;			/* PG_STAMP_MASK bits of this command */
};

/* The defaults of `boot ARCH`: ram 2 GiB, 2 CPUs, seed 1, no KASLR. */
void kernel_config_default(struct kernel_config *cfg, const struct arch *arch);

/*
 * Boots: e820 map, memblock, direct map, paging on, zones, buddy, slab,
 * vmalloc, kmap, first process. Returns NULL and a message in *why (static)
 * if the configuration is impossible or the host is out of memory.
 */
struct kernel *kernel_boot(const struct kernel_config *cfg, const char **why);
void kernel_destroy(struct kernel *k);

/* What the kernel says of its memory while it boots; KiB, but total_pages. */
struct boot_report {
	uint64_t available, physpages, code, rwdata, rodata, init, bss;
	uint64_t reserved, highmem;
	/* freed later, in this order: */
	uint64_t smp, initrd, decrypted, initmem, text_gap, rodata_gap;
	uint64_t total_pages;	/* "Built 1 zonelists": before anything is taken */
};
void boot_report(const struct kernel *k, struct boot_report *ret);

/* Next number of the seeded generator. */
uint64_t kernel_random(struct kernel *k);

/*
 * Address conversion of lowmem, as the macros __pa and __va: kernel logical
 * addresses only. __pa knows the x86-64 kernel image mapping as well.
 * kernel_virt_ok says whether @va is in the direct map (virt_addr_valid).
 */
pa_t kernel_pa(const struct kernel *k, va_t va);
va_t kernel_va(const struct kernel *k, pa_t pa);
bool kernel_virt_ok(const struct kernel *k, va_t va);
/* Is @va in the image's own mapping, where x86-64 has one? */
bool kernel_image_ok(const struct kernel *k, va_t va);

static inline struct page *pfn_to_page(const struct kernel *k, pfn_t pfn)
{
	return &k->mem_map[pfn];
}

static inline pfn_t page_to_pfn(const struct kernel *k, const struct page *page)
{
	return page - k->mem_map;
}

/*
 * A command begins: frames that are allocated, freed or mapped from now on,
 * and slabs whose objects are, can be told from all others by their stamps. When the stamps have all been
 * used, those of the records are taken away, and they begin anew.
 */
void kernel_new_stamp(struct kernel *k);

/* The frame of @page is used otherwise than before. */
static inline void page_changed(const struct kernel *k, struct page *page)
{
	if ((page->flags & PG_STAMP_MASK) != k->stamp)
		page->flags = (page->flags & ~(PG_STAMP_MASK | PG_fresh)) |
			      k->stamp;
}

/* Is there RAM with a struct page behind @pfn? */
bool pfn_valid(const struct kernel *k, pfn_t pfn);

/* Host address of the frame's bytes; the frame must be valid. */
static inline void *page_bytes(const struct kernel *k, pfn_t pfn)
{
	return k->ram->host + (pfn << PAGE_SHIFT);
}

/* One finding of the invariant checker. */
typedef void (*check_fn)(void *ctx, const char *finding);

/*
 * fsck for the kernel: recomputes reference counts, map counts, RSS, zone
 * counters, buddy lists, slab counts, VMA order and TLB contents from
 * scratch; calls @fn with a line that names both sides of each mismatch.
 * Returns the number of findings. Changes nothing.
 */
unsigned kernel_check(struct kernel *k, check_fn fn, void *ctx);

#endif

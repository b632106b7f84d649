/*
 * swap.h - swap areas, the swap cache, the LRU lists and reclaim (linux
 * include/linux/swap.h, mm/swap.h). For swapfile.c, swap_state.c, page_io.c,
 * swap_pte.c, swap.c and vmscan.c.
 *
 *	anonymous page --unmap--> entries hold (type, offset) --- swap_map[offset]
 *	    | in the swap cache, found by that                     counts them
 *	    +--write--> slot of the area --read--> swap cache --> mapped again
 *
 * A slot is in use while entries name it or the cache has its page. A page in
 * the cache has one reference for that; page->private is its entry.
 */
#ifndef KERNEL_SWAP_H
#define KERNEL_SWAP_H

#include "kernel/mm_types.h"
#include "kernel/swapops.h"

/* swap_map[]: how many entries name a slot, and these: */
#define SWAP_HAS_CACHE	0x8000u	/* the swap cache has its page */
#define SWAP_MAP_SHMEM	0x4000u	/* the one user is a file in memory */
#define SWAP_MAP_BAD	0x3fffu	/* not usable: the header */
#define SWAP_MAP_MAX	0x3ffeu

#define SWAP_BATCH	64	/* slots from one area before its equals */
#define SWAP_CLUSTER_MAX 32	/* pages that reclaim isolates at once */
#define SWAP_PRIO_NONE	(-1)	/* of swapon: the kernel chooses */
#define SWAP_FLAG_PRIO_MAX 0x7fff

struct swap_info_struct {	/* an area */
	TAILQ_ENTRY(swap_info_struct) avail;	/* in swap_state.avail */
	char name[24];
	unsigned type;
	int prio;
	bool writeok;		/* slots may be taken: not while swapoff runs */
	bool full;		/* not in the list of those with free slots */
	bool nonrot;		/* not a disk that turns (SWP_SOLIDSTATE) */
	uint64_t max;		/* slots, the header included */
	uint64_t pages, inuse_pages;	/* usable slots; in use */
	uint64_t lowest_bit, highest_bit;	/* no free slot is outside */
	uint64_t cluster_next;	/* where the search goes on */
	uint16_t *swap_map;	/* owned, one a slot */
	uint32_t *cache;	/* owned: pfn + 1 of the slot's page, 0: none */
	uint8_t *bytes;		/* owned: what is on the device */
	va_t map_va;		/* swap_map as the kernel has it (vmalloc) */
	uint64_t reads, writes;	/* pages */
};

struct swap_state {
	struct swap_info_struct *info[MAX_SWAPFILES];	/* NULL: type is free */
	TAILQ_HEAD(swap_avail, swap_info_struct) avail;	/* best first */
	uint64_t nr_swap_pages;	/* free; all: k->total_swap_pages */
	unsigned batch;		/* slots taken from the first of avail in a row */
	int least_priority;
	unsigned nr_rotate_swap;	/* areas on disks that turn */
	uint64_t nrpages;	/* in the swap cache */
	/* the readahead by slots: what it has learnt */
	unsigned ra_hits, ra_last;
	uint64_t ra_prev;
};

/* --- swapfile.c ------------------------------------------------------------ */
void swap_init(struct kernel *k);
void swap_deinit(struct kernel *k);
struct swap_on {		/* how to switch an area on */
	uint64_t size;		/* bytes */
	int prio;		/* 0 to 32767, or SWAP_PRIO_NONE */
	bool nonrot;
};
/* A new device of zeroes, its header written. -EINVAL: no room for a page
 * behind it; -ENOMEM; -EPERM: there are MAX_SWAPFILES. */
int kernel_swapon(struct kernel *k, const struct swap_on *how,
		  struct swap_info_struct **ret);
/* Reads all back and takes the area away. -ENOMEM: the pages have no room. */
int kernel_swapoff(struct kernel *k, struct swap_info_struct *si);
struct swap_info_struct *swap_by_name(struct kernel *k, const char *name);
/* The area of an entry, or NULL: no such slot, or it is not in use. */
struct swap_info_struct *swap_info_get(const struct kernel *k, swp_entry_t e);
/* A free slot, held by the cache that the caller will put a page into; 0. */
swp_entry_t get_swap_page(struct kernel *k);
int swap_duplicate(struct kernel *k, swp_entry_t e);	/* one more entry; -ENOMEM */
int swapcache_prepare(struct kernel *k, swp_entry_t e);	/* -EEXIST, -ENOENT */
void swap_shmem_alloc(struct kernel *k, swp_entry_t e);
void swap_free(struct kernel *k, swp_entry_t e);	/* one entry less */
void put_swap_page(struct kernel *k, swp_entry_t e);	/* the cache's hold */
unsigned swap_count(const struct kernel *k, swp_entry_t e);	/* entries */
/* Takes the page out of the cache if no entry names its slot any more. */
bool try_to_free_swap(struct kernel *k, pfn_t pfn);
/* An entry goes; the cached page too if it was the last. */
void free_swap_and_cache(struct kernel *k, swp_entry_t e);
/* A mapper of a cached page is gone. */
void free_swap_cache(struct kernel *k, pfn_t pfn);
/* Less than half of swap is free: slots are not kept for pages in memory. */
bool vm_swap_full(const struct kernel *k);

/* --- swap_state.c ---------------------------------------------------------- */
pfn_t swap_cache_lookup(const struct kernel *k, swp_entry_t e);	/* looking */
/* The same for a fault: readahead learns from it. No reference. */
pfn_t lookup_swap_cache(struct kernel *k, swp_entry_t e,
			struct vm_area_struct *vma, va_t va);
void add_to_swap_cache(struct kernel *k, pfn_t pfn, swp_entry_t e);
/* The slot's page is in another frame now. */
void swap_cache_replace(struct kernel *k, swp_entry_t e, pfn_t pfn);
void delete_from_swap_cache(struct kernel *k, pfn_t pfn);
/* Gives an anonymous page a slot; false: no swap. */
bool add_to_swap(struct kernel *k, pfn_t pfn);
/* The slot's page with a reference, read if need be; PFN_NONE. */
pfn_t read_swap_cache_async(struct kernel *k, swp_entry_t e);
/* The same with pages around. @vma NULL: of shared memory. */
pfn_t swapin_readahead(struct kernel *k, swp_entry_t e,
		       struct vm_area_struct *vma, va_t va);

/* --- page_io.c ------------------------------------------------------------- */
void swap_readpage(struct kernel *k, pfn_t pfn);
void swap_writepage(struct kernel *k, pfn_t pfn);

/* --- swap_pte.c: entries in page tables ------------------------------------ */
unsigned do_swap_page(struct vm_fault *vmf);
/* Every entry of the area maps its page again (swapoff). */
int try_to_unuse_mms(struct kernel *k, const struct swap_info_struct *si);
/* fork: one more entry for the slot of *src; the child's entry, or 0: ENOMEM. */
uint64_t copy_swap_pte(struct kernel *k, struct mm_struct *mm, va_t va,
		       uint8_t *src);
/* Is @pte the entry of a slot that is in use? */
bool swap_pte_ok(const struct kernel *k, uint64_t pte);
/* Is the page of a swapped entry in memory all the same (mincore)? */
bool swap_pte_cached(const struct kernel *k, uint64_t pte);
/* The slot of an entry that is removed loses it. */
void zap_swap_pte(struct kernel *k, struct mm_struct *mm, uint64_t pte);
/* MADV_WILLNEED of anonymous memory. */
void force_swapin_readahead(struct kernel *k, struct vm_area_struct *vma,
			    va_t start, va_t end);

/* --- shmem_swap.c: shared memory ------------------------------------------- */
/* The slot that has page @index of the file; 0: none. */
swp_entry_t shmem_swap_entry(const struct inode *inode, uint64_t index);
/* Moves a page of a file in memory to the swap cache; false: no swap. */
bool shmem_writepage(struct kernel *k, pfn_t pfn);
/* The page comes back; PFN_NONE: no memory. *major: it had to be read. */
pfn_t shmem_swapin(struct kernel *k, struct inode *inode, uint64_t index,
		   bool *major);
/* Frees the slots of pages @first to @last. */
void shmem_swap_truncate(struct kernel *k, struct inode *inode, uint64_t first,
			 uint64_t last);
int shmem_unuse(struct kernel *k, const struct swap_info_struct *si);
/* Reads pages [start, end) into the cache, as far as they are in swap. */
void shmem_swapin_range(struct kernel *k, struct inode *inode, uint64_t start,
			uint64_t end);

/* --- rmap_unmap.c ----------------------------------------------------------- */
struct folio_referenced {
	unsigned ptes;		/* that were used since the last look */
	unsigned long vm_flags;	/* of their areas; VM_LOCKED: of any */
};
struct folio_referenced folio_referenced(struct kernel *k, pfn_t pfn);
struct last_mapper { va_t va; int pid; };
/*
 * => the caller has a reference; an anonymous page has its slot. Does nobody
 * map it any more?
 */
bool try_to_unmap(struct kernel *k, pfn_t pfn, struct last_mapper *ret);

/* --- vmscan.c -------------------------------------------------------------- */
/* Frees what it can of isolated pages, whether used lately or not; the rest
 * goes back to the lists. Pages freed. */
uint64_t reclaim_pages(struct kernel *k, struct page_list *list);
struct reclaim_result {		/* pages */
	uint64_t scanned, reclaimed, written, activated, deactivated;
};
/* As memory.reclaim: 0, or -EAGAIN if fewer than @nr could be freed. */
int reclaim_proactive(struct kernel *k, uint64_t nr,
		      struct reclaim_result *ret);
/* The isolated pages of a list, chained as on an LRU list. */
void page_list_add_tail(struct kernel *k, struct page_list *l, pfn_t pfn);
pfn_t page_list_pop(struct kernel *k, struct page_list *l);

/* --- madvise_lru.c: what madvise tells the lists ---------------------------- */
/* => the area is none that can_madv_lru_vma() forbids */
void madvise_cold_range(struct kernel *k, struct vm_area_struct *vma,
			va_t start, va_t end);
void madvise_pageout_range(struct kernel *k, struct vm_area_struct *vma,
			   va_t start, va_t end);
void madvise_free_range(struct kernel *k, struct vm_area_struct *vma,
			va_t start, va_t end);

/* --- swap_check.c ---------------------------------------------------------- */
unsigned swap_check(struct kernel *k, check_fn fn, void *ctx);

#endif

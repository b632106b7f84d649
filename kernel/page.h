/*
 * page.h - struct page: one record a frame (linux include/linux/mm_types.h,
 * include/linux/page-flags.h).
 *
 * Records live in one lazily committed host array, mem_map[pfn]; an all-zero
 * record is a frame never used ("virgin"). Simplified: _mapcount counts from
 * 0 (Linux: from -1); the zone follows from the pfn.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include "machine/flags.h"

struct address_space;
struct anon_vma;
struct kmem_cache;
struct slab;

/* Page flags; names as in /proc/kpageflags and include/linux/page-flags.h. */
#define PG_locked	BIT(0)
#define PG_referenced	BIT(1)
#define PG_uptodate	BIT(2)
#define PG_dirty	BIT(3)
#define PG_lru		BIT(4)
#define PG_active	BIT(5)
#define PG_slab		BIT(6)
#define PG_reserved	BIT(7)
#define PG_buddy	BIT(8)	/* head of a free block; private = order */
#define PG_table	BIT(9)	/* a page table */
#define PG_anon		BIT(10)	/* mapping is a struct anon_vma */
#define PG_swapbacked	BIT(11)
#define PG_anon_exclusive BIT(12)
#define PG_vmalloc	BIT(13)	/* ours: backs a vmalloc area */
#define PG_kernel	BIT(14)	/* ours: kernel image, mem_map, boot tables */
#define PG_zeropage	BIT(15)	/* ours: the shared zero page */
#define PG_kmalloc	BIT(16)	/* ours: a kmalloc too large for a cache */
#define PG_block	BIT(17)	/* ours: head of a block of the alloc_pages
				 * command; private = order */
#define PG_stack	BIT(18)	/* ours: kernel stack of a task */
#define PG_dma		BIT(19)	/* ours: head of a coherent buffer or bounce page;
				 * private = order */
#define PG_pcp		BIT(20)	/* ours: head of a free block on a CPU's list;
				 * private = order, see pcp.c */
#define PG_mlocked	BIT(21)	/* a VM_LOCKED area maps it: not reclaimed */
#define PG_STAMP_SHIFT	22	/* ours, 8 bits: who changed its use last: see
				 * kernel_new_stamp() */
#define PG_STAMP_MASK	(0xffULL << PG_STAMP_SHIFT)
#define PG_fresh	BIT(30)	/* ours: it was allocated then */
#define PG_used		BIT(31)	/* ours: was allocated once: may hold nonzero bytes */
/* From here on there is room: the word has 64 bits. */
#define PG_swapcache	BIT(32)	/* in the swap cache; private = its entry */
#define PG_unevictable	BIT(33)	/* on no list that reclaim scans */
#define PG_reclaim	BIT(34)	/* written out to be freed next */
#define PG_readahead	PG_reclaim	/* read before anybody asked: the same bit */
#define PG_workingset	BIT(35)	/* it was on an active list */
#define PG_lru_batch	BIT(36)	/* ours: waits for lru_add_drain() */
#define PG_compound	BIT(37)	/* head or tail of a large page: compound.h */
extern const struct flag_name page_flag_names[];

struct page {
	uint64_t flags;
	int32_t _refcount;	/* 0: free */
	int32_t _mapcount;	/* PTEs that map it; 0: none */
	uint32_t next, prev;	/* pfns: free lists, LRU */
	uint64_t private;	/* order of a free block; with PG_swapcache the
				 * swp_entry_t (swapops.h) */
	union {
		struct address_space *mapping;	/* page cache */
		struct anon_vma *anon_vma;	/* with PG_anon */
		struct kmem_cache *slab_cache;	/* with PG_slab */
	};
	union {
		uint64_t index;		/* page offset in the mapping; a user
					 * page table: pfn of its root; a free
					 * block: its list's migrate type */
		struct slab *slab;	/* with PG_slab */
	};
};

#endif

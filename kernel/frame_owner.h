/*
 * frame_owner.h - what each frame of physical memory is used for. Pure: reads
 * the e820 map, memblock and the records; changes nothing.
 *
 * Memory that nobody has used yet has no records worth reading: it is known
 * as ranges (the map's holes, boot reservations, untouched blocks of a zone),
 * and whoever visits all frames does so by runs.
 */
#ifndef KERNEL_FRAME_OWNER_H
#define KERNEL_FRAME_OWNER_H

#include "kernel/kernel.h"

enum frame_use {
	FRAME_HOLE,	/* nothing in the memory map */
	FRAME_FIRMWARE,	/* the map has it, as reserved, ACPI tables, MMIO, .. */
	FRAME_UNUSED,	/* free, and never was anything else */
	FRAME_FREE,	/* free, on a list of the buddy allocator */
	FRAME_PCP,	/* free, on the list of a CPU */
	FRAME_RESERVED,	/* reserved at boot for good: the first MiB, .. */
	FRAME_IMAGE,	/* the kernel image */
	FRAME_MEM_MAP,	/* holds struct pages */
	FRAME_TABLE,	/* a page table */
	FRAME_SLAB,
	FRAME_KMALLOC,	/* a kmalloc too large for a cache */
	FRAME_VMALLOC,
	FRAME_STACK,	/* kernel stack of a task */
	FRAME_BLOCK,	/* taken by the alloc_pages command */
	FRAME_DMA,	/* a coherent buffer, or a bounce page */
	FRAME_ZERO,	/* the shared zero page, or the large one */
	FRAME_HUGETLB,	/* of the pool of hugetlb, in use or not */
	FRAME_VDSO,	/* of the kernel's own, mapped into processes */
	FRAME_ANON,	/* of a process: anonymous, mapped once */
	FRAME_FILE,	/* page cache of a file, mapped once or not at all */
	FRAME_SHMEM,	/* shared memory, the same */
	FRAME_SWAPCACHE, /* in the swap cache, mapped by nobody */
	FRAME_SHARED,	/* anon, file or shmem, mapped more than once */
	FRAME_KERNEL,	/* the kernel's, for anything else */
	NR_FRAME_USES,
};

enum frame_reclaim {	/* what happens to it when memory runs short */
	RECLAIM_NONE,	/* nothing there to be reclaimed */
	RECLAIM_NEVER,	/* stays: the kernel's own is never swapped */
	RECLAIM_SWAP,	/* written to swap */
	RECLAIM_DROP,	/* dropped if clean, else written back to its file */
};

struct frame_use_info {
	const char *name;	/* "free, never used", "page table" */
	char glyph;		/* of a frame map: a capital where in use */
	enum frame_reclaim reclaim;
};
extern const struct frame_use_info frame_use_info[NR_FRAME_USES];

static inline bool frame_use_is_ram(enum frame_use use)
{
	return use > FRAME_FIRMWARE;
}

static inline bool frame_use_is_free(enum frame_use use)
{
	return use >= FRAME_UNUSED && use <= FRAME_PCP;
}

/* What the last command did to a frame (see kernel_new_stamp()). */
enum frame_change { FRAME_SAME, FRAME_TAKEN, FRAME_FREED, FRAME_CHANGED };

/* Frames [start, end) of one use, changed alike; not more than that. */
struct frame_run {
	pfn_t start, end;
	enum frame_use use;
	enum frame_change change;
};

/*
 * The run that begins at @pfn, up to @end at most: the longest one that can
 * be told without visiting frames of another kind.
 */
struct frame_run frame_run_at(const struct kernel *k, pfn_t pfn, pfn_t end);

enum frame_use frame_use(const struct kernel *k, pfn_t pfn);

/* The first frame of the block (free, kmalloc, alloc_pages) that holds @pfn,
 * and its order; @pfn itself and 0 if it is in none. */
pfn_t frame_block(const struct kernel *k, pfn_t pfn, unsigned *order);

/*
 * The process whose frame it is, alone: user memory mapped once, its page
 * tables and kernel stack. 0: nobody's, the kernel's, or shared.
 */
int frame_pid(struct kernel *k, pfn_t pfn);

/* Can it be swapped; as frame_use_info says, but for mlock. @why: a phrase. */
enum frame_reclaim frame_reclaim(struct kernel *k, pfn_t pfn,
				 const char **why);

#endif

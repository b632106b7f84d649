/*
 * vmap_internal.h - what the files of the vmalloc space share: addresses
 * (vmap_area.c), page tables (vmap_range.c), blocks (vmap_block.c).
 */
#ifndef KERNEL_VMAP_INTERNAL_H
#define KERNEL_VMAP_INTERNAL_H

#include "kernel/vmalloc.h"

struct kmem_cache;
struct checker;

struct vmap_block { /* linux struct vmap_block */
	TAILQ_ENTRY(vmap_block) link;
	struct vmap_area *va;
	unsigned cpu;	      /* of its queue */
	unsigned free, dirty; /* pages never used yet, and given back */
	unsigned dirty_min, dirty_max;
	bool queued;	 /* has free pages */
	uint16_t *count; /* owned: pages of the mapping that begins here */
	va_t obj;
};

struct vmap_state {
	struct vmap_tree busy, lazy, free;
	uint64_t nr_lazy;	       /* pages in lazy */
	uint64_t nr_vmalloc;	       /* pages of VMAP_ALLOC areas */
	struct kmem_cache *cache;      /* "vmap_area" */
	LIST_HEAD(, vmap_area) mapped; /* areas that own no frames */
	TAILQ_HEAD(vmap_queue, vmap_block) queue[MACHINE_MAX_CPUS];
};

/* --- addresses (vmap_area.c) ---------------------------------------------- */
/*
 * An area of @size bytes at the lowest address that fits, a multiple of @align;
 * purges freed ones if it must. NULL: no range is free, or no memory.
 */
struct vmap_area *alloc_vmap_area(struct kernel *k, uint64_t size,
				  uint64_t align);
/* The same with a guard page and a struct vm_struct (get_vm_area_caller). */
struct vmap_area *get_vm_area(struct kernel *k, uint64_t size, uint64_t align,
			      enum vmap_kind kind, const char *caller);
/*
 * Clears the entries of an area and leaves the rest to the purge; the area is
 * gone. Frames are not touched.
 */
void free_unmap_vmap_area(struct kernel *k, struct vmap_area *va);
/* Frees the structs beside it, and the area (remove_vm_area). */
void remove_vm_area(struct kernel *k, struct vmap_area *va);
/*
 * Flushes [start, end) and all freed areas; they become free. False: there are
 * none, and nothing was done.
 */
bool purge_vmap_area_lazy(struct kernel *k, va_t start, va_t end);
struct vmap_area *find_area(const struct kernel *k, va_t va);

/* --- page tables (vmap_range.c) ------------------------------------------- */
/* Maps frames; -ENOMEM leaves what is mapped so far. */
int vmap_pages_range(struct kernel *k, va_t va, const uint32_t *pfns,
		     unsigned n, const char *why);
/* Maps device memory with the largest pages that Linux uses for it. */
int ioremap_page_range(struct kernel *k, va_t va, pa_t pa, uint64_t size,
		       uint64_t prot);
/* Clears all entries, large ones too; flushes no TLB. */
void vunmap_range_noflush(struct kernel *k, va_t start, va_t end);
void flush_tlb_kernel_range(struct kernel *k, va_t start, va_t end);
/* x86-64: the second-level tables of the whole space, at boot. */
int preallocate_vmalloc_pages(struct kernel *k);

/* --- blocks (vmap_block.c) ------------------------------------------------ */
/* Gives up blocks without free pages left but for dirty ones. */
void purge_fragmented_blocks(struct kernel *k);
/* Widens [*start, *end) by what blocks have dirty; false: nothing. */
bool vmap_blocks_dirty(const struct kernel *k, va_t *start, va_t *end);
void vmap_block_destroy(struct vmap_block *vb);
void vmap_block_check(struct checker *c, struct kernel *k,
		      const struct vmap_area *va);
/* Copies @pfns; NULL and -EINVAL if one of them is not RAM. */
uint32_t *vmap_copy_pfns(const struct kernel *k, const pfn_t *pfns, unsigned n);

#endif

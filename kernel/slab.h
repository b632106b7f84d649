/*
 * slab.h - object caches (linux mm/slub.c, small): kmalloc and the caches
 * that kernel objects are charged to.
 *
 * Slabs are frames of lowmem; free objects hold the free-list pointer in
 * their own bytes, as SLUB's do. Left out: per-CPU slabs, merging, hardening.
 * Which objects are in use is kept outside as well, so that poked bytes can
 * corrupt the free list but not this allocator.
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "kernel/kernel.h"

struct kmem_cache {
	TAILQ_ENTRY(kmem_cache) link;
	const char *name;	/* "kmalloc-64", "task_struct": as in slabinfo */
	unsigned object_size, size;	/* bytes asked for, and with alignment */
	unsigned order, objects;	/* of one slab */
	uint32_t partial, full;		/* lists of slabs: first pfn or PFN_NONE */
	uint64_t nr_slabs, active;	/* slabs, objects in use */
	unsigned gfp;			/* GFP_DMA or 0 */
	unsigned offset;		/* of the free pointer in a free object */
	unsigned min_partial, nr_partial; /* slabs kept, slabs on the list */
};

void slab_init(struct kernel *k);
void slab_deinit(struct kernel *k);

/* The cache called @name, made on first use with objects of @size bytes. */
struct kmem_cache *kmem_cache_get(struct kernel *k, const char *name,
				  unsigned size);
/* Kernel address of a fresh object, or 0: out of memory. */
va_t kmem_cache_alloc(struct kernel *k, struct kmem_cache *cache);
void kmem_cache_free(struct kernel *k, struct kmem_cache *cache, va_t va);

#define KMALLOC_MAX_SIZE	(4 * MiB)
/* What kmalloc(0) gives: as for NULL, there is nothing for kfree() to do. */
#define ZERO_SIZE_PTR		16
#define ZERO_OR_NULL_PTR(va)	((va) <= ZERO_SIZE_PTR)

/*
 * kmalloc: sizes above 8 KiB come straight from the buddy allocator. @gfp as
 * in page_alloc.h. Writes the address on success. -ENOMEM: Linux gives NULL,
 * for sizes above KMALLOC_MAX_SIZE always.
 */
int kmalloc(struct kernel *k, uint64_t size, unsigned gfp, va_t *ret);
/* -EINVAL if @va is neither nothing nor the start of a live kmalloc object. */
int kfree(struct kernel *k, va_t va);
/* Bytes behind a live kmalloc object (ksize), or 0. */
uint64_t ksize(struct kernel *k, va_t va);
/* The cache and object behind a slab address, for `page`; NULL if none. */
const struct kmem_cache *slab_lookup(struct kernel *k, va_t va, va_t *object,
				     bool *in_use);

unsigned slab_check(struct kernel *k, check_fn fn, void *ctx);

#endif

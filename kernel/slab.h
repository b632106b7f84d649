/*
 * slab.h - object caches (linux include/linux/slab.h, mm/slub.c,
 * mm/slab_common.c): kmalloc, and the caches that kernel objects come from.
 *
 * SLUB of Linux 6.1 as Debian builds it, with these choices, each of them a
 * boot parameter or an option there: caches are never merged (slab_nomerge),
 * free pointers are plain addresses in list order (no SLAB_FREELIST_HARDENED,
 * no SLAB_FREELIST_RANDOM: `peek` shows what the drawings in books show), and
 * fresh objects hold what was there before (init_on_alloc=0). Left out:
 * NUMA, memcg's own counts, KASAN, KFENCE; constructors run nothing.
 *
 * Free pointers, red zones, poison and tracks are bytes of simulated RAM.
 * Which objects are in use is kept outside as well, so that poked bytes can
 * corrupt a free list but not this allocator.
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "kernel/kernel.h"

/* Flags of a cache; values as in include/linux/slab.h. */
#define SLAB_CONSISTENCY_CHECKS	0x00000100u	/* slub_debug=F */
#define SLAB_RED_ZONE		0x00000400u	/* Z */
#define SLAB_POISON		0x00000800u	/* P */
#define SLAB_KMALLOC		0x00001000u
#define SLAB_HWCACHE_ALIGN	0x00002000u
#define SLAB_CACHE_DMA		0x00004000u
#define SLAB_CACHE_DMA32	0x00008000u
#define SLAB_STORE_USER		0x00010000u	/* U */
#define SLAB_RECLAIM_ACCOUNT	0x00020000u
#define SLAB_PANIC		0x00040000u
#define SLAB_TYPESAFE_BY_RCU	0x00080000u
#define SLAB_ACCOUNT		0x04000000u
#define SLAB_CTOR		0x80000000u	/* ours: it has a constructor */
#define SLAB_DEBUG_FLAGS	(SLAB_RED_ZONE | SLAB_POISON | \
				 SLAB_STORE_USER | SLAB_CONSISTENCY_CHECKS)
extern const struct flag_name slab_flag_names[];

/* What fills the bytes of debugged objects (include/linux/poison.h). */
#define SLUB_RED_INACTIVE	0xbb
#define SLUB_RED_ACTIVE		0xcc
#define POISON_INUSE		0x5a
#define POISON_FREE		0x6b
#define POISON_END		0xa5

struct slab;
TAILQ_HEAD(slab_list, slab);

struct kmem_cache_cpu {
	va_t freelist;		/* next object of .slab, 0: none */
	struct slab *slab;	/* the one that this CPU allocates from */
	unsigned index;		/* number of the next object */
	unsigned nr_partial;
	struct slab_list partial;
	uint64_t unused[3];	/* 64 bytes: found by a shift */
};

struct kmem_cache {
	TAILQ_ENTRY(kmem_cache) link;
	char *name;		/* owned; "kmalloc-64", "task_struct" */
	unsigned flags;		/* SLAB_* */
	unsigned object_size, size;	/* bytes asked for, and with all extras */
	unsigned inuse;		/* where extras behind the object begin */
	unsigned offset;	/* of the free pointer in a free object */
	bool wide;		/* that pointer has 8 bytes, not 4 */
	uintptr_t mem;		/* host address of the direct map's byte 0, and
				 * .offset */
	unsigned align, red_left_pad;
	unsigned order, objects;	/* of one slab */
	unsigned min_order;	/* taken if there is no block of .order */
	unsigned min_partial;	/* empty slabs kept on the node's list */
	unsigned cpu_partial, cpu_partial_slabs;
	unsigned gfp;		/* zone of its slabs: GFP_DMA, .. or 0 */
	uint32_t reciprocal;	/* 2^32 / size: object_index() */
	bool own;		/* made by kmem_cache_create() */
	va_t object, node_object;	/* then: its own structs, from slabs */
	uint64_t nr_slabs, nr_objects;
	struct slab_list slabs;	/* all of them */
	struct slab_list partial, full;	/* the node's; full: STORE_USER only */
	unsigned nr_partial;
	struct kmem_cache_cpu cpu[];	/* one a CPU */
};

/* Makes the kmalloc caches and those of kernel objects. */
void slab_init(struct kernel *k);
void slab_deinit(struct kernel *k);

/*
 * Makes a cache. @flags: SLAB_*, to which slub_debug= adds. -EEXIST if there
 * is one of that name, -EINVAL for a size or alignment that cannot be,
 * -ENOMEM.
 */
int kmem_cache_create(struct kernel *k, const char *name, unsigned size,
		      unsigned align, unsigned flags, struct kmem_cache **ret);
/*
 * Gives back its slabs and forgets it. -EBUSY and Linux' words in the log
 * while objects are in use; the cache stays. -EPERM for the kernel's own.
 */
int kmem_cache_destroy(struct kernel *k, struct kmem_cache *cache);
/* Gives back empty slabs. True: none are left. */
bool kmem_cache_shrink(struct kernel *k, struct kmem_cache *cache);
/* The cache of that name, or NULL. */
struct kmem_cache *kmem_cache_find(struct kernel *k, const char *name);
/* The same, made on first use with objects of @size bytes. */
struct kmem_cache *kmem_cache_get(struct kernel *k, const char *name,
				  unsigned size);

/* Kernel address of a fresh object, or 0: out of memory. */
va_t kmem_cache_alloc(struct kernel *k, struct kmem_cache *cache);
/*
 * -EINVAL: @va is no object in use, or a debug check of the cache failed: the
 * log says which. Nothing was freed then.
 */
int kmem_cache_free(struct kernel *k, struct kmem_cache *cache, va_t va);

#define KMALLOC_MAX_CACHE_SIZE	(2 * PAGE_SIZE)
#define KMALLOC_MAX_SIZE	(4 * MiB)
/* What kmalloc(0) gives: as for NULL, there is nothing for kfree() to do. */
#define ZERO_SIZE_PTR		16
#define ZERO_OR_NULL_PTR(va)	((va) <= ZERO_SIZE_PTR)

/*
 * kmalloc: sizes above KMALLOC_MAX_CACHE_SIZE come straight from the buddy
 * allocator. @gfp as in page_alloc.h. Writes the address on success. -ENOMEM:
 * Linux gives NULL, for sizes above KMALLOC_MAX_SIZE always.
 */
int kmalloc(struct kernel *k, uint64_t size, unsigned gfp, va_t *ret);
/* -EINVAL as kmem_cache_free(). */
int kfree(struct kernel *k, va_t va);
/* Moves the object to one of @size bytes if it has to. */
int krealloc(struct kernel *k, va_t va, uint64_t size, unsigned gfp,
	     va_t *ret);
/* Bytes behind a live kmalloc object (ksize), or 0. */
uint64_t ksize(struct kernel *k, va_t va);

/* --- looking -------------------------------------------------------------- */
enum slab_object_state {
	OBJ_FREE,	/* on the slab's free list */
	OBJ_USED,
	OBJ_LOST,	/* given up: the free list that held it is corrupt */
	OBJ_CPU,	/* free, on a CPU's own free list */
	OBJ_REST,	/* no object: the rest at the end of a slab */
};

enum slab_place { SLAB_CPU, SLAB_CPU_PARTIAL, SLAB_PARTIAL, SLAB_FULL };

struct slab_object {		/* all about an address in a slab */
	const struct kmem_cache *cache;
	struct slab *slab;
	pfn_t pfn;		/* of the slab */
	unsigned order, objects, inuse;
	enum slab_place place;
	unsigned cpu;		/* with SLAB_CPU and SLAB_CPU_PARTIAL */
	va_t base, start;	/* of the slab, of the object (after red_left_pad) */
	unsigned index;		/* .objects: none */
	enum slab_object_state state;
};

struct slab_track {		/* who allocated or freed (SLAB_STORE_USER) */
	const char *func;	/* NULL: nobody yet */
	unsigned cpu;
	int pid;
	uint64_t age;		/* tracked operations since then */
};

/* False: @va is in no slab. Pure. */
bool slab_find(const struct kernel *k, va_t va, struct slab_object *ret);
/* The state of the @i-th object of the slab. Pure. */
enum slab_object_state slab_object_state(const struct kernel *k,
				    const struct slab_object *o, unsigned i);
struct slab_track slab_alloc_track(const struct kernel *k,
				   const struct slab_object *o, bool freed);
/*
 * The debug checks on one object, without touching it: what is overwritten
 * ("Right Redzone"), or NULL. *at: the first bad byte.
 */
const char *slab_verdict(const struct kernel *k, const struct slab_object *o,
			 va_t *at);
/* Objects that are OBJ_USED, _FREE (whoever's list has them) or _LOST. */
uint64_t slab_count(const struct kmem_cache *cache,
		    enum slab_object_state state);
/* /proc/slabinfo's active_objs: all but those free on the partial list. */
uint64_t slab_active_objects(const struct kmem_cache *cache);
/* The cache and object behind a slab address, for `page`; NULL if none. */
const struct kmem_cache *slab_lookup(struct kernel *k, va_t va, va_t *object,
				     bool *in_use);

unsigned slab_check(struct kernel *k, check_fn fn, void *ctx);

#endif

/*
 * slab_internal.h - what slub.c, slub_debug.c, slab_common.c and slab_check.c
 * share (as linux mm/slab.h).
 */
#ifndef KERNEL_SLAB_INTERNAL_H
#define KERNEL_SLAB_INTERNAL_H

#include <errno.h>
#include <string.h>

#include "kernel/internal.h"
#include "kernel/slab.h"

/*
 * The host's side of a slab (Linux lays it over struct page). Its frames all
 * lead here, page->slab. .inuse as in Linux: the objects that are not on
 * .freelist; a CPU that takes the list over makes all of them "in use".
 */
struct slab {
	TAILQ_ENTRY(slab) all;	/* cache->slabs */
	TAILQ_ENTRY(slab) list; /* partial, full, or a CPU's partial list */
	struct kmem_cache *cache;
	va_t base, freelist;
	va_t first; /* base + red_left_pad: object 0 */
	pfn_t pfn;
	unsigned order, objects, inuse;
	bool frozen;	 /* a CPU's: its slab, or on its partial list */
	uint8_t cpu;	 /* whose */
	uint32_t stamp;	 /* of the command that used it last, as PG_STAMP_MASK */
	uint8_t place;	 /* enum slab_place; SLAB_FULL: maybe on no list */
	uint8_t state[]; /* an enum slab_object_state per object: FREE, USED,
			    LOST */
};

static inline uint8_t *va_host(const struct kernel *k, va_t va)
{
	return k->ram->host + (va - k->layout.page_offset);
}

static inline va_t get_freepointer(const struct kmem_cache *c, va_t object)
{
	const void *at = (void *)(c->mem + object);
	uint64_t v64;
	uint32_t v32;

	if (c->wide) {
		memcpy(&v64, at, sizeof(v64));
		return v64;
	}
	memcpy(&v32, at, sizeof(v32));
	return v32;
}

static inline void write_pointer(uintptr_t to, va_t v, bool wide)
{
	uint32_t v32 = v;

	if (wide)
		memcpy((void *)to, &v, sizeof(v));
	else
		memcpy((void *)to, &v32, sizeof(v32));
}

static inline void set_freepointer(const struct kmem_cache *c, va_t object,
				   va_t next)
{
	write_pointer(c->mem + object, next, c->wide);
}

/*
 * Number of the object that starts at @va; false if none does. The product
 * is exact for every multiple of size within a slab.
 */
static inline bool object_index(const struct kmem_cache *c,
				const struct slab *s, va_t va, unsigned *i)
{
	va_t off = va - s->first;

	*i = (off * c->reciprocal) >> 32;
	return *i < s->objects && (va_t)*i * c->size == off;
}

static inline va_t slab_object_at(const struct kmem_cache *c,
				  const struct slab *s, unsigned i)
{
	return s->first + (va_t)i * c->size;
}

static inline bool is_free_object(const struct kmem_cache *c,
				  const struct slab *s, va_t va)
{
	unsigned i;

	return object_index(c, s, va, &i) && s->state[i] == OBJ_FREE;
}

/* An object changes hands. */
static inline void set_state(const struct kernel *k, struct slab *s, unsigned i,
			     enum slab_object_state state)
{
	s->state[i] = state;
	s->stamp = k->stamp;
}

static inline bool kmem_cache_debug(const struct kmem_cache *c)
{
	return c->flags & SLAB_DEBUG_FLAGS;
}

/* The record of the frame of @va if it is a slab's, or NULL. */
static inline const struct page *virt_to_slab_page(const struct kernel *k,
						   va_t va)
{
	va_t off = va - k->layout.page_offset;
	const struct page *page = pfn_to_page(k, off >> PAGE_SHIFT);

	if (off < k->slab_limit && (page->flags & PG_slab))
		return page;
	return NULL;
}

/* The slab that holds @va, or NULL. */
static inline struct slab *virt_to_slab(const struct kernel *k, va_t va)
{
	const struct page *page = virt_to_slab_page(k, va);

	return page ? page->slab : NULL;
}

/* --- slub.c -----------------------------------------------------------------
 */
/* Sizes, offsets and orders of a cache; -EINVAL if no slab can hold it. */
int slub_calculate_sizes(struct kernel *k, struct kmem_cache *c);
/* The slow ways: the CPU's list is empty, the slab is not the CPU's. */
va_t slab_alloc_slow(struct kernel *k, struct kmem_cache *c, unsigned gfp,
		     unsigned orig_size);
int slab_free_debug(struct kernel *k, struct slab *s, va_t object);
/* After an object came back to a slab that was full, or is empty now. */
int slab_freed(struct kernel *k, struct slab *s, va_t prior);
/* The free pointer of @object leads nowhere: cuts the CPU's list. Returns 0. */
int slab_list_broken(struct kernel *k, struct kmem_cache_cpu *cpu, va_t object,
		     va_t next);

/*
 * Gives the first object of the CPU's list away. What comes next must be a
 * free object, so that the head of the list always is one. (Nothing is done
 * after a call, so that the fast way needs no stack.)
 */
static inline int slab_take(struct kernel *k, struct kmem_cache *c,
			    struct kmem_cache_cpu *cpu, va_t *ret)
{
	va_t object = cpu->freelist, next = get_freepointer(c, object);
	struct slab *s = cpu->slab;
	unsigned i = cpu->index;

	*ret = object;
	set_state(k, s, i, OBJ_USED);
	if (next &&
	    (!object_index(c, s, next, &i) || s->state[i] != OBJ_FREE))
		return slab_list_broken(k, cpu, object, next);
	cpu->index = i;
	cpu->freelist = next;
	return 0;
}

static inline va_t slab_alloc(struct kernel *k, struct kmem_cache *c,
			      unsigned gfp, unsigned orig_size)
{
	struct kmem_cache_cpu *cpu = &c->cpu[k->this_cpu];
	va_t va;

	if (__builtin_expect(!cpu->freelist, 0))
		return slab_alloc_slow(k, c, gfp, orig_size);
	slab_take(k, c, cpu, &va);
	return va;
}

/*
 * Frees an object of a cache that is not debugged: to the CPU's own list, or
 * to the slab's, which mostly stays where it is. -EINVAL: it is none that is
 * in use.
 */
static inline int slab_free_object(struct kernel *k, struct kmem_cache *c,
				   struct slab *s, va_t object)
{
	struct kmem_cache_cpu *cpu = &c->cpu[k->this_cpu];
	va_t prior;
	unsigned i;

	if (!object_index(c, s, object, &i) || s->state[i] != OBJ_USED)
		return -EINVAL;
	set_state(k, s, i, OBJ_FREE);
	if (s == cpu->slab) {
		set_freepointer(c, object, cpu->freelist);
		cpu->freelist = object;
		cpu->index = i;
		return 0;
	}
	prior = s->freelist;
	set_freepointer(c, object, prior);
	s->freelist = object;
	s->inuse--;
	if (s->frozen || (prior && s->inuse))
		return 0;
	return slab_freed(k, s, prior);
}

/* Frees an object of the cache of @s. -EINVAL: a check failed. */
static inline int slab_free(struct kernel *k, struct slab *s, va_t object)
{
	if (kmem_cache_debug(s->cache))
		return slab_free_debug(k, s, object);
	return slab_free_object(k, s->cache, s, object);
}

/* Takes all slabs from all CPUs. */
void slub_flush_all(struct kernel *k, struct kmem_cache *c);
void slub_discard(struct kernel *k, struct slab *s);
/*
 * Makes sense of a slab whose lists cannot be trusted: they end where they
 * are broken, free objects that are on none are given up, the count is right.
 * @cpu_list: the list that a CPU has of it, or NULL.
 */
void slub_settle(struct kernel *k, struct slab *s, va_t *cpu_list);

/* Zones that slabs cannot be in are taken out, and the log says so. */
unsigned kmalloc_fix_flags(struct kernel *k, unsigned gfp);

/* --- slub_debug.c --------------------------------------------------------- */
/* A fresh slab, and a fresh object in it, filled as the flags say. */
void setup_slab_debug(struct kernel *k, struct slab *s);
void setup_object_debug(struct kernel *k, struct slab *s, va_t object);
/* False: the object is not to be given out; what to do is done. */
bool alloc_debug_processing(struct kernel *k, struct slab *s, va_t object,
			    unsigned orig_size);
bool free_debug_processing(struct kernel *k, struct slab *s, va_t object);
void free_slab_checks(struct kernel *k, struct slab *s);
/* A region of an object that the debug checks look at, and what it must hold.
 */
struct slab_region {
	const char *what; /* "Right Redzone" */
	va_t start;
	unsigned len;
	uint8_t val;
	bool fatal; /* Linux looks no further if it is bad */
};
#define SLAB_MAX_REGIONS 6
/* @val: SLUB_RED_ACTIVE or _INACTIVE: in use or free. Returns how many. */
unsigned slab_regions(const struct kernel *k, const struct kmem_cache *c,
		      va_t object, uint8_t val, struct slab_region *ret);
/* The first byte of a region that is not what it must be, or 0. */
va_t slab_region_bad(const struct kernel *k, const struct slab_region *r);
/* What is said of a free pointer that leads nowhere. */
void report_freechain(struct kernel *k, struct slab *s, va_t object, va_t next);
/* "Objects remaining in %s on __kmem_cache_shutdown()" */
void list_slab_objects(struct kernel *k, struct slab *s);
/* The flags that slub_debug= gives to a cache of that name. */
unsigned slub_debug_flags(const struct kernel *k, const char *name);
/* Bytes of the two tracks, and of the request's size behind them. */
unsigned slub_track_bytes(const struct kernel *k, const struct kmem_cache *c);

#endif

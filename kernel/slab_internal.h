/*
 * slab_internal.h - what slub.c, slub_debug.c, slab_common.c and slab_check.c
 * share (as linux mm/slab.h).
 */
#ifndef KERNEL_SLAB_INTERNAL_H
#define KERNEL_SLAB_INTERNAL_H

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
	pfn_t pfn;
	unsigned order, objects, inuse;
	bool frozen;	 /* a CPU's: its slab, or on its partial list */
	uint8_t cpu;	 /* whose */
	uint8_t place;	 /* enum slab_place; SLAB_FULL: maybe on no list */
	uint8_t state[]; /* an enum object_state per object: FREE, USED, LOST */
};

static inline uint8_t *va_host(const struct kernel *k, va_t va)
{
	return k->ram->host + (va - k->layout.page_offset);
}

static inline va_t get_freepointer(const struct kernel *k,
				   const struct kmem_cache *c, va_t object)
{
	const uint8_t *at = va_host(k, object + c->offset);
	uint64_t v64;
	uint32_t v32;

	if (k->arch->word == 8) {
		memcpy(&v64, at, sizeof(v64));
		return v64;
	}
	memcpy(&v32, at, sizeof(v32));
	return v32;
}

static inline void set_freepointer(const struct kernel *k,
				   const struct kmem_cache *c, va_t object,
				   va_t next)
{
	memcpy(va_host(k, object + c->offset), &next,
	       k->arch->word == 8 ? 8 : 4);
}

/*
 * Number of the object that starts at @va; false if none does. The product
 * is exact for every multiple of size within a slab.
 */
static inline bool object_index(const struct kmem_cache *c,
				const struct slab *s, va_t va, unsigned *i)
{
	va_t off = va - s->base - c->red_left_pad;

	*i = (off * c->reciprocal) >> 32;
	return off < (va_t)s->objects * c->size && *i < s->objects &&
	       (va_t)*i * c->size == off;
}

static inline va_t object_at(const struct kmem_cache *c, const struct slab *s,
			     unsigned i)
{
	return s->base + (va_t)i * c->size + c->red_left_pad;
}

static inline bool is_free_object(const struct kmem_cache *c,
				  const struct slab *s, va_t va)
{
	unsigned i;

	return object_index(c, s, va, &i) && s->state[i] == OBJ_FREE;
}

static inline bool kmem_cache_debug(const struct kmem_cache *c)
{
	return c->flags & SLAB_DEBUG_FLAGS;
}

/* The slab that holds @va, or NULL. */
static inline struct slab *virt_to_slab(const struct kernel *k, va_t va)
{
	pfn_t pfn = (va - k->layout.page_offset) >> PAGE_SHIFT;
	const struct page *page = pfn_to_page(k, pfn);

	if (va < k->layout.page_offset || va >= k->layout.high_memory ||
	    pfn >= k->max_pfn || !(page->flags & PG_slab))
		return NULL;
	return page->slab;
}

/* --- slub.c -----------------------------------------------------------------
 */
/* Sizes, offsets and orders of a cache; -EINVAL if no slab can hold it. */
int slub_calculate_sizes(struct kernel *k, struct kmem_cache *c);
va_t slab_alloc(struct kernel *k, struct kmem_cache *c, unsigned gfp,
		unsigned orig_size);
/* Frees an object of the cache of @s. -EINVAL: it is none that is in use. */
int slab_free(struct kernel *k, struct slab *s, va_t object);
/* Takes all slabs from all CPUs. */
void slub_flush_all(struct kernel *k, struct kmem_cache *c);
void slub_discard(struct kernel *k, struct slab *s);
/*
 * Makes sense of a slab whose lists cannot be trusted: they end where they
 * are broken, free objects that are on none are given up, the count is right.
 * @cpu_list: the list that a CPU has of it, or NULL.
 */
void slub_settle(struct kernel *k, struct slab *s, va_t *cpu_list);

/* --- slub_debug.c
 * ------------------------------------------------------------- */
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

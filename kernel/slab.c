/*
 * slab.c - object caches.
 *
 *   cache -> partial -> slab -> slab ...      page->next, page->prev
 *         -> full    -> slab ...
 *   slab: 1 << order frames; page->private objects in use
 *
 *   | obj | free | obj | free |   a free object holds the address of the
 *           |             ^       next one, as a little-endian long in its
 *           `-------------'       middle (SLUB's s->offset)
 *
 * Models mm/slub.c and mm/slab_common.c of Linux 6.1: the order a slab has,
 * free lists in the objects, empty slabs kept up to min_partial. Left out:
 * per-CPU slabs, merging of caches, free-list hardening and randomisation,
 * red zones, debugging, NUMA, memcg.
 *
 * Users may poke any byte of RAM. The free pointers are therefore hints: the
 * host's struct slab knows which objects are in use, and a pointer that does
 * not lead to a free object of the slab is replaced by a search.
 */
#include "kernel/slab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/internal.h"
#include "kernel/page_alloc.h"

#define SLUB_MAX_ORDER 3

struct slab {	       /* host side of one slab */
	va_t base;     /* address of object 0 */
	va_t freelist; /* first free object, 0: none */
	unsigned objects;
	uint64_t used[]; /* bit per object */
};

static const struct kmalloc_size {
	unsigned size;
	const char *name, *dma_name;
} kmalloc_sizes[] = {
	{ 8, "kmalloc-8", "dma-kmalloc-8" },
	{ 16, "kmalloc-16", "dma-kmalloc-16" },
	{ 32, "kmalloc-32", "dma-kmalloc-32" },
	{ 64, "kmalloc-64", "dma-kmalloc-64" },
	{ 96, "kmalloc-96", "dma-kmalloc-96" },
	{ 128, "kmalloc-128", "dma-kmalloc-128" },
	{ 192, "kmalloc-192", "dma-kmalloc-192" },
	{ 256, "kmalloc-256", "dma-kmalloc-256" },
	{ 512, "kmalloc-512", "dma-kmalloc-512" },
	{ 1024, "kmalloc-1k", "dma-kmalloc-1k" },
	{ 2048, "kmalloc-2k", "dma-kmalloc-2k" },
	{ 4096, "kmalloc-4k", "dma-kmalloc-4k" },
	{ 8192, "kmalloc-8k", "dma-kmalloc-8k" },
};

/* --- caches ------------------------------------------------------------- */

static unsigned fls(unsigned x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static unsigned get_order(uint64_t size)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

/* The least order that holds @min objects and wastes at most 1/@fraction. */
static unsigned slab_order(unsigned size, unsigned min, unsigned max_order,
			   unsigned fraction)
{
	unsigned order = get_order((uint64_t)min * size);

	for (; order <= max_order; order++) {
		uint64_t bytes = PAGE_SIZE << order;

		if (bytes % size <= bytes / fraction)
			break;
	}
	return order;
}

/* Linux calculate_order(): more CPUs want more objects in a slab. */
static unsigned calculate_order(unsigned size, unsigned cpus)
{
	unsigned min = 4 * (fls(cpus) + 1);
	unsigned max = (PAGE_SIZE << SLUB_MAX_ORDER) / size;

	for (min = min < max ? min : max; min > 1; min--)
		for (unsigned fraction = 16; fraction >= 4; fraction /= 2) {
			unsigned order =
				slab_order(size, min, SLUB_MAX_ORDER, fraction);

			if (order <= SLUB_MAX_ORDER)
				return order;
		}
	return slab_order(size, 1, MAX_ORDER - 1, 1);
}

static unsigned min_partial(unsigned size)
{
	unsigned n = (fls(size) - 1) / 2;

	return n < 5 ? 5 : n > 10 ? 10 : n;
}

static struct kmem_cache *cache_create(struct kernel *k, const char *name,
				       unsigned size, unsigned gfp)
{
	unsigned word = k->arch->word;
	struct kmem_cache *c = calloc(1, sizeof(*c));

	assert(c && size > 0);
	c->name = name;
	c->object_size = size;
	c->size = ALIGN_UP(size, word);
	c->order = calculate_order(c->size, k->machine->ncpus);
	c->objects = (PAGE_SIZE << c->order) / c->size;
	c->offset = ALIGN_DOWN(size / 2, word);
	c->min_partial = min_partial(c->size);
	c->partial = c->full = PFN_NONE;
	c->gfp = gfp;
	TAILQ_INSERT_TAIL(&k->slab_caches, c, link);
	return c;
}

static struct kmem_cache *cache_find(struct kernel *k, const char *name)
{
	struct kmem_cache *c;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

struct kmem_cache *kmem_cache_get(struct kernel *k, const char *name,
				  unsigned size)
{
	struct kmem_cache *c = cache_find(k, name);

	return c ? c : cache_create(k, name, size, 0);
}

void slab_init(struct kernel *k)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		cache_create(k, kmalloc_sizes[i].name, kmalloc_sizes[i].size,
			     0);
}

static void free_host_slabs(struct kernel *k, uint32_t pfn)
{
	for (; pfn != PFN_NONE; pfn = pfn_to_page(k, pfn)->next)
		free(pfn_to_page(k, pfn)->slab);
}

void slab_deinit(struct kernel *k)
{
	struct kmem_cache *c;

	while ((c = TAILQ_FIRST(&k->slab_caches))) {
		TAILQ_REMOVE(&k->slab_caches, c, link);
		free_host_slabs(k, c->partial);
		free_host_slabs(k, c->full);
		free(c);
	}
}

/* --- lists of slabs ----------------------------------------------------- */

static void slab_list_add(struct kernel *k, uint32_t *head, uint32_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	page->prev = PFN_NONE;
	page->next = *head;
	if (*head != PFN_NONE)
		pfn_to_page(k, *head)->prev = pfn;
	*head = pfn;
}

static void slab_list_del(struct kernel *k, uint32_t *head, uint32_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (page->next != PFN_NONE)
		pfn_to_page(k, page->next)->prev = page->prev;
	if (page->prev != PFN_NONE)
		pfn_to_page(k, page->prev)->next = page->next;
	else
		*head = page->next;
}

/* --- objects of one slab ------------------------------------------------ */

static bool is_used(const struct slab *s, unsigned i)
{
	return s->used[i / 64] >> (i % 64) & 1;
}

static void flip_used(struct slab *s, unsigned i)
{
	s->used[i / 64] ^= BIT(i % 64);
}

/* Is @va the start of an object of @s? Its number in *i. */
static bool object_number(const struct kmem_cache *c, const struct slab *s,
			  va_t va, unsigned *i)
{
	va_t off = va - s->base;

	*i = off / c->size;
	return va >= s->base && off % c->size == 0 && *i < s->objects;
}

static pa_t free_pointer(const struct kernel *k, const struct kmem_cache *c,
			 va_t object)
{
	return kernel_pa(k, object) + c->offset;
}

/* The first free object; found without the free list if that is broken. */
static unsigned first_free(const struct kmem_cache *c, const struct slab *s)
{
	unsigned i;

	if (object_number(c, s, s->freelist, &i) && !is_used(s, i))
		return i;
	for (i = 0; is_used(s, i); i++)
		;
	return i;
}

static struct slab *slab_create(struct kernel *k, struct kmem_cache *c,
				pfn_t pfn)
{
	struct slab *s = calloc(1, sizeof(*s) + (c->objects + 63) / 64 * 8);
	unsigned word = k->arch->word;

	assert(s);
	s->base = kernel_va(k, pfn << PAGE_SHIFT);
	s->objects = c->objects;
	s->freelist = s->base;
	for (unsigned i = 0; i < s->objects; i++) {
		va_t at = s->base + (va_t)i * c->size;
		va_t next = i + 1 < s->objects ? at + c->size : 0;

		ram_write(k->ram, free_pointer(k, c, at), word, next);
	}
	return s;
}

/* A new slab on the partial list. Returns its first pfn, or PFN_NONE. */
static pfn_t new_slab(struct kernel *k, struct kmem_cache *c)
{
	pfn_t pfn = alloc_pages(k, GFP_KERNEL | c->gfp, c->order, "slab");

	if (pfn == PFN_NONE)
		return PFN_NONE;
	for (pfn_t p = pfn; p < pfn + (1ULL << c->order); p++) {
		pfn_to_page(k, p)->flags |= PG_slab;
		pfn_to_page(k, p)->slab_cache = c;
	}
	pfn_to_page(k, pfn)->slab = slab_create(k, c, pfn);
	slab_list_add(k, &c->partial, pfn);
	c->nr_slabs++;
	c->nr_partial++;
	return pfn;
}

static void discard_slab(struct kernel *k, struct kmem_cache *c, pfn_t pfn)
{
	slab_list_del(k, &c->partial, pfn);
	c->nr_slabs--;
	c->nr_partial--;
	free(pfn_to_page(k, pfn)->slab);
	free_pages(k, pfn, c->order);
}

va_t kmem_cache_alloc(struct kernel *k, struct kmem_cache *c)
{
	pfn_t pfn = c->partial != PFN_NONE ? c->partial : new_slab(k, c);

	if (pfn == PFN_NONE)
		return 0;
	struct page *page = pfn_to_page(k, pfn);
	struct slab *s = page->slab;
	unsigned i = first_free(c, s);
	va_t object = s->base + (va_t)i * c->size;

	flip_used(s, i);
	s->freelist =
		ram_read(k->ram, free_pointer(k, c, object), k->arch->word);
	c->active++;
	if (++page->private == s->objects) {
		slab_list_del(k, &c->partial, pfn);
		slab_list_add(k, &c->full, pfn);
		c->nr_partial--;
	}
	return object;
}

/* The first frame of the slab that holds @va, or PFN_NONE. */
static pfn_t slab_of(const struct kernel *k, va_t va)
{
	pfn_t pfn = kernel_pa(k, va) >> PAGE_SHIFT;

	if (!kernel_virt_ok(k, va) || !pfn_valid(k, pfn) ||
	    !(pfn_to_page(k, pfn)->flags & PG_slab))
		return PFN_NONE;
	return ALIGN_DOWN(pfn, 1ULL << pfn_to_page(k, pfn)->slab_cache->order);
}

static void free_object(struct kernel *k, struct kmem_cache *c, pfn_t pfn,
			unsigned i)
{
	struct page *page = pfn_to_page(k, pfn);
	struct slab *s = page->slab;
	va_t object = s->base + (va_t)i * c->size;

	if (page->private == s->objects) {
		slab_list_del(k, &c->full, pfn);
		slab_list_add(k, &c->partial, pfn);
		c->nr_partial++;
	}
	ram_write(k->ram, free_pointer(k, c, object), k->arch->word,
		  s->freelist);
	s->freelist = object;
	flip_used(s, i);
	page->private --;
	c->active--;
	if (!page->private && c->nr_partial > c->min_partial)
		discard_slab(k, c, pfn);
}

void kmem_cache_free(struct kernel *k, struct kmem_cache *c, va_t va)
{
	pfn_t pfn = slab_of(k, va);
	unsigned i;

	assert(pfn != PFN_NONE && pfn_to_page(k, pfn)->slab_cache == c);
	assert(object_number(c, pfn_to_page(k, pfn)->slab, va, &i));
	assert(is_used(pfn_to_page(k, pfn)->slab, i));
	free_object(k, c, pfn, i);
}

/* --- kmalloc ------------------------------------------------------------ */

static struct kmem_cache *kmalloc_cache(struct kernel *k, uint64_t size,
					unsigned gfp)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++) {
		const struct kmalloc_size *s = &kmalloc_sizes[i];
		const char *name = gfp & GFP_DMA ? s->dma_name : s->name;
		struct kmem_cache *c;

		if (size > s->size)
			continue;
		c = cache_find(k, name);
		return c ? c : cache_create(k, name, s->size, GFP_DMA);
	}
	return NULL;
}

/* Whole frames: the head keeps the order. */
static int kmalloc_large(struct kernel *k, uint64_t size, unsigned gfp,
			 va_t *ret)
{
	unsigned order = get_order(size);
	pfn_t pfn = alloc_pages(k, gfp & ~GFP_HIGHUSER, order, "kmalloc");

	if (pfn == PFN_NONE)
		return -ENOMEM;
	pfn_to_page(k, pfn)->flags |= PG_kmalloc;
	pfn_to_page(k, pfn)->private = order;
	*ret = kernel_va(k, pfn << PAGE_SHIFT);
	return 0;
}

int kmalloc(struct kernel *k, uint64_t size, unsigned gfp, va_t *ret)
{
	struct kmem_cache *c;
	va_t va;

	if (size > KMALLOC_MAX_SIZE)
		return -ENOMEM;
	if (!size) {
		*ret = ZERO_SIZE_PTR;
		return 0;
	}
	c = kmalloc_cache(k, size, gfp);
	if (!c)
		return kmalloc_large(k, size, gfp, ret);
	va = kmem_cache_alloc(k, c);
	if (!va)
		return -ENOMEM;
	if (gfp & GFP_ZERO)
		memset(k->ram->host + kernel_pa(k, va), 0, c->object_size);
	*ret = va;
	return 0;
}

/* The head of a large kmalloc that starts at @va, or NULL. */
static struct page *large_page(struct kernel *k, va_t va)
{
	pfn_t pfn = kernel_pa(k, va) >> PAGE_SHIFT;
	struct page *page;

	if (!kernel_virt_ok(k, va) || !pfn_valid(k, pfn) ||
	    va & (PAGE_SIZE - 1))
		return NULL;
	page = pfn_to_page(k, pfn);
	return page->flags & PG_kmalloc ? page : NULL;
}

/* Is @c one of the kmalloc caches, whose objects kfree() may free? */
static bool is_kmalloc_cache(const struct kmem_cache *c)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		if (!strcmp(c->name, kmalloc_sizes[i].name) ||
		    !strcmp(c->name, kmalloc_sizes[i].dma_name))
			return true;
	return false;
}

/* The cache of the live kmalloc object at @va, or NULL. */
static struct kmem_cache *live_object(struct kernel *k, va_t va, pfn_t *pfn,
				      unsigned *i)
{
	struct kmem_cache *c;

	*pfn = slab_of(k, va);
	if (*pfn == PFN_NONE)
		return NULL;
	struct page *page = pfn_to_page(k, *pfn);

	c = page->slab_cache;
	if (!is_kmalloc_cache(c) || !object_number(c, page->slab, va, i) ||
	    !is_used(page->slab, *i))
		return NULL;
	return c;
}

int kfree(struct kernel *k, va_t va)
{
	struct page *large = large_page(k, va);
	struct kmem_cache *c;
	unsigned i;
	pfn_t pfn;

	if (ZERO_OR_NULL_PTR(va))
		return 0;
	if (large) {
		free_pages(k, page_to_pfn(k, large), large->private);
		return 0;
	}
	c = live_object(k, va, &pfn, &i);
	if (!c)
		return -EINVAL;
	free_object(k, c, pfn, i);
	return 0;
}

uint64_t ksize(struct kernel *k, va_t va)
{
	const struct page *large = large_page(k, va);
	const struct kmem_cache *c;
	unsigned i;
	pfn_t pfn;

	if (large)
		return PAGE_SIZE << large->private;
	c = live_object(k, va, &pfn, &i);
	return c ? c->object_size : 0;
}

const struct kmem_cache *slab_lookup(struct kernel *k, va_t va, va_t *object,
				     bool *in_use)
{
	pfn_t pfn = slab_of(k, va);

	if (pfn == PFN_NONE)
		return NULL;
	const struct page *page = pfn_to_page(k, pfn);
	const struct kmem_cache *c = page->slab_cache;
	unsigned i = (va - page->slab->base) / c->size;

	if (i >= page->slab->objects)
		return NULL; /* the waste at the end of the slab */
	*object = page->slab->base + (va_t)i * c->size;
	*in_use = is_used(page->slab, i);
	return c;
}

/* --- check -------------------------------------------------------------- */

/* Follows the free list through simulated RAM, as far as it makes sense. */
static unsigned count_free_list(const struct kernel *k,
				const struct kmem_cache *c,
				const struct slab *s)
{
	va_t at = s->freelist;
	unsigned n = 0, i;

	while (n < s->objects && object_number(c, s, at, &i) &&
	       !is_used(s, i)) {
		n++;
		at = ram_read(k->ram, free_pointer(k, c, at), k->arch->word);
	}
	return at ? ~0U : n;
}

static unsigned check_slab(struct checker *chk, const struct kernel *k,
			   const struct kmem_cache *c, uint32_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);
	const struct slab *s = page->slab;
	unsigned used = 0, nfree;

	if (!(page->flags & PG_slab) || page->slab_cache != c) {
		check_finding(chk,
			      "cache %s: pfn 0x%x is on its list, its record "
			      "says otherwise",
			      c->name, pfn);
		return 0;
	}
	for (unsigned i = 0; i < s->objects; i++)
		used += is_used(s, i);
	nfree = count_free_list(k, c, s);
	if (nfree == ~0U)
		check_finding(chk,
			      "cache %s: the free list of the slab at pfn 0x%x "
			      "leads to no free object",
			      c->name, pfn);
	else if (nfree != s->objects - used)
		check_finding(chk,
			      "cache %s: slab at pfn 0x%x: free list holds %u, "
			      "%u objects are free",
			      c->name, pfn, nfree, s->objects - used);
	if (page->private != used)
		check_finding(
			chk,
			"cache %s: slab at pfn 0x%x: inuse %u, %u objects "
			"are in use",
			c->name, pfn, page->private, used);
	return used;
}

static void check_cache(struct checker *chk, const struct kernel *k,
			const struct kmem_cache *c)
{
	const uint32_t head[] = { c->partial, c->full };
	uint64_t slabs = 0, active = 0;

	for (unsigned l = 0; l < ARRAY_SIZE(head); l++) {
		uint32_t pfn = head[l];

		for (; pfn != PFN_NONE && slabs <= c->nr_slabs; slabs++) {
			active += check_slab(chk, k, c, pfn);
			pfn = pfn_to_page(k, pfn)->next;
		}
	}
	if (slabs != c->nr_slabs || active != c->active)
		check_finding(chk,
			      "cache %s: %llu slabs with %llu objects, lists "
			      "hold %llu with %llu",
			      c->name, (unsigned long long)c->nr_slabs,
			      (unsigned long long)c->active,
			      (unsigned long long)slabs,
			      (unsigned long long)active);
}

unsigned slab_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker chk = { fn, ctx, 0 };
	const struct kmem_cache *c;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		check_cache(&chk, k, c);
	return chk.found;
}

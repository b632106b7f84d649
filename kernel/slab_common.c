/*
 * slab_common.c - caches come and go, kmalloc (linux 6.1 mm/slab_common.c).
 *
 * Sizes, alignments and flags of the named caches are those of Debian's 6.1
 * kernels (686, 686-pae, amd64), read from /proc/slabinfo and
 * /sys/kernel/slab on QEMU's qemu64 CPU; tests/golden/linux-slab.tsv has them.
 * The size of task_struct depends on the CPU's FPU state, and that of a
 * kernel with other options differs.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/printk.h"
#include "kernel/slab_internal.h"

#define CACHE_LINE    64
#define SLAB_MINALIGN 8 /* of a long long */

const struct flag_name slab_flag_names[] = {
	{ SLAB_CONSISTENCY_CHECKS, "SLAB_CONSISTENCY_CHECKS", NULL },
	{ SLAB_RED_ZONE, "SLAB_RED_ZONE", NULL },
	{ SLAB_POISON, "SLAB_POISON", NULL },
	{ SLAB_STORE_USER, "SLAB_STORE_USER", NULL },
	{ SLAB_HWCACHE_ALIGN, "SLAB_HWCACHE_ALIGN", NULL },
	{ SLAB_CACHE_DMA, "SLAB_CACHE_DMA", NULL },
	{ SLAB_CACHE_DMA32, "SLAB_CACHE_DMA32", NULL },
	{ SLAB_RECLAIM_ACCOUNT, "SLAB_RECLAIM_ACCOUNT", NULL },
	{ SLAB_PANIC, "SLAB_PANIC", NULL },
	{ SLAB_TYPESAFE_BY_RCU, "SLAB_TYPESAFE_BY_RCU", NULL },
	{ SLAB_ACCOUNT, "SLAB_ACCOUNT", NULL },
	{ 0, NULL, NULL },
};

/* --- a cache ----------------------------------------------------------------
 */

static unsigned calculate_alignment(unsigned flags, unsigned align,
				    unsigned size)
{
	unsigned line = CACHE_LINE;

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (size <= line / 2)
			line /= 2;
		align = align > line ? align : line;
	}
	return align > SLAB_MINALIGN ? align : SLAB_MINALIGN;
}

static void init_lists(struct kernel *k, struct kmem_cache *c)
{
	TAILQ_INIT(&c->slabs);
	TAILQ_INIT(&c->partial);
	TAILQ_INIT(&c->full);
	for (unsigned i = 0; i < k->machine->ncpus; i++)
		TAILQ_INIT(&c->cpu[i].partial);
}

static int cache_create(struct kernel *k, const char *name, unsigned size,
			unsigned align, unsigned flags, struct kmem_cache **ret)
{
	struct kmem_cache *c =
		calloc(1, sizeof(*c) + k->machine->ncpus * sizeof(c->cpu[0]));

	assert(c);
	c->object_size = size;
	c->align = calculate_alignment(flags, align, size);
	c->flags = flags | slub_debug_flags(k, name);
	if (slub_calculate_sizes(k, c)) {
		free(c);
		return -EINVAL;
	}
	c->name = strdup(name);
	assert(c->name);
	c->gfp = flags & SLAB_CACHE_DMA	    ? GFP_DMA
		 : flags & SLAB_CACHE_DMA32 ? GFP_DMA32
					    : 0;
	init_lists(k, c);
	TAILQ_INSERT_HEAD(&k->slab_caches, c, link);
	*ret = c;
	return 0;
}

static void cache_free(struct kernel *k, struct kmem_cache *c)
{
	TAILQ_REMOVE(&k->slab_caches, c, link);
	free(c->name);
	free(c);
}

struct kmem_cache *kmem_cache_find(struct kernel *k, const char *name)
{
	struct kmem_cache *c;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* --- the kernel's caches -------------------------------------------------- */

static const struct named_cache {
	int cache; /* enum mm_cache, or -1 */
	const char *name;
	unsigned size32, size_pae, size64, align, flags;
} named_caches[] = {
	/* in the order of boot */
	{ CACHE_VMAP_AREA, "vmap_area", 32, 32, 64, 0, SLAB_PANIC },
	{ CACHE_MM, "mm_struct", 564, 564, 1096, 0,
	  SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_PID, "pid", 60, 60, 112, 0,
	  SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_ANON_VMA, "anon_vma", 52, 52, 96, 0,
	  SLAB_TYPESAFE_BY_RCU | SLAB_PANIC | SLAB_ACCOUNT | SLAB_CTOR },
	{ CACHE_AVC, "anon_vma_chain", 32, 32, 64, 0,
	  SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_TASK, "task_struct", 2944, 3008, 6208, CACHE_LINE,
	  SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_VMA, "vm_area_struct", 72, 76, 152, 0,
	  SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_INODE, "inode_cache", 408, 408, 632, 0,
	  SLAB_RECLAIM_ACCOUNT | SLAB_PANIC | SLAB_ACCOUNT | SLAB_CTOR },
	{ CACHE_FILP, "filp", 160, 160, 232, 0,
	  SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_FILES, "files_cache", 256, 256, 704, 0,
	  SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT },
	{ CACHE_SHMEM_INODE, "shmem_inode_cache", 480, 480, 776, 0,
	  SLAB_PANIC | SLAB_ACCOUNT | SLAB_CTOR },
};

static unsigned named_size(const struct kernel *k, const struct named_cache *n)
{
	if (k->arch->word == 8)
		return n->size64;
	return k->mode->nlevels > 2 ? n->size_pae : n->size32;
}

static const struct kmalloc_type {
	const char *prefix;
	unsigned flags;
} kmalloc_types[NR_KMALLOC_TYPES] = {
	[KMALLOC_NORMAL] = { "kmalloc", 0 },
	[KMALLOC_CGROUP] = { "kmalloc-cg", SLAB_ACCOUNT },
	[KMALLOC_RECLAIM] = { "kmalloc-rcl", SLAB_RECLAIM_ACCOUNT },
	[KMALLOC_DMA] = { "dma-kmalloc", SLAB_CACHE_DMA },
};

/* By Linux' index: 2^index bytes, but for the two odd ones. */
static const struct {
	unsigned index, size;
	const char *name;
} kmalloc_sizes[] = {
	{ 3, 8, "8" },	    { 4, 16, "16" },	{ 5, 32, "32" },
	{ 6, 64, "64" },    { 1, 96, "96" },	{ 7, 128, "128" },
	{ 2, 192, "192" },  { 8, 256, "256" },	{ 9, 512, "512" },
	{ 10, 1024, "1k" }, { 11, 2048, "2k" }, { 12, 4096, "4k" },
	{ 13, 8192, "8k" },
};

/* Powers of two are aligned to their size, with slub_debug as well. */
static void create_kmalloc_cache(struct kernel *k, unsigned type, unsigned i)
{
	const struct kmalloc_type *t = &kmalloc_types[type];
	unsigned size = kmalloc_sizes[i].size;
	unsigned align = size & (size - 1) ? 0 : size;
	char name[32];

	snprintf(name, sizeof(name), "%s-%s", t->prefix, kmalloc_sizes[i].name);
	cache_create(k, name, size, align, t->flags | SLAB_KMALLOC,
		     &k->kmalloc_caches[type][kmalloc_sizes[i].index]);
}

void slab_init(struct kernel *k)
{
	bool wide = k->arch->word == 8;
	struct kmem_cache *c;

	k->slab_limit = (va_t)k->max_pfn << PAGE_SHIFT;
	if (k->slab_limit > k->layout.high_memory - k->layout.page_offset)
		k->slab_limit = k->layout.high_memory - k->layout.page_offset;
	cache_create(k, "kmem_cache", wide ? 224 : 140, 0, SLAB_HWCACHE_ALIGN,
		     &c);
	cache_create(k, "kmem_cache_node", wide ? 64 : 32, wide ? 64 : 32,
		     SLAB_HWCACHE_ALIGN, &c);
	for (unsigned type = 0; type < NR_KMALLOC_TYPES; type++)
		for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
			create_kmalloc_cache(k, type, i);
	for (unsigned i = 0; i < ARRAY_SIZE(named_caches); i++) {
		const struct named_cache *n = &named_caches[i];

		cache_create(k, n->name, named_size(k, n), n->align, n->flags,
			     &k->mm_cache[n->cache]);
	}
}

void slab_deinit(struct kernel *k)
{
	struct kmem_cache *c;
	struct slab *s;

	while ((c = TAILQ_FIRST(&k->slab_caches))) {
		while ((s = TAILQ_FIRST(&c->slabs))) {
			TAILQ_REMOVE(&c->slabs, s, all);
			free(s);
		}
		cache_free(k, c);
	}
}

/* --- caches of others ----------------------------------------------------- */

/* The structs that describe a cache come from caches themselves. */
static int charge_cache(struct kernel *k, struct kmem_cache *c)
{
	struct kmem_cache *caches = kmem_cache_find(k, "kmem_cache");
	struct kmem_cache *nodes = kmem_cache_find(k, "kmem_cache_node");

	c->object = kmem_cache_alloc(k, caches);
	if (!c->object)
		return -ENOMEM;
	c->node_object = kmem_cache_alloc(k, nodes);
	if (c->node_object)
		return 0;
	kmem_cache_free(k, caches, c->object);
	return -ENOMEM;
}

int kmem_cache_create(struct kernel *k, const char *name, unsigned size,
		      unsigned align, unsigned flags, struct kmem_cache **ret)
{
	struct kmem_cache *c;
	int rc;

	if (!size || size > KMALLOC_MAX_SIZE || align > KMALLOC_MAX_SIZE ||
	    (align & (align - 1)))
		return -EINVAL;
	if (kmem_cache_find(k, name))
		return -EEXIST;
	rc = cache_create(k, name, size, align, flags, &c);
	if (rc < 0)
		return rc;
	c->own = true;
	rc = charge_cache(k, c);
	if (rc < 0)
		cache_free(k, c);
	else
		*ret = c;
	return rc;
}

/* Linux __kmem_cache_shutdown(): the empty slabs go, the others are told. */
static bool cache_shutdown(struct kernel *k, struct kmem_cache *c)
{
	struct slab *s;

	kmem_cache_shrink(k, c);
	TAILQ_FOREACH (s, &c->partial, list)
		list_slab_objects(k, s);
	return !c->nr_slabs;
}

int kmem_cache_destroy(struct kernel *k, struct kmem_cache *c)
{
	if (!c->own)
		return -EPERM;
	if (!cache_shutdown(k, c)) {
		printk(k,
		       "kmem_cache_destroy %s: Slab cache still has objects "
		       "when called from mmsh",
		       c->name);
		return -EBUSY;
	}
	kmem_cache_free(k, kmem_cache_find(k, "kmem_cache"), c->object);
	kmem_cache_free(k, kmem_cache_find(k, "kmem_cache_node"),
			c->node_object);
	cache_free(k, c);
	return 0;
}

struct kmem_cache *kmem_cache_get(struct kernel *k, const char *name,
				  unsigned size)
{
	struct kmem_cache *c = kmem_cache_find(k, name);

	if (!c)
		cache_create(k, name, size, 0, 0, &c);
	return c;
}

va_t kmem_cache_alloc(struct kernel *k, struct kmem_cache *c)
{
	return slab_alloc(k, c, GFP_KERNEL, c->object_size);
}

int kmem_cache_free(struct kernel *k, struct kmem_cache *c, va_t va)
{
	struct slab *s = virt_to_slab(k, va);

	return s && s->cache == c ? slab_free(k, s, va) : -EINVAL;
}

/* --- kmalloc -------------------------------------------------------------- */

static unsigned kmalloc_type(unsigned gfp)
{
	if (gfp & GFP_DMA)
		return KMALLOC_DMA;
	if (gfp & __GFP_RECLAIMABLE)
		return KMALLOC_RECLAIM;
	if (gfp & __GFP_ACCOUNT)
		return KMALLOC_CGROUP;
	return KMALLOC_NORMAL;
}

static unsigned kmalloc_index(uint64_t size)
{
	static const uint8_t small[24] = {
		3, 4, 5, 5, 6, 6, 6, 6, 1, 1, 1, 1,
		7, 7, 7, 7, 2, 2, 2, 2, 2, 2, 2, 2,
	};

	return size <= 192 ? small[(size - 1) / 8]
			   : 64 - __builtin_clzll(size - 1);
}

unsigned kmalloc_fix_flags(struct kernel *k, unsigned gfp)
{
	unsigned bad = gfp & (__GFP_HIGHMEM | __GFP_DMA32);
	char was[100], now[100];

	if (bad)
		printk(k,
		       "Unexpected gfp: 0x%x (%s). Fixing up to gfp: 0x%x "
		       "(%s). Fix your code!",
		       bad, gfp_format(was, sizeof(was), bad), gfp & ~bad,
		       gfp_format(now, sizeof(now), gfp & ~bad));
	return gfp & ~bad;
}

/* Whole frames: the head keeps the order. */
static int kmalloc_large(struct kernel *k, uint64_t size, unsigned gfp,
			 va_t *ret)
{
	unsigned order = 0;
	pfn_t pfn;

	while (PAGE_SIZE << order < size)
		order++;
	pfn = alloc_pages(k, kmalloc_fix_flags(k, gfp), order, "kmalloc");
	if (pfn == PFN_NONE)
		return -ENOMEM;
	pfn_to_page(k, pfn)->flags |= PG_kmalloc;
	pfn_to_page(k, pfn)->private = order;
	*ret = kernel_va(k, pfn << PAGE_SHIFT);
	return 0;
}

static int kmalloc_slow(struct kernel *k, uint64_t size, unsigned gfp,
			va_t *ret)
{
	struct kmem_cache *c;
	va_t va;

	if (size > KMALLOC_MAX_SIZE)
		return -ENOMEM;
	if (size > KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_large(k, size, gfp, ret);
	if (!size) {
		*ret = ZERO_SIZE_PTR;
		return 0;
	}
	c = k->kmalloc_caches[kmalloc_type(gfp)][kmalloc_index(size)];
	va = slab_alloc(k, c, gfp & ~__GFP_ZERO, size);
	if (!va)
		return -ENOMEM;
	if (gfp & __GFP_ZERO)
		memset(va_host(k, va), 0, c->object_size);
	*ret = va;
	return 0;
}

int kmalloc(struct kernel *k, uint64_t size, unsigned gfp, va_t *ret)
{
	struct kmem_cache_cpu *cpu;
	struct kmem_cache *c;

	if (gfp != GFP_KERNEL || size - 1 >= KMALLOC_MAX_CACHE_SIZE)
		return kmalloc_slow(k, size, gfp, ret);
	c = k->kmalloc_caches[KMALLOC_NORMAL][kmalloc_index(size)];
	cpu = &c->cpu[k->this_cpu];
	if (__builtin_expect(!cpu->freelist, 0))
		return kmalloc_slow(k, size, gfp, ret);
	return slab_take(k, c, cpu, ret);
}

/* The head of a large kmalloc that starts at @va, or NULL. */
static struct page *large_page(struct kernel *k, va_t va)
{
	pfn_t pfn = (va - k->layout.page_offset) >> PAGE_SHIFT;
	struct page *page;

	if (va & (PAGE_SIZE - 1) || !kernel_virt_ok(k, va) ||
	    !pfn_valid(k, pfn))
		return NULL;
	page = pfn_to_page(k, pfn);
	return page->flags & PG_kmalloc ? page : NULL;
}

static int kfree_large(struct kernel *k, va_t va)
{
	struct page *large;

	if (ZERO_OR_NULL_PTR(va))
		return 0;
	large = large_page(k, va);
	if (!large)
		return -EINVAL;
	free_pages(k, page_to_pfn(k, large), large->private);
	return 0;
}

/* The object of a cache that is debugged, or that kfree() is not for. */
static __attribute__((noinline)) int kfree_slow(struct kernel *k,
						struct slab *s, va_t va)
{
	return s->cache->flags & SLAB_KMALLOC ? slab_free(k, s, va) : -EINVAL;
}

int kfree(struct kernel *k, va_t va)
{
	const struct page *page = virt_to_slab_page(k, va);
	struct kmem_cache *c;
	struct slab *s;

	if (__builtin_expect(!page, 0))
		return kfree_large(k, va);
	s = page->slab;
	c = s->cache;
	if ((c->flags & (SLAB_KMALLOC | SLAB_DEBUG_FLAGS)) != SLAB_KMALLOC)
		return kfree_slow(k, s, va);
	return slab_free_object(k, c, s, va);
}

/* The cache of the live kmalloc object at @va, or NULL. */
static struct kmem_cache *live_object(struct kernel *k, va_t va)
{
	struct slab *s = virt_to_slab(k, va);
	unsigned i;

	if (!s || !(s->cache->flags & SLAB_KMALLOC) ||
	    !object_index(s->cache, s, va, &i) || s->state[i] != OBJ_USED)
		return NULL;
	return s->cache;
}

uint64_t ksize(struct kernel *k, va_t va)
{
	const struct kmem_cache *c = live_object(k, va);
	const struct page *large;

	if (!c) {
		large = large_page(k, va);
		return large ? PAGE_SIZE << large->private : 0;
	}
	if (c->flags & (SLAB_RED_ZONE | SLAB_POISON))
		return c->object_size;
	return c->flags & SLAB_STORE_USER ? c->inuse : c->size;
}

int krealloc(struct kernel *k, va_t va, uint64_t size, unsigned gfp, va_t *ret)
{
	uint64_t old = ksize(k, va);
	int rc;

	if (!old && !ZERO_OR_NULL_PTR(va))
		return -EINVAL;
	if (!size) {
		rc = kfree(k, va);
		*ret = ZERO_SIZE_PTR;
		return rc;
	}
	if (old >= size) {
		*ret = va;
		return 0;
	}
	rc = kmalloc(k, size, gfp, ret);
	if (rc < 0 || !old)
		return rc;
	memcpy(va_host(k, *ret), va_host(k, va), old);
	kfree(k, va);
	return 0;
}

/*
 * slub_sizes.c - what an object takes, and how many make a slab (linux 6.1
 * mm/slub.c: calculate_sizes(), calculate_order(), set_cpu_partial()).
 */
#include <errno.h>

#include "kernel/slab_internal.h"

#define SLUB_MAX_ORDER 3 /* PAGE_ALLOC_COSTLY_ORDER */
#define MIN_PARTIAL    5
#define MAX_PARTIAL    10

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
static unsigned calc_slab_order(unsigned size, unsigned min, unsigned max_order,
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

/* More CPUs want more objects in a slab. */
static unsigned calculate_order(unsigned size, unsigned cpus)
{
	unsigned min = 4 * (fls(cpus) + 1), order;
	unsigned max = (PAGE_SIZE << SLUB_MAX_ORDER) / size;

	for (min = min < max ? min : max; min > 1; min--)
		for (unsigned fraction = 16; fraction >= 4; fraction /= 2) {
			order = calc_slab_order(size, min, SLUB_MAX_ORDER,
						fraction);
			if (order <= SLUB_MAX_ORDER)
				return order;
		}
	order = calc_slab_order(size, 1, SLUB_MAX_ORDER, 1);
	return order <= SLUB_MAX_ORDER ? order
				       : calc_slab_order(size, 1, MAX_ORDER, 1);
}

unsigned slub_track_bytes(const struct kernel *k, const struct kmem_cache *c)
{
	unsigned n = 0;

	if (c->flags & SLAB_STORE_USER) {
		n = 2 * (k->arch->word == 8 ? 32 : 20);
		if (c->flags & SLAB_KMALLOC)
			n += 4; /* the size that was asked for */
	}
	return n;
}

/* Where the free pointer is, and where extras begin. Returns bytes so far. */
static unsigned place_freepointer(struct kmem_cache *c, unsigned word)
{
	unsigned size = ALIGN_UP(c->object_size, word);

	if ((c->flags & SLAB_RED_ZONE) && size == c->object_size)
		size += word;
	c->inuse = size;
	if (!(c->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_POISON | SLAB_CTOR)) &&
	    !((c->flags & SLAB_RED_ZONE) && c->object_size < word)) {
		c->offset = ALIGN_DOWN(c->object_size / 2, word);
		return size;
	}
	c->offset = size;
	return size + word;
}

static void set_cpu_partial(struct kmem_cache *c)
{
	static const struct {
		unsigned size, n;
	} rows[] = {
		{ PAGE_SIZE, 6 },
		{ 1024, 24 },
		{ 256, 52 },
		{ 0, 120 },
	};
	unsigned i = 0;

	while (c->size < rows[i].size)
		i++;
	c->cpu_partial = kmem_cache_debug(c) ? 0 : rows[i].n;
	c->cpu_partial_slabs =
		(c->cpu_partial * 2 + c->objects - 1) / c->objects;
}

static unsigned min_partial(unsigned size)
{
	unsigned n = (fls(size) - 1) / 2;

	return n < MIN_PARTIAL	 ? MIN_PARTIAL
	       : n > MAX_PARTIAL ? MAX_PARTIAL
				 : n;
}

int slub_calculate_sizes(struct kernel *k, struct kmem_cache *c)
{
	unsigned word = k->arch->word;
	unsigned size = place_freepointer(c, word) + slub_track_bytes(k, c);

	if (c->flags & SLAB_RED_ZONE) {
		c->red_left_pad = ALIGN_UP(word, c->align);
		size += word + c->red_left_pad;
	}
	c->size = ALIGN_UP(size, c->align);
	c->wide = word == 8;
	c->mem = (uintptr_t)k->ram->host - k->layout.page_offset + c->offset;
	c->order = calculate_order(c->size, k->machine->ncpus);
	if (c->order >= MAX_ORDER)
		return -EINVAL;
	c->min_order = get_order(c->size);
	c->objects = (PAGE_SIZE << c->order) / c->size;
	c->reciprocal = (1ULL << 32) / c->size + 1;
	c->min_partial = min_partial(c->size);
	set_cpu_partial(c);
	return 0;
}

/*
 * kspace.h - one kernel under test by every allocation call: what it holds,
 * and what it must look like once it holds nothing any more.
 */
#ifndef TESTS_KERNEL_KSPACE_H
#define TESTS_KERNEL_KSPACE_H

#include <errno.h>
#include <sys/param.h>

#include "kernel/compaction.h"
#include "kernel/dma_mapping.h"
#include "kernel/fixmap.h"
#include "kernel/fs.h"
#include "kernel/highmem.h"
#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "kernel/process.h"
#include "kernel/set_memory.h"
#include "kernel/slab.h"
#include "kernel/swiotlb.h"
#include "kernel/vmalloc.h"
#include "kernel/vmap_internal.h"
#include "tests/kernel/boot.h"

#define NFRAMES	  40 /* of the test's own, to be mapped */
#define NLIVE	  32
#define MAX_TASKS 6

struct kspace;
struct held;

struct kspace_op {
	const char *name;
	/* 0, -ENOMEM or another errno that is no failed allocation. */
	int (*take)(struct kspace *s, struct held *h);
	void (*give)(struct kspace *s, struct held *h); /* NULL: nothing held */
};

struct held { /* the result of one call */
	const struct kspace_op *op;
	va_t va;
	pfn_t pfn;
	uint64_t n; /* pages, bytes, ... */
	unsigned order, nobj;
	va_t obj[8];
	void *p;
	uint8_t tag; /* what its memory is filled with */
};

struct snapshot {
	uint64_t free[MAX_NR_ZONES], blocks[MAX_NR_ZONES][MAX_ORDER];
	uint64_t tables[MAX_NR_ZONES], objects, totalram;
	/* What may change which frames are free: */
	va_t range; /* struct of the free range of the vmalloc space */
	uint64_t migrated;
};

struct kspace {
	struct kernel *k;
	uint64_t rng;
	pfn_t frame[NFRAMES];
	struct device *dev[3];
	struct file *file;
	struct held held[NLIVE];
	struct snapshot booted;
};

static inline uint64_t rnd(struct kspace *s, uint64_t n)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return (s->rng >> 11) % n;
}

/* --- what comes back ---------------------------------------------------------
 */

/* Nobody runs but init on CPU 0, as after boot; no CPU keeps a dead root. */
static inline void kspace_idle(struct kspace *s)
{
	struct task_struct *init = find_task(s->k, 1);
	unsigned n = s->k->machine->ncpus;

	for (unsigned cpu = 0; cpu < n; cpu++)
		assert_int_equal(context_switch(s->k, cpu, NULL), 0);
	for (unsigned cpu = n; cpu--;) {
		assert_int_equal(context_switch(s->k, cpu, init), 0);
		if (cpu)
			assert_int_equal(context_switch(s->k, cpu, NULL), 0);
	}
	s->k->this_cpu = 0;
}

/* Whatever is kept for the next call goes back. */
static inline void kspace_settle(struct kspace *s)
{
	struct kmem_cache *c;

	kspace_idle(s);
	vm_unmap_aliases(s->k);
	kmap_flush_unused(s->k);
	TAILQ_FOREACH (c, &s->k->slab_caches, link)
		kmem_cache_shrink(s->k, c);
	drain_all_pages(s->k);
}

static inline uint64_t objects_in_use(const struct kernel *k)
{
	const struct kmem_cache *c;
	uint64_t n = 0;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		n += slab_count(c, OBJ_USED);
	return n;
}

/* Is the other half of a free block free as well? They are one block then. */
static inline bool unmerged(struct kernel *k, pfn_t pfn)
{
	unsigned order = k->mem_map[pfn].private;
	pfn_t buddy = pfn ^ (pfn_t)1 << order;
	const struct page *page = &k->mem_map[buddy];

	return order < MAX_ORDER - 1 && pfn_valid(k, buddy) &&
	       page->flags & PG_buddy && page->private == order &&
	       page_zone(k, pfn) == page_zone(k, buddy) &&
	       pageblock_migratetype(k, pfn) == pageblock_migratetype(k, buddy);
}

static inline uint64_t tables_in(struct kernel *k, pfn_t pfn, pfn_t end)
{
	uint64_t n = 0;

	for (; pfn < end; pfn++) {
		uint64_t flags = k->mem_map[pfn].flags;

		n += !!(flags & PG_table);
		if (flags & PG_buddy && unmerged(k, pfn))
			fail_msg("two free halves at pfn 0x%llx",
				 (unsigned long long)pfn);
	}
	return n;
}

/* Page tables in a zone, in memory that was ever used. */
static inline uint64_t tables_of(struct kernel *k, const struct zone *z)
{
	pfn_t pfn = z->start_pfn;
	uint64_t n = 0;

	for (unsigned i = 0; i < z->nvirgin; i++) {
		n += tables_in(k, pfn, z->virgin[i].start);
		pfn = z->virgin[i].end;
	}
	return n + tables_in(k, pfn, z->end_pfn);
}

static inline struct snapshot kspace_look(const struct kernel *k)
{
	struct snapshot t = { .objects = objects_in_use(k),
			      .totalram = k->totalram_pages,
			      .migrated = k->vmstat.pgmigrate_success };

	t.range = ((struct vmap_area *)k->vmap->free.root)->obj;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &k->zone[i];

		t.free[i] = z->free;
		for (unsigned order = 0; order < MAX_ORDER; order++)
			t.blocks[i][order] = zone_free_blocks(z, order);
	}
	return t;
}

/*
 * Tables of the kernel's own space stay, as in Linux; nothing else may. Unless
 * compaction has moved pages, or the struct that stands for the free range is
 * in another slab than before, the same frames are free, in the same blocks.
 */
static inline void compare_zone(struct kspace *s, unsigned i,
				const struct snapshot *now)
{
	const struct snapshot *was = &s->booted;
	const struct zone *z = &s->k->zone[i];

	if (now->free[i] == was->free[i] && now->range == was->range &&
	    now->migrated == was->migrated)
		assert_memory_equal(now->blocks[i], was->blocks[i],
				    sizeof(now->blocks[i]));
	assert_int_equal(was->free[i] + was->tables[i],
			 now->free[i] + tables_of(s->k, z));
}

static inline void kspace_compare(struct kspace *s)
{
	struct snapshot now = kspace_look(s->k);

	assert_int_equal(now.objects, s->booted.objects);
	assert_int_equal(now.totalram, s->booted.totalram);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		compare_zone(s, i, &now);
	assert_int_equal(kernel_check(s->k, print_finding, NULL), 0);
}

/* --- begin and end
 * ------------------------------------------------------------ */

struct file *kspace_program(struct kernel *k);

/* The struct of the free range is of boot's memory until a purge joins them. */
static inline void vmalloc_once(struct kernel *k)
{
	va_t va;

	assert_int_equal(vmalloc(k, PAGE_SIZE, &va), 0);
	assert_int_equal(vfree(k, va), 0);
}

static inline void kspace_begin(struct kspace *s, struct kernel *k,
				uint64_t seed)
{
	static const unsigned bits[] = { 24, 32, 64 };

	*s = (struct kspace){ .k = k, .rng = seed * 0x9e3779b97f4a7c15 };
	for (unsigned i = 0; i < ARRAY_SIZE(s->dev); i++) {
		char name[8];

		snprintf(name, sizeof(name), "dev%u", bits[i]);
		s->dev[i] = device_add(k, name, bits[i]);
		assert_non_null(s->dev[i]);
	}
	vmalloc_once(k);
	kspace_settle(s);
	s->booted = kspace_look(k);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		s->booted.tables[i] = tables_of(k, &k->zone[i]);
	s->file = kspace_program(k);
	for (unsigned i = 0; i < NFRAMES; i++) {
		unsigned gfp = i % 4 ? GFP_HIGHUSER : GFP_KERNEL;

		s->frame[i] = alloc_pages(k, gfp, 0, "test");
		assert_true(s->frame[i] != PFN_NONE);
	}
}

/* All is given back; the buddy is as it was. */
static inline void kspace_end(struct kspace *s)
{
	for (unsigned i = 0; i < NFRAMES; i++)
		free_pages(s->k, s->frame[i], 0);
	fput(s->k, s->file);
	kspace_settle(s);
	kspace_compare(s);
	for (unsigned i = 0; i < ARRAY_SIZE(s->dev); i++)
		assert_int_equal(device_del(s->k, s->dev[i]), 0);
	kernel_destroy(s->k);
}

#endif

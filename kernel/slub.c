/*
 * slub.c - slabs and the lists they are on (linux 6.1 mm/slub.c).
 *
 *   cache -> cpu[n].slab      objects on cpu[n].freelist are this CPU's own;
 *                             what others free goes to slab->freelist
 *         -> cpu[n].partial   slabs this CPU keeps for later
 *         -> partial          the node's slabs with free objects
 *            (full slabs are on no list, unless SLAB_STORE_USER)
 *
 *   | obj | free | obj | free |   a free object holds the address of the
 *           |             ^       next one, as a little-endian long in its
 *           `-------------'       middle, or behind it (c->offset)
 *
 * Debugged caches have no lists of CPUs: each object comes from, and goes back
 * to, the node's partial list, and is checked on the way (slub_debug.c).
 *
 * Users may poke any byte of RAM. A pointer is followed only if it leads to a
 * free object of its slab, which the host's struct slab knows; where it does
 * not, the objects that nothing leads to any more are given up.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/page_alloc.h"
#include "kernel/slab_internal.h"

#define SHRINK_PROMOTE_MAX 32

/* --- free lists ----------------------------------------------------------- */

/*
 * Marks the objects of a list, and cuts it where it leads to none that is
 * free. Returns how many it has.
 */
#define SEEN 0x80
static unsigned mark_list(struct kernel *k, struct slab *s, va_t *head)
{
	const struct kmem_cache *c = s->cache;
	va_t at = *head, prev = 0;
	unsigned n = 0, i;

	while (at && object_index(c, s, at, &i) && s->state[i] == OBJ_FREE) {
		s->state[i] |= SEEN;
		n++;
		prev = at;
		at = get_freepointer(c, at);
	}
	if (at && prev)
		set_freepointer(c, prev, 0);
	else if (at)
		*head = 0;
	return n;
}

/*
 * Makes sense of a slab whose lists cannot be trusted: both end where they
 * are broken, free objects that are on none are given up, and the count is
 * what it should be.
 */
void slub_settle(struct kernel *k, struct slab *s, va_t *cpu_list)
{
	va_t none = 0;

	mark_list(k, s, cpu_list ? cpu_list : &none);
	s->inuse = s->objects - mark_list(k, s, &s->freelist);
	for (unsigned i = 0; i < s->objects; i++)
		if (s->state[i] == OBJ_FREE)
			s->state[i] = OBJ_LOST;
		else
			s->state[i] &= ~SEEN;
}

/* --- slabs ---------------------------------------------------------------- */

static void init_free_list(struct kernel *k, struct slab *s)
{
	const struct kmem_cache *c = s->cache;
	va_t at = s->first, last = slab_object_at(c, s, s->objects - 1);
	uintptr_t mem = c->mem;
	unsigned size = c->size;
	bool wide = c->wide;

	if (kmem_cache_debug(c))
		for (unsigned i = 0; i < s->objects; i++)
			setup_object_debug(k, s, slab_object_at(c, s, i));
	for (; at < last; at += size)
		write_pointer(mem + at, at + size, wide);
	write_pointer(mem + at, 0, wide);
	s->freelist = s->first;
}

static struct slab *slab_create(struct kernel *k, struct kmem_cache *c,
				pfn_t pfn, unsigned order)
{
	unsigned objects = (PAGE_SIZE << order) / c->size;
	struct slab *s = calloc(1, sizeof(*s) + objects);

	assert(s);
	s->cache = c;
	s->pfn = pfn;
	s->order = order;
	s->objects = objects;
	s->base = kernel_va(k, pfn << PAGE_SHIFT);
	s->first = s->base + c->red_left_pad;
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++) {
		struct page *page = pfn_to_page(k, p);

		page->flags |= PG_slab;
		page->slab_cache = c;
		page->slab = s;
	}
	setup_slab_debug(k, s);
	init_free_list(k, s);
	return s;
}

/* The best order is not worth much effort if a lesser one would do. */
static unsigned first_try(const struct kmem_cache *c, unsigned gfp)
{
	gfp = (gfp | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;
	if ((gfp & __GFP_DIRECT_RECLAIM) && c->order > c->min_order)
		gfp = (gfp | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	return gfp;
}

/*
 * A fresh slab on no list. Where there is no block of the best order, one of
 * the least will do, for which more is done; an injected failure means that
 * memory is out, though, not in pieces.
 */
static struct slab *new_slab(struct kernel *k, struct kmem_cache *c,
			     unsigned gfp)
{
	unsigned order = c->order;
	bool injected = k->fail_nth == 1;
	pfn_t pfn;
	struct slab *s;

	gfp = kmalloc_fix_flags(k, gfp) | c->gfp;
	pfn = alloc_pages(k, first_try(c, gfp), order, "slab");
	if (pfn == PFN_NONE && !injected) {
		order = c->min_order;
		pfn = alloc_pages(k, gfp, order, "slab");
	}
	if (pfn == PFN_NONE)
		return NULL;
	s = slab_create(k, c, pfn, order);
	TAILQ_INSERT_TAIL(&c->slabs, s, all);
	c->nr_slabs++;
	c->nr_objects += s->objects;
	return s;
}

void slub_discard(struct kernel *k, struct slab *s)
{
	struct kmem_cache *c = s->cache;

	if (c->flags & SLAB_CONSISTENCY_CHECKS)
		free_slab_checks(k, s);
	TAILQ_REMOVE(&c->slabs, s, all);
	c->nr_slabs--;
	c->nr_objects -= s->objects;
	free_pages(k, s->pfn, s->order);
	free(s);
}

static void add_partial(struct slab *s, bool tail)
{
	struct kmem_cache *c = s->cache;

	s->place = SLAB_PARTIAL;
	c->nr_partial++;
	if (tail)
		TAILQ_INSERT_TAIL(&c->partial, s, list);
	else
		TAILQ_INSERT_HEAD(&c->partial, s, list);
}

static void remove_partial(struct slab *s)
{
	TAILQ_REMOVE(&s->cache->partial, s, list);
	s->cache->nr_partial--;
	s->place = SLAB_FULL;
}

static void add_full(struct slab *s)
{
	s->place = SLAB_FULL;
	if (s->cache->flags & SLAB_STORE_USER)
		TAILQ_INSERT_HEAD(&s->cache->full, s, list);
}

static void remove_full(struct slab *s)
{
	if (s->cache->flags & SLAB_STORE_USER)
		TAILQ_REMOVE(&s->cache->full, s, list);
}

/* --- slabs of a CPU ------------------------------------------------------- */

static struct kmem_cache_cpu *this_cpu(const struct kernel *k,
				       struct kmem_cache *c)
{
	return &c->cpu[k->this_cpu];
}

static void freeze(struct slab *s, unsigned cpu, enum slab_place place)
{
	s->frozen = true;
	s->cpu = cpu;
	s->place = place;
}

/* Nobody needs it: empty, and the node has enough of those. */
static bool superfluous(const struct slab *s)
{
	return !s->inuse && s->cache->nr_partial >= s->cache->min_partial;
}

/* Takes a CPU's slab from it: the two free lists become one. */
static void deactivate_slab(struct kernel *k, struct slab *s, va_t freelist)
{
	struct kmem_cache *c = s->cache;
	bool remote = s->freelist;
	va_t tail = 0;

	slub_settle(k, s, &freelist);
	for (va_t at = freelist; at; at = get_freepointer(c, at)) {
		tail = at;
		s->inuse--;
	}
	if (tail) {
		set_freepointer(c, tail, s->freelist);
		s->freelist = freelist;
	}
	s->frozen = false;
	if (superfluous(s))
		slub_discard(k, s);
	else if (s->freelist)
		add_partial(s, remote);
	else
		add_full(s);
}

/* Linux __unfreeze_partials(): all of a CPU's list go to the node. */
static void unfreeze_partials(struct kernel *k, struct kmem_cache_cpu *cpu)
{
	struct slab *s;

	while ((s = TAILQ_FIRST(&cpu->partial))) {
		TAILQ_REMOVE(&cpu->partial, s, list);
		s->frozen = false;
		if (superfluous(s))
			slub_discard(k, s);
		else
			add_partial(s, true);
	}
	cpu->nr_partial = 0;
}

static void put_cpu_partial(struct kernel *k, struct slab *s, bool drain)
{
	struct kmem_cache_cpu *cpu = this_cpu(k, s->cache);

	if (drain && cpu->nr_partial >= s->cache->cpu_partial_slabs)
		unfreeze_partials(k, cpu);
	freeze(s, k->this_cpu, SLAB_CPU_PARTIAL);
	TAILQ_INSERT_HEAD(&cpu->partial, s, list);
	cpu->nr_partial++;
}

void slub_flush_all(struct kernel *k, struct kmem_cache *c)
{
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct kmem_cache_cpu *cpu = &c->cpu[i];
		struct slab *s = cpu->slab;
		va_t freelist = cpu->freelist;

		cpu->slab = NULL;
		cpu->freelist = 0;
		if (s)
			deactivate_slab(k, s, freelist);
		unfreeze_partials(k, cpu);
	}
}

/* --- allocation ----------------------------------------------------------- */

int slab_list_broken(struct kernel *k, struct kmem_cache_cpu *cpu, va_t object,
		     va_t next)
{
	report_freechain(k, cpu->slab, object, next);
	cpu->freelist = 0;
	slub_settle(k, cpu->slab, NULL);
	return 0;
}

/* Makes the slab's own list the CPU's. False: there is none. */
static bool get_freelist(struct kernel *k, struct slab *s,
			 struct kmem_cache_cpu *cpu)
{
	va_t head = s->freelist;

	if (head && !is_free_object(s->cache, s, head)) {
		report_freechain(k, s, 0, head);
		slub_settle(k, s, NULL);
		head = s->freelist;
	}
	s->freelist = 0;
	s->inuse = s->objects;
	cpu->freelist = head;
	return head && object_index(s->cache, s, head, &cpu->index);
}

/* The CPU's slab for now. Its list may turn out to be empty. */
static void load_slab(struct kernel *k, struct slab *s,
		      struct kmem_cache_cpu *cpu)
{
	freeze(s, k->this_cpu, SLAB_CPU);
	cpu->slab = s;
	if (get_freelist(k, s, cpu))
		return;
	s->frozen = false;
	cpu->slab = NULL;
	add_full(s);
}

/* Takes slabs from the node: one to work with, some more for later. */
static struct slab *get_partial_node(struct kernel *k, struct kmem_cache *c)
{
	struct slab *first = TAILQ_FIRST(&c->partial), *s;
	unsigned more = 0;

	if (!first)
		return NULL;
	remove_partial(first);
	while (more <= c->cpu_partial_slabs / 2 &&
	       (s = TAILQ_FIRST(&c->partial))) {
		remove_partial(s);
		put_cpu_partial(k, s, false);
		more++;
	}
	return first;
}

/* A slab with free objects: from the CPU, the node or the buddy. */
static struct slab *next_slab(struct kernel *k, struct kmem_cache *c,
			      unsigned gfp)
{
	struct kmem_cache_cpu *cpu = this_cpu(k, c);
	struct slab *s = TAILQ_FIRST(&cpu->partial);

	if (s) {
		TAILQ_REMOVE(&cpu->partial, s, list);
		cpu->nr_partial--;
		return s;
	}
	s = get_partial_node(k, c);
	return s ? s : new_slab(k, c, gfp);
}

/* One object of a debugged cache, or 0 and the slab given up. */
static va_t alloc_single(struct kernel *k, struct slab *s, unsigned orig_size)
{
	struct kmem_cache *c = s->cache;
	va_t object = s->freelist, next = get_freepointer(c, object);
	unsigned i;

	s->freelist = next;
	s->inuse++;
	if (!alloc_debug_processing(k, s, object, orig_size)) {
		remove_partial(s);
		s->freelist = 0;
		slub_settle(k, s, NULL);
		add_full(s);
		return 0;
	}
	object_index(c, s, object, &i);
	set_state(k, s, i, OBJ_USED);
	if (next && !is_free_object(c, s, next)) {
		report_freechain(k, s, object, next);
		slub_settle(k, s, NULL);
	}
	if (!s->freelist) {
		remove_partial(s);
		add_full(s);
	}
	return object;
}

static va_t debug_alloc(struct kernel *k, struct kmem_cache *c, unsigned gfp,
			unsigned orig_size)
{
	struct slab *s;
	va_t object;

	for (;;) {
		s = TAILQ_FIRST(&c->partial);
		if (!s) {
			s = new_slab(k, c, gfp);
			if (!s)
				return 0;
			add_partial(s, false);
		}
		object = alloc_single(k, s, orig_size);
		if (object)
			return object;
	}
}

/* Linux ___slab_alloc(). */
va_t slab_alloc_slow(struct kernel *k, struct kmem_cache *c, unsigned gfp,
		     unsigned orig_size)
{
	struct kmem_cache_cpu *cpu = this_cpu(k, c);
	struct slab *s = cpu->slab;
	va_t va;

	if (kmem_cache_debug(c))
		return debug_alloc(k, c, gfp, orig_size);
	if (s)
		load_slab(k, s, cpu); /* what others have freed */
	while (!cpu->freelist) {
		s = next_slab(k, c, gfp);
		if (!s)
			return 0;
		load_slab(k, s, cpu);
	}
	slab_take(k, c, cpu, &va);
	return va;
}

/* --- freeing -------------------------------------------------------------- */

/* Linux free_to_partial_list(). A debugged cache's slabs are no CPU's. */
int slab_free_debug(struct kernel *k, struct slab *s, va_t object)
{
	struct kmem_cache *c = s->cache;
	bool empty;
	va_t prior;
	unsigned i;

	if (!free_debug_processing(k, s, object))
		return -EINVAL;
	prior = s->freelist;
	object_index(c, s, object, &i);
	set_state(k, s, i, OBJ_FREE);
	set_freepointer(c, object, prior);
	s->freelist = object;
	s->inuse--;
	empty = superfluous(s);
	if (!prior) {
		remove_full(s);
		add_partial(s, true);
	}
	if (empty) {
		remove_partial(s);
		slub_discard(k, s);
	}
	return 0;
}

/* The end of Linux' __slab_free(). */
int slab_freed(struct kernel *k, struct slab *s, va_t prior)
{
	if (!prior) {
		put_cpu_partial(k, s, true);
	} else if (superfluous(s)) {
		remove_partial(s);
		slub_discard(k, s);
	}
	return 0;
}

/* --- shrinking ------------------------------------------------------------ */

/* The fullest come first, so that allocations fill those up. */
static void promote_fullest(struct kmem_cache *c)
{
	struct slab_list promote[SHRINK_PROMOTE_MAX];
	struct slab *s, *next;

	for (unsigned i = 0; i < SHRINK_PROMOTE_MAX; i++)
		TAILQ_INIT(&promote[i]);
	for (s = TAILQ_FIRST(&c->partial); s; s = next) {
		unsigned nfree = s->objects - s->inuse;

		next = TAILQ_NEXT(s, list);
		if (nfree > SHRINK_PROMOTE_MAX)
			continue;
		TAILQ_REMOVE(&c->partial, s, list);
		TAILQ_INSERT_TAIL(&promote[nfree - 1], s, list);
	}
	for (unsigned i = SHRINK_PROMOTE_MAX; i-- > 0;)
		while ((s = TAILQ_FIRST(&promote[i]))) {
			TAILQ_REMOVE(&promote[i], s, list);
			TAILQ_INSERT_HEAD(&c->partial, s, list);
		}
}

bool kmem_cache_shrink(struct kernel *k, struct kmem_cache *c)
{
	struct slab *s, *next;

	slub_flush_all(k, c);
	for (s = TAILQ_FIRST(&c->partial); s; s = next) {
		next = TAILQ_NEXT(s, list);
		if (s->inuse)
			continue;
		remove_partial(s);
		slub_discard(k, s);
	}
	promote_fullest(c);
	return !c->nr_slabs;
}

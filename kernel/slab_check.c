/*
 * slab_check.c - looking at slabs without touching them: one object, all of
 * them (the slab part of kernel_check), counts.
 */
#include "kernel/slab_internal.h"

/* --- one object ----------------------------------------------------------- */

bool slab_find(const struct kernel *k, va_t va, struct slab_object *ret)
{
	struct slab *s = virt_to_slab(k, va);

	if (!s)
		return false;
	*ret = (struct slab_object){
		.cache = s->cache,
		.slab = s,
		.pfn = s->pfn,
		.order = s->order,
		.objects = s->objects,
		.inuse = s->inuse,
		.base = s->base,
		.place = s->frozen || s->place == SLAB_PARTIAL ? s->place
							       : SLAB_FULL,
		.cpu = s->cpu,
	};
	ret->index = (va - s->base) / s->cache->size;
	if (ret->index >= s->objects)
		ret->index = s->objects;
	ret->start = slab_object_at(s->cache, s, ret->index);
	ret->state = slab_object_state(k, ret, ret->index);
	return true;
}

static va_t cpu_list(const struct slab *s)
{
	const struct kmem_cache_cpu *cpu = &s->cache->cpu[s->cpu];

	return s->frozen && cpu->slab == s ? cpu->freelist : 0;
}

enum slab_object_state slab_object_state(const struct kernel *k,
					 const struct slab_object *o,
					 unsigned i)
{
	const struct slab *s = o->slab;
	va_t at = cpu_list(s), want = slab_object_at(s->cache, s, i);

	if (i >= s->objects)
		return OBJ_REST;
	if (s->state[i] != OBJ_FREE)
		return s->state[i];
	for (unsigned n = 0; at && n < s->objects; n++) {
		if (at == want)
			return OBJ_CPU;
		if (!is_free_object(s->cache, s, at))
			break;
		at = get_freepointer(s->cache, at);
	}
	return OBJ_FREE;
}

const char *slab_verdict(const struct kernel *k, const struct slab_object *o,
			 va_t *at)
{
	bool used = o->state == OBJ_USED;
	struct slab_region r[SLAB_MAX_REGIONS];
	unsigned n;

	if (o->state == OBJ_REST || o->state == OBJ_LOST)
		return NULL;
	n = slab_regions(k, o->cache, o->start,
			 used ? SLUB_RED_ACTIVE : SLUB_RED_INACTIVE, r);
	for (unsigned i = 0; i < n; i++) {
		*at = slab_region_bad(k, &r[i]);
		if (*at)
			return r[i].what;
	}
	return NULL;
}

const struct kmem_cache *slab_lookup(struct kernel *k, va_t va, va_t *object,
				     bool *in_use)
{
	struct slab_object o;

	if (!slab_find(k, va, &o) || o.state == OBJ_REST)
		return NULL; /* the waste at the end of the slab */
	*object = o.start;
	*in_use = o.state == OBJ_USED;
	return o.cache;
}

/* --- counts --------------------------------------------------------------- */

uint64_t slab_count(const struct kmem_cache *c, enum slab_object_state state)
{
	const struct slab *s;
	uint64_t n = 0;

	TAILQ_FOREACH (s, &c->slabs, all)
		for (unsigned i = 0; i < s->objects; i++)
			n += s->state[i] == state;
	return n;
}

uint64_t slab_active_objects(const struct kmem_cache *c)
{
	uint64_t n = c->nr_objects;
	const struct slab *s;

	TAILQ_FOREACH (s, &c->partial, list)
		n -= s->objects - s->inuse;
	return n;
}

/* --- check ---------------------------------------------------------------- */

#define ULL(x) ((unsigned long long)(x))

/* Follows a free list through RAM; says where it leads astray. */
static unsigned check_list(struct checker *chk, const struct kernel *k,
			   const struct slab *s, va_t head)
{
	va_t at = head;
	unsigned n = 0;

	while (at && n <= s->objects && is_free_object(s->cache, s, at)) {
		at = get_freepointer(s->cache, at);
		n++;
	}
	if (at)
		check_finding(chk,
			      "cache %s: the free list of the slab at pfn "
			      "0x%llx leads to no free object, but to 0x%llx",
			      s->cache->name, ULL(s->pfn), ULL(at));
	return n;
}

static void check_pages(struct checker *chk, const struct kernel *k,
			const struct slab *s)
{
	for (pfn_t p = s->pfn; p < s->pfn + (1ULL << s->order); p++) {
		const struct page *page = pfn_to_page(k, p);

		if (!(page->flags & PG_slab) || page->slab != s)
			check_finding(chk,
				      "cache %s: pfn 0x%llx is in a slab, its "
				      "record says otherwise",
				      s->cache->name, ULL(p));
	}
}

static void check_regions(struct checker *chk, const struct kernel *k,
			  const struct slab *s)
{
	for (unsigned i = 0; i < s->objects; i++) {
		struct slab_object o;
		const char *what;
		va_t at;

		slab_find(k, slab_object_at(s->cache, s, i), &o);
		what = slab_verdict(k, &o, &at);
		if (what)
			check_finding(chk,
				      "cache %s: object 0x%llx: %s "
				      "overwritten at 0x%llx",
				      s->cache->name, ULL(o.start), what,
				      ULL(at));
	}
}

static void check_slab(struct checker *chk, const struct kernel *k,
		       const struct slab *s)
{
	unsigned before = chk->found, nfree = 0, cpu_n, n;
	const char *name = s->cache->name;

	check_pages(chk, k, s);
	for (unsigned i = 0; i < s->objects; i++)
		nfree += s->state[i] == OBJ_FREE;
	cpu_n = check_list(chk, k, s, cpu_list(s));
	n = check_list(chk, k, s, s->freelist);
	if (chk->found == before && cpu_n + n != nfree)
		check_finding(chk,
			      "cache %s: slab at pfn 0x%llx: free lists hold "
			      "%u, %u objects are free",
			      name, ULL(s->pfn), cpu_n + n, nfree);
	else if (chk->found == before && s->inuse != s->objects - n)
		check_finding(chk,
			      "cache %s: slab at pfn 0x%llx: inuse %u, %u of "
			      "%u objects are not on its list",
			      name, ULL(s->pfn), s->inuse, s->objects - n,
			      s->objects);
	if (kmem_cache_debug(s->cache))
		check_regions(chk, k, s);
}

/* The node's list: as many as counted, each with something free. */
static void check_partial(struct checker *chk, const struct kmem_cache *c)
{
	const struct slab *s;
	unsigned n = 0;

	TAILQ_FOREACH (s, &c->partial, list) {
		n++;
		if (s->place != SLAB_PARTIAL || s->frozen || !s->freelist)
			check_finding(chk,
				      "cache %s: slab at pfn 0x%llx is on the "
				      "partial list and should not be",
				      c->name, ULL(s->pfn));
	}
	if (n != c->nr_partial)
		check_finding(chk, "cache %s: nr_partial %u, the list has %u",
			      c->name, c->nr_partial, n);
}

static void check_cpus(struct checker *chk, const struct kernel *k,
		       const struct kmem_cache *c)
{
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		const struct kmem_cache_cpu *cpu = &c->cpu[i];
		const struct slab *s;
		unsigned n = 0;

		if (cpu->slab && (!cpu->slab->frozen || cpu->slab->cpu != i))
			check_finding(chk,
				      "cache %s: the slab of CPU %u is "
				      "not frozen",
				      c->name, i);
		TAILQ_FOREACH (s, &cpu->partial, list)
			n++;
		if (n != cpu->nr_partial)
			check_finding(chk,
				      "cache %s: CPU %u counts %u partial "
				      "slabs, its list has %u",
				      c->name, i, cpu->nr_partial, n);
	}
}

static void check_cache(struct checker *chk, const struct kernel *k,
			const struct kmem_cache *c)
{
	uint64_t slabs = 0, objects = 0;
	const struct slab *s;

	TAILQ_FOREACH (s, &c->slabs, all) {
		check_slab(chk, k, s);
		slabs++;
		objects += s->objects;
	}
	if (slabs != c->nr_slabs || objects != c->nr_objects)
		check_finding(chk,
			      "cache %s: %llu slabs with %llu objects, lists "
			      "hold %llu with %llu",
			      c->name, ULL(c->nr_slabs), ULL(c->nr_objects),
			      ULL(slabs), ULL(objects));
	check_partial(chk, c);
	check_cpus(chk, k, c);
}

unsigned slab_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker chk = { fn, ctx, 0 };
	const struct kmem_cache *c;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		check_cache(&chk, k, c);
	return chk.found;
}

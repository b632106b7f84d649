/*
 * slub_debug.c - red zones, poison, tracks and their checks (linux 6.1
 * mm/slub.c, CONFIG_SLUB_DEBUG; Documentation/mm/slub.rst).
 *
 *	|<-red_left_pad->|<-object_size->|<-inuse          |<-size - pad
 *	| left red zone  | object        | right red zone | free pointer |
 *	| alloc track | free track | size asked for | padding (0x5a) |
 *
 * Reports are in Linux' words, in the kernel log. Left out: stack traces (of a
 * track's caller only the function is known), SLAB_TRACE, failslab, the
 * option O. A track's time counts tracked operations, for want of a clock.
 */
#include <stdio.h>

#include "kernel/printk.h"
#include "kernel/slub_report.h"

/* --- slub_debug= ---------------------------------------------------------- */

static const struct {
	char letter;
	unsigned flag;
} letters[] = {
	{ 'f', SLAB_CONSISTENCY_CHECKS },
	{ 'z', SLAB_RED_ZONE },
	{ 'p', SLAB_POISON },
	{ 'u', SLAB_STORE_USER },
	{ '-', 0 },
};

/* The flags of a block's letters; none at all mean all. Moves *at past them. */
static unsigned block_flags(const char **at)
{
	unsigned flags = 0;

	if (**at == ',')
		return SLAB_DEBUG_FLAGS;
	for (; **at && **at != ',' && **at != ';'; (*at)++)
		for (unsigned i = 0; i < ARRAY_SIZE(letters); i++)
			if ((**at | 0x20) == letters[i].letter)
				flags |= letters[i].flag;
	return flags;
}

/* Does @name match one of the names up to the end of the block? */
static bool block_lists(const char *at, const char *name)
{
	while (*at == ',') {
		size_t len = strcspn(++at, ",;");
		size_t glob = strcspn(at, "*,;");

		if (glob < len ? !strncmp(name, at, glob)
			       : strlen(name) == len && !strncmp(name, at, len))
			return true;
		at += len;
	}
	return false;
}

unsigned slub_debug_flags(const struct kernel *k, const char *name)
{
	const char *at = k->config.slub_debug;
	unsigned all = 0;

	while (*at) {
		unsigned flags = block_flags(&at);

		if (*at != ',')
			all = flags;
		else if (block_lists(at, name))
			return flags;
		at += strcspn(at, ";");
		at += strspn(at, ";");
	}
	return all;
}

/* --- checks --------------------------------------------------------------- */

static bool object_poison(const struct kmem_cache *c)
{
	return (c->flags & SLAB_POISON) &&
	       !(c->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_CTOR));
}

unsigned slab_regions(const struct kernel *k, const struct kmem_cache *c,
		      va_t object, uint8_t val, struct slab_region *ret)
{
	unsigned n = 0, off = info_end(k, c) + slub_track_bytes(k, c);
	unsigned pad = c->inuse - c->object_size;
	va_t end = object + c->object_size;

#define REGION(...)                     \
	ret[n++] = (struct slab_region) \
	{                               \
		__VA_ARGS__             \
	}
	if (c->flags & SLAB_RED_ZONE) {
		REGION("Left Redzone", object - c->red_left_pad,
		       c->red_left_pad, val, true);
		REGION("Right Redzone", end, pad, val, true);
	} else if (c->flags & SLAB_POISON) {
		REGION("Alignment padding", end, pad, POISON_INUSE, false);
	}
	if (object_poison(c) && val != SLUB_RED_ACTIVE) {
		REGION("Poison", object, c->object_size - 1, POISON_FREE, true);
		REGION("End Poison", end - 1, 1, POISON_END, true);
	}
	if (c->flags & SLAB_POISON)
		REGION("Object padding", object + off,
		       size_from_object(c) - off, POISON_INUSE, false);
#undef REGION
	return n;
}

va_t slab_region_bad(const struct kernel *k, const struct slab_region *r)
{
	const uint8_t *p = va_host(k, r->start);

	if (r->len > 1 && p[0] == r->val && !memcmp(p, p + 1, r->len - 1))
		return 0;
	for (unsigned i = 0; i < r->len; i++)
		if (p[i] != r->val)
			return r->start + i;
	return 0;
}

/* Reports a bad region, and restores it. */
static bool check_bytes_and_report(struct kernel *k, struct slab *s,
				   va_t object, const struct slab_region *r)
{
	va_t fault = slab_region_bad(k, r), end = r->start + r->len;
	char what[40];

	if (!fault)
		return true;
	while (*va_host(k, end - 1) == r->val)
		end--;
	snprintf(what, sizeof(what), "%s overwritten", r->what);
	slab_bug(k, s->cache, what);
	printk(k, PVA "-" PVA " @offset=%llu. First byte 0x%x instead of 0x%x",
	       VA(k, fault), VA(k, end - 1),
	       (unsigned long long)(fault - s->base), *va_host(k, fault),
	       r->val);
	print_trailer(k, s, object);
	slab_fix(k, s->cache, "Restoring %s " PVA "-" PVA "=0x%x", r->what,
		 VA(k, fault), VA(k, end - 1), r->val);
	memset(va_host(k, fault), r->val, end - fault);
	return false;
}

static bool valid_pointer(const struct slab *s, va_t object)
{
	unsigned i;

	return !object || object_index(s->cache, s, object, &i);
}

static bool check_object(struct kernel *k, struct slab *s, va_t object,
			 uint8_t val)
{
	struct slab_region r[SLAB_MAX_REGIONS];
	const struct kmem_cache *c = s->cache;
	unsigned n = slab_regions(k, c, object, val, r);

	for (unsigned i = 0; i < n; i++)
		if (!check_bytes_and_report(k, s, object, &r[i]) && r[i].fatal)
			return false;
	if (c->offset < c->inuse && val == SLUB_RED_ACTIVE)
		return true; /* the object's own bytes are there */
	if (valid_pointer(s, get_freepointer(c, object)))
		return true;
	object_err(k, s, object, "Freepointer corrupt");
	set_freepointer(c, object, 0);
	return false;
}

/* The bytes behind the last object of a slab. */
static void slab_pad_check(struct kernel *k, struct slab *s)
{
	uint64_t bytes = PAGE_SIZE << s->order;
	unsigned rest = bytes % s->cache->size;
	struct slab_region r = { "slab padding", s->base + bytes - rest, rest,
				 POISON_INUSE, false };
	va_t fault = slab_region_bad(k, &r), end = s->base + bytes;

	if (!(s->cache->flags & SLAB_POISON) || !fault)
		return;
	while (*va_host(k, end - 1) == POISON_INUSE)
		end--;
	slab_err(k, s, "Padding overwritten. " PVA "-" PVA " @offset=%llu",
		 VA(k, fault), VA(k, end - 1),
		 (unsigned long long)(fault - s->base));
	print_section(k, "Padding ", r.start, rest);
	slab_fix(k, s->cache, "Restoring %s " PVA "-" PVA "=0x%x", r.what,
		 VA(k, fault), VA(k, end - 1), POISON_INUSE);
	memset(va_host(k, fault), POISON_INUSE, end - fault);
}

/* Is @search on the free list? Says what is wrong with the list, and mends. */
static bool on_freelist(struct kernel *k, struct slab *s, va_t search)
{
	va_t at = s->freelist, prev = 0;
	unsigned n = 0;

	for (; at && n <= s->objects; n++) {
		if (at == search)
			return true;
		if (!valid_pointer(s, at)) {
			object_err(k, s, prev, "Freechain corrupt");
			set_freepointer(s->cache, prev, 0);
			break;
		}
		prev = at;
		at = get_freepointer(s->cache, at);
	}
	if (s->inuse == s->objects - n)
		return false;
	slab_err(k, s, "Wrong object count. Counter is %u but counted were %u",
		 s->inuse, n > s->objects ? 0 : s->objects - n);
	slub_settle(k, s, NULL);
	slab_fix(k, s->cache, "Object count adjusted");
	return false;
}

/* --- what slub.c calls ------------------------------------------------------
 */

static void init_object(struct kernel *k, const struct kmem_cache *c,
			va_t object, uint8_t val)
{
	uint8_t *p = va_host(k, object);

	if (c->flags & SLAB_RED_ZONE)
		memset(p - c->red_left_pad, val, c->red_left_pad);
	if (object_poison(c)) {
		memset(p, POISON_FREE, c->object_size - 1);
		p[c->object_size - 1] = POISON_END;
	}
	if (c->flags & SLAB_RED_ZONE)
		memset(p + c->object_size, val, c->inuse - c->object_size);
}

void setup_slab_debug(struct kernel *k, struct slab *s)
{
	if (s->cache->flags & SLAB_POISON)
		memset(va_host(k, s->base), POISON_INUSE,
		       PAGE_SIZE << s->order);
}

void setup_object_debug(struct kernel *k, struct slab *s, va_t object)
{
	const struct kmem_cache *c = s->cache;

	init_object(k, c, object, SLUB_RED_INACTIVE);
	init_tracking(k, c, object);
}

bool alloc_debug_processing(struct kernel *k, struct slab *s, va_t object,
			    unsigned orig_size)
{
	const struct kmem_cache *c = s->cache;

	if (c->flags & SLAB_CONSISTENCY_CHECKS) {
		slab_pad_check(k, s);
		if (!check_object(k, s, object, SLUB_RED_INACTIVE)) {
			slab_fix(k, c, "Marking all objects used");
			return false;
		}
	}
	set_orig_size(k, c, object, orig_size);
	init_object(k, c, object, SLUB_RED_ACTIVE);
	set_track(k, c, object, false);
	return true;
}

static bool free_consistency_checks(struct kernel *k, struct slab *s,
				    va_t object)
{
	slab_pad_check(k, s);
	if (!valid_pointer(s, object)) {
		slab_err(k, s, "Invalid object pointer " PVA, VA(k, object));
		return false;
	}
	if (on_freelist(k, s, object)) {
		object_err(k, s, object, "Object already free");
		return false;
	}
	return check_object(k, s, object, SLUB_RED_ACTIVE);
}

bool free_debug_processing(struct kernel *k, struct slab *s, va_t object)
{
	const struct kmem_cache *c = s->cache;
	unsigned i;

	if ((c->flags & SLAB_CONSISTENCY_CHECKS) &&
	    !free_consistency_checks(k, s, object)) {
		slab_fix(k, c, "Object at " PVA " not freed", VA(k, object));
		return false;
	}
	if (!object_index(c, s, object, &i) || s->state[i] != OBJ_USED)
		return false;
	set_track(k, c, object, true);
	init_object(k, c, object, SLUB_RED_INACTIVE);
	return true;
}

/* Before its frames go back, every object is looked at once more. */
void free_slab_checks(struct kernel *k, struct slab *s)
{
	slab_pad_check(k, s);
	for (unsigned i = 0; i < s->objects; i++)
		check_object(k, s, slab_object_at(s->cache, s, i),
			     SLUB_RED_INACTIVE);
}

void list_slab_objects(struct kernel *k, struct slab *s)
{
	slab_err(k, s, "Objects remaining in %s on __kmem_cache_shutdown()",
		 s->cache->name);
	for (unsigned i = 0; i < s->objects; i++) {
		va_t at = slab_object_at(s->cache, s, i);

		if (s->state[i] != OBJ_USED)
			continue;
		printk(k, "Object " PVA " @offset=%llu", VA(k, at),
		       (unsigned long long)(at - s->base));
		print_tracking(k, at);
	}
}

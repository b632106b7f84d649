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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/convert.h"
#include "kernel/mm_types.h"
#include "kernel/printk.h"
#include "kernel/slab_internal.h"

#define WIDTH(k)  ((k)->arch->word * 2)
#define VA(k, va) WIDTH(k), (unsigned long long)(va)
#define PVA	  "0x%0*llx"

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

/* --- reports -------------------------------------------------------------- */

static void slab_bug(struct kernel *k, const struct kmem_cache *c,
		     const char *what)
{
	printk(k, "%.77s",
	       "====================================================="
	       "========================");
	printk(k, "BUG %s (%s): %s", c->name,
	       k->tainted ? "Tainted: G    B             " : "Not tainted",
	       what);
	printk(k, "%.77s\n",
	       "-----------------------------------------------------"
	       "------------------------");
	k->tainted = true;
}

static void __attribute__((format(printf, 3, 4)))
slab_fix(struct kernel *k, const struct kmem_cache *c, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printk(k, "FIX %s: %s", c->name, text);
}

static void print_slab_info(struct kernel *k, const struct slab *s)
{
	printk(k, "Slab " PVA " objects=%u used=%u fp=" PVA " flags=%s",
	       VA(k, convert_page(k, s->pfn).n), s->objects, s->inuse,
	       VA(k, s->freelist),
	       s->order ? "0x10200(slab|head)" : "0x200(slab)");
}

/* A line of a hex dump, as print_hex_dump() has it: 16 bytes, then letters. */
static void print_hex_line(struct kernel *k, const char *what, va_t va,
			   unsigned len)
{
	const uint8_t *p = va_host(k, va);
	char hex[49] = "", ascii[17];

	for (unsigned i = 0; i < len; i++) {
		sprintf(hex + 3 * i, "%02x ", p[i]);
		ascii[i] = p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.';
	}
	ascii[len] = '\0';
	printk(k, "%s%0*llx: %-49s%s", what, VA(k, va), hex, ascii);
}

static void print_section(struct kernel *k, const char *what, va_t va,
			  unsigned len)
{
	for (unsigned i = 0; i < len; i += 16)
		print_hex_line(k, what, va + i, len - i < 16 ? len - i : 16);
}

/* --- tracks --------------------------------------------------------------- */

/* What a track's handle stands for; Linux keeps whole stacks in its depot. */
static const char *const callers[] = {
	NULL, "kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free",
};

/* Offsets in a struct track, for longs of 4 and of 8 bytes. */
static const struct track_layout {
	unsigned handle, cpu, pid, when, size;
} track32 = { 4, 8, 12, 16, 20 }, track64 = { 8, 12, 16, 24, 32 };

static const struct track_layout *track_layout(const struct kernel *k)
{
	return k->arch->word == 8 ? &track64 : &track32;
}

/* Where the free pointer ends, if it is not in the object. */
static unsigned info_end(const struct kernel *k, const struct kmem_cache *c)
{
	return c->inuse + (c->offset >= c->inuse ? k->arch->word : 0);
}

static va_t track_at(const struct kernel *k, const struct kmem_cache *c,
		     va_t object, bool freed)
{
	return object + info_end(k, c) + (freed ? track_layout(k)->size : 0);
}

static void put(struct kernel *k, va_t at, unsigned size, uint64_t value)
{
	memcpy(va_host(k, at), &value, size);
}

static uint64_t get(const struct kernel *k, va_t at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, va_host(k, at), size);
	return value;
}

static void set_track(struct kernel *k, const struct kmem_cache *c, va_t object,
		      bool freed)
{
	const struct track_layout *t = track_layout(k);
	const struct task_struct *task = k->current[k->this_cpu];
	va_t at = track_at(k, c, object, freed);
	unsigned word = k->arch->word;

	if (!(c->flags & SLAB_STORE_USER))
		return;
	put(k, at, word, k->layout.kernel_map + k->layout.image.text);
	put(k, at + t->handle, 4, (c->flags & SLAB_KMALLOC ? 1 : 3) + freed);
	put(k, at + t->cpu, 4, k->this_cpu);
	put(k, at + t->pid, 4, task ? task->pid : 0);
	put(k, at + t->when, word, ++k->slab_clock);
}

struct slab_track slab_alloc_track(const struct kernel *k,
				   const struct slab_object *o, bool freed)
{
	const struct track_layout *t = track_layout(k);
	struct slab_track ret = { 0 };
	uint32_t handle;
	va_t at;

	if (!(o->cache->flags & SLAB_STORE_USER) || o->index >= o->objects)
		return ret;
	at = track_at(k, o->cache, o->start, freed);
	if (!get(k, at, k->arch->word))
		return ret;
	handle = get(k, at + t->handle, 4);
	ret.func =
		handle && handle < ARRAY_SIZE(callers) ? callers[handle] : "?";
	ret.cpu = get(k, at + t->cpu, 4);
	ret.pid = get(k, at + t->pid, 4);
	ret.age = k->slab_clock - get(k, at + t->when, k->arch->word);
	return ret;
}

static void print_tracking(struct kernel *k, va_t object)
{
	static const char *const what[] = { "Allocated", "Freed" };
	struct slab_object o;

	if (!slab_find(k, object, &o))
		return;
	for (unsigned freed = 0; freed < 2; freed++) {
		struct slab_track t = slab_alloc_track(k, &o, freed);

		if (t.func)
			printk(k, "%s in %s age=%llu cpu=%u pid=%d",
			       what[freed], t.func, (unsigned long long)t.age,
			       t.cpu, t.pid);
	}
}

/* --- the whole object -------------------------------------------------------
 */

static unsigned size_from_object(const struct kmem_cache *c)
{
	return c->size - c->red_left_pad;
}

static void print_trailer(struct kernel *k, struct slab *s, va_t object)
{
	const struct kmem_cache *c = s->cache;
	unsigned off = info_end(k, c) + slub_track_bytes(k, c);

	print_tracking(k, object);
	print_slab_info(k, s);
	printk(k, "Object " PVA " @offset=%llu fp=" PVA "\n", VA(k, object),
	       (unsigned long long)(object - s->base),
	       VA(k, get_freepointer(k, c, object)));
	if (c->flags & SLAB_RED_ZONE)
		print_section(k, "Redzone  ", object - c->red_left_pad,
			      c->red_left_pad);
	else if (object > s->base + 16)
		print_section(k, "Bytes b4 ", object - 16, 16);
	print_section(k, "Object   ", object,
		      c->object_size < PAGE_SIZE ? c->object_size : PAGE_SIZE);
	if (c->flags & SLAB_RED_ZONE)
		print_section(k, "Redzone  ", object + c->object_size,
			      c->inuse - c->object_size);
	if (off < size_from_object(c))
		print_section(k, "Padding  ", object + off,
			      size_from_object(c) - off);
}

static void object_err(struct kernel *k, struct slab *s, va_t object,
		       const char *reason)
{
	slab_bug(k, s->cache, reason);
	print_trailer(k, s, object);
}

static void __attribute__((format(printf, 3, 4)))
slab_err(struct kernel *k, struct slab *s, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	slab_bug(k, s->cache, text);
	print_slab_info(k, s);
}

void report_freechain(struct kernel *k, struct slab *s, va_t object, va_t next)
{
	struct kmem_cache *c = s->cache;

	if (c->flags & SLAB_CONSISTENCY_CHECKS) {
		if (object)
			object_err(k, s, object, "Freechain corrupt");
		else
			slab_err(k, s, "Freepointer corrupt");
		slab_fix(k, c, "Isolate corrupted freechain");
		return;
	}
	printk(k,
	       "SLUB: %s: the free pointer " PVA " leads to no free object: "
	       "mmsh gives up what lay behind it",
	       c->name, VA(k, next));
	printk(k, "SLUB: without slub_debug=F Linux does not look: it would "
		  "hand out that address next");
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
	if (valid_pointer(s, get_freepointer(k, c, object)))
		return true;
	object_err(k, s, object, "Freepointer corrupt");
	set_freepointer(k, c, object, 0);
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
			set_freepointer(k, s->cache, prev, 0);
			break;
		}
		prev = at;
		at = get_freepointer(k, s->cache, at);
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

	if (!kmem_cache_debug(c))
		return;
	init_object(k, c, object, SLUB_RED_INACTIVE);
	if (c->flags & SLAB_STORE_USER)
		memset(va_host(k, track_at(k, c, object, false)), 0,
		       2 * track_layout(k)->size);
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
	if ((c->flags & SLAB_STORE_USER) && (c->flags & SLAB_KMALLOC))
		put(k, track_at(k, c, object, true) + track_layout(k)->size, 4,
		    orig_size);
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
		check_object(k, s, object_at(s->cache, s, i),
			     SLUB_RED_INACTIVE);
}

void list_slab_objects(struct kernel *k, struct slab *s)
{
	slab_err(k, s, "Objects remaining in %s on __kmem_cache_shutdown()",
		 s->cache->name);
	for (unsigned i = 0; i < s->objects; i++) {
		va_t at = object_at(s->cache, s, i);

		if (s->state[i] != OBJ_USED)
			continue;
		printk(k, "Object " PVA " @offset=%llu", VA(k, at),
		       (unsigned long long)(at - s->base));
		print_tracking(k, at);
	}
}

/*
 * slub_report.c - what the slab allocator says when it finds its bytes
 * overwritten, and who allocated and freed an object (linux 6.1 mm/slub.c:
 * slab_bug() to print_trailer(), struct track).
 */
#include "kernel/slub_report.h"

#include <stdarg.h>
#include <stdio.h>

#include "kernel/convert.h"
#include "kernel/mm_types.h"
#include "kernel/printk.h"

/* --- reports -------------------------------------------------------------- */

void slab_bug(struct kernel *k, const struct kmem_cache *c, const char *what)
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

void slab_fix(struct kernel *k, const struct kmem_cache *c, const char *fmt,
	      ...)
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

void print_section(struct kernel *k, const char *what, va_t va, unsigned len)
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
unsigned info_end(const struct kernel *k, const struct kmem_cache *c)
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

void set_track(struct kernel *k, const struct kmem_cache *c, va_t object,
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

void init_tracking(struct kernel *k, const struct kmem_cache *c, va_t object)
{
	if (c->flags & SLAB_STORE_USER)
		memset(va_host(k, track_at(k, c, object, false)), 0,
		       2 * track_layout(k)->size);
}

void set_orig_size(struct kernel *k, const struct kmem_cache *c, va_t object,
		   unsigned size)
{
	if ((c->flags & SLAB_STORE_USER) && (c->flags & SLAB_KMALLOC))
		put(k, track_at(k, c, object, true) + track_layout(k)->size, 4,
		    size);
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

void print_tracking(struct kernel *k, va_t object)
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

unsigned size_from_object(const struct kmem_cache *c)
{
	return c->size - c->red_left_pad;
}

void print_trailer(struct kernel *k, struct slab *s, va_t object)
{
	const struct kmem_cache *c = s->cache;
	unsigned off = info_end(k, c) + slub_track_bytes(k, c);

	print_tracking(k, object);
	print_slab_info(k, s);
	printk(k, "Object " PVA " @offset=%llu fp=" PVA "\n", VA(k, object),
	       (unsigned long long)(object - s->base),
	       VA(k, get_freepointer(c, object)));
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

void object_err(struct kernel *k, struct slab *s, va_t object,
		const char *reason)
{
	slab_bug(k, s->cache, reason);
	print_trailer(k, s, object);
}

void slab_err(struct kernel *k, struct slab *s, const char *fmt, ...)
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

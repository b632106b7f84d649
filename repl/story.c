/*
 * story.c - see story.h. Hears the kernel's events, and folds those alike.
 *
 * Events come in the order of the kernel's work. A fault heads a group; what
 * its handler did follows. Groups that are alike, a page apart, are one with
 * a count: those of faults, and the handlers that MAP_POPULATE calls without
 * one. Entries alike, one after another, are one, and so are the frames that
 * clearing them freed. Flushes outside of a fault are added up.
 *
 * What is said of each is in story_tell.c, the tree in story_draw.c. Data
 * faces get the flat list.
 */
#include "repl/story.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "kernel/swap.h"
#include "repl/describe.h"
#include "repl/story_internal.h"

/* Events kept; more are only counted. */
#define STORY_MAX	  48
#define STORY_MAX_VERBOSE 4096

/*
 * What is said; frame traffic would only be noise, unless all is asked for.
 * Areas are compared (area_diff.c); only that one grows in a fault is a step
 * by itself.
 */
static bool worth_telling(const struct story *st, const struct kevent *ev)
{
	if (st->level != STORY_COMPACT)
		return st->level == STORY_VERBOSE;
	if (ev->kind == KEV_VMA)
		return strcmp(ev->func, "expand_stack") == 0;
	return ev->kind != KEV_PAGE_ALLOC && ev->kind != KEV_PAGE_FREE;
}

/* What counts when entries are compared: not the frame, not the slot. */
static uint64_t entry_bits(const struct story *st, unsigned level,
			   uint64_t entry)
{
	const struct kernel *k = st->k;
	swp_entry_t e;

	if (level != k->pte_level || !is_swap_pte(entry))
		return entry &
		       ~paging_address_bits(k->mode, level, ~0ULL, true);
	e = pte_to_swp_entry(k, entry);
	return swp_entry_to_pte(k, swp_entry(k, swp_type(k, e), 0)) |
	       (entry & (BIT(SWP_OFFSET_FIRST_BIT) - 1));
}

static bool same_bits(const struct story *st, const struct kevent *a,
		      const struct kevent *b)
{
	return entry_bits(st, a->level, a->old) ==
		       entry_bits(st, b->level, b->old) &&
	       entry_bits(st, a->level, a->new) ==
		       entry_bits(st, b->level, b->new);
}

/*
 * Is @ev one more entry like those of @b: the next page, the same change of
 * bits? Then the run grows, as fault-around and fork write many.
 */
static bool continues(const struct story *st, const struct beat *b,
		      const struct kevent *ev)
{
	const struct paging_mode *mode = st->k->mode;

	if (ev->kind != KEV_PTE || b->ev.kind != KEV_PTE ||
	    b->ev.level != ev->level ||
	    ev->va != b->ev.va + ((va_t)b->run << mode->level[ev->level].shift))
		return false;
	return same_bits(st, &b->ev, ev);
}

/* --- groups -------------------------------------------------------------- */
/* The last fault among the first @n beats, or @n. */
static unsigned last_fault(const struct story *st, unsigned n)
{
	for (unsigned i = n; i-- > 0;)
		if (st->beat[i].ev.kind == KEV_FAULT)
			return i;
	return n;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_fault(const struct beat *a, const struct beat *b,
		       uint64_t distance)
{
	return a->fault.vector == VEC_PF && b->fault.vector == VEC_PF &&
	       a->fault.error_code == b->fault.error_code &&
	       b->fault.cr2 == a->fault.cr2 + distance;
}

static bool same_change(const struct story *st, const struct beat *a,
			const struct beat *b)
{
	return a->ev.level == b->ev.level && same_bits(st, &a->ev, &b->ev);
}

/* Do both tell the same, of addresses @distance apart? */
static bool alike(const struct story *st, const struct beat *a,
		  const struct beat *b, uint64_t distance)
{
	if (a->ev.kind != b->ev.kind || a->ev.n != b->ev.n ||
	    !a->ev.old_pfn != !b->ev.old_pfn ||
	    !same_text(a->ev.func, b->ev.func) ||
	    !same_text(a->ev.note, b->ev.note))
		return false;
	if (a->ev.kind == KEV_FAULT)
		return same_fault(a, b, distance);
	if (b->ev.va != a->ev.va + distance && (a->ev.va || b->ev.va))
		return false;
	return a->run == b->run &&
	       (a->ev.kind != KEV_PTE || same_change(st, a, b));
}

/*
 * First beat of the group that ends before beat @n, or @n if none does: a
 * fault and all that follows it; where no fault is, as under MAP_POPULATE, the
 * handler of a page, which comes last, and its PTEs.
 */
static unsigned group_start(const struct story *st, unsigned n)
{
	unsigned i = last_fault(st, n);

	if (i < n || !n || st->beat[n - 1].ev.kind != KEV_HANDLER ||
	    !st->beat[n - 1].ev.pfn)
		return i;
	for (i = n - 1; i && st->beat[i - 1].ev.kind == KEV_PTE; i--)
		;
	return i;
}

/* Makes the last two groups one, if they are alike and a page apart. */
static void fold_groups(struct story *st)
{
	unsigned second =
		st->level == STORY_COMPACT ? group_start(st, st->n) : st->n;
	unsigned first = group_start(st, second), len = st->n - second;
	uint64_t distance;

	if (second == st->n || first == second || second - first != len)
		return;
	distance = (uint64_t)st->beat[first].repeat << PAGE_SHIFT;
	for (unsigned i = 0; i < len; i++)
		if (!alike(st, &st->beat[first + i], &st->beat[second + i],
			   distance))
			return;
	for (unsigned i = first; i < second; i++)
		st->beat[i].repeat++;
	st->n = second;
}

/* --- flushes ------------------------------------------------------------- */
/* INVLPGs that a flush took on each of its CPUs; 1 of another kind. */
static unsigned flush_count(const struct kevent *ev)
{
	return ev->end ? (ev->end - ev->va) >> PAGE_SHIFT : 1;
}

static void add_flush(struct flush *f, const struct kevent *ev)
{
	if (!f->count)
		f->ev = *ev;
	f->count += flush_count(ev);
	f->ev.va = ev->va < f->ev.va ? ev->va : f->ev.va;
	f->ev.end = ev->end > f->ev.end ? ev->end : f->ev.end;
}

/*
 * Compact: flushes of one kind outside of a fault are added up, and told at
 * the end. True if @ev was one.
 */
static bool count_flush(struct story *st, const struct kevent *ev)
{
	struct flush *f = st->flush;

	if (st->level != STORY_COMPACT || ev->kind != KEV_TLB_FLUSH ||
	    ev->note || last_fault(st, st->n) != st->n)
		return false;
	while (f->count &&
	       !(same_text(f->ev.func, ev->func) && f->ev.n == ev->n))
		if (++f == st->flush + ARRAY_SIZE(st->flush)) {
			st->lost++;
			return true;
		}
	add_flush(f, ev);
	return true;
}

/* --- hearing ------------------------------------------------------------- */
static bool same_frames(const struct story *st, const struct kevent *a,
			const struct kevent *b)
{
	return a->kind == b->kind && a->order == b->order &&
	       same_text(a->func, b->func) &&
	       same_text(zone_name(st->k, a->pfn), zone_name(st->k, b->pfn));
}

/*
 * Is @ev one more frame like the last ones? Those of tables, and those that
 * were freed with their entry, are told where they belong.
 */
static bool continues_frames(const struct story *st, const struct kevent *ev)
{
	const struct beat *b = st->beat + st->n;

	return st->n && !same_text(ev->func, "page table") &&
	       (ev->kind == KEV_PAGE_ALLOC || ev->kind == KEV_PAGE_FREE) &&
	       same_frames(st, &b[-1].ev, ev) &&
	       (st->n < 2 || !story_freed_by(st, b - 1, b - 2));
}

/*
 * The last beats are an entry and the frame that clearing it freed: are the
 * two before them the same, of the page before? Then they are one.
 */
static void fold_freed(struct story *st)
{
	struct beat *b = st->beat + st->n;

	if (st->n < 4 || b[-2].run != 1 || !continues(st, b - 4, &b[-2].ev) ||
	    !story_freed_by(st, b - 1, b - 2) ||
	    !story_freed_by(st, b - 3, b - 4) || b[-3].run != b[-4].run ||
	    !same_frames(st, &b[-3].ev, &b[-1].ev))
		return;
	b[-4].run++;
	b[-3].run++;
	st->n -= 2;
}

static struct beat *add_beat(struct story *st)
{
	if (st->n == st->size) {
		st->size = st->size ? st->size * 2 : 16;
		st->beat = realloc(st->beat, st->size * sizeof(*st->beat));
		if (!st->beat)
			abort();
	}
	st->beat[st->n] = (struct beat){ .run = 1 };
	return &st->beat[st->n++];
}

static void add_event(struct story *st, const struct kevent *ev)
{
	struct beat *b = add_beat(st);

	b->ev = *ev;
	b->run = ev->kind == KEV_TLB_FLUSH ? flush_count(ev) : 1;
	b->repeat = 1;
	b->alone = last_fault(st, st->n) == st->n;
	if (ev->fault)
		b->fault = *ev->fault;
	if (ev->access)
		b->access = *ev->access;
}

static void story_hear(void *ctx, const struct kevent *ev)
{
	struct story *st = ctx;

	if (st->before.fn)
		st->before.fn(st->before.ctx, ev);
	if (!worth_telling(st, ev) || count_flush(st, ev))
		return;
	if (st->n && (continues(st, &st->beat[st->n - 1], ev) ||
		      continues_frames(st, ev))) {
		st->beat[st->n - 1].run++;
		return;
	}
	if (ev->kind == KEV_FAULT)
		fold_groups(st);
	if (st->n == st->max) {
		st->lost++;
		return;
	}
	add_event(st, ev);
	if (ev->kind == KEV_HANDLER && st->beat[st->n - 1].alone)
		fold_groups(st);
	if (ev->kind == KEV_PAGE_FREE)
		fold_freed(st);
}

struct story *story_begin_at(struct kernel *k, enum story_level level)
{
	struct story *st = calloc(1, sizeof(*st));

	if (!st)
		abort();
	st->k = k;
	st->level = level;
	st->max = level == STORY_VERBOSE ? STORY_MAX_VERBOSE : STORY_MAX;
	st->before = k->sink;
	if (level != STORY_OFF)
		k->sink = (struct kevent_sink){ story_hear, st };
	return st;
}

struct story *story_begin(struct kernel *k)
{
	return story_begin_at(k, STORY_COMPACT);
}

static void append_flushes(struct story *st)
{
	for (struct flush *f = st->flush;
	     f < st->flush + ARRAY_SIZE(st->flush) && f->count; f++) {
		struct beat *b = add_beat(st);

		b->ev = f->ev;
		b->run = f->count;
		b->repeat = 1;
		b->summary = true;
	}
}

void story_end(struct story *st, struct result *r)
{
	if (st->level != STORY_OFF)
		st->k->sink = st->before;
	fold_groups(st);
	append_flushes(st);
	if (st->level != STORY_OFF)
		story_draw(st, r);
	if (st->lost) {
		res_line(r);
		res_u64(r, "events_left_out", "... and %s more steps",
			st->lost);
	}
	free(st->beat);
	free(st);
}

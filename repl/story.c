/*
 * story.c - see story.h.
 *
 * Events come in the order of the kernel's work. In text a fault heads a
 * group; what its handler did hangs below it:
 *
 *	#PF write user, present          error 0x7 (P W U)  cr2 0x0804a010
 *	└─ do_wp_page: copied, 2 mappers pfn 0x2a11 -> pfn 0x2b40 (Normal)
 *	   └─ PTE 0x02a11025 -> 0x02b40067  +RW +D
 *
 * A handler reports once its PTEs are written; it is put before them. Groups
 * that are alike, a page apart, are one with a count: those of faults, and
 * the handlers that MAP_POPULATE calls without one.
 *
 * The first column is as wide as the widest of the story, PTE lines apart.
 * Data faces get the flat list.
 */
#include "repl/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/signal.h"
#include "kernel/swap.h"
#include "repl/cmd.h"
#include "repl/describe.h"

#define STORY_MAX 48	/* events kept; more are only counted */
#define STORY_MAX_VERBOSE 4096
#define CELL 160

struct beat {		/* one event, copied: pointers in it die with the call */
	struct kevent ev;
	struct fault fault;
	struct access access;
	unsigned run;		/* KEV_PTE: so many entries, one after another */
	unsigned repeat;	/* its group stands for so many */
	bool alone;		/* no fault heads its group */
	bool summary;		/* of all that was before */
};

struct flush {			/* alike: the first, and how many */
	struct kevent ev;
	unsigned count;
};

struct story {
	struct kernel *k;
	struct kevent_sink before;
	enum story_level level;
	struct beat *beat;	/* owned */
	unsigned n, size, max;
	struct flush flush[8];
	uint64_t lost;
};

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
		return entry & ~paging_address_bits(k->mode, level, ~0ULL,
						    true);
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
 * Is @ev one more entry like the last one: the next page, the same change of
 * bits? Then the run grows, as fault-around and fork write many.
 */
static bool continues_run(const struct story *st, const struct kevent *ev)
{
	const struct paging_mode *mode = st->k->mode;
	const struct beat *b = st->n ? &st->beat[st->n - 1] : NULL;

	if (!b || ev->kind != KEV_PTE || b->ev.kind != KEV_PTE ||
	    b->ev.level != ev->level ||
	    ev->va != b->ev.va + ((va_t)b->run << mode->level[ev->level].shift))
		return false;
	return same_bits(st, &b->ev, ev);
}

/* --- groups ------------------------------------------------------------------- */
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
	return a->ev.level == b->ev.level && a->run == b->run &&
	       same_bits(st, &a->ev, &b->ev);
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
	return a->ev.kind != KEV_PTE || same_change(st, a, b);
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
	unsigned second = st->level == STORY_COMPACT ? group_start(st, st->n)
						     : st->n;
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

/*
 * Compact: flushes of one kind are counted, and told at the end. True if @ev
 * was one that is.
 */
static bool count_flush(struct story *st, const struct kevent *ev)
{
	struct flush *f = st->flush;

	if (st->level != STORY_COMPACT || ev->kind != KEV_TLB_FLUSH ||
	    ev->note)
		return false;
	while (f->count && !(same_text(f->ev.func, ev->func) &&
			     f->ev.n == ev->n))
		if (++f == st->flush + ARRAY_SIZE(st->flush))
			return true;
	if (!f->count++)
		f->ev = *ev;
	return true;
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

static void story_hear(void *ctx, const struct kevent *ev)
{
	struct story *st = ctx;
	struct beat *b;

	if (st->before.fn)
		st->before.fn(st->before.ctx, ev);
	if (!worth_telling(st, ev))
		return;
	if (count_flush(st, ev))
		return;
	if (st->level == STORY_COMPACT && continues_run(st, ev)) {
		st->beat[st->n - 1].run++;
		return;
	}
	if (ev->kind == KEV_FAULT)
		fold_groups(st);
	if (st->n == st->max) {
		st->lost++;
		return;
	}
	b = add_beat(st);
	b->ev = *ev;
	b->run = b->repeat = 1;
	b->alone = last_fault(st, st->n) == st->n;
	if (ev->fault)
		b->fault = *ev->fault;
	if (ev->access)
		b->access = *ev->access;
	if (ev->kind == KEV_HANDLER && b->alone)
		fold_groups(st);
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

/* --- first column ------------------------------------------------------------ */
static void put_times(char *buf, size_t size, unsigned n)
{
	*buf = '\0';
	if (n > 1)
		snprintf(buf, size, "%u x ", n);
}

static void head_fault(const struct story *st, const struct beat *b, char *s)
{
	static const char *const kind[] = { "read", "write", "fetch" };
	bool present = b->fault.error_code & PF_P;
	char times[32];

	put_times(times, sizeof(times), b->repeat);
	if (b->fault.vector != VEC_PF)
		snprintf(s, CELL, "%s %s", cmd_vector_name(b->fault.vector),
			 fault_reason_name[b->fault.reason]);
	else
		snprintf(s, CELL, "%s#PF %s %s, %s", times, kind[b->access.kind],
			 b->access.user ? "user" : "kernel",
			 present ? "present" : "not present");
}

/* "do_wp_page: 2 mappers, copied"; an event without a frame counts pages. */
static void head_handler(const struct story *st, const struct beat *b, char *s)
{
	const struct kevent *ev = &b->ev;
	const char *what = ev->pfn ? "mapper" : "page";
	char n[32] = "", times[32];

	if (ev->pfn ? ev->n > 1 : ev->n || !ev->note)
		snprintf(n, sizeof(n), "%u %s%s%s", ev->n, what,
			 ev->n == 1 ? "" : "s", ev->note ? ", " : "");
	put_times(times, sizeof(times), b->alone ? b->repeat : 1);
	snprintf(s, CELL, "%s%s: %s%s", times, ev->func, n,
		 ev->note ? ev->note : "");
}

static void head_pte(const struct story *st, const struct beat *b, char *s)
{
	const struct paging_mode *mode = st->k->mode;
	const char *name = mode->level[b->ev.level].name;
	int digits = mode->entry_size * 2;
	char run[32];

	put_times(run, sizeof(run), b->run);
	snprintf(s, CELL, "%s%s 0x%0*llx -> 0x%0*llx%s", run, name, digits,
		 (unsigned long long)b->ev.old, digits,
		 (unsigned long long)b->ev.new,
		 b->run > 1 || b->repeat > 1 ? " .." : "");
}

static void head_signal(const struct story *st, const struct beat *b, char *s)
{
	snprintf(s, CELL, "%s, %s", signal_name(b->ev.signo),
		 si_code_name(b->ev.signo, b->ev.si_code));
}

static void head_vma(const struct story *st, const struct beat *b, char *s)
{
	snprintf(s, CELL, "area %s%s%s", b->ev.func, b->ev.note ? ": " : "",
		 b->ev.note ? b->ev.note : "");
}

static void head_switch(const struct story *st, const struct beat *b, char *s)
{
	int digits = st->k->arch->word * 2;

	snprintf(s, CELL, "cr3 0x%0*llx -> 0x%0*llx", digits,
		 (unsigned long long)b->ev.old, digits,
		 (unsigned long long)b->ev.new);
}

static void head_flush(const struct story *st, const struct beat *b, char *s)
{
	if (b->ev.note)
		snprintf(s, CELL, "no flush on cpu%u: %s(0), %s", b->ev.n,
			 b->ev.func, b->ev.note);
	else if (b->run * b->repeat > 1)
		snprintf(s, CELL, "flush: %u x %s", b->run * b->repeat,
			 b->ev.func);
	else
		snprintf(s, CELL, "flush: %s", b->ev.func);
}

/* --- the cells after it ------------------------------------------------------ */
static void tell_fault(struct story *st, const struct beat *b, struct result *r)
{
	char bits[64];

	res_u64(r, "vector", NULL, b->fault.vector);
	res_str(r, "access", NULL,
		describe_access(&b->access, bits, sizeof(bits)));
	res_hex(r, "error_code", "error %s", b->fault.error_code, 1);
	res_str(r, "reason", NULL, fault_reason_name[b->fault.reason]);
	if (b->fault.vector != VEC_PF)
		return;
	res_text(r, COL_PLAIN, "~ (%s)",
		 cmd_error_bits(b->fault.error_code, bits, sizeof(bits)));
	res_va(r, "cr2", "cr2 %s", b->fault.cr2);
	if (b->repeat < 2)
		return;
	res_u64(r, "count", NULL, b->repeat);
	res_va(r, "last_cr2", "~ .. %s",
	       b->fault.cr2 + ((va_t)(b->repeat - 1) << PAGE_SHIFT));
}

static void tell_handler(struct story *st, const struct beat *b,
			 struct result *r)
{
	const struct kevent *ev = &b->ev;

	res_str(r, "func", NULL, ev->func);
	res_str(r, "note", NULL, ev->note);
	res_u64(r, ev->pfn ? "mappers" : "pages", NULL, ev->n);
	res_va(r, "va", ev->pfn ? NULL : "%s", ev->va);
	if (!ev->pfn) {
		res_va(r, "end", "~-%s", ev->end);
		return;
	}
	if (ev->old_pfn && ev->old_pfn != ev->pfn)
		res_pfn(r, "old_pfn", "pfn %s ->", ev->old_pfn);
	res_pfn(r, "pfn", ev->old_pfn && ev->old_pfn != ev->pfn ? "~ pfn %s"
								: "pfn %s",
		ev->pfn);
	res_str(r, "zone", "~ (%s)", zone_name(st->k, ev->pfn));
	if (b->repeat < 2)
		return;
	res_u64(r, "count", NULL, b->repeat);
	res_text(r, COL_PLAIN, "~ ..");
}

static bool is_prot_none(const struct story *st, const struct kevent *ev,
			 uint64_t entry)
{
	return ev->level == st->k->pte_level && !(entry & PTE_P) &&
	       (entry & _PAGE_PROTNONE);
}

/*
 * How the entry's bits changed. In one that is not present the bits are
 * Linux', and those from 52 up may be part of an inverted frame number.
 */
static char *pte_diff(const struct story *st, const struct kevent *ev,
		      char *buf, size_t size)
{
	static const uint64_t linux_own = PTE_G | ~(BIT(52) - 1);
	bool was = is_prot_none(st, ev, ev->old);
	bool is = is_prot_none(st, ev, ev->new);
	uint64_t old = ev->old & PTE_P ? ev->old : ev->old & ~linux_own;
	uint64_t new = ev->new & PTE_P ? ev->new : ev->new & ~linux_own;
	size_t len;

	if (ev->level < st->k->pte_level && old && new &&
	    ((old ^ new) & PTE_PS)) {
		snprintf(buf, size, "a %s now", new & PTE_PS ? "page" : "table");
		return buf;
	}
	flags_diff(buf, size,
		   (old | new) & PTE_PS ?
			   paging_flag_names(st->k->mode, ev->level) :
			   st->k->mode->flags,
		   old, new);
	len = strlen(buf);
	if (st->k->arch->softdirty && ev->level == st->k->pte_level &&
	    (old & PTE_P) && (new & PTE_P) && ((old ^ new) & _PAGE_SOFT_DIRTY))
		len += snprintf(buf + len, size - len, "%s%csoft-dirty",
				len ? " " : "",
				new & _PAGE_SOFT_DIRTY ? '+' : '-');
	if (was != is)
		snprintf(buf + len, size - len, "%s%cPROT_NONE",
			 len ? " " : "", is ? '+' : '-');
	return buf;
}

/* "swapped out: type 0 offset 0x1"; false: swap has nothing to do with it. */
static bool swap_diff(const struct story *st, const struct kevent *ev,
		      char *buf, size_t size)
{
	const struct kernel *k = st->k;
	bool was = is_swap_pte(ev->old), is = is_swap_pte(ev->new);
	swp_entry_t e = pte_to_swp_entry(k, is ? ev->new : ev->old);

	if (ev->level != k->pte_level || pt_is_kernel(k, ev->va) ||
	    (!was && !is))
		return false;
	snprintf(buf, size, "%s: type %u offset 0x%llx",
		 was && is ? pte_swp_exclusive(k, ev->new) ? "in swap" :
							     "in swap, shared" :
		 is	   ? "to swap" :
		 ev->new   ? "from swap" : "no longer in swap",
		 swp_type(k, e), (unsigned long long)swp_offset(k, e));
	return true;
}

static void tell_pte(struct story *st, const struct beat *b, struct result *r)
{
	const struct kevent *ev = &b->ev;
	char diff[128];

	res_va(r, "va", NULL, ev->va);
	res_u64(r, "count", NULL, b->run * b->repeat);
	res_pa(r, "entry_pa", NULL, ev->entry_pa);
	res_entry(r, "old", NULL, ev->old);
	res_entry(r, "new", NULL, ev->new);
	if (!swap_diff(st, ev, diff, sizeof(diff)))
		pte_diff(st, ev, diff, sizeof(diff));
	res_str(r, "why", NULL, ev->func);
	if (*diff)
		res_text(r, COL_CHANGED, "%s", diff);
}

static void tell_signal(struct story *st, const struct beat *b,
			struct result *r)
{
	res_str(r, "signal", NULL, signal_name(b->ev.signo));
	res_str(r, "si_code", NULL, si_code_name(b->ev.signo, b->ev.si_code));
	if (b->ev.fault) {
		res_va(r, "si_addr", "si_addr %s", b->ev.va);
		if (b->ev.n)
			res_u64(r, "si_pkey", "si_pkey %s", b->ev.n);
		return;
	}
	res_i64(r, "pid", "to pid %s", b->ev.pid);
	res_str(r, "note", "~, %s", b->ev.note);
}

static void tell_vma(struct story *st, const struct beat *b, struct result *r)
{
	res_str(r, "func", NULL, b->ev.func);
	res_va(r, "va", "%s", b->ev.va);
	res_va(r, "end", b->ev.end > b->ev.va ? "~-%s" : NULL, b->ev.end);
}

static void head_zone(const struct story *st, const struct beat *b, char *s)
{
	snprintf(s, CELL, "%s: %s", b->ev.func, b->ev.note);
}

static void tell_zone(struct story *st, const struct beat *b, struct result *r)
{
	res_str(r, "func", NULL, b->ev.func);
	res_str(r, "note", NULL, b->ev.note);
	res_u64(r, "order", "order %s", b->ev.order);
}

static void tell_switch(struct story *st, const struct beat *b,
			struct result *r)
{
	res_pa(r, "old", NULL, b->ev.old);
	res_pa(r, "new", NULL, b->ev.new);
	if (b->ev.note)
		res_str(r, "note", "%s", b->ev.note);
}

static void head_page(const struct story *st, const struct beat *b, char *s)
{
	bool taken = b->ev.kind == KEV_PAGE_ALLOC;

	snprintf(s, CELL, "%s %s%s%s", taken ? "frame taken" : "frame freed",
		 b->ev.func ? "(" : "", b->ev.func ? b->ev.func : "",
		 b->ev.func ? ")" : "");
}

static void tell_page(struct story *st, const struct beat *b, struct result *r)
{
	res_pfn(r, "pfn", "pfn %s", b->ev.pfn);
	res_str(r, "zone", "~ (%s)", zone_name(st->k, b->ev.pfn));
	res_u64(r, "order", b->ev.order ? "order %s" : NULL, b->ev.order);
	res_str(r, "why", NULL, b->ev.func);
}

static void tell_flushed(const struct beat *b, struct result *r)
{
	uint64_t n = b->run * b->repeat;

	res_str(r, "func", NULL, b->ev.func);
	if (b->ev.va && n == 1)
		res_va(r, "va", "%s", b->ev.va);
	res_u64(r, "count", NULL, n);
	res_u64(r, "cpus", b->ev.n == 1 ? "on %s CPU" : "on %s CPUs", b->ev.n);
}

static void tell_flush(struct story *st, const struct beat *b, struct result *r)
{
	if (!b->ev.note) {
		tell_flushed(b, r);
		return;
	}
	res_u64(r, "cpu", NULL, b->ev.n);
	res_str(r, "reason", NULL, b->ev.note);
}

static const struct beat_kind {
	const char *name;
	unsigned depth;		/* in the text's tree, within a fault's group */
	enum res_colour colour;
	void (*head)(const struct story *st, const struct beat *b, char *s);
	void (*tell)(struct story *st, const struct beat *b, struct result *r);
} beat_kinds[KEV_NKINDS] = {
	[KEV_FAULT] = { "fault", 0, COL_BAD, head_fault, tell_fault },
	[KEV_HANDLER] = { "handler", 1, COL_NAME, head_handler, tell_handler },
	[KEV_PTE] = { "pte", 2, COL_CHANGED, head_pte, tell_pte },
	[KEV_SIGNAL] = { "signal", 1, COL_BAD, head_signal, tell_signal },
	[KEV_VMA] = { "vma", 1, COL_NAME, head_vma, tell_vma },
	[KEV_TLB_FLUSH] = { "flush", 1, COL_NAME, head_flush, tell_flush },
	[KEV_PAGE_ALLOC] = { "page_alloc", 1, COL_DIM, head_page, tell_page },
	[KEV_PAGE_FREE] = { "page_free", 1, COL_DIM, head_page, tell_page },
	[KEV_ZONE] = { "zone", 1, COL_NAME, head_zone, tell_zone },
	[KEV_IO] = { "io", 1, COL_NAME, head_handler, tell_handler },
	[KEV_SWITCH] = { "switch", 1, COL_NAME, head_switch, tell_switch },
};

/*
 * Depth in the text: events outside of a fault stand at the margin; the PTEs
 * of a handler hang below it.
 */
static void place(const struct story *st, unsigned depth[])
{
	unsigned base = 0;
	bool in_fault = false, handled = false;

	for (unsigned i = 0; i < st->n; i++) {
		const struct beat_kind *kind = &beat_kinds[st->beat[i].ev.kind];

		if (kind->depth == 0) {
			in_fault = true;
			handled = false;
		}
		base = in_fault && !st->beat[i].summary ? 0 : 1;
		depth[i] = kind->depth > base ? kind->depth - base : 0;
		if (kind->depth == 2 && !handled)
			depth[i] = in_fault ? 1 : 0;
		if (kind->depth == 1)
			handled = true;
	}
}

/*
 * PTE writes are reported before their handler sums up: put it first. What is
 * read from a disk comes before both.
 */
static void order(struct story *st)
{
	unsigned first = 0;	/* of the PTE writes since the last other event */

	for (unsigned i = 0; i < st->n; i++) {
		struct beat b = st->beat[i];

		if (b.ev.kind == KEV_PTE)
			continue;
		if (b.ev.kind == KEV_HANDLER || b.ev.kind == KEV_IO) {
			memmove(&st->beat[first + 1], &st->beat[first],
				(i - first) * sizeof(st->beat[0]));
			st->beat[first] = b;
		}
		first = b.ev.kind == KEV_IO ? first + 1 : i + 1;
	}
}

/* Does no event after @i stand at depth @d, before one nearer to the margin? */
static bool ends_at(const unsigned depth[], unsigned n, unsigned i, unsigned d)
{
	for (unsigned j = i + 1; j < n; j++) {
		if (depth[j] < d)
			return true;
		if (depth[j] == d)
			return false;
	}
	return true;
}

static size_t cells_wide(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void draw_head(const struct story *st, const unsigned depth[],
		      unsigned i, char *s, size_t size)
{
	char head[CELL];
	size_t at = 0;

	beat_kinds[st->beat[i].ev.kind].head(st, &st->beat[i], head);
	for (unsigned d = 1; d < depth[i]; d++)
		at += snprintf(s + at, size - at, "%s",
			       ends_at(depth, st->n, i, d) ? "   " : "│  ");
	snprintf(s + at, size - at, "%s%s",
		 depth[i] == 0 ? "" :
		 ends_at(depth, st->n, i, depth[i]) ? "└─ " : "├─ ", head);
}

static void emit_beat(struct story *st, const unsigned depth[], unsigned i,
		      size_t width, struct result *r)
{
	const struct beat_kind *kind = &beat_kinds[st->beat[i].ev.kind];
	char head[CELL * 2];

	draw_head(st, depth, i, head, sizeof(head));
	res_item(r, i + 1 == st->n);
	res_str(r, "kind", NULL, kind->name);
	if (cells_wide(head) < width && kind->depth < 2)
		res_text(r, kind->colour, "%s%*s", head,
			 (int)(width - cells_wide(head)), "");
	else
		res_text(r, kind->colour, "%s", head);
	kind->tell(st, &st->beat[i], r);
	res_end(r);
}

/* As wide as the widest of the first column, PTE lines apart. */
static size_t first_column(const struct story *st, const unsigned depth[])
{
	char head[CELL * 2];
	size_t width = 0, w;

	for (unsigned i = 0; i < st->n; i++) {
		if (beat_kinds[st->beat[i].ev.kind].depth >= 2)
			continue;
		draw_head(st, depth, i, head, sizeof(head));
		w = cells_wide(head);
		width = w > width ? w : width;
	}
	return width;
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

static void emit_beats(struct story *st, struct result *r)
{
	unsigned *depth = calloc(st->n + 1, sizeof(*depth));
	size_t width;

	if (!depth)
		abort();
	place(st, depth);
	width = first_column(st, depth);
	res_list(r, "events", RES_LINES);
	for (unsigned i = 0; i < st->n; i++)
		emit_beat(st, depth, i, width, r);
	res_end(r);
	free(depth);
}

void story_end(struct story *st, struct result *r)
{
	if (st->level != STORY_OFF)
		st->k->sink = st->before;
	fold_groups(st);
	order(st);
	append_flushes(st);
	if (st->level != STORY_OFF)
		emit_beats(st, r);
	if (st->lost) {
		res_line(r);
		res_u64(r, "events_left_out", "... and %s more steps", st->lost);
	}
	free(st->beat);
	free(st);
}

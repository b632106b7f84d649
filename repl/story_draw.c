/*
 * story_draw.c - the order, the tree and the columns of a story.
 *
 * A handler reports once its PTEs are written. It is told before them, and
 * what it did hangs below it: frames, entries, and in a fault the flush that
 * comes last. A frame that its last entry freed hangs below that entry.
 *
 *	#PF write user, present          error 0x7 (P W U)  cr2 0x0804a010
 *	└─ do_wp_page: copied, 2 mappers pfn 0x2a11 -> pfn 0x2b40 (Normal)
 *	   ├─ PTE 0x02a11025 -> 0x02b40067  +RW +D
 *	   └─ flush: invlpg  0x0804a000  on 1 CPU
 *
 * The first column is as wide as the widest of the story. PTEs, flushes and
 * loads of CR3 take no part: nothing of theirs would be below the others'.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/signal.h"
#include "repl/story_internal.h"

/* --- order --------------------------------------------------------------- */
static bool is_step(const struct kevent *ev)
{
	return ev->kind == KEV_PTE || ev->kind == KEV_TLB_FLUSH ||
	       ev->kind == KEV_PAGE_ALLOC || ev->kind == KEV_PAGE_FREE;
}

static pfn_t entry_pfn(const struct story *st, const struct kevent *ev,
		       uint64_t entry)
{
	if (!(entry & PTE_P))
		return PFN_NONE;
	return paging_address_bits(st->k->mode, ev->level, entry,
				   ev->level == st->k->pte_level ||
					   (entry & PTE_PS)) >>
	       PAGE_SHIFT;
}

bool story_freed_by(const struct story *st, const struct beat *page,
		    const struct beat *pte)
{
	return page->ev.kind == KEV_PAGE_FREE && pte->ev.kind == KEV_PTE &&
	       entry_pfn(st, &pte->ev, pte->ev.old) == page->ev.pfn;
}

/* Taken for what comes from a disk. */
static bool is_cache_frame(const struct kevent *ev)
{
	return ev->kind == KEV_PAGE_ALLOC && ev->func &&
	       (strcmp(ev->func, "page cache") == 0 ||
		strcmp(ev->func, "swap cache") == 0);
}

/*
 * Is step @i the work of @handler, which reported after it? In a fault all
 * is. Elsewhere a frame was taken for it if it, or the entry that was written
 * next, has it.
 */
static bool is_work_of(const struct story *st, unsigned i,
		       const struct beat *handler, bool in_fault)
{
	const struct kevent *ev = &st->beat[i].ev;
	const struct kevent *next = &st->beat[i + 1].ev;

	if (in_fault || ev->kind != KEV_PAGE_ALLOC)
		return is_step(ev);
	if (handler->ev.kind == KEV_IO && is_cache_frame(ev))
		return true;
	return ev->pfn == handler->ev.pfn ||
	       (next->kind == KEV_PTE &&
		entry_pfn(st, next, next->new) == ev->pfn);
}

/* Were the pages cleaned for their way to the disk? */
static bool is_writeback(const struct story *st, unsigned first, unsigned end)
{
	for (const struct beat *b = &st->beat[first]; b < &st->beat[end]; b++)
		if (b->ev.kind == KEV_PTE &&
		    strcmp(b->ev.func, "page_mkclean") == 0)
			return true;
	return false;
}

static void move_up(struct story *st, unsigned from, unsigned to)
{
	struct beat b = st->beat[from];

	memmove(&st->beat[to + 1], &st->beat[to],
		(from - to) * sizeof(st->beat[0]));
	st->beat[to] = b;
}

/*
 * The I/O at @i: before all from @first on, with the frames that were taken
 * for it or the entries that were cleaned. Returns where they end.
 */
static unsigned put_io_first(struct story *st, unsigned first, unsigned i)
{
	unsigned frames = i, end;

	while (frames > first && is_cache_frame(&st->beat[frames - 1].ev))
		frames--;
	move_up(st, i, first);
	end = first + 1;
	for (unsigned j = frames + 1; j <= i; j++)
		move_up(st, j, end++);
	if (is_writeback(st, end, i + 1))
		end = i + 1;
	for (unsigned j = first + 1; j < end; j++)
		st->beat[j].inside = true;
	return end;
}

/*
 * Puts the report @i before the steps, none of them before @low, that it sums
 * up, and what was read from a disk before those that wait for it. Returns
 * where the next one may begin.
 */
static unsigned put_first(struct story *st, unsigned low, unsigned i,
			  bool in_fault)
{
	const struct beat report = st->beat[i];
	unsigned first = i;

	while (first > low && is_work_of(st, first - 1, &report, in_fault))
		first--;
	if (report.ev.kind == KEV_IO)
		return put_io_first(st, first, i);
	move_up(st, i, first);
	for (unsigned j = first + 1; j <= i; j++)
		st->beat[j].inside = true;
	return i + 1;
}

/* The last of a handler's work, done after its report. */
static bool comes_last(const struct kevent *ev)
{
	return ev->kind == KEV_TLB_FLUSH || ev->kind == KEV_PAGE_FREE;
}

static void order(struct story *st)
{
	bool in_fault = false, reported = false;
	unsigned low = 0;

	for (unsigned i = 0; i < st->n; i++) {
		const struct kevent *ev = &st->beat[i].ev;

		in_fault |= ev->kind == KEV_FAULT;
		if (ev->kind == KEV_HANDLER || ev->kind == KEV_IO) {
			reported = ev->kind == KEV_HANDLER;
			low = put_first(st, low, i, in_fault);
			continue;
		}
		reported &= in_fault && comes_last(ev);
		if (reported || !is_step(ev))
			low = i + 1;
	}
}

/* --- tree ---------------------------------------------------------------- */
struct branch {
	unsigned base;	     /* 1 in a fault */
	enum kevent_kind of; /* what steps hang below; KEV_NKINDS: nothing */
};

static unsigned step_depth(const struct story *st, unsigned i,
			   struct branch *at)
{
	const struct beat *b = &st->beat[i];

	if (i && story_freed_by(st, b, b - 1))
		return b[-1].depth + 1;
	if (b->inside)
		return at->base + 1;
	if (at->of != KEV_SIGNAL &&
	    !(at->of == KEV_HANDLER && at->base && comes_last(&b->ev)))
		at->of = KEV_NKINDS;
	return at->base + (at->of != KEV_NKINDS);
}

static unsigned beat_depth(const struct story *st, unsigned i,
			   struct branch *at)
{
	const struct kevent *ev = &st->beat[i].ev;

	if (st->beat[i].summary || ev->kind == KEV_FAULT) {
		*at = (struct branch){ ev->kind == KEV_FAULT, KEV_NKINDS };
		return 0;
	}
	if (is_step(ev))
		return step_depth(st, i, at);
	/* What a signal ends hangs below it; the parent's comes of that end. */
	at->of = ev->signo == LX_SIGCHLD ? KEV_NKINDS : ev->kind;
	return at->base;
}

/* Does no event after @i stand at depth @d, before one nearer to the margin? */
static bool ends_at(const struct story *st, unsigned i, unsigned d)
{
	for (unsigned j = i + 1; j < st->n; j++) {
		if (st->beat[j].depth < d)
			return true;
		if (st->beat[j].depth == d)
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

static void draw_head(const struct story *st, unsigned i, char *s, size_t size)
{
	const struct beat *b = &st->beat[i];
	char head[STORY_CELL];
	size_t at = 0;

	beat_kinds[b->ev.kind].head(st, b, head);
	for (unsigned d = 1; d < b->depth; d++)
		at += snprintf(s + at, size - at, "%s",
			       ends_at(st, i, d) ? "   " : "│  ");
	if (b->depth)
		at += snprintf(s + at, size - at, "%s",
			       ends_at(st, i, b->depth) ? "└─ " : "├─ ");
	snprintf(s + at, size - at, "%s", head);
}

/* --- columns ------------------------------------------------------------- */
static void emit_beat(struct story *st, unsigned i, size_t width,
		      struct result *r)
{
	const struct beat_kind *kind = &beat_kinds[st->beat[i].ev.kind];
	char head[STORY_CELL * 2];

	draw_head(st, i, head, sizeof(head));
	res_item(r, i + 1 == st->n);
	res_str(r, "kind", NULL, kind->name);
	if (cells_wide(head) < width && kind->aligned)
		res_text(r, kind->colour, "%s%*s", head,
			 (int)(width - cells_wide(head)), "");
	else
		res_text(r, kind->colour, "%s", head);
	kind->tell(st, &st->beat[i], r);
	res_end(r);
}

static size_t first_column(const struct story *st)
{
	char head[STORY_CELL * 2];
	size_t width = 0, w;

	for (unsigned i = 0; i < st->n; i++) {
		if (!beat_kinds[st->beat[i].ev.kind].aligned)
			continue;
		draw_head(st, i, head, sizeof(head));
		w = cells_wide(head);
		width = w > width ? w : width;
	}
	return width;
}

void story_draw(struct story *st, struct result *r)
{
	struct branch at = { 0, KEV_NKINDS };
	size_t width;

	order(st);
	for (unsigned i = 0; i < st->n; i++)
		st->beat[i].depth = beat_depth(st, i, &at);
	width = first_column(st);
	res_list(r, "events", RES_LINES);
	for (unsigned i = 0; i < st->n; i++)
		emit_beat(st, i, width, r);
	res_end(r);
}

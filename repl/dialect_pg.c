/*
 * dialect_pg.c - info-pg: `info pg` of the QEMU that MIT's course 6.828 (JOS)
 * patched.
 *
 * Source: target/i386/monitor.c of that QEMU (mit-pdos/6.828-qemu and its
 * forks). The whole tree, compressed: entries whose subtrees are complete and
 * have the same flags (the low 12 bits) at each level are one line a level,
 *
 *	[ef000-ef3ff]  PDE[3bc]     -------UWP
 *	  [ef000-ef020]  PTE[000-020] -------U-P 00119-00139
 *
 * frames come as runs, and a line is cut at 79 characters. "complete": a
 * table of which every entry, present or not, matches.
 *
 * One difference: for a PML4 entry the original computes the end of its range
 * in an int, which overflows; here it is the end. It knows no 5-level paging.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "repl/dialect.h"

#define PG_LINE	     79
#define PG_RANGES    10
#define PG_TABLE     0x3fffffffff000ULL
#define PG_LARGE     0x3ffffffffc000ULL
#define PG_SAME_BITS 0xfffULL

static const struct dialect_letter pg_letters[] = {
	{ PTE_XD, 'X', '-' },  { PTE_G, 'G', '-' },  { PTE_PS, 'S', '-' },
	{ PTE_D, 'D', '-' },   { PTE_A, 'A', '-' },  { PTE_PCD, 'C', '-' },
	{ PTE_PWT, 'T', '-' }, { PTE_US, 'U', '-' }, { PTE_RW, 'W', '-' },
	{ PTE_P, 'P', '-' },   { 0, 0, 0 },
};

static const struct {
	const char *ours, *theirs;
} pg_names[] = {
	{ "PML4E", "PML4" },
	{ "PDPTE", "PDP" },
	{ "PDE", "PDE" },
	{ "PTE", "PTE" },
};

/* Hex digits of a virtual and of a physical page number. */
static const struct {
	uint8_t vpn, pfn;
} pg_width[PAGING_NMODES] = {
	[PAGING_32] = { 5, 5 },
	[PAGING_PAE] = { 5, 10 },
	[PAGING_4LEVEL] = { 9, 10 },
};

/* A level, -1 behind the end. */
static int level_of(const struct rawpt *it)
{
	return it->valid ? (int)it->level : -1;
}

/* Nothing is below it: a page, or not present. */
static bool is_end(const struct rawpt *it)
{
	return it->leaf || !it->present;
}

static pa_t target(const struct rawpt *it)
{
	bool large =
		it->level + 1U < it->mode->nlevels &&
		paging_is_leaf(it->mode, it->level, it->entry, it->t->mmu->pse);

	return it->entry & (large ? PG_LARGE : PG_TABLE);
}

/*
 * Is the tree below *root complete and like @like? Then last[] has the last
 * entry of each level, and *root moves on.
 */
static bool complete(struct rawpt *root, const struct rawpt like[],
		     struct rawpt last[])
{
	struct rawpt it = *root;
	unsigned level = root->level;

	if ((root->entry ^ like[level].entry) & PG_SAME_BITS)
		return false;
	last[level] = *root;
	rawpt_next(&it);
	while (!is_end(root) && level_of(&it) == (int)level + 1)
		if (!complete(&it, like, last))
			return false;
	*root = it;
	return true;
}

/* --- lines -------------------------------------------------------------------
 */
struct line {
	char buf[192];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *l,
						      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->buf + l->len, sizeof(l->buf) - l->len, fmt, ap);
	va_end(ap);
	l->len += strlen(l->buf + l->len);
}

static void put_range(struct line *l, int digits, pa_t first, pa_t end)
{
	unsigned long long from = first >> PAGE_SHIFT;
	unsigned long long last = (end - 1) >> PAGE_SHIFT;

	put(l, " %0*llx", digits, from);
	if (from != last)
		put(l, "-%0*llx", digits, last);
}

/* Steps over the pages behind @it up to @end that carry on its frames. */
static pa_t frames_end(struct rawpt *it, va_t end)
{
	unsigned level = it->level;
	pa_t to = target(it) + rawpt_size(it);

	for (rawpt_next(it); it->valid && it->va <= end; rawpt_next(it)) {
		if (it->level != level)
			continue;
		if (target(it) != to)
			return to;
		to += rawpt_size(it);
	}
	it->valid = false;
	return to;
}

/* The frames of the pages from @first to @last, as runs. */
static void put_frames(struct line *l, const struct rawpt *first,
		       const struct rawpt *last, int digits)
{
	struct rawpt it = *first;

	for (unsigned i = 0; it.valid && i < PG_RANGES; i++) {
		pa_t from = target(&it);

		if (l->len > PG_LINE)
			return;
		put_range(l, digits, from, frames_end(&it, last->va));
	}
}

static const char *pg_name(const char *ours)
{
	for (size_t i = 0; i < ARRAY_SIZE(pg_names); i++)
		if (strcmp(pg_names[i].ours, ours) == 0)
			return pg_names[i].theirs;
	return ours;
}

static void put_slots(struct line *l, const char *name, unsigned from,
		      unsigned last)
{
	if (from == last)
		put(l, "%4s[%03x]    ", name, from);
	else
		put(l, "%4s[%03x-%03x]", name, from, last);
}

/* The entries from @s to @l of one level. */
static void pg_line(const struct dialect_view *v, const struct rawpt *s,
		    const struct rawpt *l)
{
	const struct paging_mode *mode = s->mode;
	int vpn = pg_width[mode->id].vpn;
	struct line line = { .len = 0 };
	char letters[16];

	put(&line, "%*s[%0*llx-%0*llx] ", 2 * (int)s->level, "", vpn,
	    (unsigned long long)(s->va >> PAGE_SHIFT), vpn,
	    (unsigned long long)((l->va + rawpt_size(l) - 1) >> PAGE_SHIFT));
	put_slots(&line, pg_name(mode->level[s->level].name), s->pos[s->level],
		  l->pos[l->level]);
	put(&line, " %s", dialect_letters(letters, pg_letters, s->entry));
	if (is_end(s))
		put_frames(&line, s, l, pg_width[mode->id].pfn);
	if (line.len > PG_LINE)
		strcpy(line.buf + PG_LINE - 2, "..");
	res_verbatim(v->r, "%s", line.buf);
}

static void pg_head(const struct dialect_view *v)
{
	const struct paging_mode *mode = v->mmu->mode;

	res_verbatim(v->r, "%-*s %-13s %-10s %*s%s",
		     3 + 2 * pg_width[mode->id].vpn, "VPN range", "Entry",
		     "Flags", 2 * (mode->nlevels - 1), "", "Physical page");
}

/* Prints the run of like trees at *it, or the entry alone, and moves on. */
static void pg_run(const struct dialect_view *v, struct rawpt *it)
{
	struct rawpt start[PAGING_MAX_LEVELS] = { 0 };
	struct rawpt last[PAGING_MAX_LEVELS] = { 0 }, next[PAGING_MAX_LEVELS];
	unsigned top = it->level, deepest;
	struct rawpt s = *it;
	bool compressed = false;

	for (start[top] = s; !is_end(&s); start[s.level] = s)
		rawpt_next(&s);
	deepest = s.level;
	memcpy(next, last, sizeof(next));
	while (level_of(it) == (int)top && complete(it, start, next)) {
		compressed = true;
		memcpy(last, next, sizeof(last));
	}
	for (unsigned i = top; compressed && i <= deepest; i++)
		pg_line(v, &start[i], &last[i]);
	if (!compressed) {
		pg_line(v, it, it);
		rawpt_next(it);
	}
}

void info_pg_dump(const struct dialect_view *v)
{
	struct rawpt_tables t = { v->mmu, v->ram, PG_TABLE, 0 };
	struct rawpt it;

	if (!v->mmu->mode->nlevels) {
		res_verbatim(v->r, "PG disabled");
		return;
	}
	pg_head(v);
	rawpt_start(&it, &t, v->from, v->last);
	while (it.valid)
		if (it.present)
			pg_run(v, &it);
		else
			rawpt_next(&it);
}

/*
 * pt_diff.c - the page tables of two processes as one tree: what only one of
 * them has, and what both have, entry by entry.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "repl/snapshot.h"

struct pt_diff {
	const struct kernel *k;
	struct result *r;
	va_t end;
};

struct row { /* entries side by side that compare alike */
	unsigned level, first, last;
	va_t va;
	uint64_t a, b;
	bool table; /* they lead to tables */
};

static uint64_t read_entry(const struct pt_diff *d, pa_t table, unsigned i)
{
	unsigned size = d->k->mode->entry_size;

	return table ? ram_read(d->k->ram, table + i * size, size) : 0;
}

static bool is_leaf(const struct pt_diff *d, unsigned level, uint64_t e)
{
	return level == d->k->pte_level ||
	       (d->k->mode->level[level].may_map && (e & PTE_PS));
}

static char mark_of(const struct row *row)
{
	uint64_t bits = ~PTE_PFN_MASK;

	if (!row->a || !row->b)
		return row->a ? '<' : '>';
	if (row->table || !((row->a ^ row->b) & ~(uint64_t)(PTE_A | PTE_D)))
		return '=';
	return (row->a ^ row->b) & ~bits ? '!' : '~';
}

static void emit_side(struct result *r, const char *name, uint64_t e)
{
	if (e)
		res_entry(r, name, "%s", e);
	else
		res_text(r, COL_DIM, "%-*s", (int)r->entry_digits + 2, "-");
}

/* "= PTE[0x001]", "= 3 x PTE[0x001]" */
static void emit_row(struct pt_diff *d, const struct row *row)
{
	static const enum res_colour colours[] = {
		['='] = COL_DIM, ['~'] = COL_CHANGED, ['!'] = COL_YELLOW,
		['<'] = COL_BAD, ['>'] = COL_GOOD,
	};
	const struct paging_level *l = &d->k->mode->level[row->level];
	unsigned n = row->last - row->first + 1, digits = (l->bits + 3) / 4;
	char mark[2] = { mark_of(row), 0 }, head[64], note[128] = "";
	char times[16] = "";

	if (n > 1)
		snprintf(times, sizeof(times), "%u x ", n);
	snprintf(head, sizeof(head), "%*s%s%s[0x%0*x]", row->level * 2, "",
		 times, l->name, digits, row->first);
	if (row->a && row->b && !row->table && mark[0] != '!')
		flags_diff(note, sizeof(note), d->k->mode->flags, row->a,
			   row->b);
	res_item(d->r, false);
	res_field(d->r, &(struct res_field){ .name = "mark",
					     .txt = "%s",
					     .type = RES_STR,
					     .colour = colours[(int)mark[0]],
					     .str = mark });
	res_str(d->r, "level", NULL, l->name);
	res_hex(d->r, "index", NULL, row->first, digits);
	res_u64(d->r, "count", NULL, n);
	res_bool(d->r, "table", NULL, row->table);
	res_text(d->r, COL_PLAIN, "~ %-22s", head);
	res_va(d->r, "va", "%s", row->va);
	emit_side(d->r, "left", row->a);
	emit_side(d->r, "right", row->b);
	res_str(d->r, "note", "%s", note);
	res_end(d->r);
}

/* Is the entry after @row's last one like it: frames rising, or the same? */
static bool goes_on(const struct row *row, const struct row *next)
{
	uint64_t bits = ~PTE_PFN_MASK;

	return !row->table && !next->table && next->first == row->last + 1 &&
	       mark_of(row) == mark_of(next) && !row->a == !next->a &&
	       !row->b == !next->b && !((row->a ^ next->a) & bits) &&
	       !((row->b ^ next->b) & bits);
}

static void diff_tables(struct pt_diff *d, pa_t a, pa_t b, unsigned level,
			va_t base);

static void flush_row(struct pt_diff *d, struct row *row)
{
	if (row->a || row->b)
		emit_row(d, row);
	*row = (struct row){ .level = row->level };
}

/* A table on one side may be a large page on the other. */
static void descend(struct pt_diff *d, const struct row *row)
{
	bool la = is_leaf(d, row->level, row->a);
	bool lb = is_leaf(d, row->level, row->b);

	diff_tables(d, row->a && !la ? row->a & PTE_PFN_MASK : 0,
		    row->b && !lb ? row->b & PTE_PFN_MASK : 0, row->level + 1,
		    row->va);
}

static void diff_tables(struct pt_diff *d, pa_t a, pa_t b, unsigned level,
			va_t base)
{
	const struct paging_level *l = &d->k->mode->level[level];
	struct row row = { .level = level };

	for (unsigned i = 0; i < 1U << l->bits; i++) {
		struct row next = { .level = level,
				    .first = i,
				    .last = i,
				    .va = base + ((va_t)i << l->shift) };

		if (next.va >= d->end)
			break;
		next.a = read_entry(d, a, i);
		next.b = read_entry(d, b, i);
		next.table = (next.a && !is_leaf(d, level, next.a)) ||
			     (next.b && !is_leaf(d, level, next.b));
		if ((row.a || row.b) && goes_on(&row, &next)) {
			row.last = i;
			continue;
		}
		flush_row(d, &row);
		row = next;
		if (!next.table)
			continue;
		flush_row(d, &row);
		descend(d, &next);
	}
	flush_row(d, &row);
}

void pt_diff_emit(const struct kernel *k, struct result *r, pa_t a, pa_t b)
{
	struct pt_diff d = { k, r, k->layout.task_size };

	res_list(r, "tables", RES_LINES);
	diff_tables(&d, a, b, 0, 0);
	res_end(r);
}

/*
 * layout_diff.c - two configurations side by side: see layout_view.h.
 *
 * Boundaries that have the same value as one another in A and in B share a
 * row, highest first. Areas are compared by the room that all of one name
 * have together. The reasons are rows: when they apply, and what they say.
 */
#include "repl/layout_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/boot_args.h"
#include "repl/out.h"
#include "repl/session.h"

#define MAX_ROWS 64
#define WRAP	 74

struct boundary {
	char names[100];
	va_t at[2];
	bool has[2];
};

struct diff {
	struct result *r;
	struct layout_plan side[2];
	struct boundary row[MAX_ROWS];
	unsigned nrows;
};

/* --- the two sides ----------------------------------------------- */
int layout_of(struct cmd_ctx *c, const char *text, struct layout_plan *ret)
{
	struct kernel_config *cfg = &ret->cfg;
	const char *why;
	struct err e;

	if (boot_config(c->s, text, cfg, &ret->map, c->err) < 0) {
		e = *c->err;
		return err_set(c->err, e.kind, "\"%s\": %s", text, e.msg);
	}
	if (!cfg->arch)
		return err_set(c->err, ERR_USER,
			       "\"%s\": a bare machine has no layout", text);
	why = layout_compute(cfg, layout_end_of_ram(cfg), &ret->l);
	if (why)
		return err_set(c->err, ERR_USER, "\"%s\": %s", text, why);
	return 0;
}

/* --- boundaries -------------------------------------------------- */
static bool same_place(const struct boundary *a, const struct boundary *b)
{
	for (unsigned i = 0; i < 2; i++)
		if (a->has[i] != b->has[i] ||
		    (a->has[i] && a->at[i] != b->at[i]))
			return false;
	return true;
}

static bool same_sides(const struct boundary *b)
{
	return b->has[0] && b->has[1] && b->at[0] == b->at[1];
}

/* Of the image only where it begins. */
static bool is_section(const char *name)
{
	if (*name == '_')
		return strcmp(name, "_text") != 0 &&
		       strcmp(name, "__START_KERNEL_map") != 0;
	return strcmp(name, "swapper_pg_dir") == 0;
}

static void add_boundary(struct diff *d, unsigned n)
{
	struct boundary b = { .at = { 0, 0 } };
	const char *name = layout_symbol_name(n);
	bool known = false;
	size_t len;
	va_t va;

	for (unsigned i = 0; i < 2; i++) {
		known |= *layout_label(&d->side[i].l, n, &va);
		b.has[i] = layout_symbol(&d->side[i].l, name, &b.at[i]);
	}
	if (!known || is_section(name))
		return;
	for (unsigned i = 0; i < d->nrows; i++) {
		if (!same_place(&d->row[i], &b))
			continue;
		len = strlen(d->row[i].names);
		snprintf(d->row[i].names + len, sizeof(b.names) - len, " = %s",
			 name);
		return;
	}
	snprintf(b.names, sizeof(b.names), "%s", name);
	if (d->nrows < MAX_ROWS)
		d->row[d->nrows++] = b;
}

/* By A's address, or B's where A has none; highest first. */
static int descending(const void *x, const void *y)
{
	const struct boundary *a = x, *b = y;
	va_t va = a->has[0] ? a->at[0] : a->at[1];
	va_t vb = b->has[0] ? b->at[0] : b->at[1];

	return va < vb ? 1 : va > vb ? -1 : strcmp(a->names, b->names);
}

static const struct res_column boundary_cols[] = {
	{ "name", "boundary", false }, { "mark", "", false },
	{ "a", "A", false },	       { "b", "B", false },
	{ "by", "B - A", true },       { 0 },
};

static void emit_by(struct result *r, uint64_t a, uint64_t b, bool both)
{
	char buf[SIZE_FORMAT_MAX];

	if (!both || a == b)
		res_str(r, "by", "%s", both ? "=" : "-");
	else
		res_strf(r, "by", "%s", "%c%s", b < a ? '-' : '+',
			 size_format(buf, b < a ? a - b : b - a));
}

static void emit_side(struct diff *d, const char *name, bool has, va_t va)
{
	unsigned digits = 8;

	for (unsigned i = 0; i < 2; i++)
		if (d->side[i].cfg.arch->word == 8)
			digits = 16;
	if (has)
		res_hex(d->r, name, "%s", va, digits);
	else
		res_str(d->r, name, "%s", NULL);
}

static void emit_boundaries(struct diff *d)
{
	bool alike = d->side[0].cfg.arch->word == d->side[1].cfg.arch->word;

	for (unsigned i = 0; layout_symbol_name(i); i++)
		add_boundary(d, i);
	qsort(d->row, d->nrows, sizeof(d->row[0]), descending);
	res_table(d->r, "boundaries", boundary_cols);
	for (unsigned i = 0; i < d->nrows; i++) {
		const struct boundary *b = &d->row[i];
		bool both = b->has[0] && b->has[1] && alike;
		bool changed = !same_sides(b);

		res_item(d->r, false);
		res_str(d->r, "name", "%s", b->names);
		res_bool(d->r, "changed", NULL, changed);
		res_str(d->r, "mark", "%s", changed ? "≠" : "");
		emit_side(d, "a", b->has[0], b->at[0]);
		emit_side(d, "b", b->has[1], b->at[1]);
		emit_by(d->r, b->at[0], b->at[1], both);
		res_end(d->r);
	}
	res_end(d->r);
}

/* --- areas ------------------------------------------------------- */
/* The bytes of all areas called @name. */
static uint64_t room(const struct layout_plan *s, const char *name)
{
	va_t top = s->cfg.arch->word == 8 ? 0 : 4 * GiB;
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->l.nareas; i++) {
		const struct layout_area *a = &s->l.area[i];

		if (strcmp(a->name, name) == 0)
			sum += (a->end ? a->end : top) - a->start;
	}
	return sum;
}

/* Is it the first of that name, seen from the top, A before B? */
static bool first_seen(const struct diff *d, unsigned side, unsigned i)
{
	const struct layout *l = &d->side[side].l;
	const char *name = l->area[i].name;

	for (unsigned j = i + 1; j < l->nareas; j++)
		if (strcmp(l->area[j].name, name) == 0)
			return false;
	return side == 0 || !room(&d->side[0], name);
}

static const struct res_column area_cols[] = {
	{ "name", "room for", false },
	{ "mark", "", false },
	{ "a", "A", true },
	{ "b", "B", true },
	{ "by", "B - A", true },
	{ 0 },
};

static void emit_area_row(struct diff *d, const char *name)
{
	uint64_t a = room(&d->side[0], name), b = room(&d->side[1], name);

	res_item(d->r, false);
	res_str(d->r, "name", "%s", name);
	res_bool(d->r, "changed", NULL, a != b);
	res_str(d->r, "mark", "%s", a != b ? "≠" : "");
	res_size(d->r, "a", "%s", a);
	res_size(d->r, "b", "%s", b);
	emit_by(d->r, a, b, true);
	res_end(d->r);
}

static void emit_areas(struct diff *d)
{
	res_table(d->r, "areas", area_cols);
	for (unsigned side = 0; side < 2; side++)
		for (unsigned i = d->side[side].l.nareas; i-- > 0;)
			if (first_seen(d, side, i))
				emit_area_row(d, d->side[side].l.area[i].name);
	res_end(d->r);
}

/* --- why --------------------------------------------------------- */
struct two {
	const struct kernel_config *a, *b;
	const struct layout *la, *lb;
};

static bool both_32(const struct two *t)
{
	return t->a->arch->word == 4 && t->b->arch->word == 4;
}

static bool eras(const struct two *t)
{
	return both_32(t) && t->a->layout_61 != t->b->layout_61;
}

static bool eras_and_highmem(const struct two *t)
{
	return eras(t) && t->la->high_memory != t->lb->high_memory;
}

static bool word_sizes(const struct two *t)
{
	return t->a->arch->word != t->b->arch->word;
}

static bool pae(const struct two *t)
{
	return both_32(t) && t->a->arch != t->b->arch;
}

static bool splits(const struct two *t)
{
	return both_32(t) && t->la->page_offset != t->lb->page_offset;
}

static bool reserves(const struct two *t)
{
	return t->a->vmalloc_reserve != t->b->vmalloc_reserve;
}

static bool lowmems(const struct two *t)
{
	return t->a->lowmem != t->b->lowmem;
}

static bool highmems(const struct two *t)
{
	return t->a->has_highmem != t->b->has_highmem ||
	       t->a->highmem != t->b->highmem;
}

static bool rams_matter(const struct two *t)
{
	return t->a->ram != t->b->ram && t->la->lowmem_end != t->lb->lowmem_end;
}

static bool rams_all_highmem(const struct two *t)
{
	return both_32(t) && t->a->ram != t->b->ram &&
	       t->la->lowmem_end == t->lb->lowmem_end;
}

static bool levels(const struct two *t)
{
	return t->a->la57 != t->b->la57;
}

static bool kaslrs(const struct two *t)
{
	return t->a->kaslr != t->b->kaslr ||
	       (t->a->kaslr && t->a->seed != t->b->seed);
}

static bool fixmaps(const struct two *t)
{
	return both_32(t) && !eras(t) && t->a->cpus != t->b->cpus &&
	       t->la->fixaddr_start != t->lb->fixaddr_start;
}

static const struct reason {
	bool (*applies)(const struct two *t);
	const char *about, *text;
} reasons[] = {
	{ eras, "fixmap",
	  "6.1 has 16 kmap_local slots for each of 32 CPUs, classic 13 "
	  "kmap_atomic slots for 8; and early_ioremap has 512 pages, not 16" },
	{ eras, "cpu entry area",
	  "new with 6.1: with page-table isolation user mode needs descriptor "
	  "tables and entry stacks mapped; LDTs have a page table below" },
	{ eras, "pkmap",
	  "so in 6.1 it lies below the CPU entry area, and VMALLOC_END with "
	  "it" },
	{ eras_and_highmem, "high_memory",
	  "classic lowmem ends 128M (the vmalloc reserve) below 4G: 896M; in "
	  "6.1 that reserve ends at VMALLOC_END, so lowmem is smaller" },
	{ eras, "VMALLOC_START",
	  "high_memory + 8M in 6.1; classic rounds it up to a multiple of 8M" },
	{ eras, "_text",
	  "the image is linked for 16M in 6.1 (CONFIG_PHYSICAL_START), for 1M "
	  "in classic" },
	{ word_sizes, "x86-64",
	  "64-bit addresses: all RAM is in the direct map, so there is no "
	  "highmem and no pkmap; the image has its own mapping" },
	{ pae, "pkmap",
	  "one page table: 1024 entries and 4M without PAE, 512 and 2M with "
	  "it; "
	  "VMALLOC_END and lowmem follow" },
	{ splits, "PAGE_OFFSET",
	  "CONFIG_VMSPLIT moves it: what user space loses, lowmem gains" },
	{ reserves, "high_memory",
	  "vmalloc= is kept free above lowmem: a larger vmalloc area costs "
	  "lowmem, if RAM reaches up to it" },
	{ lowmems, "high_memory",
	  "lowmem= says where the direct map ends at most: RAM above is "
	  "HighMem, the vmalloc area begins 8M behind" },
	{ highmems, "highmem",
	  "highmem= sets its size: RAM beyond is not used; where all RAM is "
	  "lowmem, its end becomes highmem" },
	{ rams_matter, "high_memory",
	  "the direct map ends where RAM does, or at its limit" },
	{ rams_all_highmem, "ram",
	  "both have more RAM than lowmem can hold: what is added is HighMem, "
	  "and "
	  "no boundary moves" },
	{ levels, "la57",
	  "5 levels: direct map, vmalloc and vmemmap have other bases and more "
	  "room; user space ends at 56 bits, but mmap stays below 47" },
	{ kaslrs, "kaslr",
	  "the seed draws where the regions and the image are: `layout` of a "
	  "boot "
	  "with kaslr=on shows the odds" },
	{ fixmaps, "fixmap", "kmap slots for more CPUs" },
};

/* @text in lines of up to 78 columns, below its subject. */
static void emit_wrapped(struct result *r, const char *text)
{
	size_t len = strlen(text), n;

	while (len) {
		n = len > WRAP ? WRAP : len;
		while (n < len && text[n] != ' ')
			n--;
		res_line(r);
		res_text(r, COL_PLAIN, "    %.*s", (int)n, text);
		text += n + (n < len);
		len -= n + (n < len);
	}
}

static void emit_why(struct diff *d)
{
	const struct two t = { &d->side[0].cfg, &d->side[1].cfg, &d->side[0].l,
			       &d->side[1].l };

	bool differ = false;

	for (unsigned i = 0; i < d->nrows; i++)
		differ |= !same_sides(&d->row[i]);
	if (!differ)
		res_text(d->r, COL_PLAIN, "no boundary differs");
	res_list(d->r, "why", RES_LINES);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (!reasons[i].applies(&t))
			continue;
		res_item(d->r, false);
		res_name(d->r, "about", "%s", reasons[i].about);
		res_str(d->r, "text", NULL, reasons[i].text);
		emit_wrapped(d->r, reasons[i].text);
		res_end(d->r);
	}
	res_end(d->r);
}

int layout_diff(struct cmd_ctx *c, const char *a, const char *b)
{
	struct diff *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->r = c->r;
	if (layout_of(c, a, &d->side[0]) < 0 ||
	    layout_of(c, b, &d->side[1]) < 0) {
		free(d);
		return -1;
	}
	res_str(c->r, "a", "A  %s", a);
	res_line(c->r);
	res_str(c->r, "b", "B  %s", b);
	res_blank(c->r);
	emit_boundaries(d);
	res_blank(c->r);
	emit_areas(d);
	res_blank(c->r);
	emit_why(d);
	free(d);
	return 0;
}

/*
 * cmd_ptdump.c - ptdump: a whole tree of paging structures, runs of equal
 * entries folded, streamed.
 *
 * The iterator reports entries; this file merges them. A run is a sequence of
 * leaves in one table with equal bits whose frames rise with the addresses
 * (or stay the same frame, as the shared zero page does), within one area.
 */
#include <stdio.h>
#include <string.h>

#include "repl/cmd.h"
#include "repl/describe.h"

struct dump {
	struct cmd_ctx *c;
	struct task_struct *task;
	bool full;		/* unfolded */
	unsigned depth;		/* open lists: tables we are inside of */
	uint64_t tables, pages, lines;
};

/* A run of leaves: the first one, and how it goes on. */
struct run {
	struct ptiter first;
	uint64_t n;
	pa_t stride;		/* from frame to frame: page size, or 0 */
	va_t end;		/* of the area that holds the first one */
};

static pa_t leaf_pa(const struct ptiter *it)
{
	return paging_target(it->mmu->mode, it->level, it->entry, true);
}

/* The entry without its address. */
static uint64_t leaf_bits(const struct ptiter *it)
{
	const struct paging_mode *mode = it->mmu->mode;

	return it->entry & ~paging_address_bits(mode, it->level, leaf_pa(it),
						true);
}

static bool same_table(const struct ptiter *a, const struct ptiter *b)
{
	return a->level == b->level &&
	       a->table[a->level] == b->table[b->level] &&
	       memcmp(a->pos, b->pos, a->level * sizeof(a->pos[0])) == 0;
}

/* Does @it carry @run on? Then it is swallowed. */
static bool run_extend(struct run *run, const struct ptiter *it)
{
	const struct ptiter *f = &run->first;
	pa_t size = 1ULL << f->mmu->mode->level[f->level].shift;
	pa_t step;

	if (!it->valid || !it->leaf || it->bad || f->bad ||
	    it->va >= run->end || !same_table(f, it) || it->index != f->index + run->n ||
	    leaf_bits(it) != leaf_bits(f))
		return false;
	step = leaf_pa(it) - leaf_pa(f);
	if (run->n == 1)
		run->stride = step == 0 ? 0 : size;
	if (step != run->n * run->stride)
		return false;
	run->n++;
	return true;
}

static void emit_range(struct result *r, const struct ptiter *it, uint64_t n)
{
	uint64_t size = n << it->mmu->mode->level[it->level].shift;

	res_va(r, "va", "%s", it->va);
	res_va(r, "last", "~-%s", it->va + size - 1);
}

static void emit_run(struct dump *d, const struct run *run, bool last)
{
	const struct ptiter *f = &run->first;
	const struct paging_level *l = &f->mmu->mode->level[f->level];
	unsigned digits = (l->bits + 3u) / 4;
	struct result *r = d->c->r;
	char text[160];

	res_item(r, last);
	res_name(r, "name", "%s", l->name);
	res_hex(r, "index", run->n == 1 ? "~[%s]" : "~[%s", f->index, digits);
	if (run->n > 1)
		res_hex(r, NULL, "~..%s]", f->index + run->n - 1, digits);
	emit_range(r, f, run->n);
	res_pa(r, "page", "-> %s", leaf_pa(f));
	paging_format_entry(text, sizeof(text), f->mmu->mode, f->level,
			    f->entry, true);
	res_flags(r, "flags", "%s", text);
	res_u64(r, "count", NULL, run->n);
	res_text(r, COL_PLAIN, "%llu x %s%s", (unsigned long long)run->n,
		 paging_size_name(l->shift),
		 run->n > 1 && !run->stride ? ", same frame" : "");
	if (f->bad)
		res_text(r, COL_BAD, "reserved bit set");
	if (d->c->k)
		res_str(r, "area", "%s",
			describe_va(d->c->k, d->task, f->va, text, sizeof(text)));
	res_end(r);
	d->pages += run->n;
	d->lines++;
}

/* Opens the item of a table and the list of its entries. */
static void emit_table(struct dump *d, const struct ptiter *it, bool last)
{
	struct result *r = d->c->r;

	res_item(r, last);
	cmd_emit_entry(r, it->mmu->mode, it->level, it->index, !it->entry_pa,
		       it->entry_pa, it->entry, false);
	emit_range(r, it, 1);
	res_pa(r, "table", "table %s",
	       paging_target(it->mmu->mode, it->level, it->entry, false));
	if (it->bad) {
		res_text(r, COL_BAD, "reserved bit set");
		res_end(r);
		return;
	}
	d->tables++;
	res_list(r, "entries", RES_TREE);
	d->depth++;
}

/* Leaves the tables that do not hold @it. */
static void close_tables(struct dump *d, unsigned level)
{
	while (d->depth > level) {
		res_end(d->c->r);	/* list */
		res_end(d->c->r);	/* item */
		d->depth--;
	}
}

static bool has_sibling(const struct ptiter *it)
{
	struct ptiter next = *it;

	ptiter_skip(&next);
	return next.valid && same_table(it, &next);
}

static void dump_leaves(struct dump *d, struct ptiter *it)
{
	struct run run = { .first = *it, .n = 1, .end = ~0ULL };

	if (d->c->k)
		run.end = describe_end(d->c->k, d->task, it->va);
	do
		ptiter_next(it);
	while (!d->full && run_extend(&run, it));
	emit_run(d, &run, !it->valid || !same_table(&run.first, it));
}

static void dump_tree(struct dump *d, struct ptiter *it)
{
	res_list(d->c->r, "entries", RES_TREE);
	while (it->valid) {
		close_tables(d, it->level);
		if (it->leaf) {
			dump_leaves(d, it);
		} else {
			emit_table(d, it, !has_sibling(it));
			ptiter_next(it);
		}
	}
	close_tables(d, 0);
	res_end(d->c->r);
}

static int ptdump_run(struct cmd_ctx *c)
{
	struct dump d = { .c = c, .full = cmd_opt(c, 'f') != NULL };
	struct ptiter it;
	struct mmu mmu;
	unsigned cpu;
	va_t from = 0, last = ~0ULL;

	if (cmd_view(c, &d.task, &cpu, &mmu) < 0)
		return -1;
	if (c->arg[0].set) {
		from = c->arg[0].value.n;
		last = c->arg[0].end;
	}
	cmd_emit_mode(c->r, &mmu, d.task);
	if (mmu.mode->nlevels) {
		res_line(c->r);
		cmd_emit_root(c->r, &mmu);
	}
	ptiter_start(&it, &mmu, c->m->ram, from, last);
	dump_tree(&d, &it);
	res_line(c->r);
	res_u64(c->r, "pages", "%s pages", d.pages);
	res_u64(c->r, "lines", "~ in %s runs", d.lines);
	res_u64(c->r, "tables", "~, %s tables below the root", d.tables);
	return 0;
}

const struct command cmd_ptdump = {
	.name = "ptdump", .alias = "pt", .group = "translation",
	.help = "print the tree of paging structures, equal runs folded",
	.details =
	"Shows every present entry that translates an address of RANGE (default:\n"
	"the whole address space). Consecutive entries of one table with equal bits\n"
	"and consecutive frames are one line; --full prints each.\n"
	"RANGE is VA, VA-END, VA+LEN, or the name of an area (heap, vmalloc).",
	.example = "ptdump text",
	.arg = { { "RANGE", ARG_RANGE, .optional = true } },
	.opt = { { 'f', "full", ARG_FLAG, NULL, "do not fold runs" },
		 CMD_OPT_PID, CMD_OPT_CPU },
	.run = ptdump_run,
};

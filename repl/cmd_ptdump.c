/*
 * cmd_ptdump.c - ptdump: a whole tree of paging structures, runs of equal
 * entries folded, streamed.
 *
 * A line is a run of leaves within one area; with --full each leaf has its
 * line. A line that differs from the one above in its numbers only is that
 * item again (res_again), which costs next to nothing.
 */
#include "kernel/pte.h"
#include "kernel/pti.h"
#include "kernel/swap.h"
#include "repl/cmd.h"
#include "repl/cmd_ptdump.h"
#include "repl/describe.h"
#include "repl/dialect.h"
#include "repl/pt_marker.h"

struct dump {
	struct cmd_ctx *c;
	struct task_struct *task;
	const struct mmu *mmu;
	const struct paging_mode *mode;
	bool full;	/* unfolded */
	unsigned depth; /* open lists: tables we are inside of */
	uint64_t tables, pages, lines;
	struct ptrun line; /* the leaves on the line above; n 0: none */
	uint64_t line_bits;
	va_t area_last; /* of the area that the current run is in */
	const struct pt_markers *markers; /* headings; NULL: none */
	unsigned marker;		  /* the next one */
};

/* Do both entries lie in one table? The path to it is in the address. */
static bool same_table(const struct ptiter *it, unsigned level, va_t va)
{
	const struct paging_level *l = &it->mmu->mode->level[level];

	if (!it->valid || it->level != level)
		return false;
	return level == 0 ||
	       (it->va >> l->shift) >> l->bits == (va >> l->shift) >> l->bits;
}

static void emit_range(struct result *r, va_t va, uint64_t bytes)
{
	res_va(r, "va", "%s", va);
	res_va(r, "last", "~-%s", va + bytes - 1);
}

/* "PDE[0x001..0x007]  0x00400000-0x01ffffff": @n entries from @va on. */
static void emit_span(struct dump *d, unsigned level, unsigned index,
		      uint64_t n, va_t va)
{
	const struct paging_level *l = &d->mode->level[level];
	unsigned digits = (l->bits + 3u) / 4;
	struct result *r = d->c->r;

	res_name(r, "name", "%s", l->name);
	res_hex(r, "index", n == 1 ? "~[%s]" : "~[%s", index, digits);
	if (n > 1)
		res_hex(r, NULL, "~..%s]", index + n - 1, digits);
	emit_range(r, va, n << l->shift);
}

static void emit_run(struct dump *d, const struct ptrun *run, bool last)
{
	const struct paging_level *l = &d->mode->level[run->level];
	struct result *r = d->c->r;
	char text[160];

	res_item(r, last);
	emit_span(d, run->level, run->index, run->n, run->va);
	if (!run->bad)
		res_pa(r, "page", "-> %s", run->pa);
	paging_format_entry(text, sizeof(text), d->mode, run->level, run->entry,
			    true);
	res_flags(r, "flags", "%s", text);
	res_u64(r, "count", NULL, run->n);
	res_text(r, COL_PLAIN, "%llu x %s%s", (unsigned long long)run->n,
		 paging_size_name(l->shift),
		 run->n > 1 && !run->stride ? ", same frame" : "");
	if (run->bad)
		cmd_emit_reserved(r, d->mmu, run->level, run->entry, true);
	if (d->c->k)
		res_str(r, "area", "%s",
			describe_va(d->c->k, d->task, run->va, text,
				    sizeof(text)));
	res_end(r);
}

/* The entry without its address. */
static uint64_t leaf_bits(const struct dump *d, const struct ptrun *run)
{
	return run->entry &
	       ~paging_address_bits(d->mode, run->level, run->pa, true);
}

/*
 * Does @run look like the line above, the numbers apart? It is of the same
 * table and area, as long, and has the same bits.
 */
static bool like_above(const struct dump *d, const struct ptrun *run,
		       uint64_t bits)
{
	return d->line.n == run->n && d->line.level == run->level &&
	       d->line_bits == bits && !d->line.stride == !run->stride &&
	       !run->bad && !d->line.bad && run->va <= d->area_last;
}

/*
 * The line above again for @times runs like @run, each behind the one before
 * and @stride further in memory. Returns for how many.
 */
static uint64_t emit_again(struct dump *d, const struct ptrun *run, pa_t stride,
			   uint64_t times)
{
	unsigned shift = d->mode->level[run->level].shift, n = 0;
	uint64_t bytes = run->n << shift;
	unsigned end = run->index + run->n - 1;
	struct res_number number[5];

	number[n++] = (struct res_number){ run->index, run->n };
	if (run->n > 1)
		number[n++] = (struct res_number){ end, run->n };
	number[n++] = (struct res_number){ run->va, bytes };
	number[n++] = (struct res_number){ run->va + bytes - 1, bytes };
	number[n++] = (struct res_number){ run->pa, stride };
	return res_again(d->c->r, number, n, times);
}

/* @last: nothing follows in the table of @run. */
static void emit_line(struct dump *d, const struct ptrun *run, bool last)
{
	uint64_t bits = leaf_bits(d, run);

	if (last || !like_above(d, run, bits) || !emit_again(d, run, 0, 1))
		emit_run(d, run, last);
	d->line = *run;
	d->line_bits = bits;
}

static struct ptrun nth_leaf(const struct dump *d, const struct ptrun *run,
			     uint64_t nth)
{
	struct ptrun one = *run;

	one.n = 1;
	one.stride = 0;
	one.index += nth;
	one.va += nth << d->mode->level[run->level].shift;
	one.pa += nth * run->stride;
	return one;
}

/*
 * Each leaf of @run on its own: the first may be new, those behind it are
 * alike, but for the last one of a table, which a tree draws differently.
 */
static void emit_each(struct dump *d, const struct ptrun *run, bool last)
{
	struct ptrun one = nth_leaf(d, run, 0);
	uint64_t alike = run->n - last, i, done;

	emit_line(d, &one, last && run->n == 1);
	for (i = 1; i < run->n; i += done) {
		one = nth_leaf(d, run, i);
		done = 0;
		if (i < alike)
			done = emit_again(d, &one, run->stride, alike - i);
		if (done)
			continue;
		emit_run(d, &one, last && i + 1 == run->n);
		done = 1;
	}
}

/* Opens the item of a table and the list of its entries. */
static void emit_table(struct dump *d, const struct ptiter *it, bool last)
{
	struct result *r = d->c->r;

	d->line.n = 0;
	res_item(r, last);
	cmd_emit_entry(r, it->mmu->mode, it->level, it->index, !it->entry_pa,
		       it->entry_pa, it->entry, false);
	emit_range(r, it->va, BIT(it->mmu->mode->level[it->level].shift));
	if (it->bad) {
		cmd_emit_reserved(r, it->mmu, it->level, it->entry, false);
		res_end(r);
		return;
	}
	res_pa(r, "table", "table %s",
	       paging_target(it->mmu->mode, it->level, it->entry, false));
	d->tables++;
	res_list(r, "entries", RES_TREE);
	d->depth++;
}

/* Leaves the tables that do not hold @it. */
static void close_tables(struct dump *d, unsigned level)
{
	while (d->depth > level) {
		d->line.n = 0;
		res_end(d->c->r); /* list */
		res_end(d->c->r); /* item */
		d->depth--;
	}
}

static bool has_sibling(const struct ptiter *it)
{
	struct ptiter next = *it;

	ptiter_skip(&next);
	return same_table(&next, it->level, it->va);
}

/* Is the table of @it in the range as a whole, and without an entry? */
static bool is_empty_table(const struct ptiter *it)
{
	uint64_t bytes = BIT(it->mmu->mode->level[it->level].shift);
	struct ptiter next = *it;

	if (it->leaf || it->bad || it->va < it->from ||
	    it->last - it->va < bytes - 1)
		return false;
	ptiter_next(&next);
	return !next.valid || next.level <= it->level;
}

/* The entry of a table without its address. */
static uint64_t table_bits(const struct ptiter *it)
{
	const struct paging_mode *mode = it->mmu->mode;
	pa_t table = paging_target(mode, it->level, it->entry, false);

	return it->entry & ~paging_address_bits(mode, it->level, table, false);
}

/* Goes behind the empty tables that begin with @it, alike and side by side. */
static uint64_t pass_empty_tables(struct ptiter *it)
{
	struct ptiter first = *it;
	uint64_t n = 0;

	while (same_table(it, first.level, first.va) &&
	       it->index == first.index + n && is_empty_table(it) &&
	       table_bits(it) == table_bits(&first)) {
		ptiter_skip(it);
		n++;
	}
	return n;
}

/* The kernel makes tables ahead of need: several on a line. */
static bool dump_empty_tables(struct dump *d, struct ptiter *it)
{
	struct result *r = d->c->r;
	struct ptiter next = *it;
	uint64_t n = d->full ? 0 : pass_empty_tables(&next);
	char flags[160];

	if (n < 2)
		return false;
	d->line.n = 0;
	d->tables += n;
	res_item(r, !same_table(&next, it->level, it->va));
	emit_span(d, it->level, it->index, n, it->va);
	paging_format_entry(flags, sizeof(flags), d->mode, it->level, it->entry,
			    false);
	res_flags(r, "flags", "%s", flags);
	res_u64(r, "count", "%s empty tables", n);
	res_end(r);
	*it = next;
	return true;
}

static void dump_leaves(struct dump *d, struct ptiter *it)
{
	struct ptrun run;
	bool at_end;

	if (!d->line.n || it->va > d->area_last) {
		d->line.n = 0;
		d->area_last = ~0ULL;
		if (d->c->k)
			d->area_last =
				describe_end(d->c->k, d->task, it->va) - 1;
	}
	ptiter_run(it, d->area_last, &run);
	at_end = !same_table(it, run.level, run.va);
	if (d->full)
		emit_each(d, &run, at_end);
	else
		emit_line(d, &run, at_end);
	if (run.bad)
		return;
	d->pages += run.n;
	d->lines += d->full ? run.n : 1;
}

/* The headings of all that begins before @va, as Linux' dump has them. */
static void pass_markers(struct dump *d, va_t va)
{
	struct result *r = d->c->r;
	const struct pt_marker *m;

	while (d->markers) {
		m = &d->markers->marker[d->marker];
		if (!m->name || m->start > va)
			return;
		res_item(r, false);
		res_va(r, "start", NULL, m->start);
		res_str(r, "region", "---[ %s ]---", m->name);
		res_end(r);
		d->line.n = 0;
		d->marker++;
	}
}

static void dump_tree(struct dump *d, struct ptiter *it)
{
	res_list(d->c->r, "entries", RES_TREE);
	while (it->valid) {
		close_tables(d, it->level);
		pass_markers(d, it->va);
		if (it->leaf) {
			dump_leaves(d, it);
		} else if (!dump_empty_tables(d, it)) {
			emit_table(d, it, !has_sibling(it));
			ptiter_next(it);
		}
	}
	close_tables(d, 0);
	res_end(d->c->r);
}

static int dump_as(struct dump *d, const struct dialect *as,
		   const struct mmu *mmu, va_t from, va_t last)
{
	struct cmd_ctx *c = d->c;
	struct dialect_view v = { .r = c->r, .k = c->k, .task = d->task,
				  .mmu = mmu, .ram = c->m->ram, .from = from,
				  .last = last, .ranged = c->arg[0].set };

	return dialect_emit(as, c->cmd, &v, c->err);
}

/* Entries of pages in swap: the machine's iterator has the present ones. */
static void emit_swapped(const struct dump *d, va_t from, va_t last)
{
	const struct kernel *k = d->c->k;
	struct pte_range r;
	va_t end, n = 0;

	if (!k || !d->task || !d->task->mm ||
	    !d->task->mm->rss[MM_SWAPENTS])
		return;
	end = last < d->task->mm->task_size ? last + 1 :
					      d->task->mm->task_size;
	for (va_t va = from; next_pte_range(k, mm_root(d->task->mm), va, end, &r);
	     va = r.end)
		for (; r.va < r.end;
		     r.va += PAGE_SIZE, r.ptep += k->mode->entry_size)
			n += swap_pte_ok(k, ptep_get(k, r.ptep));
	if (n)
		res_u64(d->c->r, "swapped",
			n == 1 ? "~; %s entry of a page in swap" :
				 "~; %s entries of pages in swap",
			n);
}

static void dump_own(struct dump *d, const struct mmu *mmu, va_t from,
		     va_t last)
{
	struct cmd_ctx *c = d->c;
	struct ptiter it;

	res_certain(c->r);
	cmd_emit_mode(c->r, mmu, d->task);
	if (mmu->mode->nlevels) {
		res_line(c->r);
		cmd_emit_root(c->r, mmu);
	}
	d->mmu = mmu;
	d->mode = mmu->mode;
	ptiter_start(&it, mmu, c->m->ram, from, last);
	dump_tree(d, &it);
	res_line(c->r);
	res_u64(c->r, "pages", d->pages == 1 ? "%s page" : "%s pages",
		d->pages);
	res_u64(c->r, "lines", d->lines == 1 ? "~ in %s run" : "~ in %s runs",
		d->lines);
	res_u64(c->r, "tables",
		d->tables == 1 ? "~, %s table below the root"
			       : "~, %s tables below the root",
		d->tables);
	emit_swapped(d, from, last);
}

/*
 * -k: the tables that the kernel runs on, those of no process unless one is
 * named; -u: those that user code runs on.
 */
static void choose_root(struct dump *d, struct mmu *mmu)
{
	struct cmd_ctx *c = d->c;

	if (cmd_opt(c, 'k') && !cmd_opt(c, 'p') && !c->arg[0].set) {
		d->task = NULL;
		mmu_set_root(mmu, c->m->ram, c->k->swapper_pg_dir);
		mmu_refresh(mmu);
	} else if (cmd_opt(c, 'k') || cmd_opt(c, 'u')) {
		cmd_view_root(c, d->task, cmd_opt(c, 'u') != NULL, mmu);
	}
}

static void choose_range(const struct cmd_ctx *c, bool as, va_t *from,
			 va_t *last)
{
	*from = 0;
	*last = ~0ULL;
	if (c->arg[0].set) {
		*from = c->arg[0].value.n;
		*last = c->arg[0].end;
	} else if (cmd_opt(c, 'k') && !as && !cmd_opt(c, 'p')) {
		*from = c->k->mode->canonical ? BIT(63)
					      : c->k->layout.task_size;
	} else if (cmd_opt(c, 'u') && !has_pti(c->k)) {
		*last = c->k->layout.task_size - 1;
	}
}

static int ptdump_run(struct cmd_ctx *c)
{
	struct dump d = { .c = c, .full = cmd_opt(c, 'f') != NULL };
	const struct dialect *as;
	struct pt_markers markers;
	struct mmu mmu;
	unsigned cpu;
	va_t from, last;
	int rc;

	if (cmd_opt(c, 'w'))
		return checkwx_run(c);
	if (!c->k && (cmd_opt(c, 'k') || cmd_opt(c, 'u')))
		return err_set(c->err, ERR_USER,
			       "-k, -u: a bare machine has no kernel");
	as = cmd_dialect(c, "f", &rc);
	if (rc < 0 || cmd_one_of(c, "ku") < 0 ||
	    cmd_view(c, &d.task, &cpu, &mmu) < 0)
		return -1;
	choose_root(&d, &mmu);
	choose_range(c, as != NULL, &from, &last);
	if (as)
		return dump_as(&d, as, &mmu, from, last);
	if (cmd_opt(c, 'k') && mmu.mode->nlevels) {
		pt_markers(c->k, &mmu, &markers);
		d.markers = &markers;
		while (markers.marker[d.marker + 1].start <= from)
			d.marker++;
	}
	dump_own(&d, &mmu, from, last);
	return 0;
}

const struct command cmd_ptdump = {
	.name = "ptdump", .alias = "pt", .group = "translation",
	.help = "print the tree of paging structures, equal runs folded",
	.details =
	"Shows every present entry that translates an address of RANGE (default:\n"
	"the whole address space). Consecutive entries of one table with equal bits\n"
	"and consecutive frames are one line; --full prints each.\n"
	"RANGE is VA, VA-END, VA+LEN, or the name of an area (heap, vmalloc).\n"
	"-k: kernel space in the kernel's own tables, with the headings of Linux'\n"
	"dump; with -p or RANGE in the process' tables that the kernel runs on. -u:\n"
	"the tables that user code runs on; they are others with pti=on only.\n"
	"--wx looks for pages of the kernel that are writable and executable (W+X), and\n"
	"says what CONFIG_DEBUG_WX would.\n"
	"--as prints what another tool would: qemu-tlb, qemu-mem (info tlb and\n"
	"info mem of QEMU), info-pg (of the QEMU for JOS), ptdump (Linux'\n"
	"debugfs), pt-dump (gdb-pt-dump), bochs (info tab); and, for each mapped\n"
	"page of RANGE, crash (vtop) and windbg (!pte).",
	.example = "ptdump text",
	.arg = { { "RANGE", ARG_RANGE, .optional = true } },
	.opt = { { 'f', "full", ARG_FLAG, NULL, "do not fold runs" },
		 { 'k', "kernel", ARG_FLAG, NULL, "the kernel's tables" },
		 { 'u', "user", ARG_FLAG, NULL, "those of user code" },
		 { 'w', "wx", ARG_FLAG, NULL, "what is writable and executable" },
		 CMD_OPT_AS, CMD_OPT_PID, CMD_OPT_CPU },
	.run = ptdump_run,
};

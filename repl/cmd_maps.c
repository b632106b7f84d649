/*
 * cmd_maps.c - maps: the areas of a process, as /proc/PID/maps has them, or
 * with -b what of each is resident, drawn.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "kernel/task_mmu.h"
#include "repl/cmd.h"
#include "repl/describe.h"
#include "repl/out.h"
#include "repl/proc_line.h"

#define CHUNK 8192 /* bytes */

/* As text: many lines at once, for there may be many. */
static void maps_text(struct cmd_ctx *c, const struct mm_struct *mm)
{
	struct vma_iter it = { .tree = &mm->vmas };
	const struct vm_area_struct *vma;
	bool any = false;
	char buf[CHUNK + PROC_LINE_MAX], *p = buf;

	res_item(c->r, true);
	while ((vma = vma_iter_next(&it))) {
		if (any)
			*p++ = '\n';
		if (p > buf + CHUNK) {
			p[-1] = 0;
			proc_text(c->r, buf);
			p = buf;
		}
		p = proc_maps_line(p, c->k, vma);
		any = true;
	}
	if (any)
		proc_text(c->r, buf);
	res_end(c->r);
}

static void maps_data(struct cmd_ctx *c, const struct mm_struct *mm)
{
	struct vma_iter it = { .tree = &mm->vmas };
	const struct vm_area_struct *vma;

	while ((vma = vma_iter_next(&it))) {
		res_item(c->r, true);
		proc_maps_fields(c->r, vma);
		res_end(c->r);
	}
}

static void maps_exact(struct cmd_ctx *c, const struct mm_struct *mm)
{
	res_list(c->r, "maps", RES_VERBATIM);
	if (c->r->data)
		maps_data(c, mm);
	else
		maps_text(c, mm);
	res_end(c->r);
}

/* --- bars ---------------------------------------------------------------- */
#define BAR_CELLS 24

enum part {
	PART_NONE,
	PART_PRIVATE,
	PART_SHARED,
	PART_HUGE,
	PART_ZERO,
	PART_SWAP,
	NPARTS
};

static const struct {
	const char *glyph;
	enum res_colour colour;
	const char *what;
} parts[NPARTS] = {
	[PART_NONE] = { "░", COL_DIM, "not resident" },
	[PART_PRIVATE] = { "█", COL_GREEN, "mapped here alone" },
	[PART_SHARED] = { "▓", COL_YELLOW, "mapped elsewhere too" },
	[PART_HUGE] = { "H", COL_MAGENTA, "of a large page" },
	[PART_ZERO] = { "z", COL_DIM, "zero page, special" },
	[PART_SWAP] = { "s", COL_RED, "swapped out" },
};

struct bar {
	uint64_t pages[NPARTS]; /* of the area */
	uint64_t cell[BAR_CELLS][NPARTS];
	unsigned cells;
};

static enum part part_of(struct kernel *k, const struct mm_struct *mm, va_t va,
			 uint64_t pme)
{
	uint64_t entry;
	unsigned level;

	if (pme & PM_SWAP)
		return PART_SWAP;
	if (!(pme & PM_PRESENT))
		return PART_NONE;
	if (pt_leaf(k, mm->pgd << PAGE_SHIFT, va, &entry, &level) &&
	    level < k->pte_level)
		return PART_HUGE;
	if (pme & PM_MMAP_EXCLUSIVE)
		return PART_PRIVATE;
	return pme & PM_FILE || (pme & PM_PFRAME_MASK) != k->zero_pfn
		       ? PART_SHARED
		       : PART_ZERO;
}

/* Pages [from, to) of an area of @total are of one kind. */
static void bar_add(struct bar *b, enum part part, uint64_t from, uint64_t to,
		    uint64_t total)
{
	b->pages[part] += to - from;
	for (unsigned i = from * b->cells / total; i < b->cells; i++) {
		uint64_t start = (i * total + b->cells - 1) / b->cells;
		uint64_t end = ((i + 1) * total + b->cells - 1) / b->cells;

		if (start >= to)
			return;
		start = start < from ? from : start;
		end = end > to ? to : end;
		if (end > start)
			b->cell[i][part] += end - start;
	}
}

static void bar_fill(struct bar *b, struct kernel *k,
		     const struct vm_area_struct *vma)
{
	uint64_t total = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT, pme;
	va_t next;

	*b = (struct bar){ .cells = total < BAR_CELLS ? total : BAR_CELLS };
	for (va_t va = vma->vm_start; va < vma->vm_end; va = next) {
		next = pagemap_run(k, vma->vm_mm, va, vma->vm_end, &pme);
		bar_add(b, part_of(k, vma->vm_mm, va, pme),
			(va - vma->vm_start) >> PAGE_SHIFT,
			(next - vma->vm_start) >> PAGE_SHIFT, total);
	}
}

/* What a cell shows: what most of its pages are; ▒ if most are not there. */
static const char *cell_glyph(const struct bar *b, unsigned i,
			      enum res_colour *colour)
{
	enum part most = PART_PRIVATE;

	for (unsigned p = PART_PRIVATE; p < NPARTS; p++)
		if (b->cell[i][p] > b->cell[i][most])
			most = p;
	if (!b->cell[i][most])
		most = PART_NONE;
	*colour = parts[most].colour;
	if (most != PART_NONE && b->cell[i][PART_NONE] > b->cell[i][most])
		return "▒";
	return parts[most].glyph;
}

static void emit_bar(struct result *r, const struct bar *b)
{
	char run[BAR_CELLS * 4] = "";
	enum res_colour colour = COL_PLAIN, next;

	res_text(r, COL_PLAIN, "~  ");
	for (unsigned i = 0; i < b->cells; i++) {
		const char *glyph = cell_glyph(b, i, &next);

		if (next != colour && *run) {
			res_text(r, colour, "~%s", run);
			*run = 0;
		}
		colour = next;
		strcat(run, glyph);
	}
	res_text(r, colour, "~%s", run);
	res_text(r, COL_PLAIN, "~%*s", BAR_CELLS - (int)b->cells, "");
}

/* "132K", or "-" for nothing. */
static void emit_pages(struct result *r, const char *name, uint64_t pages)
{
	char buf[SIZE_FORMAT_MAX];

	res_size(r, name, NULL, pages << PAGE_SHIFT);
	res_text(r, pages ? COL_PLAIN : COL_DIM, "~ %6s",
		 pages ? size_format(buf, pages << PAGE_SHIFT) : "-");
}

/* "7ffff7fb4000-7ffff7fc4000 rw-p": as maps, but of one width. */
static void emit_bounds(struct cmd_ctx *c, const struct vm_area_struct *vma)
{
	int digits = c->k->arch->word == 8 ? 12 : 8;
	char perms[5];

	vma_perms(vma, perms);
	res_va(c->r, "start", NULL, vma->vm_start);
	res_va(c->r, "end", NULL, vma->vm_end);
	res_str(c->r, "perms", NULL, perms);
	res_text(c->r, COL_ADDR, "%0*llx-%0*llx", digits,
		 (unsigned long long)vma->vm_start, digits,
		 (unsigned long long)vma->vm_end);
	res_text(c->r, COL_PLAIN, "~ %s", perms);
}

static void emit_area_bar(struct cmd_ctx *c, const struct vm_area_struct *vma,
			  const struct bar *b, const struct mem_size_stats *mss)
{
	struct result *r = c->r;

	res_item(r, false);
	emit_bounds(c, vma);
	emit_pages(r, "size", (vma->vm_end - vma->vm_start) >> PAGE_SHIFT);
	emit_pages(r, "rss", mss->resident >> PAGE_SHIFT);
	emit_pages(r, "anon", mss->anonymous >> PAGE_SHIFT);
	emit_pages(r, "swap", b->pages[PART_SWAP]);
	res_size(r, "shared", NULL, b->pages[PART_SHARED] << PAGE_SHIFT);
	res_size(r, "huge", NULL,
		 mss->anonymous_thp + mss->shmem_thp + mss->file_thp +
			 mss->shared_hugetlb + mss->private_hugetlb);
	emit_bar(r, b);
	res_str(r, "name", "%s", vma_name(vma));
	res_end(r);
}

static void emit_legend(struct result *r)
{
	res_text(r, COL_DIM,
		 "█ here alone  ▓ also mapped elsewhere  ▒ partly  "
		 "░ not resident  H large page  z zero page  s swapped");
}

static void maps_bars(struct cmd_ctx *c, const struct mm_struct *mm)
{
	int width = c->k->arch->word == 8 ? 25 : 17;
	const struct vm_area_struct *vma;
	struct bar b;

	res_text(c->r, COL_NAME, "%-*s %s %6s %6s %6s %6s  %-*s  %s", width,
		 "AREA", "PERM", "SIZE", "RSS", "ANON", "SWAP", BAR_CELLS,
		 "PAGES", "NAME");
	res_line(c->r);
	res_list(c->r, "maps", RES_LINES);
	for_each_vma (&mm->vmas, vma) {
		struct mem_size_stats mss = { .resident = 0 };

		bar_fill(&b, c->k, vma);
		smap_gather_stats(c->k, vma, &mss);
		emit_area_bar(c, vma, &b, &mss);
	}
	res_end(c->r);
	emit_legend(c->r);
}

static int maps_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);

	if (!task)
		return -1;
	if (cmd_opt(c, 'b'))
		maps_bars(c, task->mm);
	else
		maps_exact(c, task->mm);
	return 0;
}

const struct command cmd_maps = {
	.name = "maps",
	.alias = "vmmap",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "the areas of a process, as /proc/PID/maps",
	.details = "With -b the pages of each area are drawn as a bar, and its "
		   "resident,\n"
		   "anonymous and swapped parts are summed up.",
	.example = "maps -b",
	.opt = { { 'b', "bars", ARG_FLAG, NULL, "draw what is resident" },
		 CMD_OPT_PID },
	.run = maps_run,
};

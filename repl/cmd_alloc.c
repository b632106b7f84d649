/*
 * cmd_alloc.c - taking and giving back frames: alloc_pages, __get_free_pages,
 * get_zeroed_page, free_pages, drain, compact.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/compaction.h"
#include "kernel/highmem.h"
#include "repl/cmd_vmalloc.h"
#include "repl/describe.h"
#include "repl/gfp_arg.h"
#include "repl/story.h"

typedef unsigned long long ull;

/* --- taking
 * ---------------------------------------------------------------------- */
struct request {
	unsigned gfp, order;
	struct zone_try zone[MAX_NR_ZONES]; /* before: the first attempt */
	unsigned nzones;
};

static int get_request(struct cmd_ctx *c, const struct cmd_arg *order,
		       struct request *q)
{
	const struct cmd_arg *g = cmd_opt(c, 'g');
	uint64_t n = order && order->set ? order->value.n : 0;

	if (gfp_arg(c, g ? g->str : NULL, &q->gfp) < 0)
		return -1;
	if (n >= MAX_ORDER)
		return err_set(c->err, ERR_USER, "order %llu: 0 to %d", (ull)n,
			       MAX_ORDER - 1);
	q->order = n;
	return 0;
}

/* Takes a block and tells what it took to get it; PFN_NONE with *err set. */
static pfn_t take(struct cmd_ctx *c, struct request *q, const char *why)
{
	struct story *story;
	pfn_t pfn;

	q->nzones = zonelist_try(c->k, q->gfp, q->order, WMARK_LOW, q->zone);
	story = story_begin_at(c->k, c->r->story);
	pfn = alloc_pages(c->k, q->gfp, q->order, why);
	story_end(story, c->r);
	if (pfn == PFN_NONE) {
		page_alloc_failure(c, q->gfp, q->order);
		return pfn;
	}
	pfn_to_page(c->k, pfn)->flags |= PG_block;
	pfn_to_page(c->k, pfn)->private = q->order;
	return pfn;
}

/* The better zones that gave nothing, and why. */
static void emit_passed_over(struct cmd_ctx *c, const struct request *q,
			     pfn_t pfn)
{
	char why[80];

	res_list(c->r, "passed_over", RES_LINES);
	for (unsigned i = 0; i < q->nzones; i++) {
		const struct zone_try *t = &q->zone[i];

		if (t->zone == page_zone(c->k, pfn))
			break;
		if (t->verdict == ZONE_GIVES)
			continue;
		res_item(c->r, false);
		res_str(c->r, "zone", "  not %s:", t->zone->name);
		res_str(c->r, "why", "~ %s",
			zone_verdict_text(t, q->order, why, sizeof(why)));
		res_end(c->r);
	}
	res_end(c->r);
}

static int alloc_pages_run(struct cmd_ctx *c)
{
	struct result *r = c->r;
	struct request q;
	pfn_t pfn;

	if (get_request(c, &c->arg[0], &q) < 0)
		return -1;
	pfn = take(c, &q, "alloc_pages");
	if (pfn == PFN_NONE)
		return -1;
	res_pfn(r, "pfn", "pfn %s", pfn);
	res_u64(r, "order", "order %s", q.order);
	res_str(r, "zone", "zone %s", zone_name(c->k, pfn));
	res_pa(r, "pa", "pa %s", pfn << PAGE_SHIFT);
	res_line(r);
	emit_passed_over(c, &q, pfn);
	return 0;
}

/* 6.1 drops __GFP_HIGHMEM; BUG_ON() is what it did up to 4.14. */
static int get_free_pages(struct cmd_ctx *c, struct request *q,
			  const char *func)
{
	bool highmem = q->gfp & __GFP_HIGHMEM;
	pfn_t pfn;

	q->gfp &= ~__GFP_HIGHMEM;
	pfn = take(c, q, func);
	if (pfn == PFN_NONE)
		return -1;
	res_subject(c->r, kernel_va(c->k, pfn << PAGE_SHIFT));
	res_va(c->r, "va", "%s", kernel_va(c->k, pfn << PAGE_SHIFT));
	res_u64(c->r, "order", "order %s", q->order);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_str(c->r, "zone", "zone %s", zone_name(c->k, pfn));
	res_line(c->r);
	if (highmem)
		res_text(
			c->r, COL_DIM,
			"  __GFP_HIGHMEM is dropped: the result is an address, "
			"and HighMem has none");
	emit_passed_over(c, q, pfn);
	return 0;
}

static int get_free_pages_run(struct cmd_ctx *c)
{
	struct request q;

	if (get_request(c, &c->arg[0], &q) < 0)
		return -1;
	return get_free_pages(c, &q, "__get_free_pages");
}

static int get_zeroed_page_run(struct cmd_ctx *c)
{
	struct request q;

	if (get_request(c, NULL, &q) < 0)
		return -1;
	q.gfp |= __GFP_ZERO;
	return get_free_pages(c, &q, "get_zeroed_page");
}

#define OPT_GFP                                                          \
	{                                                                \
		'g', "gfp", ARG_WORD, "FLAGS",                           \
			"GFP_KERNEL (default), GFP_DMA, __GFP_ZERO, ..." \
	}

const struct command cmd_alloc_pages = {
	.name = "alloc_pages",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "take a block of 2^ORDER frames from the page allocator",
	.details = "FLAGS are Linux' own, joined by | (in quotes) or a comma; "
		   "kernel, dma, dma32\n"
		   "and highuser are short for GFP_KERNEL and so on. They say "
		   "which zones may give\n"
		   "the block, best first, how movable it is, and how hard to "
		   "try: see gfp and\n"
		   "zonelist. Zones that were passed over are named with the "
		   "reason.",
	.example = "alloc_pages 3 -g GFP_KERNEL,__GFP_ZERO",
	.arg = { { "ORDER", ARG_NUM, .optional = true } },
	.opt = { OPT_GFP },
	.run = alloc_pages_run,
	.word = gfp_flag_name,
};

const struct command cmd_get_free_pages = {
	.name = "__get_free_pages",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "take a block of 2^ORDER frames by its kernel logical address",
	.details =
		"The same as alloc_pages and page_address. __GFP_HIGHMEM is "
		"dropped, since a\n"
		"frame of HighMem has no address until it is mapped: see kmap.",
	.example = "__get_free_pages 2 -g GFP_DMA",
	.arg = { { "ORDER", ARG_NUM, .optional = true } },
	.opt = { OPT_GFP },
	.run = get_free_pages_run,
	.word = gfp_flag_name,
};

const struct command cmd_get_zeroed_page = {
	.name = "get_zeroed_page",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "take one zeroed frame by its kernel logical address",
	.example = "get_zeroed_page; peek __pa($_) 4",
	.opt = { OPT_GFP },
	.run = get_zeroed_page_run,
	.word = gfp_flag_name,
};

/* --- giving back
 * --------------------------------------------------------------------- */
static int free_pages_run(struct cmd_ctx *c)
{
	uint64_t order = c->arg[1].set ? c->arg[1].value.n : 0;
	struct page *page;
	pfn_t pfn;

	if (cmd_value_pfn(c, &c->arg[0].value, &pfn) < 0)
		return -1;
	page = pfn_valid(c->k, pfn) ? pfn_to_page(c->k, pfn) : NULL;
	if (!page || !(page->flags & PG_block) || page->private != order)
		return err_set(c->err, ERR_USER,
			       "pfn 0x%llx: not a block of order %llu from "
			       "alloc_pages",
			       (ull)pfn, (ull)order);
	if (kmap_in_use(c->k, pfn, 1ULL << order))
		return err_set(c->err, ERR_USER,
			       "pfn 0x%llx: still mapped by kmap", (ull)pfn);
	if (cmd_not_vmapped(c, pfn, 1ULL << order) < 0)
		return -1;
	page->flags &= ~PG_block;
	page->private = 0;
	free_pages(c->k, pfn, order);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_u64(c->r, "order", "order %s freed", order);
	return 0;
}

const struct command cmd_free_pages = {
	.name = "free_pages",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "give a block of alloc_pages or __get_free_pages back",
	.details = "Up to order 3, and of the size of a large page, it goes to "
		   "a list of this\n"
		   "CPU; larger ones go to the buddy allocator and merge with "
		   "their buddies.",
	.example = "alloc_pages 3; free_pages $_ 3",
	.arg = { { "X", ARG_ADDR }, { "ORDER", ARG_NUM, .optional = true } },
	.run = free_pages_run,
};

static const struct res_column drain_cols[] = {
	{ "zone", "zone", false },
	{ "pages", "pages given back", true },
	{ 0 },
};

static int drain_run(struct cmd_ctx *c)
{
	uint64_t held[MAX_NR_ZONES];

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		held[i] = zone_pcp_pages(c->k, &c->k->zone[i]);
	drain_all_pages(c->k);
	res_table(c->r, "zones", drain_cols);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		if (!c->k->zone[i].present)
			continue;
		res_item(c->r, false);
		res_str(c->r, "zone", "%s", c->k->zone[i].name);
		res_u64(c->r, "pages", "%s", held[i]);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

const struct command cmd_drain = {
	.name = "drain",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "give the free pages of all CPUs' lists back to the buddy",
	.details = "What drain_all_pages() does. Frames on those lists are "
		   "free, but nobody's to\n"
		   "merge with; buddyinfo and zoneinfo do not count them.",
	.example = "drain",
	.run = drain_run,
};

/* --- compact
 * ------------------------------------------------------------------------ */
struct blocks {
	uint64_t n[MAX_NR_ZONES][MAX_ORDER];
};

static void count_blocks(const struct kernel *k, struct blocks *b)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		for (unsigned o = 0; o < MAX_ORDER; o++)
			b->n[i][o] = zone_free_blocks(&k->zone[i], o);
}

static const struct res_column compact_cols[] = {
	{ "zone", "zone", false }, { "when", "", false },
	{ "o0", "0", true },	   { "o1", "1", true },
	{ "o2", "2", true },	   { "o3", "3", true },
	{ "o4", "4", true },	   { "o5", "5", true },
	{ "o6", "6", true },	   { "o7", "7", true },
	{ "o8", "8", true },	   { "o9", "9", true },
	{ "o10", "10", true },	   { 0 },
};

static void emit_blocks(struct cmd_ctx *c, const struct zone *zone,
			const char *when, const uint64_t n[MAX_ORDER])
{
	res_item(c->r, false);
	res_str(c->r, "zone", "%s", zone->name);
	res_str(c->r, "when", "%s", when);
	for (unsigned o = 0; o < MAX_ORDER; o++)
		res_u64(c->r, compact_cols[2 + o].name, "%s", n[o]);
	res_end(c->r);
}

static int compact_run(struct cmd_ctx *c)
{
	struct blocks before, after;
	uint64_t moved, held, scanned, looked;

	drain_all_pages(c->k);
	count_blocks(c->k, &before);
	moved = c->k->vmstat.pgmigrate_success;
	held = c->k->vmstat.pgmigrate_fail;
	scanned = c->k->vmstat.compact_migrate_scanned;
	looked = c->k->vmstat.compact_free_scanned;
	compact_memory(c->k);
	count_blocks(c->k, &after);
	res_table(c->r, "zones", compact_cols);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		if (!c->k->zone[i].present)
			continue;
		emit_blocks(c, &c->k->zone[i], "before", before.n[i]);
		emit_blocks(c, &c->k->zone[i], "after", after.n[i]);
	}
	res_end(c->r);
	res_u64(c->r, "migrated", "%s pages moved",
		c->k->vmstat.pgmigrate_success - moved);
	res_u64(c->r, "failed", "%s could not be",
		c->k->vmstat.pgmigrate_fail - held);
	res_u64(c->r, "migrate_scanned", "%s frames scanned for pages",
		c->k->vmstat.compact_migrate_scanned - scanned);
	res_u64(c->r, "free_scanned", "%s for room",
		c->k->vmstat.compact_free_scanned - looked);
	return 0;
}

const struct command cmd_compact = {
	.name = "compact",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "move pages together, so that free frames become whole blocks",
	.details = "Against fragmentation.\n"
		   "What writing to /proc/sys/vm/compact_memory does: in each "
		   "zone, movable pages\n"
		   "(anonymous ones and the page cache) go from its start to "
		   "free frames at its\n"
		   "end, and all entries that map them follow. Slabs, page "
		   "tables and stacks\n"
		   "stay. A request for a large block that finds none does the "
		   "same by itself.",
	.example = "compact",
	.run = compact_run,
};

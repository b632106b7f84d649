/*
 * cmd_zone.c - zones and the buddy allocator: buddyinfo, zoneinfo,
 * alloc_pages, free_pages.
 */
#include <errno.h>
#include <string.h>

#include "kernel/highmem.h"
#include "repl/cmd_vmalloc.h"
#include "repl/describe.h"

/* --- zones ----------------------------------------------------------------------- */
static void emit_free_blocks(struct cmd_ctx *c, const struct zone *zone)
{
	res_list(c->r, "free", RES_HIDDEN);
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		res_item(c->r, o + 1 == MAX_ORDER);
		res_u64(c->r, "order", NULL, o);
		res_u64(c->r, "blocks", NULL, zone_free_blocks(zone, o));
		res_end(c->r);
	}
	res_end(c->r);
}

/* A line of /proc/buddyinfo: free blocks by order. */
static void emit_buddyinfo_row(struct cmd_ctx *c, const struct zone *zone)
{
	res_item(c->r, true);
	res_str(c->r, "zone", NULL, zone->name);
	res_text(c->r, COL_PLAIN, "Node 0, zone %8s", zone->name);
	for (unsigned o = 0; o < MAX_ORDER; o++)
		res_text(c->r, COL_PLAIN, "~ %6llu",
			 (unsigned long long)zone_free_blocks(zone, o));
	emit_free_blocks(c, zone);
	res_end(c->r);
}

static int buddyinfo_run(struct cmd_ctx *c)
{
	res_list(c->r, "zones", RES_LINES);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (c->k->zone[z].present)
			emit_buddyinfo_row(c, &c->k->zone[z]);
	res_end(c->r);
	return 0;
}

static const struct res_column zone_cols[] = {
	{ "zone", "zone", false }, { "start_pfn", "start_pfn", true },
	{ "end_pfn", "end_pfn", true }, { "spanned", "spanned", true },
	{ "present", "present", true }, { "managed", "managed", true },
	{ "free", "free", true }, { "min", "min", true },
	{ "low", "low", true }, { "high", "high", true }, { 0 },
};

static int zoneinfo_run(struct cmd_ctx *c)
{
	res_table(c->r, "zones", zone_cols);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &c->k->zone[i];

		if (!z->present)
			continue;
		res_item(c->r, false);
		res_str(c->r, "zone", "%s", z->name);
		res_pfn(c->r, "start_pfn", "%s", z->start_pfn);
		res_pfn(c->r, "end_pfn", "%s", z->end_pfn);
		res_u64(c->r, "spanned", "%s", z->spanned);
		res_u64(c->r, "present", "%s", z->present);
		res_u64(c->r, "managed", "%s", z->managed);
		res_u64(c->r, "free", "%s", z->free);
		res_u64(c->r, "min", "%s", z->watermark[0]);
		res_u64(c->r, "low", "%s", z->watermark[1]);
		res_u64(c->r, "high", "%s", z->watermark[2]);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

/* --- alloc_pages, free_pages ---------------------------------------------------------- */
static const struct {
	const char *name, *zone;	/* of -g; the zone that it prefers */
	unsigned gfp;
} gfps[] = {
	{ "kernel", "Normal", GFP_KERNEL }, { "dma", "DMA", GFP_DMA },
	{ "dma32", "DMA32", GFP_DMA32 },
	{ "highuser", "HighMem", GFP_HIGHUSER },
};

static int alloc_gfp(struct cmd_ctx *c, unsigned *ret)
{
	const struct cmd_arg *g = cmd_opt(c, 'g');

	*ret = GFP_KERNEL;
	if (!g)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(gfps); i++)
		if (strcasecmp(g->str, gfps[i].name) == 0) {
			*ret = gfps[i].gfp;
			return 0;
		}
	err_set(c->err, ERR_USAGE,
		"-g %s: -g takes kernel, dma, dma32 or highuser", g->str);
	for (size_t i = 0; i < ARRAY_SIZE(gfps); i++)
		if (strcasecmp(g->str, gfps[i].zone) == 0)
			err_hint(c->err, "-g %s prefers %s", gfps[i].name,
				 gfps[i].zone);
	return -1;
}

static int alloc_pages_run(struct cmd_ctx *c)
{
	uint64_t order = c->arg[0].set ? c->arg[0].value.n : 0;
	struct result *r = c->r;
	unsigned gfp;
	pfn_t pfn;

	if (alloc_gfp(c, &gfp) < 0)
		return -1;
	if (order >= MAX_ORDER)
		return err_set(c->err, ERR_USER, "order %llu: 0 to %d",
			       (unsigned long long)order, MAX_ORDER - 1);
	pfn = alloc_pages(c->k, gfp, order, "alloc_pages");
	if (pfn == PFN_NONE)
		return err_errno(c->err, -ENOMEM, "order %llu",
				 (unsigned long long)order);
	pfn_to_page(c->k, pfn)->flags |= PG_block;
	pfn_to_page(c->k, pfn)->private = order;
	res_pfn(r, "pfn", "pfn %s", pfn);
	res_u64(r, "order", "order %s", order);
	res_str(r, "zone", "zone %s", zone_name(c->k, pfn));
	res_pa(r, "pa", "pa %s", pfn << PAGE_SHIFT);
	return 0;
}

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
			       "pfn 0x%llx: not a block of order %llu from alloc_pages",
			       (unsigned long long)pfn,
			       (unsigned long long)order);
	if (kmap_in_use(c->k, pfn, 1ULL << order))
		return err_set(c->err, ERR_USER,
			       "pfn 0x%llx: still mapped by kmap",
			       (unsigned long long)pfn);
	if (cmd_not_vmapped(c, pfn, 1ULL << order) < 0)
		return -1;
	page->flags &= ~PG_block;
	page->private = 0;
	free_pages(c->k, pfn, order);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_u64(c->r, "order", "order %s freed", order);
	return 0;
}

const struct command cmd_buddyinfo = {
	.name = "buddyinfo", .group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "free blocks of each order in each zone, as /proc/buddyinfo",
	.details = "Each line has the number of free blocks of order 0, 1, 2, ... 10: of\n"
		   "4K, 8K, 16K, ... 4M.",
	.example = "buddyinfo", .run = buddyinfo_run,
};

const struct command cmd_zoneinfo = {
	.name = "zoneinfo", .group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "zones: bounds, pages, watermarks",
	.example = "zoneinfo", .run = zoneinfo_run,
};

const struct command cmd_alloc_pages = {
	.name = "alloc_pages", .group = "physical memory",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "take a block of 2^ORDER frames from the buddy allocator",
	.details =
	"-g says which zones may give it, from the first one that has it: kernel is\n"
	"Normal, then DMA32 and DMA; highuser is HighMem, then those of kernel.",
	.example = "alloc_pages 3",
	.arg = { { "ORDER", ARG_NUM, .optional = true } },
	.opt = { { 'g', "gfp", ARG_WORD, "ZONES",
		   "kernel (default), dma, dma32 or highuser" } },
	.run = alloc_pages_run,
};

const struct command cmd_free_pages = {
	.name = "free_pages", .group = "physical memory",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "give a block of alloc_pages back",
	.arg = { { "X", ARG_ADDR }, { "ORDER", ARG_NUM, .optional = true } },
	.run = free_pages_run,
};

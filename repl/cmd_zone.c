/*
 * cmd_zone.c - looking at zones: buddyinfo, pagetypeinfo, zoneinfo.
 */
#include <stdio.h>

#include "kernel/page_alloc.h"
#include "repl/cmd.h"

typedef unsigned long long ull;

/* --- buddyinfo
 * --------------------------------------------------------------------- */
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
			 (ull)zone_free_blocks(zone, o));
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

const struct command cmd_buddyinfo = {
	.name = "buddyinfo",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL,
	.help = "free blocks of each order in each zone, as /proc/buddyinfo",
	.details = "Each line has the number of free blocks of order 0, 1, 2, "
		   "... 10: of\n"
		   "4K, 8K, 16K, ... 4M. What CPUs hold on their own lists is "
		   "not in it: see\n"
		   "zoneinfo, drain.",
	.example = "buddyinfo",
	.run = buddyinfo_run,
};

/* --- pagetypeinfo
 * ------------------------------------------------------------------- */
static void emit_type_row(struct cmd_ctx *c, const struct zone *zone,
			  enum migratetype mt)
{
	char line[160];
	int at = snprintf(line, sizeof(line), "Node %4d, zone %8s, type %12s ",
			  0, zone->name, migratetype_name[mt]);

	for (unsigned o = 0; o < MAX_ORDER; o++)
		at += snprintf(line + at, sizeof(line) - at, "%6llu ",
			       (ull)zone_free_blocks_of(c->k, zone, o, mt));
	res_verbatim(c->r, "%s", line);
}

static void emit_free_by_type(struct cmd_ctx *c)
{
	char line[160];
	int at = snprintf(line, sizeof(line), "%-43s ",
			  "Free pages count per migrate type at order");

	for (unsigned o = 0; o < MAX_ORDER; o++)
		at += snprintf(line + at, sizeof(line) - at, "%6u ", o);
	res_verbatim(c->r, "%s", line);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
			if (c->k->zone[z].present)
				emit_type_row(c, &c->k->zone[z],
					      (enum migratetype)mt);
}

static void emit_blocks_row(struct cmd_ctx *c, const struct zone *zone)
{
	char line[160];
	int at = snprintf(line, sizeof(line), "Node 0, zone %8s ", zone->name);

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		at += snprintf(line + at, sizeof(line) - at, "%12llu ",
			       (ull)zone_pageblocks_of(c->k, zone,
						       (enum migratetype)mt));
	res_verbatim(c->r, "%s", line);
}

static void emit_pageblocks(struct cmd_ctx *c)
{
	char line[160];
	int at =
		snprintf(line, sizeof(line), "%-23s", "Number of blocks type ");

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		at += snprintf(line + at, sizeof(line) - at, "%12s ",
			       migratetype_name[mt]);
	res_verbatim(c->r, "%s", line);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (c->k->zone[z].present)
			emit_blocks_row(c, &c->k->zone[z]);
}

static int pagetypeinfo_run(struct cmd_ctx *c)
{
	res_list(c->r, "lines", RES_VERBATIM);
	res_verbatim(c->r, "Page block order: %u", c->k->pageblock_order);
	res_verbatim(c->r, "Pages per block:  %llu",
		     1ULL << c->k->pageblock_order);
	res_verbatim(c->r, "%s", "");
	emit_free_by_type(c);
	res_verbatim(c->r, "%s", "");
	emit_pageblocks(c);
	res_end(c->r);
	return 0;
}

const struct command cmd_pagetypeinfo = {
	.name = "pagetypeinfo",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL,
	.help = "free blocks and pageblocks by migrate type, as "
		"/proc/pagetypeinfo",
	.details = "A pageblock is as large as a large page. What can be "
		   "moved, which is user\n"
		   "memory and the page cache, is kept in Movable ones, so "
		   "that compaction can\n"
		   "make whole blocks of them; slabs, page tables and stacks "
		   "are Unmovable.",
	.example = "pagetypeinfo",
	.run = pagetypeinfo_run,
};

/* --- zoneinfo
 * ------------------------------------------------------------------------- */
static const struct res_column zone_cols[] = {
	{ "zone", "zone", false },
	{ "start_pfn", "start_pfn", true },
	{ "end_pfn", "end_pfn", true },
	{ "spanned", "spanned", true },
	{ "present", "present", true },
	{ "managed", "managed", true },
	{ "free", "free", true },
	{ "min", "min", true },
	{ "low", "low", true },
	{ "high", "high", true },
	{ "protection", "protection", false },
	{ 0 },
};

/*
 * As /proc/zoneinfo lists it: one number a zone of this architecture, the empty
 * Movable one included, and on x86-64 Device.
 */
static char *protection(const struct kernel *k, const struct zone *z, char *buf,
			size_t size)
{
	const uint64_t *r = z->lowmem_reserve;

	if (k->arch->highmem)
		snprintf(buf, size, "(%llu, %llu, %llu, %llu)",
			 (ull)r[ZONE_DMA], (ull)r[ZONE_NORMAL],
			 (ull)r[ZONE_HIGHMEM], (ull)r[ZONE_HIGHMEM]);
	else
		snprintf(buf, size, "(%llu, %llu, %llu, %llu, %llu)",
			 (ull)r[ZONE_DMA], (ull)r[ZONE_DMA32],
			 (ull)r[ZONE_NORMAL], (ull)r[ZONE_HIGHMEM],
			 (ull)r[ZONE_HIGHMEM]);
	return buf;
}

static void emit_zone(struct cmd_ctx *c, const struct zone *z)
{
	char buf[120];

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
	res_str(c->r, "protection", "%s",
		protection(c->k, z, buf, sizeof(buf)));
	res_end(c->r);
}

static const struct res_column pageset_cols[] = {
	{ "zone", "zone", false },  { "cpu", "cpu", true },
	{ "count", "count", true }, { "high", "high", true },
	{ "batch", "batch", true }, { 0 },
};

static void emit_pagesets(struct cmd_ctx *c, const struct zone *z)
{
	for (unsigned cpu = 0; cpu < c->m->ncpus; cpu++) {
		struct pageset p = zone_pageset(z, cpu);

		res_item(c->r, false);
		res_str(c->r, "zone", "%s", z->name);
		res_u64(c->r, "cpu", "%s", cpu);
		res_u64(c->r, "count", "%s", p.count);
		res_u64(c->r, "high", "%s", p.high);
		res_u64(c->r, "batch", "%s", p.batch);
		res_end(c->r);
	}
}

static int zoneinfo_run(struct cmd_ctx *c)
{
	res_table(c->r, "zones", zone_cols);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (c->k->zone[i].present)
			emit_zone(c, &c->k->zone[i]);
	res_end(c->r);
	if (!cmd_opt(c, 'p'))
		return 0;
	res_table(c->r, "pagesets", pageset_cols);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		if (c->k->zone[i].present)
			emit_pagesets(c, &c->k->zone[i]);
	res_end(c->r);
	return 0;
}

const struct command cmd_zoneinfo = {
	.name = "zoneinfo",
	.group = "page allocator",
	.flags = CMD_NEEDS_KERNEL,
	.help = "zones: bounds, pages, watermarks, lists of each CPU",
	.details =
		"protection is lowmem_reserve: what a zone keeps, beyond its "
		"watermark, from\n"
		"requests that could go to a higher zone, one number for each "
		"of those. -p\n"
		"adds the pagesets: free pages on each CPU's own lists, which "
		"free does not\n"
		"count; from high on they are given back, and moved by batch.",
	.example = "zoneinfo -p",
	.opt = { { 'p', "pagesets", ARG_FLAG, NULL,
		   "free lists of each CPU" } },
	.run = zoneinfo_run,
};

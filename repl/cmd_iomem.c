/*
 * cmd_iomem.c - e820, iomem: what lies where in the physical address space.
 */
#include "kernel/resource.h"
#include "repl/cmd.h"

static const struct res_column e820_cols[] = {
	{ "start", "start", true }, { "last", "last", true },
	{ "size", "size", true }, { "type", "type", false }, { 0 },
};

static int e820_run(struct cmd_ctx *c)
{
	const struct ram *ram = c->m->ram;

	res_table(c->r, "map", e820_cols);
	for (unsigned i = 0; i < ram->nregions; i++) {
		const struct ram_region *g = &ram->region[i];

		res_item(c->r, i + 1 == ram->nregions);
		res_hex(c->r, "start", "%s", g->start, 12);
		res_hex(c->r, "last", "%s", g->end - 1, 12);
		res_size(c->r, "size", "%s", g->end - g->start);
		res_str(c->r, "type", "%s", ram_type_name(g->type));
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

/* /proc/iomem's columns: bare hex digits, at least 8. */
static void emit_iomem_row(struct result *r, const struct resource *res)
{
	res_item(r, true);
	res_pa(r, "start", NULL, res->start);
	res_pa(r, "last", NULL, res->end - 1);
	res_text(r, COL_PLAIN, "%*s%08llx-%08llx :", res->depth * 2, "",
		 (unsigned long long)res->start,
		 (unsigned long long)res->end - 1);
	res_str(r, "name", "~ %s", res->name);
	res_u64(r, "depth", NULL, res->depth);
	res_end(r);
}

/* Without a kernel only the firmware says what is where. */
static unsigned bare_resources(const struct ram *ram, struct resource *ret)
{
	for (unsigned i = 0; i < ram->nregions; i++)
		ret[i] = (struct resource){
			.start = ram->region[i].start,
			.end = ram->region[i].end,
			.name = ram_type_name(ram->region[i].type),
		};
	return ram->nregions;
}

static int iomem_run(struct cmd_ctx *c)
{
	struct resource row[MAX_RESOURCES];
	unsigned n = c->k ? iomem_resources(c->k, row)
			  : bare_resources(c->m->ram, row);

	res_list(c->r, "iomem", RES_LINES);
	for (unsigned i = 0; i < n; i++)
		emit_iomem_row(c->r, &row[i]);
	res_end(c->r);
	return 0;
}

const struct command cmd_e820 = {
	.name = "e820", .group = "physical memory",
	.help = "the memory map that the firmware reported",
	.example = "e820", .run = e820_run,
};

const struct command cmd_iomem = {
	.name = "iomem", .group = "physical memory",
	.help = "the physical address space, as /proc/iomem",
	.details = "What boot registers of the map of e820, and the kernel image. Devices\n"
		   "add rows of their own on a real machine.",
	.example = "iomem", .run = iomem_run,
};

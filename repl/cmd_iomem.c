/*
 * cmd_iomem.c - e820, iomem: what lies where in the physical address space.
 */
#include "kernel/resource.h"
#include "repl/cmd.h"

/* As at boot, so that it can be given to boot e820=FILE. */
static void emit_e820_row(struct cmd_ctx *c, const char *by,
			  const struct ram_region *g)
{
	const char *word = e820_type_word(g->type);

	res_item(c->r, false);
	res_text(c->r, COL_PLAIN, "%s: [mem 0x%016llx-0x%016llx]", by,
		 (unsigned long long)g->start, (unsigned long long)g->end - 1);
	res_pa(c->r, "start", NULL, g->start);
	res_pa(c->r, "last", NULL, g->end - 1);
	res_size(c->r, "size", NULL, g->end - g->start);
	res_str(c->r, "type", "~ %s", word ? word : ram_type_name(g->type));
	res_end(c->r);
}

static int e820_run(struct cmd_ctx *c)
{
	const struct ram *ram = c->m->ram;
	const char *by = c->k && c->k->e820_user ? "user" : "BIOS-e820";

	res_list(c->r, "map", RES_LINES);
	for (unsigned i = 0; i < ram->nregions; i++)
		emit_e820_row(c, by, &ram->region[i]);
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
	.details = "As Linux prints it at boot: boot e820= reads it back. The first word\n"
		   "is user once mem= or memmap= have changed the map.",
	.example = "e820", .run = e820_run,
};

const struct command cmd_iomem = {
	.name = "iomem", .group = "physical memory",
	.help = "the physical address space, as /proc/iomem",
	.details = "What boot registers of the map of e820, the kernel image, the window\n"
		   "of PCI devices, and the interrupt controllers. Devices add rows of\n"
		   "their own on a real machine.",
	.example = "iomem", .run = iomem_run,
};

/*
 * cmd_vmalloc.c - vmalloc, vfree, ioremap, vmallocinfo.
 */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "kernel/pgtable.h"
#include "kernel/vmalloc.h"
#include "repl/cmd.h"
#include "repl/describe.h"

/* The frames behind an area: they need not be neighbours. */
static void emit_frames(struct cmd_ctx *c, const struct vmap_area *a)
{
	struct result *r = c->r;
	unsigned level, shown = a->nr_pages < 8 ? a->nr_pages : 8;
	uint64_t entry;

	res_line(r);
	res_list(r, "pages", RES_TREE);
	for (unsigned i = 0; i < shown; i++) {
		va_t va = a->start + i * PAGE_SIZE;

		if (!pt_leaf(c->k, c->k->swapper_pg_dir, va, &entry, &level))
			break;
		res_item(r, i + 1 == a->nr_pages);
		res_va(r, "va", "%s", va);
		res_pfn(r, "pfn", "pfn %s", pte_pfn(c->k, entry));
		res_str(r, "zone", "~ (%s)",
			zone_name(c->k, pte_pfn(c->k, entry)));
		res_end(r);
	}
	if (shown < a->nr_pages) {
		res_item(r, true);
		res_text(r, COL_DIM, "... %u more", a->nr_pages - shown);
		res_end(r);
	}
	res_end(r);
}

static void emit_vmap(struct cmd_ctx *c, va_t va)
{
	const struct vmap_area *a = find_vmap_area(c->k, va);

	res_subject(c->r, va);
	res_va(c->r, "va", "%s", a->start);
	res_va(c->r, "end", "~-%s", a->end);
	res_u64(c->r, "nr_pages",
		a->nr_pages == 1 ? "%s page and a guard page"
				 : "%s pages and a guard page",
		a->nr_pages);
	if (a->kind == VMAP_IOREMAP)
		res_str(c->r, "type", "mapped %s", memtype_name[a->type]);
	emit_frames(c, a);
}

static int vmalloc_run(struct cmd_ctx *c)
{
	uint64_t size = c->arg[0].value.n;
	va_t va;
	int rc = vmalloc(c->k, size, &va);

	if (rc < 0)
		return err_errno(c->err, rc, "%llu bytes",
				 (unsigned long long)size);
	emit_vmap(c, va);
	return 0;
}

/* The functions that Linux has: ioremap, ioremap_uc, _wc, _wt, _cache. */
static int ioremap_mode(struct cmd_ctx *c, enum memtype *ret)
{
	static const enum memtype types[] = { MT_UC_MINUS, MT_UC, MT_WC, MT_WT,
					      MT_WB };
	const struct cmd_arg *t = cmd_opt(c, 't');

	*ret = MT_UC_MINUS;
	for (size_t i = 0; t && i < ARRAY_SIZE(types); i++)
		if (!strcasecmp(t->str, memtype_name[types[i]])) {
			*ret = types[i];
			return 0;
		}
	if (!t)
		return 0;
	err_set(c->err, ERR_USER, "-t %s: no such kind of ioremap", t->str);
	err_hint(c->err, "uc-, uc, wc, wt or wb");
	return -1;
}

static int ioremap_run(struct cmd_ctx *c)
{
	pa_t pa = c->arg[0].value.n;
	enum memtype type;
	va_t va;
	int rc;

	if (ioremap_mode(c, &type) < 0)
		return -1;
	rc = ioremap_type(c->k, pa, c->arg[1].value.n, type, &va);
	if (rc < 0)
		return err_errno(c->err, rc, "0x%llx",
				 (unsigned long long)pa);
	emit_vmap(c, va);
	return 0;
}

static int vfree_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	int rc = vfree(c->k, va);

	if (rc < 0)
		return err_errno(c->err, rc,
				 "0x%llx: not the start of a vmalloc area",
				 (unsigned long long)va);
	cmd_emit_freed(c, va, va != 0);
	return 0;
}

/* A line of /proc/vmallocinfo, without a caller; a size has the guard page. */
static void emit_vmalloc_row(struct cmd_ctx *c, const struct vmap_area *a)
{
	int word = c->k->arch->word * 2, phys = c->k->mode->entry_size * 2;
	bool io = a->kind == VMAP_IOREMAP;

	res_item(c->r, true);
	res_va(c->r, "start", NULL, a->start);
	res_va(c->r, "end", NULL, a->end);
	res_u64(c->r, "size", NULL, a->end - a->start);
	res_u64(c->r, "pages", NULL, a->nr_pages);
	res_text(c->r, COL_PLAIN, "0x%0*llx-0x%0*llx %7llu", word,
		 (unsigned long long)a->start, word, (unsigned long long)a->end,
		 (unsigned long long)(a->end - a->start));
	if (io) {
		res_pa(c->r, "phys", NULL, a->phys);
		res_text(c->r, COL_PLAIN, "~ phys=0x%0*llx", phys,
			 (unsigned long long)a->phys);
	} else {
		res_text(c->r, COL_PLAIN, "~ pages=%u", a->nr_pages);
	}
	res_str(c->r, "kind", "~ %s", io ? "ioremap" : "vmalloc");
	res_end(c->r);
}

static int vmallocinfo_run(struct cmd_ctx *c)
{
	const struct vmap_area *a;

	res_list(c->r, "areas", RES_LINES);
	TAILQ_FOREACH(a, &c->k->vmap_areas, link)
		emit_vmalloc_row(c, a);
	res_end(c->r);
	if (TAILQ_EMPTY(&c->k->vmap_areas))
		res_text(c->r, COL_DIM,
			 "no areas: vmalloc and ioremap make them");
	return 0;
}

#define KSPACE .group = "kernel space"
#define MUTATES .flags = CMD_NEEDS_KERNEL | CMD_CHANGES

const struct command cmd_vmalloc = {
	.name = "vmalloc", KSPACE, MUTATES,
	.help = "allocate SIZE bytes, virtually contiguous",
	.details = "Single frames, from HighMem where there is one, mapped one after\n"
		   "another in the vmalloc area, with a guard page behind.",
	.example = "vmalloc 16K",
	.arg = { { "SIZE", ARG_NUM } }, .run = vmalloc_run,
};

const struct command cmd_vfree = {
	.name = "vfree", .alias = "iounmap", KSPACE, MUTATES,
	.help = "free a vmalloc area", .arg = { { "VA", ARG_VA } },
	.run = vfree_run,
};

const struct command cmd_ioremap = {
	.name = "ioremap", KSPACE, MUTATES,
	.help = "map SIZE bytes of physical address space uncached",
	.details =
	"-t asks for another memory type than UC-: uc (ioremap_uc), wc (ioremap_wc,\n"
	"for frame buffers), wt (ioremap_wt), wb (ioremap_cache). WB becomes UC-\n"
	"where the MTRRs do not say WB, a second mapping gets the type of the\n"
	"first, and the ISA range 640K-1M is mapped WB; its MTRRs make it UC.",
	.example = "ioremap 0xfec00000 4K",
	.arg = { { "PA", ARG_PA }, { "SIZE", ARG_SIZE } },
	.opt = { { 't', "type", ARG_WORD, "TYPE", "ask for this memory type" } },
	.run = ioremap_run,
};

const struct command cmd_vmallocinfo = {
	.name = "vmallocinfo", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "areas of the vmalloc space, as /proc/vmallocinfo",
	.details = "Start, end and size (with the guard page) of each area; its pages, or\n"
		   "the physical address that ioremap maps. Callers\n"
		   "are not told.",
	.example = "vmallocinfo", .run = vmallocinfo_run,
};

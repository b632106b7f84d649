/*
 * cmd_kspace.c - kernel space: layout, __pa, __va, kmalloc, kfree, vmalloc,
 * vfree, ioremap, slabinfo, vmallocinfo.
 */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "kernel/pgtable.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"
#include "repl/cmd.h"
#include "repl/describe.h"

/* --- layout --------------------------------------------------------------------- */
static const struct res_column layout_cols[] = {
	{ "start", "start", false }, { "last", "last", false },
	{ "size", "size", true },    { "name", "area", false },
	{ "note", "", false },	     { 0 },
};

static void emit_layout_row(struct cmd_ctx *c, const struct layout_area *a)
{
	va_t last = a->end ? a->end - 1
			   : c->k->arch->word == 4 ? 0xffffffffULL : ~0ULL;
	struct result *r = c->r;

	res_item(r, false);
	res_va(r, "start", "%s", a->start);
	res_va(r, "last", "%s", last);
	res_size(r, "size", "%s", last - a->start + 1);
	res_str(r, "name", "%s", a->name);
	res_str(r, "note", "%s", a->note);
	res_end(r);
}

static int layout_run(struct cmd_ctx *c)
{
	const struct layout *l = &c->k->layout;

	res_table(c->r, "areas", layout_cols);
	for (unsigned i = 0; i < l->nareas; i++)
		emit_layout_row(c, &l->area[i]);
	res_end(c->r);
	return 0;
}

/* --- __pa, __va ------------------------------------------------------------------- */
static int pa_run(struct cmd_ctx *c)
{
	struct value pa;

	if (value_pa(c->s, c->arg[0].value, &pa, c->err) < 0)
		return -1;
	res_text(c->r, COL_PLAIN, "__pa(");
	res_va(c->r, "va", "~%s", c->arg[0].value.n);
	res_pa(c->r, "pa", "~) = %s", pa.n);
	return 0;
}

static int va_run(struct cmd_ctx *c)
{
	struct value pa = { V_PA, c->arg[0].value.n }, va;

	if (value_va(c->s, pa, &va, c->err) < 0)
		return -1;
	res_text(c->r, COL_PLAIN, "__va(");
	res_pa(c->r, "pa", "~%s", pa.n);
	res_va(c->r, "va", "~) = %s", va.n);
	return 0;
}

/* NULL is freed by doing nothing. */
static void emit_freed(struct cmd_ctx *c, va_t va, bool freed)
{
	res_va(c->r, "va", freed ? "%s freed" : "%s: nothing to free", va);
	res_bool(c->r, "freed", NULL, freed);
}

/* --- kmalloc, kfree ----------------------------------------------------------------- */
static int kmalloc_failed(struct cmd_ctx *c, int rc, uint64_t size)
{
	err_errno(c->err, rc, "%llu bytes", (unsigned long long)size);
	if (size > KMALLOC_MAX_SIZE)
		err_hint(c->err, "4M at most; vmalloc %llu",
			 (unsigned long long)size);
	return -1;
}

static int kmalloc_run(struct cmd_ctx *c)
{
	uint64_t size = c->arg[0].value.n;
	unsigned gfp = cmd_opt(c, 'd') ? GFP_DMA : GFP_KERNEL;
	const struct kmem_cache *cache;
	bool in_use;
	va_t va, object;
	int rc = kmalloc(c->k, size, gfp, &va);

	if (rc < 0)
		return kmalloc_failed(c, rc, size);
	res_subject(c->r, va);
	res_va(c->r, "va", "%s", va);
	if (ZERO_OR_NULL_PTR(va)) {
		res_text(c->r, COL_PLAIN, "ZERO_SIZE_PTR: no memory behind it");
		return 0;
	}
	cache = slab_lookup(c->k, va, &object, &in_use);
	res_str(c->r, "cache", "%s", cache ? cache->name : "whole pages");
	if (cache)
		res_u64(c->r, "object_size", "%s bytes", cache->object_size);
	res_pa(c->r, "pa", "pa %s", kernel_pa(c->k, va));
	return 0;
}

static int kfree_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	int rc = kfree(c->k, va);

	if (rc < 0)
		return err_errno(c->err, rc,
				 "0x%llx: not the start of a live kmalloc object",
				 (unsigned long long)va);
	emit_freed(c, va, !ZERO_OR_NULL_PTR(va));
	return 0;
}

static const struct res_column slab_cols[] = {
	{ "name", "cache", false },	 { "active", "active", true },
	{ "objects", "objects", true },	 { "size", "size", true },
	{ "per_slab", "per slab", true }, { "pages", "pages/slab", true },
	{ "slabs", "slabs", true },	 { 0 },
};

static int slabinfo_run(struct cmd_ctx *c)
{
	const struct kmem_cache *s;

	res_table(c->r, "caches", slab_cols);
	TAILQ_FOREACH(s, &c->k->slab_caches, link) {
		res_item(c->r, false);
		res_str(c->r, "name", "%s", s->name);
		res_u64(c->r, "active", "%s", s->active);
		res_u64(c->r, "objects", "%s", s->nr_slabs * s->objects);
		res_u64(c->r, "size", "%s", s->size);
		res_u64(c->r, "per_slab", "%s", s->objects);
		res_u64(c->r, "pages", "%s", 1ULL << s->order);
		res_u64(c->r, "slabs", "%s", s->nr_slabs);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

/* --- vmalloc ------------------------------------------------------------------------- */
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
	emit_freed(c, va, va != 0);
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

const struct command cmd_layout = {
	.name = "layout", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "the address space from 0 to the top, with the boundaries of this boot",
	.example = "layout", .run = layout_run,
};

const struct command cmd_pa = {
	.name = "__pa", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "physical address of a kernel logical address",
	.details = "A subtraction, and only true in the direct map (and the kernel\n"
		   "image). A vmalloc, kmap or user address has no __pa.",
	.example = "__pa PAGE_OFFSET+1M",
	.arg = { { "VA", ARG_VA } }, .run = pa_run,
};

const struct command cmd_va = {
	.name = "__va", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "kernel logical address of a lowmem physical address",
	.example = "__va 1M",
	.arg = { { "PA", ARG_PA } }, .run = va_run,
};

const struct command cmd_kmalloc = {
	.name = "kmalloc", KSPACE, MUTATES,
	.help = "allocate SIZE bytes from the slab caches",
	.details = "Above 8K it is whole frames from the buddy allocator, 4M at most.\n"
		   "SIZE 0 gives ZERO_SIZE_PTR.",
	.example = "kmalloc 100",
	.arg = { { "SIZE", ARG_NUM } },
	.opt = { { 'd', "dma", ARG_FLAG, NULL, "GFP_DMA: below 16 MiB" } },
	.run = kmalloc_run,
};

const struct command cmd_kfree = {
	.name = "kfree", KSPACE, MUTATES, .help = "free a kmalloc object",
	.arg = { { "VA", ARG_VA } }, .run = kfree_run,
};

const struct command cmd_slabinfo = {
	.name = "slabinfo", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "slab caches: objects, sizes, slabs", .example = "slabinfo",
	.run = slabinfo_run,
};

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

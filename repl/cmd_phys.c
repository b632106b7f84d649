/*
 * cmd_phys.c - physical memory: peek, poke, e820, iomem, buddyinfo, zoneinfo,
 * page, alloc_pages, free_pages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/highmem.h"
#include "kernel/resource.h"
#include "kernel/rmap.h"
#include "repl/cmd.h"
#include "repl/describe.h"

#define PEEK_MAX 65536u

/* --- peek, poke -------------------------------------------------------------- */
static int word_size(struct cmd_ctx *c, unsigned def, unsigned *ret)
{
	if (cmd_word_size(c, def, ret) < 0)
		return -1;
	if (c->arg[0].value.n & (*ret - 1))
		return err_set(c->err, ERR_USER,
			       "0x%llx: not aligned to %u bytes",
			       (unsigned long long)c->arg[0].value.n, *ret);
	return 0;
}

static unsigned entry_size(const struct cmd_ctx *c)
{
	unsigned n = c->m->cpu[c->s->cpu].mmu.mode->entry_size;

	return n ? n : 4;
}

static uint64_t peek_word(struct cmd_ctx *c, pa_t pa, unsigned size,
			  uint64_t i)
{
	return ram_read(c->m->ram, pa + i * size, size);
}

/* Text: as many words as fit on a line of 16 bytes. */
static void emit_word_line(struct cmd_ctx *c, pa_t pa, unsigned n,
			   unsigned size)
{
	res_item(c->r, true);
	res_pa(c->r, NULL, "%s:", pa);
	for (unsigned i = 0; i < n; i++)
		res_hex(c->r, NULL, "%s", peek_word(c, pa, size, i), size * 2);
	res_end(c->r);
}

/* Data: each word with its address. */
static void emit_words(struct cmd_ctx *c, pa_t pa, uint64_t n, unsigned size)
{
	res_list(c->r, "words", RES_HIDDEN);
	for (uint64_t i = 0; i < n; i++) {
		res_item(c->r, false);
		res_pa(c->r, "pa", NULL, pa + i * size);
		res_hex(c->r, "value", NULL, peek_word(c, pa, size, i), 1);
		res_end(c->r);
	}
	res_end(c->r);
}

static int peek_run(struct cmd_ctx *c)
{
	pa_t pa = c->arg[0].value.n;
	uint64_t n = c->arg[1].set ? c->arg[1].value.n : 1;
	unsigned size, per_line;

	if (word_size(c, entry_size(c), &size) < 0)
		return -1;
	if (n == 0 || n > PEEK_MAX)
		return err_set(c->err, ERR_USER, "%llu: 1 to %u words",
			       (unsigned long long)n, PEEK_MAX);
	per_line = 16 / size;
	res_list(c->r, NULL, RES_LINES);
	for (uint64_t i = 0; i < n; i += per_line)
		emit_word_line(c, pa + i * size,
			       n - i < per_line ? n - i : per_line, size);
	res_end(c->r);
	emit_words(c, pa, n, size);
	res_pa(c->r, "pa", NULL, pa);
	res_u64(c->r, "size", NULL, size);
	res_hex(c->r, "value", NULL, peek_word(c, pa, size, 0), 1);
	return 0;
}

static int poke_run(struct cmd_ctx *c)
{
	pa_t pa = c->arg[0].value.n;
	uint64_t old;
	unsigned size;

	if (word_size(c, entry_size(c), &size) < 0 ||
	    cmd_fits(c, c->arg[1].value.n, size) < 0)
		return -1;
	old = ram_read(c->m->ram, pa, size);
	ram_write(c->m->ram, pa, size, c->arg[1].value.n);
	if (c->k)
		c->k->ram_poked = true;
	res_pa(c->r, "pa", "%s:", pa);
	res_hex(c->r, "old", "%s", old, size * 2);
	res_hex(c->r, "new", "~ -> %s", ram_read(c->m->ram, pa, size), size * 2);
	if (!ram_ptr(c->m->ram, pa))
		res_text(c->r, COL_BAD, "no RAM there: the write was dropped");
	return 0;
}

/* --- e820, iomem --------------------------------------------------------------- */
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

/* --- page -------------------------------------------------------------------------- */
/* Is there a page at @va in what the current CPU runs in? */
static bool va_mapped(struct cmd_ctx *c, va_t va, struct walk *w)
{
	struct access a = { .va = va };
	struct mmu mmu;

	session_mmu(c->s, session_task(c->s), c->s->cpu, &mmu);
	mmu_walk(&mmu, c->m->ram, &a, w);
	return w->fault.reason == FAULT_NONE;
}

/* A number without a type: hints at the types with which there is a page. */
static int untyped(struct cmd_ctx *c, uint64_t n)
{
	struct walk w;
	const struct { const char *type; bool page; } as[] = {
		{ "va", n <= session_va_max(c->s) && va_mapped(c, n, &w) },
		{ "pa", pfn_valid(c->k, n >> PAGE_SHIFT) },
		{ "pfn", pfn_valid(c->k, n) },
	};
	char hint[120] = "";
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(as); i++)
		if (as[i].page)
			at += snprintf(hint + at, sizeof(hint) - at,
				       "%s%s:0x%llx", at ? " or " : "",
				       as[i].type, (unsigned long long)n);
	err_set(c->err, ERR_USER, "0x%llx: linear, physical or a pfn?",
		(unsigned long long)n);
	if (at)
		err_hint(c->err, "%s", hint);
	else
		err_hint(c->err, "there is no page in any of these");
	return -1;
}

/* The frame that a value of any type means. */
static int value_pfn(struct cmd_ctx *c, const struct value *v, pfn_t *ret)
{
	struct walk w;

	switch (v->type) {
	case V_PFN:
	case V_PAGE:
		*ret = v->n;
		return 0;
	case V_PA:
		*ret = v->n >> PAGE_SHIFT;
		return 0;
	case V_VA:
		if (!va_mapped(c, v->n, &w))
			return err_set(c->err, ERR_USER,
				       "0x%llx: %s: no page is behind it",
				       (unsigned long long)v->n,
				       fault_reason_name[w.fault.reason]);
		*ret = w.pa >> PAGE_SHIFT;
		return 0;
	default:
		return untyped(c, v->n);
	}
}

static bool emit_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct cmd_ctx *c = ctx;
	struct task_struct *t = find_task(c->k, vma->vm_mm->owner_pid);
	char perms[5];

	res_item(c->r, false);
	res_text(c->r, COL_PLAIN, "  mapped");
	res_i64(c->r, "pid", "~ by pid %s", vma->vm_mm->owner_pid);
	res_str(c->r, "comm", "~ (%s)", t ? t->comm : "?");
	res_va(c->r, "va", "~ at %s", va);
	res_str(c->r, "perms", "%s", vma_perms(vma, perms));
	res_str(c->r, "area", "~ %s", vma_name(vma));
	res_end(c->r);
	return true;
}

static void emit_struct_page(struct cmd_ctx *c, pfn_t pfn)
{
	const struct page *page = pfn_to_page(c->k, pfn);
	struct result *r = c->r;
	char buf[200];

	res_line(r);
	res_str(r, "zone", "  zone %s", zone_name(c->k, pfn));
	flags_format(buf, sizeof(buf), page_flag_names, page->flags, " ");
	res_words(r, "flags", "flags %s", buf);
	if (!*buf)
		res_text(r, COL_PLAIN, "flags -");
	res_line(r);
	res_i64(r, "refcount", "  refcount %s", page->_refcount);
	res_i64(r, "mapcount", "mapcount %s", page->_mapcount);
	if (page->flags & PG_buddy)
		res_u64(r, "order", "order %s", page->private);
	res_line(r);
	res_list(r, "mappers", RES_LINES);
	if (page->_mapcount > 0 && !(page->flags & PG_zeropage))
		rmap_walk(c->k, pfn, emit_mapper, c);
	res_end(r);
}

static int page_run(struct cmd_ctx *c)
{
	struct result *r = c->r;
	char what[200];
	pfn_t pfn;

	if (value_pfn(c, &c->arg[0].value, &pfn) < 0)
		return -1;
	if (!pfn_valid(c->k, pfn))
		return err_set(c->err, ERR_USER, "pfn 0x%llx: no RAM there",
			       (unsigned long long)pfn);
	res_pfn(r, "pfn", "pfn %s", pfn);
	res_pa(r, "pa", "pa %s", pfn << PAGE_SHIFT);
	if ((pfn << PAGE_SHIFT) < c->k->layout.lowmem_end)
		res_va(r, "kernel_va", "__va %s",
		       kernel_va(c->k, pfn << PAGE_SHIFT));
	else
		res_text(r, COL_DIM, "no kernel address (HighMem)");
	res_str(r, "what", "%s", describe_page(c->k, pfn, what, sizeof(what)));
	emit_struct_page(c, pfn);
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

	if (value_pfn(c, &c->arg[0].value, &pfn) < 0)
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
	page->flags &= ~PG_block;
	page->private = 0;
	free_pages(c->k, pfn, order);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_u64(c->r, "order", "order %s freed", order);
	return 0;
}

const struct command cmd_peek = {
	.name = "peek", .alias = "xp", .group = "physical memory",
	.help = "show COUNT words of physical memory at PA",
	.details = "Words are as long as a page-table entry of the current mode,\n"
		   "or -s SIZE bytes. Where there is no RAM all bits read as ones.",
	.example = "peek 0x1000 4",
	.arg = { { "PA", ARG_PA }, { "COUNT", ARG_NUM, .optional = true } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "bytes of a word" } },
	.run = peek_run,
};

const struct command cmd_poke = {
	.name = "poke", .group = "physical memory", .flags = CMD_CHANGES,
	.help = "store the word VALUE in physical memory at PA",
	.details = "Changes RAM behind everybody's back. A page-table entry changed\n"
		   "so takes effect when no TLB holds the old one: see invlpg.",
	.example = "poke 0x1000 0x12345678",
	.arg = { { "PA", ARG_PA }, { "VALUE", ARG_NUM } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "bytes of the word" } },
	.run = poke_run,
};

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

const struct command cmd_page = {
	.name = "page", .group = "physical memory", .flags = CMD_NEEDS_KERNEL,
	.help = "the struct page behind a pfn, pa or va, and who maps it",
	.details = "X is typed: pfn:0x2a11, pa:0x2a11000, an address such as text\n"
		   "or va:0x8048000, or an expression of those.",
	.example = "page __pa(0xc1000000)",
	.arg = { { "X", ARG_ADDR } }, .run = page_run,
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

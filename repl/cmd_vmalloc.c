/*
 * cmd_vmalloc.c - the vmalloc space: vmalloc and its relatives, vmap,
 * vm_map_ram, vfree, vmallocinfo. Device memory is in cmd_ioremap.c.
 */
#include "repl/cmd_vmalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/slab.h"
#include "repl/describe.h"

#define SHOWN 8	/* pages of an area that are listed */

/* --- what is shown of an area ------------------------------------------------ */
/* One page or large page at @va; the bytes that it maps. */
static uint64_t emit_leaf(struct cmd_ctx *c, va_t va, va_t end)
{
	uint64_t entry, size;
	unsigned level;

	if (!pt_leaf(c->k, c->k->swapper_pg_dir, va, &entry, &level))
		return 0;
	size = 1ULL << c->k->mode->level[level].shift;
	pfn_t pfn = paging_target(c->k->mode, level, entry, true) >> PAGE_SHIFT;

	res_item(c->r, va + size >= end);
	res_va(c->r, "va", "%s", va);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_str(c->r, "zone", "~ (%s)", zone_name(c->k, pfn));
	if (size > PAGE_SIZE)
		res_size(c->r, "page_size", "page of %s", size);
	res_end(c->r);
	return size;
}

/* The frames behind [va, end): they need not be neighbours. */
static void emit_frames(struct cmd_ctx *c, va_t va, va_t end)
{
	struct result *r = c->r;
	unsigned shown = 0;
	uint64_t size = 1;

	res_line(r);
	res_list(r, "pages", RES_TREE);
	for (; va < end && size && shown < SHOWN; shown++, va += size)
		size = emit_leaf(c, va, end);
	if (va < end) {
		res_item(r, true);
		res_text(r, COL_DIM, "... %llu more",
			 (unsigned long long)((end - va) >> PAGE_SHIFT));
		res_end(r);
	}
	res_end(r);
}

static void emit_block(struct cmd_ctx *c, const struct vmap_area *a)
{
	unsigned cpu, unused, dirty;

	vmap_block_counts(a, &cpu, &unused, &dirty);
	res_line(c->r);
	res_object(c->r, "block");
	res_va(c->r, "start", "in the block %s", a->start);
	res_va(c->r, "end", "~-%s", a->end);
	res_u64(c->r, "cpu", "~ of cpu%s", cpu);
	res_u64(c->r, "pages", "~: of %s pages", a->nr_pages);
	res_u64(c->r, "free", "~ %s are free", unused);
	res_u64(c->r, "dirty", "~, %s dirty", dirty);
	res_end(c->r);
}

void cmd_emit_vmap(struct cmd_ctx *c, va_t va, unsigned n)
{
	const struct vmap_area *a = find_vmap_area(c->k, va);
	va_t at = va & PAGE_MASK, end = at + ((va_t)n << PAGE_SHIFT);
	bool guard = a->vm != 0;

	res_subject(c->r, va);
	res_va(c->r, "va", "%s", at);
	res_va(c->r, "end", "~-%s", end + (guard ? PAGE_SIZE : 0));
	if (guard)
		res_u64(c->r, "nr_pages",
			n == 1 ? "%s page and a guard page"
			       : "%s pages and a guard page", n);
	else
		res_u64(c->r, "nr_pages",
			n == 1 ? "%s page, no guard page"
			       : "%s pages, no guard page", n);
	if (a->kind == VMAP_IOREMAP)
		res_str(c->r, "type", "mapped %s", memtype_name[a->type]);
	if (a->kind == VMAP_BLOCK)
		emit_block(c, a);
	emit_frames(c, at, end);
}

/* --- vmalloc ------------------------------------------------------------------ */
static int run_vmalloc(struct cmd_ctx *c,
		       int (*fn)(struct kernel *k, uint64_t size, va_t *ret))
{
	uint64_t size = c->arg[0].value.n;
	va_t va;
	int rc;

	c->k->this_cpu = c->s->cpu;
	rc = fn(c->k, size, &va);
	if (rc < 0)
		return err_errno(c->err, rc, "%llu bytes",
				 (unsigned long long)size);
	cmd_emit_vmap(c, va, find_vmap_area(c->k, va)->nr_pages);
	return 0;
}

static int vmalloc_run(struct cmd_ctx *c)
{
	return run_vmalloc(c, vmalloc);
}

static int vzalloc_run(struct cmd_ctx *c)
{
	return run_vmalloc(c, vzalloc);
}

static int vmalloc_32_run(struct cmd_ctx *c)
{
	return run_vmalloc(c, vmalloc_32);
}

/* --- frames as arguments ------------------------------------------------------- */
struct frames {
	pfn_t *pfn;
	unsigned n;
};

static void frames_add(struct frames *f, pfn_t pfn, unsigned n)
{
	f->pfn = realloc(f->pfn, (f->n + n) * sizeof(f->pfn[0]));
	if (!f->pfn)
		abort();
	for (unsigned i = 0; i < n; i++)
		f->pfn[f->n++] = pfn + i;
}

/* The block of alloc_pages that holds @pfn: its order, or -1. */
static int block_order(const struct kernel *k, pfn_t pfn, pfn_t *head)
{
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		const struct page *page;

		*head = ALIGN_DOWN(pfn, 1ULL << o);
		page = pfn_valid(k, *head) ? pfn_to_page(k, *head) : NULL;
		if (page && (page->flags & PG_block) && page->private >= o)
			return page->private;
	}
	return -1;
}

/*
 * Frames that a value stands for: a block from its start, one frame of it, or
 * kmalloc'ed pages. 0: they are not the user's, and may go away at any time.
 */
static unsigned frames_of(struct cmd_ctx *c, const struct value *v, pfn_t pfn)
{
	int order;
	pfn_t head;

	if (v->type == V_VA && ksize(c->k, v->n))
		return PAGE_ALIGN(ksize(c->k, v->n)) >> PAGE_SHIFT;
	order = block_order(c->k, pfn, &head);
	if (order >= 0)
		return head == pfn && v->type != V_VA ? 1u << order : 1;
	return pfn_to_page(c->k, pfn)->flags & PG_reserved ? 1 : 0;
}

static int not_yours(struct cmd_ctx *c, const char *word, pfn_t pfn)
{
	if (page_is_free(c->k, pfn))
		err_set(c->err, ERR_USER,
			"%s: pfn 0x%llx is free: nobody's to map", word,
			(unsigned long long)pfn);
	else
		err_set(c->err, ERR_USER,
			"%s: pfn 0x%llx is somebody else's, and may go away",
			word, (unsigned long long)pfn);
	err_hint(c->err, "take frames with alloc_pages or kmalloc");
	return -1;
}

static int add_word(struct cmd_ctx *c, const char *word, struct frames *f)
{
	struct value v;
	unsigned n;
	pfn_t pfn;

	if (expr_eval(c->s, word, &v, c->err) < 0 ||
	    cmd_value_pfn(c, &v, &pfn) < 0)
		return -1;
	if (!pfn_valid(c->k, pfn))
		return err_set(c->err, ERR_USER, "%s: no RAM there", word);
	n = frames_of(c, &v, pfn);
	if (!n)
		return not_yours(c, word, pfn);
	frames_add(f, pfn, n);
	return 0;
}

int cmd_not_vmapped(struct cmd_ctx *c, pfn_t pfn, uint64_t n)
{
	const struct vmap_area *a = vmap_uses(c->k, pfn, n);

	if (!a)
		return 0;
	err_set(c->err, ERR_USER, "pfn 0x%llx: still mapped by %s at 0x%llx",
		(unsigned long long)pfn, vmap_kind_name[a->kind],
		(unsigned long long)a->start);
	err_hint(c->err, a->kind == VMAP_MAP ? "vunmap first"
					     : "vm_unmap_ram first");
	return -1;
}

static int get_frames(struct cmd_ctx *c, struct frames *f)
{
	for (unsigned i = 0; i < c->nrest; i++)
		if (add_word(c, c->rest[i], f) < 0) {
			free(f->pfn);
			return -1;
		}
	return 0;
}

static int run_map(struct cmd_ctx *c,
		   int (*fn)(struct kernel *k, const pfn_t *pfns, unsigned n,
			     va_t *ret))
{
	struct frames f = { 0 };
	va_t va;
	int rc;

	if (get_frames(c, &f) < 0)
		return -1;
	c->k->this_cpu = c->s->cpu;
	rc = fn(c->k, f.pfn, f.n, &va);
	free(f.pfn);
	if (rc < 0)
		return err_errno(c->err, rc, "%u pages", f.n);
	cmd_emit_vmap(c, va, f.n);
	return 0;
}

static int vmap_run(struct cmd_ctx *c)
{
	return run_map(c, vmap);
}

static int vm_map_ram_run(struct cmd_ctx *c)
{
	return run_map(c, vm_map_ram);
}

/* --- freeing ------------------------------------------------------------------- */
/* Freed addresses wait for a purge; or it was just done. */
void cmd_emit_lazy(struct cmd_ctx *c)
{
	uint64_t lazy = vmap_nr_lazy(c->k);

	res_u64(c->r, "lazy_pages",
		lazy == 1 ? "%s page waits for a purge"
		: lazy    ? "%s pages wait for a purge"
			  : NULL, lazy);
	if (!lazy)
		res_text(c->r, COL_DIM, "purged: TLBs flushed");
}

static int not_that_area(struct cmd_ctx *c, int rc, const char *what,
			 const char *hint)
{
	va_t va = c->arg[0].value.n;
	const struct vmap_area *a = find_vmap_area(c->k, va);

	err_errno(c->err, rc, "0x%llx: not the start of %s",
		  (unsigned long long)va, what);
	if (a && a->start != (va & PAGE_MASK))
		err_hint(c->err, "it is in the area 0x%llx-0x%llx",
			 (unsigned long long)a->start,
			 (unsigned long long)a->end);
	else if (a)
		err_hint(c->err, "it is of %s%s", vmap_kind_name[a->kind],
			 hint);
	return -1;
}

static int vfree_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	int rc = vfree(c->k, va);

	if (rc < 0)
		return not_that_area(c, rc, "a vmalloc area",
				     ": vm_unmap_ram takes it back");
	cmd_emit_freed(c, va, va != 0);
	if (va)
		cmd_emit_lazy(c);
	return 0;
}

static int vunmap_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	int rc = vunmap(c->k, va);

	if (rc < 0)
		return not_that_area(c, rc, "an area of vmap",
				     ", whose frames would be lost");
	res_va(c->r, "va", "%s unmapped", va);
	res_bool(c->r, "freed", NULL, true);
	cmd_emit_lazy(c);
	return 0;
}

static int vm_unmap_ram_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	uint64_t n = c->arg[1].value.n;
	int rc = n > UINT32_MAX ? -EINVAL : vm_unmap_ram(c->k, va, n);

	if (rc < 0)
		return err_errno(c->err, rc,
				 "0x%llx: vm_map_ram has not mapped %llu pages "
				 "there", (unsigned long long)va,
				 (unsigned long long)n);
	res_va(c->r, "va", "%s unmapped", va);
	res_bool(c->r, "freed", NULL, true);
	if (find_vmap_area(c->k, va))
		res_text(c->r, COL_DIM, "dirty: not used again before a purge");
	else
		cmd_emit_lazy(c);
	return 0;
}

static int vm_unmap_aliases_run(struct cmd_ctx *c)
{
	uint64_t n;

	c->k->this_cpu = c->s->cpu;
	n = vm_unmap_aliases(c->k);
	res_u64(c->r, "purged", n == 1 ? "%s page purged" : "%s pages purged",
		n);
	return 0;
}

/* --- vmallocinfo --------------------------------------------------------------- */
static void emit_bounds(struct cmd_ctx *c, const struct vmap_area *a)
{
	int word = c->k->arch->word * 2;

	res_item(c->r, true);
	res_va(c->r, "start", NULL, a->start);
	res_va(c->r, "end", NULL, a->end);
	res_u64(c->r, "size", NULL, a->end - a->start);
	res_text(c->r, COL_PLAIN, "0x%0*llx-0x%0*llx %7llu", word,
		 (unsigned long long)a->start, word, (unsigned long long)a->end,
		 (unsigned long long)(a->end - a->start));
}

/* What a struct vm_struct knows. vmap() does not tell it its pages. */
static void emit_vm_struct(struct cmd_ctx *c, const struct vmap_area *a)
{
	bool owns = a->kind == VMAP_ALLOC;

	res_str(c->r, "caller", "~ %s", a->caller);
	res_u64(c->r, "pages", owns ? "~ pages=%s" : NULL, a->nr_pages);
	if (a->kind == VMAP_IOREMAP && a->phys) {
		res_pa(c->r, "phys", NULL, a->phys);
		res_text(c->r, COL_PLAIN, "~ phys=0x%0*llx",
			 c->k->mode->entry_size * 2,
			 (unsigned long long)a->phys);
	}
	res_str(c->r, "kind", "~ %s", vmap_kind_name[a->kind]);
	if (find_vmap_area(c->k, a->array))
		res_bool(c->r, "vpages", NULL, true),
			res_text(c->r, COL_PLAIN, "~ vpages");
	/* CONFIG_NUMA, one node */
	if (owns && c->k->arch->word == 8)
		res_text(c->r, COL_PLAIN, "~ N0=%u", a->nr_pages);
}

static void emit_area(struct cmd_ctx *c, const struct vmap_area *a)
{
	emit_bounds(c, a);
	if (a->vm)
		emit_vm_struct(c, a);
	else
		res_str(c->r, "kind", "~ %s", vmap_kind_name[a->kind]);
	res_end(c->r);
}

static int vmallocinfo_run(struct cmd_ctx *c)
{
	const struct vmap_area *a = NULL;
	bool any = false;

	res_list(c->r, "areas", RES_LINES);
	while ((a = vmap_next(c->k, a))) {
		emit_area(c, a);
		any = true;
	}
	while ((a = vmap_next_lazy(c->k, a))) {
		emit_bounds(c, a);
		res_str(c->r, "kind", "~ %s", "unpurged vm_area");
		res_end(c->r);
		any = true;
	}
	res_end(c->r);
	if (!any)
		res_text(c->r, COL_DIM,
			 "no areas: vmalloc and ioremap make them");
	return 0;
}

#define VMALLOC .group = "vmalloc"
#define MUTATES .flags = CMD_NEEDS_KERNEL | CMD_CHANGES

const struct command cmd_vmalloc = {
	.name = "vmalloc", VMALLOC, MUTATES,
	.help = "allocate SIZE bytes, virtually contiguous",
	.details =
	"Single frames, from HighMem where there is one, mapped one after\n"
	"another in the vmalloc area, with a guard page behind. The array of their\n"
	"struct pages is kmalloc'ed, or, above a page, has an area of its own.",
	.example = "vmalloc 16K",
	.arg = { { "SIZE", ARG_NUM } }, .run = vmalloc_run,
};

const struct command cmd_vzalloc = {
	.name = "vzalloc", VMALLOC, MUTATES,
	.help = "vmalloc SIZE bytes of zeroes", .example = "vzalloc 16K",
	.arg = { { "SIZE", ARG_NUM } }, .run = vzalloc_run,
};

const struct command cmd_vmalloc_32 = {
	.name = "vmalloc_32", VMALLOC, MUTATES,
	.help = "vmalloc SIZE bytes that 32-bit devices can reach",
	.details = "Frames below 4 GiB: from DMA32 or DMA on x86_64, lowmem on i386.",
	.example = "vmalloc_32 16K",
	.arg = { { "SIZE", ARG_NUM } }, .run = vmalloc_32_run,
};

const struct command cmd_vmap = {
	.name = "vmap", VMALLOC, MUTATES,
	.help = "map frames that you have, one after another",
	.details =
	"A FRAME is pfn:N or pa:N in a block of alloc_pages (its start is the whole\n"
	"block), or the address of kmalloc'ed pages (all of them). The frames stay\n"
	"yours: free them after vunmap.",
	.example = "alloc_pages 2; vmap pfn($_)",
	.arg = { { "FRAME", ARG_ADDR, .repeat = true } }, .run = vmap_run,
};

const struct command cmd_vunmap = {
	.name = "vunmap", VMALLOC, MUTATES,
	.help = "unmap what vmap has mapped", .arg = { { "VA", ARG_VA } },
	.run = vunmap_run,
};

const struct command cmd_vm_map_ram = {
	.name = "vm_map_ram", VMALLOC, MUTATES,
	.help = "map frames for a short time, from a block of this CPU",
	.details =
	"FRAMEs as of vmap. Up to 32 pages (i386) or 64 (x86_64) come from a block\n"
	"of the current CPU, in order and in powers of two, without a guard page;\n"
	"pages given back are dirty and wait until the whole block goes.",
	.example = "alloc_pages 1; vm_map_ram pfn($_)",
	.arg = { { "FRAME", ARG_ADDR, .repeat = true } },
	.run = vm_map_ram_run,
};

const struct command cmd_vm_unmap_ram = {
	.name = "vm_unmap_ram", VMALLOC, MUTATES,
	.help = "unmap COUNT pages of vm_map_ram",
	.arg = { { "VA", ARG_VA }, { "COUNT", ARG_NUM } },
	.run = vm_unmap_ram_run,
};

const struct command cmd_vfree = {
	.name = "vfree", VMALLOC, MUTATES,
	.help = "free a vmalloc area",
	.details =
	"Its entries are cleared and its frames freed at once. Its addresses wait,\n"
	"and so do translations in TLBs: one flush of all CPUs, the purge, serves\n"
	"many areas. It comes when lazy_max_pages wait (32M for each bit of the\n"
	"number of CPUs), when no free range fits, or with vm_unmap_aliases.",
	.arg = { { "VA", ARG_VA } }, .run = vfree_run,
};

const struct command cmd_vm_unmap_aliases = {
	.name = "vm_unmap_aliases", .alias = "purge", VMALLOC, MUTATES,
	.help = "flush TLBs of freed vmalloc areas, and make them free",
	.example = "vm_unmap_aliases", .run = vm_unmap_aliases_run,
};

const struct command cmd_vmallocinfo = {
	.name = "vmallocinfo", VMALLOC, .flags = CMD_NEEDS_KERNEL,
	.help = "areas of the vmalloc space, as /proc/vmallocinfo",
	.details =
	"Start, end and size (with the guard page) of each area; who asked for it;\n"
	"its pages, or the physical address that ioremap maps. vpages: the array of\n"
	"its pages is in an area of its own. vmap does not note its pages. Freed\n"
	"areas that wait for a purge are unpurged.",
	.example = "vmallocinfo", .run = vmallocinfo_run,
};

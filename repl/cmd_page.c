/*
 * cmd_page.c - page: a frame's struct page and who maps it.
 */
#include <stdio.h>

#include "kernel/compound.h"
#include "kernel/convert.h"
#include "kernel/frame_owner.h"
#include "kernel/mem_map.h"
#include "kernel/rmap.h"
#include "kernel/swap.h"
#include "repl/cmd.h"
#include "repl/describe.h"

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

int cmd_value_pfn(struct cmd_ctx *c, const struct value *v, pfn_t *ret)
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

/* What becomes of it when memory runs short. */
static void emit_reclaim(struct cmd_ctx *c, pfn_t pfn)
{
	static const char *const what[] = {
		[RECLAIM_NONE] = "", [RECLAIM_NEVER] = "cannot be swapped",
		[RECLAIM_SWAP] = "can be swapped",
		[RECLAIM_DROP] = "is not swapped",
	};
	const char *why;
	enum frame_reclaim how = frame_reclaim(c->k, pfn, &why);

	res_str(c->r, "swap", "%s", what[how]);
	if (how != RECLAIM_NONE)
		res_str(c->r, "swap_why", "~: %s", why);
}

/* The slot of a page in the swap cache, and who still names it. */
static void emit_swap_slot(struct cmd_ctx *c, const struct page *page)
{
	swp_entry_t e = page->private;
	unsigned entries;

	if (!(page->flags & PG_swapcache))
		return;
	entries = swap_count(c->k, e);
	res_line(c->r);
	res_u64(c->r, "swap_type", "  swap cache: type %s", swp_type(c->k, e));
	res_hex(c->r, "swap_offset", "~ offset %s", swp_offset(c->k, e), 1);
	res_str(c->r, "swap_device", "~ (%s)", swap_info_get(c->k, e)->name);
	res_u64(c->r, "swap_entries",
		entries == 1 ? "named by %s entry" : "named by %s entries",
		entries);
}

/* The large page that it is part of. */
static void emit_compound(struct cmd_ctx *c, pfn_t pfn)
{
	struct page *page = pfn_to_page(c->k, pfn);
	struct page *head = compound_head(c->k, page);
	struct result *r = c->r;

	if (!page_compound(page))
		return;
	res_line(r);
	res_object(r, "compound");
	res_pfn(r, "head",
		head == page ? "  head of a large page, pfn %s" :
			       "  part of the large page at pfn %s",
		page_to_pfn(c->k, head));
	res_u64(r, "order", "order %s", compound_order(head));
	res_u64(r, "compound_mapcount", "compound_mapcount %s",
		*compound_mapcount(head));
	if (head != page)
		res_i64(r, "refcount", "its refcount %s", head->_refcount);
	res_end(r);
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
	res_va(r, "struct_page", "  struct page %s", convert_page(c->k, pfn).n);
	res_hex(r, "flags_word", "flags word %s", mem_map_flags(c->k, pfn),
		c->k->arch->word * 2);
	res_line(r);
	res_i64(r, "refcount", "  refcount %s", page->_refcount);
	res_i64(r, "mapcount", "mapcount %s", page_mapcount(c->k, page));
	if (page->flags & (PG_buddy | PG_pcp))
		res_u64(r, "order", "order %s", page->private);
	emit_reclaim(c, pfn);
	emit_swap_slot(c, page);
	emit_compound(c, pfn);
	res_line(r);
	res_list(r, "mappers", RES_LINES);
	if (page_mapcount(c->k, page) > 0 && !(page->flags & PG_zeropage))
		rmap_walk(c->k, pfn, emit_mapper, c);
	res_end(r);
}

static int page_run(struct cmd_ctx *c)
{
	struct result *r = c->r;
	char what[200];
	pfn_t pfn;

	if (cmd_value_pfn(c, &c->arg[0].value, &pfn) < 0)
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

const struct command cmd_page = {
	.name = "page", .group = "physical memory", .flags = CMD_NEEDS_KERNEL,
	.help = "the struct page behind a pfn, pa or va, and who maps it",
	.details = "X is typed: pfn:0x2a11, pa:0x2a11000, an address such as text\n"
		   "or va:0x8048000, or an expression of those.",
	.example = "page __pa(0xc1000000)",
	.arg = { { "X", ARG_ADDR } }, .run = page_run,
};

/*
 * dialect_gdb.c - pt-dump: `pt` and `pt -walk ADDRESS` of gdb-pt-dump, as
 * plain text.
 *
 * Source: martinradev/gdb-pt-dump, pt/pt_x86_64_parse.py, pt_common.py. Rights
 * are the last entry's alone. Neighbours with the same ones are one range,
 * whatever their frames. Of entries with the same value in one table above the
 * page tables only the first is looked at (the tool's -force_traverse_all is
 * off), so that a table that is mapped twice is listed once.
 *
 * Two differences. The tool's colours stand for what the columns say, and are
 * left out. Its walk knows 4-level and 32-bit paging: PAE and 5-level follow
 * the same form here; and without CR4.PSE it takes 4 MiB for 2 MiB, here not.
 */
#include <stdio.h>
#include <string.h>

#include "repl/dialect.h"

#define PT_ADDR	  0xffffffffff000ULL /* 51:12 */
#define WALK_ADDR 0xfffffffff000ULL  /* 47:12 */
#define PT_RIGHTS (PTE_RW | PTE_XD | PTE_US | PTE_PCD | PTE_PWT)

struct range {
	va_t va;
	uint64_t size;	 /* 0: none yet */
	uint64_t rights; /* entry & PT_RIGHTS */
};

static void put_range(const struct dialect_view *v, const struct range *p)
{
	char va[24], size[24];

	if (!p->size)
		return;
	snprintf(va, sizeof(va), "0x%llx", (unsigned long long)p->va);
	snprintf(size, sizeof(size), "0x%llx", (unsigned long long)p->size);
	res_verbatim(v->r, "  %18s : %14s | W:%d X:%d S:%d UC:%d WB:%d", va,
		     size, (p->rights & PTE_RW) != 0, (p->rights & PTE_XD) == 0,
		     (p->rights & PTE_US) == 0, (p->rights & PTE_PCD) != 0,
		     (p->rights & PTE_PWT) == 0);
}

/* Has an entry before it in its table the same value? */
static bool seen(const struct rawpt *it)
{
	pa_t table = it->table[it->level];
	unsigned size = it->mode->entry_size;

	if (it->level + 1U == it->mode->nlevels)
		return false;
	for (pa_t at = table; at < it->entry_pa; at += size)
		if (ram_read(it->t->ram, at, size) == it->entry)
			return true;
	return false;
}

static void add_page(const struct dialect_view *v, struct range *p,
		     const struct rawpt *it)
{
	uint64_t rights = it->entry & PT_RIGHTS;

	if (!p->size || p->va + p->size != rawpt_va(it) ||
	    rights != p->rights) {
		put_range(v, p);
		*p = (struct range){ rawpt_va(it), 0, rights };
	}
	p->size += rawpt_size(it);
}

void pt_dump_dump(const struct dialect_view *v)
{
	struct rawpt_tables t = { v->mmu, v->ram, PT_ADDR, 0 };
	struct range range = { 0, 0, 0 };
	struct rawpt it;

	res_verbatim(v->r, "  %18s : %14s | Permissions          ", "Address",
		     "Length");
	for (rawpt_start(&it, &t, v->from, v->last); it.valid;
	     rawpt_next(&it)) {
		if (it.present && seen(&it))
			rawpt_prune(&it);
		else if (it.leaf)
			add_page(v, &range, &it);
	}
	put_range(v, &range);
}

/* --- pt -walk ----------------------------------------------------------------- */
static const struct {
	const char *ours, *theirs;
} stages[] = {
	{ "PML5E", "PML5" }, { "PML4E", "PML4" }, { "PDPTE", "PDP" },
	{ "PDE", "PD" },     { "PTE", "PT" },
};

static const char *stage_name(const char *ours)
{
	for (size_t i = 0; i < ARRAY_SIZE(stages); i++)
		if (strcmp(stages[i].ours, ours) == 0)
			return stages[i].theirs;
	return ours;
}

static void stage_line(const struct dialect_view *v, const struct rawpt *it)
{
	char left[64];

	snprintf(left, sizeof(left), "%*s%s[%u] = 0x%llx",
		 2 * (int)(it->level + 1), "",
		 stage_name(it->mode->level[it->level].name),
		 it->pos[it->level],
		 (unsigned long long)(it->entry & WALK_ADDR));
	res_verbatim(v->r, "%-34s| Flags 0x%03x", left,
		     (unsigned)(it->entry & 0xfff));
}

void pt_dump_walk(const struct dialect_view *v)
{
	struct rawpt_tables t = { v->mmu, v->ram, PT_ADDR, 0 };
	struct result *r = v->r;
	struct rawpt it;

	res_verbatim(r, "Page table walk for VA = 0x%llx",
		     (unsigned long long)v->from);
	res_verbatim(r, "-------------------------------------------");
	res_verbatim(r, "CR3 = 0x%llx", (unsigned long long)v->mmu->cr3);
	for (rawpt_start(&it, &t, v->from, v->from); it.valid;
	     rawpt_next(&it)) {
		stage_line(v, &it);
		if (it.leaf || !it.present)
			break;
	}
	res_verbatim(r, "%s", "");
	if (!it.present) {
		res_verbatim(r, "!!! Last stage faulted !!!");
		res_verbatim(r, "%s", "");
	}
}

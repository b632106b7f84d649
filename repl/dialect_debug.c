/*
 * dialect_debug.c - windbg and bochs: `!pte` of WinDbg, `info tab` and `page`
 * of the Bochs debugger.
 *
 * Sources. WinDbg: the page "!pte" of its documentation, which has the form
 * for 32-bit paging, and published sessions for PAE and x64 (Windows 7 to 11).
 * Bochs: 2.7, bx_debug/dbg_main.cc (bx_dbg_dump_table, bx_dbg_xlate_address)
 * and cpu/paging.cc (dbg_xlate_linear2phy, dbg_print_paging_pte), built for
 * x86-64: linear addresses have 16 digits in every mode, and published
 * sessions.
 *
 * WinDbg prints where an entry appears in Windows' own map of its page tables.
 * Other kernels have none there; the addresses are those of Windows before
 * version 1607 of Windows 10 (x64: the table of PTEs at 0xFFFFF68000000000;
 * x86: at 0xC0000000). An entry that is not valid ends the line; what it would
 * mean to Windows is not told.
 *
 * Bochs takes an entry with address bits above its 40 for not present, as it
 * does with a large page that is not aligned; other reserved bits it ignores.
 * Where no RAM is it reads ones, as a CPU does. One difference: `info tab` of
 * 2.7 goes on at 0xfffff00000000000 after the lower half, and outside of 64-bit
 * code ends at 4 GiB; here it lists all there is.
 */
#include <stdio.h>
#include <string.h>

#include "repl/dialect.h"

#define ALL_ADDR   0xffffffffff000ULL
#define PFN_BITS   0xfffffffffULL
#define BOCHS_RSVD (ALL_ADDR & ~(BIT(40) - 1))

/* --- !pte --------------------------------------------------------------------- */
/* One row a level: where the entries appear, how far apart, as what. */
static const struct pte_map {
	enum paging_mode_id mode;
	uint8_t level;
	const char *name;
	va_t base;
} pte_maps[] = {
	{ PAGING_32, 0, "PDE", 0xc0300000 },
	{ PAGING_32, 1, "PTE", 0xc0000000 },
	{ PAGING_PAE, 1, "PDE", 0xc0600000 },
	{ PAGING_PAE, 2, "PTE", 0xc0000000 },
	{ PAGING_4LEVEL, 0, "PXE", 0xfffff6fb7dbed000 },
	{ PAGING_4LEVEL, 1, "PPE", 0xfffff6fb7da00000 },
	{ PAGING_4LEVEL, 2, "PDE", 0xfffff6fb40000000 },
	{ PAGING_4LEVEL, 3, "PTE", 0xfffff68000000000 },
};

static const struct dialect_letter pte_letters[] = {
	{ BIT(9), 'C', '-' },  { PTE_G, 'G', '-' },  { PTE_PS, 'L', '-' },
	{ PTE_D, 'D', '-' },   { PTE_A, 'A', '-' },  { PTE_PCD, 'N', '-' },
	{ PTE_PWT, 'T', '-' }, { PTE_US, 'U', 'K' }, { PTE_RW, 'W', 'R' },
	{ PTE_XD, '-', 'E' },  { PTE_P, 'V', '-' },  { 0, 0, 0 },
};

/* 32-bit paging: no copy-on-write in front, no execute right. */
static const struct dialect_letter pte_letters_32[] = {
	{ PTE_G, 'G', '-' },  { PTE_PS, 'L', '-' },  { PTE_D, 'D', '-' },
	{ PTE_A, 'A', '-' },  { PTE_PCD, 'N', '-' }, { PTE_PWT, 'T', '-' },
	{ PTE_US, 'U', 'K' }, { PTE_RW, 'W', 'R' },  { PTE_P, 'V', '-' },
	{ 0, 0, 0 },
};

/* The columns of !pte: an entry each, of which some may be missing. */
struct columns {
	const struct dialect_view *v;
	struct rawpt it[PAGING_MAX_LEVELS];
	unsigned n;			       /* entries read */
	char at[160], contains[160], pfn[200]; /* the three lines */
};

static const struct pte_map *map_of(const struct paging_mode *mode,
				    unsigned level)
{
	for (size_t i = 0; i < ARRAY_SIZE(pte_maps); i++)
		if (pte_maps[i].mode == mode->id && pte_maps[i].level == level)
			return &pte_maps[i];
	return NULL;
}

/* Where the entry of @va appears. */
static va_t appears_at(const struct paging_mode *mode,
		       const struct pte_map *map, va_t va)
{
	va_t linear = va & (BIT(mode->va_bits) - 1);

	return map->base +
	       (linear >> mode->level[map->level].shift) * mode->entry_size;
}

static void read_entries(struct columns *c)
{
	struct rawpt_tables t = { c->v->mmu, c->v->ram, ALL_ADDR, 0 };
	struct rawpt it;

	for (rawpt_start(&it, &t, c->v->from, c->v->from); it.valid;
	     rawpt_next(&it)) {
		c->it[c->n++] = it;
		if (it.leaf || !it.present)
			break;
	}
}

static void append(char *to, size_t size, const char *text, int width)
{
	size_t len = strlen(to);

	snprintf(to + len, size - len, "%-*s", width, text);
}

static unsigned long long pfn_of(const struct rawpt *it)
{
	return it->entry >> PAGE_SHIFT & PFN_BITS;
}

/* "pfn 199       ---DA--KWEV", and the page within a large one. */
static void pfn_column(struct columns *c, const struct rawpt *it)
{
	bool large = it->leaf && it->level + 1U < it->mode->nlevels;
	unsigned long long in_page =
		(c->v->from & (rawpt_size(it) - 1)) >> PAGE_SHIFT;
	char text[48], letters[16];

	if (!it->present) {
		append(c->pfn, sizeof(c->pfn), "not valid", 0);
		return;
	}
	snprintf(text, sizeof(text), "pfn %-10llx%s", pfn_of(it),
		 dialect_letters(letters, pte_letters,
				 it->level + 1U == it->mode->nlevels
					 ? it->entry & ~PTE_PS
					 : it->entry));
	append(c->pfn, sizeof(c->pfn), text, large ? 25 : 27);
	if (!large)
		return;
	snprintf(text, sizeof(text), "%*sLARGE PAGE pfn %-12llx",
		 it->mode->canonical ? 2 : 4, "", pfn_of(it) + in_page);
	append(c->pfn, sizeof(c->pfn), text, 0);
}

static void entry_column(struct columns *c, const struct pte_map *map)
{
	int digits = c->v->mmu->mode->canonical ? 16 : 8;
	const struct rawpt *it = map->level < c->n ? &c->it[map->level] : NULL;
	bool in_large = !it && c->n && c->it[c->n - 1].leaf;
	char text[48];

	snprintf(text, sizeof(text), "%s at %0*llX", map->name, digits,
		 (unsigned long long)appears_at(c->v->mmu->mode, map,
						c->v->from));
	append(c->at, sizeof(c->at), text, 27);
	if (it || in_large) {
		snprintf(text, sizeof(text), "contains %016llX",
			 it ? (unsigned long long)it->entry : 0);
		append(c->contains, sizeof(c->contains), text, 27);
	}
	if (it)
		pfn_column(c, it);
}

static void trim(char *s)
{
	size_t len = strlen(s);

	while (len && s[len - 1] == ' ')
		s[--len] = 0;
}

/* x64 and PAE: a column for each entry. */
static void pte_columns(struct columns *c)
{
	const struct paging_mode *mode = c->v->mmu->mode;
	bool large = c->n && c->it[c->n - 1].leaf && c->n < mode->nlevels;

	if (mode->canonical)
		res_verbatim(c->v->r, "%43sVA %016llx", "",
			     (unsigned long long)c->v->from);
	else
		res_verbatim(c->v->r, "%20sVA %08llx", "",
			     (unsigned long long)c->v->from);
	for (unsigned level = 0; level < mode->nlevels; level++)
		if (map_of(mode, level))
			entry_column(c, map_of(mode, level));
	trim(c->at);
	trim(c->contains);
	if (!large)
		trim(c->pfn);
	res_verbatim(c->v->r, "%s", c->at);
	res_verbatim(c->v->r, "%s", c->contains);
	res_verbatim(c->v->r, "%s", c->pfn);
}

/* 32-bit paging: the form of the documentation. */
static void pte_plain(struct columns *c)
{
	const struct paging_mode *mode = c->v->mmu->mode;
	const struct pte_map *pde = map_of(mode, 0), *pte = map_of(mode, 1);
	char text[40], letters[16];

	res_verbatim(c->v->r, "%08llX  - PDE at %08llX        PTE at %08llX",
		     (unsigned long long)c->v->from,
		     (unsigned long long)appears_at(mode, pde, c->v->from),
		     (unsigned long long)appears_at(mode, pte, c->v->from));
	for (unsigned i = 0; i < c->n; i++) {
		const struct rawpt *it = &c->it[i];

		snprintf(text, sizeof(text), "contains %08llX",
			 (unsigned long long)it->entry);
		append(c->contains, sizeof(c->contains), text, 23);
		snprintf(text, sizeof(text), "pfn %llx %s    ", pfn_of(it),
			 dialect_letters(letters, pte_letters_32,
					 i ? it->entry & ~PTE_PS : it->entry));
		append(c->pfn, sizeof(c->pfn), it->present ? text : "not valid",
		       0);
	}
	trim(c->contains);
	trim(c->pfn);
	res_verbatim(c->v->r, "%10s%s", "", c->contains);
	res_verbatim(c->v->r, "%8s%s", "", c->pfn);
}

void windbg_walk(const struct dialect_view *v)
{
	struct columns c = { .v = v };

	read_entries(&c);
	if (v->mmu->mode->id == PAGING_32)
		pte_plain(&c);
	else
		pte_columns(&c);
}

void windbg_dump(const struct dialect_view *v)
{
	dialect_each_page(v, ALL_ADDR, windbg_walk);
}

/* --- page --------------------------------------------------------------------- */
static const struct {
	const char *ours, *theirs;
} bochs_names[] = {
	{ "PML5E", "PML5" }, { "PML4E", "PML4" }, { "PDPTE", "PDPE" },
	{ "PDE", "PDE" },    { "PTE", "PTE" },
};

static const struct flag_name bochs_flags[] = {
	{ PTE_A, "A", "a" },	   { PTE_PCD, "PCD", "pcd" },
	{ PTE_PWT, "PWT", "pwt" }, { PTE_US, "U", "S" },
	{ PTE_RW, "W", "R" },	   { PTE_P, "P", "p" },
	{ 0, NULL, NULL },
};

static const struct flag_name bochs_leaf_flags[] = {
	{ PTE_G, "G", "g" },
	{ PTE_PAT, "PAT", "pat" },
	{ PTE_D, "D", "d" },
	{ 0, NULL, NULL },
};

static const struct flag_name bochs_large_flags[] = {
	{ PTE_G, "G", "g" },
	{ PTE_PAT_LARGE, "PAT", "pat" },
	{ PTE_D, "D", "d" },
	{ 0, NULL, NULL },
};

static const char *bochs_name(const char *ours)
{
	for (size_t i = 0; i < ARRAY_SIZE(bochs_names); i++)
		if (strcmp(bochs_names[i].ours, ours) == 0)
			return bochs_names[i].theirs;
	return ours;
}

/* Would Bochs go on from this entry? */
static bool bochs_valid(const struct rawpt *it)
{
	uint64_t low = rawpt_size(it) - 1;

	if (!it->present || it->mode->entry_size == 4)
		return it->present;
	if (it->entry & BOCHS_RSVD)
		return false;
	if (it->leaf) /* bit 12 is PAT in a large page */
		return !(it->entry & low & ALL_ADDR & ~0x1fffULL);
	return !(it->entry & PTE_PS) || it->mode->pdpte_regs;
}

/* In a 4-MByte page's entry bit 21, which is reserved, is address bit 40. */
static pa_t bochs_target(const struct rawpt *it)
{
	pa_t pa = paging_target(it->mode, it->level, it->entry, true);

	if (it->mode->pse36 && rawpt_size(it) > PAGE_SIZE)
		pa |= (it->entry & BIT(21)) << 19;
	return pa;
}

static void bochs_entry(const struct dialect_view *v, const struct rawpt *it)
{
	bool pte = it->level + 1U == it->mode->nlevels;
	const char *ps = pte ? "   " : it->entry & PTE_PS ? " PS" : " ps";
	char leaf[24] = "       ", flags[40];

	if (pte || (it->entry & PTE_PS))
		flags_format(leaf, sizeof(leaf),
			     pte ? bochs_leaf_flags : bochs_large_flags,
			     it->entry, " ");
	flags_format(flags, sizeof(flags), bochs_flags, it->entry, " ");
	res_verbatim(v->r, "%4s: 0x%016llx%s%s %s %s",
		     bochs_name(it->mode->level[it->level].name),
		     (unsigned long long)it->entry,
		     it->entry & PTE_XD ? " XD" : "   ", ps, leaf, flags);
}

/* Follows @v->from; PAE's PDPTEs are registers, and not shown. */
static bool bochs_follow(const struct dialect_view *v, struct rawpt *it)
{
	struct rawpt_tables t = { v->mmu, v->ram, ALL_ADDR, ~0ULL };

	for (rawpt_start(it, &t, v->from, v->from); it->valid; rawpt_next(it)) {
		if (it->level || !it->mode->pdpte_regs)
			bochs_entry(v, it);
		if (it->leaf || !bochs_valid(it))
			break;
	}
	return bochs_valid(it);
}

void bochs_walk(const struct dialect_view *v)
{
	va_t va = v->from & ~(PAGE_SIZE - 1);
	struct rawpt it;
	pa_t pa = va;
	bool found = true;

	if (v->mmu->mode->nlevels) {
		found = bochs_follow(v, &it);
		pa = bochs_target(&it) + (va & (rawpt_size(&it) - 1));
	}
	if (found)
		res_verbatim(
			v->r,
			"linear page 0x%016llx maps to physical page 0x%012llx",
			(unsigned long long)va, (unsigned long long)pa);
	else
		res_verbatim(
			v->r,
			"physical address not available for linear 0x%016llx",
			(unsigned long long)va);
}

/* --- info tab ----------------------------------------------------------------- */
struct tab { /* a range of pages with rising frames */
	va_t va;
	pa_t pa;
	uint64_t size; /* 0: none */
};

static void put_tab(const struct dialect_view *v, const struct tab *t)
{
	if (t->size)
		res_verbatim(v->r, "0x%016llx-0x%016llx -> 0x%012llx-0x%012llx",
			     (unsigned long long)t->va,
			     (unsigned long long)(t->va + t->size - 1),
			     (unsigned long long)t->pa,
			     (unsigned long long)(t->pa + t->size - 1));
}

static void add_tab(const struct dialect_view *v, struct tab *t,
		    const struct rawpt *it)
{
	va_t va = rawpt_va(it);
	pa_t pa = bochs_target(it);

	if (!t->size || va != t->va + t->size || pa != t->pa + t->size) {
		put_tab(v, t);
		*t = (struct tab){ va, pa, 0 };
	}
	t->size += rawpt_size(it);
}

void bochs_dump(const struct dialect_view *v)
{
	struct rawpt_tables tables = { v->mmu, v->ram, ALL_ADDR, ~0ULL };
	struct tab tab = { 0, 0, 0 };
	struct rawpt it;

	if (!v->mmu->mode->nlevels) {
		res_verbatim(v->r, "paging off");
		return;
	}
	res_verbatim(v->r, "cr3: 0x%012llx", (unsigned long long)v->mmu->cr3);
	for (rawpt_start(&it, &tables, v->from, v->last); it.valid;
	     rawpt_next(&it)) {
		if (it.present && !bochs_valid(&it))
			rawpt_prune(&it);
		else if (it.leaf)
			add_tab(v, &tab, &it);
	}
	put_tab(v, &tab);
}

/*
 * cmd_pte.c - pte: a raw paging-structure entry, bit by bit.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "machine/memtype.h"
#include "repl/cmd.h"

/* One reading of a value: as an entry of a level. */
struct reading {
	struct cmd_ctx *c;
	const struct mmu *mmu;
	uint64_t value;
	unsigned level;
	bool leaf;
	int name_width;		/* of the longest level's name */
};

static const struct mmu_level *level_of(const struct reading *rd)
{
	return &rd->mmu->level[rd->level];
}

static bool is_last(const struct reading *rd)
{
	return rd->level + 1u == rd->mmu->mode->nlevels;
}

static const char *kind_of(const struct reading *rd)
{
	if (!(rd->value & PTE_P))
		return "not present";
	return rd->leaf ? "maps a page" : "points to a table";
}

/* --- where it leads ------------------------------------------------------------- */
static void emit_target(const struct reading *rd)
{
	const struct paging_mode *mode = rd->mmu->mode;
	struct result *r = rd->c->r;
	pa_t pa = paging_target(mode, rd->level, rd->value, rd->leaf);

	res_pa(r, rd->leaf ? "page" : "table",
	       rd->leaf ? "page %s" : "table %s", pa);
	if (rd->leaf)
		res_size(r, "size", "~, %s", 1ULL << level_of(rd)->shift);
}

static void emit_leaf(const struct reading *rd)
{
	const struct paging_mode *mode = rd->mmu->mode;
	const struct cpu *cpu = cmd_chosen_cpu(rd->c);
	struct result *r = rd->c->r;
	unsigned pat = pat_index(mode, rd->level, rd->value);

	res_u64(r, "pat_index", "PAT entry %s", pat);
	if (cpu->features.pat)
		res_str(r, "memory_type", "~ (%s)",
			memtype_name[pat_entry(cpu->memtype.pat, pat)]);
	if (mode->has_pk)
		res_u64(r, "key", "key %s", rd->value >> PTE_PK_SHIFT & 15);
}

/* --- bits -------------------------------------------------------------------------- */
enum { TABLE = 1, SMALL = 2, LARGE = 4, LEAF = SMALL | LARGE, ANY = 7 };

static const struct bit_name {
	uint64_t mask;
	unsigned of;		/* kinds of entries that have it */
	const char *name;
	const char *set, *clear; /* clear NULL: not shown then */
	bool kernel;		/* Linux gives it a meaning, not the CPU */
} bit_names[] = {
	{ PTE_P, ANY, "P", "present", "not present" },
	{ PTE_RW, ANY, "RW", "writes allowed", "read-only" },
	{ PTE_US, ANY, "US", "user may access it", "supervisor only" },
	{ PTE_PWT, TABLE, "PWT", "the table: write-through",
	  "the table: not write-through" },
	{ PTE_PCD, TABLE, "PCD", "the table: not cached", "the table: cached" },
	{ PTE_PWT, LEAF, "PWT", "bit 0 of the PAT index",
	  "bit 0 of the PAT index" },
	{ PTE_PCD, LEAF, "PCD", "bit 1 of the PAT index",
	  "bit 1 of the PAT index" },
	{ PTE_A, ANY, "A", "accessed", "not accessed yet" },
	{ PTE_D, LEAF, "D", "dirty: written to", "not written to yet" },
	{ PTE_PS, LARGE, "PS", "a page, not a table", NULL },
	{ PTE_PAT, SMALL, "PAT", "bit 2 of the PAT index",
	  "bit 2 of the PAT index" },
	{ PTE_G, LEAF, "G", "global, with CR4.PGE", "not global" },
	{ _PAGE_SPECIAL, LEAF, "special", "Linux: no struct page is behind it",
	  NULL, true },
	{ _PAGE_SOFT_DIRTY, LEAF, "soft-dirty",
	  "Linux: written to since clear_refs", NULL, true },
	{ PTE_PAT_LARGE, LARGE, "PAT", "bit 2 of the PAT index",
	  "bit 2 of the PAT index" },
	{ 15ULL << PTE_PK_SHIFT, LEAF, "key", "protection key",
	  "protection key" },
	{ PTE_XD, ANY, "XD", "no instruction fetches",
	  "instructions may be fetched" },
	{ 0 },
};

static const struct res_column bit_cols[] = {
	{ "bits", "", true }, { "name", "", false }, { "value", "", true },
	{ "meaning", "", false }, { 0 },
};

static void emit_bit(struct result *r, const char *bits, const char *name,
		     uint64_t value, const char *meaning)
{
	res_item(r, false);
	res_str(r, "bits", "%s", bits);
	res_str(r, "name", "%s", name);
	res_u64(r, "value", "%s", value);
	res_str(r, "meaning", "%s", meaning);
	res_end(r);
}

/* The bits that mean something in this reading. */
static uint64_t known_bits(const struct reading *rd)
{
	const struct paging_mode *mode = rd->mmu->mode;
	const struct paging_level *l = &mode->level[rd->level];
	uint64_t known = ~0ULL;

	if (!mode->has_xd)
		known &= ~PTE_XD;
	if (!mode->has_pk)
		known &= ~(15ULL << PTE_PK_SHIFT);
	if (l->implied)		/* a PDPTE of PAE */
		known &= ~(l->implied | PTE_A | PTE_XD);
	if (!rd->c->k || !rd->c->k->arch->softdirty)
		known &= ~_PAGE_SOFT_DIRTY;
	return known;
}

static void emit_bits(const struct reading *rd)
{
	unsigned kind = !rd->leaf ? TABLE : is_last(rd) ? SMALL : LARGE;
	uint64_t known = known_bits(rd);
	char number[16];

	if (!(rd->value & PTE_P))
		return;
	res_table(rd->c->r, "bits", bit_cols);
	for (const struct bit_name *b = bit_names; b->mask; b++) {
		uint64_t v = (rd->value & b->mask) >> __builtin_ctzll(b->mask);

		if (!(b->of & kind) || !(b->mask & known) ||
		    (!v && !b->clear) || (b->kernel && !rd->c->k))
			continue;
		flags_numbers(number, sizeof(number), b->mask);
		emit_bit(rd->c->r, number, b->name, v, v ? b->set : b->clear);
	}
	res_end(rd->c->r);
}

static void emit_reading(const struct reading *rd, bool bits)
{
	const struct paging_mode *mode = rd->mmu->mode;
	struct result *r = rd->c->r;
	char flags[160];

	res_item(r, false);
	res_name(r, "level", NULL, mode->level[rd->level].name);
	res_text(r, COL_NAME, "%-*s", rd->name_width,
		 mode->level[rd->level].name);
	res_entry(r, "entry", "%s", rd->value);
	paging_format_entry(flags, sizeof(flags), mode, rd->level, rd->value,
			    rd->leaf);
	res_flags(r, "flags", "%s", flags);
	res_str(r, "kind", NULL, kind_of(rd));
	if (rd->value & PTE_P)
		emit_target(rd);
	else
		cmd_emit_not_present(r, rd->c->k, rd->mmu, rd->level,
				     rd->value, true);
	if ((rd->value & PTE_P) && rd->leaf)
		emit_leaf(rd);
	cmd_emit_reserved(r, rd->mmu, rd->level, rd->value, rd->leaf);
	if (bits)
		emit_bits(rd);
	res_end(r);
}

/* --- what is asked for ----------------------------------------------------------------- */
static const struct paging_mode *find_mode(struct cmd_ctx *c, const char *name)
{
	const struct paging_mode *mode = paging_mode_by_name(name);
	struct closest near;

	if (mode && mode->nlevels)
		return mode;
	closest_init(&near, name);
	for (unsigned i = 0; i < PAGING_NMODES; i++)
		if (paging_modes[i].nlevels)
			closest_try(&near, paging_modes[i].name);
	err_set(c->err, ERR_USER, "%s: no paging mode with entries", name);
	if (near.best)
		err_hint(c->err, "did you mean %s?", near.best);
	else
		err_hint(c->err, "32-bit, PAE, 4-level or 5-level");
	return NULL;
}

/* The registers of the CPU, put into the mode of -m. */
static int choose_mode(struct cmd_ctx *c, struct mmu *mmu)
{
	static const struct {
		uint64_t cr4, efer;
	} control[PAGING_NMODES] = {
		[PAGING_32] = { 0, 0 },
		[PAGING_PAE] = { CR4_PAE, 0 },
		[PAGING_4LEVEL] = { CR4_PAE, EFER_LMA | EFER_LME },
		[PAGING_5LEVEL] = { CR4_PAE | CR4_LA57, EFER_LMA | EFER_LME },
	};
	const struct cmd_arg *m = cmd_opt(c, 'm');
	const struct paging_mode *mode;

	*mmu = cmd_chosen_cpu(c)->mmu;
	if (!m && mmu->mode->nlevels)
		return 0;
	if (!m)
		return err_set(c->err, ERR_USER, "paging is off: -m MODE is "
			       "needed");
	mode = find_mode(c, m->str);
	if (!mode)
		return -1;
	if (mode == mmu->mode)
		return 0;
	mmu->cr0 |= CR0_PG | CR0_PE;
	mmu->cr4 &= ~(CR4_PAE | CR4_LA57);
	mmu->cr4 |= control[mode->id].cr4 | (mmu->features->pse ? CR4_PSE : 0);
	mmu->efer &= ~(EFER_LMA | EFER_LME);
	mmu->efer |= control[mode->id].efer;
	mmu_refresh(mmu);
	return 0;
}

static int find_level(struct cmd_ctx *c, const struct paging_mode *mode,
		      const char *name, unsigned *ret)
{
	struct closest near;

	closest_init(&near, name);
	for (unsigned i = 0; i < mode->nlevels; i++) {
		const struct paging_level *l = &mode->level[i];

		if (strcasecmp(name, l->name) == 0 ||
		    strcasecmp(name, l->linux_name) == 0) {
			*ret = i;
			return 0;
		}
		closest_try(&near, l->name);
	}
	err_set(c->err, ERR_USER, "%s: no level of %s paging", name,
		mode->name);
	if (near.best)
		err_hint(c->err, "did you mean %s?", near.best);
	else
		err_hint(c->err, "from %s to PTE", mode->level[0].name);
	return -1;
}

/* Every bit of a present entry counts; others say what they lead to. */
static bool reads_as_leaf(const struct mmu *mmu, unsigned level, uint64_t v)
{
	return level + 1u == mmu->mode->nlevels ||
	       (v & mmu->level[level].leaf_mask);
}

static int pte_run(struct cmd_ctx *c)
{
	struct reading rd = { .c = c, .value = c->arg[0].value.n };
	const struct cmd_arg *l = cmd_opt(c, 'l');
	unsigned digits = c->r->entry_digits, first = 0, last;
	struct mmu mmu;

	if (choose_mode(c, &mmu) < 0)
		return -1;
	rd.mmu = &mmu;
	last = mmu.mode->nlevels - 1u;
	if (l && find_level(c, mmu.mode, l->str, &first) < 0)
		return -1;
	if (l)
		last = first;
	if (mmu.mode->entry_size == 4 && rd.value >> 32)
		return err_set(c->err, ERR_USER, "0x%llx: entries of 32-bit "
			       "paging have 32 bits",
			       (unsigned long long)rd.value);
	c->r->entry_digits = 2 * mmu.mode->entry_size;
	res_str(c->r, "mode", "%s paging", mmu.mode->name);
	res_u64(c->r, "maxphyaddr", "~, MAXPHYADDR %s",
		mmu.features->maxphyaddr);
	for (unsigned i = first; i <= last; i++)
		if (rd.name_width < (int)strlen(mmu.mode->level[i].name))
			rd.name_width = strlen(mmu.mode->level[i].name);
	res_list(c->r, "readings", RES_LINES);
	for (rd.level = first; rd.level <= last; rd.level++) {
		rd.leaf = reads_as_leaf(&mmu, rd.level, rd.value);
		emit_reading(&rd, l != NULL);
	}
	res_end(c->r);
	c->r->entry_digits = digits;
	return 0;
}

/* For -m and -l alike: the modes, and the levels of the one with most. */
static const char *mode_or_level(unsigned i)
{
	const struct paging_mode *most = &paging_modes[PAGING_5LEVEL];

	if (i + 1 < PAGING_NMODES)
		return paging_modes[i + 1].name;
	i -= PAGING_NMODES - 1;
	return i < most->nlevels ? most->level[i].name : NULL;
}

const struct command cmd_pte = {
	.name = "pte", .group = "translation",
	.help = "decode VALUE as a paging-structure entry",
	.details =
	"Reads VALUE as an entry of every level of the paging mode (the CPU's, or\n"
	"-m 32-bit, PAE, 4-level, 5-level); with -l (PTE, PDE, PDPTE, PML4E,\n"
	"PML5E, or pte, pmd, pud, p4d, pgd as Linux has them) of that level, bit by\n"
	"bit. Reserved bits are those of this CPU: its MAXPHYADDR, EFER.NXE, 1G\n"
	"pages. A booted kernel says what it keeps in entries that are not present.",
	.example = "pte 0x7ffc4067 -l PTE",
	.arg = { { "VALUE", ARG_NUM } },
	.opt = { { 'l', "level", ARG_WORD, "LEVEL", "as an entry of this level" },
		 { 'm', "mode", ARG_WORD, "MODE", "of this paging mode" },
		 CMD_OPT_CPU },
	.run = pte_run, .word = mode_or_level,
};

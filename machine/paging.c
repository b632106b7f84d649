/*
 * paging.c - the formats of paging structures, as one table.
 *
 *   32-bit    CR3 -> page directory[10] -> page table[10] -> 4 KiB
 *   PAE       4 PDPTE registers[2] -> page directory[9] -> page table[9]
 *   4-level   CR3 -> PML4[9] -> PDPT[9] -> page directory[9] -> page table[9]
 *   5-level   CR3 -> PML5[9] -> as 4-level
 *
 * Reserved bits here are those that every CPU reserves. What depends on
 * MAXPHYADDR, EFER.NXE and features is added by mmu_refresh(). Source: SDM
 * volume 3A, "Paging", the tables "Format of ... Entry" of the sections named
 * in the rows.
 */
#include "machine/paging.h"

#include <string.h>
#include <strings.h>

#define BITS(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))

#define FLAGS_TABLE                                                          \
	{ PTE_P, "P", "p" }, { PTE_RW, "RW", "rw" }, { PTE_US, "US", "us" }, \
		{ PTE_PWT, "PWT", "pwt" }, { PTE_PCD, "PCD", "pcd" },        \
	{                                                                    \
		PTE_A, "A", "a"                                              \
	}
#define FLAGS_PTE                                                   \
	FLAGS_TABLE, { PTE_D, "D", "d" }, { PTE_PAT, "PAT", NULL }, \
	{                                                           \
		PTE_G, "G", "g"                                     \
	}
#define FLAG_XD                    \
	{                          \
		PTE_XD, "XD", "xd" \
	}
#define FLAG_PK                          \
	{                                \
		BITS(62, 59), "PK", NULL \
	}

static const struct flag_name flags_32[] = { FLAGS_PTE, { 0, NULL, NULL } };
static const struct flag_name flags_pae[] = { FLAGS_PTE,
					      FLAG_XD,
					      { 0, NULL, NULL } };
static const struct flag_name flags_ia32e[] = {
	FLAGS_PTE, FLAG_XD, FLAG_PK, { 0, NULL, NULL }
};

/* An entry that maps a page above 4 KiB: bit 7 is PS, and PAT moves. */
static const struct flag_name flags_large[] = { FLAGS_TABLE,
						{ PTE_D, "D", "d" },
						{ PTE_PS, "PS", NULL },
						{ PTE_G, "G", "g" },
						{ PTE_PAT_LARGE, "PAT", NULL },
						FLAG_XD,
						FLAG_PK,
						{ 0, NULL, NULL } };

/* Levels that modes share. Above 4 KiB PAE reserves bits 62:52 as well. */
#define LEVEL_PML4E                                                    \
	{                                                              \
		.name = "PML4E", .table = "PML4", .linux_name = "pgd", \
		.shift = 39, .bits = 9, .accessed = PTE_A,             \
		.table_rsvd = PTE_PS                                   \
	}
#define LEVEL_PDPTE                                                        \
	{                                                                  \
		.name = "PDPTE", .table = "page-directory-pointer table",  \
		.linux_name = "pud", .shift = 30, .bits = 9,               \
		.accessed = PTE_A, .may_map = true, .needs_gbpages = true, \
		.leaf_rsvd = BITS(29, 13)                                  \
	}
#define LEVEL_PDE(high)                                                        \
	{                                                                      \
		.name = "PDE", .table = "page directory", .linux_name = "pmd", \
		.shift = 21, .bits = 9, .accessed = PTE_A, .may_map = true,    \
		.table_rsvd = (high), .leaf_rsvd = BITS(20, 13) | (high)       \
	}
#define LEVEL_PTE(nbits, high)                                             \
	{                                                                  \
		.name = "PTE", .table = "page table", .linux_name = "pte", \
		.shift = 12, .bits = (nbits), .accessed = PTE_A,           \
		.leaf_rsvd = (high)                                        \
	}

const struct paging_mode paging_modes[PAGING_NMODES] = {
	[PAGING_OFF] = {
		.id = PAGING_OFF, .name = "off", .sdm = "Paging-Mode Enabling",
		.va_bits = 32, .addr_mask = BITS(31, 12), .flags = flags_32,
	},
	[PAGING_32] = {
		.id = PAGING_32, .name = "32-bit", .sdm = "32-Bit Paging",
		.entry_size = 4, .nlevels = 2, .va_bits = 32, .pse36 = true,
		.cr3_mask = BITS(31, 12), .addr_mask = BITS(31, 12),
		.flags = flags_32,
		.level = {
			{ .name = "PDE", .table = "page directory",
			  .linux_name = "pgd", .shift = 22, .bits = 10,
			  .may_map = true, .needs_pse = true,
			  .accessed = PTE_A, .leaf_rsvd = BIT(21) },
			LEVEL_PTE(10, 0),
		},
	},
	[PAGING_PAE] = {
		.id = PAGING_PAE, .name = "PAE", .sdm = "PAE Paging",
		.entry_size = 8, .nlevels = 3, .va_bits = 32,
		.pdpte_regs = true, .has_xd = true,
		.cr3_mask = BITS(31, 5), .addr_mask = BITS(51, 12),
		.flags = flags_pae,
		.level = {
			{ .name = "PDPTE",
			  .table = "page-directory-pointer table",
			  .linux_name = "pgd", .shift = 30, .bits = 2,
			  .implied = PTE_RW | PTE_US,
			  .table_rsvd = BITS(63, 52) | BITS(8, 5) |
					BITS(2, 1) },
			LEVEL_PDE(BITS(62, 52)),
			LEVEL_PTE(9, BITS(62, 52)),
		},
	},
	[PAGING_4LEVEL] = {
		.id = PAGING_4LEVEL, .name = "4-level",
		.sdm = "4-Level Paging and 5-Level Paging",
		.entry_size = 8, .nlevels = 4, .va_bits = 48,
		.canonical = true, .has_xd = true, .has_pk = true,
		.cr3_mask = BITS(51, 12), .addr_mask = BITS(51, 12),
		.flags = flags_ia32e,
		.level = {
			LEVEL_PML4E, LEVEL_PDPTE, LEVEL_PDE(0), LEVEL_PTE(9, 0),
		},
	},
	[PAGING_5LEVEL] = {
		.id = PAGING_5LEVEL, .name = "5-level",
		.sdm = "4-Level Paging and 5-Level Paging",
		.entry_size = 8, .nlevels = 5, .va_bits = 57,
		.canonical = true, .has_xd = true, .has_pk = true,
		.cr3_mask = BITS(51, 12), .addr_mask = BITS(51, 12),
		.flags = flags_ia32e,
		.level = {
			{ .name = "PML5E", .table = "PML5",
			  .linux_name = "pgd", .shift = 48, .bits = 9,
			  .accessed = PTE_A, .table_rsvd = PTE_PS },
			{ .name = "PML4E", .table = "PML4",
			  .linux_name = "p4d", .shift = 39, .bits = 9,
			  .accessed = PTE_A, .table_rsvd = PTE_PS },
			LEVEL_PDPTE, LEVEL_PDE(0), LEVEL_PTE(9, 0),
		},
	},
};

const struct paging_mode *paging_mode_by_name(const char *name)
{
	for (unsigned i = 0; i < PAGING_NMODES; i++)
		if (!strcasecmp(paging_modes[i].name, name))
			return &paging_modes[i];
	return NULL;
}

bool paging_is_leaf(const struct paging_mode *mode, unsigned level,
		    uint64_t entry, bool pse)
{
	const struct paging_level *l = &mode->level[level];

	if (level + 1U == mode->nlevels)
		return true;
	return l->may_map && (entry & PTE_PS) && (pse || !l->needs_pse);
}

/* Does @level hold address bits 39:32 in bits 20:13 of a large page's entry? */
static bool is_folded(const struct paging_mode *mode, unsigned level, bool leaf)
{
	return mode->pse36 && leaf && mode->level[level].may_map;
}

static uint64_t address_mask(const struct paging_mode *mode, unsigned level,
			     bool leaf)
{
	uint64_t size = leaf ? 1ULL << mode->level[level].shift : PAGE_SIZE;

	return mode->addr_mask & ~(size - 1);
}

pa_t paging_target(const struct paging_mode *mode, unsigned level,
		   uint64_t entry, bool leaf)
{
	pa_t pa = entry & address_mask(mode, level, leaf);

	if (is_folded(mode, level, leaf))
		pa |= ((entry >> 13) & 0xff) << 32;
	return pa;
}

uint64_t paging_address_bits(const struct paging_mode *mode, unsigned level,
			     pa_t pa, bool leaf)
{
	uint64_t bits = pa & address_mask(mode, level, leaf);

	if (is_folded(mode, level, leaf))
		bits |= ((pa >> 32) & 0xff) << 13;
	return bits;
}

va_t paging_canonical(const struct paging_mode *mode, va_t va)
{
	unsigned above = 64 - mode->va_bits;

	if (!mode->canonical)
		return va << above >> above;
	return (va_t)((int64_t)(va << above) >> above);
}

bool paging_is_canonical(const struct paging_mode *mode, va_t va)
{
	return paging_canonical(mode, va) == va;
}

/* The bits of an entry of this kind that mean something. */
static uint64_t known_bits(const struct paging_mode *mode, unsigned level,
			   bool leaf)
{
	uint64_t known = PTE_P | PTE_RW | PTE_US | PTE_PWT | PTE_PCD;

	known |= mode->level[level].accessed;
	known &= ~mode->level[level].implied;
	if (mode->has_xd && !mode->level[level].implied)
		known |= PTE_XD;
	if (leaf)
		known |= PTE_D | PTE_PS | PTE_G | PTE_PAT_LARGE;
	else if (!mode->level[level].implied)
		known |= PTE_PS; /* ignored, or reserved: worth seeing */
	if (leaf && mode->has_pk)
		known |= BITS(62, 59);
	return known;
}

const struct flag_name *paging_flag_names(const struct paging_mode *mode,
					  unsigned level)
{
	return level + 1U == mode->nlevels ? mode->flags : flags_large;
}

char *paging_format_entry(char *buf, size_t size,
			  const struct paging_mode *mode, unsigned level,
			  uint64_t entry, bool leaf)
{
	const struct flag_name *f = paging_flag_names(mode, level);
	uint64_t known = known_bits(mode, level, leaf);
	struct flag_name shown[ARRAY_SIZE(flags_large)];
	unsigned n = 0;

	if (!(entry & PTE_P))
		known = PTE_P;
	for (; f->name; f++)
		if (f->mask & known)
			shown[n++] = *f;
	shown[n] = (struct flag_name){ 0, NULL, NULL };
	return flags_format(buf, size, shown, entry, " ");
}

const char *paging_size_name(unsigned shift)
{
	switch (shift) {
	case 12:
		return "4K";
	case 21:
		return "2M";
	case 22:
		return "4M";
	case 30:
		return "1G";
	}
	return "?";
}

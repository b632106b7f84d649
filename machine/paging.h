/*
 * paging.h - the paging modes of x86 as one table.
 *
 * This is the only place that knows the formats of paging structures. The
 * walker, the page-table builder of the kernel, the dumper, help and Lua all
 * read these rows; a new mode is a new row. Source: Intel SDM volume 3A,
 * "Paging" (sections named by title in each row).
 *
 * Not here: what an access may do (mmu.h), caching (tlb.h).
 */
#ifndef MACHINE_PAGING_H
#define MACHINE_PAGING_H

#include "machine/flags.h"

#define PAGING_MAX_LEVELS 5

/* Bits of paging-structure entries, the same in every mode that has them. */
#define PTE_P		BIT(0)
#define PTE_RW		BIT(1)
#define PTE_US		BIT(2)
#define PTE_PWT		BIT(3)
#define PTE_PCD		BIT(4)
#define PTE_A		BIT(5)
#define PTE_D		BIT(6)
#define PTE_PS		BIT(7)	/* in entries that may map a page above 4 KiB */
#define PTE_PAT		BIT(7)	/* in a PTE */
#define PTE_G		BIT(8)
#define PTE_PAT_LARGE	BIT(12)	/* in an entry with PS=1 */
#define PTE_XD		BIT(63)
#define PTE_PK_SHIFT	59	/* protection key, 4 bits, IA-32e modes */

enum paging_mode_id {
	PAGING_OFF, PAGING_32, PAGING_PAE, PAGING_4LEVEL, PAGING_5LEVEL,
	PAGING_NMODES,
};

struct paging_level {
	const char *name;	/* the SDM's word for the entry: "PML4E", "PDE" */
	const char *table;	/* and for the table: "PML4", "page directory" */
	const char *linux_name;	/* "pgd", "p4d", "pud", "pmd", "pte" */
	uint8_t shift, bits;	/* VA bits [shift, shift + bits) index the table */
	bool may_map;		/* PS=1 here maps a page of 1 << shift bytes */
	bool needs_pse;		/* and PS is ignored unless CR4.PSE=1 */
	bool needs_gbpages;	/* and PS is reserved without 1-GByte pages */
	uint64_t accessed;	/* PTE_A, or 0 where entries have no such flag */
	uint64_t implied;	/* rights the format lacks: they count as set */
	uint64_t table_rsvd, leaf_rsvd; /* always reserved, as table / as page */
};

struct paging_mode {
	enum paging_mode_id id;
	const char *name;	/* "32-bit", "PAE", "4-level": the SDM's word */
	const char *sdm;	/* title of the SDM section that defines it */
	uint8_t entry_size;	/* bytes: 4 or 8 */
	uint8_t nlevels;
	uint8_t va_bits;	/* bits of a linear address that are translated */
	bool canonical;		/* bits above must equal the top bit, else #GP */
	bool pdpte_regs;	/* the root's entries are held in registers */
	bool pse36;		/* large page: entry bits 20:13 are address 39:32 */
	bool has_xd;		/* bit 63 is XD when EFER.NXE=1 */
	bool has_pk;		/* bits 62:59 of a leaf are a protection key */
	uint64_t cr3_mask;	/* bits of CR3 that locate the root */
	uint64_t addr_mask;	/* bits of an entry that hold an address */
	struct paging_level level[PAGING_MAX_LEVELS];	/* root first */
	const struct flag_name *flags;	/* bits shown for an entry */
};

extern const struct paging_mode paging_modes[PAGING_NMODES];

/* The mode called @name ("32-bit", "pae", ...; case ignored), or NULL. */
const struct paging_mode *paging_mode_by_name(const char *name);

/* Entry index of @va in the table of @level (0 is the root). */
static inline unsigned paging_index(const struct paging_mode *mode,
				    unsigned level, va_t va)
{
	const struct paging_level *l = &mode->level[level];

	return (va >> l->shift) & ((1U << l->bits) - 1);
}

/* Does @entry at @level map a page? True for a PTE, and where PS=1 counts. */
bool paging_is_leaf(const struct paging_mode *mode, unsigned level,
		    uint64_t entry, bool pse);

/* Physical address of the table or page that @entry points to. */
pa_t paging_target(const struct paging_mode *mode, unsigned level,
		   uint64_t entry, bool leaf);

/*
 * The bits that hold the address @pa in an entry of @level: the inverse of
 * paging_target(), with PSE-36 folding where the mode has it.
 */
uint64_t paging_address_bits(const struct paging_mode *mode, unsigned level,
			     pa_t pa, bool leaf);

/* @va with the bits above the mode's va_bits copied from the top bit. */
va_t paging_canonical(const struct paging_mode *mode, va_t va);
bool paging_is_canonical(const struct paging_mode *mode, va_t va);

/* Names of the bits of an entry at @level: above the lowest bit 7 is PS. */
const struct flag_name *paging_flag_names(const struct paging_mode *mode,
					  unsigned level);

/*
 * Decodes the bits of @entry by name, set in capitals and clear in small
 * letters: "P RW US pwt pcd A d". Which bits count follows from @level and
 * @leaf. An entry that is not present gives "p". Returns @buf.
 */
char *paging_format_entry(char *buf, size_t size,
			  const struct paging_mode *mode, unsigned level,
			  uint64_t entry, bool leaf);

/* "4K", "2M", "4M", "1G" for a page of 1 << @shift bytes. */
const char *paging_size_name(unsigned shift);

#endif

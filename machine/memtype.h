/*
 * memtype.h - the memory type of an access: PAT x PCD x PWT x MTRR.
 *
 * The leaf entry chooses one of eight types of the page attribute table (on a
 * CPU without one its PCD and PWT count themselves), the MTRRs give that of
 * the physical address, and a table of the SDM combines them. CR0.CD=1 makes
 * everything UC. With paging off the type is that of the MTRRs.
 *
 * A type changes what caches do, and there are no data caches here: it is
 * worked out and shown, and changes no access. Left out: the types by which
 * paging structures are read (PCD and PWT of CR3, or of the entry above);
 * types kept in the TLB: as for a walk that missed; CR0.NW.
 *
 * Source: SDM volume 3A, "Paging and Memory Typing"; "Memory Cache Control":
 * "Page Attribute Table (PAT)", "Precedence of Cache Controls".
 */
#ifndef MACHINE_MEMTYPE_H
#define MACHINE_MEMTYPE_H

#include "machine/mmu.h"
#include "machine/mtrr.h"

#define MSR_PAT		0x277
#define PAT_POWER_ON	0x0007040600070406ULL	/* WB WT UC- UC, twice */

/* NULL, or why WRMSR of @value to IA32_PAT is #GP(0). */
const char *pat_check(uint64_t value);

/* Entry @index of @pat. */
static inline enum memtype pat_entry(uint64_t pat, unsigned index)
{
	return pat >> 8 * index & 7;
}

/* 4 * PAT + 2 * PCD + PWT of the leaf @entry at @level. */
unsigned pat_index(const struct paging_mode *mode, unsigned level,
		   uint64_t entry);

/* The table for CPUs with a PAT ("Pentium III and More Recent"). */
enum memtype memtype_combine(enum memtype mtrr, enum memtype pat);

/* And for those without ("Pentium Pro and Pentium II"). */
enum memtype memtype_without_pat(enum memtype mtrr, bool pcd, bool pwt);

struct memtype_regs {		/* of one CPU */
	uint64_t pat;		/* IA32_PAT */
	struct mtrr mtrr;
};

struct memtype_of {		/* how a page came to its type */
	enum memtype type;	/* what counts; never UC- */
	enum memtype mtrr;
	enum memtype pat;	/* of entry pat_index; if @paged, with a PAT */
	uint8_t pat_index;	/* without a PAT: 2 * PCD + PWT */
	bool paged;		/* there is a leaf entry */
	bool cache_disabled;	/* CR0.CD */
	/*
	 * The MTRRs give parts of the page other types. This is the type of
	 * one address; a CPU that uses one type for all of a large page is
	 * undefined by the SDM ("Large Page Size Considerations").
	 */
	bool mixed;
};

/* The type of walk->pa, which the walk must have reached. Pure. */
void memtype_of_walk(const struct memtype_regs *regs, const struct mmu *mmu,
		     const struct walk *walk, struct memtype_of *ret);

#endif

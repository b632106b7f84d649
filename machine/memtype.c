/*
 * memtype.c - see memtype.h.
 */
#include "machine/memtype.h"

#include "machine/cpu.h"

const char *pat_check(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++) {
		unsigned type = value >> 8 * i & 0xff;

		if (type >= MT_NUM || type == 2 || type == 3)
			return "IA32_PAT: a reserved memory type";
	}
	return NULL;
}

/* The PAT bit is bit 7 of a PTE; where that is PS, it is bit 12. */
unsigned pat_index(const struct paging_mode *mode, unsigned level,
		   uint64_t entry)
{
	bool large = level + 1U < mode->nlevels;
	uint64_t pat = large ? PTE_PAT_LARGE : PTE_PAT;

	return (entry & pat ? 4 : 0) | (entry & PTE_PCD ? 2 : 0) |
	       (entry & PTE_PWT ? 1 : 0);
}

/*
 * SDM "Effective Page-Level Memory Types for Pentium III and More Recent
 * Processor Families": a row for each type of the MTRRs.
 */
enum memtype memtype_combine(enum memtype mtrr, enum memtype pat)
{
	static const uint8_t table[MT_NUM][MT_NUM] = {
		[MT_UC] = { [MT_UC] = MT_UC,
			    [MT_UC_MINUS] = MT_UC,
			    [MT_WC] = MT_WC,
			    [MT_WT] = MT_UC,
			    [MT_WB] = MT_UC,
			    [MT_WP] = MT_UC },
		[MT_WC] = { [MT_UC] = MT_UC,
			    [MT_UC_MINUS] = MT_WC,
			    [MT_WC] = MT_WC,
			    [MT_WT] = MT_UC,
			    [MT_WB] = MT_WC,
			    [MT_WP] = MT_UC },
		[MT_WT] = { [MT_UC] = MT_UC,
			    [MT_UC_MINUS] = MT_UC,
			    [MT_WC] = MT_WC,
			    [MT_WT] = MT_WT,
			    [MT_WB] = MT_WT,
			    [MT_WP] = MT_WP },
		[MT_WB] = { [MT_UC] = MT_UC,
			    [MT_UC_MINUS] = MT_UC,
			    [MT_WC] = MT_WC,
			    [MT_WT] = MT_WT,
			    [MT_WB] = MT_WB,
			    [MT_WP] = MT_WP },
		[MT_WP] = { [MT_UC] = MT_UC,
			    [MT_UC_MINUS] = MT_WC,
			    [MT_WC] = MT_WC,
			    [MT_WT] = MT_WT,
			    [MT_WB] = MT_WP,
			    [MT_WP] = MT_WP },
	};

	return table[mtrr][pat];
}

/*
 * SDM "Effective Page-Level Memory Type for Pentium Pro and Pentium II
 * Processors". Columns: neither, PWT, PCD, both. With WC and WP the middle
 * two are model-specific.
 */
enum memtype memtype_without_pat(enum memtype mtrr, bool pcd, bool pwt)
{
	static const uint8_t table[MT_NUM][4] = {
		[MT_UC] = { MT_UC, MT_UC, MT_UC, MT_UC },
		[MT_WC] = { MT_WC, MT_WC, MT_WC, MT_UC },
		[MT_WT] = { MT_WT, MT_WT, MT_UC, MT_UC },
		[MT_WP] = { MT_WP, MT_WP, MT_WC, MT_UC },
		[MT_WB] = { MT_WB, MT_WT, MT_UC, MT_UC },
	};

	return table[mtrr][pcd << 1 | pwt];
}

/* The leaf's say in *ret, combined with that of the MTRRs. */
static enum memtype page_type(const struct memtype_regs *regs,
			      const struct mmu *mmu, const struct walk *walk,
			      struct memtype_of *ret)
{
	const struct walk_step *leaf = &walk->step[walk->nsteps - 1];
	unsigned index = pat_index(walk->mode, leaf->level, leaf->entry);

	ret->paged = true;
	if (!mmu->features->pat) {
		ret->pat_index = index & 3;
		return memtype_without_pat(ret->mtrr, index & 2, index & 1);
	}
	ret->pat_index = index;
	ret->pat = pat_entry(regs->pat, index);
	return memtype_combine(ret->mtrr, ret->pat);
}

void memtype_of_walk(const struct memtype_regs *regs, const struct mmu *mmu,
		     const struct walk *walk, struct memtype_of *ret)
{
	uint64_t size = BIT(walk->page_shift);

	*ret = (struct memtype_of){
		.mtrr = mtrr_type(&regs->mtrr, walk->pa),
		.mixed = !mtrr_uniform(&regs->mtrr, walk->pa & -size, size),
		.cache_disabled = mmu->cr0 & CR0_CD,
	};
	ret->type = ret->mtrr;
	if (walk->nsteps)
		ret->type = page_type(regs, mmu, walk, ret);
	if (ret->cache_disabled)
		ret->type = MT_UC;
}

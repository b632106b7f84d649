/*
 * memtype.c - see memtype.h.
 *
 * Models pat_init(), memtype_reserve() and is_new_memtype_allowed() of
 * arch/x86/mm/pat/memtype.c, memtype_interval.c and asm/pgtable.h, and
 * __cachemode2pte_tbl of arch/x86/mm/init.c, Linux 6.1. The vmalloc areas
 * stand for the interval tree.
 */
#include "kernel/memtype.h"

#include <errno.h>

#include "kernel/vmap_internal.h"

#define ISA_START 0xa0000ULL
#define ISA_END	  0x100000ULL

static bool has_pat(const struct kernel *k)
{
	return k->machine->cpu[0].features.pat;
}

const char *pat_init(struct cpu *cpu)
{
	return cpu->features.pat ? cpu_write_pat(cpu, PAT_LINUX) : NULL;
}

/*
 * The lowest PAT entry that has @type, else 8. Without a PAT Linux reckons
 * with what PCD and PWT mean: WB WT UC- UC.
 */
static unsigned pat_slot(const struct kernel *k, enum memtype type)
{
	uint64_t pat = has_pat(k) ? PAT_LINUX : PAT_POWER_ON;
	unsigned index = 0;

	while (index < 8 && pat_entry(pat, index) != type)
		index++;
	return index;
}

uint64_t cachemode2protval(const struct kernel *k, enum memtype type)
{
	unsigned index = pat_slot(k, type);

	if (index == 8)
		return PTE_PCD;
	return (index & 1 ? PTE_PWT : 0) | (index & 2 ? PTE_PCD : 0) |
	       (index & 4 ? PTE_PAT : 0);
}

static bool is_new_memtype_allowed(enum memtype type, enum memtype got)
{
	switch (type) {
	case MT_UC_MINUS:
	case MT_WC:
		return got != MT_WB;
	case MT_WT:
		return got != MT_WB && got != MT_WC;
	default:
		return true;
	}
}

/* WB only where the MTRRs say so as well. */
static enum memtype pat_x_mtrr_type(const struct kernel *k, pa_t phys,
				    uint64_t size, enum memtype type)
{
	const struct mtrr *mtrr = &k->machine->cpu[0].memtype.mtrr;

	if (type != MT_WB)
		return type;
	for (uint64_t off = 0; off < size; off += PAGE_SIZE)
		if (mtrr_type(mtrr, phys + off) != MT_WB)
			return MT_UC_MINUS;
	return MT_WB;
}

/* All mappings of one address must have one type: the first decides. */
static int check_conflict(const struct kernel *k, pa_t phys, uint64_t size,
			  enum memtype *type)
{
	const struct vmap_area *va;
	bool found = false;

	LIST_FOREACH (va, &k->vmap->mapped, link) {
		uint64_t len = (uint64_t)va->nr_pages << PAGE_SHIFT;

		if (va->kind != VMAP_IOREMAP || va->phys >= phys + size ||
		    phys >= va->phys + len)
			continue;
		if (found && va->type != *type)
			return -EBUSY;
		*type = va->type;
		found = true;
	}
	return 0;
}

int memtype_reserve(const struct kernel *k, pa_t phys, uint64_t size,
		    enum memtype type, enum memtype *ret)
{
	*ret = pat_slot(k, type) < 8 ? type : MT_UC_MINUS;
	if (!has_pat(k))
		return 0;
	if (phys >= ISA_START && phys + size <= ISA_END) {
		*ret = MT_WB;
		return 0;
	}
	*ret = pat_x_mtrr_type(k, phys, size, type);
	if (check_conflict(k, phys, size, ret) ||
	    !is_new_memtype_allowed(type, *ret))
		return -EBUSY;
	return 0;
}

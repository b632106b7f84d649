/*
 * memtype.h - memory types as the kernel asks for them (linux 6.1
 * arch/x86/mm/pat/memtype.c): loading the PAT, types as PTE bits, and the
 * type that a mapping of device memory gets.
 *
 * Left out: Intel CPUs whose upper four PAT entries have errata (family 6 up
 * to model 0xd, family 0xf up to 6), to which Linux gives no WP and WT; types
 * of RAM pages (set_memory_wc and the like); `nopat` with a PAT.
 */
#ifndef KERNEL_MEMTYPE_H
#define KERNEL_MEMTYPE_H

#include "kernel/kernel.h"

#define PAT_LINUX 0x0407050600070106ULL	/* WB WC UC- UC WB WP UC- WT */

/* Loads IA32_PAT, if @cpu has one. NULL, or why the CPU refuses. */
const char *pat_init(struct cpu *cpu);

/*
 * PCD, PWT and PAT bits of a PTE that asks for @type: those of the lowest PAT
 * entry that has it, else those of UC- (linux cachemode2protval).
 */
uint64_t cachemode2protval(const struct kernel *k, enum memtype type);

/*
 * The type that [@phys, @phys + @size) is mapped with if @type is asked for:
 * UC- instead of WB where the MTRRs say otherwise, WB in the ISA range
 * 640K-1M, and the type of an ioremap() there already; without a PAT UC-
 * instead of WC. Returns 0, or -EBUSY if that would break what was asked for.
 */
int memtype_reserve(const struct kernel *k, pa_t phys, uint64_t size,
		    enum memtype type, enum memtype *ret);

#endif

/*
 * swapops.h - swap entries: which area, which slot, and how an entry of a page
 * table says so (linux include/linux/swapops.h and
 * arch/x86/include/asm/pgtable_64.h, pgtable-3level.h, pgtable-2level.h).
 *
 * An entry of 8 bytes (x86-64, and i386 with PAE):
 *
 *	 63    59 58                 9 8 7 6 5 4  3  2  1 0
 *	|  type  |     ~ offset       |0|0| | | | E| F|SD|0|
 *
 * The offset is inverted, so that a small one sets the high address bits: a CPU
 * that speculates past the clear P finds no memory there (L1TF). One of 4
 * bytes (i386 without PAE):
 *
 *	 31                 9 8 7 6 5          1 0
 *	|      offset        |0| | |    type    |0|
 *
 * Bit 8 stays clear: it means PROT_NONE, a present page. SD is soft-dirty, E
 * says that the page was exclusive to its owner (6.1: x86-64 only), F is
 * userfaultfd's, which is not modelled.
 */
#ifndef KERNEL_SWAPOPS_H
#define KERNEL_SWAPOPS_H

#include "kernel/pgtable.h"

typedef uint64_t swp_entry_t; /* 0: none, as slot 0 of an area is its header */

#define MAX_SWAPFILES_SHIFT 5
/* Types above are migration entries, device memory, poison, markers. */
#define MAX_SWAPFILES 23

#define _PAGE_SWP_SOFT_DIRTY BIT(1)
#define _PAGE_SWP_EXCLUSIVE  BIT(3)

#define SWP_OFFSET_FIRST_BIT  9
#define SWP_TYPE_SHIFT_2LEVEL 1
#define SWP_TYPE_MASK	      ((1U << MAX_SWAPFILES_SHIFT) - 1)

/* The kernel's own form is a word that an xarray can hold: 63 or 31 bits. */
static inline unsigned swp_type_shift(const struct kernel *k)
{
	return k->arch->word * 8 - 1 - MAX_SWAPFILES_SHIFT;
}

static inline swp_entry_t swp_entry(const struct kernel *k, unsigned type,
				    uint64_t offset)
{
	return (swp_entry_t)type << swp_type_shift(k) | offset;
}

static inline unsigned swp_type(const struct kernel *k, swp_entry_t e)
{
	return e >> swp_type_shift(k) & SWP_TYPE_MASK;
}

static inline uint64_t swp_offset(const struct kernel *k, swp_entry_t e)
{
	return e & (BIT(swp_type_shift(k)) - 1);
}

static inline uint64_t swp_entry_to_pte(const struct kernel *k, swp_entry_t e)
{
	uint64_t type = swp_type(k, e), offset = swp_offset(k, e);

	if (k->mode->entry_size == 4)
		return (uint32_t)(type << SWP_TYPE_SHIFT_2LEVEL |
				  offset << SWP_OFFSET_FIRST_BIT);
	return (~offset << (SWP_OFFSET_FIRST_BIT + MAX_SWAPFILES_SHIFT) >>
		MAX_SWAPFILES_SHIFT) |
	       type << (64 - MAX_SWAPFILES_SHIFT);
}

static inline swp_entry_t pte_to_swp_entry(const struct kernel *k, uint64_t pte)
{
	if (k->mode->entry_size == 4)
		return swp_entry(k,
				 pte >> SWP_TYPE_SHIFT_2LEVEL & SWP_TYPE_MASK,
				 pte >> SWP_OFFSET_FIRST_BIT);
	return swp_entry(k, pte >> (64 - MAX_SWAPFILES_SHIFT),
			 ~pte << MAX_SWAPFILES_SHIFT >>
				 (SWP_OFFSET_FIRST_BIT + MAX_SWAPFILES_SHIFT));
}

/* Neither empty nor present: the page is elsewhere, or somebody poked it. */
static inline bool is_swap_pte(uint64_t pte)
{
	return pte && !pte_present(pte);
}

/* Slots that entries can number: a larger device is used in part. */
static inline uint64_t swp_max_pages(const struct kernel *k)
{
	return k->mode->entry_size == 4
		       ? BIT(32 - SWP_OFFSET_FIRST_BIT)
		       : BIT(swp_type_shift(k) < 50 ? swp_type_shift(k) : 50);
}

/* 6.1 has no such bit on i386: pages come back as if they were shared. */
static inline uint64_t pte_swp_mkexclusive(const struct kernel *k, uint64_t pte)
{
	return k->arch->word == 8 ? pte | _PAGE_SWP_EXCLUSIVE : pte;
}

static inline bool pte_swp_exclusive(const struct kernel *k, uint64_t pte)
{
	return k->arch->word == 8 && (pte & _PAGE_SWP_EXCLUSIVE);
}

static inline uint64_t pte_swp_clear_exclusive(const struct kernel *k,
					       uint64_t pte)
{
	return k->arch->word == 8 ? pte & ~_PAGE_SWP_EXCLUSIVE : pte;
}

static inline uint64_t pte_swp_mksoft_dirty(const struct kernel *k,
					    uint64_t pte)
{
	return k->arch->softdirty ? pte | _PAGE_SWP_SOFT_DIRTY : pte;
}

static inline bool pte_swp_soft_dirty(const struct kernel *k, uint64_t pte)
{
	return k->arch->softdirty && (pte & _PAGE_SWP_SOFT_DIRTY);
}

#endif

/*
 * ptiter.h - visits a whole tree of paging structures, in address order.
 *
 * A cursor over entries like Linux' tdp_iter: no recursion, no callbacks, no
 * allocation. It reports entries, or runs of leaves; what belongs together
 * otherwise the caller decides (as linux mm/ptdump.c and dump_pagetables.c
 * divide the work).
 *
 *	struct ptiter it;
 *	for (ptiter_start(&it, &mmu, ram, from, last); it.valid; ptiter_next(&it))
 *		use(it.level, it.va, it.entry, it.leaf);
 */
#ifndef MACHINE_PTITER_H
#define MACHINE_PTITER_H

#include "machine/mmu.h"

struct ptiter {
	const struct mmu *mmu;		/* borrowed */
	const struct ram *ram;		/* borrowed */
	va_t from, last;		/* visit this, inclusive; below va_bits */
	bool valid;			/* false: the visit is over */
	unsigned level;			/* of the current entry */
	unsigned index;
	va_t va;			/* first address it translates (canonical) */
	pa_t entry_pa;			/* 0 if held in a PDPTE register */
	uint64_t entry;			/* always present */
	bool leaf;
	bool bad;			/* reserved bit set: not descended into */
	struct rights rights;		/* accumulated down to this entry */
	/* Path from the root: */
	pa_t table[PAGING_MAX_LEVELS];
	unsigned pos[PAGING_MAX_LEVELS];
	struct { uint64_t all, any; } path[PAGING_MAX_LEVELS]; /* AND, OR above */
	va_t base[PAGING_MAX_LEVELS];	/* canonical va of each table's entry 0 */
	unsigned end[PAGING_MAX_LEVELS]; /* first index not to visit */
	const uint8_t *host[PAGING_MAX_LEVELS]; /* the tables' bytes, or NULL */
};

/* Goes to the first present entry that covers an address of [from, last]. */
void ptiter_start(struct ptiter *it, const struct mmu *mmu,
		  const struct ram *ram, va_t from, va_t last);
/* Goes to the next present entry: below a table entry, else beside or above. */
void ptiter_next(struct ptiter *it);
/* The same, without going below the current entry. */
void ptiter_skip(struct ptiter *it);

/*
 * A run: leaves side by side in one table with equal bits, whose frames rise
 * with the addresses or are one and the same.
 */
struct ptrun {
	va_t va;		/* of the first leaf */
	pa_t pa;		/* its page */
	uint64_t n;		/* leaves; 1 if the first is bad */
	pa_t stride;		/* from page to page: their size, or 0 */
	uint64_t entry;		/* the first leaf */
	unsigned level, index;
	bool bad;
	struct rights rights;
};

/*
 * The run that begins at the current leaf, up to the address @last at most.
 * Goes to the entry behind it.
 */
void ptiter_run(struct ptiter *it, va_t last, struct ptrun *ret);

#endif

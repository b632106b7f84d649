/*
 * rawpt.h - visits paging structures as other tools read them: every entry in
 * address order, present or not, no bit of it checked.
 *
 * Unlike ptiter.h this is no CPU's view: reserved bits mean nothing, PAE's
 * PDPTEs are read from memory, and a table where no RAM is has the entries
 * that the tool would read there, in most cases none.
 * A cursor is a plain value: a copy of it goes its own way.
 *
 *	struct rawpt it;
 *	for (rawpt_start(&it, &tables, from, last); it.valid; rawpt_next(&it))
 *		use(it.level, it.va, it.entry);
 */
#ifndef REPL_RAWPT_H
#define REPL_RAWPT_H

#include "machine/mmu.h"

struct rawpt_tables {	       /* what is visited, and how the tool reads it */
	const struct mmu *mmu; /* borrowed: mode, root, CR4.PSE */
	const struct ram *ram; /* borrowed */
	uint64_t addr_mask;    /* bits of an entry that locate a table */
	uint64_t no_ram;       /* what it reads where no RAM is: mostly 0 */
};

struct rawpt {
	const struct rawpt_tables *t; /* borrowed */
	const struct paging_mode *mode;
	bool valid; /* false: the visit is over */
	unsigned level;
	va_t va; /* below va_bits: not made canonical */
	pa_t entry_pa;
	uint64_t entry;
	bool present, leaf; /* leaf: maps a page */
	/* Path from the root: */
	pa_t table[PAGING_MAX_LEVELS];
	unsigned pos[PAGING_MAX_LEVELS];
	uint64_t path[PAGING_MAX_LEVELS]; /* the entries themselves */
	va_t from, last;		  /* visit what overlaps this; linear */
};

/* Goes to the first entry that covers an address of [from, last]. */
void rawpt_start(struct rawpt *it, const struct rawpt_tables *t, va_t from,
		 va_t last);
/* Goes to the next entry: below a table's entry, else beside or above. */
void rawpt_next(struct rawpt *it);

/* What is below the current entry is not visited. */
void rawpt_prune(struct rawpt *it);

/* Bytes of address space that the current entry covers. */
static inline uint64_t rawpt_size(const struct rawpt *it)
{
	return 1ULL << it->mode->level[it->level].shift;
}

/* The address as the CPU spells it. */
static inline va_t rawpt_va(const struct rawpt *it)
{
	return paging_canonical(it->mode, it->va);
}

/* AND and OR of the entries from the root to the current one. */
uint64_t rawpt_all(const struct rawpt *it);
uint64_t rawpt_any(const struct rawpt *it);

#endif

/*
 * psc.h - the paging-structure caches of one CPU.
 *
 * A cached PML4E, PDPTE or PDE (that points to a table, not to a page) lets
 * a walk begin lower down: its entry holds the address of the next table and
 * the rights gathered so far. Like the TLB it goes stale: a changed PDE is
 * not seen before an invalidation, and any INVLPG is one, for every address
 * of the current PCID. PAE's PDPTEs are in registers and not cached here.
 *
 * A PDE is cached in 32-bit paging as well. Entries are made for accesses
 * that succeed; a walk that faults caches nothing. One array per kind of
 * entry, fully associative, replaced round robin. Intel does not publish
 * the sizes; the defaults are in the range that others have measured.
 *
 * Source: SDM volume 3A, "Paging-Structure Caches".
 */
#ifndef MACHINE_PSC_H
#define MACHINE_PSC_H

#include "machine/tlb.h"

struct psc_entry {
	uint64_t tag;		/* first va that it translates | 1; 0: empty */
	pa_t table;		/* the next table */
	uint64_t all, any;	/* AND and OR of the entries down to this one */
	uint64_t cr3;		/* CR3 when it was cached; for inspection only */
	uint16_t pcid;
};

#define PSC_MAX_ENTRIES 32

struct psc {
	/* By depth: how many levels lie below the entry. 1: PDE, 2: PDPTE .. */
	struct psc_cache {
		uint8_t size, used, victim;
		uint8_t last;	/* entry that was put or dropped last */
		uint64_t key[PSC_MAX_ENTRIES];	/* tag | pcid << 1, or 0 */
		struct psc_entry entry[PSC_MAX_ENTRIES];
	} cache[PAGING_MAX_LEVELS];
	/* An address that no entry serves: it has just been flushed. Its page,
	 * PCID and a bit, or 0. */
	uint64_t absent;
};

void psc_init(struct psc *psc, const struct tlb_config *config);

/*
 * The cached entry for @va at @level of the mode of @mmu, or NULL. Changes
 * nothing.
 */
const struct psc_entry *psc_lookup(const struct psc *psc, const struct mmu *mmu,
				   unsigned level, va_t va);

/* Caches the entries that point to tables of a finished, permitted @walk. */
void psc_fill(struct psc *psc, const struct mmu *mmu, const struct walk *walk);

/* Drops what a walk of @va with @pcid would use, in the mode of @mmu. */
void psc_flush_address(struct psc *psc, const struct mmu *mmu, va_t va,
		       uint16_t pcid);
void psc_flush_pcid(struct psc *psc, uint16_t pcid);
void psc_flush_all(struct psc *psc);

#endif

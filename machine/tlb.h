/*
 * tlb.h - the translation look-aside buffer of one CPU.
 *
 * Finite, set-associative, one array for each page size (4K, 2M, 4M, 1G),
 * replacement round robin within the set: deterministic. Entries carry the
 * accumulated rights, the dirty state, the global bit and a PCID. A stale
 * entry is used, like on hardware, until something flushes it.
 *
 * Source: SDM volume 3A, "Caching Translation Information".
 */
#ifndef MACHINE_TLB_H
#define MACHINE_TLB_H

#include "machine/mmu.h"

enum { TLB_4K, TLB_2M, TLB_4M, TLB_1G, TLB_NSIZES };

#define TLB_WAYS 8
#define TLB_4K_SETS 64
extern const struct tlb_geometry {
	uint8_t shift;		/* log2 of the page size */
	uint16_t sets;		/* a power of two; times TLB_WAYS entries */
} tlb_geometry[TLB_NSIZES];

struct tlb_entry {
	uint64_t tag;		/* va >> shift, plus 1; 0 is an empty slot */
	pa_t pa;		/* of the page */
	uint8_t *host;		/* host address of the page, NULL if not backed */
	uint16_t pcid;
	bool global, dirty;	/* dirty: D was set when it was cached */
	struct rights rights;
};

struct tlb {
	struct tlb_entry *entry[TLB_NSIZES];	/* sets * ways, owned */
	uint8_t *victim[TLB_NSIZES];		/* next way to replace, per set */
	uint8_t *hint[TLB_NSIZES];		/* way to look at first, by page */
	uint8_t sizes_used;	/* bit per size that may hold entries */
	uint64_t fills, flushes;
};

void tlb_init(struct tlb *tlb);
void tlb_deinit(struct tlb *tlb);

/* The entry that translates @va for @pcid, or NULL. Changes nothing. */
const struct tlb_entry *tlb_lookup(const struct tlb *tlb, va_t va,
				   uint16_t pcid, unsigned *size);

/* Caches the translation of a finished walk. */
void tlb_fill(struct tlb *tlb, const struct walk *walk, uint16_t pcid,
	      const struct ram *ram);

/* Drops entries for @va: of @pcid and global ones (INVLPG). */
void tlb_flush_page(struct tlb *tlb, va_t va, uint16_t pcid);
/* Drops the entries of @pcid that are not global (MOV to CR3). */
void tlb_flush_pcid(struct tlb *tlb, uint16_t pcid);
/* Drops all entries; global ones too if @globals. */
void tlb_flush_all(struct tlb *tlb, bool globals);

#endif

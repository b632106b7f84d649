/*
 * stale.h - the oracle: which cached translations no longer agree with memory.
 *
 * A finding names a translation that a CPU holds (in its TLB, in its
 * paging-structure caches, or in PAE's PDPTE registers), how it differs from
 * what a walk of the tables would find now, which accesses it lets through
 * that the tables forbid, and the invalidation that is missing.
 *
 * The truth for what the CPU can use now, the current PCID and global pages,
 * are its present registers; for another PCID the tables of the CR3 under
 * which the translation was cached. Smaller entries than the page are no
 * disagreement: the SDM lets a CPU cache part of a large page.
 *
 * Source: SDM volume 3A, "Invalidation of TLBs and Paging-Structure Caches".
 */
#ifndef MACHINE_STALE_H
#define MACHINE_STALE_H

#include "machine/cpu.h"

enum stale_kind { STALE_TLB, STALE_PSC, STALE_PDPTE };

enum stale_reason {
	STALE_UNMAPPED,		/* the tables map nothing there */
	STALE_FRAME, STALE_SIZE, STALE_KEY,
	STALE_NO_TABLE, STALE_TABLE,	/* of the paging-structure caches */
	STALE_REGISTER,		/* a PDPTE register and the table it is from */
	STALE_WRITE, STALE_USER, STALE_EXEC,	/* cached, the tables deny it */
	STALE_DIRTY,		/* cached dirty, D is clear */
	STALE_GLOBAL,		/* cached global, G is clear */
	/* Harmless: */
	STALE_NO_WRITE, STALE_NO_USER, STALE_NO_EXEC,	/* the reverse */
	STALE_ACCESSED,		/* A is clear */
	STALE_NREASONS,
};
extern const char *const stale_reason_name[STALE_NREASONS];

/* What would have dropped it. */
enum stale_cure { STALE_INVLPG, STALE_INVPCID, STALE_CR3 };

/* Bit of an access in allows and denies. */
#define STALE_ACCESS(kind, user) (1U << ((kind) + ((user) ? ACCESS_NKINDS : 0)))

struct stale {
	enum stale_kind kind;
	unsigned cpu;
	va_t va;		/* first address that it translates */
	uint8_t shift;		/* it translates 1 << shift bytes */
	uint8_t in;		/* STALE_TLB: bit per enum tlb_level */
	uint8_t level;		/* STALE_PSC, STALE_PDPTE: of the entry */
	bool global, dirty;
	uint16_t pcid;
	uint64_t cr3;		/* under which it was cached */
	uint64_t target;	/* page or table; STALE_PDPTE: the register */
	struct rights rights;
	uint32_t reasons;	/* bit per enum stale_reason */
	uint8_t allows;		/* accesses that only the cache lets through */
	uint8_t denies;		/* and those that only the tables would */
	va_t at;		/* first address where they disagree */
	struct walk now;	/* what the tables say of it */
	uint64_t memory;	/* STALE_PDPTE: what memory holds */
	enum stale_cure cure;
	bool pending;		/* a shootdown that waits will drop it */
};

/*
 * All findings on @cpu, in order of address. Returns their number, and in
 * *ret an array that the caller frees. Changes nothing.
 */
size_t stale_find(const struct cpu *cpu, struct stale **ret);

/*
 * The cached entry behind which the walk @w of mmu_probe() began, if it has
 * one and memory no longer says the same, A flag apart; else false.
 */
bool stale_walk_from(const struct cpu *cpu, const struct walk *w,
		     struct stale *ret);
/* The PDPTE register for @va, if memory no longer says the same. */
bool stale_pdpte(const struct cpu *cpu, va_t va, struct stale *ret);

/* Nothing gets through that the tables forbid; at most faults are spurious. */
bool stale_is_harmless(const struct stale *s);

/* Executes the missing invalidation on @cpu. */
void stale_cure(struct cpu *cpu, const struct stale *s);

#endif

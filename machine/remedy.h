/*
 * remedy.h - what would make an access succeed that ends in a fault.
 *
 * A remedy is the smallest change of one thing: one bit of one entry, one
 * bit of a register, the access made by another, an invalidation. Each one
 * that remedies_find() returns has been tried: the change made on a copy of
 * the CPU, the same access probed there.
 *
 * What only leads the walk elsewhere is none: another address in an entry,
 * PS, CR3, another paging mode, paging off. So "set P" is one only if the
 * entry holds an address and what it leads to is RAM; else the remedy is to
 * map a page there.
 */
#ifndef MACHINE_REMEDY_H
#define MACHINE_REMEDY_H

#include "machine/access.h"

enum remedy_kind {
	REMEDY_ENTRY,	/* one bit, or the protection key, of one entry */
	REMEDY_MAP,	/* an entry that maps a page, any page */
	REMEDY_ENTRIES, /* several bits of entries together */
	REMEDY_REGISTER,
	REMEDY_ACCESS,	/* made by another, or explicitly */
	REMEDY_ADDRESS, /* the canonical address that was meant */
	REMEDY_RELOAD,	/* MOV to CR3 with what it holds: PAE's PDPTEs */
	REMEDY_INVLPG,	/* what the CPU has cached is stale */
	REMEDY_RETRY,	/* the fault itself drops what is cached */
};

enum remedy_register {
	REMEDY_CR0,
	REMEDY_CR4,
	REMEDY_EFER,
	REMEDY_EFLAGS,
	REMEDY_PKRU,
	REMEDY_PKRS,
};

struct remedy_edit {
	pa_t pa; /* of the entry */
	uint64_t old, new;
	uint8_t level;
	bool leaf; /* maps a page, with the new value */
	bool map;  /* new lacks the address: any page's will do */
};

struct remedy {
	enum remedy_kind kind;
	uint8_t nedits; /* entries to change, root first */
	struct remedy_edit edit[PAGING_MAX_LEVELS];
	enum remedy_register reg;
	uint64_t mask, value; /* bits of the register, and their new values */
	struct access access; /* the one that succeeds */
	/* What must follow the edits for the CPU to see them: */
	bool reload; /* MOV to CR3 */
	bool invlpg; /* INVLPG: an old translation is cached */
};

#define REMEDY_MAX 32

struct remedies {
	unsigned n;
	struct remedy list[REMEDY_MAX];
};

/*
 * The remedies for @access on @cpu as it is now; none if it succeeds. Single
 * changes, and if none of these is to an entry, the smallest set of bits in
 * entries, if there is one. Afterwards @cpu and its RAM are as before.
 */
void remedies_find(const struct cpu *cpu, const struct access *access,
		   struct remedies *ret);

/*
 * Makes the change on @cpu: entries in its RAM, registers, invalidations;
 * the access that then succeeds is r->access. Returns NULL, or the rule that
 * made the CPU refuse it.
 */
const char *remedy_apply(struct cpu *cpu, const struct remedy *r);

#endif

/*
 * internal.h - what the files of machine/ share and others must not use.
 *
 * The rules that the pure walk, the access and the dumper apply alike, and
 * the questions of the fast path, which are inline.
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "machine/access.h"

/*
 * Who makes an access, the second index of mmu->deny. An implicit access is
 * a supervisor access even at CPL 3, and EFLAGS.AC does not help it.
 */
enum { WHO_USER, WHO_IMPLICIT, WHO_SUPERVISOR, WHO_SUPERVISOR_AC, WHO_NUM };

static inline unsigned access_who(const struct mmu *mmu,
				  const struct access *access)
{
	if (access->implicit)
		return WHO_IMPLICIT;
	return access->user ? WHO_USER : WHO_SUPERVISOR + mmu->ac;
}

#define RIGHTS_ALL 3	/* rights.bits of a page that may be written by all */

/*
 * Rights over several levels are gathered as two words: the AND of all
 * entries decides R/W and U/S, the OR of them XD.
 */
struct gathered {
	uint64_t all, any;
};

static inline void gather(struct gathered *g, uint64_t entry, uint64_t implied)
{
	g->all &= entry | implied;
	g->any |= entry;
}

_Static_assert(PTE_RW == 2 && PTE_US == 4 && PTE_XD == 1ULL << 63,
	       "gathered_rights() shifts them into place");

/* @pk of a leaf. PTE_RW, PTE_US and PTE_XD become bits 0, 1 and 2. */
static inline struct rights gathered_rights(const struct gathered *g,
					    uint64_t xd_mask, uint8_t pk)
{
	return (struct rights){
		.bits = (g->all >> 1 & 3) | (g->any & xd_mask) >> 61,
		.pk = pk,
	};
}

/* SDM "Protection Keys": what @access may not do to a page with @rights. */
enum fault_reason mmu_deny_key(const struct mmu *mmu,
			       const struct access *access,
			       const struct rights *rights);

/* Do @rights permit @access? */
static inline bool rights_permit(const struct mmu *mmu,
				 const struct access *access,
				 const struct rights *rights)
{
	unsigned denied = mmu->deny[access->kind][access_who(mmu, access)];

	if (denied >> rights->bits & 1)
		return false;
	return !(mmu->pku_on | mmu->pks_on) ||
	       !mmu_deny_key(mmu, access, rights);
}

/* --- walks (walk.c, mmu.c) -------------------------------------------------- */

/* Begins a walk: nothing read, nothing wrong. */
void walk_start(const struct mmu *mmu, const struct access *access,
		struct walk *w);

/* Walks from the root on. */
void walk_root(const struct mmu *mmu, const struct ram *ram, struct walk *w);

/* Walks from the table of @level at @table on, with @rights gathered above. */
void walk_from(const struct mmu *mmu, const struct ram *ram, struct walk *w,
	       unsigned level, pa_t table, struct gathered rights);

static inline bool walk_is_canonical(const struct mmu *mmu, va_t va)
{
	unsigned n = mmu->unused_bits;

	return (va_t)((int64_t)(va << n) >> n) == va;
}

void walk_canonical_fault(struct walk *w);
void walk_page_fault(const struct mmu *mmu, struct walk *w,
		     enum fault_reason reason, unsigned level, uint32_t code);

/*
 * Checks the rights of a walk that reached a page. True if permitted, else
 * the fault is filled in.
 */
bool walk_check_rights(const struct mmu *mmu, struct walk *w);

/* --- caches (tlb.c, psc.c) -------------------------------------------------- */

/*
 * Who asks, as the table in front of the TLB has it: an index of fast_key.
 * EFLAGS.AC is not in it; cpu_write_eflags() empties the table.
 */
static inline unsigned fast_who(const struct access *access)
{
	return access->user | access->implicit << 1;
}

static inline struct tlb_fast *tlb_fast_slot(const struct tlb *tlb,
					     enum access_kind kind, va_t va)
{
	unsigned i = va >> PAGE_SHIFT & (TLB_FAST - 1);

	return (struct tlb_fast *)&tlb->fast[kind][i];
}

/* Puts first-level entry @e, which permits @access, in front. */
void tlb_fill_fast(struct tlb *tlb, const struct access *access, va_t va,
		   const struct tlb_entry *e, uint64_t *hits);

/* Interrupts are on again: does what cpu_shootdown() left pending. */
void cpu_deliver_pending(struct cpu *cpu);

/* FNV-1a over 64-bit words instead of bytes: eight times as fast. */
#define HASH_START 0xcbf29ce484222325ULL

static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * 0x100000001b3ULL;
}

/* Hash of what the caches hold, counters apart. */
uint64_t tlb_hash(const struct tlb *tlb, uint64_t hash);
uint64_t psc_hash(const struct psc *psc, uint64_t hash);

#endif

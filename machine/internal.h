/*
 * internal.h - what the files of machine/ share and others must not use.
 *
 * The fast path of a memory access: finding a TLB entry, and asking it
 * whether the access is allowed. Both are inline and touch at most a few
 * cache lines; everything else lives behind a call.
 */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "machine/cpu.h"

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

/* Number of a combination of rights, 0 to 7: a bit of mmu->deny[][]. */
static inline unsigned rights_index(struct rights r)
{
	return r.write | r.user << 1 | r.xd << 2;
}

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

static inline struct rights gathered_rights(const struct gathered *g,
					    uint64_t xd_mask, uint8_t pk)
{
	return (struct rights){
		.write = g->all & PTE_RW,
		.user = g->all & PTE_US,
		.xd = g->any & xd_mask,
		.pk = pk,
	};
}

static inline bool tlb_matches(const struct tlb_entry *e, uint64_t tag,
			       uint16_t pcid)
{
	return e->tag == tag && (e->pcid == pcid || e->global);
}

static inline unsigned tlb_set(unsigned size, uint64_t tag)
{
	return tag & (tlb_geometry[size].sets - 1U);
}

/* The entry that translates @va, any size. The hint is set to its way. */
struct tlb_entry *tlb_find(const struct tlb *tlb, va_t va, uint16_t pcid,
			   unsigned *size);

/*
 * Where the way of a page that hit last is remembered. There are as many
 * hints as entries, so that pages of one set do not fight for one.
 */
static inline uint8_t *tlb_hint(const struct tlb *tlb, unsigned size,
				uint64_t tag)
{
	unsigned entries = tlb_geometry[size].sets * TLB_WAYS;

	return &tlb->hint[size][tag & (entries - 1)];
}

/*
 * The entry that @tag most likely is in, among those of 4 KiB pages. The
 * caller checks that it is, and that sizes_used has TLB_4K.
 */
static inline struct tlb_entry *tlb_guess(const struct tlb *tlb, uint64_t tag)
{
	unsigned set = tag & (TLB_4K_SETS - 1);
	unsigned way = tlb->hint[TLB_4K][tag & (TLB_4K_SETS * TLB_WAYS - 1)];

	return &tlb->entry[TLB_4K][set * TLB_WAYS + way];
}

/* FNV-1a over 64-bit words instead of bytes: eight times as fast. */
#define HASH_START 0xcbf29ce484222325ULL

static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
	return (hash ^ word) * 0x100000001b3ULL;
}

/* Hash of what the TLB holds, hints and counters apart. */
uint64_t tlb_hash(const struct tlb *tlb, uint64_t hash);

#endif

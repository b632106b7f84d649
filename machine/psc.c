/*
 * psc.c - see psc.h.
 *
 * Entries are kept by depth, counted from the leaf level upwards, so that a
 * PDE is a PDE in every mode. A change of the mode flushes them all: the SDM
 * lets paging modes change only with CR0.PG=0 or by way of CR4.PAE.
 */
#include "machine/psc.h"

#include <string.h>

#include "machine/internal.h"

void psc_init(struct psc *psc, const struct tlb_config *config)
{
	memset(psc, 0, sizeof(*psc));
	for (unsigned depth = 1; depth < PAGING_MAX_LEVELS; depth++)
		psc->cache[depth].size = config->psc[depth];
}

static unsigned depth_of(const struct mmu *mmu, unsigned level)
{
	return mmu->mode->nlevels - 1U - level;
}

static uint64_t make_tag(const struct mmu *mmu, unsigned level, va_t va)
{
	unsigned shift = mmu->level[level].shift;

	return (va >> shift << shift) | 1;
}

static struct psc_entry *find(const struct psc *psc, const struct mmu *mmu,
			      unsigned level, va_t va, uint16_t pcid)
{
	unsigned depth = depth_of(mmu, level);
	const struct psc_entry *e = psc->cache[depth].entry;
	uint64_t tag = make_tag(mmu, level, va);

	for (unsigned i = 0; i < psc->cache[depth].used; i++)
		if (e[i].tag == tag && e[i].pcid == pcid)
			return (struct psc_entry *)&e[i];
	return NULL;
}

const struct psc_entry *psc_lookup(const struct psc *psc, const struct mmu *mmu,
				   unsigned level, va_t va)
{
	return find(psc, mmu, level, va, mmu->pcid);
}

/* A free entry, else the one whose turn it is. Entries below `used` count. */
static struct psc_entry *choose(struct psc *psc, unsigned depth)
{
	struct psc_entry *e = psc->cache[depth].entry;
	unsigned i;

	for (i = 0; i < psc->cache[depth].used; i++)
		if (!e[i].tag)
			return &e[i];
	if (i < psc->cache[depth].size) {
		psc->cache[depth].used++;
		return &e[i];
	}
	i = psc->cache[depth].victim;
	psc->cache[depth].victim = (i + 1) % psc->cache[depth].size;
	return &e[i];
}

void psc_fill(struct psc *psc, const struct mmu *mmu, const struct walk *walk)
{
	struct gathered g = { ~0ULL, 0 };
	va_t va = walk->access.va;

	if (walk->first) {
		const struct psc_entry *above =
			psc_lookup(psc, mmu, walk->first - 1, va);

		g = (struct gathered){ above->all, above->any };
	}
	for (unsigned level = walk->first; level + 1 < walk->nsteps; level++) {
		const struct walk_step *s = &walk->step[level];

		gather(&g, s->entry, mmu->level[level].implied);
		if (s->from_register || !psc->cache[depth_of(mmu, level)].size)
			continue;
		*choose(psc, depth_of(mmu, level)) = (struct psc_entry){
			.tag = make_tag(mmu, level, va),
			.table = s->entry & mmu->addr_mask,
			.all = g.all,
			.any = g.any,
			.cr3 = mmu->cr3,
			.pcid = mmu->pcid,
		};
	}
}

void psc_flush_address(struct psc *psc, const struct mmu *mmu, va_t va,
		       uint16_t pcid)
{
	for (unsigned level = 0; level + 1U < mmu->mode->nlevels; level++) {
		struct psc_entry *e = find(psc, mmu, level, va, pcid);

		if (e)
			e->tag = 0;
	}
}

void psc_flush_pcid(struct psc *psc, uint16_t pcid)
{
	for (unsigned depth = 1; depth < PAGING_MAX_LEVELS; depth++) {
		struct psc_entry *e = psc->cache[depth].entry;
		unsigned left = 0;

		for (unsigned i = 0; i < psc->cache[depth].used; i++) {
			if (e[i].pcid == pcid)
				e[i].tag = 0;
			left += e[i].tag != 0;
		}
		if (!left)
			psc->cache[depth].used = 0;
	}
}

void psc_flush_all(struct psc *psc)
{
	for (unsigned depth = 1; depth < PAGING_MAX_LEVELS; depth++)
		psc->cache[depth].used = 0;
}

static uint64_t hash_entry(const struct psc_entry *e, uint64_t hash)
{
	hash = hash_word(hash, e->tag | (uint64_t)e->pcid << 1);
	hash = hash_word(hash, e->table);
	return hash_word(hash_word(hash, e->all), e->any);
}

uint64_t psc_hash(const struct psc *psc, uint64_t hash)
{
	for (unsigned depth = 1; depth < PAGING_MAX_LEVELS; depth++) {
		hash = hash_word(hash, psc->cache[depth].victim);
		for (unsigned i = 0; i < psc->cache[depth].used; i++)
			if (psc->cache[depth].entry[i].tag)
				hash = hash_entry(&psc->cache[depth].entry[i],
						  hash_word(hash, i));
	}
	return hash;
}

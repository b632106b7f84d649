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

/* Index of the entry, or the number in use. The keys lie side by side. */
static unsigned find(const struct psc_cache *c, uint64_t tag, uint16_t pcid)
{
	uint64_t key = tag | pcid << 1;
	unsigned i = 0;

	if (c->last < c->used && c->key[c->last] == key)
		return c->last;
	while (i < c->used && c->key[i] != key)
		i++;
	return i;
}

static uint64_t absent_key(va_t va, uint16_t pcid)
{
	return (va >> PAGE_SHIFT << 13) | pcid << 1 | 1;
}

const struct psc_entry *psc_lookup(const struct psc *psc, const struct mmu *mmu,
				   unsigned level, va_t va)
{
	const struct psc_cache *c = &psc->cache[depth_of(mmu, level)];
	unsigned i;

	if (absent_key(va, mmu->pcid) == psc->absent)
		return NULL;
	i = find(c, make_tag(mmu, level, va), mmu->pcid);
	return i < c->used ? &c->entry[i] : NULL;
}

/* A free entry, else the one whose turn it is. Entries below `used` count. */
static unsigned choose(struct psc_cache *c)
{
	unsigned i = c->last;

	if (i < c->used && !c->key[i])
		return i;
	for (i = 0; i < c->used; i++)
		if (!c->key[i])
			return i;
	if (i < c->size) {
		c->used++;
		return i;
	}
	i = c->victim;
	c->victim = (i + 1) % c->size;
	return i;
}

static void put(struct psc_cache *c, const struct psc_entry *e)
{
	unsigned i = choose(c);

	c->entry[i] = *e;
	c->key[i] = e->tag | e->pcid << 1;
	c->last = i;
}

static void drop(struct psc_cache *c, unsigned i)
{
	c->key[i] = 0;
	c->entry[i].tag = 0;
	c->last = i;
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
	psc->absent = 0;
	for (unsigned level = walk->first; level + 1 < walk->nsteps; level++) {
		const struct walk_step *s = &walk->step[level];

		struct psc_cache *c = &psc->cache[depth_of(mmu, level)];

		gather(&g, s->entry, mmu->level[level].implied);
		if (s->from_register || !c->size)
			continue;
		put(c, &(struct psc_entry){
			       .tag = make_tag(mmu, level, va),
			       .table = s->entry & mmu->addr_mask,
			       .all = g.all,
			       .any = g.any,
			       .cr3 = mmu->cr3,
			       .pcid = mmu->pcid,
		       });
	}
}

void psc_flush_address(struct psc *psc, const struct mmu *mmu, va_t va,
		       uint16_t pcid)
{
	for (unsigned level = 0; level + 1U < mmu->mode->nlevels; level++) {
		struct psc_cache *c = &psc->cache[depth_of(mmu, level)];
		unsigned i = find(c, make_tag(mmu, level, va), pcid);

		if (i < c->used)
			drop(c, i);
	}
	psc->absent = absent_key(va, pcid);
}

static void flush_pcid(struct psc_cache *c, uint16_t pcid)
{
	bool left = false;

	for (unsigned i = 0; i < c->used; i++) {
		if (c->entry[i].pcid == pcid)
			drop(c, i);
		left |= c->key[i] != 0;
	}
	if (!left)
		c->used = 0;
}

void psc_flush_pcid(struct psc *psc, uint16_t pcid)
{
	for (unsigned depth = 1; depth < PAGING_MAX_LEVELS; depth++)
		flush_pcid(&psc->cache[depth], pcid);
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

/* rawpt.c - see rawpt.h. */
#include "repl/rawpt.h"

#include <string.h>

#include "repl/host.h"

static uint64_t load(const struct rawpt *it, pa_t pa)
{
	const uint8_t *host = ram_ptr(it->t->ram, pa);
	uint64_t entry = 0;

	if (!host)
		host = (const uint8_t *)&it->t->no_ram;
	memcpy(&entry, host, it->mode->entry_size);
	return entry;
}

/* Makes the entry at @index of the current table the current one. */
static void settle(struct rawpt *it, va_t base, unsigned index)
{
	const struct paging_mode *mode = it->mode;
	unsigned level = it->level;

	it->pos[level] = index;
	it->va = base + ((va_t)index << mode->level[level].shift);
	it->entry_pa = it->table[level] + index * mode->entry_size;
	it->entry = it->path[level] = load(it, it->entry_pa);
	it->present = it->entry & PTE_P;
	it->leaf = it->present &&
		   paging_is_leaf(mode, level, it->entry, it->t->mmu->pse);
}

/* Enters the table at @pa, whose entry 0 covers @base. */
static void enter(struct rawpt *it, unsigned level, pa_t pa, va_t base)
{
	unsigned index = 0;

	if (it->from > base)
		index = paging_index(it->mode, level, it->from);
	it->level = level;
	it->table[level] = pa;
	settle(it, base, index);
	if (host_interrupted)
		it->valid = false;
}

/* Brings an address below va_bits; a hole between the halves ends at @edge. */
static va_t linear(const struct paging_mode *mode, va_t va, va_t edge)
{
	va_t mask = BIT(mode->va_bits) - 1;

	if (!mode->canonical)
		return va < mask ? va : mask;
	return (paging_is_canonical(mode, va) ? va : edge) & mask;
}

void rawpt_start(struct rawpt *it, const struct rawpt_tables *t, va_t from,
		 va_t last)
{
	va_t half =
		t->mmu->mode->canonical ? BIT(t->mmu->mode->va_bits - 1) : 0;

	memset(it, 0, sizeof(*it));
	it->t = t;
	it->mode = t->mmu->mode;
	if (!it->mode->nlevels)
		return;
	it->from = linear(it->mode, from, half);
	it->last = linear(it->mode, last, half - 1);
	it->valid = it->from <= it->last;
	if (it->valid)
		enter(it, 0, mmu_root(t->mmu), 0);
}

void rawpt_next(struct rawpt *it)
{
	unsigned level = it->level;
	va_t base;

	if (it->present && !it->leaf) {
		enter(it, level + 1, it->entry & it->t->addr_mask, it->va);
		return;
	}
	while (it->pos[level] + 1 == 1U << it->mode->level[level].bits)
		if (level-- == 0) {
			it->valid = false;
			return;
		}
	base = it->va >> it->mode->level[level].shift;
	base -= it->pos[level];
	it->level = level;
	settle(it, base << it->mode->level[level].shift, it->pos[level] + 1);
	if (it->va > it->last)
		it->valid = false;
}

void rawpt_prune(struct rawpt *it)
{
	it->leaf = true;
}

uint64_t rawpt_all(const struct rawpt *it)
{
	uint64_t all = ~0ULL;

	for (unsigned i = 0; i <= it->level; i++)
		all &= it->path[i] | it->mode->level[i].implied;
	return all;
}

uint64_t rawpt_any(const struct rawpt *it)
{
	uint64_t any = 0;

	for (unsigned i = 0; i <= it->level; i++)
		any |= it->path[i];
	return any;
}

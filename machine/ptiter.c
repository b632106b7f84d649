/*
 * ptiter.c - see ptiter.h.
 *
 * The cursor keeps, for each level down to the current one, which table it is
 * in, the index it is at, and the index it ends at. Three moves: find() goes
 * sideways to the next present entry and up where a table ends; descend()
 * goes into the table that the current entry points to. A table that points
 * back at itself is just visited again one level further down, and levels
 * run out.
 *
 * Limits are compared below va_bits ("linear"), where the two canonical
 * halves are one range: 0000..7fff, then ffff8000..ffffffff.
 */
#include "machine/ptiter.h"

#include <string.h>

#include "machine/internal.h"

static va_t linear_mask(const struct paging_mode *mode)
{
	return BIT(mode->va_bits) - 1;
}

/*
 * Brings [from, last] below va_bits. Addresses that do not exist (not
 * canonical, or above 4 GiB) are cut off. Returns false if none are left.
 */
static bool clip_range(struct ptiter *it, va_t from, va_t last)
{
	const struct paging_mode *mode = it->mmu->mode;
	va_t mask = linear_mask(mode);
	va_t low_end = mode->canonical ? mask >> 1 : mask;
	va_t high_start = mode->canonical ? ~low_end : ~0ULL;

	if (from > last || (!mode->canonical && from > mask))
		return false;
	if (from > low_end && from < high_start)
		from = high_start;
	if (last > low_end && (last < high_start || !mode->canonical))
		last = low_end;
	if (from > last)
		return false;
	it->from = from & mask;
	it->last = last & mask;
	return true;
}

/* Enters the table at @pa, whose entry 0 translates @base. */
static void enter(struct ptiter *it, unsigned level, pa_t pa, va_t base)
{
	const struct paging_mode *mode = it->mmu->mode;
	const struct paging_level *l = &mode->level[level];
	va_t first = base & linear_mask(mode);
	va_t span = (BIT(l->bits) << l->shift) - 1;
	bool partial = it->last - first < span;

	it->level = level;
	it->table[level] = pa;
	it->host[level] = ram_ptr(it->ram, pa);
	it->base[level] = base;
	it->pos[level] =
		it->from > first ? paging_index(mode, level, it->from) : 0;
	it->end[level] = partial ? paging_index(mode, level, it->last) + 1
				 : 1U << l->bits;
	if (mode->pdpte_regs && level == 0)
		it->host[level] = (const uint8_t *)it->mmu->pdpte;
}

/* Index of the first present entry of [pos, end) in a table, or end. */
static unsigned scan8(const uint8_t *table, unsigned pos, unsigned end)
{
	while (pos < end && !(table[pos * 8UL] & PTE_P))
		pos++;
	return pos;
}

static unsigned scan4(const uint8_t *table, unsigned pos, unsigned end)
{
	while (pos < end && !(table[pos * 4UL] & PTE_P))
		pos++;
	return pos;
}

/* Unbacked memory reads as all ones: every entry of such a table is present. */
static unsigned scan(const struct ptiter *it, unsigned pos, unsigned end)
{
	const uint8_t *table = it->host[it->level];

	if (!table)
		return pos;
	if (it->mmu->mode->entry_size == 8)
		return scan8(table, pos, end);
	return scan4(table, pos, end);
}

static inline uint64_t load(const struct ptiter *it, unsigned index)
{
	const uint8_t *table = it->host[it->level];
	bool wide = it->mmu->mode->entry_size == 8;
	uint64_t entry = 0;

	if (!table)
		return wide ? ~0ULL : ~0U;
	if (wide)
		memcpy(&entry, table + index * 8UL, 8);
	else
		memcpy(&entry, table + index * 4UL, 4);
	return entry;
}

/* Fills in what follows from the entry itself. */
static inline void decode(struct ptiter *it, uint64_t entry)
{
	const struct mmu *mmu = it->mmu;
	unsigned level = it->level;
	uint64_t all = it->path[level].all, any = it->path[level].any;
	struct gathered g = { all, any };
	unsigned pk = 0;

	gather(&g, entry, mmu->level[level].implied);
	it->entry = entry;
	it->leaf = entry & mmu->level[level].leaf_mask;
	it->bad = entry &
		  (it->leaf ? mmu->level[level].leaf_rsvd : mmu->level[level].table_rsvd);
	if (it->leaf && mmu->mode->has_pk)
		pk = (entry >> PTE_PK_SHIFT) & 15;
	it->rights = gathered_rights(&g, mmu->xd_mask, pk);
}

/* Makes the entry at @index of the current table the current one. */
static void settle(struct ptiter *it, unsigned index)
{
	const struct paging_mode *mode = it->mmu->mode;
	unsigned level = it->level;
	bool in_register = mode->pdpte_regs && level == 0;
	va_t va = it->base[level] + ((va_t)index << mode->level[level].shift);

	it->pos[level] = it->index = index;
	it->va = level ? va : paging_canonical(mode, va);
	it->entry_pa =
		in_register ? 0 : it->table[level] + index * mode->entry_size;
	decode(it, load(it, index));
}

/*
 * The common case of a visit: behind a PTE there is another one. True if so;
 * else nothing has changed.
 */
static inline bool next_pte(struct ptiter *it)
{
	const struct paging_mode *mode = it->mmu->mode;
	unsigned level = it->level, index = it->index + 1;
	uint64_t entry;

	if (level + 1U != mode->nlevels || index >= it->end[level])
		return false;
	entry = load(it, index);
	if (!(entry & PTE_P))
		return false;
	it->pos[level] = it->index = index;
	it->va += PAGE_SIZE;
	it->entry_pa += mode->entry_size;
	decode(it, entry);
	return true;
}

/* Goes to the next present entry at or after @index, here or above. */
static void find(struct ptiter *it, unsigned index)
{
	for (;;) {
		index = scan(it, index, it->end[it->level]);
		if (index < it->end[it->level]) {
			settle(it, index);
			return;
		}
		if (it->level == 0) {
			it->valid = false;
			return;
		}
		it->level--;
		index = it->pos[it->level] + 1;
	}
}

void ptiter_start(struct ptiter *it, const struct mmu *mmu,
		  const struct ram *ram, va_t from, va_t last)
{
	memset(it, 0, sizeof(*it));
	it->mmu = mmu;
	it->ram = ram;
	if (!mmu->mode->nlevels || !clip_range(it, from, last))
		return;
	it->valid = true;
	it->path[0].all = ~0ULL;
	enter(it, 0, mmu_root(mmu), 0);
	find(it, it->pos[0]);
}

/* Goes to the first present entry of the table that the current one names. */
static void descend(struct ptiter *it)
{
	const struct paging_mode *mode = it->mmu->mode;
	unsigned level = it->level;
	uint64_t implied = mode->level[level].implied;

	it->path[level + 1].all = it->path[level].all & (it->entry | implied);
	it->path[level + 1].any = it->path[level].any | it->entry;
	enter(it, level + 1, it->entry & mode->addr_mask, it->va);
	find(it, it->pos[it->level]);
}

void ptiter_next(struct ptiter *it)
{
	if (next_pte(it))
		return;
	if (it->leaf || it->bad)
		find(it, it->index + 1);
	else
		descend(it);
}

void ptiter_skip(struct ptiter *it)
{
	find(it, it->index + 1);
}

/* --- runs ------------------------------------------------------------------- */

/*
 * How many entries from @index on, below @end, rise by @step; the one at
 * @index counts. An entry that would wrap ends the run.
 */
static unsigned count8(const uint8_t *table, unsigned index, unsigned end,
		       uint64_t step)
{
	const uint8_t *p = table + index * 8UL;
	uint64_t want, entry;
	unsigned n = 1;

	memcpy(&want, p, 8);
	for (; index + n < end; n++) {
		want += step;
		memcpy(&entry, p + n * 8UL, 8);
		if (entry != want)
			break;
	}
	return n;
}

static unsigned count4(const uint8_t *table, unsigned index, unsigned end,
		       uint64_t step)
{
	const uint8_t *p = table + index * 4UL;
	uint32_t first, entry;
	uint64_t want;
	unsigned n = 1;

	memcpy(&first, p, 4);
	want = first;
	for (; index + n < end; n++) {
		want += step;
		memcpy(&entry, p + n * 4UL, 4);
		if (entry != want)
			break;
	}
	return n;
}

static unsigned count(const struct ptiter *it, unsigned end, uint64_t step)
{
	const uint8_t *table = it->host[it->level];

	if (!table || it->bad)
		return 1;
	if (it->mmu->mode->entry_size == 8)
		return count8(table, it->index, end, step);
	return count4(table, it->index, end, step);
}

/* First index of the current table that translates nothing up to @last. */
static unsigned end_before(const struct ptiter *it, va_t last)
{
	unsigned shift = it->mmu->mode->level[it->level].shift;
	unsigned end = it->end[it->level];
	uint64_t left = ((last - it->va) >> shift) + 1;

	return left < end - it->index ? it->index + left : end;
}

/*
 * Can an entry of this level name @pa? Not if the address has more bits than
 * the format, or than MAXPHYADDR, above which they are reserved.
 */
static bool fits(const struct ptiter *it, pa_t pa)
{
	const struct mmu *mmu = it->mmu;
	uint64_t bits = paging_address_bits(mmu->mode, it->level, pa, true);

	return paging_target(mmu->mode, it->level, bits, true) == pa &&
	       !(bits & mmu->level[it->level].leaf_rsvd);
}

void ptiter_run(struct ptiter *it, va_t last, struct ptrun *ret)
{
	const struct paging_mode *mode = it->mmu->mode;
	unsigned end = end_before(it, last), shift = mode->level[it->level].shift;

	*ret = (struct ptrun){
		.va = it->va,
		.pa = paging_target(mode, it->level, it->entry, true),
		.stride = BIT(shift),
		.entry = it->entry,
		.level = it->level,
		.index = it->index,
		.bad = it->bad,
		.rights = it->rights,
	};
	ret->n = count(it, end, ret->stride);
	while (ret->n > 1 && !fits(it, ret->pa + (ret->n - 1) * ret->stride))
		ret->n--;
	if (ret->n == 1) {
		ret->n = count(it, end, 0);
		ret->stride = 0;
	}
	it->index += ret->n - 1;
	it->va += (ret->n - 1) << shift;
	it->entry_pa += (ret->n - 1) * mode->entry_size;
	if (!next_pte(it))
		find(it, it->index + 1);
}

/*
 * walk.c - follows an address through the tables: see mmu.h.
 *
 * A walk first finds whether there is a translation (present, no reserved
 * bits), then whether the rights of all levels together permit the access
 * (walk_check_rights). Source: SDM volume 3A, "Paging".
 *
 * There is one loop over levels. It is compiled for entries of 4 and of 8
 * bytes, with a trace and without: it would otherwise ask at every level.
 */
#include <string.h>

#include "machine/internal.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Sets all of @w that a walk may leave alone, but for the steps. */
void walk_start(const struct mmu *mmu, const struct access *access,
		struct walk *w)
{
	w->access.va = access->va & mmu->va_mask;
	w->access.kind = access->kind;
	w->access.user = access->user;
	w->access.implicit = access->implicit;
	w->access.stack = access->stack;
	w->mode = mmu->mode;
	w->first = 0;
	w->nsteps = 0;
	w->page_shift = PAGE_SHIFT;
	w->tlb_hit = false;
	w->global = false;
	w->rights = (struct rights){ .bits = RIGHTS_ALL };
	w->pa = w->access.va;
	w->fault = (struct fault){ .reason = FAULT_NONE };
}

/* A table outside RAM: reads there give all ones. */
static const uint8_t unbacked[PAGE_SIZE] = { [0 ... PAGE_SIZE - 1] = 0xff };

/* A walk on its way down. */
struct descent {
	va_t va;
	const struct mmu_level *level;
	pa_t table;		/* of that level; 0 if in registers */
	const uint8_t *host;	/* the table's bytes */
	struct gathered rights; /* of the entries so far */
	uint64_t entry;		/* the last one that was read */
};

/* Out of line, lest the common case should wait for a conditional move. */
static __attribute__((noinline, cold)) const uint8_t *
table_elsewhere(const struct ram *ram, pa_t table)
{
	const uint8_t *host = ram_ptr(ram, table);

	return host ? host : unbacked;
}

static ALWAYS_INLINE void enter(const struct ram *ram, struct descent *d,
				pa_t table)
{
	d->table = table;
	if (__builtin_expect(ram_in_first(ram, table), 1))
		d->host = ram->host + table;
	else
		d->host = table_elsewhere(ram, table);
}

static ALWAYS_INLINE struct descent begin(const struct mmu *mmu,
					  const struct ram *ram, va_t va)
{
	struct descent d = {
		.va = va,
		.level = mmu->level,
		.rights = { ~0ULL, 0 },
	};

	if (mmu->mode->pdpte_regs)
		d.host = (const uint8_t *)mmu->pdpte;
	else
		enter(ram, &d, mmu->root);
	return d;
}

static unsigned level_of(const struct mmu *mmu, const struct descent *d)
{
	return d->level - mmu->level;
}

static ALWAYS_INLINE void record(const struct mmu *mmu, const struct descent *d,
				 struct walk *w, unsigned offset)
{
	unsigned level = level_of(mmu, d);
	bool reg = mmu->mode->pdpte_regs && level == 0;

	w->step[level] = (struct walk_step){
		.entry_pa = reg ? 0 : d->table + offset,
		.entry = d->entry,
		.index = d->va >> d->level->shift & d->level->index_mask,
		.level = level,
		.from_register = reg,
		.leaf = d->entry & d->level->leaf_mask,
	};
}

/* Reads the entry of the current level. */
static ALWAYS_INLINE void read_entry(const struct mmu *mmu, struct descent *d,
				     unsigned size, struct walk *w)
{
	unsigned offset =
		(d->va >> d->level->shift & d->level->index_mask) * size;
	uint32_t narrow;

	if (size == 8) {
		memcpy(&d->entry, d->host + offset, 8);
	} else {
		memcpy(&narrow, d->host + offset, 4);
		d->entry = narrow;
	}
	if (w)
		record(mmu, d, w, offset);
}

/*
 * The one loop over levels. Ends at a page (FAULT_NONE) or at an entry that
 * leads nowhere. Keeps a trace in @w unless it is NULL.
 */
static ALWAYS_INLINE enum fault_reason descend(const struct mmu *mmu,
					       const struct ram *ram,
					       struct descent *d, unsigned size,
					       struct walk *w)
{
	for (;; d->level++) {
		const struct mmu_level *l = d->level;
		bool leaf;

		read_entry(mmu, d, size, w);
		leaf = d->entry & l->leaf_mask;
		if ((d->entry ^ PTE_P) & (leaf ? l->leaf_bad : l->table_bad))
			return d->entry & PTE_P ? FAULT_RESERVED
						: FAULT_NOT_PRESENT;
		gather(&d->rights, d->entry, l->implied);
		if (leaf)
			return FAULT_NONE;
		enter(ram, d, d->entry & mmu->addr_mask);
	}
}

static ALWAYS_INLINE enum fault_reason descend_any(const struct mmu *mmu,
						   const struct ram *ram,
						   struct descent *d,
						   struct walk *w)
{
	if (mmu->mode->entry_size == 8)
		return descend(mmu, ram, d, 8, w);
	return descend(mmu, ram, d, 4, w);
}

/* --- with a trace ------------------------------------------------------------- */

/* Where the page begins that the leaf entry of @d maps. */
static ALWAYS_INLINE pa_t page_of(const struct mmu *mmu,
				  const struct descent *d, unsigned shift)
{
	if (shift == PAGE_SHIFT)
		return d->entry & mmu->addr_mask;
	return paging_target(mmu->mode, level_of(mmu, d), d->entry, true);
}

static ALWAYS_INLINE struct rights rights_of(const struct mmu *mmu,
					     const struct descent *d)
{
	unsigned pk = mmu->mode->has_pk ? d->entry >> PTE_PK_SHIFT & 15 : 0;

	return gathered_rights(&d->rights, mmu->xd_mask, pk);
}

static void reach_page(const struct mmu *mmu, const struct descent *d,
		       struct walk *w)
{
	unsigned shift = d->level->shift;

	w->page_shift = shift;
	w->pa = page_of(mmu, d, shift) | (d->va & (BIT(shift) - 1));
	w->global = (d->entry & PTE_G) && (mmu->cr4 & CR4_PGE);
	w->rights = rights_of(mmu, d);
}

/* Walks down from where @d is. */
static void walk_down(const struct mmu *mmu, const struct ram *ram,
		      struct descent *d, struct walk *w)
{
	enum fault_reason reason;

	w->first = level_of(mmu, d);
	reason = descend_any(mmu, ram, d, w);
	w->nsteps = level_of(mmu, d) + 1;
	if (!reason)
		reach_page(mmu, d, w);
	else
		walk_page_fault(mmu, w, reason, level_of(mmu, d),
				reason == FAULT_RESERVED ? PF_P | PF_RSVD : 0);
}

void walk_from(const struct mmu *mmu, const struct ram *ram, struct walk *w,
	       unsigned level, pa_t table, struct gathered rights)
{
	struct descent d = {
		.va = w->access.va,
		.level = &mmu->level[level],
		.rights = rights,
	};

	enter(ram, &d, table);
	walk_down(mmu, ram, &d, w);
}

void walk_root(const struct mmu *mmu, const struct ram *ram, struct walk *w)
{
	struct descent d = begin(mmu, ram, w->access.va);

	walk_down(mmu, ram, &d, w);
}

/* With paging off there are no levels: the address is physical. */
void mmu_walk(const struct mmu *mmu, const struct ram *ram,
	      const struct access *access, struct walk *ret)
{
	walk_start(mmu, access, ret);
	if (!walk_is_canonical(mmu, ret->access.va))
		walk_canonical_fault(ret);
	else if (mmu->mode->nlevels)
		walk_root(mmu, ram, ret);
}

void mmu_translate(const struct mmu *mmu, const struct ram *ram,
		   const struct access *access, struct walk *ret)
{
	mmu_walk(mmu, ram, access, ret);
	if (!ret->fault.reason)
		walk_check_rights(mmu, ret);
}

/* --- without ------------------------------------------------------------------ */

bool mmu_resolve(const struct mmu *mmu, const struct ram *ram,
		 const struct access *access, struct translation *ret)
{
	va_t va = access->va & mmu->va_mask;
	struct descent d = begin(mmu, ram, va);
	unsigned shift;

	if (!mmu->mode->nlevels || !walk_is_canonical(mmu, va) ||
	    descend_any(mmu, ram, &d, NULL))
		return false;
	shift = d.level->shift;
	ret->pa = page_of(mmu, &d, shift) | (va & (BIT(shift) - 1));
	ret->entry = d.entry;
	ret->page_shift = shift;
	ret->rights = rights_of(mmu, &d);
	return rights_permit(mmu, access, &ret->rights);
}

/*
 * stale.c - see stale.h.
 */
#include "machine/stale.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "machine/internal.h"

const char *const stale_reason_name[STALE_NREASONS] = {
	[STALE_UNMAPPED] = "nothing is mapped there",
	[STALE_FRAME] = "leads to another frame",
	[STALE_SIZE] = "the page size has changed",
	[STALE_KEY] = "has another protection key",
	[STALE_NO_TABLE] = "no table is there",
	[STALE_TABLE] = "leads to another table",
	[STALE_REGISTER] = "the register differs from memory",
	[STALE_WRITE] = "is writable, the tables say read-only",
	[STALE_USER] = "is a user page, the tables say supervisor",
	[STALE_EXEC] = "is executable, the tables say XD",
	[STALE_DIRTY] = "is dirty, D is clear: a write would not set it",
	[STALE_GLOBAL] = "is global, G is clear",
	[STALE_NO_WRITE] = "is read-only, the tables allow writes",
	[STALE_NO_USER] = "is a supervisor page, the tables say user",
	[STALE_NO_EXEC] = "is XD, the tables allow execution",
	[STALE_ACCESSED] = "A is clear: an access would not set it",
};

#define HARMLESS                                                            \
	(1U << STALE_NO_WRITE | 1U << STALE_NO_USER | 1U << STALE_NO_EXEC | \
	 1U << STALE_ACCESSED)

bool stale_is_harmless(const struct stale *s)
{
	return !(s->reasons & ~HARMLESS) && !s->allows;
}

/* --- the list ------------------------------------------------------------- */
struct list {
	const struct cpu *cpu;
	struct stale *item;
	size_t n, room;
};

static void add(struct list *l, const struct stale *s)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->item = realloc(l->item, l->room * sizeof(*l->item));
		assert(l->item);
	}
	l->item[l->n++] = *s;
}

#define COMPARE(a, b)                              \
	do {                                       \
		if ((a) != (b))                    \
			return (a) < (b) ? -1 : 1; \
	} while (0)

/* Order of what is cached; 0 for copies of one translation. */
static int compare(const void *p, const void *q)
{
	const struct stale *a = p, *b = q;

	COMPARE(a->va, b->va);
	COMPARE(a->kind, b->kind);
	COMPARE(a->shift, b->shift);
	COMPARE(a->pcid, b->pcid);
	COMPARE(a->target, b->target);
	COMPARE(a->rights.bits, b->rights.bits);
	COMPARE(a->rights.pk, b->rights.pk);
	COMPARE(a->dirty, b->dirty);
	COMPARE(a->global, b->global);
	COMPARE(a->cr3, b->cr3);
	return 0;
}

/* Makes one finding of those that are about copies of one translation. */
static void merge_copies(struct list *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->item, l->n, sizeof(*l->item), compare);
	for (size_t i = 0; i < l->n; i++) {
		if (n && !compare(&l->item[n - 1], &l->item[i]))
			l->item[n - 1].in |= l->item[i].in;
		else
			l->item[n++] = l->item[i];
	}
	l->n = n;
}

/* --- the truth --------------------------------------------------------------
 */

/* Would an access with the present registers use it? */
static bool in_force(const struct cpu *cpu, const struct stale *s)
{
	return s->global || s->pcid == cpu->mmu.pcid;
}

/* The registers whose tables tell the truth about @s. */
static struct mmu truth_of(const struct cpu *cpu, const struct stale *s)
{
	struct mmu mmu = cpu->mmu;

	if (!in_force(cpu, s))
		mmu_set_root(&mmu, cpu->ram, s->cr3);
	return mmu;
}

static uint32_t compare_rights(struct rights cached, struct rights now)
{
	uint32_t r = 0;

	if (cached.write != now.write)
		r |= 1U << (cached.write ? STALE_WRITE : STALE_NO_WRITE);
	if (cached.user != now.user)
		r |= 1U << (cached.user ? STALE_USER : STALE_NO_USER);
	if (cached.xd != now.xd)
		r |= 1U << (cached.xd ? STALE_NO_EXEC : STALE_EXEC);
	return r;
}

/* The accesses that @rights permit; none if NULL. */
static unsigned permitted(const struct mmu *mmu, const struct rights *rights)
{
	unsigned mask = 0;

	for (unsigned i = 0; rights && i < 2 * ACCESS_NKINDS; i++) {
		struct access a = {
			.kind = i % ACCESS_NKINDS,
			.user = i >= ACCESS_NKINDS,
		};

		if (rights_permit(mmu, &a, rights))
			mask |= STALE_ACCESS(a.kind, a.user);
	}
	return mask;
}

static void compare_permissions(const struct mmu *mmu, struct stale *s,
				const struct rights *now)
{
	unsigned cached = permitted(mmu, &s->rights);
	unsigned tables = permitted(mmu, now);

	s->allows |= cached & ~tables;
	s->denies |= tables & ~cached;
}

static void note(struct stale *s, uint32_t reasons, const struct walk *w)
{
	if (reasons && !s->reasons) {
		s->at = w->access.va;
		s->now = *w;
	}
	s->reasons |= reasons;
}

/* How many bytes the last entry of @w speaks for, as a shift. */
static unsigned reach(const struct walk *w)
{
	return w->mode->level[w->nsteps - 1].shift;
}

/* --- TLB ---------------------------------------------------------------------
 */

static uint32_t compare_page(const struct stale *s, const struct walk *w)
{
	const struct walk_step *leaf = &w->step[w->nsteps - 1];
	uint32_t r = reach(w) < s->shift ? 1U << STALE_SIZE : 0;

	if (w->fault.reason)
		return r | 1U << STALE_UNMAPPED;
	if (w->pa != s->target + (w->access.va - s->va))
		r |= 1U << STALE_FRAME;
	if (s->rights.pk != w->rights.pk)
		r |= 1U << STALE_KEY;
	if (s->dirty && !(leaf->entry & PTE_D))
		r |= 1U << STALE_DIRTY;
	if (s->global && !w->global)
		r |= 1U << STALE_GLOBAL;
	if (!(leaf->entry & PTE_A))
		r |= 1U << STALE_ACCESSED;
	return r | compare_rights(s->rights, w->rights);
}

/* Page after page of what the tables have where @s has one. */
static void judge_page(const struct mmu *mmu, const struct ram *ram,
		       struct stale *s)
{
	uint64_t offset = 0, size = BIT(s->shift);
	struct walk w;

	while (offset < size) {
		struct access a = { .va = s->va + offset };

		mmu_walk(mmu, ram, &a, &w);
		note(s, compare_page(s, &w), &w);
		compare_permissions(mmu, s, w.fault.reason ? NULL : &w.rights);
		offset += BIT(reach(&w));
	}
}

static void judge_tlb_entry(struct list *l, const struct tlb_entry *e,
			    enum tlb_level level)
{
	struct stale s = {
		.kind = STALE_TLB,
		.cpu = l->cpu->id,
		.va = tlb_entry_va(e),
		.shift = tlb_entry_shift(e),
		.in = 1U << level,
		.global = e->global,
		.dirty = e->dirty,
		.pcid = e->pcid,
		.cr3 = e->cr3,
		.target = e->pa,
		.rights = e->rights,
	};
	struct mmu mmu = truth_of(l->cpu, &s);

	judge_page(&mmu, l->cpu->ram, &s);
	if (s.reasons)
		add(l, &s);
}

static void judge_tlb(struct list *l)
{
	const struct tlb *tlb = &l->cpu->tlb;

	for (unsigned i = 0; i < tlb->narrays; i++) {
		const struct tlb_array *a = &tlb->array[i];
		unsigned n = a->used ? a->g.sets * a->g.ways : 0;

		for (unsigned j = 0; j < n; j++)
			if (a->entry[j].tag)
				judge_tlb_entry(l, &a->entry[j], a->g.level);
	}
}

/* --- paging-structure caches -------------------------------------------------- */

static struct gathered gather_to(const struct mmu *mmu, const struct walk *w,
				 unsigned level)
{
	struct gathered g = { ~0ULL, 0 };

	for (unsigned i = 0; i <= level; i++)
		gather(&g, w->step[i].entry, mmu->level[i].implied);
	return g;
}

static void judge_table(const struct mmu *mmu, const struct ram *ram,
			struct stale *s)
{
	struct access a = { .va = s->va };
	uint32_t r = 0;
	struct walk w;

	mmu_walk(mmu, ram, &a, &w);
	if (w.nsteps <= s->level + 1U) {
		note(s, 1U << STALE_NO_TABLE, &w);
		compare_permissions(mmu, s, w.fault.reason ? NULL : &w.rights);
		return;
	}
	uint64_t entry = w.step[s->level].entry;
	struct gathered g = gather_to(mmu, &w, s->level);
	struct rights now = gathered_rights(&g, mmu->xd_mask, 0);

	if ((entry & mmu->addr_mask) != s->target)
		r |= 1U << STALE_TABLE;
	if (!(entry & PTE_A))
		r |= 1U << STALE_ACCESSED;
	note(s, r | compare_rights(s->rights, now), &w);
	compare_permissions(mmu, s, &now);
}

static struct stale judge_psc_entry(const struct cpu *cpu,
				    const struct psc_entry *e, unsigned level)
{
	struct gathered g = { e->all, e->any };
	struct stale s = {
		.kind = STALE_PSC,
		.cpu = cpu->id,
		.va = e->tag & ~1ULL,
		.shift = cpu->mmu.level[level].shift,
		.level = level,
		.pcid = e->pcid,
		.cr3 = e->cr3,
		.target = e->table,
		.rights = gathered_rights(&g, cpu->mmu.xd_mask, 0),
	};
	struct mmu mmu = truth_of(cpu, &s);

	judge_table(&mmu, cpu->ram, &s);
	return s;
}

static void add_psc_entry(struct list *l, const struct psc_entry *e,
			  unsigned level)
{
	struct stale s = judge_psc_entry(l->cpu, e, level);

	if (s.reasons)
		add(l, &s);
}

static void judge_psc(struct list *l)
{
	const struct psc *psc = &l->cpu->psc;
	unsigned nlevels = l->cpu->mmu.mode->nlevels;

	for (unsigned depth = 1; depth < nlevels; depth++)
		for (unsigned i = 0; i < psc->cache[depth].used; i++)
			if (psc->cache[depth].entry[i].tag)
				add_psc_entry(l, &psc->cache[depth].entry[i],
					      nlevels - 1 - depth);
}

/* --- PDPTE registers ---------------------------------------------------------- */

static struct stale judge_pdpte(const struct cpu *cpu, unsigned i)
{
	const struct mmu *mmu = &cpu->mmu;
	struct mmu fresh = *mmu;
	struct stale s = {
		.kind = STALE_PDPTE,
		.cpu = cpu->id,
		.va = (va_t)i << mmu->level[0].shift,
		.shift = mmu->level[0].shift,
		.cr3 = mmu->cr3,
		.target = mmu->pdpte[i],
	};

	mmu_set_root(&fresh, cpu->ram, fresh.cr3);
	s.memory = fresh.pdpte[i];
	if (s.target != s.memory && ((s.target | s.memory) & PTE_P)) {
		s.reasons = 1U << STALE_REGISTER;
		s.at = s.va;
	}
	return s;
}

static void judge_pdptes(struct list *l)
{
	if (!l->cpu->mmu.mode->pdpte_regs)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(l->cpu->mmu.pdpte); i++) {
		struct stale s = judge_pdpte(l->cpu, i);

		if (s.reasons)
			add(l, &s);
	}
}

/* --- one walk ----------------------------------------------------------------- */

bool stale_walk_from(const struct cpu *cpu, const struct walk *w,
		     struct stale *ret)
{
	const struct psc_entry *e;

	if (!w->first)
		return false;
	e = psc_lookup(&cpu->psc, &cpu->mmu, w->first - 1U, w->access.va);
	*ret = judge_psc_entry(cpu, e, w->first - 1U);
	return ret->reasons & ~(1U << STALE_ACCESSED);
}

bool stale_pdpte(const struct cpu *cpu, va_t va, struct stale *ret)
{
	const struct mmu_level *l = &cpu->mmu.level[0];

	if (!cpu->mmu.mode->pdpte_regs)
		return false;
	*ret = judge_pdpte(cpu, va >> l->shift & l->index_mask);
	return ret->reasons;
}

/* --- what is missing ---------------------------------------------------------- */

static enum stale_cure choose_cure(const struct cpu *cpu, const struct stale *s)
{
	if (s->kind == STALE_PDPTE)
		return STALE_CR3;
	if (in_force(cpu, s))
		return STALE_INVLPG;
	return cpu->features.invpcid ? STALE_INVPCID : STALE_CR3;
}

void stale_cure(struct cpu *cpu, const struct stale *s)
{
	const char *denied = NULL;

	if (s->cure == STALE_INVLPG)
		cpu_invlpg(cpu, s->va);
	else if (s->cure == STALE_INVPCID)
		denied = cpu_invpcid(cpu, INVPCID_ADDRESS, s->pcid, s->va);
	else
		denied = cpu_write_cr3(cpu, s->cr3);
	assert(!denied || s->kind == STALE_PDPTE);
}

/* Will @request, which waits on @cpu, drop @s? */
static bool will_drop(const struct cpu *cpu, const struct stale *s,
		      const struct shootdown *request)
{
	bool all = cpu->mmu.cr4 & CR4_PGE; /* see cpu_forget() */
	va_t last = request->va;

	if (request->pages)
		last += ((va_t)request->pages - 1) << PAGE_SHIFT;
	if (request->kind == SHOOTDOWN_ALL && all)
		return true;
	if (request->kind != SHOOTDOWN_PAGE)
		return !s->global && s->pcid == cpu->mmu.pcid;
	if (s->kind != STALE_TLB)
		return s->kind == STALE_PSC && s->pcid == cpu->mmu.pcid;
	return in_force(cpu, s) &&
	       request->va >> s->shift <= s->va >> s->shift &&
	       last >> s->shift >= s->va >> s->shift;
}

static void advise(const struct cpu *cpu, struct stale *s)
{
	s->cure = choose_cure(cpu, s);
	for (unsigned i = 0; i < cpu->npending; i++)
		s->pending |= will_drop(cpu, s, &cpu->pending[i]);
}

size_t stale_find(const struct cpu *cpu, struct stale **ret)
{
	struct list l = { .cpu = cpu };

	*ret = NULL;
	if (!cpu->mmu.mode->nlevels)
		return 0;
	judge_tlb(&l);
	judge_psc(&l);
	judge_pdptes(&l);
	merge_copies(&l);
	for (size_t i = 0; i < l.n; i++)
		advise(cpu, &l.item[i]);
	*ret = l.item;
	return l.n;
}

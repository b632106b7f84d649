/*
 * remedy.c - see remedy.h.
 *
 * Candidates are made generously and tried one by one, so that it is the
 * MMU that says what helps, not a second copy of its rules. To try one,
 * remedy_apply() changes a copy of the CPU and, for the time of the probe,
 * the entries in RAM.
 */
#include "machine/remedy.h"

#include <string.h>

#include "machine/internal.h"

struct search {
	const struct cpu *cpu;
	struct access access;
	struct walk probe;  /* what happens now, caches and all */
	struct walk tables; /* what the tables alone say */
	bool stale;	    /* forgetting what is cached is enough, */
	bool stale_pdptes;  /* or a MOV to CR3 that reads PDPTEs again */
	struct remedies *found;
};

/* --- applying ------------------------------------------------------------- */

static uint64_t get_register(const struct cpu *cpu, enum remedy_register reg)
{
	const uint64_t value[] = {
		[REMEDY_CR0] = cpu->mmu.cr0,
		[REMEDY_CR4] = cpu->mmu.cr4,
		[REMEDY_EFER] = cpu->mmu.efer,
		[REMEDY_EFLAGS] = cpu_eflags(cpu),
		[REMEDY_PKRU] = cpu->mmu.pkru,
		[REMEDY_PKRS] = cpu->mmu.pkrs,
	};

	return value[reg];
}

static const char *set_register(struct cpu *cpu, const struct remedy *r)
{
	static const char *(*const write[])(struct cpu *, uint64_t) = {
		[REMEDY_CR0] = cpu_write_cr0,
		[REMEDY_CR4] = cpu_write_cr4,
		[REMEDY_EFER] = cpu_write_efer,
		[REMEDY_EFLAGS] = cpu_write_eflags,
		[REMEDY_PKRU] = cpu_write_pkru,
		[REMEDY_PKRS] = cpu_write_pkrs,
	};
	uint64_t now = get_register(cpu, r->reg);

	return write[r->reg](cpu, (now & ~r->mask) | r->value);
}

static void write_edits(const struct cpu *cpu, const struct remedy *r,
			bool undo)
{
	unsigned size = cpu->mmu.mode->entry_size;

	for (unsigned i = 0; i < r->nedits; i++) {
		const struct remedy_edit *e = &r->edit[i];

		ram_write(cpu->ram, e->pa, size, undo ? e->old : e->new);
	}
}

const char *remedy_apply(struct cpu *cpu, const struct remedy *r)
{
	const char *denied = NULL;
	struct fault fault;
	pa_t pa;

	write_edits(cpu, r, false);
	if (r->kind == REMEDY_REGISTER)
		denied = set_register(cpu, r);
	if (r->reload)
		denied = cpu_write_cr3(cpu, cpu->mmu.cr3);
	if (r->invlpg)
		cpu_invlpg(cpu, r->access.va);
	if (r->kind == REMEDY_RETRY)
		mmu_access(cpu, &r->access, &pa, &fault);
	return denied;
}

/* Makes the change on a copy of the CPU and probes. All is as before then. */
static bool try_probe(const struct cpu *cpu, const struct remedy *r,
		      struct walk *w)
{
	const char *denied;
	struct cpu copy;

	cpu_copy(&copy, cpu);
	denied = remedy_apply(&copy, r);
	if (!denied)
		mmu_probe(&copy, &r->access, w);
	write_edits(cpu, r, true);
	cpu_deinit(&copy);
	return !denied;
}

static bool succeeds(const struct cpu *cpu, const struct remedy *r)
{
	struct walk w;

	return try_probe(cpu, r, &w) && !w.fault.reason;
}

/* --- candidates ----------------------------------------------------------- */

static struct remedy candidate(const struct search *s, enum remedy_kind kind)
{
	return (struct remedy){ .kind = kind, .access = s->access };
}

/* One entry may be on the path more than once. */
static bool is_known(const struct remedies *l, const struct remedy *r)
{
	for (unsigned i = 0; r->nedits == 1 && i < l->n; i++)
		if (l->list[i].nedits == 1 &&
		    l->list[i].edit[0].pa == r->edit[0].pa &&
		    l->list[i].edit[0].new == r->edit[0].new)
			return true;
	return false;
}

static bool found(struct search *s, const struct remedy *r)
{
	if (!is_known(s->found, r) && s->found->n < REMEDY_MAX)
		s->found->list[s->found->n++] = *r;
	return true;
}

/* Keeps @r if it helps. */
static bool consider(struct search *s, const struct remedy *r)
{
	return succeeds(s->cpu, r) && found(s, r);
}

/*
 * Keeps edits if they help, by themselves or with an INVLPG behind them. If
 * an INVLPG is enough without them, then they would only seem to.
 */
static bool consider_edits(struct search *s, struct remedy *r)
{
	if (r->reload && s->stale_pdptes)
		return false;
	if (consider(s, r))
		return true;
	if (s->stale)
		return false;
	r->invlpg = true;
	return consider(s, r);
}

static bool is_leaf(const struct mmu *mmu, unsigned level, uint64_t entry)
{
	return level + 1U == mmu->mode->nlevels ||
	       (entry & mmu->level[level].leaf_mask);
}

static uint64_t reserved_bits(const struct mmu *mmu, unsigned level,
			      uint64_t entry)
{
	const struct mmu_level *l = &mmu->level[level];
	bool leaf = entry & l->leaf_mask;

	return entry & (leaf ? l->leaf_rsvd : l->table_rsvd);
}

/* Where the entry of @step lies, with PAE's PDPTEs seen in memory. */
static pa_t entry_pa(const struct mmu *mmu, const struct walk_step *step)
{
	if (step->from_register)
		return mmu->root + step->index * mmu->mode->entry_size;
	return step->entry_pa;
}

/* An edit that changes nothing yet. */
static struct remedy_edit edit_of(const struct cpu *cpu,
				  const struct walk_step *step)
{
	const struct mmu *mmu = &cpu->mmu;
	pa_t pa = entry_pa(mmu, step);
	uint64_t now = ram_read(cpu->ram, pa, mmu->mode->entry_size);

	return (struct remedy_edit){
		.pa = pa,
		.old = now,
		.new = now,
		.level = step->level,
		.leaf = is_leaf(mmu, step->level, now),
	};
}

static struct remedy edit_remedy(const struct search *s, enum remedy_kind kind,
				 const struct walk_step *step)
{
	struct remedy r = candidate(s, kind);

	r.nedits = 1;
	r.edit[0] = edit_of(s->cpu, step);
	r.reload = step->from_register;
	return r;
}

/* --- entries -------------------------------------------------------------- */

/* Does an entry that is not present lead to RAM, so that P can be set? */
static bool may_set_present(const struct cpu *cpu, const struct remedy_edit *e)
{
	pa_t to = paging_target(cpu->mmu.mode, e->level, e->old, e->leaf);

	return !(e->old & PTE_P) && to && ram_ptr(cpu->ram, to);
}

/* Bits of which one may help, if it is flipped. */
static uint64_t bits_to_flip(const struct cpu *cpu, const struct remedy_edit *e)
{
	uint64_t rsvd = reserved_bits(&cpu->mmu, e->level, e->old);

	if (!(e->old & PTE_P))
		return may_set_present(cpu, e) ? PTE_P : 0;
	return (~e->old & PTE_RW) | PTE_US | (e->old & cpu->mmu.xd_mask) | rsvd;
}

static bool has_edit(const struct search *s, pa_t pa)
{
	for (unsigned i = 0; i < s->found->n; i++)
		if (s->found->list[i].nedits &&
		    s->found->list[i].edit[0].pa == pa)
			return true;
	return false;
}

/* The smallest change of an entry that maps nothing: a page with few rights. */
static bool make_map(const struct cpu *cpu, const struct access *access,
		     struct remedy_edit *e)
{
	const struct mmu *mmu = &cpu->mmu;
	bool last = e->level + 1U == mmu->mode->nlevels;
	bool user = access->user && !access->implicit;
	bool write =
		access->kind == ACCESS_WRITE && (user || (mmu->cr0 & CR0_WP));

	if ((e->old & PTE_P) || (!last && !mmu->level[e->level].may_map))
		return false;
	e->new = PTE_P | (write ? PTE_RW : 0) | (user ? PTE_US : 0) |
		 (last ? 0 : PTE_PS);
	e->leaf = true;
	e->map = true;
	return true;
}

static void try_map(struct search *s, const struct walk_step *step)
{
	struct remedy r = edit_remedy(s, REMEDY_MAP, step);

	if (make_map(s->cpu, &s->access, &r.edit[0]))
		consider_edits(s, &r);
}

/* The nearest protection key, from 0 on, that lets the access pass. */
static void try_keys(struct search *s, const struct walk_step *step)
{
	struct remedy r = edit_remedy(s, REMEDY_ENTRY, step);
	uint64_t mask = 15ULL << PTE_PK_SHIFT;

	if (!step->leaf || !s->cpu->mmu.mode->has_pk ||
	    !(s->probe.fault.error_code & PF_PK))
		return;
	for (uint64_t key = 0; key < 16; key++) {
		r.edit[0].new = (r.edit[0].old & ~mask) | key << PTE_PK_SHIFT;
		r.invlpg = false;
		if (r.edit[0].new != r.edit[0].old && consider_edits(s, &r))
			return;
	}
}

static void try_entry(struct search *s, const struct walk_step *step)
{
	struct remedy r = edit_remedy(s, REMEDY_ENTRY, step);
	uint64_t old = r.edit[0].old;

	for (uint64_t left = bits_to_flip(s->cpu, &r.edit[0]); left;
	     left &= left - 1) {
		r.edit[0].new = old ^ (left & -left);
		r.edit[0].leaf =
			is_leaf(&s->cpu->mmu, step->level, r.edit[0].new);
		r.invlpg = false;
		consider_edits(s, &r);
	}
	try_keys(s, step);
	r = edit_remedy(s, REMEDY_ENTRY, step);
	if (!has_edit(s, r.edit[0].pa) && !may_set_present(s->cpu, &r.edit[0]))
		try_map(s, step);
}

static void try_entries(struct search *s, const struct walk *w)
{
	for (unsigned i = w->first; i < w->nsteps; i++)
		try_entry(s, &w->step[i]);
}

/* --- several bits of entries ---------------------------------------------- */

/* The bits to set and to clear in the entry that withholds a right. */
static const struct {
	uint64_t set, clear;
} repairs[FAULT_NREASONS] = {
	[FAULT_SUPERVISOR_PAGE] = { .set = PTE_US },
	[FAULT_READ_ONLY] = { .set = PTE_RW },
	[FAULT_WP] = { .set = PTE_RW },
	[FAULT_XD] = { .clear = PTE_XD },
	[FAULT_SMEP] = { .clear = PTE_US },
	[FAULT_SMAP] = { .clear = PTE_US },
};

static void repair_key(const struct mmu *mmu, const struct walk *w,
		       struct remedy_edit *e)
{
	struct rights rights = w->rights;
	uint64_t mask = 15ULL << PTE_PK_SHIFT;

	for (rights.pk = 0; rights.pk < 16; rights.pk++) {
		if (mmu_deny_key(mmu, &w->access, &rights))
			continue;
		e->new &= ~mask;
		e->new |= (uint64_t)rights.pk << PTE_PK_SHIFT;
		return;
	}
}

/* Changes the entry @e at which a walk ended with a fault. */
static void repair(const struct cpu *cpu, const struct walk *w,
		   struct remedy_edit *e)
{
	enum fault_reason reason = w->fault.reason;

	e->new |= repairs[reason].set;
	e->new &= ~repairs[reason].clear;
	if (reason == FAULT_RESERVED)
		e->new &= ~reserved_bits(&cpu->mmu, e->level, e->new);
	else if (reason == FAULT_PK_AD || reason == FAULT_PK_WD)
		repair_key(&cpu->mmu, w, e);
	else if (reason == FAULT_NOT_PRESENT && may_set_present(cpu, e))
		e->new |= PTE_P;
	else if (reason == FAULT_NOT_PRESENT)
		make_map(cpu, &w->access, e);
	e->leaf = is_leaf(&cpu->mmu, e->level, e->new);
}

/* The edit of @r for @step, added if it has none yet. */
static struct remedy_edit *edit_for(const struct cpu *cpu, struct remedy *r,
				    const struct walk_step *step)
{
	struct remedy_edit e = edit_of(cpu, step);

	for (unsigned i = 0; i < r->nedits; i++)
		if (r->edit[i].pa == e.pa)
			return &r->edit[i];
	if (r->nedits == PAGING_MAX_LEVELS)
		return NULL;
	r->edit[r->nedits] = e;
	return &r->edit[r->nedits++];
}

/* Repairs entry after entry until the access succeeds or nothing is left. */
static bool repair_all(const struct cpu *cpu, struct remedy *r)
{
	struct remedy_edit *e;
	uint64_t before;
	struct walk w;

	for (unsigned n = 0; n < 4 * PAGING_MAX_LEVELS; n++) {
		const struct walk_step *step;

		if (!try_probe(cpu, r, &w))
			return false;
		if (!w.fault.reason)
			return true;
		step = &w.step[w.fault.level];
		if (step->from_register && !r->reload) {
			r->reload = true;
			continue;
		}
		e = edit_for(cpu, r, step);
		if (!e)
			return false;
		before = e->new;
		repair(cpu, &w, e);
		if (e->new == before)
			return false;
	}
	return false;
}

/*
 * Without INVLPG the CPU may look at cached entries; it comes first here,
 * and is left out in the end if there is no need for it.
 */
static void try_together(struct search *s)
{
	struct remedy r = candidate(s, REMEDY_ENTRIES);

	r.invlpg = true;
	if (s->probe.fault.vector != VEC_PF || !repair_all(s->cpu, &r) ||
	    !r.nedits)
		return;
	r.invlpg = false;
	consider_edits(s, &r);
}

/* In place of an address that is there, and leads to nothing of use. */
static void try_maps(struct search *s)
{
	for (unsigned i = s->probe.first; i < s->probe.nsteps; i++)
		try_map(s, &s->probe.step[i]);
}

static bool has_entry_remedy(const struct search *s)
{
	for (unsigned i = 0; i < s->found->n; i++)
		if (s->found->list[i].nedits)
			return true;
	return false;
}

/* --- registers ------------------------------------------------------------ */

#define FOR(reason) BIT(FAULT_##reason)
#define FOR_KEYS    (FOR(PK_AD) | FOR(PK_WD))

/* Key registers have two bits for each key; here they are those of key 0. */
static const struct register_row {
	enum remedy_register reg;
	uint64_t mask, value;
	uint64_t reasons;
	bool per_key;
	bool if_alone; /* only if no row before it for the register helps */
} register_rows[] = {
	{ REMEDY_CR0, CR0_WP, 0, FOR(WP) | FOR(PK_WD) },
	{ REMEDY_CR4, CR4_SMEP, 0, FOR(SMEP) },
	{ REMEDY_CR4, CR4_SMAP, 0, FOR(SMAP) },
	{ REMEDY_EFLAGS, EFLAGS_AC, EFLAGS_AC, FOR(SMAP) },
	{ REMEDY_EFER, EFER_NXE, EFER_NXE, FOR(RESERVED) },
	{ REMEDY_PKRU, BIT(0), 0, FOR_KEYS, .per_key = true },
	{ REMEDY_PKRU, BIT(1), 0, FOR_KEYS, .per_key = true },
	{ REMEDY_PKRU, 3, 0, FOR_KEYS, .per_key = true, .if_alone = true },
	{ REMEDY_PKRS, BIT(0), 0, FOR_KEYS, .per_key = true },
	{ REMEDY_PKRS, BIT(1), 0, FOR_KEYS, .per_key = true },
	{ REMEDY_PKRS, 3, 0, FOR_KEYS, .per_key = true, .if_alone = true },
	{ REMEDY_CR4, CR4_PKE, 0, FOR_KEYS },
	{ REMEDY_CR4, CR4_PKS, 0, FOR_KEYS },
};

static void try_register(struct search *s, const struct register_row *row)
{
	struct remedy r = candidate(s, REMEDY_REGISTER);
	unsigned shift = row->per_key ? 2 * s->probe.rights.pk : 0;

	r.reg = row->reg;
	r.mask = row->mask << shift;
	r.value = row->value << shift;
	if ((get_register(s->cpu, r.reg) & r.mask) != r.value)
		consider(s, &r);
}

static bool has_register_remedy(const struct search *s,
				enum remedy_register reg)
{
	for (unsigned i = 0; i < s->found->n; i++)
		if (s->found->list[i].kind == REMEDY_REGISTER &&
		    s->found->list[i].reg == reg)
			return true;
	return false;
}

static void try_registers(struct search *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(register_rows); i++) {
		const struct register_row *row = &register_rows[i];

		if (!(row->reasons >> s->probe.fault.reason & 1))
			continue;
		if (!row->if_alone || !has_register_remedy(s, row->reg))
			try_register(s, row);
	}
}

/* --- everything else ------------------------------------------------------ */

/* Made by code of the other privilege; an implicit one, by either. */
static void try_others(struct search *s)
{
	struct remedy r = candidate(s, REMEDY_ACCESS);

	for (unsigned user = 0; user < 2; user++) {
		if (!s->access.implicit && user == s->access.user)
			continue;
		r.access.implicit = false;
		r.access.user = user;
		consider(s, &r);
	}
}

static void try_address(struct search *s)
{
	struct remedy r = candidate(s, REMEDY_ADDRESS);

	if (s->probe.fault.reason != FAULT_NOT_CANONICAL)
		return;
	r.access.va = paging_canonical(s->probe.mode, s->access.va);
	consider(s, &r);
}

/* That an invalidation helps tells of every other change what it is worth. */
static void try_invalidations(struct search *s)
{
	struct remedy r = candidate(s, REMEDY_INVLPG);

	r.invlpg = true;
	s->stale = consider(s, &r);
	r = candidate(s, REMEDY_RETRY);
	consider(s, &r);
	if (!s->probe.mode->pdpte_regs || s->stale)
		return;
	r = candidate(s, REMEDY_RELOAD);
	r.reload = true;
	s->stale_pdptes = consider(s, &r);
}

void remedies_find(const struct cpu *cpu, const struct access *access,
		   struct remedies *ret)
{
	struct search s = { .cpu = cpu, .access = *access, .found = ret };

	ret->n = 0;
	mmu_probe(cpu, access, &s.probe);
	if (!s.probe.fault.reason)
		return;
	mmu_translate(&cpu->mmu, cpu->ram, access, &s.tables);
	try_invalidations(&s);
	try_entries(&s, &s.probe);
	try_entries(&s, &s.tables);
	if (!has_entry_remedy(&s) && !s.stale && !s.stale_pdptes)
		try_together(&s);
	if (!has_entry_remedy(&s))
		try_maps(&s);
	try_registers(&s);
	try_others(&s);
	try_address(&s);
}

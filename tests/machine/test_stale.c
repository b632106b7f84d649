/*
 * test_stale.c - the oracle names what is stale, all of it, and what helps.
 *
 * The property test makes random tables, edits, accesses and invalidations.
 * The naive second opinion is a walk of the tables beside each access.
 */
#include <stdlib.h>

#include "fixture.h"
#include "machine/stale.h"

#define VA  0x400000
#define OLD 0x80000
#define NEW 0x90000

/* --- by hand ---------------------------------------------------------------
 */

/* VA -> OLD has been read on a 4-level machine with PTE flags @flags. */
static struct machine *make_cached(uint64_t flags)
{
	struct machine *m = make_machine();
	struct fault fault;
	pa_t pa;

	map(m->cpu, &paging_modes[PAGING_4LEVEL], VA, 3, OLD | flags);
	enable_paging(m->cpu, PAGING_4LEVEL, CR4_PGE);
	assert_true(touch(m->cpu, VA, ACCESS_READ, &pa, &fault));
	return m;
}

/* Changes the PTE alone: map() would clear A above it. */
static void set_pte(struct machine *m, va_t va, uint64_t entry)
{
	pa_t table = table_at(3);

	ram_write(m->ram, table + 8 * (va >> PAGE_SHIFT & 511), 8, entry);
}

static void test_stale__agreement_is_not_named(void **state)
{
	struct machine *m = make_cached(RWU);
	struct stale *s;

	assert_int_equal(stale_find(m->cpu, &s), 0);
	assert_null(s);
	machine_destroy(m);
}

/* One edit of the PTE, and what is said about it. */
static void test_stale__reasons(void **state)
{
	static const uint64_t all = RWU | PTE_A | PTE_D;
	static const struct {
		uint64_t before, after;
		uint32_t reasons;
		uint8_t allows;
		bool harmless;
	} row[] = {
		{ RWU, 0, 1U << STALE_UNMAPPED, 0x3f, false },
		{ all, NEW | all, 1U << STALE_FRAME, 0, false },
		{ all, OLD | (all & ~PTE_RW), 1U << STALE_WRITE, 022, false },
		{ all, OLD | (all & ~PTE_US), 1U << STALE_USER, 070, false },
		{ all, OLD | all | PTE_XD, 1U << STALE_EXEC, 044, false },
		{ all, OLD | (all & ~PTE_D), 1U << STALE_DIRTY, 0, false },
		{ all, OLD | (all & ~PTE_A), 1U << STALE_ACCESSED, 0, true },
		{ all, OLD | all | 3ULL << 59, 1U << STALE_KEY, 0, false },
		{ all | PTE_G, OLD | all, 1U << STALE_GLOBAL, 0, false },
		{ all & ~PTE_RW, OLD | all, 1U << STALE_NO_WRITE, 0, true },
		{ all & ~PTE_US, OLD | all, 1U << STALE_NO_USER, 0, true },
		{ all | PTE_XD, OLD | all, 1U << STALE_NO_EXEC, 0, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_cached(RWU);
		struct access a = { .va = VA };
		struct fault fault;
		struct stale *s;
		pa_t pa;

		set_pte(m, VA, OLD | row[i].before);
		cpu_invlpg(m->cpu, VA);
		assert_true(mmu_access(m->cpu, &a, &pa, &fault));
		set_pte(m, VA, row[i].after);
		assert_int_equal(stale_find(m->cpu, &s), 1);
		assert_int_equal(s->reasons, row[i].reasons);
		assert_int_equal(s->allows, row[i].allows);
		assert_int_equal(stale_is_harmless(s), row[i].harmless);
		assert_int_equal(s->va, VA);
		assert_int_equal(s->in, 1U << TLB_L1D | 1U << TLB_L2);
		assert_int_equal(s->cure, STALE_INVLPG);
		stale_cure(m->cpu, s);
		free(s);
		assert_int_equal(stale_find(m->cpu, &s), 0);
		machine_destroy(m);
	}
}

static void test_stale__large_page_was_split(void **state)
{
	struct machine *m = make_machine();
	const struct paging_mode *mode = &paging_modes[PAGING_4LEVEL];
	uint64_t flags = RWU | PTE_A | PTE_D;
	struct fault fault;
	struct stale *s;
	pa_t pa;

	map(m->cpu, mode, VA, 2, 0x800000 | flags | PTE_PS);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	assert_true(touch(m->cpu, VA, ACCESS_READ, &pa, &fault));
	for (unsigned i = 0; i < 512; i++)
		set_pte(m, i * PAGE_SIZE, (0x800000 + i * PAGE_SIZE) | flags);
	set_pte(m, 0x7000, (0x807000 | flags) & ~PTE_RW);
	ram_write(m->ram, table_at(2) + 8 * 2, 8, table_at(3) | RWU | PTE_A);
	assert_int_equal(stale_find(m->cpu, &s), 1);
	assert_int_equal(s->shift, 21);
	assert_int_equal(s->reasons, 1U << STALE_SIZE | 1U << STALE_WRITE);
	free(s);
	machine_destroy(m);
}

static void test_stale__changed_table_is_a_cached_pde(void **state)
{
	struct machine *m = make_cached(RWU);
	struct stale *s;

	ram_write(m->ram, 0x70000, 8, OLD | RWU | PTE_A);
	ram_write(m->ram, table_at(2) + 8 * 2, 8, 0x70000 | RWU | PTE_A);
	assert_int_equal(stale_find(m->cpu, &s), 1);
	assert_int_equal(s->kind, STALE_PSC);
	assert_int_equal(s->level, 2);
	assert_int_equal(s->shift, 21);
	assert_int_equal(s->reasons, 1U << STALE_TABLE);
	cpu_invlpg(m->cpu, 0x12345000); /* any address will do */
	free(s);
	assert_int_equal(stale_find(m->cpu, &s), 0);
	machine_destroy(m);
}

/* The same asked of one walk, which the TLB does not serve. */
static void test_stale__walk_from(void **state)
{
	struct access a = { .va = VA + PAGE_SIZE };
	struct machine *m = make_cached(RWU);
	pa_t pde = table_at(2) + 8 * 2;
	uint64_t now = ram_read(m->ram, pde, 8);
	struct stale s;
	struct walk w;

	mmu_probe(m->cpu, &a, &w);
	assert_int_equal(w.first, 3);
	assert_false(stale_walk_from(m->cpu, &w, &s));
	ram_write(m->ram, pde, 8, now & ~PTE_A);
	assert_false(stale_walk_from(m->cpu, &w, &s));
	ram_write(m->ram, pde, 8, now & ~PTE_RW);
	assert_true(stale_walk_from(m->cpu, &w, &s));
	assert_int_equal(s.level, 2);
	assert_true(s.rights.write);
	assert_int_equal(s.reasons, 1U << STALE_WRITE);
	a.va = VA + (1ULL << 30);
	mmu_probe(m->cpu, &a, &w);
	ram_write(m->ram, pde, 8, now);
	assert_false(stale_walk_from(m->cpu, &w, &s));
	machine_destroy(m);
}

static void test_stale__pdpte_registers(void **state)
{
	struct machine *m = make_machine();
	struct stale *s, one;

	map(m->cpu, &paging_modes[PAGING_PAE], VA, 2, OLD | RWU);
	enable_paging(m->cpu, PAGING_PAE, 0);
	ram_write(m->ram, ROOT + 8, 8, 0x5000 | PTE_P);
	assert_int_equal(stale_find(m->cpu, &s), 1);
	assert_int_equal(s->kind, STALE_PDPTE);
	assert_int_equal(s->va, 1ULL << 30);
	assert_int_equal(s->target, 0);
	assert_int_equal(s->memory, 0x5000 | PTE_P);
	assert_true(stale_pdpte(m->cpu, 1ULL << 30 | VA, &one));
	assert_int_equal(one.memory, s->memory);
	assert_false(stale_pdpte(m->cpu, VA, &one));
	stale_cure(m->cpu, s);
	free(s);
	assert_int_equal(stale_find(m->cpu, &s), 0);
	machine_destroy(m);
}

static void test_stale__pending_shootdown(void **state)
{
	struct machine *m = make_cached(RWU | PTE_D);
	struct shootdown other = { SHOOTDOWN_PAGE, VA + PAGE_SIZE };
	struct shootdown page = { SHOOTDOWN_PAGE, VA };
	struct stale *s;

	set_pte(m, VA, 0);
	assert_null(cpu_write_eflags(m->cpu, 0));
	cpu_shootdown(m->cpu, &other);
	assert_int_equal(stale_find(m->cpu, &s), 1);
	assert_false(s->pending);
	free(s);
	cpu_shootdown(m->cpu, &page);
	assert_int_equal(stale_find(m->cpu, &s), 1);
	assert_true(s->pending);
	free(s);
	assert_null(cpu_write_eflags(m->cpu, EFLAGS_IF));
	assert_int_equal(stale_find(m->cpu, &s), 0);
	machine_destroy(m);
}

/* --- at random
 * ---------------------------------------------------------------- */

#define NTABLES	 2 /* per level */
#define NINDEXES 2 /* of each table that are used */
#define STEPS	 8000

struct random_run {
	struct machine *m;
	struct cpu *cpu;
	const struct paging_mode *mode;
	uint64_t rng;
	unsigned used_stale, cured;
};

static uint64_t pick(struct random_run *r, uint64_t n)
{
	r->rng = r->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (r->rng >> 33) % n;
}

static pa_t table_of(unsigned level, unsigned i)
{
	return 0x10000 + (level * NTABLES + i) * PAGE_SIZE;
}

/* Flags of an entry; all the bits that mean something to a walk. */
static uint64_t random_flags(struct random_run *r, bool leaf)
{
	uint64_t flags = PTE_P;

	flags |= pick(r, 4) ? PTE_RW : 0;
	flags |= pick(r, 4) ? PTE_US : 0;
	flags |= pick(r, 2) ? PTE_A : 0;
	if (r->mode->has_xd && !pick(r, 4))
		flags |= PTE_XD;
	if (leaf)
		flags |= pick(r, 2) * PTE_D | (pick(r, 4) ? 0 : PTE_G);
	if (leaf && r->mode->has_pk)
		flags |= pick(r, 3) << 59;
	return flags;
}

static uint64_t random_entry(struct random_run *r, unsigned level)
{
	const struct paging_level *l = &r->mode->level[level];
	bool last = level + 1U == r->mode->nlevels;

	if (!pick(r, 6))
		return 0;
	if (r->mode->pdpte_regs && level == 0)
		return table_of(1, pick(r, NTABLES)) | PTE_P;
	if (last)
		return random_flags(r, true) | (0x100 + pick(r, 8)) << 12;
	if (l->may_map && !pick(r, 4))
		return random_flags(r, true) | PTE_PS | pick(r, 3) << l->shift;
	return random_flags(r, false) | table_of(level + 1, pick(r, NTABLES));
}

static void edit(struct random_run *r)
{
	unsigned level = pick(r, r->mode->nlevels);
	pa_t table = table_of(level, pick(r, NTABLES));

	ram_write(r->m->ram, table + pick(r, NINDEXES) * r->mode->entry_size,
		  r->mode->entry_size, random_entry(r, level));
}

static va_t random_va(struct random_run *r)
{
	va_t va = pick(r, PAGE_SIZE);

	for (unsigned level = 0; level < r->mode->nlevels; level++)
		va |= pick(r, NINDEXES) << r->mode->level[level].shift;
	return va;
}

/* Roots of which each has PCIDs of its own; half of the loads flush nothing. */
static void load_cr3(struct random_run *r)
{
	unsigned root = pick(r, NTABLES);
	uint64_t cr3 = table_of(0, root);

	if (r->cpu->mmu.cr4 & CR4_PCIDE)
		cr3 |= root | pick(r, 2) * CR3_NOFLUSH;
	assert_null(cpu_write_cr3(r->cpu, cr3));
}

static void invalidate(struct random_run *r)
{
	va_t va = random_va(r);

	switch (pick(r, 4)) {
	case 0:
		cpu_invlpg(r->cpu, va);
		break;
	case 1:
		cpu_invpcid(r->cpu, pick(r, 4), pick(r, NTABLES), va);
		break;
	default:
		load_cr3(r);
	}
}

static bool covers(const struct random_run *r, const struct stale *s, va_t va)
{
	return (va ^ s->va) >> s->shift == 0 &&
	       (s->global || s->pcid == cpu_pcid(r->cpu));
}

/* Is there a difference between what the CPU does and what the tables say? */
static bool differs(const struct walk *cpu, const struct walk *tables)
{
	const struct walk_step *leaf = &tables->step[tables->nsteps - 1];

	if (cpu->fault.reason || tables->fault.reason)
		return cpu->fault.reason != tables->fault.reason;
	return cpu->pa != tables->pa ||
	       cpu->rights.bits != tables->rights.bits ||
	       cpu->rights.pk != tables->rights.pk ||
	       (cpu->tlb_hit && cpu->access.kind == ACCESS_WRITE &&
		!(leaf->entry & PTE_D));
}

static void access_it(struct random_run *r)
{
	struct access a = {
		.va = random_va(r),
		.kind = pick(r, ACCESS_NKINDS),
		.user = pick(r, 2),
	};
	struct walk cpu, tables;
	struct stale *s;
	size_t n = stale_find(r->cpu, &s);
	bool named = false;

	mmu_probe(r->cpu, &a, &cpu);
	mmu_translate(&r->cpu->mmu, r->m->ram, &a, &tables);
	for (size_t i = 0; i < n; i++)
		named |= covers(r, &s[i], a.va);
	if (differs(&cpu, &tables)) {
		assert_true(named);
		r->used_stale++;
	}
	free(s);
	mmu_access_traced(r->cpu, &a, &cpu);
}

/* The missing invalidation of one finding, executed, makes it go away. */
static void cure_one(struct random_run *r)
{
	struct stale *before, *after;
	size_t n = stale_find(r->cpu, &before), left;
	const struct stale *s;

	if (!n)
		return;
	s = &before[pick(r, n)];
	stale_cure(r->cpu, s);
	left = stale_find(r->cpu, &after);
	for (size_t i = 0; i < left; i++)
		assert_false(after[i].kind == s->kind && after[i].va == s->va &&
			     after[i].shift == s->shift &&
			     after[i].pcid == s->pcid &&
			     after[i].global == s->global &&
			     after[i].level == s->level);
	r->cured++;
	free(before);
	free(after);
}

static void flush_everything(struct random_run *r)
{
	static const struct shootdown all = { SHOOTDOWN_ALL, 0 };
	struct stale *s;

	cpu_forget(r->cpu, &all);
	assert_int_equal(stale_find(r->cpu, &s), 0);
}

static void random_run(enum paging_mode_id id, const struct tlb_config *tlb,
		       bool invpcid)
{
	struct ram_region map = { 0, RAM_END, RAM_USABLE, true };
	struct cpu_features f = all_features;
	struct random_run r = { .rng = id, .mode = &paging_modes[id] };

	f.tlb = *tlb;
	f.invpcid = invpcid;
	r.m = machine_create(&map, 1, 1, &f);
	assert_non_null(r.m);
	r.cpu = r.m->cpu;
	enable_paging(r.cpu, id, CR4_PGE | (id == PAGING_32 ? CR4_PSE : 0));
	if (r.mode->canonical)
		assert_null(cpu_write_cr4(r.cpu, r.cpu->mmu.cr4 | CR4_PCIDE |
							 CR4_PKE | CR4_SMEP));
	for (unsigned i = 0; i < 200; i++)
		edit(&r);
	load_cr3(&r);
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = pick(&r, 40);

		if (what == 0)
			flush_everything(&r);
		else if (what < 5)
			cure_one(&r);
		else if (what < 8)
			invalidate(&r);
		else if (what < 14)
			edit(&r);
		else
			access_it(&r);
	}
	assert_true(r.cured > 20);
	assert_true(!tlb->narrays || r.used_stale > 10);
	machine_destroy(r.m);
}

static void test_stale__names_all_that_is_used(void **state)
{
	for (unsigned id = PAGING_32; id < PAGING_NMODES; id++)
		for (unsigned i = 0; i < 2; i++) {
			random_run(id, &tlb_configs[i], true);
			random_run(id, &tlb_configs[i], false);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stale__agreement_is_not_named),
		cmocka_unit_test(test_stale__reasons),
		cmocka_unit_test(test_stale__large_page_was_split),
		cmocka_unit_test(test_stale__changed_table_is_a_cached_pde),
		cmocka_unit_test(test_stale__walk_from),
		cmocka_unit_test(test_stale__pdpte_registers),
		cmocka_unit_test(test_stale__pending_shootdown),
		cmocka_unit_test(test_stale__names_all_that_is_used),
	};

	return cmocka_run_group_tests_name("stale", tests, NULL, NULL);
}

/*
 * test_remedy.c - what would make an access succeed does so, and nothing
 * that would is forgotten.
 *
 * Over random tables, registers, cached entries and accesses, each remedy is
 * applied to a CPU and the access made there; and each bit of the entries on
 * the path and of the registers that give rights is flipped by brute force,
 * to see that what helps is in the list.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"
#include "machine/remedy.h"

#define FRAMES	  16
#define RAM_BYTES (FRAMES * PAGE_SIZE)

static uint64_t seed;

static uint64_t rnd(uint64_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33 ^ seed >> 11) % n;
}

static bool one_in(unsigned n)
{
	return rnd(n) == 0;
}

/* --- random machines ------------------------------------------------------ */

/* Mostly all rights and a frame of RAM; now and then something else. */
static uint64_t random_entry(const struct paging_mode *mode)
{
	uint64_t e = rnd(FRAMES) * PAGE_SIZE | RWU;

	e &= one_in(8) ? ~PTE_P : ~0ULL;
	e &= one_in(6) ? ~PTE_RW : ~0ULL;
	e &= one_in(6) ? ~PTE_US : ~0ULL;
	e |= one_in(12) ? PTE_PS : 0;
	e |= one_in(2) ? PTE_A | PTE_D : 0;
	e |= one_in(6) ? PTE_G : 0;
	if (one_in(16))
		e = 0;
	if (mode->entry_size == 4)
		return e;
	e |= one_in(12) ? PTE_XD : 0;
	e |= one_in(2) ? rnd(16) << PTE_PK_SHIFT : 0;
	return e | (one_in(20) ? BIT(rnd(64)) : 0);
}

static uint64_t random_pdpte(void)
{
	uint64_t e = rnd(FRAMES) * PAGE_SIZE | PTE_P;

	if (one_in(40))
		e |= BIT(rnd(64));
	return one_in(6) ? e & ~PTE_P : e;
}

static void fill_pdptes(const struct cpu *cpu, const struct paging_mode *mode)
{
	for (unsigned i = 0; mode->pdpte_regs && i < 4; i++)
		ram_write(cpu->ram, ROOT + 8 * i, 8, random_pdpte());
}

static void fill(const struct cpu *cpu, const struct paging_mode *mode)
{
	unsigned size = mode->entry_size;

	for (pa_t pa = 0; pa < RAM_BYTES; pa += size)
		ram_write(cpu->ram, pa, size, random_entry(mode));
	fill_pdptes(cpu, mode);
}

static struct machine *random_machine(void)
{
	struct ram_region map = { 0, RAM_BYTES, RAM_USABLE, true };
	struct cpu_features f = all_features;

	f.gbpages = one_in(2);
	f.tlb = tlb_configs[1 + one_in(8)];
	return machine_create(&map, 1, 1, &f);
}

static uint64_t random_cr4(const struct paging_mode *mode)
{
	uint64_t cr4 = one_in(2) ? CR4_SMEP : 0;

	cr4 |= one_in(2) ? CR4_SMAP : 0;
	cr4 |= one_in(2) ? CR4_PKE : 0;
	cr4 |= one_in(2) ? CR4_PKS : 0;
	cr4 |= one_in(2) ? CR4_PGE : 0;
	cr4 |= one_in(2) ? CR4_PSE : 0;
	cr4 |= mode->id == PAGING_32 ? 0 : CR4_PAE;
	return cr4 | (mode->id == PAGING_5LEVEL ? CR4_LA57 : 0);
}

/* False: a PDPTE has a reserved bit set, and paging cannot be turned on. */
static bool random_registers(struct cpu *cpu, const struct paging_mode *mode)
{
	uint64_t cr0 = CR0_PE | CR0_PG | (one_in(2) ? CR0_WP : 0);
	uint64_t lme = mode->canonical ? EFER_LME : 0;

	cpu_write_cr4(cpu, random_cr4(mode));
	cpu_write_efer(cpu, lme | (one_in(4) ? 0 : EFER_NXE));
	cpu_write_cr3(cpu, ROOT);
	cpu_write_pkru(cpu, one_in(3) ? 0 : rnd(1ULL << 32));
	cpu_write_pkrs(cpu, one_in(3) ? 0 : rnd(1ULL << 32));
	cpu_write_eflags(cpu, one_in(3) ? EFLAGS_AC : 0);
	return !cpu_write_cr0(cpu, cr0);
}

/* Few pages, so that caches are hit, and addresses that are not canonical. */
static struct access random_access(const struct paging_mode *mode)
{
	va_t va = 0;

	for (unsigned i = 0; i < mode->nlevels; i++)
		va |= rnd(3) << mode->level[i].shift;
	va = one_in(40) ? va | BIT(rnd(64)) : paging_canonical(mode, va);
	return (struct access){
		.va = mode->canonical ? va : va & 0xffffffff,
		.kind = rnd(ACCESS_NKINDS),
		.user = one_in(2),
		.implicit = one_in(8),
	};
}

/* Accesses fill the caches; then memory changes behind their back. */
static void warm_up(struct cpu *cpu)
{
	const struct paging_mode *mode = cpu->mmu.mode;
	unsigned stores = one_in(2) ? 0 : rnd(RAM_BYTES / 8);
	struct fault fault;
	pa_t pa;

	for (unsigned i = rnd(30); i > 0; i--) {
		struct access a = random_access(mode);

		mmu_access(cpu, &a, &pa, &fault);
	}
	for (unsigned i = 0; i < stores; i++)
		ram_write(cpu->ram, rnd(RAM_BYTES / 8) * 8, mode->entry_size,
			  random_entry(mode));
	if (one_in(2))
		fill_pdptes(cpu, mode);
}

/* --- trying on a copy ----------------------------------------------------- */

static uint8_t saved[RAM_BYTES];

static void save(const struct cpu *cpu)
{
	ram_copy_out(cpu->ram, 0, saved, sizeof(saved));
}

static void restore(const struct cpu *cpu)
{
	ram_copy_in(cpu->ram, 0, saved, sizeof(saved));
}

/* Makes the access on @copy, frees that, and puts memory back. */
static bool finish(struct cpu *copy, const struct access *access)
{
	struct fault fault;
	pa_t pa;
	bool ok = mmu_access(copy, access, &pa, &fault);

	restore(copy);
	cpu_deinit(copy);
	return ok;
}

static bool works(const struct cpu *cpu, const struct remedy *r)
{
	struct cpu copy;

	cpu_copy(&copy, cpu);
	assert_null(remedy_apply(&copy, r));
	return finish(&copy, &r->access);
}

static bool has_kind(const struct remedies *l, enum remedy_kind kind)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].kind == kind)
			return true;
	return false;
}

static bool has_edit(const struct remedies *l, pa_t pa, uint64_t new)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].nedits == 1 && l->list[i].edit[0].pa == pa &&
		    l->list[i].edit[0].new == new)
			return true;
	return false;
}

static bool has_register(const struct remedies *l, enum remedy_register reg,
			 uint64_t mask)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].kind == REMEDY_REGISTER &&
		    l->list[i].reg == reg && l->list[i].mask == mask)
			return true;
	return false;
}

/* --- brute force ---------------------------------------------------------- */

struct entry {
	pa_t pa;
	unsigned level;
	bool reg;
	uint64_t old;
};

/* Does flipping @bit only give or take a right, not lead elsewhere? */
static bool is_right(const struct cpu *cpu, const struct entry *e, uint64_t bit)
{
	const struct mmu *mmu = &cpu->mmu;
	const struct mmu_level *l = &mmu->level[e->level];
	bool last = e->level + 1U == mmu->mode->nlevels;
	bool leaf = last || (e->old & l->leaf_mask);
	uint64_t rsvd = leaf ? l->leaf_rsvd : l->table_rsvd;
	pa_t to = paging_target(mmu->mode, e->level, e->old, leaf);

	if (bit == PTE_P)
		return !(e->old & PTE_P) && to && to < RAM_BYTES;
	if (bit == PTE_XD && mmu->mode->has_xd)
		return true;
	return bit == PTE_RW || bit == PTE_US || (rsvd & e->old & bit);
}

/* Would the access succeed with @new in @e? Twice: also after an INVLPG. */
static bool helps(const struct cpu *cpu, const struct access *a,
		  const struct entry *e, uint64_t new, bool invlpg)
{
	struct cpu copy;

	cpu_copy(&copy, cpu);
	ram_write(copy.ram, e->pa, copy.mmu.mode->entry_size, new);
	if (e->reg && cpu_write_cr3(&copy, copy.mmu.cr3)) {
		finish(&copy, a);
		return false;
	}
	if (invlpg)
		cpu_invlpg(&copy, a->va);
	return finish(&copy, a);
}

static void check_entry(const struct cpu *cpu, const struct access *a,
			const struct remedies *l, const struct walk_step *step)
{
	unsigned size = cpu->mmu.mode->entry_size;
	bool reg = step->from_register;
	pa_t pa = step->entry_pa;
	struct entry e = { .level = step->level, .reg = reg };

	if (reg)
		pa = ROOT + 8 * step->index;
	e.pa = pa;
	e.old = ram_read(cpu->ram, pa, size);
	if (reg && has_kind(l, REMEDY_RELOAD))
		return;
	for (unsigned i = 0; i < 8 * size; i++) {
		uint64_t new = e.old ^ BIT(i);

		if (!is_right(cpu, &e, BIT(i)))
			continue;
		if (helps(cpu, a, &e, new, false) ||
		    (!has_kind(l, REMEDY_INVLPG) &&
		     helps(cpu, a, &e, new, true)))
			assert_true(has_edit(l, pa, new));
	}
}

static const struct {
	enum remedy_register reg;
	uint64_t mask;
} flips[] = {
	{ REMEDY_CR0, CR0_WP },	      { REMEDY_CR4, CR4_SMEP },
	{ REMEDY_CR4, CR4_SMAP },     { REMEDY_CR4, CR4_PKE },
	{ REMEDY_CR4, CR4_PKS },      { REMEDY_EFER, EFER_NXE },
	{ REMEDY_EFLAGS, EFLAGS_AC }, { REMEDY_PKRU, 0xffffffff },
	{ REMEDY_PKRS, 0xffffffff },
};

static bool register_helps(const struct cpu *cpu, const struct access *a,
			   enum remedy_register reg, uint64_t bit)
{
	struct remedy r = { .kind = REMEDY_REGISTER, .reg = reg, .mask = bit };
	struct cpu copy;
	const uint64_t now[] = {
		[REMEDY_CR0] = cpu->mmu.cr0,
		[REMEDY_CR4] = cpu->mmu.cr4,
		[REMEDY_EFER] = cpu->mmu.efer,
		[REMEDY_EFLAGS] = cpu_eflags(cpu),
		[REMEDY_PKRU] = cpu->mmu.pkru,
		[REMEDY_PKRS] = cpu->mmu.pkrs,
	};

	r.value = ~now[reg] & bit;
	cpu_copy(&copy, cpu);
	if (remedy_apply(&copy, &r)) {
		finish(&copy, a);
		return false;
	}
	return finish(&copy, a);
}

static bool has_stale_pdptes(const struct cpu *cpu)
{
	uint64_t now[4];

	ram_copy_out(cpu->ram, ROOT, now, sizeof(now));
	return cpu->mmu.mode->pdpte_regs &&
	       memcmp(now, cpu->mmu.pdpte, sizeof(now));
}

/*
 * A load of CR4.SMEP also flushes, and reads PDPTEs: that is not meant. Nor
 * is clearing EFER.NXE while entries with XD are cached.
 */
static void check_registers(const struct cpu *cpu, const struct access *a,
			    const struct remedies *l)
{
	bool flush = has_kind(l, REMEDY_RETRY) || has_stale_pdptes(cpu);

	for (size_t i = 0; i < ARRAY_SIZE(flips); i++)
		for (uint64_t m = flips[i].mask; m; m &= m - 1) {
			uint64_t bit = m & -m;

			if ((flush && bit == CR4_SMEP) ||
			    bit == (cpu->mmu.efer & EFER_NXE))
				continue;
			if (register_helps(cpu, a, flips[i].reg, bit) &&
			    !has_register(l, flips[i].reg, bit))
				fail_msg("seed %llx: register %u, bit %llx",
					 (unsigned long long)seed, flips[i].reg,
					 (unsigned long long)bit);
		}
}

/* --- properties ----------------------------------------------------------- */

static unsigned seen_reason[FAULT_NREASONS];
static unsigned seen_kind[REMEDY_RETRY + 1], seen_invlpg, seen_none;

/* None of several edits can be left out. */
static void check_minimal(const struct cpu *cpu, const struct remedy *r)
{
	for (unsigned i = 0; r->kind == REMEDY_ENTRIES && i < r->nedits; i++) {
		uint64_t diff = r->edit[i].old ^ r->edit[i].new;

		if (!(r->edit[i].old & PTE_P))
			continue;
		for (; diff; diff &= diff - 1) {
			struct remedy less = *r;
			uint64_t bit = diff & -diff;

			if (bit >> PTE_PK_SHIFT & 15)
				continue;
			less.edit[i].new ^= bit;
			less.invlpg = true;
			struct cpu copy;

			cpu_copy(&copy, cpu);
			if (remedy_apply(&copy, &less))
				finish(&copy, &less.access);
			else
				assert_false(finish(&copy, &less.access));
		}
	}
}

static void check_list(const struct cpu *cpu, const struct remedies *l)
{
	assert_true(l->n < REMEDY_MAX);
	seen_none += l->n == 0;
	for (unsigned i = 0; i < l->n; i++) {
		const struct remedy *r = &l->list[i];

		assert_true(works(cpu, r));
		check_minimal(cpu, r);
		seen_kind[r->kind]++;
		seen_invlpg += r->nedits && r->invlpg;
	}
}

static void check_complete(const struct cpu *cpu, const struct access *a,
			   const struct remedies *l, const struct walk *w)
{
	for (unsigned i = w->first; i < w->nsteps; i++)
		check_entry(cpu, a, l, &w->step[i]);
}

static void check_access(struct machine *m, const struct access *a)
{
	const struct cpu *cpu = &m->cpu[0];
	struct walk probe, tables;
	struct remedies l;
	uint64_t hash = machine_hash(m);

	remedies_find(cpu, a, &l);
	assert_true(machine_hash(m) == hash);
	mmu_probe(cpu, a, &probe);
	seen_reason[probe.fault.reason]++;
	if (!probe.fault.reason) {
		assert_int_equal(l.n, 0);
		return;
	}
	check_list(cpu, &l);
	mmu_translate(&cpu->mmu, cpu->ram, a, &tables);
	check_complete(cpu, a, &l, &probe);
	check_complete(cpu, a, &l, &tables);
	check_registers(cpu, a, &l);
	assert_true(machine_hash(m) == hash);
}

static void one_machine(const struct paging_mode *mode)
{
	struct machine *m = random_machine();
	struct cpu *cpu = &m->cpu[0];

	fill(cpu, mode);
	if (random_registers(cpu, mode)) {
		assert_int_equal(cpu->mmu.mode->id, mode->id);
		warm_up(cpu);
		save(cpu);
		for (unsigned i = 0; i < 12; i++) {
			struct access a = random_access(mode);

			check_access(m, &a);
		}
	}
	machine_destroy(m);
}

static void test_remedy__true_and_complete(void **state)
{
	const char *rounds = getenv("REMEDY_ROUNDS");

	for (unsigned i = 0; i < (rounds ? strtoul(rounds, NULL, 10) : 400);
	     i++) {
		seed = i;
		one_machine(&paging_modes[PAGING_32 + i % 4]);
	}
	for (unsigned i = 0; i < FAULT_NREASONS; i++)
		if (!seen_reason[i])
			fail_msg("no access ended in: %s",
				 fault_reason_name[i]);
	for (unsigned i = 0; i <= REMEDY_RETRY; i++)
		if (!seen_kind[i])
			fail_msg("no remedy of kind %u", i);
	assert_true(seen_invlpg > 0 && seen_none > 0);
}

/* --- by example ----------------------------------------------------------- */

#define VA   0x400000
#define PAGE 0x80000

struct example {
	struct machine *m;
	struct cpu *cpu;
	struct remedies l;
};

static void begin(struct example *x, enum paging_mode_id id, uint64_t cr4,
		  uint64_t leaf)
{
	const struct paging_mode *mode = &paging_modes[id];

	x->m = make_machine();
	x->cpu = &x->m->cpu[0];
	map(x->cpu, mode, VA, mode->nlevels - 1, PAGE | leaf);
	enable_paging(x->cpu, id, cr4);
}

static void find(struct example *x, enum access_kind kind, bool user)
{
	struct access a = { .va = VA, .kind = kind, .user = user };

	remedies_find(x->cpu, &a, &x->l);
}

static pa_t entry_at(const struct example *x, unsigned level)
{
	const struct paging_mode *mode = x->cpu->mmu.mode;

	return table_at(level) +
	       paging_index(mode, level, VA) * mode->entry_size;
}

static void test_remedy__none_if_it_succeeds(void **state)
{
	struct example x;

	begin(&x, PAGING_4LEVEL, 0, RWU);
	find(&x, ACCESS_WRITE, true);
	assert_int_equal(x.l.n, 0);
	machine_destroy(x.m);
}

static void test_remedy__smap(void **state)
{
	struct example x;

	begin(&x, PAGING_4LEVEL, CR4_SMAP, RWU);
	find(&x, ACCESS_READ, false);
	assert_true(has_register(&x.l, REMEDY_CR4, CR4_SMAP));
	assert_true(has_register(&x.l, REMEDY_EFLAGS, EFLAGS_AC));
	for (unsigned level = 0; level < 4; level++)
		assert_true(has_edit(&x.l, entry_at(&x, level),
				     entry_of(x.cpu, VA, level) ^ PTE_US));
	assert_true(has_kind(&x.l, REMEDY_ACCESS));
	assert_int_equal(x.l.n, 7);
	machine_destroy(x.m);
}

/* EFLAGS.AC is no help to an implicit access. */
static void test_remedy__smap_implicit(void **state)
{
	struct access a = { .va = VA, .user = true, .implicit = true };
	struct example x;

	begin(&x, PAGING_4LEVEL, CR4_SMAP, RWU);
	remedies_find(x.cpu, &a, &x.l);
	assert_true(has_register(&x.l, REMEDY_CR4, CR4_SMAP));
	assert_false(has_register(&x.l, REMEDY_EFLAGS, EFLAGS_AC));
	machine_destroy(x.m);
}

/* A user write asks neither CR0.WP nor who else may. */
static void test_remedy__read_only(void **state)
{
	struct example x;

	begin(&x, PAGING_32, 0, PTE_P | PTE_US);
	find(&x, ACCESS_WRITE, true);
	assert_int_equal(x.l.n, 1);
	assert_true(has_edit(&x.l, entry_at(&x, 1), PAGE | RWU));
	find(&x, ACCESS_WRITE, false);
	assert_int_equal(x.l.n, 2);
	assert_true(has_register(&x.l, REMEDY_CR0, CR0_WP));
	machine_destroy(x.m);
}

static void test_remedy__two_levels(void **state)
{
	struct example x;
	pa_t pde;

	begin(&x, PAGING_32, 0, PTE_P | PTE_US);
	pde = entry_at(&x, 0);
	ram_write(x.cpu->ram, pde, 4, table_at(1) | PTE_P | PTE_RW);
	find(&x, ACCESS_WRITE, true);
	assert_int_equal(x.l.list[0].kind, REMEDY_ENTRIES);
	assert_int_equal(x.l.list[0].nedits, 2);
	assert_int_equal(x.l.list[0].edit[0].pa, pde);
	assert_int_equal(x.l.list[0].edit[0].new, table_at(1) | RWU);
	assert_int_equal(x.l.list[0].edit[1].new, PAGE | RWU);
	machine_destroy(x.m);
}

/* An entry with a frame that is RAM gets bits; one without, a frame. */
static void test_remedy__not_present(void **state)
{
	struct example x;

	begin(&x, PAGING_32, 0, PTE_G);
	find(&x, ACCESS_READ, true);
	assert_int_equal(x.l.list[0].kind, REMEDY_ENTRIES);
	assert_int_equal(x.l.list[0].edit[0].new,
			 PAGE | PTE_G | PTE_P | PTE_US);
	assert_false(x.l.list[0].edit[0].map);
	ram_write(x.cpu->ram, entry_at(&x, 1), 4, 0);
	find(&x, ACCESS_READ, false);
	assert_int_equal(x.l.n, 1);
	assert_int_equal(x.l.list[0].kind, REMEDY_MAP);
	assert_true(x.l.list[0].edit[0].map);
	assert_int_equal(x.l.list[0].edit[0].new, PTE_P);
	machine_destroy(x.m);
}

static void test_remedy__xd_without_nxe(void **state)
{
	struct example x;

	begin(&x, PAGING_PAE, 0, RWU | PTE_XD);
	assert_null(cpu_write_efer(x.cpu, 0));
	find(&x, ACCESS_READ, true);
	assert_int_equal(x.l.n, 2);
	assert_true(has_register(&x.l, REMEDY_EFER, EFER_NXE));
	assert_true(has_edit(&x.l, entry_at(&x, 2), PAGE | RWU));
	find(&x, ACCESS_FETCH, true);
	assert_int_equal(x.l.n, 1);
	machine_destroy(x.m);
}

static void test_remedy__keys(void **state)
{
	struct example x;

	begin(&x, PAGING_4LEVEL, CR4_PKE, RWU | 3ULL << PTE_PK_SHIFT);
	assert_null(cpu_write_pkru(x.cpu, 2 << 6));
	find(&x, ACCESS_WRITE, true);
	assert_true(has_register(&x.l, REMEDY_PKRU, 2 << 6));
	assert_true(has_register(&x.l, REMEDY_CR4, CR4_PKE));
	assert_true(has_edit(&x.l, entry_at(&x, 3), PAGE | RWU));
	assert_null(cpu_write_pkru(x.cpu, 3 << 6));
	find(&x, ACCESS_WRITE, true);
	assert_true(has_register(&x.l, REMEDY_PKRU, 3 << 6));
	machine_destroy(x.m);
}

/* PAE's PDPTEs count as they were when CR3 was loaded. */
static void test_remedy__pdpte_is_a_register(void **state)
{
	struct example x;

	begin(&x, PAGING_PAE, 0, RWU);
	ram_write(x.cpu->ram, ROOT, 8, table_at(1));
	assert_null(cpu_write_cr3(x.cpu, ROOT));
	find(&x, ACCESS_READ, true);
	assert_int_equal(x.l.n, 1);
	assert_true(x.l.list[0].reload);
	assert_true(has_edit(&x.l, ROOT, table_at(1) | PTE_P));
	ram_write(x.cpu->ram, ROOT, 8, table_at(1) | PTE_P);
	find(&x, ACCESS_READ, true);
	assert_int_equal(x.l.n, 1);
	assert_int_equal(x.l.list[0].kind, REMEDY_RELOAD);
	machine_destroy(x.m);
}

static void test_remedy__stale(void **state)
{
	struct fault fault;
	struct example x;
	pa_t pa;

	begin(&x, PAGING_4LEVEL, 0, PTE_P | PTE_US);
	assert_true(touch(x.cpu, VA, ACCESS_READ, &pa, &fault));
	ram_write(x.cpu->ram, entry_at(&x, 3), 8, PAGE | RWU);
	find(&x, ACCESS_WRITE, true);
	assert_int_equal(x.l.n, 2);
	assert_true(has_kind(&x.l, REMEDY_INVLPG));
	assert_true(has_kind(&x.l, REMEDY_RETRY));
	machine_destroy(x.m);
}

static void test_remedy__not_canonical(void **state)
{
	struct access a = { .va = VA | BIT(50) };
	struct example x;

	begin(&x, PAGING_4LEVEL, 0, RWU);
	remedies_find(x.cpu, &a, &x.l);
	assert_int_equal(x.l.n, 1);
	assert_int_equal(x.l.list[0].kind, REMEDY_ADDRESS);
	assert_int_equal(x.l.list[0].access.va, VA);
	machine_destroy(x.m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remedy__true_and_complete),
		cmocka_unit_test(test_remedy__none_if_it_succeeds),
		cmocka_unit_test(test_remedy__smap),
		cmocka_unit_test(test_remedy__smap_implicit),
		cmocka_unit_test(test_remedy__read_only),
		cmocka_unit_test(test_remedy__two_levels),
		cmocka_unit_test(test_remedy__not_present),
		cmocka_unit_test(test_remedy__xd_without_nxe),
		cmocka_unit_test(test_remedy__keys),
		cmocka_unit_test(test_remedy__pdpte_is_a_register),
		cmocka_unit_test(test_remedy__stale),
		cmocka_unit_test(test_remedy__not_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_psc.c - the paging-structure caches: which entries they keep in each
 * mode, where a walk begins because of them, and INVPCID of one address.
 */
#include "fixture.h"

#define VA    0x400000
#define OTHER 0x7f0000000000ULL /* shares no entry with VA but the root */
#define OLD   0x80000
#define NEW   0x90000

static bool read_page(struct machine *m, va_t va, struct walk *w)
{
	struct access access = { .va = va, .user = true };

	return mmu_access_traced(m->cpu, &access, w);
}

/* A machine in mode @id that has read VA. */
static struct machine *make_read(enum paging_mode_id id, uint64_t cr4)
{
	struct machine *m = make_machine();
	const struct paging_mode *mode = &paging_modes[id];
	struct walk w;

	map(m->cpu, mode, VA, mode->nlevels - 1U, OLD | RWU);
	enable_paging(m->cpu, id, cr4);
	assert_true(read_page(m, VA, &w));
	return m;
}

/* Levels whose entry for VA is cached, a bit each. */
static unsigned cached_levels(struct machine *m)
{
	unsigned levels = 0;

	for (unsigned i = 0; i + 1U < m->cpu->mmu.mode->nlevels; i++)
		if (psc_lookup(&m->cpu->psc, &m->cpu->mmu, i, VA))
			levels |= 1U << i;
	return levels;
}

static void test_psc__levels_of_each_mode(void **state)
{
	static const struct {
		enum paging_mode_id mode;
		unsigned levels;
	} row[] = {
		{ PAGING_32, 1 },
		{ PAGING_PAE, 2 }, /* no PDPTE: these are registers */
		{ PAGING_4LEVEL, 7 },
		{ PAGING_5LEVEL, 15 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_read(row[i].mode, 0);

		assert_int_equal(cached_levels(m), row[i].levels);
		assert_null(cpu_write_cr3(m->cpu, ROOT));
		assert_int_equal(cached_levels(m), 0);
		machine_destroy(m);
	}
}

/* A PDE that maps a page is a matter for the TLB. */
static void test_psc__pages_are_not_cached(void **state)
{
	struct machine *m = make_machine();
	struct walk w;

	map(m->cpu, &paging_modes[PAGING_4LEVEL], VA, 2, PTE_PS | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	assert_true(read_page(m, VA, &w));
	assert_int_equal(cached_levels(m), 3);
	machine_destroy(m);
}

static void test_psc__faults_cache_nothing(void **state)
{
	struct machine *m = make_machine();
	struct walk w;

	map(m->cpu, &paging_modes[PAGING_4LEVEL], VA, 3, 0);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	assert_false(read_page(m, VA, &w));
	assert_int_equal(cached_levels(m), 0);
	machine_destroy(m);
}

/* The second address shares the entries above level @first with VA. */
static void test_psc__walks_begin_below_what_is_shared(void **state)
{
	static const struct {
		enum paging_mode_id mode;
		va_t va;
		unsigned first;
	} row[] = {
		{ PAGING_32, VA + PAGE_SIZE, 1 },
		{ PAGING_32, VA + BIT(22), 0 },
		{ PAGING_PAE, VA + PAGE_SIZE, 2 },
		{ PAGING_PAE, VA + BIT(21), 0 },
		{ PAGING_4LEVEL, VA + PAGE_SIZE, 3 },
		{ PAGING_4LEVEL, VA + BIT(21), 2 },
		{ PAGING_4LEVEL, VA + BIT(30), 1 },
		{ PAGING_4LEVEL, VA + BIT(39), 0 },
		{ PAGING_5LEVEL, VA + PAGE_SIZE, 4 },
		{ PAGING_5LEVEL, VA + BIT(21), 3 },
		{ PAGING_5LEVEL, VA + BIT(30), 2 },
		{ PAGING_5LEVEL, VA + BIT(39), 1 },
		{ PAGING_5LEVEL, VA + BIT(48), 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_read(row[i].mode, 0);
		const struct cpu_counters *n = &m->cpu->counters;
		unsigned nlevels = m->cpu->mmu.mode->nlevels;
		unsigned depth = nlevels - row[i].first;
		struct walk w;

		map(m->cpu, m->cpu->mmu.mode, row[i].va, nlevels - 1U,
		    NEW | RWU);
		assert_true(read_page(m, row[i].va, &w));
		assert_int_equal(w.first, row[i].first);
		assert_int_equal(w.pa, NEW);
		if (w.first)
			assert_int_equal(n->psc_hits[depth], 1);
		machine_destroy(m);
	}
}

/* PAE: memory's PDPT is read by MOV to CR3, not by walks. */
static void test_psc__pdptes_come_from_registers(void **state)
{
	struct machine *m = make_read(PAGING_PAE, 0);
	struct walk w;

	ram_write(m->ram, ROOT, 8, 0);
	cpu_invlpg(m->cpu, VA);
	assert_int_equal(cached_levels(m), 0);
	assert_true(read_page(m, VA, &w));
	assert_true(w.step[0].from_register);
	assert_null(cpu_write_cr3(m->cpu, ROOT));
	assert_false(read_page(m, VA, &w));
	assert_int_equal(w.fault.level, 0);
	machine_destroy(m);
}

/* Rights of the levels that a walk skips still count. */
static void test_psc__rights_are_gathered_above(void **state)
{
	for (unsigned level = 0; level < 4; level++) {
		struct machine *m = make_machine();
		struct cpu *cpu = m->cpu;
		struct fault fault = { 0 };
		pa_t pa;

		map(cpu, &paging_modes[PAGING_5LEVEL], VA, 4, OLD | RWU);
		map(cpu, &paging_modes[PAGING_5LEVEL], VA + PAGE_SIZE, 4,
		    NEW | RWU);
		ram_write(m->ram,
			  table_at(level) +
				  8 * paging_index(&paging_modes[PAGING_5LEVEL],
						   level, VA),
			  8, table_at(level + 1) | PTE_P | PTE_US | PTE_XD);
		enable_paging(cpu, PAGING_5LEVEL, 0);
		assert_true(touch(cpu, VA, ACCESS_READ, &pa, &fault));
		assert_false(
			touch(cpu, VA + PAGE_SIZE, ACCESS_WRITE, &pa, &fault));
		assert_int_equal(fault.reason, FAULT_READ_ONLY);
		assert_true(touch(cpu, VA, ACCESS_READ, &pa, &fault));
		assert_false(
			touch(cpu, VA + PAGE_SIZE, ACCESS_FETCH, &pa, &fault));
		assert_int_equal(fault.reason, FAULT_XD);
		machine_destroy(m);
	}
}

static bool in_tlb(struct machine *m, va_t va)
{
	enum tlb_level level;

	return tlb_lookup(&m->cpu->tlb, ACCESS_READ, va, cpu_pcid(m->cpu),
			  &level);
}

/* INVPCID of VA: the page goes unless it is global, other pages stay. */
static void test_psc__invpcid_of_one_address(void **state)
{
	for (unsigned global = 0; global < 2; global++) {
		struct machine *m = make_read(PAGING_4LEVEL, CR4_PGE);
		struct cpu *cpu = m->cpu;
		uint64_t leaf = RWU | (global ? PTE_G : 0);
		struct walk w;

		map(cpu, cpu->mmu.mode, OTHER, 3, NEW | RWU);
		map(cpu, cpu->mmu.mode, VA, 3, OLD | leaf);
		map(cpu, cpu->mmu.mode, VA + PAGE_SIZE, 3, NEW | RWU);
		cpu_invlpg(cpu, VA);
		assert_true(read_page(m, OTHER, &w));
		assert_true(read_page(m, VA, &w));
		assert_true(read_page(m, VA + PAGE_SIZE, &w));
		assert_null(cpu_invpcid(cpu, INVPCID_ADDRESS, 0, VA));
		assert_int_equal(in_tlb(m, VA), global);
		assert_true(in_tlb(m, VA + PAGE_SIZE));
		assert_true(in_tlb(m, OTHER));
		assert_int_equal(cached_levels(m), 0);
		assert_non_null(psc_lookup(&cpu->psc, &cpu->mmu, 2, OTHER));
		machine_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_psc__levels_of_each_mode),
		cmocka_unit_test(test_psc__pages_are_not_cached),
		cmocka_unit_test(test_psc__faults_cache_nothing),
		cmocka_unit_test(test_psc__walks_begin_below_what_is_shared),
		cmocka_unit_test(test_psc__pdptes_come_from_registers),
		cmocka_unit_test(test_psc__rights_are_gathered_above),
		cmocka_unit_test(test_psc__invpcid_of_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

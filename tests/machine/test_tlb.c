/* test_tlb.c - what the TLB keeps, what is stale, what flushes it. */
#include "fixture.h"

#define VA  0x400000
#define OLD 0x80000
#define NEW 0x90000

/* A 4-level machine in which VA -> OLD has been read, with PTE flags @flags. */
static struct machine *make_cached(uint64_t cr4, uint64_t flags)
{
	struct machine *m = make_machine();
	struct fault fault;
	pa_t pa = 0;

	map(m->cpu, &paging_modes[PAGING_4LEVEL], VA, 3, OLD | flags);
	enable_paging(m->cpu, PAGING_4LEVEL, cr4);
	assert_true(touch(m->cpu, VA, ACCESS_READ, &pa, &fault));
	assert_int_equal(pa, OLD);
	map(m->cpu, m->cpu->mmu.mode, VA, 3, NEW | flags);
	return m;
}

/* Where a read of VA goes. */
static pa_t seen(struct machine *m)
{
	struct fault fault;
	pa_t pa = 0;

	assert_true(touch(m->cpu, VA, ACCESS_READ, &pa, &fault));
	return pa;
}

static void test_tlb__stale_entry_is_used(void **state)
{
	struct machine *m = make_cached(0, RWU);

	assert_int_equal(seen(m), OLD);
	map(m->cpu, m->cpu->mmu.mode, VA, 3, 0);
	assert_int_equal(seen(m), OLD);
	machine_destroy(m);
}

static void test_tlb__invlpg_drops_the_page_only(void **state)
{
	struct machine *m = make_cached(0, RWU);

	cpu_invlpg(m->cpu, VA + 0x1000);
	assert_int_equal(seen(m), OLD);
	cpu_invlpg(m->cpu, VA + 0xabc);
	assert_int_equal(seen(m), NEW);
	machine_destroy(m);
}

static void test_tlb__invlpg_drops_global_pages(void **state)
{
	struct machine *m = make_cached(CR4_PGE, RWU | PTE_G);

	cpu_invlpg(m->cpu, VA);
	assert_int_equal(seen(m), NEW);
	machine_destroy(m);
}

static void test_tlb__cr3_keeps_global_pages_only(void **state)
{
	struct machine *m = make_cached(CR4_PGE, RWU | PTE_G);

	assert_null(cpu_write_cr3(m->cpu, ROOT));
	assert_int_equal(seen(m), OLD);
	machine_destroy(m);
	m = make_cached(CR4_PGE, RWU);
	assert_null(cpu_write_cr3(m->cpu, ROOT));
	assert_int_equal(seen(m), NEW);
	machine_destroy(m);
}

static void test_tlb__g_means_nothing_without_pge(void **state)
{
	struct machine *m = make_cached(0, RWU | PTE_G);

	assert_null(cpu_write_cr3(m->cpu, ROOT));
	assert_int_equal(seen(m), NEW);
	machine_destroy(m);
}

/* Loads of control registers: do they flush? The page is global. */
static void test_tlb__control_register_flushes(void **state)
{
	static const struct {
		uint64_t before, after;
		bool flushes;
	} row[] = {
		{ CR4_PGE, 0, true },
		{ CR4_PGE, CR4_PGE, false },
		{ CR4_PGE, CR4_PGE | CR4_PSE, true },
		{ CR4_PGE | CR4_PSE, CR4_PGE, true },
		{ CR4_PGE, CR4_PGE | CR4_SMEP, true },
		{ CR4_PGE | CR4_SMEP, CR4_PGE, false },
		{ CR4_PGE, CR4_PGE | CR4_SMAP, false },
		{ CR4_PGE, CR4_PGE | CR4_PKE, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_cached(row[i].before, RWU | PTE_G);

		assert_null(cpu_write_cr4(m->cpu, row[i].after | CR4_PAE));
		assert_int_equal(seen(m), row[i].flushes ? NEW : OLD);
		machine_destroy(m);
	}
}

static void test_tlb__clearing_pg_flushes_all(void **state)
{
	struct machine *m = make_cached(CR4_PGE, RWU | PTE_G);

	assert_null(cpu_write_cr0(m->cpu, CR0_PE));
	assert_null(cpu_write_cr0(m->cpu, CR0_PE | CR0_PG));
	assert_int_equal(seen(m), NEW);
	machine_destroy(m);
}

/* A machine whose VA -> OLD is cached for PCID 1; CR3 holds PCID 1. */
static struct machine *make_cached_pcid(void)
{
	struct machine *m = make_cached(0, RWU);

	assert_null(cpu_write_cr3(m->cpu, ROOT));
	assert_null(cpu_write_cr4(m->cpu, CR4_PAE | CR4_PCIDE));
	map(m->cpu, m->cpu->mmu.mode, VA, 3, OLD | RWU);
	assert_null(cpu_write_cr3(m->cpu, ROOT | 1));
	assert_int_equal(cpu_pcid(m->cpu), 1);
	assert_int_equal(seen(m), OLD);
	map(m->cpu, m->cpu->mmu.mode, VA, 3, NEW | RWU);
	return m;
}

static void test_tlb__entries_belong_to_a_pcid(void **state)
{
	struct machine *m = make_cached_pcid();

	assert_null(cpu_write_cr3(m->cpu, ROOT | 2));
	assert_int_equal(seen(m), NEW);
	assert_null(cpu_write_cr3(m->cpu, ROOT | 1 | CR3_NOFLUSH));
	assert_int_equal(m->cpu->mmu.cr3, ROOT | 1);
	assert_int_equal(seen(m), OLD);
	assert_null(cpu_write_cr3(m->cpu, ROOT | 1));
	assert_int_equal(seen(m), NEW);
	machine_destroy(m);
}

static void test_tlb__clearing_pcide_flushes_all(void **state)
{
	struct machine *m = make_cached_pcid();

	assert_null(cpu_write_cr3(m->cpu, ROOT));
	assert_int_equal(seen(m), NEW);
	map(m->cpu, m->cpu->mmu.mode, VA, 3, OLD | RWU);
	assert_null(cpu_write_cr4(m->cpu, CR4_PAE));
	assert_int_equal(seen(m), OLD);
	machine_destroy(m);
}

static void test_tlb__invpcid(void **state)
{
	static const struct {
		unsigned type;
		uint16_t pcid;
		va_t va;
		bool flushes;
	} row[] = {
		{ INVPCID_ADDRESS, 1, VA, true },
		{ INVPCID_ADDRESS, 2, VA, false },
		{ INVPCID_ADDRESS, 1, VA + 0x1000, false },
		{ INVPCID_PCID, 1, 0, true },
		{ INVPCID_PCID, 2, 0, false },
		{ INVPCID_ALL, 0, 0, true },
		{ INVPCID_ALL_NONGLOBAL, 0, 0, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_cached_pcid();

		assert_null(cpu_invpcid(m->cpu, row[i].type, row[i].pcid,
					row[i].va));
		assert_int_equal(seen(m), row[i].flushes ? NEW : OLD);
		machine_destroy(m);
	}
}

static void test_tlb__stale_rights_fault_once(void **state)
{
	struct machine *m = make_cached(0, PTE_P | PTE_US);
	struct fault fault = { 0 };
	pa_t pa = 0;

	/* Rights were raised, nothing flushed: spurious, and gone after. */
	map(m->cpu, m->cpu->mmu.mode, VA, 3, NEW | RWU);
	assert_false(touch(m->cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(fault.reason, FAULT_READ_ONLY);
	assert_int_equal(fault.error_code, 0x7);
	assert_int_equal(fault.level, 3);
	assert_true(touch(m->cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(pa, NEW);
	machine_destroy(m);
}

static void test_tlb__stale_rights_still_permit(void **state)
{
	struct machine *m = make_cached(0, RWU | PTE_D);
	struct fault fault;
	pa_t pa = 0;

	map(m->cpu, m->cpu->mmu.mode, VA, 3, NEW | PTE_P | PTE_US);
	assert_true(touch(m->cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(pa, OLD);
	machine_destroy(m);
}

static void test_tlb__first_write_goes_back_to_the_tables(void **state)
{
	struct machine *m = make_cached(0, RWU);
	struct fault fault;
	pa_t pa = 0;

	assert_true(touch(m->cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(pa, NEW);
	assert_int_equal(entry_of(m->cpu, VA, 3), NEW | RWU | PTE_A | PTE_D);
	assert_int_equal(seen(m), NEW);
	/* Now the entry is dirty: clearing D in memory goes unnoticed. */
	map(m->cpu, m->cpu->mmu.mode, VA, 3, NEW | RWU);
	assert_true(touch(m->cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(entry_of(m->cpu, VA, 3), NEW | RWU);
	machine_destroy(m);
}

static void test_tlb__sizes_and_invlpg_in_a_large_page(void **state)
{
	static const struct {
		enum paging_mode_id mode;
		uint64_t cr4;
		unsigned level, size;
	} row[] = {
		{ PAGING_32, 0, 1, TLB_4K },
		{ PAGING_32, CR4_PSE, 0, TLB_4M },
		{ PAGING_PAE, 0, 1, TLB_2M },
		{ PAGING_4LEVEL, 0, 1, TLB_1G },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_machine();
		struct tlb *tlb = &m->cpu->tlb;
		const struct tlb_entry *e;
		enum tlb_level level;
		struct fault fault;
		pa_t pa;

		map(m->cpu, &paging_modes[row[i].mode], 0x40000000,
		    row[i].level, PTE_PS | RWU);
		enable_paging(m->cpu, row[i].mode, row[i].cr4);
		assert_true(
			touch(m->cpu, 0x40000123, ACCESS_READ, &pa, &fault));
		e = tlb_lookup(tlb, ACCESS_READ, 0x40000fff, 0, &level);
		assert_non_null(e);
		assert_int_equal(tlb_size_of(tlb_entry_shift(e)), row[i].size);
		cpu_invlpg(m->cpu, 0x40000ff0);
		assert_null(
			tlb_lookup(tlb, ACCESS_READ, 0x40000fff, 0, &level));
		machine_destroy(m);
	}
}

/* The "tiny" TLB: two ways of one set in each L1, two ways of four in L2. */
static struct machine *make_tiny(void)
{
	struct ram_region map = { 0, RAM_END, RAM_USABLE, true };
	struct cpu_features f = all_features;
	struct machine *m;

	f.tlb = tlb_configs[1];
	assert_string_equal(f.tlb.name, "tiny");
	m = machine_create(&map, 1, 1, &f);
	assert_non_null(m);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	return m;
}

#define SETS 4

/* Reads the @i-th page that falls into set 0 of L2, mapping it first. */
static void touch_set_0(struct machine *m, va_t i)
{
	va_t va = i * SETS * PAGE_SIZE;
	struct fault fault;
	pa_t pa = 0;

	map(m->cpu, m->cpu->mmu.mode, va, 3, (OLD + va) | RWU);
	assert_true(touch(m->cpu, va, ACCESS_READ, &pa, &fault));
	assert_int_equal(pa, OLD + va);
}

static bool is_cached(struct machine *m, va_t va)
{
	enum tlb_level level;

	return tlb_lookup(&m->cpu->tlb, ACCESS_READ, va, cpu_pcid(m->cpu),
			  &level);
}

/* More pages of one set than it has ways: the oldest goes, and no other. */
static void test_tlb__sets_are_finite_and_replaced_in_turn(void **state)
{
	struct machine *m = make_tiny();

	for (va_t i = 0; i < 8; i++) {
		touch_set_0(m, i);
		for (va_t j = 0; j <= i; j++)
			assert_int_equal(is_cached(m, j * SETS * PAGE_SIZE),
					 i - j < 2);
	}
	assert_int_equal(m->cpu->tlb.fills[TLB_L2], 8);
	assert_int_equal(m->cpu->tlb.evictions[TLB_L2], 6);
	machine_destroy(m);
}

static void test_tlb__global_pages_serve_every_pcid(void **state)
{
	struct machine *m = make_cached(CR4_PGE, RWU | PTE_G);

	assert_null(cpu_write_cr4(m->cpu, CR4_PAE | CR4_PGE | CR4_PCIDE));
	assert_null(cpu_write_cr3(m->cpu, ROOT | 7));
	assert_int_equal(seen(m), OLD);
	machine_destroy(m);
}

static void test_tlb__canonical_halves_do_not_alias(void **state)
{
	struct machine *m = make_cached(0, RWU);
	struct access access = { .va = VA | 0xffff000000000000 };
	struct fault fault = { 0 };
	pa_t pa;

	assert_false(mmu_access(m->cpu, &access, &pa, &fault));
	assert_int_equal(fault.vector, VEC_GP);
	machine_destroy(m);
}

static void test_tlb__counters(void **state)
{
	struct machine *m = make_cached(0, RWU);
	struct cpu_counters *n = &m->cpu->counters;

	seen(m);
	seen(m);
	assert_int_equal(counters_accesses(n), 3);
	assert_int_equal(n->hits[TLB_L1D][TLB_4K], 2);
	assert_int_equal(n->misses[ACCESS_READ], 1);
	assert_int_equal(n->walks[4], 1);
	assert_int_equal(m->cpu->tlb.fills[TLB_L1D], 1);
	assert_int_equal(m->cpu->tlb.fills[TLB_L2], 1);
	machine_destroy(m);
}

static void test_tlb__lookup_changes_nothing(void **state)
{
	struct machine *m = make_cached(0, RWU);
	uint64_t before = machine_hash(m);
	enum tlb_level level;

	assert_non_null(
		tlb_lookup(&m->cpu->tlb, ACCESS_READ, VA, 0, &level));
	assert_null(tlb_lookup(&m->cpu->tlb, ACCESS_READ, 0, 0, &level));
	assert_true(machine_hash(m) == before);
	cpu_invlpg(m->cpu, VA);
	assert_true(machine_hash(m) != before);
	machine_destroy(m);
}

/* --- levels ----------------------------------------------------------------
 */

static uint64_t hits(struct machine *m, enum tlb_level level)
{
	const uint64_t *n = m->cpu->counters.hits[level];

	return n[TLB_4K] + n[TLB_2M] + n[TLB_4M] + n[TLB_1G];
}

static void fetch(struct machine *m, va_t va)
{
	struct fault fault;
	pa_t pa;

	assert_true(touch(m->cpu, va, ACCESS_FETCH, &pa, &fault));
}

/* What data fetched is news to L1I, which gets it from L2. */
static void test_tlb__data_and_instructions_are_apart(void **state)
{
	struct machine *m = make_cached(0, RWU);
	struct tlb *tlb = &m->cpu->tlb;

	assert_int_equal(tlb->fills[TLB_L1D], 1);
	assert_int_equal(tlb->fills[TLB_L1I], 0);
	fetch(m, VA);
	assert_int_equal(hits(m, TLB_L2), 1);
	assert_int_equal(tlb->fills[TLB_L1I], 1);
	fetch(m, VA);
	assert_int_equal(hits(m, TLB_L1I), 1);
	seen(m);
	assert_int_equal(hits(m, TLB_L1D), 1);
	assert_int_equal(tlb->fills[TLB_L2], 1);
	machine_destroy(m);
}

/* Two more pages push the first out of L1D, not out of its set of L2. */
static void test_tlb__a_hit_in_l2_fills_l1(void **state)
{
	struct machine *m = make_tiny();
	struct fault fault;
	pa_t pa;

	for (va_t i = 0; i < 3; i++) {
		map(m->cpu, m->cpu->mmu.mode, i * PAGE_SIZE, 3, OLD | RWU);
		assert_true(
			touch(m->cpu, i * PAGE_SIZE, ACCESS_READ, &pa, &fault));
	}
	assert_int_equal(m->cpu->tlb.evictions[TLB_L1D], 1);
	assert_int_equal(m->cpu->tlb.evictions[TLB_L2], 0);
	assert_true(touch(m->cpu, 0, ACCESS_READ, &pa, &fault));
	assert_int_equal(hits(m, TLB_L2), 1);
	assert_true(touch(m->cpu, 0, ACCESS_READ, &pa, &fault));
	assert_int_equal(hits(m, TLB_L1D), 1);
	assert_int_equal(m->cpu->tlb.evictions[TLB_L1D], 2);
	machine_destroy(m);
}

/* "skylake" has no place for 1-GByte pages in L1I: L2 serves each fetch. */
static void test_tlb__code_in_a_1g_page(void **state)
{
	struct machine *m = make_machine();

	map(m->cpu, &paging_modes[PAGING_4LEVEL], VA, 1, PTE_PS | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	for (unsigned i = 0; i < 3; i++)
		fetch(m, VA);
	assert_int_equal(counters_misses(&m->cpu->counters), 1);
	assert_int_equal(m->cpu->counters.hits[TLB_L2][TLB_1G], 2);
	assert_int_equal(m->cpu->tlb.fills[TLB_L1I], 0);
	machine_destroy(m);
}

/* --- modes with 32-bit registers --------------------------------------------
 */

#define ROOT_2 0x20000 /* leads where ROOT leads */

/* As make_cached(), in mode @id, with a second root table. */
static struct machine *make_cached_32(enum paging_mode_id id, uint64_t flags)
{
	struct machine *m = make_machine();
	const struct paging_mode *mode = &paging_modes[id];
	unsigned leaf = mode->nlevels - 1U;

	map(m->cpu, mode, VA, leaf, OLD | flags);
	enable_paging(m->cpu, id, CR4_PGE);
	ram_write(m->ram, ROOT_2 + paging_index(mode, 0, VA) * mode->entry_size,
		  mode->entry_size, entry_of(m->cpu, VA, 0));
	assert_int_equal(seen(m), OLD);
	map(m->cpu, mode, VA, leaf, NEW | flags);
	return m;
}

static void test_tlb__task_switches(void **state)
{
	static const struct {
		uint64_t cr3, flags;
		pa_t pa;
	} row[] = {
		{ ROOT, RWU, OLD }, /* the same CR3: no flush */
		{ ROOT_2, RWU, NEW },
		{ ROOT_2, RWU | PTE_G, OLD },
		{ ROOT | 0x18, RWU, NEW }, /* another value, PCD and PWT */
	};

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(row); i++) {
		unsigned n = i / 2;
		struct machine *m = make_cached_32(
			i & 1 ? PAGING_PAE : PAGING_32, row[n].flags);
		uint64_t *flushes = m->cpu->counters.flushes;

		assert_null(cpu_task_switch(m->cpu, row[n].cr3));
		assert_int_equal(m->cpu->mmu.cr3, row[n].cr3);
		assert_int_equal(flushes[FLUSH_TASK_SWITCH], n != 0);
		assert_int_equal(seen(m), row[n].pa);
		machine_destroy(m);
	}
}

static void test_tlb__no_task_switch_in_ia32e_mode(void **state)
{
	struct machine *m = make_cached(0, RWU);

	assert_non_null(cpu_task_switch(m->cpu, ROOT_2));
	assert_int_equal(m->cpu->mmu.cr3, ROOT);
	assert_int_equal(seen(m), OLD);
	machine_destroy(m);
}

/* CR0: PG and PE flush, WP does not. CR4: PSE and PAE, either way. */
static void test_tlb__mode_bits_flush(void **state)
{
	struct machine *m = make_cached_32(PAGING_32, RWU | PTE_G);
	struct cpu *cpu = m->cpu;
	uint64_t *n = cpu->counters.flushes;

	assert_null(cpu_write_cr0(cpu, cpu->mmu.cr0 ^ CR0_WP));
	assert_int_equal(n[FLUSH_CR0], 1); /* paging was turned on */
	assert_int_equal(seen(m), OLD);
	assert_null(cpu_write_cr4(cpu, CR4_PGE | CR4_PSE));
	assert_false(is_cached(m, VA));
	assert_int_equal(seen(m), NEW);
	assert_null(cpu_write_cr4(cpu, CR4_PGE));
	assert_false(is_cached(m, VA));
	assert_int_equal(seen(m), NEW);
	ram_write(m->ram, ROOT, 8, 0); /* no PDPTE with reserved bits */
	assert_null(cpu_write_cr4(cpu, CR4_PGE | CR4_PAE));
	assert_int_equal(cpu->mmu.mode->id, PAGING_PAE);
	assert_false(is_cached(m, VA));
	assert_null(cpu_write_cr0(cpu, CR0_PE));
	assert_null(cpu_write_cr0(cpu, 0));
	assert_int_equal(n[FLUSH_CR0], 3);
	machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tlb__stale_entry_is_used),
		cmocka_unit_test(test_tlb__invlpg_drops_the_page_only),
		cmocka_unit_test(test_tlb__invlpg_drops_global_pages),
		cmocka_unit_test(test_tlb__cr3_keeps_global_pages_only),
		cmocka_unit_test(test_tlb__g_means_nothing_without_pge),
		cmocka_unit_test(test_tlb__control_register_flushes),
		cmocka_unit_test(test_tlb__clearing_pg_flushes_all),
		cmocka_unit_test(test_tlb__entries_belong_to_a_pcid),
		cmocka_unit_test(test_tlb__clearing_pcide_flushes_all),
		cmocka_unit_test(test_tlb__invpcid),
		cmocka_unit_test(test_tlb__stale_rights_fault_once),
		cmocka_unit_test(test_tlb__stale_rights_still_permit),
		cmocka_unit_test(test_tlb__first_write_goes_back_to_the_tables),
		cmocka_unit_test(test_tlb__sizes_and_invlpg_in_a_large_page),
		cmocka_unit_test(
			test_tlb__sets_are_finite_and_replaced_in_turn),
		cmocka_unit_test(test_tlb__global_pages_serve_every_pcid),
		cmocka_unit_test(test_tlb__canonical_halves_do_not_alias),
		cmocka_unit_test(test_tlb__counters),
		cmocka_unit_test(test_tlb__lookup_changes_nothing),
		cmocka_unit_test(test_tlb__data_and_instructions_are_apart),
		cmocka_unit_test(test_tlb__a_hit_in_l2_fills_l1),
		cmocka_unit_test(test_tlb__code_in_a_1g_page),
		cmocka_unit_test(test_tlb__task_switches),
		cmocka_unit_test(test_tlb__no_task_switch_in_ia32e_mode),
		cmocka_unit_test(test_tlb__mode_bits_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

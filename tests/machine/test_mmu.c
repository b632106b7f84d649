/*
 * test_mmu.c - walks, single faults, A and D flags. All combinations of
 * rights are in test_rights.c.
 */
#include "fixture.h"

#define VA   0x400000
#define PAGE 0x80000 /* the physical page at VA */

/* --- named cases -----------------------------------------------------------
 */

struct fault_case {
	const char *name;
	enum paging_mode_id mode;
	uint64_t cr4;
	unsigned level; /* of @leaf */
	uint64_t leaf;
	enum access_kind kind;
	bool user;
	enum fault_reason reason;
	uint32_t code;
};

static const struct fault_case fault_cases[] = {
	{ "test_mmu__write_to_read_only_user_page", PAGING_32, 0, 1, PAGE | 0x5,
	  ACCESS_WRITE, true, FAULT_READ_ONLY, 0x7 },
	{ "test_mmu__supervisor_write_with_wp", PAGING_32, 0, 1, PAGE | 0x5,
	  ACCESS_WRITE, false, FAULT_WP, 0x3 },
	{ "test_mmu__user_read_of_supervisor_page", PAGING_32, 0, 1, PAGE | 0x3,
	  ACCESS_READ, true, FAULT_SUPERVISOR_PAGE, 0x5 },
	{ "test_mmu__read_of_absent_page", PAGING_PAE, 0, 2, 0, ACCESS_READ,
	  true, FAULT_NOT_PRESENT, 0x4 },
	{ "test_mmu__fetch_from_absent_page_with_nxe", PAGING_PAE, 0, 2, 0,
	  ACCESS_FETCH, true, FAULT_NOT_PRESENT, 0x14 },
	{ "test_mmu__fetch_from_absent_page_32_bit_ignores_nxe", PAGING_32, 0,
	  1, 0, ACCESS_FETCH, true, FAULT_NOT_PRESENT, 0x4 },
	{ "test_mmu__fetch_from_absent_page_32_bit_smep", PAGING_32, CR4_SMEP,
	  1, 0, ACCESS_FETCH, true, FAULT_NOT_PRESENT, 0x14 },
	{ "test_mmu__absent_beats_reserved", PAGING_4LEVEL, 0, 3,
	  BIT(45) | PTE_RW, ACCESS_READ, true, FAULT_NOT_PRESENT, 0x4 },
	{ "test_mmu__reserved_beats_rights", PAGING_4LEVEL, 0, 3,
	  BIT(45) | PTE_P, ACCESS_WRITE, true, FAULT_RESERVED, 0xf },
	{ "test_mmu__ps_in_pml4e_is_reserved", PAGING_4LEVEL, 0, 0, PAGE | 0x87,
	  ACCESS_READ, true, FAULT_RESERVED, 0xd },
	{ "test_mmu__large_page_misaligned", PAGING_PAE, 0, 1, 0x2000 | 0x87,
	  ACCESS_READ, true, FAULT_RESERVED, 0xd },
	{ "test_mmu__pae_bit_52_is_reserved", PAGING_PAE, 0, 2,
	  PAGE | BIT(52) | 0x7, ACCESS_READ, true, FAULT_RESERVED, 0xd },
	{ "test_mmu__pae_bit_52_of_a_pde_is_reserved", PAGING_PAE, 0, 1,
	  0x3000 | BIT(52) | 0x7, ACCESS_READ, true, FAULT_RESERVED, 0xd },
	{ "test_mmu__bit_21_of_4m_page_is_reserved", PAGING_32, CR4_PSE, 0,
	  BIT(21) | 0x87, ACCESS_READ, true, FAULT_RESERVED, 0xd },
	{ "test_mmu__fetch_with_xd", PAGING_5LEVEL, 0, 4, PAGE | PTE_XD | 0x7,
	  ACCESS_FETCH, true, FAULT_XD, 0x15 },
	{ "test_mmu__smep", PAGING_4LEVEL, CR4_SMEP, 3, PAGE | 0x7,
	  ACCESS_FETCH, false, FAULT_SMEP, 0x11 },
	{ "test_mmu__smap", PAGING_4LEVEL, CR4_SMAP, 3, PAGE | 0x7, ACCESS_READ,
	  false, FAULT_SMAP, 0x1 },
};

static void test_mmu__fault_case(void **state)
{
	const struct fault_case *c = *state;
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct access access = { VA + 0x123, c->kind, c->user, false, false };
	struct fault fault = { 0 };
	struct walk walk;
	uint64_t before;
	pa_t pa = 0;

	map(cpu, &paging_modes[c->mode], VA, c->level, c->leaf);
	enable_paging(cpu, c->mode, c->cr4);
	before = ram_hash(m->ram);
	assert_false(mmu_access(cpu, &access, &pa, &fault));
	assert_int_equal(fault.vector, VEC_PF);
	assert_int_equal(fault.reason, c->reason);
	assert_int_equal(fault.error_code, c->code);
	assert_int_equal(fault.level, c->level);
	assert_int_equal(fault.cr2, VA + 0x123);
	assert_int_equal(cpu->cr2, VA + 0x123);
	assert_int_equal(counters_faults(&cpu->counters), 1);
	assert_true(ram_hash(m->ram) == before); /* no A, no D */
	mmu_translate(&cpu->mmu, m->ram, &access, &walk);
	assert_int_equal(walk.fault.reason, fault.reason);
	assert_int_equal(walk.fault.level, fault.level);
	assert_int_equal(walk.fault.error_code, fault.error_code);
	assert_int_equal(walk.fault.cr2, fault.cr2);
	assert_int_equal(walk.nsteps, c->level + 1);
	machine_destroy(m);
}

struct page_case {
	const char *name;
	enum paging_mode_id mode;
	uint64_t cr4;
	unsigned level;
	uint64_t leaf;
	va_t va;
	pa_t pa;
	unsigned shift;
};

static const struct page_case page_cases[] = {
	{ "test_mmu__page_4k_32_bit", PAGING_32, 0, 1, 0x12345067, 0x0804a010,
	  0x12345010, 12 },
	{ "test_mmu__page_4m_pse36", PAGING_32, CR4_PSE, 0, 0x004020e7,
	  0xc0123456, 0x100523456, 22 },
	{ "test_mmu__page_2m_pae", PAGING_PAE, 0, 1, 0x12200000e7, 0xbfffffff,
	  0x12201fffff, 21 },
	{ "test_mmu__page_4k_pae", PAGING_PAE, 0, 2, 0x1200001067, 0xffffffff,
	  0x1200001fff, 12 },
	{ "test_mmu__page_4k_4_level", PAGING_4LEVEL, 0, 3, 0x1200001067,
	  0xffff888000001234, 0x1200001234, 12 },
	{ "test_mmu__page_2m_4_level", PAGING_4LEVEL, 0, 2, 0x12000000e7,
	  0x7fffff800abc, 0x1200000abc, 21 },
	{ "test_mmu__page_1g_4_level", PAGING_4LEVEL, 0, 1, 0x1240000ff7,
	  0x7fffff800abc, 0x127f800abc, 30 },
	{ "test_mmu__page_1g_5_level", PAGING_5LEVEL, 0, 2, 0x12400000e7,
	  0xff123456789abcde, 0x12789abcde, 30 },
};

static void test_mmu__page_case(void **state)
{
	const struct page_case *c = *state;
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct access access = { .va = c->va, .user = true };
	struct walk walk;
	uint64_t before;

	map(cpu, &paging_modes[c->mode], c->va, c->level, c->leaf);
	enable_paging(cpu, c->mode, c->cr4);
	before = machine_hash(m);
	mmu_translate(&cpu->mmu, m->ram, &access, &walk);
	assert_int_equal(walk.fault.reason, FAULT_NONE);
	assert_int_equal(walk.pa, c->pa);
	assert_int_equal(walk.page_shift, c->shift);
	assert_int_equal(walk.nsteps, c->level + 1);
	assert_true(walk.step[c->level].leaf);
	assert_int_equal(walk.step[c->level].entry, c->leaf);
	assert_true(machine_hash(m) == before);
	assert_true(mmu_access_traced(cpu, &access, &walk));
	assert_false(walk.tlb_hit);
	assert_true(mmu_access_traced(cpu, &access, &walk));
	assert_true(walk.tlb_hit);
	assert_int_equal(walk.pa, c->pa);
	assert_int_equal(walk.page_shift, c->shift);
	assert_true(machine_hash(m) != before);
	machine_destroy(m);
}

/* --- single behaviours -----------------------------------------------------
 */

static void test_mmu__paging_off_is_identity(void **state)
{
	struct machine *m = make_machine();
	struct access access = { .va = 0x1234567,
				 .kind = ACCESS_WRITE,
				 .user = true };
	struct walk walk;
	struct fault fault;
	pa_t pa = 0;

	mmu_walk(&m->cpu->mmu, m->ram, &access, &walk);
	assert_int_equal(walk.nsteps, 0);
	assert_int_equal(walk.pa, 0x1234567);
	assert_true(mmu_access(m->cpu, &access, &pa, &fault));
	assert_int_equal(pa, 0x1234567);
	assert_int_equal(m->cpu->tlb.fills[TLB_L2], 0);
	machine_destroy(m);
}

static void test_mmu__accessed_and_dirty(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault;
	pa_t pa;

	map(cpu, &paging_modes[PAGING_4LEVEL], VA, 3, PAGE | RWU);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_true(touch(cpu, VA, ACCESS_READ, &pa, &fault));
	for (unsigned level = 0; level < 4; level++)
		assert_int_equal(entry_of(cpu, VA, level) & (PTE_A | PTE_D),
				 PTE_A);
	assert_true(touch(cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(entry_of(cpu, VA, 2) & PTE_D, 0);
	assert_int_equal(entry_of(cpu, VA, 3) & PTE_D, PTE_D);
	machine_destroy(m);
}

static void test_mmu__trace_tells_what_was_set(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct access access = { .va = VA, .kind = ACCESS_WRITE };
	struct walk walk;

	map(cpu, &paging_modes[PAGING_32], VA, 1, PAGE | RWU | PTE_A);
	enable_paging(cpu, PAGING_32, 0);
	assert_true(mmu_access_traced(cpu, &access, &walk));
	assert_int_equal(walk.step[0].set, PTE_A);
	assert_int_equal(walk.step[1].set, PTE_D);
	cpu_invlpg(cpu, VA);
	assert_true(mmu_access_traced(cpu, &access, &walk));
	assert_int_equal(walk.step[0].set | walk.step[1].set, 0);
	machine_destroy(m);
}

static void test_mmu__xd_is_reserved_without_nxe(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault = { 0 };
	pa_t pa;

	map(cpu, &paging_modes[PAGING_4LEVEL], VA, 3, PAGE | RWU | PTE_XD);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_true(touch(cpu, VA, ACCESS_READ, &pa, &fault));
	assert_null(cpu_write_efer(cpu, EFER_LME));
	cpu_invlpg(cpu, VA);
	assert_false(touch(cpu, VA, ACCESS_FETCH, &pa, &fault));
	assert_int_equal(fault.error_code, PF_P | PF_RSVD | PF_US);
	machine_destroy(m);
}

static void test_mmu__pdptes_have_no_accessed_flag(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault;
	pa_t pa;

	map(cpu, &paging_modes[PAGING_PAE], VA, 2, PAGE | RWU);
	enable_paging(cpu, PAGING_PAE, 0);
	assert_true(touch(cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(entry_of(cpu, VA, 0), table_at(1) | PTE_P);
	assert_int_equal(entry_of(cpu, VA, 1) & PTE_A, PTE_A);
	assert_int_equal(entry_of(cpu, VA, 2), PAGE | RWU | PTE_A | PTE_D);
	machine_destroy(m);
}

/* A PML4E that points at its own table is read four times, D included. */
static void test_mmu__table_that_points_at_itself(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	va_t self = 0xfffffffffffff000;
	struct access access = { .va = self, .kind = ACCESS_WRITE };
	struct walk walk;

	ram_write(m->ram, ROOT + 511 * 8, 8, ROOT | RWU);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_true(mmu_access_traced(cpu, &access, &walk));
	assert_int_equal(walk.pa, ROOT);
	assert_int_equal(ram_read(m->ram, ROOT + 511 * 8, 8),
			 ROOT | RWU | PTE_A | PTE_D);
	machine_destroy(m);
}

static void test_mmu__non_canonical_is_gp_or_ss(void **state)
{
	struct machine *m = make_machine();
	struct access access = { .va = 0x800000000000, .user = true };
	struct fault fault = { 0 };
	pa_t pa;

	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	m->cpu->cr2 = 0x1111;
	assert_false(mmu_access(m->cpu, &access, &pa, &fault));
	assert_int_equal(fault.vector, VEC_GP);
	assert_int_equal(fault.error_code, 0);
	access.stack = true;
	assert_false(mmu_access(m->cpu, &access, &pa, &fault));
	assert_int_equal(fault.vector, VEC_SS);
	assert_int_equal(fault.reason, FAULT_NOT_CANONICAL);
	assert_int_equal(m->cpu->cr2, 0x1111);
	machine_destroy(m);
}

static void test_mmu__deciding_level_is_the_table_that_withholds(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault = { 0 };
	pa_t pa;

	map(cpu, &paging_modes[PAGING_4LEVEL], VA, 3, PAGE | RWU);
	ram_write(m->ram, table_at(1), 8, table_at(2) | PTE_P | PTE_US);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_false(touch(cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(fault.reason, FAULT_READ_ONLY);
	assert_int_equal(fault.level, 1);
	machine_destroy(m);
}

static void test_mmu__tables_outside_ram_read_as_ones(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault = { 0 };
	pa_t pa;

	ram_write(m->ram, ROOT, 8, RAM_END | RWU);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_false(touch(cpu, VA, ACCESS_READ, &pa, &fault));
	assert_int_equal(fault.reason, FAULT_RESERVED);
	assert_int_equal(fault.level, 1);
	machine_destroy(m);
}

/* An inspector's copy looks through other tables and leaves the CPU alone. */
static void test_mmu__inspector_sees_another_root(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct access access = { .va = VA, .user = true };
	struct mmu copy;
	struct walk walk;

	map(cpu, &paging_modes[PAGING_PAE], VA, 2, PAGE | RWU);
	enable_paging(cpu, PAGING_PAE, 0);
	copy = cpu->mmu;
	mmu_set_root(&copy, m->ram, 0x20000);
	mmu_walk(&copy, m->ram, &access, &walk);
	assert_int_equal(walk.fault.reason, FAULT_NOT_PRESENT);
	assert_true(walk.step[0].from_register);
	assert_int_equal(walk.step[0].entry_pa, 0);
	mmu_walk(&cpu->mmu, m->ram, &access, &walk);
	assert_int_equal(walk.pa, PAGE);
	machine_destroy(m);
}

static void test_mmu__copy_over_pages_stops_at_a_fault(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct access access = { .va = VA + 0xff0,
				 .kind = ACCESS_WRITE,
				 .user = true };
	char out[32] = "", in[] = "over the edge of two pages";
	struct fault fault = { 0 };

	map(cpu, &paging_modes[PAGING_32], VA, 1, PAGE | RWU);
	map(cpu, &paging_modes[PAGING_32], VA + PAGE_SIZE, 1, 0x90000 | RWU);
	enable_paging(cpu, PAGING_32, 0);
	for (unsigned i = 0; i < 2; i++) /* by walk, then by TLB */
		assert_int_equal(mmu_copy(cpu, &access, in, sizeof(in), &fault),
				 sizeof(in));
	assert_int_equal(counters_hits(&cpu->counters), 2);
	access.kind = ACCESS_READ;
	mmu_copy(cpu, &access, out, sizeof(in), &fault);
	assert_string_equal(out, in);
	ram_copy_out(m->ram, 0x90000, out, sizeof(in) - 16);
	assert_string_equal(out, in + 16);
	access.va = VA + 0x1ff8;
	assert_int_equal(mmu_copy(cpu, &access, out, 16, &fault), 8);
	assert_int_equal(fault.cr2, VA + 0x2000);
	machine_destroy(m);
}

static void test_mmu__copy_to_unbacked_page(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct access access = { .va = VA, .user = true };
	struct fault fault;
	uint64_t word = 0;

	map(cpu, &paging_modes[PAGING_4LEVEL], VA, 3, RAM_END | RWU);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mmu_copy(cpu, &access, &word, 8, &fault), 8);
		assert_true(word == ~0ULL);
		word = 0;
	}
	assert_int_equal(counters_accesses(&cpu->counters), 2);
	assert_int_equal(counters_hits(&cpu->counters), 1);
	machine_destroy(m);
}

static void test_mmu__addresses_wrap_at_4g_in_32_bit_modes(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault;
	pa_t pa = 0;

	map(cpu, &paging_modes[PAGING_PAE], VA, 2, PAGE | RWU);
	enable_paging(cpu, PAGING_PAE, 0);
	assert_true(touch(cpu, VA + (3ULL << 32), ACCESS_READ, &pa, &fault));
	assert_int_equal(pa, PAGE);
	assert_false(touch(cpu, (1ULL << 32) + 0x70000000, ACCESS_READ, &pa,
			   &fault));
	assert_int_equal(cpu->cr2, 0x70000000);
	machine_destroy(m);
}

#define ROW_TEST(cases, i, fn)                                       \
	(struct CMUnitTest)                                          \
	{                                                            \
		(cases)[i].name, fn, NULL, NULL, (void *)&(cases)[i] \
	}

int main(void)
{
	const struct CMUnitTest single[] = {
		cmocka_unit_test(test_mmu__paging_off_is_identity),
		cmocka_unit_test(test_mmu__accessed_and_dirty),
		cmocka_unit_test(test_mmu__trace_tells_what_was_set),
		cmocka_unit_test(test_mmu__xd_is_reserved_without_nxe),
		cmocka_unit_test(test_mmu__pdptes_have_no_accessed_flag),
		cmocka_unit_test(test_mmu__table_that_points_at_itself),
		cmocka_unit_test(test_mmu__non_canonical_is_gp_or_ss),
		cmocka_unit_test(
			test_mmu__deciding_level_is_the_table_that_withholds),
		cmocka_unit_test(test_mmu__tables_outside_ram_read_as_ones),
		cmocka_unit_test(test_mmu__inspector_sees_another_root),
		cmocka_unit_test(test_mmu__copy_over_pages_stops_at_a_fault),
		cmocka_unit_test(test_mmu__copy_to_unbacked_page),
		cmocka_unit_test(
			test_mmu__addresses_wrap_at_4g_in_32_bit_modes),
	};
	struct CMUnitTest tests[ARRAY_SIZE(single) + ARRAY_SIZE(fault_cases) +
				ARRAY_SIZE(page_cases)];
	unsigned n = ARRAY_SIZE(single);

	memcpy(tests, single, sizeof(single));
	for (unsigned i = 0; i < ARRAY_SIZE(fault_cases); i++)
		tests[n++] = ROW_TEST(fault_cases, i, test_mmu__fault_case);
	for (unsigned i = 0; i < ARRAY_SIZE(page_cases); i++)
		tests[n++] = ROW_TEST(page_cases, i, test_mmu__page_case);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

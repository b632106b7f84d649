/* test_cpu.c - loads of control registers: what is refused, what follows. */
#include "fixture.h"

enum reg { CR0, CR3, CR4, EFER };

static const char *write_reg(struct cpu *cpu, enum reg reg, uint64_t value)
{
	switch (reg) {
	case CR0:
		return cpu_write_cr0(cpu, value);
	case CR3:
		return cpu_write_cr3(cpu, value);
	case CR4:
		return cpu_write_cr4(cpu, value);
	case EFER:
		return cpu_write_efer(cpu, value);
	}
	return "no such register";
}

struct write_case {
	const char *name;
	enum paging_mode_id from;
	enum reg reg;
	uint64_t value;
	bool refused;
};

#define ON (CR0_PG | CR0_PE | CR0_WP)

static const struct write_case write_cases[] = {
	{ "test_cpu__pg_without_pe", PAGING_OFF, CR0, CR0_PG, true },
	{ "test_cpu__nw_without_cd", PAGING_OFF, CR0, CR0_PE | CR0_NW, true },
	{ "test_cpu__cr0_high_half", PAGING_OFF, CR0, CR0_PE | BIT(32), true },
	{ "test_cpu__cr0_reserved_low_bit_is_ignored", PAGING_OFF, CR0,
	  CR0_PE | BIT(10), false },
	{ "test_cpu__paging_off", PAGING_4LEVEL, CR0, CR0_PE, false },
	{ "test_cpu__pae_cleared_in_long_mode", PAGING_4LEVEL, CR4, 0, true },
	{ "test_cpu__pae_cleared_in_pae_mode", PAGING_PAE, CR4, 0, false },
	{ "test_cpu__la57_set_in_long_mode", PAGING_4LEVEL, CR4,
	  CR4_PAE | CR4_LA57, true },
	{ "test_cpu__la57_cleared_in_long_mode", PAGING_5LEVEL, CR4, CR4_PAE,
	  true },
	{ "test_cpu__la57_set_outside_long_mode", PAGING_PAE, CR4,
	  CR4_PAE | CR4_LA57, false },
	{ "test_cpu__pcide_outside_long_mode", PAGING_PAE, CR4,
	  CR4_PAE | CR4_PCIDE, true },
	{ "test_cpu__pcide_in_long_mode", PAGING_4LEVEL, CR4,
	  CR4_PAE | CR4_PCIDE, false },
	{ "test_cpu__cr4_reserved_bit", PAGING_OFF, CR4, BIT(15), true },
	{ "test_cpu__cr4_high_half", PAGING_OFF, CR4, BIT(40), true },
	{ "test_cpu__cr4_bits_foreign_to_paging", PAGING_OFF, CR4, 0x40668,
	  false },
	{ "test_cpu__lme_cleared_while_paging", PAGING_4LEVEL, EFER, EFER_NXE,
	  true },
	{ "test_cpu__lme_set_while_paging", PAGING_PAE, EFER,
	  EFER_LME | EFER_NXE, true },
	{ "test_cpu__nxe_cleared_while_paging", PAGING_4LEVEL, EFER, EFER_LME,
	  false },
	{ "test_cpu__efer_reserved_bit", PAGING_OFF, EFER, BIT(9), true },
	{ "test_cpu__cr3_above_maxphyaddr", PAGING_4LEVEL, CR3, BIT(40) | ROOT,
	  true },
	{ "test_cpu__cr3_below_maxphyaddr", PAGING_4LEVEL, CR3, BIT(39) | ROOT,
	  false },
	{ "test_cpu__cr3_bit_63_without_pcide", PAGING_4LEVEL, CR3,
	  BIT(63) | ROOT, true },
	{ "test_cpu__cr3_above_4g_outside_long_mode", PAGING_32, CR3, BIT(32),
	  true },
	{ "test_cpu__cr3_low_bits_are_ignored", PAGING_4LEVEL, CR3,
	  ROOT | 0xfff, false },
};

static void test_cpu__write_case(void **state)
{
	const struct write_case *c = *state;
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct mmu before;
	const char *refusal;

	if (c->from != PAGING_OFF)
		enable_paging(cpu, c->from, 0);
	before = cpu->mmu;
	refusal = write_reg(cpu, c->reg, c->value);
	assert_int_equal(refusal != NULL, c->refused);
	if (c->refused)
		assert_memory_equal(&cpu->mmu, &before, sizeof(before));
	machine_destroy(m);
}

/* The rule names the bit and the feature, or the reader cannot help it. */
static void test_cpu__refusal_names_the_lacking_bit(void **state)
{
	static const struct { enum reg reg; uint64_t value; const char *rule; }
	row[] = {
		{ CR4, CR4_PSE | CR4_PCIDE, "CR4.PSE: this CPU has no PSE" },
		{ CR4, BIT(14), "CR4.SMXE: not modelled" },
		{ CR4, BIT(15), "CR4: a reserved bit is set" },
		{ EFER, EFER_NXE, "EFER.NXE: this CPU has no NX" },
		{ EFER, EFER_LME,
		  "EFER.LME: this CPU has no LM (64-bit mode)" },
		{ EFER, BIT(9), "EFER: a reserved bit is set" },
	};
	struct machine *m = make_machine();

	m->cpu->features = (struct cpu_features){ .maxphyaddr = 32 };
	for (size_t i = 0; i < ARRAY_SIZE(row); i++)
		assert_string_equal(write_reg(m->cpu, row[i].reg, row[i].value),
				    row[i].rule);
	machine_destroy(m);
}

/*
 * Each bit alone, besides those of @with: accepted if it is in @bits. As the
 * SDM's sections "Control Registers" and "Extended Feature Enable Register"
 * have them, on a CPU with 40 address bits.
 */
static const struct {
	enum paging_mode_id from;
	enum reg reg;
	uint64_t with, bits;
} single_bits[] = {
	/* Not NW without CD, nor PG without PE. */
	{ PAGING_OFF, CR0, 0, 0x5fffffff },
	{ PAGING_OFF, CR0, CR0_CD, 0x7fffffff },
	{ PAGING_4LEVEL, CR0, CR0_PG | CR0_PE, 0xdfffffff },
	{ PAGING_32, CR3, 0, 0xffffffff },
	{ PAGING_PAE, CR3, 0, 0xffffffff },
	{ PAGING_4LEVEL, CR3, 0, 0xffffffffff },
	{ PAGING_5LEVEL, CR3, 0, 0xffffffffff },
	/* Not SMXE, 15, KL, CET, UINTR; PCIDE in IA-32e mode. */
	{ PAGING_OFF, CR4, 0, 0x1753fff },
	{ PAGING_PAE, CR4, CR4_PAE, 0x1753fff },
	{ PAGING_4LEVEL, CR4, CR4_PAE, 0x1772fff },
	{ PAGING_5LEVEL, CR4, CR4_PAE | CR4_LA57, 0x1773fff },
	{ PAGING_OFF, EFER, 0, 0xd01 },
	{ PAGING_32, EFER, 0, 0xc01 }, /* LME not while paging */
	{ PAGING_4LEVEL, EFER, EFER_LME, 0xd01 },
};

static void test_cpu__each_bit_alone(void **state)
{
	for (unsigned i = 0; i < 64 * ARRAY_SIZE(single_bits); i++) {
		enum paging_mode_id from = single_bits[i / 64].from;
		uint64_t bit = BIT(i % 64);
		struct machine *m = make_machine();
		struct mmu before;
		const char *refusal;

		if (from != PAGING_OFF)
			enable_paging(m->cpu, from, 0);
		before = m->cpu->mmu;
		refusal = write_reg(m->cpu, single_bits[i / 64].reg,
				    single_bits[i / 64].with | bit);
		if (!refusal != !!(single_bits[i / 64].bits & bit))
			print_error("row %u, bit %u\n", i / 64, i % 64);
		assert_int_equal(!refusal, !!(single_bits[i / 64].bits & bit));
		if (refusal)
			assert_memory_equal(&m->cpu->mmu, &before,
					    sizeof(before));
		machine_destroy(m);
	}
}

static void test_cpu__pg_with_lme_needs_pae(void **state)
{
	struct machine *m = make_machine();

	assert_null(cpu_write_efer(m->cpu, EFER_LME));
	assert_non_null(cpu_write_cr0(m->cpu, ON));
	assert_int_equal(m->cpu->mmu.mode->id, PAGING_OFF);
	assert_null(cpu_write_cr4(m->cpu, CR4_PAE));
	assert_null(cpu_write_cr0(m->cpu, ON));
	assert_int_equal(m->cpu->mmu.mode->id, PAGING_4LEVEL);
	machine_destroy(m);
}

static void test_cpu__lma_follows_lme_and_pg(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;

	assert_null(cpu_write_efer(cpu, EFER_LME | EFER_LMA));
	assert_int_equal(cpu->mmu.efer, EFER_LME); /* LMA is read-only */
	assert_null(cpu_write_cr4(cpu, CR4_PAE));
	assert_null(cpu_write_cr0(cpu, ON));
	assert_int_equal(cpu->mmu.efer, EFER_LME | EFER_LMA);
	assert_null(cpu_write_efer(cpu, EFER_LME | EFER_NXE));
	assert_int_equal(cpu->mmu.efer, EFER_LME | EFER_LMA | EFER_NXE);
	assert_null(cpu_write_cr0(cpu, CR0_PE));
	assert_int_equal(cpu->mmu.efer, EFER_LME | EFER_NXE);
	machine_destroy(m);
}

static void test_cpu__pcide_rules(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;

	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_null(cpu_write_cr3(cpu, ROOT | 5));
	assert_int_equal(cpu_pcid(cpu), 0);
	assert_non_null(cpu_write_cr4(cpu, CR4_PAE | CR4_PCIDE));
	assert_null(cpu_write_cr3(cpu, ROOT));
	assert_null(cpu_write_cr4(cpu, CR4_PAE | CR4_PCIDE));
	assert_null(cpu_write_cr3(cpu, ROOT | 5));
	assert_int_equal(cpu_pcid(cpu), 5);
	/* What is set stays settable; paging cannot go while PCIDE is on. */
	assert_null(cpu_write_cr4(cpu, CR4_PAE | CR4_PCIDE | CR4_PGE));
	assert_non_null(cpu_write_cr0(cpu, CR0_PE));
	machine_destroy(m);
}

static void test_cpu__invpcid_rules(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;

	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_non_null(cpu_invpcid(cpu, 4, 0, 0));
	assert_non_null(cpu_invpcid(cpu, INVPCID_PCID, 1, 0));
	assert_non_null(cpu_invpcid(cpu, INVPCID_ALL, 0x1000, 0));
	assert_non_null(cpu_invpcid(cpu, INVPCID_ADDRESS, 0, BIT(47)));
	assert_null(cpu_invpcid(cpu, INVPCID_ADDRESS, 0, 0));
	machine_destroy(m);
}

static void test_cpu__pdptes_are_loaded_not_read(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;

	ram_write(m->ram, ROOT, 8, 0x5001);
	enable_paging(cpu, PAGING_PAE, 0);
	assert_int_equal(cpu->mmu.pdpte[0], 0x5001);
	ram_write(m->ram, ROOT, 8, 0x6001);
	assert_null(cpu_write_cr4(cpu, CR4_PAE | CR4_PKE));
	assert_int_equal(cpu->mmu.pdpte[0], 0x5001);
	assert_null(cpu_write_cr4(cpu, CR4_PAE | CR4_PGE));
	assert_int_equal(cpu->mmu.pdpte[0], 0x6001);
	ram_write(m->ram, ROOT, 8, 0x7001);
	assert_null(cpu_write_cr3(cpu, ROOT));
	assert_int_equal(cpu->mmu.pdpte[0], 0x7001);
	machine_destroy(m);
}

static void test_cpu__bad_pdpte_refuses_the_load(void **state)
{
	static const struct {
		uint64_t pdpte;
		bool refused;
	} row[] = {
		{ 0x5001, false },	    { 0x5000 | 0x1e6, false },
		{ 0x5003, true },	    { 0x5021, true },
		{ 0x5101, true },	    { 0x5e19, false },
		{ BIT(40) | 0x5001, true }, { BIT(39) | 0x5001, false },
		{ PTE_XD | 0x5001, true },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_machine();
		struct cpu *cpu = m->cpu;

		enable_paging(cpu, PAGING_PAE, 0);
		ram_write(m->ram, 0x8018, 8, row[i].pdpte);
		assert_int_equal(cpu_write_cr3(cpu, 0x8000) != NULL,
				 row[i].refused);
		assert_int_equal(cpu->mmu.cr3, row[i].refused ? ROOT : 0x8000);
		machine_destroy(m);
	}
}

static void test_cpu__features_limit_registers(void **state)
{
	struct ram_region map = { 0, 0x100000, RAM_USABLE, true };
	struct cpu_features plain = { .maxphyaddr = 32 };
	struct machine *m = machine_create(&map, 1, 1, &plain);
	static const uint64_t lacking[] = {
		CR4_PSE,   CR4_PAE,  CR4_PGE,  CR4_LA57,
		CR4_PCIDE, CR4_SMEP, CR4_SMAP, CR4_PKE,
	};

	assert_non_null(m);
	for (unsigned i = 0; i < ARRAY_SIZE(lacking); i++)
		assert_non_null(cpu_write_cr4(m->cpu, lacking[i]));
	assert_non_null(cpu_write_efer(m->cpu, EFER_NXE));
	assert_non_null(cpu_write_efer(m->cpu, EFER_LME));
	machine_destroy(m);
}

/* PSE-36 gives as many address bits as MAXPHYADDR says, up to 40. */
static void test_cpu__pse36_reserved_bits(void **state)
{
	static const struct {
		bool pse36;
		uint8_t maxphyaddr;
		uint64_t rsvd;
	} row[] = {
		{ false, 36, 0x3fe000 }, { true, 32, 0x3fe000 },
		{ true, 36, 0x3e0000 },	 { true, 40, 0x200000 },
		{ true, 52, 0x200000 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct cpu_features f = { .maxphyaddr = row[i].maxphyaddr,
					  .pse36 = row[i].pse36,
					  .pat = true };
		struct mmu mmu = { .cr0 = ON, .cr4 = CR4_PSE, .features = &f };

		mmu_refresh(&mmu);
		assert_int_equal(mmu.level[0].leaf_rsvd, row[i].rsvd);
		assert_int_equal(mmu.level[0].table_rsvd, 0);
	}
}

static void test_machine__two_machines_are_apart(void **state)
{
	struct machine *a = make_machine(), *b = make_machine();

	assert_true(machine_hash(a) == machine_hash(b));
	ram_write(a->ram, 0x5000, 4, 1);
	assert_true(machine_hash(a) != machine_hash(b));
	ram_write(b->ram, 0x5000, 4, 1);
	assert_true(machine_hash(a) == machine_hash(b));
	assert_null(cpu_write_cr3(a->cpu, 0x1000));
	assert_true(machine_hash(a) != machine_hash(b));
	machine_destroy(a);
	machine_destroy(b);
}

static void test_machine__limits(void **state)
{
	struct ram_region map = { 0, 0x100000, RAM_USABLE, true };

	assert_null(machine_create(&map, 1, 0, &all_features));
	assert_null(
		machine_create(&map, 1, MACHINE_MAX_CPUS + 1, &all_features));
	assert_null(machine_create(&map, 0, 1, &all_features));
	machine_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest single[] = {
		cmocka_unit_test(test_cpu__each_bit_alone),
		cmocka_unit_test(test_cpu__pg_with_lme_needs_pae),
		cmocka_unit_test(test_cpu__lma_follows_lme_and_pg),
		cmocka_unit_test(test_cpu__pcide_rules),
		cmocka_unit_test(test_cpu__invpcid_rules),
		cmocka_unit_test(test_cpu__pdptes_are_loaded_not_read),
		cmocka_unit_test(test_cpu__refusal_names_the_lacking_bit),
		cmocka_unit_test(test_cpu__bad_pdpte_refuses_the_load),
		cmocka_unit_test(test_cpu__features_limit_registers),
		cmocka_unit_test(test_cpu__pse36_reserved_bits),
		cmocka_unit_test(test_machine__two_machines_are_apart),
		cmocka_unit_test(test_machine__limits),
	};
	struct CMUnitTest tests[ARRAY_SIZE(single) + ARRAY_SIZE(write_cases)];
	unsigned n = ARRAY_SIZE(single);

	memcpy(tests, single, sizeof(single));
	for (unsigned i = 0; i < ARRAY_SIZE(write_cases); i++)
		tests[n++] = (struct CMUnitTest){
			write_cases[i].name,
			test_cpu__write_case,
			NULL,
			NULL,
			(void *)&write_cases[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

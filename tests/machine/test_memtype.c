/* test_memtype.c - PAT x PCD x PWT x MTRR: tables, registers, large pages. */
#include "fixture.h"

/*
 * The tables of the SDM once more, as it prints them, line by line: MTRR,
 * PAT entry, effective type; and MTRR, PCD, PWT, effective type.
 */
static const char *const with_pat[][3] = {
	{ "UC", "UC", "UC" }, { "UC", "UC-", "UC" }, { "UC", "WC", "WC" },
	{ "UC", "WT", "UC" }, { "UC", "WB", "UC" },  { "UC", "WP", "UC" },
	{ "WC", "UC", "UC" }, { "WC", "UC-", "WC" }, { "WC", "WC", "WC" },
	{ "WC", "WT", "UC" }, { "WC", "WB", "WC" },  { "WC", "WP", "UC" },
	{ "WT", "UC", "UC" }, { "WT", "UC-", "UC" }, { "WT", "WC", "WC" },
	{ "WT", "WT", "WT" }, { "WT", "WB", "WT" },  { "WT", "WP", "WP" },
	{ "WB", "UC", "UC" }, { "WB", "UC-", "UC" }, { "WB", "WC", "WC" },
	{ "WB", "WT", "WT" }, { "WB", "WB", "WB" },  { "WB", "WP", "WP" },
	{ "WP", "UC", "UC" }, { "WP", "UC-", "WC" }, { "WP", "WC", "WC" },
	{ "WP", "WT", "WT" }, { "WP", "WB", "WP" },  { "WP", "WP", "WP" },
};

static const struct {
	const char *mtrr;
	int pcd, pwt;
	const char *type;
} without_pat[] = {
	{ "UC", 0, 0, "UC" }, { "UC", 0, 1, "UC" }, { "UC", 1, 0, "UC" },
	{ "UC", 1, 1, "UC" }, { "WC", 0, 0, "WC" }, { "WC", 0, 1, "WC" },
	{ "WC", 1, 0, "WC" }, { "WC", 1, 1, "UC" }, { "WT", 0, 0, "WT" },
	{ "WT", 0, 1, "WT" }, { "WT", 1, 0, "UC" }, { "WT", 1, 1, "UC" },
	{ "WP", 0, 0, "WP" }, { "WP", 0, 1, "WP" }, { "WP", 1, 0, "WC" },
	{ "WP", 1, 1, "UC" }, { "WB", 0, 0, "WB" }, { "WB", 0, 1, "WT" },
	{ "WB", 1, 0, "UC" }, { "WB", 1, 1, "UC" },
};

static enum memtype named(const char *name)
{
	for (unsigned i = 0; i < MT_NUM; i++)
		if (!strcmp(memtype_name[i], name))
			return i;
	fail_msg("%s: no such type", name);
	return MT_NUM;
}

static void test_memtype__every_cell_with_pat(void **state)
{
	assert_int_equal(ARRAY_SIZE(with_pat), 5 * 6);
	for (unsigned i = 0; i < ARRAY_SIZE(with_pat); i++)
		assert_string_equal(
			memtype_name[memtype_combine(named(with_pat[i][0]),
						     named(with_pat[i][1]))],
			with_pat[i][2]);
}

static void test_memtype__every_cell_without_pat(void **state)
{
	assert_int_equal(ARRAY_SIZE(without_pat), 5 * 4);
	for (unsigned i = 0; i < ARRAY_SIZE(without_pat); i++)
		assert_string_equal(
			memtype_name[memtype_without_pat(
				named(without_pat[i].mtrr), without_pat[i].pcd,
				without_pat[i].pwt)],
			without_pat[i].type);
}

/* SDM "Precedence of Cache Controls", in words, over the whole table. */
static void test_memtype__uncacheable_wins(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(with_pat); i++) {
		const char *const *t = with_pat[i];

		if (!strcmp(t[1], "UC"))
			assert_string_equal(t[2], "UC");
		if (!strcmp(t[1], "WC"))
			assert_string_equal(t[2], "WC");
		if (!strcmp(t[1], "WB"))
			assert_string_equal(t[2], t[0]);
		if (!strcmp(t[0], "WB") && strcmp(t[1], "UC-"))
			assert_string_equal(t[2], t[1]);
	}
}

/* --- the PAT ------------------------------------------------------------- */

static void test_pat__index_bits_by_page_size(void **state)
{
	static const struct {
		enum paging_mode_id mode;
		unsigned level, bit;
	} rows[] = {
		{ PAGING_32, 1, 7 },	  { PAGING_32, 0, 12 },
		{ PAGING_PAE, 2, 7 },	  { PAGING_PAE, 1, 12 },
		{ PAGING_4LEVEL, 3, 7 },  { PAGING_4LEVEL, 2, 12 },
		{ PAGING_4LEVEL, 1, 12 }, { PAGING_5LEVEL, 4, 7 },
		{ PAGING_5LEVEL, 3, 12 }, { PAGING_5LEVEL, 2, 12 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned n = 0; n < 8; n++) {
			const struct paging_mode *mode =
				&paging_modes[rows[i].mode];
			uint64_t other = BIT(7) | BIT(12);
			uint64_t entry = (n & 1 ? BIT(3) : 0) |
					 (n & 2 ? BIT(4) : 0) |
					 (n & 4 ? BIT(rows[i].bit) : 0);

			other &= ~BIT(rows[i].bit);
			assert_int_equal(pat_index(mode, rows[i].level, entry),
					 n);
			assert_int_equal(pat_index(mode, rows[i].level,
						   entry | other),
					 n);
		}
}

static void test_pat__write(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];

	assert_int_equal(cpu->memtype.pat, 0x0007040600070406);
	for (unsigned type = 0; type < 256; type++) {
		bool ok = type == 0 || type == 1 || (type >= 4 && type <= 7);

		for (unsigned i = 0; i < 8; i++) {
			uint64_t value = (uint64_t)type << 8 * i;

			cpu->memtype.pat = 0x0606060606060606;
			assert_int_equal(!cpu_write_pat(cpu, value), ok);
			assert_int_equal(cpu->memtype.pat,
					 ok ? value : 0x0606060606060606);
		}
	}
	assert_int_equal(counters_flushes(&cpu->counters), 0);
	cpu->features.pat = false;
	assert_non_null(cpu_write_pat(cpu, 0));
	machine_destroy(m);
}

/* --- MTRRs: #GP ----------------------------------------------------------- */

static void test_mtrr__reserved_bits(void **state)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
		bool ok;
	} rows[] = {
		{ 0x2ff, 0xc06, true },
		{ 0x2ff, 0x000, true },
		{ 0x2ff, 0xd06, false },
		{ 0x2ff, 0xe06, false },
		{ 0x2ff, 0x1c06, false },
		{ 0x2ff, 0xc02, false },
		{ 0x2ff, 0xc03, false },
		{ 0x2ff, 0xc07, false },
		{ 0x2ff, 0xc16, false },
		{ 0x200, 0x80000000, true },
		{ 0x200, 0x80000106, false },
		{ 0x200, 0x80000802, false },
		{ 0x200, 0x80000007, false },
		{ 0x200, 0xfffffff006, true },
		{ 0x200, BIT(40), false },
		{ 0x201, 0xff80000800, true },
		{ 0x201, 0xff80000000, true },
		{ 0x201, 0xff80000801, false },
		{ 0x201, 0xff80000c00, false },
		{ 0x201, BIT(40), false },
		{ 0x213, 0x800, true },
		{ 0x214, 0, false },
		{ 0x1ff, 0, false },
		{ 0xfe, 0x508, false },
		{ 0x250, 0x0606060606060606, true },
		{ 0x26f, 0x0001040506000000, true },
		{ 0x26f, 0x0606060606060607, false },
		{ 0x259, 0x0200000000000000, false },
		{ 0x251, 0, false },
	};
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	uint64_t value, flushes = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		bool ok = !cpu_write_mtrr(cpu, rows[i].msr, rows[i].value);

		if (ok != rows[i].ok)
			fail_msg("MSR 0x%x, 0x%llx", rows[i].msr,
				 (unsigned long long)rows[i].value);
		flushes += ok;
		if (!ok)
			continue;
		assert_null(mtrr_read(&cpu->memtype.mtrr, rows[i].msr, &value));
		assert_int_equal(value, rows[i].value);
	}
	assert_int_equal(cpu->counters.flushes[FLUSH_MTRR], flushes);
	assert_null(mtrr_read(&cpu->memtype.mtrr, 0xfe, &value));
	assert_int_equal(value, 0x50a);
	assert_non_null(mtrr_read(&cpu->memtype.mtrr, 0x214, &value));
	machine_destroy(m);
}

/* A page that an access cached, global or not, is forgotten. */
static void test_mtrr__a_write_flushes(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	struct fault fault;
	enum tlb_level level;
	pa_t pa;

	enable_paging(cpu, PAGING_4LEVEL, CR4_PGE);
	map(cpu, cpu->mmu.mode, 0x5000, 3, 0x9000 | RWU | PTE_G);
	assert_true(touch(cpu, 0x5000, ACCESS_READ, &pa, &fault));
	assert_null(cpu_write_pat(cpu, PAT_POWER_ON));
	assert_non_null(tlb_lookup(&cpu->tlb, ACCESS_READ, 0x5000, 0, &level));
	assert_null(cpu_write_mtrr(cpu, MSR_MTRR_PHYSBASE(9), 0));
	assert_null(tlb_lookup(&cpu->tlb, ACCESS_READ, 0x5000, 0, &level));
	machine_destroy(m);
}

/* --- MTRRs: which type an address has ------------------------------------- */

static void set_range(struct mtrr *mtrr, unsigned n, pa_t start, uint64_t size,
		      enum memtype type)
{
	uint64_t mask = (BIT(40) - 1) & -size;

	assert_null(mtrr_write(mtrr, 0x200 + 2 * n, start | type, 40));
	assert_null(mtrr_write(mtrr, 0x201 + 2 * n, mask | BIT(11), 40));
}

static void test_mtrr__fixed_ranges(void **state)
{
	struct mtrr mtrr = { .def_type = 0xc00 | MT_WB };
	const uint64_t kinds = 0x0605040100060504; /* byte 0 is the lowest */

	for (unsigned i = 0; i < MTRR_NFIXED; i++) {
		const struct mtrr_fixed *f = &mtrr_fixed[i];

		assert_null(mtrr_write(&mtrr, f->msr, kinds, 40));
		if (i + 1 < MTRR_NFIXED)
			assert_int_equal(f->start + 8 * f->size,
					 mtrr_fixed[i + 1].start);
		for (unsigned j = 0; j < 8; j++) {
			pa_t pa = f->start + j * f->size;
			enum memtype type = kinds >> 8 * j & 0xff;

			assert_int_equal(mtrr_type(&mtrr, pa), type);
			assert_int_equal(mtrr_type(&mtrr, pa + f->size - 1),
					 type);
		}
	}
	set_range(&mtrr, 0, 0, BIT(21), MT_UC); /* gives way below 1 MiB */
	assert_int_equal(mtrr_type(&mtrr, 0), MT_WT);
	assert_int_equal(mtrr_type(&mtrr, 0xfffff), MT_WB);
	assert_int_equal(mtrr_type(&mtrr, 0x100000), MT_UC);
	mtrr.def_type = MTRR_DEF_E | MT_WB; /* without FE */
	assert_int_equal(mtrr_type(&mtrr, 0), MT_UC);
	mtrr.def_type = MTRR_DEF_FE | MT_WB; /* without E */
	assert_int_equal(mtrr_type(&mtrr, BIT(30)), MT_UC);
}

static void test_mtrr__variable_ranges(void **state)
{
	struct mtrr mtrr = { .def_type = MTRR_DEF_E | MT_WB };

	set_range(&mtrr, 9, 0xe0000000, BIT(24), MT_WC);
	assert_int_equal(mtrr_type(&mtrr, 0xdfffffff), MT_WB);
	assert_int_equal(mtrr_type(&mtrr, 0xe0000000), MT_WC);
	assert_int_equal(mtrr_type(&mtrr, 0xe0ffffff), MT_WC);
	assert_int_equal(mtrr_type(&mtrr, 0xe1000000), MT_WB);
	assert_true(mtrr_uniform(&mtrr, 0xe0000000, BIT(24)));
	assert_true(mtrr_uniform(&mtrr, 0xc0000000, BIT(29)));
	assert_false(mtrr_uniform(&mtrr, 0xe0000000, BIT(25)));
	mtrr.variable[9].mask &= ~BIT(11);
	assert_int_equal(mtrr_type(&mtrr, 0xe0000000), MT_WB);
	/* A mask with a gap: SDM "Example of Mask", each other 8 KiB. */
	mtrr.variable[9].mask = (0xffe0001000 & ~BIT(12)) | BIT(13) | BIT(11);
	assert_int_equal(mtrr_type(&mtrr, 0xe0001000), MT_WC);
	assert_int_equal(mtrr_type(&mtrr, 0xe0002000), MT_WB);
	assert_int_equal(mtrr_type(&mtrr, 0xe0004000), MT_WC);
	assert_false(mtrr_uniform(&mtrr, 0xe0000000, BIT(21)));
}

static void test_mtrr__overlaps(void **state)
{
	static const enum memtype types[] = { MT_UC, MT_WC, MT_WT, MT_WP,
					      MT_WB };

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(types); j++) {
			struct mtrr mtrr = { .def_type = MTRR_DEF_E | MT_WB };
			enum memtype a = types[i], b = types[j], want = MT_UC;

			if (a == b)
				want = a;
			else if (a + b == MT_WT + MT_WB && a != MT_WP)
				want = MT_WT;
			set_range(&mtrr, 3, BIT(30), BIT(30), a);
			set_range(&mtrr, 5, BIT(30), BIT(24), b);
			assert_int_equal(mtrr_type(&mtrr, BIT(30)), want);
			assert_int_equal(mtrr_type(&mtrr, BIT(30) + BIT(24)),
					 a);
			assert_int_equal(mtrr_uniform(&mtrr, BIT(30), BIT(30)),
					 want == a);
		}
}

/* --- firmware ------------------------------------------------------------- */

static void boot_firmware(struct mtrr *mtrr, uint64_t low, unsigned bits)
{
	const struct ram_region map[] = {
		{ 0, 0xa0000, RAM_USABLE, true },
		{ 0x100000, low, RAM_USABLE, true },
		{ 0xfffc0000, BIT(32), RAM_RESERVED, false },
		{ BIT(32), BIT(32) + BIT(30), RAM_USABLE, true },
	};
	struct ram *ram = ram_create(map, ARRAY_SIZE(map));

	assert_non_null(ram);
	mtrr_init(mtrr, ram, bits);
	ram_destroy(ram);
}

/* What RDMSR gives a boot sector in QEMU 7.2 -M pc; 36 bits are reckoned. */
static void test_firmware__as_observed(void **state)
{
	static const uint64_t fixed[MTRR_NFIXED] = {
		0x0606060606060606, 0x0606060606060606, 0,
		0x0505050505050505, 0x0505050505050505, 0x0505050505050505,
		0x0505050505050505, 0x0505050505050505, 0x0505050505050505,
		0x0505050505050505, 0x0505050505050505,
	};
	static const struct {
		uint64_t low;
		unsigned bits;
		uint64_t base, mask;
	} rows[] = {
		{ BIT(28), 40, 0x80000000, 0xff80000800 },
		{ BIT(31), 40, 0x80000000, 0xff80000800 },
		{ 3 * BIT(30), 40, 0xc0000000, 0xffc0000800 },
		{ 3 * BIT(30), 36, 0xc0000000, 0xfc0000800 },
	};
	struct mtrr mtrr;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		boot_firmware(&mtrr, rows[i].low, rows[i].bits);
		assert_int_equal(mtrr.def_type, 0xc06);
		assert_memory_equal(mtrr.fixed, fixed, sizeof(fixed));
		assert_int_equal(mtrr.variable[0].base, rows[i].base);
		assert_int_equal(mtrr.variable[0].mask, rows[i].mask);
		for (unsigned n = 1; n < MTRR_NVARIABLE; n++)
			assert_int_equal(mtrr.variable[n].mask, 0);
	}
}

/* Whatever the size of RAM: it is WB, and what is above below 4 GiB UC. */
static void test_firmware__covers_the_hole(void **state)
{
	static const uint64_t lows[] = { 0xc0001000, 0xd4800000, 0xd4801000,
					 0xdff00000, 0xdffff000 };
	struct mtrr mtrr;

	for (unsigned i = 0; i < ARRAY_SIZE(lows); i++) {
		pa_t hole = ALIGN_UP(lows[i], BIT(20));

		boot_firmware(&mtrr, lows[i], 40);
		assert_int_equal(mtrr_type(&mtrr, lows[i] - 1), MT_WB);
		assert_int_equal(mtrr_type(&mtrr, hole), MT_UC);
		assert_true(mtrr_uniform(&mtrr, 0xf0000000, BIT(28)));
		for (pa_t pa = hole; pa < BIT(32); pa += BIT(20))
			assert_int_equal(mtrr_type(&mtrr, pa), MT_UC);
		assert_int_equal(mtrr_type(&mtrr, BIT(32)), MT_WB);
	}
}

/* --- walks -----------------------------------------------------------------
 */

static struct memtype_of walk_type(struct cpu *cpu, va_t va)
{
	struct access access = { .va = va };
	struct memtype_of ret;
	struct walk walk;

	mmu_walk(&cpu->mmu, cpu->ram, &access, &walk);
	assert_int_equal(walk.fault.reason, FAULT_NONE);
	memtype_of_walk(&cpu->memtype, &cpu->mmu, &walk, &ret);
	return ret;
}

static void test_walk__leaf_chooses(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	struct memtype_of t;

	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_null(cpu_write_pat(cpu, 0x0407050600070106));
	map(cpu, cpu->mmu.mode, 0x5000, 3,
	    0x40009000 | RWU | PTE_PAT | PTE_PCD | PTE_PWT);
	t = walk_type(cpu, 0x5123);
	assert_int_equal(t.pat_index, 7);
	assert_int_equal(t.pat, MT_WT);
	assert_int_equal(t.mtrr, MT_WB);
	assert_int_equal(t.type, MT_WT);
	assert_true(t.paged && !t.mixed && !t.cache_disabled);
	map(cpu, cpu->mmu.mode, 0x200000, 2,
	    0x40000000 | RWU | PTE_PS | PTE_PAT_LARGE | PTE_PWT);
	t = walk_type(cpu, 0x200000);
	assert_int_equal(t.pat_index, 5);
	assert_int_equal(t.type, MT_WP);
	machine_destroy(m);
}

/* The first 2 MiB: VGA memory is UC though the page says WB. */
static void test_walk__large_page_of_mixed_types(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	struct memtype_of t;

	enable_paging(cpu, PAGING_4LEVEL, 0);
	map(cpu, cpu->mmu.mode, 0x200000, 2, 0 | RWU | PTE_PS);
	t = walk_type(cpu, 0x2a0000);
	assert_int_equal(t.mtrr, MT_UC);
	assert_int_equal(t.type, MT_UC);
	assert_true(t.mixed);
	assert_int_equal(walk_type(cpu, 0x200000).type, MT_WB);
	assert_int_equal(walk_type(cpu, 0x2c0000).type, MT_WP);
	assert_int_equal(walk_type(cpu, 0x300000).type, MT_WB);
	machine_destroy(m);
}

static void test_walk__cr0_cd_and_paging_off(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	struct memtype_of t = walk_type(cpu, 0x5000);

	assert_true(t.cache_disabled && !t.paged);
	assert_int_equal(t.type, MT_UC);
	assert_int_equal(t.mtrr, MT_WB);
	assert_null(cpu_write_cr0(cpu, CR0_PE));
	assert_int_equal(walk_type(cpu, 0x5000).type, MT_WB);
	assert_int_equal(walk_type(cpu, 0xb8000).type, MT_UC);
	machine_destroy(m);
}

static void test_walk__no_pat(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	struct memtype_of t;

	cpu->features.pat = false;
	enable_paging(cpu, PAGING_32, 0);
	map(cpu, cpu->mmu.mode, 0x5000, 1, 0x9000 | RWU | PTE_PWT);
	t = walk_type(cpu, 0x5000);
	assert_int_equal(t.pat_index, 1);
	assert_int_equal(t.type, MT_WT);
	map(cpu, cpu->mmu.mode, 0x5000, 1, 0x9000 | RWU | PTE_PCD);
	assert_int_equal(walk_type(cpu, 0x5000).type, MT_UC);
	machine_destroy(m);
}

static enum fault_reason reserved_in(enum paging_mode_id id, uint64_t cr4,
				     bool pat, bool large)
{
	struct machine *m = make_machine();
	struct cpu *cpu = &m->cpu[0];
	struct access access = { .va = 0 };
	struct walk walk;
	unsigned leaf;

	cpu->features.pat = pat;
	enable_paging(cpu, id, cr4);
	leaf = cpu->mmu.mode->nlevels - 1 - large;
	map(cpu, cpu->mmu.mode, 0, leaf,
	    RWU | (large ? PTE_PS | PTE_PAT_LARGE : PTE_PAT));
	assert_null(cpu_write_cr3(cpu, ROOT)); /* loads the PDPTEs */
	mmu_walk(&cpu->mmu, cpu->ram, &access, &walk);
	machine_destroy(m);
	return walk.fault.reason;
}

/*
 * SDM "32-Bit Paging": if the PAT is not supported bit 7 of a PTE and bit 12
 * of a PDE with PS=1 are reserved; if CR4.PSE=0 no bits are.
 */
static void test_walk__no_pat_reserves_its_bit(void **state)
{
	for (unsigned large = 0; large < 2; large++) {
		assert_int_equal(reserved_in(PAGING_32, CR4_PSE, false, large),
				 FAULT_RESERVED);
		assert_int_equal(reserved_in(PAGING_PAE, 0, false, large),
				 FAULT_RESERVED);
		assert_int_equal(reserved_in(PAGING_32, CR4_PSE, true, large),
				 FAULT_NONE);
		assert_int_equal(reserved_in(PAGING_PAE, 0, true, large),
				 FAULT_NONE);
	}
	assert_int_equal(reserved_in(PAGING_32, 0, false, false), FAULT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memtype__every_cell_with_pat),
		cmocka_unit_test(test_memtype__every_cell_without_pat),
		cmocka_unit_test(test_memtype__uncacheable_wins),
		cmocka_unit_test(test_pat__index_bits_by_page_size),
		cmocka_unit_test(test_pat__write),
		cmocka_unit_test(test_mtrr__reserved_bits),
		cmocka_unit_test(test_mtrr__a_write_flushes),
		cmocka_unit_test(test_mtrr__fixed_ranges),
		cmocka_unit_test(test_mtrr__variable_ranges),
		cmocka_unit_test(test_mtrr__overlaps),
		cmocka_unit_test(test_firmware__as_observed),
		cmocka_unit_test(test_firmware__covers_the_hole),
		cmocka_unit_test(test_walk__leaf_chooses),
		cmocka_unit_test(test_walk__large_page_of_mixed_types),
		cmocka_unit_test(test_walk__cr0_cd_and_paging_off),
		cmocka_unit_test(test_walk__no_pat),
		cmocka_unit_test(test_walk__no_pat_reserves_its_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

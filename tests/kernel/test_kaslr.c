/*
 * test_kaslr.c - properties of randomised layouts over many seeds, and a
 * booted kernel that works with one.
 */
#include "tests/kernel/host.h"

#define SEEDS 200

static struct kernel_config config(const char *arch, uint64_t seed)
{
	struct kernel_config cfg;

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.layout_61 = true;
	cfg.kaslr = true;
	cfg.seed = seed;
	return cfg;
}

static struct layout compute(const char *arch, uint64_t seed)
{
	struct kernel_config cfg = config(arch, seed);
	struct layout l;
	const char *why = layout_compute(&cfg, cfg.ram >> PAGE_SHIFT, &l);

	if (why)
		fail_msg("%s, seed %lu: %s", arch, seed, why);
	return l;
}

/* Areas follow each other without a gap, from 0 to the top. */
static void whole(const struct layout *l)
{
	va_t at = 0;

	for (unsigned i = 0; i < l->nareas; i++) {
		assert_int_equal(l->area[i].start, at);
		at = l->area[i].end;
		assert_true(at > l->area[i].start || i + 1 == l->nareas);
	}
}

static void test_kaslr__64_bases_are_aligned_and_in_order(void **state)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct layout l = compute("x86_64", seed);

		assert_int_equal(l.page_offset % GiB, 0);
		assert_int_equal(l.vmalloc_start % GiB, 0);
		assert_int_equal(l.vmemmap % GiB, 0);
		assert_true(l.page_offset >= 0xffff888000000000);
		assert_true(l.direct_end <= l.vmalloc_start);
		assert_true(l.vmalloc_end <= l.vmemmap);
		assert_true(l.vmemmap_max <= l.cpu_entry_area);
		whole(&l);
	}
}

static void test_kaslr__64_image_moves_in_both_spaces(void **state)
{
	bool together = true;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct layout l = compute("x86_64", seed);
		va_t text = l.kernel_map + l.image.text;

		assert_int_equal(l.image.text % (2 * MiB), 0);
		assert_int_equal(text % (2 * MiB), 0);
		assert_true(l.image.text >= 16 * MiB);
		assert_true(text >= 0xffffffff81000000);
		assert_true(l.kernel_map + l.image.ebss <= 0xffffffffc0000000);
		together &=
			text - 0xffffffff81000000 == l.image.text - 16 * MiB;
	}
	assert_false(together);
}

static void test_kaslr__32_image_moves_in_16_mib_steps(void **state)
{
	bool moved = false;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct layout l = compute("i386", seed);

		assert_int_equal(l.kernel_map, l.page_offset);
		assert_int_equal(l.image.text % (16 * MiB), 0);
		assert_true(l.image.text >= 16 * MiB);
		assert_true(l.image.ebss < l.lowmem_end);
		moved |= l.image.text != 16 * MiB;
		whole(&l);
	}
	assert_true(moved);
}

/* --- positions ------------------------------------------------------------ */

#define MANY 1000

/* Where a move is among its positions. */
static uint64_t position(const struct kaslr_move *m)
{
	assert_int_equal((m->base - m->from) % m->granule, 0);
	return (m->base - m->from) / m->granule;
}

static const struct kaslr_move *find_move(const struct layout *l,
					  const char *what)
{
	for (unsigned i = 0; i < l->nmoves; i++)
		if (strcmp(l->move[i].what, what) == 0)
			return &l->move[i];
	fail_msg("nothing moves %s", what);
	return NULL;
}

/*
 * What moves, with 2 GiB of RAM: granule and positions worked out from the
 * source. Regions after the first depend on what came before.
 */
static const struct move_row {
	const char *arch;
	bool la57;
	const char *what;
	uint64_t granule, positions;
	unsigned distinct; /* at least so many of MANY seeds differ */
} move_rows[] = {
	/* (512M - 16M - 0xee6000) / 16M + 1 */
	{ "i386", false, "_text", 16 * MiB, 31, 31 },
	{ "i386-pae", false, "_text", 16 * MiB, 31, 31 },
	{ "i386", false, "first module", PAGE_SIZE, 1024, 500 },
	/* (1G - 16M - 52M) / 2M + 1 */
	{ "x86_64", false, "_text", 2 * MiB, 479, 400 },
	/* (0x7ffe0000 - 16M - 52M) / 2M + 1 */
	{ "x86_64", false, "__pa(_text)", 2 * MiB, 990, 550 },
	/* (0xfffffe0000000000 - 0xffff888000000000 - 44T) / 3 / 1G + 1 */
	{ "x86_64", false, "page_offset_base", GiB, 25089, 950 },
	{ "x86_64", false, "first module", PAGE_SIZE, 1024, 600 },
	/* (0xfffffe0000000000 - 0xff11000000000000 - 12812T) / 3 / 1G + 1 */
	{ "x86_64", true, "page_offset_base", GiB, 16510294, 990 },
	{ "x86_64", true, "_text", 2 * MiB, 479, 400 },
};

static unsigned count_distinct(const uint8_t *seen, unsigned n)
{
	unsigned distinct = 0;

	for (unsigned i = 0; i < n; i++)
		distinct += seen[i];
	return distinct;
}

static struct layout compute_row(const struct move_row *row, uint64_t seed)
{
	struct kernel_config cfg = config(row->arch, seed);
	struct layout l;
	const char *why;

	cfg.la57 = row->la57;
	why = layout_compute(&cfg, layout_end_of_ram(&cfg), &l);
	if (why)
		fail_msg("%s, seed %lu: %s", row->arch, seed, why);
	whole(&l);
	return l;
}

static void check_move(const struct move_row *row)
{
	uint8_t *seen = calloc(row->positions, 1);

	for (uint64_t seed = 0; seed < MANY; seed++) {
		struct layout l = compute_row(row, seed);
		const struct kaslr_move *m = find_move(&l, row->what);
		uint64_t at = position(m);

		assert_int_equal(m->granule, row->granule);
		assert_int_equal(m->positions, row->positions);
		assert_in_range(at, 0,
				row->positions - (strcmp(row->what,
							 "first module") != 0));
		seen[at % row->positions] = 1;
	}
	assert_in_range(count_distinct(seen, row->positions), row->distinct,
			MANY);
	free(seen);
}

static void test_kaslr__positions(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(move_rows); i++)
		check_move(&move_rows[i]);
}

/* Physical slots are in usable RAM, on both sides of the hole below 4 GiB. */
static void test_kaslr__image_lies_in_usable_ram(void **state)
{
	unsigned above = 0, below = 0;

	for (uint64_t seed = 0; seed < MANY; seed++) {
		struct kernel_config cfg = config("x86_64", seed);
		struct layout l;

		cfg.ram = 8 * GiB;
		assert_null(layout_compute(&cfg, layout_end_of_ram(&cfg), &l));
		if (l.image.text >= 4 * GiB)
			above++;
		else
			below++;
		assert_true(
			l.image.ebss <= 0xbffe0000 ||
			(l.image.text >= 4 * GiB && l.image.ebss <= 9 * GiB));
	}
	/* 5 GiB of the 8 are above */
	assert_in_range(above, 560, 690);
	assert_int_equal(above + below, MANY);
}

/* Too little RAM for a second slot: nothing moves, but it boots. */
static void test_kaslr__one_slot(void **state)
{
	struct kernel_config cfg = config("i386", 7);
	struct layout l;

	cfg.ram = 40 * MiB;
	assert_null(layout_compute(&cfg, layout_end_of_ram(&cfg), &l));
	assert_int_equal(find_move(&l, "_text")->positions, 1);
	assert_int_equal(l.image.text, 16 * MiB);
}

/* espfix is random without KASLR, too: a stack per CPU, 64 bytes each. */
static void test_kaslr__espfix(void **state)
{
	struct kernel_config cfg = config("x86_64", 1);
	struct layout a, b;

	cfg.kaslr = false;
	assert_null(layout_compute(&cfg, layout_end_of_ram(&cfg), &a));
	cfg.seed = 2;
	assert_null(layout_compute(&cfg, layout_end_of_ram(&cfg), &b));
	assert_int_not_equal(layout_espfix_stack(&a, 0),
			     layout_espfix_stack(&b, 0));
	for (unsigned cpu = 0; cpu < 64; cpu++) {
		va_t va = layout_espfix_stack(&a, cpu);

		assert_int_equal(va % 64, 0);
		assert_int_equal(va & 0xffff0000, 0);
		assert_in_range(va, 0xffffff0000000000, 0xffffff7fffffffff);
		assert_true(cpu == 0 || va != layout_espfix_stack(&a, cpu - 1));
	}
}

static void test_kaslr__same_seed_same_layout(void **state)
{
	struct layout a = compute("x86_64", 5), b = compute("x86_64", 5);
	struct layout c = compute("x86_64", 6);

	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_not_equal(a.page_offset, c.page_offset);
}

static void test_kaslr__classic_has_none(void **state)
{
	struct kernel_config cfg = config("i386", 1);
	struct layout l;

	cfg.layout_61 = false;
	assert_non_null(layout_compute(&cfg, cfg.ram >> PAGE_SHIFT, &l));
}

/* Boots, and the image is where the layout says, in every view. */
static void boots(const char *arch, uint64_t seed, bool la57, uint64_t ram)
{
	struct kernel_config cfg = config(arch, seed);
	const char *why = "";
	struct kernel *k;
	struct walk w;
	va_t text;

	cfg.la57 = la57;
	cfg.ram = ram;
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s, seed %lu: %s", arch, seed, why);
	assert_true(layout_symbol(&k->layout, "_text", &text));
	assert_int_equal(kernel_pa(k, text), k->layout.image.text);
	mmu_translate(&k->machine->cpu[0].mmu, k->ram,
		      &(struct access){ .va = text, .kind = ACCESS_FETCH }, &w);
	assert_int_equal(w.fault.reason, FAULT_NONE);
	assert_int_equal(w.pa, k->layout.image.text);
	end_kernel(k);
}

static void test_kaslr__boots(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		boots("i386", seed, false, 2 * GiB);
		boots("i386-pae", seed, false, 2 * GiB);
		boots("x86_64", seed, false, 2 * GiB);
		boots("x86_64", seed, true, 2 * GiB);
		/* most of its slots are above 4 GiB, swapper_pg_dir too */
		boots("x86_64", seed, false, 64 * GiB);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kaslr__64_bases_are_aligned_and_in_order),
		cmocka_unit_test(test_kaslr__64_image_moves_in_both_spaces),
		cmocka_unit_test(test_kaslr__32_image_moves_in_16_mib_steps),
		cmocka_unit_test(test_kaslr__positions),
		cmocka_unit_test(test_kaslr__image_lies_in_usable_ram),
		cmocka_unit_test(test_kaslr__one_slot),
		cmocka_unit_test(test_kaslr__espfix),
		cmocka_unit_test(test_kaslr__same_seed_same_layout),
		cmocka_unit_test(test_kaslr__classic_has_none),
		cmocka_unit_test(test_kaslr__boots),
	};

	return cmocka_run_group_tests_name("kaslr", tests, NULL, NULL);
}

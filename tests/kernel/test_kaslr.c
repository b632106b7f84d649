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
		together &= text - 0xffffffff81000000 ==
			    l.image.text - 16 * MiB;
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
static void boots(const char *arch, uint64_t seed)
{
	struct kernel_config cfg = config(arch, seed);
	const char *why = "";
	struct kernel *k = kernel_boot(&cfg, &why);
	struct walk w;
	va_t text;

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
		boots("i386", seed);
		boots("i386-pae", seed);
		boots("x86_64", seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kaslr__64_bases_are_aligned_and_in_order),
		cmocka_unit_test(test_kaslr__64_image_moves_in_both_spaces),
		cmocka_unit_test(test_kaslr__32_image_moves_in_16_mib_steps),
		cmocka_unit_test(test_kaslr__same_seed_same_layout),
		cmocka_unit_test(test_kaslr__classic_has_none),
		cmocka_unit_test(test_kaslr__boots),
	};

	return cmocka_run_group_tests_name("kaslr", tests, NULL, NULL);
}

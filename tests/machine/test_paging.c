/* test_paging.c - the table of formats, and flag tables. */
#include "fixture.h"

static const struct paging_mode *mode_of(enum paging_mode_id id)
{
	return &paging_modes[id];
}

static void test_paging__levels_cover_the_address(void **state)
{
	for (unsigned id = PAGING_32; id < PAGING_NMODES; id++) {
		const struct paging_mode *mode = mode_of(id);
		unsigned below = PAGE_SHIFT;

		assert_int_equal(mode->id, id);
		for (unsigned i = mode->nlevels; i-- > 0;) {
			assert_int_equal(mode->level[i].shift, below);
			below += mode->level[i].bits;
		}
		assert_int_equal(below, mode->va_bits);
	}
}

static void test_paging__linux_names(void **state)
{
	static const char *const want[PAGING_NMODES] = {
		"",
		"pgd pte ",
		"pgd pmd pte ",
		"pgd pud pmd pte ",
		"pgd p4d pud pmd pte ",
	};

	for (unsigned id = 0; id < PAGING_NMODES; id++) {
		char got[64] = "";

		for (unsigned i = 0; i < mode_of(id)->nlevels; i++) {
			strcat(got, mode_of(id)->level[i].linux_name);
			strcat(got, " ");
		}
		assert_string_equal(got, want[id]);
	}
}

static void test_paging__modes_by_name(void **state)
{
	assert_ptr_equal(paging_mode_by_name("pae"), mode_of(PAGING_PAE));
	assert_ptr_equal(paging_mode_by_name("4-Level"),
			 mode_of(PAGING_4LEVEL));
	assert_null(paging_mode_by_name("3-level"));
}

static void test_paging__index_of_textbook_address(void **state)
{
	const struct paging_mode *m32 = mode_of(PAGING_32);
	const struct paging_mode *m64 = mode_of(PAGING_4LEVEL);

	assert_int_equal(paging_index(m32, 0, 0x0804a010), 0x20);
	assert_int_equal(paging_index(m32, 1, 0x0804a010), 0x4a);
	assert_int_equal(paging_index(m64, 0, 0xffff888000000000), 0x111);
	assert_int_equal(paging_index(m64, 3, 0x7fff12345678), 0x145);
}

/* What a leaf or table entry points to: by hand, from the SDM's figures. */
static void test_paging__targets(void **state)
{
	static const struct {
		enum paging_mode_id id;
		unsigned level;
		uint64_t entry;
		bool leaf;
		pa_t pa;
	} row[] = {
		{ PAGING_32, 1, 0x12345fff, true, 0x12345000 },
		{ PAGING_32, 0, 0x12345067, false, 0x12345000 },
		{ PAGING_32, 0, 0x004000e7, true, 0x00400000 },
		/* PSE-36: bits 20:13 are address bits 39:32 */
		{ PAGING_32, 0, 0x004020e7, true, 0x100400000 },
		{ PAGING_32, 0, 0xffdfe0e7, true, 0xffffc00000 },
		{ PAGING_PAE, 0, 0x1234567001, false, 0x1234567000 },
		{ PAGING_PAE, 1, 0x80000012346000e7, true, 0x1234600000 },
		{ PAGING_4LEVEL, 1, 0x80000000400000e7, true, 0x40000000 },
		{ PAGING_4LEVEL, 3, 0xfff0000000001067, true, 0x1000 },
		{ PAGING_5LEVEL, 2, 0x000fffffc00000e7, true,
		  0x000fffffc0000000 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		const struct paging_mode *mode = mode_of(row[i].id);
		uint64_t bits = paging_address_bits(mode, row[i].level,
						    row[i].pa, row[i].leaf);

		assert_int_equal(paging_target(mode, row[i].level, row[i].entry,
					       row[i].leaf),
				 row[i].pa);
		/* The inverse gives address bits, and nothing but them. */
		assert_int_equal(bits & ~row[i].entry, 0);
		assert_int_equal(paging_target(mode, row[i].level, bits,
					       row[i].leaf),
				 row[i].pa);
	}
}

static void test_paging__leaves(void **state)
{
	const struct paging_mode *m32 = mode_of(PAGING_32);
	const struct paging_mode *m64 = mode_of(PAGING_4LEVEL);

	assert_true(paging_is_leaf(m32, 0, PTE_P | PTE_PS, true));
	assert_false(paging_is_leaf(m32, 0, PTE_P | PTE_PS, false));
	assert_false(paging_is_leaf(m32, 0, PTE_P, true));
	assert_true(paging_is_leaf(m32, 1, PTE_P, false));
	assert_true(paging_is_leaf(m64, 2, PTE_P | PTE_PS, false));
	assert_false(paging_is_leaf(m64, 0, PTE_P | PTE_PS, true));
	assert_false(paging_is_leaf(mode_of(PAGING_PAE), 0, PTE_PS, true));
}

static void test_paging__canonical(void **state)
{
	const struct paging_mode *m4 = mode_of(PAGING_4LEVEL);
	const struct paging_mode *m5 = mode_of(PAGING_5LEVEL);

	assert_true(paging_is_canonical(m4, 0x00007fffffffffff));
	assert_false(paging_is_canonical(m4, 0x0000800000000000));
	assert_true(paging_is_canonical(m4, 0xffff800000000000));
	assert_false(paging_is_canonical(m4, 0xffff7fffffffffff));
	assert_true(paging_is_canonical(m5, 0x0000800000000000));
	assert_false(paging_is_canonical(m5, 0x0100000000000000));
	assert_true(paging_canonical(m4, 0x800000000000) == 0xffff800000000000);
	assert_int_equal(paging_canonical(mode_of(PAGING_32), 0x180000000),
			 0x80000000);
}

static void test_paging__entries_by_name(void **state)
{
	static const struct {
		enum paging_mode_id id;
		unsigned level;
		uint64_t entry;
		bool leaf;
		const char *text;
	} row[] = {
		{ PAGING_32, 1, 0x27, true, "P RW US pwt pcd A d g" },
		{ PAGING_32, 0, 0x63, false, "P RW us pwt pcd A" },
		{ PAGING_32, 0, 0xe3, true, "P RW us pwt pcd A D PS g" },
		{ PAGING_32, 1, 0xe2, true, "p" },
		{ PAGING_PAE, 0, 0x1, false, "P pwt pcd" },
		{ PAGING_PAE, 2, 0x8000000000000101, true,
		  "P rw us pwt pcd a d G XD" },
		{ PAGING_4LEVEL, 3, 0x2800000000000085, true,
		  "P rw US pwt pcd a d PAT g xd PK5" },
		{ PAGING_4LEVEL, 2, 0x1085, true,
		  "P rw US pwt pcd a d PS g PAT xd" },
	};
	char buf[128];

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++)
		assert_string_equal(
			paging_format_entry(buf, sizeof(buf),
					    mode_of(row[i].id), row[i].level,
					    row[i].entry, row[i].leaf),
			row[i].text);
}

static void test_paging__size_names(void **state)
{
	assert_string_equal(paging_size_name(12), "4K");
	assert_string_equal(paging_size_name(21), "2M");
	assert_string_equal(paging_size_name(22), "4M");
	assert_string_equal(paging_size_name(30), "1G");
}

static void test_flags__format_and_cut_off(void **state)
{
	char buf[32];

	flags_format(buf, sizeof(buf), pf_error_flags, 0x7, " ");
	assert_string_equal(buf, "P W U");
	flags_format(buf, sizeof(buf), pf_error_flags, 0, "|");
	assert_string_equal(buf, "R|S");
	flags_format(buf, 4, pf_error_flags, 0x7, " ");
	assert_string_equal(buf, "P W");
	flags_format(buf, 1, pf_error_flags, 0x7, " ");
	assert_string_equal(buf, "");
}

static void test_flags__diff(void **state)
{
	char buf[32];

	flags_diff(buf, sizeof(buf), paging_modes[PAGING_32].flags, 0x25, 0x47);
	assert_string_equal(buf, "+RW -A +D");
	flags_diff(buf, sizeof(buf), cr0_flags, 0x11, 0x11);
	assert_string_equal(buf, "");
}

static void test_flags__lookup(void **state)
{
	assert_int_equal(flags_lookup(cr4_flags, "smap"), CR4_SMAP);
	assert_int_equal(flags_lookup(cr4_flags, "smurf"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paging__levels_cover_the_address),
		cmocka_unit_test(test_paging__linux_names),
		cmocka_unit_test(test_paging__modes_by_name),
		cmocka_unit_test(test_paging__index_of_textbook_address),
		cmocka_unit_test(test_paging__targets),
		cmocka_unit_test(test_paging__leaves),
		cmocka_unit_test(test_paging__canonical),
		cmocka_unit_test(test_paging__entries_by_name),
		cmocka_unit_test(test_paging__size_names),
		cmocka_unit_test(test_flags__format_and_cut_off),
		cmocka_unit_test(test_flags__diff),
		cmocka_unit_test(test_flags__lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

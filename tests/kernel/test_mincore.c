/*
 * test_mincore.c - which pages are resident. Rows: golden/linux-behaviour.tsv,
 * the same on all kernels; the others follow Linux 6.1's mm/mincore.c.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

static const struct mm_row rows[] = {
	/* golden */
	{ "mincore", "anon_written_read_untouched", "m 0 3 rw p w 0 r 1 M 0 3", "1 1 0", NULL },
	{ "mincore", "file_in_cache_never_touched", "f 8 1 r p 0 r 8 u 8 1 f 0 1 r p 0 M 0 1 s 0 1", "1 none", NULL },
	{ "mincore", "hole", "?M 0 1", "ENOMEM", NULL },
	{ "mincore", "unaligned", "m 0 1 rw p ?M 0+0x10 1", "EINVAL", NULL },
	{ "mincore", "len_0", "m 0 1 rw p ?M 0 0", "ok", NULL },
	{ "mincore", "prot_none_page", "m 0 1 rw p w 0 p 0 1 - ?M 0 1", "ok 1", NULL },

	{ "mincore_errors", "len_0_in_a_hole", "?M 0 0", "ok", NULL },
	{ "mincore_errors", "hole_behind", "m 0 2 rw p ?M 0 3", "ENOMEM", NULL },
	{ "mincore_errors", "beyond_user_space", "?M @0xfffffffffffff000 1 ?M 0 0xffffffffffffffff.", "ENOMEM ENOMEM", NULL },
	{ "mincore_errors", "unaligned_beats_all", "?M @0x1001 0", "EINVAL", NULL },
	{ "mincore_errors", "a_byte_is_a_page", "m 0 2 rw p w 0 ?M 0 1. ?M 0 0x1001.", "ok 1 ok 1 0", NULL },
	{ "mincore_pages", "zero_page_and_after_DONTNEED", "m 0 2 rw p r 0 w 1 M 0 2 a 0 2 DONTNEED M 0 2", "1 1 0 0", NULL },
	{ "mincore_pages", "fault_around_of_a_file", "f 0 64 r p 0 r 0 M 15 2 s 0 20", "1 0 0-15", NULL },
	{ "mincore_pages", "over_areas", "m 0 2 rw p m 2 2 r p m 4 2 rw s w 1 w 5 M 0 6", "0 1 0 0 0 1", NULL },
	{ "mincore_pages", "shared_memory_that_only_the_other_has_mapped", "m 0 2 rw s F w 0 C M 0 2 s 0 2", "1 0 none", NULL },
	{ "mincore_pages", "private_file_page_written", "f 0 2 rw p 0 w 0 M 0 2", "1 1", NULL },
	{ "mincore_pages", "beyond_the_file", "f 0 70 r p 0 a 0 64 POPULATE_READ M 62 4", "1 1 0 0", NULL },
};

static void test_mincore__to_user_memory(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_struct *mm;
		struct mm_run r;
		va_t base;

		run_setup(&r, a);
		mm = cur_mm(&r);
		base = r.base;
		run_script(&r, "m 0 2 rw p m 2 1 r p w 0");
		assert_int_equal(mincore_to_user(r.k, mm, base, PAGE_SIZE,
						 base + PAGE_SIZE), 0);
		run_script(&r, "d 1 # |");
		assert_int_equal(mincore_to_user(r.k, mm, base, PAGE_SIZE,
						 base + 2 * PAGE_SIZE),
				 -EFAULT);
		assert_int_equal(mincore_to_user(r.k, mm, base, PAGE_SIZE, 0),
				 -EFAULT);
		assert_int_equal(mincore_to_user(r.k, mm, base, 4 * PAGE_SIZE,
						 mm->task_size), -EFAULT);
		assert_int_equal(mincore_to_user(r.k, mm, base, 4 * PAGE_SIZE,
						 base), -ENOMEM);
		assert_string_equal(r.out, "value=1 |");
		run_teardown(&r);
	}
}

/* The vdso is there before anybody has touched it. */
static void test_mincore__pages_of_the_kernel(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		const struct vm_area_struct *vma;
		uint8_t vec[8] = { 0 };
		struct mm_run r;

		run_setup(&r, a);
		vma = find_vma(cur_mm(&r), cur_mm(&r)->vdso);
		assert_int_equal(do_mincore(r.k, cur_mm(&r), vma->vm_start,
					    vma->vm_end - vma->vm_start, vec),
				 0);
		assert_int_equal(vec[0], 1);
		run_teardown(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_mincore__to_user_memory),
		cmocka_unit_test(test_mincore__pages_of_the_kernel),
	};

	return run_rows("mincore", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

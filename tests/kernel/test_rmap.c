/*
 * test_rmap.c - from a frame to all who map it.
 */
#include "tests/kernel/mm_script.h"

struct found {
	unsigned n;
	va_t va[8];
	int pid[8];
};

static bool note(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct found *f = ctx;

	f->va[f->n] = va;
	f->pid[f->n++] = vma->vm_mm->owner_pid;
	return f->n < 8;
}

static struct found walk(struct mm_run *r, va_t va)
{
	struct found f = { 0 };

	rmap_walk(r->k, pte_to_pfn(r->k, leaf(r, va)), note, &f);
	return f;
}

/* How many mappers a page has after a script; 0-based page of the base. */
static const struct {
	const char *name, *script;
	unsigned page, mappers;
} cases[] = {
	{ "anon_has_one", "m 0 1 rw p w 0", 0, 1 },
	{ "after_fork_two", "m 0 1 rw p w 0 F", 0, 2 },
	{ "after_copy_one", "m 0 1 rw p w 0 F w 0", 0, 1 },
	{ "split_areas_still_find_it", "m 0 6 rw p W 0 6 F p 2 2 r", 5, 2 },
	{ "merged_areas_still_find_it",
	  "m 0 2 rw p w 0 m 4 2 rw p m 2 2 rw p w 5 F", 5, 2 },
	{ "shared_memory", "m 0 1 rw s w 0 F C w 0", 0, 2 },
	{ "file_mapped_twice", "f 0 4 r s 0 f 8 4 r p 0 r 0 r 8", 0, 2 },
	{ "file_at_other_offset", "f 0 4 r s 2 f 8 4 r p 0 r 0 r 8", 10, 2 },
	{ "zero_page_is_nobody's", "m 0 1 rw p r 0", 0, 0 },
	{ "prot_none_still_maps", "m 0 1 rw p w 0 p 0 1 -", 0, 1 },
};

static void test_rmap_case(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			struct mm_run r;
			struct found f;

			run_setup(&r, a);
			run_script(&r, cases[i].script);
			f = walk(&r, r.base + cases[i].page * PAGE_SIZE);
			if (f.n != cases[i].mappers)
				fail_msg("%s: %s: %u mappers", a->name,
					 cases[i].name, f.n);
			run_teardown(&r);
		}
}

static void test_rmap__names_process_and_address(void **state)
{
	struct mm_run r;
	struct found f;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "m 0 4 rw p W 0 4 F");
	f = walk(&r, r.base + 2 * PAGE_SIZE);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.pid[0] + f.pid[1], 1 + 2);
	assert_int_equal(f.va[0], r.base + 2 * PAGE_SIZE);
	assert_int_equal(f.va[1], r.base + 2 * PAGE_SIZE);
	run_teardown(&r);
}

static void test_rmap_check__finds_a_wrong_count(void **state)
{
	struct mm_run r;
	struct page *page;

	run_setup(&r, arch_by_name("i386"));
	run_script(&r, "m 0 4 rw p W 0 4");
	page = pfn_to_page(r.k, pte_to_pfn(r.k, leaf(&r, r.base)));
	page->_mapcount++;
	assert_int_equal(rmap_check(r.k, NULL, NULL), 1);
	page->_mapcount--;
	page->_refcount++;
	assert_int_equal(rmap_check(r.k, NULL, NULL), 1);
	page->_refcount--;
	cur_mm(&r)->rss[MM_ANONPAGES]++;
	assert_int_equal(mm_check(r.k, cur_mm(&r), NULL, NULL), 1);
	cur_mm(&r)->rss[MM_ANONPAGES]--;
	run_teardown(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rmap_case),
		cmocka_unit_test(test_rmap__names_process_and_address),
		cmocka_unit_test(test_rmap_check__finds_a_wrong_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

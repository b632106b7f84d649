/*
 * test_memory.c - fault counts, fault-around, what entries look like, events.
 * Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and value_686. The
 * rows called disk there were seen on 6.18; tmpfs rows use shmem.
 */
#include "tests/kernel/mm_script.h"

static const struct mm_row rows[] = {
	{ "fault_counts", "anon_write_64", "m 0 64 rw p W 0 64 W 0 64", "64 0", NULL },
	{ "fault_counts", "anon_read_then_write_64", "m 0 64 rw p R 0 64 W 0 64", "64 64", NULL },
	{ "fault_counts", "shmem_read_then_write_64", "m 0 64 rw s R 0 64 W 0 64", "64 0", NULL },
	{ "fault_counts", "shmem_write_64", "m 0 64 rw s W 0 64", "64", NULL },
	{ "fault_counts", "populate_then_write_64", "m 0 64 rw pP W 0 64", "0", NULL },
	{ "fault_counts", "populate_ro_64_present", "m 0 64 r pP s 0 64", "0-63", NULL },
	{ "zero_page", "read_fault", "m 0 2 rw p r 0 c r 1 c", "min=1 maj=0 min=1 maj=0", NULL },
	{ "zero_page", "two_pages_pfn", "m 0 2 rw p r 0 r 1 k 0 = 1", "pfn same", NULL },
	{ "zero_page", "write_after_read", "m 0 2 rw p r 0 r 1 k 0 w 0 c = 0 = 1",
	  "min=1 maj=0 pfn new pfn same", NULL },

	/* the window: 16 pages from an aligned address, not on write faults */
	{ "file_fault_around", "shared_write_page_5", "f 0 64 rw s 0 w 5 c s 0 64", "min=1 maj=0 5", NULL },
	{ "file_fault_around", "private_write_page_5", "f 0 64 rw p 0 w 5 c s 0 64", "min=1 maj=0 5", NULL },
	{ "file_fault_around", "tmpfs_then_write_64_minflt",
	  "f 0 64 rw sT 0 W 0 64 u 0 64 f 0 64 rw sT 0 R 0 64 W 0 64", "64 4 0", NULL },
	{ "file_fault_around", "tmpfs_read_page_5",
	  "f 0 64 rw sT 0 W 0 64 u 0 64 f 0 64 rw sT 0 r 5 c s 0 64 r 40 c s 0 64 R 0 64",
	  "64 min=1 maj=0 0-15 min=1 maj=0 0-15 32-47 2", NULL },
	{ "file_fault_around", "tmpfs_private_read_page_6",
	  "f 0 64 rw sT 0 W 0 64 u 0 64 f 0 64 rw pT 0 w 5 c r 6 c s 0 64",
	  "64 min=1 maj=0 min=1 maj=0 0-15", NULL },
	{ "file_fault_around", "tmpfs_vma_at_page_3_offset_7_read_page_10",
	  "f 0 64 rw sT 0 W 0 64 u 0 64 f 3 40 rw sT 7 r 10 c s 0 64",
	  "64 min=1 maj=0 3-18", NULL },
	{ "file_fault_around", "disk_read_all_64_then_write",
	  "f 0 64 rw s 0 R 0 64 W 0 64", "4 64", NULL },
	{ "file_fault_around", "disk_read_page_40_in_the_cache",
	  "f 0 64 r s 0 R 0 64 u 0 64 f 0 64 r s 0 r 5 r 40 s 0 64", "4 0-15 32-47", NULL },
	{ "file_fault_around", "clipped_to_the_area",
	  "f 0 64 r s 0 R 0 64 u 0 64 f 20 3 r s 0 r 21 s 0 64", "4 20-22", NULL },
	{ "file_fault_around", "clipped_to_the_page_table",
	  "f 0 64 r s 0 R 0 64 u 0 64 f 1023 2 r s 0 r 1023 s 1017 9", "4 6", NULL },
};

struct pte_case {
	const char *script;
	va_t page;
	uint64_t amd64, pae, i386;	/* without the frame number */
};

/* Bits of entries, exactly as 6.1 writes them. */
static void test_pte__bits(void **state)
{
	static const struct pte_case cases[] = {
		{ "m 0 1 rw p w 0", 0, BIT(63) | 0x867, BIT(63) | 0x067, 0x067 },
		{ "m 0 1 rw p r 0", 0, BIT(63) | 0x225, BIT(63) | 0x225, 0x225 },
		{ "m 0 1 rwx p w 0", 0, 0x867, 0x067, 0x067 },
		{ "f 0 1 rx p 0 r 0", 0, 0x025, 0x025, 0x025 },
		{ "f 0 1 rw p 0 r 0", 0, BIT(63) | 0x025, BIT(63) | 0x025, 0x025 },
		{ "f 0 1 rw s 0 r 0", 0, BIT(63) | 0x025, BIT(63) | 0x025, 0x025 },
		{ "f 0 1 rw s 0 w 0", 0, BIT(63) | 0x867, BIT(63) | 0x067, 0x067 },
		{ "m 0 1 rw s r 0", 0, BIT(63) | 0x027, BIT(63) | 0x027, 0x027 },
		{ "m 0 1 rw s w 0", 0, BIT(63) | 0x867, BIT(63) | 0x067, 0x067 },
		{ "m 0 1 rw p w 0 p 0 1 r", 0, BIT(63) | 0x865, BIT(63) | 0x065, 0x065 },
		{ "m 0 1 rw p w 0 F", 0, BIT(63) | 0x865, BIT(63) | 0x065, 0x065 },
		{ "m 0 1 rw p w 0 F C", 0, BIT(63) | 0x845, BIT(63) | 0x045, 0x045 },
	};

	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
			const struct pte_case *c = &cases[i];
			uint64_t want = a->word == 8 ? c->amd64 :
					a->mode == PAGING_PAE ? c->pae :
								c->i386;
			struct mm_run r;
			uint64_t pte;

			run_setup(&r, a);
			run_script(&r, c->script);
			pte = leaf(&r, r.base + c->page * PAGE_SIZE);
			if ((pte & ~PTE_PFN_MASK) != want)
				fail_msg("%s: %s: 0x%llx", a->name, c->script,
					 (unsigned long long)pte);
			run_teardown(&r);
		}
}

/* The zero page is no memory of anybody's; each other page is in one counter. */
static void test_rss__counts_each_kind(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		uint64_t before[NR_MM_COUNTERS];
		const uint64_t *rss;

		run_setup(&r, a);
		rss = cur_mm(&r)->rss;
		memcpy(before, rss, sizeof(before));
		run_script(&r, "m 0 8 rw p R 0 8");
		assert_int_equal(rss[MM_ANONPAGES], before[MM_ANONPAGES]);
		run_script(&r, "W 0 3");
		assert_int_equal(rss[MM_ANONPAGES], before[MM_ANONPAGES] + 3);
		run_script(&r, "m 10 8 rw s W 10 4 f 20 8 rw p 0 r 20 w 21");
		assert_int_equal(rss[MM_SHMEMPAGES], 4);
		assert_int_equal(rss[MM_FILEPAGES], before[MM_FILEPAGES] + 7);
		assert_int_equal(rss[MM_ANONPAGES], before[MM_ANONPAGES] + 4);
		run_script(&r, "u 0 40");
		assert_memory_equal(rss, before, sizeof(before));
		run_teardown(&r);
	}
}

/* --- events --------------------------------------------------------------- */

struct story {
	char text[1024];
};

static void hear(void *ctx, const struct kevent *ev)
{
	struct story *s = ctx;
	size_t n = strlen(s->text);

	if (ev->kind == KEV_FAULT || ev->kind == KEV_HANDLER)
		snprintf(s->text + n, sizeof(s->text) - n, "%s(%s)%u ",
			 ev->func, ev->note ? ev->note : "", ev->n);
	if (ev->kind == KEV_PTE)
		snprintf(s->text + n, sizeof(s->text) - n, "PTE ");
}

static void test_events__tell_the_story_of_a_copy(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct story s = { "" };
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "m 0 1 rw p w 0 F");
		r.k->sink = (struct kevent_sink){ hear, &s };
		run_script(&r, "w 0 C w 0");
		r.k->sink.fn = NULL;
		assert_string_equal(s.text,
				    "exc_page_fault()0 PTE do_wp_page(copied)2 "
				    "exc_page_fault()0 PTE "
				    "do_wp_page(reused, sole owner)1 ");
		run_teardown(&r);
	}
}

/* Content travels with copies, and not between the copies. */
static void test_memory__content(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		char buf[16];

		run_setup(&r, a);
		run_script(&r, "m 0 4 rw p");
		user_access(r.k, 0, ACCESS_WRITE, true, r.base + 0xffd,
			    "parent", 7, &r.last);
		step_fork(&r);
		user_access(r.k, 1, ACCESS_WRITE, true, r.base + 0xffd,
			    "child!", 7, &r.last);
		assert_int_equal(r.last.min_flt, 2);
		user_access(r.k, 0, ACCESS_READ, true, r.base + 0xffd, buf, 7,
			    &r.last);
		assert_string_equal(buf, "parent");
		assert_int_equal(access_remote_vm(r.k, r.task[1]->mm,
						  r.base + 0xffd, buf, 7,
						  false), 0);
		assert_string_equal(buf, "child!");
		run_teardown(&r);
	}
}

static void test_memory__no_memory_kills_the_task(void **state)
{
	struct mm_run r;
	int killed = 0;

	run_setup(&r, arch_by_name("x86_64"));
	va_t va, at;
	assert_int_equal(do_mmap(r.k, cur_mm(&r), NULL, 0, 512 * MiB, 3,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
				 LX_MAP_NORESERVE, 0, &va), 0);
	for (at = va; at < va + 512 * MiB && !killed; at += PAGE_SIZE) {
		touch(&r, ACCESS_WRITE, at, 1);
		killed = r.last.sig.signo;
	}
	assert_int_equal(killed, 9);
	assert_int_equal(do_munmap(r.k, cur_mm(&r), va, 512 * MiB), 0);
	run_teardown(&r);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_pte__bits),
		cmocka_unit_test(test_rss__counts_each_kind),
		cmocka_unit_test(test_events__tell_the_story_of_a_copy),
		cmocka_unit_test(test_memory__content),
		cmocka_unit_test(test_memory__no_memory_kills_the_task),
	};

	return run_rows("memory", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

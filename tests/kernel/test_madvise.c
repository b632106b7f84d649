/*
 * test_madvise.c - advice: what it does to areas, to pages, in fork, and which
 * it refuses. Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and
 * value_686; the others follow Linux 6.1's mm/madvise.c.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

static const struct mm_row rows[] = {
	/* golden */
	{ "fault_counts", "madv_populate_write", "m 0 64 rw p ?a 0 64 POPULATE_WRITE s 0 64 W 0 64",
	  "ok 0-63 0", NULL },
	{ "fault_counts", "madv_populate_read", "m 0 16 rw p ?a 0 16 POPULATE_READ s 0 16 W 0 16",
	  "ok 0-15 16", NULL },
	{ "fault_counts", "madv_populate_write_on_ro", "m 0 4 r p ?a 0 4 POPULATE_WRITE", "EINVAL", NULL },
	{ "fault_counts", "madv_populate_read_on_hole", "m 0 2 rw p ?a 0 4 POPULATE_READ s 0 4",
	  "ENOMEM 0-1", NULL },
	{ "fork_advice", "child_vmas", "m 0 1 rw p m 4 1 rw p m 6 1 rw p a 0 1 DONTFORK a 4 1 WIPEONFORK F C L",
	  "4-5:rw-p 6-7:rw-p", NULL },
	{ "fork_advice", "child_dontfork", "m 0 1 rw p w 0 a 0 1 DONTFORK F C ?r 0",
	  "SIGSEGV MAPERR addr=base+0x0 err=0x4 trap=14", NULL },
	{ "fork_advice", "child_wipeonfork", "m 0 1 rw p w 0 a 0 1 WIPEONFORK F C ?r 0 d 0 B d 0",
	  "ok value=0 value=1", NULL },
	{ "fork_advice", "child_wipe_vmflags", "m 0 1 rw p a 0 1 WIPEONFORK F C v 0",
	  "rd wr mr mw me ac wf sd", "rd wr mr mw me ac wf" },
	{ "fork_advice", "parent_keeps", "m 0 1 rw p m 4 1 rw p w 0 w 4 a 0 1 DONTFORK a 4 1 WIPEONFORK F C r 4 X d 0 d 4",
	  "value=1 value=1", NULL },
	{ "fork_advice", "child_VmLck_kB", "m 6 1 rw p w 6 l 6 1 F y C y", "locked=1,1 locked=0,1", NULL },
	{ "madv_dontneed", "present", "m 0 4 rw p W 0 4 a 0 2 DONTNEED s 0 4", "4 2-3", NULL },
	{ "madv_dontneed", "value", "m 0 4 rw p W 0 4 a 0 2 DONTNEED r 0 d 0", "4 value=0", NULL },
	{ "madv_dontneed", "then_write", "m 0 4 rw p W 0 4 a 0 2 DONTNEED r 0 w 0 c", "4 min=1 maj=0", NULL },
	{ "madv_dontneed", "kept_page", "m 0 4 rw p W 0 4 a 0 2 DONTNEED d 2", "4 value=1", NULL },
	{ "madv_dontneed", "second_page_direct_write", "m 0 4 rw p W 0 4 a 0 2 DONTNEED w 1 c",
	  "4 min=1 maj=0", NULL },
	{ "madv_free", "result", "m 0 2 rw p W 0 2 ?a 0 2 FREE q 0 q 1 d 0",
	  "2 ok anon,writable anon,writable value=1", NULL },
	{ "madv_free", "write_cancels", "m 0 2 rw p W 0 2 a 0 2 FREE w 0 c q 0 q 1",
	  "2 min=0 maj=0 anon,young,dirty,writable anon,writable", NULL },
	{ "madv_cold_pageout_noswap", "cold", "m 0 2 rw p W 0 2 ?a 0 2 COLD s 0 2 q 0",
	  "2 ok 0-1 anon,dirty,writable", NULL },
	{ "madv_cold_pageout_noswap", "pageout_no_swap", "m 0 2 rw p W 0 2 ?a 0 2 PAGEOUT s 0 2",
	  "2 ok 0-1", NULL },
	{ "file_fault_around", "tmpfs_madv_random_read_page_5", "f 0 16 r p 0 a 0 16 RANDOM r 5 c s 0 16",
	  "min=1 maj=0 0-15", NULL },

	/* what splits, and what does not */
	{ "madv_split", "RANDOM", "m 0 4 rw p a 1 2 RANDOM L v 1", "0-1:rw-p 1-3:rw-p 3-4:rw-p rd wr mr mw me rr ac sd",
	  "0-1:rw-p 1-3:rw-p 3-4:rw-p rd wr mr mw me rr ac" },
	{ "madv_split", "SEQUENTIAL_then_RANDOM", "m 0 4 rw p a 0 4 SEQUENTIAL v 0 a 0 4 RANDOM v 0 a 0 4 NORMAL v 0",
	  "rd wr mr mw me sr ac sd rd wr mr mw me rr ac sd rd wr mr mw me ac sd",
	  "rd wr mr mw me sr ac rd wr mr mw me rr ac rd wr mr mw me ac" },
	{ "madv_split", "NORMAL_merges_back", "m 0 4 rw p a 1 2 SEQUENTIAL a 1 2 NORMAL L", "0-4:rw-p", NULL },
	{ "madv_split", "DONTFORK_and_back", "m 0 4 rw p a 1 1 DONTFORK L a 1 1 DOFORK L",
	  "0-1:rw-p 1-2:rw-p 2-4:rw-p 0-4:rw-p", NULL },
	{ "madv_split", "WIPEONFORK_and_back", "m 0 4 rw p a 1 1 WIPEONFORK L a 1 1 KEEPONFORK L",
	  "0-1:rw-p 1-2:rw-p 2-4:rw-p 0-4:rw-p", NULL },
	{ "madv_split", "DONTDUMP_and_back", "m 0 4 rw p a 0 1 DONTDUMP L a 0 1 DODUMP L",
	  "0-1:rw-p 1-4:rw-p 0-4:rw-p", NULL },
	{ "madv_split", "HUGEPAGE_then_NOHUGEPAGE", "m 0 4 rw p a 0 2 HUGEPAGE v 0 a 0 2 NOHUGEPAGE v 0 L",
	  "rd wr mr mw me ac sd hg rd wr mr mw me ac sd nh 0-2:rw-p 2-4:rw-p",
	  "rd wr mr mw me ac hg rd wr mr mw me ac nh 0-2:rw-p 2-4:rw-p" },
	{ "madv_split", "nor_do_these", "m 0 4 rw p a 1 1 DONTNEED a 1 1 FREE a 1 1 COLD a 1 1 PAGEOUT a 1 1 WILLNEED L",
	  "0-4:rw-p", NULL },
	{ "madv_split", "equal_neighbours_merge_over_both_sides",
	  "m 0 2 rw p m 2 2 rw p m 4 2 rw p a 0 2 RANDOM a 4 2 RANDOM L a 2 2 RANDOM L",
	  "0-2:rw-p 2-4:rw-p 4-6:rw-p 0-6:rw-p", NULL },
	{ "madv_split", "of_a_file", "f 0 8 r p 0 a 2 2 RANDOM L", "0-2:r--p@0 2-4:r--p@2 4-8:r--p@4", NULL },

	/* holes: -ENOMEM, and all that is there was advised */
	{ "madv_hole", "both_parts_are_applied", "m 0 2 rw p m 3 2 rw p W 0 2 W 3 2 ?a 0 5 DONTNEED s 0 5",
	  "2 2 ENOMEM none", NULL },
	{ "madv_hole", "flags_too", "m 0 2 rw p m 3 2 rw p ?a 1 3 RANDOM L", "ENOMEM 0-1:rw-p 1-2:rw-p 3-4:rw-p 4-5:rw-p", NULL },
	{ "madv_hole", "starts_in_one", "m 1 2 rw p W 1 2 ?a 0 3 DONTNEED s 0 4", "2 ENOMEM none", NULL },
	{ "madv_hole", "ends_in_one", "m 0 2 rw p W 0 2 ?a 0 8 DONTNEED s 0 4", "2 ENOMEM none", NULL },
	{ "madv_hole", "nothing_there", "?a 0 4 DONTNEED", "ENOMEM", NULL },
	{ "madv_hole", "POPULATE_goes_on", "m 0 1 rw p m 2 1 rw p ?a 0 3 POPULATE_WRITE s 0 3", "ENOMEM 0 2", NULL },
	{ "madv_hole", "an_error_ends_it", "m 0 1 rw p m 1 1 rw s m 2 1 rw p W 0 3 ?a 0 3 FREE q 0 q 2",
	  "3 EINVAL anon,writable anon,young,dirty,writable", NULL },

	/* arguments */
	{ "madv_errors", "unaligned", "m 0 2 rw p ?a 0+0x10 1 DONTNEED", "EINVAL", NULL },
	{ "madv_errors", "length_is_rounded_up", "m 0 2 rw p W 0 2 ?a 0 1. DONTNEED s 0 2", "2 ok 1", NULL },
	{ "madv_errors", "len_0", "m 0 2 rw p ?a 0 0 DONTNEED", "ok", NULL },
	{ "madv_errors", "len_0_in_a_hole", "?a 0 0 DONTNEED", "ok", NULL },
	{ "madv_errors", "length_wraps_to_0", "m 0 2 rw p ?a 0 0xffffffffffffffff. DONTNEED", "EINVAL", NULL },
	{ "madv_errors", "no_such_advice", "m 0 2 rw p ?a 0 1 7 ?a 0 1 99", "EINVAL EINVAL", NULL },
	{ "madv_errors", "bad_advice_beats_len_0", "?a 0 0 7", "EINVAL", NULL },
	{ "madv_errors", "no_KSM", "m 0 2 rw p ?a 0 1 MERGEABLE ?a 0 1 UNMERGEABLE", "EINVAL EINVAL", NULL },
	{ "madv_errors", "no_memory_failure", "m 0 2 rw p ?a 0 1 HWPOISON ?a 0 1 SOFT_OFFLINE", "EINVAL EINVAL", NULL },
	{ "madv_errors", "locked", "m 0 1 rw pl ?a 0 1 DONTNEED ?a 0 1 FREE ?a 0 1 COLD ?a 0 1 PAGEOUT ?a 0 1 REMOVE s 0 1",
	  "EINVAL EINVAL EINVAL EINVAL EINVAL 0", NULL },
	{ "madv_errors", "DONTNEED_LOCKED", "m 0 2 rw pl ?a 0 1 DONTNEED_LOCKED s 0 2", "ok 1", NULL },
	{ "madv_errors", "FREE_of_shared", "m 0 1 rw s ?a 0 1 FREE", "EINVAL", NULL },
	{ "madv_errors", "FREE_of_file", "f 0 1 rw p 0 ?a 0 1 FREE", "EINVAL", NULL },
	{ "madv_errors", "WIPEONFORK_of_shared", "m 0 1 rw s ?a 0 1 WIPEONFORK", "EINVAL", NULL },
	{ "madv_errors", "WIPEONFORK_of_private_file", "f 0 1 rw p 0 ?a 0 1 WIPEONFORK", "EINVAL", NULL },
	{ "madv_errors", "REMOVE_of_anonymous", "m 0 1 rw p ?a 0 1 REMOVE", "EINVAL", NULL },
	{ "madv_errors", "REMOVE_of_private", "f 0 1 rw p 0 ?a 0 1 REMOVE", "EACCES", NULL },
	{ "madv_errors", "REMOVE_of_what_cannot_become_writable", "f 1 1 r so 0 ?a 1 1 REMOVE", "EACCES", NULL },
	{ "madv_errors", "REMOVE_of_what_can", "m 0 1 rw s w 0 p 0 1 r ?a 0 1 REMOVE d 0", "ok value=0", NULL },
	{ "madv_errors", "POPULATE_of_PROT_NONE", "m 0 1 - p ?a 0 1 POPULATE_READ ?a 0 1 POPULATE_WRITE", "EINVAL EINVAL", NULL },
	{ "madv_errors", "POPULATE_READ_needs_READ", "m 0 1 w p ?a 0 1 POPULATE_READ ?a 0 1 POPULATE_WRITE", "EINVAL ok", NULL },
	{ "madv_errors", "POPULATE_beyond_end_of_file", "f 0 70 r p 0 ?a 0 70 POPULATE_READ s 0 70", "EFAULT 0-63", NULL },

	{ "madv_errors", "REMOVE_of_a_file_without_blocks", "f 0 1 rw s 0 ?a 0 1 REMOVE", "EOPNOTSUPP", NULL },

	/* pages */
	{ "madv_pages", "REMOVE_makes_a_hole_for_all", "m 0 4 rw s W 0 4 F C R 0 4 B ?a 1 2 REMOVE s 0 4 d 0 d 1 C s 0 4 d 2 d 3",
	  "4 1 ok 0 3 value=1 value=0 0 3 value=0 value=1", NULL },
	{ "madv_pages", "REMOVE_frees_the_pages_of_the_file", "f 0 4 rw sT 0 W 0 4 a 0 4 REMOVE M 0 4 d 3", "4 0 0 0 0 value=0", NULL },
	{ "madv_pages", "REMOVE_over_a_hole", "m 0 1 rw s m 2 1 rw s W 0 1 W 2 1 ?a 0 3 REMOVE M 0 1 M 2 1", "1 1 ENOMEM 0 0", NULL },
	{ "madv_pages", "DONTNEED_of_a_private_file_page_shows_the_file_again",
	  "f 0 2 rw p 0 w 0 d 0 ?a 0 1 DONTNEED d 0", "value=1 ok value=0", NULL },
	{ "madv_pages", "DONTNEED_of_shared_keeps_the_page", "m 0 1 rw s w 0 k 0 a 0 1 DONTNEED d 0 r 0 = 0",
	  "value=1 pfn same", NULL },
	{ "madv_pages", "FREE_leaves_the_zero_page", "m 0 1 rw p r 0 a 0 1 FREE q 0", "zero,young", NULL },
	{ "madv_pages", "FREE_of_a_page_that_fork_shares", "m 0 1 rw p w 0 F a 0 1 FREE q 0 C q 0",
	  "anon anon,dirty", NULL },
	{ "madv_pages", "COLD_leaves_pages_of_others_young", "m 0 2 rw p W 0 2 F a 0 2 COLD q 0", "2 anon,young,dirty", NULL },
	{ "madv_pages", "WILLNEED_maps_nothing", "f 0 16 r p 0 ?a 0 16 WILLNEED s 0 16 r 0 c s 0 16", "ok none min=1 maj=0 0-15", NULL },
	{ "madv_pages", "POPULATE_READ_of_a_file", "f 0 32 r p 0 ?a 3 20 POPULATE_READ R 3 20", "ok 0", NULL },
	{ "madv_pages", "POPULATE_WRITE_breaks_COW", "f 0 2 rw p 0 a 0 2 POPULATE_WRITE q 0 m 4 2 rw p W 4 2 F a 4 2 POPULATE_WRITE q 4 W 4 2",
	  "anon,young,dirty,writable 2 anon,young,dirty,writable 0", NULL },
	{ "madv_pages", "DONTNEED_PROT_NONE", "m 0 2 rw p W 0 2 p 0 2 - ?a 0 1 DONTNEED s 0 2 p 0 2 rw d 0 d 1",
	  "2 ok 1 value=0 value=1", NULL },
	{ "madv_hugetlb", "DONTNEED_of_whole_pages_only",
	  "% nr_hugepages 2 m 0 1024 rw pz w 0 ?a 1 1023 DONTNEED ?a 0 1 DONTNEED s 0 1 ?a 0 1024 DONTNEED s 0 1",
	  "EINVAL ok 0 ok none", NULL },
	{ "madv_hugetlb", "not_for_the_lists", "% nr_hugepages 2 m 0 1024 rw pz ?a 0 1024 COLD ?a 0 1024 PAGEOUT ?a 0 1024 FREE ?a 0 1024 DODUMP",
	  "EINVAL EINVAL EINVAL ok", NULL },
	{ "madv_hugetlb", "mlock_populates_and_counts_nothing", "% nr_hugepages 2 m 0 1024 rw pz ?l 0 1024 y s 0 1 M 0 1", "ok locked=0,0 0 1", NULL },
	{ "fork_advice", "DOFORK_and_KEEPONFORK_undo", "m 0 1 rw p m 2 1 rw p W 0 1 W 2 1 a 0 1 DONTFORK a 2 1 WIPEONFORK a 0 1 DOFORK a 2 1 KEEPONFORK F C d 0 d 2",
	  "1 1 value=1 value=1", NULL },
};

/* golden fault_counts: populate_64_counted_during_mmap, madv_populate_write */
static void test_madvise__populate_counts_faults(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct task_struct *task;
		struct mm_run r;
		uint64_t before;

		run_setup(&r, a);
		task = r.task[0];
		before = task->min_flt;
		run_script(&r, "m 0 64 rw pP");
		assert_int_equal(task->min_flt - before, 64);
		run_script(&r, "m 100 64 rw p a 100 64 POPULATE_WRITE");
		assert_int_equal(task->min_flt - before, 128);
		run_script(&r, "a 100 64 POPULATE_WRITE l 100 64");
		assert_int_equal(task->min_flt - before, 128);
		run_teardown(&r);
	}
}

static void test_madvise__survives_allocation_failures(void **state)
{
	static const char *const advice[] = { "RANDOM", "WIPEONFORK", "FREE",
					      "DONTNEED", "POPULATE_WRITE",
					      "HUGEPAGE", "POPULATE_READ" };

	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1, done = 0; !done; n++) {
			struct mm_run r;

			run_setup(&r, a);
			run_script(&r, "m 0 64 rw p W 0 8 F");
			r.k->fail_nth = n;
			for (int i = 1; i < 49; i++) {
				int err = do_madvise(r.k, cur_mm(&r),
						     r.base + i * PAGE_SIZE,
						     PAGE_SIZE,
						     madvise_by_name(
							     advice[i % 7]));

				assert_true(!err || err == -ENOMEM ||
					    err == -EAGAIN);
			}
			done = r.k->fail_nth;
			r.k->fail_nth = 0;
			run_script(&r, "W 0 64");
			run_teardown(&r);
		}
}

/* No area can be split any more: -EAGAIN, as madvise has it. */
static void test_madvise__too_many_areas(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("i386"));
	for (va_t va = 0x10000000; cur_mm(&r)->vmas.count < LX_MAX_MAP_COUNT;
	     va += 2 * PAGE_SIZE)
		do_mmap(r.k, cur_mm(&r), NULL, va, PAGE_SIZE, LX_PROT_READ,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&va);
	run_script(&r, "u @0x10000000 2 m 0 3 rw p ?a 0 1 RANDOM ?a 0 3 RANDOM"
		   " ?a 0 1 DONTNEED");
	assert_string_equal(r.out, "EAGAIN ok ok");
	run_teardown(&r);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_madvise__populate_counts_faults),
		cmocka_unit_test(test_madvise__survives_allocation_failures),
		cmocka_unit_test(test_madvise__too_many_areas),
	};

	return run_rows("madvise", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

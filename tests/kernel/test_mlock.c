/*
 * test_mlock.c - locked areas: what splits and merges, what becomes resident,
 * limits, counts of pages. Rows: golden/linux-behaviour.md and .tsv; the
 * others follow Linux 6.1's mm/mlock.c, and agree with the host's kernel.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

#define LO "rd wr mr mw me lo ac"

static const struct mm_row rows[] = {
	/* golden */
	{ "vma_merge_refused", "locked", "m 0 2 rw p m 2 2 rw pl L", "0-2:rw-p 2-4:rw-p", NULL },
	{ "vma_flags", "locked", "m 0 2 rw p l 0 2 v 0", LO " sd", LO },
	{ "mlock", "PROT_NONE_is_ENOMEM_but_stays_locked", "m 0 2 - p ?l 0 2 v 0 y",
	  "ENOMEM mr mw me lo sd locked=2,0", "ENOMEM mr mw me lo locked=2,0" },
	{ "mlock", "a_hole_is_ENOMEM_with_the_first_part_locked", "m 0 2 rw p m 3 2 rw p ?l 0 5 y v 0 v 3 s 0 5",
	  "ENOMEM locked=2,0 " LO " sd rd wr mr mw me ac sd none", "ENOMEM locked=2,0 " LO " rd wr mr mw me ac none" },
	{ "mlock", "over_the_limit", "K 2 m 0 4 rw p ?l 0 3 ?l 0 2 y", "ENOMEM ok locked=2,2", NULL },
	{ "mlock", "MAP_LOCKED_over_the_limit", "K 2 ?m 0 3 rw pl ?m 0 2 rw pl y", "EAGAIN ok locked=2,2", NULL },
	{ "mlock", "limit_0", "K 0 m 0 1 rw p ?l 0 1 ?m 2 1 rw pl ?A c ?A f", "EPERM EPERM EPERM EPERM", NULL },
	{ "fork_advice", "child_locked_vmflags", "m 0 1 rw p w 0 l 0 1 F C v 0 y w 0 c",
	  "rd wr mr mw me ac sd locked=0,1 min=1 maj=0", "rd wr mr mw me ac locked=0,1 min=1 maj=0" },
	{ "page_flags", "mlocked_anon", "m 0 1 rw p w 0 l 0 1 y U 0 1 y", "locked=1,1 locked=0,0", NULL },

	/* areas */
	{ "mlock_areas", "middle_and_back", "m 0 6 rw p ?l 2 2 L y ?U 2 2 L y",
	  "ok 0-2:rw-p 2-4:rw-p 4-6:rw-p locked=2,2 ok 0-2:rw-p 2-4:rw-p 4-6:rw-p locked=0,0", NULL },
	{ "mlock_areas", "middle_and_back_all_faulted_before", "m 0 6 rw p W 0 6 l 2 2 L U 2 2 L",
	  "6 0-2:rw-p 2-4:rw-p 4-6:rw-p 0-6:rw-p", NULL },
	{ "mlock_areas", "start_is_rounded_down_and_end_up", "m 0 4 rw p ?l 1+0x10 0x1000. L s 0 4",
	  "ok 0-1:rw-p 1-3:rw-p 3-4:rw-p 1-2", NULL },
	{ "mlock_areas", "twice_counts_once", "m 0 4 rw p l 0 4 l 1 2 y", "locked=4,4", NULL },
	{ "mlock_areas", "over_three", "m 0 2 rw p m 2 2 r p m 4 2 rw s ?l 1 4 L y",
	  "ok 0-1:rw-p 1-2:rw-p 2-4:r--p 4-5:rw-s@0 5-6:rw-s@1 locked=4,2", NULL },
	{ "mlock_areas", "munlock_over_a_hole", "m 0 2 rw pl m 3 2 rw pl ?U 0 5 y", "ENOMEM locked=2,2", NULL },
	{ "mlock_areas", "munlock_of_what_is_not_locked", "m 0 2 rw p ?U 0 2 ?U 0 0 ?U 5 1", "ok ok ENOMEM", NULL },
	{ "mlock_areas", "len_0", "?l 5 0 ?U 5 0", "ok ok", NULL },
	{ "mlock_areas", "starts_in_a_hole", "m 1 2 rw p ?l 0 3 y", "ENOMEM locked=0,0", NULL },
	{ "mlock_areas", "munmap_of_a_part", "m 0 4 rw pl y u 1 2 y", "locked=4,4 locked=2,2", NULL },
	{ "mlock_areas", "replaced_by_mmap", "m 0 4 rw pl m 1 2 rw p y", "locked=2,2", NULL },
	{ "mlock_areas", "locked_next_to_locked_merges", "m 0 2 rw pl m 2 2 rw pl L y", "0-4:rw-p locked=4,4", NULL },
	{ "mlock_areas", "the_length_wraps", "m 0 2 rw p ?l 0 0xffffffffffffe000.", "ENOMEM", NULL },
	{ "mlock_areas", "mprotect_populates_a_locked_area", "m 0 4 r pl s 0 4 q 0 p 0 4 rw s 0 4 q 0 y",
	  "0-3 zero,young 0-3 anon,young,dirty,writable locked=4,4", NULL },

	/* pages */
	{ "mlock_pages", "all_become_resident", "m 0 8 rw p l 0 8 s 0 8 W 0 8 y", "0-7 0 locked=8,8", NULL },
	{ "mlock_pages", "read_only_memory_gets_the_zero_page", "m 0 4 r p l 0 4 s 0 4 q 0 y", "0-3 zero,young locked=4,0", NULL },
	{ "mlock_pages", "write_only_and_exec_only_too", "m 0 1 w p m 1 1 rx p ?l 0 2 s 0 2", "ok 0-1", NULL },
	{ "mlock_pages", "exec_only_is_denied_by_its_key", "m 0 1 x p ?l 0 1 s 0 1 y", "ENOMEM none locked=1,0", "ok 0 locked=1,0" },
	{ "mlock_pages", "private_file_pages_are_copied", "f 0 2 rw p 0 l 0 2 q 0 y", "anon,young,dirty,writable locked=2,2", NULL },
	{ "mlock_pages", "shared_file_pages_stay_clean", "f 0 2 rw s 0 l 0 2 q 0 y", "file,young,lazyfree locked=2,2", NULL },
	{ "mlock_pages", "beyond_the_file", "f 0 70 r p 0 ?l 0 70 s 0 70 y", "ENOMEM 0-63 locked=70,64", NULL },
	{ "mlock_pages", "two_areas_lock_a_page_once", "f 0 1 r s 0 f 4 1 r s 0 l 0 1 l 4 1 y U 0 1 y U 4 1 y",
	  "locked=2,1 locked=1,1 locked=0,0", NULL },
	{ "mlock_pages", "COW_locks_the_copy", "m 0 2 rw p W 0 2 F l 0 1 y C w 0 B w 1 y", "2 locked=1,1 locked=1,1", NULL },
	{ "mlock_pages", "the_child_still_has_the_page", "m 0 1 rw pl F y u 0 1 y C y d 0", "locked=1,1 locked=0,0 locked=0,0 value=0", NULL },
	{ "mlock_pages", "FREE_and_DONTNEED_are_refused", "m 0 1 rw pl ?a 0 1 FREE ?a 0 1 DONTNEED ?a 0 1 DONTNEED_LOCKED y r 0 y w 0 y",
	  "EINVAL EINVAL ok locked=1,0 locked=1,0 locked=1,1", NULL },

	/* mlock2(MLOCK_ONFAULT) */
	{ "mlock_onfault", "maps_nothing", "m 0 4 rw p ?o 0 4 s 0 4 v 0 y w 1 y", "ok none rd wr mr mw me lo lf ac sd locked=4,0 locked=4,1",
	  "ok none rd wr mr mw me lo lf ac locked=4,0 locked=4,1" },
	{ "mlock_onfault", "locks_what_is_there", "m 0 4 rw p W 0 2 o 0 4 y", "2 locked=4,2", NULL },
	{ "mlock_onfault", "then_mlock_populates", "m 0 4 rw p o 0 4 l 0 4 s 0 4 y v 0", "0-3 locked=4,4 " LO " sd", "0-3 locked=4,4 " LO },
	{ "mlock_onfault", "splits_from_mlock", "m 0 4 rw p l 0 2 o 2 2 L", "0-2:rw-p 2-4:rw-p", NULL },
	{ "mlock_onfault", "munlock_takes_both", "m 0 4 rw p o 0 4 U 0 4 v 0 y", "rd wr mr mw me ac sd locked=0,0", "rd wr mr mw me ac locked=0,0" },

	/* limits: what is locked already does not count again */
	{ "mlock_limit", "overlap_counts_once", "K 4 m 0 8 rw p ?l 0 4 ?l 0 4 ?l 2 4 ?l 1 3", "ok ok ENOMEM ok", NULL },
	{ "mlock_limit", "refused_changes_nothing", "K 2 m 0 4 rw p ?l 0 4 L y s 0 4", "ENOMEM 0-4:rw-p locked=0,0 none", NULL },
	{ "mlock_limit", "limit_beats_hole", "K 2 ?l 0 4", "ENOMEM", NULL },
	{ "mlock_limit", "munlock_needs_none", "m 0 2 rw pl K 0 ?U 0 2 y", "ok locked=0,0", NULL },

	/* mlockall */
	{ "mlockall", "flags", "?A x ?A o ?A 8 ?A c8", "EINVAL EINVAL EINVAL EINVAL", NULL },
	{ "mlockall", "current_and_back", "m 0 4 rw p m 5 1 - p ?A c s 0 4 v 5 A - y v 0",
	  "ok 0-3 mr mw me lo sd locked=0,0 rd wr mr mw me ac sd", "ok 0-3 mr mw me lo locked=0,0 rd wr mr mw me ac" },
	{ "mlockall", "future_leaves_the_present", "m 0 2 rw p A f m 4 2 rw p y s 0 6", "locked=2,2 4-5", NULL },
	{ "mlockall", "future_onfault", "A fo m 4 2 rw p y v 4 w 4 y", "locked=2,0 rd wr mr mw me lo lf ac sd locked=2,1",
	  "locked=2,0 rd wr mr mw me lo lf ac locked=2,1" },
	{ "mlockall", "current_onfault", "m 0 4 rw p w 1 A co s 0 4 v 0", "1 rd wr mr mw me lo lf ac sd", "1 rd wr mr mw me lo lf ac" },
	{ "mlockall", "future_over_the_limit", "A f K 2 ?m 0 3 rw p ?m 0 2 rw p ?m 4 1 - p", "EAGAIN ok EAGAIN", NULL },
	{ "mlockall", "current_over_the_limit", "K 2 ?A c ?A f A - ?m 0 4 rw p", "ENOMEM ok ok", NULL },
	{ "mlockall", "current_ends_future", "A f A c m 0 2 rw p v 0 A -", "rd wr mr mw me ac sd", "rd wr mr mw me ac" },
	{ "mlockall", "the_heap_too", "A f y b 0x4000 y K 4 ?b 0x5000 ?b 0x2000 y", "locked=0,0 locked=4,4 refused ok locked=2,2", NULL },
	{ "mlockall", "not_inherited", "A f F C y m 0 2 rw p y", "locked=0,0 locked=0,0", NULL },
};

/* A stack that is locked grows by the page that was touched, within the limit. */
static void test_mlock__stack_growth(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "m 500 4 rw pg l 500 4 y w 498 y s 490 16 K 8 "
			   "?w 495 ?w 496 y");
		assert_string_equal(r.out,
				    "locked=4,4 locked=6,5 8 10-13 SIGSEGV "
				    "MAPERR addr=base+0x1ef000 err=0x6 trap=14 "
				    "ok locked=8,6");
		run_teardown(&r);
	}
}

static void test_mlock__capability_beats_limits(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		run_setup(&r, a);
		r.task[0]->cap_effective = BIT(CAP_IPC_LOCK);
		run_script(&r, "K 0 m 0 4 rw p ?l 0 4 ?m 8 4 rw pl y F C "
			   "?l 0 1");
		assert_string_equal(r.out, "ok ok locked=8,8 ok");
		run_teardown(&r);
	}
}

static int try_lock(struct mm_run *r, unsigned i)
{
	struct mm_struct *mm = cur_mm(r);
	va_t va = r->base + (i % 60) * PAGE_SIZE;

	switch (i % 5) {
	case 0: return do_mlock(r->k, mm, va, 3 * PAGE_SIZE, 0);
	case 1: return do_munlock(r->k, mm, va, 2 * PAGE_SIZE);
	case 2: return do_mlock(r->k, mm, va, PAGE_SIZE, LX_MLOCK_ONFAULT);
	case 3: return do_mlockall(r->k, mm, LX_MCL_CURRENT | LX_MCL_ONFAULT);
	default: return do_munlockall(r->k, mm);
	}
}

static void test_mlock__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1, done = 0; !done; n++) {
			struct mm_run r;

			run_setup(&r, a);
			run_script(&r, "m 0 64 rw p W 0 8 F");
			r.k->fail_nth = n;
			for (unsigned i = 0; i < 40; i++) {
				int err = try_lock(&r, i * 7);

				assert_true(!err || err == -ENOMEM ||
					    err == -EAGAIN);
			}
			done = r.k->fail_nth;
			r.k->fail_nth = 0;
			assert_int_equal(kernel_check(r.k, complain, NULL), 0);
			run_script(&r, "X");
			run_teardown(&r);
		}
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_mlock__stack_growth),
		cmocka_unit_test(test_mlock__capability_beats_limits),
		cmocka_unit_test(test_mlock__survives_allocation_failures),
	};

	return run_rows("mlock", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

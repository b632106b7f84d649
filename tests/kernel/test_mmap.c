/*
 * test_mmap.c - areas: placing, merging, splitting, errors, brk, stacks.
 * Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and value_686.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

static const struct mm_row rows[] = {
	/*   AA + BB -> AAAA */
	{ "vma_merge_same", "above", "m 0 2 rw p m 2 2 rw p L", "0-4:rw-p", NULL },
	{ "vma_merge_same", "below", "m 2 2 rw p m 0 2 rw p L", "0-4:rw-p", NULL },
	{ "vma_merge_same", "bridge", "m 0 2 rw p m 4 2 rw p m 2 2 rw p L", "0-6:rw-p", NULL },
	{ "vma_merge_same", "above_faulted_prev", "m 0 2 rw p w 0 m 2 2 rw p L", "0-4:rw-p", NULL },
	{ "vma_merge_same", "below_faulted_next", "m 2 2 rw p w 2 m 0 2 rw p L", "0-4:rw-p", NULL },
	{ "vma_merge_same", "bridge_two_anon_vmas",
	  "m 0 2 rw p w 0 m 4 2 rw p w 4 m 2 2 rw p L", "0-2:rw-p 2-6:rw-p", NULL },
	{ "vma_merge_same", "bridge_only_prev_faulted",
	  "m 0 2 rw p w 0 m 4 2 rw p m 2 2 rw p L", "0-6:rw-p", NULL },
	{ "vma_merge_refused", "prot", "m 0 2 rw p m 2 2 r p L", "0-2:rw-p 2-4:r--p", NULL },
	{ "vma_merge_refused", "private_shared", "m 0 2 rw p m 2 2 rw s L", "0-2:rw-p 2-4:rw-s@0", NULL },
	{ "vma_merge_refused", "two_shared_anon", "m 0 2 rw s m 2 2 rw s L", "0-2:rw-s@0 2-4:rw-s@0", NULL },
	{ "vma_merge_refused", "noreserve", "m 0 2 rw p m 2 2 rw pn L", "0-2:rw-p 2-4:rw-p", NULL },
	{ "vma_merge_refused", "map_stack", "m 0 2 rw p m 2 2 rw pt L", "0-4:rw-p", NULL },
	{ "vma_merge_refused", "locked", "m 0 2 rw p m 2 2 rw pl L", "0-2:rw-p 2-4:rw-p", NULL },
	{ "vma_merge_refused", "populate_merges", "m 0 2 rw p m 2 2 rw pP L", "0-4:rw-p", NULL },
	{ "vma_merge_file", "contiguous_offsets", "f 0 2 rw s 0 f 2 2 rw s 2 L", "0-4:rw-s@0", NULL },
	{ "vma_merge_file", "gap_in_offset", "f 0 2 rw s 0 f 2 2 rw s 3 L", "0-2:rw-s@0 2-4:rw-s@3", NULL },
	{ "vma_merge_file", "other_file", "f 0 2 rw s 0 f 2 2 rw s2 2 L", "0-2:rw-s@0 2-4:rw-s@2", NULL },
	{ "vma_merge_file", "private_shared", "f 0 2 rw p 0 f 2 2 rw s 2 L", "0-2:rw-p@0 2-4:rw-s@2", NULL },
	{ "vma_merge_file", "private_contiguous_prev_cowed",
	  "f 0 2 rw p 0 w 0 f 2 2 rw p 2 L", "0-4:rw-p@0", NULL },
	{ "vma_merge_file", "file_then_anon", "f 0 2 r p 4 m 2 2 r p L", "0-2:r--p@4 2-4:r--p", NULL },

	{ "vma_split_munmap", "middle", "m 0 6 rw p u 2 2 L", "0-2:rw-p 4-6:rw-p", NULL },
	{ "vma_split_munmap", "refill", "m 0 6 rw p u 2 2 m 2 2 rw p L", "0-6:rw-p", NULL },
	{ "vma_split_munmap", "refill_faulted", "m 0 6 rw p # x w 0 w 5 u 2 2 m 2 2 rw p L", "x 0-6:rw-p", NULL },
	{ "vma_split_munmap", "head", "m 0 6 rw p u 0 1 L", "1-6:rw-p", NULL },
	{ "vma_split_munmap", "tail", "m 1 5 rw p u 5 1 L", "1-5:rw-p", NULL },
	{ "vma_split_munmap", "file_offsets", "f 0 6 r s 4 u 2 2 L", "0-2:r--s@4 4-6:r--s@8", NULL },

	{ "vma_flags", "anon_private", "m 0 1 rw p v 0", "rd wr mr mw me ac sd", "rd wr mr mw me ac" },
	{ "vma_flags", "anon_shared", "m 0 1 rw s v 0", "rd wr sh mr mw me ms sd", "rd wr sh mr mw me ms" },
	{ "vma_flags", "anon_private_ro", "m 0 1 r p v 0", "rd mr mw me sd", "rd mr mw me" },
	{ "vma_flags", "anon_private_none", "m 0 1 - p v 0", "mr mw me sd", "mr mw me" },
	{ "vma_flags", "noreserve", "m 0 1 rw pn v 0", "rd wr mr mw me nr sd", "rd wr mr mw me nr" },
	{ "vma_flags", "file_private_rx", "f 0 1 rx p 0 v 0", "rd ex mr mw me sd", "rd ex mr mw me" },
	{ "vma_flags", "file_shared_rw", "f 0 1 rw s 0 v 0", "rd wr sh mr mw me ms sd", "rd wr sh mr mw me ms" },
	{ "vma_flags", "growsdown", "m 0 1 rw pg v 0", "rd wr mr mw me gd ac sd", "rd wr mr mw me gd ac" },
	{ "vma_flags", "locked", "m 0 1 rw pl v 0", "rd wr mr mw me lo ac sd", "rd wr mr mw me lo ac" },
	{ "vma_flags", "stack", "v @0x7fffffffe000", "rd wr mr mw me gd ac", "-" },
	{ "vma_flags", "stack_32", "v @0xbfffe000", "-", "rd wr mr mw me gd ac" },
	{ "vma_flags", "vdso", "v @0x7ffff7ffd000", "rd ex mr mw me de sd", "-" },
	{ "vma_flags", "vdso_32", "v @0xb7ffe000", "-", "rd ex mr mw me de" },
	{ "vma_flags", "vvar", "v @0x7ffff7ff9000", "rd mr pf io de dd sd", "-" },
	{ "vma_flags", "vvar_32", "v @0xb7ffa000", "-", "rd mr pf io de dd" },
	{ "vma_flags", "file_shared_ro_fd", "f 0 1 r so 0 v 0", "rd mr me ms sd", "rd mr me ms" },

	{ "mmap_hint", "free", "?m 8 2 rw ph", "base+8", NULL },
	{ "mmap_hint", "free_unaligned", "?m 16+0x800 2 rw ph", "base+16", NULL },
	{ "mmap_hint", "hint_1", "?m @1 1 rw ph", "0x7ffff7ff8000", "0xb7ff9000" },
	{ "mmap_hint", "hint_4096", "?m @4096 1 rw ph", "0x10000", NULL },
	{ "mmap_hint", "kernel_address", "?m @0xffff888000000000 1 rw ph", "0x7ffff7ff8000", "-" },
	{ "mmap_hint", "kernel_address_32", "?m @0xc0000000 1 rw ph", "-", "0xb7ff9000" },
	{ "mmap_hint", "occupied", "m 0 4 rw p ?m 1 2 rw ph", "0x7ffff7ff7000", "0xb7ff8000" },
	{ "mmap_topdown", "third_below_second",
	  "?m @0 1536 rw ph ?m @0 1536 rw ph ?m @0 1537 r ph",
	  "0x7ffff79f9000 0x7ffff73f9000 0x7ffff6df8000", "0xb79fa000 0xb73fa000 0xb6df9000" },
	{ "mmap_task_end", "fixed_0x7fffffffd000", "?m @0x7fffffffd000 1 rw p", "ok", "-" },
	{ "mmap_task_end", "fixed_0x7fffffffe000", "?m @0x7fffffffe000 1 rw p", "ok", "-" },
	{ "mmap_task_end", "fixed_0x7ffffffff000", "?m @0x7ffffffff000 1 rw p", "ENOMEM", "-" },
	{ "mmap_task_end", "fixed_0x800000000000", "?m @0x800000000000 1 rw p", "ENOMEM", "-" },
	{ "mmap_task_end", "fixed_0xffff800000000000", "?m @0xffff800000000000 1 rw p", "ENOMEM", "-" },
	{ "mmap_task_end", "fixed_0xbffff000", "?m @0xbffff000 1 rw p", "-", "ok" },
	{ "mmap_task_end", "fixed_0xc0000000", "?m @0xc0000000 1 rw p", "-", "ENOMEM" },
	{ "mmap_fixed", "over_middle", "m 0 6 rw p m 2 2 r p L", "0-2:rw-p 2-4:r--p 4-6:rw-p", NULL },
	{ "mmap_fixed", "noreplace_inside", "m 0 6 rw p ?m 2 1 rw pe", "EEXIST", NULL },
	{ "mmap_fixed", "noreplace_overlap_tail", "m 0 6 rw p ?m 5 2 rw pe", "EEXIST", NULL },
	{ "mmap_fixed", "noreplace_free", "m 0 6 rw p ?m 6 1 rw pe", "base+6", NULL },
	{ "mmap_fixed", "fixed_unaligned", "?m 0+0x100 1 rw p", "EINVAL", NULL },
	{ "mmap_fixed", "len_100_maps", "f 0 1 rw s 0 m 1 100. rw p m 2 1 r p L",
	  "0-1:rw-s@0 1-2:rw-p 2-3:r--p", NULL },
	{ "mmap_fixed", "fixed_that_fails_EACCES_keeps_old",
	  "f 0 1 rw s 0 ?f 0 1 rw so 0 L", "EACCES 0-1:rw-s@0", NULL },
	{ "mmap_errors", "len_0", "?m @0 0 rw ph", "EINVAL", NULL },
	{ "mmap_errors", "len_huge", "?m @0 0xfffffffffffff000. rw ph", "ENOMEM", NULL },
	{ "mmap_errors", "len_-1", "?m @0 0xffffffffffffffff. rw ph", "ENOMEM", NULL },
	{ "mmap_errors", "no_type_flag", "?m 0 1 rw -", "EINVAL", NULL },
	{ "mmap_errors", "type_both_bits_anon", "?m 0 1 rw ps", "EINVAL", NULL },
	{ "mmap_errors", "prot_unknown_bits", "?m 0 1 rwq p", "ok", NULL },
	{ "mmap_errors", "growsdown_shared_anon", "?m 0 1 rw sg", "EINVAL", NULL },
	{ "mmap_errors", "growsdown_file", "?f 0 1 rw pg 0", "EINVAL", NULL },
	{ "mmap_errors", "offset_plus_len_overflow", "?f 0 2 r p 0x7ffffffffffff", "EOVERFLOW", "EINVAL" },
	{ "mmap_min_addr", "user_fixed_0", "?m @0 1 rw p", "EPERM", NULL },
	{ "mmap_min_addr", "user_fixed_min_minus_page", "?m @0xf000 1 rw p", "EPERM", NULL },
	{ "mmap_min_addr", "user_fixed_min", "?m @0x10000 1 rw p", "ok", NULL },
	{ "file_permissions", "ro_fd_shared_rw", "?f 0 1 rw so 0", "EACCES", NULL },
	{ "file_permissions", "ro_fd_private_rw", "?f 0 1 rw po 0", "ok", NULL },
	{ "munmap_args", "unaligned", "?u 0+0x100 1", "EINVAL", NULL },
	{ "munmap_args", "len_0", "?u 0 0", "EINVAL", NULL },
	{ "munmap_args", "len_huge", "?u 0 0xfffffffffffff000.", "EINVAL", NULL },
	{ "munmap_args", "kernel_address", "?u @0xffff888000000000 1", "EINVAL", NULL },
	{ "munmap_args", "hole_only", "?u 10 2", "ok", NULL },
	{ "munmap_args", "len_1_unmaps_page", "m 1 2 rw p m 3 2 rw p ?u 2 1. L",
	  "ok 1-2:rw-p 3-5:rw-p", NULL },
	{ "munmap_args", "over_holes", "m 0 1 rw p m 2 1 rw p m 5 1 rw p ?u 0 8 L", "ok none", NULL },

	{ "brk_basic", "grown_vma", "?b 0x2800 H", "ok 0-3:rw-p", NULL },
	{ "brk_basic", "shrink_to_1_page_+1", "b 0x2800 b 0x1001 H", "0-2:rw-p", NULL },
	{ "brk_basic", "below_start_returns_current", "?b -1", "refused", NULL },
	{ "brk_basic", "huge_returns_current", "?b 0x700000000000", "refused", NULL },
	{ "brk_basic", "back_to_start", "b 0x2800 b 0 H", "none", NULL },
	{ "brk_basic", "touch_is_zero_filled_once", "b 0x3000 b 0x1000 b 0x3000 H", "0-3:rw-p", NULL },

	/* GROWSDOWN: the gap of 256 pages to what is mapped below */
	{ "growsdown", "mapped", "m 1000 2 rw pg L", "1000-1002:rw-p", NULL },
	{ "growsdown", "touch_page_below", "m 1000 2 rw pg ?w 999 L", "ok 999-1002:rw-p", NULL },
	{ "growsdown", "touch_100_below", "m 1000 2 rw pg w 999 ?w 899 L", "ok 899-1002:rw-p", NULL },
	{ "growsdown", "stops_above_rw_mapping",
	  "m 600 1 rw p m 1000 2 rw pg ?w 856 ?w 857",
	  "SIGSEGV MAPERR addr=base+0x358000 err=0x6 trap=14 ok", NULL },
	{ "growsdown", "no_gap_to_PROT_NONE", "m 998 1 - p m 1000 2 rw pg ?w 999", "ok", NULL },
	{ "growsdown", "nearest_honoured_hint_is_257_below",
	  "m 1000 2 rw pg ?m 743 1 rw ph", "base+743", NULL },
	{ "growsdown", "fixed_right_below", "m 1000 2 rw pg ?m 999 1 rw p", "ok", NULL },
	{ "growsdown", "mprotect_PROT_GROWSDOWN_extends_to_vma_start",
	  "m 899 103 rw pg p 950 1 r L p 1000 1 0x01000001 L",
	  "899-950:rw-p 950-951:r--p 951-1002:rw-p 899-950:rw-p 950-1001:r--p 1001-1002:rw-p", NULL },
};

/* Stack: the limit is exact, a read grows it as well, one page is populated. */
static void test_stack__grows_to_its_limit_and_no_further(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		run_setup(&r, a);
		va_t top = r.k->layout.stack_top;

		touch(&r, ACCESS_READ, top - 1 * MiB, 1);
		assert_int_equal(r.last.sig.signo, 0);
		assert_int_equal(r.last.min_flt, 1);
		touch(&r, ACCESS_WRITE, top - 8 * MiB, 1);
		assert_int_equal(r.last.sig.signo, 0);
		assert_true(leaf(&r, top - 8 * MiB));
		assert_false(leaf(&r, top - 8 * MiB + PAGE_SIZE));
		touch(&r, ACCESS_WRITE, top - 8 * MiB - 1, 1);
		assert_int_equal(r.last.sig.signo, LX_SIGSEGV);
		assert_int_equal(r.last.sig.si_code, LX_SEGV_MAPERR);
		r.task[0]->rlim[RLIM_STACK] = 9 * MiB;
		touch(&r, ACCESS_WRITE, top - 8 * MiB - 1, 1);
		assert_int_equal(r.last.sig.signo, 0);
		run_teardown(&r);
	}
}

static void test_brk__up_to_one_page_before_a_mapping(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		va_t va;

		run_setup(&r, a);
		do_mmap(r.k, cur_mm(&r), NULL, r.heap + 16 * PAGE_SIZE,
			PAGE_SIZE, 3, LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
			LX_MAP_FIXED, 0, &va);
		run_script(&r, "?b 0xf000 ?b 0x10000 ?b 0x20000");
		assert_string_equal(r.out, "ok refused refused");
		run_teardown(&r);
	}
}

static void test_brk__does_not_merge_after_holes_and_mprotect(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		va_t base;

		run_setup(&r, a);
		run_script(&r, "b 0x2000");
		base = r.base;
		r.base = r.heap;
		run_script(&r, "p 1 1 r b 0x4000 H u 2 2 b 0x5000 H");
		r.base = base;
		assert_string_equal(r.out, "0-1:rw-p 1-2:r--p 2-4:rw-p "
				    "0-1:rw-p 1-2:r--p 4-5:rw-p");
		run_teardown(&r);
	}
}

/* mmap is refused when count > limit, splits when count >= limit. */
static void test_max_map_count(void **state)
{
	struct mm_run r;
	struct mm_struct *mm;
	int err = 0;
	va_t va;

	run_setup(&r, arch_by_name("x86_64"));
	mm = cur_mm(&r);
	for (unsigned i = 0; !err; i++)
		err = do_mmap(r.k, mm, NULL, 0, 4 * PAGE_SIZE,
			      i & 1 ? LX_PROT_READ : 3,
			      LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &va);
	assert_int_equal(err, -ENOMEM);
	assert_int_equal(mm->vmas.count, LX_MAX_MAP_COUNT + 1);
	assert_int_equal(do_mprotect(r.k, mm, va + PAGE_SIZE, PAGE_SIZE, 0),
			 -ENOMEM);
	assert_int_equal(do_munmap(r.k, mm, va + PAGE_SIZE, PAGE_SIZE),
			 -ENOMEM);
	assert_int_equal(do_munmap(r.k, mm, va, PAGE_SIZE), 0);
	run_teardown(&r);
}

/* The nth allocation fails, n upwards until the whole script succeeds. */
static void test_mmap__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1;; n++) {
			struct mm_run r;
			bool done;

			run_setup(&r, a);
			r.k->fail_nth = n;
			run_script(&r, "m 0 6 rw p m 8 2 rw s w 0 w 3 w 8 "
				   "p 2 2 r u 1 1 m 1 1 rw p f 20 4 rw p 0 "
				   "w 20 p 20 1 r u 0 30");
			done = r.k->fail_nth;
			r.k->fail_nth = 0;
			run_teardown(&r);
			if (done)
				break;
		}
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_stack__grows_to_its_limit_and_no_further),
		cmocka_unit_test(test_brk__up_to_one_page_before_a_mapping),
		cmocka_unit_test(test_brk__does_not_merge_after_holes_and_mprotect),
		cmocka_unit_test(test_max_map_count),
		cmocka_unit_test(test_mmap__survives_allocation_failures),
	};

	return run_rows("mmap", rows, ARRAY_SIZE(rows), more, ARRAY_SIZE(more));
}

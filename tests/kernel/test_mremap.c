/*
 * test_mremap.c - mremap: growing, shrinking, moving, and what goes with it.
 * Rows of mremap_resize and mremap_errors: golden/linux-behaviour.tsv.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

static const struct mm_row rows[] = {
	{ "mremap_resize", "shrink", "m 0 4 rw p ?g 0 4 2 - - L", "base+0 0-2:rw-p", NULL },
	{ "mremap_resize", "grow_in_place", "m 0 2 rw p ?g 0 2 6 - - L", "base+0 0-6:rw-p", NULL },
	{ "mremap_resize", "blocked_no_maymove", "m 0 6 rw p m 6 1 r p ?g 0 6 8 - -", "ENOMEM", NULL },
	{ "mremap_resize", "blocked_maymove_moved", "m 0 6 rw p m 6 1 r p ?g 0 6 8 m -",
	  "0x7ffff7ff1000", "0xb7ff2000" },
	{ "mremap_resize", "moved_pfn", "m 0 6 rw p w 0 m 6 1 r p k 0 g 0 6 8 mf 24 = 24 r 24 c",
	  "pfn same min=0 maj=0", NULL },
	{ "mremap_resize", "moved_old_gone", "m 0 6 rw p w 0 m 6 1 r p g 0 6 8 mf 24 L",
	  "6-7:r--p 24-32:rw-p", NULL },
	{ "mremap_resize", "moved_content", "m 0 6 rw p w 0 g 0 6 8 mf 24 d 24", "value=1", NULL },
	{ "mremap_resize", "moved_where", "m 0 6 rw p ?g 0 6 8 mf 24", "base+24", NULL },
	{ "mremap_resize", "grow_head_of_vma_no_maymove", "m 0 6 rw p ?g 0 2 4 - -", "ENOMEM", NULL },
	{ "mremap_resize", "grow_tail_of_vma", "m 0 2 rw p m 8 4 rw p ?g 10 2 4 - - L",
	  "base+10 0-2:rw-p 8-14:rw-p", NULL },
	{ "mremap_resize", "len_rounding_100_to_2P+1", "m 0 2 rw p ?g 0 100. 0x2001. - - L",
	  "ENOMEM 0-2:rw-p", NULL },
	{ "mremap_resize", "same_size", "m 0 2 rw p ?g 0 2 2 - -", "base+0", NULL },

	{ "mremap_errors", "unmapped", "?g 0 2 4 m -", "EFAULT", NULL },
	{ "mremap_errors", "new_len_0", "m 0 2 rw p ?g 0 2 0 m -", "EINVAL", NULL },
	{ "mremap_errors", "unaligned_old", "m 0 2 rw p ?g 0+0x100 1 2 m -", "EINVAL", NULL },
	{ "mremap_errors", "bad_flags", "m 0 2 rw p ?g 0 2 4 mu -", "EINVAL", NULL },
	{ "mremap_errors", "fixed_without_maymove", "m 0 2 rw p ?g 0 2 2 f 8", "EINVAL", NULL },
	{ "mremap_errors", "fixed_unaligned_new", "m 0 2 rw p ?g 0 2 2 mf 8+0x100", "EINVAL", NULL },
	{ "mremap_errors", "fixed_overlap", "m 0 4 rw p ?g 0 4 4 mf 2", "EINVAL", NULL },
	{ "mremap_errors", "old_len_0_private", "m 0 2 rw p ?g 0 0 2 m -", "EINVAL", NULL },
	{ "mremap_errors", "grow_across_vmas", "m 0 4 rw p m 4 4 r p ?g 0 8 10 m -", "EFAULT", NULL },
	{ "mremap_errors", "grow_within_vma_no_move", "m 0 4 rw p ?g 0 2 3 - -", "ENOMEM", NULL },
	{ "mremap_errors", "shrink_across_vmas", "m 0 4 rw p m 4 4 r p ?g 0 8 6 - - L",
	  "base+0 0-4:rw-p 4-6:r--p", NULL },
	{ "mremap_errors", "new_len_huge", "m 0 2 rw p ?g 0 2 0x7ffffffff000. m -", "ENOMEM", "-" },
	{ "mremap_errors", "new_len_huge_32", "m 0 2 rw p ?g 0 2 0xbffff000. m -", "-", "ENOMEM" },
	{ "mremap_errors", "fixed_move_across_vmas", "m 0 4 rw p m 4 4 r p ?g 0 8 8 mf 16 L",
	  "EFAULT 0-4:rw-p 4-8:r--p", NULL },
	{ "mremap_errors", "fixed_move_across_hole", "m 0 2 rw p m 4 2 rw p ?g 0 6 6 mf 16 L",
	  "EFAULT 0-2:rw-p 4-6:rw-p", NULL },
	{ "mremap_errors", "fixed_beyond_the_address_space", "m 0 2 rw p ?g 0 2 2 mf @0xfffffffffffff000",
	  "EINVAL", NULL },
	{ "mremap_errors", "fixed_unmaps_the_target_before_it_fails",
	  "m 0 2 rw p m 16 2 rw p ?g 0 4 4 mf 16 L", "EFAULT 0-2:rw-p", NULL },

	/* Old length 0 duplicates a shared mapping. */
	{ "mremap_duplicate", "shared_anon", "m 0 2 rw s w 0 g 0 0 2 mf 8 k 0 r 8 = 8 L",
	  "pfn same 0-2:rw-s@0 8-10:rw-s@0", NULL },
	{ "mremap_duplicate", "without_maymove", "m 0 2 rw s ?g 0 0 2 - -", "ENOMEM", NULL },
	{ "mremap_duplicate", "of_the_middle", "f 0 4 rw s 3 g 1 0 1 mf 8 L", "0-4:rw-s@3 8-9:rw-s@4", NULL },

	/* Moved areas keep their offset once they have pages. */
	{ "mremap_merge", "unfaulted_next_to_another", "m 0 2 rw p m 8 2 rw p g 8 2 2 mf 2 L", "0-4:rw-p", NULL },
	{ "mremap_merge", "faulted_next_to_another", "m 0 2 rw p m 8 2 rw p w 8 g 8 2 2 mf 2 L",
	  "0-2:rw-p 2-4:rw-p", NULL },
	{ "mremap_merge", "returns_to_its_place",
	  "m 0 6 rw p W 0 6 g 2 2 2 mf 10 L g 10 2 2 mf 2 L", "6 0-2:rw-p 4-6:rw-p 10-12:rw-p 0-6:rw-p", NULL },
	{ "mremap_merge", "bridges", "m 0 2 rw p m 4 2 rw p m 10 2 rw p g 10 2 2 mf 2 L", "0-6:rw-p", NULL },
	{ "mremap_merge", "with_itself", "m 0 6 rw p g 0 2 2 mf 6 L", "2-8:rw-p", NULL },
	{ "mremap_merge", "with_itself_below", "m 4 6 rw p g 8 2 2 mf 2 L", "2-8:rw-p", NULL },
	{ "mremap_merge", "grown_until_the_next", "m 0 2 rw p m 4 2 rw p g 0 2 4 - - L", "0-6:rw-p", NULL },
	{ "mremap_merge", "file", "f 0 2 rw s 0 f 8 2 rw s 2 g 8 2 2 mf 2 L", "0-4:rw-s@0", NULL },
	{ "mremap_merge", "child_moves_what_it_inherited",
	  "m 0 4 rw p W 0 4 F C g 2 2 2 mf 10 L g 10 2 2 mf 2 L R 0 4",
	  "4 0-2:rw-p 10-12:rw-p 0-4:rw-p 0", NULL },

	{ "mremap_dontunmap", "old_place_is_empty", "m 0 2 rw p w 0 k 0 ?g 0 2 2 md 8 = 8 L s 0 2 r 0 c",
	  "base+8 pfn same 0-2:rw-p 8-10:rw-p none min=1 maj=0", NULL },
	{ "mremap_dontunmap", "size_change", "m 0 2 rw p ?g 0 2 4 md -", "EINVAL", NULL },
	{ "mremap_dontunmap", "without_maymove", "m 0 2 rw p ?g 0 2 2 d -", "EINVAL", NULL },
	{ "mremap_dontunmap", "shared_anon", "m 0 2 rw s w 0 ?g 0 2 2 md 8 L",
	  "base+8 0-2:rw-s@0 8-10:rw-s@0", NULL },
	{ "mremap_dontunmap", "fixed", "m 0 2 rw p m 8 4 r p ?g 0 2 2 mfd 9 L",
	  "base+9 0-2:rw-p 8-9:r--p 9-11:rw-p 11-12:r--p", NULL },
	{ "mremap_dontunmap", "locked", "m 0 4 rw pl g 0 4 4 md 8 y v 0", "locked=4,4 rd wr mr mw me ac sd",
	  "locked=4,4 rd wr mr mw me ac" },
	{ "mremap_dontunmap", "locked_in_part", "m 0 4 rw pl g 0 2 2 md 8 y", "locked=4,2", NULL },

	{ "mremap_account", "moved", "m 0 4 rw p J V g 0 4 6 mf 8 J V", "+4 total=4 data=4 exec=0 stack=0 +2 total=2 data=2 exec=0 stack=0", NULL },
	{ "mremap_account", "part_moved", "m 0 6 rw p J g 2 2 2 mf 8 J v 0 v 4 u 0 10 J",
	  "+6 +0 rd wr mr mw me ac sd rd wr mr mw me ac sd -6",
	  "+6 +0 rd wr mr mw me ac rd wr mr mw me ac -6" },
	{ "mremap_account", "dontunmap", "m 0 4 rw p J g 0 4 4 md 8 J u 0 12 J", "+4 +4 -8", NULL },
	{ "mremap_account", "grown_in_place", "m 0 4 rw p J g 0 4 6 - - J", "+4 +2", NULL },
	{ "mremap_account", "shrunk", "m 0 4 rw p J g 0 4 1 - - J", "+4 -3", NULL },
	{ "mremap_limits", "as_grow", "m 0 2 rw p ^ as now1 ?g 0 2 4 m - ?g 0 2 3 m -", "ENOMEM base+0", NULL },
	{ "mremap_limits", "as_dontunmap", "m 0 2 rw p ^ as now1 ?g 0 2 2 md -", "ENOMEM", NULL },
	{ "mremap_limits", "data", "m 0 2 rw p m 8 2 r p ^ data now0 ?g 0 2 3 - - ?g 8 2 3 - -", "ENOMEM base+8", NULL },
	{ "mremap_limits", "memlock", "m 0 2 rw pl ^ memlock 2 ?g 0 2 3 - -", "EAGAIN", NULL },
	{ "mremap_limits", "locked_growth_is_populated", "m 0 2 rw pl g 0 2 4 - - s 0 4 y", "0-3 locked=4,4", NULL },
	{ "mremap_limits", "locked_move_is_populated", "m 0 2 rw pl g 0 2 4 mf 8 s 8 4 y", "0-3 locked=4,4", NULL },
	{ "mremap_soft_dirty", "shared_pages_are_found_moved", "m 0 2 rw p W 0 2 F g 0 2 2 mf 8 C r 0 B w 8 c",
	  "2 min=1 maj=0", NULL },
};

/* Whole tables change hands where both places are aligned to one. */
static void test_mremap__moves_tables(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		struct mm_struct *mm;
		uint64_t size, tables;
		va_t from, to, va;
		pa_t table;

		run_setup(&r, a);
		mm = cur_mm(&r);
		size = BIT(r.k->mode->level[r.k->pte_level - 1].shift);
		from = ALIGN_DOWN(r.base, size) + 8 * size;
		to = from + 4 * size;
		assert_int_equal(do_mmap(r.k, mm, NULL, from, size, 3,
					 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
					 LX_MAP_FIXED | LX_MAP_POPULATE, 0,
					 &va), 0);
		table = pt_lookup(r.k, mm_root(mm), from, r.k->pte_level, false);
		tables = mm->pgtables;
		assert_int_equal(do_mremap(r.k, mm, from, size, size,
					   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED,
					   to, &va), 0);
		assert_int_equal(pt_lookup(r.k, mm_root(mm), to,
					   r.k->pte_level, false), table);
		assert_int_equal(mm->pgtables, tables);
		touch(&r, ACCESS_WRITE, to + size - 1, 1);
		assert_int_equal(r.last.min_flt, 0);
		touch(&r, ACCESS_READ, from, 1);
		assert_int_equal(r.last.sig.signo, LX_SIGSEGV);
		run_teardown(&r);
	}
}

/* Unaligned, over the border of tables, sparse. */
static void test_mremap__moves_over_tables(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		struct mm_struct *mm;
		uint64_t size;
		va_t from, to, va;

		run_setup(&r, a);
		mm = cur_mm(&r);
		size = 3 * BIT(r.k->mode->level[r.k->pte_level - 1].shift);
		from = ALIGN_DOWN(r.base, size) + 2 * size + 5 * PAGE_SIZE;
		to = from + 2 * size + 17 * PAGE_SIZE;
		assert_int_equal(do_mmap(r.k, mm, NULL, from, size, 3,
					 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
					 LX_MAP_FIXED, 0, &va), 0);
		for (va = from; va < from + size; va += 7 * PAGE_SIZE)
			touch(&r, ACCESS_WRITE, va, 1);
		assert_int_equal(do_mremap(r.k, mm, from, size, size,
					   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED,
					   to, &va), 0);
		for (va = 0; va < size; va += PAGE_SIZE)
			assert_int_equal(leaf(&r, to + va) != 0,
					 va / PAGE_SIZE % 7 == 0);
		run_teardown(&r);
	}
}

/* The nth allocation fails, n upwards until the whole script succeeds. */
static void test_mremap__survives_allocation_failures(void **state)
{
	static const char script[] =
		"m 0 6 rw p m 600 4 rw s w 0 w 3 w 602 g 2 2 2 mf 700 "
		"g 700 2 2 mf 2 g 1 2 4 mf 10 g 10 4 2 m - f 20 4 rw p 0 w 20 "
		"g 20 4 6 - - g 600 0 4 mf 900 g 4 2 2 md 30 g 602 1 1 md 1000";

	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1;; n++) {
			struct mm_run r;
			bool done;

			run_setup(&r, a);
			r.k->fail_nth = n;
			run_script(&r, script);
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
		cmocka_unit_test(test_mremap__moves_tables),
		cmocka_unit_test(test_mremap__moves_over_tables),
		cmocka_unit_test(test_mremap__survives_allocation_failures),
	};

	return run_rows("mremap", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

/*
 * test_mprotect.c - changing rights: splits, merges back, entries.
 * Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and value_686.
 */
#include "tests/kernel/mm_script.h"

static const struct mm_row rows[] = {
	{ "vma_split_mprotect", "middle", "m 0 6 rw p p 2 2 r L", "0-2:rw-p 2-4:r--p 4-6:rw-p", NULL },
	{ "vma_split_mprotect", "back", "m 0 6 rw p p 2 2 r p 2 2 rw L", "0-6:rw-p", NULL },
	{ "vma_split_mprotect", "back_all_faulted_before",
	  "m 0 6 rw p W 0 6 p 2 2 r p 2 2 rw L", "6 0-6:rw-p", NULL },
	{ "vma_split_mprotect", "back_outer_faulted_while_split",
	  "m 0 6 rw p p 2 2 r w 0 w 4 p 2 2 rw L", "0-4:rw-p 4-6:rw-p", NULL },
	{ "vma_split_mprotect", "back_only_middle_faulted",
	  "m 0 6 r p p 2 2 rw w 2 p 2 2 r L", "0-2:r--p 2-4:r--p 4-6:r--p", NULL },
	{ "vma_split_mprotect", "back_only_first_faulted",
	  "m 0 4 rw p p 2 2 r w 0 p 2 2 rw L", "0-4:rw-p", NULL },
	{ "vma_split_mprotect", "back_only_second_faulted_change_first",
	  "m 0 4 rw p p 0 2 r w 2 p 0 2 rw L", "0-4:rw-p", NULL },
	{ "vma_split_mprotect", "rw_made_ro_unfaulted_then_new_ro_above",
	  "m 0 2 rw p p 0 2 r m 2 2 r p L # flags v 0",
	  "0-2:r--p 2-4:r--p flags rd mr mw me ac sd", "0-2:r--p 2-4:r--p flags rd mr mw me ac" },
	{ "vma_split_mprotect", "ro_made_rw_then_new_rw_above",
	  "m 0 2 r p p 0 2 rw m 2 2 rw p L", "0-4:rw-p", NULL },
	{ "vma_split_mprotect", "three_maps_outer_faulted_then_same_prot",
	  "m 0 2 rw p w 0 m 4 2 rw p w 4 m 2 2 r p p 2 2 rw L", "0-4:rw-p 4-6:rw-p", NULL },
	{ "vma_split_mprotect", "shift_boundary",
	  "m 0 4 rw p m 4 4 r p p 3 1 r L", "0-3:rw-p 3-4:r--p 4-8:r--p", NULL },
	{ "vma_split_mprotect", "shift_boundary_across",
	  "m 0 4 rw p m 4 4 r p p 4 2 rw L", "0-6:rw-p 6-8:r--p", NULL },
	{ "vma_split_mprotect", "noop_no_split",
	  "m 0 6 rw p m 6 2 r p p 2 2 rw L", "0-6:rw-p 6-8:r--p", NULL },
	{ "vma_split_mprotect", "start_unaligned_changes_nothing",
	  "m 0 6 rw p m 6 2 r p p 2+0x10 2 r L", "0-6:rw-p 6-8:r--p", NULL },
	{ "vma_split_mprotect", "len_1_rounds_up",
	  "m 0 6 rw p m 6 2 r p p 0 1. r L", "0-1:r--p 1-6:rw-p 6-8:r--p", NULL },

	{ "mprotect_hole", "across_hole", "m 0 2 rw p m 3 2 rw p ?p 0 5 r L",
	  "ENOMEM 0-2:r--p 3-5:rw-p", NULL },
	{ "mprotect_hole", "starts_in_hole", "m 0 2 r p m 3 2 rw p ?p 2 3 r L",
	  "ENOMEM 0-2:r--p 3-5:rw-p", NULL },
	{ "mprotect_hole", "ends_beyond", "m 0 2 r p m 3 2 rw p ?p 4 4 r L",
	  "ENOMEM 0-2:r--p 3-4:rw-p 4-5:r--p", NULL },
	{ "mprotect_hole", "unaligned", "m 0 2 rw p ?p 0+0x10 1 r", "EINVAL", NULL },
	{ "mprotect_hole", "len_0", "m 0 2 rw p ?p 0 0 r", "ok", NULL },
	{ "mprotect_hole", "len_0_in_hole", "?p 9 0 r", "ok", NULL },
	{ "mprotect_hole", "bad_prot_0x100", "m 0 2 rw p ?p 0 1 0x100", "EINVAL", NULL },
	{ "mprotect_hole", "growsdown_on_plain", "m 0 2 rw p ?p 0 1 0x01000001", "EINVAL", NULL },
	{ "mprotect_hole", "growsup_and_down", "m 0 2 rw p ?p 0 1 0x03000001", "EINVAL", NULL },
	{ "mprotect_hole", "shared_ro_fd_to_write", "f 0 1 r so 0 ?p 0 1 rw", "EACCES", NULL },
	{ "mprotect_hole", "private_ro_fd_to_write", "f 0 1 r po 0 ?p 0 1 rw", "ok", NULL },

	{ "fault_counts", "mprotect_ro_rw_then_write_64",
	  "m 0 64 rw p W 0 64 p 0 64 r p 0 64 rw W 0 64", "64 0", NULL },
	{ "fault_counts", "prot_none_and_back_keeps_pages",
	  "m 0 8 rw p W 0 8 k 3 p 0 8 - s 0 8 ?r 3 p 0 8 rw = 3 W 0 8",
	  "8 0-7 SIGSEGV ACCERR addr=base+0x3000 err=0x4 trap=14 pfn same 0", NULL },
	{ "fault_counts", "shared_file_clean_page_still_faults_once",
	  "f 0 2 rw s 0 R 0 2 p 0 2 r p 0 2 rw W 0 2", "1 2", NULL },
	{ "fault_counts", "after_fork_write_upgrade_waits_for_the_fault",
	  "m 0 4 rw p W 0 4 F p 0 4 r p 0 4 rw k 0 W 0 4 = 0", "4 4 pfn new", NULL },
	{ "overcommit", "one_request_above_memory_refused",
	  "?m @0 0x40000000. rw ph # x", "ENOMEM x", NULL },
	{ "overcommit", "noreserve_is_not", "m @0x20000000 0x20000000. rw pn ?p @0x20000000 1 r", "ok", NULL },
	{ "overcommit", "read_only_is_not_until_made_writable",
	  "m @0x20000000 0x20000000. r p ?p @0x20000000 0x20000000. rw", "ENOMEM", NULL },
};

/* The bytes of entries, as 6.1 writes them. */
static void test_mprotect__PROT_NONE_entry(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		uint64_t before, none;

		run_setup(&r, a);
		run_script(&r, "m 0 2 rw p w 0");
		before = leaf(&r, r.base);
		run_script(&r, "p 0 1 -");
		none = leaf(&r, r.base);
		assert_int_equal(none & PTE_P, 0);
		assert_int_equal(none & 0xfff, _PAGE_PROTNONE | PTE_A | PTE_D |
				 (a->softdirty ? _PAGE_SOFT_DIRTY : 0));
		assert_int_equal(pte_pfn(r.k, none), pte_pfn(r.k, before));
		if (a->invert_none)
			assert_int_not_equal(none & 0xfffff000,
					     before & 0xfffff000);
		run_script(&r, "p 0 1 rw");
		assert_int_equal(leaf(&r, r.base), before);
		run_teardown(&r);
	}
}

static void test_mprotect__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1;; n++) {
			struct mm_run r;
			bool done;

			run_setup(&r, a);
			run_script(&r, "m 0 64 rw p W 0 8 F");
			r.k->fail_nth = n;
			for (int i = 1; i < 62; i += 2) {
				char step[40];

				snprintf(step, sizeof(step), "p %d 1 r", i);
				run_script(&r, step);
			}
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
		cmocka_unit_test(test_mprotect__PROT_NONE_entry),
		cmocka_unit_test(test_mprotect__survives_allocation_failures),
	};

	return run_rows("mprotect", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

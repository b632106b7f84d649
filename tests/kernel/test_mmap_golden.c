/*
 * test_mmap_golden.c - the rest of the experiments of golden/linux-behaviour.tsv
 * on mmap, munmap, mprotect, brk, the stack and limits: a row each, with its
 * text. What others say in their own words: a distance of areas is where they
 * are, "yes" is the step's ok.
 */
#include "tests/kernel/mm_script.h"

static const struct mm_row rows[] = {
	{ "vma_split_mprotect", "rw_made_ro_faulted_then_new_ro_above",
	  "m 0 2 rw p w 0 p 0 2 r m 2 2 r p L # flags v 0",
	  "0-2:r--p 2-4:r--p flags rd mr mw me ac sd", "0-2:r--p 2-4:r--p flags rd mr mw me ac" },
	{ "vma_flags", "heap", "b 0x1000 v $0", "rd wr mr mw me ac sd", "rd wr mr mw me ac" },

	{ "mmap_topdown", "second_below_first_pages", "?m @0 1536 rw ph ?m @0 1536 rw ph",
	  "0x7ffff79f9000 0x7ffff73f9000", "0xb79fa000 0xb73fa000" },
	{ "mmap_topdown", "odd_size_1537_pages_distance", "?m @0 1537 rw ph ?m @0 1537 r ph",
	  "0x7ffff79f8000 0x7ffff73f7000", "0xb79f9000 0xb73f8000" },
	{ "mmap_topdown", "anon_6MiB_aligned_to_2MiB", "?m @0 1536 rw ph", "0x7ffff79f9000", "0xb79fa000" },
	{ "mmap_topdown", "shared_after_odd_shared_distance", "?m @0 1537 rw sh ?m @0 1536 rw sh",
	  "0x7ffff79f8000 0x7ffff73f8000", "0xb79f9000 0xb73f9000" },
	{ "mmap_topdown", "private_multiple_of_2MiB_after_odd_aligned", "?m @0 1537 rw ph ?m @0 1536 r ph",
	  "0x7ffff79f8000 0x7ffff73f8000", "0xb79f9000 0xb73f9000" },
	{ "mmap_hint", "free_unaligned_+8.5", "?m 16+0x800 1 rw ph", "base+16", NULL },
	{ "mmap_hint", "occupied_goes_where_null_hint_goes", "m 0 4 rw p ?m 1 1 r ph u @0x7ffff7ff8000 1 ?m @0 1 r ph",
	  "0x7ffff7ff8000 0x7ffff7ff8000", "-" },
	{ "mmap_hint", "occupied_goes_where_null_hint_goes_32", "m 0 4 rw p ?m 1 1 r ph u @0xb7ff9000 1 ?m @0 1 r ph",
	  "-", "0xb7ff9000 0xb7ff9000" },
	{ "mmap_hint", "does_not_fit_hole_honoured", "m 0 4 rw p m 6 2 rw p ?m 4 3 r ph", "0x7ffff7ff6000", "0xb7ff7000" },
	{ "mmap_task_end", "hint_above_47_bits", "?m @0x800000000000 1 rw ph", "0x7ffff7ff8000", "-" },
	{ "mmap_task_end", "fixed_0xbfffe000", "?m @0xbfffe000 1 rw p", "-", "ok" },
	{ "mmap_fixed", "content_replaced", "m 0 6 rw p w 2 m 2 2 r p ?r 2 d 2", "ok value=0", NULL },
	{ "mmap_fixed", "neighbours_kept", "m 0 6 rw p w 1 m 2 2 r p ?r 1 d 1", "ok value=1", NULL },
	{ "mmap_errors", "len_huge_-4096", "?m @0 0xfffffffffffff000. rw ph", "ENOMEM", NULL },
	{ "mmap_errors", "len_task_size_half_x3", "?m @0 0xbfffffffe800. rw ph", "ENOMEM", NULL },
	{ "mmap_errors", "shared_validate_unknown_flag_file", "?f 0 1 rw psU 0", "EOPNOTSUPP", NULL },
	{ "mmap_errors", "shared_unknown_flag_file", "?f 0 1 rw sU 0", "ok", NULL },
	{ "mmap_errors", "bad_fd", "?m 0 1 rw px", "EBADF", NULL },
	{ "mmap_errors", "pipe_fd", "?f 0 1 rw pd 0", "ENODEV", NULL },
	{ "mmap_errors", "anon_with_fd_and_offset", "?f 0 1 rw pa 5 L", "ok 0-1:rw-p", NULL },
	{ "mmap_errors", "prot_unknown_bits_0x100", "?m 0 1 rwq p L", "ok 0-1:rw-p", NULL },
	{ "mmap_min_addr", "root_fixed_0", "& 0x20000 ?m @0 1 rw p", "ok", NULL },
	{ "mmap_min_addr", "root_null_write", "& 0x20000 m @0 1 rw p ?w @0", "ok", NULL },
	{ "file_permissions", "wo_fd_shared_w", "?f 0 1 w sw 0", "EACCES", NULL },
	{ "file_permissions", "wo_fd_private_r", "?f 0 1 r pw 0", "EACCES", NULL },
	{ "mprotect_hole", "across_hole_vmas", "m 0 2 rw p m 3 2 rw p p 0 5 r L", "0-2:r--p 3-5:rw-p", NULL },

	{ "brk_basic", "grow_2.5_pages_returns_exact", "?b 0x2800", "ok", NULL },
	{ "brk_basic", "touch_3_pages_minflt", "b 0x2800 W $0 3", "3", NULL },
	{ "brk_basic", "byte_after_brk_same_page", "b 0x2800 i $0 ?w 2+0x801", "ok", NULL },
	{ "brk_basic", "page_after", "b 0x2800 i $0 ?w 3",
	  "SIGSEGV MAPERR addr=base+0x3000 err=0x6 trap=14", NULL },
	{ "brk_basic", "regrow_is_zero", "b 0x2800 w $2 b 0x1001 b 0x2800 ?r $2 d $2 H", "ok value=0 0-3:rw-p", NULL },
	{ "brk_basic", "up_to_one_page_before_mapping", "m $16 1 rw p ?b 0xf000", "ok", NULL },
	{ "brk_basic", "up_to_mapping", "m $16 1 rw p ?b 0x10000", "refused", NULL },
	{ "brk_basic", "past_mapping", "m $16 1 rw p ?b 0x20000", "refused", NULL },
	{ "brk_basic", "grow_after_mprotect_tail", "b 0x2000 p $1 1 r b 0x4000 H", "0-1:rw-p 1-2:r--p 2-4:rw-p", NULL },
	{ "brk_basic", "munmap_tail_keeps_brk", "b 0x4000 u $2 2 ?b 0x4000", "ok", NULL },
	{ "brk_basic", "grow_after_munmap_tail", "b 0x2000 p $1 1 r b 0x4000 u $2 2 b 0x5000 H",
	  "0-1:rw-p 1-2:r--p 4-5:rw-p", NULL },
	{ "rlimit_as", "mmap_1_more", "^ as now64 m 0 64 rw p ?m 100 1 rw p", "ENOMEM", NULL },
	{ "rlimit_as", "brk_more", "^ as now64 m 0 64 rw p ?b 0x1000", "refused", NULL },

	{ "stack_grow", "touch_40_pages_below_vma", "?w !73", "ok", NULL },
	{ "stack_grow", "vma_grew_pages", "w !73 i !73 L", "0-73:rw-p", NULL },
	{ "stack_grow", "pages_present_in_grown_part", "w !73 s !73 40", "0", NULL },
	{ "stack_grow", "minflt_next_page_up", "w !73 w !72 c", "min=1 maj=0", NULL },
	{ "stack_grow", "write_4MiB_below_sp", "?w !1060 i !1060 L", "ok 0-1060:rw-p", NULL },
	{ "stack_grow", "read_below_vma_grows", "?r !1080 i !1080 L", "ok 0-1080:rw-p", NULL },
	{ "stack_rlimit", "page_at_limit", "?w !2048", "ok", NULL },
	{ "stack_rlimit", "page_below_limit", "i !2049 ?w 0", "SIGSEGV MAPERR addr=base+0x0 err=0x6 trap=14", NULL },
	{ "stack_rlimit", "byte_below_limit", "i !2049 ?w 0+0xfff", "SIGSEGV MAPERR addr=base+0xfff err=0x6 trap=14", NULL },
	{ "stack_rlimit", "page_below_after_raising_limit", "^ stack 2049 ?w !2049", "ok", NULL },
	{ "growsdown", "vmas_after", "m 1000 2 rw pg w 999 L", "999-1002:rw-p", NULL },
	{ "growsdown", "vmas_after_100", "m 1000 2 rw pg w 999 w 899 L", "899-1002:rw-p", NULL },
	{ "growsdown", "mprotect_middle", "m 899 103 rw pg p 950 1 r L",
	  "899-950:rw-p 950-951:r--p 951-1002:rw-p", NULL },
	{ "growsdown", "stops_above_rw_mapping_at_600", "m 600 1 rw p m 1000 2 rw pg w 857 L # lowest ?w 856",
	  "600-601:rw-p 857-1002:rw-p lowest SIGSEGV MAPERR addr=base+0x358000 err=0x6 trap=14", NULL },

	{ "max_map_count", "mmap_fails_with", "% max_map_count 8 m 0 4 rw p m 4 4 r p ?m 8 4 rw p", "ENOMEM", NULL },
	{ "max_map_count", "vmas_when_refused_minus_limit", "% max_map_count 8 ?m 0 4 rw p ?m 4 4 r p ?m 8 4 rw p",
	  "ok ok ENOMEM", NULL },
	{ "max_map_count", "after_unmapping_4_mmap", "% max_map_count 8 m 0 4 rw p m 4 4 r p u 4 4 ?m 8 4 rw p", "ok", NULL },
	{ "max_map_count", "split_by_mprotect", "% max_map_count 8 m 0 4 rw p ?p 1 1 r", "ENOMEM", NULL },
	{ "max_map_count", "split_by_munmap_middle", "% max_map_count 8 m 0 4 rw p ?u 1 1", "ENOMEM", NULL },
	{ "max_map_count", "munmap_end_no_split", "% max_map_count 8 m 0 4 rw p ?u 3 1", "ok", NULL },
};

int main(void)
{
	return run_rows("mmap_golden", rows, ARRAY_SIZE(rows), NULL, 0);
}

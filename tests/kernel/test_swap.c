/*
 * test_swap.c - swap and reclaim: what real kernels answer, the formats of
 * entries, slots and their counts, readahead; random work against a shadow.
 */
#include <errno.h>

#include "kernel/mm_inline.h"
#include "kernel/compaction.h"
#include "kernel/pagemap.h"
#include "tests/kernel/mm_script.h"

/* Swaps out and drops the pages that the cache still has. */
#define OUT(a, n) "a " a " " n " PAGEOUT Q "

/* clang-format off */
static const struct mm_row rows[] = {
	/* madv_free */
	{ "madv_free", "result", "m 0 2 rw p W 0 2 ?a 0 2 FREE", "2 ok", NULL },
	{ "madv_free", "smaps", "m 0 2 rw p W 0 2 a 0 2 FREE S 0", "2 Rss=8 Pss=8 Private_Clean=8 Anonymous=8", NULL },
	{ "madv_free", "kpage", "m 0 2 rw p W 0 2 a 0 2 FREE I 0", "2 count=1 UPTODATE MMAP ANON SWAPBACKED", NULL },
	{ "madv_free", "value_no_pressure", "m 0 2 rw p W 0 2 a 0 2 FREE d 0", "2 value=1", NULL },
	{ "madv_free", "write_cancels", "m 0 2 rw p W 0 2 a 0 2 FREE w 0 c S 0",
	  "2 min=0 maj=0 Rss=8 Pss=8 Private_Clean=4 Private_Dirty=4 Referenced=4 Anonymous=8", NULL },
	{ "madv_free", "pageout_of_free_page", "m 0 2 rw p W 0 2 a 0 2 FREE ?a 0 2 PAGEOUT # present s 0 2", "2 ok present none", NULL },
	{ "madv_free", "value_after_pageout", "m 0 2 rw p W 0 2 a 0 2 FREE a 0 2 PAGEOUT r 0 d 0 r 1 d 1", "2 value=0 value=0", NULL },
	{ "madv_free", "written_since", "m 0 2 rw p W 0 2 a 0 2 FREE w 1 a 0 2 PAGEOUT s 0 2 d 1", "2 1 value=1", NULL },
	{ "madv_free", "of_a_swapped_page_drops_the_entry", "O 64 m 0 2 rw p W 0 2 a 0 2 PAGEOUT a 0 2 FREE j 0 N", "2 none used=0 cached=0 in=0 out=2", NULL },
	{ "madv_free", "of_a_page_with_a_slot_frees_it", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 a 0 1 FREE N a 0 1 PAGEOUT s 0 1", "used=0 cached=0 in=0 out=1 none", NULL },

	/* madv_cold_pageout_noswap */
	{ "madv_cold_pageout_noswap", "cold", "m 0 2 rw p W 0 2 ?a 0 2 COLD # present s 0 2", "2 ok present 0-1", NULL },
	{ "madv_cold_pageout_noswap", "pageout_no_swap", "m 0 2 rw p W 0 2 ?a 0 2 PAGEOUT # present s 0 2", "2 ok present 0-1", NULL },
	{ "madv_cold_pageout_noswap", "pageout_tmpfs_file_no_swap", "f 0 2 rw sT 0 W 0 2 ?a 0 2 PAGEOUT # present s 0 2 d 0", "2 ok present none value=1", NULL },
	{ "madv_cold_pageout_noswap", "pageout_file", "f 0 2 r s 0 R 0 2 ?a 0 2 PAGEOUT # present s 0 2", "1 ok present none", NULL },

	/* swap_basic */
	{ "swap_basic", "pageout", "O 64 m 0 1 rw p w 0 ?a 0 1 PAGEOUT", "ok", NULL },
	{ "swap_basic", "swap_entry", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT j 0", "type=0 offset=1,exclusive", "type=0 offset=1" },
	{ "swap_basic", "mincore", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT M 0 1", "1", NULL },
	{ "swap_basic", "read_back", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 c d 0", "min=1 maj=0 value=1", NULL },
	{ "swap_basic", "write_after_read", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 w 0 c", "min=1 maj=0", NULL },
	{ "swap_basic", "write_directly_to_swapped", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT w 0 c", "min=1 maj=0", NULL },
	{ "swap_basic", "the_slot_is_kept_after_a_read", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 N a 0 1 PAGEOUT N", "used=1 cached=1 in=0 out=1 used=1 cached=0 in=0 out=1", NULL },
	{ "swap_basic", "and_after_a_write_that_follows", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 w 0 N", "used=1 cached=1 in=0 out=1", "used=0 cached=0 in=0 out=1" },
	{ "swap_basic", "not_after_a_write", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT w 0 N", "used=0 cached=0 in=0 out=1", NULL },
	{ "swap_basic", "zero_page_pageout", "O 64 m 0 1 rw p r 0 a 0 1 PAGEOUT s 0 1 N", "0 used=0 cached=0 in=0 out=0", NULL },
	{ "swap_basic", "locked_pageout", "O 64 m 0 1 rw pl ?a 0 1 PAGEOUT s 0 1", "EINVAL 0", NULL },
	{ "swap_basic", "locked_reclaim", "O 64 m 0 1 rw pl P 64 s 0 1", "0", NULL },
	{ "swap_basic", "mprotect_none_of_swapped", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT ?p 0 1 - j 0 p 0 1 rw r 0 d 0", "ok type=0 offset=1,exclusive value=1", "ok type=0 offset=1 value=1" },
	{ "swap_basic", "dontneed_drops_swap_entry", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT a 0 1 DONTNEED j 0 N", "none used=0 cached=0 in=0 out=1", NULL },
	{ "swap_basic", "munmap_frees_slots", "O 64 m 0 4 rw p W 0 4 a 0 4 PAGEOUT u 1 2 N", "4 used=2 cached=2 in=0 out=4", NULL },
	{ "swap_basic", "PROT_NONE_page_is_paged_out", "O 64 m 0 1 rw p w 0 p 0 1 - a 0 1 PAGEOUT N", "used=1 cached=1 in=0 out=1", NULL },

	/* swap_major */
	{ "swap_major", "mincore_not_in_swap_cache", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "M 0 1", "0", NULL },
	{ "swap_major", "read_back", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "r 0 c d 0", "min=0 maj=1 value=1", NULL },
	{ "swap_major", "write_after_read", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "r 0 w 0 c", "min=1 maj=0", NULL },
	{ "swap_major", "direct_write", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "w 0 c N", "min=0 maj=1 used=0 cached=0 in=1 out=1", NULL },
	{ "swap_major", "shared_anon_read_back", "O 64 m 0 1 rw s w 0 " OUT("0", "1") "r 0 c d 0 N", "min=0 maj=1 value=1 used=0 cached=0 in=1 out=1", NULL },
	{ "swap_major", "madv_willneed_then_read", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "?a 0 1 WILLNEED r 0 c", "ok min=1 maj=0", NULL },
	{ "swap_major", "shared_willneed_then_read", "O 64 m 0 1 rw s w 0 " OUT("0", "1") "?a 0 1 WILLNEED r 0 c", "ok min=1 maj=0", NULL },
	{ "swap_major", "shared_page_has_no_entry", "O 64 m 0 1 rw s w 0 a 0 1 PAGEOUT j 0 M 0 1", "none 1", NULL },

	/* swap_readahead: after the history that the experiment had */
	{ "swap_readahead", "page_cluster_3_sequential",
	  "O 512 m 100 64 rw p W 100 64 " OUT("100", "64") "r 160 r 140 r 120 r 110 u 100 64 m 0 32 rw p W 0 32 " OUT("0", "32") "D 0 32 1",
	  "64 32 MMmMmmmMmmmmmmmMmmmmmmmMmmmmmmmM", NULL },
	{ "swap_readahead", "fresh_boot_begins_with_a_whole_block", "O 512 m 0 32 rw p W 0 32 " OUT("0", "32") "D 0 32 1", "32 MmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmM", NULL },

	/* fork */
	{ "swap_fork", "entries_are_shared", "O 64 m 0 2 rw p W 0 2 a 0 2 PAGEOUT F j 0 C j 0 N", "2 type=0 offset=1 type=0 offset=1 used=2 cached=2 in=0 out=2", NULL },
	{ "swap_fork", "both_read_the_same_page", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT F r 0 c k 0 C r 0 c = 0", "min=1 maj=0 min=1 maj=0 pfn same", NULL },
	{ "swap_fork", "the_child_writes", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT F C w 0 c k 0 B r 0 c = 0 d 0", "min=1 maj=0 min=1 maj=0 pfn new value=1", NULL },
	{ "swap_fork", "the_last_one_reuses", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT F C r 0 k 0 X w 0 c = 0 N", "min=1 maj=0 pfn same used=0 cached=0 in=0 out=1", NULL },
	{ "swap_fork", "the_child_exits_unread", "O 64 m 0 2 rw p W 0 2 a 0 2 PAGEOUT F X N u 0 2 N", "2 used=2 cached=2 in=0 out=2 used=0 cached=0 in=0 out=2", NULL },
	{ "swap_fork", "pages_of_two_are_not_paged_out", "O 64 m 0 2 rw p W 0 2 F a 0 2 PAGEOUT s 0 2 N", "2 0-1 used=0 cached=0 in=0 out=0", NULL },
	{ "swap_fork", "but_they_are_reclaimed", "O 64 m 0 2 rw p W 0 2 F P 64 j 0 C j 0 r 0 d 0 B r 0 d 0", "2 type=0 offset=3 type=0 offset=3 value=1 value=1", NULL },

	/* areas */
	{ "swap_areas", "the_higher_priority_first", "O 4:1 O 4:5 m 0 6 rw p W 0 6 a 0 6 PAGEOUT j 0 j 3 j 4", "6 type=1 offset=1,exclusive type=1 offset=4,exclusive type=0 offset=1,exclusive", "6 type=1 offset=1 type=1 offset=4 type=0 offset=1" },
	{ "swap_areas", "equals_take_turns", "O 200:1 O 200:1 m 0 130 rw p W 0 130 a 0 130 PAGEOUT j 63 j 64 j 127 j 128", "130 type=0 offset=64,exclusive type=1 offset=1,exclusive type=1 offset=64,exclusive type=0 offset=65,exclusive",
	  "130 type=0 offset=64 type=1 offset=1 type=1 offset=64 type=0 offset=65" },
	{ "swap_areas", "full", "O 4 m 0 6 rw p W 0 6 ?a 0 6 PAGEOUT s 0 6 N", "6 ok 4-5 used=4 cached=4 in=0 out=4", NULL },
	{ "swap_areas", "slots_of_pages_in_memory_are_given_up", "O 4 m 0 8 rw p W 0 8 a 0 4 PAGEOUT r 0 N", "8 used=3 cached=3 in=0 out=4", NULL },
	{ "swap_areas", "too_small", "?O 0", "EINVAL", NULL },

	/* swapoff */
	{ "swapoff", "reads_everything_back", "O 64 m 0 8 rw p W 0 8 " OUT("0", "8") "?E s 0 8 d 7 w 7 c N", "8 ok 0-7 value=1 min=1 maj=0 used=0 cached=0 in=8 out=8", NULL },
	{ "swapoff", "of_shared_memory", "O 64 m 0 4 rw s W 0 4 " OUT("0", "4") "?E M 0 4 d 3 N", "4 ok 1 1 1 1 value=1 used=0 cached=0 in=4 out=4", NULL },
	{ "swapoff", "of_what_fork_shares", "O 64 m 0 4 rw p W 0 4 " OUT("0", "4") "F ?E k 0 C = 0 w 0 c = 0", "4 ok pfn same min=1 maj=0 pfn new", NULL },
	{ "swapoff", "one_of_two", "O 2:1 O 64:0 m 0 4 rw p W 0 4 a 0 4 PAGEOUT j 1 j 2 E N", "4 type=0 offset=2,exclusive type=1 offset=1,exclusive used=0 cached=0 in=0 out=4", "4 type=0 offset=2 type=1 offset=1 used=0 cached=0 in=0 out=4" },
	{ "swap_readahead", "page_cluster_0_sequential", "% page-cluster 0 O 512 m 0 32 rw p W 0 32 " OUT("0", "32") "D 0 32 1", "32 MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM", NULL },
	{ "swap_readahead", "page_cluster_0_stride_13", "% page-cluster 0 O 512 m 0 32 rw p W 0 32 " OUT("0", "32") "D 0 32 13", "32 MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM", NULL },
	{ "swap_readahead", "contents_intact", "O 512 m 0 32 rw p W 0 32 " OUT("0", "32") "D 0 32 13 d 0 d 13 d 31", "32 MMMMMmmMMMmMmMMmmmmMmmmmmmmMmmmM value=1 value=1 value=1", NULL },

	/* swap_ssd: 6.1, with queue/rotational 0 */
	{ "swap_ssd", "sequential", "O 512s m 0 64 rw p W 0 64 " OUT("0", "64") "D 0 64 1", "64 MmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmm", NULL },
	{ "swap_ssd", "from_the_middle", "O 512s m 0 64 rw p W 0 64 " OUT("0", "64") "r 40 D 0 64 1", "64 MmmMmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmm.mmmmMmmmmmmmMmmmmmmmMmm", NULL },
	{ "swap_ssd", "backwards", "O 512s m 0 64 rw p W 0 64 " OUT("0", "64") "D 0 64 -1", "64 MmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmmmmmmMmmm", NULL },

	/* tsv rows that need other views */
	{ "swap_basic", "pagemap", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT G 0", "absent,swap,softdirty", "absent,swap" },
	{ "swap_basic", "smaps", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT S 0", "Swap=4", NULL },
	{ "swap_basic", "after_read_kpage", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 I 0 # | # pagemap G 0",
	  "count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED | pagemap present,exclusive,softdirty", "count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED | pagemap present,exclusive" },
	{ "swap_basic", "smaps_after_read", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 S 0", "Rss=4 Pss=4 Private_Clean=4 Referenced=4 Anonymous=4", NULL },
	{ "swap_basic", "after_write_kpage", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT r 0 w 0 I 0", "count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED", "count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED" },
	{ "swap_basic", "zero_filled_page_pageout", "O 64 m 0 1 rw p w 0 w 0 a 0 1 PAGEOUT G 0 r 0 c", "absent,swap,softdirty min=1 maj=0", "absent,swap min=1 maj=0" },
	{ "swap_basic", "zero_page_pageout", "O 64 m 0 1 rw p r 0 a 0 1 PAGEOUT G 0", "present,softdirty", "present" },
	{ "swap_basic", "locked_pageout", "O 64 m 0 1 rw pl w 0 ?a 0 1 PAGEOUT G 0", "EINVAL present,exclusive,softdirty", "EINVAL present,exclusive" },
	{ "swap_basic", "mprotect_none_of_swapped", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT ?p 0 1 - G 0", "ok absent,swap,softdirty", "ok absent,swap" },
	{ "swap_basic", "dontneed_drops_swap_entry", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT a 0 1 DONTNEED G 0", "absent,softdirty", "absent" },
	{ "swap_basic", "mremap_moves_swap_entry", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT g 0 1 1 mf 8 G 8 r 8 d 8", "absent,swap,softdirty value=1", "absent,swap value=1" },
	{ "swap_major", "after_read", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "r 0 I 0 # | # pagemap G 0 # | S 0",
	  "count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED | pagemap present,exclusive,softdirty | Rss=4 Pss=4 Private_Clean=4 Referenced=4 Anonymous=4",
	  "count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED | pagemap present,exclusive | Rss=4 Pss=4 Private_Clean=4 Referenced=4 Anonymous=4" },
	{ "swap_major", "after_write", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "r 0 w 0 I 0", "count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED", "count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED" },
	{ "swap_major", "direct_write_page", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "w 0 I 0", "count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED", NULL },
	{ "swap_major", "shared_page_in_pagemap", "O 64 m 0 1 rw s w 0 a 0 1 PAGEOUT G 0", "absent,softdirty", "absent" },

	/* observed on 6.1 besides */
	{ "swap_fork", "read_by_both_the_parent_writes", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT F r 0 k 0 C r 0 w 0 c I 0 B w 0 c = 0 I 0",
	  "min=1 maj=0 count=1 UPTODATE MMAP ANON SWAPBACKED min=1 maj=0 pfn same count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED", NULL },
	{ "swap_fork", "a_child_that_only_exits", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT F X w 0 c I 0", "min=1 maj=0 count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED", NULL },
	{ "swap_fork", "child_writes_parent_reads_then_writes", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT F C w 0 c B r 0 c I 0 w 0 c I 0",
	  "min=1 maj=0 min=1 maj=0 count=1 UPTODATE MMAP ANON SWAPCACHE SWAPBACKED min=1 maj=0 count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED", NULL },
	{ "swap_fork", "major_for_the_first_only", "O 64 m 0 1 rw p w 0 " OUT("0", "1") "F C w 0 c I 0 X w 0 c I 0",
	  "min=0 maj=1 count=1 UPTODATE MMAP ANON SWAPBACKED min=1 maj=0 count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED", NULL },
	{ "swap_shared", "mapped_by_two_is_left_alone", "O 64 m 0 1 rw s w 0 F C r 0 B a 0 1 PAGEOUT I 0", "count=2 UPTODATE DIRTY MMAP SWAPBACKED", NULL },
	{ "swap_shared", "comes_back_dirty_without_a_slot", "O 64 m 0 1 rw s w 0 a 0 1 PAGEOUT r 0 c I 0 N", "min=1 maj=0 count=1 UPTODATE DIRTY MMAP SWAPBACKED used=0 cached=0 in=0 out=1", NULL },
	{ "swapoff", "pages_are_dirty_then", "O 64 m 0 1 rw p w 0 a 0 1 PAGEOUT E I 0 w 0 c", "count=1 UPTODATE DIRTY MMAP ANON SWAPBACKED min=1 maj=0", NULL },
};
/* clang-format on */

/* --- formats ----------------------------------------------------------------
 */

/* The words that 6.1 writes (pgtable_64.h, pgtable-3level.h, -2level.h). */
static void test_swapops__words(void **state)
{
	static const struct {
		const char *arch;
		unsigned type;
		uint64_t offset, pte;
	} words[] = {
		{ "x86_64", 0, 0x12, 0x07ffffffffffda00 },
		{ "x86_64", 3, 1, 0x1ffffffffffffc00 },
		{ "i386-pae", 0, 0x12, 0x07ffffffffffda00 },
		{ "i386-pae", 31, 0, 0xfffffffffffffe00 },
		{ "i386", 0, 0x12, 0x2400 },
		{ "i386", 31, 0x7fffff, 0xfffffe3e },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		struct kernel *k =
			boot_small(arch_by_name(words[i].arch), false);
		swp_entry_t e = swp_entry(k, words[i].type, words[i].offset);

		assert_int_equal(swp_entry_to_pte(k, e), words[i].pte);
		assert_int_equal(pte_to_swp_entry(k, words[i].pte), e);
		assert_true(is_swap_pte(words[i].pte));
		kernel_destroy(k);
	}
}

/* All types, offsets of every size: back and forth, never present. */
static void test_swapops__back_and_forth(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct kernel *k = boot_small(a, false);

		for (unsigned type = 0; type < 32; type++)
			for (uint64_t o = 1; o < swp_max_pages(k);
			     o = o * 3 + 1) {
				swp_entry_t e = swp_entry(k, type, o);
				uint64_t pte = swp_entry_to_pte(k, e);

				pte = pte_swp_mkexclusive(k, pte);
				pte = pte_swp_mksoft_dirty(k, pte);
				assert_int_equal(pte_to_swp_entry(k, pte), e);
				assert_false(pte_present(pte));
				assert_int_equal(pte_swp_exclusive(k, pte),
						 a->word == 8);
			}
		kernel_destroy(k);
	}
}

/* L1TF: what a CPU would speculate on lies above the RAM it has. */
static void test_swapops__no_memory_behind_an_entry(void **state)
{
	struct kernel *k = boot_small(arch_by_name("x86_64"), false);

	for (uint64_t o = 1; o < 1 << 20; o = o * 2 + 1)
		assert_true((swp_entry_to_pte(k, swp_entry(k, 0, o)) &
			     PTE_PFN_MASK) > k->max_pfn << PAGE_SHIFT);
	kernel_destroy(k);
}

/* --- areas ------------------------------------------------------------------
 */

static void test_swapon__header(void **state)
{
	struct kernel *k = boot_small(&archs[0], false);
	struct swap_on how = { .size = 64 << PAGE_SHIFT,
			       .prio = SWAP_PRIO_NONE };
	struct swap_info_struct *si;
	uint32_t last;

	assert_int_equal(kernel_swapon(k, &how, &si), 0);
	assert_memory_equal(si->bytes + PAGE_SIZE - 10, "SWAPSPACE2", 10);
	memcpy(&last, si->bytes + 1028, 4);
	assert_int_equal(last, 63);
	assert_int_equal(si->pages, 63);
	kernel_destroy(k);
}

static void test_swapon__priorities(void **state)
{
	struct kernel *k = boot_small(&archs[0], false);
	struct swap_on how = { .size = 4 << PAGE_SHIFT,
			       .prio = SWAP_PRIO_NONE };
	struct swap_info_struct *si[3];

	for (int i = 0; i < 3; i++) {
		assert_int_equal(kernel_swapon(k, &how, &si[i]), 0);
		assert_int_equal(si[i]->prio, -2 - i);
	}
	assert_int_equal(kernel_swapoff(k, si[1]), 0);
	assert_int_equal(si[2]->prio, -3);
	assert_int_equal(kernel_swapon(k, &how, &si[1]), 0);
	assert_int_equal(si[1]->prio, -4);
	assert_int_equal(si[1]->type, 1);
	kernel_destroy(k);
}

static void test_swapon__no_more_types(void **state)
{
	struct kernel *k = boot_small(&archs[0], false);
	struct swap_on how = { .size = 4 << PAGE_SHIFT,
			       .prio = SWAP_PRIO_NONE };
	struct swap_info_struct *si;

	for (int i = 0; i < MAX_SWAPFILES; i++)
		assert_int_equal(kernel_swapon(k, &how, &si), 0);
	assert_int_equal(kernel_swapon(k, &how, &si), -EPERM);
	assert_int_equal(kernel_check(k, complain, NULL), 0);
	kernel_destroy(k);
}

/* More in swap than memory can take: nothing changes. */
static void test_swapoff__no_room(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "O 64 m 0 16 rw p W 0 16 " OUT("0", "16"));
	r.k->page_cluster = 0;
	r.k->fail_nth = 5;
	run_script(&r, "?E N");
	r.k->fail_nth = 0;
	assert_string_equal(r.out, "16 ENOMEM used=12 cached=0 in=4 out=16");
	assert_int_equal(kernel_check(r.k, complain, NULL), 0);
	run_script(&r, "?E D 0 16 1");
	run_teardown(&r);
}

/* --- what check finds -------------------------------------------------------
 */

static void find(void *ctx, const char *text)
{
	snprintf(ctx, 200, "%s", text);
}

static void expect_finding(struct mm_run *r, const char *part)
{
	char text[200] = "";

	assert_int_not_equal(kernel_check(r->k, find, text), 0);
	if (!strstr(text, part))
		fail_msg("%s", text);
}

static void test_check__swap(void **state)
{
	struct swap_info_struct *si;
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "O 64 m 0 4 rw p W 0 4 a 0 4 PAGEOUT");
	si = r.k->swap->info[0];
	si->swap_map[2]++;
	expect_finding(&r, "swap_map[0x2] is 0x8002, page tables, files and the"
			   " swap cache make 0x8001");
	si->swap_map[2]--;
	si->inuse_pages++;
	expect_finding(&r, "slots are free");
	si->inuse_pages--;
	r.k->swap->nrpages--;
	expect_finding(&r, "swap cache: nrpages is 3, it has 4");
	r.k->swap->nrpages++;
	cur_mm(&r)->rss[MM_SWAPENTS]--;
	expect_finding(&r, "rss[swap] is 3, page tables have 4");
	cur_mm(&r)->rss[MM_SWAPENTS]++;
	r.k->lruvec.nr[LRU_INACTIVE_ANON]++;
	expect_finding(&r, "inactive_anon");
	r.k->lruvec.nr[LRU_INACTIVE_ANON]--;
	run_teardown(&r);
}

/* --- LRU lists --------------------------------------------------------------
 */

/* A page used between two looks is spared, one that is not goes. */
static void test_vmscan__second_chance(void **state)
{
	struct mm_run r;
	pfn_t used;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "O 64 m 0 8 rw p W 0 8");
	used = pte_to_pfn(r.k, leaf(&r, r.base));
	for (int i = 0; i < 3; i++) {
		run_script(&r, "P 1");
		flush_tlb_mm(r.k, mm_root(cur_mm(&r)));
		run_script(&r, "r 0");
	}
	assert_int_equal(pte_to_pfn(r.k, leaf(&r, r.base)), used);
	run_teardown(&r);
}

static void test_vmscan__cold_pages_leave_the_active_list(void **state)
{
	struct mm_run r;
	struct page *page;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "m 0 1 rw p w 0");
	page = pfn_to_page(r.k, pte_to_pfn(r.k, leaf(&r, r.base)));
	mark_page_accessed(r.k, page_to_pfn(r.k, page));
	mark_page_accessed(r.k, page_to_pfn(r.k, page));
	assert_int_equal(page->flags & PG_active, PG_active);
	run_script(&r, "a 0 1 COLD");
	assert_int_equal(page->flags & PG_active, PG_active);
	lru_add_drain(r.k);
	assert_int_equal(page->flags & PG_active, 0);
	assert_int_equal(r.k->vmstat.pgdeactivate, 1);
	run_teardown(&r);
}

/* Its CPU would have set D: the page must be written out. */
static void test_swap__a_system_call_writes(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		uint8_t byte = 7;
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "O 64 m 0 1 rw s w 0 a 0 1 PAGEOUT Q r 0");
		assert_int_equal(access_remote_vm(r.k, cur_mm(&r), r.base,
						  &byte, 1, true),
				 0);
		run_script(&r, "a 0 1 PAGEOUT Q r 0 c d 0");
		assert_string_equal(r.out, "min=0 maj=1 value=7");
		run_teardown(&r);
	}
}

/* Holes and truncation free the slots; what is left is still there. */
static void test_shmem__slots_of_holes(void **state)
{
	struct inode *inode;
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "O 64 f 0 8 rw sT 0 W 0 8 a 0 8 PAGEOUT Q N");
	inode = r.file[2]->f_inode;
	assert_int_equal(punch_hole(r.k, inode, PAGE_SIZE, 2 * PAGE_SIZE), 0);
	run_script(&r, "N");
	assert_int_equal(do_truncate(r.k, inode, 6 * PAGE_SIZE + 1), 0);
	run_script(&r, "N r 0 d 0 r 1 d 1 r 2 d 2 r 5 d 5 r 6 d 6");
	assert_string_equal(r.out, "8 used=8 cached=0 in=0 out=8 "
				   "used=6 cached=5 in=7 out=8 "
				   "used=4 cached=4 in=7 out=8 "
				   "value=1 value=0 value=0 value=1 value=1");
	run_teardown(&r);
}

/* --- random work against a shadow -------------------------------------------
 */

#ifdef MMSH_CHECK_ALWAYS
#define WORK_SEEDS 3
#else
#define WORK_SEEDS 12
#endif
#define WORK_PAGES 24 /* half of it shared */
#define SHARED(p)  ((p) >= WORK_PAGES / 2)

struct work {
	struct mm_run r;
	uint64_t rng;
	uint8_t own[2][WORK_PAGES]; /* bytes as each process must see them */
	bool child;
	unsigned areas;
};

static unsigned pick(struct work *w, unsigned n)
{
	w->rng = w->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->rng >> 33) % n;
}

static uint8_t *shadow(struct work *w, unsigned page)
{
	return &w->own[SHARED(page) ? 0 : w->r.cur][page];
}

static void work_write(struct work *w)
{
	unsigned page = pick(w, WORK_PAGES);
	uint8_t byte = 1 + pick(w, 255);

	user_access(w->r.k, w->r.cur, ACCESS_WRITE, true,
		    w->r.base + page * PAGE_SIZE, &byte, 1, &w->r.last);
	assert_int_equal(w->r.last.done, 1);
	*shadow(w, page) = byte;
}

static void work_read(struct work *w)
{
	unsigned page = pick(w, WORK_PAGES);
	uint8_t byte = 0;

	user_access(w->r.k, w->r.cur, ACCESS_READ, true,
		    w->r.base + page * PAGE_SIZE, &byte, 1, &w->r.last);
	assert_int_equal(w->r.last.done, 1);
	assert_int_equal(byte, *shadow(w, page));
}

static void work_advise(struct work *w, int advice)
{
	unsigned page = pick(w, WORK_PAGES);
	unsigned n =
		advice == LX_MADV_DONTNEED ? 1 : 1 + pick(w, WORK_PAGES - page);
	int err =
		do_madvise(w->r.k, cur_mm(&w->r), w->r.base + page * PAGE_SIZE,
			   n << PAGE_SHIFT, advice);

	assert_true(!err || err == -EINVAL);
	if (!err && advice == LX_MADV_DONTNEED && !SHARED(page))
		*shadow(w, page) = 0;
}

static void work_pageout(struct work *w)
{
	work_advise(w, LX_MADV_PAGEOUT);
}
static void work_cold(struct work *w)
{
	work_advise(w, LX_MADV_COLD);
}
static void work_willneed(struct work *w)
{
	work_advise(w, LX_MADV_WILLNEED);
}
static void work_dontneed(struct work *w)
{
	work_advise(w, LX_MADV_DONTNEED);
}

static void work_reclaim(struct work *w)
{
	struct reclaim_result ignored;

	reclaim_proactive(w->r.k, 1 + pick(w, 40), &ignored);
}

static void work_fork(struct work *w)
{
	if (w->child) {
		do_exit(w->r.k, w->r.task[1], 0);
		do_wait(w->r.k, w->r.task[0], &(int){ 0 });
		w->r.cur = 0;
	} else {
		step_fork(&w->r);
		memcpy(w->own[1], w->own[0], sizeof(w->own[0]));
	}
	w->child = !w->child;
}

static void work_other(struct work *w)
{
	w->r.cur = w->child ? !w->r.cur : 0;
}

static void work_remap(struct work *w)
{
	unsigned page = pick(w, WORK_PAGES / 2);
	va_t va = w->r.base + page * PAGE_SIZE;

	assert_int_equal(do_mmap(w->r.k, cur_mm(&w->r), NULL, va, PAGE_SIZE,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
					 LX_MAP_FIXED,
				 0, &va),
			 0);
	*shadow(w, page) = 0;
}

static void work_protect(struct work *w)
{
	va_t va = w->r.base + pick(w, WORK_PAGES) * PAGE_SIZE;

	do_mprotect(w->r.k, cur_mm(&w->r), va, PAGE_SIZE, LX_PROT_READ);
	do_mprotect(w->r.k, cur_mm(&w->r), va, PAGE_SIZE,
		    LX_PROT_READ | LX_PROT_WRITE);
}

static void work_lock(struct work *w)
{
	va_t va = w->r.base + pick(w, WORK_PAGES) * PAGE_SIZE;

	if (pick(w, 2))
		do_mlock(w->r.k, cur_mm(&w->r), va, PAGE_SIZE, 0);
	else
		do_munlock(w->r.k, cur_mm(&w->r), w->r.base,
			   WORK_PAGES << PAGE_SHIFT);
}

static void work_swapon(struct work *w)
{
	struct swap_on how = { .size = (2 + pick(w, 40)) << PAGE_SHIFT,
			       .prio = (int)pick(w, 4) - 1,
			       .nonrot = pick(w, 2) };
	struct swap_info_struct *si;

	kernel_swapon(w->r.k, &how, &si);
}

static void work_swapoff(struct work *w)
{
	unsigned type = pick(w, MAX_SWAPFILES);

	if (w->r.k->swap->info[type])
		assert_int_equal(
			kernel_swapoff(w->r.k, w->r.k->swap->info[type]), 0);
}

static void work_cluster(struct work *w)
{
	w->r.k->page_cluster = pick(w, 5);
}

/* Away to where nothing is, and back. */
static void work_mremap(struct work *w)
{
	unsigned page = pick(w, WORK_PAGES), n = 1 + pick(w, 3);
	va_t va = w->r.base + page * PAGE_SIZE, to = w->r.base + 2 * MiB, got;
	unsigned half = SHARED(page) ? WORK_PAGES : WORK_PAGES / 2;

	if (page + n > half)
		n = half - page;
	if (do_mremap(w->r.k, cur_mm(&w->r), va, n << PAGE_SHIFT,
		      n << PAGE_SHIFT, LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED, to,
		      &got))
		return; /* across areas */
	if (pick(w, 2))
		do_madvise(w->r.k, cur_mm(&w->r), to, n << PAGE_SHIFT,
			   LX_MADV_PAGEOUT);
	assert_int_equal(do_mremap(w->r.k, cur_mm(&w->r), to, n << PAGE_SHIFT,
				   n << PAGE_SHIFT,
				   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED, va,
				   &got),
			 0);
}

static void work_punch(struct work *w)
{
	unsigned page = WORK_PAGES / 2 + pick(w, WORK_PAGES / 2);
	const struct vm_area_struct *vma =
		find_vma(cur_mm(&w->r), w->r.base + page * PAGE_SIZE);

	assert_int_equal(punch_hole(w->r.k, vma->vm_file->f_inode,
				    (page - WORK_PAGES / 2) << PAGE_SHIFT,
				    PAGE_SIZE),
			 0);
	*shadow(w, page) = 0;
}

static void work_compact(struct work *w)
{
	compact_memory(w->r.k);
}

/* As a system call, which has no CPU that faults. */
static void work_remote(struct work *w)
{
	unsigned page = pick(w, WORK_PAGES);
	va_t va = w->r.base + page * PAGE_SIZE;
	uint8_t byte = 1 + pick(w, 255), had = 0;

	assert_int_equal(
		access_remote_vm(w->r.k, cur_mm(&w->r), va, &had, 1, false), 0);
	assert_int_equal(had, *shadow(w, page));
	if (pick(w, 2))
		return;
	assert_int_equal(
		access_remote_vm(w->r.k, cur_mm(&w->r), va, &byte, 1, true), 0);
	*shadow(w, page) = byte;
}

static void (*const works[])(struct work *w) = {
	work_write,   work_write,   work_write,	   work_read,	  work_read,
	work_read,    work_pageout, work_pageout,  work_pageout,  work_reclaim,
	work_reclaim, work_cold,    work_willneed, work_dontneed, work_fork,
	work_other,   work_other,   work_remap,	   work_protect,  work_lock,
	work_swapon,  work_swapoff, work_swapoff,  work_swapoff,  work_cluster,
	work_mremap,  work_punch,   work_compact,  work_remote,
};

static void work_begin(struct work *w, const struct arch *a, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->rng = seed;
	run_setup(&w->r, a);
	run_script(&w->r, "O 20 m 0 12 rw p m 12 12 rw s");
}

static void work_end(struct work *w)
{
	if (w->child)
		work_fork(w);
	run_teardown(&w->r);
}

static void test_swap__random_work(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned seed = 1; seed <= WORK_SEEDS; seed++) {
			struct work w;

			work_begin(&w, a, seed);
			for (unsigned i = 0; i < 250; i++) {
				works[pick(&w, ARRAY_SIZE(works))](&w);
				if (kernel_check(w.r.k, complain, NULL))
					fail_msg("%s, seed %u, step %u",
						 a->name, seed, i);
			}
			work_end(&w);
		}
}

/* --- allocations that fail --------------------------------------------------
 */

static const struct {
	const char *before, *step;
} failing[] = {
	{ "", "O 64" },
	{ "m 0 8 rw p O 64 W 0 8 " OUT("0", "8"), "r 0" },
	{ "m 0 8 rw p O 64 W 0 8 " OUT("0", "8"), "w 0" },
	{ "m 0 8 rw s O 64 W 0 8 " OUT("0", "8"), "w 0" },
	{ "m 0 8 rw p O 64 W 0 8 " OUT("0", "8"), "F" },
	{ "m 0 8 rw p O 64 W 0 8 " OUT("0", "8"), "a 0 8 WILLNEED" },
	{ "m 0 8 rw s O 64 W 0 8 " OUT("0", "8"), "a 0 8 WILLNEED" },
	{ "m 0 8 rw p O 64 W 0 8 " OUT("0", "8"), "E" },
	{ "m 0 8 rw s O 64 W 0 8 " OUT("0", "8"), "E" },
	{ "m 0 8 rw p O 64s W 0 8 " OUT("0", "8"), "r 3" },
	{ "m 0 8 rw p O 64 W 0 8 ", "a 0 8 PAGEOUT" },
	{ "m 0 8 rw p O 64 W 0 8 ", "P 16" },
};

static void step_with_failure(struct mm_run *r, const char *step)
{
	struct task_struct *child;

	if (*step != 'F') {
		run_script(r, step);
		return;
	}
	if (!kernel_fork(r->k, r->task[0], &child))
		do_exit(r->k, child, 0);
}

static void fail_step(const struct arch *a, const char *before,
		      const char *step, unsigned cluster)
{
	for (unsigned n = 1, done = 0; !done && n < 64; n++) {
		struct mm_run r;

		run_setup(&r, a);
		r.k->page_cluster = cluster;
		run_script(&r, before);
		r.k->fail_nth = n;
		step_with_failure(&r, step);
		done = r.k->fail_nth;
		r.k->fail_nth = 0;
		assert_int_equal(kernel_check(r.k, complain, NULL), 0);
		run_teardown(&r);
	}
}

static void test_swap__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(failing); i++)
			for (unsigned cluster = 0; cluster < 4; cluster += 3)
				fail_step(a, failing[i].before, failing[i].step,
					  cluster);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_swapops__words),
		cmocka_unit_test(test_swapops__back_and_forth),
		cmocka_unit_test(test_swapops__no_memory_behind_an_entry),
		cmocka_unit_test(test_swapon__header),
		cmocka_unit_test(test_swapon__priorities),
		cmocka_unit_test(test_swapon__no_more_types),
		cmocka_unit_test(test_swapoff__no_room),
		cmocka_unit_test(test_check__swap),
		cmocka_unit_test(test_vmscan__second_chance),
		cmocka_unit_test(test_vmscan__cold_pages_leave_the_active_list),
		cmocka_unit_test(test_swap__a_system_call_writes),
		cmocka_unit_test(test_shmem__slots_of_holes),
		cmocka_unit_test(test_swap__random_work),
		cmocka_unit_test(test_swap__survives_allocation_failures),
	};

	return run_rows("swap", rows, ARRAY_SIZE(rows), more, ARRAY_SIZE(more));
}

/*
 * test_task_mmu.c - what /proc says of an address space.
 * Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and value_686; of
 * statm_steps value_host_6.18, as 6.1 counts in batches of 64 events.
 */
#include "kernel/huge_mm.h"
#include "tests/kernel/mm_script.h"

#define ANON4 "m 0 6 rw p R 4 2 W 0 4"

static const struct mm_row rows[] = {
	{ "zero_page", "smaps_after_reads", "m 0 4 rw p r 0 r 1 S 0", "all 0", NULL },
	{ "zero_page", "pagemap", "m 0 4 rw p r 0 G 0", "present,softdirty", "present" },
	{ "zero_page", "kpageflags", "m 0 4 rw p r 0 I 0", "ZERO_PAGE", NULL },
	{ "zero_page", "smaps_after_write", "m 0 4 rw p r 0 r 1 w 0 S 0",
	  "Rss=4 Pss=4 Private_Dirty=4 Referenced=4 Anonymous=4", NULL },

	{ "fork_cow_child_first", "after_fork_kpage", "m 0 1 rw p w 0 F I 0",
	  "count=2 UPTODATE MMAP ANON SWAPBACKED", NULL },
	{ "fork_cow_child_first", "after_fork_pagemap", "m 0 1 rw p w 0 F G 0",
	  "present,softdirty", "present" },
	{ "fork_cow_child_first", "child_kpage_after_write", "m 0 1 rw p w 0 F C w 0 I 0",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED", NULL },
	{ "fork_cow_child_first", "parent_pagemap_before_write", "m 0 1 rw p w 0 F C w 0 B G 0",
	  "present,exclusive,softdirty", "present,exclusive" },

	{ "smaps_anon", "1_mapped", "m 0 6 rw p S 0", "all 0", NULL },
	{ "smaps_anon", "2_read_2_pages", "m 0 6 rw p r 4 r 5 S 0", "all 0", NULL },
	{ "smaps_anon", "3_wrote_4_pages", ANON4 " S 0",
	  "2 4 Rss=16 Pss=16 Private_Dirty=16 Referenced=16 Anonymous=16", NULL },
	{ "smaps_anon", "4_clear_refs_1", ANON4 " ?Z 1 S 0",
	  "2 4 ok Rss=16 Pss=16 Private_Dirty=16 Anonymous=16", NULL },
	{ "smaps_anon", "5_child_after_fork", ANON4 " Z 1 F C S 0",
	  "2 4 Rss=16 Pss=8 Shared_Dirty=16 Anonymous=16", NULL },
	{ "smaps_anon", "6_child_wrote_1", ANON4 " Z 1 F C w 0 S 0",
	  "2 4 Rss=16 Pss=10 Shared_Dirty=12 Private_Dirty=4 Referenced=4 Anonymous=16", NULL },
	{ "smaps_anon", "7_parent_after_child_wrote_1", ANON4 " Z 1 F C w 0 B S 0",
	  "2 4 Rss=16 Pss=10 Shared_Dirty=12 Private_Dirty=4 Anonymous=16", NULL },
	{ "smaps_anon", "8_parent_child_gone", ANON4 " Z 1 F C w 0 X S 0",
	  "2 4 Rss=16 Pss=16 Private_Dirty=16 Anonymous=16", NULL },
	{ "smaps_anon", "9_dontneed_2", ANON4 " Z 1 F C w 0 X a 0 2 DONTNEED S 0",
	  "2 4 Rss=8 Pss=8 Private_Dirty=8 Anonymous=8", NULL },
	{ "smaps_anon", "10_mlock", ANON4 " Z 1 F C w 0 X a 0 2 DONTNEED l 0 4 S 0",
	  "2 4 Rss=16 Pss=16 Private_Dirty=16 Referenced=16 Anonymous=16 Locked=16", NULL },

	/* a page that a cached translation leads to sets no accessed bit again */
	{ "clear_refs", "cached_translation", "m 0 1 rw p w 0 Z 1 r 0 S 0",
	  "Rss=4 Pss=4 Private_Dirty=4 Anonymous=4", NULL },
	{ "clear_refs", "bad_numbers", "?Z 0 ?Z 6", "EINVAL EINVAL", NULL },
	{ "clear_refs", "2_only_anonymous", "m 0 1 rw p f 2 1 r p 0 w 0 r 2 Z 2 S 0 S 2",
	  "Rss=4 Pss=4 Private_Dirty=4 Anonymous=4 "
	  "Rss=4 Pss=4 Private_Clean=4 Referenced=4", NULL },
	{ "clear_refs", "3_only_files", "m 0 1 rw p f 2 1 r p 0 w 0 r 2 Z 3 S 0 S 2",
	  "Rss=4 Pss=4 Private_Dirty=4 Referenced=4 Anonymous=4 "
	  "Rss=4 Pss=4 Private_Clean=4", NULL },

	{ "soft_dirty", "after_first_write", "m 0 2 rw p w 0 G 0",
	  "present,exclusive,softdirty", "present,exclusive" },
	{ "soft_dirty", "clear_refs_4", "m 0 2 rw p w 0 ?Z 4", "ok", NULL },
	{ "soft_dirty", "after_clear", "m 0 2 rw p w 0 Z 4 G 0", "present,exclusive", NULL },
	{ "soft_dirty", "after_read", "m 0 2 rw p w 0 Z 4 r 0 G 0", "present,exclusive", NULL },
	{ "soft_dirty", "after_write", "m 0 2 rw p W 0 2 Z 4 w 0 G 0 c",
	  "2 present,exclusive,softdirty min=1 maj=0", "2 present,exclusive min=0 maj=0" },
	{ "soft_dirty", "other_page", "m 0 2 rw p W 0 2 Z 4 w 0 G 1", "2 present,exclusive", NULL },
	/* seen on 6.1.170: upgrades by mprotect wait for the fault */
	{ "soft_dirty", "mprotect_there_and_back", "m 0 2 rw p W 0 2 Z 4 w 0 p 0 2 r p 0 2 rw G 0 G 1 w 1 G 1",
	  "2 present,exclusive,softdirty present,exclusive present,exclusive,softdirty",
	  "2 present,exclusive present,exclusive present,exclusive" },
	{ "soft_dirty", "shared_memory", "m 0 4 rw s w 0 r 1 Z 4 w 0 w 2 G 0 G 1 G 2 G 3",
	  "present,file/shm,exclusive,softdirty present,file/shm,exclusive "
	  "present,file/shm,exclusive,softdirty absent",
	  "present,file/shm,exclusive present,file/shm,exclusive "
	  "present,file/shm,exclusive absent" },
	{ "soft_dirty", "new_area", "m 0 1 rw p Z 4 G 0 m 2 1 rw p G 2",
	  "absent absent,softdirty", "absent absent" },

	{ "statm_steps", "mmap_512_anon", "T m 0 512 rw p T",
	  "size+512 resident+0 shared+0 text+0 data+512", NULL },
	{ "statm_steps", "read_512_anon", "m 0 512 rw p T R 0 512 T",
	  "512 size+0 resident+0 shared+0 text+0 data+0", NULL },
	{ "statm_steps", "write_512_anon", "m 0 512 rw p T W 0 512 T",
	  "512 size+0 resident+512 shared+0 text+0 data+0", NULL },
	{ "statm_steps", "mprotect_ro", "m 0 512 rw p W 0 512 T p 0 512 r T",
	  "512 size+0 resident+0 shared+0 text+0 data-512", NULL },
	{ "statm_steps", "dontneed", "m 0 512 rw p W 0 512 T a 0 512 DONTNEED T",
	  "512 size+0 resident-512 shared+0 text+0 data+0", NULL },
	{ "statm_steps", "mmap_512_shared_anon", "T m 0 512 rw s T",
	  "size+512 resident+0 shared+0 text+0 data+0", NULL },
	{ "statm_steps", "write_512_shared_anon", "m 0 512 rw s T W 0 512 T",
	  "512 size+0 resident+512 shared+512 text+0 data+0", NULL },
	{ "statm_steps", "munmap_shared", "m 0 512 rw s W 0 512 T u 0 512 T",
	  "512 size-512 resident-512 shared-512 text+0 data+0", NULL },
	{ "statm_steps", "mmap_64_file_rx", "T f 0 64 rx p 0 T",
	  "size+64 resident+0 shared+0 text+0 data+0", NULL },
	{ "statm_steps", "mmap_100_none", "T m 0 100 - p T",
	  "size+100 resident+0 shared+0 text+0 data+0", NULL },

	{ "hugetlb", "smaps", "% nr_hugepages 2 m 0 512 rw pz w 0 S 0",
	  "Private_Hugetlb=2048", "-" },
	{ "hugetlb", "kpage", "% nr_hugepages 2 m 0 512 rw pz w 0 I 0 G 1",
	  "count=1 UPTODATE MMAP ANON COMPOUND_HEAD HUGE present,exclusive,softdirty", "-" },

	{ "page_flags", "anon_written", "m 0 1 rw p w 0 I 0 # | # pagemap G 0",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED | pagemap present,exclusive,softdirty",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED | pagemap present,exclusive" },
	{ "page_flags", "anon_read_only_touched", "m 0 1 rw p r 0 I 0 # | # pagemap G 0",
	  "ZERO_PAGE | pagemap present,softdirty", "ZERO_PAGE | pagemap present" },
	{ "page_flags", "shared_anon", "m 0 1 rw s w 0 I 0 # | # pagemap G 0",
	  "count=1 UPTODATE DIRTY MMAP SWAPBACKED | pagemap present,file/shm,exclusive,softdirty",
	  "count=1 UPTODATE DIRTY MMAP SWAPBACKED | pagemap present,file/shm,exclusive" },
	{ "page_flags", "tmpfs_file_shared", "f 0 1 rw sT 0 w 0 I 0 # | # pagemap G 0",
	  "count=1 UPTODATE DIRTY MMAP SWAPBACKED | pagemap present,file/shm,exclusive,softdirty",
	  "count=1 UPTODATE DIRTY MMAP SWAPBACKED | pagemap present,file/shm,exclusive" },
	{ "page_flags", "tmpfs_file_private_cowed", "f 0 1 rw pT 0 w 0 I 0 # | # pagemap G 0",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED | pagemap present,exclusive,softdirty",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED | pagemap present,exclusive" },
	{ "page_flags", "mlocked_anon", "m 0 1 rw p w 0 l 0 1 I 0 # | # pagemap G 0",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED UNEVICTABLE | pagemap present,exclusive,softdirty",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED UNEVICTABLE | pagemap present,exclusive" },
	{ "page_flags", "disk_file_clean", "f 0 1 r s 0 r 0 I 0",
	  "count=1 UPTODATE MMAP", NULL },
	{ "page_flags", "disk_file_written", "f 0 1 rw s 0 w 0 I 0",
	  "count=1 UPTODATE DIRTY MMAP", NULL },
	{ "page_flags", "never_touched", "m 0 1 rw p I 0", "no page", NULL },
	{ "page_flags", "anon_then_prot_none", "m 0 1 rw p w 0 p 0 1 - I 0 # | # pagemap G 0",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED | pagemap present,exclusive,softdirty",
	  "count=1 UPTODATE MMAP ANON SWAPBACKED | pagemap present,exclusive" },
};

/* A third of a page three times is less than a page: each is rounded down. */
static void test_pss__shares_are_rounded_down(void **state)
{
	struct mem_size_stats m = { .resident = 0 };
	struct task_struct *third;
	struct mm_run r;

	run_setup(&r, &archs[0]);
	run_script(&r, "m 0 4 rw p W 0 4 F");
	assert_int_equal(kernel_fork(r.k, r.task[1], &third), 0);
	smap_gather_stats(r.k, find_vma(third->mm, r.base), &m);
	assert_int_equal(m.resident, 4 * PAGE_SIZE);
	assert_int_equal(m.shared_dirty, 4 * PAGE_SIZE);
	assert_int_equal(m.pss, 4 * ((PAGE_SIZE << PSS_SHIFT) / 3));
	assert_int_equal(m.pss >> PSS_SHIFT, 5461);
	assert_int_equal(m.pss_anon, m.pss);
	assert_int_equal(m.pss_dirty, m.pss);
	run_teardown(&r);
}

static void test_status__peaks_stay(void **state)
{
	struct task_mem before, t;
	struct mm_run r;

	run_setup(&r, &archs[0]);
	task_mem(r.k, cur_mm(&r), &before);
	run_script(&r, "m 0 64 rw p W 0 64 u 0 64");
	task_mem(r.k, cur_mm(&r), &t);
	assert_int_equal(t.total_vm, before.total_vm);
	assert_int_equal(t.hiwater_vm, before.total_vm + 64);
	assert_int_equal(t.total_rss, before.total_rss);
	assert_int_equal(t.hiwater_rss, before.total_rss + 64);
	run_script(&r, "Z 5");
	task_mem(r.k, cur_mm(&r), &t);
	assert_int_equal(t.hiwater_rss, t.total_rss);
	run_teardown(&r);
}

static void test_pagemap__runs_end_where_bits_or_frames_do(void **state)
{
	struct mm_run r;
	uint64_t pme;
	va_t va;

	run_setup(&r, &archs[0]);
	run_script(&r, "m 0 8 rw p W 2 1 m 12 4 rw s");
	va = pagemap_run(r.k, cur_mm(&r), r.base, r.base + 1 * MiB, &pme);
	assert_int_equal(va, r.base + 2 * PAGE_SIZE);
	assert_int_equal(pme, 0);
	va = pagemap_run(r.k, cur_mm(&r), va, r.base + 1 * MiB, &pme);
	assert_int_equal(va, r.base + 3 * PAGE_SIZE);
	assert_int_equal(pme & ~PM_PFRAME_MASK, PM_PRESENT | PM_MMAP_EXCLUSIVE);
	va = pagemap_run(r.k, cur_mm(&r), va, r.base + 1 * MiB, &pme);
	assert_int_equal(va, r.base + 8 * PAGE_SIZE);
	va = pagemap_run(r.k, cur_mm(&r), va, r.base + 1 * MiB, &pme);
	assert_int_equal(va, r.base + 12 * PAGE_SIZE);
	run_teardown(&r);
}

/*
 * A transparent huge page: golden rows thp_basic smaps, kpage_head, kpage_tail,
 * mprotect_1_page, dontneed_1_page, for each size of large page. With one
 * reference its Pss is that of all of it, and in 32 bits too large to count.
 */
static void check_huge_page(const struct arch *arch)
{
	struct mem_size_stats m = { .resident = 0 };
	uint64_t size, pme;
	struct mm_run r;
	pfn_t pfn;

	run_setup(&r, arch);
	thp_set_enabled(r.k, THP_MADVISE);
	size = hpage_size(r.k);
	run_script(&r, "m 0 1024 rw p a 0 1024 HUGEPAGE w 0");
	smap_gather_stats(r.k, find_vma(cur_mm(&r), r.base), &m);
	assert_int_equal(m.resident, size);
	assert_int_equal(m.private_dirty, size);
	assert_int_equal(m.anonymous_thp, size);
	assert_int_equal(m.referenced, size);
	assert_int_equal(m.pss >> PSS_SHIFT, arch->word == 4 ? 0 : size);
	assert_true(thp_eligible(r.k, find_vma(cur_mm(&r), r.base)));
	assert_int_equal(pagemap_run(r.k, cur_mm(&r), r.base + PAGE_SIZE,
				     r.base + size, &pme), r.base + size);
	assert_true(pme & PM_MMAP_EXCLUSIVE);
	pfn = (pme & PM_PFRAME_MASK) - 1;
	assert_int_equal(pfn & (hpage_nr(r.k) - 1), 0);
	assert_int_equal(kpagecount(r.k, pfn), 1);
	assert_int_equal(kpagecount(r.k, pfn + 1), 1);
	run_script(&r, "I 0 # | I 1");
	assert_string_equal(r.out,
			    "count=1 UPTODATE MMAP ANON SWAPBACKED "
			    "COMPOUND_HEAD THP | count=1 MMAP ANON "
			    "COMPOUND_TAIL THP");
	/* its entry is split, and the page is not: as many references as entries */
	run_script(&r, "p 0 1 r");
	m = (struct mem_size_stats){ .resident = 0 };
	smap_gather_stats(r.k, find_vma(cur_mm(&r), r.base + PAGE_SIZE), &m);
	assert_int_equal(m.anonymous_thp, 0);
	assert_int_equal(m.pss >> PSS_SHIFT, size - PAGE_SIZE);
	assert_int_equal(m.private_dirty, size - PAGE_SIZE);
	run_teardown(&r);
}

static void test_smaps__huge_page(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		check_huge_page(a);
}

static void test_clear_refs__huge_page(void **state)
{
	struct mem_size_stats m = { .resident = 0 };
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	thp_set_enabled(r.k, THP_MADVISE);
	run_script(&r, "m 0 1024 rw p a 0 1024 HUGEPAGE w 0 Z 1");
	smap_gather_stats(r.k, find_vma(cur_mm(&r), r.base), &m);
	assert_int_equal(m.referenced, 0);
	run_script(&r, "Z 4 G 5 w 5 G 5 G 6");
	assert_string_equal(r.out, "present,exclusive "
			    "present,exclusive,softdirty "
			    "present,exclusive,softdirty");
	run_teardown(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pss__shares_are_rounded_down),
		cmocka_unit_test(test_smaps__huge_page),
		cmocka_unit_test(test_clear_refs__huge_page),
		cmocka_unit_test(test_status__peaks_stay),
		cmocka_unit_test(test_pagemap__runs_end_where_bits_or_frames_do),
	};

	return run_rows("task_mmu", rows, ARRAY_SIZE(rows), tests,
			ARRAY_SIZE(tests));
}

/*
 * test_writeback.c - dirty pages, writeback, msync, what is dropped, what the
 * disk is asked for. Rows without an experiment of golden/ are what 6.1 does
 * on ext4.
 */
#include "tests/kernel/mm_script.h"

#define FILE4 ":open /disk/x c :fill 3 4 :map 3 0 4 rw s 0 "

static const struct mm_row rows[] = {
	{ "msync_args", "ok", "m 0 4 rw p ?:msync 0 4 4", "ok", NULL },
	{ "msync_args", "unaligned", "m 0 4 rw p ?:msync 0+1 4 4", "EINVAL",
	  NULL },
	{ "msync_args", "sync_and_async", "m 0 4 rw p ?:msync 0 4 5", "EINVAL",
	  NULL },
	{ "msync_args", "hole", "m 0 4 rw p m 5 1 rw p ?:msync 0 6 4", "ENOMEM",
	  NULL },
	{ "msync_args", "invalidate_locked",
	  "m 0 4 rw pl ?:msync 0 4 2 ?:msync 0 4 6", "EBUSY EBUSY", NULL },
	{ "msync_args", "more",
	  "m 0 4 rw p m 5 1 rw p ?:msync 0 4 8 ?:msync 0 4 0 ?:msync 0 0 4 "
	  "?:msync 4 0 4 ?:msync 0 0xffffffffffffffff. 4 ?:msync 0 6 1",
	  "EINVAL ok ok ok ok ENOMEM", NULL },
	{ "msync", "writes_beyond_the_hole",
	  FILE4 "u 1 1 w 0 w 2 ?:msync 0 4 4 :dirty 3", "ENOMEM none", NULL },
	{ "msync", "writes_only_its_range",
	  FILE4 "w 0 w 1 w 2 :msync 1 1 4 :dirty 3 :blk", "0 2 r=0/0 w=2/5",
	  NULL },
	{ "msync", "private_is_not_written",
	  ":open /disk/x c :fill 3 1 :blk :map 3 0 1 rw p 0 w 0 :msync 0 1 4 "
	  ":blk",
	  "r=0/0 w=1/1 r=0/0 w=0/0", NULL },
	{ "write_notify", "disk",
	  FILE4 "w 0 c r 0 c w 0 c :msync 0 1 1 w 0 c :msync 0 1 4 w 0 c "
		":fsync 3 w 0 c :sync w 0 c w 1 c",
	  "min=1 maj=0 min=0 maj=0 min=0 maj=0 min=0 maj=0 min=1 maj=0 "
	  "min=1 maj=0 min=1 maj=0 min=1 maj=0",
	  NULL },
	{ "write_notify", "tmpfs",
	  ":open /tmp/x c :fill 3 4 :map 3 0 4 rw s 0 w 0 c :msync 0 1 4 w 0 c",
	  "min=1 maj=0 min=0 maj=0", NULL },
	{ "write_notify", "two_processes",
	  FILE4 "w 0 F C w 0 :fsync 3 w 0 c B w 0 c", "min=1 maj=0 min=1 maj=0",
	  NULL },
	{ "file_fault_around", "disk_then_write_64_minflt",
	  ":open /disk/x c :fill 3 64 :map 3 0 64 rw s 0 R 0 64 W 0 64", "4 64",
	  NULL },
	{ "file_fault_around", "tmpfs_then_write_64_minflt",
	  ":open /tmp/x c :fill 3 64 :map 3 0 64 rw s 0 R 0 64 W 0 64", "4 0",
	  NULL },
	{ "file_fault_around", "disk_read_page_40",
	  ":open /disk/x c :fill 3 64 :map 3 0 64 rw s 0 r 5 c s 0 64 r 40 c "
	  "s 0 64",
	  "min=1 maj=0 0-15 min=1 maj=0 0-15 32-47", NULL },
	{ "file_fault_around", "disk_shared_write_page_5",
	  ":open /disk/x c :fill 3 64 :map 3 0 64 rw s 0 w 5 c s 0 64",
	  "min=1 maj=0 5", NULL },
	{ "file_fault_around", "disk_private_write_page_5",
	  ":open /disk/x c :fill 3 64 :map 3 0 64 rw p 0 w 5 c s 0 64 r 6 c "
	  "s 0 64",
	  "min=1 maj=0 5 min=1 maj=0 0-15", NULL },
	{ "file_fault_around", "disk_vma_at_page_3_offset_7_read_page_10",
	  ":open /disk/x c :fill 3 64 :map 3 3 40 rw s 7 r 6 c s 0 64",
	  "min=1 maj=0 3-18", NULL },
	{ "page_flags", "disk_file_clean", FILE4 "r 0 I 0 G 0",
	  "count=1 UPTODATE MMAP present,file/shm,exclusive,softdirty",
	  "count=1 UPTODATE MMAP present,file/shm,exclusive" },
	{ "page_flags", "disk_file_written", FILE4 "w 0 I 0 :fsync 3 I 0",
	  "count=1 UPTODATE DIRTY MMAP count=1 UPTODATE MMAP", NULL },
	{ "blocks", "side_by_side_are_one_request",
	  ":open /disk/x c :fill 3 8 :blk :drop 3 :map 3 0 8 r s 0 r 0 :blk "
	  ":write 3 x 0 :write 3 x 1p :write 3 x 5p :sync :blk",
	  "r=0/0 w=1/8 r=1/8 w=0/0 r=0/0 w=2/3", NULL },
	{ "blocks", "holes_are_no_requests",
	  ":open /disk/x c :ftruncate 3 64p :map 3 0 64 r s 0 r 0 c :blk "
	  ":touch 0 20 :blk",
	  "min=0 maj=1 r=0/0 w=0/0 ................m... r=0/0 w=0/0", NULL },
	{ "blocks", "deleted_with_the_last_user",
	  ":open /disk/x c :fill 3 4 :unlink /disk/x :close 3 :open /disk/y c "
	  ":size 3 :cached 3",
	  "0 none", NULL },
	{ "drop_caches", "mapped_and_dirty_pages_stay",
	  ":open /disk/x c :fill 3 40 :drop 3 :map 3 0 40 rw s 0 r 0 :drop 3 "
	  ":cached 3 s 0 40 u 0 40 :drop 3 :cached 3 :map 3 0 40 rw s 0 w 3 "
	  "u 0 40 :drop 1 :cached 3",
	  "0-15 0-15 none 3", NULL },
	{ "madv_cold_pageout_noswap", "pageout_disk_file_and_read_back",
	  FILE4 "R 0 4 a 0 4 PAGEOUT s 0 4 r 0 c", "1 none min=0 maj=1", NULL },
	{ "madv_cold_pageout_noswap", "pageout_tmpfs_file_no_swap",
	  ":open /tmp/x c :fill 3 4 :map 3 0 4 rw s 0 R 0 4 ?a 0 4 PAGEOUT s 0 "
	  "4",
	  "1 ok none", NULL },
	{ "drop_caches", "tmpfs_stays",
	  ":open /tmp/x c :fill 3 4 :drop 3 :cached 3", "0-3", NULL },
	{ "fadvise", "dontneed_willneed",
	  ":open /disk/x c :fill 3 64 :fadvise 3 0 0 4 :cached 3 "
	  ":fadvise 3 8p 8p 3 :cached 3 :write 3 x 0 :fadvise 3 0 0 4 :cached "
	  "3 "
	  ":dirty 3 :drop 3 :readahead 3 32p 8p :cached 3 "
	  ":fadvise 3 131073 2p 4 :cached 3",
	  "none 8-15 0 none 32-39 32 34-39", NULL },
	{ "fadvise", "errors",
	  ":open /disk/x c :open /tmp/x c :pipe ?:fadvise 3 0 0 77 "
	  "?:fadvise 3 0 -1 0 ?:fadvise 5 0 0 0 ?:fadvise 9 0 0 0 "
	  "?:fadvise 4 0 0 4 ?:fadvise 4 0 0 77 :open /disk/x w "
	  "?:readahead 7 0 1 ?:readahead 5 0 1 ?:readahead 6 0 1 ?:fsync 5",
	  "EINVAL EINVAL ESPIPE EBADF ok EINVAL EBADF EINVAL EBADF EINVAL",
	  NULL },
	{ "host", "imported_files_stay_as_they_are",
	  ":open /etc/passwd + :write 3 XYZ 0 :fsync 3 :drop 3 :read 3 3 0 "
	  ":close 3 :open /etc/passwd r :read 3 3 0 ?:open /etc/none c "
	  "?:unlink /etc/passwd",
	  "XYZ XYZ EROFS EROFS", NULL },
};

/* A write that fails for lack of memory or of room leaves all sound. */
static void test_writeback__survives_allocation_failures(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct mm_run r;

		run_setup(&r, arch_by_name("i386"));
		run_script(&r, ":open /disk/x c :map 3 0 8 rw s 0");
		r.k->fail_nth = n;
		run_script(&r, ":fill 3 8 w 0 w 5 :sync r 2 :drop 3 r 7 "
			       ":read 3 100 2p :open /disk/y c :fill 4 3 "
			       ":readahead 3 0 8p :msync 0 8 4");
		done = r.k->fail_nth;
		r.k->fail_nth = 0;
		assert_int_equal(kernel_check(r.k, complain, NULL), 0);
		run_teardown(&r);
	}
}

static void test_writeback__a_full_disk(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, ":open /disk/big c ?:fallocate 3 1 0 0x3ffff000 "
		       ":open /disk/x c ?:write 4 x 0 ?:write 4 y 1p "
		       ":ftruncate 4 2p :map 4 0 2 rw s 0 ?w 0 ?w 1 "
		       ":unlink /disk/big :close 3 ?w 1 ?:write 4 y 1p");
	assert_string_equal(r.out,
			    "ok 1 ENOSPC ok SIGBUS ADRERR addr=base+0x1000"
			    " err=0x6 trap=14 ok 1");
	run_teardown(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writeback__survives_allocation_failures),
		cmocka_unit_test(test_writeback__a_full_disk),
	};

	return run_rows("writeback", rows, ARRAY_SIZE(rows), tests,
			ARRAY_SIZE(tests));
}

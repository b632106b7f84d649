/* test_shmem.c - tmpfs, memfd, shared anonymous memory; read and write. */
#include <errno.h>

#include "tests/kernel/mm_script.h"

static const struct mm_row rows[] = {
	{ "memfd", "maps_name",
	  ":memfd foo :ftruncate 3 1p :map 3 0 1 rw s 0 :name 0 L",
	  "/memfd:foo (deleted) 0-1:rw-s@0", NULL },
	{ "memfd", "survives_close_and_fork",
	  ":memfd foo :ftruncate 3 1p :map 3 0 1 rw s 0 F C :store 0 7 "
	  ":read 3 1 0 X d 0 :close 3 d 0",
	  "\a value=7 value=7", NULL },
	{ "shmem", "holes_are_read_without_a_page",
	  ":memfd h :ftruncate 3 8p :uread 3 4p 0 0 m 0 4 rw p "
	  "?:uread 3 4p 0 0 :cached 3 :map 3 8 8 r s 0 r 10 :cached 3",
	  "16384 none 2", NULL },
	{ "shmem", "one_page_for_all_who_map",
	  ":open /dev/shm/s c :ftruncate 3 4p :map 3 0 4 rw s 0 "
	  ":open /dev/shm/s r :map 4 8 4 r s 0 w 1 r 9 k 1 = 9",
	  "pfn same", NULL },
	{ "shmem", "rss_is_shmem",
	  ":memfd m :ftruncate 3 4p :map 3 0 4 rw s 0 W 0 4 S 0",
	  "4 Rss=16 Pss=16 Private_Dirty=16 Referenced=16", NULL },
	{ "page_flags", "tmpfs_file_shared",
	  ":open /tmp/x c :fill 3 1 :map 3 0 1 rw s 0 w 0 I 0",
	  "count=1 UPTODATE DIRTY MMAP SWAPBACKED", NULL },
	{ "vma_merge_file", "two_openings_do_not_merge",
	  ":open /tmp/x c :open /tmp/x + :map 3 0 2 rw s 0 :map 3 2 2 rw s 2 "
	  ":map 4 4 2 rw s 4 L",
	  "0-4:rw-s@0 4-6:rw-s@4", NULL },
	{ "remap_file_pages", "page0_to_offset2",
	  ":open /tmp/x c :fill 3 4 :map 3 0 4 rw s 0 ?:remap 0 1 2 L d 0",
	  "ok 0-1:rw-s@2 1-4:rw-s@1 value=67", NULL },
	{ "remap_file_pages", "errors",
	  ":open /tmp/x c :fill 3 4 :map 3 0 4 rw s 0 :map 3 4 2 r s 4 m 8 1 "
	  "rw p "
	  "?:remap 0 0 2 ?:remap 9 1 0 ?:remap 8 1 0 ?:remap 3 2 0",
	  "EINVAL EINVAL EINVAL EINVAL", NULL },
	{ "file_permissions", "ro_fd_shared_rw",
	  ":open /tmp/x c :open /tmp/x r ?:map 4 0 1 rw s 0", "EACCES", NULL },
	{ "file_permissions", "ro_fd_private_rw",
	  ":open /tmp/x c :open /tmp/x r ?:map 4 0 1 rw p 0", "ok", NULL },
	{ "file_permissions", "wo_fd_shared_w",
	  ":open /tmp/x c :open /tmp/x w ?:map 4 0 1 w s 0", "EACCES", NULL },
	{ "file_permissions", "wo_fd_private_r",
	  ":open /tmp/x c :open /tmp/x w ?:map 4 0 1 r p 0", "EACCES", NULL },
	{ "file_permissions", "after_close",
	  ":open /tmp/x c :fill 3 1 :map 3 0 1 rw s 0 :close 3 ?r 0", "ok",
	  NULL },
	{ "file_permissions", "ro_fd_shared_mprotect_w",
	  ":open /tmp/x c :open /tmp/x r :map 4 0 1 r s 0 ?p 0 1 rw "
	  ":map 4 2 1 r p 0 ?p 2 1 rw",
	  "EACCES ok", NULL },
	{ "mmap_errors", "bad_fd", "?:map 9 0 1 r p 0", "EBADF", NULL },
	{ "mmap_errors", "pipe_fd", ":pipe ?:map 3 0 1 r p 0", "ENODEV", NULL },
	{ "mmap_errors", "directory_fd", ":open /tmp r ?:map 3 0 1 r p 0",
	  "ENODEV", NULL },
	{ "rw_errors", "modes",
	  ":open /tmp/x c :open /tmp/x r :open /tmp/x w ?:write 4 x 0 "
	  "?:read 5 1 0 ?:read 3 1 -1 ?:read 9 1 0 :open /tmp r ?:read 6 1 0 "
	  "?:open /tmp + ?:open /tmp c ?:unlink /tmp ?:open /tmp/x cx "
	  "?:open /tmp/a/b c ?:close 99 ?:unlink /tmp/none",
	  "EBADF EBADF EINVAL EBADF EISDIR EISDIR EISDIR EISDIR EEXIST ENOENT "
	  "EBADF ENOENT",
	  NULL },
	{ "rw_errors", "memory_of_the_process",
	  ":open /tmp/x c :fill 3 4 m 0 1 rw p w 0 ?:uwrite 3 200 0 0+3996 "
	  "?:uwrite 3 200 4046 0+3996 ?:uread 3 200 0 0+3996 ?:uwrite 3 10 0 1 "
	  "m 2 1 r p ?:uread 3 10 0 2 ?:uread 3 1 0 @0xffffffffffffff00 "
	  "?:uwrite 3 0 0 @8",
	  "100 100 100 EFAULT EFAULT EFAULT ok", NULL },
	{ "rw", "faults_count",
	  ":open /tmp/x c :fill 3 4 m 0 4 rw p :uread 3 4p 0 0 d 1 s 0 4 "
	  ":uwrite 3 1p 0 2 :read 3 1 0",
	  "value=66 0-3 C", NULL },
	{ "rw", "position_append_and_size",
	  ":open /tmp/x c :write 3 hello 0 :open /tmp/x a :size 3 "
	  ":open /tmp/x +t :size 3",
	  "5 0", NULL },
	{ "fds", "numbers_fork_and_refs",
	  "?:open /tmp/a c ?:open /tmp/b c ?:close 3 ?:open /tmp/c c F C "
	  "?:close 4 ?:open /tmp/b r B ?:close 4",
	  "3 4 ok 3 ok 4 ok", NULL },
	{ "memfd", "errors",
	  "?:memfd x ?:memfd "
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "a"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "a"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "a"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "3 EINVAL", NULL },
};

static void test_shmem__survives_allocation_failures(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct mm_run r;

		run_setup(&r, arch_by_name("x86_64"));
		r.k->fail_nth = n;
		run_script(&r, ":memfd m :open /dev/shm/s c :ftruncate 3 4p");
		if (fget(r.task[0], 4))
			run_script(&r, ":map 3 0 4 rw s 0 :fill 4 3 "
				       ":map 4 8 3 rw p 0 r 8 w 9 w 0 "
				       ":uwrite 4 1p 3p 0 :pipe");
		done = r.k->fail_nth;
		r.k->fail_nth = 0;
		assert_int_equal(kernel_check(r.k, complain, NULL), 0);
		run_teardown(&r);
	}
}

/* A child has the descriptors of its parent, or there is no child. */
static void test_fork__survives_allocation_failures(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct task_struct *child = NULL;
		struct mm_run r;
		int err;

		run_setup(&r, arch_by_name("x86_64"));
		run_script(&r, ":memfd m :open /tmp/x c :map 3 0 1 rw s 0");
		r.k->fail_nth = n;
		err = kernel_fork(r.k, r.task[0], &child);
		done = r.k->fail_nth;
		r.k->fail_nth = 0;
		assert_int_equal(err, child ? 0 : -ENOMEM);
		if (child)
			assert_ptr_equal(fget(child, 4), fget(r.task[0], 4));
		assert_int_equal(fget(r.task[0], 4)->f_count, child ? 2 : 1);
		run_teardown(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shmem__survives_allocation_failures),
		cmocka_unit_test(test_fork__survives_allocation_failures),
	};

	return run_rows("shmem", rows, ARRAY_SIZE(rows), tests,
			ARRAY_SIZE(tests));
}

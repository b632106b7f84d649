/*
 * test_truncate.c - the end of a file under its mappings, holes, sizes. Rows
 * file_eof are observed ones; those of the disk are 6.1's on ext4.
 */
#include "tests/kernel/mm_script.h"

#define SHORT(path) ":open " path " c :ftruncate 3 6144 :map 3 0 8 rw s 0 "
#define FOUR(path)                                                        \
	":open " path " c :fill 3 4 :map 3 0 4 rw s 0 :map 3 4 4 rw p 0 " \
	":store 3 5 :store 7 9 "

#define EOF_ROWS(fs, path)                                                     \
	{ "file_eof", fs "_last_partial_page_tail",                            \
	  SHORT(path) "?r 1+3000 d 1+3000", "ok value=0", NULL },              \
		{ "file_eof", fs "_write_tail", SHORT(path) "?w 1+3000", "ok", \
		  NULL },                                                      \
		{ "file_eof", fs "_size_after_tail_write",                     \
		  SHORT(path) "w 1+3000 :size 3", "6144", NULL },              \
		{ "file_eof", fs "_page_past_eof_read", SHORT(path) "?r 2+5",  \
		  "SIGBUS ADRERR addr=base+0x2005 err=0x4 trap=14", NULL },    \
		{ "file_eof", fs "_page_past_eof_write", SHORT(path) "?w 2+5", \
		  "SIGBUS ADRERR addr=base+0x2005 err=0x6 trap=14", NULL },    \
		{ "file_eof", fs "_after_extend",                              \
		  SHORT(path) ":ftruncate 3 3p ?r 2+5 d 2+5", "ok value=0",    \
		  NULL },                                                      \
		{ "file_eof", fs "_old_tail_after_extend",                     \
		  SHORT(path) ":store 1+3000 7 :ftruncate 3 3p ?r 1+3000 d "   \
			      "1+3000",                                        \
		  "ok value=7", NULL },                                        \
		{ "file_eof", fs "_truncated_shared",                          \
		  FOUR(path) ":ftruncate 3 3p s 3 1 ?r 3",                     \
		  "none SIGBUS ADRERR addr=base+0x3000 err=0x4 trap=14",       \
		  NULL },                                                      \
		{ "file_eof", fs "_truncated_private_cowed_page",              \
		  FOUR(path) ":ftruncate 3 3p ?r 7",                           \
		  "SIGBUS ADRERR addr=base+0x7000 err=0x4 trap=14", NULL },    \
		{ "file_eof", fs "_reextended",                                \
		  FOUR(path) ":ftruncate 3 3p :ftruncate 3 4p ?r 3 d 3 ?r 7 "  \
			     "d 7",                                            \
		  "ok value=0 ok value=0", NULL },                             \
		{ "file_eof", fs "_map_wholly_past_eof",                       \
		  ":open " path " c ?:map 3 0 2 rw s 100", "ok", NULL },       \
		{ "file_eof", fs "_partial_page",                              \
		  FOUR(path) ":ftruncate 3 100 r 0 d 0+99 d 0+100 "            \
			     ":ftruncate 3 1p d 0+100",                        \
		  "value=65 value=0 value=0", NULL },                          \
		{ "punch_hole", fs "_shared",                                  \
		  ":open " path " c :fill 3 16 :map 3 0 16 rw s 0 W 0 16 "     \
		  ":fallocate 3 3 16484 4p s 0 16 r 4 d 4+99 d 4+100 r 5 d 5 " \
		  "r 8 "                                                       \
		  "d 8+99 d 8+100 :size 3",                                    \
		  "16 0-4 8-15 value=69 value=0 value=0 value=0 value=73 "     \
		  "65536",                                                     \
		  NULL },                                                      \
		{ "punch_hole", fs "_keeps_private_copies",                    \
		  FOUR(path) ":fallocate 3 3 0 4p s 0 8 r 7 d 7 r 3 d 3",      \
		  "7 value=9 value=0", NULL },                                 \
		{ "punch_hole", fs "_reads_zeroes",                            \
		  ":open " path " c :fill 3 3 :fallocate 3 3 1p 1p :drop 3 "   \
		  ":read 3 1 4095 # | :read 3 1 2p",                           \
		  "A | C", NULL },                                             \
		{ "unlink", fs "_mapped",                                      \
		  ":open " path " c :fill 3 1 :map 3 0 1 rw s 0 :close 3 "     \
		  "?:unlink " path " :name 0 r 0 d 0 ?:open " path " +",       \
		  "ok " path " (deleted) value=65 ENOENT", NULL },             \
		{ "madv_remove", fs "_shared",                                 \
		  ":open " path                                                \
		  " c :fill 3 8 :map 3 0 8 rw s 0 W 0 8 ?a 2 2 REMOVE "        \
		  "s 0 8 r 2 d 2 r 4 d 4",                                     \
		  "8 ok 0-1 4-7 value=0 value=1", NULL },                      \
		{ "madv_remove", fs "_private_or_read_only",                   \
		  FOUR(path) "?a 4 1 REMOVE :open " path                       \
			     " r :map 4 8 1 r s 0 "                            \
			     "?a 8 1 REMOVE",                                  \
		  "EACCES EACCES", NULL },                                     \
	{                                                                      \
		"private", fs "_sees_writes_until_its_copy",                   \
			":open " path                                          \
			" c :fill 3 1 :map 3 0 1 rw p 0 r 0 :write 3 N 0 d 0 " \
			":store 0 67 :write 3 O 0 d 0 d 0+1 :read 3 1 0",      \
			"value=78 value=67 value=65 O", NULL                   \
	}

static const struct mm_row rows[] = {
	EOF_ROWS("tmpfs", "/tmp/x"),
	EOF_ROWS("disk", "/disk/x"),
	{ "truncate", "disk_forgets_the_tail_that_was_written_back",
	  SHORT("/disk/x") ":store 1+3000 7 :fsync 3 :ftruncate 3 3p r 1+3000 "
			   "d 1+3000",
	  "value=0", NULL },
	{ "truncate", "disk_partial_page_survives_the_cache",
	  ":open /disk/x c :fill 3 2 :drop 3 :ftruncate 3 100 :fsync 3 :drop 3 "
	  ":ftruncate 3 1p :read 3 1 99 :map 3 0 1 r s 0 r 0 d 0+100",
	  "A value=0", NULL },
	{ "truncate", "errors",
	  ":open /disk/x c :open /disk/x r :pipe ?:ftruncate 4 0 "
	  "?:ftruncate 3 -1 ?:ftruncate 3 0x4000000000000000 ?:truncate /disk "
	  "0 "
	  "?:ftruncate 6 0 ?:ftruncate 9 0 ?:truncate /disk/none 0",
	  "EINVAL EINVAL EFBIG EISDIR EINVAL EBADF ENOENT", NULL },
	{ "truncate", "large_tmpfs",
	  ":open /tmp/x c ?:ftruncate 3 0x4000000000000000", "ok", NULL },
	{ "fallocate", "errors",
	  ":open /disk/x c :open /disk/x r :pipe ?:fallocate 6 0 0 1 "
	  "?:fallocate 4 0 0 1 ?:fallocate 3 0 0 0 ?:fallocate 3 0 -1 1 "
	  "?:fallocate 3 2 0 1p ?:fallocate 3 3 0 1p ?:fallocate 3 128 0 1p "
	  "?:fallocate 3 0 0x4000000000000000 1p",
	  "ESPIPE EBADF EINVAL EINVAL EOPNOTSUPP ok EOPNOTSUPP EFBIG", NULL },
	{ "fallocate", "extends_or_keeps",
	  ":open /disk/x c :fallocate 3 0 0 3p :size 3 :fallocate 3 1 0 9p "
	  ":size 3 :open /tmp/y c :fallocate 4 1 0 2p :size 4 :fallocate 4 0 0 "
	  "2p "
	  ":size 4 :cached 4",
	  "12288 12288 0 8192 0-1", NULL },
	{ "seek", "holes",
	  ":open /tmp/z c :write 3 x 10p ?:seek 3 0 3 ?:seek 3 0 4 "
	  "?:seek 3 10p 4 ?:seek 3 100p 3 ?:seek 3 -1 0 ?:seek 3 0 77 :open "
	  "/disk/z c :write 4 x 10p ?:seek 4 0 3 ?:seek 4 10p 4",
	  "40960 ok 40961 ENXIO EINVAL EINVAL 40960 40961", NULL },
};

/* What truncation and holes do when memory is short; each nth time. */
static void test_truncate__survives_allocation_failures(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct mm_run r;

		run_setup(&r, arch_by_name("x86_64"));
		run_script(&r, ":open /disk/x c :fill 3 8 :map 3 0 8 rw s 0 "
			       "W 0 8 :open /tmp/y c :fill 4 8 :drop 3");
		r.k->fail_nth = n;
		run_script(&r,
			   ":ftruncate 3 5000 :fallocate 3 3 100 100 "
			   ":fallocate 4 3 100 2p :ftruncate 4 100 "
			   ":fallocate 4 0 0 8p :ftruncate 3 8p "
			   ":open /disk/z c :write 5 zzz 5p :memfd m :pipe");
		done = r.k->fail_nth;
		r.k->fail_nth = 0;
		assert_int_equal(kernel_check(r.k, complain, NULL), 0);
		run_teardown(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncate__survives_allocation_failures),
	};

	return run_rows("truncate", rows, ARRAY_SIZE(rows), tests,
			ARRAY_SIZE(tests));
}

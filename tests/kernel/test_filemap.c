/*
 * test_filemap.c - files of the host, their page cache, readahead, faults.
 */
#include <errno.h>
#include <unistd.h>

#include "tests/kernel/mm_script.h"

struct file_run {
	struct mm_run m;
	char path[40];
	int fd;
	struct file *file;
	va_t va;
};

/* A host file of @size bytes: each page begins with its number plus 1. */
static void file_setup(struct file_run *r, const struct arch *arch,
		       uint64_t size, unsigned flags)
{
	run_setup(&r->m, arch);
	strcpy(r->path, "/tmp/mmsh-file-XXXXXX");
	r->fd = mkstemp(r->path);
	assert_true(r->fd >= 0);
	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		uint8_t n = (off >> PAGE_SHIFT) + 1;

		assert_int_equal(pwrite(r->fd, &n, 1, off), 1);
	}
	assert_int_equal(ftruncate(r->fd, size), 0);
	assert_int_equal(file_open(r->m.k, r->path, &r->file), 0);
	assert_int_equal(do_mmap(r->m.k, cur_mm(&r->m), r->file, r->m.base,
				 256 * PAGE_SIZE, 3, flags | LX_MAP_FIXED, 0,
				 &r->va), 0);
}

static void file_teardown(struct file_run *r)
{
	fput(r->m.k, r->file);
	close(r->fd);
	unlink(r->path);
	run_teardown(&r->m);
}

static uint8_t read_byte(struct file_run *r, uint64_t page)
{
	uint8_t byte = 0xee;

	user_access(r->m.k, 0, ACCESS_READ, true,
		    r->va + (page << PAGE_SHIFT), &byte, 1, &r->m.last);
	return byte;
}

/*
 * Which faults a reader of all pages takes, one letter a page. As 6.1 does on
 * ext4, with readahead of 128 KiB; the first row of a host whose disk has
 * 8 MiB.
 */
static const struct cold_row {
	const char *name;
	uint64_t read_ahead_kb;
	unsigned advice;		/* vm_flags */
	const char *faults;
} cold_rows[] = {
	{ "readahead of 8M", 8192, 0,
	  "M...............m...............m...............m..............." },
	{ "readahead of 128K", 128, 0,
	  "M...............m.......M.......M...............m..............." },
	{ "sequential", 128, VM_SEQ_READ,
	  "M...............M...............M...............m..............." },
	{ "random", 128, VM_RAND_READ,
	  "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM" },
	{ "no readahead", 0, 0,
	  "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM" },
};

static void cold_file(const struct cold_row *row, const struct arch *a)
{
	struct file_run r;
	char got[65] = "";

	file_setup(&r, a, 64 * PAGE_SIZE, LX_MAP_PRIVATE);
	find_vma(cur_mm(&r.m), r.va)->vm_flags |= row->advice;
	r.file->f_ra.ra_pages = row->read_ahead_kb / 4;
	for (int i = 0; i < 64; i++) {
		assert_int_equal(read_byte(&r, i), i + 1);
		got[i] = r.m.last.maj_flt ? 'M' :
			 r.m.last.min_flt ? 'm' : '.';
	}
	if (strcmp(got, row->faults))
		fail_msg("%s: %s", row->name, got);
	file_teardown(&r);
}

static void test_filemap__cold_file(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(cold_rows); i++)
			cold_file(&cold_rows[i], a);
}

static void test_filemap__end_of_file(void **state)
{
	struct file_run r;
	char tail[8] = "xxxxxxx", zero[8] = "";

	file_setup(&r, arch_by_name("x86_64"), 2 * PAGE_SIZE + 100,
		   LX_MAP_SHARED);
	user_access(r.m.k, 0, ACCESS_READ, true, r.va + 2 * PAGE_SIZE + 100,
		    tail, 8, &r.m.last);
	assert_memory_equal(tail, zero, 8);
	read_byte(&r, 3);
	assert_int_equal(r.m.last.sig.signo, LX_SIGBUS);
	assert_int_equal(r.m.last.sig.si_code, LX_BUS_ADRERR);
	file_teardown(&r);
}

/* The host's file shrinks below what was mapped: zeroes, no crash. */
static void test_filemap__file_that_shrinks(void **state)
{
	struct file_run r;

	file_setup(&r, arch_by_name("i386"), 64 * PAGE_SIZE, LX_MAP_PRIVATE);
	assert_int_equal(ftruncate(r.fd, PAGE_SIZE), 0);
	assert_int_equal(read_byte(&r, 40), 0);
	assert_int_equal(r.m.last.sig.signo, 0);
	file_teardown(&r);
}

static void test_filemap__stores_stay_in_the_cache(void **state)
{
	struct file_run r;
	uint8_t byte = 0;

	file_setup(&r, arch_by_name("x86_64"), 4 * PAGE_SIZE, LX_MAP_SHARED);
	read_byte(&r, 0);
	assert_int_equal(r.m.last.maj_flt, 1);
	user_access(r.m.k, 0, ACCESS_WRITE, true, r.va, "Z", 1, &r.m.last);
	assert_int_equal(r.m.last.min_flt, 1);
	assert_int_equal(file_read(r.m.k, r.file, 0, &byte, 1), 1);
	assert_int_equal(byte, 'Z');
	assert_int_equal(pread(r.fd, &byte, 1, 0), 1);
	assert_int_equal(byte, 1);
	assert_true(pfn_to_page(r.m.k, find_get_page(&r.file->f_inode->mapping, 0))
			    ->flags & PG_dirty);
	file_teardown(&r);
}

static void test_file_open__one_inode_for_one_file(void **state)
{
	struct file *again, *none = NULL;
	struct file_run r;

	file_setup(&r, arch_by_name("x86_64"), PAGE_SIZE, LX_MAP_PRIVATE);
	assert_int_equal(file_open(r.m.k, r.path, &again), 0);
	assert_ptr_equal(again->f_inode, r.file->f_inode);
	fput(r.m.k, again);
	assert_int_equal(file_open(r.m.k, "/", &none), -EISDIR);
	assert_int_equal(file_open(r.m.k, "/dev/null", &none), -ENODEV);
	assert_int_equal(file_open(r.m.k, "/no/such/file", &none), -ENOENT);
	assert_null(none);
	file_teardown(&r);
}

static void test_file_read__across_pages_and_to_the_end(void **state)
{
	struct file_run r;
	uint8_t buf[2 * PAGE_SIZE];

	file_setup(&r, arch_by_name("x86_64"), 3 * PAGE_SIZE - 10,
		   LX_MAP_PRIVATE);
	assert_int_equal(file_read(r.m.k, r.file, 100, buf, sizeof(buf)),
			 sizeof(buf));
	assert_int_equal(buf[PAGE_SIZE - 100], 2);
	assert_int_equal(file_read(r.m.k, r.file, 3 * PAGE_SIZE - 20, buf, 100),
			 10);
	assert_int_equal(file_read(r.m.k, r.file, 1ULL << 40, buf, 1), 0);
	file_teardown(&r);
}

/* The cache is sparse: indices far apart. */
static void test_page_cache__far_indices(void **state)
{
	static const uint64_t at[] = { 0, 63, 64, 4095, 1ULL << 20,
				       1ULL << 34, (1ULL << 50) + 5 };
	struct mm_run r;
	uint64_t i = 0;
	pfn_t pfn;

	run_setup(&r, arch_by_name("x86_64"));
	for (unsigned n = 0; n < ARRAY_SIZE(at); n++)
		page_cache_add(r.k, r.file[2]->f_inode, at[n],
			       alloc_pages(r.k, GFP_KERNEL, 0, "test"));
	for (unsigned n = 0; n < ARRAY_SIZE(at); n++, i++) {
		assert_true(page_cache_next(&r.file[2]->f_inode->mapping, &i, &pfn));
		assert_int_equal(i, at[n]);
		assert_int_equal(find_get_page(&r.file[2]->f_inode->mapping, i), pfn);
	}
	assert_false(page_cache_next(&r.file[2]->f_inode->mapping, &i, &pfn));
	assert_int_equal(find_get_page(&r.file[2]->f_inode->mapping, 1), PFN_NONE);
	run_teardown(&r);
}

static void test_filemap__survives_allocation_failures(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct file_run r;

		file_setup(&r, arch_by_name("x86_64"), 64 * PAGE_SIZE,
			   LX_MAP_PRIVATE);
		r.m.k->fail_nth = n;
		for (int i = 0; i < 64; i += 9)
			read_byte(&r, i);
		run_script(&r.m, "w 3 w 50");
		done = r.m.k->fail_nth;
		r.m.k->fail_nth = 0;
		for (int i = 0; i < 64; i++)
			if (i != 3 && i != 50)
				assert_int_equal(read_byte(&r, i), i + 1);
		file_teardown(&r);
	}
}

/* Windows of readahead, as 6.1 has them on ext4 with 128 KiB. */
#define COLD(n) ":open /disk/x c :fill 3 " #n " :drop 3 "
#define READ4(a, b, c, d)                                                      \
	":read 3 9 " #a "p :cached 3 :read 3 9 " #b "p :cached 3 :read 3 9 "   \
	#c "p :cached 3 :read 3 9 " #d "p :cached 3"

static const struct mm_row rows[] = {
	{ "readahead", "read_a_page_at_a_time", COLD(300) READ4(0, 1, 2, 4),
	  "AAAAAAAAA 0-3 BBBBBBBBB 0-11 CCCCCCCCC 0-11 EEEEEEEEE 0-27", NULL },
	{ "readahead", "the_window_grows_to_32_pages",
	  COLD(300) READ4(0, 1, 4, 12),
	  "AAAAAAAAA 0-3 BBBBBBBBB 0-11 EEEEEEEEE 0-27 MMMMMMMMM 0-59", NULL },
	{ "readahead", "read_4_pages_at_a_time",
	  COLD(300) "m 0 4 rw p :uread 3 4p 0 0 :cached 3 :uread 3 4p 4p 0 "
	  ":cached 3 :uread 3 4p 8p 0 :cached 3 :uread 3 4p 12p 0 :uread 3 4p "
	  "16p 0 :uread 3 4p 20p 0 :cached 3 :uread 3 4p 24p 0 :cached 3",
	  "0-7 0-23 0-55 0-55 0-87", NULL },
	{ "readahead", "read_more_than_a_window",
	  COLD(300) "m 0 48 rw p :uread 3 33p 0 0 :cached 3 :uread 3 33p 33p 0 "
	  ":cached 3 :uread 3 33p 66p 0 :cached 3", "0-65 0-98 0-131", NULL },
	{ "readahead", "read_a_window",
	  COLD(300) "m 0 48 rw p :uread 3 32p 0 0 :cached 3 :uread 3 32p 32p 0 "
	  ":cached 3", "0-63 0-95", NULL },
	{ "readahead", "read_48_pages_at_a_time",
	  COLD(300) "m 0 48 rw p :uread 3 48p 0 0 :cached 3 :uread 3 48p 48p 0 "
	  ":cached 3 :uread 3 48p 96p 0 :cached 3", "0-95 0-143 0-191", NULL },
	{ "readahead", "read_24_pages_at_a_time",
	  COLD(300) "m 0 48 rw p :uread 3 24p 0 0 :cached 3 :uread 3 24p 24p 0 "
	  ":cached 3 :uread 3 24p 48p 0 :cached 3 :uread 3 24p 72p 0 :cached 3",
	  "0-31 0-95 0-127 0-127", NULL },
	{ "readahead", "read_40_pages_in_the_middle",
	  COLD(300) "m 0 48 rw p :uread 3 40p 100p 0 :cached 3 :uread 3 40p "
	  "140p 0 :cached 3", "100-139 100-219", NULL },
	{ "readahead", "read_in_the_middle", COLD(300) READ4(50, 51, 52, 53),
	  "YYYYYYYYY 50 ZZZZZZZZZ 50-54 AAAAAAAAA 50-62 BBBBBBBBB 50-62",
	  NULL },
	{ "readahead", "fadvise_random",
	  COLD(64) ":fadvise 3 0 0 1 " READ4(0, 1, 2, 3),
	  "AAAAAAAAA 0 BBBBBBBBB 0-1 CCCCCCCCC 0-2 DDDDDDDDD 0-3", NULL },
	{ "readahead", "fault_in_the_middle",
	  COLD(300) ":map 3 0 300 r p 0 r 100 c s 0 300 :cached 3",
	  "min=0 maj=1 96-107 109-111 84-115", NULL },
	{ "readahead", "fault_near_the_end",
	  COLD(20) ":map 3 0 20 r p 0 r 5 c s 0 20 :cached 3",
	  "min=0 maj=1 0-11 13-15 0-19", NULL },
	{ "readahead", "faults_in_order",
	  COLD(100) ":map 3 0 100 r p 0 :touch 0 100",
	  "M...............m.......M.......M...............m...............M"
	  "...............m...............m...", NULL },
	{ "readahead", "of_a_hole_is_none",
	  ":open /disk/x c :ftruncate 3 64p :read 3 1 0 :cached 3 :blk",
	  "0-3 r=0/0 w=0/0", NULL },
	{ "readahead", "after_MADV_RANDOM_and_back",
	  COLD(64) ":map 3 0 64 r p 0 a 0 64 RANDOM :touch 0 3 a 0 64 NORMAL "
	  ":touch 3 2", "MMM M.", NULL },
	{ "madv_willneed", "reads_what_is_mapped",
	  COLD(64) ":map 3 0 16 r p 16 a 4 8 WILLNEED :cached 3 r 4 c",
	  "20-27 min=1 maj=0", NULL },
	{ "private", "write_to_a_cold_page",
	  COLD(4) ":map 3 0 4 rw p 0 w 1 c :cached 3 d 1 d 1+1",
	  "min=0 maj=1 0-3 value=1 value=66", NULL },
};

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filemap__cold_file),
		cmocka_unit_test(test_filemap__end_of_file),
		cmocka_unit_test(test_filemap__file_that_shrinks),
		cmocka_unit_test(test_filemap__stores_stay_in_the_cache),
		cmocka_unit_test(test_file_open__one_inode_for_one_file),
		cmocka_unit_test(test_file_read__across_pages_and_to_the_end),
		cmocka_unit_test(test_page_cache__far_indices),
		cmocka_unit_test(test_filemap__survives_allocation_failures),
	};

	return run_rows("filemap", rows, ARRAY_SIZE(rows), tests,
			ARRAY_SIZE(tests));
}

/*
 * test_limits.c - what mmap, mprotect, brk, fork and the stack may have:
 * resource limits, overcommit, counts of pages, max_map_count, the layouts.
 * Rows of overcommit, rlimit_as and max_map_count: golden/linux-behaviour.tsv.
 * The kernel has 128 MiB of RAM: 125% are 160 MiB, 0xa000 pages.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

#include "kernel/process.h"

static const struct mm_row rows[] = {
	{ "overcommit", "mode0_committed_delta_16MiB_rw_private", "m @0x60000000 4096 rw p J", "+4096", NULL },
	{ "overcommit", "mode0_125%ram_private_rw", "?m @0x60000000 0xa000 rw p", "ENOMEM", NULL },
	{ "overcommit", "mode0_125%ram_private_rw_noreserve", "?m @0x60000000 0xa000 rw pn J", "ok +0", NULL },
	{ "overcommit", "mode0_125%ram_private_ro", "?m @0x60000000 0xa000 r p J", "ok +0", NULL },
	{ "overcommit", "mode0_125%ram_shared_anon_rw", "?m @0x60000000 0xa000 rw s", "ENOMEM", NULL },
	{ "overcommit", "mode0_80%ram_private_rw", "?m @0x60000000 0x5000 rw p J", "ok +20480", NULL },
	{ "overcommit", "mode1_committed_delta_16MiB_rw_private",
	  "% overcommit_memory 1 m @0x60000000 4096 rw p J", "+4096", NULL },
	{ "overcommit", "mode1_125%ram_private_rw", "% overcommit_memory 1 ?m @0x60000000 0xa000 rw p J", "ok +40960", NULL },
	{ "overcommit", "mode1_125%ram_private_rw_noreserve",
	  "% overcommit_memory 1 ?m @0x60000000 0xa000 rw pn J", "ok +0", NULL },
	{ "overcommit", "mode1_125%ram_private_ro", "% overcommit_memory 1 ?m @0x60000000 0xa000 r p", "ok", NULL },
	{ "overcommit", "mode1_125%ram_shared_anon_rw",
	  "% overcommit_memory 1 ?m @0x60000000 0xa000 rw s J", "ok +40960", NULL },
	{ "overcommit", "mode1_80%ram_private_rw", "% overcommit_memory 1 ?m @0x60000000 0x5000 rw p", "ok", NULL },
	{ "overcommit", "mode2_committed_delta_16MiB_rw_private",
	  "% overcommit_memory 2 m @0x60000000 4096 rw p J", "+4096", NULL },
	{ "overcommit", "mode2_125%ram_private_rw", "% overcommit_memory 2 ?m @0x60000000 0xa000 rw p J", "ENOMEM +0", NULL },
	{ "overcommit", "mode2_125%ram_private_rw_noreserve",
	  "% overcommit_memory 2 ?m @0x60000000 0xa000 rw pn", "ENOMEM", NULL },
	{ "overcommit", "mode2_125%ram_private_ro", "% overcommit_memory 2 ?m @0x60000000 0xa000 r p", "ok", NULL },
	{ "overcommit", "mode2_125%ram_shared_anon_rw",
	  "% overcommit_memory 2 ?m @0x60000000 0xa000 rw s", "ENOMEM", NULL },
	{ "overcommit", "mode2_80%ram_private_rw", "% overcommit_memory 2 ?m @0x60000000 0x5000 rw p", "ENOMEM", NULL },
	{ "overcommit", "mode2_kbytes_in_the_place_of_the_ratio",
	  "% overcommit_memory 2 % overcommit_kbytes 524288 ?m @0x60000000 0xa000 rw p", "ok", NULL },

	{ "commit", "ro_made_rw", "m 0 4 r p J p 0 4 rw J p 0 4 r J u 0 4 J", "+0 +4 +0 -4", NULL },
	{ "commit", "part_made_rw", "m 0 4 r p p 1 2 rw J u 0 4 J", "+2 -2", NULL },
	{ "commit", "noreserve_made_rw", "m 0 4 r pn p 0 4 rw J", "+0", NULL },
	{ "commit", "shared_is_the_file's", "m 0 4 rw s J u 0 2 J u 2 2 J", "+4 +0 -4", NULL },
	{ "commit", "brk", "b 0x3000 J b 0x1000 J", "+3 -2", NULL },
	{ "commit", "fork_promises_all_again", "m 0 4 rw p m 8 4 r p J F X J", "+4 +0", NULL },
	{ "commit", "mprotect_refused_leaves_nothing", "m @0x60000000 0xa000 r p ?p @0x60000000 0xa000 rw J", "ENOMEM +0", NULL },
	{ "commit", "refused_after_the_old_was_unmapped",
	  "m 0 4 r p % overcommit_memory 2 % overcommit_kbytes 4 ?m 0 4 rw p L", "ENOMEM none", NULL },
	{ "commit", "growing_stack", "m 1000 2 rw pg J w 990 J", "+2 +10", NULL },

	{ "rlimit_as", "mmap_64_pages", "^ as now64 ?m 0 64 rw p ?m 100 1 rw p ?b 0x1000", "ok ENOMEM refused", NULL },
	{ "rlimit_as", "fixed_over_what_is_there", "m 0 4 rw p ^ as now0 ?m 0 4 r p ?m 0 5 r p", "ok ENOMEM", NULL },
	{ "rlimit_as", "counts_read_only", "^ as now1 ?m 0 2 - p", "ENOMEM", NULL },
	{ "rlimit_as", "stack", "m 1000 2 rw pg ^ as now4 ?w 996 ?w 995",
	  "ok SIGSEGV MAPERR addr=base+0x3e3000 err=0x6 trap=14", NULL },
	{ "rlimit_data", "private_writable_only",
	  "^ data now2 ?m 0 2 rw p ?m 4 1 rw p ?m 8 2 r p ?m 16 2 rw s ?m 20 2 rw pg", "ok ENOMEM ok ok ok", NULL },
	{ "rlimit_data", "through_mprotect", "m 0 4 r p ^ data now2 ?p 0 4 rw ?p 0 2 rw ?p 2 1 rw",
	  "ENOMEM ok ENOMEM", NULL },
	{ "rlimit_data", "brk", "b 0x1000 ^ data 0x1000. ?b 0x2000", "refused", NULL },
	{ "rlimit_memlock", "map_locked", "^ memlock 4 ?m 0 4 rw pl ?m 8 1 rw pl ^ memlock 0 ?m 8 1 rw pl",
	  "ok EAGAIN EPERM", NULL },
	{ "rlimit_memlock", "future", "A f ^ memlock now0 ^ memlock 4 ?m 0 5 rw p ?m 0 4 rw p", "EAGAIN ok", NULL },

	{ "counts", "of_areas", "m 0 4 rw p V m 4 4 r p V m 8 4 rx p V m 12 4 rw s V m 1000 4 rw pg V",
	  "total=4 data=4 exec=0 stack=0 total=4 data=0 exec=0 stack=0 total=4 data=0 exec=4 stack=0 "
	  "total=4 data=0 exec=0 stack=0 total=4 data=0 exec=0 stack=4", NULL },
	{ "counts", "through_mprotect", "m 0 4 rw p V p 1 2 r V p 1 1 rx V",
	  "total=4 data=4 exec=0 stack=0 total=0 data=-2 exec=0 stack=0 total=0 data=0 exec=1 stack=0", NULL },

	{ "anon_vma_name", "merging", "m 0 6 rw p ~ 0 2 a ~ 4 2 a L ~ 2 2 a L ~ 0 6 - L",
	  "0-2:rw-p 2-4:rw-p 4-6:rw-p 0-6:rw-p 0-6:rw-p", NULL },
	{ "anon_vma_name", "new_areas_have_none", "m 0 2 rw p ~ 0 2 a m 2 2 rw p L", "0-2:rw-p 2-4:rw-p", NULL },
	{ "anon_vma_name", "kept_by_mprotect_and_mremap",
	  "m 0 4 rw p ~ 0 4 a p 1 1 r p 1 1 rw L g 0 4 4 mf 8 ~ 8 4 a m 4 4 rw p L",
	  "0-4:rw-p 4-8:rw-p 8-12:rw-p", NULL },
	{ "anon_vma_name", "errors",
	  "f 0 1 rw p 0 m 4 2 rw p ?~ 0 1 a ?~ 4 2 a[ ?~ 4+0x10 1 a ?~ 4 4 a ?~ 3 3 b ?~ 4 0 a m 8 1 rw s ?~ 8 1 a",
	  "EBADF EINVAL EINVAL ENOMEM ENOMEM ok EBADF", NULL },

	/* MAP_32BIT has 1 to 2 GiB on x86-64; i386 does not know it. */
	{ "map_32bit", "lowest", "?m @0 1 rw phb ?m @0 1 r phb", "0x40000000 0x40001000", "0xb7ff9000 0xb7ff8000" },
	{ "map_32bit", "hint_below", "?m @0x30000000 1 rw phb", "0x30000000", NULL },
	{ "map_32bit", "hint_above", "?m @0x90000000 1 rw phb", "0x40000000", "0x90000000" },
	{ "map_32bit", "full", "m @0x40000000 0x40000 - pn ?m @0 1 rw phb", "ENOMEM", "-" },
	{ "mmap_flags", "sync", "m 0 1 rw py v 0", "rd wr mr mw me ac sf sd", "rd wr mr mw me ac sf" },
	{ "mmap_flags", "sync_validated", "?f 0 1 rw psy 0 ?f 0 1 rw sy 0", "EOPNOTSUPP ok", NULL },
	{ "mmap_flags", "hugetlb_without_pages", "?m 0 1 rw pz", "ENOMEM", NULL },
	{ "mmap_flags", "nonblock_populates_nothing", "m 0 2 rw pPB s 0 2", "none", NULL },
	{ "mmap_min_addr", "lowered", "% mmap_min_addr 4096 ?m @0x1000 1 rw p ?m @0 1 rw p ?m @0x2000 1 rw ph",
	  "ok EPERM 0x10000", NULL },
	{ "special", "vdso_is_whole_or_not_there", "?u @0x7ffff7ffd000 1 ?g @0x7ffff7ffd000 2 2 mf 8 ?u 8 2",
	  "EINVAL base+8 ok", "-" },
};

/* mmap is refused when count > limit, splits when count >= limit. */
static void test_max_map_count__set_by_sysctl(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		run_setup(&r, a);
		r.k->max_map_count = cur_mm(&r)->vmas.count + 2;
		run_script(&r, "m 0 4 rw p m 4 4 r p ?m 8 4 rw p ?m 12 4 r p "
			   "?p 1 1 r ?u 1 1 ?g 0 4 4 mf 100 ?u 3 1");
		assert_string_equal(r.out, "ok ENOMEM ENOMEM ENOMEM ENOMEM ok");
		run_teardown(&r);
	}
}

static void test_legacy__goes_upwards(void **state)
{
	static const va_t first[] = { 0x2aaaaaaab000, 0x40000000 };

	for (const struct arch *a = archs; a->name; a++) {
		va_t want = first[a->word == 4], va;
		struct mm_run r;
		const char *why;

		run_setup(&r, a);
		r.k->legacy_va_layout = 1;
		assert_int_equal(do_execve(r.k, r.task[0], r.file[0],
					   (const char *const[]){ "x", NULL },
					   NULL, &why), -ENOEXEC);
		cur_mm(&r)->bottom_up = true;	/* as exec would set it */
		for (int i = 0; i < 3; i++) {
			assert_int_equal(do_mmap(r.k, cur_mm(&r), NULL, 0,
						 PAGE_SIZE, i & 1,
						 LX_MAP_PRIVATE |
						 LX_MAP_ANONYMOUS, 0, &va), 0);
			assert_int_equal(va, want + i * PAGE_SIZE);
		}
		run_teardown(&r);
	}
}

static void test_commit_limit__is_half_of_ram(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	assert_int_equal(vm_commit_limit(r.k), r.k->totalram_pages / 2);
	run_teardown(&r);
}

/* A child is promised what its parent was, or there is none. */
static void test_fork__refused_by_overcommit(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct task_struct *child;
		int64_t before;
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "m 0 64 rw p W 0 2");
		before = r.k->vm_committed_as;
		r.k->overcommit_memory = OVERCOMMIT_NEVER;
		r.k->admin_reserve_kbytes = r.k->user_reserve_kbytes = 0;
		r.k->overcommit_kbytes = (before + 64) * 4;
		assert_int_equal(kernel_fork(r.k, r.task[0], &child), -ENOMEM);
		assert_int_equal(r.k->vm_committed_as, before);
		r.k->overcommit_kbytes = (before * 2 + 2) * 4;
		assert_int_equal(kernel_fork(r.k, r.task[0], &child), 0);
		assert_int_equal(r.k->vm_committed_as, before * 2);
		run_teardown(&r);
	}
}

static void test_prlimit__errors(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	struct task_struct *t = r.task[0];

	assert_int_equal(do_prlimit(r.k, t, RLIM_AS, 2, 1), -EINVAL);
	assert_int_equal(do_prlimit(r.k, t, NR_RLIMITS, 1, 1), -EINVAL);
	assert_int_equal(do_prlimit(r.k, t, RLIM_AS, 1 * GiB, 2 * GiB), 0);
	assert_int_equal(do_prlimit(r.k, t, RLIM_AS, 1 * GiB, 3 * GiB), -EPERM);
	t->cap_effective |= BIT(CAP_SYS_RESOURCE);
	assert_int_equal(do_prlimit(r.k, t, RLIM_AS, 1 * GiB, 3 * GiB), 0);
	run_teardown(&r);
}

/* 100,000 areas: searches, splits, merges and moves among them. */
static void test_many_areas(void **state)
{
	const unsigned n = 100000;
	struct mm_struct *mm;
	struct mm_run r;
	unsigned before;
	va_t va, to;

	run_setup(&r, arch_by_name("x86_64"));
	mm = cur_mm(&r);
	r.k->max_map_count = n + 1000;
	before = mm->vmas.count;
	assert_int_equal(do_mmap(r.k, mm, NULL, 0, n * PAGE_SIZE, 3,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
				 LX_MAP_NORESERVE, 0, &va), 0);
	for (unsigned i = 0; i < n; i += 2)
		assert_int_equal(do_mprotect(r.k, mm, va + i * PAGE_SIZE,
					     PAGE_SIZE, 1), 0);
	assert_int_equal(mm->vmas.count, before + n);
	for (unsigned i = 0; i < n; i += 97) {
		assert_int_equal(do_munmap(r.k, mm, va + i * PAGE_SIZE,
					   PAGE_SIZE), 0);
		assert_int_equal(do_mmap(r.k, mm, NULL, 0x10000000, PAGE_SIZE,
					 0, LX_MAP_PRIVATE | LX_MAP_ANONYMOUS,
					 0, &to), 0);
		assert_int_equal(do_mremap(r.k, mm, to, PAGE_SIZE, PAGE_SIZE,
					   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED,
					   va + i * PAGE_SIZE, &to), 0);
	}
	assert_int_equal(kernel_check(r.k, complain, NULL), 0);
	assert_int_equal(do_mprotect(r.k, mm, va, n * PAGE_SIZE, 1), 0);
	assert_in_range(mm->vmas.count, before + 1, before + n / 8);
	assert_int_equal(do_munmap(r.k, mm, va, n * PAGE_SIZE), 0);
	assert_int_equal(mm->vmas.count, before);
	run_teardown(&r);
}

/* The highest numbers that there were stay known. */
static void test_hiwater(void **state)
{
	struct mm_run r;
	struct mm_struct *mm;
	uint64_t vm, rss;

	run_setup(&r, arch_by_name("x86_64"));
	mm = cur_mm(&r);
	vm = mm->total_vm;
	rss = get_mm_rss(mm);
	run_script(&r, "m 0 64 rw pP u 0 64");
	assert_int_equal(mm->hiwater_vm, vm + 64);
	assert_int_equal(mm->hiwater_rss, rss + 64);
	run_script(&r, "m 0 8 rw pP g 0 8 8 mf 100");
	assert_int_equal(mm->hiwater_vm, vm + 64);
	run_teardown(&r);
}

static void test_sysctl__rows(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("i386"));
	for (const struct ctl_table *t = sysctl_table; t->procname; t++) {
		assert_ptr_equal(sysctl_find(t->procname), t);
		if (t[1].procname)
			assert_true(strcmp(t->procname, t[1].procname) < 0);
		if (t->ro) {
			assert_int_equal(sysctl_write(r.k, t, 0), -EACCES);
			continue;
		}
		if (sysctl_read(r.k, t))	/* drop_caches: nothing yet */
			assert_in_range(sysctl_read(r.k, t), t->min, t->max);
		if (t->max < UINT64_MAX)
			assert_int_equal(sysctl_write(r.k, t, t->max + 1),
					 -EINVAL);
	}
	run_teardown(&r);
}

/* The nth allocation fails, n upwards until the whole script succeeds. */
static void test_limits__survive_allocation_failures(void **state)
{
	static const char script[] =
		"m 0 6 rw p ~ 0 2 a ~ 3 2 b m 8 4 rw s b 0x3000 p 2 2 r "
		"m 1000 2 rw pg w 999 ~ 0 6 c u 1 4 b 0";

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
		cmocka_unit_test(test_max_map_count__set_by_sysctl),
		cmocka_unit_test(test_legacy__goes_upwards),
		cmocka_unit_test(test_commit_limit__is_half_of_ram),
		cmocka_unit_test(test_fork__refused_by_overcommit),
		cmocka_unit_test(test_prlimit__errors),
		cmocka_unit_test(test_many_areas),
		cmocka_unit_test(test_hiwater),
		cmocka_unit_test(test_sysctl__rows),
		cmocka_unit_test(test_limits__survive_allocation_failures),
	};

	return run_rows("limits", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

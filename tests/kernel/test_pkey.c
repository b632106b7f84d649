/*
 * test_pkey.c - protection keys: allocation, areas, entries, faults, PKRU, and
 * execute-only memory. Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1
 * and value_686; the others follow Linux 6.1 (mm/mprotect.c,
 * arch/x86/mm/pkeys.c).
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

#include "kernel/signal.h"
#include "kernel/uaccess.h"

static const struct mm_row rows[] = {
	/* golden */
	{ "pkeys", "pkey_alloc", "?n -", "key 1", "ENOSYS" },
	{ "pkeys", "mprotect_middle", "m 0 4 rw p W 0 4 n - ?t 1 1 rw 1 L", "4 ok 0-1:rw-p 1-2:rw-p 2-4:rw-p", "-" },
	{ "pkeys", "access_allowed", "m 0 4 rw p W 0 4 n - t 1 1 rw 1 ?r 1 d 1", "4 ok value=1", "-" },
	{ "pkeys", "pkru_initial", "n - z ?", "pkru=0x55555550", "-" },
	{ "pkeys", "write_disabled_read", "m 0 4 rw p W 0 4 n w t 1 1 rw 1 ?r 1 d 1", "4 ok value=1", "-" },
	{ "pkeys", "write_disabled_write", "m 0 4 rw p W 0 4 n w t 1 1 rw 1 ?w 1",
	  "4 SIGSEGV PKUERR addr=base+0x1000 err=0x27 trap=14", "-" },
	{ "pkeys", "access_disabled_read", "m 0 4 rw p W 0 4 n a t 1 1 rw 1 ?r 1",
	  "4 SIGSEGV PKUERR addr=base+0x1000 err=0x25 trap=14", "-" },
	{ "pkeys", "untouched_execonly_page", "m 0 4 rw p p 3 1 x ?r 3", "SIGSEGV PKUERR addr=base+0x3000 err=0x4 trap=14",
	  "ok" },
	{ "pkeys", "pkey_mprotect_key_1", "m 0 1 rw p ?t 0 1 r 1", "EINVAL", "ENOSYS" },
	{ "pkeys", "pkey_mprotect_key_-1", "m 0 1 rw p ?t 0 1 r -1", "ok", "ENOSYS" },

	/* allocation */
	{ "pkey_alloc", "fifteen_and_no_more", "?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n - ?n -",
	  "key 1 key 2 key 3 key 4 key 5 key 6 key 7 key 8 key 9 key 10 key 11 key 12 key 13 key 14 key 15 ENOSPC", "-" },
	{ "pkey_alloc", "the_lowest_free_one", "n - n - n - ?* 2 ?n - ?n -", "ok key 2 key 4", "-" },
	{ "pkey_alloc", "bad_rights", "?n 8", "EINVAL", "ENOSYS" },
	{ "pkey_alloc", "sets_both_bits_and_free_leaves_them", "n aw z ? * 1 z ? n - z ?", "pkru=0x5555555c pkru=0x5555555c pkru=0x55555550", "-" },
	{ "pkey_free", "not_allocated", "?* 1 ?* 16 ?* -1 ?* 0 ?* 0", "EINVAL EINVAL EINVAL ok EINVAL", "ENOSYS ENOSYS ENOSYS ENOSYS ENOSYS" },
	{ "pkey_free", "areas_keep_the_key", "m 0 1 rw p w 0 n - t 0 1 rw 1 * 1 e 0 ?t 0 1 r 1", "key=1 EINVAL", "-" },

	/* areas and entries */
	{ "pkey_areas", "entries_get_the_key_at_once_and_at_faults", "m 0 3 rw p w 0 n - t 0 2 rw 1 e 0 w 1 e 1 w 2 e 2", "key=1 key=1 key=0", "-" },
	{ "pkey_areas", "mprotect_keeps_it", "m 0 2 rw p w 0 n - t 0 2 rw 1 p 0 2 r e 0", "key=1", "-" },
	{ "pkey_areas", "PROT_NONE_and_back", "m 0 2 rw p w 0 n - t 0 2 rw 1 p 0 2 - p 0 2 rw e 0 ?r 0 d 0", "key=1 ok value=1", "-" },
	{ "pkey_areas", "key_0_takes_it_away_and_merges", "m 0 4 rw p n - t 1 1 rw 1 L t 1 1 rw 0 L", "0-1:rw-p 1-2:rw-p 2-4:rw-p 0-4:rw-p", "-" },
	{ "pkey_areas", "no_merge_with_another_key", "m 0 4 rw p n - n - t 0 2 rw 1 t 2 2 rw 2 L", "0-2:rw-p 2-4:rw-p", "-" },
	{ "pkey_areas", "zero_page_and_COW_copy", "m 0 1 rw p n - t 0 1 rw 1 r 0 e 0 w 0 e 0 F w 0 e 0 C e 0", "key=1 key=1 key=1 key=1", "-" },
	{ "pkey_areas", "of_a_file", "f 0 2 rw s 0 n w t 0 2 rw 1 ?r 0 e 0 ?w 0", "ok key=1 SIGSEGV PKUERR addr=base+0x0 err=0x27 trap=14", "-" },
	{ "pkey_errors", "as_mprotect", "m 0 1 rw p n - ?t 0+0x10 1 r 1 ?t 0 0 r 1 ?t 0 2 r 1 ?t 5 1 r 1 e 0", "EINVAL ok ENOMEM ENOMEM key=0", "-" },
	{ "pkey_errors", "len_0_beats_a_bad_key", "?t 0 0 r 9", "ok", "-" },

	/* faults */
	{ "pkey_faults", "no_page_is_made_to_be_refused", "m 0 2 rw p n a t 0 2 rw 1 ?r 0 ?w 1 s 0 2",
	  "SIGSEGV PKUERR addr=base+0x0 err=0x4 trap=14 SIGSEGV PKUERR addr=base+0x1000 err=0x6 trap=14 none", "-" },
	{ "pkey_faults", "fetches_are_free", "m 0 1 rx p n a t 0 1 rx 1 ?x 0", "ok", "-" },
	{ "pkey_faults", "rights_and_key_both_deny", "m 0 1 r p r 0 n w t 0 1 r 1 ?w 0", "SIGSEGV PKUERR addr=base+0x0 err=0x27 trap=14", "-" },
	{ "pkey_faults", "PROT_NONE_is_no_key_error_unless_it_denies", "m 0 2 - p ?r 0 n a t 1 1 - 1 ?r 1",
	  "SIGSEGV ACCERR addr=base+0x0 err=0x4 trap=14 SIGSEGV PKUERR addr=base+0x1000 err=0x4 trap=14", "-" },
	{ "pkey_faults", "PKRU_written_by_the_task", "m 0 1 rw p w 0 n - t 0 1 rw 1 z 55555554 ?r 0 z 55555558 ?r 0 ?w 0 z 0 ?w 0",
	  "SIGSEGV PKUERR addr=base+0x0 err=0x25 trap=14 ok SIGSEGV PKUERR addr=base+0x0 err=0x27 trap=14 ok", "-" },

	/* memory that may only be executed */
	{ "exec_only", "takes_a_key", "m 0 1 x p ?x 0 e 0 ?r 0 ?n - L", "ok key=1 SIGSEGV PKUERR addr=base+0x0 err=0x25 trap=14 key 2 0-1:--xp",
	  "ok key=0 ok ENOSYS 0-1:--xp" },
	{ "exec_only", "the_key_is_the_kernels", "m 0 1 x p ?t 0 1 r 1 ?* 1", "EINVAL EINVAL", "-" },
	{ "exec_only", "one_for_all", "m 0 1 x p m 4 1 rw p p 4 1 x m 1 1 x p L z ?", "0-2:--xp 4-5:--xp pkru=0x55555554", "-" },
	{ "exec_only", "mprotect_back_gives_key_0", "m 0 1 rw p w 0 p 0 1 x e 0 p 0 1 rw e 0 ?r 0", "key=1 key=0 ok", "-" },
	{ "exec_only", "pkey_mprotect_overrides", "m 0 1 rx p x 0 ?t 0 1 x 0 e 0 ?r 0", "ok key=0 ok", "-" },
	{ "exec_only", "PKRU_is_set_again", "m 0 1 x p z 0 m 1 1 x p z ?", "pkru=0x4", "-" },
	{ "exec_only", "no_key_left", "n - n - n - n - n - n - n - n - n - n - n - n - n - n - n - m 0 1 x p x 0 e 0 ?r 0", "key=0 ok", "-" },

	/* calls of the kernel on behalf of the task, fork */
	{ "pkey_gup", "populate_and_mlock", "m 0 2 rw p n a t 0 2 rw 1 ?a 0 1 POPULATE_READ ?a 0 1 POPULATE_WRITE ?l 0 2 s 0 2",
	  "EINVAL EINVAL ENOMEM none", "-" },
	{ "pkey_gup", "write_disabled_populates_for_reading", "m 0 2 rw p n w t 0 2 rw 1 ?a 0 1 POPULATE_WRITE ?a 0 1 POPULATE_READ s 0 2",
	  "EINVAL ok 0", "-" },
	{ "pkey_fork", "map_and_PKRU_are_copied", "m 0 1 rw p w 0 n w t 0 1 rw 1 F C z ? ?r 0 ?w 0 ?n - z 0 ?w 0 B z ? ?n -",
	  "pkru=0x55555558 ok SIGSEGV PKUERR addr=base+0x0 err=0x27 trap=14 key 2 ok pkru=0x55555558 key 2", "-" },
};

/*
 * Without PKU: key 0 is found, and cannot be given rights; then none is left.
 * So does Debian's 6.1.170 in QEMU.
 */
static void test_pkey__CPU_without_PKU(void **state)
{
	struct kernel_config cfg;
	struct mm_struct *mm;
	struct kernel *k;
	const char *why;
	va_t va;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	k = kernel_boot(&cfg, &why);
	assert_non_null(k);
	mm = find_task(k, 1)->mm;
	assert_int_equal(do_pkey_alloc(k, mm, 0, 0), -EINVAL);
	assert_int_equal(do_pkey_alloc(k, mm, 0, 0), -ENOSPC);
	assert_int_equal(do_pkey_free(k, mm, 0), -EINVAL);
	do_mmap(k, mm, NULL, 0, PAGE_SIZE, LX_PROT_EXEC,
		LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &va);
	assert_int_equal(vma_pkey(find_vma(mm, va)), 0);
	assert_int_equal(do_pkey_mprotect(k, mm, va, PAGE_SIZE, 1, 1), -EINVAL);
	assert_int_equal(do_pkey_mprotect(k, mm, va, PAGE_SIZE, 1, 0), -EINVAL);
	assert_int_equal(do_pkey_mprotect(k, mm, va, PAGE_SIZE, 1, -1), 0);
	assert_int_equal(kernel_check(k, complain, NULL), 0);
	kernel_destroy(k);
}

static void test_pkey__si_pkey_and_flags(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "n - n - n a m 0 1 rw p t 0 1 rw 3 r 0");
	assert_int_equal(r.last.sig.si_code, LX_SEGV_PKUERR);
	assert_int_equal(r.last.sig.pkey, 3);
	assert_int_equal(do_pkey_alloc(r.k, cur_mm(&r), 1, 0), -EINVAL);
	run_teardown(&r);
}

/* A CPU has the PKRU of who runs on it; idle it has the initial one. */
static void test_pkey__PKRU_travels_with_the_task(void **state)
{
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "z 0 F C z 5 B");
	assert_int_equal(r.k->machine->cpu[1].mmu.pkru, 5);
	assert_int_equal(context_switch(r.k, 1, NULL), 0);
	assert_int_equal(r.k->machine->cpu[1].mmu.pkru, INIT_PKRU);
	assert_int_equal(context_switch(r.k, 0, r.task[1]), 0);
	assert_int_equal(r.k->machine->cpu[0].mmu.pkru, 5);
	assert_int_equal(read_pkru(r.k, r.task[0]), 0);
	run_teardown(&r);
}

/* golden: access_disabled_syscall. PKRU counts for the kernel's copies too. */
static void test_pkey__EFAULT_of_system_calls(void **state)
{
	char buf[16] = "abc";
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "m 0 2 rw p W 0 2 n a t 1 1 rw 1");
	assert_int_equal(copy_from_user(r.k, 0, buf, r.base, 4), 0);
	assert_int_equal(copy_from_user(r.k, 0, buf, r.base + PAGE_SIZE, 4), 4);
	assert_int_equal(copy_to_user(r.k, 0, r.base + PAGE_SIZE - 8, buf, 16),
			 8);
	run_script(&r, "z 55555558");
	assert_int_equal(copy_from_user(r.k, 0, buf, r.base + PAGE_SIZE, 4), 0);
	assert_int_equal(copy_to_user(r.k, 0, r.base + PAGE_SIZE, buf, 4), 4);
	run_teardown(&r);
}

static void test_pkey__survives_allocation_failures(void **state)
{
	for (unsigned n = 1, done = 0; !done; n++) {
		struct mm_run r;
		int err;

		run_setup(&r, arch_by_name("x86_64"));
		run_script(&r, "m 0 64 rw p W 0 8 n - F");
		r.k->fail_nth = n;
		for (int i = 1; i < 60; i += 3) {
			va_t va = r.base + i * PAGE_SIZE;

			err = do_pkey_mprotect(r.k, cur_mm(&r), va, PAGE_SIZE,
					       i & 1 ? 3 : 4, i & 2 ? 1 : -1);
			assert_true(!err || err == -ENOMEM);
		}
		done = r.k->fail_nth;
		r.k->fail_nth = 0;
		run_teardown(&r);
	}
}

/* A handler that repairs the area, and tells the PKRU that it had. */
static bool give_key_0(void *ctx, unsigned cpu, unsigned handler,
		       const struct siginfo *info)
{
	struct mm_run *r = ctx;

	emit(r, "si_pkey=%u", info->pkey);
	run_script(r, "z ? t 0 1 rw 0");
	return true;
}

static void test_pkey__handlers_begin_with_the_initial_PKRU(void **state)
{
	struct k_sigaction act = { .type = SIG_TYPE_HANDLER };
	struct mm_run r;
	struct signal_hook hook = { give_key_0, &r };

	run_setup(&r, arch_by_name("x86_64"));
	r.k->signal_hook = &hook;
	run_script(&r, "m 0 1 rw p w 0 n - n w t 0 1 rw 2 z ?");
	assert_int_equal(do_sigaction(r.task[0], LX_SIGSEGV, &act), 0);
	run_script(&r, "w 0 z ? d 0");
	assert_string_equal(r.out, "pkru=0x55555560 si_pkey=2 pkru=0x55555554 "
			    "pkru=0x55555560 value=1");
	run_teardown(&r);
}

/* execve: keys and rights as for a new process. */
static void test_pkey__exec_forgets(void **state)
{
	static const char *const argv[] = { "/init", NULL };
	struct task_struct *task;
	struct mm_run r;
	const char *why;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "n - n - m 0 1 x p z 0");
	task = r.task[0];
	assert_int_equal(do_execve(r.k, task, find_vma(task->mm, 0)->vm_file,
				   argv, argv + 1, &why), 0);
	assert_int_equal(read_pkru(r.k, task), INIT_PKRU);
	assert_int_equal(task->mm->pkey_allocation_map, 1);
	assert_int_equal(task->mm->execute_only_pkey, -1);
	run_teardown(&r);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_pkey__CPU_without_PKU),
		cmocka_unit_test(test_pkey__si_pkey_and_flags),
		cmocka_unit_test(test_pkey__PKRU_travels_with_the_task),
		cmocka_unit_test(test_pkey__EFAULT_of_system_calls),
		cmocka_unit_test(test_pkey__exec_forgets),
		cmocka_unit_test(
			test_pkey__handlers_begin_with_the_initial_PKRU),
		cmocka_unit_test(test_pkey__survives_allocation_failures),
	};

	return run_rows("pkey", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

/*
 * test_fault.c - which accesses end in which signal.
 * Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and value_686; with
 * PAE the documented behaviour counts, where a fetch from NX memory faults.
 */
#include "tests/kernel/mm_script.h"

#define SEGV(code, addr, err) "SIGSEGV " code " addr=" addr " err=" err " trap=14"
#define NONCANON "SIGSEGV SI_KERNEL addr=0x0 err=0x0 trap=13"

static const struct mm_row rows[] = {
	{ "fault_signals", "write_ro_untouched", "m 0 1 r p ?w 0+0x123",
	  SEGV("ACCERR", "base+0x123", "0x6"), NULL },
	{ "fault_signals", "write_ro_zero_page_present", "m 0 1 r p r 0 ?w 0+0x123",
	  SEGV("ACCERR", "base+0x123", "0x7"), NULL },
	{ "fault_signals", "read_unmapped", "?r 1+0x10", SEGV("MAPERR", "base+0x1010", "0x4"), NULL },
	{ "fault_signals", "write_unmapped", "?w 1+0x10", SEGV("MAPERR", "base+0x1010", "0x6"), NULL },
	{ "fault_signals", "read_prot_none_untouched", "m 4 1 - p ?r 4",
	  SEGV("ACCERR", "base+0x4000", "0x4"), NULL },
	{ "fault_signals", "write_prot_none_untouched", "m 4 1 - p ?w 4",
	  SEGV("ACCERR", "base+0x4000", "0x6"), NULL },
	{ "fault_signals", "read_prot_none_had_page", "m 6 1 rw p w 6 p 6 1 - ?r 6",
	  SEGV("ACCERR", "base+0x6000", "0x4"), NULL },
	{ "fault_signals", "prot_write_only_read", "m 8 1 w p ?r 8", "ok", NULL },
	{ "fault_signals", "prot_write_only_maps", "m 0 1 w p L", "0-1:-w-p", NULL },
	{ "fault_signals", "prot_exec_only_maps", "m 0 1 x p L", "0-1:--xp", NULL },
	{ "fault_signals", "exec_rx_page", "m 2 1 rx p ?x 2", "ok", NULL },
	{ "fault_signals", "write_rx_page", "m 2 1 rx p r 2 ?w 2",
	  SEGV("ACCERR", "base+0x2000", "0x7"), NULL },
	{ "fault_signals", "null_read", "?r @0", SEGV("MAPERR", "0x0", "0x4"), NULL },
	{ "fault_signals", "null_write_+8", "?w @8", SEGV("MAPERR", "0x8", "0x6"), NULL },
	{ "fault_signals", "8_byte_write_across_into_hole", "m 12 1 rw p ?w 8:12+0xffc",
	  SEGV("MAPERR", "base+0xd000", "0x6"), NULL },
	{ "fault_kernel_addresses", "kernel_text_read", "?r @0xffffffff81000000",
	  SEGV("MAPERR", "0xffffffff81000000", "0x5"), "-" },
	{ "fault_kernel_addresses", "kernel_text_write", "?w @0xffffffff81000000",
	  SEGV("MAPERR", "0xffffffff81000000", "0x7"), "-" },
	{ "fault_kernel_addresses", "kernel_text_exec", "?x @0xffffffff81000000",
	  SEGV("MAPERR", "0xffffffff81000000", "0x15"), "-" },
	{ "fault_kernel_addresses", "kernel_text_read_32", "?r @0xc1000000",
	  "-", SEGV("MAPERR", "0xc1000000", "0x5") },
	{ "fault_kernel_addresses", "kernel_text_write_32", "?w @0xc1000000",
	  "-", SEGV("MAPERR", "0xc1000000", "0x7") },
	{ "fault_kernel_addresses", "kernel_top_read", "?r @0xfffff000",
	  "-", SEGV("MAPERR", "0xfffff000", "0x5") },
	{ "fault_kernel_addresses", "first_kernel_page", "?r @0xc0000000",
	  "-", SEGV("MAPERR", "0xc0000000", "0x5") },
	{ "fault_kernel_addresses", "kernel_half_unmapped_read", "?r @0xffff800000000000",
	  SEGV("MAPERR", "0xffff800000000000", "0x5"), "-" },
	{ "fault_kernel_addresses", "noncanonical_read", "?r @0x8000000000000000", NONCANON, "-" },
	{ "fault_kernel_addresses", "noncanonical_write_0x800000000000", "?w @0x800000000000", NONCANON, "-" },
	{ "fault_kernel_addresses", "top_guard_page_0x7ffffffff000_read", "?r @0x7ffffffff000",
	  SEGV("MAPERR", "0x7ffffffff000", "0x5"), "-" },
	{ "fault_kernel_addresses", "vsyscall_read", "?r @0xffffffffff600000",
	  SEGV("MAPERR", "0xffffffffff600000", "0x5"), "-" },
	{ "file_eof", "page_past_eof_read", "f 0 70 r s 0 ?r 64+0x5",
	  "SIGBUS ADRERR addr=base+0x40005 err=0x4 trap=14", NULL },
	{ "file_eof", "page_past_eof_write", "f 0 70 rw s 0 ?w 64+0x5",
	  "SIGBUS ADRERR addr=base+0x40005 err=0x6 trap=14", NULL },
	{ "file_eof", "page_past_eof_private_write", "f 0 70 rw p 0 ?w 64+0x5",
	  "SIGBUS ADRERR addr=base+0x40005 err=0x6 trap=14", NULL },
	{ "file_eof", "map_wholly_past_eof", "?f 0 2 r s 100", "ok", NULL },
	{ "file_eof", "shmem_past_end", "f 0 70 rw sT 0 ?w 64",
	  "SIGBUS ADRERR addr=base+0x40000 err=0x6 trap=14", NULL },
};

/* Fetches: the I/D flag and NX depend on the machine, not on the word size. */
static void test_fault__fetch(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		uint32_t id;

		run_setup(&r, a);
		id = pt_nx(r.k) ? PF_ID : 0;
		touch(&r, ACCESS_FETCH, r.base + 0x1010, 1);
		assert_int_equal(r.last.sig.si_code, LX_SEGV_MAPERR);
		assert_int_equal(r.last.sig.error_code, PF_US | id);
		run_script(&r, "m 2 1 rw p x 2");
		if (id) {
			assert_int_equal(r.last.sig.si_code, LX_SEGV_ACCERR);
			assert_int_equal(r.last.sig.error_code,
					 PF_P | PF_US | PF_ID);
		} else {
			assert_int_equal(r.last.sig.signo, 0);
		}
		run_teardown(&r);
	}
}

/* Kernel code: user pages are served, bad addresses are an oops. */
static void test_fault__by_the_kernel(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		char buf[4] = "abc";

		run_setup(&r, a);
		run_script(&r, "m 0 1 rw p");
		cpu_write_eflags(&r.k->machine->cpu[0], EFLAGS_IF | EFLAGS_AC);	/* STAC */
		mmu_refresh(&r.k->machine->cpu[0].mmu);
		user_access(r.k, 0, ACCESS_WRITE, false, r.base, buf, 4,
			    &r.last);
		assert_int_equal(r.last.done, 4);
		assert_int_equal(r.last.min_flt, 1);
		user_access(r.k, 0, ACCESS_READ, false, r.base + 0x5000, buf, 4,
			    &r.last);
		assert_true(r.last.oops);
		assert_int_equal(r.last.sig.signo, 0);
		user_access(r.k, 0, ACCESS_READ, false,
			    r.k->layout.vmalloc_start + 0x5000, buf, 4,
			    &r.last);
		assert_true(r.last.oops);
		run_teardown(&r);
	}
}

/* Nobody runs: any user access ends in a signal. */
static void test_fault__without_a_task(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		run_setup(&r, a);
		r.cur = 1;
		touch(&r, ACCESS_READ, r.base, 1);
		assert_int_equal(r.last.sig.signo, LX_SIGSEGV);
		r.cur = 0;
		run_teardown(&r);
	}
}

/* Tables that lie are survived: the access ends, nothing loops. */
static void test_fault__poked_tables(void **state)
{
	static const uint64_t pokes[] = { 0, PTE_P, ~0ULL, PTE_US, 0x1000,
					  0x7ffffffff067, 0x67, 0x80000067 };

	for (const struct arch *a = archs; a->name; a++)
		for (unsigned i = 0; i < ARRAY_SIZE(pokes); i++)
			for (unsigned level = 0; level < 5; level++) {
				struct mm_run r;
				pa_t pa;

				run_setup(&r, a);
				run_script(&r, "m 0 8 rw p W 0 8");
				pa = level > r.k->pte_level ? 0 :
				     pt_lookup(r.k, mm_root(cur_mm(&r)),
					       r.base, level, false);
				if (pa)
					pt_set_raw(r.k, pa, pokes[i]);
				if (pa)
					flush_tlb_all(r.k);
				touch(&r, ACCESS_WRITE, r.base, 1);
				touch(&r, ACCESS_READ, r.base, 1);
				step_fork(&r);
				run_script(&r, "p 0 4 r u 0 8 F");
				kernel_check(r.k, NULL, NULL);
				for (int f = 0; f < 3; f++)
					fput(r.k, r.file[f]);
				kernel_destroy(r.k);
			}
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_fault__fetch),
		cmocka_unit_test(test_fault__by_the_kernel),
		cmocka_unit_test(test_fault__without_a_task),
		cmocka_unit_test(test_fault__poked_tables),
	};

	return run_rows("fault", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

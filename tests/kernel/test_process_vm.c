/*
 * test_process_vm.c - process_vm_readv, process_vm_writev: counts, errors, what
 * they do to pages of both processes; FOLL_FORCE. After Linux 6.1's
 * mm/process_vm_access.c and mm/gup.c; counts and errnos agree with the host.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

#include "kernel/gup.h"
#include "kernel/process_vm.h"

#define PG(n) ((int64_t)(n) << PAGE_SHIFT)

/* Between pages @own of the caller and pages @other of the child. */
static int64_t rw(struct mm_run *r, va_t own, va_t other, uint64_t len,
		  bool write)
{
	struct lx_iovec here = { r->base + own, len };
	struct lx_iovec there = { r->base + other, len };
	struct pvm_local local = { &here, 1, NULL };

	return process_vm_rw(r->k, r->task[0], r->task[1]->pid, &local, &there,
			     1, 0, write);
}

static void fill(struct mm_run *r, va_t page, int c)
{
	char buf[PAGE_SIZE];

	memset(buf, c, sizeof(buf));
	user_access(r->k, r->cur, ACCESS_WRITE, true, r->base + PG(page), buf,
		    sizeof(buf), &r->last);
	assert_int_equal(r->last.done, PAGE_SIZE);
}

static uint8_t byte_at(struct mm_run *r, unsigned task, va_t off)
{
	uint8_t b = 0;

	access_remote_vm(r->k, r->task[task]->mm, r->base + off, &b, 1, false);
	return b;
}

/* Pages 0-7 of both; the child's 3 is PROT_NONE, 4 read-only, 6 not there. */
static void setup(struct mm_run *r, const struct arch *a)
{
	run_setup(r, a);
	run_script(r, "m 0 8 rw p W 0 8 F C p 3 1 - p 4 1 r u 6 1 W 0 2");
	for (int i = 0; i < 3; i++)
		fill(r, i, 'a' + i);
	run_script(r, "B");
	r->out[0] = '\0';
}

static void test_process_vm__moves_bytes(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		setup(&r, a);
		assert_int_equal(rw(&r, 0x10, 0xff8, 16, false), 16);
		assert_int_equal(byte_at(&r, 0, 0x17), 'a');
		assert_int_equal(byte_at(&r, 0, 0x18), 'b');
		assert_int_equal(rw(&r, PG(1), 0, PG(3), false), PG(3));
		assert_int_equal(byte_at(&r, 0, PG(3) + 5), 'c');
		fill(&r, 5, 'x');
		assert_int_equal(rw(&r, PG(5), PG(1) + 1, 2, true), 2);
		assert_int_equal(byte_at(&r, 1, PG(1)), 'b');
		assert_int_equal(byte_at(&r, 1, PG(1) + 2), 'x');
		run_teardown(&r);
	}
}

/* What cannot be had ends it: what is before counts. */
static void test_process_vm__partial_counts(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		setup(&r, a);
		assert_int_equal(rw(&r, 0, PG(1), PG(4), false), PG(2));
		assert_int_equal(rw(&r, 0, PG(3), 1, false), -EFAULT);
		assert_int_equal(rw(&r, 0, PG(4), 1, false), 1);
		assert_int_equal(rw(&r, 0, PG(4), 1, true), -EFAULT);
		assert_int_equal(rw(&r, 0, PG(5) + 1, PG(2), false), 4095);
		assert_int_equal(rw(&r, 0, PG(6), PG(1), false), -EFAULT);
		/* the caller's side */
		assert_int_equal(rw(&r, PG(7) + 0x800, 0, PG(1), false), 0x800);
		assert_int_equal(rw(&r, PG(8), 0, 1, false), -EFAULT);
		run_script(&r, "p 2 1 r");
		assert_int_equal(rw(&r, PG(2), 0, 8, false), -EFAULT);
		assert_int_equal(rw(&r, PG(2), 0, 8, true), 8);
		run_teardown(&r);
	}
}

static void test_process_vm__pieces(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct lx_iovec l[3], m[3];
		struct pvm_local local = { l, 3, NULL };
		struct mm_run r;

		setup(&r, a);
		l[0] = (struct lx_iovec){ r.base, 3 };
		l[1] = (struct lx_iovec){ r.base + PG(4), 0 };
		l[2] = (struct lx_iovec){ r.base + PG(7), 10 };
		m[0] = (struct lx_iovec){ r.base + 4090, 9 };
		m[1] = (struct lx_iovec){ r.base + PG(2), 2 };
		m[2] = (struct lx_iovec){ r.base + PG(6), 100 };
		assert_int_equal(process_vm_rw(r.k, r.task[0], 2, &local, m, 2,
					       0, false), 11);
		assert_int_equal(byte_at(&r, 0, 2), 'a');
		assert_int_equal(byte_at(&r, 0, PG(7) + 3), 'b');
		assert_int_equal(byte_at(&r, 0, PG(7) + 7), 'c');
		assert_int_equal(process_vm_rw(r.k, r.task[0], 2, &local, m, 3,
					       0, false), 11);
		assert_int_equal(process_vm_rw(r.k, r.task[0], 2, &local,
					       m + 2, 1, 0, false), -EFAULT);
		run_teardown(&r);
	}
}

static void test_process_vm__errors(void **state)
{
	static struct lx_iovec many[UIO_MAXIOV + 1];
	struct lx_iovec v = { 0, 1 }, none = { 0, 0 }, neg = { 0, 1ULL << 63 };
	struct pvm_local local = { &v, 1, NULL }, empty = { &none, 1, NULL };
	struct pvm_local lots = { many, UIO_MAXIOV + 1, NULL };
	struct task_struct *t;
	struct mm_run r;

	setup(&r, arch_by_name("x86_64"));
	v.base = r.base;
	t = r.task[0];
	assert_int_equal(process_vm_rw(r.k, t, 2, &local, &v, 1, 1, 0), -EINVAL);
	assert_int_equal(process_vm_rw(r.k, t, 9, &local, &v, 1, 0, 0), -ESRCH);
	assert_int_equal(process_vm_rw(r.k, t, 9, &empty, &v, 1, 0, 0), 0);
	assert_int_equal(process_vm_rw(r.k, t, 9, &local, &none, 1, 0, 0), 0);
	assert_int_equal(process_vm_rw(r.k, t, 2, &lots, &v, 1, 0, 0), -EINVAL);
	assert_int_equal(process_vm_rw(r.k, t, 2, &local, many,
				       UIO_MAXIOV + 1, 0, 0), -EINVAL);
	assert_int_equal(process_vm_rw(r.k, t, 2, &local, &neg, 1, 0, 0),
			 -EINVAL);
	local.vec = &neg;
	assert_int_equal(process_vm_rw(r.k, t, 2, &local, &v, 1, 0, 0), -EINVAL);
	neg = (struct lx_iovec){ r.k->layout.task_size, 1 };
	assert_int_equal(process_vm_rw(r.k, t, 2, &local, &v, 1, 0, 0), -EFAULT);
	do_exit(r.k, r.task[1], 0);
	local.vec = &v;
	assert_int_equal(process_vm_rw(r.k, t, 2, &local, &v, 1, 0, 0), -ESRCH);
	run_teardown(&r);
}

static void test_process_vm__capabilities(void **state)
{
	struct mm_run r;

	setup(&r, arch_by_name("x86_64"));
	r.task[1]->cap_effective = BIT(CAP_IPC_LOCK);
	assert_int_equal(rw(&r, 0, 0, 1, false), -EPERM);
	r.task[0]->cap_effective = BIT(CAP_SYS_PTRACE);
	assert_int_equal(rw(&r, 0, 0, 1, false), 1);
	r.task[0]->cap_effective = BIT(CAP_IPC_LOCK) | BIT(CAP_SYS_RAWIO);
	assert_int_equal(rw(&r, 0, 0, 1, false), 1);
	run_teardown(&r);
}

/* A write breaks copy-on-write; faults are the caller's; stacks stay. */
static void test_process_vm__faults(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		uint64_t mine, its;

		setup(&r, a);
		mine = r.task[0]->min_flt;
		its = r.task[1]->min_flt;
		assert_int_equal(rw(&r, 0, PG(5), 1, true), 1);
		assert_int_equal(r.task[0]->min_flt, mine + 1);
		assert_int_equal(r.task[1]->min_flt, its);
		assert_int_equal(byte_at(&r, 0, PG(5)), 1);
		run_script(&r, "C m 100 4 rw pg m 200 2 rw p B");
		assert_int_equal(rw(&r, 0, PG(99), 1, false), -EFAULT);
		/* the zero page, and bytes of it */
		assert_int_equal(rw(&r, 0, PG(200), PG(2), false), PG(2));
		assert_int_equal(byte_at(&r, 0, 0), 0);
		run_teardown(&r);
	}
}

/* ptrace writes where the process may not, and leaves it so. */
static void test_gup__force(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		const unsigned force = FOLL_FORCE | FOLL_REMOTE;
		struct mm_struct *mm;
		struct mm_run r;
		char c = 'z';
		int err;

		run_setup(&r, a);
		mm = cur_mm(&r);
		run_script(&r, "f 0 2 r p 0 m 2 1 r p m 3 1 - p f 4 1 r s 0 "
			   "m 5 1 rw p w 5 F p 5 1 r");
		for (int page = 0; page < 6; page += page == 2 ? 3 : 1)
			assert_int_equal(access_process_vm(
				r.k, mm, r.base + PG(page), &c, 1,
				force | FOLL_WRITE, &err), 1);
		assert_int_equal(access_process_vm(r.k, mm, r.base + PG(4), &c,
						   1, force | FOLL_WRITE, &err),
				 0);
		assert_int_equal(err, -EFAULT);
		assert_int_equal(access_process_vm(r.k, mm, r.base + PG(3), &c,
						   1, force, &err), 1);
		run_script(&r, "?w 0 ?w 2 ?w 5 q 0 C d 5");
		assert_string_equal(
			r.out, "SIGSEGV ACCERR addr=base+0x0 err=0x7 trap=14 "
			"SIGSEGV ACCERR addr=base+0x2000 err=0x7 trap=14 "
			"SIGSEGV ACCERR addr=base+0x5000 err=0x7 trap=14 "
			"anon,young,dirty value=1");
		run_teardown(&r);
	}
}

static void test_process_vm__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1, done = 0; !done; n++) {
			struct mm_run r;
			int64_t rc;

			setup(&r, a);
			run_script(&r, "C m 300 150 rw p B m 300 150 rw p");
			r.k->fail_nth = n;
			rc = rw(&r, PG(300), PG(300), PG(150), n & 1);
			done = r.k->fail_nth;
			r.k->fail_nth = 0;
			assert_true(rc == -EFAULT || (rc > 0 && rc <= PG(150)));
			assert_true(!done || rc == PG(150));
			run_teardown(&r);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_vm__moves_bytes),
		cmocka_unit_test(test_process_vm__partial_counts),
		cmocka_unit_test(test_process_vm__pieces),
		cmocka_unit_test(test_process_vm__errors),
		cmocka_unit_test(test_process_vm__capabilities),
		cmocka_unit_test(test_process_vm__faults),
		cmocka_unit_test(test_gup__force),
		cmocka_unit_test(test_process_vm__survives_allocation_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_clone.c - threads, vfork, kernel threads, wait: who shares what, which
 * CPU reloads CR3, which is interrupted by a flush.
 */
#include <errno.h>

#include "kernel/signal.h"
#include "kernel/tlb.h"
#include "tests/kernel/mm_script.h"

#define THREAD_FLAGS (LX_CLONE_VM | LX_CLONE_SIGHAND | LX_CLONE_THREAD)

static struct task_struct *clone_as(struct mm_run *r, uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = LX_SIGCHLD };
	struct task_struct *task;

	assert_int_equal(kernel_clone(r->k, r->task[0], &args, &task), 0);
	return task;
}

static uint64_t ipis(const struct mm_run *r, unsigned cpu)
{
	return r->k->machine->cpu[cpu].counters.ipis;
}

static uint64_t flushes(const struct mm_run *r, unsigned cpu,
			enum flush_kind kind)
{
	return r->k->machine->cpu[cpu].counters.flushes[kind];
}

static void test_clone__flags(void **state)
{
	static const struct {
		uint64_t flags;
		int err;
	} rows[] = {
		{ LX_CLONE_THREAD, -EINVAL },
		{ LX_CLONE_THREAD | LX_CLONE_VM, -EINVAL },
		{ LX_CLONE_SIGHAND, -EINVAL },
		{ LX_CLONE_THREAD | LX_CLONE_SIGHAND, -EINVAL },
		{ LX_CLONE_SIGHAND | LX_CLONE_VM, 0 },
		{ THREAD_FLAGS, 0 },
	};
	struct task_struct *task;
	struct mm_run r;

	run_setup(&r, arch_by_name("x86_64"));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct clone_args args = { .flags = rows[i].flags };

		assert_int_equal(kernel_clone(r.k, r.task[0], &args, &task),
				 rows[i].err);
	}
	run_teardown(&r);
}

/* Threads of one memory: no CR3, shared pages, faults counted by thread. */
static void test_clone__thread(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct task_struct *t;
		struct mm_run r;
		uint64_t before;
		int pid;

		run_setup(&r, a);
		t = clone_as(&r, THREAD_FLAGS);
		assert_int_equal(t->tgid, 1);
		assert_ptr_equal(t->mm, r.task[0]->mm);
		assert_int_equal(t->mm->mm_users, 2);
		run_script(&r, "m 0 4 rw p W 0 2");
		before = flushes(&r, 0, FLUSH_CR3);
		assert_int_equal(context_switch(r.k, 0, t), 0);
		assert_int_equal(flushes(&r, 0, FLUSH_CR3), before);
		r.task[1] = t;
		run_script(&r, "r 0"); /* translated already */
		assert_int_equal(r.last.min_flt, 0);
		run_script(&r, "w 3");
		assert_int_equal(t->min_flt, 1);
		assert_int_equal(do_wait(r.k, r.task[0], &pid), -ECHILD);
		assert_int_equal(do_exit(r.k, t, 0), 0);
		assert_null(find_task(r.k, 2)); /* threads leave no zombie */
		assert_int_equal(r.task[0]->mm->mm_users, 1);
		assert_int_equal(context_switch(r.k, 0, r.task[0]), 0);
		assert_int_equal(flushes(&r, 0, FLUSH_CR3), before);
		run_teardown(&r);
	}
}

/* One interrupt for a range, however many pages; none for who is not there. */
static void test_clone__shootdown(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;
		uint64_t ipi, page, cr3;

		run_setup(&r, a);
		r.task[1] = clone_as(&r, THREAD_FLAGS);
		run_script(&r, "m 0 64 rw p W 0 64");
		ipi = ipis(&r, 1);
		run_script(&r, "p 0 4 r");
		assert_int_equal(ipis(&r, 1), ipi);
		assert_int_equal(context_switch(r.k, 1, r.task[1]), 0);
		page = flushes(&r, 1, FLUSH_INVLPG);
		run_script(&r, "p 8 4 r");
		assert_int_equal(ipis(&r, 1), ipi + 1);
		assert_int_equal(flushes(&r, 1, FLUSH_INVLPG), page + 4);
		cr3 = flushes(&r, 1, FLUSH_CR3);
		run_script(&r, "p 16 33 r"); /* the ceiling */
		assert_int_equal(ipis(&r, 1), ipi + 2);
		assert_int_equal(flushes(&r, 1, FLUSH_CR3), cr3);
		run_script(&r, "p 16 34 rw W 16 34 p 16 34 r");
		assert_true(flushes(&r, 1, FLUSH_CR3) > cr3);
		run_teardown(&r);
	}
}

/* A kernel thread borrows the tables; flushes pass it by. */
static void test_kthread__lazy_tlb(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct task_struct *kthread;
		struct mm_run r;
		uint64_t ipi, cr3;

		run_setup(&r, a);
		assert_int_equal(kthread_create(r.k, "kswapd0", &kthread), 0);
		r.task[1] = clone_as(&r, THREAD_FLAGS);
		run_script(&r, "m 0 8 rw p W 0 8");
		assert_int_equal(context_switch(r.k, 1, r.task[1]), 0);
		r.cur = 1;
		run_script(&r, "R 0 8");
		r.cur = 0;
		cr3 = r.k->machine->cpu[1].mmu.cr3;
		assert_int_equal(context_switch(r.k, 1, kthread), 0);
		assert_int_equal(r.k->machine->cpu[1].mmu.cr3, cr3);
		assert_ptr_equal(r.k->lazy_mm[1], r.task[0]->mm);
		ipi = ipis(&r, 1);
		run_script(&r, "p 0 4 r"); /* no table is freed */
		assert_int_equal(ipis(&r, 1), ipi);
		assert_int_equal(kernel_check(r.k, complain, NULL), 0);
		assert_int_equal(context_switch(r.k, 1, r.task[1]), 0);
		r.cur = 1;
		run_script(&r, "w 0"); /* nothing stale */
		assert_int_equal(r.last.sig.si_code, LX_SEGV_ACCERR);
		assert_int_equal(context_switch(r.k, 1, kthread), 0);
		r.cur = 0;
		run_script(&r, "r 5 u 0 8"); /* a table goes: it must leave */
		assert_int_equal(ipis(&r, 1), ipi + 1);
		assert_int_not_equal(mmu_root(&r.k->machine->cpu[1].mmu),
				     mm_root(r.task[0]->mm));
		assert_int_equal(do_exit(r.k, kthread, 0), 0);
		run_teardown(&r);
	}
}

/* The last user of memory frees it, also when the leader goes first. */
static void test_clone__leader_goes_first(void **state)
{
	struct task_struct *child, *thread;
	struct clone_args args = { .flags = THREAD_FLAGS };
	struct mm_run r;
	int pid, status;

	run_setup(&r, arch_by_name("x86_64"));
	assert_int_equal(kernel_fork(r.k, r.task[0], &child), 0);
	assert_int_equal(kernel_clone(r.k, child, &args, &thread), 0);
	assert_int_equal(do_exit(r.k, child, 5), 0);
	assert_int_equal(child->state, 'Z');
	assert_ptr_equal(thread->mm->owner, thread);
	assert_int_equal(kernel_check(r.k, complain, NULL), 0);
	assert_int_equal(kernel_wait4(r.k, r.task[0], -1, 0, &status, &pid),
			 -EWOULDBLOCK);
	assert_int_equal(
		kernel_wait4(r.k, r.task[0], -1, LX_WNOHANG, &status, &pid), 0);
	assert_int_equal(pid, 0);
	assert_int_equal(do_exit(r.k, thread, 6), 0);
	assert_int_equal(kernel_wait4(r.k, r.task[0], 2, 0, &status, &pid), 0);
	assert_int_equal(status, 5 << 8);
	assert_int_equal(kernel_wait4(r.k, r.task[0], 2, 0, &status, &pid),
			 -ECHILD);
	run_teardown(&r);
}

static void test_clone__exit_group(void **state)
{
	struct task_struct *child, *thread;
	struct clone_args args = { .flags = THREAD_FLAGS };
	struct mm_run r;
	int pid, status;

	run_setup(&r, arch_by_name("i386-pae"));
	assert_int_equal(kernel_fork(r.k, r.task[0], &child), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kernel_clone(r.k, child, &args, &thread), 0);
	assert_int_equal(context_switch(r.k, 1, thread), 0);
	assert_int_equal(do_group_exit(r.k, thread, 9), 0);
	assert_null(r.k->current[1]);
	assert_int_equal(kernel_wait4(r.k, r.task[0], -1, 0, &status, &pid), 0);
	assert_int_equal(status, 9 << 8);
	assert_ptr_equal(TAILQ_FIRST(&r.k->tasks),
			 TAILQ_LAST(&r.k->tasks, task_list));
	run_teardown(&r);
}

static void test_vfork__parent_sleeps(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct task_struct *child;
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "m 0 1 rw p w 0");
		child = clone_as(&r, LX_CLONE_VM | LX_CLONE_VFORK);
		assert_int_equal(r.task[0]->state, 'D');
		assert_ptr_equal(r.k->current[0], child);
		assert_int_equal(context_switch(r.k, 1, r.task[0]),
				 -EINPROGRESS);
		run_script(&r, "w 0"); /* the parent's memory */
		assert_int_equal(r.last.min_flt, 0);
		assert_int_equal(do_exit(r.k, child, 0), 0);
		assert_int_equal(r.task[0]->state, 'R');
		assert_int_equal(r.task[0]->mm->mm_users, 1);
		assert_int_equal(context_switch(r.k, 0, r.task[0]), 0);
		run_teardown(&r);
	}
}

static void test_clone__survives_allocation_failures(void **state)
{
	static const uint64_t flags[] = { 0, LX_CLONE_VM, THREAD_FLAGS,
					  LX_CLONE_VM | LX_CLONE_VFORK };

	for (unsigned f = 0; f < ARRAY_SIZE(flags); f++) {
		struct clone_args args = { .flags = flags[f],
					   .exit_signal = LX_SIGCHLD };
		struct task_struct *child;
		struct mm_run r;
		int err = -ENOMEM;

		run_setup(&r, arch_by_name("i386"));
		run_script(&r, "m 0 8 rw p W 0 8");
		for (unsigned n = 1; err; n++) {
			r.k->fail_nth = n;
			err = kernel_clone(r.k, r.task[0], &args, &child);
			r.k->fail_nth = 0;
			if (err)
				assert_int_equal(err, -ENOMEM);
			assert_int_equal(kernel_check(r.k, complain, NULL), 0);
		}
		run_teardown(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clone__flags),
		cmocka_unit_test(test_clone__thread),
		cmocka_unit_test(test_clone__shootdown),
		cmocka_unit_test(test_kthread__lazy_tlb),
		cmocka_unit_test(test_clone__leader_goes_first),
		cmocka_unit_test(test_clone__exit_group),
		cmocka_unit_test(test_vfork__parent_sleeps),
		cmocka_unit_test(test_clone__survives_allocation_failures),
	};

	return run_rows("clone", NULL, 0, tests, ARRAY_SIZE(tests));
}

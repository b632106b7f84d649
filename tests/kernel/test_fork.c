/*
 * test_fork.c - fork, copy-on-write, exit, wait, what runs where.
 * Rows: golden/linux-behaviour.tsv, columns value_amd64_6.1 and value_686.
 */
#include "tests/kernel/mm_script.h"

#include <errno.h>

static const struct mm_row rows[] = {
	{ "fork_cow_child_first", "child_after_fork_pfn", "m 0 1 rw p w 0 k 0 F C = 0", "pfn same", NULL },
	{ "fork_cow_child_first", "child_read", "m 0 1 rw p w 0 F C r 0 c", "min=0 maj=0", NULL },
	{ "fork_cow_child_first", "child_write_then_parent",
	  "m 0 1 rw p w 0 k 0 F C w 0 c = 0 B = 0 w 0 c = 0",
	  "min=1 maj=0 pfn new pfn same min=1 maj=0 pfn same", NULL },
	{ "fork_cow_parent_first", "parent_write_then_child",
	  "m 0 1 rw p w 0 k 0 F w 0 c = 0 C = 0 w 0 c = 0 B w 0 c",
	  "min=1 maj=0 pfn new pfn same min=1 maj=0 pfn same min=0 maj=0", NULL },
	{ "fork_cow", "child_gone_parent_still_faults_once",
	  "m 0 4 rw p W 0 4 k 0 F X W 0 4 = 0", "4 4 pfn same", NULL },
	{ "fork_page_tables", "child_present_anon", "m 0 64 rw p W 0 64 F C s 0 64", "64 0-63", NULL },
	{ "fork_page_tables", "child_present_shared_anon", "m 0 64 rw s W 0 64 F C s 0 64", "64 none", NULL },
	{ "fork_page_tables", "child_present_private_file_uncowed",
	  "f 0 16 rw p 0 R 0 16 F C s 0 16", "1 none", NULL },
	{ "fork_page_tables", "child_present_private_file_one_cowed",
	  "f 0 16 rw p 0 R 0 16 w 3 F C s 0 16 R 0 16", "1 0-15 0", NULL },
	{ "fork_page_tables", "child_present_zero_page",
	  "m 0 16 rw p R 0 16 F C s 0 16 w 0 c", "16 none min=1 maj=0", NULL },
	{ "fork_page_tables", "zero_page_beside_a_written_one_is_copied",
	  "m 0 4 rw p R 0 4 w 0 F C s 0 4", "4 0-3", NULL },
	{ "fork_page_tables", "child_write_64_inherited_minflt",
	  "m 0 64 rw p W 0 64 F C W 0 64", "64 64", NULL },
	{ "fork_page_tables", "child_read_16_shared_anon_minflt",
	  "m 0 16 rw s W 0 16 F C R 0 16", "16 1", NULL },
	{ "fork_page_tables", "child_read_16_private_file_uncowed_minflt",
	  "f 0 16 rw p 0 R 0 16 F C R 0 16", "1 1", NULL },
	{ "fork_advice", "locked_is_not_inherited", "m 0 1 rw pl F C v 0 w 0 c",
	  "rd wr mr mw me ac sd min=1 maj=0", "rd wr mr mw me ac min=1 maj=0" },
	{ "vma_merge_after_fork", "child_next_to_inherited_faulted",
	  "m 0 2 rw p w 0 F C m 2 2 rw p L B m 2 2 rw p L", "0-2:rw-p 2-4:rw-p 0-4:rw-p", NULL },
	{ "vma_merge_after_fork", "child_next_to_inherited_unfaulted",
	  "m 0 2 rw p F C m 2 2 rw p L", "0-4:rw-p", NULL },
	{ "fork_shared", "stores_are_seen_by_both", "m 0 1 rw s w 0 k 0 F C r 0 c = 0",
	  "min=1 maj=0 pfn same", NULL },
	{ "fork_areas", "all_are_there", "m 0 2 rw p m 4 1 r s f 6 2 rx p 3 F C L",
	  "0-2:rw-p 4-5:r--s@0 6-8:r-xp@3", NULL },
};

static void test_fork__grandchild_and_child_copy_and_parent_reuses(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct task_struct *grandchild;
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "m 0 1 rw p w 0 k 0 F");
		assert_int_equal(kernel_fork(r.k, r.task[1], &grandchild), 0);
		run_script(&r, "C w 0 = 0");	/* the child */
		context_switch(r.k, 1, NULL);
		context_switch(r.k, 1, grandchild);
		r.task[1] = grandchild;
		run_script(&r, "w 0 = 0 B w 0 c = 0");
		assert_string_equal(r.out, "pfn new pfn new min=1 maj=0 "
				    "pfn same");
		run_teardown(&r);
	}
}

static void test_fork__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (unsigned n = 1, done = 0; !done; n++) {
			struct task_struct *child;
			struct mm_run r;
			int err;

			run_setup(&r, a);
			run_script(&r, "m 0 9 rw p W 0 9 m 20 9 rw s w 20 "
				   "p 3 1 r p 5 1 r b 0x9000 F");
			r.k->fail_nth = n;
			err = kernel_fork(r.k, r.task[0], &child);
			done = r.k->fail_nth;
			assert_int_equal(err, done ? 0 : -ENOMEM);
			r.k->fail_nth = 0;
			run_script(&r, "W 0 3");
			run_teardown(&r);
		}
}

static uint64_t free_pages_of(const struct kernel *k)
{
	return nr_free_pages(k);
}

/* Twelve generations; every second time one of parent and child ends. */
static void raise_generations(struct mm_run *r)
{
	struct task_struct *task = r->task[0], *child;

	for (int i = 0; i < 12; i++) {
		assert_int_equal(kernel_fork(r->k, task, &child), 0);
		context_switch(r->k, 1, NULL);
		context_switch(r->k, 1, child);
		r->cur = 1;
		touch(r, ACCESS_WRITE, r->base + (i & 7) * PAGE_SIZE, 8);
		r->cur = 0;
		assert_int_equal(kernel_check(r->k, complain, NULL), 0);
		if ((i & 1) && task != r->task[0])
			do_exit(r->k, task, 0);
		task = child;
	}
}

static void end_all(struct mm_run *r)
{
	struct task_struct *t, *prev;
	int pid;

	for (t = TAILQ_LAST(&r->k->tasks, task_list); t; t = prev) {
		prev = TAILQ_PREV(t, task_list, link);
		if (t->pid != 1 && t->state != 'Z')
			do_exit(r->k, t, 0);
	}
	while (!do_wait(r->k, r->task[0], &pid))
		;
	assert_ptr_equal(TAILQ_FIRST(&r->k->tasks), r->task[0]);
	assert_null(TAILQ_NEXT(r->task[0], link));
}

/* Chains of anon_vmas stay sound, and all memory comes back. */
static void test_fork__generations(void **state)
{
	struct mm_run r;
	uint64_t free = 0;

	run_setup(&r, arch_by_name("x86_64"));
	run_script(&r, "m 0 8 rw p W 0 8");
	for (int round = 0; round < 3; round++) {
		raise_generations(&r);
		end_all(&r);
		run_script(&r, "W 0 8");	/* takes back what it shared */
		if (round == 0)		/* empty slabs stay */
			free = free_pages_of(r.k);
		assert_int_equal(free, free_pages_of(r.k));
	}
	run_teardown(&r);
}

static void test_exit__zombies_and_orphans(void **state)
{
	struct task_struct *child, *grandchild;
	struct mm_run r;
	int pid;

	run_setup(&r, arch_by_name("i386"));
	assert_int_equal(kernel_fork(r.k, r.task[0], &child), 0);
	assert_int_equal(kernel_fork(r.k, child, &grandchild), 0);
	assert_int_equal(do_wait(r.k, r.task[0], &pid), -ECHILD);
	assert_int_equal(do_exit(r.k, r.task[0], 0), -EPERM);
	assert_int_equal(do_exit(r.k, grandchild, 7), 0);
	assert_int_equal(grandchild->state, 'Z');
	assert_int_equal(do_exit(r.k, grandchild, 7), -ESRCH);
	assert_int_equal(do_exit(r.k, child, 3), 0);
	assert_null(find_task(r.k, 3));		/* init reaped the orphan */
	assert_int_equal(do_wait(r.k, r.task[0], &pid), 0);
	assert_int_equal(pid, 2);
	run_teardown(&r);
}

/* What a dying address space goes through, in order. */
struct ending {
	unsigned zapped, zapped_before_cr3, loads;
	uint64_t old, new;
};

static void hear_ending(void *ctx, const struct kevent *ev)
{
	struct ending *e = ctx;

	e->zapped += ev->kind == KEV_PTE && !ev->new;
	if (ev->kind != KEV_SWITCH)
		return;
	e->loads++;
	e->zapped_before_cr3 = e->zapped;
	e->old = ev->old;
	e->new = ev->new;
}

/* The CPU keeps the tables lazily, and the root table goes with a switch. */
static void test_exit__lazy_tlb(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct ending e = { 0 };
		struct mm_run r;
		pfn_t pgd;

		run_setup(&r, a);
		run_script(&r, "m 0 1 rw p w 0 F");
		pgd = r.task[1]->mm->pgd;
		r.k->sink = (struct kevent_sink){ hear_ending, &e };
		assert_int_equal(do_exit(r.k, r.task[1], 0), 0);
		r.k->sink.fn = NULL;
		assert_int_equal(e.loads, 1);
		assert_int_equal(e.old, mm_root(r.k->lazy_mm[1]));
		assert_int_equal(e.new, r.k->swapper_pg_dir);
		assert_true(e.zapped > 1);
		assert_int_equal(e.zapped_before_cr3, e.zapped);
		assert_false(page_is_free(r.k, pgd));
		assert_int_equal(context_switch(r.k, 0, NULL), 0);
		assert_int_equal(context_switch(r.k, 1, r.task[0]), 0);
		assert_true(page_is_free(r.k, pgd));
		assert_int_equal(context_switch(r.k, 1, NULL), 0);
		assert_int_equal(context_switch(r.k, 0, r.task[0]), 0);
		r.task[1] = NULL;
		run_teardown(&r);
	}
}

static void test_sched__context_switch(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct mm_run r;

		run_setup(&r, a);
		run_script(&r, "m 0 1 rw p w 0 F");
		assert_int_equal(context_switch(r.k, 0, r.task[1]), -EBUSY);
		assert_int_equal(context_switch(r.k, 1, NULL), 0);
		assert_int_equal(r.task[1]->cpu, -1);
		assert_int_equal(r.k->machine->cpu[1].mmu.cr3,
				 r.k->swapper_pg_dir);
		assert_int_equal(context_switch(r.k, 1, r.task[1]), 0);
		run_script(&r, "X");
		assert_null(r.k->current[1]);
		assert_int_equal(context_switch(r.k, 1, r.task[1]), -ESRCH);
		run_teardown(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		cmocka_unit_test(test_fork__grandchild_and_child_copy_and_parent_reuses),
		cmocka_unit_test(test_fork__survives_allocation_failures),
		cmocka_unit_test(test_fork__generations),
		cmocka_unit_test(test_exit__zombies_and_orphans),
		cmocka_unit_test(test_exit__lazy_tlb),
		cmocka_unit_test(test_sched__context_switch),
	};

	return run_rows("fork", rows, ARRAY_SIZE(rows), more,
			ARRAY_SIZE(more));
}

/* Large entries of anonymous memory: faults, fork, split, zap. */
#include "mm_script.h"

#include "kernel/huge_mm.h"

struct thp_run {
	struct kernel *k;
	struct task_struct *task;
	va_t base; /* aligned, 4 large pages, VM_HUGEPAGE */
};

static void setup_on(struct thp_run *r, const struct arch *arch)
{
	va_t va;

	r->k = boot_small(arch, false);
	thp_set_enabled(r->k, THP_MADVISE);
	r->k->thp.use_zero_page = true;
	r->task = find_task(r->k, 1);
	r->base = 0x50000000;
	assert_int_equal(
		do_mmap(r->k, r->task->mm, NULL, r->base, 4 * hpage_size(r->k),
			LX_PROT_READ | LX_PROT_WRITE,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&va),
		0);
	find_vma(r->task->mm, va)->vm_flags |= VM_HUGEPAGE;
}

static void sound(const struct thp_run *r)
{
	assert_int_equal(kernel_check(r->k, complain, NULL), 0);
}

static struct user_access access_at(struct thp_run *r, unsigned cpu,
				    enum access_kind kind, va_t va, uint8_t *b)
{
	struct user_access a;

	user_access(r->k, cpu, kind, true, va, b, 1, &a);
	assert_int_equal(a.sig.signo, 0);
	return a;
}

static unsigned write_at(struct thp_run *r, unsigned cpu, va_t va, uint8_t b)
{
	return access_at(r, cpu, ACCESS_WRITE, va, &b).min_flt;
}

static uint8_t read_at(struct thp_run *r, unsigned cpu, va_t va)
{
	uint8_t b = 0;

	access_at(r, cpu, ACCESS_READ, va, &b);
	return b;
}

static uint64_t huge_at(const struct thp_run *r, const struct mm_struct *mm,
			va_t va)
{
	pa_t pmdp;

	return huge_pmd_at(r->k, mm, va, &pmdp);
}

static void for_each_arch(void (*fn)(struct thp_run *r))
{
	for (const struct arch *a = archs; a->name; a++) {
		struct thp_run r;

		setup_on(&r, a);
		fn(&r);
		sound(&r);
		kernel_destroy(r.k);
	}
}

static void one_fault(struct thp_run *r)
{
	uint64_t tables = r->task->mm->pgtables, size = hpage_size(r->k);

	assert_int_equal(write_at(r, 0, r->base + size + 5, 7), 1);
	sound(r);
	for (va_t va = 0; va < size; va += PAGE_SIZE)
		assert_int_equal(write_at(r, 0, r->base + size + va, 9), 0);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES] % hpage_nr(r->k),
			 r->task->mm->rss[MM_ANONPAGES] - hpage_nr(r->k));
	assert_true(r->task->mm->pgtables > tables);
	assert_int_equal(r->k->vmstat.thp_fault_alloc, 1);
	assert_int_equal(do_munmap(r->k, r->task->mm, r->base, 4 * size), 0);
}

static void test_one_fault_for_a_large_page(void **state)
{
	for_each_arch(one_fault);
}

static void zero_page(struct thp_run *r)
{
	uint64_t rss = r->task->mm->rss[MM_ANONPAGES];

	assert_int_equal(read_at(r, 0, r->base), 0);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES], rss);
	assert_true(huge_at(r, r->task->mm, r->base));
	sound(r);
	assert_int_equal(write_at(r, 0, r->base + PAGE_SIZE, 3), 1);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES], rss + 1);
	assert_false(huge_at(r, r->task->mm, r->base));
	assert_int_equal(r->k->vmstat.thp_split_pmd, 1);
}

static void test_huge_zero_page(void **state)
{
	for_each_arch(zero_page);
}

static void fork_and_write(struct thp_run *r)
{
	struct task_struct *child;
	uint64_t rss;

	write_at(r, 0, r->base, 1);
	rss = r->task->mm->rss[MM_ANONPAGES];
	assert_int_equal(kernel_fork(r->k, r->task, &child), 0);
	assert_int_equal(context_switch(r->k, 1, child), 0);
	sound(r);
	assert_int_equal(child->mm->rss[MM_ANONPAGES], rss);
	assert_int_equal(write_at(r, 1, r->base + PAGE_SIZE, 2), 1);
	sound(r);
	assert_false(huge_at(r, child->mm, r->base));
	assert_true(huge_at(r, r->task->mm, r->base));
	assert_int_equal(read_at(r, 0, r->base + PAGE_SIZE), 0);
	assert_int_equal(read_at(r, 1, r->base + PAGE_SIZE), 2);
	do_exit(r->k, child, 0);
	sound(r);
	/* the sole owner again: reused as a whole */
	assert_int_equal(write_at(r, 0, r->base, 5), 1);
	assert_true(huge_at(r, r->task->mm, r->base) & PTE_RW);
	assert_int_equal(write_at(r, 0, r->base + 3 * PAGE_SIZE, 5), 0);
}

static void test_fork_shares_and_a_write_splits(void **state)
{
	for_each_arch(fork_and_write);
}

static void partial(struct thp_run *r)
{
	uint64_t size = hpage_size(r->k);

	write_at(r, 0, r->base, 1);
	write_at(r, 0, r->base + size, 2);
	assert_int_equal(do_mprotect(r->k, r->task->mm, r->base + PAGE_SIZE,
				     PAGE_SIZE, LX_PROT_READ),
			 0);
	sound(r);
	assert_false(huge_at(r, r->task->mm, r->base));
	assert_true(huge_at(r, r->task->mm, r->base + size));
	assert_int_equal(r->k->thp.ndeferred, 0);
	assert_int_equal(
		do_munmap(r->k, r->task->mm, r->base + size / 2, size / 2), 0);
	sound(r);
	assert_int_equal(r->k->thp.ndeferred, 1);
	assert_int_equal(deferred_split_scan(r->k), 1);
	sound(r);
	assert_int_equal(r->k->thp.ndeferred, 0);
	assert_int_equal(read_at(r, 0, r->base), 1);
	assert_int_equal(
		do_mprotect(r->k, r->task->mm, r->base + size, size, 0), 0);
	sound(r);
	assert_true(huge_at(r, r->task->mm, r->base + size));
	assert_int_equal(do_mprotect(r->k, r->task->mm, r->base + size, size,
				     LX_PROT_READ),
			 0);
	assert_int_equal(read_at(r, 0, r->base + size), 2);
}

static void test_parts_split(void **state)
{
	for_each_arch(partial);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_fault_for_a_large_page),
		cmocka_unit_test(test_huge_zero_page),
		cmocka_unit_test(test_fork_shares_and_a_write_splits),
		cmocka_unit_test(test_parts_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

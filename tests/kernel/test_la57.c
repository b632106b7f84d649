/*
 * test_la57.c - a kernel with 5 levels: where mmap looks (linux 6.1
 * arch/x86/kernel/sys_x86_64.c), and that what others do with 4 works.
 */
#include "tests/kernel/host.h"

#include <errno.h>

#include "kernel/pgtable.h"

#define WINDOW 0x7ffffffff000ULL   /* DEFAULT_MAP_WINDOW */
#define TOP    0xfffffffffff000ULL /* TASK_SIZE_MAX */
#define BASE   0x7ffff7ff9000ULL   /* of the vvar: mmap goes below */
#define HIGH   0x1000000000000ULL  /* 48 bits */

static struct kernel *boot(bool la57)
{
	struct kernel_config cfg;
	const char *why = "";
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	cfg.ram = 512 * MiB;
	cfg.la57 = la57;
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s", why);
	return k;
}

static struct task_struct *init_of(struct kernel *k)
{
	return find_task(k, 1);
}

static int map_at(struct kernel *k, va_t hint, uint64_t len, unsigned flags,
		  va_t *ret)
{
	return do_mmap(k, init_of(k)->mm, NULL, hint, len,
		       LX_PROT_READ | LX_PROT_WRITE,
		       LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | flags, 0, ret);
}

static void test_la57__mode(void **state)
{
	struct kernel *k = boot(true);
	const struct cpu *cpu = &k->machine->cpu[0];

	assert_int_equal(k->mode->nlevels, 5);
	assert_int_equal(cpu->mmu.mode->id, PAGING_5LEVEL);
	assert_true(cpu->mmu.cr4 & CR4_LA57);
	assert_int_equal(k->layout.task_size, TOP);
	assert_int_equal(k->layout.map_window, WINDOW);
	assert_int_equal(k->layout.mmap_base, 0x7ffff7fff000);
	end_kernel(k);
	k = boot(false);
	assert_int_equal(k->mode->nlevels, 4);
	assert_false(k->machine->cpu[0].features.la57);
	end_kernel(k);
}

/* hint, length -> where; hint 0: none */
static const struct hint_row {
	va_t hint;
	uint64_t len;
	va_t at;
} hints[] = {
	{ 0, 0x1000, BASE - 0x1000 },
	{ 0x10000000, 0x1000, 0x10000000 },
	{ HIGH, 0x1000, HIGH },
	{ WINDOW + 0x1000, 0x1000, WINDOW + 0x1000 },
	{ TOP - 0x1000, 0x1000, TOP - 0x1000 },
	/* beyond the end, but above the window: the highest gap of all 56 bits
	 */
	{ TOP, 0x1000, 0x7ffff7fff000 + TOP - WINDOW - 0x1000 },
	/* across the window's end: no hint, and below it */
	{ WINDOW - 0x1000, 0x2000, BASE - 0x2000 },
	/* not above it: at its end */
	{ WINDOW, 0x1000, BASE - 0x1000 },
	/* more than the window holds fits only with a hint */
	{ HIGH, WINDOW + 0x10000, HIGH },
};

static void test_la57__mmap_hint(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(hints); i++) {
		struct kernel *k = boot(true);
		va_t va = 0;

		assert_int_equal(map_at(k, hints[i].hint, hints[i].len,
					LX_MAP_NORESERVE, &va),
				 0);
		assert_int_equal(va, hints[i].at);
		end_kernel(k);
	}
}

static void test_la57__mmap_refused(void **state)
{
	struct kernel *k = boot(true);
	va_t va = 42;

	assert_int_equal(map_at(k, 0, WINDOW, LX_MAP_NORESERVE, &va), -ENOMEM);
	assert_int_equal(map_at(k, TOP, 0x1000, LX_MAP_FIXED, &va), -ENOMEM);
	assert_int_equal(map_at(k, 0xff11000000000000, 0x1000, LX_MAP_FIXED,
				&va),
			 -ENOMEM);
	/* A fixed mapping may lie across the end of the window. */
	assert_int_equal(map_at(k, WINDOW, 0x1000, LX_MAP_FIXED, &va), 0);
	assert_int_equal(map_at(k, WINDOW + 0x1000, 0x1000, LX_MAP_FIXED, &va),
			 0);
	end_kernel(k);
}

/* An occupied hint above the window still asks for all 56 bits. */
static void test_la57__mmap_hint_taken(void **state)
{
	struct kernel *k = boot(true);
	va_t va;

	assert_int_equal(map_at(k, HIGH, 0x2000, 0, &va), 0);
	assert_int_equal(map_at(k, HIGH, 0x1000, 0, &va), 0);
	assert_int_equal(va, 0x7ffff7fff000 + TOP - WINDOW - 0x1000);
	end_kernel(k);
}

/* With 4 levels the same hint is no address at all. */
static void test_la57__off(void **state)
{
	struct kernel *k = boot(false);
	va_t va;

	assert_int_equal(map_at(k, HIGH, 0x1000, 0, &va), 0);
	assert_int_equal(va, BASE - 0x1000);
	end_kernel(k);
}

static void test_la57__touch_fork_unmap(void **state)
{
	struct kernel *k = boot(true);
	struct task_struct *task = init_of(k), *child;
	uint64_t tables = task->mm->pgtables;
	char in[] = "above 47 bits", out[sizeof(in)] = "";
	va_t va;

	assert_int_equal(map_at(k, HIGH, 64 * KiB, LX_MAP_POPULATE, &va), 0);
	/* p4d, pud, pmd, pte of its own: the root is shared */
	assert_int_equal(task->mm->pgtables, tables + 4);
	assert_int_equal(
		access_remote_vm(k, task->mm, va, in, sizeof(in), true), 0);
	assert_int_equal(kernel_fork(k, task, &child), 0);
	assert_int_equal(
		access_remote_vm(k, child->mm, va, out, sizeof(out), false), 0);
	assert_string_equal(in, out);
	assert_int_equal(kernel_check(k, finding, NULL), 0);
	assert_int_equal(do_munmap(k, task->mm, va, 64 * KiB), 0);
	assert_int_equal(task->mm->pgtables, tables);
	end_kernel(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_la57__mode),
		cmocka_unit_test(test_la57__mmap_hint),
		cmocka_unit_test(test_la57__mmap_refused),
		cmocka_unit_test(test_la57__mmap_hint_taken),
		cmocka_unit_test(test_la57__off),
		cmocka_unit_test(test_la57__touch_fork_unmap),
	};

	return cmocka_run_group_tests_name("la57", tests, NULL, NULL);
}

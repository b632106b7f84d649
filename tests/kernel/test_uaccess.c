/*
 * test_uaccess.c - the kernel's copies from and to user memory: what is served,
 * what ends short, what SMAP makes of one without STAC. Rows of
 * golden/linux-behaviour.tsv: stack_grow kernel_write_read2_below_vma.
 */
#include <errno.h>

#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "tests/kernel/mm_script.h"

static struct kernel *boot_smap(const struct arch *arch, bool smap)
{
	struct kernel_config cfg;
	struct kernel *k;
	const char *why;

	kernel_config_default(&cfg, arch);
	cfg.ram = 128 * MiB;
	cfg.smap = smap;
	k = kernel_boot(&cfg, &why);
	assert_non_null(k);
	return k;
}

static va_t map(struct kernel *k, va_t at, uint64_t pages, unsigned prot)
{
	va_t va;

	assert_int_equal(
		do_mmap(k, find_task(k, 1)->mm, NULL, at, pages << PAGE_SHIFT,
			prot, LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED,
			0, &va),
		0);
	return va;
}

static void end(struct kernel *k)
{
	assert_int_equal(kernel_check(k, complain, NULL), 0);
	kernel_destroy(k);
}

#define EACH_ARCH(a, smap)                               \
	for (const struct arch *a = archs; a->name; a++) \
		for (int smap = 0; smap < 2; smap++)

static void test_copy__there_and_back(void **state)
{
	EACH_ARCH(a, smap)
	{
		struct kernel *k = boot_smap(a, smap);
		va_t va = map(k, 0x50000000, 4, LX_PROT_READ | LX_PROT_WRITE);
		char buf[6000], back[6000];

		for (unsigned i = 0; i < sizeof(buf); i++)
			buf[i] = (char)(i * 7);
		assert_int_equal(copy_to_user(k, 0, va + 100, buf, sizeof(buf)),
				 0);
		assert_int_equal(
			copy_from_user(k, 0, back, va + 100, sizeof(back)), 0);
		assert_memory_equal(buf, back, sizeof(buf));
		assert_false(k->machine->cpu[0].mmu.ac);
		assert_false(k->ram_poked);
		end(k);
	}
}

/* The number of bytes that were not copied; a short read is zeroed. */
static void test_copy__ends_short(void **state)
{
	EACH_ARCH(a, smap)
	{
		struct kernel *k = boot_smap(a, smap);
		va_t va = map(k, 0x50000000, 1, LX_PROT_READ | LX_PROT_WRITE);
		char buf[64];

		memset(buf, 'x', sizeof(buf));
		assert_int_equal(
			copy_to_user(k, 0, va + PAGE_SIZE - 10, buf, 64), 54);
		assert_int_equal(
			copy_from_user(k, 0, buf, va + PAGE_SIZE - 10, 64), 54);
		assert_int_equal(buf[9], 'x');
		assert_int_equal(buf[10], 0);
		assert_int_equal(buf[63], 0);
		map(k, va, 1, LX_PROT_READ);
		assert_int_equal(copy_to_user(k, 0, va, buf, 8), 8);
		map(k, va, 1, 0);
		assert_int_equal(copy_from_user(k, 0, buf, va, 8), 8);
		end(k);
	}
}

/* access_ok(): nothing of the kernel's, and no wrap. */
static void test_copy__not_user_memory(void **state)
{
	EACH_ARCH(a, smap)
	{
		struct kernel *k = boot_smap(a, smap);
		va_t top = k->layout.task_size;
		char buf[16] = "secret";
		uint64_t faults = k->vmstat.pgfault;

		assert_int_equal(
			copy_to_user(k, 0, k->layout.page_offset, buf, 16), 16);
		assert_int_equal(copy_from_user(k, 0, buf, top - 8, 16), 16);
		assert_int_equal(buf[0], 0);
		assert_int_equal(copy_to_user(k, 0, ~0ULL - 4, buf, 16), 16);
		assert_int_equal(k->vmstat.pgfault, faults);
		end(k);
	}
}

static void test_smap__without_stac(void **state)
{
	static const struct user_copy bug = { .kind = ACCESS_WRITE,
					      .no_stac = true };

	EACH_ARCH(a, smap)
	{
		struct kernel *k = boot_smap(a, smap);
		va_t va = map(k, 0x50000000, 1, LX_PROT_READ | LX_PROT_WRITE);
		struct user_access r;
		char buf[4] = "abc";

		assert_int_equal(copy_to_user(k, 0, va, buf, 4), 0);
		assert_int_equal(user_copy(k, 0, &bug, va, buf, 4, &r),
				 smap ? 4 : 0);
		assert_int_equal(r.oops, smap);
		assert_false(r.fixed);
		if (smap)
			assert_int_equal(r.fault.reason, FAULT_SMAP);
		end(k);
	}
}

static void test_words_and_strings(void **state)
{
	EACH_ARCH(a, smap)
	{
		struct kernel *k = boot_smap(a, smap);
		va_t va = map(k, 0x50000000, 1, LX_PROT_READ | LX_PROT_WRITE);
		uint64_t value = 1;
		char buf[16];

		assert_int_equal(put_user(k, 0, va, 4, 0x12345678), 0);
		assert_int_equal(get_user(k, 0, va, 2, &value), 0);
		assert_int_equal(value, 0x5678);
		assert_int_equal(get_user(k, 0, va + PAGE_SIZE - 2, 4, &value),
				 -EFAULT);
		assert_int_equal(value, 0x5678);
		assert_int_equal(
			copy_to_user(k, 0, va + PAGE_SIZE - 5, "path", 5), 0);
		assert_int_equal(strncpy_from_user(k, 0, buf,
						   va + PAGE_SIZE - 5, 16),
				 4);
		assert_string_equal(buf, "path");
		assert_int_equal(
			strncpy_from_user(k, 0, buf, va + PAGE_SIZE - 5, 3), 3);
		put_user(k, 0, va + PAGE_SIZE - 1, 1, 'x');
		assert_int_equal(strncpy_from_user(k, 0, buf,
						   va + PAGE_SIZE - 5, 16),
				 -EFAULT);
		end(k);
	}
}

/* golden: a system call's buffer below the stack makes it grow. */
static void test_copy__grows_the_stack(void **state)
{
	EACH_ARCH(a, smap)
	{
		struct kernel *k = boot_smap(a, smap);
		struct mm_struct *mm = find_task(k, 1)->mm;
		struct vm_area_struct *stack = find_vma(mm, mm->start_stack);
		va_t below = stack->vm_start - 2 * PAGE_SIZE;

		assert_int_equal(copy_to_user(k, 0, below, "ok", 3), 0);
		assert_int_equal(stack->vm_start, below);
		end(k);
	}
}

/* An injected failure is tried again, as a page fault is. */
static void test_copy__survives_allocation_failures(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct kernel *k = boot_smap(a, true);
		va_t va = map(k, 0x50000000, 16, LX_PROT_READ | LX_PROT_WRITE);

		for (unsigned n = 1; n < 6; n++) {
			k->fail_nth = n;
			assert_int_equal(copy_to_user(k, 0, va + n * PAGE_SIZE,
						      "abc", 4),
					 0);
			k->fail_nth = 0;
			assert_int_equal(kernel_check(k, complain, NULL), 0);
		}
		end(k);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy__there_and_back),
		cmocka_unit_test(test_copy__ends_short),
		cmocka_unit_test(test_copy__not_user_memory),
		cmocka_unit_test(test_smap__without_stac),
		cmocka_unit_test(test_words_and_strings),
		cmocka_unit_test(test_copy__grows_the_stack),
		cmocka_unit_test(test_copy__survives_allocation_failures),
	};

	return run_rows("uaccess", NULL, 0, tests, ARRAY_SIZE(tests));
}

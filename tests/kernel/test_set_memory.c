/*
 * test_set_memory.c - attributes of kernel mappings: splitting, the second
 * name of a frame, rules, failures.
 */
#include "boot.h"

#include <errno.h>

#include "kernel/pgtable.h"
#include "kernel/set_memory.h"

#define DO(k, what, va, n) set_memory(k, SET_MEMORY_##what, va, n, &result)
static struct set_memory_result result;

static bool allowed(struct kernel *k, va_t va, enum access_kind kind,
		    struct walk *w)
{
	struct access access = { .va = va, .kind = kind };

	mmu_translate(&k->machine->cpu[0].mmu, k->ram, &access, w);
	return w->fault.reason == FAULT_NONE;
}

static bool writable(struct kernel *k, va_t va)
{
	struct walk w;

	return allowed(k, va, ACCESS_WRITE, &w);
}

static unsigned shift_at(struct kernel *k, va_t va)
{
	struct walk w;

	assert_true(allowed(k, va, ACCESS_READ, &w));
	return w.page_shift;
}

/* A frame far from the image, in the middle of a large page. */
static va_t victim(const struct kernel *k)
{
	return kernel_va(k, k->layout.lowmem_end - 64 * MiB + 5 * PAGE_SIZE);
}

static void test_ro__one_page(void **state)
{
	struct kernel *k = *state;
	unsigned large = pt_max_shift(k) < 30 ? pt_max_shift(k) : 21;
	va_t va = victim(k);
	struct walk w;

	assert_int_equal(shift_at(k, va), large);
	assert_int_equal(DO(k, RO, va, 1), 0);
	assert_int_equal(result.split, 1);
	assert_int_equal(result.changed, 1);
	assert_false(result.flush_all);
	assert_false(writable(k, va));
	assert_true(writable(k, va - 1));
	assert_true(writable(k, va + PAGE_SIZE));
	assert_true(allowed(k, va + PAGE_SIZE, ACCESS_READ, &w));
	assert_int_equal(w.pa, kernel_pa(k, va) + PAGE_SIZE);
	assert_int_equal(DO(k, RW, va, 1), 0);
	assert_true(writable(k, va));
	assert_int_equal(shift_at(k, va), PAGE_SHIFT); /* not joined again */
	assert_int_equal(DO(k, RW, va, 1), 0);
	assert_int_equal(result.changed, 0);
}

static void test_np__keeps_the_frame(void **state)
{
	struct kernel *k = *state;
	va_t va = victim(k) + 8 * MiB;
	struct walk w;

	for (unsigned n = 1; n <= 512; n += 511) {
		assert_int_equal(DO(k, NP, ALIGN_DOWN(va, 2 * MiB), n), 0);
		assert_false(
			allowed(k, ALIGN_DOWN(va, 2 * MiB), ACCESS_READ, &w));
		assert_int_equal(DO(k, P, ALIGN_DOWN(va, 2 * MiB), n), 0);
		assert_true(
			allowed(k, ALIGN_DOWN(va, 2 * MiB), ACCESS_READ, &w));
		assert_int_equal(w.pa, kernel_pa(k, ALIGN_DOWN(va, 2 * MiB)));
		va += 4 * MiB;
	}
}

/* A TLB that knows the large page must not know it any longer. */
static void test_split__flushes(void **state)
{
	struct kernel *k = *state;
	va_t va = victim(k) + 16 * MiB;
	struct access access = { .va = va, .kind = ACCESS_WRITE };
	struct fault fault;
	pa_t pa;

	assert_true(mmu_access(&k->machine->cpu[1], &access, &pa, &fault));
	assert_int_equal(DO(k, RO, va, 1), 0);
	assert_false(mmu_access(&k->machine->cpu[1], &access, &pa, &fault));
}

static void test_rules(void **state)
{
	struct kernel *k = *state;
	const struct layout *l = &k->layout;

	assert_int_equal(DO(k, NX, l->kernel_map + l->image.text, 1), 0);
	assert_int_equal(result.changed, 0);
	assert_int_equal(result.kept, pt_nx(k) != 0);
	assert_int_equal(DO(k, RW, l->kernel_map + l->image.rodata, 1), 0);
	assert_int_equal(result.changed, 0);
	assert_non_null(result.rule);
	assert_int_equal(DO(k, RO, l->task_size - PAGE_SIZE, 1), -EINVAL);
	assert_int_equal(DO(k, RO, l->page_offset, 0), -EINVAL);
	assert_int_equal(DO(k, RO, l->fixaddr_top | 0xfff000, 1UL << 53),
			 -EINVAL);
	assert_int_equal(DO(k, RO, l->vmalloc_start + MiB, 1), -EFAULT);
}

static void test_alias(void **state)
{
	struct kernel *k = *state;
	const struct layout *l = &k->layout;
	va_t direct = kernel_va(k, l->image.data);
	va_t image = l->kernel_map + l->image.data;

	assert_true(writable(k, image));
	assert_int_equal(DO(k, RO, direct, 1), 0);
	assert_false(writable(k, direct));
	assert_false(writable(k, image));
	assert_int_equal(DO(k, RW, image, 1), 0);
	assert_true(writable(k, direct));
	assert_true(writable(k, image));
}

static void test_split__without_memory(void **state)
{
	struct kernel *k = *state;
	va_t va = victim(k) + 24 * MiB;

	k->fail_nth = 1;
	assert_int_equal(DO(k, RO, va, 1), -ENOMEM);
	assert_int_equal(result.changed, 0);
	k->fail_nth = 0;
	assert_true(writable(k, va));
	assert_int_equal(DO(k, RO, va, 1), 0);
}

static const struct boot_row gbpages = {
	.name = "gbpages",
	.arch = "x86_64",
	.ram = 4 * GiB,
	.gbpages = true,
};

/* A 1 GiB page becomes 512 of 2 MiB, one of which becomes 512 of 4 KiB. */
static void test_split__1g(void **state)
{
	struct kernel *k = *state;
	va_t va = kernel_va(k, GiB + 5 * PAGE_SIZE);

	assert_int_equal(shift_at(k, va), 30);
	assert_int_equal(DO(k, RO, va, 1), 0);
	assert_int_equal(result.split, 2);
	assert_int_equal(shift_at(k, va), PAGE_SHIFT);
	assert_int_equal(shift_at(k, va + 2 * MiB), 21);
	assert_int_equal(DO(k, WC, kernel_va(k, GiB + 4 * MiB), 512), 0);
	assert_int_equal(result.split, 0);
	assert_int_equal(result.changed, 1);
}

#define ALL(row)                                                       \
	BOOT_TEST(test_ro__one_page, row), BOOT_TEST(test_rules, row), \
		BOOT_TEST(test_np__keeps_the_frame, row),              \
		BOOT_TEST(test_split__flushes, row),                   \
		BOOT_TEST(test_alias, row),                            \
		BOOT_TEST(test_split__without_memory, row)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL(i386),
		ALL(i386_61),
		ALL(i386_pae),
		ALL(x86_64),
		BOOT_TEST(test_split__1g, gbpages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

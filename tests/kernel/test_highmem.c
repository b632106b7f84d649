/* test_highmem.c - kmap, kmap_atomic, and when their TLB entries go. */
#include "boot.h"

#include <errno.h>

#include "kernel/highmem.h"
#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "kernel/process.h"

static va_t must_kmap(struct kernel *k, pfn_t pfn)
{
	va_t va = 0;

	assert_int_equal(kmap(k, pfn, &va), 0);
	return va;
}

static pfn_t high(const struct kernel *k, unsigned i)
{
	return k->max_low_pfn + i;
}

static bool is_mapped(const struct kernel *k, va_t va)
{
	uint64_t entry;
	unsigned level;

	return pt_leaf(k, k->swapper_pg_dir, va, &entry, &level) != 0;
}

static void test_kmap__lowmem_needs_no_slot(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = k->layout.image.text >> PAGE_SHIFT;

	assert_int_equal(must_kmap(k, pfn),
			 k->layout.page_offset + k->layout.image.text);
	assert_int_equal(kunmap(k, pfn), 0);
}

static void test_kmap__same_frame_same_slot(void **state)
{
	struct kernel *k = *state;
	va_t va = must_kmap(k, high(k, 0));
	uint32_t word = 0x12345678, seen;

	/* The search starts behind slot 0, as in Linux. */
	assert_int_equal(va, k->layout.pkmap_base + PAGE_SIZE);
	assert_int_equal(must_kmap(k, high(k, 0)), va);
	assert_int_equal(must_kmap(k, high(k, 1)), va + PAGE_SIZE);
	struct access access = { .va = va, .kind = ACCESS_WRITE };
	struct fault fault;

	assert_int_equal(
		mmu_copy(&k->machine->cpu[0], &access, &word, 4, &fault), 4);
	memcpy(&seen, page_bytes(k, high(k, 0)), 4);
	assert_int_equal(seen, word);
	k->ram_poked = true;
	assert_int_equal(kunmap(k, high(k, 0)), 0);
	assert_int_equal(kunmap(k, high(k, 0)), 0);
	assert_int_equal(kunmap(k, high(k, 0)), -EINVAL);
	assert_int_equal(kunmap(k, high(k, 1)), 0);
}

/* An unused slot stays mapped until the search wraps: one flush for many. */
static void test_kmap__flushes_when_the_search_wraps(void **state)
{
	struct kernel *k = *state;
	va_t first = must_kmap(k, high(k, 0));

	kunmap(k, high(k, 0));
	assert_true(is_mapped(k, first));
	assert_int_equal(k->kmap->slot[1].count, 1);
	for (unsigned i = 1; i < k->layout.last_pkmap - 1; i++) {
		must_kmap(k, high(k, i));
		kunmap(k, high(k, i));
	}
	uint64_t flushes = counters_flushes(&k->machine->cpu[1].counters);

	assert_true(is_mapped(k, first));
	assert_int_equal(must_kmap(k, high(k, 2000)), k->layout.pkmap_base);
	assert_false(is_mapped(k, first));
	assert_true(counters_flushes(&k->machine->cpu[1].counters) > flushes);
	kunmap(k, high(k, 2000));
}

static void test_kmap__all_slots_in_use(void **state)
{
	struct kernel *k = *state;
	va_t va = 42;

	for (unsigned i = 0; i < k->layout.last_pkmap; i++)
		must_kmap(k, high(k, i));
	assert_int_equal(kmap(k, high(k, 5000), &va), -EAGAIN);
	assert_int_equal(va, 42);
	kunmap(k, high(k, 7));
	assert_int_equal(kmap(k, high(k, 5000), &va), 0);
}

static void test_kmap__errors(void **state)
{
	struct kernel *k = *state;
	va_t va;

	assert_int_equal(kmap(k, k->max_pfn, &va), -EINVAL);
	assert_int_equal(kmap(k, ~0ULL, &va), -EINVAL);
	assert_int_equal(kmap(k, 0xa0, &va), -EINVAL);
	assert_int_equal(kunmap(k, high(k, 0)), -EINVAL);
	assert_int_equal(kmap_atomic(k, 99, high(k, 0), &va), -EINVAL);
	assert_int_equal(kunmap_atomic(k, 0, k->layout.kmap_fix), -EINVAL);
	assert_int_equal(kunmap_atomic(k, 99, 0), -EINVAL);
}

/* Slots count down from FIXADDR_TOP; CPU 1's lie below CPU 0's. */
static void test_kmap_atomic__addresses(void **state)
{
	struct kernel *k = *state;
	const struct layout *l = &k->layout;
	va_t top = l->fixaddr_top - l->fix_kmap_begin * PAGE_SIZE, a, b, c;

	assert_int_equal(kmap_atomic(k, 0, high(k, 0), &a), 0);
	assert_int_equal(kmap_atomic(k, 0, high(k, 1), &b), 0);
	assert_int_equal(kmap_atomic(k, 1, high(k, 0), &c), 0);
	assert_int_equal(a, top);
	assert_int_equal(b, top - PAGE_SIZE);
	assert_int_equal(c, top - l->kmap_slots * PAGE_SIZE);
	assert_int_equal(kunmap_atomic(k, 0, a), -EINVAL);
	assert_int_equal(kunmap_atomic(k, 0, b + 5), 0);
	assert_int_equal(kunmap_atomic(k, 0, a), 0);
	assert_int_equal(kunmap_atomic(k, 1, c), 0);
	assert_false(is_mapped(k, a) || is_mapped(k, b) || is_mapped(k, c));
}

static void test_kmap_atomic__slots_run_out(void **state)
{
	struct kernel *k = *state;
	va_t va;

	for (unsigned i = 0; i < k->layout.kmap_slots; i++)
		assert_int_equal(kmap_atomic(k, 1, high(k, i), &va), 0);
	assert_int_equal(kmap_atomic(k, 1, high(k, 0), &va), -EAGAIN);
	assert_int_equal(kmap_atomic(k, 0, high(k, 0), &va), 0);
}

/* kmap_atomic drops the translation of its own CPU at once. */
static void test_kmap_atomic__leaves_no_stale_translation(void **state)
{
	struct kernel *k = *state;

	for (unsigned i = 0; i < 3; i++) {
		struct access access = { .kind = ACCESS_READ };
		struct fault fault;
		pa_t pa;

		assert_int_equal(kmap_atomic(k, 1, high(k, i), &access.va), 0);
		assert_true(
			mmu_access(&k->machine->cpu[1], &access, &pa, &fault));
		assert_int_equal(pa, high(k, i) << PAGE_SHIFT);
		assert_int_equal(kunmap_atomic(k, 1, access.va), 0);
		assert_int_equal(findings(k, NULL), 0);
	}
}

/* --- the stack of a task ----------------------------------------------------- */

static pfn_t take(struct kernel *k)
{
	pfn_t pfn = alloc_pages(k, GFP_HIGHUSER, 0, "test");

	assert_true(pfn != PFN_NONE && pfn >= k->max_low_pfn);
	return pfn;
}

static struct task_struct *fork_one(struct kernel *k)
{
	struct task_struct *child;

	assert_int_equal(kernel_fork(k, find_task(k, 1), &child), 0);
	return child;
}

static pa_t maps_to(const struct kernel *k, va_t va)
{
	uint64_t entry;
	unsigned level;

	if (!pt_leaf(k, k->swapper_pg_dir, va, &entry, &level))
		return 0;
	return pte_pfn(k, entry);
}

static void test_kmap_local__strict_order(void **state)
{
	struct kernel *k = *state;
	pfn_t a = take(k), b = take(k);
	va_t va, vb, low;

	assert_int_equal(kmap_local(k, 0, a, &va), 0);
	assert_int_equal(kmap_atomic(k, 0, b, &vb), 0);
	assert_int_equal(kmap_local(k, 0, 0x100, &low), 0);
	assert_int_equal(low, kernel_va(k, 0x100000));
	assert_int_equal(vb, va - PAGE_SIZE);
	assert_int_equal(kunmap_local(k, 0, va), -EINVAL);
	assert_int_equal(kunmap_local(k, 0, vb), -EINVAL);
	assert_int_equal(kunmap_atomic(k, 0, vb), 0);
	assert_int_equal(kunmap_atomic(k, 0, va), -EINVAL);
	assert_int_equal(kunmap_local(k, 0, va), 0);
	assert_int_equal(kunmap_local(k, 0, va), -EINVAL);
	free_pages(k, a, 0);
	free_pages(k, b, 0);
}

/* The mappings go with the task, and come back at the same addresses. */
static void test_kmap_local__moves_with_the_task(void **state)
{
	struct kernel *k = *state;
	struct task_struct *init = find_task(k, 1), *child = fork_one(k);
	pfn_t a = take(k), b = take(k), c = take(k);
	va_t va, vb, vc;

	kmap_local(k, 0, a, &va);
	kmap_local(k, 0, b, &vb);
	assert_int_equal(context_switch(k, 0, child), 0);
	assert_false(maps_to(k, va) || maps_to(k, vb));
	assert_int_equal(findings(k, NULL), 0);
	assert_true(kmap_in_use(k, b, 1));
	kmap_local(k, 0, c, &vc);
	assert_int_equal(vc, va);
	assert_int_equal(context_switch(k, 1, init), -EXDEV);
	assert_int_equal(context_switch(k, 0, init), 0);
	assert_int_equal(maps_to(k, va), a);
	assert_int_equal(maps_to(k, vb), b);
	assert_int_equal(findings(k, NULL), 0);
	/* A task that ends takes its mappings along. */
	assert_int_equal(context_switch(k, 0, child), 0);
	assert_int_equal(maps_to(k, va), c);
	assert_int_equal(do_exit(k, child, 0), 0);
	assert_false(maps_to(k, va));
	assert_false(kmap_in_use(k, c, 1));
	assert_int_equal(context_switch(k, 0, init), 0);
	assert_int_equal(kunmap_local(k, 0, vb), 0);
	assert_int_equal(kunmap_local(k, 0, va), 0);
	free_pages(k, a, 0);
	free_pages(k, b, 0);
	free_pages(k, c, 0);
}

static void test_kmap_atomic__forbids_the_switch(void **state)
{
	struct kernel *k = *state;
	struct task_struct *child = fork_one(k);
	pfn_t low = alloc_pages(k, GFP_KERNEL, 0, "test");
	va_t va;

	assert_int_equal(kmap_atomic(k, 0, low, &va), 0);
	assert_int_equal(context_switch(k, 0, child), -EDEADLK);
	assert_int_equal(context_switch(k, 1, child), 0);
	assert_int_equal(kunmap_atomic(k, 0, va), 0);
	assert_int_equal(context_switch(k, 1, NULL), 0);
	assert_int_equal(context_switch(k, 0, child), 0);
	free_pages(k, low, 0);
}

/* 6.1 never uses the last of its 16 slots; 2.6 has 13 types. */
static void test_kmap_local__depth(void **state)
{
	struct kernel *k = *state;
	bool is_61 = k->config.layout_61;
	pfn_t pfn = take(k);
	va_t va;

	assert_int_equal(kmap_local_max(k), is_61 ? 15 : 13);
	for (unsigned i = 0; i < kmap_local_max(k); i++)
		assert_int_equal(kmap_local(k, 1, pfn, &va), 0);
	assert_int_equal(kmap_local(k, 1, pfn, &va), -EAGAIN);
	for (unsigned i = kmap_local_max(k); i-- > 0;)
		assert_int_equal(
			kunmap_local(k, 1, kmap_local_address(k, 1, i)), 0);
	free_pages(k, pfn, 0);
}

/* One frame, its names, and the same byte by all of them. */
static void test_kmap__aliases(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = take(k), found;
	uint32_t word = 0xa11a5;
	va_t p, l;

	kmap(k, pfn, &p);
	kmap_local(k, 1, pfn, &l);
	for (unsigned i = 0; i < 2; i++) {
		struct access access = { .va = (i ? l : p),
					 .kind = ACCESS_WRITE };
		struct fault fault;

		word++;
		assert_int_equal(mmu_copy(&k->machine->cpu[1], &access, &word,
					  4, &fault), 4);
		assert_memory_equal(page_bytes(k, pfn), &word, 4);
		assert_true(kmap_lookup(k, (i ? l : p), &found));
		assert_int_equal(found, pfn);
	}
	kunmap_local(k, 1, l);
	assert_false(kmap_lookup(k, l, &found));
	kunmap(k, pfn);
	assert_int_equal(kmap_flush_unused(k), 1);
	assert_int_equal(kmap_flush_unused(k), 0);
	assert_false(kmap_lookup(k, p, &found));
	free_pages(k, pfn, 0);
}

#define NFRAMES 700

/* Any order of all calls on all CPUs; then nothing is left. */
static void test_kmap__random(void **state)
{
	struct kernel *k = *state;
	unsigned uses[NFRAMES] = { 0 };
	pfn_t pfn[NFRAMES], top;
	va_t va;

	for (unsigned i = 0; i < NFRAMES; i++)
		pfn[i] = take(k);
	for (unsigned n = 0; n < 6000; n++) {
		uint64_t r = kernel_random(k);
		unsigned i = (r >> 8) % NFRAMES, cpu = r >> 4 & 1;

		if (r % 4 == 0)
			uses[i] += !kmap(k, pfn[i], &va);
		else if (r % 4 == 1 && uses[i])
			uses[i] -= !kunmap(k, pfn[i]);
		else if (r % 4 == 2)
			kmap_local(k, cpu, pfn[i], &va);
		else if (kmap_local_top(k, cpu, &top, &va))
			assert_int_equal(kunmap_local(k, cpu, va), 0);
		if (n % 100 == 0)
			assert_int_equal(findings(k, NULL), 0);
	}
	for (unsigned cpu = 0; cpu < 2; cpu++)
		while (kmap_local_top(k, cpu, &top, &va))
			kunmap_local(k, cpu, va);
	for (unsigned i = 0; i < NFRAMES; i++) {
		for (; uses[i]; uses[i]--)
			assert_int_equal(kunmap(k, pfn[i]), 0);
		assert_false(kmap_in_use(k, pfn[i], 1));
		free_pages(k, pfn[i], 0);
	}
	kmap_flush_unused(k);
	assert_int_equal(findings(k, NULL), 0);
}

static void test_kmap__none_on_64_bit(void **state)
{
	struct kernel *k = *state;
	pfn_t last = k->max_pfn - 1;
	va_t va;

	assert_int_equal(must_kmap(k, last), kernel_va(k, last << PAGE_SHIFT));
	assert_int_equal(kmap_atomic(k, 0, last, &va), 0);
	assert_int_equal(kunmap_atomic(k, 0, va), 0);
	assert_int_equal(kunmap(k, last), 0);
}

#define ON_ALL(fn) \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_kmap__lowmem_needs_no_slot),
		ON_ALL(test_kmap__same_frame_same_slot),
		ON_ALL(test_kmap__flushes_when_the_search_wraps),
		ON_ALL(test_kmap__errors),
		ON_ALL(test_kmap_atomic__addresses),
		ON_ALL(test_kmap_atomic__leaves_no_stale_translation),
		ON_ALL(test_kmap_local__strict_order),
		ON_ALL(test_kmap_local__moves_with_the_task),
		ON_ALL(test_kmap_atomic__forbids_the_switch),
		BOOT_TEST(test_kmap_atomic__forbids_the_switch, x86_64),
		ON_ALL(test_kmap_local__depth),
		ON_ALL(test_kmap__aliases),
		ON_ALL(test_kmap__random),
		BOOT_TEST(test_kmap__none_on_64_bit, x86_64),
		/* These leave slots in use of frames that are free: unchecked.
		 */
		{ "test_kmap__all_slots_in_use", test_kmap__all_slots_in_use,
		  boot_setup, boot_abandon, (void *)&i386 },
		{ "test_kmap_atomic__slots_run_out",
		  test_kmap_atomic__slots_run_out, boot_setup, boot_abandon,
		  (void *)&i386 },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

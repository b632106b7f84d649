/* test_vmalloc.c - the vmalloc area: gaps, guard pages, real PTEs, ioremap. */
#include "boot.h"

#include <errno.h>

#include "kernel/pgtable.h"
#include "kernel/vmalloc.h"

#define PG(n) ((uint64_t)(n) << PAGE_SHIFT)

static va_t must_vmalloc(struct kernel *k, uint64_t size)
{
	va_t va = 0;

	assert_int_equal(vmalloc(k, size, &va), 0);
	return va;
}

static uint64_t free_pages_total(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += k->zone[i].free;
	return n;
}

/* Writes through CPU 0's MMU as kernel code; the number of bytes written. */
static size_t cpu_write(struct kernel *k, va_t va, const void *buf, size_t len)
{
	struct access access = { .va = va, .kind = ACCESS_WRITE };
	struct fault fault;

	return mmu_copy(&k->machine->cpu[0], &access, (void *)buf, len, &fault);
}

static void test_vmalloc__is_mapped_and_guarded(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(3) - 100);
	const struct vmap_area *area = find_vmap_area(k, va);
	char buf[3 * PAGE_SIZE + 1] = { 0 };

	assert_int_equal(va, k->layout.vmalloc_start);
	assert_int_equal(area->nr_pages, 3);
	assert_int_equal(area->end - area->start, PG(4));
	assert_int_equal(cpu_write(k, va, buf, sizeof(buf)), PG(3));
	assert_ptr_equal(find_vmap_area(k, va + PG(4) - 1), area);
	assert_null(find_vmap_area(k, va + PG(4)));
	assert_int_equal(vfree(k, va), 0);
	assert_int_equal(cpu_write(k, va, buf, 1), 0);
}

static void test_vmalloc__frames_come_from_the_highest_zone(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PAGE_SIZE);
	uint64_t entry;
	unsigned level;

	assert_true(pt_leaf(k, k->swapper_pg_dir, va, &entry, &level) != 0);
	assert_int_equal(level, k->pte_level);
	pfn_t pfn = pte_pfn(k, entry);

	assert_true(pfn_to_page(k, pfn)->flags & PG_vmalloc);
	if (k->zone[ZONE_HIGHMEM].spanned)
		assert_true(pfn >= k->max_low_pfn);
	assert_int_equal(
		entry & ~paging_address_bits(k->mode, level, ~0ULL, true) &
			~PTE_XD,
		_PAGE_KERNEL);
	vfree(k, va);
}

/*
 *   |A.|BBB.|C.|            vfree(B)
 *   |A.|    |C.|  D does not fit, E does
 *   |A.|EE. |C.|D...
 */
static void test_vmalloc__takes_the_lowest_gap_that_fits(void **state)
{
	struct kernel *k = *state;
	va_t a = must_vmalloc(k, PG(1));
	va_t b = must_vmalloc(k, PG(3));
	va_t c = must_vmalloc(k, PG(1));

	assert_int_equal(b, a + PG(2));
	assert_int_equal(c, b + PG(4));
	vfree(k, b);
	va_t d = must_vmalloc(k, PG(4));
	va_t e = must_vmalloc(k, PG(2));

	assert_int_equal(d, c + PG(2));
	assert_int_equal(e, b);
	vfree(k, a);
	vfree(k, c);
	vfree(k, d);
	vfree(k, e);
}

static void test_vmalloc__errors(void **state)
{
	struct kernel *k = *state;
	uint64_t before = free_pages_total(k);
	va_t va = 42;

	assert_int_equal(vmalloc(k, 0, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, ~0ULL, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, ~0ULL - PAGE_SIZE + 2, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, k->config.ram, &va), -ENOMEM);
	assert_int_equal(vfree(k, 0), 0);
	assert_int_equal(vfree(k, 1), -EINVAL);
	assert_int_equal(vfree(k, k->layout.vmalloc_start), -EINVAL);
	assert_int_equal(va, 42);
	assert_int_equal(free_pages_total(k), before);
}

static void test_vfree__wants_the_start(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(2));

	assert_int_equal(vfree(k, va + PAGE_SIZE), -EINVAL);
	assert_int_equal(vfree(k, va + 1), -EINVAL);
	assert_int_equal(vfree(k, va), 0);
	assert_int_equal(vfree(k, va), -EINVAL);
}

/* All or nothing, whichever allocation fails. */
static void test_vmalloc__unwinds_at_every_point(void **state)
{
	struct kernel *k = *state;
	unsigned n;
	va_t va;

	/* Twice: the page tables of the first success stay. */
	for (unsigned round = 0; round < 2; round++) {
		uint64_t before = free_pages_total(k);

		for (n = 1;; n++) {
			k->fail_nth = n;
			int err = vmalloc(k, PG(5), &va);

			k->fail_nth = 0;
			if (!err)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(findings(k, NULL), 0);
			if (round)
				assert_int_equal(free_pages_total(k), before);
		}
		assert_true(n > 5);
		vfree(k, va);
	}
}

static void test_vmalloc__fills_the_whole_area(void **state)
{
	struct kernel *k = *state;
	uint64_t span = k->layout.vmalloc_end - k->layout.vmalloc_start;
	va_t va, io;

	assert_int_equal(vmalloc(k, span, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, span - PAGE_SIZE, &va), 0);
	assert_int_equal(ioremap(k, 0xfee00000, 1, &io), -ENOMEM);
	vfree(k, va);
}

static void test_vfree__no_cpu_keeps_a_translation(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(2));

	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct access access = { .va = va, .kind = ACCESS_READ };
		struct fault fault;
		pa_t pa;

		assert_true(
			mmu_access(&k->machine->cpu[i], &access, &pa, &fault));
	}
	assert_int_equal(findings(k, NULL), 0);
	vfree(k, va);
	assert_int_equal(findings(k, NULL), 0);
}

static void test_ioremap__is_uncached(void **state)
{
	struct kernel *k = *state;
	uint64_t entry;
	unsigned level;
	va_t va;

	assert_int_equal(ioremap(k, 0xfebc0004, 0x2000, &va), 0);
	assert_int_equal(va & (PAGE_SIZE - 1), 4);
	assert_true(pt_leaf(k, k->swapper_pg_dir, va, &entry, &level) != 0);
	assert_int_equal(pte_pfn(k, entry), 0xfebc0);
	assert_int_equal(entry & (PTE_PCD | PTE_PWT), PTE_PCD);
	assert_int_equal(find_vmap_area(k, va)->nr_pages, 3);
	assert_int_equal(vfree(k, va), 0);
}

static enum memtype pte_type(struct kernel *k, va_t va)
{
	struct access access = { .va = va };
	const struct cpu *cpu = &k->machine->cpu[0];
	struct memtype_of t;
	struct walk w;

	mmu_translate(&cpu->mmu, k->ram, &access, &w);
	assert_int_equal(w.fault.reason, FAULT_NONE);
	memtype_of_walk(&cpu->memtype, &cpu->mmu, &w, &t);
	return t.type;
}

/* What each kind of ioremap puts into its PTEs, and what comes of it. */
static void test_ioremap__types(void **state)
{
	static const struct { enum memtype ask; uint64_t bits; enum memtype is; }
	rows[] = {
		{ MT_UC_MINUS, PTE_PCD, MT_UC },
		{ MT_UC, PTE_PCD | PTE_PWT, MT_UC },
		{ MT_WC, PTE_PWT, MT_WC },
		{ MT_WT, PTE_PAT | PTE_PCD | PTE_PWT, MT_UC },
		{ MT_WB, PTE_PCD, MT_UC }, /* the MTRRs say UC */
	};
	struct kernel *k = *state;
	uint64_t entry;
	unsigned level;
	va_t va;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(ioremap_type(k, 0xfebc0000, PAGE_SIZE,
					      rows[i].ask, &va), 0);
		pt_leaf(k, k->swapper_pg_dir, va, &entry, &level);
		assert_int_equal(entry & (PTE_PAT | PTE_PCD | PTE_PWT),
				 rows[i].bits);
		assert_int_equal(pte_pfn(k, entry), 0xfebc0);
		assert_int_equal(pte_type(k, va), rows[i].is);
		assert_int_equal(findings(k, NULL), 0);
		assert_int_equal(vfree(k, va), 0);
	}
	/* WB where the MTRRs have it: a hole that no UC range covers. */
	if (k->mode->entry_size == 8) {
		assert_int_equal(ioremap_type(k, 0xfd0000000, 1, MT_WB, &va),
				 0);
		assert_int_equal(pte_type(k, va), MT_WB);
		vfree(k, va);
	}
	/* The ISA range is mapped WB, and its MTRRs make it UC. */
	assert_int_equal(ioremap(k, 0xb8000, PAGE_SIZE, &va), 0);
	pt_leaf(k, k->swapper_pg_dir, va, &entry, &level);
	assert_int_equal(entry & (PTE_PAT | PTE_PCD | PTE_PWT), 0);
	assert_int_equal(pte_type(k, va), MT_UC);
	vfree(k, va);
}

/* The first mapping decides, unless that would be too weak an order. */
static void test_ioremap__aliases(void **state)
{
	struct kernel *k = *state;
	va_t first, second, third;

	assert_int_equal(ioremap_type(k, 0xfebc0000, 2 * PAGE_SIZE, MT_WC,
				      &first), 0);
	assert_int_equal(ioremap(k, 0xfebc1000, PAGE_SIZE, &second), 0);
	assert_int_equal(find_vmap_area(k, second)->type, MT_WC);
	assert_int_equal(ioremap_type(k, 0xfebc0000, PAGE_SIZE, MT_WT, &third),
			 -EBUSY);
	assert_int_equal(ioremap(k, 0xfebc2000, PAGE_SIZE, &third), 0);
	assert_int_equal(find_vmap_area(k, third)->type, MT_UC_MINUS);
	/* Two types on one range: there is no right one. */
	assert_int_equal(ioremap(k, 0xfebc1000, 2 * PAGE_SIZE, &third), -EBUSY);
}

static void test_ioremap__errors(void **state)
{
	struct kernel *k = *state;
	va_t va;

	assert_int_equal(ioremap(k, 0xfebc0000, 0, &va), -EINVAL);
	assert_int_equal(ioremap(k, 0xfebc0000, ~0ULL, &va), -EINVAL);
	assert_int_equal(ioremap(k, ~0ULL, 2, &va), -EINVAL);
	assert_int_equal(ioremap(k, 1ULL << 50, 1, &va), -EINVAL);
	/* RAM is in the direct map already, with another memory type. */
	assert_int_equal(ioremap(k, 0x200000, 1, &va), -EINVAL);
	assert_int_equal(ioremap(k, 0xf0000, 2 * MiB, &va), -EINVAL);
	/* What an entry of this mode cannot hold. */
	if (k->mode->entry_size == 4)
		assert_int_equal(ioremap(k, 1ULL << 33, 1, &va), -EINVAL);
}

static void test_check__poked_pte(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PAGE_SIZE);
	pa_t pte = pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, false);
	uint64_t saved = pt_get(k, pte);
	char text[200];

	pt_set_raw(k, pte, mk_pte(k, 0x123, PTE_P));
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, "the PTE says pfn 0x123, the area pfn"));
	pt_set_raw(k, pte, saved);
	vfree(k, va);
}

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_vmalloc__is_mapped_and_guarded),
		ON_ALL(test_vmalloc__frames_come_from_the_highest_zone),
		ON_ALL(test_vmalloc__takes_the_lowest_gap_that_fits),
		ON_ALL(test_vmalloc__errors),
		ON_ALL(test_vfree__wants_the_start),
		ON_ALL(test_vmalloc__unwinds_at_every_point),
		BOOT_TEST(test_vmalloc__fills_the_whole_area, i386),
		BOOT_TEST(test_vmalloc__fills_the_whole_area, i386_pae),
		ON_ALL(test_vfree__no_cpu_keeps_a_translation),
		ON_ALL(test_ioremap__is_uncached),
		ON_ALL(test_ioremap__types),
		ON_ALL(test_ioremap__aliases),
		ON_ALL(test_ioremap__errors),
		ON_ALL(test_check__poked_pte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

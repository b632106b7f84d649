/* test_ioremap.c - devices in the vmalloc area: page sizes, memory types. */
#include "vspace.h"

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

/* Aligned to its size, up to what one second-level entry maps. */
static void test_ioremap__aligned_and_large(void **state)
{
	struct kernel *k = *state;
	bool large = k->mode->entry_size == 8;
	uint64_t entry;
	unsigned level;
	va_t a, b;

	assert_int_equal(ioremap(k, 0xfd000000, 3 * PAGE_SIZE, &a), 0);
	assert_int_equal(a & (PG(4) - 1), 0);
	assert_int_equal(ioremap(k, 0xfd000000, 4 * MiB, &b), 0);
	assert_int_equal(b & (2 * MiB - 1), 0);
	pt_leaf(k, k->swapper_pg_dir, b + 2 * MiB, &entry, &level);
	assert_int_equal(level, k->pte_level - large);
	assert_int_equal(paging_target(k->mode, level, entry, true),
			 0xfd200000);
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(iounmap(k, a), 0);
	assert_int_equal(iounmap(k, b + 1 * MiB), -EINVAL);
	assert_int_equal(iounmap(k, b + 5), 0);
	assert_false(pt_leaf(k, k->swapper_pg_dir, b, &entry, &level));
}

/* Where an empty table is, x86-64 replaces it and PAE does without. */
static void test_ioremap__large_in_place_of_a_table(void **state)
{
	struct kernel *k = *state;
	uint64_t entry, before;
	unsigned level;
	va_t a = must_vmalloc(k, 8 * MiB), io;

	assert_int_equal(vfree(k, a), 0);
	vm_unmap_aliases(k);
	before = free_pages_total(k);
	assert_int_equal(ioremap(k, 0xfd000000, 2 * MiB, &io), 0);
	assert_in_range(io, a, a + 8 * MiB);
	pt_leaf(k, k->swapper_pg_dir, io, &entry, &level);
	assert_int_equal(level, k->pte_level - (k->arch->word == 8));
	assert_int_equal(free_pages_total(k),
			 before + (k->arch->word == 8));
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(iounmap(k, io), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_ioremap__aligned_and_large),
		BOOT_TEST(test_ioremap__large_in_place_of_a_table, i386_pae),
		BOOT_TEST(test_ioremap__large_in_place_of_a_table, x86_64),
		ON_ALL(test_ioremap__is_uncached),
		ON_ALL(test_ioremap__types),
		ON_ALL(test_ioremap__aliases),
		ON_ALL(test_ioremap__errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

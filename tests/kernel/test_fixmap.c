/* test_fixmap.c - names, indices and addresses; set_fixmap. */
#include "boot.h"

#include <errno.h>

#include "kernel/fixmap.h"
#include "kernel/highmem.h"
#include "kernel/pgtable.h"

static unsigned index_of(const struct kernel *k, const char *name)
{
	unsigned index = 0;

	assert_true(fixmap_by_name(k, name, &index));
	return index;
}

/* The enumeration agrees with where the layout puts things. */
static void test_fixmap__layout(void **state)
{
	struct kernel *k = *state;
	const struct layout *l = &k->layout;
	unsigned index;

	assert_int_equal(fix_to_virt(k, index_of(k, "FIX_APIC_BASE")),
			 l->lapic);
	assert_int_equal(fix_to_virt(k, index_of(k, "FIX_IO_APIC_BASE_0")),
			 l->ioapic);
	if (l->kmap_slots) {
		assert_int_equal(fix_to_virt(k, index_of(k, "FIX_KMAP_END")),
				 l->kmap_fix);
		assert_int_equal(index_of(k, "FIX_KMAP_BEGIN"),
				 l->fix_kmap_begin);
		assert_int_equal(fix_to_virt(k, fixmap_entries(k) - 1),
				 l->fixaddr_boot_start + PAGE_SIZE);
	}
	assert_true(virt_to_fix(k, l->lapic + 5, &index));
	assert_int_equal(index, index_of(k, "FIX_APIC_BASE"));
	assert_false(virt_to_fix(k, l->fixaddr_top + PAGE_SIZE, &index));
	assert_false(virt_to_fix(k, l->page_offset, &index));
	assert_false(fixmap_by_name(k, "FIX_NOTHING", &index));
}

/* Names are apart, and name and index lead to each other. */
static void test_fixmap__names(void **state)
{
	struct kernel *k = *state;
	struct fix_range r[FIX_MAX_RANGES];
	unsigned n = fixmap_ranges(k, r), end = 0;
	char name[48];

	for (unsigned i = 0; i < n; i++) {
		assert_true(r[i].first >= end);
		end = r[i].first + r[i].count;
		assert_int_equal(index_of(k, r[i].name), r[i].first);
		fixmap_name(k, r[i].first, name, sizeof(name));
		assert_int_equal(index_of(k, name), r[i].first);
		if (r[i].end)
			assert_int_equal(index_of(k, r[i].end), end - 1);
	}
	assert_true(end <= fixmap_entries(k));
}

static void test_set_fixmap(void **state)
{
	struct kernel *k = *state;
	unsigned index = index_of(k, "FIX_EARLYCON_MEM_BASE");
	uint64_t pte;

	assert_int_equal(fixmap_pte(k, index), 0);
	assert_int_equal(set_fixmap(k, index, 0xfebd0123, FIX_NOCACHE), 0);
	pte = fixmap_pte(k, index);
	assert_int_equal(pte_pfn(k, pte), 0xfebd0);
	assert_int_equal(pte & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(set_fixmap(k, index, 0xb8000, FIX_RO), 0);
	assert_false(fixmap_pte(k, index) & PTE_RW);
	assert_int_equal(clear_fixmap(k, index), 0);
	assert_int_equal(fixmap_pte(k, index), 0);
	assert_int_equal(set_fixmap(k, index, 1ULL << 50, FIX_NORMAL),
			 -EINVAL);
	assert_int_equal(set_fixmap(k, 5000, 0, FIX_NORMAL), -EINVAL);
}

/* What is not for everybody. */
static void test_set_fixmap__refused(void **state)
{
	struct kernel *k = *state;
	unsigned kmap = index_of(k, "FIX_KMAP_BEGIN");

	assert_int_equal(set_fixmap(k, 0, 0x1000, FIX_NORMAL), -EBUSY);
	assert_int_equal(set_fixmap(k, kmap + 20, 0x1000, FIX_NORMAL), -EBUSY);
	assert_int_equal(clear_fixmap(k, kmap), -EBUSY);
}

/* Where there is no table yet one is made, or it is ENOMEM and nothing else. */
static void test_set_fixmap__early_ioremap(void **state)
{
	struct kernel *k = *state;
	unsigned index = index_of(k, "FIX_BTMAP_BEGIN");
	int rc;

	k->fail_nth = 1;
	rc = set_fixmap(k, index, 0x1000, FIX_NORMAL);
	k->fail_nth = 0;
	assert_true(rc == 0 || rc == -ENOMEM);
	assert_int_equal(fixmap_pte(k, index) != 0, rc == 0);
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(set_fixmap(k, index, 0x1000, FIX_NORMAL), 0);
	assert_int_equal(clear_fixmap(k, index), 0);
}

static void test_check__poked_entry(void **state)
{
	struct kernel *k = *state;
	unsigned index = index_of(k, "FIX_APIC_BASE");
	va_t va = fix_to_virt(k, index);
	pa_t pte = pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, false);
	uint64_t saved = pt_get(k, pte);
	char text[200];

	pt_set_raw(k, pte, saved ^ PTE_RW);
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, "(FIX_APIC_BASE): entry"));
	pt_set_raw(k, pte, saved);
}

#define ON_32(fn) \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae)
#define ON_ALL(fn) ON_32(fn), BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_fixmap__layout),	ON_ALL(test_fixmap__names),
		ON_ALL(test_set_fixmap),	ON_32(test_set_fixmap__refused),
		BOOT_TEST(test_set_fixmap__early_ioremap, i386_61),
		BOOT_TEST(test_set_fixmap__early_ioremap, x86_64),
		ON_ALL(test_check__poked_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

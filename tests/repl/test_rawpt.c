/*
 * test_rawpt.c - the visit of paging structures as they are: every entry,
 * nothing checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "machine/machine.h"
#include "repl/rawpt.h"

#define ROOT 0x1000
#define ALL  0xffffffffff000ULL

static struct machine *m;
static struct mmu mmu;
static struct rawpt_tables tables;

static void begin(uint64_t cr4, uint64_t efer)
{
	struct ram_region map = { 0, 1 << 20, RAM_USABLE, true };
	struct cpu_features f = { .maxphyaddr = 40,
				  .pse = true,
				  .pae = true,
				  .nx = true,
				  .lm = true,
				  .la57 = true };

	m = machine_create(&map, 1, 1, &f);
	assert_non_null(m);
	mmu = m->cpu[0].mmu;
	mmu.cr0 = CR0_PG | CR0_PE;
	mmu.cr3 = ROOT;
	mmu.cr4 = cr4;
	mmu.efer = efer;
	mmu_refresh(&mmu);
	tables = (struct rawpt_tables){ &mmu, m->ram, ALL, 0 };
}

static void put(pa_t table, unsigned index, uint64_t entry)
{
	unsigned size = mmu.mode->entry_size;

	ram_write(m->ram, table + (pa_t)index * size, size, entry);
}

static unsigned count(va_t from, va_t last, unsigned *leaves)
{
	struct rawpt it;
	unsigned n = 0;

	*leaves = 0;
	for (rawpt_start(&it, &tables, from, last); it.valid;
	     rawpt_next(&it), n++)
		*leaves += it.leaf;
	return n;
}

static void test_rawpt__visits_every_entry(void **state)
{
	unsigned leaves;

	begin(CR4_PSE, 0);
	put(ROOT, 1, 0x2001);
	put(ROOT, 2, 0x00400081);
	put(0x2000, 1023, 0x5001);
	assert_int_equal(count(0, ~0ULL, &leaves), 1024 + 1024);
	assert_int_equal(leaves, 2);
	machine_destroy(m);
}

static void test_rawpt__range_limits_the_visit(void **state)
{
	unsigned leaves;

	begin(CR4_PSE, 0);
	put(ROOT, 1, 0x2001);
	put(0x2000, 5, 0x5001);
	assert_int_equal(count(0x405000, 0x405fff, &leaves), 2);
	assert_int_equal(leaves, 1);
	assert_int_equal(count(0x404000, 0x406fff, &leaves), 4);
	assert_int_equal(count(0x3ff000, 0x400fff, &leaves), 3);
	machine_destroy(m);
}

/* Addresses between the canonical halves do not exist. */
static void test_rawpt__canonical_halves(void **state)
{
	struct rawpt it;
	unsigned leaves;

	begin(CR4_PAE, EFER_LME | EFER_LMA);
	assert_int_equal(count(1ULL << 47, -(1ULL << 47) - 1, &leaves), 0);
	assert_int_equal(count(0, ~0ULL, &leaves), 512);
	rawpt_start(&it, &tables, 1ULL << 60, ~0ULL);
	assert_int_equal(rawpt_va(&it), -(1ULL << 47));
	machine_destroy(m);
}

/* Reserved bits mean nothing, PDPTEs are memory, no RAM reads as empty. */
static void test_rawpt__checks_nothing(void **state)
{
	struct rawpt it;
	unsigned leaves;

	begin(CR4_PAE, 0);
	put(ROOT, 0, 0x21e7);
	put(0x2000, 0, 0x8ff0000000003067);
	put(0x3000, 0, 0x7fffffffff001ULL);
	put(0x2000, 1, 0x40000067); /* behind the end of RAM */
	assert_int_equal(count(0, ~0ULL, &leaves), 4 + 512 + 2 * 512);
	assert_int_equal(leaves, 1);
	rawpt_start(&it, &tables, 0, 0);
	rawpt_next(&it);
	rawpt_next(&it);
	assert_true(it.leaf && it.level == 2);
	assert_int_equal(rawpt_all(&it) & 0xfff, PTE_P);
	assert_int_equal(rawpt_any(&it) & PTE_XD, PTE_XD);
	machine_destroy(m);
}

static void test_rawpt__prune(void **state)
{
	struct rawpt it;
	unsigned n = 0;

	begin(CR4_PSE, 0);
	put(ROOT, 0, 0x2001);
	put(ROOT, 1, 0x2001);
	for (rawpt_start(&it, &tables, 0, ~0ULL); it.valid; rawpt_next(&it)) {
		if (it.level == 0 && it.pos[0] == 0)
			rawpt_prune(&it);
		n++;
	}
	assert_int_equal(n, 1024 + 1024);
	machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rawpt__visits_every_entry),
		cmocka_unit_test(test_rawpt__range_limits_the_visit),
		cmocka_unit_test(test_rawpt__canonical_halves),
		cmocka_unit_test(test_rawpt__checks_nothing),
		cmocka_unit_test(test_rawpt__prune),
	};

	return cmocka_run_group_tests_name("rawpt", tests, NULL, NULL);
}

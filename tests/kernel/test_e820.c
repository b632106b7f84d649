/*
 * test_e820.c - memory maps as rows: what overlaps, what is cut out, what is
 * memory, and kernels booted on maps with holes.
 */
#include "boot.h"

#include "kernel/memblock.h"
#include "kernel/resource.h"

#define ROW(s, e, t)           \
	{                      \
		s, e, t, false \
	}

static const struct update_row {
	const char *name;
	struct ram_region in[6], out[6];
} update_rows[] = {
	{ "sorts",
	  { ROW(0x5000, 0x6000, RAM_RESERVED), ROW(0, 0x1000, RAM_USABLE) },
	  { ROW(0, 0x1000, RAM_USABLE), ROW(0x5000, 0x6000, RAM_RESERVED) } },
	{ "joins neighbours of one type",
	  { ROW(0x1000, 0x2000, RAM_USABLE), ROW(0, 0x1000, RAM_USABLE) },
	  { ROW(0, 0x2000, RAM_USABLE) } },
	{ "the higher type wins",
	  { ROW(0, 0x3000, RAM_USABLE), ROW(0x1000, 0x2000, RAM_NVS) },
	  { ROW(0, 0x1000, RAM_USABLE), ROW(0x1000, 0x2000, RAM_NVS),
	    ROW(0x2000, 0x3000, RAM_USABLE) } },
	{ "the lower type loses, inside",
	  { ROW(0, 0x3000, RAM_RESERVED), ROW(0x1000, 0x2000, RAM_USABLE) },
	  { ROW(0, 0x3000, RAM_RESERVED) } },
	{ "duplicates",
	  { ROW(0, 0x3000, RAM_USABLE), ROW(0, 0x3000, RAM_USABLE) },
	  { ROW(0, 0x3000, RAM_USABLE) } },
	{ "three deep",
	  { ROW(0, 0x6000, RAM_USABLE), ROW(0x1000, 0x5000, RAM_RESERVED),
	    ROW(0x2000, 0x4000, RAM_ACPI) },
	  { ROW(0, 0x1000, RAM_USABLE), ROW(0x1000, 0x2000, RAM_RESERVED),
	    ROW(0x2000, 0x4000, RAM_ACPI), ROW(0x4000, 0x5000, RAM_RESERVED),
	    ROW(0x5000, 0x6000, RAM_USABLE) } },
};

static void test_update(void **state)
{
	const struct update_row *row = *state;
	struct e820_map m = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < 6 && row->in[i].end; i++)
		assert_true(e820_add(&m, row->in[i].start, row->in[i].end,
				     row->in[i].type));
	assert_true(e820_update(&m));
	for (; n < 6 && row->out[n].end; n++) {
		assert_int_equal(m.entry[n].start, row->out[n].start);
		assert_int_equal(m.entry[n].end, row->out[n].end);
		assert_int_equal(m.entry[n].type, row->out[n].type);
	}
	assert_int_equal(m.n, n);
}

static void test_remove(void **state)
{
	struct e820_map m = { 0 };

	assert_true(e820_add(&m, 0, 0x10000, RAM_USABLE));
	assert_true(e820_add(&m, 0x10000, 0x20000, RAM_RESERVED));
	assert_true(e820_remove(&m, 0x4000, 0x5000, RAM_USABLE));
	assert_true(e820_remove(&m, 0x8000, UINT64_MAX, RAM_USABLE));
	assert_int_equal(m.n, 3);
	assert_int_equal(m.entry[0].end, 0x4000);
	assert_int_equal(m.entry[1].start, 0x5000);
	assert_int_equal(m.entry[1].end, 0x8000);
	assert_int_equal(m.entry[2].type, RAM_RESERVED);
	assert_int_equal(e820_usable(&m), 0x7000);
}

static void test_add__full(void **state)
{
	struct e820_map m = { 0 };

	for (unsigned i = 0; i < RAM_MAX_REGIONS; i++)
		assert_true(e820_add(&m, i * 0x2000, i * 0x2000 + 0x1000,
				     RAM_USABLE));
	assert_false(e820_add(&m, 0, 1, RAM_USABLE));
	assert_false(e820_remove(&m, 0x100, 0x200, 0));
	assert_true(e820_update(&m));
	assert_int_equal(m.n, RAM_MAX_REGIONS);
}

/* Flash, chipset windows and far reservations are no memory. */
static void test_back(void **state)
{
	struct e820_map m = { 0 }, pc = { 0 };

	pc.n = e820_build(5 * GiB, pc.entry, RAM_MAX_REGIONS);
	m = pc;
	for (unsigned i = 0; i < m.n; i++)
		m.entry[i].backed = !m.entry[i].backed;
	e820_back(&m);
	for (unsigned i = 0; i < m.n; i++)
		assert_int_equal(m.entry[i].backed, pc.entry[i].backed);
}

static void test_words(void **state)
{
	static const enum ram_type types[] = {
		RAM_USABLE,   RAM_RESERVED, RAM_ACPI, RAM_NVS,
		RAM_UNUSABLE, RAM_PMEM,	    RAM_PRAM, RAM_SOFT_RESERVED,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
		assert_int_equal(e820_type_of(e820_type_word(types[i])),
				 types[i]);
	assert_null(e820_type_word(RAM_MMIO));
	assert_int_equal(e820_type_of("usabel"), 0);
}

/* --- booting -------------------------------------------------------------- */

static struct kernel *boot_map(const char *arch, struct e820_map *m)
{
	struct kernel_config cfg;
	const char *why = "";
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.layout_61 = true;
	assert_true(e820_update(m));
	e820_back(m);
	cfg.map = m;
	cfg.ram = e820_usable(m);
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s", why);
	return k;
}

static uint64_t present(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += k->zone[i].present;
	return n;
}

static void add(struct e820_map *m, pa_t start, pa_t end, enum ram_type type)
{
	assert_true(e820_add(m, start, end, type));
}

/* Holes in lowmem, in HighMem, and a zone that is all hole. */
static void test_boot__holes(void **state)
{
	const char *arch = *state;
	struct e820_map m = { 0 };
	struct kernel *k;

	add(&m, 0x1000, 0x9f000, RAM_USABLE);
	add(&m, MiB, 256 * MiB, RAM_USABLE);
	add(&m, 300 * MiB, 400 * MiB + 0x800, RAM_USABLE);
	add(&m, GiB, 3 * GiB, RAM_USABLE);
	add(&m, 5 * GiB, 6 * GiB, RAM_USABLE);
	k = boot_map(arch, &m);
	assert_true(pfn_valid(k, 0xffff));
	assert_false(pfn_valid(k, 0x10000));
	assert_false(pfn_valid(k, 0x12bff));
	assert_true(pfn_valid(k, 0x12c00));
	assert_false(pfn_valid(k, 0x19000)); /* half a page is none */
	if (k->arch->max_ram > 4 * GiB)
		assert_int_equal(present(k),
				 0x9e + 0xff00 + 0x6400 + 0x80000 + 0x40000);
	else
		assert_int_equal(k->ram_unseen, GiB);
	end_row(k);
}

/* As many rows as firmware can report, each its own piece of memory. */
static void test_boot__128_ranges(void **state)
{
	struct e820_map m = { 0 };
	struct kernel *k;
	uint64_t pages = 0x80 - 1 + 0x1ff00;

	add(&m, 0, 0x80000, RAM_USABLE);
	add(&m, MiB, 512 * MiB, RAM_USABLE);
	for (unsigned i = 0; i < E820_MAX - 2; i++, pages += 0x200)
		add(&m, GiB + i * 8 * MiB, GiB + i * 8 * MiB + 2 * MiB,
		    RAM_USABLE);
	k = boot_map(*state, &m);
	assert_int_equal(present(k), pages);
	end_row(k);
}

/* The first MiB above 640 KiB is never RAM; page 0 is the BIOS'. */
static void test_boot__bios_range(void **state)
{
	struct e820_map m = { 0 };
	struct resource row[MAX_RESOURCES];
	struct kernel *k;

	add(&m, 0, 512 * MiB, RAM_USABLE);
	k = boot_map("x86_64", &m);
	assert_int_equal(present(k), 0x20000 - 0x100 + 0x9f);
	assert_false(pfn_valid(k, 0xa0));
	assert_true(iomem_resources(k, row) > 3);
	assert_string_equal(row[0].name, "Reserved");
	assert_int_equal(row[1].end, 0xa0000);
	assert_string_equal(row[2].name, "PCI Bus 0000:00");
	assert_int_equal(row[3].start, MiB);
	end_row(k);
}

static const struct refused_row {
	const char *why;
	pa_t start, end;
} refused_rows[] = {
	{ "less than 8M", 0, MiB },
	{ "more than 1T", 0, 2048 * GiB },
	{ "above 16T", 20 * 1024 * GiB, 20 * 1024 * GiB + 64 * MiB },
	{ "kernel image", 2 * GiB, 3 * GiB },
};

static void test_boot__refuses(void **state)
{
	const struct refused_row *row = *state;
	struct e820_map m = { 0 };
	struct kernel_config cfg;
	const char *why = NULL;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	add(&m, row->start, row->end, RAM_USABLE);
	e820_back(&m);
	cfg.map = &m;
	assert_null(kernel_boot(&cfg, &why));
	assert_non_null(strstr(why, row->why));
}

static void test_pci_gap(void **state)
{
	struct kernel *k = boot_row(&x86_64);
	pa_t start, end;

	assert_true(e820_pci_gap(k->ram, &start, &end));
	assert_int_equal(start, 0xc0000000);
	assert_int_equal(end, 0xfffc0000);
	end_row(k);
}

int main(void)
{
	struct CMUnitTest tests[40] = {
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_add__full),
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_boot__bios_range),
		cmocka_unit_test(test_pci_gap),
	};
	unsigned n = 6;

	for (const struct arch *a = archs; a->name; a++) {
		tests[n++] = (struct CMUnitTest){ a->name, test_boot__holes,
						  NULL, NULL, (void *)a->name };
		tests[n++] =
			(struct CMUnitTest){ a->name, test_boot__128_ranges,
					     NULL, NULL, (void *)a->name };
	}
	for (unsigned i = 0; i < ARRAY_SIZE(update_rows); i++)
		tests[n++] = (struct CMUnitTest){ update_rows[i].name,
						  test_update, NULL, NULL,
						  (void *)&update_rows[i] };
	for (unsigned i = 0; i < ARRAY_SIZE(refused_rows); i++)
		tests[n++] =
			(struct CMUnitTest){ refused_rows[i].why,
					     test_boot__refuses, NULL, NULL,
					     (void *)&refused_rows[i] };
	return _cmocka_run_group_tests("e820", tests, n, NULL, NULL);
}

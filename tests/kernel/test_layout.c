/*
 * test_layout.c - boundaries of kernel space: against Debian's 6.1 kernels
 * (tests/golden/linux-layout.tsv) and the numbers that 2.6 kernels printed.
 */
#include "boot.h"

#define GOLDEN "tests/golden/linux-layout.tsv"
#define NONE   SIZE_MAX

static const struct golden_row {
	const char *kernel, *mem, *opts;
	struct boot_row boot;
} golden_rows[] = {
#define I386(k, a, m, bytes, o, ...)                               \
	{                                                          \
		k, m, o,                                           \
			BOOT(k " " m, a, bytes, .layout_61 = true, \
			     __VA_ARGS__)                          \
	}
	I386("686", "i386", "64M", 64 * MiB, "nokaslr"),
	I386("686", "i386", "512M", 512 * MiB, "nokaslr"),
	I386("686", "i386", "2G", 2 * GiB, "nokaslr"),
	I386("686", "i386", "2G", 2 * GiB, "nokaslr-nopse", .nopse = true),
	I386("686-pae", "i386-pae", "512M", 512 * MiB, "nokaslr"),
	I386("686-pae", "i386-pae", "2G", 2 * GiB, "nokaslr"),
	I386("amd64", "x86_64", "512M", 512 * MiB, "nokaslr"),
	I386("amd64", "x86_64", "2G", 2 * GiB, "nokaslr"),
	I386("amd64", "x86_64", "4G", 4 * GiB, "nokaslr"),
};

#define L(field) offsetof(struct layout, field)

/* Golden items by the beginning of their names, and our fields. */
static const struct {
	const char *item;
	size_t start, end;
} items[] = {
	{ "phys Kernel code", L(image.text), L(image.etext) },
	{ "phys Kernel rodata", L(image.rodata), L(image.erodata) },
	{ "phys Kernel data", L(image.data), L(image.edata) },
	{ "phys Kernel bss", L(image.bss), L(image.ebss) },
	{ "phys _text", L(image.text), NONE },
	{ "high_memory", L(high_memory), NONE },
	{ "user space", NONE, L(task_size) },
	{ "PAGE_OFFSET", L(page_offset), NONE },
	{ "page_offset_base", L(page_offset), NONE },
	{ "direct map\t", L(page_offset), L(high_memory) },
	{ "lowmem phys", NONE, L(lowmem_end) },
	{ "guard hole below", L(high_memory), L(vmalloc_start) },
	{ "VMALLOC", L(vmalloc_start), L(vmalloc_end) },
	{ "PKMAP", L(pkmap_base), NONE },
	{ "LDT remap area", NONE, L(cpu_entry_area) },
	{ "CPU_ENTRY_AREA base", L(cpu_entry_area), NONE },
	{ "CPU_ENTRY_AREA per CPU", NONE, L(cpu_entry_area_end) },
	{ "FIXADDR_TOP", L(fixaddr_top), NONE },
	{ "FIXADDR_START", L(fixaddr_start), L(fixaddr_top) },
	{ "fixmap total", L(fixaddr_boot_start), L(fixaddr_top) },
	{ "fixmap kmap_local", L(kmap_fix), NONE },
	{ "fixmap LAPIC", L(lapic), L(ioapic) },
	{ "vmemmap\t", L(vmemmap), L(vmemmap_end) },
	{ "module area", L(modules_start), NONE },
};

static uint64_t field(const struct layout *l, size_t offset)
{
	return *(const uint64_t *)((const char *)l + offset);
}

/* End of usable RAM as test_boot.c finds it from the e820 map. */
static pfn_t end_of_ram(const struct kernel_config *cfg)
{
	struct ram_region map[RAM_MAX_REGIONS];
	unsigned n = e820_build(cfg->ram, map, RAM_MAX_REGIONS);
	pa_t end = 0;

	for (unsigned i = 0; i < n; i++)
		if (map[i].type == RAM_USABLE)
			end = map[i].end;
	if (end > cfg->arch->max_ram)
		end = cfg->arch->max_ram;
	return end >> PAGE_SHIFT;
}

static struct layout compute(const struct boot_row *row)
{
	struct kernel_config cfg = row_config(row);
	struct layout l;

	assert_null(layout_compute(&cfg, end_of_ram(&cfg), &l));
	return l;
}

/* Compares one golden line; returns the number of values compared. */
static unsigned compare_item(const struct layout *l, const char *item,
			     const char *start, const char *end)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(items); i++) {
		if (strncmp(item, items[i].item, strlen(items[i].item)))
			continue;
		if (items[i].start != NONE) {
			assert_int_equal(field(l, items[i].start),
					 strtoull(start, NULL, 16));
			n++;
		}
		if (items[i].end != NONE) {
			assert_int_equal(field(l, items[i].end),
					 strtoull(end, NULL, 16));
			n++;
		}
	}
	return n;
}

static void test_layout__golden(void **state)
{
	const struct golden_row *row = *state;
	struct layout l = compute(&row->boot);
	char line[512], kernel[32], mem[32], opts[32], item[128], start[64],
		end[64];
	unsigned compared = 0;
	FILE *f = fopen(GOLDEN, "r");

	if (!f)
		skip();
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line,
			   "%31[^\t]\t%31[^\t]\t%31[^\t]\t%120[^\t]\t"
			   "%63[^\t]\t%63[^\t]",
			   kernel, mem, opts, item, start, end) != 6)
			continue;
		if (strcmp(kernel, row->kernel) || strcmp(mem, row->mem) ||
		    strcmp(opts, row->opts))
			continue;
		strcat(item, "\t");
		compared += compare_item(&l, item, start, end);
	}
	fclose(f);
	assert_true(compared >= 16);
}

/* --- classic: what 2.6.24-era kernels printed at boot ------------------- */

static const struct classic_row {
	const char *name;
	struct boot_row boot;
	va_t fixaddr_start, pkmap, pkmap_end, vmalloc_start, vmalloc_end,
		high_memory;
} classic_rows[] = {
	{ "1 GiB", BOOT("", "i386", GiB), 0xfff4f000, 0xff800000, 0xffc00000,
	  0xf8800000, 0xff7fe000, 0xf8000000 },
	{ "2 GiB", BOOT("", "i386", 2 * GiB), 0xfff4f000, 0xff800000,
	  0xffc00000, 0xf8800000, 0xff7fe000, 0xf8000000 },
	{ "PAE 1 GiB", BOOT("", "i386-pae", GiB), 0xfff4c000, 0xffc00000,
	  0xffe00000, 0xf8800000, 0xffbfe000, 0xf8000000 },
	{ "PAE 16 GiB", BOOT("", "i386-pae", 16 * GiB), 0xfff4c000, 0xffc00000,
	  0xffe00000, 0xf8800000, 0xffbfe000, 0xf8000000 },
	{ "512 MiB: ACPI tables end lowmem", BOOT("", "i386", 512 * MiB),
	  0xfff4f000, 0xff800000, 0xffc00000, 0xe0800000, 0xff7fe000,
	  0xdffe0000 },
	{ "2G split", BOOT("", "i386", 4 * GiB, .page_offset = 0x80000000),
	  0xfff4f000, 0xff800000, 0xffc00000, 0xf8800000, 0xff7fe000,
	  0xf8000000 },
};

static void test_layout__classic(void **state)
{
	const struct classic_row *row = *state;
	struct layout l = compute(&row->boot);

	assert_int_equal(l.fixaddr_start, row->fixaddr_start);
	assert_int_equal(l.fixaddr_top, 0xfffff000);
	assert_int_equal(l.pkmap_base, row->pkmap);
	assert_int_equal(l.pkmap_base + l.last_pkmap * PAGE_SIZE,
			 row->pkmap_end);
	assert_int_equal(l.vmalloc_start, row->vmalloc_start);
	assert_int_equal(l.vmalloc_end, row->vmalloc_end);
	assert_int_equal(l.high_memory, row->high_memory);
}

/* --- every layout ------------------------------------------------------- */

static const struct boot_row layouts[] = {
	BOOT("classic 16M", "i386", 16 * MiB),
	BOOT("classic 4G 3G_OPT", "i386", 4 * GiB, .page_offset = 0xb0000000),
	BOOT("classic 4G 2G_OPT", "i386", 4 * GiB, .page_offset = 0x78000000),
	BOOT("classic 4G 1G", "i386", 4 * GiB, .page_offset = 0x40000000),
	BOOT("6.1 1G", "i386", 4 * GiB, .layout_61 = true,
	     .page_offset = 0x40000000),
	BOOT("6.1 2G_OPT", "i386", GiB, .layout_61 = true,
	     .page_offset = 0x78000000),
	BOOT("pae classic 64G", "i386-pae", 64 * GiB),
	BOOT("pae 6.1 64G 2G", "i386-pae", 64 * GiB, .layout_61 = true,
	     .page_offset = 0x80000000),
	BOOT("x86_64 128M", "x86_64", 128 * MiB),
	BOOT("x86_64 1T", "x86_64", 1024 * GiB),
};

/* Areas tile the address space from 0 to the top, each with a note. */
static void test_areas__leave_no_hole_out(void **state)
{
	const struct boot_row *row = *state;
	struct layout l = compute(row);
	const struct arch *arch = arch_by_name(row->arch);
	va_t top = arch->word == 4 ? 1ULL << 32 : 0, at = 0;

	for (unsigned i = 0; i < l.nareas; i++) {
		assert_int_equal(l.area[i].start, at);
		assert_true(l.area[i].end > at ||
			    (l.area[i].end == 0 && i + 1 == l.nareas));
		assert_true(strlen(l.area[i].note) > 5);
		at = l.area[i].end;
	}
	assert_int_equal(at, top);
}

static void test_symbols__are_found(void **state)
{
	struct layout l = compute(*state);
	const char *name;
	va_t va = 42;

	for (unsigned i = 0; (name = layout_symbol_name(i)); i++)
		if (!layout_symbol(&l, name, &va))
			assert_int_equal(va, 42);
		else
			va = 42;
	assert_true(layout_symbol(&l, "PAGE_OFFSET", &va));
	assert_int_equal(va, l.page_offset);
	assert_true(layout_symbol(&l, "_text", &va));
	assert_int_equal(va, l.kernel_map + l.image.text);
	assert_false(layout_symbol(&l, "no_such_symbol", &va));
	assert_false(layout_symbol(&l, "", &va));
}

/* --- what cannot be ----------------------------------------------------- */

static const struct bad_row {
	const char *why;
	struct boot_row boot;
	uint64_t vmalloc_reserve;
	unsigned cpus;
} bad_rows[] = {
	{ "1 GiB", BOOT("", "i386-pae", GiB, .page_offset = 0xb0000000), 0, 2 },
	{ "1 GiB", BOOT("", "i386-pae", GiB, .page_offset = 0x78000000), 0, 2 },
	{ "vmsplit", BOOT("", "i386", GiB, .page_offset = 0x90000000), 0, 2 },
	{ "vmsplit", BOOT("", "i386", GiB, .page_offset = 0xb0000001), 0, 2 },
	{ "32-bit", BOOT("", "x86_64", GiB, .page_offset = 0xc0000000), 0, 2 },
	{ "lowmem", BOOT("", "i386", GiB), 1020 * MiB, 2 },
	{ "lowmem", BOOT("", "i386", GiB), ~0ULL, 2 },
	{ "room for the vmalloc", BOOT("", "i386", 2 * GiB), 16 * MiB, 2 },
	{ "room for the vmalloc", BOOT("", "i386", 2 * GiB, .layout_61 = true),
	  PAGE_SIZE, 2 },
	{ "NR_CPUS", BOOT("", "i386", GiB, .layout_61 = true), 0, 33 },
	{ "does not fit", BOOT("", "i386", 16 * MiB, .layout_61 = true), 0, 2 },
	{ "does not fit", BOOT("", "x86_64", 64 * MiB), 0, 2 },
};

static void test_layout__impossible(void **state)
{
	const struct bad_row *row = *state;
	struct kernel_config cfg = row_config(&row->boot);
	struct layout l = { .page_offset = 42 };

	if (row->vmalloc_reserve)
		cfg.vmalloc_reserve = row->vmalloc_reserve;
	cfg.cpus = row->cpus;
	const char *why = layout_compute(&cfg, end_of_ram(&cfg), &l);

	assert_non_null(why);
	assert_non_null(strstr(why, row->why));
	assert_int_equal(l.page_offset, 42);
}

static void test_arch__by_name(void **state)
{
	assert_ptr_equal(arch_by_name("I386-PAE"), &archs[1]);
	assert_null(arch_by_name("mips"));
	assert_null(arch_by_name(""));
}

/* One reported test for each row. */
static struct CMUnitTest tests[100];
static unsigned ntests;

static void add(const char *name, CMUnitTestFunction fn, const void *row)
{
	assert_true(ntests < ARRAY_SIZE(tests));
	tests[ntests++] =
		(struct CMUnitTest){ name, fn, NULL, NULL, (void *)row };
}

int main(void)
{
	add("test_arch__by_name", test_arch__by_name, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(golden_rows); i++)
		add(golden_rows[i].boot.name, test_layout__golden,
		    &golden_rows[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(classic_rows); i++)
		add(classic_rows[i].name, test_layout__classic,
		    &classic_rows[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
		add(layouts[i].name, test_areas__leave_no_hole_out,
		    &layouts[i]);
		add(layouts[i].name, test_symbols__are_found, &layouts[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++)
		add(bad_rows[i].why, test_layout__impossible, &bad_rows[i]);
	return _cmocka_run_group_tests("layout", tests, ntests, NULL, NULL);
}

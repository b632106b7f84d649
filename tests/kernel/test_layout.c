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
	I386("amd64", "x86_64", "2G", 2 * GiB, "nokaslr-la57", .la57 = true),
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

static struct layout compute(const struct boot_row *row)
{
	struct kernel_config cfg = row_config(row);
	struct layout l;

	assert_null(layout_compute(&cfg, layout_end_of_ram(&cfg), &l));
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

/* --- lowmem=, highmem=, vmalloc=, worked out by hand from the source ------ */

#define SIX(a, bytes, ...) BOOT("6.1", a, bytes, .layout_61 = true, __VA_ARGS__)
#define OLD(a, bytes, ...) BOOT("classic", a, bytes, __VA_ARGS__)

static const struct key_row {
	struct boot_row boot;
	va_t high_memory, vmalloc_start, vmalloc_end;
	pfn_t max_pfn;
	const char *message;
} key_rows[] = {
	/* parse_vmalloc() adds the hole: the area has 256 MiB, then */
	{ SIX("i386", 2 * GiB, .vmalloc = 256 * MiB), 0xee3fe000, 0xeebfe000,
	  0xfebfe000, 0x7ffe0, "" },
	{ SIX("i386-pae", 2 * GiB, .vmalloc = 256 * MiB), 0xee7fe000,
	  0xeeffe000, 0xfeffe000, 0x7ffe0, "" },
	{ SIX("i386", 2 * GiB, .vmalloc = 128 * MiB), 0xf63fe000, 0xf6bfe000,
	  0xfebfe000, 0x7ffe0, "" },
	/* 2.6.24 did not */
	{ OLD("i386", 2 * GiB, .vmalloc = 256 * MiB), 0xf0000000, 0xf0800000,
	  0xff7fe000, 0x7ffe0, "" },
	{ OLD("i386", 2 * GiB, .vmalloc = 100 * MiB), 0xf9c00000, 0xfa800000,
	  0xff7fe000, 0x7ffe0, "" },
	/* RAM beyond the limit, and less than it */
	{ SIX("i386", 2 * GiB), 0xf6bfe000, 0xf73fe000, 0xfebfe000, 0x7ffe0,
	  "" },
	{ SIX("i386", 256 * MiB), 0xcffe0000, 0xd07e0000, 0xfebfe000, 0xffe0,
	  "" },
	{ SIX("i386", 4 * GiB), 0xf6bfe000, 0xf73fe000, 0xfebfe000,
	  0xc0000 - 0x20, "" },
	{ SIX("i386-pae", 4 * GiB), 0xf6ffe000, 0xf77fe000, 0xfeffe000,
	  0x140000, "" },
	/* memory splits */
	{ SIX("i386", 3 * GiB, .page_offset = 0xb0000000), 0xf6bfe000,
	  0xf73fe000, 0xfebfe000, 0xbffe0, "" },
	{ SIX("i386", GiB, .page_offset = 0xb0000000), 0xeffe0000, 0xf07e0000,
	  0xfebfe000, 0x3ffe0, "" },
	{ SIX("i386", 3 * GiB, .page_offset = 0x80000000), 0xf6bfe000,
	  0xf73fe000, 0xfebfe000, 0xbffe0, "" },
	{ SIX("i386", 2 * GiB, .page_offset = 0x78000000), 0xf6bfe000,
	  0xf73fe000, 0xfebfe000, 0x7ffe0, "" },
	{ SIX("i386-pae", 64 * GiB, .page_offset = 0x40000000), 0xf6ffe000,
	  0xf77fe000, 0xfeffe000, 0x1000000, "" },
	{ OLD("i386", 3 * GiB, .page_offset = 0x78000000), 0xf8000000,
	  0xf8800000, 0xff7fe000, 0xbffe0, "" },
	/* lowmem= */
	{ OLD("i386", 2 * GiB, .lowmem = 512 * MiB), 0xe0000000, 0xe0800000,
	  0xff7fe000, 0x7ffe0, "" },
	{ SIX("i386-pae", 4 * GiB, .lowmem = 760 * MiB), 0xef800000, 0xf0000000,
	  0xfeffe000, 0x140000, "" },
	{ OLD("i386", 256 * MiB, .lowmem = 512 * MiB), 0xcffe0000, 0xd0800000,
	  0xff7fe000, 0xffe0, "" },
	/* more than the default: it costs vmalloc */
	{ OLD("i386", 2 * GiB, .lowmem = 960 * MiB), 0xfc000000, 0xfc800000,
	  0xff7fe000, 0x7ffe0, "" },
	{ SIX("i386-pae", 4 * GiB, .lowmem = 960 * MiB), 0xfc000000, 0xfc800000,
	  0xfeffe000, 0x140000, "" },
	/* highmem= cuts highmem; */
	{ SIX("i386", 2 * GiB, .has_highmem = true, .highmem = 512 * MiB),
	  0xf6bfe000, 0xf73fe000, 0xfebfe000, 0x56bfe, "" },
	{ SIX("i386", 2 * GiB, .has_highmem = true), 0xf6bfe000, 0xf73fe000,
	  0xfebfe000, 0x36bfe, "" },
	{ OLD("i386-pae", 8 * GiB, .has_highmem = true, .highmem = GiB),
	  0xf8000000, 0xf8800000, 0xffbfe000, 0x78000, "" },
	{ SIX("i386", 2 * GiB, .has_highmem = true, .highmem = 2 * GiB),
	  0xf6bfe000, 0xf73fe000, 0xfebfe000, 0x7ffe0,
	  "only 1171MB highmem pages available, ignoring highmem size of "
	  "2048MB!" },
	/* or makes some; */
	{ SIX("i386", 512 * MiB, .has_highmem = true, .highmem = 256 * MiB),
	  0xcffe0000, 0xd07e0000, 0xfebfe000, 0x1ffe0, "" },
	{ OLD("i386", 512 * MiB, .has_highmem = true, .highmem = 256 * MiB),
	  0xcffe0000, 0xd0800000, 0xff7fe000, 0x1ffe0, "" },
	{ SIX("i386", 512 * MiB, .has_highmem = true), 0xdffe0000, 0xe07e0000,
	  0xfebfe000, 0x1ffe0, "" },
	/* but leaves 64 MiB of lowmem */
	{ SIX("i386", 512 * MiB, .has_highmem = true, .highmem = 448 * MiB),
	  0xdffe0000, 0xe07e0000, 0xfebfe000, 0x1ffe0,
	  "highmem size (448MB) results in <64MB lowmem, ignoring it!" },
	{ SIX("i386", 512 * MiB, .has_highmem = true, .highmem = 447 * MiB),
	  0xc40e0000, 0xc48e0000, 0xfebfe000, 0x1ffe0, "" },
	{ SIX("i386", 512 * MiB, .has_highmem = true, .highmem = 512 * MiB),
	  0xdffe0000, 0xe07e0000, 0xfebfe000, 0x1ffe0,
	  "highmem size (512MB) is bigger than pages available (511MB)!" },
};

static void test_layout__keys(void **state)
{
	const struct key_row *row = *state;
	struct layout l = compute(&row->boot);

	assert_int_equal(l.high_memory, row->high_memory);
	assert_int_equal(l.vmalloc_start, row->vmalloc_start);
	assert_int_equal(l.vmalloc_end, row->vmalloc_end);
	assert_int_equal(l.max_pfn, row->max_pfn);
	assert_int_equal(l.lowmem_end, row->high_memory - l.page_offset);
	assert_string_equal(l.message, row->message);
}

/* The zones of a kernel that boots with them have these limits, and no more. */
static void test_keys__boot(void **state)
{
	const struct key_row *row = *state;
	struct kernel *k = boot_row(&row->boot);
	pfn_t low = (row->high_memory - k->layout.page_offset) >> PAGE_SHIFT;

	assert_int_equal(k->max_pfn, row->max_pfn);
	assert_int_equal(k->max_low_pfn, low);
	if (row->max_pfn > low) {
		assert_int_equal(k->zone[ZONE_HIGHMEM].start_pfn, low);
		assert_int_equal(k->zone[ZONE_HIGHMEM].end_pfn, row->max_pfn);
	} else {
		assert_int_equal(k->zone[ZONE_HIGHMEM].present, 0);
	}
	assert_false(pfn_valid(k, row->max_pfn));
	end_row(k);
}

/* --- many RAM sizes, splits and keys ---------------------------------------
 */

/* What must hold in every i386 layout. */
static void sound_32(const struct kernel_config *cfg, const struct layout *l)
{
	va_t reserve = cfg->vmalloc_reserve ? cfg->vmalloc_reserve : 128 * MiB;
	va_t pkmap_end = l->pkmap_base + l->last_pkmap * PAGE_SIZE;
	va_t hole = l->vmalloc_start - l->high_memory, at = 0;
	pfn_t max_pfn = layout_end_of_ram(cfg);

	for (unsigned i = 0; i < l->nareas; i++) {
		assert_int_equal(l->area[i].start, at);
		at = l->area[i].end;
		assert_true(at > l->area[i].start);
	}
	assert_int_equal(at, 4 * GiB);
	assert_int_equal(l->high_memory - l->page_offset, l->lowmem_end);
	assert_true(l->lowmem_end <= max_pfn << PAGE_SHIFT);
	assert_true(l->max_pfn <= max_pfn);
	assert_true(l->lowmem_end <= l->max_pfn << PAGE_SHIFT);
	assert_true(cfg->layout_61 ? hole == 8 * MiB
				   : hole >= 8 * MiB && hole < 16 * MiB);
	assert_true(l->vmalloc_start < l->vmalloc_end);
	if (cfg->layout_61 && !cfg->lowmem)
		assert_true(l->vmalloc_end - l->vmalloc_start >=
			    reserve - (cfg->vmalloc_reserve ? 0 : 8 * MiB));
	assert_int_equal(l->vmalloc_end + 2 * PAGE_SIZE, l->pkmap_base);
	assert_true(pkmap_end <= l->fixaddr_boot_start);
	assert_true(!l->cpu_entry_area ||
		    (pkmap_end == l->ldt_base &&
		     l->cpu_entry_area_end <= l->fixaddr_boot_start));
	if (cfg->lowmem)
		assert_true(l->lowmem_end <= cfg->lowmem);
}

static const uint64_t rams[] = {
	64 * MiB,   100 * MiB,	511 * MiB,  700 * MiB,	875 * MiB,  876 * MiB,
	880 * MiB,  896 * MiB,	897 * MiB,  1024 * MiB, 1500 * MiB, 2048 * MiB,
	3000 * MiB, 3583 * MiB, 3584 * MiB, 4096 * MiB, 6 * GiB,    64 * GiB,
};
static const va_t splits[] = { 0, 0xb0000000, 0x80000000, 0x78000000,
			       0x40000000 };
static const uint64_t reserves[] = { 0,		16 * MiB,  64 * MiB,
				     128 * MiB, 400 * MiB, 800 * MiB };
static const uint64_t lowmems[] = { 0, 64 * MiB, 512 * MiB, 2 * GiB };
static const int64_t highmems[] = { -1, 0, 64 * MiB, 300 * MiB, 2 * GiB };

/* One combination; returns whether it can be. */
static bool combination(unsigned n, struct boot_row *row)
{
	struct kernel_config cfg;
	struct layout l;
	int64_t high;

#define PICK(array)                   \
	array[n % ARRAY_SIZE(array)]; \
	n /= ARRAY_SIZE(array)
	row->ram = PICK(rams);
	row->page_offset = PICK(splits);
	row->vmalloc = PICK(reserves);
	row->lowmem = PICK(lowmems);
	high = PICK(highmems);
#undef PICK
	row->has_highmem = high >= 0;
	row->highmem = high >= 0 ? high : 0;
	cfg = row_config(row);
	if (layout_compute(&cfg, layout_end_of_ram(&cfg), &l))
		return false;
	sound_32(&cfg, &l);
	return true;
}

static void test_layout__combinations(void **state)
{
	struct boot_row row = *(const struct boot_row *)*state;
	unsigned all = ARRAY_SIZE(rams) * ARRAY_SIZE(splits) *
		       ARRAY_SIZE(reserves) * ARRAY_SIZE(lowmems) *
		       ARRAY_SIZE(highmems);
	unsigned can = 0;

	for (unsigned i = 0; i < all; i++)
		can += combination(i, &row);
	assert_in_range(can, all / 4, all);
}

static const struct boot_row combined[] = {
	OLD("i386", 0),
	SIX("i386", 0),
	OLD("i386-pae", 0),
	SIX("i386-pae", 0),
};

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
	BOOT("x86_64 1T la57", "x86_64", 1024 * GiB, .la57 = true),
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
	assert_true(layout_symbol(&l, "VMALLOC_END", &va));
	assert_int_equal(va, l.vmalloc_end);
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
	{ "room for the vmalloc",
	  BOOT("", "i386", 4 * GiB, .page_offset = 0x40000000), 8 * MiB, 2 },
	{ "lowmem=", BOOT("", "i386", 2 * GiB, .lowmem = 897 * MiB), 128 * MiB,
	  2 },
	{ "room for the vmalloc",
	  BOOT("", "i386", 2 * GiB, .lowmem = 1010 * MiB), 0, 2 },
	{ "lowmem=", BOOT("", "i386", GiB, .lowmem = 512 * MiB), 513 * MiB, 2 },
	{ "does not fit",
	  BOOT("", "i386", GiB, .layout_61 = true, .lowmem = 16 * MiB), 0, 2 },
	{ "la57", BOOT("", "i386", GiB, .la57 = true), 0, 2 },
	{ "la57", BOOT("", "i386-pae", GiB, .la57 = true), 0, 2 },
	{ "NR_CPUS", BOOT("", "i386", GiB, .layout_61 = true), 0, 33 },
	{ "does not fit", BOOT("", "i386", 16 * MiB, .layout_61 = true), 0, 2 },
	{ "does not fit", BOOT("", "x86_64", 64 * MiB), 0, 2 },
};

static void test_layout__impossible(void **state)
{
	const struct bad_row *row = *state;
	struct kernel_config cfg = row_config(&row->boot);
	struct layout l = { .page_offset = 42 };

	cfg.vmalloc_reserve = row->vmalloc_reserve;
	cfg.cpus = row->cpus;
	const char *why = layout_compute(&cfg, layout_end_of_ram(&cfg), &l);

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
static struct CMUnitTest tests[200];
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
	for (unsigned i = 0; i < ARRAY_SIZE(key_rows); i++) {
		add(key_rows[i].boot.name, test_layout__keys, &key_rows[i]);
		add(key_rows[i].boot.name, test_keys__boot, &key_rows[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(combined); i++)
		add(combined[i].arch, test_layout__combinations, &combined[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
		add(layouts[i].name, test_areas__leave_no_hole_out,
		    &layouts[i]);
		add(layouts[i].name, test_symbols__are_found, &layouts[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++)
		add(bad_rows[i].why, test_layout__impossible, &bad_rows[i]);
	return _cmocka_run_group_tests("layout", tests, ntests, NULL, NULL);
}

/*
 * test_boot.c - booting: memory map, zones and the direct map against
 * Debian's 6.1 kernels (tests/golden/linux-*.tsv), registers, failures.
 */
#include "boot.h"

#include "kernel/memblock.h"
#include "kernel/pgtable.h"
#include "kernel/pti.h"
#include "kernel/set_memory.h"
#include "kernel/vmalloc.h"

#define GOLDEN(name) "tests/golden/linux-" name ".tsv"

static bool end_at_1500m(struct e820_map *m)
{
	return e820_remove(m, 1500 * MiB, UINT64_MAX, RAM_USABLE);
}

static bool reserve_two(struct e820_map *m)
{
	return e820_add(m, 256 * MiB, 320 * MiB, RAM_RESERVED) &&
	       e820_add(m, 512 * MiB, 528 * MiB, RAM_ACPI);
}

struct golden_row {
	const char *kernel, *mem, *opts;
	struct boot_row boot;
	bool (*edit)(struct e820_map *m); /* mem=, memmap= */
};

static const struct golden_row golden_rows[] = {
#define ROW(k, a, m, bytes, o, ...)                                \
	{                                                          \
		k, m, o,                                           \
			BOOT(k " " m, a, bytes, .layout_61 = true, \
			     __VA_ARGS__)                          \
	}
	ROW("686", "i386", "64M", 64 * MiB, "nokaslr"),
	ROW("686", "i386", "512M", 512 * MiB, "nokaslr"),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr"),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr-nopse", .nopse = true),
	ROW("686-pae", "i386-pae", "512M", 512 * MiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "2G", 2 * GiB, "nokaslr"),
	ROW("amd64", "x86_64", "512M", 512 * MiB, "nokaslr"),
	ROW("amd64", "x86_64", "2G", 2 * GiB, "nokaslr"),
	ROW("amd64", "x86_64", "4G", 4 * GiB, "nokaslr"),
	ROW("amd64", "x86_64", "2G", 2 * GiB, "nokaslr-la57", .la57 = true),
	ROW("amd64", "x86_64", "2G", 2 * GiB, "nokaslr-pti", .pti = true),
};

/* Of linux-zones-more.tsv, linux-memory-line-more.tsv. */
static const struct golden_row more_rows[] = {
	ROW("686", "i386", "128M", 128 * MiB, "nokaslr"),
	ROW("686", "i386", "256M", 256 * MiB, "nokaslr-nopse", .nopse = true),
	ROW("686", "i386", "512M", 512 * MiB, "nokaslr-hm128",
	    .has_highmem = true, .highmem = 128 * MiB),
	ROW("686", "i386", "880M", 880 * MiB, "nokaslr"),
	ROW("686", "i386", "1G", GiB, "nokaslr"),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr"),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr-hm0", .has_highmem = true),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr-hm512", .has_highmem = true,
	    .highmem = 512 * MiB),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr-vm64", .vmalloc = 64 * MiB),
	ROW("686", "i386", "2G", 2 * GiB, "nokaslr-vm256",
	    .vmalloc = 256 * MiB),
	ROW("686", "i386", "3G", 3 * GiB, "nokaslr"),
	ROW("686", "i386", "4G", 4 * GiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "128M", 128 * MiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "1G", GiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "1G", GiB, "nokaslr-nonx", .nonx = true),
	ROW("686-pae", "i386-pae", "2G", 2 * GiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "2G", 2 * GiB, "nokaslr-vm512",
	    .vmalloc = 512 * MiB),
	ROW("686-pae", "i386-pae", "4G", 4 * GiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "4G", 4 * GiB, "nokaslr-hm1G",
	    .has_highmem = true, .highmem = GiB),
	ROW("686-pae", "i386-pae", "8G", 8 * GiB, "nokaslr"),
	ROW("686-pae", "i386-pae", "16G", 16 * GiB, "nokaslr"),
	ROW("amd64", "x86_64", "256M", 256 * MiB, "nokaslr"),
	ROW("amd64", "x86_64", "1G", GiB, "nokaslr"),
	ROW("amd64", "x86_64", "1G", GiB, "nokaslr-nopge", .nopge = true),
	{ "amd64", "2G", "nokaslr-mem1500",
	  BOOT("amd64 2G mem=1500M", "x86_64", 2 * GiB), end_at_1500m },
	{ "amd64", "2G", "nokaslr-memmap",
	  BOOT("amd64 2G memmap=", "x86_64", 2 * GiB), reserve_two },
	ROW("amd64", "x86_64", "2G", 2 * GiB, "nokaslr-pti", .pti = true),
	ROW("amd64", "x86_64", "3G", 3 * GiB, "nokaslr"),
	ROW("amd64", "x86_64", "4G", 4 * GiB, "nokaslr-la57", .la57 = true),
	ROW("amd64", "x86_64", "4G", 4 * GiB, "nokaslr-smp4", .cpus = 4),
	ROW("amd64", "x86_64", "6G", 6 * GiB, "nokaslr"),
	ROW("amd64", "x86_64", "6G", 6 * GiB, "nokaslr-gb", .gbpages = true),
	ROW("amd64", "x86_64", "16G", 16 * GiB, "nokaslr"),
};

/*
 * Calls @fn with the fields of each line of @path that is about @row, from
 * the fourth on. Returns the number of lines, -1: no such file.
 */
static int for_each_line(const char *path, const struct golden_row *row,
			 void (*fn)(void *ctx, char **field), void *ctx)
{
	FILE *f = fopen(path, "r");
	char line[1024], *field[32];
	int lines = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		unsigned n = 0;

		for (char *s = strtok(line, "\t\n"); s && n < ARRAY_SIZE(field);
		     s = strtok(NULL, "\t\n"))
			field[n++] = s;
		if (n < 4 || strcmp(field[0], row->kernel) ||
		    strcmp(field[1], row->mem) || strcmp(field[2], row->opts))
			continue;
		fn(ctx, field + 3);
		lines++;
	}
	fclose(f);
	return lines;
}

static uint64_t number(const char *s)
{
	return strtoull(s, NULL, 0);
}

/* --- e820 --------------------------------------------------------------- */

struct map {
	struct ram_region region[RAM_MAX_REGIONS];
	unsigned n, seen;
};

static void compare_region(void *ctx, char **field)
{
	struct map *m = ctx;
	const struct ram_region *r = &m->region[m->seen++];

	assert_true(m->seen <= m->n);
	assert_int_equal(r->start, number(field[0]));
	assert_int_equal(r->end - 1, number(field[1]));
	assert_int_equal(r->type, strcmp(field[2], "usable") ? RAM_RESERVED
							     : RAM_USABLE);
}

static void test_e820__golden(void **state)
{
	const struct golden_row *row = *state;
	struct map m = { .n = e820_build(row->boot.ram, m.region,
					 RAM_MAX_REGIONS) };

	if (for_each_line(GOLDEN("e820"), row, compare_region, &m) < 0)
		skip();
	assert_int_equal(m.seen, m.n);
}

/* --- zones -------------------------------------------------------------- */

/*
 * What the real kernel said of its memory: "reserved", "init" and the
 * initramfs of linux-memory-line.tsv, or managed pages of linux-zones.tsv.
 */
static void add_size(struct boot_sizes *s, unsigned i, uint64_t n)
{
	s->n[i] = n;
	s->set |= 1u << i;
}

struct told {
	struct boot_sizes sizes;
	uint64_t memtotal, hightotal, total_pages; /* pages */
	uint64_t vmalloctotal; /* KiB */
	uint64_t line[9]; /* KiB: of the Memory: line, as it goes */
};

static void read_memory_line(void *ctx, char **field)
{
	struct told *t = ctx;

	add_size(&t->sizes, BOOT_RESERVED, number(field[7]) * KiB);
	add_size(&t->sizes, BOOT_CODE, number(field[2]) * KiB);
	add_size(&t->sizes, BOOT_RWDATA, number(field[3]) * KiB);
	add_size(&t->sizes, BOOT_RODATA, number(field[4]) * KiB);
	add_size(&t->sizes, BOOT_INIT, number(field[5]) * KiB);
	add_size(&t->sizes, BOOT_INITRD, number(field[13]));
	for (unsigned i = 0; i < 9; i++)
		t->line[i] = number(field[i]);
	t->memtotal = number(field[9]) / 4;
	t->hightotal = number(field[10]) / 4;
	t->vmalloctotal = number(field[12]);
	t->total_pages = number(field[14]);
}

static void read_managed(void *ctx, char **field)
{
	static const char *const name[] = { "DMA", "DMA32", "Normal",
					    "HighMem" };
	struct told *t = ctx;

	for (unsigned i = 0; i < ARRAY_SIZE(name); i++)
		if (!strcmp(name[i], field[0]) && number(field[5]))
			add_size(&t->sizes, BOOT_MANAGED + i, number(field[5]));
}

static struct kernel *boot_with(const struct golden_row *row,
				const struct boot_sizes *sizes)
{
	struct kernel_config cfg = row_config(&row->boot);
	struct e820_map map = { 0 };
	const char *why = "";
	struct kernel *k;

	cfg.cpus = row->boot.cpus ? row->boot.cpus : 1;
	cfg.sizes = *sizes;
	if (row->edit) {
		map.n = e820_build(cfg.ram, map.entry, RAM_MAX_REGIONS);
		assert_true(row->edit(&map) && e820_update(&map));
		e820_back(&map);
		cfg.ram = e820_usable(&map);
		cfg.map = &map;
	}
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s: %s", row->boot.name, why);
	return k;
}

/* "0,823,1995,1995": the columns are the zones that the kernel has. */
static void compare_protection(const struct kernel *k, const struct zone *zone,
			       char *list)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		bool built = i != ZONE_HIGHMEM && i != ZONE_DMA32;

		if (!built && (i == ZONE_HIGHMEM) != k->arch->highmem)
			continue;
		assert_non_null(list);
		assert_int_equal(zone->lowmem_reserve[i], number(list));
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
}

static void compare_span(const struct zone *zone, char **field)
{
	if (strcmp(field[1], "-")) {
		assert_int_equal(zone->start_pfn, number(field[1]));
		assert_int_equal(zone->end_pfn, number(field[2]));
	}
	assert_int_equal(zone->spanned, number(field[3]));
	assert_int_equal(zone->present, number(field[4]));
}

static void compare_zone(void *ctx, char **field)
{
	struct kernel *k = ctx;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &k->zone[i];

		if (strcmp(zone->name, field[0]))
			continue;
		compare_span(zone, field);
		assert_int_equal(zone->managed, number(field[5]));
		for (unsigned w = 0; w < 3; w++)
			assert_int_equal(zone->watermark[w],
					 number(field[7 + w]));
		compare_protection(k, zone, field[10]);
	}
}

/* Given the same managed pages, everything that follows from them agrees. */
static void test_zones__golden(void **state)
{
	const struct golden_row *row = *state;
	struct told t = { 0 };
	struct kernel *k;
	int lines;

	if (for_each_line(GOLDEN("memory-line"), row, read_memory_line, &t) < 0)
		skip();
	for_each_line(GOLDEN("zones"), row, read_managed, &t);
	k = boot_with(row, &t.sizes);
	lines = for_each_line(GOLDEN("zones"), row, compare_zone, k);
	end_row(k);
	assert_true(lines >= 3);
}

/* What it would print. (amd64 defers struct pages: "available" is lower.) */
static void compare_report(const struct kernel *k, const struct told *t)
{
	struct boot_report b;

	boot_report(k, &b);
	if (k->arch->highmem)
		assert_int_equal(b.available, t->line[0]);
	assert_int_equal(b.physpages, t->line[1]);
	assert_int_equal(b.code, t->line[2]);
	assert_int_equal(b.rwdata, t->line[3]);
	assert_int_equal(b.rodata, t->line[4]);
	assert_int_equal(b.init, t->line[5]);
	assert_int_equal(b.bss, t->line[6]);
	assert_int_equal(b.reserved, t->line[7]);
	assert_int_equal(b.highmem, t->line[8]);
	assert_int_equal(b.total_pages, t->total_pages);
}

/* The Memory: line alone. */
static void test_zones__memory_line(void **state)
{
	const struct golden_row *row = *state;
	struct told t = { 0 };
	struct kernel *k;

	if (for_each_line(GOLDEN("memory-line"), row, read_memory_line, &t) < 0)
		skip();
	k = boot_with(row, &t.sizes);
	assert_int_equal(k->totalram_pages, t.memtotal);
	assert_int_equal(k->zone[ZONE_HIGHMEM].managed, t.hightotal);
	compare_report(k, &t);
	for_each_line(GOLDEN("zones"), row, compare_zone, k);
	end_row(k);
}

/* Another build of the kernels: an image of other sizes. */
static void test_zones__more(void **state)
{
	const struct golden_row *row = *state;
	struct told t = { 0 };
	struct kernel *k;

	assert_int_equal(for_each_line(GOLDEN("memory-line-more"), row,
				       read_memory_line, &t), 1);
	k = boot_with(row, &t.sizes);
	assert_true(for_each_line(GOLDEN("zones-more"), row, compare_zone,
				  k) >= 2);
	compare_report(k, &t);
	assert_int_equal(k->totalram_pages, t.memtotal);
	assert_int_equal(k->zone[ZONE_HIGHMEM].managed, t.hightotal);
	assert_int_equal(vmalloc_total_kib(k), t.vmalloctotal);
	end_row(k);
}

/*
 * /proc/pagetypeinfo and the pagesets of /proc/zoneinfo there. On i386 blocks
 * of holes count, as Unmovable; on x86-64 they do not. A batch follows from
 * what was managed before initrd and init memory were freed.
 */
static const struct blocks_row {
	const char *opts, *kernel, *mem;
	unsigned zone, blocks, high, batch;
} blocks_rows[] = {
	{ "nokaslr", "686", "128M", ZONE_NORMAL, 28, 360, 3 },
	{ "nokaslr", "686", "880M", ZONE_HIGHMEM, 1, 44, 1 },
	{ "nokaslr-vm256", "686", "2G", ZONE_NORMAL, 181, 10916, 31 },
	{ "nokaslr-vm256", "686", "2G", ZONE_HIGHMEM, 327, 4283, 63 },
	{ "nokaslr", "686-pae", "4G", ZONE_HIGHMEM, 2121, 10348, 63 },
	{ "nokaslr", "686-pae", "16G", ZONE_NORMAL, 432, 9725, 31 },
	{ "nokaslr-memmap", "amd64", "2G", ZONE_DMA32, 976, 0, 63 },
	{ "nokaslr", "amd64", "6G", ZONE_DMA32, 1528, 10490, 63 },
	{ "nokaslr-smp4", "amd64", "4G", ZONE_NORMAL, 512, 1286, 63 },
};

static uint64_t all_blocks(const struct kernel *k, const struct zone *zone)
{
	uint64_t n = 0;

	for (unsigned mt = 0; mt < MIGRATE_TYPES; mt++)
		n += zone_pageblocks_of(k, zone, (enum migratetype)mt);
	return n;
}

static void compare_blocks(const struct blocks_row *want,
			   const struct golden_row *row)
{
	struct told t = { 0 };
	struct pageset set;
	struct kernel *k;

	for_each_line(GOLDEN("memory-line-more"), row, read_memory_line, &t);
	k = boot_with(row, &t.sizes);
	set = zone_pageset(&k->zone[want->zone], 0);
	assert_int_equal(all_blocks(k, &k->zone[want->zone]), want->blocks);
	assert_int_equal(set.batch, want->batch);
	if (want->high)
		assert_int_equal(set.high, want->high);
	assert_int_equal(pageblock_migratetype(k, 1), MIGRATE_UNMOVABLE);
	end_row(k);
}

static void test_zones__pageblocks(void **state)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(blocks_rows); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(more_rows); j++) {
			const struct blocks_row *want = &blocks_rows[i];
			const struct golden_row *row = &more_rows[j];

			if (strcmp(row->kernel, want->kernel) ||
			    strcmp(row->mem, want->mem) ||
			    strcmp(row->opts, want->opts))
				continue;
			compare_blocks(want, row);
			n++;
		}
	assert_int_equal(n, ARRAY_SIZE(blocks_rows));
}

/* DMA: of 4095 frames 97 are BIOS and VGA, and the first MiB is kept. */
static void test_zones__dma_managed(void **state)
{
	struct kernel *k = boot_row(&i386_61);

	assert_int_equal(k->zone[ZONE_DMA].managed, 3840);
	assert_string_equal(memblock_reserved_name(k, 0xff), "first MiB");
	assert_null(memblock_reserved_name(k, 0x100));
	end_row(k);
}

/* --- direct map --------------------------------------------------------- */

/*
 * Rights over all levels below @root, as the golden file writes them:
 * "W-XG---". Returns the size of the page, 0: there is none.
 */
static uint64_t leaf_below(struct kernel *k, pa_t root, va_t va, char *flags,
			   pa_t *pa)
{
	struct mmu mmu = k->machine->cpu[0].mmu;
	struct access access = { .va = va, .kind = ACCESS_READ };
	struct walk w;
	uint64_t entry;

	mmu_set_root(&mmu, k->ram, root);
	mmu_refresh(&mmu);
	mmu_walk(&mmu, k->ram, &access, &w);
	if (w.fault.reason != FAULT_NONE)
		return 0;
	entry = w.step[w.nsteps - 1].entry;
	flags[0] = w.rights.write ? 'W' : '-';
	flags[1] = w.rights.user ? 'U' : '-';
	flags[2] = w.rights.xd ? 'X' : '-';
	flags[3] = entry & PTE_G ? 'G' : '-';
	flags[4] = entry & PTE_PWT ? 'T' : '-';
	flags[5] = entry & PTE_PCD ? 'C' : '-';
	*pa = w.pa;
	return BIT(w.page_shift);
}

static uint64_t leaf_flags(struct kernel *k, va_t va, char *flags, pa_t *pa)
{
	return leaf_below(k, k->swapper_pg_dir, va, flags, pa);
}

/*
 * What modules and BPF programs of the running kernel made read-only: done
 * here as there, so that it splits the same large pages.
 */
static void protect_as_there(void *ctx, char **field)
{
	struct kernel *k = ctx;
	const struct layout *l = &k->layout;
	pa_t pa = number(field[3]);
	struct set_memory_result r;

	if (strcmp(field[0], "kernel") || field[5][0] == 'W' || pa < MiB ||
	    pa == l->image.idt ||
	    (pa >= l->image.text && pa < l->image.erodata))
		return;
	assert_int_equal(set_memory(k, SET_MEMORY_RO, number(field[1]),
				    number(field[6]), &r),
			 0);
}

struct direct_map {
	struct kernel *k;
	va_t seen; /* up to here all has been compared */
};

static void assert_unmapped(struct kernel *k, va_t va, va_t end)
{
	char flags[8];
	pa_t pa;

	for (; va < end; va += 2 * MiB)
		assert_int_equal(leaf_flags(k, va, flags, &pa), 0);
}

/* Every page of the row has its size, flags and physical address. */
static void compare_mapping(void *ctx, char **field)
{
	struct direct_map *d = ctx;
	va_t va = number(field[1]), end = number(field[2]);
	pa_t pa, want = number(field[3]);
	char flags[8] = "";
	uint64_t size;

	if (strcmp(field[0], "kernel"))
		return;
	assert_unmapped(d->k, d->seen, va);
	for (; va < end; va += size, want += size) {
		size = leaf_flags(d->k, va, flags, &pa);
		if (pa != want || memcmp(flags, field[5], 6))
			fail_msg("0x%llx: %s, not %s", (unsigned long long)va,
				 flags, field[5]);
		assert_string_equal(paging_size_name(__builtin_ctzll(size)),
				    field[4]);
	}
	d->seen = end;
}

/* Of the direct map user roots have one page, and no other. */
static void compare_user_row(void *ctx, char **field)
{
	struct kernel *k = ctx;
	pa_t pa, user = pti_user_root(k, k->swapper_pg_dir);
	char flags[8] = "";

	if (strcmp(field[0], "user"))
		return;
	assert_int_equal(leaf_below(k, user, number(field[1]), flags, &pa),
			 PAGE_SIZE);
	assert_memory_equal(flags, field[5], 6);
	assert_int_equal(pa, number(field[3]));
	for (va_t va = k->layout.page_offset; va < k->layout.high_memory;
	     va += PAGE_SIZE)
		assert_int_equal(!leaf_below(k, user, va, flags, &pa),
				 va != number(field[1]));
}

/* "page table walk: 2M pages at phys 0x7de00000 flags W-XG---" */
static void compare_vmemmap(void *ctx, char **field)
{
	struct kernel *k = ctx;
	const char *phys = strstr(field[3], "phys ");
	char flags[8] = "";
	pa_t pa;

	if (strcmp(field[0], "vmemmap mapped"))
		return;
	assert_int_equal(leaf_flags(k, number(field[1]), flags, &pa), 2 * MiB);
	assert_memory_equal(flags, strstr(phys, "flags ") + 6, 6);
	if (!k->config.la57) /* something took 2 MiB before it there */
		assert_int_equal(pa, number(phys + 5));
	assert_int_equal(leaf_flags(k, number(field[2]) - 1, flags, &pa),
			 2 * MiB);
	assert_int_equal(leaf_flags(k, number(field[2]), flags, &pa), 0);
}

/* The first and the last page of what one CPU has there. */
static void compare_entry_area(void *ctx, char **field)
{
	struct kernel *k = ctx;
	char flags[8] = "";
	pa_t pa;

	if (strcmp(field[0], "cpu_entry_area mapped") &&
	    strcmp(field[0], "fixmap mapped"))
		return;
	assert_int_equal(leaf_flags(k, number(field[1]), flags, &pa),
			 PAGE_SIZE);
	assert_int_equal(leaf_flags(k, number(field[2]) - 1, flags, &pa),
			 PAGE_SIZE);
	assert_int_equal(leaf_flags(k, number(field[1]) - 1, flags, &pa), 0);
	assert_int_equal(leaf_flags(k, number(field[2]), flags, &pa), 0);
}

static void test_direct_map__golden(void **state)
{
	const struct golden_row *row = *state;
	struct kernel *k = boot_with(row, &(struct boot_sizes){ 0 });
	struct direct_map d = { k, k->layout.page_offset };
	int lines =
		for_each_line(GOLDEN("direct-map"), row, protect_as_there, k);

	for_each_line(GOLDEN("direct-map"), row, compare_mapping, &d);
	for_each_line(GOLDEN("direct-map"), row, compare_user_row, k);
	for_each_line(GOLDEN("layout"), row, compare_vmemmap, k);
	for_each_line(GOLDEN("layout"), row, compare_entry_area, k);
	if (lines > 0)
		assert_int_equal(d.seen, k->layout.high_memory);
	end_row(k);
	if (lines < 0)
		skip();
	assert_true(lines >= 7);
}

/* --- every configuration ------------------------------------------------ */

static const struct boot_row boots[] = {
	BOOT("i386 16M", "i386", 16 * MiB),
	BOOT("i386 64M nopse", "i386", 64 * MiB, .nopse = true),
	BOOT("i386 2G nopge", "i386", 2 * GiB, .nopge = true),
	BOOT("i386 4G", "i386", 4 * GiB),
	BOOT("i386 8G, 4G visible", "i386", 8 * GiB),
	BOOT("i386 3500M", "i386", 3500 * MiB, .layout_61 = true),
	BOOT("i386 4G 1G", "i386", 4 * GiB, .page_offset = 0x40000000),
	BOOT("i386 1G 3G_OPT", "i386", GiB, .page_offset = 0xb0000000),
	BOOT("i386 1G 2G_OPT", "i386", GiB, .layout_61 = true,
	     .page_offset = 0x78000000),
	BOOT("pae 16M", "i386-pae", 16 * MiB),
	BOOT("pae 2G nopse", "i386-pae", 2 * GiB, .nopse = true),
	BOOT("pae 64G", "i386-pae", 64 * GiB),
	BOOT("pae 64G 6.1", "i386-pae", 64 * GiB, .layout_61 = true),
	BOOT("pae 8G 2G", "i386-pae", 8 * GiB, .page_offset = 0x80000000),
	BOOT("pae 64M 1G", "i386-pae", 64 * MiB, .page_offset = 0x40000000),
	BOOT("x86_64 96M", "x86_64", 96 * MiB),
	BOOT("x86_64 1G nopse", "x86_64", GiB, .nopse = true),
	BOOT("x86_64 3G", "x86_64", 3 * GiB),
	BOOT("x86_64 8G gbpages", "x86_64", 8 * GiB, .gbpages = true),
	BOOT("x86_64 64G", "x86_64", 64 * GiB),
	BOOT("x86_64 1T", "x86_64", 1024 * GiB),
	BOOT("x86_64 1T gbpages", "x86_64", 1024 * GiB, .gbpages = true),
};

static void test_boot__is_consistent(void **state)
{
	struct kernel *k = boot_row(*state);

	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		const struct mmu *mmu = &k->machine->cpu[i].mmu;

		assert_ptr_equal(mmu->mode, k->mode);
		assert_true(mmu->cr0 & CR0_WP);
		assert_int_equal(!!(mmu->efer & EFER_NXE), k->config.nx);
		assert_int_equal(!!(mmu->cr4 & CR4_PGE), k->config.pge);
	}
	assert_int_equal(kernel_pa(k, kernel_va(k, 0x12345)), 0x12345);
	assert_int_equal(kernel_pa(k,
				   k->layout.kernel_map + k->layout.image.text),
			 k->layout.image.text);
	assert_true(kernel_virt_ok(k, kernel_va(k, MiB)));
	assert_false(kernel_virt_ok(k, k->layout.high_memory));
	assert_false(kernel_virt_ok(k, 0));
	end_row(k);
}

/* Every visible frame of lowmem is where __va() says, and nothing else is. */
static void test_boot__direct_map_is_complete(void **state)
{
	struct kernel *k = boot_row(*state);
	pfn_t step = 1 + k->max_pfn / 3000;

	for (pfn_t pfn = 0; pfn < k->max_pfn + 1000; pfn += step) {
		struct access access = { .kind = ACCESS_READ };
		bool low = pfn < 256 ||
			   (pfn < k->max_low_pfn && pfn_valid(k, pfn));
		struct walk w;

		access.va = kernel_va(k, pfn << PAGE_SHIFT);
		if (!low && k->arch->highmem)
			continue; /* other areas lie there */
		mmu_walk(&k->machine->cpu[0].mmu, k->ram, &access, &w);
		assert_int_equal(w.fault.reason == FAULT_NONE, low);
		if (low)
			assert_int_equal(w.pa, pfn << PAGE_SHIFT);
	}
	end_row(k);
}

/* Same seed, same machine; another seed changes random numbers only. */
static void test_boot__is_deterministic(void **state)
{
	struct kernel *a = boot_row(*state), *b = boot_row(*state);

	assert_int_equal(machine_hash(a->machine), machine_hash(b->machine));
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(kernel_random(a), kernel_random(b));
	end_row(a);
	end_row(b);
}

/*
 * The tables of a large direct map are written when they are read: whoever
 * reads them first sees what the others see, and nothing changes by it.
 */
static void test_boot__large_direct_map(void **state)
{
	struct boot_row row = BOOT("", "x86_64", 1024 * GiB);
	struct kernel *k = boot_row(&row), *other = boot_row(&row);
	uint64_t before = machine_hash(k->machine), entry;
	unsigned level;
	va_t va = kernel_va(k, 512 * GiB + 3 * 2 * MiB);
	pa_t entry_pa = pt_leaf(k, k->swapper_pg_dir, va, &entry, &level);

	assert_true(k->ram->nfills > 0);
	assert_int_equal(level, k->pte_level - 1);
	assert_int_equal(ram_read(k->ram, entry_pa, 8), entry);
	assert_int_equal(ram_read(k->ram, entry_pa + 8, 8) - entry, 2 * MiB);
	assert_int_equal(machine_hash(k->machine), before);
	pt_set_raw(k, entry_pa, 0);
	assert_int_equal(ram_read(k->ram, entry_pa, 8), 0);
	assert_int_equal(ram_read(other->ram, entry_pa, 8), entry);
	assert_int_not_equal(machine_hash(k->machine), before);
	pt_set_raw(k, entry_pa, entry);
	assert_int_equal(machine_hash(k->machine),
			 machine_hash(other->machine));
	end_row(k);
	end_row(other);
}

static void test_check__changes_nothing(void **state)
{
	struct kernel *k = boot_row(*state);
	uint64_t hash = machine_hash(k->machine);

	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(machine_hash(k->machine), hash);
	end_row(k);
}

/* --- failures ----------------------------------------------------------- */

static const struct bad_row {
	const char *why;
	struct boot_row boot;
	unsigned cpus;
} bad_rows[] = {
	{ "at least 16M", BOOT("", "i386", 0), 1 },
	{ "at least 16M", BOOT("", "i386", 16 * MiB - PAGE_SIZE), 1 },
	{ "at most 1T", BOOT("", "x86_64", 2048 * GiB), 1 },
	{ "multiple of 4K", BOOT("", "i386", 64 * MiB + 1), 1 },
	{ "cpus", BOOT("", "i386", 64 * MiB), 0 },
	{ "cpus", BOOT("", "i386", 64 * MiB), 65 },
	{ "kernel image", BOOT("", "x86_64", 16 * MiB), 1 },
	{ "1 GiB", BOOT("", "i386-pae", GiB, .page_offset = 0xb0000000), 1 },
};

static void test_boot__refuses(void **state)
{
	const struct bad_row *row = *state;
	struct kernel_config cfg = row_config(&row->boot);
	const char *why = NULL;

	cfg.cpus = row->cpus;
	assert_null(kernel_boot(&cfg, &why));
	assert_non_null(why);
	assert_non_null(strstr(why, row->why));
}

/* mem_map of 64 GiB takes 640 MiB: this vmalloc= leaves less than that. */
static void test_boot__mem_map_needs_lowmem(void **state)
{
	struct boot_row row = BOOT("", "i386-pae", 64 * GiB);
	struct kernel_config cfg = row_config(&row);
	const char *why = NULL;

	cfg.vmalloc_reserve = 512 * MiB;
	assert_null(kernel_boot(&cfg, &why));
	assert_non_null(strstr(why, "mem_map"));
}

static const struct boot_row x86_64_pti = {
	.name = "x86_64_pti",
	.arch = "x86_64",
	.ram = GiB,
	.pti = true,
};

/*
 * Whichever allocation fails, boot says so or does without; whatever it has
 * taken by then goes (the sanitizers look).
 */
static void test_boot__fail_nth(void **state)
{
	const struct boot_row *row = *state;
	struct kernel_config cfg = row_config(row);
	unsigned refused = 0;
	bool done = false;

	for (cfg.fail_nth = 1; !done; cfg.fail_nth++) {
		const char *why = NULL;
		struct kernel *k = kernel_boot(&cfg, &why);

		if (!k) {
			assert_non_null(why);
			refused++;
			continue;
		}
		done = k->fail_nth;
		k->fail_nth = 0;
		end_row(k);
	}
	assert_true(refused > 5);
}

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
	for (unsigned i = 0; i < ARRAY_SIZE(golden_rows); i++) {
		const struct golden_row *row = &golden_rows[i];

		add(row->boot.name, test_e820__golden, row);
		add(row->boot.name, test_zones__golden, row);
		add(row->boot.name, test_zones__memory_line, row);
		add(row->boot.name, test_direct_map__golden, row);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(more_rows); i++)
		add(more_rows[i].opts, test_zones__more, &more_rows[i]);
	add("test_zones__pageblocks", test_zones__pageblocks, NULL);
	add("test_zones__dma_managed", test_zones__dma_managed, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(boots); i++) {
		add(boots[i].name, test_boot__is_consistent, &boots[i]);
		add(boots[i].name, test_boot__direct_map_is_complete,
		    &boots[i]);
	}
	add("deterministic", test_boot__is_deterministic, &i386);
	add("deterministic", test_boot__is_deterministic, &x86_64);
	add("fail_nth, i386", test_boot__fail_nth, &i386_61);
	add("fail_nth, i386-pae", test_boot__fail_nth, &i386_pae);
	add("fail_nth, x86_64", test_boot__fail_nth, &x86_64);
	add("fail_nth, x86_64 pti", test_boot__fail_nth, &x86_64_pti);
	add("large direct map", test_boot__large_direct_map, NULL);
	add("check, i386", test_check__changes_nothing, &i386_pae);
	add("check, x86_64", test_check__changes_nothing, &x86_64);
	for (unsigned i = 0; i < ARRAY_SIZE(bad_rows); i++)
		add(bad_rows[i].why, test_boot__refuses, &bad_rows[i]);
	add("mem_map", test_boot__mem_map_needs_lowmem, NULL);
	return _cmocka_run_group_tests("boot", tests, ntests, NULL, NULL);
}

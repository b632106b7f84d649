/*
 * layout.c - where kernel space puts things, as rows.
 *
 * archs[] says what can be booted; layout_rows[] has the constants of each
 * kernel layout. layout_32.c and layout_64.c place the areas, kaslr.c moves
 * them. Memory splits: arch/x86/Kconfig of Linux 6.1, VMSPLIT_*.
 */
#include "kernel/layout_internal.h"

#include <elf.h>
#include <string.h>
#include <strings.h>

#include "kernel/e820.h"

const struct arch archs[] = {
	{
		.name = "i386", .mode = PAGING_32,
		.elf_class = ELFCLASS32, .elf_machine = EM_386, .word = 4,
		.page_offset = 0xc0000000, .task_size = 0xc0000000,
		.max_ram = 4 * GiB, .sizeof_page = 40, .highmem = true,
		.features = {
			.maxphyaddr = 36, .pse = true, .pae = true,
			.pse36 = true, .pge = true, .pat = true,
		},
	},
	{	/* a 36-bit bus: what is above 64 GiB cannot be addressed */
		.name = "i386-pae", .mode = PAGING_PAE,
		.elf_class = ELFCLASS32, .elf_machine = EM_386, .word = 4,
		.page_offset = 0xc0000000, .task_size = 0xc0000000,
		.max_ram = 64 * GiB, .sizeof_page = 40,
		.invert_none = true, .highmem = true,
		.features = {
			.maxphyaddr = 36, .pse = true, .pae = true,
			.pse36 = true, .pge = true, .pat = true, .nx = true,
		},
	},
	{
		.name = "x86_64", .mode = PAGING_4LEVEL,
		.elf_class = ELFCLASS64, .elf_machine = EM_X86_64, .word = 8,
		.page_offset = 0xffff888000000000, .task_size = 0x7ffffffff000,
		.max_ram = 64ULL << 40, .sizeof_page = 64,
		.softdirty = true, .invert_none = true,
		.features = {
			.maxphyaddr = 46, .pse = true, .pae = true,
			.pse36 = true, .pge = true, .pat = true, .nx = true,
			.lm = true,
		},
	},
	{ .name = NULL },
};

const struct arch *arch_by_name(const char *name)
{
	for (const struct arch *a = archs; a->name; a++)
		if (!strcasecmp(a->name, name))
			return a;
	return NULL;
}

enum paging_mode_id layout_mode(const struct kernel_config *cfg)
{
	return cfg->la57 ? PAGING_5LEVEL : cfg->arch->mode;
}

unsigned layout_e820(const struct kernel_config *cfg, struct ram_region *map)
{
	if (!cfg->map)
		return e820_build(cfg->ram, map, RAM_MAX_REGIONS);
	memcpy(map, cfg->map->entry, cfg->map->n * sizeof(*map));
	return cfg->map->n;
}

pfn_t layout_end_of_ram(const struct kernel_config *cfg)
{
	struct ram_region map[RAM_MAX_REGIONS];
	unsigned n = layout_e820(cfg, map);
	pa_t end = 0, limit = cfg->arch->max_ram;

	for (unsigned i = 0; i < n; i++)
		if (map[i].type == RAM_USABLE && map[i].start < limit)
			end = map[i].end;
	return (end < limit ? end : limit) >> PAGE_SHIFT;
}

void layout_area(struct layout *l, const char *name, va_t end, const char *note)
{
	va_t start = l->nareas ? l->area[l->nareas - 1].end : 0;

	if (start == end)
		return;
	l->area[l->nareas++] = (struct layout_area){ name, start, end, note };
}

/* --- rows --------------------------------------------------------------- */

#define IMAGE_CLASSIC                                                       \
	{                                                                   \
		0x100000, 0x31f000, 0x320000, 0x3b7000, 0x3b8000, 0x3fa000, \
			0x43a000, 0x4b1000                                  \
	}

static const struct layout_row layout_rows[] = {
	{
		.mode = PAGING_32,
		.place = layout_place_32,
		.name_areas = layout_name_areas_32,
		.image = IMAGE_CLASSIC,
		.kmap_slots = 13,
		.nr_cpus = 8,
		.fix_after = 4,
		.fix_boot = 17,
		.vmalloc_rounded = true,
	},
	{
		.mode = PAGING_PAE,
		.place = layout_place_32,
		.name_areas = layout_name_areas_32,
		.image = IMAGE_CLASSIC,
		.kmap_slots = 13,
		.nr_cpus = 8,
		.fix_after = 7,
		.fix_boot = 17,
		.vmalloc_rounded = true,
	},
	{
		.mode = PAGING_32,
		.layout_61 = true,
		.place = layout_place_32,
		.name_areas = layout_name_areas_32,
		.image = { 0x1000000, 0x191bc80, 0x191c000, 0x1c39000,
			   0x1c39000, 0x1d70bc0, 0x1e72000, 0x1ee6000 },
		.idt = 0x1e76000,
		.kaslr_align = 16 * MiB,
		.image_limit = 512 * MiB,
		.thp = true,
		.kmap_slots = 16,
		.nr_cpus = 32,
		.nr_cpus_fixed = true,
		.fix_after = 3,
		.fix_boot = 0x601,
		.cpu_entry_area = true,
		.elf_et_dyn_base = 0x400000,
	},
	{
		.mode = PAGING_PAE,
		.layout_61 = true,
		.place = layout_place_32,
		.name_areas = layout_name_areas_32,
		.image = { 0x1000000, 0x1933f00, 0x1934000, 0x1c51000,
			   0x1c52000, 0x1d8e680, 0x1e94000, 0x1f0b000 },
		.idt = 0x1e9b000,
		.kaslr_align = 16 * MiB,
		.image_limit = 512 * MiB,
		.thp = true,
		.kmap_slots = 16,
		.nr_cpus = 32,
		.nr_cpus_fixed = true,
		.fix_after = 3,
		.fix_boot = 0x601,
		.cpu_entry_area = true,
		.elf_et_dyn_base = 0x400000,
	},
	{
		.mode = PAGING_4LEVEL,
		.both = true,
		.place = layout_place_64,
		.name_areas = layout_name_areas_64,
		.image = { 0x1000000, 0x1e01d32, 0x2000000, 0x28e7000,
			   0x2a00000, 0x2c489c0, 0x330d000, 0x4400000 },
		.idt = 0x3310000,
		.kaslr_align = 2 * MiB,
		.image_space = GiB,
		.image_limit = 64 * TiB,
		.thp = true,
		.nr_cpus = 8192,
	},
};

static const struct layout_row *find_row(const struct kernel_config *cfg)
{
	for (unsigned i = 0; i < ARRAY_SIZE(layout_rows); i++) {
		const struct layout_row *row = &layout_rows[i];

		if (row->mode == cfg->arch->mode &&
		    (row->both || row->layout_61 == cfg->layout_61))
			return row;
	}
	return NULL;
}

/* CONFIG_VMSPLIT_*: 3G, 3G_OPT, 2G, 2G_OPT, 1G. */
static const va_t vmsplits[] = {
	0xc0000000, 0xb0000000, 0x80000000, 0x78000000, 0x40000000,
};

static const char *choose_page_offset(const struct kernel_config *cfg,
				      struct layout *l)
{
	const struct paging_mode *mode = &paging_modes[cfg->arch->mode];
	va_t at = cfg->page_offset ? cfg->page_offset : cfg->arch->page_offset;
	bool known = false;

	l->page_offset = at;
	if (at == cfg->arch->page_offset)
		return NULL;
	if (cfg->arch->word == 8)
		return "vmsplit= is a choice of 32-bit kernels";
	for (unsigned i = 0; i < ARRAY_SIZE(vmsplits); i++)
		known |= vmsplits[i] == at;
	if (!known)
		return "vmsplit= is one of 3G, 3G_OPT, 2G, 2G_OPT, 1G";
	if (at & ((1ULL << mode->level[0].shift) - 1))
		return "with PAE kernel space starts at a multiple of 1 GiB: "
		       "VMSPLIT_3G_OPT and 2G_OPT depend on !X86_PAE";
	return NULL;
}

const pa_t *layout_image(const struct layout_row *row,
			 const struct kernel_config *cfg)
{
	return cfg->image[0] ? cfg->image : row->image;
}

/*
 * Sizes of a Memory: line, if they fit between the starts that are known; its
 * KiB are rounded down.
 */
static void size_image(const struct boot_sizes *sizes, pa_t *p)
{
	static const enum boot_size of[] = { BOOT_CODE, BOOT_RODATA,
					     BOOT_RWDATA };

	for (unsigned i = 0; i < ARRAY_SIZE(of); i++) {
		pa_t start = p[2 * i], *end = &p[2 * i + 1];
		uint64_t size = sizes->n[of[i]];

		if ((sizes->set & BIT(of[i])) &&
		    ALIGN_DOWN(*end - start, KiB) != size && size &&
		    size <= p[2 * i + 2] - start)
			*end = start + size;
	}
}

/* @moved: how far KASLR has moved the image in physical memory. */
static void place_image(const struct layout_row *row,
			const struct kernel_config *cfg, pa_t moved,
			struct layout *l)
{
	const pa_t *image = layout_image(row, cfg);
	pa_t p[ARRAY_SIZE(row->image)];

	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = image[i] + moved;
	if (!cfg->image[0])
		size_image(&cfg->sizes, p);
	l->image.text = p[0];
	l->image.etext = p[1];
	l->image.rodata = p[2];
	l->image.erodata = p[3];
	l->image.data = p[4];
	l->image.edata = p[5];
	l->image.bss = p[6];
	l->image.ebss = p[7];
	l->image.idt = row->idt ? row->idt + moved : 0;
	l->kernel_phys = p[0];
}

/* Where user space puts things without ASLR, with an 8 MiB stack limit. */
static void place_user(const struct layout_row *row, struct layout *l)
{
	l->mmap_base = l->map_window - 128 * MiB;
	l->elf_et_dyn_base = row->elf_et_dyn_base
				     ? row->elf_et_dyn_base
				     : (l->map_window / 3 * 2) & PAGE_MASK;
}

const char *layout_compute(const struct kernel_config *cfg, pfn_t max_pfn,
			   struct layout *ret)
{
	const struct layout_row *row = find_row(cfg);
	struct layout l = { 0 };
	const char *why;
	pa_t moved = 0;

	if (!row)
		return "no such layout for this architecture";
	if (cfg->la57 && cfg->arch->word == 4)
		return "la57 is for x86-64";
	if (cfg->pcid && cfg->arch->word == 4)
		return "pcid is for x86-64: PCIDs need IA-32e mode";
	if (cfg->pti && cfg->arch->word == 4)
		return "pti is modelled for x86-64";
	l.mode = layout_mode(cfg);
	why = choose_page_offset(cfg, &l);
	if (!why)
		why = row->place(row, cfg, max_pfn, &l);
	if (why)
		return why;
	if (cfg->kaslr)
		why = kaslr_image(row, cfg, &l, &moved);
	if (why)
		return why;
	if (cfg->kaslr)
		kaslr_modules(cfg, &l);
	place_image(row, cfg, moved, &l);
	place_user(row, &l);
	l.thp = row->thp;
	l.nr_cpus = row->nr_cpus;
	if (l.image.ebss >= l.lowmem_end)
		return moved ? "KASLR put the kernel image above lowmem: "
			       "another seed=, or kaslr=off"
			     : "the kernel image does not fit into lowmem";
	row->name_areas(cfg, &l);
	*ret = l;
	return NULL;
}

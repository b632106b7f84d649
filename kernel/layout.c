/*
 * layout.c - where kernel space puts things, as rows.
 *
 * archs[] says what can be booted; layout_rows[] has the constants of each
 * kernel layout, and how to place the areas: computed downwards from the top
 * of 4 GiB on i386, fixed on x86-64. Models Linux 6.1's
 * arch/x86/include/asm/pgtable_32_areas.h, fixmap.h, page_32_types.h,
 * pgtable_64_types.h, and find_low_pfn_range() of arch/x86/mm/init_32.c; the
 * classic rows model 2.6.24's pgtable_32.h and fixmap_32.h. Numbers observed
 * on Debian kernels (golden/linux-layout.md). Left out: KASLR, LA57, KPTI.
 */
#include "kernel/layout.h"

#include <elf.h>
#include <string.h>
#include <strings.h>

#define TOP_4G (4 * GiB)

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

struct layout_row {
	enum paging_mode_id mode;
	bool layout_61;
	bool both; /* serves layout=classic as well as 6.1 */
	const char *(*place)(const struct layout_row *row,
			     const struct kernel_config *cfg, pfn_t max_pfn,
			     struct layout *l);
	void (*name_areas)(const struct kernel_config *cfg, struct layout *l);
	/* The image, physical: text, etext, rodata, erodata, data, ... */
	pa_t image[8];
	uint64_t kaslr_align;	/* the image moves in such steps; 0: it cannot */
	bool thp;
	/* i386 fixmap, in page indices counted down from FIXADDR_TOP: */
	unsigned kmap_slots, nr_cpus;
	unsigned fix_after; /* permanent entries above the kmap slots */
	unsigned fix_boot;  /* temporary ones: early_ioremap */
	bool nr_cpus_fixed;
	bool cpu_entry_area;  /* there is one, and an LDT area below it */
	bool vmalloc_rounded; /* VMALLOC_START is a multiple of 8 MiB */
	va_t elf_et_dyn_base; /* 0: two thirds of user space */
};

#define FIX_KMAP_BEGIN	 68 /* both eras: 64 I/O APICs come before */
#define VMALLOC_OFFSET	 (8 * MiB)
#define CPU_ENTRY_STRIDE 43	     /* pages a CPU */
#define CPU_ENTRY_SPAN	 0xb62000ULL /* from FIXADDR_TOP, before rounding */

/* The lowest address of a fixmap that ends with index @n - 1. */
static va_t fixmap_bottom(const struct layout *l, unsigned n)
{
	return l->fixaddr_top - ((va_t)n << PAGE_SHIFT);
}

/* Bytes that one table of the lowest level maps. */
static uint64_t pmd_size(const struct kernel_config *cfg)
{
	const struct paging_mode *mode = &paging_modes[cfg->arch->mode];

	return 1ULL << mode->level[mode->nlevels - 2].shift;
}

static const char *place_fixmap(const struct layout_row *row, unsigned cpus,
				struct layout *l)
{
	unsigned nr_cpus = row->nr_cpus;

	if (cpus > nr_cpus && row->nr_cpus_fixed)
		return "this kernel is built for at most 32 CPUs (NR_CPUS)";
	if (cpus > nr_cpus)
		nr_cpus = cpus;
	unsigned kmap_end = FIX_KMAP_BEGIN + row->kmap_slots * nr_cpus;

	l->fixaddr_top = 0xfffff000;
	l->lapic = l->fixaddr_top - 3 * PAGE_SIZE;
	l->ioapic = l->fixaddr_top - 4 * PAGE_SIZE;
	l->kmap_slots = row->kmap_slots;
	l->fix_kmap_begin = FIX_KMAP_BEGIN;
	l->kmap_fix = fixmap_bottom(l, kmap_end - 1);
	l->fixaddr_start = fixmap_bottom(l, kmap_end + row->fix_after);
	l->fixaddr_boot_start =
		row->cpu_entry_area
			? fixmap_bottom(l, row->fix_boot)
			: l->fixaddr_start - row->fix_boot * PAGE_SIZE;
	return NULL;
}

/* pkmap: one page table, below the fixmap or below the CPU entry area. */
static void place_pkmap(const struct layout_row *row, uint64_t pmd,
			struct layout *l)
{
	va_t ceiling = l->fixaddr_boot_start - PAGE_SIZE;

	if (row->cpu_entry_area) {
		l->cpu_entry_area =
			ALIGN_DOWN(l->fixaddr_top - CPU_ENTRY_SPAN, pmd);
		l->cpu_entry_area_end =
			l->cpu_entry_area + PAGE_SIZE +
			row->nr_cpus * CPU_ENTRY_STRIDE * PAGE_SIZE;
		ceiling = l->cpu_entry_area - pmd; /* LDT remap area */
	}
	l->pkmap_base = ALIGN_DOWN(ceiling - pmd, pmd);
	l->last_pkmap = pmd >> PAGE_SHIFT;
	l->vmalloc_end = l->pkmap_base - 2 * PAGE_SIZE;
}

/* Lowmem ends where RAM does, or where it must leave room for vmalloc. */
static const char *place_lowmem(const struct layout_row *row,
				const struct kernel_config *cfg, pfn_t max_pfn,
				struct layout *l)
{
	uint64_t reserve =
		cfg->vmalloc_reserve ? cfg->vmalloc_reserve : 128 * MiB;
	va_t top = row->vmalloc_rounded ? TOP_4G : l->vmalloc_end;
	uint64_t room = top - l->page_offset;

	if (reserve > room || room - reserve < 16 * MiB)
		return "vmalloc_reserve leaves no address space for lowmem";
	room = (room - reserve) & PAGE_MASK;
	l->lowmem_end = max_pfn << PAGE_SHIFT;
	if (l->lowmem_end > room)
		l->lowmem_end = room;
	l->high_memory = l->page_offset + l->lowmem_end;
	l->vmalloc_start = l->high_memory + VMALLOC_OFFSET;
	if (row->vmalloc_rounded)
		l->vmalloc_start =
			ALIGN_DOWN(l->high_memory + 2 * VMALLOC_OFFSET - 1,
				   VMALLOC_OFFSET);
	if (l->vmalloc_start + MiB > l->vmalloc_end)
		return "vmalloc_reserve leaves no room for the vmalloc area";
	return NULL;
}

static const char *place_32(const struct layout_row *row,
			    const struct kernel_config *cfg, pfn_t max_pfn,
			    struct layout *l)
{
	const char *why;

	l->task_size = l->page_offset;
	l->stack_top = l->task_size;
	why = place_fixmap(row, cfg->cpus, l);
	if (why)
		return why;
	place_pkmap(row, pmd_size(cfg), l);
	l->kernel_map = l->page_offset;
	return place_lowmem(row, cfg, max_pfn, l);
}

/* splitmix64, apart from the kernel's own generator. */
static uint64_t next_random(uint64_t *rng)
{
	uint64_t z = *rng += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* One of the multiples of @align in [@first, @last]. */
static uint64_t random_slot(uint64_t *rng, uint64_t first, uint64_t last,
			    uint64_t align)
{
	return first + next_random(rng) % ((last - first) / align + 1) * align;
}

/*
 * The bases of direct map, vmalloc and vmemmap, in this order, 1 GiB aligned
 * (linux arch/x86/mm/kaslr.c: kernel_randomize_memory). What the direct map
 * needs leaves 10 TiB for memory to be added
 * (RANDOMIZE_MEMORY_PHYSICAL_PADDING).
 */
static void randomize_memory(const struct kernel_config *cfg, pfn_t max_pfn,
			     struct layout *l)
{
	uint64_t ram_tb = ((max_pfn << PAGE_SHIFT) + TiB - 1) / TiB + 10;
	uint64_t size[3] = { (ram_tb < 64 ? ram_tb : 64) * TiB, 32 * TiB };
	va_t *const base[3] = { &l->page_offset, &l->vmalloc_start, &l->vmemmap };
	va_t va = l->page_offset, left = l->cpu_entry_area - va;
	uint64_t rng = cfg->seed ^ 0x6d656d6f7279, entropy;

	size[2] = ALIGN_UP((size[0] >> PAGE_SHIFT) * cfg->arch->sizeof_page,
			   TiB);
	left -= size[0] + size[1] + size[2];
	for (unsigned i = 0; i < 3; i++) {
		entropy = next_random(&rng) % (left / (3 - i) + 1);
		entropy = ALIGN_DOWN(entropy, GiB);
		*base[i] = va + entropy;
		va = ALIGN_UP(*base[i] + size[i] + 1, GiB);
		left -= entropy;
	}
	l->direct_end = l->page_offset + size[0];
	l->vmemmap_max = l->vmemmap + size[2];
}

static const char *place_64(const struct layout_row *row,
			    const struct kernel_config *cfg, pfn_t max_pfn,
			    struct layout *l)
{
	l->task_size = cfg->arch->task_size;
	l->stack_top = l->task_size;
	l->lowmem_end = max_pfn << PAGE_SHIFT;
	l->vmalloc_start = 0xffffc90000000000;
	l->vmemmap = 0xffffea0000000000;
	l->cpu_entry_area = 0xfffffe0000000000;
	l->cpu_entry_area_end = 0xfffffe8000000000;
	l->kernel_image = 0xffffffff80000000;
	l->kernel_map = l->kernel_image;
	l->modules_start = 0xffffffffc0000000;
	l->kernel_image_end = l->modules_start;
	l->direct_end = l->page_offset + 64 * TiB;
	l->vmemmap_max = l->vmemmap + TiB;
	l->modules_end = 0xffffffffff000000;
	l->fixaddr_start = 0xffffffffff578000;
	l->fixaddr_boot_start = l->fixaddr_start;
	l->fixaddr_top = 0xffffffffff7ff000;
	l->lapic = 0xffffffffff5fd000;
	l->ioapic = 0xffffffffff5fc000;
	if (cfg->kaslr)
		randomize_memory(cfg, max_pfn, l);
	l->high_memory = l->page_offset + l->lowmem_end;
	l->vmalloc_end = l->vmalloc_start + 32 * TiB;
	l->vmemmap_end = l->vmemmap + max_pfn * cfg->arch->sizeof_page;
	return NULL;
}

/*
 * Where the image is loaded and runs (linux arch/x86/boot/compressed/kaslr.c:
 * choose_random_location). x86-64 moves its virtual and its physical address
 * apart, i386 both together. Physical slots are below 3 GiB here, where RAM is
 * one piece.
 */
static const char *randomize_image(const struct layout_row *row,
				   const struct kernel_config *cfg,
				   struct layout *l, pa_t *moved)
{
	uint64_t rng = cfg->seed ^ 0x696d616765, align = row->kaslr_align;
	pa_t size = row->image[7] - row->image[0], first = row->image[0];
	pa_t top = l->kernel_image ? 3 * GiB : 512 * MiB;

	if (!align)
		return "no KASLR in layout=classic; layout=6.1 has it";
	if (top > l->lowmem_end / 2)	/* the upper half is for mem_map */
		top = l->lowmem_end / 2;
	if (top < first + size)
		return NULL;		/* one slot only, as without KASLR */
	*moved = random_slot(&rng, 0, top - size - first, align);
	if (l->kernel_image)
		l->kernel_map += random_slot(&rng, 0, GiB - size - first,
					     align) - *moved;
	return NULL;
}

/* --- the areas of `layout` ---------------------------------------------- */

/* Appends the area from the end of the last one up to @end, if not empty. */
static void area(struct layout *l, const char *name, va_t end, const char *note)
{
	va_t start = l->nareas ? l->area[l->nareas - 1].end : 0;

	if (start == end)
		return;
	l->area[l->nareas++] = (struct layout_area){ name, start, end, note };
}

static void name_areas_32(const struct kernel_config *cfg, struct layout *l)
{
	va_t kmap_end =
		l->fixaddr_top - ((l->fix_kmap_begin - 1UL) << PAGE_SHIFT);
	va_t ldt = l->pkmap_base + ((va_t)l->last_pkmap << PAGE_SHIFT);

	area(l, "user space", l->task_size, "one for each process");
	area(l, "direct map", l->high_memory,
	     "lowmem: physical address + PAGE_OFFSET; holds the kernel image");
	area(l, "hole", l->vmalloc_start,
	     "never mapped: catches overruns of lowmem (VMALLOC_OFFSET)");
	area(l, "vmalloc", l->vmalloc_end,
	     "vmalloc, ioremap and modules: single frames made contiguous");
	area(l, "hole", l->pkmap_base, "never mapped: two guard pages");
	area(l, "pkmap", ldt,
	     "kmap: LAST_PKMAP shared slots for HighMem pages");
	if (l->cpu_entry_area) {
		area(l, "LDT remap", l->cpu_entry_area,
		     "LDTs of processes, used with page-table isolation only");
		area(l, "cpu entry area", l->cpu_entry_area_end,
		     "descriptor tables and entry stacks of each CPU");
	}
	area(l, "hole", l->fixaddr_boot_start, "never mapped");
	area(l, "fixmap, early", l->fixaddr_start,
	     "early_ioremap, during boot only");
	area(l, "fixmap", l->kmap_fix,
	     "addresses fixed when the kernel is built");
	area(l, "kmap slots", kmap_end,
	     "kmap_atomic / kmap_local: a stack of slots for each CPU");
	area(l, "fixmap", l->fixaddr_top, "LAPIC, I/O APICs, vdso");
	area(l, "hole", TOP_4G,
	     "never mapped: error numbers as pointers point here");
}

static void name_areas_64(const struct kernel_config *cfg, struct layout *l)
{
	const char *hole = "never mapped: guard hole";

	area(l, "user space", l->task_size, "one for each process");
	area(l, "hole", 0x0000800000000000,
	     "never mapped: keeps SYSRET away from the canonical limit");
	area(l, "non-canonical", 0xffff800000000000,
	     "bits 63:48 differ from bit 47: #GP");
	area(l, "hole", 0xffff880000000000, "reserved for hypervisors");
	area(l, "LDT remap", 0xffff888000000000,
	     "LDTs of processes, used with page-table isolation only");
	area(l, "hole", l->page_offset, "never mapped: KASLR moved the rest up");
	area(l, "direct map", l->high_memory,
	     "all RAM: physical address + PAGE_OFFSET");
	area(l, "direct map, unused", l->direct_end, "room for more RAM");
	area(l, "hole", l->vmalloc_start, hole);
	area(l, "vmalloc", l->vmalloc_end,
	     "vmalloc and ioremap: single frames made contiguous");
	area(l, "hole", l->vmemmap, hole);
	area(l, "vmemmap", l->vmemmap_end, "struct page of every frame");
	area(l, "vmemmap, unused", l->vmemmap_max, "room for more RAM");
	if (!cfg->kaslr) {
		area(l, "hole", 0xffffec0000000000, hole);
		area(l, "KASAN shadow", 0xfffffc0000000000,
		     "not built in: not mapped");
	}
	area(l, "hole", l->cpu_entry_area, hole);
	area(l, "cpu entry area", l->cpu_entry_area_end,
	     "descriptor tables and entry stacks of each CPU");
	area(l, "hole", 0xffffff0000000000, hole);
	area(l, "espfix", 0xffffff8000000000, "stacks for IRET to 16-bit code");
	area(l, "hole", 0xffffffef00000000, hole);
	area(l, "EFI", 0xffffffff00000000, "EFI runtime services");
	area(l, "hole", l->kernel_image, hole);
	area(l, "kernel image", l->modules_start,
	     "text, data and bss, mapped a second time");
	area(l, "modules", l->modules_end, "within 2 GiB of the kernel text");
	area(l, "hole", l->fixaddr_start, "never mapped");
	area(l, "fixmap", l->fixaddr_top,
	     "addresses fixed when the kernel is built: LAPIC, I/O APICs");
	area(l, "hole", 0,
	     "never mapped: error numbers as pointers point here");
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
		.place = place_32,
		.name_areas = name_areas_32,
		.image = IMAGE_CLASSIC,
		.kmap_slots = 13,
		.nr_cpus = 8,
		.fix_after = 4,
		.fix_boot = 17,
		.vmalloc_rounded = true,
	},
	{
		.mode = PAGING_PAE,
		.place = place_32,
		.name_areas = name_areas_32,
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
		.place = place_32,
		.name_areas = name_areas_32,
		.image = { 0x1000000, 0x191bc80, 0x191c000, 0x1c39000,
			   0x1c39000, 0x1d70bc0, 0x1e72000, 0x1ee6000 },
		.kaslr_align = 16 * MiB,
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
		.place = place_32,
		.name_areas = name_areas_32,
		.image = { 0x1000000, 0x1933f00, 0x1934000, 0x1c51000,
			   0x1c52000, 0x1d8e680, 0x1e94000, 0x1f0b000 },
		.kaslr_align = 16 * MiB,
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
		.place = place_64,
		.name_areas = name_areas_64,
		.image = { 0x1000000, 0x1e01d32, 0x2000000, 0x28e7000,
			   0x2a00000, 0x2c489c0, 0x330d000, 0x4400000 },
		.kaslr_align = 2 * MiB,
		.thp = true,
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
		return "vmsplit is a choice of 32-bit kernels";
	for (unsigned i = 0; i < ARRAY_SIZE(vmsplits); i++)
		known |= vmsplits[i] == at;
	if (!known)
		return "vmsplit is one of 3G, 3G_OPT, 2G, 2G_OPT, 1G";
	if (at & ((1ULL << mode->level[0].shift) - 1))
		return "with PAE the kernel must start at a multiple of 1 GiB";
	return NULL;
}

/* @moved: how far KASLR has moved the image in physical memory. */
static void place_image(const struct layout_row *row, pa_t moved,
			struct layout *l)
{
	pa_t p[ARRAY_SIZE(row->image)];

	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = row->image[i] + moved;
	l->image.text = p[0];
	l->image.etext = p[1];
	l->image.rodata = p[2];
	l->image.erodata = p[3];
	l->image.data = p[4];
	l->image.edata = p[5];
	l->image.bss = p[6];
	l->image.ebss = p[7];
	l->kernel_phys = p[0];
}

/* Where user space puts things without ASLR, with an 8 MiB stack limit. */
static void place_user(const struct layout_row *row, struct layout *l)
{
	l->mmap_base = l->task_size - 128 * MiB;
	l->elf_et_dyn_base = row->elf_et_dyn_base
				     ? row->elf_et_dyn_base
				     : (l->task_size / 3 * 2) & PAGE_MASK;
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
	why = choose_page_offset(cfg, &l);
	if (!why)
		why = row->place(row, cfg, max_pfn, &l);
	if (why)
		return why;
	if (cfg->kaslr)
		why = randomize_image(row, cfg, &l, &moved);
	if (why)
		return why;
	place_image(row, moved, &l);
	place_user(row, &l);
	l.thp = row->thp;
	if (l.image.ebss >= l.lowmem_end)
		return "the kernel image does not fit into lowmem";
	row->name_areas(cfg, &l);
	*ret = l;
	return NULL;
}

/* --- symbols ------------------------------------------------------------ */

static const struct symbol {
	const char *name;
	size_t offset; /* of its field in struct layout */
	bool physical; /* the field is an address of the image */
} symbols[] = {
#define VA(name, field)                                     \
	{                                                   \
		name, offsetof(struct layout, field), false \
	}
#define PA(name, field)                                          \
	{                                                        \
		name, offsetof(struct layout, image.field), true \
	}
	VA("PAGE_OFFSET", page_offset),
	VA("TASK_SIZE", task_size),
	VA("high_memory", high_memory),
	VA("VMALLOC_START", vmalloc_start),
	VA("VMALLOC_END", vmalloc_end),
	VA("PKMAP_BASE", pkmap_base),
	VA("FIXADDR_START", fixaddr_start),
	VA("FIXADDR_TOP", fixaddr_top),
	VA("CPU_ENTRY_AREA", cpu_entry_area),
	VA("MODULES_VADDR", modules_start),
	VA("MODULES_END", modules_end),
	VA("VMEMMAP_START", vmemmap),
	VA("STACK_TOP", stack_top),
	VA("mmap_base", mmap_base),
	VA("__START_KERNEL_map", kernel_image),
	PA("_text", text),
	PA("_etext", etext),
	PA("__start_rodata", rodata),
	PA("__end_rodata", erodata),
	PA("_sdata", data),
	PA("_edata", edata),
	PA("__bss_start", bss),
	PA("__bss_stop", ebss),
	PA("swapper_pg_dir", bss),
#undef VA
#undef PA
};

bool layout_symbol(const struct layout *l, const char *name, va_t *ret)
{
	for (unsigned i = 0; i < ARRAY_SIZE(symbols); i++) {
		const struct symbol *s = &symbols[i];
		uint64_t value =
			*(const uint64_t *)((const char *)l + s->offset);

		if (strcmp(s->name, name))
			continue;
		if (!value)
			return false;
		*ret = s->physical ? l->kernel_map + value : value;
		return true;
	}
	return false;
}

const char *layout_symbol_name(unsigned i)
{
	return i < ARRAY_SIZE(symbols) ? symbols[i].name : NULL;
}

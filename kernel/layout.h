/*
 * layout.h - where kernel space puts things: one row an architecture and
 * layout, and the boundaries of this boot computed from it.
 *
 * Rows: i386 classic (Linux 2.6: the textbook's numbers), i386 6.1, x86-64
 * with 4 and with 5 levels. Source: linux 6.1 arch/x86/include/asm/
 * pgtable_32_areas.h, page_32_types.h, pgtable_64_types.h,
 * Documentation/x86/x86_64/mm.rst.
 */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#include "machine/machine.h"

#define GiB (1ULL << 30)
#define MiB (1ULL << 20)
#define TiB (1ULL << 40)
#define KiB (1ULL << 10)

#define MIN_RAM	(16 * MiB)	/* the kernel image may need more */
#define MAX_RAM	(1024 * GiB)

/*
 * What a real kernel says about its memory at boot, to be had here as well
 * (boot_sizes.c): bytes, pages of each zone from BOOT_MANAGED on.
 */
enum boot_size {
	BOOT_RESERVED,		/* "reserved" of the Memory: line */
	BOOT_SMP,		/* "Freeing SMP alternatives memory" */
	BOOT_INIT,		/* "init" of the Memory: line */
	BOOT_INITRD,
	BOOT_FREED,		/* all that is freed later, initrd included */
	BOOT_CODE, BOOT_RODATA, BOOT_RWDATA,		/* of that line */
	BOOT_MANAGED,		/* + enum zone_type: /proc/zoneinfo */
	NR_BOOT_SIZES = BOOT_MANAGED + 4
};

struct boot_sizes { uint64_t n[NR_BOOT_SIZES]; unsigned set; /* BIT(i) */ };

struct e820_map;

struct kernel_config {		/* what `boot` takes */
	const struct arch *arch;
	uint64_t ram;		/* bytes, page-aligned, 16 MiB .. 1 TiB */
	unsigned cpus;		/* 1 .. MACHINE_MAX_CPUS */
	uint64_t page_offset;	/* i386: 0xC0000000 for vmsplit=3G, ...; 0: default */
	bool layout_61;		/* layout=6.1 rather than classic (i386) */
	uint64_t vmalloc_reserve; /* i386: vmalloc=, bytes; 0: 128 MiB */
	uint64_t lowmem;	/* i386: its limit in bytes; 0: the layout's */
	uint64_t highmem;	/* i386: highmem=, bytes, if has_highmem */
	bool has_highmem;
	bool la57;		/* x86-64: 5-level paging */
	bool vmalloc_fault;	/* i386: other roots get vmalloc's entries late */
	uint64_t seed;
	bool kaslr, aslr;
	uint64_t swiotlb;	/* swiotlb=, bytes; 0: 64 MiB */
	bool swiotlb_off, swiotlb_force; /* none; all streaming DMA bounces */
	bool pti;		/* x86-64: page-table isolation */
	char slub_debug[64];	/* Linux' parameter; "": off */
	uint64_t hugepages;	/* hugepages=: of hugetlb */
	uint8_t thp;		/* transparent_hugepage=: enum thp_enabled */
	bool pse, nx, pge, pat, gbpages, pcid; /* CPU features taken away or given */
	bool pku;  /* the CPU has protection keys, and Linux uses them */
	bool smap; /* the CPU has SMAP and SMEP, and Linux uses them */
	struct tlb_config tlb;		/* all zero: the default */
	struct boot_sizes sizes;
	unsigned fail_nth;	/* tests: the nth allocation of boot fails */
	const struct e820_map *map;	/* borrowed until booted; NULL: a PC's */
	pa_t image[8];		/* text, etext, rodata, ...; 0: the row's own */
};

struct arch {			/* a row of `boot` */
	const char *name;	/* "i386", "i386-pae", "x86_64" */
	enum paging_mode_id mode;
	uint8_t elf_class;	/* ELFCLASS32 or ELFCLASS64 */
	uint16_t elf_machine;	/* EM_386, EM_X86_64 */
	uint8_t word;		/* bytes of a long: 4 or 8 */
	va_t page_offset, task_size;
	pa_t max_ram;		/* RAM above is invisible */
	unsigned sizeof_page;	/* of the simulated struct page: 40 or 64 */
	bool softdirty;		/* CONFIG_MEM_SOFT_DIRTY: PTE bit 11 */
	bool invert_none;	/* PROT_NONE entries keep the pfn inverted (L1TF) */
	bool highmem;		/* has ZONE_HIGHMEM, kmap */
	struct cpu_features features;
};

extern const struct arch archs[];	/* ends with a NULL name */
const struct arch *arch_by_name(const char *name);

/* One line of `layout`: a named range of the address space. */
struct layout_area {
	const char *name;	/* "vmalloc", "pkmap", "user space" */
	va_t start, end;	/* end exclusive; 0 means the very top */
	const char *note;	/* one phrase for students */
};

#define LAYOUT_MAX_AREAS 40

/* What KASLR moved: one of @positions places, @granule apart. */
struct kaslr_move {
	const char *what;	/* "page_offset_base", "kernel text, physical" */
	uint64_t base, from;	/* where it is; where it would be without KASLR */
	uint64_t granule, positions;
	bool physical;
};

#define LAYOUT_MAX_MOVES 7

struct layout {
	enum paging_mode_id mode;
	va_t task_size;		/* first address that is not the user's */
	va_t map_window;	/* mmap stays below unless asked; 47 bits with LA57 */
	va_t mmap_base, stack_top, elf_et_dyn_base;	/* user, without ASLR */
	va_t page_offset;	/* direct map: __va(0) */
	va_t high_memory;	/* end of the direct map */
	pa_t lowmem_end;	/* __pa(high_memory): frames above are HighMem */
	pfn_t max_pfn;		/* frames from here on are not used (highmem=) */
	/* What the kernel says at boot about highmem=; "" if nothing. */
	char message[96];
	va_t vmalloc_start, vmalloc_end;
	va_t pkmap_base;	/* 0 where there is none */
	unsigned last_pkmap;
	va_t fixaddr_start, fixaddr_top;
	va_t fixaddr_boot_start; /* temporary fixmap entries begin here */
	va_t kmap_fix;		/* lowest kmap_atomic/kmap_local slot */
	unsigned kmap_slots;	/* per CPU */
	unsigned fix_kmap_begin;	/* fixmap index of CPU 0's first slot */
	va_t lapic, ioapic;	/* fixmap pages of the interrupt controllers */
	unsigned nr_cpus;	/* the kernel is built for so many */
	bool thp;		/* transparent huge pages: raises the watermarks */
	va_t cpu_entry_area, cpu_entry_area_end, modules_start, modules_end;
	va_t ldt_base;		/* LDT remap, with page-table isolation */
	va_t vsyscall, espfix_base, efi_start, efi_end;	/* x86-64, else 0 */
	va_t vmemmap, vmemmap_end;	/* mem_map: in lowmem on i386 */
	va_t kernel_map;	/* the image runs at this + its physical address */
	va_t kernel_image, kernel_image_end;	/* x86-64: its own area; else 0 */
	va_t direct_end, vmemmap_max;	/* x86-64: ends of what is set aside */
	pa_t kernel_phys;	/* load address of the image */
	struct { pa_t text, etext, rodata, erodata, data, edata, bss, ebss, idt; } image;
	unsigned module_load_offset;	/* pages; KASLR: 1 to 1024 */
	/* espfix: random bits of the stacks' addresses; see espfix_stack() */
	unsigned espfix_page, espfix_slot;
	unsigned nmoves;
	struct kaslr_move move[LAYOUT_MAX_MOVES];	/* in the order drawn */
	unsigned nareas;
	struct layout_area area[LAYOUT_MAX_AREAS];	/* ascending, no holes left out */
};

/*
 * Computes the layout of a boot with the given end of usable RAM. Pure.
 * Returns NULL, or a static string saying why that configuration is impossible.
 */
const char *layout_compute(const struct kernel_config *cfg, pfn_t max_pfn,
			   struct layout *ret);

/* The paging mode of a kernel so configured. */
enum paging_mode_id layout_mode(const struct kernel_config *cfg);

/* End of usable RAM that a kernel so configured can see, as a frame number. */
pfn_t layout_end_of_ram(const struct kernel_config *cfg);

/*
 * Where large pages of the image end: with the brk area behind bss, of which
 * there is at least a page.
 */
static inline pa_t layout_image_end(const struct layout *l, uint64_t large)
{
	return ALIGN_UP(l->image.ebss + PAGE_SIZE, large);
}

/* Bottom of @cpu's espfix stack (64 bytes), x86-64 (init_espfix_ap). */
va_t layout_espfix_stack(const struct layout *l, unsigned cpu);

/* The address of a boundary by its kernel name ("PAGE_OFFSET",
 * "high_memory", "VMALLOC_START", "_text", ...). False if there is none. */
bool layout_symbol(const struct layout *l, const char *name, va_t *ret);
/*
 * The @i-th symbol by the name that this very kernel has for it, and where it
 * is; "" if it has none, NULL past the end.
 */
const char *layout_label(const struct layout *l, unsigned i, va_t *ret);
/* The @i-th symbol name, NULL past the end; for completion. */
const char *layout_symbol_name(unsigned i);

#endif

/*
 * layout_internal.h - what layout.c, layout_32.c, layout_64.c and kaslr.c
 * share: a row of constants for each kernel layout, and who places the areas.
 */
#ifndef KERNEL_LAYOUT_INTERNAL_H
#define KERNEL_LAYOUT_INTERNAL_H

#include "kernel/kernel.h"

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
	pa_t idt; /* of it: idt_table, one page; 0: not told */
	uint64_t kaslr_align; /* the image moves in such steps; 0: it cannot */
	uint64_t image_space; /* KERNEL_IMAGE_SIZE: virtual room for it */
	pa_t image_limit;     /* physical addresses that KASLR may choose */
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

/* Where the image would be without KASLR: text, etext, rodata, ... */
const pa_t *layout_image(const struct layout_row *row,
			 const struct kernel_config *cfg);

/* The e820 map of a machine so configured; returns the number of rows. */
unsigned layout_e820(const struct kernel_config *cfg, struct ram_region *map);

/* Appends the area from the end of the last one up to @end, if not empty. */
void layout_area(struct layout *l, const char *name, va_t end,
		 const char *note);

const char *layout_place_32(const struct layout_row *row,
			    const struct kernel_config *cfg, pfn_t max_pfn,
			    struct layout *l);
void layout_name_areas_32(const struct kernel_config *cfg, struct layout *l);
const char *layout_place_64(const struct layout_row *row,
			    const struct kernel_config *cfg, pfn_t max_pfn,
			    struct layout *l);
void layout_name_areas_64(const struct kernel_config *cfg, struct layout *l);

/*
 * Draws the bases of direct map, vmalloc and vmemmap; @max_size and
 * @vmalloc_size are the bytes set aside for the first two.
 */
void kaslr_memory(const struct kernel_config *cfg, pfn_t max_pfn,
		  uint64_t max_size, uint64_t vmalloc_size, struct layout *l);
/* Draws where the image is: *moved is how far in physical memory. */
const char *kaslr_image(const struct layout_row *row,
			const struct kernel_config *cfg, struct layout *l,
			pa_t *moved);
/* Draws the offset of the first module, once the area is known. */
void kaslr_modules(const struct kernel_config *cfg, struct layout *l);
/* Draws where espfix stacks are: so does every kernel, without KASLR too. */
void espfix_random(const struct kernel_config *cfg, struct layout *l);

#endif

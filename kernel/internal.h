/*
 * internal.h - what the files of kernel/ share with one another and with
 * nobody else (as linux mm/internal.h). Tests may include it.
 */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include "kernel/kernel.h"

/*
 * Builds the kernel's page tables: direct map, kernel image, vmemmap,
 * tables of the fixmap and pkmap. Returns NULL or why it cannot (init_mem.c).
 */
const char *init_mem_mapping(struct kernel *k);
/* End of the image's own mapping, as a physical address (x86-64). */
pa_t kernel_image_mapped_end(const struct kernel *k);

/*
 * Per-CPU areas and the CPU entry area, where there is one. False: no memory
 * (cpu_entry_area.c).
 */
bool setup_cpu_entry_areas(struct kernel *k);
/* The first page of a CPU's TSS. */
pa_t cpu_tss_rw(const struct kernel *k, unsigned cpu);

/*
 * Reserves what config.sizes asks for, and finds out late_pages. The zones
 * have their spans. NULL, or why it cannot (boot_sizes.c).
 */
const char *reserve_boot_sizes(struct kernel *k);

/* Watermarks and lowmem_reserve, once managed pages are known (watermark.c). */
void watermarks_init(struct kernel *k);
/* Pages of zone @i that are managed when watermarks are set. */
uint64_t managed_then(const struct kernel *k, unsigned i);

/*
 * linux __zone_watermark_ok(): would @zone, after a block of @order, keep
 * @mark and what it reserves against requests for @highest (page_alloc.c)?
 */
bool zone_watermark_ok(const struct zone *zone, unsigned order, uint64_t mark,
		       enum zone_type highest, unsigned alloc_flags);

/* One part of kernel_check() at work. */
struct checker {
	check_fn fn;
	void *ctx;
	unsigned found;
};

/* Reports one finding (check.c). */
void check_finding(struct checker *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The part of files and the disk (fs_check.c). */
void fs_check(struct checker *c, struct kernel *k);

/* The page-table part of kernel_check (check.c). */
unsigned pgtable_check(struct kernel *k, check_fn fn, void *ctx);

#endif

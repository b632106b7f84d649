/*
 * layout_32.c - kernel space of i386: computed downwards from 4 GiB.
 *
 *   4 GiB   hole, fixmap, (6.1: CPU entry area, LDT remap)    fixed
 *           pkmap                                             fixed
 *           vmalloc      what is left, at least the reserve
 *           hole         8 MiB
 *           direct map   lowmem: RAM, up to the limit
 *   PAGE_OFFSET
 *
 * Models Linux 6.1's arch/x86/include/asm/pgtable_32_areas.h, fixmap.h,
 * page_32_types.h, parse_vmalloc() of arch/x86/mm/pgtable_32.c and
 * find_low_pfn_range() of arch/x86/mm/init_32.c; the classic rows model
 * 2.6.24's pgtable_32.h, fixmap_32.h and setup_32.c. Numbers observed on
 * Debian kernels (golden/linux-layout.md). Left out: `reservetop=`.
 */
#include "kernel/layout_internal.h"

#include <stdio.h>

#define TOP_4G		 (4 * GiB)
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
		l->ldt_base = l->cpu_entry_area - pmd;
		ceiling = l->ldt_base;
	}
	l->pkmap_base = ALIGN_DOWN(ceiling - pmd, pmd);
	l->last_pkmap = pmd >> PAGE_SHIFT;
	l->vmalloc_end = l->pkmap_base - 2 * PAGE_SIZE;
}

/* --- lowmem --------------------------------------------------------------- */

/* __VMALLOC_RESERVE: 6.1 adds the hole to what `vmalloc=` says. */
static uint64_t vmalloc_reserve(const struct layout_row *row,
				const struct kernel_config *cfg)
{
	if (!cfg->vmalloc_reserve)
		return 128 * MiB;
	if (row->vmalloc_rounded)
		return cfg->vmalloc_reserve;
	return cfg->vmalloc_reserve + VMALLOC_OFFSET;
}

/*
 * MAXMEM_PFN: more lowmem there cannot be. lowmem= is another limit, if need
 * be at the cost of the default reserve.
 */
static const char *max_lowmem(const struct layout_row *row,
			      const struct kernel_config *cfg,
			      const struct layout *l, pfn_t *ret)
{
	va_t top = row->vmalloc_rounded ? TOP_4G : l->vmalloc_end;
	uint64_t room = top - l->page_offset;
	uint64_t reserve = vmalloc_reserve(row, cfg);

	if (reserve > room || room - reserve < 16 * MiB)
		return "vmalloc=: leaves no address space for lowmem";
	room = (room - reserve) & PAGE_MASK;
	if (cfg->lowmem > room && cfg->vmalloc_reserve)
		return "lowmem= and vmalloc= are more than kernel space has "
		       "(vmsplit= gives it more)";
	if (cfg->lowmem)
		room = cfg->lowmem & PAGE_MASK;
	*ret = room >> PAGE_SHIFT;
	return NULL;
}

static unsigned long to_mb(pfn_t pages)
{
	return pages >> (20 - PAGE_SHIFT);
}

#define SAY(l, ...) snprintf((l)->message, sizeof((l)->message), __VA_ARGS__)

/* All RAM fits into lowmem: highmem= makes highmem of its end. */
static pfn_t lowmem_pfn_init(const struct kernel_config *cfg, pfn_t max_pfn,
			     struct layout *l)
{
	pfn_t high = cfg->has_highmem ? cfg->highmem >> PAGE_SHIFT : 0;

	if (high >= max_pfn) {
		SAY(l,
		    "highmem size (%luMB) is bigger than pages available "
		    "(%luMB)!",
		    to_mb(high), to_mb(max_pfn));
		high = 0;
	}
	if (high && max_pfn - high < 64 * MiB >> PAGE_SHIFT) {
		SAY(l,
		    "highmem size (%luMB) results in <64MB lowmem, "
		    "ignoring it!",
		    to_mb(high));
		high = 0;
	}
	l->max_pfn = max_pfn;
	return max_pfn - high;
}

/* There is highmem: highmem= cuts it. */
static pfn_t highmem_pfn_init(const struct kernel_config *cfg, pfn_t max_pfn,
			      pfn_t maxmem, struct layout *l)
{
	pfn_t high = cfg->highmem >> PAGE_SHIFT;

	l->max_pfn = max_pfn;
	if (cfg->has_highmem && high + maxmem < max_pfn)
		l->max_pfn = high + maxmem;
	if (cfg->has_highmem && high + maxmem > max_pfn)
		SAY(l,
		    "only %luMB highmem pages available, ignoring highmem "
		    "size of %luMB!",
		    to_mb(max_pfn - maxmem), to_mb(high));
	return maxmem;
}

/* Lowmem ends where RAM does, or where it must leave room for vmalloc. */
static const char *place_lowmem(const struct layout_row *row,
				const struct kernel_config *cfg, pfn_t max_pfn,
				struct layout *l)
{
	pfn_t maxmem, low;
	const char *why = max_lowmem(row, cfg, l, &maxmem);

	if (why)
		return why;
	low = max_pfn <= maxmem ? lowmem_pfn_init(cfg, max_pfn, l)
				: highmem_pfn_init(cfg, max_pfn, maxmem, l);
	l->lowmem_end = low << PAGE_SHIFT;
	l->high_memory = l->page_offset + l->lowmem_end;
	l->vmalloc_start = l->high_memory + VMALLOC_OFFSET;
	if (row->vmalloc_rounded)
		l->vmalloc_start =
			ALIGN_DOWN(l->high_memory + 2 * VMALLOC_OFFSET - 1,
				   VMALLOC_OFFSET);
	if (l->vmalloc_start >= l->vmalloc_end)
		return "no room for the vmalloc area (lowmem=, vmalloc=): "
		       "Linux stops with BUG_ON(VMALLOC_START >= VMALLOC_END)";
	return NULL;
}

const char *layout_place_32(const struct layout_row *row,
			    const struct kernel_config *cfg, pfn_t max_pfn,
			    struct layout *l)
{
	const char *why;

	l->task_size = l->page_offset;
	l->map_window = l->task_size;
	l->stack_top = l->task_size;
	why = place_fixmap(row, cfg->cpus, l);
	if (why)
		return why;
	place_pkmap(row, pmd_size(cfg), l);
	l->kernel_map = l->page_offset;
	why = place_lowmem(row, cfg, max_pfn, l);
	l->modules_start = l->vmalloc_start;
	l->modules_end = l->vmalloc_end;
	return why;
}

void layout_name_areas_32(const struct kernel_config *cfg, struct layout *l)
{
	va_t kmap_end =
		l->fixaddr_top - ((l->fix_kmap_begin - 1UL) << PAGE_SHIFT);
	va_t pkmap_end = l->pkmap_base + ((va_t)l->last_pkmap << PAGE_SHIFT);

	layout_area(l, "user space", l->task_size, "one for each process");
	layout_area(l, "direct map", l->high_memory,
		    "lowmem: RAM at its address + PAGE_OFFSET");
	layout_area(l, "hole", l->vmalloc_start,
		    "VMALLOC_OFFSET: catches overruns");
	layout_area(l, "vmalloc", l->vmalloc_end, "vmalloc, ioremap, modules");
	layout_area(l, "hole", l->pkmap_base, "two guard pages");
	layout_area(l, "pkmap", pkmap_end,
		    "kmap: shared slots for HighMem pages");
	if (l->cpu_entry_area) {
		layout_area(l, "LDT remap", l->cpu_entry_area,
			    "LDTs, with page-table isolation only");
		layout_area(l, "cpu entry area", l->cpu_entry_area_end,
			    "descriptor tables, entry stacks");
	}
	layout_area(l, "hole", l->fixaddr_boot_start, "never mapped");
	layout_area(l, "fixmap, early", l->fixaddr_start,
		    "early_ioremap, during boot only");
	layout_area(l, "fixmap", l->kmap_fix, "fixed when the kernel is built");
	layout_area(l, "kmap slots", kmap_end,
		    cfg->layout_61 ? "kmap_local: a stack of slots per CPU"
				   : "kmap_atomic: slots of each CPU");
	layout_area(l, "fixmap", l->fixaddr_top, "LAPIC, I/O APICs, vdso");
	layout_area(l, "hole", TOP_4G, "error numbers as pointers point here");
}

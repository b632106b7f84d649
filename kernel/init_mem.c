/*
 * init_mem.c - the kernel's page tables at boot.
 *
 *   direct map     RAM at PAGE_OFFSET, in the largest pages that fit
 *   kernel image   x86-64: once more at 0xffffffff80000000
 *   vmemmap        x86-64: struct page of each 128 MiB section, 2 MiB pages
 *   fixmap, pkmap  tables only; entries come and go
 *
 * Models arch/x86/mm/init.c (init_memory_mapping, split_mem_range),
 * init_32.c, init_64.c (mark_rodata_ro), sparse-vmemmap.c and set_fixmap() of
 * Linux 6.1. The protections are those after boot: text and rodata read-only,
 * all but text no-execute. Left out: the real-mode trampoline, KPTI, KASLR,
 * module and set_memory_*() changes, EFI.
 */
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/memtype.h"
#include "kernel/pgtable.h"

#define SECTION_SIZE (128 * MiB) /* x86-64: SECTION_SIZE_BITS 27 */
#define LAPIC_PHYS   0xfee00000ULL
#define IOAPIC_PHYS  0xfec00000ULL

static const char no_room[] = "no memory left for the boot page tables";

/* Two views of RAM differ in what the text's protection is. */
enum view { VIEW_DIRECT, VIEW_IMAGE };

/* PTE flags of the page at @pa. */
static uint64_t prot_of(const struct kernel *k, pa_t pa, enum view view)
{
	const struct layout *l = &k->layout;
	uint64_t flags = pt_page_kernel(k);
	bool text = pa >= l->image.text && pa < l->image.etext;
	bool rodata = pa >= l->image.rodata && pa < l->image.erodata;
	/* Where the image is mapped twice, only that mapping executes. */
	bool runs_here = view == VIEW_IMAGE || l->kernel_map == l->page_offset;

	if (text || rodata)
		flags &= ~(PTE_RW | PTE_D);
	if (text && runs_here)
		flags &= ~PTE_XD;
	return flags;
}

/* The next address in (pa, end] where protections may change. */
static pa_t next_cut(const struct kernel *k, pa_t pa, pa_t end)
{
	const struct layout *l = &k->layout;
	const pa_t cuts[] = {
		1ULL << k->mode->level[k->pte_level - 1].shift,
		l->image.text,
		PAGE_ALIGN(l->image.etext),
		l->image.rodata,
		PAGE_ALIGN(l->image.erodata),
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cuts); i++)
		if (cuts[i] > pa && cuts[i] < end)
			end = cuts[i];
	return end;
}

/*
 * Maps [pa, end) at @va_of_zero + pa. The first large page is always made of
 * small ones: the fixed MTRRs split the first MiB.
 */
static bool map_ram(struct kernel *k, va_t va_of_zero, pa_t pa, pa_t end,
		    enum view view)
{
	pa_t first_large = 1ULL << k->mode->level[k->pte_level - 1].shift;

	while (pa < end) {
		pa_t next = next_cut(k, pa, end);
		unsigned shift = pa < first_large ? PAGE_SHIFT : 63;
		uint64_t prot = prot_of(k, pa, view);

		while (next < end && next != first_large &&
		       prot_of(k, next, view) == prot)
			next = next_cut(k, next, end);
		if (kernel_map_range(k, va_of_zero + pa, pa, next - pa, prot,
				     shift))
			return false;
		pa = next;
	}
	return true;
}

/* The whole first MiB, holes and all, then RAM up to the end of lowmem. */
static bool map_direct(struct kernel *k)
{
	va_t offset = k->layout.page_offset;

	if (!map_ram(k, offset, 0, MiB, VIEW_DIRECT))
		return false;
	for (unsigned i = 0; i < k->nmemory; i++) {
		pa_t start = k->memory[i].start, end = k->memory[i].end;

		if (start < MiB)
			start = MiB;
		if (end > k->layout.lowmem_end)
			end = k->layout.lowmem_end;
		if (start < end && !map_ram(k, offset, start, end, VIEW_DIRECT))
			return false;
	}
	return true;
}

/* Text, rodata, data to bss: the gaps between are free memory, unmapped. */
static bool map_image(struct kernel *k)
{
	const struct layout *l = &k->layout;
	const pa_t parts[][2] = {
		{ l->image.text, l->image.etext },
		{ l->image.rodata, l->image.erodata },
		{ l->image.data, l->image.edata },
		{ l->image.bss, l->image.ebss },
	};

	if (l->kernel_map == l->page_offset)
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		if (!map_ram(k, l->kernel_map, parts[i][0],
			     PAGE_ALIGN(parts[i][1]), VIEW_IMAGE))
			return false;
	return true;
}

static uint64_t section_map_size(const struct kernel *k)
{
	return (SECTION_SIZE >> PAGE_SHIFT) * k->arch->sizeof_page;
}

/* One contiguous block of RAM holds the struct pages of all sections of a
 * range. */
static bool map_vmemmap_range(struct kernel *k, pa_t start, pa_t end)
{
	uint64_t first = start / SECTION_SIZE;
	uint64_t n = (end + SECTION_SIZE - 1) / SECTION_SIZE - first;
	uint64_t bytes = n * section_map_size(k);
	pa_t pa = memblock_alloc(k, bytes, 2 * MiB, k->layout.lowmem_end,
				 "mem_map");

	return pa && !kernel_map_range(
			     k, k->layout.vmemmap + first * section_map_size(k),
			     pa, bytes, pt_page_kernel(k), 21);
}

/* => ranges that share a section with the one before are cut there */
static bool map_vmemmap(struct kernel *k)
{
	pa_t done = 0;

	for (unsigned i = 0; i < k->nmemory; i++) {
		pa_t start = k->memory[i].start, end = k->memory[i].end;

		if (start < done)
			start = done;
		if (start >= end)
			continue;
		if (!map_vmemmap_range(k, start, end))
			return false;
		done = ALIGN_UP(end, SECTION_SIZE);
	}
	return true;
}

/* i386: one array for all frames, as high in lowmem as it goes. */
static bool reserve_flat_mem_map(struct kernel *k)
{
	uint64_t frames = ALIGN_UP(k->max_pfn, 1ULL << (MAX_ORDER - 1));

	return memblock_alloc(k, frames * k->arch->sizeof_page, PAGE_SIZE,
			      k->layout.lowmem_end, "mem_map") != 0;
}

/* The interrupt controllers' registers, uncached (linux set_fixmap_nocache). */
static bool map_fixmap(struct kernel *k)
{
	const struct layout *l = &k->layout;
	uint64_t flags = pt_page_kernel(k) | cachemode2protval(k, MT_UC);

	if (kernel_populate_tables(k, l->fixaddr_start, l->fixaddr_top))
		return false;
	if (l->pkmap_base &&
	    kernel_populate_tables(k, l->pkmap_base,
				   l->pkmap_base +
					   ((va_t)l->last_pkmap << PAGE_SHIFT)))
		return false;
	return !kernel_map_range(k, l->lapic, LAPIC_PHYS, PAGE_SIZE, flags,
				 PAGE_SHIFT) &&
	       !kernel_map_range(k, l->ioapic, IOAPIC_PHYS, PAGE_SIZE, flags,
				 PAGE_SHIFT);
}

const char *init_mem_mapping(struct kernel *k)
{
	if (!k->layout.vmemmap && !reserve_flat_mem_map(k))
		return "lowmem is too small for mem_map: less RAM, or a "
		       "vmsplit with more lowmem";
	if (!map_direct(k) || !map_image(k))
		return no_room;
	if (k->layout.vmemmap && !map_vmemmap(k))
		return "no room for mem_map: the RAM is too small";
	return map_fixmap(k) ? NULL : no_room;
}

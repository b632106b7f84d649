/*
 * init_mem.c - the kernel's page tables at boot.
 *
 *   direct map     RAM at PAGE_OFFSET, in the largest pages that fit
 *   kernel image   x86-64: once more at 0xffffffff80000000
 *   vmemmap        x86-64: struct page of each 128 MiB section, 2 MiB pages
 *   fixmap, pkmap  tables only; entries come and go
 *
 * Models arch/x86/mm/init.c (init_memory_mapping, split_mem_range),
 * init_32.c, init_64.c (mark_rodata_ro), arch/x86/realmode/init.c, idt.c,
 * sparse-vmemmap.c and set_fixmap() of
 * Linux 6.1. The protections are those after boot: text and rodata read-only,
 * all but text no-execute; 6.1 also protects the IDT and the real-mode
 * trampoline. Left out: EFI, what drivers and modules protect later.
 */
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/memtype.h"
#include "kernel/pgtable.h"
#include "kernel/pti.h"
#include "kernel/set_memory.h"

#define SECTION_SIZE (128 * MiB) /* x86-64: SECTION_SIZE_BITS 27 */
#define LAPIC_PHYS   0xfee00000ULL
#define IOAPIC_PHYS  0xfec00000ULL

static const char no_room[] = "no memory left for the boot page tables";

/* 2 MiB or 4 MiB: what the kernel's 4 KiB pages are cut out of. */
static uint64_t large_size(const struct kernel *k)
{
	return 1ULL << k->mode->level[k->pte_level - 1].shift;
}

/*
 * Maps [pa, end) at @va_of_zero + pa. The first large page is always made of
 * small ones: the fixed MTRRs split the first MiB.
 */
static bool map_ram(struct kernel *k, va_t va_of_zero, pa_t pa, pa_t end,
		    uint64_t prot)
{
	pa_t small = large_size(k);

	if (pa < small) {
		pa_t next = end < small ? end : small;

		if (kernel_map_range(k, va_of_zero + pa, pa, next - pa, prot,
				     PAGE_SHIFT))
			return false;
		pa = next;
	}
	return pa >= end ||
	       !kernel_map_range(k, va_of_zero + pa, pa, end - pa, prot, 63);
}

/* RAM in the direct map, no-execute but for text, if the image runs there. */
static bool map_lowmem(struct kernel *k, pa_t start, pa_t end)
{
	const struct layout *l = &k->layout;
	bool runs_here = l->kernel_map == l->page_offset && pt_nx(k);
	pa_t text = runs_here ? l->image.text : end;
	pa_t etext = runs_here ? PAGE_ALIGN(l->image.etext) : end;
	pa_t cut[] = { start, text, etext, end };

	for (unsigned i = 0; i + 1 < ARRAY_SIZE(cut); i++) {
		pa_t from = cut[i] > start ? cut[i] : start;
		pa_t to = cut[i + 1] < end ? cut[i + 1] : end;
		uint64_t prot = pt_page_kernel(k);

		if (i == 1)
			prot &= ~PTE_XD;
		if (from < to && !map_ram(k, l->page_offset, from, to, prot))
			return false;
	}
	return true;
}

/* The whole first MiB, holes and all, then RAM up to the end of lowmem. */
static bool map_direct(struct kernel *k)
{
	if (!map_lowmem(k, 0, MiB))
		return false;
	for (unsigned i = 0; i < k->nmemory; i++) {
		pa_t start = k->memory[i].start, end = k->memory[i].end;

		while (i + 1 < k->nmemory && k->memory[i + 1].start == end)
			end = k->memory[++i].end;
		if (start < MiB)
			start = MiB;
		if (end > k->layout.lowmem_end)
			end = k->layout.lowmem_end;
		if (start < end && !map_lowmem(k, start, end))
			return false;
	}
	return true;
}

pa_t kernel_image_mapped_end(const struct kernel *k)
{
	return layout_image_end(&k->layout, large_size(k));
}

/* The image once more, in pages that execute, until mark_rodata_ro(). */
static bool map_image(struct kernel *k)
{
	const struct layout *l = &k->layout;

	return l->kernel_map == l->page_offset ||
	       map_ram(k, l->kernel_map, l->image.text,
		       kernel_image_mapped_end(k), pt_page_kernel(k) & ~PTE_XD);
}

static uint64_t section_map_size(const struct kernel *k)
{
	return (SECTION_SIZE >> PAGE_SHIFT) * k->arch->sizeof_page;
}

/*
 * The sections of the @i-th range of RAM that no range before it has, as
 * [*first, + the number returned).
 */
static uint64_t sections_of(const struct kernel *k, unsigned i, uint64_t *first)
{
	uint64_t end = (k->memory[i].end + SECTION_SIZE - 1) / SECTION_SIZE;

	*first = k->memory[i].start / SECTION_SIZE;
	if (i && *first * SECTION_SIZE < k->memory[i - 1].end)
		*first = (k->memory[i - 1].end + SECTION_SIZE - 1) /
			 SECTION_SIZE;
	return end > *first ? end - *first : 0;
}

/* One block of RAM has the struct pages of all sections (sparse_buffer_init).
 */
static bool map_vmemmap(struct kernel *k)
{
	uint64_t size = section_map_size(k), all = 0, first;
	pa_t pa;

	for (unsigned i = 0; i < k->nmemory; i++)
		all += sections_of(k, i, &first);
	pa = memblock_alloc(k, all * size, 2 * MiB, k->layout.lowmem_end,
			    "mem_map");
	for (unsigned i = 0; pa && i < k->nmemory; i++) {
		uint64_t n = sections_of(k, i, &first);

		if (n && kernel_map_range(k, k->layout.vmemmap + first * size,
					  pa, n * size, pt_page_kernel(k), 21))
			return false;
		pa += n * size;
	}
	return pa != 0;
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

/* --- protections -------------------------------------------------------- */

static bool protect(struct kernel *k, enum set_memory what, va_t start,
		    va_t end)
{
	struct set_memory_result ignored;

	start &= PAGE_MASK;
	end = PAGE_ALIGN(end);
	return start >= end ||
	       !set_memory(k, what, start, (end - start) >> PAGE_SHIFT,
			   &ignored);
}

/*
 * Frees what lies between two parts of the image (free_kernel_image_pages).
 * With page-table isolation the image must not map what may hold secrets now.
 */
static bool free_gap(struct kernel *k, pa_t start, pa_t end)
{
	va_t map = k->layout.kernel_map;
	struct set_memory_result ignored;

	start = PAGE_ALIGN(start);
	if (start >= end)
		return true;
	return protect(k, SET_MEMORY_NX, map + start, map + end) &&
	       protect(k, SET_MEMORY_RW, map + start, map + end) &&
	       (!has_pti(k) ||
		!set_memory_np_noalias(k, map + start,
				       (end - start) >> PAGE_SHIFT, &ignored));
}

/*
 * linux mark_rodata_ro(): i386 protects text and rodata, x86-64 all of the
 * large pages that have some of it, and then frees the gaps.
 */
static bool mark_rodata_ro(struct kernel *k)
{
	const struct layout *l = &k->layout;
	va_t map = l->kernel_map, etext = map + PAGE_ALIGN(l->image.etext);

	if (map == l->page_offset && etext == map + l->image.rodata)
		return protect(k, SET_MEMORY_RO, map + l->image.text,
			       map + l->image.erodata);
	if (map == l->page_offset)
		return protect(k, SET_MEMORY_RO, map + l->image.text, etext) &&
		       protect(k, SET_MEMORY_RO, map + l->image.rodata,
			       map + l->image.erodata);
	return protect(k, SET_MEMORY_RO, map + l->image.text,
		       map + ALIGN_UP(l->image.erodata, large_size(k))) &&
	       protect(k, SET_MEMORY_NX, etext,
		       map + kernel_image_mapped_end(k)) &&
	       free_gap(k, l->image.etext, l->image.rodata) &&
	       free_gap(k, l->image.erodata, l->image.data);
}

/* linux set_real_mode_permissions(): header and text are read-only. */
static bool protect_trampoline(struct kernel *k)
{
	static const struct {
		uint8_t size, ro, text;
	} pages[] = {
		{ 4, 2, 1 }, { 7, 3, 2 }, /* i386, x86-64: of Debian's 6.1 */
	};
	unsigned i = k->mode->canonical;
	va_t at = kernel_va(k, 0);

	for (unsigned m = 0; m < k->nmemory && k->memory[m].start < MiB; m++)
		if (k->memory[m].end <= MiB)
			at = kernel_va(k, k->memory[m].end);
	at -= pages[i].size * PAGE_SIZE;
	if (at < k->layout.page_offset)
		return true; /* Linux would start no other CPU */
	return protect(k, SET_MEMORY_RO, at, at + pages[i].ro * PAGE_SIZE) &&
	       protect(k, SET_MEMORY_X, at + PAGE_SIZE,
		       at + (1 + pages[i].text) * PAGE_SIZE);
}

/* The kernels of layout=classic, of 2.6.24, protect the image only. */
static bool protect_rest(struct kernel *k)
{
	va_t idt = k->layout.kernel_map + k->layout.image.idt;

	if (!k->layout.image.idt)
		return true;
	return protect_trampoline(k) &&
	       protect(k, SET_MEMORY_RO, idt, idt + PAGE_SIZE);
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
	if (!map_fixmap(k) || !setup_cpu_entry_areas(k) || !mark_rodata_ro(k) ||
	    !protect_rest(k) || !pti_init(k))
		return no_room;
	return NULL;
}

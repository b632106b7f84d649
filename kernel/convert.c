/*
 * convert.c - what Linux computes when asked for another name of an address.
 *
 *	i386     __pa(x) = x - PAGE_OFFSET, modulo 4 GiB
 *	x86-64   y = x - __START_KERNEL_map
 *		 __pa(x) = y + phys_base	if x was not below it
 *			 = x - PAGE_OFFSET	else
 *	both     __va(x) = x + PAGE_OFFSET, of an unsigned long
 *		 pfn_to_page(x) = mem_map + x, in elements
 *
 * Models asm/page_32.h, page_64.h (__phys_addr_nodebug), mm/physaddr.c,
 * asm-generic/memory_model.h (FLATMEM on i386, SPARSEMEM_VMEMMAP on x86-64),
 * slow_virt_to_phys() of mm/pat/set_memory.c, all of Linux 6.1. Left out:
 * memory hot-plug, so that a section of vmemmap is there as a whole or not
 * at all.
 */
#include "kernel/convert.h"

#include <string.h>

#include "kernel/highmem.h"
#include "kernel/pgtable.h"

#define SECTION_SHIFT 27 /* x86-64: 128 MiB */

/* An unsigned long of this architecture. */
static uint64_t ulong(const struct kernel *k, uint64_t n)
{
	return k->arch->word == 4 ? (uint32_t)n : n;
}

bool is_vmalloc_addr(const struct kernel *k, va_t va)
{
	return va >= k->layout.vmalloc_start && va < k->layout.vmalloc_end;
}

bool slow_virt_to_phys(const struct kernel *k, va_t va, pa_t *ret)
{
	uint64_t entry, size;
	unsigned level;

	if (va < k->layout.task_size ||
	    !pt_leaf(k, k->swapper_pg_dir, va, &entry, &level))
		return false;
	size = BIT(k->mode->level[level].shift);
	*ret = paging_target(k->mode, level, entry, true) + (va & (size - 1));
	return true;
}

/* --- __pa ----------------------------------------------------------------- */

/* Why a subtraction is wrong for @va, or CONVERT_OK. */
static enum convert_why judge_va(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;

	if (kernel_virt_ok(k, va) || kernel_image_ok(k, va))
		return CONVERT_OK;
	if (va < l->task_size)
		return CONVERT_USER;
	if (va >= l->page_offset && va < l->high_memory)
		return CONVERT_NO_RAM;
	return CONVERT_MAPPED;
}

static const char *debug_32(const struct kernel *k, va_t va, pa_t pa)
{
	pa_t real;

	if (va < k->layout.page_offset)
		return "VIRTUAL_BUG_ON(x < PAGE_OFFSET)";
	if (is_vmalloc_addr(k, va))
		return "VIRTUAL_BUG_ON(is_vmalloc_addr(x))";
	if (pa >> PAGE_SHIFT > k->max_low_pfn)
		return "VIRTUAL_BUG_ON(pfn > max_low_pfn)";
	if (!slow_virt_to_phys(k, va, &real) || real != pa)
		return "BUG_ON(slow_virt_to_phys(x) != phys_addr)";
	return NULL;
}

static bool phys_addr_valid(const struct kernel *k, pa_t pa)
{
	return !(pa >> k->machine->cpu[0].features.maxphyaddr);
}

static uint64_t phys_base(const struct layout *l)
{
	return l->kernel_image - l->kernel_map;
}

static uint64_t kernel_image_size(const struct layout *l)
{
	return l->kernel_image_end - l->kernel_image;
}

static struct conversion pa_64(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;
	uint64_t y = va - l->kernel_image;
	struct conversion c = { .n = y + phys_base(l) };

	if (va >= l->kernel_image) {
		if (y >= kernel_image_size(l))
			c.debug = "VIRTUAL_BUG_ON(y >= KERNEL_IMAGE_SIZE)";
		return c;
	}
	c.n = va - l->page_offset;
	if (va < l->page_offset || !phys_addr_valid(k, c.n))
		c.debug = "VIRTUAL_BUG_ON((x > y) || !phys_addr_valid(x))";
	return c;
}

struct conversion convert_pa(const struct kernel *k, va_t va)
{
	struct conversion c = { .n = ulong(k, va - k->layout.page_offset) };

	if (k->layout.kernel_image)
		c = pa_64(k, va);
	else
		c.debug = debug_32(k, va, c.n);
	c.why = judge_va(k, va);
	return c;
}

struct conversion convert_pa_symbol(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;
	uint64_t y = va - l->kernel_image;
	struct conversion c = { .n = y + phys_base(l) };

	if (!l->kernel_image)
		return convert_pa(k, va);
	if (!kernel_image_ok(k, va))
		c.why = CONVERT_NO_SYMBOL;
	if (y >= kernel_image_size(l))
		c.debug = "VIRTUAL_BUG_ON(y >= KERNEL_IMAGE_SIZE)";
	return c;
}

/* --- __va ----------------------------------------------------------------- */

struct conversion convert_va(const struct kernel *k, pa_t pa)
{
	struct conversion c = { .n = ulong(k, ulong(k, pa) +
						      k->layout.page_offset) };

	if (ulong(k, pa) != pa)
		c.why = CONVERT_CUT;
	else if (pa < MiB ||
		 (pa < k->layout.lowmem_end && pfn_valid(k, pa >> PAGE_SHIFT)))
		c.why = CONVERT_OK;
	else if (pfn_valid(k, pa >> PAGE_SHIFT))
		c.why = CONVERT_HIGHMEM;
	else
		c.why = CONVERT_NO_RAM;
	return c;
}

va_t page_address(const struct kernel *k, pfn_t pfn)
{
	va_t va;

	if (pfn < k->max_low_pfn)
		return kernel_va(k, pfn << PAGE_SHIFT);
	kmap_uses(k, pfn, &va);
	return va;
}

/* --- struct page ---------------------------------------------------------- */

/* The struct page of frame 0. */
static va_t mem_map_base(const struct kernel *k)
{
	if (k->layout.vmemmap)
		return k->layout.vmemmap;
	for (unsigned i = 0; i < k->nreserved; i++)
		if (strcmp(k->reserved[i].name, "mem_map") == 0)
			return kernel_va(k, k->reserved[i].start);
	return 0;
}

bool linux_pfn_valid(const struct kernel *k, pfn_t pfn)
{
	pfn_t section = pfn >> (SECTION_SHIFT - PAGE_SHIFT);

	if (!k->layout.vmemmap)
		return pfn < k->max_pfn;
	for (unsigned i = 0; i < k->nmemory; i++)
		if (section >= k->memory[i].start >> SECTION_SHIFT &&
		    section <= (k->memory[i].end - 1) >> SECTION_SHIFT)
			return true;
	return false;
}

struct conversion convert_page(const struct kernel *k, pfn_t pfn)
{
	return (struct conversion){
		.n = ulong(k, mem_map_base(k) + pfn * k->arch->sizeof_page),
		.why = linux_pfn_valid(k, pfn) ? CONVERT_OK : CONVERT_NO_PAGE,
	};
}

bool convert_page_to_pfn(const struct kernel *k, va_t va, pfn_t *ret)
{
	uint64_t at = ulong(k, va - mem_map_base(k));

	*ret = at / k->arch->sizeof_page;
	return at % k->arch->sizeof_page == 0 && linux_pfn_valid(k, *ret);
}

bool virt_addr_valid(const struct kernel *k, va_t va)
{
	const struct layout *l = &k->layout;
	struct conversion c = convert_pa(k, va);

	if (l->kernel_image)
		return !c.debug && linux_pfn_valid(k, c.n >> PAGE_SHIFT);
	return va >= l->page_offset && !is_vmalloc_addr(k, va) &&
	       va < l->fixaddr_start && linux_pfn_valid(k, c.n >> PAGE_SHIFT);
}

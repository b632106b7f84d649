/*
 * ioremap.c - device memory in the vmalloc space.
 *
 * Models __ioremap_caller() and iounmap() of arch/x86/mm/ioremap.c and the
 * alignment of get_vm_area_caller(), Linux 6.1: an area of device memory is
 * aligned to its size, up to one entry of the second level, so that large pages
 * can map it. Left out: encrypted memory, resources of PCI devices.
 */
#include <errno.h>

#include "kernel/memtype.h"
#include "kernel/mm_internal.h"
#include "kernel/pgtable.h"
#include "kernel/vmap_internal.h"

/* Can an entry of this mode hold the address, and is no page of it RAM? */
static bool can_ioremap(const struct kernel *k, pa_t phys, uint64_t size)
{
	pa_t last = phys + size - 1;
	pfn_t pfn = phys >> PAGE_SHIFT;

	if (last < phys || last >> k->machine->cpu[0].features.maxphyaddr)
		return false;
	if (pte_pfn(k, mk_pte(k, last >> PAGE_SHIFT, PTE_P)) !=
	    last >> PAGE_SHIFT)
		return false;
	for (; pfn <= last >> PAGE_SHIFT && pfn < k->max_pfn; pfn++)
		if (pfn_valid(k, pfn))
			return false;
	return true;
}

/* IOREMAP_MAX_ORDER: PMD_SHIFT on i386, PUD_SHIFT on x86-64. */
static uint64_t ioremap_align(const struct kernel *k, uint64_t size)
{
	unsigned max = k->pte_level - (k->arch->word == 8 ? 2 : 1);
	uint64_t align = PAGE_SIZE;

	while (align < size && align < 1ULL << k->mode->level[max].shift)
		align *= 2;
	return align;
}

/* An area for the @bytes of device memory at @phys, not mapped yet. */
static int ioremap_area(struct kernel *k, pa_t phys, uint64_t bytes,
			enum memtype type, struct vmap_area **ret)
{
	enum memtype got;
	int rc;

	/* Ours: Linux has no such limit, and would fill RAM with tables. */
	if (bytes >> PAGE_SHIFT > k->totalram_pages)
		return -ENOMEM;
	rc = memtype_reserve(k, phys, bytes, type, &got);
	if (rc)
		return rc;
	*ret = get_vm_area(k, bytes, ioremap_align(k, bytes), VMAP_IOREMAP,
			   "mmsh");
	if (!*ret)
		return -ENOMEM;
	(*ret)->phys = phys;
	(*ret)->type = got;
	return 0;
}

int ioremap_type(struct kernel *k, pa_t phys, uint64_t size, enum memtype type,
		 va_t *ret)
{
	uint64_t offset = phys & (PAGE_SIZE - 1), bytes, prot;
	struct vmap_area *va;
	int rc;

	if (!size || !can_ioremap(k, phys, size))
		return -EINVAL;
	bytes = PAGE_ALIGN(size + offset);
	rc = ioremap_area(k, phys - offset, bytes, type, &va);
	if (rc)
		return rc;
	prot = pt_page_kernel(k) | cachemode2protval(k, va->type);
	if (ioremap_page_range(k, va->start, va->phys, bytes, prot)) {
		remove_vm_area(k, va);
		return -ENOMEM;
	}
	*ret = va->start + offset;
	return 0;
}

int ioremap(struct kernel *k, pa_t phys, uint64_t size, va_t *ret)
{
	return ioremap_type(k, phys, size, MT_UC_MINUS, ret);
}

/* Takes what ioremap() returned, offset and all. */
int iounmap(struct kernel *k, va_t at)
{
	struct vmap_area *va = find_area(k, at);

	if (!va || va->kind != VMAP_IOREMAP || va->start != (at & PAGE_MASK))
		return -EINVAL;
	remove_vm_area(k, va);
	return 0;
}

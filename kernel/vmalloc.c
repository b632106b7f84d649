/*
 * vmalloc.c - the vmalloc area.
 *
 *   VMALLOC_START                                          VMALLOC_END
 *   |AAAA.|BB.|      |CCCCCC.|            . is the guard page of an area
 *
 * Areas are a list in rising order; a new one takes the lowest gap that
 * fits. Models mm/vmalloc.c and arch/x86/mm/ioremap.c of Linux 6.1. Left out:
 * the tree of free ranges (the list is walked), huge mappings, per-CPU
 * blocks, lazy purging: vfree() unmaps and flushes all TLBs at once, where
 * Linux collects areas until lazy_max_pages() are waiting.
 */
#include "kernel/vmalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "kernel/internal.h"
#include "kernel/memtype.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"

void vmalloc_init(struct kernel *k)
{
	TAILQ_INIT(&k->vmap_areas);
}

static void area_destroy(struct kernel *k, struct vmap_area *va)
{
	TAILQ_REMOVE(&k->vmap_areas, va, link);
	free(va->pages);
	free(va);
}

void vmalloc_deinit(struct kernel *k)
{
	struct vmap_area *va;

	while ((va = TAILQ_FIRST(&k->vmap_areas)))
		area_destroy(k, va);
}

/*
 * An area of @nr_pages and its guard page in the lowest gap, or NULL.
 * => @nr_pages pages and one more are less than the whole address space
 */
static struct vmap_area *alloc_vmap_area(struct kernel *k, uint64_t nr_pages)
{
	uint64_t size = (nr_pages + 1) << PAGE_SHIFT;
	va_t at = k->layout.vmalloc_start, end = k->layout.vmalloc_end;
	struct vmap_area *next, *va;

	TAILQ_FOREACH (next, &k->vmap_areas, link) {
		if (next->start - at >= size)
			break;
		at = next->end;
	}
	if (!next && end - at < size)
		return NULL;
	va = calloc(1, sizeof(*va));
	assert(va);
	va->start = at;
	va->end = at + size;
	va->nr_pages = nr_pages;
	if (next)
		TAILQ_INSERT_BEFORE(next, va, link);
	else
		TAILQ_INSERT_TAIL(&k->vmap_areas, va, link);
	return va;
}

static void free_frames(struct kernel *k, struct vmap_area *va, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free_pages(k, va->pages[i], 0);
}

/* One frame for each page, from HighMem where there is one. All or nothing. */
static int alloc_frames(struct kernel *k, struct vmap_area *va)
{
	va->pages = malloc(va->nr_pages * sizeof(va->pages[0]));
	assert(va->pages);
	for (unsigned i = 0; i < va->nr_pages; i++) {
		pfn_t pfn = alloc_pages(k, GFP_HIGHUSER, 0, "vmalloc");

		if (pfn == PFN_NONE) {
			free_frames(k, va, i);
			return -ENOMEM;
		}
		pfn_to_page(k, pfn)->flags |= PG_vmalloc;
		va->pages[i] = pfn;
	}
	return 0;
}

static int map_frames(struct kernel *k, struct vmap_area *va)
{
	uint64_t flags = pt_page_kernel(k);

	for (unsigned i = 0; i < va->nr_pages; i++) {
		va_t at = va->start + ((va_t)i << PAGE_SHIFT);
		pa_t entry_pa =
			pt_lookup(k, k->swapper_pg_dir, at, k->pte_level, true);

		if (!entry_pa)
			return -ENOMEM;
		pt_set(k, 0, at, k->pte_level, entry_pa,
		       mk_pte(k, va->pages[i], flags), "vmalloc");
	}
	return 0;
}

static void unmap_area(struct kernel *k, struct vmap_area *va)
{
	kernel_unmap_range(k, va->start, (uint64_t)va->nr_pages << PAGE_SHIFT);
}

int vmalloc(struct kernel *k, uint64_t size, va_t *ret)
{
	uint64_t nr_pages = (size >> PAGE_SHIFT) + !!(size & (PAGE_SIZE - 1));
	struct vmap_area *va;

	if (!size || nr_pages > k->totalram_pages)
		return -ENOMEM;
	va = alloc_vmap_area(k, nr_pages);
	if (!va)
		return -ENOMEM;
	if (alloc_frames(k, va)) {
		area_destroy(k, va);
		return -ENOMEM;
	}
	if (map_frames(k, va)) {
		unmap_area(k, va);
		free_frames(k, va, va->nr_pages);
		area_destroy(k, va);
		return -ENOMEM;
	}
	*ret = va->start;
	return 0;
}

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
	*ret = alloc_vmap_area(k, bytes >> PAGE_SHIFT);
	if (!*ret)
		return -ENOMEM;
	(*ret)->kind = VMAP_IOREMAP;
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
	if (kernel_map_range(k, va->start, va->phys, bytes, prot, PAGE_SHIFT)) {
		unmap_area(k, va);
		area_destroy(k, va);
		return -ENOMEM;
	}
	*ret = va->start + offset;
	return 0;
}

int ioremap(struct kernel *k, pa_t phys, uint64_t size, va_t *ret)
{
	return ioremap_type(k, phys, size, MT_UC_MINUS, ret);
}

static struct vmap_area *find_area(const struct kernel *k, va_t at)
{
	struct vmap_area *va;

	TAILQ_FOREACH (va, &k->vmap_areas, link)
		if (at < va->end)
			return at >= va->start ? va : NULL;
	return NULL;
}

const struct vmap_area *find_vmap_area(const struct kernel *k, va_t va)
{
	return find_area(k, va);
}

int vfree(struct kernel *k, va_t at)
{
	struct vmap_area *va = find_area(k, at);

	if (!at)
		return 0;
	/* iounmap() takes what ioremap() returned, offset and all. */
	if (va && va->kind == VMAP_IOREMAP)
		at &= PAGE_MASK;
	if (!va || va->start != at)
		return -EINVAL;
	unmap_area(k, va);
	if (va->kind == VMAP_ALLOC)
		free_frames(k, va, va->nr_pages);
	area_destroy(k, va);
	return 0;
}

/* --- check -------------------------------------------------------------- */

static pfn_t expected_pfn(const struct vmap_area *va, unsigned i)
{
	if (va->kind == VMAP_IOREMAP)
		return (va->phys >> PAGE_SHIFT) + i;
	return va->pages[i];
}

static void check_page(struct checker *c, struct kernel *k,
		       const struct vmap_area *va, unsigned i)
{
	va_t at = va->start + ((va_t)i << PAGE_SHIFT);
	pfn_t pfn = expected_pfn(va, i);
	uint64_t entry = 0;
	unsigned level;

	if (!pt_leaf(k, k->swapper_pg_dir, at, &entry, &level))
		check_finding(
			c,
			"vmalloc 0x%llx: nothing mapped, the area says pfn "
			"0x%llx",
			(unsigned long long)at, (unsigned long long)pfn);
	else if (pte_pfn(k, entry) != pfn)
		check_finding(
			c,
			"vmalloc 0x%llx: the PTE says pfn 0x%llx, the area "
			"pfn 0x%llx",
			(unsigned long long)at,
			(unsigned long long)pte_pfn(k, entry),
			(unsigned long long)pfn);
	if (va->kind == VMAP_ALLOC &&
	    (!(pfn_to_page(k, pfn)->flags & PG_vmalloc) ||
	     pfn_to_page(k, pfn)->_refcount != 1))
		check_finding(c, "vmalloc 0x%llx: pfn 0x%llx is used elsewhere",
			      (unsigned long long)at, (unsigned long long)pfn);
}

static void check_area(struct checker *c, struct kernel *k,
		       const struct vmap_area *va)
{
	uint64_t entry;
	unsigned level;

	for (unsigned i = 0; i < va->nr_pages; i++)
		check_page(c, k, va, i);
	if (pt_leaf(k, k->swapper_pg_dir, va->end - PAGE_SIZE, &entry, &level))
		check_finding(c,
			      "vmalloc 0x%llx: the guard page is mapped, entry "
			      "0x%llx",
			      (unsigned long long)va->end - PAGE_SIZE,
			      (unsigned long long)entry);
}

unsigned vmalloc_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	va_t end = k->layout.vmalloc_start;
	const struct vmap_area *va;

	TAILQ_FOREACH (va, &k->vmap_areas, link) {
		if (va->start < end || va->end > k->layout.vmalloc_end)
			check_finding(&c,
				      "vmalloc area at 0x%llx: must not begin "
				      "below 0x%llx",
				      (unsigned long long)va->start,
				      (unsigned long long)end);
		end = va->end;
		check_area(&c, k, va);
	}
	return c.found;
}

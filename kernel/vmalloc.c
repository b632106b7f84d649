/*
 * vmalloc.c - virtually contiguous memory from single frames.
 *
 *   VMALLOC_START                                          VMALLOC_END
 *   |AAAA.|BB.|      |CCCCCC.|            . is the guard page of an area
 *
 * Models mm/vmalloc.c of Linux 6.1: __vmalloc_node_range(), vmap(), vfree().
 * An area knows its frames by an array of struct page *, which is kmalloc'ed,
 * or, above a page, itself comes from vmalloc(). Its addresses are in
 * vmap_area.c, its page tables in vmap_range.c, vm_map_ram() in vmap_block.c.
 * Left out: huge pages (on x86 only vmalloc_huge() asks for them), memcg,
 * VM_USERMAP, VM_FLUSH_RESET_PERMS.
 */
#include <errno.h>

#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/vmap_internal.h"

const char *const vmap_kind_name[VMAP_NKINDS] = {
	[VMAP_ALLOC] = "vmalloc",    [VMAP_MAP] = "vmap",
	[VMAP_IOREMAP] = "ioremap",  [VMAP_RAM] = "vm_map_ram",
	[VMAP_BLOCK] = "vm_map_ram",
};

static int vmalloc_gfp(struct kernel *k, uint64_t size, unsigned gfp,
		       const char *caller, va_t *ret);

/* --- the parts of an area ------------------------------------------------- */

/* Room for the pointers to its struct pages; nested at most once or twice. */
static int alloc_array(struct kernel *k, struct vmap_area *va)
{
	uint64_t size = (uint64_t)va->nr_pages * k->arch->word;

	if (size > PAGE_SIZE)
		return vmalloc_gfp(k, size, GFP_KERNEL, va->caller, &va->array);
	return kmalloc(k, size, GFP_KERNEL, &va->array);
}

static void free_array(struct kernel *k, va_t array)
{
	if (find_area(k, array))
		vfree(k, array);
	else
		kfree(k, array);
}

/*
 * One frame for each page, as many as there are; each knows its address. A
 * page's index is its number in the address space.
 */
static unsigned alloc_frames(struct kernel *k, struct vmap_area *va,
			     unsigned gfp)
{
	unsigned i;

	for (i = 0; i < va->nr_pages; i++) {
		pfn_t pfn = alloc_pages(k, gfp, 0, "vmalloc");
		struct page *page;

		if (pfn == PFN_NONE)
			break;
		page = pfn_to_page(k, pfn);
		page->flags |= PG_vmalloc;
		page->index = (va->start >> PAGE_SHIFT) + i;
		va->pages[i] = pfn;
	}
	return i;
}

/* Unmaps first: nobody may reach a frame that is free. */
static void free_area(struct kernel *k, struct vmap_area *va)
{
	unsigned n = va->kind == VMAP_ALLOC ? va->nr_pages : 0;
	uint32_t *pages = va->pages;
	va_t array = va->array;

	va->pages = NULL;
	va->array = 0;
	remove_vm_area(k, va);
	for (unsigned i = 0; i < n; i++)
		free_pages(k, pages[i], 0);
	k->vmap->nr_vmalloc -= n;
	free(pages);
	if (array)
		free_array(k, array);
}

/* Fills a new area with frames and maps them. On failure it is gone. */
static int fill_area(struct kernel *k, struct vmap_area *va, unsigned gfp)
{
	unsigned want = va->nr_pages;

	if (alloc_array(k, va)) {
		va->array = 0;
		remove_vm_area(k, va);
		return -ENOMEM;
	}
	va->pages = xcalloc(want, sizeof(va->pages[0]));
	va->nr_pages = alloc_frames(k, va, gfp);
	k->vmap->nr_vmalloc += va->nr_pages;
	if (va->nr_pages == want &&
	    !vmap_pages_range(k, va->start, va->pages, want, "vmalloc"))
		return 0;
	free_area(k, va);
	return -ENOMEM;
}

/* --- vmalloc -------------------------------------------------------------- */

static int vmalloc_gfp(struct kernel *k, uint64_t size, unsigned gfp,
		       const char *caller, va_t *ret)
{
	struct vmap_area *va;

	if (!size || size >> PAGE_SHIFT > k->totalram_pages)
		return -ENOMEM;
	va = get_vm_area(k, PAGE_ALIGN(size), PAGE_SIZE, VMAP_ALLOC, caller);
	if (!va)
		return -ENOMEM;
	if (!(gfp & (GFP_DMA | GFP_DMA32)))
		gfp |= __GFP_HIGHMEM;
	if (fill_area(k, va, gfp))
		return -ENOMEM;
	*ret = va->start;
	return 0;
}

int vmalloc(struct kernel *k, uint64_t size, va_t *ret)
{
	return vmalloc_gfp(k, size, GFP_KERNEL, "mmsh", ret);
}

int vzalloc(struct kernel *k, uint64_t size, va_t *ret)
{
	return vmalloc_gfp(k, size, GFP_KERNEL | __GFP_ZERO, "mmsh", ret);
}

int vmalloc_32(struct kernel *k, uint64_t size, va_t *ret)
{
	return vmalloc_gfp(k, size, GFP_KERNEL | GFP_DMA32, "mmsh", ret);
}

int vfree(struct kernel *k, va_t at)
{
	struct vmap_area *va = find_area(k, at);

	if (!at)
		return 0;
	/* iounmap() takes what ioremap() returned, offset and all. */
	if (va && va->kind == VMAP_IOREMAP)
		return iounmap(k, at);
	if (!va || !va->vm || va->start != at)
		return -EINVAL;
	free_area(k, va);
	return 0;
}

/* --- vmap ----------------------------------------------------------------- */

int vmap(struct kernel *k, const pfn_t *pfns, unsigned n, va_t *ret)
{
	uint32_t *copy = vmap_copy_pfns(k, pfns, n);
	struct vmap_area *va;

	if (!copy)
		return -EINVAL;
	va = get_vm_area(k, (uint64_t)n << PAGE_SHIFT, PAGE_SIZE, VMAP_MAP,
			 "mmsh");
	if (!va) {
		free(copy);
		return -ENOMEM;
	}
	va->pages = copy;
	if (vmap_pages_range(k, va->start, copy, n, "vmap")) {
		free_area(k, va);
		return -ENOMEM;
	}
	*ret = va->start;
	return 0;
}

int vunmap(struct kernel *k, va_t at)
{
	struct vmap_area *va = find_area(k, at);

	if (!va || va->kind != VMAP_MAP || va->start != at)
		return -EINVAL;
	free_area(k, va);
	return 0;
}

/* --- looking -------------------------------------------------------------- */

/* The frame behind page @i of an area; PFN_NONE: nothing is mapped there. */
static pfn_t area_pfn(const struct vmap_area *va, unsigned i)
{
	if (va->kind == VMAP_IOREMAP)
		return (va->phys >> PAGE_SHIFT) + i;
	return va->pages[i];
}

const struct vmap_area *vmap_uses(const struct kernel *k, pfn_t pfn, uint64_t n)
{
	const struct vmap_area *va;

	LIST_FOREACH (va, &k->vmap->mapped, link)
		for (unsigned i = 0; va->pages && i < va->nr_pages; i++)
			if (va->pages[i] != PFN_NONE && va->pages[i] - pfn < n)
				return va;
	return NULL;
}

/* --- check ---------------------------------------------------------------- */

static void check_entry(struct checker *c, struct kernel *k, va_t at, pfn_t pfn)
{
	uint64_t entry = 0, shift;
	unsigned level = k->pte_level;
	bool mapped = pt_leaf(k, k->swapper_pg_dir, at, &entry, &level);
	pfn_t have = PFN_NONE;

	shift = k->mode->level[level].shift;
	if (mapped)
		have = (paging_target(k->mode, level, entry, true) +
			(at & ((1ULL << shift) - 1))) >>
		       PAGE_SHIFT;
	if (pfn == PFN_NONE && mapped)
		check_finding(c,
			      "vmalloc 0x%llx: mapped, entry 0x%llx, but "
			      "free",
			      (unsigned long long)at,
			      (unsigned long long)entry);
	else if (pfn != PFN_NONE && !mapped)
		check_finding(
			c,
			"vmalloc 0x%llx: nothing mapped, the area says pfn "
			"0x%llx",
			(unsigned long long)at, (unsigned long long)pfn);
	else if (have != pfn)
		check_finding(
			c,
			"vmalloc 0x%llx: the PTE says pfn 0x%llx, the area "
			"pfn 0x%llx",
			(unsigned long long)at, (unsigned long long)have,
			(unsigned long long)pfn);
}

/* Does the frame's record agree with the area? */
static void check_frame(struct checker *c, struct kernel *k,
			const struct vmap_area *va, va_t at, pfn_t pfn)
{
	const struct page *page;

	if (va->kind == VMAP_IOREMAP || pfn == PFN_NONE)
		return;
	page = pfn_to_page(k, pfn);
	if (va->kind != VMAP_ALLOC && page_is_free(k, pfn))
		check_finding(c, "%s 0x%llx: maps pfn 0x%llx, which is free",
			      vmap_kind_name[va->kind], (unsigned long long)at,
			      (unsigned long long)pfn);
	if (va->kind == VMAP_ALLOC &&
	    (!(page->flags & PG_vmalloc) || page->_refcount != 1 ||
	     page->index != at >> PAGE_SHIFT))
		check_finding(c, "vmalloc 0x%llx: pfn 0x%llx is used elsewhere",
			      (unsigned long long)at, (unsigned long long)pfn);
}

static void check_area(struct checker *c, struct kernel *k,
		       const struct vmap_area *va)
{
	va_t at = va->start;

	for (unsigned i = 0; i < va->nr_pages; i++, at += PAGE_SIZE) {
		check_entry(c, k, at, area_pfn(va, i));
		check_frame(c, k, va, at, area_pfn(va, i));
	}
	for (; at < va->end; at += PAGE_SIZE)
		check_entry(c, k, at, PFN_NONE);
	if (va->kind == VMAP_BLOCK)
		vmap_block_check(c, k, va);
}

/* Busy, free and lazy ranges cover the space, once. */
static void check_cover(struct checker *c, const struct kernel *k)
{
	const struct vmap_tree *const trees[] = {
		&k->vmap->busy,
		&k->vmap->lazy,
		&k->vmap->free,
	};
	va_t at = k->layout.vmalloc_start, before = at - 1;

	while (at < k->layout.vmalloc_end && at != before) {
		before = at;
		for (unsigned i = 0; i < ARRAY_SIZE(trees); i++) {
			struct vmap_node *n = vmap_tree_above(trees[i], at);

			if (n && n->start == at)
				at = n->end;
		}
	}
	if (at != k->layout.vmalloc_end)
		check_finding(c,
			      "vmalloc 0x%llx: neither used nor freed nor free",
			      (unsigned long long)at);
	for (unsigned i = 0; i < ARRAY_SIZE(trees); i++)
		if (!vmap_tree_ok(trees[i]))
			check_finding(c, "vmalloc: tree %u is out of order", i);
}

unsigned vmalloc_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	const struct vmap_area *va = NULL;
	uint64_t lazy = 0, pages = 0;

	check_cover(&c, k);
	while ((va = vmap_next(k, va))) {
		check_area(&c, k, va);
		pages += va->kind == VMAP_ALLOC ? va->nr_pages : 0;
	}
	while ((va = vmap_next_lazy(k, va))) {
		lazy += (va->end - va->start) >> PAGE_SHIFT;
		for (va_t at = va->start; at < va->end; at += PAGE_SIZE)
			check_entry(&c, k, at, PFN_NONE);
	}
	if (lazy != k->vmap->nr_lazy || pages != k->vmap->nr_vmalloc)
		check_finding(&c,
			      "vmalloc: %llu pages freed and %llu allocated, "
			      "counted %llu and %llu",
			      (unsigned long long)lazy,
			      (unsigned long long)pages,
			      (unsigned long long)k->vmap->nr_lazy,
			      (unsigned long long)k->vmap->nr_vmalloc);
	return c.found;
}

uint64_t vmalloc_total_kib(const struct kernel *k)
{
	const struct layout *l = &k->layout;

	return (l->vmalloc_end - l->vmalloc_start - (l->vmemmap ? 1 : 0)) / KiB;
}

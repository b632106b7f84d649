/*
 * vmap_block.c - vm_map_ram(): short-lived mappings of a few pages.
 *
 *	block of VMAP_BBMAP_BITS pages, of one CPU
 *	|dddd|uu|dd|uuuu|uu......|        d dirty, u in use, . free
 *	                  ^ the next one starts here
 *
 * A CPU takes pages of its blocks in order, in powers of two, and never takes
 * one twice: what was given back is dirty, stale translations of it may be in
 * TLBs. A block that is all dirty is freed as an area is, and a purge gives up
 * those that have no page in use left. So many mappings share one flush.
 *
 * Models vb_alloc(), new_vmap_block(), vb_free(), purge_fragmented_blocks(),
 * vm_map_ram() and vm_unmap_ram() of mm/vmalloc.c, Linux 6.1.
 */
#include <errno.h>

#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/vmap_internal.h"

#define BBMAP_BITS_MAX 1024

unsigned vmap_max_alloc(const struct kernel *k)
{
	return 8 * k->arch->word; /* VMAP_MAX_ALLOC: BITS_PER_LONG */
}

unsigned vmap_bbmap_bits(const struct kernel *k)
{
	uint64_t space = k->arch->word == 8 ? 128 * GiB : 128 * MiB;
	unsigned min = 2 * vmap_max_alloc(k), cpus = 1;

	while (cpus < k->layout.nr_cpus)
		cpus *= 2;
	space = (space >> PAGE_SHIFT) / cpus / 16;
	if (space < min)
		space = min;
	return space < BBMAP_BITS_MAX ? space : BBMAP_BITS_MAX;
}

static unsigned order_of(unsigned n)
{
	unsigned order = 0;

	while (1U << order < n)
		order++;
	return order;
}

uint32_t *vmap_copy_pfns(const struct kernel *k, const pfn_t *pfns, unsigned n)
{
	uint32_t *copy = n ? xcalloc(n, sizeof(*copy)) : NULL;

	for (unsigned i = 0; i < n; i++) {
		if (!pfn_valid(k, pfns[i])) {
			free(copy);
			return NULL;
		}
		copy[i] = pfns[i];
	}
	return copy;
}

/* --- blocks --------------------------------------------------------------- */

void vmap_block_destroy(struct vmap_block *vb)
{
	if (!vb)
		return;
	free(vb->count);
	free(vb);
}

static void dequeue(struct kernel *k, struct vmap_block *vb)
{
	if (vb->queued)
		TAILQ_REMOVE(&k->vmap->queue[vb->cpu], vb, link);
	vb->queued = false;
}

/* sizeof(struct vmap_block) of 6.1 */
static unsigned vmap_block_size(const struct kernel *k)
{
	return k->arch->word == 8 ? 96 : 48;
}

static void block_init(struct kernel *k, struct vmap_area *va, va_t obj)
{
	unsigned bits = vmap_bbmap_bits(k);
	struct vmap_block *vb = xcalloc(1, sizeof(*vb));

	vb->va = va;
	vb->obj = obj;
	vb->cpu = k->this_cpu;
	vb->free = vb->dirty_min = bits;
	vb->count = xcalloc(bits, sizeof(vb->count[0]));
	vb->queued = true;
	va->kind = VMAP_BLOCK;
	va->block = vb;
	va->nr_pages = bits;
	va->pages = xcalloc(bits, sizeof(va->pages[0]));
	for (unsigned i = 0; i < bits; i++)
		va->pages[i] = PFN_NONE;
	TAILQ_INSERT_TAIL(&k->vmap->queue[vb->cpu], vb, link);
	LIST_INSERT_HEAD(&k->vmap->mapped, va, link);
}

static struct vmap_block *new_vmap_block(struct kernel *k)
{
	uint64_t size = (uint64_t)vmap_bbmap_bits(k) << PAGE_SHIFT;
	struct vmap_area *va;
	va_t obj;

	if (kmalloc(k, vmap_block_size(k), GFP_KERNEL, &obj))
		return NULL;
	va = alloc_vmap_area(k, size, size);
	if (!va) {
		kfree(k, obj);
		return NULL;
	}
	block_init(k, va, obj);
	return va->block;
}

static void free_vmap_block(struct kernel *k, struct vmap_block *vb)
{
	va_t obj = vb->obj;

	dequeue(k, vb);
	free_unmap_vmap_area(k, vb->va);
	kfree(k, obj);
}

/* The first block of this CPU with so much free; a new one; or NULL. */
static struct vmap_block *find_block(struct kernel *k, unsigned n)
{
	struct vmap_block *vb;

	TAILQ_FOREACH (vb, &k->vmap->queue[k->this_cpu], link)
		if (vb->free >= n)
			return vb;
	return new_vmap_block(k);
}

static void vb_free(struct kernel *k, struct vmap_block *vb, unsigned at)
{
	unsigned n = vb->count[at], room = 1U << order_of(n);
	va_t va = vb->va->start + ((va_t)at << PAGE_SHIFT);

	vunmap_range_noflush(k, va, va + ((va_t)n << PAGE_SHIFT));
	for (unsigned i = 0; i < n; i++)
		vb->va->pages[at + i] = PFN_NONE;
	vb->count[at] = 0;
	if (at < vb->dirty_min)
		vb->dirty_min = at;
	if (at + room > vb->dirty_max)
		vb->dirty_max = at + room;
	vb->dirty += room;
	if (vb->dirty == vb->va->nr_pages)
		free_vmap_block(k, vb);
}

static int vb_map(struct kernel *k, const uint32_t *pfns, unsigned n, va_t *ret)
{
	unsigned room = 1U << order_of(n), at;
	struct vmap_block *vb = find_block(k, room);
	va_t va;

	if (!vb)
		return -ENOMEM;
	at = vb->va->nr_pages - vb->free;
	va = vb->va->start + ((va_t)at << PAGE_SHIFT);
	vb->free -= room;
	if (!vb->free)
		dequeue(k, vb);
	vb->count[at] = n;
	for (unsigned i = 0; i < n; i++)
		vb->va->pages[at + i] = pfns[i];
	if (vmap_pages_range(k, va, pfns, n, "vm_map_ram")) {
		vb_free(k, vb, at);
		return -ENOMEM;
	}
	*ret = va;
	return 0;
}

static bool is_fragmented(const struct vmap_block *vb)
{
	return vb->free + vb->dirty == vb->va->nr_pages &&
	       vb->dirty != vb->va->nr_pages;
}

void purge_fragmented_blocks(struct kernel *k)
{
	struct vmap_block *vb, *next;

	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++)
		for (vb = TAILQ_FIRST(&k->vmap->queue[cpu]); vb; vb = next) {
			next = TAILQ_NEXT(vb, link);
			if (is_fragmented(vb))
				free_vmap_block(k, vb);
		}
}

bool vmap_blocks_dirty(const struct kernel *k, va_t *start, va_t *end)
{
	const struct vmap_area *va;
	bool dirty = false;

	LIST_FOREACH (va, &k->vmap->mapped, link) {
		const struct vmap_block *vb = va->block;

		if (!vb || !vb->dirty)
			continue;
		va_t from = va->start + ((va_t)vb->dirty_min << PAGE_SHIFT);
		va_t to = va->start + ((va_t)vb->dirty_max << PAGE_SHIFT);

		*start = from < *start ? from : *start;
		*end = to > *end ? to : *end;
		dirty = true;
	}
	return dirty;
}

/* --- vm_map_ram ----------------------------------------------------------- */

/* Many pages: an area of their own, without a struct vm_struct or a guard. */
static int ram_map(struct kernel *k, uint32_t *pfns, unsigned n, va_t *ret)
{
	struct vmap_area *va =
		alloc_vmap_area(k, (uint64_t)n << PAGE_SHIFT, PAGE_SIZE);

	if (!va)
		return -ENOMEM;
	va->kind = VMAP_RAM;
	va->nr_pages = n;
	va->pages = pfns;
	LIST_INSERT_HEAD(&k->vmap->mapped, va, link);
	if (vmap_pages_range(k, va->start, pfns, n, "vm_map_ram")) {
		va->pages = NULL;
		free_unmap_vmap_area(k, va);
		return -ENOMEM;
	}
	*ret = va->start;
	return 0;
}

int vm_map_ram(struct kernel *k, const pfn_t *pfns, unsigned n, va_t *ret)
{
	uint32_t *copy = vmap_copy_pfns(k, pfns, n);
	int rc;

	if (!copy)
		return -EINVAL;
	if (n > vmap_max_alloc(k)) {
		rc = ram_map(k, copy, n, ret);
		if (rc)
			free(copy);
		return rc;
	}
	rc = vb_map(k, copy, n, ret);
	free(copy);
	return rc;
}

int vm_unmap_ram(struct kernel *k, va_t at, unsigned n)
{
	struct vmap_area *va = find_area(k, at);
	unsigned i;

	if (!va || !n || (at & ~PAGE_MASK))
		return -EINVAL;
	i = (at - va->start) >> PAGE_SHIFT;
	if (va->kind == VMAP_BLOCK && va->block->count[i] == n) {
		vb_free(k, va->block, i);
		return 0;
	}
	if (va->kind != VMAP_RAM || i || va->nr_pages != n)
		return -EINVAL;
	free_unmap_vmap_area(k, va);
	return 0;
}

void vmap_block_counts(const struct vmap_area *area, unsigned *cpu,
		       unsigned *free, unsigned *dirty)
{
	*cpu = area->block->cpu;
	*free = area->block->free;
	*dirty = area->block->dirty;
}

/* --- check ---------------------------------------------------------------- */

void vmap_block_check(struct checker *c, struct kernel *k,
		      const struct vmap_area *va)
{
	const struct vmap_block *vb = va->block;
	unsigned used = 0;

	for (unsigned i = 0; i < va->nr_pages; i++)
		if (vb->count[i])
			used += 1U << order_of(vb->count[i]);
	if (vb->free + vb->dirty + used != va->nr_pages)
		check_finding(c,
			      "vm_map_ram block 0x%llx: %u free, %u dirty and "
			      "%u in use are not %u pages",
			      (unsigned long long)va->start, vb->free,
			      vb->dirty, used, va->nr_pages);
	if (vb->queued != (vb->free > 0))
		check_finding(c,
			      "vm_map_ram block 0x%llx: %u free, and %son the "
			      "list of cpu %u",
			      (unsigned long long)va->start, vb->free,
			      vb->queued ? "" : "not ", vb->cpu);
}

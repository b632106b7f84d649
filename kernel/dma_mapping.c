/*
 * dma_mapping.c - mapping buffers for devices.
 *
 *	CPU: va --page tables--> phys --dma_capable?--> bus = phys
 *					     | no
 *					     v
 *				swiotlb slot or bounce page: bus
 *
 * Models kernel/dma/mapping.c, direct.c and direct.h (dma_direct_map_page,
 * dma_direct_alloc, dma_direct_supported) and lib/scatterlist.c
 * (sg_alloc_table_from_pages) of Linux 6.1, block/bounce.c for bounce pages.
 * Left out: IOMMUs, CMA, pools, dma-debug's records, devices behind bridges
 * (bus_dma_limit), chained scatter lists (one list of any length).
 */
#include "kernel/dma_direct.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/convert.h"
#include "kernel/internal.h"
#include "kernel/page_alloc.h"
#include "kernel/slab.h"
#include "kernel/swiotlb.h"

const char *const dma_direction_name[] = {
	[DMA_BIDIRECTIONAL] = "DMA_BIDIRECTIONAL",
	[DMA_TO_DEVICE] = "DMA_TO_DEVICE",
	[DMA_FROM_DEVICE] = "DMA_FROM_DEVICE",
	[NR_DMA_DIRECTIONS] = NULL,
};

/* --- devices -------------------------------------------------------------- */

void dma_init(struct kernel *k)
{
	TAILQ_INIT(&k->devices);
}

static void map_destroy(struct device *dev, struct dma_map *map)
{
	TAILQ_REMOVE(&dev->maps, map, link);
	dev->nmaps--;
	free(map->sg);
	free(map);
}

static void device_destroy(struct kernel *k, struct device *dev)
{
	struct dma_map *map;

	while ((map = TAILQ_FIRST(&dev->maps)))
		map_destroy(dev, map);
	TAILQ_REMOVE(&k->devices, dev, link);
	free(dev);
}

void dma_deinit(struct kernel *k)
{
	struct device *dev;

	while ((dev = TAILQ_FIRST(&k->devices)))
		device_destroy(k, dev);
}

struct device *device_find(const struct kernel *k, const char *name)
{
	struct device *dev;

	TAILQ_FOREACH (dev, &k->devices, link)
		if (strcmp(dev->name, name) == 0)
			return dev;
	return NULL;
}

struct device *device_add(struct kernel *k, const char *name, unsigned bits)
{
	struct device *dev;

	if (!*name || strlen(name) >= sizeof(dev->name) || device_find(k, name))
		return NULL;
	dev = calloc(1, sizeof(*dev));
	assert(dev);
	snprintf(dev->name, sizeof(dev->name), "%s", name);
	dev->hw.addr_bits = bits;
	dev->dma_mask = dma_bit_mask(32);
	TAILQ_INIT(&dev->maps);
	TAILQ_INSERT_TAIL(&k->devices, dev, link);
	dma_set_mask(k, dev, dma_bit_mask(bits));
	return dev;
}

int device_del(struct kernel *k, struct device *dev)
{
	if (dev->nmaps)
		return -EBUSY;
	device_destroy(k, dev);
	return 0;
}

int dma_set_mask(struct kernel *k, struct device *dev, uint64_t mask)
{
	uint64_t min_mask = (k->max_pfn - 1) << PAGE_SHIFT;

	if (dev->nmaps) /* ours: Linux would let the driver shoot itself */
		return -EBUSY;
	if (min_mask > dma_bit_mask(ZONE_DMA_BITS))
		min_mask = dma_bit_mask(ZONE_DMA_BITS);
	if (mask < min_mask)
		return -EIO;
	dev->dma_mask = mask;
	return 0;
}

/* --- mappings ------------------------------------------------------------- */

static struct dma_map *new_map(struct device *dev, enum dma_kind kind, va_t va,
			       uint64_t size, enum dma_data_direction dir)
{
	struct dma_map *map = calloc(1, sizeof(*map));

	assert(map);
	map->kind = kind;
	map->va = va;
	map->size = size;
	map->dir = dir;
	TAILQ_INSERT_TAIL(&dev->maps, map, link);
	dev->nmaps++;
	*dev->log = 0;
	return map;
}

static bool bad_size(va_t va, uint64_t size)
{
	return !size || size > DMA_MAX_SIZE || va + size - 1 < va;
}

int dma_map_single(struct kernel *k, struct device *dev, va_t va, uint64_t size,
		   enum dma_data_direction dir, struct dma_map **ret)
{
	struct dma_map *map;
	int rc;

	if (bad_size(va, size))
		return -EINVAL;
	if (is_vmalloc_addr(k, va)) {
		dma_warn(k, dev, "rejecting DMA map of vmalloc memory");
		return -ENOMEM;
	}
	map = new_map(dev, DMA_SINGLE, va, size, dir);
	map->sg = calloc(1, sizeof(map->sg[0]));
	assert(map->sg);
	map->nents = 1;
	/* page_to_phys(virt_to_page(va)) + offset_in_page(va) */
	map->sg->phys = convert_pa(k, va).n;
	map->sg->len = size;
	rc = dma_direct_map_page(k, dev, map->sg);
	if (rc) {
		map_destroy(dev, map);
		return rc;
	}
	*ret = map;
	return 0;
}

/* Can the next @n bytes, at @phys, lengthen the segment? */
static bool joins(const struct dma_segment *seg, pa_t phys, uint64_t n)
{
	return seg->phys + seg->len == phys && seg->len + n <= DMA_MAX_SEGMENT;
}

/* The list: a segment for each run of neighbouring frames; or each frame. */
static int build_sg(struct kernel *k, struct dma_map *map, bool join)
{
	uint64_t pages = ((map->va & ~PAGE_MASK) + map->size + PAGE_SIZE - 1) >>
			 PAGE_SHIFT;

	map->sg = calloc(pages, sizeof(map->sg[0]));
	assert(map->sg);
	for (uint64_t at = 0, n; at < map->size; at += n) {
		va_t va = map->va + at;
		pa_t phys;

		n = PAGE_SIZE - (va & ~PAGE_MASK);
		if (n > map->size - at)
			n = map->size - at;
		if (!slow_virt_to_phys(k, va, &phys))
			return -EFAULT;
		if (join && map->nents &&
		    joins(&map->sg[map->nents - 1], phys, n))
			map->sg[map->nents - 1].len += n;
		else
			map->sg[map->nents++] =
				(struct dma_segment){ .phys = phys, .len = n };
	}
	return 0;
}

/* All segments or none. */
static int map_segments(struct kernel *k, struct device *dev,
			struct dma_map *map, bool bounce)
{
	for (unsigned i = 0; i < map->nents; i++) {
		struct dma_segment *seg = &map->sg[i];
		int rc = bounce ? dma_bounce_page(k, dev, seg, map->dir)
				: dma_direct_map_page(k, dev, seg);

		if (!rc)
			continue;
		while (i-- > 0)
			dma_unmap_segment(k, &map->sg[i], DMA_TO_DEVICE);
		return rc;
	}
	return 0;
}

/* sizeof(struct scatterlist), without chaining's extra and debugging. */
static unsigned sizeof_scatterlist(const struct kernel *k)
{
	return k->arch->word == 8 ? 32 : 20;
}

int dma_map_sg(struct kernel *k, struct device *dev, va_t va, uint64_t size,
	       enum dma_data_direction dir, bool bounce, struct dma_map **ret)
{
	struct dma_map *map;
	int rc;

	if (bad_size(va, size))
		return -EINVAL;
	map = new_map(dev, DMA_SG, va, size, dir);
	rc = build_sg(k, map, !bounce);
	if (!rc)
		rc = kmalloc(k, map->nents * sizeof_scatterlist(k), GFP_KERNEL,
			     &map->sgl);
	if (!rc) {
		rc = map_segments(k, dev, map, bounce);
		if (rc)
			kfree(k, map->sgl);
	}
	if (rc) {
		map_destroy(dev, map);
		return rc;
	}
	*ret = map;
	return 0;
}

/* --- coherent buffers ----------------------------------------------------- */

/* The zone that surely is within the mask, or the usual ones first. */
static unsigned optimal_gfp(const struct device *dev)
{
	if (dev->dma_mask <= dma_bit_mask(ZONE_DMA_BITS))
		return GFP_DMA;
	return dev->dma_mask <= dma_bit_mask(32) ? GFP_DMA32 : GFP_KERNEL;
}

static unsigned get_order(uint64_t size)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

/* Too high? Then from the next zone down. */
static pfn_t alloc_reachable(struct kernel *k, struct device *dev,
			     uint64_t size)
{
	unsigned gfp = optimal_gfp(dev), order = get_order(size);

	for (;;) {
		pfn_t pfn = alloc_pages(k, gfp | GFP_ZERO, order,
					"dma_alloc_coherent");

		if (pfn == PFN_NONE ||
		    dma_capable(dev, pfn << PAGE_SHIFT, size))
			return pfn;
		free_pages(k, pfn, order);
		if (gfp == GFP_DMA)
			return PFN_NONE;
		gfp = gfp == GFP_KERNEL ? GFP_DMA32 : GFP_DMA;
	}
}

int dma_alloc_coherent(struct kernel *k, struct device *dev, uint64_t size,
		       struct dma_map **ret)
{
	struct dma_map *map;
	pfn_t pfn;

	if (bad_size(0, size))
		return -EINVAL;
	size = PAGE_ALIGN(size);
	pfn = get_order(size) < MAX_ORDER ? alloc_reachable(k, dev, size)
					  : PFN_NONE;
	if (pfn == PFN_NONE)
		return -ENOMEM;
	pfn_to_page(k, pfn)->flags |= PG_dma;
	pfn_to_page(k, pfn)->private = get_order(size);
	map = new_map(dev, DMA_COHERENT, kernel_va(k, pfn << PAGE_SHIFT), size,
		      DMA_BIDIRECTIONAL);
	map->sg = calloc(1, sizeof(map->sg[0]));
	assert(map->sg);
	map->nents = 1;
	map->order = get_order(size);
	map->sg->phys = map->sg->bus = pfn << PAGE_SHIFT;
	map->sg->len = size;
	*ret = map;
	return 0;
}

/* --- undone, synced, found ------------------------------------------------ */

void dma_unmap(struct kernel *k, struct device *dev, struct dma_map *map)
{
	for (unsigned i = 0; i < map->nents; i++)
		dma_unmap_segment(k, &map->sg[i], map->dir);
	if (map->kind == DMA_SG)
		kfree(k, map->sgl);
	if (map->kind == DMA_COHERENT)
		free_pages(k, map->sg->bus >> PAGE_SHIFT, map->order);
	map_destroy(dev, map);
}

/* Bounce pages are the block layer's: copied at the end of the transfer. */
static uint64_t sync(struct kernel *k, const struct dma_map *map,
		     bool to_device)
{
	uint64_t copied = 0;

	for (unsigned i = 0; i < map->nents; i++)
		if (map->sg[i].bounce == BOUNCE_SWIOTLB)
			copied += dma_bounce_copy(k, &map->sg[i], to_device);
	return copied;
}

uint64_t dma_sync_for_cpu(struct kernel *k, struct dma_map *map)
{
	return map->dir == DMA_TO_DEVICE ? 0 : sync(k, map, false);
}

uint64_t dma_sync_for_device(struct kernel *k, struct dma_map *map)
{
	return map->dir == DMA_FROM_DEVICE ? 0 : sync(k, map, true);
}

struct dma_map *dma_find_map(const struct device *dev, va_t va)
{
	struct dma_map *map;

	TAILQ_FOREACH (map, &dev->maps, link)
		if (va - map->va < map->size)
			return map;
	return NULL;
}

const struct dma_segment *dma_find_segment(const struct dma_map *map,
					   uint64_t at, uint64_t *ret)
{
	for (unsigned i = 0; i < map->nents; i++) {
		if (at < map->sg[i].len) {
			*ret = at;
			return &map->sg[i];
		}
		at -= map->sg[i].len;
	}
	return NULL;
}

/* --- check ---------------------------------------------------------------- */

static void check_segment(struct checker *c, struct kernel *k,
			  const struct device *dev,
			  const struct dma_segment *seg, unsigned *slots)
{
	pfn_t pfn = seg->bus >> PAGE_SHIFT;

	if (!dma_capable(dev, seg->bus, seg->len))
		check_finding(c,
			      "dma %s: 0x%llx+%llu is beyond its mask 0x%llx",
			      dev->name, (unsigned long long)seg->bus,
			      (unsigned long long)seg->len,
			      (unsigned long long)dev->dma_mask);
	if (seg->bounce == BOUNCE_SWIOTLB)
		*slots += swiotlb_slots(k, seg->bus);
	if (seg->bounce == BOUNCE_PAGE && page_is_free(k, pfn))
		check_finding(c, "dma %s: bounce page 0x%llx is free",
			      dev->name, (unsigned long long)pfn);
}

static void check_map(struct checker *c, struct kernel *k,
		      const struct device *dev, const struct dma_map *map,
		      unsigned *slots)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < map->nents; i++) {
		check_segment(c, k, dev, &map->sg[i], slots);
		bytes += map->sg[i].len;
	}
	if (bytes != map->size)
		check_finding(
			c, "dma %s: 0x%llx has %llu bytes, its segments %llu",
			dev->name, (unsigned long long)map->va,
			(unsigned long long)map->size,
			(unsigned long long)bytes);
	if (map->kind == DMA_COHERENT &&
	    page_is_free(k, map->sg->bus >> PAGE_SHIFT))
		check_finding(c, "dma %s: coherent buffer 0x%llx is free",
			      dev->name, (unsigned long long)map->va);
}

unsigned dma_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	const struct device *dev;
	const struct dma_map *map;
	unsigned slots = 0, n;

	TAILQ_FOREACH (dev, &k->devices, link) {
		n = 0;
		TAILQ_FOREACH (map, &dev->maps, link) {
			check_map(&c, k, dev, map, &slots);
			n++;
		}
		if (n != dev->nmaps)
			check_finding(&c, "dma %s: counts %u mappings, has %u",
				      dev->name, dev->nmaps, n);
	}
	if (k->swiotlb && slots != k->swiotlb->used)
		check_finding(&c, "swiotlb: %u slots in use, mappings have %u",
			      k->swiotlb->used, slots);
	return c.found + swiotlb_check(k, fn, ctx);
}

/*
 * dma_direct.c - one segment for a device: as it is, or bounced.
 *
 * Models kernel/dma/direct.h (dma_direct_map_page, dma_capable), swiotlb_map()
 * of kernel/dma/swiotlb.c and __blk_queue_bounce() of block/bounce.c of Linux
 * 6.1; from ZONE_DMA as older ones did for ISA. Left out: the mempools that
 * bounce pages come from, p2p DMA, memory encryption.
 */
#include "kernel/dma_direct.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/page_alloc.h"
#include "kernel/slab.h"
#include "kernel/swiotlb.h"

void dma_warn(struct kernel *k, struct device *dev, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(dev->log, sizeof(dev->log), fmt, args);
	va_end(args);
	printk(k, "%s: %s", dev->name, dev->log);
}

bool dma_capable(const struct device *dev, uint64_t bus, uint64_t size)
{
	return bus + size - 1 >= bus && bus + size - 1 <= dev->dma_mask;
}

/* --- what nobody may write ------------------------------------------------ */

/* Is [pa, pa + len) of a slab within one object in use? */
static bool in_object(struct kernel *k, pa_t pa, uint64_t len)
{
	const struct kmem_cache *cache;
	bool in_use;
	va_t object, va = kernel_va(k, pa);

	cache = slab_lookup(k, va, &object, &in_use);
	return cache && in_use && va + len <= object + cache->object_size;
}

/* => [pa, pa + len) is within one frame */
static bool is_buffer(struct kernel *k, pa_t pa, uint64_t len)
{
	pfn_t pfn = pa >> PAGE_SHIFT;
	uint32_t flags;

	if (!pfn_valid(k, pfn) || page_is_free(k, pfn))
		return false;
	flags = pfn_to_page(k, pfn)->flags;
	if (is_swiotlb_buffer(k, pa))
		return true;
	if (flags & PG_slab)
		return in_object(k, pa, len);
	return !(flags & (PG_table | PG_kernel | PG_reserved | PG_zeropage)) &&
	       !memblock_reserved_name(k, pfn);
}

void dma_note_write(struct kernel *k, pa_t pa, uint64_t len)
{
	for (uint64_t n; len && !k->ram_poked; pa += n, len -= n) {
		n = PAGE_SIZE - (pa & ~PAGE_MASK);
		if (n > len)
			n = len;
		if (!is_buffer(k, pa, n))
			k->ram_poked = true;
	}
}

/* --- bouncing ------------------------------------------------------------- */

/* Copies a segment's bytes between the buffer and its bounce buffer. */
uint64_t dma_bounce_copy(struct kernel *k, const struct dma_segment *seg,
			 bool to_device)
{
	uint8_t page[PAGE_SIZE];

	if (seg->bounce == BOUNCE_NONE)
		return 0;
	for (uint64_t at = 0, n; at < seg->len; at += n) {
		pa_t from = (to_device ? seg->phys : seg->bus) + at;
		pa_t to = (to_device ? seg->bus : seg->phys) + at;

		n = seg->len - at < PAGE_SIZE ? seg->len - at : PAGE_SIZE;
		ram_copy_out(k->ram, from, page, n);
		ram_copy_in(k->ram, to, page, n);
		dma_note_write(k, to, n);
	}
	return seg->len;
}

/* Linux copies whatever the direction: what the device leaves stays as is. */
static int swiotlb_map(struct kernel *k, struct device *dev,
		       struct dma_segment *seg)
{
	pa_t at = swiotlb_alloc(k, seg->len);

	if (at == SWIOTLB_FULL) {
		dma_warn(k, dev,
			 "swiotlb buffer is full (sz: %llu bytes), total %u "
			 "(slots), used %u (slots)",
			 (unsigned long long)seg->len, k->swiotlb->nslabs,
			 k->swiotlb->used);
		return -ENOMEM;
	}
	if (!dma_capable(dev, at, seg->len)) {
		swiotlb_free(k, at);
		dma_warn(k, dev,
			 "swiotlb addr 0x%016llx+%llu overflow (mask %llx, "
			 "bus limit 0)",
			 (unsigned long long)at, (unsigned long long)seg->len,
			 (unsigned long long)dev->dma_mask);
		return -ENOMEM;
	}
	seg->bus = at;
	seg->bounce = BOUNCE_SWIOTLB;
	dma_bounce_copy(k, seg, true);
	return 0;
}

/* => seg->phys is set, and seg->len */
int dma_direct_map_page(struct kernel *k, struct device *dev,
			struct dma_segment *seg)
{
	seg->bus = seg->phys;
	seg->bounce = BOUNCE_NONE;
	if (k->swiotlb && k->config.swiotlb_force)
		return swiotlb_map(k, dev, seg);
	if (dma_capable(dev, seg->bus, seg->len))
		return 0;
	if (k->swiotlb)
		return swiotlb_map(k, dev, seg);
	dma_warn(k, dev,
		 "DMA addr 0x%016llx+%llu overflow (mask %llx, bus limit 0)",
		 (unsigned long long)seg->bus, (unsigned long long)seg->len,
		 (unsigned long long)dev->dma_mask);
	return -ENOMEM;
}

/*
 * A page from where the device reaches it, as the block layer's mempools
 * hold: lowmem, or ZONE_DMA for those that reach no more.
 * => the segment is within one frame
 */
int dma_bounce_page(struct kernel *k, struct device *dev,
		    struct dma_segment *seg, enum dma_data_direction dir)
{
	pa_t low_end = k->layout.lowmem_end - 1;
	unsigned gfp = dev->dma_mask >= low_end		   ? GFP_KERNEL
		       : dev->dma_mask >= dma_bit_mask(32) ? GFP_DMA32
							   : GFP_DMA;
	pfn_t pfn;

	if (dma_capable(dev, seg->phys, seg->len))
		return dma_direct_map_page(k, dev, seg);
	pfn = alloc_pages(k, gfp, 0, "bounce");
	if (pfn == PFN_NONE)
		return -ENOMEM;
	pfn_to_page(k, pfn)->flags |= PG_dma;
	seg->bus = (pfn << PAGE_SHIFT) + (seg->phys & ~PAGE_MASK);
	seg->bounce = BOUNCE_PAGE;
	if (dir != DMA_FROM_DEVICE)
		dma_bounce_copy(k, seg, true);
	return 0;
}

void dma_unmap_segment(struct kernel *k, const struct dma_segment *seg,
		       enum dma_data_direction dir)
{
	if (dir != DMA_TO_DEVICE)
		dma_bounce_copy(k, seg, false);
	if (seg->bounce == BOUNCE_SWIOTLB)
		swiotlb_free(k, seg->bus);
	if (seg->bounce == BOUNCE_PAGE)
		free_pages(k, seg->bus >> PAGE_SHIFT, 0);
}

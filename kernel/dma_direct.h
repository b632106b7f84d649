/*
 * dma_direct.h - segments of mappings (linux kernel/dma/direct.h): for
 * dma_mapping.c.
 */
#ifndef KERNEL_DMA_DIRECT_H
#define KERNEL_DMA_DIRECT_H

#include "kernel/dma_mapping.h"

#define ZONE_DMA_BITS 24

static inline uint64_t dma_bit_mask(unsigned bits)
{
	return bits < 64 ? BIT(bits) - 1 : ~0ULL;
}

/* dev_warn(): to the kernel log, and kept in dev->log. */
void dma_warn(struct kernel *k, struct device *dev, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Finds the bus address of a segment whose phys and len are set, in the
 * swiotlb if need be. -ENOMEM: dev->log says what the kernel prints.
 */
int dma_direct_map_page(struct kernel *k, struct device *dev,
			struct dma_segment *seg);
/*
 * The same with a page from where the device reaches it, as the block layer's
 * mempools hold: lowmem, or ZONE_DMA for those that reach no more.
 * => the segment is within one frame
 */
int dma_bounce_page(struct kernel *k, struct device *dev,
		    struct dma_segment *seg, enum dma_data_direction dir);
void dma_unmap_segment(struct kernel *k, const struct dma_segment *seg,
		       enum dma_data_direction dir);
/* Copies a segment's bytes between the buffer and its bounce buffer. */
uint64_t dma_bounce_copy(struct kernel *k, const struct dma_segment *seg,
			 bool to_device);

#endif

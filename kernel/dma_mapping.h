/*
 * dma_mapping.h - the DMA API: how a driver gets the address that it may give
 * to a device (linux include/linux/dma-mapping.h, kernel/dma/mapping.c,
 * direct.c).
 *
 * Without an IOMMU a bus address is a physical address. A streaming mapping
 * is of one contiguous piece (dma_map_single) or of a list (dma_map_sg); where
 * the device cannot reach the buffer it gets a bounce buffer, and the bytes
 * are copied when the mapping is made, synced and undone. A coherent buffer is
 * allocated where the device reaches it.
 */
#ifndef KERNEL_DMA_MAPPING_H
#define KERNEL_DMA_MAPPING_H

#include "kernel/kernel.h"
#include "machine/dmadev.h"

enum dma_data_direction { /* numbers as in Linux */
			  DMA_BIDIRECTIONAL,
			  DMA_TO_DEVICE,
			  DMA_FROM_DEVICE,
			  NR_DMA_DIRECTIONS
};
extern const char *const dma_direction_name[]; /* "DMA_TO_DEVICE" */

enum dma_kind { DMA_SINGLE, DMA_SG, DMA_COHERENT };
enum dma_bounce { BOUNCE_NONE, BOUNCE_SWIOTLB, BOUNCE_PAGE };

#define DMA_MAX_SEGMENT (64 * KiB) /* dma_get_max_seg_size()'s default */
#define DMA_MAX_SIZE	(16 * MiB) /* ours, of one mapping */

struct dma_segment {
	uint64_t bus, len; /* what the device is told */
	pa_t phys;	   /* of the buffer; not bus if bounced */
	enum dma_bounce bounce;
};

struct dma_map {
	TAILQ_ENTRY(dma_map) link;
	enum dma_kind kind;
	enum dma_data_direction dir;
	va_t va; /* the CPU's address of the buffer */
	uint64_t size;
	unsigned nents;
	struct dma_segment *sg; /* owned */
	va_t sgl;		/* DMA_SG: kmalloc'ed struct scatterlist[] */
	unsigned order;		/* DMA_COHERENT: of the block */
};

struct device {
	TAILQ_ENTRY(device) link;
	char name[16];
	struct dmadev hw;
	uint64_t dma_mask; /* what the driver has set; 0xffffffff at first */
	TAILQ_HEAD(, dma_map) maps;
	unsigned nmaps;
	char log[160]; /* what the kernel last printed about it */
};

void dma_init(struct kernel *k);
void dma_deinit(struct kernel *k);

/*
 * A device whose address register has @bits bits. Its driver sets a mask of
 * as many, if the kernel takes it. NULL: the name is taken or too long.
 */
struct device *device_add(struct kernel *k, const char *name, unsigned bits);
/* -EBUSY: it has mappings left. */
int device_del(struct kernel *k, struct device *dev);
struct device *device_find(const struct kernel *k, const char *name);

/* -EIO: not even ZONE_DMA, or all of RAM, is below the mask; -EBUSY: it has
 * mappings. */
int dma_set_mask(struct kernel *k, struct device *dev, uint64_t mask);

/*
 * Maps a buffer of the kernel. dma_map_sg() makes the list first, from the
 * frames behind @va, neighbours joined; with @bounce as the block layer does,
 * which copies what the device cannot reach into pages that it can.
 * -ENOMEM: DMA_MAPPING_ERROR, and dev->log says what the kernel prints;
 * -EFAULT: a page of it is not mapped; -EINVAL: no or too many bytes.
 */
int dma_map_single(struct kernel *k, struct device *dev, va_t va, uint64_t size,
		   enum dma_data_direction dir, struct dma_map **ret);
int dma_map_sg(struct kernel *k, struct device *dev, va_t va, uint64_t size,
	       enum dma_data_direction dir, bool bounce, struct dma_map **ret);
/* Zeroed; -ENOMEM. */
int dma_alloc_coherent(struct kernel *k, struct device *dev, uint64_t size,
		       struct dma_map **ret);
/* Undoes any of the three: copies back, gives back. */
void dma_unmap(struct kernel *k, struct device *dev, struct dma_map *map);
/* The buffer is the CPU's, or the device's, from here on. Bytes copied. */
uint64_t dma_sync_for_cpu(struct kernel *k, struct dma_map *map);
uint64_t dma_sync_for_device(struct kernel *k, struct dma_map *map);

/* The mapping of @dev that holds @va, or NULL. */
struct dma_map *dma_find_map(const struct device *dev, va_t va);
/* The segment that holds byte @at of the buffer; *ret: where in it. */
const struct dma_segment *dma_find_segment(const struct dma_map *map,
					   uint64_t at, uint64_t *ret);
/* Can @dev be told to use [bus, bus + size)? */
bool dma_capable(const struct device *dev, uint64_t bus, uint64_t size);

/*
 * A device has written [pa, pa + len), which no MMU protects: where that is no
 * buffer of anybody, the kernel's own state is not to be trusted any more.
 */
void dma_note_write(struct kernel *k, pa_t pa, uint64_t len);

unsigned dma_check(struct kernel *k, check_fn fn, void *ctx);

#endif

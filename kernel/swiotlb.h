/*
 * swiotlb.h - the software I/O TLB: a pool of bounce buffers that 32-bit
 * devices can reach (linux kernel/dma/swiotlb.c).
 *
 * 64 MiB below 4 GiB, taken at boot where there is RAM above 4 GiB, in slots
 * of 2 KiB. A mapping takes up to 128 slots in a row, within an aligned
 * segment of 128: 256 KiB at most.
 */
#ifndef KERNEL_SWIOTLB_H
#define KERNEL_SWIOTLB_H

#include "kernel/kernel.h"

#define IO_TLB_SHIFT	    11
#define IO_TLB_SIZE	    (1u << IO_TLB_SHIFT)
#define IO_TLB_SEGSIZE	    128u /* slots */
#define IO_TLB_DEFAULT_SIZE (64 * MiB)
#define IO_TLB_MIN_SIZE	    (MiB)
#define SWIOTLB_FULL	    (~0ULL)

struct io_tlb_mem {
	pa_t start, end;
	unsigned nslabs, used; /* slots: all, in use */
	unsigned index;	       /* where the search for slots goes on */
	uint32_t *slot;	       /* owned; first slot of a mapping: its slots */
};

/*
 * Reserves the pool, as mem_init() does; before the buddy allocator is. NULL,
 * or why this kernel cannot have the one that was asked for.
 */
const char *swiotlb_init(struct kernel *k);
void swiotlb_deinit(struct kernel *k);

/* Slots for @size bytes: their physical address, or SWIOTLB_FULL. */
pa_t swiotlb_alloc(struct kernel *k, uint64_t size);
/* => @pa came from swiotlb_alloc() */
void swiotlb_free(struct kernel *k, pa_t pa);
bool is_swiotlb_buffer(const struct kernel *k, pa_t pa);
/* Slots of the mapping that begins at @pa. */
unsigned swiotlb_slots(const struct kernel *k, pa_t pa);

unsigned swiotlb_check(struct kernel *k, check_fn fn, void *ctx);

#endif

/*
 * swiotlb.c - bounce buffers: a pool of slots, searched next-fit.
 *
 * Models kernel/dma/swiotlb.c of Linux 6.1 (swiotlb_init, swiotlb_find_slots,
 * swiotlb_release_slots) and pci_swiotlb_detect() of
 * arch/x86/kernel/pci-dma.c. Left out: one area for each CPU (the pool is one
 * area), the list of free runs (slots are looked at one by one), alignment
 * that a device asks for, memory encryption.
 */
#include "kernel/swiotlb.h"

#include <assert.h>
#include <stdlib.h>

#include "kernel/internal.h"
#include "kernel/memblock.h"

/* CONFIG_SWIOTLB: x86-64, and PAE since 4.18. */
static bool swiotlb_built_in(const struct kernel *k)
{
	bool pae = k->mode->entry_size == 8 && k->arch->word == 4;

	return k->arch->word == 8 || (pae && k->config.layout_61);
}

/* Needed above 4 GiB only; or the user has asked for it. */
static bool swiotlb_enable(const struct kernel *k)
{
	return swiotlb_built_in(k) && !k->config.swiotlb_off &&
	       (k->max_pfn > 4 * GiB >> PAGE_SHIFT || k->config.swiotlb_force);
}

/* In whole segments, as swiotlb_adjust_size() has it. */
static uint64_t pool_size(const struct kernel *k)
{
	uint64_t size =
		k->config.swiotlb ? k->config.swiotlb : IO_TLB_DEFAULT_SIZE;

	return ALIGN_UP(size, (uint64_t)IO_TLB_SEGSIZE << IO_TLB_SHIFT);
}

/*
 * The pool is the first to be taken from the top of memory below 4 GiB, but
 * for the initrd, which the boot loader of x86-64 put there.
 */
static pa_t pool_limit(const struct kernel *k)
{
	uint64_t initrd = k->config.sizes.n[BOOT_INITRD];
	pa_t limit = k->layout.lowmem_end, top = 0;

	if (limit > 4 * GiB)
		limit = 4 * GiB;
	if (!(k->config.sizes.set & BIT(BOOT_INITRD)) || !k->layout.vmemmap)
		return limit;
	for (unsigned i = 0; i < k->nmemory; i++)
		if (k->memory[i].end <= limit)
			top = k->memory[i].end;
	return top > PAGE_ALIGN(initrd) ? top - PAGE_ALIGN(initrd) : limit;
}

const char *swiotlb_init(struct kernel *k)
{
	pa_t limit = pool_limit(k), start;
	uint64_t size = pool_size(k);

	if ((k->config.swiotlb || k->config.swiotlb_force) &&
	    !swiotlb_built_in(k))
		return "this kernel has no swiotlb: x86_64 has, and i386-pae "
		       "with layout=6.1";
	if (!swiotlb_enable(k))
		return NULL;
	start = memblock_alloc(k, size, PAGE_SIZE, limit, "software IO TLB");
	if (!start) /* Linux warns, and goes on without */
		return NULL;
	k->swiotlb = calloc(1, sizeof(*k->swiotlb));
	assert(k->swiotlb);
	k->swiotlb->start = start;
	k->swiotlb->end = start + size;
	k->swiotlb->nslabs = size >> IO_TLB_SHIFT;
	return NULL;
}

void swiotlb_deinit(struct kernel *k)
{
	if (k->swiotlb)
		free(k->swiotlb->slot);
	free(k->swiotlb);
	k->swiotlb = NULL;
}

/* Are @n slots free from @i on, in one segment? Else *next may be. */
static bool slots_free(const struct io_tlb_mem *mem, unsigned i, unsigned n,
		       unsigned *next)
{
	unsigned segment_end = i - i % IO_TLB_SEGSIZE + IO_TLB_SEGSIZE;

	*next = segment_end;
	if (i + n > segment_end)
		return false;
	for (unsigned j = i; j < i + n; j++)
		if (mem->slot[j]) {
			*next = j + 1;
			return false;
		}
	return true;
}

/* The first of @n free slots, or nslabs. A page or more begins at a page. */
static unsigned find_slots(const struct io_tlb_mem *mem, unsigned n,
			   unsigned stride)
{
	unsigned i = ALIGN_UP(mem->index, stride), next;

	for (unsigned looked = 0; looked <= mem->nslabs;
	     looked += next - i, i = ALIGN_UP(next, stride)) {
		if (i >= mem->nslabs)
			i = 0;
		if (slots_free(mem, i, n, &next))
			return i;
	}
	return mem->nslabs;
}

pa_t swiotlb_alloc(struct kernel *k, uint64_t size)
{
	struct io_tlb_mem *mem = k->swiotlb;
	uint64_t n = (size + IO_TLB_SIZE - 1) >> IO_TLB_SHIFT;
	unsigned stride = size >= PAGE_SIZE ? PAGE_SIZE / IO_TLB_SIZE : 1, i;

	if (!n || n > IO_TLB_SEGSIZE)
		return SWIOTLB_FULL;
	if (!mem->slot)
		mem->slot = calloc(mem->nslabs, sizeof(mem->slot[0]));
	assert(mem->slot);
	i = find_slots(mem, n, stride);
	if (i == mem->nslabs)
		return SWIOTLB_FULL;
	for (unsigned j = 1; j < n; j++)
		mem->slot[i + j] = UINT32_MAX;
	mem->slot[i] = n;
	mem->used += n;
	mem->index = i + n < mem->nslabs ? i + n : 0;
	return mem->start + ((pa_t)i << IO_TLB_SHIFT);
}

static unsigned slot_of(const struct kernel *k, pa_t pa)
{
	return (pa - k->swiotlb->start) >> IO_TLB_SHIFT;
}

void swiotlb_free(struct kernel *k, pa_t pa)
{
	unsigned i = slot_of(k, pa), n = swiotlb_slots(k, pa);

	for (unsigned j = 0; j < n; j++)
		k->swiotlb->slot[i + j] = 0;
	k->swiotlb->used -= n;
}

bool is_swiotlb_buffer(const struct kernel *k, pa_t pa)
{
	return k->swiotlb && pa >= k->swiotlb->start && pa < k->swiotlb->end;
}

unsigned swiotlb_slots(const struct kernel *k, pa_t pa)
{
	return k->swiotlb->slot[slot_of(k, pa)];
}

unsigned swiotlb_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	const struct io_tlb_mem *mem = k->swiotlb;
	unsigned used = 0;

	for (unsigned i = 0; mem && mem->slot && i < mem->nslabs; i++)
		used += mem->slot[i] != 0;
	if (mem && used != mem->used)
		check_finding(&c, "swiotlb: %u slots in use, %u are marked",
			      mem->used, used);
	return c.found;
}

/*
 * vmalloc.h - the vmalloc area (linux mm/vmalloc.c): virtually contiguous
 * kernel memory from single frames, with a guard page after each area.
 */
#ifndef KERNEL_VMALLOC_H
#define KERNEL_VMALLOC_H

#include "kernel/kernel.h"

enum vmap_kind { VMAP_ALLOC, VMAP_IOREMAP };

struct vmap_area {
	TAILQ_ENTRY(vmap_area) link;
	va_t start, end;	/* end exclusive, guard page included */
	unsigned nr_pages;
	enum vmap_kind kind;
	pa_t phys;		/* VMAP_IOREMAP */
	enum memtype type;	/* VMAP_IOREMAP: what its PTEs ask for */
	uint32_t *pages;	/* VMAP_ALLOC: owned, the frames */
};

void vmalloc_init(struct kernel *k);
void vmalloc_deinit(struct kernel *k);

/* -ENOMEM: size 0, no address range or no frames; all or nothing. */
int vmalloc(struct kernel *k, uint64_t size, va_t *ret);
/*
 * Maps @size bytes of physical address space; ioremap() asks for UC-. See
 * memtype_reserve() for the type that one gets.
 */
int ioremap_type(struct kernel *k, pa_t phys, uint64_t size, enum memtype type,
		 va_t *ret);
int ioremap(struct kernel *k, pa_t phys, uint64_t size, va_t *ret);
/* -EINVAL if @va is neither NULL nor the start of an area. */
int vfree(struct kernel *k, va_t va);
/* The area that holds @va (guard page included), or NULL. */
const struct vmap_area *find_vmap_area(const struct kernel *k, va_t va);

unsigned vmalloc_check(struct kernel *k, check_fn fn, void *ctx);

#endif

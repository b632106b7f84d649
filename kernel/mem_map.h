/*
 * mem_map.h - struct page as bytes at its own address, as Linux 6.1 lays it
 * out (include/linux/mm_types.h, page-flags.h, page-flags-layout.h, mm/slab.h).
 *
 * The frames that mem_map takes are charged to RAM at boot, and nothing is
 * written there: what they hold is made from the records when somebody looks.
 * Pure; a poke into these frames is not seen.
 */
#ifndef KERNEL_MEM_MAP_H
#define KERNEL_MEM_MAP_H

#include "kernel/kernel.h"

#define STRUCT_PAGE_MAX 64

struct page_field {
	const char *name;	/* "_refcount"; NULL: padding */
	uint8_t offset32, offset64, size32, size64;
};

/* The fields in rising order; ends with a NULL name. */
extern const struct page_field page_fields[];
unsigned page_field_offset(const struct kernel *k, const struct page_field *f);
unsigned page_field_size(const struct kernel *k, const struct page_field *f);
/* The field that holds byte @offset, or NULL: padding. */
const struct page_field *page_field_at(const struct kernel *k, unsigned offset);

/* The k->arch->sizeof_page bytes of the struct page of @pfn. */
void mem_map_bytes(const struct kernel *k, pfn_t pfn,
		   uint8_t ret[STRUCT_PAGE_MAX]);
/* The flags word alone: flags as Linux numbers them, zone, node, last CPU. */
uint64_t mem_map_flags(const struct kernel *k, pfn_t pfn);

/* Is @pfn in a compound page of more than one frame: which, how large? */
bool mem_map_compound(const struct kernel *k, pfn_t pfn, pfn_t *head,
		      unsigned *order);

/* Is the byte at @pa one of a struct page: of which frame, and which byte? */
bool mem_map_at(const struct kernel *k, pa_t pa, pfn_t *pfn, unsigned *offset);
/* The same for a kernel address, in vmemmap or in the direct map. */
bool mem_map_at_va(const struct kernel *k, va_t va, pfn_t *pfn,
		   unsigned *offset);

/*
 * @buf holds @len bytes that were read at @pa: puts the struct pages among
 * them into their places. Accepts no kernel.
 */
void mem_map_overlay(const struct kernel *k, pa_t pa, void *buf, size_t len);
/* The same for what was read at the kernel address @va. */
void mem_map_overlay_va(const struct kernel *k, va_t va, void *buf, size_t len);
/* ram_read() and mem_map_overlay() in one. */
uint64_t mem_map_read(const struct kernel *k, const struct ram *ram, pa_t pa,
		      unsigned size);

#endif

/*
 * convert.h - the arithmetic of __pa(), __va(), virt_to_page() and their kin,
 * right or wrong: Linux' macros add and subtract whatever they are given.
 * (linux arch/x86/include/asm/page.h, page_32.h, page_64.h,
 * asm-generic/memory_model.h, arch/x86/mm/physaddr.c, mm/vmalloc.c)
 *
 * Pure. kernel_pa() and kernel_va() are for callers that know better.
 */
#ifndef KERNEL_CONVERT_H
#define KERNEL_CONVERT_H

#include "kernel/kernel.h"

enum convert_why {
	CONVERT_OK,
	CONVERT_USER,	   /* an address of the process */
	CONVERT_MAPPED,	   /* a kernel address outside of the direct map */
	CONVERT_NO_RAM,	   /* of the direct map; no RAM is there */
	CONVERT_NO_SYMBOL, /* __pa_symbol(): outside of the kernel image */
	CONVERT_HIGHMEM,   /* RAM that has no place in the direct map */
	CONVERT_CUT,	   /* HighMem, and the number has lost bits: PAE */
	CONVERT_NO_PAGE,   /* no struct page where it would have to be */
};

struct conversion {
	uint64_t n;	      /* what a kernel computes */
	enum convert_why why; /* CONVERT_OK: and it is right */
	const char *debug;    /* what CONFIG_DEBUG_VIRTUAL stops at, or NULL */
};

/* __pa(): a subtraction; which one, follows from the address on x86-64. */
struct conversion convert_pa(const struct kernel *k, va_t va);
/* __pa_symbol(): for addresses of the kernel image. */
struct conversion convert_pa_symbol(const struct kernel *k, va_t va);
/* __va(): an addition, of an unsigned long. */
struct conversion convert_va(const struct kernel *k, pa_t pa);
/* pfn_to_page(): the address of a struct page, there or not. */
struct conversion convert_page(const struct kernel *k, pfn_t pfn);
/*
 * page_to_pfn(), the other way round. False: @va points into no struct
 * page's first byte; *ret is the quotient all the same.
 */
bool convert_page_to_pfn(const struct kernel *k, va_t va, pfn_t *ret);

/* What those predicates say: not always what one would like to know. */
bool virt_addr_valid(const struct kernel *k, va_t va);
/* Has the frame a struct page? Holes have some as well; see kernel.h for RAM.
 */
bool linux_pfn_valid(const struct kernel *k, pfn_t pfn);

/*
 * slow_virt_to_phys(), vmalloc_to_page(): the kernel's page tables are read.
 * False: nothing is mapped there.
 */
bool slow_virt_to_phys(const struct kernel *k, va_t va, pa_t *ret);
bool is_vmalloc_addr(const struct kernel *k, va_t va);

/* page_address(): where the kernel can reach the frame now, or 0 (NULL). */
va_t page_address(const struct kernel *k, pfn_t pfn);

#endif

/*
 * huge_check.h - what mm_check.c asks of huge_check.c: large entries and pages
 * counted again. Private to kernel/.
 */
#ifndef KERNEL_HUGE_CHECK_H
#define KERNEL_HUGE_CHECK_H

#include "kernel/compound.h"
#include "kernel/internal.h"
#include "kernel/mm_types.h"

/* Large entries of @mm, which have as many deposited tables; adds to *rss. */
uint64_t huge_check_mm(struct checker *c, const struct kernel *k,
		       const struct mm_struct *mm, uint64_t *rss);
/* Calls @count for each, with its area (or NULL) and first frame. */
void huge_count_mm(const struct kernel *k, const struct mm_struct *mm,
		   void (*count)(void *ctx, const struct vm_area_struct *vma,
				 pfn_t pfn),
		   void *ctx);
/* A head that @huge large entries map, with @refs references in all. */
void compound_check(struct checker *c, const struct kernel *k,
		    struct page *head, uint32_t huge, uint64_t refs);
/* The huge zero page, the list of those to be split. */
void huge_check(struct checker *c, const struct kernel *k);

#endif

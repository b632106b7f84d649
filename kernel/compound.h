/*
 * compound.h - several frames in a row as one page: a head and its tails
 * (linux include/linux/page-flags.h, mm.h; mm/page_alloc.c).
 *
 *	head		its _refcount is that of all; flags, mapping, index
 *	1st tail	.prev: order, and what is to be done at the end
 *	2nd tail	.prev: compound_mapcount, large entries that map it all
 *	3rd, 4th	.prev: neighbours of the head on the deferred list
 *	5th tail	.prev: is it mapped by entries of both sizes (Linux'
 *			PG_double_map)?
 *	every tail	.next: the head; _refcount 0; _mapcount: entries of the
 *			lowest level that map this frame alone
 *
 * Large anonymous pages have mapping, index and flags in their tails as well,
 * where Linux goes to the head for them: an entry of the lowest level is
 * then like any other.
 */
#ifndef KERNEL_COMPOUND_H
#define KERNEL_COMPOUND_H

#include "kernel/kernel.h"

/* Linux' numbers: who takes the page when its last reference goes. */
enum compound_dtor {
	COMPOUND_PAGE_DTOR = 1,
	HUGETLB_PAGE_DTOR,
	TRANSHUGE_PAGE_DTOR,
};

static inline bool page_compound(const struct page *page)
{
	return page->flags & PG_compound;
}

/* => @page is part of a compound page. */
struct page *compound_head_slow(const struct kernel *k,
				const struct page *page);

/* The head of the page that @page is part of; itself if it is single. */
static inline struct page *compound_head(const struct kernel *k,
					 struct page *page)
{
	if (__builtin_expect(!page_compound(page), 1))
		return page;
	return compound_head_slow(k, page);
}

static inline bool page_tail(const struct kernel *k, const struct page *page)
{
	return page_compound(page) && compound_head_slow(k, page) != page;
}

/* Of a head; a single frame has order 0. */
static inline unsigned compound_order(const struct page *head)
{
	return page_compound(head) ? head[1].prev & 0xff : 0;
}

static inline uint64_t compound_nr(const struct page *head)
{
	return 1ULL << compound_order(head);
}

static inline enum compound_dtor compound_dtor(const struct page *head)
{
	return (enum compound_dtor)(head[1].prev >> 8);
}

static inline uint32_t *compound_mapcount(struct page *head)
{
	return &head[2].prev;
}

static inline uint32_t *page_double_map(struct page *head)
{
	return &head[5].prev;
}

/* Of a head or tail: does the pool of hugetlb have it? */
bool page_huge(const struct kernel *k, const struct page *page);

/* Entries of any size that map the frame. */
int32_t page_mapcount(const struct kernel *k, const struct page *page);
/* The same of all frames together, a large entry counted once. */
int32_t total_mapcount(const struct kernel *k, const struct page *head);
/* References to the frame: all have those of the head. */
int32_t page_count(const struct kernel *k, const struct page *page);

/* Frames [pfn, + 1 << order), just allocated, become one page. */
void prep_compound_page(struct kernel *k, pfn_t pfn, unsigned order,
			enum compound_dtor dtor);
/* They are single frames again; their counts are the caller's. */
void destroy_compound_page(struct kernel *k, struct page *head);
/* The last reference has gone. */
void free_compound_page(struct kernel *k, struct page *head);

#endif

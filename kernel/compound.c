/*
 * compound.c - see compound.h (linux 6.1 mm/page_alloc.c: prep_compound_page,
 * mm/util.c: page_mapcount).
 *
 * Left out: compound pages that no process maps; slabs and large kmallocs
 * know their order themselves. Linux counts a frame that is mapped by entries
 * of both sizes once more in its _mapcount; here that is added where bytes of
 * mem_map are shown.
 */
#include "kernel/compound.h"

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_inline.h"
#include "kernel/page_alloc.h"

/*
 * A head is aligned to a large page, and its first tail has an order. Within a
 * page of 1 GiB other frames are aligned so as well.
 */
struct page *compound_head_slow(const struct kernel *k, const struct page *page)
{
	pfn_t pfn = page_to_pfn(k, page);

	if (!(pfn & (hpage_nr(k) - 1)) && page[1].prev)
		return pfn_to_page(k, pfn);
	return pfn_to_page(k, page->next);
}

bool page_huge(const struct kernel *k, const struct page *page)
{
	return page_compound(page) &&
	       compound_dtor(compound_head_slow(k, page)) == HUGETLB_PAGE_DTOR;
}

int32_t page_mapcount(const struct kernel *k, const struct page *page)
{
	if (!page_compound(page))
		return page->_mapcount;
	return page->_mapcount +
	       (int32_t)*compound_mapcount(compound_head_slow(k, page));
}

int32_t total_mapcount(const struct kernel *k, const struct page *head)
{
	int32_t n = page_mapcount(k, head);

	if (!page_huge(k, head))
		for (uint64_t i = 1; i < compound_nr(head); i++)
			n += head[i]._mapcount;
	return n;
}

int32_t page_count(const struct kernel *k, const struct page *page)
{
	if (page_compound(page))
		page = compound_head_slow(k, page);
	return page->_refcount;
}

void prep_compound_page(struct kernel *k, pfn_t pfn, unsigned order,
			enum compound_dtor dtor)
{
	struct page *head = pfn_to_page(k, pfn);

	head->flags |= PG_compound;
	for (uint64_t i = 1; i < 1ULL << order; i++) {
		head[i].flags |= PG_compound;
		head[i].next = pfn;
		head[i].prev = 0;
	}
	head[1].prev = order | (uint32_t)dtor << 8;
}

void destroy_compound_page(struct kernel *k, struct page *head)
{
	uint64_t nr = compound_nr(head);

	for (uint64_t i = 0; i < nr; i++) {
		head[i].flags &= ~PG_compound;
		if (i)
			head[i].next = head[i].prev = 0;
	}
}

void free_compound_page(struct kernel *k, struct page *head)
{
	if (compound_dtor(head) == HUGETLB_PAGE_DTOR) {
		free_huge_page(k, head);
		return;
	}
	if (compound_dtor(head) == TRANSHUGE_PAGE_DTOR)
		deferred_split_forget(k, head);
	if (head->flags & PG_lru)
		page_cache_release(k, page_to_pfn(k, head));
	free_pages(k, page_to_pfn(k, head), compound_order(head));
}

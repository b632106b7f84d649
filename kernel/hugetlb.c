/*
 * hugetlb.c - the pool of large pages (linux 6.1 mm/hugetlb.c).
 *
 *	alloc_pool_huge_page --> free list <--> in use
 *	                            |            |
 *	        pool is made smaller|            |surplus
 *	                            v            v
 *	                          buddy allocator
 *
 * Promises are in hugetlb_resv.c, entries in hugetlb_vm.c. Left out: pages of
 * 1 GiB, nodes, subpools (mounts with a size), cgroups, CMA, the optimization
 * of the vmemmap, migration of the pages.
 */
#include "kernel/hugetlb.h"

#include <errno.h>
#include <inttypes.h>

#include "kernel/huge_mm.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"

static uint64_t persistent_huge_pages(const struct hstate *h)
{
	return h->nr_huge_pages - h->surplus_huge_pages;
}

/* Free pages that nobody was promised. */
static uint64_t available_huge_pages(const struct hstate *h)
{
	return h->free_huge_pages - h->resv_huge_pages;
}

/* --- the free list, through the heads ------------------------------------- */

static void enqueue_huge_page(struct kernel *k, pfn_t pfn)
{
	struct page *head = pfn_to_page(k, pfn);

	head->_refcount = 0;
	head->next = k->hstate.free;
	k->hstate.free = pfn;
	k->hstate.free_huge_pages++;
}

static pfn_t dequeue_huge_page(struct kernel *k)
{
	struct hstate *h = &k->hstate;
	struct page *head = pfn_to_page(k, h->free);
	pfn_t pfn = h->free;

	if (!h->free_huge_pages)
		return PFN_NONE;
	h->free = head->next;
	h->free_huge_pages--;
	head->next = 0;
	head->_refcount = 1;
	page_changed(k, head);
	return pfn;
}

/* --- pages come, pages go ------------------------------------------------- */

static pfn_t alloc_fresh_huge_page(struct kernel *k)
{
	bool migrates = k->arch->word == 8;
	unsigned gfp = (migrates ? GFP_HIGHUSER_MOVABLE : GFP_HIGHUSER) |
		       __GFP_COMP | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	pfn_t pfn = alloc_pages(k, gfp, k->hstate.order, "hugetlb");

	if (pfn == PFN_NONE) {
		k->vmstat.htlb_buddy_alloc_fail++;
		return PFN_NONE;
	}
	k->vmstat.htlb_buddy_alloc_success++;
	prep_compound_page(k, pfn, k->hstate.order, HUGETLB_PAGE_DTOR);
	k->hstate.nr_huge_pages++;
	return pfn;
}

static void update_and_free_page(struct kernel *k, pfn_t pfn)
{
	k->hstate.nr_huge_pages--;
	free_pages(k, pfn, k->hstate.order);
}

/* Returns a free page to the buddy allocator; false: there is none. */
static bool remove_pool_huge_page(struct kernel *k, bool surplus)
{
	pfn_t pfn = dequeue_huge_page(k);

	if (pfn == PFN_NONE)
		return false;
	k->hstate.surplus_huge_pages -= surplus;
	update_and_free_page(k, pfn);
	return true;
}

int hugetlb_set_max_huge_pages(struct kernel *k, uint64_t count)
{
	struct hstate *h = &k->hstate;
	uint64_t min;
	pfn_t pfn;

	if (!has_transparent_hugepage(k))
		return -EOPNOTSUPP;
	while (h->surplus_huge_pages && count > persistent_huge_pages(h))
		h->surplus_huge_pages--;
	while (count > persistent_huge_pages(h)) {
		pfn = alloc_fresh_huge_page(k);
		if (pfn == PFN_NONE)
			break;
		enqueue_huge_page(k, pfn);
	}
	min = h->resv_huge_pages + h->nr_huge_pages - h->free_huge_pages;
	while ((count > min ? count : min) < persistent_huge_pages(h) &&
	       remove_pool_huge_page(k, false))
		;
	while (count < persistent_huge_pages(h))
		h->surplus_huge_pages++;
	h->max_huge_pages = persistent_huge_pages(h);
	return 0;
}

static pfn_t alloc_surplus_huge_page(struct kernel *k)
{
	struct hstate *h = &k->hstate;
	pfn_t pfn;

	if (h->surplus_huge_pages >= h->nr_overcommit_huge_pages)
		return PFN_NONE;
	pfn = alloc_fresh_huge_page(k);
	if (pfn != PFN_NONE)
		h->surplus_huge_pages++;
	return pfn;
}

void free_huge_page(struct kernel *k, struct page *head)
{
	pfn_t pfn = page_to_pfn(k, head);

	head->flags &= PG_used | PG_compound | PG_fresh | PG_STAMP_MASK;
	page_changed(k, head);
	head->mapping = NULL;
	head->index = 0;
	if (k->hstate.surplus_huge_pages) {
		k->hstate.surplus_huge_pages--;
		update_and_free_page(k, pfn);
	} else {
		enqueue_huge_page(k, pfn);
	}
}

/* --- promises as a number --------------------------------------------------
 */

/* Pages that are needed and not free; surplus ones, if they are allowed. */
static int gather_surplus_pages(struct kernel *k, uint64_t delta)
{
	struct hstate *h = &k->hstate;
	int64_t needed = h->resv_huge_pages + delta - h->free_huge_pages;
	uint64_t got = 0;
	pfn_t pfn;

	while (needed > 0 && got < (uint64_t)needed) {
		pfn = alloc_surplus_huge_page(k);
		if (pfn == PFN_NONE)
			break;
		enqueue_huge_page(k, pfn);
		got++;
	}
	if (needed <= 0 || got == (uint64_t)needed) {
		h->resv_huge_pages += delta;
		return 0;
	}
	while (got--)
		remove_pool_huge_page(k, true);
	return -ENOMEM;
}

static void return_unused_surplus_pages(struct kernel *k, uint64_t unused)
{
	struct hstate *h = &k->hstate;
	uint64_t n =
		unused < h->surplus_huge_pages ? unused : h->surplus_huge_pages;

	h->resv_huge_pages -= unused;
	while (n-- && remove_pool_huge_page(k, true))
		;
}

int hugetlb_acct_memory(struct kernel *k, int64_t delta)
{
	if (delta > 0)
		return gather_surplus_pages(k, delta);
	if (delta < 0)
		return_unused_surplus_pages(k, -delta);
	return 0;
}

/* --- a page for a fault --------------------------------------------------- */

/* linux vma_has_reserves(), given what vma_needs_reservation() said. */
static bool vma_has_reserves(const struct vm_area_struct *vma, bool needs)
{
	if (needs)
		return false;
	if (vma->vm_flags & VM_NORESERVE)
		return vma->vm_flags & VM_MAYSHARE;
	return (vma->vm_flags & VM_MAYSHARE) || vma->resv;
}

pfn_t alloc_huge_page(struct kernel *k, struct vm_area_struct *vma, va_t va,
		      bool avoid_reserve)
{
	struct hstate *h = &k->hstate;
	bool needs = avoid_reserve || vma_needs_reservation(k, vma, va);
	bool promised = vma_has_reserves(vma, needs);
	pfn_t pfn = PFN_NONE;

	if (promised || available_huge_pages(h))
		pfn = dequeue_huge_page(k);
	if (pfn == PFN_NONE)
		pfn = alloc_surplus_huge_page(k);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	h->resv_huge_pages -= promised;
	vma_commit_reservation(k, vma, va);
	return pfn;
}

/* --- boot, check ---------------------------------------------------------- */

void hugetlb_init(struct kernel *k)
{
	k->hstate.order = k->thp.order;
	if (k->config.hugepages)
		hugetlb_set_max_huge_pages(k, k->config.hugepages);
}

void hugetlb_check(struct checker *c, struct kernel *k)
{
	const struct hstate *h = &k->hstate;
	uint64_t free = 0;

	for (pfn_t p = h->free; p && free <= h->nr_huge_pages;
	     p = pfn_to_page(k, p)->next)
		free++;
	if (free != h->free_huge_pages)
		check_finding(c,
			      "hugetlb: %" PRIu64
			      " free pages counted, %" PRIu64 " on the list",
			      h->free_huge_pages, free);
	if (h->resv_huge_pages > h->free_huge_pages ||
	    h->surplus_huge_pages > h->nr_huge_pages)
		check_finding(c,
			      "hugetlb: %" PRIu64 " promised of %" PRIu64
			      " free, %" PRIu64 " surplus of %" PRIu64,
			      h->resv_huge_pages, h->free_huge_pages,
			      h->surplus_huge_pages, h->nr_huge_pages);
}

/*
 * pcp.c - per-CPU lists of free blocks, in front of the buddy.
 *
 *	CPU 0:  order 0 movable   -> page -> page ...     taken from the front,
 *	        order 0 unmovable -> page ...             freed to the front,
 *	        ...                                       drained from the end
 *
 * A list that is empty is filled with a batch, in the buddy's order, so that
 * fresh frames still come in rising order; a CPU that holds too much gives a
 * batch back, list by list in turn, and more each time while it only frees.
 * What lies here is free for nobody else: it is not in zone->free, and its
 * buddies cannot merge with it until it is drained.
 *
 * Models mm/page_alloc.c of Linux 6.1. Left out: locks, the drain that the
 * kernel's once-a-second vmstat worker does (there is no time here), a lower
 * limit while reclaim runs.
 */
#include <assert.h>
#include <stdlib.h>

#include "kernel/buddy.h"
#include "kernel/internal.h"
#include "kernel/page_alloc.h"

/* --- sizes ---------------------------------------------------------------- */

static unsigned zone_batchsize(uint64_t managed)
{
	uint64_t batch = managed >> 10;
	unsigned power = 1;

	if (batch > MiB / PAGE_SIZE)
		batch = MiB / PAGE_SIZE;
	batch /= 4;
	if (!batch)
		batch = 1;
	batch += batch / 2;
	while (power * 2 <= batch)
		power *= 2;
	return power - 1 ? power - 1 : 1;
}

static unsigned zone_highsize(const struct kernel *k, const struct zone *zone,
			      unsigned batch)
{
	uint64_t high = zone->watermark[WMARK_LOW] / k->machine->ncpus;

	return high > batch * 4 ? (unsigned)high : batch * 4;
}

void pcp_update(struct kernel *k)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &k->zone[i];
		unsigned batch = zone_batchsize(managed_then(k, i));
		unsigned high = zone_highsize(k, zone, batch);

		for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++) {
			zone->pcp[cpu].batch = batch;
			zone->pcp[cpu].high = high;
		}
		if (zone->managed || !i)
			k->preferred_zone[i] = zone;
		else
			k->preferred_zone[i] = k->preferred_zone[i - 1];
	}
}

void pcp_init(struct kernel *k)
{
	unsigned ncpus = k->machine->ncpus;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct per_cpu_pages *pcp = calloc(ncpus, sizeof(*pcp));

		assert(pcp);
		for (unsigned cpu = 0; cpu < ncpus; cpu++)
			for (unsigned l = 0; l < NR_PCP_LISTS; l++)
				pcp[cpu].list[l] =
					(struct page_list){ PFN_NONE,
							    PFN_NONE };
		k->zone[i].pcp = pcp;
	}
	pcp_update(k);
}

void pcp_deinit(struct kernel *k)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		free(k->zone[i].pcp);
}

/* --- lists ---------------------------------------------------------------- */

static void mark_unlisted(struct page *page)
{
	page->flags &= ~PG_pcp;
	page->private = 0;
	page->index = 0;
}

/* Single frames in a row to the end of @list: records in one sweep. */
static void list_run(struct kernel *k, struct page_list *list, uint32_t pfn,
		     unsigned n, enum migratetype mt)
{
	struct page *page = pfn_to_page(k, pfn);

	for (unsigned i = 0; i < n; i++) {
		mark_listed(k, &page[i], 0, mt);
		page[i].next = pfn + i + 1;
		page[i].prev = pfn + i - 1;
	}
	page[n - 1].next = PFN_NONE;
	page[0].prev = list->tail;
	if (list->tail != PFN_NONE)
		pfn_to_page(k, list->tail)->next = pfn;
	else
		list->head = pfn;
	list->tail = pfn + n - 1;
}

/* A batch of single frames, in runs: the same frames as one by one. */
static unsigned rmqueue_frames(struct kernel *k, struct zone *zone,
			       struct page_list *list, unsigned want,
			       enum migratetype mt, unsigned alloc_flags)
{
	unsigned got = 0, n;

	while (got < want) {
		pfn_t pfn =
			rmqueue_run(k, zone, mt, want - got, alloc_flags, &n);

		if (pfn == PFN_NONE)
			break;
		list_run(k, list, pfn, n, mt);
		got += n;
	}
	return got;
}

/* Blocks of @order; returns how many. */
static unsigned rmqueue_blocks(struct kernel *k, struct zone *zone,
			       struct page_list *list, unsigned order,
			       unsigned want, enum migratetype mt,
			       unsigned alloc_flags)
{
	unsigned got = 0;

	for (; got < want; got++) {
		pfn_t pfn = rmqueue(k, zone, order, mt, alloc_flags);

		if (pfn == PFN_NONE)
			break;
		mark_listed(k, pfn_to_page(k, pfn), order, mt);
		page_list_add_tail(k, list, pfn);
	}
	return got;
}

/* Fills an empty list with a batch. */
static void rmqueue_bulk(struct kernel *k, struct zone *zone,
			 struct per_cpu_pages *pcp, struct page_list *list,
			 unsigned order, enum migratetype mt,
			 unsigned alloc_flags)
{
	unsigned n = pcp->batch;

	if (n > 1)
		n = n >> order > 2 ? n >> order : 2;
	n = order ? rmqueue_blocks(k, zone, list, order, n, mt, alloc_flags)
		  : rmqueue_frames(k, zone, list, n, mt, alloc_flags);
	pcp->count += n << order;
	zone->free -= (uint64_t)n << order;
}

pfn_t pcp_refill(struct kernel *k, struct zone *zone, unsigned order,
		 enum migratetype mt, unsigned alloc_flags)
{
	struct per_cpu_pages *pcp = &zone->pcp[k->this_cpu];

	rmqueue_bulk(k, zone, pcp, &pcp->list[order_to_pindex(order, mt)],
		     order, mt, alloc_flags);
	return pcp_pop(k, zone, order, mt);
}

/* --- giving back ---------------------------------------------------------- */

/* Frees [start, end) in rising order, as one frame after the other would. */
static void free_run(struct kernel *k, struct zone *zone, pfn_t start,
		     pfn_t end, enum migratetype mt)
{
	while (start < end) {
		unsigned order = 63 - __builtin_clzll(end - start);

		if (start & ((1ULL << order) - 1))
			order = __builtin_ctzll(start);
		if (order > MAX_ORDER - 1)
			order = MAX_ORDER - 1;
		free_one_block(k, zone, start, order, mt);
		start += 1ULL << order;
	}
}

/* Takes off the last of @list, and at most @max - 1 that lie right above. */
static unsigned unlist_row(struct kernel *k, struct page_list *list,
			   unsigned max)
{
	uint32_t pfn = list->tail, prev;
	struct page *page = pfn_to_page(k, pfn);
	uint64_t index = page->index;
	unsigned n = 0;

	do {
		mark_unlisted(&page[n]);
		prev = page[n].prev;
		n++;
	} while (n < max && prev == pfn + n && page[n].index == index);
	list->tail = prev;
	if (prev != PFN_NONE)
		pfn_to_page(k, prev)->next = PFN_NONE;
	else
		list->head = PFN_NONE;
	return n;
}

/*
 * The last block of @list goes to the buddy: its size in pages. Single frames
 * in a rising row go together, at most @max of them.
 */
static unsigned drain_last(struct kernel *k, struct zone *zone,
			   struct page_list *list, unsigned max)
{
	pfn_t pfn = list->tail;
	const struct page *page = pfn_to_page(k, pfn);
	enum migratetype mt = page_list_type(page);
	unsigned order = page->private;
	unsigned n = unlist_row(k, list, order ? 1 : max);

	if (order)
		free_one_block(k, zone, pfn, order, mt);
	else
		free_run(k, zone, pfn, pfn + n, mt);
	return n << order;
}

/* Gives back @count pages, of list @pindex first, then of each in turn. */
static void free_pcppages_bulk(struct kernel *k, struct zone *zone,
			       struct per_cpu_pages *pcp, unsigned count,
			       unsigned pindex)
{
	unsigned freed = 0;

	if (count > pcp->count)
		count = pcp->count;
	while (freed < count) {
		struct page_list *list = &pcp->list[pindex];

		while (freed < count && list->tail != PFN_NONE)
			freed += drain_last(k, zone, list, count - freed);
		pindex = (pindex + 1) % NR_PCP_LISTS;
	}
	pcp->count -= freed;
	zone->free += freed;
}

static unsigned nr_pcp_free(struct per_cpu_pages *pcp)
{
	unsigned least = pcp->batch, most = pcp->high - pcp->batch;
	unsigned n = pcp->batch << pcp->free_factor;

	if (n < most)
		pcp->free_factor++;
	return n < least ? least : n > most ? most : n;
}

void pcp_trim(struct kernel *k, struct zone *zone, unsigned order,
	      enum migratetype mt)
{
	struct per_cpu_pages *pcp = &zone->pcp[k->this_cpu];
	unsigned pindex = freed_pindex(order, mt);

	/* Larger blocks are not kept while the CPU only frees. */
	if (pcp->free_factor && order && order <= PAGE_ALLOC_COSTLY_ORDER)
		free_pcppages_bulk(k, zone, pcp, pcp->count, pindex);
	else if (pcp->count >= pcp->high)
		free_pcppages_bulk(k, zone, pcp, nr_pcp_free(pcp), pindex);
}

void drain_pages(struct kernel *k, unsigned cpu)
{
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct per_cpu_pages *pcp = &k->zone[i].pcp[cpu];

		free_pcppages_bulk(k, &k->zone[i], pcp, pcp->count, 0);
	}
}

void drain_all_pages(struct kernel *k)
{
	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++)
		drain_pages(k, cpu);
}

uint64_t zone_pcp_pages(const struct kernel *k, const struct zone *zone)
{
	uint64_t n = 0;

	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++)
		n += zone->pcp[cpu].count;
	return n;
}

/*
 * mm_init.c - zones from the memory map: spans, and what the buddy gets.
 *
 * Models free_area_init() and memblock_free_all() of mm/page_alloc.c and
 * mm/memblock.c, Linux 6.1; watermarks are in watermark.c. Left out: nodes,
 * deferred struct pages.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/buddy.h"
#include "kernel/internal.h"
#include "kernel/memblock.h"
#include "kernel/page_alloc.h"

#define RECORDS_MAX (32 * MiB) /* larger reservations get no records */
#define COMMIT_MIN  1024       /* records that are worth a system call */
#define TABLES_MAX  MiB	       /* the same for page tables: nor bytes, often */

static void zone_set_span(struct kernel *k, enum zone_type type,
			  const char *name, pfn_t low, pfn_t high)
{
	struct zone *zone = &k->zone[type];

	zone->name = name;
	buddy_init(zone);
	if (high > k->max_pfn)
		high = k->max_pfn;
	if (low >= high)
		return;
	zone->start_pfn = low;
	zone->end_pfn = high;
	zone->spanned = high - low;
	zone->present = memblock_present(k, low, high);
}

/* The node begins where memory does; frame 0 belongs to the BIOS. */
static pfn_t first_pfn(const struct kernel *k)
{
	pfn_t pfn = k->nmemory ? k->memory[0].start >> PAGE_SHIFT : 0;

	return pfn ? pfn : 1;
}

static void zones_set_spans(struct kernel *k)
{
	pfn_t first = first_pfn(k);
	pfn_t dma = 16 * MiB >> PAGE_SHIFT;
	pfn_t low = k->max_low_pfn;
	pfn_t dma32 = k->arch->highmem ? dma : 4 * GiB >> PAGE_SHIFT;

	zone_set_span(k, ZONE_DMA, "DMA", first, dma);
	zone_set_span(k, ZONE_DMA32, "DMA32", dma, dma32);
	zone_set_span(k, ZONE_NORMAL, "Normal", dma32, low);
	zone_set_span(k, ZONE_HIGHMEM, "HighMem", low, k->max_pfn);
}

/* Linux memblock_free_all(), from the top: lists end up in rising order. */
static void free_all_memory(struct kernel *k)
{
	pfn_t limit = k->max_pfn, start, end;

	while (memblock_free_below(k, limit, &start, &end)) {
		struct zone *zone = page_zone(k, end - 1);

		if (zone && zone->start_pfn > start)
			start = zone->start_pfn;
		if (zone)
			buddy_add_range(k, zone, start, end);
		limit = start;
	}
}

/*
 * Has the host commit the records of [start, end) at once, which costs it less
 * than as many page faults. If it cannot, they come one by one.
 */
static void commit_records(struct kernel *k, pfn_t start, pfn_t end)
{
	uintptr_t page = sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)pfn_to_page(k, start) & -page;

	if (end - start < COMMIT_MIN)
		return;
	madvise((void *)from, (uintptr_t)pfn_to_page(k, end) - from,
		MADV_POPULATE_WRITE);
}

/* Records for what boot took; huge ranges are known to memblock only. */
static void mark_reserved(struct kernel *k)
{
	for (unsigned i = 0; i < k->nreserved; i++) {
		const struct memblock_range *r = &k->reserved[i];
		uint32_t flags = PG_reserved | PG_kernel | PG_used;
		pfn_t end = r->end >> PAGE_SHIFT;

		bool tables = !strcmp(r->name, "page tables");

		if (r->end - r->start > (tables ? TABLES_MAX : RECORDS_MAX))
			continue;
		if (tables)
			flags |= PG_table;
		commit_records(k, r->start >> PAGE_SHIFT, end);
		for (pfn_t p = r->start >> PAGE_SHIFT; p < end; p++) {
			if (!pfn_valid(k, p))
				continue;
			pfn_to_page(k, p)->flags = flags;
			pfn_to_page(k, p)->_refcount = 1;
		}
	}
}

const char *page_alloc_init(struct kernel *k)
{
	const char *why;

	zones_set_spans(k);
	why = reserve_boot_sizes(k);
	if (why)
		return why;
	gfp_init(k);
	pageblocks_init(k);
	mark_reserved(k);
	free_all_memory(k);
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		k->totalram_pages += k->zone[i].managed;
	watermarks_init(k);
	pcp_init(k);
	return NULL;
}

void page_alloc_deinit(struct kernel *k)
{
	pcp_deinit(k);
	pageblocks_deinit(k);
}

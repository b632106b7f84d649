/*
 * watermark.c - how much of each zone is kept back.
 *
 * Models __setup_per_zone_wmarks() and setup_per_zone_lowmem_reserve() of
 * mm/page_alloc.c, and set_recommended_min_free_kbytes() of mm/khugepaged.c,
 * Linux 6.1. Left out: boosting; classic kernels get the same watermarks without
 * THP's part.
 */
#include "kernel/internal.h"
#include "kernel/pgtable.h"

static uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ULL << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

static uint64_t lowmem_managed(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= ZONE_NORMAL; i++)
		n += k->zone[i].managed;
	return n;
}

static void setup_watermarks(struct kernel *k, uint64_t pages_min)
{
	uint64_t m = lowmem_managed(k);

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &k->zone[i];
		uint64_t share = pages_min * zone->managed / m;
		uint64_t min = share, step = zone->managed / 1000;

		if (i == ZONE_HIGHMEM && k->arch->highmem) {
			min = zone->managed / 1024;
			min = min < 32 ? 32 : min > 128 ? 128 : min;
		}
		if (step < share / 4)
			step = share / 4;
		zone->watermark[WMARK_MIN] = min;
		zone->watermark[WMARK_LOW] = min + step;
		zone->watermark[WMARK_HIGH] = min + 2 * step;
	}
}

/* What khugepaged wants free, so that it finds whole large pages. */
static uint64_t thp_min_free_pages(const struct kernel *k)
{
	uint64_t pageblock =
		1ULL << (k->mode->level[k->pte_level - 1].shift - PAGE_SHIFT);
	uint64_t zones = 0, buffers = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &k->zone[i];
		uint64_t high = zone->watermark[WMARK_HIGH];

		zones += zone->managed != 0;
		if (i <= ZONE_NORMAL && zone->managed > high)
			buffers += zone->managed - high;
	}
	uint64_t want = 11 * pageblock * zones;

	return want < buffers / 20 ? want : buffers / 20;
}

static void setup_min_free(struct kernel *k)
{
	uint64_t kbytes = isqrt(64 * lowmem_managed(k));
	uint64_t thp;

	kbytes = kbytes < 128 ? 128 : kbytes > 262144 ? 262144 : kbytes;
	setup_watermarks(k, kbytes / 4);
	if (!k->layout.thp || pt_max_shift(k) == PAGE_SHIFT ||
	    k->totalram_pages < 512 * MiB >> PAGE_SHIFT)
		return;
	thp = thp_min_free_pages(k);
	if (thp > kbytes / 4)
		setup_watermarks(k, thp);
}

static void setup_lowmem_reserve(struct kernel *k)
{
	static const unsigned ratio[MAX_NR_ZONES] = { 256, 256, 32, 0 };

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		uint64_t managed = 0;

		for (unsigned j = i + 1; j < MAX_NR_ZONES; j++) {
			managed += k->zone[j].managed;
			if (ratio[i] && k->zone[i].managed)
				k->zone[i].lowmem_reserve[j] =
					managed / ratio[i];
		}
	}
}

void watermarks_init(struct kernel *k)
{
	setup_min_free(k);
	setup_lowmem_reserve(k);
}

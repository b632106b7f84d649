/*
 * watermark.c - how much of each zone is kept back.
 *
 * Models __setup_per_zone_wmarks(), calculate_min_free_kbytes() and
 * setup_per_zone_lowmem_reserve() of mm/page_alloc.c, and
 * set_recommended_min_free_kbytes() of mm/khugepaged.c, Linux 6.1. All of it
 * happens before the image's init sections and the initramfs are freed:
 * late_pages do not count. Left out: boosting; classic kernels get the same
 * watermarks without THP's part.
 */
#include "kernel/internal.h"
#include "kernel/pgtable.h"

#define MIGRATE_PCPTYPES 3ULL

static uint64_t isqrt(uint64_t n)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ULL << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= n)
			root += bit;
	return root;
}

uint64_t managed_then(const struct kernel *k, unsigned i)
{
	uint64_t managed = k->zone[i].managed;

	return managed > k->late_pages[i] ? managed - k->late_pages[i] : 0;
}

static uint64_t lowmem_managed(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= ZONE_NORMAL; i++)
		n += managed_then(k, i);
	return n;
}

/* Linux nr_free_buffer_pages(): what is above the high watermarks. */
static uint64_t nr_free_buffer_pages(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned i = 0; i <= ZONE_NORMAL; i++) {
		uint64_t managed = managed_then(k, i);
		uint64_t high = k->zone[i].watermark[WMARK_HIGH];

		n += managed > high ? managed - high : 0;
	}
	return n;
}

static void setup_watermarks(struct kernel *k)
{
	uint64_t pages_min = k->min_free_kbytes / 4, m = lowmem_managed(k);

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		struct zone *zone = &k->zone[i];
		uint64_t managed = managed_then(k, i);
		uint64_t share = m ? pages_min * managed / m : 0;
		uint64_t min = share, step = managed / 1000;

		if (i == ZONE_HIGHMEM && k->arch->highmem) {
			min = managed / 1024;
			min = min < 32 ? 32 : min > 128 ? 128 : min;
		}
		if (step < share / 4)
			step = share / 4;
		zone->watermark[WMARK_MIN] = min;
		zone->watermark[WMARK_LOW] = min + step;
		zone->watermark[WMARK_HIGH] = min + 2 * step;
	}
}

/*
 * What khugepaged wants free: two pageblocks in each zone that GFP_USER
 * reaches, and two more for each migrate type and its fallbacks; at most a
 * twentieth of lowmem. (Linux hugepage_init(): not below 512 MiB.)
 */
static uint64_t thp_min_free_kbytes(const struct kernel *k)
{
	uint64_t pageblock =
		1ULL << (k->mode->level[k->pte_level - 1].shift - PAGE_SHIFT);
	uint64_t total = 0, zones = 0, want, most;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		total += managed_then(k, i);
		zones += i <= ZONE_NORMAL && k->zone[i].present;
	}
	if (!k->layout.thp || pt_max_shift(k) == PAGE_SHIFT ||
	    total < 512 * MiB >> PAGE_SHIFT)
		return 0;
	want = pageblock * zones * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES);
	most = nr_free_buffer_pages(k) / 20;
	return (want < most ? want : most) * 4;
}

static void setup_min_free(struct kernel *k)
{
	uint64_t kbytes = isqrt(nr_free_buffer_pages(k) * 4 * 16), thp;

	kbytes = kbytes < 128 ? 128 : kbytes > 262144 ? 262144 : kbytes;
	k->min_free_kbytes = kbytes;
	setup_watermarks(k);
	thp = thp_min_free_kbytes(k);
	if (thp > kbytes) {
		k->min_free_kbytes = thp;
		setup_watermarks(k);
	}
}

static void setup_lowmem_reserve(struct kernel *k)
{
	static const unsigned ratio[MAX_NR_ZONES] = { 256, 256, 32, 0 };

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		uint64_t managed = 0;

		for (unsigned j = i + 1; j < MAX_NR_ZONES; j++) {
			managed += managed_then(k, j);
			if (ratio[i] && managed_then(k, i))
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

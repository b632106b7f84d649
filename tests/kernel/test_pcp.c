/* test_pcp.c - lists of the CPUs, migrate types, blocks for atomic requests. */
#include "boot.h"

#include "kernel/buddy.h"
#include "kernel/memblock.h"

static struct zone *normal(struct kernel *k)
{
	return k->zone[ZONE_NORMAL].managed ? &k->zone[ZONE_NORMAL] :
					      &k->zone[ZONE_DMA32];
}

static void test_sizes(void **state)
{
	struct kernel *k = *state;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *z = &k->zone[i];
		struct pageset p = zone_pageset(z, 0);
		uint64_t share = z->watermark[WMARK_LOW] / k->machine->ncpus;

		/* At most a quarter of 1 MiB, as 2^n - 1. */
		assert_true(!(p.batch & (p.batch + 1)) && p.batch <= 63);
		assert_int_equal(p.high,
				 share > p.batch * 4 ? share : p.batch * 4);
	}
	assert_int_equal(zone_pageset(normal(k), 0).batch, 63);
}

static void test_batch__fills_in_rising_order(void **state)
{
	struct kernel *k = *state;
	struct zone *zone = normal(k);
	uint64_t before;
	pfn_t first;

	drain_all_pages(k);
	/* a whole pageblock of the type, so that frames are in a row */
	first = rmqueue(k, zone, k->pageblock_order, MIGRATE_RECLAIMABLE, 0);
	free_one_block(k, zone, first, k->pageblock_order,
		       MIGRATE_RECLAIMABLE);
	before = zone->free;
	first = alloc_pages(k, GFP_KERNEL | __GFP_RECLAIMABLE, 0, "test");
	assert_int_equal(before - zone->free, 63);
	assert_int_equal(zone_pageset(zone, 0).count, 62);
	for (unsigned i = 1; i < 63; i++)
		assert_int_equal(alloc_pages(k,
					     GFP_KERNEL | __GFP_RECLAIMABLE, 0,
					     "test"),
				 first + i);
	assert_int_equal(zone_pageset(zone, 0).count, 0);
	assert_int_equal(before - zone->free, 63);
}

static void test_cpus__have_lists_of_their_own(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 0, "test");
	struct page_free info;

	k->this_cpu = 1;
	free_pages(k, pfn, 0);
	assert_int_equal(page_free_info(k, pfn, &info), PAGE_PCP);
	assert_int_equal(info.cpu, 1);
	assert_int_equal(info.head, pfn);
	assert_int_equal(info.mt, pageblock_migratetype(k, pfn));
	k->this_cpu = 0;
	assert_true(alloc_pages(k, GFP_KERNEL, 0, "test") != pfn);
	k->this_cpu = 1;
	assert_int_equal(alloc_pages(k, GFP_KERNEL, 0, "test"), pfn);
	free_pages(k, pfn, 0);
	k->this_cpu = 0;
	drain_pages(k, 1);
	assert_int_equal(page_free_info(k, pfn, &info), PAGE_BUDDY);
	assert_int_equal(zone_pageset(page_zone(k, pfn), 1).count, 0);
}

/* Frees without an allocation drain more each time, but leave a batch. */
static void test_free__drains_at_high(void **state)
{
	enum { N = 8000 };
	struct kernel *k = *state;
	static pfn_t pfn[N];
	struct pageset p;
	unsigned i;

	for (i = 0; i < N; i++)
		pfn[i] = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "test");
	struct zone *zone = page_zone(k, pfn[N - 1]);

	for (i = 0; i < N; i++) {
		free_pages(k, pfn[i], 0);
		p = zone_pageset(zone, 0);
		assert_true(p.count < p.high);
	}
	assert_true(p.count >= p.batch);
	drain_all_pages(k);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		assert_int_equal(zone_pcp_pages(k, &k->zone[z]), 0);
}

static uint64_t blocks_of(struct kernel *k, enum migratetype mt)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		n += zone_pageblocks_of(k, &k->zone[i], mt);
	return n;
}

static void test_types__are_kept_apart(void **state)
{
	struct kernel *k = *state;
	uint64_t unmovable = blocks_of(k, MIGRATE_UNMOVABLE);

	/* Movable pages take nobody's block. */
	for (unsigned i = 0; i < 20000; i++)
		alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "test");
	assert_int_equal(blocks_of(k, MIGRATE_UNMOVABLE), unmovable);
	/* Others take over whole ones, and fill them. */
	for (unsigned i = 0; i < 4 * pageblock_nr(k); i++) {
		pfn_t pfn = alloc_pages(k, GFP_KERNEL, 0, "test");

		assert_int_equal(pageblock_migratetype(k, pfn),
				 MIGRATE_UNMOVABLE);
	}
	assert_in_range(blocks_of(k, MIGRATE_UNMOVABLE) - unmovable, 3,
			4 + (1 << (MAX_ORDER - 1)) / pageblock_nr(k));
	assert_int_equal(blocks_of(k, MIGRATE_RECLAIMABLE), 0);
	alloc_pages(k, GFP_KERNEL | __GFP_RECLAIMABLE, 0, "test");
	assert_true(blocks_of(k, MIGRATE_RECLAIMABLE) > 0);
}

static void test_fallback__table(void **state)
{
	struct kernel *k = *state;
	struct zone *zone = normal(k);
	bool steal;

	/* Of an untouched zone all is movable. */
	assert_int_equal(find_suitable_fallback(k, zone, 10,
						MIGRATE_UNMOVABLE, false,
						&steal),
			 MIGRATE_MOVABLE);
	assert_true(steal);
	assert_int_equal(find_suitable_fallback(k, zone, 10, MIGRATE_MOVABLE,
						false, &steal),
			 -1);
	/* Small remains of others' blocks: movable ones leave the block. */
	pfn_t pfn = rmqueue(k, zone, 0, MIGRATE_RECLAIMABLE, 0);

	assert_int_equal(find_suitable_fallback(k, zone, 1, MIGRATE_MOVABLE,
						false, &steal),
			 MIGRATE_RECLAIMABLE);
	assert_false(steal);
	assert_int_equal(find_suitable_fallback(k, zone, 1, MIGRATE_MOVABLE,
						true, &steal),
			 -1);
	assert_int_equal(find_suitable_fallback(k, zone, 1, MIGRATE_UNMOVABLE,
						true, &steal),
			 MIGRATE_RECLAIMABLE);
	free_one_block(k, zone, pfn, 0, MIGRATE_RECLAIMABLE);
}

static void test_highatomic__reserved_and_given_back(void **state)
{
	struct kernel *k = *state;
	struct zone *zone;
	pfn_t pfn;

	/* Above the low watermark nothing is reserved; below it a block is. */
	pfn = alloc_pages(k, GFP_ATOMIC, 4, "test");
	assert_true(pageblock_migratetype(k, pfn) != MIGRATE_HIGHATOMIC);
	while (alloc_pages(k, GFP_KERNEL, 4, "test") != PFN_NONE)
		;
	pfn = alloc_pages(k, GFP_ATOMIC, 4, "test");
	zone = page_zone(k, pfn);
	assert_int_equal(pageblock_migratetype(k, pfn), MIGRATE_HIGHATOMIC);
	assert_int_equal(zone->nr_reserved_highatomic, pageblock_nr(k));
	/* at most one per cent of the zone, and a block */
	while (alloc_pages(k, GFP_ATOMIC, 4, "test") != PFN_NONE)
		if (zone->nr_reserved_highatomic > zone->managed)
			break;
	assert_in_range(zone->nr_reserved_highatomic, 1,
			zone->managed / 100 + 2 * pageblock_nr(k));
	assert_true(unreserve_highatomic_pageblock(k, ZONE_HIGHMEM,
						   MIGRATE_MOVABLE, true) ||
		    free_list_empty(zone, 0, MIGRATE_HIGHATOMIC));
}

static void test_small_ram__is_not_grouped(void **state)
{
	struct kernel *k = *state;

	assert_true(k->page_group_by_mobility_disabled);
	assert_int_equal(gfp_migratetype(k, GFP_HIGHUSER_MOVABLE),
			 MIGRATE_UNMOVABLE);
	assert_true(alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "test") !=
		    PFN_NONE);
}

static const struct boot_row tiny = {
	.name = "tiny",
	.arch = "i386",
	.ram = 16 * MiB,
};

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_sizes),
		ON_ALL(test_batch__fills_in_rising_order),
		ON_ALL(test_cpus__have_lists_of_their_own),
		ON_ALL(test_free__drains_at_high),
		ON_ALL(test_types__are_kept_apart),
		ON_ALL(test_fallback__table),
		ON_ALL(test_highatomic__reserved_and_given_back),
		BOOT_TEST(test_small_ram__is_not_grouped, tiny),
	};

	return cmocka_run_group_tests_name("pcp", tests, NULL, NULL);
}

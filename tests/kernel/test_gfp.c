/* test_gfp.c - allocation flags, and what zones say to a request. */
#include "boot.h"

#include "kernel/buddy.h"
#include "kernel/compaction.h"
#include "kernel/internal.h"
#include "kernel/memblock.h"

static void test_values__are_linux(void **state)
{
	/* As /proc and "page allocation failure" print them in 6.1. */
	assert_int_equal(GFP_KERNEL, 0xcc0);
	assert_int_equal(GFP_ATOMIC, 0xa20);
	assert_int_equal(GFP_NOWAIT, 0x800);
	assert_int_equal(GFP_NOIO, 0xc00);
	assert_int_equal(GFP_NOFS, 0xc40);
	assert_int_equal(GFP_USER, 0x100cc0);
	assert_int_equal(GFP_HIGHUSER, 0x100cc2);
	assert_int_equal(GFP_HIGHUSER_MOVABLE, 0x100cca);
}

static void test_format__composites_and_the_rest(void **state)
{
	static const struct {
		unsigned gfp;
		const char *text;
	} rows[] = {
		{ 0, "none" },
		{ GFP_KERNEL, "GFP_KERNEL" },
		{ GFP_KERNEL | __GFP_ZERO, "GFP_KERNEL|__GFP_ZERO" },
		{ GFP_HIGHUSER_MOVABLE, "GFP_HIGHUSER_MOVABLE" },
		{ GFP_KERNEL | GFP_DMA, "GFP_KERNEL|GFP_DMA" },
		{ GFP_ATOMIC | __GFP_COMP, "GFP_ATOMIC|__GFP_COMP" },
		{ __GFP_DIRECT_RECLAIM, "__GFP_DIRECT_RECLAIM" },
	};
	char buf[200];
	unsigned back;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(gfp_format(buf, sizeof(buf), rows[i].gfp),
				    rows[i].text);
	for (const struct flag_name *f = gfp_flag_names; f->name; f++) {
		assert_true(gfp_by_name(f->name, strlen(f->name), &back));
		assert_int_equal(back, f->mask);
	}
	assert_true(gfp_by_name("highuser", 8, &back));
	assert_int_equal(back, GFP_HIGHUSER);
	assert_false(gfp_by_name("GFP_KERNELS", 11, &back));
	assert_false(gfp_by_name("", 0, &back));
	gfp_format(buf, 4, GFP_KERNEL);
	assert_string_equal(buf, "GFP");
}

/* GFP_ZONE_TABLE, row by row. */
static void test_zone_table(void **state)
{
	struct kernel *k = *state;
	bool high = k->arch->highmem;
	enum zone_type top = ZONE_HIGHMEM;
	const struct {
		unsigned gfp;
		int zone;	/* -1: BAD */
	} rows[] = {
		{ 0, ZONE_NORMAL },
		{ __GFP_DMA, ZONE_DMA },
		{ __GFP_HIGHMEM, high ? ZONE_HIGHMEM : ZONE_NORMAL },
		{ __GFP_DMA | __GFP_HIGHMEM, -1 },
		{ __GFP_DMA32, high ? ZONE_NORMAL : ZONE_DMA32 },
		{ __GFP_DMA | __GFP_DMA32, -1 },
		{ __GFP_HIGHMEM | __GFP_DMA32, -1 },
		{ __GFP_HIGHMEM | __GFP_DMA32 | __GFP_DMA, -1 },
		{ __GFP_MOVABLE, ZONE_NORMAL },
		{ __GFP_MOVABLE | __GFP_DMA, ZONE_DMA },
		{ __GFP_MOVABLE | __GFP_HIGHMEM, top },
		{ __GFP_MOVABLE | __GFP_DMA32,
		  high ? ZONE_NORMAL : ZONE_DMA32 },
		{ __GFP_MOVABLE | __GFP_DMA | __GFP_HIGHMEM, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(gfp_zone_bad(rows[i].gfp) != NULL,
				 rows[i].zone < 0);
		if (rows[i].zone >= 0)
			assert_int_equal(gfp_zone(k, rows[i].gfp),
					 rows[i].zone);
	}
	assert_non_null(gfp_bad(__GFP_MOVABLE | __GFP_RECLAIMABLE));
	assert_null(gfp_bad(GFP_HIGHUSER_MOVABLE));
}

/* The smallest zone->free at which the check lets a request through. */
static uint64_t least_free(struct zone *zone, unsigned order, uint64_t mark,
			   unsigned flags)
{
	uint64_t was = zone->free, low = 0, high = 1 << 24;

	while (low < high) {
		zone->free = (low + high) / 2;
		if (zone_watermark_ok(zone, order, mark, ZONE_NORMAL, flags))
			high = zone->free;
		else
			low = zone->free + 1;
	}
	zone->free = was;
	return low;
}

static void test_watermark__discounts(void **state)
{
	struct kernel *k = *state;
	struct zone *zone = &k->zone[ZONE_DMA];
	uint64_t keep = zone->lowmem_reserve[ZONE_NORMAL];

	/* more than the mark and the reserve */
	assert_int_equal(least_free(zone, 0, 101, 0), 101 + keep + 1);
	/* the others of the block do not count */
	assert_int_equal(least_free(zone, 3, 101, 0), 101 + keep + 8);
	/* min -= min / 2, then min -= min / 4, or another half */
	assert_int_equal(least_free(zone, 0, 101, ALLOC_HIGH), 51 + keep + 1);
	assert_int_equal(least_free(zone, 0, 101, ALLOC_HARDER),
			 76 + keep + 1);
	assert_int_equal(least_free(zone, 0, 101, ALLOC_HIGH | ALLOC_HARDER),
			 39 + keep + 1);
	assert_int_equal(least_free(zone, 0, 101,
				    ALLOC_HIGH | ALLOC_HARDER | ALLOC_OOM),
			 26 + keep + 1);
	/* blocks for atomic requests are those requests' only */
	zone->nr_reserved_highatomic = 1024;
	assert_int_equal(least_free(zone, 0, 101, 0), 101 + keep + 1025);
	assert_int_equal(least_free(zone, 0, 101, ALLOC_HARDER),
			 76 + keep + 1);
	zone->nr_reserved_highatomic = 0;
}

static void test_watermark__a_block_must_be_there(void **state)
{
	struct kernel *k = *state;
	struct zone *zone = &k->zone[ZONE_DMA];
	pfn_t pfn;

	/* Every other frame of the zone: much is free, nothing in a row. */
	drain_all_pages(k);
	while ((pfn = rmqueue_smallest(k, zone, 0, MIGRATE_MOVABLE)) !=
	       PFN_NONE)
		zone->free--;
	for (pfn = zone->start_pfn + 1; pfn < zone->end_pfn; pfn += 2)
		if (pfn_valid(k, pfn) && !memblock_reserved_name(k, pfn)) {
			zone->free++;
			free_one_block(k, zone, pfn, 0, MIGRATE_MOVABLE);
		}
	assert_true(zone_watermark_ok(zone, 0, 10, ZONE_DMA, 0));
	assert_false(zone_watermark_ok(zone, 1, 10, ZONE_DMA, 0));

	struct zone_try t[MAX_NR_ZONES];

	assert_int_equal(zonelist_try(k, GFP_DMA, 1, WMARK_LOW, t), 1);
	assert_int_equal(t[0].verdict, ZONE_NO_BLOCK);
	assert_true(alloc_pages(k, GFP_DMA, 1, "test") == PFN_NONE);
	assert_true(alloc_pages(k, GFP_DMA, 0, "test") != PFN_NONE);
	assert_in_range(fragmentation_index(zone, 4), 900, 1000);
}

/* What zonelist_try() says is what alloc_pages() does. */
static void test_zonelist_try__foretells(void **state)
{
	static const unsigned gfps[] = { GFP_KERNEL, GFP_ATOMIC, GFP_DMA,
					 GFP_HIGHUSER, GFP_NOWAIT };
	struct kernel *k = *state;

	for (unsigned r = 0; r < 3000; r++) {
		unsigned gfp = gfps[kernel_random(k) % ARRAY_SIZE(gfps)];
		unsigned order = 4 + kernel_random(k) % 7;
		struct zone_try t[MAX_NR_ZONES];
		unsigned n = zonelist_try(k, gfp, order, WMARK_LOW, t), i = 0;
		pfn_t pfn;

		if (order == k->pageblock_order)
			continue;	/* a list of the CPU may have it */
		while (i < n && t[i].verdict != ZONE_GIVES)
			i++;
		pfn = alloc_pages(k, gfp, order, "test");
		if (i < n)
			assert_ptr_equal(page_zone(k, pfn), t[i].zone);
	}
}

static void test_nofail__goes_below_everything(void **state)
{
	struct kernel *k = *state;

	while (alloc_pages(k, GFP_KERNEL, 0, "test") != PFN_NONE)
		;
	assert_true(alloc_pages(k, GFP_KERNEL, 0, "test") == PFN_NONE);
	assert_true(alloc_pages(k, GFP_KERNEL | __GFP_NOFAIL, 0, "test") !=
		    PFN_NONE);
	k->fail_nth = 1;
	assert_true(alloc_pages(k, GFP_KERNEL | __GFP_NOFAIL, 0, "test") !=
		    PFN_NONE);
	assert_int_equal(k->fail_nth, 1);
	k->fail_nth = 0;
	assert_true(k->vmstat.kswapd_wake > 0);
}

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values__are_linux),
		cmocka_unit_test(test_format__composites_and_the_rest),
		ON_ALL(test_zone_table),
		ON_ALL(test_watermark__discounts),
		ON_ALL(test_watermark__a_block_must_be_there),
		ON_ALL(test_zonelist_try__foretells),
		ON_ALL(test_nofail__goes_below_everything),
	};

	return cmocka_run_group_tests_name("gfp", tests, NULL, NULL);
}

/* test_page_alloc.c - zones and the buddy allocator. */
#include "boot.h"

#include "kernel/buddy.h"
#include "kernel/memblock.h"

/* Free blocks of every order of every zone, to compare before and after. */
struct buddyinfo {
	uint64_t n[MAX_NR_ZONES][MAX_ORDER];
};

static struct buddyinfo buddyinfo(struct kernel *k)
{
	struct buddyinfo b;

	drain_all_pages(k);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		for (unsigned o = 0; o < MAX_ORDER; o++)
			b.n[z][o] = zone_free_blocks(&k->zone[z], o);
	return b;
}

static void test_boot__free_blocks_add_up_to_free_pages(void **state)
{
	struct kernel *k = *state;
	struct buddyinfo b = buddyinfo(k);

	for (unsigned z = 0; z < MAX_NR_ZONES; z++) {
		uint64_t pages = 0;

		for (unsigned o = 0; o < MAX_ORDER; o++)
			pages += b.n[z][o] << o;
		assert_int_equal(pages, k->zone[z].free);
	}
}

static void test_alloc__every_order_is_aligned_and_merges_back(void **state)
{
	struct kernel *k = *state;
	struct buddyinfo before = buddyinfo(k);

	for (unsigned o = 0; o < MAX_ORDER; o++) {
		uint64_t sum = nr_free_pages(k);
		pfn_t pfn = alloc_pages(k, GFP_KERNEL, o, "test");

		assert_true(pfn != PFN_NONE);
		assert_int_equal(pfn & ((1ULL << o) - 1), 0);
		assert_int_equal(pfn_to_page(k, pfn)->_refcount, 1);
		assert_false(page_is_free(k, pfn));
		assert_false(page_is_free(k, pfn + (1ULL << o) - 1));
		assert_null(memblock_reserved_name(k, pfn));
		assert_int_equal(nr_free_pages(k), sum - (1ULL << o));
		free_pages(k, pfn, o);
		assert_true(page_is_free(k, pfn));
	}
	struct buddyinfo after = buddyinfo(k);

	assert_memory_equal(&before, &after, sizeof(before));
}

/*
 *   |a|b| c |   d   |    a block of 8 halved for one frame: b, c, d are free,
 *                        of orders 0, 1, 2; freeing a joins them all again
 */
static void test_alloc__splits_and_returns_the_low_half(void **state)
{
	struct kernel *k = *state;
	struct zone *zone = &k->zone[ZONE_DMA];

	pfn_t d, a;

	for (unsigned o = 0; o < 3; o++)
		while (!free_list_empty(zone, o, MIGRATE_MOVABLE))
			zone->free -= 1ULL << o,
				rmqueue_smallest(k, zone, o, MIGRATE_MOVABLE);
	d = rmqueue_smallest(k, zone, 3, MIGRATE_MOVABLE);
	free_one_block(k, zone, d, 3, MIGRATE_MOVABLE);
	a = rmqueue_smallest(k, zone, 0, MIGRATE_MOVABLE);
	for (unsigned o = 0; o < 3; o++)
		assert_int_equal(zone_free_blocks(zone, o), 1);
	assert_int_equal(a & 7, 0);
	assert_true(page_is_free(k, a + 1) && page_is_free(k, a + 7));
	free_one_block(k, zone, a, 0, MIGRATE_MOVABLE);
	for (unsigned o = 0; o < 3; o++)
		assert_int_equal(zone_free_blocks(zone, o), 0);
}

static void test_alloc__fresh_frames_rise(void **state)
{
	struct kernel *k = *state;
	pfn_t last = 0;
	unsigned falls = 0;

	/* Use up the odd blocks of boot, then look at whole ones. */
	for (unsigned i = 0; i < 4096; i++) {
		pfn_t pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "test");

		falls += pfn < last;
		last = pfn;
	}
	assert_in_range(falls, 0, 24);
}

static void test_free__lifo(void **state)
{
	struct kernel *k = *state;
	pfn_t a = alloc_pages(k, GFP_KERNEL, 0, "test");
	pfn_t b = alloc_pages(k, GFP_KERNEL, 0, "test");
	pfn_t c = alloc_pages(k, GFP_KERNEL, 0, "test");
	pfn_t d = alloc_pages(k, GFP_KERNEL, 0, "test");

	free_pages(k, a, 0);
	assert_int_equal(alloc_pages(k, GFP_KERNEL, 0, "test"), a);
	put_page(k, a);
	put_page(k, b);
	put_page(k, c);
	put_page(k, d);
}

static void test_zero__used_frames_are_zeroed_again(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 0, "test");

	memset(page_bytes(k, pfn), 0xaa, PAGE_SIZE);
	free_pages(k, pfn, 0);
	pfn_t again = alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0, "test");
	const uint8_t *bytes = page_bytes(k, again);

	assert_int_equal(again, pfn);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		assert_int_equal(bytes[i], 0);
	free_pages(k, again, 0);
}

static void test_zero__virgin_frames_are_zeroed_once_ram_was_poked(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn = k->zone[ZONE_NORMAL].virgin[0].start;

	if (!k->zone[ZONE_NORMAL].nvirgin)
		skip();
	ram_write(k->ram, pfn << PAGE_SHIFT, 4, 0xdead);
	k->ram_poked = true;
	for (pfn_t got = 0; got != pfn;) {
		got = alloc_pages(k, GFP_KERNEL | __GFP_ZERO | __GFP_MOVABLE,
				  0, "test");
		assert_true(got != PFN_NONE);
		assert_int_equal(ram_read(k->ram, got << PAGE_SHIFT, 4), 0);
	}
}

static void test_fail_nth__counts_down_once(void **state)
{
	struct kernel *k = *state;

	k->fail_nth = 2;
	assert_true(alloc_pages(k, GFP_KERNEL, 0, "test") != PFN_NONE);
	assert_true(alloc_pages(k, GFP_KERNEL, 0, "test") == PFN_NONE);
	assert_true(alloc_pages(k, GFP_KERNEL, 0, "test") != PFN_NONE);
}

static void test_alloc__order_too_large(void **state)
{
	assert_true(alloc_pages(*state, GFP_KERNEL, MAX_ORDER, "test") ==
		    PFN_NONE);
	assert_true(alloc_pages(*state, GFP_KERNEL, ~0U, "test") == PFN_NONE);
}

static void test_alloc__dma_stays_in_its_zone(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn;

	while ((pfn = alloc_pages(k, GFP_DMA, 0, "test")) != PFN_NONE)
		assert_true(pfn < 4096);
	/* A batch is taken as long as there is more than the minimum. */
	assert_in_range(k->zone[ZONE_DMA].watermark[0] -
				k->zone[ZONE_DMA].free,
			0, zone_pageset(&k->zone[ZONE_DMA], 0).batch);
}

static int largest_free(const struct zone *zone)
{
	int order = MAX_ORDER - 1;

	while (order >= 0 && !zone_free_blocks(zone, order))
		order--;
	return order;
}

/*
 * User memory falls back from HighMem over Normal to DMA, each to its mark:
 * by order 5, which no per-CPU list holds, it stays within one block of it.
 */
static void test_alloc__fallback_down_to_the_minimum(void **state)
{
	struct kernel *k = *state;

	while (alloc_pages(k, GFP_HIGHUSER, 5, "test") != PFN_NONE)
		;
	for (unsigned i = 0; i < MAX_NR_ZONES; i++) {
		const struct zone *zone = &k->zone[i];
		uint64_t keep = zone->watermark[0] +
				zone->lowmem_reserve[ZONE_HIGHMEM];

		if (zone->managed <= keep)
			assert_int_equal(zone->free + zone_pcp_pages(k, zone),
					 zone->managed);
		else if (largest_free(zone) >= 5)
			assert_in_range(zone->free - keep, 0, 31);
	}
}

static void test_alloc__atomic_may_use_the_reserve(void **state)
{
	struct kernel *k = *state;

	for (unsigned order = MAX_ORDER; order-- > 0;)
		while (alloc_pages(k, GFP_KERNEL, order, "test") != PFN_NONE)
			;
	assert_true(alloc_pages(k, GFP_ATOMIC, 0, "test") != PFN_NONE);
	drain_all_pages(k);
	while (alloc_pages(k, GFP_ATOMIC, 0, "test") != PFN_NONE)
		;
	assert_true(alloc_pages(k, GFP_KERNEL, 0, "test") == PFN_NONE);
	assert_true(alloc_pages(k, GFP_KERNEL | __GFP_MEMALLOC, 0, "test") !=
		    PFN_NONE);
}

static void test_page_is_free__reserved_and_holes_are_not(void **state)
{
	struct kernel *k = *state;

	assert_false(page_is_free(k, 0));
	assert_false(page_is_free(k, 0xa0));
	assert_false(page_is_free(k, k->layout.image.text >> PAGE_SHIFT));
	assert_false(page_is_free(k, k->max_pfn));
	assert_false(page_is_free(k, ~0ULL >> PAGE_SHIFT));
	assert_true(page_is_free(k, k->zone[ZONE_NORMAL].end_pfn
					    ? 0xfff
					    : k->zone[ZONE_DMA32].end_pfn - 1));
}

/* Many random allocations; a naive map of frames finds overlaps. */
static void test_stress__no_frame_is_handed_out_twice(void **state)
{
	enum { SLOTS = 500, ROUNDS = 20000 };
	struct kernel *k = *state;
	uint8_t *owned = calloc(k->max_pfn, 1);
	struct {
		pfn_t pfn;
		unsigned order;
	} slot[SLOTS];
	static const unsigned gfps[] = { GFP_KERNEL, GFP_DMA, GFP_HIGHUSER,
					 GFP_DMA32, GFP_HIGHUSER_MOVABLE };
	struct buddyinfo before = buddyinfo(k);

	for (unsigned i = 0; i < SLOTS; i++)
		slot[i].pfn = PFN_NONE;
	for (unsigned r = 0; r < ROUNDS; r++) {
		unsigned i = kernel_random(k) % SLOTS;
		unsigned order = kernel_random(k) % 6;

		if (slot[i].pfn != PFN_NONE) {
			memset(owned + slot[i].pfn, 0, 1ULL << slot[i].order);
			free_pages(k, slot[i].pfn, slot[i].order);
			slot[i].pfn = PFN_NONE;
			continue;
		}
		slot[i].pfn = alloc_pages(k, gfps[kernel_random(k) % 5], order,
					  "test");
		slot[i].order = order;
		if (slot[i].pfn == PFN_NONE)
			continue;
		for (pfn_t p = slot[i].pfn; p < slot[i].pfn + (1ULL << order);
		     p++) {
			assert_true(pfn_valid(k, p));
			assert_int_equal(owned[p], 0);
			owned[p] = 1;
		}
	}
	assert_int_equal(findings(k, NULL), 0);
	for (unsigned i = 0; i < SLOTS; i++)
		if (slot[i].pfn != PFN_NONE)
			free_pages(k, slot[i].pfn, slot[i].order);
	struct buddyinfo after = buddyinfo(k);

	assert_memory_equal(&before, &after, sizeof(before));
	free(owned);
}

static void test_check__names_both_sides(void **state)
{
	struct kernel *k = *state;
	char text[200];

	k->zone[ZONE_DMA].free++;
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, "zone DMA: free "));
	assert_non_null(strstr(text, ", lists hold "));
	k->zone[ZONE_DMA].free--;
}

static void record_event(void *ctx, const struct kevent *ev)
{
	struct kevent *last = ctx;

	*last = *ev;
}

static void test_events__allocation_and_release(void **state)
{
	struct kernel *k = *state;
	struct kevent last = { 0 };

	k->sink = (struct kevent_sink){ record_event, &last };
	pfn_t pfn = alloc_pages(k, GFP_KERNEL, 2, "why not");

	assert_int_equal(last.kind, KEV_PAGE_ALLOC);
	assert_int_equal(last.pfn, pfn);
	assert_int_equal(last.order, 2);
	assert_string_equal(last.func, "why not");
	free_pages(k, pfn, 2);
	assert_int_equal(last.kind, KEV_PAGE_FREE);
	k->sink.fn = NULL;
}

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_boot__free_blocks_add_up_to_free_pages),
		ON_ALL(test_alloc__every_order_is_aligned_and_merges_back),
		ON_ALL(test_alloc__splits_and_returns_the_low_half),
		ON_ALL(test_alloc__fresh_frames_rise),
		ON_ALL(test_free__lifo),
		ON_ALL(test_zero__used_frames_are_zeroed_again),
		ON_ALL(test_zero__virgin_frames_are_zeroed_once_ram_was_poked),
		ON_ALL(test_fail_nth__counts_down_once),
		ON_ALL(test_alloc__order_too_large),
		ON_ALL(test_alloc__dma_stays_in_its_zone),
		ON_ALL(test_alloc__fallback_down_to_the_minimum),
		ON_ALL(test_alloc__atomic_may_use_the_reserve),
		ON_ALL(test_page_is_free__reserved_and_holes_are_not),
		ON_ALL(test_stress__no_frame_is_handed_out_twice),
		ON_ALL(test_check__names_both_sides),
		ON_ALL(test_events__allocation_and_release),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

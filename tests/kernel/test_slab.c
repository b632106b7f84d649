/* test_slab.c - object caches and kmalloc, with hostile bytes in RAM. */
#include "boot.h"

#include <errno.h>

#include "kernel/slab.h"

static va_t must_kmalloc(struct kernel *k, uint64_t size, unsigned gfp)
{
	va_t va = 0;

	assert_int_equal(kmalloc(k, size, gfp, &va), 0);
	assert_true(kernel_virt_ok(k, va));
	return va;
}

static const struct {
	uint64_t size;
	const char *cache;
} size_rows[] = {
	{ 1, "kmalloc-8" },	{ 8, "kmalloc-8" },	{ 9, "kmalloc-16" },
	{ 33, "kmalloc-64" },	{ 65, "kmalloc-96" },	{ 96, "kmalloc-96" },
	{ 97, "kmalloc-128" },	{ 129, "kmalloc-192" }, { 193, "kmalloc-256" },
	{ 257, "kmalloc-512" }, { 513, "kmalloc-1k" },	{ 2048, "kmalloc-2k" },
	{ 4096, "kmalloc-4k" }, { 8192, "kmalloc-8k" },
};

static void test_kmalloc__takes_the_smallest_cache(void **state)
{
	struct kernel *k = *state;

	for (unsigned i = 0; i < ARRAY_SIZE(size_rows); i++) {
		va_t va = must_kmalloc(k, size_rows[i].size, GFP_KERNEL), obj;
		bool in_use;
		const struct kmem_cache *c = slab_lookup(k, va, &obj, &in_use);

		assert_non_null(c);
		assert_string_equal(c->name, size_rows[i].cache);
		assert_int_equal(obj, va);
		assert_true(in_use);
		assert_int_equal(ksize(k, va), c->object_size);
		assert_int_equal(kfree(k, va), 0);
	}
}

static void test_kmalloc__large_sizes_are_whole_frames(void **state)
{
	struct kernel *k = *state;
	uint64_t free_before =
		k->zone[ZONE_NORMAL].free + k->zone[ZONE_DMA32].free;

	for (uint64_t size = 8193; size <= 4 * MiB; size = size * 2 - 1) {
		va_t va = must_kmalloc(k, size, GFP_KERNEL);

		assert_true(ksize(k, va) >= size);
		assert_int_equal(va & (PAGE_SIZE - 1), 0);
		assert_int_equal(kfree(k, va + PAGE_SIZE), -EINVAL);
		assert_int_equal(kfree(k, va + 8), -EINVAL);
		assert_int_equal(kfree(k, va), 0);
		assert_int_equal(kfree(k, va), -EINVAL);
	}
	assert_int_equal(k->zone[ZONE_NORMAL].free + k->zone[ZONE_DMA32].free,
			 free_before);
}

static void test_kmalloc__nothing_is_an_address_too(void **state)
{
	struct kernel *k = *state;
	va_t va = 0;

	assert_int_equal(kmalloc(k, 0, GFP_KERNEL, &va), 0);
	assert_int_equal(va, 0x10);
	assert_int_equal(ksize(k, va), 0);
	assert_int_equal(kfree(k, va), 0);
	assert_int_equal(kfree(k, va), 0);
	assert_int_equal(kfree(k, 0), 0);
}

static void test_kmalloc__too_large(void **state)
{
	static const uint64_t sizes[] = { 4 * MiB + 1, 1ULL << 32, ~0ULL,
					  1ULL << 63 };
	va_t va = 42;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_int_equal(kmalloc(*state, sizes[i], 0, &va), -ENOMEM);
	assert_int_equal(va, 42);
}

static void test_kmalloc__dma(void **state)
{
	struct kernel *k = *state;
	va_t small = must_kmalloc(k, 100, GFP_DMA);
	va_t large = must_kmalloc(k, 100000, GFP_DMA);

	assert_true(kernel_pa(k, small) < 16 * MiB);
	assert_true(kernel_pa(k, large) < 16 * MiB);
	assert_int_equal(kfree(k, small), 0);
	assert_int_equal(kfree(k, large), 0);
}

static void test_kzalloc__zeroes_reused_objects(void **state)
{
	struct kernel *k = *state;
	va_t va = must_kmalloc(k, 64, GFP_KERNEL);

	memset(k->ram->host + kernel_pa(k, va), 0xff, 64);
	kfree(k, va);
	assert_int_equal(must_kmalloc(k, 64, GFP_ZERO), va);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(k->ram->host[kernel_pa(k, va) + i], 0);
	kfree(k, va);
}

static void test_kfree__refuses_what_it_did_not_give(void **state)
{
	struct kernel *k = *state;
	va_t va = must_kmalloc(k, 64, GFP_KERNEL);
	struct kmem_cache *c = kmem_cache_get(k, "task_struct", 1000);
	va_t object = kmem_cache_alloc(k, c);
	const va_t bad[] = {
		17,
		~0ULL,
		va + 1,
		va + 64,
		va + 32,
		object,
		k->layout.page_offset,
		k->layout.high_memory,
		k->layout.vmalloc_start,
		k->layout.kernel_map,
		k->layout.page_offset + k->layout.image.text,
		k->layout.page_offset - 1,
		0x08048000,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(kfree(k, bad[i]), -EINVAL);
	assert_int_equal(kfree(k, va), 0);
	assert_int_equal(kfree(k, va), -EINVAL);
	kmem_cache_free(k, c, object);
}

/* Free objects form a list through their own bytes in RAM. */
static void test_free_list__is_in_the_objects(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c = kmem_cache_get(k, "test", 64);
	va_t first = kmem_cache_alloc(k, c);
	va_t second = kmem_cache_alloc(k, c);
	unsigned word = k->arch->word;

	assert_int_equal(second, first + 64);
	kmem_cache_free(k, c, first);
	kmem_cache_free(k, c, second);
	assert_int_equal(ram_read(k->ram, kernel_pa(k, second) + c->offset,
				  word),
			 word == 4 ? (uint32_t)first : first);
	assert_int_equal(kmem_cache_alloc(k, c), second);
	assert_int_equal(kmem_cache_alloc(k, c), first);
	kmem_cache_free(k, c, first);
	kmem_cache_free(k, c, second);
}

static const uint64_t poison[] = { 0,	       1,
				   ~0ULL,      0x4141414141414141,
				   0xc0000000, 0xffff888000000000 };

/* Whatever a user pokes over the slab, objects stay distinct. */
static void test_free_list__poked_bytes_do_no_harm(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c = kmem_cache_get(k, "test", 128);

	for (unsigned p = 0; p < ARRAY_SIZE(poison); p++) {
		va_t va[100];

		va[0] = kmem_cache_alloc(k, c);
		pa_t slab =
			ALIGN_DOWN(kernel_pa(k, va[0]), PAGE_SIZE << c->order);

		for (unsigned i = 0; i < PAGE_SIZE << c->order; i += 8)
			ram_write(k->ram, slab + i, 8, poison[p]);
		for (unsigned i = 1; i < 100; i++) {
			va[i] = kmem_cache_alloc(k, c);
			for (unsigned j = 0; j < i; j++)
				assert_true(va[i] != va[j]);
		}
		for (unsigned i = 0; i < 100; i++)
			kmem_cache_free(k, c, va[i]);
	}
	assert_int_equal(slab_count(c, OBJECT_USED), 0);
}

static void test_check__broken_free_list(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c = kmem_cache_get(k, "test", 64);
	va_t a = kmem_cache_alloc(k, c), b = kmem_cache_alloc(k, c);
	char text[200];

	kmem_cache_free(k, c, a);
	uint64_t saved = ram_read(k->ram, kernel_pa(k, a) + c->offset, 4);

	ram_write(k->ram, kernel_pa(k, a) + c->offset, 4, 0xbad);
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, "cache test: the free list"));
	ram_write(k->ram, kernel_pa(k, a) + c->offset, 4, saved);
	kmem_cache_free(k, c, b);
}

/* Slabs that nobody needs go back, but for a few. */
static void test_cache__returns_empty_slabs(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c = kmem_cache_get(k, "test", 512);
	va_t va[2000];

	for (unsigned i = 0; i < ARRAY_SIZE(va); i++)
		va[i] = kmem_cache_alloc(k, c);
	assert_int_equal(slab_count(c, OBJECT_USED), ARRAY_SIZE(va));
	assert_int_equal(c->nr_slabs,
			 (ARRAY_SIZE(va) + c->objects - 1) / c->objects);
	for (unsigned i = 0; i < ARRAY_SIZE(va); i++)
		kmem_cache_free(k, c, va[i]);
	assert_int_equal(slab_count(c, OBJECT_USED), 0);
	assert_in_range(c->nr_slabs, 1,
			c->min_partial + c->cpu_partial_slabs + 1);
	assert_true(kmem_cache_shrink(k, c));
	assert_int_equal(c->nr_slabs, 0);
}

static void test_alloc__out_of_memory_at_every_point(void **state)
{
	struct kernel *k = *state;
	va_t va;

	k->fail_nth = 1;
	assert_int_equal(kmalloc(k, 3000, 0, &va), -ENOMEM);
	k->fail_nth = 1;
	assert_int_equal(kmalloc(k, 30000, 0, &va), -ENOMEM);
	k->fail_nth = 1;
	assert_int_equal(kmem_cache_alloc(k, kmem_cache_get(k, "t", 9)), 0);
	k->fail_nth = 0;
}

/* Sizes of slabs as calculate_order() of 6.1 gives them with two CPUs. */
static const struct {
	const char *name;
	unsigned objects, order;
} orders[] = {
	{ "kmalloc-8", 512, 0 },  { "kmalloc-64", 64, 0 },
	{ "kmalloc-96", 42, 0 },  { "kmalloc-192", 21, 0 },
	{ "kmalloc-256", 16, 0 }, { "kmalloc-512", 16, 1 },
	{ "kmalloc-1k", 16, 2 },  { "kmalloc-2k", 16, 3 },
	{ "kmalloc-4k", 8, 3 },	  { "kmalloc-8k", 4, 3 },
};

static void test_cache__orders(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct kmem_cache *c =
			kmem_cache_get(*state, orders[i].name, 1);

		assert_int_equal(c->objects, orders[i].objects);
		assert_int_equal(c->order, orders[i].order);
	}
}

#define ON_ALL(fn) \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_pae), BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_kmalloc__takes_the_smallest_cache),
		ON_ALL(test_kmalloc__large_sizes_are_whole_frames),
		ON_ALL(test_kmalloc__nothing_is_an_address_too),
		ON_ALL(test_kmalloc__too_large),
		ON_ALL(test_kmalloc__dma),
		ON_ALL(test_kzalloc__zeroes_reused_objects),
		ON_ALL(test_kfree__refuses_what_it_did_not_give),
		ON_ALL(test_free_list__is_in_the_objects),
		/* These leave what was poked: check would object to it. */
		{ "test_free_list__poked_bytes_do_no_harm (i386)",
		  test_free_list__poked_bytes_do_no_harm, boot_setup,
		  boot_abandon, (void *)&i386 },
		{ "test_free_list__poked_bytes_do_no_harm (x86_64)",
		  test_free_list__poked_bytes_do_no_harm, boot_setup,
		  boot_abandon, (void *)&x86_64 },
		ON_ALL(test_check__broken_free_list),
		ON_ALL(test_cache__returns_empty_slabs),
		ON_ALL(test_alloc__out_of_memory_at_every_point),
		ON_ALL(test_cache__orders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

/* Of all zones, with no page left on the lists of a CPU. */
static uint64_t free_frames(struct kernel *k)
{
	uint64_t n = 0;

	drain_all_pages(k);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		n += k->zone[z].free;
	return n;
}

static void test_kmalloc__large_sizes_are_whole_frames(void **state)
{
	struct kernel *k = *state;
	uint64_t free_before = free_frames(k);

	for (uint64_t size = 8193; size <= 4 * MiB; size = size * 2 - 1) {
		va_t va = must_kmalloc(k, size, GFP_KERNEL);

		assert_true(ksize(k, va) >= size);
		assert_int_equal(va & (PAGE_SIZE - 1), 0);
		assert_int_equal(kfree(k, va + PAGE_SIZE), -EINVAL);
		assert_int_equal(kfree(k, va + 8), -EINVAL);
		assert_int_equal(kfree(k, va), 0);
		assert_int_equal(kfree(k, va), -EINVAL);
	}
	assert_int_equal(free_frames(k), free_before);
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
	assert_int_equal(slab_count(c, OBJ_USED), 0);
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
	assert_int_equal(slab_count(c, OBJ_USED), ARRAY_SIZE(va));
	assert_int_equal(c->nr_slabs,
			 (ARRAY_SIZE(va) + c->objects - 1) / c->objects);
	for (unsigned i = 0; i < ARRAY_SIZE(va); i++)
		kmem_cache_free(k, c, va[i]);
	assert_int_equal(slab_count(c, OBJ_USED), 0);
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

/* --- what real kernels have -------------------------------------------------
 */

#define GOLDEN "tests/golden/linux-slab.tsv"

struct golden {
	char arch[16], debug[8], name[40];
	unsigned cpus, v[7];
};

static struct kernel *boot_slab(const char *arch, unsigned cpus,
				const char *debug)
{
	struct kernel_config cfg;
	const char *why = "";
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.cpus = cpus;
	if (*debug != '-')
		strcpy(cfg.slub_debug, debug);
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s: %s", arch, why);
	return k;
}

static void compare_golden(struct kernel *k, const struct golden *g)
{
	const struct kmem_cache *c = kmem_cache_find(k, g->name);
	unsigned v[7];

	if (!c)
		fail_msg("%s: no %s", g->arch, g->name);
	memcpy(v,
	       (unsigned[]){ c->object_size, c->size, c->order, c->objects,
			     c->align, c->min_partial, c->cpu_partial },
	       sizeof(v));
	for (unsigned i = 0; i < 7; i++)
		if (v[i] != g->v[i])
			fail_msg("%s %u %s %s: column %u is %u, Linux has %u",
				 g->arch, g->cpus, g->debug, g->name, i, v[i],
				 g->v[i]);
}

/* Sizes, orders and limits of every cache, as sysfs of real kernels has them.
 */
static void test_caches__golden(void **state)
{
	struct golden g, last = { .cpus = 0 };
	struct kernel *k = NULL;
	FILE *f = fopen(GOLDEN, "r");
	unsigned n = 0;
	char line[200];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%15s %u %7s %39s %u %u %u %u %u %u %u",
			   g.arch, &g.cpus, g.debug, g.name, &g.v[0], &g.v[1],
			   &g.v[2], &g.v[3], &g.v[4], &g.v[5], &g.v[6]) != 11)
			continue;
		if (!k || strcmp(g.arch, last.arch) || g.cpus != last.cpus ||
		    strcmp(g.debug, last.debug)) {
			kernel_destroy(k);
			k = boot_slab(g.arch, g.cpus, g.debug);
			last = g;
		}
		compare_golden(k, &g);
		n++;
	}
	fclose(f);
	kernel_destroy(k);
	assert_true(n > 500);
}

/* --- CPUs -------------------------------------------------------------------
 */

/* A CPU's slab is its own; what another one frees comes back later. */
static void test_cpu__slabs_are_its_own(void **state)
{
	struct kernel *k = *state;
	struct slab_object a, b;
	va_t x = must_kmalloc(k, 64, 0), y, z;

	k->this_cpu = 1;
	y = must_kmalloc(k, 64, 0);
	assert_true(slab_find(k, x, &a) && slab_find(k, y, &b));
	assert_ptr_not_equal(a.slab, b.slab);
	assert_int_equal(a.place, SLAB_CPU);
	assert_int_equal(b.cpu, 1);
	assert_int_equal(kfree(k, x), 0); /* from afar */
	slab_find(k, x, &a);
	assert_int_equal(a.state, OBJ_FREE);
	k->this_cpu = 0;
	z = must_kmalloc(k, 64, 0);
	assert_int_not_equal(z, x);
	slab_find(k, z + 64, &a);
	assert_int_equal(a.state, OBJ_CPU);
	kfree(k, y);
	kfree(k, z);
}

/* A full slab that gets an object back is kept by the CPU that freed it. */
static void test_cpu__partial_lists(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c = kmem_cache_get(k, "test", 1024);
	struct slab_object o;
	va_t va[64];

	for (unsigned i = 0; i < 64; i++)
		va[i] = kmem_cache_alloc(k, c);
	slab_find(k, va[0], &o);
	assert_int_equal(o.place, SLAB_FULL);
	kmem_cache_free(k, c, va[0]);
	slab_find(k, va[0], &o);
	assert_int_equal(o.place, SLAB_CPU_PARTIAL);
	kmem_cache_shrink(k, c);
	slab_find(k, va[0], &o);
	assert_int_equal(o.place, SLAB_PARTIAL);
	assert_int_equal(slab_active_objects(c), 63);
	for (unsigned i = 1; i < 64; i++)
		kmem_cache_free(k, c, va[i]);
	assert_true(kmem_cache_shrink(k, c));
}

/* --- caches of one's own ----------------------------------------------------
 */

static void test_create__refuses(void **state)
{
	struct kmem_cache *c;

	assert_int_equal(kmem_cache_create(*state, "x", 0, 0, 0, &c), -EINVAL);
	assert_int_equal(kmem_cache_create(*state, "x", 8, 24, 0, &c), -EINVAL);
	assert_int_equal(kmem_cache_create(*state, "x", 5 * MiB, 0, 0, &c),
			 -EINVAL);
	assert_int_equal(kmem_cache_create(*state, "pid", 8, 0, 0, &c),
			 -EEXIST);
	assert_int_equal(kmem_cache_create(*state, "x", 4 * MiB, 0, 0, &c), 0);
	assert_int_equal(kmem_cache_destroy(*state, c), 0);
	c = kmem_cache_find(*state, "pid");
	assert_int_equal(kmem_cache_destroy(*state, c), -EPERM);
}

static void test_create__aligns(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c;
	va_t va;

	assert_int_equal(
		kmem_cache_create(k, "a", 100, 0, SLAB_HWCACHE_ALIGN, &c), 0);
	assert_int_equal(c->size, 128);
	assert_int_equal(kmem_cache_destroy(k, c), 0);
	assert_int_equal(
		kmem_cache_create(k, "a", 20, 0, SLAB_HWCACHE_ALIGN, &c), 0);
	assert_int_equal(c->size, 32);
	assert_int_equal(kmem_cache_destroy(k, c), 0);
	assert_int_equal(
		kmem_cache_create(k, "a", 20, 4096, SLAB_CACHE_DMA, &c), 0);
	kmem_cache_alloc(k, c);
	va = kmem_cache_alloc(k, c);
	assert_int_equal(va & 4095, 0);
	assert_true(kernel_pa(k, va) < 16 * MiB);
}

/* While objects live it stays, and the log says so. */
static void test_destroy__busy(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c;
	va_t va;

	assert_int_equal(kmem_cache_create(k, "dog", 100, 0, 0, &c), 0);
	va = kmem_cache_alloc(k, c);
	assert_int_equal(kmem_cache_destroy(k, c), -EBUSY);
	assert_non_null(strstr(k->log.text,
			       "BUG dog (Not tainted): Objects "
			       "remaining in dog on __kmem_cache_shutdown()"));
	assert_ptr_equal(kmem_cache_find(k, "dog"), c);
	assert_int_equal(kmem_cache_free(k, c, va), 0);
	assert_int_equal(kmem_cache_destroy(k, c), 0);
	assert_null(kmem_cache_find(k, "dog"));
}

static void test_create__out_of_memory(void **state)
{
	struct kernel *k = *state;
	struct kmem_cache *c;

	for (k->fail_nth = 1;; k->fail_nth++) {
		unsigned nth = k->fail_nth;
		int rc = kmem_cache_create(k, "dog", 100, 0, 0, &c);

		k->fail_nth = nth;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_null(kmem_cache_find(k, "dog"));
		assert_int_equal(findings(k, NULL), 0);
	}
	assert_true(k->fail_nth > 1);
	k->fail_nth = 0;
	assert_int_equal(kmem_cache_destroy(k, c), 0);
}

/* A block of the best order is not to be had: a smaller slab will do. */
static void test_alloc__falls_back_to_the_least_order(void **state)
{
	struct kernel *k = *state;
	struct slab_object o;
	va_t held[64], va;
	unsigned n = 0;

	/* All of ZONE_DMA, but for single pages. */
	while (kmalloc(k, 8 * KiB, GFP_DMA, &va) == 0)
		;
	while (n < 64 && kmalloc(k, 4 * KiB, GFP_DMA, &held[n]) == 0)
		n++;
	if (!n)
		return;
	assert_true(slab_find(k, held[n - 1], &o));
	assert_true(o.order <= 3);
}

/* --- krealloc ---------------------------------------------------------------
 */

static void test_krealloc__keeps_the_bytes(void **state)
{
	struct kernel *k = *state;
	va_t a = must_kmalloc(k, 20, 0), b, c;

	memset(k->ram->host + kernel_pa(k, a), 0x5c, 32);
	assert_int_equal(krealloc(k, a, 32, 0, &b), 0);
	assert_int_equal(b, a);
	assert_int_equal(krealloc(k, a, 20000, 0, &c), 0);
	assert_int_not_equal(c, a);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(k->ram->host[kernel_pa(k, c) + i], 0x5c);
	assert_int_equal(krealloc(k, a, 9, 0, &b), -EINVAL);
	k->fail_nth = 1;
	assert_int_equal(krealloc(k, c, 100000, 0, &b), -ENOMEM);
	k->fail_nth = 0;
	assert_true(ksize(k, c) >= 20000);
	assert_int_equal(krealloc(k, c, 0, 0, &b), 0);
	assert_int_equal(b, ZERO_SIZE_PTR);
	assert_int_equal(ksize(k, c), 0);
	assert_int_equal(krealloc(k, 0, 8, 0, &b), 0);
	kfree(k, b);
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
		cmocka_unit_test(test_caches__golden),
		ON_ALL(test_cpu__slabs_are_its_own),
		ON_ALL(test_cpu__partial_lists),
		ON_ALL(test_create__refuses),
		ON_ALL(test_create__aligns),
		ON_ALL(test_destroy__busy),
		ON_ALL(test_create__out_of_memory),
		BOOT_TEST(test_alloc__falls_back_to_the_least_order, i386),
		ON_ALL(test_krealloc__keeps_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

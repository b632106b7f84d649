/*
 * test_slub_debug.c - slub_debug=: what is overwritten is found, and told in
 * Linux' words; random sequences, hostile bytes.
 */
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

static const struct boot_row *const debug_archs[] = { &i386, &i386_pae,
						      &x86_64 };

/* Pokes @len bytes at @off from a fresh 64-byte object, in use or free. */
static const struct {
	const char *what; /* what the report calls it */
	int off;
	bool freed;
	uint8_t instead;
} overwrites[] = {
	{ "Right Redzone overwritten", 64, false, 0xcc },
	{ "Left Redzone overwritten", -1, false, 0xcc },
	{ "Poison overwritten", 0, true, 0x6b },
	{ "Poison overwritten", 62, true, 0x6b },
	{ "End Poison overwritten", 63, true, 0xa5 },
	{ "Right Redzone overwritten", 64, true, 0xbb },
	{ "Left Redzone overwritten", -64, true, 0xbb },
};

static void overwrite(struct kernel *k, unsigned i)
{
	char line[80], text[200];
	va_t va = must_kmalloc(k, 64, 0), other;
	size_t seen = k->log.len;
	uint8_t *at = k->ram->host + kernel_pa(k, va) + overwrites[i].off;

	if (overwrites[i].freed)
		assert_int_equal(kfree(k, va), 0);
	*at = 0x41;
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, overwrites[i].what));
	if (overwrites[i].freed)
		other = must_kmalloc(k, 64, 0);
	else
		assert_int_equal(kfree(k, va), -EINVAL);
	assert_non_null(strstr(k->log.text + seen, overwrites[i].what));
	snprintf(line, sizeof(line), "First byte 0x41 instead of 0x%x",
		 overwrites[i].instead);
	assert_non_null(strstr(k->log.text + seen, line));
	assert_non_null(
		strstr(k->log.text + seen, "FIX kmalloc-64: Restoring"));
	assert_int_equal(findings(k, NULL), 0);
	if (overwrites[i].freed)
		assert_true(kfree(k, other) == 0 && other != va);
	else
		assert_int_equal(kfree(k, va), 0);
}

static void test_debug__overwritten_bytes_are_found(void **state)
{
	for (unsigned a = 0; a < ARRAY_SIZE(debug_archs); a++)
		for (unsigned i = 0; i < ARRAY_SIZE(overwrites); i++) {
			struct kernel *k =
				boot_slab(debug_archs[a]->arch, 2, "FZPU");

			overwrite(k, i);
			kernel_destroy(k);
		}
}

static bool log_has(const struct kernel *k, const char *text)
{
	return k->log.text && strstr(k->log.text, text);
}

static void test_debug__bad_frees(void **state)
{
	struct kernel *k = boot_slab("i386", 1, "FZPU");
	va_t a = must_kmalloc(k, 100, 0);

	assert_int_equal(kfree(k, a + 8), -EINVAL);
	assert_true(log_has(k, "Invalid object pointer 0x"));
	assert_int_equal(kfree(k, a), 0);
	assert_int_equal(kfree(k, a), -EINVAL);
	assert_true(log_has(k, "BUG kmalloc-128 (Tainted: G    B             "
			       "): Object already free"));
	assert_true(log_has(k, "Freed in kfree age=0 cpu=0 pid=1"));
	assert_int_equal(findings(k, NULL), 0);
	end_row(k);
}

/* A poked free pointer: the slab is given up, nothing else happens. */
static void test_debug__free_pointer(void **state)
{
	struct kernel *k = boot_slab("x86_64", 1, "F");
	va_t a = must_kmalloc(k, 64, 0), b;
	struct slab_object o;

	kfree(k, a);
	slab_find(k, a, &o);
	ram_write(k->ram, kernel_pa(k, a) + o.cache->offset, 8, 0x4141);
	b = must_kmalloc(k, 64, 0);
	assert_int_not_equal(a, b);
	assert_true(log_has(k, "Freepointer corrupt"));
	assert_true(log_has(k, "FIX kmalloc-64: Marking all objects used"));
	slab_find(k, a, &o);
	assert_int_equal(o.state, OBJ_LOST);
	end_row(k);
}

static const struct {
	const char *param, *cache;
	unsigned flags;
} params[] = {
	{ "F", "kmalloc-64", SLAB_CONSISTENCY_CHECKS },
	{ "zp", "pid", SLAB_RED_ZONE | SLAB_POISON },
	{ ",pid", "pid", SLAB_DEBUG_FLAGS },
	{ ",pid", "mm_struct", 0 },
	{ "Z,kmalloc-64,pid", "pid", SLAB_RED_ZONE },
	{ "Z,kmalloc-*", "kmalloc-cg-1k", SLAB_RED_ZONE },
	{ "Z,kmalloc-*", "dma-kmalloc-1k", 0 },
	{ "Z,pid;P", "pid", SLAB_RED_ZONE },
	{ "Z,pid;P", "mm_struct", SLAB_POISON },
	{ "Z,pid;U,mm_struct", "mm_struct", SLAB_STORE_USER },
	{ "-", "pid", 0 },
	{ "FZPU,pi", "pid", 0 },
};

static void test_debug__parameter(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(params); i++) {
		struct kernel *k = boot_slab("i386", 1, "-");
		struct kmem_cache *c;

		kernel_destroy(k);
		k = boot_slab("i386", 1,
			      params[i].param[0] == '-' ? "-"
							: params[i].param);
		c = kmem_cache_find(k, params[i].cache);
		if ((c->flags & SLAB_DEBUG_FLAGS) != params[i].flags)
			fail_msg("%s: %s has %x", params[i].param, c->name,
				 c->flags);
		kernel_destroy(k);
	}
}

/* --- random sequences ----------------------------------------------------- */

#define LIVE 300

struct world {
	struct kernel *k;
	uint64_t rng;
	struct kmem_cache *own;
	struct {
		va_t va;
		bool own;
	} live[LIVE];
	unsigned n;
};

static uint64_t roll(struct world *w, uint64_t n)
{
	w->rng = w->rng * 6364136223846793005 + 1442695040888963407;
	return (w->rng >> 33) % n;
}

static void step_alloc(struct world *w)
{
	bool own = roll(w, 4) == 0;
	uint64_t size = 1ULL << roll(w, 16);
	va_t va = 0;

	if (w->n == LIVE)
		return;
	if (own)
		va = kmem_cache_alloc(w->k, w->own);
	else
		kmalloc(w->k, 1 + roll(w, size), roll(w, 5) ? 0 : GFP_DMA, &va);
	if (!va)
		return;
	w->live[w->n].va = va;
	w->live[w->n++].own = own;
}

static void step_free(struct world *w, unsigned i)
{
	int rc = w->live[i].own ? kmem_cache_free(w->k, w->own, w->live[i].va)
				: kfree(w->k, w->live[i].va);

	assert_int_equal(rc, 0);
	w->live[i] = w->live[--w->n];
}

static void step(struct world *w)
{
	w->k->this_cpu = roll(w, w->k->machine->ncpus);
	if (roll(w, 20) == 0)
		w->k->fail_nth = 1;
	if (roll(w, 100) == 0)
		kmem_cache_shrink(w->k, w->own);
	else if (roll(w, 100) < 55)
		step_alloc(w);
	else if (w->n)
		step_free(w, roll(w, w->n));
	w->k->fail_nth = 0;
	if (kernel_check(w->k, print_finding, NULL))
		fail();
}

static uint64_t free_frames(struct kernel *k)
{
	uint64_t n = 0;

	drain_all_pages(k);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		n += k->zone[z].free + zone_pcp_pages(k, &k->zone[z]);
	return n;
}

static void shrink_all(struct kernel *k)
{
	struct kmem_cache *c;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		kmem_cache_shrink(k, c);
}

static void random_sequence(const char *arch, unsigned cpus, const char *debug)
{
	struct world w = { .k = boot_slab(arch, cpus, debug), .rng = cpus };
	uint64_t before;

	shrink_all(w.k);
	before = free_frames(w.k);
	assert_int_equal(kmem_cache_create(w.k, "own", 200, 0, 0, &w.own), 0);
	for (unsigned i = 0; i < 250; i++)
		step(&w);
	while (w.n)
		step_free(&w, w.n - 1);
	assert_int_equal(kmem_cache_destroy(w.k, w.own), 0);
	shrink_all(w.k);
	assert_int_equal(free_frames(w.k), before);
	end_row(w.k);
}

static void test_random__all_comes_back(void **state)
{
	static const char *const archs_[] = { "i386", "i386-pae", "x86_64" };
	static const char *const debugs[] = { "-", "FZPU", "U" };
	static const unsigned cpus[] = { 1, 2, 5 };

	for (unsigned a = 0; a < 3; a++)
		for (unsigned d = 0; d < 3; d++)
			random_sequence(archs_[a], cpus[(a + d) % 3],
					debugs[d]);
}

/* Bytes of slabs change at random: whatever comes, nothing breaks here. */
static void test_random__hostile_pokes(void **state)
{
	static const char *const debugs[] = { "-", "FZPU", "F", "P" };

	for (unsigned d = 0; d < ARRAY_SIZE(debugs); d++) {
		struct world w = { .k = boot_slab("x86_64", 2, debugs[d]),
				   .rng = d };
		struct slab_object o;

		w.own = kmem_cache_get(w.k, "own", 40);
		for (unsigned i = 0; i < 4000; i++) {
			w.k->this_cpu = roll(&w, 2);
			if (roll(&w, 2))
				step_alloc(&w);
			else if (w.n && kfree(w.k, w.live[--w.n].va))
				kmem_cache_free(w.k, w.own, w.live[w.n].va);
			if (!w.n || !slab_find(w.k, w.live[0].va, &o))
				continue;
			va_t at = o.base + roll(&w, PAGE_SIZE << o.order);
			va_t to = o.base + roll(&w, o.objects) * o.cache->size;

			ram_write(w.k->ram, kernel_pa(w.k, at & ~7ULL), 8,
				  roll(&w, 2) ? to : w.rng);
			if (roll(&w, 200) == 0)
				kmem_cache_shrink(w.k, (void *)o.cache);
			slab_check(w.k, NULL, NULL);
		}
		kernel_destroy(w.k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_debug__overwritten_bytes_are_found),
		cmocka_unit_test(test_debug__bad_frees),
		cmocka_unit_test(test_debug__free_pointer),
		cmocka_unit_test(test_debug__parameter),
		cmocka_unit_test(test_random__all_comes_back),
		cmocka_unit_test(test_random__hostile_pokes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

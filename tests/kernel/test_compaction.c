/*
 * test_compaction.c - pages moved together: everybody still finds his bytes,
 * and what cannot be moved stays. And all calls of the page allocator at
 * random, with fsck behind each.
 */
#include "boot.h"

#include <errno.h>

#include "kernel/buddy.h"
#include "kernel/compaction.h"
#include "kernel/mm_internal.h"
#include "kernel/process.h"

enum { PAGES = 4096 };

static va_t map_pages(struct kernel *k, unsigned flags)
{
	struct task_struct *init = find_task(k, 1);
	va_t va = 0;

	assert_int_equal(do_mmap(k, init->mm, NULL, 0, PAGES * PAGE_SIZE,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_ANONYMOUS | flags, 0, &va),
			 0);
	return va;
}

static void store(struct kernel *k, va_t va, uint32_t value)
{
	struct user_access a;

	user_access(k, 0, ACCESS_WRITE, true, va, &value, 4,
				     &a);
}

static uint32_t load(struct kernel *k, va_t va)
{
	struct user_access a;
	uint32_t value = 0;

	user_access(k, 0, ACCESS_READ, true, va, &value, 4,
				     &a);
	return value;
}

static void fill(struct kernel *k, va_t va)
{
	for (unsigned i = 0; i < PAGES; i++)
		store(k, va + i * PAGE_SIZE, 0xc0de0000 + i);
}

/* Every other page goes, so that no block is whole. */
static void thin_out(struct kernel *k, va_t va)
{
	struct mm_struct *mm = find_task(k, 1)->mm;

	for (unsigned i = 0; i < PAGES; i += 2)
		assert_int_equal(do_munmap(k, mm, va + i * PAGE_SIZE,
					   PAGE_SIZE), 0);
}

static void compare(struct kernel *k, va_t va)
{
	for (unsigned i = 1; i < PAGES; i += 2)
		assert_int_equal(load(k, va + i * PAGE_SIZE), 0xc0de0000 + i);
}

static uint64_t free_in_small_blocks(const struct kernel *k)
{
	uint64_t n = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		for (unsigned o = 0; o < 4; o++)
			n += zone_free_blocks(&k->zone[z], o) << o;
	return n;
}

static void check_flags(struct kernel *k, unsigned flags)
{
	va_t va = map_pages(k, flags);
	uint64_t small, moved, free;

	fill(k, va);
	thin_out(k, va);
	drain_all_pages(k);
	small = free_in_small_blocks(k);
	free = nr_free_pages(k);
	moved = k->vmstat.pgmigrate_success;
	compact_memory(k);
	assert_true(k->vmstat.pgmigrate_success - moved > PAGES / 16);
	assert_int_equal(nr_free_pages(k), free);
	if (flags & LX_MAP_PRIVATE)
		assert_true(free_in_small_blocks(k) < small / 4);
	compare(k, va);
	assert_int_equal(findings(k, NULL), 0);
}

static void test_compact__anonymous(void **state)
{
	check_flags(*state, LX_MAP_PRIVATE);
}

static void test_compact__shared_memory(void **state)
{
	check_flags(*state, LX_MAP_SHARED);
}

/* Parent and child share the pages; both entries follow. */
static void test_compact__after_fork(void **state)
{
	struct kernel *k = *state;
	va_t va = map_pages(k, LX_MAP_PRIVATE);
	struct task_struct *child;

	fill(k, va);
	assert_true(kernel_fork(k, find_task(k, 1), &child) >= 0);
	thin_out(k, va);
	compact_memory(k);
	compare(k, va);
	assert_int_equal(findings(k, NULL), 0);
	store(k, va + PAGE_SIZE, 1);	/* copy-on-write still works */
	for (unsigned i = 0; i < PAGES; i++) {
		uint32_t value = 0;

		access_remote_vm(k, child->mm, va + i * PAGE_SIZE,
				 (uint8_t *)&value, 4, false);
		assert_int_equal(value, 0xc0de0000 + i);
	}
}

static void test_migrate__keeps_bits_and_refuses_pins(void **state)
{
	struct kernel *k = *state;
	struct mm_struct *mm = find_task(k, 1)->mm;
	va_t va = map_pages(k, LX_MAP_PRIVATE);
	uint64_t before, after;
	unsigned level;
	pfn_t pfn;

	store(k, va, 77);
	assert_true(pt_leaf(k, mm_root(mm), va, &before, &level));
	pfn = pte_pfn(k, before);
	get_page(k, pfn);	/* somebody is at work on it */
	compact_memory(k);
	assert_true(pt_leaf(k, mm_root(mm), va, &after, &level));
	assert_int_equal(pte_pfn(k, after), pfn);
	put_page(k, pfn);
	compact_memory(k);
	assert_true(pt_leaf(k, mm_root(mm), va, &after, &level));
	assert_int_equal(before & ~PTE_PFN_MASK, after & ~PTE_PFN_MASK);
	assert_int_equal(load(k, va), 77);
}

/*
 * A request for a large block makes one, where nothing was free in a row: all
 * memory is taken by frames of one process, and every other one comes back.
 */
static void test_direct__makes_the_block(void **state)
{
	struct kernel *k = *state;
	struct mm_struct *mm = find_task(k, 1)->mm;
	va_t va[8];
	pfn_t pfn, keep;
	unsigned n = 0;

	while (n < 8 && nr_free_pages(k) > PAGES + 3000) {
		va[n] = map_pages(k, LX_MAP_PRIVATE);
		fill(k, va[n++]);
	}
	/* the rest, kept as the kernel's own */
	while ((keep = alloc_pages(k, GFP_NOWAIT, 4, "test")) != PFN_NONE)
		;
	for (unsigned i = 0; i < n; i++)
		thin_out(k, va[i]);
	drain_all_pages(k);
	do
		pfn = alloc_pages(k, GFP_KERNEL | __GFP_MOVABLE, 6, "test");
	while (pfn != PFN_NONE && !k->vmstat.compact_success);
	assert_true(pfn != PFN_NONE);
	for (unsigned i = 0; i < n; i++)
		compare(k, va[i]);
	assert_int_equal(findings(k, NULL), 0);
	assert_true(mm->rss[MM_ANONPAGES] >= n * PAGES / 2);
}

/* --- everything at random ------------------------------------------------- */
#define SLOTS 60

struct world {
	struct kernel *k;
	va_t user;
	struct {
		pfn_t pfn;
		unsigned order;
	} slot[SLOTS];
};

static unsigned roll(struct world *w, unsigned n)
{
	return kernel_random(w->k) % n;
}

static void step_block(struct world *w)
{
	static const unsigned gfps[] = {
		GFP_KERNEL, GFP_DMA, GFP_HIGHUSER, GFP_DMA32, GFP_NOWAIT,
		GFP_HIGHUSER_MOVABLE, GFP_KERNEL | __GFP_RECLAIMABLE,
		GFP_KERNEL | __GFP_ZERO, GFP_ATOMIC, GFP_NOIO,
	};
	unsigned i = roll(w, SLOTS);

	if (w->slot[i].pfn != PFN_NONE) {
		free_pages(w->k, w->slot[i].pfn, w->slot[i].order);
		w->slot[i].pfn = PFN_NONE;
		return;
	}
	w->slot[i].order = roll(w, 4) ? roll(w, 4) : roll(w, MAX_ORDER);
	w->slot[i].pfn = alloc_pages(w->k, gfps[roll(w, ARRAY_SIZE(gfps))],
				     w->slot[i].order, "test");
}

/* A page of user memory comes, or goes again. */
static void step_user(struct world *w)
{
	struct mm_struct *mm = find_task(w->k, 1)->mm;
	va_t va = w->user + roll(w, PAGES) * PAGE_SIZE;
	uint8_t byte = 1;

	if (roll(w, 3))
		access_remote_vm(w->k, mm, va, &byte, 1, true);
	else
		do_munmap(w->k, mm, va, PAGE_SIZE);
}

static void step(struct world *w)
{
	struct kernel *k = w->k;

	k->this_cpu = roll(w, k->machine->ncpus);
	k->fail_nth = roll(w, 6) ? 0 : 1 + roll(w, 3);
	switch (roll(w, 24)) {
	case 0:
		drain_all_pages(k);
		break;
	case 1:
		compact_memory(k);
		break;
	default:
		if (roll(w, 2))
			step_block(w);
		else
			step_user(w);
	}
	k->fail_nth = 0;
	if (kernel_check(k, print_finding, NULL))
		fail();
}

static void random_calls(const char *arch, uint64_t ram, unsigned cpus)
{
	struct kernel_config cfg;
	const char *why;
	struct world w;
	uint64_t blocks[MAX_NR_ZONES][MAX_ORDER];

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.ram = ram;
	cfg.cpus = cpus;
	w.k = kernel_boot(&cfg, &why);
	assert_non_null(w.k);
	drain_all_pages(w.k);
	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		for (unsigned o = 0; o < MAX_ORDER; o++)
			blocks[z][o] = zone_free_blocks(&w.k->zone[z], o);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < SLOTS; i++)
			w.slot[i].pfn = PFN_NONE;
		w.user = round ? map_pages(w.k, LX_MAP_PRIVATE) : 0;
		for (unsigned i = 0; i < 300; i++) {
			if (round)
				step(&w);
			else
				step_block(&w);
		}
		for (unsigned i = 0; i < SLOTS; i++)
			if (w.slot[i].pfn != PFN_NONE)
				free_pages(w.k, w.slot[i].pfn,
					   w.slot[i].order);
		while (unreserve_highatomic_pageblock(w.k, ZONE_HIGHMEM,
						      MIGRATE_MOVABLE, true))
			;
		drain_all_pages(w.k);
		for (unsigned z = 0; !round && z < MAX_NR_ZONES; z++)
			for (unsigned o = 0; o < MAX_ORDER; o++)
				assert_int_equal(
					zone_free_blocks(&w.k->zone[z], o),
					blocks[z][o]);
	}
	end_row(w.k);
}

static void test_random__comes_back(void **state)
{
	random_calls("i386", 32 * MiB, 1);
	random_calls("i386", GiB + GiB / 2, 2);
	random_calls("i386-pae", 5 * GiB, 4);
	random_calls("x86_64", 128 * MiB, 3);
	random_calls("x86_64", 5 * GiB, 2);
}

static const struct boot_row small = {
	.name = "small",
	.arch = "i386",
	.ram = 48 * MiB,
};

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64), BOOT_TEST(fn, small)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_compact__anonymous),
		ON_ALL(test_compact__shared_memory),
		ON_ALL(test_compact__after_fork),
		ON_ALL(test_migrate__keeps_bits_and_refuses_pins),
		BOOT_TEST(test_direct__makes_the_block, small),
		cmocka_unit_test(test_random__comes_back),
	};

	return cmocka_run_group_tests_name("compaction", tests, NULL, NULL);
}

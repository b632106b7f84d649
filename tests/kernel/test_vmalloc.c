/* test_vmalloc.c - the vmalloc area: gaps, guard pages, real PTEs, purges. */
#include "vspace.h"

#include "kernel/process.h"

static void test_vmalloc__is_mapped_and_guarded(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(3) - 100);
	const struct vmap_area *area = find_vmap_area(k, va);
	char buf[3 * PAGE_SIZE + 1] = { 0 };

	assert_int_equal(va, k->layout.vmalloc_start);
	assert_int_equal(area->nr_pages, 3);
	assert_int_equal(area->end - area->start, PG(4));
	assert_int_equal(cpu_write(k, va, buf, sizeof(buf)), PG(3));
	assert_ptr_equal(find_vmap_area(k, va + PG(4) - 1), area);
	assert_null(find_vmap_area(k, va + PG(4)));
	assert_int_equal(vfree(k, va), 0);
	vm_unmap_aliases(k);
	assert_int_equal(cpu_write(k, va, buf, 1), 0);
}

static void test_vmalloc__frames_come_from_the_highest_zone(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PAGE_SIZE);
	uint64_t entry;
	unsigned level;

	assert_true(pt_leaf(k, k->swapper_pg_dir, va, &entry, &level) != 0);
	assert_int_equal(level, k->pte_level);
	pfn_t pfn = pte_pfn(k, entry);

	assert_true(pfn_to_page(k, pfn)->flags & PG_vmalloc);
	if (k->zone[ZONE_HIGHMEM].spanned)
		assert_true(pfn >= k->max_low_pfn);
	assert_int_equal(
		entry & ~paging_address_bits(k->mode, level, ~0ULL, true) &
			~PTE_XD,
		_PAGE_KERNEL);
	vfree(k, va);
}

/*
 *   |A.|BBB.|C.|            vfree(B), purged
 *   |A.|    |C.|  D does not fit, E does
 *   |A.|EE. |C.|D...
 */
static void test_vmalloc__takes_the_lowest_gap_that_fits(void **state)
{
	struct kernel *k = *state;
	va_t a = must_vmalloc(k, PG(1));
	va_t b = must_vmalloc(k, PG(3));
	va_t c = must_vmalloc(k, PG(1));

	assert_int_equal(b, a + PG(2));
	assert_int_equal(c, b + PG(4));
	vfree(k, b);
	vm_unmap_aliases(k);
	va_t d = must_vmalloc(k, PG(4));
	va_t e = must_vmalloc(k, PG(2));

	assert_int_equal(d, c + PG(2));
	assert_int_equal(e, b);
	vfree(k, a);
	vfree(k, c);
	vfree(k, d);
	vfree(k, e);
}

static void test_vmalloc__errors(void **state)
{
	struct kernel *k = *state;
	uint64_t before = free_pages_total(k);
	va_t va = 42;

	assert_int_equal(vmalloc(k, 0, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, ~0ULL, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, ~0ULL - PAGE_SIZE + 2, &va), -ENOMEM);
	assert_int_equal(vmalloc(k, k->config.ram, &va), -ENOMEM);
	assert_int_equal(vfree(k, 0), 0);
	assert_int_equal(vfree(k, 1), -EINVAL);
	assert_int_equal(vfree(k, k->layout.vmalloc_start), -EINVAL);
	assert_int_equal(va, 42);
	assert_int_equal(free_pages_total(k), before);
}

static void test_vfree__wants_the_start(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(2));

	assert_int_equal(vfree(k, va + PAGE_SIZE), -EINVAL);
	assert_int_equal(vfree(k, va + 1), -EINVAL);
	assert_int_equal(vfree(k, va), 0);
	assert_int_equal(vfree(k, va), -EINVAL);
}

/* All or nothing, whichever allocation fails. */
static void test_vmalloc__unwinds_at_every_point(void **state)
{
	struct kernel *k = *state;
	unsigned n;
	va_t va;

	/* Twice: the page tables of the first success stay. */
	for (unsigned round = 0; round < 2; round++) {
		uint64_t before = free_pages_total(k);

		for (n = 1;; n++) {
			k->fail_nth = n;
			int err = vmalloc(k, PG(5), &va);

			k->fail_nth = 0;
			if (!err)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(findings(k, NULL), 0);
			vm_unmap_aliases(k);
			if (round)
				assert_int_equal(free_pages_total(k), before);
		}
		assert_true(n > 5);
		vfree(k, va);
	}
}

static void test_vmalloc__fills_the_whole_area(void **state)
{
	struct kernel *k = *state;
	uint64_t span = k->layout.vmalloc_end - k->layout.vmalloc_start;
	pfn_t *pfn = calloc(span >> PAGE_SHIFT, sizeof(*pfn));
	va_t va, io;

	for (uint64_t i = 0; i < span >> PAGE_SHIFT; i++)
		pfn[i] = k->zero_pfn;
	assert_int_equal(vmap(k, pfn, span >> PAGE_SHIFT, &va), -ENOMEM);
	assert_int_equal(vmap(k, pfn, (span >> PAGE_SHIFT) - 1, &va), 0);
	assert_int_equal(ioremap(k, 0xfee00000, 1, &io), -ENOMEM);
	assert_int_equal(vunmap(k, va), 0);
	/* Freed addresses wait; who needs them purges. */
	assert_int_equal(ioremap(k, 0xfee00000, 1, &io), 0);
	assert_int_equal(io, k->layout.vmalloc_start);
	assert_int_equal(iounmap(k, io), 0);
	free(pfn);
}

/* Translations outlive an area until the purge, and no longer. */
static void test_vfree__flushes_at_the_purge(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(2));

	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct access access = { .va = va, .kind = ACCESS_READ };
		struct fault fault;
		pa_t pa;

		assert_true(
			mmu_access(&k->machine->cpu[i], &access, &pa, &fault));
	}
	assert_int_equal(findings(k, NULL), 0);
	uint64_t flushes = counters_flushes(&k->machine->cpu[1].counters);

	vfree(k, va);
	assert_int_equal(counters_flushes(&k->machine->cpu[1].counters),
			 flushes);
	assert_true(vmap_is_lazy(k, va));
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(vm_unmap_aliases(k), 3);
	assert_false(vmap_is_lazy(k, va));
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(vm_unmap_aliases(k), 0);
	assert_int_equal(must_vmalloc(k, PG(2)), va);
	vfree(k, va);
}

/* fls(CPUs) * 32 MiB may wait; one page more, and all are purged. */
static void test_vfree__purges_when_too_many_wait(void **state)
{
	struct kernel *k = *state;
	uint64_t max = lazy_max_pages(k);

	assert_int_equal(max, 2 * 8192);	/* two CPUs */
	for (unsigned i = 0; i < max / 2048; i++)
		vfree(k, must_vmalloc(k, PG(2047)));
	/* The arrays of pages were areas too, and wait with them. */
	assert_true(vmap_nr_lazy(k) < max);
	assert_true(vm_unmap_aliases(k) > 0);
	va_t va = must_vmalloc(k, PG(max - 1)), pages;

	pages = find_vmap_area(k, va)->array;
	assert_true(find_vmap_area(k, pages) != NULL);
	vfree(k, va);
	assert_int_equal(vmap_nr_lazy(k), 0);
}

/* The array of struct page * is kmalloc'ed, or has an area above a page. */
static void test_vmalloc__array_of_pages(void **state)
{
	struct kernel *k = *state;
	unsigned per_page = PAGE_SIZE / k->arch->word;
	va_t small = must_vmalloc(k, PG(per_page));
	va_t large = must_vmalloc(k, PG(per_page + 1));
	const struct vmap_area *a = find_vmap_area(k, small);
	const struct vmap_area *b = find_vmap_area(k, large);

	assert_true(kernel_virt_ok(k, a->array));
	assert_int_equal(b->array, b->end);
	assert_int_equal(find_vmap_area(k, b->array)->nr_pages, 2);
	assert_int_equal(vmalloc_nr_pages(k), 2 * per_page + 3);
	vfree(k, small);
	vfree(k, large);
	assert_int_equal(vmalloc_nr_pages(k), 0);
	assert_null(vmap_next(k, NULL));
}

static void test_vmalloc__zeroes_and_zones(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PG(3)), z, low;
	char dirty[PAGE_SIZE];

	memset(dirty, 0xaa, sizeof(dirty));
	assert_int_equal(cpu_write(k, va, dirty, sizeof(dirty)), PAGE_SIZE);
	vfree(k, va);
	assert_int_equal(vzalloc(k, PG(8), &z), 0);
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *p =
			page_bytes(k, find_vmap_area(k, z)->pages[i]);

		assert_int_equal(p[0] | p[PAGE_SIZE - 1], 0);
	}
	assert_int_equal(vmalloc_32(k, PG(2), &low), 0);
	assert_true(find_vmap_area(k, low)->pages[0] <
		    (k->arch->word == 4 ? k->max_low_pfn : 1 << 20));
	vfree(k, z);
	vfree(k, low);
}

/* --- vmap, vm_map_ram ------------------------------------------------------ */

static void take_frames(struct kernel *k, pfn_t *pfn, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pfn[i] = alloc_pages(k, GFP_HIGHUSER, 0, "test");
		assert_true(pfn[i] != PFN_NONE);
	}
}

static void give_frames(struct kernel *k, const pfn_t *pfn, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free_pages(k, pfn[i], 0);
}

static void test_vmap__in_the_order_given(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn[3], swapped[3];
	uint32_t word = 0xdecade;
	va_t va;

	take_frames(k, pfn, 3);
	swapped[0] = pfn[2];
	swapped[1] = pfn[0];
	swapped[2] = pfn[2];
	assert_int_equal(vmap(k, swapped, 3, &va), 0);
	assert_int_equal(cpu_write(k, va, &word, 4), 4);
	assert_memory_equal(page_bytes(k, pfn[2]), &word, 4);
	assert_int_equal(find_vmap_area(k, va)->pages[1], pfn[0]);
	assert_ptr_equal(vmap_uses(k, pfn[2], 1), find_vmap_area(k, va));
	assert_int_equal(vunmap(k, va + PAGE_SIZE), -EINVAL);
	assert_int_equal(vunmap(k, va), 0);
	assert_null(vmap_uses(k, pfn[2], 1));
	give_frames(k, pfn, 3);
	pfn[0] = k->max_pfn;
	assert_int_equal(vmap(k, pfn, 1, &va), -EINVAL);
	assert_int_equal(vmap(k, pfn, 0, &va), -EINVAL);
	va = must_vmalloc(k, 1);
	assert_int_equal(vunmap(k, va), -EINVAL);
	vfree(k, va);
}

/* A frame that goes back to the buddy while it is mapped: found. */
static void test_check__free_frame_mapped(void **state)
{
	struct kernel *k = *state;
	char text[200];
	pfn_t pfn;
	va_t va;

	take_frames(k, &pfn, 1);
	assert_int_equal(vmap(k, &pfn, 1, &va), 0);
	free_pages(k, pfn, 0);
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, "which is free"));
	vunmap(k, va);
}

/*
 *	|aaaa|bb|...  pages of a block are taken in order, in powers of two
 */
static void test_vm_map_ram__blocks(void **state)
{
	struct kernel *k = *state;
	unsigned bits = vmap_bbmap_bits(k), cpu, unused, dirty;
	const struct vmap_area *block;
	pfn_t pfn[3];
	va_t a, b, c;

	take_frames(k, pfn, 3);
	assert_int_equal(vm_map_ram(k, pfn, 3, &a), 0);
	assert_int_equal(vm_map_ram(k, pfn, 2, &b), 0);
	k->this_cpu = 1;
	assert_int_equal(vm_map_ram(k, pfn, 1, &c), 0);
	k->this_cpu = 0;
	block = find_vmap_area(k, a);
	assert_int_equal(block->end - block->start, PG(bits));
	assert_int_equal(a, ALIGN_UP(k->layout.vmalloc_start, PG(bits)));
	assert_int_equal(b, a + PG(4));
	assert_int_equal(c, a + PG(bits));
	assert_int_equal(vm_unmap_ram(k, a, 2), -EINVAL);
	assert_int_equal(vm_unmap_ram(k, a + PAGE_SIZE, 3), -EINVAL);
	assert_int_equal(vm_unmap_ram(k, a, 3), 0);
	assert_int_equal(vm_unmap_ram(k, a, 3), -EINVAL);
	vmap_block_counts(block, &cpu, &unused, &dirty);
	assert_int_equal(unused, bits - 6);
	assert_int_equal(dirty, 4);
	/* What is dirty is not taken again, also after a flush. */
	vm_unmap_aliases(k);
	assert_int_equal(vm_map_ram(k, pfn, 2, &a), 0);
	assert_int_equal(a, b + PG(2));
	assert_int_equal(vm_unmap_ram(k, a, 2), 0);
	assert_int_equal(vm_unmap_ram(k, b, 2), 0);
	assert_int_equal(vm_unmap_ram(k, c, 1), 0);
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(vm_unmap_aliases(k), 2 * bits);
	assert_null(vmap_next(k, NULL));
	give_frames(k, pfn, 3);
}

static void test_vm_map_ram__a_whole_block(void **state)
{
	struct kernel *k = *state;
	unsigned bits = vmap_bbmap_bits(k), max = vmap_max_alloc(k);
	va_t va[64];
	pfn_t pfn[65];

	for (unsigned i = 0; i < 65; i++)
		pfn[i] = k->zero_pfn;
	for (unsigned i = 0; i < bits / max; i++)
		assert_int_equal(vm_map_ram(k, pfn, max, &va[i]), 0);
	for (unsigned i = 0; i < bits / max; i++)
		assert_int_equal(vm_unmap_ram(k, va[i], max), 0);
	assert_null(find_vmap_area(k, va[0]));
	assert_int_equal(vmap_nr_lazy(k), bits);
	/* Many pages: an area of their own, with no guard page. */
	assert_int_equal(vm_map_ram(k, pfn, max + 1, &va[0]), 0);
	assert_int_equal(find_vmap_area(k, va[0])->end, va[0] + PG(max + 1));
	assert_int_equal(vfree(k, va[0]), -EINVAL);
	assert_int_equal(vm_unmap_ram(k, va[0], max), -EINVAL);
	assert_int_equal(vm_unmap_ram(k, va[0], max + 1), 0);
}

/* --- i386: how the entries reach other roots --------------------------------- */

/* A kernel with a second process; on i386 its roots may be synced late. */
static struct kernel *two_processes(const struct boot_row *row, bool late)
{
	struct kernel_config cfg = row_config(row);
	struct task_struct *child;
	const char *why;
	struct kernel *k;

	cfg.vmalloc_fault = late;
	k = kernel_boot(&cfg, &why);
	assert_non_null(k);
	assert_int_equal(kernel_fork(k, find_task(k, 1), &child), 0);
	assert_int_equal(context_switch(k, 1, child), 0);
	return k;
}

static bool root_maps(struct kernel *k, int pid, va_t va)
{
	uint64_t entry;
	unsigned level;

	return pt_leaf(k, find_task(k, pid)->mm->pgd << PAGE_SHIFT, va, &entry,
		       &level) != 0;
}

static bool cpu_reads(struct kernel *k, unsigned cpu, va_t va)
{
	struct user_access a;
	char byte;

	user_access(k, cpu, ACCESS_READ, false, va, &byte, 1, &a);
	return a.done == 1;
}

/* arch_sync_kernel_mappings(), or tables that are shared from the start. */
static void test_sync__at_once(void **state)
{
	static const struct boot_row *const rows[] = { &i386, &i386_61,
						       &i386_pae, &x86_64 };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel *k = two_processes(rows[i], false);
		va_t va = must_vmalloc(k, PG(2));

		assert_true(root_maps(k, 1, va) && root_maps(k, 2, va));
		vfree(k, va);
		assert_false(root_maps(k, 1, va) || root_maps(k, 2, va));
		end_row(k);
	}
}

/* x86-64: every root has the space's entries from the start. */
static void test_sync__preallocated(void **state)
{
	struct kernel *k = *state;
	uint64_t step = 1ULL << k->mode->level[0].shift;
	unsigned n = 0;

	for (va_t va = k->layout.vmalloc_start; va < k->layout.vmalloc_end;
	     va = ALIGN_DOWN(va, step) + step, n++) {
		pa_t entry = pt_lookup(k, k->swapper_pg_dir, va, 0, false);
		pa_t mine = pt_lookup(k, find_task(k, 1)->mm->pgd << PAGE_SHIFT,
				      va, 0, false);

		assert_true(pt_get(k, entry) & PTE_P);
		assert_int_equal(pt_get(k, entry), pt_get(k, mine));
	}
	assert_int_equal(n, 64);
}

static void test_sync__by_vmalloc_fault(void **state)
{
	struct kernel *k = two_processes(&i386, true);
	va_t va = must_vmalloc(k, PG(2));

	assert_false(root_maps(k, 1, va) || root_maps(k, 2, va));
	assert_true(cpu_reads(k, 1, va + PAGE_SIZE));
	assert_false(root_maps(k, 1, va));
	assert_true(root_maps(k, 2, va));
	assert_int_equal(findings(k, NULL), 0);
	/* The guard page: an entry is copied, and nothing is there. */
	assert_false(cpu_reads(k, 0, va + PG(2)));
	assert_true(root_maps(k, 1, va));
	vfree(k, va);
	assert_false(root_maps(k, 1, va));
	end_row(k);
}

/* --- every call, in any order, failing anywhere ------------------------------ */

struct live { va_t va; unsigned kind, n; };

static int random_call(struct kernel *k, unsigned kind, unsigned n,
		       const pfn_t *pfn, va_t *va)
{
	switch (kind) {
	case 0:
		return vmalloc(k, PG(n), va);
	case 1:
		return vzalloc(k, PG(n * 20), va);
	case 2:
		return vmap(k, pfn, n, va);
	case 3:
		return ioremap(k, 0xfd000000, PG(n * 11), va);
	default:
		return vm_map_ram(k, pfn, n, va);
	}
}

static int undo(struct kernel *k, const struct live *l)
{
	if (l->kind == 2)
		return vunmap(k, l->va);
	if (l->kind == 3)
		return iounmap(k, l->va);
	return l->kind > 3 ? vm_unmap_ram(k, l->va, l->n) : vfree(k, l->va);
}

#define NLIVE	24
#define NFRAMES 70

static void step(struct kernel *k, struct live *l, const pfn_t *pfn,
		 bool may_fail)
{
	uint64_t r = kernel_random(k);
	unsigned kind = r >> 8 & 7, n = 1 + (r >> 32) % NFRAMES;
	va_t va;

	k->this_cpu = r % k->machine->ncpus;
	if (l->n) {
		assert_int_equal(undo(k, l), 0);
		l->n = 0;
		return;
	}
	k->fail_nth = may_fail && !(r >> 20 & 3) ? 1 + (r >> 24) % 12 : 0;
	if (!random_call(k, kind, n, pfn, &va))
		*l = (struct live){ va, kind, n };
	k->fail_nth = 0;
	if ((r >> 50) % 32 == 0)
		vm_unmap_aliases(k);
}

/* Random calls, then everything goes back. Returns the free pages at the end. */
static uint64_t random_round(struct kernel *k, const pfn_t *pfn, bool may_fail)
{
	struct live live[NLIVE] = { 0 };

	k->rng = 42;
	for (unsigned i = 0; i < 80; i++) {
		step(k, &live[kernel_random(k) % NLIVE], pfn, may_fail);
		assert_int_equal(findings(k, NULL), 0);
	}
	for (unsigned i = 0; i < NLIVE; i++)
		if (live[i].n)
			assert_int_equal(undo(k, &live[i]), 0);
	vm_unmap_aliases(k);
	assert_null(vmap_next(k, NULL));
	assert_null(vmap_next_lazy(k, NULL));
	assert_int_equal(vmalloc_nr_pages(k), 0);
	assert_int_equal(findings(k, NULL), 0);
	return free_pages_total(k);
}

/*
 * Page tables and empty slabs stay; once they are there, all freed and purged
 * gives the buddy back what it had.
 */
static void test_random__all_comes_back(void **state)
{
	struct kernel *k = *state;
	pfn_t pfn[NFRAMES];
	uint64_t free;

	take_frames(k, pfn, NFRAMES);
	free = random_round(k, pfn, false);
	assert_int_equal(random_round(k, pfn, false), free);
	random_round(k, pfn, true);
	assert_int_equal(random_round(k, pfn, false), free);
	give_frames(k, pfn, NFRAMES);
}

static void test_check__poked_pte(void **state)
{
	struct kernel *k = *state;
	va_t va = must_vmalloc(k, PAGE_SIZE);
	pa_t pte = pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, false);
	uint64_t saved = pt_get(k, pte);
	char text[200];

	pt_set_raw(k, pte, mk_pte(k, 0x123, PTE_P));
	assert_int_equal(findings(k, text), 1);
	assert_non_null(strstr(text, "the PTE says pfn 0x123, the area pfn"));
	pt_set_raw(k, pte, saved);
	vfree(k, va);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_vmalloc__is_mapped_and_guarded),
		ON_ALL(test_vmalloc__frames_come_from_the_highest_zone),
		ON_ALL(test_vmalloc__takes_the_lowest_gap_that_fits),
		ON_ALL(test_vmalloc__errors),
		ON_ALL(test_vfree__wants_the_start),
		ON_ALL(test_vmalloc__unwinds_at_every_point),
		BOOT_TEST(test_vmalloc__fills_the_whole_area, i386),
		BOOT_TEST(test_vmalloc__fills_the_whole_area, i386_pae),
		ON_ALL(test_vfree__flushes_at_the_purge),
		BOOT_TEST(test_vfree__purges_when_too_many_wait, i386),
		BOOT_TEST(test_vfree__purges_when_too_many_wait, x86_64),
		ON_ALL(test_vmalloc__array_of_pages),
		ON_ALL(test_vmalloc__zeroes_and_zones),
		ON_ALL(test_vmap__in_the_order_given),
		ON_ALL(test_check__free_frame_mapped),
		ON_ALL(test_vm_map_ram__blocks),
		ON_ALL(test_vm_map_ram__a_whole_block),
		cmocka_unit_test(test_sync__at_once),
		BOOT_TEST(test_sync__preallocated, x86_64),
		cmocka_unit_test(test_sync__by_vmalloc_fault),
		ON_ALL(test_random__all_comes_back),
		ON_ALL(test_check__poked_pte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

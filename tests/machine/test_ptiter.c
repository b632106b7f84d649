/* test_ptiter.c - visits of whole trees. */
#include <stdio.h>

#include "fixture.h"

static struct ptiter visit_from(struct machine *m, va_t from, va_t last)
{
	struct ptiter it;

	ptiter_start(&it, &m->cpu->mmu, m->ram, from, last);
	return it;
}

/* "level:va" of every entry visited, or of leaves only. */
static char *trail(struct machine *m, va_t from, va_t last, char *buf,
		   size_t size)
{
	struct ptiter it = visit_from(m, from, last);
	size_t len = 0;

	buf[0] = '\0';
	for (; it.valid && len < size; ptiter_next(&it))
		len += snprintf(buf + len, size - len, "%s%u:%llx",
				len ? " " : "", it.level,
				(unsigned long long)it.va);
	return buf;
}

static void test_ptiter__address_order_over_both_halves(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	const struct paging_mode *mode = &paging_modes[PAGING_4LEVEL];
	char buf[512];

	/* Two half trees; one table a level is shared, so four leaves. */
	map(cpu, mode, 0x1000, 3, 0x80000 | RWU);
	ram_write(m->ram, ROOT + 256 * 8, 8, 0x100000 | RWU);
	ram_write(m->ram, 0x100000, 8, 0x40000000 | RWU | PTE_PS);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_string_equal(trail(m, 0, ~0ULL, buf, sizeof(buf)),
			    "0:0 1:0 2:0 3:1000 "
			    "0:ffff800000000000 1:ffff800000000000");
	assert_string_equal(trail(m, 0x2000, ~0ULL, buf, sizeof(buf)),
			    "0:0 1:0 2:0 "
			    "0:ffff800000000000 1:ffff800000000000");
	assert_string_equal(trail(m, 0, 0x7fffffffffff, buf, sizeof(buf)),
			    "0:0 1:0 2:0 3:1000");
	assert_string_equal(trail(m, BIT(47), ~0ULL, buf, sizeof(buf)),
			    "0:ffff800000000000 1:ffff800000000000");
	assert_string_equal(trail(m, BIT(47), BIT(48), buf, sizeof(buf)), "");
	assert_string_equal(trail(m, 0xffff800040000000, ~0ULL, buf,
				  sizeof(buf)),
			    "0:ffff800000000000");
	machine_destroy(m);
}

static void test_ptiter__limits_are_inclusive(void **state)
{
	struct machine *m = make_machine();
	char buf[512];

	for (va_t va = 0x3ff000; va <= 0x402000; va += 0x1000)
		map(m->cpu, &paging_modes[PAGING_32], va, 1, 0x80000 | RWU);
	/* Both page directory entries share one page table. */
	enable_paging(m->cpu, PAGING_32, 0);
	assert_string_equal(trail(m, 0x3ff000, 0x401000, buf, sizeof(buf)),
			    "0:0 1:3ff000 0:400000 1:400000 1:401000");
	assert_string_equal(trail(m, 0x3fffff, 0x400fff, buf, sizeof(buf)),
			    "0:0 1:3ff000 0:400000 1:400000");
	assert_string_equal(trail(m, 0x400fff, 0x400000, buf, sizeof(buf)), "");
	machine_destroy(m);
}

static void test_ptiter__ends_at_4g(void **state)
{
	struct machine *m = make_machine();
	char buf[512];

	map(m->cpu, &paging_modes[PAGING_32], 0xfffff000, 1, 0x80000 | RWU);
	enable_paging(m->cpu, PAGING_32, 0);
	assert_string_equal(trail(m, 0, ~0ULL, buf, sizeof(buf)),
			    "0:ffc00000 1:fffff000");
	assert_string_equal(trail(m, 0xffffffff, 0xffffffff, buf, sizeof(buf)),
			    "0:ffc00000 1:fffff000");
	assert_string_equal(trail(m, BIT(32), ~0ULL, buf, sizeof(buf)), "");
	machine_destroy(m);
}

static void test_ptiter__pae_starts_from_registers(void **state)
{
	struct machine *m = make_machine();
	struct ptiter it;

	map(m->cpu, &paging_modes[PAGING_PAE], 0xc0200000, 2, 0x80000 | RWU);
	enable_paging(m->cpu, PAGING_PAE, 0);
	ram_write(m->ram, ROOT + 24, 8, 0); /* memory no longer counts */
	it = visit_from(m, 0, ~0ULL);
	assert_true(it.valid);
	assert_int_equal(it.index, 3);
	assert_int_equal(it.entry_pa, 0);
	assert_true(it.rights.write && it.rights.user);
	ptiter_next(&it);
	ptiter_next(&it);
	assert_true(it.leaf);
	assert_int_equal(it.va, 0xc0200000);
	assert_int_equal(it.entry_pa, table_at(2));
	ptiter_next(&it);
	assert_false(it.valid);
	machine_destroy(m);
}

static void test_ptiter__paging_off_is_over_at_once(void **state)
{
	struct machine *m = make_machine();
	struct ptiter it = visit_from(m, 0, ~0ULL);

	assert_false(it.valid);
	machine_destroy(m);
}

static void test_ptiter__skip_does_not_go_below(void **state)
{
	struct machine *m = make_machine();
	struct ptiter it;

	map(m->cpu, &paging_modes[PAGING_32], 0x1000, 1, 0x80000 | RWU);
	map(m->cpu, &paging_modes[PAGING_32], 0x401000, 1, 0x80000 | RWU);
	enable_paging(m->cpu, PAGING_32, 0);
	it = visit_from(m, 0, ~0ULL);
	ptiter_skip(&it);
	assert_int_equal(it.level, 0);
	assert_int_equal(it.va, 0x400000);
	ptiter_skip(&it);
	assert_false(it.valid);
	machine_destroy(m);
}

static void test_ptiter__bad_entries_are_shown_not_entered(void **state)
{
	struct machine *m = make_machine();
	struct ptiter it;

	map(m->cpu, &paging_modes[PAGING_4LEVEL], 0, 3, 0x80000 | RWU);
	ram_write(m->ram, table_at(1), 8, table_at(2) | BIT(45) | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	it = visit_from(m, 0, ~0ULL);
	assert_false(it.bad);
	ptiter_next(&it);
	assert_true(it.bad);
	ptiter_next(&it);
	assert_false(it.valid);
	machine_destroy(m);
}

/* One self entry: 1 + 1 + 1 + 1 entries, on four levels. */
static void test_ptiter__table_that_points_at_itself(void **state)
{
	struct machine *m = make_machine();
	char buf[512];

	ram_write(m->ram, ROOT + 511 * 8, 8, ROOT | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	assert_string_equal(trail(m, 0, ~0ULL, buf, sizeof(buf)),
			    "0:ffffff8000000000 1:ffffffffc0000000 "
			    "2:ffffffffffe00000 3:fffffffffffff000");
	machine_destroy(m);
}

/* A table outside RAM reads as ones: every entry present, and reserved. */
static void test_ptiter__table_outside_ram(void **state)
{
	struct machine *m = make_machine();
	struct ptiter it;
	unsigned bad = 0;

	ram_write(m->ram, ROOT, 8, RAM_END | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	for (it = visit_from(m, 0, ~0ULL); it.valid; ptiter_next(&it))
		bad += it.bad;
	assert_int_equal(bad, 512);
	machine_destroy(m);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

/* Fills a few tables at random; entries point at any of them. */
static void fill_tables(struct machine *m, const struct paging_mode *mode,
			uint64_t *seed)
{
	unsigned n = PAGE_SIZE / mode->entry_size;

	for (unsigned i = 0; i < 40; i++) {
		pa_t table = table_at(next_random(seed) % 8);
		pa_t target = table_at(next_random(seed) % 8);
		pa_t at = table + next_random(seed) % n * mode->entry_size;
		uint64_t flags = next_random(seed) & 0x1c7;

		if (next_random(seed) % 4 == 0)
			flags |= PTE_XD;

		ram_write(m->ram, at, mode->entry_size, target | flags);
	}
	for (unsigned i = 0; i < 4; i++) /* loadable as PDPTEs too */
		ram_write(m->ram, ROOT + 8 * i, 8,
			  table_at(i + 1) | (mode->pdpte_regs ? 1 : RWU));
}

/* What the cursor says of a leaf must be what a walk to it says. */
static void check_leaf(struct machine *m, const struct ptiter *it)
{
	struct access access = { .va = it->va };
	struct walk walk;

	mmu_walk(&m->cpu->mmu, m->ram, &access, &walk);
	assert_int_equal(walk.nsteps, it->level + 1);
	assert_int_equal(walk.step[it->level].entry, it->entry);
	assert_int_equal(walk.step[it->level].entry_pa, it->entry_pa);
	assert_int_equal(walk.step[it->level].index, it->index);
	assert_int_equal(walk.fault.reason == FAULT_RESERVED, it->bad);
	if (!it->bad)
		assert_memory_equal(&walk.rights, &it->rights,
				    sizeof(walk.rights));
}

/* Leaves below @level in the table at @pa, counted the recursive way. */
static unsigned long count(struct machine *m, unsigned level, pa_t pa)
{
	const struct mmu *mmu = &m->cpu->mmu;
	const struct paging_mode *mode = mmu->mode;
	unsigned long n = 0;

	for (unsigned i = 0; i < 1U << mode->level[level].bits; i++) {
		uint64_t entry = ram_read(m->ram, pa + i * mode->entry_size,
					  mode->entry_size);
		bool leaf = paging_is_leaf(mode, level, entry, mmu->pse);

		if (!(entry & PTE_P))
			continue;
		if (leaf)
			n++;
		else if (!(entry & mmu->level[level].table_rsvd))
			n += count(m, level + 1,
				   paging_target(mode, level, entry, false));
	}
	return n;
}

static void test_ptiter__random_trees_agree_with_walks(void **state)
{
	uint64_t seed = 1;

	for (unsigned round = 0; round < 60; round++) {
		enum paging_mode_id id = PAGING_32 + round % 4;
		struct machine *m = make_machine();
		unsigned long leaves = 0, visited = 0;
		va_t before = 0;
		struct ptiter it;

		fill_tables(m, &paging_modes[id], &seed);
		enable_paging(m->cpu, id, id == PAGING_32 ? CR4_PSE : 0);
		for (it = visit_from(m, 0, ~0ULL); it.valid; ptiter_next(&it)) {
			assert_true(it.va >= before);
			before = it.va;
			leaves += it.leaf;
			if (visited++ < 5000 && (it.leaf || it.bad))
				check_leaf(m, &it);
		}
		assert_int_equal(leaves, count(m, 0, mmu_root(&m->cpu->mmu)));
		machine_destroy(m);
	}
}

/* The leaves of a run, one by one, are those that single steps visit. */
static void check_run(const struct ptrun *run, struct ptiter *it)
{
	const struct paging_mode *mode = it->mmu->mode;
	unsigned shift = mode->level[run->level].shift;

	for (uint64_t i = 0; i < run->n; i++) {
		assert_true(it->valid && it->leaf);
		assert_int_equal(it->va, run->va + (i << shift));
		assert_int_equal(it->index, run->index + i);
		assert_int_equal(it->bad, run->bad);
		assert_int_equal(it->rights.bits, run->rights.bits);
		assert_true(paging_target(mode, it->level, it->entry, true) ==
			    run->pa + i * run->stride);
		ptiter_next(it);
	}
}

static void test_ptiter__runs_are_single_steps_put_together(void **state)
{
	uint64_t seed = 5;

	for (unsigned round = 0; round < 40; round++) {
		enum paging_mode_id id = PAGING_32 + round % 4;
		struct machine *m = make_machine();
		struct ptiter it, single;
		struct ptrun run;
		unsigned left = 20000;

		fill_tables(m, &paging_modes[id], &seed);
		for (pa_t pa = 0; pa < 0x8000; pa += 64) /* make some runs */
			for (unsigned i = 1; i < 4; i++)
				ram_write(m->ram, pa + 8 * i, 8,
					  ram_read(m->ram, pa, 8) + i * 0x1000);
		enable_paging(m->cpu, id, id == PAGING_32 ? CR4_PSE : 0);
		single = it = visit_from(m, 0, ~0ULL);
		while (it.valid && left--) {
			if (it.leaf) {
				ptiter_run(&it, it.va + (round % 3) * 0x2000 - 1,
					   &run);
				check_run(&run, &single);
			} else {
				ptiter_next(&it);
				ptiter_next(&single);
			}
			assert_int_equal(it.valid, single.valid);
			assert_int_equal(it.va, single.va);
			assert_int_equal(it.entry_pa, single.entry_pa);
		}
		machine_destroy(m);
	}
}

#define VA 0x400000

static void test_ptiter__run_ends_where_it_should(void **state)
{
	static const struct {
		uint64_t pte[4];
		va_t last;
		uint64_t n, stride;
	} row[] = {
		{ { 0x5067, 0x6067, 0x7067, 0 }, ~0ULL, 3, 0x1000 },
		{ { 0x5067, 0x6067, 0x7067, 0 }, VA + 0x1fff, 2, 0x1000 },
		{ { 0x5067, 0x6027, 0x7067, 0 }, ~0ULL, 1, 0 },
		{ { 0x5067, 0x5067, 0x5067, 0x6067 }, ~0ULL, 3, 0 },
		{ { 0x5067, 0x6067, 0x6067, 0 }, ~0ULL, 2, 0x1000 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
		struct machine *m = make_machine();
		struct ptiter it;
		struct ptrun run;

		for (unsigned j = 0; j < 4; j++)
			map(m->cpu, &paging_modes[PAGING_4LEVEL],
			    VA + j * PAGE_SIZE, 3, row[i].pte[j]);
		enable_paging(m->cpu, PAGING_4LEVEL, 0);
		for (it = visit_from(m, 0, ~0ULL); !it.leaf;)
			ptiter_next(&it);
		ptiter_run(&it, row[i].last, &run);
		assert_int_equal(run.n, row[i].n);
		assert_int_equal(run.stride, row[i].stride);
		assert_int_equal(run.pa, 0x5000);
		machine_destroy(m);
	}
}

/*
 * Frames rise past MAXPHYADDR: entries beyond it have a reserved bit, and are
 * bad on their own, not part of the good run before them.
 */
static void test_ptiter__run_ends_at_maxphyaddr(void **state)
{
	uint64_t top = BIT(all_features.maxphyaddr);
	struct machine *m = make_machine();
	struct ptiter it, single;
	struct ptrun run;
	unsigned bad = 0;

	for (unsigned i = 0; i < 4; i++)
		map(m->cpu, &paging_modes[PAGING_4LEVEL], VA + i * PAGE_SIZE, 3,
		    (top - 2 * PAGE_SIZE + i * PAGE_SIZE) | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	for (it = visit_from(m, 0, ~0ULL); !it.leaf;)
		ptiter_next(&it);
	single = it;
	while (it.valid) {
		ptiter_run(&it, ~0ULL, &run);
		check_run(&run, &single);
		bad += run.bad;
	}
	assert_int_equal(bad, 2);
	machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ptiter__address_order_over_both_halves),
		cmocka_unit_test(test_ptiter__limits_are_inclusive),
		cmocka_unit_test(test_ptiter__ends_at_4g),
		cmocka_unit_test(test_ptiter__pae_starts_from_registers),
		cmocka_unit_test(test_ptiter__paging_off_is_over_at_once),
		cmocka_unit_test(test_ptiter__skip_does_not_go_below),
		cmocka_unit_test(
			test_ptiter__bad_entries_are_shown_not_entered),
		cmocka_unit_test(test_ptiter__table_that_points_at_itself),
		cmocka_unit_test(test_ptiter__table_outside_ram),
		cmocka_unit_test(test_ptiter__random_trees_agree_with_walks),
		cmocka_unit_test(
			test_ptiter__runs_are_single_steps_put_together),
		cmocka_unit_test(test_ptiter__run_ends_where_it_should),
		cmocka_unit_test(test_ptiter__run_ends_at_maxphyaddr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

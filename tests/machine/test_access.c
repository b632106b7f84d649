/*
 * test_access.c - loads and stores that cross a page boundary: both pages
 * are checked first, the lower before the upper one, and a fault in either
 * leaves everything as it was.
 */
#include "fixture.h"

#define VA    0x400000 /* of the upper page; the lower has another PDE */
#define LOWER (VA - PAGE_SIZE)
#define LOW   0x80000ULL /* the physical pages */
#define HIGH  0x90000ULL
#define SPLIT 3 /* bytes in the lower page, of LEN */
#define LEN   8

static const enum paging_mode_id modes[] = { PAGING_32, PAGING_PAE,
					     PAGING_4LEVEL, PAGING_5LEVEL };

static struct machine *make(enum paging_mode_id id, unsigned config)
{
	struct ram_region map = { 0, RAM_END, RAM_USABLE, true };
	struct cpu_features f = all_features;
	struct machine *m;

	f.tlb = tlb_configs[config];
	m = machine_create(&map, 1, 1, &f);
	assert_non_null(m);
	for (unsigned i = 0; paging_modes[id].pdpte_regs && i < 4; i++)
		ram_write(m->ram, ROOT + 8 * i, 8, table_at(1) | PTE_P);
	enable_paging(m->cpu, id, 0);
	return m;
}

static unsigned leaf_level(const struct cpu *cpu)
{
	return cpu->mmu.mode->nlevels - 1;
}

static void map_page(struct cpu *cpu, va_t va, uint64_t leaf)
{
	map(cpu, cpu->mmu.mode, va, leaf_level(cpu), leaf);
}

/* A load for reads and fetches, else a store. */
static bool move(struct cpu *cpu, const struct access *a, void *buf, size_t len,
		 struct fault *fault)
{
	if (a->kind == ACCESS_WRITE)
		return mmu_store(cpu, a, buf, len, fault);
	return mmu_load(cpu, a, buf, len, fault);
}

/* The bytes of physical memory at @pa. */
static void assert_ram(struct machine *m, pa_t pa, const void *want, size_t len)
{
	uint8_t got[64];

	ram_copy_out(m->ram, pa, got, len);
	assert_memory_equal(got, want, len);
}

/* --- what goes through ------------------------------------------------------
 */

/* Stores and loads @len bytes, @below of them in the lower page. */
static void cross(struct machine *m, va_t lower, unsigned below, unsigned len)
{
	struct access a = { .va = lower + PAGE_SIZE - below,
			    .kind = ACCESS_WRITE,
			    .user = true };
	struct fault fault;
	uint8_t in[64], out[64] = { 0 };

	for (unsigned i = 0; i < len; i++)
		in[i] = len + i;
	assert_true(mmu_store(m->cpu, &a, in, len, &fault));
	assert_ram(m, LOW + PAGE_SIZE - below, in, below);
	assert_ram(m, HIGH, in + below, len - below);
	a.kind = ACCESS_READ;
	assert_true(mmu_load(m->cpu, &a, out, len, &fault));
	assert_memory_equal(out, in, len);
	a.kind = ACCESS_FETCH;
	assert_true(mmu_load(m->cpu, &a, out, len, &fault));
	assert_memory_equal(out, in, len);
}

static void test_access__every_split_in_every_mode(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		struct machine *m = make(modes[i], 0);
		unsigned leaf = leaf_level(m->cpu);

		map_page(m->cpu, LOWER, LOW | RWU);
		map_page(m->cpu, VA, HIGH | RWU);
		for (unsigned len = 2; len <= 64; len++)
			for (unsigned below = 1; below < len; below++)
				cross(m, LOWER, below, len);
		assert_int_equal(entry_of(m->cpu, LOWER, leaf),
				 LOW | RWU | PTE_A | PTE_D);
		assert_int_equal(entry_of(m->cpu, VA, leaf),
				 HIGH | RWU | PTE_A | PTE_D);
		assert_int_equal(counters_faults(&m->cpu->counters), 0);
		machine_destroy(m);
	}
}

/* Each of the two pages is counted once, and each entry that is written to. */
static void test_access__a_crossing_counts_two_pages(void **state)
{
	struct machine *m = make(PAGING_4LEVEL, 0);
	struct cpu_counters *n = &m->cpu->counters;
	struct access a = { .va = VA - SPLIT, .kind = ACCESS_WRITE };
	struct fault fault;
	uint64_t word = 0;

	map_page(m->cpu, LOWER, LOW | RWU);
	map_page(m->cpu, VA, HIGH | RWU);
	assert_true(mmu_store(m->cpu, &a, &word, LEN, &fault));
	assert_int_equal(counters_misses(n), 2);
	assert_int_equal(counters_hits(n), 0);
	assert_int_equal(n->set_accessed, 6); /* two share PML4E and PDPTE */
	assert_int_equal(n->set_dirty, 2);
	assert_true(mmu_store(m->cpu, &a, &word, LEN, &fault));
	assert_int_equal(counters_misses(n), 2);
	assert_int_equal(counters_hits(n), 2);
	assert_int_equal(n->set_accessed, 6);
	machine_destroy(m);
}

/* Both halves in one large page: the second is served by the first's fill. */
static void test_access__crossing_within_a_large_page(void **state)
{
	struct machine *m = make(PAGING_4LEVEL, 0);
	struct access a = { .va = VA + PAGE_SIZE - SPLIT };
	struct fault fault;
	uint8_t word[LEN];

	map(m->cpu, m->cpu->mmu.mode, VA, 2, BIT(21) | PTE_PS | RWU);
	ram_copy_in(m->ram, BIT(21) + PAGE_SIZE - SPLIT, "abcdefgh", LEN);
	assert_true(mmu_load(m->cpu, &a, word, LEN, &fault));
	assert_memory_equal(word, "abcdefgh", LEN);
	assert_int_equal(counters_misses(&m->cpu->counters), 1);
	assert_int_equal(counters_hits(&m->cpu->counters), 1);
	machine_destroy(m);
}

static void test_access__two_pages_of_one_frame(void **state)
{
	struct machine *m = make(PAGING_32, 0);
	struct access a = { .va = VA - SPLIT, .kind = ACCESS_WRITE };
	struct fault fault;

	map_page(m->cpu, LOWER, LOW | RWU);
	map_page(m->cpu, VA, LOW | RWU);
	assert_true(mmu_store(m->cpu, &a, "abcdefgh", LEN, &fault));
	assert_ram(m, LOW + PAGE_SIZE - SPLIT, "abc", 3);
	assert_ram(m, LOW, "defgh", 5);
	machine_destroy(m);
}

/* What the lower part of a store overwrites may be the upper page's entry. */
static void test_access__both_are_translated_before_a_byte_moves(void **state)
{
	struct machine *m = make(PAGING_4LEVEL, 0);
	va_t upper = VA + 511 * PAGE_SIZE;
	struct access a = { .va = upper - 8, .kind = ACCESS_WRITE };
	uint8_t bytes[16] = { [8] = 1, 2, 3, 4, 5, 6, 7, 8 };
	struct fault fault;

	map_page(m->cpu, upper - PAGE_SIZE, table_at(3) | RWU);
	map_page(m->cpu, upper, HIGH | RWU);
	assert_true(mmu_store(m->cpu, &a, bytes, 16, &fault));
	assert_int_equal(entry_of(m->cpu, upper, 3), 0);
	assert_ram(m, HIGH, bytes + 8, 8);
	machine_destroy(m);
}

static void test_access__with_paging_off(void **state)
{
	struct machine *m = make_machine();
	struct access a = { .va = LOW + PAGE_SIZE - SPLIT,
			    .kind = ACCESS_WRITE };
	struct fault fault;

	assert_true(mmu_store(m->cpu, &a, "abcdefgh", LEN, &fault));
	assert_ram(m, a.va, "abcdefgh", LEN);
	assert_int_equal(m->cpu->counters.unpaged, 2);
	machine_destroy(m);
}

/* --- the ends of address spaces
 * ----------------------------------------------- */

static void test_access__wraps_at_the_top(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		struct machine *m = make(modes[i], 0);
		va_t top = m->cpu->mmu.va_mask & PAGE_MASK;

		assert_true(top == (i < 2 ? 0xfffff000 : ~0xfffULL));
		map_page(m->cpu, top, LOW | RWU);
		map_page(m->cpu, 0, HIGH | RWU);
		cross(m, top, SPLIT, LEN);
		machine_destroy(m);
	}
}

static void test_access__fault_behind_the_top_is_at_0(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		struct machine *m = make(modes[i], 0);
		va_t top = m->cpu->mmu.va_mask & PAGE_MASK;
		struct access a = { .va = top + PAGE_SIZE - SPLIT };
		struct fault fault = { 0 };
		uint64_t word;

		map_page(m->cpu, top, LOW | RWU);
		m->cpu->cr2 = 0x1111;
		assert_false(mmu_load(m->cpu, &a, &word, LEN, &fault));
		assert_int_equal(fault.reason, FAULT_NOT_PRESENT);
		assert_int_equal(m->cpu->cr2, 0);
		machine_destroy(m);
	}
}

/* The first byte above the lower half is no address: #GP, or #SS, no #PF. */
static void test_access__across_the_canonical_boundary(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct machine *m =
			make(i & 1 ? PAGING_5LEVEL : PAGING_4LEVEL, 0);
		va_t last = (i & 1 ? BIT(56) : BIT(47)) - 1;
		struct access a = { .va = last,
				    .kind = i & 4 ? ACCESS_WRITE : ACCESS_READ,
				    .stack = i & 2 };
		struct fault fault = { 0 };
		uint64_t hash, word = 0;

		map_page(m->cpu, last & PAGE_MASK, LOW | RWU);
		m->cpu->cr2 = 0x1111;
		assert_true(move(m->cpu, &a, &word, 1, &fault));
		hash = ram_hash(m->ram);
		assert_false(move(m->cpu, &a, &word, 2, &fault));
		assert_int_equal(fault.reason, FAULT_NOT_CANONICAL);
		assert_int_equal(fault.vector, a.stack ? VEC_SS : VEC_GP);
		assert_int_equal(fault.error_code, 0);
		assert_int_equal(m->cpu->cr2, 0x1111);
		assert_true(ram_hash(m->ram) == hash);
		machine_destroy(m);
	}
}

/* --- faults -----------------------------------------------------------------
 */

struct fault_case {
	const char *name;
	uint64_t lower, upper; /* leaf entries */
	enum access_kind kind;
	bool at_upper; /* where the fault is */
	enum fault_reason reason;
	uint32_t code;
};

static const struct fault_case fault_cases[] = {
	{ "test_access__load_upper_absent", LOW | RWU, 0, ACCESS_READ, true,
	  FAULT_NOT_PRESENT, 0x4 },
	{ "test_access__store_upper_absent", LOW | RWU, 0, ACCESS_WRITE, true,
	  FAULT_NOT_PRESENT, 0x6 },
	{ "test_access__store_upper_read_only", LOW | RWU, HIGH | 0x5,
	  ACCESS_WRITE, true, FAULT_READ_ONLY, 0x7 },
	{ "test_access__load_upper_supervisor", LOW | RWU, HIGH | 0x3,
	  ACCESS_READ, true, FAULT_SUPERVISOR_PAGE, 0x5 },
	{ "test_access__load_lower_absent", 0, HIGH | RWU, ACCESS_READ, false,
	  FAULT_NOT_PRESENT, 0x4 },
	{ "test_access__store_lower_read_only", LOW | 0x5, HIGH | RWU,
	  ACCESS_WRITE, false, FAULT_READ_ONLY, 0x7 },
	{ "test_access__lower_before_upper", LOW | 0x5, 0, ACCESS_WRITE, false,
	  FAULT_READ_ONLY, 0x7 },
	{ "test_access__lower_absent_before_upper_rights", 0, HIGH | 0x5,
	  ACCESS_WRITE, false, FAULT_NOT_PRESENT, 0x6 },
};

/* All counters but those of the fault and of the walk that it ended. */
static void assert_counters(const struct cpu_counters *old,
			    const struct cpu_counters *new,
			    enum fault_reason reason)
{
	struct cpu_counters want = *old;

	want.faults[reason]++;
	memcpy(want.misses, new->misses, sizeof(want.misses));
	memcpy(want.walks, new->walks, sizeof(want.walks));
	memcpy(want.psc_hits, new->psc_hits, sizeof(want.psc_hits));
	want.set_accessed = new->set_accessed; /* the lower page's */
	want.set_dirty = new->set_dirty;
	assert_memory_equal(&want, new, sizeof(want));
	assert_int_equal(counters_misses(new), counters_misses(old) + 1);
}

static void reach(struct cpu *cpu, va_t va, enum access_kind kind)
{
	struct fault fault;
	pa_t pa;

	assert_true(touch(cpu, va, kind, &pa, &fault));
}

/* The last bytes of the lower page */
static uint64_t lower_bytes(struct ram *ram)
{
	return *(uint64_t *)ram_ptr(ram, LOW + PAGE_SIZE - 8);
}

/* The lower page was translated, and its entry says so. */
static void assert_lower_used(struct cpu *cpu, const struct fault_case *c)
{
	uint64_t used = PTE_A | (c->kind == ACCESS_WRITE ? PTE_D : 0);

	assert_int_equal(entry_of(cpu, LOWER, leaf_level(cpu)) & used, used);
}

/* @warm: the lower page has been read, and is in the TLB. */
static void fault_in_mode(const struct fault_case *c, enum paging_mode_id id,
			  bool warm)
{
	struct machine *m = make(id, 0);
	struct cpu *cpu = m->cpu;
	struct access a = { .va = VA - SPLIT, .kind = c->kind, .user = true };
	uint8_t buf[LEN] = "abcdefg";
	struct fault fault = { 0 };
	struct cpu_counters before;
	uint64_t hash, bytes = lower_bytes(m->ram);

	map_page(cpu, LOWER, c->lower);
	map_page(cpu, VA, c->upper);
	if (warm && c->at_upper)
		reach(cpu, LOWER, ACCESS_READ);
	hash = ram_hash(m->ram);
	before = cpu->counters;
	assert_false(move(cpu, &a, buf, LEN, &fault));
	assert_int_equal(fault.reason, c->reason);
	assert_int_equal(fault.vector, VEC_PF);
	assert_int_equal(fault.error_code, c->code);
	assert_int_equal(fault.level, leaf_level(cpu));
	assert_int_equal(fault.cr2, c->at_upper ? VA : VA - SPLIT);
	assert_int_equal(cpu->cr2, fault.cr2);
	if (c->at_upper)
		assert_lower_used(cpu, c);
	else
		assert_true(ram_hash(m->ram) == hash); /* no A, no D */
	assert_true(lower_bytes(m->ram) == bytes);
	assert_memory_equal(buf, "abcdefg", LEN);
	assert_counters(&before, &cpu->counters, c->reason);
	machine_destroy(m);
}

static void test_access__fault_case(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		fault_in_mode(*state, modes[i], false);
		fault_in_mode(*state, modes[i], true);
	}
}

/* --- what the lower page's fill throws out
 * --------------------------------------
 */

/* A store or load over LOWER and VA, where only caches know VA. */
static void cross_stale(struct machine *m, enum access_kind kind)
{
	struct access a = { .va = VA - SPLIT, .kind = kind, .user = true };
	unsigned leaf = leaf_level(m->cpu);
	struct fault fault = { 0 };
	uint8_t buf[LEN] = "abcdefg";

	ram_copy_in(m->ram, HIGH, "defg", 5);
	ram_copy_in(m->ram, LOW + PAGE_SIZE - SPLIT, "abc", 3);
	assert_true(move(m->cpu, &a, buf, LEN, &fault));
	assert_memory_equal(buf, "abcdefg", LEN);
	assert_ram(m, HIGH, "defg", 5);
	assert_ram(m, LOW + PAGE_SIZE - SPLIT, "abc", 3);
	assert_int_equal(counters_faults(&m->cpu->counters), 0);
	assert_int_equal(entry_of(m->cpu, LOWER, leaf) & PTE_A, PTE_A);
}

/*
 * VA is in the first level of the TLB alone, in the way that goes next, and
 * absent in memory: the lower page's fill evicts it.
 */
static void test_access__lower_fill_evicts_the_upper_translation(void **state)
{
	for (enum access_kind kind = 0; kind <= ACCESS_WRITE; kind++) {
		struct machine *m = make(PAGING_4LEVEL, 1);
		struct cpu *cpu = m->cpu;
		enum tlb_level level;

		for (unsigned i = 0; i < 4; i++)
			map_page(cpu, VA + i * 4 * PAGE_SIZE, HIGH | RWU);
		map_page(cpu, LOWER, LOW | RWU);
		reach(cpu, VA, ACCESS_WRITE);
		reach(cpu, VA + 4 * PAGE_SIZE, ACCESS_READ);
		reach(cpu, VA + 8 * PAGE_SIZE, ACCESS_FETCH);
		reach(cpu, VA + 12 * PAGE_SIZE, ACCESS_FETCH);
		map_page(cpu, VA, 0);
		assert_non_null(
			tlb_lookup(&cpu->tlb, ACCESS_READ, VA, 0, &level));
		assert_int_equal(level, TLB_L1D);
		cross_stale(m, kind);
		assert_null(tlb_lookup(&cpu->tlb, ACCESS_READ, VA, 0, &level));
		machine_destroy(m);
	}
}

/* The same with VA's page table, which is in the cache of PDEs alone. */
static void test_access__lower_fill_evicts_the_upper_table(void **state)
{
	for (enum access_kind kind = 0; kind <= ACCESS_WRITE; kind++) {
		struct machine *m = make(PAGING_4LEVEL, 1);
		struct cpu *cpu = m->cpu;

		map_page(cpu, LOWER, LOW | RWU);
		map_page(cpu, VA, HIGH | RWU);
		map_page(cpu, VA + PAGE_SIZE, HIGH | RWU);
		map_page(cpu, VA + (4 << 20) + PAGE_SIZE, HIGH | RWU);
		reach(cpu, VA + PAGE_SIZE, ACCESS_READ);
		reach(cpu, VA + (4 << 20) + PAGE_SIZE, ACCESS_READ);
		map(cpu, cpu->mmu.mode, VA, 2, 0);
		assert_non_null(psc_lookup(&cpu->psc, &cpu->mmu, 2, VA));
		cross_stale(m, kind);
		assert_null(psc_lookup(&cpu->psc, &cpu->mmu, 2, VA));
		assert_int_equal(ram_read(m->ram, table_at(3), 8),
				 HIGH | RWU | PTE_A |
					 (kind == ACCESS_WRITE ? PTE_D : 0));
		machine_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest single[] = {
		cmocka_unit_test(test_access__every_split_in_every_mode),
		cmocka_unit_test(test_access__a_crossing_counts_two_pages),
		cmocka_unit_test(test_access__crossing_within_a_large_page),
		cmocka_unit_test(test_access__two_pages_of_one_frame),
		cmocka_unit_test(
			test_access__both_are_translated_before_a_byte_moves),
		cmocka_unit_test(test_access__with_paging_off),
		cmocka_unit_test(test_access__wraps_at_the_top),
		cmocka_unit_test(test_access__fault_behind_the_top_is_at_0),
		cmocka_unit_test(test_access__across_the_canonical_boundary),
		cmocka_unit_test(
			test_access__lower_fill_evicts_the_upper_translation),
		cmocka_unit_test(
			test_access__lower_fill_evicts_the_upper_table),
	};
	struct CMUnitTest tests[ARRAY_SIZE(single) + ARRAY_SIZE(fault_cases)];
	unsigned n = ARRAY_SIZE(single);

	memcpy(tests, single, sizeof(single));
	for (unsigned i = 0; i < ARRAY_SIZE(fault_cases); i++)
		tests[n++] = (struct CMUnitTest){
			fault_cases[i].name,
			test_access__fault_case,
			NULL,
			NULL,
			(void *)&fault_cases[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_tlb_properties.c - what caches may do and what they may not, over
 * random tables, edits, accesses, invalidations and CPU switches.
 *
 * 1. An access ends as some path through the tables says whose entries all
 *    were in memory since the last flush that covers them. After a
 *    sufficient invalidation that is the present path alone.
 * 2. A machine with caches and one without agree on every access, and on
 *    every byte of memory, as long as software invalidates what it changes.
 *
 * For the first, the test keeps every value that an entry ever had, with the
 * step at which it came, and for each CPU, PCID and address the step since
 * when a leaf entry, and the entries above it, may have been cached. Paths
 * are tried out with the dullest walk there is. Flags A and D do not count.
 */
#include "fixture.h"

#include <stdio.h>

#define CPUS	2
#define ROOTS	2	/* PCID 1 and 2 in IA-32e mode */
#define PRIVATE 2	/* tables a level for the private slots */
#define TABLES	3	/* and one below the shared slot, with global pages */
#define SLOTS	3	/* indexes in use of each table; the last is global */
#define MAX_VAS 81
#define DATA	0x40000000ULL

/* --- random numbers -------------------------------------------------------- */
static uint64_t seed;

static uint64_t random_below(uint64_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % n;
}

static bool chance(unsigned percent)
{
	return random_below(100) < percent;
}

/* --- the tables: slot s of table t of a level ------------------------------ */
struct world {
	struct machine *m;
	const struct paging_mode *mode;
	bool pcids;
	unsigned step;
	va_t va[MAX_VAS];
	unsigned nvas;
	/* Each value of each entry, and when it came. */
	struct past {
		unsigned n;
		struct { unsigned step; uint64_t value; } at[512];
	} past[PAGING_MAX_LEVELS][TABLES][SLOTS];
	/* Since when what is cached may have been cached. */
	unsigned leaf_since[CPUS][ROOTS][MAX_VAS];
	unsigned global_since[CPUS][MAX_VAS];
	unsigned path_since[CPUS][ROOTS][MAX_VAS];
};

static unsigned slot_index(const struct world *w, unsigned level, unsigned slot)
{
	unsigned last = (1U << w->mode->level[level].bits) - 1;

	return slot + 1 < SLOTS ? slot : last;
}

static pa_t table_pa(const struct world *w, unsigned level, unsigned table)
{
	return 0x10000 + (level * TABLES + table) * PAGE_SIZE;
}

static pa_t slot_pa(const struct world *w, unsigned level, unsigned table,
		    unsigned slot)
{
	return table_pa(w, level, table) +
	       slot_index(w, level, slot) * w->mode->entry_size;
}

/* In the upper part of the address space all roots agree. */
static bool is_shared(unsigned level, unsigned slot)
{
	return level == 0 && slot == SLOTS - 1;
}

static uint64_t random_entry(const struct world *w, unsigned level,
			     unsigned table, unsigned slot)
{
	bool last = level + 1U == w->mode->nlevels;
	bool shared = is_shared(level, slot) || (level && table == PRIVATE);
	unsigned next = shared ? PRIVATE : random_below(PRIVATE);
	uint64_t v = PTE_P | PTE_US | (chance(80) ? PTE_RW : 0);
	unsigned shift = w->mode->level[level].shift;

	if (level == 0 && w->mode->pdpte_regs)
		return PTE_P | table_pa(w, 1, shared ? PRIVATE : slot);
	if (chance(8))
		return 0;
	if (chance(10))
		v &= ~PTE_US;
	if (w->mode->has_xd && chance(10))
		v |= PTE_XD;
	if (!last && !(level + 2U == w->mode->nlevels && chance(25)))
		return v | table_pa(w, level + 1, next);
	if (shared && chance(80))
		v |= PTE_G;
	if (!last)
		v |= PTE_PS;
	return v | DATA | random_below(4) << shift;
}

static void store(struct world *w, unsigned level, unsigned table,
		  unsigned slot, uint64_t v)
{
	struct past *p = &w->past[level][table][slot];

	ram_write(w->m->ram, slot_pa(w, level, table, slot),
		  w->mode->entry_size, v);
	if (p->n == ARRAY_SIZE(p->at)) { /* the older half is long flushed */
		p->n /= 2;
		memcpy(p->at, p->at + p->n, p->n * sizeof(*p->at));
	}
	p->at[p->n].step = w->step;
	p->at[p->n++].value = v;
}

/* Only there are global pages: they are the same in all address spaces. */
static bool is_global_va(const struct world *w, va_t va)
{
	return paging_index(w->mode, 0, va) == slot_index(w, 0, SLOTS - 1);
}

static void edit(struct world *w, unsigned level, unsigned table, unsigned slot)
{
	uint64_t v = random_entry(w, level, table, slot);

	store(w, level, table, slot, v);
	for (unsigned root = 0; is_shared(level, slot) && root < ROOTS; root++)
		if (root != table)
			store(w, 0, root, slot, v);
}

static void make_addresses(struct world *w)
{
	unsigned n = w->mode->nlevels, combos = 1;

	for (unsigned i = 0; i < n; i++)
		combos *= SLOTS;
	for (unsigned c = 0; c < combos; c++) {
		unsigned rest = c;
		va_t va = 0;

		for (unsigned level = 0; level < n; level++, rest /= SLOTS)
			va |= (va_t)slot_index(w, level, rest % SLOTS)
			      << w->mode->level[level].shift;
		if (w->nvas < MAX_VAS && (combos <= MAX_VAS || chance(33)))
			w->va[w->nvas++] = paging_canonical(w->mode, va);
	}
}

/* --- the oracle: every path that may have been cached ----------------------- */
struct wanted {
	const struct world *w;
	const struct access *access;
	unsigned path_since, leaf_since;
	const struct walk *seen;	/* the outcome to be explained */
};

/* Does this chain of entries explain the outcome? */
static bool explains(const struct wanted *q, uint64_t all, uint64_t any,
		     uint64_t leaf, unsigned level)
{
	const struct walk *s = q->seen;
	struct walk made = { .access = *q->access, .mode = q->w->mode };
	uint64_t bytes = BIT(q->w->mode->level[level].shift);
	enum fault_reason why;

	made.rights.write = all & PTE_RW;
	made.rights.user = all & PTE_US;
	made.rights.xd = any & PTE_XD;
	why = mmu_check(&q->w->m->cpu[0].mmu, &made);
	if (s->fault.reason || why)
		return s->fault.reason == why;
	return ((leaf & q->w->mode->addr_mask & ~(bytes - 1)) |
		(q->access->va & (bytes - 1))) == s->pa;
}

static bool try_level(const struct wanted *q, unsigned level, unsigned table,
		      uint64_t all, uint64_t any);

static bool try_entry(const struct wanted *q, unsigned level, uint64_t v,
		      uint64_t all, uint64_t any)
{
	uint64_t implied = q->w->mode->level[level].implied;
	bool leaf = level + 1U == q->w->mode->nlevels ||
		    ((v & PTE_PS) && q->w->mode->level[level].may_map);

	if (!(v & PTE_P))
		return q->seen->fault.reason == FAULT_NOT_PRESENT;
	all &= v | implied;
	any |= v;
	if (leaf)
		return explains(q, all, any, v, level);
	return try_level(q, level + 1,
			 ((v & 0xff000) - table_pa(q->w, level + 1, 0)) >>
				 PAGE_SHIFT,
			 all, any);
}

static bool try_level(const struct wanted *q, unsigned level, unsigned table,
		      uint64_t all, uint64_t any)
{
	unsigned index = paging_index(q->w->mode, level, q->access->va);
	unsigned slot = index < SLOTS - 1 ? index : SLOTS - 1;
	const struct past *p = &q->w->past[level][table][slot];

	for (unsigned i = p->n; i-- > 0;) {
		uint64_t v = p->at[i].value;
		bool leaf = level + 1U == q->w->mode->nlevels || (v & PTE_PS) ||
			    !(v & PTE_P);
		unsigned since = leaf ? q->leaf_since : q->path_since;
		/* It was there until the next one came. */
		bool gone = i + 1 < p->n && p->at[i + 1].step <= since;

		if (!gone && try_entry(q, level, v, all, any))
			return true;
		if (p->at[i].step <= q->path_since &&
		    p->at[i].step <= q->leaf_since)
			break;
	}
	return false;
}

/* --- one CPU's registers and flushes, as the test sees them ------------------ */
static unsigned root_of(const struct world *w, const struct cpu *cpu)
{
	return mmu_root(&cpu->mmu) != table_pa(w, 0, 0);
}

static uint64_t cr3_for(const struct world *w, unsigned root)
{
	return table_pa(w, 0, root) | (w->pcids ? root + 1 : 0);
}

static unsigned depth1_shift(const struct world *w)
{
	return w->mode->level[w->mode->nlevels - 2].shift;
}

/* What the CPU has cached of @v for @root is gone: the TLB, perhaps globals. */
static void note_page(struct world *w, unsigned cpu, unsigned root, unsigned v,
		      bool globals)
{
	w->leaf_since[cpu][root][v] = w->step;
	if (globals)
		w->global_since[cpu][v] = w->step;
}

static void note_root(struct world *w, unsigned cpu, unsigned root,
		      bool globals)
{
	for (unsigned v = 0; v < w->nvas; v++) {
		note_page(w, cpu, root, v, globals);
		w->path_since[cpu][root][v] = w->step;
	}
}

/* A page fault, or INVPCID 0: also the paging-structure caches for @v. */
static void note_address(struct world *w, unsigned cpu, unsigned root,
			 unsigned v, bool globals)
{
	unsigned shift = depth1_shift(w);

	note_page(w, cpu, root, v, globals);
	for (unsigned i = 0; i < w->nvas; i++)
		if (w->va[i] >> shift == w->va[v] >> shift)
			w->path_since[cpu][root][i] = w->step;
}

static void do_invlpg(struct world *w, unsigned c, unsigned v)
{
	unsigned root = root_of(w, &w->m->cpu[c]);

	cpu_invlpg(&w->m->cpu[c], w->va[v]);
	for (unsigned i = 0; i < w->nvas; i++)
		w->path_since[c][root][i] = w->step;
	note_page(w, c, root, v, true);
}

static void do_load_cr3(struct world *w, unsigned c, unsigned root)
{
	bool keep = w->pcids && chance(50);

	assert_null(cpu_write_cr3(&w->m->cpu[c],
				  cr3_for(w, root) | (keep ? CR3_NOFLUSH : 0)));
	if (!keep)
		for (unsigned r = 0; r < ROOTS; r++)
			if (r == root || !w->pcids)
				note_root(w, c, r, false);
}

static void do_invpcid(struct world *w, unsigned c, unsigned v)
{
	unsigned type = random_below(4), root = random_below(ROOTS);

	if (!w->pcids)
		return;
	assert_null(cpu_invpcid(&w->m->cpu[c], type, root + 1, w->va[v]));
	if (type == INVPCID_ADDRESS)
		note_address(w, c, root, v, false);
	for (unsigned r = 0; r < ROOTS; r++)
		if (type >= INVPCID_ALL ||
		    (type == INVPCID_PCID && r == root))
			note_root(w, c, r, type == INVPCID_ALL);
}

static void do_flush_all(struct world *w, unsigned c)
{
	uint64_t cr4 = w->m->cpu[c].mmu.cr4;

	assert_null(cpu_write_cr4(&w->m->cpu[c], cr4 ^ CR4_PGE));
	assert_null(cpu_write_cr4(&w->m->cpu[c], cr4));
	for (unsigned r = 0; r < ROOTS; r++)
		note_root(w, c, r, true);
}

static struct access random_access(const struct world *w, unsigned v)
{
	return (struct access){
		.va = w->va[v] + random_below(PAGE_SIZE),
		.kind = random_below(3),
		.user = chance(50),
	};
}

static void do_access(struct world *w, unsigned c, unsigned v)
{
	struct cpu *cpu = &w->m->cpu[c];
	unsigned root = root_of(w, cpu);
	struct access a = random_access(w, v);
	struct walk seen;
	struct wanted q = { w, &a, w->path_since[c][root][v],
			    w->leaf_since[c][root][v], &seen };

	if (is_global_va(w, a.va)) {	/* whoever cached it */
		if (w->global_since[c][v] < q.leaf_since)
			q.leaf_since = w->global_since[c][v];
		for (unsigned r = 0; r < ROOTS; r++)
			if (w->path_since[c][r][v] < q.path_since)
				q.path_since = w->path_since[c][r][v];
	}
	/* A leaf may have been cached by a walk that used older entries. */
	if (q.leaf_since < q.path_since)
		q.path_since = q.leaf_since;
	if (chance(20))
		mmu_access_traced(cpu, &a, &seen);
	else if (mmu_access(cpu, &a, &seen.pa, &seen.fault))
		seen.fault.reason = FAULT_NONE;
	if (!try_level(&q, 0, root, ~0ULL, 0))
		fail_msg("step %u cpu%u: 0x%llx, %s, pa 0x%llx: no such path",
			 w->step, c, (unsigned long long)a.va,
			 fault_reason_name[seen.fault.reason],
			 (unsigned long long)seen.pa);
	if (seen.fault.reason)
		note_address(w, c, root, v, true);
}

/* --- the runs ----------------------------------------------------------------- */
struct run {
	const char *name;
	enum paging_mode_id mode;
	unsigned config;	/* of tlb_configs[] */
	bool pcids;
};

static struct machine *make_with(const struct tlb_config *config)
{
	struct ram_region map = { 0, RAM_END, RAM_USABLE, true };
	struct cpu_features f = all_features;
	struct machine *m;

	f.tlb = *config;
	m = machine_create(&map, 1, CPUS, &f);
	assert_non_null(m);
	return m;
}

static void start(struct world *w, const struct run *r,
		  const struct tlb_config *config)
{
	memset(w, 0, sizeof(*w));
	w->m = make_with(config);
	w->mode = &paging_modes[r->mode];
	w->pcids = r->pcids;
	make_addresses(w);
	for (unsigned level = 0; level < w->mode->nlevels; level++)
		for (unsigned t = 0; t < (level ? TABLES : ROOTS); t++)
			for (unsigned s = 0; s < SLOTS; s++)
				edit(w, level, t, s);
	for (unsigned c = 0; c < CPUS; c++) {
		struct cpu *cpu = &w->m->cpu[c];

		enable_paging(cpu, r->mode, CR4_PGE | CR4_PSE);
		assert_null(cpu_write_cr3(cpu, table_pa(w, 0, 0)));
		if (r->pcids)
			assert_null(cpu_write_cr4(cpu, cpu->mmu.cr4 |
							       CR4_PCIDE));
		assert_null(cpu_write_cr3(cpu, cr3_for(w, 0)));
	}
}

static void random_edit(struct world *w)
{
	unsigned first = w->mode->pdpte_regs ? 1 : 0;
	unsigned level = first + random_below(w->mode->nlevels - first);

	edit(w, level, random_below(level ? TABLES : ROOTS),
	     random_below(SLOTS));
}

static void random_step(struct world *w)
{
	unsigned c = random_below(CPUS), v = random_below(w->nvas);
	unsigned what = random_below(100);

	w->step++;
	if (what < 60)
		do_access(w, c, v);
	else if (what < 75)
		random_edit(w);
	else if (what < 88)
		do_invlpg(w, c, v);
	else if (what < 94)
		do_load_cr3(w, c, random_below(ROOTS));
	else if (what < 98)
		do_invpcid(w, c, v);
	else
		do_flush_all(w, c);
}

static void check_counters(const struct cpu *cpu)
{
	const struct cpu_counters *n = &cpu->counters;
	uint64_t walks = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(n->walks); i++)
		walks += n->walks[i];
	assert_int_equal(walks, counters_misses(n));
}

static void test_tlb__uses_only_what_was_there(void **state)
{
	const struct run *r = *state;
	static struct world w;

	seed = 1;
	start(&w, r, &tlb_configs[r->config]);
	for (unsigned i = 0; i < 40000; i++)
		random_step(&w);
	for (unsigned c = 0; c < CPUS; c++)
		check_counters(&w.m->cpu[c]);
	machine_destroy(w.m);
}

/* Tells both CPUs of a change that may concern every address. */
static void invalidate_properly(struct world *w)
{
	struct shootdown all = { SHOOTDOWN_ALL, 0 };

	for (unsigned c = 0; c < CPUS; c++)
		cpu_forget(&w->m->cpu[c], &all);
}

static void same_access(struct world *with, struct world *without, unsigned c,
			unsigned v)
{
	struct access a = random_access(with, v);
	uint64_t x = random_below(1000), y = x;
	struct fault f = { 0 }, g = { 0 };
	bool ok;

	if (a.kind == ACCESS_WRITE) {
		ok = mmu_store(&with->m->cpu[c], &a, &x, 8, &f);
		assert_int_equal(ok,
				 mmu_store(&without->m->cpu[c], &a, &y, 8, &g));
	} else {
		ok = mmu_load(&with->m->cpu[c], &a, &x, 8, &f);
		assert_int_equal(ok,
				 mmu_load(&without->m->cpu[c], &a, &y, 8, &g));
		assert_int_equal(x, y);
	}
	assert_int_equal(f.reason, g.reason);
	assert_int_equal(f.error_code, g.error_code);
	assert_int_equal(with->m->cpu[c].cr2, without->m->cpu[c].cr2);
}

static void same_step(struct world *with, struct world *without)
{
	unsigned c = random_below(CPUS), what = random_below(100);
	uint64_t before = seed;

	if (what < 90) {
		same_access(with, without, c, random_below(with->nvas));
	} else if (what < 95) {
		random_edit(with);
		seed = before;
		random_edit(without);
		invalidate_properly(with);
	} else {
		unsigned root = random_below(ROOTS);

		assert_null(cpu_write_cr3(&with->m->cpu[c],
					  cr3_for(with, root) |
						  (with->pcids ? CR3_NOFLUSH
							       : 0)));
		assert_null(cpu_write_cr3(&without->m->cpu[c],
					  cr3_for(without, root)));
	}
}

static void test_tlb__shows_only_in_the_counters(void **state)
{
	const struct run *r = *state;
	static struct world with, without;

	seed = 7;
	start(&with, r, &tlb_configs[r->config]);
	seed = 7;
	start(&without, r, &tlb_configs[2]);
	assert_string_equal(tlb_configs[2].name, "none");
	for (unsigned i = 0; i < 20000; i++)
		same_step(&with, &without);
	assert_true(ram_hash(with.m->ram) == ram_hash(without.m->ram));
	assert_int_equal(counters_hits(&without.m->cpu->counters), 0);
	machine_destroy(with.m);
	machine_destroy(without.m);
}

static struct run runs[] = {
	{ "32-bit, skylake", PAGING_32, 0, false },
	{ "32-bit, tiny", PAGING_32, 1, false },
	{ "PAE, skylake", PAGING_PAE, 0, false },
	{ "PAE, tiny", PAGING_PAE, 1, false },
	{ "4-level, skylake", PAGING_4LEVEL, 0, false },
	{ "4-level, skylake, PCIDs", PAGING_4LEVEL, 0, true },
	{ "4-level, tiny, PCIDs", PAGING_4LEVEL, 1, true },
	{ "5-level, skylake, PCIDs", PAGING_5LEVEL, 0, true },
	{ "5-level, tiny", PAGING_5LEVEL, 1, false },
};

int main(void)
{
	struct CMUnitTest tests[2 * ARRAY_SIZE(runs)];
	static char name[2 * ARRAY_SIZE(runs)][80];

	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
		struct run *r = &runs[i / 2];

		snprintf(name[i], sizeof(name[i]), "test_tlb__%s (%s)",
			 i % 2 ? "shows_only_in_the_counters"
			       : "uses_only_what_was_there",
			 r->name);
		tests[i] = (struct CMUnitTest){
			.name = name[i],
			.test_func = i % 2 ? test_tlb__shows_only_in_the_counters
					   : test_tlb__uses_only_what_was_there,
			.initial_state = r,
		};
	}
	return cmocka_run_group_tests_name("tlb_properties", tests, NULL, NULL);
}

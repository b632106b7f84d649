/*
 * test_rights.c - who may access what, over all combinations of the page's
 * rights, the CPU's registers and the access, in all modes.
 *
 * They are run against oracle(), which is written from the prose of the
 * SDM's sections "Access Rights", "Protection Keys" and "Page-Fault
 * Exceptions", sentence by sentence, and shares nothing with mmu.c. An
 * access must end the same by a walk from the root, by one from the
 * paging-structure caches, by a hit in either level of the TLB, and as the
 * pure questions foretell it.
 */
#include <stdio.h>

#include "fixture.h"

#define VA   0x400000
#define PAGE 0x80000 /* the physical page at VA */
#define KEY  7

struct combo {
	bool write, user_page, xd;		/* the page */
	bool wp, smep, smap, nxe, pke, pks, ac; /* the CPU */
	unsigned key_bits;			/* AD, WD */
	bool cpl3, implicit;
	enum access_kind kind;
	enum paging_mode_id mode;
	unsigned at; /* the level that withholds what the page has not */
};

static struct combo combo_of(unsigned n)
{
	return (struct combo){
		.write = n & 1,
		.user_page = n & 2,
		.xd = n & 4,
		.wp = n & 8,
		.smep = n & 0x10,
		.smap = n & 0x20,
		.nxe = n & 0x40,
		.pke = n & 0x80,
		.pks = n & 0x100,
		.ac = n & 0x200,
		.key_bits = n >> 10 & 3,
		.cpl3 = n & 0x1000,
		.implicit = n & 0x2000,
		.kind = n >> 14 & 3,
	};
}

#define NCOMBOS (1U << 16)

static bool is_ia32e(const struct combo *c)
{
	return c->mode == PAGING_4LEVEL || c->mode == PAGING_5LEVEL;
}

/* Combinations that there are not, with the reason. */
static bool is_legal(const struct combo *c)
{
	if (c->kind > ACCESS_FETCH)
		return false; /* no such kind */
	if (c->implicit && c->kind == ACCESS_FETCH)
		return false; /* fetches are never implicit */
	if (c->xd && (!c->nxe || c->mode == PAGING_32))
		return false; /* bit 63 is reserved, or not there */
	if (!is_ia32e(c) && (c->key_bits != 3 || c->pke != c->pks))
		return false; /* no keys in force: one is as good as another */
	return true;
}

/* --- the oracle ----------------------------------------------------------- */

/* The register for the other kind of page holds the opposite. */
static unsigned pkru_bits(const struct combo *c)
{
	return c->user_page ? c->key_bits : c->key_bits ^ 3;
}

static unsigned pkrs_bits(const struct combo *c)
{
	return c->user_page ? c->key_bits ^ 3 : c->key_bits;
}

/* "4-level paging and 5-level paging ... data accesses" */
static bool key_forbids(const struct combo *c, bool user_mode)
{
	bool ad = c->key_bits & 1, wd = c->key_bits & 2;

	if (!is_ia32e(c) || c->kind == ACCESS_FETCH)
		return false;
	/* "CR4.PKE ... user-mode addresses; CR4.PKS ... supervisor-mode" */
	if (c->user_page ? !c->pke : !c->pks)
		return false;
	return ad || (wd && c->kind == ACCESS_WRITE && (user_mode || c->wp));
}

static bool supervisor_data_allowed(const struct combo *c)
{
	if (c->user_page && c->smap) {
		/* "If CR4.SMAP = 1, ... explicit and EFLAGS.AC = 1" */
		if (c->implicit || !c->ac)
			return false;
	}
	if (c->kind == ACCESS_READ)
		return true;
	/* "If CR0.WP = 0, data may be written to any ... address" */
	return c->wp ? c->write : true;
}

static bool supervisor_allowed(const struct combo *c)
{
	if (c->kind != ACCESS_FETCH)
		return supervisor_data_allowed(c);
	if (c->user_page && c->smep)
		return false;
	return !c->xd;
}

static bool user_allowed(const struct combo *c)
{
	if (!c->user_page)
		return false;
	if (c->kind == ACCESS_READ)
		return true;
	if (c->kind == ACCESS_WRITE)
		return c->write;
	return !c->xd;
}

/* "(1) CR4.SMEP = 1 or (2) CR4.PAE = 1 and IA32_EFER.NXE = 1" */
static bool has_id_flag(const struct combo *c)
{
	return c->smep || (c->mode != PAGING_32 && c->nxe);
}

/* The error code that the access gives, or -1 if it is allowed. */
static int oracle(const struct combo *c)
{
	bool user_mode = c->cpl3 && !c->implicit;
	bool forbidden = key_forbids(c, user_mode);
	bool allowed = user_mode ? user_allowed(c) : supervisor_allowed(c);
	int code = 0x1;

	if (allowed && !forbidden)
		return -1;
	if (c->kind == ACCESS_WRITE)
		code |= 0x2;
	if (user_mode)
		code |= 0x4;
	if (c->kind == ACCESS_FETCH && has_id_flag(c))
		code |= 0x10;
	if (forbidden)
		code |= 0x20;
	return code;
}

/* --- the machine ------------------------------------------------------------
 */

static void set_registers(struct cpu *cpu, const struct combo *c)
{
	cpu->mmu.cr0 = CR0_PG | CR0_PE | (c->wp ? CR0_WP : 0);
	cpu->mmu.cr4 = (c->mode == PAGING_32 ? 0 : CR4_PAE) |
		       (c->mode == PAGING_5LEVEL ? CR4_LA57 : 0) |
		       (c->smep ? CR4_SMEP : 0) | (c->smap ? CR4_SMAP : 0) |
		       (c->pke ? CR4_PKE : 0) | (c->pks ? CR4_PKS : 0);
	cpu->mmu.efer = (is_ia32e(c) ? EFER_LME | EFER_LMA : 0) |
			(c->nxe ? EFER_NXE : 0);
	assert_null(cpu_write_eflags(cpu, c->ac ? EFLAGS_AC : 0));
	assert_null(cpu_write_pkru(cpu, pkru_bits(c) << 2 * KEY));
	assert_null(cpu_write_pkrs(cpu, pkrs_bits(c) << 2 * KEY));
	mmu_refresh(&cpu->mmu);
	assert_int_equal(cpu->mmu.mode->id, c->mode);
}

static uint64_t entry_at(const struct combo *c, unsigned level)
{
	unsigned last = paging_modes[c->mode].nlevels - 1U;
	uint64_t entry = PTE_P | (level < last ? table_at(level + 1) : PAGE);

	if (paging_modes[c->mode].pdpte_regs && level == 0)
		return entry;
	if (c->write || level != c->at)
		entry |= PTE_RW;
	if (c->user_page || level != c->at)
		entry |= PTE_US;
	if (c->xd && level == c->at)
		entry |= PTE_XD;
	if (level == last)
		entry |= PTE_D |
			 (is_ia32e(c) ? (uint64_t)KEY << PTE_PK_SHIFT : 0);
	return entry;
}

static void build(struct ram *ram, const struct combo *c)
{
	const struct paging_mode *mode = &paging_modes[c->mode];

	for (unsigned i = 0; i < mode->nlevels; i++)
		ram_write(ram,
			  table_at(i) +
				  paging_index(mode, i, VA) * mode->entry_size,
			  mode->entry_size, entry_at(c, i));
}

static int code_of(const struct fault *fault)
{
	return fault->reason ? (int)fault->error_code : -1;
}

/* What each of the questions, and then the access itself, says. */
static void assert_outcome(struct cpu *cpu, const struct combo *c, int want)
{
	struct access access = { VA, c->kind, c->cpl3, c->implicit, false };
	struct fault fault = { 0 };
	struct translation t;
	struct walk w;
	pa_t pa = PAGE;

	mmu_probe(cpu, &access, &w);
	assert_int_equal(code_of(&w.fault), want);
	mmu_translate(&cpu->mmu, cpu->ram, &access, &w);
	assert_int_equal(code_of(&w.fault), want);
	assert_int_equal(mmu_resolve(&cpu->mmu, cpu->ram, &access, &t),
			 want < 0);
	assert_int_equal(mmu_access(cpu, &access, &pa, &fault), want < 0);
	assert_int_equal(code_of(&fault), want);
	assert_int_equal(pa, PAGE);
}

/* --- ways to a translation --------------------------------------------------
 */

struct way {
	const char *name;
	struct tlb_config config;
	bool cached; /* by a read before */
};

static const struct way ways[] = {
	{ "test_rights__walk_from_the_root", { .name = "none" }, false },
	{ "test_rights__walk_from_the_paging_structure_caches",
	  { .name = "psc", .psc = { 0, 1, 1, 1, 1 } },
	  true },
	{ "test_rights__hit_in_l1",
	  { .name = "l1",
	    .narrays = 2,
	    .array = { { TLB_L1D, 1, .ways = 1, .sets = 1 },
		       { TLB_L1I, 1, .ways = 1, .sets = 1 } } },
	  true },
	{ "test_rights__hit_in_l2",
	  { .name = "l2",
	    .narrays = 1,
	    .array = { { TLB_L2, 1, .ways = 1, .sets = 1 } } },
	  true },
};

/* L1I is filled by fetches alone: not with what may not be fetched. */
static bool needs_fetch(const struct way *way, const struct combo *c)
{
	return way->config.narrays == 2 && c->kind == ACCESS_FETCH;
}

/* An access of the supervisor that nothing forbids but XD. */
static void fill_caches(struct cpu *cpu, const struct way *way,
			const struct combo *c)
{
	struct combo filler = *c;
	struct access access = { .va = VA };
	struct fault fault;
	pa_t pa;

	if (needs_fetch(way, c))
		access.kind = ACCESS_FETCH;
	filler.smap = filler.smep = filler.pke = filler.pks = false;
	set_registers(cpu, &filler);
	assert_true(mmu_access(cpu, &access, &pa, &fault));
}

/* How often the CPU has gone the way that is meant. */
static uint64_t times(const struct cpu *cpu, const struct way *way)
{
	const struct cpu_counters *n = &cpu->counters;

	if (way->config.narrays)
		return counters_hits(n);
	if (way->cached)
		return n->psc_hits[1];
	return counters_misses(n);
}

static void run_combo(struct cpu *cpu, const struct way *way,
		      const struct combo *c)
{
	uint64_t before;

	if (c->xd && needs_fetch(way, c))
		return;
	tlb_flush_all(&cpu->tlb, true);
	psc_flush_all(&cpu->psc);
	build(cpu->ram, c);
	if (way->cached)
		fill_caches(cpu, way, c);
	set_registers(cpu, c);
	before = times(cpu, way);
	assert_outcome(cpu, c, oracle(c));
	assert_int_equal(times(cpu, way), before + 1);
}

static unsigned run_level(struct cpu *cpu, const struct way *way, unsigned at)
{
	unsigned legal = 0;

	for (unsigned n = 0; n < NCOMBOS; n++) {
		struct combo c = combo_of(n);

		c.mode = cpu->mmu.mode->id;
		c.at = at;
		if (!is_legal(&c))
			continue;
		legal++;
		run_combo(cpu, way, &c);
	}
	return legal;
}

static void test_rights__by_way(void **state)
{
	const struct way *way = *state;
	struct cpu_features f = all_features;
	struct ram_region map = { 0, BIT(20), RAM_USABLE, true };
	unsigned legal = 0;

	f.tlb = way->config;
	for (unsigned id = PAGING_32; id <= PAGING_5LEVEL; id++) {
		struct machine *m = machine_create(&map, 1, 1, &f);
		unsigned at = paging_modes[id].pdpte_regs;

		assert_non_null(m);
		build(m->ram, &(struct combo){ .mode = id });
		enable_paging(m->cpu, id, 0);
		for (; at < paging_modes[id].nlevels; at++)
			legal += run_level(m->cpu, way, at);
		machine_destroy(m);
	}
	assert_true(legal > 100000);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(ways)];

	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++)
		tests[i] = (struct CMUnitTest){
			ways[i].name, test_rights__by_way, NULL,
			NULL,	      (void *)&ways[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

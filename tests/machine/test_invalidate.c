/*
 * test_invalidate.c - what invalidations drop from the TLB and from the
 * paging-structure caches, and what they leave.
 */
#include "fixture.h"

#define VA    0x400000
#define OTHER 0x7fff00000000 /* shares no entry with VA but the root table */
#define OLD   0x80000
#define NEW   0x90000
#define MOVED 0x20000 /* the page table that the changed PDE points to */

/*
 * A 4-level machine that has read VA through a PDE, which then changed: OLD
 * as long as the PDE is cached, else NEW. The TLB has forgotten the page.
 */
static struct machine *make_stale_pde(uint64_t cr4)
{
	struct machine *m = make_machine();
	struct fault fault;
	pa_t pa = 0;

	map(m->cpu, &paging_modes[PAGING_4LEVEL], VA, 3, OLD | RWU);
	enable_paging(m->cpu, PAGING_4LEVEL, 0);
	assert_null(cpu_write_cr4(m->cpu, CR4_PAE | cr4));
	assert_true(touch(m->cpu, VA, ACCESS_READ, &pa, &fault));
	assert_int_equal(pa, OLD);
	ram_write(m->ram, MOVED, 8, NEW | RWU);
	ram_write(m->ram,
		  table_at(2) + 8 * paging_index(m->cpu->mmu.mode, 2, VA), 8,
		  MOVED | RWU);
	tlb_flush_all(&m->cpu->tlb, true);
	return m;
}

static pa_t seen(struct machine *m)
{
	struct fault fault;
	pa_t pa = 0;

	assert_true(touch(m->cpu, VA, ACCESS_READ, &pa, &fault));
	return pa;
}

enum action {
	NOTHING,
	INVLPG_OTHER,
	INVLPG_NOT_CANONICAL,
	INVPCID_OTHER,
	INVPCID_SAME,
	INVPCID_THIS,
	INVPCID_ANOTHER,
	INVPCID_NONGLOBAL,
	MOV_CR3,
	MOV_CR3_KEEP,
	CR4_TOGGLE,
	SET_SMEP,
	SET_SMAP,
	SET_PKE,
	CLEAR_PCIDE,
	CLEAR_NXE,
};

static void change_cr4(struct cpu *cpu, uint64_t changed)
{
	assert_null(cpu_write_cr4(cpu, cpu->mmu.cr4 ^ changed));
}

static void invpcid(struct cpu *cpu, unsigned type, uint64_t pcid, va_t va)
{
	assert_null(cpu_invpcid(cpu, type, pcid, va));
}

static void act(struct cpu *cpu, enum action action)
{
	switch (action) {
	case NOTHING:
		return;
	case INVLPG_OTHER:
		return cpu_invlpg(cpu, OTHER);
	case INVLPG_NOT_CANONICAL:
		return cpu_invlpg(cpu, BIT(47));
	case INVPCID_OTHER:
		return invpcid(cpu, INVPCID_ADDRESS, 0, OTHER);
	case INVPCID_SAME:
		return invpcid(cpu, INVPCID_ADDRESS, 0, VA);
	case INVPCID_THIS:
		return invpcid(cpu, INVPCID_PCID, 0, 0);
	case INVPCID_ANOTHER:
		return invpcid(cpu, INVPCID_PCID, 1, 0);
	case INVPCID_NONGLOBAL:
		return invpcid(cpu, INVPCID_ALL_NONGLOBAL, 0, 0);
	case MOV_CR3:
		assert_null(cpu_write_cr3(cpu, ROOT));
		return;
	case MOV_CR3_KEEP:
		assert_null(cpu_write_cr3(cpu, ROOT | CR3_NOFLUSH));
		return;
	case CR4_TOGGLE:
		return change_cr4(cpu, CR4_PGE);
	case SET_SMEP:
		return change_cr4(cpu, CR4_SMEP);
	case SET_SMAP:
		return change_cr4(cpu, CR4_SMAP);
	case SET_PKE:
		return change_cr4(cpu, CR4_PKE);
	case CLEAR_PCIDE:
		return change_cr4(cpu, CR4_PCIDE);
	case CLEAR_NXE:
		assert_null(cpu_write_efer(cpu, EFER_LME));
		return;
	}
}

struct psc_case {
	const char *name;
	enum action action;
	bool drops; /* the stale PDE */
};

static const struct psc_case psc_cases[] = {
	{ "test_psc__changed_pde_is_not_seen", NOTHING, false },
	{ "test_psc__invlpg_of_another_address", INVLPG_OTHER, true },
	{ "test_psc__invlpg_not_canonical_is_a_nop", INVLPG_NOT_CANONICAL,
	  false },
	{ "test_psc__invpcid_of_another_address", INVPCID_OTHER, false },
	{ "test_psc__invpcid_of_the_address", INVPCID_SAME, true },
	{ "test_psc__invpcid_of_the_pcid", INVPCID_THIS, true },
	{ "test_psc__invpcid_of_another_pcid", INVPCID_ANOTHER, false },
	{ "test_psc__invpcid_all_nonglobal", INVPCID_NONGLOBAL, true },
	{ "test_psc__mov_cr3", MOV_CR3, true },
	{ "test_psc__mov_cr3_bit_63", MOV_CR3_KEEP, false },
	{ "test_psc__pge_changes", CR4_TOGGLE, true },
	{ "test_psc__smep_set", SET_SMEP, true },
	{ "test_psc__smap_set", SET_SMAP, false },
	{ "test_psc__pke_set", SET_PKE, false },
	{ "test_psc__pcide_cleared", CLEAR_PCIDE, true },
	{ "test_psc__nxe_cleared", CLEAR_NXE, false },
};

static void test_psc__case(void **state)
{
	const struct psc_case *c = *state;
	struct machine *m = make_stale_pde(CR4_PCIDE);

	act(m->cpu, c->action);
	assert_int_equal(seen(m), c->drops ? NEW : OLD);
	machine_destroy(m);
}

/* Rights that a PDE withheld are kept with it. */
static void test_psc__rights_above_are_kept(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	pa_t pde = table_at(2) +
		   8 * paging_index(&paging_modes[PAGING_4LEVEL], 2, VA);
	struct fault fault = { 0 };
	pa_t pa = 0;

	map(cpu, &paging_modes[PAGING_4LEVEL], VA, 3, OLD | RWU);
	ram_write(m->ram, pde, 8, table_at(3) | PTE_P | PTE_US);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_true(touch(cpu, VA, ACCESS_READ, &pa, &fault));
	tlb_flush_all(&cpu->tlb, true);
	ram_write(m->ram, pde, 8, table_at(3) | RWU);
	assert_false(touch(cpu, VA, ACCESS_WRITE, &pa, &fault));
	assert_int_equal(fault.error_code, PF_P | PF_WR | PF_US);
	/* The fault dropped it: the retry sees the tables. */
	assert_true(touch(cpu, VA, ACCESS_WRITE, &pa, &fault));
	machine_destroy(m);
}

/* An XD cached before EFER.NXE was cleared forbids nothing: no flush, either.
 */
static void test_tlb__xd_cached_before_nxe_was_cleared(void **state)
{
	struct machine *m = make_machine();
	struct cpu *cpu = m->cpu;
	struct fault fault = { 0 };
	pa_t pa = 0;

	map(cpu, &paging_modes[PAGING_4LEVEL], VA, 3, OLD | RWU | PTE_XD);
	enable_paging(cpu, PAGING_4LEVEL, 0);
	assert_true(touch(cpu, VA, ACCESS_READ, &pa, &fault));
	assert_null(cpu_write_efer(cpu, EFER_LME));
	assert_true(touch(cpu, VA, ACCESS_FETCH, &pa, &fault));
	assert_int_equal(pa, OLD);
	assert_null(cpu_write_efer(cpu, EFER_LME | EFER_NXE));
	assert_false(touch(cpu, VA, ACCESS_FETCH, &pa, &fault));
	assert_int_equal(fault.reason, FAULT_XD);
	machine_destroy(m);
}

/* A shootdown of everything reaches the PCIDs that are not in force. */
static void test_shootdown__all_reaches_every_pcid(void **state)
{
	static const uint64_t cr4[] = { CR4_PCIDE, CR4_PCIDE | CR4_PGE };
	const struct shootdown all = { SHOOTDOWN_ALL, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(cr4); i++) {
		struct machine *m = make_stale_pde(cr4[i]);

		assert_null(cpu_write_cr3(m->cpu, ROOT | 1));
		cpu_forget(m->cpu, &all);
		assert_int_equal(m->cpu->mmu.cr4, CR4_PAE | cr4[i]);
		assert_null(cpu_write_cr3(m->cpu, ROOT | CR3_NOFLUSH));
		assert_int_equal(seen(m), NEW);
		machine_destroy(m);
	}
}

/* More than there is room for become one for everything. */
static void test_shootdown__waits_for_interrupts(void **state)
{
	const struct shootdown page = { SHOOTDOWN_PAGE, OTHER };
	unsigned n[] = { 1, CPU_MAX_PENDING, CPU_MAX_PENDING + 1 };

	for (unsigned i = 0; i < ARRAY_SIZE(n); i++) {
		struct machine *m = make_stale_pde(0);
		struct cpu *cpu = m->cpu;
		bool overflow = n[i] > CPU_MAX_PENDING;

		for (unsigned k = 0; k < n[i]; k++)
			assert_null(cpu_shootdown(cpu, &page));
		assert_int_equal(cpu->npending, overflow ? 1 : n[i]);
		assert_int_equal(cpu->counters.ipis, 0);
		assert_int_equal(seen(m), OLD);
		assert_null(cpu_write_eflags(cpu, EFLAGS_IF));
		assert_int_equal(cpu->npending, 0);
		assert_int_equal(cpu->counters.ipis, overflow ? 1 : n[i]);
		tlb_flush_all(&cpu->tlb, true);
		assert_int_equal(seen(m), NEW);
		assert_null(cpu_shootdown(cpu, &page));
		assert_int_equal(cpu->npending, 0);
		machine_destroy(m);
	}
}

int main(void)
{
	const struct CMUnitTest single[] = {
		cmocka_unit_test(test_psc__rights_above_are_kept),
		cmocka_unit_test(test_tlb__xd_cached_before_nxe_was_cleared),
		cmocka_unit_test(test_shootdown__all_reaches_every_pcid),
		cmocka_unit_test(test_shootdown__waits_for_interrupts),
	};
	struct CMUnitTest tests[ARRAY_SIZE(single) + ARRAY_SIZE(psc_cases)];
	unsigned n = ARRAY_SIZE(single);

	memcpy(tests, single, sizeof(single));
	for (unsigned i = 0; i < ARRAY_SIZE(psc_cases); i++)
		tests[n++] = (struct CMUnitTest){
			psc_cases[i].name,     test_psc__case, NULL, NULL,
			(void *)&psc_cases[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

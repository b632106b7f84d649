/*
 * fixture.h - a machine with every feature, and hand-made paging structures.
 */
#ifndef TESTS_MACHINE_FIXTURE_H
#define TESTS_MACHINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "machine/machine.h"

#define RAM_END (1ULL << 32)
#define ROOT	0x1000 /* the root table; lower tables follow by page */
#define RWU	(PTE_P | PTE_RW | PTE_US)

static const struct cpu_features all_features = {
	.maxphyaddr = 40,
	.pse = true,
	.pae = true,
	.pse36 = true,
	.pge = true,
	.pat = true,
	.nx = true,
	.gbpages = true,
	.lm = true,
	.smep = true,
	.smap = true,
	.pku = true,
	.pks = true,
	.pcid = true,
	.invpcid = true,
	.la57 = true,
};

static inline struct machine *make_machine(void)
{
	struct ram_region map = { 0, RAM_END, RAM_USABLE, true };
	struct machine *m = machine_create(&map, 1, 1, &all_features);

	assert_non_null(m);
	return m;
}

/* Turns on the paging mode @id with the root at ROOT. */
static inline void enable_paging(struct cpu *cpu, enum paging_mode_id id,
				 uint64_t cr4)
{
	bool ia32e = id == PAGING_4LEVEL || id == PAGING_5LEVEL;

	if (id != PAGING_32)
		cr4 |= CR4_PAE;
	if (id == PAGING_5LEVEL)
		cr4 |= CR4_LA57;
	assert_null(cpu_write_efer(cpu, EFER_NXE | (ia32e ? EFER_LME : 0)));
	assert_null(cpu_write_cr4(cpu, cr4));
	assert_null(cpu_write_cr3(cpu, ROOT));
	assert_null(cpu_write_cr0(cpu, CR0_PG | CR0_PE | CR0_WP));
	assert_int_equal(cpu->mmu.mode->id, id);
}

/* Address of the table at @level on the one path that map() makes. */
static inline pa_t table_at(unsigned level)
{
	return ROOT + level * PAGE_SIZE;
}

/*
 * Makes the path to @va down to @level, where the entry becomes @leaf. All
 * paths share one table a level.
 */
static inline void map(struct cpu *cpu, const struct paging_mode *mode, va_t va,
		       unsigned level, uint64_t leaf)
{
	for (unsigned i = 0; i <= level; i++) {
		uint64_t entry = i == level ? leaf : table_at(i + 1) | RWU;

		if (i < level && mode->pdpte_regs && i == 0)
			entry = table_at(1) | PTE_P;
		ram_write(cpu->ram,
			  table_at(i) +
				  paging_index(mode, i, va) * mode->entry_size,
			  mode->entry_size, entry);
	}
}

/* The bytes of the entry for @va at @level, as they are in memory. */
static inline uint64_t entry_of(struct cpu *cpu, va_t va, unsigned level)
{
	const struct paging_mode *mode = cpu->mmu.mode;

	return ram_read(cpu->ram,
			table_at(level) + paging_index(mode, level, va) *
						  mode->entry_size,
			mode->entry_size);
}

/* One access at CPL 3; true if it went through. */
static inline bool touch(struct cpu *cpu, va_t va, enum access_kind kind,
			 pa_t *pa, struct fault *fault)
{
	struct access access = { .va = va, .kind = kind, .user = true };

	return mmu_access(cpu, &access, pa, fault);
}

#endif

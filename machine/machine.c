/*
 * machine.c - see machine.h.
 */
#include "machine/machine.h"

#include <errno.h>
#include <stdlib.h>

#include "machine/internal.h"

struct machine *machine_create(const struct ram_region *map, unsigned nregions,
			       unsigned ncpus,
			       const struct cpu_features *features)
{
	struct machine *m;

	if (ncpus < 1 || ncpus > MACHINE_MAX_CPUS) {
		errno = EINVAL;
		return NULL;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->ram = ram_create(map, nregions);
	m->cpu = m->ram ? calloc(ncpus, sizeof(*m->cpu)) : NULL;
	if (!m->cpu) {
		machine_destroy(m);
		return NULL;
	}
	for (; m->ncpus < ncpus; m->ncpus++)
		cpu_init(&m->cpu[m->ncpus], m->ncpus, m->ram, features);
	return m;
}

void machine_destroy(struct machine *m)
{
	int saved = errno;

	if (!m)
		return;
	for (unsigned i = 0; i < m->ncpus; i++)
		cpu_deinit(&m->cpu[i]);
	free(m->cpu);
	ram_destroy(m->ram);
	free(m);
	errno = saved;
}

static uint64_t hash_memtype(const struct memtype_regs *regs, uint64_t hash)
{
	const struct mtrr *mtrr = &regs->mtrr;

	hash = hash_word(hash, regs->pat);
	hash = hash_word(hash, mtrr->def_type);
	for (unsigned i = 0; i < MTRR_NFIXED; i++)
		hash = hash_word(hash, mtrr->fixed[i]);
	for (unsigned i = 0; i < MTRR_NVARIABLE; i++) {
		hash = hash_word(hash, mtrr->variable[i].base);
		hash = hash_word(hash, mtrr->variable[i].mask);
	}
	return hash;
}

static uint64_t hash_registers(const struct cpu *cpu, uint64_t hash)
{
	const struct mmu *mmu = &cpu->mmu;

	hash = hash_word(hash, mmu->cr0);
	hash = hash_word(hash, cpu->cr2);
	hash = hash_word(hash, mmu->cr3);
	hash = hash_word(hash, mmu->cr4);
	hash = hash_word(hash, mmu->efer);
	for (unsigned i = 0; i < ARRAY_SIZE(mmu->pdpte); i++)
		hash = hash_word(hash, mmu->pdpte[i]);
	hash = hash_word(hash, mmu->pkru | (uint64_t)mmu->pkrs << 32);
	for (unsigned i = 0; i < cpu->npending; i++)
		hash = hash_word(hash, cpu->pending[i].va |
					       cpu->pending[i].kind);
	return hash_word(hash, cpu->cpl | cpu_eflags(cpu) << 8);
}

uint64_t machine_hash(const struct machine *m)
{
	uint64_t hash = ram_hash(m->ram);

	for (unsigned i = 0; i < m->ncpus; i++) {
		hash = hash_registers(&m->cpu[i], hash);
		hash = hash_memtype(&m->cpu[i].memtype, hash);
		hash = tlb_hash(&m->cpu[i].tlb, hash);
		hash = psc_hash(&m->cpu[i].psc, hash);
	}
	return hash;
}

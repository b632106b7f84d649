/*
 * access.h - memory accesses of a CPU: TLB, walk, check, A and D flags.
 *
 * An access is to one address in one page (mmu_access), to a few bytes as
 * one instruction makes it (mmu_load, mmu_store), or to many bytes as a
 * string instruction does (mmu_copy).
 *
 * Source: SDM volume 3A, "Accessed and Dirty Flags", "Caching Translation
 * Information". The accessed flags of a walk that ends in a fault are left
 * alone (the SDM leaves that open).
 */
#ifndef MACHINE_ACCESS_H
#define MACHINE_ACCESS_H

#include "machine/cpu.h"

/*
 * Makes the access on @cpu: TLB, paging-structure caches, walk, check, A and
 * D flags, fills. Returns true and the physical address in *pa, or false with
 * *fault filled in, and CR2 loaded if it is a page fault. A page fault drops
 * what the TLB and the paging-structure caches have for the address.
 */
bool mmu_access(struct cpu *cpu, const struct access *access,
		pa_t *pa, struct fault *fault);

/* As mmu_access, and what was walked; for display (walk->tlb_hit, set). */
bool mmu_access_traced(struct cpu *cpu, const struct access *access,
		       struct walk *ret);

/*
 * What mmu_access_traced() would do, TLB and all, without doing it. Changes
 * nothing: step[].set tells which flags it would set.
 */
void mmu_probe(const struct cpu *cpu, const struct access *access,
	       struct walk *ret);

/*
 * Makes the access that mmu_probe() found to succeed, as *w; *w becomes how
 * it was made. For an access to two pages: both are probed first, and what
 * the first one evicts does not matter to the second.
 */
void mmu_access_admitted(struct cpu *cpu, struct walk *w);

/*
 * One instruction's access to @len bytes (1 to 64) at access->va: a load
 * for ACCESS_READ and ACCESS_FETCH, a store for ACCESS_WRITE. If it crosses
 * a page boundary both pages are checked first, the lower one before the
 * upper one, and if either faults nothing is changed: no byte, A or D flag.
 * Returns false with *fault filled in.
 */
bool mmu_load(struct cpu *cpu, const struct access *access, void *buf,
	      size_t len, struct fault *fault);
bool mmu_store(struct cpu *cpu, const struct access *access, const void *buf,
	       size_t len, struct fault *fault);

/*
 * Reads or writes @len bytes at @va on @cpu, page after page. Returns the
 * number of bytes moved; less than @len means *fault holds why. @buf is read
 * for ACCESS_WRITE, else filled.
 */
size_t mmu_copy(struct cpu *cpu, const struct access *access, void *buf,
		size_t len, struct fault *fault);

#endif

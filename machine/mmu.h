/*
 * mmu.h - translation of linear addresses: two pure questions.
 *
 *   mmu_walk()    where does this address lead?    reads memory
 *   mmu_check()   may this access go there?        reads the walk
 *
 * The third, the access itself with TLB, A and D flags, is in access.h.
 *
 * The trace is the struct walk: each entry read is kept in it, so that the
 * shell renders it, Lua gets it as a table and tests compare it.
 *
 * Source: Intel SDM volume 3A, "Paging": "Access Rights", "Page-Fault
 * Exceptions", "Protection Keys". Where AMD differs Intel is followed: PAE's
 * PDPTEs are registers, and implicit accesses obey SMAP whatever EFLAGS.AC.
 */
#ifndef MACHINE_MMU_H
#define MACHINE_MMU_H

#include "machine/fault.h"
#include "machine/paging.h"
#include "machine/ram.h"

struct rights {		/* accumulated over all levels */
	union {
		struct { bool write : 1, user : 1, xd : 1; };
		uint8_t bits;	/* of the three: 0 to 7 */
	};
	uint8_t pk;		/* protection key of the leaf */
};

struct walk_step {
	pa_t entry_pa;		/* 0 with from_register: not read from memory */
	uint64_t entry;
	uint64_t set;		/* A and D bits that this access set */
	uint16_t index;
	uint8_t level;
	bool from_register;	/* a PDPTE register of PAE paging */
	bool leaf;
};

struct walk {
	struct access access;
	const struct paging_mode *mode;
	struct walk_step step[PAGING_MAX_LEVELS];	/* by level */
	uint8_t first;		/* level it began at: above 0 from a cache */
	uint8_t nsteps;		/* steps [first, nsteps) were taken */
	uint8_t page_shift;	/* valid if the walk reached a page */
	bool tlb_hit;		/* nothing was read: the TLB answered */
	uint8_t tlb_level;	/* enum tlb_level, with tlb_hit */
	bool global;
	struct rights rights;
	pa_t pa;		/* valid if fault.reason == FAULT_NONE */
	struct fault fault;
};

/*
 * What translation depends on besides memory. A CPU has one; an inspector
 * makes a copy and changes CR3 to look through another process' tables.
 * After changing a field call mmu_refresh().
 */
struct mmu {
	uint64_t cr0, cr3, cr4, efer;
	uint64_t pdpte[4];	/* PAE paging only */
	uint32_t pkru, pkrs;	/* rights of keys: user, supervisor pages */
	bool ac;		/* EFLAGS.AC */
	const struct cpu_features *features;	/* borrowed */
	/* Derived by mmu_refresh(): */
	const struct paging_mode *mode;
	pa_t root;
	uint64_t addr_mask;	/* mode->addr_mask */
	uint8_t unused_bits;	/* above a canonical address; 0: no such rule */
	bool pse;
	struct mmu_level {	/* what a walk needs to know of a level */
		uint64_t leaf_mask;	/* entry & this: it is a leaf */
		uint64_t table_rsvd, leaf_rsvd;
		uint64_t table_bad, leaf_bad;	/* the same, and PTE_P */
		uint64_t implied;
		uint16_t index_mask;
		uint8_t shift;
		bool may_map;
	} level[PAGING_MAX_LEVELS];
	uint64_t xd_mask;	/* PTE_XD where it means execute-disable */
	va_t va_mask;		/* linear addresses wrap here: 32 or 64 bits */
	uint16_t pcid;		/* in force: CR3[11:0] with CR4.PCIDE, else 0 */
	bool pku_on, pks_on;	/* keys of user, supervisor pages are in force */
	bool id_bit;		/* instruction fetches set I/D in error codes */
	uint8_t deny[3][4];	/* by kind and who asks: see internal.h */
};

/*
 * Recomputes mode, reserved bits and denials from CR0, CR3, CR4, EFER and
 * features. AC and PKRU take effect without it.
 */
void mmu_refresh(struct mmu *mmu);

/*
 * Sets CR3 in an inspector's copy, and the PDPTEs from memory where the mode
 * has such registers. Checks nothing.
 */
void mmu_set_root(struct mmu *mmu, const struct ram *ram, uint64_t cr3);

/* Physical address of the root table. */
static inline pa_t mmu_root(const struct mmu *mmu)
{
	return mmu->root;
}

/*
 * Follows @access through the tables. Fills *ret: all entries read, and
 * either pa, page_shift and rights, or a fault (not canonical, not present,
 * reserved bit) with its complete error code. Rights are not checked.
 * Changes nothing. With paging off no entry is read: the address is physical.
 */
void mmu_walk(const struct mmu *mmu, const struct ram *ram,
	      const struct access *access, struct walk *ret);

/*
 * May the access of @walk, which reached a page, be made? Returns the
 * reason why not, or FAULT_NONE. Changes nothing.
 */
enum fault_reason mmu_check(const struct mmu *mmu, const struct walk *walk);

/* mmu_walk and mmu_check in one, with the fault filled in: a dry run. */
void mmu_translate(const struct mmu *mmu, const struct ram *ram,
		   const struct access *access, struct walk *ret);

struct translation {
	pa_t pa;
	uint64_t entry;		/* the leaf */
	uint8_t page_shift;
	struct rights rights;
};

/*
 * As mmu_translate without the trace, for speed: false if there is a fault
 * (*ret is undefined; ask mmu_translate which), or if paging is off.
 */
bool mmu_resolve(const struct mmu *mmu, const struct ram *ram,
		 const struct access *access, struct translation *ret);

#endif

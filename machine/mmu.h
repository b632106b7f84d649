/*
 * mmu.h - the memory-management unit: three questions, three functions.
 *
 *   mmu_walk()    where does this address lead?    pure, reads memory
 *   mmu_check()   may this access go there?        pure, reads the walk
 *   mmu_access()  do it: TLB, walk, check, set A/D, fill the TLB
 *
 * The trace is the struct walk: each entry read is kept in it, so that the
 * shell renders it, Lua gets it as a table and tests compare it.
 *
 * Source: Intel SDM volume 3A, "Paging": "Access Rights", "Page-Fault
 * Exceptions", "Accessed and Dirty Flags". Accessed flags of a walk that
 * ends in a fault are left alone (the SDM leaves that open).
 */
#ifndef MACHINE_MMU_H
#define MACHINE_MMU_H

#include "machine/paging.h"
#include "machine/ram.h"

struct cpu;

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct access {
	va_t va;
	enum access_kind kind;
	bool user;	/* made at CPL 3 */
	bool implicit;	/* a supervisor access at any CPL: descriptor tables */
	bool stack;	/* through SS: non-canonical gives #SS, not #GP */
};

/* Page-fault error code, SDM "Page-Fault Exceptions". */
#define PF_P	BIT(0)
#define PF_WR	BIT(1)
#define PF_US	BIT(2)
#define PF_RSVD	BIT(3)
#define PF_ID	BIT(4)
#define PF_PK	BIT(5)
extern const struct flag_name pf_error_flags[];

#define VEC_SS	12
#define VEC_GP	13
#define VEC_PF	14

enum fault_reason {	/* why: finer than the error code */
	FAULT_NONE,
	FAULT_NOT_CANONICAL,	/* #GP or #SS */
	FAULT_NOT_PRESENT,
	FAULT_RESERVED,
	FAULT_SUPERVISOR_PAGE,	/* user access to a supervisor page */
	FAULT_READ_ONLY,	/* user write, R/W=0 */
	FAULT_WP,		/* supervisor write, R/W=0, CR0.WP=1 */
	FAULT_XD,
	FAULT_SMEP,
	FAULT_SMAP,
	FAULT_PK_AD, FAULT_PK_WD,
	FAULT_NREASONS,
};
extern const char *const fault_reason_name[FAULT_NREASONS];	/* "not present" */

struct fault {
	enum fault_reason reason;
	uint8_t vector;		/* VEC_PF, VEC_GP, VEC_SS */
	uint8_t level;		/* level index of the deciding entry */
	uint32_t error_code;
	va_t cr2;		/* what CR2 is loaded with (vector 14) */
};

struct rights {		/* accumulated over all levels */
	bool write, user, xd;
	uint8_t pk;		/* protection key of the leaf */
};

struct walk_step {
	uint8_t level;
	unsigned index;
	pa_t entry_pa;		/* 0 with from_register: not read from memory */
	bool from_register;	/* a PDPTE register of PAE paging */
	bool leaf;
	uint64_t entry;
	uint64_t set;		/* A and D bits that this access set */
};

struct walk {
	struct access access;
	const struct paging_mode *mode;
	struct walk_step step[PAGING_MAX_LEVELS];
	uint8_t nsteps;		/* steps taken; those behind hold nothing */
	uint8_t page_shift;	/* valid if the walk reached a page */
	bool tlb_hit;
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
	uint32_t pkru;
	bool ac;		/* EFLAGS.AC */
	const struct cpu_features *features;	/* borrowed */
	/* Derived by mmu_refresh(): */
	const struct paging_mode *mode;
	bool pse;
	uint64_t table_rsvd[PAGING_MAX_LEVELS], leaf_rsvd[PAGING_MAX_LEVELS];
	bool may_map[PAGING_MAX_LEVELS];
	uint64_t leaf_mask[PAGING_MAX_LEVELS];	/* entry & this: it is a leaf */
	uint64_t xd_mask;	/* PTE_XD where it means execute-disable */
	va_t va_mask;		/* linear addresses wrap here: 32 or 64 bits */
	uint16_t pcid;		/* in force: CR3[11:0] with CR4.PCIDE, else 0 */
	bool pk_on;		/* protection keys for user pages are in force */
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
pa_t mmu_root(const struct mmu *mmu);

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

/*
 * Makes the access on @cpu, to one address in one page: TLB, walk, check,
 * A and D bits, TLB fill. Returns true and the physical address in *pa, or
 * false with *fault filled in, and CR2 loaded if it is a page fault.
 */
bool mmu_access(struct cpu *cpu, const struct access *access,
		pa_t *pa, struct fault *fault);

/* As mmu_access, and what was walked; for display (walk->tlb_hit, set). */
bool mmu_access_traced(struct cpu *cpu, const struct access *access,
		       struct walk *ret);

/*
 * Reads or writes @len bytes at @va on @cpu, split at page boundaries, each
 * page translated by mmu_access. Returns the number of bytes moved; less
 * than @len means *fault holds why. @buf is read for ACCESS_WRITE, else filled.
 */
size_t mmu_copy(struct cpu *cpu, const struct access *access, void *buf,
		size_t len, struct fault *fault);

#endif

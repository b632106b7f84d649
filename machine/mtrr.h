/*
 * mtrr.h - memory type range registers: the type of each physical address.
 *
 * The first MiB has fixed ranges, ten variable ranges go anywhere, and the
 * default type is for the rest. Where variable ranges overlap UC wins, and
 * WT over WB; the SDM leaves the other pairs undefined, and here they are UC,
 * as Linux reckons (arch/x86/kernel/cpu/mtrr/generic.c).
 *
 * Source: SDM volume 3A, "Memory Type Range Registers (MTRRs)". Left out:
 * SMRRs.
 */
#ifndef MACHINE_MTRR_H
#define MACHINE_MTRR_H

#include "machine/ram.h"

enum memtype {		/* numbers as MTRRs and the PAT encode them */
	MT_UC = 0,
	MT_WC = 1,
	MT_WT = 4,
	MT_WP = 5,
	MT_WB = 6,
	MT_UC_MINUS = 7,	/* of the PAT only: UC, but an MTRR can say WC */
	MT_NUM = 8,
};
extern const char *const memtype_name[MT_NUM];	/* "UC-"; 2, 3: "reserved" */

#define MSR_MTRRCAP		0xfe
#define MSR_MTRR_PHYSBASE(n)	(0x200 + 2 * (n))
#define MSR_MTRR_PHYSMASK(n)	(0x201 + 2 * (n))
#define MSR_MTRR_DEF_TYPE	0x2ff
#define MTRR_DEF_FE	BIT(10)	/* fixed ranges enabled */
#define MTRR_DEF_E	BIT(11)	/* MTRRs enabled; if not, all is UC */
#define MTRR_VALID	BIT(11)	/* of a mask */
#define MTRR_NFIXED	11
#define MTRR_NVARIABLE	10
#define MTRR_CAP	(MTRR_NVARIABLE | BIT(8) | BIT(10))	/* FIX, WC */

struct mtrr {
	uint64_t def_type;
	uint64_t fixed[MTRR_NFIXED];	/* eight types, a byte each */
	struct { uint64_t base, mask; } variable[MTRR_NVARIABLE];
};

struct mtrr_fixed {	/* which addresses a fixed-range register is for */
	uint16_t msr;
	uint32_t start, size;	/* of the first of its eight ranges */
};
extern const struct mtrr_fixed mtrr_fixed[MTRR_NFIXED];

/*
 * As firmware sets them up before it hands over, where SeaBIOS in QEMU does:
 * WB by default, VGA memory UC, the ROM area below 1 MiB WP, and what is
 * above RAM below 4 GiB UC, in one or a few ranges.
 */
void mtrr_init(struct mtrr *mtrr, const struct ram *ram, unsigned maxphyaddr);

/*
 * RDMSR, and WRMSR of a CPU whose addresses have @maxphyaddr bits. Return
 * NULL, or the rule that makes the instruction fault with #GP(0).
 */
const char *mtrr_read(const struct mtrr *mtrr, uint32_t msr, uint64_t *ret);
const char *mtrr_write(struct mtrr *mtrr, uint32_t msr, uint64_t value,
		       unsigned maxphyaddr);

/* The type of @pa. */
enum memtype mtrr_type(const struct mtrr *mtrr, pa_t pa);

/* Have all addresses of [@start, @start + @size) the same type? */
bool mtrr_uniform(const struct mtrr *mtrr, pa_t start, uint64_t size);

#endif

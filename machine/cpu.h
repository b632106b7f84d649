/*
 * cpu.h - one logical processor: features, registers, TLB, counters.
 *
 * Control registers are loaded by cpu_write_*(), which refuse with #GP what
 * the SDM says the instruction refuses, and flush what it flushes. Source:
 * SDM volume 3A, "Control Registers", "Paging-Mode Enabling", "Invalidation
 * of TLBs and Paging-Structure Caches".
 */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include "machine/mmu.h"
#include "machine/tlb.h"

#define CR0_PE	BIT(0)
#define CR0_ET	BIT(4)
#define CR0_WP	BIT(16)
#define CR0_NW	BIT(29)
#define CR0_CD	BIT(30)
#define CR0_PG	BIT(31)
#define CR3_NOFLUSH BIT(63)	/* with CR4.PCIDE: MOV to CR3 flushes nothing */
#define CR4_PSE	BIT(4)
#define CR4_PAE	BIT(5)
#define CR4_PGE	BIT(7)
#define CR4_LA57 BIT(12)
#define CR4_PCIDE BIT(17)
#define CR4_SMEP BIT(20)
#define CR4_SMAP BIT(21)
#define CR4_PKE	BIT(22)
#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)
extern const struct flag_name cr0_flags[], cr4_flags[], efer_flags[];

struct cpu_features {	/* what CPUID would say */
	uint8_t maxphyaddr;	/* 32 to 52 */
	bool pse, pae, pse36, pge, pat, nx, gbpages, lm, smep, smap, pku,
	     pcid, la57;
};

struct cpu_counters {
	uint64_t accesses, tlb_hits, tlb_misses, walk_refs, faults, flushes;
};

struct cpu {
	unsigned id;
	struct ram *ram;		/* borrowed from the machine */
	struct cpu_features features;
	struct mmu mmu;			/* CR0, CR3, CR4, EFER, PDPTEs, AC, PKRU */
	va_t cr2;
	uint8_t cpl;
	struct tlb tlb;
	struct cpu_counters counters;
};

/* A CPU after reset: paging off, CPL 0. @ram is borrowed. */
void cpu_init(struct cpu *cpu, unsigned id, struct ram *ram,
	      const struct cpu_features *features);
void cpu_deinit(struct cpu *cpu);

/*
 * MOV to CR0, CR3, CR4 and WRMSR to EFER. Return NULL, or the rule that
 * makes the instruction fault with #GP(0): a static string; then nothing
 * has changed.
 */
const char *cpu_write_cr0(struct cpu *cpu, uint64_t value);
const char *cpu_write_cr3(struct cpu *cpu, uint64_t value);
const char *cpu_write_cr4(struct cpu *cpu, uint64_t value);
const char *cpu_write_efer(struct cpu *cpu, uint64_t value);

/* INVLPG: forgets translations of @va on this CPU. */
void cpu_invlpg(struct cpu *cpu, va_t va);

/*
 * INVPCID of type @type, with its descriptor in @pcid and @va. Returns NULL,
 * or the rule that makes it fault with #GP(0).
 */
enum { INVPCID_ADDRESS, INVPCID_PCID, INVPCID_ALL, INVPCID_ALL_NONGLOBAL };
const char *cpu_invpcid(struct cpu *cpu, unsigned type, uint16_t pcid, va_t va);

/* The PCID in force: CR3[11:0] with CR4.PCIDE, else 0. */
uint16_t cpu_pcid(const struct cpu *cpu);

#endif

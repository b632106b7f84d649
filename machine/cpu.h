/*
 * cpu.h - one logical processor: features, registers, caches, counters.
 *
 * Registers are loaded by cpu_write_*(), which refuse with #GP what the SDM
 * says the instruction refuses, and flush what it flushes, not more. Source:
 * SDM volume 3A, "Control Registers", "Paging-Mode Enabling", "Operations
 * that Invalidate TLBs and Paging-Structure Caches".
 *
 * Simplified: there are no code segments, so what depends on CS.L is not
 * checked (clearing CR0.PG in 64-bit mode is #GP on a real CPU, in
 * compatibility mode it is not).
 */
#ifndef MACHINE_CPU_H
#define MACHINE_CPU_H

#include "machine/counters.h"
#include "machine/memtype.h"
#include "machine/psc.h"

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
#define CR4_PKS	BIT(24)
#define EFLAGS_IF BIT(9)
#define EFLAGS_AC BIT(18)
#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)
extern const struct flag_name cr0_flags[], cr4_flags[], efer_flags[],
	eflags_flags[];

struct cpu_features {	/* what CPUID would say */
	uint8_t maxphyaddr;	/* 32 to 52 */
	bool pse, pae, pse36, pge, pat, nx, gbpages, lm, smep, smap, pku, pks,
	     pcid, invpcid, la57;
	struct tlb_config tlb;
};

/* What a CPU is to forget, on its own account or at another's request. */
enum shootdown_kind { SHOOTDOWN_PAGE, SHOOTDOWN_CR3, SHOOTDOWN_ALL };
struct shootdown {
	enum shootdown_kind kind;
	va_t va;			/* for SHOOTDOWN_PAGE */
	uint16_t twin;	/* PCID bit of a second PCID that is meant, too; 0: none */
	unsigned pages; /* SHOOTDOWN_PAGE: so many from va on; 0 is 1 */
};
#define CPU_MAX_PENDING 8

struct cpu {
	unsigned id;
	struct ram *ram;		/* borrowed from the machine */
	struct cpu_features features;
	struct mmu mmu;			/* CR0, CR3, CR4, EFER, PDPTEs, AC, PKRU */
	va_t cr2;
	uint8_t cpl;
	bool interrupts;		/* EFLAGS.IF */
	struct memtype_regs memtype;	/* IA32_PAT, MTRRs */
	struct shootdown pending[CPU_MAX_PENDING];
	unsigned npending;
	struct cpu_counters counters;
	struct psc psc;
	struct tlb tlb;
};

/*
 * A CPU after reset: paging off, CPL 0; but its MTRRs are as firmware sets
 * them for @ram, which is borrowed.
 */
void cpu_init(struct cpu *cpu, unsigned id, struct ram *ram,
	      const struct cpu_features *features);
void cpu_deinit(struct cpu *cpu);
/* Makes @dst, not initialized before, an equal CPU with caches of its own. */
void cpu_copy(struct cpu *dst, const struct cpu *src);

/*
 * MOV to CR0, CR3, CR4 and WRMSR to EFER. Return NULL, or the rule that
 * makes the instruction fault with #GP(0): a static string; then nothing
 * has changed.
 */
const char *cpu_write_cr0(struct cpu *cpu, uint64_t value);
const char *cpu_write_cr3(struct cpu *cpu, uint64_t value);
const char *cpu_write_cr4(struct cpu *cpu, uint64_t value);
const char *cpu_write_efer(struct cpu *cpu, uint64_t value);

/*
 * WRMSR to IA32_PAT, and to an MTRR by its number, which flushes the TLB; the
 * former does not. All CPUs should be given the same values.
 */
const char *cpu_write_pat(struct cpu *cpu, uint64_t value);
const char *cpu_write_mtrr(struct cpu *cpu, uint32_t msr, uint64_t value);

/*
 * PKRU (as XRSTOR loads it, which does not ask for CR4.PKE), IA32_PKRS, and
 * EFLAGS, of which AC and IF count. Setting IF delivers what is pending.
 */
const char *cpu_write_pkru(struct cpu *cpu, uint64_t value);
const char *cpu_write_pkrs(struct cpu *cpu, uint64_t value);
const char *cpu_write_eflags(struct cpu *cpu, uint64_t value);
uint64_t cpu_eflags(const struct cpu *cpu);

/*
 * A hardware task switch to a TSS with @cr3: loads CR3, and flushes like MOV
 * to CR3, if the value differs from the old one. Not in IA-32e mode.
 */
const char *cpu_task_switch(struct cpu *cpu, uint64_t cr3);

/* INVLPG: forgets translations of @va on this CPU. */
void cpu_invlpg(struct cpu *cpu, va_t va);

/*
 * INVPCID of type @type, with its descriptor in @pcid and @va. Returns NULL,
 * or the rule that makes it fault with #GP(0) or #UD.
 */
enum { INVPCID_ADDRESS, INVPCID_PCID, INVPCID_ALL, INVPCID_ALL_NONGLOBAL };
const char *cpu_invpcid(struct cpu *cpu, unsigned type, uint64_t pcid, va_t va);

/*
 * Does what @request says on this CPU: INVLPG, MOV to CR3, CR4.PGE off and on.
 * Returns NULL, or the rule that made the instruction fault with #GP(0) (a
 * PDPTE in memory may have reserved bits): then nothing was forgotten.
 */
const char *cpu_forget(struct cpu *cpu, const struct shootdown *request);

/*
 * The same by an interrupt from another CPU: at once, or when EFLAGS.IF=1
 * again (and then NULL is returned). If more wait than there is room for,
 * they become one SHOOTDOWN_ALL.
 */
const char *cpu_shootdown(struct cpu *cpu, const struct shootdown *request);

/* The PCID in force: CR3[11:0] with CR4.PCIDE, else 0. */
uint16_t cpu_pcid(const struct cpu *cpu);

#endif

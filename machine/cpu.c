/*
 * cpu.c - see cpu.h.
 *
 * Each cpu_write_*() makes the change on a copy of the MMU state, asks the
 * rules, and takes the copy over if none objects: an instruction that faults
 * leaves nothing behind. Then come the TLB flushes that it implies. Source:
 * SDM volume 3A, "Control Registers", "Operations that Invalidate TLBs and
 * Paging-Structure Caches", and volume 2, "MOV - Move to/from Control
 * Registers".
 */
#include "machine/cpu.h"

#include <string.h>

#include "machine/internal.h"

#define CR0_KNOWN 0xe005003fULL /* the rest reads as 0, writes are ignored */
/* Bits that mean nothing to paging, and that every CPU here has. */
#define CR4_OTHER	  0x00052f4fULL
#define CR4_PDPTE_RELOAD  (CR4_PGE | CR4_PSE | CR4_PAE | CR4_SMEP)
#define CR4_FLUSH_CHANGED (CR4_PGE | CR4_PSE | CR4_PAE)

const struct flag_name cr0_flags[] = {
	{ CR0_PE, "PE", "pe" }, { BIT(1), "MP", NULL },	 { BIT(2), "EM", NULL },
	{ BIT(3), "TS", NULL }, { CR0_ET, "ET", NULL },	 { BIT(5), "NE", NULL },
	{ CR0_WP, "WP", "wp" }, { BIT(18), "AM", NULL }, { CR0_NW, "NW", NULL },
	{ CR0_CD, "CD", NULL }, { CR0_PG, "PG", "pg" },	 { 0, NULL, NULL },
};

const struct flag_name cr4_flags[] = {
	{ BIT(0), "VME", NULL },	 { BIT(1), "PVI", NULL },
	{ BIT(2), "TSD", NULL },	 { BIT(3), "DE", NULL },
	{ CR4_PSE, "PSE", "pse" },	 { CR4_PAE, "PAE", "pae" },
	{ BIT(6), "MCE", NULL },	 { CR4_PGE, "PGE", "pge" },
	{ BIT(8), "PCE", NULL },	 { BIT(9), "OSFXSR", NULL },
	{ BIT(10), "OSXMMEXCPT", NULL }, { BIT(11), "UMIP", NULL },
	{ CR4_LA57, "LA57", "la57" },	 { BIT(13), "VMXE", NULL },
	{ BIT(14), "SMXE", NULL },	 { BIT(16), "FSGSBASE", NULL },
	{ CR4_PCIDE, "PCIDE", "pcide" }, { BIT(18), "OSXSAVE", NULL },
	{ CR4_SMEP, "SMEP", "smep" },	 { CR4_SMAP, "SMAP", "smap" },
	{ CR4_PKE, "PKE", "pke" },	 { BIT(23), "CET", NULL },
	{ CR4_PKS, "PKS", "pks" },	 { 0, NULL, NULL },
};

const struct flag_name efer_flags[] = {
	{ EFER_SCE, "SCE", NULL },  { EFER_LME, "LME", "lme" },
	{ EFER_LMA, "LMA", "lma" }, { EFER_NXE, "NXE", "nxe" },
	{ 0, NULL, NULL },
};

const struct flag_name eflags_flags[] = {
	{ EFLAGS_IF, "IF", "if" },
	{ EFLAGS_AC, "AC", "ac" },
	{ 0, NULL, NULL },
};

static const struct tlb_config *tlb_config(const struct cpu_features *features)
{
	return features->tlb.name ? &features->tlb : &tlb_configs[0];
}

void cpu_init(struct cpu *cpu, unsigned id, struct ram *ram,
	      const struct cpu_features *features)
{
	memset(cpu, 0, sizeof(*cpu));
	cpu->id = id;
	cpu->ram = ram;
	cpu->features = *features;
	cpu->mmu.features = &cpu->features;
	cpu->mmu.cr0 = CR0_ET | CR0_NW | CR0_CD; /* as after INIT or RESET */
	cpu->memtype.pat = features->pat ? PAT_POWER_ON : 0;
	mtrr_init(&cpu->memtype.mtrr, ram, features->maxphyaddr);
	tlb_init(&cpu->tlb, tlb_config(features));
	psc_init(&cpu->psc, tlb_config(features));
	mmu_refresh(&cpu->mmu);
}

void cpu_deinit(struct cpu *cpu)
{
	tlb_deinit(&cpu->tlb);
}

uint16_t cpu_pcid(const struct cpu *cpu)
{
	return cpu->mmu.pcid;
}

void cpu_copy(struct cpu *dst, const struct cpu *src)
{
	*dst = *src;
	dst->mmu.features = &dst->features;
	tlb_copy(&dst->tlb, &src->tlb);
}

/* Takes over @next as the state of the MMU. */
static void commit(struct cpu *cpu, const struct mmu *next)
{
	cpu->mmu = *next;
	tlb_forget_fast(&cpu->tlb);
}

static void flush_all(struct cpu *cpu, enum flush_kind kind)
{
	tlb_flush_all(&cpu->tlb, true);
	psc_flush_all(&cpu->psc);
	cpu->counters.flushes[kind]++;
}

/* Everything of one PCID; global pages, too, if @globals. */
static void flush_pcid(struct cpu *cpu, uint16_t pcid, bool globals,
		       enum flush_kind kind)
{
	tlb_flush_pcid(&cpu->tlb, pcid, globals);
	psc_flush_pcid(&cpu->psc, pcid);
	cpu->counters.flushes[kind]++;
}

/*
 * Loads the four PDPTE registers of @next from the table at its CR3, if its
 * mode has them. SDM "PDPTE Registers": a present PDPTE with reserved bits
 * set makes the instruction fault.
 */
static const char *load_pdptes(const struct cpu *cpu, struct mmu *next)
{
	if (!next->mode->pdpte_regs)
		return NULL;
	mmu_set_root(next, cpu->ram, next->cr3);
	for (unsigned i = 0; i < ARRAY_SIZE(next->pdpte); i++)
		if ((next->pdpte[i] & PTE_P) &&
		    (next->pdpte[i] & next->level[0].table_rsvd))
			return "a PDPTE has a reserved bit set";
	return NULL;
}

/* --- bits that come with features ----------------------------------------- */

#define FEATURE(f) offsetof(struct cpu_features, f)
#define NO_CPU_HAS SIZE_MAX

static const struct feature_bit {
	uint64_t bit;
	size_t feature;		/* the bool of struct cpu_features */
	const char *rule;	/* "... has no FEATURE": boot hints by it */
} cr4_bits[] = {
	{ CR4_PSE, FEATURE(pse), "CR4.PSE: this CPU has no PSE" },
	{ CR4_PAE, FEATURE(pae), "CR4.PAE: this CPU has no PAE" },
	{ CR4_PGE, FEATURE(pge), "CR4.PGE: this CPU has no PGE" },
	{ CR4_LA57, FEATURE(la57), "CR4.LA57: this CPU has no LA57" },
	{ BIT(14), NO_CPU_HAS, "CR4.SMXE: not modelled" },
	{ CR4_PCIDE, FEATURE(pcid), "CR4.PCIDE: this CPU has no PCID" },
	{ CR4_SMEP, FEATURE(smep), "CR4.SMEP: this CPU has no SMEP" },
	{ CR4_SMAP, FEATURE(smap), "CR4.SMAP: this CPU has no SMAP" },
	{ CR4_PKE, FEATURE(pku), "CR4.PKE: this CPU has no PKU" },
	{ BIT(23), NO_CPU_HAS, "CR4.CET: not modelled" },
	{ CR4_PKS, FEATURE(pks), "CR4.PKS: this CPU has no PKS" },
	{ 0, 0, NULL },
}, efer_bits[] = {
	{ EFER_SCE, FEATURE(lm), "EFER.SCE: this CPU has no LM (64-bit mode)" },
	{ EFER_LME, FEATURE(lm), "EFER.LME: this CPU has no LM (64-bit mode)" },
	{ EFER_LMA, FEATURE(lm), "EFER.LMA: this CPU has no LM (64-bit mode)" },
	{ EFER_NXE, FEATURE(nx), "EFER.NXE: this CPU has no NX" },
	{ 0, 0, NULL },
};

static bool has_feature(const struct cpu_features *f, size_t feature)
{
	return feature != NO_CPU_HAS &&
	       *(const bool *)((const char *)f + feature);
}

/*
 * What the CPU does not have is reserved: the rule that @value breaks, of its
 * lowest bit in @rows that does; else @other, if a bit is neither there nor
 * in @any, which each CPU has.
 */
static const char *check_bits(const struct cpu_features *f,
			      const struct feature_bit *rows, uint64_t value,
			      uint64_t any, const char *other)
{
	for (; rows->bit; rows++) {
		if ((value & rows->bit) && !has_feature(f, rows->feature))
			return rows->rule;
		any |= rows->bit;
	}
	return value & ~any ? other : NULL;
}

/* --- CR0 ------------------------------------------------------------------ */

static const char *check_cr0(const struct mmu *now, uint64_t value)
{
	bool enables = (value & CR0_PG) && !(now->cr0 & CR0_PG);

	if (value >> 32)
		return "CR0[63:32] is reserved";
	if ((value & CR0_PG) && !(value & CR0_PE))
		return "CR0.PG=1 needs CR0.PE=1";
	if ((value & CR0_NW) && !(value & CR0_CD))
		return "CR0.NW=1 needs CR0.CD=1";
	if (enables && (now->efer & EFER_LME) && !(now->cr4 & CR4_PAE))
		return "CR0.PG=1 with EFER.LME=1 needs CR4.PAE=1";
	if (!(value & CR0_PG) && (now->cr4 & CR4_PCIDE))
		return "CR0.PG cannot be cleared while CR4.PCIDE=1";
	return NULL;
}

/* EFER.LMA follows: it is 1 while IA-32e mode is both enabled and paging. */
static void set_lma(struct mmu *mmu)
{
	mmu->efer &= ~EFER_LMA;
	if ((mmu->efer & EFER_LME) && (mmu->cr0 & CR0_PG))
		mmu->efer |= EFER_LMA;
}

const char *cpu_write_cr0(struct cpu *cpu, uint64_t value)
{
	struct mmu next = cpu->mmu;
	const char *denied = check_cr0(&cpu->mmu, value);
	uint64_t changed;

	if (denied)
		return denied;
	next.cr0 = (value & CR0_KNOWN) | CR0_ET;
	changed = next.cr0 ^ cpu->mmu.cr0;
	set_lma(&next);
	mmu_refresh(&next);
	if (changed & (CR0_PG | CR0_CD | CR0_NW))
		denied = load_pdptes(cpu, &next);
	if (denied)
		return denied;
	commit(cpu, &next);
	if (changed & (CR0_PG | CR0_PE))
		flush_all(cpu, FLUSH_CR0);
	return NULL;
}

/* --- CR3 ------------------------------------------------------------------ */

static const char *check_cr3(const struct mmu *now, uint64_t value)
{
	if (!(now->efer & EFER_LMA))
		return value >> 32 ? "CR3[63:32] can be set in IA-32e mode only"
				   : NULL;
	if (now->cr4 & CR4_PCIDE)
		value &= ~CR3_NOFLUSH;
	if (value >> now->features->maxphyaddr)
		return "CR3 bits above MAXPHYADDR are reserved";
	return NULL;
}

/* Loads CR3, and the PDPTEs where the mode has them. Flushes nothing. */
static const char *load_cr3(struct cpu *cpu, uint64_t value)
{
	const char *denied = check_cr3(&cpu->mmu, value);
	struct mmu next = cpu->mmu;

	if (denied)
		return denied;
	next.cr3 = value & ~CR3_NOFLUSH;
	denied = load_pdptes(cpu, &next);
	if (denied)
		return denied;
	if (!next.mode->pdpte_regs)
		mmu_set_root(&next, cpu->ram, next.cr3);
	commit(cpu, &next);
	return NULL;
}

const char *cpu_write_cr3(struct cpu *cpu, uint64_t value)
{
	bool keep = (cpu->mmu.cr4 & CR4_PCIDE) && (value & CR3_NOFLUSH);
	const char *denied = load_cr3(cpu, value);

	if (!denied && !keep)
		flush_pcid(cpu, cpu->mmu.pcid, false, FLUSH_CR3);
	return denied;
}

const char *cpu_task_switch(struct cpu *cpu, uint64_t cr3)
{
	const char *denied;

	if (cpu->mmu.efer & EFER_LMA)
		return "there are no hardware task switches in IA-32e mode";
	if (cr3 == cpu->mmu.cr3)
		return NULL;
	denied = load_cr3(cpu, cr3);
	if (!denied)
		flush_pcid(cpu, 0, false, FLUSH_TASK_SWITCH);
	return denied;
}

/* --- CR4 ------------------------------------------------------------------ */

static const char *check_cr4(const struct mmu *now, uint64_t value)
{
	bool ia32e = now->efer & EFER_LMA;
	uint64_t changed = value ^ now->cr4;
	const char *lacks = check_bits(now->features, cr4_bits, value,
				       CR4_OTHER, "CR4: a reserved bit is set");

	if (lacks)
		return lacks;
	if (ia32e && !(value & CR4_PAE))
		return "CR4.PAE cannot be cleared in IA-32e mode";
	if (ia32e && (changed & CR4_LA57))
		return "CR4.LA57 cannot be changed in IA-32e mode";
	if (!(changed & value & CR4_PCIDE))
		return NULL;
	if (!ia32e)
		return "CR4.PCIDE=1 needs IA-32e mode";
	if (now->cr3 & 0xfff)
		return "CR4.PCIDE=1 needs CR3[11:0]=0";
	return NULL;
}

const char *cpu_write_cr4(struct cpu *cpu, uint64_t value)
{
	struct mmu next = cpu->mmu;
	const char *denied = check_cr4(&cpu->mmu, value);
	uint64_t changed = value ^ cpu->mmu.cr4;

	if (denied)
		return denied;
	next.cr4 = value;
	mmu_refresh(&next);
	if (changed & CR4_PDPTE_RELOAD)
		denied = load_pdptes(cpu, &next);
	if (denied)
		return denied;
	commit(cpu, &next);
	if ((changed & CR4_FLUSH_CHANGED) || (changed & ~value & CR4_PCIDE))
		flush_all(cpu, FLUSH_CR4);
	else if (changed & value & CR4_SMEP)
		flush_pcid(cpu, cpu->mmu.pcid, true, FLUSH_CR4);
	return NULL;
}

/* --- EFER ----------------------------------------------------------------- */

const char *cpu_write_efer(struct cpu *cpu, uint64_t value)
{
	const char *lacks = check_bits(&cpu->features, efer_bits, value, 0,
				       "EFER: a reserved bit is set");
	struct mmu next = cpu->mmu;

	if (lacks)
		return lacks;
	if (((value ^ cpu->mmu.efer) & EFER_LME) && (cpu->mmu.cr0 & CR0_PG))
		return "EFER.LME cannot be changed while CR0.PG=1";
	next.efer = value;
	set_lma(&next); /* read-only: what was written is ignored */
	mmu_refresh(&next);
	commit(cpu, &next);
	return NULL;
}

/* --- memory types --------------------------------------------------------- */

const char *cpu_write_pat(struct cpu *cpu, uint64_t value)
{
	const char *denied = pat_check(value);

	if (!cpu->features.pat)
		return "this CPU has no IA32_PAT";
	if (!denied)
		cpu->memtype.pat = value;
	return denied;
}

/* SDM "Invalidating the Translation Lookaside Buffers (TLBs)". */
const char *cpu_write_mtrr(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	const char *denied = mtrr_write(&cpu->memtype.mtrr, msr, value,
					cpu->features.maxphyaddr);

	if (!denied)
		flush_all(cpu, FLUSH_MTRR);
	return denied;
}

/* --- PKRU, PKRS, EFLAGS -----------------------------------------------------
 */

const char *cpu_write_pkru(struct cpu *cpu, uint64_t value)
{
	if (!cpu->features.pku)
		return "this CPU has no PKRU";
	if (value >> 32)
		return "PKRU has 32 bits";
	cpu->mmu.pkru = value;
	tlb_forget_fast(&cpu->tlb);
	return NULL;
}

const char *cpu_write_pkrs(struct cpu *cpu, uint64_t value)
{
	if (!cpu->features.pks)
		return "this CPU has no IA32_PKRS";
	if (value >> 32)
		return "IA32_PKRS[63:32] is reserved";
	cpu->mmu.pkrs = value;
	tlb_forget_fast(&cpu->tlb);
	return NULL;
}

uint64_t cpu_eflags(const struct cpu *cpu)
{
	return BIT(1) | (cpu->interrupts ? EFLAGS_IF : 0) |
	       (cpu->mmu.ac ? EFLAGS_AC : 0);
}

const char *cpu_write_eflags(struct cpu *cpu, uint64_t value)
{
	if (value & ~(BIT(1) | EFLAGS_IF | EFLAGS_AC))
		return "only EFLAGS.IF and EFLAGS.AC are modelled";
	cpu->mmu.ac = value & EFLAGS_AC;
	tlb_forget_fast(&cpu->tlb);
	cpu->interrupts = value & EFLAGS_IF;
	if (cpu->interrupts)
		cpu_deliver_pending(cpu);
	return NULL;
}

/*
 * invalidate.c - INVLPG, INVPCID, and what other CPUs ask one to forget.
 *
 * The flushes that loads of control registers imply are in cpu.c. Source: SDM
 * volume 3A, "Operations that Invalidate TLBs and Paging-Structure Caches"
 * and "Propagation of Paging-Structure Changes to Multiple Processors".
 */
#include "machine/internal.h"

/* SDM volume 2, "INVLPG": a NOP if the address is not canonical. */
void cpu_invlpg(struct cpu *cpu, va_t va)
{
	va &= cpu->mmu.va_mask;
	if (!walk_is_canonical(&cpu->mmu, va))
		return;
	tlb_flush_page(&cpu->tlb, va, cpu->mmu.pcid, true);
	psc_flush_pcid(&cpu->psc, cpu->mmu.pcid);
	cpu->counters.flushes[FLUSH_INVLPG]++;
}

/* Why INVPCID faults, or NULL. SDM volume 2, "INVPCID". */
static const char *check_invpcid(const struct cpu *cpu, unsigned type,
				 uint64_t pcid, va_t va)
{
	bool names_pcid = type == INVPCID_ADDRESS || type == INVPCID_PCID;

	if (!cpu->features.invpcid)
		return "#UD: this CPU has no INVPCID";
	if (type > INVPCID_ALL_NONGLOBAL)
		return "INVPCID: type above 3";
	if (pcid > 0xfff)
		return "INVPCID: descriptor bits 63:12 are reserved";
	if (names_pcid && pcid && !(cpu->mmu.cr4 & CR4_PCIDE))
		return "INVPCID: a PCID other than 0 needs CR4.PCIDE=1";
	if (type == INVPCID_ADDRESS && !walk_is_canonical(&cpu->mmu, va))
		return "INVPCID: address not canonical";
	return NULL;
}

const char *cpu_invpcid(struct cpu *cpu, unsigned type, uint64_t pcid, va_t va)
{
	const char *denied = check_invpcid(cpu, type, pcid, va);

	if (denied)
		return denied;
	va &= cpu->mmu.va_mask;
	if (type == INVPCID_ADDRESS) {
		tlb_flush_page(&cpu->tlb, va, pcid, false);
		psc_flush_address(&cpu->psc, &cpu->mmu, va, pcid);
	} else if (type == INVPCID_PCID) {
		tlb_flush_pcid(&cpu->tlb, pcid, false);
		psc_flush_pcid(&cpu->psc, pcid);
	} else {
		tlb_flush_all(&cpu->tlb, type == INVPCID_ALL);
		psc_flush_all(&cpu->psc);
	}
	cpu->counters.flushes[FLUSH_INVPCID_ADDRESS + type]++;
	return NULL;
}

/* --- shootdowns --------------------------------------------------------------- */

/* The same by INVPCID for the other of two PCIDs of one address space. */
static void forget_twin(struct cpu *cpu, const struct shootdown *request)
{
	bool page = request->kind == SHOOTDOWN_PAGE;

	if (request->twin && (cpu->mmu.cr4 & CR4_PCIDE))
		cpu_invpcid(cpu, page ? INVPCID_ADDRESS : INVPCID_PCID,
			    cpu->mmu.pcid ^ request->twin, request->va);
}

static void forget_pages(struct cpu *cpu, const struct shootdown *request)
{
	struct shootdown one = *request;
	unsigned n = request->pages ? request->pages : 1;

	for (; n; n--, one.va += PAGE_SIZE) {
		forget_twin(cpu, &one);
		cpu_invlpg(cpu, one.va);
	}
}

/*
 * SDM "Propagation of Paging-Structure Changes to Multiple Processors". Any
 * change of CR4.PGE, to 1 as well, drops the entries of all PCIDs; a MOV to
 * CR3 would drop those of one.
 */
const char *cpu_forget(struct cpu *cpu, const struct shootdown *request)
{
	uint64_t cr4 = cpu->mmu.cr4;
	const char *denied;

	if (request->kind == SHOOTDOWN_PAGE) {
		forget_pages(cpu, request);
		return NULL;
	}
	if (request->kind == SHOOTDOWN_CR3)
		forget_twin(cpu, request);
	if (request->kind == SHOOTDOWN_CR3 || !(cr4 & (CR4_PGE | CR4_PCIDE)))
		return cpu_write_cr3(cpu, cpu->mmu.cr3);
	denied = cpu_write_cr4(cpu, cr4 ^ CR4_PGE);
	return denied ? denied : cpu_write_cr4(cpu, cr4);
}

static const char *interrupt(struct cpu *cpu, const struct shootdown *request)
{
	cpu->counters.ipis++;
	return cpu_forget(cpu, request);
}

void cpu_deliver_pending(struct cpu *cpu)
{
	for (unsigned i = 0; i < cpu->npending; i++)
		interrupt(cpu, &cpu->pending[i]);
	cpu->npending = 0;
}

const char *cpu_shootdown(struct cpu *cpu, const struct shootdown *request)
{
	if (cpu->interrupts)
		return interrupt(cpu, request);
	if (cpu->npending < CPU_MAX_PENDING) {
		cpu->pending[cpu->npending++] = *request;
	} else {
		cpu->pending[0] = (struct shootdown){ SHOOTDOWN_ALL, 0 };
		cpu->npending = 1;
	}
	return NULL;
}

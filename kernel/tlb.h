/*
 * tlb.h - loading CR3, and the ASIDs that stand behind PCIDs (linux
 * asm/tlbflush.h). The flushes are in pgtable.h.
 */
#ifndef KERNEL_TLB_H
#define KERNEL_TLB_H

#include "kernel/kernel.h"

#define PTI_USER_PCID 0x800u /* X86_CR3_PTI_PCID_USER_BIT */

/* Loads @root, one that the kernel runs on. NULL, or why the CPU refuses. */
const char *load_mm_cr3(struct kernel *k, unsigned cpu, pa_t root);
/* The other root of the address space that is loaded, or this one again. */
const char *pti_load_cr3(struct kernel *k, unsigned cpu, pa_t root, bool user);
/* The frame of @root is freed: no CPU has anything of it that will be used. */
void forget_root(struct kernel *k, pa_t root);
/* @cpu, lazy so far, goes on with user code: must it flush first? No longer. */
bool tlb_lazy_flush_due(struct kernel *k, unsigned cpu);
/* Will a CPU flush what it caches under @pcid before it runs under it? */
bool tlb_will_flush(const struct kernel *k, const struct cpu *cpu,
		    uint16_t pcid);

#endif

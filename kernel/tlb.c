/*
 * tlb.c - which tables a CPU has loaded, and who forgets translations.
 *
 * Models arch/x86/mm/tlb.c of Linux 6.1: switch_mm_irqs_off(), its six ASIDs
 * a CPU, flush_tlb_*(). With PCIDs a switch back to an address space that has
 * an ASID there, and has not changed since, flushes nothing:
 *
 *	ASID a	kernel tables  PCID a + 1	user tables  PCID a + 1 + 0x800
 *
 * A flush of an address space that a CPU has not loaded waits until it is
 * loaded (tlb_gen there, a bit here). Left out: lazy TLB mode but for the end
 * of a task, the speculation barriers.
 */
#include "kernel/pgtable.h"
#include "kernel/pti.h"
#include "kernel/tlb.h"

static bool has_pcid(const struct cpu *cpu)
{
	return cpu->mmu.cr4 & CR4_PCIDE;
}

/* --- ASIDs --------------------------------------------------------------- */

/* linux choose_new_asid(). True: what the TLB has under it must go. */
static bool choose_asid(struct cpu_tlbstate *s, pfn_t pgd, unsigned *asid)
{
	for (unsigned i = 0; i < TLB_NR_DYN_ASIDS; i++)
		if (s->asid[i].used && s->asid[i].pgd == pgd) {
			*asid = i;
			return s->asid[i].stale;
		}
	*asid = s->next++ % TLB_NR_DYN_ASIDS;
	s->asid[*asid].used = true;
	s->asid[*asid].pgd = pgd;
	return true;
}

const char *load_mm_cr3(struct kernel *k, unsigned cpu, pa_t root)
{
	struct cpu_tlbstate *s = &k->tlbstate[cpu];
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t noflush = CR3_NOFLUSH;
	unsigned asid;

	if (!has_pcid(c))
		return cpu_write_cr3(c, root);
	if (choose_asid(s, root >> PAGE_SHIFT, &asid)) {
		s->asid[asid].stale = false;
		s->asid[asid].user_stale = true;
		noflush = 0;
	}
	s->loaded = asid;
	return cpu_write_cr3(c, root | (asid + 1) | noflush);
}

const char *pti_load_cr3(struct kernel *k, unsigned cpu, pa_t root, bool user)
{
	struct cpu_tlbstate *s = &k->tlbstate[cpu];
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t cr3 = root | (s->loaded + 1) | CR3_NOFLUSH;

	if (!has_pcid(c))
		return cpu_write_cr3(c, user ? pti_user_root(k, root) : root);
	if (!user)
		return cpu_write_cr3(c, cr3);
	cr3 |= PTI_USER_PGTABLE | PTI_USER_PCID;
	if (s->asid[s->loaded].user_stale)
		cr3 &= ~CR3_NOFLUSH;
	s->asid[s->loaded].user_stale = false;
	return cpu_write_cr3(c, cr3);
}

void forget_root(struct kernel *k, pa_t root)
{
	for (unsigned i = 0; i < k->machine->ncpus; i++)
		for (unsigned a = 0; a < TLB_NR_DYN_ASIDS; a++)
			if (k->tlbstate[i].asid[a].pgd == root >> PAGE_SHIFT)
				k->tlbstate[i].asid[a].used = false;
}

bool tlb_will_flush(const struct kernel *k, const struct cpu *cpu,
		    uint16_t pcid)
{
	const struct cpu_tlbstate *s = &k->tlbstate[cpu->id];
	unsigned asid = (pcid & ~PTI_USER_PCID) - 1u;

	if (!has_pcid(cpu) || asid >= TLB_NR_DYN_ASIDS)
		return false;
	if ((pcid & PTI_USER_PCID) && s->asid[asid].user_stale)
		return true;
	return asid != s->loaded &&
	       (!s->asid[asid].used || s->asid[asid].stale);
}

/* What a CPU has of @root, or of all but the loaded one (@root 0). */
static void mark_stale(struct kernel *k, unsigned cpu, pa_t root)
{
	struct cpu_tlbstate *s = &k->tlbstate[cpu];

	for (unsigned i = 0; i < TLB_NR_DYN_ASIDS; i++)
		if (i != s->loaded &&
		    (!root || s->asid[i].pgd == root >> PAGE_SHIFT))
			s->asid[i].stale = true;
}

/* --- flushes ------------------------------------------------------------- */

/*
 * Linux' on_each_cpu_mask(): this CPU by itself, the others by interrupt.
 * Linux waits until all have answered; here a CPU with interrupts off
 * answers later, and until then may use what is stale. @root is that of the
 * CPUs meant, 0 for all. Returns their number.
 */
static unsigned on_each_cpu(struct kernel *k, pa_t root,
			    struct shootdown request)
{
	const char *why;
	unsigned n = 0;

	request.twin = has_pti(k) ? PTI_USER_PCID : 0;
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct cpu *cpu = &k->machine->cpu[i];

		mark_stale(k, i, root);
		if (root && pti_kernel_root(k, mmu_root(&cpu->mmu)) != root)
			continue;
		why = i == k->this_cpu ? cpu_forget(cpu, &request)
				       : cpu_shootdown(cpu, &request);
		if (why)
			kevent(k, .kind = KEV_TLB_FLUSH, .func = "#GP",
			       .note = why, .n = i);
		n++;
	}
	return n;
}

void flush_tlb_page(struct kernel *k, pa_t root, va_t va)
{
	unsigned n = on_each_cpu(k, pt_is_kernel(k, va) ? 0 : root,
				 (struct shootdown){ .kind = SHOOTDOWN_PAGE,
						     .va = va });

	if (n)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "invlpg", .va = va,
		       .n = n);
}

void flush_tlb_mm(struct kernel *k, pa_t root)
{
	unsigned n = on_each_cpu(k, root,
				 (struct shootdown){ .kind = SHOOTDOWN_CR3 });

	if (n)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "cr3", .n = n);
}

void flush_tlb_all(struct kernel *k)
{
	on_each_cpu(k, 0, (struct shootdown){ .kind = SHOOTDOWN_ALL });
	kevent(k, .kind = KEV_TLB_FLUSH, .func = "all", .n = k->machine->ncpus);
}

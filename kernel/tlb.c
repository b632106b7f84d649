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
 * loaded (tlb_gen there, a bit here), and so does one that a CPU has only
 * lazily, under a kernel thread. Left out: the speculation barriers.
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

	s->lazy_stale = false;
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

bool tlb_lazy_flush_due(struct kernel *k, unsigned cpu)
{
	bool due = k->tlbstate[cpu].lazy_stale;
	struct cpu_tlbstate *s = &k->tlbstate[cpu];

	if (due && has_pcid(&k->machine->cpu[cpu]))
		s->asid[s->loaded].stale = true;
	s->lazy_stale = false;
	return due;
}

bool tlb_will_flush(const struct kernel *k, const struct cpu *cpu,
		    uint16_t pcid)
{
	const struct cpu_tlbstate *s = &k->tlbstate[cpu->id];
	unsigned asid = (pcid & ~PTI_USER_PCID) - 1u;

	if (s->lazy_stale && pcid == cpu->mmu.pcid)
		return true;
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
 * A CPU that has @root only lazily. It needs no interrupt: it looks when it
 * leaves the kernel's own task. If tables were freed it must not even walk
 * them: it is made to load swapper_pg_dir (flush_tlb_func). True: all is done.
 */
static bool lazy_is_done(struct kernel *k, unsigned cpu, pa_t root,
			 bool freed_tables)
{
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t old = c->mmu.cr3;

	if (!root || !k->lazy_mm[cpu])
		return false;
	if (!freed_tables) {
		k->tlbstate[cpu].lazy_stale = true;
		return true;
	}
	if (load_mm_cr3(k, cpu, k->swapper_pg_dir))
		return false;
	mark_stale(k, cpu, root); /* of the ASID that was left */
	c->counters.ipis += cpu != k->this_cpu;
	kevent(k, .kind = KEV_SWITCH, .func = "flush_tlb_func", .old = old,
	       .new = c->mmu.cr3);
	return true;
}

/* False: the CPU refused, and has forgotten nothing. */
static bool forget(struct kernel *k, unsigned cpu,
		   const struct shootdown *request)
{
	struct cpu *c = &k->machine->cpu[cpu];
	const char *why = cpu == k->this_cpu ? cpu_forget(c, request)
					     : cpu_shootdown(c, request);

	if (why)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "#GP", .note = why,
		       .n = cpu);
	return !why;
}

/*
 * Linux' on_each_cpu_mask(): this CPU by itself, the others by interrupt.
 * Linux waits until all have answered; here a CPU with interrupts off
 * answers later, and until then may use what is stale. @root is that of the
 * CPUs meant (mm_cpumask: those that have it loaded), 0 for all. Returns the
 * number of those that did.
 */
static unsigned on_each_cpu(struct kernel *k, pa_t root,
			    struct shootdown request, bool freed_tables)
{
	unsigned n = 0;

	request.twin = has_pti(k) ? PTI_USER_PCID : 0;
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		struct cpu *cpu = &k->machine->cpu[i];

		mark_stale(k, i, root);
		if (root && pti_kernel_root(k, mmu_root(&cpu->mmu)) != root)
			continue;
		if (lazy_is_done(k, i, root, freed_tables))
			continue;
		n += forget(k, i, &request);
	}
	return n;
}

void flush_tlb_page(struct kernel *k, pa_t root, va_t va)
{
	unsigned n = on_each_cpu(
		k, pt_is_kernel(k, va) ? 0 : root,
		(struct shootdown){ .kind = SHOOTDOWN_PAGE, .va = va }, false);

	if (n)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "invlpg", .va = va,
		       .end = va + PAGE_SIZE, .n = n);
}

static void flush_all_of(struct kernel *k, pa_t root, bool freed_tables)
{
	unsigned n = on_each_cpu(k, root,
				 (struct shootdown){ .kind = SHOOTDOWN_CR3 },
				 freed_tables);

	if (n)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "cr3", .n = n);
}

void flush_tlb_mm(struct kernel *k, pa_t root)
{
	flush_all_of(k, root, true);
}

void flush_tlb_mm_range(struct kernel *k, pa_t root, va_t start, va_t end,
			bool freed_tables)
{
	struct shootdown request = {
		.kind = SHOOTDOWN_PAGE,
		.va = start,
		.pages = (unsigned)((end - start) >> PAGE_SHIFT),
	};
	unsigned n;

	if ((end - start) >> PAGE_SHIFT > TLB_FLUSH_CEILING) {
		flush_all_of(k, root, freed_tables);
		return;
	}
	n = on_each_cpu(k, root, request, freed_tables);
	if (n)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "invlpg", .va = start,
		       .end = end, .n = n);
}

void flush_tlb_all(struct kernel *k)
{
	unsigned n = on_each_cpu(
		k, 0, (struct shootdown){ .kind = SHOOTDOWN_ALL }, false);

	if (n)
		kevent(k, .kind = KEV_TLB_FLUSH, .func = "all", .n = n);
}

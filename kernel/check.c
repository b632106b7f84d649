/*
 * check.c - fsck for the kernel: all parts, and what belongs to none of them:
 * the kernel half of every root, and TLBs against page tables.
 *
 * Linux has no such thing in one place; it takes the parts from
 * CONFIG_DEBUG_VM, slub_debug, page_owner and the "Bad page state" reports.
 * A finding names both sides: what is recorded, and what was recomputed.
 * Changes nothing.
 */
#include <stdarg.h>
#include <stdio.h>

#include "kernel/highmem.h"
#include "kernel/internal.h"
#include "kernel/fs.h"
#include "kernel/mm.h"
#include "kernel/process.h"
#include "kernel/rmap.h"
#include "kernel/pgtable.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"

void check_finding(struct checker *c, const char *fmt, ...)
{
	char line[200];
	va_list args;

	c->found++;
	if (!c->fn)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	c->fn(c->ctx, line);
}

/* --- the kernel half of all roots --------------------------------------- */

static unsigned first_kernel_entry(const struct kernel *k)
{
	if (k->mode->canonical)
		return 1U << (k->mode->level[0].bits - 1);
	return paging_index(k->mode, 0, k->layout.page_offset);
}

static void check_root(struct checker *c, const struct kernel *k,
		       const struct task_struct *t)
{
	unsigned size = k->mode->entry_size;
	/* The CPU sets A (not in PAE's root), and D where an entry is a leaf.
	 */
	uint64_t ignore = k->mode->pdpte_regs ? 0 : PTE_A | PTE_D;

	for (unsigned i = first_kernel_entry(k);
	     i < 1U << k->mode->level[0].bits; i++) {
		uint64_t want = pt_get(k, k->swapper_pg_dir + i * size);
		uint64_t have =
			pt_get(k, (t->mm->pgd << PAGE_SHIFT) + i * size);

		if ((want ^ have) & ~ignore)
			check_finding(c,
				      "pid %d: root entry %u is 0x%llx, "
				      "swapper_pg_dir has 0x%llx",
				      t->pid, i, (unsigned long long)have,
				      (unsigned long long)want);
	}
}

/* --- TLBs --------------------------------------------------------------- */

/* What is wrong with a cached translation, or NULL. */
static const char *stale_reason(const struct tlb_entry *e, unsigned shift,
				const struct walk *w)
{
	uint64_t mask = ~((1ULL << shift) - 1);

	if (w->fault.reason != FAULT_NONE)
		return "the tables map nothing there";
	if (w->page_shift < shift || e->pa != (w->pa & mask))
		return "the tables lead elsewhere";
	if (e->rights.write && !w->rights.write)
		return "the tables say read-only";
	if (e->rights.user && !w->rights.user)
		return "the tables say supervisor";
	if (!e->rights.xd && w->rights.xd)
		return "the tables say no execute";
	if (e->rights.pk != w->rights.pk)
		return "the tables have another protection key";
	if (e->dirty && !(w->step[w->nsteps - 1].entry & PTE_D))
		return "the entry's D flag is clear";
	return NULL;
}

static void check_tlb_entry(struct checker *c, const struct kernel *k,
			    const struct cpu *cpu, const struct tlb_entry *e)
{
	unsigned shift = tlb_entry_shift(e);
	va_t va = tlb_entry_va(e);
	struct access access = { .va = va, .kind = ACCESS_READ };
	struct walk w;

	mmu_walk(&cpu->mmu, k->ram, &access, &w);
	const char *why = stale_reason(e, shift, &w);

	if (why)
		check_finding(
			c,
			"cpu %u: the TLB has 0x%llx -> 0x%llx (%s), %s: a "
			"flush is missing",
			cpu->id, (unsigned long long)va,
			(unsigned long long)e->pa, paging_size_name(shift),
			why);
}

/* Is @e the first of its translation's copies, L1D before L2? */
static bool is_first_copy(const struct tlb *tlb, const struct tlb_entry *e)
{
	enum tlb_level level;

	return tlb_lookup(tlb, ACCESS_READ, tlb_entry_va(e), e->pcid, &level) ==
	       e;
}

static void check_tlb(struct checker *c, const struct kernel *k,
		      const struct cpu *cpu)
{
	if (cpu->npending) /* it has been told, and has not listened yet */
		return;
	for (unsigned a = 0; a < cpu->tlb.narrays; a++) {
		const struct tlb_array *array = &cpu->tlb.array[a];
		unsigned n = array->used ? array->g.sets * array->g.ways : 0;

		for (const struct tlb_entry *e = array->entry;
		     e < array->entry + n; e++)
			if (e->tag && e->pcid == cpu_pcid(cpu) &&
			    (array->g.level == TLB_L1I ||
			     is_first_copy(&cpu->tlb, e)))
				check_tlb_entry(c, k, cpu, e);
	}
}

unsigned pgtable_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm)
			check_root(&c, k, t);
	for (unsigned i = 0; i < k->machine->ncpus; i++)
		check_tlb(&c, k, &k->machine->cpu[i]);
	return c.found;
}

unsigned kernel_check(struct kernel *k, check_fn fn, void *ctx)
{
	const struct task_struct *t;
	unsigned found = 0;

	found += page_alloc_check(k, fn, ctx);
	found += slab_check(k, fn, ctx);
	found += vmalloc_check(k, fn, ctx);
	found += highmem_check(k, fn, ctx);
	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm)
			found += mm_check(k, t->mm, fn, ctx);
	found += rmap_check(k, fn, ctx);
	found += pgtable_check(k, fn, ctx);
	return found;
}

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
#include <stdlib.h>

#include "kernel/dma_mapping.h"
#include "kernel/fixmap.h"
#include "kernel/fs.h"
#include "kernel/highmem.h"
#include "kernel/internal.h"
#include "kernel/mm.h"
#include "kernel/mm_inline.h"
#include "kernel/pgtable.h"
#include "kernel/process.h"
#include "kernel/pte.h"
#include "kernel/pti.h"
#include "kernel/rmap.h"
#include "kernel/slab.h"
#include "kernel/swap.h"
#include "kernel/tlb.h"
#include "kernel/vmalloc.h"
#include "machine/stale.h"

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

/* Entry @i of a root may come later, by vmalloc_fault(). */
static bool may_lack(const struct kernel *k, unsigned i)
{
	va_t last = ((va_t)i + 1) << k->mode->level[0].shift;

	return pt_syncs_late(k, last - 1);
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

		if (!have && may_lack(k, i))
			continue;
		if ((want ^ have) & ~ignore)
			check_finding(c,
				      "pid %d: root entry 0x%x is 0x%llx, "
				      "swapper_pg_dir has 0x%llx",
				      t->pid, i, (unsigned long long)have,
				      (unsigned long long)want);
	}
}

/* --- TLBs --------------------------------------------------------------- */

static const char *stale_what(const struct cpu *cpu, const struct stale *s)
{
	if (s->kind == STALE_PDPTE)
		return "PDPTE register";
	return s->kind == STALE_PSC ? cpu->mmu.mode->level[s->level].name
				    : paging_size_name(s->shift);
}

/*
 * A global translation outlives a switch to a root that lacks the entry for
 * it as yet: fine while the kernel's own root has the page.
 */
static bool may_lack_cached(const struct kernel *k, const struct stale *s)
{
	uint64_t entry;
	unsigned level;

	return s->kind == STALE_TLB && s->global && pt_syncs_late(k, s->va) &&
	       pt_leaf(k, k->swapper_pg_dir, s->va, &entry, &level) &&
	       pte_to_pfn(k, entry) == s->target >> PAGE_SHIFT;
}

/*
 * Only what lets through more than the tables do; a CPU that has been told
 * and has not listened yet is in order, and so are addresses that wait for
 * the purge of the vmalloc space, and PCIDs that are flushed when next used.
 */
static void check_stale(struct checker *c, const struct kernel *k,
			const struct cpu *cpu,
			const struct stale *s)
{
	if (s->pending || stale_is_harmless(s) || vmap_is_lazy(k, s->va))
		return;
	if (may_lack_cached(k, s))
		return;
	if (!s->global && tlb_will_flush(k, cpu, s->pcid))
		return;
	for (unsigned r = 0; r < STALE_NREASONS; r++)
		if (s->reasons >> r & 1)
			check_finding(c,
				      "cpu %u: 0x%llx (%s) is cached and %s: "
				      "a flush is missing, see tlb --stale",
				      cpu->id, (unsigned long long)s->va,
				      stale_what(cpu, s), stale_reason_name[r]);
}

static void check_tlb(struct checker *c, const struct kernel *k,
		      const struct cpu *cpu)
{
	struct stale *s;
	size_t n = stale_find(cpu, &s);

	for (size_t i = 0; i < n; i++)
		check_stale(c, k, cpu, &s[i]);
	free(s);
}

/* A CPU that runs a task has the task's tables loaded. */
static void check_cr3(struct checker *c, const struct kernel *k,
		      const struct cpu *cpu)
{
	const struct task_struct *t = k->current[cpu->id];

	if (t && t->mm &&
	    mmu_root(&cpu->mmu) != pti_user_root(k, t->mm->pgd << PAGE_SHIFT))
		check_finding(c,
			      "cpu %u: runs pid %d, whose root table is at "
			      "0x%llx, but CR3 is 0x%llx",
			      cpu->id, t->pid,
			      (unsigned long long)pti_user_root(
				      k, t->mm->pgd << PAGE_SHIFT),
			      (unsigned long long)cpu->mmu.cr3);
}

unsigned pgtable_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct checker c = { fn, ctx, 0 };
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (task_owns_mm(t)) {
			check_root(&c, k, t);
			pti_check_root(&c, k, t->pid, t->mm->pgd << PAGE_SHIFT);
		}
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		check_cr3(&c, k, &k->machine->cpu[i]);
		check_tlb(&c, k, &k->machine->cpu[i]);
	}
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
	found += fixmap_check(k, fn, ctx);
	found += dma_check(k, fn, ctx);
	TAILQ_FOREACH (t, &k->tasks, link)
		if (task_owns_mm(t))
			found += mm_check(k, t->mm, fn, ctx);
	found += rmap_check(k, fn, ctx);
	found += lru_check(k, fn, ctx);
	found += swap_check(k, fn, ctx);
	found += pgtable_check(k, fn, ctx);
	return found;
}

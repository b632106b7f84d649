/*
 * pti.c - see pti.h.
 *
 * Models arch/x86/mm/pti.c of Linux 6.1 (pti_init, pti_finalize) and the CR3
 * switches of arch/x86/entry/calling.h, as booted with pti=on: nothing of the
 * kernel is global but what both trees have. x86-64 only. Every fault switches
 * CR3 twice, and so does an access that the shell makes as the kernel; a system
 * call would, but the shell's calls come from nowhere. Without PCIDs each
 * switch flushes what is not global (tlb.c). Left out: espfix, LDTs, stacks.
 */
#include "kernel/pti.h"

#include "kernel/internal.h"
#include "kernel/mm_types.h"
#include "kernel/pgtable.h"
#include "kernel/tlb.h"

#define PMD_BYTES (2 * MiB)

static pa_t entry_of(const struct kernel *k, pa_t table, unsigned level,
		     va_t va)
{
	return table + paging_index(k->mode, level, va) * k->mode->entry_size;
}

/* --- entries of user space ---------------------------------------------- */

uint64_t pti_set_user_pgtbl(struct kernel *k, int pid, va_t va, pa_t entry_pa,
			    uint64_t value, const char *why)
{
	if (!has_pti(k))
		return value;
	pt_set(k, pid, va, 0, entry_pa | PTI_USER_PGTABLE, value, why);
	if ((value & (PTE_P | PTE_US)) == (PTE_P | PTE_US))
		value |= pt_nx(k);
	return value;
}

/* --- the kernel's part of user roots ------------------------------------ */

/* linux pti_user_pagetable_walk_p4d(), .._pmd(), .._pte(). 0: no memory. */
static pa_t user_entry(struct kernel *k, va_t va, unsigned level)
{
	pa_t table = pti_user_root(k, k->swapper_pg_dir);

	for (unsigned l = 0; l < level; l++) {
		pa_t at = entry_of(k, table, l, va), new;

		if (!(pt_get(k, at) & PTE_P)) {
			new = pt_new_kernel_table(k);
			if (!new)
				return 0;
			pt_set_raw(k, at, new | _KERNPG_TABLE);
		}
		table = pt_get(k, at) & k->mode->addr_mask;
	}
	return entry_of(k, table, level, va);
}

/* Both trees get one entry, with all that is below it. */
static bool clone_entry(struct kernel *k, va_t va, unsigned level,
			uint64_t also)
{
	pa_t from = pt_lookup(k, k->swapper_pg_dir, va, level, false);
	pa_t to = user_entry(k, va, level);

	if (!from || !to)
		return false;
	pt_set_raw(k, from, pt_get(k, from) | also);
	pt_set_raw(k, to, pt_get(k, from));
	return true;
}

/* SYSCALL spills a register to the TSS of its CPU. */
static bool clone_tss(struct kernel *k)
{
	for (unsigned i = 0; i < k->machine->ncpus; i++) {
		pa_t tss = cpu_tss_rw(k, i);
		pa_t to = user_entry(k, kernel_va(k, tss), k->pte_level);

		if (!to)
			return false;
		pt_set_raw(k, to,
			   mk_pte(k, tss >> PAGE_SHIFT, pt_page_kernel(k)));
	}
	return true;
}

void pti_entry_text(const struct kernel *k, va_t *start, va_t *end)
{
	const struct layout *l = &k->layout;

	/* One large page; what is behind it is not for entering. */
	*end = l->kernel_map + ALIGN_DOWN(l->image.etext, PMD_BYTES);
	*start = *end - PMD_BYTES;
}

bool pti_init(struct kernel *k)
{
	unsigned p4d = k->mode->nlevels - 4, pmd = k->pte_level - 1;
	uint64_t global = k->machine->cpu[0].features.pge ? PTE_G : 0;
	va_t text, end;

	if (!has_pti(k))
		return true;
	pti_entry_text(k, &text, &end);
	return clone_entry(k, k->layout.cpu_entry_area, p4d, 0) &&
	       clone_tss(k) && clone_entry(k, text, pmd, global);
}

/* --- entry and exit ----------------------------------------------------- */

static void switch_cr3(struct kernel *k, unsigned cpu, pa_t root, bool user,
		       const char *why, const char *note)
{
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t old = c->mmu.cr3;
	pa_t want = user ? pti_user_root(k, root) : root;

	if (mmu_root(&c->mmu) == want || pti_load_cr3(k, cpu, root, user))
		return;
	kevent(k, .kind = KEV_SWITCH, .func = why, .old = old, .note = note,
	       .pid = k->current[cpu]->pid, .new = c->mmu.cr3);
}

/* Is @cpu on one of its task's roots? Somebody may have loaded CR3. */
static bool runs_task(const struct kernel *k, unsigned cpu, pa_t *root)
{
	const struct task_struct *t = k->current[cpu];
	pa_t loaded = mmu_root(&k->machine->cpu[cpu].mmu);

	if (!has_pti(k) || !t || !t->mm)
		return false;
	*root = t->mm->pgd << PAGE_SHIFT;
	return pti_kernel_root(k, loaded) == *root;
}

void pti_enter_kernel(struct kernel *k, unsigned cpu)
{
	pa_t root;

	if (runs_task(k, cpu, &root))
		switch_cr3(k, cpu, root, false, "SWITCH_TO_KERNEL_CR3",
			   "to the kernel's tables");
}

void pti_exit_to_user(struct kernel *k, unsigned cpu)
{
	pa_t root;

	if (runs_task(k, cpu, &root))
		switch_cr3(k, cpu, root, true, "SWITCH_TO_USER_CR3",
			   "to the user tables");
}

/* --- fsck ---------------------------------------------------------------- */

void pti_check_root(struct checker *c, const struct kernel *k, int pid,
		    pa_t root)
{
	unsigned n = 1U << k->mode->level[0].bits, size = k->mode->entry_size;
	pa_t user = pti_user_root(k, root);

	for (unsigned i = 0; has_pti(k) && i < n; i++) {
		bool kernel = i >= n / 2;
		uint64_t have = pt_get(k, user + i * size);
		uint64_t want =
			pt_get(k, (kernel ? pti_user_root(k, k->swapper_pg_dir)
					  : root) +
					  i * size);

		if ((have ^ want) & ~(PTE_A | PTE_D | (kernel ? 0 : PTE_XD)))
			check_finding(c,
				      "pid %d: user root entry 0x%x is "
				      "0x%llx, should be 0x%llx",
				      pid, i, (unsigned long long)have,
				      (unsigned long long)want);
		if (!kernel && (want & PTE_P) && pt_nx(k) && !(want & PTE_XD))
			check_finding(c,
				      "pid %d: root entry 0x%x is 0x%llx: "
				      "user space without XD",
				      pid, i, (unsigned long long)want);
	}
}

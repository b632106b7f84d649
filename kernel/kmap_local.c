/*
 * kmap_local.c - kmap_local and kmap_atomic: a CPU's own slots in the fixmap.
 *
 *	FIX_KMAP_BEGIN    cpu0 slot 0     the task on cpu0 has two mappings
 *	                  cpu0 slot 1
 *	                  cpu0 slot 2     its next one
 *	                  ...
 *	                  cpu1 slot 0
 *
 * The mappings are a stack that belongs to the task: a context switch clears
 * them, and writes them again when the task comes back to the same CPU, which
 *it may not leave as long as it has any (migrate_disable). kmap_atomic()
 *forbids the switch as well. No other CPU uses these addresses, so that one
 *INVLPG on this one is all the flushing there is.
 *
 * Models mm/highmem.c of Linux 6.1 (__kmap_local_pfn_prot,
 * kunmap_local_indexed, __kmap_local_sched_out, _in). Left out: guard slots
 * (CONFIG_DEBUG_KMAP_LOCAL); 2.6's named slot types: the classic layout has as
 * many slots, used as a stack.
 */
#include <errno.h>
#include <string.h>

#include "kernel/highmem.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"

static struct kmap_ctrl *task_ctrl(struct kernel *k, unsigned cpu,
				   struct task_struct *task)
{
	return task ? &task->kmap_ctrl : &k->idle_kmap[cpu];
}

const struct kmap_ctrl *kmap_ctrl_of(const struct kernel *k, unsigned cpu)
{
	return task_ctrl((struct kernel *)k, cpu, k->current[cpu]);
}

/*
 * 6.1 counts first and then insists that the count is below the number of slots
 * (kmap_local_idx_push): its last slot is never used.
 */
unsigned kmap_local_max(const struct kernel *k)
{
	return k->layout.kmap_slots - (k->layout.kmap_slots == KM_MAX_IDX);
}

va_t kmap_local_address(const struct kernel *k, unsigned cpu, unsigned i)
{
	i += k->layout.fix_kmap_begin + k->layout.kmap_slots * cpu;
	return k->layout.fixaddr_top - ((va_t)i << PAGE_SHIFT);
}

static pa_t slot_entry(struct kernel *k, va_t va)
{
	return pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, false);
}

/* --- slots ---------------------------------------------------------------- */

static void set_slot(struct kernel *k, unsigned cpu, unsigned i, pfn_t pfn,
		     const char *why)
{
	va_t va = kmap_local_address(k, cpu, i);

	pt_set(k, 0, va, k->pte_level, slot_entry(k, va),
	       mk_pte(k, pfn, pt_page_kernel(k)), why);
}

/* The mapping is this CPU's own: no other CPU need forget it. */
static void clear_slot(struct kernel *k, unsigned cpu, unsigned i,
		       const char *why)
{
	va_t va = kmap_local_address(k, cpu, i);

	pt_set(k, 0, va, k->pte_level, slot_entry(k, va), 0, why);
	cpu_invlpg(&k->machine->cpu[cpu], va);
	kevent(k, .kind = KEV_TLB_FLUSH, .func = "invlpg", .va = va, .n = 1);
}

/* --- mapping -------------------------------------------------------------- */

static int map_local(struct kernel *k, unsigned cpu, pfn_t pfn, bool atomic,
		     va_t *ret)
{
	struct kmap_ctrl *ctrl;

	if (cpu >= k->machine->ncpus || !pfn_valid(k, pfn))
		return -EINVAL;
	ctrl = task_ctrl(k, cpu, k->current[cpu]);
	if (pfn < k->max_low_pfn) {
		*ret = kernel_va(k, pfn << PAGE_SHIFT);
	} else {
		if (!k->kmap)
			return -ENOSYS;
		if (ctrl->idx == kmap_local_max(k))
			return -EAGAIN;
		set_slot(k, cpu, ctrl->idx, pfn,
			 atomic ? "kmap_atomic" : "kmap_local");
		*ret = kmap_local_address(k, cpu, ctrl->idx);
		ctrl->pfn[ctrl->idx] = pfn;
		ctrl->atomic |= atomic << ctrl->idx;
		ctrl->idx++;
	}
	ctrl->preempt_count += atomic;
	return 0;
}

int kmap_local(struct kernel *k, unsigned cpu, pfn_t pfn, va_t *ret)
{
	return map_local(k, cpu, pfn, false, ret);
}

int kmap_atomic(struct kernel *k, unsigned cpu, pfn_t pfn, va_t *ret)
{
	return map_local(k, cpu, pfn, true, ret);
}

bool kmap_local_top(const struct kernel *k, unsigned cpu, pfn_t *pfn, va_t *va)
{
	const struct kmap_ctrl *ctrl = kmap_ctrl_of(k, cpu);

	if (!ctrl->idx)
		return false;
	*pfn = ctrl->pfn[ctrl->idx - 1];
	*va = kmap_local_address(k, cpu, ctrl->idx - 1);
	return true;
}

static int unmap_local(struct kernel *k, unsigned cpu, va_t va, bool atomic)
{
	struct kmap_ctrl *ctrl;
	pfn_t pfn;
	va_t top;

	if (cpu >= k->machine->ncpus)
		return -EINVAL;
	ctrl = task_ctrl(k, cpu, k->current[cpu]);
	if (!kernel_virt_ok(k, va)) {
		if (!kmap_local_top(k, cpu, &pfn, &top) ||
		    top != (va & PAGE_MASK) ||
		    (ctrl->atomic >> (ctrl->idx - 1) & 1) != atomic)
			return -EINVAL;
		ctrl->idx--;
		ctrl->atomic &= ~(1u << ctrl->idx);
		clear_slot(k, cpu, ctrl->idx,
			   atomic ? "kunmap_atomic" : "kunmap_local");
	}
	if (atomic && ctrl->preempt_count)
		ctrl->preempt_count--;
	return 0;
}

int kunmap_local(struct kernel *k, unsigned cpu, va_t va)
{
	return unmap_local(k, cpu, va, false);
}

int kunmap_atomic(struct kernel *k, unsigned cpu, va_t va)
{
	return unmap_local(k, cpu, va, true);
}

/* --- context switch ------------------------------------------------------- */

int kmap_may_switch(const struct kernel *k, unsigned cpu,
		    const struct task_struct *prev,
		    const struct task_struct *next)
{
	const struct kmap_ctrl *ctrl =
		prev ? &prev->kmap_ctrl : &k->idle_kmap[cpu];

	if (ctrl->preempt_count)
		return -EDEADLK;
	if (next && next->kmap_ctrl.idx && next->kmap_ctrl.cpu != cpu)
		return -EXDEV;
	return 0;
}

/* The slots are counted down: the last one is the lowest address. */
static void report(struct kernel *k, unsigned cpu, unsigned n, const char *func)
{
	if (n)
		kevent(k, .kind = KEV_HANDLER, .func = func, .n = n,
		       .va = kmap_local_address(k, cpu, n - 1),
		       .end = kmap_local_address(k, cpu, 0) + PAGE_SIZE);
}

void kmap_local_switch(struct kernel *k, unsigned cpu, struct task_struct *prev,
		       struct task_struct *next)
{
	struct kmap_ctrl *out = task_ctrl(k, cpu, prev);
	struct kmap_ctrl *in = task_ctrl(k, cpu, next);

	out->cpu = cpu;
	for (unsigned i = 0; i < out->idx; i++)
		clear_slot(k, cpu, i, "kmap_local_sched_out");
	report(k, cpu, out->idx, "kmap_local_sched_out");
	for (unsigned i = 0; i < in->idx; i++)
		set_slot(k, cpu, i, in->pfn[i], "kmap_local_sched_in");
	report(k, cpu, in->idx, "kmap_local_sched_in");
}

void kmap_local_exit(struct kernel *k, struct task_struct *task)
{
	if (task->cpu >= 0)
		kmap_local_switch(k, task->cpu, task, NULL);
	memset(&task->kmap_ctrl, 0, sizeof(task->kmap_ctrl));
}

/* --- looking -------------------------------------------------------------- */

static bool ctrl_uses(const struct kmap_ctrl *ctrl, pfn_t pfn, uint64_t n)
{
	for (unsigned i = 0; i < ctrl->idx; i++)
		if (ctrl->pfn[i] - pfn < n)
			return true;
	return false;
}

bool kmap_local_uses(const struct kernel *k, pfn_t pfn, uint64_t n)
{
	const struct task_struct *t;

	for (unsigned cpu = 0; cpu < k->machine->ncpus; cpu++)
		if (ctrl_uses(&k->idle_kmap[cpu], pfn, n))
			return true;
	TAILQ_FOREACH (t, &k->tasks, link)
		if (ctrl_uses(&t->kmap_ctrl, pfn, n))
			return true;
	return false;
}

/* --- check ---------------------------------------------------------------- */

static void check_slot(struct checker *c, struct kernel *k, unsigned cpu,
		       unsigned i)
{
	const struct kmap_ctrl *ctrl = kmap_ctrl_of(k, cpu);
	va_t va = kmap_local_address(k, cpu, i);
	pa_t entry_pa = slot_entry(k, va);
	uint64_t entry = entry_pa ? pt_get(k, entry_pa) : 0;
	pfn_t pfn = i < ctrl->idx ? ctrl->pfn[i] : PFN_NONE;

	if (pfn == PFN_NONE && entry)
		check_finding(c,
			      "kmap slot 0x%llx of cpu %u is not in use, its "
			      "entry is 0x%llx",
			      (unsigned long long)va, cpu,
			      (unsigned long long)entry);
	if (pfn == PFN_NONE)
		return;
	if (!(entry & PTE_P) || pte_pfn(k, entry) != pfn)
		check_finding(c,
			      "kmap slot 0x%llx of cpu %u: entry 0x%llx, the "
			      "slot is for pfn 0x%llx",
			      (unsigned long long)va, cpu,
			      (unsigned long long)entry,
			      (unsigned long long)pfn);
	if (page_is_free(k, pfn))
		check_finding(c,
			      "kmap slot 0x%llx of cpu %u is in use, its pfn "
			      "0x%llx is free",
			      (unsigned long long)va, cpu,
			      (unsigned long long)pfn);
}

void kmap_local_check(struct kernel *k, struct checker *c)
{
	for (unsigned cpu = 0; k->kmap && cpu < k->machine->ncpus; cpu++)
		for (unsigned i = 0; i < k->layout.kmap_slots; i++)
			check_slot(c, k, cpu, i);
}

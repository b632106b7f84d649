/*
 * pkeys.c - protection keys: who has which, and what PKRU says (linux 6.1
 * arch/x86/mm/pkeys.c, arch/x86/include/asm/pkeys.h; mm/mprotect.c for the
 * calls).
 *
 *	mm->pkey_allocation_map		a bit for each key in use; 0 always is
 *	mm->execute_only_pkey		the key of PROT_EXEC memory, or -1
 *	vma->vm_flags, VM_PKEY_MASK	the key of an area
 *	entry, bits 59 to 62		the same, for the CPU
 *
 * Without PKU the map is empty, and the one key is 0: pkey_alloc() finds it
 * and then cannot set its rights, -EINVAL; from then on it is -ENOSPC. Left
 * out: XSAVE, PKRU in core dumps. Handlers of signals begin with INIT_PKRU.
 */
#include <errno.h>

#include "kernel/mm_internal.h"
#include "kernel/pkeys.h"

#define PKRU_BITS 2 /* a key: access disabled, write disabled */

bool cpu_has_ospke(const struct kernel *k)
{
	return k->machine->cpu[0].mmu.pku_on;
}

static int arch_max_pkey(const struct kernel *k)
{
	return cpu_has_ospke(k) ? NR_PKEYS : 1;
}

void init_new_context(const struct kernel *k, struct mm_struct *mm)
{
	if (!cpu_has_ospke(k))
		return;
	mm->pkey_allocation_map = 1;
	mm->execute_only_pkey = -1;
}

/* --- PKRU ------------------------------------------------------------------
 */

static bool runs(const struct task_struct *task)
{
	return task->cpu >= 0;
}

uint32_t read_pkru(const struct kernel *k, const struct task_struct *task)
{
	return runs(task) ? k->machine->cpu[task->cpu].mmu.pkru : task->pkru;
}

void write_pkru(struct kernel *k, struct task_struct *task, uint32_t pkru)
{
	task->pkru = pkru;
	if (runs(task) && cpu_has_ospke(k))
		cpu_write_pkru(&k->machine->cpu[task->cpu], pkru);
}

void x86_pkru_load(struct kernel *k, unsigned cpu, struct task_struct *prev,
		   const struct task_struct *next)
{
	struct cpu *c = &k->machine->cpu[cpu];
	uint32_t pkru = next ? next->pkru : INIT_PKRU;

	if (!cpu_has_ospke(k))
		return;
	if (prev)
		prev->pkru = c->mmu.pkru;
	if (pkru != c->mmu.pkru)
		cpu_write_pkru(c, pkru);
}

/* The task that runs with @mm: the current one, if it does. */
static struct task_struct *mm_task(const struct mm_struct *mm)
{
	struct kernel *k = mm->k;
	struct task_struct *task = k->current[k->this_cpu];

	if (!task || task->mm != mm)
		task = mm->owner;
	return task && task->mm == mm ? task : NULL;
}

static int arch_set_user_pkey_access(struct kernel *k, struct mm_struct *mm,
				     int pkey, unsigned rights)
{
	struct task_struct *task = mm_task(mm);
	unsigned shift = pkey * PKRU_BITS;
	uint32_t pkru;

	if (!cpu_has_ospke(k))
		return -EINVAL;
	if (!task) /* exec builds it: INIT_PKRU denies what is asked for */
		return 0;
	pkru = read_pkru(k, task) & ~(3u << shift);
	write_pkru(k, task, pkru | rights << shift);
	return 0;
}

bool arch_vma_access_permitted(const struct vm_area_struct *vma, bool write,
			       bool execute)
{
	const struct kernel *k = vma->vm_mm->k;
	const struct task_struct *task;
	unsigned deny;

	if (execute || !cpu_has_ospke(k))
		return true;
	task = mm_task(vma->vm_mm);
	if (!task)
		return true;
	deny = read_pkru(k, task) >> (vma_pkey(vma) * PKRU_BITS) & 3;
	return !(deny & LX_PKEY_DISABLE_ACCESS) &&
	       !(write && (deny & LX_PKEY_DISABLE_WRITE));
}

/* --- which keys are in use ---------------------------------------------------
 */

/* The key of execute-only memory is the kernel's: as if it were not there. */
bool mm_pkey_is_allocated(const struct kernel *k, const struct mm_struct *mm,
			  int pkey)
{
	if (pkey < 0 || pkey >= arch_max_pkey(k) ||
	    pkey == mm->execute_only_pkey)
		return false;
	return mm->pkey_allocation_map >> pkey & 1;
}

static int mm_pkey_alloc(const struct kernel *k, struct mm_struct *mm)
{
	for (int key = 0; key < arch_max_pkey(k); key++)
		if (!(mm->pkey_allocation_map >> key & 1)) {
			mm->pkey_allocation_map |= 1u << key;
			return key;
		}
	return -1;
}

static void mm_set_pkey_free(struct mm_struct *mm, int pkey)
{
	mm->pkey_allocation_map &= ~(1u << pkey);
}

int execute_only_pkey(struct kernel *k, struct mm_struct *mm)
{
	struct task_struct *task = mm_task(mm);
	int key = mm->execute_only_pkey;

	if (!cpu_has_ospke(k))
		return 0;
	if (key < 0) {
		key = mm_pkey_alloc(k, mm);
		if (key < 0)
			return 0;
	} else if (task && (read_pkru(k, task) >> (key * PKRU_BITS) & 1)) {
		return key;
	}
	arch_set_user_pkey_access(k, mm, key, LX_PKEY_DISABLE_ACCESS);
	mm->execute_only_pkey = key;
	return key;
}

static bool is_exec_only(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_ACCESS_FLAGS) == VM_EXEC &&
	       vma_pkey(vma) == vma->vm_mm->execute_only_pkey;
}

int arch_override_mprotect_pkey(struct kernel *k,
				const struct vm_area_struct *vma, unsigned prot,
				int pkey)
{
	if (pkey != -1)
		return pkey;
	if (prot == LX_PROT_EXEC) {
		pkey = execute_only_pkey(k, vma->vm_mm);
		if (pkey > 0)
			return pkey;
	} else if (is_exec_only(vma)) {
		return 0;
	}
	return vma_pkey(vma);
}

/* --- the calls ---------------------------------------------------------------
 */

int do_pkey_alloc(struct kernel *k, struct mm_struct *mm, unsigned flags,
		  unsigned rights)
{
	int key, err;

	if (k->arch->word < 8)
		return -ENOSYS;
	if (flags ||
	    (rights & ~(LX_PKEY_DISABLE_ACCESS | LX_PKEY_DISABLE_WRITE)))
		return -EINVAL;
	key = mm_pkey_alloc(k, mm);
	if (key < 0)
		return -ENOSPC;
	err = arch_set_user_pkey_access(k, mm, key, rights);
	if (!err)
		return key;
	/* Without PKU, key 0 counts as the one of execute-only memory: it
	 * stays, and the next call is -ENOSPC. */
	if (mm_pkey_is_allocated(k, mm, key))
		mm_set_pkey_free(mm, key);
	return err;
}

/* Areas that have the key keep it. */
int do_pkey_free(struct kernel *k, struct mm_struct *mm, int pkey)
{
	if (k->arch->word < 8)
		return -ENOSYS;
	if (!mm_pkey_is_allocated(k, mm, pkey))
		return -EINVAL;
	mm_set_pkey_free(mm, pkey);
	return 0;
}

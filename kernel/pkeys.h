/*
 * pkeys.h - protection keys of user memory (linux include/linux/pkeys.h,
 * arch/x86/mm/pkeys.c). An area has a key, which goes into its entries; PKRU,
 * a register of each task, says what data accesses each key permits.
 *
 * Only x86-64 has them, and only if the CPU has PKU (boot: pku=on).
 */
#ifndef KERNEL_PKEYS_H
#define KERNEL_PKEYS_H

#include "kernel/mm_types.h"

#define LX_PKEY_DISABLE_ACCESS 1u
#define LX_PKEY_DISABLE_WRITE  2u
#define NR_PKEYS	       16
#define INIT_PKRU	       0x55555554u /* all keys but 0 deny access */

static inline int vma_pkey(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT;
}

/* Has the kernel switched protection keys on (X86_FEATURE_OSPKE)? */
bool cpu_has_ospke(const struct kernel *k);

/* A key, or -EINVAL (flags, rights, no PKU), -ENOSPC, -ENOSYS on i386. */
int do_pkey_alloc(struct kernel *k, struct mm_struct *mm, unsigned flags,
		  unsigned rights);
int do_pkey_free(struct kernel *k, struct mm_struct *mm, int pkey);
/* mprotect that sets the key too; -1: as mprotect chooses it (mprotect.c). */
int do_pkey_mprotect(struct kernel *k, struct mm_struct *mm, va_t addr,
		     uint64_t len, unsigned prot, int pkey);

bool mm_pkey_is_allocated(const struct kernel *k, const struct mm_struct *mm,
			  int pkey);
/* The key of memory that may be executed and nothing else; 0: there is none. */
int execute_only_pkey(struct kernel *k, struct mm_struct *mm);
/* The key that mprotect(prot, pkey) gives to @vma. */
int arch_override_mprotect_pkey(struct kernel *k,
				const struct vm_area_struct *vma, unsigned prot,
				int pkey);
/* Does PKRU of the task whose memory it is permit a data access? */
bool arch_vma_access_permitted(const struct vm_area_struct *vma, bool write,
			       bool execute);
void init_new_context(const struct kernel *k, struct mm_struct *mm);

/* PKRU of a task: in the register while it runs. */
uint32_t read_pkru(const struct kernel *k, const struct task_struct *task);
void write_pkru(struct kernel *k, struct task_struct *task, uint32_t pkru);
/* context_switch: @next takes the register over from @prev (NULL: idle). */
void x86_pkru_load(struct kernel *k, unsigned cpu, struct task_struct *prev,
		   const struct task_struct *next);

#endif

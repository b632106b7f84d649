/*
 * fault.c - exceptions of memory accesses (linux 6.1 arch/x86/mm/fault.c,
 * arch/x86/kernel/traps.c for #GP and #SS).
 *
 *	not #PF ---------------------------- SIGSEGV SI_KERNEL, address 0
 *	kernel address: from user mode ----- SEGV_MAPERR, P bit set in what is
 *	                                     reported, lest it tell of mappings
 *	                from the kernel ---- oops; i386: vmalloc_fault() may
 *	                                     mend it
 *	no area, no stack to grow ---------- SEGV_MAPERR
 *	the area forbids it ---------------- SEGV_ACCERR
 *	its key does, by PKRU -------------- SEGV_PKUERR
 *	else ------------------------------- handle_mm_fault
 *
 * Left out: vsyscall emulation, spurious kernel faults,
 * exception tables: a bad access by the kernel is an oops (uaccess.c has the
 * copies that may fail).
 */
#include "kernel/mm_internal.h"
#include "kernel/oom.h"
#include "kernel/pkeys.h"
#include "kernel/pti.h"

#define LX_SIGKILL 9

struct pf {	/* one exception */
	struct kernel *k;
	struct task_struct *task;	/* NULL: idle */
	const struct cpu *cpu;
	const struct access *access;
	const struct fault *fault;
	struct siginfo *sig;
};

static bool user_mode(const struct pf *pf)
{
	return pf->access->user && !pf->access->implicit;
}

/* Of which key the memory at @va is, if that is why. */
static uint8_t fault_pkey(const struct pf *pf, int code, va_t va)
{
	return code == LX_SEGV_PKUERR ?
		       vma_pkey(find_vma(pf->task->mm, va)) : 0;
}

/* The access ends: in a signal if made by user code, else in an oops. */
static bool force_sig(const struct pf *pf, int signo, int code, va_t va,
		      uint32_t error)
{
	if (!user_mode(pf)) {
		*pf->sig = (struct siginfo){ 0 };
		return false;
	}
	*pf->sig = (struct siginfo){
		.signo = signo, .si_code = code, .addr = va,
		.error_code = error, .trap = pf->fault->vector,
		.pkey = fault_pkey(pf, code, va),
	};
	kevent(pf->k, .kind = KEV_SIGNAL, .signo = signo, .si_code = code,
	       .va = va, .pid = pf->task ? pf->task->pid : 0,
	       .fault = pf->fault, .access = pf->access,
	       .n = pf->sig->pkey);
	return false;
}

static bool bad_area(const struct pf *pf, int code)
{
	uint32_t error = pf->fault->error_code;

	if (pf->fault->cr2 >= pf->k->layout.task_size)
		error |= PF_P;
	return force_sig(pf, LX_SIGSEGV, code, pf->fault->cr2, error);
}

/* The vma is asked too: no page is made only to be refused. */
bool fault_from_pkey(uint32_t error, const struct vm_area_struct *vma)
{
	if (error & PF_PK)
		return true;
	return !arch_vma_access_permitted(vma, error & PF_WR, error & PF_ID);
}

bool access_error(uint32_t error, const struct vm_area_struct *vma)
{
	if (fault_from_pkey(error, vma))
		return true;
	if (error & PF_WR)
		return !(vma->vm_flags & VM_WRITE);
	if (error & PF_P)	/* a read or fetch, and there is a page */
		return true;
	return !vma_is_accessible(vma);
}

static bool bad_area_access(const struct pf *pf,
			    const struct vm_area_struct *vma)
{
	bool key = fault_from_pkey(pf->fault->error_code, vma);

	return bad_area(pf, key ? LX_SEGV_PKUERR : LX_SEGV_ACCERR);
}

static unsigned fault_flags(uint32_t error)
{
	return (error & PF_WR ? FAULT_FLAG_WRITE : 0) |
	       (error & PF_US ? FAULT_FLAG_USER : 0) |
	       (error & PF_ID ? FAULT_FLAG_INSTRUCTION : 0);
}

/*
 * Linux' page allocator would have called the OOM killer, and a fault is tried
 * again whatever came of it. An injected failure is no lack of memory.
 */
static bool fault_out_of_memory(const struct pf *pf,
				const struct vm_area_struct *vma, bool injected)
{
	unsigned gfp = GFP_HIGHUSER_MOVABLE;

	if (injected) {
		printk(pf->k, "Huh VM_FAULT_OOM leaked out to the #PF handler."
			      " Retrying PF");
		return true;
	}
	if (!vma->vm_ops)
		gfp |= __GFP_COMP | __GFP_ZERO;
	if (out_of_memory(pf->k, pf->task, gfp) &&
	    pf->k->current[pf->cpu->id] == pf->task)
		return true;
	return force_sig(pf, LX_SIGKILL, LX_SI_KERNEL, 0,
			 pf->fault->error_code);
}

static bool mm_fault_error(const struct pf *pf, unsigned ret)
{
	if (ret & VM_FAULT_SIGBUS)
		return force_sig(pf, LX_SIGBUS, LX_BUS_ADRERR, pf->fault->cr2,
				 pf->fault->error_code);
	return bad_area(pf, LX_SEGV_MAPERR);
}

/* SMAP and SMEP: the kernel must not touch user memory by accident. */
static bool kernel_may_not(const struct pf *pf)
{
	if (user_mode(pf))
		return false;
	return (pf->fault->error_code & PF_ID) ||
	       pf->fault->reason == FAULT_SMAP ||
	       pf->fault->reason == FAULT_SMEP;
}

/* Unlike find_extend_vma(), a locked stack is not populated as it grows. */
static struct vm_area_struct *area_of_fault(struct kernel *k,
					    struct mm_struct *mm, va_t va)
{
	struct vm_area_struct *vma = find_vma(mm, va);

	if (!vma || vma->vm_start <= va)
		return vma;
	if (!(vma->vm_flags & VM_GROWSDOWN) || expand_stack(k, vma, va))
		return NULL;
	return vma;
}

static bool do_user_addr_fault(const struct pf *pf)
{
	uint32_t error = pf->fault->error_code;
	va_t va = pf->fault->cr2;
	unsigned ret, armed = pf->k->fail_nth;
	struct vm_area_struct *vma;

	if (error & PF_RSVD)	/* corrupted page table: the task is killed */
		return force_sig(pf, LX_SIGKILL, LX_SI_KERNEL, 0, error);
	if (kernel_may_not(pf))
		return force_sig(pf, 0, 0, 0, 0);
	if (!pf->task || !pf->task->mm)
		return bad_area(pf, LX_SEGV_MAPERR);
	vma = area_of_fault(pf->k, pf->task->mm, va);
	if (!vma)
		return bad_area(pf, LX_SEGV_MAPERR);
	if (access_error(error, vma))
		return bad_area_access(pf, vma);
	ret = handle_mm_fault(pf->k, vma, va, fault_flags(error));
	if (ret & VM_FAULT_OOM)
		return fault_out_of_memory(pf, vma, armed && !pf->k->fail_nth);
	if (ret & (VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV))
		return mm_fault_error(pf, ret);
	return true;
}

/* --- i386: kernel entries that this root has not got yet ----------------- */

/*
 * Copies the entry of swapper_pg_dir into the root of this CPU. Only roots
 * of two levels have a copy of it: PAE shares the table below. False: there is
 * nothing to copy.
 */
static bool vmalloc_sync_one(const struct pf *pf, va_t va)
{
	struct kernel *k = pf->k;
	unsigned index = paging_index(k->mode, 0, va) * k->mode->entry_size;
	pa_t root = mmu_root(&pf->cpu->mmu), entry_pa = root + index;
	uint64_t entry = pt_get(k, k->swapper_pg_dir + index);
	uint64_t step = 1ULL << k->mode->level[0].shift;

	if (k->mode->pdpte_regs || !(entry & PTE_P) ||
	    (pt_get(k, entry_pa) & PTE_P))
		return entry & PTE_P;
	pt_set(k, pf->task ? pf->task->pid : 0, va, 0, entry_pa, entry,
	       "vmalloc_fault");
	kevent(k, .kind = KEV_HANDLER, .func = "vmalloc_fault",
	       .note = "PDE copied from swapper_pg_dir",
	       .va = ALIGN_DOWN(va, step), .end = ALIGN_DOWN(va, step) + step);
	return true;
}

/* Linux has arch_sync_kernel_mappings() for it, and this for races. */
static bool vmalloc_fault(const struct pf *pf)
{
	struct kernel *k = pf->k;
	va_t va = pf->fault->cr2;
	uint64_t entry;
	unsigned level;

	if (k->arch->word == 8 || va < k->layout.vmalloc_start ||
	    va >= k->layout.vmalloc_end ||
	    (pf->fault->error_code & (PF_RSVD | PF_US | PF_P)))
		return false;
	return vmalloc_sync_one(pf, va) &&
	       pt_leaf(k, k->swapper_pg_dir, va, &entry, &level) &&
	       (entry & PTE_P);
}

static bool dispatch(const struct pf *pf)
{
	const struct fault *fault = pf->fault;

	if (fault->vector == VEC_SS)
		return force_sig(pf, LX_SIGBUS, LX_SI_KERNEL, 0,
				 fault->error_code);
	if (fault->vector != VEC_PF)
		return force_sig(pf, LX_SIGSEGV, LX_SI_KERNEL, 0,
				 fault->error_code);
	if (vmalloc_fault(pf))
		return true;
	if (fault->cr2 >= pf->k->layout.task_size)
		return bad_area(pf, LX_SEGV_MAPERR);
	return do_user_addr_fault(pf);
}

/* The handler runs on the kernel's tables, as the entry code sees to. */
bool exc_page_fault(struct kernel *k, unsigned cpu, const struct access *access,
		    const struct fault *fault, struct siginfo *sig)
{
	struct pf pf = { k, k->current[cpu], &k->machine->cpu[cpu], access,
			 fault, sig };
	bool handled;

	*sig = (struct siginfo){ 0 };
	kevent(k, .kind = KEV_FAULT, .func = "exc_page_fault",
	       .va = fault->vector == VEC_PF ? fault->cr2 : access->va,
	       .pid = pf.task ? pf.task->pid : 0, .fault = fault,
	       .access = access);
	pti_enter_kernel(k, cpu);
	handled = dispatch(&pf);
	if (access->user)
		pti_exit_to_user(k, cpu);
	return handled;
}

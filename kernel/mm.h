/*
 * mm.h - what one does to an address space: the system calls, the fault path,
 * accesses. For mmap.c, mprotect.c, memory.c, fault.c and uaccess.c; files are
 * in fs.h, tasks in process.h, the reverse mapping in rmap.h.
 *
 * Return values: 0 or a negative errno, unless it says otherwise. Out
 * parameters come last and are written only on success.
 */
#ifndef KERNEL_MM_H
#define KERNEL_MM_H

#include "kernel/mm_types.h"
#include "kernel/page_alloc.h"

/* prot and flags of mmap: the i386/x86-64 ABI's values. */
#define LX_PROT_READ	1
#define LX_PROT_WRITE	2
#define LX_PROT_EXEC	4
#define LX_MAP_SHARED	0x01
#define LX_MAP_PRIVATE	0x02
#define LX_MAP_SHARED_VALIDATE 0x03
#define LX_MAP_FIXED	0x10
#define LX_MAP_32BIT	       0x40 /* x86-64; no flag elsewhere */
#define LX_MAP_ANONYMOUS 0x20
#define LX_MAP_GROWSDOWN 0x100
#define LX_MAP_LOCKED	0x2000
#define LX_MAP_NORESERVE 0x4000
#define LX_MAP_POPULATE	0x8000
#define LX_MAP_NONBLOCK	       0x10000
#define LX_MAP_DENYWRITE 0x0800	/* ignored */
#define LX_MAP_STACK	0x20000
#define LX_MAP_HUGETLB	       0x40000
#define LX_MAP_SYNC	       0x80000
#define LX_MAP_FIXED_NOREPLACE 0x100000

#define LX_MREMAP_MAYMOVE 1
#define LX_MREMAP_FIXED	2
#define LX_MREMAP_DONTUNMAP 4

#define LX_MAX_MAP_COUNT 65530
#define STACK_GUARD_GAP	(256UL << PAGE_SHIFT)

/* --- mmap.c, mprotect.c ---------------------------------------------------- */
/* @file NULL: anonymous. The address is in *ret. */
int do_mmap(struct kernel *k, struct mm_struct *mm, struct file *file,
	    va_t addr, uint64_t len, unsigned prot, unsigned flags,
	    uint64_t pgoff, va_t *ret);
int do_munmap(struct kernel *k, struct mm_struct *mm, va_t addr, uint64_t len);
int do_mprotect(struct kernel *k, struct mm_struct *mm, va_t addr,
		uint64_t len, unsigned prot);
/* Resizes or moves, as @flags allow (mremap.c). The address is in *ret. */
int do_mremap(struct kernel *k, struct mm_struct *mm, va_t addr,
	      uint64_t old_len, uint64_t new_len, unsigned flags,
	      va_t new_addr, va_t *ret);
#define ANON_VMA_NAME_MAX_LEN 80
/*
 * prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME): names anonymous memory, NULL: not
 * any more (sys.c). -EBADF: memory of a file; -ENOMEM: there are holes, but
 * what is mapped has the name.
 */
int prctl_set_vma(struct kernel *k, struct mm_struct *mm, va_t start,
		  uint64_t len, const char *name);
/* linux vm_brk_flags(): anonymous memory at @addr, in the place of what is. */
int vm_brk_flags(struct kernel *k, struct mm_struct *mm, va_t addr,
		 uint64_t request, unsigned long flags);
/* What may be promised with vm.overcommit_memory 2, in pages (util.c). */
uint64_t vm_commit_limit(const struct kernel *k);
/* Linux' brk: *ret is the new break, or the old one if it was refused. */
int do_brk(struct kernel *k, struct mm_struct *mm, va_t brk, va_t *ret);
/* Grows the stack area @vma down to hold @va; -ENOMEM if limits forbid. */
int expand_stack(struct kernel *k, struct vm_area_struct *vma, va_t va);
struct vm_area_struct *find_vma(const struct mm_struct *mm, va_t va);
/* Name of an area as in /proc/PID/maps: path, [heap], [stack], [vdso], "". */
const char *vma_name(const struct vm_area_struct *vma);
/* PTE flags of a user mapping (linux protection_map). */
uint64_t vm_get_page_prot(const struct kernel *k, unsigned long vm_flags);

/* --- memory.c -------------------------------------------------------------- */
#define VM_FAULT_OOM	0x01u
#define VM_FAULT_SIGBUS	0x02u
#define VM_FAULT_MAJOR	0x04u
#define VM_FAULT_SIGSEGV 0x40u
#define VM_FAULT_NOPAGE	0x100u

#define FAULT_FLAG_WRITE 0x01u
#define FAULT_FLAG_USER	0x40u
#define FAULT_FLAG_INSTRUCTION 0x100u

/* => @vma holds @va and its rights allow the access. Returns VM_FAULT_*. */
unsigned handle_mm_fault(struct kernel *k, struct vm_area_struct *vma, va_t va,
			 unsigned flags);
/* Removes all pages of [start, end) of @vma, and flushes the TLBs. */
void zap_page_range(struct kernel *k, struct vm_area_struct *vma, va_t start,
		    va_t end);
/* Copies the entries of a private area for fork; -ENOMEM. */
int copy_page_range(struct kernel *k, struct vm_area_struct *dst,
		    struct vm_area_struct *src);

/* --- fault.c: the #PF handler (linux arch/x86/mm/fault.c) ------------------ */
#define LX_SIGBUS	7
#define LX_SIGSEGV	11
#define LX_SEGV_MAPERR	1
#define LX_SEGV_ACCERR	2
#define LX_SEGV_PKUERR	4
#define LX_BUS_ADRERR	2
#define LX_SI_KERNEL	0x80

struct siginfo {
	int signo;		/* 0: none */
	int si_code;
	va_t addr;	/* si_addr (a macro of the host's signal.h) */
	uint32_t error_code;	/* of the exception */
	uint8_t trap;		/* vector */
	uint8_t pkey;	/* si_pkey: with SEGV_PKUERR, the key of the area */
};

enum sig_end {		    /* where a signal of an access led */
	       SIG_STOPPED, /* the process stays where it is: a debugger has it
			     */
	       SIG_RETRY, /* a handler returned: the instruction is tried again
			   */
	       SIG_STUCK, /* the same for ever: the handler repairs nothing */
	       SIG_ENDED, /* the process has ended; its CPU is idle */
	       SIG_LEFT,  /* the handler did not return */
	       SIG_PANIC, /* it would have ended init */
};

/*
 * Does @vma forbid the access whose page fault has @error as its code? Linux'
 * arch/x86/mm/fault.c.
 */
bool access_error(uint32_t error, const struct vm_area_struct *vma);
/* Is it because of a protection key (SEGV_PKUERR)? */
bool fault_from_pkey(uint32_t error, const struct vm_area_struct *vma);

/*
 * Handles an exception that @access of the task on @cpu raised. Returns
 * true: retry the access; false: *sig says which signal it ends in (for a
 * supervisor access: an oops; signo is 0).
 */
bool exc_page_fault(struct kernel *k, unsigned cpu, const struct access *access,
		    const struct fault *fault, struct siginfo *sig);

/* --- uaccess.c: memory accesses by instructions of the current task --------- */
struct user_access {		/* result */
	uint64_t done;		/* bytes moved */
	unsigned min_flt, maj_flt;
	struct siginfo sig;	/* signo 0: completed */
	struct fault fault;	/* the last fault, if sig or oops */
	bool oops;		/* a supervisor access that nothing can repair */
	bool fixed;		/* one that the exception table ended */
	enum sig_end end;	/* if sig */
	unsigned handled;	/* signals whose handler returned */
};

/*
 * Reads, writes or fetches @len bytes at @va on @cpu as user (CPL 3) or
 * kernel code, page by page, faults handled and retried. @buf is read for
 * ACCESS_WRITE, filled otherwise; NULL with @len 1: the byte keeps its value,
 * as an instruction that or-s it with 0 leaves it. What a signal leads to is in
 * ret->end: see signal.h.
 */
void user_access(struct kernel *k, unsigned cpu, enum access_kind kind,
		 bool user, va_t va, void *buf, uint64_t len,
		 struct user_access *ret);
/*
 * @access of user code on @cpu has faulted: handles that, and what signal it
 * raises. True: try again; false: *ret says how it ended.
 */
bool user_fault(struct kernel *k, unsigned cpu, const struct access *access,
		const struct fault *fault, struct user_access *ret);
/* copy_from_user/copy_to_user for another or the same mm, without CPU. */
int access_remote_vm(struct kernel *k, struct mm_struct *mm, va_t va, void *buf,
		     uint64_t len, bool write);

/* The soft limit RLIM_@which in bytes, LX_RLIM_INFINITY: none. */
uint64_t rlimit(const struct mm_struct *mm, unsigned which);

static inline uint64_t vma_pages(const struct vm_area_struct *vma)
{
	return (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
}

/* --- util.c: memory that is promised -------------------------------------- */
enum { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };

/* The part of kernel_check() for one address space */
unsigned mm_check(struct kernel *k, struct mm_struct *mm, check_fn fn, void *ctx);

#endif

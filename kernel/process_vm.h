/*
 * process_vm.h - process_vm_readv and process_vm_writev: bytes from one
 * process to another, page by page, without stopping it (linux
 * mm/process_vm_access.c).
 */
#ifndef KERNEL_PROCESS_VM_H
#define KERNEL_PROCESS_VM_H

#include "kernel/mm_types.h"

#define UIO_MAXIOV 1024

struct lx_iovec {
	va_t base;
	uint64_t len;
};

/* The caller's side: its memory, or @buf of the host in the place of it. */
struct pvm_local {
	const struct lx_iovec *vec;
	unsigned nr;
	uint8_t *buf; /* NULL: vec; else vec[0].len bytes */
};

/*
 * Reads from, or with @write writes to, the memory @remote of process @pid.
 * Returns the bytes that were moved, fewer if a page on either side cannot be
 * had; an errno if none was: -EFAULT, -EINVAL (flags, too many pieces),
 * -ESRCH, -EPERM (it has capabilities that @caller has not).
 */
int64_t process_vm_rw(struct kernel *k, struct task_struct *caller, int pid,
		      const struct pvm_local *local,
		      const struct lx_iovec *remote, unsigned nremote,
		      unsigned flags, bool write);
/* May @caller look into @task (linux ptrace_may_access)? */
bool ptrace_may_access(const struct task_struct *caller,
		       const struct task_struct *task);

#endif

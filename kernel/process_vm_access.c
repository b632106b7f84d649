/*
 * process_vm_access.c - process_vm_readv, process_vm_writev (linux 6.1
 * mm/process_vm_access.c; kernel/ptrace.c: __ptrace_may_access,
 * security/commoncap.c).
 *
 *	for each piece of the other process' memory
 *		get up to PINNED of its pages, as far as there are some
 *		copy them to or from the caller's memory, piece by piece
 *
 * Rights of areas count, as they do for the process itself; its protection
 * keys do not, the caller's do for its own memory. Stacks do not grow.
 *
 * Left out: users and dumpable processes: all have one user; seccomp, Yama.
 */
#include <errno.h>
#include <string.h>

#include "kernel/gup.h"
#include "kernel/mm_internal.h"
#include "kernel/process_vm.h"

#define PINNED 64 /* pages at a time */

struct pvm { /* one call */
	struct kernel *k;
	struct mm_struct *mm;  /* remote */
	struct mm_struct *own; /* the caller's */
	const struct pvm_local *local;
	unsigned i;    /* piece of local */
	uint64_t off;  /* in it */
	uint64_t left; /* bytes of local */
	bool write;
};

bool ptrace_may_access(const struct task_struct *caller,
		       const struct task_struct *task)
{
	uint64_t more = task->cap_effective & ~caller->cap_effective;

	return task->mm == caller->mm || !more ||
	       (caller->cap_effective & BIT(CAP_SYS_PTRACE));
}

/* --- the local side ---------------------------------------------------------
 */

/* Part of one piece. Bytes moved. */
static uint64_t copy_local(struct pvm *p, uint8_t *page, uint64_t len)
{
	va_t va = p->local->vec[p->i].base + p->off;
	int err;

	if (!p->local->buf)
		return access_process_vm(p->k, p->own, va, page, len,
					 p->write ? FOLL_FORCE : FOLL_WRITE,
					 &err);
	if (p->write)
		memcpy(page, p->local->buf + p->off, len);
	else
		memcpy(p->local->buf + p->off, page, len);
	return len;
}

/* Between one remote page and as many pieces as it takes. Bytes moved. */
static uint64_t copy_page(struct pvm *p, uint8_t *page, uint64_t len)
{
	uint64_t done = 0, n, got;

	while (done < len && p->left) {
		n = p->local->vec[p->i].len - p->off;
		if (n > len - done)
			n = len - done;
		got = copy_local(p, page + done, n);
		done += got;
		p->off += got;
		p->left -= got;
		if (got < n)
			break;
		if (p->off == p->local->vec[p->i].len) {
			p->i++;
			p->off = 0;
		}
	}
	return done;
}

/* --- the remote side --------------------------------------------------------
 */

static int copy_pages(struct pvm *p, const pfn_t *pfn, unsigned n, va_t *va,
		      uint64_t *len)
{
	for (unsigned i = 0; i < n && p->left; i++) {
		uint64_t in = *va & ~PAGE_MASK;
		uint64_t want = PAGE_SIZE - in < *len ? PAGE_SIZE - in : *len;
		uint64_t got = copy_page(
			p, (uint8_t *)page_bytes(p->k, pfn[i]) + in, want);

		*va += got;
		*len -= got;
		if (got < want && p->left)
			return -EFAULT;
	}
	return 0;
}

static void unpin(struct pvm *p, const pfn_t *pfn, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put_user_page(p->k, pfn[i], p->write);
}

static int rw_single_vec(struct pvm *p, va_t va, uint64_t len)
{
	unsigned flags = FOLL_GET | FOLL_REMOTE | (p->write ? FOLL_WRITE : 0);
	pfn_t pfn[PINNED];
	int err = 0;

	while (len && p->left && !err) {
		uint64_t nr =
			((va + len - 1) >> PAGE_SHIFT) - (va >> PAGE_SHIFT) + 1;
		int64_t n = get_user_pages(
			p->k, p->mm, va, nr < PINNED ? nr : PINNED, flags, pfn);

		if (n <= 0)
			return -EFAULT;
		err = copy_pages(p, pfn, n, &va, &len);
		unpin(p, pfn, n);
	}
	return err;
}

static int find_mm(struct kernel *k, const struct task_struct *caller, int pid,
		   struct mm_struct **ret)
{
	const struct task_struct *task = find_task(k, pid);

	if (!task || !task->mm)
		return -ESRCH;
	if (!ptrace_may_access(caller, task))
		return -EPERM;
	*ret = task->mm;
	return 0;
}

/* Faults in the other's memory are the caller's. */
static void move_faults(struct task_struct *from, uint64_t min, uint64_t maj,
			struct task_struct *to)
{
	if (!from || from == to)
		return;
	to->min_flt += from->min_flt - min;
	to->maj_flt += from->maj_flt - maj;
	from->min_flt = min;
	from->maj_flt = maj;
}

static int64_t rw_core(struct pvm *p, struct task_struct *caller,
		       const struct lx_iovec *remote, unsigned nremote)
{
	struct task_struct *owner = p->mm->owner;
	uint64_t min = owner ? owner->min_flt : 0;
	uint64_t maj = owner ? owner->maj_flt : 0, all = p->left;
	int err = 0;

	for (unsigned i = 0; i < nremote && p->left && !err; i++)
		err = rw_single_vec(p, remote[i].base, remote[i].len);
	move_faults(owner, min, maj, caller);
	return all - p->left ? (int64_t)(all - p->left) : err;
}

static uint64_t total(const struct lx_iovec *v, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += v[i].len;
	return sum;
}

/* Not too many, and a length is a signed number. */
static int check_iovec(const struct kernel *k, const struct lx_iovec *v,
		       unsigned n)
{
	uint64_t max = k->arch->word < 8 ? INT32_MAX : INT64_MAX;

	if (n > UIO_MAXIOV)
		return -EINVAL;
	for (unsigned i = 0; i < n; i++)
		if (v[i].len > max)
			return -EINVAL;
	return 0;
}

/* The caller's side must be memory of users. */
static int import_iovec(const struct kernel *k, const struct mm_struct *mm,
			const struct pvm_local *local)
{
	const struct lx_iovec *v = local->vec;
	int err = check_iovec(k, v, local->nr);

	for (unsigned i = 0; !err && i < local->nr && !local->buf; i++)
		if (v[i].len > mm->task_size ||
		    v[i].base > mm->task_size - v[i].len)
			err = -EFAULT;
	return err;
}

int64_t process_vm_rw(struct kernel *k, struct task_struct *caller, int pid,
		      const struct pvm_local *local,
		      const struct lx_iovec *remote, unsigned nremote,
		      unsigned flags, bool write)
{
	struct pvm p = { .k = k,
			 .own = caller->mm,
			 .local = local,
			 .left = total(local->vec, local->nr),
			 .write = write };
	int err;

	if (flags)
		return -EINVAL;
	err = import_iovec(k, caller->mm, local);
	if (err || !p.left)
		return err;
	err = check_iovec(k, remote, nremote);
	if (err)
		return err;
	if (!total(remote, nremote))
		return 0;
	err = find_mm(k, caller, pid, &p.mm);
	if (err)
		return err;
	return rw_core(&p, caller, remote, nremote);
}

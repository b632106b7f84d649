/*
 * sim_ops.c - operations done by kernel/: a row each.
 */
#include <errno.h>
#include <string.h>

#include "kernel/fs.h"
#include "kernel/mm_internal.h"
#include "kernel/mman.h"
#include "tests/diff/sim_view.h"

static int64_t do_op_map(struct sim_step *t)
{
	const struct op *op = t->op;
	va_t va;
	int err;

	if (op->off % PAGE)
		return -EINVAL; /* what the system call's entry says */
	err = do_mmap(t->s->k, t->mm, op->fd ? fget(t->task, op->fd) : NULL,
		      t->addr, op->len, op->prot, op->flags,
		      op->off >> PAGE_SHIFT, &va);

	return err ? err : (int64_t)sim_canonical(t->s, va);
}

static int64_t do_op_munmap(struct sim_step *t)
{
	return do_munmap(t->s->k, t->mm, t->addr, t->op->len);
}

static int64_t do_op_mprotect(struct sim_step *t)
{
	return do_mprotect(t->s->k, t->mm, t->addr, t->op->len, t->op->prot);
}

static int64_t do_op_mremap(struct sim_step *t)
{
	const struct op *op = t->op;
	unsigned flags =
		op->flags & OPF_NOMOVE ? op->flags & 6 : (op->flags & 6) | 1;
	va_t va;
	int err = do_mremap(t->s->k, t->mm, t->addr, op->len, op->len2, flags,
			    sim_real(t->s, op->addr2), &va);

	return err ? err : (int64_t)sim_canonical(t->s, va);
}

static int64_t do_op_msync(struct sim_step *t)
{
	return do_msync(t->s->k, t->mm, t->addr, t->op->len, t->op->flags);
}

static int64_t do_op_prlimit(struct sim_step *t)
{
	unsigned which = t->op->value == OPF_STACK ? RLIM_STACK : RLIM_MEMLOCK;

	if (which == RLIM_MEMLOCK && t->op->len > t->s->memlock)
		return -EPERM; /* the hard limit of the workers */
	t->task->rlim[which] = t->op->len;
	return 0;
}

static int64_t do_op_ftruncate(struct sim_step *t)
{
	return ksys_ftruncate(t->s->k, t->task, t->op->fd, t->op->len);
}

static int64_t do_op_fallocate(struct sim_step *t)
{
	return ksys_fallocate(t->s->k, t->task, t->op->fd, t->op->flags,
			      t->op->off, t->op->len);
}

static int64_t do_op_pwrite(struct sim_step *t)
{
	char byte = t->op->value;
	struct iov from = { .bytes = &byte };
	int64_t pos = t->op->off;

	return ksys_write(t->s->k, t->task, t->op->fd, &from, 1, &pos);
}

static int64_t do_op_pread(struct sim_step *t)
{
	struct iov to = { .bytes = &t->o->value };
	int64_t pos = t->op->off;

	return ksys_read(t->s->k, t->task, t->op->fd, &to,
			 t->op->len < 8 ? t->op->len : 8, &pos);
}

static int64_t do_op_madvise(struct sim_step *t)
{
	return do_madvise(t->s->k, t->mm, t->addr, t->op->len, t->op->value);
}

static int64_t do_op_mlock(struct sim_step *t)
{
	return do_mlock(t->s->k, t->mm, t->addr, t->op->len, t->op->flags);
}

static int64_t do_op_munlock(struct sim_step *t)
{
	return do_munlock(t->s->k, t->mm, t->addr, t->op->len);
}

static int64_t do_op_mlockall(struct sim_step *t)
{
	return do_mlockall(t->s->k, t->mm, t->op->flags);
}

static int64_t do_op_munlockall(struct sim_step *t)
{
	return do_munlockall(t->s->k, t->mm);
}

static int64_t do_op_mincore(struct sim_step *t)
{
	if (t->op->len > sizeof(t->o->vec) * PAGE)
		return 0;
	return do_mincore(t->s->k, t->mm, t->addr, t->op->len, t->o->vec);
}

static int64_t do_op_brk(struct sim_step *t)
{
	va_t now;

	do_brk(t->s->k, t->mm, t->addr, &now);
	return sim_canonical(t->s, now);
}

static int64_t do_op_fork(struct sim_step *t)
{
	struct sim *s = t->s;
	struct task_struct *child;
	int err;

	if (s->nprocs == MAX_PROCS)
		return 0;
	err = kernel_fork(s->k, t->task, &child);
	if (!err)
		s->task[s->nprocs++] = child;
	return err;
}

static int64_t do_op_exit(struct sim_step *t)
{
	int err = do_exit(t->s->k, t->task, 0);

	if (!err)
		t->s->task[t->op->proc] = NULL;
	return err;
}

/* One access; more in a row for touch. False: it ended in a signal. */
static bool access_one(struct sim_step *t, enum access_kind kind, va_t va,
		       void *buf, uint64_t len)
{
	struct user_access a;
	struct obs *o = t->o;

	user_access(t->s->k, 0, kind, true, va, buf, len, &a);
	if (!a.sig.signo && !a.oops)
		return true;
	o->signo = a.sig.signo;
	o->si_code = a.sig.si_code;
	o->addr = sim_canonical(t->s, a.sig.addr);
	o->error = a.sig.error_code;
	o->trap = a.sig.trap;
	return false;
}

static int64_t do_op_read(struct sim_step *t)
{
	uint64_t value = 0;
	bool ok = access_one(t, ACCESS_READ, t->addr, &value, t->op->len);

	t->o->value = ok ? value : 0;
	return ok;
}

static int64_t do_op_write(struct sim_step *t)
{
	uint64_t value = t->op->value;

	return access_one(t, ACCESS_WRITE, t->addr, &value, t->op->len);
}

static int64_t do_op_fetch(struct sim_step *t)
{
	uint8_t byte;

	return access_one(t, ACCESS_FETCH, t->addr, &byte, 1);
}

static int64_t do_op_touch(struct sim_step *t)
{
	bool write = t->op->flags & OPF_WRITE;
	int64_t pages = 0;

	for (va_t va = t->addr; va < t->addr + t->op->len; va += PAGE) {
		if (!access_one(t, write ? ACCESS_WRITE : ACCESS_READ, va, NULL,
				1))
			break;
		pages++;
	}
	return pages;
}

static int64_t (*const run[NR_OPS])(struct sim_step *t) = {
	[OP_MAP] = do_op_map,
	[OP_MUNMAP] = do_op_munmap,
	[OP_MPROTECT] = do_op_mprotect,
	[OP_BRK] = do_op_brk,
	[OP_READ] = do_op_read,
	[OP_WRITE] = do_op_write,
	[OP_FETCH] = do_op_fetch,
	[OP_TOUCH] = do_op_touch,
	[OP_MADVISE] = do_op_madvise,
	[OP_MLOCK] = do_op_mlock,
	[OP_MUNLOCK] = do_op_munlock,
	[OP_MLOCKALL] = do_op_mlockall,
	[OP_MUNLOCKALL] = do_op_munlockall,
	[OP_MINCORE] = do_op_mincore,
	[OP_MSYNC] = do_op_msync,
	[OP_PRLIMIT] = do_op_prlimit,
	[OP_MREMAP] = do_op_mremap,
	[OP_FTRUNCATE] = do_op_ftruncate,
	[OP_PWRITE] = do_op_pwrite,
	[OP_PREAD] = do_op_pread,
	[OP_FALLOCATE] = do_op_fallocate,
	[OP_FORK] = do_op_fork,
	[OP_EXIT] = do_op_exit,
};

int64_t sim_run(struct sim_step *t)
{
	return run[t->op->kind](t);
}

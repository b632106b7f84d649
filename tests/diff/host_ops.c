/*
 * host_ops.c - operations done by the host's kernel: a row each.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/diff/host.h"

static void keep(struct host_step *t, const struct reply *rp)
{
	t->o->ret = rp->ret;
	t->o->min = rp->min;
	t->o->maj = rp->maj;
}

/*
 * Plain calls: their arguments by letters: address, length, protection, flags,
 * value, the worker's buffer; '=': the result is an address.
 */
static const struct plain {
	long nr;
	const char *args;
} plain[NR_OPS] = {
	[OP_MAP] = { SYS_mmap, "=alpfdo" },
	[OP_MUNMAP] = { SYS_munmap, "al" },
	[OP_MPROTECT] = { SYS_mprotect, "alp" },
	[OP_BRK] = { SYS_brk, "=a" },
	[OP_MADVISE] = { SYS_madvise, "alv" },
	[OP_MLOCK] = { SYS_mlock2, "alf" },
	[OP_MUNLOCK] = { SYS_munlock, "al" },
	[OP_MLOCKALL] = { SYS_mlockall, "f" },
	[OP_MUNLOCKALL] = { SYS_munlockall, "" },
	[OP_MINCORE] = { SYS_mincore, "alb" },
	[OP_MSYNC] = { SYS_msync, "alf" },
	[OP_MREMAP] = { SYS_mremap, "=alLmA" },
	[OP_FTRUNCATE] = { SYS_ftruncate, "dl" },
	[OP_PWRITE] = { SYS_pwrite64, "db1o" },
	[OP_PREAD] = { SYS_pread64, "db8o" },
	[OP_FALLOCATE] = { SYS_fallocate, "dfol" },
};

static uint64_t argument(const struct host_step *t, char letter)
{
	switch (letter) {
	case 'a':
		return t->addr;
	case 'l':
		return t->op->len;
	case 'p':
		return t->op->prot;
	case 'f':
		return t->op->flags;
	case 'v':
		return t->op->value;
	case 'b':
		return t->h->buf_va;
	case 'L':
		return t->op->len2;
	case 'A':
		return host_real(t->h, t->op->addr2);
	case 'm':
		return (t->op->flags & 6) | !(t->op->flags & OPF_NOMOVE);
	case 'd':
		return t->op->fd ? (int)t->op->fd : -1;
	case 'o':
		return t->op->off;
	case '1':
		return 1;
	case '8':
		return t->op->len < 8 ? t->op->len : 8;
	default:
		return 0;
	}
}

static void host_call(struct host_step *t, const struct plain *p)
{
	bool pointer = *p->args == '=';
	uint64_t arg[6] = { 0 };
	struct reply rp;

	for (unsigned i = 0; p->args[i + pointer]; i++)
		arg[i] = argument(t, p->args[i + pointer]);
	rp = host_ask_call(t->h, t->op->proc, p->nr, arg, t->op->value);
	keep(t, &rp);
	if (pointer && (rp.ret > 0 || rp.ret < -4095))
		t->o->ret = host_canonical(t->h, rp.ret);
	if (t->op->kind == OP_PREAD && rp.ret > 0)
		memcpy(&t->o->value, rp.buf, rp.ret);
	if (t->op->kind == OP_MINCORE)
		memcpy(t->o->vec, rp.buf, sizeof(t->o->vec));
}

static void do_op_prlimit(struct host_step *t)
{
	struct request rq = { .kind = WIRE_LIMIT,
			      .arg = { t->op->value, t->op->len } };
	struct reply rp;

	host_ask(t->h, t->op->proc, &rq, &rp);
	t->o->ret = rp.ret;
}

static void do_op_fork(struct host_step *t)
{
	struct host *h = t->h;
	struct request rq = { .kind = WIRE_FORK,
			      .arg = { WIRE_FD + h->nprocs } };
	struct reply rp;

	if (h->nprocs == MAX_PROCS)
		return;
	host_ask(h, t->op->proc, &rq, &rp);
	if (rp.ret > 0) {
		h->parent[h->nprocs] = t->op->proc;
		h->pid[h->nprocs++] = rp.ret;
	}
	t->o->ret = rp.ret > 0 ? 0 : rp.ret;
}

/* It is gone once it can be waited for; then its parent waits. */
static void do_op_exit(struct host_step *t)
{
	struct host *h = t->h;
	unsigned proc = t->op->proc, parent = h->parent[proc];
	struct request rq = { .kind = WIRE_EXIT };
	struct request wait = { .kind = WIRE_WAIT, .arg = { h->pid[proc] } };
	struct reply rp;

	if (proc == 0) {
		t->o->ret = -EPERM; /* as pid 1 of ours */
		return;
	}
	host_tell(h, proc, &rq);
	if (h->pid[parent] > 0)
		host_ask(h, parent, &wait, &rp);
	else
		waitpid(h->pid[proc], NULL, 0);
	h->pid[proc] = -1;
}

static void do_access(struct host_step *t, enum wire_access kind,
		      uint64_t pages)
{
	struct request rq = { .kind = WIRE_ACCESS,
			      .arg = { kind, t->addr, t->op->len, t->op->value,
				       pages, PAGE } };
	struct obs *o = t->o;
	struct reply rp;

	host_ask(t->h, t->op->proc, &rq, &rp);
	keep(t, &rp);
	o->value = rp.value;
	if (!rp.signo)
		return;
	o->signo = rp.signo;
	o->si_code = rp.si_code;
	o->addr = host_canonical(t->h, rp.addr);
	o->error = rp.error;
	o->trap = rp.trap;
}

static void do_op_read(struct host_step *t)
{
	do_access(t, WIRE_READ, 1);
}

static void do_op_write(struct host_step *t)
{
	do_access(t, WIRE_WRITE, 1);
}

static void do_op_fetch(struct host_step *t)
{
	do_access(t, WIRE_FETCH, 1);
}

static void do_op_touch(struct host_step *t)
{
	do_access(t, t->op->flags & OPF_WRITE ? WIRE_TOUCHW : WIRE_TOUCH,
		  (t->op->len + PAGE - 1) / PAGE);
}

static void (*const run[NR_OPS])(struct host_step *t) = {
	[OP_READ] = do_op_read,	      [OP_WRITE] = do_op_write,
	[OP_FETCH] = do_op_fetch,     [OP_TOUCH] = do_op_touch,
	[OP_PRLIMIT] = do_op_prlimit, [OP_FORK] = do_op_fork,
	[OP_EXIT] = do_op_exit,
};

void host_run(struct host_step *t)
{
	if (t->op->kind == OP_MINCORE && t->op->len > sizeof(t->o->vec) * PAGE)
		return; /* longer than the worker's buffer */
	if (run[t->op->kind])
		run[t->op->kind](t);
	else
		host_call(t, &plain[t->op->kind]);
}

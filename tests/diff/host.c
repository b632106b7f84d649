/*
 * host.c - operations done by the host's kernel, in worker processes.
 *
 * The first worker is started by exec, without address space randomization;
 * the others are its forks. The driver only looks, through /proc.
 */
#include "tests/diff/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t host_canonical(const struct host *h, uint64_t va)
{
	if (va >= h->heap - 16 * PAGE && va < h->heap + HEAP_SIZE)
		return HEAP + (va - h->heap);
	if (va >= h->top - TOP_SIZE && va < h->top + TOP_SIZE)
		return TOP + (va - h->top);
	return va;
}

static uint64_t real(const struct host *h, uint64_t va)
{
	if (va >= HEAP - 16 * PAGE && va < HEAP + HEAP_SIZE)
		return h->heap + (va - HEAP);
	if (va >= TOP - TOP_SIZE && va < TOP + TOP_SIZE)
		return h->top + (va - TOP);
	return va;
}

/* --- messages ---------------------------------------------------------------
 */

static void host_failed(const char *what)
{
	fprintf(stderr, "the host's worker: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void tell(struct host *h, unsigned proc, const struct request *rq)
{
	if (send(h->fd[proc], rq, sizeof(*rq), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*rq))
		host_failed("send");
}

static void ask(struct host *h, unsigned proc, const struct request *rq,
		struct reply *rp)
{
	tell(h, proc, rq);
	if (recv(h->fd[proc], rp, sizeof(*rp), 0) != (ssize_t)sizeof(*rp))
		host_failed("it has ended");
}

static struct reply ask_call(struct host *h, unsigned proc, long nr, uint64_t a,
			     uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			     uint64_t f)
{
	struct request rq = { .kind = WIRE_SYSCALL,
			      .nr = nr,
			      .arg = { a, b, c, d, e, f } };
	struct reply rp;

	ask(h, proc, &rq, &rp);
	return rp;
}

/* --- the first process -------------------------------------------------------
 */

static void run_worker(struct host *h, const char *worker)
{
	char *argv[] = { (char *)worker, NULL }, *envp[] = { NULL };

	personality(ADDR_NO_RANDOMIZE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < MAX_PROCS; i++)
		dup2(h->child_fd[i], WIRE_FD + i);
	execve(worker, argv, envp);
	_exit(127);
}

/* Numbers above those that the worker gets. */
static bool make_sockets(struct host *h)
{
	for (unsigned i = 0; i < MAX_PROCS; i++) {
		int fd[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd))
			return false;
		h->fd[i] = fcntl(fd[0], F_DUPFD_CLOEXEC, 100);
		h->child_fd[i] = fcntl(fd[1], F_DUPFD_CLOEXEC, 100);
		close(fd[0]);
		close(fd[1]);
	}
	return true;
}

static void guard(struct host *h, uint64_t va)
{
	ask_call(h, 0, SYS_mmap, va, PAGE, PROT_NONE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static bool can_see_pfns(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	bool ok;

	ok = pread(fd, &entry, 8, (uintptr_t)&entry / PAGE * 8) == 8 &&
	     (entry & ((1ULL << 55) - 1));
	close(fd);
	return ok;
}

const char *host_missing(void)
{
	return can_see_pfns() ? NULL
			      : "frame numbers of pagemap need CAP_SYS_ADMIN";
}

struct host *host_start(const char *worker)
{
	struct host *h = calloc(1, sizeof(*h));
	struct request rq = { .kind = WIRE_HELLO };
	struct reply rp;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	h->pfns = can_see_pfns();
	if (!make_sockets(h))
		host_failed("socketpair");
	h->pid[0] = vfork();
	if (h->pid[0] == 0)
		run_worker(h, worker);
	h->nprocs = 1;
	for (unsigned i = 0; i < MAX_PROCS; i++)
		close(h->child_fd[i]);
	ask(h, 0, &rq, &rp);
	h->heap = rp.heap;
	h->buf_va = rp.buf_va;
	guard(h, ARENA - PAGE);
	guard(h, ARENA_END);
	h->top = host_find_top(h->pid[0]);
	return h;
}

void host_stop(struct host *h)
{
	for (unsigned i = 0; i < h->nprocs; i++) {
		if (h->pid[i] > 0)
			kill(h->pid[i], SIGKILL);
	}
	for (unsigned i = 0; i < h->nprocs; i++)
		if (h->pid[i] > 0)
			waitpid(h->pid[i], NULL, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	for (unsigned i = 0; i < MAX_PROCS; i++)
		close(h->fd[i]);
	free(h);
}

/* --- the operations
 * ----------------------------------------------------------- */

struct step {
	struct host *h;
	const struct op *op;
	uint64_t addr; /* real */
	struct obs *o;
};

static void keep(struct step *t, const struct reply *rp)
{
	t->o->ret = rp->ret;
	t->o->min = rp->min;
	t->o->maj = rp->maj;
}

static void host_call(struct step *t, long nr, uint64_t a, uint64_t b,
		      uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct reply rp = ask_call(t->h, t->op->proc, nr, a, b, c, d, e, f);

	keep(t, &rp);
}

static void do_op_map(struct step *t)
{
	const struct op *op = t->op;

	host_call(t, SYS_mmap, t->addr, op->len, op->prot, op->flags, -1, 0);
	if (t->o->ret > 0 || t->o->ret < -4095)
		t->o->ret = host_canonical(t->h, t->o->ret);
}

static void do_op_munmap(struct step *t)
{
	host_call(t, SYS_munmap, t->addr, t->op->len, 0, 0, 0, 0);
}

static void do_op_mprotect(struct step *t)
{
	host_call(t, SYS_mprotect, t->addr, t->op->len, t->op->prot, 0, 0, 0);
}

static void do_op_brk(struct step *t)
{
	host_call(t, SYS_brk, t->addr, 0, 0, 0, 0, 0);
	t->o->ret = host_canonical(t->h, t->o->ret);
}

static void do_op_fork(struct step *t)
{
	struct host *h = t->h;
	struct request rq = { .kind = WIRE_FORK,
			      .arg = { WIRE_FD + h->nprocs } };
	struct reply rp;

	if (h->nprocs == MAX_PROCS)
		return;
	ask(h, t->op->proc, &rq, &rp);
	if (rp.ret > 0) {
		h->parent[h->nprocs] = t->op->proc;
		h->pid[h->nprocs++] = rp.ret;
	}
	t->o->ret = rp.ret > 0 ? 0 : rp.ret;
}

/* It is gone once it can be waited for; then its parent waits. */
static void do_op_exit(struct step *t)
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
	tell(h, proc, &rq);
	if (h->pid[parent] > 0)
		ask(h, parent, &wait, &rp);
	else
		waitpid(h->pid[proc], NULL, 0);
	h->pid[proc] = -1;
}

static void do_access(struct step *t, enum wire_access kind, uint64_t pages)
{
	struct request rq = { .kind = WIRE_ACCESS,
			      .arg = { kind, t->addr, t->op->len, t->op->value,
				       pages, PAGE } };
	struct obs *o = t->o;
	struct reply rp;

	ask(t->h, t->op->proc, &rq, &rp);
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

static void do_op_read(struct step *t)
{
	do_access(t, WIRE_READ, 1);
}

static void do_op_write(struct step *t)
{
	do_access(t, WIRE_WRITE, 1);
}

static void do_op_fetch(struct step *t)
{
	do_access(t, WIRE_FETCH, 1);
}

static void do_op_touch(struct step *t)
{
	do_access(t, t->op->flags & OPF_WRITE ? WIRE_TOUCHW : WIRE_TOUCH,
		  (t->op->len + PAGE - 1) / PAGE);
}

static void (*const run[NR_OPS])(struct step *t) = {
	[OP_MAP] = do_op_map,		[OP_MUNMAP] = do_op_munmap,
	[OP_MPROTECT] = do_op_mprotect, [OP_BRK] = do_op_brk,
	[OP_READ] = do_op_read,		[OP_WRITE] = do_op_write,
	[OP_FETCH] = do_op_fetch,	[OP_TOUCH] = do_op_touch,
	[OP_FORK] = do_op_fork,		[OP_EXIT] = do_op_exit,
};

void host_step(struct host *h, const struct op *op, struct obs *o)
{
	struct step t = { h, op, real(h, op->addr), o };

	memset(o, 0, sizeof(*o));
	o->pfns = h->pfns;
	if (h->pid[op->proc] > 0)
		run[op->kind](&t);
	host_view(h, o);
}

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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t host_canonical(const struct host *h, uint64_t va)
{
	if (va >= h->heap - 16 * PAGE && va < h->heap + HEAP_SIZE)
		return HEAP + (va - h->heap);
	if (va >= h->top - TOP_SIZE && va < h->top + TOP_ABOVE)
		return TOP + (va - h->top);
	return va;
}

uint64_t host_real(const struct host *h, uint64_t va)
{
	if (va >= HEAP - 16 * PAGE && va < HEAP + HEAP_SIZE)
		return h->heap + (va - HEAP);
	if (va >= TOP - TOP_SIZE && va < TOP + TOP_ABOVE)
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

void host_tell(struct host *h, unsigned proc, const struct request *rq)
{
	if (send(h->fd[proc], rq, sizeof(*rq), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*rq))
		host_failed("send");
}

void host_ask(struct host *h, unsigned proc, const struct request *rq,
	      struct reply *rp)
{
	host_tell(h, proc, rq);
	if (recv(h->fd[proc], rp, sizeof(*rp), 0) != (ssize_t)sizeof(*rp))
		host_failed("it has ended");
}

struct reply host_ask_call(struct host *h, unsigned proc, long nr,
			   const uint64_t arg[6], uint8_t byte)
{
	struct request rq = { .kind = WIRE_SYSCALL, .nr = nr };
	struct reply rp;

	memcpy(rq.arg, arg, sizeof(rq.arg));
	rq.buf[0] = byte;
	host_ask(h, proc, &rq, &rp);
	return rp;
}

/* --- the first process -------------------------------------------------------
 */

static void run_worker(struct host *h, const char *worker, int file)
{
	char *argv[] = { (char *)worker, NULL }, *envp[] = { NULL };

	struct rlimit stack;

	getrlimit(RLIMIT_STACK, &stack);
	stack.rlim_cur = 8 << 20; /* unlimited: another layout */
	setrlimit(RLIMIT_STACK, &stack);
	personality(ADDR_NO_RANDOMIZE);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < MAX_PROCS; i++)
		dup2(h->child_fd[i], WIRE_FD + i);
	dup2(file, OP_FILE);
	execve(worker, argv, envp);
	_exit(127);
}

/* The file that scenarios may map: descriptor OP_FILE of all workers. */
static int make_file(void)
{
	int low = memfd_create("scratch", 0);
	int fd = fcntl(low, F_DUPFD_CLOEXEC, 100);

	close(low);
	if (fd < 0 || ftruncate(fd, OP_FILE_PAGES * PAGE) < 0)
		host_failed("memfd_create");
	return fd;
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
	uint64_t arg[6] = { va,	       PAGE,
			    PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
			    -1,	       0 };

	host_ask_call(h, 0, SYS_mmap, arg, 0);
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

#define MEMLOCK (64 << 10)

/* "always [madvise] never" */
static void bracketed(const char *path, char *ret, size_t size)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0 || sscanf(text, "%*[^[][%7[a-z]", ret) != 1)
		if (sscanf(text, "[%7[a-z]", ret) != 1)
			snprintf(ret, size, "never");
}

static bool read_flag(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c = '0';

	if (fd >= 0) {
		if (read(fd, &c, 1) != 1)
			c = '0';
		close(fd);
	}
	return c == '1';
}

void host_get_setup(struct host_setup *ret)
{
	struct rlimit r;

	getrlimit(RLIMIT_MEMLOCK, &r);
	ret->memlock = r.rlim_max < MEMLOCK ? r.rlim_max & -PAGE : MEMLOCK;
	ret->thp_zero =
		read_flag("/sys/kernel/mm/transparent_hugepage/use_zero_page");
	bracketed("/sys/kernel/mm/transparent_hugepage/enabled", ret->thp,
		  sizeof(ret->thp));
}

const char *host_unfit(const char *worker)
{
	struct utsname u;

	uname(&u);
	if (strcmp(u.machine, "x86_64") != 0)
		return "the host is no x86_64";
	if (strtod(u.release, NULL) < 6.1)
		return "the host's kernel is older than 6.1";
	if (access(worker, X_OK) < 0)
		return "there is no worker";
	if (access("/proc/self/smaps", R_OK) < 0 ||
	    access("/proc/self/pagemap", R_OK) < 0)
		return "/proc/PID/smaps or pagemap is not there";
	return NULL;
}

const char *host_missing(void)
{
	return can_see_pfns() ? NULL
			      : "frame numbers of pagemap need CAP_SYS_ADMIN";
}

struct host *host_start(const char *worker, const struct host_setup *setup)
{
	struct host *h = calloc(1, sizeof(*h));
	struct request rq = { .kind = WIRE_HELLO, .arg = { setup->memlock } };
	struct reply rp;

	int file = make_file();

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	h->pfns = can_see_pfns();
	if (!make_sockets(h))
		host_failed("socketpair");
	h->pid[0] = vfork();
	if (h->pid[0] == 0)
		run_worker(h, worker, file);
	close(file);
	h->nprocs = 1;
	for (unsigned i = 0; i < MAX_PROCS; i++)
		close(h->child_fd[i]);
	host_ask(h, 0, &rq, &rp);
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

/* --- a step ------------------------------------------------------------------
 */

void host_step(struct host *h, const struct op *op, struct obs *o)
{
	struct host_step t = { h, op, host_real(h, op->addr), o };

	memset(o, 0, sizeof(*o));
	o->pfns = h->pfns;
	if (h->pid[op->proc] > 0)
		host_run(&t);
	host_view(h, o);
}

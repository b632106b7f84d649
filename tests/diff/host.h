/*
 * host.h - the executor that is a process on the host's kernel.
 */
#ifndef TESTS_DIFF_HOST_H
#define TESTS_DIFF_HOST_H

#include <sys/types.h>

#include "tests/diff/obs.h"
#include "tests/diff/wire.h"

struct host {
	int fd[MAX_PROCS]; /* our ends; -1: none */
	int child_fd[MAX_PROCS];
	pid_t pid[MAX_PROCS]; /* 0: never was, -1: has ended */
	unsigned parent[MAX_PROCS];
	unsigned nprocs;
	uint64_t heap, top, buf_va;
	bool pfns;
};

/* What an administrator has set, and what the simulation has to take over. */
struct host_setup {
	uint64_t memlock; /* limit of locked memory, soft and hard */
	bool thp_zero;	  /* reads map the huge zero page */
	char thp[8];	  /* "always", "madvise", "never" */
};

void host_get_setup(struct host_setup *ret);
/* Why the test cannot be made on this host at all, or NULL */
const char *host_unfit(const char *worker);
/* What the host cannot show, or NULL: one reason. */
const char *host_missing(void);
/* @worker: path of the program. NULL and a message on stderr: not possible. */
struct host *host_start(const char *worker, const struct host_setup *setup);
void host_step(struct host *h, const struct op *op, struct obs *ret);
void host_stop(struct host *h);

/* --- between host.c, host_ops.c and host_view.c ----------------------------
 */
struct host_step {
	struct host *h;
	const struct op *op;
	uint64_t addr; /* real */
	struct obs *o;
};

void host_run(struct host_step *t);
void host_tell(struct host *h, unsigned proc, const struct request *rq);
void host_ask(struct host *h, unsigned proc, const struct request *rq,
	      struct reply *rp);
/* A system call; @byte is what its buffer begins with. */
struct reply host_ask_call(struct host *h, unsigned proc, long nr,
			   const uint64_t arg[6], uint8_t byte);
uint64_t host_real(const struct host *h, uint64_t va);
uint64_t host_canonical(const struct host *h, uint64_t va);
void host_view(struct host *h, struct obs *ret);
/* The lowest area above the arena */
uint64_t host_find_top(pid_t pid);

#endif

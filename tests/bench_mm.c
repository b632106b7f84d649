/*
 * bench_mm.c - the pages of a process, side by side with the host kernel:
 * first touch, copy-on-write, fork, fork + exit + wait; then how fork and exit
 * grow from 64 MiB to 16 GiB.
 *
 * The host's rows are the real thing: a process of this machine that touches,
 * forks and breaks copy-on-write over 4 KiB pages. Ours go through the public
 * API of kernel/: user_access(), kernel_fork(). One round of each goes first and
 * is not counted: after it both kernels hand out memory that was used before,
 * and zero it. (Memory new to this machine can cost many times more where a
 * hypervisor provides it on first touch; a row of its own shows that round.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/mm.h"
#include "kernel/process.h"
#include "tests/bench.h"

#define PAGES (1UL << 18)	/* 1 GiB of 4 KiB pages */

/* What one round gives: ns a page. */
enum { TOUCH, FORK, COW, FORK_EXIT, NR_SAMPLES };
typedef double sample[NR_SAMPLES];

static const struct { const char *name, *goal; } rows[NR_SAMPLES] = {
	[TOUCH] = { "first-touch fault", "at most 0.25x" },
	[FORK] = { "fork with 1 GiB resident, a page", "at most 0.083x" },
	[COW] = { "copy-on-write fault", "at most 0.4x" },
	[FORK_EXIT] = { "fork + exit + wait, 1 GiB, a page",
			"at most 0.083x" },
};

/* --- the host ------------------------------------------------------------- */
static double host_touch(volatile char *p)
{
	double t = now_ns();

	for (size_t i = 0; i < PAGES; i++)
		p[i * PAGE_SIZE] = 1;
	return (now_ns() - t) / PAGES;
}

/* The child lives until the parent has copied all its pages. */
static void host_fork(char *p, sample ret)
{
	int gate[2];
	char c;
	double t;
	pid_t pid;

	if (pipe(gate))
		exit(1);
	t = now_ns();
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &c, 1) != 0);
	}
	ret[FORK] = (now_ns() - t) / PAGES;
	ret[COW] = host_touch(p);
	close(gate[1]);
	close(gate[0]);
	waitpid(pid, NULL, 0);
}

static void host_round(sample ret)
{
	char *p = mmap(NULL, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double t;
	pid_t pid;

	if (p == MAP_FAILED)
		exit(1);
	madvise(p, PAGES * PAGE_SIZE, MADV_NOHUGEPAGE);
	ret[TOUCH] = host_touch(p);
	host_fork(p, ret);
	t = now_ns();
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	ret[FORK_EXIT] = (now_ns() - t) / PAGES;
	munmap(p, PAGES * PAGE_SIZE);
}

/* --- ours ------------------------------------------------------------------- */
static va_t map(struct kernel *k, uint64_t size, unsigned flags)
{
	va_t va;

	if (do_mmap(k, find_task(k, 1)->mm, NULL, 0, size,
		    LX_PROT_READ | LX_PROT_WRITE,
		    LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | flags, 0, &va) < 0)
		exit(1);
	return va;
}

static double write_pages(struct kernel *k, va_t va)
{
	struct user_access a;
	uint8_t one = 1;
	double t = now_ns();

	for (size_t i = 0; i < PAGES; i++)
		user_access(k, 0, ACCESS_WRITE, true, va + i * PAGE_SIZE, &one, 1,
			    &a);
	return (now_ns() - t) / PAGES;
}

static struct task_struct *fork_init(struct kernel *k)
{
	struct task_struct *child;

	if (kernel_fork(k, find_task(k, 1), &child) < 0)
		exit(1);
	return child;
}

static void reap(struct kernel *k, struct task_struct *child)
{
	int pid;

	do_exit(k, child, 0);
	do_wait(k, find_task(k, 1), &pid);
}

static double fork_exit_ns(struct kernel *k)
{
	double t = now_ns();

	reap(k, fork_init(k));
	return now_ns() - t;
}

static void our_round(struct kernel *k, sample ret)
{
	va_t va = map(k, PAGES * PAGE_SIZE, 0);
	struct task_struct *child;
	double t;

	ret[TOUCH] = write_pages(k, va);
	t = now_ns();
	child = fork_init(k);
	ret[FORK] = (now_ns() - t) / PAGES;
	ret[COW] = write_pages(k, va);
	reap(k, child);
	ret[FORK_EXIT] = fork_exit_ns(k) / PAGES;
	do_munmap(k, find_task(k, 1)->mm, va, PAGES * PAGE_SIZE);
}

static void bench_arch(const char *arch)
{
	struct kernel *k = bench_kernel(arch, 4 * GiB);
	double us[NR_SAMPLES][ROUNDS], host[NR_SAMPLES][ROUNDS];
	sample cold, s;
	char name[64];

	our_round(k, cold);
	host_round(s);
	for (unsigned i = 0; i < ROUNDS; i++) {
		our_round(k, s);
		for (unsigned j = 0; j < NR_SAMPLES; j++)
			us[j][i] = s[j];
		host_round(s);
		for (unsigned j = 0; j < NR_SAMPLES; j++)
			host[j][i] = s[j];
	}
	for (unsigned j = 0; j < NR_SAMPLES; j++) {
		snprintf(name, sizeof(name), "%s, %s", rows[j].name, arch);
		bench_row(name, median(us[j], ROUNDS), median(host[j], ROUNDS),
			  rows[j].goal);
	}
	printf("%-38s %9.1f ns\n", "first touch, RAM new to the host too",
	       cold[TOUCH]);
	kernel_destroy(k);
}

/* --- growth --------------------------------------------------------------- */

/* Frames that are known to be zero cost no memory of the host. */
static double fork_of_size(struct kernel *k, uint64_t size)
{
	va_t va = map(k, size, LX_MAP_POPULATE);
	double v[ROUNDS];

	fork_exit_ns(k);
	for (unsigned i = 0; i < ROUNDS; i++)
		v[i] = fork_exit_ns(k);
	do_munmap(k, find_task(k, 1)->mm, va, size);
	return median(v, ROUNDS);
}

static void bench_growth(void)
{
	static const uint64_t sizes[] = { 64 * MiB, 256 * MiB, GiB, 4 * GiB,
					  16 * GiB };
	struct kernel *k = bench_kernel("x86_64", 32 * GiB);
	double first = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		double ns = fork_of_size(k, sizes[i]);

		first = i ? first : ns;
		printf("fork + exit + wait, %5llu MiB %20.3f ms %8.1f ns a page"
		       " %8.1fx of 64 MiB%s\n",
		       (unsigned long long)(sizes[i] / MiB), ns / 1e6,
		       ns / (double)(sizes[i] >> PAGE_SHIFT), ns / first,
		       sizes[i] == GiB ? "  (goal: at most 24x)" : "");
	}
	/* A reservation that nobody touched has no tables to copy. */
	map(k, 4096 * GiB, LX_MAP_NORESERVE);
	printf("fork + exit + wait, 4 TiB untouched %14.3f ms\n",
	       fork_exit_ns(k) / 1e6);
	kernel_destroy(k);
}

void bench_mm(void)
{
	bench_arch("x86_64");
	bench_growth();
}

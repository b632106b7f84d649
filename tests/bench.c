/*
 * bench.c - speed, side by side with others in one run.
 *
 * Each row is measured in turns, ours and theirs, ROUNDS times; medians and
 * their ratio are printed. The files bench_*.c have the rows by subject; here
 * are the program's start, booting, and what memory that costs. No test depends
 * on a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/mm.h"
#include "kernel/process.h"
#include "tests/bench.h"

extern char **environ;

static double clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

double now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

double cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* --- rows ------------------------------------------------------------------- */
static void print_pair(const char *name, double us, double them, double ratio,
		       const char *goal)
{
	printf("%-38s %9.1f ns %9.1f ns %8.2fx", name, us, them, ratio);
	printf(goal ? "  (goal: %s)\n" : "\n", goal);
	fflush(stdout);
}

void bench_row(const char *name, double us, double them, const char *goal)
{
	print_pair(name, us, them, us / them, goal);
}

void bench_row_faster(const char *name, double us, double them,
		      const char *goal)
{
	print_pair(name, us, them, them / us, goal);
}

void bench_header(const char *them)
{
	printf("%-38s %12s %12s %9s\n", "", "mmsh", them, "ratio");
}

/* --- start-up and boot -------------------------------------------------------- */
struct kernel *bench_kernel(const char *arch, uint64_t ram)
{
	struct kernel_config cfg;
	const char *why;
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name(arch));
	cfg.ram = ram;
	k = kernel_boot(&cfg, &why);
	if (!k) {
		fprintf(stderr, "bench: %s\n", why);
		exit(1);
	}
	return k;
}

/* What it prints goes nowhere. */
static double run_ms(char *const argv[])
{
	posix_spawn_file_actions_t quiet;
	double t = now_ns();
	pid_t pid;
	int err;

	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (err)
		return 0;
	waitpid(pid, NULL, 0);
	return (now_ns() - t) / 1e6;
}

/* The largest resident set of mmsh after booting so, in KiB. */
static double resident_kib(const char *ram)
{
	char command[128], line[128];
	double kib = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "./mmsh -c 'boot x86_64 ram=%s; "
		 "!grep VmHWM /proc/$PPID/status'", ram);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "VmHWM: %lf", &kib);
	if (f)
		pclose(f);
	return kib;
}

#define STARTS 41

/* @a and @b in turns. */
static void compare_starts(const char *name, char *const a[], char *const b[],
			   const char *goal)
{
	double x[STARTS], y[STARTS], us, them;

	for (unsigned i = 0; i < STARTS; i++) {
		x[i] = run_ms(a);
		y[i] = run_ms(b);
	}
	us = median(x, STARTS);
	them = median(y, STARTS);
	if (them)
		printf("%-38s %9.2f ms %9.2f ms %8.2fx  (goal: %s)\n", name, us,
		       them, us / them, goal);
}

static void bench_start(void)
{
	char *lua[] = { "lua5.4", "-e", "", NULL };
	char *quit[] = { "./mmsh", "-c", "quit", NULL };
	char *large[] = { "./mmsh", "-c", "boot x86_64 ram=64G", NULL };
	char *huge[] = { "./mmsh", "-c", "boot x86_64 ram=1T", NULL };

	compare_starts("start: mmsh -c quit | lua -e ''", quit, lua,
		       "at most 1x");
	compare_starts("start, boot 64G, exit | lua -e ''", large, lua,
		       "at most 1x");
	compare_starts("start, boot 1T | 64G", huge, large, "at most 1.1x");
	double big = resident_kib("1T"), little = resident_kib("128M");

	printf("%-38s %9.0f KiB %8.0f KiB %10.0f KiB more  (goal: at most"
	       " 1024)\n",
	       "resident: boot 1T | 128M", big, little, big - little);
}

static double boot_ms(const char *arch, uint64_t ram)
{
	double t = now_ns();
	struct kernel *k = bench_kernel(arch, ram);

	t = (now_ns() - t) / 1e6;
	kernel_destroy(k);
	return t;
}

static void bench_boot(const char *arch, uint64_t ram)
{
	double v[5 * ROUNDS];
	char name[64];

	for (unsigned i = 0; i < 5 * ROUNDS; i++)
		v[i] = boot_ms(arch, ram);
	snprintf(name, sizeof(name), "boot %s ram=%lluG", arch,
		 (unsigned long long)(ram / GiB));
	printf("%-38s %9.2f ms\n", name, median(v, 5 * ROUNDS));
}

/* In turns: the two differ by less than what the machine does meanwhile. */
static void bench_boot_large(void)
{
	double small[15 * ROUNDS], large[15 * ROUNDS];

	for (unsigned i = 0; i < 15 * ROUNDS; i++) {
		small[i] = boot_ms("x86_64", 64 * GiB);
		large[i] = boot_ms("x86_64", 1024 * GiB);
	}
	double us = median(large, 15 * ROUNDS);
	double them = median(small, 15 * ROUNDS);

	printf("%-38s %9.2f ms %9.2f ms %8.2fx  (goal: at most 1.1x, 64G "
	       "below 5 ms)\n",
	       "boot x86_64 ram=1024G | ram=64G", us, them, us / them);
}

/* Host memory of this process that is there, in bytes. */
static double resident(void)
{
	unsigned long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * PAGE_SIZE;
}

/* What simulated memory costs the host: nothing until it is touched. */
static void bench_resident(void)
{
	double before = resident(), used;
	struct kernel *k = bench_kernel("x86_64", 64 * GiB);
	struct user_access a;
	uint8_t one = 1;
	va_t va;

	used = resident() - before;
	printf("%-38s %9.2f MiB\n", "resident after boot, ram=64G",
	       used / MiB);
	if (do_mmap(k, find_task(k, 1)->mm, NULL, 0, GiB,
		    LX_PROT_READ | LX_PROT_WRITE,
		    LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &va) < 0)
		exit(1);
	for (uint64_t i = 0; i < GiB; i += PAGE_SIZE)
		user_access(k, 0, ACCESS_WRITE, true, va + i, &one, 1, &a);
	used = resident() - before;
	printf("%-38s %9.1f MiB %8.1f MiB %8.3fx  (goal: at most 1.02x + 2 "
	       "MiB)\n",
	       "resident, 1 GiB touched | touched", used / MiB, 1024.0,
	       used / GiB);
	kernel_destroy(k);
}

static void bench_caches(void)
{
	struct kernel *k = bench_kernel("x86_64", 2 * GiB);

	bench_slab(k);
	kernel_destroy(k);
}

int main(void)
{
	bench_header("list");
	bench_alloc();
	bench_header("by hand");
	bench_mmu();
	bench_dump();
	bench_header("frames");
	bench_vmalloc();
	bench_header("2 GiB");
	bench_view();
	bench_header("free list");
	bench_caches();
	bench_header("bare call");
	bench_lua();
	bench_header("host");
	bench_mm();
	bench_vma();
	bench_header("lua");
	bench_start();
	bench_boot("i386", 2 * GiB);
	bench_boot("i386-pae", 64 * GiB);
	bench_boot_large();
	bench_resident();
	return 0;
}

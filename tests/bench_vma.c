/*
 * bench_vma.c - the areas of a process, side by side with the host kernel:
 * mmap + munmap, mprotect that splits and merges again, a look-up among many,
 * a line of maps; then how they grow from 16 to a million areas.
 *
 * A look-up in the host is a mprotect that changes nothing. Neighbours
 * differ in protection, so that they do not merge.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/mm.h"
#include "kernel/process.h"
#include "repl/session.h"
#include "tests/bench.h"

#define MANY	 65000U
#define TIMES	 20000U
#define STRIDE	 7919U	/* visits them all in an order without a pattern */
#define RW	 (PROT_READ | PROT_WRITE)

struct areas {		/* @n areas of one page from @base on */
	struct kernel *k;
	struct mm_struct *mm;
	va_t base;
	unsigned n;
};

/* --- ours ------------------------------------------------------------------- */
static void our_areas(struct areas *a, struct kernel *k, unsigned n)
{
	*a = (struct areas){ .k = k, .mm = find_task(k, 1)->mm, .n = n };
	if (do_mmap(k, a->mm, NULL, 0, (uint64_t)n * PAGE_SIZE, RW,
		    LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_NORESERVE, 0,
		    &a->base))
		exit(1);
	for (unsigned i = 0; i < n; i += 2)
		if (do_mprotect(k, a->mm, a->base + (va_t)i * PAGE_SIZE,
				PAGE_SIZE, PROT_READ))
			exit(1);
}

static void our_areas_end(const struct areas *a)
{
	do_munmap(a->k, a->mm, a->base, (uint64_t)a->n * PAGE_SIZE);
}

static double our_mmap(const struct areas *a)
{
	double t = now_ns();
	va_t va;

	for (unsigned i = 0; i < TIMES; i++) {
		do_mmap(a->k, a->mm, NULL, 0, PAGE_SIZE, RW | PROT_EXEC,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &va);
		do_munmap(a->k, a->mm, va, PAGE_SIZE);
	}
	return (now_ns() - t) / TIMES;
}

/* The middle page of three. */
static double our_mprotect(const struct areas *a)
{
	double t;
	va_t va;

	do_mmap(a->k, a->mm, NULL, 0, 3 * PAGE_SIZE, RW | PROT_EXEC,
		LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &va);
	t = now_ns();
	for (unsigned i = 0; i < TIMES; i++) {
		do_mprotect(a->k, a->mm, va + PAGE_SIZE, PAGE_SIZE, PROT_READ);
		do_mprotect(a->k, a->mm, va + PAGE_SIZE, PAGE_SIZE,
			    RW | PROT_EXEC);
	}
	t = (now_ns() - t) / TIMES;
	do_munmap(a->k, a->mm, va, 3 * PAGE_SIZE);
	return t;
}

static double our_lookup(const struct areas *a)
{
	double t = now_ns();
	uintptr_t seen = 0;

	for (unsigned i = 0; i < TIMES; i++) {
		va_t page = (uint64_t)i * STRIDE % a->n;

		seen += (uintptr_t)find_vma(a->mm, a->base + page * PAGE_SIZE);
	}
	t = (now_ns() - t) / TIMES;
	return seen ? t : 0;
}

/* --- the host ------------------------------------------------------------- */
static char *host_areas(unsigned n)
{
	char *p = mmap(NULL, (size_t)n * PAGE_SIZE, RW,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	for (unsigned i = 0; i < n; i += 2)
		if (mprotect(p + (size_t)i * PAGE_SIZE, PAGE_SIZE, PROT_READ))
			return NULL;
	return p;
}

static double host_mmap(void)
{
	double t = now_ns();

	for (unsigned i = 0; i < TIMES; i++) {
		void *p = mmap(NULL, PAGE_SIZE, RW | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, PAGE_SIZE);
	}
	return (now_ns() - t) / TIMES;
}

static double host_mprotect(void)
{
	char *p = mmap(NULL, 3 * PAGE_SIZE, RW | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double t = now_ns();

	for (unsigned i = 0; i < TIMES; i++) {
		mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_READ);
		mprotect(p + PAGE_SIZE, PAGE_SIZE, RW | PROT_EXEC);
	}
	t = (now_ns() - t) / TIMES;
	munmap(p, 3 * PAGE_SIZE);
	return t;
}

static double host_lookup(char *p, unsigned n)
{
	double t = now_ns();

	for (unsigned i = 0; i < TIMES; i++) {
		size_t page = (uint64_t)i * STRIDE % n;

		mprotect(p + page * PAGE_SIZE, PAGE_SIZE,
			 page & 1 ? RW : PROT_READ);
	}
	return (now_ns() - t) / TIMES;
}

/* Reads all of /proc/self/maps; ns a line. */
static double host_maps(void)
{
	static char buf[1 << 16];
	int fd = open("/proc/self/maps", O_RDONLY);
	double t = now_ns();
	unsigned lines = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	t = now_ns() - t;
	close(fd);
	return t / lines;
}

/* --- side by side ----------------------------------------------------------- */
static void compare_calls(const struct areas *a)
{
	double us[2][ROUNDS], host[2][ROUNDS];

	for (unsigned i = 0; i < ROUNDS; i++) {
		us[0][i] = our_mmap(a);
		host[0][i] = host_mmap();
		us[1][i] = our_mprotect(a);
		host[1][i] = host_mprotect();
	}
	bench_row_faster("mmap + munmap", median(us[0], ROUNDS),
			 median(host[0], ROUNDS), "at least 10x");
	bench_row_faster("mprotect, split + merge", median(us[1], ROUNDS),
			 median(host[1], ROUNDS), "at least 10x");
}

static void compare_lookup(const struct areas *a)
{
	char *p = host_areas(MANY);
	double us[ROUNDS], host[ROUNDS];

	for (unsigned i = 0; i < ROUNDS && p; i++) {
		us[i] = our_lookup(a);
		host[i] = host_lookup(p, MANY);
	}
	if (p)
		bench_row_faster("a look-up among 65,000 areas",
				 median(us, ROUNDS), median(host, ROUNDS),
				 "at least 5x");
}

static double our_maps(struct session *s)
{
	double t = now_ns();

	s->out.len = 0;
	if (session_line(s, "maps"))
		exit(1);
	return (now_ns() - t) / session_task(s)->mm->vmas.count;
}

/* The host's areas are those that compare_lookup() left. */
static void compare_maps(void)
{
	static const char *const words[] = { "x86_64", "ram=4G" };
	double us[ROUNDS], host[ROUNDS];
	struct session s;
	struct areas a;
	struct err err;

	session_init(&s);
	s.out.fd = open("/dev/null", O_WRONLY);
	if (session_boot(&s, words, 2, &err) < 0)
		exit(1);
	our_areas(&a, s.k, MANY);
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = our_maps(&s);
		host[i] = host_maps();
	}
	bench_row_faster("maps, a line", median(us, ROUNDS),
			 median(host, ROUNDS), "at least 5x");
	close(s.out.fd);
	session_deinit(&s);
}

/* --- growth --------------------------------------------------------------- */
static void growth_row(struct kernel *k, unsigned n, double *before,
		       const char *goal)
{
	double look[ROUNDS], pair[ROUNDS], ns;
	struct areas a;

	our_areas(&a, k, n);
	for (unsigned i = 0; i < ROUNDS; i++) {
		look[i] = our_lookup(&a);
		pair[i] = our_mmap(&a);
	}
	ns = median(look, ROUNDS);
	printf("%9u areas: a look-up %9.1f ns, %5.1fx of the row above;"
	       " mmap + munmap %7.1f ns%s\n",
	       n, ns, *before ? ns / *before : 1.0, median(pair, ROUNDS), goal);
	*before = ns;
	our_areas_end(&a);
}

static void bench_growth(struct kernel *k)
{
	double before = 0;

	k->max_map_count = 1 << 21;
	growth_row(k, 16, &before, "");
	growth_row(k, MANY, &before, "  (goal: at most 8x)");
	growth_row(k, 1000000, &before, "  (goal: at most 4x)");
}

void bench_vma(void)
{
	struct kernel *k = bench_kernel("x86_64", 4 * GiB);
	struct areas a;

	our_areas(&a, k, 16);
	compare_calls(&a);
	our_areas_end(&a);
	our_areas(&a, k, MANY);
	compare_lookup(&a);
	our_areas_end(&a);
	compare_maps();
	bench_growth(k);
	kernel_destroy(k);
}

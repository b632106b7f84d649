/*
 * test_host_mmap.c - random mmap, munmap, mprotect and touches in a window,
 * made on the host's real kernel and on ours: the same errno, the same
 * protection of every page, the same areas, the same number of faults.
 *
 * Kernels newer than 6.1 merge areas in a few more cases once pages were
 * faulted in or protections changed (README of the golden data); so areas
 * are compared exactly while only mmap and munmap are used on untouched
 * memory, and page by page otherwise.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/kernel/host.h"

#define WINDOW	0x200000000000ULL
#define NPAGES	64
#define STEPS	600

enum op { OP_MMAP, OP_MUNMAP, OP_MPROTECT, OP_READ, OP_WRITE, OP_NOPS };

struct step {
	enum op op;
	uint64_t page, len, prot;	/* len in bytes, may be odd or 0 */
};

struct fixture {
	struct kernel *k;
	struct task_struct *init;
	uint64_t rng;
};

static sigjmp_buf segv;

static void on_segv(int sig)
{
	siglongjmp(segv, sig);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *p = mmap((void *)WINDOW, NPAGES * PAGE_SIZE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	f->k = boot_kernel("x86_64");
	f->init = find_task(f->k, 1);
	f->rng = 12345;
	context_switch(f->k, 0, f->init);
	if (p == MAP_FAILED)
		return -1;
	munmap(p, NPAGES * PAGE_SIZE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	munmap((void *)WINDOW, NPAGES * PAGE_SIZE);
	end_kernel(f->k);
	free(f);
	return 0;
}

static uint64_t next(struct fixture *f, uint64_t n)
{
	f->rng = f->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (f->rng >> 33) % n;
}

static struct step random_step(struct fixture *f, unsigned nops)
{
	struct step s = { .op = next(f, nops), .page = next(f, NPAGES) };

	s.len = (1 + next(f, 8)) * PAGE_SIZE;
	if (s.page + 8 > NPAGES)
		s.page = NPAGES - 8;
	if (next(f, 10) == 0)
		s.len = next(f, 3) * 1000;
	s.prot = next(f, 8);
	return s;
}

static long faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt;
}

/*
 * 0 or -errno; an access: the number of minor faults, or -EFAULT. Not
 * instrumented: the sanitizer's shadow memory would fault as well.
 */
__attribute__((no_sanitize("address", "undefined")))
static long host_touch(volatile char *p, bool write)
{
	long before;

	before = faults();
	before = faults();
	if (sigsetjmp(segv, 1))
		return -EFAULT;
	if (write)
		*p = 1;
	else
		(void)*p;
	return faults() - before;
}

static long host_step(const struct step *s)
{
	char *p = (char *)WINDOW + s->page * PAGE_SIZE;
	long rc;

	switch (s->op) {
	case OP_MMAP:
		rc = mmap(p, s->len, s->prot,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
				     MAP_FAILED ? -1 : 0;
		break;
	case OP_MUNMAP:
		rc = munmap(p, s->len);
		break;
	case OP_MPROTECT:
		rc = mprotect(p, s->len, s->prot);
		break;
	default:
		return host_touch(p, s->op == OP_WRITE);
	}
	return rc < 0 ? -errno : 0;
}

static long our_touch(struct fixture *f, va_t va, bool write)
{
	struct user_access a;
	uint8_t byte = 1;

	user_access(f->k, 0, write ? ACCESS_WRITE : ACCESS_READ, true, va, &byte,
		    1, &a);
	return a.sig.signo ? -EFAULT : (long)a.min_flt;
}

static long our_step(struct fixture *f, const struct step *s)
{
	va_t va = WINDOW + s->page * PAGE_SIZE, got;
	struct mm_struct *mm = f->init->mm;

	switch (s->op) {
	case OP_MMAP:
		return do_mmap(f->k, mm, NULL, va, s->len, s->prot,
			       LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED,
			       0, &got);
	case OP_MUNMAP:
		return do_munmap(f->k, mm, va, s->len);
	case OP_MPROTECT:
		return do_mprotect(f->k, mm, va, s->len, s->prot);
	default:
		return our_touch(f, va, s->op == OP_WRITE);
	}
}

static unsigned in_window(const struct area *a, unsigned n, struct area *ret)
{
	unsigned m = 0;

	for (unsigned i = 0; i < n; i++)
		if (a[i].start >= WINDOW &&
		    a[i].end <= WINDOW + NPAGES * PAGE_SIZE)
			ret[m++] = a[i];
	return m;
}

/* "rw-p" a page, "...." where nothing is mapped. */
static void paint(const struct area *a, unsigned n, char map[NPAGES][5])
{
	for (unsigned i = 0; i < NPAGES; i++)
		strcpy(map[i], "....");
	for (unsigned i = 0; i < n; i++)
		for (uint64_t va = a[i].start; va < a[i].end; va += PAGE_SIZE)
			strcpy(map[(va - WINDOW) / PAGE_SIZE], a[i].perms);
}

static void compare(struct fixture *f, bool exact, unsigned step)
{
	struct area all[256], host[256], ours[256];
	char host_map[NPAGES][5], our_map[NPAGES][5];
	unsigned nhost = in_window(all, host_areas("self", all, 256), host);
	unsigned nours = in_window(all, our_areas(f->init->mm, all, 256), ours);

	paint(host, nhost, host_map);
	paint(ours, nours, our_map);
	for (unsigned i = 0; i < NPAGES; i++)
		if (strcmp(host_map[i], our_map[i]) != 0)
			fail_msg("step %u: page %u: host %s, ours %s", step, i,
				 host_map[i], our_map[i]);
	if (!exact)
		return;
	assert_int_equal(nours, nhost);
	for (unsigned i = 0; i < nhost; i++) {
		assert_int_equal(ours[i].start, host[i].start);
		assert_int_equal(ours[i].end, host[i].end);
	}
}

static void run(struct fixture *f, unsigned nops, bool exact)
{
	/* cmocka has put its own handler there before each test. */
	sigaction(SIGSEGV, &(struct sigaction){ .sa_handler = on_segv }, NULL);
	for (unsigned i = 0; i < STEPS; i++) {
		struct step s = random_step(f, nops);
		long host = host_step(&s), ours = our_step(f, &s);

		if (host != ours)
			fail_msg("step %u: op %d page %lu len %lu prot %lu: host %ld, ours %ld",
				 i, s.op, s.page, s.len, s.prot, host, ours);
		compare(f, exact, i);
	}
	assert_int_equal(kernel_check(f->k, finding, NULL), 0);
}

static void test_host_mmap__areas_of_mmap_and_munmap(void **state)
{
	run(*state, OP_MUNMAP + 1, true);
}

static void test_host_mmap__protections_and_errnos(void **state)
{
	run(*state, OP_MPROTECT + 1, false);
}

static void test_host_mmap__touches_and_fault_counts(void **state)
{
	run(*state, OP_NOPS, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_host_mmap__areas_of_mmap_and_munmap, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_host_mmap__protections_and_errnos, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_host_mmap__touches_and_fault_counts, setup, teardown),
	};

	return cmocka_run_group_tests_name("host_mmap", tests, NULL, NULL);
}

/*
 * test_host_exec.c - exec beside the host's own: a child is stopped by ptrace
 * right after execve, before its first instruction, with ASLR off. Areas,
 * auxiliary vector and stack contents are compared with ours.
 *
 * The host's kernel may be newer than the 6.1 that we model: the special areas
 * at the top of the mmap area ([vvar], [vdso]) differ in size, so what
 * lies below them is compared by distance.
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/user.h> has macros of its own by these names. */
#undef PAGE_SHIFT
#undef PAGE_SIZE
#undef PAGE_MASK

#include "tests/kernel/host.h"

#define PROGRAM "/bin/ls"
#define MAX_AREAS 64

static const char *const argv[] = { PROGRAM, "-l", "two words", NULL };
static const char *const envp[] = { "HOME=/", "TERM=linux", NULL };

struct image {		/* a process right after exec */
	struct area area[MAX_AREAS];
	unsigned nareas;
	uint64_t sp;
	uint8_t stack[4096];	/* from sp up */
	size_t nstack;
};

static pid_t spawn_stopped(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		personality(ADDR_NO_RANDOMIZE);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execve(PROGRAM, (char **)argv, (char **)envp);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	return pid;
}

/* False: the environment forbids ptrace. */
static bool host_image(struct image *im)
{
	struct user_regs_struct regs;
	pid_t pid = spawn_stopped();
	char who[16], path[64];
	int fd;

	if (pid < 0 || ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return false;
	snprintf(who, sizeof(who), "%d", pid);
	im->nareas = host_areas(who, im->area, MAX_AREAS);
	im->sp = regs.rsp;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY);
	im->nstack = fd < 0 ? 0 : pread(fd, im->stack, sizeof(im->stack), im->sp);
	close(fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return im->nstack > 512 && im->nareas > 0;
}

static void our_image(struct kernel *k, struct image *im)
{
	struct task_struct *init = find_task(k, 1);
	const char *why = "";
	struct file *file;
	uint64_t top;

	assert_int_equal(file_open(k, PROGRAM, &file), 0);
	if (do_execve(k, init, file, argv, envp, &why) != 0)
		fail_msg("exec: %s", why);
	fput(k, file);
	im->nareas = our_areas(init->mm, im->area, MAX_AREAS);
	im->sp = init->sp;
	top = 0x7ffffffff000;
	im->nstack = top - im->sp < sizeof(im->stack) ? top - im->sp
						      : sizeof(im->stack);
	assert_int_equal(access_remote_vm(k, init->mm, im->sp, im->stack,
					  im->nstack, false), 0);
}

struct fixture {
	struct kernel *k;
	struct image host, ours;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!host_image(&f->host))
		return 0;
	f->k = boot_kernel("x86_64");
	our_image(f->k, &f->ours);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->k)
		end_kernel(f->k);
	free(f);
	return 0;
}

static struct fixture *need_host(void **state)
{
	struct fixture *f = *state;

	if (!f->k) {
		print_message("# no ptrace here\n");
		skip();
	}
	return f;
}

/* Areas of the program or its interpreter, relative to the first of them. */
static unsigned areas_of(const struct image *im, const char *part,
			 struct area *ret)
{
	unsigned n = 0;
	uint64_t base = 0;

	for (unsigned i = 0; i < im->nareas; i++) {
		const struct area *a = &im->area[i];

		if (!strstr(a->name, part))
			continue;
		if (n == 0)
			base = a->start;
		ret[n] = *a;
		ret[n].start -= base;
		ret[n].end -= base;
		n++;
	}
	return n;
}

static void same_areas(const struct fixture *f, const char *part)
{
	struct area host[MAX_AREAS], ours[MAX_AREAS];
	unsigned n = areas_of(&f->host, part, host);

	assert_int_equal(areas_of(&f->ours, part, ours), n);
	assert_true(n > 0);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(ours[i].start, host[i].start);
		assert_int_equal(ours[i].end, host[i].end);
		assert_int_equal(ours[i].offset, host[i].offset);
		assert_string_equal(ours[i].perms, host[i].perms);
	}
}

static void test_host_exec__program_areas(void **state)
{
	struct fixture *f = need_host(state);

	same_areas(f, "/ls");
}

static void test_host_exec__interpreter_areas(void **state)
{
	struct fixture *f = need_host(state);

	same_areas(f, "/ld-");
}

static void test_host_exec__program_address(void **state)
{
	struct fixture *f = need_host(state);

	assert_int_equal(f->ours.area[0].start, f->host.area[0].start);
}

static const struct area *find_area(const struct image *im, const char *name)
{
	for (unsigned i = 0; i < im->nareas; i++)
		if (strcmp(im->area[i].name, name) == 0)
			return &im->area[i];
	return NULL;
}

static void test_host_exec__stack_area(void **state)
{
	struct fixture *f = need_host(state);
	const struct area *host = find_area(&f->host, "[stack]");
	const struct area *ours = find_area(&f->ours, "[stack]");

	assert_non_null(ours);
	assert_int_equal(ours->start, host->start);
	assert_int_equal(ours->end, host->end);
	assert_string_equal(ours->perms, host->perms);
}

static uint64_t word(const struct image *im, size_t i)
{
	uint64_t w = 0;

	if ((i + 1) * 8 <= im->nstack)
		memcpy(&w, im->stack + i * 8, 8);
	return w;
}

/* String at a stack address. */
static const char *string(const struct image *im, uint64_t va)
{
	return va >= im->sp && va < im->sp + im->nstack
		       ? (const char *)im->stack + (va - im->sp) : "?";
}

static void test_host_exec__argc_argv_envp(void **state)
{
	struct fixture *f = need_host(state);
	size_t i;

	assert_int_equal(word(&f->ours, 0), 3);
	for (i = 1; word(&f->host, i); i++)
		assert_string_equal(string(&f->ours, word(&f->ours, i)),
				    string(&f->host, word(&f->host, i)));
	assert_int_equal(i, 4);
	assert_int_equal(word(&f->ours, i), 0);
	for (i++; word(&f->host, i); i++)
		assert_string_equal(string(&f->ours, word(&f->ours, i)),
				    string(&f->host, word(&f->host, i)));
	assert_int_equal(word(&f->ours, i), 0);
}

static bool aux(const struct image *im, uint64_t type, uint64_t *ret)
{
	size_t i = 1 + 4 + 3;	/* argc, argv, envp with their NULLs */

	for (; word(im, i) != AT_NULL; i += 2)
		if (word(im, i) == type) {
			*ret = word(im, i + 1);
			return true;
		}
	return false;
}

/* Entries of the auxiliary vector that do not depend on the host's CPU. */
static void test_host_exec__auxv(void **state)
{
	static const uint64_t types[] = {
		AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY, AT_FLAGS,
		AT_CLKTCK, AT_SECURE,
	};
	struct fixture *f = need_host(state);
	uint64_t ours = 0, host = 0;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		assert_true(aux(&f->host, types[i], &host));
		assert_true(aux(&f->ours, types[i], &ours));
		assert_int_equal(ours, host);
	}
	assert_true(aux(&f->ours, AT_BASE, &ours));
	assert_true(aux(&f->ours, AT_EXECFN, &ours));
	assert_string_equal(string(&f->ours, ours), PROGRAM);
	assert_true(aux(&f->ours, AT_PLATFORM, &ours));
	assert_string_equal(string(&f->ours, ours), "x86_64");
}

/* The first bytes of the program, through a fault and the page cache. */
static void test_host_exec__text_bytes(void **state)
{
	struct fixture *f = need_host(state);
	struct user_access a;
	uint8_t ours[64], host[64];
	int fd = open(PROGRAM, O_RDONLY);

	assert_int_equal(pread(fd, host, sizeof(host), 0), sizeof(host));
	close(fd);
	context_switch(f->k, 0, find_task(f->k, 1));
	user_access(f->k, 0, ACCESS_READ, true, f->ours.area[0].start, ours,
		    sizeof(ours), &a);
	assert_int_equal(a.done, sizeof(ours));
	assert_memory_equal(ours, host, sizeof(ours));
	assert_int_equal(a.min_flt + a.maj_flt, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_exec__program_areas),
		cmocka_unit_test(test_host_exec__interpreter_areas),
		cmocka_unit_test(test_host_exec__program_address),
		cmocka_unit_test(test_host_exec__stack_area),
		cmocka_unit_test(test_host_exec__argc_argv_envp),
		cmocka_unit_test(test_host_exec__auxv),
		cmocka_unit_test(test_host_exec__text_bytes),
	};

	return cmocka_run_group_tests_name("host_exec", tests, setup, teardown);
}

/*
 * test_host_programs.c - real programs: the areas that the host's kernel gives
 * them at exec, and those that they have when the dynamic loader is done, with
 * ASLR off, beside ours. Programs of the host, and small ones that the host's
 * compiler makes of every kind; what is not there is skipped, with the reason.
 *
 * The host's kernel may be newer: [vvar] and [vdso] differ in size, and what
 * lies below them is as much lower. An x86-64 kernel gives i386 programs other
 * bases than an i386 one; of those only sizes and distances are compared.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#undef PAGE_SHIFT
#undef PAGE_SIZE
#undef PAGE_MASK

#include "kernel/rtld.h"
#include "tests/kernel/host.h"

#define MAX_AREAS 512
#define DIR	  "/tmp/mmsh-programs"

struct image {
	struct area area[MAX_AREAS];
	unsigned n;
};

struct program {
	const char *path;
	const char *cflags; /* made by the compiler; NULL: of the host */
	bool i386;
	bool large; /* libraries of 2 MiB: aligned since 6.7 */
};

static const struct program programs[] = {
	{ "/bin/ls", NULL, false },
	{ "/bin/cat", NULL, false },
	{ "/bin/bash", NULL, false },
	{ "/usr/bin/perl", NULL, false },
	{ "/usr/bin/python3", NULL, false },
	{ "/usr/bin/git", NULL, false },
	{ "/usr/bin/dpkg", NULL, false },
	{ "/usr/bin/make", NULL, false },
	{ "/usr/bin/gcc", NULL, false },
	{ "/usr/bin/find", NULL, false },
	{ "/usr/bin/openssl", NULL, false, true },
	{ "/usr/bin/sort", NULL, false },
	{ "/usr/bin/readelf", NULL, false },
	{ "/usr/bin/tar", NULL, false },
	{ "/sbin/ldconfig", NULL, false },
	{ DIR "/pie", "-fPIE -pie", false },
	{ DIR "/no-pie", "-no-pie", false },
	{ DIR "/static", "-static", false },
	{ DIR "/static-pie", "-static-pie", false },
	{ DIR "/many", "-lm -lz -lpthread -Wl,--no-as-needed", false },
	{ DIR "/now", "-Wl,-z,now -Wl,-z,relro", false },
	{ DIR "/no-relro", "-Wl,-z,norelro", false },
	{ DIR "/execstack", "-Wl,-z,noexecstack", false },
	{ DIR "/pie32", "-m32 -fPIE -pie", true },
	{ DIR "/no-pie32", "-m32 -no-pie", true },
	{ DIR "/static32", "-m32 -static", true },
};

static const char *const envp[] = { "HOME=/", "LC_ALL=C", NULL };

/* --- the host ----------------------------------------------------------------
 */

static bool make_program(const struct program *p)
{
	char cmd[512];

	if (!p->cflags)
		return access(p->path, X_OK) == 0;
	mkdir(DIR, 0755);
	snprintf(cmd, sizeof(cmd),
		 "echo 'char big[70000]; int one = 1; int main(void)"
		 "{ return big[one]; }' | cc -x c - -o %s %s >%s 2>&1",
		 p->path, p->cflags, "/dev/null");
	return system(cmd) == 0;
}

static pid_t spawn_stopped(const struct program *p)
{
	const char *const argv[] = { p->path, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(1);
		close(2);
		personality(ADDR_NO_RANDOMIZE);
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execve(p->path, (char **)argv, (char **)envp);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	return pid;
}

static void host_image(pid_t pid, struct image *im)
{
	char who[16];

	snprintf(who, sizeof(who), "%d", pid);
	im->n = host_areas(who, im->area, MAX_AREAS);
}

/* Runs on to where ld.so has unmapped its cache. False: it never does. */
static bool run_loader(pid_t pid)
{
	struct stat st = { 0 };
	bool entry = true;

	stat("/etc/ld.so.cache", &st);
	for (;;) {
		struct user_regs_struct regs;
		int status;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 ||
		    waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
			return false;
		ptrace(PTRACE_GETREGS, pid, NULL, &regs);
		entry = !entry;
		if (regs.orig_rax == SYS_munmap && entry &&
		    regs.rsi == (uint64_t)st.st_size)
			return true;
		if (regs.orig_rax == SYS_exit_group)
			return false;
	}
}

static void end_host(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* --- ours
 * ---------------------------------------------------------------------- */

static struct kernel *our_image(const struct program *p, bool libs,
				struct image *im)
{
	struct kernel *k = boot_kernel(p->i386 ? "i386" : "x86_64");
	const char *const argv[] = { p->path, NULL };
	struct task_struct *init = find_task(k, 1);
	char text[200] = "";
	const char *why = "";
	struct file *file;

	k->randomize_va_space = 0;
	assert_int_equal(file_open(k, p->path, &file), 0);
	if (do_execve(k, init, file, argv, envp, &why) != 0)
		fail_msg("exec %s: %s", p->path, why);
	if (libs && rtld_run(k, init, NULL, NULL, text) != 0)
		fail_msg("ld.so %s: %s", p->path, text);
	fput(k, file);
	im->n = our_areas(init->mm, im->area, MAX_AREAS);
	return k;
}

/* --- beside each other ------------------------------------------------------
 */

static bool is_special(const struct area *a)
{
	return strncmp(a->name, "[v", 2) == 0;
}

static uint64_t special_start(const struct image *im)
{
	for (unsigned i = 0; i < im->n; i++)
		if (is_special(&im->area[i]))
			return im->area[i].start;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void drop_specials(struct image *im)
{
	unsigned n = 0;

	for (unsigned i = 0; i < im->n; i++)
		if (!is_special(&im->area[i]))
			im->area[n++] = im->area[i];
	im->n = n;
}

/* Areas below the host's special ones in the mmap area move up to ours. */
static void shift(struct image *host, uint64_t special, uint64_t by)
{
	for (unsigned i = 0; i < host->n; i++)
		if (host->area[i].end <= special &&
		    host->area[i].start > special - (4ULL << 30)) {
			host->area[i].start += by;
			host->area[i].end += by;
		}
}

static void print_image(const char *title, const struct image *im)
{
	print_error("%s\n", title);
	for (unsigned i = 0; i < im->n; i++)
		print_error("  %lx-%lx %s %lx %s\n", im->area[i].start,
			    im->area[i].end, im->area[i].perms,
			    im->area[i].offset, im->area[i].name);
}

/* /bin/ls and /usr/bin/python3 may be links. bss is [heap] in 6.1, later not.
 */
static bool same_name(const char *ours, const char *host)
{
	char real[PATH_MAX];

	if (strcmp(base_name(ours), base_name(host)) == 0 ||
	    (!*host && strcmp(ours, "[heap]") == 0))
		return true;
	return *ours == '/' && realpath(ours, real) && strcmp(real, host) == 0;
}

static bool same_area(const struct area *a, const struct area *b, bool sizes)
{
	if (sizes ? a->end - a->start != b->end - b->start
		  : a->start != b->start || a->end != b->end)
		return false;
	return strcmp(a->perms, b->perms) == 0 && a->offset == b->offset &&
	       (sizes || same_name(a->name, b->name));
}

static void compare(const struct program *p, struct image *host,
		    struct image *ours)
{
	uint64_t special = special_start(host);
	bool same;

	if (!p->i386)
		shift(host, special, special_start(ours) - special);
	drop_specials(host);
	drop_specials(ours);
	same = host->n == ours->n;
	for (unsigned i = 0; same && i < host->n; i++)
		same = same_area(&ours->area[i], &host->area[i], p->i386);
	if (same)
		return;
	print_image("host", host);
	print_image("ours", ours);
	fail_msg("%s", p->path);
}

static pid_t need_program(const struct program *p)
{
	pid_t pid;

	if (!make_program(p)) {
		print_message("# %s: not on this host, or cannot be made\n",
			      p->path);
		skip();
	}
	pid = spawn_stopped(p);
	if (pid < 0) {
		print_message("# no ptrace here\n");
		skip();
	}
	return pid;
}

static void test_exec(void **state)
{
	const struct program *p = *state;
	pid_t pid = need_program(p);
	struct image host, ours;
	struct kernel *k;

	host_image(pid, &host);
	end_host(pid);
	k = our_image(p, false, &ours);
	end_kernel(k);
	compare(p, &host, &ours);
}

static void test_libs(void **state)
{
	const struct program *p = *state;
	pid_t pid = need_program(p);
	struct image host, ours;
	struct kernel *k;

	if (p->i386 || p->large || !run_loader(pid)) {
		end_host(pid);
		print_message("# %s: %s\n", p->path,
			      p->i386	 ? "i386: another kernel's addresses"
			      : p->large ? "newer kernels align 2 MiB of a file"
					 : "needs no library");
		skip();
	}
	host_image(pid, &host);
	end_host(pid);
	k = our_image(p, true, &ours);
	end_kernel(k);
	compare(p, &host, &ours);
}

/* Loads @p in a child until no allocation fails; the child is gone then. */
static int load_once(struct kernel *k, const struct program *p, unsigned nth)
{
	const char *const argv[] = { p->path, NULL };
	struct task_struct *child;
	struct file *file = NULL;
	const char *why;
	char text[200];
	int err, pid;

	assert_int_equal(kernel_fork(k, find_task(k, 1), &child), 0);
	k->fail_nth = nth;
	err = file_open(k, p->path, &file);
	if (!err)
		err = do_execve(k, child, file, argv, envp, &why);
	if (!err)
		err = rtld_run(k, child, NULL, NULL, text);
	k->fail_nth = 0;
	fput(k, file);
	assert_int_equal(kernel_check(k, finding, NULL), 0);
	do_exit(k, child, 0);
	assert_int_equal(do_wait(k, find_task(k, 1), &pid), 0);
	return err;
}

static void test_rtld__survives_allocation_failures(void **state)
{
	static const struct program p = { DIR "/pie", "-fPIE -pie" };
	struct kernel *k;
	int err = -ENOMEM;

	if (!make_program(&p))
		skip();
	k = boot_kernel("x86_64");
	for (unsigned n = 1; err && n < 2000; n += 1 + n / 16)
		err = load_once(k, &p, n);
	assert_int_equal(load_once(k, &p, 0), 0);
	end_kernel(k);
}

int main(void)
{
	static char name[2 * ARRAY_SIZE(programs)][80];
	struct CMUnitTest t[2 * ARRAY_SIZE(programs) + 1];
	unsigned n = ARRAY_SIZE(t) - 1;

	t[n] = (struct CMUnitTest)cmocka_unit_test(
		test_rtld__survives_allocation_failures);
	for (unsigned i = 0; i < n; i++) {
		const struct program *p = &programs[i / 2];

		snprintf(name[i], sizeof(name[i]), "test_host_%s__%s",
			 i % 2 ? "libs" : "exec", base_name(p->path));
		t[i] = (struct CMUnitTest){ name[i],
					    i % 2 ? test_libs : test_exec, NULL,
					    NULL, (void *)p };
	}
	return _cmocka_run_group_tests("host_programs", t, ARRAY_SIZE(t), NULL,
				       NULL);
}

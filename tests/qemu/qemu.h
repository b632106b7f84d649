/*
 * qemu.h - another MMU to compare with: a QEMU process that runs guest.S, its
 * memory as bytes of ours, and its monitor as a function.
 *
 * One process serves all cases: tables are written into its memory, the guest
 * is told the registers, the monitor is asked. For tests/repl/test_qemu.c.
 */
#ifndef TESTS_QEMU_QEMU_H
#define TESTS_QEMU_QEMU_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define QEMU_RAM   (8u << 20)
#define GUEST_PAGE 0x100000u /* code and mailbox: keep it mapped */
#define ANSWER_MS  20000     /* the monitor is taken for dead */

struct mailbox { /* as at the end of guest.S */
	volatile uint32_t told, done, cr0, cr3, cr4, efer, ready;
};

struct qemu {
	pid_t pid;
	int in, out;  /* the monitor */
	char dir[32]; /* temporary; owned */
	uint8_t *ram; /* shared with the guest */
	char *answer; /* of the monitor; owned, grows */
	size_t len, cap;
};

static inline struct mailbox *qemu_mailbox(const struct qemu *q)
{
	return (struct mailbox *)(q->ram + GUEST_PAGE + 0x800);
}

/* Reads until the prompt. False: QEMU is dead or silent. */
static inline bool qemu_read_answer(struct qemu *q)
{
	static const char prompt[] = "\n(qemu) ";
	const size_t n = sizeof(prompt) - 1;
	struct pollfd p = { .fd = q->out, .events = POLLIN };

	q->len = 0;
	while (q->len < n || memcmp(q->answer + q->len - n, prompt, n) != 0) {
		ssize_t got;

		if (q->len + 4096 > q->cap)
			q->answer =
				realloc(q->answer, q->cap = q->cap * 2 + 8192);
		if (!q->answer || poll(&p, 1, ANSWER_MS) <= 0)
			return false;
		got = read(q->out, q->answer + q->len, 4096);
		if (got <= 0)
			return false;
		q->len += (size_t)got;
	}
	q->len -= n - 1; /* the newline belongs to the answer */
	return true;
}

/* Drops the echo of the command, which is the first line, and all '\r'. */
static inline void qemu_clean_answer(struct qemu *q)
{
	char *from = memchr(q->answer, '\n', q->len), *to = q->answer;
	char *end = q->answer + q->len;

	for (from = from ? from + 1 : end; from < end; from++)
		if (*from != '\r')
			*to++ = *from;
	*to = 0;
	q->len = (size_t)(to - q->answer);
}

/* What the monitor says to @command, or NULL. */
static inline const char *qemu_ask(struct qemu *q, const char *command)
{
	size_t n = strlen(command);

	if (write(q->in, command, n) != (ssize_t)n ||
	    write(q->in, "\n", 1) != 1 || !qemu_read_answer(q))
		return NULL;
	qemu_clean_answer(q);
	return q->answer;
}

static inline void qemu_nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

/* Lets the guest load the registers. False: it does not answer. */
static inline bool qemu_tell(struct qemu *q, uint32_t cr0, uint32_t cr3,
			     uint32_t cr4, uint32_t efer)
{
	struct mailbox *m = qemu_mailbox(q);

	m->cr0 = cr0;
	m->cr3 = cr3;
	m->cr4 = cr4;
	m->efer = efer;
	m->told++;
	for (unsigned i = 0; i < 50000 && m->done != m->told; i++)
		qemu_nap();
	return m->done == m->told;
}

static inline void qemu_exec(struct qemu *q, int in, int out)
{
	char mem[120], guest[64];
	int null = open("/dev/null", O_WRONLY);

	dup2(in, 0);
	dup2(out, 1);
	dup2(null, 2);
	snprintf(mem, sizeof(mem),
		 "memory-backend-file,id=m,size=%u,mem-path=%s/ram,share=on",
		 QEMU_RAM, q->dir);
	snprintf(guest, sizeof(guest), "%s/guest", q->dir);
	execlp("qemu-system-x86_64", "qemu-system-x86_64", "-accel", "tcg",
	       "-cpu", "max,la57=on", "-nodefaults", "-no-user-config",
	       "-display", "none", "-no-reboot", "-object", mem, "-machine",
	       "pc,memory-backend=m", "-m", "8M", "-kernel", guest, "-monitor",
	       "stdio", (char *)NULL);
	_exit(127);
}

/* The memory of the guest, as a file that both have mapped. */
static inline bool qemu_share_ram(struct qemu *q)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/ram", q->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, QEMU_RAM) < 0)
		return false;
	q->ram =
		mmap(NULL, QEMU_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return q->ram != MAP_FAILED;
}

static inline bool qemu_build_guest(struct qemu *q)
{
	char command[300];

	snprintf(command, sizeof(command),
		 "gcc -m32 -nostdlib -static -no-pie -Wl,-Ttext=0x%x,"
		 "--build-id=none -o %s/guest tests/qemu/guest.S "
		 ">/dev/null 2>&1",
		 GUEST_PAGE, q->dir);
	return system(command) == 0;
}

static inline bool qemu_spawn(struct qemu *q)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return false;
	q->pid = fork();
	if (q->pid == 0)
		qemu_exec(q, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	q->in = to[1];
	q->out = from[0];
	return q->pid > 0;
}

static inline bool qemu_make_dir(struct qemu *q, const char *parent)
{
	snprintf(q->dir, sizeof(q->dir), "%s/mmsh-qemu.XXXXXX", parent);
	return mkdtemp(q->dir) != NULL;
}

/* Starts it. NULL, or the reason why there is none to compare with. */
static inline const char *qemu_start(struct qemu *q)
{
	memset(q, 0, sizeof(*q));
	if (!qemu_make_dir(q, "/dev/shm") && !qemu_make_dir(q, "/tmp"))
		return "no temporary directory";
	if (system("command -v qemu-system-x86_64 >/dev/null 2>&1"))
		return "qemu-system-x86_64 is not installed";
	if (!qemu_build_guest(q))
		return "gcc -m32 cannot build the guest";
	if (!qemu_share_ram(q) || !qemu_spawn(q) || !qemu_read_answer(q))
		return "qemu-system-x86_64 does not start";
	for (unsigned i = 0; i < 50000 && !qemu_mailbox(q)->ready; i++)
		qemu_nap();
	if (!qemu_mailbox(q)->ready)
		return "the guest does not start in qemu-system-x86_64";
	return NULL;
}

static inline void qemu_stop(struct qemu *q)
{
	static const char *const made[] = { "guest", "ram", "saved" };
	char path[64];

	if (q->pid > 0) {
		kill(q->pid, SIGKILL);
		waitpid(q->pid, NULL, 0);
	}
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		snprintf(path, sizeof(path), "%s/%s", q->dir, made[i]);
		unlink(path);
	}
	rmdir(q->dir);
	free(q->answer);
}

#endif

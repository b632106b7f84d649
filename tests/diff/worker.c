/*
 * worker.c - a process on the host that does as it is told.
 *
 * Statically linked, without the sanitizers, and it allocates nothing: the
 * only faults counted in a measured window are those of the call or access
 * in it. Before each window all pages that the window itself needs (text,
 * data, stack, signal stack) are touched: after a fork they are to be copied.
 *
 * An instruction fetch runs one instruction at the address with the trap flag
 * set; the driver sees to it that harmless bytes are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/diff/wire.h"

#define PAGE  4096UL
#define STACK (64 * 1024)

extern char __executable_start[], etext[], edata[], end[];

static uint8_t altstack[STACK] __attribute__((aligned(4096)));
static uint8_t buffer[WIRE_BUF] __attribute__((aligned(4096)));
static uint8_t scratch[PAGE] __attribute__((aligned(4096)));
static struct request rq;
static struct reply rp;
static sigjmp_buf escape;
static volatile uint64_t fetch_target;
static volatile int trapped;

static long call(long nr, const uint64_t *a)
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void on_signal(int signo, siginfo_t *si, void *context)
{
	ucontext_t *u = context;

	if (signo == SIGTRAP) {
		/* The first trap is of the jump, the second of its target. */
		if (u->uc_mcontext.gregs[REG_RIP] == (greg_t)fetch_target &&
		    !trapped++)
			return;
		siglongjmp(escape, 1);
	}
	rp.signo = signo;
	rp.si_code = si->si_code;
	rp.addr = (uint64_t)si->si_addr;
	rp.error = u->uc_mcontext.gregs[REG_ERR];
	rp.trap = u->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(escape, 1);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGTRAP };
	stack_t ss = { .ss_sp = altstack, .ss_size = STACK };

	sigaltstack(&ss, NULL);
	for (unsigned i = 0; i < 3; i++) {
		struct sigaction sa = { .sa_sigaction = on_signal };

		sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
		sigaction(signals[i], &sa, NULL);
	}
}

/* Makes every page of this program present and its own. */
static void warm(void)
{
	volatile char *p, on_stack[2 * PAGE];

	for (p = __executable_start; p < etext; p += PAGE)
		(void)*p;
	for (p = (volatile char *)((uintptr_t)etext & -PAGE); p < end;
	     p += PAGE)
		(void)*p;
	for (p = (volatile char *)((uintptr_t)&rp & -PAGE); p < end; p += PAGE)
		*p = *p;
	for (p = (volatile char *)((uintptr_t)edata & -PAGE); p < end;
	     p += PAGE)
		*p = *p;
	for (size_t i = 0; i < sizeof(on_stack); i += 256)
		on_stack[i] = 0;
	for (size_t i = 0; i < STACK; i += PAGE)
		altstack[i] = 0;
}

static void fetch(uint64_t va)
{
	fetch_target = va;
	trapped = 0;
	__asm__ volatile("pushfq\n\t"
			 "orq $0x100, (%%rsp)\n\t"
			 "popfq\n\t"
			 "jmp *%1\n\t"
			 :
			 : "a"(scratch), "r"(va)
			 : "memory", "cc");
}

static void load_or_store(uint64_t kind, uint64_t va, uint64_t bytes,
			  uint64_t value)
{
	switch (kind) {
	case WIRE_READ:
		rp.value = bytes == 8 ? *(volatile uint64_t *)va
				      : *(volatile uint8_t *)va;
		break;
	case WIRE_WRITE:
		if (bytes == 8)
			*(volatile uint64_t *)va = value;
		else
			*(volatile uint8_t *)va = value;
		break;
	case WIRE_FETCH:
		fetch(va);
		break;
	case WIRE_TOUCH:
		(void)*(volatile uint8_t *)va;
		break;
	case WIRE_TOUCHW:
		__asm__ volatile("lock orb $0, (%0)" : : "r"(va) : "memory");
		break;
	}
}

static void faults(uint64_t *min, uint64_t *maj)
{
	struct rusage ru;
	uint64_t arg[6] = { RUSAGE_SELF, (uint64_t)&ru };

	call(SYS_getrusage, arg);
	*min = ru.ru_minflt;
	*maj = ru.ru_majflt;
}

/* The window: @arg as in struct request. */
static void access_pages(const uint64_t *arg)
{
	static volatile uint64_t i;

	rp.signo = 0;
	faults(&rp.min, &rp.maj);
	i = 0;
	if (!sigsetjmp(escape, 0))
		for (; i < arg[4]; i++)
			load_or_store(arg[0], arg[1] + i * arg[5], arg[2],
				      arg[3]);
	rp.ret = i + (arg[0] == WIRE_FETCH && !rp.signo);
}

static void measured_access(const uint64_t *arg)
{
	uint64_t min, maj;

	access_pages(arg);
	faults(&min, &maj);
	rp.min = min - rp.min;
	rp.maj = maj - rp.maj;
}

static void measured_call(void)
{
	uint64_t min, maj;

	faults(&rp.min, &rp.maj);
	rp.ret = call(rq.nr, rq.arg);
	faults(&min, &maj);
	rp.min = min - rp.min;
	rp.maj = maj - rp.maj;
}

static void do_access(void)
{
	uint64_t dry[6] = { WIRE_READ, (uint64_t)scratch, 8, 0, 1, 0 };

	measured_access(dry);
	memset(&rp, 0, sizeof(rp));
	measured_access(rq.arg);
}

static void do_syscall(void)
{
	uint64_t dry[6] = { 0 };

	memcpy(buffer, rq.buf, sizeof(rq.buf));
	memset(buffer + sizeof(rq.buf), 0, sizeof(buffer) - sizeof(rq.buf));
	call(SYS_getpid, dry);
	measured_call();
	memcpy(rp.buf, buffer, sizeof(rp.buf));
}

/* The new process answers on the other socket from now on. */
static int do_fork(int fd)
{
	uint64_t none[6] = { 0 };

	rp.ret = call(SYS_fork, none);
	return rp.ret == 0 ? (int)rq.arg[0] : fd;
}

/* An ordinary process, also where the test is run by root. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	syscall(SYS_capset, &head, none);
}

/*
 * On one CPU: a page that waits in another CPU's batch for the LRU lists has a
 * reference more, and would be copied where it should be reused.
 */
static void stay_here(void)
{
	unsigned cpu = 0;
	cpu_set_t set;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void limit_locks(uint64_t bytes)
{
	struct rlimit r = { bytes, bytes };

	setrlimit(RLIMIT_MEMLOCK, &r);
}

static int64_t set_limit(int resource, uint64_t soft)
{
	struct rlimit r;

	getrlimit(resource, &r);
	if (soft > r.rlim_max)
		return -EPERM;
	r.rlim_cur = soft;
	return setrlimit(resource, &r);
}

static void hello(void)
{
	uint64_t arg[6] = { 0 }, brk = call(SYS_brk, arg);

	arg[0] = (brk + PAGE - 1) & -PAGE;
	rp.heap = call(SYS_brk, arg);
	*(volatile char *)(rp.heap - 1) = 0;
	rp.buf_va = (uint64_t)buffer;
	limit_locks(rq.arg[0]);
	stay_here();
	drop_capabilities();
}

static void dispatch(int *fd)
{
	uint64_t arg[6] = { rq.arg[0] };

	warm();
	memset(&rp, 0, sizeof(rp));
	switch (rq.kind) {
	case WIRE_HELLO:
		hello();
		break;
	case WIRE_SYSCALL:
		do_syscall();
		break;
	case WIRE_ACCESS:
		do_access();
		break;
	case WIRE_FORK:
		*fd = do_fork(*fd);
		break;
	case WIRE_WAIT:
		rp.ret = call(SYS_wait4, arg);
		break;
	case WIRE_LIMIT:
		rp.ret = set_limit(rq.arg[0], rq.arg[1]);
		break;
	case WIRE_EXIT:
		_exit(0);
	}
}

int main(void)
{
	int fd = WIRE_FD;

	catch_signals();
	while (read(fd, &rq, sizeof(rq)) == sizeof(rq)) {
		int from = fd;

		dispatch(&fd);
		if (fd == from && write(fd, &rp, sizeof(rp)) != sizeof(rp))
			break;
	}
	return 0;
}

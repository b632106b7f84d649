/*
 * test_signal.c - what a signal does to a process: handlers that repair, masks,
 * frames, default actions, threads, wait. Rows of golden/linux-behaviour.tsv:
 * stack_overflow; the rest is Linux' documented behaviour.
 */
#include <errno.h>

#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "tests/kernel/mm_script.h"

/* A handler as the hook sees it: what it does, and what it saw. */
struct handler {
	struct mm_run *r;
	int calls;
	bool fails, faults, maps;
	struct siginfo info;
	va_t sp;
	uint32_t blocked;
};

static bool run(void *ctx, unsigned cpu, unsigned id,
		const struct siginfo *info)
{
	struct handler *h = ctx;
	struct task_struct *t = h->r->k->current[cpu];
	struct user_access a;
	uint8_t byte;
	va_t va;

	h->calls++;
	h->info = *info;
	h->sp = t->sp;
	h->blocked = t->blocked;
	if (h->faults)
		user_access(h->r->k, cpu, ACCESS_READ, true, 0x20, &byte, 1,
			    &a);
	if (h->maps)
		do_mmap(h->r->k, t->mm, NULL, info->addr & PAGE_MASK, PAGE_SIZE,
			LX_PROT_READ | LX_PROT_WRITE,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&va);
	return !h->fails;
}

struct fixture {
	struct mm_run r;
	struct handler h;
	struct signal_hook hook;
};

/* A child runs on CPU 1; a handler of SIGSEGV, if @flags are not ~0. */
static void setup(struct fixture *f, const struct arch *arch, uint32_t flags)
{
	struct k_sigaction act = { .type = SIG_TYPE_HANDLER,
				   .handler = 7,
				   .sa_flags = flags };

	memset(f, 0, sizeof(*f));
	run_setup(&f->r, arch);
	f->h.r = &f->r;
	f->hook = (struct signal_hook){ run, &f->h };
	f->r.k->signal_hook = &f->hook;
	run_script(&f->r, "F C");
	f->r.task[1]->signal->stop = 0;
	if (flags != ~0u)
		assert_int_equal(do_sigaction(f->r.task[1], LX_SIGSEGV, &act),
				 0);
}

static void teardown(struct fixture *f)
{
	f->r.cur = 0;
	run_teardown(&f->r);
}

static int reap(struct fixture *f, int *pid)
{
	int status = -1;

	assert_int_equal(
		kernel_wait4(f->r.k, f->r.task[0], -1, 0, &status, pid), 0);
	return status;
}

/* --- faults ----------------------------------------------------------------
 */

static void test_signal__default_ends_the_process(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct fixture f;
		int pid;

		setup(&f, a, ~0u);
		touch(&f.r, ACCESS_WRITE, 0x10, 1);
		assert_int_equal(f.r.last.end, SIG_ENDED);
		assert_int_equal(f.r.last.sig.addr, 0x10);
		assert_int_equal(f.r.task[1]->state, 'Z');
		assert_null(f.r.k->current[1]);
		assert_int_equal(reap(&f, &pid), LX_SIGSEGV);
		assert_int_equal(pid, 2);
		assert_non_null(strstr(f.r.k->log.text, "segfault at 10 ip"));
		teardown(&f);
	}
}

static void test_signal__stop_leaves_it(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), ~0u);
	f.r.task[1]->signal->stop = sigbit(LX_SIGSEGV);
	touch(&f.r, ACCESS_WRITE, 0x10, 1);
	assert_int_equal(f.r.last.end, SIG_STOPPED);
	assert_int_equal(f.r.task[1]->state, 'R');
	assert_ptr_equal(f.r.k->current[1], f.r.task[1]);
	teardown(&f);
}

/* The handler is on a frame below the red zone, its signal blocked. */
static void test_signal__handler_repairs(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct fixture f;
		va_t sp;

		setup(&f, a, 0);
		f.h.maps = true;
		sp = f.r.task[1]->sp;
		touch(&f.r, ACCESS_WRITE, f.r.base + 0x123, 1);
		assert_int_equal(f.r.last.done, 1);
		assert_int_equal(f.r.last.sig.signo, 0);
		assert_int_equal(f.r.last.handled, 1);
		assert_int_equal(f.h.calls, 1);
		assert_int_equal(f.h.info.si_code, LX_SEGV_MAPERR);
		assert_int_equal(f.h.info.addr, f.r.base + 0x123);
		assert_int_equal(f.h.info.error_code, 6);
		assert_true(sp - f.h.sp >= (a->word == 8 ? 1080 : 892));
		assert_true(sp - f.h.sp <= sigframe_size(f.r.k) + 128);
		assert_int_equal(f.h.sp % 16, a->word == 8 ? 8 : 12);
		assert_int_equal(f.h.blocked, sigbit(LX_SIGSEGV));
		assert_int_equal(f.r.task[1]->sp, sp);
		assert_int_equal(f.r.task[1]->blocked, 0);
		teardown(&f);
	}
}

static uint64_t frame_word(struct fixture *f, unsigned at)
{
	uint64_t value = 0;

	assert_int_equal(get_user(f->r.k, 1, f->h.sp + at, f->r.k->arch->word,
				  &value),
			 0);
	return value;
}

/* The bytes that a real program's handler would find. */
static void test_signal__frame(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		bool wide = a->word == 8;
		va_t addr = 0x50000020;
		struct fixture f;

		setup(&f, a, 0);
		f.h.maps = true;
		touch(&f.r, ACCESS_WRITE, addr, 1);
		assert_int_equal(f.r.last.done, 1);
		assert_int_equal(frame_word(&f, wide ? 176 : 220),
				 f.r.task[1]->ip);
		assert_int_equal(frame_word(&f, wide ? 168 : 192),
				 f.r.task[1]->sp);
		assert_int_equal(frame_word(&f, wide ? 208 : 212), VEC_PF);
		assert_int_equal(frame_word(&f, wide ? 200 : 216), 6);
		assert_int_equal(frame_word(&f, wide ? 224 : 248), addr);
		assert_int_equal(frame_word(&f, wide ? 312 + 16 : 16 + 12),
				 addr);
		if (!wide)
			assert_int_equal(frame_word(&f, 4), LX_SIGSEGV);
		teardown(&f);
	}
}

static void test_signal__handler_that_repairs_nothing(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("i386"), 0);
	touch(&f.r, ACCESS_WRITE, 0x10, 1);
	assert_int_equal(f.r.last.end, SIG_STUCK);
	assert_int_equal(f.r.last.sig.addr, 0x10);
	assert_true(f.h.calls > 1);
	teardown(&f);
}

static void test_signal__handler_that_does_not_return(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("i386"), 0);
	f.h.fails = true;
	touch(&f.r, ACCESS_WRITE, 0x10, 1);
	assert_int_equal(f.r.last.end, SIG_LEFT);
	assert_int_equal(f.r.task[1]->blocked, 0);
	teardown(&f);
}

/* A fault in the handler, while its signal is blocked, kills. */
static void test_signal__fault_in_the_handler(void **state)
{
	struct fixture f;
	int pid;

	setup(&f, arch_by_name("x86_64"), 0);
	f.h.faults = true;
	touch(&f.r, ACCESS_WRITE, 0x10, 1);
	assert_int_equal(f.r.last.end, SIG_ENDED);
	assert_int_equal(f.h.calls, 1);
	assert_int_equal(reap(&f, &pid), LX_SIGSEGV);
	teardown(&f);
}

static void test_signal__ignored_fault_kills(void **state)
{
	struct k_sigaction ign = { .type = SIG_TYPE_IGN };
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), 0);
	do_sigaction(f.r.task[1], LX_SIGSEGV, &ign);
	touch(&f.r, ACCESS_WRITE, 0x10, 1);
	assert_int_equal(f.r.last.end, SIG_ENDED);
	assert_int_equal(f.h.calls, 0);
	teardown(&f);
}

/* golden: stack_overflow, no_handler and handler_without_altstack. */
static void test_stack_overflow__signal_11(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (int altstack = 0; altstack < 2; altstack++) {
			struct fixture f;
			va_t top, bottom;
			int pid;

			setup(&f, a, LX_SA_ONSTACK);
			f.h.maps = true;
			top = find_vma(f.r.task[1]->mm, f.r.task[1]->sp)
				      ->vm_end;
			bottom = top - f.r.task[1]->rlim[RLIM_STACK];
			f.r.task[1]->sp = bottom + 64;
			run_script(&f.r, "m 0 4 rw p");
			if (altstack)
				do_sigaltstack(f.r.task[1], f.r.base,
					       4 * PAGE_SIZE);
			touch(&f.r, ACCESS_WRITE, bottom - 8, 1);
			assert_int_equal(f.h.calls, altstack);
			assert_int_equal(f.r.last.done, altstack);
			if (altstack)
				assert_true(f.h.sp > f.r.base &&
					    f.h.sp < f.r.base + 4 * PAGE_SIZE);
			else
				assert_int_equal(reap(&f, &pid), LX_SIGSEGV);
			teardown(&f);
		}
}

static void test_sigaltstack__refusals(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), 0);
	assert_int_equal(do_sigaltstack(f.r.task[1], f.r.base, 2047), -ENOMEM);
	assert_int_equal(do_sigaltstack(f.r.task[1], f.r.base, 8192), 0);
	f.r.task[1]->sp = f.r.base + 4096;
	assert_int_equal(do_sigaltstack(f.r.task[1], 0, 0), -EPERM);
	teardown(&f);
}

static void test_signal__init_panics(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), ~0u);
	f.r.task[0]->signal->stop = 0;
	f.r.cur = 0;
	touch(&f.r, ACCESS_WRITE, 0x10, 1);
	assert_int_equal(f.r.last.end, SIG_PANIC);
	assert_non_null(strstr(f.r.k->log.text, "Attempted to kill init! "
						"exitcode=0x0000000b"));
	teardown(&f);
}

/* --- sent ones ---------------------------------------------------------------
 */

static void test_kill__names(void **state)
{
	assert_int_equal(signal_by_name("SIGSEGV"), 11);
	assert_int_equal(signal_by_name("segv"), 11);
	assert_int_equal(signal_by_name("9"), 9);
	assert_int_equal(signal_by_name("32"), 0);
	assert_int_equal(signal_by_name("SIG?"), 0);
	assert_int_equal(signal_by_name(""), 0);
	for (int i = 1; i <= NR_SIGNALS; i++)
		assert_int_equal(signal_by_name(signal_name(i)), i);
}

static void test_kill__init_ignores_the_default(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), ~0u);
	assert_int_equal(kernel_kill(f.r.k, f.r.task[0], LX_SIGKILL), 0);
	assert_int_equal(f.r.task[0]->state, 'R');
	teardown(&f);
}

static void test_kill__handler_when_it_runs(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), 0);
	context_switch(f.r.k, 1, NULL);
	assert_int_equal(kernel_kill(f.r.k, f.r.task[1], LX_SIGSEGV), 0);
	assert_int_equal(f.h.calls, 0);
	context_switch(f.r.k, 1, f.r.task[1]);
	assert_int_equal(f.h.calls, 1);
	assert_int_equal(f.h.info.si_code, LX_SI_USER);
	assert_int_equal(kernel_kill(f.r.k, f.r.task[1], LX_SIGSEGV), 0);
	assert_int_equal(f.h.calls, 2); /* it runs: at once */
	teardown(&f);
}

static void test_kill__stop_and_continue(void **state)
{
	struct fixture f;

	setup(&f, arch_by_name("x86_64"), 0);
	assert_int_equal(kernel_kill(f.r.k, f.r.task[1], LX_SIGSTOP), 0);
	assert_int_equal(f.r.task[1]->state, 'T');
	assert_int_equal(context_switch(f.r.k, 1, f.r.task[1]), -EAGAIN);
	assert_int_equal(kernel_kill(f.r.k, f.r.task[1], LX_SIGCONT), 0);
	assert_int_equal(context_switch(f.r.k, 1, f.r.task[1]), 0);
	teardown(&f);
}

static void test_kill__sigchld(void **state)
{
	struct k_sigaction act = { .type = SIG_TYPE_HANDLER };
	struct fixture f;
	int pid, status;

	setup(&f, arch_by_name("x86_64"), ~0u);
	do_sigaction(f.r.task[0], LX_SIGCHLD, &act);
	do_exit(f.r.k, f.r.task[1], 3);
	assert_int_equal(f.h.calls, 1);
	assert_int_equal(f.h.info.si_code, LX_CLD_EXITED);
	assert_int_equal(reap(&f, &pid), 3 << 8);
	act.type = SIG_TYPE_IGN; /* then nothing is left */
	do_sigaction(f.r.task[0], LX_SIGCHLD, &act);
	run_script(&f.r, "F");
	do_exit(f.r.k, f.r.task[1], 3);
	assert_int_equal(kernel_wait4(f.r.k, f.r.task[0], -1, 0, &status, &pid),
			 -ECHILD);
	teardown(&f);
}

static void test_sigaction__inherited(void **state)
{
	struct fixture f;
	struct task_struct *child;

	setup(&f, arch_by_name("x86_64"), 0);
	assert_int_equal(kernel_fork(f.r.k, f.r.task[1], &child), 0);
	assert_int_equal(child->sighand->action[LX_SIGSEGV].type,
			 SIG_TYPE_HANDLER);
	assert_ptr_not_equal(child->sighand, f.r.task[1]->sighand);
	flush_signal_handlers(child); /* exec */
	assert_int_equal(child->sighand->action[LX_SIGSEGV].type, SIG_TYPE_DFL);
	assert_int_equal(f.r.task[1]->sighand->action[LX_SIGSEGV].type,
			 SIG_TYPE_HANDLER);
	teardown(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal__default_ends_the_process),
		cmocka_unit_test(test_signal__stop_leaves_it),
		cmocka_unit_test(test_signal__handler_repairs),
		cmocka_unit_test(test_signal__frame),
		cmocka_unit_test(test_signal__handler_that_repairs_nothing),
		cmocka_unit_test(test_signal__handler_that_does_not_return),
		cmocka_unit_test(test_signal__fault_in_the_handler),
		cmocka_unit_test(test_signal__ignored_fault_kills),
		cmocka_unit_test(test_stack_overflow__signal_11),
		cmocka_unit_test(test_sigaltstack__refusals),
		cmocka_unit_test(test_signal__init_panics),
		cmocka_unit_test(test_kill__names),
		cmocka_unit_test(test_kill__init_ignores_the_default),
		cmocka_unit_test(test_kill__handler_when_it_runs),
		cmocka_unit_test(test_kill__stop_and_continue),
		cmocka_unit_test(test_kill__sigchld),
		cmocka_unit_test(test_sigaction__inherited),
	};

	return run_rows("signal", NULL, 0, tests, ARRAY_SIZE(tests));
}

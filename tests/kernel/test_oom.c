/*
 * test_oom.c - who is killed when a fault finds no memory, and that it helps.
 */
#include <errno.h>

#include "kernel/oom.h"
#include "kernel/signal.h"
#include "tests/kernel/mm_script.h"

struct fixture {
	struct kernel *k;
	struct task_struct *init, *small, *large;
};

static va_t map(struct kernel *k, struct task_struct *t, uint64_t bytes)
{
	va_t va;

	assert_int_equal(do_mmap(k, t->mm, NULL, 0x50000000, bytes,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
					 LX_MAP_NORESERVE,
				 0, &va),
			 0);
	return va;
}

/* Touches [va, va + bytes) on @cpu; the last access is in *ret. */
static uint64_t touch_all(struct kernel *k, unsigned cpu, va_t va,
			  uint64_t bytes, struct user_access *ret)
{
	uint64_t done = 0;
	uint8_t byte = 1;

	for (; done < bytes; done += PAGE_SIZE) {
		user_access(k, cpu, ACCESS_WRITE, true, va + done, &byte, 1,
			    ret);
		if (ret->done != 1)
			break;
	}
	return done;
}

/* Two children of init on two CPUs; one has 6 MiB. */
static struct fixture setup(const struct arch *arch)
{
	struct kernel_config cfg;
	struct user_access a;
	struct fixture f;
	const char *why;

	kernel_config_default(&cfg, arch);
	cfg.ram = arch->word == 8 ? 128 * MiB : 32 * MiB;
	f.k = kernel_boot(&cfg, &why);
	assert_non_null(f.k);
	f.k->overcommit_memory = 1;
	f.init = find_task(f.k, 1);
	assert_int_equal(kernel_fork(f.k, f.init, &f.small), 0);
	assert_int_equal(kernel_fork(f.k, f.init, &f.large), 0);
	context_switch(f.k, 0, f.small);
	context_switch(f.k, 1, f.large);
	touch_all(f.k, 1, map(f.k, f.large, 6 * MiB), 6 * MiB, &a);
	return f;
}

static void teardown(struct fixture *f)
{
	assert_int_equal(kernel_check(f->k, complain, NULL), 0);
	kernel_destroy(f->k);
}

static bool logged(const struct fixture *f, const char *text)
{
	return strstr(f->k->log.text, text);
}

static void test_oom__badness(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct fixture f = setup(a);
		int64_t large = oom_badness(f.k, f.large);

		assert_int_equal(oom_badness(f.k, f.init), INT64_MIN);
		assert_int_equal(large, f.large->mm->rss[MM_ANONPAGES] +
						f.large->mm->pgtables);
		assert_true(oom_score(f.k, f.large) > oom_score(f.k, f.small));
		assert_int_equal(set_oom_score_adj(f.k, f.large, 1001),
				 -EINVAL);
		assert_int_equal(set_oom_score_adj(f.k, f.large, 100), 0);
		assert_int_equal(
			oom_badness(f.k, f.large),
			large + 100 * (int64_t)(f.k->totalram_pages / 1000));
		set_oom_score_adj(f.k, f.large, -1000);
		assert_int_equal(oom_badness(f.k, f.large), INT64_MIN);
		assert_int_equal(oom_score(f.k, f.large), 0);
		teardown(&f);
	}
}

/* All memory is asked for, but for what the other one may keep. */
static void test_oom__the_worst_is_killed(void **state)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct fixture f = setup(a);
		struct user_access r;
		uint64_t bytes = f.k->totalram_pages << PAGE_SHIFT;
		va_t va = map(f.k, f.small, bytes);
		int pid, status;

		set_oom_score_adj(f.k, f.large, 900);
		touch_all(f.k, 0, va, bytes, &r);
		assert_int_equal(f.large->state, 'Z');
		assert_null(f.k->current[1]);
		assert_true(logged(&f, "Out of memory: Killed process 3"));
		/* then the one that asks is the worst */
		assert_int_equal(r.end, SIG_ENDED);
		assert_true(logged(&f, "Out of memory: Killed process 2"));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(kernel_wait4(f.k, f.init, -1, 0,
						      &status, &pid),
					 0);
			assert_int_equal(status, LX_SIGKILL);
		}
		teardown(&f);
	}
}

static void test_oom__nobody_to_kill(void **state)
{
	struct fixture f = setup(arch_by_name("i386"));
	struct user_access r;
	uint64_t bytes = f.k->totalram_pages << PAGE_SHIFT;
	va_t va = map(f.k, f.small, bytes);

	set_oom_score_adj(f.k, f.large, -1000);
	set_oom_score_adj(f.k, f.small, -1000);
	touch_all(f.k, 0, va, bytes, &r);
	assert_int_equal(f.small->state, 'R');
	assert_int_equal(f.large->state, 'R');
	assert_true(logged(&f, "Kernel panic - not syncing: System is "
			       "deadlocked on memory"));
	teardown(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oom__badness),
		cmocka_unit_test(test_oom__the_worst_is_killed),
		cmocka_unit_test(test_oom__nobody_to_kill),
	};

	return run_rows("oom", NULL, 0, tests, ARRAY_SIZE(tests));
}

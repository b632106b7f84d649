/*
 * test_pti.c - page-table isolation and PCIDs: what either tree has, what
 * CR3 says, and random processes on two CPUs with fsck after each step.
 */
#include "boot.h"

#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "kernel/process.h"
#include "kernel/pti.h"

static struct kernel *boot_pti(bool pti, bool pcid, bool la57)
{
	struct kernel_config cfg;
	const char *why = "";
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	cfg.ram = 512 * MiB;
	cfg.pti = pti;
	cfg.pcid = pcid;
	cfg.la57 = la57;
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("%s", why);
	return k;
}

static bool reaches(struct kernel *k, pa_t root, va_t va, struct walk *w)
{
	struct mmu mmu = k->machine->cpu[0].mmu;
	struct access access = { .va = va, .kind = ACCESS_READ };

	mmu_set_root(&mmu, k->ram, root);
	mmu_refresh(&mmu);
	mmu_walk(&mmu, k->ram, &access, w);
	return w->fault.reason == FAULT_NONE;
}

static pa_t init_root(const struct kernel *k)
{
	return k->current[0]->mm->pgd << PAGE_SHIFT;
}

/* --- trees -------------------------------------------------------------- */

static void check_user_tree(struct kernel *k)
{
	pa_t root = pti_user_root(k, init_root(k));
	const struct layout *l = &k->layout;
	struct walk w;
	va_t text, end;

	assert_false(reaches(k, root, l->page_offset + 0x1000, &w));
	assert_false(reaches(k, root, l->vmemmap, &w));
	assert_false(reaches(k, root, l->lapic, &w));
	assert_false(reaches(k, root, l->kernel_map + l->image.text, &w));
	assert_false(reaches(k, root, l->kernel_map + l->image.data, &w));
	pti_entry_text(k, &text, &end);
	assert_true(reaches(k, root, text, &w));
	assert_true(w.global);
	assert_false(w.rights.write || w.rights.xd || w.rights.user);
	assert_false(reaches(k, root, end, &w));
	assert_true(reaches(k, root, l->cpu_entry_area, &w));
	assert_true(w.global);
	assert_int_equal(w.pa, l->image.idt);
	assert_true(reaches(k, root, l->cpu_entry_area + 0x13000, &w));
	assert_false(reaches(k, root, l->cpu_entry_area + 0x14000, &w));
}

/* linux free_kernel_image_pages(): freed gaps lose their name in the image. */
static void check_gaps(struct kernel *k, bool mapped)
{
	const struct layout *l = &k->layout;
	const pa_t gap[][2] = {
		{ PAGE_ALIGN(l->image.etext), l->image.rodata },
		{ PAGE_ALIGN(l->image.erodata), l->image.data },
	};
	pa_t root = init_root(k);
	struct walk w;

	for (unsigned i = 0; i < ARRAY_SIZE(gap); i++)
		for (pa_t pa = gap[i][0]; pa < gap[i][1]; pa += PAGE_SIZE) {
			assert_int_equal(reaches(k, root, l->kernel_map + pa,
						 &w),
					 mapped);
			assert_true(reaches(k, root, l->page_offset + pa, &w));
			assert_true(w.rights.write);
			assert_true(w.rights.xd);
		}
	for (unsigned i = 0; i < ARRAY_SIZE(gap); i++) {
		assert_true(reaches(k, root,
				    l->kernel_map + gap[i][0] - PAGE_SIZE, &w));
		assert_true(reaches(k, root, l->kernel_map + gap[i][1], &w));
	}
}

static void test_gaps(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct kernel *k = boot_pti(i & 1, i & 2, i & 4);

		check_gaps(k, !(i & 1));
		end_row(k);
	}
}

static void test_trees(void **state)
{
	for (unsigned la57 = 0; la57 < 2; la57++) {
		struct kernel *k = boot_pti(true, false, la57);
		va_t text = k->current[0]->mm->start_code;
		struct user_access a;
		struct walk w;
		char c;

		check_user_tree(k);
		user_access(k, 0, ACCESS_READ, true, text, &c, 1, &a);
		assert_int_equal(a.done, 1);
		assert_true(reaches(k, init_root(k) | PAGE_SIZE, text, &w));
		assert_false(w.rights.xd);
		assert_true(reaches(k, init_root(k), text, &w));
		assert_true(w.rights.xd);
		end_row(k);
	}
}

/* Meltdown's point: there is nothing to be read, and nothing to be learnt. */
static void test_kernel_address__not_present(void **state)
{
	for (unsigned pti = 0; pti < 2; pti++) {
		struct kernel *k = boot_pti(pti, false, false);
		struct user_access a;
		char c;

		user_access(k, 0, ACCESS_READ, true, kernel_va(k, MiB), &c, 1,
			    &a);
		assert_int_equal(a.done, 0);
		assert_int_equal(a.fault.error_code & PF_P, pti ? 0 : PF_P);
		assert_int_equal(a.sig.error_code & PF_P, PF_P);
		user_access(k, 0, ACCESS_READ, false, kernel_va(k, MiB), &c, 1,
			    &a);
		assert_int_equal(a.done, 1);
		end_row(k);
	}
}

/* --- CR3 ---------------------------------------------------------------- */

struct log {
	uint64_t new[16];
	unsigned n;
};

static void record(void *ctx, const struct kevent *ev)
{
	struct log *log = ctx;

	if (ev->kind == KEV_SWITCH && log->n < ARRAY_SIZE(log->new))
		log->new[log->n++] = ev->new;
}

static void test_cr3__entry_and_exit(void **state)
{
	for (unsigned pcid = 0; pcid < 2; pcid++) {
		struct kernel *k = boot_pti(true, pcid, false);
		struct cpu *cpu = &k->machine->cpu[0];
		uint64_t root = init_root(k);
		uint64_t kern = pcid ? 2 : 0, user = pcid ? 0x802 : 0;
		struct user_access a;
		struct log log = { .n = 0 };
		char c;

		assert_int_equal(cpu->mmu.cr3, root | 0x1000 | user);
		k->sink = (struct kevent_sink){ record, &log };
		user_access(k, 0, ACCESS_READ, true,
			    k->current[0]->mm->start_code, &c, 1, &a);
		k->sink.fn = NULL;
		assert_int_equal(log.n, 2);
		assert_int_equal(log.new[0], root | kern);
		assert_int_equal(log.new[1], root | 0x1000 | user);
		end_row(k);
	}
}

static uint64_t cr3_flushes(const struct kernel *k)
{
	return k->machine->cpu[0].counters.flushes[FLUSH_CR3];
}

/* With PCIDs neither an entry nor a switch back flushes anything. */
static void test_pcid__saves_flushes(void **state)
{
	struct kernel *k = boot_pti(true, true, false);
	struct task_struct *init = k->current[0], *child;
	struct user_access a;
	uint64_t before;
	char c;

	assert_int_equal(kernel_fork(k, init, &child), 0);
	assert_int_equal(context_switch(k, 0, child), 0);
	assert_int_equal(context_switch(k, 0, init), 0);
	before = cr3_flushes(k);
	user_access(k, 0, ACCESS_READ, false, kernel_va(k, MiB), &c, 1, &a);
	assert_int_equal(context_switch(k, 0, child), 0);
	assert_int_equal(context_switch(k, 0, init), 0);
	assert_int_equal(cr3_flushes(k), before);
	end_row(k);
}

/* A change made while an address space is not loaded is flushed later. */
static void test_pcid__flush_waits(void **state)
{
	struct kernel *k = boot_pti(true, true, false);
	struct task_struct *init = k->current[0], *child;
	struct user_access a;
	va_t va, heap;

	assert_int_equal(do_mmap(k, init->mm, NULL, 0, PAGE_SIZE, 3,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS, 0, &va),
			 0);
	heap = va;
	user_access(k, 0, ACCESS_WRITE, true, heap, NULL, 1, &a);
	assert_int_equal(a.done, 1);
	assert_int_equal(kernel_fork(k, init, &child), 0);
	assert_int_equal(context_switch(k, 0, child), 0);
	assert_int_equal(do_munmap(k, init->mm, heap, PAGE_SIZE), 0);
	assert_int_equal(findings(k, NULL), 0);
	assert_int_equal(context_switch(k, 0, init), 0);
	user_access(k, 0, ACCESS_READ, true, heap, NULL, 1, &a);
	assert_int_equal(a.done, 0);
	end_row(k);
}

/* --- random processes --------------------------------------------------- */

static uint32_t rnd(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % n;
}

static struct task_struct *any_task(struct kernel *k, uint64_t *seed)
{
	struct task_struct *t, *found = TAILQ_FIRST(&k->tasks);
	unsigned n = 0;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm && !rnd(seed, ++n))
			found = t;
	return found;
}

static void random_access(struct kernel *k, uint64_t *seed, va_t base)
{
	unsigned cpu = rnd(seed, 2);
	bool user = rnd(seed, 4);
	enum access_kind kind = rnd(seed, 2) ? ACCESS_WRITE : ACCESS_READ;
	va_t va = rnd(seed, 5) ? base + rnd(seed, 64) * PAGE_SIZE
			       : kernel_va(k, 300 * MiB);
	struct user_access a;
	char c = 0;

	if (!user && kind == ACCESS_WRITE)
		kind = ACCESS_READ;
	if (k->current[cpu])
		user_access(k, cpu, kind, user, va, &c, 1, &a);
}

static void random_step(struct kernel *k, uint64_t *seed, va_t base)
{
	struct task_struct *t = any_task(k, seed), *child;
	va_t at = base + rnd(seed, 64) * PAGE_SIZE, ret;
	uint64_t len = (1 + rnd(seed, 40)) * PAGE_SIZE;

	switch (rnd(seed, 10)) {
	case 0:
		do_mmap(k, t->mm, NULL, at, len, 3,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&ret);
		break;
	case 1:
		do_munmap(k, t->mm, at, len);
		break;
	case 2:
		do_mprotect(k, t->mm, at, len, rnd(seed, 4));
		break;
	case 3:
		kernel_fork(k, t, &child);
		break;
	case 4:
		do_exit(k, t, 0);
		break;
	case 5:
	case 6:
		context_switch(k, rnd(seed, 2), t);
		break;
	default:
		random_access(k, seed, base);
	}
}

static void test_random(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct kernel *k = boot_pti(i & 1, i & 2, i & 4);
		uint64_t seed = i;

		for (unsigned n = 0; n < 400; n++) {
			random_step(k, &seed, 0x10000000);
			if (kernel_check(k, print_finding, NULL))
				fail_msg("config %u, step %u", i, n);
		}
		end_row(k);
	}
}

/* Out of memory at any point of fork leaves both trees sound. */
static void test_fork__without_memory(void **state)
{
	struct kernel *k = boot_pti(true, true, false);
	struct task_struct *child;
	unsigned n = 1;

	do {
		k->fail_nth = n++;
		if (!kernel_fork(k, k->current[0], &child))
			break;
		assert_int_equal(findings(k, NULL), 0);
	} while (n < 200);
	k->fail_nth = 0;
	assert_true(n > 5 && n < 200);
	end_row(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_kernel_address__not_present),
		cmocka_unit_test(test_cr3__entry_and_exit),
		cmocka_unit_test(test_pcid__saves_flushes),
		cmocka_unit_test(test_pcid__flush_waits),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_fork__without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

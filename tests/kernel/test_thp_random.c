/*
 * Random calls on an area that gets large pages, beside a plain copy of its
 * bytes: after each the kernel is sound, and both read the same.
 */
#include "mm_script.h"

#include "kernel/huge_mm.h"
#include "kernel/mman.h"

#define LARGE	  3 /* pages of the area */
#define MAX_SMALL (3 * 1024)
#define BASE	  0x50000000ULL
#define RW	  (LX_PROT_READ | LX_PROT_WRITE)

struct world {
	struct kernel *k;
	uint64_t rng, small; /* small pages of the area, and of a large one */
	struct task_struct *task[2];
	bool failing; /* an allocation of each call may fail */
	uint8_t shadow[2][MAX_SMALL];
};

static uint64_t rnd(struct world *w, uint64_t n)
{
	w->rng = w->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->rng >> 33) % n;
}

/* A range of small pages, often one that begins or ends with a large one. */
static void range(struct world *w, uint64_t *from, uint64_t *n)
{
	uint64_t total = LARGE * w->small;

	*from = rnd(w, 3) ? rnd(w, total) : rnd(w, LARGE) * w->small;
	*n = 1 + rnd(w, rnd(w, 2) ? 4 : total - *from);
	if (!rnd(w, 3))
		*n = w->small;
	if (*from + *n > total)
		*n = total - *from;
}

static va_t page_va(uint64_t page)
{
	return BASE + (page << PAGE_SHIFT);
}

static bool allowed(const struct world *w, unsigned p, uint64_t page,
		    unsigned long flag)
{
	const struct vm_area_struct *vma =
		find_vma(w->task[p]->mm, page_va(page));

	return vma && vma->vm_start <= page_va(page) && (vma->vm_flags & flag);
}

static void access_page(struct world *w, unsigned p, uint64_t page, bool write)
{
	uint8_t b = 1 + rnd(w, 255);
	struct user_access a;
	bool ok;

	if (!w->task[p]->mm)	/* killed: there was no memory */
		return;
	ok = allowed(w, p, page, write ? VM_WRITE : VM_READ);
	user_access(w->k, p, write ? ACCESS_WRITE : ACCESS_READ, true,
		    page_va(page) + 7, &b, 1, &a);
	if (!ok) {
		assert_int_not_equal(a.sig.signo, 0);
		return;
	}
	if (w->failing && a.sig.signo)
		return;
	assert_int_equal(a.sig.signo, 0);
	if (write)
		w->shadow[p][page] = b;
	else
		assert_int_equal(b, w->shadow[p][page]);
}

static void op_access(struct world *w, unsigned p)
{
	uint64_t from, n;

	range(w, &from, &n);
	n = n < 6 ? n : 6;
	for (uint64_t i = from; i < from + n; i++)
		access_page(w, p, i, rnd(w, 3));
}

/* The range is fresh, or the call has failed: what is mapped was not touched.
 */
static void forget(struct world *w, unsigned p, uint64_t from, uint64_t n,
		   int err)
{
	if (!w->failing)
		assert_int_equal(err, 0);
	for (uint64_t i = from; i < from + n; i++)
		if (!err || !allowed(w, p, i, ~0UL))
			w->shadow[p][i] = 0;
}

static void op_map(struct world *w, unsigned p)
{
	uint64_t from, n;
	va_t va;

	range(w, &from, &n);
	forget(w, p, from, n,
	       do_mmap(w->k, w->task[p]->mm, NULL, page_va(from),
		       n << PAGE_SHIFT, RW,
		       LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
		       &va));
}

static void op_unmap(struct world *w, unsigned p)
{
	uint64_t from, n;

	range(w, &from, &n);
	forget(w, p, from, n,
	       do_munmap(w->k, w->task[p]->mm, page_va(from), n << PAGE_SHIFT));
}

static void op_protect(struct world *w, unsigned p)
{
	static const unsigned prot[] = { RW, RW, LX_PROT_READ, 0 };
	uint64_t from, n;

	range(w, &from, &n);
	do_mprotect(w->k, w->task[p]->mm, page_va(from), n << PAGE_SHIFT,
		    prot[rnd(w, ARRAY_SIZE(prot))]);
}

/* Gone is what lay in areas, holes or not: -ENOMEM tells of holes only. */
static void op_advise(struct world *w, unsigned p)
{
	static const int advice[] = { LX_MADV_DONTNEED, LX_MADV_COLLAPSE,
				      LX_MADV_COLLAPSE, LX_MADV_NOHUGEPAGE,
				      LX_MADV_HUGEPAGE, LX_MADV_COLD };
	int what = advice[rnd(w, ARRAY_SIZE(advice))];
	uint64_t from, n;

	range(w, &from, &n);
	if (what == LX_MADV_COLLAPSE) {
		from = rnd(w, LARGE) * w->small;
		n = w->small;
	}
	do_madvise(w->k, w->task[p]->mm, page_va(from), n << PAGE_SHIFT, what);
	if (what == LX_MADV_DONTNEED)
		memset(&w->shadow[p][from], 0, n);
}

static void op_fork(struct world *w, unsigned p)
{
	if (w->task[1]) {
		do_exit(w->k, w->task[1], 0);
		w->task[1] = NULL;
		return;
	}
	if (kernel_fork(w->k, w->task[0], &w->task[1])) {
		w->task[1] = NULL;
		return;
	}
	assert_int_equal(context_switch(w->k, 1, w->task[1]), 0);
	memcpy(w->shadow[1], w->shadow[0], sizeof(w->shadow[0]));
}

static void op_kernel(struct world *w, unsigned p)
{
	if (rnd(w, 2))
		deferred_split_scan(w->k);
	else
		khugepaged_scan_mm(w->k, w->task[p]->mm);
}

static void compare_all(struct world *w)
{
	for (unsigned p = 0; p < 2; p++)
		for (uint64_t i = rnd(w, 7); w->task[p] && i < LARGE * w->small;
		     i += 1 + rnd(w, 90))
			access_page(w, p, i, false);
}

static void step(struct world *w)
{
	static void (*const op[])(struct world * w, unsigned p) = {
		op_access, op_access, op_access,  op_access,  op_access,
		op_map,	   op_unmap,  op_protect, op_protect, op_advise,
		op_advise, op_fork,   op_kernel,
	};
	unsigned p = w->task[1] && rnd(w, 2);

	w->k->fail_nth = w->failing ? rnd(w, 12) : 0;
	op[rnd(w, ARRAY_SIZE(op))](w, p);
	w->k->fail_nth = 0;
	if (w->task[1] && !w->task[1]->mm)
		w->task[1] = NULL;
	assert_int_equal(kernel_check(w->k, complain, NULL), 0);
}

static void start(struct world *w, const struct arch *arch, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->k = boot_small(arch, false);
	w->rng = seed;
	w->small = hpage_nr(w->k);
	w->task[0] = find_task(w->k, 1);
	thp_set_enabled(w->k, THP_ALWAYS);
	w->k->thp.use_zero_page = seed & 1;
	op_map(w, 0);
}

static void run(const struct arch *arch, uint64_t seed, unsigned steps,
		bool failing)
{
	struct world w;

	start(&w, arch, seed);
	w.failing = failing;
	for (unsigned i = 0; i < steps; i++)
		step(&w);
	compare_all(&w);
	assert_int_equal(kernel_check(w.k, complain, NULL), 0);
	kernel_destroy(w.k);
}

static void test_random_calls(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (uint64_t seed = 1; seed <= 12; seed++)
			run(a, seed, 120, false);
}

static void test_random_calls_that_fail(void **state)
{
	for (const struct arch *a = archs; a->name; a++)
		for (uint64_t seed = 1; seed <= 12; seed++)
			run(a, seed, 120, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_calls),
		cmocka_unit_test(test_random_calls_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

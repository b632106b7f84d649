/*
 * test_kspace_properties.c - all allocators of the kernel together: random
 * sequences of every call, with the checker after each and failures put
 * anywhere; and each call with its 1st, 2nd, 3rd ... allocation failing.
 * Whatever happened: when all is given back, the buddy has what it had.
 *
 * Seeds are fixed; a failure says layout, seed, step and call.
 */
#include "kernel/frame_owner.h"
#include "kernel/pte.h"
#include "tests/kernel/kspace_ops.h"

static const struct boot_row rows[] = {
	BOOT("i386", "i386", GiB, .cpus = 1),
	BOOT("i386 6.1", "i386", GiB, .layout_61 = true, .cpus = 3,
	     .vmalloc_fault = true),
	BOOT("i386 small", "i386", 32 * MiB, .cpus = 2),
	BOOT("i386-pae", "i386-pae", GiB + 512 * MiB, .cpus = 2),
	BOOT("i386-pae 6.1", "i386-pae", GiB, .layout_61 = true, .cpus = 4,
	     .lowmem = 512 * MiB),
	BOOT("x86_64", "x86_64", 5 * GiB, .cpus = 2),
	BOOT("x86_64 small", "x86_64", 80 * MiB, .cpus = 1),
	BOOT("x86_64 la57", "x86_64", 256 * MiB, .la57 = true, .cpus = 8),
	BOOT("x86_64 pti", "x86_64", 256 * MiB, .pti = true, .cpus = 2),
	BOOT("x86_64 kaslr", "x86_64", 512 * MiB, .kaslr = true, .cpus = 3,
	     .gbpages = true),
};

/* Errors that say something other than "no memory". */
static bool is_refusal(int err)
{
	return err == -EBUSY || err == -EAGAIN || err == -EINVAL ||
	       err == -ENOSYS || err == -EEXIST || err == -EPERM ||
	       err == -EDEADLK;
}

static int take(struct kspace *s, struct held *h, const struct kspace_op *op)
{
	int err;

	*h = (struct held){ .op = op, .tag = 1 + rnd(s, 255) };
	err = op->take(s, h);
	if (err && err != -ENOMEM && !is_refusal(err))
		fail_msg("%s: %s", op->name, strerrorname_np(-err));
	if (err || !op->give)
		h->op = NULL;
	return err;
}

static void give(struct kspace *s, struct held *h)
{
	h->op->give(s, h);
	h->op = NULL;
}

/* --- any order
 * ------------------------------------------------------------------ */

static const char *step(struct kspace *s, bool may_fail)
{
	struct held *h = &s->held[rnd(s, NLIVE)];
	const struct kspace_op *op =
		&kspace_ops[rnd(s, ARRAY_SIZE(kspace_ops))];

	s->k->this_cpu = rnd(s, s->k->machine->ncpus);
	if (h->op) {
		op = h->op;
		give(s, h);
		return op->name;
	}
	s->k->fail_nth = may_fail && !rnd(s, 3) ? 1 + rnd(s, 9) : 0;
	take(s, h, op);
	s->k->fail_nth = 0;
	return op->name;
}

static void random_sequence(const struct boot_row *row, uint64_t seed,
			    unsigned steps)
{
	struct kspace s;
	unsigned i;

	kspace_begin(&s, boot_row(row), seed);
	for (i = 0; i < steps; i++) {
		const char *name = step(&s, seed % 4);

		if (kernel_check(s.k, print_finding, NULL))
			fail_msg("%s, seed %llu, step %u: %s", row->name,
				 (unsigned long long)seed, i, name);
	}
	for (i = 0; i < NLIVE; i++)
		if (s.held[i].op)
			give(&s, &s.held[i]);
	kspace_end(&s);
}

/* The checker after each step is what takes long, with sanitizers most. */
#ifdef MMSH_CHECK_ALWAYS
#define SEEDS 2
#define STEPS 80
#define FAIL_SEEDS 1
#else
#define SEEDS 6
#define STEPS 250
#define FAIL_SEEDS 2
#endif

static void test_random__any_order(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		random_sequence(*state, seed, STEPS);
}

/* --- every point
 * ------------------------------------------------------------------ */

/* @n-th allocation fails. False: the call makes less than that. */
static bool fail_at(struct kspace *s, const struct kspace_op *op, unsigned n,
		    uint64_t seed)
{
	struct held *h = &s->held[0];
	bool fired;
	int err;

	s->rng = seed;
	s->k->fail_nth = n;
	err = take(s, h, op);
	fired = !s->k->fail_nth;
	s->k->fail_nth = 0;
	if (err == -ENOMEM && !fired)
		fail_msg("%s fails for no reason", op->name);
	if (kernel_check(s->k, print_finding, NULL))
		fail_msg("%s, allocation %u failed", op->name, n);
	if (h->op)
		give(s, h);
	return fired;
}

static void fail_everywhere(const struct boot_row *row,
			    const struct kspace_op *op, uint64_t seed)
{
	struct kspace s;
	unsigned n = 1;

	kspace_begin(&s, boot_row(row), seed);
	while (fail_at(&s, op, n, seed * 0x9e3779b97f4a7c15))
		n++;
	kspace_end(&s);
}

static void test_fail_nth__every_point(void **state)
{
	const struct kspace_op *op;

	for (op = kspace_ops; op < kspace_ops + ARRAY_SIZE(kspace_ops); op++)
		for (uint64_t seed = 1; seed <= FAIL_SEEDS; seed++)
			fail_everywhere(*state, op, seed);
}

/* --- one buffer, seen from all sides
 * ------------------------------------------------ */

#define STORY_PAGES 37

/* What the tables, the area and the record of page @i say is the same. */
static void same_story(struct kernel *k, const struct vmap_area *area,
		       unsigned i)
{
	pfn_t pfn = area->pages[i];
	const struct page *page = pfn_to_page(k, pfn);
	unsigned level;
	uint64_t pte;

	assert_true(pt_leaf(k, k->swapper_pg_dir, area->start + PG(i), &pte,
			    &level));
	assert_int_equal(pte_to_pfn(k, pte), pfn);
	assert_int_equal(page->flags & (PG_vmalloc | PG_slab | PG_buddy),
			 PG_vmalloc);
	assert_int_equal(page->_refcount, 1);
	assert_int_equal(frame_use(k, pfn), FRAME_VMALLOC);
	assert_int_equal(page->index << PAGE_SHIFT, area->start + PG(i));
}

static void cpu_bytes(struct kernel *k, enum access_kind kind, va_t va,
		      char text[16])
{
	unsigned cpu = va >> PAGE_SHIFT & (k->machine->ncpus > 1);
	struct user_access a;

	user_access(k, cpu, kind, false, va, text, 16, &a);
	assert_int_equal(a.done, 16);
}

/* Written by the frame's other name: a kmap slot, or the direct map. */
static void write_by_frame(struct kernel *k, pfn_t pfn, unsigned at,
			   char text[16])
{
	va_t va = kernel_va(k, PG(pfn));
	bool slot = k->arch->highmem;

	if (slot)
		assert_int_equal(kmap(k, pfn, &va), 0);
	cpu_bytes(k, ACCESS_WRITE, va + at, text);
	if (slot)
		assert_int_equal(kunmap(k, pfn), 0);
}

static void test_vmalloc__one_story(void **state)
{
	struct kernel *k = boot_row(*state);
	const struct vmap_area *area;
	char text[16], got[16];
	va_t va;

	assert_int_equal(vmalloc(k, PG(STORY_PAGES), &va), 0);
	area = find_vmap_area(k, va);
	assert_int_equal(area->start, va);
	assert_int_equal(area->end, va + PG(STORY_PAGES + 1));
	assert_int_equal(area->nr_pages, STORY_PAGES);
	for (unsigned i = 0; i < STORY_PAGES; i++) {
		same_story(k, area, i);
		snprintf(text, sizeof(text), "page %u", i);
		write_by_frame(k, area->pages[i], 100 * i, text);
		cpu_bytes(k, ACCESS_READ, va + PG(i) + 100 * i, got);
		assert_string_equal(got, text);
	}
	assert_int_equal(vfree(k, va), 0);
	end_row(k);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void **state);
	} each[] = {
		{ "random: any order", test_random__any_order },
		{ "fail_nth: every point", test_fail_nth__every_point },
		{ "vmalloc: one story", test_vmalloc__one_story },
	};
	struct CMUnitTest tests[ARRAY_SIZE(each) * ARRAY_SIZE(rows)];
	static char name[ARRAY_SIZE(tests)][64];
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(each); j++, n++) {
			snprintf(name[n], sizeof(name[n]), "%s, %s",
				 each[j].name, rows[i].name);
			tests[n] =
				(struct CMUnitTest){ name[n], each[j].fn, NULL,
						     NULL, (void *)&rows[i] };
		}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The pool of hugetlb and its mappings; the rows of the experiment "hugetlb"
 * in golden/linux-behaviour.tsv.
 */
#include <errno.h>

#include "mm_script.h"

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mman.h"
#include "kernel/sysctl.h"
#include "kernel/task_mmu.h"

#define RW   (LX_PROT_READ | LX_PROT_WRITE)
#define ANON (LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_HUGETLB)

struct pool {
	struct kernel *k;
	struct task_struct *task;
	struct mm_struct *mm;
	uint64_t size;
	va_t base;
};

static void pool_setup(struct pool *p, const struct arch *arch, uint64_t pages)
{
	p->k = boot_small(arch, false);
	p->task = find_task(p->k, 1);
	p->mm = p->task->mm;
	p->size = huge_page_size(p->k);
	p->base = 0x50000000;
	assert_int_equal(
		sysctl_write(p->k, sysctl_find("vm.nr_hugepages"), pages), 0);
}

static void sound(struct pool *p)
{
	assert_int_equal(kernel_check(p->k, complain, NULL), 0);
}

static int map_at(struct pool *p, va_t va, uint64_t len, unsigned flags)
{
	va_t ret = 0;
	int err = do_mmap(p->k, p->mm, NULL, va, len, RW, flags | LX_MAP_FIXED,
			  0, &ret);

	if (!err)
		assert_int_equal(ret, va);
	sound(p);
	return err;
}

static struct user_access touch_at(struct pool *p, unsigned cpu,
				   enum access_kind kind, va_t va, uint8_t *b)
{
	struct user_access a;

	user_access(p->k, cpu, kind, true, va, b, 1, &a);
	sound(p);
	return a;
}

static void expect(const struct pool *p, uint64_t free, uint64_t resv)
{
	assert_int_equal(p->k->hstate.free_huge_pages, free);
	assert_int_equal(p->k->hstate.resv_huge_pages, resv);
}

static void each_arch(void (*fn)(struct pool *p), uint64_t pages)
{
	for (const struct arch *a = archs; a->name; a++) {
		struct pool p;

		pool_setup(&p, a, pages);
		fn(&p);
		sound(&p);
		kernel_destroy(p.k);
	}
}

/* --- the rows ------------------------------------------------------------- */

static void no_pages(struct pool *p)
{
	struct user_access a;
	uint8_t b = 1;

	assert_int_equal(p->size,
			 p->k->mode->entry_size == 4 ? 4 * MiB : 2 * MiB);
	assert_int_equal(map_at(p, p->base, p->size, ANON), -ENOMEM);
	assert_int_equal(map_at(p, p->base, p->size, ANON | LX_MAP_NORESERVE),
			 0);
	a = touch_at(p, 0, ACCESS_WRITE, p->base, &b);
	assert_int_equal(a.sig.signo, LX_SIGBUS);
	assert_int_equal(a.sig.si_code, LX_BUS_ADRERR);
	assert_int_equal(a.sig.addr, p->base);
	assert_int_equal(a.sig.error_code, 6);
	assert_int_equal(a.sig.trap, 14);
}

static void test_no_pages(void **state)
{
	each_arch(no_pages, 0);
}

static void smaps_of(struct pool *p, struct mem_size_stats *mss)
{
	memset(mss, 0, sizeof(*mss));
	smap_gather_stats(p->k, find_vma(p->mm, p->base), mss);
}

static void four_pages(struct pool *p)
{
	struct mem_size_stats mss;
	struct user_access a;
	char flags[100];
	uint8_t b = 1;
	va_t va;

	assert_int_equal(p->k->hstate.nr_huge_pages, 4);
	assert_int_equal(map_at(p, p->base, 2 * p->size, ANON), 0);
	expect(p, 4, 2);
	a = touch_at(p, 0, ACCESS_WRITE, p->base, &b);
	assert_int_equal(a.min_flt, 1);
	assert_int_equal(a.maj_flt, 0);
	expect(p, 3, 1);
	smaps_of(p, &mss);
	assert_int_equal(mss.private_hugetlb, p->size);
	assert_int_equal(mss.resident + mss.pss + mss.anonymous, 0);
	flags_format(flags, sizeof(flags), vm_flag_names,
		     find_vma(p->mm, p->base)->vm_flags, " ");
	assert_string_equal(flags, p->k->arch->softdirty
					   ? "rd wr mr mw me de ht sd"
					   : "rd wr mr mw me de ht");
	assert_int_equal(map_at(p, p->base + 0x4000000, 3 * p->size, ANON),
			 -ENOMEM);
	assert_int_equal(do_mmap(p->k, p->mm, NULL, 0, 4096, RW, ANON, 0, &va),
			 0);
	assert_int_equal(va & (p->size - 1), 0);
	assert_int_equal(find_vma(p->mm, va)->vm_end - va, p->size);
	assert_int_equal(do_munmap(p->k, p->mm, va, 4096), -EINVAL);
	assert_int_equal(do_mprotect(p->k, p->mm, va, 4096, LX_PROT_READ),
			 -EINVAL);
	assert_int_equal(do_munmap(p->k, p->mm, va, p->size), 0);
	assert_int_equal(do_munmap(p->k, p->mm, p->base, 2 * p->size), 0);
	expect(p, 4, 0);
	assert_int_equal(p->mm->hugetlb_usage, 0);
}

static void test_four_pages(void **state)
{
	each_arch(four_pages, 4);
}

/* --- more ------------------------------------------------------------------
 */

static void fork_private(struct pool *p)
{
	struct task_struct *child;
	uint8_t one = 1, two = 2, got = 0;

	assert_int_equal(map_at(p, p->base, p->size, ANON), 0);
	touch_at(p, 0, ACCESS_WRITE, p->base, &one);
	assert_int_equal(kernel_fork(p->k, p->task, &child), 0);
	assert_int_equal(context_switch(p->k, 1, child), 0);
	sound(p);
	assert_int_equal(child->mm->hugetlb_usage, hpage_nr(p->k));
	/* one page is left for the parent's copy ... */
	assert_int_equal(touch_at(p, 0, ACCESS_WRITE, p->base, &two).sig.signo,
			 0);
	expect(p, 0, 0);
	touch_at(p, 1, ACCESS_READ, p->base, &got);
	assert_int_equal(got, 1);
	do_exit(p->k, child, 0);
	expect(p, 1, 0);
}

static void test_fork_copies(void **state)
{
	each_arch(fork_private, 2);
}

/* None is left: the owner takes the page from its child. */
static void fork_no_page(struct pool *p)
{
	struct task_struct *child;
	uint8_t one = 1, two = 2;

	assert_int_equal(map_at(p, p->base, p->size, ANON), 0);
	touch_at(p, 0, ACCESS_WRITE, p->base, &one);
	assert_int_equal(kernel_fork(p->k, p->task, &child), 0);
	assert_int_equal(context_switch(p->k, 1, child), 0);
	assert_int_equal(touch_at(p, 1, ACCESS_WRITE, p->base, &two).sig.signo,
			 LX_SIGBUS);
	assert_int_equal(touch_at(p, 0, ACCESS_WRITE, p->base, &two).sig.signo,
			 0);
	assert_int_equal(touch_at(p, 1, ACCESS_READ, p->base, &two).sig.signo,
			 LX_SIGBUS);
	assert_int_equal(touch_at(p, 0, ACCESS_READ, p->base, &one).sig.signo,
			 0);
	assert_int_equal(one, 2);
}

static void test_owner_takes_from_its_child(void **state)
{
	each_arch(fork_no_page, 1);
}

static void shared(struct pool *p)
{
	struct task_struct *child;
	uint8_t one = 1, got = 0;

	assert_int_equal(map_at(p, p->base, 2 * p->size,
				LX_MAP_SHARED | LX_MAP_ANONYMOUS |
					LX_MAP_HUGETLB),
			 0);
	expect(p, 3, 2);
	assert_int_equal(kernel_fork(p->k, p->task, &child), 0);
	assert_int_equal(context_switch(p->k, 1, child), 0);
	touch_at(p, 1, ACCESS_WRITE, p->base + 5, &one);
	expect(p, 2, 1);
	touch_at(p, 0, ACCESS_READ, p->base + 5, &got);
	assert_int_equal(got, 1);
	do_exit(p->k, child, 0);
	sound(p);
	assert_int_equal(do_munmap(p->k, p->mm, p->base, p->size), 0);
	sound(p);
	assert_int_equal(do_munmap(p->k, p->mm, p->base + p->size, p->size), 0);
	expect(p, 3, 0);
}

static void test_shared(void **state)
{
	each_arch(shared, 3);
}

static void surplus(struct pool *p)
{
	struct hstate *h = &p->k->hstate;
	uint8_t one = 1;

	assert_int_equal(sysctl_write(p->k,
				      sysctl_find("vm.nr_overcommit_hugepages"),
				      2),
			 0);
	assert_int_equal(map_at(p, p->base, 3 * p->size, ANON), 0);
	assert_int_equal(h->nr_huge_pages, 3);
	assert_int_equal(h->surplus_huge_pages, 2);
	assert_int_equal(map_at(p, p->base + 0x4000000, p->size, ANON),
			 -ENOMEM);
	touch_at(p, 0, ACCESS_WRITE, p->base, &one);
	assert_int_equal(do_munmap(p->k, p->mm, p->base, 3 * p->size), 0);
	sound(p);
	assert_int_equal(h->nr_huge_pages, 1);
	assert_int_equal(h->surplus_huge_pages, 0);
	expect(p, 1, 0);
}

static void test_surplus(void **state)
{
	each_arch(surplus, 1);
}

static void pool_shrinks(struct pool *p)
{
	struct hstate *h = &p->k->hstate;
	uint8_t one = 1;

	assert_int_equal(map_at(p, p->base, 2 * p->size, ANON), 0);
	touch_at(p, 0, ACCESS_WRITE, p->base, &one);
	hugetlb_set_max_huge_pages(p->k, 0);
	sound(p);
	assert_int_equal(h->nr_huge_pages, 2);
	assert_int_equal(h->surplus_huge_pages, 2);
	assert_int_equal(h->max_huge_pages, 0);
	assert_int_equal(do_munmap(p->k, p->mm, p->base, 2 * p->size), 0);
	sound(p);
	assert_int_equal(h->nr_huge_pages, 0);
}

static void test_pool_shrinks(void **state)
{
	each_arch(pool_shrinks, 4);
}

static void partly(struct pool *p)
{
	uint8_t one = 1;

	assert_int_equal(map_at(p, p->base, 3 * p->size, ANON), 0);
	touch_at(p, 0, ACCESS_WRITE, p->base + p->size, &one);
	assert_int_equal(do_mprotect(p->k, p->mm, p->base + p->size, p->size,
				     LX_PROT_READ),
			 0);
	sound(p);
	assert_int_equal(
		touch_at(p, 0, ACCESS_WRITE, p->base + p->size, &one).sig.signo,
		LX_SIGSEGV);
	assert_int_equal(do_munmap(p->k, p->mm, p->base + p->size, p->size), 0);
	sound(p);
	expect(p, 4, 2);
	assert_int_equal(do_munmap(p->k, p->mm, p->base, 3 * p->size), 0);
	expect(p, 4, 0);
	assert_int_equal(map_at(p, p->base + 4096, p->size, ANON), -EINVAL);
	assert_int_equal(map_at(p, p->base, p->size, ANON | 30U << 26),
			 -EINVAL);
}

static void test_parts(void **state)
{
	each_arch(partly, 4);
}

static void remapped(struct pool *p)
{
	va_t to = 0x60000000, ret;
	uint8_t one = 1, got = 0;

	assert_int_equal(map_at(p, p->base, 3 * p->size, ANON), 0);
	touch_at(p, 0, ACCESS_WRITE, p->base, &one);
	assert_int_equal(do_mremap(p->k, p->mm, p->base, 3 * p->size,
				   4 * p->size, LX_MREMAP_MAYMOVE, 0, &ret),
			 -EINVAL);
	assert_int_equal(do_mremap(p->k, p->mm, p->base, 2 * p->size,
				   2 * p->size,
				   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED,
				   to + PAGE_SIZE, &ret),
			 -EINVAL);
	assert_int_equal(
		do_mremap(p->k, p->mm, p->base, 2 * p->size, 2 * p->size,
			  LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED, to, &ret),
		0);
	sound(p);
	expect(p, 3, 1);
	touch_at(p, 0, ACCESS_READ, to, &got);
	assert_int_equal(got, 1);
	assert_int_equal(do_madvise(p->k, p->mm, to + PAGE_SIZE, p->size,
				    LX_MADV_DONTNEED),
			 -EINVAL);
	assert_int_equal(do_madvise(p->k, p->mm, to, p->size, LX_MADV_DONTNEED),
			 0);
	expect(p, 4, 1);
}

static void test_mremap(void **state)
{
	each_arch(remapped, 4);
}

/* The nth allocation fails in every call. */
static void failures(struct pool *p)
{
	struct task_struct *child;
	uint8_t one = 1;

	for (unsigned nth = 1; nth < 12; nth++) {
		p->k->fail_nth = nth;
		if (!map_at(p, p->base, 2 * p->size, ANON)) {
			touch_at(p, 0, ACCESS_WRITE, p->base, &one);
			if (!kernel_fork(p->k, p->task, &child)) {
				p->k->fail_nth = 0;
				do_exit(p->k, child, 0);
			}
			sound(p);
		}
		p->k->fail_nth = 0;
		do_munmap(p->k, p->mm, p->base, 2 * p->size);
		sound(p);
		expect(p, 4, 0);
	}
}

static void test_allocation_failures(void **state)
{
	each_arch(failures, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_pages),
		cmocka_unit_test(test_four_pages),
		cmocka_unit_test(test_fork_copies),
		cmocka_unit_test(test_owner_takes_from_its_child),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_surplus),
		cmocka_unit_test(test_pool_shrinks),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_mremap),
		cmocka_unit_test(test_allocation_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

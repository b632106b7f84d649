/* Large entries of anonymous memory: faults, fork, split, zap. */
#include <errno.h>

#include "mm_script.h"

#include "kernel/huge_mm.h"
#include "kernel/mman.h"
#include "kernel/task_mmu.h"

struct thp_run {
	struct kernel *k;
	struct task_struct *task;
	va_t base; /* aligned, 4 large pages, VM_HUGEPAGE */
};

static void setup_on(struct thp_run *r, const struct arch *arch)
{
	va_t va;

	r->k = boot_small(arch, false);
	thp_set_enabled(r->k, THP_MADVISE);
	r->k->thp.use_zero_page = true;
	r->task = find_task(r->k, 1);
	r->base = 0x50000000;
	assert_int_equal(
		do_mmap(r->k, r->task->mm, NULL, r->base, 4 * hpage_size(r->k),
			LX_PROT_READ | LX_PROT_WRITE,
			LX_MAP_PRIVATE | LX_MAP_ANONYMOUS | LX_MAP_FIXED, 0,
			&va),
		0);
	find_vma(r->task->mm, va)->vm_flags |= VM_HUGEPAGE;
}

static void sound(const struct thp_run *r)
{
	assert_int_equal(kernel_check(r->k, complain, NULL), 0);
}

static struct user_access access_at(struct thp_run *r, unsigned cpu,
				    enum access_kind kind, va_t va, uint8_t *b)
{
	struct user_access a;

	user_access(r->k, cpu, kind, true, va, b, 1, &a);
	assert_int_equal(a.sig.signo, 0);
	return a;
}

static unsigned write_at(struct thp_run *r, unsigned cpu, va_t va, uint8_t b)
{
	return access_at(r, cpu, ACCESS_WRITE, va, &b).min_flt;
}

static uint8_t read_at(struct thp_run *r, unsigned cpu, va_t va)
{
	uint8_t b = 0;

	access_at(r, cpu, ACCESS_READ, va, &b);
	return b;
}

static uint64_t huge_at(const struct thp_run *r, const struct mm_struct *mm,
			va_t va)
{
	pa_t pmdp;

	return huge_pmd_at(r->k, mm, va, &pmdp);
}

static void for_each_arch(void (*fn)(struct thp_run *r))
{
	for (const struct arch *a = archs; a->name; a++) {
		struct thp_run r;

		setup_on(&r, a);
		fn(&r);
		sound(&r);
		kernel_destroy(r.k);
	}
}

static void one_fault(struct thp_run *r)
{
	uint64_t tables = r->task->mm->pgtables, size = hpage_size(r->k);

	assert_int_equal(write_at(r, 0, r->base + size + 5, 7), 1);
	sound(r);
	for (va_t va = 0; va < size; va += PAGE_SIZE)
		assert_int_equal(write_at(r, 0, r->base + size + va, 9), 0);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES] % hpage_nr(r->k),
			 r->task->mm->rss[MM_ANONPAGES] - hpage_nr(r->k));
	assert_true(r->task->mm->pgtables > tables);
	assert_int_equal(r->k->vmstat.thp_fault_alloc, 1);
	assert_int_equal(do_munmap(r->k, r->task->mm, r->base, 4 * size), 0);
}

static void test_one_fault_for_a_large_page(void **state)
{
	for_each_arch(one_fault);
}

static void zero_page(struct thp_run *r)
{
	uint64_t rss = r->task->mm->rss[MM_ANONPAGES];

	assert_int_equal(read_at(r, 0, r->base), 0);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES], rss);
	assert_true(huge_at(r, r->task->mm, r->base));
	sound(r);
	assert_int_equal(write_at(r, 0, r->base + PAGE_SIZE, 3), 1);
	assert_int_equal(r->task->mm->rss[MM_ANONPAGES], rss + 1);
	assert_false(huge_at(r, r->task->mm, r->base));
	assert_int_equal(r->k->vmstat.thp_split_pmd, 1);
}

static void test_huge_zero_page(void **state)
{
	for_each_arch(zero_page);
}

static void fork_and_write(struct thp_run *r)
{
	struct task_struct *child;
	uint64_t rss;

	write_at(r, 0, r->base, 1);
	rss = r->task->mm->rss[MM_ANONPAGES];
	assert_int_equal(kernel_fork(r->k, r->task, &child), 0);
	assert_int_equal(context_switch(r->k, 1, child), 0);
	sound(r);
	assert_int_equal(child->mm->rss[MM_ANONPAGES], rss);
	assert_int_equal(write_at(r, 1, r->base + PAGE_SIZE, 2), 1);
	sound(r);
	assert_false(huge_at(r, child->mm, r->base));
	assert_true(huge_at(r, r->task->mm, r->base));
	assert_int_equal(read_at(r, 0, r->base + PAGE_SIZE), 0);
	assert_int_equal(read_at(r, 1, r->base + PAGE_SIZE), 2);
	do_exit(r->k, child, 0);
	sound(r);
	/* the sole owner again: reused as a whole */
	assert_int_equal(write_at(r, 0, r->base, 5), 1);
	assert_true(huge_at(r, r->task->mm, r->base) & PTE_RW);
	assert_int_equal(write_at(r, 0, r->base + 3 * PAGE_SIZE, 5), 0);
}

static void test_fork_shares_and_a_write_splits(void **state)
{
	for_each_arch(fork_and_write);
}

static void partial(struct thp_run *r)
{
	uint64_t size = hpage_size(r->k);

	write_at(r, 0, r->base, 1);
	write_at(r, 0, r->base + size, 2);
	assert_int_equal(do_mprotect(r->k, r->task->mm, r->base + PAGE_SIZE,
				     PAGE_SIZE, LX_PROT_READ),
			 0);
	sound(r);
	assert_false(huge_at(r, r->task->mm, r->base));
	assert_true(huge_at(r, r->task->mm, r->base + size));
	assert_int_equal(r->k->thp.ndeferred, 0);
	assert_int_equal(
		do_munmap(r->k, r->task->mm, r->base + size / 2, size / 2), 0);
	sound(r);
	assert_int_equal(r->k->thp.ndeferred, 1);
	assert_int_equal(deferred_split_scan(r->k), 1);
	sound(r);
	assert_int_equal(r->k->thp.ndeferred, 0);
	assert_int_equal(read_at(r, 0, r->base), 1);
	assert_int_equal(
		do_mprotect(r->k, r->task->mm, r->base + size, size, 0), 0);
	sound(r);
	assert_true(huge_at(r, r->task->mm, r->base + size));
	assert_int_equal(do_mprotect(r->k, r->task->mm, r->base + size, size,
				     LX_PROT_READ),
			 0);
	assert_int_equal(read_at(r, 0, r->base + size), 2);
}

static void test_parts_split(void **state)
{
	for_each_arch(partial);
}

/* --- golden/linux-behaviour.tsv: thp_basic, thp_policy ---------------------
 */

/* As the table has it: what is not 0, in KiB. */
static const char *smaps_text(struct thp_run *r, va_t va)
{
	static char text[200];
	struct mem_size_stats m = { 0 };
	static const char *const name[] = { "Rss",	     "Pss",
					    "Private_Dirty", "Referenced",
					    "Anonymous",     "AnonHugePages" };
	uint64_t bytes[ARRAY_SIZE(name)];
	size_t n = 0;

	smap_gather_stats(r->k, find_vma(r->task->mm, va), &m);
	bytes[0] = m.resident;
	bytes[1] = m.pss >> PSS_SHIFT;
	bytes[2] = m.private_dirty;
	bytes[3] = m.referenced;
	bytes[4] = m.anonymous;
	bytes[5] = m.anonymous_thp;
	*text = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(name); i++)
		if (bytes[i])
			n += snprintf(text + n, sizeof(text) - n, "%s%s=%llu",
				      n ? " " : "", name[i],
				      (unsigned long long)bytes[i] >> 10);
	return text;
}

/* Words for x86-64, PAE, and i386 without; NULL: those of x86-64. */
static void want(const struct thp_run *r, const char *got, const char *amd64,
		 const char *pae, const char *i386)
{
	bool two = r->k->mode->entry_size == 4;

	assert_string_equal(got, r->k->arch->word == 8 ? amd64
				 : two		       ? i386
						       : pae);
}

#define WHOLE(kb, pss)                                          \
	"Rss=" #kb pss " Private_Dirty=" #kb " Referenced=" #kb \
	" Anonymous=" #kb

static void kpage_text(struct thp_run *r, pfn_t pfn, const char *text)
{
	char flags[120];

	flags_format(flags, sizeof(flags), kpf_names,
		     stable_page_flags(r->k, pfn) &
			     ~(BIT(5) | BIT(34)), /* LRU, exclusive */
		     " ");
	assert_string_equal(flags, text);
	assert_int_equal(kpagecount(r->k, pfn), 1);
}

static void basic_touch(struct thp_run *r)
{
	uint64_t size = hpage_size(r->k);
	struct user_access a;
	uint8_t b = 1;
	pfn_t pfn;

	a = access_at(r, 0, ACCESS_WRITE, r->base, &b);
	assert_int_equal(a.min_flt, 1);
	assert_int_equal(a.maj_flt, 0);
	want(r, smaps_text(r, r->base),
	     WHOLE(2048, " Pss=2048") " AnonHugePages=2048",
	     WHOLE(2048, "") " AnonHugePages=2048",
	     WHOLE(4096, "") " AnonHugePages=4096");
	for (va_t va = 0; va < size; va += PAGE_SIZE)
		assert_int_equal(write_at(r, 0, r->base + va, 1), 0);
	a = access_at(r, 0, ACCESS_READ, r->base + size, &b);
	assert_int_equal(a.min_flt, 1);
	want(r, smaps_text(r, r->base),
	     WHOLE(2048, " Pss=2048") " AnonHugePages=2048",
	     WHOLE(2048, "") " AnonHugePages=2048",
	     WHOLE(4096, "") " AnonHugePages=4096");
	assert_int_equal(write_at(r, 0, r->base + size, 1), 1);
	want(r, smaps_text(r, r->base),
	     WHOLE(2052, " Pss=2052") " AnonHugePages=2048",
	     WHOLE(2052, " Pss=4") " AnonHugePages=2048",
	     WHOLE(4100, " Pss=4") " AnonHugePages=4096");
	pfn = pmd_to_pfn(r->k, huge_at(r, r->task->mm, r->base));
	assert_int_equal(pfn & (hpage_nr(r->k) - 1), 0);
	kpage_text(r, pfn, "UPTODATE MMAP ANON SWAPBACKED COMPOUND_HEAD THP");
	kpage_text(r, pfn + 1, "MMAP ANON COMPOUND_TAIL THP");
}

static void basic_split(struct thp_run *r)
{
	uint64_t size = hpage_size(r->k);
	struct mm_struct *mm = r->task->mm;
	va_t half, rest = r->base + PAGE_SIZE;

	assert_int_equal(
		do_mprotect(r->k, mm, r->base, PAGE_SIZE, LX_PROT_READ), 0);
	want(r, smaps_text(r, rest), WHOLE(2048, " Pss=2048"),
	     WHOLE(2048, " Pss=2048"), WHOLE(4096, " Pss=4096"));
	for (va_t va = PAGE_SIZE; va < size; va += PAGE_SIZE)
		assert_int_equal(write_at(r, 0, r->base + va, 1), 0);
	assert_int_equal(do_madvise(r->k, mm, r->base + size, PAGE_SIZE,
				    LX_MADV_DONTNEED),
			 0);
	want(r, smaps_text(r, rest), WHOLE(2044, " Pss=2044"),
	     WHOLE(2044, " Pss=2044"), WHOLE(4092, " Pss=4092"));
	assert_int_equal(write_at(r, 0, r->base + size, 1), 1);
	assert_int_equal(
		do_munmap(r->k, mm, r->base + size + size / 2, size / 2), 0);
	want(r, smaps_text(r, rest), WHOLE(2048, " Pss=2048"),
	     WHOLE(2048, " Pss=2048"), WHOLE(4096, " Pss=4096"));
	assert_int_equal(do_mmap(r->k, mm, NULL, 0x60000000, size / 2,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
					 LX_MAP_FIXED,
				 0, &half),
			 0);
	assert_int_equal(do_madvise(r->k, mm, half, size / 2, LX_MADV_HUGEPAGE),
			 0);
	assert_int_equal(write_at(r, 0, half, 1), 1);
	assert_string_equal(smaps_text(r, half), WHOLE(4, " Pss=4"));
}

/* Two large pages, as there. */
static void thp_basic(struct thp_run *r)
{
	uint64_t size = hpage_size(r->k);

	do_munmap(r->k, r->task->mm, r->base + 2 * size, 2 * size);
	basic_touch(r);
	sound(r);
	basic_split(r);
}

static void test_thp_basic(void **state)
{
	for_each_arch(thp_basic);
}

static void fresh(struct thp_run *r, int advice)
{
	uint64_t size = 2 * hpage_size(r->k);
	va_t va;

	assert_int_equal(do_mmap(r->k, r->task->mm, NULL, r->base, size,
				 LX_PROT_READ | LX_PROT_WRITE,
				 LX_MAP_PRIVATE | LX_MAP_ANONYMOUS |
					 LX_MAP_FIXED,
				 0, &va),
			 0);
	if (advice)
		do_madvise(r->k, r->task->mm, r->base, size, advice);
	write_at(r, 0, r->base, 1);
}

static void thp_policy(struct thp_run *r)
{
	struct mm_struct *mm = r->task->mm;
	char text[80];

	thp_set_enabled(r->k, THP_ALWAYS);
	thp_attr_show(r->k, thp_attrs, text, sizeof(text));
	assert_string_equal(text, "[always] madvise never");
	mm->thp_disable = true;
	fresh(r, 0);
	assert_string_equal(smaps_text(r, r->base), WHOLE(4, " Pss=4"));
	fresh(r, LX_MADV_HUGEPAGE);
	assert_string_equal(smaps_text(r, r->base), WHOLE(4, " Pss=4"));
	mm->thp_disable = false;
	fresh(r, 0);
	want(r, smaps_text(r, r->base),
	     WHOLE(2048, " Pss=2048") " AnonHugePages=2048",
	     WHOLE(2048, "") " AnonHugePages=2048",
	     WHOLE(4096, "") " AnonHugePages=4096");
	fresh(r, LX_MADV_NOHUGEPAGE);
	assert_string_equal(smaps_text(r, r->base), WHOLE(4, " Pss=4"));
	thp_set_enabled(r->k, THP_NEVER);
	fresh(r, 0);
	assert_int_equal(do_madvise(r->k, mm, r->base, hpage_size(r->k),
				    LX_MADV_COLLAPSE),
			 0);
	want(r, smaps_text(r, r->base),
	     WHOLE(2048, " Pss=2048") " AnonHugePages=2048",
	     WHOLE(2048, "") " AnonHugePages=2048",
	     WHOLE(4096, "") " AnonHugePages=4096");
}

static void test_thp_policy(void **state)
{
	for_each_arch(thp_policy);
}

/* --- collapse, mremap, locks, reclaim ---------------------------------------
 */

static void collapse_errors(struct thp_run *r)
{
	struct mm_struct *mm = r->task->mm;
	uint64_t size = hpage_size(r->k);
	struct vm_area_struct *vma = find_vma(mm, r->base);

	/* nothing was ever touched, then another large page was */
	assert_int_equal(madvise_collapse(r->k, vma, r->base, r->base + size),
			 -EINVAL);
	write_at(r, 0, r->base + size, 1);
	assert_int_equal(madvise_collapse(r->k, vma, r->base, r->base + size),
			 -EINVAL);
	/* a large page already; no room for one */
	assert_int_equal(madvise_collapse(r->k, vma, r->base + size,
					  r->base + 2 * size),
			 0);
	assert_int_equal(madvise_collapse(r->k, vma, r->base + size + PAGE_SIZE,
					  r->base + 2 * size),
			 0);
	vma->vm_flags |= VM_NOHUGEPAGE;
	assert_int_equal(madvise_collapse(r->k, vma, r->base, r->base + size),
			 -EINVAL);
	vma->vm_flags &= ~(VM_NOHUGEPAGE | VM_HUGEPAGE);
	write_at(r, 0, r->base, 1);
	assert_int_equal(khugepaged_scan_mm(r->k, mm), 0); /* not asked for */
	r->k->fail_nth = 1;
	assert_int_equal(madvise_collapse(r->k, vma, r->base, r->base + size),
			 -ENOMEM);
	sound(r);
	assert_int_equal(madvise_collapse(r->k, vma, r->base, r->base + size),
			 0);
	assert_true(huge_at(r, mm, r->base));
}

static void test_collapse_errors(void **state)
{
	for_each_arch(collapse_errors);
}

static void locked(struct thp_run *r)
{
	struct mm_struct *mm = r->task->mm;
	uint64_t nr = hpage_nr(r->k), before = r->k->nr_mlock;

	write_at(r, 0, r->base, 1);
	assert_int_equal(do_mlock(r->k, mm, r->base, hpage_size(r->k), 0), 0);
	assert_int_equal(r->k->nr_mlock, before + nr);
	sound(r);
	assert_int_equal(do_munlock(r->k, mm, r->base, PAGE_SIZE), 0);
	sound(r);
	assert_false(huge_at(r, mm, r->base));
	do_munmap(r->k, mm, r->base, hpage_size(r->k));
	assert_int_equal(r->k->nr_mlock, before);
}

static void test_locked(void **state)
{
	for_each_arch(locked);
}

static void moved(struct thp_run *r)
{
	uint64_t size = hpage_size(r->k), splits = r->k->vmstat.thp_split_pmd;
	struct mm_struct *mm = r->task->mm;
	va_t to = 0x60000000, ret;

	write_at(r, 0, r->base, 1);
	assert_int_equal(do_mremap(r->k, mm, r->base, size, size,
				   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED, to,
				   &ret),
			 0);
	sound(r);
	assert_true(huge_at(r, mm, to));
	assert_int_equal(r->k->vmstat.thp_split_pmd, splits);
	assert_int_equal(read_at(r, 0, to), 1);
	assert_int_equal(do_mremap(r->k, mm, to, size, size,
				   LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED,
				   0x68000000 + PAGE_SIZE, &ret),
			 0);
	sound(r);
	assert_int_equal(r->k->vmstat.thp_split_pmd, splits + 1);
	assert_int_equal(read_at(r, 0, ret), 1);
}

static void test_mremap(void **state)
{
	for_each_arch(moved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_fault_for_a_large_page),
		cmocka_unit_test(test_huge_zero_page),
		cmocka_unit_test(test_fork_shares_and_a_write_splits),
		cmocka_unit_test(test_parts_split),
		cmocka_unit_test(test_thp_basic),
		cmocka_unit_test(test_thp_policy),
		cmocka_unit_test(test_collapse_errors),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_mremap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

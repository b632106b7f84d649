/* test_pgtable.c - page tables of all modes: build, share, free, flush. */
#include "boot.h"

#include "kernel/internal.h"
#include "kernel/mm_types.h"
#include "kernel/pgtable.h"
#include "kernel/pte.h"

static const struct boot_row i386_1g =
	BOOT("i386_1g", "i386", GiB, .page_offset = 0x40000000);

static pa_t new_root(struct kernel *k)
{
	pfn_t pfn = pgd_alloc(k);

	assert_true(pfn != PFN_NONE);
	return pfn << PAGE_SHIFT;
}

static uint64_t free_total(const struct kernel *k)
{
	return nr_free_pages(k);
}

static void map_user(struct kernel *k, pa_t root, va_t va, pfn_t pfn)
{
	pa_t pte = pt_lookup(k, root, va, k->pte_level, true);

	assert_true(pte != 0);
	pt_set_raw(k, pte, mk_pte(k, pfn, PTE_P | PTE_RW | PTE_US));
}

static struct walk walk_root(struct kernel *k, pa_t root, va_t va, bool user)
{
	struct access access = { .va = va, .kind = ACCESS_READ, .user = user };
	struct mmu mmu = k->machine->cpu[0].mmu;
	struct walk w;

	mmu_set_root(&mmu, k->ram, root);
	mmu_translate(&mmu, k->ram, &access, &w);
	return w;
}

/* What the builder writes, the hardware's walker reads. */
static void test_lookup__walker_agrees(void **state)
{
	struct kernel *k = *state;
	pa_t root = new_root(k);

	for (unsigned i = 0; i < 500; i++) {
		va_t va = (kernel_random(k) % k->layout.task_size) & PAGE_MASK;
		pfn_t pfn = kernel_random(k) % k->max_pfn;

		map_user(k, root, va, pfn);
		struct walk w = walk_root(k, root, va + 5, true);

		assert_int_equal(w.fault.reason, FAULT_NONE);
		assert_int_equal(w.pa, (pfn << PAGE_SHIFT) + 5);
		uint64_t entry;
		unsigned level;

		assert_int_equal(pt_leaf(k, root, va, &entry, &level),
				 w.step[w.nsteps - 1].entry_pa);
		assert_int_equal(pte_pfn(k, entry), pfn);
	}
	pgd_free(k, root >> PAGE_SHIFT);
}

static void test_root__has_the_kernel_half(void **state)
{
	struct kernel *k = *state;
	pa_t root = new_root(k);
	va_t text = k->layout.kernel_map + k->layout.image.text;
	struct walk w = walk_root(k, root, text, false);

	assert_int_equal(w.fault.reason, FAULT_NONE);
	assert_int_equal(w.pa, k->layout.image.text);
	assert_false(w.rights.write);
	assert_false(w.rights.xd);
	assert_int_equal(walk_root(k, root, text, true).fault.reason,
			 FAULT_SUPERVISOR_PAGE);
	assert_int_equal(walk_root(k, root, 0x08048000, true).fault.reason,
			 FAULT_NOT_PRESENT);
	pgd_free(k, root >> PAGE_SHIFT);
}

static void test_root__alloc_and_free_balance(void **state)
{
	struct kernel *k = *state;
	uint64_t before = free_total(k);
	pa_t root = new_root(k);

	/* Root, and with PAE all page directories of user space. */
	assert_int_equal(pt_count_tables(k, root),
			 k->mode->pdpte_regs ? 1 + k->layout.task_size / GiB
					     : 1);
	for (unsigned i = 0; i < 200; i++)
		map_user(k, root,
			 (kernel_random(k) % k->layout.task_size) & PAGE_MASK,
			 1);
	assert_int_equal(free_total(k), before - pt_count_tables(k, root));
	pgd_free(k, root >> PAGE_SHIFT);
	assert_int_equal(free_total(k), before);
}

static void test_root__out_of_memory_at_every_point(void **state)
{
	struct kernel *k = *state;
	uint64_t before = free_total(k);
	pfn_t pfn;

	for (unsigned n = 1;; n++) {
		k->fail_nth = n;
		pfn = pgd_alloc(k);
		k->fail_nth = 0;
		if (pfn != PFN_NONE)
			break;
		assert_int_equal(free_total(k), before);
	}
	pgd_free(k, pfn);
}

static void test_lookup__out_of_memory_at_every_point(void **state)
{
	struct kernel *k = *state;
	pa_t root = new_root(k);
	unsigned n = 1;

	for (;; n++) {
		k->fail_nth = n;
		pa_t pte = pt_lookup(k, root, 0x08048000, k->pte_level, true);

		k->fail_nth = 0;
		if (pte)
			break;
	}
	assert_in_range(n, 1, k->pte_level + 1);
	pgd_free(k, root >> PAGE_SHIFT);
}

/*
 * Tables of the lowest level:   |  t0  |  t1  |  t2  |
 * two areas that share t1          AAAAAAAA BBBBBB
 */
static void test_free_pgd_range__keeps_what_neighbours_need(void **state)
{
	struct kernel *k = *state;
	uint64_t span = 1ULL << k->mode->level[k->pte_level - 1].shift;
	pa_t root = new_root(k);
	va_t base = 0x10000000;
	va_t a = base + span / 2, mid = base + span + span / 2;
	va_t end = base + 2 * span + span / 2;
	unsigned fresh = pt_count_tables(k, root);

	map_user(k, root, a, 1);
	map_user(k, root, mid - PAGE_SIZE, 2);
	map_user(k, root, mid, 3);
	map_user(k, root, end - PAGE_SIZE, 4);
	unsigned tables = pt_count_tables(k, root);

	/* A goes: t0 goes, t1 stays because B begins in it. */
	free_pgd_range(k, root, a, mid, 0, mid);
	assert_int_equal(pt_count_tables(k, root), tables - 1);
	assert_int_equal(walk_root(k, root, mid, true).pa, 3 << PAGE_SHIFT);
	/* B goes, nobody is left; nor is PAE's directory of this GiB. */
	free_pgd_range(k, root, mid, end, 0, 0);
	assert_int_equal(pt_count_tables(k, root),
			 k->mode->pdpte_regs ? fresh - 1 : fresh);
	pgd_free(k, root >> PAGE_SHIFT);
}

/* A poked entry must not make the kernel free what it did not allocate. */
static void test_pgd_free__poked_entries(void **state)
{
	struct kernel *k = *state;
	uint64_t before = free_total(k);
	pa_t root = new_root(k), other = new_root(k);
	pa_t used = alloc_pages(k, GFP_KERNEL, 0, "test") << PAGE_SHIFT;
	const pa_t targets[] = { root,
				 other,
				 used,
				 k->swapper_pg_dir,
				 0,
				 0xfffff000,
				 (pa_t)k->max_pfn << PAGE_SHIFT };

	map_user(k, root, 0x08048000, 1);
	pa_t table = ALIGN_DOWN(
		pt_lookup(k, root, 0x08048000, k->pte_level, false), PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(targets); i++)
		for (unsigned l = 0; l < k->pte_level; l++) {
			pa_t at = pt_lookup(k, root, 0x08048000, l, false);

			at += (i + 1) * k->mode->entry_size;
			if (l == 0 && k->mode->pdpte_regs)
				continue;
			pt_set_raw(k, at, targets[i] | PTE_P | PTE_RW);
		}
	/* The same table twice. */
	pt_set_raw(k,
		   pt_lookup(k, root, 0x08048000, k->pte_level - 1, false) -
			   k->mode->entry_size,
		   table | PTE_P);
	pt_count_tables(k, root);
	pgd_free(k, root >> PAGE_SHIFT);
	pgd_free(k, other >> PAGE_SHIFT);
	free_pages(k, used >> PAGE_SHIFT, 0);
	/* The loop above may have cut off tables: they leak, nothing more. */
	assert_in_range(free_total(k), before - 3, before);
	assert_int_equal(findings(k, NULL), 0);
}

static void test_lookup__large_page_in_the_way(void **state)
{
	struct kernel *k = *state;
	va_t va = kernel_va(k, 12 * MiB);
	uint64_t entry;
	unsigned level;

	assert_int_equal(
		pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, true), 0);
	assert_true(pt_leaf(k, k->swapper_pg_dir, va, &entry, &level) != 0);
	assert_int_equal(level, k->pte_level - 1);
	assert_true(entry & PTE_PS);
}

/* PROT_NONE entries hide the frame's address where the L1TF rule says so. */
static void test_mk_pte__prot_none(void **state)
{
	struct kernel *k = *state;

	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn += 1 + k->max_pfn / 100) {
		uint64_t pte = mk_pte(k, pfn, _PAGE_PROTNONE | PTE_A);
		uint64_t plain = (pfn << PAGE_SHIFT) | _PAGE_PROTNONE | PTE_A;

		assert_true(pte_present(pte));
		assert_int_equal(pte_pfn(k, pte), pfn);
		assert_int_equal(pte ^ plain,
				 k->arch->invert_none ? PTE_PFN_MASK : 0);
	}
}

/* New kernel tables appear in roots that exist already. */
static void test_kernel_tables__are_shared(void **state)
{
	struct kernel *k = *state;
	struct mm_struct mm = { .k = k };
	struct task_struct task = { .pid = 7, .mm = &mm };
	pa_t root = new_root(k);
	va_t va = k->layout.vmalloc_start + 64 * MiB;

	if (va >= k->layout.vmalloc_end)
		va = k->layout.vmalloc_end - 16 * PAGE_SIZE;
	mm.pgd = root >> PAGE_SHIFT;
	mm.owner = &task;
	TAILQ_INSERT_HEAD(&k->tasks, &task, link);
	assert_int_equal(kernel_map_range(k, va, 0x200000, PAGE_SIZE,
					  pt_page_kernel(k), PAGE_SHIFT),
			 0);
	assert_int_equal(walk_root(k, root, va, false).pa, 0x200000);
	assert_int_equal(pgtable_check(k, print_finding, NULL), 0);
	pt_set(k, 0, va, k->pte_level,
	       pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, false), 0,
	       "unmap");
	assert_int_equal(walk_root(k, root, va, false).fault.reason,
			 FAULT_NOT_PRESENT);
	TAILQ_REMOVE(&k->tasks, &task, link);
	pgd_free(k, root >> PAGE_SHIFT);
}

static void test_check__root_out_of_step(void **state)
{
	struct kernel *k = *state;
	struct mm_struct mm = { .k = k };
	struct task_struct task = { .pid = 7, .mm = &mm };
	pa_t root = new_root(k), at;
	char text[200] = "";

	mm.pgd = root >> PAGE_SHIFT;
	mm.owner = &task;
	TAILQ_INSERT_HEAD(&k->tasks, &task, link);
	at = pt_lookup(k, root, k->layout.page_offset, 0, false);
	pt_set_raw(k, at, 0);
	assert_int_equal(pgtable_check(k, count_finding, text), 1);
	assert_non_null(strstr(text, "pid 7: root entry"));
	TAILQ_REMOVE(&k->tasks, &task, link);
	pgd_free(k, root >> PAGE_SHIFT);
}

/* --- TLB ---------------------------------------------------------------- */

static bool touch(struct kernel *k, unsigned cpu, va_t va)
{
	struct access access = { .va = va, .kind = ACCESS_READ, .user = true };
	struct fault fault;
	pa_t pa;

	return mmu_access(&k->machine->cpu[cpu], &access, &pa, &fault);
}

static void load_root(struct kernel *k, pa_t root)
{
	for (unsigned i = 0; i < k->machine->ncpus; i++)
		assert_null(cpu_write_cr3(&k->machine->cpu[i], root));
}

struct flush_row {
	const char *name;
	void (*flush)(struct kernel *k, pa_t root);
	bool forgets;
};

static void flush_one(struct kernel *k, pa_t root)
{
	flush_tlb_page(k, root, 0x08048000);
}

static void flush_other_root(struct kernel *k, pa_t root)
{
	flush_tlb_page(k, k->swapper_pg_dir, 0x08048000);
	flush_tlb_mm(k, k->swapper_pg_dir);
}

static void flush_nothing(struct kernel *k, pa_t root)
{
}

static const struct flush_row flush_rows[] = {
	{ "nothing", flush_nothing, false },
	{ "another root", flush_other_root, false },
	{ "page", flush_one, true },
	{ "mm", flush_tlb_mm, true },
	{ "all", NULL, true },
};

/* A forgotten flush leaves a translation that check names. */
static void test_flush__rows(void **state)
{
	struct kernel *k = *state;
	struct task_struct *init = k->current[0];

	k->current[0] = NULL;	/* its tables are not what the CPU gets here */
	for (unsigned i = 0; i < ARRAY_SIZE(flush_rows); i++) {
		const struct flush_row *row = &flush_rows[i];
		pa_t root = new_root(k);
		char text[200] = "";

		map_user(k, root, 0x08048000, 5);
		load_root(k, root);
		assert_true(touch(k, 0, 0x08048000) && touch(k, 1, 0x08048000));
		pt_set_raw(k,
			   pt_lookup(k, root, 0x08048000, k->pte_level, false),
			   0);
		if (row->flush)
			row->flush(k, root);
		else
			flush_tlb_all(k);
		assert_int_equal(touch(k, 0, 0x08048000), !row->forgets);
		assert_int_equal(touch(k, 1, 0x08048000), !row->forgets);
		assert_int_equal(pgtable_check(k, count_finding, text),
				 row->forgets ? 0 : 2);
		if (!row->forgets)
			assert_non_null(strstr(text, "a flush is missing"));
		load_root(k, k->swapper_pg_dir);
		pgd_free(k, root >> PAGE_SHIFT);
	}
	k->current[0] = init;
	if (init)
		load_root(k, mm_root(init->mm));
}

struct flush_events {
	unsigned n, cpus;
	const char *func;
};

static void count_flushes(void *ctx, const struct kevent *ev)
{
	struct flush_events *e = ctx;

	if (ev->kind != KEV_TLB_FLUSH)
		return;
	e->n++;
	e->cpus = ev->n;
	e->func = ev->func;
}

static void test_flush__events(void **state)
{
	struct kernel *k = *state;
	struct flush_events e = { 0 };

	k->sink = (struct kevent_sink){ count_flushes, &e };
	flush_tlb_page(k, 0x123000, 0x08048000);
	assert_int_equal(e.n, 0); /* no CPU has that root */
	flush_tlb_page(k, 0x123000, k->layout.vmalloc_start);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.cpus, k->machine->ncpus);
	assert_string_equal(e.func, "invlpg");
	flush_tlb_mm(k, k->swapper_pg_dir);
	assert_string_equal(e.func, "cr3");
	flush_tlb_all(k);
	assert_string_equal(e.func, "all");
	k->sink.fn = NULL;
}

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_1g), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_lookup__walker_agrees),
		ON_ALL(test_root__has_the_kernel_half),
		ON_ALL(test_root__alloc_and_free_balance),
		ON_ALL(test_root__out_of_memory_at_every_point),
		ON_ALL(test_lookup__out_of_memory_at_every_point),
		ON_ALL(test_free_pgd_range__keeps_what_neighbours_need),
		ON_ALL(test_pgd_free__poked_entries),
		ON_ALL(test_lookup__large_page_in_the_way),
		ON_ALL(test_mk_pte__prot_none),
		ON_ALL(test_kernel_tables__are_shared),
		ON_ALL(test_check__root_out_of_step),
		ON_ALL(test_flush__rows),
		ON_ALL(test_flush__events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

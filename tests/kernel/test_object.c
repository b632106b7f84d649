/* test_object.c - structs by their slab addresses, tables by their frames. */
#include "boot.h"

#include "kernel/frame_owner.h"
#include "kernel/mm_internal.h"
#include "kernel/object.h"
#include "kernel/pgtable.h"
#include "kernel/process.h"
#include "kernel/pti.h"
#include "kernel/vmalloc.h"

static void populate(struct kernel *k)
{
	struct task_struct *init = find_task(k, 1), *child;
	uint8_t byte = 1;
	va_t va;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(do_mmap(k, init->mm, NULL, 0, 64 * MiB,
					 LX_PROT_READ | LX_PROT_WRITE,
					 LX_MAP_ANONYMOUS | LX_MAP_PRIVATE, 0,
					 &va),
				 0);
		for (unsigned p = 0; p < 64; p += 3)
			access_remote_vm(k, init->mm, va + p * MiB, &byte, 1,
					 true);
	}
	assert_int_equal(kernel_fork(k, init, &child), 0);
}

static void expect(const struct kernel *k, va_t va, enum object_kind kind,
		   const struct task_struct *t)
{
	struct object o;

	assert_true(object_at(k, va, &o));
	assert_int_equal(o.kind, kind);
	if (t)
		assert_ptr_equal(o.task, t);
	assert_false(object_at(k, va + 1, &o));
}

static void test_object__every_struct_is_found(void **state)
{
	struct kernel *k = *state;
	const struct task_struct *t;
	const struct inode *inode;
	struct vm_area_struct *vma;

	populate(k);
	TAILQ_FOREACH (t, &k->tasks, link) {
		expect(k, t->addr.va, KOBJ_TASK, t);
		expect(k, t->mm->addr.va, KOBJ_MM, t);
		for_each_vma (&t->mm->vmas, vma) {
			expect(k, vma->addr.va, KOBJ_VMA, t);
			if (vma->anon_vma)
				expect(k, vma->anon_vma->addr.va, KOBJ_ANON_VMA,
				       NULL);
		}
	}
	LIST_FOREACH (inode, &k->inodes, link)
		expect(k, inode->addr.va, KOBJ_INODE, NULL);
}

static void test_object__vmalloc_has_three(void **state)
{
	struct kernel *k = *state;
	const struct vmap_area *a;
	va_t va;

	assert_int_equal(vmalloc(k, 64 * KiB, &va), 0);
	a = find_vmap_area(k, va);
	expect(k, a->obj, KOBJ_VMAP, NULL);
	expect(k, a->vm, KOBJ_VM, NULL);
	expect(k, a->array, KOBJ_VM_PAGES, NULL);
	vfree(k, va);
}

/* The way down from the root, at the level and address told, ends there. */
static void check_place(struct kernel *k, pfn_t pfn)
{
	struct table_place at;
	pa_t root = k->swapper_pg_dir, entry;

	assert_true(table_find(k, pfn, &at));
	if (at.pid)
		root = find_task(k, at.pid)->mm->pgd << PAGE_SHIFT;
	if (at.user_root)
		root = pti_user_root(k, root);
	if (pfn_to_page(k, pfn)->index)
		assert_int_equal(at.pid, frame_pid(k, pfn));
	entry = pt_lookup(k, root, at.start, at.level, false);
	assert_int_equal(entry >> PAGE_SHIFT, pfn);
}

static void test_object__every_table_has_a_place(void **state)
{
	struct kernel *k = *state;
	struct frame_run run;
	unsigned n = 0;

	populate(k);
	for (pfn_t pfn = 0; pfn < k->max_pfn; pfn = run.end) {
		run = frame_run_at(k, pfn, k->max_pfn);
		for (; run.use == FRAME_TABLE && pfn < run.end; pfn++, n++)
			check_place(k, pfn);
	}
	assert_true(n > 10);
}

static const struct boot_row pti = {
	.name = "pti",
	.arch = "x86_64",
	.ram = 2 * GiB,
	.pti = true,
};

int main(void)
{
	const struct CMUnitTest tests[] = {
#define ALL(fn)                                                               \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64), BOOT_TEST(fn, pti)
		ALL(test_object__every_struct_is_found),
		ALL(test_object__vmalloc_has_three),
		ALL(test_object__every_table_has_a_place),
	};

	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}

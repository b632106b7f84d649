/* test_interval_tree.c - areas by the pages they map, against an array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/mm_internal.h"

#define SLOTS 200
#define PAGES 400

struct model {
	struct i_mmap tree;
	struct vm_area_struct vma[SLOTS];
	bool there[SLOTS];
	uint64_t rng;
};

static uint64_t next(struct model *m)
{
	m->rng = m->rng * 6364136223846793005 + 1442695040888963407;
	return m->rng >> 33;
}

static void change(struct model *m)
{
	unsigned i = next(m) % SLOTS;
	struct vm_area_struct *v = &m->vma[i];

	if (m->there[i]) {
		i_mmap_remove(&m->tree, v);
	} else {
		v->addr.va = 0xc1000000 + i * 0x40;
		v->vm_pgoff = next(m) % PAGES;
		v->vm_start = 0x10000;
		v->vm_end =
			v->vm_start +
			((1 + next(m) % (next(m) % 8 ? 8 : 300)) << PAGE_SHIFT);
		i_mmap_insert(&m->tree, v);
	}
	m->there[i] = !m->there[i];
	for (unsigned n = 0; n < SLOTS; n++)
		assert_int_equal(i_mmap_has(&m->tree, &m->vma[n]), m->there[n]);
}

static void look(struct model *m)
{
	uint64_t first = next(m) % PAGES, last = first + next(m) % 20;
	struct vm_area_struct *v, *prev = NULL;
	unsigned want = 0, got = 0;

	for (unsigned i = 0; i < SLOTS; i++) {
		v = &m->vma[i];
		want += m->there[i] && v->vm_pgoff <= last &&
			v->vm_pgoff + vma_pages(v) > first;
	}
	i_mmap_foreach(v, &m->tree, first, last)
	{
		assert_true(v->vm_pgoff <= last);
		assert_true(v->vm_pgoff + vma_pages(v) > first);
		assert_true(!prev || prev->vm_pgoff <= v->vm_pgoff);
		prev = v;
		got++;
	}
	assert_int_equal(got, want);
}

static void test_interval_tree__as_an_array(void **state)
{
	struct model *m = calloc(1, sizeof(*m));

	m->rng = 1;
	for (unsigned i = 0; i < 5000; i++) {
		change(m);
		look(m);
		assert_true(i_mmap_ok(&m->tree));
	}
	free(m);
}

static unsigned depth(const struct vm_area_struct *v)
{
	unsigned l, r;

	if (!v)
		return 0;
	l = depth(v->i_mmap.left);
	r = depth(v->i_mmap.right);
	return 1 + (l > r ? l : r);
}

/* 100,000 areas of one file, in ascending order: the tree stays flat. */
static void test_interval_tree__is_flat(void **state)
{
	unsigned n = 100000;
	struct vm_area_struct *v = calloc(n, sizeof(*v));
	struct i_mmap tree = { 0 };

	for (unsigned i = 0; i < n; i++) {
		v[i].addr.va = 0xffff888001000000 + i * 152;
		v[i].vm_pgoff = i;
		v[i].vm_end = PAGE_SIZE;
		i_mmap_insert(&tree, &v[i]);
	}
	assert_true(depth(tree.root) < 60);
	assert_ptr_equal(i_mmap_next(&tree, NULL, 777, 777), &v[777]);
	assert_null(i_mmap_next(&tree, &v[777], 777, 777));
	free(v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval_tree__as_an_array),
		cmocka_unit_test(test_interval_tree__is_flat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_vmap_tree.c - ranges by address, against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/vmap_tree.h"

#define SLOTS 64
#define WIDE  0x10000ULL

struct model {
	struct vmap_tree tree;
	struct vmap_node node[SLOTS]; /* slot i lies in [i, i + 1) * WIDE */
	bool there[SLOTS];
	uint64_t rng;
};

static uint64_t next(struct model *m)
{
	m->rng = m->rng * 6364136223846793005 + 1442695040888963407;
	return m->rng >> 33;
}

static struct vmap_node *slow_above(struct model *m, va_t va)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (m->there[i] && m->node[i].end > va)
			return &m->node[i];
	return NULL;
}

static struct vmap_node *slow_below(struct model *m, va_t va)
{
	for (unsigned i = SLOTS; i-- > 0;)
		if (m->there[i] && m->node[i].start < va)
			return &m->node[i];
	return NULL;
}

static struct vmap_node *slow_fit(struct model *m, uint64_t size,
				  uint64_t align)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (m->there[i] &&
		    ALIGN_UP(m->node[i].start, align) + size <= m->node[i].end)
			return &m->node[i];
	return NULL;
}

static void change(struct model *m)
{
	unsigned i = next(m) % SLOTS;
	va_t start = i * WIDE + 0x1000 * (next(m) % 8);
	va_t end = start + 0x1000 * (1 + next(m) % 8);

	if (!m->there[i]) {
		m->node[i] = (struct vmap_node){ .start = start, .end = end };
		vmap_tree_insert(&m->tree, &m->node[i]);
		m->there[i] = true;
	} else if (next(m) % 2) {
		vmap_tree_remove(&m->tree, &m->node[i]);
		m->there[i] = false;
	} else {
		vmap_tree_adjust(&m->tree, &m->node[i], start, end);
	}
}

static void test_tree__as_an_array(void **state)
{
	struct model m = { .rng = 1 };

	for (unsigned i = 0; i < 20000; i++) {
		va_t va = next(&m) % (SLOTS * WIDE);
		uint64_t size = 0x1000 * (1 + next(&m) % 9);
		uint64_t align = 0x1000 << next(&m) % 6;

		change(&m);
		assert_true(vmap_tree_ok(&m.tree));
		assert_ptr_equal(vmap_tree_above(&m.tree, va),
				 slow_above(&m, va));
		assert_ptr_equal(vmap_tree_below(&m.tree, va),
				 slow_below(&m, va));
		assert_ptr_equal(vmap_tree_fit(&m.tree, size, align),
				 slow_fit(&m, size, align));
	}
}

static unsigned depth(const struct vmap_node *n)
{
	unsigned left = n ? depth(n->left) : 0, right = n ? depth(n->right) : 0;

	return n ? 1 + (left > right ? left : right) : 0;
}

/* As many areas as a busy kernel has, made in rising order. */
static void test_tree__stays_shallow(void **state)
{
	static struct vmap_node node[100000];
	struct vmap_tree t = { 0 };

	for (unsigned i = 0; i < 100000; i++) {
		node[i].start = 0xffffc90000000000 + i * 0x5000ULL;
		node[i].end = node[i].start + 0x5000;
		vmap_tree_insert(&t, &node[i]);
	}
	assert_true(vmap_tree_ok(&t));
	assert_true(depth(t.root) < 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree__as_an_array),
		cmocka_unit_test(test_tree__stays_shallow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

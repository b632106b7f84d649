/*
 * test_vma_tree.c - the ordered set of areas against a naive array.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "kernel/mm_internal.h"

#define PAGES	4096	/* the little world of these tests */

struct world {
	struct vma_tree tree;
	struct vm_area_struct *at[PAGES];	/* area of each page */
	unsigned count;
	uint64_t seed;
};

static unsigned roll(struct world *w, unsigned n)
{
	w->seed = w->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->seed >> 33) % n;
}

static void put(struct world *w, struct vm_area_struct *vma,
		struct vm_area_struct *value)
{
	for (va_t va = vma->vm_start; va < vma->vm_end; va += PAGE_SIZE)
		w->at[va >> PAGE_SHIFT] = value;
}

/* Adds a random area where there is room. */
static void add(struct world *w)
{
	unsigned from = roll(w, PAGES), len = 1 + roll(w, 3), to = from;
	struct vm_area_struct *vma;

	while (to < PAGES && to < from + len && !w->at[to])
		to++;
	if (to == from)
		return;
	vma = xcalloc(1, sizeof(*vma));
	vma->vm_start = (va_t)from << PAGE_SHIFT;
	vma->vm_end = (va_t)to << PAGE_SHIFT;
	vma->vm_flags = roll(w, 64) ? 0 : VM_GROWSDOWN;
	vma_tree_insert(&w->tree, vma);
	put(w, vma, vma);
	w->count++;
}

static void drop(struct world *w)
{
	struct vm_area_struct *vma = w->at[roll(w, PAGES)];

	if (!vma)
		return;
	vma_tree_remove(&w->tree, vma);
	put(w, vma, NULL);
	w->count--;
	free(vma);
}

/* Grows an area by a page at its end, or shrinks it. */
static void move(struct world *w)
{
	struct vm_area_struct *vma = w->at[roll(w, PAGES)];
	va_t end;

	if (!vma)
		return;
	end = vma->vm_end;
	if (end >> PAGE_SHIFT < PAGES && !w->at[end >> PAGE_SHIFT])
		end += PAGE_SIZE;
	else if (end - vma->vm_start > PAGE_SIZE)
		end -= PAGE_SIZE;
	put(w, vma, NULL);
	vma_tree_adjust(&w->tree, vma, vma->vm_start, end);
	put(w, vma, vma);
}

static struct vm_area_struct *naive_find(const struct world *w, va_t va)
{
	for (va >>= PAGE_SHIFT; va < PAGES; va++)
		if (w->at[va])
			return w->at[va];
	return NULL;
}

/* May the page be handed out: no area, and no stack just above? */
static bool naive_free(const struct world *w, unsigned page)
{
	const struct vm_area_struct *next;

	if (w->at[page])
		return false;
	next = naive_find(w, (va_t)page << PAGE_SHIFT);
	return !next || vm_start_gap(next) > (va_t)page << PAGE_SHIFT;
}

static bool naive_gap(const struct world *w, unsigned len, unsigned low,
		      unsigned high, bool down, va_t *ret)
{
	for (unsigned i = low; i + len <= high; i++) {
		unsigned at = down ? high - len - (i - low) : i, n = 0;

		while (n < len && naive_free(w, at + n))
			n++;
		if (n == len) {
			*ret = (va_t)at << PAGE_SHIFT;
			return true;
		}
	}
	return false;
}

static void check_gaps(struct world *w)
{
	unsigned len = 1 + roll(w, 5), low = roll(w, PAGES / 2);
	unsigned high = PAGES - roll(w, PAGES / 2 - 8);
	va_t want = 0, got = 0;

	for (int down = 0; down < 2; down++) {
		bool is = naive_gap(w, len, low, high, down, &want);
		bool has = (down ? vma_tree_gap_down : vma_tree_gap_up)(
			&w->tree, (uint64_t)len << PAGE_SHIFT,
			(va_t)low << PAGE_SHIFT, (va_t)high << PAGE_SHIFT,
			&got);

		assert_int_equal(is, has);
		if (is)
			assert_int_equal(want, got);
	}
}

static void check_all(struct world *w)
{
	struct vm_area_struct *vma, *prev = NULL;
	unsigned n = 0;

	assert_true(vma_tree_ok(&w->tree));
	assert_int_equal(w->tree.count, w->count);
	for_each_vma(&w->tree, vma) {
		assert_ptr_equal(vma_tree_prev(&w->tree, vma), prev);
		assert_ptr_equal(w->at[vma->vm_start >> PAGE_SHIFT], vma);
		prev = vma;
		n++;
	}
	assert_ptr_equal(vma_tree_last(&w->tree), prev);
	assert_int_equal(n, w->count);
	for (unsigned page = 0; page < PAGES; page += 7) {
		va_t va = ((va_t)page << PAGE_SHIFT) + 5;

		assert_ptr_equal(vma_tree_find(&w->tree, va),
				 naive_find(w, va));
	}
}

static void test_vma_tree__agrees_with_an_array(void **state)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct world *w = xcalloc(1, sizeof(*w));

		w->seed = seed;
		vma_tree_init(&w->tree);
		for (int i = 0; i < 6000; i++) {
			/* grows at first, shrinks in the end */
			if (roll(w, 6000) > (unsigned)i)
				add(w);
			else
				drop(w);
			move(w);
			if (i % 50 == 0) {
				check_all(w);
				check_gaps(w);
			}
		}
		while (w->count)
			drop(w);
		check_all(w);
		assert_null(vma_tree_first(&w->tree));
		vma_tree_deinit(&w->tree);
		free(w);
	}
}

static void test_vma_tree__empty(void **state)
{
	struct vma_tree t;
	va_t va;

	vma_tree_init(&t);
	assert_null(vma_tree_find(&t, 0));
	assert_true(vma_tree_gap_down(&t, PAGE_SIZE, PAGE_SIZE, 4 * PAGE_SIZE,
				      &va));
	assert_int_equal(va, 3 * PAGE_SIZE);
	assert_true(vma_tree_gap_up(&t, PAGE_SIZE, PAGE_SIZE, 4 * PAGE_SIZE,
				    &va));
	assert_int_equal(va, PAGE_SIZE);
	assert_false(vma_tree_gap_up(&t, 4 * PAGE_SIZE, PAGE_SIZE,
				     4 * PAGE_SIZE, &va));
	vma_tree_deinit(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vma_tree__empty),
		cmocka_unit_test(test_vma_tree__agrees_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * interval_tree.c - the areas that map a file, by the pages that they map
 * (linux 6.1 mm/interval_tree.c, include/linux/interval_tree_generic.h).
 *
 *	order	first page, then where the area lies in its slab
 *	heap	the higher priority, a hash of that place, is above
 *	last	the largest last page below: a search leaves out subtrees
 *		that end before the page
 *
 * A treap in the place of Linux' red-black tree.
 */
#include "kernel/interval_tree.h"

#include "kernel/mm_internal.h"

static uint64_t first_of(const struct vm_area_struct *v)
{
	return v->vm_pgoff;
}

static uint64_t last_of(const struct vm_area_struct *v)
{
	return v->vm_pgoff + vma_pages(v) - 1;
}

static bool before(const struct vm_area_struct *a,
		   const struct vm_area_struct *b)
{
	if (first_of(a) != first_of(b))
		return first_of(a) < first_of(b);
	return a->addr.va < b->addr.va;
}

static uint64_t last_below(const struct vm_area_struct *v)
{
	uint64_t last = last_of(v);

	if (v->i_mmap.left && v->i_mmap.left->i_mmap.last > last)
		last = v->i_mmap.left->i_mmap.last;
	if (v->i_mmap.right && v->i_mmap.right->i_mmap.last > last)
		last = v->i_mmap.right->i_mmap.last;
	return last;
}

static uint32_t priority_of(const struct vm_area_struct *v)
{
	uint64_t x = v->addr.va * 0x9e3779b97f4a7c15;

	return (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9 >> 32;
}

/* Cuts the tree @n at @at into what is before it and what is not. */
static void split(struct vm_area_struct *n, const struct vm_area_struct *at,
		  struct vm_area_struct **low, struct vm_area_struct **high)
{
	if (!n) {
		*low = *high = NULL;
		return;
	}
	if (before(n, at)) {
		split(n->i_mmap.right, at, &n->i_mmap.right, high);
		*low = n;
	} else {
		split(n->i_mmap.left, at, low, &n->i_mmap.left);
		*high = n;
	}
	n->i_mmap.last = last_below(n);
}

/* All of @low is before all of @high. */
static struct vm_area_struct *merge(struct vm_area_struct *low,
				    struct vm_area_struct *high)
{
	if (!low || !high)
		return low ? low : high;
	if (low->i_mmap.priority > high->i_mmap.priority) {
		low->i_mmap.right = merge(low->i_mmap.right, high);
		low->i_mmap.last = last_below(low);
		return low;
	}
	high->i_mmap.left = merge(low, high->i_mmap.left);
	high->i_mmap.last = last_below(high);
	return high;
}

void i_mmap_insert(struct i_mmap *t, struct vm_area_struct *vma)
{
	struct vm_area_struct **p = &t->root, *n;

	vma->i_mmap.priority = priority_of(vma);
	while ((n = *p) && n->i_mmap.priority > vma->i_mmap.priority) {
		if (n->i_mmap.last < last_of(vma))
			n->i_mmap.last = last_of(vma);
		p = before(vma, n) ? &n->i_mmap.left : &n->i_mmap.right;
	}
	split(n, vma, &vma->i_mmap.left, &vma->i_mmap.right);
	vma->i_mmap.last = last_below(vma);
	*p = vma;
	t->count++;
}

static void remove_below(struct vm_area_struct **p, struct vm_area_struct *vma)
{
	struct vm_area_struct *n = *p;

	if (n == vma) {
		*p = merge(n->i_mmap.left, n->i_mmap.right);
		return;
	}
	remove_below(before(vma, n) ? &n->i_mmap.left : &n->i_mmap.right, vma);
	n->i_mmap.last = last_below(n);
}

void i_mmap_remove(struct i_mmap *t, struct vm_area_struct *vma)
{
	remove_below(&t->root, vma);
	t->count--;
}

struct query {
	const struct vm_area_struct *prev;
	uint64_t first, last;
};

static struct vm_area_struct *search(struct vm_area_struct *n,
				     const struct query *q)
{
	struct vm_area_struct *found;

	while (n && n->i_mmap.last >= q->first) {
		if (!q->prev || before(q->prev, n)) {
			found = search(n->i_mmap.left, q);
			if (found)
				return found;
			if (first_of(n) <= q->last && last_of(n) >= q->first)
				return n;
		}
		if (first_of(n) > q->last)
			return NULL;
		n = n->i_mmap.right;
	}
	return NULL;
}

struct vm_area_struct *i_mmap_next(const struct i_mmap *t,
				   const struct vm_area_struct *prev,
				   uint64_t first, uint64_t last)
{
	return search(t->root, &(struct query){ prev, first, last });
}

/* --- looking -------------------------------------------------------------- */

bool i_mmap_has(const struct i_mmap *t, const struct vm_area_struct *vma)
{
	const struct vm_area_struct *n = t->root;

	while (n && n != vma)
		n = before(vma, n) ? n->i_mmap.left : n->i_mmap.right;
	return n;
}

/* Counts the nodes; @low and @high are the neighbours in the order. */
static bool subtree_ok(const struct vm_area_struct *n,
		       const struct vm_area_struct *low,
		       const struct vm_area_struct *high, uint64_t *count)
{
	const struct vm_area_struct *l, *r;

	if (!n)
		return true;
	l = n->i_mmap.left;
	r = n->i_mmap.right;
	++*count;
	return n->i_mmap.last == last_below(n) && (!low || before(low, n)) &&
	       (!high || before(n, high)) &&
	       (!l || l->i_mmap.priority <= n->i_mmap.priority) &&
	       (!r || r->i_mmap.priority <= n->i_mmap.priority) &&
	       subtree_ok(l, low, n, count) && subtree_ok(r, n, high, count);
}

bool i_mmap_ok(const struct i_mmap *t)
{
	uint64_t count = 0;

	return subtree_ok(t->root, NULL, NULL, &count) && count == t->count;
}

/*
 * vmap_tree.c - address ranges that do not overlap, ordered by address.
 *
 * Takes the place of the trees in linux 6.1 mm/vmalloc.c (augment_tree_*,
 * find_vmap_lowest_match). A treap: ordered by address, and a heap by
 * priorities that are hashes of the start, so that its shape is that of a tree
 * built in random order, and the same in every run.
 */
#include "kernel/vmap_tree.h"

#include <stddef.h>

static uint32_t priority_of(va_t start)
{
	uint64_t z = start;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z >> 32;
}

static uint64_t length(const struct vmap_node *n)
{
	return n->end - n->start;
}

static void refresh(struct vmap_node *n)
{
	n->longest = length(n);
	if (n->left && n->left->longest > n->longest)
		n->longest = n->left->longest;
	if (n->right && n->right->longest > n->longest)
		n->longest = n->right->longest;
}

/* Cuts a tree in two: what starts below @at, and the rest. */
static void split(struct vmap_node *n, va_t at, struct vmap_node **low,
		  struct vmap_node **high)
{
	if (!n) {
		*low = *high = NULL;
		return;
	}
	if (n->start < at) {
		split(n->right, at, &n->right, high);
		*low = n;
	} else {
		split(n->left, at, low, &n->left);
		*high = n;
	}
	refresh(n);
}

/* => all of @low is below all of @high */
static struct vmap_node *join(struct vmap_node *low, struct vmap_node *high)
{
	if (!low || !high)
		return low ? low : high;
	if (low->priority > high->priority) {
		low->right = join(low->right, high);
		refresh(low);
		return low;
	}
	high->left = join(low, high->left);
	refresh(high);
	return high;
}

static struct vmap_node *insert(struct vmap_node *root, struct vmap_node *n)
{
	if (!root || n->priority > root->priority) {
		split(root, n->start, &n->left, &n->right);
		root = n;
	} else if (n->start < root->start) {
		root->left = insert(root->left, n);
	} else {
		root->right = insert(root->right, n);
	}
	refresh(root);
	return root;
}

void vmap_tree_insert(struct vmap_tree *t, struct vmap_node *n)
{
	n->priority = priority_of(n->start);
	t->root = insert(t->root, n);
	t->count++;
}

static struct vmap_node *remove_node(struct vmap_node *root,
				     struct vmap_node *n)
{
	if (root == n)
		return join(n->left, n->right);
	if (n->start < root->start)
		root->left = remove_node(root->left, n);
	else
		root->right = remove_node(root->right, n);
	refresh(root);
	return root;
}

void vmap_tree_remove(struct vmap_tree *t, struct vmap_node *n)
{
	t->root = remove_node(t->root, n);
	t->count--;
}

/* Refreshes the nodes on the way down to @n, the lowest first. */
static void refresh_path(struct vmap_node *root, struct vmap_node *n)
{
	if (root != n)
		refresh_path(n->start < root->start ? root->left : root->right,
			     n);
	refresh(root);
}

void vmap_tree_adjust(struct vmap_tree *t, struct vmap_node *n, va_t start,
		      va_t end)
{
	n->start = start;
	n->end = end;
	refresh_path(t->root, n);
}

struct vmap_node *vmap_tree_above(const struct vmap_tree *t, va_t va)
{
	struct vmap_node *n = t->root, *found = NULL;

	while (n) {
		if (n->end > va) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

struct vmap_node *vmap_tree_below(const struct vmap_tree *t, va_t va)
{
	struct vmap_node *n = t->root, *found = NULL;

	while (n) {
		if (n->start < va) {
			found = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return found;
}

static bool fits(const struct vmap_node *n, uint64_t size, uint64_t align)
{
	va_t at = ALIGN_UP(n->start, align);

	return at >= n->start && at <= n->end && n->end - at >= size;
}

static struct vmap_node *fit(struct vmap_node *n, uint64_t size, uint64_t align)
{
	struct vmap_node *found;

	if (!n || n->longest < size)
		return NULL;
	found = fit(n->left, size, align);
	if (found)
		return found;
	return fits(n, size, align) ? n : fit(n->right, size, align);
}

struct vmap_node *vmap_tree_fit(const struct vmap_tree *t, uint64_t size,
				uint64_t align)
{
	return fit(t->root, size, align);
}

/* --- check ---------------------------------------------------------------- */

/* Counts the nodes below @n, if order, heap and lengths hold; else -1. */
static int count_ok(const struct vmap_node *n, va_t *before)
{
	uint64_t longest = 0;
	int left, right;

	if (!n)
		return 0;
	left = count_ok(n->left, before);
	if (left < 0 || n->start < *before || n->end <= n->start)
		return -1;
	*before = n->end;
	right = count_ok(n->right, before);
	longest = length(n);
	if (n->left && n->left->longest > longest)
		longest = n->left->longest;
	if (n->right && n->right->longest > longest)
		longest = n->right->longest;
	if (right < 0 || n->longest != longest)
		return -1;
	return left + 1 + right;
}

bool vmap_tree_ok(const struct vmap_tree *t)
{
	va_t before = 0;

	return count_ok(t->root, &before) == (int)t->count;
}

/*
 * vmap_tree.h - address ranges that do not overlap, ordered by address.
 *
 * In the place of Linux' augmented red-black trees of struct vmap_area: a
 * treap whose nodes know the longest range below them, so that the lowest
 * range that is long enough is found in logarithmic time. Nodes are part of
 * the caller's structs; nothing is allocated here.
 */
#ifndef KERNEL_VMAP_TREE_H
#define KERNEL_VMAP_TREE_H

#include "machine/types.h"

struct vmap_node {
	va_t start, end;  /* end exclusive */
	uint64_t longest; /* of the ranges below, this one included */
	struct vmap_node *left, *right;
	uint32_t priority;
};

struct vmap_tree {
	struct vmap_node *root;
	unsigned count;
};

/* => @n overlaps no range of the tree */
void vmap_tree_insert(struct vmap_tree *t, struct vmap_node *n);
void vmap_tree_remove(struct vmap_tree *t, struct vmap_node *n);
/* Moves the bounds of a range, in a way that keeps the order. */
void vmap_tree_adjust(struct vmap_tree *t, struct vmap_node *n, va_t start,
		      va_t end);

/* The first range that ends above @va, and the last that starts below it. */
struct vmap_node *vmap_tree_above(const struct vmap_tree *t, va_t va);
struct vmap_node *vmap_tree_below(const struct vmap_tree *t, va_t va);
/* The lowest range that holds @size bytes at a multiple of @align, or NULL. */
struct vmap_node *vmap_tree_fit(const struct vmap_tree *t, uint64_t size,
				uint64_t align);

/* Is everything in order? For kernel_check(). */
bool vmap_tree_ok(const struct vmap_tree *t);

#endif

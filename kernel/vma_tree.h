/*
 * vma_tree.h - the areas of one address space, ordered by address.
 *
 * In the place of Linux' maple tree: an array of leaves of up to 64 areas, and
 * summaries of it, eight to one. Each leaf, and each summary, remembers where
 * it ends and the largest gap before one of its areas, so that look-ups and
 * searches for free space read one line of the cache a level. Insertion: a short
 * memmove.
 */
#ifndef KERNEL_VMA_TREE_H
#define KERNEL_VMA_TREE_H

#include "machine/types.h"

struct vm_area_struct;
struct vma_leaf;

#define VMA_TREE_LEVELS 8

struct vma_tree {
	struct vma_leaf **leaf;	/* owned, ascending */
	struct vma_summary {
		va_t *last;	/* owned: largest vm_end */
		uint64_t *gap;	/* owned: largest gap before one of its areas */
		unsigned n;
	} level[VMA_TREE_LEVELS]; /* [0]: of leaves, [1]: of eights of [0] ... */
	unsigned depth;		/* levels; the highest has at most eight */
	unsigned cap;		/* leaves that there is room for */
	unsigned count;		/* areas: mm->map_count */
	struct vma_pos { unsigned leaf, i; } hint; /* changed last: found first */
};

void vma_tree_init(struct vma_tree *t);
void vma_tree_deinit(struct vma_tree *t);	/* frees no areas */

/* The first area that ends above @va (linux find_vma), or NULL. */
struct vm_area_struct *vma_tree_find(const struct vma_tree *t, va_t va);
/* The neighbours; NULL at the ends. @vma must be in the tree. */
struct vm_area_struct *vma_tree_next(const struct vma_tree *t,
				     const struct vm_area_struct *vma);
struct vm_area_struct *vma_tree_prev(const struct vma_tree *t,
				     const struct vm_area_struct *vma);
struct vm_area_struct *vma_tree_first(const struct vma_tree *t);
struct vm_area_struct *vma_tree_last(const struct vma_tree *t);

/* @vma must overlap no area of the tree. */
void vma_tree_insert(struct vma_tree *t, struct vm_area_struct *vma);
void vma_tree_remove(struct vma_tree *t, struct vm_area_struct *vma);
/* Moves the bounds of an area, in a way that keeps the order. */
void vma_tree_adjust(struct vma_tree *t, struct vm_area_struct *vma,
		     va_t start, va_t end);

/*
 * The highest free range of @len bytes within [low, high); its start in *ret.
 * False: there is none. An area that grows down (VM_GROWSDOWN) keeps
 * the stack guard gap of 256 pages free below it.
 */
bool vma_tree_gap_down(const struct vma_tree *t, uint64_t len, va_t low,
		       va_t high, va_t *ret);
/* The lowest one. */
bool vma_tree_gap_up(const struct vma_tree *t, uint64_t len, va_t low,
		     va_t high, va_t *ret);

/* All areas in order, while none comes or goes: faster than for_each_vma(). */
struct vma_iter {
	const struct vma_tree *tree;
	struct vma_pos next;
};
struct vm_area_struct *vma_iter_next(struct vma_iter *it);	/* or NULL */

#define for_each_vma(t, vma)                                                   \
	for ((vma) = vma_tree_first(t); (vma); (vma) = vma_tree_next(t, vma))

#endif

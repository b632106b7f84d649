/*
 * interval_tree.h - the areas that map a file, by the pages that they map
 * (linux mm/interval_tree.c).
 *
 * A treap, ordered by first page, whose nodes know the largest last page
 * below them: those that map a page are found in logarithmic time each. Nodes
 * are part of the areas; nothing is allocated here. An area must be out of
 * the tree while its bounds or vm_pgoff change.
 */
#ifndef KERNEL_INTERVAL_TREE_H
#define KERNEL_INTERVAL_TREE_H

#include "machine/types.h"

struct vm_area_struct;

struct i_mmap_node {
	struct vm_area_struct *left, *right;
	uint64_t last; /* of all below, this one included */
	uint32_t priority;
};

struct i_mmap {
	struct vm_area_struct *root;
	uint64_t count;
};

void i_mmap_insert(struct i_mmap *t, struct vm_area_struct *vma);
void i_mmap_remove(struct i_mmap *t, struct vm_area_struct *vma);
/*
 * The first area after @prev (NULL: of all) that maps one of the pages
 * [first, last], or NULL.
 */
struct vm_area_struct *i_mmap_next(const struct i_mmap *t,
				   const struct vm_area_struct *prev,
				   uint64_t first, uint64_t last);

#define i_mmap_foreach(vma, t, first, last)                    \
	for ((vma) = i_mmap_next(t, NULL, first, last); (vma); \
	     (vma) = i_mmap_next(t, vma, first, last))

/* Is @vma in it, and is everything in order? For kernel_check(). */
bool i_mmap_has(const struct i_mmap *t, const struct vm_area_struct *vma);
bool i_mmap_ok(const struct i_mmap *t);

#endif

/*
 * xarray.h - a sparse array of numbers, none of which is 0: a tree of 64
 * slots a node, as high as the largest index needs (linux lib/xarray.c).
 */
#ifndef KERNEL_XARRAY_H
#define KERNEL_XARRAY_H

#include "machine/types.h"

struct xa_node;

struct xarray {		      /* all zero: empty */
	struct xa_node *root; /* owned */
	unsigned bits;	      /* of the indices that the tree can hold */
};

uint64_t xa_load(const struct xarray *xa, uint64_t index); /* 0: absent */
void xa_store(struct xarray *xa, uint64_t index, uint64_t value); /* 0 erases */
/* The first entry at or after *index, which becomes its index; 0: none. */
uint64_t xa_next(const struct xarray *xa, uint64_t *index);
void xa_destroy(struct xarray *xa);

#endif

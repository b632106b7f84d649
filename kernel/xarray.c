/*
 * xarray.c - a sparse array of numbers (linux 6.1 lib/xarray.c).
 *
 * Left out: marks, entries that span several slots, RCU; nodes are the host's
 * memory, and stay until the array is destroyed.
 */
#include "kernel/xarray.h"

#include "kernel/mm_internal.h"

#define NODE_BITS 6

union xa_slot {
	struct xa_node *child;
	uint64_t value; /* in the lowest nodes; 0: absent */
};

struct xa_node {
	union xa_slot slot[1 << NODE_BITS];
};

static unsigned slot_of(uint64_t index, unsigned shift)
{
	return (index >> shift) & ((1U << NODE_BITS) - 1);
}

uint64_t xa_load(const struct xarray *xa, uint64_t index)
{
	const struct xa_node *node = xa->root;
	unsigned shift = xa->bits;

	if (!node || index >> shift)
		return 0;
	while ((shift -= NODE_BITS)) {
		node = node->slot[slot_of(index, shift)].child;
		if (!node)
			return 0;
	}
	return node->slot[slot_of(index, 0)].value;
}

static void grow(struct xarray *xa, uint64_t index)
{
	while (!xa->root || index >> xa->bits) {
		struct xa_node *node = xcalloc(1, sizeof(*node));

		node->slot[0].child = xa->root;
		xa->root = node;
		xa->bits += NODE_BITS;
	}
}

void xa_store(struct xarray *xa, uint64_t index, uint64_t value)
{
	struct xa_node *node;

	if (!value && !xa_load(xa, index))
		return;
	grow(xa, index);
	node = xa->root;
	for (unsigned shift = xa->bits - NODE_BITS; shift; shift -= NODE_BITS) {
		union xa_slot *slot = &node->slot[slot_of(index, shift)];

		if (!slot->child)
			slot->child = xcalloc(1, sizeof(*node));
		node = slot->child;
	}
	node->slot[slot_of(index, 0)].value = value;
}

uint64_t xa_next(const struct xarray *xa, uint64_t *index)
{
	while (xa->root && !(*index >> xa->bits)) {
		const struct xa_node *node = xa->root;
		unsigned shift = xa->bits - NODE_BITS;

		while (shift && node->slot[slot_of(*index, shift)].child) {
			node = node->slot[slot_of(*index, shift)].child;
			shift -= NODE_BITS;
		}
		if (!shift && node->slot[slot_of(*index, 0)].value)
			return node->slot[slot_of(*index, 0)].value;
		*index = ((*index >> shift) + 1) << shift;
		if (!*index) /* went round */
			return 0;
	}
	return 0;
}

static void free_nodes(struct xa_node *node, unsigned shift)
{
	if (!node)
		return;
	for (unsigned i = 0; shift && i < 1U << NODE_BITS; i++)
		free_nodes(node->slot[i].child, shift - NODE_BITS);
	free(node);
}

void xa_destroy(struct xarray *xa)
{
	if (xa->root)
		free_nodes(xa->root, xa->bits - NODE_BITS);
	*xa = (struct xarray){ 0 };
}

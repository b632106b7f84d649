/*
 * xarray.c - the pages of a file by index: a tree of 64 slots a node, as high
 * as the largest index needs (linux 6.1 lib/xarray.c).
 *
 * Left out: marks, entries that span several slots, RCU; nodes are the host's
 * memory, and stay until the cache is emptied.
 */
#include "kernel/mm_internal.h"

#define NODE_BITS 6

union cache_slot {
	struct cache_node *child;
	uint64_t pfn1; /* in the lowest nodes: pfn + 1, 0 is absent */
};

struct cache_node {
	union cache_slot slot[1 << NODE_BITS];
};

static unsigned slot_of(uint64_t index, unsigned shift)
{
	return (index >> shift) & ((1U << NODE_BITS) - 1);
}

pfn_t find_get_page(struct address_space *m, uint64_t index)
{
	const struct cache_node *node = m->root;
	unsigned shift = m->bits;

	if (!node || index >> shift)
		return PFN_NONE;
	while ((shift -= NODE_BITS)) {
		node = node->slot[slot_of(index, shift)].child;
		if (!node)
			return PFN_NONE;
	}
	index = node->slot[slot_of(index, 0)].pfn1;
	return index ? index - 1 : PFN_NONE;
}

/* The place of @index; with @make, nodes are made. NULL: none. */
static union cache_slot *find_slot(struct address_space *m, uint64_t index,
				   bool make)
{
	struct cache_node *node;

	while (make && (!m->root || index >> m->bits)) {
		node = xcalloc(1, sizeof(*node));
		node->slot[0].child = m->root;
		m->root = node;
		m->bits += NODE_BITS;
	}
	if (!m->root || index >> m->bits)
		return NULL;
	node = m->root;
	for (unsigned shift = m->bits - NODE_BITS; shift; shift -= NODE_BITS) {
		union cache_slot *slot = &node->slot[slot_of(index, shift)];

		if (!slot->child && make)
			slot->child = xcalloc(1, sizeof(*node));
		if (!slot->child)
			return NULL;
		node = slot->child;
	}
	return &node->slot[slot_of(index, 0)];
}

void page_cache_replace(struct address_space *m, uint64_t index, pfn_t pfn)
{
	find_slot(m, index, true)->pfn1 = pfn + 1;
}

void page_cache_clear(struct address_space *m, uint64_t index)
{
	find_slot(m, index, false)->pfn1 = 0;
}

static void free_nodes(struct cache_node *node, unsigned shift)
{
	if (!node)
		return;
	for (unsigned i = 0; shift && i < 1U << NODE_BITS; i++)
		free_nodes(node->slot[i].child, shift - NODE_BITS);
	free(node);
}

void page_cache_free_nodes(struct address_space *m)
{
	if (m->root)
		free_nodes(m->root, m->bits - NODE_BITS);
	m->root = NULL;
	m->bits = 0;
}

bool page_cache_next(const struct address_space *m, uint64_t *index, pfn_t *pfn)
{
	while (m->root && !(*index >> m->bits)) {
		const struct cache_node *node = m->root;
		unsigned shift = m->bits - NODE_BITS;

		while (shift && node->slot[slot_of(*index, shift)].child) {
			node = node->slot[slot_of(*index, shift)].child;
			shift -= NODE_BITS;
		}
		if (!shift && node->slot[slot_of(*index, 0)].pfn1) {
			*pfn = node->slot[slot_of(*index, 0)].pfn1 - 1;
			return true;
		}
		*index = ((*index >> shift) + 1) << shift;
	}
	return false;
}

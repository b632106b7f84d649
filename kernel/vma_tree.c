/*
 * vma_tree.c - the areas of one address space, ordered by address.
 *
 * Takes the place of linux 6.1 lib/maple_tree.c: a B+ tree of two levels.
 *
 *	last[]  | 0x4000 | 0x9000 | ...     largest vm_end of each leaf
 *	gap[]   | 0x1000 | 0x3000 | ...     largest gap before one of its areas
 *	leaf[]  |   |    |   |
 *	            v        v
 *	  end[] start[] vma[]               copies of the bounds: a search
 *	                                    reads no area
 *
 * start[] has the stack guard gap taken off, as linux vm_start_gap() does, so
 * that the space between end[i - 1] and start[i] is what may be handed out.
 *
 * Left out: more levels, RCU, lockless readers, preallocation.
 */
#include "kernel/vma_tree.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/mm_internal.h"

#define VMA_LEAF 64

struct vma_leaf {
	unsigned n;
	va_t end[VMA_LEAF], start[VMA_LEAF];
	struct vm_area_struct *vma[VMA_LEAF];
};

struct vma_pos {	/* an area's place */
	unsigned leaf, i;
};

/* First index whose key is above @va; @n if there is none. */
static inline unsigned first_above(const va_t *key, unsigned n, va_t va)
{
	const va_t *base = key;

	while (n > 1) {		/* no branch on the data: none to mispredict */
		unsigned half = n / 2;

		base += base[half - 1] <= va ? half : 0;
		n -= half;
	}
	return base - key + (n == 1 && *base <= va);
}

va_t vm_start_gap(const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > STACK_GUARD_GAP ?
		       vma->vm_start - STACK_GUARD_GAP : 0;
}

void vma_tree_init(struct vma_tree *t)
{
	*t = (struct vma_tree){ 0 };
}

void vma_tree_deinit(struct vma_tree *t)
{
	for (unsigned i = 0; i < t->nleaves; i++)
		free(t->leaf[i]);
	free(t->leaf);
	free(t->last);
	free(t->gap);
	vma_tree_init(t);
}

static struct vma_pos pos_above(const struct vma_tree *t, va_t va)
{
	struct vma_pos p = { first_above(t->last, t->nleaves, va), 0 };

	if (p.leaf < t->nleaves)
		p.i = first_above(t->leaf[p.leaf]->end, t->leaf[p.leaf]->n, va);
	return p;
}

struct vm_area_struct *vma_tree_find(const struct vma_tree *t, va_t va)
{
	struct vma_pos p = pos_above(t, va);

	return p.leaf < t->nleaves ? t->leaf[p.leaf]->vma[p.i] : NULL;
}

struct vm_area_struct *vma_tree_next(const struct vma_tree *t,
				     const struct vm_area_struct *vma)
{
	struct vma_pos p = pos_above(t, vma->vm_start);

	if (p.i + 1 < t->leaf[p.leaf]->n)
		return t->leaf[p.leaf]->vma[p.i + 1];
	return p.leaf + 1 < t->nleaves ? t->leaf[p.leaf + 1]->vma[0] : NULL;
}

struct vm_area_struct *vma_tree_prev(const struct vma_tree *t,
				     const struct vm_area_struct *vma)
{
	struct vma_pos p = pos_above(t, vma->vm_start);

	if (p.i > 0)
		return t->leaf[p.leaf]->vma[p.i - 1];
	if (p.leaf == 0)
		return NULL;
	return t->leaf[p.leaf - 1]->vma[t->leaf[p.leaf - 1]->n - 1];
}

struct vm_area_struct *vma_tree_first(const struct vma_tree *t)
{
	return t->nleaves ? t->leaf[0]->vma[0] : NULL;
}

struct vm_area_struct *vma_tree_last(const struct vma_tree *t)
{
	struct vma_leaf *leaf;

	if (!t->nleaves)
		return NULL;
	leaf = t->leaf[t->nleaves - 1];
	return leaf->vma[leaf->n - 1];
}

/* Recomputes what the root keeps about leaf @li; past the end is fine. */
static void refresh(struct vma_tree *t, unsigned li)
{
	struct vma_leaf *leaf;
	va_t before;
	uint64_t gap = 0;

	if (li >= t->nleaves)
		return;
	leaf = t->leaf[li];
	before = li ? t->last[li - 1] : 0;
	for (unsigned i = 0; i < leaf->n; i++) {
		if (leaf->start[i] > before && leaf->start[i] - before > gap)
			gap = leaf->start[i] - before;
		before = leaf->end[i];
	}
	t->gap[li] = gap;
	t->last[li] = before;
}

static void grow_root(struct vma_tree *t)
{
	if (t->nleaves < t->cap)
		return;
	t->cap = t->cap ? 2 * t->cap : 4;
	t->leaf = xrealloc(t->leaf, t->cap * sizeof(*t->leaf));
	t->last = xrealloc(t->last, t->cap * sizeof(*t->last));
	t->gap = xrealloc(t->gap, t->cap * sizeof(*t->gap));
}

static void insert_leaf(struct vma_tree *t, unsigned li)
{
	unsigned tail = t->nleaves - li;

	grow_root(t);
	memmove(&t->leaf[li + 1], &t->leaf[li], tail * sizeof(*t->leaf));
	memmove(&t->last[li + 1], &t->last[li], tail * sizeof(*t->last));
	memmove(&t->gap[li + 1], &t->gap[li], tail * sizeof(*t->gap));
	t->leaf[li] = xcalloc(1, sizeof(**t->leaf));
	t->nleaves++;
}

static void remove_leaf(struct vma_tree *t, unsigned li)
{
	unsigned tail = t->nleaves - li - 1;

	free(t->leaf[li]);
	memmove(&t->leaf[li], &t->leaf[li + 1], tail * sizeof(*t->leaf));
	memmove(&t->last[li], &t->last[li + 1], tail * sizeof(*t->last));
	memmove(&t->gap[li], &t->gap[li + 1], tail * sizeof(*t->gap));
	t->nleaves--;
}

/* Moves @n areas from src[from] to the places dst[to..]; makes no room. */
static void copy_slots(struct vma_leaf *dst, unsigned to,
		       const struct vma_leaf *src, unsigned from, unsigned n)
{
	memmove(&dst->end[to], &src->end[from], n * sizeof(dst->end[0]));
	memmove(&dst->start[to], &src->start[from], n * sizeof(dst->start[0]));
	memmove(&dst->vma[to], &src->vma[from], n * sizeof(dst->vma[0]));
}

/*
 * Makes room at slot @i of full leaf @li. Areas that come in rising or falling
 * order, as mmap makes them, leave full leaves behind.
 */
static void split_leaf(struct vma_tree *t, unsigned li, unsigned i)
{
	struct vma_leaf *old, *new;

	insert_leaf(t, li + 1);
	old = t->leaf[li];
	new = t->leaf[li + 1];
	new->n = i <= 1 ? VMA_LEAF - 1 : i == VMA_LEAF ? 1 : VMA_LEAF / 2;
	old->n -= new->n;
	copy_slots(new, 0, old, old->n, new->n);
	refresh(t, li);
	refresh(t, li + 1);
}

static void set_slot(struct vma_leaf *leaf, unsigned i,
		     struct vm_area_struct *vma)
{
	leaf->vma[i] = vma;
	leaf->start[i] = vm_start_gap(vma);
	leaf->end[i] = vma->vm_end;
}

/* The place where an area that starts at @start belongs; it has room. */
static struct vma_pos pos_insert(struct vma_tree *t, va_t start)
{
	struct vma_pos p;

	if (!t->nleaves)
		insert_leaf(t, 0);
	p = pos_above(t, start);
	if (p.leaf == t->nleaves) {	/* above all: append to the last leaf */
		p.leaf--;
		p.i = t->leaf[p.leaf]->n;
	}
	if (t->leaf[p.leaf]->n < VMA_LEAF)
		return p;
	split_leaf(t, p.leaf, p.i);
	if (p.i > t->leaf[p.leaf]->n) {
		p.i -= t->leaf[p.leaf]->n;
		p.leaf++;
	}
	return p;
}

void vma_tree_insert(struct vma_tree *t, struct vm_area_struct *vma)
{
	struct vma_pos p = pos_insert(t, vma->vm_start);
	struct vma_leaf *leaf = t->leaf[p.leaf];

	copy_slots(leaf, p.i + 1, leaf, p.i, leaf->n - p.i);
	set_slot(leaf, p.i, vma);
	leaf->n++;
	t->count++;
	refresh(t, p.leaf);
	refresh(t, p.leaf + 1);
}

/* Joins leaf @li with the next if both together are at most half full. */
static void join_leaves(struct vma_tree *t, unsigned li)
{
	struct vma_leaf *a, *b;

	if (li + 1 >= t->nleaves)
		return;
	a = t->leaf[li];
	b = t->leaf[li + 1];
	if (a->n + b->n > VMA_LEAF / 2)
		return;
	copy_slots(a, a->n, b, 0, b->n);
	a->n += b->n;
	remove_leaf(t, li + 1);
}

void vma_tree_remove(struct vma_tree *t, struct vm_area_struct *vma)
{
	struct vma_pos p = pos_above(t, vma->vm_start);
	struct vma_leaf *leaf = t->leaf[p.leaf];

	copy_slots(leaf, p.i, leaf, p.i + 1, leaf->n - p.i - 1);
	leaf->n--;
	t->count--;
	if (leaf->n == 0)
		remove_leaf(t, p.leaf);
	else
		join_leaves(t, p.leaf);
	refresh(t, p.leaf);
	refresh(t, p.leaf + 1);
}

void vma_tree_adjust(struct vma_tree *t, struct vm_area_struct *vma,
		     va_t start, va_t end)
{
	struct vma_pos p = pos_above(t, vma->vm_start);

	vma->vm_start = start;
	vma->vm_end = end;
	set_slot(t->leaf[p.leaf], p.i, vma);
	refresh(t, p.leaf);
	refresh(t, p.leaf + 1);
}

/* End of the area before slot @p, 0 if there is none. */
static va_t end_before(const struct vma_tree *t, struct vma_pos p)
{
	if (p.i)
		return t->leaf[p.leaf]->end[p.i - 1];
	return p.leaf ? t->last[p.leaf - 1] : 0;
}

/* Does [from, to), clipped to [low, high), hold @len bytes? Clips. */
static bool clip_gap(va_t *from, va_t *to, va_t low, va_t high, uint64_t len)
{
	if (*from < low)
		*from = low;
	if (*to > high)
		*to = high;
	return *to > *from && *to - *from >= len;
}

bool vma_tree_gap_down(const struct vma_tree *t, uint64_t len, va_t low,
		       va_t high, va_t *ret)
{
	va_t from = t->nleaves ? t->last[t->nleaves - 1] : 0, to = high;

	if (clip_gap(&from, &to, low, high, len)) {
		*ret = to - len;
		return true;
	}
	for (unsigned li = t->nleaves; li-- > 0;) {
		if (t->gap[li] < len)
			continue;
		if (t->last[li] <= low)
			return false;
		for (unsigned i = t->leaf[li]->n; i-- > 0;) {
			from = end_before(t, (struct vma_pos){ li, i });
			to = t->leaf[li]->start[i];
			if (clip_gap(&from, &to, low, high, len)) {
				*ret = to - len;
				return true;
			}
		}
	}
	return false;
}

bool vma_tree_gap_up(const struct vma_tree *t, uint64_t len, va_t low,
		     va_t high, va_t *ret)
{
	va_t from, to = high;

	for (unsigned li = 0; li < t->nleaves; li++) {
		if (t->gap[li] < len || t->last[li] <= low)
			continue;
		for (unsigned i = 0; i < t->leaf[li]->n; i++) {
			from = end_before(t, (struct vma_pos){ li, i });
			to = t->leaf[li]->start[i];
			if (clip_gap(&from, &to, low, high, len)) {
				*ret = from;
				return true;
			}
		}
	}
	from = t->nleaves ? t->last[t->nleaves - 1] : 0;
	to = high;
	if (!clip_gap(&from, &to, low, high, len))
		return false;
	*ret = from;
	return true;
}

/* One leaf against its areas and the root; *before is the end before it. */
static bool leaf_ok(const struct vma_tree *t, unsigned li, va_t *before)
{
	const struct vma_leaf *leaf = t->leaf[li];
	uint64_t gap = 0;

	for (unsigned i = 0; i < leaf->n; i++) {
		const struct vm_area_struct *vma = leaf->vma[i];

		if (leaf->end[i] != vma->vm_end || vma->vm_start < *before ||
		    leaf->start[i] != vm_start_gap(vma))
			return false;
		if (leaf->start[i] > *before && leaf->start[i] - *before > gap)
			gap = leaf->start[i] - *before;
		*before = vma->vm_end;
	}
	return leaf->n && t->last[li] == *before && t->gap[li] == gap;
}

bool vma_tree_ok(const struct vma_tree *t)
{
	unsigned count = 0;
	va_t before = 0;

	for (unsigned li = 0; li < t->nleaves; li++) {
		if (!leaf_ok(t, li, &before))
			return false;
		count += t->leaf[li]->n;
	}
	return count == t->count;
}

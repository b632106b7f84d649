/*
 * vma_tree.c - the areas of one address space, ordered by address.
 *
 * Takes the place of linux 6.1 lib/maple_tree.c.
 *
 *	level[1]    | 0x9000       | ...    last and gap of eight below
 *	level[0]    | 0x4000 | 0x9000 |     largest vm_end of each leaf,
 *	            | 0x1000 | 0x3000 |     largest gap before one of its areas
 *	leaf[]      |   |    |   |
 *	                v        v
 *	  top[] end[] start[] vma[]         copies of the bounds: a search
 *	                                    reads no area
 *
 * Addresses come in lines of eight, a line of the cache, padded with the
 * highest; a search counts those below, level by level. In a leaf top[] has
 * the last of each line of end[].
 *
 * start[] has the stack guard gap taken off, as linux vm_start_gap() does, so
 * that the space between end[i - 1] and start[i] is what may be handed out.
 *
 * Left out: RCU, lockless readers, preallocation.
 */
#include "kernel/vma_tree.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mm_internal.h"

#define LINE	 8 /* addresses in a line of the cache */
#define VMA_LEAF (LINE * LINE)

struct vma_leaf {
	va_t top[LINE], end[VMA_LEAF], start[VMA_LEAF];
	struct vm_area_struct *vma[VMA_LEAF];
	unsigned n;
} __attribute__((aligned(64)));

/*
 * How many of a line are at or below @va: not all. Read one by one: a vector
 * would wait for addresses that have just been stored singly.
 */
static inline unsigned count_below(const volatile va_t *key, va_t va)
{
	return (key[0] <= va) + (key[1] <= va) + (key[2] <= va) +
	       (key[3] <= va) + (key[4] <= va) + (key[5] <= va) +
	       (key[6] <= va);
}

/* The area of @leaf, which has one, that ends above @va. */
static inline unsigned slot_above(const struct vma_leaf *leaf, va_t va)
{
	unsigned line = leaf->n <= LINE ? 0 :
					  count_below(leaf->top, va) * LINE;

	__builtin_prefetch(&leaf->vma[line]);
	return line + count_below(&leaf->end[line], va);
}

va_t vm_start_gap(const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP
					       : 0;
}

static inline unsigned nleaves(const struct vma_tree *t)
{
	return t->level[0].n;
}

/* Where leaf @li ends. */
static inline va_t last_of(const struct vma_tree *t, unsigned li)
{
	return t->level[0].last[li];
}

void vma_tree_init(struct vma_tree *t)
{
	*t = (struct vma_tree){ 0 };
}

void vma_tree_deinit(struct vma_tree *t)
{
	for (unsigned i = 0; i < nleaves(t); i++)
		free(t->leaf[i]);
	free(t->leaf);
	for (unsigned l = 0; l < VMA_TREE_LEVELS; l++) {
		free(t->level[l].last);
		free(t->level[l].gap);
	}
	vma_tree_init(t);
}

/* Is @p the place of the first area that ends above @va? */
static inline bool is_above(const struct vma_tree *t, struct vma_pos p, va_t va)
{
	const struct vma_leaf *leaf;

	if (p.leaf >= nleaves(t))
		return false;
	leaf = t->leaf[p.leaf];
	return p.i && p.i < leaf->n && leaf->end[p.i] > va &&
	       leaf->end[p.i - 1] <= va;
}

static struct vma_pos pos_above(const struct vma_tree *t, va_t va)
{
	struct vma_pos p = t->hint;

	if (is_above(t, p, va))
		return p;
	p = (struct vma_pos){ 0, 0 };
	if (!nleaves(t) || va >= last_of(t, nleaves(t) - 1)) {
		p.leaf = nleaves(t);
		return p;
	}
	for (unsigned l = t->depth; l-- > 0;)
		p.leaf = p.leaf * LINE +
			 count_below(&t->level[l].last[p.leaf * LINE], va);
	p.i = slot_above(t->leaf[p.leaf], va);
	return p;
}

struct vm_area_struct *vma_tree_find(const struct vma_tree *t, va_t va)
{
	struct vma_pos p = pos_above(t, va);

	return p.leaf < nleaves(t) ? t->leaf[p.leaf]->vma[p.i] : NULL;
}

struct vm_area_struct *vma_tree_next(const struct vma_tree *t,
				     const struct vm_area_struct *vma)
{
	struct vma_pos p = pos_above(t, vma->vm_start);

	if (p.i + 1 < t->leaf[p.leaf]->n)
		return t->leaf[p.leaf]->vma[p.i + 1];
	return p.leaf + 1 < nleaves(t) ? t->leaf[p.leaf + 1]->vma[0] : NULL;
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
	return nleaves(t) ? t->leaf[0]->vma[0] : NULL;
}

struct vm_area_struct *vma_tree_last(const struct vma_tree *t)
{
	struct vma_leaf *leaf;

	if (!nleaves(t))
		return NULL;
	leaf = t->leaf[nleaves(t) - 1];
	return leaf->vma[leaf->n - 1];
}

struct vm_area_struct *vma_iter_next(struct vma_iter *it)
{
	const struct vma_tree *t = it->tree;
	struct vma_pos p = it->next;

	if (p.leaf >= nleaves(t))
		return NULL;
	if (p.i + 1 < t->leaf[p.leaf]->n)
		it->next.i++;
	else
		it->next = (struct vma_pos){ p.leaf + 1, 0 };
	return t->leaf[p.leaf]->vma[p.i];
}

/* --- summaries --------------------------------------------------------------
 */

/* Entry @i of level @l + 1 from the eight below. */
static void summarize(struct vma_tree *t, unsigned l, unsigned i)
{
	const struct vma_summary *low = &t->level[l];
	unsigned from = i * LINE, end = from + LINE;
	uint64_t gap = 0;

	if (end > low->n)
		end = low->n;
	t->level[l + 1].last[i] = low->last[end - 1];
	for (; from < end; from++)
		if (low->gap[from] > gap)
			gap = low->gap[from];
	t->level[l + 1].gap[i] = gap;
}

static void pad(struct vma_summary *s)
{
	for (unsigned i = s->n; i % LINE; i++)
		s->last[i] = UINT64_MAX;
}

/* There are @n leaves now; those from @li on are others. */
static void summarize_from(struct vma_tree *t, unsigned li, unsigned n)
{
	t->level[0].n = n;
	pad(&t->level[0]);
	for (t->depth = 1; n > LINE; t->depth++) {
		struct vma_summary *s = &t->level[t->depth];

		li /= LINE;
		n = (n + LINE - 1) / LINE;
		s->n = n;
		for (unsigned i = li; i < n; i++)
			summarize(t, t->depth - 1, i);
		pad(s);
	}
}

/* Recomputes what is kept about leaf @li; past the end is fine. */
static void refresh(struct vma_tree *t, unsigned li)
{
	struct vma_leaf *leaf;
	va_t before;
	uint64_t gap = 0;

	if (li >= nleaves(t))
		return;
	leaf = t->leaf[li];
	before = li ? last_of(t, li - 1) : 0;
	for (unsigned i = 0; i < leaf->n; i++) {
		if (leaf->start[i] > before && leaf->start[i] - before > gap)
			gap = leaf->start[i] - before;
		before = leaf->end[i];
	}
	for (unsigned i = 0; i < LINE; i++)
		leaf->top[i] = leaf->end[i * LINE + LINE - 1];
	t->level[0].gap[li] = gap;
	t->level[0].last[li] = before;
	for (unsigned l = 0; l + 1 < t->depth; l++) {
		li /= LINE;
		summarize(t, l, li);
	}
}

static void grow_root(struct vma_tree *t)
{
	unsigned cap;

	if (nleaves(t) < t->cap)
		return;
	t->cap = t->cap ? 2 * t->cap : LINE;
	t->leaf = xrealloc(t->leaf, t->cap * sizeof(*t->leaf));
	cap = t->cap;
	for (unsigned l = 0; l < VMA_TREE_LEVELS; l++) {
		struct vma_summary *s = &t->level[l];

		s->last = xrealloc(s->last, cap * sizeof(*s->last));
		s->gap = xrealloc(s->gap, cap * sizeof(*s->gap));
		if (cap <= LINE)
			break;
		cap = (cap / LINE + LINE - 1) & ~(LINE - 1);
	}
}

/* Makes room for @n more leaves at @li, or takes away one with @n -1. */
static void move_leaves(struct vma_tree *t, unsigned li, int n)
{
	unsigned from = n < 0 ? li + 1 : li, to = n < 0 ? li : li + 1;
	unsigned tail = nleaves(t) - from;
	struct vma_summary *s = &t->level[0];

	memmove(&t->leaf[to], &t->leaf[from], tail * sizeof(*t->leaf));
	memmove(&s->last[to], &s->last[from], tail * sizeof(*s->last));
	memmove(&s->gap[to], &s->gap[from], tail * sizeof(*s->gap));
}

/* The new leaf is empty: its bounds come with its areas. */
static void insert_leaf(struct vma_tree *t, unsigned li)
{
	struct vma_leaf *leaf =
		aligned_alloc(_Alignof(struct vma_leaf), sizeof(*leaf));

	if (!leaf)
		abort();
	memset(leaf, 0xff, offsetof(struct vma_leaf, start));
	leaf->n = 0;
	grow_root(t);
	move_leaves(t, li, 1);
	t->leaf[li] = leaf;
	t->level[0].last[li] = li ? last_of(t, li - 1) : 0;
	t->level[0].gap[li] = 0;
	summarize_from(t, li, nleaves(t) + 1);
}

static void remove_leaf(struct vma_tree *t, unsigned li)
{
	free(t->leaf[li]);
	move_leaves(t, li, -1);
	summarize_from(t, li, nleaves(t) - 1);
}

/* --- areas ---------------------------------------------------------------- */

/* Moves @n areas from src[from] to the places dst[to..]; makes no room. */
static void copy_slots(struct vma_leaf *dst, unsigned to,
		       const struct vma_leaf *src, unsigned from, unsigned n)
{
	memmove(&dst->end[to], &src->end[from], n * sizeof(dst->end[0]));
	memmove(&dst->start[to], &src->start[from], n * sizeof(dst->start[0]));
	memmove(&dst->vma[to], &src->vma[from], n * sizeof(dst->vma[0]));
}

/* The last @n areas of @leaf are elsewhere now. */
static void shorten(struct vma_leaf *leaf, unsigned n)
{
	while (n--)
		leaf->end[--leaf->n] = UINT64_MAX;
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
	copy_slots(new, 0, old, old->n - new->n, new->n);
	shorten(old, new->n);
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

	if (!nleaves(t))
		insert_leaf(t, 0);
	p = pos_above(t, start);
	if (p.leaf == nleaves(t)) { /* above all: append to the last leaf */
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
	t->hint = p;
	refresh(t, p.leaf);
	refresh(t, p.leaf + 1);
}

/* Joins leaf @li with the next if both together are at most half full. */
static void join_leaves(struct vma_tree *t, unsigned li)
{
	struct vma_leaf *a, *b;

	if (li + 1 >= nleaves(t))
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
	shorten(leaf, 1);
	t->count--;
	t->hint = p;
	if (leaf->n == 0)
		remove_leaf(t, p.leaf);
	else
		join_leaves(t, p.leaf);
	refresh(t, p.leaf);
	refresh(t, p.leaf + 1);
}

void vma_tree_adjust(struct vma_tree *t, struct vm_area_struct *vma, va_t start,
		     va_t end)
{
	struct vma_pos p = pos_above(t, vma->vm_start);

	vma->vm_start = start;
	vma->vm_end = end;
	set_slot(t->leaf[p.leaf], p.i, vma);
	t->hint = p;
	refresh(t, p.leaf);
	refresh(t, p.leaf + 1);
}

/* End of the area before slot @p, 0 if there is none. */
static va_t end_before(const struct vma_tree *t, struct vma_pos p)
{
	if (p.i)
		return t->leaf[p.leaf]->end[p.i - 1];
	return p.leaf ? last_of(t, p.leaf - 1) : 0;
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

/*
 * The highest leaf below *li that has a gap of @len bytes. Up while a line of
 * summaries has none, then down again.
 */
static bool gap_leaf_below(const struct vma_tree *t, uint64_t len, unsigned *li)
{
	unsigned l = 0, i = *li, line;

	for (;; l++, i = line) {
		if (!i || l == t->depth)
			return false;
		line = (i - 1) / LINE;
		while (i > line * LINE && t->level[l].gap[i - 1] < len)
			i--;
		if (i > line * LINE)
			break;
	}
	for (i--; l > 0; i--) {
		i = i * LINE + LINE;
		if (i > t->level[--l].n)
			i = t->level[l].n;
		while (t->level[l].gap[i - 1] < len)
			i--;
	}
	*li = i;
	return true;
}

/* The lowest one at or above *li. */
static bool gap_leaf_above(const struct vma_tree *t, uint64_t len, unsigned *li)
{
	unsigned l = 0, i = *li, end;

	for (;; l++, i = end / LINE) {
		if (l == t->depth || i >= t->level[l].n)
			return false;
		end = (i / LINE + 1) * LINE;
		while (i < end && i < t->level[l].n && t->level[l].gap[i] < len)
			i++;
		if (i < end && i < t->level[l].n)
			break;
	}
	while (l-- > 0) {
		i *= LINE;
		while (t->level[l].gap[i] < len)
			i++;
	}
	*li = i;
	return true;
}

/* The highest fitting gap of one leaf. */
static bool leaf_gap_down(const struct vma_tree *t, unsigned li, uint64_t len,
			  va_t low, va_t high, va_t *ret)
{
	for (unsigned i = t->leaf[li]->n; i-- > 0;) {
		va_t from = end_before(t, (struct vma_pos){ li, i });
		va_t to = t->leaf[li]->start[i];

		if (clip_gap(&from, &to, low, high, len)) {
			*ret = to - len;
			return true;
		}
	}
	return false;
}

static bool leaf_gap_up(const struct vma_tree *t, unsigned li, uint64_t len,
			va_t low, va_t high, va_t *ret)
{
	for (unsigned i = 0; i < t->leaf[li]->n; i++) {
		va_t to = t->leaf[li]->start[i];

		*ret = end_before(t, (struct vma_pos){ li, i });
		if (clip_gap(ret, &to, low, high, len))
			return true;
	}
	return false;
}

bool vma_tree_gap_down(const struct vma_tree *t, uint64_t len, va_t low,
		       va_t high, va_t *ret)
{
	va_t from = nleaves(t) ? last_of(t, nleaves(t) - 1) : 0, to = high;
	unsigned li = pos_above(t, high).leaf;

	if (clip_gap(&from, &to, low, high, len)) {
		*ret = to - len;
		return true;
	}
	li = li < nleaves(t) ? li + 1 : nleaves(t);
	while (gap_leaf_below(t, len, &li)) {
		if (last_of(t, li) <= low)
			return false;
		if (leaf_gap_down(t, li, len, low, high, ret))
			return true;
	}
	return false;
}

bool vma_tree_gap_up(const struct vma_tree *t, uint64_t len, va_t low,
		     va_t high, va_t *ret)
{
	unsigned li = pos_above(t, low).leaf;
	va_t to = high;

	for (; gap_leaf_above(t, len, &li); li++) {
		if (leaf_gap_up(t, li, len, low, high, ret))
			return true;
		if (last_of(t, li) >= high)
			return false;
	}
	*ret = nleaves(t) ? last_of(t, nleaves(t) - 1) : 0;
	return clip_gap(ret, &to, low, high, len);
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
	for (unsigned i = leaf->n; i < VMA_LEAF; i++)
		if (leaf->end[i] != UINT64_MAX)
			return false;
	for (unsigned i = 0; i < LINE; i++)
		if (leaf->top[i] != leaf->end[i * LINE + LINE - 1])
			return false;
	return leaf->n && last_of(t, li) == *before &&
	       t->level[0].gap[li] == gap;
}

/* Level @l against the one below. */
static bool summary_ok(const struct vma_tree *t, unsigned l)
{
	const struct vma_summary *s = &t->level[l], *low = s - 1;
	uint64_t gap = 0;

	for (unsigned i = 0; i < low->n; i++) {
		bool ends = i % LINE == LINE - 1 || i + 1 == low->n;

		gap = low->gap[i] > gap ? low->gap[i] : gap;
		if (!ends)
			continue;
		if (s->last[i / LINE] != low->last[i] ||
		    s->gap[i / LINE] != gap)
			return false;
		gap = 0;
	}
	return s->n == (low->n + LINE - 1) / LINE;
}

bool vma_tree_ok(const struct vma_tree *t)
{
	unsigned count = 0;
	va_t before = 0;

	for (unsigned li = 0; li < nleaves(t); li++) {
		if (!leaf_ok(t, li, &before))
			return false;
		count += t->leaf[li]->n;
	}
	for (unsigned l = 1; l < t->depth; l++)
		if (!summary_ok(t, l))
			return false;
	return count == t->count &&
	       (!t->depth || t->level[t->depth - 1].n <= LINE);
}

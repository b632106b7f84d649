/*
 * area_diff.c - see area_diff.h.
 *
 * What changed is found by comparing: areas that are the same before and
 * after go, and those that are left fall into groups that overlap:
 *
 *	before	AAAAAAAA  BBBB  CCCC		   EEEE
 *	after	aaabbbcc  bbbbbbbbbbb	DDDD	   eeee
 *		split	  merged	new	   ~ other rights, or bounds
 *
 * Of an address space with many areas only the ranges that the command names
 * are remembered, so that a command costs the same with 100,000 of them.
 */
#include "repl/area_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/describe.h"
#include "repl/out.h"

#define WHOLE_MAX 128 /* areas of a space that is remembered as a whole */
#define RANGE_MAX 32  /* areas kept of each range otherwise */
#define SHOWN_MAX 16  /* rows of a group in text: half from each end */
#define NAME_MAX_ 64
/* of the flags those that perms show */
#define SHOWN_FLAGS (VM_READ | VM_WRITE | VM_EXEC | VM_MAYSHARE)

struct shot {
	va_t start, end;
	unsigned long flags;
	uint64_t pgoff;
	char name[NAME_MAX_];
};

struct shots {
	struct shot *v; /* owned, by address */
	unsigned n, size;
};

struct area_diff {
	struct mm_struct *mm;
	bool whole;
	struct {
		va_t start, end;
	} range[4];
	unsigned nranges;
	struct shots before, after;
};

static void *area_alloc(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		abort();
	return p;
}

/* --- taking shots
 * -------------------------------------------------------------- */
static struct shot *shots_add(struct shots *s, va_t start, va_t end)
{
	if (s->n == s->size) {
		s->size = s->size ? s->size * 2 : 32;
		s->v = area_alloc(s->v, s->size * sizeof(*s->v));
	}
	s->v[s->n] = (struct shot){ .start = start, .end = end };
	return &s->v[s->n++];
}

static void shots_take(struct shots *s, const struct vm_area_struct *vma)
{
	struct shot *shot = shots_add(s, vma->vm_start, vma->vm_end);

	shot->flags = vma->vm_flags;
	shot->pgoff = vma->vm_pgoff;
	snprintf(shot->name, sizeof(shot->name), "%s", vma_name(vma));
}

/* The areas that touch [start, end], the neighbours included. */
static void take_range(struct area_diff *d, struct shots *s, va_t start,
		       va_t end, unsigned max)
{
	const struct vm_area_struct *vma =
		find_vma(d->mm, start ? start - 1 : 0);

	for (unsigned i = 0; vma && vma->vm_start <= end && i < max; i++) {
		if (!s->n || vma->vm_start >= s->v[s->n - 1].end)
			shots_take(s, vma);
		vma = vma_tree_next(&d->mm->vmas, vma);
	}
}

static void take_all(struct area_diff *d, struct shots *s)
{
	const struct vm_area_struct *vma;

	for_each_vma (&d->mm->vmas, vma)
		shots_take(s, vma);
}

struct area_diff *area_diff_begin(struct mm_struct *mm)
{
	struct area_diff *d = area_alloc(NULL, sizeof(*d));

	*d = (struct area_diff){ .mm = mm,
				 .whole = mm->vmas.count <= WHOLE_MAX };
	if (d->whole)
		take_all(d, &d->before);
	return d;
}

static int by_address(const void *a, const void *b)
{
	const struct shot *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Ranges may be named in any order, and overlap. */
static void shots_sort(struct shots *s)
{
	unsigned n = 0;

	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_address);
	for (unsigned i = 0; i < s->n; i++)
		if (!n || s->v[i].start != s->v[n - 1].start)
			s->v[n++] = s->v[i];
	s->n = n;
}

void area_diff_range(struct area_diff *d, va_t start, uint64_t len)
{
	struct shots more = { .n = 0 };

	if (d->whole || d->nranges == ARRAY_SIZE(d->range))
		return;
	d->range[d->nranges].start = start;
	d->range[d->nranges++].end = start + len;
	take_range(d, &more, start, start + len, RANGE_MAX);
	for (unsigned i = 0; i < more.n; i++)
		*shots_add(&d->before, 0, 0) = more.v[i];
	free(more.v);
	shots_sort(&d->before);
}

/* What the new area merged with ended, or began, where it begins or ends. */
void area_diff_mapped(struct area_diff *d, va_t start, uint64_t len)
{
	const struct vm_area_struct *vma = find_vma(d->mm, start);
	va_t end = start + PAGE_ALIGN(len);
	struct shot *s;

	if (d->whole || d->nranges || !vma || vma->vm_start > start)
		return;
	d->range[0].start = start;
	d->range[0].end = end;
	d->nranges = 1;
	take_range(d, &d->after, start, end, RANGE_MAX);
	if (vma->vm_start < start) {
		s = shots_add(&d->before, vma->vm_start, start);
		s->flags = vma->vm_flags;
		s->pgoff = vma->vm_pgoff;
	}
	if (vma->vm_end > end) {
		s = shots_add(&d->before, end, vma->vm_end);
		s->flags = vma->vm_flags;
		s->pgoff =
			vma->vm_pgoff + ((end - vma->vm_start) >> PAGE_SHIFT);
	}
	for (unsigned i = 0; i < d->after.n; i++)
		if (d->after.v[i].start != vma->vm_start)
			*shots_add(&d->before, 0, 0) = d->after.v[i];
	d->after.n = 0;
	shots_sort(&d->before);
}

/* --- comparing ---------------------------------------------------------------
 */
static bool same_shot(const struct shot *a, const struct shot *b)
{
	return a->start == b->start && a->end == b->end &&
	       a->flags == b->flags && a->pgoff == b->pgoff;
}

/* Takes the areas that did not change out of both lists. */
static void drop_same(struct shots *a, struct shots *b)
{
	unsigned i = 0, j = 0, na = 0, nb = 0;

	while (i < a->n || j < b->n) {
		bool left = i < a->n, right = j < b->n;

		if (left && right && same_shot(&a->v[i], &b->v[j])) {
			i++;
			j++;
		} else if (left && (!right || a->v[i].start <= b->v[j].start)) {
			a->v[na++] = a->v[i++];
		} else {
			b->v[nb++] = b->v[j++];
		}
	}
	a->n = na;
	b->n = nb;
}

struct group {
	const struct shot *was, *is;
	unsigned nwas, nis;
};

/* The next areas of both lists that overlap one another, from @i and @j on. */
static bool next_group(const struct shots *a, const struct shots *b,
		       unsigned *i, unsigned *j, struct group *g)
{
	va_t end = 0;

	if (*i == a->n && *j == b->n)
		return false;
	*g = (struct group){ .was = a->v + *i, .is = b->v + *j };
	for (;;) {
		const struct shot *s;
		bool old = *i < a->n &&
			   (*j == b->n || a->v[*i].start <= b->v[*j].start);

		if (!old && *j == b->n)
			return true;
		s = old ? &a->v[*i] : &b->v[*j];
		if (end && s->start >= end)
			return true;
		end = s->end > end ? s->end : end;
		++*(old ? i : j);
		++*(old ? &g->nwas : &g->nis);
	}
}

/* --- telling -----------------------------------------------------------------
 */
static char *shot_perms(const struct shot *s, char buf[5])
{
	struct vm_area_struct vma = { .vm_flags = s->flags };

	return vma_perms(&vma, buf);
}

/* Is it another mapping at the same place? */
static size_t describe_place(const struct shot *a, const struct shot *b,
			     char *buf, size_t size, const char *sep)
{
	if (strcmp(a->name, b->name) != 0 && *a->name)
		return snprintf(buf, size, "%swas %s", sep, a->name);
	if (a->start - (a->pgoff << PAGE_SHIFT) !=
	    b->start - (b->pgoff << PAGE_SHIFT))
		return snprintf(buf, size, "%sother pages", sep);
	return 0;
}

/* "VmFlags +lo", "key 1": flags that perms do not show. */
static void describe_flags(const struct shot *a, const struct shot *b,
			   char *buf, size_t size, const char *sep)
{
	const unsigned long shown = SHOWN_FLAGS | VM_PKEY_MASK;
	unsigned long diff = a->flags ^ b->flags;
	size_t n = 0;

	if (diff & VM_PKEY_MASK) {
		n = snprintf(buf, size, "%skey %lu", sep,
			     (b->flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);
		sep = ", ";
	}
	if (diff & ~shown) {
		n += snprintf(buf + n, size - n, "%sVmFlags ", sep);
		flags_diff(buf + n, size - n, vm_flag_names, a->flags & ~shown,
			   b->flags & ~shown);
	}
}

/* "grown by 64K", "rights", .. of an area that is still there. */
static void describe_change(const struct shot *a, const struct shot *b,
			    char *buf, size_t size)
{
	char by[SIZE_FORMAT_MAX], perms[5];
	uint64_t old = a->end - a->start, new = b->end - b->start;
	size_t n = 0;

	*buf = 0;
	if (old != new)
		n = snprintf(
			buf, size, "%s by %s", new > old ? "grown" : "shrunk",
			size_format(by, new > old ? new - old : old - new));
	if (strcmp(shot_perms(a, by), shot_perms(b, perms)) != 0)
		n += snprintf(buf + n, size - n, "%swas %s", n ? ", " : "", by);
	n += describe_place(a, b, buf + n, size - n, n ? ", " : "");
	describe_flags(a, b, buf + n, size - n, n ? ", " : "");
}

/* Of a part: what it has become beside being one. */
static void describe_part(const struct group *g, const struct shot *is,
			  char *buf, size_t size)
{
	*buf = 0;
	for (unsigned i = 0; i < g->nwas && g->nis > 1; i++)
		if (g->was[i].end > is->start) {
			describe_flags(&g->was[i], is, buf, size, "");
			return;
		}
}

static void emit_shot(struct result *r, const char *mark, enum res_colour col,
		      const struct shot *s, const char *note)
{
	char perms[5], len[SIZE_FORMAT_MAX];

	res_item(r, false);
	res_field(r, &(struct res_field){ .name = "mark",
					  .txt = "%s",
					  .type = RES_STR,
					  .colour = col,
					  .str = mark });
	res_va(r, "start", "~ %s", s->start);
	res_va(r, "end", "~-%s", s->end);
	res_str(r, "perms", "%s", shot_perms(s, perms));
	res_size(r, "size", NULL, s->end - s->start);
	res_text(r, COL_PLAIN, "%6s", size_format(len, s->end - s->start));
	res_str(r, "name", "%s", s->name);
	res_str(r, "note", NULL, note);
	if (*note)
		res_text(r, COL_CHANGED, "%s", note);
	res_end(r);
}

static void emit_side(struct result *r, const struct group *g, bool was,
		      const char *note)
{
	const struct shot *s = was ? g->was : g->is;
	unsigned n = was ? g->nwas : g->nis;
	char part[96] = "";

	for (unsigned i = 0; i < n; i++) {
		if (n > SHOWN_MAX && i == SHOWN_MAX / 2) {
			i = n - SHOWN_MAX / 2;
			res_item(r, false);
			res_u64(r, "left_out", "%s more", n - SHOWN_MAX);
			res_end(r);
		}
		if (!was)
			describe_part(g, &s[i], part, sizeof(part));
		emit_shot(r, was ? "-" : "+", was ? COL_BAD : COL_GOOD, &s[i],
			  *part || i ? part : note);
	}
}

static void emit_group(struct result *r, const struct group *g)
{
	char note[160] = "", to[160] = "";

	if (g->nwas == 1 && g->nis == 1) {
		describe_change(g->was, g->is, note, sizeof(note));
		emit_shot(r, "~", COL_CHANGED, g->is, note);
		return;
	}
	if (!g->nwas)
		snprintf(to, sizeof(to), "new");
	else if (!g->nis)
		snprintf(note, sizeof(note), "gone");
	else if (g->nwas == 1)
		snprintf(note, sizeof(note), "split in %u", g->nis);
	else if (g->nis == 1)
		snprintf(to, sizeof(to), "%u merged", g->nwas);
	emit_side(r, g, true, note);
	emit_side(r, g, false, to);
}

void area_diff_end(struct area_diff *d, struct result *r)
{
	unsigned i = 0, j = 0;
	struct group g;

	if (d->whole)
		take_all(d, &d->after);
	for (unsigned n = 0; n < d->nranges; n++)
		take_range(d, &d->after, d->range[n].start, d->range[n].end,
			   RANGE_MAX);
	shots_sort(&d->after);
	drop_same(&d->before, &d->after);
	if (d->before.n || d->after.n) {
		res_list(r, "areas", RES_LINES);
		while (next_group(&d->before, &d->after, &i, &j, &g))
			emit_group(r, &g);
		res_end(r);
	}
	free(d->before.v);
	free(d->after.v);
	free(d);
}

/*
 * mm_diff.c - two address spaces compared, area by area and page by page.
 *
 *	=  both map the same frame		~  the same, with other bits
 *	!  both map something, not the same	<  only the left one	>  right
 *
 * Pages alike, side by side, are one row.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "repl/describe.h"
#include "repl/out.h"
#include "repl/snapshot.h"

enum side { SAME, BITS, OTHER, LEFT, RIGHT, NSIDES };

static const struct {
	const char *mark, *name;
	enum res_colour colour;
} sides[NSIDES] = {
	[SAME] = { "=", "same", COL_DIM },
	[BITS] = { "~", "bits", COL_CHANGED },
	[OTHER] = { "!", "other", COL_YELLOW },
	[LEFT] = { "<", "only_left", COL_BAD },
	[RIGHT] = { ">", "only_right", COL_GOOD },
};

struct stretch { /* pages that compare alike */
	va_t va, end;
	enum side side;
	struct image_page a, b;
};

struct diff {
	const struct kernel *k;
	const struct mm_image *a, *b;
	unsigned ha, hb; /* hints */
	bool moments;	 /* of one process; else two processes */
};

/* What a CPU sets by itself is no difference between two processes. */
#define CPU_BITS (PTE_A | PTE_D)

/* --- pages --------------------------------------------------------------- */
/* The page of 4 KiB at @va, of which @p is the leaf. */
static uint64_t frame_of(const struct kernel *k, const struct image_page *p,
			 va_t va)
{
	uint64_t size = 1ULL << k->mode->level[p->level].shift;

	return pte_pfn(k, p->entry) + ((va & (size - 1)) >> PAGE_SHIFT);
}

static bool has_frame(uint64_t entry)
{
	return pte_present(entry);
}

static enum side compare(const struct diff *d, va_t va,
			 const struct image_page *a, const struct image_page *b)
{
	if (!a->set || !b->set)
		return a->set ? LEFT : RIGHT;
	if (a->entry == b->entry && a->level == b->level)
		return SAME;
	if (!d->moments && a->level == b->level &&
	    !((a->entry ^ b->entry) & ~(uint64_t)CPU_BITS))
		return SAME;
	if (!has_frame(a->entry) || !has_frame(b->entry))
		return OTHER;
	return frame_of(d->k, a, va) == frame_of(d->k, b, va) ? BITS : OTHER;
}

static va_t least(va_t a, va_t b)
{
	return a < b ? a : b;
}

/* The next pages from @va on, before @end, that one of them maps. */
static bool next_stretch(struct diff *d, va_t va, va_t end, struct stretch *s)
{
	while (va < end) {
		struct image_page a = mm_image_at(d->k, d->a, va, &d->ha);
		struct image_page b = mm_image_at(d->k, d->b, va, &d->hb);
		va_t stop = least(least(a.end, b.end), end);

		if (a.set || b.set) {
			*s = (struct stretch){
				.va = va, .end = stop, .a = a, .b = b
			};
			s->side = compare(d, va, &a, &b);
			return true;
		}
		va = stop;
	}
	return false;
}

/* Does @n go on as @s ends, so that they can be one row? */
static bool joins(const struct diff *d, const struct stretch *s,
		  const struct stretch *n)
{
	uint64_t bits = ~PTE_PFN_MASK;

	return s->end == n->va && s->side == n->side && s->a.set == n->a.set &&
	       s->b.set == n->b.set && !((s->a.entry ^ n->a.entry) & bits) &&
	       !((s->b.entry ^ n->b.entry) & bits) &&
	       (!s->a.set || s->a.level == n->a.level) &&
	       (!s->b.set || s->b.level == n->b.level);
}

/* --- rows ---------------------------------------------------------------- */
static void emit_entry(struct result *r, const struct image_page *p,
		       const char *name)
{
	if (p->set)
		res_entry(r, name, "%s", p->entry);
	else
		res_text(r, COL_DIM, "%-*s", (int)r->entry_digits + 2, "-");
}

/* What two processes have of a page that both map. */
static const char *sharing(const struct stretch *s, bool cow)
{
	if (s->side == OTHER)
		return "copied";
	if ((s->a.entry | s->b.entry) & PTE_RW)
		return "shared";
	return cow ? "shared, copy-on-write" : "shared, read-only";
}

/* What the marks mean for these pages. */
static void describe(const struct diff *d, const struct stretch *s, bool cow,
		     char *buf, size_t size)
{
	bool both = has_frame(s->a.entry) && has_frame(s->b.entry);

	*buf = 0;
	if (!s->a.set || !s->b.set)
		snprintf(buf, size, "%s",
			 !d->moments ? "private"
			 : s->a.set  ? "gone"
				     : "new");
	else if (!both && s->side == SAME)
		snprintf(buf, size, "in swap, the same slot");
	else if (!both)
		snprintf(buf, size, "%s in swap",
			 has_frame(s->a.entry)	 ? "right"
			 : has_frame(s->b.entry) ? "left"
						 : "both");
	else if (d->moments && s->side == OTHER)
		snprintf(buf, size, "another frame");
	else if (d->moments)
		flags_diff(buf, size, d->k->mode->flags, s->a.entry,
			   s->b.entry);
	else
		snprintf(buf, size, "%s", sharing(s, cow));
}

static void emit_stretch(const struct diff *d, struct result *r,
			 const struct stretch *s, bool cow)
{
	uint64_t n = (s->end - s->va) >> PAGE_SHIFT;
	char note[160];

	describe(d, s, cow, note, sizeof(note));
	res_item(r, false);
	res_field(r, &(struct res_field){ .name = "mark",
					  .txt = "%s",
					  .type = RES_STR,
					  .colour = sides[s->side].colour,
					  .str = sides[s->side].mark });
	res_va(r, "va", "~ %s", s->va);
	res_u64(r, "pages", NULL, n);
	res_text(r, COL_PLAIN, "%5llu page%s", (unsigned long long)n,
		 n == 1 ? " " : "s");
	emit_entry(r, &s->a, "left");
	emit_entry(r, &s->b, "right");
	res_str(r, "note", "%s", note);
	res_end(r);
}

/* --- areas --------------------------------------------------------------- */
static char *area_perms(const struct image_area *a, char buf[5])
{
	struct vm_area_struct vma = { .vm_flags = a->flags };

	return vma_perms(&vma, buf);
}

static void count_stretches(struct diff d, va_t start, va_t end,
			    uint64_t n[NSIDES])
{
	struct stretch s;

	for (va_t va = start; next_stretch(&d, va, end, &s); va = s.end)
		n[s.side] += (s.end - s.va) >> PAGE_SHIFT;
}

static void emit_counts(struct result *r, const uint64_t n[NSIDES])
{
	char text[24];

	for (unsigned i = 0; i < NSIDES; i++) {
		res_u64(r, sides[i].name, NULL, n[i]);
		snprintf(text, sizeof(text), "%s%llu", sides[i].mark,
			 (unsigned long long)n[i]);
		if (n[i])
			res_field(r, &(struct res_field){
					     .txt = "%s",
					     .type = RES_STR,
					     .colour = sides[i].colour,
					     .str = text });
	}
}

static void emit_pages(struct diff *d, struct result *r, va_t start, va_t end,
		       bool same, bool cow)
{
	struct stretch s, next;
	bool more = next_stretch(d, start, end, &s);

	res_list(r, "runs", RES_LINES);
	while (more) {
		while ((more = next_stretch(d, s.end, end, &next)) &&
		       joins(d, &s, &next))
			s.end = next.end;
		if (same || s.side != SAME)
			emit_stretch(d, r, &s, cow);
		s = next;
	}
	res_end(r);
}

/* What [start, end) is on both sides: an area, or NULL. */
struct both {
	const struct image_area *a, *b;
	va_t start, end;
};

static void emit_area_change(struct result *r, const struct both *x)
{
	char pa[5], pb[5], flags[160];

	if (!x->a || !x->b) {
		res_str(r, "change", NULL, x->a ? "only left" : "only right");
		return;
	}
	if (strcmp(area_perms(x->a, pa), area_perms(x->b, pb)) != 0)
		res_strf(r, "change", "%s", "was %s", pa);
	else if (x->a->flags != x->b->flags)
		res_strf(r, "change", "VmFlags %s", "%s",
			 flags_diff(flags, sizeof(flags), vm_flag_names,
				    x->a->flags, x->b->flags));
	else if (strcmp(x->a->name, x->b->name) != 0)
		res_strf(r, "change", "%s", "was %s", x->a->name);
}

static void emit_area_diff(struct diff *d, struct result *r,
			   const struct both *x, const uint64_t n[NSIDES],
			   bool same)
{
	const struct image_area *is = x->b ? x->b : x->a;
	const char *mark = !x->a ? ">" : !x->b ? "<" : "=";
	char perms[5];

	if (x->a && x->b &&
	    (x->a->flags != x->b->flags || strcmp(x->a->name, x->b->name) != 0))
		mark = "~";
	res_item(r, false);
	res_str(r, "mark", "%s", mark);
	res_va(r, "start", "~ %s", x->start);
	res_va(r, "end", "~-%s", x->end);
	res_str(r, "perms", "%s", area_perms(is, perms));
	res_str(r, "name", "%s", is->name);
	emit_area_change(r, x);
	emit_counts(r, n);
	emit_pages(d, r, x->start, x->end, same,
		   (is->flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE);
	res_end(r);
}

static const struct image_area *area_at(const struct mm_image *img, unsigned *i,
					va_t va, va_t *next)
{
	while (*i < img->nareas && img->area[*i].end <= va)
		++*i;
	if (*i == img->nareas) {
		*next = ~0ULL;
		return NULL;
	}
	*next = img->area[*i].start > va ? img->area[*i].start
					 : img->area[*i].end;
	return img->area[*i].start <= va ? &img->area[*i] : NULL;
}

static bool worth_showing(const struct both *x, const uint64_t n[NSIDES],
			  bool same)
{
	if (!x->a || !x->b || x->a->flags != x->b->flags)
		return true;
	return n[BITS] + n[OTHER] + n[LEFT] + n[RIGHT] || (same && n[SAME]);
}

uint64_t mm_diff_emit(const struct kernel *k, struct result *r,
		      const struct mm_image *a, const struct mm_image *b,
		      bool same)
{
	struct diff d = { .k = k, .a = a, .b = b, .moments = a->pid == b->pid };
	unsigned i = 0, j = 0;
	uint64_t differ = 0;
	va_t na, nb;

	res_list(r, "areas", RES_LINES);
	for (va_t va = 0;; va = least(na, nb)) {
		uint64_t n[NSIDES] = { 0 };
		struct both x = { .start = va };

		x.a = area_at(a, &i, va, &na);
		x.b = area_at(b, &j, va, &nb);
		x.end = least(na, nb);
		if (x.end == ~0ULL)
			break;
		if (!x.a && !x.b)
			continue;
		count_stretches(d, va, x.end, n);
		differ += n[BITS] + n[OTHER] + n[LEFT] + n[RIGHT];
		if (worth_showing(&x, n, same))
			emit_area_diff(&d, r, &x, n, same);
	}
	res_end(r);
	return differ;
}

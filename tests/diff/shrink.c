/*
 * shrink.c - makes a failing scenario short: first without operations
 * (halves, quarters, ... single ones), then with simpler arguments.
 *
 * Whatever still fails, for whichever reason, is better than what was.
 */
#include "tests/diff/diff.h"

#include <string.h>

struct shrink {
	const struct env *env;
	struct scenario *best;
	struct outcome *outcome;
};

static bool still_fails(struct shrink *h, const struct scenario *s)
{
	struct outcome o;

	scenario_run(h->env, s, &o);
	if (!o.failed)
		return false;
	*h->best = *s;
	h->best->n = o.step + 1; /* what follows does not matter */
	*h->outcome = o;
	return true;
}

/* Without operations [from, from + n). */
static bool without(struct shrink *h, unsigned from, unsigned n)
{
	struct scenario s = *h->best;

	memmove(&s.op[from], &s.op[from + n],
		(s.n - from - n) * sizeof(s.op[0]));
	s.n -= n;
	return s.n && still_fails(h, &s);
}

static bool drop_operations(struct shrink *h)
{
	bool any = false;

	for (unsigned n = h->best->n / 2; n; n /= 2)
		for (unsigned i = 0; i + n <= h->best->n;)
			if (without(h, i, n))
				any = true;
			else
				i += n;
	return any;
}

/* Tries one changed field of operation @i. */
#define TRY(field, simpler)                                  \
	do {                                                 \
		struct scenario s = *h->best;                \
                                                             \
		if (i < s.n && s.op[i].field != (simpler)) { \
			s.op[i].field = (simpler);           \
			any |= still_fails(h, &s);           \
		}                                            \
	} while (0)

static bool simplify(struct shrink *h, unsigned i)
{
	const struct op *op = &h->best->op[i];
	bool any = false;

	if (op->len > PAGE)
		TRY(len, PAGE);
	if (h->best->op[i].len > 2 * PAGE)
		TRY(len, 2 * PAGE);
	for (unsigned bit = 0; bit < 22; bit++)
		if (h->best->op[i].flags >> bit & 1 && (bit > 5 || bit == 0))
			TRY(flags, h->best->op[i].flags & ~(1u << bit));
	if (h->best->op[i].prot != 3)
		TRY(prot, 3);
	if (h->best->op[i].addr % PAGE)
		TRY(addr, h->best->op[i].addr & -PAGE);
	return any;
}

void scenario_shrink(const struct env *env, struct scenario *s,
		     struct outcome *o)
{
	struct shrink h = { env, s, o };

	s->n = o->step + 1;
	while (drop_operations(&h))
		;
	for (unsigned i = 0; i < s->n; i++)
		simplify(&h, i);
	while (drop_operations(&h))
		;
}

/*
 * stencil.c - see stencil.h.
 */
#include "repl/stencil.h"

void stencil_init(struct stencil *s)
{
	*s = (struct stencil){ .cut = true };
	out_init(&s->text, -1);
}

void stencil_deinit(struct stencil *s)
{
	out_deinit(&s->text);
}

void stencil_begin(struct stencil *s, const struct out *o)
{
	s->start = out_position(o);
	s->open = true;
	s->cut = false;
	s->nfields = s->nholes = 0;
	s->text.len = 0;
}

void stencil_number(struct stencil *s, uint64_t at, unsigned digits,
		    uint64_t value)
{
	unsigned field = s->nfields++;

	if (!s->open || !digits)
		return;
	if (s->nholes == STENCIL_HOLES) {
		s->cut = true;
		return;
	}
	s->hole[s->nholes++] = (struct hole){
		.at = at - s->start,
		.value = value,
		.digits = digits,
		.field = field,
	};
}

void stencil_cut(struct stencil *s)
{
	s->cut = true;
}

void stencil_end(struct stencil *s, const struct out *o)
{
	if (!s->open)
		s->cut = true;
	s->open = false;
	s->end = out_position(o);
}

/* Copies the item, if the sink still has it. */
static bool take(struct stencil *s, const struct out *o)
{
	uint64_t first = out_position(o) - o->len;

	if (s->text.len)
		return true;
	if (s->start < first || s->end <= s->start)
		return false;
	out_write(&s->text, o->buf + (s->start - first), s->end - s->start);
	return true;
}

bool stencil_fits(struct stencil *s, const struct out *o,
		  const uint64_t *numbers, unsigned n)
{
	if (s->cut || s->open || !take(s, o))
		return false;
	for (unsigned i = 0; i < s->nholes; i++) {
		const struct hole *h = &s->hole[i];

		if (h->field >= n ||
		    (h->digits < 16 && numbers[h->field] >> (4 * h->digits)))
			return false;
	}
	return true;
}

/* Only the digits from the highest one that differs. */
static void fill(char *digit, struct hole *h, uint64_t value)
{
	uint64_t diff = h->value ^ value;
	char *p = digit + h->digits;

	h->value = value;
	for (; diff; diff >>= 4, value >>= 4)
		*--p = "0123456789abcdef"[value & 15];
}

void stencil_write(struct stencil *s, struct out *o, const uint64_t *numbers)
{
	for (unsigned i = 0; i < s->nholes; i++) {
		struct hole *h = &s->hole[i];

		fill(s->text.buf + h->at, h, numbers[h->field]);
	}
	out_write(o, s->text.buf, s->text.len);
}

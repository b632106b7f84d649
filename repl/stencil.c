/*
 * stencil.c - see stencil.h.
 */
#include "repl/stencil.h"

#include <string.h>

#define STENCIL_CLAIM 64	/* items that the sink makes room for at once */

/* "000" to "fff", made when the first stencil is. */
static char three_digits[4096][4];

static void make_digits(void)
{
	static const char hex[] = "0123456789abcdef";

	for (unsigned i = 0; i < ARRAY_SIZE(three_digits); i++) {
		three_digits[i][0] = hex[i >> 8];
		three_digits[i][1] = hex[i >> 4 & 15];
		three_digits[i][2] = hex[i & 15];
	}
}

void stencil_init(struct stencil *s, const char *between)
{
	if (!three_digits[0][0])
		make_digits();
	*s = (struct stencil){ .cut = true, .between = between };
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
		.above = digits < 16 ? ~0ULL << (4 * digits) : 0,
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

/* Copies the item, and what goes before it, if the sink still has it. */
static bool take(struct stencil *s, const struct out *o)
{
	uint64_t first = out_position(o) - o->len;

	if (s->text.len)
		return true;
	if (s->start < first || s->end <= s->start)
		return false;
	out_str(&s->text, s->between);
	for (unsigned i = 0; i < s->nholes; i++)
		s->hole[i].at += s->text.len;
	out_write(&s->text, o->buf + (s->start - first), s->end - s->start);
	return true;
}

/* Writes the digits of @value that may differ from the hole's, by threes. */
static inline void fill(char *digit, const struct hole *h, uint64_t value)
{
	uint64_t diff = h->value ^ value;
	unsigned left = h->digits;

	for (; diff; diff >>= 12, value >>= 12) {
		const char *three = three_digits[value & 0xfff];

		if (left < 3) {
			memcpy(digit, three + 3 - left, left);
			return;
		}
		left -= 3;
		if (diff & 0xfff)
			memcpy(digit + left, three, 3);
	}
}

static inline uint64_t nth_value(const struct res_number *number, uint64_t nth)
{
	return number->value + nth * number->step;
}

static bool fits(const struct stencil *s, const struct res_number *number,
		 uint64_t nth)
{
	for (unsigned i = 0; i < s->nholes; i++) {
		const struct hole *h = &s->hole[i];

		if (nth_value(&number[h->field], nth) & h->above)
			return false;
	}
	return true;
}

uint64_t stencil_fit(struct stencil *s, const struct out *o,
		     const struct res_number *number, unsigned n,
		     uint64_t times)
{
	if (s->cut || s->open || s->nfields > n || !take(s, o) ||
	    !fits(s, number, 0))
		return 0;
	return fits(s, number, times - 1) ? times : 1;
}

/*
 * The digits go into the copy: written into the original they would still be
 * on their way to memory when it is read.
 */
static inline void write_one(const struct stencil *s, char *to,
			     const struct res_number *number, uint64_t nth)
{
	memcpy(to, s->text.buf, s->text.len);
	for (unsigned i = 0; i < s->nholes; i++) {
		const struct hole *h = &s->hole[i];

		fill(to + h->at, h, nth_value(&number[h->field], nth));
	}
}

void stencil_write(const struct stencil *s, struct out *o,
		   const struct res_number *number, uint64_t times)
{
	size_t len = s->text.len;
	uint64_t done = 0;

	while (done < times) {
		uint64_t n = times - done;
		char *to;

		if (n > STENCIL_CLAIM)
			n = STENCIL_CLAIM;
		to = out_claim(o, n * len);
		if (!to)
			return;
		for (uint64_t i = 0; i < n; i++)
			write_one(s, to + i * len, number, done + i);
		done += n;
	}
}

/*
 * stencil.c - see stencil.h.
 */
#include "repl/stencil.h"

#include <string.h>

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

void stencil_init(struct stencil *s)
{
	if (!three_digits[0][0])
		make_digits();
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

static bool fits(const struct stencil *s, const uint64_t *numbers, unsigned n)
{
	if (s->nfields > n)
		return false;
	for (unsigned i = 0; i < s->nholes; i++)
		if (numbers[s->hole[i].field] & s->hole[i].above)
			return false;
	return true;
}

bool stencil_ready(struct stencil *s, const struct out *o,
		   const uint64_t *numbers, unsigned n)
{
	return !s->cut && !s->open && take(s, o) && fits(s, numbers, n);
}

/*
 * The digits go into the copy: written into the original they would still be
 * on their way to memory when it is read.
 */
void stencil_write(const struct stencil *s, struct out *o,
		   const uint64_t *numbers)
{
	char *to = out_claim(o, s->text.len);

	if (!to)
		return;
	memcpy(to, s->text.buf, s->text.len);
	for (unsigned i = 0; i < s->nholes; i++) {
		const struct hole *h = &s->hole[i];

		fill(to + h->at, h, numbers[h->field]);
	}
}

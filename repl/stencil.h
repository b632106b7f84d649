/*
 * stencil.h - the bytes of an item that was just written, to be written again
 * with other numbers: res_again() for the emitters that write text.
 *
 * While an item is written the emitter reports where its hexadecimal numbers
 * stand. Its bytes are copied when they are first wanted again; from then on
 * an item costs a copy, and the digits that differ.
 */
#ifndef REPL_STENCIL_H
#define REPL_STENCIL_H

#include "repl/out.h"

#define STENCIL_HOLES 8

struct stencil {
	uint64_t start, end;	/* of the item, in bytes ever put into the sink */
	bool open, cut;		/* being written; it cannot be used */
	unsigned nfields;	/* numbers seen */
	unsigned nholes;
	struct hole {
		uint64_t at;	/* of the first digit, from the start */
		uint64_t value;
		uint64_t above;	/* bits that do not fit */
		uint8_t digits, field;
	} hole[STENCIL_HOLES];
	const char *between;	/* stands between two items */
	struct out text;	/* memory; empty until the item is wanted again */
};

/* @between (borrowed) is written between two items: "" or ",". */
void stencil_init(struct stencil *s, const char *between);
void stencil_deinit(struct stencil *s);

/* An item begins with what is written into @o next. */
void stencil_begin(struct stencil *s, const struct out *o);
/*
 * The item's next number, whether or not it is shown: with @digits hex digits
 * at stream position @at, or @digits 0 if it is not.
 */
void stencil_number(struct stencil *s, uint64_t at, unsigned digits,
		    uint64_t value);
/* The item is no good as a stencil: it holds a list, or a second line. */
void stencil_cut(struct stencil *s);
/* The item ends with what was written into @o last. */
void stencil_end(struct stencil *s, const struct out *o);

/*
 * How many of @times items with these @n numbers, one for each number that
 * the item has, can be written: at least the first, or 0 if there is no such
 * item, or a number needs more digits than it has room.
 */
uint64_t stencil_fit(struct stencil *s, const struct out *o,
		     const struct res_number *number, unsigned n,
		     uint64_t times);
/* Writes so many items as stencil_fit() has just said, or fewer. */
void stencil_write(const struct stencil *s, struct out *o,
		   const struct res_number *number, uint64_t times);

#endif

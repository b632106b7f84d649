/*
 * result.h - the result of a command as a stream of labelled nodes and typed
 * fields. A handler emits it once; three emitters exist: text (emit_text.c),
 * JSON (emit_json.c) and Lua tables (lua/). Nothing is kept: a million lines
 * need no memory.
 *
 * A result is an object. Within an object stand fields, objects and lists;
 * a list holds items, and each item is an object. Data faces see names and
 * values. The text face shows the fields of an object as cells of one line,
 * two spaces apart; each field says how it looks there:
 *
 *	.txt "@%s"	the cell; %s is the rendered value
 *	.txt "~[%s]"	the same, glued to the cell before
 *	.txt NULL	data only, not in text
 *	.name NULL	text only, not in data; so is all of a list or object
 *			without a name
 *
 * A cell whose value is the empty string (or NULL) is left out, with what
 * its .txt would have put around it.
 *
 * Styles of a list tell the text face how items follow each other:
 *	TREE	each item on a line with a connector, children nested
 *	CHAIN	a tree in which each item is the child of the one before
 *	TABLE	aligned columns under a header; fields are columns
 *	LINES	each item on a line of its own at the current depth
 *	VERBATIM lines of another tool: as they are, no prefix, blanks kept
 *	HIDDEN	data only
 */
#ifndef REPL_RESULT_H
#define REPL_RESULT_H

#include "machine/types.h"

enum res_style { RES_TREE, RES_CHAIN, RES_TABLE, RES_LINES, RES_VERBATIM,
		 RES_HIDDEN };

enum res_type {
	RES_U64,	/* count: decimal number */
	RES_I64,
	RES_HEX,	/* address or raw word: "0x..." string in JSON, integer in Lua */
	RES_STR,
	RES_BOOL,
	RES_FLAGS,	/* "P RW us A d": JSON and Lua get the list of set ones,
			 * i.e. words that do not begin with a small letter */
	RES_WORDS,	/* the same, but each word counts */
	RES_SIZE,	/* bytes: "4K", "1.5G" in text, number in data */
};

enum res_colour {	/* what it is, not how it looks */
	COL_PLAIN, COL_ADDR, COL_ENTRY, COL_NAME, COL_GOOD, COL_BAD, COL_DIM,
	COL_CHANGED,
	/* Owners, told apart and no more: */
	COL_RED, COL_GREEN, COL_YELLOW, COL_BLUE, COL_MAGENTA, COL_CYAN,
};

struct res_field {
	const char *name, *txt;
	enum res_type type;
	enum res_colour colour;
	uint8_t digits;		/* RES_HEX: at least so many hex digits */
	uint8_t base;		/* RES_U64 in text: 16 hexadecimal, else decimal */
	uint64_t u;
	const char *str;	/* RES_STR, _FLAGS, _WORDS; NULL is null */
};

struct res_column {	/* of a TABLE; ends with a NULL name */
	const char *name;	/* of the field it shows */
	const char *title;	/* header of the column */
	bool right;		/* right-aligned */
};

struct res_number {	/* of items alike, one after the other */
	uint64_t value;		/* in the first */
	uint64_t step;		/* added in each that follows */
};

enum story_level {	/* how much is told of what the kernel did */
	STORY_COMPACT, STORY_VERBOSE, STORY_OFF,
};

struct result;
struct result_ops {
	void (*object)(struct result *r, const char *name);
	void (*list)(struct result *r, const char *name, enum res_style style,
		     const struct res_column *cols);
	void (*item)(struct result *r, bool last);
	void (*end)(struct result *r);
	void (*line)(struct result *r);
	void (*field)(struct result *r, const struct res_field *f);
	/* May be NULL: see res_again(). */
	uint64_t (*again)(struct result *r, const struct res_number *number,
			  unsigned n, uint64_t times);
	/* May be NULL: see res_certain(). */
	void (*certain)(struct result *r);
};

struct result {
	const struct result_ops *ops;
	unsigned va_digits, pa_digits, entry_digits;	/* widths of this machine */
	/* $_: the subject of the command, else the last address shown. */
	uint64_t last_addr;
	bool last_addr_set, last_addr_pa, subject;
	enum story_level story;		/* of this command */
	bool data;	/* fields count, not only their text: JSON, Lua */
};

/* --- structure ------------------------------------------------------------- */
/* A named object inside the current one; its fields stay on the line. */
void res_object(struct result *r, const char *name);
void res_list(struct result *r, const char *name, enum res_style style);
void res_table(struct result *r, const char *name, const struct res_column *cols);
/* Begins an item of the current list; TREE: @last says if siblings follow. */
void res_item(struct result *r, bool last);
void res_end(struct result *r);		/* of the object, item or list */
/*
 * The item that was ended last, @times more, the same but for the numbers in
 * its fields of type RES_HEX, named or not: the first @n of them are as
 * @number says; the last of them is an address. Returns how many were
 * written: 0 if the emitter cannot do it (a number needs more digits, or it
 * has no such thing); then emit the next item as usual.
 */
uint64_t res_again(struct result *r, const struct res_number *number,
		   unsigned n, uint64_t times);
/*
 * The command cannot fail from here on: a face that tells success before the
 * result need not hold the result back, however long it grows.
 */
void res_certain(struct result *r);
/* Text: ends the line; the next field begins a new one at this depth. */
void res_line(struct result *r);

/* --- fields ------------------------------------------------------------------ */
void res_va(struct result *r, const char *name, const char *txt, va_t va);
void res_pa(struct result *r, const char *name, const char *txt, pa_t pa);
void res_pfn(struct result *r, const char *name, const char *txt, pfn_t pfn);
void res_entry(struct result *r, const char *name, const char *txt, uint64_t e);
void res_hex(struct result *r, const char *name, const char *txt, uint64_t v,
	     unsigned digits);
void res_u64(struct result *r, const char *name, const char *txt, uint64_t v);
void res_i64(struct result *r, const char *name, const char *txt, int64_t v);
void res_size(struct result *r, const char *name, const char *txt, uint64_t v);
void res_bool(struct result *r, const char *name, const char *txt, bool v);
void res_str(struct result *r, const char *name, const char *txt, const char *v);
void res_name(struct result *r, const char *name, const char *txt, const char *v);
void res_flags(struct result *r, const char *name, const char *txt,
	       const char *v);
void res_words(struct result *r, const char *name, const char *txt,
	       const char *v);
void res_field(struct result *r, const struct res_field *f);
/* Says that the result is about @va (allocated, mapped): it becomes $_. */
void res_subject(struct result *r, va_t va);
/* Text only; printf-like, one cell. Begin with "~" to glue. */
void res_text(struct result *r, enum res_colour colour, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Text: ends the line, if one has begun, and leaves one empty. */
void res_blank(struct result *r);
/* An item of a VERBATIM list: one line, the field "line" in data. */
void res_verbatim(struct result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Text and data: a printf-like string field. */
void res_strf(struct result *r, const char *name, const char *txt,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif

/*
 * emit_text.c - results as people read them: lines of cells, trees, tables.
 *
 * Every open object, list and item is a frame. A frame knows two prefixes of
 * one shared string: what its own further lines begin with, and what lists
 * opened inside it begin with:
 *
 *	mode  root			own "", kids ""
 *	├─ item				own "│  ", kids "│  "
 *	│  second line of it		(after res_line)
 *	│  └─ item of a list in it	own "│     "
 *	└─ item
 *
 * Blanks at the end of a cell are owed, and only paid when another cell
 * follows on the line: no line ends in a blank.
 */
#include <stdlib.h>
#include <string.h>

#include "repl/out.h"
#include "repl/stencil.h"
#include "repl/table.h"

#define MAX_DEPTH 64	/* paging trees are 5 deep; results are made by us */

enum frame_kind { F_OBJECT, F_LIST, F_ITEM };

struct frame {
	enum frame_kind kind;
	enum res_style style;	/* of the list, or of the list an item is in */
	size_t own, kids;	/* lengths within text->prefix */
	unsigned items;		/* F_LIST */
};

struct text {
	struct result r;
	struct out *o;
	struct out prefix;	/* memory: the longest prefix in use */
	struct out value, cell;	/* memory: scratch of one field */
	size_t before;		/* bytes of the cell before its value */
	struct frame frame[MAX_DEPTH];
	unsigned depth;		/* index of the innermost frame */
	unsigned hidden;	/* open frames inside a HIDDEN list */
	const char *connector;	/* waits for the item's first cell, or NULL */
	size_t start;		/* prefix before the connector */
	bool in_line;		/* the current line has a cell */
	size_t owed;		/* blanks due before the next cell */
	struct table *table;	/* open TABLE, or NULL */
	unsigned table_depth;
	struct stencil stencil;	/* the item being written, or written last */
	uint64_t value_at;	/* stream position of the value put last */
};

static const char *const sgr[] = {
	[COL_PLAIN] = NULL,	    [COL_ADDR] = "\033[36m",
	[COL_ENTRY] = "\033[33m",   [COL_NAME] = "\033[1m",
	[COL_GOOD] = "\033[32m",    [COL_BAD] = "\033[1;31m",
	[COL_DIM] = "\033[2m",	    [COL_CHANGED] = "\033[1;35m",
	[COL_RED] = "\033[31m",	    [COL_GREEN] = "\033[32m",
	[COL_YELLOW] = "\033[33m",    [COL_BLUE] = "\033[34m",
	[COL_MAGENTA] = "\033[35m",   [COL_CYAN] = "\033[36m",
};

/* --- characters ---------------------------------------------------------- */
static const struct { const char *utf8, *ascii; } spelling[] = {
	{ "·", "-" }, { "→", "->" }, { "…", "..." }, { "├─", "|-" },
	{ "└─", "`-" },	{ "│", "|" },	{ "×", "x" },	{ "–", "-" },
	{ "─", "-" },	{ "≥", ">=" },	{ "≤", "<=" },	{ "≠", "!=" },
	{ "├", "+" },	{ "┤", "+" },	{ "┌", "+" },	{ "┐", "+" },
	{ "└", "+" },	{ "┘", "+" },	{ "╌", "." },	{ "░", ":" },
	{ "▒", "+" },	{ "▓", "*" },	{ "█", "#" },
};

static void put_byte_escaped(struct out *to, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char buf[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

	if (c == '\n')
		out_write(to, "\\n", 2);
	else if (c == '\t')
		out_write(to, "\\t", 2);
	else
		out_write(to, buf, sizeof(buf));
}

/* One character that is not printable ASCII; returns its length. */
static size_t put_special(struct out *to, const char *s, size_t left,
			  bool ascii)
{
	size_t n = utf8_len(s, left);

	/* Control characters: ASCII's, and U+0080 to U+009F. */
	if (n <= 1 || (n == 2 && (unsigned char)s[0] == 0xc2 &&
		       (unsigned char)s[1] < 0xa0)) {
		put_byte_escaped(to, *s);
		return 1;
	}
	if (!ascii) {
		out_write(to, s, n);
		return n;
	}
	for (size_t i = 0; i < ARRAY_SIZE(spelling); i++) {
		size_t len = strlen(spelling[i].utf8);

		if (len <= left && memcmp(s, spelling[i].utf8, len) == 0) {
			out_str(to, spelling[i].ascii);
			return len;
		}
	}
	out_write(to, "?", 1);
	return n;
}

/* Text that a terminal cannot be steered with, in what the sink can show. */
static void put_clean(struct out *to, const char *s, size_t len, bool ascii)
{
	size_t i = 0;

	while (i < len) {
		size_t from = i;

		while (i < len && s[i] >= 0x20 && s[i] < 0x7f)
			i++;
		out_write(to, s + from, i - from);
		if (i < len)
			i += put_special(to, s + i, len - i, ascii);
	}
}

/* --- values -------------------------------------------------------------- */
static void put_size(struct out *to, uint64_t n)
{
	char buf[SIZE_FORMAT_MAX];

	out_str(to, size_format(buf, n));
}

static void put_i64(struct out *to, int64_t n)
{
	if (n < 0)
		out_write(to, "-", 1);
	out_u64(to, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

static void put_value(struct out *to, const struct res_field *f, bool ascii)
{
	switch (f->type) {
	case RES_U64:
		if (f->base == 16)
			out_hex(to, f->u, f->digits);
		else
			out_u64(to, f->u);
		break;
	case RES_I64:
		put_i64(to, (int64_t)f->u);
		break;
	case RES_HEX:
		out_hex(to, f->u, f->digits);
		break;
	case RES_SIZE:
		put_size(to, f->u);
		break;
	case RES_BOOL:
		out_str(to, f->u ? "yes" : "no");
		break;
	case RES_STR:
	case RES_FLAGS:
	case RES_WORDS:
		if (f->str)
			put_clean(to, f->str, strlen(f->str), ascii);
		break;
	}
}

/* The cell of a field in t->cell; empty if its value is. */
static void render(struct text *t, const struct res_field *f, const char *txt)
{
	const char *mark = strstr(txt, "%s");

	t->value.len = t->cell.len = 0;
	put_value(&t->value, f, t->o->ascii);
	if (!t->value.len)
		return;
	t->before = 0;
	if (!mark) {
		put_clean(&t->cell, txt, strlen(txt), t->o->ascii);
		return;
	}
	put_clean(&t->cell, txt, mark - txt, t->o->ascii);
	t->before = t->cell.len;
	out_write(&t->cell, t->value.buf, t->value.len);
	put_clean(&t->cell, mark + 2, strlen(mark + 2), t->o->ascii);
}

/* --- lines --------------------------------------------------------------- */
static struct frame *top(struct text *t)
{
	return &t->frame[t->depth];
}

static void line_end(struct text *t)
{
	if (t->in_line)
		out_write(t->o, "\n", 1);
	t->in_line = false;
	t->owed = 0;
}

static void line_begin(struct text *t)
{
	if (t->connector)
		stencil_begin(&t->stencil, t->o);
	out_write(t->o, t->prefix.buf, t->connector ? t->start : top(t)->own);
	if (t->connector)
		out_str(t->o, t->connector);
	t->connector = NULL;
	t->in_line = true;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The first @len bytes of the cell; the colour is for its value only. */
static void put_coloured(struct text *t, size_t len, enum res_colour colour)
{
	const char *s = t->cell.buf;
	size_t from = least(t->before, len);
	size_t to = least(t->before + t->value.len, len);

	out_write(t->o, s, from);
	t->value_at = out_position(t->o);
	if (sgr[colour] && t->o->colour)
		t->value_at += strlen(sgr[colour]);
	if (to > from)
		out_coloured(t->o, s + from, to - from, sgr[colour]);
	out_write(t->o, s + to, len - to);
}

/* Puts t->cell on the line. */
static void put_cell(struct text *t, bool glue, enum res_colour colour)
{
	const char *s = t->cell.buf;
	size_t len = t->cell.len, tail = 0;

	while (tail < len && s[len - 1 - tail] == ' ')
		tail++;
	if (t->in_line && !glue)
		t->owed += 2;
	if (len > tail) {
		if (!t->in_line)
			line_begin(t);
		out_pad(t->o, t->owed);
		t->owed = 0;
		put_coloured(t, len - tail, colour);
	}
	t->owed += tail;
}

/* Tells the stencil of a number; it has a fixed place if it has fixed width. */
static void note_number(struct text *t, const struct res_field *f, bool shown)
{
	unsigned digits = 0;

	if (f->type != RES_HEX)
		return;
	if (shown) {
		digits = t->value.len - 2;
		if (digits != f->digits)
			stencil_cut(&t->stencil);
	}
	stencil_number(&t->stencil, t->value_at + 2, digits, f->u);
}

static void text_field(struct result *r, const struct res_field *f)
{
	static const struct res_field none = { .type = RES_STR, .str = "-" };
	struct text *t = (struct text *)r;
	const char *txt = f->txt;
	bool glue;

	if (t->hidden || !txt) {
		note_number(t, f, false);
		return;
	}
	if (top(t)->style == RES_VERBATIM) {
		out_str(t->o, f->str);
		out_write(t->o, "\n", 1);
		return;
	}
	if (!f->name && f->type == RES_STR && strcmp(f->str, "\n") == 0) {
		line_end(t);	/* res_blank() */
		out_write(t->o, "\n", 1);
		return;
	}
	glue = *txt == '~';
	/* A column needs something where there is no value. */
	render(t, t->table && f->type == RES_STR && !f->str ? &none : f,
	       txt + glue);
	if (!t->cell.len)
		return;
	if (t->table && t->depth > t->table_depth)
		table_cell(t->table, f->name, t->cell.buf, t->cell.len, glue,
			   sgr[f->colour]);
	else {
		put_cell(t, glue, f->colour);
		note_number(t, f, true);
	}
}

static void text_line(struct result *r)
{
	struct text *t = (struct text *)r;

	if (t->hidden || t->table)
		return;
	line_end(t);
	stencil_cut(&t->stencil);
	t->connector = NULL;
	top(t)->kids = top(t)->own;
}

/* --- structure ----------------------------------------------------------- */
static struct frame *push(struct text *t, enum frame_kind kind,
			  enum res_style style, size_t prefix)
{
	if (++t->depth == MAX_DEPTH)
		abort();
	*top(t) = (struct frame){ .kind = kind, .style = style,
				  .own = prefix, .kids = prefix };
	return top(t);
}

/* Lengthens the prefix of the innermost frame by @s. */
static void extend(struct text *t, const char *s, size_t len)
{
	t->prefix.len = top(t)->own;
	out_write(&t->prefix, s, len);
	top(t)->own = top(t)->kids = t->prefix.len;
}

static void text_object(struct result *r, const char *name)
{
	struct text *t = (struct text *)r;

	t->hidden += t->hidden != 0;
	push(t, F_OBJECT, top(t)->style, top(t)->own);
}

static void leave_table(struct text *t)
{
	table_end(t->table, t->o);
	t->table = NULL;
}

static void text_list(struct result *r, const char *name, enum res_style style,
		      const struct res_column *cols)
{
	struct text *t = (struct text *)r;
	bool indent = top(t)->kind == F_ITEM && top(t)->style == RES_LINES &&
		      (style == RES_LINES || style == RES_TABLE);

	stencil_cut(&t->stencil);
	push(t, F_LIST, style, top(t)->kids);
	if (t->hidden || style == RES_HIDDEN) {
		t->hidden++;
		return;
	}
	if (t->table) {	/* a list inside a row ends the columns */
		table_row(t->table, t->o);
		leave_table(t);
	}
	line_end(t);
	t->connector = NULL;
	if (indent)
		extend(t, "  ", 2);
	if (style == RES_TABLE && cols) {
		t->table = table_begin(cols, t->prefix.buf, top(t)->own);
		t->table_depth = t->depth;
	}
}

static void tree_item(struct text *t, bool last)
{
	bool ascii = t->o->ascii;

	t->start = top(t)->own;
	if (last) {
		t->connector = ascii ? "`- " : "└─ ";
		extend(t, "   ", 3);
	} else {
		t->connector = ascii ? "|- " : "├─ ";
		if (ascii)
			extend(t, "|  ", 3);
		else
			extend(t, "│  ", strlen("│  "));
	}
}

/* The nth item hangs below the one before: three columns further in. */
static void chain_item(struct text *t, unsigned nth)
{
	for (unsigned i = 0; i < nth; i++)
		extend(t, "   ", 3);
	tree_item(t, true);
}

static void text_item(struct result *r, bool last)
{
	struct text *t = (struct text *)r;
	struct frame *list = top(t);
	unsigned nth = list->items++;

	push(t, F_ITEM, list->style, list->own);
	if (t->hidden) {
		t->hidden++;
		return;
	}
	if (t->table)
		return;
	line_end(t);
	t->connector = NULL;
	if (list->style == RES_TREE)
		tree_item(t, last);
	else if (list->style == RES_CHAIN)
		chain_item(t, nth);
}

/* After a chain, further lists hang below its last item. */
static void end_chain(struct text *t, const struct frame *list)
{
	t->prefix.len = list->own;
	for (unsigned i = 0; i < list->items; i++)
		out_str(&t->prefix, "   ");
	top(t)->kids = t->prefix.len;
}

static void text_end(struct result *r)
{
	struct text *t = (struct text *)r;
	struct frame *f = top(t);

	if (t->depth == 0)
		return;
	t->depth--;
	if (t->hidden) {
		t->hidden--;
		return;
	}
	if (f->kind == F_OBJECT)
		return;
	if (t->table && t->depth < t->table_depth) {
		leave_table(t);
	} else if (t->table) {
		table_row(t->table, t->o);
	} else {
		line_end(t);
		if (f->kind == F_ITEM)
			stencil_end(&t->stencil, t->o);
		t->connector = NULL;
		if (f->kind == F_LIST && f->style == RES_CHAIN)
			end_chain(t, f);
	}
}

static uint64_t text_again(struct result *r, const struct res_number *number,
			   unsigned n, uint64_t times)
{
	struct text *t = (struct text *)r;
	uint64_t done;

	if (t->hidden)
		return times;
	if (t->table)
		return 0;
	done = stencil_fit(&t->stencil, t->o, number, n, times);
	stencil_write(&t->stencil, t->o, number, done);
	return done;
}

static const struct result_ops text_ops = {
	.object = text_object, .list = text_list, .item = text_item,
	.end = text_end, .line = text_line, .field = text_field,
	.again = text_again,
};

struct result *emit_text_create(struct out *o)
{
	struct text *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->r.ops = &text_ops;
	t->o = o;
	out_init(&t->prefix, -1);
	out_init(&t->value, -1);
	out_init(&t->cell, -1);
	stencil_init(&t->stencil, "");
	return &t->r;
}

void emit_text_finish(struct result *r)
{
	struct text *t = (struct text *)r;

	while (t->depth)
		text_end(r);
	line_end(t);
	t->connector = NULL;
	top(t)->kids = 0;
}

void emit_text_destroy(struct result *r)
{
	struct text *t = (struct text *)r;

	if (!t)
		return;
	emit_text_finish(r);
	out_deinit(&t->prefix);
	out_deinit(&t->value);
	out_deinit(&t->cell);
	stencil_deinit(&t->stencil);
	free(t);
}

/*
 * table.c - see table.h.
 *
 * A row is kept as cells whose texts lie in one arena; when enough rows are
 * there to know the widths, or the table ends, all are written and the
 * arena is reused, from then on for one row at a time.
 */
#include "repl/table.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_SAMPLE 256	/* rows that set the widths */
#define NO_CELL (-2)		/* the row has no cell yet */

struct cell {
	size_t at, len;		/* in the arena */
	const char *sgr;
};

struct table {
	const struct res_column *cols;
	unsigned ncols;
	size_t *width;		/* ncols */
	struct cell *cell;	/* rows of ncols + 1; the last is the remark */
	unsigned nrows;		/* complete ones */
	int last;		/* column of the latest cell, -1: not shown */
	struct out arena;
	char *prefix;
	size_t prefix_len;
	bool streaming;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

size_t text_width(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

void out_coloured(struct out *o, const char *text, size_t len, const char *sgr)
{
	bool on = sgr && *sgr && o->colour;

	if (on)
		out_str(o, sgr);
	out_write(o, text, len);
	if (on)
		out_str(o, "\033[0m");
}

static struct cell *row_cells(struct table *t, unsigned row)
{
	return t->cell + (size_t)row * (t->ncols + 1);
}

static void row_clear(struct table *t)
{
	memset(row_cells(t, t->nrows), 0,
	       (t->ncols + 1) * sizeof(struct cell));
	t->last = NO_CELL;
}

struct table *table_begin(const struct res_column *cols, const char *prefix,
			  size_t prefix_len)
{
	struct table *t = must(calloc(1, sizeof(*t)));

	t->cols = cols;
	while (cols[t->ncols].name)
		t->ncols++;
	t->width = must(calloc(t->ncols + 1, sizeof(*t->width)));
	t->cell = must(calloc((size_t)(TABLE_SAMPLE + 1) * (t->ncols + 1),
			      sizeof(*t->cell)));
	for (unsigned i = 0; i < t->ncols; i++)
		t->width[i] = text_width(cols[i].title, strlen(cols[i].title));
	t->prefix = must(malloc(prefix_len + 1));
	if (prefix_len)
		memcpy(t->prefix, prefix, prefix_len);
	t->prefix_len = prefix_len;
	out_init(&t->arena, -1);
	row_clear(t);
	return t;
}

static int column_of(const struct table *t, const char *name)
{
	if (!name)
		return t->ncols;
	for (unsigned i = 0; i < t->ncols; i++)
		if (strcmp(t->cols[i].name, name) == 0)
			return i;
	return -1;
}

/* Puts @text behind what the cell has; only the newest cell can grow. */
static void cell_append(struct table *t, struct cell *c, const char *text,
			size_t len, size_t blanks)
{
	if (c->len && c->at + c->len != t->arena.len) {
		size_t at = t->arena.len;
		char *old = must(strndup(t->arena.buf + c->at, c->len));

		out_write(&t->arena, old, c->len);
		free(old);
		c->at = at;
	}
	if (!c->len)
		c->at = t->arena.len;
	else
		out_pad(&t->arena, blanks);
	out_write(&t->arena, text, len);
	c->len = t->arena.len - c->at;
}

void table_cell(struct table *t, const char *name, const char *text, size_t len,
		bool glue, const char *sgr)
{
	int col = glue && t->last != NO_CELL ? t->last : column_of(t, name);
	struct cell *c;

	if (len)
		t->last = col;
	if (col < 0 || !len)
		return;
	c = &row_cells(t, t->nrows)[col];
	if (!c->len)
		c->sgr = sgr;
	cell_append(t, c, text, len, glue ? 0 : 2);
}

static void write_line_of(const struct table *t, struct out *o,
			  const struct cell *cells)
{
	const char *arena = t->arena.buf;
	size_t owed = 0;	/* blanks due before the next text */

	out_write(o, t->prefix, t->prefix_len);
	for (unsigned i = 0; i <= t->ncols; i++) {
		const struct cell *c = &cells[i];
		size_t w = c->len ? text_width(arena + c->at, c->len) : 0;
		size_t fill = t->width[i] > w ? t->width[i] - w : 0;
		bool right = i < t->ncols && t->cols[i].right;

		if (c->len) {
			out_pad(o, owed + (right ? fill : 0));
			out_coloured(o, arena + c->at, c->len, c->sgr);
			owed = 0;
		}
		owed += 2 + (right && c->len ? 0 : fill);
	}
	out_write(o, "\n", 1);
}

/* Columns without any title have no header. */
static void write_header(struct table *t, struct out *o)
{
	struct cell *cells = must(calloc(t->ncols + 1, sizeof(*cells)));
	size_t before = t->arena.len;

	for (unsigned i = 0; i < t->ncols; i++) {
		cells[i].at = t->arena.len;
		cells[i].len = strlen(t->cols[i].title);
		cells[i].sgr = "\033[2m";
		out_str(&t->arena, t->cols[i].title);
	}
	if (t->arena.len > before)
		write_line_of(t, o, cells);
	free(cells);
}

static void measure(struct table *t)
{
	for (unsigned r = 0; r < t->nrows; r++)
		for (unsigned i = 0; i < t->ncols; i++) {
			const struct cell *c = &row_cells(t, r)[i];
			size_t w = c->len ? text_width(t->arena.buf + c->at,
						       c->len) : 0;

			if (w > t->width[i])
				t->width[i] = w;
		}
}

void table_flush(struct table *t, struct out *o)
{
	if (!t->streaming) {
		measure(t);
		write_header(t, o);
		t->streaming = true;
	}
	for (unsigned r = 0; r < t->nrows; r++)
		write_line_of(t, o, row_cells(t, r));
	t->nrows = 0;
	t->arena.len = 0;
	row_clear(t);
}

void table_row(struct table *t, struct out *o)
{
	t->nrows++;
	if (t->streaming || t->nrows == TABLE_SAMPLE)
		table_flush(t, o);
	else
		row_clear(t);
}

void table_end(struct table *t, struct out *o)
{
	table_flush(t, o);
	out_deinit(&t->arena);
	free(t->prefix);
	free(t->cell);
	free(t->width);
	free(t);
}

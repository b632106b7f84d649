/*
 * table.h - aligned columns for the text emitter. Widths come from the header
 * and the first rows; then rows are streamed. Within repl/emit_text.c only.
 */
#ifndef REPL_TABLE_H
#define REPL_TABLE_H

#include "repl/out.h"

struct table;

/* @cols is borrowed until table_end(); @prefix (copied) starts each line. */
struct table *table_begin(const struct res_column *cols, const char *prefix,
			  size_t prefix_len);
/*
 * The text of the current row's column called @name. A NULL name is a
 * remark behind the last column; @glue appends to the cell before. Unknown
 * names are not shown. @sgr: the colour, or NULL.
 */
void table_cell(struct table *t, const char *name, const char *text, size_t len,
		bool glue, const char *sgr);
/* Ends the row; writes to @o what can be written. */
void table_row(struct table *t, struct out *o);
/* Writes the rows still held back. */
void table_flush(struct table *t, struct out *o);
/* Flushes and frees. */
void table_end(struct table *t, struct out *o);

/* Columns of the terminal that UTF-8 text takes. */
size_t text_width(const char *s, size_t len);
/* Writes @text in a colour, if there is one. */
void out_coloured(struct out *o, const char *text, size_t len, const char *sgr);

#endif

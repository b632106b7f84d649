/*
 * line.h - line editing as a seam of four calls (init, read, save, free).
 * Only line.c includes Readline. A pipe, a script and the tests use the plain
 * path: no editing, no prompt unless asked.
 */
#ifndef REPL_LINE_H
#define REPL_LINE_H

#include "repl/session.h"

/* Sets up editing, completion and history ($XDG_STATE_HOME/mmsh/history). */
void line_init(struct session *s);
/* One line without its newline, malloc'd; NULL at end of input. */
char *line_read(struct session *s, const char *prompt);
/* Adds to the history. */
void line_save(struct session *s, const char *line);
/* Writes the history file. Errors are one line on stderr. */
void line_free(struct session *s);

#endif

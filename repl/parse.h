/*
 * parse.h - a line becomes commands, words and redirections.
 *
 * Words are split at blanks; '..' and ".." quote (with \" \\ \n \t \0 \xHH in
 * double quotes); # outside of a word starts a comment; parentheses hold blanks
 * together, so that `__va(0x1000 + 8)` is one word. ';' ends a command,
 * '|' hands its output to a host command line, '>' and '>>' to a file. After
 * the command '=' all up to ';' or '#' is one word: there | and >> are
 * operators. After `lua`, unless a quote follows, the rest of the line is
 * one word. After `let NAME` one = is a blank.
 */
#ifndef REPL_PARSE_H
#define REPL_PARSE_H

#include "machine/types.h"
#include "repl/err.h"

struct word {
	char *text;
	size_t len;	/* of text, which may hold NULs from "\0" */
	int col;
	bool quoted;
};

struct parsed {
	struct word *word;	/* owned with their texts */
	unsigned nwords;
	char *pipe;		/* host command, or NULL; owned */
	char *file;		/* redirection target, or NULL; owned */
	bool append;
	int col;		/* where the command starts in the line */
	const char *raw;	/* the command within the line (borrowed) */
	size_t rawlen;
};

/*
 * Parses the first command of @line from *pos and moves *pos past it.
 * Returns 1: a command (maybe with no words), 0: end of line, -1: *err.
 */
int parse_command(const char *line, size_t *pos, struct parsed *ret,
		  struct err *err);
void parsed_free(struct parsed *p);

#endif

/*
 * typing.h - one input becomes one typed argument.
 *
 * args.c decides which input is which argument or option; here its text is
 * read as an address, a range, a size, ... or refused with the reason.
 */
#ifndef REPL_TYPING_H
#define REPL_TYPING_H

#include "repl/cmd.h"

/* An input that is being typed: for error messages and their caret. */
struct typing {
	struct cmd_ctx *c;
	const struct cmd_input *in;
	const char *text;	/* in->text, or the value as text */
	unsigned skip;		/* of a word: the "-p" before its value */
	char number[40];
};

/* @in from character @skip on; a number is written out into t->number. */
void typing_begin(struct typing *t, struct cmd_ctx *c,
		  const struct cmd_input *in, unsigned skip);

/* Reads @t as @type into *ret; returns 0, or -1 with the error set. */
int typing_run(const struct typing *t, enum arg_type type, struct cmd_arg *ret);

/* Is an argument of @type kept as it was typed? */
bool typing_keeps_word(enum arg_type type);

/* Points the error at @in. Returns -1. */
int typing_blame(struct cmd_ctx *c, const struct cmd_input *in);

/* Adds the command's usage to the error as its hint. */
void typing_hint_usage(struct cmd_ctx *c);

#endif

/*
 * names.h - what the names in expressions mean now: constants, boundaries of
 * the layout, registers, parts of the process, variables. For value.c,
 * args.c and line.c.
 */
#ifndef REPL_NAMES_H
#define REPL_NAMES_H

#include "repl/value.h"

/*
 * The value of @name ("heap", "[heap]", "$x", "$_"). The error says what
 * @what is missing, and which name was probably meant.
 */
int name_lookup(struct session *s, const char *name, const char *what,
		struct value *ret, struct err *err);

/*
 * The range that @name stands for: an area of the process (text, data, heap,
 * stack, vdso), of the kernel's layout, user, kernel or all. Returns 1 and the
 * bounds (*last inclusive), 0 if it names none, -1 with *err.
 */
int name_range(struct session *s, const char *name, uint64_t *start,
	       uint64_t *last, struct err *err);
/* The @i-th name of a range, for completion; NULL past the end. */
const char *range_name(struct session *s, unsigned i);

#endif

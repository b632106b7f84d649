/*
 * err.h - the one line that a mistake gets: the culprit, the cause, a fix.
 *
 * Kinds are those of -o json. A guest fault seen by an inspector is a
 * result; only a command whose access ended in a signal fails with ERR_FAULT.
 */
#ifndef REPL_ERR_H
#define REPL_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_USAGE,	/* the line is wrong: unknown command, bad argument */
	ERR_USER,	/* the line is right, what it asks for is not there */
	ERR_ERRNO,	/* the simulated kernel refused: -errno in err.no */
	ERR_FAULT,	/* the access ended in a signal or an oops */
	ERR_BUDGET,	/* a limit of the sandbox or the session */
};

struct err {
	enum err_kind kind;
	int no;			/* ERR_ERRNO: positive errno */
	int col, len;		/* culprit within the line; len 0: none */
	char msg[400];		/* one line, lower case, names the culprit */
	char hint[160];		/* one line that says what to do, or empty */
};

/* Fills @err and returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* "what: ENOMEM (Cannot allocate memory)"; @no is -errno or errno. */
int err_errno(struct err *err, int no, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void err_hint(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* "usage", "user", "errno", "fault", "budget" */
const char *err_kind_name(enum err_kind kind);
/* "ENOMEM"; "errno 999" for unknown numbers. */
const char *errno_name(int no);
/* The entry of @names (ends with NULL) closest to @word, or NULL if none is. */
const char *closest_name(const char *word, const char *const *names);

/* The same, one candidate at a time: best is the closest so far, or NULL. */
struct closest {
	const char *word, *best;
	unsigned distance;
};
void closest_init(struct closest *c, const char *word);
void closest_try(struct closest *c, const char *name);

#endif

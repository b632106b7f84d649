/*
 * lmatch.h - the matcher behind the pattern functions of the sandbox.
 */
#ifndef LUA_LMATCH_H
#define LUA_LMATCH_H

#include "lua/internal.h"

#define MAX_CAPTURES 32
#define MAX_DEPTH    200

enum { CAP_OPEN = -1, CAP_POSITION = -2 }; /* instead of a length */

struct capture {
	const char *at;
	ptrdiff_t len;
};

struct matcher {
	lua_State *L;
	const char *src, *end; /* the subject; *end is 0, as in all strings */
	const char *pat, *pend;
	bool anchored;
	int depth;	/* calls of match() that are left */
	unsigned steps; /* not charged yet */
	unsigned level; /* captures so far, open ones too */
	struct capture cap[MAX_CAPTURES];
};

/* Charges @n steps, in time. */
void matcher_spend(struct matcher *m, size_t n);
/* Where the match at @s ends, or NULL; captures are in *m. May raise. */
const char *matcher_run(struct matcher *m, const char *s);

#endif

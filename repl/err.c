/*
 * err.c - filling in the one line that a mistake gets, and did-you-mean.
 */
#include "repl/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	*err = (struct err){ .kind = kind };
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *err, int no, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	*err = (struct err){ .kind = ERR_ERRNO, .no = no < 0 ? -no : no };
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s (%s)",
		 errno_name(err->no), strerror(err->no));
	return -1;
}

void err_hint(struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}

const char *err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",   [ERR_USAGE] = "usage",
		[ERR_USER] = "user",   [ERR_ERRNO] = "errno",
		[ERR_FAULT] = "fault", [ERR_BUDGET] = "budget",
	};

	return names[kind];
}

const char *errno_name(int no)
{
	static char unknown[24];
	const char *name = strerrorname_np(no);

	if (name)
		return name;
	snprintf(unknown, sizeof(unknown), "errno %d", no);
	return unknown;
}

/* --- did you mean -------------------------------------------------------- */

#define MAX_WORD 40	/* longer words are no typos of a name */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/*
 * Damerau-Levenshtein distance (optimal string alignment), case ignored:
 * insertions, deletions, substitutions and swaps of neighbours cost one.
 */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned d[3][MAX_WORD + 1];

	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *cur = d[i % 3];
		const unsigned *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			cur[j] = min3(up[j] + 1, cur[j - 1] + 1,
				      up[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]) && up2[j - 2] + 1 < cur[j])
				cur[j] = up2[j - 2] + 1;
		}
	}
	return d[na % 3][nb];
}

/* How many typos a word of @n letters may have and still be recognised. */
static unsigned tolerance(size_t n)
{
	return n < 2 ? 0 : n < 5 ? 1 : n < 8 ? 2 : 3;
}

/*
 * Few mistype the first letter, unless they leave it out, double it or swap
 * it with the second: nosuch is not meant to be touch.
 */
static bool begins_otherwise(const char *a, const char *b)
{
	return !same(a[0], b[0]) && !same(a[0], b[1]) && !same(a[1], b[0]);
}

void closest_init(struct closest *c, const char *word)
{
	c->word = word;
	c->best = NULL;
	c->distance = tolerance(strlen(word)) + 1;
}

void closest_try(struct closest *c, const char *name)
{
	size_t na = strlen(c->word), nb = strlen(name);
	unsigned d;

	if (!na || !nb || na > MAX_WORD || nb > MAX_WORD)
		return;
	d = distance(c->word, na, name, nb) + begins_otherwise(c->word, name);
	if (d < c->distance) {
		c->distance = d;
		c->best = name;
	}
}

const char *closest_name(const char *word, const char *const *names)
{
	struct closest c;

	closest_init(&c, word);
	for (; *names; names++)
		closest_try(&c, *names);
	return c.best;
}

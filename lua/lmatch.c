/*
 * lmatch.c - Lua patterns with a meter: where does a match end?
 *
 * Backtracking may take a time exponential in the pattern, and no hook runs
 * inside of a C function: so the sandbox has a matcher of its own, which
 * charges each step to the budget of instructions. A timer would stop it too,
 * but at another step on each host, and in the middle of anything.
 *
 * Semantics, limits and messages are those of Lua 5.4 (reference manual,
 * "Patterns"); tests/lua/test_pattern.c compares the two on random input.
 * That is why match() recurses where Lua's does, MAX_DEPTH deep.
 */
#include <ctype.h>
#include <string.h>

#include "lua/lmatch.h"

#define FLUSH	    4096 /* steps that are charged together */
#define MATCH_STEPS 4	 /* each about as long as an instruction */
#define ITEM_STEPS  4

static const char *match(struct matcher *m, const char *s, const char *p);

void matcher_spend(struct matcher *m, size_t n)
{
	if (m->steps + n < FLUSH) {
		m->steps += n;
		return;
	}
	sandbox_charge(m->L, m->steps + n);
	m->steps = 0;
}

static unsigned char byte(const char *s)
{
	return (unsigned char)*s;
}

/* --- one character ------------------------------------------------------- */
static bool in_class(unsigned char c, unsigned char class)
{
	static const struct {
		char letter;
		int (*has)(int);
	} classes[] = {
		{ 'a', isalpha },  { 'c', iscntrl }, { 'd', isdigit },
		{ 'g', isgraph },  { 'l', islower }, { 'p', ispunct },
		{ 's', isspace },  { 'u', isupper }, { 'w', isalnum },
		{ 'x', isxdigit },
	};

	if (tolower(class) == 'z') /* old: the byte 0 */
		return (c == 0) == (class == 'z');
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].letter == tolower(class))
			return !classes[i].has(c) == !!isupper(class);
	return c == class; /* escaped */
}

/* The set from @p, behind its '[', to its ']' at @end. */
static bool in_set(unsigned char c, const char *p, const char *end)
{
	bool in = *p != '^';

	for (p += !in; p < end; p++) {
		if (*p == '%') {
			if (in_class(c, byte(++p)))
				return in;
		} else if (p[1] == '-' && p + 2 < end) {
			if (byte(p) <= c && c <= byte(p + 2))
				return in;
			p += 2;
		} else if (byte(p) == c) {
			return in;
		}
	}
	return !in;
}

/* Behind the set whose inside begins at @p. The first byte may be a ']'. */
static const char *set_end(struct matcher *m, const char *p)
{
	const char *begin = p;

	p += *p == '^';
	do {
		if (p == m->pend)
			luaL_error(m->L, "malformed pattern (missing ']')");
		if (*p++ == '%' && p < m->pend)
			p++;
	} while (*p != ']');
	matcher_spend(m, (size_t)(p - begin) / 2);
	return p + 1;
}

/* Behind the single-character item at @p. */
static const char *item_end(struct matcher *m, const char *p)
{
	if (*p == '[')
		return set_end(m, p + 1);
	if (*p != '%')
		return p + 1;
	if (p + 1 == m->pend)
		luaL_error(m->L, "malformed pattern (ends with '%%')");
	return p + 2;
}

/* Does the character at @s fit the item from @p to @end? */
static bool fits(struct matcher *m, const char *s, const char *p,
		 const char *end)
{
	if (s >= m->end)
		return false;
	matcher_spend(m, 1);
	switch (*p) {
	case '.':
		return true;
	case '%':
		return in_class(byte(s), byte(p + 1));
	case '[':
		matcher_spend(m, (size_t)(end - p) / 2);
		return in_set(byte(s), p + 1, end - 1);
	}
	return *p == *s;
}

/* --- captures ------------------------------------------------------------ */
static const char *open_capture(struct matcher *m, const char *s, const char *p)
{
	bool position = *p == ')';
	const char *end;

	if (m->level >= MAX_CAPTURES)
		luaL_error(m->L, "too many captures");
	m->cap[m->level].at = s;
	m->cap[m->level++].len = position ? CAP_POSITION : CAP_OPEN;
	end = match(m, s, p + position);
	if (!end)
		m->level--;
	return end;
}

static const char *close_capture(struct matcher *m, const char *s,
				 const char *p)
{
	struct capture *cap = m->cap + m->level;
	const char *end;

	do
		if (cap-- == m->cap)
			luaL_error(m->L, "invalid pattern capture");
	while (cap->len != CAP_OPEN);
	cap->len = s - cap->at;
	end = match(m, s, p);
	if (!end)
		cap->len = CAP_OPEN;
	return end;
}

/* %1: what was captured, again. */
static const char *match_again(struct matcher *m, const char *s, char digit)
{
	unsigned i = (unsigned)digit - '1';
	size_t len;

	if (i >= m->level || m->cap[i].len == CAP_OPEN)
		luaL_error(m->L, "invalid capture index %%%d", (int)i + 1);
	len = (size_t)m->cap[i].len;
	if ((size_t)(m->end - s) < len) /* as for a position */
		return NULL;
	matcher_spend(m, len / 8);
	return memcmp(m->cap[i].at, s, len) == 0 ? s + len : NULL;
}

/* --- items --------------------------------------------------------------- */
/* %bxy, @p at the x. */
static const char *match_balance(struct matcher *m, const char *s,
				 const char *p)
{
	size_t open = 1;

	if (p + 1 >= m->pend)
		luaL_error(m->L,
			   "malformed pattern (missing arguments to '%%b')");
	if (s >= m->end || *s != p[0])
		return NULL;
	while (++s < m->end) {
		matcher_spend(m, 1);
		if (*s == p[1] && --open == 0)
			return s + 1;
		if (*s == p[0] && *s != p[1])
			open++;
	}
	return NULL;
}

/* %f[set], @p at the '['; *end is behind it. Both ends of the subject are 0. */
static bool at_frontier(struct matcher *m, const char *s, const char *p,
			const char **end)
{
	unsigned char before = s == m->src ? 0 : byte(s - 1);

	if (*p != '[')
		luaL_error(m->L, "missing '[' after '%%f' in pattern");
	*end = item_end(m, p);
	matcher_spend(m, (size_t)(*end - p));
	return !in_set(before, p + 1, *end - 1) &&
	       in_set(byte(s), p + 1, *end - 1);
}

static bool is_escape(const char *p)
{
	return *p == '%' &&
	       (p[1] == 'b' || p[1] == 'f' || isdigit(byte(p + 1)));
}

/* The item that is_escape(); *p goes behind it. */
static const char *match_escape(struct matcher *m, const char *s,
				const char **p)
{
	const char *at = *p;

	if (at[1] == 'f')
		return at_frontier(m, s, at + 2, p) ? s : NULL;
	if (at[1] == 'b') {
		*p = at + 4;
		return match_balance(m, s, at + 2);
	}
	*p = at + 2;
	return match_again(m, s, at[1]);
}

/* As many as there are, then fewer. */
static const char *match_most(struct matcher *m, const char *s, const char *p,
			      const char *end)
{
	const char *last = s, *found;

	while (fits(m, last, p, end))
		last++;
	for (;; last--) {
		found = match(m, last, end + 1);
		if (found || last == s)
			return found;
	}
}

/* As few as possible. */
static const char *match_least(struct matcher *m, const char *s, const char *p,
			       const char *end)
{
	const char *found;

	while (!(found = match(m, s, end + 1)) && fits(m, s, p, end))
		s++;
	return found;
}

/*
 * A single-character item and what says how often. *p goes behind it, or to
 * the end of the pattern if the rest has been matched too.
 */
static const char *match_item(struct matcher *m, const char *s, const char **p)
{
	const char *item = *p, *end = item_end(m, item), *rest = NULL;
	char times = *end;
	bool fit = fits(m, s, item, end);

	bool may_miss = times == '*' || times == '?' || times == '-';

	*p = m->pend;
	if (fit && times == '*')
		return match_most(m, s, item, end);
	if (fit && times == '+')
		return match_most(m, s + 1, item, end);
	if (fit && times == '-')
		return match_least(m, s, item, end);
	if (fit && times == '?')
		rest = match(m, s + 1, end + 1);
	if (rest)
		return rest;
	*p = end + may_miss;
	return may_miss ? s : fit ? s + 1 : NULL;
}

static const char *match_items(struct matcher *m, const char *s, const char *p)
{
	while (s && p != m->pend) {
		matcher_spend(m, ITEM_STEPS);
		if (*p == '(')
			return open_capture(m, s, p + 1);
		if (*p == ')')
			return close_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pend)
			return s == m->end ? s : NULL;
		s = is_escape(p) ? match_escape(m, s, &p)
				 : match_item(m, s, &p);
	}
	return s;
}

/* Where a match of the pattern from @p on, at @s, ends; NULL: there is none. */
static const char *match(struct matcher *m, const char *s, const char *p)
{
	if (m->depth-- == 0)
		luaL_error(m->L, "pattern too complex");
	matcher_spend(m, MATCH_STEPS);
	s = match_items(m, s, p);
	m->depth++;
	return s;
}

const char *matcher_run(struct matcher *m, const char *s)
{
	m->depth = MAX_DEPTH;
	m->level = 0;
	return match(m, s, m->pat);
}

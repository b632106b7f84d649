/*
 * lpattern.c - string.find, match, gmatch and gsub on the matcher of lmatch.c:
 * the results and messages of Lua 5.4, charged to the budget.
 */
#include <ctype.h>
#include <string.h>

#include "lua/lmatch.h"

#define CALL_STEPS   20
#define ESCAPE_STEPS 4 /* in a replacement */

/* --- what the four functions share --------------------------------------- */
/* Subject and pattern are arguments 1 and 2. */
static void matcher_init(struct matcher *m, lua_State *L, bool anchors)
{
	size_t len, plen;

	m->L = L;
	m->src = luaL_checklstring(L, 1, &len);
	m->pat = luaL_checklstring(L, 2, &plen);
	m->end = m->src + len;
	m->pend = m->pat + plen;
	m->anchored = anchors && *m->pat == '^';
	m->pat += m->anchored;
	m->steps = CALL_STEPS;
	m->level = 0;
}

/* No Lua code of the call's own follows: what is left is charged. */
static int finish(struct matcher *m, int nresults)
{
	sandbox_charge(m->L, m->steps);
	m->steps = 0;
	return nresults;
}

/* Where to begin: optional argument 3, from 1 on; negative: from the end. */
static lua_Integer first_of(lua_State *L, size_t len)
{
	lua_Integer i = luaL_optinteger(L, 3, 1);

	if (i > 0)
		return i;
	return i == 0 || i < -(lua_Integer)len ? 1 : (lua_Integer)len + i + 1;
}

/* Capture @i of the match from @s to @e; 0 without any is the whole match. */
static void push_capture(struct matcher *m, unsigned i, const char *s,
			 const char *e)
{
	const struct capture *cap = &m->cap[i];

	if (i >= m->level && i > 0)
		luaL_error(m->L, "invalid capture index %%%d", (int)i + 1);
	if (i >= m->level)
		lua_pushlstring(m->L, s, (size_t)(e - s));
	else if (cap->len == CAP_OPEN)
		luaL_error(m->L, "unfinished capture");
	else if (cap->len == CAP_POSITION)
		lua_pushinteger(m->L, cap->at - m->src + 1);
	else
		lua_pushlstring(m->L, cap->at, (size_t)cap->len);
}

/* All captures; @s not NULL: or the whole match, if there are none. */
static int push_captures(struct matcher *m, const char *s, const char *e)
{
	unsigned n = m->level == 0 && s ? 1 : m->level;

	luaL_checkstack(m->L, (int)n, "too many captures");
	for (unsigned i = 0; i < n; i++)
		push_capture(m, i, s, e);
	return (int)n;
}

/* --- find and match ------------------------------------------------------ */
static bool is_plain(struct matcher *m)
{
	const char *p = m->pat - m->anchored;
	size_t n = 0;

	while (p < m->pend && (!*p || !strchr("^$*+?.([%-", *p)))
		p++, n++;
	matcher_spend(m, n);
	return p == m->pend;
}

static int find_plain(struct matcher *m, const char *s)
{
	const char *p = m->pat - m->anchored, *at;
	size_t len = (size_t)(m->pend - p);

	matcher_spend(m, ((size_t)(m->end - s) + len) / 8);
	at = memmem(s, (size_t)(m->end - s), p, len);
	if (!at) {
		luaL_pushfail(m->L);
		return finish(m, 1);
	}
	lua_pushinteger(m->L, at - m->src + 1);
	lua_pushinteger(m->L, at - m->src + (lua_Integer)len);
	return finish(m, 2);
}

static int push_found(struct matcher *m, const char *s, const char *e,
		      bool find)
{
	if (!find)
		return finish(m, push_captures(m, s, e));
	lua_pushinteger(m->L, s - m->src + 1);
	lua_pushinteger(m->L, e - m->src);
	return finish(m, 2 + push_captures(m, NULL, NULL));
}

static int find_or_match(lua_State *L, bool find)
{
	struct matcher m;
	lua_Integer first;
	const char *s, *e;

	matcher_init(&m, L, true);
	first = first_of(L, (size_t)(m.end - m.src));
	if (first - 1 > m.end - m.src) {
		luaL_pushfail(L);
		return finish(&m, 1);
	}
	s = m.src + first - 1;
	if (find && (lua_toboolean(L, 4) || is_plain(&m)))
		return find_plain(&m, s);
	do {
		e = matcher_run(&m, s);
		if (e)
			return push_found(&m, s, e, find);
	} while (s++ < m.end && !m.anchored);
	luaL_pushfail(L);
	return finish(&m, 1);
}

int pattern_find(lua_State *L)
{
	return find_or_match(L, true);
}

int pattern_match(lua_State *L)
{
	return find_or_match(L, false);
}

/* --- gmatch -------------------------------------------------------------- */
struct gmatch {
	struct matcher m;
	const char *at, *last; /* where to go on; where the last match ended */
};

/* Upvalues 1 and 2 are the strings, 3 the struct gmatch. */
static int gmatch_next(lua_State *L)
{
	struct gmatch *g = lua_touserdata(L, lua_upvalueindex(3));
	const char *e;

	g->m.L = L;
	g->m.steps = CALL_STEPS;
	for (; g->at <= g->m.end; g->at++) {
		const char *s = g->at;

		e = matcher_run(&g->m, s);
		if (e && e != g->last) {
			g->at = g->last = e;
			return finish(&g->m, push_captures(&g->m, s, e));
		}
	}
	return finish(&g->m, 0);
}

int pattern_gmatch(lua_State *L)
{
	struct matcher m;
	struct gmatch *g;
	lua_Integer first;
	size_t len;

	matcher_init(&m, L, false);
	len = (size_t)(m.end - m.src);
	first = first_of(L, len);
	lua_settop(L, 2);
	g = lua_newuserdatauv(L, sizeof(*g), 0);
	g->m = m;
	g->last = NULL;
	g->at = first - 1 > (lua_Integer)len ? m.end + 1 : m.src + first - 1;
	lua_pushcclosure(L, gmatch_next, 3);
	return 1;
}

/* --- gsub ---------------------------------------------------------------- */
/* Adds what %@c stands for in a replacement string. */
static void add_escape(struct matcher *m, luaL_Buffer *b, char c, const char *s,
		       const char *e)
{
	if (c == '%') {
		luaL_addchar(b, c);
	} else if (c == '0') {
		luaL_addlstring(b, s, (size_t)(e - s));
	} else if (isdigit((unsigned char)c)) {
		push_capture(m, (unsigned)c - '1', s, e);
		luaL_addvalue(b);
	} else {
		luaL_error(m->L, "invalid use of '%%' in replacement string");
	}
}

/* Replacement string @new, argument 3, for the match from @s to @e. */
static void add_string(struct matcher *m, luaL_Buffer *b, const char *s,
		       const char *e)
{
	size_t len;
	const char *new = lua_tolstring(m->L, 3, &len), *end = new + len, *p;

	matcher_spend(m, len / 8);
	while ((p = memchr(new, '%', (size_t)(end - new)))) {
		matcher_spend(m, ESCAPE_STEPS);
		luaL_addlstring(b, new, (size_t)(p - new));
		add_escape(m, b, p[1], s, e);
		new = p + 2;
	}
	luaL_addlstring(b, new, (size_t)(end - new));
}

/* Pushes what the function or table, argument 3, gives for the match. */
static void push_replacement(struct matcher *m, const char *s, const char *e)
{
	lua_State *L = m->L;

	if (lua_type(L, 3) == LUA_TTABLE) {
		push_capture(m, 0, s, e);
		lua_gettable(L, 3);
		return;
	}
	lua_pushvalue(L, 3);
	lua_call(L, push_captures(m, s, e), 1);
}

/* False: nothing was replaced. */
static bool add_replaced(struct matcher *m, luaL_Buffer *b, const char *s,
			 const char *e)
{
	int type = lua_type(m->L, 3);

	if (type == LUA_TSTRING || type == LUA_TNUMBER) {
		add_string(m, b, s, e);
		return true;
	}
	push_replacement(m, s, e);
	if (!lua_toboolean(m->L, -1)) {
		lua_pop(m->L, 1);
		luaL_addlstring(b, s, (size_t)(e - s));
		return false;
	}
	if (!lua_isstring(m->L, -1))
		luaL_error(m->L, "invalid replacement value (a %s)",
			   luaL_typename(m->L, -1));
	luaL_addvalue(b);
	return true;
}

static void check_replacement(lua_State *L)
{
	int type = lua_type(L, 3);

	luaL_argexpected(L,
			 type == LUA_TNUMBER || type == LUA_TSTRING ||
				 type == LUA_TFUNCTION || type == LUA_TTABLE,
			 3, "string/function/table");
}

/* Replaces up to @max matches; returns how many there were. */
static lua_Integer replace(struct matcher *m, luaL_Buffer *b, lua_Integer max,
			   bool *changed)
{
	const char *s = m->src, *last = NULL, *e;
	lua_Integer n = 0;

	while (n < max) {
		e = matcher_run(m, s);
		if (e && e != last) {
			n++;
			*changed |= add_replaced(m, b, s, e);
			s = last = e;
		} else if (s < m->end) {
			luaL_addchar(b, *s++);
		} else {
			break;
		}
		if (m->anchored)
			break;
	}
	luaL_addlstring(b, s, (size_t)(m->end - s));
	return n;
}

int pattern_gsub(lua_State *L)
{
	struct matcher m;
	lua_Integer max, n;
	bool changed = false;
	luaL_Buffer b;

	matcher_init(&m, L, true);
	check_replacement(L);
	max = luaL_optinteger(L, 4, m.end - m.src + 1);
	luaL_buffinit(L, &b);
	n = replace(&m, &b, max, &changed);
	if (changed)
		luaL_pushresult(&b);
	else
		lua_pushvalue(L, 1);
	lua_pushinteger(L, n);
	return finish(&m, 2);
}

/*
 * bench_lua.c - what an access costs a script.
 *
 * All in one Lua state, sandboxed and with the hook on, as scripts run. The
 * measure for one access is the cheapest call that Lua knows of this kind: a
 * method of a userdata that returns an integer. The measure for a bulk
 * operation is the loop of single accesses that does the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lua/internal.h"
#include "tests/bench.h"

#define LOOPS 500000
#define PAIRS 15

/* Each is called with n and does n of its kind, or what comes to n. */
static const char functions[] =
	"local p, u, va = mmsh.process(1), ...\n"
	"local len = 256 << 10\n" /* what the first level of the TLB holds */
	"p:touch(va, len, 'w')\n"
	"local f = {}\n"
	"function f.bare(n) for i = 1, n do u:value() end end\n"
	"function f.read(n) for i = 1, n do p:read(va) end end\n"
	"function f.read_words(n)\n"
	"  for j = 1, n * 4 // len do\n"
	"    for at = va, va + len - 4, 4 do p:read(at) end\n"
	"  end\n"
	"end\n"
	"function f.bytes(n) for j = 1, n * 4 // len do p:bytes(va, len) end "
	"end\n"
	"function f.words(n)\n"
	"  for j = 1, n * 4 // len do p:words(va, len // 4) end\n"
	"end\n"
	"function f.read_pages(n)\n"
	"  for j = 1, n * 4096 // len do\n"
	"    for at = va, va + len - 4096, 4096 do p:read(at) end\n"
	"  end\n"
	"end\n"
	"function f.touch(n)\n"
	"  for j = 1, n * 4096 // len do p:touch(va, len) end\n"
	"end\n"
	"return f\n";

static int bare_value(lua_State *L)
{
	const int *value = lua_touserdata(L, 1);

	lua_pushinteger(L, *value);
	return 1;
}

static void push_bare(lua_State *L)
{
	int *value = lua_newuserdatauv(L, sizeof(*value), 0);

	*value = 42;
	lua_newtable(L);
	lua_newtable(L);
	lua_pushcfunction(L, bare_value);
	lua_setfield(L, -2, "value");
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

static void must(lua_State *L, int status)
{
	if (status == LUA_OK)
		return;
	fprintf(stderr, "bench: %s\n", luaL_tolstring(L, -1, NULL));
	exit(1);
}

/* A state whose stack holds the table of functions. */
static lua_State *open_state(struct session *s)
{
	static const char *const words[] = { "i386", "ram=256M" };
	struct lmmsh_limits limits = { .steps = UINT64_MAX / 4 };
	struct err err;
	lua_State *L;

	session_init(s);
	s->out.fd = s->errout.fd = -1;
	lmmsh_limits(&limits);
	if (session_boot(s, words, 2, &err) < 0 ||
	    lmmsh_eval(s, "va = mmsh.map('1M').va", &err) < 0) {
		fprintf(stderr, "bench: %s\n", err.msg);
		exit(1);
	}
	L = ((struct lmmsh *)s->lua)->L;
	must(L, luaL_loadstring(L, functions));
	push_bare(L);
	lua_getglobal(L, "va");
	must(L, lua_pcall(L, 2, 1, 0));
	return L;
}

/* ns for one of LOOPS. */
static double time_of(lua_State *L, const char *name)
{
	double t;

	lua_getfield(L, -1, name);
	lua_pushinteger(L, LOOPS);
	t = now_ns();
	must(L, lua_pcall(L, 1, 0, 0));
	return (now_ns() - t) / LOOPS;
}

static const struct row {
	const char *label, *ours, *theirs;
	bool faster; /* the goal is a speed-up */
	const char *goal;
} rows[] = {
	{ "p:read(va) | bare userdata method", "read", "bare", false,
	  "at most 1.5x" },
	{ "p:bytes, by 4 bytes | p:read loop", "bytes", "read_words", true,
	  "at least 15x" },
	{ "p:touch, a page | p:read loop", "touch", "read_pages", true,
	  "at least 15x" },
	{ "p:words, a word | p:read loop", "words", "read_words", true, NULL },
};

static void run_row(lua_State *L, const struct row *row)
{
	double us[PAIRS], them[PAIRS], a, b;

	time_of(L, row->ours);
	time_of(L, row->theirs);
	for (unsigned i = 0; i < PAIRS; i++) {
		us[i] = time_of(L, row->ours);
		them[i] = time_of(L, row->theirs);
	}
	a = median(us, PAIRS);
	b = median(them, PAIRS);
	if (row->faster)
		bench_row_faster(row->label, a, b, row->goal);
	else
		bench_row(row->label, a, b, row->goal);
}

void bench_lua(void)
{
	struct session s;
	lua_State *L = open_state(&s);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(L, &rows[i]);
	lmmsh_close(&s);
	session_deinit(&s);
}

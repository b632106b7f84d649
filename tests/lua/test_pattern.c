/*
 * test_pattern.c - lpattern.c, lmatch.c and lsort.c against Lua's own library:
 * the same results, and the same words in errors, for random input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lua/internal.h"

/* Globals of each chunk: ours (functions), rnd(n), pick(list), same(f, ..). */
static const char prelude[] =
	"local random = math.random\n"
	"math.randomseed(6101)\n"
	"function rnd(n) return random(0, n) end\n"
	"function pick(t) return t[random(#t)] end\n"
	"function text(t, n)\n"
	"  local s = {} for i = 1, rnd(n) do s[i] = pick(t) end\n"
	"  return table.concat(s)\n"
	"end\n"
	"local function all(f, ...)\n"
	"  local r = table.pack(pcall(f, ...))\n"
	"  if not r[1] then\n"
	"    r[2] = tostring(r[2]):gsub(\"to '[^']*'\", 'to it')\n"
	"  end\n"
	"  return r\n"
	"end\n"
	"function same(name, ...)\n"
	"  local a, b = all(string[name], ...), all(ours[name], ...)\n"
	"  local ok = a.n == b.n\n"
	"  for i = 1, a.n do ok = ok and a[i] == b[i] end\n"
	"  if ok then return a end\n"
	"  local s = {}\n"
	"  for i, v in ipairs{name, ...} do\n"
	"    s[i] = type(v) == 'string' and ('%q'):format(v) or tostring(v)\n"
	"  end\n"
	"  error(table.concat(s, ' ') .. ': ' .. tostring(a[2]) .. ' ' ..\n"
	"    tostring(a[3]) .. ' | ' .. tostring(b[2]) .. ' ' .. "
	"tostring(b[3]))\n"
	"end\n"
	"items = { 'a', 'b', '.', '%a', '%d', '%w', '%s', '%S', '%z', '%x', "
	"'%g',\n"
	"  '[ab]', '[^a]', '[a-c]', '[%d_]', '[]]', '[^]]', '[a-]', '[%]a]', "
	"'%%',\n"
	"  '(', ')', '()', '%1', '%2', '%bab', '%b()', '%f[a]', '%f[%W]', '^', "
	"'$',\n"
	"  '*', '+', '-', '?', '*', '-', '?', '%', '[', ']', '\\0', '\\xff', "
	"'[\\0-b]' }\n"
	"letters = { 'a', 'b', 'ab', 'c', '1', ' ', '(', ')', ']', '-', '_', "
	"'^',\n"
	"  '\\0', '\\xff', '%' }\n";

struct row {
	const char *name, *chunk;
};

static const struct row rows[] = {
	{ "find, match: random patterns",
	  "for i = 1, 60000 do\n"
	  "  local s, p, at = text(letters, 12), text(items, 6), rnd(16) - 8\n"
	  "  same('find', s, p) same('match', s, p, at)\n"
	  "  same('find', s, p, at, rnd(3) == 0)\n"
	  "end" },
	{ "gsub: random patterns and replacements",
	  "local news = { '%0', '%1', '%2', '%%', 'x', '', '%', '%x', 5, "
	  "type,\n"
	  "  true, { a = 'A', b = false, [1] = 7, ab = {} }, string.upper,\n"
	  "  function(...) return select('#', ...) .. tostring((...)) end,\n"
	  "  function() end, function() return {} end,\n"
	  "  function() error 'no' end }\n"

	  "for i = 1, 60000 do\n"
	  "  local new = pick(news)\n"
	  "  if type(new) == 'string' then new = new .. pick{ '', '%1-', 'y' } "
	  "end\n"
	  "  same('gsub', text(letters, 12), text(items, 6), new,\n"
	  "    pick{ nil, rnd(3), -1 })\n"
	  "end" },
	{ "gmatch: random patterns",
	  "local function list(gmatch, ...)\n"
	  "  local t = {}\n"
	  "  for a, b, c in gmatch(...) do\n"
	  "    t[#t + 1] = ('%s,%s,%s'):format(a, b, c)\n"
	  "  end\n"
	  "  return table.concat(t, ';')\n"
	  "end\n"
	  "string.list = function(...) return list(string.gmatch, ...) end\n"
	  "ours.list = function(...) return list(ours.gmatch, ...) end\n"
	  "for i = 1, 30000 do\n"
	  "  same('list', text(letters, 12), text(items, 6), rnd(16) - 8)\n"
	  "end" },
	{ "limits and bad arguments",
	  "for _, n in ipairs{ 31, 32, 33, 199, 200, 201, 300 } do\n"
	  "  for _, q in ipairs{ 'a', 'a?', 'a*', 'a-', '(a)', '()' } do\n"
	  "    same('find', ('a'):rep(n), q:rep(n))\n"
	  "    same('match', ('b'):rep(n), q:rep(n) .. 'b')\n"
	  "  end\n"
	  "  same('match', ('a'):rep(n), '(.-)%1$')\n"
	  "end\n"
	  "for _, f in ipairs{ 'find', 'match', 'gsub', 'gmatch' } do\n"
	  "  same(f) same(f, 'a') same(f, {}, 'a') same(f, 'a', 'a', {})\n"
	  "  same(f, 'a', {})\n"
	  "end\n"
	  "same('gsub', 'a', 'a', 'b', 'c') same('gsub', 121, 1, 2)\n"
	  "same('find', 12, 2, '1') same('match', 12, 2)" },
	{ "sort",
	  "local function sorted(sort, t, less)\n"
	  "  t = table.move(t, 1, #t, 1, {}) sort(t, less)\n"
	  "  return table.concat(t, ' ')\n"
	  "end\n"
	  "string.sorted = function(...) return sorted(table.sort, ...) end\n"
	  "ours.sorted = function(...) return sorted(ours.sort, ...) end\n"
	  "for n = 0, 400 do\n"
	  "  local t, u = {}, {}\n"
	  "  for i = 1, n do t[i] = rnd(n) u[i] = text(letters, 3) end\n"
	  "  same('sorted', t) same('sorted', u)\n"
	  "  same('sorted', t, function(a, b) return a > b end)\n"
	  "end\n"
	  "assert(not pcall(ours.sort, { 1, 'a' }))\n"
	  "assert(not pcall(ours.sort, { 1, 2 }, 3))\n"
	  "ours.sort({ 3, 1, 2 }, function() return true end)" },
};

static void test_library__same_as_lua(void **state)
{
	static const luaL_Reg ours[] = {
		{ "find", pattern_find },     { "match", pattern_match },
		{ "gmatch", pattern_gmatch }, { "gsub", pattern_gsub },
		{ "sort", sort_table },	      { NULL, NULL },
	};
	const struct row *row = *state;
	struct lmmsh lm = { .limits.trust = true };
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	*(struct lmmsh **)lua_getextraspace(L) = &lm;
	luaL_newlib(L, ours);
	lua_setglobal(L, "ours");
	if (luaL_dostring(L, prelude) || luaL_dostring(L, row->chunk))
		fail_msg("%s", lua_tostring(L, -1));
	lua_close(L);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = test_library__same_as_lua,
			.initial_state = (void *)&rows[i],
		};
	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}

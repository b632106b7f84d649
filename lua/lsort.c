/*
 * lsort.c - table.sort with a meter.
 *
 * Lua's own may need n * n comparisons, in C where no hook runs, and picks
 * pivots by the clock: the order of equal elements would differ from run to
 * run. This is a heapsort: n log n comparisons whatever the order function
 * says, in place, and always the same. Metamethods are heeded.
 */
#include "lua/internal.h"

#define COMPARE_STEPS 10

static bool before_default(lua_State *L)
{
	if (lua_type(L, -1) == LUA_TSTRING && lua_type(L, -2) == LUA_TSTRING)
		sandbox_charge(L, lua_rawlen(L, -1) / 8);
	return lua_compare(L, -2, -1, LUA_OPLT);
}

/* Does the value below the top come before the top? Pops nothing. */
static bool before(lua_State *L)
{
	bool yes;

	sandbox_charge(L, COMPARE_STEPS);
	if (lua_isnil(L, 2))
		return before_default(L);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -3);
	lua_pushvalue(L, -3);
	lua_call(L, 2, 1);
	yes = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return yes;
}

/* Pushes the value of the greater child of @i, whose index is returned. */
static lua_Integer greater_child(lua_State *L, lua_Integer i, lua_Integer n)
{
	lua_Integer child = 2 * i;

	lua_geti(L, 1, child);
	if (child == n)
		return child;
	lua_geti(L, 1, child + 1);
	if (before(L)) {
		lua_remove(L, -2);
		return child + 1;
	}
	lua_pop(L, 1);
	return child;
}

/* Puts the value on the top, popped, into the heap 1..@n whose slot @i is
 * free: greater values move up. */
static void sift_down(lua_State *L, lua_Integer i, lua_Integer n)
{
	while (i <= n / 2) {
		lua_Integer child = greater_child(L, i, n);

		if (!before(L)) {
			lua_pop(L, 1);
			break;
		}
		lua_seti(L, 1, i);
		i = child;
	}
	lua_seti(L, 1, i);
}

int sort_table(lua_State *L)
{
	lua_Integer n;

	luaL_checktype(L, 1, LUA_TTABLE);
	n = luaL_len(L, 1);
	luaL_argcheck(L, n < INT32_MAX, 1, "array too big");
	if (n > 1 && !lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	for (lua_Integer i = n / 2; i >= 1; i--) {
		lua_geti(L, 1, i);
		sift_down(L, i, n);
	}
	for (; n > 1; n--) {
		lua_geti(L, 1, n);
		lua_geti(L, 1, 1);
		lua_seti(L, 1, n);
		sift_down(L, 1, n - 1);
	}
	return 0;
}

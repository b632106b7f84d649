/*
 * sandbox.c - what scripts may use, and how much.
 *
 * Memory: the allocator refuses what is above the budget; Lua raises "not
 * enough memory", which a script may catch. Instructions: a count hook;
 * once the budget is gone every further instruction raises, so that pcall
 * cannot hold it up. What C functions do at length counts too, and what hooks
 * cannot see (__gc) is not there. host_cpu_limit() is the last resort.
 *
 * Deterministic: no host addresses in strings, pairs() in key order, a
 * seeded math.random.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/internal.h"
#include "repl/host.h"

#define HOOK_STEPS 1000

/* --- memory -------------------------------------------------------------- */
void *sandbox_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct lmmsh *lm = ud;
	size_t old = ptr ? osize : 0;
	void *p;

	if (nsize == 0) {
		free(ptr);
		lm->memory -= old;
		return NULL;
	}
	if (nsize > old && lm->memory - old + nsize > lm->limits.memory)
		return NULL;
	p = realloc(ptr, nsize);
	if (p)
		lm->memory += nsize - old;
	return p;
}

/* --- instructions -------------------------------------------------------- */
static void on_count(lua_State *L, lua_Debug *ar);

static void raise_spent(lua_State *L)
{
	struct lmmsh *lm = lmmsh_of(L);

	lm->spent = true;
	lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
	luaL_error(L, "the budget of %I instructions is used up",
		   (lua_Integer)lm->limits.steps);
}

void sandbox_charge(lua_State *L, uint64_t n)
{
	struct lmmsh *lm = lmmsh_of(L);

	if (host_interrupted)
		luaL_error(L, "interrupted");
	if (lm->limits.trust)
		return;
	lm->steps = lm->steps + n < n ? UINT64_MAX : lm->steps + n;
	if (lm->spent || lm->steps > lm->limits.steps)
		raise_spent(L);
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	sandbox_charge(L, HOOK_STEPS);
}

void sandbox_reset(struct lmmsh *lm)
{
	lm->steps = 0;
	lm->spent = false;
	lua_sethook(lm->L, on_count, LUA_MASKCOUNT, HOOK_STEPS);
}

/* --- base library -------------------------------------------------------- */
const char *sandbox_tostring(lua_State *L, int idx)
{
	int type = lua_type(L, idx);
	bool named = false;

	if (luaL_getmetafield(L, idx, "__tostring") != LUA_TNIL ||
	    luaL_getmetafield(L, idx, "__name") != LUA_TNIL) {
		named = lua_type(L, -1) != LUA_TSTRING;
		lua_pop(L, 1);
	}
	if (named || type == LUA_TNIL || type == LUA_TBOOLEAN ||
	    type == LUA_TNUMBER || type == LUA_TSTRING)
		return luaL_tolstring(L, idx, NULL);
	if (luaL_getmetafield(L, idx, "__name") == LUA_TSTRING)
		return lua_tostring(L, -1);
	return lua_pushstring(L, luaL_typename(L, idx));
}

static int base_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	sandbox_tostring(L, 1);
	return 1;
}

/* The original function is upvalue 1 of each wrapper. */
static int call_original(lua_State *L)
{
	int n = lua_gettop(L);

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, LUA_MULTRET);
	return lua_gettop(L);
}

/* load: source text only, never bytecode. */
static int base_load(lua_State *L)
{
	if (lua_gettop(L) < 3)
		lua_settop(L, 3);
	lua_pushliteral(L, "t");
	lua_replace(L, 3);
	return call_original(L);
}

/* Finalizers run without the hook: nothing would count their instructions. */
static int base_setmetatable(lua_State *L)
{
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "no __gc in the sandbox");
		lua_pop(L, 1);
	}
	return call_original(L);
}

/* A coroutine starts a count of its own. */
static int coroutine_make(lua_State *L)
{
	sandbox_charge(L, HOOK_STEPS);
	return call_original(L);
}

/* --- string library ------------------------------------------------------ */
static int string_rep(lua_State *L)
{
	size_t len, sep = 0, all;
	lua_Integer n = luaL_checkinteger(L, 2);

	luaL_checklstring(L, 1, &len);
	if (!lua_isnoneornil(L, 3))
		luaL_checklstring(L, 3, &sep);
	if (n <= 0 || len + sep == 0) {	/* "" any number of times */
		lua_pushliteral(L, "");
		return 1;
	}
	/* What memory cannot hold fails at once and costs nothing. */
	if (!__builtin_mul_overflow(len + sep, (size_t)n, &all) &&
	    all <= lmmsh_of(L)->limits.memory)
		sandbox_charge(L, (uint64_t)n / 8);
	return call_original(L);
}

static bool formats_pointer(const char *fmt)
{
	for (; (fmt = strchr(fmt, '%')); fmt++) {
		fmt += 1 + strspn(fmt + 1, "-+ #0123456789.");
		if (*fmt == 'p')
			return true;
		if (!*fmt)
			return false;
	}
	return false;
}

static int string_format(lua_State *L)
{
	int n = lua_gettop(L);

	if (formats_pointer(luaL_checkstring(L, 1)))
		return luaL_error(L, "no %%p in the sandbox");
	for (int i = 2; i <= n; i++)
		if (lua_type(L, i) >= LUA_TTABLE ||
		    lua_type(L, i) == LUA_TLIGHTUSERDATA) {
			sandbox_tostring(L, i);
			lua_replace(L, i);
		}
	return call_original(L);
}

/* --- table library ------------------------------------------------------- */
static void charge_span(lua_State *L, lua_Integer from, lua_Integer to)
{
	if (to > from)
		sandbox_charge(L, (uint64_t)to - (uint64_t)from);
}

static int table_insert(lua_State *L)
{
	if (lua_gettop(L) == 3)
		charge_span(L, luaL_checkinteger(L, 2), luaL_len(L, 1));
	return call_original(L);
}

static int table_remove(lua_State *L)
{
	if (lua_gettop(L) == 2)
		charge_span(L, luaL_checkinteger(L, 2), luaL_len(L, 1));
	return call_original(L);
}

static int table_move(lua_State *L)
{
	charge_span(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
	return call_original(L);
}

/* A range of a table with metamethods may be endless. */
static int table_range(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TTABLE)
		charge_span(L, 0, luaL_len(L, 1));
	return call_original(L);
}

/* --- math library -------------------------------------------------------- */
static int math_randomseed(lua_State *L)
{
	if (lua_gettop(L) == 0)	/* the clock, otherwise */
		lua_pushinteger(L, 1);
	return call_original(L);
}

/* --- putting it together ------------------------------------------------- */
static const luaL_Reg safe_libs[] = {
	{ LUA_GNAME, luaopen_base },	    { LUA_TABLIBNAME, luaopen_table },
	{ LUA_STRLIBNAME, luaopen_string }, { LUA_MATHLIBNAME, luaopen_math },
	{ LUA_UTF8LIBNAME, luaopen_utf8 },
	{ LUA_COLIBNAME, luaopen_coroutine }, { NULL, NULL },
};

/* What is replaced; a NULL function: taken away. */
static const struct wrapper {
	const char *lib, *name;
	lua_CFunction fn;
} wrappers[] = {
	{ LUA_GNAME, "dofile", NULL },
	{ LUA_GNAME, "loadfile", NULL },
	{ LUA_GNAME, "collectgarbage", NULL },
	{ LUA_GNAME, "load", base_load },
	{ LUA_GNAME, "setmetatable", base_setmetatable },
	{ LUA_GNAME, "tostring", base_tostring },
	{ LUA_STRLIBNAME, "dump", NULL },
	{ LUA_STRLIBNAME, "rep", string_rep },
	{ LUA_STRLIBNAME, "format", string_format },
	{ LUA_TABLIBNAME, "insert", table_insert },
	{ LUA_TABLIBNAME, "remove", table_remove },
	{ LUA_TABLIBNAME, "move", table_move },
	{ LUA_TABLIBNAME, "sort", table_range },
	{ LUA_TABLIBNAME, "concat", table_range },
	{ LUA_TABLIBNAME, "unpack", table_range },
	{ LUA_COLIBNAME, "create", coroutine_make },
	{ LUA_COLIBNAME, "wrap", coroutine_make },
	{ LUA_MATHLIBNAME, "randomseed", math_randomseed },
	{ NULL, NULL, NULL },
};

/* pairs() visits keys in order: numbers, strings, booleans, the rest. */
static const char ordered_pairs[] =
"local next, type, rawget, sort = next, type, rawget, table.sort\n"
"local meta, rank = getmetatable, { number = 1, string = 2, boolean = 3 }\n"
"local function before(a, b)\n"
"  local ra, rb = rank[type(a)] or 4, rank[type(b)] or 4\n"
"  if ra ~= rb then return ra < rb end\n"
"  if ra <= 2 then return a < b end\n"
"  return ra == 3 and not a and b\n"
"end\n"
"local plain = pairs\n"
"function pairs(t)\n"
"  local mt = meta(t)\n"
"  if type(t) ~= 'table' or type(mt) == 'table' and mt.__pairs then\n"
"    return plain(t)\n"
"  end\n"
"  local keys, n, i = {}, 0, 0\n"
"  for k in next, t do n = n + 1; keys[n] = k end\n"
"  sort(keys, before)\n"
"  return function()\n"
"    while i < n do\n"
"      i = i + 1\n"
"      local v = rawget(t, keys[i])\n"
"      if v ~= nil then return keys[i], v end\n"
"    end\n"
"  end, t, nil\n"
"end\n";

static void wrap(lua_State *L, const struct wrapper *w)
{
	lua_getglobal(L, w->lib);
	if (w->fn) {
		lua_getfield(L, -1, w->name);
		lua_pushcclosure(L, w->fn, 1);
	} else {
		lua_pushnil(L);
	}
	lua_setfield(L, -2, w->name);
	lua_settop(L, 0);
}

static void seed_random(lua_State *L)
{
	lua_getglobal(L, LUA_MATHLIBNAME);
	lua_getfield(L, -1, "randomseed");
	lua_call(L, 0, 0);
	lua_settop(L, 0);
}

void sandbox_open(lua_State *L)
{
	if (lmmsh_of(L)->limits.trust) {
		luaL_openlibs(L);
		return;
	}
	for (const luaL_Reg *lib = safe_libs; lib->name; lib++) {
		luaL_requiref(L, lib->name, lib->func, 1);
		lua_pop(L, 1);
	}
	if (luaL_loadbufferx(L, ordered_pairs, sizeof(ordered_pairs) - 1,
			     "=pairs", "t") != LUA_OK)
		lua_error(L);
	lua_call(L, 0, 0);
	for (const struct wrapper *w = wrappers; w->lib; w++)
		wrap(L, w);
	seed_random(L);
}

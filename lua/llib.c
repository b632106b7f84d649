/*
 * llib.c - the library of the sandbox: what of Lua's own is taken away,
 * replaced, or charged to the budget (see sandbox.c).
 *
 * Deterministic: no host addresses in strings, pairs() in key order, a
 * seeded math.random.
 */
#include <string.h>

#include "lua/internal.h"

#define COROUTINE_STEPS 1000	/* it starts a count of its own */
#define LOAD_STEPS 50		/* to compile a byte; labels cost most */
#define FORMAT_STEPS 50		/* and as many again for 25 characters */
#define ELEMENT_STEPS 4		/* of a table */

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

/* A piece of the source that a function gives to load(). */
static int load_piece(lua_State *L)
{
	int n = call_original(L);

	if (lua_type(L, 1) == LUA_TSTRING)
		sandbox_charge(L, lua_rawlen(L, 1) * LOAD_STEPS);
	return n;
}

/* load: source text only, never bytecode. */
static int base_load(lua_State *L)
{
	if (lua_gettop(L) < 3)
		lua_settop(L, 3);
	if (lua_type(L, 1) == LUA_TSTRING)
		sandbox_charge(L, lua_rawlen(L, 1) * LOAD_STEPS);
	if (lua_type(L, 1) == LUA_TFUNCTION) {
		lua_pushvalue(L, 1);
		lua_pushcclosure(L, load_piece, 1);
		lua_replace(L, 1);
	}
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

static int coroutine_make(lua_State *L)
{
	sandbox_charge(L, COROUTINE_STEPS);
	return call_original(L);
}

/* All of the string that is argument 1 is read, @steps for each byte. */
static int reads_string(lua_State *L, unsigned steps)
{
	if (lua_type(L, 1) == LUA_TSTRING)
		sandbox_charge(L, lua_rawlen(L, 1) * steps);
	return call_original(L);
}

static int base_tonumber(lua_State *L)
{
	return reads_string(L, 1);
}

/* pack, unpack, packsize: argument 1 is a format. */
static int string_pack(lua_State *L)
{
	return reads_string(L, 4);
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

	sandbox_charge(L, FORMAT_STEPS);
	if (formats_pointer(luaL_checkstring(L, 1)))
		return luaL_error(L, "no %%p in the sandbox");
	for (int i = 2; i <= n; i++)
		if (lua_type(L, i) >= LUA_TTABLE ||
		    lua_type(L, i) == LUA_TLIGHTUSERDATA) {
			sandbox_tostring(L, i);
			lua_replace(L, i);
		}
	call_original(L);
	sandbox_charge(L, 2 * lua_rawlen(L, -1));
	return 1;
}

/* Position @i, from the end if negative, as a number of the bytes before. */
static size_t offset_of(lua_Integer i, size_t len)
{
	if (i < 0)
		return i < -(lua_Integer)len ? 0 : len - (size_t)-i;
	return i > (lua_Integer)len ? len : (size_t)i;
}

/* Charges the bytes from argument 2 to 3, or @from and @to. */
static void charge_part(lua_State *L, lua_Integer from, lua_Integer to)
{
	size_t len, i, j;

	luaL_checklstring(L, 1, &len);
	i = offset_of(from, len);
	j = offset_of(to, len);
	sandbox_charge(L, j > i ? j - i : 0);
}

/* byte, codepoint: one character, unless argument 3 says more. */
static int reads_part(lua_State *L)
{
	lua_Integer from = luaL_optinteger(L, 2, 1);

	charge_part(L, from, luaL_optinteger(L, 3, from));
	return call_original(L);
}

static int u8_len(lua_State *L)
{
	charge_part(L, luaL_optinteger(L, 2, 1), luaL_optinteger(L, 3, -1));
	return call_original(L);
}

/* What these two have passed over shows when they are done. */
static int u8_offset(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 2);
	lua_Integer from = luaL_optinteger(L, 3, n > 0 ? 1 : -1);
	size_t len, i;

	luaL_checklstring(L, 1, &len);
	i = offset_of(from, len);
	call_original(L);
	n = lua_isinteger(L, 1) ? lua_tointeger(L, 1) : (lua_Integer)len;
	sandbox_charge(L, (size_t)n > i ? (size_t)n - i : i - (size_t)n);
	return 1;
}

static int codes_next(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), to;
	size_t len;
	int n;

	luaL_checklstring(L, 1, &len);
	n = call_original(L);
	to = n > 1 ? lua_tointeger(L, 1) : (lua_Integer)len;
	sandbox_charge(L, to > from ? (uint64_t)(to - from) : 0);
	return n;
}

static int u8_codes(lua_State *L)
{
	int n = call_original(L);

	lua_pushvalue(L, 1);
	lua_pushcclosure(L, codes_next, 1);
	lua_replace(L, 1);
	return n;
}

/* --- table library ------------------------------------------------------- */
static void charge_span(lua_State *L, lua_Integer from, lua_Integer to)
{
	uint64_t n = to > from ? (uint64_t)to - (uint64_t)from : 0;

	sandbox_charge(L, n < UINT64_MAX / ELEMENT_STEPS ? n * ELEMENT_STEPS
							 : UINT64_MAX);
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

/* The elements from argument @arg to the one after, or all. A range of a
 * table with metamethods may be endless. */
static int reads_elements(lua_State *L, int arg)
{
	lua_Integer from = luaL_optinteger(L, arg, 1);

	if (!lua_isnoneornil(L, arg + 1))
		charge_span(L, from, luaL_checkinteger(L, arg + 1));
	else if (lua_type(L, 1) == LUA_TTABLE)
		charge_span(L, from, luaL_len(L, 1));
	return call_original(L);
}

static int table_concat(lua_State *L)
{
	return reads_elements(L, 3);
}

static int table_unpack(lua_State *L)
{
	return reads_elements(L, 2);
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
	{ LUA_GNAME, "tonumber", base_tonumber },
	{ LUA_STRLIBNAME, "byte", reads_part },
	{ LUA_STRLIBNAME, "find", pattern_find },
	{ LUA_STRLIBNAME, "gmatch", pattern_gmatch },
	{ LUA_STRLIBNAME, "gsub", pattern_gsub },
	{ LUA_STRLIBNAME, "match", pattern_match },
	{ LUA_STRLIBNAME, "pack", string_pack },
	{ LUA_STRLIBNAME, "packsize", string_pack },
	{ LUA_STRLIBNAME, "unpack", string_pack },
	{ LUA_STRLIBNAME, "rep", string_rep },
	{ LUA_STRLIBNAME, "format", string_format },
	{ LUA_TABLIBNAME, "insert", table_insert },
	{ LUA_TABLIBNAME, "remove", table_remove },
	{ LUA_TABLIBNAME, "move", table_move },
	{ LUA_TABLIBNAME, "sort", sort_table },
	{ LUA_TABLIBNAME, "concat", table_concat },
	{ LUA_TABLIBNAME, "unpack", table_unpack },
	{ LUA_UTF8LIBNAME, "codepoint", reads_part },
	{ LUA_UTF8LIBNAME, "codes", u8_codes },
	{ LUA_UTF8LIBNAME, "len", u8_len },
	{ LUA_UTF8LIBNAME, "offset", u8_offset },
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
"  local keys, n, i, kind, mixed = {}, 0, 0, type((next(t))), false\n"
"  for k in next, t do\n"
"    n = n + 1; keys[n] = k; mixed = mixed or type(k) ~= kind\n"
"  end\n"
"  sort(keys, (mixed or (rank[kind] or 4) > 2) and before or nil)\n"
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
	for (const struct wrapper *w = wrappers; w->lib; w++)
		wrap(L, w);
	if (luaL_loadbufferx(L, ordered_pairs, sizeof(ordered_pairs) - 1,
			     "=pairs", "t") != LUA_OK)
		lua_error(L);
	lua_call(L, 0, 0);
	seed_random(L);
}

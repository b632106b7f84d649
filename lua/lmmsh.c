/*
 * lmmsh.c - see lmmsh.h. The state is made when the first script runs: most
 * sessions never need it.
 */
#include "lua/lmmsh.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lua/internal.h"
#include "repl/host.h"

#define DEFAULT_MEMORY (256ULL << 20)
#define DEFAULT_STEPS 1000000000ULL
#define CPU_SECONDS 120	/* of a run: what no budget sees ends then */

static struct lmmsh_limits next_limits;

void lmmsh_limits(const struct lmmsh_limits *limits)
{
	next_limits = *limits;
}

/* --- print --------------------------------------------------------------- */
static int lmmsh_print(lua_State *L)
{
	struct out *o = &lmmsh_of(L)->s->out;
	int n = lua_gettop(L);

	for (int i = 1; i <= n; i++) {
		const char *s = sandbox_tostring(L, i);

		sandbox_charge(L, lua_rawlen(L, -1));
		if (i > 1)
			out_write(o, "\t", 1);
		out_write(o, s, lua_rawlen(L, -1));
		lua_pop(L, 1);
	}
	out_write(o, "\n", 1);
	if (o->error)
		return luaL_error(L, "standard output: %s",
				  strerror(o->error));
	return 0;
}

/* --- the state ----------------------------------------------------------- */
static int open_all(lua_State *L)
{
	sandbox_open(L);
	lua_pushcfunction(L, lmmsh_print);
	lua_setglobal(L, "print");
	lcmd_open(L);
	lsignal_open(L);
	return 0;
}

static void destroy(struct lmmsh *lm)
{
	if (lm->L)
		lua_close(lm->L);
	recorder_destroy(lm->rec);
	free(lm);
}

/* Opens what scripts use; fails if the budget is too small even for that. */
static int setup(struct lmmsh *lm, struct err *err)
{
	if (lm->L) {
		*(struct lmmsh **)lua_getextraspace(lm->L) = lm;
		lua_pushcfunction(lm->L, open_all);
		if (lua_pcall(lm->L, 0, 0, 0) == LUA_OK)
			return 0;
	}
	return err_set(err, ERR_BUDGET, "lua: %s",
		       lm->L && lua_isstring(lm->L, -1)
			       ? lua_tostring(lm->L, -1) : "not enough memory");
}

static struct lmmsh *create(struct session *s, struct err *err)
{
	struct lmmsh *lm = calloc(1, sizeof(*lm));

	if (!lm)
		abort();
	lm->s = s;
	lm->limits = next_limits;
	if (!lm->limits.memory)
		lm->limits.memory = lm->limits.trust ? UINT64_MAX
						     : DEFAULT_MEMORY;
	if (!lm->limits.steps)
		lm->limits.steps = DEFAULT_STEPS;
	lm->rec = recorder_create();
	lm->L = lua_newstate(sandbox_alloc, lm);
	if (setup(lm, err) < 0) {
		destroy(lm);
		return NULL;
	}
	return lm;
}

static struct lmmsh *lmmsh_get(struct session *s, struct err *err)
{
	if (!s->lua)
		s->lua = create(s, err);
	return s->lua;
}

void lmmsh_close(struct session *s)
{
	if (s->lua)
		destroy(s->lua);
	s->lua = NULL;
}

/* --- errors at the top --------------------------------------------------- */
/* "NAME:LINE: ..." */
static bool has_position(const char *msg)
{
	const char *p = msg;

	while ((p = strchr(p, ':'))) {
		size_t n = strspn(++p, "0123456789");

		if (n && p[n] == ':')
			return true;
	}
	return false;
}

/* Pushes where the script was, as "FILE:LINE: ". */
static void push_position(lua_State *L)
{
	lua_Debug ar;

	for (int level = 1; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline > 0 && strcmp(ar.short_src, "pairs") != 0) {
			lua_pushfstring(L, "%s:%d: ", ar.short_src,
					ar.currentline);
			return;
		}
	}
	lua_pushliteral(L, "");
}

/* Every message tells where it comes from; error tables do by themselves. */
static int on_error(lua_State *L)
{
	const char *msg;

	if (!lua_isstring(L, 1) &&
	    luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) {
		lua_pushfstring(L, "(error object is a %s value)",
				luaL_typename(L, 1));
		lua_replace(L, 1);
	}
	lua_settop(L, 1);
	if (!lua_isstring(L, 1))
		return 1;
	msg = lua_tostring(L, 1);
	if (!has_position(msg)) {
		push_position(L);
		lua_insert(L, 1);
		lua_concat(L, 2);
	}
	return 1;
}

static bool is_our_error(lua_State *L)
{
	bool yes;

	if (!lua_istable(L, -1) || !lua_getmetatable(L, -1))
		return false;
	luaL_getmetatable(L, LMMSH_ERROR);
	yes = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return yes;
}

/* The field of an error table: no metamethod of the script is called. */
static enum err_kind kind_of(lua_State *L)
{
	enum err_kind kind;
	const char *name;

	lua_pushliteral(L, "kind");
	lua_rawget(L, -2);
	name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	for (kind = ERR_USAGE; kind < ERR_BUDGET; kind++)
		if (strcmp(err_kind_name(kind), name) == 0)
			break;
	if (strcmp(err_kind_name(kind), name) != 0)
		kind = ERR_USER;
	lua_pop(L, 1);
	return kind;
}

/* Runs in protected mode: __tostring is the script's. */
static int describe(lua_State *L)
{
	sandbox_tostring(L, 1);
	return 1;
}

/* Makes the error on the stack the caller's; long messages are cut. */
static int take_error(struct lmmsh *lm, int status, struct err *err)
{
	lua_State *L = lm->L;
	enum err_kind kind = is_our_error(L) ? kind_of(L) : ERR_USER;

	lua_pushcfunction(L, describe);
	lua_insert(L, -2);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK || !lua_isstring(L, -1))
		err_set(err, kind, "(error in error handling)");
	else
		err_set(err, kind, "%s", lua_tostring(L, -1));
	if (lm->spent && status == LUA_ERRMEM)
		err_set(err, kind, "the budget of %llu instructions is used up",
			lm->limits.steps);
	else if (status == LUA_ERRMEM)
		err_hint(err, "the budget is %llu MiB",
			 lm->limits.memory >> 20);
	if (lm->spent || status == LUA_ERRMEM)
		err->kind = ERR_BUDGET;
	for (char *p = err->msg; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	lua_settop(L, 0);
	return -1;
}

/* --- running ------------------------------------------------------------- */
/* Calls the chunk on the stack. Its results stay there. */
static int call_chunk(struct lmmsh *lm, struct err *err)
{
	bool nested = lm->s->in_lua;
	int status;

	lua_pushcfunction(lm->L, on_error);
	lua_insert(lm->L, 1);
	sandbox_reset(lm);
	lm->s->in_lua = true;
	if (!lm->limits.trust)
		host_cpu_limit(CPU_SECONDS);
	status = lua_pcall(lm->L, 0, LUA_MULTRET, 1);
	if (!lm->limits.trust && !nested)
		host_cpu_limit(0);
	lm->s->in_lua = nested;
	if (status != LUA_OK)
		return take_error(lm, status, err);
	lua_remove(lm->L, 1);
	return 0;
}

static void set_arg(lua_State *L, const char *path, int argc, char **argv)
{
	lua_newtable(L);
	lua_pushstring(L, path);
	lua_rawseti(L, -2, 0);
	for (int i = 1; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i);
	}
	lua_setglobal(L, "arg");
}

/* Loading allocates, and so may raise: done in protected mode. */
struct load { const char *path, *chunk; int argc, status; char **argv; };

static int load_protected(lua_State *L)
{
	struct load *ld = lua_touserdata(L, 1);

	lua_settop(L, 0);
	if (ld->path) {
		set_arg(L, ld->path, ld->argc, ld->argv);
		ld->status = luaL_loadfilex(L, ld->path, "t");
		return 1;
	}
	lua_pushfstring(L, "return %s", ld->chunk);
	ld->status = luaL_loadbufferx(L, lua_tostring(L, 1), lua_rawlen(L, 1),
				      "=lua", "t");
	if (ld->status != LUA_OK)
		ld->status = luaL_loadbufferx(L, ld->chunk, strlen(ld->chunk),
					      "=lua", "t");
	return 1;
}

static int load_chunk(struct lmmsh *lm, struct load *ld, struct err *err)
{
	int status;

	lua_settop(lm->L, 0);
	lua_pushcfunction(lm->L, load_protected);
	lua_pushlightuserdata(lm->L, ld);
	status = lua_pcall(lm->L, 1, 1, 0);
	if (status == LUA_OK)
		status = ld->status;
	return status == LUA_OK ? 0 : take_error(lm, status, err);
}

int lmmsh_run(struct session *s, const char *path, int argc, char **argv,
	      struct err *err)
{
	struct lmmsh *lm = lmmsh_get(s, err);
	struct load ld = { .path = path, .argc = argc, .argv = argv };
	int rc;

	if (!lm)
		return -1;
	rc = load_chunk(lm, &ld, err);
	if (rc == 0)
		rc = call_chunk(lm, err);
	lua_settop(lm->L, 0);
	return rc;
}

/* The values of an expression are printed, as in the lua program. */
static int print_values(struct lmmsh *lm, struct err *err)
{
	int n = lua_gettop(lm->L), status;

	if (!n)
		return 0;
	lua_pushcfunction(lm->L, lmmsh_print);
	lua_insert(lm->L, 1);
	status = lua_pcall(lm->L, n, 0, 0);
	return status == LUA_OK ? 0 : take_error(lm, status, err);
}

int lmmsh_eval(struct session *s, const char *chunk, struct err *err)
{
	struct lmmsh *lm = lmmsh_get(s, err);
	struct load ld = { .chunk = chunk };
	int rc;

	if (!lm)
		return -1;
	rc = load_chunk(lm, &ld, err);
	if (rc == 0)
		rc = call_chunk(lm, err);
	if (rc == 0)
		rc = print_values(lm, err);
	lua_settop(lm->L, 0);
	return rc;
}

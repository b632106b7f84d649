/*
 * lsignal.c - Lua functions that handle signals of simulated processes:
 *
 *	p:sigaction("SIGSEGV", function(info)
 *		p:mprotect(info.si_addr & ~0xfff, 4096, "rw")
 *	end, { onstack = true })
 *
 * The function gets a table of signo, signal (its name), si_code, si_addr,
 * error_code, trap and pid; when it returns, the access is tried again. An
 * error in it, or returning false, ends the access.
 *
 * It runs on a coroutine of its own: the access may come from another one, in
 * the middle of a command whose result is being recorded.
 */
#include <string.h>

#include "kernel/signal.h"
#include "lua/internal.h"
#include "repl/describe.h"
#include "repl/handler.h"

struct handler_call {
	int function; /* reference */
	int pid;
	const struct siginfo *info;
};

static void set_integer(lua_State *L, const char *key, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, key);
}

static void push_info(lua_State *L, const struct handler_call *call)
{
	const struct siginfo *info = call->info;

	lua_createtable(L, 0, 8);
	set_integer(L, "signo", (uint64_t)info->signo);
	set_integer(L, "si_code", (uint64_t)info->si_code);
	set_integer(L, "si_addr", info->addr);
	set_integer(L, "error_code", info->error_code);
	set_integer(L, "trap", info->trap);
	set_integer(L, "pid", (uint64_t)call->pid);
	lua_pushstring(L, signal_name(info->signo));
	lua_setfield(L, -2, "signal");
	lua_pushstring(L, si_code_name(info->signo, info->si_code));
	lua_setfield(L, -2, "code");
}

static int call_handler(lua_State *L)
{
	const struct handler_call *call = lua_touserdata(L, 1);

	lua_rawgeti(L, LUA_REGISTRYINDEX, call->function);
	push_info(L, call);
	lua_call(L, 1, 1);
	if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
		return luaL_error(L, "the handler returned false");
	return 0;
}

static int describe(lua_State *L)
{
	sandbox_tostring(L, 1);
	return 1;
}

static int take_error(lua_State *L, struct err *err)
{
	lua_pushcfunction(L, describe);
	lua_insert(L, -2);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK || !lua_isstring(L, -1))
		return err_set(err, ERR_USER, "(error in error handling)");
	return err_set(err, ERR_USER, "%.300s", lua_tostring(L, -1));
}

/* => what raises here is caught by run_protected() */
static int run_protected(lua_State *L)
{
	lua_State *co = lua_newthread(L);
	struct err *err = lua_touserdata(L, 2);
	int rc = 0;

	lua_pushcfunction(co, call_handler);
	lua_pushlightuserdata(co, lua_touserdata(L, 1));
	if (lua_pcall(co, 1, 0, 0) != LUA_OK)
		rc = take_error(co, err);
	lua_pushinteger(L, rc);
	return 1;
}

/* session->lua_handler */
static int run_handler(struct session *s, int ref, const struct siginfo *info,
		       struct err *err)
{
	struct lmmsh *lm = s->lua;
	struct handler_call call = { ref, session_task(s)->pid, info };
	struct recorder *before = lm->rec;
	bool nested = s->in_lua;
	lua_State *L = lm->handlers;
	int rc;

	if (!nested)
		sandbox_reset(lm);
	s->in_lua = true;
	lm->rec = recorder_create();
	lua_settop(L, 0);
	lua_pushcfunction(L, run_protected);
	lua_pushlightuserdata(L, &call);
	lua_pushlightuserdata(L, err);
	if (lua_pcall(L, 2, 1, 0) != LUA_OK)
		rc = take_error(L, err);
	else
		rc = (int)lua_tointeger(L, -1);
	lua_settop(L, 0);
	recorder_destroy(lm->rec);
	lm->rec = before;
	s->in_lua = nested;
	return rc;
}

/* The command, for handlers that are lines. */
static int forward(lua_State *L)
{
	struct err err;

	lcmd_push(L, command_find("sigaction", false, &err));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* { onstack = true, .. }, the names of the command's options. */
static uint32_t check_flags(lua_State *L, int idx)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} names[] = {
		{ "onstack", LX_SA_ONSTACK },
		{ "nodefer", LX_SA_NODEFER },
		{ "resethand", LX_SA_RESETHAND },
		{ "nocldwait", LX_SA_NOCLDWAIT },
	};
	uint32_t flags = 0;

	if (lua_isnoneornil(L, idx))
		return 0;
	luaL_checktype(L, idx, LUA_TTABLE);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		lua_getfield(L, idx, names[i].name);
		if (lua_toboolean(L, -1))
			flags |= names[i].flag;
		lua_pop(L, 1);
	}
	return flags;
}

static int process_sigaction(lua_State *L)
{
	const struct process *p = process_at(L, 1);
	struct k_sigaction act = { .type = SIG_TYPE_HANDLER };
	struct lmmsh *lm = lmmsh_of(L);
	int signo;

	if (!p || !lua_isfunction(L, 3))
		return forward(L);
	signo = signal_by_name(luaL_checkstring(L, 2));
	luaL_argcheck(L, signo && signo != LX_SIGKILL && signo != LX_SIGSTOP, 2,
		      "no signal that can be handled");
	act.sa_flags = check_flags(L, 4);
	lua_pushvalue(L, 3);
	act.handler = handler_add_lua(lm->s, luaL_ref(L, LUA_REGISTRYINDEX));
	do_sigaction(process_task(L, p), signo, &act);
	return 0;
}

const luaL_Reg signal_methods[] = {
	{ "sigaction", process_sigaction },
	{ NULL, NULL },
};

void lsignal_open(lua_State *L)
{
	struct lmmsh *lm = lmmsh_of(L);

	lm->handlers = lua_newthread(L);
	luaL_ref(L, LUA_REGISTRYINDEX); /* it stays */
	lm->s->lua_handler = run_handler;
}

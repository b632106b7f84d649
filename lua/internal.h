/*
 * internal.h - what the files of lua/ share.
 *
 *	lmmsh.c		states, scripts, errors at the top
 *	sandbox.c	budgets; a safe and deterministic library
 *	lcmd.c		commands as methods, processes as objects
 *	lresult.c	results as tables
 */
#ifndef LUA_INTERNAL_H
#define LUA_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/lmmsh.h"
#include "repl/session.h"

struct recorder;

struct lmmsh {			/* session->lua */
	struct session *s;
	lua_State *L;
	struct lmmsh_limits limits;
	uint64_t memory;	/* bytes that the state has */
	uint64_t steps;		/* instructions since the run began */
	bool spent;		/* no instruction is left: no way back */
	struct recorder *rec;	/* owned */
};

static inline struct lmmsh *lmmsh_of(lua_State *L)
{
	return *(struct lmmsh **)lua_getextraspace(L);
}

/* --- sandbox.c ----------------------------------------------------------- */
void *sandbox_alloc(void *ud, void *ptr, size_t osize, size_t nsize);
/* Opens the libraries that the limits allow; clears the stack. */
void sandbox_open(lua_State *L);
/* A new run: the whole budget again. */
void sandbox_reset(struct lmmsh *lm);
/* Counts work that C does for the script as @n instructions; may raise. */
void sandbox_charge(lua_State *L, uint64_t n);
/* tostring() without host addresses; pushes a string. */
const char *sandbox_tostring(lua_State *L, int idx);

/* --- lresult.c ----------------------------------------------------------- */
/* An emitter that keeps a result, for one command at a time: it never raises
 * a Lua error in the middle of a handler. */
struct recorder *recorder_create(void);
void recorder_destroy(struct recorder *rec);
/* Empties it; at most @max bytes are kept. */
struct result *recorder_reset(struct recorder *rec, uint64_t max);
bool recorder_overflowed(const struct recorder *rec);
/* Pushes the recorded result as a table. */
void recorder_push(const struct recorder *rec, lua_State *L);

/* --- lcmd.c -------------------------------------------------------------- */
/* Sets the globals mmsh, kernel and boot. */
void lcmd_open(lua_State *L);
#define LMMSH_ERROR "mmsh.error"	/* metatable of error tables */

#endif

/*
 * internal.h - what the files of lua/ share.
 *
 *	lmmsh.c		states, scripts, errors at the top
 *	sandbox.c	budgets of memory and instructions
 *	llib.c		a safe and deterministic library
 *	lmatch.c, lpattern.c	its pattern matching
 *	lsort.c		its table.sort
 *	lcmd.c		commands as methods
 *	lprocess.c	processes as objects
 *	laccess.c	their memory, as numbers and strings
 *	lsignal.c	their signals, handled by functions
 *	lresult.c	results as tables
 */
#ifndef LUA_INTERNAL_H
#define LUA_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/lmmsh.h"
#include "repl/host.h"
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
	lua_State *handlers;	/* a coroutine that calls handlers */
};

static inline struct lmmsh *lmmsh_of(lua_State *L)
{
	return *(struct lmmsh **)lua_getextraspace(L);
}

/* --- sandbox.c ----------------------------------------------------------- */
void *sandbox_alloc(void *ud, void *ptr, size_t osize, size_t nsize);
/* A new run: the whole budget again. */
void sandbox_reset(struct lmmsh *lm);
/* Counts work that C does for the script as @n instructions; may raise. */
void sandbox_charge(lua_State *L, uint64_t n);
/* The same, for the many small ones. */
static inline void sandbox_charge_few(lua_State *L, unsigned n)
{
	struct lmmsh *lm = lmmsh_of(L);

	if (__builtin_expect(host_interrupted || lm->spent ||
				     lm->steps >= lm->limits.steps,
			     0))
		sandbox_charge(L, n);
	else
		lm->steps += n;
}

/* --- llib.c -------------------------------------------------------------- */
/* Opens the libraries that the limits allow; clears the stack. */
void sandbox_open(lua_State *L);
/* tostring() without host addresses; pushes a string. */
const char *sandbox_tostring(lua_State *L, int idx);

/* --- lpattern.c, lsort.c: functions of the libraries, metered -------------- */
int pattern_find(lua_State *L);
int pattern_match(lua_State *L);
int pattern_gmatch(lua_State *L);
int pattern_gsub(lua_State *L);
int sort_table(lua_State *L);

/* --- lresult.c ----------------------------------------------------------- */
/* An emitter that keeps a result, for one command at a time: it never raises
 * a Lua error in the middle of a handler. */
struct recorder *recorder_create(void);
void recorder_destroy(struct recorder *rec);
/* Empties it; at most @max bytes are kept. */
struct result *recorder_reset(struct recorder *rec, uint64_t max);
bool recorder_overflowed(const struct recorder *rec);
/* What was recorded, in fields, objects and ends. */
size_t recorder_size(const struct recorder *rec);
/* Pushes the recorded result as a table. */
void recorder_push(const struct recorder *rec, lua_State *L);

/* --- lcmd.c -------------------------------------------------------------- */
/* Sets the globals mmsh, kernel and boot. */
void lcmd_open(lua_State *L);
#define LMMSH_ERROR "mmsh.error"	/* metatable of error tables */
/* Raises *err as a table; @with_result: its result is on the top. */
int lcmd_raise(lua_State *L, const struct err *err, bool with_result);
/* Pushes the function that runs @cmd. */
void lcmd_push(lua_State *L, const struct command *cmd);

/* --- lprocess.c ---------------------------------------------------------- */
struct process {
	const void *tag;	/* tells it from other userdata */
	int pid;
	unsigned boots;		/* of the system it belongs to */
};

/* mmsh.process([PID]) */
int process_open(lua_State *L);
extern const char process_tag;

/* The process at @idx, or NULL. */
static inline const struct process *process_at(lua_State *L, int idx)
{
	const struct process *p = lua_touserdata(L, idx);

	if (!p || lua_rawlen(L, idx) != sizeof(*p) || p->tag != &process_tag)
		return NULL;
	return p;
}
/* Its task. A process that has exited is an error. */
struct task_struct *process_task(lua_State *L, const struct process *p);
bool command_takes_pid(const struct command *cmd);

/* --- laccess.c ----------------------------------------------------------- */
/* The methods of a process that access its memory; ends with NULL. */
extern const luaL_Reg access_methods[];

/* --- lsignal.c ----------------------------------------------------------- */
extern const luaL_Reg signal_methods[]; /* of a process; ends with NULL */
void lsignal_open(lua_State *L);

#endif

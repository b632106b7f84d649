/*
 * lprocess.c - processes as objects: p = mmsh.process(2).
 *
 *	p.pid  p.alive  p.min_flt  p.maj_flt
 *	p:read(va)		laccess.c: memory, as numbers and strings
 *	p:pagewalk(va)		each command that takes -p PID
 *
 * An object has a table of its own, where methods are found by the VM without
 * a call; the metatable of that one knows the rest.
 */
#include <string.h>

#include "lua/internal.h"

#define PROCESSES "mmsh.processes" /* registry: objects by PID */
#define PROCESS	  "mmsh.process"
#define SPARSE	  32 /* slots: few names share one */

const char process_tag;

/* Its task, or NULL if it has exited. */
static struct task_struct *task_of(const struct session *s,
				   const struct process *p)
{
	struct task_struct *t;

	if (!s->k || p->boots != s->boots)
		return NULL;
	t = s->k->current[s->cpu];
	if (!t || t->pid != p->pid)
		t = find_task(s->k, p->pid);
	return t && t->mm ? t : NULL;
}

static int raise_stale(lua_State *L, const struct process *p)
{
	bool anew = p->boots != lmmsh_of(L)->s->boots;
	struct err err;

	err_set(&err, ERR_USER, "process %d has exited%s", p->pid,
		anew ? ": the system was booted anew" : "");
	return lcmd_raise(L, &err, false);
}

struct task_struct *process_task(lua_State *L, const struct process *p)
{
	struct task_struct *t = task_of(lmmsh_of(L)->s, p);

	if (!t)
		raise_stale(L, p);
	return t;
}

bool command_takes_pid(const struct command *cmd)
{
	for (int i = 0; i < CMD_MAX_OPTS && cmd->opt[i].letter; i++)
		if (cmd->opt[i].letter == 'p' && cmd->opt[i].type == ARG_PID)
			return true;
	return false;
}

/* --- fields -------------------------------------------------------------- */
static int push_field(lua_State *L, const struct process *p, const char *key)
{
	const struct task_struct *t = task_of(lmmsh_of(L)->s, p);

	if (strcmp(key, "alive") == 0) {
		lua_pushboolean(L, t != NULL);
		return 1;
	}
	if (strcmp(key, "min_flt") != 0 && strcmp(key, "maj_flt") != 0)
		return 0;
	if (!t)
		raise_stale(L, p);
	lua_pushinteger(L,
			(lua_Integer)(key[1] == 'i' ? t->min_flt : t->maj_flt));
	return 1;
}

/* A command becomes a method when it is first asked for. Argument 1 is the
 * object's table, the object is upvalue 1. */
static int process_index(lua_State *L)
{
	const struct process *p = lua_touserdata(L, lua_upvalueindex(1));
	const char *key = luaL_checkstring(L, 2);
	const struct command *cmd;
	struct err err;

	if (push_field(L, p, key))
		return 1;
	cmd = command_find(key, false, &err);
	if (!cmd)
		return lcmd_raise(L, &err, false);
	if (!command_takes_pid(cmd) || (cmd->flags & CMD_SHELL)) {
		err_set(&err, ERR_USAGE, "%s: not an operation on a process",
			key);
		return lcmd_raise(L, &err, false);
	}
	lcmd_push(L, cmd);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 1);
	return 1;
}

static int process_tostring(lua_State *L)
{
	const struct process *p = process_at(L, 1);

	lua_pushfstring(L, "process %d", p ? p->pid : 0);
	return 1;
}

static int process_eq(lua_State *L)
{
	const struct process *a = process_at(L, 1), *b = process_at(L, 2);

	lua_pushboolean(L, a && b && a->pid == b->pid && a->boots == b->boots);
	return 1;
}

/* --- objects ------------------------------------------------------------- */
/* The table of the object on the top; pushed. */
static void push_members(lua_State *L, int pid)
{
	lua_createtable(L, 0, SPARSE);
	luaL_setfuncs(L, access_methods, 0);
	luaL_setfuncs(L, signal_methods, 0);
	lua_pushinteger(L, pid);
	lua_setfield(L, -2, "pid");
	lua_newtable(L);
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, process_index, 1);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

static void make(lua_State *L, int pid, unsigned boots)
{
	static const luaL_Reg meta[] = {
		{ "__tostring", process_tostring },
		{ "__eq", process_eq },
		{ NULL, NULL },
	};
	struct process *p = lua_newuserdatauv(L, sizeof(*p), 0);

	*p = (struct process){ .tag = &process_tag,
			       .pid = pid,
			       .boots = boots };
	lua_createtable(L, 0, SPARSE);
	luaL_setfuncs(L, meta, 0);
	lua_pushliteral(L, PROCESS);
	lua_setfield(L, -2, "__metatable");
	lua_pushvalue(L, -2);
	push_members(L, pid);
	lua_remove(L, -2);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

/* mmsh.process(pid), mmsh:process(pid); without: the current one. */
static int pid_argument(lua_State *L)
{
	const struct task_struct *t = session_task(lmmsh_of(L)->s);
	struct err err;

	if (!lua_isinteger(L, 1) && !lua_isnone(L, 1))
		lua_remove(L, 1);
	if (!lua_isnoneornil(L, 1))
		return (int)luaL_checkinteger(L, 1);
	if (t)
		return t->pid;
	err_set(&err, ERR_USER, "no process runs on cpu%u",
		lmmsh_of(L)->s->cpu);
	return lcmd_raise(L, &err, false);
}

int process_open(lua_State *L)
{
	struct session *s = lmmsh_of(L)->s;
	struct process p = { .pid = pid_argument(L), .boots = s->boots };
	const struct process *old;
	struct err err;

	if (!task_of(s, &p)) {
		err_set(&err, ERR_USER, "%d: no such process", p.pid);
		return lcmd_raise(L, &err, false);
	}
	luaL_getsubtable(L, LUA_REGISTRYINDEX, PROCESSES);
	lua_rawgeti(L, -1, p.pid);
	old = process_at(L, -1);
	if (old && old->boots == p.boots)
		return 1;
	lua_pop(L, 1);
	make(L, p.pid, p.boots);
	lua_pushvalue(L, -1);
	lua_rawseti(L, -3, p.pid);
	return 1;
}

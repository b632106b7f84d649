/*
 * lcmd.c - every command as a method, made from the command table.
 *
 *	mmsh.pagewalk(0x1000)		mmsh:pagewalk("heap+8", {w = true})
 *	mmsh.pagewalk{va = 0x1000, p = 2}
 *	boot{arch = "i386", ram = "1G"}	boot("i386", "ram=1G")
 *	mmsh.process(2):pagewalk("text")
 *
 * Numbers are plain numbers; strings are what one would type at the prompt
 * ("pa:0x1000", "heap"). A last argument that is a table holds options, by
 * letter or long name, arguments by their names in small letters, and
 * key=value pairs of commands that take them. Errors are tables.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/internal.h"

#define API "mmsh.api"		/* registry: the table mmsh */
/* What of the budget a command costs, each access in it, a booting. */
#define COMMAND_STEPS 300
#define ACCESS_STEPS 20
#define BOOT_STEPS 1000000

/* --- errors -------------------------------------------------------------- */
/* Where in the script the running C function was called, or "". */
static void push_where(lua_State *L)
{
	luaL_where(L, 1);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, key);
}

int lcmd_raise(lua_State *L, const struct err *err, bool with_result)
{
	lua_newtable(L);
	set_string(L, "kind", err_kind_name(err->kind));
	set_string(L, "message", err->msg);
	if (err->kind == ERR_ERRNO)
		set_string(L, "errno", errno_name(err->no));
	if (*err->hint)
		set_string(L, "hint", err->hint);
	push_where(L);
	lua_setfield(L, -2, "where");
	if (with_result) {
		lua_pushvalue(L, -2);
		lua_setfield(L, -2, "result");
	}
	luaL_setmetatable(L, LMMSH_ERROR);
	return lua_error(L);
}

static int raise_usage(lua_State *L, const struct command *cmd,
		       const char *what, const char *culprit)
{
	char usage[140];
	struct err err;

	err_set(&err, ERR_USAGE, "%s: %s: %s", cmd->name, culprit, what);
	err_hint(&err, "usage: %s", command_usage(usage, sizeof(usage), cmd));
	return lcmd_raise(L, &err, false);
}

/* "FILE:LINE: message; hint" */
static int error_tostring(lua_State *L)
{
	lua_settop(L, 1);
	lua_getfield(L, 1, "where");
	lua_getfield(L, 1, "message");
	if (lua_getfield(L, 1, "hint") == LUA_TNIL) {
		lua_pop(L, 1);
	} else {
		lua_pushliteral(L, "; ");
		lua_insert(L, -2);
	}
	for (int i = 2; i <= lua_gettop(L); i++)
		if (!lua_isstring(L, i)) {
			lua_pushliteral(L, "?");
			lua_replace(L, i);
		}
	lua_concat(L, lua_gettop(L) - 1);
	return 1;
}

/* --- inputs -------------------------------------------------------------- */
/* A call being made: inputs point to strings that stay on the Lua stack. */
struct call {
	lua_State *L;
	const struct command *cmd;
	struct cmd_input *in;	/* a userdata on the stack */
	unsigned n, max;
	int options;		/* stack index of the table of options, or 0 */
};

static void add(struct call *c, struct cmd_input in)
{
	if (c->n == c->max)
		raise_usage(c->L, c->cmd, "too many arguments", "call");
	c->in[c->n++] = in;
}

/* Adds the value at @idx; it must stay there until the command has run. */
static void add_value(struct call *c, int idx, const char *name)
{
	const struct process *p = process_at(c->L, idx);
	struct cmd_input in = { .quoted = true };
	int is_int = 0;

	if (p) {
		process_task(c->L, p);
		in.value.n = (uint64_t)p->pid;
	} else if (lua_type(c->L, idx) == LUA_TNUMBER) {
		in.value.n = (uint64_t)lua_tointegerx(c->L, idx, &is_int);
		if (!is_int)
			raise_usage(c->L, c->cmd, "not an integer", name);
	} else if (lua_type(c->L, idx) == LUA_TSTRING) {
		in.text = lua_tolstring(c->L, idx, &in.len);
	} else {
		raise_usage(c->L, c->cmd, "not a number or a string",
			    lua_typename(c->L, lua_type(c->L, idx)));
	}
	add(c, in);
}

static void add_option(struct call *c, const struct opt_spec *o, int idx)
{
	const char *word = lua_pushfstring(c->L, "-%c", o->letter);

	if (o->type == ARG_FLAG && !lua_isboolean(c->L, idx))
		raise_usage(c->L, c->cmd, "true or false", word);
	if (o->type == ARG_FLAG && !lua_toboolean(c->L, idx))
		return;
	add(c, (struct cmd_input){ .text = word });
	if (o->type != ARG_FLAG)
		add_value(c, idx, word);
}

/* The options table has @key: its value is pushed and stays. */
static bool take(struct call *c, const char *key)
{
	if (!c->options || !key)
		return false;
	luaL_checkstack(c->L, 4, "too many options");
	if (lua_getfield(c->L, c->options, key) != LUA_TNIL)
		return true;
	lua_pop(c->L, 1);
	return false;
}

static void add_options(struct call *c)
{
	const struct opt_spec *o = c->cmd->opt;

	for (int i = 0; i < CMD_MAX_OPTS && o[i].letter; i++) {
		char letter[2] = { o[i].letter, 0 };

		if (take(c, letter) || take(c, o[i].name))
			add_option(c, &o[i], lua_gettop(c->L));
	}
}

static void small_name(const struct arg_spec *a, char name[32])
{
	size_t i = 0;

	for (; a->name[i] && i < 31; i++)
		name[i] = (char)tolower((unsigned char)a->name[i]);
	name[i] = 0;
}

/* Arguments by name, after @given ones by position. */
static void add_named(struct call *c, unsigned given)
{
	char name[32];

	for (unsigned i = given; i < CMD_MAX_ARGS && c->cmd->arg[i].name; i++) {
		small_name(&c->cmd->arg[i], name);
		if (take(c, name))
			add_value(c, lua_gettop(c->L), name);
	}
}

static bool is_known_key(const struct command *cmd, const char *key)
{
	const struct opt_spec *o = cmd->opt;
	char name[32];

	for (int i = 0; i < CMD_MAX_OPTS && o[i].letter; i++)
		if ((key[0] == o[i].letter && !key[1]) ||
		    (o[i].name && strcmp(o[i].name, key) == 0))
			return true;
	for (unsigned i = 0; i < CMD_MAX_ARGS && cmd->arg[i].name; i++) {
		small_name(&cmd->arg[i], name);
		if (strcmp(name, key) == 0)
			return true;
	}
	return false;
}

static bool takes_pairs(const struct command *cmd)
{
	for (unsigned i = 0; i < CMD_MAX_ARGS && cmd->arg[i].name; i++)
		if (cmd->arg[i].type == ARG_KEYVAL && cmd->arg[i].repeat)
			return true;
	return false;
}

/* The pair at the top of the stack as "key=value"; true is on, false off. */
static void add_pair(struct call *c, const char *key)
{
	const char *value = lua_isboolean(c->L, -1)
		? (lua_toboolean(c->L, -1) ? "on" : "off")
		: luaL_tolstring(c->L, -1, NULL);
	const char *word;

	luaL_checkstack(c->L, 8, "too many options");
	word = lua_pushfstring(c->L, "%s=%s", key, value);
	add(c, (struct cmd_input){ .text = word, .quoted = true });
	/* The word must outlive the walk over the table: below its key. */
	lua_insert(c->L, c->options + 1);
}

/* What is left of the table: pairs, or mistakes. */
static void add_rest(struct call *c)
{
	bool pairs = takes_pairs(c->cmd);

	lua_pushnil(c->L);
	while (lua_next(c->L, c->options)) {
		int top = lua_gettop(c->L);
		const char *key = lua_type(c->L, -2) == LUA_TSTRING
			? lua_tostring(c->L, -2) : NULL;

		if (!key && !lua_isinteger(c->L, -2))
			raise_usage(c->L, c->cmd, "no such option", "?");
		if (key && !is_known_key(c->cmd, key)) {
			if (!pairs)
				raise_usage(c->L, c->cmd, "no such option",
					    key);
			add_pair(c, key);
			top++;
		}
		lua_settop(c->L, top - 1);
	}
}

/* The list part of the table: more arguments by position. */
static unsigned add_listed(struct call *c, unsigned given)
{
	lua_Integer n = c->options ? (lua_Integer)lua_rawlen(c->L, c->options)
				   : 0;

	for (lua_Integer i = 1; i <= n; i++) {
		luaL_checkstack(c->L, 4, "too many arguments");
		lua_rawgeti(c->L, c->options, i);
		add_value(c, lua_gettop(c->L), "argument");
		given++;
	}
	return given;
}

static void build_inputs(struct call *c, int first, int last)
{
	unsigned given = 0;

	while (last >= first && lua_isnil(c->L, last))
		last--;
	if (last >= first && lua_istable(c->L, last))
		c->options = last--;
	c->max = CMD_MAX_INPUTS + 2 * CMD_MAX_OPTS;
	c->in = lua_newuserdatauv(c->L, c->max * sizeof(*c->in), 0);
	if (c->options)
		add_options(c);
	for (int i = first; i <= last; i++, given++)
		add_value(c, i, "argument");
	given = add_listed(c, given);
	if (c->options) {
		add_named(c, given);
		add_rest(c);
	}
}

/* --- calls --------------------------------------------------------------- */
static uint64_t accesses(const struct session *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; s->m && i < s->m->ncpus; i++)
		n += counters_accesses(&s->m->cpu[i].counters);
	return n;
}

/* What the command did since there were @before accesses. */
static void charge_command(struct lmmsh *lm, lua_State *L, uint64_t before)
{
	uint64_t after = accesses(lm->s);

	sandbox_charge(L, after > before ? (after - before) * ACCESS_STEPS : 0);
	sandbox_charge(L, recorder_size(lm->rec));
}

static int run_call(struct call *c)
{
	struct lmmsh *lm = lmmsh_of(c->L);
	struct result *r;
	uint64_t before = accesses(lm->s);
	struct err err;
	int rc;

	sandbox_charge(c->L, COMMAND_STEPS);
	r = recorder_reset(lm->rec, lm->limits.memory / 4);
	rc = command_run(lm->s, c->cmd, c->in, c->n, r, &err);
	if (recorder_overflowed(lm->rec))
		rc = err_set(&err, ERR_BUDGET, "%s: the result is too large",
			     c->cmd->name);
	charge_command(lm, c->L, before);
	recorder_push(lm->rec, c->L);
	return rc < 0 ? lcmd_raise(c->L, &err, true) : 1;
}

static bool is_api(lua_State *L, int idx)
{
	bool yes;

	if (!lua_istable(L, idx))
		return false;
	lua_getfield(L, LUA_REGISTRYINDEX, API);
	yes = lua_rawequal(L, idx, -1);
	lua_pop(L, 1);
	if (!yes && lua_getmetatable(L, idx)) {	/* what boot() returned */
		lua_getfield(L, LUA_REGISTRYINDEX, API);
		yes = lua_getfield(L, -2, "__index") == LUA_TTABLE &&
		      lua_rawequal(L, -1, -2);
		lua_pop(L, 3);
	}
	return yes;
}

/* The process that the method was called on, or NULL. */
static const struct process *self_process(struct call *c)
{
	const struct process *p = process_at(c->L, 1);

	if (!p || !command_takes_pid(c->cmd))
		return NULL;
	process_task(c->L, p);
	return p;
}

static int call_command(lua_State *L)
{
	struct call c = { .L = L,
			  .cmd = lua_touserdata(L, lua_upvalueindex(1)) };
	const struct process *self = self_process(&c);
	int n = lua_gettop(L);

	build_inputs(&c, self || is_api(L, 1) ? 2 : 1, n);
	if (self) {
		add(&c, (struct cmd_input){ .text = "-p" });
		add(&c, (struct cmd_input){ .value.n = (uint64_t)self->pid });
	}
	return run_call(&c);
}

/* boot() returns its result, on which methods can be called: k:fork(). */
static int call_boot(lua_State *L)
{
	sandbox_charge(L, BOOT_STEPS);
	call_command(L);
	lua_newtable(L);
	lua_getfield(L, LUA_REGISTRYINDEX, API);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	return 1;
}

void lcmd_push(lua_State *L, const struct command *cmd)
{
	bool boots = strcmp(cmd->name, "boot") == 0;

	lua_pushlightuserdata(L, (void *)cmd);
	lua_pushcclosure(L, boots ? call_boot : call_command, 1);
}

/* --- the table mmsh ------------------------------------------------------ */
/* mmsh.va(n), .pa(n), .pfn(n): the number as an expression of that type. */
static int typed(lua_State *L)
{
	char buf[40];
	struct value v = {
		.type = (enum vtype)lua_tointeger(L, lua_upvalueindex(1)),
		.n = (uint64_t)luaL_checkinteger(L, is_api(L, 1) ? 2 : 1),
	};

	lua_pushstring(L, value_format(buf, sizeof(buf), v));
	return 1;
}

static void add_method(lua_State *L, const struct command *cmd,
		       const char *name, size_t len)
{
	lua_pushlstring(L, name, len);
	lcmd_push(L, cmd);
	lua_rawset(L, -3);
}

static void add_methods(lua_State *L, const struct command *cmd)
{
	const char *s = cmd->alias;
	size_t n;

	if (cmd->flags & CMD_SHELL)
		return;
	add_method(L, cmd, cmd->name, strlen(cmd->name));
	for (; s && *s; s += n + strspn(s + n, " ")) {
		n = strcspn(s, " ");
		if (isalpha((unsigned char)*s) || *s == '_')
			add_method(L, cmd, s, n);
	}
}

static void add_types(lua_State *L)
{
	static const enum vtype types[] = { V_VA, V_PA, V_PFN };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		lua_pushinteger(L, types[i]);
		lua_pushcclosure(L, typed, 1);
		lua_setfield(L, -2, vtype_name[types[i]]);
	}
}

static int no_such_method(lua_State *L)
{
	struct err err;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	if (command_find(lua_tostring(L, 2), false, &err))
		err_set(&err, ERR_USAGE, "%s: not for scripts",
			lua_tostring(L, 2));
	return lcmd_raise(L, &err, false);
}

void lcmd_open(lua_State *L)
{
	luaL_newmetatable(L, LMMSH_ERROR);
	lua_pushcfunction(L, error_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pop(L, 1);
	lua_newtable(L);
	add_types(L);
	for (unsigned i = 0; commands[i]; i++)
		add_methods(L, commands[i]);
	lua_pushcfunction(L, process_open);
	lua_setfield(L, -2, "process");
	lua_newtable(L);
	lua_pushcfunction(L, no_such_method);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, API);
	lua_getfield(L, -1, "boot");
	lua_setglobal(L, "boot");
	lua_pushvalue(L, -1);
	lua_setglobal(L, "kernel");
	lua_setglobal(L, "mmsh");
}

/*
 * sandbox.c - how much scripts may use: memory and instructions.
 *
 * Memory: the allocator refuses what is above the budget; Lua raises "not
 * enough memory", which a script may catch. Instructions: a count hook;
 * once the budget is gone every further instruction raises, so that pcall
 * cannot hold it up.
 *
 * No hook runs inside of a C function, so what these do at length is charged
 * as instructions, by the size of the work and not by a clock, that a script
 * ends at the same place on every host:
 *
 *	patterns, sort	lmatch.c, lsort.c count their own steps
 *	the allocator	charges each byte: concatenation, string.rep, gsub's
 *			and concat's buffers, tables that grow
 *	llib.c		charges what is read without a result of that size:
 *			ranges of tables and strings, formats, source text
 *	commands	by accesses and size of the result (lcmd.c)
 *
 * What hooks cannot see (__gc) is not there. Left over are single instructions
 * that take long on purpose: comparing two strings of 100 MB, arithmetic on
 * a number written with as many digits, next() over an emptied table. They
 * end, and host_cpu_limit() is the last resort against a loop of them.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/internal.h"
#include "repl/host.h"

#define HOOK_STEPS 1000
#define STEP_BYTES 32		/* allocated or copied in the time of a step */
#define GC_STEP_BYTES 8		/* marked and swept */

static void on_count(lua_State *L, lua_Debug *ar);

/* --- memory -------------------------------------------------------------- */
/* Charges @n steps where nothing may be raised: the next instruction does. */
static void charge_quietly(struct lmmsh *lm, uint64_t n)
{
	if (lm->limits.trust)
		return;
	lm->steps += n;
	if (lm->steps > lm->limits.steps && lm->L)
		lua_sethook(lm->L, on_count, LUA_MASKCOUNT, 1);
}

/* Above the budget of memory, or long above the one of instructions: some
 * is left for the message. A refusal makes Lua collect all garbage. */
static bool refuses(struct lmmsh *lm, size_t grows)
{
	uint64_t slack = lm->limits.steps / 8, gc = lm->memory / GC_STEP_BYTES;
	uint64_t left = lm->limits.steps - lm->steps;

	if (lm->memory + grows <= lm->limits.memory) {
		if (lm->limits.trust || lm->steps <= lm->limits.steps + slack)
			return false;
		lm->spent = true;
	}
	if (lm->steps <= lm->limits.steps)	/* the slack is not for this */
		charge_quietly(lm, gc < left ? gc : left + 1);
	return true;
}

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
	if (nsize > old && refuses(lm, nsize - old))
		return NULL;
	if (nsize > old)
		charge_quietly(lm, nsize / STEP_BYTES);
	p = realloc(ptr, nsize);
	if (p)
		lm->memory += nsize - old;
	return p;
}

/* --- instructions -------------------------------------------------------- */
static void raise_spent(lua_State *L)
{
	struct lmmsh *lm = lmmsh_of(L);

	lm->spent = true;
	lm->steps = lm->limits.steps + 1;	/* memory for the message */
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

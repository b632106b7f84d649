/*
 * test_sandbox.c - what scripts can and cannot do, and how they end. Each row
 * is a chunk that asserts what it expects, or fails with a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lua/lmmsh.h"
#include "repl/session.h"

static struct session session;

struct row {
	const char *chunk;
	enum err_kind kind;	/* ERR_NONE: it must run */
	const char *says;	/* part of the message */
};

static const struct row rows[] = {
	/* The way out is closed. */
	{ "assert(not io and not os and not debug)", ERR_NONE, NULL },
	{ "assert(not require and not package)", ERR_NONE, NULL },
	{ "assert(not dofile and not loadfile)", ERR_NONE, NULL },
	{ "assert(not string.dump and not collectgarbage)", ERR_NONE, NULL },
	{ "assert(not load('\\27Lua'))", ERR_NONE, NULL },
	{ "assert(not load(function() return nil end, 'x', 'b'))", ERR_USER,
	  "assertion failed" },
	{ "assert(load('return 1', 'x', 'b')() == 1)", ERR_NONE, NULL },
	{ "local e = {y = 2} assert(load('return y', 'x', 't', e)() == 2)",
	  ERR_NONE, NULL },
	{ "setmetatable({}, {__gc = function() end})", ERR_USER, "no __gc" },
	{ "assert(not pcall(string.format, '%p', {}))", ERR_NONE, NULL },

	/* Budgets hold, whatever the script tries. */
	{ "while true do end", ERR_BUDGET, "budget of" },
	{ "while true do pcall(function() while true do end end) end",
	  ERR_BUDGET, "budget of" },
	{ "local co = coroutine.wrap(function() while true do end end) co()",
	  ERR_BUDGET, "budget of" },
	{ "while true do coroutine.wrap(function() end)() end", ERR_BUDGET,
	  "budget of" },
	{ "error(setmetatable({}, {__tostring = function() while true do end "
	  "end}))", ERR_BUDGET, "" },
	{ "string.rep('', 1 << 62) string.rep('x', 1 << 40)", ERR_USER,
	  "too large" },
	{ "local t = {} while true do t[#t + 1] = ('16 characters, x.'):rep("
	  "1 << 12) end", ERR_BUDGET, "not enough memory" },
	{ "local t = setmetatable({}, {__len = function() return 1 << 62 end}) "
	  "table.insert(t, 1, 1)", ERR_BUDGET, "budget of" },
	{ "table.move({}, 1, 1 << 60, 2)", ERR_BUDGET, "budget of" },
	{ "('a'):rep(30):find(('a*'):rep(30) .. 'b')", ERR_BUDGET, "budget of" },
	{ "('a'):rep(1 << 16):gsub('a-a-a-b', '')", ERR_BUDGET, "budget of" },
	{ "while true do for _ in ('a'):rep(99):gmatch('.-.-b') do end end",
	  ERR_BUDGET, "budget of" },
	{ "local s = ('['):rep(1 << 20) .. ']' while true do ('a'):find(s) end",
	  ERR_BUDGET, "budget of" },
	{ "local s = ('x'):rep(1 << 21) while true do local t = s .. 'y' end",
	  ERR_BUDGET, "budget of" },
	{ "local s = ('b'):rep(1 << 20) while true do string.packsize(s) end",
	  ERR_BUDGET, "budget of" },
	{ "local s = ('\x80'):rep(1 << 20) local f = utf8.codes('') "
	  "while true do pcall(f, s, 1) end", ERR_BUDGET, "budget of" },
	{ "table.concat(setmetatable({}, {__index = table.concat}), '', 1, "
	  "1 << 60)", ERR_BUDGET, "budget of" },
	{ "load(function() return 'x = 1 ' end)", ERR_BUDGET, "budget of" },
	{ "local t = {} for i = 1, 1 << 16 do t[i] = i end "
	  "while true do table.sort(t, rawequal) end", ERR_BUDGET, "budget of" },
	{ "while true do boot('i386') end", ERR_BUDGET, "budget of" },
	{ "while true do pcall(mmsh.ps) end", ERR_BUDGET, "budget of" },
	{ "assert(not pcall(string.rep, 'x', 1 << 28)) return 1", ERR_NONE,
	  NULL },

	/* Nothing depends on the host's addresses. */
	{ "assert(tostring({}) == 'table' and tostring(print) == 'function')",
	  ERR_NONE, NULL },
	{ "assert(string.format('%s', {}) == 'table')", ERR_NONE, NULL },
	{ "local s = '' for k in pairs{z = 1, a = 1, [2] = 1, [1] = 1, m = 1} do "
	  "s = s .. k end assert(s == '12amz')", ERR_NONE, NULL },
	{ "local t = {1, 2, 3} for k in pairs(t) do t[k] = nil end "
	  "assert(next(t) == nil)", ERR_NONE, NULL },
	{ "math.randomseed() local a = math.random(1 << 30) math.randomseed() "
	  "assert(a == math.random(1 << 30))", ERR_NONE, NULL },

	/* Commands. */
	{ "assert(mmsh.pagewalk('text').va == 0x8048000)", ERR_NONE, NULL },
	{ "assert(mmsh:pagewalk(0x8048000).mode == '32-bit')", ERR_NONE, NULL },
	{ "assert(kernel:pagewalk{va = 'heap', w = true}.access == 'user write')",
	  ERR_NONE, NULL },
	{ "assert(kernel:pagewalk('heap', {write = true}).access == "
	  "'user write')", ERR_NONE, NULL },
	{ "assert(#mmsh.pagewalk('text').steps == 2)", ERR_NONE, NULL },
	{ "assert(mmsh.eval('1 + 2 * 3').value == 7)", ERR_NONE, NULL },
	{ "assert(mmsh.eval(mmsh.pa(4096)).type == 'pa')", ERR_NONE, NULL },
	{ "mmsh.write('heap', 'a\\0b') assert(mmsh.read('heap', 3).value == "
	  "0x620061)", ERR_NONE, NULL },
	{ "assert(mmsh.page(mmsh.pfn(0x43a)).flags[1] == 'reserved')", ERR_NONE,
	  NULL },
	{ "mmsh.pagewalk('heap', {w = 1})", ERR_USAGE, "true or false" },
	{ "mmsh.pagewalk('heap', {zz = 1})", ERR_USAGE, "no such option" },
	{ "mmsh.pagewalk('heap', 'x', 'y')", ERR_USAGE, "too many" },
	{ "mmsh.pagewalk({}, 1)", ERR_USAGE, "not a number or a string" },
	{ "mmsh.pagewalk(1.5)", ERR_USAGE, "not an integer" },
	{ "mmsh.pagewalk('-w')", ERR_USAGE, "not an address" },
	{ "mmsh.pagewalk(mmsh.pa(1))", ERR_USER, "is a physical address" },
	{ "mmsh.pagewlk()", ERR_USAGE, "did you mean pagewalk" },
	{ "mmsh.quit()", ERR_USAGE, "not for scripts" },
	{ "mmsh.read(0)", ERR_FAULT, "SIGSEGV" },
	{ "local ok, e = pcall(mmsh.read, 0) assert(not ok and e.kind == 'fault' "
	  "and e.message:find('SIGSEGV') and e.result.events[1])", ERR_NONE,
	  NULL },
	{ "local ok, e = pcall(mmsh.mprotect, 0x1000, 4096, 'r') "
	  "assert(e.kind == 'errno' and e.errno == 'ENOMEM')", ERR_NONE, NULL },

	/* Processes, and a system booted anew. */
	{ "local k = boot{arch = 'i386', ram = '64M', pse = false} "
	  "assert(k.arch == 'i386' and #k:ps().processes == 1)", ERR_NONE, NULL },
	{ "boot('i386', 'ram=64M')", ERR_NONE, NULL },
	{ "boot{arch = 'i386', rm = '1G'}", ERR_USAGE, "did you mean ram" },
	{ "boot{arch = 'i386', ram = '64M'} local c = mmsh.process(mmsh.fork().pid) "
	  "assert(c.pid == 2 and c.alive and tostring(c) == 'process 2') "
	  "assert(c == mmsh.process(2) and c ~= mmsh.process(1)) "
	  "assert(c:pagewalk('text').pid == 2) c:exit() assert(not c.alive) "
	  "c:pagewalk('text')", ERR_USER, "process 2 has exited" },
	{ "local p = mmsh.process(1) boot{arch = 'i386', ram = '64M'} "
	  "p:pagewalk(0)", ERR_USER, "booted anew" },
	{ "mmsh.process(1):ps()", ERR_USAGE, "not an operation on a process" },
	{ "mmsh.process(99)", ERR_USER, "no such process" },

	/* The memory of a process, as numbers and strings. */
	{ "local p = mmsh.process() local minor = p:write('heap', 0x11223344) "
	  "assert(minor == 1 and p:read('heap') == 0x11223344) "
	  "local va = mmsh.eval('heap').value "
	  "assert(p:read(va, 1) == 0x44 and p:read(va + 1, 2) == 0x2233 and "
	  "p:read(va, 8) == 0x11223344 and p:bytes(va, 2) == '\x44\x33')",
	  ERR_NONE, NULL },
	{ "local p, va = mmsh.process(1), mmsh.map('1M').va "
	  "assert(p:touch(va, 1 << 20) == 256 and p:touch(va, 8193, 'w') == 3) "
	  "assert(p:touch(va, 8193, 'w') == 0) p:write(va + 4094, 'abcdef') "
	  "assert(p:bytes(va + 4094, 6) == 'abcdef') "
	  "local w = p:words(va, 3, 2, 2047) "
	  "assert(#w == 3 and w[1] == 0 and w[2] == 0 and w[3] == 0x6261) "
	  "assert(#p:words(va, 0) == 0 and p:bytes(va, 0) == '')",
	  ERR_NONE, NULL },
	{ "local p, va = mmsh.process(1), mmsh.map('8K').va p:write(va, 1) "
	  "local c = mmsh.process(mmsh.fork().pid) "
	  "assert(c:write(va, 2) == 1 and p:read(va) == 1 and c:read(va) == 2) "
	  "assert(c.min_flt == 1 and mmsh.process() == p)", ERR_NONE, NULL },
	{ "local p = mmsh.process(1) local ok, e = pcall(p.read, p, 0) "
	  "assert(not ok and e.kind == 'fault' and e.result.events[1] and "
	  "e.message == 'read: SIGSEGV (SEGV_MAPERR) at 0x0')", ERR_NONE, NULL },
	{ "local p, va = mmsh.process(1), mmsh.map('8K').va "
	  "mmsh.munmap(va + 4096, 4096) local ok, e = pcall(p.words, p, va, 2048) "
	  "assert(e.kind == 'fault' and e.result.min_flt == 1)", ERR_NONE, NULL },
	{ "mmsh.process(1):read('text', 3)", ERR_USAGE, "3: not a size" },
	{ "mmsh.process(1):read('pa:1')", ERR_USER, "takes a va" },
	{ "mmsh.process(1):touch(0, 0)", ERR_USAGE, "0: not a length" },
	{ "mmsh.process(1):bytes(0, 1 << 30)", ERR_USAGE, "not in 0" },

	/* How errors look. */
	{ "assert(false)", ERR_USER, "lua:1: assertion failed!" },
	{ "error('boom')", ERR_USER, "lua:1: boom" },
	{ "error({})", ERR_USER, "lua:1: (error object is a table value)" },
	{ "error(nil)", ERR_USER, "(error object is a nil value)" },
	{ "error('a\\nb')", ERR_USER, "lua:1: a b" },
	{ "x = = 1", ERR_USER, "lua:1: unexpected symbol" },
	{ "local t = nil; t.x = 1", ERR_USER, "attempt to index a nil value" },
};

static void test_sandbox__row(void **state)
{
	const struct row *row = *state;
	struct err err = { .kind = ERR_NONE };
	int rc = lmmsh_eval(&session, row->chunk, &err);

	if (row->kind == ERR_NONE && rc < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(rc, row->kind == ERR_NONE ? 0 : -1);
	assert_int_equal(err.kind, row->kind);
	if (row->says && !strstr(err.msg, row->says) &&
	    !strstr(err.hint, row->says))
		fail_msg("%s: does not say %s", err.msg, row->says);
	assert_null(strchr(err.msg, '\n'));
}

/* After whatever happened the next chunk runs, with a full budget. */
static int fresh(void **state)
{
	static const char *const words[] = { "i386", "ram=128M" };
	struct err err;

	session.out.len = 0;
	lmmsh_close(&session);
	return session_boot(&session, words, 2, &err);
}

static void test_eval__prints_values(void **state)
{
	struct err err;

	assert_int_equal(lmmsh_eval(&session, "1 + 1, 'x', nil", &err), 0);
	assert_int_equal(lmmsh_eval(&session, "print(true)", &err), 0);
	out_write(&session.out, "", 1);
	assert_string_equal(session.out.buf, "2\tx\tnil\ntrue\n");
}

static void test_eval__globals_stay_and_budget_returns(void **state)
{
	struct err err;

	assert_int_equal(lmmsh_eval(&session, "n = 5", &err), 0);
	assert_int_equal(lmmsh_eval(&session, "while true do end", &err), -1);
	assert_int_equal(lmmsh_eval(&session, "assert(n == 5)", &err), 0);
}

static void test_state__budget_too_small_for_itself(void **state)
{
	struct lmmsh_limits tiny = { .memory = 4096 }, usual = {
		.memory = 16 << 20, .steps = 3000000,
	};
	struct err err;

	lmmsh_limits(&tiny);
	lmmsh_close(&session);
	assert_int_equal(lmmsh_eval(&session, "1", &err), -1);
	assert_int_equal(err.kind, ERR_BUDGET);
	lmmsh_limits(&usual);
}

static int setup(void **state)
{
	struct lmmsh_limits limits = { .memory = 16 << 20, .steps = 3000000 };

	session_init(&session);
	session.out.fd = session.errout.fd = -1;
	lmmsh_limits(&limits);
	return 0;
}

static int teardown(void **state)
{
	lmmsh_close(&session);
	session_deinit(&session);
	return 0;
}

static const struct CMUnitTest fixed[] = {
	cmocka_unit_test_setup(test_eval__prints_values, fresh),
	cmocka_unit_test_setup(test_eval__globals_stay_and_budget_returns, fresh),
	cmocka_unit_test_setup(test_state__budget_too_small_for_itself, fresh),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + ARRAY_SIZE(fixed)];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (; n < ARRAY_SIZE(rows); n++)
		tests[n] = (struct CMUnitTest){
			.name = rows[n].chunk, .test_func = test_sandbox__row,
			.setup_func = fresh, .initial_state = (void *)&rows[n],
		};
	memcpy(tests + n, fixed, sizeof(fixed));
	return cmocka_run_group_tests_name("sandbox", tests, setup, teardown);
}

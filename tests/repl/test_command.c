/*
 * test_command.c - the command table, and how words become typed arguments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "repl/parse.h"
#include "repl/session.h"

static struct session session;

/* --- the table ----------------------------------------------------------- */
static void test_table__sorted_and_complete(void **state)
{
	for (unsigned i = 0; commands[i]; i++) {
		const struct command *c = commands[i];
		struct err err;

		assert_non_null(c->name);
		assert_non_null(c->help);
		assert_non_null(c->group);
		assert_non_null(c->run);
		assert_ptr_equal(command_find(c->name, false, &err), c);
		if (i)
			assert_true(strcmp(commands[i - 1]->name, c->name) < 0);
	}
}

static void test_table__options_are_distinct(void **state)
{
	for (unsigned i = 0; commands[i]; i++)
		for (unsigned a = 0; a < CMD_MAX_OPTS; a++) {
			const struct opt_spec *o = &commands[i]->opt[a];

			if (!o->letter)
				break;
			assert_non_null(o->help);
			assert_true((o->type == ARG_FLAG) == (o->value == NULL));
			for (unsigned b = 0; b < a; b++)
				assert_true(commands[i]->opt[b].letter !=
					    o->letter);
		}
}

static void test_table__required_before_optional(void **state)
{
	for (unsigned i = 0; commands[i]; i++) {
		bool optional = false;

		for (unsigned a = 0; a < CMD_MAX_ARGS; a++) {
			const struct arg_spec *s = &commands[i]->arg[a];

			if (!s->name)
				break;
			assert_true(s->optional || !optional);
			optional = s->optional;
		}
	}
}

/* Every example runs on a fresh mmsh. */
static void test_table__examples_run(void **state)
{
	static const char *const words[] = { "i386", "ram=2G" };
	struct err err;

	for (unsigned i = 0; commands[i]; i++) {
		if (!commands[i]->example || strchr(commands[i]->example, '/') ||
		    strncmp(commands[i]->example, "lua", 3) == 0)
			continue;
		assert_int_equal(session_boot(&session, words, 2, &err), 0);
		session.out.len = session.errout.len = 0;
		session.status = 0;
		if (session_line(&session, commands[i]->example) < 0)
			fail_msg("%s: %.*s", commands[i]->example,
				 (int)session.errout.len, session.errout.buf);
	}
}

static void test_find__alias_prefix_and_guess(void **state)
{
	struct err err;

	assert_string_equal(command_find("vtop", false, &err)->name, "pagewalk");
	assert_string_equal(command_find("!pte", false, &err)->name, "pagewalk");
	assert_string_equal(command_find("pagew", true, &err)->name, "pagewalk");
	assert_null(command_find("pagew", false, &err));
	assert_null(command_find("pagewlk", true, &err));
	assert_string_equal(err.hint, "did you mean pagewalk?");
	assert_null(command_find("m", true, &err));
	assert_non_null(strstr(err.msg, "ambiguous"));
	assert_null(command_find("", true, &err));
}

/* --- binding: a command of our own --------------------------------------- */
static int probe_run(struct cmd_ctx *c);

static const struct command probe = {
	.name = "probe", .group = "test", .help = "test",
	.arg = { { "VA", ARG_VA }, { "N", ARG_NUM, .optional = true } },
	.opt = { { 'w', "write", ARG_FLAG, NULL, "write" },
		 { 'x', "fetch", ARG_FLAG, NULL, "fetch" },
		 { 'p', "pid", ARG_PID, "PID", "process" },
		 { 's', "size", ARG_SIZE, "SIZE", "size" } },
	.run = probe_run,
};

static const struct command words_cmd = {
	.name = "words", .group = "test", .help = "test",
	.arg = { { "FILE", ARG_FILE },
		 { "ARG", ARG_WORD, .optional = true, .repeat = true } },
	.opt = { { 'w', "write", ARG_FLAG, NULL, "write" } },
	.run = probe_run,
};

static const struct command range_cmd = {
	.name = "range", .group = "test", .help = "test",
	.arg = { { "RANGE", ARG_RANGE } }, .run = probe_run,
};

static const struct command data_cmd = {
	.name = "data", .group = "test", .help = "test",
	.arg = { { "PROT", ARG_PROT }, { "DATA", ARG_DATA } },
	.run = probe_run,
};

/* What the handler got, in a line. */
static char seen[512];

static int probe_run(struct cmd_ctx *c)
{
	size_t n = 0;

	seen[0] = 0;
	for (unsigned i = 0; i < CMD_MAX_OPTS && c->cmd->opt[i].letter; i++)
		if (c->opt[i].set)
			n += snprintf(seen + n, sizeof(seen) - n, "-%c%llx ",
				      c->cmd->opt[i].letter,
				      (unsigned long long)c->opt[i].value.n);
	for (unsigned i = 0; i < CMD_MAX_ARGS && c->arg[i].set; i++) {
		const struct cmd_arg *a = &c->arg[i];

		n += snprintf(seen + n, sizeof(seen) - n, "%s:%llx",
			      a->str ? a->str : vtype_name[a->value.type],
			      (unsigned long long)a->value.n);
		n += a->end ? snprintf(seen + n, sizeof(seen) - n, "-%llx ",
				       (unsigned long long)a->end)
			    : snprintf(seen + n, sizeof(seen) - n, " ");
	}
	for (unsigned i = 0; i < c->nrest; i++)
		n += snprintf(seen + n, sizeof(seen) - n, "<%s>", c->rest[i]);
	return 0;
}

static const struct command *const mine[] = {
	&probe, &words_cmd, &range_cmd, &data_cmd,
};

struct bind_row { const char *line, *want, *hint; };

static const struct bind_row binds[] = {
	{ "probe 0x1000", "va:1000 ", NULL },
	{ "probe 0x1000 -1", "va:1000 plain:ffffffffffffffff ", NULL },
	{ "probe -w 1 2", "-w0 va:1 plain:2 ", NULL },
	{ "probe 1 -wx", "-w0 -x0 va:1 ", NULL },
	{ "probe -wp1 1", "-w0 -p1 va:1 ", NULL },
	{ "probe -p 1 -s 4K 1", "-p1 -s1000 va:1 ", NULL },
	{ "probe --write --pid=1 --size 2M 1", "-w0 -p1 -s200000 va:1 ", NULL },
	{ "probe -- 1", "va:1 ", NULL },
	{ "probe __va(0x1000 + 8)", "va:c0001008 ", NULL },
	{ "probe", "probe: VA is missing",
	  "usage: probe [-wx] [-p PID] [-s SIZE] VA [N]" },
	{ "probe 1 2 3", "probe: 3: one argument too many", NULL },
	{ "probe 1 + 2", "probe: +: incomplete, a number is missing", NULL },
	{ "probe -z 1", "probe: -z: no such option", NULL },
	{ "probe --wrte 1", "probe: --wrte: no such option",
	  "did you mean --write?" },
	{ "probe --write=1 1", "probe: --write: takes no value", NULL },
	{ "probe 1 -s", "probe: -s: SIZE is missing", NULL },
	{ "probe -s 0 1", "probe: 0: a size above 0 is needed", NULL },
	{ "probe -p 9 1", "probe: 9: no such process", "ps lists them" },
	{ "probe pa:0x1000", "probe: pa:0x1000 is a physical address; probe takes "
			     "a linear one", "did you mean __va(0x1000)?" },
	{ "probe 1 heap", "probe: va:0x804a000 is a linear address; probe takes "
			  "a number", NULL },
	{ "probe 0x100000000",
	  "probe: 0x100000000: linear addresses end at 0xffffffff here", NULL },
	{ "words f -w -l x", "f:0 -w:0 <-w><-l><x>", NULL },
	{ "words -w f -w", "-w0 f:0 -w:0 <-w>", NULL },
	{ "words", "words: FILE is missing", NULL },
	{ "range 0x1000", "va:1000-1000 ", NULL },
	{ "range 0x1000-0x3000", "va:1000-2fff ", NULL },
	{ "range 0x1000+4K", "va:1000-1fff ", NULL },
	{ "range (heap+8)+8", "va:804a008-804a00f ", NULL },
	{ "range text", "va:8048000-8048fff ", NULL },
	{ "range 'direct map'", "va:c0000000-f7ffffff ", NULL },
	{ "range kernel", "va:c0000000-ffffffff ", NULL },
	{ "range user", "va:0-bfffffff ", NULL },
	{ "range all", "va:0-ffffffff ", NULL },
	{ "range 0xfffff000-0x100000000", "va:fffff000-ffffffff ", NULL },
	{ "range 0x3000-0x1000", "range: 0x3000-0x1000: ends at 0x1000, before "
				 "its start 0x3000", NULL },
	{ "range 0x1000+0", "range: 0x1000+0: an empty range", NULL },
	{ "range pa:0x1000", "range: pa:0x1000 is a physical address; range "
			     "takes a linear one", NULL },
	{ "data rw- 5", "rw-:3 plain:5 ", NULL },
	{ "data none \"5\"", "none:0 5:1 ", NULL },
	{ "data rx hello", "rx:5 hello:5 ", NULL },
	{ "data rx 5x", "data: 5x: not a number or \"string\"", NULL },
	{ "data rq 1", "data: rq: not a protection", NULL },
};

static const struct command *my_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(mine); i++)
		if (strcmp(mine[i]->name, name) == 0)
			return mine[i];
	return NULL;
}

/* Runs @line with a command of ours; "" or the message. */
static void run(const char *line, struct err *err)
{
	struct cmd_input in[16];
	struct parsed p;
	size_t pos = 0;

	memset(in, 0, sizeof(in));
	assert_int_equal(parse_command(line, &pos, &p, err), 1);
	for (unsigned i = 1; i < p.nwords; i++)
		in[i - 1] = (struct cmd_input){
			.text = p.word[i].text, .len = p.word[i].len,
			.col = p.word[i].col, .quoted = p.word[i].quoted,
		};
	command_run(&session, my_command(p.word[0].text), in, p.nwords - 1,
		    session.text, err);
	emit_text_finish(session.text);
	parsed_free(&p);
}

static void test_bind__row(void **state)
{
	const struct bind_row *row = *state;
	struct err err;

	run(row->line, &err);
	assert_string_equal(err.kind ? err.msg : seen, row->want);
	if (row->hint)
		assert_string_equal(err.hint, row->hint);
	if (err.kind)
		assert_true((size_t)(err.col + err.len) <= strlen(row->line));
}

/* Lua gives numbers, not words. */
static void test_bind__numbers(void **state)
{
	struct cmd_input in[3] = {
		{ .value = { V_PLAIN, 0x1000 } }, { .value = { V_PLAIN, 7 } },
		{ .value = { V_PLAIN, 8 } },
	};
	struct err err;

	assert_int_equal(command_run(&session, &probe, in, 2, session.text,
				     &err), 0);
	assert_string_equal(seen, "va:1000 plain:7 ");
	assert_int_equal(command_run(&session, &words_cmd, in, 3, session.text,
				     &err), 0);
	assert_string_equal(seen, "4096:0 7:0 <7><8>");
	in[0].value.type = V_PA;
	assert_int_equal(command_run(&session, &probe, in, 1, session.text,
				     &err), -1);
	assert_non_null(strstr(err.msg, "is a physical address"));
}

static void test_usage__says_all(void **state)
{
	char buf[200], tiny[10];

	assert_string_equal(command_usage(buf, sizeof(buf), &probe),
			    "probe [-wx] [-p PID] [-s SIZE] VA [N]");
	assert_string_equal(command_usage(buf, sizeof(buf), &words_cmd),
			    "words [-w] FILE [ARG...]");
	assert_string_equal(command_usage(tiny, sizeof(tiny), &probe),
			    "probe [-w");
}

/* --- the session --------------------------------------------------------- */
static void test_session__failed_boot_keeps_the_system(void **state)
{
	static const char *const words[] = { "i386", "ram=1" };
	const struct kernel *before = session.k;
	unsigned boots = session.boots;
	struct err err;

	assert_int_equal(session_boot(&session, words, 2, &err), -1);
	assert_ptr_equal(session.k, before);
	assert_int_equal(session.boots, boots);
	assert_non_null(session_task(&session));
}

static void test_session__status_keeps_the_worst(void **state)
{
	session.status = 0;
	session_fail(&session, EXIT_COMMAND);
	session_fail(&session, EXIT_LIMIT);
	assert_int_equal(session.status, EXIT_COMMAND);
	session_fail(&session, EXIT_PANIC);
	session_fail(&session, EXIT_COMMAND);
	assert_int_equal(session.status, EXIT_PANIC);
	session.status = 0;
}

static void test_session__caret(void **state)
{
	session.interactive = true;
	session.errout.len = 0;
	session_line(&session, "pagewalk 0xfoo");
	session.interactive = false;
	session.status = 0;
	out_write(&session.errout, "", 1);
	assert_string_equal(session.errout.buf,
			    "pagewalk 0xfoo\n"
			    "         ^~~~~\n"
			    "mmsh: pagewalk: 0xfoo: not an address\n");
}

static void test_session__variables(void **state)
{
	assert_int_equal(session_set_var(&session, "a_1",
					 (struct value){ V_PA, 5 }), 0);
	assert_int_equal(session_set_var(&session, "a_1",
					 (struct value){ V_PA, 6 }), 0);
	assert_int_equal(session_var(&session, "a_1")->n, 6);
	assert_null(session_var(&session, "b"));
	assert_int_equal(session_set_var(&session, "1a",
					 (struct value){ V_PA, 5 }), -1);
	assert_int_equal(session_set_var(&session, "_",
					 (struct value){ V_PA, 5 }), -1);
}

static void test_session__prompt(void **state)
{
	char buf[64], tiny[6];

	assert_string_equal(session_prompt(&session, buf, sizeof(buf)),
			    "i386 1:init cpu0> ");
	assert_string_equal(session_prompt(&session, tiny, 1), "");
}

static int setup(void **state)
{
	static const char *const words[] = { "i386" };
	struct err err;

	session_init(&session);
	session.out.fd = session.errout.fd = -1;
	return session_boot(&session, words, 1, &err);
}

static int teardown(void **state)
{
	session_deinit(&session);
	return 0;
}

static const struct CMUnitTest fixed[] = {
	cmocka_unit_test(test_table__sorted_and_complete),
	cmocka_unit_test(test_table__options_are_distinct),
	cmocka_unit_test(test_table__required_before_optional),
	cmocka_unit_test(test_find__alias_prefix_and_guess),
	cmocka_unit_test(test_bind__numbers),
	cmocka_unit_test(test_usage__says_all),
	cmocka_unit_test(test_session__failed_boot_keeps_the_system),
	cmocka_unit_test(test_session__status_keeps_the_worst),
	cmocka_unit_test(test_session__caret),
	cmocka_unit_test(test_session__variables),
	cmocka_unit_test(test_session__prompt),
	cmocka_unit_test(test_table__examples_run),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(binds) + ARRAY_SIZE(fixed)];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (; n < ARRAY_SIZE(binds); n++)
		tests[n] = (struct CMUnitTest){
			.name = binds[n].line, .test_func = test_bind__row,
			.initial_state = (void *)&binds[n],
		};
	memcpy(tests + n, fixed, sizeof(fixed));
	return cmocka_run_group_tests_name("command", tests, setup, teardown);
}

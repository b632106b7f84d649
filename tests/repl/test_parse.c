/*
 * test_parse.c - lines become words, pipes and redirections. Each row is a
 * line and its parse, written as "word|word > file | pipe ; next command".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/parse.h"

/* Writes what @line parses to, or "error COL: message". */
static void describe(const char *line, char *buf, size_t size)
{
	struct parsed p;
	struct err err;
	size_t pos = 0, n = 0;
	int rc;

	buf[0] = 0;
	while ((rc = parse_command(line, &pos, &p, &err)) > 0) {
		for (unsigned i = 0; i < p.nwords; i++)
			n += snprintf(buf + n, size - n, "<%s>", p.word[i].text);
		if (p.file)
			n += snprintf(buf + n, size - n, " %s %s",
				      p.append ? ">>" : ">", p.file);
		if (p.pipe)
			n += snprintf(buf + n, size - n, " | %s", p.pipe);
		n += snprintf(buf + n, size - n, ";");
		parsed_free(&p);
	}
	if (rc < 0)
		snprintf(buf + n, size - n, "error %d: %s", err.col, err.msg);
}

struct row { const char *line, *want; };

static const struct row rows[] = {
	{ "", "" },
	{ "   \t", "" },
	{ "ps", "<ps>;" },
	{ "  pagewalk  0x1000 ", "<pagewalk><0x1000>;" },
	{ "a;b", "<a>;<b>;" },
	{ "a ; ; b;", "<a>;;<b>;" },
	{ "a # c; d", "<a>;" },
	{ "# only", ";" },
	{ "a#b", "<a#b>;" },
	{ "a\nb", "<a>;<b>;" },
	{ "a # c\nb", "<a>;<b>;" },
	{ "page __va(0x1000 + 8)", "<page><__va(0x1000 + 8)>;" },
	{ "p (1|2) (3>>1) (4;5)", "<p><(1|2)><(3>>1)><(4;5)>;" },
	{ "echo 'a b' \"c d\"", "<echo><a b><c d>;" },
	{ "echo \"a\\\"b\\\\\\x41\\n\"", "<echo><a\"b\\A\n>;" },
	{ "echo ''", "<echo><>;" },
	{ "echo a'b'c", "<echo><abc>;" },
	{ "e 'a;b|c>d#e'", "<e><a;b|c>d#e>;" },
	{ "maps | grep heap", "<maps> | grep heap;" },
	{ "maps | awk '{print; x}' ; ps", "<maps> | awk '{print; x}' ;<ps>;" },
	{ "maps > f", "<maps> > f;" },
	{ "maps >> 'my f'; ps", "<maps> >> my f;<ps>;" },
	{ "maps>f", "<maps> > f;" },
	{ "= 1 | 2 >> 1; ps", "<=><1 | 2 >> 1>;<ps>;" },
	{ "=1+1 # two", "<=><1+1>;" },
	{ "lua print(\"x\"); y = 1 > 2", "<lua><print(\"x\"); y = 1 > 2>;" },
	{ "lua 'print(1)'; ps", "<lua><print(1)>;<ps>;" },
	{ "let a 5; let b = 5; let c=5; let d= 5; let e =5",
	  "<let><a><5>;<let><b><5>;<let><c><5>;<let><d><5>;<let><e><5>;" },
	{ "let $a=(1 + 2) > f", "<let><$a><(1 + 2)> > f;" },
	{ "let a == 5; let =5; let 'a=5'; let a=; let a = ; let",
	  "<let><a><=><5>;<let><=5>;<let><a=5>;<let><a>;<let><a>;<let>;" },
	{ "let a\n= 5", "<let><a>;<=><5>;" },
	{ "echo a = b=c", "<echo><a><=><b=c>;" },
	{ "a | ", "error 2: | needs a command of the host" },
	{ "a || b", "error 2: | needs a command of the host" },
	{ "| b", "error 0: a command is missing before it" },
	{ "a >", "error 2: > needs the name of a file" },
	{ "a > f g", "error 6: nothing may follow the file of >" },
	{ "a 'b", "error 2: the quote does not end" },
	{ "a \"b\\", "error 4: unknown escape; there are "
		     "\\\" \\\\ \\n \\t \\0 \\xHH" },
	{ "a \"\\x4g\"", "error 3: \\x: two hex digits must follow" },
	{ "a (1", "error 2: ) is missing" },
};

static void test_parse__row(void **state)
{
	const struct row *row = *state;
	char buf[256];

	describe(row->line, buf, sizeof(buf));
	assert_string_equal(buf, row->want);
}

static void test_parse__keeps_nul_bytes(void **state)
{
	struct parsed p;
	struct err err;
	size_t pos = 0;

	assert_int_equal(parse_command("w \"a\\0b\"", &pos, &p, &err), 1);
	assert_int_equal(p.word[1].len, 3);
	assert_memory_equal(p.word[1].text, "a\0b", 4);
	assert_true(p.word[1].quoted);
	parsed_free(&p);
}

static void test_parse__raw_is_the_command_alone(void **state)
{
	const char *line = " ps ; maps -p 1 | cat";
	struct parsed p;
	struct err err;
	size_t pos = 0;

	assert_int_equal(parse_command(line, &pos, &p, &err), 1);
	parsed_free(&p);
	assert_int_equal(parse_command(line, &pos, &p, &err), 1);
	assert_int_equal(p.rawlen, strlen("maps -p 1"));
	assert_memory_equal(p.raw, "maps -p 1", p.rawlen);
	assert_int_equal(p.word[2].col, 14);
	parsed_free(&p);
}

/* Any bytes end in commands or in one error; nothing is read out of bounds. */
static void test_parse__random_bytes(void **state)
{
	static const char letters[] = "ab \t'\"\\|>;#()=$\n0x";
	uint32_t seed = 1;
	char line[40], buf[4096];

	for (unsigned n = 0; n < 20000; n++) {
		unsigned len = n % (sizeof(line) - 1);

		for (unsigned i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			line[i] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		line[len] = 0;
		describe(line, buf, sizeof(buf));
	}
}

#define NROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	struct CMUnitTest tests[NROWS + 3];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (; n < NROWS; n++)
		tests[n] = (struct CMUnitTest){
			.name = rows[n].line, .test_func = test_parse__row,
			.initial_state = (void *)&rows[n],
		};
	tests[n++] = (struct CMUnitTest)
		cmocka_unit_test(test_parse__keeps_nul_bytes);
	tests[n++] = (struct CMUnitTest)
		cmocka_unit_test(test_parse__raw_is_the_command_alone);
	tests[n++] = (struct CMUnitTest)
		cmocka_unit_test(test_parse__random_bytes);
	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}

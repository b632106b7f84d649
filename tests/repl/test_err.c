/*
 * test_err.c - messages, names of errors, did-you-mean.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine/types.h"
#include "repl/err.h"

static void test_err_set__returns_minus_one(void **state)
{
	struct err err = { .hint = "old" };

	assert_int_equal(err_set(&err, ERR_USER, "%s: %d", "x", 3), -1);
	assert_int_equal(err.kind, ERR_USER);
	assert_string_equal(err.msg, "x: 3");
	assert_string_equal(err.hint, "");
}

static void test_err_set__cuts_long_messages(void **state)
{
	struct err err;
	char big[2000];

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	err_set(&err, ERR_USER, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	err_errno(&err, -ENOMEM, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void test_err_errno__names_it(void **state)
{
	struct err err;

	err_errno(&err, -ENOMEM, "map");
	assert_int_equal(err.no, ENOMEM);
	assert_string_equal(err.msg, "map: ENOMEM (Cannot allocate memory)");
	err_errno(&err, ENOEXEC, "x");
	assert_int_equal(err.no, ENOEXEC);
	assert_string_equal(errno_name(999), "errno 999");
}

struct guess { const char *word, *want; };

static void test_closest_name(void **state)
{
	static const char *const names[] = {
		"pagewalk", "ptdump", "page", "ps", "PAGE_OFFSET", "heap", NULL,
	};
	static const struct guess rows[] = {
		{ "pagewlk", "pagewalk" },	{ "pagewakl", "pagewalk" },
		{ "ptdmup", "ptdump" },		{ "pag", "page" },
		{ "page_ofset", "PAGE_OFFSET" }, { "hepa", "heap" },
		{ "sp", "ps" },			{ "zzzzzz", NULL },
		{ "x", NULL },			{ "", NULL },
		{ "eap", "heap" },		{ "ehap", "heap" },
		{ "hheap", "heap" },		{ "is", NULL },
		{ "wage", NULL },		{ "qagewalk", "pagewalk" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *got = closest_name(rows[i].word, names);

		if (rows[i].want)
			assert_string_equal(got, rows[i].want);
		else
			assert_null(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_set__returns_minus_one),
		cmocka_unit_test(test_err_set__cuts_long_messages),
		cmocka_unit_test(test_err_errno__names_it),
		cmocka_unit_test(test_closest_name),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}

/*
 * test_emit.c - the text and JSON emitters: one result, two faces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repl/out.h"

/* What @fill emits, as text. Free it. */
static char *as_text(void (*fill)(struct result *r), bool colour, bool ascii)
{
	struct out o;
	struct result *r;
	char *s;

	out_init(&o, -1);
	o.colour = colour;
	o.ascii = ascii;
	r = emit_text_create(&o);
	r->va_digits = r->pa_digits = r->entry_digits = 8;
	fill(r);
	emit_text_destroy(r);
	s = strndup(o.buf ? o.buf : "", o.len);
	out_deinit(&o);
	return s;
}

static char *as_json(void (*fill)(struct result *r), const struct err *err)
{
	struct out o;
	struct result *r;
	char *s;

	out_init(&o, -1);
	r = emit_json_create(&o);
	r->va_digits = r->pa_digits = r->entry_digits = 8;
	emit_json_begin(r, "cmd \"x\"");
	fill(r);
	emit_json_finish(r, err);
	s = strndup(o.buf, o.len);
	emit_json_destroy(r);
	out_deinit(&o);
	return s;
}

static void assert_text(void (*fill)(struct result *r), const char *want)
{
	char *got = as_text(fill, false, false);

	assert_string_equal(got, want);
	free(got);
}

static void assert_json(void (*fill)(struct result *r), const char *want)
{
	char *got = as_json(fill, NULL), all[1024];

	snprintf(all, sizeof(all),
		 "{\"command\":\"cmd \\\"x\\\"\",\"ok\":true,\"result\":{%s}}\n",
		 want);
	assert_string_equal(got, all);
	free(got);
}

/* --- a walk, as design.md draws it --------------------------------------- */
static void fill_step(struct result *r, const char *name, unsigned index, pa_t at,
		      uint64_t entry, const char *flags, const char *txt, pa_t to)
{
	res_item(r, false);
	res_name(r, "name", "%s", name);
	res_hex(r, "index", "~[%s]", index, 3);
	res_pa(r, "entry_pa", "~ @%s", at);
	res_entry(r, "entry", "%s", entry);
	res_flags(r, "flags", "%s", flags);
	res_pa(r, NULL, txt, to);
}

static void fill_walk(struct result *r)
{
	res_str(r, "mode", "%s paging", "32-bit");
	res_pa(r, "root", "~ · cr3 %s", 0x1f6e000);
	res_line(r);
	res_text(r, COL_NAME, "cr3");
	res_pa(r, NULL, "~ %s", 0x1f6e000);
	res_list(r, "steps", RES_CHAIN);
	fill_step(r, "PDE", 0x20, 0x1f6e080, 0x1f70067, "P RW US A d",
		  "table %s", 0x1f70000);
	res_end(r);
	fill_step(r, "PTE", 0x4a, 0x1f70128, 0x2b40067, "P RW US A D",
		  "page %s", 0x2b40000);
	res_end(r);
	res_end(r);
	res_list(r, NULL, RES_TREE);
	res_item(r, true);
	res_pa(r, NULL, "pa %s", 0x2b40010);
	res_end(r);
	res_end(r);
	res_line(r);
	res_text(r, COL_DIM, "done");
	res_pa(r, "pa", NULL, 0x2b40010);
}

static void test_text__walk(void **state)
{
	assert_text(fill_walk,
"32-bit paging · cr3 0x01f6e000\n"
"cr3 0x01f6e000\n"
"└─ PDE[0x020] @0x01f6e080  0x01f70067  P RW US A d  table 0x01f70000\n"
"   └─ PTE[0x04a] @0x01f70128  0x02b40067  P RW US A D  page 0x02b40000\n"
"      └─ pa 0x02b40010\n"
"done\n");
}

static void test_text__ascii(void **state)
{
	char *got = as_text(fill_walk, false, true);

	assert_non_null(strstr(got, "paging - cr3"));
	assert_non_null(strstr(got, "\n   `- PTE[0x04a]"));
	for (const char *s = got; *s; s++)
		assert_true(*s > 0);
	free(got);
}

static void test_json__walk(void **state)
{
	assert_json(fill_walk,
"\"mode\":\"32-bit\",\"root\":\"0x01f6e000\",\"steps\":["
"{\"name\":\"PDE\",\"index\":\"0x020\",\"entry_pa\":\"0x01f6e080\","
"\"entry\":\"0x01f70067\",\"flags\":[\"P\",\"RW\",\"US\",\"A\"]},"
"{\"name\":\"PTE\",\"index\":\"0x04a\",\"entry_pa\":\"0x01f70128\","
"\"entry\":\"0x02b40067\",\"flags\":[\"P\",\"RW\",\"US\",\"A\",\"D\"]}],"
"\"pa\":\"0x02b40010\"");
}

/* --- trees, lines, tables ------------------------------------------------ */
static void leaf(struct result *r, const char *name, bool last)
{
	res_item(r, last);
	res_str(r, "n", "%s", name);
	res_end(r);
}

static void fill_tree(struct result *r)
{
	res_str(r, "n", "%s", "root");
	res_list(r, "kids", RES_TREE);
	res_item(r, false);
	res_str(r, "n", "%s", "a");
	res_line(r);
	res_text(r, COL_PLAIN, "more of a");
	res_list(r, "kids", RES_TREE);
	leaf(r, "a1", false);
	leaf(r, "a2", true);
	res_end(r);
	res_end(r);
	leaf(r, "b", true);
	res_end(r);
}

static void test_text__tree(void **state)
{
	assert_text(fill_tree, "root\n"
			       "├─ a\n"
			       "│  more of a\n"
			       "│  ├─ a1\n"
			       "│  └─ a2\n"
			       "└─ b\n");
}

static void test_json__tree(void **state)
{
	assert_json(fill_tree, "\"n\":\"root\",\"kids\":[{\"n\":\"a\","
		    "\"kids\":[{\"n\":\"a1\"},{\"n\":\"a2\"}]},{\"n\":\"b\"}]");
}

static const struct res_column cols[] = {
	{ "name", "NAME", false }, { "size", "SIZE", true },
	{ "note", "NOTE", false }, { 0 },
};

static void row(struct result *r, const char *name, uint64_t size,
		const char *note)
{
	res_item(r, false);
	res_str(r, "name", "%s", name);
	res_size(r, "size", "%s", size);
	res_str(r, "note", "%s", note);
	res_u64(r, "hidden", NULL, 1);
	res_end(r);
}

static void fill_table(struct result *r)
{
	res_table(r, "rows", cols);
	row(r, "a", 4096, "");
	row(r, "größer", 10 << 20, "x");
	row(r, "c", 5, NULL);
	res_end(r);
}

static void test_text__table(void **state)
{
	assert_text(fill_table, "NAME    SIZE  NOTE\n"
				"a         4K\n"
				"größer   10M  x\n"
				"c          5  -\n");
}

static void test_json__table(void **state)
{
	assert_json(fill_table, "\"rows\":["
		"{\"name\":\"a\",\"size\":4096,\"note\":\"\",\"hidden\":1},"
		"{\"name\":\"größer\",\"size\":10485760,\"note\":\"x\",\"hidden\":1},"
		"{\"name\":\"c\",\"size\":5,\"note\":null,\"hidden\":1}]");
}

/* Widths are those of the first rows; later ones are streamed. */
static void fill_long_table(struct result *r)
{
	res_table(r, "rows", cols);
	for (unsigned i = 0; i < 300; i++)
		row(r, i == 299 ? "very long name" : "n", 1024, "");
	res_end(r);
}

static void test_text__long_table(void **state)
{
	char *got = as_text(fill_long_table, false, false);
	unsigned lines = 0;

	for (const char *s = got; *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 301);
	assert_non_null(strstr(got, "\nn       1K\n"));
	assert_non_null(strstr(got, "\nvery long name    1K\n"));
	free(got);
}

/* Exact with four digits at most, else rounded and with a fraction. */
static void fill_sizes(struct result *r)
{
	static const uint64_t n[] = { 0, 1023, 1024, 639ULL << 10, 9999ULL << 10,
				      10001ULL << 10, 0x6ffe000, 0x7ffde000,
				      0x3ffff000, 128ULL << 40,
				      (128ULL << 40) - 4096, -(256ULL << 40) };

	for (size_t i = 0; i < ARRAY_SIZE(n); i++)
		res_size(r, "size", "%s", n[i]);
}

static void test_text__sizes(void **state)
{
	assert_text(fill_sizes, "0  1023  1K  639K  9999K  9.8M  112.0M  2.0G  "
				"1.0G  128T  128.0T  16.0E\n");
}

static void fill_nested(struct result *r)
{
	res_list(r, "l", RES_LINES);
	res_item(r, false);
	res_text(r, COL_PLAIN, "one");
	res_list(r, "m", RES_LINES);
	leaf(r, "inner", true);
	res_end(r);
	res_table(r, "rows", cols);
	row(r, "t", 1, "");
	res_end(r);
	res_end(r);
	res_item(r, true);
	res_text(r, COL_PLAIN, "two");
	res_end(r);
	res_end(r);
	res_list(r, "h", RES_HIDDEN);
	leaf(r, "unseen", true);
	res_end(r);
}

static void test_text__nested_lines(void **state)
{
	assert_text(fill_nested, "one\n"
				 "  inner\n"
				 "  NAME  SIZE  NOTE\n"
				 "  t        1\n"
				 "two\n");
}

static void test_json__nested_lines(void **state)
{
	assert_json(fill_nested, "\"l\":[{\"m\":[{\"n\":\"inner\"}],\"rows\":[{"
		    "\"name\":\"t\",\"size\":1,\"note\":\"\",\"hidden\":1}]},{}],"
		    "\"h\":[{\"n\":\"unseen\"}]");
}

/* --- cells --------------------------------------------------------------- */
static void fill_cells(struct result *r)
{
	res_text(r, COL_PLAIN, "padded%*s", 4, "");
	res_text(r, COL_PLAIN, "~|");
	res_str(r, "e", "(%s)", "");
	res_str(r, "nul", "(%s)", NULL);
	res_i64(r, "i", "%s", -5);
	res_bool(r, "b", "%s", true);
	res_hex(r, "x", "%s", 0xab, 1);
	res_hex(r, "big", "%s", UINT64_MAX, 20);
	res_text(r, COL_PLAIN, "end%*s", 3, "");
	res_line(r);
	res_line(r);
	res_object(r, "o");
	res_u64(r, "u", "u=%s", UINT64_MAX);
	res_end(r);
	res_strf(r, "s", "%s", "%d%%", 50);
}

static void test_text__cells(void **state)
{
	assert_text(fill_cells, "padded    |  -5  yes  0xab  "
		    "0xffffffffffffffff  end\nu=18446744073709551615  50%\n");
}

static void test_json__cells(void **state)
{
	assert_json(fill_cells, "\"e\":\"\",\"nul\":null,\"i\":-5,\"b\":true,"
		    "\"x\":\"0xab\",\"big\":\"0xffffffffffffffff\","
		    "\"o\":{\"u\":18446744073709551615},\"s\":\"50%\"");
}

/* What files are called must not steer the terminal or break the JSON. */
static void fill_hostile(struct result *r)
{
	res_str(r, "s", "%s", "a\033[31m\n\xff\xc2\x9b\"\\é");
}

static void test_text__hostile_strings(void **state)
{
	assert_text(fill_hostile, "a\\x1b[31m\\n\\xff\\xc2\\x9b\"\\é\n");
}

static void test_json__hostile_strings(void **state)
{
	assert_json(fill_hostile, "\"s\":\"a\\u001b[31m\\n\xef\xbf\xbd\xc2\x9b"
				  "\\\"\\\\é\"");
}

static void fill_coloured(struct result *r)
{
	res_pa(r, "p", "at %s.", 0x1000);
	res_text(r, COL_BAD, "no");
}

static void test_text__colours_only_the_value(void **state)
{
	char *got = as_text(fill_coloured, true, false);

	assert_string_equal(got, "at \033[36m0x00001000\033[0m.  "
				 "\033[1;31mno\033[0m\n");
	free(got);
}

/* Another tool's lines: blanks at both ends stay, and empty lines. */
static void fill_verbatim(struct result *r)
{
	res_str(r, "format", NULL, "x");
	res_list(r, "lines", RES_VERBATIM);
	res_verbatim(r, "  %d|  ", 1);
	res_verbatim(r, "%s", "");
	res_verbatim(r, "~%%s");
	res_end(r);
}

static void test_text__verbatim(void **state)
{
	assert_text(fill_verbatim, "  1|  \n\n~%s\n");
}

static void test_json__verbatim(void **state)
{
	assert_json(fill_verbatim, "\"format\":\"x\",\"lines\":[{\"line\":"
				   "\"  1|  \"},{\"line\":\"\"},{\"line\":"
				   "\"~%s\"}]");
}

/* A handler may fail with lists open. */
static void fill_open(struct result *r)
{
	res_list(r, "l", RES_TREE);
	res_item(r, false);
	res_u64(r, "n", "%s", 1);
	res_table(r, "t", cols);
	res_item(r, false);
	res_str(r, "name", "%s", "x");
}

static void test_emit__unfinished_result(void **state)
{
	struct err err;
	char *got;

	assert_text(fill_open, "├─ 1\n"
			       "│  NAME  SIZE  NOTE\n"
			       "│  x\n");
	err_errno(&err, -12, "map");
	err_hint(&err, "less");
	got = as_json(fill_open, &err);
	assert_string_equal(got, "{\"command\":\"cmd \\\"x\\\"\",\"ok\":false,"
		"\"error\":{\"kind\":\"errno\",\"message\":\"map: ENOMEM "
		"(Cannot allocate memory)\",\"errno\":\"ENOMEM\",\"hint\":"
		"\"less\"},\"result\":{\"l\":[{\"n\":1,\"t\":[{\"name\":\"x\"}]}]}}\n");
	free(got);
}

static void test_result__remembers_the_last_address(void **state)
{
	struct out o;
	struct result *r;

	out_init(&o, -1);
	r = emit_text_create(&o);
	res_va(r, "a", "%s", 0x1000);
	assert_true(r->last_addr_set && !r->last_addr_pa);
	res_pa(r, "b", "%s", 0x2000);
	assert_true(r->last_addr_pa && r->last_addr == 0x2000);
	res_va(r, "c", NULL, 0x3000);	/* not shown */
	assert_true(r->last_addr_pa && r->last_addr == 0x2000);
	emit_text_destroy(r);
	out_deinit(&o);
}

/* --- the same item again --------------------------------------------------- */
static const uint64_t again_rows[][3] = {
	{ 0x001, 0x1000, 0x7000 }, { 0x002, 0x2000, 0x6000 },
	{ 0x0ff, 0xfffff000, 0x12345000 }, { 0x100, 0, 0 },
	{ 0x3ff, 0x80000000, 0xabcde000 },
};

static void fill_row(struct result *r, const uint64_t *v, bool last)
{
	res_item(r, last);
	res_name(r, "name", "%s", "PTE");
	res_hex(r, "index", "~[%s]", v[0], 3);
	res_hex(r, "hidden", NULL, v[1], 8);
	res_pa(r, "pa", "-> %s", v[2]);
	res_u64(r, "n", "%s", 7);
	res_end(r);
}

static bool row_again(struct result *r, const uint64_t *v, unsigned n)
{
	struct res_number number[3] = { { v[0] }, { v[1] }, { v[2] } };

	return res_again(r, number, n, 1);
}

static void fill_rows(struct result *r, bool again)
{
	size_t n = ARRAY_SIZE(again_rows);

	res_list(r, "rows", RES_TREE);
	for (size_t i = 0; i < n; i++)
		if (!again || i == 0 || i + 1 == n ||
		    !row_again(r, again_rows[i], 3))
			fill_row(r, again_rows[i], i + 1 == n);
	res_end(r);
	res_line(r);
	res_u64(r, "total", "%s rows", n);
}

static void fill_rows_plainly(struct result *r) { fill_rows(r, false); }
static void fill_rows_again(struct result *r) { fill_rows(r, true); }

static void test_emit__again_gives_the_same_bytes(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		char *a = as_text(fill_rows_plainly, i & 1, i & 2);
		char *b = as_text(fill_rows_again, i & 1, i & 2);

		assert_string_equal(a, b);
		free(a);
		free(b);
	}
	char *a = as_json(fill_rows_plainly, NULL);
	char *b = as_json(fill_rows_again, NULL);

	assert_string_equal(a, b);
	free(a);
	free(b);
}

static void fill_no_room(struct result *r)
{
	static const uint64_t wide[] = { 0x1000, 0, 0 };

	res_list(r, "rows", RES_TREE);
	assert_false(row_again(r, again_rows[0], 3));	/* nothing to repeat */
	fill_row(r, again_rows[0], false);
	assert_false(row_again(r, wide, 3));		/* four digits in three */
	assert_false(row_again(r, again_rows[1], 1));	/* a number is missing */
	res_end(r);
}

static void test_emit__again_declines_what_does_not_fit(void **state)
{
	free(as_text(fill_no_room, false, false));
}

/* Many at once, each number a step further: up to where one does not fit. */
static void fill_steps(struct result *r)
{
	static const struct res_number number[] = {
		{ 0xffc, 1 }, { 0, 0 }, { 0x2000, 0x1000 },
	};

	r->pa_digits = 8;
	res_list(r, "rows", RES_TREE);
	fill_row(r, again_rows[0], false);
	assert_int_equal(res_again(r, number, 3, 3), 3);
	assert_true(r->last_addr == 0x4000);
	assert_int_equal(res_again(r, number, 3, 5), 1);
	res_end(r);
}

static void test_emit__again_by_steps(void **state)
{
	assert_text(fill_steps, "├─ PTE[0x001]  -> 0x00007000  7\n"
				"├─ PTE[0xffc]  -> 0x00002000  7\n"
				"├─ PTE[0xffd]  -> 0x00003000  7\n"
				"├─ PTE[0xffe]  -> 0x00004000  7\n"
				"├─ PTE[0xffc]  -> 0x00002000  7\n");
	free(as_json(fill_steps, NULL));
}

/* Items that the sink has flushed are gone; the next one serves. */
static void test_emit__again_over_flushes(void **state)
{
	unsigned again = 0;
	struct result *r;
	struct out o;
	FILE *f = tmpfile();
	long want = 0;

	assert_non_null(f);
	out_init(&o, fileno(f));
	r = emit_text_create(&o);
	r->pa_digits = 8;
	res_list(r, "rows", RES_TREE);
	for (unsigned i = 0; i < 20000; i++) {
		if (row_again(r, again_rows[i % 5], 3))
			again++;
		else
			fill_row(r, again_rows[i % 5], false);
		want += strlen("├─ PTE[0x000]  -> 0x00000000  7\n");
	}
	emit_text_destroy(r);
	out_deinit(&o);
	fseek(f, 0, SEEK_END);
	assert_int_equal(ftell(f), want);
	assert_true(again > 19000);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text__walk),
		cmocka_unit_test(test_text__sizes),
		cmocka_unit_test(test_text__ascii),
		cmocka_unit_test(test_json__walk),
		cmocka_unit_test(test_text__tree),
		cmocka_unit_test(test_json__tree),
		cmocka_unit_test(test_text__table),
		cmocka_unit_test(test_json__table),
		cmocka_unit_test(test_text__long_table),
		cmocka_unit_test(test_text__nested_lines),
		cmocka_unit_test(test_json__nested_lines),
		cmocka_unit_test(test_text__cells),
		cmocka_unit_test(test_json__cells),
		cmocka_unit_test(test_text__hostile_strings),
		cmocka_unit_test(test_json__hostile_strings),
		cmocka_unit_test(test_text__colours_only_the_value),
		cmocka_unit_test(test_text__verbatim),
		cmocka_unit_test(test_json__verbatim),
		cmocka_unit_test(test_emit__unfinished_result),
		cmocka_unit_test(test_result__remembers_the_last_address),
		cmocka_unit_test(test_emit__again_gives_the_same_bytes),
		cmocka_unit_test(test_emit__again_declines_what_does_not_fit),
		cmocka_unit_test(test_emit__again_by_steps),
		cmocka_unit_test(test_emit__again_over_flushes),
	};

	return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}

/*
 * test_value.c - expressions: values, types, and what mistakes are told.
 * On a booted i386 with the default layout: PAGE_OFFSET 0xc0000000, lowmem up
 * to 0x38000000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "repl/session.h"

static struct session session;

struct row {
	const char *text;
	enum vtype type;
	uint64_t n;
	const char *msg;	/* of the error, or NULL */
	const char *hint;	/* or NULL: not looked at */
};

static const struct row rows[] = {
	{ "0", V_PLAIN, 0, NULL, NULL },
	{ "42", V_PLAIN, 42, NULL, NULL },
	{ "0x1F", V_PLAIN, 31, NULL, NULL },
	{ "4K", V_PLAIN, 4096, NULL, NULL },
	{ "2m", V_PLAIN, 2 << 20, NULL, NULL },
	{ "1T", V_PLAIN, 1ULL << 40, NULL, NULL },
	{ "18446744073709551615", V_PLAIN, UINT64_MAX, NULL, NULL },
	{ "1 + 2 * 3", V_PLAIN, 7, NULL, NULL },
	{ "(1 + 2) * 3", V_PLAIN, 9, NULL, NULL },
	{ "10 - 3 - 2", V_PLAIN, 5, NULL, NULL },
	{ "1 << 4 | 1", V_PLAIN, 17, NULL, NULL },
	{ "1 | 2 ^ 3 & 1", V_PLAIN, 1 | (2 ^ (3 & 1)), NULL, NULL },
	{ "1 + 1 << 3", V_PLAIN, 16, NULL, NULL },
	{ "-1 & 0xff", V_PLAIN, 255, NULL, NULL },
	{ "~0 >> 60", V_PLAIN, 15, NULL, NULL },
	{ "7 % 4", V_PLAIN, 3, NULL, NULL },
	{ "1 << 64", V_PLAIN, 0, NULL, NULL },
	{ "PAGE_SIZE * 2", V_PLAIN, 8192, NULL, NULL },
	{ "PAGE_OFFSET", V_VA, 0xc0000000, NULL, NULL },
	{ "PAGE_OFFSET + 4K", V_VA, 0xc0001000, NULL, NULL },
	{ "high_memory - PAGE_OFFSET", V_PLAIN, 0x38000000, NULL, NULL },
	{ "PAGE_OFFSET >> 22", V_PLAIN, 0x300, NULL, NULL },
	{ "va:0x1234 & 0xfff", V_PLAIN, 0x234, NULL, NULL },
	{ "va:0x1234 & ~0xfff", V_VA, 0x1000, NULL, NULL },
	{ "va:0x1234 & 0xfffff000", V_VA, 0x1000, NULL, NULL },
	{ "pa:0x2000 | 5", V_PA, 0x2005, NULL, NULL },
	{ "pa:0x1000 + 8", V_PA, 0x1008, NULL, NULL },
	{ "pfn:2 + 1", V_PFN, 3, NULL, NULL },
	{ "plain:pa:7", V_PLAIN, 7, NULL, NULL },
	{ "__pa(0xc0001000)", V_PA, 0x1000, NULL, NULL },
	{ "__va(0x1000)", V_VA, 0xc0001000, NULL, NULL },
	{ "__va(pfn:1) + 8", V_VA, 0xc0001008, NULL, NULL },
	{ "pfn(pa:0x5000)", V_PFN, 5, NULL, NULL },
	{ "pfn(PAGE_OFFSET + 0x3000)", V_PFN, 3, NULL, NULL },
	{ "page(pfn:7)", V_PAGE, 7, NULL, NULL },
	{ "page(pfn:7) + 2", V_PAGE, 9, NULL, NULL },
	{ "page(pfn:7) - page(pfn:4)", V_PLAIN, 3, NULL, NULL },
	{ "page_to_pfn(virt_to_page(PAGE_OFFSET))", V_PFN, 0, NULL, NULL },
	{ "page_to_pfn(virt_to_page(PAGE_OFFSET) + 1)", V_PFN, 1, NULL, NULL },
	{ "page_to_phys(phys_to_page(0x5123))", V_PA, 0x5000, NULL, NULL },
	{ "page_to_virt(pfn_to_page(5))", V_VA, 0xc0005000, NULL, NULL },
	{ "virt_to_phys(phys_to_virt(0x1234))", V_PA, 0x1234, NULL, NULL },
	{ "virt_to_pfn(PAGE_OFFSET + 8K)", V_PFN, 2, NULL, NULL },
	{ "pfn_to_virt(2)", V_VA, 0xc0002000, NULL, NULL },
	{ "page_address(page(pfn:5))", V_VA, 0xc0005000, NULL, NULL },
	{ "page_address(pfn_to_page(0x40000))", V_VA, 0, NULL, NULL },
	{ "slow_virt_to_phys(PAGE_OFFSET + 5)", V_PA, 5, NULL, NULL },
	{ "virt_addr_valid(PAGE_OFFSET)", V_PLAIN, 1, NULL, NULL },
	{ "virt_addr_valid(VMALLOC_START)", V_PLAIN, 0, NULL, NULL },
	{ "virt_addr_valid(heap)", V_PLAIN, 0, NULL, NULL },
	{ "pfn_valid(max_pfn) + pfn_valid(0)", V_PLAIN, 1, NULL, NULL },
	{ "text", V_VA, 0x08048000, NULL, NULL },
	{ "[heap]", V_VA, 0x0804a000, NULL, NULL },
	{ "$x + 1", V_VA, 0x1001, NULL, NULL },

	{ "", 0, 0, "'': incomplete, a number is missing", NULL },
	{ "0xfoo", 0, 0, "0xfoo: not a number", NULL },
	{ "12ab", 0, 0, "12ab: not a number", NULL },
	{ "0x", 0, 0, "0x: not a number", NULL },
	{ "1 +", 0, 0, "1 +: incomplete, a number is missing", NULL },
	{ "1 2", 0, 0, "2: not understood after 1 ", NULL },
	{ "(1", 0, 0, "(1: ) is missing", NULL },
	{ "*", 0, 0, "*: not a number", NULL },
	{ "1 / 0", 0, 0, "1 / 0: division by zero", NULL },
	{ "0x10000000000000000", 0, 0,
	  "0x10000000000000000: does not fit in 64 bits", NULL },
	{ "17179869184G", 0, 0, "17179869184G: does not fit in 64 bits", NULL },
	{ "08048000", 0, 0, "08048000: a leading 0 would be octal in C",
	  "write 0x08048000" },
	{ "hepa", 0, 0, "hepa: not a number, and no such name",
	  "did you mean heap?" },
	{ "page_ofset", 0, 0, "page_ofset: not a number, and no such name",
	  "did you mean PAGE_OFFSET?" },
	{ "bfff0000", 0, 0, "bfff0000: not a number, and no such name",
	  "did you mean 0xbfff0000?" },
	{ "$y", 0, 0, "$y: not set", "let y VALUE" },
	{ "$_", 0, 0, "$_: no address was printed yet", NULL },
	{ "foo(1)", 0, 0, "foo: no such function",
	  "there are __pa, __va, pfn and page" },
	{ "heap + pa:8", 0, 0, "va:0x804a000 + pa:0x8: a linear address and a "
	  "physical address do not mix", "did you mean __va(pa:0x8)?" },
	{ "text + heap", 0, 0,
	  "va:0x8048000 + va:0x804a000: both are a linear address", NULL },
	{ "heap * 2", 0, 0, "va:0x804a000 * 0x2: a linear address and a plain "
	  "number do not mix", NULL },
	{ "~heap", 0, 0, "~ of a linear address makes no sense", NULL },
	{ "pfn(0x1000)", 0, 0, "0x1000: physical or linear?",
	  "pfn(pa:0x1000) or pfn(va:0x1000)" },
	{ "__pa(heap)", 0, 0, "0x804a000 is a user address: __pa is for the "
	  "direct map only", "follow the page tables: pagewalk 0x804a000" },
	{ "__pa(VMALLOC_START)", 0, 0, NULL, NULL },
	{ "__va(0x40000000)", 0, 0, "pa:0x40000000 has no __va: lowmem, the "
	  "direct map, ends at 0x38000000",
	  "it is in HighMem: kmap pfn:0x40000" },
	{ "__va(heap)", 0, 0, "va:0x804a000 is linear already", NULL },
	{ "virt_to_page(VMALLOC_START)", 0, 0, "0xf8800000 is in vmalloc: "
	  "virt_to_page is for the direct map only",
	  "follow the page tables: pagewalk 0xf8800000" },
	{ "page_to_virt(pfn_to_page(0x40000))", 0, 0, "pa:0x40000000 has no "
	  "__va: lowmem, the direct map, ends at 0x38000000", NULL },
	{ "pfn_to_page(0x80000)", 0, 0, "pfn:0x80000: no RAM, no struct page",
	  NULL },
	{ "page_to_pfn(pfn:5)", 0, 0, "pfn:0x5 is a page frame number; "
	  "page_to_pfn takes a struct page", NULL },
	{ "page_to_pfn(PAGE_OFFSET)", 0, 0,
	  "0xc0000000: no struct page begins there", NULL },
	{ "vmalloc_to_pfn(VMALLOC_START)", 0, 0,
	  "0xf8800000: nothing is mapped there", NULL },
	{ "__pa(pa:1)", 0, 0, "pa:0x1 is physical already", NULL },
};

static bool fails(const struct row *row)
{
	return row->msg || strcmp(row->text, "__pa(VMALLOC_START)") == 0;
}

static void test_value__row(void **state)
{
	const struct row *row = *state;
	struct value v = { V_PLAIN, 0 };
	struct err err = { .kind = ERR_NONE };
	int rc = expr_eval(&session, row->text, &v, &err);

	if (!fails(row)) {
		assert_string_equal(err.msg, "");
		assert_int_equal(rc, 0);
		assert_int_equal(v.type, row->type);
		assert_int_equal(v.n, row->n);
		return;
	}
	assert_int_equal(rc, -1);
	if (row->msg)
		assert_string_equal(err.msg, row->msg);
	if (row->hint)
		assert_string_equal(err.hint, row->hint);
	assert_true(err.len > 0);
	assert_true((size_t)err.col <= strlen(row->text));
}

static void test_value__nesting_is_limited(void **state)
{
	char text[4001];
	struct value v;
	struct err err;

	memset(text, '(', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(expr_eval(&session, text, &v, &err), -1);
	assert_string_equal(err.msg, "nested too deeply");
	memset(text, '-', sizeof(text) - 1);
	assert_int_equal(expr_eval(&session, text, &v, &err), -1);
	assert_string_equal(err.msg, "nested too deeply");
}

static void test_value__random_text(void **state)
{
	static const char letters[] = "01x()+-*/%&|^<>~$_apv:. K[]";
	uint32_t seed = 7;
	char text[24];
	struct value v;
	struct err err;

	for (unsigned n = 0; n < 50000; n++) {
		unsigned len = n % (sizeof(text) - 1);

		for (unsigned i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		text[len] = 0;
		if (expr_eval(&session, text, &v, &err) < 0) {
			assert_true(err.msg[0] != 0);
			assert_true((size_t)err.col <= len);
		}
	}
}

static void test_value__names_are_known(void **state)
{
	const char *name;
	struct value v;
	struct err err;
	unsigned n = 0;

	for (; (name = expr_name(&session, n)); n++)
		if (*name && expr_eval(&session, name, &v, &err) < 0)
			assert_int_equal(err.kind, ERR_USER);
	assert_true(n > 20);
}

static int setup(void **state)
{
	static const char *const words[] = { "i386" };
	struct err err;

	session_init(&session);
	if (session_boot(&session, words, 1, &err) < 0)
		return -1;
	return session_set_var(&session, "x", (struct value){ V_VA, 0x1000 });
}

static int teardown(void **state)
{
	session_deinit(&session);
	return 0;
}

#define NROWS (sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	struct CMUnitTest tests[NROWS + 3];
	size_t n = 0;

	memset(tests, 0, sizeof(tests));
	for (; n < NROWS; n++)
		tests[n] = (struct CMUnitTest){
			.name = rows[n].text, .test_func = test_value__row,
			.initial_state = (void *)&rows[n],
		};
	tests[n++] = (struct CMUnitTest)
		cmocka_unit_test(test_value__nesting_is_limited);
	tests[n++] = (struct CMUnitTest)
		cmocka_unit_test(test_value__random_text);
	tests[n++] = (struct CMUnitTest)
		cmocka_unit_test(test_value__names_are_known);
	return cmocka_run_group_tests_name("value", tests, setup, teardown);
}

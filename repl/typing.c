/*
 * typing.c - see typing.h.
 *
 * One function a type of argument, type_fn[] its row.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/dialect.h"
#include "repl/names.h"
#include "repl/session.h"
#include "repl/typing.h"

void typing_begin(struct typing *t, struct cmd_ctx *c,
		  const struct cmd_input *in, unsigned skip)
{
	t->c = c;
	t->in = in;
	t->skip = skip;
	t->text = in->text ? in->text + skip
			   : value_format(t->number, sizeof(t->number),
					  in->value);
}

/* Puts the caret under the whole word. Returns -1. */
static int blame(const struct typing *t)
{
	t->c->err->col = t->in->col + t->skip;
	t->c->err->len = strlen(t->text);
	return -1;
}

int typing_blame(struct cmd_ctx *c, const struct cmd_input *in)
{
	struct typing t;

	typing_begin(&t, c, in, 0);
	return blame(&t);
}

void typing_hint_usage(struct cmd_ctx *c)
{
	char usage[140];

	err_hint(c->err, "usage: %s",
		 command_usage(usage, sizeof(usage), c->cmd));
}

/* --- numbers and addresses ----------------------------------------------- */
static int evaluate(const struct typing *t, const char *text, const char *what,
		    struct value *ret)
{
	if (!t->in->text) {
		*ret = t->in->value;
		return 0;
	}
	if (expr_eval_as(t->c->s, text, what, ret, t->c->err) < 0) {
		t->c->err->col += t->in->col + (text - t->in->text);
		return -1;
	}
	return 0;
}

static const char *const described[V_NTYPES] = {
	[V_PLAIN] = "a plain number",	    [V_VA] = "a linear address",
	[V_PA] = "a physical address",	    [V_PFN] = "a page frame number",
	[V_PAGE] = "a struct page",
};

static const char *const wanted[V_NTYPES] = {
	[V_PLAIN] = "a number",
	[V_VA] = "a linear one",
	[V_PA] = "a physical one",
};

/* "pa:0x1000 is a physical address; pagewalk takes a linear one (did you
 * mean __va(0x1000)?)" */
static int wrong_type(const struct typing *t, struct value v, enum vtype want)
{
	struct err *err = t->c->err;
	char buf[40];
	const char *conv = want == V_VA ? "__va" : want == V_PA ? "__pa" : NULL;

	err_set(err, ERR_USER, "%s is %s; %s takes %s",
		value_format(buf, sizeof(buf), v), described[v.type],
		t->c->cmd->name, wanted[want]);
	if (conv && v.type <= V_PA)
		err_hint(err, "did you mean %s(0x%llx)?", conv,
			 (unsigned long long)v.n);
	else if (conv)
		err_hint(err, "did you mean %s(%s)?", conv, buf);
	return blame(t);
}

static int check_va(const struct typing *t, va_t va)
{
	va_t max = session_va_max(t->c->s);

	if (va <= max)
		return 0;
	err_set(t->c->err, ERR_USER,
		"0x%llx: linear addresses end at 0x%llx here",
		(unsigned long long)va, (unsigned long long)max);
	return blame(t);
}

static int to_va(const struct typing *t, const char *text, struct value *ret)
{
	struct value v;

	if (evaluate(t, text, "an address", &v) < 0)
		return -1;
	if (v.type != V_VA && v.type != V_PLAIN)
		return wrong_type(t, v, V_VA);
	if (check_va(t, v.n) < 0)
		return -1;
	*ret = (struct value){ V_VA, v.n };
	return 0;
}

static int type_va(const struct typing *t, struct cmd_arg *ret)
{
	return to_va(t, t->text, &ret->value);
}

static int type_pa(const struct typing *t, struct cmd_arg *ret)
{
	struct value v;

	if (evaluate(t, t->text, "an address", &v) < 0)
		return -1;
	if (v.type == V_PFN || v.type == V_PAGE)
		v = (struct value){ V_PA, v.n << PAGE_SHIFT };
	if (v.type == V_VA)
		return wrong_type(t, v, V_PA);
	ret->value = (struct value){ V_PA, v.n };
	return 0;
}

static int type_addr(const struct typing *t, struct cmd_arg *ret)
{
	return evaluate(t, t->text, "an address", &ret->value);
}

static int type_expr(const struct typing *t, struct cmd_arg *ret)
{
	return evaluate(t, t->text, "a number", &ret->value);
}

static int to_plain(const struct typing *t, const char *text, const char *what,
		    uint64_t *ret)
{
	struct value v;

	if (evaluate(t, text, what, &v) < 0)
		return -1;
	if (v.type != V_PLAIN)
		return wrong_type(t, v, V_PLAIN);
	*ret = v.n;
	return 0;
}

static int type_num(const struct typing *t, struct cmd_arg *ret)
{
	return to_plain(t, t->text, "a number", &ret->value.n);
}

static int type_size(const struct typing *t, struct cmd_arg *ret)
{
	if (to_plain(t, t->text, "a size", &ret->value.n) < 0)
		return -1;
	if (ret->value.n)
		return 0;
	err_set(t->c->err, ERR_USER, "%s: a size above 0 is needed", t->text);
	return blame(t);
}

/* --- ranges -------------------------------------------------------------- */
/* The last @op outside of parentheses, not at the start; or NULL. */
static const char *split_at(const char *s, char op, bool first)
{
	const char *found = NULL;
	int depth = 0;

	for (const char *p = s; *p; p++) {
		depth += *p == '(' ? 1 : *p == ')' ? -1 : 0;
		if (p > s && !depth && *p == op && !(first && found))
			found = p;
	}
	return found;
}

static int bad_range(const struct typing *t, uint64_t start, uint64_t end)
{
	err_set(t->c->err, ERR_USER, "%s: ends at 0x%llx, before its start "
		"0x%llx", t->text, (unsigned long long)end,
		(unsigned long long)start);
	err_hint(t->c->err, "a difference needs parentheses: (%s)", t->text);
	return blame(t);
}

/* VA-END, the end exclusive. */
static int range_between(const struct typing *t, const char *minus,
			 struct cmd_arg *ret)
{
	char *left = strndup(t->text, minus - t->text);
	struct value end;
	int rc;

	if (!left)
		abort();
	rc = expr_eval_as(t->c->s, left, "an address", &ret->value, t->c->err);
	free(left);
	if (rc < 0) {
		t->c->err->col += t->in->col + t->skip;
		return -1;
	}
	if (evaluate(t, minus + 1, "an address", &end) < 0)
		return -1;
	if (ret->value.type > V_VA)
		return wrong_type(t, ret->value, V_VA);
	if (end.type > V_VA)
		return wrong_type(t, end, V_VA);
	if (end.n - 1 < ret->value.n)
		return bad_range(t, ret->value.n, end.n);
	ret->value.type = V_VA;
	ret->end = end.n - 1;
	return check_va(t, ret->end);
}

/* VA+LEN: the whole is VA and its length what follows the last plus. */
static int range_length(const struct typing *t, const char *plus,
			struct cmd_arg *ret)
{
	struct value past;
	uint64_t len = 0;

	if (evaluate(t, t->text, "an address", &past) < 0 ||
	    to_plain(t, plus + 1, "a length", &len) < 0)
		return -1;
	if (past.type > V_VA)
		return wrong_type(t, past, V_VA);
	ret->value = (struct value){ V_VA, past.n - len };
	if (!len || past.n - 1 < ret->value.n) {
		err_set(t->c->err, ERR_USER, "%s: an empty range", t->text);
		return blame(t);
	}
	ret->end = past.n - 1;
	return check_va(t, ret->end);
}

static const char range_syntax[] = "a range is VA-END, VA+LEN or an area";

/* "heap..heap+4K", "heap..+4K": other tools write ranges so. */
static int dotted_range(const struct typing *t, const char *dots)
{
	const char *end = dots + 2;
	const char *op = *end == '+' ? "" : "-";

	err_set(t->c->err, ERR_USAGE, "%s: not a range", t->text);
	if (*end)
		err_hint(t->c->err, "did you mean %.*s%s%s?",
			 (int)(dots - t->text), t->text, op, end);
	else
		err_hint(t->c->err, "%s", range_syntax);
	return blame(t);
}

static int type_range(const struct typing *t, struct cmd_arg *ret)
{
	const char *dots = t->in->text ? strstr(t->text, "..") : NULL;
	const char *minus = split_at(t->text, '-', true);
	const char *plus = split_at(t->text, '+', false);
	int named = 0;

	if (t->in->text)
		named = name_range(t->c->s, t->text, &ret->value.n, &ret->end,
				   t->c->err);
	if (named < 0)
		return blame(t);
	ret->value.type = V_VA;
	if (named > 0)
		return 0;
	if (dots > t->text)
		return dotted_range(t, dots);
	if (t->in->text && minus)
		return range_between(t, minus, ret);
	if (t->in->text && plus)
		return range_length(t, plus, ret);
	if (to_va(t, t->text, &ret->value) < 0) {
		if (t->in->text && strpbrk(t->text, ":,"))
			err_hint(t->c->err, "%s", range_syntax);
		return -1;
	}
	ret->end = ret->value.n;
	return 0;
}

/* --- processes, CPUs, words ---------------------------------------------- */
static int type_pid(const struct typing *t, struct cmd_arg *ret)
{
	struct session *s = t->c->s;

	if (to_plain(t, t->text, "a process ID", &ret->value.n) < 0)
		return -1;
	if (s->k && ret->value.n <= INT32_MAX &&
	    find_task(s->k, (int)ret->value.n))
		return 0;
	err_set(t->c->err, ERR_USER, "%s: no such process", t->text);
	err_hint(t->c->err, s->k ? "ps lists them" : "boot i386");
	return blame(t);
}

static int type_cpu(const struct typing *t, struct cmd_arg *ret)
{
	unsigned n = t->c->s->m->ncpus;

	if (to_plain(t, t->text, "a CPU number", &ret->value.n) < 0)
		return -1;
	if (ret->value.n < n)
		return 0;
	if (n == 1)
		err_set(t->c->err, ERR_USER, "%s: no such CPU, there is only 0",
			t->text);
	else
		err_set(t->c->err, ERR_USER,
			"%s: no such CPU, there are 0 to %u", t->text, n - 1);
	return blame(t);
}

static int type_word(const struct typing *t, struct cmd_arg *ret)
{
	ret->str = t->text;
	ret->len = t->in->len ? t->in->len - t->skip : strlen(t->text);
	return 0;
}

static int type_keyval(const struct typing *t, struct cmd_arg *ret)
{
	if (strchr(t->text, '='))
		return type_word(t, ret);
	err_set(t->c->err, ERR_USAGE, "%s: not of the form key=value", t->text);
	typing_hint_usage(t->c);
	return blame(t);
}

static int type_command(const struct typing *t, struct cmd_arg *ret)
{
	const struct command *cmd = command_find(t->text, t->c->s->interactive,
						 t->c->err);

	if (!cmd)
		return blame(t);
	ret->str = cmd->name;
	ret->len = strlen(cmd->name);
	return 0;
}

static int type_dialect(const struct typing *t, struct cmd_arg *ret)
{
	if (!dialect_find(t->c->cmd, t->text, t->c->err))
		return blame(t);
	return type_word(t, ret);
}

static int type_prot(const struct typing *t, struct cmd_arg *ret)
{
	static const char letters[] = "rwx";
	const char *s = t->text, *l;

	ret->str = s;
	if (strcmp(s, "none") == 0)
		return 0;
	for (; *s; s++) {
		l = strchr(letters, *s);
		if (*s != '-' && !l) {
			err_set(t->c->err, ERR_USAGE, "%s: not a protection",
				t->text);
			err_hint(t->c->err, "letters of rwx, or none");
			return blame(t);
		}
		if (l)
			ret->value.n |= 1u << (l - letters);
	}
	return 0;
}

/* A number if it can be one and was not quoted, else bytes. */
static int type_data(const struct typing *t, struct cmd_arg *ret)
{
	struct err ignored;

	if (!t->in->text) {
		ret->value = t->in->value;
		return 0;
	}
	if (!t->in->quoted && expr_eval(t->c->s, t->text, &ret->value,
					&ignored) == 0)
		return 0;
	if (!t->in->quoted && isdigit((unsigned char)*t->text))
		return evaluate(t, t->text, "a number or \"string\"",
				&ret->value);
	type_word(t, ret);
	ret->value = (struct value){ V_PLAIN, ret->len };
	return 0;
}

static int (*const type_fn[])(const struct typing *t, struct cmd_arg *ret) = {
	[ARG_VA] = type_va,	    [ARG_PA] = type_pa,
	[ARG_ADDR] = type_addr,	    [ARG_SIZE] = type_size,
	[ARG_NUM] = type_num,	    [ARG_PID] = type_pid,
	[ARG_CPU] = type_cpu,	    [ARG_RANGE] = type_range,
	[ARG_FILE] = type_word,	    [ARG_WORD] = type_word,
	[ARG_PROT] = type_prot,	    [ARG_COMMAND] = type_command,
	[ARG_KEYVAL] = type_keyval, [ARG_EXPR] = type_expr,
	[ARG_DATA] = type_data,	    [ARG_TEXT] = type_word,
	[ARG_DIALECT] = type_dialect,
};

int typing_run(const struct typing *t, enum arg_type type, struct cmd_arg *ret)
{
	return type_fn[type](t, ret);
}

bool typing_keeps_word(enum arg_type type)
{
	return type_fn[type] == type_word;
}

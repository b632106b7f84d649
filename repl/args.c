/*
 * args.c - inputs become typed arguments: command_bind().
 *
 * Options first, so that -p PID decides whose `heap` the arguments mean. They
 * may stand anywhere, except for commands that end in a list of words (exec
 * FILE ARG...): there the first argument ends the options.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/dialect.h"
#include "repl/names.h"
#include "repl/session.h"

/* An input that is being typed: for error messages and their caret. */
struct typing {
	struct cmd_ctx *c;
	const struct cmd_input *in;
	const char *text;	/* in->text, or the value as text */
	unsigned skip;		/* of a word: the "-p" before its value */
	char number[40];
};

static void typing_begin(struct typing *t, struct cmd_ctx *c,
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

static int blame_input(struct cmd_ctx *c, const struct cmd_input *in)
{
	struct typing t;

	typing_begin(&t, c, in, 0);
	return blame(&t);
}

static void hint_usage(struct cmd_ctx *c)
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

static int type_range(const struct typing *t, struct cmd_arg *ret)
{
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
	if (t->in->text && minus)
		return range_between(t, minus, ret);
	if (t->in->text && plus)
		return range_length(t, plus, ret);
	if (to_va(t, t->text, &ret->value) < 0)
		return -1;
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
	hint_usage(t->c);
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

/* --- binding ------------------------------------------------------------- */
#define NUMBER_MAX 40	/* of an input that is a number, as text */

struct binder {
	struct cmd_ctx *c;
	const struct cmd_input **pos;	/* inputs that are no options */
	unsigned npos;
	char *bump;			/* unused part of c->scratch */
};

static int type_arg(struct binder *b, const struct cmd_input *in, unsigned skip,
		    enum arg_type type, struct cmd_arg *ret)
{
	struct cmd_arg arg = { .set = true };
	struct typing t;

	typing_begin(&t, b->c, in, skip);
	if (!in->text) {
		if (in->value.type == V_PLAIN && type_fn[type] == type_word)
			snprintf(t.number, sizeof(t.number), "%llu",
				 (unsigned long long)in->value.n);
		memcpy(b->bump, t.number, sizeof(t.number));
		t.text = b->bump;
		b->bump += NUMBER_MAX;
	}
	if (type_fn[type](&t, &arg) < 0)
		return -1;
	*ret = arg;
	return 0;
}

static const struct arg_spec *last_arg(const struct command *cmd)
{
	const struct arg_spec *last = NULL;

	for (unsigned i = 0; i < CMD_MAX_ARGS && cmd->arg[i].name; i++)
		last = &cmd->arg[i];
	return last;
}

/* Words that follow the first argument are not ours to interpret. */
static bool ends_in_words(const struct command *cmd)
{
	const struct arg_spec *a = last_arg(cmd);

	return a && (a->type == ARG_TEXT ||
		     (a->repeat && a->type == ARG_WORD));
}

static bool is_option(const struct cmd_input *in)
{
	return in->text && !in->quoted && in->text[0] == '-' &&
	       (isalpha((unsigned char)in->text[1]) || in->text[1] == '-');
}

static int opt_index(const struct command *cmd, char letter)
{
	for (int i = 0; i < CMD_MAX_OPTS && cmd->opt[i].letter; i++)
		if (cmd->opt[i].letter == letter)
			return i;
	return -1;
}

static int opt_by_name(const struct command *cmd, const char *name, size_t len,
		       struct closest *near)
{
	for (int i = 0; i < CMD_MAX_OPTS && cmd->opt[i].letter; i++) {
		const char *n = cmd->opt[i].name;

		if (n && strlen(n) == len && memcmp(n, name, len) == 0)
			return i;
		if (n)
			closest_try(near, n);
	}
	return -1;
}

static int bad_option(struct binder *b, const struct cmd_input *in,
		      const char *opt, int len, const char *near)
{
	err_set(b->c->err, ERR_USAGE, "%.*s: no such option", len, opt);
	if (near)
		err_hint(b->c->err, "did you mean --%s?", near);
	else
		hint_usage(b->c);
	return blame_input(b->c, in);
}

/* The value of option @i: its word from @skip on, or the next input. */
static int bind_value(struct binder *b, int i, const struct cmd_input **in,
		      const struct cmd_input *end, unsigned skip)
{
	const struct opt_spec *o = &b->c->cmd->opt[i];
	const struct cmd_input *word = *in;

	if (!word->text[skip]) {
		if (++*in == end) {
			err_set(b->c->err, ERR_USAGE, "%s: %s is missing",
				word->text, o->value ? o->value : "a value");
			hint_usage(b->c);
			return blame_input(b->c, word);
		}
		skip = 0;
	}
	return type_arg(b, *in, skip, o->type, &b->c->opt[i]);
}

static int bind_long(struct binder *b, const struct cmd_input **in,
		     const struct cmd_input *end)
{
	const struct cmd_input *word = *in;
	const char *name = word->text + 2;
	size_t len = strcspn(name, "=");
	struct closest near;
	char given[48];
	int i;

	snprintf(given, sizeof(given), "%.*s", (int)len, name);
	closest_init(&near, given);
	i = opt_by_name(b->c->cmd, name, len, &near);
	if (i < 0)
		return bad_option(b, word, word->text, (int)len + 2, near.best);
	if (b->c->cmd->opt[i].type != ARG_FLAG)
		return bind_value(b, i, in, end,
				  2 + len + (name[len] == '='));
	if (name[len]) {
		err_set(b->c->err, ERR_USAGE, "--%s: takes no value", given);
		return blame_input(b->c, word);
	}
	b->c->opt[i].set = true;
	return 0;
}

/* "-w", "-p3", "-wp 3" */
static int bind_letters(struct binder *b, const struct cmd_input **in,
			const struct cmd_input *end)
{
	const struct cmd_input *word = *in;

	for (unsigned at = 1; word->text[at]; at++) {
		char shown[3] = { '-', word->text[at], 0 };
		int i = opt_index(b->c->cmd, word->text[at]);

		if (i < 0)
			return bad_option(b, word, shown, 2, NULL);
		if (b->c->cmd->opt[i].type != ARG_FLAG)
			return bind_value(b, i, in, end, at + 1);
		b->c->opt[i].set = true;
	}
	return 0;
}

/* Types the options and collects the other inputs. */
static int bind_options(struct binder *b, const struct cmd_input *in,
			const struct cmd_input *end)
{
	const struct command *cmd = b->c->cmd;
	bool over = ends_in_words(cmd) && !cmd->opt[0].letter;
	int rc = 0;

	for (; rc == 0 && in < end; in++) {
		if (over || !is_option(in)) {
			b->pos[b->npos++] = in;
			over = over || ends_in_words(cmd);
		} else if (strcmp(in->text, "--") == 0) {
			over = true;
		} else if (in->text[1] == '-') {
			rc = bind_long(b, &in, end);
		} else {
			rc = bind_letters(b, &in, end);
		}
	}
	return rc;
}

/* From now on expressions mean the process of -p. */
static void choose_names(struct cmd_ctx *c)
{
	const struct cmd_arg *p = cmd_opt(c, 'p');
	int i = opt_index(c->cmd, 'p');

	if (p && c->cmd->opt[i].type == ARG_PID && c->k)
		c->s->names_of = find_task(c->k, (int)p->value.n);
}

/* The inputs from @from on as one, with blanks between. */
static struct cmd_input join(struct binder *b, unsigned from)
{
	struct cmd_input joined = *b->pos[from];
	char *s = b->bump;

	if (from + 1 == b->npos)
		return joined;
	joined.text = s;
	for (unsigned i = from; i < b->npos; i++) {
		const struct cmd_input *in = b->pos[i];
		char num[NUMBER_MAX];
		const char *text = in->text ? in->text :
			value_format(num, sizeof(num), in->value);

		if (i > from)
			*s++ = ' ';
		s = stpcpy(s, text);
	}
	b->bump = s + 1;
	joined.len = 0;
	b->npos = from + 1;
	return joined;
}

/* A repeated argument: each word is typed, to check it, and kept as typed. */
static int bind_rest(struct binder *b, unsigned at, const struct arg_spec *a,
		     struct cmd_arg *first)
{
	struct cmd_ctx *c = b->c;
	struct cmd_arg each;

	if (b->npos - at > CMD_MAX_INPUTS - 2) {
		err_set(c->err, ERR_USAGE, "more than %d arguments",
			CMD_MAX_INPUTS - 2);
		return -1;
	}
	for (unsigned i = at; i < b->npos; i++) {
		const struct cmd_input *in = b->pos[i];
		const char *text = in->text ? in->text : b->bump;

		if (type_arg(b, in, 0, a->type, i == at ? first : &each) < 0)
			return -1;
		c->rest[c->nrest++] = text;
	}
	return 0;
}

static int missing(struct cmd_ctx *c, const struct arg_spec *a)
{
	err_set(c->err, ERR_USAGE, "%s is missing", a->name);
	hint_usage(c);
	return -1;
}

static int too_many(struct binder *b, const struct cmd_input *in)
{
	err_set(b->c->err, ERR_USAGE, "%s: one argument too many",
		in->text ? in->text : "a number");
	if (in->text && strchr("+-*/%&^<", *in->text))
		err_hint(b->c->err, "write an expression without blanks, or in "
			 "parentheses");
	else
		hint_usage(b->c);
	return blame_input(b->c, in);
}

static int bind_args(struct binder *b)
{
	const struct command *cmd = b->c->cmd;
	unsigned i = 0;

	for (; i < CMD_MAX_ARGS && cmd->arg[i].name && i < b->npos; i++) {
		const struct arg_spec *a = &cmd->arg[i];
		struct cmd_arg *arg = &b->c->arg[i];
		struct cmd_input in = *b->pos[i];

		if (a->repeat)
			return bind_rest(b, i, a, arg);
		if (a == last_arg(cmd) &&
		    (a->type == ARG_TEXT || a->type == ARG_EXPR))
			in = join(b, i);
		if (type_arg(b, &in, 0, a->type, arg) < 0)
			return -1;
	}
	if (i < CMD_MAX_ARGS && cmd->arg[i].name && !cmd->arg[i].optional)
		return missing(b->c, &cmd->arg[i]);
	return i < b->npos ? too_many(b, b->pos[i]) : 0;
}

/* Room for every input as text, twice: by itself and joined. */
static size_t scratch_size(const struct cmd_input *in, unsigned n)
{
	size_t size = 1;

	for (unsigned i = 0; i < n; i++)
		size += NUMBER_MAX + 1 +
			(in[i].text ? strlen(in[i].text) : NUMBER_MAX);
	return size;
}

int command_bind(struct cmd_ctx *c, const struct cmd_input *in, unsigned n)
{
	struct binder b = { .c = c };
	int rc;

	c->scratch = malloc(scratch_size(in, n));
	c->rest = calloc(n + 1, sizeof(*c->rest));
	b.pos = calloc(n + 1, sizeof(*b.pos));
	if (!c->scratch || !c->rest || !b.pos)
		abort();
	b.bump = c->scratch;
	rc = bind_options(&b, in, in + n);
	if (rc == 0) {
		choose_names(c);
		rc = bind_args(&b);
	}
	free(b.pos);
	return rc;
}

void command_unbind(struct cmd_ctx *c)
{
	free(c->scratch);
	free(c->rest);
	c->scratch = NULL;
	c->rest = NULL;
	c->s->names_of = NULL;
}

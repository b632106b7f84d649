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

#include "repl/session.h"
#include "repl/typing.h"

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
		if (in->value.type == V_PLAIN && typing_keeps_word(type))
			snprintf(t.number, sizeof(t.number), "%llu",
				 (unsigned long long)in->value.n);
		memcpy(b->bump, t.number, sizeof(t.number));
		t.text = b->bump;
		b->bump += NUMBER_MAX;
	}
	if (typing_run(&t, type, &arg) < 0)
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

/* -v and -q of all commands that tell what the kernel did to a process. */
static bool story_option(struct cmd_ctx *c, const char *name, size_t len)
{
	if (!command_tells(c->cmd))
		return false;
	for (const struct story_opt *o = story_opts; o->letter; o++) {
		if ((len == 1 && *name == o->letter) ||
		    (strlen(o->name) == len && !memcmp(name, o->name, len))) {
			c->r->story = o->level;
			return true;
		}
	}
	return false;
}

static int bad_option(struct binder *b, const struct cmd_input *in,
		      const char *opt, int len, const char *near)
{
	err_set(b->c->err, ERR_USAGE, "%.*s: no such option", len, opt);
	if (!strncmp(opt, "-h", len) || !strncmp(opt, "--help", len))
		err_hint(b->c->err, "help %s tells about it", b->c->cmd->name);
	else if (near)
		err_hint(b->c->err, "did you mean --%s?", near);
	else
		typing_hint_usage(b->c);
	return typing_blame(b->c, in);
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
			typing_hint_usage(b->c);
			return typing_blame(b->c, word);
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
	if (i < 0 && story_option(b->c, name, len))
		return 0;
	if (i < 0)
		return bad_option(b, word, word->text, (int)len + 2, near.best);
	if (b->c->cmd->opt[i].type != ARG_FLAG)
		return bind_value(b, i, in, end,
				  2 + len + (name[len] == '='));
	if (name[len]) {
		err_set(b->c->err, ERR_USAGE, "--%s: takes no value", given);
		return typing_blame(b->c, word);
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

		if (i < 0 && story_option(b->c, shown + 1, 1))
			continue;
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
	typing_hint_usage(c);
	return -1;
}

/* Is it `touch heap 64K`: a range, and one word more? */
static bool ends_in_range(const struct binder *b)
{
	unsigned n = b->npos;

	return n >= 2 && last_arg(b->c->cmd) &&
	       last_arg(b->c->cmd)->type == ARG_RANGE &&
	       b->c->cmd->arg + n - 2 == last_arg(b->c->cmd) &&
	       b->pos[n - 2]->text;
}

static int too_many(struct binder *b, const struct cmd_input *in)
{
	err_set(b->c->err, ERR_USAGE, "%s: one argument too many",
		in->text ? in->text : "a number");
	if (in->text && strchr("+-*/%&^<", *in->text))
		err_hint(b->c->err, "write an expression without blanks, or in "
			 "parentheses");
	else if (ends_in_range(b) && in->text)
		err_hint(b->c->err,
			 "a range is one word: %s+%s for a length, "
			 "%s-END for an end",
			 b->pos[b->npos - 2]->text, in->text,
			 b->pos[b->npos - 2]->text);
	else
		typing_hint_usage(b->c);
	return typing_blame(b->c, in);
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

/*
 * parse.c - see parse.h.
 */
#include "repl/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A command as it is being read. */
struct parser {
	const char *line, *pos;
	struct parsed *ret;
	unsigned cap;		/* of ret->word */
	struct err *err;
	/* The word under construction: */
	char *buf;
	size_t len, size;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static int fail(struct parser *p, const char *from, const char *to,
		const char *what)
{
	err_set(p->err, ERR_USAGE, "%s", what);
	p->err->col = from - p->line;
	p->err->len = to > from ? to - from : 1;
	return -1;
}

static void put(struct parser *p, char c)
{
	if (p->len + 1 >= p->size) {
		p->size = p->size ? 2 * p->size : 32;
		p->buf = must(realloc(p->buf, p->size));
	}
	p->buf[p->len++] = c;
	p->buf[p->len] = 0;
}

static void skip_blanks(struct parser *p)
{
	while (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\r')
		p->pos++;
}

static bool at_end(char c)
{
	return c == 0 || c == '\n' || c == ';';
}

/* --- words --------------------------------------------------------------- */
static int parse_hex(struct parser *p, const char *from)
{
	int n = 0;

	for (int i = 0; i < 2; i++, p->pos++) {
		int c = tolower((unsigned char)*p->pos);

		if (!isxdigit(c))
			return fail(p, from, p->pos,
				    "\\x: two hex digits must follow");
		n = n * 16 + (isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	put(p, (char)n);
	return 0;
}

/* After the backslash within double quotes. */
static int parse_escape(struct parser *p)
{
	const char *from = p->pos - 1;
	char c = *p->pos++;

	switch (c) {
	case '"':
	case '\\':
		put(p, c);
		return 0;
	case 'n':
		put(p, '\n');
		return 0;
	case 't':
		put(p, '\t');
		return 0;
	case '0':
		put(p, 0);
		return 0;
	case 'x':
		return parse_hex(p, from);
	default:
		if (!c)
			p->pos--;
		return fail(p, from, p->pos, "unknown escape; there are "
			    "\\\" \\\\ \\n \\t \\0 \\xHH");
	}
}

static int parse_quoted(struct parser *p)
{
	const char *open = p->pos;
	char q = *p->pos++;

	while (*p->pos != q) {
		if (!*p->pos || *p->pos == '\n')
			return fail(p, open, p->pos, "the quote does not end");
		if (q == '"' && *p->pos == '\\') {
			p->pos++;
			if (parse_escape(p) < 0)
				return -1;
		} else {
			put(p, *p->pos++);
		}
	}
	p->pos++;
	return 0;
}

static bool ends_word(char c)
{
	return at_end(c) || c == ' ' || c == '\t' || c == '\r' || c == '|' ||
	       c == '>';
}

/* Reads one word into p->buf. */
static int parse_text(struct parser *p, bool *quoted)
{
	const char *open = NULL;
	int depth = 0;

	p->len = 0;
	put(p, 0);
	p->len = 0;
	*quoted = false;
	while (*p->pos && (depth > 0 || !ends_word(*p->pos))) {
		char c = *p->pos;

		if (c == '\'' || c == '"') {
			*quoted = true;
			if (parse_quoted(p) < 0)
				return -1;
			continue;
		}
		if (c == '\n')
			break;
		if (c == '(' && depth++ == 0)
			open = p->pos;
		if (c == ')' && depth > 0)
			depth--;
		put(p, c);
		p->pos++;
	}
	if (depth > 0)
		return fail(p, open, open + 1, ") is missing");
	return 0;
}

static void add_word(struct parser *p, const char *from, bool quoted)
{
	struct parsed *r = p->ret;

	if (r->nwords == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 8;
		r->word = must(realloc(r->word, p->cap * sizeof(*r->word)));
	}
	r->word[r->nwords++] = (struct word){
		.text = p->buf, .len = p->len, .col = from - p->line,
		.quoted = quoted,
	};
	p->buf = NULL;
	p->len = p->size = 0;
}

static int parse_word(struct parser *p)
{
	const char *from = p->pos;
	bool quoted;

	if (parse_text(p, &quoted) < 0)
		return -1;
	add_word(p, from, quoted);
	return 0;
}

/* --- what may follow the words ------------------------------------------- */
/* `| host command` up to ';', which quotes protect as in sh. */
static int parse_pipe(struct parser *p)
{
	const char *bar = p->pos++, *from;
	char q = 0;

	skip_blanks(p);
	from = p->pos;
	for (; *p->pos && *p->pos != '\n' && (q || *p->pos != ';'); p->pos++) {
		if (q ? *p->pos == q : *p->pos == '\'' || *p->pos == '"')
			q = q ? 0 : *p->pos;
		else if (*p->pos == '\\' && q != '\'' && p->pos[1])
			p->pos++;
	}
	if (p->pos == from || *from == '|')
		return fail(p, bar, bar + 1, "| needs a command of the host");
	p->ret->pipe = must(strndup(from, p->pos - from));
	return 0;
}

static int parse_file(struct parser *p)
{
	const char *arrow = p->pos;
	bool quoted;

	p->pos += p->ret->append = p->pos[1] == '>';
	p->pos++;
	skip_blanks(p);
	if (parse_text(p, &quoted) < 0)
		return -1;
	if (!p->len)
		return fail(p, arrow, p->pos, "> needs the name of a file");
	p->ret->file = p->buf;
	p->buf = NULL;
	p->size = 0;
	skip_blanks(p);
	if (!at_end(*p->pos) && *p->pos != '#')
		return fail(p, p->pos, p->pos + strlen(p->pos),
			    "nothing may follow the file of >");
	return 0;
}

/* All up to one of @stop or the end of the line is one word. */
static void parse_raw(struct parser *p, const char *stop)
{
	const char *from;

	skip_blanks(p);
	from = p->pos;
	while (*p->pos && *p->pos != '\n' && !strchr(stop, *p->pos))
		put(p, *p->pos++);
	while (p->len && isspace((unsigned char)p->buf[p->len - 1]))
		p->buf[--p->len] = 0;
	if (p->len)
		add_word(p, from, false);
}

static int parse_equals(struct parser *p)
{
	const char *from = p->pos;

	put(p, *p->pos++);
	add_word(p, from, false);
	parse_raw(p, ";#");
	return 0;
}

/* Was the first word `lua`, and is no quote next? Then Lua's syntax counts. */
static bool lua_follows(struct parser *p)
{
	const struct parsed *r = p->ret;

	skip_blanks(p);
	return r->nwords == 1 && strcmp(r->word[0].text, "lua") == 0 &&
	       *p->pos != '"' && *p->pos != '\'';
}

/*
 * `let a = 5`, as people write it: between the name and its value one = is
 * a separator. In a word without quotes each character is one of the line.
 */
static void skip_assignment(struct parser *p)
{
	const struct parsed *r = p->ret;
	struct word *name = &r->word[1];
	char *eq;

	if (r->nwords != 2 || strcmp(r->word[0].text, "let") != 0 ||
	    name->quoted)
		return;
	eq = strchr(name->text, '=');
	if (eq && eq > name->text) {
		p->pos -= strlen(eq);
		name->len = eq - name->text;
		*eq = 0;
	}
	skip_blanks(p);
	if (*p->pos == '=')
		p->pos++;
}

static int parse_words(struct parser *p)
{
	if (*p->pos == '=')
		return parse_equals(p);
	for (; skip_blanks(p), !at_end(*p->pos); ) {
		if (*p->pos == '#' || *p->pos == '|' || *p->pos == '>')
			return 0;
		if (parse_word(p) < 0)
			return -1;
		skip_assignment(p);
		if (lua_follows(p))
			parse_raw(p, "");
	}
	return 0;
}

static int parse_tail(struct parser *p)
{
	if ((*p->pos == '|' || *p->pos == '>') && !p->ret->nwords)
		return fail(p, p->pos, p->pos + 1,
			    "a command is missing before it");
	if (*p->pos == '|')
		return parse_pipe(p);
	if (*p->pos == '>')
		return parse_file(p);
	return 0;
}

static void trim_raw(struct parsed *r, const char *end)
{
	while (end > r->raw && isspace((unsigned char)end[-1]))
		end--;
	r->rawlen = end - r->raw;
}

int parse_command(const char *line, size_t *pos, struct parsed *ret,
		  struct err *err)
{
	struct parser p = { .line = line, .pos = line + *pos, .ret = ret,
			    .err = err };
	int rc;

	*ret = (struct parsed){ .nwords = 0 };
	skip_blanks(&p);
	if (!*p.pos)
		return 0;
	ret->raw = p.pos;
	ret->col = p.pos - line;
	rc = parse_words(&p);
	trim_raw(ret, p.pos);
	if (rc == 0)
		rc = parse_tail(&p);
	free(p.buf);
	if (rc < 0) {
		parsed_free(ret);
		return -1;
	}
	if (*p.pos == '#')
		p.pos += strcspn(p.pos, "\n");
	*pos = p.pos - line + (*p.pos != 0);
	return 1;
}

void parsed_free(struct parsed *p)
{
	for (unsigned i = 0; i < p->nwords; i++)
		free(p->word[i].text);
	free(p->word);
	free(p->pipe);
	free(p->file);
	*p = (struct parsed){ .nwords = 0 };
}

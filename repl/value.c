/*
 * value.c - expressions: a parser by precedence climbing that computes as it
 * goes, and the rules by which types combine.
 *
 *	expr    = unary { OP expr }		by precedence, as in C
 *	unary   = ('-' | '~' | '+') unary | TYPE ':' unary | primary
 *	primary = NUMBER [KMGT] | '(' expr ')' | FUNC '(' expr ')' |
 *		  NAME | '$'NAME
 */
#include "repl/value.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "repl/convert.h"
#include "repl/names.h"
#include "repl/session.h"

#define MAX_NESTING 200

const char *const vtype_name[V_NTYPES] = {
	[V_PLAIN] = "plain", [V_VA] = "va",	[V_PA] = "pa",
	[V_PFN] = "pfn",     [V_PAGE] = "page",
};

struct parser {
	struct session *s;
	const char *text, *pos;
	const char *what;	/* "an address": for "TEXT: not an address" */
	unsigned nesting;
	struct err *err;
};

char *value_format(char *buf, size_t size, struct value v)
{
	snprintf(buf, size, "%s%s0x%llx", v.type ? vtype_name[v.type] : "",
		 v.type ? ":" : "", (unsigned long long)v.n);
	return buf;
}

/* --- errors -------------------------------------------------------------- */
/* Marks [from, to) as the culprit. Returns -1. */
static int blame(struct parser *p, const char *from, const char *to)
{
	p->err->col = from - p->text;
	p->err->len = to > from ? to - from : 1;
	return -1;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static const char *skip_name(const char *s)
{
	while (name_char(*s))
		s++;
	return s;
}

static void skip_blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->pos))
		p->pos++;
}

/* "0xfoo: not an address": what stands at @from cannot begin a value. */
static int not_a_value(struct parser *p, const char *from)
{
	const char *to = skip_name(from);

	if (*from == 0) {
		err_set(p->err, ERR_USAGE, "%s: incomplete, %s is missing",
			*p->text ? p->text : "''", p->what);
		return blame(p, from, from);
	}
	if (to == from)
		to = from + 1;
	err_set(p->err, ERR_USAGE, "%.*s: not %s", (int)(to - from), from,
		p->what);
	return blame(p, from, to);
}

/* --- types --------------------------------------------------------------- */
enum rule {
	R_ADD, R_SUB,
	R_PLAIN,	/* plain numbers only */
	R_FIELD,	/* takes a typed number apart: the result is plain */
	R_MASK,		/* & : aligning keeps the type, cutting out does not */
	R_KEEP,		/* | ^ : a plain right side keeps the type */
};

static const struct binop {
	const char *op;
	unsigned prec;
	enum rule rule;
} binops[] = {
	{ "<<", 4, R_FIELD }, { ">>", 4, R_FIELD }, { "|", 1, R_KEEP },
	{ "^", 2, R_KEEP },   { "&", 3, R_MASK },   { "+", 5, R_ADD },
	{ "-", 5, R_SUB },    { "*", 6, R_PLAIN },  { "/", 6, R_FIELD },
	{ "%", 6, R_FIELD },
};

static const char *const a_type[V_NTYPES] = {
	[V_PLAIN] = "a plain number",	[V_VA] = "a linear address",
	[V_PA] = "a physical address",	[V_PFN] = "a page frame number",
	[V_PAGE] = "a struct page",
};

/* What to write instead of @v to get the type @want; "" if there is no way. */
static void suggest_cast(struct err *err, struct value v, enum vtype want)
{
	static const char *const conv[V_NTYPES][V_NTYPES] = {
		[V_PA] = { [V_VA] = "__va", [V_PFN] = "pfn",
			   [V_PAGE] = "page" },
		[V_VA] = { [V_PA] = "__pa", [V_PFN] = "pfn",
			   [V_PAGE] = "page" },
		[V_PFN] = { [V_PAGE] = "page", [V_PA] = "pa" },
		[V_PAGE] = { [V_PFN] = "pfn", [V_PA] = "pa" },
	};
	const char *name = conv[v.type][want];
	char buf[40];

	if (v.type == V_VA)	/* the plain number will do */
		v.type = V_PLAIN;
	if (name)
		err_hint(err, "did you mean %s(%s)?", name,
			 value_format(buf, sizeof(buf), v));
}

static int mixed(struct parser *p, const struct binop *op, struct value a,
		 struct value b, const char *at)
{
	char sa[40], sb[40];

	value_format(sa, sizeof(sa), a);
	value_format(sb, sizeof(sb), b);
	if (a.type == b.type)
		err_set(p->err, ERR_USER, "%s %s %s: both are %s", sa, op->op,
			sb, a_type[a.type]);
	else
		err_set(p->err, ERR_USER, "%s %s %s: %s and %s do not mix", sa,
			op->op, sb, a_type[a.type], a_type[b.type]);
	if (a.type && b.type && a.type != b.type)
		suggest_cast(p->err, b, a.type);
	return blame(p, at, at + strlen(op->op));
}

/* Ones from some bit up to bit 31 or 63: a mask that aligns. */
static bool aligns(uint64_t mask)
{
	uint64_t end = mask + (mask & -mask);

	return mask && (end == 0 || end == BIT(32));
}

/* The type of `a op b`, or -1: they do not mix. */
static int result_type(enum rule rule, struct value a, struct value b)
{
	bool plain_a = a.type == V_PLAIN, plain_b = b.type == V_PLAIN;

	switch (rule) {
	case R_ADD:
		return plain_b ? (int)a.type : plain_a ? (int)b.type : -1;
	case R_SUB:
		return plain_b ? (int)a.type : a.type == b.type ? V_PLAIN : -1;
	case R_PLAIN:
		return plain_a && plain_b ? V_PLAIN : -1;
	case R_FIELD:
		return plain_b ? V_PLAIN : -1;
	case R_MASK:
		return !plain_b ? -1 : aligns(b.n) ? (int)a.type : V_PLAIN;
	case R_KEEP:
		return plain_b ? (int)a.type : -1;
	}
	return -1;
}

static int divide(struct parser *p, char op, uint64_t a, uint64_t b,
		  const char *at, uint64_t *ret)
{
	if (!b) {
		err_set(p->err, ERR_USER, "%s: division by zero", p->text);
		return blame(p, at, at + 1);
	}
	*ret = op == '/' ? a / b : a % b;
	return 0;
}

static int compute(struct parser *p, const struct binop *op, struct value a,
		   struct value b, const char *at, struct value *ret)
{
	int type = result_type(op->rule, a, b);
	uint64_t n = 0;

	if (type < 0)
		return mixed(p, op, a, b, at);
	switch (*op->op) {
	case '+': n = a.n + b.n; break;
	case '-': n = a.n - b.n; break;
	case '*': n = a.n * b.n; break;
	case '&': n = a.n & b.n; break;
	case '|': n = a.n | b.n; break;
	case '^': n = a.n ^ b.n; break;
	case '<': n = b.n < 64 ? a.n << b.n : 0; break;
	case '>': n = b.n < 64 ? a.n >> b.n : 0; break;
	default:
		if (divide(p, *op->op, a.n, b.n, at, &n) < 0)
			return -1;
	}
	*ret = (struct value){ type, n };
	return 0;
}

/* --- numbers ------------------------------------------------------------- */
static unsigned digit_of(char c)
{
	return isdigit((unsigned char)c) ? (unsigned)(c - '0') :
	       isxdigit((unsigned char)c) ?
			(unsigned)(tolower((unsigned char)c) - 'a' + 10) : 99;
}

static int too_big(struct parser *p, const char *from, const char *to)
{
	err_set(p->err, ERR_USAGE, "%.*s: does not fit in 64 bits",
		(int)(to - from), from);
	return blame(p, from, to);
}

/* 08048000 is neither C nor what was meant: say so. */
static int leading_zero(struct parser *p, const char *from, const char *to)
{
	err_set(p->err, ERR_USAGE, "%.*s: a leading 0 would be octal in C",
		(int)(to - from), from);
	err_hint(p->err, "write 0x%.*s", (int)(to - from), from);
	return blame(p, from, to);
}

static int parse_number(struct parser *p, struct value *ret)
{
	const char *from = p->pos, *to = skip_name(from), *s = from;
	unsigned base = s[0] == '0' && (s[1] | 32) == 'x' ? 16 : 10, shift = 0;
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n = 0;

	s += base == 16 ? 2 : 0;
	if (s == to)
		return not_a_value(p, from);
	for (; digit_of(*s) < base; s++)
		if (__builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, digit_of(*s), &n))
			return too_big(p, from, to);
	if (base == 10 && *from == '0' && to - from > 1)
		return leading_zero(p, from, to);
	unit = *s ? strchr(units, toupper((unsigned char)*s)) : NULL;
	if (unit && s > from) {
		shift = 10 * (unit - units + 1);
		s++;
	}
	if (s != to)
		return not_a_value(p, from);
	if (n << shift >> shift != n)
		return too_big(p, from, to);
	p->pos = to;
	*ret = (struct value){ V_PLAIN, n << shift };
	return 0;
}

/* --- the parser ---------------------------------------------------------- */
static int parse_expr(struct parser *p, unsigned min_prec, struct value *ret);

static int expect_close(struct parser *p, const char *open)
{
	skip_blanks(p);
	if (*p->pos == ')') {
		p->pos++;
		return 0;
	}
	err_set(p->err, ERR_USAGE, "%s: ) is missing", p->text);
	return blame(p, open, open + 1);
}

static int parse_group(struct parser *p, struct value *ret)
{
	const char *open = p->pos++;

	if (++p->nesting > MAX_NESTING) {
		err_set(p->err, ERR_USAGE, "nested too deeply");
		return blame(p, open, open + 1);
	}
	if (parse_expr(p, 0, ret) < 0 || expect_close(p, open) < 0)
		return -1;
	p->nesting--;
	return 0;
}

static int parse_call(struct parser *p, const char *from, const char *to,
		      struct value *ret)
{
	size_t len = to - from;
	const struct func *fn = func_find(from, len);
	struct value v;

	if (fn) {
		p->pos = to;
		if (parse_group(p, &v) < 0)
			return -1;
		if (fn->conv(p->s, fn, v, ret, p->err) < 0)
			return blame(p, from, p->pos);
		return 0;
	}
	err_set(p->err, ERR_USAGE, "%.*s: no such function", (int)len, from);
	err_hint(p->err, "there are __pa, __va, pfn and page");
	return blame(p, from, to);
}

/* `pa:` and its like before a value. Returns the type, or -1. */
static int parse_cast(struct parser *p)
{
	for (int t = 0; t < V_NTYPES; t++) {
		size_t len = strlen(vtype_name[t]);

		if (strncmp(p->pos, vtype_name[t], len) == 0 &&
		    p->pos[len] == ':') {
			p->pos += len + 1;
			return t;
		}
	}
	return -1;
}

static int parse_name(struct parser *p, struct value *ret)
{
	const char *from = p->pos, *to;
	char name[64];

	to = skip_name(from + (*from == '$' || *from == '['));
	if (*to == '(' && *from != '$')
		return parse_call(p, from, to, ret);
	if (*from == '[' && *to == ']')
		to++;
	if (to - from >= (int)sizeof(name))
		return not_a_value(p, from);
	memcpy(name, from, to - from);
	name[to - from] = 0;
	if (name_lookup(p->s, name, p->what, ret, p->err) < 0)
		return blame(p, from, to);
	p->pos = to;
	return 0;
}

static int parse_unary(struct parser *p, struct value *ret);

/* A sign, complement or cast in front of @at. */
static int parse_prefixed(struct parser *p, char op, int cast,
			  struct value *ret)
{
	const char *at = p->pos;

	if (++p->nesting > MAX_NESTING) {
		err_set(p->err, ERR_USAGE, "nested too deeply");
		return blame(p, at, at + 1);
	}
	if (parse_unary(p, ret) < 0)
		return -1;
	p->nesting--;
	if (cast >= 0) {
		ret->type = cast;
	} else if (ret->type != V_PLAIN && op != '+') {
		err_set(p->err, ERR_USER, "%c of %s makes no sense", op,
			a_type[ret->type]);
		return blame(p, at - 1, p->pos);
	}
	ret->n = op == '-' ? -ret->n : op == '~' ? ~ret->n : ret->n;
	return 0;
}

static int parse_unary(struct parser *p, struct value *ret)
{
	int cast;
	char c;

	skip_blanks(p);
	c = *p->pos;
	if (c == '-' || c == '~' || c == '+') {
		p->pos++;
		return parse_prefixed(p, c, -1, ret);
	}
	cast = parse_cast(p);
	if (cast >= 0)
		return parse_prefixed(p, 0, cast, ret);
	if (c == '(')
		return parse_group(p, ret);
	if (isdigit((unsigned char)c))
		return parse_number(p, ret);
	if (name_char(c) || c == '$' || c == '[')
		return parse_name(p, ret);
	return not_a_value(p, p->pos);
}

static const struct binop *peek_binop(struct parser *p)
{
	skip_blanks(p);
	for (size_t i = 0; i < ARRAY_SIZE(binops); i++)
		if (strncmp(p->pos, binops[i].op, strlen(binops[i].op)) == 0)
			return &binops[i];
	return NULL;
}

static int parse_expr(struct parser *p, unsigned min_prec, struct value *ret)
{
	const struct binop *op;
	struct value right;

	if (parse_unary(p, ret) < 0)
		return -1;
	while ((op = peek_binop(p)) && op->prec > min_prec) {
		const char *at = p->pos;

		p->pos += strlen(op->op);
		if (parse_expr(p, op->prec, &right) < 0 ||
		    compute(p, op, *ret, right, at, ret) < 0)
			return -1;
	}
	return 0;
}

int expr_eval_as(struct session *s, const char *text, const char *what,
		 struct value *ret, struct err *err)
{
	struct parser p = { .s = s, .text = text, .pos = text, .what = what,
			    .err = err };
	struct value v;

	if (parse_expr(&p, 0, &v) < 0)
		return -1;
	skip_blanks(&p);
	if (*p.pos) {
		const char *end = p.pos + strlen(p.pos);

		err_set(err, ERR_USAGE, "%s: not understood after %.*s", p.pos,
			(int)(p.pos - text), text);
		return blame(&p, p.pos, end);
	}
	*ret = v;
	return 0;
}

int expr_eval(struct session *s, const char *text, struct value *ret,
	      struct err *err)
{
	return expr_eval_as(s, text, "a number", ret, err);
}

/*
 * emit_json.c - results as JSON: one object a command, on one line.
 *
 * The members of "result" are collected in memory while the handler runs, as
 * "ok" stands before them and is known only after it; once the handler is
 * certain (res_certain) they go straight to the sink. Fields without a name,
 * and all that is in a list or object without one, are for the text face.
 */
#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "repl/out.h"
#include "repl/stencil.h"

#define MAX_DEPTH 64

struct json {
	struct result r;
	struct out *o;
	struct out body;		/* memory */
	struct out *to;			/* &body, or o once "ok" is certain */
	char *command;			/* owned */
	char close[MAX_DEPTH];		/* '}' or ']' of each open frame */
	bool filled[MAX_DEPTH + 1];	/* it has a member: a comma is due */
	unsigned depth;
	unsigned skipped;		/* open frames inside a nameless one */
	struct stencil stencil;		/* the item begun last */
	unsigned item;			/* and its depth */
};

void out_json_string(struct out *o, const char *s)
{
	size_t left = strlen(s), n;

	out_write(o, "\"", 1);
	for (; left; s += n, left -= n) {
		n = utf8_len(s, left);
		if (!n) {
			out_str(o, "\xef\xbf\xbd");
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			out_write(o, "\\", 1);
			out_write(o, s, 1);
		} else if (*s == '\n' || *s == '\t') {
			out_str(o, *s == '\n' ? "\\n" : "\\t");
		} else if ((unsigned char)*s < 0x20) {
			out_printf(o, "\\u%04x", *s);
		} else {
			out_write(o, s, n);
		}
	}
	out_write(o, "\"", 1);
}

static void comma(struct json *j)
{
	if (j->filled[j->depth])
		out_write(j->to, ",", 1);
	j->filled[j->depth] = true;
}

static void key(struct json *j, const char *name)
{
	comma(j);
	out_json_string(j->to, name);
	out_write(j->to, ":", 1);
}

static void push(struct json *j, char open, char close)
{
	if (j->depth == MAX_DEPTH)
		abort();
	out_write(j->to, &open, 1);
	j->close[j->depth++] = close;
	j->filled[j->depth] = false;
}

/* Opens a named frame; a nameless one swallows what is inside. */
static void open_frame(struct json *j, const char *name, char open, char close)
{
	if (j->skipped || !name) {
		j->skipped++;
		return;
	}
	key(j, name);
	push(j, open, close);
}

static void json_object(struct result *r, const char *name)
{
	open_frame((struct json *)r, name, '{', '}');
}

static void json_list(struct result *r, const char *name, enum res_style style,
		      const struct res_column *cols)
{
	struct json *j = (struct json *)r;

	stencil_cut(&j->stencil);
	open_frame(j, name, '[', ']');
}

static void json_item(struct result *r, bool last)
{
	struct json *j = (struct json *)r;

	if (j->skipped) {
		j->skipped++;
		return;
	}
	comma(j);
	stencil_begin(&j->stencil, j->to);
	push(j, '{', '}');
	j->item = j->depth;
}

static void json_end(struct result *r)
{
	struct json *j = (struct json *)r;

	if (j->skipped) {
		j->skipped--;
		return;
	}
	if (!j->depth)
		return;
	j->depth--;
	out_write(j->to, &j->close[j->depth], 1);
	if (j->close[j->depth] == ']')
		stencil_cut(&j->stencil);
	else if (j->depth + 1 == j->item)
		stencil_end(&j->stencil, j->to);
}

static void json_line(struct result *r)
{
}

/* "P RW us A d" -> ["P","RW","A"]; of RES_WORDS all. */
static void put_flags(struct out *o, const char *s, bool all)
{
	bool any = false;

	out_write(o, "[", 1);
	while (*s) {
		size_t n = strcspn(s, " ");

		if (n && (all || !islower((unsigned char)*s))) {
			out_str(o, any ? ",\"" : "\"");
			out_write(o, s, n);
			out_write(o, "\"", 1);
			any = true;
		}
		s += n;
		s += strspn(s, " ");
	}
	out_write(o, "]", 1);
}

/* The number has a fixed place in its item if it has fixed width. */
static void put_hex_string(struct json *j, const struct res_field *f)
{
	uint64_t at = out_position(j->to) + 3;
	unsigned digits;

	out_write(j->to, "\"", 1);
	out_hex(j->to, f->u, f->digits);
	digits = out_position(j->to) - at;
	out_write(j->to, "\"", 1);
	if (digits != f->digits)
		stencil_cut(&j->stencil);
	stencil_number(&j->stencil, at, digits, f->u);
}

static void put_string(struct out *o, const struct res_field *f)
{
	if (!f->str)
		out_str(o, "null");
	else if (f->type == RES_FLAGS || f->type == RES_WORDS)
		put_flags(o, f->str, f->type == RES_WORDS);
	else
		out_json_string(o, f->str);
}

static void json_field(struct result *r, const struct res_field *f)
{
	struct json *j = (struct json *)r;
	struct out *o = j->to;

	if (j->skipped || !f->name) {
		if (f->type == RES_HEX)
			stencil_number(&j->stencil, 0, 0, f->u);
		return;
	}
	key(j, f->name);
	switch (f->type) {
	case RES_U64:
	case RES_SIZE:
		out_u64(o, f->u);
		break;
	case RES_I64:
		if ((int64_t)f->u < 0)
			out_write(o, "-", 1);
		out_u64(o, (int64_t)f->u < 0 ? -f->u : f->u);
		break;
	case RES_HEX:
		put_hex_string(j, f);
		break;
	case RES_BOOL:
		out_str(o, f->u ? "true" : "false");
		break;
	case RES_STR:
	case RES_FLAGS:
	case RES_WORDS:
		put_string(o, f);
		break;
	}
}

static uint64_t json_again(struct result *r, const struct res_number *number,
			   unsigned n, uint64_t times)
{
	struct json *j = (struct json *)r;
	uint64_t done;

	if (j->skipped)
		return times;
	done = stencil_fit(&j->stencil, j->to, number, n, times);
	stencil_write(&j->stencil, j->to, number, done);
	return done;
}

/* --- the object of a command ---------------------------------------------- */
static void put_member(struct out *o, const char *name, const char *value)
{
	out_printf(o, ",\"%s\":", name);
	out_json_string(o, value);
}

static void put_error(struct out *o, const struct err *err)
{
	out_printf(o, ",\"error\":{\"kind\":\"%s\"", err_kind_name(err->kind));
	put_member(o, "message", err->msg);
	if (err->kind == ERR_ERRNO)
		put_member(o, "errno", errno_name(err->no));
	if (*err->hint)
		put_member(o, "hint", err->hint);
	out_write(o, "}", 1);
}

static void put_head(const struct json *j, const struct err *err)
{
	out_str(j->o, "{\"command\":");
	out_json_string(j->o, j->command ? j->command : "");
	out_str(j->o, err ? ",\"ok\":false" : ",\"ok\":true");
	if (err)
		put_error(j->o, err);
}

/* The result up to here; its brace stays open. */
static void put_result(struct json *j)
{
	out_str(j->o, ",\"result\":{");
	out_write(j->o, j->body.buf, j->body.len);
	j->body.len = 0;
}

static void json_certain(struct result *r)
{
	struct json *j = (struct json *)r;

	if (j->to == j->o)
		return;
	put_head(j, NULL);
	put_result(j);
	stencil_cut(&j->stencil);
	j->to = j->o;
}

static const struct result_ops json_ops = {
	.object = json_object, .list = json_list, .item = json_item,
	.end = json_end, .line = json_line, .field = json_field,
	.again = json_again, .certain = json_certain,
};

struct result *emit_json_create(struct out *o)
{
	struct json *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->r.ops = &json_ops;
	j->r.data = true;
	j->o = o;
	out_init(&j->body, -1);
	j->to = &j->body;
	stencil_init(&j->stencil, ",");
	return &j->r;
}

void emit_json_begin(struct result *r, const char *command)
{
	struct json *j = (struct json *)r;

	free(j->command);
	j->command = strdup(command);
	if (!j->command)
		abort();
	j->to = &j->body;
	j->body.len = 0;
	j->depth = j->skipped = 0;
	j->filled[0] = false;
}

void emit_json_finish(struct result *r, const struct err *err)
{
	struct json *j = (struct json *)r;
	bool streamed = j->to == j->o;
	bool has_result;

	assert(!streamed || !err);
	while (j->depth || j->skipped)
		json_end(r);
	has_result = streamed || !err || j->body.len;
	if (!streamed)
		put_head(j, err);
	if (!streamed && has_result)
		put_result(j);
	out_str(j->o, has_result ? "}}\n" : "}\n");
	j->to = &j->body;
}

void emit_json_destroy(struct result *r)
{
	struct json *j = (struct json *)r;

	if (!j)
		return;
	free(j->command);
	out_deinit(&j->body);
	stencil_deinit(&j->stencil);
	free(j);
}

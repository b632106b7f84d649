/*
 * emit_json.c - results as JSON: one object a command, on one line.
 *
 * The members of "result" are collected in memory while the handler runs, as
 * "ok" stands before them and is known only after it. Fields without a name,
 * and all that is in a list or object without one, are for the text face.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "repl/out.h"

#define MAX_DEPTH 64

struct json {
	struct result r;
	struct out *o;
	struct out body;		/* memory */
	char *command;			/* owned */
	char close[MAX_DEPTH];		/* '}' or ']' of each open frame */
	bool filled[MAX_DEPTH + 1];	/* it has a member: a comma is due */
	unsigned depth;
	unsigned skipped;		/* open frames inside a nameless one */
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
		out_write(&j->body, ",", 1);
	j->filled[j->depth] = true;
}

static void key(struct json *j, const char *name)
{
	comma(j);
	out_json_string(&j->body, name);
	out_write(&j->body, ":", 1);
}

static void push(struct json *j, char open, char close)
{
	if (j->depth == MAX_DEPTH)
		abort();
	out_write(&j->body, &open, 1);
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
	open_frame((struct json *)r, name, '[', ']');
}

static void json_item(struct result *r, bool last)
{
	struct json *j = (struct json *)r;

	if (j->skipped) {
		j->skipped++;
		return;
	}
	comma(j);
	push(j, '{', '}');
}

static void json_end(struct result *r)
{
	struct json *j = (struct json *)r;

	if (j->skipped) {
		j->skipped--;
	} else if (j->depth) {
		j->depth--;
		out_write(&j->body, &j->close[j->depth], 1);
	}
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

static void put_hex_string(struct out *o, const struct res_field *f)
{
	out_write(o, "\"", 1);
	out_hex(o, f->u, f->digits);
	out_write(o, "\"", 1);
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
	struct out *o = &j->body;

	if (j->skipped || !f->name)
		return;
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
		put_hex_string(o, f);
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

static const struct result_ops json_ops = {
	.object = json_object, .list = json_list, .item = json_item,
	.end = json_end, .line = json_line, .field = json_field,
};

struct result *emit_json_create(struct out *o)
{
	struct json *j = calloc(1, sizeof(*j));

	if (!j)
		abort();
	j->r.ops = &json_ops;
	j->o = o;
	out_init(&j->body, -1);
	return &j->r;
}

void emit_json_begin(struct result *r, const char *command)
{
	struct json *j = (struct json *)r;

	free(j->command);
	j->command = strdup(command);
	if (!j->command)
		abort();
	j->body.len = 0;
	j->depth = j->skipped = 0;
	j->filled[0] = false;
}

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

void emit_json_finish(struct result *r, const struct err *err)
{
	struct json *j = (struct json *)r;

	while (j->depth || j->skipped)
		json_end(r);
	out_str(j->o, "{\"command\":");
	out_json_string(j->o, j->command ? j->command : "");
	out_str(j->o, err ? ",\"ok\":false" : ",\"ok\":true");
	if (err)
		put_error(j->o, err);
	if (!err || j->body.len) {
		out_str(j->o, ",\"result\":{");
		out_write(j->o, j->body.buf, j->body.len);
		out_write(j->o, "}", 1);
	}
	out_write(j->o, "}\n", 2);
	j->body.len = 0;
}

void emit_json_destroy(struct result *r)
{
	struct json *j = (struct json *)r;

	if (!j)
		return;
	free(j->command);
	out_deinit(&j->body);
	free(j);
}

/*
 * lresult.c - the third emitter: results as Lua tables, with the names and
 * nesting of the JSON.
 *
 * A Lua error (no memory) in the middle of a command would jump over the
 * handler that is at work. So a result is recorded first, without Lua, and
 * made into a table when the command is over.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lua/internal.h"

enum op { OP_OBJECT, OP_LIST, OP_ITEM, OP_END, OP_FIELD };

#define NO_STR SIZE_MAX

struct entry {
	enum op op;
	enum res_type type;
	uint64_t u;
	size_t name, str;	/* offsets in text, or NO_STR */
};

struct recorder {
	struct result r;
	struct entry *entry;	/* owned */
	size_t n, cap;
	struct out text;	/* memory: names and strings, terminated */
	unsigned skipped;	/* open frames inside a nameless one */
	unsigned depth;
	uint64_t max;
	bool overflow;
};

static size_t keep(struct recorder *rec, const char *s)
{
	size_t at = rec->text.len;

	if (!s)
		return NO_STR;
	out_write(&rec->text, s, strlen(s) + 1);
	return at;
}

static void record(struct recorder *rec, struct entry e)
{
	if (rec->n == rec->cap) {
		rec->cap = rec->cap ? 2 * rec->cap : 64;
		rec->entry = realloc(rec->entry, rec->cap * sizeof(e));
		if (!rec->entry)
			abort();
	}
	rec->entry[rec->n++] = e;
	if (rec->n * sizeof(e) + rec->text.len > rec->max)
		rec->overflow = true;
}

static void open_frame(struct result *r, enum op op, const char *name)
{
	struct recorder *rec = (struct recorder *)r;

	if (rec->skipped || rec->overflow || (!name && op != OP_ITEM)) {
		rec->skipped++;
		return;
	}
	rec->depth++;
	record(rec, (struct entry){ .op = op, .name = keep(rec, name) });
}

static void rec_object(struct result *r, const char *name)
{
	open_frame(r, OP_OBJECT, name);
}

static void rec_list(struct result *r, const char *name, enum res_style style,
		     const struct res_column *cols)
{
	open_frame(r, OP_LIST, name);
}

static void rec_item(struct result *r, bool last)
{
	open_frame(r, OP_ITEM, NULL);
}

static void rec_end(struct result *r)
{
	struct recorder *rec = (struct recorder *)r;

	if (rec->skipped) {
		rec->skipped--;
	} else if (rec->depth) {
		rec->depth--;
		record(rec, (struct entry){ .op = OP_END });
	}
}

static void rec_line(struct result *r)
{
}

static bool is_text(enum res_type type)
{
	return type == RES_STR || type == RES_FLAGS || type == RES_WORDS;
}

static void rec_field(struct result *r, const struct res_field *f)
{
	struct recorder *rec = (struct recorder *)r;
	bool text = is_text(f->type);

	if (rec->skipped || rec->overflow || !f->name)
		return;
	record(rec, (struct entry){ .op = OP_FIELD, .type = f->type, .u = f->u,
				    .name = keep(rec, f->name),
				    .str = keep(rec, text ? f->str : NULL) });
}

static const struct result_ops rec_ops = {
	.object = rec_object, .list = rec_list, .item = rec_item,
	.end = rec_end, .line = rec_line, .field = rec_field,
};

struct recorder *recorder_create(void)
{
	struct recorder *rec = calloc(1, sizeof(*rec));

	if (!rec)
		abort();
	rec->r.ops = &rec_ops;
	rec->r.data = true;
	out_init(&rec->text, -1);
	return rec;
}

void recorder_destroy(struct recorder *rec)
{
	if (!rec)
		return;
	free(rec->entry);
	out_deinit(&rec->text);
	free(rec);
}

struct result *recorder_reset(struct recorder *rec, uint64_t max)
{
	rec->n = 0;
	rec->text.len = 0;
	rec->skipped = rec->depth = 0;
	rec->overflow = false;
	rec->max = max;
	return &rec->r;
}

bool recorder_overflowed(const struct recorder *rec)
{
	return rec->overflow;
}

size_t recorder_size(const struct recorder *rec)
{
	return rec->n;
}

/* --- as a table ---------------------------------------------------------- */
/* "P RW us A" -> { "P", "RW", "A" }; of RES_WORDS all. */
static void push_flags(lua_State *L, const char *s, bool all)
{
	lua_Integer i = 0;

	lua_newtable(L);
	while (*s) {
		size_t n = strcspn(s, " ");

		if (n && (all || !islower((unsigned char)*s))) {
			lua_pushlstring(L, s, n);
			lua_rawseti(L, -2, ++i);
		}
		s += n;
		s += strspn(s, " ");
	}
}

static void push_value(const struct recorder *rec, lua_State *L,
		       const struct entry *e)
{
	const char *s = e->str == NO_STR ? NULL : rec->text.buf + e->str;

	if (e->type == RES_BOOL)
		lua_pushboolean(L, e->u != 0);
	else if (e->type != RES_STR && s && is_text(e->type))
		push_flags(L, s, e->type == RES_WORDS);
	else if (is_text(e->type))
		lua_pushstring(L, s);	/* NULL gives nil */
	else
		lua_pushinteger(L, (lua_Integer)e->u);
}

static void push_entry(const struct recorder *rec, lua_State *L,
		       const struct entry *e)
{
	const char *name = e->name == NO_STR ? NULL : rec->text.buf + e->name;

	luaL_checkstack(L, 4, "result");
	switch (e->op) {
	case OP_OBJECT:
	case OP_LIST:
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, name);
		break;
	case OP_ITEM:
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
		break;
	case OP_END:
		lua_pop(L, 1);
		break;
	case OP_FIELD:
		push_value(rec, L, e);
		lua_setfield(L, -2, name);
		break;
	}
}

void recorder_push(const struct recorder *rec, lua_State *L)
{
	int root;

	lua_newtable(L);
	root = lua_gettop(L);
	for (size_t i = 0; i < rec->n; i++)
		push_entry(rec, L, &rec->entry[i]);
	lua_settop(L, root);	/* an error may have left objects open */
}

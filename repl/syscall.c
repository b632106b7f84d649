/*
 * syscall.c - see syscall.h. The notation is strace's: NULL for address 0,
 * decimal lengths, names of flags joined by |, the errno with its text.
 */
#include "repl/syscall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/area_diff.h"
#include "repl/describe.h"
#include "repl/err.h"

#define CALL_MAX 512

struct line {
	char buf[CALL_MAX];
	size_t len;
};

static void put(struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->buf + l->len, sizeof(l->buf) - l->len, fmt, ap);
	va_end(ap);
	l->len += n;
	if (l->len >= sizeof(l->buf))
		l->len = sizeof(l->buf) - 1;
}

/* --- arguments ---------------------------------------------------------------
 */
static struct syscall_arg *add(struct syscall *sc, const char *name,
			       enum syscall_arg_kind kind, uint64_t v)
{
	struct syscall_arg *a = &sc->arg[sc->n];

	if (sc->n == SYSCALL_MAX_ARGS)
		abort();
	sc->n++;
	*a = (struct syscall_arg){ .name = name, .kind = kind, .value = v };
	return a;
}

void syscall_begin(struct syscall *sc, struct cmd_ctx *c, const char *name,
		   struct mm_struct *mm)
{
	*sc = (struct syscall){ .c = c, .name = name, .mm = mm };
	sc->areas = mm && c->r->story != STORY_OFF ? area_diff_begin(mm) : NULL;
	sc->story = story_begin_at(c->k, c->r->story);
}

void syscall_begin_brief(struct syscall *sc, struct cmd_ctx *c,
			 const char *name)
{
	*sc = (struct syscall){ .c = c, .name = name };
	sc->story = story_begin_at(
		c->k, c->r->story == STORY_VERBOSE ? STORY_VERBOSE : STORY_OFF);
}

void syscall_range(struct syscall *sc, va_t start, uint64_t len)
{
	if (sc->areas)
		area_diff_range(sc->areas, start, len);
}

void syscall_ptr(struct syscall *sc, const char *name, va_t va)
{
	add(sc, name, SYSCALL_PTR, va);
}

void syscall_num(struct syscall *sc, const char *name, uint64_t v)
{
	add(sc, name, SYSCALL_NUM, v);
}

void syscall_int(struct syscall *sc, const char *name, int64_t v)
{
	add(sc, name, SYSCALL_INT, (uint64_t)v);
}

void syscall_hex(struct syscall *sc, const char *name, uint64_t v)
{
	add(sc, name, SYSCALL_HEX, v);
}

void syscall_flags(struct syscall *sc, const char *name,
		   const struct syscall_name *names, uint64_t v)
{
	add(sc, name, SYSCALL_FLAGS, v)->names = names;
}

void syscall_text(struct syscall *sc, const char *name, const char *fmt, ...)
{
	struct syscall_arg *a = add(sc, name, SYSCALL_TEXT, 0);
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&a->text, fmt, ap) < 0)
		abort();
	va_end(ap);
}

void syscall_path(struct syscall *sc, const char *name, const char *path)
{
	syscall_text(sc, name, "\"%s\"", path);
}

void syscall_fd(struct syscall *sc, const char *name, const struct file *f)
{
	if (f)
		syscall_text(sc, name, "fd<%s>", f->f_inode->path);
	else
		syscall_int(sc, name, -1);
}

void syscall_strings(struct syscall *sc, const char *name,
		     const char *const *strings)
{
	struct line l = { .len = 0 };

	for (unsigned i = 0; strings[i]; i++) {
		if (i == 4) {
			put(&l, ", ...");
			break;
		}
		put(&l, "%s\"%.32s\"", i ? ", " : "", strings[i]);
	}
	syscall_text(sc, name, "[%s]", l.buf);
}

void syscall_wait_status(struct syscall *sc, const int *status)
{
	if (!status)
		syscall_ptr(sc, "wstatus", 0);
	else if (*status & 0x7f)
		syscall_text(sc, "wstatus",
			     "[{WIFSIGNALED(s) && WTERMSIG(s) == %s}]",
			     signal_name(*status & 0x7f));
	else
		syscall_text(sc, "wstatus",
			     "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]",
			     *status >> 8 & 0xff);
}

/* --- the call as text --------------------------------------------------------
 */
char *syscall_names(char *buf, size_t size, const struct syscall_name *names,
		    uint64_t v)
{
	struct line l = { .len = 0 };
	uint64_t left = v;

	for (const struct syscall_name *n = names; n->name; n++) {
		if ((v & n->mask) != n->value || (!n->value && left != v))
			continue;
		put(&l, "%s%s", l.len ? "|" : "", n->name);
		left &= ~n->mask;
	}
	if (left)
		put(&l, "%s0x%llx", l.len ? "|" : "", (unsigned long long)left);
	else if (!l.len)
		put(&l, "0");
	snprintf(buf, size, "%s", l.buf);
	return buf;
}

static void put_arg(struct line *l, const struct syscall_arg *a)
{
	unsigned long long v = a->value;
	char names[CALL_MAX / 2];

	switch (a->kind) {
	case SYSCALL_PTR:
		put(l, v ? "0x%llx" : "NULL", v);
		break;
	case SYSCALL_NUM:
		put(l, "%llu", v);
		break;
	case SYSCALL_INT:
		put(l, "%lld", (long long)v);
		break;
	case SYSCALL_HEX:
		put(l, v ? "0x%llx" : "0", v);
		break;
	case SYSCALL_FLAGS:
		put(l, "%s", syscall_names(names, sizeof(names), a->names, v));
		break;
	case SYSCALL_TEXT:
		put(l, "%s", a->text);
		break;
	}
}

/* --- emitting ------------------------------------------------------------ */
static void emit_arg(struct result *r, const struct syscall_arg *a)
{
	char names[CALL_MAX / 2];

	switch (a->kind) {
	case SYSCALL_PTR:
		res_va(r, a->name, NULL, a->value);
		break;
	case SYSCALL_NUM:
		res_u64(r, a->name, NULL, a->value);
		break;
	case SYSCALL_INT:
		res_i64(r, a->name, NULL, (int64_t)a->value);
		break;
	case SYSCALL_HEX:
		res_hex(r, a->name, NULL, a->value, 1);
		break;
	case SYSCALL_FLAGS:
		res_str(r, a->name, NULL,
			syscall_names(names, sizeof(names), a->names,
				      a->value));
		break;
	case SYSCALL_TEXT:
		res_str(r, a->name, NULL, a->text);
		break;
	}
}

static void emit_args(struct syscall *sc, struct result *r)
{
	struct line l = { .len = 0 };

	res_object(r, "args");
	for (unsigned i = 0; i < sc->n; i++) {
		emit_arg(r, &sc->arg[i]);
		put(&l, i ? ", " : "");
		put_arg(&l, &sc->arg[i]);
	}
	res_end(r);
	res_text(r, COL_PLAIN, "~(%s)", l.buf);
}

enum returned { RET_NUMBER, RET_PTR, RET_NEVER };

static void emit_call(struct syscall *sc, int64_t rc, enum returned how,
		      va_t va)
{
	struct result *r = sc->c->r;
	const char *name = rc < 0 ? errno_name((int)-rc) : NULL;

	res_line(r);
	res_object(r, "syscall");
	res_name(r, "name", "%s", sc->name);
	emit_args(sc, r);
	if (rc < 0) {
		res_i64(r, "ret", NULL, -1);
		res_str(r, "errno", NULL, name);
		res_text(r, COL_PLAIN, "~ = ");
		res_text(r, COL_BAD, "~-1 %s (%s)", name, strerror((int)-rc));
	} else if (how == RET_NEVER) {
		res_text(r, COL_PLAIN, "~ = ?");
	} else if (how == RET_PTR) {
		res_va(r, "ret", NULL, va);
		res_text(r, COL_PLAIN, "~ = ");
		res_text(r, COL_ADDR, "~0x%llx", (unsigned long long)va);
	} else {
		res_i64(r, "ret", "~ = %s", rc);
	}
	res_end(r);
}

static void finish(struct syscall *sc, int64_t rc, enum returned how, va_t va)
{
	if (sc->c->r->story != STORY_OFF && sc->name)
		emit_call(sc, rc, how, va);
	if (sc->areas)
		area_diff_end(sc->areas, sc->c->r);
	story_end(sc->story, sc->c->r);
	for (unsigned i = 0; i < sc->n; i++)
		free(sc->arg[i].text);
}

int64_t syscall_end(struct syscall *sc, int64_t rc)
{
	finish(sc, rc, RET_NUMBER, 0);
	return rc;
}

int syscall_end_ptr(struct syscall *sc, int rc, va_t va)
{
	finish(sc, rc, RET_PTR, va);
	return rc;
}

int syscall_end_map(struct syscall *sc, int rc, va_t va, uint64_t len)
{
	if (sc->areas && rc == 0)
		area_diff_mapped(sc->areas, va, len);
	return syscall_end_ptr(sc, rc, va);
}

void syscall_end_never(struct syscall *sc)
{
	finish(sc, 0, RET_NEVER, 0);
}

void syscall_cancel(struct syscall *sc)
{
	sc->name = NULL;
	finish(sc, 0, RET_NUMBER, 0);
}

/*
 * handler.c - see handler.h.
 *
 * A line runs like one at the prompt, as the process that got the signal, but
 * says nothing: what it does to the process is part of the story of the
 * command that raised the signal. It finds $si_signo, $si_code, $si_addr,
 * $si_page (the page of si_addr), $error_code and $trap. A command that fails
 * ends it: the handler has not returned.
 */
#include "repl/handler.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HANDLERS_DEEP 8

struct sig_handler {
	char *line; /* owned; NULL: Lua's */
	int ref;
};

static struct sig_handler *handler_new(struct session *s, unsigned *ret)
{
	s->handler =
		realloc(s->handler, (s->nhandlers + 1) * sizeof(*s->handler));
	if (!s->handler)
		abort();
	*ret = s->nhandlers;
	return &s->handler[s->nhandlers++];
}

unsigned handler_add_line(struct session *s, const char *line)
{
	struct sig_handler *h;
	unsigned i;

	for (i = 0; i < s->nhandlers; i++)
		if (s->handler[i].line && strcmp(s->handler[i].line, line) == 0)
			return i;
	h = handler_new(s, &i);
	h->line = strdup(line);
	if (!h->line)
		abort();
	return i;
}

unsigned handler_add_lua(struct session *s, int ref)
{
	unsigned i;
	struct sig_handler *h = handler_new(s, &i);

	*h = (struct sig_handler){ .ref = ref };
	return i;
}

const char *handler_text(const struct session *s, unsigned handler)
{
	if (handler >= s->nhandlers)
		return NULL;
	return s->handler[handler].line ? s->handler[handler].line : "function";
}

void handlers_deinit(struct session *s)
{
	for (unsigned i = 0; i < s->nhandlers; i++)
		free(s->handler[i].line);
	free(s->handler);
}

/* --- running ---------------------------------------------------------------
 */

static void set_number(struct session *s, const char *name, enum vtype type,
		       uint64_t n)
{
	session_set_var(s, name, (struct value){ type, n });
}

static void set_info(struct session *s, const struct siginfo *info)
{
	set_number(s, "si_signo", V_PLAIN, (uint64_t)info->signo);
	set_number(s, "si_code", V_PLAIN, (uint64_t)info->si_code);
	set_number(s, "si_addr", V_VA, info->addr);
	set_number(s, "si_page", V_VA, info->addr & PAGE_MASK);
	set_number(s, "error_code", V_PLAIN, info->error_code);
	set_number(s, "trap", V_PLAIN, info->trap);
}

/* "mmsh: map: EINVAL (..)\n" as the message of *err. */
static void take_report(struct session *s, struct err *err)
{
	size_t len = s->errout.len, n = strlen("mmsh: ");
	const char *p = s->errout.buf;

	if (len > n && memcmp(p, "mmsh: ", n) == 0) {
		p += n;
		len -= n;
	}
	while (len && p[len - 1] == '\n')
		len--;
	err_set(err, ERR_USER, "%.*s", (int)len, len ? p : "");
}

/* What the line would print goes nowhere; mistakes become s->handler_err. */
static bool run_line(struct session *s, const char *line)
{
	struct session before = *s;
	bool ok;

	out_init(&s->out, -1);
	out_init(&s->errout, -1);
	s->json = s->interactive = s->keep_going = false;
	s->line = 0;
	ok = session_line(s, line) == 0;
	if (!ok)
		take_report(s, &s->handler_err);
	out_deinit(&s->out);
	out_deinit(&s->errout);
	s->out = before.out;
	s->errout = before.errout;
	s->json = before.json;
	s->interactive = before.interactive;
	s->keep_going = before.keep_going;
	s->line = before.line;
	s->status = before.status;
	return ok;
}

static bool handler_run(void *ctx, unsigned cpu, unsigned handler,
			const struct siginfo *info)
{
	struct session *s = ctx;
	struct task_struct *names_of = s->names_of;
	unsigned before = s->cpu;
	bool ok = false;

	s->handler_err.msg[0] = '\0';
	if (s->in_handler == MAX_HANDLERS_DEEP) {
		err_set(&s->handler_err, ERR_BUDGET,
			"handlers are nested too deeply");
		return false;
	}
	s->in_handler++;
	s->cpu = cpu;
	s->names_of = NULL;
	if (s->handler[handler].line) {
		set_info(s, info);
		ok = run_line(s, s->handler[handler].line);
	} else if (s->lua_handler) {
		ok = s->lua_handler(s, s->handler[handler].ref, info,
				    &s->handler_err) == 0;
	}
	s->cpu = before;
	s->names_of = names_of;
	s->in_handler--;
	return ok;
}

void handlers_attach(struct session *s)
{
	s->hook = (struct signal_hook){ handler_run, s };
	s->k->signal_hook = &s->hook;
}

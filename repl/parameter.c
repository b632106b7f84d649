/*
 * parameter.c - see parameter.h.
 */
#include "repl/parameter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "name = value", as sysctl -a has it. */
static int format(const struct parameter *p, char *buf, size_t size)
{
	return *p->text ? snprintf(buf, size, "%s = %s", p->name, p->text)
			: snprintf(buf, size, "%s = %" PRIu64, p->name,
				   p->number);
}

/* Padded to @width, and then what it means; 0: without that. */
static void emit(struct cmd_ctx *c, const struct parameter *p, int width)
{
	char line[160];

	format(p, line, sizeof(line));
	res_item(c->r, false);
	res_str(c->r, "name", NULL, p->name);
	if (*p->text)
		res_str(c->r, "value", NULL, p->text);
	else
		res_u64(c->r, "value", NULL, p->number);
	if (width)
		res_text(c->r, COL_PLAIN, "%-*s", width, line);
	else
		res_text(c->r, COL_PLAIN, "%s", line);
	if (width)
		res_text(c->r, COL_DIM, "# %s", p->help);
	res_end(c->r);
}

static bool is_below(const struct parameter_set *set, const struct parameter *p,
		     const char *name)
{
	size_t len = strlen(name);

	return strncmp(p->name, name, len) == 0 &&
	       (!len || !p->name[len] || p->name[len] == set->dir);
}

int parameter_list(struct cmd_ctx *c, const struct parameter_set *set,
		   const char *name)
{
	struct parameter p;
	char line[160];
	int width = 0, n;

	for (unsigned i = 0; set->get(c->k, i, &p); i++) {
		n = is_below(set, &p, name) ? format(&p, line, sizeof(line))
					    : 0;
		width = n > width ? n : width;
	}
	if (!width)
		return parameter_unknown(c, set, name, strlen(name));
	res_list(c->r, set->list, RES_LINES);
	for (unsigned i = 0; set->get(c->k, i, &p); i++)
		if (is_below(set, &p, name))
			emit(c, &p, width);
	res_end(c->r);
	return 0;
}

void parameter_show(struct cmd_ctx *c, const struct parameter_set *set,
		    unsigned i)
{
	struct parameter p;

	set->get(c->k, i, &p);
	res_list(c->r, set->list, RES_LINES);
	emit(c, &p, 0);
	res_end(c->r);
}

int parameter_unknown(struct cmd_ctx *c, const struct parameter_set *set,
		      const char *name, size_t len)
{
	struct closest close;
	struct parameter p;
	char buf[80];

	snprintf(buf, sizeof(buf), "%.*s", (int)len, name);
	err_set(c->err, ERR_USER, "%s: %s", buf, set->none);
	closest_init(&close, buf);
	for (unsigned i = 0; set->get(c->k, i, &p); i++)
		closest_try(&close, p.name);
	if (close.best)
		err_hint(c->err, "did you mean %s?", close.best);
	return -1;
}

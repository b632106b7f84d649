/*
 * cmd_sysctl.c - sysctl: what can be set while the kernel runs. The
 * parameters are rows of kernel/sysctl.c.
 */
#include <errno.h>
#include <string.h>

#include "kernel/sysctl.h"
#include "repl/cmd.h"

static void emit_row(struct cmd_ctx *c, const struct ctl_table *t, bool help)
{
	res_item(c->r, false);
	res_str(c->r, "name", "%s =", t->procname);
	if (t->text)
		res_str(c->r, "value", "~ %s", t->text(c->k));
	else
		res_u64(c->r, "value", "~ %s", sysctl_read(c->k, t));
	if (help)
		res_text(c->r, COL_DIM, "# %s", t->help);
	res_end(c->r);
}

/* Is @name the row's, or the directory that it is in? */
static bool is_below(const struct ctl_table *t, const char *name, size_t len)
{
	return strncmp(t->procname, name, len) == 0 &&
	       (!len || !t->procname[len] || t->procname[len] == '.');
}

static int unknown(struct cmd_ctx *c, const char *name)
{
	struct closest close;

	err_set(c->err, ERR_USER, "%s: no such parameter", name);
	closest_init(&close, name);
	for (const struct ctl_table *t = sysctl_table; t->procname; t++)
		closest_try(&close, t->procname);
	if (close.best)
		err_hint(c->err, "did you mean %s?", close.best);
	return -1;
}

/* sysctl, sysctl vm, sysctl vm.max_map_count */
static int list(struct cmd_ctx *c, const char *name)
{
	size_t len = strlen(name);
	bool found = false;

	for (const struct ctl_table *t = sysctl_table; t->procname; t++)
		found |= is_below(t, name, len);
	if (!found)
		return unknown(c, name);
	res_list(c->r, "sysctl", RES_LINES);
	for (const struct ctl_table *t = sysctl_table; t->procname; t++)
		if (is_below(t, name, len))
			emit_row(c, t, true);
	res_end(c->r);
	return 0;
}

static int refused(struct cmd_ctx *c, const struct ctl_table *t, uint64_t value,
		   int rc)
{
	err_errno(c->err, rc, "%s = %llu", t->procname,
		  (unsigned long long)value);
	if (t->ro)
		err_hint(c->err, "this one is fixed at boot");
	else if (rc == -EINVAL && t->min)
		err_hint(c->err, "it is from %llu to %llu",
			 (unsigned long long)t->min,
			 (unsigned long long)t->max);
	else if (rc == -EINVAL)
		err_hint(c->err, "it is at most %llu",
			 (unsigned long long)t->max);
	return -1;
}

static int set(struct cmd_ctx *c, const char *word, const char *value)
{
	const struct ctl_table *t;
	struct value v;
	char name[80];
	int rc;

	if ((size_t)(value - word) > sizeof(name))
		return unknown(c, word);
	memcpy(name, word, value - word - 1);
	name[value - word - 1] = '\0';
	t = sysctl_find(name);
	if (!t)
		return unknown(c, name);
	if (expr_eval_as(c->s, value, "a number", &v, c->err) < 0)
		return -1;
	rc = sysctl_write(c->k, t, v.n);
	if (rc < 0)
		return refused(c, t, v.n, rc);
	res_list(c->r, "sysctl", RES_LINES);
	emit_row(c, t, false);
	res_end(c->r);
	return 0;
}

static int sysctl_run(struct cmd_ctx *c)
{
	const char *word = c->arg[0].set ? c->arg[0].str : "";
	const char *eq = strchr(word, '=');

	return eq ? set(c, word, eq + 1) : list(c, word);
}

static const char *sysctl_word(unsigned i)
{
	return sysctl_table[i].procname;
}

const struct command cmd_sysctl = {
	.name = "sysctl",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set what can be set while the kernel runs",
	.details =
		"Alone all parameters, with the beginning of names (vm) those.",
	.example = "sysctl vm.overcommit_memory=2",
	.arg = { { "NAME[=VALUE]", ARG_WORD, .optional = true } },
	.run = sysctl_run,
	.word = sysctl_word,
};

/*
 * cmd_sysctl.c - sysctl: what can be set while the kernel runs. The
 * parameters are rows of kernel/sysctl.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/sysctl.h"
#include "repl/parameter.h"

static bool get(const struct kernel *k, unsigned i, struct parameter *ret)
{
	const struct ctl_table *t = &sysctl_table[i];

	if (!t->procname)
		return false;
	*ret = (struct parameter){ .name = t->procname, .help = t->help };
	if (t->text)
		snprintf(ret->text, sizeof(ret->text), "%s", t->text(k));
	else
		ret->number = sysctl_read(k, t);
	return true;
}

static const struct parameter_set sysctls = {
	.list = "sysctl", .none = "no such parameter", .dir = '.', .get = get,
};

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
		return parameter_unknown(c, &sysctls, word, value - word - 1);
	memcpy(name, word, value - word - 1);
	name[value - word - 1] = '\0';
	t = sysctl_find(name);
	if (!t)
		return parameter_unknown(c, &sysctls, name, strlen(name));
	if (expr_eval_as(c->s, value, "a number", &v, c->err) < 0)
		return -1;
	rc = sysctl_write(c->k, t, v.n);
	if (rc < 0)
		return refused(c, t, v.n, rc);
	parameter_show(c, &sysctls, t - sysctl_table);
	return 0;
}

static int sysctl_run(struct cmd_ctx *c)
{
	const char *word = c->arg[0].set ? c->arg[0].str : "";
	const char *eq = strchr(word, '=');

	return eq ? set(c, word, eq + 1) : parameter_list(c, &sysctls, word);
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

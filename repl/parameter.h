/*
 * parameter.h - lists of named settings, as sysctl and
 * /sys/kernel/mm/transparent_hugepage have them: shown aligned, found by the
 * beginning of their names, misspelled.
 */
#ifndef REPL_PARAMETER_H
#define REPL_PARAMETER_H

#include "repl/cmd.h"

struct parameter {
	const char *name, *help;
	char text[80];		/* its value, unless that is a number */
	uint64_t number;
};

struct parameter_set {
	const char *list;	/* of the result: "sysctl" */
	const char *none;	/* "no such parameter" */
	char dir;		/* what ends a directory's name: '.' or '/' */
	/* The @i-th one; false: there are not so many. */
	bool (*get)(const struct kernel *k, unsigned i, struct parameter *ret);
};

/* All in directory @name, the one of that name, or with "" every one. */
int parameter_list(struct cmd_ctx *c, const struct parameter_set *set,
		   const char *name);
/* The @i-th one, which has just been set. */
void parameter_show(struct cmd_ctx *c, const struct parameter_set *set,
		    unsigned i);
/* The first @len characters of @name name none of them: -1. */
int parameter_unknown(struct cmd_ctx *c, const struct parameter_set *set,
		      const char *name, size_t len);

#endif

/*
 * alias.h - all linear addresses of a physical one: what the page tables of
 * the kernel map, and the areas of processes. For whatis.
 */
#ifndef REPL_ALIAS_H
#define REPL_ALIAS_H

#include "repl/cmd.h"

struct alias {
	va_t va;
	int pid;		/* whose; 0: the kernel's */
	struct rights rights;
	unsigned page_shift;
};

/*
 * Fills @ret with at most @max of the linear addresses of @pa; returns how many
 * there are. The kernel's come from its page tables, whoever made the
 * entries, but for the direct map and vmemmap, where a byte has one place; the
 * processes' from the reverse mapping or, for frames that it does not know
 * (zero page, vdso), from their page tables.
 */
unsigned find_aliases(struct kernel *k, pa_t pa, struct alias *ret,
		      unsigned max);

/* Emits the list "aliases". */
void emit_aliases(struct cmd_ctx *c, pa_t pa);

#endif

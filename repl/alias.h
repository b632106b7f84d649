/*
 * alias.h - all linear addresses of a physical one: what the page tables of
 * the kernel map, and the areas of processes. For whatis.
 */
#ifndef REPL_ALIAS_H
#define REPL_ALIAS_H

#include "repl/cmd.h"

/*
 * Emits the list "aliases". The kernel's come from its page tables, whoever
 * made the entries, but for the direct map and vmemmap, where a byte has one
 * place; the processes' from the reverse mapping or, for frames
 * that it does not know (zero page, vdso), from their page tables.
 */
void emit_aliases(struct cmd_ctx *c, pa_t pa);

#endif

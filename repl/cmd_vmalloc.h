/*
 * cmd_vmalloc.h - what the commands of the vmalloc space share.
 */
#ifndef REPL_CMD_VMALLOC_H
#define REPL_CMD_VMALLOC_H

#include "kernel/vmalloc.h"
#include "repl/cmd.h"

/* @n pages mapped at @va, and the frames behind them; $_ becomes @va. */
void cmd_emit_vmap(struct cmd_ctx *c, va_t va, unsigned n);
/* How many freed pages wait for a purge. */
void cmd_emit_lazy(struct cmd_ctx *c);

#endif

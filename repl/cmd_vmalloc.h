/*
 * cmd_vmalloc.h - what the commands of the vmalloc space share.
 */
#ifndef REPL_CMD_VMALLOC_H
#define REPL_CMD_VMALLOC_H

#include "kernel/vmalloc.h"
#include "repl/cmd.h"

/* @n pages mapped at @va, and the frames behind them; $_ becomes @va. */
void cmd_emit_vmap(struct cmd_ctx *c, va_t va, unsigned n);
/* 0, or -1 and an error: vmap or vm_map_ram still map one of @n frames. */
int cmd_not_vmapped(struct cmd_ctx *c, pfn_t pfn, uint64_t n);
/* How many freed pages wait for a purge. */
void cmd_emit_lazy(struct cmd_ctx *c);

#endif

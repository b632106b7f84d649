/* cmd_tlb.h - what the commands about cached translations share. */
#ifndef REPL_CMD_TLB_H
#define REPL_CMD_TLB_H

#include "repl/cmd.h"

/* Names of the paging-structure caches by depth (psc.h); NULL for depth 0. */
extern const char *const psc_name[PAGING_MAX_LEVELS];

/* tlb --stale, of one CPU or, if < 0, of all. */
int stale_run(struct cmd_ctx *c, int cpu);

#endif

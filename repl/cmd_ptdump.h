/* cmd_ptdump.h - what ptdump does that is in a file of its own. */
#ifndef REPL_CMD_PTDUMP_H
#define REPL_CMD_PTDUMP_H

#include "repl/command.h"

/* ptdump --wx (cmd_checkwx.c). */
int checkwx_run(struct cmd_ctx *c);

#endif

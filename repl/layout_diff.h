/*
 * layout_diff.h - two configurations side by side, for `layout --diff A B`.
 */
#ifndef REPL_LAYOUT_DIFF_H
#define REPL_LAYOUT_DIFF_H

#include "repl/command.h"

/*
 * @a and @b are what `boot` takes: "i386 ram=2G". Boots nothing. Emits the
 * boundaries and areas of both and why they differ; 0, or -1 and c->err says
 * what is wrong with which of them.
 */
int layout_diff(struct cmd_ctx *c, const char *a, const char *b);

#endif

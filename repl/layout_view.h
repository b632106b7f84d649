/*
 * layout_view.h - the layout as a picture (layout_picture.c), and two of them
 * side by side (layout_diff.c).
 *
 * A configuration is a text as `boot` takes it: "i386 ram=2G". Nothing is
 * booted for it. Functions that take one return 0, or -1 and c->err says what
 * is wrong with which.
 */
#ifndef REPL_LAYOUT_VIEW_H
#define REPL_LAYOUT_VIEW_H

#include "kernel/e820.h"
#include "kernel/kernel.h"
#include "repl/command.h"

struct layout_plan {
	struct kernel_config cfg;
	struct layout l;
	struct e820_map map;	/* if cfg has one: not to be copied */
};

/* The layout that a boot of @text would have. */
int layout_of(struct cmd_ctx *c, const char *text, struct layout_plan *ret);

/* Draws a layout as it would be; and that of the running kernel, with what is
 * mapped now, and the areas of the chosen process. */
void layout_draw(struct cmd_ctx *c, const struct kernel_config *cfg,
		 const struct layout *l);
int layout_draw_now(struct cmd_ctx *c);

/* What KASLR moved, how far, to one of how many places. */
void layout_emit_kaslr(struct result *r, const struct layout *l,
		       unsigned digits);

/* Emits the boundaries and areas of both, and why they differ. */
int layout_diff(struct cmd_ctx *c, const char *a, const char *b);

#endif

/*
 * cmd_layout.c - layout: the address space as a picture, of this boot or of
 * a configuration; or two configurations side by side.
 */
#include "repl/cmd.h"
#include "repl/layout_view.h"

static int draw_config(struct cmd_ctx *c, const char *text)
{
	struct layout_plan plan;

	if (layout_of(c, text, &plan) < 0)
		return -1;
	layout_draw(c, &plan.cfg, &plan.l);
	return 0;
}

static int bare(struct cmd_ctx *c)
{
	err_set(c->err, ERR_USER, "needs a kernel; this is a bare machine");
	err_hint(c->err, "boot i386; or layout i386, which boots nothing");
	return -1;
}

static int layout_run(struct cmd_ctx *c)
{
	const char *a = c->arg[0].set ? c->arg[0].str : NULL;
	const char *b = c->arg[1].set ? c->arg[1].str : NULL;

	if (cmd_opt(c, 'd') && b)
		return layout_diff(c, a, b);
	if (!cmd_opt(c, 'd') && !b && a && !cmd_opt(c, 'p'))
		return draw_config(c, a);
	if (!cmd_opt(c, 'd') && !a)
		return c->k ? layout_draw_now(c) : bare(c);
	if (cmd_opt(c, 'd'))
		err_set(c->err, ERR_USAGE,
			"--diff: two configurations are needed");
	else if (b)
		err_set(c->err, ERR_USAGE,
			"%s: a configuration of several words needs quotes; two "
			"need --diff", b);
	else
		err_set(c->err, ERR_USAGE, "%s: has no process", a);
	err_hint(c->err, "layout --diff \"i386\" \"i386 layout=6.1\"");
	return -1;
}

const struct command cmd_layout = {
	.name = "layout", .group = "kernel space",
	.help = "the address space from the top to 0, with the boundaries of this boot",
	.details =
		"A taller box is a larger area, but not in proportion. Beside it: its\n"
		"size, what the page tables map of it now, and what it is for; at its\n"
		"lower edge the address and the names of the boundary, which are\n"
		"symbols: = VMALLOC_START. Inside user space lie the areas of the process.\n"
		"With kaslr=on a table tells what moved, in which steps, to one of how\n"
		"many places, and how many bits that are.\n\n"
		"With A it is the layout of a configuration, in quotes, as boot takes it;\n"
		"--diff compares two: boundaries, room, and why they differ. Neither boots.",
	.arg = { { "A", ARG_WORD, true, false }, { "B", ARG_WORD, true, false } },
	.opt = { { 'd', "diff", ARG_FLAG, NULL,
		   "compare the configurations A and B" },
		 CMD_OPT_PID },
	.example = "layout", .run = layout_run,
};

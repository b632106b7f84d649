/*
 * cmd_layout.c - layout: kernel space as this boot laid it out.
 */
#include "repl/cmd.h"

static const struct res_column layout_cols[] = {
	{ "start", "start", false }, { "last", "last", false },
	{ "size", "size", true },    { "name", "area", false },
	{ "note", "", false },	     { 0 },
};

static void emit_layout_row(struct cmd_ctx *c, const struct layout_area *a)
{
	va_t last = a->end ? a->end - 1
			   : c->k->arch->word == 4 ? 0xffffffffULL : ~0ULL;
	struct result *r = c->r;

	res_item(r, false);
	res_va(r, "start", "%s", a->start);
	res_va(r, "last", "%s", last);
	res_size(r, "size", "%s", last - a->start + 1);
	res_str(r, "name", "%s", a->name);
	res_str(r, "note", "%s", a->note);
	res_end(r);
}

static int layout_run(struct cmd_ctx *c)
{
	const struct layout *l = &c->k->layout;

	res_table(c->r, "areas", layout_cols);
	for (unsigned i = 0; i < l->nareas; i++)
		emit_layout_row(c, &l->area[i]);
	res_end(c->r);
	return 0;
}

const struct command cmd_layout = {
	.name = "layout", .group = "kernel space", .flags = CMD_NEEDS_KERNEL,
	.help = "the address space from 0 to the top, with the boundaries of this boot",
	.example = "layout", .run = layout_run,
};

/*
 * cmd_convert.c - __pa, __va: the two names of a lowmem byte.
 */
#include "repl/cmd.h"

static int pa_run(struct cmd_ctx *c)
{
	struct value pa;

	if (value_pa(c->s, c->arg[0].value, &pa, c->err) < 0)
		return -1;
	res_text(c->r, COL_PLAIN, "__pa(");
	res_va(c->r, "va", "~%s", c->arg[0].value.n);
	res_pa(c->r, "pa", "~) = %s", pa.n);
	return 0;
}

static int va_run(struct cmd_ctx *c)
{
	struct value pa = { V_PA, c->arg[0].value.n }, va;

	if (value_va(c->s, pa, &va, c->err) < 0)
		return -1;
	res_text(c->r, COL_PLAIN, "__va(");
	res_pa(c->r, "pa", "~%s", pa.n);
	res_va(c->r, "va", "~) = %s", va.n);
	return 0;
}

const struct command cmd_pa = {
	.name = "__pa", .group = "kernel space", .flags = CMD_NEEDS_KERNEL,
	.help = "physical address of a kernel logical address",
	.details = "A subtraction, and only true in the direct map (and the kernel\n"
		   "image). A vmalloc, kmap or user address has no __pa.",
	.example = "__pa PAGE_OFFSET+1M",
	.arg = { { "VA", ARG_VA } }, .run = pa_run,
};

const struct command cmd_va = {
	.name = "__va", .group = "kernel space", .flags = CMD_NEEDS_KERNEL,
	.help = "kernel logical address of a lowmem physical address",
	.example = "__va 1M",
	.arg = { { "PA", ARG_PA } }, .run = va_run,
};

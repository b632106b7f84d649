/*
 * cmd_invalidate.c - what makes one CPU forget translations: invlpg, invpcid,
 * and the hardware's task switch.
 */
#include <stdio.h>
#include <string.h>

#include "repl/cmd.h"

static int invlpg_run(struct cmd_ctx *c)
{
	struct cpu *cpu = cmd_chosen_cpu(c);

	cpu_invlpg(cpu, c->arg[0].value.n);
	res_text(c->r, COL_PLAIN, "invlpg");
	res_va(c->r, "va", "~ %s", c->arg[0].value.n);
	res_u64(c->r, "cpu", "~ on cpu%s", cpu->id);
	return 0;
}

static const char *const invpcid_types[] = {
	[INVPCID_ADDRESS] = "address",
	[INVPCID_PCID] = "pcid",
	[INVPCID_ALL] = "all",
	[INVPCID_ALL_NONGLOBAL] = "all-nonglobal",
	NULL,
};

/* A name, or a number, which may be one that the instruction refuses. */
static int invpcid_type(struct cmd_ctx *c, const char *word, uint64_t *ret)
{
	struct err ignored;
	struct value v;
	const char *near;

	for (unsigned i = 0; invpcid_types[i]; i++)
		if (strcasecmp(word, invpcid_types[i]) == 0) {
			*ret = i;
			return 0;
		}
	if (expr_eval(c->s, word, &v, &ignored) == 0 && v.type == V_PLAIN) {
		*ret = v.n;
		return 0;
	}
	err_set(c->err, ERR_USER, "%s: no type of INVPCID", word);
	near = closest_name(word, invpcid_types);
	if (near)
		err_hint(c->err, "did you mean %s?", near);
	else
		err_hint(c->err,
			 "address, pcid, all, all-nonglobal, or 0 to 3");
	return -1;
}

static void emit_invpcid(struct cmd_ctx *c, unsigned type, unsigned cpu)
{
	struct result *r = c->r;

	res_u64(r, "type", "invpcid %s,", type);
	res_str(r, "what", "~ %s", invpcid_types[type]);
	if (type <= INVPCID_PCID)
		res_u64(r, "pcid", type ? "~ %s" : "~, pcid %s",
			c->arg[1].value.n);
	if (type == INVPCID_ADDRESS)
		res_va(r, "va", "~, %s", c->arg[2].value.n);
	res_u64(r, "cpu", "~ on cpu%s", cpu);
}

static int invpcid_run(struct cmd_ctx *c)
{
	struct cpu *cpu = cmd_chosen_cpu(c);
	const char *denied;
	uint64_t type = 0;

	if (invpcid_type(c, c->arg[0].str, &type) < 0)
		return -1;
	if (type <= INVPCID_PCID && !c->arg[1].set)
		return err_set(c->err, ERR_USAGE, "PCID is missing");
	if (type == INVPCID_ADDRESS && !c->arg[2].set)
		return err_set(c->err, ERR_USAGE, "VA is missing");
	denied = cpu_invpcid(cpu, type > UINT8_MAX ? UINT8_MAX : type,
			     c->arg[1].value.n, c->arg[2].value.n);
	if (denied)
		return err_set(c->err, ERR_FAULT, "%s%s",
			       *denied == '#' ? "" : "#GP(0): ", denied);
	emit_invpcid(c, type, cpu->id);
	return 0;
}

/* --- task_switch ------------------------------------------------------------- */
static int task_switch_run(struct cmd_ctx *c)
{
	struct cpu *cpu = cmd_chosen_cpu(c);
	uint64_t old = cpu->mmu.cr3;
	const char *denied = cpu_task_switch(cpu, c->arg[0].value.n);

	if (denied)
		return err_set(c->err, ERR_FAULT, "#GP(0): %s", denied);
	if (c->k)
		c->k->ram_poked = true;
	res_text(c->r, COL_PLAIN, "task switch on cpu%u:", cpu->id);
	res_hex(c->r, "cr3", "~ cr3 %s", cpu->mmu.cr3, c->r->pa_digits);
	res_bool(c->r, "flushed", NULL, old != cpu->mmu.cr3);
	res_text(c->r, COL_PLAIN, old == cpu->mmu.cr3
		 ? "the value it had: nothing is flushed"
		 : "all but global pages is flushed");
	return 0;
}

const struct command cmd_invlpg = {
	.name = "invlpg",
	.group = "processor",
	.flags = CMD_CHANGES,
	.help = "forget the cached translation of VA on this CPU",
	.details =
		"INVLPG: drops what the TLB has for the page of VA in the "
		"current PCID,\n"
		"global or not, and all paging-structure caches of that PCID.",
	.example = "invlpg text",
	.arg = { { "VA", ARG_VA } },
	.opt = { CMD_OPT_CPU },
	.run = invlpg_run,
};

static const char *invpcid_type_name(unsigned i)
{
	return invpcid_types[i];
}

const struct command cmd_invpcid = {
	.name = "invpcid",
	.group = "processor",
	.flags = CMD_CHANGES,
	.help = "forget cached translations by PCID",
	.details =
		"TYPE is 0 or address (one VA of one PCID), 1 or pcid (all of "
		"one PCID),\n"
		"2 or all (all PCIDs and global pages), 3 or all-nonglobal. "
		"Types 0, 1\n"
		"and 3 keep global pages. A PCID other than 0 needs CR4.PCIDE.",
	.example = NULL,
	.arg = { { "TYPE", ARG_WORD },
		 { "PCID", ARG_NUM, .optional = true },
		 { "VA", ARG_VA, .optional = true } },
	.opt = { CMD_OPT_CPU },
	.run = invpcid_run, .word = invpcid_type_name,
};

const struct command cmd_task_switch = {
	.name = "task_switch", .group = "processor", .flags = CMD_CHANGES,
	.help = "load CR3 as the hardware's task switch does",
	.details =
	"A switch to a TSS with this CR3. Unlike MOV to CR3 it does nothing, and\n"
	"flushes nothing, if the value is the one that CR3 has. There are no such\n"
	"switches in IA-32e mode. The process of the kernel stays: see switch.",
	.example = "task_switch cr3",
	.arg = { { "CR3", ARG_PA } }, .opt = { CMD_OPT_CPU },
	.run = task_switch_run,
};

/*
 * cmd_cpu.c - the processors: cpu.
 */
#include "repl/cmd.h"

/* --- cpu ---------------------------------------------------------------------------- */
static const struct res_column cpu_cols[] = {
	{ "cpu", "cpu", true },	      { "mode", "paging", false },
	{ "cr3", "cr3", false },      { "pid", "pid", true },
	{ "accesses", "accesses", true }, { "tlb_hits", "TLB hits", true },
	{ "tlb_misses", "misses", true }, { "faults", "faults", true },
	{ "flushes", "flushes", true }, { 0 },
};

static void emit_cpu(struct cmd_ctx *c, const struct cpu *cpu)
{
	const struct task_struct *t = c->k ? c->k->current[cpu->id] : NULL;
	struct result *r = c->r;

	res_item(r, false);
	res_u64(r, "cpu", "%s", cpu->id);
	res_str(r, "mode", "%s", cpu->mmu.mode->name);
	res_hex(r, "cr3", "%s", cpu->mmu.cr3, r->pa_digits);
	if (t)
		res_i64(r, "pid", "%s", t->pid);
	else
		res_str(r, "pid", "%s", NULL);	/* idle, or no kernel */
	res_u64(r, "accesses", "%s", counters_accesses(&cpu->counters));
	res_u64(r, "tlb_hits", "%s", counters_hits(&cpu->counters));
	res_u64(r, "tlb_misses", "%s", counters_misses(&cpu->counters));
	res_u64(r, "faults", "%s", counters_faults(&cpu->counters));
	res_u64(r, "flushes", "%s", counters_flushes(&cpu->counters));
	res_end(r);
}

static int cpu_run(struct cmd_ctx *c)
{
	if (c->arg[0].set)
		c->s->cpu = c->arg[0].value.n;
	res_table(c->r, "cpus", cpu_cols);
	for (unsigned i = 0; i < c->m->ncpus; i++)
		if (!c->arg[0].set || i == c->s->cpu)
			emit_cpu(c, &c->m->cpu[i]);
	res_end(c->r);
	return 0;
}

const struct command cmd_cpu = {
	.name = "cpu", .group = "processor", .flags = CMD_CHANGES,
	.help = "list the CPUs and their counters, or make CPU the current one",
	.example = "cpu", .arg = { { "CPU", ARG_CPU, .optional = true } },
	.run = cpu_run,
};

/*
 * cmd_cpu.c - the processors: cpu, reg.
 */
#include <stdio.h>
#include <string.h>

#include "repl/cmd.h"
#include "repl/describe.h"

/* --- registers: one row each ------------------------------------------------------ */
static uint64_t get_cr0(const struct cpu *c) { return c->mmu.cr0; }
static uint64_t get_cr2(const struct cpu *c) { return c->cr2; }
static uint64_t get_cr3(const struct cpu *c) { return c->mmu.cr3; }
static uint64_t get_cr4(const struct cpu *c) { return c->mmu.cr4; }
static uint64_t get_efer(const struct cpu *c) { return c->mmu.efer; }
static uint64_t get_pat(const struct cpu *c) { return c->memtype.pat; }
static uint64_t get_cpl(const struct cpu *c) { return c->cpl; }

static const char *set_cr2(struct cpu *c, uint64_t v)
{
	c->cr2 = v;
	return NULL;
}

static const char *set_cpl(struct cpu *c, uint64_t v)
{
	if (v != 0 && v != 3)
		return "CPL is 0 or 3 here";
	c->cpl = v;
	return NULL;
}

/* The eight types, entry 0 first: "WB WT UC- UC WB WT UC- UC". */
static const char *decode_pat(uint64_t v, char *buf, size_t size)
{
	size_t n = 0;

	for (unsigned i = 0; i < 8 && n < size; i++)
		n += snprintf(buf + n, size - n, "%s%s", i ? " " : "",
			      memtype_name[pat_entry(v, i)]);
	return buf;
}

static const struct reg {
	const char *name;
	uint64_t (*get)(const struct cpu *cpu);
	const char *(*set)(struct cpu *cpu, uint64_t value);
	const struct flag_name *flags;
	unsigned digits;
	const char *(*decode)(uint64_t value, char *buf, size_t size);
} regs[] = {
	{ "cr0", get_cr0, cpu_write_cr0, cr0_flags, 8 },
	{ "cr2", get_cr2, set_cr2, NULL, 0 },
	{ "cr3", get_cr3, cpu_write_cr3, NULL, 0 },
	{ "cr4", get_cr4, cpu_write_cr4, cr4_flags, 8 },
	{ "efer", get_efer, cpu_write_efer, efer_flags, 8 },
	{ "pat", get_pat, cpu_write_pat, NULL, 16, decode_pat },
	{ "cpl", get_cpl, set_cpl, NULL, 1 },
};

static void emit_reg(struct result *r, const struct cpu *cpu,
		     const struct reg *g)
{
	uint64_t v = g->get(cpu);
	char flags[256];

	res_item(r, false);
	res_str(r, "name", NULL, g->name);
	res_text(r, COL_NAME, "%-4s", g->name);
	res_hex(r, "value", "%s", v, g->digits ? g->digits : r->va_digits);
	if (g->flags) {
		flags_format(flags, sizeof(flags), g->flags, v, " ");
		res_flags(r, "flags", "%s", flags);
	}
	if (g->decode)
		res_flags(r, "types", "%s", g->decode(v, flags, sizeof(flags)));
	res_end(r);
}

static bool has_reg(const struct cpu *cpu, const struct reg *g)
{
	return g->get != get_pat || cpu->features.pat;
}

static const struct reg *find_reg(struct cmd_ctx *c, const char *name)
{
	const char *names[ARRAY_SIZE(regs) + 1] = { NULL };
	const char *close;

	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		if (strcasecmp(name, regs[i].name) == 0)
			return &regs[i];
		names[i] = regs[i].name;
	}
	err_set(c->err, ERR_USER, "%s: no such register", name);
	close = closest_name(name, names);
	err_hint(c->err, close ? "did you mean %s?" : "%s: see reg",
		 close ? close : name);
	return NULL;
}

static int reg_run(struct cmd_ctx *c)
{
	const struct cmd_arg *opt = cmd_opt(c, 'c');
	struct cpu *cpu = &c->m->cpu[opt ? opt->value.n : c->s->cpu];
	const struct reg *g = NULL;
	const char *rule;

	if (c->arg[0].set) {
		g = find_reg(c, c->arg[0].str);
		if (!g)
			return -1;
		if (!has_reg(cpu, g))
			return err_set(c->err, ERR_USER,
				       "this CPU has no %s register", g->name);
	}
	if (c->arg[1].set) {
		rule = g->set(cpu, c->arg[1].value.n);
		if (rule)
			return err_set(c->err, ERR_FAULT, "#GP(0): %s", rule);
		if (c->k)
			c->k->ram_poked = true;
	}
	res_list(c->r, "registers", RES_LINES);
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		if (g ? g == &regs[i] : has_reg(cpu, &regs[i]))
			emit_reg(c->r, cpu, &regs[i]);
	res_end(c->r);
	return 0;
}

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

const struct command cmd_reg = {
	.name = "reg", .alias = "registers", .group = "processor",
	.flags = CMD_CHANGES,
	.help = "show or load control registers",
	.details = "NAME is cr0, cr2, cr3, cr4, efer, pat or cpl. A load that the CPU\n"
		   "refuses ends in #GP, with the rule that it breaks.",
	.example = "reg cr4",
	.arg = { { "NAME", ARG_WORD, .optional = true },
		 { "VALUE", ARG_NUM, .optional = true } },
	.opt = { CMD_OPT_CPU }, .run = reg_run,
};

const struct command cmd_cpu = {
	.name = "cpu", .group = "processor", .flags = CMD_CHANGES,
	.help = "list the CPUs and their counters, or make CPU the current one",
	.example = "cpu", .arg = { { "CPU", ARG_CPU, .optional = true } },
	.run = cpu_run,
};

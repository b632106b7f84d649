/*
 * cmd_counters.c - what each CPU has counted, row by row (machine/counters.h).
 */
#include <stdio.h>
#include <string.h>

#include "repl/cmd_tlb.h"

static const struct res_column counter_cols[] = {
	{ "cpu", "cpu", true },	  { "event", "event", false },
	{ "what", "what", false }, { "count", "count", true }, { 0 },
};

/* The rows of one CPU; those of 0 only if @full. */
struct rows {
	struct result *r;
	const struct cpu *cpu;
	bool full;
	bool dry;		/* only count the rows */
	unsigned n;
};

static void row(struct rows *rows, const char *event, const char *what,
		uint64_t count)
{
	struct result *r = rows->r;

	if (!count && !rows->full)
		return;
	rows->n++;
	if (rows->dry)
		return;
	res_item(r, false);
	res_u64(r, "cpu", "%s", rows->cpu->id);
	res_str(r, "event", "%s", event);
	res_str(r, "what", "%s", what);
	res_u64(r, "count", "%s", count);
	res_end(r);
}

static void named(struct rows *rows, const char *event,
		  const char *const *names, const uint64_t *counts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (names[i])
			row(rows, event, names[i], counts[i]);
}

static void hits(struct rows *rows)
{
	const struct cpu_counters *n = &rows->cpu->counters;
	char what[16];

	for (unsigned level = 0; level < TLB_NLEVELS; level++)
		for (unsigned size = 0; size < TLB_NSIZES; size++) {
			snprintf(what, sizeof(what), "%s %s",
				 tlb_level_name[level],
				 paging_size_name(tlb_shift[size]));
			row(rows, "TLB hit", what, n->hits[level][size]);
		}
}

static void walks(struct rows *rows)
{
	const struct cpu_counters *n = &rows->cpu->counters;
	char what[24];

	for (unsigned i = 0; i < ARRAY_SIZE(n->walks); i++) {
		snprintf(what, sizeof(what), "%u reference%s", i,
			 i == 1 ? "" : "s");
		row(rows, "walk", what, n->walks[i]);
	}
	row(rows, "walk", "references in all", counters_walk_refs(n));
}

static void emit_rows(struct rows *rows)
{
	const struct cpu_counters *n = &rows->cpu->counters;
	const struct tlb *tlb = &rows->cpu->tlb;

	hits(rows);
	named(rows, "TLB miss", access_kind_name, n->misses, ACCESS_NKINDS);
	row(rows, "access", "paging off", n->unpaged);
	walks(rows);
	named(rows, "walk begun behind", psc_name, n->psc_hits,
	      PAGING_MAX_LEVELS);
	row(rows, "flag set", "A", n->set_accessed);
	row(rows, "flag set", "D", n->set_dirty);
	for (unsigned i = FAULT_NONE + 1; i < FAULT_NREASONS; i++)
		row(rows, "fault", fault_reason_name[i], n->faults[i]);
	named(rows, "flush", flush_kind_name, n->flushes, FLUSH_NKINDS);
	row(rows, "shootdown", "received", n->ipis);
	named(rows, "TLB fill", tlb_level_name, tlb->fills, TLB_NLEVELS);
	named(rows, "TLB eviction", tlb_level_name, tlb->evictions,
	      TLB_NLEVELS);
}

/* "cpu0: 20 accesses, 14 walks of 2.30 references" */
static void emit_average(struct result *r, const struct cpu *cpu)
{
	uint64_t accesses = counters_accesses(&cpu->counters);
	uint64_t walks = counters_misses(&cpu->counters);
	uint64_t refs = counters_walk_refs(&cpu->counters);

	res_item(r, false);
	res_u64(r, "cpu", "cpu%s:", cpu->id);
	res_u64(r, "accesses", accesses == 1 ? "~ %s access" : "~ %s accesses",
		accesses);
	res_u64(r, "walks", walks == 1 ? "~, %s walk" : "~, %s walks", walks);
	if (walks)
		res_strf(r, "references_per_walk", "~ of %s references",
			 "%.2f", (double)refs / walks);
	res_end(r);
}

static void reset(struct cpu *cpu)
{
	memset(&cpu->counters, 0, sizeof(cpu->counters));
	memset(cpu->tlb.fills, 0, sizeof(cpu->tlb.fills));
	memset(cpu->tlb.evictions, 0, sizeof(cpu->tlb.evictions));
}

static void emit_cpus(struct cmd_ctx *c, struct rows *rows, unsigned first,
		      unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		rows->cpu = &c->m->cpu[i];
		emit_rows(rows);
	}
}

static int counters_run(struct cmd_ctx *c)
{
	const struct cmd_arg *opt = cmd_opt(c, 'c');
	unsigned first = opt ? opt->value.n : 0;
	unsigned last = opt ? first : c->m->ncpus - 1;
	struct rows rows = { .r = c->r, .full = cmd_opt(c, 'f'), .dry = true };

	if (cmd_opt(c, 'z')) {
		for (unsigned i = first; i <= last; i++)
			reset(&c->m->cpu[i]);
		res_text(c->r, COL_PLAIN, first == last
			 ? "counters of cpu%u are 0" : "counters are 0", first);
		return 0;
	}
	emit_cpus(c, &rows, first, last);
	if (rows.n)
		res_table(c->r, "counters", counter_cols);
	else
		res_list(c->r, "counters", RES_HIDDEN);
	rows.dry = false;
	emit_cpus(c, &rows, first, last);
	res_end(c->r);
	res_list(c->r, "cpus", RES_LINES);
	for (unsigned i = first; i <= last; i++)
		emit_average(c->r, &c->m->cpu[i]);
	res_end(c->r);
	return 0;
}

const struct command cmd_counters = {
	.name = "counters", .alias = "perf", .group = "processor",
	.flags = CMD_CHANGES,
	.help = "what the CPUs have counted: hits, walks, faults, flushes",
	.details =
	"Hits by level and page size, misses by access, walks by the entries that\n"
	"they read from memory, walks that a paging-structure cache shortened, A\n"
	"and D flags set, faults by reason, flushes by instruction, and what was\n"
	"put into the TLB or driven out. Rows of 0 are left out, unless --full.\n"
	"--reset makes all 0.",
	.example = "counters",
	.opt = { { 'f', "full", ARG_FLAG, NULL, "rows of 0 as well" },
		 { 'z', "reset", ARG_FLAG, NULL, "begin again at 0" },
		 { 'c', "cpu", ARG_CPU, "CPU", "of CPU, not of every one" } },
	.run = counters_run,
};

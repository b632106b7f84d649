/*
 * cmd_stale.c - tlb --stale: what machine/stale.h finds, told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/vmalloc.h"
#include "machine/reserved.h"
#include "machine/stale.h"
#include "repl/cmd_tlb.h"

/* "L1D, L1I and L2" */
static void format_levels(const struct stale *s, char *buf)
{
	unsigned left = s->in;

	*buf = 0;
	for (unsigned i = 0; i < TLB_NLEVELS; i++) {
		if (!(s->in >> i & 1))
			continue;
		left &= ~(1u << i);
		strcat(buf, tlb_level_name[i]);
		if (left)
			strcat(buf, left & (left - 1) ? ", " : " and ");
	}
}

/* For the data faces: a list of words. */
static void emit_levels(struct result *r, const struct stale *s)
{
	char levels[24] = "";

	for (unsigned i = 0; i < TLB_NLEVELS; i++)
		if (s->in >> i & 1)
			strcat(strcat(levels, *levels ? " " : ""),
			       tlb_level_name[i]);
	res_flags(r, "levels", NULL, levels);
}

/* What is cached: "cpu0  0x08048000  4K page 0x7ffc1000 in L1D and L2" */
static void emit_what(struct result *r, const struct cpu *cpu,
		      const struct stale *s)
{
	static const char *const kinds[] = { "tlb", "psc", "pdpte" };
	const char *name = cpu->mmu.mode->level[s->level].name;
	char levels[24];

	res_u64(r, "cpu", "cpu%s", s->cpu);
	res_str(r, "kind", NULL, kinds[s->kind]);
	res_va(r, "va", "%s", s->va);
	res_size(r, "size", "%s", 1ULL << s->shift);
	if (s->kind == STALE_TLB) {
		format_levels(s, levels);
		res_pa(r, "page", "~ page %s", s->target);
		res_text(r, COL_PLAIN, "~ in %s", levels);
		emit_levels(r, s);
	} else if (s->kind == STALE_PSC) {
		res_pa(r, "table", "table %s", s->target);
		res_str(r, "structure", "~ in the %s cache", name);
	} else {
		res_str(r, "structure", "in %s register", name);
		res_text(r, COL_PLAIN, "~ %u", (unsigned)(s->va >> s->shift));
	}
	if (cpu->mmu.cr4 & CR4_PCIDE && !s->global)
		res_u64(r, "pcid", "pcid %s", s->pcid);
	else
		res_u64(r, "pcid", NULL, s->pcid);
	res_bool(r, "global", NULL, s->global);
	if (s->global)
		res_text(r, COL_PLAIN, "global");
}

/* --- why ---------------------------------------------------------------------- */
/* What the cache and what the tables have, as text; false: no more to say. */
static bool both_sides(const struct stale *s, enum stale_reason reason,
		       uint64_t *cached, uint64_t *tables)
{
	const struct walk *w = &s->now;

	switch (reason) {
	case STALE_FRAME:
		*cached = s->target + (s->at - s->va);
		*tables = w->pa;
		return true;
	case STALE_TABLE:
		*cached = s->target;
		*tables = paging_target(w->mode, s->level,
					w->step[s->level].entry, false);
		return true;
	case STALE_REGISTER:
		*cached = s->target;
		*tables = s->memory;
		return true;
	default:
		return false;
	}
}

static void emit_sides(struct result *r, const struct stale *s,
		       enum stale_reason reason)
{
	const struct walk *w = &s->now;
	uint64_t cached = 0, tables = 0;
	bool number = s->kind != STALE_PDPTE;

	if (both_sides(s, reason, &cached, &tables)) {
		res_hex(r, "cached", "cached %s", cached,
			number ? r->pa_digits : r->entry_digits);
		res_hex(r, "memory", "memory %s", tables,
			number ? r->pa_digits : r->entry_digits);
	} else if (reason == STALE_SIZE) {
		res_str(r, "cached", "cached %s", paging_size_name(s->shift));
		res_str(r, "memory", "memory %s",
			paging_size_name(w->mode->level[w->nsteps - 1].shift));
	} else if (reason == STALE_KEY) {
		res_u64(r, "cached", "cached %s", s->rights.pk);
		res_u64(r, "memory", "memory %s", w->rights.pk);
	} else if (reason == STALE_UNMAPPED ||
		   (reason == STALE_NO_TABLE && w->fault.reason)) {
		res_str(r, "memory", "~: %s",
			fault_reason_name[w->fault.reason]);
	} else if (reason == STALE_NO_TABLE) {
		res_text(r, COL_PLAIN, "~, a page of %s is",
			 paging_size_name(w->page_shift));
	}
}

static void emit_reasons(struct result *r, const struct stale *s)
{
	res_list(r, "reasons", RES_TREE);
	for (unsigned i = 0; i < STALE_NREASONS; i++) {
		if (!(s->reasons >> i & 1))
			continue;
		res_item(r, false);
		res_str(r, "reason", "%s", stale_reason_name[i]);
		emit_sides(r, s, i);
		res_end(r);
	}
	res_end(r);
}

/* "user rwx, kernel rw": the accesses of @mask. */
static void format_accesses(unsigned mask, char *buf)
{
	static const char letters[] = "rwx";

	*buf = 0;
	for (int user = 1; user >= 0; user--) {
		if (!(mask & 7u * STALE_ACCESS(0, user)))
			continue;
		buf += sprintf(buf, user       ? "user "
				    : mask > 7 ? ", kernel "
					       : "kernel ");
		for (unsigned kind = 0; kind < ACCESS_NKINDS; kind++)
			if (mask & STALE_ACCESS(kind, user))
				buf += sprintf(buf, "%c", letters[kind]);
	}
}

/* --- what helps --------------------------------------------------------------- */
/* The instruction, and as commands of this shell. */
static void format_cure(const struct stale *s, int digits, char *instr,
			char *command, size_t size)
{
	unsigned long long va = s->va, cr3 = s->cr3;

	if (s->cure == STALE_INVPCID) {
		snprintf(instr, size, "INVPCID type 0, PCID %u, 0x%0*llx",
			 s->pcid, digits, va);
		snprintf(command, size, "invpcid -c %u 0 %u 0x%0*llx", s->cpu,
			 s->pcid, digits, va);
	} else if (s->cure == STALE_CR3) {
		snprintf(instr, size, "MOV to CR3 of 0x%llx", cr3);
		snprintf(command, size, "reg -c %u cr3 0x%llx", s->cpu, cr3);
	} else {
		snprintf(instr, size,
			 s->kind == STALE_PSC ? "INVLPG of any address"
					      : "INVLPG 0x%0*llx",
			 digits, va);
		snprintf(command, size, "invlpg -c %u 0x%0*llx", s->cpu, digits,
			 va);
	}
}

static void emit_cure(struct result *r, const struct stale *s)
{
	char instr[80], command[80];

	format_cure(s, r->va_digits, instr, command, sizeof(instr));
	res_object(r, "missing");
	res_str(r, "instruction", NULL, instr);
	res_str(r, "command", NULL, command);
	res_bool(r, "pending", NULL, s->pending);
	res_end(r);
	res_list(r, NULL, RES_TREE);
	res_item(r, true);
	if (s->pending) {
		res_text(r, COL_PLAIN,
			 "pending: a shootdown waits for "
			 "EFLAGS.IF on cpu%u",
			 s->cpu);
	} else {
		res_str(r, NULL, "missing: %s", instr);
		res_text(r, COL_PLAIN, "~ on cpu%u", s->cpu);
		res_str(r, NULL, "(%s)", command);
	}
	res_end(r);
	res_end(r);
}

static void emit_accesses(struct result *r, const struct stale *s)
{
	char allows[24], denies[24];

	format_accesses(s->allows, allows);
	format_accesses(s->denies, denies);
	res_str(r, "allows", NULL, allows);
	res_str(r, "denies", NULL, denies);
	res_bool(r, "harmless", NULL, stale_is_harmless(s));
	res_list(r, NULL, RES_TREE);
	if (*allows) {
		res_item(r, false);
		res_str(r, NULL, "lets through what the tables forbid: %s",
			allows);
		res_end(r);
	} else if (*denies) {
		res_item(r, false);
		res_str(r, NULL, "harmless: a spurious fault is to come for %s",
			denies);
		res_end(r);
	}
	res_end(r);
}

/* What MOV to CR3 would say to memory's PDPTE: #GP, if bits are reserved. */
static void emit_refused(struct result *r, const struct cpu *cpu,
			 const struct stale *s)
{
	char bits[160];

	if (s->kind != STALE_PDPTE || !(s->memory & PTE_P) ||
	    !*reserved_format(bits, sizeof(bits), &cpu->mmu, 0, s->memory,
			      false))
		return;
	res_str(r, "refused", NULL, bits);
	res_list(r, NULL, RES_TREE);
	res_item(r, false);
	res_text(r, COL_BAD, "before that, mend memory's entry: it ends in "
		 "#GP, reserved %s", bits);
	res_end(r);
	res_end(r);
}

/* A freed vmalloc area: its flush is not forgotten, but put off. */
static void emit_lazy(struct result *r)
{
	res_bool(r, "lazy", NULL, true);
	res_list(r, NULL, RES_TREE);
	res_item(r, false);
	res_text(r, COL_PLAIN, "freed lazily: the next purge flushes it "
		 "(vm_unmap_aliases)");
	res_end(r);
	res_end(r);
}

static void emit_stale(struct cmd_ctx *c, const struct cpu *cpu,
		       const struct stale *s)
{
	struct result *r = c->r;

	res_item(r, false);
	emit_what(r, cpu, s);
	emit_reasons(r, s);
	emit_accesses(r, s);
	emit_refused(r, cpu, s);
	if (c->k && s->kind == STALE_TLB && vmap_is_lazy(c->k, s->va))
		emit_lazy(r);
	emit_cure(r, s);
	res_end(r);
}

/* --- tlb --stale -------------------------------------------------------------- */
struct totals {
	uint64_t found, harmless, pending;
};

static void emit_cpu(struct cmd_ctx *c, const struct cpu *cpu, struct totals *t)
{
	struct stale *s;
	size_t n = stale_find(cpu, &s);

	for (size_t i = 0; i < n; i++) {
		emit_stale(c, cpu, &s[i]);
		t->harmless += stale_is_harmless(&s[i]);
		t->pending += s[i].pending;
	}
	t->found += n;
	free(s);
}

static void emit_totals(struct result *r, const struct totals *t)
{
	res_line(r);
	if (!t->found)
		res_text(r, COL_GOOD,
			 "every cached translation agrees with "
			 "memory");
	res_u64(r, "count",
		!t->found	? NULL
		: t->found == 1 ? "%s stale translation"
				: "%s stale translations",
		t->found);
	res_u64(r, "harmless", t->harmless ? "~, %s harmless" : NULL,
		t->harmless);
	res_u64(r, "pending",
		t->pending ? "~, %s about to go when interrupts are on" : NULL,
		t->pending);
}

int stale_run(struct cmd_ctx *c, int cpu)
{
	struct totals t = { 0 };

	res_list(c->r, "stale", RES_LINES);
	for (unsigned i = 0; i < c->m->ncpus; i++)
		if (cpu < 0 || (unsigned)cpu == i)
			emit_cpu(c, &c->m->cpu[i], &t);
	res_end(c->r);
	emit_totals(c->r, &t);
	return 0;
}

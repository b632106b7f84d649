/*
 * why_emit.c - the tables of why: levels, rules, rights, the error code,
 * and the list of what would help.
 */
#include <stdio.h>

#include "repl/cmd.h"
#include "repl/why.h"

bool why_reached_page(const struct walk *w)
{
	enum fault_reason reason = w->fault.reason;

	return w->nsteps && reason != FAULT_NOT_PRESENT &&
	       reason != FAULT_RESERVED;
}

/* --- levels, rules, rights ------------------------------------------------ */

static const struct res_column level_cols[] = {
	{ "name", "level", false },
	{ "entry_pa", "at", false },
	{ "entry", "entry", false },
	{ "flags", "bits", false },
	{ "leads_to", "leads to", false },
	{ "withholds", "withholds", false },
	{ 0 },
};

static void emit_level(struct result *r, const struct why *y,
		       const struct walk_step *s)
{
	const struct paging_mode *mode = y->tables.mode;
	const struct paging_level *l = &mode->level[s->level];
	char flags[160], not [64];

	res_item(r, false);
	res_name(r, "name", "%s", l->name);
	res_hex(r, "index", "~[%s]", s->index, (l->bits + 3) / 4);
	res_str(r, "from", s->from_register ? "~ %s" : NULL,
		s->from_register ? "register" : "memory");
	if (s->from_register)
		res_str(r, "entry_pa", "%s", NULL);
	else
		res_pa(r, "entry_pa", "%s", s->entry_pa);
	res_entry(r, "entry", "%s", s->entry);
	res_flags(r, "flags", "%s",
		  paging_format_entry(flags, sizeof(flags), mode, s->level,
				      s->entry, s->leaf));
	if (s->entry & PTE_P)
		res_pa(r, "leads_to", "%s",
		       paging_target(mode, s->level, s->entry, s->leaf));
	else
		res_str(r, "leads_to", "%s", NULL);
	res_str(r, "withholds", "%s",
		*why_withholds(y, s, not, sizeof(not )) ? not : NULL);
	res_end(r);
}

/* "RW us xd": what is cached of the rights of an entry and those above. */
static void emit_cached_rights(struct result *r, const struct why *y,
			       struct rights rights)
{
	const char *xd = rights.xd ? " XD" : " xd";
	char flags[16];

	snprintf(flags, sizeof(flags), "%s %s%s", rights.write ? "RW" : "rw",
		 rights.user ? "US" : "us", y->probe.mode->has_xd ? xd : "");
	res_flags(r, "flags", "%s", flags);
}

/* The entry that the walk begins behind, as it was cached. */
static void emit_cached_level(struct result *r, const struct why *y)
{
	const struct stale *s = &y->stale;
	const struct paging_level *l = &y->probe.mode->level[s->level];
	struct walk_step step = {
		.entry = PTE_P | (s->rights.write ? PTE_RW : 0) |
			 (s->rights.user ? PTE_US : 0) |
			 (s->rights.xd ? PTE_XD : 0),
		.level = s->level,
	};
	char not [64];

	res_item(r, false);
	res_name(r, "name", "%s", l->name);
	res_hex(r, "index", "~[%s]",
		y->access.va >> l->shift & (BIT(l->bits) - 1),
		(l->bits + 3) / 4);
	res_str(r, "from", "~ %s", "cached");
	res_str(r, "entry_pa", "%s", NULL);
	res_str(r, "entry", "%s", NULL);
	emit_cached_rights(r, y, s->rights);
	res_pa(r, "leads_to", "%s", s->target);
	res_str(r, "withholds", "%s",
		*why_withholds(y, &step, not, sizeof(not )) ? not : NULL);
	res_end(r);
}

static void emit_steps(struct result *r, const struct why *y,
		       const struct walk *w)
{
	for (unsigned i = w->first; i < w->nsteps; i++)
		emit_level(r, y, &w->step[i]);
	res_end(r);
}

/* Behind a stale entry: what the CPU goes by, then what memory says. */
static void emit_levels(struct result *r, const struct why *y)
{
	if (!y->tables.nsteps)
		return;
	res_blank(r);
	res_table(r, "levels", level_cols);
	if (!y->is_stale) {
		emit_steps(r, y, &y->tables);
		return;
	}
	emit_cached_level(r, y);
	emit_steps(r, y, &y->probe);
	res_blank(r);
	res_text(r, COL_PLAIN, "by now a walk from the root would read:");
	res_table(r, "memory", level_cols);
	emit_steps(r, y, &y->tables);
}

static const struct res_column rule_cols[] = {
	{ "rule", "rule", false },
	{ "ok", "passed", false },
	{ "because", "because", false },
	{ 0 },
};

static void emit_rules(struct result *r, const struct why *y)
{
	const char *name;
	char because[96];
	bool ok;

	if (!y->probe.mode->nlevels)
		return;
	res_blank(r);
	res_table(r, "rules", rule_cols);
	for (unsigned i = 0;
	     why_rule(y, i, &name, &ok, because, sizeof(because)); i++) {
		res_item(r, false);
		res_name(r, "rule", "%s", name);
		res_bool(r, "ok", "%s", ok);
		res_str(r, "because", "%s", because);
		res_end(r);
	}
	res_end(r);
}

static const struct res_column right_cols[] = {
	{ "who", "by", false },
	{ "read", "read", false },
	{ "write", "write", false },
	{ "fetch", "fetch", false },
	{ 0 },
};

/* What counts is what the CPU uses, even if it is stale. */
static bool has_page(const struct walk *w)
{
	return w->tlb_hit || why_reached_page(w);
}

static void emit_right(struct result *r, const struct why *y, const char *who,
		       bool user, bool implicit)
{
	struct walk w = has_page(&y->probe) ? y->probe : y->tables;
	enum fault_reason reason;

	w.access.user = user;
	w.access.implicit = implicit;
	res_item(r, false);
	res_name(r, "who", "%s", who);
	for (unsigned kind = 0; kind < ACCESS_NKINDS; kind++) {
		w.access.kind = kind;
		reason = mmu_check(&y->cpu.mmu, &w);
		res_str(r, access_kind_name[kind], "%s",
			implicit && kind == ACCESS_FETCH ? NULL /* are none */
			: reason ? fault_reason_name[reason]
				 : "yes");
	}
	res_end(r);
}

static void emit_rights(struct result *r, const struct why *y)
{
	if (!y->reached && !has_page(&y->probe))
		return;
	res_blank(r);
	res_table(r, "rights", right_cols);
	emit_right(r, y, "user", true, false);
	emit_right(r, y, "kernel", false, false);
	emit_right(r, y, "implicit", false, true);
	res_end(r);
}

/* --- the fault ------------------------------------------------------------ */

static const struct {
	uint32_t mask;
	const char *name, *set, *clear;
} error_bits[] = {
	{ PF_P, "P", "not for want of a present entry",
	  "an entry is not present" },
	{ PF_WR, "W/R", "a write", "not a write" },
	{ PF_US, "U/S", "made in user mode", "made in supervisor mode" },
	{ PF_RSVD, "RSVD", "a reserved bit is set in an entry",
	  "no reserved bit was met" },
	{ PF_ID, "I/D", "an instruction fetch", "not a fetch" },
	{ PF_PK, "PK", "a protection key forbids it",
	  "no protection key forbids it" },
};

static const struct res_column bit_cols[] = {
	{ "bit", "bit", true },
	{ "name", "name", false },
	{ "value", "value", true },
	{ "meaning", "meaning", false },
	{ 0 },
};

static void emit_error_bit(struct result *r, const struct why *y, unsigned i)
{
	bool set = y->probe.fault.error_code & error_bits[i].mask;
	bool fetch = y->access.kind == ACCESS_FETCH;
	const char *meaning = set ? error_bits[i].set : error_bits[i].clear;

	if (error_bits[i].mask == PF_ID && !set && fetch)
		meaning = "a fetch, but neither EFER.NXE nor CR4.SMEP is on";
	res_item(r, false);
	res_u64(r, "bit", "%s", __builtin_ctz(error_bits[i].mask));
	res_name(r, "name", "%s", error_bits[i].name);
	res_u64(r, "value", "%s", set);
	res_str(r, "meaning", "%s", meaning);
	res_end(r);
}

static void emit_fault(struct result *r, const struct why *y)
{
	const struct fault *f = &y->probe.fault;

	if (!f->reason)
		return;
	res_blank(r);
	res_object(r, "fault");
	res_text(r, COL_BAD, "%s", cmd_vector_name(f->vector));
	res_hex(r, "error_code", "~ error code %s", f->error_code, 1);
	res_u64(r, "vector", NULL, f->vector);
	res_str(r, "reason", "~: %s", fault_reason_name[f->reason]);
	if (f->vector == VEC_PF) {
		res_va(r, "cr2", "~ · cr2 %s", f->cr2);
		res_table(r, "bits", bit_cols);
		for (unsigned i = 0; i < ARRAY_SIZE(error_bits); i++)
			emit_error_bit(r, y, i);
		res_end(r);
	}
	res_end(r);
}

/* --- what would help ------------------------------------------------------ */

/* For text, "  (poke -s 4 0x36beb128 0x7ffc4025)". */
static void emit_commands(struct result *r, const char *command)
{
	if (*command)
		res_text(r, COL_DIM, "(%s)", command);
}

static void emit_edit(struct result *r, const struct why *y,
		      const struct remedy_edit *e, bool last)
{
	char text[160];
	uint64_t new;

	res_item(r, last);
	res_str(r, NULL, "%s", why_edit(y, e, text, sizeof(text)));
	emit_commands(r, why_poke(y, e, text, sizeof(text)));
	res_str(r, "level", NULL, y->tables.mode->level[e->level].name);
	res_pa(r, "entry_pa", NULL, e->pa);
	res_entry(r, "old", NULL, e->old);
	if (why_new_value(y, e, &new)) {
		res_entry(r, "new", NULL, new);
	} else {
		res_str(r, "new", NULL, NULL);
		res_hex(r, "any_frame_with", NULL, e->new, 1);
	}
	res_end(r);
}

/* One entry is on the remedy's line; several are on lines below it. */
static void emit_edits(struct result *r, const struct why *y,
		       const struct remedy *m)
{
	res_list(r, "entries", m->nedits > 1 ? RES_TREE : RES_HIDDEN);
	for (unsigned i = 0; i < m->nedits; i++)
		emit_edit(r, y, &m->edit[i], i + 1U == m->nedits);
	res_end(r);
	res_bool(r, "invlpg", NULL, m->invlpg);
	res_bool(r, "reload_cr3", NULL, m->reload);
}

static void emit_change(struct result *r, const struct why *y,
			const struct remedy *m)
{
	char change[512], command[512];
	bool several = m->nedits > 1;

	why_change(y, m, change, sizeof(change));
	why_command(y, m, command, sizeof(command));
	res_str(r, "change", several ? NULL : "%s", change);
	res_str(r, "command", NULL, *command ? command : NULL);
	if (!several) {
		emit_commands(r, command);
		return;
	}
	res_text(r, COL_PLAIN, "change %u entries%s%s", m->nedits,
		 m->reload ? ", then MOV to CR3" : "",
		 m->invlpg ? ", then INVLPG" : "");
	emit_commands(r, why_follow(y, m, command, sizeof(command)));
}

static void emit_remedy(struct result *r, const struct why *y,
			const struct remedy *m, bool last)
{
	res_item(r, last);
	emit_change(r, y, m);
	res_str(r, "kind", NULL, why_kind(m));
	if (m->kind == REMEDY_REGISTER) {
		res_str(r, "register", NULL, why_register(m));
		res_hex(r, "mask", NULL, m->mask, 1);
		res_hex(r, "value", NULL, m->value, 1);
	}
	res_bool(r, "verified", NULL, true);
	if (m->nedits)
		emit_edits(r, y, m);
	res_end(r);
}

/* No entry can do what tables and an entry in the last of them must. */
static void emit_no_remedy(struct result *r, const struct why *y)
{
	const struct walk *w = &y->probe;
	unsigned missing = w->mode->nlevels - 1U - w->fault.level;

	if (w->fault.reason != FAULT_NOT_PRESENT || !missing) {
		res_text(r, COL_PLAIN,
			 "no single change would make it succeed");
		return;
	}
	res_text(r, COL_PLAIN,
		 "no single change would make it succeed: "
		 "below the %s",
		 w->mode->level[w->fault.level].name);
	res_u64(r, "missing_tables", "~ %s", missing);
	res_text(r, COL_PLAIN,
		 missing > 1 ? "~ tables are missing, and the %s in the last"
			     : "~ table is missing, and the %s in it",
		 w->mode->level[w->mode->nlevels - 1].name);
}

static void emit_remedies(struct result *r, const struct why *y)
{
	const struct remedies *l = &y->remedies;

	if (!y->probe.fault.reason)
		return;
	res_blank(r);
	if (!l->n)
		emit_no_remedy(r, y);
	else
		res_text(r, COL_PLAIN,
			 "it would succeed with any one of these:");
	res_list(r, "remedies", RES_TREE);
	for (unsigned i = 0; i < l->n; i++)
		emit_remedy(r, y, &l->list[i], i + 1 == l->n);
	res_end(r);
}

void why_emit(struct result *r, const struct why *y)
{
	emit_levels(r, y);
	emit_rules(r, y);
	emit_rights(r, y);
	emit_fault(r, y);
	emit_remedies(r, y);
}

/*
 * cmd_walk.c - pagewalk: one translation, entry by entry.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/pgtable.h"
#include "repl/cmd.h"
#include "repl/describe.h"
#include "repl/dialect.h"

/* What a walk is made for: registers, the process, the access. */
struct walk_job {
	struct mmu mmu;
	struct task_struct *task;
	unsigned cpu;
	struct access access;
	struct walk walk;
};

static void emit_head(struct cmd_ctx *c, const struct walk_job *j)
{
	struct result *r = c->r;
	char access[32];

	res_va(r, "va", NULL, j->access.va);
	cmd_emit_mode(r, &j->mmu, j->task);
	res_str(r, "access", "~ · %s",
		describe_access(&j->access, access, sizeof(access)));
	res_line(r);
	cmd_emit_root(r, &j->mmu);
}

static bool walk_reached_page(const struct walk *w)
{
	const struct walk_step *last;

	if (w->nsteps == 0)
		return w->fault.reason == FAULT_NONE;
	last = &w->step[w->nsteps - 1];
	return last->leaf && (last->entry & PTE_P) &&
	       w->fault.reason != FAULT_RESERVED;
}

/* The last line of the tree: the physical address, or the fault. */
static void emit_end(struct cmd_ctx *c, const struct walk *w)
{
	struct result *r = c->r;
	char bits[64];

	res_list(r, NULL, RES_CHAIN);
	res_item(r, true);
	if (w->fault.reason == FAULT_NONE) {
		res_pa(r, NULL, "pa %s", w->pa);
	} else {
		res_text(r, COL_BAD, "%s", cmd_vector_name(w->fault.vector));
		res_hex(r, NULL, "~ error %s", w->fault.error_code, 1);
		if (w->fault.vector == VEC_PF)
			res_text(r, COL_PLAIN, "~ (%s)",
				 cmd_error_bits(w->fault.error_code, bits,
						sizeof(bits)));
		res_text(r, COL_PLAIN, "%s",
			 fault_reason_name[w->fault.reason]);
	}
	res_end(r);
	res_end(r);
}

/* Where a present entry leads. */
static void emit_target(struct cmd_ctx *c, const struct walk *w,
			const struct walk_step *s)
{
	pa_t pa = paging_target(w->mode, s->level, s->entry, s->leaf);
	char what[160];

	res_pa(c->r, s->leaf ? "page" : "table", s->leaf ? "page %s" : "table %s",
	       pa);
	if (s->leaf && c->k)
		res_str(c->r, "what", "%s",
			describe_page(c->k, pa >> PAGE_SHIFT, what,
				      sizeof(what)));
}

static void emit_step(struct cmd_ctx *c, const struct walk_job *j, unsigned i)
{
	const struct walk *w = &j->walk;
	const struct walk_step *s = &w->step[i];
	struct result *r = c->r;

	res_item(r, i + 1 == w->nsteps);
	cmd_emit_entry(r, w->mode, s->level, s->index, s->from_register,
		       s->entry_pa, s->entry, s->leaf);
	if (!(s->entry & PTE_P))
		cmd_emit_not_present(r, c->k, &j->mmu, s->level, s->entry,
				     c->k && !pt_is_kernel(c->k, w->access.va));
	else if (i + 1 == w->nsteps && w->fault.reason == FAULT_RESERVED)
		cmd_emit_reserved(r, &j->mmu, s->level, s->entry, s->leaf);
	else
		emit_target(c, w, s);
	if (i + 1 == w->nsteps)
		emit_end(c, w);
	res_end(r);
}

/* The outcome for the data faces: pa with page_size, or fault. */
static void emit_outcome(struct result *r, const struct walk *w)
{
	if (w->fault.reason == FAULT_NONE) {
		res_pa(r, "pa", NULL, w->pa);
		res_u64(r, "page_size", NULL, 1ULL << w->page_shift);
		return;
	}
	res_object(r, "fault");
	res_u64(r, "vector", NULL, w->fault.vector);
	res_hex(r, "error_code", NULL, w->fault.error_code, 1);
	res_str(r, "reason", NULL, fault_reason_name[w->fault.reason]);
	if (w->fault.vector == VEC_PF)
		res_va(r, "cr2", NULL, w->fault.cr2);
	res_end(r);
}

/* "rw-": what the CPU would let user or kernel code do there. */
static const char *effective_rights(const struct walk_job *j, bool user,
				    char buf[4])
{
	static const char letter[] = { 'r', 'w', 'x' };
	struct walk w = j->walk;

	w.access.user = user;
	for (int kind = ACCESS_READ; kind <= ACCESS_FETCH; kind++) {
		w.access.kind = kind;
		buf[kind] = mmu_check(&j->mmu, &w) ? '-' : letter[kind];
	}
	buf[3] = 0;
	return buf;
}

/* "rights  user rw-, kernel rw-": all levels and control bits together. */
static void emit_rights(struct cmd_ctx *c, const struct walk_job *j)
{
	const struct walk *w = &j->walk;
	struct result *r = c->r;
	char buf[4];

	res_line(r);
	res_object(r, "rights");
	res_text(r, COL_DIM, "rights");
	res_str(r, "user", "user %s", effective_rights(j, true, buf));
	res_str(r, "kernel", "~, kernel %s", effective_rights(j, false, buf));
	res_bool(r, "global", NULL, w->global);
	res_text(r, COL_PLAIN, "page size %s%s", paging_size_name(w->page_shift),
		 w->global ? ", global" : "");
	res_end(r);
}

/* What led to the type: "PAT[0] WB, MTRR WB". */
static void emit_type_source(struct result *r, const struct memtype_of *t,
			     bool has_pat)
{
	if (t->cache_disabled)
		res_text(r, COL_PLAIN, "CR0.CD=1");
	if (t->paged && has_pat) {
		res_u64(r, "pat_index", "PAT[%s]", t->pat_index);
		res_str(r, "pat_type", "~ %s", memtype_name[t->pat]);
	} else if (t->paged) {
		res_text(r, COL_PLAIN, "PCD %d, PWT %d", t->pat_index >> 1,
			 t->pat_index & 1);
	}
	res_str(r, "mtrr_type", t->paged ? "~, MTRR %s" : "MTRR %s",
		memtype_name[t->mtrr]);
	if (t->mixed)
		res_text(r, COL_BAD, "other MTRR types in this page");
}

/* "type    WB  PAT[0] WB, MTRR WB": how caches may treat the page. */
static void emit_type(struct cmd_ctx *c, const struct walk_job *j)
{
	const struct cpu *cpu = &c->m->cpu[j->cpu];
	struct memtype_of t;

	memtype_of_walk(&cpu->memtype, &j->mmu, &j->walk, &t);
	res_line(c->r);
	res_text(c->r, COL_DIM, "type");
	res_str(c->r, "memory_type", "  %s", memtype_name[t.type]);
	emit_type_source(c->r, &t, cpu->features.pat);
}

/* "an access would reach pa 0x00007000", or fault. */
static void emit_would(struct result *r, const struct walk *w)
{
	res_object(r, "access_now");
	if (w->fault.reason)
		res_strf(r, "fault", "~: an access ends in %s", "%s: %s",
			 cmd_vector_name(w->fault.vector),
			 fault_reason_name[w->fault.reason]);
	else
		res_pa(r, "pa", "~: an access reaches pa %s", w->pa);
	res_end(r);
}

/* The tree shows memory; the CPU may go by what it has cached of it. */
static void emit_stale(struct result *r, const struct cpu *cpu,
		       const struct access *access)
{
	struct stale stale;
	struct walk w;

	mmu_probe(cpu, access, &w);
	if (!w.tlb_hit && stale_walk_from(cpu, &w, &stale)) {
		cmd_emit_walk_from(r, &w, true);
		emit_would(r, &w);
	}
	if (!stale_pdpte(cpu, w.access.va, &stale))
		return;
	res_line(r);
	res_text(r, COL_DIM, "pdpte ");
	cmd_emit_stale_pdpte(r, &cpu->mmu, &stale);
}

/* A cached translation only counts while its CPU runs in these tables. */
static void emit_tlb(struct cmd_ctx *c, const struct walk_job *j)
{
	const struct cpu *cpu = &c->m->cpu[j->cpu];
	const struct walk *w = &j->walk;
	const struct tlb_entry *e;
	enum tlb_level level;
	bool loaded;
	const char *state;

	e = tlb_lookup(&cpu->tlb, j->access.kind, j->access.va, cpu_pcid(cpu),
		       &level);
	loaded = mmu_root(&cpu->mmu) == mmu_root(&j->mmu) || (e && e->global);
	if (!loaded)
		state = "not loaded";
	else if (!e)
		state = "miss";
	else if (walk_reached_page(w) &&
		 e->pa == (paging_target(w->mode, w->step[w->nsteps - 1].level,
					 w->step[w->nsteps - 1].entry, true) &
			   ~((1ULL << tlb_entry_shift(e)) - 1)))
		state = "hit";
	else
		state = "stale";
	res_line(c->r);
	res_text(c->r, COL_DIM, "tlb");
	res_str(c->r, "tlb", "   %s", state);
	res_text(c->r, COL_PLAIN, "~ on cpu%u", j->cpu);
	if (e && loaded)
		res_pa(c->r, "tlb_pa", "page %s", e->pa);
	if (loaded)
		emit_stale(c->r, cpu, &j->access);
}

/* What the kernel would do about a user fault: the reader's next question. */
static void emit_prospect(struct cmd_ctx *c, const struct walk_job *j)
{
	char where[128];

	if (!c->k)
		return;
	res_line(c->r);
	res_text(c->r, COL_DIM, "area");
	res_str(c->r, "area", "  %s",
		describe_va(c->k, j->task, j->access.va, where, sizeof(where)));
}

static int walk_as(struct cmd_ctx *c, const struct dialect *as,
		   const struct walk_job *j)
{
	va_t va = c->arg[0].value.n;
	struct dialect_view v = { .r = c->r, .k = c->k, .task = j->task,
				  .mmu = &j->mmu, .ram = c->m->ram, .from = va,
				  .last = va };

	if (!paging_is_canonical(j->mmu.mode, va))
		return err_set(c->err, ERR_USER, "0x%llx: not canonical",
			       (unsigned long long)va);
	res_subject(c->r, va);
	return dialect_emit(as, c->cmd, &v, c->err);
}

static int pagewalk_run(struct cmd_ctx *c)
{
	struct walk_job j = { .cpu = c->s->cpu };
	struct result *r = c->r;
	const struct dialect *as;
	int rc;

	as = cmd_dialect(c, "rwxuk", &rc);
	if (rc < 0 || cmd_view(c, &j.task, &j.cpu, &j.mmu) < 0)
		return -1;
	if (as)
		return walk_as(c, as, &j);
	if (cmd_choose_access(c, &c->m->cpu[j.cpu], &j.access) < 0)
		return -1;
	cmd_view_root(c, j.task, j.access.user, &j.mmu);
	mmu_translate(&j.mmu, c->m->ram, &j.access, &j.walk);
	emit_head(c, &j);
	res_list(r, "steps", RES_CHAIN);
	for (unsigned i = 0; i < j.walk.nsteps; i++)
		emit_step(c, &j, i);
	res_end(r);
	if (!j.walk.nsteps)
		emit_end(c, &j.walk);
	if (walk_reached_page(&j.walk) && j.walk.nsteps)
		emit_rights(c, &j);
	if (walk_reached_page(&j.walk))
		emit_type(c, &j);
	if (j.walk.nsteps)
		emit_tlb(c, &j);
	emit_prospect(c, &j);
	emit_outcome(r, &j.walk);
	res_subject(r, j.access.va);
	return 0;
}

const struct command cmd_pagewalk = {
	.name = "pagewalk", .alias = "vtop walk !pte", .group = "translation",
	.help = "translate VA and show every paging-structure entry read",
	.details =
	"Follows VA through the page tables of the current process (or of -p\n"
	"PID) as the CPU would, and shows each entry: its name and index, where\n"
	"it lies in physical memory, its raw value, its bits, and where it\n"
	"points. Nothing changes: no accessed bit is set, no TLB entry filled.\n"
	"The type line tells how caches may treat the page: what its PAT, PCD and\n"
	"PWT bits choose from IA32_PAT, and what the MTRRs say of its address.\n"
	"The access is a read; its privilege follows the address, user below\n"
	"TASK_SIZE and kernel above, unless -u or -k says otherwise.\n"
	"--as prints what another tool would: crash (vtop), windbg (!pte), bochs\n"
	"(page), pt-dump (pt -walk of gdb-pt-dump).",
	.example = "pagewalk text",
	.arg = { { "VA", ARG_VA } },
	.opt = { CMD_OPT_ACCESS, CMD_OPT_PRIV, CMD_OPT_AS, CMD_OPT_PID,
		 CMD_OPT_CPU },
	.run = pagewalk_run,
};

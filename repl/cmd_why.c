/*
 * cmd_why.c - why: one decision of the CPU, all of it, and what would have
 * to be different for the access to succeed.
 *
 * Everything is asked of a copy of the CPU, so that nothing changes. With
 * -p the copy is one that has just switched to the process.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/pti.h"
#include "repl/cmd.h"
#include "repl/describe.h"
#include "repl/why.h"

static void label(struct result *r, const char *name)
{
	res_line(r);
	res_text(r, COL_DIM, "%-7s", name);
}

/* --- asking --------------------------------------------------------------- */

/* Makes the copy run in the tables of @mmu, as a switch would. */
static void enter_tables(struct why *y, const struct mmu *mmu)
{
	y->loaded = mmu_root(&y->cpu.mmu) == mmu_root(mmu);
	if (y->loaded || !cpu_write_cr3(&y->cpu, mmu->cr3))
		return;
	/* The CPU would refuse these PDPTEs; they are looked at all the same. */
	y->cpu.mmu = *mmu;
	y->cpu.mmu.features = &y->cpu.features;
	tlb_flush_all(&y->cpu.tlb, true);
	psc_flush_all(&y->cpu.psc);
}

static int ask(struct cmd_ctx *c, struct why *y)
{
	struct mmu mmu;
	unsigned cpu;

	if (cmd_view(c, &y->task, &cpu, &mmu) < 0 ||
	    cmd_choose_access(c, &c->m->cpu[cpu], &y->access) < 0)
		return -1;
	cmd_view_root(c, y->task, y->access.user, &mmu);
	y->k = c->k;
	y->other_cpu = cpu != c->s->cpu;
	cpu_copy(&y->cpu, &c->m->cpu[cpu]);
	enter_tables(y, &mmu);
	mmu_probe(&y->cpu, &y->access, &y->probe);
	mmu_translate(&y->cpu.mmu, c->m->ram, &y->access, &y->tables);
	y->access.va = y->probe.access.va;
	y->reached = why_reached_page(&y->tables);
	y->is_stale = !y->probe.tlb_hit &&
		      stale_walk_from(&y->cpu, &y->probe, &y->stale);
	remedies_find(&y->cpu, &y->access, &y->remedies);
	return 0;
}

/* --- the head ------------------------------------------------------------- */

static void emit_verdict(struct result *r, const struct why *y)
{
	const struct fault *f = &y->probe.fault;
	char access[32];

	res_va(r, "va", "%s", y->access.va);
	res_str(r, "access", "~ · %s",
		describe_access(&y->access, access, sizeof(access)));
	res_bool(r, "implicit", NULL, y->access.implicit);
	if (y->access.implicit)
		res_text(r, COL_PLAIN, "~, implicit");
	res_bool(r, "allowed", NULL, !f->reason);
	if (!f->reason) {
		res_text(r, COL_GOOD, "~ · allowed");
		res_pa(r, "pa", "~ · pa %s", y->probe.pa);
	} else {
		res_text(r, COL_BAD, "~ · %s: %s", cmd_vector_name(f->vector),
			 fault_reason_name[f->reason]);
	}
}

/* The bits that choose the paging mode, in the order of the choice. */
static const struct {
	enum paging_mode_id first, last; /* modes in which it was asked */
	const char *name;
	size_t reg; /* offset in struct mmu */
	uint64_t mask;
} mode_bits[] = {
	{ PAGING_OFF, PAGING_5LEVEL, "CR0.PG", offsetof(struct mmu, cr0),
	  CR0_PG },
	{ PAGING_32, PAGING_5LEVEL, "CR4.PAE", offsetof(struct mmu, cr4),
	  CR4_PAE },
	{ PAGING_PAE, PAGING_5LEVEL, "EFER.LMA", offsetof(struct mmu, efer),
	  EFER_LMA },
	{ PAGING_4LEVEL, PAGING_5LEVEL, "CR4.LA57", offsetof(struct mmu, cr4),
	  CR4_LA57 },
};

static void emit_mode_bits(struct result *r, const struct mmu *mmu)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_bits); i++) {
		const uint64_t *reg =
			(const void *)((const char *)mmu + mode_bits[i].reg);

		if (mmu->mode->id >= mode_bits[i].first)
			res_text(r, COL_PLAIN, "%s%s=%d", i ? "~ " : "~ · ",
				 mode_bits[i].name,
				 (*reg & mode_bits[i].mask) != 0);
	}
}

static void emit_registers(struct result *r, const struct why *y)
{
	const struct mmu *mmu = &y->cpu.mmu;

	res_object(r, "registers");
	res_hex(r, "cr0", NULL, mmu->cr0, 8);
	res_hex(r, "cr3", NULL, mmu->cr3, r->pa_digits);
	res_hex(r, "cr4", NULL, mmu->cr4, 8);
	res_hex(r, "efer", NULL, mmu->efer, 8);
	res_hex(r, "eflags", NULL, cpu_eflags(&y->cpu), 8);
	res_hex(r, "pkru", NULL, mmu->pkru, 8);
	res_hex(r, "pkrs", NULL, mmu->pkrs, 8);
	res_end(r);
}

static void emit_mode(struct result *r, const struct why *y)
{
	label(r, "mode");
	cmd_emit_mode(r, &y->cpu.mmu, y->task);
	emit_mode_bits(r, &y->cpu.mmu);
	emit_registers(r, y);
}

static void emit_address(struct result *r, const struct why *y)
{
	const struct paging_mode *mode = y->probe.mode;
	bool ok = paging_is_canonical(mode, y->access.va);
	va_t half = 1ULL << (mode->va_bits - 1);

	label(r, "address");
	res_bool(r, "canonical", NULL, ok);
	if (!mode->canonical) {
		res_text(r, COL_PLAIN, "%u bits, every one is canonical",
			 mode->va_bits);
		return;
	}
	res_text(r, ok ? COL_PLAIN : COL_BAD, "%s: bits 63:%u are %s",
		 ok ? "canonical" : "not canonical", mode->va_bits - 1,
		 ok ? "equal" : "not all equal");
	if (ok)
		return;
	res_va(r, "last_below", "~; the nearest are %s", half - 1);
	res_va(r, "first_above", "~ and %s", -half);
}

/* --- caches --------------------------------------------------------------- */

/* A translation of the page for another PCID than the one in force, or NULL. */
static const struct tlb_entry *other_pcid(const struct why *y)
{
	const struct tlb *tlb = &y->cpu.tlb;

	for (unsigned i = 0; i < tlb->narrays; i++) {
		const struct tlb_array *a = &tlb->array[i];

		for (unsigned n = 0; a->entry && n < a->g.sets * a->g.ways;
		     n++) {
			const struct tlb_entry *e = &a->entry[n];
			va_t in = y->access.va - tlb_entry_va(e);

			if (e->tag && !(in >> tlb_entry_shift(e)) &&
			    e->pcid != cpu_pcid(&y->cpu))
				return e;
		}
	}
	return NULL;
}

/* Do tables and caches say the same of the page? */
static bool is_stale(const struct why *y, const struct tlb_entry *e)
{
	const struct walk *w = &y->tables;
	uint64_t offset = y->access.va - tlb_entry_va(e);

	if (!y->reached)
		return true;
	return e->rights.bits != w->rights.bits ||
	       e->rights.pk != w->rights.pk ||
	       (!w->fault.reason && e->pa + offset != w->pa);
}

static void emit_entry(struct result *r, const struct why *y,
		       const struct tlb_entry *e, enum tlb_level level)
{
	bool stale = is_stale(y, e);

	res_str(r, "state", "~: %s", stale ? "stale hit" : "hit");
	res_str(r, "level", "~ in %s", tlb_level_name[level]);
	res_pa(r, "page", "~: page %s", e->pa);
	res_strf(r, "rights", "~, %s", "R/W=%d U/S=%d XD=%d", e->rights.write,
		 e->rights.user, e->rights.xd);
	if (!y->probe.tlb_hit)
		res_text(r, COL_PLAIN,
			 "~; D was clear, so a write walks to set it");
	else if (stale)
		res_text(r, COL_BAD, "~; the tables say otherwise by now");
	else
		res_text(r, COL_PLAIN, "~; the tables are not read");
}

/* Where the walk begins, if a paging-structure cache has an entry. */
static void emit_psc(struct result *r, const struct why *y)
{
	if (!y->probe.tlb_hit && y->probe.first)
		cmd_emit_walk_from(r, &y->probe, y->is_stale);
}

/* A PDPTE register that memory no longer agrees with, on a line of its own. */
static void emit_pdpte(struct result *r, const struct why *y)
{
	struct stale stale;

	if (!stale_pdpte(&y->cpu, y->access.va, &stale))
		return;
	label(r, "pdpte");
	cmd_emit_stale_pdpte(r, &y->cpu.mmu, &stale);
}

static void emit_tlb(struct result *r, const struct why *y)
{
	const struct tlb_entry *e, *other;
	enum tlb_level level;

	if (!y->probe.mode->nlevels ||
	    y->probe.fault.reason == FAULT_NOT_CANONICAL)
		return;
	e = tlb_lookup(&y->cpu.tlb, y->access.kind, y->access.va,
		       cpu_pcid(&y->cpu), &level);
	other = other_pcid(y);
	label(r, "tlb");
	res_object(r, "tlb");
	res_u64(r, "cpu", "cpu%s", y->cpu.id);
	if (!y->loaded)
		res_text(r, COL_PLAIN, "~, after %s",
			 y->k && has_pti(y->k) && !y->access.user
				 ? "the switch to the kernel's tables"
				 : "a switch to the process");
	if (e)
		emit_entry(r, y, e, level);
	else
		res_str(r, "state", "~: %s", "miss");
	if (!e && other) {
		res_u64(r, "other_pcid", "~; cached for PCID %s", other->pcid);
		res_u64(r, "pcid", "~, but in force is %s", cpu_pcid(&y->cpu));
	}
	emit_psc(r, y);
	res_end(r);
}

/* --- the kernel ----------------------------------------------------------- */

/* What the kernel does about a fault of user code. */
static const char *prospect(struct kernel *k, const struct why *y)
{
	const struct fault *f = &y->probe.fault;
	const struct vm_area_struct *vma = NULL;

	if (!y->task)
		return "none runs here that could be killed";
	if (f->vector != VEC_PF)
		return f->vector == VEC_SS ? "SIGBUS" : "SIGSEGV";
	if (f->cr2 < k->layout.task_size && (f->error_code & PF_RSVD))
		return "the process is killed: a corrupt page table";
	if (f->cr2 < k->layout.task_size && y->task && y->task->mm)
		vma = find_vma(y->task->mm, f->cr2);
	if (vma && vma->vm_start > f->cr2 && (vma->vm_flags & VM_GROWSDOWN))
		return "the stack grows, if its limit permits";
	if (!vma || vma->vm_start > f->cr2)
		return "SIGSEGV (SEGV_MAPERR)";
	if (access_error(f->error_code, vma))
		return fault_from_pkey(f->error_code, vma)
			       ? "SIGSEGV (SEGV_PKUERR)"
			       : "SIGSEGV (SEGV_ACCERR)";
	return "the area allows it: handle_mm_fault(), then a retry";
}

static void emit_kernel(struct cmd_ctx *c, const struct why *y)
{
	struct result *r = c->r;
	char where[128];

	if (!c->k || y->probe.fault.reason == FAULT_NOT_CANONICAL)
		return;
	label(r, "area");
	res_str(r, "area", "%s",
		describe_va(c->k, y->task, y->access.va, where, sizeof(where)));
	if (y->probe.fault.reason && y->access.user)
		res_str(r, "kernel", "~; on the fault: %s", prospect(c->k, y));
}

static int why_run(struct cmd_ctx *c)
{
	struct result *r = c->r;
	struct why y;

	if (ask(c, &y) < 0)
		return -1;
	emit_verdict(r, &y);
	emit_mode(r, &y);
	emit_address(r, &y);
	emit_tlb(r, &y);
	emit_pdpte(r, &y);
	emit_kernel(c, &y);
	why_emit(r, &y);
	res_subject(r, y.access.va);
	cpu_deinit(&y.cpu);
	return 0;
}

const struct command cmd_why = {
	.name = "why",
	.group = "translation",
	.help = "why an access to VA is allowed or not, and what would help",
	.details = "Shows all that decides about one access: the paging mode, "
		   "the TLB, each\n"
		   "entry, each rule in the order in which the CPU asks, who "
		   "may do what,\n"
		   "and the error code bit by bit. Then the smallest changes "
		   "that would make\n"
		   "the access succeed; each was tried on a copy of the CPU. "
		   "Nothing changes.\n"
		   "The access is as pagewalk's: a read, its privilege by the "
		   "address.",
	.example = "why -w text",
	.arg = { { "VA", ARG_VA } },
	.opt = { CMD_OPT_ACCESS,
		 CMD_OPT_PRIV,
		 { 'i', "implicit", ARG_FLAG, NULL,
		   "implicit supervisor access" },
		 CMD_OPT_PID,
		 CMD_OPT_CPU },
	.run = why_run,
};

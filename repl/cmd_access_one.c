/*
 * cmd_access_one.c - access: one instruction's access, and what the hardware
 * does for it. Nobody handles a fault: see cmd_access.c for that.
 *
 * The order is that of mmu_load() and mmu_store(): of an access that crosses
 * a page boundary both parts are looked at first, the lower one before the
 * upper one, and if either faults nothing is changed by the other.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/mem_map.h"
#include "repl/cmd_tlb.h"
#include "repl/describe.h"

#define LEN_MAX 64

struct part {
	struct access access;
	unsigned len;
	struct walk walk;
	bool clean;		/* cached, but not dirty: walked to set D */
	uint64_t fills[TLB_NLEVELS], evictions[TLB_NLEVELS];
};

struct job {
	struct cpu *cpu;
	struct part part[2];
	unsigned nparts;
	bool crosses;		/* into a second page */
	bool fault;		/* .part[0] is the one that faulted */
};

static void split(struct job *j, const struct access *a, unsigned len)
{
	unsigned room = PAGE_SIZE - (a->va & ~PAGE_MASK);

	j->crosses = len > room;
	j->nparts = 1 + j->crosses;
	j->part[0].access = j->part[1].access = *a;
	j->part[0].len = len > room ? room : len;
	j->part[1].len = len - j->part[0].len;
	j->part[1].access.va = (a->va + room) & j->cpu->mmu.va_mask;
}

/* Makes the access, which was probed, and notes what it does to the TLB. */
static void make(struct cpu *cpu, struct part *p)
{
	struct tlb *tlb = &cpu->tlb;
	enum tlb_level level;

	p->clean = tlb_lookup(tlb, p->access.kind, p->access.va, cpu_pcid(cpu),
			      &level);
	memcpy(p->fills, tlb->fills, sizeof(p->fills));
	memcpy(p->evictions, tlb->evictions, sizeof(p->evictions));
	if (p->walk.fault.reason)
		mmu_access_traced(cpu, &p->access, &p->walk);
	else
		mmu_access_admitted(cpu, &p->walk);
	p->clean &= !p->walk.tlb_hit;
	for (unsigned i = 0; i < TLB_NLEVELS; i++) {
		p->fills[i] = tlb->fills[i] - p->fills[i];
		p->evictions[i] = tlb->evictions[i] - p->evictions[i];
	}
}

static void make_all(struct job *j)
{
	for (unsigned i = 0; i < j->nparts; i++) {
		mmu_probe(j->cpu, &j->part[i].access, &j->part[i].walk);
		if (!j->part[i].walk.fault.reason)
			continue;
		j->part[0] = j->part[i];
		j->nparts = 1;
		j->fault = true;
		break;
	}
	for (unsigned i = 0; i < j->nparts; i++)
		make(j->cpu, &j->part[i]);
}

/* --- told ------------------------------------------------------------------------- */
static void emit_head(struct cmd_ctx *c, const struct job *j,
		      const struct access *a, unsigned len)
{
	struct result *r = c->r;
	char what[32];

	describe_access(a, what, sizeof(what));
	res_str(r, "access", a->implicit ? "implicit %s" : "%s", what);
	res_u64(r, "bytes", "~ of %s", len);
	res_text(r, COL_PLAIN, "~ byte%s", len == 1 ? "" : "s");
	res_va(r, "va", "~ at %s", a->va);
	res_u64(r, "cpu", "~ on cpu%s", j->cpu->id);
	res_str(r, "mode", j->cpu->mmu.mode->nlevels ? "%s paging"
		: "paging %s", j->cpu->mmu.mode->name);
}

/* "TLB hit in L1D" or "TLB miss, walk of 2 references, begun behind PDE" */
static void emit_how(struct result *r, const struct part *p)
{
	const struct walk *w = &p->walk;
	unsigned refs = w->nsteps - w->first;

	refs -= w->nsteps && !w->first && w->step[0].from_register;
	res_str(r, "tlb", w->tlb_hit ? "TLB hit in %s" : NULL,
		w->tlb_hit ? tlb_level_name[w->tlb_level] : NULL);
	res_u64(r, "references", !w->nsteps ? NULL :
		p->clean ? "TLB has it, but not dirty: walk of %s"
			 : "TLB miss, walk of %s", refs);
	if (w->nsteps)
		res_text(r, COL_PLAIN, "~ reference%s", refs == 1 ? "" : "s");
	res_str(r, "from_cache", "~ behind a cached %s", w->first
		? psc_name[w->mode->nlevels - w->first] : NULL);
	if (!w->mode->nlevels)
		res_text(r, COL_PLAIN, "physical");
	else if (!w->nsteps && !w->tlb_hit)
		res_text(r, COL_PLAIN, "not looked up");
}

static void emit_steps(struct result *r, const struct walk *w)
{
	static const struct flag_name set[] = {
		{ PTE_A, "A", NULL }, { PTE_D, "D", NULL }, { 0 },
	};
	char buf[16];

	res_list(r, "steps", RES_TREE);
	for (unsigned i = w->first; i < w->nsteps; i++) {
		const struct walk_step *s = &w->step[i];

		res_item(r, false);
		cmd_emit_entry(r, w->mode, s->level, s->index, s->from_register,
			       s->entry_pa, s->entry, s->leaf);
		flags_format(buf, sizeof(buf), set, s->set, " ");
		res_flags(r, "set", NULL, buf);
		flags_format(buf, sizeof(buf), set, s->set, " +");
		res_str(r, NULL, "sets +%s", buf);
		res_end(r);
	}
	res_end(r);
}

/* "L1D L2": the levels whose count is not 0. */
static void emit_levels(struct result *r, const char *name, const char *txt,
			const uint64_t *counts)
{
	char buf[24] = "";

	for (unsigned i = 0; i < TLB_NLEVELS; i++)
		if (counts[i])
			strcat(strcat(buf, *buf ? " " : ""), tlb_level_name[i]);
	res_flags(r, name, txt, buf);
}

/* Either for people or for the data faces: @text. */
static void emit_fault(struct result *r, const struct fault *f, bool text)
{
	char bits[64];

	res_object(r, "fault");
	if (text)
		res_text(r, COL_BAD, "%s", cmd_vector_name(f->vector));
	res_u64(r, "vector", NULL, f->vector);
	res_hex(r, "error_code", text ? "error %s" : NULL, f->error_code, 1);
	if (f->vector == VEC_PF) {
		cmd_error_bits(f->error_code, bits, sizeof(bits));
		res_str(r, NULL, text ? "~ (%s)" : NULL, bits);
		res_va(r, "cr2", text ? "cr2 %s" : NULL, f->cr2);
	}
	res_str(r, "reason", text ? "%s" : NULL, fault_reason_name[f->reason]);
	res_end(r);
}

/* Where a part ended, and what it left in the TLB. */
static void emit_end(struct result *r, const struct part *p, bool text)
{
	const struct walk *w = &p->walk;

	if (w->fault.reason) {
		emit_fault(r, &w->fault, text);
		return;
	}
	res_pa(r, "pa", text ? "pa %s" : NULL, w->pa);
	if (w->mode->nlevels)
		res_size(r, "page_size", text ? "~, page of %s" : NULL,
			 1ULL << w->page_shift);
	emit_levels(r, "filled", text ? "filled %s" : NULL, p->fills);
	emit_levels(r, "evicted", text ? "evicted one of %s" : NULL,
		    p->evictions);
}

static void emit_part(struct result *r, const struct job *j,
		      const struct part *p)
{
	res_item(r, p == &j->part[j->nparts - 1]);
	if (j->crosses)
		res_va(r, "va", "%s", p->access.va);
	if (j->crosses)
		res_u64(r, "bytes", p->len == 1 ? "~, %s byte" : "~, %s bytes",
			p->len);
	emit_how(r, p);
	emit_steps(r, &p->walk);
	res_list(r, NULL, RES_TREE);
	res_item(r, true);
	emit_end(r, p, true);
	res_end(r);
	res_end(r);
	emit_end(r, p, false);
	res_end(r);
}

/* What is in memory there, low byte first in "hex". */
static void emit_value(struct result *r, const struct kernel *k,
		       const struct job *j)
{
	char hex[2 * LEN_MAX + 1];
	uint8_t buf[LEN_MAX];
	unsigned n = 0;
	uint64_t v = 0;

	for (unsigned i = 0; i < j->nparts; n += j->part[i++].len) {
		ram_copy_out(j->cpu->ram, j->part[i].walk.pa, buf + n,
			     j->part[i].len);
		mem_map_overlay(k, j->part[i].walk.pa, buf + n, j->part[i].len);
	}
	for (unsigned i = 0; i < n; i++)
		sprintf(hex + 2 * i, "%02x", buf[i]);
	res_line(r);
	res_str(r, "hex", NULL, hex);
	if (n > 8) {
		cmd_emit_dump(r, j->part[0].access.va, buf, n);
		return;
	}
	memcpy(&v, buf, n);
	res_hex(r, "value", "value %s", v, 2 * n);
}

static int access_run(struct cmd_ctx *c)
{
	struct job j = { .cpu = cmd_chosen_cpu(c) };
	uint64_t len = c->arg[1].set ? c->arg[1].value.n : 1;
	struct access a = { 0 };

	if (len > LEN_MAX)
		return err_set(c->err, ERR_USER, "%llu bytes: one access is of "
			       "1 to 64", (unsigned long long)len);
	if (cmd_choose_access(c, j.cpu, &a) < 0)
		return -1;
	a.stack = cmd_opt(c, 's');
	split(&j, &a, len);
	make_all(&j);
	emit_head(c, &j, &a, len);
	res_list(c->r, "parts", RES_TREE);
	for (unsigned i = 0; i < j.nparts; i++)
		emit_part(c->r, &j, &j.part[i]);
	res_end(c->r);
	if (!j.fault)
		emit_value(c->r, c->k, &j);
	res_subject(c->r, a.va);
	return 0;
}

const struct command cmd_access = {
	.name = "access", .group = "access", .flags = CMD_CHANGES,
	.help = "one access as an instruction makes it, faults left unhandled",
	.details =
	"What the hardware alone does for one access of LEN bytes (1 to 64, default\n"
	"1): the TLB that hits, or the walk with the entries it reads, the A and D\n"
	"flags it sets, what it fills; or the fault, with error code and CR2. No\n"
	"kernel handles it: compare read and write. -w stores what is there\n"
	"already, so that only flags change. If the bytes cross into another page\n"
	"both are checked before either is accessed. -i is an access that the CPU\n"
	"makes on its own, to a descriptor table; --stack one through SS.",
	.example = "access -k PAGE_OFFSET 4",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_SIZE, .optional = true } },
	.opt = { CMD_OPT_ACCESS, CMD_OPT_PRIV,
		 { 'i', "implicit", ARG_FLAG, NULL, "implicit supervisor access" },
		 { 's', "stack", ARG_FLAG, NULL, "through SS: #SS, not #GP" },
		 CMD_OPT_CPU },
	.run = access_run,
};

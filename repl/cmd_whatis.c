/*
 * cmd_whatis.c - whatis: all that is known of an address, of whatever kind.
 *
 *	number --> va --region, area, object--> walk --> pa --> frame -->
 *aliases
 *	      \--> pa ---------------------------------^
 *	      \--> pfn --------------------------------^
 */
#include <stdio.h>

#include "kernel/convert.h"
#include "kernel/pti.h"
#include "repl/convert.h"
#include "repl/describe.h"
#include "repl/whatis.h"

/* --- linear addresses -------------------------------------------------------
 */
struct place {
	struct task_struct *task;
	struct mmu mmu;
	struct walk walk;
	bool canonical, mapped;
};

static int find_place(struct cmd_ctx *c, va_t va, struct place *p)
{
	struct access a = { .va = va };
	unsigned cpu;

	if (cmd_view(c, &p->task, &cpu, &p->mmu) < 0)
		return -1;
	cmd_view_root(c, p->task, c->k && va < c->k->layout.task_size, &p->mmu);
	mmu_walk(&p->mmu, c->m->ram, &a, &p->walk);
	p->mapped = p->walk.fault.reason == FAULT_NONE;
	p->canonical =
		!p->mmu.mode->canonical || paging_is_canonical(p->mmu.mode, va);
	return 0;
}

static void emit_rights(struct result *r, const struct walk *w)
{
	const struct rights *g = &w->rights;
	char rights[4] = { 'r', g->write ? 'w' : '-', g->xd ? '-' : 'x', 0 };

	res_str(r, "rights", "%s", rights);
	res_bool(r, "user", NULL, g->user);
	res_text(r, COL_PLAIN, g->user ? "user" : "kernel only");
	if (w->global)
		res_text(r, COL_PLAIN, "global");
}

static void emit_type(struct cmd_ctx *c, const struct place *p)
{
	struct memtype_of t;

	memtype_of_walk(&cmd_chosen_cpu(c)->memtype, &p->mmu, &p->walk, &t);
	res_str(c->r, "memtype", "%s", memtype_name[t.type]);
}

static void emit_walk(struct cmd_ctx *c, const struct place *p)
{
	const struct walk *w = &p->walk;
	const struct paging_mode *mode = p->mmu.mode;
	struct result *r = c->r;

	whatis_label(r, "mapped");
	res_object(r, "walk");
	res_bool(r, "mapped", NULL, p->mapped);
	if (!p->mapped) {
		res_str(r, "reason", "~no: %s",
			fault_reason_name[w->fault.reason]);
		if (p->canonical && w->nsteps)
			res_str(r, "level", "~, at the %s",
				mode->level[w->nsteps - 1].name);
	} else if (!mode->nlevels) {
		res_pa(r, "pa", "~pa %s, paging is off", w->pa);
	} else {
		res_pa(r, "pa", "~pa %s", w->pa);
		res_str(r, "level", "by a %s", mode->level[w->nsteps - 1].name);
		res_str(r, "page_size", "~ of %s",
			paging_size_name(w->page_shift));
		emit_rights(r, w);
	}
	if (p->mapped)
		emit_type(c, p);
	res_end(r);
}

/* The entries read on the way, whether it ends in a page or not. */
static void emit_steps(struct cmd_ctx *c, const struct place *p)
{
	const struct walk *w = &p->walk;
	struct result *r = c->r;

	if (!w->nsteps)
		return;
	whatis_label(r, "through");
	res_pa(r, "root", "~cr3 %s", mmu_root(&p->mmu));
	for (unsigned i = w->first; i < w->nsteps; i++)
		res_text(r, COL_PLAIN, "%s[0x%03x] 0x%llx",
			 p->mmu.mode->level[i].name, w->step[i].index,
			 (unsigned long long)w->step[i].entry);
	res_list(r, "steps", RES_HIDDEN);
	for (unsigned i = w->first; i < w->nsteps; i++) {
		res_item(r, false);
		res_str(r, "name", NULL, p->mmu.mode->level[i].name);
		res_hex(r, "index", NULL, w->step[i].index, 3);
		res_pa(r, "entry_pa", NULL, w->step[i].entry_pa);
		res_entry(r, "entry", NULL, w->step[i].entry);
		res_end(r);
	}
	res_end(r);
}

/* Page-table isolation: what the user root has of a kernel address. */
static void emit_user_root(struct cmd_ctx *c, const struct place *p, va_t va)
{
	struct mmu mmu = p->mmu;
	struct walk w;
	bool mapped;

	if (!c->k || !has_pti(c->k) || va < c->k->layout.task_size ||
	    !p->task || !p->task->mm)
		return;
	cmd_view_root(c, p->task, true, &mmu);
	mmu_walk(&mmu, c->m->ram, &(struct access){ .va = va }, &w);
	mapped = w.fault.reason == FAULT_NONE;
	whatis_label(c->r, "pti");
	res_bool(c->r, "in_user_root",
		 mapped ? "~the user root maps it too: entering the kernel "
			  "takes it"
			: "~not in the user root: user code cannot even "
			  "speculate there",
		 mapped);
}

/*
 * Kernel space that this process' tables do not have yet: linux vmalloc_fault()
 * copies the entry when it is first used.
 */
static void emit_not_synced(struct cmd_ctx *c, va_t va)
{
	pa_t pa;

	if (!c->k || !slow_virt_to_phys(c->k, va, &pa))
		return;
	whatis_label(c->r, "init_mm");
	res_pa(c->r, "init_mm_pa",
	       "~pa %s in swapper_pg_dir: a vmalloc fault copies the entry",
	       pa);
	whatis_pa(c, pa);
}

static int show_va(struct cmd_ctx *c, va_t va, const struct place *p)
{
	res_va(c->r, "va", "va %s", va);
	if (p->task && (!c->k || va < c->k->layout.task_size))
		res_i64(c->r, "pid", "in pid %s", p->task->pid);
	if (c->k)
		whatis_va(c, p->task, va);
	emit_walk(c, p);
	emit_steps(c, p);
	emit_user_root(c, p, va);
	if (p->mapped)
		whatis_pa(c, p->walk.pa);
	else if (c->k && p->task && va < c->k->layout.task_size)
		whatis_swapped(c, p->task, va);
	else
		emit_not_synced(c, va);
	res_subject(c->r, va);
	return 0;
}

static int show_pa(struct cmd_ctx *c, pa_t pa)
{
	res_pa(c->r, "pa", "pa %s", pa);
	whatis_pa(c, pa);
	return 0;
}

/* --- a number of no type
 * ------------------------------------------------------ */
struct reading {
	const char *type;
	bool possible;
	char what[200];
};

static bool pa_possible(const struct cmd_ctx *c, pa_t pa)
{
	const struct ram *ram = c->m->ram;

	for (unsigned i = 0; i < ram->nregions; i++)
		if (pa >= ram->region[i].start && pa < ram->region[i].end)
			return true;
	return false;
}

/* Is anything there: a mapping, an area, a part of kernel space? */
static bool va_possible(const struct cmd_ctx *c, va_t va, const struct place *p)
{
	const struct vm_area_struct *vma;

	if (va > session_va_max(c->s))
		return false;
	if (p->mapped || (c->k && va >= c->k->layout.task_size))
		return true;
	vma = p->task && p->task->mm ? find_vma(p->task->mm, va) : NULL;
	return vma && vma->vm_start <= va;
}

static void read_number(struct cmd_ctx *c, uint64_t n, const struct place *p,
			struct reading rd[3])
{
	rd[0] = (struct reading){ "va", va_possible(c, n, p), "" };
	rd[1] = (struct reading){ "pa",
				  p->mmu.mode->nlevels && pa_possible(c, n),
				  "" };
	rd[2] = (struct reading){ "pfn",
				  n < BIT(52) >> PAGE_SHIFT &&
					  pa_possible(c, n << PAGE_SHIFT),
				  "" };
	if (rd[0].possible && c->k)
		describe_va(c->k, p->task, n, rd[0].what, sizeof(rd[0].what));
	if (rd[1].possible)
		whatis_brief_pa(c, n, rd[1].what, sizeof(rd[1].what));
	if (rd[2].possible)
		whatis_brief_pa(c, n << PAGE_SHIFT, rd[2].what,
				sizeof(rd[2].what));
}

/* Lines for the readings but those before @from. */
static void emit_readings(struct cmd_ctx *c, uint64_t n,
			  const struct reading rd[3], unsigned from)
{
	struct result *r = c->r;

	res_list(r, "readings", RES_LINES);
	for (unsigned i = from; i < 3; i++) {
		if (!rd[i].possible)
			continue;
		res_item(r, false);
		res_text(r, COL_PLAIN, from ? "  or" : "  ");
		res_str(r, "type", "~ %s:", rd[i].type);
		res_hex(r, "n", "~%s", n, 1);
		res_str(r, "what", "%s", rd[i].what);
		res_end(r);
	}
	res_end(r);
}

/* Beyond all linear addresses? Registers of 32 bits have no such number. */
static int check_va(struct cmd_ctx *c, uint64_t n)
{
	va_t max = session_va_max(c->s);

	if (n <= max)
		return 0;
	return err_set(c->err, ERR_USER,
		       "0x%llx: linear addresses end at 0x%llx here",
		       (unsigned long long)n, (unsigned long long)max);
}

static int show_number(struct cmd_ctx *c, uint64_t n)
{
	struct reading rd[3];
	struct place p;
	unsigned count;

	if (find_place(c, n, &p) < 0)
		return -1;
	read_number(c, n, &p, rd);
	count = rd[0].possible + rd[1].possible + rd[2].possible;
	if (!count && check_va(c, n) < 0)
		return -1;
	if (rd[0].possible || !count) {
		show_va(c, n, &p);
		emit_readings(c, n, rd, 1);
		return 0;
	}
	if (count == 1)
		return show_pa(c, rd[1].possible ? n : n << PAGE_SHIFT);
	res_hex(c->r, "n", "%s may be", n, 1);
	emit_readings(c, n, rd, 0);
	return 0;
}

static int whatis_run(struct cmd_ctx *c)
{
	const struct value *v = &c->arg[0].value;
	struct place p;

	switch (v->type) {
	case V_PA:
		return show_pa(c, v->n);
	case V_PFN:
	case V_PAGE:
		if (convert_check_pfn(v->n, c->err) < 0)
			return -1;
		return show_pa(c, v->n << PAGE_SHIFT);
	case V_VA:
		if (check_va(c, v->n) < 0 || find_place(c, v->n, &p) < 0)
			return -1;
		return show_va(c, v->n, &p);
	default:
		return show_number(c, v->n);
	}
}

const struct command cmd_whatis = {
	.name = "whatis",
	.group = "translation",
	.help = "all that is known of an address: va, pa or pfn",
	.details = "The region of the layout, the area of the process or of "
		   "vmalloc, the slab\n"
		   "object, the slot; where it is mapped and how; the frame, "
		   "what it is used for,\n"
		   "its struct page, whether it can be swapped; and every "
		   "linear address\n"
		   "that leads to the same byte. X is typed as for page; a "
		   "bare number is a\n"
		   "linear address where that makes sense, and its other "
		   "readings are named.",
	.example = "whatis heap",
	.arg = { { "X", ARG_ADDR } },
	.opt = { CMD_OPT_PID, CMD_OPT_CPU },
	.run = whatis_run,
};

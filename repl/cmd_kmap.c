/*
 * cmd_kmap.c - kmap, kmap_local, kmap_atomic: temporary addresses of HighMem
 * frames. The views of their slots are in cmd_fixmap.c.
 */
#include <errno.h>

#include "kernel/highmem.h"
#include "repl/cmd.h"
#include "repl/describe.h"

static bool is_va(const struct value *v)
{
	return v->type == V_VA || v->type == V_PLAIN;
}

/* The frame that pa:, pfn: or page: names. */
static int frame_arg(struct cmd_ctx *c, pfn_t *ret)
{
	const struct value *v = &c->arg[0].value;

	if (is_va(v)) {
		err_set(c->err, ERR_USER, "0x%llx: which frame?",
			(unsigned long long)v->n);
		err_hint(c->err, "pfn:N or pa:N");
		return -1;
	}
	*ret = v->type == V_PA ? v->n >> PAGE_SHIFT : v->n;
	return 0;
}

static void emit_frame_at(struct cmd_ctx *c, pfn_t pfn, va_t va)
{
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_str(c->r, "zone", "~ (%s)", zone_name(c->k, pfn));
	res_va(c->r, "va", "at %s", va);
}

static int kmap_failed(struct cmd_ctx *c, int rc, pfn_t pfn)
{
	if (rc == -EAGAIN) {
		err_errno(c->err, rc,
			  "all %u slots are taken: kmap would sleep until one "
			  "is released", c->k->kmap->nr);
		err_hint(c->err, "kunmap a frame; pkmap lists the slots");
		return -1;
	}
	return err_errno(c->err, rc, "pfn 0x%llx", (unsigned long long)pfn);
}

static int local_failed(struct cmd_ctx *c, int rc, pfn_t pfn)
{
	if (rc == -EAGAIN)
		return err_errno(c->err, rc,
				 "all %u slots that cpu%u may use are taken "
				 "(Linux: BUG)", kmap_local_max(c->k),
				 c->s->cpu);
	return err_errno(c->err, rc, "pfn 0x%llx", (unsigned long long)pfn);
}

/* The frame to map; somebody must have it. */
static int used_frame(struct cmd_ctx *c, pfn_t *ret)
{
	if (frame_arg(c, ret) < 0)
		return -1;
	if (!pfn_valid(c->k, *ret) || !page_is_free(c->k, *ret))
		return 0;
	err_set(c->err, ERR_USER, "pfn 0x%llx is free: nobody's to map",
		(unsigned long long)*ret);
	err_hint(c->err, "alloc_pages%s takes a frame",
		 c->k->kmap ? " -g highuser" : "");
	return -1;
}

static int emit_mapped(struct cmd_ctx *c, pfn_t pfn, va_t va)
{
	emit_frame_at(c, pfn, va);
	res_str(c->r, "area", "%s", kernel_area_name(c->k, va));
	return 0;
}

static int kmap_page(struct cmd_ctx *c)
{
	pfn_t pfn;
	va_t va;
	int rc;

	if (used_frame(c, &pfn) < 0)
		return -1;
	c->k->this_cpu = c->s->cpu;
	rc = kmap(c->k, pfn, &va);
	if (rc < 0)
		return kmap_failed(c, rc, pfn);
	emit_mapped(c, pfn, va);
	if (!c->k->kmap)
		res_text(c->r, COL_DIM,
			 "no HighMem here: kmap is page_address()");
	return 0;
}

static int map_local(struct cmd_ctx *c, bool atomic)
{
	unsigned cpu = c->s->cpu;
	pfn_t pfn;
	va_t va;
	int rc;

	if (used_frame(c, &pfn) < 0)
		return -1;
	rc = atomic ? kmap_atomic(c->k, cpu, pfn, &va)
		    : kmap_local(c->k, cpu, pfn, &va);
	if (rc < 0)
		return local_failed(c, rc, pfn);
	emit_mapped(c, pfn, va);
	if (pfn < c->k->max_low_pfn)
		res_text(c->r, COL_DIM, "its own address: no slot is taken");
	else
		res_u64(c->r, "slot", "slot %s",
			kmap_ctrl_of(c->k, cpu)->idx - 1);
	res_u64(c->r, "cpu", pfn < c->k->max_low_pfn ? NULL : "~ of cpu%s",
		cpu);
	if (atomic)
		res_text(c->r, COL_DIM, "no switch before kunmap_atomic");
	return 0;
}

static int kmap_run(struct cmd_ctx *c)
{
	return cmd_opt(c, 'a') ? map_local(c, true) : kmap_page(c);
}

static int kmap_local_run(struct cmd_ctx *c)
{
	return map_local(c, false);
}

static int kmap_atomic_run(struct cmd_ctx *c)
{
	return map_local(c, true);
}

/* --- kunmap ---------------------------------------------------------------- */
/* Lowmem has its address for good: kunmap() of it does nothing. */
static int kunmap_lowmem(struct cmd_ctx *c, pfn_t pfn)
{
	emit_frame_at(c, pfn, kernel_va(c->k, pfn << PAGE_SHIFT));
	res_text(c->r, COL_PLAIN, "direct map: nothing to unmap");
	res_bool(c->r, "unmapped", NULL, false);
	return 0;
}

static bool is_lowmem(const struct cmd_ctx *c, pfn_t pfn)
{
	return pfn_valid(c->k, pfn) && pfn < c->k->max_low_pfn;
}

static int kunmap_page(struct cmd_ctx *c)
{
	unsigned uses;
	pfn_t pfn;
	va_t va;

	if (frame_arg(c, &pfn) < 0)
		return -1;
	if (is_lowmem(c, pfn))
		return kunmap_lowmem(c, pfn);
	if (!pfn_valid(c->k, pfn))
		return err_set(c->err, ERR_USER, "pfn 0x%llx: no RAM there",
			       (unsigned long long)pfn);
	if (kunmap(c->k, pfn) < 0)
		return err_set(c->err, ERR_USER,
			       "pfn 0x%llx: not mapped by kmap (Linux: BUG)",
			       (unsigned long long)pfn);
	uses = kmap_uses(c->k, pfn, &va);
	emit_frame_at(c, pfn, va);
	res_u64(c->r, "uses", uses == 1 ? "%s use left" : "%s uses left", uses);
	res_bool(c->r, "unmapped", NULL, !uses);
	if (!uses)
		res_text(c->r, COL_DIM, "the entry stays until the next flush");
	return 0;
}

/* Is the latest mapping there, but of the other kind? Says so. */
static bool other_kind(struct cmd_ctx *c, bool atomic)
{
	const struct kmap_ctrl *ctrl = kmap_ctrl_of(c->k, c->s->cpu);
	bool is = ctrl->idx && ctrl->atomic >> (ctrl->idx - 1) & 1;

	if (is == atomic)
		return false;
	err_set(c->err, ERR_USER, "the latest mapping of cpu%u is of kmap_%s",
		c->s->cpu, is ? "atomic" : "local");
	err_hint(c->err, is ? "kunmap_local would leave preemption off"
			    : "kunmap_atomic would turn on preemption that is on");
	return true;
}

/* What an unmap that is not of the latest slot is told. */
static int not_latest(struct cmd_ctx *c, bool atomic)
{
	const struct value *v = &c->arg[0].value;
	const char *type = v->type == V_PA ? "pa:" : is_va(v) ? "" : "pfn:";
	const char *what = atomic ? "kmap_atomic" : "kmap_local";
	unsigned cpu = c->s->cpu;
	pfn_t pfn;
	va_t va;

	if (!kmap_local_top(c->k, cpu, &pfn, &va))
		return err_set(c->err, ERR_USER,
			       "%s0x%llx: cpu%u has no %s to undo",
			       type, (unsigned long long)v->n, cpu, what);
	err_set(c->err, ERR_USER,
		"%s0x%llx: not the latest %s of cpu%u (Linux warns, and clears "
		"the latest one)", type, (unsigned long long)v->n, what, cpu);
	err_hint(c->err, "that is pfn 0x%llx at 0x%llx",
		 (unsigned long long)pfn, (unsigned long long)va);
	return -1;
}

/* Does the argument mean the mapping of @pfn at @at? */
static bool means(const struct value *v, pfn_t pfn, va_t at)
{
	if (is_va(v))
		return (v->n & PAGE_MASK) == at;
	return (v->type == V_PA ? v->n >> PAGE_SHIFT : v->n) == pfn;
}

/* The address, or the frame: only the latest slot can be meant. */
static int unmap_local(struct cmd_ctx *c, bool atomic)
{
	const struct value *v = &c->arg[0].value;
	int (*unmap)(struct kernel *k, unsigned cpu, va_t va) =
		atomic ? kunmap_atomic : kunmap_local;
	pfn_t pfn = 0, top;
	va_t at;

	if (is_va(v) && kernel_virt_ok(c->k, v->n))
		pfn = kernel_pa(c->k, v->n) >> PAGE_SHIFT;
	else if (!is_va(v) && frame_arg(c, &pfn) < 0)
		return -1;
	if (pfn && is_lowmem(c, pfn)) {
		unmap(c->k, c->s->cpu, kernel_va(c->k, pfn << PAGE_SHIFT));
		return kunmap_lowmem(c, pfn);
	}
	if (!kmap_local_top(c->k, c->s->cpu, &top, &at) || !means(v, top, at))
		return not_latest(c, atomic);
	if (unmap(c->k, c->s->cpu, at) < 0)
		return other_kind(c, atomic) ? -1 : not_latest(c, atomic);
	emit_frame_at(c, top, at);
	res_text(c->r, COL_PLAIN, "unmapped");
	res_bool(c->r, "unmapped", NULL, true);
	return 0;
}

static int kunmap_run(struct cmd_ctx *c)
{
	return cmd_opt(c, 'a') ? unmap_local(c, true) : kunmap_page(c);
}

static int kunmap_local_run(struct cmd_ctx *c)
{
	return unmap_local(c, false);
}

static int kunmap_atomic_run(struct cmd_ctx *c)
{
	return unmap_local(c, true);
}

/* --- kmap_to_page -------------------------------------------------------------- */
static int kmap_to_page_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	pfn_t pfn;

	if (!kmap_lookup(c->k, va, &pfn)) {
		if (!kernel_virt_ok(c->k, va))
			return err_set(c->err, ERR_USER,
				       "0x%llx: neither a kmap slot in use nor "
				       "lowmem", (unsigned long long)va);
		pfn = kernel_pa(c->k, va) >> PAGE_SHIFT;
	}
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_str(c->r, "zone", "~ (%s)", zone_name(c->k, pfn));
	res_str(c->r, "area", "by %s", kernel_area_name(c->k, va));
	return 0;
}

#define KMAP .group = "highmem", .flags = CMD_NEEDS_KERNEL | CMD_CHANGES
#define FRAME .arg = { { "FRAME", ARG_ADDR } }

const struct command cmd_kmap = {
	.name = "kmap", KMAP, FRAME,
	.help = "give a frame a kernel address; HighMem frames get a pkmap slot",
	.details =
	"Lowmem frames have their address already: on x86_64 that is all of\n"
	"them. A HighMem frame that has a slot keeps it, with one use more. If all\n"
	"slots are taken, Linux sleeps; here it is EAGAIN. -a: as kmap_atomic.",
	.example = "alloc_pages -g highuser; kmap $_",
	.opt = { { 'a', "atomic", ARG_FLAG, NULL, "kmap_atomic" } },
	.run = kmap_run,
};

const struct command cmd_kunmap = {
	.name = "kunmap", KMAP, FRAME,
	.help = "drop a use of a kmap slot",
	.details =
	"Lowmem frames were never mapped by kmap: nothing happens. The entry of\n"
	"a slot stays until all unused ones are flushed. -a: as kunmap_atomic.",
	.opt = { { 'a', "atomic", ARG_FLAG, NULL,
		   "kunmap_atomic: FRAME, or its address" } },
	.run = kunmap_run,
};

const struct command cmd_kmap_local = {
	.name = "kmap_local", KMAP, FRAME,
	.help = "map a frame in a slot of this CPU, for the task that runs here",
	.details =
	"Slots are a stack of the task: switch takes its mappings off the CPU, and\n"
	"puts them back when it returns, which it must do to the same CPU. 6.1 has\n"
	"16 slots a CPU and uses 15. Lowmem frames need no slot.",
	.example = "alloc_pages -g highuser; kmap_local $_",
	.run = kmap_local_run,
};

const struct command cmd_kunmap_local = {
	.name = "kunmap_local", KMAP, FRAME,
	.help = "undo the latest kmap_local, named by its frame or address",
	.run = kunmap_local_run,
};

const struct command cmd_kmap_atomic = {
	.name = "kmap_atomic", KMAP, FRAME,
	.help = "as kmap_local, and no task switch until kunmap_atomic",
	.example = "alloc_pages -g highuser; kmap_atomic $_",
	.run = kmap_atomic_run,
};

const struct command cmd_kunmap_atomic = {
	.name = "kunmap_atomic", KMAP, FRAME,
	.help = "undo the latest kmap_atomic, named by its frame or address",
	.run = kunmap_atomic_run,
};

const struct command cmd_kmap_to_page = {
	.name = "kmap_to_page", .group = "highmem",
	.flags = CMD_NEEDS_KERNEL,
	.help = "the frame behind an address of kmap, kmap_local or lowmem",
	.arg = { { "VA", ARG_VA } }, .run = kmap_to_page_run,
};

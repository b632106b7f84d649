/*
 * cmd_kmap.c - kmap, kunmap: temporary addresses of HighMem frames.
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
	if (rc == -EAGAIN)
		return err_errno(c->err, rc,
				 "all slots are in use (a real kmap sleeps)");
	return err_errno(c->err, rc, "pfn 0x%llx", (unsigned long long)pfn);
}

static int kmap_run(struct cmd_ctx *c)
{
	bool atomic = cmd_opt(c, 'a') != NULL;
	pfn_t pfn;
	va_t va;
	int rc;

	if (frame_arg(c, &pfn) < 0)
		return -1;
	if (pfn_valid(c->k, pfn) && page_is_free(c->k, pfn)) {
		err_set(c->err, ERR_USER, "pfn 0x%llx is free: nobody's to map",
			(unsigned long long)pfn);
		err_hint(c->err, "alloc_pages%s takes a frame",
			 c->k->kmap ? " -g highuser" : "");
		return -1;
	}
	rc = atomic ? kmap_atomic(c->k, c->s->cpu, pfn, &va)
		    : kmap(c->k, pfn, &va);
	if (rc < 0)
		return kmap_failed(c, rc, pfn);
	emit_frame_at(c, pfn, va);
	res_str(c->r, "area", "%s", kernel_area_name(c->k, va));
	if (!c->k->kmap)
		res_text(c->r, COL_DIM,
			 "no HighMem here: kmap is page_address()");
	return 0;
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

/* What a kunmap_atomic that is not of the latest slot is told. */
static int not_latest(struct cmd_ctx *c)
{
	const struct value *v = &c->arg[0].value;
	const char *type = v->type == V_PA ? "pa:" : is_va(v) ? "" : "pfn:";
	unsigned cpu = c->s->cpu;
	pfn_t pfn;
	va_t va;

	if (!kmap_atomic_top(c->k, cpu, &pfn, &va))
		return err_set(c->err, ERR_USER,
			       "%s0x%llx: cpu%u has no kmap_atomic to undo",
			       type, (unsigned long long)v->n, cpu);
	err_set(c->err, ERR_USER,
		"%s0x%llx: not the latest kmap_atomic of cpu%u", type,
		(unsigned long long)v->n, cpu);
	err_hint(c->err, "that is pfn 0x%llx at 0x%llx",
		 (unsigned long long)pfn, (unsigned long long)va);
	return -1;
}

/* The address, or the frame: only the latest slot can be meant. */
static int kunmap_latest(struct cmd_ctx *c)
{
	const struct value *v = &c->arg[0].value;
	pfn_t pfn = 0, top;
	va_t va = v->n, at;

	if (is_va(v) && kernel_virt_ok(c->k, va))
		pfn = kernel_pa(c->k, va) >> PAGE_SHIFT;
	else if (!is_va(v) && frame_arg(c, &pfn) < 0)
		return -1;
	if (pfn && is_lowmem(c, pfn))
		return kunmap_lowmem(c, pfn);
	if (!kmap_atomic_top(c->k, c->s->cpu, &top, &at) ||
	    (is_va(v) ? (va & PAGE_MASK) != at : pfn != top) ||
	    kunmap_atomic(c->k, c->s->cpu, at) < 0)
		return not_latest(c);
	emit_frame_at(c, top, at);
	res_text(c->r, COL_PLAIN, "unmapped");
	res_bool(c->r, "unmapped", NULL, true);
	return 0;
}

static int kunmap_run(struct cmd_ctx *c)
{
	return cmd_opt(c, 'a') ? kunmap_latest(c) : kunmap_page(c);
}

const struct command cmd_kmap = {
	.name = "kmap", .group = "kernel space",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "give a frame a kernel address; HighMem frames get a pkmap slot",
	.details = "Lowmem frames have their address already: on x86_64 that is all of\n"
		   "them. -a: kmap_atomic, a slot of the current CPU in the fixmap.",
	.example = "alloc_pages -g highuser; kmap $_",
	.arg = { { "FRAME", ARG_ADDR } },
	.opt = { { 'a', "atomic", ARG_FLAG, NULL, "kmap_atomic (kmap_local)" } },
	.run = kmap_run,
};

const struct command cmd_kunmap = {
	.name = "kunmap", .group = "kernel space",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "drop a use of a kmap slot",
	.details = "Lowmem frames were never mapped by kmap: nothing happens. The entry of\n"
		   "a slot stays until all unused ones are flushed. -a: kunmap_atomic, of\n"
		   "the latest slot of the current CPU, named by its frame or address.",
	.arg = { { "FRAME", ARG_ADDR } },
	.opt = { { 'a', "atomic", ARG_FLAG, NULL,
		   "kunmap_atomic: FRAME, or its address" } },
	.run = kunmap_run,
};

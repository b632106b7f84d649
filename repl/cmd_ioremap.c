/*
 * cmd_ioremap.c - device memory in the vmalloc space: ioremap, iounmap.
 */
#include <errno.h>
#include <strings.h>

#include "repl/cmd_vmalloc.h"

/* The functions that Linux has: ioremap, ioremap_uc, _wc, _wt, _cache. */
static int ioremap_mode(struct cmd_ctx *c, enum memtype *ret)
{
	static const enum memtype types[] = { MT_UC_MINUS, MT_UC, MT_WC, MT_WT,
					      MT_WB };
	const struct cmd_arg *t = cmd_opt(c, 't');

	*ret = MT_UC_MINUS;
	for (size_t i = 0; t && i < ARRAY_SIZE(types); i++)
		if (!strcasecmp(t->str, memtype_name[types[i]])) {
			*ret = types[i];
			return 0;
		}
	if (!t)
		return 0;
	err_set(c->err, ERR_USER, "-t %s: no such kind of ioremap", t->str);
	err_hint(c->err, "uc-, uc, wc, wt or wb");
	return -1;
}

static int map_device(struct cmd_ctx *c, enum memtype type)
{
	pa_t pa = c->arg[0].value.n;
	va_t va;
	int rc = ioremap_type(c->k, pa, c->arg[1].value.n, type, &va);

	if (rc < 0)
		return err_errno(c->err, rc, "0x%llx",
				 (unsigned long long)pa);
	cmd_emit_vmap(c, va, find_vmap_area(c->k, va)->nr_pages);
	return 0;
}

static int ioremap_run(struct cmd_ctx *c)
{
	enum memtype type;

	return ioremap_mode(c, &type) < 0 ? -1 : map_device(c, type);
}

static int ioremap_wc_run(struct cmd_ctx *c)
{
	return map_device(c, MT_WC);
}

static int ioremap_cache_run(struct cmd_ctx *c)
{
	return map_device(c, MT_WB);
}

static int iounmap_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	const struct vmap_area *a = find_vmap_area(c->k, va);
	int rc = iounmap(c->k, va);

	if (rc < 0) {
		err_errno(c->err, rc, "0x%llx: not what ioremap returned",
			  (unsigned long long)va);
		if (a)
			err_hint(c->err, "it is in an area of %s, 0x%llx-0x%llx",
				 vmap_kind_name[a->kind],
				 (unsigned long long)a->start,
				 (unsigned long long)a->end);
		return -1;
	}
	cmd_emit_freed(c, va, true);
	cmd_emit_lazy(c);
	return 0;
}

#define IO .group = "vmalloc", .flags = CMD_NEEDS_KERNEL | CMD_CHANGES, \
	.arg = { { "PA", ARG_PA }, { "SIZE", ARG_SIZE } }

const struct command cmd_ioremap = {
	.name = "ioremap", IO,
	.help = "map SIZE bytes of physical address space uncached",
	.details =
	"An area of device memory is aligned to its size, and large pages map it\n"
	"where physical address and MTRRs allow (x86_64, i386-pae).\n"
	"-t asks for another memory type than UC-: uc (ioremap_uc), wc (ioremap_wc,\n"
	"for frame buffers), wt (ioremap_wt), wb (ioremap_cache). WB becomes UC-\n"
	"where the MTRRs do not say WB, a second mapping gets the type of the\n"
	"first, and the ISA range 640K-1M is mapped WB; its MTRRs make it UC.",
	.example = "ioremap 0xfec00000 4K",
	.opt = { { 't', "type", ARG_WORD, "TYPE", "ask for this memory type" } },
	.run = ioremap_run,
};

const struct command cmd_ioremap_wc = {
	.name = "ioremap_wc", IO,
	.help = "map device memory write-combining, as for a frame buffer",
	.example = "ioremap_wc 0xfd000000 16K", .run = ioremap_wc_run,
};

const struct command cmd_ioremap_cache = {
	.name = "ioremap_cache", IO,
	.help = "map device memory write-back, where the MTRRs allow it",
	.example = "ioremap_cache 0xfd000000 16K", .run = ioremap_cache_run,
};

const struct command cmd_iounmap = {
	.name = "iounmap", .group = "vmalloc",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "unmap what ioremap has mapped", .arg = { { "VA", ARG_VA } },
	.run = iounmap_run,
};

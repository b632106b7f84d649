/*
 * cmd_slab.c - kmalloc, kfree, slabinfo.
 */
#include <errno.h>

#include "kernel/slab.h"
#include "repl/cmd.h"

/* --- kmalloc, kfree ----------------------------------------------------------------- */
static int kmalloc_failed(struct cmd_ctx *c, int rc, uint64_t size)
{
	err_errno(c->err, rc, "%llu bytes", (unsigned long long)size);
	if (size > KMALLOC_MAX_SIZE)
		err_hint(c->err, "4M at most; vmalloc %llu",
			 (unsigned long long)size);
	return -1;
}

static int kmalloc_run(struct cmd_ctx *c)
{
	uint64_t size = c->arg[0].value.n;
	unsigned gfp = cmd_opt(c, 'd') ? GFP_DMA : GFP_KERNEL;
	const struct kmem_cache *cache;
	bool in_use;
	va_t va, object;
	int rc = kmalloc(c->k, size, gfp, &va);

	if (rc < 0)
		return kmalloc_failed(c, rc, size);
	res_subject(c->r, va);
	res_va(c->r, "va", "%s", va);
	if (ZERO_OR_NULL_PTR(va)) {
		res_text(c->r, COL_PLAIN, "ZERO_SIZE_PTR: no memory behind it");
		return 0;
	}
	cache = slab_lookup(c->k, va, &object, &in_use);
	res_str(c->r, "cache", "%s", cache ? cache->name : "whole pages");
	if (cache)
		res_u64(c->r, "object_size", "%s bytes", cache->object_size);
	res_pa(c->r, "pa", "pa %s", kernel_pa(c->k, va));
	return 0;
}

static int kfree_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	int rc = kfree(c->k, va);

	if (rc < 0)
		return err_errno(c->err, rc,
				 "0x%llx: not the start of a live kmalloc object",
				 (unsigned long long)va);
	cmd_emit_freed(c, va, !ZERO_OR_NULL_PTR(va));
	return 0;
}

static const struct res_column slab_cols[] = {
	{ "name", "cache", false },	 { "active", "active", true },
	{ "objects", "objects", true },	 { "size", "size", true },
	{ "per_slab", "per slab", true }, { "pages", "pages/slab", true },
	{ "slabs", "slabs", true },	 { 0 },
};

static int slabinfo_run(struct cmd_ctx *c)
{
	const struct kmem_cache *s;

	res_table(c->r, "caches", slab_cols);
	TAILQ_FOREACH(s, &c->k->slab_caches, link) {
		res_item(c->r, false);
		res_str(c->r, "name", "%s", s->name);
		res_u64(c->r, "active", "%s", s->active);
		res_u64(c->r, "objects", "%s", s->nr_slabs * s->objects);
		res_u64(c->r, "size", "%s", s->size);
		res_u64(c->r, "per_slab", "%s", s->objects);
		res_u64(c->r, "pages", "%s", 1ULL << s->order);
		res_u64(c->r, "slabs", "%s", s->nr_slabs);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

#define KSPACE .group = "kernel space"
#define MUTATES .flags = CMD_NEEDS_KERNEL | CMD_CHANGES

const struct command cmd_kmalloc = {
	.name = "kmalloc", KSPACE, MUTATES,
	.help = "allocate SIZE bytes from the slab caches",
	.details = "Above 8K it is whole frames from the buddy allocator, 4M at most.\n"
		   "SIZE 0 gives ZERO_SIZE_PTR.",
	.example = "kmalloc 100",
	.arg = { { "SIZE", ARG_NUM } },
	.opt = { { 'd', "dma", ARG_FLAG, NULL, "GFP_DMA: below 16 MiB" } },
	.run = kmalloc_run,
};

const struct command cmd_kfree = {
	.name = "kfree", KSPACE, MUTATES, .help = "free a kmalloc object",
	.arg = { { "VA", ARG_VA } }, .run = kfree_run,
};

const struct command cmd_slabinfo = {
	.name = "slabinfo", KSPACE, .flags = CMD_NEEDS_KERNEL,
	.help = "slab caches: objects, sizes, slabs", .example = "slabinfo",
	.run = slabinfo_run,
};

/*
 * cmd_slab.c - kmalloc and its relatives.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/gfp.h"
#include "kernel/slab.h"
#include "repl/cmd_vmalloc.h"
#include "repl/gfp_arg.h"

#define SLAB	.group = "slab"
#define MUTATES .flags = CMD_NEEDS_KERNEL | CMD_CHANGES

/* --- kmalloc, kzalloc, krealloc ------------------------------------------- */
/* The flags of -d and -g. */
static int choose_gfp(struct cmd_ctx *c, unsigned *gfp)
{
	const struct cmd_arg *g = cmd_opt(c, 'g');

	if (gfp_arg(c, g ? g->str : NULL, gfp) < 0)
		return -1;
	if (cmd_opt(c, 'd'))
		*gfp |= GFP_DMA;
	return 0;
}

static int kmalloc_failed(struct cmd_ctx *c, int rc, uint64_t size)
{
	err_errno(c->err, rc, "%llu bytes", (unsigned long long)size);
	if (size > KMALLOC_MAX_SIZE)
		err_hint(c->err, "4M at most; vmalloc %llu",
			 (unsigned long long)size);
	return -1;
}

int cmd_emit_object(struct cmd_ctx *c, va_t va)
{
	struct slab_object o;

	res_subject(c->r, va);
	res_va(c->r, "va", "%s", va);
	if (ZERO_OR_NULL_PTR(va)) {
		res_text(c->r, COL_PLAIN, "ZERO_SIZE_PTR: no memory behind it");
		return 0;
	}
	if (slab_find(c->k, va, &o)) {
		res_str(c->r, "cache", "%s", o.cache->name);
		res_u64(c->r, "object_size", "%s bytes", o.cache->object_size);
	} else {
		res_str(c->r, "cache", "%s", "whole pages");
		res_u64(c->r, "pages", "(%s)", ksize(c->k, va) >> PAGE_SHIFT);
	}
	res_pa(c->r, "pa", "pa %s", kernel_pa(c->k, va));
	return 0;
}

static int alloc_run(struct cmd_ctx *c, unsigned more)
{
	uint64_t size = c->arg[0].value.n;
	unsigned gfp;
	va_t va;
	int rc;

	if (choose_gfp(c, &gfp) < 0)
		return -1;
	rc = kmalloc(c->k, size, gfp | more, &va);
	return rc < 0 ? kmalloc_failed(c, rc, size) : cmd_emit_object(c, va);
}

static int kmalloc_run(struct cmd_ctx *c)
{
	return alloc_run(c, 0);
}

static int kzalloc_run(struct cmd_ctx *c)
{
	return alloc_run(c, __GFP_ZERO);
}

/* --- kfree, krealloc, ksize ----------------------------------------------- */

/* Whose it is: kfree frees objects of any cache, kmem_cache_free warns. */
static void hint_other_cache(struct cmd_ctx *c, const char *name)
{
	if (command_is(c->cmd, "kmem_cache_free"))
		err_hint(c->err,
			 "Linux: \"Wrong slab cache. %.40s but object is from "
			 "%.40s\", and frees it there",
			 c->arg[0].str, name);
	else
		err_hint(c->err,
			 "an object of %.40s: Linux frees it all the same; "
			 "kmem_cache_free %.40s",
			 name, name);
}

/* Is it within whole pages of a large kmalloc? */
static bool in_large(struct kernel *k, va_t va)
{
	for (unsigned order = 1; order < MAX_ORDER; order++) {
		va_t head = ALIGN_DOWN(va, PAGE_SIZE << order);
		struct slab_object o;

		if (!slab_find(k, head, &o) && ksize(k, head) > va - head)
			return true;
	}
	return false;
}

/* What Linux makes of a pointer that is not the start of a live object. */
static const char *bad_pointer(struct cmd_ctx *c, va_t va, bool in_slab,
			       const struct slab_object *o)
{
	if (!kernel_virt_ok(c->k, va))
		return "not in the direct map: virt_to_page() of it is some "
		       "other memory, and Linux crashes";
	if (!in_slab && in_large(c->k, va))
		return "within whole pages of a large kmalloc: Linux frees "
		       "them all";
	if (!in_slab)
		return "not in a slab: Linux warns and gives the page to the "
		       "buddy, whoever uses it";
	if (o->state != OBJ_USED)
		return "already free: Linux puts it on the free list twice; "
		       "slub_debug=F finds it";
	return "within an object: Linux puts that address on the free list; "
	       "slub_debug=F finds it";
}

/* A debugged cache has told in the log; anything else is the user's mistake. */
int cmd_free_refused(struct cmd_ctx *c, va_t va, int rc)
{
	struct slab_object o;
	bool in_slab = slab_find(c->k, va, &o);

	if (c->k->log.unseen < c->k->log.len) {
		res_va(c->r, "va", "%s not freed", va);
		res_bool(c->r, "freed", NULL, false);
		return 0;
	}
	err_errno(c->err, rc, "0x%llx: not the start of a live %s object",
		  (unsigned long long)va,
		  command_is(c->cmd, "kmem_cache_free") ? c->arg[0].str
							: "kmalloc");
	if (in_slab && o.state == OBJ_USED && va == o.start)
		hint_other_cache(c, o.cache->name);
	else
		err_hint(c->err, "%s", bad_pointer(c, va, in_slab, &o));
	return -1;
}

/* vmap may have it mapped, too. */
static int still_mapped(struct cmd_ctx *c, va_t va)
{
	uint64_t size = ksize(c->k, va);

	if (!size || !kernel_virt_ok(c->k, va))
		return 0;
	return cmd_not_vmapped(c, kernel_pa(c->k, va) >> PAGE_SHIFT,
			       PAGE_ALIGN(size) >> PAGE_SHIFT);
}

static int kfree_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	int rc;

	if (still_mapped(c, va) < 0)
		return -1;
	rc = kfree(c->k, va);
	if (rc < 0)
		return cmd_free_refused(c, va, rc);
	cmd_emit_freed(c, va, !ZERO_OR_NULL_PTR(va));
	return 0;
}

static int krealloc_run(struct cmd_ctx *c)
{
	uint64_t size = c->arg[1].value.n;
	va_t old = c->arg[0].value.n, va;
	unsigned gfp;
	int rc;

	if (choose_gfp(c, &gfp) < 0)
		return -1;
	if (still_mapped(c, old) < 0)
		return -1;
	rc = krealloc(c->k, old, size, gfp, &va);
	if (rc == -EINVAL)
		return cmd_free_refused(c, old, rc);
	if (rc < 0)
		return kmalloc_failed(c, rc, size);
	cmd_emit_object(c, va);
	res_str(c->r, "how", "%s",
		va == old	       ? "fits where it is"
		: ZERO_OR_NULL_PTR(va) ? "freed"
				       : "moved");
	return 0;
}

static int ksize_run(struct cmd_ctx *c)
{
	va_t va = c->arg[0].value.n;
	uint64_t size = ksize(c->k, va);

	if (!size && !ZERO_OR_NULL_PTR(va))
		return cmd_free_refused(c, va, -EINVAL);
	res_u64(c->r, "size", "%s bytes", size);
	return 0;
}

#define GFP_OPTS                                                               \
	{ 'd', "dma", ARG_FLAG, NULL, "GFP_DMA: below 16 MiB" },               \
	{                                                                      \
		'g', "gfp", ARG_WORD, "FLAGS", "such as GFP_ATOMIC,__GFP_ZERO" \
	}

const struct command cmd_kmalloc = {
	.name = "kmalloc",
	SLAB,
	MUTATES,
	.help = "allocate SIZE bytes from the slab caches",
	.details = "Above 8K it is whole frames from the buddy allocator, 4M "
		   "at most.\n"
		   "SIZE 0 gives ZERO_SIZE_PTR.",
	.example = "kmalloc 100",
	.arg = { { "SIZE", ARG_NUM } },
	.opt = { GFP_OPTS },
	.run = kmalloc_run,
};

const struct command cmd_kzalloc = {
	.name = "kzalloc",
	SLAB,
	MUTATES,
	.help = "kmalloc, and zero the object",
	.example = "kzalloc 100",
	.arg = { { "SIZE", ARG_NUM } },
	.opt = { GFP_OPTS },
	.run = kzalloc_run,
};

const struct command cmd_kfree = {
	.name = "kfree",
	SLAB,
	MUTATES,
	.help = "free a kmalloc object",
	.details = "Of a cache with slub_debug= the object is checked first; "
		   "what is wrong\n"
		   "with it is told as Linux tells it, and it is not freed.",
	.arg = { { "VA", ARG_VA } },
	.run = kfree_run,
};

const struct command cmd_krealloc = {
	.name = "krealloc",
	SLAB,
	MUTATES,
	.help = "make a kmalloc object larger, moving it if it has to",
	.details = "SIZE 0 frees it. An object that is large enough stays as "
		   "it is.",
	.arg = { { "VA", ARG_VA }, { "SIZE", ARG_NUM } },
	.opt = { GFP_OPTS },
	.run = krealloc_run,
};

const struct command cmd_ksize = {
	.name = "ksize",
	SLAB,
	.flags = CMD_NEEDS_KERNEL,
	.help = "bytes that a kmalloc object really has",
	.arg = { { "VA", ARG_VA } },
	.run = ksize_run,
};

/*
 * cmd_kmem_cache.c - caches by name: kmem_cache_create, _alloc, _free,
 * _shrink, _destroy.
 */
#include <errno.h>
#include <string.h>

#include "kernel/slab.h"
#include "repl/cmd.h"

#define SLAB	.group = "slab"
#define MUTATES .flags = CMD_NEEDS_KERNEL | CMD_CHANGES

static struct kmem_cache *cache_arg(struct cmd_ctx *c)
{
	const char *name = c->arg[0].str;
	struct kmem_cache *s = kmem_cache_find(c->k, name);

	if (!s) {
		err_set(c->err, ERR_USER, "%s: no such cache", name);
		err_hint(c->err, "slabinfo lists the caches");
	}
	return s;
}

static int flag_word(struct cmd_ctx *c, const char *word, size_t len,
		     unsigned *flags)
{
	for (const struct flag_name *f = slab_flag_names; f->name; f++)
		if ((strlen(f->name) == len && !memcmp(f->name, word, len)) ||
		    (strlen(f->name) == len + 5 &&
		     !memcmp(f->name + 5, word, len))) {
			*flags |= f->mask;
			return 0;
		}
	err_set(c->err, ERR_USAGE, "-f %.*s: no such flag", (int)len, word);
	err_hint(c->err, "such as SLAB_HWCACHE_ALIGN, SLAB_POISON, "
			 "SLAB_RED_ZONE, SLAB_CACHE_DMA, joined by commas");
	return -1;
}

static int cache_flags(struct cmd_ctx *c, unsigned *flags)
{
	const struct cmd_arg *f = cmd_opt(c, 'f');
	const char *at = f ? f->str : "";

	*flags = 0;
	while (*at) {
		size_t len = strcspn(at, "|,");

		if (flag_word(c, at, len, flags) < 0)
			return -1;
		at += len + !!at[len];
	}
	return 0;
}

static void emit_cache(struct cmd_ctx *c, const struct kmem_cache *s)
{
	res_str(c->r, "cache", "%s", s->name);
	res_u64(c->r, "object_size", "objects of %s bytes", s->object_size);
	res_u64(c->r, "size", "%s with all extras", s->size);
	res_u64(c->r, "align", "aligned to %s", s->align);
	res_u64(c->r, "per_slab", "%s in a slab", s->objects);
	res_u64(c->r, "pages", s->order ? "of %s pages" : "of %s page",
		1ULL << s->order);
}

static int create_run(struct cmd_ctx *c)
{
	const struct cmd_arg *align = cmd_opt(c, 'a');
	uint64_t size = c->arg[1].value.n;
	struct kmem_cache *s;
	unsigned flags;
	int rc;

	if (cache_flags(c, &flags) < 0)
		return -1;
	if (size > KMALLOC_MAX_SIZE || (align && align->value.n > 4 * MiB))
		return err_set(c->err, ERR_USER, "4M at most");
	rc = kmem_cache_create(c->k, c->arg[0].str, size,
			       align ? align->value.n : 0, flags, &s);
	if (rc == -EINVAL)
		err_hint(c->err, "an alignment is a power of 2");
	if (rc < 0) {
		err_errno(c->err, rc, "%s", c->arg[0].str);
		if (rc == -EINVAL)
			err_hint(c->err, "at least 1 byte; an alignment is a "
					 "power of 2");
		return -1;
	}
	emit_cache(c, s);
	return 0;
}

static int cache_alloc_run(struct cmd_ctx *c)
{
	struct kmem_cache *s = cache_arg(c);
	va_t va;

	if (!s)
		return -1;
	va = kmem_cache_alloc(c->k, s);
	return va ? cmd_emit_object(c, va)
		  : err_errno(c->err, -ENOMEM, "%s", s->name);
}

static int cache_free_run(struct cmd_ctx *c)
{
	va_t va = c->arg[1].value.n;
	struct kmem_cache *s = cache_arg(c);
	int rc;

	if (!s)
		return -1;
	rc = kmem_cache_free(c->k, s, va);
	if (rc < 0)
		return cmd_free_refused(c, va, rc);
	cmd_emit_freed(c, va, true);
	return 0;
}

static int shrink_run(struct cmd_ctx *c)
{
	struct kmem_cache *s = cache_arg(c);
	uint64_t before = s ? s->nr_slabs : 0;

	if (!s)
		return -1;
	kmem_cache_shrink(c->k, s);
	res_str(c->r, "cache", "%s:", s->name);
	res_u64(c->r, "freed",
		before - s->nr_slabs == 1 ? "%s slab given back"
					  : "%s slabs given back",
		before - s->nr_slabs);
	res_u64(c->r, "slabs", "%s left", s->nr_slabs);
	return 0;
}

static int destroy_run(struct cmd_ctx *c)
{
	struct kmem_cache *s = cache_arg(c);
	int rc;

	if (!s)
		return -1;
	rc = kmem_cache_destroy(c->k, s);
	if (rc == -EPERM)
		return err_errno(c->err, rc, "%s: the kernel needs it",
				 s->name);
	res_str(c->r, "cache", "%s", c->arg[0].str);
	res_bool(c->r, "destroyed", NULL, rc == 0);
	res_text(c->r, COL_PLAIN, rc ? "not destroyed" : "destroyed");
	return 0;
}

const struct command cmd_kmem_cache_create = {
	.name = "kmem_cache_create",
	SLAB,
	MUTATES,
	.help = "make a cache of objects of SIZE bytes",
	.details = "FLAGS are joined by commas: SLAB_HWCACHE_ALIGN, "
		   "SLAB_POISON, SLAB_RED_ZONE,\n"
		   "SLAB_STORE_USER, SLAB_CONSISTENCY_CHECKS, SLAB_CACHE_DMA,\n"
		   "SLAB_CACHE_DMA32, SLAB_TYPESAFE_BY_RCU, ...; SLAB_ may be "
		   "left out.\n"
		   "Caches are never merged, as with slab_nomerge.",
	.example = "kmem_cache_create dog 100",
	.arg = { { "NAME", ARG_WORD }, { "SIZE", ARG_NUM } },
	.opt = { { 'a', "align", ARG_NUM, "N", "align objects to N bytes" },
		 { 'f', "flags", ARG_WORD, "FLAGS", "SLAB_* flags" } },
	.run = create_run,
};

const struct command cmd_kmem_cache_alloc = {
	.name = "kmem_cache_alloc",
	SLAB,
	MUTATES,
	.help = "allocate an object from a cache",
	.example = "kmem_cache_alloc mm_struct",
	.arg = { { "NAME", ARG_WORD } },
	.run = cache_alloc_run,
	.word_of = cmd_cache_name,
};

const struct command cmd_kmem_cache_free = {
	.name = "kmem_cache_free",
	SLAB,
	MUTATES,
	.help = "give an object back to its cache",
	.arg = { { "NAME", ARG_WORD }, { "VA", ARG_VA } },
	.run = cache_free_run,
	.word_of = cmd_cache_name,
};

const struct command cmd_kmem_cache_shrink = {
	.name = "kmem_cache_shrink",
	SLAB,
	MUTATES,
	.help = "take a cache's slabs from the CPUs, give empty ones back",
	.example = "kmem_cache_shrink kmalloc-64",
	.arg = { { "NAME", ARG_WORD } },
	.run = shrink_run,
	.word_of = cmd_cache_name,
};

const struct command cmd_kmem_cache_destroy = {
	.name = "kmem_cache_destroy",
	SLAB,
	MUTATES,
	.help = "give a cache of kmem_cache_create back",
	.details = "While objects are in use it stays, and the kernel says "
		   "which they are.",
	.arg = { { "NAME", ARG_WORD } },
	.run = destroy_run,
	.word_of = cmd_cache_name,
};

/*
 * cmd_slabinfo.c - looking at caches: slabinfo, slab.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/slab.h"
#include "repl/cmd.h"

/* --- slabinfo ------------------------------------------------------------- */
static const char header[] =
	"# name            <active_objs> <num_objs> <objsize> <objperslab> "
	"<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : "
	"slabdata <active_slabs> <num_slabs> <sharedavail>";

static void emit_counts(struct cmd_ctx *c, const struct kmem_cache *s)
{
	unsigned cpu_slabs = 0, cpu_partial = 0;
	char flags[200];

	for (unsigned i = 0; i < c->k->machine->ncpus; i++) {
		cpu_slabs += s->cpu[i].slab != NULL;
		cpu_partial += s->cpu[i].nr_partial;
	}
	res_u64(c->r, "object_size", NULL, s->object_size);
	res_u64(c->r, "align", NULL, s->align);
	res_u64(c->r, "offset", NULL, s->offset);
	res_u64(c->r, "used", NULL, slab_count(s, OBJ_USED));
	res_u64(c->r, "lost", NULL, slab_count(s, OBJ_LOST));
	res_u64(c->r, "cpu_slabs", NULL, cpu_slabs);
	res_u64(c->r, "cpu_partial", NULL, cpu_partial);
	res_u64(c->r, "partial", NULL, s->nr_partial);
	res_u64(c->r, "min_partial", NULL, s->min_partial);
	flags_format(flags, sizeof(flags), slab_flag_names, s->flags, " ");
	res_words(c->r, "flags", NULL, flags);
}

/* A line of /proc/slabinfo. */
static void emit_cache_line(struct cmd_ctx *c, const struct kmem_cache *s)
{
	uint64_t active = slab_active_objects(s);

	res_item(c->r, false);
	res_str(c->r, "name", NULL, s->name);
	res_u64(c->r, "active", NULL, active);
	res_u64(c->r, "objects", NULL, s->nr_objects);
	res_u64(c->r, "size", NULL, s->size);
	res_u64(c->r, "per_slab", NULL, s->objects);
	res_u64(c->r, "pages", NULL, 1ULL << s->order);
	res_u64(c->r, "slabs", NULL, s->nr_slabs);
	emit_counts(c, s);
	res_text(c->r, COL_PLAIN,
		 "%-17s %6llu %6llu %6u %4u %4d : tunables %4u %4u %4u : "
		 "slabdata %6llu %6llu %6u",
		 s->name, (unsigned long long)active,
		 (unsigned long long)s->nr_objects, s->size, s->objects,
		 1 << s->order, 0, 0, 0, (unsigned long long)s->nr_slabs,
		 (unsigned long long)s->nr_slabs, 0);
	res_end(c->r);
}

static bool matches(const struct cmd_ctx *c, const struct kmem_cache *s)
{
	const char *name = c->arg[0].set ? c->arg[0].str : "*";
	size_t glob = strcspn(name, "*");

	if (cmd_opt(c, 's') && !s->nr_slabs)
		return false;
	return name[glob] ? !strncmp(s->name, name, glob)
			  : !strcmp(s->name, name);
}

static uint64_t cache_bytes(const struct kmem_cache *s)
{
	return (s->nr_slabs * PAGE_SIZE) << s->order;
}

static int by_bytes(const void *a, const void *b)
{
	const struct kmem_cache *x = *(const struct kmem_cache *const *)a;
	const struct kmem_cache *y = *(const struct kmem_cache *const *)b;
	uint64_t m = cache_bytes(x), n = cache_bytes(y);

	return m != n ? (m < n) - (m > n) : strcmp(x->name, y->name);
}

/* The caches to show, in order; the caller frees them. */
static const struct kmem_cache **choose_caches(struct cmd_ctx *c, size_t *n)
{
	const struct kmem_cache **list, *s;
	size_t max = 0;

	*n = 0;
	TAILQ_FOREACH (s, &c->k->slab_caches, link)
		max++;
	list = calloc(max + 1, sizeof(*list));
	if (!list)
		abort();
	TAILQ_FOREACH (s, &c->k->slab_caches, link)
		if (matches(c, s))
			list[(*n)++] = s;
	if (cmd_opt(c, 's'))
		qsort(list, *n, sizeof(*list), by_bytes);
	return list;
}

static int slabinfo_run(struct cmd_ctx *c)
{
	size_t n;
	const struct kmem_cache **list = choose_caches(c, &n);

	if (!n && c->arg[0].set) {
		free(list);
		return err_set(c->err, ERR_USER, "%s: no such cache",
			       c->arg[0].str);
	}
	res_text(c->r, COL_PLAIN, "slabinfo - version: 2.1");
	res_line(c->r);
	res_text(c->r, COL_DIM, "%s", header);
	res_line(c->r);
	res_list(c->r, "caches", RES_LINES);
	for (size_t i = 0; i < n; i++)
		emit_cache_line(c, list[i]);
	res_end(c->r);
	free(list);
	return 0;
}

/* --- slab ----------------------------------------------------------------- */
static const char *const state_name[] = {
	[OBJ_FREE] = "free",
	[OBJ_USED] = "in use",
	[OBJ_LOST] = "given up",
	[OBJ_CPU] = "free, on a CPU's list",
	[OBJ_REST] = "no object: the rest of the slab",
};
static const char state_glyph[] = {
	[OBJ_FREE] = '.', [OBJ_USED] = '#',
	[OBJ_LOST] = 'x', [OBJ_CPU] = ':',
	[OBJ_REST] = ' ',
};

/* An untyped number is an address here. */
static int slab_va(struct cmd_ctx *c, va_t *ret)
{
	const struct value *v = &c->arg[0].value;

	switch (v->type) {
	case V_PFN:
	case V_PAGE:
		*ret = kernel_va(c->k, v->n << PAGE_SHIFT);
		return 0;
	case V_PA:
		*ret = kernel_va(c->k, v->n);
		return 0;
	default:
		*ret = v->n;
		return 0;
	}
}

static void emit_place(struct cmd_ctx *c, const struct slab_object *o)
{
	static const char *const place[] = {
		[SLAB_CPU] = "CPU %u allocates from it",
		[SLAB_CPU_PARTIAL] = "on the partial list of CPU %u",
		[SLAB_PARTIAL] = "on the node's partial list",
		[SLAB_FULL] = "full",
	};
	char text[80];

	snprintf(text, sizeof(text), place[o->place], o->cpu);
	res_line(c->r);
	res_text(c->r, COL_PLAIN, "  slab");
	res_va(c->r, "base", "~ %s", o->base);
	res_pfn(c->r, "pfn", "pfn %s", o->pfn);
	res_u64(c->r, "pages", o->order ? "%s pages" : "%s page",
		1ULL << o->order);
	res_u64(c->r, "objects", "%s objects", o->objects);
	res_str(c->r, "place", "%s", text);
}

static void emit_layout(struct cmd_ctx *c, const struct slab_object *o)
{
	const struct kmem_cache *s = o->cache;
	char flags[200];

	flags_format(flags, sizeof(flags), slab_flag_names, s->flags, " ");
	res_line(c->r);
	res_u64(c->r, "object_size", "  object_size %s", s->object_size);
	res_u64(c->r, "size", "size %s", s->size);
	res_u64(c->r, "align", "align %s", s->align);
	res_u64(c->r, "free_offset", "free pointer at +%s", s->offset);
	if (s->red_left_pad)
		res_u64(c->r, "red_left_pad", "left red zone %s",
			s->red_left_pad);
	res_words(c->r, "flags", *flags ? "%s" : NULL, flags);
}

static void emit_next(struct cmd_ctx *c, const struct slab_object *o)
{
	unsigned word = c->k->arch->word;
	va_t next;

	if (o->state != OBJ_FREE && o->state != OBJ_CPU)
		return;
	next = ram_read(c->k->ram, kernel_pa(c->k, o->start) + o->cache->offset,
			word);
	res_line(c->r);
	res_va(c->r, "next",
	       next ? "  next free object %s" : "  last of its free list",
	       next);
}

static void emit_track(struct cmd_ctx *c, const struct slab_object *o,
		       bool freed)
{
	struct slab_track t = slab_alloc_track(c->k, o, freed);

	if (!t.func)
		return;
	res_line(c->r);
	res_object(c->r, freed ? "freed" : "allocated");
	res_str(c->r, "func", freed ? "  freed in %s" : "  allocated in %s",
		t.func);
	res_u64(c->r, "age", "~ age=%s", t.age);
	res_u64(c->r, "cpu", "~ cpu=%s", t.cpu);
	res_i64(c->r, "pid", "~ pid=%s", t.pid);
	res_end(c->r);
}

static void emit_verdict(struct cmd_ctx *c, const struct slab_object *o)
{
	const char *what;
	va_t at;

	if (!(o->cache->flags & (SLAB_RED_ZONE | SLAB_POISON)) ||
	    o->state == OBJ_REST)
		return;
	what = slab_verdict(c->k, o, &at);
	res_line(c->r);
	if (!what) {
		res_text(c->r, COL_PLAIN,
			 "  red zones and poison as they "
			 "should be");
		return;
	}
	res_str(c->r, "overwritten", "  %s overwritten", what);
	res_va(c->r, "overwritten_at", "~ at %s", at);
}

/* A row of the picture: up to 64 objects, a glyph each. */
static void emit_row(struct cmd_ctx *c, const struct slab_object *o,
		     unsigned first, bool last)
{
	char row[65] = "";

	for (unsigned i = 0; i < 64 && first + i < o->objects; i++)
		row[i] = first + i == o->index
				 ? '*'
				 : state_glyph[slab_object_state(c->k, o,
								 first + i)];
	res_item(c->r, last);
	res_va(c->r, "va", "  %s",
	       o->base + (va_t)first * o->cache->size + o->cache->red_left_pad);
	res_str(c->r, "objects", "%s", row);
	res_end(c->r);
}

static void emit_picture(struct cmd_ctx *c, const struct slab_object *o)
{
	res_line(c->r);
	res_list(c->r, "picture", RES_LINES);
	for (unsigned i = 0; i < o->objects; i += 64)
		emit_row(c, o, i, i + 64 >= o->objects);
	res_end(c->r);
	res_text(c->r, COL_DIM,
		 "  * this one  # in use  . free  : free, on a CPU's list  "
		 "x given up");
}

static int slab_run(struct cmd_ctx *c)
{
	struct result *r = c->r;
	struct slab_object o;
	va_t va;

	if (slab_va(c, &va) < 0)
		return -1;
	if (!slab_find(c->k, va, &o)) {
		err_set(c->err, ERR_USER, "0x%llx: not in a slab",
			(unsigned long long)va);
		err_hint(c->err, "page and whatis say what is there");
		return -1;
	}
	res_subject(r, va);
	res_str(r, "cache", "%s", o.cache->name);
	if (o.state != OBJ_REST) {
		res_u64(r, "index", "object %s", o.index);
		res_va(r, "start", "at %s", o.start);
		res_i64(r, "offset", va == o.start ? NULL : "byte %s of it",
			(int64_t)(va - o.start));
	}
	res_str(r, "state", "%s", state_name[o.state]);
	emit_place(c, &o);
	emit_layout(c, &o);
	emit_next(c, &o);
	emit_track(c, &o, false);
	emit_track(c, &o, true);
	emit_verdict(c, &o);
	emit_picture(c, &o);
	return 0;
}

const char *cmd_cache_name(const struct kernel *k, unsigned i)
{
	const struct kmem_cache *s;

	TAILQ_FOREACH (s, &k->slab_caches, link)
		if (!i--)
			return s->name;
	return NULL;
}

const struct command cmd_slabinfo = {
	.name = "slabinfo",
	.group = "slab",
	.flags = CMD_NEEDS_KERNEL,
	.help = "slab caches, as /proc/slabinfo",
	.details = "NAME may end with *. As in Linux, all objects of a slab "
		   "that a CPU has\n"
		   "taken count as active; JSON has those in use apart (used).",
	.example = "slabinfo kmalloc-64",
	.arg = { { "NAME", ARG_WORD, .optional = true } },
	.opt = { { 's', "sort", ARG_FLAG, NULL,
		   "only caches with slabs, the largest first" } },
	.run = slabinfo_run,
	.word_of = cmd_cache_name,
};

const struct command cmd_slab = {
	.name = "slab",
	.group = "slab",
	.flags = CMD_NEEDS_KERNEL,
	.help = "the slab object at an address, and its neighbours",
	.details = "ADDR is an address in the direct map; pa:, pfn: and page: "
		   "will do.",
	.arg = { { "ADDR", ARG_ADDR } },
	.run = slab_run,
};

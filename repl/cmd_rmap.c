/*
 * cmd_rmap.c - rmap: all who map a frame, found as the kernel finds them: an
 * anonymous page through its anon_vma, a page of a file through i_mmap.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/compound.h"
#include "kernel/frame_owner.h"
#include "kernel/pgtable.h"
#include "kernel/rmap.h"
#include "repl/cmd.h"
#include "repl/describe.h"

/* --- the mappers --------------------------------------------------------- */
static const struct res_column mapper_cols[] = {
	{ "pid", "PID", true },	   { "comm", "COMM", false },
	{ "va", "VA", false },	   { "entry", "ENTRY", false },
	{ "flags", "", false },	   { "perms", "PERM", false },
	{ "area", "AREA", false }, { 0 },
};

struct mappers {
	struct cmd_ctx *c;
	unsigned n;
};

static bool emit_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct mappers *m = ctx;
	struct result *r = m->c->r;
	const struct task_struct *t = find_task(m->c->k, vma->vm_mm->owner_pid);
	char perms[5], flags[160] = "";
	uint64_t entry = 0;
	unsigned level;

	if (pt_leaf(m->c->k, vma->vm_mm->pgd << PAGE_SHIFT, va, &entry, &level))
		paging_format_entry(flags, sizeof(flags), m->c->k->mode, level,
				    entry, true);
	m->n++;
	res_item(r, false);
	res_i64(r, "pid", "%s", vma->vm_mm->owner_pid);
	res_str(r, "comm", "%s", t ? t->comm : "?");
	res_va(r, "va", "%s", va);
	res_entry(r, "entry", "%s", entry);
	res_flags(r, "flags", "%s", flags);
	res_str(r, "perms", "%s", vma_perms(vma, perms));
	res_str(r, "area", "%s", *vma_name(vma) ? vma_name(vma) : "anonymous");
	res_end(r);
	return true;
}

static const char *emit_way(struct cmd_ctx *c, const struct page *page)
{
	struct result *r = c->r;

	if (page->flags & PG_anon) {
		res_va(r, "anon_vma", "anon_vma %s", page->anon_vma->addr.va);
		res_hex(r, "index", "index %s", page->index, 1);
		return "anon_vma";
	}
	res_str(r, "file", "i_mmap of %s", page->mapping->host->path);
	res_hex(r, "index", "index %s", page->index, 1);
	return "i_mmap";
}

/* --- the tree of anon_vmas ----------------------------------------------- */
struct forest {				  /* anon_vmas that have one root */
	const struct anon_vma *root, **v; /* v is owned */
	unsigned n;
};

static void forest_add(struct forest *f, const struct anon_vma *a)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i] == a)
			return;
	f->v = realloc(f->v, (f->n + 1) * sizeof(*f->v));
	if (!f->v)
		abort();
	f->v[f->n++] = a;
}

/* Those that areas of some process know; others have none left to find. */
static void forest_gather(struct forest *f, const struct kernel *k)
{
	const struct anon_vma_chain *avc;
	const struct vm_area_struct *vma;
	const struct task_struct *t;

	forest_add(f, f->root);
	TAILQ_FOREACH (t, &k->tasks, link) {
		if (!t->mm)
			continue;
		for_each_vma (&t->mm->vmas, vma)
			LIST_FOREACH (avc, &vma->anon_vma_chain, same_vma)
				if (avc->anon_vma->root == f->root)
					forest_add(f, avc->anon_vma);
	}
}

static void emit_chain(struct result *r, const struct anon_vma *a)
{
	const struct anon_vma_chain *avc;
	char perms[5];

	res_list(r, "areas", RES_LINES);
	LIST_FOREACH (avc, &a->chain, same_anon) {
		const struct vm_area_struct *vma = avc->vma;

		res_item(r, false);
		res_i64(r, "pid", "pid %s", vma->vm_mm->owner_pid);
		res_va(r, "start", "%s", vma->vm_start);
		res_va(r, "end", "~-%s", vma->vm_end);
		res_str(r, "perms", "%s", vma_perms(vma, perms));
		res_str(r, "area", "%s", vma_name(vma));
		res_bool(r, "own", NULL, vma->anon_vma == a);
		if (vma->anon_vma == a)
			res_text(r, COL_DIM, "its new pages go here");
		res_end(r);
	}
	res_end(r);
}

static void emit_node(struct cmd_ctx *c, const struct forest *f,
		      const struct anon_vma *a, const struct page *page,
		      bool last)
{
	struct result *r = c->r;
	unsigned children = 0, seen = 0;

	res_item(r, last);
	res_va(r, "anon_vma", "anon_vma %s", a->addr.va);
	res_i64(r, "refcount", "refcount %s", a->refcount);
	res_u64(r, "num_children", "num_children %s", a->num_children);
	res_u64(r, "num_active_vmas", "num_active_vmas %s", a->num_active_vmas);
	res_bool(r, "page", NULL, page->anon_vma == a);
	if (page->anon_vma == a)
		res_text(r, COL_CHANGED, "<- the page");
	emit_chain(r, a);
	for (unsigned i = 0; i < f->n; i++)
		children += f->v[i]->parent == a && f->v[i] != a;
	res_list(r, "children", RES_TREE);
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i]->parent == a && f->v[i] != a)
			emit_node(c, f, f->v[i], page, ++seen == children);
	res_end(r);
	res_end(r);
}

static void emit_forest(struct cmd_ctx *c, const struct page *page)
{
	struct forest f = { .root = page->anon_vma->root };

	forest_gather(&f, c->k);
	res_list(c->r, "tree", RES_TREE);
	emit_node(c, &f, f.root, page, true);
	res_end(c->r);
	free(f.v);
}

/* --- the command --------------------------------------------------------- */
/* The frame: a typed value, or a linear address of the process. */
static int rmap_frame(struct cmd_ctx *c, pfn_t *ret)
{
	const struct value *v = &c->arg[0].value;
	struct task_struct *task;
	uint64_t entry;
	unsigned level;
	pa_t at;

	if (v->type != V_PLAIN && v->type != V_VA)
		return cmd_value_pfn(c, v, ret);
	task = cmd_task(c);
	if (!task)
		return -1;
	at = v->n < c->k->layout.task_size
		     ? pt_leaf(c->k, task->mm->pgd << PAGE_SHIFT, v->n, &entry,
			       &level)
		     : 0;
	if (!at)
		return err_set(c->err, ERR_USER,
			       "0x%llx: pid %d maps no page "
			       "there",
			       (unsigned long long)v->n, task->pid);
	*ret = pte_pfn(c->k, entry) +
	       ((v->n & ((1ULL << c->k->mode->level[level].shift) - 1)) >>
		PAGE_SHIFT);
	return 0;
}

static bool is_user_page(const struct kernel *k, pfn_t pfn)
{
	enum frame_use use = frame_use(k, pfn);

	return use >= FRAME_VDSO && use <= FRAME_SHARED &&
	       pfn_to_page(k, pfn)->mapping;
}

static int rmap_run(struct cmd_ctx *c)
{
	struct mappers m = { .c = c };
	const struct page *page;
	const char *way;
	char what[200];
	pfn_t pfn;

	if (rmap_frame(c, &pfn) < 0)
		return -1;
	if (!pfn_valid(c->k, pfn))
		return err_set(c->err, ERR_USER, "pfn 0x%llx: no RAM there",
			       (unsigned long long)pfn);
	page = pfn_to_page(c->k, pfn);
	res_pfn(c->r, "pfn", "pfn %s", pfn);
	res_str(c->r, "what", "%s",
		describe_page(c->k, pfn, what, sizeof(what)));
	if (!is_user_page(c->k, pfn))
		return err_set(c->err, ERR_USER,
			       "pfn 0x%llx: no page of a process or a file: "
			       "nothing leads from it to its mappers",
			       (unsigned long long)pfn);
	way = emit_way(c, page);
	res_i64(c->r, "mapcount", "mapcount %s", page_mapcount(c->k, page));
	res_line(c->r);
	res_table(c->r, "mappers", mapper_cols);
	rmap_walk(c->k, pfn, emit_mapper, &m);
	res_end(c->r);
	if (!m.n)
		res_text(c->r, COL_DIM, "no process maps it");
	if (cmd_opt(c, 'v') && strcmp(way, "anon_vma") == 0)
		emit_forest(c, page);
	return 0;
}

const struct command cmd_rmap = {
	.name = "rmap",
	.group = "process memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "all who map a frame: processes, addresses, entries",
	.details = "X is an address of the process, or typed: pfn:0x2a11, "
		   "pa:0x2a11000.\n"
		   "Found as the kernel finds them: an anonymous page through "
		   "the areas that\n"
		   "are linked to its anon_vma, a page of a file through those "
		   "of its i_mmap.\n"
		   "With -v also the tree of anon_vmas that fork has made.",
	.example = "rmap stack",
	.arg = { { "X", ARG_ADDR } },
	.opt = { { 'v', "verbose", ARG_FLAG, NULL,
		   "also the tree of anon_vmas" },
		 CMD_OPT_PID },
	.run = rmap_run,
};

/* alias.c - see alias.h. */
#include "repl/alias.h"

#include <stdio.h>

#include "kernel/convert.h"
#include "kernel/frame_owner.h"
#include "kernel/mem_map.h"
#include "kernel/rmap.h"
#include "machine/ptiter.h"
#include "repl/describe.h"

#define MAX_SHOWN 40

struct aliases {
	struct kernel *k;
	pa_t pa;
	unsigned n, max; /* found; only max are kept */
	struct alias *a;
};

/* A large page may reach over the end of what is searched: once is enough. */
static void found(struct aliases *list, struct alias a)
{
	for (unsigned i = 0; i < list->n && i < list->max; i++)
		if (list->a[i].va == a.va && list->a[i].pid == a.pid)
			return;
	if (list->n < list->max)
		list->a[list->n] = a;
	list->n++;
}

/* The MMU state that looks through the tables at @root. */
static struct mmu mmu_of(const struct kernel *k, pa_t root)
{
	struct mmu mmu = k->machine->cpu[k->this_cpu].mmu;

	mmu_set_root(&mmu, k->ram, root);
	mmu_refresh(&mmu);
	return mmu;
}

/* Leaves of one tree in [from, last] that lead to the address. */
static void search_tree(struct aliases *list, pa_t root, int pid, va_t from,
			va_t last)
{
	struct mmu mmu = mmu_of(list->k, root);
	struct ptiter it;
	struct ptrun run;

	ptiter_start(&it, &mmu, list->k->ram, from, last);
	while (it.valid) {
		if (!it.leaf) {
			ptiter_next(&it);
			continue;
		}
		ptiter_run(&it, last, &run);
		unsigned shift = mmu.level[run.level].shift;
		uint64_t bytes = (run.stride ? run.n : 1) << shift;

		if (!run.bad && list->pa - run.pa < bytes)
			found(list,
			      (struct alias){ run.va + (list->pa - run.pa), pid,
					      run.rights, shift });
	}
}

static bool add_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct aliases *list = ctx;
	struct mmu mmu = mmu_of(list->k, vma->vm_mm->pgd << PAGE_SHIFT);
	struct walk w;

	va += list->pa & (PAGE_SIZE - 1);
	mmu_walk(&mmu, list->k->ram, &(struct access){ .va = va }, &w);
	found(list, (struct alias){ va, vma->vm_mm->owner_pid, w.rights,
				    PAGE_SHIFT });
	return true;
}

static void search_users(struct aliases *list, pfn_t pfn)
{
	struct kernel *k = list->k;
	enum frame_use use = frame_use(k, pfn);
	const struct task_struct *t;

	if (use == FRAME_ANON || use == FRAME_FILE || use == FRAME_SHMEM ||
	    use == FRAME_SHARED) {
		rmap_walk(k, pfn, add_mapper, list);
		return;
	}
	if (use != FRAME_ZERO && use != FRAME_VDSO)
		return;
	TAILQ_FOREACH (t, &k->tasks, link)
		if (task_owns_mm(t))
			search_tree(list, t->mm->pgd << PAGE_SHIFT, t->pid, 0,
				    k->layout.task_size - 1);
}

static void emit_rights(struct result *r, const struct alias *a)
{
	char rights[4] = { 'r', a->rights.write ? 'w' : '-',
			   a->rights.xd ? '-' : 'x', 0 };

	res_str(r, "rights", "%s", rights);
	res_str(r, "page_size", "%s page", paging_size_name(a->page_shift));
}

static void emit_alias(struct cmd_ctx *c, const struct alias *a, bool last)
{
	struct task_struct *t = a->pid ? find_task(c->k, a->pid) : NULL;
	struct result *r = c->r;
	char what[200];

	res_item(r, last);
	res_va(r, "va", "%s", a->va);
	emit_rights(r, a);
	if (a->pid) {
		res_i64(r, "pid", "pid %s", a->pid);
		res_str(r, "comm", "~ (%s)", t ? t->comm : "?");
	}
	res_str(r, "area", "%s",
		describe_va(c->k, t, a->va, what, sizeof(what)));
	res_end(r);
}

/* What the kernel's tables make of one address. */
static void search_at(struct aliases *list, va_t va)
{
	search_tree(list, list->k->swapper_pg_dir, 0, va, va);
}

/*
 * Direct map and vmemmap grow with RAM, and have but one place for a byte:
 * only that is looked at. The rest is visited whole.
 */
static void search_kernel(struct aliases *list)
{
	const struct kernel *k = list->k;
	const struct layout *l = &k->layout;
	pa_t root = k->swapper_pg_dir;
	unsigned offset;
	va_t from;
	pfn_t pfn;

	if (l->page_offset > l->task_size)
		search_tree(list, root, 0, l->task_size, l->page_offset - 1);
	if (list->pa < l->lowmem_end)
		search_at(list, kernel_va(k, list->pa));
	from = l->high_memory;
	if (l->vmemmap) {
		search_tree(list, root, 0, from, l->vmemmap - 1);
		if (mem_map_at(k, list->pa, &pfn, &offset))
			search_at(list, convert_page(k, pfn).n + offset);
		from = l->vmemmap_end;
	}
	search_tree(list, root, 0, from, ~0ULL);
}

unsigned find_aliases(struct kernel *k, pa_t pa, struct alias *ret,
		      unsigned max)
{
	struct aliases list = { .k = k, .pa = pa, .max = max, .a = ret };

	search_kernel(&list);
	if (pfn_valid(k, pa >> PAGE_SHIFT))
		search_users(&list, pa >> PAGE_SHIFT);
	return list.n;
}

void emit_aliases(struct cmd_ctx *c, pa_t pa)
{
	struct alias a[MAX_SHOWN];
	unsigned n = find_aliases(c->k, pa, a, MAX_SHOWN);
	unsigned shown = n < MAX_SHOWN ? n : MAX_SHOWN;

	res_line(c->r);
	res_text(c->r, COL_DIM,
		 n ? "aliases" : "no aliases: no linear address leads to it");
	res_u64(c->r, "alias_count", NULL, n);
	res_list(c->r, "aliases", RES_TREE);
	for (unsigned i = 0; i < shown; i++)
		emit_alias(c, &a[i], i + 1 == n);
	if (n > shown) {
		res_item(c->r, true);
		res_text(c->r, COL_DIM, "... %u more", n - shown);
		res_end(c->r);
	}
	res_end(c->r);
}

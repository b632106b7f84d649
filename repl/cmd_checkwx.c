/*
 * cmd_checkwx.c - ptdump --wx: pages of kernel space that are writable and
 * executable (linux 6.1 arch/x86/mm/dump_pagetables.c:
 * ptdump_walk_pgd_level_checkwx, note_wx; CONFIG_DEBUG_WX).
 *
 * Linux warns of the first one only, and of none on a CPU without NX, where
 * all that is writable counts.
 */
#include "kernel/pti.h"
#include "repl/cmd.h"
#include "repl/cmd_ptdump.h"
#include "repl/describe.h"

struct wx {
	struct cmd_ctx *c;
	bool nx;
	uint64_t runs, pages;
};

static void emit_found(struct wx *w, va_t va, uint64_t pages)
{
	struct result *r = w->c->r;
	char area[160];

	res_item(r, false);
	res_va(r, "va",
	       w->nx && w->runs == 1
		       ? "x86/mm: Found insecure W+X mapping at address %s"
		       : "%s",
	       va);
	res_u64(r, "pages", pages == 1 ? "~, %s page" : "~, %s pages", pages);
	res_str(r, "area", "~ of %s",
		describe_va(w->c->k, NULL, va, area, sizeof(area)));
	res_end(r);
}

/* All runs below @root; neighbours of one area are told as one. */
static void check_root(struct wx *w, pa_t root)
{
	struct cmd_ctx *c = w->c;
	struct mmu mmu = c->m->cpu[c->s->cpu].mmu;
	va_t start = 0, end = 0, area_end = 0;
	struct ptiter it;
	struct ptrun run;

	mmu_set_root(&mmu, c->m->ram, root);
	mmu_refresh(&mmu);
	ptiter_start(&it, &mmu, c->m->ram, 0, ~0ULL);
	while (it.valid) {
		if (!it.leaf) {
			ptiter_next(&it);
			continue;
		}
		ptiter_run(&it, describe_end(c->k, NULL, it.va) - 1, &run);
		if (run.bad || !run.rights.write || run.rights.xd)
			continue;
		if (end != start && (run.va != end || run.va >= area_end)) {
			emit_found(w, start, (end - start) >> PAGE_SHIFT);
			end = start;
		}
		if (end == start) {
			w->runs++;
			start = run.va;
			area_end = describe_end(c->k, NULL, start);
		}
		end = run.va + (run.n << mmu.mode->level[run.level].shift);
		w->pages += run.n
			    << (mmu.mode->level[run.level].shift - PAGE_SHIFT);
	}
	if (end != start)
		emit_found(w, start, (end - start) >> PAGE_SHIFT);
}

static void emit_verdict(struct wx *w, const char *name)
{
	struct result *r = w->c->r;

	res_line(r);
	if (!w->pages)
		res_text(r, COL_GOOD,
			 "x86/mm: Checked W+X mappings: passed, no W+X pages "
			 "found.");
	res_u64(r, name,
		w->pages ? "x86/mm: Checked W+X mappings: FAILED, %s W+X pages "
			   "found."
			 : NULL,
		w->pages);
}

static void check(struct cmd_ctx *c, pa_t root, const char *list,
		  const char *name)
{
	struct wx w = { .c = c, .nx = c->m->cpu[0].mmu.efer & EFER_NXE };

	res_list(c->r, list, RES_LINES);
	check_root(&w, root);
	res_end(c->r);
	emit_verdict(&w, name);
	if (w.nx || !w.pages)
		return;
	res_line(c->r);
	res_text(c->r, COL_DIM,
		 "no NX in these page tables: every page that is mapped "
		 "executes");
}

int checkwx_run(struct cmd_ctx *c)
{
	struct kernel *k = c->k;

	if (!k)
		return err_set(c->err, ERR_USER,
			       "--wx: a bare machine has no kernel");
	check(c, k->swapper_pg_dir, "found", "wx_pages");
	if (!has_pti(k) || !(c->m->cpu[0].mmu.efer & EFER_NXE))
		return 0;
	res_line(c->r);
	res_text(c->r, COL_PLAIN, "x86/mm: Checking user space page tables");
	check(c, pti_user_root(k, k->swapper_pg_dir), "found_user",
	      "wx_user_pages");
	return 0;
}

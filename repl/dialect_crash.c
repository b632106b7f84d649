/*
 * dialect_crash.c - crash: `vtop ADDRESS` of the crash utility.
 *
 * Source: crash 8, memory.c (do_vtop), x86_64.c (x86_64_uvtop_level4,
 * x86_64_kvtop, x86_64_translate_pte), x86.c (x86_uvtop, x86_uvtop_PAE), and
 * its help page. Headings are padded, as there, so that lines may end in
 * blanks.
 *
 * Not here: the tables that vtop prints below, of the vm_area_struct and of
 * the struct page. They consist of kernel addresses of objects which have
 * none in mmsh. The page directory of x86-64 kernel addresses is
 * swapper_pg_dir's, in the kernel image; on a bare machine, where no kernel
 * says what is what, directories are given by physical address.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/mm.h"
#include "repl/dialect.h"

#define PAGE_BITS   0xffffffffff000ULL
#define BARE_KERNEL 0xc0000000u /* on a bare 32-bit machine */

/* What is said of one address. */
struct vtop {
	const struct dialect_view *v;
	struct rawpt it; /* the entry that ends the walk */
	va_t va;
	bool wide;   /* x86-64 */
	bool kernel; /* a kernel address */
};

static const struct flag_name crash_flags[] = {
	{ PTE_P, "PRESENT", NULL }, { PTE_RW, "RW", NULL },
	{ PTE_US, "USER", NULL },   { PTE_PWT, "PWT", NULL },
	{ PTE_PCD, "PCD", NULL },   { PTE_A, "ACCESSED", NULL },
	{ PTE_D, "DIRTY", NULL },   { PTE_PS, "PSE", NULL },
	{ PTE_G, "GLOBAL", NULL },  { PTE_XD, "NX", NULL },
	{ 0, NULL, NULL },
};

/* @s in the middle of @width; what cannot be shared out evenly goes @left. */
static char *centre(char *buf, const char *s, size_t width, bool left)
{
	size_t len = strlen(s), spare = width > len ? width - len : 0;
	size_t before = left ? (spare + 1) / 2 : spare / 2;

	sprintf(buf, "%*s%s%*s", (int)before, "", s, (int)(spare - before), "");
	return buf;
}

/* "      PTE         PHYSICAL   FLAGS", and the entry below. */
static void translate_pte(const struct vtop *t)
{
	char pte[24], pa[24], head[2][40], value[2][40], flags[120];
	size_t pte_len, pa_len;

	pte_len = (size_t)sprintf(pte, "%llx", (unsigned long long)t->it.entry);
	pa_len = (size_t)sprintf(pa, "%llx",
				 (unsigned long long)(t->it.entry & PAGE_BITS));
	pte_len = pte_len > 3 ? pte_len : 3;
	pa_len = pa_len > 8 ? pa_len : 8;
	res_verbatim(t->v->r, "%s  %s  FLAGS",
		     centre(head[0], "PTE", pte_len, false),
		     centre(head[1], "PHYSICAL", pa_len, false));
	flags_format(flags, sizeof(flags), crash_flags, t->it.entry, "|");
	res_verbatim(t->v->r, "%s  %s  (%s)",
		     centre(value[0], pte, pte_len, true),
		     centre(value[1], pa, pa_len, true), flags);
}

/* --- the walk ----------------------------------------------------------------- */
static const char *const level_name[] = { "PGD", "P4D", "PUD", "PMD", "PTE" };

static const char *name_of(const struct rawpt *it)
{
	unsigned depth = 5 - it->mode->nlevels + it->level;

	return level_name[it->level ? depth : 0];
}

/* The address that crash prints for the root, and for entries of it. */
static uint64_t root_address(const struct vtop *t, pa_t pa)
{
	struct kernel *k = t->v->k;

	if (!k || (t->wide && !t->kernel))
		return pa;
	if (t->wide)
		return k->layout.kernel_map + pa;
	return kernel_va(k, pa);
}

static void head_lines(const struct vtop *t)
{
	pa_t root = mmu_root(t->v->mmu);

	if (t->wide && !t->kernel)
		return;
	if (t->wide && t->v->k)
		root = t->v->k->swapper_pg_dir;
	res_verbatim(t->v->r, "%s DIRECTORY: %llx", t->wide ? "PGD" : "PAGE",
		     (unsigned long long)root_address(t, root));
}

static void entry_line(const struct vtop *t, const struct rawpt *it)
{
	uint64_t at = it->level ? it->entry_pa : root_address(t, it->entry_pa);
	unsigned long long entry = it->entry;
	struct result *r = t->v->r;

	if (t->wide && t->kernel && it->level == 0) {
		res_verbatim(r, "PAGE DIRECTORY: %llx", entry);
	} else if (t->wide) {
		res_verbatim(r, "   %s: %llx => %llx", name_of(it),
			     (unsigned long long)at, entry);
	} else {
		res_verbatim(r, "  %s: %8llx => %llx", name_of(it),
			     (unsigned long long)at, entry);
		/* Without PAE the middle directory is the directory. */
		if (it->mode->nlevels == 2 && it->level == 0 && it->present &&
		    !it->leaf)
			res_verbatim(r, "  PMD: %8llx => %llx",
				     (unsigned long long)at, entry);
	}
}

static void page_lines(const struct vtop *t)
{
	bool large = t->it.level + 1U < t->it.mode->nlevels;
	unsigned shift = t->it.mode->level[t->it.level].shift;
	unsigned long long pa = t->it.entry & PAGE_BITS;
	char size[16] = "";

	if (large)
		snprintf(size, sizeof(size), "  (%sB)",
			 paging_size_name(shift));
	res_verbatim(t->v->r, t->wide ? "  PAGE: %llx%s" : " PAGE: %8llx%s", pa,
		     size);
	res_verbatim(t->v->r, "%s", "");
	translate_pte(t);
}

/* Follows the address; every entry is a line. */
static void walk_lines(struct vtop *t)
{
	struct rawpt_tables tables = { t->v->mmu, t->v->ram, PAGE_BITS, 0 };
	struct rawpt *it = &t->it;

	head_lines(t);
	for (rawpt_start(it, &tables, t->va, t->va); it->valid;
	     rawpt_next(it)) {
		entry_line(t, it);
		if (it->leaf || !it->present)
			break;
	}
	if (it->leaf)
		page_lines(t);
}

/* --- VIRTUAL, PHYSICAL -------------------------------------------------------- */
static bool find_page(const struct vtop *t, pa_t *ret)
{
	struct rawpt_tables tables = { t->v->mmu, t->v->ram, PAGE_BITS, 0 };
	struct rawpt it;

	for (rawpt_start(&it, &tables, t->va, t->va); it.present && !it.leaf;)
		rawpt_next(&it);
	*ret = (it.entry & PAGE_BITS & ~(rawpt_size(&it) - 1)) |
	       (t->va & (rawpt_size(&it) - 1));
	return it.leaf;
}

static bool is_kernel_address(const struct vtop *t)
{
	if (t->v->k)
		return t->va >= t->v->k->layout.task_size;
	return t->wide ? t->va >> 63 : t->va >= BARE_KERNEL;
}

static bool in_area(const struct vtop *t)
{
	const struct task_struct *task = t->v->task;
	const struct vm_area_struct *vma;

	if (t->kernel || !task || !task->mm)
		return true;
	vma = find_vma(task->mm, t->va);
	return vma && vma->vm_start <= t->va;
}

void crash_walk(const struct dialect_view *v)
{
	struct vtop t = { .v = v,
			  .va = v->from,
			  .wide = v->mmu->mode->canonical };
	unsigned long long va = t.va;
	int va_len, pa_len = t.wide ? 16 : 8;
	pa_t pa;

	t.kernel = is_kernel_address(&t);
	va_len = t.wide && !t.kernel ? 10 : pa_len;
	res_verbatim(v->r, "%-*s  %-*s", va_len, "VIRTUAL", pa_len, "PHYSICAL");
	if (!in_area(&t)) {
		res_verbatim(v->r, "%-*llx  (not accessible)", va_len, va);
		return;
	}
	if (find_page(&t, &pa))
		res_verbatim(v->r, "%-*llx  %-*llx", va_len, va, pa_len,
			     (unsigned long long)pa);
	else
		res_verbatim(v->r, "%-*llx  (not mapped)", va_len, va);
	res_verbatim(v->r, "%s", "");
	walk_lines(&t);
}

void crash_dump(const struct dialect_view *v)
{
	dialect_each_page(v, PAGE_BITS, crash_walk);
}

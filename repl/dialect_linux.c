/*
 * dialect_linux.c - ptdump: /sys/kernel/debug/page_tables/current_kernel and
 * its neighbours, of a Linux with CONFIG_PTDUMP_DEBUGFS.
 *
 * Source: linux 6.1 arch/x86/mm/dump_pagetables.c (note_page, printk_prot,
 * address_markers) and mm/ptdump.c, mm/pagewalk.c for what is noted when.
 * A run is a sequence of entries of one level with equal flags and equal
 * effective rights; holes are runs, too, of the level at which they appear.
 * One marker at most is passed with each run, so that headings of areas that
 * begin together come late, as they do there. PAT of large pages is never
 * shown: bit 12 is not among the flags that are kept.
 */
#include <string.h>

#include "kernel/kernel.h"
#include "repl/dialect.h"
#include "repl/pt_marker.h"

#define NOT_PRESENT "                              "
#define FLAGS_MASK  (~0xffffffffff000ULL)

struct dump {
	const struct dialect_view *v;
	struct pt_markers markers;
	unsigned at; /* current marker */
	int level;   /* of the run; -1: none yet */
	uint64_t prot, eff;
	va_t start;
	unsigned lines; /* since the marker */
	va_t end;	/* behind the last entry visited */
	unsigned width; /* digits of an address */
};

static unsigned pgdir_shift(const struct dump *d)
{
	return d->v->mmu->mode->level[0].shift;
}

static void set_markers(struct dump *d)
{
	const struct dialect_view *v = d->v;

	pt_markers(v->k, v->mmu, &d->markers);
	while (v->ranged && v->from >= d->markers.marker[d->at + 1].start)
		d->at++;
}

/* --- lines -------------------------------------------------------------------
 */
static const char *const level_name[] = { "pgd", "p4d", "pud", "pmd", "pte" };

/* "USR RW PWT PCD PSE PAT GLB NX ", blanks for what is clear. */
static void prot_string(char *s, uint64_t prot, int level)
{
	const struct {
		bool is;
		const char *set, *clear;
	} word[] = {
		{ prot & PTE_US, "USR ", "    " },
		{ prot & PTE_RW, "RW ", "ro " },
		{ prot & PTE_PWT, "PWT ", "    " },
		{ prot & PTE_PCD, "PCD ", "    " },
		{ level <= 3 && (prot & PTE_PS), "PSE ", "    " },
		{ level == 4 && (prot & PTE_PAT), "PAT ", "    " },
		{ prot & PTE_G, "GLB ", "    " },
		{ prot & PTE_XD, "NX ", "x  " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(word); i++)
		s = stpcpy(s, word[i].is ? word[i].set : word[i].clear);
}

/* The run that ends at @addr. */
static void put_run(struct dump *d, va_t addr)
{
	static const char units[] = "BKMGTPE";
	const char *unit = units;
	uint64_t delta = addr - d->start;
	char prot[40] = NOT_PRESENT;

	if (d->width == 8) { /* an unsigned long has 32 bits there */
		addr = (uint32_t)addr;
		delta = (uint32_t)delta;
	}
	while (!(delta & 1023) && unit[1]) {
		delta >>= 10;
		unit++;
	}
	if (d->prot & PTE_P)
		prot_string(prot, d->prot, d->level);
	res_verbatim(d->v->r, "0x%0*llx-0x%0*llx   %9llu%c %s%s", d->width,
		     (unsigned long long)d->start, d->width,
		     (unsigned long long)addr, (unsigned long long)delta, *unit,
		     prot, level_name[d->level]);
}

static void put_marker(struct dump *d)
{
	res_verbatim(d->v->r, "---[ %s ]---", d->markers.marker[d->at].name);
}

static void pass_marker(struct dump *d)
{
	unsigned max = d->markers.marker[d->at].max_lines;

	if (max && d->lines > max)
		res_verbatim(d->v->r, "... %u entr%s skipped ... ",
			     d->lines - max, d->lines - max == 1 ? "y" : "ies");
	d->at++;
	d->lines = 0;
	put_marker(d);
}

/* At @addr begins something with these flags, of this level. */
static void note(struct dump *d, va_t addr, int level, uint64_t entry,
		 uint64_t eff)
{
	uint64_t prot = entry & FLAGS_MASK;
	const struct pt_marker *m = &d->markers.marker[d->at];
	bool passes = addr >= m[1].start;

	if (d->level == -1)
		put_marker(d);
	else if (prot == d->prot && eff == d->eff && level == d->level &&
		 !passes)
		return;
	else {
		if (!m->max_lines || d->lines < m->max_lines)
			put_run(d, addr);
		d->lines++;
		if (passes)
			pass_marker(d);
	}
	d->start = addr;
	d->prot = prot;
	d->eff = eff;
	d->level = level;
}

/* --- the walk ----------------------------------------------------------------
 */
/* Levels are counted as with five of them; folded ones stand for their pgd. */
static int depth(const struct rawpt *it)
{
	return 5 - it->mode->nlevels + (int)it->level;
}

static uint64_t effective(const struct rawpt *it)
{
	uint64_t all = ~0ULL;

	for (unsigned i = 0; i <= it->level; i++)
		all &= it->path[i];
	return (all & (PTE_US | PTE_RW)) | (rawpt_any(it) & PTE_XD);
}

static void visit(struct dump *d, const struct rawpt *it)
{
	bool pte = it->level + 1U == it->mode->nlevels;

	d->end = rawpt_va(it) + rawpt_size(it);
	if (it->leaf || (pte && it->entry))
		note(d, rawpt_va(it), depth(it), it->entry, effective(it));
	else if (!it->entry)
		note(d, rawpt_va(it), it->level ? depth(it) : 0, 0, 0);
}

static void walk(struct dump *d, const struct rawpt_tables *t, va_t from,
		 va_t last)
{
	struct rawpt it;

	if (from < d->v->from)
		from = d->v->from;
	if (last > d->v->last)
		last = d->v->last;
	if (from > last)
		return;
	for (rawpt_start(&it, t, from, last); it.valid; rawpt_next(&it))
		visit(d, &it);
}

void linux_ptdump_dump(const struct dialect_view *v)
{
	const struct paging_mode *mode = v->mmu->mode;
	struct rawpt_tables t = { v->mmu, v->ram, mode->addr_mask, 0 };
	struct dump d = { .v = v,
			  .level = -1,
			  .width = mode->canonical ? 16 : 8 };

	set_markers(&d);
	if (mode->canonical) { /* without the hypervisor's guard hole */
		walk(&d, &t, 0, BIT(mode->va_bits - 1) - 1);
		walk(&d, &t, -240ULL << pgdir_shift(&d), ~0ULL);
	} else {
		walk(&d, &t, 0, BIT(mode->va_bits) - 1);
	}
	if (d.level != -1)
		put_run(&d, v->ranged ? d.end : 0);
}

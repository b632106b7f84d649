/*
 * cmd_meminfo.c - meminfo: sums over memory, as /proc/meminfo.
 *
 * Counted from the frames' own records and the direct map's own entries, so
 * that it costs what was used, not what exists. Lines that would say nothing
 * here (reclaim, huge pages) are left out.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/frame_owner.h"
#include "kernel/mm.h"
#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/page_alloc.h"
#include "kernel/pti.h"
#include "kernel/swap.h"
#include "kernel/vmalloc.h"
#include "machine/ptiter.h"
#include "repl/cmd.h"
#include "repl/mem_sums.h"

/* Will the page be written to a disk? */
static bool on_disk(const struct page *page)
{
	const struct address_space *m = page->mapping;

	return m && m->a_ops && m->a_ops->writepage;
}

/* User memory by what its record says, once or many times mapped. */
static void sum_user_page(struct mem_sums *s, const struct page *page,
			  enum frame_use use)
{
	bool anon = page->flags & PG_anon;

	s->anon += anon && page->_mapcount > 0;
	s->cached += !anon;
	s->shmem += !anon && (page->flags & PG_swapbacked);
	s->mapped += !anon && page->_mapcount > 0;
	s->dirty += !anon && (page->flags & PG_dirty) && on_disk(page);
}

static void sum_run(const struct kernel *k, struct mem_sums *s,
		    const struct frame_run *run)
{
	uint64_t n = run->end - run->start;
	pfn_t p;

	switch (run->use) {
	case FRAME_SLAB: s->slab += n; break;
	case FRAME_STACK: s->stacks += n; break;
	case FRAME_VMALLOC: s->vmalloc += n; break;
	case FRAME_TABLE:	/* the kernel's own do not count */
		for (p = run->start; p < run->end; p++)
			s->tables += pfn_to_page(k, p)->index != 0;
		break;
	case FRAME_ANON: case FRAME_FILE: case FRAME_SHMEM: case FRAME_SHARED:
		for (p = run->start; p < run->end; p++)
			sum_user_page(s, pfn_to_page(k, p), run->use);
		break;
	default: break;
	}
}

void mem_sum_frames(const struct kernel *k, struct mem_sums *s)
{
	for (pfn_t p = 0; p < k->max_pfn;) {
		struct frame_run run = frame_run_at(k, p, k->max_pfn);

		sum_run(k, s, &run);
		p = run.end;
	}
	for (unsigned i = 0; i < MAX_NR_ZONES; i++)
		s->free += k->zone[i].free;
}

static void sum_direct_map(const struct kernel *k, struct mem_sums *s)
{
	va_t last = k->layout.high_memory - 1;
	struct mmu mmu = k->machine->cpu[0].mmu;
	struct ptiter it;

	/* the user root has next to nothing of it */
	mmu.root = pti_kernel_root(k, mmu.root);
	ptiter_start(&it, &mmu, k->ram, k->layout.page_offset, last);
	while (it.valid) {
		struct ptrun run;

		if (!it.leaf) {
			ptiter_next(&it);
			continue;
		}
		ptiter_run(&it, last, &run);
		s->direct[run.level] +=
			run.n << (k->mode->level[run.level].shift - PAGE_SHIFT);
	}
}

/* "MemTotal:       16318480 kB": Linux pads the name, then the number to 8 */
static void emit_kb(struct result *r, const char *name, uint64_t kb)
{
	res_item(r, false);
	res_text(r, COL_PLAIN, "%s:%*s%8llu kB", name,
		 (int)(16 - 1 - strlen(name)), "", (unsigned long long)kb);
	res_str(r, "name", NULL, name);
	res_u64(r, "kb", NULL, kb);
	res_end(r);
}

static void emit_pages(struct result *r, const char *name, uint64_t pages)
{
	emit_kb(r, name, pages * 4);
}

static void emit_lru(struct cmd_ctx *c)
{
	const uint64_t *nr = c->k->lruvec.nr;

	emit_pages(c->r, "SwapCached", c->k->swap->nrpages);
	emit_pages(c->r, "Active", nr[LRU_ACTIVE_ANON] + nr[LRU_ACTIVE_FILE]);
	emit_pages(c->r, "Inactive",
		   nr[LRU_INACTIVE_ANON] + nr[LRU_INACTIVE_FILE]);
	emit_pages(c->r, "Active(anon)", nr[LRU_ACTIVE_ANON]);
	emit_pages(c->r, "Inactive(anon)", nr[LRU_INACTIVE_ANON]);
	emit_pages(c->r, "Active(file)", nr[LRU_ACTIVE_FILE]);
	emit_pages(c->r, "Inactive(file)", nr[LRU_INACTIVE_FILE]);
	emit_pages(c->r, "Unevictable", nr[LRU_UNEVICTABLE]);
	emit_pages(c->r, "Mlocked", c->k->nr_mlock);
}

static void emit_highmem(struct cmd_ctx *c, const struct mem_sums *s)
{
	const struct zone *high = &c->k->zone[ZONE_HIGHMEM];

	if (!c->k->arch->highmem)
		return;
	emit_pages(c->r, "HighTotal", high->managed);
	emit_pages(c->r, "HighFree", high->free);
	emit_pages(c->r, "LowTotal", c->k->totalram_pages - high->managed);
	emit_pages(c->r, "LowFree", s->free - high->free);
}

/* The sizes that this mode has, the smallest first. */
static void emit_direct_map(struct cmd_ctx *c, const struct mem_sums *s)
{
	const struct kernel *k = c->k;

	for (int i = (int)k->pte_level; i >= 0; i--) {
		const struct paging_level *l = &k->mode->level[i];
		char name[24];

		if (l->needs_gbpages && !k->machine->cpu[0].features.gbpages)
			continue;
		if ((unsigned)i != k->pte_level && !l->may_map)
			continue;
		snprintf(name, sizeof(name), "DirectMap%s",
			 paging_size_name(l->shift));
		if (l->shift == PAGE_SHIFT)
			strcpy(name, "DirectMap4k");
		emit_pages(c->r, name, s->direct[i]);
	}
}

/* "HugePages_Total:       4": numbers of pages, without a unit */
static void emit_count(struct result *r, const char *name, uint64_t n)
{
	res_item(r, false);
	res_text(r, COL_PLAIN, "%s:%*s%8llu", name,
		 (int)(16 - 1 - strlen(name)), "", (unsigned long long)n);
	res_str(r, "name", NULL, name);
	res_u64(r, "n", NULL, n);
	res_end(r);
}

static void emit_huge(struct cmd_ctx *c)
{
	const struct hstate *h = &c->k->hstate;
	uint64_t size = huge_page_size(c->k) >> 10;

	emit_pages(c->r, "AnonHugePages", c->k->thp.nr_anon);
	if (!has_transparent_hugepage(c->k))
		return;
	emit_count(c->r, "HugePages_Total", h->nr_huge_pages);
	emit_count(c->r, "HugePages_Free", h->free_huge_pages);
	emit_count(c->r, "HugePages_Rsvd", h->resv_huge_pages);
	emit_count(c->r, "HugePages_Surp", h->surplus_huge_pages);
	emit_kb(c->r, "Hugepagesize", size);
	emit_kb(c->r, "Hugetlb", h->nr_huge_pages * size);
}

static int meminfo_run(struct cmd_ctx *c)
{
	struct mem_sums s = { 0 };

	mem_sum_frames(c->k, &s);
	sum_direct_map(c->k, &s);
	res_list(c->r, "meminfo", RES_LINES);
	emit_pages(c->r, "MemTotal", c->k->totalram_pages);
	emit_pages(c->r, "MemFree", s.free);
	emit_pages(c->r, "Cached", s.cached);
	emit_lru(c);
	emit_highmem(c, &s);
	emit_pages(c->r, "SwapTotal", c->k->total_swap_pages);
	emit_pages(c->r, "SwapFree", c->k->swap->nr_swap_pages);
	emit_pages(c->r, "Dirty", s.dirty);
	emit_pages(c->r, "AnonPages", s.anon);
	emit_pages(c->r, "Mapped", s.mapped);
	emit_pages(c->r, "Shmem", s.shmem);
	emit_pages(c->r, "Slab", s.slab);
	emit_pages(c->r, "KernelStack", s.stacks);
	emit_pages(c->r, "PageTables", s.tables);
	emit_pages(c->r, "CommitLimit", vm_commit_limit(c->k));
	emit_pages(c->r, "Committed_AS", c->k->vm_committed_as);
	emit_kb(c->r, "VmallocTotal", vmalloc_total_kib(c->k));
	emit_pages(c->r, "VmallocUsed", s.vmalloc);
	emit_huge(c);
	emit_direct_map(c, &s);
	res_end(c->r);
	return 0;
}

const struct command cmd_meminfo = {
	.name = "meminfo", .group = "physical memory",
	.flags = CMD_NEEDS_KERNEL,
	.help = "sums over all memory, as /proc/meminfo",
	.details = "PageTables are those of processes, roots excepted. DirectMap counts the\n"
		   "direct map alone.",
	.example = "meminfo", .run = meminfo_run,
};

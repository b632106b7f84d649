/*
 * swap_check.c - fsck for swap: the counts of slots against page tables, files
 * in memory and the swap cache (Linux prints "Bad swap file entry" and
 * "Unused swap offset entry" when it stumbles over a wrong one).
 */
#include <inttypes.h>

#include "kernel/internal.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

struct swap_checker {
	struct checker c;
	struct kernel *k;
	const struct swap_info_struct *si;
	uint16_t *count; /* as swap_map, counted again */
};

static void count_entry(struct swap_checker *s, swp_entry_t e, uint16_t what)
{
	uint64_t offset = swp_offset(s->k, e);

	if (swp_type(s->k, e) == s->si->type && offset < s->si->max)
		s->count[offset] += what;
}

static void count_mm(struct swap_checker *s, const struct mm_struct *mm)
{
	struct pte_range r;

	for (va_t va = 0;
	     next_pte_range(s->k, mm_root(mm), va, mm->task_size, &r);
	     va = r.end)
		for (; r.va < r.end;
		     r.va += PAGE_SIZE, r.ptep += s->k->mode->entry_size) {
			uint64_t pte = ptep_get(s->k, r.ptep);

			if (is_swap_pte(pte))
				count_entry(s, pte_to_swp_entry(s->k, pte), 1);
		}
}

/* Address spaces are counted once, however many tasks have them. */
static bool seen_before(const struct kernel *k, const struct task_struct *task)
{
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link) {
		if (t == task)
			return false;
		if (t->mm == task->mm)
			return true;
	}
	return false;
}

static void count_files(struct swap_checker *s)
{
	const struct inode *inode;
	swp_entry_t e;

	LIST_FOREACH (inode, &s->k->inodes, link)
		for (uint64_t i = 0; (e = xa_next(&inode->swapped, &i)); i++)
			count_entry(s, e, SWAP_MAP_SHMEM | 1);
}

static void check_cached(struct swap_checker *s, uint64_t offset)
{
	pfn_t pfn = s->si->cache[offset] - 1;
	const struct page *page = pfn_to_page(s->k, pfn);

	s->count[offset] |= SWAP_HAS_CACHE;
	if (!(page->flags & PG_swapcache) ||
	    page->private != swp_entry(s->k, s->si->type, offset))
		check_finding(&s->c,
			      "swap cache: %s, slot 0x%" PRIx64
			      " has pfn 0x%" PRIx64
			      ", whose record says otherwise",
			      s->si->name, offset, (uint64_t)pfn);
}

static void check_slot(struct swap_checker *s, uint64_t i, uint64_t *used)
{
	if (s->si->cache[i])
		check_cached(s, i);
	*used += s->count[i] != 0;
	if (s->count[i] != s->si->swap_map[i])
		check_finding(
			&s->c,
			"%s: swap_map[0x%" PRIx64 "] is 0x%x,"
			" page tables, files and the swap cache make 0x%x",
			s->si->name, i, s->si->swap_map[i], s->count[i]);
	if (!s->si->swap_map[i] &&
	    (i < s->si->lowest_bit || i > s->si->highest_bit))
		check_finding(&s->c,
			      "%s: slot 0x%" PRIx64 " is free, and never"
			      " searched",
			      s->si->name, i);
}

/* The area's slots; how many pages the cache has of it. */
static uint64_t check_area(struct swap_checker *s)
{
	const struct task_struct *t;
	uint64_t used = 0, cached = 0;

	s->count = xcalloc(s->si->max, sizeof(*s->count));
	TAILQ_FOREACH (t, &s->k->tasks, link)
		if (t->mm && !seen_before(s->k, t))
			count_mm(s, t->mm);
	count_files(s);
	for (uint64_t i = 1; i < s->si->max; i++) {
		check_slot(s, i, &used);
		cached += s->si->cache[i] != 0;
	}
	if (used != s->si->inuse_pages)
		check_finding(&s->c,
			      "%s: inuse_pages is %" PRIu64 ", %" PRIu64
			      " slots are in use",
			      s->si->name, s->si->inuse_pages, used);
	free(s->count);
	return cached;
}

unsigned swap_check(struct kernel *k, check_fn fn, void *ctx)
{
	struct swap_checker s = { .c = { fn, ctx, 0 }, .k = k };
	uint64_t free = 0, total = 0, cached = 0;

	for (unsigned i = 0; i < MAX_SWAPFILES; i++) {
		s.si = k->swap->info[i];
		if (!s.si)
			continue;
		cached += check_area(&s);
		free += s.si->pages - s.si->inuse_pages;
		total += s.si->pages;
	}
	if (free != k->swap->nr_swap_pages || total != k->total_swap_pages)
		check_finding(&s.c,
			      "swap: %" PRIu64 " of %" PRIu64 " slots are"
			      " free, areas have %" PRIu64 " of %" PRIu64,
			      k->swap->nr_swap_pages, k->total_swap_pages, free,
			      total);
	if (cached != k->swap->nrpages)
		check_finding(&s.c,
			      "swap cache: nrpages is %" PRIu64
			      ", it has %" PRIu64,
			      k->swap->nrpages, cached);
	return s.c.found;
}

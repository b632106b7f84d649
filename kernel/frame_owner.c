/*
 * frame_owner.c - see frame_owner.h.
 *
 *	e820:      | RAM        |reserved|  hole  | RAM                     |
 *	memblock:  |BIOS|   |image|                    |mem_map|
 *	zone:                 |bbb|untouched blocks|            bbb: records
 *
 * What a frame is follows from the first of these that knows it; only the
 * last asks its record. Linux tells the same in /proc/kpageflags
 * (stable_page_flags() of fs/proc/page.c), frame by frame.
 */
#include "kernel/frame_owner.h"

#include <string.h>

#include "kernel/compound.h"
#include "kernel/memblock.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/pti.h"
#include "kernel/rmap.h"
#include "kernel/slab_internal.h"

const struct frame_use_info frame_use_info[NR_FRAME_USES] = {
	[FRAME_HOLE] = { "hole", ' ', RECLAIM_NONE },
	[FRAME_FIRMWARE] = { "reserved by firmware", '=', RECLAIM_NONE },
	[FRAME_UNUSED] = { "free, never used", '.', RECLAIM_NONE },
	[FRAME_FREE] = { "free", ',', RECLAIM_NONE },
	[FRAME_PCP] = { "free, on a CPU's list", ':', RECLAIM_NONE },
	[FRAME_RESERVED] = { "reserved at boot", 'R', RECLAIM_NEVER },
	[FRAME_IMAGE] = { "kernel image", 'I', RECLAIM_NEVER },
	[FRAME_MEM_MAP] = { "mem_map", 'M', RECLAIM_NEVER },
	[FRAME_TABLE] = { "page table", 'T', RECLAIM_NEVER },
	[FRAME_SLAB] = { "slab", 'S', RECLAIM_NEVER },
	[FRAME_KMALLOC] = { "large kmalloc", 'L', RECLAIM_NEVER },
	[FRAME_VMALLOC] = { "vmalloc", 'V', RECLAIM_NEVER },
	[FRAME_STACK] = { "kernel stack", 'K', RECLAIM_NEVER },
	[FRAME_BLOCK] = { "alloc_pages", 'B', RECLAIM_NEVER },
	[FRAME_DMA] = { "DMA buffer", 'C', RECLAIM_NEVER },
	[FRAME_ZERO] = { "zero page", 'Z', RECLAIM_NEVER },
	[FRAME_HUGETLB] = { "hugetlb", 'G', RECLAIM_NEVER },
	[FRAME_VDSO] = { "vdso", 'D', RECLAIM_NEVER },
	[FRAME_ANON] = { "anon", 'A', RECLAIM_SWAP },
	[FRAME_FILE] = { "page cache", 'F', RECLAIM_DROP },
	[FRAME_SHMEM] = { "shmem", 'H', RECLAIM_SWAP },
	[FRAME_SWAPCACHE] = { "swap cache", 'W', RECLAIM_DROP },
	[FRAME_SHARED] = { "shared", 'X', RECLAIM_SWAP },
	[FRAME_KERNEL] = { "kernel, other", 'O', RECLAIM_NEVER },
};

/* --- ranges ------------------------------------------------------------- */

/* Outside of memory[]: what the map says, and where it says something else. */
static enum frame_use absent_use(const struct kernel *k, pfn_t pfn, pfn_t *end)
{
	const struct ram *ram = k->ram;
	pa_t pa = pfn << PAGE_SHIFT;

	for (unsigned i = 0; i < ram->nregions; i++) {
		const struct ram_region *g = &ram->region[i];
		pfn_t start = g->start >> PAGE_SHIFT;
		pfn_t stop = PAGE_ALIGN(g->end) >> PAGE_SHIFT;

		if (start > pfn) {
			*end = start < *end ? start : *end;
			return FRAME_HOLE;
		}
		if (pa < g->end && g->type != RAM_USABLE) {
			*end = stop < *end ? stop : *end;
			return FRAME_FIRMWARE;
		}
	}
	return FRAME_HOLE;
}

/* Cuts *end at the end of the range of memory[] that holds @pfn, or at the
 * start of the next one. True: it is RAM. */
static bool in_memory(const struct kernel *k, pfn_t pfn, pfn_t *end)
{
	for (unsigned i = 0; i < k->nmemory; i++) {
		pfn_t start = k->memory[i].start >> PAGE_SHIFT;
		pfn_t stop = k->memory[i].end >> PAGE_SHIFT;

		if (pfn >= stop)
			continue;
		if (pfn < start)
			stop = start;
		if (stop < *end)
			*end = stop;
		return pfn >= start;
	}
	return false;
}

static enum frame_use reserved_use(const char *name)
{
	static const struct {
		const char *name;
		enum frame_use use;
	} uses[] = {
		{ "Kernel code", FRAME_IMAGE },
		{ "Kernel rodata", FRAME_IMAGE },
		{ "Kernel data", FRAME_IMAGE },
		{ "Kernel bss", FRAME_IMAGE },
		{ "page tables", FRAME_TABLE },
		{ "mem_map", FRAME_MEM_MAP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (!strcmp(uses[i].name, name))
			return uses[i].use;
	return FRAME_RESERVED;
}

/* Reserved at boot? Cuts *end where that changes. */
static const char *reserved_at(const struct kernel *k, pfn_t pfn, pfn_t *end)
{
	pa_t pa = pfn << PAGE_SHIFT;

	for (unsigned i = 0; i < k->nreserved; i++) {
		const struct memblock_range *r = &k->reserved[i];
		bool in = r->start <= pa;
		pfn_t edge = (in ? r->end : r->start) >> PAGE_SHIFT;

		if (r->end <= pa)
			continue;
		if (edge < *end)
			*end = edge;
		return in ? r->name : NULL;
	}
	return NULL;
}

/* In blocks that the zone has not cut yet? Cuts *end where that changes. */
static bool untouched_at(const struct kernel *k, pfn_t pfn, pfn_t *end)
{
	const struct zone *zone = page_zone((struct kernel *)k, pfn);
	bool in = false;

	for (unsigned i = 0; zone && i < zone->nvirgin; i++) {
		pfn_t start = zone->virgin[i].start;
		pfn_t stop = zone->virgin[i].end;

		in |= pfn >= start && pfn < stop;
		if (pfn >= start && pfn < stop && stop < *end)
			*end = stop;
		if (pfn < start && start < *end)
			*end = start;
	}
	return in;
}

/* --- records ------------------------------------------------------------ */

static const uint64_t block_flags =
	PG_buddy | PG_pcp | PG_kmalloc | PG_block | PG_dma;

pfn_t frame_block(const struct kernel *k, pfn_t pfn, unsigned *order)
{
	*order = 0;
	for (unsigned o = 0; o < MAX_ORDER; o++) {
		pfn_t head = ALIGN_DOWN(pfn, 1ULL << o);
		const struct page *page = pfn_to_page(k, head);

		if (!(page->flags & block_flags) ||
		    page->private >= MAX_ORDER ||
		    pfn - head >= 1ULL << page->private)
			continue;
		*order = page->private;
		return head;
	}
	return pfn;
}

static enum frame_use user_use(const struct kernel *k, const struct page *page)
{
	const struct inode *host;

	if (page->flags & PG_anon)
		return page_mapcount(k, page) > 1 ? FRAME_SHARED : FRAME_ANON;
	host = page->mapping->host;
	if (*host->path == '[')
		return FRAME_VDSO;
	if (page->_mapcount > 1)
		return FRAME_SHARED;
	return page->flags & PG_swapbacked ? FRAME_SHMEM : FRAME_FILE;
}

static enum frame_use flags_use(const struct kernel *k, const struct page *page)
{
	static const struct {
		uint64_t flag;
		enum frame_use use;
	} uses[] = {
		{ PG_zeropage, FRAME_ZERO },   { PG_buddy, FRAME_FREE },
		{ PG_pcp, FRAME_PCP },	       { PG_table, FRAME_TABLE },
		{ PG_slab, FRAME_SLAB },       { PG_kmalloc, FRAME_KMALLOC },
		{ PG_vmalloc, FRAME_VMALLOC }, { PG_stack, FRAME_STACK },
		{ PG_block, FRAME_BLOCK },     { PG_dma, FRAME_DMA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (page->flags & uses[i].flag)
			return uses[i].use;
	if ((page->flags & PG_swapcache) && page->_mapcount <= 0)
		return FRAME_SWAPCACHE;
	return page->mapping ? user_use(k, page) : FRAME_KERNEL;
}

/* Free as a whole: was none of its frames ever used? */
static bool block_unused(const struct kernel *k, pfn_t pfn, unsigned order)
{
	for (pfn_t p = pfn; p < pfn + (1ULL << order); p++)
		if (pfn_to_page(k, p)->flags & PG_used)
			return false;
	return true;
}

/* Large pages that are told by their head alone; FRAME_HOLE: it is none. */
static enum frame_use compound_use(const struct kernel *k, pfn_t pfn,
				   pfn_t *end)
{
	const struct page *head = pfn_to_page(k, pfn);

	if (!page_compound(head))
		return FRAME_HOLE;
	head = compound_head_slow(k, head);
	*end = page_to_pfn(k, head) + compound_nr(head);
	if (head->flags & PG_zeropage)
		return FRAME_ZERO;
	return compound_dtor(head) == HUGETLB_PAGE_DTOR ? FRAME_HUGETLB :
							  FRAME_HOLE;
}

/* What the record of @pfn says, and the end of the block that it is in. */
static enum frame_use record_use(const struct kernel *k, pfn_t pfn, pfn_t *end)
{
	enum frame_use large = compound_use(k, pfn, end);

	if (large != FRAME_HOLE)
		return large;
	enum frame_use use = flags_use(k, pfn_to_page(k, pfn));
	unsigned order;
	pfn_t head;

	*end = pfn + 1;
	if (use != FRAME_KERNEL && !(pfn_to_page(k, pfn)->flags & block_flags))
		return use;
	head = frame_block(k, pfn, &order);
	*end = head + (1ULL << order);
	use = flags_use(k, pfn_to_page(k, head));
	if (use == FRAME_FREE && block_unused(k, head, order))
		use = FRAME_UNUSED;
	return use;
}

static enum frame_change record_change(const struct kernel *k, pfn_t pfn,
				       enum frame_use use)
{
	const struct page *page = pfn_to_page(k, pfn);
	uint64_t flags = page->flags;

	if (!k->stamp)
		return FRAME_SAME;
	if ((flags & PG_STAMP_MASK) != k->stamp)
		return use == FRAME_SLAB && page->slab->stamp == k->stamp
			       ? FRAME_CHANGED
			       : FRAME_SAME;
	if (frame_use_is_free(use))
		return FRAME_FREED;
	return flags & PG_fresh ? FRAME_TAKEN : FRAME_CHANGED;
}

/* --- runs --------------------------------------------------------------- */

/* Free frames that the last command gave back are told one by one. */
static pfn_t same_change(const struct kernel *k, pfn_t pfn, pfn_t end,
			 const struct frame_run *run)
{
	while (pfn < end && record_change(k, pfn, run->use) == run->change)
		pfn++;
	return pfn;
}

/*
 * The end of the frames whose records say the same as that of @pfn, which is
 * in no block: most of used memory is many pages alike.
 */
static pfn_t twins_end(const struct kernel *k, pfn_t pfn, pfn_t end)
{
	const struct page *first = pfn_to_page(k, pfn);

	for (pfn++; pfn < end; pfn++) {
		const struct page *page = pfn_to_page(k, pfn);

		if (page->flags != first->flags ||
		    ((page->flags & PG_slab) && page->slab != first->slab) ||
		    page->mapping != first->mapping ||
		    page->_mapcount != first->_mapcount)
			break;
	}
	return pfn;
}

/* => all of [pfn, end) have records, and no other source knows them */
static struct frame_run record_run(const struct kernel *k, pfn_t pfn, pfn_t end)
{
	struct frame_run run = { pfn, pfn, FRAME_HOLE, FRAME_SAME };

	while (run.end < end) {
		pfn_t stop, same;
		enum frame_use use = record_use(k, run.end, &stop);

		if (run.end == pfn) {
			run.use = use;
			run.change = record_change(k, pfn, use);
		}
		if (use != run.use)
			break;
		if (use != FRAME_KERNEL && stop == run.end + 1 &&
		    !(pfn_to_page(k, run.end)->flags & block_flags))
			stop = twins_end(k, run.end, end);
		if (stop > end)
			stop = end;
		same = same_change(k, run.end, stop, &run);
		run.end = same;
		if (same < stop)
			break;
	}
	return run;
}

struct frame_run frame_run_at(const struct kernel *k, pfn_t pfn, pfn_t end)
{
	struct frame_run run = { pfn, end, FRAME_UNUSED, FRAME_SAME };
	const char *reserved;

	if (!in_memory(k, pfn, &run.end)) {
		run.use = absent_use(k, pfn, &run.end);
		return run;
	}
	if (pfn < k->zero_pfn && k->zero_pfn < run.end)
		run.end = k->zero_pfn;
	if (pfn == k->zero_pfn) {
		run.end = pfn + 1;
		run.use = FRAME_ZERO;
		return run;
	}
	reserved = reserved_at(k, pfn, &run.end);
	if (reserved) {
		run.use = reserved_use(reserved);
		return run;
	}
	if (untouched_at(k, pfn, &run.end))
		return run;
	return record_run(k, pfn, run.end);
}

enum frame_use frame_use(const struct kernel *k, pfn_t pfn)
{
	return frame_run_at(k, pfn, pfn + 1).use;
}

/* --- stamps ------------------------------------------------------------- */

/* All records that were ever used lie outside of untouched blocks. */
static void clear_stamps(struct kernel *k)
{
	for (pfn_t pfn = 0; pfn < k->max_pfn;) {
		pfn_t end = k->max_pfn;
		bool ram = in_memory(k, pfn, &end);

		if (ram && !reserved_at(k, pfn, &end) &&
		    !untouched_at(k, pfn, &end))
			for (; pfn < end; pfn++)
				pfn_to_page(k, pfn)->flags &=
					~(PG_STAMP_MASK | PG_fresh);
		pfn = end;
	}
}

static void clear_slab_stamps(struct kernel *k)
{
	struct kmem_cache *c;
	struct slab *s;

	TAILQ_FOREACH (c, &k->slab_caches, link)
		TAILQ_FOREACH (s, &c->slabs, all)
			s->stamp = 0;
}

void kernel_new_stamp(struct kernel *k)
{
	if (k->stamp == PG_STAMP_MASK) {
		clear_stamps(k);
		clear_slab_stamps(k);
		k->stamp = 0;
	}
	k->stamp += 1U << PG_STAMP_SHIFT;
}

/* --- whose -------------------------------------------------------------- */

static bool first_mapper(void *ctx, struct vm_area_struct *vma, va_t va)
{
	*(int *)ctx = vma->vm_mm->owner_pid;
	return false;
}

/* The process whose root table is at @pgd. */
static int root_pid(const struct kernel *k, pfn_t pgd)
{
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm &&
		    t->mm->pgd ==
			    pti_kernel_root(k, pgd << PAGE_SHIFT) >> PAGE_SHIFT)
			return t->pid;
	return 0;
}

static int stack_pid(const struct kernel *k, pfn_t pfn)
{
	const struct task_struct *t;

	TAILQ_FOREACH (t, &k->tasks, link)
		if (pfn - t->stack < 1ULL << STACK_ORDER(k))
			return t->pid;
	return 0;
}

int frame_pid(struct kernel *k, pfn_t pfn)
{
	enum frame_use use = frame_use(k, pfn);
	const struct page *page;
	int pid = 0;

	if (!frame_use_is_ram(use))
		return 0;
	page = pfn_to_page(k, pfn);
	if (use == FRAME_STACK)
		return stack_pid(k, pfn);
	if (use == FRAME_TABLE)
		return root_pid(k, page->index ? page->index : pfn);
	if (page_mapcount(k, page) == 1 &&
	    (use == FRAME_ANON || use == FRAME_FILE || use == FRAME_SHMEM))
		rmap_walk(k, pfn, first_mapper, &pid);
	return pid;
}

/* --- swapping ----------------------------------------------------------- */

static bool find_locked(void *ctx, struct vm_area_struct *vma, va_t va)
{
	bool *locked = ctx;

	*locked = vma->vm_flags & VM_LOCKED;
	return !*locked;
}

struct find_dirty {
	struct kernel *k;
	bool dirty;
};

static bool find_dirty(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct find_dirty *f = ctx;
	uint64_t entry = 0;
	unsigned level;

	pt_leaf(f->k, vma->vm_mm->pgd << PAGE_SHIFT, va, &entry, &level);
	f->dirty |= !!(entry & PTE_D);
	return !f->dirty;
}

/* Has it been written since its record said so, or is it said there? */
static bool is_dirty(struct kernel *k, pfn_t pfn)
{
	struct find_dirty f = { k, pfn_to_page(k, pfn)->flags & PG_dirty };

	if (pfn_to_page(k, pfn)->_mapcount > 0)
		rmap_walk(k, pfn, find_dirty, &f);
	return f.dirty;
}

static enum frame_reclaim user_reclaim(struct kernel *k, pfn_t pfn,
				       const char **why)
{
	const struct page *page = pfn_to_page(k, pfn);
	bool dirty = is_dirty(k, pfn);

	if (page->flags & PG_swapcache) {
		*why = dirty ? "its slot in swap has older bytes" :
			       "its slot in swap has the same bytes";
		return dirty ? RECLAIM_SWAP : RECLAIM_DROP;
	}
	if ((page->flags & (PG_anon | PG_swapbacked)) == PG_anon && !dirty) {
		*why = "it was given to madvise FREE";
		return RECLAIM_DROP;
	}
	if (page->flags & PG_anon) {
		*why = "anonymous memory, its bytes are nowhere else";
		return RECLAIM_SWAP;
	}
	if (page->flags & PG_swapbacked) {
		*why = "shared memory, it has no file to be written to";
		return RECLAIM_SWAP;
	}
	*why = dirty
		       ? "it is written back to its file and dropped"
		       : "it is dropped, and read from its file again";
	return RECLAIM_DROP;
}

enum frame_reclaim frame_reclaim(struct kernel *k, pfn_t pfn, const char **why)
{
	static const char *const phrase[NR_FRAME_USES] = {
		[FRAME_HOLE] = "no RAM",
		[FRAME_FIRMWARE] = "no RAM of the kernel's",
		[FRAME_UNUSED] = "it is free",
		[FRAME_FREE] = "it is free",
		[FRAME_PCP] = "it is free",
		[FRAME_VDSO] = "the kernel's own page, only shown to processes",
		[FRAME_ZERO] = "part of the kernel image",
		[FRAME_TABLE] = "page tables stay in RAM",
		[FRAME_HUGETLB] = "pages of hugetlb stay in RAM",
	};
	enum frame_use use = frame_use(k, pfn);
	bool locked = false;

	*why = phrase[use] ? phrase[use] : "kernel memory is never swapped";
	if (frame_use_info[use].reclaim != RECLAIM_SWAP &&
	    frame_use_info[use].reclaim != RECLAIM_DROP)
		return frame_use_info[use].reclaim;
	rmap_walk(k, pfn, find_locked, &locked);
	if (!locked)
		return user_reclaim(k, pfn, why);
	*why = "an area that maps it is locked (mlock, MAP_LOCKED)";
	return RECLAIM_NEVER;
}

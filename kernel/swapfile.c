/*
 * swapfile.c - swap areas: switching on and off, slots and their counts (linux
 * 6.1 mm/swapfile.c).
 *
 * An area is a device of ours: host memory behind a queue that never fails.
 * Slot 0 has the header that mkswap writes. The best area gives slots until it
 * is full; those of equal priority take turns, SWAP_BATCH slots each. Within an
 * area the search goes on where it last ended, as on a disk.
 *
 * Left out: files as areas, clusters of slots (256, one a CPU on solid-state
 * devices), per-CPU caches of slots, discards, bad blocks, labels. A count is
 * wide enough for all who share a page; Linux continues it in pages of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/mm_internal.h"
#include "kernel/swap.h"
#include "kernel/vmalloc.h"

void swap_init(struct kernel *k)
{
	struct swap_state *s = xcalloc(1, sizeof(*s));

	TAILQ_INIT(&s->avail);
	s->least_priority = -1;
	k->page_cluster = k->totalram_pages >> (20 - PAGE_SHIFT) < 16 ? 2 : 3;
	k->swappiness = 60;
	s->ra_hits = 4;
	k->swap = s;
}

/* --- slots ---------------------------------------------------------------- */

bool vm_swap_full(const struct kernel *k)
{
	return k->swap->nr_swap_pages * 2 < k->total_swap_pages;
}

struct swap_info_struct *swap_info_get(const struct kernel *k, swp_entry_t e)
{
	unsigned type = swp_type(k, e);
	uint64_t offset = swp_offset(k, e);
	struct swap_info_struct *si;

	if (type >= MAX_SWAPFILES || !(si = k->swap->info[type]))
		return NULL;
	if (!offset || offset >= si->max || !si->swap_map[offset])
		return NULL;
	return si;
}

/* The list of areas with free slots: by priority, behind their equals. */
static void add_to_avail_list(struct swap_state *s, struct swap_info_struct *si)
{
	struct swap_info_struct *next;

	si->full = false;
	TAILQ_FOREACH (next, &s->avail, avail)
		if (next->prio < si->prio) {
			TAILQ_INSERT_BEFORE(next, si, avail);
			return;
		}
	TAILQ_INSERT_TAIL(&s->avail, si, avail);
}

static void del_from_avail_list(struct swap_state *s,
				struct swap_info_struct *si)
{
	if (si->full)
		return;
	TAILQ_REMOVE(&s->avail, si, avail);
	si->full = true;
	s->batch = 0;
}

static void swap_range_alloc(struct kernel *k, struct swap_info_struct *si,
			     uint64_t offset)
{
	if (offset == si->lowest_bit)
		si->lowest_bit++;
	if (offset == si->highest_bit)
		si->highest_bit--;
	si->cluster_next = offset + 1;
	si->swap_map[offset] = SWAP_HAS_CACHE;
	k->swap->nr_swap_pages--;
	if (++si->inuse_pages < si->pages)
		return;
	si->lowest_bit = si->max;
	si->highest_bit = 0;
	del_from_avail_list(k->swap, si);
}

static void swap_range_free(struct kernel *k, struct swap_info_struct *si,
			    uint64_t offset)
{
	if (offset < si->lowest_bit)
		si->lowest_bit = offset;
	if (offset > si->highest_bit)
		si->highest_bit = offset;
	si->inuse_pages--;
	if (!si->writeok)
		return;
	k->swap->nr_swap_pages++;
	if (si->full)
		add_to_avail_list(k->swap, si);
}

/*
 * May the slot be taken? If swap runs short, those of pages that are in memory
 * again, and that no entry needs, are taken back.
 */
static bool slot_is_free(struct kernel *k, struct swap_info_struct *si,
			 uint64_t offset)
{
	if (si->swap_map[offset] == SWAP_HAS_CACHE && vm_swap_full(k))
		try_to_free_swap(k, si->cache[offset] - 1);
	return !si->swap_map[offset];
}

/* A free slot from where the last one was found, then from the start; 0. */
static uint64_t scan_swap_map(struct kernel *k, struct swap_info_struct *si)
{
	uint64_t from = si->cluster_next;

	if (from < si->lowest_bit || from > si->highest_bit)
		from = si->lowest_bit;
	for (uint64_t i = from; i <= si->highest_bit; i++)
		if (slot_is_free(k, si, i))
			return i;
	for (uint64_t i = si->lowest_bit; i < from; i++)
		if (slot_is_free(k, si, i))
			return i;
	return 0;
}

/* The first area's turn ends after a batch, if it has equals. */
static void take_turns(struct swap_state *s)
{
	struct swap_info_struct *si = TAILQ_FIRST(&s->avail);

	if (s->batch++ < SWAP_BATCH)
		return;
	s->batch = 1;
	TAILQ_REMOVE(&s->avail, si, avail);
	add_to_avail_list(s, si);
}

swp_entry_t get_swap_page(struct kernel *k)
{
	struct swap_state *s = k->swap;
	struct swap_info_struct *si, *next;
	uint64_t offset;

	if (!s->nr_swap_pages || TAILQ_EMPTY(&s->avail))
		return 0;
	take_turns(s);
	for (si = TAILQ_FIRST(&s->avail); si; si = next) {
		next = TAILQ_NEXT(si, avail);
		offset = scan_swap_map(k, si);
		if (!offset)
			continue;
		swap_range_alloc(k, si, offset);
		return swp_entry(k, si->type, offset);
	}
	return 0;
}

/* --- counts --------------------------------------------------------------- */

unsigned swap_count(const struct kernel *k, swp_entry_t e)
{
	const struct swap_info_struct *si = swap_info_get(k, e);

	if (!si)
		return 0;
	return si->swap_map[swp_offset(k, e)] &
	       ~(SWAP_HAS_CACHE | SWAP_MAP_SHMEM);
}

int swap_duplicate(struct kernel *k, swp_entry_t e)
{
	struct swap_info_struct *si = swap_info_get(k, e);

	if (!si)
		return -ENOENT;
	if (swap_count(k, e) >= SWAP_MAP_MAX)
		return -ENOMEM;
	si->swap_map[swp_offset(k, e)]++;
	return 0;
}

int swapcache_prepare(struct kernel *k, swp_entry_t e)
{
	struct swap_info_struct *si = swap_info_get(k, e);
	uint64_t offset = swp_offset(k, e);

	if (!si)
		return -ENOENT;
	if (si->swap_map[offset] & SWAP_HAS_CACHE)
		return -EEXIST;
	si->swap_map[offset] |= SWAP_HAS_CACHE;
	return 0;
}

void swap_shmem_alloc(struct kernel *k, swp_entry_t e)
{
	struct swap_info_struct *si = swap_info_get(k, e);

	si->swap_map[swp_offset(k, e)] |= SWAP_MAP_SHMEM | 1;
}

/* Writes a slot's count; one that reaches 0 is free. */
static void swap_entry_put(struct kernel *k, struct swap_info_struct *si,
			   uint64_t offset, uint16_t count)
{
	si->swap_map[offset] = count;
	if (!count)
		swap_range_free(k, si, offset);
}

void swap_free(struct kernel *k, swp_entry_t e)
{
	struct swap_info_struct *si = swap_info_get(k, e);
	uint64_t offset = swp_offset(k, e);

	if (!si || !swap_count(k, e))
		return;
	swap_entry_put(k, si, offset,
		       (si->swap_map[offset] & ~SWAP_MAP_SHMEM) - 1);
}

void put_swap_page(struct kernel *k, swp_entry_t e)
{
	struct swap_info_struct *si = swap_info_get(k, e);
	uint64_t offset = swp_offset(k, e);

	swap_entry_put(k, si, offset, si->swap_map[offset] & ~SWAP_HAS_CACHE);
}

bool try_to_free_swap(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	if (!(page->flags & PG_swapcache) || swap_count(k, page->private))
		return false;
	page->flags |= PG_dirty; /* the only copy from now on */
	delete_from_swap_cache(k, pfn);
	return true;
}

void free_swap_cache(struct kernel *k, pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);

	if ((page->flags & PG_swapcache) && page->_mapcount <= 0)
		try_to_free_swap(k, pfn);
}

void free_swap_and_cache(struct kernel *k, swp_entry_t e)
{
	const struct page *page;
	pfn_t pfn;

	swap_free(k, e);
	pfn = swap_cache_lookup(k, e);
	if (pfn == PFN_NONE || swap_count(k, e))
		return;
	page = pfn_to_page(k, pfn);
	if (page->_mapcount <= 0 || vm_swap_full(k))
		try_to_free_swap(k, pfn);
}

/* --- swapon --------------------------------------------------------------- */

/* What mkswap writes: version 1, the last page, and the signature. */
static void write_swap_header(struct swap_info_struct *si)
{
	static const char magic[] = "SWAPSPACE2";
	uint32_t version = 1, last = si->max - 1;

	memcpy(si->bytes + 1024, &version, 4);
	memcpy(si->bytes + 1028, &last, 4);
	memcpy(si->bytes + PAGE_SIZE - (sizeof(magic) - 1), magic,
	       sizeof(magic) - 1);
}

/* Zeroes that the host commits as they are touched. */
static void *sparse_alloc(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void sparse_free(void *p, uint64_t size)
{
	if (p)
		munmap(p, size);
}

static void swap_info_free(struct kernel *k, struct swap_info_struct *si)
{
	vfree(k, si->map_va);
	kevent(k, .kind = KEV_HANDLER, .func = "vfree", .note = "swap_map",
	       .va = si->map_va, .end = si->map_va + PAGE_ALIGN(si->max),
	       .n = PAGE_ALIGN(si->max) >> PAGE_SHIFT);
	sparse_free(si->swap_map, si->max * sizeof(*si->swap_map));
	sparse_free(si->cache, si->max * sizeof(*si->cache));
	sparse_free(si->bytes, si->max << PAGE_SHIFT);
	free(si);
}

static struct swap_info_struct *swap_info_alloc(struct kernel *k, uint64_t max)
{
	struct swap_info_struct *si;
	va_t map_va;

	if (vzalloc(k, max, &map_va))
		return NULL;
	kevent(k, .kind = KEV_HANDLER, .func = "vzalloc", .note = "swap_map",
	       .va = map_va, .end = map_va + PAGE_ALIGN(max),
	       .n = PAGE_ALIGN(max) >> PAGE_SHIFT);
	si = xcalloc(1, sizeof(*si));
	si->map_va = map_va;
	si->max = max;
	si->pages = max - 1;
	si->swap_map = sparse_alloc(max * sizeof(*si->swap_map));
	si->cache = sparse_alloc(max * sizeof(*si->cache));
	si->bytes = sparse_alloc(max << PAGE_SHIFT);
	if (!si->swap_map || !si->cache || !si->bytes) {
		swap_info_free(k, si);
		return NULL;
	}
	si->swap_map[0] = SWAP_MAP_BAD;
	si->lowest_bit = si->cluster_next = 1;
	si->highest_bit = max - 1;
	return si;
}

static void enable_swap_info(struct kernel *k, struct swap_info_struct *si)
{
	struct swap_state *s = k->swap;

	si->writeok = true;
	s->info[si->type] = si;
	s->nr_rotate_swap += !si->nonrot;
	s->nr_swap_pages += si->pages - si->inuse_pages;
	k->total_swap_pages += si->pages;
	if (si->inuse_pages < si->pages)
		add_to_avail_list(s, si);
	else
		si->full = true;
}

int kernel_swapon(struct kernel *k, const struct swap_on *how,
		  struct swap_info_struct **ret)
{
	uint64_t max = how->size >> PAGE_SHIFT;
	struct swap_info_struct *si;
	unsigned type = 0;

	while (type < MAX_SWAPFILES && k->swap->info[type])
		type++;
	if (type == MAX_SWAPFILES)
		return -EPERM;
	if (max < 2)
		return -EINVAL;
	if (max > swp_max_pages(k))
		max = swp_max_pages(k);
	si = swap_info_alloc(k, max);
	if (!si)
		return -ENOMEM;
	si->type = type;
	si->nonrot = how->nonrot;
	si->prio = how->prio == SWAP_PRIO_NONE ? --k->swap->least_priority
					       : how->prio;
	snprintf(si->name, sizeof(si->name), "/dev/swap%u", type);
	write_swap_header(si);
	enable_swap_info(k, si);
	*ret = si;
	return 0;
}

struct swap_info_struct *swap_by_name(struct kernel *k, const char *name)
{
	for (unsigned i = 0; i < MAX_SWAPFILES; i++)
		if (k->swap->info[i] && !strcmp(k->swap->info[i]->name, name))
			return k->swap->info[i];
	return NULL;
}

/* --- swapoff -------------------------------------------------------------- */

/* Priorities that the kernel chose stay without holes. */
static void close_priority_gap(struct swap_state *s, int prio)
{
	if (prio >= 0)
		return;
	for (unsigned i = 0; i < MAX_SWAPFILES; i++)
		if (s->info[i] && s->info[i]->prio < prio)
			s->info[i]->prio++;
	s->least_priority++;
}

/* No slots are given from now on. */
static void disable_swap_info(struct kernel *k, struct swap_info_struct *si)
{
	struct swap_state *s = k->swap;

	del_from_avail_list(s, si);
	si->writeok = false;
	s->nr_rotate_swap -= !si->nonrot;
	s->nr_swap_pages -= si->pages - si->inuse_pages;
	k->total_swap_pages -= si->pages;
	close_priority_gap(s, si->prio);
}

/* Pages in the cache that no entry names: their slots go. */
static void drop_cached(struct kernel *k, struct swap_info_struct *si)
{
	for (uint64_t i = 1; si->inuse_pages && i < si->max; i++)
		if (si->cache[i])
			try_to_free_swap(k, si->cache[i] - 1);
}

static int try_to_unuse(struct kernel *k, struct swap_info_struct *si)
{
	int err = shmem_unuse(k, si);

	if (!err)
		err = try_to_unuse_mms(k, si);
	drop_cached(k, si);
	return err;
}

int kernel_swapoff(struct kernel *k, struct swap_info_struct *si)
{
	struct swap_state *s = k->swap;
	int err;

	err = vm_enough_memory(k, NULL, si->pages);
	if (err)
		return err;
	vm_unacct_memory(k, si->pages);
	disable_swap_info(k, si);
	err = try_to_unuse(k, si);
	if (err) {
		if (si->prio < 0)
			si->prio = --s->least_priority;
		enable_swap_info(k, si);
		return err;
	}
	s->info[si->type] = NULL;
	swap_info_free(k, si);
	return 0;
}

void swap_deinit(struct kernel *k)
{
	for (unsigned i = 0; k->swap && i < MAX_SWAPFILES; i++)
		if (k->swap->info[i])
			swap_info_free(k, k->swap->info[i]);
	free(k->swap);
	k->swap = NULL;
}

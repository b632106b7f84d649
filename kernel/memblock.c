/*
 * memblock.c - boot-time memory: what exists, what is taken.
 *
 * Models mm/memblock.c of Linux 6.1: sorted ranges, neighbours of one owner
 * joined, allocation top-down. Left out: NUMA nodes, flags (mirror, hotplug,
 * nomap), growing of the arrays, freeing.
 */
#include "kernel/memblock.h"

#include <string.h>

#define BIOS_BEGIN 0xa0000ULL

/* [start, end) cut to whole frames below @limit becomes memory. */
struct early {			/* what is being made of the map */
	struct memblock_range *range;
	unsigned n;
	pa_t limit;
	uint64_t unseen;	/* bytes above the limit */
};

static void add_memory(struct early *e, pa_t start, pa_t end)
{
	start = PAGE_ALIGN(start);
	end &= PAGE_MASK;
	if (end > e->limit) {
		e->unseen += end - (start > e->limit ? start : e->limit);
		end = e->limit;
	}
	if (start < end && e->n < NR_MEMORY)
		e->range[e->n++] =
			(struct memblock_range){ start, end, "System RAM" };
}

/* 640 KiB to 1 MiB is never RAM, whatever the BIOS says (trim_bios_range). */
static void add_map(const struct ram *ram, struct early *e)
{
	for (unsigned i = 0; i < ram->nregions; i++) {
		const struct ram_region *r = &ram->region[i];

		if (r->type != RAM_USABLE)
			continue;
		if (r->start < BIOS_BEGIN)
			add_memory(e, r->start,
				   r->end < BIOS_BEGIN ? r->end : BIOS_BEGIN);
		if (r->end > MiB)
			add_memory(e, r->start > MiB ? r->start : MiB, r->end);
	}
}

void memblock_init(struct kernel *k, pa_t limit)
{
	struct early e = { .range = k->memory, .limit = limit };

	add_map(k->ram, &e);
	k->nmemory = e.n;
	k->ram_unseen = e.unseen;
	k->max_pfn = e.n ? k->memory[e.n - 1].end >> PAGE_SHIFT : 0;
}

unsigned memblock_early(const struct kernel *k, struct memblock_range *ret)
{
	pa_t limit = BIT(k->machine->cpu[0].features.maxphyaddr);
	struct early e = { .range = ret, .limit = k->arch->max_ram };

	if (limit < e.limit)
		e.limit = limit;
	add_map(k->ram, &e);
	return e.n;
}

/* linux leaves them in memblock, but no zone has them */
void memblock_cap(struct kernel *k, pfn_t max_pfn)
{
	pa_t limit = max_pfn << PAGE_SHIFT;

	for (unsigned i = k->nmemory; i-- > 0 && k->memory[i].end > limit;) {
		pa_t from = k->memory[i].start;

		from = from > limit ? from : limit;
		k->ram_unused += k->memory[i].end - from;
		k->memory[i].end = from;
		if (from == k->memory[i].start)
			k->nmemory--;
	}
	if (k->max_pfn > max_pfn)
		k->max_pfn = max_pfn;
}

/* Index of the first of @n ascending ranges that ends above @pa. */
static inline unsigned find_range(const struct memblock_range *r, unsigned n,
				  pa_t pa)
{
	unsigned low = 0;

	while (low < n) {
		unsigned mid = (low + n) / 2;

		if (r[mid].end > pa)
			n = mid;
		else
			low = mid + 1;
	}
	return low;
}

static unsigned find_memory(const struct kernel *k, pa_t pa)
{
	return find_range(k->memory, k->nmemory, pa);
}

bool memblock_is_memory(const struct kernel *k, pa_t start, pa_t end)
{
	unsigned i = find_memory(k, start);

	return i < k->nmemory && k->memory[i].start <= start &&
	       k->memory[i].end >= end;
}

bool pfn_valid(const struct kernel *k, pfn_t pfn)
{
	pa_t pa = pfn << PAGE_SHIFT;
	unsigned i;

	/* Nearly every frame is in the last range. */
	if (k->nmemory && pa >= k->memory[k->nmemory - 1].start)
		return pa < k->memory[k->nmemory - 1].end;
	i = find_memory(k, pa);
	return i < k->nmemory && k->memory[i].start <= pa;
}

static unsigned find_reserved(const struct kernel *k, pa_t pa)
{
	return find_range(k->reserved, k->nreserved, pa);
}

static void remove_reserved(struct kernel *k, unsigned i)
{
	k->nreserved--;
	memmove(&k->reserved[i], &k->reserved[i + 1],
		(k->nreserved - i) * sizeof(k->reserved[0]));
}

/* Joins entry @i with the next one if they touch and belong together. */
static void merge_with_next(struct kernel *k, unsigned i)
{
	struct memblock_range *r = &k->reserved[i];

	if (i + 1 >= k->nreserved || r[0].end != r[1].start ||
	    strcmp(r[0].name, r[1].name))
		return;
	r[0].end = r[1].end;
	remove_reserved(k, i + 1);
}

bool memblock_reserve(struct kernel *k, pa_t start, pa_t end, const char *name)
{
	start &= PAGE_MASK;
	end = PAGE_ALIGN(end);
	unsigned i = find_reserved(k, start);

	if (start >= end || k->nreserved == NR_MEMBLOCK)
		return false;
	if (i < k->nreserved && k->reserved[i].start < end)
		return false;
	memmove(&k->reserved[i + 1], &k->reserved[i],
		(k->nreserved - i) * sizeof(k->reserved[0]));
	k->reserved[i] = (struct memblock_range){ start, end, name };
	k->nreserved++;
	merge_with_next(k, i);
	if (i > 0)
		merge_with_next(k, i - 1);
	return true;
}

/* The highest fit in [start, end), stepping down over reservations. */
static pa_t find_in_range(const struct kernel *k, pa_t start, pa_t end,
			  uint64_t size, uint64_t align)
{
	while (end >= start && end - start >= size) {
		pa_t at = ALIGN_DOWN(end - size, align);
		unsigned i = find_reserved(k, at);

		if (at < start)
			return 0;
		if (i == k->nreserved || k->reserved[i].start >= at + size)
			return at;
		end = k->reserved[i].start;
	}
	return 0;
}

pa_t memblock_alloc(struct kernel *k, uint64_t size, uint64_t align, pa_t limit,
		    const char *name)
{
	if (k->fail_nth && --k->fail_nth == 0)
		return 0;
	size = PAGE_ALIGN(size);
	for (unsigned i = k->nmemory; i-- > 0;) {
		pa_t end = k->memory[i].end < limit ? k->memory[i].end : limit;
		pa_t at =
			find_in_range(k, k->memory[i].start, end, size, align);

		if (at && memblock_reserve(k, at, at + size, name))
			return at;
	}
	return 0;
}

void memblock_trim(struct kernel *k, pa_t start, pa_t end)
{
	struct memblock_range *r = &k->reserved[find_reserved(k, start)];

	if (r < k->reserved + k->nreserved && r->start < start && r->end == end)
		r->end = start;
}

const char *memblock_reserved_name(const struct kernel *k, pfn_t pfn)
{
	pa_t pa = pfn << PAGE_SHIFT;
	unsigned i = find_reserved(k, pa);

	if (i == k->nreserved || k->reserved[i].start > pa)
		return NULL;
	return k->reserved[i].name;
}

pfn_t memblock_skip_reserved(const struct kernel *k, pfn_t pfn)
{
	unsigned i = find_reserved(k, pfn << PAGE_SHIFT);

	for (; i < k->nreserved; i++) {
		if (k->reserved[i].start >> PAGE_SHIFT > pfn)
			break;
		pfn = k->reserved[i].end >> PAGE_SHIFT;
	}
	return pfn;
}

/*
 * Moves *end down to the top of the free space that ends at or below it, and
 * returns where that space begins, not below @start. start: nothing is free.
 */
static pa_t free_space_below(const struct kernel *k, pa_t start, pa_t *end)
{
	while (*end > start) {
		unsigned i = find_reserved(k, *end - 1);

		if (i < k->nreserved && k->reserved[i].start < *end) {
			*end = k->reserved[i].start & PAGE_MASK;
			continue;
		}
		if (i > 0 && k->reserved[i - 1].end > start)
			start = PAGE_ALIGN(k->reserved[i - 1].end);
		return start;
	}
	*end = start;
	return start;
}

bool memblock_free_below(const struct kernel *k, pfn_t limit, pfn_t *start,
			 pfn_t *end)
{
	for (unsigned i = k->nmemory; i-- > 0;) {
		pa_t top = k->memory[i].end, from;

		if (limit < top >> PAGE_SHIFT)
			top = limit << PAGE_SHIFT;
		if (top <= k->memory[i].start)
			continue;
		from = free_space_below(k, k->memory[i].start, &top);
		if (from >= top)
			continue;
		*start = from >> PAGE_SHIFT;
		*end = top >> PAGE_SHIFT;
		return true;
	}
	return false;
}

uint64_t memblock_present(const struct kernel *k, pfn_t start, pfn_t end)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < k->nmemory; i++) {
		pfn_t from = k->memory[i].start >> PAGE_SHIFT;
		pfn_t to = k->memory[i].end >> PAGE_SHIFT;

		from = from > start ? from : start;
		to = to < end ? to : end;
		n += to > from ? to - from : 0;
	}
	return n;
}

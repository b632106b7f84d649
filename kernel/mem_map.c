/*
 * mem_map.c - see mem_map.h.
 *
 *	          flags  lru    mapping  index  private  _mapcount  _refcount
 *	i386        0     4       12       16      20        24         28
 *	x86-64      0     8       24       32      40        48         52
 *
 *	flags, i386:    zone in bits 31:30
 *	flags, x86-64:  node in bits 63:54, zone in 53:51, last CPU in 50:30
 *
 *	compound pages: a tail's lru.next leads to the head, with bit 0 set
 *
 * as Debian builds 6.1 (CONFIG_NODES_SHIFT 10, NR_CPUS 8192, FLATMEM on i386).
 * The other uses of the words: a slab has its list in lru and its counters in
 * private, a root table its mm in index, a free block's head its order in
 * private and its type in _mapcount.
 *
 * Simplified: mapping of a file page is the address of the inode, Linux' of
 * i_data within it; the last links of a list, which lead to its head in
 * the zone, are 0; a slab's list is not shown; all user tables but the root
 *count as page tables (PG_table), Linux' those of the two lowest levels;
 *memcg_data 0.
 */
#include "kernel/mem_map.h"

#include <string.h>

#include "kernel/compound.h"
#include "kernel/convert.h"
#include "kernel/frame_owner.h"
#include "kernel/huge_mm.h"
#include "kernel/memblock.h"
#include "kernel/mm_internal.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/slab_internal.h"

#define LIST_POISON1	   0x100
#define LIST_POISON2	   0x122
#define POISON_DELTA	   0xdead000000000000ULL /* x86-64 */
#define PAGE_TYPE_BUDDY	   0x80u
#define PAGE_TYPE_TABLE	   0x200u
#define PAGE_MAPPING_ANON  1u
#define LINUX_SLAB	   BIT(9)
#define LINUX_HEAD	   BIT(16)
#define LINUX_ANON_EXCLUSIVE BIT(17)
#define LINUX_DOUBLE_MAP   BIT(6) /* of the first tail: PG_workingset there */
#define TAIL_MAPPING	   0x400
#define COMPOUND_PAGE_DTOR 1
#define LAST_CPUPID_NONE   (0x1fffffULL << 30)
#define ZONES_PGOFF_64	   51
#define ZONES_PGOFF_32	   30

const struct page_field page_fields[] = {
	{ "flags", 0, 0, 4, 8 },	{ "lru.next", 4, 8, 4, 8 },
	{ "lru.prev", 8, 16, 4, 8 },	{ "mapping", 12, 24, 4, 8 },
	{ "index", 16, 32, 4, 8 },	{ "private", 20, 40, 4, 8 },
	{ "_mapcount", 24, 48, 4, 4 },	{ "_refcount", 28, 52, 4, 4 },
	{ "memcg_data", 32, 56, 4, 8 }, { NULL, 0, 0, 0, 0 },
};
enum {
	F_FLAGS,
	F_NEXT,
	F_PREV,
	F_MAPPING,
	F_INDEX,
	F_PRIVATE,
	F_MAPCOUNT,
	F_REFCOUNT,
	F_MEMCG
};

static bool is_64(const struct kernel *k)
{
	return k->arch->word == 8;
}

unsigned page_field_offset(const struct kernel *k, const struct page_field *f)
{
	return is_64(k) ? f->offset64 : f->offset32;
}

unsigned page_field_size(const struct kernel *k, const struct page_field *f)
{
	return is_64(k) ? f->size64 : f->size32;
}

const struct page_field *page_field_at(const struct kernel *k, unsigned offset)
{
	for (const struct page_field *f = page_fields; f->name; f++)
		if (offset - page_field_offset(k, f) < page_field_size(k, f))
			return f;
	return NULL;
}

/* --- one struct page ---------------------------------------------------- */

static va_t page_va(const struct kernel *k, pfn_t pfn)
{
	return convert_page(k, pfn).n;
}

/* Linux numbers its flags so. */
static uint64_t linux_flags(uint64_t flags)
{
	static const struct {
		uint64_t ours;
		uint8_t bit;
	} map[] = {
		{ PG_locked, 0 },
		{ PG_referenced, 1 },
		{ PG_uptodate, 2 },
		{ PG_dirty, 3 },
		{ PG_lru, 4 },
		{ PG_active, 5 },
		{ PG_workingset, 6 },
		{ PG_slab, 9 },
		{ PG_swapcache, 10 },
		{ PG_reserved, 12 },
		{ PG_anon_exclusive, 17 },
		{ PG_reclaim, 18 },
		{ PG_swapbacked, 19 },
		{ PG_unevictable, 20 },
		{ PG_mlocked, 21 },
	};
	uint64_t word = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (flags & map[i].ours)
			word |= BIT(map[i].bit);
	return word;
}

/* The zone's number where the kernel has only the zones that it needs. */
static uint64_t zone_bits(const struct kernel *k, pfn_t pfn)
{
	const struct zone *zone = page_zone((struct kernel *)k, pfn);
	uint64_t nr = zone ? zone - k->zone : 0;

	if (!is_64(k)) {
		nr -= nr > ZONE_DMA; /* no DMA32 there */
		return nr << ZONES_PGOFF_32;
	}
	return nr << ZONES_PGOFF_64 | LAST_CPUPID_NONE;
}

/* Frames that the buddy allocator was never given: holes, boot's own. */
static bool never_free(const struct kernel *k, pfn_t pfn)
{
	return !pfn_valid(k, pfn) || !page_zone((struct kernel *)k, pfn) ||
	       memblock_reserved_name(k, pfn);
}

/*
 * Slabs and large kmallocs of more than a frame are compound pages; those of
 * compound.h say so themselves.
 */
bool mem_map_compound(const struct kernel *k, pfn_t pfn, pfn_t *head,
		      unsigned *order)
{
	const struct page *page;

	if (never_free(k, pfn) || page_is_free(k, pfn))
		return false;
	page = pfn_to_page(k, pfn);
	if (page_compound(page)) {
		page = compound_head_slow(k, page);
		*head = page_to_pfn(k, page);
		*order = compound_order(page);
		return true;
	}
	if (page->flags & PG_slab) {
		*head = page->slab->pfn;
		*order = page->slab->order;
		return *order > 0;
	}
	*head = frame_block(k, pfn, order);
	return *order > 0 && (pfn_to_page(k, *head)->flags & PG_kmalloc);
}

/* Most of what our records of tails have is the head's. */
static uint64_t tail_flags(const struct kernel *k, pfn_t pfn, pfn_t head)
{
	uint64_t flags = linux_flags(pfn_to_page(k, pfn)->flags) &
			 LINUX_ANON_EXCLUSIVE;

	if (pfn == head + 1 && *page_double_map(pfn_to_page(k, head)))
		flags |= LINUX_DOUBLE_MAP;
	return flags;
}

uint64_t mem_map_flags(const struct kernel *k, pfn_t pfn)
{
	uint64_t flags = BIT(12); /* PG_reserved */
	unsigned order;
	pfn_t head;

	if (!never_free(k, pfn))
		flags = linux_flags(pfn_to_page(k, pfn)->flags);
	if (mem_map_compound(k, pfn, &head, &order))
		flags = (flags & ~(uint64_t)LINUX_SLAB) |
			(pfn != head ? 0 : flags & LINUX_SLAB) |
			(pfn == head ? LINUX_HEAD : 0);
	if (!never_free(k, pfn) && page_tail(k, pfn_to_page(k, pfn)))
		flags = tail_flags(k, pfn, head);
	return flags | zone_bits(k, pfn);
}

/* A struct page, by field. */
struct words {
	uint64_t w[ARRAY_SIZE(page_fields)];
};

/* As __init_single_page() leaves it. */
static void fill_fresh(const struct kernel *k, pfn_t pfn, struct words *w)
{
	va_t lru = page_va(k, pfn) + k->arch->word;

	w->w[F_FLAGS] = mem_map_flags(k, pfn);
	w->w[F_NEXT] = w->w[F_PREV] = lru;
	w->w[F_MAPCOUNT] = ~0U;
	w->w[F_REFCOUNT] = 1;
}

static va_t lru_of(const struct kernel *k, uint32_t pfn)
{
	return pfn == PFN_NONE ? 0 : page_va(k, pfn) + k->arch->word;
}

static void fill_free(const struct kernel *k, pfn_t pfn, struct words *w)
{
	const struct page *page = pfn_to_page(k, pfn);
	enum { TOP = MAX_ORDER - 1 };

	w->w[F_REFCOUNT] = 0;
	if (page->flags & PG_buddy) {
		w->w[F_NEXT] = lru_of(k, page->next);
		w->w[F_PREV] = lru_of(k, page->prev);
		w->w[F_PRIVATE] = page->private;
		w->w[F_MAPCOUNT] &= ~PAGE_TYPE_BUDDY;
	} else if (page->flags & PG_pcp) {
		w->w[F_NEXT] = lru_of(k, page->next);
		w->w[F_PREV] = lru_of(k, page->prev);
		w->w[F_INDEX] = page->index & 0xff; /* its migrate type */
	} else if (!(pfn & ((1ULL << TOP) - 1)) &&
		   frame_use(k, pfn) == FRAME_UNUSED) {
		w->w[F_PRIVATE] = TOP; /* of a block that was never cut */
		w->w[F_MAPCOUNT] &= ~PAGE_TYPE_BUDDY;
	}
}

/* inuse, objects and frozen are bit fields of one word. */
static void fill_slab(const struct kernel *k, const struct slab *s,
		      struct words *w)
{
	w->w[F_MAPPING] = s->cache->object;
	w->w[F_INDEX] = s->freelist;
	w->w[F_PRIVATE] =
		s->inuse | s->objects << 16 | (uint32_t)s->frozen << 31;
}

static void fill_table(const struct kernel *k, pfn_t pfn,
		       const struct page *page, struct words *w)
{
	const struct task_struct *t;

	if (page->index)
		w->w[F_MAPCOUNT] &= ~PAGE_TYPE_TABLE;
	TAILQ_FOREACH (t, &k->tasks, link)
		if (t->mm && t->mm->pgd == pfn)
			w->w[F_INDEX] = t->mm->addr.va;
}

/* Counts of entries, as 6.1 has them: see page_double_map(). */
static uint32_t subpage_mapcount(const struct kernel *k, pfn_t head, pfn_t pfn)
{
	return pfn_to_page(k, pfn)->_mapcount - 1 +
	       *page_double_map(pfn_to_page(k, head));
}

static void fill_used(const struct kernel *k, pfn_t pfn, struct words *w)
{
	const struct page *page = pfn_to_page(k, pfn);
	uint64_t delta = is_64(k) ? POISON_DELTA : 0;

	w->w[F_REFCOUNT] = (uint32_t)page->_refcount;
	w->w[F_MAPCOUNT] = (uint32_t)page->_mapcount - 1;
	if (page->_refcount) { /* it was taken from a list */
		w->w[F_NEXT] = LIST_POISON1 + delta;
		w->w[F_PREV] = LIST_POISON2 + delta;
	}
	if (page_compound(page) && !page_huge(k, page))
		w->w[F_MAPCOUNT] = subpage_mapcount(k, pfn, pfn);
	if (page->flags & PG_slab) {
		fill_slab(k, page->slab, w);
	} else if (page->flags & PG_table) {
		fill_table(k, pfn, page, w);
	} else if (page->flags & PG_anon) {
		w->w[F_MAPPING] = page->anon_vma->addr.va | PAGE_MAPPING_ANON;
		w->w[F_INDEX] = page->index;
	} else if (page->mapping) {
		w->w[F_MAPPING] = page->mapping->host->addr.va;
		w->w[F_INDEX] = page->index;
	}
}

/* An int of two in one word, on x86-64; alone on i386. */
static uint64_t int_at(const struct kernel *k, uint32_t value, bool upper)
{
	return is_64(k) && upper ? (uint64_t)value << 32 : value;
}

/* lru.next leads to the head; the first tail has the order and more. */
static void fill_first_tail(const struct kernel *k, struct page *head,
			    unsigned order, struct words *w)
{
	unsigned dtor = COMPOUND_PAGE_DTOR;
	uint32_t mapcount = 0;

	if (page_compound(head)) {
		dtor = compound_dtor(head);
		mapcount = *compound_mapcount(head);
	}
	w->w[F_PREV] = dtor | order << 8;
	w->w[is_64(k) ? F_PREV : F_MAPPING] |= int_at(k, mapcount - 1, true);
	if (is_64(k)) /* compound_nr; compound_pincount is 0 */
		w->w[F_MAPPING] = 1ULL << order << 32;
}

/* The second has the list of those to be split: links to lists alike. */
static void fill_second_tail(const struct kernel *k, pfn_t head,
			     struct words *w)
{
	unsigned to = page_field_offset(k, &page_fields[F_MAPPING]);

	w->w[F_MAPPING] = w->w[F_INDEX] = page_va(k, head + 2) + to;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t other = deferred_split_neighbour(k, head, i);

		if (other)
			w->w[F_MAPPING + i] =
				other == head ? 0 : page_va(k, other + 2) + to;
	}
}

static void fill_tail(const struct kernel *k, pfn_t pfn, pfn_t head,
		      unsigned order, struct words *w)
{
	struct page *first = pfn_to_page(k, head);
	bool thp = page_compound(first) &&
		   compound_dtor(first) == TRANSHUGE_PAGE_DTOR;

	w->w[F_REFCOUNT] = 0;
	w->w[F_NEXT] = page_va(k, head) | 1;
	w->w[F_MAPPING] = TAIL_MAPPING + (is_64(k) ? POISON_DELTA : 0);
	if (pfn == head + 1) {
		w->w[F_MAPPING] = 0;
		fill_first_tail(k, first, order, w);
	}
	if (!thp)
		return;
	w->w[F_MAPCOUNT] = subpage_mapcount(k, head, pfn);
	if (pfn == head + 2)
		fill_second_tail(k, head, w);
}

void mem_map_bytes(const struct kernel *k, pfn_t pfn,
		   uint8_t ret[STRUCT_PAGE_MAX])
{
	struct words w = { { 0 } };
	unsigned order;
	pfn_t head;

	memset(ret, 0, STRUCT_PAGE_MAX);
	if (!linux_pfn_valid(k, pfn))
		return;
	fill_fresh(k, pfn, &w);
	if (!never_free(k, pfn) && page_is_free(k, pfn))
		fill_free(k, pfn, &w);
	else if (mem_map_compound(k, pfn, &head, &order) && pfn != head)
		fill_tail(k, pfn, head, order, &w);
	else if (!never_free(k, pfn))
		fill_used(k, pfn, &w);
	for (unsigned i = 0; page_fields[i].name; i++)
		memcpy(ret + page_field_offset(k, &page_fields[i]), &w.w[i],
		       page_field_size(k, &page_fields[i]));
}

/* --- whose bytes these are ------------------------------------------------ */

static bool in_mem_map(const struct kernel *k, pa_t pa)
{
	const char *name = memblock_reserved_name(k, pa >> PAGE_SHIFT);

	return name && !strcmp(name, "mem_map");
}

/* The vmemmap address that leads to @pa; 0: none. */
static va_t vmemmap_of(const struct kernel *k, pa_t pa)
{
	uint64_t entry, step = 2 * MiB;
	unsigned level;

	for (va_t va = k->layout.vmemmap; va < k->layout.vmemmap_end;
	     va += step) {
		pa_t at;

		if (!pt_leaf(k, k->swapper_pg_dir, va, &entry, &level))
			continue;
		step = BIT(k->mode->level[level].shift);
		at = paging_target(k->mode, level, entry, true);
		if (pa - at < step)
			return va + (pa - at);
	}
	return 0;
}

bool mem_map_at_va(const struct kernel *k, va_t va, pfn_t *pfn,
		   unsigned *offset)
{
	va_t base = page_va(k, 0);
	pa_t pa;

	if (!slow_virt_to_phys(k, va, &pa) || !in_mem_map(k, pa))
		return false;
	if (k->layout.vmemmap &&
	    (va < k->layout.vmemmap || va >= k->layout.vmemmap_end))
		va = vmemmap_of(k, pa);
	if (va < base)
		return false;
	*pfn = (va - base) / k->arch->sizeof_page;
	*offset = (va - base) % k->arch->sizeof_page;
	return true;
}

bool mem_map_at(const struct kernel *k, pa_t pa, pfn_t *pfn, unsigned *offset)
{
	return in_mem_map(k, pa) &&
	       mem_map_at_va(k, kernel_va(k, pa), pfn, offset);
}

/* --- reading -------------------------------------------------------------- */

/* Within one frame. */
static void overlay_frame(const struct kernel *k, pa_t pa, uint8_t *buf,
			  size_t len)
{
	uint8_t bytes[STRUCT_PAGE_MAX];
	unsigned offset;
	pfn_t pfn;

	if (!mem_map_at(k, pa, &pfn, &offset))
		return;
	while (len) {
		size_t n = k->arch->sizeof_page - offset;

		n = n < len ? n : len;
		mem_map_bytes(k, pfn, bytes);
		memcpy(buf, bytes + offset, n);
		offset = 0;
		pfn++;
		buf += n;
		len -= n;
	}
}

void mem_map_overlay(const struct kernel *k, pa_t pa, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (k && len) {
		size_t n = PAGE_SIZE - (pa & (PAGE_SIZE - 1));

		n = n < len ? n : len;
		overlay_frame(k, pa, to, n);
		pa += n;
		to += n;
		len -= n;
	}
}

void mem_map_overlay_va(const struct kernel *k, va_t va, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len) {
		size_t n = PAGE_SIZE - (va & (PAGE_SIZE - 1));
		pa_t pa;

		n = n < len ? n : len;
		if (slow_virt_to_phys(k, va, &pa))
			overlay_frame(k, pa, to, n);
		va += n;
		to += n;
		len -= n;
	}
}

uint64_t mem_map_read(const struct kernel *k, const struct ram *ram, pa_t pa,
		      unsigned size)
{
	uint64_t value = 0;

	ram_copy_out(ram, pa, &value, size);
	mem_map_overlay(k, pa, &value, size);
	return value;
}

/*
 * proc_page.c - the words of /proc/kpageflags and /proc/kpagecount (linux 6.1
 * fs/proc/page.c).
 *
 * Linux shows the bit of an exclusive anonymous page as MAPPEDTODISK, whose
 * number in page->flags it shares. Left out: idle tracking, KSM, memory
 * failures.
 */
#include "kernel/compound.h"
#include "kernel/frame_owner.h"
#include "kernel/mem_map.h"
#include "kernel/page_alloc.h"
#include "kernel/task_mmu.h"

#define KPF_SLAB	  BIT(7)
#define KPF_BUDDY	  BIT(10)
#define KPF_MMAP	  BIT(11)
#define KPF_ANON	  BIT(12)
#define KPF_SWAPCACHE	  BIT(13)
#define KPF_COMPOUND_HEAD BIT(15)
#define KPF_COMPOUND_TAIL BIT(16)
#define KPF_HUGE	  BIT(17)
#define KPF_THP		  BIT(22)
#define KPF_NOPAGE	  BIT(20)
#define KPF_ZERO_PAGE	  BIT(24)
#define KPF_PGTABLE	  BIT(26)

/* In the flags word of a tail: PG_anon_exclusive, PG_hwpoison. */
#define TAIL_FLAGS (BIT(17) | BIT(22))

const struct flag_name kpf_names[] = {
	{ BIT(0), "LOCKED", NULL },
	{ BIT(1), "ERROR", NULL },
	{ BIT(2), "REFERENCED", NULL },
	{ BIT(3), "UPTODATE", NULL },
	{ BIT(4), "DIRTY", NULL },
	{ BIT(5), "LRU", NULL },
	{ BIT(6), "ACTIVE", NULL },
	{ KPF_SLAB, "SLAB", NULL },
	{ BIT(8), "WRITEBACK", NULL },
	{ BIT(9), "RECLAIM", NULL },
	{ KPF_BUDDY, "BUDDY", NULL },
	{ KPF_MMAP, "MMAP", NULL },
	{ KPF_ANON, "ANON", NULL },
	{ KPF_SWAPCACHE, "SWAPCACHE", NULL },
	{ BIT(14), "SWAPBACKED", NULL },
	{ KPF_COMPOUND_HEAD, "COMPOUND_HEAD", NULL },
	{ KPF_COMPOUND_TAIL, "COMPOUND_TAIL", NULL },
	{ KPF_HUGE, "HUGE", NULL },
	{ BIT(18), "UNEVICTABLE", NULL },
	{ BIT(19), "HWPOISON", NULL },
	{ KPF_NOPAGE, "NOPAGE", NULL },
	{ BIT(21), "KSM", NULL },
	{ KPF_THP, "THP", NULL },
	{ BIT(23), "OFFLINE", NULL },
	{ KPF_ZERO_PAGE, "ZERO_PAGE", NULL },
	{ BIT(25), "IDLE", NULL },
	{ KPF_PGTABLE, "PGTABLE", NULL },
	{ BIT(32), "RESERVED", NULL },
	{ BIT(33), "MLOCKED", NULL },
	{ BIT(34), "MAPPEDTODISK", NULL },
	{ BIT(35), "PRIVATE", NULL },
	{ BIT(36), "PRIVATE_2", NULL },
	{ BIT(37), "OWNER_PRIVATE", NULL },
	{ BIT(38), "ARCH", NULL },
	{ 0, NULL, NULL },
};

/* Bits that are copied from the flags word: there, and here. */
static const struct {
	uint8_t page, kpf;
} kpf_copy_bit[] = {
	{ 0, 0 },   { 9, 7 },	/* locked, slab */
	{ 8, 1 },   { 3, 4 },	/* error, dirty */
	{ 2, 3 },   { 15, 8 },	/* uptodate, writeback */
	{ 4, 5 },   { 1, 2 },	/* lru, referenced */
	{ 5, 6 },   { 18, 9 },	/* active, reclaim */
	{ 19, 14 }, { 20, 18 }, /* swapbacked, unevictable */
	{ 21, 33 }, { 12, 32 }, /* mlocked, reserved */
	{ 17, 34 }, { 13, 35 }, /* mappedtodisk, private */
	{ 14, 36 }, { 10, 37 }, /* private_2, owner_priv_1 */
	{ 11, 38 }, { 16, 15 }, /* arch_1, head */
};

/* Of a transparent huge page, or one of hugetlb. */
static uint64_t compound_flags(const struct kernel *k, pfn_t pfn,
			       const struct page *page)
{
	const struct page *head = compound_head_slow(k, page);
	uint64_t u = head == page ? KPF_COMPOUND_HEAD : KPF_COMPOUND_TAIL;

	if (head->flags & PG_anon)
		u |= KPF_ANON;
	if (page_huge(k, page))
		return u | KPF_HUGE;
	if (k->thp.huge_zero_refs && page_to_pfn(k, head) == k->thp.huge_zero)
		return u | KPF_THP | KPF_ZERO_PAGE;
	return head->flags & (PG_lru | PG_anon) ? u | KPF_THP : u;
}

/* Is it mapped, by an entry of any size? Of a large page any frame counts. */
static bool page_mapped(const struct kernel *k, const struct page *page)
{
	if (!page_compound(page))
		return page->_mapcount > 0;
	return total_mapcount(k, compound_head_slow(k, page)) > 0;
}

/* What the record says beyond the flags word. */
static uint64_t pseudo_flags(struct kernel *k, pfn_t pfn,
			     const struct page *page)
{
	bool mapped = !(page->flags & PG_zeropage) && page_mapped(k, page);
	uint64_t u = 0;

	if (page_compound(page))
		u |= compound_flags(k, pfn, page);
	if (!(page->flags & PG_slab) && mapped)
		u |= KPF_MMAP;
	if (page->flags & PG_anon)
		u |= KPF_ANON;
	if (page->flags & PG_swapcache)
		u |= KPF_SWAPCACHE;
	if (pfn == k->zero_pfn)
		u |= KPF_ZERO_PAGE;
	if ((page->flags & PG_table) && page->index)
		u |= KPF_PGTABLE;
	return u;
}

uint64_t stable_page_flags(struct kernel *k, pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);
	uint64_t word, u = 0;
	unsigned order;
	pfn_t head;

	if (!pfn_valid(k, pfn))
		return KPF_NOPAGE;
	word = mem_map_flags(k, pfn);
	if (page_tail(k, page)) /* the head has them for all */
		word &= TAIL_FLAGS;
	for (size_t i = 0; i < ARRAY_SIZE(kpf_copy_bit); i++)
		if (word & BIT(kpf_copy_bit[i].page))
			u |= BIT(kpf_copy_bit[i].kpf);
	if (page_is_free(k, pfn))
		return u | (frame_use(k, pfn) == FRAME_PCP ? 0 : KPF_BUDDY);
	if (mem_map_compound(k, pfn, &head, &order) && head != pfn)
		u |= KPF_COMPOUND_TAIL | (page->flags & PG_slab ? KPF_SLAB : 0);
	return u | pseudo_flags(k, pfn, page);
}

uint64_t kpagecount(struct kernel *k, pfn_t pfn)
{
	const struct page *page = pfn_to_page(k, pfn);

	if (!pfn_valid(k, pfn) || pfn == k->zero_pfn ||
	    page_mapcount(k, page) <= 0 ||
	    (page->flags & (PG_slab | PG_table | PG_buddy)))
		return 0;
	return page_mapcount(k, page);
}

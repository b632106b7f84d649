/*
 * huge_split.c - large entries become tables of small ones, large pages single
 * frames (linux 6.1 mm/huge_memory.c: __split_huge_pmd, split_huge_page,
 * deferred_split_huge_page).
 *
 *	split_huge_pmd	  one address space: the entry goes, the page stays
 *	split_huge_page	  the page itself, after the entries of all who map it
 *	deferred split	  a page of which some frames are mapped by nobody any
 *			  more waits in a list, until memory runs short
 *
 * Left out: migration entries, by which Linux unmaps a page while it is split
 * (so that its translations go from TLBs), and pages of files.
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"

/* --- entries -------------------------------------------------------------- */

/* What the small entries have in common, but for the frame. */
static uint64_t small_entry(const struct kernel *k,
			    const struct vm_area_struct *vma, uint64_t pmd)
{
	uint64_t prot = vma->vm_page_prot;

	if ((pmd & PTE_P) && (pmd & PTE_RW))
		prot = maybe_mkwrite(vma, prot);
	if (!(pmd & PTE_A))
		prot &= ~PTE_A;
	if (pmd & PTE_D)
		prot = pte_mkdirty(k, prot);
	return prot | (pmd & _PAGE_SOFT_DIRTY);
}

/* @step 0: all entries map the same frame. */
static void fill_table(struct kernel *k, struct vm_area_struct *vma, va_t haddr,
		       pfn_t table, pfn_t pfn, unsigned step, uint64_t prot)
{
	uint8_t *ptep = page_bytes(k, table);

	for (uint64_t i = 0; i < hpage_nr(k); i++) {
		set_pte_at(k, vma->vm_mm, haddr, ptep, pfn_pte(k, pfn, prot),
			   "split");
		ptep += k->mode->entry_size;
		haddr += PAGE_SIZE;
		pfn += step;
	}
}

/* One large entry less, and a small one more for each frame. */
static void split_mapcount(struct kernel *k, struct page *head)
{
	uint64_t exclusive = head->flags & PG_anon_exclusive;

	head->_refcount += hpage_nr(k) - 1;
	for (uint64_t i = 0; i < hpage_nr(k); i++) {
		head[i].flags |= exclusive;
		head[i]._mapcount++;
	}
	*page_double_map(head) = --*compound_mapcount(head) != 0;
	if (!*compound_mapcount(head))
		k->thp.nr_anon -= hpage_nr(k);
	munlock_huge_page(k, head);
	page_changed(k, head);
}

void split_huge_pmd(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		    va_t haddr)
{
	struct mm_struct *mm = vma->vm_mm;
	uint64_t pmd = pt_get(k, pmdp);
	struct page *head = vm_normal_pmd_page(k, pmd);
	bool zero = is_huge_zero_pmd(k, pmd);
	pfn_t table;

	if (!head && !zero) { /* poked: there is nothing to keep */
		zap_huge_pmd(k, vma, pmdp, haddr);
		return;
	}
	k->vmstat.thp_split_pmd++;
	table = pgtable_trans_huge_withdraw(k, pmdp);
	if (zero)
		fill_table(k, vma, haddr, table, k->zero_pfn, 0,
			   vma->vm_page_prot | _PAGE_SPECIAL);
	else
		fill_table(k, vma, haddr, table, page_to_pfn(k, head), 1,
			   small_entry(k, vma, pmd));
	pt_set(k, mm->owner_pid, haddr, pmd_level(k), pmdp,
	       pt_table_entry(k, pmd_level(k), table), "split");
	if (head)
		split_mapcount(k, head);
	kevent(k, .kind = KEV_HANDLER, .func = "__split_huge_pmd",
	       .note = "a table of small entries", .pid = mm->owner_pid,
	       .va = haddr, .end = haddr + hpage_size(k),
	       .pfn = pmd_to_pfn(k, pmd), .n = 1);
	flush_tlb_page(k, mm_root(mm), haddr);
}

void split_huge_pmd_address(struct kernel *k, struct vm_area_struct *vma,
			    va_t va)
{
	pa_t pmdp;

	if (!(vma->vm_flags & VM_HUGETLB) &&
	    huge_pmd_at(k, vma->vm_mm, va, &pmdp))
		split_huge_pmd(k, vma, pmdp, hpage_start(k, va));
}

void vma_adjust_trans_huge(struct kernel *k, struct vm_area_struct *vma,
			   va_t va)
{
	va_t haddr = hpage_start(k, va);

	if (haddr != va && haddr >= vma->vm_start &&
	    haddr + hpage_size(k) <= vma->vm_end)
		split_huge_pmd_address(k, vma, va);
}

/* --- the list of those that wait ------------------------------------------ */

/* A ring: k->thp.deferred is the newest, its next the oldest. */
static uint32_t *ring_next(const struct kernel *k, uint32_t pfn)
{
	return &pfn_to_page(k, pfn)[3].prev;
}

static uint32_t *ring_prev(const struct kernel *k, uint32_t pfn)
{
	return &pfn_to_page(k, pfn)[4].prev;
}

void deferred_split_huge_page(struct kernel *k, struct page *head)
{
	uint32_t pfn = page_to_pfn(k, head), last = k->thp.deferred;

	if (*ring_next(k, pfn))
		return;
	*ring_next(k, pfn) = *ring_prev(k, pfn) = pfn;
	if (last) {
		*ring_next(k, pfn) = *ring_next(k, last);
		*ring_prev(k, pfn) = last;
		*ring_prev(k, *ring_next(k, last)) = pfn;
		*ring_next(k, last) = pfn;
	}
	k->thp.deferred = pfn;
	k->thp.ndeferred++;
	k->vmstat.thp_deferred_split_page++;
}

void deferred_split_forget(struct kernel *k, struct page *head)
{
	uint32_t pfn = page_to_pfn(k, head);
	uint32_t next = *ring_next(k, pfn), prev = *ring_prev(k, pfn);

	if (!next)
		return;
	*ring_next(k, prev) = next;
	*ring_prev(k, next) = prev;
	if (k->thp.deferred == pfn)
		k->thp.deferred = next == pfn ? 0 : prev;
	*ring_next(k, pfn) = *ring_prev(k, pfn) = 0;
	k->thp.ndeferred--;
}

uint32_t deferred_split_neighbour(const struct kernel *k, uint32_t head,
				  bool before)
{
	return before ? *ring_prev(k, head) : *ring_next(k, head);
}

bool deferred_split_waits(const struct kernel *k, const struct page *head)
{
	return *ring_next(k, page_to_pfn(k, head));
}

bool deferred_split_ok(const struct kernel *k)
{
	uint32_t pfn = k->thp.deferred;

	for (unsigned i = 0; i < k->thp.ndeferred; i++) {
		if (!pfn || *ring_prev(k, *ring_next(k, pfn)) != pfn)
			return false;
		pfn = *ring_next(k, pfn);
	}
	return pfn == k->thp.deferred;
}

void compound_page_unmapped(struct kernel *k, struct page *page)
{
	struct page *head = compound_head(k, page);

	if (!page->_mapcount && !*compound_mapcount(head))
		deferred_split_huge_page(k, head);
}

unsigned deferred_split_scan(struct kernel *k)
{
	unsigned n = k->thp.ndeferred, done = 0;
	uint32_t pfn = k->thp.deferred;

	for (pfn = pfn ? *ring_next(k, pfn) : 0; n; n--) {
		uint32_t next = *ring_next(k, pfn);

		done += !split_huge_page(k, pfn_to_page(k, pfn), 0);
		pfn = next;
	}
	return done;
}

/* --- pages ---------------------------------------------------------------- */

/* The address of the large entry by which @vma maps @head; false: none. */
static bool huge_address(const struct kernel *k,
			 const struct vm_area_struct *vma,
			 const struct page *head, va_t *va, pa_t *pmdp)
{
	uint64_t pmd;

	*va = vma->vm_start + ((head->index - vma->vm_pgoff) << PAGE_SHIFT);
	if (head->index < vma->vm_pgoff || *va >= vma->vm_end)
		return false;
	pmd = huge_pmd_at(k, vma->vm_mm, *va, pmdp);
	return pmd && pmd_to_pfn(k, pmd) == page_to_pfn(k, head);
}

bool vma_maps_huge(const struct kernel *k, const struct vm_area_struct *vma,
		   const struct page *head)
{
	pa_t pmdp;
	va_t va;

	return huge_address(k, vma, head, &va, &pmdp);
}

/* The large entries of all who map the page. */
static void split_all_entries(struct kernel *k, struct page *head)
{
	struct anon_vma_chain *avc;
	pa_t pmdp;
	va_t va;

	LIST_FOREACH (avc, &head->anon_vma->chain, same_anon)
		if (huge_address(k, avc->vma, head, &va, &pmdp))
			split_huge_pmd(k, avc->vma, pmdp, va);
}

static bool mlock_mapped(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct page *page = ctx;

	mlock_vma_page(vma->vm_mm->k, page, vma);
	return !(page->flags & PG_mlocked);
}

/* What the head says for all. */
#define SPLIT_FLAGS (PG_swapbacked | PG_dirty | PG_active | PG_referenced)

/* Frame @i of @head is on its own now, with @pins references of others. */
static void split_tail(struct kernel *k, struct page *head, uint64_t i,
		       unsigned pins)
{
	struct page *page = head + i;
	pfn_t pfn = page_to_pfn(k, page);

	if (i)
		page->flags = (page->flags & ~SPLIT_FLAGS) |
			      (head->flags & SPLIT_FLAGS);
	page->_refcount = page->_mapcount + pins;
	page_changed(k, page);
	if (i)
		lruvec_add_folio(k, pfn);
	rmap_walk(k, pfn, mlock_mapped, page);
	if (page->_refcount)
		return;
	page->_refcount = 1;
	put_page(k, pfn);
}

int split_huge_page(struct kernel *k, struct page *head, unsigned pins)
{
	uint64_t nr = compound_nr(head);
	pfn_t pfn = page_to_pfn(k, head);
	bool lru = head->flags & PG_lru;

	if (!(head->flags & PG_anon) || page_huge(k, head) ||
	    head->_refcount != total_mapcount(k, head) + (int32_t)pins) {
		k->vmstat.thp_split_page_failed++;
		return -EBUSY;
	}
	split_all_entries(k, head);
	deferred_split_forget(k, head);
	if (lru)
		page_cache_release(k, pfn);
	destroy_compound_page(k, head);
	if (lru)
		lruvec_add_folio(k, pfn);
	k->vmstat.thp_split_page++;
	for (uint64_t i = nr; i-- > 0;)
		split_tail(k, head, i, i ? 0 : pins);
	kevent(k, .kind = KEV_HANDLER, .func = "split_huge_page",
	       .note = "single frames", .pfn = pfn, .n = 1);
	return 0;
}

/*
 * huge_memory.c - large entries of anonymous memory: at a fault, in munmap,
 * fork, mprotect and mremap (linux 6.1 mm/huge_memory.c).
 *
 *	no entry -------- read --- huge zero page, shared by all
 *	    |    +------- write -- zeroed large page
 *	    |    +------- no such page, or the area has no room: small ones
 *	entry, write to a read-only one -- do_huge_pmd_wp_page
 *	    |  exclusive, or sole owner -- writable again
 *	    +- others, huge zero page ---- split; the small page is copied
 *	entry, rights suffice ------------ accessed (a stale TLB entry)
 *
 * Splitting is in huge_split.c, collapsing in khugepaged.c, the switches in
 * thp.c. Left out: locks, migration entries, NUMA hinting, userfaultfd, DAX,
 * large pages of files and shmem, the shrinker that frees the huge zero page.
 */
#include "kernel/huge_mm.h"

#include <errno.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"

/* --- entries -------------------------------------------------------------- */

/* Bits that mprotect leaves in an entry (linux _HPAGE_CHG_MASK). */
#define HPAGE_CHG_MASK                                                \
	(PTE_PCD | PTE_PWT | PTE_A | PTE_D | PTE_PS | _PAGE_SPECIAL | \
	 _PAGE_SOFT_DIRTY)

uint64_t pfn_pmd(const struct kernel *k, pfn_t pfn, uint64_t prot)
{
	pa_t pa = pfn << PAGE_SHIFT;

	if (!(prot & PTE_P) && k->arch->invert_none)
		return (~pa & PTE_PFN_MASK & ~(hpage_size(k) - 1)) | prot |
		       PTE_PS;
	return paging_address_bits(k->mode, pmd_level(k), pa, true) | prot |
	       PTE_PS;
}

pfn_t pmd_to_pfn(const struct kernel *k, uint64_t pmd)
{
	if (!(pmd & PTE_P) && k->arch->invert_none)
		return (~pmd & PTE_PFN_MASK & ~(hpage_size(k) - 1)) >>
		       PAGE_SHIFT;
	return paging_target(k->mode, pmd_level(k), pmd, true) >> PAGE_SHIFT;
}

struct page *vm_normal_pmd_page(const struct kernel *k, uint64_t pmd)
{
	pfn_t pfn = pmd_to_pfn(k, pmd);
	struct page *page = pfn_to_page(k, pfn);

	if (pfn >= k->max_pfn || !page_compound(page) ||
	    compound_head_slow(k, page) != page || !*compound_mapcount(page))
		return NULL;
	return page;
}

uint64_t huge_pmd_at(const struct kernel *k, const struct mm_struct *mm,
		     va_t va, pa_t *pmdp)
{
	pa_t at = pt_lookup((struct kernel *)k, mm_root(mm), va, pmd_level(k),
			    false);
	uint64_t pmd = at ? pt_get(k, at) : 0;

	if (!pmd_trans_huge(pmd))
		return 0;
	*pmdp = at;
	return pmd;
}

static void set_pmd_at(struct kernel *k, const struct mm_struct *mm, va_t va,
		       pa_t pmdp, uint64_t pmd, const char *why)
{
	pt_set(k, mm->owner_pid, va, pmd_level(k), pmdp, pmd, why);
}

/* The entry of @va, tables above it made as needed and counted; 0: no memory.
 */
static pa_t pmd_alloc_map(struct kernel *k, struct mm_struct *mm, va_t va)
{
	uint64_t before = k->vmstat.pgalloc;
	pa_t pmdp = pt_lookup(k, mm_root(mm), va, pmd_level(k), true);

	mm->pgtables += k->vmstat.pgalloc - before;
	return pmdp;
}

/* --- deposits ------------------------------------------------------------- */

/*
 * A ring through the records of the tables; the record of the PMD table knows
 * the newest. Linux calls the order FIFO: the newest is withdrawn, then the
 * oldest of the others.
 */
static uint64_t *pmd_huge_pte(const struct kernel *k, pa_t pmdp)
{
	return &pfn_to_page(k, pmdp >> PAGE_SHIFT)->private;
}

void pgtable_trans_huge_deposit(struct kernel *k, pa_t pmdp, pfn_t table)
{
	struct page *new = pfn_to_page(k, table), *old;
	uint64_t *ring = pmd_huge_pte(k, pmdp);

	new->next = new->prev = table;
	if (*ring) {
		old = pfn_to_page(k, *ring);
		new->next = old->next;
		new->prev = *ring;
		pfn_to_page(k, old->next)->prev = table;
		old->next = table;
	}
	*ring = table;
}

pfn_t pgtable_trans_huge_withdraw(struct kernel *k, pa_t pmdp)
{
	uint64_t *ring = pmd_huge_pte(k, pmdp);
	pfn_t table = *ring;
	struct page *page = pfn_to_page(k, table);

	if (!table)
		return PFN_NONE;
	*ring = page->next == table ? 0 : page->next;
	pfn_to_page(k, page->next)->prev = page->prev;
	pfn_to_page(k, page->prev)->next = page->next;
	page->next = page->prev = 0;
	return table;
}

unsigned deposited_tables(const struct kernel *k, pa_t pmdp)
{
	uint64_t first = *pmd_huge_pte(k, pmdp), pfn = first;
	unsigned n = 0;

	if (!first)
		return 0;
	do {
		n++;
		pfn = pfn_to_page(k, pfn)->next;
	} while (pfn != first);
	return n;
}

static void zap_deposited_table(struct kernel *k, struct mm_struct *mm,
				pa_t pmdp)
{
	pfn_t table = pgtable_trans_huge_withdraw(k, pmdp);

	if (table == PFN_NONE)
		return;
	pte_free(k, mm_root(mm), table);
	mm->pgtables--;
}

/* --- pages ---------------------------------------------------------------- */

void prep_transhuge_page(struct kernel *k, pfn_t pfn,
			 struct vm_area_struct *vma, va_t haddr)
{
	struct page *head = pfn_to_page(k, pfn);
	uint64_t index = linear_page_index(vma, haddr);

	prep_compound_page(k, pfn, k->thp.order, TRANSHUGE_PAGE_DTOR);
	for (uint64_t i = 0; i < hpage_nr(k); i++) {
		head[i].flags |= PG_anon | PG_swapbacked | PG_uptodate;
		head[i].anon_vma = vma->anon_vma;
		head[i].index = index + i;
	}
	head->flags |= PG_anon_exclusive;
	*compound_mapcount(head) = 1;
	k->thp.nr_anon += hpage_nr(k);
	folio_add_lru(k, pfn);
}

/* The last large entry goes: small ones of some frames may be left. */
static void last_huge_entry(struct kernel *k, struct page *head)
{
	uint64_t nr = hpage_nr(k), unmapped = 0;

	if (!*page_double_map(head))
		return;
	*page_double_map(head) = 0;
	for (uint64_t i = 0; i < nr; i++)
		unmapped += !head[i]._mapcount;
	if (unmapped && unmapped < nr)
		deferred_split_huge_page(k, head);
}

void page_remove_huge_rmap(struct kernel *k, struct page *head)
{
	page_changed(k, head);
	munlock_huge_page(k, head);
	if (--*compound_mapcount(head))
		return;
	k->thp.nr_anon -= hpage_nr(k);
	last_huge_entry(k, head);
}

/* --- mlock ---------------------------------------------------------------- */

void mlock_huge_page(struct kernel *k, struct page *head,
		     const struct vm_area_struct *vma)
{
	if (!vma_mlocks(vma) || (head->flags & PG_mlocked))
		return;
	lru_set_unevictable(k, head, PG_mlocked | PG_unevictable);
	k->nr_mlock += hpage_nr(k);
	k->vmstat.unevictable_pgs_mlocked += hpage_nr(k);
}

/* Does a large entry of a locked area map it? */
static bool mlocked_by_pmd(const struct kernel *k, const struct page *head)
{
	const struct anon_vma_chain *avc;

	LIST_FOREACH (avc, &head->anon_vma->chain, same_anon)
		if (vma_mlocks(avc->vma) && vma_maps_huge(k, avc->vma, head))
			return true;
	return false;
}

void munlock_huge_page(struct kernel *k, struct page *head)
{
	if (!(head->flags & PG_mlocked) || mlocked_by_pmd(k, head))
		return;
	lru_set_unevictable(k, head, 0);
	k->nr_mlock -= hpage_nr(k);
	k->vmstat.unevictable_pgs_munlocked += hpage_nr(k);
}

void mlock_huge_pmd(struct kernel *k, const struct vm_area_struct *vma,
		    uint64_t pmd)
{
	struct page *head = vm_normal_pmd_page(k, pmd);

	if (head && vma_mlocks(vma))
		mlock_huge_page(k, head, vma);
	else if (head)
		munlock_huge_page(k, head);
}

/* --- the huge zero page --------------------------------------------------- */

/* Once there, it stays; each address space that maps it counts once. */
static bool mm_get_huge_zero_page(struct kernel *k, struct mm_struct *mm)
{
	unsigned gfp = (GFP_TRANSHUGE | __GFP_ZERO) & ~__GFP_MOVABLE;
	pfn_t pfn;

	if (mm->huge_zero_page)
		return true;
	if (!k->thp.huge_zero_refs) {
		pfn = alloc_pages(k, gfp, k->thp.order, "huge zero page");
		if (pfn == PFN_NONE) {
			k->vmstat.thp_zero_page_alloc_failed++;
			return false;
		}
		prep_compound_page(k, pfn, k->thp.order, COMPOUND_PAGE_DTOR);
		pfn_to_page(k, pfn)->flags |= PG_zeropage;
		k->thp.huge_zero = pfn;
		k->thp.huge_zero_refs = 1; /* the shrinker's */
		k->vmstat.thp_zero_page_alloc++;
	}
	k->thp.huge_zero_refs++;
	mm->huge_zero_page = true;
	return true;
}

void mm_put_huge_zero_page(struct kernel *k, struct mm_struct *mm)
{
	k->thp.huge_zero_refs -= mm->huge_zero_page;
	mm->huge_zero_page = false;
}

/* --- faults --------------------------------------------------------------- */

/* What was done, once it is: after the entry was written. */
static void report(const struct vm_fault *vmf, const char *func,
		   const char *note, pfn_t pfn)
{
	va_t haddr = hpage_start(vmf->k, vmf->address);

	kevent(vmf->k, .kind = KEV_HANDLER, .func = func, .note = note,
	       .pid = vmf->vma->vm_mm->owner_pid, .va = haddr,
	       .end = haddr + hpage_size(vmf->k), .pfn = pfn, .n = 1);
}

static bool transhuge_vma_suitable(const struct kernel *k,
				   const struct vm_area_struct *vma, va_t haddr)
{
	return haddr >= vma->vm_start && haddr + hpage_size(k) <= vma->vm_end;
}

/* All but anon_vma. @whole: it has room for a large page somewhere. */
static bool vma_may_have_huge(const struct kernel *k,
			      const struct vm_area_struct *vma, bool whole,
			      bool enforce_sysfs)
{
	if ((vma->vm_flags & VM_NOHUGEPAGE) || vma->vm_mm->thp_disable ||
	    !has_transparent_hugepage(k) ||
	    (vma->vm_flags & (VM_SPECIAL | VM_HUGETLB)))
		return false;
	if (whole && !transhuge_vma_suitable(k, vma,
					     hpage_start(k, vma->vm_end) -
						     hpage_size(k)))
		return false;
	return !vma->vm_ops && (!enforce_sysfs || vma_wants_huge(k, vma));
}

bool hugepage_vma_check(const struct kernel *k,
			const struct vm_area_struct *vma, bool in_pf,
			bool enforce_sysfs)
{
	return vma_may_have_huge(k, vma, !in_pf, enforce_sysfs) &&
	       (vma->anon_vma || in_pf);
}

bool thp_eligible(const struct kernel *k, const struct vm_area_struct *vma)
{
	return vma_may_have_huge(k, vma, true, true);
}

static unsigned set_huge_zero_page(struct vm_fault *vmf, pa_t pmdp, va_t haddr)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	pfn_t table = pte_alloc_one(k, mm_root(vma->vm_mm));

	if (table == PFN_NONE)
		return VM_FAULT_OOM;
	if (!mm_get_huge_zero_page(k, vma->vm_mm)) {
		pte_free(k, mm_root(vma->vm_mm), table);
		k->vmstat.thp_fault_fallback++;
		return VM_FAULT_FALLBACK;
	}
	pgtable_trans_huge_deposit(k, pmdp, table);
	vma->vm_mm->pgtables++;
	set_pmd_at(k, vma->vm_mm, haddr, pmdp,
		   pfn_pmd(k, k->thp.huge_zero, vma->vm_page_prot),
		   "huge zero");
	report(vmf, "do_huge_pmd_anonymous_page", "huge zero page",
	       k->thp.huge_zero);
	return 0;
}

static void map_new_huge_page(struct vm_fault *vmf, pa_t pmdp, va_t haddr,
			      pfn_t pfn, pfn_t table)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	uint64_t pmd = pfn_pmd(k, pfn, vma->vm_page_prot);

	prep_transhuge_page(k, pfn, vma, haddr);
	mlock_huge_page(k, pfn_to_page(k, pfn), vma);
	pgtable_trans_huge_deposit(k, pmdp, table);
	vma->vm_mm->pgtables++;
	vma->vm_mm->rss[MM_ANONPAGES] += hpage_nr(k);
	set_pmd_at(k, vma->vm_mm, haddr, pmdp,
		   maybe_mkwrite(vma, pte_mkdirty(k, pmd)), "anon huge");
	k->vmstat.thp_fault_alloc++;
	report(vmf, "do_huge_pmd_anonymous_page", "zeroed large page", pfn);
}

static unsigned do_huge_pmd_anonymous_page(struct vm_fault *vmf, pa_t pmdp)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	va_t haddr = hpage_start(k, vmf->address);
	pfn_t pfn, table;

	if (!transhuge_vma_suitable(k, vma, haddr))
		return VM_FAULT_FALLBACK;
	if (anon_vma_prepare(k, vma))
		return VM_FAULT_OOM;
	if (!(vmf->flags & FAULT_FLAG_WRITE) && k->thp.use_zero_page)
		return set_huge_zero_page(vmf, pmdp, haddr);
	pfn = alloc_pages(k, vma_thp_gfp_mask(k, vma) | __GFP_ZERO,
			  k->thp.order, "anon huge");
	if (pfn == PFN_NONE) {
		k->vmstat.thp_fault_fallback++;
		return VM_FAULT_FALLBACK;
	}
	table = pte_alloc_one(k, mm_root(vma->vm_mm));
	if (table == PFN_NONE) {
		free_pages(k, pfn, k->thp.order);
		return VM_FAULT_OOM;
	}
	map_new_huge_page(vmf, pmdp, haddr, pfn, table);
	return 0;
}

void compound_move_anon_rmap(struct kernel *k, struct page *page,
			     struct anon_vma *av)
{
	struct page *head = compound_head(k, page);

	for (uint64_t i = 0; i < compound_nr(head); i++)
		head[i].anon_vma = av;
}

static bool can_reuse(struct vm_fault *vmf, uint64_t pmd)
{
	struct page *head = vm_normal_pmd_page(vmf->k, pmd);

	if (!head || is_huge_zero_pmd(vmf->k, pmd))
		return false;
	if (head->flags & PG_anon_exclusive)
		return true;
	if (head->_refcount != 1)
		return false;
	page_move_anon_rmap(vmf->k, page_to_pfn(vmf->k, head), vmf->vma);
	return true;
}

static unsigned do_huge_pmd_wp_page(struct vm_fault *vmf, pa_t pmdp,
				    uint64_t pmd)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	va_t haddr = hpage_start(k, vmf->address);

	if (!can_reuse(vmf, pmd)) {
		split_huge_pmd(k, vma, pmdp, haddr);
		return VM_FAULT_FALLBACK;
	}
	set_pmd_at(k, vma->vm_mm, haddr, pmdp,
		   maybe_mkwrite(vma, pte_mkdirty(k, pmd | PTE_A)),
		   "huge reuse");
	report(vmf, "do_huge_pmd_wp_page", "large page reused",
	       pmd_to_pfn(k, pmd));
	return 0;
}

static unsigned huge_pmd_set_accessed(struct vm_fault *vmf, pa_t pmdp,
				      uint64_t pmd)
{
	struct kernel *k = vmf->k;
	uint64_t new = pmd | PTE_A;
	va_t haddr = hpage_start(k, vmf->address);

	if (vmf->flags & FAULT_FLAG_WRITE)
		new = pte_mkdirty(k, new);
	if (new != pmd)
		set_pmd_at(k, vmf->vma->vm_mm, haddr, pmdp, new, "young");
	report(vmf, "huge_pmd_set_accessed", "spurious", pmd_to_pfn(k, pmd));
	flush_tlb_page(k, mm_root(vmf->vma->vm_mm), haddr);
	return 0;
}

unsigned huge_pmd_fault(struct vm_fault *vmf)
{
	struct kernel *k = vmf->k;
	pa_t pmdp = pmd_alloc_map(k, vmf->vma->vm_mm, vmf->address);
	uint64_t pmd;

	if (!pmdp)
		return VM_FAULT_OOM;
	pmd = pt_get(k, pmdp);
	if (!pmd && hugepage_vma_check(k, vmf->vma, true, true))
		return do_huge_pmd_anonymous_page(vmf, pmdp);
	if (!pmd_trans_huge(pmd))
		return VM_FAULT_FALLBACK;
	if ((vmf->flags & FAULT_FLAG_WRITE) && !(pmd & PTE_RW))
		return do_huge_pmd_wp_page(vmf, pmdp, pmd);
	return huge_pmd_set_accessed(vmf, pmdp, pmd);
}

/* --- ranges --------------------------------------------------------------- */

void zap_huge_pmd(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		  va_t haddr)
{
	struct mm_struct *mm = vma->vm_mm;
	uint64_t pmd = pt_get(k, pmdp);
	struct page *head = vm_normal_pmd_page(k, pmd);

	set_pmd_at(k, mm, haddr, pmdp, 0, "zap huge");
	if (head)
		page_remove_huge_rmap(k, head);
	zap_deposited_table(k, mm, pmdp);
	if (!head)
		return;
	mm->rss[MM_ANONPAGES] -= hpage_nr(k);
	put_page(k, page_to_pfn(k, head));
}

/* The child counts as one more that maps the page behind @pmd. */
static void dup_huge_page(struct kernel *k, struct mm_struct *dst, uint64_t pmd)
{
	struct page *head = vm_normal_pmd_page(k, pmd);

	if (is_huge_zero_pmd(k, pmd))
		mm_get_huge_zero_page(k, dst);
	if (!head)
		return;
	head->_refcount++;
	++*compound_mapcount(head);
	head->flags &= ~PG_anon_exclusive;
	page_changed(k, head);
	dst->rss[MM_ANONPAGES] += hpage_nr(k);
}

int copy_huge_pmd(struct kernel *k, struct mm_struct *dst,
		  struct vm_area_struct *src, pa_t src_pmdp, va_t haddr)
{
	pa_t pmdp = pmd_alloc_map(k, dst, haddr);
	uint64_t pmd = pt_get(k, src_pmdp);
	pfn_t table = pmdp ? pte_alloc_one(k, mm_root(dst)) : PFN_NONE;

	if (table == PFN_NONE)
		return -ENOMEM;
	dup_huge_page(k, dst, pmd);
	dst->pgtables++;
	pgtable_trans_huge_deposit(k, pmdp, table);
	if (pmd & PTE_RW)
		set_pmd_at(k, src->vm_mm, haddr, src_pmdp, pmd & ~PTE_RW,
			   "fork");
	pt_set_raw(k, pmdp, pmd & ~(PTE_RW | PTE_A));
	return 0;
}

bool change_huge_pmd(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		     va_t haddr)
{
	uint64_t old = pt_get(k, pmdp), pmd;

	pmd = pfn_pmd(k, pmd_to_pfn(k, old),
		      (old & HPAGE_CHG_MASK) |
			      (vma->vm_page_prot & ~HPAGE_CHG_MASK));
	if (pmd == old)
		return false;
	set_pmd_at(k, vma->vm_mm, haddr, pmdp, pmd, "mprotect");
	return true;
}

int move_huge_pmd(struct kernel *k, struct mm_struct *mm, va_t old, va_t new)
{
	pa_t to = pmd_alloc_map(k, mm, new), from;
	uint64_t pmd = huge_pmd_at(k, mm, old, &from);
	pfn_t table;

	if (!to)
		return -ENOMEM;
	if (!pmd || pt_get(k, to))
		return -EEXIST;
	table = pgtable_trans_huge_withdraw(k, from);
	set_pmd_at(k, mm, old, from, 0, "mremap");
	if (table != PFN_NONE)
		pgtable_trans_huge_deposit(k, to, table);
	set_pmd_at(k, mm, new, to,
		   k->arch->softdirty ? pmd | _PAGE_SOFT_DIRTY : pmd, "mremap");
	flush_tlb_page(k, mm_root(mm), old);
	return 0;
}

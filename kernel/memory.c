/*
 * memory.c - what happens in a page fault, in fork, in munmap, to the entries
 * of a page table (linux 6.1 mm/memory.c).
 *
 * The cases of a fault, as handle_pte_fault() tells them apart:
 *
 *	no entry ----- anonymous ---- read --- do_anonymous_page: zero page
 *	    |               +-------- write -- do_anonymous_page: zeroed frame
 *	    +--------- file --------- read --- do_read_fault: cached pages
 *	                    |                  around it, or ->fault
 *	                    +- private write - do_cow_fault: copy of the page
 *	                    +- shared write -- do_shared_fault: page itself
 *	entry of a page in swap -------------- do_swap_page (swap_pte.c)
 *	entry, write to a read-only page ----- do_wp_page
 *	    |  shared ----------------------- wp_page_shared: now writable
 *	    |  private, sole owner ---------- wp_page_reuse:  now writable
 *	    +- private, others or file ------ wp_page_copy:   copy-on-write
 *	entry, rights suffice ---------------- spurious (a stale TLB entry)
 *
 * Large entries are huge_memory.c's, areas of hugetlb hugetlb.c's.
 *
 * Left out: locks and retries, NUMA hinting, userfaultfd,
 * memcg, migration, KSM, page-table sharing, mmu notifiers.
 */
#include <errno.h>
#include <string.h>

#include "kernel/huge_mm.h"
#include "kernel/hugetlb.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* --- finding entries ------------------------------------------------------ */

/* A table that the kernel made; poked entries are not followed (pmd_bad). */
static bool is_table(const struct kernel *k, uint64_t entry)
{
	pfn_t pfn = (entry & PTE_PFN_MASK) >> PAGE_SHIFT;

	return (entry & PTE_P) && pfn < k->max_pfn &&
	       (k->mem_map[pfn].flags & PG_table);
}

/* The first address behind the entry of @va that a used one may serve. */
static va_t next_entry(const struct kernel *k, unsigned level, pa_t table,
		       va_t va)
{
	const struct paging_level *l = &k->mode->level[level];
	unsigned i = paging_index(k->mode, level, va), from = i;
	const uint8_t *e = k->ram->host + table;

	do
		i++;
	while (i < 1u << l->bits && !ptep_get(k, e + i * k->mode->entry_size));
	return ((va >> l->shift) + (i - from)) << l->shift;
}

/*
 * The lowest table that serves @va, in *table. False: there is none, and *skip
 * is the first address that another one may serve; *table is then the large
 * PMD entry of @va, or 0.
 */
static bool find_table(const struct kernel *k, pa_t root, va_t va, pa_t *table,
		       va_t *skip)
{
	const struct paging_mode *mode = k->mode;

	*table = root;
	for (unsigned level = 0; level < k->pte_level; level++) {
		const struct paging_level *l = &mode->level[level];
		pa_t at = *table + paging_index(mode, level, va) *
					   mode->entry_size;
		uint64_t e = ptep_get(k, k->ram->host + at);

		if (!is_table(k, e) || (l->may_map && (e & PTE_PS))) {
			bool huge = level == pmd_level(k) && pmd_trans_huge(e);

			*skip = huge ? ((va >> l->shift) + 1) << l->shift :
				       next_entry(k, level, *table, va);
			*table = huge ? at : 0;
			return false;
		}
		*table = e & PTE_PFN_MASK;
	}
	return true;
}

/* The entries of @from to @end in @table. */
static void fill_range(const struct kernel *k, pa_t table, va_t from, va_t end,
		       struct pte_range *ret)
{
	unsigned shift = k->mode->level[k->pte_level - 1].shift;

	ret->huge = false;
	ret->va = from;
	ret->end = ((from >> shift) + 1) << shift;
	if (ret->end > end)
		ret->end = end;
	ret->ptep = k->ram->host + table +
		    paging_index(k->mode, k->pte_level, from) *
			    k->mode->entry_size;
}

bool next_pte_range(const struct kernel *k, pa_t root, va_t from, va_t end,
		    struct pte_range *ret)
{
	pa_t table = 0;

	while (from < end && !find_table(k, root, from, &table, &from))
		;
	if (from >= end)
		return false;
	fill_range(k, table, from, end, ret);
	return true;
}

bool next_pmd_range(const struct kernel *k, pa_t root, va_t from, va_t end,
		    struct pte_range *ret)
{
	va_t skip = from;
	pa_t table = 0;

	for (; from < end; from = skip) {
		if (find_table(k, root, from, &table, &skip)) {
			fill_range(k, table, from, end, ret);
			return true;
		}
		if (!table)
			continue;
		*ret = (struct pte_range){ k->ram->host + table, from,
					   skip < end ? skip : end, true };
		return true;
	}
	return false;
}

uint8_t *pte_alloc_map(struct kernel *k, struct mm_struct *mm, va_t va)
{
	uint64_t before = k->vmstat.pgalloc;
	pa_t pa = pt_lookup(k, mm_root(mm), va, k->pte_level, true);

	mm->pgtables += k->vmstat.pgalloc - before;
	return pa ? ram_ptr(k->ram, pa) : NULL;
}

/* --- removing entries ----------------------------------------------------- */

/* Large entries only: an INVLPG for each. */
static void flush_tlb_large(struct kernel *k, const struct mm_struct *mm,
			    va_t start, va_t end)
{
	va_t size = hpage_size(k);

	if ((end - start) / size > TLB_FLUSH_CEILING)
		flush_tlb_mm(k, mm_root(mm));
	for (va_t va = start;
	     va < end && (end - start) / size <= TLB_FLUSH_CEILING; va += size)
		flush_tlb_page(k, mm_root(mm), va);
}

void flush_tlb_range(struct kernel *k, const struct mm_struct *mm, va_t start,
		     va_t end, uint64_t nr)
{
	if (nr % NR_LARGE)
		flush_tlb_mm_range(k, mm_root(mm), start, end, false);
	else if (nr)
		flush_tlb_large(k, mm, start, end);
}

/* What the entry knew, the page of a file must know from now on. */
static inline void zap_file_page(struct kernel *k,
				 const struct vm_area_struct *vma,
				 struct page *page, uint64_t pte)
{
	if (pte & PTE_D)
		page->flags |= PG_dirty;
	if ((pte & PTE_A) && !(vma->vm_flags & VM_SEQ_READ))
		mark_page_accessed(k, page_to_pfn(k, page));
}

static void zap_special_page(struct kernel *k, struct page *page)
{
	if (page_compound(page))
		compound_page_unmapped(k, page);
	if (page->flags & PG_swapcache)
		free_swap_cache(k, page_to_pfn(k, page));
	put_page(k, page_to_pfn(k, page));
}

/* One entry goes: its page loses a mapper, and perhaps its life. */
static void zap_pte(struct kernel *k, struct vm_area_struct *vma, uint64_t pte)
{
	struct page *page;

	if (!pte_present(pte)) {
		zap_swap_pte(k, vma->vm_mm, pte);
		return;
	}
	page = vm_normal_page(k, pte);
	if (!page)
		return;
	if (!(page->flags & PG_anon))
		zap_file_page(k, vma, page, pte);
	vma->vm_mm->rss[mm_counter(page)]--;
	page->_mapcount--;
	page_changed(k, page);
	munlock_vma_page(k, page, vma);
	if (__builtin_expect(page->flags & (PG_compound | PG_swapcache), 0))
		zap_special_page(k, page);
	else if (page->_refcount > 1)	/* put_page(), the usual case */
		page->_refcount--;
	else
		put_page(k, page_to_pfn(k, page));
}

/* Does the entry map a copy of the process' own? */
static bool is_cowed(const struct kernel *k, uint64_t pte)
{
	const struct page *page = vm_normal_page(k, pte);

	return !pte_present(pte) || (page && (page->flags & PG_anon));
}

static uint64_t zap_pte_range(struct kernel *k, struct vm_area_struct *vma,
			      const struct pte_range *r, bool even_cows)
{
	unsigned size = k->mode->entry_size;
	uint8_t *ptep = r->ptep;
	uint64_t pte, nr = 0;

	for (va_t va = r->va; va < r->end; va += PAGE_SIZE, ptep += size) {
		pte = ptep_get(k, ptep);
		if (!pte || (!even_cows && is_cowed(k, pte)))
			continue;
		set_pte_at(k, vma->vm_mm, va, ptep, 0, "zap");
		zap_pte(k, vma, pte);
		nr++;
	}
	return nr;
}

/* All that a large entry maps goes, or it is split: then look again. */
static uint64_t zap_pmd_range(struct kernel *k, struct vm_area_struct *vma,
			      struct pte_range *r)
{
	pa_t pmdp = ptep_pa(k, r->ptep);

	if (is_vm_hugetlb_page(vma)) {
		zap_huge_pte(k, vma, pmdp, hpage_start(k, r->va));
		return NR_LARGE;
	}
	if (whole_pmd(k, r->va, r->end)) {
		zap_huge_pmd(k, vma, pmdp, r->va);
		return NR_LARGE;
	}
	split_huge_pmd(k, vma, pmdp, hpage_start(k, r->va));
	r->end = r->va;
	return 0;
}

static uint64_t zap_range(struct kernel *k, struct vm_area_struct *vma,
			  va_t start, va_t end, bool even_cows)
{
	struct mm_struct *mm = vma->vm_mm;
	struct pte_range r;
	uint64_t nr = 0;

	update_hiwater_rss(mm);
	for (va_t va = start; next_pmd_range(k, mm_root(mm), va, end, &r);
	     va = r.end)
		if (r.huge)
			nr += zap_pmd_range(k, vma, &r);
		else
			nr += zap_pte_range(k, vma, &r, even_cows);
	return nr;
}

uint64_t unmap_page_range(struct kernel *k, struct vm_area_struct *vma,
			  va_t start, va_t end)
{
	return zap_range(k, vma, start, end, true);
}

void zap_file_pages(struct kernel *k, struct vm_area_struct *vma, va_t start,
		    va_t end, bool even_cows)
{
	uint64_t nr = zap_range(k, vma, start, end, even_cows);

	flush_tlb_range(k, vma->vm_mm, start, end, nr);
}

void zap_page_range(struct kernel *k, struct vm_area_struct *vma, va_t start,
		    va_t end)
{
	uint64_t nr;

	lru_add_drain(k);
	nr = unmap_page_range(k, vma, start, end);
	flush_tlb_range(k, vma->vm_mm, start, end, nr);
}

/* --- fork ----------------------------------------------------------------- */

struct copy {
	struct kernel *k;
	struct mm_struct *dst, *src;
	bool cow;		/* private and may be written: protect both */
	bool shared;
	uint64_t rss[NR_MM_COUNTERS], nr;
	int err;
};

/* Counts the child as a mapper of the page behind @pte. */
static inline void copy_page_ref(struct copy *c, uint64_t pte)
{
	struct page *page = vm_normal_page(c->k, pte);

	if (!page)
		return;
	compound_head(c->k, page)->_refcount++;
	page->_mapcount++;
	page->flags &= ~PG_anon_exclusive;
	page_changed(c->k, page);
	c->rss[mm_counter(page)]++;
}

static inline uint64_t copy_present_pte(struct copy *c, va_t va, uint8_t *src,
					uint64_t pte)
{
	copy_page_ref(c, pte);
	if (c->cow && (pte & PTE_RW)) {
		pte &= ~PTE_RW;
		set_pte_at(c->k, c->src, va, src, pte, "fork");
	}
	if (c->shared)
		pte &= ~PTE_D;
	return pte & ~PTE_A;
}

/* An entry of a page in swap: the child's, or 0 if it gets none. */
static uint64_t copy_nonpresent_pte(struct copy *c, va_t va, uint8_t *src)
{
	uint64_t pte = ptep_get(c->k, src);

	if (!swap_pte_ok(c->k, pte))
		return 0;
	pte = copy_swap_pte(c->k, c->src, va, src);
	if (pte)
		c->rss[MM_SWAPENTS]++;
	else
		c->err = -ENOMEM;
	return pte;
}

static void copy_pte_range(struct copy *c, const struct pte_range *r,
			   uint8_t *dst)
{
	unsigned size = c->k->mode->entry_size;
	uint8_t *src = r->ptep;
	uint64_t pte;

	for (va_t va = r->va; va < r->end;
	     va += PAGE_SIZE, src += size, dst += size) {
		pte = ptep_get(c->k, src);
		if (!pte)
			continue;
		if (__builtin_expect(pte_present(pte), 1))
			pte = copy_present_pte(c, va, src, pte);
		else
			pte = copy_nonpresent_pte(c, va, src);
		if (!pte)
			continue;
		ptep_put(c->k, dst, pte);
		c->nr++;
	}
}

/*
 * What a fault can bring back is not copied: areas that never had a page of
 * their own. Zero pages and file pages then fault again in the child.
 */
static bool vma_needs_copy(const struct vm_area_struct *src)
{
	return (src->vm_flags & VM_PFNMAP) || src->anon_vma;
}

static int copy_range(struct copy *c, struct vm_area_struct *src,
		      const struct pte_range *r)
{
	uint8_t *ptep;

	if (r->huge) {
		c->nr += hpage_nr(c->k);
		if (is_vm_hugetlb_page(src))
			return copy_huge_pte(c->k, c->dst, src,
					     ptep_pa(c->k, r->ptep), r->va);
		return copy_huge_pmd(c->k, c->dst, src, ptep_pa(c->k, r->ptep),
				     r->va);
	}
	ptep = pte_alloc_map(c->k, c->dst, r->va);
	if (!ptep)
		return -ENOMEM;
	copy_pte_range(c, r, ptep);
	return c->err;
}

int copy_page_range(struct kernel *k, struct vm_area_struct *dst,
		    struct vm_area_struct *src)
{
	struct copy c = { .k = k, .dst = dst->vm_mm, .src = src->vm_mm,
			  .shared = src->vm_flags & VM_SHARED,
			  .cow = (src->vm_flags & (VM_SHARED | VM_MAYWRITE)) ==
				 VM_MAYWRITE };
	struct pte_range r;

	if (!vma_needs_copy(src))
		return 0;
	for (va_t va = src->vm_start;
	     !c.err && next_pmd_range(k, mm_root(c.src), va, src->vm_end, &r);
	     va = r.end)
		c.err = copy_range(&c, src, &r);
	for (int i = 0; i < NR_MM_COUNTERS; i++)
		c.dst->rss[i] += c.rss[i];
	kevent(k, .kind = KEV_HANDLER, .func = "copy_page_range",
	       .va = src->vm_start, .end = src->vm_end, .n = c.nr,
	       .pid = c.dst->owner_pid);
	return c.err;
}

/* --- faults --------------------------------------------------------------- */

/* What was done, once it is: after the PTE was written. */
static void report(const struct vm_fault *vmf, const char *func,
		   const char *note, pfn_t old, pfn_t pfn, unsigned mappers)
{
	kevent(vmf->k, .kind = KEV_HANDLER, .func = func, .note = note,
	       .pid = vmf->vma->vm_mm->owner_pid, .va = vmf->address,
	       .end = vmf->address + PAGE_SIZE, .old_pfn = old, .pfn = pfn,
	       .n = mappers);
}

/* Anonymous memory, first touch. */
static unsigned do_anonymous_page(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	uint64_t pte;
	pfn_t pfn;

	if (!(vmf->flags & FAULT_FLAG_WRITE)) {
		pte = pfn_pte(k, k->zero_pfn, vma->vm_page_prot) | _PAGE_SPECIAL;
		set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, pte, "zero");
		report(vmf, "do_anonymous_page", "zero page", 0, k->zero_pfn, 0);
		return 0;
	}
	if (anon_vma_prepare(k, vma))
		return VM_FAULT_OOM;
	pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE | __GFP_ZERO, 0, "anon");
	if (pfn == PFN_NONE)
		return VM_FAULT_OOM;
	pte = pfn_pte(k, pfn, vma->vm_page_prot);
	if (vma->vm_flags & VM_WRITE)
		pte = pte_mkdirty(k, pte) | PTE_RW;
	vma->vm_mm->rss[MM_ANONPAGES]++;
	page_add_anon_rmap(k, pfn, vma, vmf->address);
	folio_add_lru(k, pfn);
	set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, pte, "anon");
	report(vmf, "do_anonymous_page", "zeroed frame", 0, pfn, 0);
	return 0;
}

static bool fault_failed(unsigned ret)
{
	return ret & (VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV);
}

void do_set_pte(struct vm_fault *vmf, pfn_t pfn, va_t va, uint8_t *ptep)
{
	struct vm_area_struct *vma = vmf->vma;
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	uint64_t pte = pfn_pte(vmf->k, pfn, vma->vm_page_prot);

	if (write)
		pte = maybe_mkwrite(vma, pte_mkdirty(vmf->k, pte));
	if (write && !(vma->vm_flags & VM_SHARED)) {
		vma->vm_mm->rss[MM_ANONPAGES]++;
		page_add_anon_rmap(vmf->k, pfn, vma, va);
		folio_add_lru(vmf->k, pfn);
	} else {
		vma->vm_mm->rss[mm_counter(pfn_to_page(vmf->k, pfn))]++;
		page_add_file_rmap(vmf->k, pfn, vma);
	}
	set_pte_at(vmf->k, vma->vm_mm, va, ptep, pte, "fault");
}

/*
 * Maps what the cache has near the address: a window of 16 pages from an
 * aligned virtual address, cut off by the area and the page table.
 */
static unsigned do_fault_around(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	va_t from = ALIGN_DOWN(vmf->address,
			       (va_t)FAULT_AROUND_PAGES << PAGE_SHIFT);
	unsigned shift = vmf->k->mode->level[vmf->k->pte_level - 1].shift;
	va_t end = ((vmf->address >> shift) + 1) << shift;

	if (from < vma->vm_start)
		from = vma->vm_start;
	if (end > vma->vm_end)
		end = vma->vm_end;
	if (end > from + (FAULT_AROUND_PAGES << PAGE_SHIFT))
		end = from + (FAULT_AROUND_PAGES << PAGE_SHIFT);
	return vma->vm_ops->map_pages(vmf, linear_page_index(vma, from),
				      linear_page_index(vma, end));
}

/* A frame without a struct page behind it that counts: [vvar]. */
static unsigned insert_pfn(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned ret = vmf->vma->vm_ops->fault(vmf);

	if (fault_failed(ret))
		return ret;
	set_pte_at(vmf->k, vma->vm_mm, vmf->address, vmf->pte,
		   pfn_pte(vmf->k, vmf->page, vma->vm_page_prot) |
			   _PAGE_SPECIAL, "pfn");
	put_page(vmf->k, vmf->page);
	return ret | VM_FAULT_NOPAGE;
}

/*
 * What is cached is mapped around the address. If the page had to be read,
 * the attempt is repeated as Linux does after it waited for the disk, so
 * that its readahead is mapped too.
 */
static unsigned do_read_fault(struct vm_fault *vmf)
{
	bool around = vmf->vma->vm_ops->map_pages;
	unsigned ret;

	if (vmf->vma->vm_flags & VM_PFNMAP)
		return insert_pfn(vmf);
	if (around && do_fault_around(vmf)) {
		report(vmf, "do_read_fault", "page cache hit", 0,
		       pte_to_pfn(vmf->k, ptep_get(vmf->k, vmf->pte)), 0);
		return VM_FAULT_NOPAGE;
	}
	ret = vmf->vma->vm_ops->fault(vmf);
	if (fault_failed(ret))
		return ret;
	if (around && (ret & VM_FAULT_MAJOR) && do_fault_around(vmf))
		put_page(vmf->k, vmf->page);
	else
		do_set_pte(vmf, vmf->page, vmf->address, vmf->pte);
	report(vmf, "do_read_fault", vmf->note, 0, vmf->page, 0);
	return ret;
}

static unsigned do_cow_fault(struct vm_fault *vmf)
{
	struct kernel *k = vmf->k;
	unsigned ret;

	if (anon_vma_prepare(k, vmf->vma))
		return VM_FAULT_OOM;
	vmf->cow_page = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "cow");
	if (vmf->cow_page == PFN_NONE)
		return VM_FAULT_OOM;
	ret = vmf->vma->vm_ops->fault(vmf);
	if (fault_failed(ret)) {
		put_page(k, vmf->cow_page);
		return ret;
	}
	memcpy(page_bytes(k, vmf->cow_page), page_bytes(k, vmf->page),
	       PAGE_SIZE);
	do_set_pte(vmf, vmf->cow_page, vmf->address, vmf->pte);
	report(vmf, "do_cow_fault", "private copy of the file's page",
	       vmf->page, vmf->cow_page, 0);
	put_page(k, vmf->page);
	return ret;
}

static unsigned do_page_mkwrite(struct vm_fault *vmf, pfn_t pfn)
{
	const struct vm_operations_struct *ops = vmf->vma->vm_ops;

	if (ops && ops->page_mkwrite)
		return ops->page_mkwrite(vmf->k, pfn);
	return 0;
}

static unsigned do_shared_fault(struct vm_fault *vmf)
{
	unsigned ret = vmf->vma->vm_ops->fault(vmf);

	if (fault_failed(ret))
		return ret;
	ret |= do_page_mkwrite(vmf, vmf->page);
	if (fault_failed(ret)) {
		put_page(vmf->k, vmf->page);
		return ret;
	}
	do_set_pte(vmf, vmf->page, vmf->address, vmf->pte);
	report(vmf, "do_shared_fault", vmf->note, 0, vmf->page, 0);
	pfn_to_page(vmf->k, vmf->page)->flags |= PG_dirty;
	return ret;
}

static unsigned do_fault(struct vm_fault *vmf)
{
	if (!(vmf->flags & FAULT_FLAG_WRITE))
		return do_read_fault(vmf);
	if (!(vmf->vma->vm_flags & VM_SHARED))
		return do_cow_fault(vmf);
	return do_shared_fault(vmf);
}

/* --- copy-on-write -------------------------------------------------------- */

static void wp_page_reuse(struct vm_fault *vmf, const char *note)
{
	struct kernel *k = vmf->k;
	uint64_t pte = pte_mkdirty(k, vmf->orig_pte) | PTE_A;

	k->vmstat.pgreuse++;
	set_pte_at(k, vmf->vma->vm_mm, vmf->address, vmf->pte,
		   maybe_mkwrite(vmf->vma, pte), "wp_page_reuse");
	report(vmf, "do_wp_page", note, pte_to_pfn(k, pte), pte_to_pfn(k, pte),
	       1);
}

/* The frame for a copy, filled: of the zero page it is a zeroed one. */
static pfn_t copy_frame(struct vm_fault *vmf, pfn_t old)
{
	struct kernel *k = vmf->k;
	bool zero = old == k->zero_pfn;
	unsigned gfp = GFP_HIGHUSER_MOVABLE | (zero ? __GFP_ZERO : 0);
	pfn_t new = alloc_pages(k, gfp, 0, "cow");

	if (new != PFN_NONE && !zero && pfn_valid(k, old))
		memcpy(page_bytes(k, new), page_bytes(k, old), PAGE_SIZE);
	return new;
}

static unsigned wp_page_copy(struct vm_fault *vmf, struct page *page)
{
	struct vm_area_struct *vma = vmf->vma;
	struct kernel *k = vmf->k;
	pfn_t old = pte_to_pfn(k, vmf->orig_pte), new;
	uint64_t pte;

	if (anon_vma_prepare(k, vma))
		return VM_FAULT_OOM;
	/* Compaction may have moved the page meanwhile: fault again. */
	if (ptep_get(k, vmf->pte) != vmf->orig_pte)
		return 0;
	new = copy_frame(vmf, old);
	if (new == PFN_NONE)
		return VM_FAULT_OOM;
	pte = maybe_mkwrite(vma, pte_mkdirty(k, pfn_pte(k, new,
							vma->vm_page_prot)));
	if (page)
		vma->vm_mm->rss[mm_counter(page)]--;
	vma->vm_mm->rss[MM_ANONPAGES]++;
	page_add_anon_rmap(k, new, vma, vmf->address);
	folio_add_lru(k, new);
	set_pte_at(k, vma->vm_mm, vmf->address, vmf->pte, pte, "wp_page_copy");
	report(vmf, "do_wp_page", page ? "copied" : "zero page replaced", old,
	       new, page ? page->_mapcount : 0);
	flush_tlb_page(k, mm_root(vma->vm_mm), vmf->address);
	if (page) {
		page_remove_rmap(k, old, vma);
		free_swap_cache(k, old);
		put_page(k, old);
	}
	return 0;
}

static unsigned wp_page_shared(struct vm_fault *vmf, struct page *page)
{
	unsigned ret = do_page_mkwrite(vmf, page_to_pfn(vmf->k, page));

	if (fault_failed(ret))
		return ret;
	page->flags |= PG_dirty;
	wp_page_reuse(vmf, "shared, made writable");
	return 0;
}

/* Has nobody else the page? It loses its slot in swap, if that is why not. */
static bool sole_owner(struct kernel *k, struct page *page)
{
	if (page_count(k, page) > 1 + !!(page->flags & PG_swapcache))
		return false;
	if (page->flags & PG_swapcache)
		try_to_free_swap(k, page_to_pfn(k, page));
	return page_count(k, page) == 1;
}

/*
 * A write to a present read-only page. An anonymous page that is known to be
 * exclusive, or to which no other reference exists, is reused.
 */
unsigned do_wp_page(struct vm_fault *vmf)
{
	struct page *page = vm_normal_page(vmf->k, vmf->orig_pte);

	if (vmf->vma->vm_flags & VM_SHARED) {
		if (page)
			return wp_page_shared(vmf, page);
		wp_page_reuse(vmf, "shared frame, made writable");
		return 0;
	}
	if (page && (page->flags & PG_anon)) {
		if (page->flags & PG_anon_exclusive) {
			wp_page_reuse(vmf, "reused, exclusive");
			return 0;
		}
		if (sole_owner(vmf->k, page)) {
			page_move_anon_rmap(vmf->k, page_to_pfn(vmf->k, page),
					    vmf->vma);
			wp_page_reuse(vmf, "reused, sole owner");
			return 0;
		}
	}
	return wp_page_copy(vmf, page);
}

static unsigned handle_pte_fault(struct vm_fault *vmf)
{
	uint64_t pte = vmf->orig_pte;

	if (!pte && !vmf->vma->vm_ops)
		return do_anonymous_page(vmf);
	if (!pte)
		return do_fault(vmf);
	if (!pte_present(pte))
		return do_swap_page(vmf);
	if ((vmf->flags & FAULT_FLAG_WRITE) && !(pte & PTE_RW))
		return do_wp_page(vmf);
	if (vmf->flags & FAULT_FLAG_WRITE)
		pte = pte_mkdirty(vmf->k, pte);
	pte |= PTE_A;
	if (pte != vmf->orig_pte)
		set_pte_at(vmf->k, vmf->vma->vm_mm, vmf->address, vmf->pte, pte,
			   "young");
	report(vmf, "handle_pte_fault", "spurious", 0, pte_to_pfn(vmf->k, pte),
	       0);
	flush_tlb_page(vmf->k, mm_root(vmf->vma->vm_mm), vmf->address);
	return 0;
}

/* Only a fault that was served counts. */
static void mm_account_fault(struct kernel *k, struct task_struct *task,
			     unsigned ret)
{
	k->vmstat.pgfault++;
	if (fault_failed(ret))
		return;
	if (ret & VM_FAULT_MAJOR)
		k->vmstat.pgmajfault++;
	if (!task)
		return;
	if (ret & VM_FAULT_MAJOR)
		task->maj_flt++;
	else
		task->min_flt++;
}

/* The thread that runs; else, for a remote access, the owner. */
static struct task_struct *faulting_task(const struct kernel *k,
					 const struct mm_struct *mm)
{
	struct task_struct *task = k->current[k->this_cpu];

	return task && task->mm == mm ? task : mm->owner;
}

/* The large entry in the way, or no memory for tables. */
static __attribute__((noinline)) unsigned no_table(struct vm_fault *vmf)
{
	struct kernel *k = vmf->k;
	unsigned ret = VM_FAULT_OOM;
	pa_t pmdp;

	if (huge_pmd_at(k, vmf->vma->vm_mm, vmf->address, &pmdp))
		ret = huge_pmd_fault(vmf);
	if (!(ret & VM_FAULT_FALLBACK))
		return ret;
	vmf->pte = pte_alloc_map(k, vmf->vma->vm_mm, vmf->address);
	return vmf->pte ? VM_FAULT_FALLBACK : VM_FAULT_OOM;
}

static unsigned pte_fault(struct vm_fault *vmf)
{
	unsigned ret;

	vmf->pte = pte_alloc_map(vmf->k, vmf->vma->vm_mm, vmf->address);
	if (!vmf->pte) {
		ret = no_table(vmf);
		if (!(ret & VM_FAULT_FALLBACK))
			return ret;
	}
	vmf->orig_pte = ptep_get(vmf->k, vmf->pte);
	return handle_pte_fault(vmf);
}

unsigned handle_mm_fault(struct kernel *k, struct vm_area_struct *vma, va_t va,
			 unsigned flags)
{
	struct vm_fault vmf = {
		.k = k, .vma = vma, .address = va & PAGE_MASK, .flags = flags,
		.pgoff = linear_page_index(vma, va & PAGE_MASK),
		.page = PFN_NONE, .cow_page = PFN_NONE,
	};
	unsigned ret = VM_FAULT_FALLBACK;

	if (__builtin_expect(is_vm_hugetlb_page(vma), 0))
		ret = hugetlb_fault(&vmf);
	else if (__builtin_expect(vma_wants_huge(k, vma), 0))
		ret = huge_pmd_fault(&vmf);
	if (ret & VM_FAULT_FALLBACK)
		ret = pte_fault(&vmf);
	mm_account_fault(k, faulting_task(k, vma->vm_mm), ret);
	return ret;
}

/*
 * pte.h - entries of the lowest level by host pointer, and the context of a
 * fault: what memory.c, mprotect.c, filemap.c, rmap.c and mm_check.c share.
 *
 * pgtable.h works by physical address and reports each write; here whole
 * tables are gone through, at the price of one pointer.
 */
#ifndef KERNEL_PTE_H
#define KERNEL_PTE_H

#include "kernel/fs.h"
#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "kernel/process.h"
#include "kernel/rmap.h"

/* --- entries of the lowest level, by host pointer ------------------------- */

static inline uint64_t ptep_get(const struct kernel *k, const uint8_t *ptep)
{
	return k->mode->entry_size == 8 ? *(const uint64_t *)ptep :
					  *(const uint32_t *)ptep;
}

static inline void ptep_put(const struct kernel *k, uint8_t *ptep, uint64_t pte)
{
	if (k->mode->entry_size == 8)
		*(uint64_t *)ptep = pte;
	else
		*(uint32_t *)ptep = pte;
}

/* Writes an entry of @mm; reports it if somebody listens. */
static inline void set_pte_at(struct kernel *k, const struct mm_struct *mm,
			      va_t va, uint8_t *ptep, uint64_t pte,
			      const char *why)
{
	if (__builtin_expect(k->sink.fn != NULL, 0))
		pt_set(k, mm->owner_pid, va, k->pte_level, ptep - k->ram->host,
		       pte, why);
	else
		ptep_put(k, ptep, pte);
}

/* An entry for @pfn; inverted for PROT_NONE where the kernel does so. */
static inline uint64_t pfn_pte(const struct kernel *k, pfn_t pfn, uint64_t prot)
{
	return prot & PTE_P ? pfn << PAGE_SHIFT | prot : mk_pte(k, pfn, prot);
}

static inline pfn_t pte_to_pfn(const struct kernel *k, uint64_t pte)
{
	return pte & PTE_P ? (pte & PTE_PFN_MASK) >> PAGE_SHIFT :
			     pte_pfn(k, pte);
}

/*
 * The counted page behind an entry (linux vm_normal_page), or NULL: the zero
 * page, a special mapping, or an entry somebody poked that no page maps.
 */
static inline struct page *vm_normal_page(const struct kernel *k, uint64_t pte)
{
	pfn_t pfn = pte_to_pfn(k, pte);

	if ((pte & _PAGE_SPECIAL) || pfn >= k->max_pfn ||
	    k->mem_map[pfn]._mapcount <= 0)
		return NULL;
	return &k->mem_map[pfn];
}

static inline uint64_t pte_mkdirty(const struct kernel *k, uint64_t pte)
{
	return pte | PTE_D | (k->arch->softdirty ? _PAGE_SOFT_DIRTY : 0);
}

static inline uint64_t maybe_mkwrite(const struct vm_area_struct *vma,
				     uint64_t pte)
{
	return vma->vm_flags & VM_WRITE ? pte | PTE_RW : pte;
}

static inline pa_t mm_root(const struct mm_struct *mm)
{
	return mm->pgd << PAGE_SHIFT;
}

static inline int mm_counter(const struct page *page)
{
	if (page->flags & PG_anon)
		return MM_ANONPAGES;
	return page->flags & PG_swapbacked ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/* The entries of [va, end) in one page table. */
struct pte_range {
	uint8_t *ptep;
	va_t va, end;
	bool huge;	/* next_pmd_range: ptep is that of a large entry */
};

/* Where an entry lies, for pgtable.h. */
static inline pa_t ptep_pa(const struct kernel *k, const uint8_t *ptep)
{
	return ptep - k->ram->host;
}

/*
 * The next page table that serves addresses of [from, end). False: none.
 *	for (va = start; next_pte_range(k, root, va, end, &r); va = r.end)
 */
bool next_pte_range(const struct kernel *k, pa_t root, va_t from, va_t end,
		    struct pte_range *ret);

/* The entry of @va, tables made as needed and counted; NULL: no memory. */
uint8_t *pte_alloc_map(struct kernel *k, struct mm_struct *mm, va_t va);

/* --- the fault (memory.c) ------------------------------------------------- */
#define FAULT_AROUND_PAGES 16

struct vm_fault {
	struct kernel *k;
	struct vm_area_struct *vma;
	va_t address;		/* page-aligned */
	unsigned flags;		/* FAULT_FLAG_* */
	uint64_t pgoff;		/* of the page in the file */
	uint8_t *pte;		/* its entry */
	uint64_t orig_pte;
	pfn_t page, cow_page;	/* from ->fault; of our own */
	const char *note;	/* for the event: how the page was got */
};

/* A write to a present read-only page: vmf->orig_pte. */
unsigned do_wp_page(struct vm_fault *vmf);
/* Sets the entry of @va to the page-cache or new page @pfn. */
void do_set_pte(struct vm_fault *vmf, pfn_t pfn, va_t va, uint8_t *ptep);
/* As zap_page_range; private copies stay unless @even_cows. */
void zap_file_pages(struct kernel *k, struct vm_area_struct *vma, va_t start,
		    va_t end, bool even_cows);
/* As zap_page_range without the flush: number of entries removed. */
uint64_t unmap_page_range(struct kernel *k, struct vm_area_struct *vma,
			  va_t start, va_t end);
/*
 * After @nr entries of [start, end) were removed or tightened; large ones count
 * NR_LARGE each: if there are no others, an INVLPG for each is enough.
 */
#define NR_LARGE (1ULL << 32)
void flush_tlb_range(struct kernel *k, const struct mm_struct *mm, va_t start,
		     va_t end, uint64_t nr);

#endif

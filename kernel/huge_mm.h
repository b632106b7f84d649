/*
 * huge_mm.h - transparent huge pages: large entries of anonymous memory (linux
 * include/linux/huge_mm.h, khugepaged.h).
 *
 *	PMD entry ---- P, PS ----> head, tail, tail, ...	compound.h
 *	PMD table ---- deposit --> an empty table for each large entry: with it
 *			a split needs no memory
 *
 * A PMD entry is one above the lowest: it maps 2 MiB, on i386 without PAE 4.
 */
#ifndef KERNEL_HUGE_MM_H
#define KERNEL_HUGE_MM_H

#include "kernel/compound.h"
#include "kernel/mm_types.h"
#include "kernel/pgtable.h"

struct vm_fault;
struct pte_range;

/* --- sizes, entries ------------------------------------------------------- */

static inline unsigned pmd_level(const struct kernel *k)
{
	return k->pte_level - 1;
}

static inline uint64_t hpage_nr(const struct kernel *k)
{
	return 1ULL << k->thp.order;
}

static inline uint64_t hpage_size(const struct kernel *k)
{
	return hpage_nr(k) << PAGE_SHIFT;
}

static inline va_t hpage_start(const struct kernel *k, va_t va)
{
	return va & ~(va_t)(hpage_size(k) - 1);
}

/* A large entry, PROT_NONE ones too. */
static inline bool pmd_trans_huge(uint64_t pmd)
{
	return (pmd & PTE_PS) && pte_present(pmd);
}

uint64_t pfn_pmd(const struct kernel *k, pfn_t pfn, uint64_t prot);
pfn_t pmd_to_pfn(const struct kernel *k, uint64_t pmd);
/* The head that a large entry maps; NULL: the huge zero page, or poked. */
struct page *vm_normal_pmd_page(const struct kernel *k, uint64_t pmd);

static inline bool is_huge_zero_pmd(const struct kernel *k, uint64_t pmd)
{
	return k->thp.huge_zero_refs && pmd_to_pfn(k, pmd) == k->thp.huge_zero;
}

/* The entry that maps @va if it is a large one, or 0; its place in *pmdp. */
uint64_t huge_pmd_at(const struct kernel *k, const struct mm_struct *mm,
		     va_t va, pa_t *pmdp);

/* --- at a fault ----------------------------------------------------------- */
#define VM_FAULT_FALLBACK 0x800u

/* May a fault in @vma bring a large page? Only flags are asked. */
static inline bool vma_wants_huge(const struct kernel *k,
				  const struct vm_area_struct *vma)
{
	return (vma->vm_flags & k->thp.vma_mask) == k->thp.vma_want;
}

/*
 * linux hugepage_vma_check(): may @vma have large pages; by a fault; if the
 * switches are obeyed.
 */
bool hugepage_vma_check(const struct kernel *k,
			const struct vm_area_struct *vma, bool in_pf,
			bool enforce_sysfs);

/* What smaps says: as soon as it has been touched. */
bool thp_eligible(const struct kernel *k, const struct vm_area_struct *vma);

/*
 * The part of a fault that concerns a large entry: a new one, or one that is
 * there. VM_FAULT_FALLBACK: small pages, then.
 */
unsigned huge_pmd_fault(struct vm_fault *vmf);

/* --- entries of a range --------------------------------------------------- */

/* Like next_pte_range, but large entries too: in *ret with huge set. */
bool next_pmd_range(const struct kernel *k, pa_t root, va_t from, va_t end,
		    struct pte_range *ret);
/* Does it hold all that its entry maps? */
static inline bool whole_pmd(const struct kernel *k, va_t va, va_t end)
{
	return end - va == hpage_size(k);
}

/* The large entry @pmdp of @haddr goes, with its page and deposited table. */
void zap_huge_pmd(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		  va_t haddr);
/* For fork: 0, -ENOMEM. */
int copy_huge_pmd(struct kernel *k, struct mm_struct *dst,
		  struct vm_area_struct *src, pa_t src_pmdp, va_t haddr);
/* mprotect: true if the entry has changed. */
bool change_huge_pmd(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		     va_t haddr);
/*
 * mremap: moves the large entry of @old to @new; both are aligned. 0, -ENOMEM;
 * -EEXIST: something is there, or @old has no large entry.
 */
int move_huge_pmd(struct kernel *k, struct mm_struct *mm, va_t old, va_t new);

/* --- splitting (huge_split.c) --------------------------------------------- */

/* The entry becomes a table of small ones; the page stays as it is. */
void split_huge_pmd(struct kernel *k, struct vm_area_struct *vma, pa_t pmdp,
		    va_t haddr);
/* The same of whatever maps @va in @vma, if that is large. */
void split_huge_pmd_address(struct kernel *k, struct vm_area_struct *vma,
			    va_t va);
/* @vma will begin or end at @va: no large entry may lie across it. */
void vma_adjust_trans_huge(struct kernel *k, struct vm_area_struct *vma,
			   va_t va);
/*
 * The page becomes single frames, in whoever maps it. -EBUSY: somebody else
 * than the caller, who has @pins, holds a reference. Frames that nobody maps
 * are freed.
 */
int split_huge_page(struct kernel *k, struct page *head, unsigned pins);
/* Does @vma map @head by a large entry? */
bool vma_maps_huge(const struct kernel *k, const struct vm_area_struct *vma,
		   const struct page *head);
/* An entry of a small page that is part of @head's has gone. */
void compound_page_unmapped(struct kernel *k, struct page *page);
/* To be split later: nobody maps a part of it. */
void deferred_split_huge_page(struct kernel *k, struct page *head);
/* It will not be split later any more. */
void deferred_split_forget(struct kernel *k, struct page *head);
/* Before (1) or after (0) it in the list; itself: it is alone; 0: not there. */
uint32_t deferred_split_neighbour(const struct kernel *k, uint32_t head,
				  bool before);
bool deferred_split_waits(const struct kernel *k, const struct page *head);
/* Is the list as long as it says? */
bool deferred_split_ok(const struct kernel *k);
/* Splits what waits for it, as the shrinker does; how many. */
unsigned deferred_split_scan(struct kernel *k);

/* --- pages, deposits (huge_memory.c) -------------------------------------- */

void prep_transhuge_page(struct kernel *k, pfn_t pfn,
			 struct vm_area_struct *vma, va_t haddr);
void pgtable_trans_huge_deposit(struct kernel *k, pa_t pmdp, pfn_t table);
/* The newest table deposited; PFN_NONE: a poked entry has none. */
pfn_t pgtable_trans_huge_withdraw(struct kernel *k, pa_t pmdp);
unsigned deposited_tables(const struct kernel *k, pa_t pmdp);
/* All its frames belong to @av now. */
void compound_move_anon_rmap(struct kernel *k, struct page *page,
			     struct anon_vma *av);
void page_remove_huge_rmap(struct kernel *k, struct page *head);
/*
 * Large pages are PG_mlocked while an area that is locked maps them by a large
 * entry; not by small ones.
 */
void mlock_huge_page(struct kernel *k, struct page *head,
		     const struct vm_area_struct *vma);
void munlock_huge_page(struct kernel *k, struct page *head);
/* The large entry @pmd follows the new flags of @vma. */
void mlock_huge_pmd(struct kernel *k, const struct vm_area_struct *vma,
		    uint64_t pmd);
/* @mm ends: its reference to the huge zero page. */
void mm_put_huge_zero_page(struct kernel *k, struct mm_struct *mm);

/* --- collapsing (khugepaged.c) -------------------------------------------- */

/*
 * MADV_COLLAPSE of [start, end) in @vma: each large page in it. 0; -EINVAL, if
 * one cannot be; -ENOMEM; -EAGAIN, if somebody holds a page.
 */
int madvise_collapse(struct kernel *k, struct vm_area_struct *vma, va_t start,
		     va_t end);
/* khugepaged's way through an address space: how many it has collapsed. */
unsigned khugepaged_scan_mm(struct kernel *k, struct mm_struct *mm);

/* --- switches (thp.c) ----------------------------------------------------- */
enum thp_enabled { THP_ALWAYS, THP_MADVISE, THP_NEVER };
enum thp_defrag {
	THP_DEFRAG_ALWAYS,
	THP_DEFRAG_DEFER,
	THP_DEFRAG_DEFER_MADVISE,
	THP_DEFRAG_MADVISE,
	THP_DEFRAG_NEVER,
};

/* A file of /sys/kernel/mm/transparent_hugepage. */
struct thp_attr {
	const char *name;		/* "enabled", "khugepaged/defrag" */
	const char *help;		/* a few words, small letters */
	const char *const *words;	/* of a choice; NULL: a number */
	size_t offset;			/* of a uint32_t in struct kernel */
	bool ro;
};
extern const struct thp_attr thp_attrs[];	/* ends with a NULL name */

/* As the file reads: "always [madvise] never". Returns @buf. */
char *thp_attr_show(const struct kernel *k, const struct thp_attr *a, char *buf,
		    size_t size);
/* -EINVAL: not one of its words, or too large; -EACCES: read-only. */
int thp_attr_store(struct kernel *k, const struct thp_attr *a,
		   const char *value);

/* At boot: sizes, and the switches as the command line has them. */
void thp_init(struct kernel *k);
/* Does the CPU have large pages (linux has_transparent_hugepage)? */
bool has_transparent_hugepage(const struct kernel *k);
void thp_set_enabled(struct kernel *k, enum thp_enabled enabled);
/* How hard a fault in @vma tries. */
unsigned vma_thp_gfp_mask(const struct kernel *k,
			  const struct vm_area_struct *vma);

#endif

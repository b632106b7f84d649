/*
 * pgtable.h - page tables of any mode, written once (linux
 * arch/x86/include/asm/pgtable.h, mm/pgtable-generic.c, mm/sparse-vmemmap.c
 * and what mm/memory.c has of pgd_offset, p4d_alloc, pte_alloc).
 *
 * A level is the machine's index: 0 is the root, k->pte_level the lowest.
 * Kernel roots share their kernel half: entries of swapper_pg_dir are copied
 * into each new root, and later ones are synced to all (linux
 * arch_sync_kernel_mappings), so that there is no vmalloc fault.
 */
#ifndef KERNEL_PGTABLE_H
#define KERNEL_PGTABLE_H

#include "kernel/kernel.h"

/* Software bits and combinations, as linux pgtable_types.h has them. */
#define PTE_PFN_MASK	0x000ffffffffff000ULL	/* as entries of 4 bytes: all */
#define _PAGE_SPECIAL	BIT(9)
#define _PAGE_SOFT_DIRTY BIT(11)
#define _PAGE_PROTNONE	BIT(8)		/* P=0 and this: PROT_NONE */
#define _KERNPG_TABLE	(PTE_P | PTE_RW | PTE_A | PTE_D)
#define _PAGE_TABLE	(_KERNPG_TABLE | PTE_US)
#define _PAGE_KERNEL	(PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G)  /* | XD where NX */

/* Reads or writes one raw entry in simulated RAM. */
uint64_t pt_get(const struct kernel *k, pa_t entry_pa);
void pt_set_raw(struct kernel *k, pa_t entry_pa, uint64_t value);
/* Writes and reports KEV_PTE; @pid 0 for kernel tables, @why a static word. */
void pt_set(struct kernel *k, int pid, va_t va, unsigned level, pa_t entry_pa,
	    uint64_t value, const char *why);

/*
 * Physical address of the entry for @va at @level below @root. Missing
 * tables on the way are made if @alloc, as user or kernel tables by @va.
 * Returns 0 if a table is missing (or a large page is in the way), or if no
 * frame is left for one.
 */
pa_t pt_lookup(struct kernel *k, pa_t root, va_t va, unsigned level, bool alloc);

/*
 * Follows @va to its leaf. Returns the entry's physical address and its
 * value and level, or 0: nothing is mapped.
 */
pa_t pt_leaf(const struct kernel *k, pa_t root, va_t va, uint64_t *entry,
	     unsigned *level);

/* The same for any entry that is not empty, present or not. */
pa_t pt_leaf_any(const struct kernel *k, pa_t root, va_t va, uint64_t *entry,
		 unsigned *level);

/* An empty table for kernel space, 0: no frame. */
pa_t pt_new_kernel_table(struct kernel *k);
/* As pt_set, for an entry of swapper_pg_dir's tree; a root's reaches all roots. */
void pt_set_kernel(struct kernel *k, va_t va, unsigned level, pa_t entry_pa,
		   uint64_t value, const char *why);

/*
 * A user table of the lowest level for @root that no entry leads to as yet, or
 * PFN_NONE (linux pte_alloc_one); and its end.
 */
pfn_t pte_alloc_one(struct kernel *k, pa_t root);
void pte_free(struct kernel *k, pa_t root, pfn_t table);
/* The entry at @level that leads to a user table. */
uint64_t pt_table_entry(const struct kernel *k, unsigned level, pfn_t table);

/* A new root table with the kernel half in it, or PFN_NONE. */
pfn_t pgd_alloc(struct kernel *k);
/* Frees the root and all user tables; no user page may be mapped any more. */
void pgd_free(struct kernel *k, pfn_t pgd);
/* Frees the user tables that only served [start, end) (linux free_pgtables):
 * floor and ceiling bound what neighbours still need. */
void free_pgd_range(struct kernel *k, pa_t root, va_t start, va_t end,
		    va_t floor, va_t ceiling);
/* Number of page-table frames below @root for user space, root included. */
unsigned pt_count_tables(const struct kernel *k, pa_t root);

/* An entry for a frame: address bits and flags for @level. */
uint64_t mk_pte(const struct kernel *k, pfn_t pfn, uint64_t flags);
/* The frame of a present or PROT_NONE leaf PTE. */
pfn_t pte_pfn(const struct kernel *k, uint64_t pte);
/* Linux' pte_present(): P or PROTNONE. pte_none(): all clear. */
static inline bool pte_present(uint64_t pte)
{
	return pte & (PTE_P | _PAGE_PROTNONE);
}

/*
 * Maps [va, va + size) to @pa in the kernel's tables with the largest pages
 * that fit and the CPU has (at most 1 << max_shift). 0 or -ENOMEM.
 */
int kernel_map_range(struct kernel *k, va_t va, pa_t pa, uint64_t size,
		     uint64_t flags, unsigned max_shift);

/*
 * Prepares the page tables of [start, end) without mapping anything there
 * (linux page_table_range_init). 0 or -ENOMEM.
 */
int kernel_populate_tables(struct kernel *k, va_t start, va_t end);
/* Is @va an address of the kernel's half? */
static inline bool pt_is_kernel(const struct kernel *k, va_t va)
{
	return va >= k->layout.task_size;
}
/*
 * Do other roots get the kernel entry for @va only when they fault on it
 * (vmalloc_fault, as i386 did up to 5.7)? Else it is synced at once.
 */
static inline bool pt_syncs_late(const struct kernel *k, va_t va)
{
	return k->config.vmalloc_fault && va >= k->layout.vmalloc_start &&
	       va < k->layout.vmalloc_end;
}
/* PAGE_KERNEL on this CPU: _PAGE_KERNEL without G if no PGE or with PTI, with
 * XD if NX. */
uint64_t pt_page_kernel(const struct kernel *k);
/* XD for kernel data if the CPU has NX in this mode, else 0. */
uint64_t pt_nx(const struct kernel *k);
/* Largest kernel page this CPU and mode have, as a shift: 12, 21, 22, 30. */
unsigned pt_max_shift(const struct kernel *k);

/* Above this many pages one full flush is cheaper (linux tlb.c). */
#define TLB_FLUSH_CEILING 33

/* INVLPG on every CPU that has @root loaded (all CPUs for kernel addresses). */
void flush_tlb_page(struct kernel *k, pa_t root, va_t va);
/* Every user translation of @root on all CPUs. */
void flush_tlb_mm(struct kernel *k, pa_t root);
/* [start, end) of @root: one interrupt, page by page up to the ceiling; a lazy
 * CPU is only disturbed if page tables were freed. */
void flush_tlb_mm_range(struct kernel *k, pa_t root, va_t start, va_t end,
			bool freed_tables);
/* All translations, global ones too, on all CPUs. */
void flush_tlb_all(struct kernel *k);

#endif

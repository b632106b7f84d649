/*
 * vmap_range.c - page tables of the vmalloc space.
 *
 * Models vmap_pages_range(), vmap_range_noflush() and vunmap_range_noflush()
 * of mm/vmalloc.c, pmd_set_huge() and pmd_free_pte_page() of
 * arch/x86/mm/pgtable.c, flush_tlb_kernel_range() of arch/x86/mm/tlb.c and
 * preallocate_vmalloc_pages() of arch/x86/mm/init_64.c, Linux 6.1.
 *
 * Tables stay when an area goes: the next one needs them. Only a large page
 * takes the place of an empty table, on x86-64; with PAE other roots may still
 * have the table, and small pages are used instead.
 */
#include <errno.h>

#include "kernel/internal.h"
#include "kernel/page_alloc.h"
#include "kernel/pgtable.h"
#include "kernel/vmap_internal.h"

/* Above this many pages one full flush is cheaper (linux tlb.c). */
#define TLB_FLUSH_CEILING 33

/* The PTE of @va: beside @last, that of the page before, or looked up. */
static pa_t next_pte(struct kernel *k, va_t va, pa_t last, bool alloc)
{
	if (last && paging_index(k->mode, k->pte_level, va))
		return last + k->mode->entry_size;
	return pt_lookup(k, k->swapper_pg_dir, va, k->pte_level, alloc);
}

int vmap_pages_range(struct kernel *k, va_t va, const uint32_t *pfns,
		     unsigned n, const char *why)
{
	uint64_t prot = pt_page_kernel(k);
	pa_t pte = 0;

	for (unsigned i = 0; i < n; i++, va += PAGE_SIZE) {
		pte = next_pte(k, va, pte, true);
		if (!pte)
			return -ENOMEM;
		pt_set(k, 0, va, k->pte_level, pte, mk_pte(k, pfns[i], prot),
		       why);
	}
	return 0;
}

/* --- large pages ---------------------------------------------------------- */

/* CONFIG_HAVE_ARCH_HUGE_VMAP: x86-64 and PAE; 1 GiB pages if the CPU has. */
static bool vmap_level_ok(const struct kernel *k, unsigned level)
{
	const struct cpu_features *f = &k->machine->cpu[0].features;
	const struct paging_level *l = &k->mode->level[level];

	return k->mode->entry_size == 8 && l->may_map && f->pse &&
	       (f->gbpages || !l->needs_gbpages);
}

/* One memory type for all of it, or WB by the MTRRs (pmd_set_huge). */
static bool mtrr_allows(const struct kernel *k, pa_t pa, uint64_t size)
{
	const struct mtrr *mtrr = &k->machine->cpu[0].memtype.mtrr;

	return mtrr_uniform(mtrr, pa, size) || mtrr_type(mtrr, pa) == MT_WB;
}

/* Frees an empty table and those below it. */
static void free_tables(struct kernel *k, pa_t table, unsigned level)
{
	unsigned n = 1U << k->mode->level[level].bits;
	pfn_t pfn = table >> PAGE_SHIFT;

	for (unsigned i = 0; level < k->pte_level && i < n; i++) {
		uint64_t entry = pt_get(k, table + i * k->mode->entry_size);

		if (entry & PTE_P)
			free_tables(k, entry & k->mode->addr_mask, level + 1);
	}
	pfn_to_page(k, pfn)->flags &= ~PG_table;
	free_pages(k, pfn, 0);
}

/* Makes room for a large page where a table may be; false: there is none. */
static bool clear_entry(struct kernel *k, va_t va, unsigned level,
			pa_t entry_pa)
{
	uint64_t entry = pt_get(k, entry_pa);

	if (!(entry & PTE_P))
		return true;
	if (k->arch->word == 4)
		return false;
	pt_set(k, 0, va, level, entry_pa, 0, "free_pte_page");
	flush_tlb_kernel_range(k, va, va + PAGE_SIZE);
	free_tables(k, entry & k->mode->addr_mask, level + 1);
	return true;
}

/* Maps one large page at @va if all rules allow it: its size, else 0. */
static uint64_t try_huge(struct kernel *k, va_t va, pa_t pa, uint64_t size,
			 uint64_t prot, unsigned level)
{
	uint64_t bytes = 1ULL << k->mode->level[level].shift;
	pa_t entry_pa;

	if (!vmap_level_ok(k, level) || size < bytes ||
	    ((va | pa) & (bytes - 1)) || !mtrr_allows(k, pa, bytes))
		return 0;
	entry_pa = pt_lookup(k, k->swapper_pg_dir, va, level, true);
	if (!entry_pa || !clear_entry(k, va, level, entry_pa))
		return 0;
	/* PAT is bit 12 there: bit 7 says that the page is large. */
	if (prot & PTE_PAT)
		prot ^= PTE_PAT | PTE_PAT_LARGE;
	pt_set(k, 0, va, level, entry_pa,
	       paging_address_bits(k->mode, level, pa, true) | prot | PTE_PS,
	       "ioremap");
	return bytes;
}

int ioremap_page_range(struct kernel *k, va_t va, pa_t pa, uint64_t size,
		       uint64_t prot)
{
	pa_t pte = 0;

	for (uint64_t done = 0, step; done < size; done += step) {
		step = 0;
		for (unsigned l = 0; !step && l < k->pte_level; l++)
			step = try_huge(k, va + done, pa + done, size - done,
					prot, l);
		if (step) {
			pte = 0;
			continue;
		}
		step = PAGE_SIZE;
		pte = next_pte(k, va + done, pte, true);
		if (!pte)
			return -ENOMEM;
		pt_set(k, 0, va + done, k->pte_level, pte,
		       mk_pte(k, (pa + done) >> PAGE_SHIFT, prot), "ioremap");
	}
	return 0;
}

/* --- unmapping ------------------------------------------------------------ */

/* No PTE for @va: a large page goes; where the next table may begin. */
static va_t skip_table(struct kernel *k, va_t va)
{
	unsigned level = k->pte_level - 1;
	uint64_t entry;
	pa_t entry_pa = pt_leaf(k, k->swapper_pg_dir, va, &entry, &level);

	if (entry_pa)
		pt_set(k, 0, va, level, entry_pa, 0, "vunmap");
	return ALIGN_DOWN(va, 1ULL << k->mode->level[level].shift) +
	       (1ULL << k->mode->level[level].shift);
}

void vunmap_range_noflush(struct kernel *k, va_t start, va_t end)
{
	pa_t pte = 0;

	for (va_t va = start; va < end;) {
		pte = next_pte(k, va, pte, false);
		if (!pte) {
			va = skip_table(k, va);
			continue;
		}
		if (pt_get(k, pte))
			pt_set(k, 0, va, k->pte_level, pte, 0, "vunmap");
		va += PAGE_SIZE;
	}
}

void flush_tlb_kernel_range(struct kernel *k, va_t start, va_t end)
{
	if ((end - start) >> PAGE_SHIFT > TLB_FLUSH_CEILING) {
		flush_tlb_all(k);
		return;
	}
	for (va_t va = start; va < end; va += PAGE_SIZE)
		flush_tlb_page(k, k->swapper_pg_dir, va);
}

/* --- boot ----------------------------------------------------------------- */

/*
 * Every root that will ever be made has these entries from the start: nothing
 * need be copied later.
 */
int preallocate_vmalloc_pages(struct kernel *k)
{
	uint64_t step = 1ULL << k->mode->level[0].shift;
	va_t va = k->layout.vmalloc_start;

	if (!k->mode->canonical)
		return 0;
	for (; va < k->layout.vmalloc_end; va = ALIGN_DOWN(va, step) + step)
		if (!pt_lookup(k, k->swapper_pg_dir, va, 1, true))
			return -ENOMEM;
	return 0;
}

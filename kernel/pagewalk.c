/*
 * pagewalk.c - from one page table that serves a range to the next (in the
 * place of linux 6.1 mm/pagewalk.c, and of the loops pgd_addr_end() and its
 * kin of mm/memory.c).
 */

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"

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

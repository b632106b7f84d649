/*
 * move_page_tables.c - entries and tables go to other addresses (linux 6.1
 * mm/mremap.c: move_page_tables, move_ptes, move_normal_pmd, move_normal_pud).
 *
 * Frames travel with the entries: nothing is copied, nothing faults. Where
 * both places are aligned to what one table maps, the table itself changes
 * hands; large entries are moved so too, or split. Left out: locks (the order
 * that rmap needs).
 */
#include <errno.h>

#include "kernel/huge_mm.h"
#include "kernel/mm_internal.h"
#include "kernel/swapops.h"

/* One move of entries. */
struct move {
	struct kernel *k;
	struct mm_struct *mm;
	va_t old_addr, new_addr, old_end;
};

/* --- entries -------------------------------------------------------------- */

static uint64_t move_soft_dirty_pte(const struct kernel *k, uint64_t pte)
{
	if (!pte_present(pte))
		return pte_swp_mksoft_dirty(k, pte);
	return k->arch->softdirty ? pte | _PAGE_SOFT_DIRTY : pte;
}

/* Entries of one table; @r is at most what one table at the new place has. */
static void move_ptes(struct move *m, const struct pte_range *r, va_t new_addr,
		      uint8_t *new)
{
	unsigned size = m->k->mode->entry_size;
	uint8_t *old = r->ptep;
	uint64_t pte, nr = 0;

	for (va_t va = r->va; va < r->end;
	     va += PAGE_SIZE, new_addr += PAGE_SIZE, old += size, new += size) {
		pte = ptep_get(m->k, old);
		if (!pte)
			continue;
		set_pte_at(m->k, m->mm, va, old, 0, "mremap");
		set_pte_at(m->k, m->mm, new_addr, new,
			   move_soft_dirty_pte(m->k, pte), "mremap");
		nr += pte_present(pte);
	}
	flush_tlb_range(m->k, m->mm, r->va, r->end, nr);
}

/* Tables that a root points to stay, but for those of two-level paging. */
static unsigned top_movable_level(const struct kernel *k)
{
	return k->pte_level <= 2 ? k->pte_level - 1 : k->pte_level - 2;
}

/* The entry of @level for @va, tables above it made as needed, and counted. */
static pa_t alloc_entry(struct move *m, va_t va, unsigned level)
{
	uint64_t before = m->k->vmstat.pgalloc;
	pa_t pa = pt_lookup(m->k, mm_root(m->mm), va, level, true);

	m->mm->pgtables += m->k->vmstat.pgalloc - before;
	return pa;
}

static bool is_user_table(const struct kernel *k, uint64_t entry)
{
	pfn_t pfn = (entry & PTE_PFN_MASK) >> PAGE_SHIFT;

	return (entry & PTE_P) && !(entry & PTE_PS) && pfn < k->max_pfn &&
	       (k->mem_map[pfn].flags & PG_table);
}

/*
 * Hands over the table below an entry of @level (linux move_normal_pmd,
 * move_normal_pud): one write at each end, however many pages it maps. False:
 * it must be done a level below, or entry by entry.
 */
static bool move_table(struct move *m, unsigned level)
{
	struct kernel *k = m->k;
	uint64_t size = BIT(k->mode->level[level].shift), entry;
	pa_t old, new;

	if (((m->old_addr | m->new_addr) & (size - 1)) ||
	    m->old_end - m->old_addr < size)
		return false;
	old = pt_lookup(k, mm_root(m->mm), m->old_addr, level, false);
	entry = old ? pt_get(k, old) : 0;
	if (!is_user_table(k, entry))
		return false;
	new = alloc_entry(m, m->new_addr, level);
	if (!new || pt_get(k, new))
		return false;
	pt_set(k, m->mm->owner_pid, m->old_addr, level, old, 0, "mremap");
	pt_set(k, m->mm->owner_pid, m->new_addr, level, new, entry, "mremap");
	flush_tlb_mm(k, mm_root(m->mm));
	m->old_addr += size;
	m->new_addr += size;
	return true;
}

static bool move_whole_tables(struct move *m)
{
	for (unsigned l = top_movable_level(m->k); l < m->k->pte_level; l++)
		if (move_table(m, l))
			return true;
	return false;
}

/* Up to the next table's begin, at the old or the new place. False: ENOMEM. */
static bool move_some(struct move *m, struct pte_range *r)
{
	unsigned shift = m->k->mode->level[m->k->pte_level - 1].shift;
	va_t new_end = ((m->new_addr >> shift) + 1) << shift;
	uint8_t *new = pte_alloc_map(m->k, m->mm, m->new_addr);

	if (!new)
		return false;
	if (r->end - r->va > new_end - m->new_addr)
		r->end = r->va + (new_end - m->new_addr);
	move_ptes(m, r, m->new_addr, new);
	m->new_addr += r->end - r->va;
	m->old_addr = r->end;
	return true;
}

/* A large entry, as a whole if both places are aligned. False: ENOMEM. */
static bool move_large(struct move *m, const struct pte_range *r)
{
	va_t size = hpage_size(m->k);
	int err = -EEXIST;

	if (whole_pmd(m->k, r->va, r->end) && !(m->new_addr & (size - 1)))
		err = move_huge_pmd(m->k, m->mm, r->va, m->new_addr);
	if (err == -EEXIST) {
		split_huge_pmd(m->k, find_vma(m->mm, r->va),
			       ptep_pa(m->k, r->ptep),
			       hpage_start(m->k, r->va));
		return true;
	}
	m->new_addr += err ? 0 : size;
	m->old_addr += err ? 0 : size;
	return !err;
}

uint64_t move_page_tables(struct kernel *k, struct mm_struct *mm, va_t old_addr,
			  va_t new_addr, uint64_t len)
{
	struct move m = { k, mm, old_addr, new_addr, old_addr + len };
	struct pte_range r;

	while (m.old_addr < m.old_end) {
		if (move_whole_tables(&m))
			continue;
		if (!next_pmd_range(k, mm_root(mm), m.old_addr, m.old_end, &r))
			break;
		if (r.va != m.old_addr) { /* nothing is there */
			m.new_addr += r.va - m.old_addr;
			m.old_addr = r.va;
		} else if (r.huge ? !move_large(&m, &r) : !move_some(&m, &r)) {
			return m.old_addr - old_addr;
		}
	}
	return len;
}

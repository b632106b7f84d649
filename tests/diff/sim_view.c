/*
 * sim_view.c - maps, pagemap and smaps of the simulation, in the windows of
 * op.h. The numbers of smaps are computed here from page tables, by the
 * rules of linux 6.1 fs/proc/task_mmu.c (smaps_pte_entry, smaps_account).
 */
#include "tests/diff/sim_view.h"

#include <string.h>

#include "kernel/mm_internal.h"

uint64_t sim_canonical(const struct sim *s, va_t va)
{
	if (va >= s->heap - 16 * PAGE && va < s->heap + HEAP_SIZE)
		return HEAP + (va - s->heap);
	if (va >= s->top - TOP_SIZE && va < s->top + TOP_ABOVE)
		return TOP + (va - s->top);
	return va;
}

va_t sim_real(const struct sim *s, uint64_t va)
{
	if (va >= HEAP - 16 * PAGE && va < HEAP + HEAP_SIZE)
		return s->heap + (va - HEAP);
	if (va >= TOP - TOP_SIZE && va < TOP + TOP_ABOVE)
		return s->top + (va - TOP);
	return va;
}

/* --- pagemap ---------------------------------------------------------------
 */

static uint8_t pagemap_bits(struct kernel *k, uint64_t pte)
{
	const struct page *page;
	uint8_t bits = OBS_PRESENT;

	if (!pte)
		return 0;
	if (!pte_present(pte))
		return OBS_SWAP;
	page = vm_normal_page(k, pte);
	if (page && !(page->flags & PG_anon))
		bits |= OBS_FILE;
	if (page && page->_mapcount == 1)
		bits |= OBS_EXCLUSIVE;
	return bits;
}

static void view_pages(struct sim *s, struct mm_struct *mm, va_t from,
		       unsigned n, unsigned at, struct obs_proc *p)
{
	struct pte_range r;
	va_t end = from + n * PAGE;

	for (va_t va = from; next_pte_range(s->k, mm_root(mm), va, end, &r);
	     va = r.end)
		for (va = r.va; va < r.end; va += PAGE) {
			uint64_t pte = ptep_get(s->k, r.ptep);
			unsigned i = at + (va - from) / PAGE;

			r.ptep += s->k->mode->entry_size;
			p->page[i] = pagemap_bits(s->k, pte);
			if (p->page[i] & OBS_PRESENT)
				p->pfn[i] = pte_to_pfn(s->k, pte);
		}
}

/* --- smaps ------------------------------------------------------------------
 */

struct smaps {
	uint64_t bytes[NR_SMAPS], pss; /* pss << 12 */
};

static void account(struct kernel *k, uint64_t pte, struct smaps *m)
{
	const struct page *page = vm_normal_page(k, pte);
	bool dirty;

	if (!page)
		return;
	dirty = (pte & PTE_D) || (page->flags & PG_dirty);
	m->bytes[SM_RSS] += PAGE;
	m->pss += (PAGE << 12) / page->_mapcount;
	if (page->flags & PG_anon)
		m->bytes[SM_ANONYMOUS] += PAGE;
	if ((pte & PTE_A) || (page->flags & PG_referenced))
		m->bytes[SM_REFERENCED] += PAGE;
	if (page->_mapcount > 1)
		m->bytes[dirty ? SM_SHARED_DIRTY : SM_SHARED_CLEAN] += PAGE;
	else
		m->bytes[dirty ? SM_PRIVATE_DIRTY : SM_PRIVATE_CLEAN] += PAGE;
}

static void view_smaps(struct kernel *k, const struct vm_area_struct *vma,
		       unsigned kb[NR_SMAPS])
{
	struct smaps m = { { 0 }, 0 };
	struct pte_range r;

	for (va_t va = vma->vm_start;
	     next_pte_range(k, mm_root(vma->vm_mm), va, vma->vm_end, &r);
	     va = r.end)
		for (va = r.va; va < r.end; va += PAGE) {
			uint64_t pte = ptep_get(k, r.ptep);

			r.ptep += k->mode->entry_size;
			if (pte && pte_present(pte))
				account(k, pte, &m);
			else if (pte)
				m.bytes[SM_SWAP] += PAGE;
		}
	for (int i = 0; i < NR_SMAPS; i++)
		kb[i] = m.bytes[i] >> 10;
	kb[SM_PSS] = m.pss >> 22;
	if (vma->vm_flags & VM_LOCKED)
		kb[SM_LOCKED] = m.pss >> 22;
}

/* --- maps -------------------------------------------------------------------
 */

static bool in_windows(const struct sim *s, const struct vm_area_struct *vma)
{
	return (vma->vm_start >= ARENA && vma->vm_end <= ARENA_END) ||
	       (vma->vm_end > s->heap && vma->vm_end < s->heap + HEAP_SIZE) ||
	       (vma->vm_start >= s->top - TOP_SIZE && vma->vm_end <= s->top);
}

static void view_name(const struct vm_area_struct *vma, struct obs_vma *v)
{
	const char *name = vma_name(vma), *slash = strrchr(name, '/');

	snprintf(v->name, sizeof(v->name), "%.39s", slash ? slash + 1 : name);
}

/* smaps has no name for VM_LOCKONFAULT. */
static void view_flags(const struct vm_area_struct *vma, struct obs_vma *v)
{
	char *at;

	flags_format(v->flags, sizeof(v->flags), vm_flag_names,
		     vma->vm_flags & ~VM_SOFTDIRTY, " ");
	at = strstr(v->flags, "lf");
	if (at)
		memcpy(at, "??", 2);
}

static void view_vma(const struct sim *s, const struct vm_area_struct *vma,
		     struct obs_vma *v)
{
	va_t start = vma->vm_start;

	if (start < s->heap && vma->vm_end > s->heap)
		start = s->heap;
	v->start = sim_canonical(s, start);
	v->end = sim_canonical(s, vma->vm_end);
	if (vma->vm_end == s->top)
		v->end = TOP;
	v->offset = vma->vm_file
			    ? vma->vm_pgoff * PAGE + (start - vma->vm_start)
			    : 0;
	snprintf(v->perms, sizeof(v->perms), "%c%c%c%c",
		 vma->vm_flags & VM_READ ? 'r' : '-',
		 vma->vm_flags & VM_WRITE ? 'w' : '-',
		 vma->vm_flags & VM_EXEC ? 'x' : '-',
		 vma->vm_flags & VM_MAYSHARE ? 's' : 'p');
	view_name(vma, v);
	view_flags(vma, v);
	if (vma->vm_start >= s->heap) /* not what libc has of the heap */
		view_smaps(s->k, vma, v->kb);
}

static void view_process(struct sim *s, struct mm_struct *mm,
			 struct obs_proc *p)
{
	struct vm_area_struct *vma;

	p->alive = true;
	for_each_vma (&mm->vmas, vma)
		if (in_windows(s, vma) && p->nvmas < OBS_VMAS)
			view_vma(s, vma, &p->vma[p->nvmas++]);
	view_pages(s, mm, ARENA, ARENA_PAGES, 0, p);
	view_pages(s, mm, s->heap, OBS_HEAP_PAGES, ARENA_PAGES, p);
}

void sim_view(struct sim *s, struct obs *ret)
{
	for (unsigned i = 0; i < s->nprocs; i++)
		if (s->task[i])
			view_process(s, s->task[i]->mm, &ret->proc[i]);
}

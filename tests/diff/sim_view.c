/*
 * sim_view.c - maps, pagemap and smaps of the simulation, in the windows of
 * op.h, by the functions that mmsh shows them with.
 */
#include "tests/diff/sim_view.h"

#include <string.h>

#include "kernel/mm_internal.h"
#include "kernel/task_mmu.h"

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

static void view_run(uint64_t e, unsigned from, unsigned to, struct obs_proc *p)
{
	for (unsigned i = from; i < to; i++) {
		p->page[i] = (e & PM_PRESENT ? OBS_PRESENT : 0) |
			     (e & PM_SWAP ? OBS_SWAP : 0) |
			     (e & PM_FILE ? OBS_FILE : 0) |
			     (e & PM_MMAP_EXCLUSIVE ? OBS_EXCLUSIVE : 0);
		p->pfn[i] = e & PM_PRESENT ? e & PM_PFRAME_MASK : 0;
	}
}

/* One page at a time: frames that follow each other are one run. */
static void view_pages(struct sim *s, struct mm_struct *mm, va_t from,
		       unsigned n, unsigned at, struct obs_proc *p)
{
	va_t end = from + n * PAGE, va = from, next;
	uint64_t e;

	while (va < end) {
		next = pagemap_run(s->k, mm, va, end, &e);
		if (e & PM_PRESENT)
			next = va + PAGE;
		if (e)
			pagemap_run(s->k, mm, va, next, &e);
		view_run(e, at + (va - from) / PAGE, at + (next - from) / PAGE,
			 p);
		va = next;
	}
}

/* --- smaps ------------------------------------------------------------------
 */

static void view_smaps(struct kernel *k, const struct vm_area_struct *vma,
		       unsigned kb[NR_SMAPS])
{
	struct mem_size_stats m = { 0 };
	smap_gather_stats(k, vma, &m);
	kb[SM_RSS] = m.resident >> 10;
	kb[SM_PSS] = m.pss >> (10 + PSS_SHIFT);
	kb[SM_SHARED_CLEAN] = m.shared_clean >> 10;
	kb[SM_SHARED_DIRTY] = m.shared_dirty >> 10;
	kb[SM_PRIVATE_CLEAN] = m.private_clean >> 10;
	kb[SM_PRIVATE_DIRTY] = m.private_dirty >> 10;
	kb[SM_REFERENCED] = m.referenced >> 10;
	kb[SM_ANONYMOUS] = m.anonymous >> 10;
	kb[SM_LAZYFREE] = m.lazyfree >> 10;
	kb[SM_ANON_HUGE] = m.anonymous_thp >> 10;
	kb[SM_SWAP] = m.swap >> 10;
	kb[SM_LOCKED] = m.pss_locked >> (10 + PSS_SHIFT);
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

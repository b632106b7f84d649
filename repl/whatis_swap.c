/*
 * whatis_swap.c - what whatis says of pages in swap: the slot, and the page
 * that the swap cache has of it.
 */
#include "kernel/fs.h"
#include "kernel/pte.h"
#include "kernel/swap.h"
#include "repl/whatis.h"

/* "type 0 offset 0x12 (/dev/swap0)  named by 1 entry" */
static void emit_slot(struct cmd_ctx *c, swp_entry_t e)
{
	const struct swap_info_struct *si = swap_info_get(c->k, e);
	unsigned n = swap_count(c->k, e);
	struct result *r = c->r;

	res_u64(r, "type", "~type %s", swp_type(c->k, e));
	res_hex(r, "offset", "~ offset %s", swp_offset(c->k, e), 1);
	if (!si) {
		res_text(r, COL_BAD, "no such slot is in use");
		return;
	}
	res_str(r, "device", "~ (%s)", si->name);
	res_u64(r, "entries",
		n == 1 ? "named by %s entry" : "named by %s entries", n);
}

void whatis_swap_cache(struct cmd_ctx *c, pfn_t pfn)
{
	const struct page *page = pfn_to_page(c->k, pfn);

	if (!(page->flags & PG_swapcache))
		return;
	whatis_label(c->r, "swap");
	res_object(c->r, "slot");
	emit_slot(c, page->private);
	res_end(c->r);
}

static swp_entry_t find_entry(const struct kernel *k,
			      const struct task_struct *task, va_t va)
{
	const struct vm_area_struct *vma = find_vma(task->mm, va);
	struct pte_range r;
	uint64_t pte = 0;

	if (!vma || vma->vm_start > va)
		return 0;
	va &= PAGE_MASK;
	if (next_pte_range(k, mm_root(task->mm), va, va + PAGE_SIZE, &r))
		pte = ptep_get(k, r.ptep);
	if (is_swap_pte(pte))
		return pte_to_swp_entry(k, pte);
	if (pte || !vma->vm_file)
		return 0;
	return shmem_swap_entry(vma->vm_file->f_inode,
				((va - vma->vm_start) >> PAGE_SHIFT) +
					vma->vm_pgoff);
}

void whatis_swapped(struct cmd_ctx *c, const struct task_struct *task, va_t va)
{
	swp_entry_t e = task->mm ? find_entry(c->k, task, va) : 0;
	pfn_t pfn = e ? swap_cache_lookup(c->k, e) : PFN_NONE;

	if (!e)
		return;
	whatis_label(c->r, "swap");
	res_object(c->r, "slot");
	emit_slot(c, e);
	if (pfn != PFN_NONE)
		res_pfn(c->r, "cache_pfn", "in the swap cache: pfn %s", pfn);
	res_end(c->r);
}

/*
 * page-writeback.c - dirty pages go to the disk (linux 6.1
 * mm/page-writeback.c, fs/fs-writeback.c, fs/sync.c; page_mkclean of
 * mm/rmap.c).
 *
 *	write fault	page_mkwrite: page dirty, entry writable
 *	write(2)	page dirty
 *	writeback	entries clean and read-only again (page_mkclean),
 *			page clean, its bytes on the disk
 *
 * so that the next store faults and makes the page dirty once more. There is
 * no time: nothing is written before somebody asks, and a write is over when
 * it has begun: PG_writeback is never seen. Left out: limits of dirty memory,
 * the flusher threads, errors.
 */
#include "kernel/block.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"

void set_page_dirty(struct kernel *k, pfn_t pfn)
{
	pfn_to_page(k, pfn)->flags |= PG_dirty;
}

struct mkclean {
	struct kernel *k;
	unsigned cleaned;
};

static bool mkclean_one(void *ctx, struct vm_area_struct *vma, va_t va)
{
	struct mkclean *m = ctx;
	struct pte_range r;
	uint64_t pte;

	if (!(vma->vm_flags & VM_SHARED) ||
	    !next_pte_range(m->k, mm_root(vma->vm_mm), va, va + PAGE_SIZE, &r))
		return true;
	pte = ptep_get(m->k, r.ptep);
	if (!(pte & (PTE_D | PTE_RW)))
		return true;
	set_pte_at(m->k, vma->vm_mm, va, r.ptep,
		   pte & ~(uint64_t)(PTE_D | PTE_RW), "page_mkclean");
	flush_tlb_page(m->k, mm_root(vma->vm_mm), va);
	m->cleaned++;
	return true;
}

unsigned page_mkclean(struct kernel *k, pfn_t pfn)
{
	struct mkclean m = { k, 0 };

	if (pfn_to_page(k, pfn)->_mapcount)
		rmap_walk(k, pfn, mkclean_one, &m);
	return m.cleaned;
}

/* linux clear_page_dirty_for_io() */
static bool clear_page_dirty_for_io(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	bool dirty = page->flags & PG_dirty;

	if (dirty)
		page_mkclean(k, pfn);
	page->flags &= ~PG_dirty;
	return dirty;
}

uint64_t filemap_fdatawrite_range(struct kernel *k, struct address_space *m,
				  uint64_t first, uint64_t last)
{
	uint64_t nr = 0, from = 0, end = 0;
	pfn_t pfn;

	if (!m->a_ops || !m->a_ops->writepage)
		return 0;
	disk_unplug(k);
	for (uint64_t i = first; page_cache_next(m, &i, &pfn) && i <= last;
	     i++) {
		if (!clear_page_dirty_for_io(k, pfn))
			continue;
		m->a_ops->writepage(k, m->host, i, pfn);
		from = nr++ ? from : i;
		end = i + 1;
	}
	disk_unplug(k);
	if (nr)
		kevent(k, .kind = KEV_IO, .func = "do_writepages",
		       .note = "written at file offset", .n = nr,
		       .va = from << PAGE_SHIFT, .end = end << PAGE_SHIFT);
	return nr;
}

uint64_t ksys_sync(struct kernel *k)
{
	struct inode *inode;
	uint64_t nr = 0;

	LIST_FOREACH (inode, &k->inodes, link)
		nr += filemap_fdatawrite_range(k, &inode->mapping, 0,
					       UINT64_MAX);
	return nr;
}

static uint64_t drop_pagecache(struct kernel *k)
{
	struct inode *inode;
	uint64_t nr = 0;

	lru_add_drain(k);
	LIST_FOREACH (inode, &k->inodes, link)
		if (inode->mapping.a_ops && inode->mapping.a_ops->writepage)
			nr += invalidate_mapping_pages(k, &inode->mapping, 0,
						       UINT64_MAX);
	return nr;
}

/* linux fs/drop_caches.c */
uint64_t drop_caches(struct kernel *k, unsigned what)
{
	uint64_t nr = what & 1 ? drop_pagecache(k) : 0;

	if (what & 2)
		prune_dcache(k);
	return nr;
}

/*
 * truncate.c - pages leave the page cache (linux 6.1 mm/truncate.c, and
 * unmap_mapping_pages of mm/memory.c).
 *
 *	before	|AAAAAAAA|BBBBBBBB|CCCCCCCC|	pages of the file
 *	          size ^
 *	after	|AAAAAAAA|BB000000|		C is gone, here and in all
 *						processes: SIGBUS
 *
 * Private copies of pages beyond the end go as well. Punching a hole keeps
 * private copies. Left out: locks, races with faults, large folios.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/mm_internal.h"
#include "kernel/swap.h"

static void unmap_one(struct kernel *k, struct vm_area_struct *vma,
		      uint64_t first, uint64_t last, bool even_cows)
{
	uint64_t end = vma->vm_pgoff + vma_pages(vma) - 1;

	if (first < vma->vm_pgoff)
		first = vma->vm_pgoff;
	if (last > end)
		last = end;
	zap_file_pages(
		k, vma, vma->vm_start + ((first - vma->vm_pgoff) << PAGE_SHIFT),
		vma->vm_start + ((last + 1 - vma->vm_pgoff) << PAGE_SHIFT),
		even_cows);
}

void unmap_mapping_pages(struct kernel *k, struct address_space *m,
			 uint64_t first, uint64_t last, bool even_cows)
{
	struct vm_area_struct *vma;

	i_mmap_foreach(vma, &m->i_mmap, first, last)
		unmap_one(k, vma, first, last, even_cows);
}

/*
 * Zeroes [start, end) of the file, which lies in one page, if it is cached.
 * What has no disk behind it becomes dirty (linux shmem_undo_range).
 */
static void zero_part(struct kernel *k, struct address_space *m, uint64_t start,
		      uint64_t end)
{
	pfn_t pfn = find_get_page(m, start >> PAGE_SHIFT);

	if (pfn == PFN_NONE || end <= start)
		return;
	memset((char *)page_bytes(k, pfn) + (start & ~PAGE_MASK), 0,
	       end - start);
	if (pfn_to_page(k, pfn)->flags & PG_swapbacked)
		set_page_dirty(k, pfn);
}

void truncate_inode_pages_range(struct kernel *k, struct address_space *m,
				uint64_t start, uint64_t end)
{
	uint64_t first = PAGE_ALIGN(start) >> PAGE_SHIFT;
	uint64_t last = end >> PAGE_SHIFT; /* exclusive */
	pfn_t pfn;

	for (uint64_t i = first; page_cache_next(m, &i, &pfn) && i < last; i++)
		page_cache_delete(k, pfn);
	if (first > last) { /* within one page */
		zero_part(k, m, start, end);
		return;
	}
	zero_part(k, m, start, first << PAGE_SHIFT);
	if (end != UINT64_MAX)
		zero_part(k, m, last << PAGE_SHIFT, end);
}

uint64_t invalidate_mapping_pages(struct kernel *k, struct address_space *m,
				  uint64_t first, uint64_t last)
{
	uint64_t nr = 0;
	pfn_t pfn;

	for (uint64_t i = first; page_cache_next(m, &i, &pfn) && i <= last;
	     i++) {
		const struct page *page = pfn_to_page(k, pfn);

		if ((page->flags & PG_dirty) || page->_refcount != 1)
			continue;
		page_cache_delete(k, pfn);
		nr++;
	}
	return nr;
}

/* The bytes of a page that stay must not be lost with those that go. */
static int read_part(struct kernel *k, struct inode *inode, uint64_t off)
{
	const struct address_space_operations *ops = inode->mapping.a_ops;
	uint64_t index = off >> PAGE_SHIFT;

	if (inode_is_shmem(inode))
		shmem_get_page(k, inode, index, false);
	if (!(off & ~PAGE_MASK) || off >= inode->size || !ops->writepage)
		return 0;
	if (find_get_page(&inode->mapping, index) == PFN_NONE &&
	    page_cache_read(k, inode, index) == PFN_NONE)
		return -ENOMEM;
	if (xa_load(&inode->blocks, index) ||
	    index << PAGE_SHIFT < inode->host_size)
		set_page_dirty(k, find_get_page(&inode->mapping, index));
	return 0;
}

static void free_blocks(struct kernel *k, struct inode *inode, uint64_t first,
			uint64_t last)
{
	if (inode->mapping.a_ops->free_blocks && first <= last)
		inode->mapping.a_ops->free_blocks(k, inode, first, last);
	shmem_swap_truncate(k, inode, first, last);
}

int do_truncate(struct kernel *k, struct inode *inode, uint64_t size)
{
	uint64_t first = PAGE_ALIGN(size) >> PAGE_SHIFT;
	int err = size < inode->size ? read_part(k, inode, size) : 0;

	if (err)
		return err;
	if (size < inode->size) {
		inode->size = size;
		if (inode->host_size > size)
			inode->host_size = size;
		unmap_mapping_pages(k, &inode->mapping, first,
				    UINT64_MAX >> PAGE_SHIFT, true);
		truncate_inode_pages_range(k, &inode->mapping, size,
					   UINT64_MAX);
		free_blocks(k, inode, first, UINT64_MAX);
	}
	inode->size = size;
	return 0;
}

int punch_hole(struct kernel *k, struct inode *inode, uint64_t off,
	       uint64_t len)
{
	uint64_t end = off + len, first = PAGE_ALIGN(off) >> PAGE_SHIFT;
	uint64_t last = end >> PAGE_SHIFT; /* exclusive */
	int err = read_part(k, inode, off);

	if (!err)
		err = read_part(k, inode,
				inode_is_shmem(inode) ? end - 1 : end);
	if (err)
		return err;
	if (last > first)
		unmap_mapping_pages(k, &inode->mapping, first, last - 1, false);
	truncate_inode_pages_range(k, &inode->mapping, off, end);
	if (last > first)
		free_blocks(k, inode, first, last - 1);
	return 0;
}

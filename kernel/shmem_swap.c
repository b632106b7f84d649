/*
 * shmem_swap.c - pages of files in memory that are in swap (linux 6.1
 * mm/shmem.c: shmem_writepage, shmem_swapin_folio, shmem_unuse).
 *
 * Such a page is unmapped first, as that of any file; then its place in the
 * file's tree takes the swap entry. No page table says that it is swapped.
 * Here the entries have a tree of their own, inode->swapped.
 */
#include <errno.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

swp_entry_t shmem_swap_entry(const struct inode *inode, uint64_t index)
{
	return inode->nrswapped ? xa_load(&inode->swapped, index) : 0;
}

static void set_entry(struct inode *inode, uint64_t index, swp_entry_t e)
{
	inode->nrswapped += e ? 1 : -1;
	xa_store(&inode->swapped, index, e);
	if (!inode->nrswapped)
		xa_destroy(&inode->swapped);
}

bool shmem_writepage(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	struct inode *inode = page->mapping->host;
	uint64_t index = page->index;
	swp_entry_t e = get_swap_page(k);

	if (!e)
		return false;
	add_to_swap_cache(k, pfn, e);
	swap_shmem_alloc(k, e);
	page_cache_delete(k, pfn);
	set_entry(inode, index, e);
	swap_writepage(k, pfn);
	return true;
}

pfn_t shmem_swapin(struct kernel *k, struct inode *inode, uint64_t index,
		   bool *major)
{
	swp_entry_t e = shmem_swap_entry(inode, index);
	pfn_t pfn = lookup_swap_cache(k, e, NULL, 0);
	struct page *page;

	*major = pfn == PFN_NONE;
	if (*major)
		pfn = swapin_readahead(k, e, NULL, 0);
	else
		get_page(k, pfn);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	page = pfn_to_page(k, pfn);
	delete_from_swap_cache(k, pfn);
	set_entry(inode, index, 0);
	swap_free(k, e);
	page->flags |= PG_dirty;
	page_cache_add(k, inode, index, pfn); /* takes over the reference */
	return pfn;
}

void shmem_swap_truncate(struct kernel *k, struct inode *inode, uint64_t first,
			 uint64_t last)
{
	swp_entry_t e;

	for (uint64_t i = first;
	     inode->nrswapped && (e = xa_next(&inode->swapped, &i)) &&
	     i <= last;
	     i++) {
		set_entry(inode, i, 0);
		free_swap_and_cache(k, e);
	}
}

static int unuse_inode(struct kernel *k, struct inode *inode,
		       const struct swap_info_struct *si)
{
	swp_entry_t e;
	bool major;

	for (uint64_t i = 0;
	     inode->nrswapped && (e = xa_next(&inode->swapped, &i)); i++)
		if (swp_type(k, e) == si->type &&
		    shmem_swapin(k, inode, i, &major) == PFN_NONE)
			return -ENOMEM;
	return 0;
}

int shmem_unuse(struct kernel *k, const struct swap_info_struct *si)
{
	struct inode *inode;
	int err = 0;

	LIST_FOREACH (inode, &k->inodes, link)
		if (!err)
			err = unuse_inode(k, inode, si);
	return err;
}

void shmem_swapin_range(struct kernel *k, struct inode *inode, uint64_t start,
			uint64_t end)
{
	swp_entry_t e;
	pfn_t pfn;

	for (uint64_t i = start;
	     inode->nrswapped && (e = xa_next(&inode->swapped, &i)) && i < end;
	     i++) {
		pfn = read_swap_cache_async(k, e);
		if (pfn != PFN_NONE)
			put_page(k, pfn);
	}
	lru_add_drain(k);
}

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
	pfn_t e;

	if (!inode->swapped)
		return 0;
	e = find_get_page(inode->swapped, index);
	return e == PFN_NONE ? 0 : e;
}

static void set_entry(struct inode *inode, uint64_t index, swp_entry_t e)
{
	if (!inode->swapped)
		inode->swapped = xcalloc(1, sizeof(*inode->swapped));
	inode->swapped->nrpages += e ? 1 : -1;
	if (e)
		page_cache_replace(inode->swapped, index, e);
	else
		page_cache_clear(inode->swapped, index);
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

void shmem_swap_truncate(struct kernel *k, struct inode *inode, uint64_t start)
{
	pfn_t e;

	if (!inode->swapped)
		return;
	for (uint64_t i = start; page_cache_next(inode->swapped, &i, &e); i++) {
		set_entry(inode, i, 0);
		free_swap_and_cache(k, e);
	}
	if (inode->swapped->nrpages)
		return;
	page_cache_free_nodes(inode->swapped);
	free(inode->swapped);
	inode->swapped = NULL;
}

static int unuse_inode(struct kernel *k, struct inode *inode,
		       const struct swap_info_struct *si)
{
	bool major;
	pfn_t e;

	for (uint64_t i = 0; page_cache_next(inode->swapped, &i, &e); i++)
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
		if (inode->swapped && !err)
			err = unuse_inode(k, inode, si);
	return err;
}

void shmem_swapin_range(struct kernel *k, struct inode *inode, uint64_t start,
			uint64_t end)
{
	pfn_t e, pfn;

	if (!inode->swapped)
		return;
	for (uint64_t i = start;
	     page_cache_next(inode->swapped, &i, &e) && i < end; i++) {
		pfn = read_swap_cache_async(k, e);
		if (pfn != PFN_NONE)
			put_page(k, pfn);
	}
	lru_add_drain(k);
}

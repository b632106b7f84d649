/*
 * fs_check.c - fsck for files: what the page cache, the inodes and the disk
 * say of each other.
 */
#include <inttypes.h>

#include "kernel/block.h"
#include "kernel/internal.h"
#include "kernel/mm_internal.h"

static void check_cache(struct checker *c, struct kernel *k,
			const struct inode *inode)
{
	const struct address_space *m = &inode->mapping;
	pfn_t pfn;

	for (uint64_t i = 0; page_cache_next(m, &i, &pfn); i++) {
		const struct page *page = pfn_to_page(k, pfn);

		if (page->mapping != m || page->index != i ||
		    (page->flags & PG_anon))
			check_finding(c,
				      "pfn 0x%" PRIx64 ": does not know that"
				      " it is page %" PRIu64 " of %s",
				      pfn, i, inode->path);
		if (inode_is_shmem(inode) && !(page->flags & PG_swapbacked))
			check_finding(c,
				      "pfn 0x%" PRIx64 ": a page of tmpfs"
				      " that swap does not back",
				      pfn);
	}
}

/* Counts its blocks in @owners. */
static void check_blocks(struct checker *c, const struct disk *d,
			 const struct inode *inode, uint8_t *owners)
{
	uint64_t block, n = 0;

	for (uint64_t i = 0; (block = xa_next(&inode->blocks, &i)); i++, n++) {
		if (block > d->nblocks || !d->block[block - 1].used)
			check_finding(c,
				      "%s: page %" PRIu64
				      " is in block %" PRIu64 ", which is free",
				      inode->path, i, block - 1);
		else if (owners[block - 1]++)
			check_finding(c, "block %" PRIu64 " has two owners",
				      block - 1);
	}
	if (n != inode->nblocks)
		check_finding(c,
			      "%s: has %" PRIu64 " blocks, %" PRIu64
			      " were counted",
			      inode->path, inode->nblocks, n);
}

void fs_check(struct checker *c, struct kernel *k)
{
	uint8_t *owners = xcalloc(k->disk->nblocks + 1, 1);
	const struct inode *inode;
	uint64_t used = 0;

	LIST_FOREACH (inode, &k->inodes, link) {
		check_cache(c, k, inode);
		check_blocks(c, k->disk, inode, owners);
		used += inode->nblocks;
	}
	if (used != k->disk->nused)
		check_finding(c,
			      "the disk has %" PRIu64 " blocks in use, files"
			      " have %" PRIu64,
			      k->disk->nused, used);
	free(owners);
}

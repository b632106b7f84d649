/*
 * inode.c - files as objects, apart from how they are open (linux 6.1
 * fs/inode.c).
 *
 * Left out: the hash of inodes and their LRU: an inode goes with its last
 * reference.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/hugetlb.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

struct inode *inode_alloc(struct kernel *k, const char *path)
{
	return inode_alloc_from(k, CACHE_INODE, path);
}

struct inode *inode_alloc_from(struct kernel *k, enum mm_cache cache,
			       const char *path)
{
	va_t va = mm_charge(k, cache);
	struct inode *inode;

	if (!va)
		return NULL;
	inode = xcalloc(1, sizeof(*inode));
	inode->addr.va = va;
	inode->cache = cache;
	inode->path = strdup(path);
	if (!inode->path)
		abort();
	inode->refs = 1;
	inode->fd = -1;
	inode->i_mode = S_IFREG | 0644;
	inode->mapping.host = inode;
	LIST_INSERT_HEAD(&k->inodes, inode, link);
	return inode;
}

void iget(struct inode *inode)
{
	inode->refs++;
}

static void truncate_inode_pages(struct kernel *k, struct address_space *m)
{
	pfn_t pfn;

	for (uint64_t i = 0; page_cache_next(m, &i, &pfn); i++)
		put_page(k, pfn);
	xa_destroy(&m->i_pages);
	m->nrpages = 0;
}

void iput(struct kernel *k, struct inode *inode)
{
	if (!inode || --inode->refs)
		return;
	hugetlb_evict_inode(k, inode);
	truncate_inode_pages(k, &inode->mapping);
	shmem_swap_truncate(k, inode, 0, UINT64_MAX);
	vm_unacct_memory(k, inode->committed);
	inode->host_size = 0;
	if (inode->mapping.a_ops && inode->mapping.a_ops->free_blocks)
		inode->mapping.a_ops->free_blocks(k, inode, 0, UINT64_MAX);
	xa_destroy(&inode->blocks);
	LIST_REMOVE(inode, link);
	if (inode->fd >= 0)
		close(inode->fd);
	mm_uncharge(k, inode->cache, inode->addr.va);
	free(inode->path);
	free(inode);
}

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

/* --- who has a file ------------------------------------------------------- */

struct holders {
	const struct file **file; /* one for each area and descriptor */
	size_t n, room;
};

static void add_holder(struct holders *h, const struct file *file)
{
	if (!file)
		return;
	if (h->n == h->room) {
		h->room = h->room ? 2 * h->room : 64;
		h->file = xrealloc(h->file, h->room * sizeof(*h->file));
	}
	h->file[h->n++] = file;
}

static void add_task(struct holders *h, const struct task_struct *t)
{
	const struct vm_area_struct *vma;

	if (t->mm && t->mm->owner == t)
		for_each_vma (&t->mm->vmas, vma)
			add_holder(h, vma->vm_file);
	/* Tables that tasks share are left out. */
	for (int i = 0; t->files && t->files->count == 1 && i < t->files->nfds;
	     i++)
		add_holder(h, t->files->fd[i].file);
}

static int by_address(const void *a, const void *b)
{
	const struct file *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Callers of the kernel may hold a file too; fewer than found is wrong. */
static void check_holders(struct checker *c, struct kernel *k)
{
	struct holders h = { 0 };
	const struct task_struct *t;
	size_t same = 1;

	TAILQ_FOREACH (t, &k->tasks, link)
		add_task(&h, t);
	if (h.n)
		qsort(h.file, h.n, sizeof(*h.file), by_address);
	for (size_t i = 0; i < h.n; i++, same++) {
		if (i + 1 < h.n && h.file[i + 1] == h.file[i])
			continue;
		if (h.file[i]->f_count < (int)same)
			check_finding(c,
				      "%s: f_count is %d, areas and"
				      " descriptors are %zu",
				      h.file[i]->f_inode->path,
				      h.file[i]->f_count, same);
		same = 0;
	}
	free(h.file);
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
	check_holders(c, k);
}

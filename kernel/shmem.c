/*
 * shmem.c - files in memory: tmpfs, shared anonymous memory, memfd (linux 6.1
 * mm/shmem.c, mm/memfd.c).
 *
 * Their pages are made zeroed on first touch or write, and mapped writable at
 * once: there is no disk behind them to keep clean. Reading a hole makes no
 * page. Pages in swap: shmem_swap.c. Left out: sizes and quotas of tmpfs, huge
 * pages, policies, seals.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* What the file has at @index, in memory or in swap; or it is made, if @make.
 */
static pfn_t shmem_get_folio(struct kernel *k, struct inode *inode,
			     uint64_t index, bool make, const char **note,
			     bool *major)
{
	pfn_t pfn = find_get_page(&inode->mapping, index);

	*major = false;
	*note = "page cache hit";
	if (pfn == PFN_NONE && shmem_swap_entry(inode, index)) {
		pfn = shmem_swapin(k, inode, index, major);
		*note = *major ? "read from swap" : "found in the swap cache";
		return pfn;
	}
	if (pfn != PFN_NONE && make) /* fallocate left it as it was */
		pfn_to_page(k, pfn)->flags |= PG_uptodate;
	if (pfn != PFN_NONE || !make)
		return pfn;
	pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE | __GFP_ZERO, 0, "shmem");
	if (pfn == PFN_NONE)
		return PFN_NONE;
	pfn_to_page(k, pfn)->flags |= PG_swapbacked;
	page_cache_add(k, inode, index, pfn);
	folio_add_lru(k, pfn);
	*note = "new zeroed shmem page";
	return pfn;
}

pfn_t shmem_get_page(struct kernel *k, struct inode *inode, uint64_t index,
		     bool make)
{
	const char *note;
	bool major;

	return shmem_get_folio(k, inode, index, make, &note, &major);
}

/*
 * A new page is not up to date until it is asked for again: who looks for what
 * there is, as fault-around and mincore do, passes over it. But it must be
 * swapped, not dropped.
 */
int shmem_fallocate(struct kernel *k, struct inode *inode, uint64_t index)
{
	pfn_t pfn = shmem_get_page(k, inode, index, false);

	if (pfn == PFN_NONE) {
		pfn = shmem_get_page(k, inode, index, true);
		if (pfn == PFN_NONE)
			return -ENOMEM;
		pfn_to_page(k, pfn)->flags &= ~PG_uptodate;
	} else {
		pfn_to_page(k, pfn)->flags |= PG_uptodate;
	}
	set_page_dirty(k, pfn);
	return 0;
}

static unsigned shmem_fault(struct vm_fault *vmf)
{
	struct inode *inode = vmf->vma->vm_file->f_inode;
	bool major;

	if (vmf->pgoff >= file_pages(inode))
		return VM_FAULT_SIGBUS;
	vmf->page = shmem_get_folio(vmf->k, inode, vmf->pgoff, true, &vmf->note,
				    &major);
	if (vmf->page == PFN_NONE)
		return VM_FAULT_OOM;
	get_page(vmf->k, vmf->page);
	return major ? VM_FAULT_MAJOR : 0;
}

static const struct vm_operations_struct shmem_vm_ops = {
	.name = "shmem",
	.fault = shmem_fault,
	.map_pages = filemap_map_pages,
};

static const struct address_space_operations shmem_aops = { .fs = "tmpfs" };

bool inode_is_shmem(const struct inode *inode)
{
	return inode->mapping.a_ops == &shmem_aops;
}

struct inode *shmem_get_inode(struct kernel *k, const char *path, uint64_t dev,
			      unsigned mode)
{
	struct inode *inode = inode_alloc_from(k, CACHE_SHMEM_INODE, path);

	if (!inode)
		return NULL;
	inode->i_mode = mode;
	inode->dev = dev;
	inode->ino = ++k->next_ino;
	inode->ops = &shmem_vm_ops;
	inode->mapping.a_ops = &shmem_aops;
	return inode;
}

/* Of the kernel's own mount of tmpfs, 00:01: no name leads to it. */
static struct file *shmem_file_setup(struct kernel *k, const char *name,
				     uint64_t size)
{
	struct inode *inode = shmem_get_inode(k, name, 1, S_IFREG | 0777);

	if (inode)
		inode->size = size;
	return alloc_file(k, inode, FMODE_READ | FMODE_WRITE);
}

struct file *shmem_zero_setup(struct kernel *k, uint64_t size)
{
	return shmem_file_setup(k, "/dev/zero (deleted)", size);
}

/* --- memfd ---------------------------------------------------------------- */

#define MFD_NAME_MAX 249

int ksys_memfd_create(struct kernel *k, struct task_struct *task,
		      const char *name, unsigned flags)
{
	char path[MFD_NAME_MAX + 20];
	struct file *file;

	if (flags & ~(LX_MFD_CLOEXEC | LX_MFD_ALLOW_SEALING))
		return -EINVAL;
	if (strlen(name) > MFD_NAME_MAX)
		return -EINVAL;
	snprintf(path, sizeof(path), "/memfd:%s (deleted)", name);
	file = shmem_file_setup(k, path, 0);
	if (!file)
		return -ENOMEM;
	return fd_install(k, task, file,
			  flags & LX_MFD_CLOEXEC ? LX_O_CLOEXEC : 0);
}

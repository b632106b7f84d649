/*
 * shmem.c - memory that is shared through a nameless file (linux 6.1
 * mm/shmem.c: shmem_zero_setup, shmem_fault).
 *
 * Its pages are made zeroed on first touch, and mapped writable at once: there
 * is no disk behind them to keep clean. Pages in swap: shmem_swap.c. Left out:
 * sizes and quotas of tmpfs, huge pages, policies.
 */
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

static unsigned shmem_fault(struct vm_fault *vmf)
{
	struct inode *inode = vmf->vma->vm_file->f_inode;
	pfn_t pfn = find_get_page(&inode->mapping, vmf->pgoff);
	struct kernel *k = vmf->k;
	bool major = false;

	if (vmf->pgoff >= PAGE_ALIGN(inode->size) >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	vmf->note = "page cache hit";
	if (pfn == PFN_NONE && shmem_swap_entry(inode, vmf->pgoff)) {
		pfn = shmem_swapin(k, inode, vmf->pgoff, &major);
		if (pfn == PFN_NONE)
			return VM_FAULT_OOM;
		vmf->note = major ? "read from swap" : "found in the swap cache";
	}
	if (pfn == PFN_NONE) {
		pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE | __GFP_ZERO, 0, "shmem");
		if (pfn == PFN_NONE)
			return VM_FAULT_OOM;
		pfn_to_page(k, pfn)->flags |= PG_swapbacked;
		page_cache_add(k, inode, vmf->pgoff, pfn);
		folio_add_lru(k, pfn);
		vmf->note = "new zeroed shmem page";
	}
	get_page(k, pfn);
	vmf->page = pfn;
	return major ? VM_FAULT_MAJOR : 0;
}

static const struct vm_operations_struct shmem_vm_ops = {
	.name = "shmem",
	.fault = shmem_fault,
	.map_pages = filemap_map_pages,
};

struct file *shmem_zero_setup(struct kernel *k, uint64_t size)
{
	struct inode *inode = inode_alloc_from(
		k, CACHE_SHMEM_INODE, "/dev/zero (deleted)");

	if (!inode)
		return NULL;
	inode->dev = 1;		/* the kernel's own mount of tmpfs: 00:01 */
	inode->ino = ++k->next_ino;
	inode->size = size;
	inode->ops = &shmem_vm_ops;
	return alloc_file(k, inode, FMODE_READ | FMODE_WRITE);
}

/*
 * filemap.c - the page cache of files and faults on it (linux 6.1
 * mm/filemap.c).
 *
 *	fault -- cached ------- marked by readahead? read on -- map it
 *	  +----- not cached --- read around it, a major fault -- map it
 *
 * After it waited for the disk Linux lets the fault be tried again, so that
 * what was read is mapped around the address, and counts it as major: also
 * when only the mark of readahead was met.
 *
 * Left out: locks, errors of the device, direct I/O, large folios, DAX.
 */
#include <errno.h>
#include <string.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

/* --- the cache ------------------------------------------------------------ */

pfn_t find_get_page(const struct address_space *m, uint64_t index)
{
	uint64_t value = xa_load(&m->i_pages, index);

	return value ? value - 1 : PFN_NONE;
}

void page_cache_replace(struct address_space *m, uint64_t index, pfn_t pfn)
{
	xa_store(&m->i_pages, index, pfn + 1);
}

bool page_cache_next(const struct address_space *m, uint64_t *index, pfn_t *pfn)
{
	uint64_t value = xa_next(&m->i_pages, index);

	*pfn = value - 1;
	return value;
}

void page_cache_add(struct kernel *k, struct inode *inode, uint64_t index,
		    pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	page->flags |= PG_uptodate;
	page->mapping = &inode->mapping;
	page->index = index;
	page_cache_replace(&inode->mapping, index, pfn);
	inode->mapping.nrpages++;
}

void page_cache_clear(struct address_space *m, uint64_t index)
{
	xa_store(&m->i_pages, index, 0);
}

void page_cache_free_nodes(struct address_space *m)
{
	xa_destroy(&m->i_pages);
}

void page_cache_delete(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	page_cache_clear(page->mapping, page->index);
	page->mapping->nrpages--;
	page->mapping = NULL;
	page->flags &= ~(PG_dirty | PG_readahead);
	page_changed(k, page);
	put_page(k, pfn);
}

pfn_t page_cache_new(struct kernel *k, struct inode *inode, uint64_t index)
{
	pfn_t pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "page cache");

	if (pfn == PFN_NONE)
		return PFN_NONE;
	page_cache_add(k, inode, index, pfn);
	folio_add_lru(k, pfn);
	return pfn;
}

pfn_t page_cache_read(struct kernel *k, struct inode *inode, uint64_t index)
{
	const struct address_space_operations *ops = inode->mapping.a_ops;
	pfn_t pfn = page_cache_new(k, inode, index);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	if (index < file_pages(inode) && ops && ops->read_folio)
		ops->read_folio(k, inode, index, pfn);
	else
		memset(page_bytes(k, pfn), 0, PAGE_SIZE);
	return pfn;
}

/* --- reading by the kernel itself ----------------------------------------- */

/* The page at @index for a reader of @req pages; PFN_NONE: no memory. */
static pfn_t filemap_get_page(struct kernel *k, struct file *file,
			      uint64_t index, uint64_t req)
{
	struct address_space *m = file->f_mapping;
	pfn_t pfn = find_get_page(m, index);

	if (pfn == PFN_NONE) {
		page_cache_sync_ra(k, file, index, req);
		pfn = find_get_page(m, index);
	}
	if (pfn == PFN_NONE)
		return page_cache_read(k, file->f_inode, index);
	if (pfn_to_page(k, pfn)->flags & PG_readahead)
		page_cache_async_ra(k, file, index, req);
	return pfn;
}

int64_t filemap_read(struct kernel *k, struct file *file, uint64_t off,
		     struct iov *to, uint64_t len)
{
	uint64_t size = file->f_inode->size, done = 0;

	if (off >= size)
		return 0;
	if (len > size - off)
		len = size - off;
	while (done < len) {
		uint64_t at = off + done, in = at & ~PAGE_MASK;
		uint64_t n = PAGE_SIZE - in, copied;
		pfn_t pfn = filemap_get_page(
			k, file, at >> PAGE_SHIFT,
			(PAGE_ALIGN(off + len) - (at & PAGE_MASK)) >>
				PAGE_SHIFT);

		if (pfn == PFN_NONE)
			return done ? (int64_t)done : -ENOMEM;
		if (n > len - done)
			n = len - done;
		if (at >> PAGE_SHIFT !=
		    (uint64_t)(file->f_ra.prev_pos - 1) >> PAGE_SHIFT)
			mark_page_accessed(k, pfn);
		copied = copy_to_iov(k, to, done,
				     (char *)page_bytes(k, pfn) + in, n);
		done += copied;
		file->f_ra.prev_pos = off + done;
		if (copied < n)
			return done ? (int64_t)done : -EFAULT;
	}
	return done;
}

int64_t file_read(struct kernel *k, struct file *file, uint64_t off, void *buf,
		  uint64_t len)
{
	return filemap_read(k, file, off, &(struct iov){ .bytes = buf }, len);
}

/* --- faults --------------------------------------------------------------- */

/* Built-in files count as cached: there is no device behind them. */
static unsigned filemap_fault(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct inode *inode = file->f_inode;
	unsigned ret = 0;

	if (vmf->pgoff >= file_pages(inode))
		return VM_FAULT_SIGBUS;
	vmf->page = find_get_page(&inode->mapping, vmf->pgoff);
	vmf->note = "page cache hit";
	if (vmf->page == PFN_NONE) {
		do_sync_mmap_readahead(vmf);
		vmf->page = find_get_page(&inode->mapping, vmf->pgoff);
		if (vmf->page == PFN_NONE)
			vmf->page = page_cache_read(vmf->k, inode, vmf->pgoff);
		if (vmf->page == PFN_NONE)
			return VM_FAULT_OOM;
		ret = inode->bytes ? 0 : VM_FAULT_MAJOR;
		vmf->note = ret ? "read from file" : vmf->note;
	} else if (do_async_mmap_readahead(vmf, vmf->page)) {
		ret = VM_FAULT_MAJOR;
		vmf->note = "readahead mark: more was read";
	}
	get_page(vmf->k, vmf->page);
	return ret;
}

/* Built-in bytes are there without waiting for a disk. */
static void read_builtin(struct vm_fault *vmf, uint64_t start, uint64_t end)
{
	struct inode *inode = vmf->vma->vm_file->f_inode;

	for (uint64_t i = start; inode->bytes && i < end; i++)
		if (find_get_page(&inode->mapping, i) == PFN_NONE &&
		    page_cache_read(vmf->k, inode, i) == PFN_NONE)
			return;
}

/* linux next_uptodate_page() */
static bool may_map_around(const struct kernel *k, pfn_t pfn)
{
	return (pfn_to_page(k, pfn)->flags & (PG_uptodate | PG_readahead)) ==
	       PG_uptodate;
}

unsigned filemap_map_pages(struct vm_fault *vmf, uint64_t start, uint64_t end)
{
	struct file *file = vmf->vma->vm_file;
	unsigned size = vmf->k->mode->entry_size;
	unsigned ret = 0;

	if (end > file_pages(file->f_inode))
		end = file_pages(file->f_inode);
	read_builtin(vmf, start, end);
	for (uint64_t i = start; i < end; i++) {
		int64_t off = i - vmf->pgoff;
		uint8_t *ptep = vmf->pte + off * (int)size;
		pfn_t pfn = find_get_page(file->f_mapping, i);

		if (pfn == PFN_NONE || !may_map_around(vmf->k, pfn))
			continue;
		if (file->f_ra.mmap_miss)
			file->f_ra.mmap_miss--;
		if (ptep_get(vmf->k, ptep))
			continue;
		get_page(vmf->k, pfn);
		do_set_pte(vmf, pfn, vmf->address + off * (int64_t)PAGE_SIZE,
			   ptep);
		if (!off)
			ret = VM_FAULT_NOPAGE;
	}
	return ret;
}

/* A shared page is about to be written: it needs room on the disk. */
static unsigned filemap_page_mkwrite(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);
	struct address_space *m = page->mapping;

	if (m->a_ops && m->a_ops->get_block &&
	    m->a_ops->get_block(k, m->host, page->index))
		return VM_FAULT_SIGBUS;
	set_page_dirty(k, pfn);
	return 0;
}

const struct vm_operations_struct generic_file_vm_ops = {
	.name = "file",
	.fault = filemap_fault,
	.map_pages = filemap_map_pages,
	.page_mkwrite = filemap_page_mkwrite,
};

/* --- files of the kernel's image ------------------------------------------ */

static void builtin_read_folio(struct kernel *k, struct inode *inode,
			       uint64_t index, pfn_t pfn)
{
	uint64_t off = index << PAGE_SHIFT, n = inode->size - off;
	char *bytes = page_bytes(k, pfn);

	n = n < PAGE_SIZE ? n : PAGE_SIZE;
	memcpy(bytes, inode->bytes + off, n);
	memset(bytes + n, 0, PAGE_SIZE - n);
}

static const struct address_space_operations builtin_aops = {
	.fs = "ramfs",
	.read_folio = builtin_read_folio,
};

struct file *file_builtin(struct kernel *k, const char *path, const void *bytes,
			  uint64_t size)
{
	struct inode *inode = inode_alloc(k, path);

	if (!inode)
		return NULL;
	inode->bytes = bytes;
	inode->size = size;
	inode->ino = ++k->next_ino;
	inode->ops = &generic_file_vm_ops;
	inode->mapping.a_ops = &builtin_aops;
	return alloc_file_builtin(inode, FMODE_READ | FMODE_WRITE);
}

/*
 * filemap.c - files and their page cache (linux 6.1 mm/filemap.c,
 * mm/readahead.c).
 *
 * A file is a file of the host, read when a page of it is first needed, or
 * bytes built into the program. It is never written: stores to a shared
 * mapping stay in the page cache.
 *
 * Left out: locks, writeback, truncation,
 * readahead sizes that adapt: a miss reads 32 pages around, and a fault that
 * maps up to the end of what was read ahead reads the next 32.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

#define RA_PAGES 32	/* linux VM_READAHEAD_PAGES: 128 KiB */

/* --- the cache ------------------------------------------------------------ */

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

void page_cache_delete(struct kernel *k, pfn_t pfn)
{
	struct page *page = pfn_to_page(k, pfn);

	page_cache_clear(page->mapping, page->index);
	page->mapping->nrpages--;
	page->mapping = NULL;
	put_page(k, pfn);
}

/* --- reading -------------------------------------------------------------- */

static uint64_t file_pages(const struct inode *inode)
{
	return PAGE_ALIGN(inode->size) >> PAGE_SHIFT;
}

/* Fills a frame; what the file does not have (any more) is zero. */
static void read_page(struct kernel *k, const struct inode *inode,
		      uint64_t index, pfn_t pfn)
{
	uint64_t off = index << PAGE_SHIFT;
	char *bytes = page_bytes(k, pfn);
	size_t len = 0, want = PAGE_SIZE;
	ssize_t n;

	if (inode->size - off < want)
		want = inode->size - off;
	if (inode->bytes) {
		memcpy(bytes, inode->bytes + off, want);
		len = want;
	}
	while (inode->fd >= 0 && len < want) {
		n = pread(inode->fd, bytes + len, want - len, off + len);
		if (n <= 0)
			break;
		len += n;
	}
	memset(bytes + len, 0, PAGE_SIZE - len);
}

/* Reads what is absent of [from, end): stops when memory runs out. */
static void page_cache_readahead(struct kernel *k, struct inode *inode,
				 uint64_t from, uint64_t end)
{
	if (end > file_pages(inode))
		end = file_pages(inode);
	for (uint64_t i = from; i < end; i++) {
		pfn_t pfn;

		if (find_get_page(&inode->mapping, i) != PFN_NONE)
			continue;
		pfn = alloc_pages(k, GFP_HIGHUSER_MOVABLE, 0, "page cache");
		if (pfn == PFN_NONE)
			return;
		read_page(k, inode, i, pfn);
		page_cache_add(k, inode, i, pfn);
		folio_add_lru(k, pfn);
	}
	inode->mapping.ra_end = end;
}

/* The page at @index, which lies within the file; PFN_NONE: no memory. */
static pfn_t read_cache_page(struct kernel *k, struct inode *inode,
			     uint64_t index, bool *miss)
{
	uint64_t from = index > RA_PAGES / 2 ? index - RA_PAGES / 2 : 0;
	pfn_t pfn = find_get_page(&inode->mapping, index);

	*miss = pfn == PFN_NONE;
	if (!*miss)
		return pfn;
	page_cache_readahead(k, inode, from, from + RA_PAGES);
	return find_get_page(&inode->mapping, index);
}

int64_t file_read(struct kernel *k, struct file *file, uint64_t off, void *buf,
		  uint64_t len)
{
	struct inode *inode = file->f_inode;
	uint64_t done = 0;
	bool miss;

	if (off >= inode->size)
		return 0;
	if (len > inode->size - off)
		len = inode->size - off;
	while (done < len) {
		uint64_t in = (off + done) & ~PAGE_MASK;
		uint64_t n = PAGE_SIZE - in < len - done ? PAGE_SIZE - in :
							   len - done;
		pfn_t pfn = read_cache_page(k, inode,
					    (off + done) >> PAGE_SHIFT, &miss);

		if (pfn == PFN_NONE)
			return done ? (int64_t)done : -ENOMEM;
		memcpy((char *)buf + done, (char *)page_bytes(k, pfn) + in, n);
		done += n;
	}
	return done;
}

/* --- faults --------------------------------------------------------------- */

/* Built-in files count as cached: there is no device behind them. */
static unsigned filemap_fault(struct vm_fault *vmf)
{
	struct inode *inode = vmf->vma->vm_file->f_inode;
	bool miss;

	if (vmf->pgoff >= file_pages(inode))
		return VM_FAULT_SIGBUS;
	vmf->page = read_cache_page(vmf->k, inode, vmf->pgoff, &miss);
	if (vmf->page == PFN_NONE)
		return VM_FAULT_OOM;
	get_page(vmf->k, vmf->page);
	miss = miss && inode->fd >= 0;
	vmf->note = miss ? "read from file" : "page cache hit";
	return miss ? VM_FAULT_MAJOR : 0;
}

unsigned filemap_map_pages(struct vm_fault *vmf, uint64_t start, uint64_t end)
{
	struct address_space *m = vmf->vma->vm_file->f_mapping;
	unsigned size = vmf->k->mode->entry_size;
	unsigned ret = 0;

	if (end > file_pages(m->host))
		end = file_pages(m->host);
	if (m->host->bytes)	/* never waits for a disk */
		page_cache_readahead(vmf->k, m->host, start, end);
	for (uint64_t i = start; i < end; i++) {
		int64_t off = i - vmf->pgoff;
		uint8_t *ptep = vmf->pte + off * (int)size;
		pfn_t pfn = find_get_page(m, i);

		if (pfn == PFN_NONE || ptep_get(vmf->k, ptep))
			continue;
		get_page(vmf->k, pfn);
		do_set_pte(vmf, pfn, vmf->address + off * (int64_t)PAGE_SIZE,
			   ptep);
		if (!off)
			ret = VM_FAULT_NOPAGE;
	}
	if (ret && m->host->fd >= 0 && end >= m->ra_end)
		page_cache_readahead(vmf->k, m->host, m->ra_end,
				     m->ra_end + RA_PAGES);
	return ret;
}

static unsigned filemap_page_mkwrite(struct kernel *k, pfn_t pfn)
{
	pfn_to_page(k, pfn)->flags |= PG_dirty;
	return 0;
}

static const struct vm_operations_struct file_vm_ops = {
	.name = "file",
	.fault = filemap_fault,
	.map_pages = filemap_map_pages,
	.page_mkwrite = filemap_page_mkwrite,
};

/* --- opening -------------------------------------------------------------- */

static struct inode *find_inode(struct kernel *k, uint64_t dev, uint64_t ino)
{
	struct inode *inode;

	LIST_FOREACH(inode, &k->inodes, link)
		if (inode->fd >= 0 && inode->dev == dev && inode->ino == ino)
			return inode;
	return NULL;
}

static int inode_from_fd(struct kernel *k, const char *path, int fd,
			 struct inode **ret)
{
	struct inode *inode;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENODEV;
	inode = find_inode(k, st.st_dev, st.st_ino);
	if (inode) {
		inode->size = st.st_size;
		iget(inode);
		close(fd);
		*ret = inode;
		return 0;
	}
	inode = inode_alloc(k, path);
	if (!inode)
		return -ENOMEM;
	inode->fd = fd;
	inode->dev = st.st_dev;
	inode->ino = st.st_ino;
	inode->size = st.st_size;
	inode->ops = &file_vm_ops;
	*ret = inode;
	return 0;
}

int file_open(struct kernel *k, const char *path, struct file **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct inode *inode = NULL;
	int err;

	if (fd < 0)
		return -errno;
	err = inode_from_fd(k, path, fd, &inode);
	if (err) {
		close(fd);
		return err;
	}
	*ret = alloc_file(k, inode, FMODE_READ | FMODE_WRITE);
	return *ret ? 0 : -ENOMEM;
}

struct file *file_builtin(struct kernel *k, const char *path,
			   const void *bytes, uint64_t size)
{
	struct inode *inode = inode_alloc(k, path);

	if (!inode)
		return NULL;
	inode->bytes = bytes;
	inode->size = size;
	inode->ino = ++k->next_ino;
	inode->ops = &file_vm_ops;
	return alloc_file_builtin(inode, FMODE_READ | FMODE_WRITE);
}

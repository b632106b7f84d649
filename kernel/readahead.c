/*
 * readahead.c - reading before it is asked for (linux 6.1 mm/readahead.c, and
 * the readahead of faults from mm/filemap.c).
 *
 *	        |<----- size ----->|
 *	  start v       mark       v
 *	 |......|.........#........|.............|
 *	                  |<-async>|
 *
 * A sequential reader who meets the mark has @async_size pages left and makes
 * the next window be read, which is twice as large, up to ra_pages. A fault
 * reads a window around its page, whatever was read before.
 *
 * Left out: congestion, large folios, expansion by a file system; the largest
 * request of the device is MAX_SECTORS.
 */
#include "kernel/block.h"
#include "kernel/mm_internal.h"

#define MMAP_LOTSAMISS 100

void file_ra_state_init(const struct kernel *k, struct file *file)
{
	file->f_ra.ra_pages = disk_ra_pages(k);
	file->f_ra.prev_pos = -1;
}

/* Pages [from, end) of the file were read, or those of them that were absent.
 */
static void report(struct kernel *k, const struct inode *inode, uint64_t from,
		   uint64_t end, uint64_t nr)
{
	if (nr && !inode->bytes)
		kevent(k, .kind = KEV_IO, .func = "page_cache_ra",
		       .note = "read at file offset", .n = nr,
		       .va = from << PAGE_SHIFT, .end = end << PAGE_SHIFT);
}

/* Reads [index, index + nr), no further than the file goes. */
static void do_page_cache_ra(struct kernel *k, struct file *file,
			     uint64_t index, uint64_t nr, uint64_t lookahead)
{
	struct inode *inode = file->f_inode;
	uint64_t pages = file_pages(inode), done = 0;

	if (index >= pages)
		return;
	if (nr > pages - index)
		nr = pages - index;
	disk_unplug(k);
	for (uint64_t i = 0; i < nr; i++) {
		pfn_t pfn;

		if (find_get_page(&inode->mapping, index + i) != PFN_NONE)
			continue;
		pfn = page_cache_read(k, inode, index + i);
		if (pfn == PFN_NONE)
			break;
		done++;
		if (i == nr - lookahead)
			pfn_to_page(k, pfn)->flags |= PG_readahead;
	}
	disk_unplug(k);
	report(k, inode, index, index + nr, done);
}

void force_page_cache_ra(struct kernel *k, struct file *file, uint64_t index,
			 uint64_t nr)
{
	uint64_t io_pages = MAX_SECTORS / BLOCK_SECTORS;
	uint64_t max = file->f_ra.ra_pages;

	if (io_pages > max)
		max = io_pages;
	do_page_cache_ra(k, file, index, nr < max ? nr : max, 0);
}

static uint64_t roundup_pow_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static uint64_t get_init_ra_size(uint64_t size, uint64_t max)
{
	uint64_t n = roundup_pow_of_two(size);

	if (n <= max / 32)
		return n * 4;
	return n <= max / 4 ? n * 2 : max;
}

static uint64_t get_next_ra_size(const struct file_ra_state *ra, uint64_t max)
{
	if (ra->size < max / 16)
		return 4 * ra->size;
	return ra->size <= max / 2 ? 2 * ra->size : max;
}

/* How many pages right before @index are cached; no more than @max. */
static uint64_t count_history_pages(const struct address_space *m,
				    uint64_t index, uint64_t max)
{
	uint64_t n = 0;

	while (n < max && n < index &&
	       find_get_page(m, index - 1 - n) != PFN_NONE)
		n++;
	return n;
}

/* A stream that another reader's left traces of in the cache. */
static bool try_context_readahead(const struct address_space *m,
				  struct file_ra_state *ra, uint64_t index,
				  uint64_t req, uint64_t max)
{
	uint64_t size = count_history_pages(m, index, max);

	if (size <= req)
		return false;
	if (size >= index)
		size *= 2;
	ra->start = index;
	ra->size = size + req < max ? size + req : max;
	ra->async_size = 1;
	return true;
}

static void initial_window(struct file_ra_state *ra, uint64_t index,
			   uint64_t req, uint64_t max)
{
	ra->start = index;
	ra->size = get_init_ra_size(req, max);
	ra->async_size = ra->size > req ? ra->size - req : ra->size;
}

/* The mark of another window: the next begins at the first page absent. */
static bool window_after_mark(const struct address_space *m,
			      struct file_ra_state *ra, uint64_t index,
			      uint64_t req, uint64_t max)
{
	uint64_t start = index + 1;

	while (start - index <= max && find_get_page(m, start) != PFN_NONE)
		start++;
	if (start - index > max)
		return false;
	ra->start = start;
	ra->size = start - index + req;
	ra->size = get_next_ra_size(ra, max);
	ra->async_size = ra->size;
	return true;
}

/* Sets the window for @index; false: read just what is asked for, or nothing.
 */
static bool next_window(const struct address_space *m, struct file_ra_state *ra,
			uint64_t index, bool mark, uint64_t req, uint64_t max)
{
	uint64_t next = get_next_ra_size(ra, max);

	if (index && (index == ra->start + ra->size - ra->async_size ||
		      index == ra->start + ra->size)) {
		ra->start += ra->size;
		if (next > ra->size) /* one large read's window stays large */
			ra->size = next;
		ra->async_size = ra->size;
		return true;
	}
	if (index && mark)
		return window_after_mark(m, ra, index, req, max);
	if (!index || req > max ||
	    index - (uint64_t)(ra->prev_pos >> PAGE_SHIFT) <= 1) {
		initial_window(ra, index, req, max);
		return true;
	}
	return try_context_readahead(m, ra, index, req, max);
}

static void ondemand_readahead(struct kernel *k, struct file *file,
			       uint64_t index, bool mark, uint64_t req)
{
	uint64_t io_pages = MAX_SECTORS / BLOCK_SECTORS, add;
	struct file_ra_state *ra = &file->f_ra;
	uint64_t max = ra->ra_pages;

	if (req > max && io_pages > max)
		max = req < io_pages ? req : io_pages;
	if (!next_window(file->f_mapping, ra, index, mark, req, max)) {
		if (!mark)
			do_page_cache_ra(k, file, index, req, 0);
		return;
	}
	/* Its own mark would be met at once: take the next window too. */
	if (index == ra->start && ra->size == ra->async_size) {
		add = get_next_ra_size(ra, max);
		if (ra->size + add <= max) {
			ra->async_size = add;
			ra->size += add;
		} else {
			ra->size = max;
			ra->async_size = max >> 1;
		}
	}
	do_page_cache_ra(k, file, ra->start, ra->size, ra->async_size);
}

/*
 * Only a disk is worth reading ahead from. What is built in is in memory, and
 * gets its pages in runs.
 */
static bool has_disk(struct kernel *k, struct file *file, uint64_t index)
{
	const struct address_space_operations *ops = file->f_mapping->a_ops;

	if (file->f_inode->bytes)
		do_page_cache_ra(k, file, index > 16 ? index - 16 : 0, 32, 0);
	return ops && ops->writepage;
}

void page_cache_sync_ra(struct kernel *k, struct file *file, uint64_t index,
			uint64_t req)
{
	if (!has_disk(k, file, index))
		return;
	if (!file->f_ra.ra_pages)
		force_page_cache_ra(k, file, index, 1);
	else if (file->f_mode & FMODE_RANDOM)
		force_page_cache_ra(k, file, index, req);
	else
		ondemand_readahead(k, file, index, false, req);
}

void page_cache_async_ra(struct kernel *k, struct file *file, uint64_t index,
			 uint64_t req)
{
	pfn_t pfn = find_get_page(file->f_mapping, index);

	if (!file->f_ra.ra_pages)
		return;
	pfn_to_page(k, pfn)->flags &= ~PG_readahead;
	ondemand_readahead(k, file, index, true, req);
}

/* --- faults --------------------------------------------------------------- */

void do_sync_mmap_readahead(struct vm_fault *vmf)
{
	struct file *file = vmf->vma->vm_file;
	struct file_ra_state *ra = &file->f_ra;
	uint64_t half = ra->ra_pages / 2;

	if (!has_disk(vmf->k, file, vmf->pgoff) ||
	    (vmf->vma->vm_flags & VM_RAND_READ) || !ra->ra_pages)
		return;
	if (vmf->vma->vm_flags & VM_SEQ_READ) {
		page_cache_sync_ra(vmf->k, file, vmf->pgoff, ra->ra_pages);
		return;
	}
	if (ra->mmap_miss < MMAP_LOTSAMISS * 10)
		ra->mmap_miss++;
	if (ra->mmap_miss > MMAP_LOTSAMISS)
		return;
	ra->start = vmf->pgoff > half ? vmf->pgoff - half : 0;
	ra->size = ra->ra_pages;
	ra->async_size = ra->ra_pages / 4;
	do_page_cache_ra(vmf->k, file, ra->start, ra->size, ra->async_size);
}

bool do_async_mmap_readahead(struct vm_fault *vmf, pfn_t pfn)
{
	struct file *file = vmf->vma->vm_file;
	struct file_ra_state *ra = &file->f_ra;

	if ((vmf->vma->vm_flags & VM_RAND_READ) || !ra->ra_pages)
		return false;
	if (ra->mmap_miss)
		ra->mmap_miss--;
	if (!(pfn_to_page(vmf->k, pfn)->flags & PG_readahead))
		return false;
	page_cache_async_ra(vmf->k, file, vmf->pgoff, ra->ra_pages);
	return true;
}

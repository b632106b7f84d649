/*
 * read_write.c - read, write, lseek (linux 6.1 fs/read_write.c; mm/filemap.c:
 * generic_perform_write; mm/shmem.c: shmem_file_read_iter; lib/iov_iter.c).
 *
 * Bytes move between the page cache and the memory of the process, a page at
 * a time; where that faults the call ends short, or in -EFAULT. Left out:
 * vectors, pipes' contents, O_DIRECT, O_SYNC, RLIMIT_FSIZE, times of files.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/gup.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"
#include "kernel/swap.h"

#define MAX_RW_COUNT (INT32_MAX & PAGE_MASK)

/* --- the process' side ---------------------------------------------------- */

uint64_t copy_to_iov(struct kernel *k, const struct iov *to, uint64_t done,
		     const void *src, uint64_t n)
{
	int err;

	if (to->mm)
		return access_process_vm(k, to->mm, to->va + done, (void *)src,
					 n, FOLL_WRITE, &err);
	if (to->bytes)
		memcpy((char *)to->bytes + done, src, n);
	return n;
}

uint64_t copy_from_iov(struct kernel *k, const struct iov *from, uint64_t done,
		       void *dst, uint64_t n)
{
	int err;

	if (from->mm)
		return access_process_vm(k, from->mm, from->va + done, dst, n,
					 0, &err);
	memcpy(dst, (const char *)from->bytes + done, n);
	return n;
}

static bool access_ok(const struct iov *v, uint64_t len)
{
	return !v->mm ||
	       (len <= v->mm->task_size && v->va <= v->mm->task_size - len);
}

/* --- reading -------------------------------------------------------------- */

/* Of tmpfs: a hole gives zeroes, and stays one. */
static int64_t shmem_read(struct kernel *k, struct file *file, uint64_t off,
			  struct iov *to, uint64_t len)
{
	static const char zeroes[PAGE_SIZE];
	uint64_t size = file->f_inode->size, done = 0;

	if (off >= size)
		return 0;
	if (len > size - off)
		len = size - off;
	while (done < len) {
		uint64_t at = off + done, in = at & ~PAGE_MASK;
		uint64_t n = PAGE_SIZE - in, copied;
		pfn_t pfn = shmem_get_page(k, file->f_inode, at >> PAGE_SHIFT,
					   false);

		/* it is in swap, and there is no room for it */
		if (pfn == PFN_NONE &&
		    shmem_swap_entry(file->f_inode, at >> PAGE_SHIFT))
			return done ? (int64_t)done : -ENOMEM;
		if (n > len - done)
			n = len - done;
		if (pfn != PFN_NONE && !in)
			mark_page_accessed(k, pfn);
		copied = copy_to_iov(k, to, done,
				     pfn == PFN_NONE
					     ? zeroes
					     : (char *)page_bytes(k, pfn) + in,
				     n);
		done += copied;
		if (copied < n)
			return done ? (int64_t)done : -EFAULT;
	}
	return done;
}

static int64_t vfs_read(struct kernel *k, struct file *file, struct iov *to,
			uint64_t len, uint64_t pos)
{
	if (S_ISDIR(file->f_inode->i_mode))
		return -EISDIR;
	if (!file->f_mapping->a_ops)
		return S_ISFIFO(file->f_inode->i_mode) ? -EAGAIN : -EINVAL;
	if (inode_is_shmem(file->f_inode))
		return shmem_read(k, file, pos, to, len);
	return filemap_read(k, file, pos, to, len);
}

/* --- writing -------------------------------------------------------------- */

/*
 * The page at @index, to be written from @in to @end: read if some of it
 * stays. PFN_NONE and *err.
 */
static pfn_t write_begin(struct kernel *k, struct inode *inode, uint64_t index,
			 uint64_t in, uint64_t end, int *err)
{
	const struct address_space_operations *ops = inode->mapping.a_ops;
	pfn_t pfn = find_get_page(&inode->mapping, index);

	*err = -ENOMEM;
	if (inode_is_shmem(inode))
		pfn = shmem_get_page(k, inode, index, true);
	else if (pfn == PFN_NONE && in == 0 && end == PAGE_SIZE)
		pfn = page_cache_new(k, inode, index);
	else if (pfn == PFN_NONE)
		pfn = page_cache_read(k, inode, index);
	if (pfn == PFN_NONE || !ops->get_block)
		return pfn;
	*err = ops->get_block(k, inode, index);
	return *err ? PFN_NONE : pfn;
}

static void write_end(struct kernel *k, struct inode *inode, pfn_t pfn,
		      uint64_t end)
{
	set_page_dirty(k, pfn);
	if (end > inode->size)
		inode->size = end;
}

static int64_t generic_perform_write(struct kernel *k, struct inode *inode,
				     uint64_t pos, struct iov *from,
				     uint64_t len)
{
	char buf[PAGE_SIZE];
	uint64_t done = 0;
	int err = 0;

	while (done < len) {
		uint64_t at = pos + done, in = at & ~PAGE_MASK;
		uint64_t n = PAGE_SIZE - in, copied;
		pfn_t pfn;

		if (n > len - done)
			n = len - done;
		copied = copy_from_iov(k, from, done, buf, n);
		err = -EFAULT;
		if (!copied)
			break;
		pfn = write_begin(k, inode, at >> PAGE_SHIFT, in, in + copied,
				  &err);
		if (pfn == PFN_NONE)
			break;
		memcpy((char *)page_bytes(k, pfn) + in, buf, copied);
		write_end(k, inode, pfn, at + copied);
		done += copied;
	}
	return done ? (int64_t)done : err;
}

static int64_t vfs_write(struct kernel *k, struct file *file, struct iov *from,
			 uint64_t len, uint64_t pos)
{
	struct inode *inode = file->f_inode;

	if (!file->f_mapping->a_ops)
		return S_ISFIFO(inode->i_mode) ? -EAGAIN : -EINVAL;
	if (!len)
		return 0;
	if (pos >= max_file_size(inode))
		return -EFBIG;
	if (len > max_file_size(inode) - pos)
		len = max_file_size(inode) - pos;
	return generic_perform_write(k, inode, pos, from, len);
}

/* --- the calls ------------------------------------------------------------ */

/* linux rw_verify_area(), and what ksys_pread64 refuses before. */
static int check_rw(const struct file *file, unsigned mode, const struct iov *v,
		    uint64_t len, const int64_t *pos)
{
	if (!file)
		return -EBADF;
	if (pos && S_ISFIFO(file->f_inode->i_mode))
		return -ESPIPE;
	if (!(file->f_mode & mode))
		return -EBADF;
	if (!access_ok(v, len))
		return -EFAULT;
	return len > INT64_MAX ? -EINVAL : 0;
}

int64_t ksys_read(struct kernel *k, struct task_struct *task, int fd,
		  struct iov *to, uint64_t len, const int64_t *pos)
{
	struct file *file = fget(task, fd);
	int64_t n;

	if (pos && *pos < 0)
		return -EINVAL;
	n = check_rw(file, FMODE_READ, to, len, pos);
	if (n)
		return n;
	if (len > MAX_RW_COUNT)
		len = MAX_RW_COUNT;
	n = vfs_read(k, file, to, len, pos ? (uint64_t)*pos : file->f_pos);
	if (n > 0 && !pos)
		file->f_pos += n;
	return n;
}

int64_t ksys_write(struct kernel *k, struct task_struct *task, int fd,
		   struct iov *from, uint64_t len, const int64_t *pos)
{
	struct file *file = fget(task, fd);
	uint64_t at;
	int64_t n;

	if (pos && *pos < 0)
		return -EINVAL;
	n = check_rw(file, FMODE_WRITE, from, len, pos);
	if (n)
		return n;
	if (len > MAX_RW_COUNT)
		len = MAX_RW_COUNT;
	at = pos ? (uint64_t)*pos : file->f_pos;
	if (file->f_flags & LX_O_APPEND)
		at = file->f_inode->size;
	n = vfs_write(k, file, from, len, at);
	if (n > 0 && !pos)
		file->f_pos = at + n;
	return n;
}

/* The first page from @off on that has data, or has none. */
static int64_t seek_data(const struct inode *inode, uint64_t off, bool data)
{
	for (uint64_t i = off >> PAGE_SHIFT; i < file_pages(inode); i++) {
		bool here = find_get_page(&inode->mapping, i) != PFN_NONE
				    ? inode_is_shmem(inode) ||
					      xa_load(&inode->blocks, i)
				    : xa_load(&inode->blocks, i) != 0;

		here |= i << PAGE_SHIFT < inode->host_size || inode->bytes;
		here |= shmem_swap_entry(inode, i) != 0;
		if (here == data)
			return i << PAGE_SHIFT > off ? i << PAGE_SHIFT : off;
	}
	return data ? -ENXIO : (int64_t)inode->size;
}

static int64_t seek_to(const struct file *file, int64_t off, int whence)
{
	const struct inode *inode = file->f_inode;

	switch (whence) {
	case LX_SEEK_SET:
		return off;
	case LX_SEEK_CUR:
		return file->f_pos + off;
	case LX_SEEK_END:
		return inode->size + off;
	default:
		if (off < 0 || (uint64_t)off >= inode->size)
			return -ENXIO;
		return seek_data(inode, off, whence == LX_SEEK_DATA);
	}
}

int64_t ksys_lseek(struct kernel *k, struct task_struct *task, int fd,
		   int64_t off, int whence)
{
	struct file *file = fget(task, fd);
	int64_t pos;

	if (!file)
		return -EBADF;
	if (whence < 0 || whence > LX_SEEK_HOLE)
		return -EINVAL;
	if (S_ISFIFO(file->f_inode->i_mode))
		return -ESPIPE;
	pos = seek_to(file, off, whence);
	if (pos < 0)
		return whence <= LX_SEEK_END ? -EINVAL : pos;
	file->f_pos = pos;
	return pos;
}

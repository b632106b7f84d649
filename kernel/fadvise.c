/*
 * fadvise.c - posix_fadvise, readahead, fsync (linux 6.1 mm/fadvise.c,
 * mm/readahead.c, fs/sync.c).
 */
#include <errno.h>
#include <sys/stat.h>

#include "kernel/block.h"
#include "kernel/mm_inline.h"
#include "kernel/mm_internal.h"

/*
 * What is dirty is written and stays: Linux finds it under writeback. Pages of
 * which the range has only a part stay, but for the file's last.
 */
static void fadvise_dontneed(struct kernel *k, struct file *file, uint64_t off,
			     uint64_t last_byte)
{
	uint64_t first = PAGE_ALIGN(off) >> PAGE_SHIFT;
	uint64_t end = (last_byte + 1) >> PAGE_SHIFT; /* exclusive */

	if (last_byte >= file->f_inode->size - 1)
		end = last_byte == UINT64_MAX ? UINT64_MAX
					      : (last_byte >> PAGE_SHIFT) + 1;
	lru_add_drain(k);
	if (end > first)
		invalidate_mapping_pages(k, file->f_mapping, first, end - 1);
	filemap_fdatawrite_range(k, file->f_mapping, off >> PAGE_SHIFT,
				 last_byte >> PAGE_SHIFT);
}

static int vfs_fadvise(struct kernel *k, struct file *file, uint64_t off,
		       uint64_t len, int advice)
{
	uint64_t last = len ? off + len - 1 : UINT64_MAX;

	switch (advice) {
	case LX_FADV_NORMAL:
	case LX_FADV_SEQUENTIAL:
		file->f_ra.ra_pages = disk_ra_pages(k)
				      << (advice == LX_FADV_SEQUENTIAL);
		file->f_mode &= ~FMODE_RANDOM;
		return 0;
	case LX_FADV_RANDOM:
		file->f_mode |= FMODE_RANDOM;
		return 0;
	case LX_FADV_WILLNEED:
		force_page_cache_ra(k, file, off >> PAGE_SHIFT,
				    (last >> PAGE_SHIFT) - (off >> PAGE_SHIFT) +
					    1);
		return 0;
	case LX_FADV_DONTNEED:
		fadvise_dontneed(k, file, off, last);
		return 0;
	case LX_FADV_NOREUSE:
		return 0;
	}
	return -EINVAL;
}

int ksys_fadvise(struct kernel *k, struct task_struct *task, int fd,
		 int64_t off, int64_t len, int advice)
{
	struct file *file = fget(task, fd);

	if (!file)
		return -EBADF;
	if (S_ISFIFO(file->f_inode->i_mode))
		return -ESPIPE;
	if (len < 0)
		return -EINVAL;
	/* Nothing to do for what has no disk, but the advice must be known. */
	if (!file->f_mapping->a_ops || !file->f_mapping->a_ops->writepage)
		return advice >= 0 && advice <= LX_FADV_NOREUSE ? 0 : -EINVAL;
	return vfs_fadvise(k, file, off, len, advice);
}

int ksys_readahead(struct kernel *k, struct task_struct *task, int fd,
		   int64_t off, uint64_t count)
{
	struct file *file = fget(task, fd);

	if (!file || !(file->f_mode & FMODE_READ))
		return -EBADF;
	if (!S_ISREG(file->f_inode->i_mode))
		return -EINVAL;
	return ksys_fadvise(k, task, fd, off, count, LX_FADV_WILLNEED);
}

int ksys_fsync(struct kernel *k, struct task_struct *task, int fd)
{
	struct file *file = fget(task, fd);

	if (!file)
		return -EBADF;
	if (S_ISFIFO(file->f_inode->i_mode))
		return -EINVAL;
	filemap_fdatawrite_range(k, file->f_mapping, 0, UINT64_MAX);
	return 0;
}

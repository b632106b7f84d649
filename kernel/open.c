/*
 * open.c - calls on files as a whole (linux 6.1 fs/open.c, fs/pipe.c).
 *
 * Left out: openat and relative paths of the simulation, permissions, leases,
 * umask other than 022. A pipe is a descriptor that carries nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "kernel/mm_internal.h"

int ksys_open(struct kernel *k, struct task_struct *task, const char *path,
	      unsigned flags, unsigned mode)
{
	struct file *file;
	int err = filp_open(k, path, flags, mode, &file);

	return err ? err : fd_install(k, task, file, flags);
}

int ksys_pipe(struct kernel *k, struct task_struct *task, int fd[2])
{
	static const unsigned mode[2] = { FMODE_READ, FMODE_WRITE };
	struct file *file[2];
	struct inode *inode;
	char path[40];
	int err = 0;

	snprintf(path, sizeof(path), "pipe:[%llu]",
		 (unsigned long long)++k->next_ino);
	inode = inode_alloc(k, path);
	if (!inode)
		return -ENOMEM;
	inode->i_mode = S_IFIFO | 0600;
	inode->ino = k->next_ino;
	for (int i = 0; i < 2 && !err; i++) {
		iget(inode);
		file[i] = alloc_file(k, inode, mode[i]);
		fd[i] = file[i] ? fd_install(k, task, file[i], 0) : -ENOMEM;
		err = fd[i] < 0 ? fd[i] : 0;
		if (err && i)
			close_fd(k, task, fd[0]);
	}
	iput(k, inode);
	return err;
}

uint64_t max_file_size(const struct inode *inode)
{
	return inode_is_shmem(inode) ? INT64_MAX : 0xffffffffULL << PAGE_SHIFT;
}

static int may_truncate(const struct inode *inode, int64_t size)
{
	if (S_ISDIR(inode->i_mode))
		return -EISDIR;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	return (uint64_t)size > max_file_size(inode) ? -EFBIG : 0;
}

int ksys_ftruncate(struct kernel *k, struct task_struct *task, int fd,
		   int64_t size)
{
	struct file *file = fget(task, fd);
	int err;

	if (size < 0)
		return -EINVAL;
	if (!file)
		return -EBADF;
	if (!S_ISREG(file->f_inode->i_mode) || !(file->f_mode & FMODE_WRITE))
		return -EINVAL;
	err = may_truncate(file->f_inode, size);
	return err ? err : do_truncate(k, file->f_inode, size);
}

int ksys_truncate(struct kernel *k, const char *path, int64_t size)
{
	struct inode *inode;
	int err;

	if (size < 0)
		return -EINVAL;
	err = path_lookup(k, path, &inode);
	if (err)
		return err;
	err = may_truncate(inode, size);
	if (!err)
		err = do_truncate(k, inode, size);
	iput(k, inode);
	return err;
}

/* Room for all pages of a range; what has been found stays on -ENOSPC. */
static int preallocate(struct kernel *k, struct inode *inode, uint64_t off,
		       uint64_t end)
{
	const struct address_space_operations *ops = inode->mapping.a_ops;
	int err = 0;

	for (uint64_t i = off >> PAGE_SHIFT; !err && i << PAGE_SHIFT < end;
	     i++) {
		if (!ops->get_block)
			err = shmem_fallocate(k, inode, i);
		else if (i << PAGE_SHIFT >= inode->host_size)
			err = ops->get_block(k, inode, i);
	}
	return err;
}

static int check_fallocate(const struct file *file, unsigned mode, int64_t off,
			   int64_t len)
{
	const struct inode *inode = file->f_inode;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if ((mode & ~(LX_FALLOC_FL_KEEP_SIZE | LX_FALLOC_FL_PUNCH_HOLE)) ||
	    mode == LX_FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO(inode->i_mode))
		return -ESPIPE;
	if (S_ISDIR(inode->i_mode))
		return -EISDIR;
	if (!S_ISREG(inode->i_mode))
		return -ENODEV;
	return (uint64_t)off + len > max_file_size(inode) ? -EFBIG : 0;
}

int vfs_fallocate(struct kernel *k, struct file *file, unsigned mode,
		  int64_t off, int64_t len)
{
	struct inode *inode = file->f_inode;
	uint64_t end = (uint64_t)off + len;
	int err = check_fallocate(file, mode, off, len);

	if (err)
		return err;
	if (!inode->mapping.a_ops || inode->bytes)
		return -EOPNOTSUPP;
	if (mode & LX_FALLOC_FL_PUNCH_HOLE)
		return punch_hole(k, inode, off, len);
	err = preallocate(k, inode, off, end);
	if (!err && !(mode & LX_FALLOC_FL_KEEP_SIZE) && end > inode->size)
		inode->size = end;
	return err;
}

int ksys_fallocate(struct kernel *k, struct task_struct *task, int fd,
		   unsigned mode, int64_t off, int64_t len)
{
	struct file *file = fget(task, fd);

	return file ? vfs_fallocate(k, file, mode, off, len) : -EBADF;
}

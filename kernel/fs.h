/*
 * fs.h - files (linux include/linux/fs.h; fs/namei.c, open.c, file.c,
 * read_write.c, sync.c; mm/fadvise.c, msync.c): three kinds of file system.
 *
 *	/disk			the disk, empty at boot: diskfs.c
 *	/tmp, /dev/shm		tmpfs: shmem.c
 *	any other path		the host's file, imported: read as if it lay on
 *				the disk, writes stay in the simulation
 *
 * A path of the simulation hides the host's; on a mount of the simulation
 * O_CREAT does not look at the host. Not here: directories that one
 * could make, permissions, links, locks.
 *
 * Return values: 0 or more, or a negative errno. Files and descriptors are
 * checked and errors ordered as Linux does.
 */
#ifndef KERNEL_FS_H
#define KERNEL_FS_H

#include "kernel/mm_types.h"

/* The ABI's values, where the host's headers may differ. */
#define LX_O_ACCMODE   3u
#define LX_O_RDONLY    0u
#define LX_O_WRONLY    1u
#define LX_O_RDWR      2u
#define LX_O_CREAT     0100u
#define LX_O_EXCL      0200u
#define LX_O_TRUNC     01000u
#define LX_O_APPEND    02000u
#define LX_O_DIRECTORY 0200000u
#define LX_O_CLOEXEC   02000000u

#define LX_SEEK_SET  0
#define LX_SEEK_CUR  1
#define LX_SEEK_END  2
#define LX_SEEK_DATA 3
#define LX_SEEK_HOLE 4

#define LX_FALLOC_FL_KEEP_SIZE	1u
#define LX_FALLOC_FL_PUNCH_HOLE 2u

#define LX_MFD_CLOEXEC	     1u
#define LX_MFD_ALLOW_SEALING 2u

#define LX_MS_ASYNC	 1u
#define LX_MS_INVALIDATE 2u
#define LX_MS_SYNC	 4u

enum lx_fadvise {
	LX_FADV_NORMAL,
	LX_FADV_RANDOM,
	LX_FADV_SEQUENTIAL,
	LX_FADV_WILLNEED,
	LX_FADV_DONTNEED,
	LX_FADV_NOREUSE,
};

/* --- namei.c: paths ------------------------------------------------------- */
int filp_open(struct kernel *k, const char *path, unsigned flags, unsigned mode,
	      struct file **ret);
/* To run it or to map it with any rights: -EISDIR, -ENODEV if it is no file. */
int file_open(struct kernel *k, const char *path, struct file **ret);
/* The inode of a path, with a reference. */
int path_lookup(struct kernel *k, const char *path, struct inode **ret);
int do_unlink(struct kernel *k, const char *path);
/* The same, looked for only: among what is known, deleted files too. */
const struct inode *inode_by_path(const struct kernel *k, const char *path);
/* Inodes of host files that only the name holds go. How many. */
uint64_t prune_dcache(struct kernel *k);
/* "disk", "tmpfs", "ramfs", "host" */
const char *inode_fs(const struct inode *inode);

/* A file made of @size built-in bytes (borrowed). */
struct file *file_builtin(struct kernel *k, const char *path, const void *bytes,
			  uint64_t size);
/* Memory for MAP_SHARED|MAP_ANONYMOUS. */
struct file *shmem_zero_setup(struct kernel *k, uint64_t size);

/* --- file_table.c: struct file -------------------------------------------- */
/* Takes over the reference to @inode, also on failure; accepts NULL. */
struct file *alloc_file(struct kernel *k, struct inode *inode, unsigned mode);
/* The same, of the kernel's image: no slab object, never fails. */
struct file *alloc_file_builtin(struct inode *inode, unsigned mode);
struct file *get_file(struct file *file);
void fput(struct kernel *k, struct file *file); /* accepts NULL */

static inline struct inode *file_inode(const struct file *file)
{
	return file ? file->f_inode : NULL;
}

/* --- file.c: descriptors -------------------------------------------------- */
struct files_struct {
	int count; /* tasks that share it */
	struct fd_slot {
		struct file *file; /* a reference, or NULL */
		bool cloexec;
	} * fd; /* owned */
	int nfds;
	struct kernel_addr addr;
};

/* The lowest free number, from 3 on: 0 to 2 are the console. Takes over the
 * reference, also on failure: -EMFILE, -ENOMEM. */
int fd_install(struct kernel *k, struct task_struct *task, struct file *file,
	       unsigned flags);
struct file *fget(const struct task_struct *task,
		  int fd); /* borrowed, or NULL */
int close_fd(struct kernel *k, struct task_struct *task, int fd);
/* fork: a copy of the table, or with @share (CLONE_FILES) the same. exec:
 * O_CLOEXEC descriptors close. */
int copy_files(struct kernel *k, struct task_struct *child,
	       const struct task_struct *parent, bool share);
void do_close_on_exec(struct kernel *k, struct task_struct *task);
void exit_files(struct kernel *k, struct task_struct *task);

/* --- inode.c -------------------------------------------------------------- */
void iget(struct inode *inode);
void iput(struct kernel *k, struct inode *inode); /* accepts NULL */

/* --- read_write.c, filemap.c ---------------------------------------------- */
/* Where bytes come from or go to: memory of a process, or the host's. */
struct iov {
	struct mm_struct *mm; /* NULL: bytes */
	va_t va;
	void *bytes; /* NULL with @mm NULL: nowhere */
};

/* Copies @n bytes at @done of the buffer; what a fault leaves out is not
 * counted. */
uint64_t copy_to_iov(struct kernel *k, const struct iov *to, uint64_t done,
		     const void *src, uint64_t n);
uint64_t copy_from_iov(struct kernel *k, const struct iov *from, uint64_t done,
		       void *dst, uint64_t n);
int64_t filemap_read(struct kernel *k, struct file *file, uint64_t off,
		     struct iov *to, uint64_t len);
/* kernel_read: through the page cache. Bytes read or -errno. */
int64_t file_read(struct kernel *k, struct file *file, uint64_t off, void *buf,
		  uint64_t len);
/* @pos NULL: at the file's position, which moves. */
int64_t ksys_read(struct kernel *k, struct task_struct *task, int fd,
		  struct iov *to, uint64_t len, const int64_t *pos);
int64_t ksys_write(struct kernel *k, struct task_struct *task, int fd,
		   struct iov *from, uint64_t len, const int64_t *pos);
int64_t ksys_lseek(struct kernel *k, struct task_struct *task, int fd,
		   int64_t off, int whence);

/* --- open.c --------------------------------------------------------------- */
int ksys_open(struct kernel *k, struct task_struct *task, const char *path,
	      unsigned flags, unsigned mode);
int ksys_pipe(struct kernel *k, struct task_struct *task, int fd[2]);
int ksys_ftruncate(struct kernel *k, struct task_struct *task, int fd,
		   int64_t size);
int ksys_truncate(struct kernel *k, const char *path, int64_t size);
int ksys_fallocate(struct kernel *k, struct task_struct *task, int fd,
		   unsigned mode, int64_t off, int64_t len);
int vfs_fallocate(struct kernel *k, struct file *file, unsigned mode,
		  int64_t off, int64_t len);

/* --- shmem.c -------------------------------------------------------------- */
int ksys_memfd_create(struct kernel *k, struct task_struct *task,
		      const char *name, unsigned flags);

/* --- page-writeback.c, fadvise.c, msync.c --------------------------------- */
int ksys_fsync(struct kernel *k, struct task_struct *task, int fd);
uint64_t ksys_sync(struct kernel *k);	   /* pages written */
/* vm.drop_caches: 1 clean pages of files, 2 inodes of host files that nobody
 * has open, 3 both. Pages dropped. */
uint64_t drop_caches(struct kernel *k, unsigned what);
int ksys_fadvise(struct kernel *k, struct task_struct *task, int fd,
		 int64_t off, int64_t len, int advice);
int ksys_readahead(struct kernel *k, struct task_struct *task, int fd,
		   int64_t off, uint64_t count);
int do_remap_file_pages(struct kernel *k, struct mm_struct *mm, va_t start,
			uint64_t size, uint64_t pgoff);
int do_msync(struct kernel *k, struct mm_struct *mm, va_t start, uint64_t len,
	     unsigned flags);

#endif

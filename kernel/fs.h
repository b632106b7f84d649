/*
 * fs.h - files and their page cache (linux mm/filemap.c, mm/shmem.c): host
 * files, files made of built-in bytes, and shared anonymous memory.
 *
 * Not here: directories, writing back.
 */
#ifndef KERNEL_FS_H
#define KERNEL_FS_H

#include "kernel/mm_types.h"

/* Opens a host file for reading and writing; one inode for each dev:ino. */
int file_open(struct kernel *k, const char *path, struct file **ret);
/* A file made of @size built-in bytes (borrowed). */
struct file *file_builtin(struct kernel *k, const char *path,
			  const void *bytes, uint64_t size);
/* Memory for MAP_SHARED|MAP_ANONYMOUS. */
struct file *shmem_zero_setup(struct kernel *k, uint64_t size);

/* --- file_table.c: struct file --------------------------------------------- */
/* Takes over the reference to @inode, also on failure; accepts NULL. */
struct file *alloc_file(struct kernel *k, struct inode *inode, unsigned mode);
/* The same, of the kernel's image: no slab object, never fails. */
struct file *alloc_file_builtin(struct inode *inode, unsigned mode);
struct file *get_file(struct file *file);
void fput(struct kernel *k, struct file *file);		/* accepts NULL */

static inline struct inode *file_inode(const struct file *file)
{
	return file ? file->f_inode : NULL;
}

/* --- inode.c ----------------------------------------------------------------- */
void iget(struct inode *inode);
void iput(struct kernel *k, struct inode *inode);	/* accepts NULL */
/* kernel_read: through the page cache. Bytes read or -errno. */
int64_t file_read(struct kernel *k, struct file *file, uint64_t off, void *buf,
		  uint64_t len);
pfn_t find_get_page(struct address_space *m, uint64_t index); /* no reference */

#endif

/*
 * fs.h - files and their page cache (linux mm/filemap.c, mm/shmem.c): host
 * files, files made of built-in bytes, and shared anonymous memory.
 *
 * Not here: directories, writing back.
 */
#ifndef KERNEL_FS_H
#define KERNEL_FS_H

#include "kernel/mm_types.h"

/* Opens a host file as an inode with a page cache; one inode for each dev:ino. */
int file_open(struct kernel *k, const char *path, struct inode **ret);
/* A file made of @size built-in bytes (borrowed). */
struct inode *file_builtin(struct kernel *k, const char *path,
			   const void *bytes, uint64_t size);
/* Memory for MAP_SHARED|MAP_ANONYMOUS. */
struct inode *shmem_create(struct kernel *k, uint64_t size);
void iget(struct inode *inode);
void iput(struct kernel *k, struct inode *inode);	/* accepts NULL */
/* kernel_read: through the page cache. Bytes read or -errno. */
int64_t file_read(struct kernel *k, struct inode *inode, uint64_t off,
		  void *buf, uint64_t len);
pfn_t find_get_page(struct address_space *m, uint64_t index); /* no reference */

#endif

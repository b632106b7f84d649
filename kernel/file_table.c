/*
 * file_table.c - struct file: one way to an inode (linux 6.1 fs/file_table.c).
 *
 * Left out: credentials, locks, the limit of open files.
 */
#include "kernel/mm_internal.h"

struct file *alloc_file_builtin(struct inode *inode, unsigned mode)
{
	struct file *file = xcalloc(1, sizeof(*file));

	file->f_count = 1;
	file->f_mode = mode;
	file->f_inode = inode;
	file->f_mapping = &inode->mapping;
	return file;
}

struct file *alloc_file(struct kernel *k, struct inode *inode, unsigned mode)
{
	va_t va = inode ? mm_charge(k, CACHE_FILP) : 0;
	struct file *file;

	if (!va) {
		iput(k, inode);
		return NULL;
	}
	file = alloc_file_builtin(inode, mode);
	file->addr.va = va;
	return file;
}

struct file *get_file(struct file *file)
{
	file->f_count++;
	return file;
}

void fput(struct kernel *k, struct file *file)
{
	if (!file || --file->f_count)
		return;
	iput(k, file->f_inode);
	if (file->addr.va)
		mm_uncharge(k, CACHE_FILP, file->addr.va);
	free(file);
}

/*
 * diskfs.c - the files of the disk: created in the simulation, or imported
 * from the host (in the place of linux fs/ext4; names follow fs/ext2/inode.c).
 *
 *	page of a file -- has a block --------------- read from the disk
 *	               +- in the host's file -------- read from there
 *	               +- neither: a hole ----------- zeroes, no request
 *
 * An imported file is never changed on the host: what is written goes to
 * blocks of the simulated disk, which hide the host's bytes, as an overlay's
 * upper layer does. Blocks are found when a page is about to become dirty
 * (no delayed allocation). Left out: directories, metadata, journals,
 * permissions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/block.h"
#include "kernel/mm_internal.h"

/* What the host's file does not have (any more) is zero. */
static void read_host(struct kernel *k, const struct inode *inode,
		      uint64_t index, char *bytes)
{
	uint64_t off = index << PAGE_SHIFT;
	size_t len = 0, want = inode->host_size - off;
	ssize_t n = 1;

	if (want > PAGE_SIZE)
		want = PAGE_SIZE;
	for (; len < want && n > 0; len += n > 0 ? n : 0)
		n = pread(inode->fd, bytes + len, want - len, off + len);
	memset(bytes + len, 0, PAGE_SIZE - len);
	/* Somewhere on the disk, one page after the other. */
	disk_account(k, DISK_BLOCKS + (inode->ino << 32) + index, false);
}

static void disk_read_folio(struct kernel *k, struct inode *inode,
			    uint64_t index, pfn_t pfn)
{
	uint64_t block = xa_load(&inode->blocks, index);

	if (block) {
		disk_copy_out(k, block - 1, page_bytes(k, pfn));
		disk_account(k, block - 1, false);
	} else if (index << PAGE_SHIFT < inode->host_size) {
		read_host(k, inode, index, page_bytes(k, pfn));
	} else {
		memset(page_bytes(k, pfn), 0, PAGE_SIZE);
	}
}

static int disk_get_block(struct kernel *k, struct inode *inode, uint64_t index)
{
	uint64_t near = index ? xa_load(&inode->blocks, index - 1) : 0, block;
	int err;

	if (xa_load(&inode->blocks, index))
		return 0;
	err = disk_alloc(k, near - 1, &block);
	if (err)
		return err;
	xa_store(&inode->blocks, index, block + 1);
	inode->nblocks++;
	return 0;
}

static void disk_writepage(struct kernel *k, struct inode *inode,
			   uint64_t index, pfn_t pfn)
{
	uint64_t off = index << PAGE_SHIFT, block;

	if (off >= inode->size || disk_get_block(k, inode, index))
		return;
	if (inode->size - off < PAGE_SIZE)
		memset((char *)page_bytes(k, pfn) + inode->size - off, 0,
		       PAGE_SIZE - (inode->size - off));
	block = xa_load(&inode->blocks, index) - 1;
	disk_copy_in(k, block, page_bytes(k, pfn));
	disk_account(k, block, true);
}

static void disk_free_blocks(struct kernel *k, struct inode *inode,
			     uint64_t first, uint64_t last)
{
	uint64_t block;

	for (uint64_t i = first;
	     (block = xa_next(&inode->blocks, &i)) && i <= last; i++) {
		disk_free(k, block - 1);
		xa_store(&inode->blocks, i, 0);
		inode->nblocks--;
	}
	/* A hole in the host's bytes is a block of zeroes. */
	for (uint64_t i = first;
	     i <= last && i << PAGE_SHIFT < inode->host_size; i++)
		disk_get_block(k, inode, i);
}

static const struct address_space_operations disk_aops = {
	.fs = "disk",
	.read_folio = disk_read_folio,
	.get_block = disk_get_block,
	.writepage = disk_writepage,
	.free_blocks = disk_free_blocks,
};

struct inode *diskfs_new_inode(struct kernel *k, const char *path,
			       unsigned mode)
{
	struct inode *inode = inode_alloc(k, path);

	if (!inode)
		return NULL;
	inode->i_mode = mode;
	inode->dev = DISK_DEV;
	inode->ino = ++k->next_ino;
	inode->ops = &generic_file_vm_ops;
	inode->mapping.a_ops = &disk_aops;
	return inode;
}

/* --- imported from the host ----------------------------------------------- */

static struct inode *find_host_inode(struct kernel *k, const struct stat *st)
{
	struct inode *inode;

	LIST_FOREACH (inode, &k->inodes, link)
		if (inode->fd >= 0 && inode->dev == st->st_dev &&
		    inode->ino == st->st_ino)
			return inode;
	return NULL;
}

/* The host's file may have grown since; what it has lost reads as zeroes. */
static void update_size(struct inode *inode, uint64_t size)
{
	if (inode->size == inode->host_size)
		inode->size = inode->host_size = size;
}

int host_inode(struct kernel *k, const char *path, struct inode **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct inode *inode;
	struct stat st;

	if (fd < 0)
		return -errno;
	fstat(fd, &st);
	inode = S_ISREG(st.st_mode) ? find_host_inode(k, &st) : NULL;
	if (inode) {
		update_size(inode, st.st_size);
		iget(inode);
		close(fd);
		*ret = inode;
		return 0;
	}
	inode = diskfs_new_inode(k, path, st.st_mode);
	if (!inode) {
		close(fd);
		return -ENOMEM;
	}
	inode->dev = st.st_dev;
	inode->ino = st.st_ino;
	if (S_ISREG(st.st_mode)) {
		inode->fd = fd;
		inode->size = inode->host_size = st.st_size;
	} else {
		close(fd);
		inode->ops = NULL;
		inode->mapping.a_ops = NULL;
	}
	*ret = inode;
	return 0;
}

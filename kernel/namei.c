/*
 * namei.c - from a path to a file: of the simulation, or of the host (linux
 * 6.1 fs/namei.c, fs/dcache.c).
 *
 * A path is a name of the inode's own, looked up among all; it holds a
 * reference, so that the page cache of a file outlives its users. Left out:
 * directories (mount points can be opened, and that is all), links, "..",
 * permissions, negative entries.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/mm_internal.h"

/* What is mounted where; a path belongs to the first row that fits. */
static const struct mount {
	const char *dir;
	bool tmpfs;
	uint64_t dev;
} mounts[] = {
	{ "/dev/shm", true, 0x1b },
	{ "/tmp", true, 0x1c },
	{ "/disk", false, 0xfe00 },
};

static const struct mount *find_mount(const char *path, const char **name)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		size_t n = strlen(mounts[i].dir);

		if (strncmp(path, mounts[i].dir, n) ||
		    (path[n] && path[n] != '/'))
			continue;
		*name = path + n + (path[n] == '/');
		return &mounts[i];
	}
	return NULL;
}

static struct inode *find_name(struct kernel *k, const char *path)
{
	struct inode *inode;

	LIST_FOREACH (inode, &k->inodes, link)
		if (inode->linked && !strcmp(inode->path, path))
			return inode;
	return NULL;
}

const struct inode *inode_by_path(const struct kernel *k, const char *path)
{
	const struct inode *inode;

	LIST_FOREACH (inode, &k->inodes, link)
		if (!strcmp(inode->path, path))
			return inode;
	return NULL;
}

/* The path leads to @inode from now on: the reference becomes its name's. */
static struct inode *d_add(struct inode *inode)
{
	if (inode && !inode->linked) {
		inode->linked = true;
		iget(inode);
	}
	return inode;
}

static int mount_point(struct kernel *k, const struct mount *m,
		       struct inode **ret)
{
	struct inode *inode = inode_alloc(k, m->dir);

	if (!inode)
		return -ENOMEM;
	inode->i_mode = S_IFDIR | 01777;
	inode->dev = m->dev;
	inode->ino = 1;
	*ret = inode;
	return 0;
}

/* @host: may it be a file of the host? */
static int lookup(struct kernel *k, const char *path, bool host,
		  struct inode **ret)
{
	struct inode *inode = find_name(k, path);
	const struct mount *m;
	const char *name;
	int err;

	if (inode && (inode->fd < 0 || !host)) {
		iget(inode);
		*ret = inode;
		return 0;
	}
	m = find_mount(path, &name);
	if (m && !*name)
		return mount_point(k, m, ret);
	if (m && !host)
		return -ENOENT;
	err = host_inode(k, path, ret);
	if (!err && S_ISREG((*ret)->i_mode))
		d_add(*ret);
	return err;
}

int path_lookup(struct kernel *k, const char *path, struct inode **ret)
{
	return lookup(k, path, true, ret);
}

static int create(struct kernel *k, const char *path, unsigned mode,
		  struct inode **ret)
{
	const char *name;
	const struct mount *m = find_mount(path, &name);
	struct inode *inode;

	if (!m)
		return -EROFS;
	if (!*name)
		return -EISDIR;
	if (strchr(name, '/'))
		return -ENOENT;
	mode = S_IFREG | (mode & 0777 & ~022);
	inode = m->tmpfs ? shmem_get_inode(k, path, m->dev, mode)
			 : diskfs_new_inode(k, path, mode);
	*ret = d_add(inode);
	return inode ? 0 : -ENOMEM;
}

/* May what was found be opened so? linux may_open(), handle_truncate(). */
static int may_open(struct kernel *k, struct inode *inode, unsigned flags)
{
	if (S_ISDIR(inode->i_mode) && (flags & (LX_O_ACCMODE | LX_O_CREAT)))
		return -EISDIR;
	if (!S_ISDIR(inode->i_mode) && (flags & LX_O_DIRECTORY))
		return -ENOTDIR;
	if ((flags & LX_O_TRUNC) && S_ISREG(inode->i_mode) &&
	    (flags & LX_O_ACCMODE))
		return do_truncate(k, inode, 0);
	return 0;
}

static unsigned open_fmode(unsigned flags)
{
	static const unsigned mode[] = { FMODE_READ, FMODE_WRITE,
					 FMODE_READ | FMODE_WRITE, 0 };

	return mode[flags & LX_O_ACCMODE];
}

int filp_open(struct kernel *k, const char *path, unsigned flags, unsigned mode,
	      struct file **ret)
{
	struct inode *inode = NULL;
	struct file *file;
	bool creat = flags & LX_O_CREAT;
	int err = *path ? lookup(k, path, !creat, &inode) : -ENOENT;

	if (!err && creat && (flags & LX_O_EXCL))
		err = -EEXIST;
	else if (err == -ENOENT && *path && creat)
		err = create(k, path, mode, &inode);
	if (!err)
		err = may_open(k, inode, flags);
	if (err) {
		iput(k, inode);
		return err;
	}
	file = alloc_file(k, inode, open_fmode(flags));
	if (!file)
		return -ENOMEM;
	file->f_flags = flags;
	file_ra_state_init(k, file);
	*ret = file;
	return 0;
}

int file_open(struct kernel *k, const char *path, struct file **ret)
{
	struct file *file;
	int err = filp_open(k, path, LX_O_RDWR, 0, &file);

	if (!err && !S_ISREG(file->f_inode->i_mode)) {
		fput(k, file);
		err = -ENODEV;
	}
	if (!err)
		*ret = file;
	return err;
}

/* The name goes; the file stays as long as somebody uses it. */
int do_unlink(struct kernel *k, const char *path)
{
	struct inode *inode = find_name(k, path);
	const char *name;
	char *deleted;

	if (!inode || inode->fd >= 0) {
		const struct mount *m = find_mount(path, &name);

		if (m && !*name)
			return -EISDIR;
		return inode || !m ? -EROFS : -ENOENT;
	}
	deleted = xcalloc(1, strlen(path) + sizeof(" (deleted)"));
	sprintf(deleted, "%s (deleted)", path);
	free(inode->path);
	inode->path = deleted;
	inode->linked = false;
	iput(k, inode);
	return 0;
}

uint64_t prune_dcache(struct kernel *k)
{
	struct inode *inode, *next;
	uint64_t nr = 0;

	for (inode = LIST_FIRST(&k->inodes); inode; inode = next) {
		next = LIST_NEXT(inode, link);
		if (!inode->linked || inode->fd < 0 || inode->refs != 1 ||
		    inode->mapping.nrpages || inode->nblocks)
			continue;
		iput(k, inode);
		nr++;
	}
	return nr;
}

const char *inode_fs(const struct inode *inode)
{
	if (inode->fd >= 0)
		return "host";
	return inode->mapping.a_ops ? inode->mapping.a_ops->fs : "-";
}

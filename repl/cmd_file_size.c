/*
 * cmd_file_size.c - calls that change what a file has, or its name:
 * ftruncate, truncate, fallocate, unlink, remap_file_pages; and ls.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "kernel/pagemap.h"
#include "repl/cmd_file.h"

static void emit_size(struct cmd_ctx *c, const struct inode *inode)
{
	res_line(c->r);
	res_str(c->r, "path", "%s", inode->path);
	res_u64(c->r, "size", "has %s bytes", inode->size);
}

static int ftruncate_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, rc;
	int64_t size = c->arg[1].value.n;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "ftruncate", NULL);
	cmd_arg_fd(&sc, task, fd);
	syscall_int(&sc, "length", size);
	rc = ksys_ftruncate(c->k, task, fd, size);
	syscall_end(&sc, rc);
	if (rc < 0)
		return cmd_fd_failed(c, fd, rc);
	emit_size(c, fget(task, fd)->f_inode);
	return 0;
}

static int truncate_run(struct cmd_ctx *c)
{
	const char *path = c->arg[0].str;
	int64_t size = c->arg[1].value.n;
	struct syscall sc;
	int rc;

	syscall_begin(&sc, c, "truncate", NULL);
	syscall_path(&sc, "path", path);
	syscall_int(&sc, "length", size);
	rc = ksys_truncate(c->k, path, size);
	syscall_end(&sc, rc);
	return rc < 0 ? err_errno(c->err, rc, "%s", path) : 0;
}

static int fallocate_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, rc;
	int64_t off = c->arg[1].value.n, len = c->arg[2].value.n;
	struct syscall sc;
	unsigned mode = 0;

	if (!task)
		return -1;
	if (cmd_opt(c, 'n'))
		mode = LX_FALLOC_FL_KEEP_SIZE;
	if (cmd_opt(c, 'P'))
		mode = LX_FALLOC_FL_KEEP_SIZE | LX_FALLOC_FL_PUNCH_HOLE;
	syscall_begin(&sc, c, "fallocate", NULL);
	cmd_arg_fd(&sc, task, fd);
	syscall_flags(&sc, "mode", syscall_fallocate, mode);
	syscall_int(&sc, "offset", off);
	syscall_int(&sc, "len", len);
	rc = ksys_fallocate(c->k, task, fd, mode, off, len);
	syscall_end(&sc, rc);
	if (rc < 0)
		return cmd_fd_failed(c, fd, rc);
	emit_size(c, fget(task, fd)->f_inode);
	return 0;
}

static int unlink_run(struct cmd_ctx *c)
{
	const char *path = c->arg[0].str;
	struct syscall sc;
	int rc;

	syscall_begin(&sc, c, "unlink", NULL);
	syscall_path(&sc, "pathname", path);
	rc = do_unlink(c->k, path);
	syscall_end(&sc, rc);
	if (rc == -EROFS) {
		err_errno(c->err, rc, "%s", path);
		err_hint(c->err, "the host's files stay as they are");
		return -1;
	}
	return rc < 0 ? err_errno(c->err, rc, "%s", path) : 0;
}

/* --- remap_file_pages ----------------------------------------------------- */

static int remap_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n, pgoff = c->arg[2].value.n;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "remap_file_pages", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "size", len);
	syscall_int(&sc, "prot", 0);
	syscall_num(&sc, "pgoff", pgoff);
	syscall_int(&sc, "flags", 0);
	rc = do_remap_file_pages(c->k, task->mm, va, len, pgoff);
	syscall_end(&sc, rc);
	if (rc == 0)
		return 0;
	err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
		  (unsigned long long)len);
	if (rc == -EINVAL)
		err_hint(c->err, "the range must be a shared mapping of one"
				 " file");
	return -1;
}

/* --- ls ------------------------------------------------------------------- */

static const struct res_column ls_cols[] = {
	{ "ino", "INODE", true },
	{ "perms", "MODE", false },
	{ "size", "SIZE", true },
	{ "blocks", "BLOCKS", true },
	{ "cached", "CACHED", true },
	{ "refs", "REFS", true },
	{ "fs", "FS", false },
	{ "path", "PATH", false },
	{ 0 },
};

static void mode_text(unsigned mode, char *buf)
{
	static const char rwx[] = "rwxrwxrwx";

	buf[0] = S_ISDIR(mode) ? 'd' : S_ISFIFO(mode) ? 'p' : '-';
	for (int i = 0; i < 9; i++)
		buf[i + 1] = mode & (0400 >> i) ? rwx[i] : '-';
	buf[10] = '\0';
}

/* st_blocks: of tmpfs what is in memory, of the disk what has room there. */
static uint64_t blocks_of(const struct inode *inode)
{
	uint64_t pages =
		inode_is_shmem(inode) ? inode->mapping.nrpages : inode->nblocks;

	return pages * (PAGE_SIZE / 512);
}

static void emit_inode(struct result *r, const struct inode *inode)
{
	char perms[11];

	mode_text(inode->i_mode, perms);
	res_item(r, false);
	res_u64(r, "ino", "%s", inode->ino);
	res_str(r, "perms", "%s", perms);
	res_u64(r, "size", "%s", inode->size);
	res_u64(r, "blocks", "%s", blocks_of(inode));
	res_u64(r, "cached", "%s", inode->mapping.nrpages);
	res_i64(r, "refs", "%s", inode->refs);
	res_str(r, "fs", "%s", inode_fs(inode));
	res_str(r, "path", "%s", inode->path);
	res_end(r);
}

static int ls_run(struct cmd_ctx *c)
{
	const struct inode *inode, *one = NULL, **all;
	size_t n = 0;

	if (c->arg[0].set) {
		one = cmd_find_inode(c, c->arg[0].str);
		if (!one)
			return -1;
	}
	LIST_FOREACH (inode, &c->k->inodes, link)
		n++;
	all = calloc(n + 1, sizeof(*all));
	n = 0;
	LIST_FOREACH (inode, &c->k->inodes, link)
		if (one ? inode == one : inode->path[0] == '/')
			all[n++] = inode;
	res_table(c->r, "files", ls_cols);
	while (n) /* the list has the newest first */
		emit_inode(c->r, all[--n]);
	res_end(c->r);
	free(all);
	return 0;
}

const struct command cmd_ftruncate = {
	.name = "ftruncate",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "set the size of an open file",
	.details = "Pages beyond the new end leave the page cache and all page "
		   "tables, private\n"
		   "copies too; the rest of the last page becomes zero. An "
		   "access beyond the\n"
		   "end is SIGBUS.",
	.arg = { { "FD", ARG_NUM }, { "SIZE", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = ftruncate_run,
};

const struct command cmd_truncate = {
	.name = "truncate",
	.group = "files",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "set the size of the file at PATH",
	.arg = { { "PATH", ARG_FILE }, { "SIZE", ARG_NUM } },
	.run = truncate_run,
};

const struct command cmd_fallocate = {
	.name = "fallocate",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "find room for a range of a file, or punch a hole",
	.details = "A hole has no pages and no room on the disk, and reads as "
		   "zeroes. Entries\n"
		   "that map it go, private copies stay.",
	.arg = { { "FD", ARG_NUM }, { "OFF", ARG_NUM }, { "LEN", ARG_NUM } },
	.opt = { { 'P', "punch-hole", ARG_FLAG, NULL,
		   "FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE" },
		 { 'n', "keep-size", ARG_FLAG, NULL, "FALLOC_FL_KEEP_SIZE" },
		 CMD_OPT_PID },
	.run = fallocate_run,
};

const struct command cmd_unlink = {
	.name = "unlink",
	.alias = "rm",
	.group = "files",
	.flags = CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "take a file's name away",
	.details =
		"Who has it open or mapped keeps it: maps says \"(deleted)\".",
	.arg = { { "PATH", ARG_FILE } },
	.run = unlink_run,
};

const struct command cmd_ls = {
	.name = "ls",
	.alias = "stat",
	.group = "files",
	.flags = CMD_NEEDS_KERNEL,
	.help = "the files that the kernel knows",
	.details = "All inodes with a path: created, imported from the host, "
		   "or of areas that\n"
		   "are mapped. BLOCKS are 512 bytes: what is on the disk, or "
		   "in memory;\n"
		   "CACHED are pages in the page cache; REFS count openings "
		   "and the name.",
	.example = "ls",
	.arg = { { "PATH|FD", ARG_FILE, .optional = true } },
	.run = ls_run,
};

const struct command cmd_remap_file_pages = {
	.name = "remap_file_pages",
	.group = "process memory",
	.flags = FILES_FLAGS,
	.help = "map other pages of the same file at VA",
	.details =
		"PGOFF is in pages. Deprecated: it is an mmap with MAP_FIXED.",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM }, { "PGOFF", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = remap_run,
};

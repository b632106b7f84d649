/*
 * cmd_file.c - descriptors: open, close, fds, pipe, memfd_create, shm_open.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "repl/cmd_file.h"

static const struct syscall_name syscall_open[] = {
	{ LX_O_ACCMODE, LX_O_RDONLY, "O_RDONLY" },
	{ LX_O_ACCMODE, LX_O_WRONLY, "O_WRONLY" },
	{ LX_O_ACCMODE, LX_O_RDWR, "O_RDWR" },
	{ LX_O_CREAT, LX_O_CREAT, "O_CREAT" },
	{ LX_O_EXCL, LX_O_EXCL, "O_EXCL" },
	{ LX_O_TRUNC, LX_O_TRUNC, "O_TRUNC" },
	{ LX_O_APPEND, LX_O_APPEND, "O_APPEND" },
	{ LX_O_CLOEXEC, LX_O_CLOEXEC, "O_CLOEXEC" },
	{ 0, 0, NULL },
};

/* --- shared with cmd_pagecache.c ------------------------------------------ */

void cmd_arg_fd(struct syscall *sc, const struct task_struct *task, int fd)
{
	const struct file *file = fget(task, fd);

	if (file)
		syscall_text(sc, "fd", "%d<%s>", fd, file->f_inode->path);
	else
		syscall_int(sc, "fd", fd);
}

int cmd_fd_failed(struct cmd_ctx *c, int fd, int rc)
{
	struct task_struct *task = cmd_task(c);
	const struct file *file = task ? fget(task, fd) : NULL;
	bool regular = file && S_ISREG(file->f_inode->i_mode);

	err_errno(c->err, rc, "fd %d", fd);
	if (rc == -EBADF && !file)
		err_hint(c->err, "no such descriptor; fds shows them");
	else if (rc == -EINVAL && !regular)
		err_hint(c->err, "it is no regular file");
	else if (rc == -EBADF ||
		 (rc == -EINVAL && !(file->f_mode & FMODE_WRITE)))
		err_hint(c->err, "it is open for %s only",
			 file->f_mode & FMODE_READ ? "reading" : "writing");
	return -1;
}

bool cmd_is_fd(const char *word, int *fd)
{
	char *end;
	long n = strtol(word, &end, 10);

	*fd = n;
	return *word && !*end && n >= 0 && n < 1 << 20;
}

/* --- what is shown -------------------------------------------------------- */

static const char *mode_text(const struct file *file)
{
	static const char *const text[] = { "-", "r", "w", "rw" };

	return text[file->f_mode & (FMODE_READ | FMODE_WRITE)];
}

static const char *kind_text(const struct inode *inode)
{
	if (S_ISFIFO(inode->i_mode))
		return "pipe";
	if (S_ISDIR(inode->i_mode))
		return "directory";
	return S_ISREG(inode->i_mode) ? inode_fs(inode) : "device";
}

static void emit_opened(struct cmd_ctx *c, const struct task_struct *task,
			int fd)
{
	const struct file *file = fget(task, fd);

	res_line(c->r);
	res_i64(c->r, "fd", "fd %s", fd);
	res_str(c->r, "path", "%s", file->f_inode->path);
	res_str(c->r, "mode", "%s", mode_text(file));
	if (S_ISREG(file->f_inode->i_mode))
		res_size(c->r, "size", "%s", file->f_inode->size);
	res_str(c->r, "fs", "on %s", kind_text(file->f_inode));
}

/* --- open, close, fds ----------------------------------------------------- */

static unsigned open_flags(struct cmd_ctx *c)
{
	static const struct {
		char opt;
		unsigned flag;
	} flags[] = {
		{ 'c', LX_O_CREAT },   { 'x', LX_O_EXCL },
		{ 't', LX_O_TRUNC },   { 'a', LX_O_APPEND },
		{ 'e', LX_O_CLOEXEC },
	};
	unsigned ret = cmd_opt(c, 'r')	 ? LX_O_RDONLY
		       : cmd_opt(c, 'w') ? LX_O_WRONLY
					 : LX_O_RDWR;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (cmd_opt(c, flags[i].opt))
			ret |= flags[i].flag;
	return ret;
}

static int open_failed(struct cmd_ctx *c, const char *path, int rc)
{
	err_errno(c->err, rc, "%s", path);
	if (rc == -ENOENT)
		err_hint(c->err, "open -c creates a file on /tmp, /dev/shm or"
				 " /disk");
	else if (rc == -EROFS)
		err_hint(c->err, "the host's files stay as they are; there is"
				 " room on /tmp, /dev/shm and /disk");
	else if (rc == -EISDIR)
		err_hint(c->err, "open -r opens a directory");
	return -1;
}

static int open_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const char *path = c->arg[0].str;
	unsigned flags = open_flags(c);
	struct syscall sc;
	int fd;

	if (!task || cmd_one_of(c, "rw") < 0)
		return -1;
	syscall_begin(&sc, c, "open", NULL);
	syscall_path(&sc, "pathname", path);
	syscall_flags(&sc, "flags", syscall_open, flags);
	if (flags & LX_O_CREAT)
		syscall_text(&sc, "mode", "0644");
	fd = ksys_open(c->k, task, path, flags, 0644);
	syscall_end(&sc, fd);
	if (fd < 0)
		return open_failed(c, path, fd);
	emit_opened(c, task, fd);
	return 0;
}

static int close_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, rc;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "close", NULL);
	cmd_arg_fd(&sc, task, fd);
	rc = close_fd(c->k, task, fd);
	syscall_end(&sc, rc);
	return rc < 0 ? cmd_fd_failed(c, fd, rc) : 0;
}

static const struct res_column fds_cols[] = {
	{ "fd", "FD", true },	   { "mode", "MODE", false },
	{ "pos", "POS", true },	   { "size", "SIZE", true },
	{ "refs", "REFS", true },  { "fs", "FS", false },
	{ "path", "PATH", false }, { 0 },
};

static int fds_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);

	if (!task)
		return -1;
	res_table(c->r, "fds", fds_cols);
	for (int fd = 0; task->files && fd < task->files->nfds; fd++) {
		const struct file *file = fget(task, fd);

		if (!file)
			continue;
		res_item(c->r, false);
		res_i64(c->r, "fd", "%s", fd);
		res_str(c->r, "mode", "%s", mode_text(file));
		res_u64(c->r, "pos", "%s", file->f_pos);
		res_u64(c->r, "size", "%s", file->f_inode->size);
		res_i64(c->r, "refs", "%s", file->f_count);
		res_str(c->r, "fs", "%s", kind_text(file->f_inode));
		res_str(c->r, "path", "%s", file->f_inode->path);
		res_end(c->r);
	}
	res_end(c->r);
	return 0;
}

/* --- files without a name, or with one of tmpfs --------------------------- */

static int memfd_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	unsigned flags = cmd_opt(c, 'e') ? LX_MFD_CLOEXEC : 0;
	struct syscall sc;
	int fd;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "memfd_create", NULL);
	syscall_path(&sc, "name", c->arg[0].str);
	syscall_flags(&sc, "flags", syscall_memfd, flags);
	fd = ksys_memfd_create(c->k, task, c->arg[0].str, flags);
	syscall_end(&sc, fd);
	if (fd < 0)
		return err_errno(c->err, fd, "%s", c->arg[0].str);
	emit_opened(c, task, fd);
	return 0;
}

static int shm_open_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const char *name = c->arg[0].str;
	unsigned flags = LX_O_RDWR | LX_O_CREAT;
	struct syscall sc;
	char path[300];
	int fd;

	if (!task)
		return -1;
	snprintf(path, sizeof(path), "/dev/shm/%s", name + (*name == '/'));
	syscall_begin(&sc, c, "open", NULL);
	syscall_path(&sc, "pathname", path);
	syscall_flags(&sc, "flags", syscall_open, flags);
	syscall_text(&sc, "mode", "0600");
	fd = ksys_open(c->k, task, path, flags, 0600);
	syscall_end(&sc, fd);
	if (fd < 0)
		return open_failed(c, path, fd);
	emit_opened(c, task, fd);
	return 0;
}

static int pipe_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	struct syscall sc;
	int fd[2], rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "pipe", NULL);
	rc = ksys_pipe(c->k, task, fd);
	if (rc == 0)
		syscall_text(&sc, "pipefd", "[%d, %d]", fd[0], fd[1]);
	syscall_end(&sc, rc);
	if (rc < 0)
		return err_errno(c->err, rc, "pipe");
	emit_opened(c, task, fd[0]);
	emit_opened(c, task, fd[1]);
	return 0;
}

/* --- rows ----------------------------------------------------------------- */

const struct command cmd_open = {
	.name = "open",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "open a file of the simulation, or import one of the host",
	.details = "Files on /disk lie on a simulated disk, those on /tmp and "
		   "/dev/shm in\n"
		   "memory; -c creates them. Any other path is the host's "
		   "file: it is read as\n"
		   "if it lay on the disk, and what is written stays in the "
		   "simulation.\n"
		   "Descriptors are numbered from 3, fork copies them, exec "
		   "keeps them.",
	.example = "open -c /tmp/x",
	.arg = { { "PATH", ARG_FILE } },
	.opt = { { 'c', "create", ARG_FLAG, NULL, "O_CREAT" },
		 { 'r', "rdonly", ARG_FLAG, NULL, "O_RDONLY, not O_RDWR" },
		 { 'w', "wronly", ARG_FLAG, NULL, "O_WRONLY, not O_RDWR" },
		 { 't', "trunc", ARG_FLAG, NULL, "O_TRUNC" },
		 { 'a', "append", ARG_FLAG, NULL, "O_APPEND" },
		 { 'x', "excl", ARG_FLAG, NULL, "O_EXCL" },
		 { 'e', "cloexec", ARG_FLAG, NULL, "O_CLOEXEC" },
		 CMD_OPT_PID },
	.run = open_run,
};

const struct command cmd_close = {
	.name = "close",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "close a descriptor",
	.details = "Areas that map the file keep it.",
	.arg = { { "FD", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = close_run,
};

const struct command cmd_fds = {
	.name = "fds",
	.alias = "lsof",
	.group = "files",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL,
	.help = "the open files of a process",
	.details = "REFS counts the descriptors and areas that have the same "
		   "opening.",
	.example = "fds",
	.opt = { CMD_OPT_PID },
	.run = fds_run,
};

const struct command cmd_memfd_create = {
	.name = "memfd_create",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "a file in memory that no path leads to",
	.example = "memfd_create scratch",
	.arg = { { "NAME", ARG_WORD } },
	.opt = { { 'e', "cloexec", ARG_FLAG, NULL, "MFD_CLOEXEC" },
		 CMD_OPT_PID },
	.run = memfd_run,
};

const struct command cmd_shm_open = {
	.name = "shm_open",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "open or create shared memory: a file on /dev/shm",
	.example = "shm_open /buffer",
	.arg = { { "NAME", ARG_WORD } },
	.opt = { CMD_OPT_PID },
	.run = shm_open_run,
};

const struct command cmd_pipe = {
	.name = "pipe",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "two descriptors that cannot be mapped",
	.details = "Nothing goes through it: reads and writes give EAGAIN.",
	.example = "pipe",
	.opt = { CMD_OPT_PID },
	.run = pipe_run,
};

/*
 * file.c - descriptors of a process (linux 6.1 fs/file.c).
 *
 * 0 to 2 are the console, of which nothing is modelled. Left out: dup, fcntl,
 * locks, RLIMIT_NOFILE other than 1024; a table is made when it is needed.
 */
#include <errno.h>
#include <string.h>

#include "kernel/mm_internal.h"

#define FIRST_FD 3
#define NR_OPEN	 1024 /* RLIMIT_NOFILE */

static struct files_struct *get_files(struct kernel *k,
				      struct task_struct *task)
{
	va_t va;

	if (task->files)
		return task->files;
	va = mm_charge(k, CACHE_FILES);
	if (!va)
		return NULL;
	task->files = xcalloc(1, sizeof(*task->files));
	task->files->addr.va = va;
	task->files->count = 1;
	return task->files;
}

static int get_unused_fd(struct files_struct *files)
{
	int fd = FIRST_FD, n;

	while (fd < files->nfds && files->fd[fd].file)
		fd++;
	if (fd >= NR_OPEN)
		return -EMFILE;
	if (fd < files->nfds)
		return fd;
	n = files->nfds ? 2 * files->nfds : 64; /* NR_OPEN_DEFAULT */
	files->fd = xrealloc(files->fd, n * sizeof(*files->fd));
	memset(files->fd + files->nfds, 0,
	       (n - files->nfds) * sizeof(*files->fd));
	files->nfds = n;
	return fd;
}

int fd_install(struct kernel *k, struct task_struct *task, struct file *file,
	       unsigned flags)
{
	struct files_struct *files = get_files(k, task);
	int fd = files ? get_unused_fd(files) : -ENOMEM;

	if (fd < 0) {
		fput(k, file);
		return fd;
	}
	files->fd[fd].file = file;
	files->fd[fd].cloexec = flags & LX_O_CLOEXEC;
	return fd;
}

struct file *fget(const struct task_struct *task, int fd)
{
	if (!task->files || fd < 0 || fd >= task->files->nfds)
		return NULL;
	return task->files->fd[fd].file;
}

int close_fd(struct kernel *k, struct task_struct *task, int fd)
{
	struct file *file = fget(task, fd);

	if (!file)
		return -EBADF;
	task->files->fd[fd].file = NULL;
	fput(k, file);
	return 0;
}

int copy_files(struct kernel *k, struct task_struct *child,
	       const struct task_struct *parent, bool share)
{
	struct files_struct *old = parent->files, *new;

	if (!old)
		return 0;
	if (share) {
		child->files = old;
		old->count++;
		return 0;
	}
	new = get_files(k, child);
	if (!new)
		return -ENOMEM;
	new->nfds = old->nfds;
	new->fd = xcalloc(old->nfds, sizeof(*new->fd));
	memcpy(new->fd, old->fd, old->nfds * sizeof(*new->fd));
	for (int i = 0; i < new->nfds; i++)
		if (new->fd[i].file)
			get_file(new->fd[i].file);
	return 0;
}

void do_close_on_exec(struct kernel *k, struct task_struct *task)
{
	for (int i = 0; task->files && i < task->files->nfds; i++)
		if (task->files->fd[i].file && task->files->fd[i].cloexec)
			close_fd(k, task, i);
}

void exit_files(struct kernel *k, struct task_struct *task)
{
	struct files_struct *files = task->files;

	task->files = NULL;
	if (!files || --files->count)
		return;
	for (int i = 0; i < files->nfds; i++)
		fput(k, files->fd[i].file);
	mm_uncharge(k, CACHE_FILES, files->addr.va);
	free(files->fd);
	free(files);
}

/*
 * cmd_file_rw.c - reading and writing by descriptor: pread, pwrite, lseek.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repl/cmd_file.h"

#define SHOWN	32    /* bytes of a buffer in the line of the call */
#define LEN_MAX 65536 /* of bytes that a command shows */

/* One call of read or write, as the row of the command says. */
struct rw {
	struct cmd_ctx *c;
	struct task_struct *task;
	int fd;
	struct iov iov;
	uint64_t len;
	int64_t pos;
	bool has_pos;
};

static int rw_begin(struct rw *rw, struct cmd_ctx *c, char where)
{
	*rw = (struct rw){ .c = c, .task = cmd_task(c) };
	if (!rw->task)
		return -1;
	rw->fd = c->arg[0].value.n;
	rw->has_pos = c->arg[2].set;
	rw->pos = c->arg[2].value.n;
	if (cmd_opt(c, where)) {
		rw->iov.mm = rw->task->mm;
		rw->iov.va = cmd_opt(c, where)->value.n;
	}
	return 0;
}

/* The first of the bytes that were moved, as strace prints them. */
static void arg_bytes(struct syscall *sc, const uint8_t *p, int64_t n)
{
	char text[4 * SHOWN + 1], *s = text;

	for (int64_t i = 0; i < n && i < SHOWN; i++)
		if (p[i] == '"' || p[i] == '\\')
			s += sprintf(s, "\\%c", p[i]);
		else if (p[i] >= 0x20 && p[i] < 0x7f)
			*s++ = p[i];
		else if (p[i] == '\n')
			s += sprintf(s, "\\n");
		else
			s += sprintf(s, "\\%o", p[i]);
	*s = '\0';
	syscall_text(sc, "buf", "\"%s\"%s", text, n > SHOWN ? "..." : "");
}

/* The call as strace prints it: the buffer is an address, or the text. */
static int64_t rw_call(struct rw *rw, bool write)
{
	int64_t (*call)(struct kernel *, struct task_struct *, int,
			struct iov *, uint64_t, const int64_t *) =
		write ? ksys_write : ksys_read;
	struct syscall sc;
	int64_t n;

	syscall_begin(&sc, rw->c,
		      rw->has_pos ? write ? "pwrite64" : "pread64"
		      : write	  ? "write"
				  : "read",
		      rw->iov.mm);
	cmd_arg_fd(&sc, rw->task, rw->fd);
	n = call(rw->c->k, rw->task, rw->fd, &rw->iov, rw->len,
		 rw->has_pos ? &rw->pos : NULL);
	if (rw->iov.mm)
		syscall_ptr(&sc, "buf", rw->iov.va);
	else
		arg_bytes(&sc, rw->iov.bytes, write ? (int64_t)rw->len : n);
	syscall_num(&sc, "count", rw->len);
	if (rw->has_pos)
		syscall_int(&sc, "offset", rw->pos);
	return syscall_end(&sc, n);
}

static int rw_failed(struct rw *rw, int64_t rc)
{
	if (rc == -EFAULT)
		return err_errno(rw->c->err, rc, "memory at 0x%llx",
				 (unsigned long long)rw->iov.va);
	if (rc == -EINVAL && rw->has_pos && rw->pos < 0)
		return err_errno(rw->c->err, rc, "offset %lld",
				 (long long)rw->pos);
	return cmd_fd_failed(rw->c, rw->fd, rc);
}

static int pread_run(struct cmd_ctx *c)
{
	uint64_t len = c->arg[1].value.n, at;
	uint8_t *buf = NULL;
	struct rw rw;
	int64_t n;

	if (rw_begin(&rw, c, 't') < 0)
		return -1;
	if (!rw.iov.mm && len > LEN_MAX)
		return err_set(c->err, ERR_USER,
			       "%d bytes at most are shown; -t VA reads to"
			       " memory",
			       LEN_MAX);
	rw.len = len;
	if (!rw.iov.mm)
		rw.iov.bytes = buf = calloc(1, len + 1);
	at = rw.has_pos		    ? (uint64_t)rw.pos
	     : fget(rw.task, rw.fd) ? fget(rw.task, rw.fd)->f_pos
				    : 0;
	n = rw_call(&rw, false);
	if (n > 0 && buf)
		cmd_emit_dump(c->r, at, buf, n);
	free(buf);
	if (n < 0)
		return rw_failed(&rw, n);
	res_line(c->r);
	res_i64(c->r, "bytes", "%s", n);
	res_text(c->r, COL_PLAIN, "~ byte%s read", n == 1 ? "" : "s");
	res_u64(c->r, "offset", "~ at offset %s", at);
	return 0;
}

static int pwrite_run(struct cmd_ctx *c)
{
	const struct cmd_arg *data = &c->arg[1];
	struct rw rw;
	int64_t n;

	if (rw_begin(&rw, c, 'f') < 0)
		return -1;
	if (rw.iov.mm && data->str)
		return err_set(c->err, ERR_USER,
			       "with -f the length is a number");
	if (!rw.iov.mm && !data->str)
		return err_set(c->err, ERR_USER,
			       "a text in quotes, or -f VA and a length");
	rw.len = data->value.n;
	rw.iov.bytes = (void *)data->str;
	n = rw_call(&rw, true);
	if (n < 0)
		return rw_failed(&rw, n);
	res_line(c->r);
	res_i64(c->r, "bytes", "%s", n);
	res_text(c->r, COL_PLAIN, "~ byte%s written;", n == 1 ? "" : "s");
	res_u64(c->r, "size", "the file has %s",
		fget(rw.task, rw.fd)->f_inode->size);
	return 0;
}

static const char *const whence_name[] = {
	"SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE", NULL,
};

static const char *whence_word(unsigned i)
{
	static const char *const word[] = { "set",  "cur",  "end",
					    "data", "hole", NULL };

	return word[i];
}

static int lseek_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int fd = c->arg[0].value.n, whence = 0;
	int64_t off = c->arg[1].value.n, rc;
	struct syscall sc;

	if (!task)
		return -1;
	while (c->arg[2].set && whence_name[whence] &&
	       strcasecmp(c->arg[2].str, whence_word(whence)) &&
	       strcasecmp(c->arg[2].str, whence_name[whence]))
		whence++;
	if (!whence_name[whence])
		return err_set(c->err, ERR_USER,
			       "%s: set, cur, end, data or hole",
			       c->arg[2].str);
	syscall_begin(&sc, c, "lseek", NULL);
	cmd_arg_fd(&sc, task, fd);
	syscall_int(&sc, "offset", off);
	syscall_text(&sc, "whence", "%s", whence_name[whence]);
	rc = ksys_lseek(c->k, task, fd, off, whence);
	syscall_end(&sc, rc);
	if (rc == -ENXIO)
		return err_errno(c->err, rc, "nothing from %lld on",
				 (long long)off);
	if (rc < 0)
		return err_errno(c->err, rc, "fd %d", fd);
	res_line(c->r);
	res_i64(c->r, "pos", "position %s", rc);
	return 0;
}

const struct command cmd_pread = {
	.name = "pread",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "read LEN bytes of a file, shown or put into memory",
	.details = "pread(2); without OFF read(2), at the file's position. "
		   "With -t the bytes\n"
		   "go to the memory of the process, which can fault: the call "
		   "is short then,\n"
		   "or fails with EFAULT.",
	.arg = { { "FD", ARG_NUM },
		 { "LEN", ARG_NUM },
		 { "OFF", ARG_NUM, .optional = true } },
	.opt = { { 't', "to", ARG_VA, "VA", "to memory at VA" }, CMD_OPT_PID },
	.run = pread_run,
};

const struct command cmd_pwrite = {
	.name = "pwrite",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "write a text, or bytes from memory, to a file",
	.details = "pwrite(2); without OFF write(2), at the file's position. "
		   "DATA is a text,\n"
		   "or with -f the number of bytes to take from the memory of "
		   "the process.",
	.arg = { { "FD", ARG_NUM },
		 { "DATA", ARG_DATA },
		 { "OFF", ARG_NUM, .optional = true } },
	.opt = { { 'f', "from", ARG_VA, "VA", "from memory at VA" },
		 CMD_OPT_PID },
	.run = pwrite_run,
};

const struct command cmd_lseek = {
	.name = "lseek",
	.group = "files",
	.flags = FILES_FLAGS,
	.help = "move the position of a descriptor",
	.details = "WHENCE is set (the default), cur, end, data or hole.",
	.arg = { { "FD", ARG_NUM },
		 { "OFF", ARG_NUM },
		 { "WHENCE", ARG_WORD, .optional = true } },
	.opt = { CMD_OPT_PID },
	.word = whence_word,
	.run = lseek_run,
};

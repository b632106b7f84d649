/*
 * cmd_process_vm.c - process_vm_readv, process_vm_writev: memory of another
 * process. The caller's side is a buffer of the shell's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/process_vm.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

#define MAX_READ (1ULL << 20)

static int rw_failed(struct cmd_ctx *c, int rc, int pid, va_t va)
{
	err_errno(c->err, rc, "pid %d, 0x%llx", pid, (unsigned long long)va);
	if (rc == -ESRCH)
		err_hint(c->err, "it has no memory: a zombie or a kernel "
				 "thread");
	else if (rc == -EFAULT)
		err_hint(c->err, "no area there, or its rights forbid it");
	else if (rc == -EPERM)
		err_hint(c->err, "it has capabilities that the caller has not");
	return -1;
}

/* The call by the current process, as strace prints it; bytes or -errno. */
static int64_t do_rw(struct cmd_ctx *c, struct task_struct *task, uint8_t *buf,
		     uint64_t len, bool write)
{
	int pid = (int)c->arg[0].value.n;
	const struct lx_iovec here = { 0, len };
	const struct lx_iovec there = { c->arg[1].value.n, len };
	const struct pvm_local local = { &here, 1, buf };
	struct syscall sc;
	int64_t rc;

	syscall_begin(&sc, c, write ? "process_vm_writev" : "process_vm_readv",
		      NULL);
	syscall_int(&sc, "pid", pid);
	syscall_text(&sc, "local_iov", "[{iov_base=buf, iov_len=%llu}]",
		     (unsigned long long)len);
	syscall_num(&sc, "liovcnt", 1);
	syscall_text(&sc, "remote_iov", "[{iov_base=0x%llx, iov_len=%llu}]",
		     (unsigned long long)there.base, (unsigned long long)len);
	syscall_num(&sc, "riovcnt", 1);
	syscall_num(&sc, "flags", 0);
	rc = process_vm_rw(c->k, task, pid, &local, &there, 1, 0, write);
	return syscall_end(&sc, rc);
}

static int readv_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[1].value.n;
	uint64_t len = c->arg[2].value.n;
	uint8_t *buf;
	int64_t rc;

	if (!task)
		return -1;
	if (len > MAX_READ)
		return err_set(c->err, ERR_USER,
			       "0x%llx bytes are more than 1M",
			       (unsigned long long)len);
	buf = calloc(1, len + 1);
	if (!buf)
		abort();
	rc = do_rw(c, task, buf, len, false);
	if (rc > 0)
		cmd_emit_dump(c->r, va, buf, rc);
	free(buf);
	return rc < 0 ? rw_failed(c, rc, c->arg[0].value.n, va) : 0;
}

static int writev_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const void *p = NULL;
	uint8_t num[8];
	uint64_t len;
	int64_t rc;

	if (!task || cmd_data_bytes(c, &c->arg[2], num, &p, &len) < 0)
		return -1;
	rc = do_rw(c, task, (uint8_t *)p, len, true);
	return rc < 0 ? rw_failed(c, rc, c->arg[0].value.n, c->arg[1].value.n)
		      : 0;
}

const struct command cmd_process_vm_readv = {
	.name = "process_vm_readv",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "read LEN bytes at VA of process PID",
	.details = "process_vm_readv(2) by the current process: pages of the "
		   "other one are made\n"
		   "present as its own reads would, and copied. What it may "
		   "not read, and a\n"
		   "hole, end the copy: the result is the bytes that were "
		   "moved before.",
	.example = "process_vm_readv 1 data 16",
	.arg = { { "PID", ARG_PID }, { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.run = readv_run,
};

const struct command cmd_process_vm_writev = {
	.name = "process_vm_writev",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "write DATA to VA of process PID",
	.details = "process_vm_writev(2) by the current process: copy-on-write "
		   "is broken, and\n"
		   "rights count, as for writes of the other process itself.",
	.example = "process_vm_writev 1 data \"hello\"",
	.arg = { { "PID", ARG_PID }, { "VA", ARG_VA }, { "DATA", ARG_DATA } },
	.opt = { { 's', "size", ARG_NUM, "SIZE", "bytes of a number" } },
	.run = writev_run,
};

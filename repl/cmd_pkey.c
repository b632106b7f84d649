/*
 * cmd_pkey.c - protection keys: pkey_alloc, pkey_free, pkey_mprotect.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/pkeys.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

/* "key 1 denies writes": what PKRU says of each key that is in use. */
static void emit_keys(struct cmd_ctx *c, const struct task_struct *task)
{
	static const char *const says[] = { "reads and writes",
					    "neither reads nor writes", "reads",
					    "neither reads nor writes" };
	const struct mm_struct *mm = task->mm;
	uint32_t pkru = read_pkru(c->k, task);

	res_line(c->r);
	res_hex(c->r, "pkru", "pkru %s", pkru, 8);
	res_list(c->r, "keys", RES_LINES);
	for (unsigned key = 0; key < NR_PKEYS; key++) {
		if (!(mm->pkey_allocation_map >> key & 1))
			continue;
		res_item(c->r, false);
		res_u64(c->r, "key", "key %s", key);
		res_str(c->r, "permits", "~ permits %s",
			says[pkru >> (2 * key) & 3]);
		res_bool(c->r, "execute_only", NULL,
			 (int)key == mm->execute_only_pkey);
		if ((int)key == mm->execute_only_pkey)
			res_text(c->r, COL_DIM,
				 "the kernel's, for PROT_EXEC alone");
		res_end(c->r);
	}
	res_end(c->r);
}

static int pkey_failed(struct cmd_ctx *c, int rc)
{
	err_errno(c->err, rc, "pid %d", cmd_task(c)->pid);
	if (rc == -ENOSYS)
		err_hint(c->err, "only x86-64 has protection keys");
	else if (rc != -ENOMEM && rc != -EACCES && !cpu_has_ospke(c->k))
		err_hint(c->err, "this CPU has no PKU: boot x86_64 pku=on");
	else if (rc == -ENOSPC)
		err_hint(c->err, "all 15 keys are in use");
	else if (rc == -EINVAL)
		err_hint(c->err, "keys are to be allocated first");
	return -1;
}

static int pkey_done(struct cmd_ctx *c, const struct task_struct *task, int rc)
{
	if (rc < 0)
		return pkey_failed(c, rc);
	emit_keys(c, task);
	return 0;
}

static int pkey_alloc_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	unsigned rights = (cmd_opt(c, 'a') ? LX_PKEY_DISABLE_ACCESS : 0) |
			  (cmd_opt(c, 'w') ? LX_PKEY_DISABLE_WRITE : 0);
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "pkey_alloc", NULL);
	syscall_num(&sc, "flags", 0);
	syscall_flags(&sc, "access_rights", syscall_pkey, rights);
	rc = do_pkey_alloc(c->k, task->mm, 0, rights);
	syscall_end(&sc, rc);
	return pkey_done(c, task, rc);
}

static int pkey_free_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int key = c->arg[0].value.n, rc;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "pkey_free", NULL);
	syscall_int(&sc, "pkey", key);
	rc = do_pkey_free(c->k, task->mm, key);
	syscall_end(&sc, rc);
	return pkey_done(c, task, rc);
}

static int pkey_mprotect_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	unsigned prot = c->arg[2].value.n;
	int key = c->arg[3].set ? (int)c->arg[3].value.n : -1, rc;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "pkey_mprotect", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "size", len);
	syscall_flags(&sc, "prot", syscall_prot, prot);
	syscall_int(&sc, "pkey", key);
	syscall_range(&sc, va, len);
	rc = do_pkey_mprotect(c->k, task->mm, va, len, prot, key);
	syscall_end(&sc, rc);
	return pkey_done(c, task, rc);
}

const struct command cmd_pkey_alloc = {
	.name = "pkey_alloc",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "allocate a protection key",
	.details = "pkey_alloc(2): the lowest key that is free. PKRU, a "
		   "register of the task,\n"
		   "says what the key permits: all, unless -a or -w. The CPU "
		   "must have PKU:\n"
		   "boot x86_64 pku=on.",
	.opt = { { 'a', "disable-access", ARG_FLAG, NULL,
		   "PKEY_DISABLE_ACCESS: no reads, no writes" },
		 { 'w', "disable-write", ARG_FLAG, NULL,
		   "PKEY_DISABLE_WRITE: no writes" },
		 CMD_OPT_PID },
	.run = pkey_alloc_run,
};

const struct command cmd_pkey_free = {
	.name = "pkey_free",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "free a protection key; areas keep it",
	.arg = { { "KEY", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = pkey_free_run,
};

const struct command cmd_pkey_mprotect = {
	.name = "pkey_mprotect",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "change protection and key of LEN bytes at VA",
	.details = "pkey_mprotect(2): as mprotect, and the areas get KEY. It "
		   "goes into the\n"
		   "entries, where the CPU looks it up in PKRU on each data "
		   "access. Without\n"
		   "KEY (-1) areas keep theirs.",
	.arg = { { "VA", ARG_VA },
		 { "LEN", ARG_NUM },
		 { "PROT", ARG_PROT },
		 { "KEY", ARG_NUM, .optional = true } },
	.opt = { CMD_OPT_PID },
	.run = pkey_mprotect_run,
};

/*
 * cmd_advice.c - advice and locks: madvise, mlock, munlock, mlockall,
 * munlockall.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/mman.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

/* --- madvise ----------------------------------------------------------------
 */

/* What an errno of madvise leaves open. */
static int madvise_failed(struct cmd_ctx *c, const struct task_struct *task,
			  int advice, int rc)
{
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	const struct vm_area_struct *vma;
	const char *why;

	vma = madvise_refused_by(task->mm, va, len, advice, &why);
	err_errno(c->err, rc, "%s of 0x%llx+0x%llx", c->arg[2].str,
		  (unsigned long long)va, (unsigned long long)len);
	if (rc == -EINVAL && (va & ~PAGE_MASK))
		err_hint(c->err, "0x%llx is not aligned to 4K",
			 (unsigned long long)va);
	else if (rc == -EINVAL && !madvise_configured(advice))
		err_hint(c->err, "this kernel was built without it");
	else if (rc == -EINVAL && vma)
		err_hint(c->err, "the area at 0x%llx is %s",
			 (unsigned long long)vma->vm_start, why);
	else if (rc == -ENOMEM)
		err_hint(c->err, "there is a hole; what is mapped around it "
				 "was advised");
	else if (rc == -EAGAIN)
		err_hint(c->err, "an area had to be split, and could not be");
	return -1;
}

static int madvise_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	int advice = madvise_by_name(c->arg[2].str), rc;
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	struct syscall sc;

	if (!task)
		return -1;
	if (advice < 0)
		return err_set(c->err, ERR_USER,
			       "\"%s\" is no advice that madvise knows",
			       c->arg[2].str);
	syscall_begin(&sc, c, "madvise", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "length", len);
	syscall_flags(&sc, "advice", syscall_madvise, advice);
	syscall_range(&sc, va, len);
	rc = do_madvise(c->k, task->mm, va, len, advice);
	syscall_end(&sc, rc);
	return rc < 0 ? madvise_failed(c, task, advice, rc) : 0;
}

/* --- mlock and its relatives
 * -------------------------------------------------- */

static void emit_locked(struct cmd_ctx *c, const struct task_struct *task)
{
	const struct mm_struct *mm = task->mm;
	uint64_t limit = task->rlim[RLIM_MEMLOCK];

	res_line(c->r);
	res_size(c->r, "locked", "locked %s", mm->locked_vm << PAGE_SHIFT);
	if (limit != LX_RLIM_INFINITY)
		res_size(c->r, "limit", "~ of RLIMIT_MEMLOCK's %s", limit);
	res_u64(c->r, "mlocked",
		c->k->nr_mlock == 1 ? "%s page in RAM is mlocked"
				    : "%s pages in RAM are mlocked",
		c->k->nr_mlock);
}

/* Is it more than the limit lets the process lock? */
static bool over_limit(const struct cmd_ctx *c, const struct task_struct *task)
{
	const struct mm_struct *mm = task->mm;
	uint64_t limit = task->rlim[RLIM_MEMLOCK] >> PAGE_SHIFT;

	if (!c->arg[0].set)
		return mm->total_vm > limit;
	return mm->locked_vm + (PAGE_ALIGN(c->arg[1].value.n) >> PAGE_SHIFT) >
	       limit;
}

/* What an errno leaves open. */
static int lock_failed(struct cmd_ctx *c, const struct task_struct *task,
		       int rc)
{
	if (c->arg[0].set)
		err_errno(c->err, rc, "0x%llx+0x%llx",
			  (unsigned long long)c->arg[0].value.n,
			  (unsigned long long)c->arg[1].value.n);
	else
		err_errno(c->err, rc, "pid %d", task->pid);
	if (rc == -EPERM)
		err_hint(c->err, "RLIMIT_MEMLOCK is 0");
	else if (rc == -ENOMEM && over_limit(c, task))
		err_hint(c->err,
			 "RLIMIT_MEMLOCK is %lluK: see prlimit, or "
			 "capset CAP_IPC_LOCK",
			 (unsigned long long)task->rlim[RLIM_MEMLOCK] >> 10);
	else if (rc == -ENOMEM)
		err_hint(c->err, "there is a hole, or a page that cannot be "
				 "had; areas before it are locked");
	else if (rc == -EINVAL && !c->arg[0].set)
		err_hint(c->err, "-c, -f or both are needed");
	return -1;
}

static int lock_done(struct cmd_ctx *c, const struct task_struct *task,
		     struct syscall *sc, int rc)
{
	syscall_end(sc, rc);
	emit_locked(c, task);
	return rc < 0 ? lock_failed(c, task, rc) : 0;
}

static int mlock_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	unsigned flags = cmd_opt(c, 'f') ? LX_MLOCK_ONFAULT : 0;
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, flags ? "mlock2" : "mlock", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "length", len);
	if (flags)
		syscall_flags(&sc, "flags", syscall_mlock2, flags);
	syscall_range(&sc, va & PAGE_MASK, len + (va & ~PAGE_MASK));
	return lock_done(c, task, &sc,
			 do_mlock(c->k, task->mm, va, len, flags));
}

static int munlock_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "munlock", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "length", len);
	syscall_range(&sc, va & PAGE_MASK, len + (va & ~PAGE_MASK));
	return lock_done(c, task, &sc, do_munlock(c->k, task->mm, va, len));
}

static int mlockall_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	unsigned flags = (cmd_opt(c, 'c') ? LX_MCL_CURRENT : 0) |
			 (cmd_opt(c, 'f') ? LX_MCL_FUTURE : 0) |
			 (cmd_opt(c, 'o') ? LX_MCL_ONFAULT : 0);
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "mlockall", task->mm);
	syscall_flags(&sc, "flags", syscall_mlockall, flags);
	return lock_done(c, task, &sc, do_mlockall(c->k, task->mm, flags));
}

static int munlockall_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	struct syscall sc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "munlockall", task->mm);
	return lock_done(c, task, &sc, do_munlockall(c->k, task->mm));
}

/* --- the rows
 * ------------------------------------------------------------------ */

#define ADVICE_FLAGS (CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES)

const struct command cmd_madvise = {
	.name = "madvise",
	.group = "process memory",
	.flags = ADVICE_FLAGS,
	.help = "advise the kernel about LEN bytes at VA",
	.details = "madvise(2) in the current process. ADVICE is NORMAL, "
		   "RANDOM, SEQUENTIAL,\n"
		   "WILLNEED, DONTNEED, FREE, REMOVE, DONTFORK, DOFORK, "
		   "HUGEPAGE, NOHUGEPAGE,\n"
		   "DONTDUMP, DODUMP, WIPEONFORK, KEEPONFORK, COLD, PAGEOUT, "
		   "POPULATE_READ,\n"
		   "POPULATE_WRITE, DONTNEED_LOCKED or COLLAPSE. Holes in the "
		   "range are an\n"
		   "error, but what is mapped around them is advised.",
	.example = "madvise heap 8K DONTNEED",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM }, { "ADVICE", ARG_WORD } },
	.opt = { CMD_OPT_PID },
	.word = madvise_name,
	.run = madvise_run,
};

const struct command cmd_mlock = {
	.name = "mlock",
	.alias = "mlock2",
	.group = "process memory",
	.flags = ADVICE_FLAGS,
	.help = "keep LEN bytes at VA in RAM",
	.details = "mlock(2): the areas are VM_LOCKED, all their pages become "
		   "present and stay.\n"
		   "With -f, mlock2(2) and MLOCK_ONFAULT: pages are locked as "
		   "they fault in.\n"
		   "RLIMIT_MEMLOCK bounds what a process locks. fork does not "
		   "hand it on.",
	.example = "mlock heap 16K",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.opt = { { 'f', "onfault", ARG_FLAG, NULL,
		   "MLOCK_ONFAULT: populate nothing now" },
		 CMD_OPT_PID },
	.run = mlock_run,
};

const struct command cmd_munlock = {
	.name = "munlock",
	.group = "process memory",
	.flags = ADVICE_FLAGS,
	.help = "let LEN bytes at VA be swapped again",
	.example = "munlock heap 16K",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = munlock_run,
};

const struct command cmd_mlockall = {
	.name = "mlockall",
	.group = "process memory",
	.flags = ADVICE_FLAGS,
	.help = "keep all memory of a process in RAM",
	.details = "mlockall(2) with the flags that are given: -c locks what "
		   "is mapped, -f what\n"
		   "will be; -o leaves it to faults to make pages present. "
		   "Without -f, future\n"
		   "mappings are not locked any more.",
	.example = "mlockall -c -f",
	.opt = { { 'c', "current", ARG_FLAG, NULL, "MCL_CURRENT" },
		 { 'f', "future", ARG_FLAG, NULL, "MCL_FUTURE" },
		 { 'o', "onfault", ARG_FLAG, NULL, "MCL_ONFAULT" },
		 CMD_OPT_PID },
	.run = mlockall_run,
};

const struct command cmd_munlockall = {
	.name = "munlockall",
	.group = "process memory",
	.flags = ADVICE_FLAGS,
	.help = "unlock all memory of a process, and what it will map",
	.example = "munlockall",
	.opt = { CMD_OPT_PID },
	.run = munlockall_run,
};

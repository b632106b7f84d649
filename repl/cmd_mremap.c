/*
 * cmd_mremap.c - mremap: a mapping gets another size or place; anon_name.
 */
#include <errno.h>

#include "kernel/mm.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

static unsigned mremap_flags(const struct cmd_ctx *c)
{
	return (cmd_opt(c, 'n') ? 0 : LX_MREMAP_MAYMOVE) |
	       (cmd_opt(c, 'F') ? LX_MREMAP_FIXED : 0) |
	       (cmd_opt(c, 'D') ? LX_MREMAP_DONTUNMAP : 0);
}

/* Says what an errno leaves open. */
static int mremap_failed(struct cmd_ctx *c, const struct mm_struct *mm, int rc)
{
	va_t va = c->arg[0].value.n;
	uint64_t old_len = c->arg[1].value.n, new_len = c->arg[2].value.n;
	const struct vm_area_struct *vma = find_vma(mm, va);

	err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
		  (unsigned long long)old_len);
	if (rc == -EFAULT && (!vma || vma->vm_start > va))
		err_hint(c->err, "nothing is mapped there");
	else if (rc == -EFAULT)
		err_hint(c->err, "the area ends at 0x%llx",
			 (unsigned long long)vma->vm_end);
	else if (rc == -EINVAL && cmd_opt(c, 'n') &&
		 (cmd_opt(c, 'F') || cmd_opt(c, 'D')))
		err_hint(c->err, "-F and -D move: not with -n");
	else if (rc == -EINVAL && cmd_opt(c, 'D') && old_len != new_len)
		err_hint(c->err, "-D keeps the length");
	else if (rc == -EINVAL && !old_len)
		err_hint(c->err, "only shared memory can be duplicated");
	else if (rc == -ENOMEM && cmd_opt(c, 'n'))
		err_hint(c->err, "no room behind it, and -n says not to move");
	else if (rc == -ENOMEM)
		cmd_hint_enomem(c, mm, new_len);
	return -1;
}

static int mremap_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n, to = c->arg[3].value.n, now;
	uint64_t old_len = c->arg[1].value.n, new_len = c->arg[2].value.n;
	unsigned flags = mremap_flags(c);
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	if (cmd_opt(c, 'F') && !c->arg[3].set)
		return err_set(c->err, ERR_USAGE, "-F needs NEWVA");
	syscall_begin(&sc, c, "mremap", task->mm);
	syscall_ptr(&sc, "old_address", va);
	syscall_num(&sc, "old_size", old_len);
	syscall_num(&sc, "new_size", new_len);
	syscall_flags(&sc, "flags", syscall_mremap, flags);
	if (c->arg[3].set)
		syscall_ptr(&sc, "new_address", to);
	syscall_range(&sc, va, old_len > new_len ? old_len : new_len);
	if (cmd_opt(c, 'F'))
		syscall_range(&sc, to, new_len);
	rc = do_mremap(c->k, task->mm, va, old_len, new_len, flags, to, &now);
	syscall_end_map(&sc, rc, now, new_len);
	if (rc < 0)
		return mremap_failed(c, task->mm, rc);
	res_va(c->r, "va", NULL, now);
	res_va(c->r, "end", NULL, now + PAGE_ALIGN(new_len));
	res_subject(c->r, now);
	return 0;
}

const struct command cmd_mremap = {
	.name = "mremap",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "give a mapping another length, and another place if need be",
	.details = "mremap(2): the OLDLEN bytes at VA become NEWLEN, in place "
		   "if there is room,\n"
		   "else they move; pages move with them, none is copied. "
		   "OLDLEN 0 maps shared\n"
		   "memory a second time. NEWVA is a hint for -D, and with -F "
		   "the place.",
	.example = "map 16K; mremap $_ 16K 64K",
	.arg = { { "VA", ARG_VA },
		 { "OLDLEN", ARG_NUM },
		 { "NEWLEN", ARG_NUM },
		 { "NEWVA", ARG_VA, .optional = true } },
	.opt = { { 'n', "no-move", ARG_FLAG, NULL, "without MREMAP_MAYMOVE" },
		 { 'F', "fixed", ARG_FLAG, NULL, "MREMAP_FIXED: to NEWVA" },
		 { 'D', "dontunmap", ARG_FLAG, NULL,
		   "MREMAP_DONTUNMAP: VA stays mapped, empty" },
		 CMD_OPT_PID },
	.run = mremap_run,
};

/* --- anon_name --------------------------------------------------------------
 */
static int name_failed(struct cmd_ctx *c, int rc)
{
	err_errno(c->err, rc, "0x%llx+0x%llx",
		  (unsigned long long)c->arg[0].value.n,
		  (unsigned long long)c->arg[1].value.n);
	if (rc == -EBADF)
		err_hint(c->err, "only private anonymous memory has names");
	else if (rc == -ENOMEM)
		err_hint(c->err,
			 "there are holes; what is mapped has the name");
	else if (rc == -EINVAL && c->arg[2].set)
		err_hint(c->err,
			 "whole pages; a name of at most %d characters "
			 "without \\ ` $ [ ]",
			 ANON_VMA_NAME_MAX_LEN - 1);
	return -1;
}

static int anon_name_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	const char *name = c->arg[2].set ? c->arg[2].str : NULL;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "prctl", task->mm);
	syscall_text(&sc, "option", "PR_SET_VMA");
	syscall_text(&sc, "attr", "PR_SET_VMA_ANON_NAME");
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "size", len);
	if (name)
		syscall_path(&sc, "name", name);
	else
		syscall_ptr(&sc, "name", 0);
	syscall_range(&sc, va, len);
	rc = prctl_set_vma(c->k, task->mm, va, len, name);
	syscall_end(&sc, rc);
	return rc < 0 ? name_failed(c, rc) : 0;
}

const struct command cmd_anon_name = {
	.name = "anon_name",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "give anonymous memory a name",
	.details = "prctl(PR_SET_VMA): LEN bytes at VA are [anon:NAME] in "
		   "maps, without NAME not\n"
		   "any more. Areas with different names do not merge.",
	.example = "map 16K; anon_name $_ 16K arena",
	.arg = { { "VA", ARG_VA },
		 { "LEN", ARG_NUM },
		 { "NAME", ARG_WORD, .optional = true } },
	.opt = { CMD_OPT_PID },
	.run = anon_name_run,
};

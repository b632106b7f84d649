/*
 * cmd_mm.c - the address space of a process: map, munmap, mprotect, brk.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "repl/cmd_file.h"
#include "repl/describe.h"
#include "repl/syscall.h"

/* --- map --------------------------------------------------------------------
 */
static const struct {
	char opt;
	unsigned flag;
} map_flags[] = {
	{ 'F', LX_MAP_FIXED },	   { 'E', LX_MAP_FIXED_NOREPLACE },
	{ 'P', LX_MAP_POPULATE },  { 'B', LX_MAP_NONBLOCK },
	{ 'L', LX_MAP_LOCKED },	   { 'N', LX_MAP_NORESERVE },
	{ 'G', LX_MAP_GROWSDOWN }, { 'T', LX_MAP_STACK },
	{ 'l', LX_MAP_32BIT },	   { 'H', LX_MAP_HUGETLB },
	{ 'S', LX_MAP_SYNC },	   { 'D', LX_MAP_DENYWRITE },
};

static unsigned flags_from_options(struct cmd_ctx *c, bool file)
{
	unsigned flags = cmd_opt(c, 'V')   ? LX_MAP_SHARED_VALIDATE
			 : cmd_opt(c, 's') ? LX_MAP_SHARED
					   : LX_MAP_PRIVATE;

	for (size_t i = 0; i < ARRAY_SIZE(map_flags); i++)
		if (cmd_opt(c, map_flags[i].opt))
			flags |= map_flags[i].flag;
	return file ? flags : flags | LX_MAP_ANONYMOUS;
}

/* Where it is now, for data; in text the changed areas say it. */
static void emit_area(struct cmd_ctx *c, struct task_struct *task, va_t va,
		      uint64_t len)
{
	const struct vm_area_struct *vma = find_vma(task->mm, va);
	char perms[5];

	res_va(c->r, "va", NULL, va);
	res_va(c->r, "end", NULL, va + PAGE_ALIGN(len));
	if (!vma || vma->vm_start > va)
		return;
	res_str(c->r, "perms", NULL, vma_perms(vma, perms));
	res_va(c->r, "area_start", NULL, vma->vm_start);
	res_va(c->r, "area_end", NULL, vma->vm_end);
}

static int map_offset(struct cmd_ctx *c, uint64_t *ret)
{
	const struct cmd_arg *o = cmd_opt(c, 'o');

	*ret = o ? o->value.n : 0;
	if (*ret & ~PAGE_MASK)
		return err_errno(c->err, -EINVAL, "offset 0x%llx",
				 (unsigned long long)*ret);
	return 0;
}

/* Says what an errno leaves open. */
static int map_failed(struct cmd_ctx *c, int rc, va_t addr, uint64_t len)
{
	err_errno(c->err, rc, "0x%llx bytes", (unsigned long long)len);
	if (rc == -EPERM && addr < c->k->dac_mmap_min_addr)
		err_hint(c->err, "mmap_min_addr is 0x%llx",
			 (unsigned long long)c->k->dac_mmap_min_addr);
	else if (rc == -EINVAL && (addr & ~PAGE_MASK))
		err_hint(c->err, "0x%llx is not aligned to 4K",
			 (unsigned long long)addr);
	else if (rc == -EINVAL && !len)
		err_hint(c->err, "a length above 0 is needed");
	else if (rc == -EACCES)
		err_hint(c->err, "the descriptor must be open for reading, and"
				 " to write to a shared mapping for writing");
	else if (rc == -ENODEV)
		err_hint(c->err, "only regular files can be mapped");
	else if (rc == -EAGAIN)
		err_hint(c->err, "RLIMIT_MEMLOCK: see prlimit");
	else if (rc == -ENOMEM)
		cmd_hint_enomem(c, cmd_task(c)->mm, len);
	return -1;
}

/* FILE is a descriptor, or a path, which is opened as the rights ask. */
static int map_file(struct cmd_ctx *c, const struct task_struct *task,
		    struct file **ret)
{
	int fd, rc;

	if (cmd_is_fd(c->arg[2].str, &fd)) {
		if (!fget(task, fd))
			return cmd_fd_failed(c, fd, -EBADF);
		*ret = get_file(fget(task, fd));
		return 0;
	}
	rc = file_open(c->k, c->arg[2].str, ret);
	return rc < 0 ? err_errno(c->err, rc, "%s", c->arg[2].str) : 0;
}

static int map_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t addr = cmd_opt(c, 'a') ? cmd_opt(c, 'a')->value.n : 0;
	uint64_t len = c->arg[0].value.n, off;
	unsigned prot = c->arg[1].set ? c->arg[1].value.n
				      : LX_PROT_READ | LX_PROT_WRITE;
	struct file *file = NULL;
	struct syscall sc;
	unsigned flags;
	va_t va;
	int fd, rc;

	if (!task || map_offset(c, &off) < 0)
		return -1;
	if (c->arg[2].set && map_file(c, task, &file) < 0)
		return -1;
	flags = flags_from_options(c, file != NULL);
	syscall_begin(&sc, c, "mmap", task->mm);
	syscall_ptr(&sc, "addr", addr);
	syscall_num(&sc, "length", len);
	syscall_flags(&sc, "prot", syscall_prot, prot);
	syscall_flags(&sc, "flags", syscall_map, flags);
	if (c->arg[2].set && cmd_is_fd(c->arg[2].str, &fd))
		cmd_arg_fd(&sc, task, fd);
	else
		syscall_fd(&sc, "fd", file);
	syscall_hex(&sc, "offset", off);
	if (flags & LX_MAP_FIXED)
		syscall_range(&sc, addr, len);
	rc = do_mmap(c->k, task->mm, file, addr, len, prot, flags,
		     off >> PAGE_SHIFT, &va);
	syscall_end_map(&sc, rc, va, len);
	fput(c->k, file);
	if (rc < 0)
		return map_failed(c, rc, addr, len);
	emit_area(c, task, va, len);
	res_subject(c->r, va);
	return 0;
}

/* --- munmap, mprotect, brk
 * ---------------------------------------------------- */
/* VA and LEN are the first two arguments. */
static int range_failed(struct cmd_ctx *c, int rc)
{
	va_t va = c->arg[0].value.n;

	err_errno(c->err, rc, "0x%llx+0x%llx", (unsigned long long)va,
		  (unsigned long long)c->arg[1].value.n);
	if (rc == -EINVAL && (va & ~PAGE_MASK))
		err_hint(c->err, "0x%llx is not aligned to 4K",
			 (unsigned long long)va);
	return -1;
}

static int munmap_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "munmap", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "length", len);
	syscall_range(&sc, va, len);
	rc = do_munmap(c->k, task->mm, va, len);
	syscall_end(&sc, rc);
	if (rc < 0)
		return range_failed(c, rc);
	res_va(c->r, "va", NULL, va);
	res_va(c->r, "end", NULL, va + PAGE_ALIGN(len));
	return 0;
}

static int mprotect_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	va_t va = c->arg[0].value.n;
	uint64_t len = c->arg[1].value.n;
	unsigned prot = c->arg[2].value.n;
	struct syscall sc;
	int rc;

	if (!task)
		return -1;
	syscall_begin(&sc, c, "mprotect", task->mm);
	syscall_ptr(&sc, "addr", va);
	syscall_num(&sc, "len", len);
	syscall_flags(&sc, "prot", syscall_prot, prot);
	syscall_range(&sc, va, len);
	rc = do_mprotect(c->k, task->mm, va, len, prot);
	syscall_end(&sc, rc);
	if (rc < 0)
		return range_failed(c, rc);
	emit_area(c, task, va, len);
	return 0;
}

static int brk_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	struct syscall sc;
	va_t want, now;

	if (!task)
		return -1;
	want = c->arg[0].set ? c->arg[0].value.n : task->mm->brk;
	syscall_begin(&sc, c, "brk", task->mm);
	syscall_ptr(&sc, "addr", c->arg[0].set ? want : 0);
	syscall_range(&sc, task->mm->brk < want ? task->mm->brk : want,
		      task->mm->brk < want ? want - task->mm->brk
					   : task->mm->brk - want);
	do_brk(c->k, task->mm, want, &now);
	syscall_end_ptr(&sc, 0, now);
	res_line(c->r);
	res_text(c->r, COL_PLAIN, "brk");
	res_va(c->r, "brk", "~ %s", now);
	res_va(c->r, "start_brk", "start_brk %s", task->mm->start_brk);
	if (now != want)
		return err_errno(c->err, -ENOMEM, "brk stays at 0x%llx",
				 (unsigned long long)now);
	return 0;
}

const struct command cmd_map = {
	.name = "map",
	.alias = "mmap",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "map LEN bytes, anonymous or of FILE",
	.details = "mmap(2) in the current process. PROT is letters of rwx, or "
		   "none (default\n"
		   "rw). Private unless -s; FILE is a path, or a descriptor. "
		   "Nothing\n"
		   "becomes resident before it is touched, unless -P or -L.",
	.example = "map 64K rw",
	.arg = { { "LEN", ARG_NUM },
		 { "PROT", ARG_PROT, .optional = true },
		 { "FILE", ARG_FILE, .optional = true } },
	.opt = { { 'a', "addr", ARG_VA, "VA", "hint, or with -F the address" },
		 { 'F', "fixed", ARG_FLAG, NULL, "MAP_FIXED" },
		 { 's', "shared", ARG_FLAG, NULL, "MAP_SHARED" },
		 { 'o', "offset", ARG_NUM, "OFFSET",
		   "offset in FILE, in bytes" },
		 { 'P', "populate", ARG_FLAG, NULL, "MAP_POPULATE" },
		 { 'G', "growsdown", ARG_FLAG, NULL, "MAP_GROWSDOWN" },
		 { 'N', "noreserve", ARG_FLAG, NULL, "MAP_NORESERVE" },
		 { 'E', "fixed-noreplace", ARG_FLAG, NULL,
		   "MAP_FIXED_NOREPLACE" },
		 { 'B', "nonblock", ARG_FLAG, NULL, "MAP_NONBLOCK" },
		 { 'L', "locked", ARG_FLAG, NULL, "MAP_LOCKED" },
		 { 'T', "stack", ARG_FLAG, NULL, "MAP_STACK" },
		 { 'l', "32bit", ARG_FLAG, NULL, "MAP_32BIT, on x86_64" },
		 { 'H', "hugetlb", ARG_FLAG, NULL, "MAP_HUGETLB" },
		 { 'V', "validate", ARG_FLAG, NULL, "MAP_SHARED_VALIDATE" },
		 { 'S', "sync", ARG_FLAG, NULL, "MAP_SYNC" },
		 { 'D', "denywrite", ARG_FLAG, NULL, "MAP_DENYWRITE" },
		 CMD_OPT_PID },
	.run = map_run,
};

const struct command cmd_munmap = {
	.name = "munmap",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "unmap LEN bytes at VA",
	.example = "munmap heap 4K",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM } },
	.opt = { CMD_OPT_PID },
	.run = munmap_run,
};

const struct command cmd_mprotect = {
	.name = "mprotect",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "change the protection of LEN bytes at VA",
	.example = "mprotect data 4K r",
	.arg = { { "VA", ARG_VA }, { "LEN", ARG_NUM }, { "PROT", ARG_PROT } },
	.opt = { CMD_OPT_PID },
	.run = mprotect_run,
};

const struct command cmd_brk = {
	.name = "brk",
	.group = "process memory",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set the end of the heap",
	.example = "brk brk+64K",
	.arg = { { "VA", ARG_VA, .optional = true } },
	.opt = { CMD_OPT_PID },
	.run = brk_run,
};

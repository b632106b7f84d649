/*
 * cmd_exec.c - exec, and personality, which changes what it does.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kernel/rtld.h"
#include "repl/cmd.h"
#include "repl/syscall.h"

static const char *const exec_env[] = {
	"HOME=/", "PATH=/usr/bin:/bin", "TERM=linux", NULL,
};

/* The row whose kernel runs programs with this ELF header, or NULL. */
static const struct arch *arch_for(struct cmd_ctx *c, struct file *file)
{
	Elf32_Ehdr h;

	if (file_read(c->k, file, 0, &h, sizeof(h)) != (int64_t)sizeof(h) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return NULL;
	for (const struct arch *a = archs; a->name; a++)
		if (a->elf_class == h.e_ident[EI_CLASS] &&
		    a->elf_machine == h.e_machine)
			return a;
	return NULL;
}

static int exec_failed(struct cmd_ctx *c, struct file *file, int rc,
		       const char *why)
{
	const struct arch *a = rc == -ENOEXEC ? arch_for(c, file) : NULL;

	if (a && a->elf_class != c->k->arch->elf_class) {
		err_errno(c->err, rc,
			  "%s: a program for %s, on a kernel for %s",
			  file->f_inode->path, a->name, c->k->arch->name);
		err_hint(c->err, "boot %s", a->name);
		return -1;
	}
	if (why)
		return err_errno(c->err, rc, "%s: %s", file->f_inode->path, why);
	return err_errno(c->err, rc, "%s", file->f_inode->path);
}

static void emit_exec(struct cmd_ctx *c, const struct task_struct *t)
{
	struct result *r = c->r;

	res_line(r);
	res_i64(r, "pid", "pid %s", t->pid);
	res_str(r, "comm", "~ is now %s", t->comm);
	res_va(r, "entry", "entry %s", t->mm->entry);
	if (t->mm->interp_base)
		res_va(r, "interp_base", "interpreter at %s", t->mm->interp_base);
	res_va(r, "sp", "sp %s", t->sp);
	res_u64(r, "areas", "%s areas", t->mm->vmas.count);
	res_u64(r, "rss_pages", "~, %s pages resident", get_mm_rss(t->mm));
}

static void emit_lib(void *ctx, const char *name, const char *path, va_t base)
{
	struct result *r = ctx;

	res_item(r, false);
	res_str(r, "name", "%s", name);
	res_str(r, "path", "=> %s", path);
	res_va(r, "base", "%s", base);
	res_end(r);
}

/* What the loader does before the program's first instruction; as ldd. */
static int load_libs(struct cmd_ctx *c, struct task_struct *task)
{
	char why[200];
	int rc;

	res_list(c->r, "libraries", RES_LINES);
	rc = rtld_run(c->k, task, emit_lib, c->r, why);
	res_end(c->r);
	if (rc < 0)
		err_errno(c->err, rc, "ld.so: %s", why);
	return rc;
}

/* Beyond the point of no return, and no debugger holds it. */
static void exec_killed(struct cmd_ctx *c, int cpu, int ppid)
{
	if (cpu >= 0)
		cmd_give_cpu(c->s, (unsigned)cpu, ppid);
	err_hint(c->err, "the old memory was gone: SIGSEGV has killed it");
}

static int exec_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	const char *argv[CMD_MAX_INPUTS + 2], *why = NULL;
	struct file *file;
	struct syscall sc;
	int rc, pid, ppid, cpu;
	unsigned n = 0;

	if (!task)
		return -1;
	pid = task->pid;
	ppid = task->ppid;
	cpu = task->cpu;
	rc = file_open(c->k, c->arg[0].str, &file);
	if (rc < 0)
		return err_errno(c->err, rc, "%s", c->arg[0].str);
	argv[n++] = c->arg[0].str;
	for (unsigned i = 0; i < c->nrest; i++)
		argv[n++] = c->rest[i];
	argv[n] = NULL;
	syscall_begin_brief(&sc, c, "execve");
	syscall_path(&sc, "pathname", c->arg[0].str);
	syscall_strings(&sc, "argv", argv);
	syscall_text(&sc, "envp", "[/* %zu vars */]",
		     ARRAY_SIZE(exec_env) - 1);
	rc = do_execve(c->k, task, file, argv, exec_env, &why);
	syscall_end(&sc, rc);
	if (rc < 0)
		exec_failed(c, file, rc, why);
	if (rc < 0 && (!find_task(c->k, pid) || !task->mm))
		exec_killed(c, cpu, ppid);
	else if (rc >= 0 && cmd_opt(c, 'l'))
		rc = load_libs(c, task);
	if (rc >= 0)
		emit_exec(c, task);
	fput(c->k, file);
	return rc < 0 ? -1 : 0;
}

/* --- personality
 * -------------------------------------------------------------- */
static const struct flag_name personality_names[] = {
	{ LX_ADDR_NO_RANDOMIZE, "ADDR_NO_RANDOMIZE", NULL },
	{ LX_MMAP_PAGE_ZERO, "MMAP_PAGE_ZERO", NULL },
	{ LX_ADDR_COMPAT_LAYOUT, "ADDR_COMPAT_LAYOUT", NULL },
	{ LX_READ_IMPLIES_EXEC, "READ_IMPLIES_EXEC", NULL },
	{ LX_ADDR_LIMIT_3GB, "ADDR_LIMIT_3GB", NULL },
	{ 0 },
};

static const char *personality_word(unsigned i)
{
	return i < ARRAY_SIZE(personality_names) - 1 ? personality_names[i].name
	       : i == 5				     ? "none"
						     : NULL;
}

static int personality_run(struct cmd_ctx *c)
{
	struct task_struct *task = cmd_task(c);
	uint64_t flags = 0;
	char buf[128];

	if (!task)
		return -1;
	for (unsigned i = 0; i < c->nrest; i++) {
		const struct flag_name *f = personality_names;

		while (f->name && strcasecmp(f->name, c->rest[i]) != 0)
			f++;
		if (!f->name && strcmp(c->rest[i], "none") != 0)
			return err_set(c->err, ERR_USER, "%s: no such flag",
				       c->rest[i]);
		flags |= f->mask;
	}
	if (c->nrest)
		task->personality = (uint32_t)flags;
	flags_format(buf, sizeof(buf), personality_names, task->personality,
		     " ");
	res_hex(c->r, "personality", "%s", task->personality, 8);
	res_words(c->r, "flags", "%s", buf);
	return 0;
}

const struct command cmd_personality = {
	.name = "personality",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "show or set what exec and mmap do differently for a process",
	.details = "ADDR_NO_RANDOMIZE: no ASLR (setarch -R). "
		   "ADDR_COMPAT_LAYOUT: mmap goes up\n"
		   "from a third of user space. READ_IMPLIES_EXEC: what is "
		   "mapped to be read is\n"
		   "executable too; exec sets it of an i386 program without "
		   "PT_GNU_STACK.\n"
		   "MMAP_PAGE_ZERO: exec maps page 0. ADDR_LIMIT_3GB means "
		   "i386 programs on\n"
		   "x86-64. none clears all. Children and exec inherit it.",
	.example = "personality ADDR_NO_RANDOMIZE",
	.arg = { { "FLAG", ARG_WORD, .optional = true, .repeat = true } },
	.opt = { CMD_OPT_PID },
	.run = personality_run,
	.word = personality_word,
};

const struct command cmd_exec = {
	.name = "exec",
	.group = "processes",
	.flags = CMD_NEEDS_TASK | CMD_NEEDS_KERNEL | CMD_CHANGES,
	.help = "replace the current process by the host's ELF program FILE",
	.details = "Loads FILE as execve(2) does: program headers and "
		   "interpreter as areas,\n"
		   "arguments, environment and auxiliary vector on the stack. "
		   "Nothing is\n"
		   "resident but what exec itself touched. An i386 kernel runs "
		   "i386 programs,\n"
		   "x86_64 runs x86-64 ones. --with-libs goes on where the "
		   "dynamic loader would:\n"
		   "it maps the libraries in its order, with their bss, its "
		   "own heap, TLS and\n"
		   "relro, up to the jump to the program's entry, and lists "
		   "them as ldd.",
	.opt = { { 'l', "with-libs", ARG_FLAG, NULL,
		   "map the libraries, too" } },
	.arg = { { "FILE", ARG_FILE },
		 { "ARG", ARG_WORD, .optional = true, .repeat = true } },
	.run = exec_run,
};

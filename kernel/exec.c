/*
 * exec.c - replacing a program (linux 6.1 fs/exec.c, arch/x86/mm/mmap.c for
 * where things go).
 *
 * The new address space is built beside the old one and takes its place only
 * when it is complete, so that a failure leaves the task as it was. Linux has
 * dropped the old one before it maps the first segment, and kills a task that
 * fails beyond that point; so does this for one that no debugger holds (see
 * signal.h: stop).
 *
 * Left out: credentials, coredump settings, argv of other kinds.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kernel/binprm.h"
#include "kernel/pkeys.h"
#include "kernel/pti.h"
#include "kernel/signal.h"
#include "kernel/tlb.h"

#define MAX_ARG_STRLEN	(32 * PAGE_SIZE)
#define ARG_MAX_BYTES	131072ULL
#define MAX_INTERPRETERS 5
#define STK_LIM		(8 * MiB)
#define STACK_EXPAND	131072ULL	/* beyond what the arguments need */
#define VM_STACK_FLAGS	(VM_DATA_FLAGS | VM_GROWSDOWN | VM_ACCOUNT)

static const struct exec_abi abis[] = {
	{ .elf_class = ELFCLASS32, .platform = "i686",
	  .mmap_rnd_mask = BIT(8) - 1, .stack_rnd_mask = BIT(11) - 1,
	  .brk_range = 32 * MiB, .sysinfo = true, .sigframe = 1440 },
	{ .elf_class = ELFCLASS64, .platform = "x86_64",
	  .mmap_rnd_mask = BIT(28) - 1, .stack_rnd_mask = BIT(22) - 1,
	  .brk_range = GiB, .vdso_near_stack = true, .sigframe = 1776 },
};

static const struct exec_abi *find_abi(const struct kernel *k)
{
	return &abis[k->arch->elf_class == ELFCLASS64];
}

/* A stack pointer 16-byte aligned; with randomisation up to 8 KiB lower. */
va_t arch_align_stack(struct linux_binprm *b, va_t sp)
{
	if (b->randomize)
		sp -= kernel_random(b->k) % 8192;
	return sp & ~(va_t)15;
}

static va_t stack_top(struct linux_binprm *b)
{
	va_t top = b->k->layout.stack_top;

	if (!b->randomize)
		return top;
	top -= (kernel_random(b->k) & b->abi->stack_rnd_mask) << PAGE_SHIFT;
	return PAGE_ALIGN(arch_align_stack(b, top));
}

/*
 * linux mmap_base(): below the stack's limit, within bounds. A stack without
 * a limit gets the upper bound; x86 does not turn to the legacy layout then.
 */
static va_t mmap_base(struct linux_binprm *b, uint64_t rnd)
{
	uint64_t gap = b->task->rlim[RLIM_STACK], pad = STACK_GUARD_GAP;
	uint64_t max = b->mm->map_window / 6 * 5;

	if (b->randomize)
		pad += b->abi->stack_rnd_mask << PAGE_SHIFT;
	if (gap + pad > gap)
		gap += pad;
	if (gap < 128 * MiB)
		gap = 128 * MiB;
	if (gap > max)
		gap = max;
	return PAGE_ALIGN(b->mm->map_window - gap - rnd);
}

/* linux arch_pick_mmap_layout() */
static void pick_mmap_layout(struct linux_binprm *b)
{
	struct mm_struct *mm = b->mm;
	uint64_t rnd = 0;

	if (b->randomize)
		rnd = (kernel_random(b->k) & b->abi->mmap_rnd_mask)
		      << PAGE_SHIFT;
	mm->mmap_legacy_base = PAGE_ALIGN(mm->map_window / 3) + rnd;
	mm->bottom_up = b->k->legacy_va_layout ||
			(b->task->personality & LX_ADDR_COMPAT_LAYOUT);
	mm->mmap_base =
		mm->bottom_up ? mm->mmap_legacy_base : mmap_base(b, rnd);
}

/* The stack area of one page, and where strings begin. */
static int bprm_mm_init(struct linux_binprm *b)
{
	va_t top = stack_top(b);
	struct vm_area_struct *vma;

	if (vm_enough_memory(b->k, b->mm, 1))
		return -ENOMEM;
	vma = vm_area_alloc(b->k, b->mm);
	if (!vma) {
		vm_unacct_memory(b->k, 1);
		return -ENOMEM;
	}
	vma->vm_start = top - PAGE_SIZE;
	vma->vm_end = top;
	vma->vm_flags = VM_STACK_FLAGS;
	vma->vm_pgoff = vma->vm_start >> PAGE_SHIFT;
	vma_set_page_prot(b->k, vma);
	vma_link(vma);
	b->mm->total_vm = b->mm->stack_vm = 1;
	b->p = top - b->k->arch->word;
	return 0;
}

/* --- strings -------------------------------------------------------------- */

static unsigned count(const char *const *strings)
{
	unsigned n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

/* A quarter of the stack's limit for strings and pointers to them. */
static int bprm_stack_limits(struct linux_binprm *b, uint64_t *ret)
{
	uint64_t limit = STK_LIM / 4 * 3;
	uint64_t pointers = (uint64_t)(b->argc + b->envc) * b->k->arch->word;

	if (limit > b->task->rlim[RLIM_STACK] / 4)
		limit = b->task->rlim[RLIM_STACK] / 4;
	if (limit < ARG_MAX_BYTES)
		limit = ARG_MAX_BYTES;
	if (limit <= pointers)
		return -E2BIG;
	*ret = limit - pointers;
	return 0;
}

static int copy_string(struct linux_binprm *b, const char *s, va_t argmin)
{
	uint64_t len = strlen(s) + 1;

	if (len > MAX_ARG_STRLEN || b->p - argmin < len)
		return -E2BIG;
	b->p -= len;
	return access_remote_vm(b->k, b->mm, b->p, (char *)s, len, true);
}

/* The last one goes to the highest address. */
static int copy_strings(struct linux_binprm *b, const char *const *strings,
			unsigned n, va_t argmin)
{
	int err = 0;

	while (n-- > 0 && !err)
		err = copy_string(b, strings[n], argmin);
	return err;
}

static int copy_arguments(struct linux_binprm *b, const char *const *argv,
			  const char *const *envp)
{
	static const char *const no_argv[] = { "", NULL };
	uint64_t limit;
	va_t argmin;
	int err;

	b->argc = count(argv);
	b->envc = count(envp);
	if (!b->argc) {		/* since 5.18 there is always argv[0] */
		argv = no_argv;
		b->argc = 1;
	}
	err = bprm_stack_limits(b, &limit);
	if (err)
		return err;
	argmin = b->p - limit;
	err = copy_string(b, b->filename, argmin);
	b->exec = b->p;
	if (!err)
		err = copy_strings(b, envp, b->envc, argmin);
	if (!err)
		err = copy_strings(b, argv, b->argc, argmin);
	return err;
}

int setup_arg_pages(struct linux_binprm *b, enum exec_stack exec)
{
	struct vm_area_struct *vma = find_vma(b->mm, b->p);
	uint64_t limit = b->task->rlim[RLIM_STACK] & PAGE_MASK;
	uint64_t size = vma->vm_end - vma->vm_start;
	va_t base = vma->vm_start - STACK_EXPAND;

	b->mm->arg_start = b->p;
	if (exec == EXSTACK_ENABLE_X ||
	    (exec == EXSTACK_DEFAULT &&
	     (b->task->personality & LX_READ_IMPLIES_EXEC)))
		vma->vm_flags |= VM_EXEC;
	vma_set_page_prot(b->k, vma);
	if (size + STACK_EXPAND > limit)
		base = vma->vm_end - limit;
	b->mm->start_stack = b->p;
	if (base >= vma->vm_start)
		return 0;
	return expand_stack(b->k, vma, base) ? -EFAULT : 0;
}

/* --- the switch ----------------------------------------------------------- */

static void set_comm(struct task_struct *task, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len;

	path = slash ? slash + 1 : path;
	len = strnlen(path, sizeof(task->comm) - 1);
	memcpy(task->comm, path, len);
	memset(task->comm + len, 0, sizeof(task->comm) - len);
}

static int exec_mmap(struct linux_binprm *b)
{
	struct task_struct *task = b->task;
	struct mm_struct *old = task->mm;

	if (task->cpu >= 0 && load_mm_cr3(b->k, task->cpu, mm_root(b->mm)))
		return -EFAULT;
	de_thread(b->k, task);
	flush_signal_handlers(task);
	mm_release(b->k, task);
	task->mm = b->mm;
	b->mm->owner_pid = task->pid;
	mm_update_next_owner(b->k, old, task);
	write_pkru(b->k, task, INIT_PKRU);
	mmput(b->k, old);
	if (task->cpu >= 0)
		pti_exit_to_user(b->k, task->cpu);
	do_close_on_exec(b->k, task);
	set_comm(task, b->filename);
	return 0;
}

/* 1: it is a script, and *script is filled in. */
static int build_mm(struct linux_binprm *b, const char *const *argv,
		    const char *const *envp, struct script *script)
{
	int err = bprm_mm_init(b);

	if (!err)
		err = copy_arguments(b, argv, envp);
	if (!err)
		err = load_script(b, script);
	return err ? err : load_elf_binary(b);
}

/* A task that fails where there is no way back. */
static void fail_for_good(struct linux_binprm *b)
{
	struct task_struct *task = b->task;

	if (b->point_of_no_return && task->tgid != 1 &&
	    !(task->signal->stop & sigbit(LX_SIGSEGV)))
		end_group(b->k, task, LX_SIGSEGV);
}

static int exec_binary(struct linux_binprm *b, const char *const *argv,
		       const char *const *envp, struct script *script)
{
	struct task_struct *task = b->task, before = *task;
	int err = mm_alloc(b->k, &b->mm);

	if (err)
		return err;
	b->mm->owner = task;
	b->mm->owner_pid = task->pid;
	if (!(task->personality & LX_ADDR_NO_RANDOMIZE))
		b->randomize = b->k->randomize_va_space;
	pick_mmap_layout(b);
	err = build_mm(b, argv, envp, script);
	if (!err)
		err = exec_mmap(b);
	if (!err)
		return 0;
	mmput(b->k, b->mm);
	task->min_flt = before.min_flt;
	task->maj_flt = before.maj_flt;
	task->sp = before.sp;
	task->ip = before.ip;
	task->personality = before.personality;
	fail_for_good(b);
	return err;
}

/* argv of the interpreter: itself, its argument, the script, the rest. */
static const char **script_argv(const struct script *s, const char *script,
				const char *const *argv)
{
	unsigned n = count(argv), at = 0;
	const char **v = xcalloc(n + 4, sizeof(*v));

	v[at++] = s->interp;
	if (s->arg)
		v[at++] = s->arg;
	v[at++] = script;
	for (unsigned i = 1; i < n; i++)
		v[at++] = argv[i];
	return v;
}

static int exec_file(struct linux_binprm *b, const char *const *argv,
		     const char *const *envp, unsigned depth);

/* Linux changes the arguments in place; here all begins anew. */
static int exec_script(struct linux_binprm *b, const struct script *s,
		       const char *const *argv, const char *const *envp,
		       unsigned depth)
{
	struct file *script = b->file, *interp;
	const char **v;
	int err;

	if (depth == MAX_INTERPRETERS)
		return -ELOOP;
	err = file_open(b->k, s->interp, &interp);
	if (err) {
		b->why = "#!: the interpreter cannot be opened";
		return err;
	}
	v = script_argv(s, file_inode(script)->path, argv);
	b->file = interp;
	err = exec_file(b, v, envp, depth + 1);
	b->file = script;
	fput(b->k, interp);
	free(v);
	return err;
}

static int exec_file(struct linux_binprm *b, const char *const *argv,
		     const char *const *envp, unsigned depth)
{
	struct script s;
	int rc = exec_binary(b, argv, envp, &s);

	return rc > 0 ? exec_script(b, &s, argv, envp, depth) : rc;
}

int do_execve(struct kernel *k, struct task_struct *task, struct file *file,
	      const char *const *argv, const char *const *envp,
	      const char **why)
{
	struct linux_binprm b = { .abi = find_abi(k),
				  .k = k,
				  .task = task,
				  .file = file,
				  .filename = file_inode(file)->path };
	int err;

	*why = NULL;
	if (task->state == 'Z' || task->kthread)
		return -ESRCH;
	err = exec_file(&b, argv, envp, 0);
	if (err)
		*why = b.why;
	return err;
}

/*
 * binprm.h - one execve at work: what exec.c, binfmt_elf.c and vdso.c share
 * (linux include/linux/binfmts.h).
 */
#ifndef KERNEL_BINPRM_H
#define KERNEL_BINPRM_H

#include "kernel/mm_internal.h"

/* What randomisation and the ABI of 32-bit and 64-bit programs differ in. */
struct exec_abi {
	uint8_t elf_class;
	const char *platform;	/* AT_PLATFORM */
	uint64_t mmap_rnd_mask, stack_rnd_mask;	/* pages */
	uint64_t brk_range;	/* bytes */
	bool sysinfo;		/* AT_SYSINFO: entry for int 0x80's successor */
	bool vdso_near_stack;	/* tries to place the vdso above the stack */
	unsigned sigframe;	/* AT_MINSIGSTKSZ */
};

struct linux_binprm {
	const struct exec_abi *abi;
	struct kernel *k;
	struct task_struct *task;
	struct file *file;
	const char *filename;	/* as given: of a script, not its interpreter */
	struct mm_struct *mm;	/* being built */
	va_t p;			/* top of what is used of the stack */
	va_t exec;		/* of the file name on it */
	unsigned argc, envc;
	const char *why;	/* which rule refuses the image, or NULL */
	uint64_t randomize;	/* kernel.randomize_va_space; 0 for a task that
				 * has ADDR_NO_RANDOMIZE */
	bool point_of_no_return; /* Linux has dropped the old memory */
};

/* PT_GNU_STACK: linux EXSTACK_* */
enum exec_stack { EXSTACK_DEFAULT, EXSTACK_DISABLE_X, EXSTACK_ENABLE_X };

struct script { /* what "#!" names */
	char buf[257];
	char *interp, *arg; /* in buf; arg may be NULL */
};

/* 1: b->file is a script, *s is filled in; 0: it is none; or -errno. */
int load_script(struct linux_binprm *b, struct script *s);

/* The pages behind [vdso] and [vvar]; -ENOMEM. (vdso.c) */
int vdso_init(struct kernel *k);
int map_vdso(struct linux_binprm *bprm);

int load_elf_binary(struct linux_binprm *bprm);
int setup_arg_pages(struct linux_binprm *bprm, enum exec_stack exec);
va_t arch_align_stack(struct linux_binprm *bprm, va_t sp);

#endif

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
	struct mm_struct *mm;	/* being built */
	va_t p;			/* top of what is used of the stack */
	va_t exec;		/* of the file name on it */
	unsigned argc, envc;
	const char *why;	/* which rule refuses the image, or NULL */
};

/* The pages behind [vdso] and [vvar]; -ENOMEM. (vdso.c) */
int vdso_init(struct kernel *k);
int map_vdso(struct linux_binprm *bprm);

int load_elf_binary(struct linux_binprm *bprm);
int setup_arg_pages(struct linux_binprm *bprm, bool exec_stack);
va_t arch_align_stack(struct kernel *k, va_t sp);

#endif

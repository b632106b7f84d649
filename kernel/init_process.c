/*
 * init_process.c - process 1, "init" (linux 6.1 init/main.c: kernel_init).
 *
 * Its program is built in, one static image for each ELF class:
 *
 *	file offset 0       base            headers, text   r-x  1 page
 *	            0x1000  base + 0x1000   data, then bss  rw-  1 page
 *	                    base + 0x2000   heap            rw-  33 pages
 *
 * The text is real code: it calls pause() for ever.
 */
#include <elf.h>
#include <errno.h>

#include "kernel/binprm.h"
#include "kernel/signal.h"

#define TEXT_OFFSET	0x200
#define DATA_OFFSET	0x1000
#define DATA_SIZE	0x80
#define DATA_MEMSZ	0x400
#define HEAP_SIZE	0x21000		/* what malloc first asks for */
#define BASE32		0x08048000
#define BASE64		0x00400000

#define IDENT(class)                                                           \
	{ ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, class, ELFDATA2LSB, EV_CURRENT }

#define PHDR(type, flags, offset, base, filesz, memsz)                         \
	{ .p_type = type, .p_flags = flags, .p_offset = offset,                \
	  .p_vaddr = (base) + (offset), .p_paddr = (base) + (offset),          \
	  .p_filesz = filesz, .p_memsz = memsz, .p_align = 0x1000 }

#define PHDRS(base)                                                            \
	{ PHDR(PT_LOAD, PF_R | PF_X, 0, base, TEXT_OFFSET + 16,                \
	       TEXT_OFFSET + 16),                                              \
	  PHDR(PT_LOAD, PF_R | PF_W, DATA_OFFSET, base, DATA_SIZE,             \
	       DATA_MEMSZ),                                                    \
	  PHDR(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0) }

#define EHDR(class, machine, bits, base)                                       \
	{ .e_ident = IDENT(class), .e_type = ET_EXEC, .e_machine = machine,    \
	  .e_version = EV_CURRENT, .e_entry = (base) + TEXT_OFFSET,            \
	  .e_phoff = sizeof(Elf##bits##_Ehdr),                                 \
	  .e_ehsize = sizeof(Elf##bits##_Ehdr),                                \
	  .e_phentsize = sizeof(Elf##bits##_Phdr), .e_phnum = 3 }

struct headers32 { Elf32_Ehdr eh; Elf32_Phdr ph[3]; };
struct headers64 { Elf64_Ehdr eh; Elf64_Phdr ph[3]; };

static const struct {
	struct headers32 h;
	uint8_t pad1[TEXT_OFFSET - sizeof(struct headers32)];
	uint8_t text[16];
	uint8_t pad2[DATA_OFFSET - TEXT_OFFSET - 16];
	char data[DATA_SIZE];
} init32 = {
	.h = { EHDR(ELFCLASS32, EM_386, 32, BASE32), PHDRS(BASE32) },
	.text = { 0xb8, 29, 0, 0, 0,	/* 1: mov $__NR_pause, %eax */
		  0xcd, 0x80,		/*    int $0x80 */
		  0xeb, 0xf7 },		/*    jmp 1b */
	.data = "init: the first process\n",
};

static const struct {
	struct headers64 h;
	uint8_t pad1[TEXT_OFFSET - sizeof(struct headers64)];
	uint8_t text[16];
	uint8_t pad2[DATA_OFFSET - TEXT_OFFSET - 16];
	char data[DATA_SIZE];
} init64 = {
	.h = { EHDR(ELFCLASS64, EM_X86_64, 64, BASE64), PHDRS(BASE64) },
	.text = { 0xb8, 34, 0, 0, 0,	/* 1: mov $__NR_pause, %eax */
		  0x0f, 0x05,		/*    syscall */
		  0xeb, 0xf7 },		/*    jmp 1b */
	.data = "init: the first process\n",
};

static const struct init_image {
	uint8_t elf_class;
	const void *bytes;
	size_t size;
} images[] = {
	{ ELFCLASS32, &init32, sizeof(init32) },
	{ ELFCLASS64, &init64, sizeof(init64) },
};

static int exec_init(struct kernel *k, struct task_struct *task)
{
	static const char *const argv[] = { "/init", NULL };
	static const char *const envp[] = { "HOME=/", "TERM=linux", NULL };
	const struct init_image *image =
		&images[k->arch->elf_class == ELFCLASS64];
	struct file *file = file_builtin(k, "/init", image->bytes,
					  image->size);
	const char *why;
	va_t brk;
	int err;

	if (!file)
		return -ENOMEM;
	err = do_execve(k, task, file, argv, envp, &why);
	fput(k, file);
	if (!err)
		err = do_brk(k, task->mm, task->mm->brk + HEAP_SIZE, &brk);
	return err;
}

int kernel_init_process(struct kernel *k)
{
	struct task_struct *task;
	int err = vdso_init(k);

	if (err)
		return err;
	task = task_alloc(k);
	if (!task)
		return -ENOMEM;
	task->pid = task->tgid = k->next_pid++;
	signal_init_task(task);
	err = exec_init(k, task);
	if (err) {
		mmput(k, task->mm);
		task_free(k, task);
		return err;
	}
	TAILQ_INSERT_TAIL(&k->tasks, task, link);
	return context_switch(k, 0, task);
}

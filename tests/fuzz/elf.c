/*
 * elf.c - fuzz target: exec of arbitrary bytes. Whatever the file says, exec
 * ends in success or a negative errno, the process is whole, and every
 * invariant of the kernel holds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/fs.h"
#include "kernel/mm.h"
#include "kernel/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void finding(void *ctx, const char *text)
{
	fprintf(stderr, "check: %s\n", text);
}

static struct kernel *boot(bool is64)
{
	struct kernel_config cfg;
	const char *why;

	kernel_config_default(&cfg, arch_by_name(is64 ? "x86_64" : "i386"));
	cfg.ram = 96 * MiB;
	return kernel_boot(&cfg, &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const argv[] = { "fuzz", NULL }, *const envp[] = { NULL };
	struct kernel *k = boot(size > 4 && data[4] == 2);
	struct task_struct *init = find_task(k, 1);
	struct file *file = file_builtin(k, "fuzz", data, size);
	const char *why = NULL;
	struct user_access a;
	uint8_t byte;

	if (do_execve(k, init, file, argv, envp, &why) == 0) {
		context_switch(k, 0, init);
		user_access(k, 0, ACCESS_FETCH, true, init->mm->entry, &byte, 1, &a);
		user_access(k, 0, ACCESS_READ, true, init->sp, &byte, 1, &a);
	}
	fput(k, file);
	if (kernel_check(k, finding, NULL))
		abort();
	kernel_destroy(k);
	return 0;
}

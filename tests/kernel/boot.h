/*
 * boot.h - kernels to test with: booted from a row, checked when they end.
 */
#ifndef TESTS_KERNEL_BOOT_H
#define TESTS_KERNEL_BOOT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/kernel.h"
#include "kernel/page_alloc.h"

struct boot_row {
	const char *name;
	const char *arch;
	uint64_t ram;
	bool layout_61, nopse, nopge, nonx, gbpages;
	va_t page_offset;
	bool la57, has_highmem, pti, kaslr, vmalloc_fault;
	unsigned cpus;
	uint64_t lowmem, highmem, vmalloc;
};

#define BOOT(n, a, bytes, ...)                                  \
	{                                                       \
		.name = n, .arch = a, .ram = bytes, __VA_ARGS__ \
	}

static inline struct kernel_config row_config(const struct boot_row *row)
{
	struct kernel_config cfg;

	kernel_config_default(&cfg, arch_by_name(row->arch));
	cfg.ram = row->ram;
	cfg.layout_61 = row->layout_61;
	cfg.page_offset = row->page_offset;
	cfg.gbpages = row->gbpages;
	cfg.la57 = row->la57;
	cfg.pti = row->pti;
	cfg.kaslr = row->kaslr;
	cfg.vmalloc_fault = row->vmalloc_fault;
	if (row->cpus)
		cfg.cpus = row->cpus;
	cfg.lowmem = row->lowmem;
	cfg.highmem = row->highmem;
	cfg.has_highmem = row->has_highmem;
	cfg.vmalloc_reserve = row->vmalloc;
	if (row->nopse)
		cfg.pse = false;
	if (row->nonx)
		cfg.nx = false;
	if (row->nopge)
		cfg.pge = false;
	return cfg;
}

static inline struct kernel *boot_row(const struct boot_row *row)
{
	struct kernel_config cfg = row_config(row);
	const char *why = "";
	struct kernel *k = kernel_boot(&cfg, &why);

	if (!k)
		fail_msg("%s: %s", row->name, why);
	return k;
}

static inline void print_finding(void *ctx, const char *text)
{
	print_error("check: %s\n", text);
}

static inline void count_finding(void *ctx, const char *text)
{
	if (ctx)
		snprintf(ctx, 200, "%s", text);
}

/* The number of findings; the last one in @text (200 bytes) if not NULL. */
static inline unsigned findings(struct kernel *k, char *text)
{
	return kernel_check(k, count_finding, text);
}

static inline void end_row(struct kernel *k)
{
	assert_int_equal(kernel_check(k, print_finding, NULL), 0);
	kernel_destroy(k);
}

/* Group fixtures: *state is a struct boot_row before, a kernel after. */
static inline int boot_setup(void **state)
{
	*state = boot_row(*state);
	return 0;
}

static inline int boot_teardown(void **state)
{
	end_row(*state);
	return 0;
}

/* For tests that leave the kernel in a state that check would object to. */
static inline int boot_abandon(void **state)
{
	kernel_destroy(*state);
	return 0;
}

/* A test of @fn on a kernel booted from @row. */
#define BOOT_TEST(fn, row)                                        \
	{                                                         \
#fn " (" #row ")", fn, boot_setup, boot_teardown, \
			(void *)&(row)                            \
	}

static const struct boot_row i386 __attribute__((unused)) = {
	.name = "i386",
	.arch = "i386",
	.ram = 2 * GiB,
};
static const struct boot_row i386_61 __attribute__((unused)) = {
	.name = "i386_61",
	.arch = "i386",
	.ram = GiB,
	.layout_61 = true,
};
static const struct boot_row i386_pae __attribute__((unused)) = {
	.name = "i386_pae",
	.arch = "i386-pae",
	.ram = 6 * GiB,
};
static const struct boot_row x86_64 __attribute__((unused)) = {
	.name = "x86_64",
	.arch = "x86_64",
	.ram = 5 * GiB,
};

#endif

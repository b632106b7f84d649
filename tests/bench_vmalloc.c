/*
 * bench_vmalloc.c - vmalloc and vfree, in ns a page: page tables written and
 * cleared, frames taken and given back. The other side takes and gives back
 * the same frames and nothing else. Linear means: the same for all sizes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/page_alloc.h"
#include "kernel/vmalloc.h"
#include "tests/bench.h"

#define MANY_AREAS 100000

static double vmalloc_ns(struct kernel *k, uint64_t size)
{
	double t = now_ns();
	va_t va;

	if (vmalloc(k, size, &va) || vfree(k, va))
		exit(1);
	return (now_ns() - t) / (size >> PAGE_SHIFT);
}

static double frames_ns(struct kernel *k, uint32_t *pfn, uint64_t n)
{
	double t = now_ns();

	for (uint64_t i = 0; i < n; i++)
		pfn[i] = alloc_pages(k, GFP_HIGHUSER, 0, "bench");
	for (uint64_t i = 0; i < n; i++)
		free_pages(k, pfn[i], 0);
	return (now_ns() - t) / n;
}

static void bench_size(struct kernel *k, const char *name, uint64_t size)
{
	uint32_t *pfn = calloc(size >> PAGE_SHIFT, sizeof(*pfn));
	double us[ROUNDS], them[ROUNDS];

	vmalloc_ns(k, size);
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = vmalloc_ns(k, size);
		them[i] = frames_ns(k, pfn, size >> PAGE_SHIFT);
	}
	bench_row(name, median(us, ROUNDS), median(them, ROUNDS), NULL);
	free(pfn);
}

/* One page more or less, with so many areas there: a walk down the tree. */
static void bench_many(struct kernel *k)
{
	double few[ROUNDS], many[ROUNDS];
	va_t va;

	for (unsigned i = 0; i < ROUNDS; i++)
		few[i] = vmalloc_ns(k, PAGE_SIZE);
	for (unsigned i = 0; i < MANY_AREAS; i++)
		if (vmalloc(k, PAGE_SIZE, &va))
			exit(1);
	for (unsigned i = 0; i < ROUNDS; i++)
		many[i] = vmalloc_ns(k, PAGE_SIZE);
	bench_row("vmalloc 4K, 100000 areas or none", median(many, ROUNDS),
		  median(few, ROUNDS), NULL);
}

void bench_vmalloc(void)
{
	struct kernel_config cfg;
	const char *why;
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name("x86_64"));
	cfg.ram = 4 * GiB;
	k = kernel_boot(&cfg, &why);
	if (!k)
		exit(1);
	bench_size(k, "vmalloc + vfree 4M, a page", 4 * MiB);
	bench_size(k, "vmalloc + vfree 64M, a page", 64 * MiB);
	bench_size(k, "vmalloc + vfree 1G, a page", GiB);
	bench_many(k);
	kernel_destroy(k);
}

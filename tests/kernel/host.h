/*
 * host.h - for the tests that compare with the host's real kernel: its areas
 * from /proc, and a booted kernel of ours beside it.
 */
#ifndef TESTS_KERNEL_HOST_H
#define TESTS_KERNEL_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/fs.h"
#include "kernel/mm.h"
#include "kernel/process.h"

struct area {
	uint64_t start, end, offset;
	char perms[5], name[128];
};

/* Reads /proc/@who/maps ("self" or a pid). Returns the number of areas. */
static inline unsigned host_areas(const char *who, struct area *a, unsigned max)
{
	char path[64], line[512];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/maps", who);
	f = fopen(path, "r");
	if (!f)
		return 0;
	while (n < max && fgets(line, sizeof(line), f)) {
		a[n].name[0] = 0;
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %127[^\n]",
			   &a[n].start, &a[n].end, a[n].perms, &a[n].offset,
			   a[n].name) >= 4)
			n++;
	}
	fclose(f);
	return n;
}

static inline unsigned our_areas(const struct mm_struct *mm, struct area *a,
				 unsigned max)
{
	struct vm_area_struct *vma;
	unsigned n = 0;

	for_each_vma(&mm->vmas, vma) {
		if (n == max)
			break;
		a[n].start = vma->vm_start;
		a[n].end = vma->vm_end;
		a[n].offset = vma->vm_file ? vma->vm_pgoff << PAGE_SHIFT : 0;
		snprintf(a[n].perms, 5, "%c%c%c%c",
			 vma->vm_flags & VM_READ ? 'r' : '-',
			 vma->vm_flags & VM_WRITE ? 'w' : '-',
			 vma->vm_flags & VM_EXEC ? 'x' : '-',
			 vma->vm_flags & VM_MAYSHARE ? 's' : 'p');
		snprintf(a[n].name, sizeof(a[n].name), "%s", vma_name(vma));
		n++;
	}
	return n;
}

static inline void finding(void *ctx, const char *text)
{
	print_error("check: %s\n", text);
}

static inline struct kernel *boot_kernel(const char *arch)
{
	struct kernel_config cfg;
	const char *why = "";
	struct kernel *k;

	kernel_config_default(&cfg, arch_by_name(arch));
	k = kernel_boot(&cfg, &why);
	if (!k)
		fail_msg("boot: %s", why);
	return k;
}

static inline void end_kernel(struct kernel *k)
{
	assert_int_equal(kernel_check(k, finding, NULL), 0);
	kernel_destroy(k);
}

#endif

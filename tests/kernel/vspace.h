/*
 * vspace.h - what the tests of the vmalloc space share.
 */
#ifndef TESTS_KERNEL_VSPACE_H
#define TESTS_KERNEL_VSPACE_H

#include <errno.h>

#include "boot.h"
#include "kernel/mm.h"
#include "kernel/pgtable.h"
#include "kernel/vmalloc.h"

#define PG(n) ((uint64_t)(n) << PAGE_SHIFT)

static inline va_t must_vmalloc(struct kernel *k, uint64_t size)
{
	va_t va = 0;

	assert_int_equal(vmalloc(k, size, &va), 0);
	return va;
}

static inline uint64_t free_pages_total(const struct kernel *k)
{
	return nr_free_pages(k);
}

/* Writes through CPU 0's MMU as kernel code; the number of bytes written. */
static inline size_t cpu_write(struct kernel *k, va_t va, const void *buf, size_t len)
{
	struct access access = { .va = va, .kind = ACCESS_WRITE };
	struct fault fault;

	return mmu_copy(&k->machine->cpu[0], &access, (void *)buf, len, &fault);
}

#define ON_ALL(fn)                                                            \
	BOOT_TEST(fn, i386), BOOT_TEST(fn, i386_61), BOOT_TEST(fn, i386_pae), \
		BOOT_TEST(fn, x86_64)

#endif

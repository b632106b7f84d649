/*
 * fixmap.h - addresses that are fixed when the kernel is built, one page each,
 * named by index (linux arch/x86/include/asm/fixmap.h). Index 0 is the page at
 * FIXADDR_TOP; they count downwards.
 */
#ifndef KERNEL_FIXMAP_H
#define KERNEL_FIXMAP_H

#include "kernel/kernel.h"

struct fix_range { /* one name of enum fixed_addresses, or BEGIN to END */
	const char *name;	 /* "FIX_APIC_BASE"; of several: "FIX_KMAP" */
	const char *begin, *end; /* names of the ends, or NULL */
	unsigned first, count;
	const char *note; /* what it is for, a phrase */
};

#define FIX_MAX_RANGES 16

/* Page types that set_fixmap() has: FIXMAP_PAGE_NORMAL, ... */
enum fix_type { FIX_NORMAL, FIX_NOCACHE, FIX_RO, FIX_NTYPES };

int fixmap_init(struct kernel *k);
void fixmap_deinit(struct kernel *k);

/* The ranges that this kernel has, rising; their number. */
unsigned fixmap_ranges(const struct kernel *k, struct fix_range *ret);
unsigned fixmap_entries(const struct kernel *k); /* __end_of_fixed_addresses */
va_t fix_to_virt(const struct kernel *k, unsigned index);
/* False: no fixmap address. */
bool virt_to_fix(const struct kernel *k, va_t va, unsigned *ret);
/* "FIX_APIC_BASE", "FIX_KMAP_BEGIN", "FIX_KMAP_END": false if unknown. */
bool fixmap_by_name(const struct kernel *k, const char *name, unsigned *ret);
/* "FIX_IO_APIC_BASE_0+2"; "-" if the index has no name. Returns @buf. */
char *fixmap_name(const struct kernel *k, unsigned index, char *buf,
		  size_t size);

/*
 * Maps the page at @pa; as in Linux only this CPU forgets what was there.
 * -EINVAL: no such index, or an address that an entry cannot hold; -EBUSY: it
 * is FIX_HOLE, or belongs to kmap_local.
 */
int set_fixmap(struct kernel *k, unsigned index, pa_t pa, enum fix_type type);
int clear_fixmap(struct kernel *k, unsigned index);
/* The PTE of an index, 0 if it maps nothing. */
uint64_t fixmap_pte(const struct kernel *k, unsigned index);
unsigned fixmap_check(struct kernel *k, check_fn fn, void *ctx);

#endif

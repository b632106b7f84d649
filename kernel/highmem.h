/*
 * highmem.h - kmap: temporary kernel mappings of HighMem frames on i386
 * (linux mm/highmem.c, arch/x86/mm/highmem_32.c).
 *
 * Slots of the pkmap area are shared and counted: 0 free and flushed, 1 free
 * but its translation may still be cached, n + 1 in use by n. All slots gone
 * makes a real kmap sleep; here it is -EAGAIN. When the search wraps
 * around, slots with count 1 are cleared and all TLBs flushed.
 */
#ifndef KERNEL_HIGHMEM_H
#define KERNEL_HIGHMEM_H

#include "kernel/kernel.h"

struct kmap_state {
	unsigned last_nr;	/* where the search for a slot goes on */
	unsigned nr;		/* slots: layout.last_pkmap */
	pa_t page_table;	/* first pkmap page table */
	struct kmap_slot { int count; pfn_t pfn; } *slot;	/* owned */
	struct { pfn_t pfn[64]; unsigned depth; } cpu[MACHINE_MAX_CPUS];
};

int highmem_init(struct kernel *k);
void highmem_deinit(struct kernel *k);

/*
 * The kernel address of @pfn: its direct-map address if it is lowmem, else a
 * slot. -EINVAL not RAM; -EAGAIN all slots in use; -ENOSYS no highmem here.
 */
int kmap(struct kernel *k, pfn_t pfn, va_t *ret);
/* Drops one use. -EINVAL: @pfn is not mapped. */
int kunmap(struct kernel *k, pfn_t pfn);
/* kmap_atomic / kmap_local: a stack of slots for each CPU. -EAGAIN: full. */
int kmap_atomic(struct kernel *k, unsigned cpu, pfn_t pfn, va_t *ret);
/* Must be the latest one of that CPU, else -EINVAL. */
int kunmap_atomic(struct kernel *k, unsigned cpu, va_t va);

/* Uses of the pkmap slot of @pfn and its address; 0: nobody maps it. */
unsigned kmap_uses(const struct kernel *k, pfn_t pfn, va_t *va);
/* The latest kmap_atomic of @cpu: its frame and address. False: it has none. */
bool kmap_atomic_top(const struct kernel *k, unsigned cpu, pfn_t *pfn,
		     va_t *va);
/* Is one of the @n frames from @pfn on mapped by a slot in use? */
bool kmap_in_use(const struct kernel *k, pfn_t pfn, uint64_t n);

unsigned highmem_check(struct kernel *k, check_fn fn, void *ctx);

#endif

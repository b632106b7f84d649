/*
 * highmem.h - kmap: temporary kernel mappings of HighMem frames on i386
 * (linux mm/highmem.c, arch/x86/mm/highmem_32.c).
 *
 * Slots of the pkmap area are shared and counted: 0 free and flushed, 1 free
 * but its translation may still be cached, n + 1 in use by n. All slots gone
 * makes a real kmap sleep; here it is -EAGAIN. When the search wraps
 * around, slots with count 1 are cleared and all TLBs flushed.
 *
 * kmap_local and kmap_atomic take slots of a CPU in the fixmap, as a stack of
 * the task (kmap_ctrl.h).
 */
#ifndef KERNEL_HIGHMEM_H
#define KERNEL_HIGHMEM_H

#include "kernel/kernel.h"

struct checker;
struct task_struct;

struct kmap_slot {
	int count;
	pfn_t pfn;
	int next; /* slot of the same page_address() bucket, or -1 */
};

#define PA_HASH_ORDER 7

struct kmap_state {
	unsigned last_nr;	/* where the search for a slot goes on */
	unsigned nr;		/* slots: layout.last_pkmap */
	pa_t page_table;	/* first pkmap page table */
	struct kmap_slot *slot; /* owned */
	int bucket[1 << PA_HASH_ORDER]; /* first slot, or -1 */
	uint64_t wraps, flushes; /* of the search; of them with a TLB flush */
};

int highmem_init(struct kernel *k);
void highmem_deinit(struct kernel *k);

/* --- kmap ----------------------------------------------------------------- */
/*
 * The kernel address of @pfn: its direct-map address if it is lowmem, else a
 * slot. -EINVAL not RAM; -EAGAIN all slots in use; -ENOSYS no highmem here.
 */
int kmap(struct kernel *k, pfn_t pfn, va_t *ret);
/* Drops one use. -EINVAL: @pfn is not mapped. */
int kunmap(struct kernel *k, pfn_t pfn);
/* Clears and flushes all unused slots; their number (kmap_flush_unused). */
unsigned kmap_flush_unused(struct kernel *k);

/* --- kmap_local, kmap_atomic (kmap_local.c) ------------------------------- */
/*
 * A slot of @cpu, for the task that runs there. -EAGAIN: the stack is full
 * (Linux: BUG). kmap_atomic() also forbids @cpu to switch tasks.
 */
int kmap_local(struct kernel *k, unsigned cpu, pfn_t pfn, va_t *ret);
int kmap_atomic(struct kernel *k, unsigned cpu, pfn_t pfn, va_t *ret);
/*
 * @va must be the latest mapping of that task, and of that kind, else
 * -EINVAL; lowmem addresses are let pass, as there is nothing to undo.
 */
int kunmap_local(struct kernel *k, unsigned cpu, va_t va);
int kunmap_atomic(struct kernel *k, unsigned cpu, va_t va);
/* The latest mapping of @cpu: its frame and address. False: it has none. */
bool kmap_local_top(const struct kernel *k, unsigned cpu, pfn_t *pfn, va_t *va);
/* Mappings that may be nested. */
unsigned kmap_local_max(const struct kernel *k);
const struct kmap_ctrl *kmap_ctrl_of(const struct kernel *k, unsigned cpu);
/* The address of slot @i of @cpu. */
va_t kmap_local_address(const struct kernel *k, unsigned cpu, unsigned i);
/*
 * May @cpu switch from @prev to @next (NULL: idle)? -EDEADLK: @prev is in
 * kmap_atomic(); -EXDEV: the mappings of @next are those of another CPU.
 */
int kmap_may_switch(const struct kernel *k, unsigned cpu,
		    const struct task_struct *prev,
		    const struct task_struct *next);
/* Takes the mappings of @prev off @cpu and puts those of @next there. */
void kmap_local_switch(struct kernel *k, unsigned cpu, struct task_struct *prev,
		       struct task_struct *next);
/* A task ends: its mappings go. */
void kmap_local_exit(struct kernel *k, struct task_struct *task);

/* --- looking -------------------------------------------------------------- */
/* Uses of the pkmap slot of @pfn and its address; 0: nobody maps it. */
unsigned kmap_uses(const struct kernel *k, pfn_t pfn, va_t *va);
/* Is one of the @n frames from @pfn on mapped by a slot in use? */
bool kmap_in_use(const struct kernel *k, pfn_t pfn, uint64_t n);
/* The frame that a slot in pkmap or of kmap_local maps at @va; false: none. */
bool kmap_lookup(const struct kernel *k, va_t va, pfn_t *pfn);
bool kmap_local_uses(const struct kernel *k, pfn_t pfn, uint64_t n);

unsigned highmem_check(struct kernel *k, check_fn fn, void *ctx);
void kmap_local_check(struct kernel *k, struct checker *c);

#endif

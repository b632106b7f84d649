/*
 * util.c - how much memory may be promised (linux 6.1 mm/util.c:
 * __vm_enough_memory, vm_commit_limit; include/linux/mman.h).
 *
 *	vm.overcommit_memory 0	refuses one request beyond RAM and swap
 *			     1	refuses nothing
 *			     2	refuses what would exceed the commit limit, a
 *				part of RAM and all swap, less what is kept for
 *				root and for the user's other processes
 *
 * Whatever the mode, what is promised is counted: private writable memory
 * (VM_ACCOUNT) and shared memory, unless MAP_NORESERVE. Left out: percpu
 * counters, memcg.
 */
#include <errno.h>

#include "kernel/mm_internal.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void vm_acct_memory(struct kernel *k, int64_t pages)
{
	k->vm_committed_as += pages;
}

void vm_unacct_memory(struct kernel *k, int64_t pages)
{
	k->vm_committed_as -= pages;
}

uint64_t vm_commit_limit(const struct kernel *k)
{
	uint64_t ram = k->totalram_pages -
		       (k->hstate.nr_huge_pages << k->hstate.order);
	uint64_t allowed = ram * k->overcommit_ratio / 100;

	if (k->overcommit_kbytes)
		allowed = k->overcommit_kbytes >> (PAGE_SHIFT - 10);
	return allowed + k->total_swap_pages;
}

/* What the process may still be promised in mode 2. */
static int64_t allowed_pages(const struct kernel *k, const struct mm_struct *mm)
{
	int64_t allowed = vm_commit_limit(k);

	if (!mm || !mm_capable(mm, CAP_SYS_ADMIN))
		allowed -= k->admin_reserve_kbytes >> (PAGE_SHIFT - 10);
	if (mm)
		allowed -= least(mm->total_vm / 32,
				 k->user_reserve_kbytes >> (PAGE_SHIFT - 10));
	return allowed;
}

static bool may_commit(const struct kernel *k, const struct mm_struct *mm,
		       int64_t pages)
{
	switch (k->overcommit_memory) {
	case OVERCOMMIT_ALWAYS:
		return true;
	case OVERCOMMIT_GUESS:
		return pages <=
		       (int64_t)(k->totalram_pages + k->total_swap_pages);
	default:
		return k->vm_committed_as < allowed_pages(k, mm);
	}
}

int vm_enough_memory(struct kernel *k, const struct mm_struct *mm,
		     int64_t pages)
{
	vm_acct_memory(k, pages);
	if (may_commit(k, mm, pages))
		return 0;
	vm_unacct_memory(k, pages);
	return -ENOMEM;
}

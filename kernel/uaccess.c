/*
 * uaccess.c - memory accesses by the code of the current task, and copies to
 * and from user memory (linux 6.1 lib/usercopy.c; gup.c copies).
 *
 * An access is what the instructions of a real program do: the MMU translates
 * each page, a fault goes to the kernel, then the access is tried again.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kernel/gup.h"
#include "kernel/mem_map.h"
#include "kernel/mm_internal.h"
#include "kernel/pti.h"

/*
 * Faults in a row on one page without progress. Two are ordinary (a page to
 * read, then to copy); more means that poked tables livelock the access.
 */
#define MAX_RETRIES 8

static void account(struct user_access *ret, const struct task_struct *task,
		    uint64_t min_flt, uint64_t maj_flt)
{
	if (!task)
		return;
	ret->min_flt = task->min_flt - min_flt;
	ret->maj_flt = task->maj_flt - maj_flt;
}

/*
 * Up to 8 bytes are one load or store, which happens whole or not at all;
 * more are a string instruction, which a fault interrupts. Without a buffer
 * one byte is accessed, and stays.
 */
static size_t access_once(struct cpu *cpu, const struct access *access,
			  char *buf, uint64_t len, struct fault *fault)
{
	bool done;
	pa_t pa;

	if (len > 8)
		return mmu_copy(cpu, access, buf, len, fault);
	if (!buf)
		done = mmu_access(cpu, access, &pa, fault);
	else if (access->kind == ACCESS_WRITE)
		done = mmu_store(cpu, access, buf, len, fault);
	else
		done = mmu_load(cpu, access, buf, len, fault);
	return done ? len : 0;
}

static void access_loop(struct kernel *k, unsigned cpu, struct access *access,
			char *buf, uint64_t len, struct user_access *ret)
{
	struct cpu *c = &k->machine->cpu[cpu];
	va_t va = access->va;
	struct fault fault;
	unsigned tries = 0;

	for (;;) {
		size_t n;

		access->va = va + ret->done;
		n = access_once(c, access, buf ? buf + ret->done : NULL,
				len - ret->done, &fault);
		ret->done += n;
		if (ret->done == len)
			return;
		tries = n ? 0 : tries + 1;
		access->va = va + ret->done;
		if (tries > MAX_RETRIES ||
		    !exc_page_fault(k, cpu, access, &fault, &ret->sig)) {
			ret->fault = fault;
			ret->oops = !ret->sig.signo;
			return;
		}
	}
}

void user_access(struct kernel *k, unsigned cpu, enum access_kind kind,
		 bool user, va_t va, void *buf, uint64_t len,
		 struct user_access *ret)
{
	struct access access = { .va = va, .kind = kind, .user = user };
	const struct task_struct *task = k->current[cpu];
	uint64_t min_flt = task ? task->min_flt : 0;
	uint64_t maj_flt = task ? task->maj_flt : 0;

	memset(ret, 0, sizeof(*ret));
	assert(buf || len == 1);
	k->this_cpu = cpu;
	if (!user && kind == ACCESS_WRITE && buf)
		k->ram_poked = true;
	if (!user)
		pti_enter_kernel(k, cpu);
	if (len)
		access_loop(k, cpu, &access, buf, len, ret);
	pti_exit_to_user(k, cpu);
	if (!user && kind != ACCESS_WRITE && buf)
		mem_map_overlay_va(k, va, buf, ret->done);
	account(ret, task, min_flt, maj_flt);
}

/* As instructions would: any right is enough to read, VM_WRITE to write. */
int access_remote_vm(struct kernel *k, struct mm_struct *mm, va_t va, void *buf,
		     uint64_t len, bool write)
{
	int err;

	access_process_vm(k, mm, va, buf, len, write ? FOLL_WRITE : FOLL_FORCE,
			  &err);
	return err;
}

/*
 * uaccess.c - memory accesses by the code of the current task, and copies to
 * and from user memory (linux 6.1 lib/usercopy.c, arch/x86/lib/usercopy.c,
 * lib/strncpy_from_user.c, arch/x86/mm/extable.c; gup.c copies).
 *
 * An access is what the instructions of a real program do: the MMU translates
 * each page, a fault goes to the kernel, then the access is tried again. One
 * of the kernel's own, in a copy, ends short where nothing can be done. Left
 * out: the word tricks of strncpy_from_user, MCE-safe copies, nofault copies.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kernel/gup.h"
#include "kernel/mem_map.h"
#include "kernel/mm_internal.h"
#include "kernel/pti.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

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

bool user_fault(struct kernel *k, unsigned cpu, const struct access *access,
		const struct fault *fault, struct user_access *ret)
{
	struct task_struct *task = k->current[cpu];

	if (exc_page_fault(k, cpu, access, fault, &ret->sig))
		return true;
	ret->fault = *fault;
	if (task && k->current[cpu] != task) { /* the OOM killer */
		ret->end = SIG_ENDED;
		return false;
	}
	ret->oops = !ret->sig.signo;
	ret->end = ret->sig.signo && k->current[cpu]
			   ? force_signal(k, cpu, &ret->sig)
			   : SIG_STOPPED;
	if (ret->oops || ret->end != SIG_RETRY)
		return false;
	ret->handled++;
	return true;
}

/* No progress after so many faults: of a handler's, or of poked tables. */
static void give_up(const struct fault *fault, struct user_access *ret)
{
	ret->fault = *fault;
	if (ret->handled && ret->sig.signo)
		ret->end = SIG_STUCK;
	else
		ret->oops = true;
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
		if (ret->done == len) {
			ret->sig.signo = 0; /* handled */
			return;
		}
		tries = n ? 0 : tries + 1;
		access->va = va + ret->done;
		if (tries > MAX_RETRIES) {
			give_up(&fault, ret);
			return;
		}
		if (!user_fault(k, cpu, access, &fault, ret))
			return;
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
	if (ret->end != SIG_ENDED)
		account(ret, task, min_flt, maj_flt);
}

/* --- the kernel's own copies ---------------------------------------------- */

/* => [va, va + len) is the user's. STAC and CLAC are nothing without SMAP. */
static void kernel_copy(struct kernel *k, unsigned cpu,
			const struct user_copy *how, va_t va, void *buf,
			uint64_t len, struct user_access *ret)
{
	struct access access = { .va = va, .kind = how->kind };
	struct cpu *c = &k->machine->cpu[cpu];
	uint64_t eflags = cpu_eflags(c);

	k->this_cpu = cpu;
	pti_enter_kernel(k, cpu);
	if (!how->no_stac && (c->mmu.cr4 & CR4_SMAP))
		cpu_write_eflags(c, eflags | EFLAGS_AC);
	if (len)
		access_loop(k, cpu, &access, buf, len, ret);
	if (!how->no_stac && (c->mmu.cr4 & CR4_SMAP))
		cpu_write_eflags(c, eflags & ~EFLAGS_AC);
	pti_exit_to_user(k, cpu);
}

uint64_t user_copy(struct kernel *k, unsigned cpu, const struct user_copy *how,
		   va_t va, void *buf, uint64_t len, struct user_access *ret)
{
	const struct task_struct *task = k->current[cpu];
	uint64_t min_flt = task ? task->min_flt : 0;
	uint64_t maj_flt = task ? task->maj_flt : 0;

	memset(ret, 0, sizeof(*ret));
	if (len > k->layout.task_size || va > k->layout.task_size - len)
		ret->fixed = true; /* access_ok() refuses: not one byte */
	else
		kernel_copy(k, cpu, how, va, buf, len, ret);
	/* SMAP's faults do not look at the exception table. */
	if (ret->oops && ret->fault.reason != FAULT_SMAP) {
		ret->oops = false;
		ret->fixed = true;
	}
	if (how->zero)
		memset((char *)buf + ret->done, 0, len - ret->done);
	account(ret, task, min_flt, maj_flt);
	return len - ret->done;
}

uint64_t copy_to_user(struct kernel *k, unsigned cpu, va_t to, const void *from,
		      uint64_t len)
{
	static const struct user_copy how = { .kind = ACCESS_WRITE };
	struct user_access a;

	return user_copy(k, cpu, &how, to, (void *)from, len, &a);
}

uint64_t copy_from_user(struct kernel *k, unsigned cpu, void *to, va_t from,
			uint64_t len)
{
	static const struct user_copy how = { .kind = ACCESS_READ,
					      .zero = true };
	struct user_access a;

	return user_copy(k, cpu, &how, from, to, len, &a);
}

uint64_t clear_user(struct kernel *k, unsigned cpu, va_t to, uint64_t len)
{
	static const char zeroes[PAGE_SIZE];

	while (len) {
		uint64_t n = len < PAGE_SIZE ? len : PAGE_SIZE;
		uint64_t left = copy_to_user(k, cpu, to, zeroes, n);

		to += n - left;
		len -= n - left;
		if (left)
			return len;
	}
	return 0;
}

int get_user(struct kernel *k, unsigned cpu, va_t from, unsigned size,
	     uint64_t *ret)
{
	uint64_t value = 0;

	if (copy_from_user(k, cpu, &value, from, size))
		return -EFAULT;
	*ret = value;
	return 0;
}

int put_user(struct kernel *k, unsigned cpu, va_t to, unsigned size,
	     uint64_t value)
{
	return copy_to_user(k, cpu, to, &value, size) ? -EFAULT : 0;
}

/* Byte by byte near the end of a page, as the real one where words may fault.
 */
int64_t strncpy_from_user(struct kernel *k, unsigned cpu, char *to, va_t from,
			  uint64_t len)
{
	for (uint64_t i = 0; i < len; i++) {
		if (copy_from_user(k, cpu, to + i, from + i, 1))
			return -EFAULT;
		if (!to[i])
			return (int64_t)i;
	}
	return (int64_t)len;
}

/* --- without a CPU -------------------------------------------------------- */

/* As instructions would: any right is enough to read, VM_WRITE to write. */
int access_remote_vm(struct kernel *k, struct mm_struct *mm, va_t va, void *buf,
		     uint64_t len, bool write)
{
	int err;

	access_process_vm(k, mm, va, buf, len, write ? FOLL_WRITE : FOLL_FORCE,
			  &err);
	return err;
}

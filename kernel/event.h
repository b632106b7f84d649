/*
 * event.h - what the kernel tells whoever listens.
 *
 * Nothing below repl/ prints. Steps of the kernel are reported as events to
 * one sink; the shell turns them into the story of a command, Lua subscribes
 * to them. With no sink an event costs one branch. Events carry static
 * strings and numbers only, and are valid during the call.
 */
#ifndef KERNEL_EVENT_H
#define KERNEL_EVENT_H

#include "machine/machine.h"

struct kernel;
struct vm_area_struct;
struct mm_struct;

enum kevent_kind {
	KEV_FAULT,	/* the CPU delivered an exception: fault, access */
	KEV_HANDLER,	/* a function handled it: func, note, pfn, old_pfn, n */
	KEV_PTE,	/* an entry was written: va, level, entry_pa, old, new */
	KEV_SIGNAL,	/* a signal would be sent: signo, si_code, va, n: si_pkey */
	KEV_VMA,	/* areas changed: func (map, merge, split, unmap, grow), va, end */
	KEV_PAGE_ALLOC,	/* frames left the buddy: pfn, order, func (what for) */
	KEV_PAGE_FREE,	/* frames came back: pfn, order */
	KEV_TLB_FLUSH,	/* func (invlpg, cr3, all), n: CPUs; va, end: an
			 * INVLPG a page; note: refused, n: the CPU */
	KEV_ZONE,	/* an allocation has trouble: func, note, order */
	KEV_SWITCH,	/* CR3 was loaded: old, new */
	KEV_IO,		/* the disk: func, note, n pages, va and end: bytes of
			 * the file that they are from */
	KEV_NKINDS,
};

struct kevent {
	enum kevent_kind kind;
	const char *func;	/* Linux' name of the function at work */
	const char *note;	/* a few words more, or NULL */
	int pid;		/* owner of the address space, 0 for the kernel */
	va_t va, end;
	unsigned level, order, n;	/* n: a count, e.g. mappers */
	pa_t entry_pa;
	uint64_t old, new;
	pfn_t pfn, old_pfn;
	int signo, si_code;
	const struct fault *fault;
	const struct access *access;
};

struct kevent_sink {
	void (*fn)(void *ctx, const struct kevent *ev);
	void *ctx;
};

/*
 * kevent(k, .kind = KEV_PTE, .va = va, ...): reports one event. Arguments
 * are not evaluated when nobody listens.
 */
#define kevent(k, ...)                                                         \
	do {                                                                   \
		if (__builtin_expect((k)->sink.fn != NULL, 0))                 \
			(k)->sink.fn((k)->sink.ctx,                            \
				     &(struct kevent){ __VA_ARGS__ });         \
	} while (0)

#endif

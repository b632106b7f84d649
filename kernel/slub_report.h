/*
 * slub_report.h - reports of the slab allocator, in Linux' words, into the
 * kernel log; tracks of who allocated and freed.
 */
#ifndef KERNEL_SLUB_REPORT_H
#define KERNEL_SLUB_REPORT_H

#include "kernel/slab_internal.h"

/* An address as %p of Linux has it: printk(k, PVA, VA(k, va)). */
#define WIDTH(k)  ((k)->arch->word * 2)
#define VA(k, va) WIDTH(k), (unsigned long long)(va)
#define PVA	  "0x%0*llx"

/* "BUG kmalloc-64 (Not tainted): ..." between two lines; taints the kernel. */
void slab_bug(struct kernel *k, const struct kmem_cache *c, const char *what);
void slab_fix(struct kernel *k, const struct kmem_cache *c, const char *fmt,
	      ...) __attribute__((format(printf, 3, 4)));
/* A bug of a slab, and of an object: with its bytes. */
void slab_err(struct kernel *k, struct slab *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void object_err(struct kernel *k, struct slab *s, va_t object,
		const char *reason);
void print_trailer(struct kernel *k, struct slab *s, va_t object);
void print_tracking(struct kernel *k, va_t object);
void print_section(struct kernel *k, const char *what, va_t va, unsigned len);

/* Where the free pointer ends, if it is not in the object; else the object. */
unsigned info_end(const struct kernel *k, const struct kmem_cache *c);
/* Bytes from the start of an object to the end of what it takes. */
unsigned size_from_object(const struct kmem_cache *c);

void init_tracking(struct kernel *k, const struct kmem_cache *c, va_t object);
void set_track(struct kernel *k, const struct kmem_cache *c, va_t object,
	       bool freed);
void set_orig_size(struct kernel *k, const struct kmem_cache *c, va_t object,
		   unsigned size);

#endif

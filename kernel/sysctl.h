/*
 * sysctl.h - what can be set while the kernel runs: one table of rows, each a
 * number in struct kernel. A new one is a field there and a row in sysctl.c.
 */
#ifndef KERNEL_SYSCTL_H
#define KERNEL_SYSCTL_H

#include <stddef.h>

#include "kernel/kernel.h"

struct ctl_table {
	const char *procname; /* "vm.max_map_count" */
	const char *help;     /* a few words, small letters */
	size_t offset;	      /* of a uint64_t in struct kernel */
	uint64_t min, max;    /* what may be written */
	bool ro;	      /* cannot be written here */
	bool computed;	      /* ->write sets the number itself */
	/* After a write, or before it if it can refuse: 0 or an errno. */
	int (*write)(struct kernel *k, uint64_t value);
	/* Values that are no number; NULL: the number at offset */
	const char *(*text)(const struct kernel *k);
};

extern const struct ctl_table sysctl_table[]; /* ends with a NULL name */

void sysctl_init(struct kernel *k);
const struct ctl_table *sysctl_find(const char *name); /* or NULL */
uint64_t sysctl_read(const struct kernel *k, const struct ctl_table *t);
/* -EINVAL: out of bounds; -EACCES: read-only (mode 0444). */
int sysctl_write(struct kernel *k, const struct ctl_table *t, uint64_t value);

#endif

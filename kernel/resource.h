/*
 * resource.h - who owns which physical addresses, as /proc/iomem shows it
 * (linux kernel/resource.c; arch/x86/kernel/e820.c, setup.c).
 *
 * What boot registers from the firmware's map, and the kernel image. Left
 * out: what drivers add (PCI buses, ROMs, the video window, APICs).
 */
#ifndef KERNEL_RESOURCE_H
#define KERNEL_RESOURCE_H

#include "kernel/kernel.h"

#define MAX_RESOURCES 80

struct resource {
	pa_t start, end;	/* end exclusive */
	const char *name;	/* "System RAM", "Kernel code" */
	unsigned depth;		/* 1: within the row of depth 0 before it */
};

/* Fills @ret in ascending order, parents first; returns how many there are. */
unsigned iomem_resources(const struct kernel *k,
			 struct resource ret[MAX_RESOURCES]);

#endif

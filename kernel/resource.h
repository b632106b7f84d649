/*
 * resource.h - who owns which physical addresses, as /proc/iomem shows it
 * (linux kernel/resource.c; arch/x86/kernel/e820.c, setup.c).
 *
 * What boot registers from the firmware's map, the kernel image, the window
 * of PCI devices, the video window, the interrupt controllers. Left out: what
 * drivers add within those windows, ROMs.
 */
#ifndef KERNEL_RESOURCE_H
#define KERNEL_RESOURCE_H

#include "kernel/kernel.h"

#define MAX_RESOURCES (4 * RAM_MAX_REGIONS)

struct resource {
	pa_t start, end;	/* end exclusive */
	const char *name;	/* "System RAM", "Kernel code" */
	unsigned depth;		/* 1: within the row of depth 0 before it */
};

/* Fills @ret in ascending order, parents first; returns how many there are. */
unsigned iomem_resources(const struct kernel *k,
			 struct resource ret[MAX_RESOURCES]);

#endif

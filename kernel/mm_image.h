/*
 * mm_image.h - a compact copy of an address space: its areas, and the entries
 * of its page tables as runs. To compare two processes, or two moments.
 */
#ifndef KERNEL_MM_IMAGE_H
#define KERNEL_MM_IMAGE_H

#include "kernel/mm.h"

struct image_area {
	va_t start, end;
	unsigned long flags;
	uint64_t pgoff;
	char *name;		/* owned */
};

/* Leaves side by side: entry, entry + step, entry + 2 * step, .. */
struct image_run {
	va_t va;
	uint64_t n;		/* leaves */
	uint64_t entry, step;
	unsigned level;
};

struct mm_image {
	int pid;
	char comm[16];
	struct image_area *area;	/* owned, by address */
	struct image_run *run;		/* owned, by address */
	unsigned nareas, nruns, size_areas, size_runs;
	uint64_t pages;			/* that entries map, of 4 KiB */
};

/* Looks only. @task must have an address space. */
struct mm_image *mm_image_take(struct kernel *k, const struct task_struct *task);
void mm_image_free(struct mm_image *img);	/* accepts NULL */

/* An entry of one image; n pages from va on go on like it. */
struct image_page {
	bool set;
	uint64_t entry;		/* of va */
	uint64_t step;		/* from leaf to leaf */
	unsigned level;
	va_t end;		/* of the run, or where the next one begins */
};
/* What @img has at @va; *hint is where to look first, 0 at the beginning. */
struct image_page mm_image_at(const struct kernel *k,
			      const struct mm_image *img, va_t va,
			      unsigned *hint);

#endif

/*
 * bench.h - what the files of the benchmark share.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <stdint.h>

#define ROUNDS 7

double now_ns(void);
/* The same of this process alone: who else uses the host does not matter. */
double cpu_ns(void);
/* Sorts @v. */
double median(double *v, unsigned n);

/* One row: what an operation takes us and them, and what it may take us. */
void bench_row(const char *name, double us, double them, const char *goal);
/* The same where the goal is how many times faster we are. */
void bench_row_faster(const char *name, double us, double them,
		      const char *goal);
/* The header of rows whose other side is @them. */
void bench_header(const char *them);

struct kernel;
/* A kernel with @ram bytes, or exit. */
struct kernel *bench_kernel(const char *arch, uint64_t ram);

void bench_mm(void);	/* faults, fork, bench_mm.c */
void bench_vma(void);	/* areas, bench_vma.c */
void bench_alloc(void);	/* the page allocator, bench_alloc.c */
void bench_mmu(void);	/* the paging machine, bench_mmu.c */
void bench_dump(void);	/* visits and dumps of a tree, bench_dump.c */
void bench_vmalloc(void);	/* the vmalloc space, bench_vmalloc.c */
void bench_view(void);	/* ram, layout of 64 GiB, bench_view.c */
void bench_slab(struct kernel *k);	/* kmalloc, bench_slab.c */
void bench_lua(void);	/* the Lua face, bench_lua.c */

#endif

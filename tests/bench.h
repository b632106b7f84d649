/*
 * bench.h - what the files of the benchmark share.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#define ROUNDS 7

double now_ns(void);
/* Sorts @v. */
double median(double *v, unsigned n);

/* Prints the rows of the Lua face. */
void bench_lua(void);

#endif

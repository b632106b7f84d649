/*
 * area_diff.h - the areas of a process before and after a system call: only
 * those that it changed, marked - (was), + (is) and ~ (changed in place).
 */
#ifndef REPL_AREA_DIFF_H
#define REPL_AREA_DIFF_H

#include "kernel/mm.h"
#include "repl/result.h"

struct area_diff;

/* Remembers the areas of @mm; of a large one only those that are asked for. */
struct area_diff *area_diff_begin(struct mm_struct *mm);
/* The call may change the areas of [start, start + len) and those beside. */
void area_diff_range(struct area_diff *d, va_t start, uint64_t len);
/* The call put an area into a hole: [start, start + len). */
void area_diff_mapped(struct area_diff *d, va_t start, uint64_t len);
/* Compares and emits the list "areas", if there is anything in it; frees. */
void area_diff_end(struct area_diff *d, struct result *r);

#endif

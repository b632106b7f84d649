/*
 * describe.h - what an address or a frame is, in the words that pagewalk,
 * page, ptdump and the stories share. Pure: looks, changes nothing.
 */
#ifndef REPL_DESCRIBE_H
#define REPL_DESCRIBE_H

#include "kernel/mm.h"
#include "repl/session.h"

/* "anon", "page cache", "page table", "slab", "free", ...: the frame's use. */
const char *page_kind(struct kernel *k, pfn_t pfn);

/* Name of the frame's zone; "no zone" for what is not RAM, and for frame 0. */
const char *zone_name(struct kernel *k, pfn_t pfn);

/*
 * The frame in a phrase: "anon, 2 mappers", "page cache /bin/ls +0x3000",
 * "slab kmalloc-64". Returns @buf.
 */
char *describe_page(struct kernel *k, pfn_t pfn, char *buf, size_t size);

/*
 * The address in a phrase: "[heap] rw-p" for an area of @task, the kernel
 * area it lies in, or "no area". Returns @buf.
 */
char *describe_va(struct kernel *k, const struct task_struct *task, va_t va,
		  char *buf, size_t size);

/* First address behind the area or hole of @task, or the kernel area, that
 * holds @va: up to there describe_va() says the same. */
va_t describe_end(struct kernel *k, const struct task_struct *task, va_t va);

/* Name of the kernel layout area that holds @va; NULL for user space. */
const char *kernel_area_name(const struct kernel *k, va_t va);

/* "rw-p" of an area, as /proc/PID/maps prints it; 4 letters and NUL. */
char *vma_perms(const struct vm_area_struct *vma, char buf[5]);

/* "SIGSEGV", "SEGV_MAPERR" */
const char *si_code_name(int signo, int si_code);

/* "user read", "kernel write": how an access is called everywhere. */
char *describe_access(const struct access *a, char *buf, size_t size);

#endif

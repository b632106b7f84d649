/*
 * printk.h - the kernel log (linux kernel/printk/printk.c): lines that the
 * kernel would print, kept for `dmesg`. Left out: levels, timestamps. The
 * oldest half goes once LOG_MAX bytes are reached.
 */
#ifndef KERNEL_PRINTK_H
#define KERNEL_PRINTK_H

#include <stddef.h>

struct kernel;

#define LOG_MAX	(256 * 1024)

struct klog {
	char *text;		/* owned; lines, each ends with a newline */
	size_t len, room;
	size_t unseen;		/* where what nobody has shown yet begins */
};

/* Adds a line (or several); the newline of the last one is added. */
void printk(struct kernel *k, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_deinit(struct kernel *k);

#endif

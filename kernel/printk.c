/* printk.c - see printk.h. */
#include "kernel/printk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"

/* Drops the older half, by whole lines. */
static void forget_half(struct klog *log)
{
	const char *line =
		memchr(log->text + log->len / 2, '\n', log->len - log->len / 2);
	size_t n = line - log->text + 1;

	memmove(log->text, log->text + n, log->len - n);
	log->len -= n;
	log->unseen = log->unseen > n ? log->unseen - n : 0;
}

static bool make_room(struct klog *log, size_t more)
{
	char *text;

	if (log->len > LOG_MAX)
		forget_half(log);
	if (log->len + more <= log->room)
		return true;
	text = realloc(log->text, (log->len + more) * 2);
	if (!text)
		return false;
	log->text = text;
	log->room = (log->len + more) * 2;
	return true;
}

void printk(struct kernel *k, const char *fmt, ...)
{
	struct klog *log = &k->log;
	char line[256];
	va_list args;
	size_t n;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	n = strlen(line);
	if (!make_room(log, n + 1))
		return; /* the log is no reason to stop */
	memcpy(log->text + log->len, line, n);
	log->text[log->len + n] = '\n';
	log->len += n + 1;
}

void log_deinit(struct kernel *k)
{
	free(k->log.text);
	k->log = (struct klog){ 0 };
}

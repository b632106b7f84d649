/*
 * binfmt_script.c - "#!" (linux 6.1 fs/binfmt_script.c).
 *
 *	script	#!/bin/sh -e		 execve("script", {"script", "a"})
 *	becomes execve("/bin/sh", {"/bin/sh", "-e", "script", "a"})
 *
 * The first 256 bytes count. What follows the interpreter is one argument,
 * blanks and all. An interpreter may be a script; the fifth is refused.
 */
#include <errno.h>
#include <string.h>

#include "kernel/binprm.h"

#define BINPRM_BUF_SIZE 256

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line without blanks at its ends; false: no interpreter is named, or the
 * name is cut off. */
static bool script_line(char *buf, char **start)
{
	char *end = memchr(buf, '\n', BINPRM_BUF_SIZE), *s = buf + 2;
	bool cut = !end;

	if (cut)
		end = buf + strnlen(buf, BINPRM_BUF_SIZE);
	while (s < end && is_blank(*s))
		s++;
	if (s == end)
		return false;
	if (cut && end == buf + BINPRM_BUF_SIZE && !strpbrk(s, " \t"))
		return false;
	while (end > s && is_blank(end[-1]))
		end--;
	*end = '\0';
	*start = s;
	return *s;
}

int load_script(struct linux_binprm *b, struct script *s)
{
	char *line, *arg;
	int64_t n;

	memset(s->buf, 0, sizeof(s->buf));
	n = file_read(b->k, b->file, 0, s->buf, BINPRM_BUF_SIZE);
	if (n < 2 || memcmp(s->buf, "#!", 2) != 0)
		return n < 0 ? (int)n : 0;
	if (!script_line(s->buf, &line)) {
		b->why = "#!: no interpreter is named";
		return -ENOEXEC;
	}
	arg = line + strcspn(line, " \t");
	if (*arg) {
		*arg++ = '\0';
		arg += strspn(arg, " \t");
	}
	s->interp = line;
	s->arg = *arg ? arg : NULL;
	return 1;
}

/*
 * commands.c - fuzz target: arbitrary lines, as a user or a hostile script
 * would type them. The program must survive, and the kernel's invariants hold
 * after every line. Lines that reach the host are left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repl/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void finding(void *ctx, const char *text)
{
	dprintf(2, "check: %s\n", text);
}

static bool reaches_host(const char *line)
{
	return strpbrk(line, "!|>") || strstr(line, "source") ||
	       strstr(line, "lua") || strstr(line, "/dev") || line[0] == '.';
}

/*
 * Poking page tables and loading registers breaks invariants, by design; the
 * kernel is told (ram_poked), and is not checked any more.
 */
static void run_line(struct session *s, const char *line)
{
	if (reaches_host(line) || s->quit)
		return;
	session_line(s, line);
	if (s->k && !s->k->ram_poked && kernel_check(s->k, finding, NULL)) {
		dprintf(2, "after: %s\n", line);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *words[] = { "i386", "ram=64M" };
	struct session s;
	struct err err = { 0 };
	char *text = malloc(size + 1), *save, *line;

	memcpy(text, data, size);
	text[size] = 0;
	session_init(&s);
	s.out.fd = s.errout.fd = -1;
	if (session_boot(&s, words, 2, &err) < 0)
		abort();
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		run_line(&s, line);
	session_deinit(&s);
	free(text);
	return 0;
}

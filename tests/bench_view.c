/*
 * bench_view.c - views of all memory: ram, layout and whatis of 64 GiB beside
 * the same of 2 GiB. They shall cost what they show, not what exists. Then
 * ram with much memory in use, a frame that is not free. From the command
 * line to the text, medians of ROUNDS rounds in turns. No test depends on a
 * time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "repl/session.h"
#include "tests/bench.h"

#define TIMES	16
#define TOUCHED (512 * MiB)

static void start(struct session *s, const char *ram)
{
	const char *words[] = { "x86_64", ram };
	struct err err = { 0 };

	session_init(s);
	s->out.fd = s->errout.fd = -1;
	if (session_boot(s, words, 2, &err) < 0)
		exit(1);
}

static double run_ns(struct session *s, const char *line, unsigned times)
{
	double t = now_ns();

	for (unsigned i = 0; i < times; i++) {
		s->out.len = 0;
		if (session_line(s, line))
			exit(1);
	}
	return (now_ns() - t) / times;
}

static void compare(struct session *big, struct session *small,
		    const char *line, const char *goal)
{
	double us[ROUNDS], them[ROUNDS];
	char name[64];

	run_ns(big, line, 1);
	run_ns(small, line, 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		us[i] = run_ns(big, line, TIMES);
		them[i] = run_ns(small, line, TIMES);
	}
	snprintf(name, sizeof(name), "%s, 64G beside 2G", line);
	bench_row(name, median(us, ROUNDS), median(them, ROUNDS), goal);
}

static void used(struct session *s)
{
	double v[ROUNDS];
	char line[64];

	snprintf(line, sizeof(line), "map %llu; let a $_",
		 (unsigned long long)TOUCHED);
	session_line(s, line);
	snprintf(line, sizeof(line), "touch -w $a+%llu",
		 (unsigned long long)TOUCHED);
	session_line(s, line);
	for (unsigned i = 0; i < ROUNDS; i++)
		v[i] = run_ns(s, "ram", 1) / (TOUCHED >> PAGE_SHIFT);
	printf("%-38s %9.1f ns\n", "ram, 64G, a frame of 512M in use",
	       median(v, ROUNDS));
}

void bench_view(void)
{
	struct session big, small;

	start(&big, "ram=64G");
	start(&small, "ram=2G");
	compare(&big, &small, "ram", "what it shows");
	compare(&big, &small, "layout", "what it shows");
	compare(&big, &small, "whatis data", NULL);
	used(&big);
	session_deinit(&big);
	session_deinit(&small);
}

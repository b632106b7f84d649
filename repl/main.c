/*
 * main.c - options, the terminal, exit status: wires the faces together.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/lmmsh.h"
#include "repl/blame.h"
#include "repl/host.h"
#include "repl/line.h"
#include "repl/session.h"

#ifndef MMSH_VERSION
#define MMSH_VERSION "0.1.0"
#endif

#define DEFAULT_BOOT "i386 ram=2G cpus=2 seed=1"

static const char help[] =
"Usage: mmsh [OPTION]... [FILE [ARG]...]\n"
"Explore the address spaces of a simulated x86 machine and its kernel.\n"
"\n"
"  -b, --boot='ARCH KEY=VALUE..'  what to boot; default: " DEFAULT_BOOT "\n"
"  -c, --command=COMMANDS         run COMMANDS; may be repeated\n"
"  -f, --file=FILE                run the commands in FILE; -: standard input\n"
"  -o, --output=text|json         how results are written\n"
"      --color=auto|always|never  colours in text\n"
"      --ascii                    no characters beyond ASCII\n"
"  -q, --quiet                    no greeting\n"
"  -k, --keep-going               go on after a command that failed\n"
"      --trust                    let Lua scripts reach the host\n"
"      --help, --version\n"
"\n"
"FILE is a Lua script if its name ends in .lua or its first line mentions\n"
"lua, else a list of commands. Without FILE, -c and -f commands come from the\n"
"terminal or standard input. `help` lists them.\n"
"\n"
"Exit status: 0 ok; 1 a command, script or assertion failed; 2 usage; 3 the\n"
"simulated kernel panicked or an invariant broke; 4 a limit was hit; 130\n"
"interrupted.\n";

enum { OPT_COLOR = 256, OPT_ASCII, OPT_TRUST, OPT_HELP, OPT_VERSION };

static const struct option long_options[] = {
	{ "boot", required_argument, NULL, 'b' },
	{ "command", required_argument, NULL, 'c' },
	{ "file", required_argument, NULL, 'f' },
	{ "output", required_argument, NULL, 'o' },
	{ "color", required_argument, NULL, OPT_COLOR },
	{ "colour", required_argument, NULL, OPT_COLOR },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "quiet", no_argument, NULL, 'q' },
	{ "keep-going", no_argument, NULL, 'k' },
	{ "trust", no_argument, NULL, OPT_TRUST },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct job { char kind; char *text; };	/* a -c or -f, in order */

struct options {
	const char *boot;	/* NULL: the default */
	struct job *job;	/* owned */
	unsigned njobs;
	bool json, ascii, quiet, keep_going, trust;
	enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } color;
	int argc;		/* FILE ARG... */
	char **argv;
};

/* --- options ------------------------------------------------------------- */
static int usage_error(const char *what, const char *value)
{
	fprintf(stderr, "mmsh: %s: %s; try mmsh --help\n", value, what);
	return -1;
}

/* @value is one of @names; its index in *ret. */
static int choice(const char *value, const char *const *names, const char *what,
		  unsigned *ret)
{
	for (unsigned i = 0; names[i]; i++)
		if (strcmp(value, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return usage_error(what, value);
}

static void add_job(struct options *o, char kind, char *text)
{
	o->job = realloc(o->job, (o->njobs + 1) * sizeof(*o->job));
	if (!o->job)
		abort();
	o->job[o->njobs++] = (struct job){ kind, text };
}

static int set_option(struct options *o, int c)
{
	static const char *const outputs[] = { "text", "json", NULL };
	static const char *const colors[] = { "auto", "always", "never", NULL };
	unsigned n = 0;
	int rc = 0;

	switch (c) {
	case 'b': o->boot = optarg; break;
	case 'c':
	case 'f': add_job(o, c, optarg); break;
	case 'o':
		rc = choice(optarg, outputs, "not text or json", &n);
		o->json = n;
		break;
	case OPT_COLOR:
		rc = choice(optarg, colors, "not auto, always or never", &n);
		o->color = n;
		break;
	case OPT_ASCII: o->ascii = true; break;
	case 'q': o->quiet = true; break;
	case 'k': o->keep_going = true; break;
	case OPT_TRUST: o->trust = true; break;
	}
	return rc;
}

static int bad_option(char **argv, int c)
{
	char letter[3] = { '-', (char)optopt, 0 };
	bool is_letter = optopt > 0 && optopt < OPT_COLOR;

	return usage_error(c == ':' ? "a value is missing" : "no such option",
			   is_letter && argv[optind - 1][1] != '-'
				   ? letter : argv[optind - 1]);
}

/* 1: go on; 0: done (--help); -1: a mistake was reported. */
static int parse_options(int argc, char **argv, struct options *o)
{
	int c, rc;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:b:c:f:o:qk", long_options,
				NULL)) != -1) {
		if (c == OPT_HELP || c == OPT_VERSION) {
			fputs(c == OPT_HELP ? help : "mmsh " MMSH_VERSION "\n",
			      stdout);
			return fflush(stdout) ? -1 : 0;
		}
		rc = c == '?' || c == ':' ? bad_option(argv, c)
					  : set_option(o, c);
		if (rc < 0)
			return -1;
	}
	o->argc = argc - optind;
	o->argv = argv + optind;
	return 1;
}

/* --- the terminal -------------------------------------------------------- */
static bool env_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v;
}

static bool want_colour(const struct options *o)
{
	const char *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");

	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	if (env_set("NO_COLOR"))
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return isatty(1) && term && strcmp(term, "dumb") != 0;
}

static void setup_faces(struct session *s, const struct options *o)
{
	struct lmmsh_limits limits = { .trust = o->trust };

	setlocale(LC_CTYPE, "");
	s->out.colour = want_colour(o);
	s->out.ascii = o->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	s->json = o->json;
	s->quiet = o->quiet;
	s->keep_going = o->keep_going;
	s->run_lua = lmmsh_run;
	s->eval_lua = lmmsh_eval;
	lmmsh_limits(&limits);
}

/* --- boot ---------------------------------------------------------------- */
static int boot(struct session *s, const char *how)
{
	struct err err;

	if (session_boot_text(s, how, &err) == 0)
		return 0;
	fprintf(stderr, "mmsh: -b: %s%s%s\n", err.msg, *err.hint ? "; " : "",
		err.hint);
	return -1;
}

/* --- scripts ------------------------------------------------------------- */
static int unreadable(struct session *s, const char *path)
{
	fprintf(stderr, "mmsh: %s: %s\n", path, strerror(errno));
	session_fail(s, EXIT_USAGE);
	return -1;
}

/* An open script, or -1; a directory opens but cannot be read. */
static int open_script(struct session *s, const char *path)
{
	char byte;
	int fd;

	if (strcmp(path, "-") == 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return unreadable(s, path);
	if (pread(fd, &byte, 1, 0) < 0 && errno != ESPIPE) {
		unreadable(s, path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Does the name, or a first line such as "#!/usr/bin/env -S mmsh --lua" or
 * "-- lua", say that this is Lua? */
static bool is_lua(int fd, const char *path)
{
	const char *dot = strrchr(path, '.');
	char buf[256];
	ssize_t n;

	if (dot && strcmp(dot, ".lua") == 0)
		return true;
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	if (n < 2 || (memcmp(buf, "#!", 2) != 0 && memcmp(buf, "--", 2) != 0))
		return false;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return strstr(buf, "lua") != NULL;
}

static int run_lua_file(struct session *s, const char *path, int argc,
			char **argv)
{
	struct err err;

	if (session_need_boot(s, &err) == 0 && s->run_lua(s, path, argc, argv, &err) == 0)
		return 0;
	out_flush(&s->out);
	fprintf(stderr, "%s%s%s\n", err.msg, *err.hint ? "; " : "", err.hint);
	session_fail(s, err.kind == ERR_BUDGET ? EXIT_LIMIT : EXIT_COMMAND);
	return -1;
}

static int run_file(struct session *s, const char *path, int argc, char **argv)
{
	int fd = open_script(s, path), rc;

	if (fd < 0)
		return -1;
	if (is_lua(fd, path))
		rc = run_lua_file(s, path, argc, argv);
	else
		rc = session_stream(s, fd, fd ? path : "stdin");
	if (fd)
		close(fd);
	return rc;
}

static void run_batch(struct session *s, const struct options *o)
{
	int rc = 0;

	for (unsigned i = 0; i < o->njobs; i++) {
		if (s->quit || (rc < 0 && !s->keep_going))
			return;
		if (o->job[i].kind == 'c')
			rc = session_line(s, o->job[i].text);
		else
			rc = run_file(s, o->job[i].text, 0, NULL);
	}
	if (o->argc && !s->quit && (rc == 0 || s->keep_going))
		run_file(s, o->argv[0], o->argc, o->argv);
}

/* --- the prompt ---------------------------------------------------------- */
static void run_interactive(struct session *s)
{
	char prompt[128], *line;

	s->interactive = true;
	blame_set(s, true);
	if (!s->quiet && !s->json)
		out_str(&s->out, "mmsh " MMSH_VERSION
			": help lists the commands, quit leaves\n");
	line_init(s);
	while (!s->quit) {
		out_flush(&s->out);
		line = line_read(s, session_prompt(s, prompt, sizeof(prompt)));
		if (!line)
			break;
		line_save(s, line);
		host_interrupted = 0;
		session_line(s, line);
		free(line);
	}
	line_free(s);
	/* Mistakes at the prompt were seen by whoever made them. */
	if (s->status == EXIT_COMMAND || s->status == EXIT_LIMIT)
		s->status = EXIT_OK;
}

/* The last word on standard output: a full disk is told, a closed pipe not. */
static void check_output(struct session *s)
{
	out_flush(&s->out);
	if (!s->out.error)
		return;
	if (s->out.error != EPIPE)
		fprintf(stderr, "mmsh: standard output: %s\n",
			strerror(s->out.error));
	session_fail(s, EXIT_COMMAND);
}

static int run(struct session *s, const struct options *o)
{
	bool batch = o->njobs || o->argc, terminal = isatty(0);

	setup_faces(s, o);
	host_signals(!batch && terminal);
	/* A script may boot what it wants: the default waits until then. */
	if (batch && !o->boot)
		s->boot_later = DEFAULT_BOOT;
	else if (boot(s, o->boot ? o->boot : DEFAULT_BOOT) < 0)
		return EXIT_USAGE;
	if (batch)
		run_batch(s, o);
	else if (terminal)
		run_interactive(s);
	else
		session_stream(s, 0, "stdin");
	check_output(s);
	return s->status;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct session s;
	int rc = parse_options(argc, argv, &o);

	if (rc <= 0) {
		free(o.job);
		return rc < 0 ? EXIT_USAGE : EXIT_OK;
	}
	session_init(&s);
	rc = run(&s, &o);
	lmmsh_close(&s);
	session_deinit(&s);
	free(o.job);
	return rc;
}

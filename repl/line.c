/*
 * line.c - line editing with GNU Readline: history and completion. The only
 * file that includes it.
 *
 * The callback interface is used, not readline(): so that Ctrl-C, which
 * interrupts the poll, drops the line and gives a new prompt.
 */
#include "repl/line.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

#include "repl/boot_args.h"
#include "repl/dialect.h"
#include "repl/host.h"
#include "repl/convert.h"
#include "repl/names.h"

#define HISTORY_MAX 5000

/* Readline's callbacks carry no context: the session of line_init(). */
static struct session *completing;

static struct {
	bool done;
	char *line;
} got;

static char *history_path;	/* NULL: no history is kept */

/* --- history ------------------------------------------------------------- */
static char *state_dir(void)
{
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *dir = NULL;
	int n = -1;

	if (xdg && *xdg == '/')
		n = asprintf(&dir, "%s/mmsh", xdg);
	else if (home && *home == '/')
		n = asprintf(&dir, "%s/.local/state/mmsh", home);
	return n < 0 ? NULL : dir;
}

/* mkdir -p */
static void make_dirs(char *path)
{
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(path, 0700);
			*p = '/';
		}
	mkdir(path, 0700);
}

static void history_load(void)
{
	char *dir = state_dir();

	if (!dir)
		return;
	make_dirs(dir);
	if (asprintf(&history_path, "%s/history", dir) < 0)
		history_path = NULL;
	free(dir);
	if (history_path)
		read_history(history_path);
	stifle_history(HISTORY_MAX);
}

/* --- where the cursor is ------------------------------------------------- */
/* The command under completion and the index of the word at the cursor. */
struct place {
	const struct command *cmd;	/* NULL: the word is the command */
	unsigned arg;			/* positional index of the word */
	const struct opt_spec *opt;	/* the word is this option's value */
};

static const struct opt_spec *valued_option(const struct command *cmd,
					    const char *word, size_t len)
{
	if (len < 2 || word[0] != '-')
		return NULL;
	for (const struct opt_spec *o = cmd->opt;
	     o < cmd->opt + CMD_MAX_OPTS && o->letter; o++) {
		if (o->type == ARG_FLAG)
			continue;
		if (word[1] == '-' ? o->name && strlen(o->name) == len - 2 &&
				     memcmp(o->name, word + 2, len - 2) == 0
				   : word[len - 1] == o->letter)
			return o;
	}
	return NULL;
}

/* One word before the cursor's. */
static void place_word(struct place *at, const char *word, size_t len)
{
	struct err ignored;
	char name[64];

	if (!at->cmd) {
		snprintf(name, sizeof(name), "%.*s", (int)len, word);
		at->cmd = command_find(name, true, &ignored);
		return;
	}
	if (at->opt) {
		at->opt = NULL;
		return;
	}
	at->opt = valued_option(at->cmd, word, len);
	at->arg += word[0] != '-';
}

/* Where the command that the cursor is in begins. */
static int command_start(const char *line, int end)
{
	int start = 0;
	char q = 0;

	for (int i = 0; i < end; i++) {
		if (q ? line[i] == q : line[i] == '"' || line[i] == '\'')
			q = q ? 0 : line[i];
		else if (!q && line[i] == ';')
			start = i + 1;
	}
	return start;
}

/* The start of the blank-separated word that holds @at. */
static int word_start(const char *line, int from, int at)
{
	while (at > from && !isspace((unsigned char)line[at - 1]))
		at--;
	return at;
}

/* False: the words before make no command. */
static bool find_place(const char *line, int start, struct place *at)
{
	int i = command_start(line, start), end = word_start(line, i, start);
	bool first = true;

	*at = (struct place){ .cmd = NULL };
	while (i < end) {
		int n = strcspn(line + i, " \t");

		if (n && i + n <= end) {
			place_word(at, line + i, n);
			if (first && !at->cmd)
				return false;
			first = false;
		}
		i += n + strspn(line + i + n, " \t");
	}
	return true;
}

/* --- candidates ---------------------------------------------------------- */
static struct place here;
static char **found;
static size_t nfound;

static void offer(const char *text, const char *name)
{
	char *copy;

	if (!*name || strncmp(name, text, strlen(text)) != 0)
		return;
	found = realloc(found, (nfound + 1) * sizeof(*found));
	copy = strdup(name);
	if (!found || !copy)
		abort();
	found[nfound++] = copy;
}

static void offer_commands(const char *text)
{
	for (unsigned i = 0; commands[i]; i++)
		offer(text, commands[i]->name);
}

static void offer_names(const char *text)
{
	const char *n;

	for (unsigned i = 0; (n = expr_name(completing, i)); i++)
		offer(text, n);
	for (unsigned i = 0; (n = func_name(i)); i++)
		if (*n == '_' || *text)
			offer(text, n);
}

static void offer_ranges(const char *text)
{
	const char *n;

	offer_names(text);
	for (unsigned i = 0; (n = range_name(completing, i)); i++)
		if (!strchr(n, ' '))
			offer(text, n);
}

static void offer_pids(const char *text)
{
	struct task_struct *t;
	char pid[16];

	if (!completing->k)
		return;
	TAILQ_FOREACH(t, &completing->k->tasks, link) {
		snprintf(pid, sizeof(pid), "%d", t->pid);
		offer(text, pid);
	}
}

static void offer_cpus(const char *text)
{
	char cpu[16];

	for (unsigned i = 0; i < completing->m->ncpus; i++) {
		snprintf(cpu, sizeof(cpu), "%u", i);
		offer(text, cpu);
	}
}

static void offer_keys(const char *text)
{
	char key[40];
	const char *n;

	for (unsigned i = 0; here.cmd->key && (n = here.cmd->key(i)); i++) {
		snprintf(key, sizeof(key), "%s=", n);
		offer(text, key);
	}
	rl_completion_suppress_append = 1;
}

static void offer_words(const char *text)
{
	const char *n;

	for (unsigned i = 0; here.cmd->word && (n = here.cmd->word(i)); i++)
		offer(text, n);
	if (!here.cmd->word_of || !completing->k)
		return;
	for (unsigned i = 0; (n = here.cmd->word_of(completing->k, i)); i++)
		offer(text, n);
}

static void offer_prots(const char *text)
{
	static const char *const prots[] = { "r", "rw", "rx", "rwx", "none" };

	for (size_t i = 0; i < ARRAY_SIZE(prots); i++)
		offer(text, prots[i]);
}

static void offer_dialects(const char *text)
{
	const struct dialect *d;

	for (unsigned i = 0; (d = dialect_of(here.cmd, i)); i++)
		offer(text, d->name);
}

static void offer_options(const char *text)
{
	char word[40];

	for (const struct opt_spec *o = here.cmd->opt;
	     o < here.cmd->opt + CMD_MAX_OPTS && o->letter; o++) {
		snprintf(word, sizeof(word), "-%c", o->letter);
		offer(text, word);
		snprintf(word, sizeof(word), "--%s", o->name ? o->name : "");
		if (o->name)
			offer(text, word);
	}
	for (const struct story_opt *o = story_opts;
	     command_tells(here.cmd) && o->letter; o++) {
		snprintf(word, sizeof(word), "--%s", o->name);
		offer(text, word);
	}
}

/* ARG_FILE and those without an entry are left to Readline, or to nobody. */
static void (*const offers[])(const char *text) = {
	[ARG_VA] = offer_names,	    [ARG_PA] = offer_names,
	[ARG_ADDR] = offer_names,   [ARG_RANGE] = offer_ranges,
	[ARG_EXPR] = offer_names,   [ARG_SIZE] = NULL,
	[ARG_PID] = offer_pids,	    [ARG_CPU] = offer_cpus,
	[ARG_PROT] = offer_prots,   [ARG_COMMAND] = offer_commands,
	[ARG_KEYVAL] = offer_keys,  [ARG_WORD] = offer_words,
	[ARG_DIALECT] = offer_dialects, [ARG_TEXT] = NULL,
};

/* The type of the word at the cursor; ARG_FLAG: nothing can stand there. */
static enum arg_type type_here(void)
{
	const struct arg_spec *a = here.cmd->arg;
	unsigned i = 0;

	if (here.opt)
		return here.opt->type;
	for (; i < CMD_MAX_ARGS && a[i].name; i++)
		if (i == here.arg || a[i].repeat)
			return a[i].type;
	return ARG_FLAG;
}

static void offer_all(const char *text, const char *word)
{
	enum arg_type type;

	if (!here.cmd) {
		offer_commands(text);
		return;
	}
	if (*word == '-' && !here.opt) {
		offer_options(text);
		return;
	}
	type = type_here();
	if (type < ARRAY_SIZE(offers) && offers[type])
		offers[type](text);
}

static char *next_candidate(const char *text, int state)
{
	static size_t at;

	if (state == 0)
		at = 0;
	return at < nfound ? strdup(found[at++]) : NULL;
}

static char **complete(const char *text, int start, int end)
{
	char **matches;
	int word;

	rl_attempted_completion_over = 1;
	if (!find_place(rl_line_buffer, start, &here))
		return NULL;
	if (here.cmd && type_here() == ARG_FILE) {
		rl_attempted_completion_over = 0;	/* file names */
		return NULL;
	}
	word = word_start(rl_line_buffer, command_start(rl_line_buffer, start),
			  start);
	offer_all(text, rl_line_buffer + word);
	matches = nfound ? rl_completion_matches(text, next_candidate) : NULL;
	while (nfound)
		free(found[--nfound]);
	free(found);
	found = NULL;
	return matches;
}

/* Operators end words, but for file names, where / belongs to the word. */
static char *break_characters(void)
{
	static char expr[] = " \t\n\"';+*/%&|^<>()~,:", file[] = " \t\n\"';";
	int from = command_start(rl_line_buffer, rl_point);
	bool known = find_place(rl_line_buffer,
				word_start(rl_line_buffer, from, rl_point),
				&here);

	return known && here.cmd && type_here() == ARG_FILE ? file : expr;
}

/* --- the four calls ------------------------------------------------------ */
void line_init(struct session *s)
{
	completing = s;
	rl_readline_name = "mmsh";
	rl_attempted_completion_function = complete;
	rl_completion_word_break_hook = break_characters;
	rl_outstream = isatty(1) ? stdout : stderr;
	rl_catch_signals = 0;
	using_history();
	history_load();
}

static void take_line(char *line)
{
	got.done = true;
	got.line = line;
	rl_callback_handler_remove();
}

/* Ctrl-C: what was typed is dropped. */
static void drop_line(void)
{
	host_interrupted = 0;
	rl_free_line_state();
	rl_callback_sigcleanup();
	rl_replace_line("", 0);
	fputs("^C\n", rl_outstream);
	take_line(strdup(""));
}

char *line_read(struct session *s, const char *prompt)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	got.done = false;
	got.line = NULL;
	rl_callback_handler_install(prompt, take_line);
	while (!got.done) {
		if (host_interrupted)
			drop_line();
		else if (poll(&in, 1, -1) > 0)
			rl_callback_read_char();
		else if (errno != EINTR)
			take_line(NULL);
	}
	if (!got.line)
		fputs("\n", rl_outstream);
	fflush(rl_outstream);
	return got.line;
}

void line_save(struct session *s, const char *line)
{
	const HIST_ENTRY *last = history_length > 0
		? history_get(history_base + history_length - 1) : NULL;

	if (!line[strspn(line, " \t")])
		return;
	if (!last || strcmp(last->line, line) != 0)
		add_history(line);
}

void line_free(struct session *s)
{
	int rc = 0;

	if (history_path)
		rc = write_history(history_path);
	if (rc)
		fprintf(stderr, "mmsh: %s: %s\n", history_path, strerror(rc));
	free(history_path);
	history_path = NULL;
	clear_history();
	completing = NULL;
}

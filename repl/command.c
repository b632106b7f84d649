/*
 * command.c - finding commands, saying how they are used, running them.
 */
#include "repl/blame.h"
#include "repl/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "repl/cmd.h"
#include "repl/session.h"

/* --- find ---------------------------------------------------------------- */
/* Calls of @fn for the name and each alias, until it returns true. */
static bool each_name(const struct command *cmd,
		      bool (*fn)(void *ctx, const char *name, size_t len),
		      void *ctx)
{
	const char *s = cmd->alias;
	size_t n;

	if (fn(ctx, cmd->name, strlen(cmd->name)))
		return true;
	for (; s && *s; s += n + strspn(s + n, " ")) {
		n = strcspn(s, " ");
		if (fn(ctx, s, n))
			return true;
	}
	return false;
}

static bool is_word(void *ctx, const char *name, size_t len)
{
	const char *word = ctx;

	return strlen(word) == len && memcmp(word, name, len) == 0;
}

bool command_is(const struct command *cmd, const char *name)
{
	return each_name(cmd, is_word, (void *)name);
}

static bool begins_with(void *ctx, const char *name, size_t len)
{
	const char *word = ctx;

	return strlen(word) <= len && memcmp(word, name, strlen(word)) == 0;
}

static int ambiguous(const char *word, const struct command *const *cmd,
		     unsigned n, struct err *err)
{
	size_t at;

	err_set(err, ERR_USAGE, "%s: ambiguous:", word);
	at = strlen(err->msg);
	for (unsigned i = 0; i < n && at < sizeof(err->msg); i++)
		at += snprintf(err->msg + at, sizeof(err->msg) - at, " %s",
			       cmd[i]->name);
	return -1;
}

#define MAX_MATCHES 12

static const struct command *find_prefix(const char *word, struct err *err)
{
	const struct command *found[MAX_MATCHES];
	unsigned n = 0;

	for (unsigned i = 0; commands[i] && n < MAX_MATCHES; i++)
		if (each_name(commands[i], begins_with, (void *)word))
			found[n++] = commands[i];
	if (n > 1)
		ambiguous(word, found, n, err);
	return n == 1 ? found[0] : NULL;
}

struct guess {
	struct closest c;
	char word[32];		/* a copy: aliases are not terminated */
};

static bool guess_name(void *ctx, const char *name, size_t len)
{
	struct guess *g = ctx;
	char buf[32];

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, name, len);
	buf[len] = 0;
	g->c.best = NULL;
	closest_try(&g->c, buf);
	if (g->c.best)
		memcpy(g->word, buf, len + 1);
	return false;
}

static void unknown_command(const char *word, struct err *err)
{
	struct guess g = { .word = "" };

	err_set(err, ERR_USAGE, "%s: no such command", word);
	closest_init(&g.c, word);
	for (unsigned i = 0; commands[i]; i++)
		each_name(commands[i], guess_name, &g);
	if (*g.word)
		err_hint(err, "did you mean %s?", g.word);
	else
		err_hint(err, "help lists all");
}

const struct command *command_find(const char *word, bool prefix,
				   struct err *err)
{
	const struct command *cmd;

	for (unsigned i = 0; commands[i]; i++)
		if (command_is(commands[i], word))
			return commands[i];
	err->kind = ERR_NONE;
	cmd = prefix && *word ? find_prefix(word, err) : NULL;
	if (!cmd && err->kind == ERR_NONE)
		unknown_command(word, err);
	return cmd;
}

/* --- usage --------------------------------------------------------------- */
static void add(char *buf, size_t size, const char *a, const char *b,
		const char *c)
{
	size_t n = strlen(buf);

	snprintf(buf + n, size - n, "%s%s%s", a, b, c);
}

static void add_flags(char *buf, size_t size, const struct command *cmd)
{
	char letters[CMD_MAX_OPTS + 1];
	unsigned n = 0;

	for (unsigned i = 0; i < CMD_MAX_OPTS && cmd->opt[i].letter; i++)
		if (cmd->opt[i].type == ARG_FLAG)
			letters[n++] = cmd->opt[i].letter;
	letters[n] = 0;
	if (n)
		add(buf, size, " [-", letters, "]");
}

char *command_usage(char *buf, size_t size, const struct command *cmd)
{
	snprintf(buf, size, "%s", cmd->name);
	add_flags(buf, size, cmd);
	for (unsigned i = 0; i < CMD_MAX_OPTS && cmd->opt[i].letter; i++) {
		const struct opt_spec *o = &cmd->opt[i];
		char dash[5] = { ' ', '[', '-', o->letter, 0 };

		if (o->type == ARG_FLAG)
			continue;
		add(buf, size, dash, " ", o->value ? o->value : "VALUE");
		add(buf, size, "]", "", "");
	}
	for (unsigned i = 0; i < CMD_MAX_ARGS && cmd->arg[i].name; i++) {
		const struct arg_spec *a = &cmd->arg[i];

		add(buf, size, a->optional ? " [" : " ", a->name,
		    a->repeat ? "..." : "");
		if (a->optional)
			add(buf, size, "]", "", "");
	}
	return buf;
}

/* --- run ----------------------------------------------------------------- */
static int check_needs(const struct session *s, const struct command *cmd,
		       struct err *err)
{
	if ((cmd->flags & (CMD_NEEDS_KERNEL | CMD_NEEDS_TASK)) && !s->k) {
		err_set(err, ERR_USER,
			"needs a kernel; this is a bare machine");
		err_hint(err, "boot i386");
		return -1;
	}
	return 0;
}

static int check_task(const struct cmd_ctx *c)
{
	if (!(c->cmd->flags & CMD_NEEDS_TASK) || session_task(c->s) ||
	    cmd_opt(c, 'p'))
		return 0;
	err_set(c->err, ERR_USER, "no process runs on cpu%u", c->s->cpu);
	err_hint(c->err, "switch PID");
	return -1;
}

const struct cmd_arg *cmd_opt(const struct cmd_ctx *c, char letter)
{
	for (unsigned i = 0; i < CMD_MAX_OPTS && c->cmd->opt[i].letter; i++)
		if (c->cmd->opt[i].letter == letter)
			return c->opt[i].set ? &c->opt[i] : NULL;
	return NULL;
}

const struct story_opt story_opts[] = {
	{ 'v', "verbose", "tell all that the kernel does", STORY_VERBOSE },
	{ 'q', "quiet", "tell nothing of it", STORY_OFF },
	{ 0 },
};

bool command_tells(const struct command *cmd)
{
	static const char *const groups[] = { "access", "process memory",
					      "processes" };

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strcmp(cmd->group, groups[i]) == 0)
			return cmd->flags & CMD_CHANGES;
	return false;
}

/* Every message names its command, and only once. */
static void prefix_error(const struct command *cmd, struct err *err)
{
	size_t n = strlen(cmd->name);
	char msg[sizeof(err->msg)];

	if (strncmp(err->msg, cmd->name, n) == 0 && err->msg[n] == ':')
		return;
	memcpy(msg, err->msg, sizeof(msg));
	snprintf(err->msg, sizeof(err->msg), "%s: %.*s", cmd->name,
		 (int)(sizeof(msg) - n - 3), msg);
}

#ifdef MMSH_CHECK_ALWAYS
static void print_finding(void *ctx, const char *finding)
{
	struct out *o = ctx;

	out_printf(o, "mmsh: check: %s\n", finding);
}

/* Debug builds: a broken invariant is our bug; stop at the command that broke
 * it, with what it has printed so far. */
static void check_always(struct session *s, const struct command *cmd)
{
	if (!(cmd->flags & CMD_CHANGES) || !s->k || s->k->ram_poked ||
	    !kernel_check(s->k, print_finding, &s->errout))
		return;
	out_printf(&s->errout, "mmsh: invariants broken after %s\n", cmd->name);
	out_flush(&s->out);
	out_flush(&s->errout);
	_exit(EXIT_PANIC);
}
#else
static void check_always(struct session *s, const struct command *cmd)
{
}
#endif

static void remember_address(struct session *s, const struct result *r)
{
	if (!r->last_addr_set)
		return;
	s->last = (struct value){ r->last_addr_pa ? V_PA : V_VA, r->last_addr };
	s->last_set = true;
}

/* What the kernel had to say meanwhile. */
static void emit_new_log(struct kernel *k, struct result *r)
{
	struct klog *log = &k->log;

	if (log->unseen >= log->len)
		return;
	res_line(r);
	res_list(r, "kernel_log", RES_VERBATIM);
	cmd_emit_log(r, log->text + log->unseen, log->len - log->unseen);
	res_end(r);
	log->unseen = log->len;
}

int command_run(struct session *s, const struct command *cmd,
		const struct cmd_input *in, unsigned n, struct result *r,
		struct err *err)
{
	struct cmd_ctx c = { .s = s, .k = s->k, .m = s->m, .cmd = cmd, .r = r,
			     .err = err };
	struct blame_command blamed;
	int rc;

	*err = (struct err){ .kind = ERR_NONE };
	s->commands += !(cmd->flags & CMD_SHELL);
	r->story = s->story;
	blamed = blame_enter(s, cmd, in, n);
	r->last_addr_set = r->subject = false;
	session_widths(s, r);
	if (s->k)
		s->k->this_cpu = s->cpu;
	rc = check_needs(s, cmd, err);
	if (rc == 0)
		rc = command_bind(&c, in, n);
	if (rc == 0)
		rc = check_task(&c);
	if (s->k && (cmd->flags & CMD_CHANGES))
		kernel_new_stamp(s->k);
	if (rc == 0)
		rc = cmd->run(&c);
	if (rc == 0 && s->k)
		emit_new_log(s->k, r);
	command_unbind(&c);
	blame_leave(s, blamed);
	if (rc < 0)
		prefix_error(cmd, err);
	remember_address(s, r);
	check_always(s, cmd);
	return rc < 0 ? -1 : 0;
}

/*
 * command.h - a command is one declarative row and one handler.
 *
 * Parsing, arity, usage, help, completion, the Lua method, the JSON object
 * and the man entry follow from the row. Handlers get typed arguments, ask
 * the layers below, and emit a result; they print nothing.
 */
#ifndef REPL_COMMAND_H
#define REPL_COMMAND_H

#include "repl/result.h"
#include "repl/value.h"

struct session;

enum arg_type {
	ARG_FLAG,	/* option without a value */
	ARG_VA,		/* linear address: V_VA or plain */
	ARG_PA,		/* physical address: V_PA or plain */
	ARG_ADDR,	/* any typed value: va, pa, pfn, page */
	ARG_SIZE,	/* bytes, > 0 */
	ARG_NUM,	/* plain number */
	ARG_PID, ARG_CPU,
	ARG_RANGE,	/* VA, VA-VA, VA+LEN, or the name of an area: .value, .end */
	ARG_FILE,	/* host file name */
	ARG_WORD,	/* one word as typed */
	ARG_PROT,	/* rwx letters: "rw-", "rx", "none": PROT_ bits in .value.n */
	ARG_COMMAND,	/* name of a command */
	ARG_DIALECT,	/* another tool's format: see dialect.h */
	ARG_KEYVAL,	/* key=value */
	ARG_EXPR,	/* any expression */
	ARG_DATA,	/* a number (.value), or a quoted string or a word that is
			 * no expression (.str and .value.n, its length) */
	ARG_TEXT,	/* the rest of the line, as one string */
};

struct arg_spec {
	const char *name;	/* as in usage: "VA" */
	enum arg_type type;
	bool optional, repeat;	/* repeat: the last one, any number of times */
};

struct opt_spec {
	char letter;
	const char *name;	/* long name, or NULL: "--name", key in Lua */
	enum arg_type type;	/* ARG_FLAG: no value */
	const char *value;	/* name of the value in usage, or NULL */
	const char *help;
};

#define CMD_MAX_ARGS	5
#define CMD_MAX_OPTS	20
#define CMD_MAX_INPUTS	64

#define CMD_NEEDS_KERNEL 1u	/* not on a bare machine */
#define CMD_NEEDS_TASK	2u	/* a current process */
#define CMD_CHANGES	4u	/* mutates the system; debug builds `check` it after */
#define CMD_SHELL	8u	/* of the shell itself: not a Lua method */
#define CMD_NEEDS_NOTHING 16u	/* nothing need be booted yet */

struct cmd_arg {
	bool set;
	struct value value;	/* addresses, numbers */
	uint64_t end;		/* ARG_RANGE: inclusive last address */
	const char *str;	/* words, files, text; valid during the command */
	size_t len;		/* of str, which may hold NULs (from "\0") */
};

struct cmd_ctx {
	struct session *s;
	struct kernel *k;	/* NULL on a bare machine */
	struct machine *m;
	const struct command *cmd;
	struct cmd_arg arg[CMD_MAX_ARGS];	/* in the row's order */
	struct cmd_arg opt[CMD_MAX_OPTS];	/* in the row's order */
	unsigned nrest;			/* of a repeated argument: all words */
	const char **rest;		/* as typed */
	struct result *r;
	struct err *err;
	char *scratch;		/* command_bind's: joined words, owned */
};

struct command {
	const char *name;
	const char *alias;	/* other names, space-separated, or NULL */
	const char *group;	/* "translation", "process", "kernel space", .. */
	const char *help;	/* one line, small letters, no full stop */
	const char *details;	/* paragraphs for `help COMMAND`, or NULL */
	const char *example;	/* one line, runs on a fresh `mmsh`, or NULL */
	unsigned flags;
	struct arg_spec arg[CMD_MAX_ARGS];	/* ends with a NULL name */
	struct opt_spec opt[CMD_MAX_OPTS];	/* ends with letter 0 */
	int (*run)(struct cmd_ctx *c);	/* 0, or -1 with *c->err set */
	/* For completion: the ith of what ARG_WORD, ARG_KEYVAL take, or NULL. */
	const char *(*word)(unsigned i);
	const char *(*key)(unsigned i);	/* without the = */
	/* The same as word, of what the kernel has: names of caches, .. */
	const char *(*word_of)(const struct kernel *k, unsigned i);
};

/* All commands, sorted by name; ends with NULL. One line each in commands.c. */
extern const struct command *const commands[];

/* By name or alias; with @prefix also by unique prefix. NULL and *err set. */
const struct command *command_find(const char *word, bool prefix,
				   struct err *err);
/* "pagewalk [-r|-w|-x] VA" into @buf. */
char *command_usage(char *buf, size_t size, const struct command *cmd);

/* One input of a command: a word of the line, or a number from Lua. */
struct cmd_input {
	const char *text;	/* NULL: use value */
	struct value value;
	int col;		/* where the word stands in the line */
	bool quoted;		/* the word was in quotes: never an option */
	size_t len;		/* of text, maybe with NULs; 0: strlen(text) */
};

/*
 * Types the inputs as the row says and runs the handler. All faces come
 * through here. Returns 0, or -1 with *err filled in; then nothing changed that the
 * handler did not say.
 */
int command_run(struct session *s, const struct command *cmd,
		const struct cmd_input *in, unsigned n, struct result *r,
		struct err *err);

/*
 * The first half of command_run: fills arg, opt, nrest and rest of *c, whose
 * other members are set. Free with command_unbind(), also after an error.
 */
int command_bind(struct cmd_ctx *c, const struct cmd_input *in, unsigned n);
void command_unbind(struct cmd_ctx *c);

/* The options -v and -q, which all commands have that tell a story. */
struct story_opt {
	char letter;
	const char *name, *help;
	enum story_level level;
};
extern const struct story_opt story_opts[];	/* ends with letter 0 */
/* Does @cmd tell what the kernel does to a process? */
bool command_tells(const struct command *cmd);

/* Is @name a name or alias of @cmd? */
bool command_is(const struct command *cmd, const char *name);

/* Option values by letter: the arg, or NULL if not given. */
const struct cmd_arg *cmd_opt(const struct cmd_ctx *c, char letter);

#endif

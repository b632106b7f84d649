/*
 * session.h - one run of the shell: the system, its context and its faces.
 */
#ifndef REPL_SESSION_H
#define REPL_SESSION_H

#include "kernel/fs.h"
#include "kernel/mm.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "machine/machine.h"
#include "repl/command.h"
#include "repl/out.h"

struct session_var { char *name; struct value value; };
struct sig_handler;

struct session {
	struct machine *m;	/* k->machine, or a bare one that is owned */
	struct kernel *k;	/* owned; NULL on a bare machine */
	const char *boot_later;	/* the first command that needs a system boots
				 * this; NULL: there is one */
	unsigned cpu;		/* current CPU; its task: the current process */
	struct session_var *var;	/* $name, owned */
	unsigned nvars;
	struct value last;	/* $_ */
	bool last_set;
	struct snapshot *snapshots;	/* owned: snapshot.h */
	struct blame *blame;	/* owned: blame.h; NULL: off */
	enum story_level story;	/* what commands tell */
	unsigned long commands;	/* run so far */
	unsigned boots;		/* counts boots: stale handles notice */
	/* Whose heap, stack, .. expressions mean; NULL: the current one's. */
	struct task_struct *names_of;

	struct out out, errout;	/* stdout, stderr */
	bool json, quiet, keep_going, interactive;
	bool in_lua;		/* a script runs: no unique prefixes */
	struct result *text, *jsonr;
	int status;		/* exit status so far: the table of mmsh(1) */
	bool quit;
	const char *script;	/* name for messages: "FILE", "-c", "stdin" */
	unsigned line;		/* of it; 0: at the prompt or in -c */
	unsigned nesting;	/* scripts that run scripts */

	/* Signal handlers: handler.c. */
	struct sig_handler *handler; /* owned */
	unsigned nhandlers, in_handler;
	struct err handler_err; /* why the last one did not return */
	struct signal_hook hook;
	/* Set by the Lua face. Runs the function @ref: 0, or -1 with *err. */
	int (*lua_handler)(struct session *s, int ref,
			   const struct siginfo *info, struct err *err);

	/* Set by main: runs a Lua script. repl/ itself knows no Lua. */
	int (*run_lua)(struct session *s, const char *path, int argc,
		       char **argv, struct err *err);
	int (*eval_lua)(struct session *s, const char *chunk, struct err *err);
	void *lua;		/* the face's state, owned by it */
};

enum { EXIT_OK = 0, EXIT_COMMAND = 1, EXIT_USAGE = 2, EXIT_PANIC = 3,
       EXIT_LIMIT = 4, EXIT_INTERRUPTED = 130 };

void session_init(struct session *s);
void session_deinit(struct session *s);

/*
 * Boots as "ARCH key=value ...": the words after `boot`. On error the running
 * system stays. Used by the command, -b and start-up.
 */
int session_boot(struct session *s, const char *const *words, unsigned n,
		 struct err *err);
/* The same words in one string. */
int session_boot_text(struct session *s, const char *text, struct err *err);
/* Boots s->boot_later, if that is still to be done. */
int session_need_boot(struct session *s, struct err *err);

/*
 * Runs one line: commands split by ';', pipes and redirection. Prints
 * results and errors; updates s->status. Returns 0 if all commands were ok.
 */
int session_line(struct session *s, const char *line);
/* Runs each line of a file (by fd), stopping at the first failure unless
 * keep_going. */
int session_stream(struct session *s, int fd, const char *name);
/* The prompt: "i386 1:init cpu0> ". */
char *session_prompt(const struct session *s, char *buf, size_t size);

/* Frees kernel and machine; for session_boot() and the end. */
void session_drop_system(struct session *s);
/* Prints a mistake as the face wants it and notes the exit status. */
void session_report(struct session *s, const char *line, const struct err *err);
/* Raises the exit status; a panic outranks all others. */
void session_fail(struct session *s, int status);
/* Sets the widths of addresses and entries as the machine now has them. */
void session_widths(const struct session *s, struct result *r);
/* The highest linear address of this machine. */
va_t session_va_max(const struct session *s);

/* The task that runs on the current CPU, or NULL. */
struct task_struct *session_task(const struct session *s);
/*
 * The MMU state that looks through @task's tables. The CPU as it is if @task
 * runs there (its registers may have been loaded by hand), or if it is NULL.
 */
void session_mmu(const struct session *s, const struct task_struct *task,
		 unsigned cpu, struct mmu *ret);

int session_set_var(struct session *s, const char *name, struct value v);
const struct value *session_var(const struct session *s, const char *name);

#endif

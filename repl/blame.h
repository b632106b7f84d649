/*
 * blame.h - a history of page-table entries: which command wrote one, when,
 * and why. Kept from the kernel's events while it is switched on.
 */
#ifndef REPL_BLAME_H
#define REPL_BLAME_H

#include "repl/command.h"
#include "repl/session.h"

#define BLAME_MAX 65536		/* records kept; the oldest go first */

/* Entries side by side, written one after the other for the same reason. */
struct blame_record {
	unsigned long command;	/* its number */
	int pid;		/* owner of the tables, 0: the kernel */
	va_t va;		/* of the first entry */
	uint64_t n;
	unsigned level;
	uint64_t old, new;	/* of the first */
	uint64_t dold, dnew;	/* added from entry to entry */
	pa_t entry_pa;		/* of the first */
	const char *why;	/* of the event: "anon", "fork", .. */
	const char *func, *note; /* what the handler of the fault said */
	int8_t access;		/* enum access_kind of the fault, or -1 */
	bool user, copied;	/* copied: by fork, values not kept */
};

/* On or off; switching off forgets everything. */
void blame_set(struct session *s, bool on);
bool blame_is_on(const struct session *s);
/* A kernel has been booted: it is listened to as before, from nothing. */
void blame_attach(struct session *s);
/* The kernel goes. */
void blame_detach(struct session *s);
/*
 * The command that runs, for the text of its records. A handler of a signal
 * runs others meanwhile: blame_leave() goes back to what blame_enter() gave.
 */
struct blame_command {
	const struct command *cmd;	/* NULL: none */
	const struct cmd_input *in;
	unsigned n;
	unsigned long number;
};
struct blame_command blame_enter(struct session *s, const struct command *cmd,
				 const struct cmd_input *in, unsigned n);
void blame_leave(struct session *s, struct blame_command before);

struct blame_query {
	int pid;		/* owner of the tables */
	va_t va;
	unsigned level;
	pa_t entry_pa;		/* where the entry is, 0: nowhere now */
};
/* The records about an entry, from the newest: NULL or the next older one than
 * @after. */
const struct blame_record *blame_find(const struct session *s,
				      const struct blame_query *q,
				      const struct blame_record *after);
/* What that record says of the one entry. */
void blame_values(const struct session *s, const struct blame_record *b,
		  va_t va, uint64_t *old, uint64_t *new);
/* The text of a command by its number, "" if unknown. */
const char *blame_text(const struct session *s, unsigned long command);
uint64_t blame_dropped(const struct session *s);

#endif

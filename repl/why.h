/*
 * why.h - what decides about one access, in words: the rules that the CPU
 * asks, and what would make it succeed. For cmd_why.c and why_emit.c.
 */
#ifndef REPL_WHY_H
#define REPL_WHY_H

#include "machine/remedy.h"
#include "machine/stale.h"
#include "repl/result.h"
#include "repl/session.h"

struct why_text {
	char *buf;
	size_t size, len;
};

/* Adds to the text, or as much of it as there is room for. */
void why_add(struct why_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct why {
	struct task_struct *task;
	struct cpu cpu;	  /* a copy: what is asked is asked here */
	struct kernel *k; /* or NULL */
	bool loaded;	  /* the CPU runs in these tables now */
	bool other_cpu;	  /* not the one that commands go to by themselves */
	struct access access;
	struct walk probe;  /* what would happen, caches and all */
	struct walk tables; /* what the tables say */
	bool reached;	    /* tables: there is a page */
	bool is_stale;	    /* probe: the cached entry that it begins behind */
	struct stale stale;
	struct remedies remedies;
};

/* Did @w read a page's entry, and no reserved bit in it? */
bool why_reached_page(const struct walk *w);

/* Everything from the levels on: tables, and what would help. */
void why_emit(struct result *r, const struct why *y);

/*
 * The @i-th rule that was asked, in words, into @buf; false if there is none.
 * *ok: the access passed it. The first that fails is the last one asked.
 */
bool why_rule(const struct why *y, unsigned i, const char **name, bool *ok,
	      char *buf, size_t size);

/* What entry @s says against the access: "U/S=0 R/W=0"; may be empty. */
char *why_withholds(const struct why *y, const struct walk_step *s, char *buf,
		    size_t size);

/* Is the not present @entry a PROT_NONE page of the kernel? */
bool why_prot_none(const struct why *y, unsigned level, uint64_t entry);

/* What @e stores; false: with the address of any page added. */
bool why_new_value(const struct why *y, const struct remedy_edit *e,
		   uint64_t *value);

/* One entry's part of it. */
char *why_edit(const struct why *y, const struct remedy_edit *e, char *buf,
	       size_t size);

/*
 * The commands of mmsh that make the change, "poke ..; invlpg ..", to be
 * given here and now; empty if there are none. why_poke(): one entry's.
 * why_follow(): those that make the CPU see the entries.
 */
char *why_command(const struct why *y, const struct remedy *r, char *buf,
		  size_t size);
char *why_poke(const struct why *y, const struct remedy_edit *e, char *buf,
	       size_t size);
char *why_follow(const struct why *y, const struct remedy *r, char *buf,
		 size_t size);

/* The change in words: "set R/W in the PTE at 0x36beb128, and INVLPG". */
char *why_change(const struct why *y, const struct remedy *r, char *buf,
		 size_t size);

/* "entry", "register", ..: the kind as the data faces have it. */
const char *why_kind(const struct remedy *r);

/* "CR0", "PKRU" */
const char *why_register(const struct remedy *r);

#endif

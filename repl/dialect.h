/*
 * dialect.h - page tables in the words of other tools: ptdump --as FORMAT and
 * pagewalk --as FORMAT.
 *
 * One row a format; each family has a file, whose head comment names the
 * source of the format. The lines are the tool's, byte for byte where its
 * format is a fixed one, so that they can be compared; data faces get them
 * as a list of lines.
 */
#ifndef REPL_DIALECT_H
#define REPL_DIALECT_H

#include "repl/command.h"
#include "repl/rawpt.h"

/* What a format is asked to show. */
struct dialect_view {
	struct result *r;
	const struct kernel *k;		/* NULL on a bare machine */
	const struct mmu *mmu;
	const struct ram *ram;
	va_t from, last;		/* ptdump: the range; pagewalk: VA twice */
	bool ranged;			/* a range was given */
};

struct dialect {
	const char *name;
	const char *tool;		/* "info tlb of QEMU's monitor" */
	void (*dump)(const struct dialect_view *v);	/* ptdump, or NULL */
	void (*walk)(const struct dialect_view *v);	/* pagewalk, or NULL */
};

/* The @i-th format that @cmd has; NULL past the end. */
const struct dialect *dialect_of(const struct command *cmd, unsigned i);
/* The one called @name; NULL with *err set if @cmd has none. */
const struct dialect *dialect_find(const struct command *cmd, const char *name,
				   struct err *err);

/* Emits what @d says of @v, as a list of lines. */
void dialect_dump(const struct dialect *d, const struct dialect_view *v);
void dialect_walk(const struct dialect *d, const struct dialect_view *v);

/* --- for the files of the formats ------------------------------------------ */
struct dialect_letter {		/* of one bit; a table ends with mask 0 */
	uint64_t mask;
	char set, clear;
};
/* The letters of @entry in the order of the table. Returns @buf. */
char *dialect_letters(char *buf, const struct dialect_letter *letter,
		      uint64_t entry);

/* dialect_qemu.c */
void qemu_tlb_dump(const struct dialect_view *v);
void qemu_mem_dump(const struct dialect_view *v);

#endif

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
	struct kernel *k;	  /* borrowed; NULL on a bare machine */
	struct task_struct *task; /* whose tables they are, or NULL */
	const struct mmu *mmu;
	const struct ram *ram;
	va_t from, last; /* ptdump: the range; pagewalk: VA twice */
	bool ranged;	 /* a range was given */
};

struct dialect {
	const char *name;
	const char *tool; /* whose it is, for messages */
	unsigned modes;	  /* that it knows: bits of paging_mode_id */
	void (*dump)(const struct dialect_view *v); /* ptdump, or NULL */
	void (*walk)(const struct dialect_view *v); /* pagewalk, or NULL */
};

/* The @i-th format that @cmd has; NULL past the end. */
const struct dialect *dialect_of(const struct command *cmd, unsigned i);
/* The one called @name; NULL with *err set if @cmd has none. */
const struct dialect *dialect_find(const struct command *cmd, const char *name,
				   struct err *err);

/*
 * Emits what @d says of @v to @cmd, as a list of lines. 0, or -1 with *err
 * set: the tool does not know the paging mode.
 */
int dialect_emit(const struct dialect *d, const struct command *cmd,
		 const struct dialect_view *v, struct err *err);

/* --- for the files of the formats ------------------------------------------
 */
struct dialect_letter { /* of one bit; a table ends with mask 0 */
	uint64_t mask;
	char set, clear;
};
/*
 * Calls @page for each page of @v->from..@v->last that is mapped, with a view
 * of its first address, and an empty line between.
 */
void dialect_each_page(const struct dialect_view *v, uint64_t addr_mask,
		       void (*page)(const struct dialect_view *v));
/* The letters of @entry in the order of the table. Returns @buf. */
char *dialect_letters(char *buf, const struct dialect_letter *letter,
		      uint64_t entry);

/* dialect_qemu.c */
void qemu_tlb_dump(const struct dialect_view *v);
void qemu_mem_dump(const struct dialect_view *v);
/* dialect_pg.c */
void info_pg_dump(const struct dialect_view *v);
/* dialect_linux.c */
void linux_ptdump_dump(const struct dialect_view *v);
/* dialect_crash.c */
void crash_dump(const struct dialect_view *v);
void crash_walk(const struct dialect_view *v);
/* dialect_gdb.c */
void pt_dump_dump(const struct dialect_view *v);
void pt_dump_walk(const struct dialect_view *v);
/* dialect_debug.c */
void windbg_dump(const struct dialect_view *v);
void windbg_walk(const struct dialect_view *v);
void bochs_dump(const struct dialect_view *v);
void bochs_walk(const struct dialect_view *v);

#endif

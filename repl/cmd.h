/*
 * cmd.h - what the command handlers share: option rows, the view of a
 * process, and how modes, roots and entries are shown. For repl/cmd_*.c, and
 * lua/laccess.c, which is the accesses once more.
 */
#ifndef REPL_CMD_H
#define REPL_CMD_H

#include "machine/stale.h"
#include "repl/command.h"
#include "repl/session.h"
#include "repl/story.h"

/* Options that many commands take; spelt once. */
#define CMD_OPT_ACCESS                                                         \
	{ 'r', "read", ARG_FLAG, NULL, "as a data read (the default)" },       \
	{ 'w', "write", ARG_FLAG, NULL, "as a data write" },                   \
	{ 'x', "fetch", ARG_FLAG, NULL, "as an instruction fetch" }
#define CMD_OPT_PRIV                                                           \
	{ 'u', "user", ARG_FLAG, NULL, "as user code, CPL 3" },                \
	{ 'k', "kernel", ARG_FLAG, NULL, "as kernel code, CPL 0" }
#define CMD_OPT_PID                                                            \
	{ 'p', "pid", ARG_PID, "PID", "in process PID, not the current one" }
#define CMD_OPT_CPU                                                            \
	{ 'c', "cpu", ARG_CPU, "CPU", "on CPU, not the current one" }

#define CMD_OPT_AS                                                             \
	{ 'a', "as", ARG_DIALECT, "FORMAT", "print as another tool does" }

/*
 * The process, CPU and MMU state that -p and -c (or the context) choose.
 * *task may be NULL: none runs. 0, or -1 with c->err set.
 */
int cmd_view(struct cmd_ctx *c, struct task_struct **task, unsigned *cpu,
	     struct mmu *mmu);
/*
 * With page-table isolation: makes *mmu, from cmd_view(), the root that code
 * of @task runs on, user code or the kernel's.
 */
void cmd_view_root(struct cmd_ctx *c, const struct task_struct *task, bool user,
		   struct mmu *mmu);
/* The CPU of -c, or the current one. */
struct cpu *cmd_chosen_cpu(struct cmd_ctx *c);
/* The process of -p, or the current one; NULL and c->err set if none runs. */
struct task_struct *cmd_task(struct cmd_ctx *c);

/* The bytes of a word: -s SIZE, 1, 2, 4 or 8, or @def. */
int cmd_word_size(struct cmd_ctx *c, unsigned def, unsigned *ret);

/*
 * The format of --as, or NULL with *ret 0; *ret -1 and c->err set if an option
 * of @letters is given, which has no meaning there.
 */
const struct dialect *cmd_dialect(struct cmd_ctx *c, const char *letters,
				  int *ret);

/* Which limit a request for @len bytes has met, if one can tell. */
void cmd_hint_enomem(struct cmd_ctx *c, const struct mm_struct *mm,
		     uint64_t len);
/* Says why context_switch() refused with @rc to run @task. Returns -1. */
int cmd_switch_failed(struct cmd_ctx *c, const struct task_struct *task, int rc);

/* Says how an access ended that did not complete. Returns -1. */
int cmd_access_failed(const struct session *s, const struct user_access *a,
		      struct err *err);
/* The process that ran on @cpu has ended: its parent goes on there, or init. */
void cmd_give_cpu(struct session *s, unsigned cpu, int ppid);

/* "32-bit paging · cr3 0x01f6e000 · pid 1 (init)" with mode, root, pid. */
void cmd_emit_mode(struct result *r, const struct mmu *mmu,
		   const struct task_struct *task);
/* The line that a tree of entries hangs from: "cr3 0x01f6e000". */
void cmd_emit_root(struct result *r, const struct mmu *mmu);
/* The bytes of a DATA argument: a string, or a number of -s SIZE bytes; -1. */
int cmd_data_bytes(struct cmd_ctx *c, const struct cmd_arg *data,
		   uint8_t num[8], const void **p, uint64_t *len);
/* Does @value fit in a word of @size bytes, with a sign or without? */
int cmd_fits(struct cmd_ctx *c, uint64_t value, unsigned size);
/* Options that exclude each other: 0, or -1 if two of @letters are given. */
int cmd_one_of(struct cmd_ctx *c, const char *letters);
/* The frame that a value of any type means; -1 and c->err if it means none. */
int cmd_value_pfn(struct cmd_ctx *c, const struct value *v, pfn_t *ret);
/* The list "dump": lines of 16 bytes, as hexdump -C (hexdump.c). */
void cmd_emit_dump(struct result *r, va_t va, const uint8_t *p, uint64_t len);
/* Where @va leads in the current process; false: nowhere. Changes nothing. */
bool cmd_va_pa(struct cmd_ctx *c, va_t va, pa_t *ret);
/* What kfree and vfree say; @freed false: @va was NULL or ZERO_SIZE_PTR. */
void cmd_emit_freed(struct cmd_ctx *c, va_t va, bool freed);
/*
 * The access that -r -w -x, -u -k -i and the first argument, its address,
 * ask for, on @cpu. Without -u, -k or -i the privilege follows the address,
 * or without a kernel the CPU's CPL. 0, or -1.
 */
int cmd_choose_access(struct cmd_ctx *c, const struct cpu *cpu,
		      struct access *ret);
/*
 * What the kernel, if any, makes of an entry that the CPU does not look at: of
 * a process' address space (@user), or of its own.
 */
void cmd_emit_not_present(struct result *r, const struct kernel *k,
			  const struct mmu *mmu, unsigned level,
			  uint64_t entry, bool user);
/* Which reserved bits of an entry are set, and why they are; if any are. */
void cmd_emit_reserved(struct result *r, const struct mmu *mmu, unsigned level,
		       uint64_t entry, bool leaf);
/* "PDE[0x020] @0x01f6e080  0x01f70067  P RW US A d" */
void cmd_emit_entry(struct result *r, const struct paging_mode *mode,
		    unsigned level, unsigned index, bool from_register,
		    pa_t entry_pa, uint64_t entry, bool leaf);

/* "; a cached PDE leads to the table, and is stale": a walk that has ->first */
void cmd_emit_walk_from(struct result *r, const struct walk *w, bool is_stale);
/* "register 0 is stale: .. holds 0x0000000000000000 by now" */
void cmd_emit_stale_pdpte(struct result *r, const struct mmu *mmu,
			  const struct stale *s);

/* What an allocator of kernel objects gave; it becomes $_. Returns 0. */
int cmd_emit_object(struct cmd_ctx *c, va_t va);
/*
 * A debugged cache has told why in the log: 0. Else it is the user's mistake:
 * c->err says that @va is no live object, and what Linux makes of it; -1.
 */
int cmd_free_refused(struct cmd_ctx *c, va_t va, int rc);
/* The names of slab caches, for completion. */
const char *cmd_cache_name(const struct kernel *k, unsigned i);
/* @len bytes of kernel log: items of a list that is RES_VERBATIM. */
void cmd_emit_log(struct result *r, const char *text, size_t len);

/* "#PF", "#GP", "#SS" */
const char *cmd_vector_name(unsigned vector);
/* "P W U": the set bits of a page-fault error code; "-" for none. */
char *cmd_error_bits(uint32_t code, char *buf, size_t size);

#endif

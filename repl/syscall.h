/*
 * syscall.h - the story of one system call, as a command makes it:
 *
 *	struct syscall sc;
 *
 *	syscall_begin(&sc, c, "mprotect", task->mm);
 *	syscall_ptr(&sc, "addr", va);
 *	syscall_num(&sc, "len", len);
 *	syscall_flags(&sc, "prot", syscall_prot, prot);
 *	rc = do_mprotect(c->k, task->mm, va, len, prot);
 *	syscall_end(&sc, rc);
 *
 * It prints the call as strace(1) does, then the areas that it changed, and
 * what the kernel did:
 *
 *	mprotect(0x8049000, 4096, PROT_READ) = 0
 *	- 0x08049000-0x0804b000  rw-p  8K  split in 2
 *	+ 0x08049000-0x0804a000  r--p  4K
 *	+ 0x0804a000-0x0804b000  rw-p  4K
 *	PTE 0x02a11067 -> 0x02a11065  -RW
 *
 * Between begin and end nothing may be emitted, and the command must not
 * return. syscall_end() hands @rc on: 0 or more, or a negative errno. In data
 * the call is the object "syscall": name, args by their names, ret, errno.
 */
#ifndef REPL_SYSCALL_H
#define REPL_SYSCALL_H

#include "repl/command.h"
#include "kernel/fs.h"
#include "repl/story.h"

#define SYSCALL_MAX_ARGS 6

/* Names of flags and of numbers that stand for something, in order. */
struct syscall_name {
	uint64_t mask, value; /* the row fits if (v & mask) == value */
	const char *name;     /* NULL ends the table */
};

extern const struct syscall_name syscall_prot[], syscall_map[],
	syscall_mremap[], syscall_madvise[], syscall_msync[], syscall_mlock2[],
	syscall_mlockall[], syscall_memfd[], syscall_clone[],
	syscall_fallocate[], syscall_pkey[], syscall_rlimit[], syscall_wait[];

enum syscall_arg_kind {
	SYSCALL_PTR,
	SYSCALL_NUM,
	SYSCALL_INT,
	SYSCALL_HEX,
	SYSCALL_FLAGS,
	SYSCALL_TEXT,
};

struct syscall_arg {
	const char *name; /* as in the manual page, static */
	enum syscall_arg_kind kind;
	uint64_t value;
	const struct syscall_name *names;
	char *text; /* SYSCALL_TEXT: owned */
};

struct syscall {
	struct cmd_ctx *c;
	const char *name;
	struct mm_struct *mm; /* whose areas it changes, or NULL */
	struct syscall_arg arg[SYSCALL_MAX_ARGS];
	unsigned n;
	struct story *story;
	struct area_diff *areas;	/* NULL: no mm */
};

void syscall_begin(struct syscall *sc, struct cmd_ctx *c, const char *name,
		   struct mm_struct *mm);
/* A call that does very much: its story is told with -v only. */
void syscall_begin_brief(struct syscall *sc, struct cmd_ctx *c,
			 const char *name);
/*
 * The call may change areas of [start, start + len); up to four such ranges.
 * Only a process with very many areas needs it, others are compared as a
 * whole.
 */
void syscall_range(struct syscall *sc, va_t start, uint64_t len);
/* Arguments, in order. */
void syscall_ptr(struct syscall *sc, const char *name, va_t va);
void syscall_num(struct syscall *sc, const char *name, uint64_t v);
void syscall_int(struct syscall *sc, const char *name, int64_t v);
void syscall_hex(struct syscall *sc, const char *name, uint64_t v);
void syscall_flags(struct syscall *sc, const char *name,
		   const struct syscall_name *names, uint64_t v);
/* Any text, e.g. "{rlim_cur=...}"; syscall_path() puts it in quotes. */
void syscall_text(struct syscall *sc, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void syscall_path(struct syscall *sc, const char *name, const char *path);
/* ["ls", "-l"]; what is long is cut off. */
void syscall_strings(struct syscall *sc, const char *name,
		     const char *const *strings);
/* [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], or NULL. */
void syscall_wait_status(struct syscall *sc, const int *status);
/* A file, as strace -y: there are no numbers, "fd</bin/sh>"; NULL: -1. */
void syscall_fd(struct syscall *sc, const char *name, const struct file *f);

/* The call returned @rc, or -errno. Emits and hands it on. */
int64_t syscall_end(struct syscall *sc, int64_t rc);
/* The same of a call that returns the address @va when @rc is 0. */
int syscall_end_ptr(struct syscall *sc, int rc, va_t va);
/* The same of mmap: @len bytes are now mapped at @va. */
int syscall_end_map(struct syscall *sc, int rc, va_t va, uint64_t len);

/* The same of one that does not return: exit. */
void syscall_end_never(struct syscall *sc);
/* It was no call after all: tells the story alone. */
void syscall_cancel(struct syscall *sc);

/* "PROT_READ|PROT_WRITE" */
char *syscall_names(char *buf, size_t size, const struct syscall_name *names,
		    uint64_t v);

#endif

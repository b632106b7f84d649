/*
 * op.h - a scenario: a sequence of operations on address spaces, which are
 * lines of mmsh's own language.
 *
 * Addresses are canonical: an executor moves those of a window to where it
 * has the thing. In scripts the windows have names:
 *
 *	$a	the arena: 4 MiB between two PROT_NONE guards, the same
 *		address everywhere
 *	$h	from the end of the heap on
 *	$t	below the lowest area of the mmap area: where mappings without
 *		a hint go
 *
 * Processes are numbered in the order of forks; the first is pid 1 of mmsh.
 */
#ifndef TESTS_DIFF_OP_H
#define TESTS_DIFF_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PAGE	    UINT64_C(4096)
#define ARENA	    UINT64_C(0x200000000000)
#define ARENA_PAGES UINT64_C(1024)
#define ARENA_END   (ARENA + ARENA_PAGES * PAGE)
#define HEAP	    UINT64_C(0x100000000000)
#define HEAP_SIZE   (UINT64_C(64) << 20)
#define TOP	    UINT64_C(0x300000000000)
#define TOP_SIZE    (UINT64_C(1) << 30)
#define TOP_ABOVE   (16 * PAGE)

#define MAX_PROCS 4
#define MAX_OPS	  200

enum op_kind {
	OP_MAP,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_BRK,
	OP_READ,
	OP_WRITE,
	OP_FETCH,
	OP_TOUCH,
	OP_MADVISE,
	OP_MLOCK,
	OP_MUNLOCK,
	OP_MLOCKALL,
	OP_MUNLOCKALL,
	OP_MINCORE,
	OP_MSYNC,
	OP_PRLIMIT,
	OP_MREMAP,
	OP_FTRUNCATE,
	OP_PWRITE,
	OP_PREAD,
	OP_FALLOCATE,
	OP_FORK,
	OP_EXIT,
	NR_OPS,
};

struct op {
	enum op_kind kind;
	unsigned proc; /* who does it */
	uint64_t addr; /* canonical */
	uint64_t len;
	uint64_t value;
	uint64_t addr2, len2; /* where to, how long: mremap */
	unsigned fd;	      /* of a file, 0: none */
	uint64_t off;	      /* in it */
	unsigned prot;
	unsigned flags; /* map: LX_MAP_*; touch: OPF_WRITE */
};

#define OPF_STACK     3 /* prlimit: RLIMIT_STACK, RLIMIT_MEMLOCK */
#define OPF_MEMLOCK   8
#define OPF_NOMOVE    0x100u /* mremap without MREMAP_MAYMOVE */
#define OP_FILE	      3	     /* descriptor of the file: a memfd */
#define OP_FILE_PAGES 32
#define OPF_WRITE     1u

struct scenario {
	char name[80];
	unsigned n;
	struct op op[MAX_OPS];
};

/* One line of a script, without newline. */
void op_format(const struct op *op, char *buf, size_t size);
/* False: not an operation of ours; @why says what is wrong with it. */
bool op_parse(const char *line, struct op *op, const char **why);
/* A script that ./mmsh -k replays. */
void scenario_print(const struct scenario *s, FILE *out);
/* Does the operation access memory, rather than call the kernel? */
bool op_is_access(const struct op *op);

#endif

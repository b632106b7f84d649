/*
 * wire.h - what the driver asks a process on the host, and what it answers.
 *
 * One message each way, of fixed size, over a SOCK_SEQPACKET pair a process.
 * A request is a bare system call or an access: the worker knows neither
 * mmap nor madvise, so that a new operation needs nothing here.
 */
#ifndef TESTS_DIFF_WIRE_H
#define TESTS_DIFF_WIRE_H

#include <stdint.h>

#define WIRE_FD	   10 /* of the first process; process i: WIRE_FD + i */
#define WIRE_FILES 30 /* the files: one descriptor each */
#define WIRE_BUF   2048

enum wire_kind {
	WIRE_HELLO,   /* where things are: see struct reply */
	WIRE_SYSCALL, /* nr, arg; @buf is copied in and out */
	WIRE_ACCESS,  /* arg: kind, va, bytes, value, pages, step */
	WIRE_FORK,    /* arg: descriptor of the child's socket */
	WIRE_WAIT,    /* arg: pid */
	WIRE_LIMIT,   /* arg: resource, soft limit */
	WIRE_EXIT,    /* no answer */
};

enum wire_access { WIRE_READ, WIRE_WRITE, WIRE_FETCH, WIRE_TOUCH, WIRE_TOUCHW };

struct request {
	uint32_t kind;
	uint64_t nr, arg[6];
	uint8_t buf[64];
};

struct reply {
	int64_t ret;	       /* of a system call; accesses: pages touched */
	uint64_t min, maj;     /* faults while it lasted */
	uint64_t value;	       /* that was read */
	uint64_t heap, buf_va; /* hello: the end of the heap; of its buffer */
	uint64_t addr, error, trap; /* of the signal */
	int32_t signo, si_code;
	uint8_t buf[WIRE_BUF];
};

#endif
